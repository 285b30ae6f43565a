/* SPDX-License-Identifier: ISC */
#include "start.h"
#include "domain_builder.h"
#include "start_xenstored.h"
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Domids from here on have a meaning of their own (DOMID_FIRST_RESERVED). */
#define DOMID_LIMIT 0x7ff0u

struct service {
    const char *name, *kernel, *domain_name, *summary;
    uint32_t memory_mb;
    int (*start)(struct report *r, const struct start_options *opt);
};

static const struct service services[] = {
    {"xenstored", ATOLL_SERVICE_DIR "/xenstored.elf", "Xenstore", "the XenStore of the host", 8,
     start_xenstored},
};

static const struct service *find_service(const char *name)
{
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
        if (strcmp(services[i].name, name) == 0)
            return &services[i];
    }
    return NULL;
}

static void help(void)
{
    printf("Usage: atoll start SERVICE [OPTION...]\n"
           "Start a service in a domain of its own.\n\nServices:\n");
    for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++)
        printf("  %-12s %s (%u MiB, %s)\n", services[i].name, services[i].summary,
               services[i].memory_mb, services[i].kernel);
    printf("\nOptions:\n"
           "  -k, --kernel IMAGE   the service's image\n"
           "  -m, --memory MB      memory of the domain in MiB\n"
           "  -n, --name NAME      name of the domain, as xl shows it\n"
           "  -d, --domid N        domain id to take (default: any free one)\n"
           "  -f, --flask LABEL    FLASK security label of the domain\n"
           "  -p, --param \"...\"    add to the service's command line; may be repeated\n"
           "  -t, --timeout SEC    how long to wait for the first answer (default: 10)\n"
           "  -v, --verbose        name each step with its time; -vv: Xen's libraries speak too\n"
           "  -h, --help           show this\n"
           "\nExit codes and files: atoll(1).\n");
}

static int usage(FILE *err, const char *what, const char *value)
{
    fprintf(err, "atoll: start: %s%s%s; see `atoll start --help`\n", what, value ? " " : "",
            value ? value : "");
    return ATOLL_USAGE;
}

static bool parse_number(const char *text, unsigned long min, unsigned long max, uint32_t *value)
{
    unsigned long n;
    char *end;

    if (text[0] < '0' || text[0] > '9') /* strtoul would take a sign and blanks */
        return false;
    errno = 0;
    n = strtoul(text, &end, 10);
    if (errno || *end != '\0' || n < min || n > max)
        return false;
    *value = (uint32_t)n;
    return true;
}

/* A name goes into XenStore and onto terminals: letters, digits and a few marks. */
static bool valid_name(const char *name)
{
    static const char marks[] = "-_.+";
    const size_t len = strlen(name);

    if (len == 0 || len > 64)
        return false;
    for (size_t i = 0; i < len; i++) {
        const char ch = name[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9') ||
              strchr(marks, ch)))
            return false;
    }
    return true;
}

static bool add_param(struct start_options *opt, const char *text)
{
    const size_t used = strlen(opt->param), len = strlen(text);

    for (size_t i = 0; i < len; i++) {
        if (text[i] < ' ' || text[i] > '~')
            return false;
    }
    if (used + len + 2 > sizeof(opt->param))
        return false;
    snprintf(opt->param + used, sizeof(opt->param) - used, "%s%s", used ? " " : "", text);
    return true;
}

static int parse_option(struct start_options *opt, int ch, const char *arg, FILE *err)
{
    uint32_t number = 0;

    switch (ch) {
    case 'k':
        opt->kernel = arg;
        return 0;
    case 'm':
        if (!parse_number(arg, 1, DOMAIN_MEMORY_MAX_MB, &opt->memory_mb))
            return usage(err, "--memory takes 1 to 2048 (MiB), not", arg);
        return 0;
    case 'n':
        if (!valid_name(arg))
            return usage(err, "--name takes 1 to 64 letters, digits and -_.+, not", arg);
        opt->name = arg;
        return 0;
    case 'd':
        if (!parse_number(arg, 1, DOMID_LIMIT - 1, &opt->domid))
            return usage(err, "--domid takes 1 to 32751, not", arg);
        return 0;
    case 'f':
        opt->flask = arg;
        return 0;
    case 'p':
        if (!add_param(opt, arg))
            return usage(err, "--param takes printable ASCII, 470 characters in all, not", arg);
        return 0;
    case 't':
        if (!parse_number(arg, 1, 3600, &number))
            return usage(err, "--timeout takes 1 to 3600 (seconds), not", arg);
        opt->timeout_s = number;
        return 0;
    case 'v':
        opt->verbose++;
        return 0;
    default:
        opt->help = 1;
        return 0;
    }
}

static int bad_option(int ch, char *const argv[], FILE *err)
{
    char name[3] = {'-', (char)optopt, '\0'};

    /* An unknown long option leaves optopt 0 and stands before the next argument. */
    if (ch == ':')
        return usage(err, "a value is missing after", argv[optind - 1]);
    return usage(err, "there is no option", optopt ? name : argv[optind - 1]);
}

int start_parse(int argc, char *const argv[], struct start_options *opt, FILE *err)
{
    static const struct option longopts[] = {
        {"kernel", required_argument, NULL, 'k'},  {"memory", required_argument, NULL, 'm'},
        {"name", required_argument, NULL, 'n'},    {"domid", required_argument, NULL, 'd'},
        {"flask", required_argument, NULL, 'f'},   {"param", required_argument, NULL, 'p'},
        {"timeout", required_argument, NULL, 't'}, {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    const struct service *service;
    int ch, rc;

    memset(opt, 0, sizeof(*opt));
    opt->timeout_s = 10;
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":k:m:n:d:f:p:t:vh", longopts, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return bad_option(ch, argv, err);
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
    service = find_service(argv[optind]);
    if (!service)
        return usage(err, "there is no service", argv[optind]);
    opt->service = service->name;
    opt->kernel = opt->kernel ? opt->kernel : service->kernel;
    opt->name = opt->name ? opt->name : service->domain_name;
    opt->memory_mb = opt->memory_mb ? opt->memory_mb : service->memory_mb;
    return 0;
}

int start_main(int argc, char *const argv[])
{
    struct start_options opt;
    struct report report;
    char asked[64];
    int rc = start_parse(argc, argv, &opt, stderr);

    if (rc)
        return rc;
    if (opt.help) {
        help();
        return ATOLL_OK;
    }
    snprintf(asked, sizeof(asked), "start %s", opt.service);
    report_init(&report, asked, stderr, opt.verbose);
    return find_service(opt.service)->start(&report, &opt);
}
