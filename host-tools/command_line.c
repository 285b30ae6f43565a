/* SPDX-License-Identifier: ISC */
#include "command_line.h"
#include "exit_codes.h"
#include "values.h"
#include <getopt.h>
#include <string.h>

int command_usage_error(const char *name, FILE *err, const char *what, const char *value)
{
    fprintf(err, "atoll: %s: %s%s%s; see `atoll %s --help`\n", name, what, value ? " " : "",
            value ? value : "", name);
    return ATOLL_USAGE;
}

int command_bad_option(const char *name, int ch, char *const argv[], FILE *err)
{
    char option[3] = {'-', (char)optopt, '\0'};

    /* An unknown long option leaves optopt 0 and stands before the next argument, as does one
       without a letter, of which optopt is the number. */
    if (ch == ':')
        return command_usage_error(name, err, "a value is missing after", argv[optind - 1]);
    return command_usage_error(name, err, "there is no option",
                               optopt > 0 && optopt < 128 ? option : argv[optind - 1]);
}

static int take(const struct command_usage *usage, struct command_line *line, int ch,
                const char *arg, FILE *err)
{
    switch (ch) {
    case 'f':
        *(strchr(usage->options, 'F') ? &line->follow : &line->force) = true;
        return 0;
    case 'j':
        line->json = true;
        return 0;
    case 'N':
        line->names = true;
        return 0;
    case 't':
        if (!value_number(arg, 1, 3600, &line->timeout_s))
            return command_usage_error(usage->name, err, "--timeout takes 1 to 3600 (seconds), not",
                                       arg);
        return 0;
    case 'v':
        line->verbose++;
        return 0;
    default:
        line->help = true;
        return 0;
    }
}

int command_parse(const struct command_usage *usage, int argc, char *const argv[],
                  struct command_line *line, FILE *err)
{
    static const struct option all[] = {
        {"force", no_argument, NULL, 'f'},         {"follow", no_argument, NULL, 'F'},
        {"json", no_argument, NULL, 'j'},          {"names", no_argument, NULL, 'N'},
        {"timeout", required_argument, NULL, 't'}, {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
    };
    struct option known[sizeof(all) / sizeof(all[0]) + 1] = {{0}};
    char letters[2 * sizeof(all) / sizeof(all[0]) + 2] = ":";
    size_t count = 0, used = 1;
    int ch, rc;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        const char letter = (char)all[i].val;

        if (letter != 'v' && letter != 'h' && !strchr(usage->options, letter))
            continue;
        known[count] = all[i];
        known[count].val = letters[used++] = letter == 'F' ? 'f' : letter;
        count++;
        if (all[i].has_arg)
            letters[used++] = ':';
    }
    memset(line, 0, sizeof(*line));
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, letters, known, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option(usage->name, ch, argv, err);
        rc = take(usage, line, ch, optarg, err);
        if (rc)
            return rc;
    }
    line->count = argc - optind;
    line->services = argv + optind;
    if (line->help) {
        fputs(usage->help, stdout);
        return 0;
    }
    if (line->count < usage->services_min)
        return command_usage_error(usage->name, err, "which service?", NULL);
    if (line->count > usage->services_max)
        return command_usage_error(usage->name, err,
                                   usage->services_max ? "one service at a time, not also"
                                                       : "it takes no service, not",
                                   argv[optind + usage->services_max]);
    return 0;
}
