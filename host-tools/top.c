/* SPDX-License-Identifier: ISC */
#include "top.h"
#include "command_line.h"
#include "flow_print.h"
#include "output.h"
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAIN_WIDTH 100 /* of --once, where there is no terminal */

struct options {
    bool once, json, help;
    unsigned verbose;
    enum top_view_kind view;
    const char *service, *file;
    double speed;
};

static const char help[] =
    "Usage: atoll top [OPTION...]\n"
    "Show what moves on the network as it moves: ports with their rates, who talks, over what, to\n"
    "which names, and alerts. Keys: 1 to 5 views, s sort, / filter, p pause, ? help, q quit.\n\n"
    "Options:\n"
    "      --view NAME      begin with ports, talkers, protocols, names or alerts\n"
    "      --once           print the view once, without a screen\n"
    "  -j, --json           print all of it once, for scripts\n"
    "  -r, --read FILE      play a capture, pcap or pcapng, instead of asking the monitor\n"
    "      --speed N        so many times as fast as it was, such as 10 or 0.5; 0: at once\n"
    "  -s, --service NAME   of another monitor than " MONITOR_SERVICE "\n"
    "  -v, --verbose        Xen's libraries speak, too\n"
    "  -h, --help           show this\n"
    "\nMore: atoll-top(1).\n";

enum { VIEW = 256, ONCE, SPEED };

static int take_speed(struct options *o, const char *arg)
{
    char *end;

    o->speed = strtod(arg, &end);
    if ((*arg >= '0' && *arg <= '9') && !*end && o->speed <= 1e6 &&
        (o->speed >= 0.001 || o->speed == 0))
        return 0;
    return command_usage_error("top", stderr, "--speed takes 0, or 0.001 to 1000000, not", arg);
}

static int take(struct options *o, int ch, const char *arg)
{
    switch (ch) {
    case VIEW:
        return top_view_parse(arg, &o->view)
                   ? 0
                   : command_usage_error("top", stderr,
                                         "--view takes ports, talkers, protocols, names or "
                                         "alerts, not",
                                         arg);
    case ONCE:
        o->once = true;
        return 0;
    case 'j':
        o->json = o->once = true;
        return 0;
    case 'r':
        o->file = arg;
        return 0;
    case SPEED:
        return take_speed(o, arg);
    case 's':
        o->service = arg;
        return 0;
    case 'v':
        o->verbose++;
        return 0;
    default:
        o->help = true;
        return 0;
    }
}

static int parse(int argc, char *const argv[], struct options *o)
{
    static const struct option all[] = {
        {"view", required_argument, NULL, VIEW},
        {"once", no_argument, NULL, ONCE},
        {"json", no_argument, NULL, 'j'},
        {"read", required_argument, NULL, 'r'},
        {"speed", required_argument, NULL, SPEED},
        {"service", required_argument, NULL, 's'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int ch, rc;

    memset(o, 0, sizeof(*o));
    o->speed = -1;
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":jr:s:vh", all, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option("top", ch, argv, stderr);
        rc = take(o, ch, optarg);
        if (rc)
            return rc;
    }
    if (o->help)
        return 0;
    if (optind < argc)
        return command_usage_error("top", stderr, "there is no argument", argv[optind]);
    if (o->speed >= 0 && !o->file)
        return command_usage_error("top", stderr, "--speed is for --read", NULL);
    if (o->file && o->service)
        return command_usage_error("top", stderr, "--read asks no service", NULL);
    if (!o->once && !isatty(STDOUT_FILENO))
        return command_usage_error("top", stderr,
                                   "standard output is no terminal: use --once or --json", NULL);
    /* Once: all of a capture. */
    if (o->speed < 0)
        o->speed = o->once ? 0 : 1;
    return 0;
}

static void print_once(const struct top_model *model, struct top_view *view)
{
    const size_t width = flow_print_width(stdout);
    const int rows = (int)top_list_rows(model, view);
    struct top_screen screen;

    setlocale(LC_CTYPE, "");
    view->ascii = strcmp(nl_langinfo(CODESET), "UTF-8") != 0;
    view->plain = true;
    /* One look at the flows says what they had, not how fast they are. */
    if (view->kind != TOP_VIEW_PORTS)
        view->sort[view->kind] = 1;
    if (!top_screen_init(&screen, (rows ? rows : 1) + 5, width ? (int)width : PLAIN_WIDTH))
        return;
    top_draw(&screen, model, view);
    screen.rows--; /* the keys */
    top_screen_print(&screen, stdout);
    top_screen_free(&screen);
}

static int run(const struct options *o, struct report *r, struct top_source *source,
               struct top_model *model)
{
    struct top_view view = {.kind = o->view};
    int rc;

    if (!o->once)
        return top_show(r, source, model, &view);
    rc = source->poll(source, model, true);
    if (rc)
        return rc;
    if (o->json)
        output_json(stdout, top_json(model), false);
    else
        print_once(model, &view);
    return monitor_check_output(r, rc);
}

static int of_file(const struct options *o, struct top_model *model)
{
    struct top_source *source = NULL;
    struct report report;
    int rc;

    report_init(&report, "top", stderr, o->verbose);
    snprintf(model->source, sizeof(model->source), "%s",
             strrchr(o->file, '/') ? strrchr(o->file, '/') + 1 : o->file);
    rc = top_replay_open(&report, o->file, o->speed, &source);
    if (!rc)
        rc = run(o, &report, source, model);
    if (source)
        source->close(source);
    return rc;
}

static int of_service(const struct options *o, struct top_model *model)
{
    struct top_source *source = NULL;
    struct monitor_call call;
    int rc = monitor_open(&call, "top", o->service, o->verbose);

    snprintf(model->source, sizeof(model->source), "%s", o->service ? o->service : MONITOR_SERVICE);
    if (!rc)
        rc = top_live_open(&call, !o->once, &source);
    if (!rc)
        rc = run(o, &call.session.report, source, model);
    if (source)
        source->close(source);
    monitor_close(&call);
    return rc;
}

int top_main(int argc, char *const argv[])
{
    struct top_model model;
    struct options options;
    int rc = parse(argc, argv, &options);

    if (rc)
        return rc;
    if (options.help) {
        fputs(help, stdout);
        return ATOLL_OK;
    }
    if (!top_model_init(&model)) {
        top_model_free(&model);
        fputs("atoll: top: out of memory\n", stderr);
        return ATOLL_FAILURE;
    }
    signal(SIGPIPE, SIG_IGN);
    rc = options.file ? of_file(&options, &model) : of_service(&options, &model);
    top_model_free(&model);
    return rc;
}
