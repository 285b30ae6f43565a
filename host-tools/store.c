/* SPDX-License-Identifier: ISC */
#include "store.h"
#include "command_line.h"
#include "store_call.h"
#include <string.h>

static const struct {
    const char *words[2]; /* the second is NULL where there is one */
    const struct store_command *command;
    const char *summary;
} subcommands[] = {
    {{"stats"}, &store_stats, "what each domain uses, asks, and was refused"},
    {{"trace"}, &store_trace, "show requests, watch events and commits as they happen"},
    {{"quota", "get"}, &store_quota_get, "show the quotas of all domains, or of one"},
    {{"quota", "set"}, &store_quota_set, "change a quota"},
    {{"log"}, &store_log, "the versions of the tree that are kept, newest first"},
    {{"diff"}, &store_diff, "what changed between two versions"},
    {{"show"}, &store_show, "the tree as it was in a version"},
    {{"rollback"}, &store_rollback, "bring a part of the tree back to a version"},
    {{"dump"}, &store_dump, "save XenStore's state in Xen's migration format"},
    {{"load"}, &store_load, "load such a state"},
};

#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static void help(void)
{
    printf("Usage: atoll store COMMAND [ARGUMENT...]\n"
           "Ask and steer the XenStore of this host.\n\nCommands:\n");
    for (size_t i = 0; i < SUBCOMMANDS; i++) {
        char name[24];

        snprintf(name, sizeof(name), "%s%s%s", subcommands[i].words[0],
                 subcommands[i].words[1] ? " " : "",
                 subcommands[i].words[1] ? subcommands[i].words[1] : "");
        printf("  %-12s %s\n", name, subcommands[i].summary);
    }
    printf("\n  atoll store COMMAND --help   what a command takes\n"
           "\nThe manual: atoll-store(1).\n");
}

/* How many arguments name the subcommand; 0: none does. */
static int find(int argc, char *const argv[], const struct store_command **command)
{
    for (size_t i = 0; i < SUBCOMMANDS; i++) {
        const char *const *words = subcommands[i].words;

        if (strcmp(argv[1], words[0]) != 0)
            continue;
        if (!words[1] || (argc > 2 && strcmp(argv[2], words[1]) == 0)) {
            *command = subcommands[i].command;
            return words[1] ? 2 : 1;
        }
    }
    return 0;
}

static bool is_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

int store_main(int argc, char *const argv[])
{
    const struct store_command *command;
    struct store_call call;
    char *args[64];
    int words, rc;

    if (argc < 2)
        return command_usage_error("store", stderr, "a subcommand is missing", NULL);
    if (is_help(argv[1]) || (strcmp(argv[1], "quota") == 0 && argc == 3 && is_help(argv[2]))) {
        help();
        return ATOLL_OK;
    }
    words = find(argc, argv, &command);
    if (!words && strcmp(argv[1], "quota") == 0)
        return command_usage_error("store", stderr, "quota is followed by get or set", NULL);
    if (!words)
        return command_usage_error("store", stderr, "there is no subcommand", argv[1]);
    if (argc - words >= (int)(sizeof(args) / sizeof(args[0])))
        return command_usage_error("store", stderr, "too many arguments", NULL);
    for (int i = words; i <= argc; i++)
        args[i - words] = argv[i];
    rc = store_parse(command, argc - words, args, &call);
    return rc || call.help ? rc : store_run(&call);
}
