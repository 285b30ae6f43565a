/* SPDX-License-Identifier: ISC */
#include "flow_options.h"
#include "command_line.h"
#include "exit_codes.h"
#include "values.h"
#include <getopt.h>
#include <string.h>

const char flow_help[] =
    "Usage: atoll flows [OPTION...]\n"
    "Show who talks to whom: the flows that the packet monitor sees now, those that end from now\n"
    "on, or those of a capture.\n\n"
    "  -f, --follow           flows as they end, one a line, until interrupted (Ctrl-C)\n"
    "  -r, --read FILE        of a capture, pcap or pcapng; -: standard input\n"
    "      --idle SECONDS     of a capture: a silence that ends a flow, default 60\n"
    "      --active SECONDS   of a capture: tell of flows that go on so often, default never\n\n"
    "Which (all must hold; either side may be it):\n"
    "      --guest GUEST      a guest's name, NAME/VIF, uuid or domid\n"
    "      --host ADDR[/LEN]  an address or a network\n"
    "      --port N[-M]       a TCP, UDP or SCTP port\n"
    "      --protocol NAME    tcp, udp, icmp, arp... or a number\n"
    "      --vlan N           a VLAN; 0: untagged\n"
    "      --name NAME        a name of DNS, TLS or HTTP; .DOMAIN: and all below it\n"
    "      --min-bytes N      of that many bytes at least; with K, M, G\n\n"
    "How:\n"
    "      --sort ORDER       bytes (the default), frames, start, last, duration, rtt; flows\n"
    "      --by WHAT          added up by guest, vif, port, protocol, peer, talker or name\n"
    "  -n, --limit N          the first N only\n"
    "  -j, --json             for scripts\n\n"
    "  -s, --service NAME     of another monitor than monitor\n"
    "  -v, --verbose          Xen's libraries speak, too\n"
    "  -h, --help             show this\n"
    "\nMore: atoll-flows(1).\n";

enum { GUEST = 256, HOST, PORT, PROTOCOL, VLAN, NAME, MIN_BYTES, SORT, BY, IDLE, ACTIVE };

static int wrong(const char *option, const char *wanted, const char *value)
{
    char what[160];

    snprintf(what, sizeof(what), "--%s takes %s, not", option, wanted);
    return command_usage_error("flows", stderr, what, value);
}

static int take_filter(struct flow_filter *filter, int ch, const char *arg)
{
    static const struct {
        const char *name;
        const char *(*take)(struct flow_filter *filter, const char *value);
    } takes[] = {
        [GUEST - GUEST] = {"guest", flow_filter_guest},
        [HOST - GUEST] = {"host", flow_filter_host},
        [PORT - GUEST] = {"port", flow_filter_port},
        [PROTOCOL - GUEST] = {"protocol", flow_filter_protocol},
        [VLAN - GUEST] = {"vlan", flow_filter_vlan},
        [NAME - GUEST] = {"name", flow_filter_name},
        [MIN_BYTES - GUEST] = {"min-bytes", flow_filter_min_bytes},
    };
    const char *wanted = takes[ch - GUEST].take(filter, arg);

    return wanted ? wrong(takes[ch - GUEST].name, wanted, arg) : 0;
}

static int take_sort(struct flow_options *options, const char *arg)
{
    enum flow_sort sort;

    options->sorted = true;
    if (strcmp(arg, "flows") == 0)
        options->sort = FLOW_SORTS;
    else if (flow_sort_parse(arg, &sort))
        options->sort = sort;
    else
        return wrong("sort", "bytes, frames, start, last, duration, rtt or flows", arg);
    return 0;
}

static int take_number(const char *name, const char *arg, uint32_t *value)
{
    return value_number(arg, 1, 1000000000, value) ? 0 : wrong(name, "a number from 1 on", arg);
}

static int take(struct flow_options *options, int ch, const char *arg)
{
    switch (ch) {
    case 'f':
        options->follow = true;
        return 0;
    case 'j':
        options->json = true;
        return 0;
    case 'n':
        return take_number("limit", arg, &options->limit);
    case 'r':
        options->file = arg;
        return 0;
    case 's':
        options->service = arg;
        return 0;
    case 'v':
        options->verbose++;
        return 0;
    case 'h':
        options->help = true;
        return 0;
    case SORT:
        return take_sort(options, arg);
    case BY:
        options->grouped = true;
        return flow_by_parse(arg, &options->by)
                   ? 0
                   : wrong("by", "guest, vif, port, protocol, peer, talker or name", arg);
    case IDLE:
        return take_number("idle", arg, &options->idle);
    case ACTIVE:
        return take_number("active", arg, &options->active);
    default:
        return take_filter(&options->filter, ch, arg);
    }
}

/* Options that are right each, but not together. */
static int check(const struct flow_options *o)
{
    const char *what = NULL;

    if (o->follow && o->file)
        what = "--follow is of the service, --read of a file";
    else if (o->follow && (o->sorted || o->grouped || o->limit))
        what = "a stream has no order: --follow goes without --sort, --by and --limit";
    else if (!o->file && (o->idle || o->active))
        what = "--idle and --active are for --read; the service has limits of its own";
    else if (o->file && o->service)
        what = "--read asks no service";
    else if (!o->grouped && o->sort == FLOW_SORTS)
        what = "--sort flows is for --by";
    else if (o->grouped && o->sort > FLOW_SORT_FRAMES && o->sort < FLOW_SORTS)
        what = "--by is sorted by bytes, frames or flows";
    return what ? command_usage_error("flows", stderr, what, NULL) : 0;
}

int flow_options_parse(int argc, char *const argv[], struct flow_options *options)
{
    static const struct option all[] = {
        {"follow", no_argument, NULL, 'f'},
        {"read", required_argument, NULL, 'r'},
        {"idle", required_argument, NULL, IDLE},
        {"active", required_argument, NULL, ACTIVE},
        {"guest", required_argument, NULL, GUEST},
        {"host", required_argument, NULL, HOST},
        {"port", required_argument, NULL, PORT},
        {"protocol", required_argument, NULL, PROTOCOL},
        {"vlan", required_argument, NULL, VLAN},
        {"name", required_argument, NULL, NAME},
        {"min-bytes", required_argument, NULL, MIN_BYTES},
        {"sort", required_argument, NULL, SORT},
        {"by", required_argument, NULL, BY},
        {"limit", required_argument, NULL, 'n'},
        {"json", no_argument, NULL, 'j'},
        {"service", required_argument, NULL, 's'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int ch, rc;

    memset(options, 0, sizeof(*options));
    flow_filter_init(&options->filter);
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":fr:n:js:vh", all, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option("flows", ch, argv, stderr);
        rc = take(options, ch, optarg);
        if (rc)
            return rc;
    }
    if (options->help)
        return 0;
    if (optind < argc)
        return command_usage_error("flows", stderr, "there is no argument", argv[optind]);
    return check(options);
}
