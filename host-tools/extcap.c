/* SPDX-License-Identifier: ISC */
/*
 * atoll-extcap: the monitor's ports as interfaces of Wireshark. Wireshark runs this program with
 * the options of its extcap interface (extcap(4)) and reads what is captured from a FIFO.
 */
#include "extcap.h"
#include "capture.h"
#include "config.h"
#include "values.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALL "atoll-all"

struct options {
    bool interfaces, dlts, config, capture, sent, version, help;
    const char *interface, *fifo, *filter, *service;
    uint32_t snap;
};

static const char help[] =
    "Usage: atoll-extcap --extcap-interfaces\n"
    "       atoll-extcap --extcap-interface NAME --extcap-dlts | --extcap-config\n"
    "       atoll-extcap --extcap-interface NAME --extcap-capture-filter FILTER\n"
    "       atoll-extcap --extcap-interface NAME --capture --fifo FILE [--snap BYTES]\n"
    "                    [--direction both|sent] [--extcap-capture-filter FILTER]\n"
    "Wireshark runs this program to show the ports that Atoll's packet monitor sees as "
    "interfaces,\n"
    "and to capture from them.\n\n"
    "  --service NAME   of another monitor than " MONITOR_SERVICE "\n"
    "\nMore: atoll-extcap(1).\n";

enum {
    INTERFACES = 256,
    INTERFACE,
    DLTS,
    CONFIG,
    CAPTURE,
    FIFO,
    FILTER,
    VERSION,
    SNAP,
    DIRECTION,
    SERVICE,
    HELP,
    IGNORED
};

static int usage(const char *what, const char *value)
{
    fprintf(stderr, "atoll-extcap: %s%s%s; see `atoll-extcap --help`\n", what, value ? " " : "",
            value ? value : "");
    return ATOLL_USAGE;
}

static int take(struct options *o, int ch, const char *arg)
{
    switch (ch) {
    case INTERFACES:
        o->interfaces = true;
        return 0;
    case INTERFACE:
        o->interface = arg;
        return 0;
    case DLTS:
        o->dlts = true;
        return 0;
    case CONFIG:
        o->config = true;
        return 0;
    case CAPTURE:
        o->capture = true;
        return 0;
    case FIFO:
        o->fifo = arg;
        return 0;
    case FILTER:
        o->filter = arg;
        return 0;
    case VERSION:
        o->version = true;
        return 0;
    case SNAP:
        return value_number(arg, 14, 65535, &o->snap)
                   ? 0
                   : usage("--snap takes 14 to 65535 (bytes), not", arg);
    case DIRECTION:
        o->sent = strcmp(arg, "sent") == 0;
        return o->sent || strcmp(arg, "both") == 0
                   ? 0
                   : usage("--direction takes both or sent, not", arg);
    case SERVICE:
        o->service = arg;
        return 0;
    case HELP:
        o->help = true;
        return 0;
    default:
        return 0; /* of a newer Wireshark, or of no use here */
    }
}

static int parse(int argc, char *const argv[], struct options *o)
{
    static const struct option all[] = {
        {"extcap-interfaces", no_argument, NULL, INTERFACES},
        {"extcap-interface", required_argument, NULL, INTERFACE},
        {"extcap-dlts", no_argument, NULL, DLTS},
        {"extcap-config", no_argument, NULL, CONFIG},
        {"extcap-capture-filter", required_argument, NULL, FILTER},
        {"extcap-version", optional_argument, NULL, IGNORED},
        {"extcap-reload-option", required_argument, NULL, IGNORED},
        {"capture", no_argument, NULL, CAPTURE},
        {"fifo", required_argument, NULL, FIFO},
        {"snap", required_argument, NULL, SNAP},
        {"direction", required_argument, NULL, DIRECTION},
        {"service", required_argument, NULL, SERVICE},
        {"version", no_argument, NULL, VERSION},
        {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0},
    };
    int ch, rc;

    memset(o, 0, sizeof(*o));
    optind = 0;
    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":", all, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return usage(ch == ':' ? "a value is missing after" : "there is no option",
                         argv[optind - 1]);
        rc = take(o, ch, optarg);
        if (rc)
            return rc;
    }
    return optind < argc ? usage("there is no argument", argv[optind]) : 0;
}

/* A port as Wireshark knows it and keeps it in its settings: by its guest's name where that has
 * nothing in it that could be taken for something else, or by its domain's number. */
static void interface_name(const struct monitor_port *port, char *text, size_t size)
{
    if (port->uplink)
        snprintf(text, size, "atoll-uplink.%u.%u", port->domid, port->vif);
    else if (value_name(port->guest, sizeof(port->guest)))
        snprintf(text, size, "atoll-%s.%u", port->guest, port->vif);
    else
        snprintf(text, size, "atoll-%u.%u", port->domid, port->vif);
}

/* Braces would end what stands in them. */
static void print_display(const struct monitor_port *port)
{
    for (const char *c = port->name; *c; c++)
        putchar(*c == '{' || *c == '}' ? '_' : *c);
}

static void print_interfaces(const struct monitor_ports *ports)
{
    printf("interface {value=" ALL "}{display=Atoll: all ports}\n");
    for (size_t i = 0; i < ports->count; i++) {
        char name[120];

        interface_name(&ports->ports[i], name, sizeof(name));
        printf("interface {value=%s}{display=Atoll: ", name);
        print_display(&ports->ports[i]);
        printf("}\n");
    }
}

/* Wireshark asks this at each of its starts, on machines without Xen as well: there it is told of
 * no interface, and of no error. */
static int interfaces(const struct options *o)
{
    const int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
    const int errors = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
    struct monitor_ports ports = {0};
    struct monitor_call call;
    int rc;

    printf("extcap {version=" ATOLL_VERSION "}{display=Atoll}{help=man:atoll-extcap(1)}\n");
    if (null >= 0)
        dup2(null, STDERR_FILENO);
    rc = monitor_open(&call, "extcap", o->service, 0);
    if (!rc)
        rc = monitor_ports_ask(&call, &ports);
    if (!rc)
        print_interfaces(&ports);
    monitor_ports_free(&ports);
    monitor_close(&call);
    if (errors >= 0)
        dup2(errors, STDERR_FILENO);
    close(errors);
    close(null);
    return ATOLL_OK;
}

static void print_config(void)
{
    printf("arg {number=0}{call=--snap}{display=Bytes of each frame}{type=unsigned}"
           "{range=14,65535}{default=65535}{tooltip=The first bytes of each frame are captured}\n"
           "arg {number=1}{call=--direction}{display=Frames}{type=selector}"
           "{tooltip=Those that the vif sends and gets, or those that it sends alone}\n"
           "value {arg=1}{value=both}{display=to and from the vif, by its MAC}{default=true}\n"
           "value {arg=1}{value=sent}{display=sent by the vif, whatever MAC it claims}\n"
           "arg {number=2}{call=--service}{display=Service}{type=string}"
           "{default=" MONITOR_SERVICE "}{tooltip=The monitor that is asked}\n");
}

/* Silence says that it will do. */
static int validate(const struct options *o, struct capture_filter *filter)
{
    if (capture_filter_compile(o->filter, filter))
        printf("%s\n", filter->error);
    return ATOLL_OK;
}

static int find_interface(struct monitor_call *call, const struct options *o,
                          const struct monitor_ports *ports, struct capture *capture,
                          struct capture_filter *filter)
{
    char text[4300];

    for (size_t i = 0; i < ports->count; i++) {
        const struct monitor_port *port = &ports->ports[i];
        char name[120];

        interface_name(port, name, sizeof(name));
        if (strcmp(name, o->interface) != 0)
            continue;
        if (o->sent || port->uplink) {
            capture->sender = port;
            return 0;
        }
        if (capture_of_ports(&port, 1, o->filter ? o->filter : "", text, sizeof(text)) &&
            capture_filter_compile(text, filter) == 0)
            return 0;
        return report_fail(&call->session.report, ATOLL_USAGE, "the filter is too long");
    }
    return report_fail(&call->session.report, ATOLL_USAGE,
                       "the monitor sees no %s any more; refresh the interfaces (F5)",
                       o->interface);
}

static int run_capture(const struct options *o, struct capture_filter *filter)
{
    struct capture capture = {.filter = filter, .snap = o->snap < 65535 ? o->snap : 0};
    struct monitor_ports ports = {0};
    struct monitor_call call;
    uint64_t frames;
    FILE *out = NULL;
    int rc = monitor_open(&call, "extcap", o->service, 0);

    if (!rc && strcmp(o->interface, ALL) != 0) {
        rc = monitor_ports_ask(&call, &ports);
        if (!rc)
            rc = find_interface(&call, o, &ports, &capture, filter);
    }
    if (!rc) {
        out = fopen(o->fifo, "we");
        if (!out)
            rc = report_fail(&call.session.report, ATOLL_FAILURE, "cannot write to %s (%s)",
                             o->fifo, strerror(errno));
    }
    if (!rc)
        rc = capture_run(&call, &capture, out, &frames);
    if (out)
        fclose(out);
    monitor_ports_free(&ports);
    monitor_close(&call);
    return rc;
}

static int run(const struct options *o, struct capture_filter *filter)
{
    if (o->help) {
        fputs(help, stdout);
        return ATOLL_OK;
    }
    if (o->version) {
        printf("atoll-extcap %s\n", ATOLL_VERSION);
        return ATOLL_OK;
    }
    if (o->interfaces)
        return interfaces(o);
    if (!o->interface)
        return usage("--extcap-interfaces or --extcap-interface is missing", NULL);
    if (o->dlts) {
        printf("dlt {number=1}{name=EN10MB}{display=Ethernet}\n");
        return ATOLL_OK;
    }
    if (o->config) {
        print_config();
        return ATOLL_OK;
    }
    if (!o->capture)
        return o->filter ? validate(o, filter) : usage("what is to be done?", NULL);
    if (!o->fifo)
        return usage("--capture needs --fifo", NULL);
    if (capture_filter_compile(o->filter, filter)) {
        fprintf(stderr, "atoll-extcap: the filter is none: %s\n", filter->error);
        return ATOLL_USAGE;
    }
    return run_capture(o, filter);
}

int extcap_main(int argc, char *const argv[])
{
    struct capture_filter *filter;
    struct options options;
    int rc = parse(argc, argv, &options);

    if (rc)
        return rc;
    filter = malloc(sizeof(*filter));
    if (!filter)
        return ATOLL_FAILURE;
    signal(SIGPIPE, SIG_IGN);
    rc = run(&options, filter);
    free(filter);
    if (fflush(stdout))
        return ATOLL_FAILURE;
    return rc;
}
