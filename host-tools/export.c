/* SPDX-License-Identifier: ISC */
#include "export.h"
#include "command_line.h"
#include "export_run.h"
#include "values.h"
#include <getopt.h>
#include <string.h>

static const char help[] =
    "Usage: atoll export --to udp|tcp|tls://HOST:PORT [OPTION...]\n"
    "Send the monitor's flows to a collector as they end, until interrupted (Ctrl-C).\n\n"
    "Options:\n"
    "  -t, --to WHERE            udp://HOST:PORT, tcp://HOST:PORT or tls://HOST:PORT\n"
    "  -f, --format FORMAT       ipfix, the default, or netflow9 (over UDP alone)\n"
    "  -b, --biflow              one record for both directions (RFC 5103; IPFIX)\n"
    "      --domain-id N         observation domain, NetFlow's source id; default 1\n"
    "      --template-refresh S  seconds between templates over UDP; default 60\n"
    "      --mtu N               bytes of a packet over UDP at most; default 1500\n"
    "      --ca FILE             authorities that the collector's certificate is of (tls)\n"
    "      --cert FILE           our certificate, PEM; read again at SIGHUP\n"
    "      --key FILE            and its key\n"
    "  -r, --read FILE           flows of a capture file instead\n"
    "  -s, --service NAME        of another monitor than monitor\n"
    "  -v, --verbose             say what was sent; twice: Xen's libraries speak, too\n"
    "  -h, --help                show this\n"
    "\nMore: atoll-export(1).\n";

enum { OPT_DOMAIN = 256, OPT_REFRESH, OPT_MTU, OPT_CA, OPT_CERT, OPT_KEY };

static int usage_error(const char *what, const char *value)
{
    return command_usage_error("export", stderr, what, value);
}

static int take_number(const char *arg, uint32_t min, uint32_t max, uint32_t *value,
                       const char *what)
{
    return value_number(arg, min, max, value) ? 0 : usage_error(what, arg);
}

static int take_format(struct export_options *o, const char *arg)
{
    o->netflow9 = strcmp(arg, "netflow9") == 0;
    if (!o->netflow9 && strcmp(arg, "ipfix") != 0)
        return usage_error("--format takes ipfix or netflow9, not", arg);
    return 0;
}

static int take_option(struct export_options *o, int ch, const char *arg)
{
    switch (ch) {
    case 't':
        if (!export_target_parse(arg, &o->target))
            return usage_error("--to takes udp://HOST:PORT, tcp:// or tls:// (an IPv6 address in "
                               "brackets), not",
                               arg);
        return 0;
    case 'f':
        return take_format(o, arg);
    case 'b':
        o->biflow = true;
        return 0;
    case OPT_DOMAIN:
        return take_number(arg, 0, UINT32_MAX, &o->domain,
                           "--domain-id takes 0 to 4294967295, not");
    case OPT_REFRESH:
        return take_number(arg, 1, 86400, &o->refresh_s,
                           "--template-refresh takes 1 to 86400 (seconds), not");
    case OPT_MTU:
        return take_number(arg, 576, 65535, &o->mtu, "--mtu takes 576 to 65535 (bytes), not");
    case OPT_CA:
        o->tls.ca = arg;
        return 0;
    case OPT_CERT:
        o->tls.cert = arg;
        return 0;
    case OPT_KEY:
        o->tls.key = arg;
        return 0;
    case 'r':
        o->file = arg;
        return 0;
    case 's':
        o->service = arg;
        return 0;
    default:
        o->verbose++;
        return 0;
    }
}

static int check(const struct export_options *o)
{
    if (!o->target.host[0])
        return usage_error("where to? --to is missing", NULL);
    if (o->netflow9 && o->target.transport != EXPORT_UDP)
        return usage_error("NetFlow 9 goes over udp:// alone; IPFIX takes all", NULL);
    if (o->netflow9 && o->biflow)
        return usage_error("NetFlow 9 has no --biflow; IPFIX has", NULL);
    if (o->target.transport != EXPORT_TLS && (o->tls.ca || o->tls.cert || o->tls.key))
        return usage_error("certificates are of use with tls:// alone", NULL);
    if (!o->tls.cert != !o->tls.key)
        return usage_error("--cert and --key go together", NULL);
    if (o->file && o->service)
        return usage_error("--read and --service do not go together", NULL);
    return 0;
}

int export_main(int argc, char *const argv[])
{
    static const struct option options[] = {
        {"to", required_argument, NULL, 't'},
        {"format", required_argument, NULL, 'f'},
        {"biflow", no_argument, NULL, 'b'},
        {"domain-id", required_argument, NULL, OPT_DOMAIN},
        {"template-refresh", required_argument, NULL, OPT_REFRESH},
        {"mtu", required_argument, NULL, OPT_MTU},
        {"ca", required_argument, NULL, OPT_CA},
        {"cert", required_argument, NULL, OPT_CERT},
        {"key", required_argument, NULL, OPT_KEY},
        {"read", required_argument, NULL, 'r'},
        {"service", required_argument, NULL, 's'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct export_options o = {.domain = 1, .refresh_s = 60, .mtu = 1500};
    int ch, rc;

    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":t:f:br:s:vh", options, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option("export", ch, argv, stderr);
        if (ch == 'h') {
            fputs(help, stdout);
            return ATOLL_OK;
        }
        rc = take_option(&o, ch, optarg);
        if (rc)
            return rc;
    }
    if (optind < argc)
        return usage_error("there is no argument", argv[optind]);
    rc = check(&o);
    if (rc)
        return rc;
    return o.file ? export_file(&o) : export_live(&o);
}
