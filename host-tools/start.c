/* SPDX-License-Identifier: ISC */
#include "start.h"
#include "command_line.h"
#include "domain_builder.h"
#include "record.h"
#include "start_service.h"
#include "start_xenstored.h"
#include "take_over.h"
#include "values.h"
#include <getopt.h>
#include <string.h>

/* Of a domain's name. */
#define NAME_SIZE 65

static int help(struct report *r)
{
    struct config config;
    int rc = config_read(r, NULL, &config);

    printf("Usage: atoll start SERVICE [OPTION...]\n"
           "Start a service in a domain of its own, and wait until it answers.\n\n"
           "Services, as atoll.conf(5) and the options have them:\n");
    for (unsigned i = 0; i < config.count; i++) {
        const struct service_settings *s = &config.services[i];

        printf("  %-12s %s (%u MiB, %s)\n", s->name, s->summary ? s->summary : "", s->memory_mb,
               s->kernel ? s->kernel : "no image");
    }
    printf(
        "\nOptions:\n"
        "  -k, --kernel IMAGE   the service's image\n"
        "  -m, --memory MB      memory of the domain in MiB\n"
        "  -n, --name NAME      name of the domain, as xl shows it (default: the service's)\n"
        "  -d, --domid N        domain id to take (default: any free one)\n"
        "  -f, --flask LABEL    FLASK security label of the domain\n"
        "  -p, --param \"...\"    add to the service's command line; may be repeated\n"
        "  -t, --timeout SEC    how long to wait for the first answer (default: 10)\n"
        "      --take-over FILE xenstored: take the place of the XenStore domain on record, with\n"
        "                       the state in FILE (`atoll store dump`)\n"
        "  -v, --verbose        name each step with its time; -vv: Xen's libraries speak too\n"
        "  -h, --help           show this\n"
        "\nExit codes and files: atoll(1).\n");
    config_free(&config);
    return rc;
}

static int usage(FILE *err, const char *what, const char *value)
{
    return command_usage_error("start", err, what, value);
}

/* Add @text to the words in @line; false where it does not fit. */
static bool add_words(char *line, size_t size, const char *text)
{
    const size_t used = strlen(line), len = strlen(text);

    if (used + (used > 0) + len + 1 > size)
        return false;
    snprintf(line + used, size - used, "%s%s", used ? " " : "", text);
    return true;
}

static int parse_option(struct start_options *opt, int ch, const char *arg, FILE *err)
{
    uint32_t number = 0;

    switch (ch) {
    case 'k':
        if (!value_printable(arg) || strlen(arg) >= sizeof(((struct record *)NULL)->kernel))
            return usage(err, "--kernel takes a path of up to 255 printable characters, not", arg);
        opt->kernel = arg;
        return 0;
    case 'm':
        if (!value_number(arg, 1, DOMAIN_MEMORY_MAX_MB, &opt->memory_mb))
            return usage(err, "--memory takes 1 to 2048 (MiB), not", arg);
        return 0;
    case 'n':
        if (!value_name(arg, NAME_SIZE))
            return usage(err, "--name takes 1 to 64 letters, digits and -_.+, not", arg);
        opt->name = arg;
        return 0;
    case 'd':
        if (!value_number(arg, 1, VALUE_DOMID_LIMIT - 1, &opt->domid))
            return usage(err, "--domid takes 1 to 32751, not", arg);
        return 0;
    case 'f':
        opt->flask = arg;
        return 0;
    case 'p':
        if (!value_printable(arg) || !add_words(opt->param, sizeof(opt->param), arg))
            return usage(err, "--param takes printable ASCII, 470 characters in all, not", arg);
        return 0;
    case 't':
        if (!value_number(arg, 1, 3600, &number))
            return usage(err, "--timeout takes 1 to 3600 (seconds), not", arg);
        opt->timeout_s = number;
        return 0;
    case 'T':
        opt->state = arg;
        return 0;
    case 'v':
        opt->verbose++;
        return 0;
    default:
        opt->help = 1;
        return 0;
    }
}

int start_parse(int argc, char *const argv[], struct start_options *opt, FILE *err)
{
    static const struct option longopts[] = {
        {"kernel", required_argument, NULL, 'k'},
        {"memory", required_argument, NULL, 'm'},
        {"name", required_argument, NULL, 'n'},
        {"domid", required_argument, NULL, 'd'},
        {"flask", required_argument, NULL, 'f'},
        {"param", required_argument, NULL, 'p'},
        {"timeout", required_argument, NULL, 't'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {"take-over", required_argument, NULL, 'T'},
        {NULL, 0, NULL, 0},
    };
    int ch, rc;

    memset(opt, 0, sizeof(*opt));
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":k:m:n:d:f:p:t:vh", longopts, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option("start", ch, argv, err);
        rc = parse_option(opt, ch, optarg, err);
        if (rc)
            return rc;
    }
    if (opt->help)
        return 0;
    if (optind == argc)
        return usage(err, "which service?", NULL);
    if (optind + 1 < argc)
        return usage(err, "one service at a time, not also", argv[optind + 1]);
    opt->service = argv[optind];
    return 0;
}

/* Is there a word "watchdog=" in @words? */
static bool says_watchdog(const char *words)
{
    static const char word[] = "watchdog=";

    for (const char *at = words; at && (at = strstr(at, word)); at += strlen(word)) {
        if (at == words || at[-1] == ' ')
            return true;
    }
    return false;
}

int start_settle(struct report *r, struct start_options *opt,
                 const struct service_settings *settings)
{
    opt->service = settings->name;
    opt->name = opt->name ? opt->name : settings->name;
    opt->kernel = opt->kernel ? opt->kernel : settings->kernel;
    opt->flask = opt->flask ? opt->flask : settings->flask;
    opt->cpus = settings->has_cpus ? settings->cpus : NULL;
    opt->weight = settings->weight;
    opt->memory_mb = opt->memory_mb ? opt->memory_mb : settings->memory_mb;
    opt->domid = opt->domid ? opt->domid : settings->domid;
    opt->timeout_s = opt->timeout_s ? opt->timeout_s : settings->timeout_s;
    opt->journal_kib = settings->journal_kib;
    opt->store_domain = settings->store_domain;
    opt->cmdline[0] = '\0';
    /* First, so that no length of what follows drops it; what the user says himself counts more. */
    if (!says_watchdog(settings->cmdline) && !says_watchdog(opt->param) && settings->watchdog_s)
        snprintf(opt->cmdline, sizeof(opt->cmdline), "watchdog=%u", settings->watchdog_s);
    if ((settings->cmdline && !add_words(opt->cmdline, sizeof(opt->cmdline), settings->cmdline)) ||
        (opt->param[0] && !add_words(opt->cmdline, sizeof(opt->cmdline), opt->param)))
        return report_fail(r, ATOLL_USAGE,
                           "`cmdline` of its configuration and --param have more than %zu "
                           "characters in all; shorten one",
                           sizeof(opt->cmdline) - 1);
    if (start_memory_mb(opt) > DOMAIN_MEMORY_MAX_MB)
        return report_fail(r, ATOLL_USAGE,
                           "`memory` and its journal, which counts twice, are %u MiB in all; at "
                           "most %u will do",
                           start_memory_mb(opt), DOMAIN_MEMORY_MAX_MB);
    return 0;
}

uint32_t start_memory_mb(const struct start_options *opt)
{
    return opt->memory_mb + (2 * opt->journal_kib + 1023) / 1024;
}

int start_run(struct report *r, const struct start_options *opt)
{
    if (opt->state)
        return opt->store_domain
                   ? take_over(r, opt, NULL, NULL)
                   : report_fail(r, ATOLL_USAGE, "--take-over is for xenstored alone");
    return opt->store_domain ? start_xenstored(r, opt) : start_service(r, opt);
}

int start_main(int argc, char *const argv[])
{
    const struct service_settings *settings;
    struct start_options opt;
    struct config config;
    struct report report;
    char asked[64];
    int rc = start_parse(argc, argv, &opt, stderr);

    if (rc)
        return rc;
    snprintf(asked, sizeof(asked), "start %.40s", opt.help ? "--help" : opt.service);
    report_init(&report, asked, stderr, opt.verbose);
    if (opt.help)
        return help(&report);
    rc = config_read(&report, NULL, &config);
    if (!rc)
        rc = config_require(&report, &config, opt.service, &settings);
    if (!rc)
        rc = start_settle(&report, &opt, settings);
    if (!rc)
        rc = start_run(&report, &opt);
    config_free(&config);
    return rc;
}
