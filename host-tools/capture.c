/* SPDX-License-Identifier: ISC */
#include "capture.h"
#include "command_line.h"
#include "values.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SNAP_MIN 14u /* an Ethernet header */
#define SNAP_MAX 65535u

#define WANTED_MAX 32u /* vifs of a guest */

struct options {
    const char *write, *guest, *port, *service;
    uint32_t snap, count;
    unsigned verbose;
    bool sent, help;
    char filter[4096];
};

static const char help[] =
    "Usage: atoll capture [OPTION...] [FILTER]\n"
    "Record frames that the packet monitor sees, as pcapng with an interface for each vif, until\n"
    "interrupted (Ctrl-C):\n\n"
    "  atoll capture tcp port 80 | tcpdump -n -r -\n"
    "  atoll capture --guest web1 -w web1.pcapng not arp\n\n"
    "FILTER is in tcpdump's language, pcap-filter(7); without it all frames are recorded.\n\n"
    "Options:\n"
    "  -w, --write FILE       to this file; -, the default: to standard output\n"
    "      --guest GUEST      to and from this guest's vifs: its name, uuid or domid\n"
    "      --port GUEST/VIF   to and from this vif\n"
    "      --sent             what the vif of --port has sent, whatever MAC it claims\n"
    "  -s, --snap BYTES       the first bytes of each frame, 14 to 65535\n"
    "  -c, --count N          so many frames, and end\n"
    "      --service NAME     of another monitor than " MONITOR_SERVICE "\n"
    "  -v, --verbose          Xen's libraries speak, too\n"
    "  -h, --help             show this\n"
    "\nMore: atoll-capture(1).\n";

enum { GUEST = 256, PORT, SENT, SERVICE };

static int take(struct options *o, int ch, const char *arg)
{
    switch (ch) {
    case 'w':
        o->write = arg;
        return 0;
    case 's':
        return value_number(arg, SNAP_MIN, SNAP_MAX, &o->snap)
                   ? 0
                   : command_usage_error("capture", stderr, "--snap takes 14 to 65535 (bytes), not",
                                         arg);
    case 'c':
        return value_number(arg, 1, UINT32_MAX, &o->count)
                   ? 0
                   : command_usage_error("capture", stderr, "--count takes a number of frames, not",
                                         arg);
    case GUEST:
        o->guest = arg;
        return 0;
    case PORT:
        o->port = arg;
        return 0;
    case SENT:
        o->sent = true;
        return 0;
    case SERVICE:
        o->service = arg;
        return 0;
    case 'v':
        o->verbose++;
        return 0;
    default:
        o->help = true;
        return 0;
    }
}

/* The filter is all that is no option, as of tcpdump. */
static int join(struct options *o, int argc, char *const argv[])
{
    size_t used = 0;

    for (int i = optind; i < argc; i++) {
        const size_t length = strlen(argv[i]);

        if (used + length + 2 > sizeof(o->filter))
            return command_usage_error("capture", stderr,
                                       "the filter is longer than 4095 characters", NULL);
        if (used)
            o->filter[used++] = ' ';
        memcpy(o->filter + used, argv[i], length);
        used += length;
    }
    o->filter[used] = '\0';
    return 0;
}

static int check(struct options *o)
{
    if (o->guest && o->port)
        return command_usage_error("capture", stderr, "--guest and --port: one of both", NULL);
    if (o->sent && !o->port)
        return command_usage_error("capture", stderr, "--sent goes with --port", NULL);
    if (!o->write)
        o->write = "-";
    if (strcmp(o->write, "-") == 0 && isatty(STDOUT_FILENO))
        return command_usage_error("capture", stderr,
                                   "standard output is a terminal: pipe it into `tcpdump -r -`, or "
                                   "name a file by --write",
                                   NULL);
    return 0;
}

static int parse(int argc, char *const argv[], struct options *o)
{
    static const struct option all[] = {
        {"write", required_argument, NULL, 'w'}, {"guest", required_argument, NULL, GUEST},
        {"port", required_argument, NULL, PORT}, {"snap", required_argument, NULL, 's'},
        {"count", required_argument, NULL, 'c'}, {"service", required_argument, NULL, SERVICE},
        {"sent", no_argument, NULL, SENT},       {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0},
    };
    int ch, rc;

    memset(o, 0, sizeof(*o));
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":w:s:c:vh", all, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option("capture", ch, argv, stderr);
        rc = take(o, ch, optarg);
        if (rc)
            return rc;
    }
    if (o->help)
        return 0;
    rc = join(o, argc, argv);
    return rc ? rc : check(o);
}

/* The filter, for the ports that are wanted. */
static int narrow(struct monitor_call *call, const struct options *o, struct capture *capture,
                  const struct monitor_ports *ports, struct capture_filter *filter)
{
    const struct monitor_port *wanted[WANTED_MAX];
    char text[4096 + 64 * WANTED_MAX];
    size_t count = 0;

    for (size_t i = 0; i < ports->count && count < WANTED_MAX; i++) {
        const struct monitor_port *port = &ports->ports[i];

        if (o->guest ? monitor_port_is_guest(port, o->guest) : monitor_port_is(port, o->port))
            wanted[count++] = port;
    }
    if (!count)
        return report_fail(&call->session.report, ATOLL_USAGE,
                           "the monitor sees no %s %s; `atoll top --once` lists what it sees",
                           o->guest ? "guest" : "port", o->guest ? o->guest : o->port);
    if (o->sent) {
        capture->sender = wanted[0];
        return 0;
    }
    if (!capture_of_ports(wanted, count, o->filter, text, sizeof(text)) ||
        capture_filter_compile(text, filter))
        return report_fail(&call->session.report, ATOLL_USAGE,
                           "the filter is too long for so many ports");
    return 0;
}

static int open_out(struct report *r, const char *file, FILE **out)
{
    int fd;

    if (strcmp(file, "-") == 0) {
        *out = stdout;
        return 0;
    }
    /* Guests' traffic: for its owner alone. */
    fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    *out = fd < 0 ? NULL : fdopen(fd, "w");
    return *out ? 0
                : report_fail(r, errno == EACCES ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                              "cannot write to %s (%s)", file, strerror(errno));
}

static int record(const struct options *o, struct capture_filter *filter)
{
    struct capture capture = {.filter = filter, .snap = o->snap, .count = o->count};
    struct monitor_ports ports = {0};
    struct monitor_call call;
    uint64_t frames = 0;
    FILE *out = NULL;
    int rc = monitor_open(&call, "capture", o->service, o->verbose);

    if (!rc && (o->guest || o->port)) {
        rc = monitor_ports_ask(&call, &ports);
        if (!rc)
            rc = narrow(&call, o, &capture, &ports, filter);
    }
    if (!rc)
        rc = open_out(&call.session.report, o->write, &out);
    if (!rc)
        rc = capture_run(&call, &capture, out, &frames);
    if (out && out != stdout && fclose(out) && !rc)
        rc = report_fail(&call.session.report, ATOLL_FAILURE, "cannot write to %s (%s)", o->write,
                         strerror(errno));
    if (!rc && out != stdout)
        report_note(&call.session.report, "%llu frames are in %s", (unsigned long long)frames,
                    o->write);
    monitor_ports_free(&ports);
    monitor_close(&call);
    return rc;
}

int capture_main(int argc, char *const argv[])
{
    struct capture_filter *filter;
    struct options options;
    int rc = parse(argc, argv, &options);

    if (rc)
        return rc;
    if (options.help) {
        fputs(help, stdout);
        return ATOLL_OK;
    }
    filter = malloc(sizeof(*filter));
    if (!filter)
        return ATOLL_FAILURE;
    if (capture_filter_compile(options.filter, filter)) {
        fprintf(stderr, "atoll: capture: the filter is none: %s; see pcap-filter(7)\n",
                filter->error);
        rc = ATOLL_USAGE;
    } else {
        signal(SIGPIPE, SIG_IGN);
        rc = record(&options, filter);
    }
    free(filter);
    return rc;
}
