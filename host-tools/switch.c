/* SPDX-License-Identifier: ISC */
#include "switch.h"
#include "command_line.h"
#include "switch_call.h"
#include <string.h>

static const struct {
    const char *name;
    const struct switch_command *command;
    const char *summary;
} subcommands[] = {
    {"show", &switch_show, "the switch as a whole, and its bridges"},
    {"ports", &switch_ports, "its ports, and what is in force for each"},
    {"fdb", &switch_fdb, "the addresses that it knows, and behind which port"},
    {"flush", &switch_flush, "forget learned addresses"},
    {"apply", &switch_apply, "put a file of rules in force"},
    {"rules", &switch_rules, "the rules that are in force"},
    {"mirror", &switch_mirror, "the mirrors, or the frames of one for tcpdump and Wireshark"},
    {"stats", &switch_stats, "frames, bytes and drops of each port"},
    {"events", &switch_events, "ports, addresses and dropped frames, as it happens"},
    {"identify", &switch_identify, "tell the switch whose ports are whose (dom0's agent)"},
    {"uplink", &switch_uplink, "the way out that atoll.conf wants for it"},
};

#define SUBCOMMANDS (sizeof(subcommands) / sizeof(subcommands[0]))

static void help(void)
{
    printf("Usage: atoll switch COMMAND [ARGUMENT...]\n"
           "Ask and steer a network switch of this host.\n\nCommands:\n");
    for (size_t i = 0; i < SUBCOMMANDS; i++)
        printf("  %-10s %s\n", subcommands[i].name, subcommands[i].summary);
    printf("\n  atoll switch COMMAND --help   what a command takes\n"
           "  --service NAME                another switch than " SWITCH_SERVICE "\n"
           "\nThe manual: atoll-switch(1), atoll-switch-rules(5).\n");
}

int switch_main(int argc, char *const argv[])
{
    struct switch_call call;
    char *args[64];
    int rc;

    if (argc < 2)
        return command_usage_error("switch", stderr, "a subcommand is missing", NULL);
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        help();
        return ATOLL_OK;
    }
    if (argc - 1 >= (int)(sizeof(args) / sizeof(args[0])))
        return command_usage_error("switch", stderr, "too many arguments", NULL);
    for (int i = 1; i <= argc; i++)
        args[i - 1] = argv[i];
    for (size_t i = 0; i < SUBCOMMANDS; i++) {
        if (strcmp(argv[1], subcommands[i].name) != 0)
            continue;
        rc = switch_parse(subcommands[i].command, argc - 1, args, &call);
        return rc || call.help ? rc : switch_run(&call);
    }
    return command_usage_error("switch", stderr, "there is no subcommand", argv[1]);
}
