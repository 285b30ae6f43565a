/* SPDX-License-Identifier: ISC */
/** @file host-tools/main.c The command `atoll`: finds the subcommand and runs it. */
#include "command.h"
#include "exit_codes.h"
#include "start.h"
#include <stdio.h>
#include <string.h>

static const struct command commands[] = {
    {"start", "start a service", start_main},
};

static void help(void)
{
    printf("Usage: atoll COMMAND [ARGUMENT...]\n"
           "Run the services of this Xen host, each in a domain of its own.\n\nCommands:\n");
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        printf("  %-12s %s\n", commands[i].name, commands[i].summary);
    printf("\n  atoll COMMAND --help   what a command takes\n"
           "  atoll --version        the version\n"
           "\nThe manual: atoll(1).\n");
}

int main(int argc, char *argv[])
{
    const char *name = argc > 1 ? argv[1] : NULL;

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
            return commands[i].run(argc - 1, argv + 1);
    }
    fprintf(stderr, "atoll: there is no command %s; see `atoll --help`\n", name);
    return ATOLL_USAGE;
}
