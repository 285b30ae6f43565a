/* SPDX-License-Identifier: ISC */
/* What the keys of `atoll top` do. */
#include "top.h"
#include <string.h>

static void edit(struct top_view *view, int key)
{
    const size_t length = strlen(view->filter);

    if (key == TOP_ESCAPE)
        view->filter[0] = '\0';
    if (key == TOP_ESCAPE || key == TOP_ENTER)
        view->editing = false;
    else if (key == TOP_BACKSPACE && length)
        view->filter[length - 1] = '\0';
    else if (key >= ' ' && key <= '~' && length + 1 < sizeof(view->filter)) {
        view->filter[length] = (char)key;
        view->filter[length + 1] = '\0';
    }
    view->scroll = 0;
}

static void scroll(struct top_view *view, const struct top_model *model, int key, int page)
{
    const size_t rows = top_list_rows(model, view), step = page > 1 ? (size_t)page : 1;

    if (key == TOP_UP)
        view->scroll -= view->scroll ? 1 : 0;
    else if (key == TOP_DOWN)
        view->scroll++;
    else if (key == TOP_PAGE_UP)
        view->scroll -= view->scroll < step ? view->scroll : step;
    else if (key == TOP_PAGE_DOWN)
        view->scroll += step;
    else
        view->scroll = key == TOP_END ? rows : 0;
    view->scroll = view->scroll < rows ? view->scroll : rows;
}

static void choose(struct top_view *view, unsigned kind)
{
    view->kind = (enum top_view_kind)(kind % TOP_VIEWS);
    view->scroll = 0;
}

bool top_key(struct top_view *view, const struct top_model *model, int key, int page)
{
    const unsigned sorts = top_sorts(view->kind);
    unsigned *sort = &view->sort[view->kind];

    if (view->editing) {
        edit(view, key);
        return true;
    }
    if (view->help) {
        view->help = false;
        return key != 'q';
    }
    if (key >= TOP_UP && key <= TOP_END)
        scroll(view, model, key, page);
    else if (key >= '1' && key < '1' + TOP_VIEWS)
        choose(view, (unsigned)(key - '1'));
    else if (key == '\t')
        choose(view, (unsigned)view->kind + 1);
    else if (key == 's')
        *sort = (*sort + 1) % sorts;
    else if (key == 'S')
        *sort = (*sort + sorts - 1) % sorts;
    else if (key == '/')
        view->editing = true;
    else if (key == TOP_ESCAPE)
        view->filter[0] = '\0';
    else if (key == 'p' || key == ' ')
        view->paused = !view->paused;
    else if (key == '?' || key == 'h')
        view->help = true;
    return key != 'q' && key != 'Q';
}
