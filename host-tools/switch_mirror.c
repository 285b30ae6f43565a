/* SPDX-License-Identifier: ISC */
/* `atoll switch mirror`: which mirrors there are, and the frames of one. */
#include "control_link.h"
#include "hv/linux/linux.h"
#include "interrupt.h"
#include "mirror_stream.h"
#include "switch_commands.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* How often it is looked whether the switch is still there, and lost frames are told of. */
#define LOOK_INTERVAL HV_SEC

#define CHUNK 65536u

/* --- the list -----------------------------------------------------------------------------------
 */

static int mirror_row(struct call *call, const struct control_reader *mirror)
{
    struct control_reader reader = {.data = mirror->data, .length = mirror->length};
    struct control_field field;
    unsigned sources = 0;

    while (control_next(&reader, &field))
        sources += field.tag == CONTROL_F_SOURCE;
    call_cell(call, TINT_NONE, mirror, CONTROL_F_NAME);
    call_cell(call, TINT_NONE, mirror, CONTROL_F_DOMID);
    call_cell(call, TINT_NONE, mirror, CONTROL_F_BRIDGE_NAME);
    call_cell(call, TINT_NONE, mirror, CONTROL_F_VID);
    call_cell(call, TINT_NONE, mirror, CONTROL_F_DIRECTION);
    if (sources)
        table_cell(call->table, TINT_NONE, "%u", sources);
    else
        table_cell(call->table, TINT_NONE, "all");
    if (control_number(mirror, CONTROL_F_SNAP, 0))
        call_cell(call, TINT_NONE, mirror, CONTROL_F_SNAP);
    else
        table_cell(call->table, TINT_NONE, "all");
    table_cell(call->table, TINT_NONE, "%s",
               control_number(mirror, CONTROL_F_CONNECTED, 0) ? "yes" : "no");
    call_cell(call, TINT_NONE, mirror, CONTROL_F_FRAMES);
    call_cell(call, control_number(mirror, CONTROL_F_LOST, 0) ? TINT_WARN : TINT_NONE, mirror,
              CONTROL_F_LOST);
    return 0;
}

static int list(struct call *call)
{
    static const char *const columns[] = {"Mirror",    ">Reader", "Bridge", ">VLAN",
                                          "Direction", ">Ports",  ">Bytes", "Is read",
                                          ">Frames",   ">Lost",   NULL};
    int rc = call_connect(call);

    if (rc)
        return rc;
    call_table_begin(call, columns);
    control_client_begin(call->client, CONTROL_T_SWITCH_MIRRORS);
    rc = call_stream(call, CONTROL_F_MIRROR, call->json ? NULL : mirror_row);
    return call_table_end(call, rc,
                          "The switch has no mirrors; they are part of the rules, "
                          "atoll-switch-rules(5).");
}

/* --- the frames ---------------------------------------------------------------------------------
 */

/* What is looked for among the mirrors. */
struct wanted {
    const char *name;
    bool found, taken;
    uint32_t reader;
    char others[300];
};

static int find_mirror(struct call *call, const struct control_reader *mirror)
{
    struct wanted *wanted = call->context;
    const size_t used = strlen(wanted->others);
    char name[64];

    if (!control_string(mirror, CONTROL_F_NAME, name, sizeof(name)))
        return 0;
    for (char *c = name; *c; c++)
        *c = *c < ' ' || *c > '~' ? '?' : *c;
    snprintf(wanted->others + used, sizeof(wanted->others) - used, "%s%s", used ? ", " : "", name);
    if (strcmp(name, wanted->name) != 0)
        return 0;
    wanted->found = true;
    wanted->taken = control_number(mirror, CONTROL_F_CONNECTED, 0) != 0;
    wanted->reader = (uint32_t)control_number(mirror, CONTROL_F_DOMID, 0);
    return 0;
}

/* Is there such a mirror, for us, and not taken? Its switch is *@domid. */
static int look_for(struct call *call, const char *name, uint32_t *domid)
{
    struct wanted wanted = {.name = name};
    struct report *r = &call->session.report;
    int rc = call_connect(call);

    if (rc)
        return rc;
    call->context = &wanted;
    control_client_begin(call->client, CONTROL_T_SWITCH_MIRRORS);
    rc = call_stream(call, CONTROL_F_MIRROR, find_mirror);
    call->context = NULL;
    *domid = control_client_peer(call->client)->domid;
    control_client_close(call->client);
    call->client = NULL;
    if (rc)
        return rc;
    if (!wanted.found)
        return report_fail(r, ATOLL_USAGE, "there is no mirror %s; %s%s", name,
                           wanted.others[0] ? "there are " : "the rules have none", wanted.others);
    if (wanted.reader != 0)
        return report_fail(r, ATOLL_REFUSED,
                           "domain %u may read it (\"client\" of the rules), and dom0 may not",
                           wanted.reader);
    if (wanted.taken)
        return report_fail(r, ATOLL_REFUSED, "somebody reads it already; a mirror has one reader");
    return 0;
}

/* A reader of the mirror's vchan. */
struct tap {
    struct call *call;
    struct control_service service;
    struct control_link link;
    struct mirror_stream *stream;
    FILE *out;
    uint64_t told; /* lost frames that were told of */
};

static int tap_open(struct tap *tap, const char *vchan, uint32_t domid)
{
    struct report *r = &tap->call->session.report;
    struct link_failure failure;
    int rc = control_service_open(r, tap->call->settings->name, domid, &tap->service);

    if (rc)
        return rc;
    tap->service.vchan = vchan;
    tap->link.service = &tap->service;
    tap->link.report = r;
    tap->link.hv = hv_linux_open();
    if (!tap->link.hv)
        return report_fail(r, errno == EACCES ? ATOLL_NO_RIGHTS : ATOLL_NO_XEN,
                           "cannot open /dev/xen/evtchn and /dev/xen/gntdev (%s)", strerror(errno));
    rc = link_connect(&tap->link, CONTROL_TIMEOUT_MS * HV_MSEC, &failure);
    if (rc == -ETIMEDOUT)
        return report_fail(r, ATOLL_NO_ANSWER,
                           "the mirror has offered no connection; has somebody else taken it?");
    if (rc == -ESRCH)
        return report_fail(r, ATOLL_NOT_RUNNING, "the switch has ended");
    return rc ? ATOLL_INTERRUPTED : 0;
}

static void tap_close(struct tap *tap)
{
    link_close(&tap->link);
    if (tap->link.hv)
        hv_linux_close(tap->link.hv);
    if (tap->link.service)
        control_service_close(&tap->service);
}

static void tell_lost(struct tap *tap)
{
    if (tap->stream->lost == tap->told)
        return;
    report_note(&tap->call->session.report,
                "%llu frames were lost: they came faster than they "
                "were read",
                (unsigned long long)(tap->stream->lost - tap->told));
    tap->told = tap->stream->lost;
}

/* Nobody reads what we write any more: a pipe's end, as of `tcpdump -c 10`. */
static int out_failed(struct tap *tap)
{
    if (errno == EPIPE) {
        __fpurge(tap->out);
        clearerr(tap->out);
        return ATOLL_INTERRUPTED;
    }
    return report_fail(&tap->call->session.report, ATOLL_FAILURE, "cannot write the frames (%s)",
                       strerror(errno));
}

/* All that has come. 0: wait for more. */
static int drain(struct tap *tap)
{
    static uint8_t chunk[CHUNK];
    bool any = false;

    for (;;) {
        int rc, n = vchan_read(&tap->link.v, chunk, sizeof(chunk));

        if (n == 0)
            break;
        if (n < 0 && any && fflush(tap->out)) /* what came before counts */
            return out_failed(tap);
        if (n < 0)
            return report_fail(&tap->call->session.report, ATOLL_FAILURE, "%s",
                               n == -EPIPE ? "the switch has ended the mirror: by other rules, or "
                                             "with itself"
                                           : "the switch breaks the vchan's protocol");
        rc = mirror_stream_take(tap->stream, chunk, (size_t)n);
        if (rc == -EIO)
            return out_failed(tap);
        if (rc)
            return report_fail(&tap->call->session.report, ATOLL_FAILURE,
                               "that is no stream of a mirror: %s; does the switch's version fit "
                               "this tool's?",
                               tap->stream->why);
        any = true;
    }
    return any && fflush(tap->out) ? out_failed(tap) : 0;
}

/* Until interrupted, which is its proper end, or all that can be written is. */
static int follow(struct tap *tap)
{
    uint64_t look = hv_now(tap->link.hv) + LOOK_INTERVAL;
    int rc = 0;

    while (!rc && !interrupt_pending()) {
        rc = drain(tap);
        if (rc)
            break;
        hv_linux_wait(tap->link.hv, look, interrupt_fd());
        while (hv_evtchn_next(tap->link.hv) != 0) {
        }
        if (hv_now(tap->link.hv) < look)
            continue;
        look = hv_now(tap->link.hv) + LOOK_INTERVAL;
        tell_lost(tap);
        if (control_service_end(&tap->service) || vchan_peer_gone(&tap->link.v)) {
            rc = drain(tap);
            if (!rc)
                rc = report_fail(&tap->call->session.report, ATOLL_NOT_RUNNING,
                                 "the switch has ended");
        }
    }
    tell_lost(tap);
    report_step(&tap->call->session.report, "%llu frames, %llu bytes, %llu lost",
                (unsigned long long)tap->stream->frames, (unsigned long long)tap->stream->bytes,
                (unsigned long long)tap->stream->lost);
    return rc == ATOLL_INTERRUPTED || (!rc && interrupt_pending()) ? 0 : rc;
}

static int open_out(struct call *call, FILE **out)
{
    const char *file = call->write;
    int fd;

    if (strcmp(file, "-") == 0) {
        *out = stdout;
        return 0;
    }
    /* Guests' traffic: for its owner alone. */
    fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    *out = fd < 0 ? NULL : fdopen(fd, "w");
    return *out ? 0
                : report_fail(&call->session.report,
                              errno == EACCES ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                              "cannot write to %s (%s)", file, strerror(errno));
}

static int record(struct call *call, const char *name)
{
    struct tap tap = {.call = call};
    char vchan[80];
    uint32_t domid;
    int rc;

    rc = look_for(call, name, &domid);
    if (rc)
        return rc;
    rc = open_out(call, &tap.out);
    tap.stream = malloc(sizeof(*tap.stream));
    if (!rc && !tap.stream)
        rc = report_fail(&call->session.report, ATOLL_FAILURE, "out of memory");
    if (!rc) {
        snprintf(vchan, sizeof(vchan), "mirror-%.64s", name);
        mirror_stream_init(tap.stream, tap.out, name);
        rc = tap_open(&tap, vchan, domid);
        if (!rc)
            rc = follow(&tap);
        tap_close(&tap);
    }
    if (tap.out && tap.out != stdout && fclose(tap.out) && !rc)
        rc = out_failed(&tap);
    free(tap.stream);
    return rc;
}

static int run_mirror(struct call *call)
{
    return call->argc ? record(call, call->argv[0]) : list(call);
}

static int check_mirror(struct call *call)
{
    if (!call->argc && call->write)
        return call_usage(call, "which mirror is --write about?", NULL);
    if (call->argc && call->json)
        return call_usage(call, "frames are no JSON: --json is for the list of mirrors", NULL);
    if (call->argc && !call->write)
        call->write = "-";
    if (call->argc && strcmp(call->write, "-") == 0 && isatty(STDOUT_FILENO))
        return call_usage(call,
                          "standard output is a terminal: pipe it into `tcpdump -r -`, or name a "
                          "file by --write",
                          NULL);
    if (call->argc)
        signal(SIGPIPE, SIG_IGN);
    return 0;
}

const struct call_command switch_mirror = {
    .name = "switch mirror",
    .service = SWITCH_SERVICE,
    .options = "jw",
    .args_max = 1,
    .alone = true,
    .help = "Usage: atoll switch mirror [NAME] [OPTION...]\n"
            "Show the mirrors that the rules have made; or read the frames of one and write them\n"
            "as pcapng until interrupted (Ctrl-C):\n\n"
            "  atoll switch mirror NAME | tcpdump -n -r -\n\n"
            "Frames that came faster than they were read are told of on standard error.\n\n"
            "Options:\n"
            "  -w, --write FILE     to this file; -, the default: to standard output\n"
            "  -s, --service NAME   of another switch than " SWITCH_SERVICE "\n"
            "  -j, --json           the list, for scripts\n"
            "  -v, --verbose        Xen's libraries speak, too\n"
            "  -h, --help           show this\n"
            "\nMore: atoll-switch(1).\n",
    .check = check_mirror,
    .run = run_mirror,
};
