/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/command_line.h
 * The command lines of the commands that take services and a few common options.
 */
#ifndef ATOLL_COMMAND_LINE_H
#define ATOLL_COMMAND_LINE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/** What a command takes. */
struct command_usage {
    const char *name;    /**< "stop" */
    const char *options; /**< of "fFjNt" (F: -f is --follow); -v and -h everybody takes */
    int services_min, services_max;
    const char *help; /**< the whole of --help */
};

struct command_line {
    bool force, follow, json, names;
    uint32_t timeout_s; /**< 0: not given */
    unsigned verbose;
    bool help;             /**< --help: it has been shown */
    int count;             /**< of @ref services */
    char *const *services; /**< in argv */
};

/**
 * Read argv[1] and so on; options may stand before or behind the services. 0, or ATOLL_USAGE with
 * one line on @err.
 */
int command_parse(const struct command_usage *usage, int argc, char *const argv[],
                  struct command_line *line, FILE *err);

/** The error of a bad option, which getopt_long() has answered with @ch ('?' or ':'). */
int command_bad_option(const char *name, int ch, char *const argv[], FILE *err);

/** "atoll: NAME: WHAT VALUE; see `atoll NAME --help`" (no @value: NULL); ATOLL_USAGE. */
int command_usage_error(const char *name, FILE *err, const char *what, const char *value);

#endif
