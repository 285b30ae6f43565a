/* SPDX-License-Identifier: ISC */
#include "crash.h"
#include "command_line.h"
#include "crash_store.h"
#include "output.h"
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "Usage: atoll crash list [SERVICE] [OPTION...]\n"
    "       atoll crash show [NAME] [OPTION...]\n"
    "Show the reports that `atoll watchd` has saved of services that died, oldest first; of one\n"
    "all that is known of it. NAME is a report's, or a service's: its last one. Without a NAME it\n"
    "is the last of all.\n\n"
    "Options:\n"
    "  -j, --json           an array of objects, or one, for scripts\n"
    "  -d, --directory DIR  where the reports are (default: " CRASH_DIR ")\n"
    "  -h, --help           show this\n"
    "\nExit status: 0, 1 where there is no such report. More: atoll-crash(1).\n";

struct crash {
    struct report report;
    const char *dir, *what;
    bool json, help;
};

static int parse(int argc, char *const argv[], struct crash *crash)
{
    static const struct option longopts[] = {
        {"json", no_argument, NULL, 'j'},
        {"directory", required_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int ch;

    memset(crash, 0, sizeof(*crash));
    crash->dir = CRASH_DIR;
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":jd:h", longopts, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option("crash", ch, argv, stderr);
        if (ch == 'j')
            crash->json = true;
        else if (ch == 'd')
            crash->dir = optarg;
        else
            crash->help = true;
    }
    if (optind + 1 < argc)
        return command_usage_error("crash", stderr, "there is no argument", argv[optind + 1]);
    crash->what = argv[optind];
    report_init(&crash->report, "crash", stderr, 0);
    return 0;
}

static int cannot_list(struct crash *crash, int error)
{
    return report_fail(&crash->report, error == -EACCES ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                       "%s cannot be read (%s); run it as root", crash->dir, strerror(-error));
}

/* Text of @json's member @key; "-" where it is none. */
static const char *text_of(const json_t *json, const char *key)
{
    const char *text = json_string_value(json_object_get(json, key));

    return text ? text : "-";
}

/* The function in which it was: the first that the backtrace names below the panic's own. */
static const char *place_of(const json_t *json)
{
    static const char *const own[] = {"hv_exit",     "platform_crash", "x86_trap",
                                      "trap_common", "hv_panic",       "__stack_chk_fail"};
    const json_t *trace = json_object_get(json, "backtrace"), *frame;
    size_t i;

    json_array_foreach(trace, i, frame)
    {
        const char *name = json_string_value(json_object_get(frame, "function"));
        bool of_panic = !name;

        for (size_t j = 0; !of_panic && j < sizeof(own) / sizeof(own[0]); j++)
            of_panic = strcmp(name, own[j]) == 0;
        if (!of_panic)
            return name;
    }
    return "-";
}

static void add_row(struct table *table, const char *name, const json_t *json)
{
    const json_int_t started = json_integer_value(json_object_get(json, "started"));
    const json_int_t died = json_integer_value(json_object_get(json, "died"));
    char lived[40] = "-";

    if (started > 0 && died > started)
        output_duration((uint64_t)(died - started), lived, sizeof(lived));
    table_cell(table, TINT_NONE, "%s", name);
    table_cell(table, TINT_BAD, "%s", text_of(json, "reason"));
    table_cell(table, TINT_NONE, "%s", lived);
    table_cell(table, TINT_NONE, "%s", place_of(json));
}

static int list(struct crash *crash)
{
    static const char *const columns[] = {"Report", "End", ">Lived", "In", NULL};
    struct table *table = crash->json ? NULL : table_create(columns);
    json_t *array = crash->json ? json_array() : NULL;
    char(*names)[CRASH_NAME_MAX], why[PATH_MAX + 128];
    size_t count;
    int rc = crash_store_list(crash->dir, crash->what, &names, &count);

    if (rc) {
        table_free(table);
        json_decref(array);
        return cannot_list(crash, rc);
    }
    for (size_t i = 0; i < count; i++) {
        json_t *json = crash_store_read(crash->dir, names[i], why, sizeof(why));

        if (!json) {
            rc = report_fail(&crash->report, ATOLL_FAILURE, "%s", why);
            continue;
        }
        if (crash->json) {
            json_object_set_new(json, "name", json_string(names[i]));
            json_array_append(array, json);
        } else {
            add_row(table, names[i], json);
        }
        json_decref(json);
    }
    if (crash->json)
        output_json(stdout, array, true);
    else
        table_print(table, stdout, "No service has died, as far as was seen.");
    free(names);
    return rc;
}

/* The report that is meant; false: none is. */
static bool choose(const struct crash *crash, char name[CRASH_NAME_MAX], int *rc)
{
    char(*names)[CRASH_NAME_MAX];
    size_t count, length;
    bool found = false;

    *rc = 0;
    if (crash->what && crash_store_name(crash->what, &length)) {
        strcpy(name, crash->what);
        return true;
    }
    *rc = crash_store_list(crash->dir, crash->what, &names, &count);
    if (!*rc && count) {
        strcpy(name, names[count - 1]);
        found = true;
    }
    free(names);
    return found;
}

static int show_text(struct crash *crash, const char *name)
{
    char path[PATH_MAX], block[4096];
    size_t length;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s/report.txt", crash->dir, name);
    f = fopen(path, "re");
    if (!f)
        return report_fail(&crash->report, errno == EACCES ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                           "%s cannot be read (%s); see `atoll crash list`", path, strerror(errno));
    printf("Report:   %s/%s\n", crash->dir, name);
    while ((length = fread(block, 1, sizeof(block), f)) > 0)
        fwrite(block, 1, length, stdout);
    fclose(f);
    return 0;
}

static int show(struct crash *crash)
{
    char name[CRASH_NAME_MAX], why[PATH_MAX + 128];
    json_t *json;
    int rc;

    if (!choose(crash, name, &rc)) {
        if (rc)
            return cannot_list(crash, rc);
        return report_fail(&crash->report, ATOLL_FAILURE,
                           "there is no report of %s in %s; see `atoll crash list`",
                           crash->what ? crash->what : "a death", crash->dir);
    }
    if (!crash->json)
        return show_text(crash, name);
    json = crash_store_read(crash->dir, name, why, sizeof(why));
    if (!json)
        return report_fail(&crash->report, ATOLL_FAILURE, "%s", why);
    json_object_set_new(json, "name", json_string(name));
    output_json(stdout, json, true);
    return 0;
}

int crash_main(int argc, char *const argv[])
{
    const char *subcommand = argc > 1 ? argv[1] : NULL;
    struct crash crash;
    int rc;

    if (!subcommand)
        return command_usage_error("crash", stderr, "list or show?", NULL);
    if (strcmp(subcommand, "--help") == 0 || strcmp(subcommand, "-h") == 0) {
        fputs(help, stdout);
        return ATOLL_OK;
    }
    if (strcmp(subcommand, "list") != 0 && strcmp(subcommand, "show") != 0)
        return command_usage_error("crash", stderr, "it is list or show, not", subcommand);
    rc = parse(argc - 1, argv + 1, &crash);
    if (rc)
        return rc;
    if (crash.help) {
        fputs(help, stdout);
        return ATOLL_OK;
    }
    return strcmp(subcommand, "list") == 0 ? list(&crash) : show(&crash);
}
