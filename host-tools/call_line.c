/* SPDX-License-Identifier: ISC */
/* The command lines of commands that ask a service, and of groups of such commands. */
#include "call.h"
#include "command_line.h"
#include "values.h"
#include <getopt.h>
#include <string.h>

/* What getopt_long() says of an own option, by its place. */
#define OWN 256

/* Common options without a letter. */
#define WITHOUT_LETTER "W"

static const struct option common[] = {
    {"domid", required_argument, NULL, 'd'},    {"follow", no_argument, NULL, 'f'},
    {"interval", required_argument, NULL, 'i'}, {"json", no_argument, NULL, 'j'},
    {"lines", required_argument, NULL, 'n'},    {"service", required_argument, NULL, 's'},
    {"write", required_argument, NULL, 'w'},    {"watch", no_argument, NULL, 'W'},
    {"verbose", no_argument, NULL, 'v'},        {"help", no_argument, NULL, 'h'},
};

#define COMMON (sizeof(common) / sizeof(common[0]))

/* As getopt_long() wants them; each letter may have a colon behind it. */
struct known {
    struct option options[COMMON + CALL_OWN_MAX + 1];
    char letters[2 * (COMMON + CALL_OWN_MAX) + 2];
    size_t options_used, letters_used;
};

int call_usage(const struct call *call, const char *what, const char *value)
{
    return command_usage_error(call->command->name, stderr, what, value);
}

/* --- one command --------------------------------------------------------------------------------
 */

static int take_number(const struct call *call, const char *arg, uint32_t min, uint32_t max,
                       uint32_t *value, const char *what)
{
    return value_number(arg, min, max, value) ? 0 : call_usage(call, what, arg);
}

static int take_domid(struct call *call, const char *arg)
{
    const unsigned most = call->command->domids_max ? call->command->domids_max : 1;

    if (call->domid_count == most)
        return call_usage(call, "no more domains at a time, not also", arg);
    return take_number(call, arg, 0, VALUE_DOMID_LIMIT - 1, &call->domids[call->domid_count++],
                       "--domid takes 0 to 32751, not");
}

static int take_option(struct call *call, int ch, const char *arg)
{
    switch (ch) {
    case 'd':
        return take_domid(call, arg);
    case 'f':
        call->follow = true;
        return 0;
    case 'i':
        return take_number(call, arg, 1, 3600, &call->interval_s,
                           "--interval takes 1 to 3600 (seconds), not");
    case 'j':
        call->json = true;
        return 0;
    case 'n':
        return take_number(call, arg, 1, 1000000, &call->limit, "--lines takes 1 to 1000000, not");
    case 's':
        call->service = arg;
        return 0;
    case 'v':
        call->verbose++;
        return 0;
    case 'w':
        call->write = arg;
        return 0;
    case 'W':
        call->watch = true;
        return 0;
    case 'h':
        call->help = true;
        return 0;
    default:
        call->own[ch - OWN] = arg ? arg : call->command->own[ch - OWN].name;
        return 0;
    }
}

static void know(struct known *known, const struct option *option, char letter)
{
    known->options[known->options_used++] = *option;
    if (!letter)
        return;
    known->letters[known->letters_used++] = letter;
    if (option->has_arg)
        known->letters[known->letters_used++] = ':';
}

/* The command's own come first: a letter is theirs then. */
static void know_all(struct known *known, const struct call_command *command)
{
    const struct call_option *own = command->own;

    known->letters[known->letters_used++] = ':';
    for (int i = 0; own && own[i].name && i < (int)CALL_OWN_MAX; i++) {
        const struct option option = {own[i].name, own[i].argument, NULL, OWN + i};

        know(known, &option, own[i].letter);
    }
    for (size_t i = 0; i < COMMON; i++) {
        const int letter = common[i].val;

        if (strchr("vh", letter) || strchr(command->options, letter) ||
            (letter == 's' && command->service))
            know(known, &common[i], strchr(WITHOUT_LETTER, letter) ? 0 : (char)letter);
    }
}

/* getopt_long() tells letters and long options apart only by the letters. */
static int place_own(const struct call_command *command, int ch)
{
    for (int i = 0; command->own && command->own[i].name && i < (int)CALL_OWN_MAX; i++) {
        if (command->own[i].letter && ch == command->own[i].letter)
            return OWN + i;
    }
    return ch;
}

static int parse_options(struct call *call, int argc, char *argv[])
{
    struct known known = {0};
    int ch, rc;

    know_all(&known, call->command);
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, known.letters, known.options, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option(call->command->name, ch, argv, stderr);
        rc = take_option(call, place_own(call->command, ch), optarg);
        if (rc)
            return rc;
    }
    return 0;
}

/* "-3" is a version, which getopt would take for an option: only "--" stops it from that. */
static bool is_version(const char *arg)
{
    return arg[0] == '-' && arg[1] != '\0' && strspn(arg + 1, "0123456789") == strlen(arg + 1);
}

/* Our own list of the arguments, which getopt may put into another order; "-3" as "now-3". */
static int take_arguments(struct call *call, int argc, char *const argv[])
{
    unsigned used = 0;

    if (argc > CALL_ARGUMENTS_MAX)
        return call_usage(call, "too many arguments", NULL);
    for (int i = 0; i < argc; i++) {
        call->arguments[i] = argv[i];
        if (i == 0 || !call->command->versions || !is_version(argv[i]))
            continue;
        if (used == CALL_VERSIONS_MAX || strlen(argv[i]) > sizeof(call->versions[0]) - 4)
            return call_usage(call, "a version is a number, now, or -N, not", argv[i]);
        snprintf(call->versions[used], sizeof(call->versions[0]), "now%s", argv[i]);
        call->arguments[i] = call->versions[used++];
    }
    return 0;
}

int call_parse(const struct call_command *command, int argc, char *const argv[], struct call *call)
{
    int rc;

    memset(call, 0, sizeof(*call));
    call->command = command;
    rc = take_arguments(call, argc, argv);
    if (!rc)
        rc = parse_options(call, argc, call->arguments);
    if (rc)
        return rc;
    call->argc = argc - optind;
    call->argv = call->arguments + optind;
    if (call->help) {
        fputs(command->help, stdout);
        return 0;
    }
    if (call->argc < command->args_min)
        return call_usage(call, "an argument is missing", NULL);
    if (call->argc > command->args_max)
        return call_usage(call, "there is no argument", call->argv[command->args_max]);
    return command->check ? command->check(call) : 0;
}

int call_main(const struct call_command *command, int argc, char *const argv[])
{
    struct call call;
    int rc = call_parse(command, argc, argv, &call);

    return rc || call.help ? rc : call_run(&call);
}

/* --- groups -------------------------------------------------------------------------------------
 */

static bool is_help(const char *arg)
{
    return strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0;
}

/* "quota get" of "store quota get". */
static const char *words_of(const struct call_group *group, unsigned index)
{
    return group->commands[index].command->name + strlen(group->name) + 1;
}

static void group_help(const struct call_group *group)
{
    int width = 0;

    for (unsigned i = 0; i < group->count; i++) {
        const int length = (int)strlen(words_of(group, i));

        width = length > width ? length : width;
    }
    printf("Usage: atoll %s COMMAND [ARGUMENT...]\n%s\n\nCommands:\n", group->name, group->intro);
    for (unsigned i = 0; i < group->count; i++)
        printf("  %-*s %s\n", width + 1, words_of(group, i), group->commands[i].summary);
    printf("\n  atoll %s COMMAND --help   what a command takes\n%s", group->name, group->tail);
}

/* How many of the arguments are these words; 0: others. */
static int match(const char *words, int argc, char *const argv[])
{
    int count = 0;

    while (*words) {
        const size_t length = strcspn(words, " ");

        if (++count == argc || strlen(argv[count]) != length ||
            strncmp(argv[count], words, length) != 0)
            return 0;
        words += words[length] ? length + 1 : length;
    }
    return count;
}

/* "quota is followed by get or set", where argv[1] is the first word of such. */
static bool name_seconds(const struct call_group *group, const char *first, char *text, size_t size)
{
    const size_t length = strlen(first);
    size_t used = (size_t)snprintf(text, size, "%.20s is followed by", first);
    bool any = false;

    for (unsigned i = 0; i < group->count && used < size; i++) {
        const char *words = words_of(group, i);

        if (strncmp(words, first, length) != 0 || words[length] != ' ')
            continue;
        used += (size_t)snprintf(text + used, size - used, "%s %s", any ? " or" : "",
                                 words + length + 1);
        any = true;
    }
    return any;
}

int call_group_main(const struct call_group *group, int argc, char *const argv[])
{
    char seconds[80];
    bool first;

    if (argc < 2)
        return command_usage_error(group->name, stderr, "a subcommand is missing", NULL);
    first = name_seconds(group, argv[1], seconds, sizeof(seconds));
    if (is_help(argv[1]) || (first && argc == 3 && is_help(argv[2]))) {
        group_help(group);
        return ATOLL_OK;
    }
    for (unsigned i = 0; i < group->count; i++) {
        const int words = match(words_of(group, i), argc, argv);

        if (words)
            return call_main(group->commands[i].command, argc - words, argv + words);
    }
    return first ? command_usage_error(group->name, stderr, seconds, NULL)
                 : command_usage_error(group->name, stderr, "there is no subcommand", argv[1]);
}
