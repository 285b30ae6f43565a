/* SPDX-License-Identifier: ISC */
/** @file host-tools/main.c The command `atoll`: finds the subcommand and runs it. */
#include "alerts.h"
#include "capture.h"
#include "command.h"
#include "config.h"
#include "console.h"
#include "exit_codes.h"
#include "export.h"
#include "flows.h"
#include "logs.h"
#include "metrics.h"
#include "start.h"
#include "stats.h"
#include "status.h"
#include "stop.h"
#include "store.h"
#include "switch.h"
#include "top.h"
#include "traffic_command.h"
#include "upgrade.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command commands[] = {
    {"start", "start a service", start_main},
    {"stop", "stop a service", stop_main},
    {"restart", "stop a service and start it anew", restart_main},
    {"upgrade", "put another image in the place of one that runs", upgrade_main},
    {"status", "show how services are", status_main},
    {"list", "list the services", list_main},
    {"console", "show a service's console", console_main},
    {"logs", "show what a service has logged", logs_main},
    {"stats", "show what services count", stats_main},
    {"store", "ask and steer the XenStore of this host", store_main},
    {"switch", "ask and steer a network switch of this host", switch_main},
    {"flows", "show who talks to whom, on this host or in a capture", flows_main},
    {"top", "show what moves on the network, on a full screen", top_main},
    {"capture", "record frames, for tcpdump and Wireshark", capture_main},
    {"alerts", "show what the monitor has found worth attention", alerts_main},
    {"export", "send flows to a collector, as IPFIX or NetFlow", export_main},
    {"metrics", "what services count, for Prometheus", metrics_main},
    {"report", "a page to look at: who talked to whom, how much, when", traffic_main},
};

static void help(void)
{
    printf("Usage: atoll [--config FILE] COMMAND [ARGUMENT...]\n"
           "Run the services of this Xen host, each in a domain of its own.\n\nCommands:\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        printf("  %-12s %s\n", commands[i].name, commands[i].summary);
    printf("\n  atoll COMMAND --help   what a command takes\n"
           "  atoll --version        the version\n"
           "  --config FILE          another configuration than " CONFIG_PATH "\n"
           "\nThe manual: atoll(1), atoll.conf(5).\n");
}

/* "--config FILE" or "--config=FILE" before the command; how many arguments that is, or -1. */
static int take_config(int argc, char *const argv[])
{
    static const char option[] = "--config";
    const size_t len = strlen(option);
    const char *file;
    int count = 1;

    if (argc < 2 || strncmp(argv[1], option, len) != 0 || (argv[1][len] && argv[1][len] != '='))
        return 0;
    file = argv[1][len] ? argv[1] + len + 1 : argv[count = 2];
    if (argc <= count || !file[0]) {
        fprintf(stderr, "atoll: a file is missing after --config; see `atoll --help`\n");
        return -1;
    }
    return setenv(CONFIG_VARIABLE, file, 1) ? -1 : count;
}

int main(int argc, char *argv[])
{
    const int taken = take_config(argc, argv);
    const char *name;

    if (taken < 0)
        return ATOLL_USAGE;
    argc -= taken + 1;
    argv += taken + 1;
    name = argc > 0 ? argv[0] : NULL;
    if (!name) {
        fprintf(stderr, "atoll: a command is missing; see `atoll --help`\n");
        return ATOLL_USAGE;
    }
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) {
        help();
        return ATOLL_OK;
    }
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
        printf("atoll %s\n", ATOLL_VERSION);
        return ATOLL_OK;
    }
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (strcmp(commands[i].name, name) == 0)
            return commands[i].run(argc, argv);
    }
    fprintf(stderr, "atoll: there is no command %s; see `atoll --help`\n", name);
    return ATOLL_USAGE;
}
