/* SPDX-License-Identifier: ISC */
/* `atoll store log|diff|show|rollback`: the versions of XenStore's tree. */
#include "store_commands.h"
#include "store_nodes.h"
#include "values.h"
#include <string.h>

#define HELP_TAIL                                                                                  \
    "  -j, --json      for scripts\n"                                                              \
    "  -v, --verbose   Xen's libraries speak, too\n"                                               \
    "  -h, --help      show this\n"                                                                \
    "\nMore: atoll-store(1).\n"

#define HELP_VERSIONS                                                                              \
    "A version is a number of `atoll store log`, `now`, or -N: N versions before now.\n\n"

/* A version as it was asked for. */
struct wanted {
    bool relative;
    uint32_t number; /* of the version; relative: so many before the newest */
};

/* "123", "now", "now-3" (or "-3", which the command line makes that). */
static bool parse_version(const char *text, struct wanted *wanted)
{
    wanted->relative = strncmp(text, "now", 3) == 0;
    wanted->number = 0;
    if (!wanted->relative)
        return value_number(text, 1, UINT32_MAX, &wanted->number);
    return text[3] == '\0' ||
           (text[3] == '-' && value_number(text + 4, 0, UINT32_MAX, &wanted->number));
}

static int bad_version(const struct call *call, const char *text)
{
    return call_usage(call, "a version is a number, now, or -N, not", text);
}

static int bad_path(const struct call *call, const char *text)
{
    return call_usage(call, "a path begins with a slash, not like", text);
}

static bool is_path(const char *text)
{
    return text[0] == '/';
}

/* The number of the newest version. 0, or an exit code reported. */
static int find_newest(struct call *call, uint64_t *newest)
{
    struct control_answer answer;
    int rc;

    *newest = 0;
    control_put_number(control_client_begin(call->client, CONTROL_T_STORE_LOG), CONTROL_F_LIMIT, 1);
    rc = control_client_send(call->client);
    while (!rc) {
        rc = control_client_next(call->client, CONTROL_TIMEOUT_MS, &answer);
        if (rc || answer.kind != CONTROL_ITEM)
            break;
        if (!*newest)
            *newest = control_number(&answer.fields, CONTROL_F_VERSION, 0);
    }
    if (!rc && !*newest)
        return report_fail(&call->session.report, ATOLL_REFUSED,
                           "the service keeps no versions; its command line may say so");
    return rc;
}

/* The number of the version that argument @at names. 0, or an exit code reported. */
static int resolve(struct call *call, int at, uint64_t *version)
{
    struct wanted wanted;
    uint64_t newest;
    int rc;

    if (!parse_version(call->argv[at], &wanted))
        return bad_version(call, call->argv[at]);
    *version = wanted.number;
    if (!wanted.relative)
        return 0;
    rc = find_newest(call, &newest);
    if (rc)
        return rc;
    if (wanted.number >= newest)
        return report_fail(&call->session.report, ATOLL_REFUSED,
                           "there is no version %u before %llu, the newest; see `atoll store log`",
                           wanted.number, (unsigned long long)newest);
    *version = newest - wanted.number;
    return 0;
}

/* --- log ----------------------------------------------------------------------------------------
 */

static int check_log(struct call *call)
{
    return call->argc && !is_path(call->argv[0]) ? bad_path(call, call->argv[0]) : 0;
}

static int log_row(struct call *call, const struct control_reader *fields)
{
    struct control_field text;
    char time[40];

    call_cell(call, TINT_NONE, fields, CONTROL_F_VERSION);
    table_cell(call->table, TINT_NONE, "%s",
               output_time(control_number(fields, CONTROL_F_TIME, 0), time, sizeof(time)));
    call_cell(call, TINT_NONE, fields, CONTROL_F_DOMID);
    call_cell(call, TINT_NONE, fields,
              control_find(fields, CONTROL_F_TEXT, &text) ? CONTROL_F_TEXT : CONTROL_F_KIND);
    call_cell(call, TINT_NONE, fields, CONTROL_F_PATH);
    return 0;
}

static int run_log(struct call *call)
{
    static const char *const columns[] = {">Version", "Time",         ">Domain",
                                          "What",     "First change", NULL};
    struct control_writer *request = control_client_begin(call->client, CONTROL_T_STORE_LOG);

    call_table_begin(call, columns);
    if (call->limit)
        control_put_number(request, CONTROL_F_LIMIT, call->limit);
    if (call->argc)
        control_put_string(request, CONTROL_F_PATH, call->argv[0]);
    return call_table_end(call, call_stream(call, 0, call->json ? NULL : log_row),
                          "No version is kept that changed anything there.");
}

const struct call_command store_log = {
    .name = "store log",
    .options = "jn",
    .args_max = 1,
    .help = "Usage: atoll store log [OPTION...] [PATH]\n"
            "Show the versions of the tree that are kept, newest first; with PATH those that\n"
            "changed something at it or below it.\n\n"
            "Options:\n"
            "  -n, --lines N   the newest N only\n" HELP_TAIL,
    .check = check_log,
    .run = run_log,
};

/* --- diff ---------------------------------------------------------------------------------------
 */

static int check_diff(struct call *call)
{
    struct wanted wanted;

    for (int i = 0; i < 2; i++) {
        if (!parse_version(call->argv[i], &wanted))
            return bad_version(call, call->argv[i]);
    }
    return call->argc > 2 && !is_path(call->argv[2]) ? bad_path(call, call->argv[2]) : 0;
}

static void diff_line(const struct call *call, const char *indent, char mark,
                      const struct text *path, const struct side *side)
{
    output_tint(stdout, call->colour, mark == '-' ? TINT_BAD : TINT_GOOD);
    printf("%s%c", indent, mark);
    store_node_print(path, side);
    output_tint(stdout, call->colour, TINT_NONE);
    putchar('\n');
}

static int diff_node(struct call *call, const struct store_node *node)
{
    if (node->before.known && node->after.known) {
        output_tint(stdout, call->colour, TINT_WARN);
        printf("~ ");
        output_escape(stdout, node->path.data, node->path.length);
        output_tint(stdout, call->colour, TINT_NONE);
        putchar('\n');
        diff_line(call, "    ", '-', NULL, &node->before);
        diff_line(call, "    ", '+', NULL, &node->after);
    } else if (node->before.known) {
        diff_line(call, "", '-', &node->path, &node->before);
    } else {
        diff_line(call, "", '+', &node->path, &node->after);
    }
    return 0;
}

static int diff_begin(struct call *call, uint64_t *from, uint64_t *to)
{
    struct control_writer *request;
    int rc = resolve(call, 0, from);

    if (!rc)
        rc = resolve(call, 1, to);
    if (rc)
        return rc;
    request = control_client_begin(call->client, CONTROL_T_STORE_DIFF);
    control_put_number(request, CONTROL_F_FROM, *from);
    control_put_number(request, CONTROL_F_TO, *to);
    if (call->argc > 2)
        control_put_string(request, CONTROL_F_PATH, call->argv[2]);
    return 0;
}

static int run_diff(struct call *call)
{
    uint64_t from, to;
    int rc = diff_begin(call, &from, &to);

    if (rc)
        return rc;
    if (call->json)
        return store_nodes(call, NULL);
    printf("--- version %llu\n+++ version %llu\n", (unsigned long long)from,
           (unsigned long long)to);
    return store_nodes(call, diff_node);
}

const struct call_command store_diff = {
    .name = "store diff",
    .options = "j",
    .args_min = 2,
    .args_max = 3,
    .versions = true,
    .help =
        "Usage: atoll store diff [OPTION...] FROM TO [PATH]\n"
        "Show what changed from one version to another, at PATH and below it: + a node that is\n"
        "new, - one that is gone, ~ one that has another value or other "
        "permissions.\n" HELP_VERSIONS "Options:\n" HELP_TAIL,
    .check = check_diff,
    .run = run_diff,
};

/* --- show ---------------------------------------------------------------------------------------
 */

static int check_show(struct call *call)
{
    struct wanted wanted;

    if (!parse_version(call->argv[0], &wanted))
        return bad_version(call, call->argv[0]);
    return call->argc > 1 && !is_path(call->argv[1]) ? bad_path(call, call->argv[1]) : 0;
}

static int show_node(struct call *call, const struct store_node *node)
{
    (void)call;
    store_node_print(&node->path, &node->after);
    putchar('\n');
    return 0;
}

static int run_show(struct call *call)
{
    struct control_writer *request;
    uint64_t version;
    int rc = resolve(call, 0, &version);

    if (rc)
        return rc;
    request = control_client_begin(call->client, CONTROL_T_STORE_SHOW);
    control_put_number(request, CONTROL_F_VERSION, version);
    if (call->argc > 1)
        control_put_string(request, CONTROL_F_PATH, call->argv[1]);
    return store_nodes(call, call->json ? NULL : show_node);
}

const struct call_command store_show = {
    .name = "store show",
    .options = "j",
    .args_min = 1,
    .args_max = 2,
    .versions = true,
    .help = "Usage: atoll store show [OPTION...] VERSION [PATH]\n"
            "Show the tree as it was in a version, at PATH and below it, as `xenstore-ls -p -f`\n"
            "does for now.\n" HELP_VERSIONS "Options:\n" HELP_TAIL,
    .check = check_show,
    .run = run_show,
};

/* --- rollback -----------------------------------------------------------------------------------
 */

static int check_rollback(struct call *call)
{
    struct wanted wanted;

    if (!is_path(call->argv[0]))
        return bad_path(call, call->argv[0]);
    return parse_version(call->argv[1], &wanted) ? 0 : bad_version(call, call->argv[1]);
}

static int run_rollback(struct call *call)
{
    struct control_writer *request;
    struct control_answer answer;
    uint64_t version;
    int rc = resolve(call, 1, &version);

    if (rc)
        return rc;
    request = control_client_begin(call->client, CONTROL_T_STORE_ROLLBACK);
    control_put_number(request, CONTROL_F_VERSION, version);
    control_put_string(request, CONTROL_F_PATH, call->argv[0]);
    rc = control_client_call(call->client, CONTROL_T_STORE_ROLLBACK, &answer);
    if (rc)
        return rc;
    if (call_print_json(call, &answer.fields))
        return 0;
    printf("rolled back to version %llu: %llu nodes changed; that is version ",
           (unsigned long long)version,
           (unsigned long long)control_number(&answer.fields, CONTROL_F_COUNT, 0));
    call_print(&answer.fields, "", CONTROL_F_VERSION);
    putchar('\n');
    return 0;
}

const struct call_command store_rollback = {
    .name = "store rollback",
    .options = "j",
    .args_min = 2,
    .args_max = 2,
    .versions = true,
    .help = "Usage: atoll store rollback [OPTION...] PATH VERSION\n"
            "Bring the node at PATH and all below it back to what it was in a version. That makes\n"
            "a new version, and watches fire for each node that it changes.\n" HELP_VERSIONS
            "Options:\n" HELP_TAIL,
    .check = check_rollback,
    .run = run_rollback,
};
