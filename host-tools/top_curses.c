/* SPDX-License-Identifier: ISC */
/* The screen of `atoll top`, by ncurses. */
#define NCURSES_WIDECHAR 1
#include "interrupt.h"
#include "top.h"
#include <curses.h>
#include <langinfo.h>
#include <locale.h>
#include <string.h>

#define INTERVAL_NS UINT64_C(1000000000)
#define KEY_WAIT_MS 100

static void begin(struct top_view *view)
{
    static const short colours[] = {[TOP_GREEN] = COLOR_GREEN,
                                    [TOP_YELLOW] = COLOR_YELLOW,
                                    [TOP_RED] = COLOR_RED,
                                    [TOP_CYAN] = COLOR_CYAN};

    view->ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
    cbreak();
    noecho();
    curs_set(0);
    keypad(stdscr, TRUE);
    set_escdelay(50);
    timeout(KEY_WAIT_MS);
    if (!has_colors())
        return;
    start_color();
    use_default_colors();
    for (short i = TOP_GREEN; i <= TOP_CYAN; i++)
        init_pair(i, colours[i], -1);
}

static attr_t attribute_of(uint8_t attribute)
{
    switch (attribute) {
    case TOP_BOLD:
        return A_BOLD;
    case TOP_REVERSE:
        return A_REVERSE;
    case TOP_DIM:
        return A_DIM;
    default:
        return A_NORMAL;
    }
}

static void copy(const struct top_screen *screen)
{
    for (int row = 0; row < screen->rows; row++) {
        for (int col = 0; col < screen->cols; col++) {
            const struct top_cell *cell = &screen->cells[row * screen->cols + col];
            const wchar_t text[2] = {cell->ch ? (wchar_t)cell->ch : L' ', L'\0'};
            const short pair = cell->attribute >= TOP_GREEN && has_colors() ? cell->attribute : 0;
            cchar_t ch;

            setcchar(&ch, text, attribute_of(cell->attribute), pair, NULL);
            mvadd_wch(row, col, &ch);
        }
    }
    refresh();
}

static bool draw(const struct top_model *model, struct top_view *view)
{
    struct top_screen screen;

    if (!top_screen_init(&screen, LINES, COLS))
        return false;
    top_draw(&screen, model, view);
    copy(&screen);
    top_screen_free(&screen);
    return true;
}

static int read_key(void)
{
    static const struct {
        int key, means;
    } special[] = {{KEY_UP, TOP_UP},
                   {KEY_DOWN, TOP_DOWN},
                   {KEY_PPAGE, TOP_PAGE_UP},
                   {KEY_NPAGE, TOP_PAGE_DOWN},
                   {KEY_HOME, TOP_HOME},
                   {KEY_END, TOP_END},
                   {KEY_ENTER, TOP_ENTER},
                   {'\n', TOP_ENTER},
                   {'\r', TOP_ENTER},
                   {27, TOP_ESCAPE},
                   {KEY_BACKSPACE, TOP_BACKSPACE},
                   {127, TOP_BACKSPACE},
                   {8, TOP_BACKSPACE}};
    const int key = getch();

    for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        if (special[i].key == key)
            return special[i].means;
    }
    return key;
}

/* The lists of flows are made of flows; the others need none. */
static bool needs_flows(const struct top_view *view)
{
    return view->kind != TOP_VIEW_PORTS && view->kind != TOP_VIEW_ALERTS;
}

static int loop(struct top_source *source, struct top_model *model, struct top_view *view)
{
    uint64_t next = 0;
    int rc = 0;

    while (!rc && !interrupt_pending()) {
        const uint64_t now = report_now_ns();
        int key;

        if (now >= next && !view->paused) {
            rc = source->poll(source, model, needs_flows(view));
            next = report_now_ns() + INTERVAL_NS;
            if (rc)
                break;
        }
        if (!draw(model, view))
            return ATOLL_FAILURE;
        key = read_key();
        if (key == ERR || key == KEY_RESIZE)
            continue;
        if (!top_key(view, model, key, LINES - 6))
            break;
        /* Another view may need what was not asked for. */
        if ((key >= '1' && key <= '9') || key == '\t')
            next = 0;
    }
    return rc == ATOLL_INTERRUPTED ? 0 : rc;
}

int top_show(struct report *r, struct top_source *source, struct top_model *model,
             struct top_view *view)
{
    struct report_kept kept;
    char line[400];
    SCREEN *terminal;
    FILE *err = r->out;
    int rc;

    setlocale(LC_CTYPE, "");
    interrupt_install();
    terminal = newterm(NULL, stdout, stdin);
    if (!terminal)
        return report_fail(r, ATOLL_FAILURE,
                           "the terminal is not known (is $TERM set?); `atoll top "
                           "--once` needs none");
    /* What goes wrong is told when the screen is as it was. */
    if (!report_keep(&kept, r)) {
        endwin();
        delscreen(terminal);
        return ATOLL_FAILURE;
    }
    r->out = kept.report.out;
    begin(view);
    rc = loop(source, model, view);
    endwin();
    delscreen(terminal);
    r->out = err;
    report_kept_end(&kept, line, sizeof(line));
    if (rc)
        fprintf(err, "atoll: %s: %s\n", r->asked, line);
    return rc;
}
