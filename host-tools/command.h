/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/command.h
 * The subcommands of `atoll`. A new one is a file with a function of this form and a line in the
 * table in main.c.
 */
#ifndef ATOLL_COMMAND_H
#define ATOLL_COMMAND_H

/** A subcommand: argv[0] is its name, the result an exit code of exit_codes.h. */
struct command {
    const char *name;
    const char *summary; /**< one line for `atoll --help` */
    int (*run)(int argc, char *const argv[]);
};

#endif
