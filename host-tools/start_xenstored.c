/* SPDX-License-Identifier: ISC */
#include "start_xenstored.h"
#include "host.h"
#include "service_nodes.h"
#include "start_steps.h"
#include "take_over_store.h"
#include "xenbus_setup.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * Grants: the service grants its console only. Mappings: one ring a domain, 256 a page of the
 * maptrack table, so 128 pages serve all 32,752 domains that Xen can have.
 */
#define GRANT_FRAMES    4
#define MAPTRACK_FRAMES 128

/* The kernel answers SETUP at once unless it waits for a XenStore that is gone. */
#define SETUP_TIMEOUT_MS 5000

/* A service that has answered once answers the next request sooner than this. */
#define REQUEST_TIMEOUT_MS 5000

#define PID_FILE HOST_RUN_DIR "/xenstored.pid"

/* How far an earlier start got. */
enum found {
    FOUND_NOTHING,
    FOUND_UNANNOUNCED, /* it was killed after the domain had begun to run */
};

/* Did a start that was killed leave this domain running, as our record has it? */
static bool started_by_us(struct start *s, uint32_t domid)
{
    struct record record;
    char why[512];

    if (record_read(s->opt->service, &record, why, sizeof(why)) != 1 || record.started ||
        record.domid != domid || !record.store_port)
        return false;
    s->record = record;
    return true;
}

/* There is a XenStore domain already: dead, alive, or one that a killed start has left. */
static int other_domain(struct start *s, uint32_t domid, enum found *found)
{
    const char *reason = "";

    switch (host_domain_state(s->xch, domid, &reason)) {
    case HOST_DOMAIN_RUNS:
        if (started_by_us(s, domid)) {
            *found = FOUND_UNANNOUNCED;
            return 0;
        }
        /* The file is written last: without it nobody knows whether that domain ever answered. */
        if (access(PID_FILE, F_OK) != 0)
            return report_fail(s->r, ATOLL_RUNNING,
                               "domain %u runs as this host's XenStore, but its start was never "
                               "completed; if `timeout 5 xenstore-ls` shows nothing, reboot",
                               domid);
        return report_fail(s->r, ATOLL_RUNNING,
                           "domain %u is this host's XenStore already; nothing to do", domid);
    case HOST_DOMAIN_UNBORN:
        /* We hold the lock: nobody is building it. */
        if (xc_domain_destroy(s->xch, domid))
            break;
        report_note(s->r, "removed domain %u, which an interrupted start had left", domid);
        return 0;
    case HOST_DOMAIN_ENDED:
    case HOST_DOMAIN_GONE:
        break;
    }
    return report_fail(s->r, ATOLL_NEEDS_REBOOT,
                       "domain %u was this host's XenStore and is dead (%s); reboot", domid,
                       reason[0] ? reason : "its pages are still in use");
}

/* A host has one XenStore. */
static int refuse_second(struct start *s, enum found *found)
{
    const char *socket;
    uint32_t domid;
    int rc = host_find_store_domain(s->r, s->xch, &domid);

    *found = FOUND_NOTHING;
    if (!rc && domid != HOST_NO_DOMAIN)
        rc = other_domain(s, domid, found);
    if (rc)
        return rc;
    socket = host_store_daemon_socket();
    if (socket)
        return report_fail(s->r, ATOLL_RUNNING,
                           "a XenStore daemon serves at %s; disable it and reboot, since dom0's "
                           "kernel stays bound to it",
                           socket);
    report_step(s->r, "no other XenStore");
    return 0;
}

/* Connect dom0's kernel; its port goes onto the service's command line. */
static int connect_dom0(struct start *s, char *cmdline, size_t size)
{
    const int64_t port = xenbus_setup(XENBUS_BACKEND_DEVICE, s->builder.domid, SETUP_TIMEOUT_MS);

    if (port == -EEXIST)
        return report_fail(
            s->r, ATOLL_NEEDS_REBOOT,
            "dom0's kernel has already talked to a XenStore and keeps to it; reboot, "
            "and start this one before any other");
    if (port == -ETIMEDOUT)
        return report_fail(s->r, ATOLL_NEEDS_REBOOT,
                           "dom0's kernel waits for an answer of a XenStore that is gone; reboot");
    if (port == -ENOENT || port == -ENODEV || port == -ENXIO)
        return report_fail(s->r, ATOLL_NO_XEN,
                           "no " XENBUS_BACKEND_DEVICE " (%s); is this dom0, with "
                           "CONFIG_XEN_BACKEND in its kernel?",
                           strerror((int)-port));
    if (port <= 0)
        return report_fail(s->r,
                           port == -EACCES || port == -EPERM ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                           "dom0's kernel refuses a XenStore domain (" XENBUS_BACKEND_DEVICE
                           ": %s); run it as root in dom0",
                           strerror((int)-port));
    s->record.store_port = (uint32_t)port;
    snprintf(cmdline, size, "--event %u%s%s", s->record.store_port, s->opt->cmdline[0] ? " " : "",
             s->opt->cmdline);
    report_step(s->r, "dom0's kernel connected, port %u", s->record.store_port);
    return 0;
}

void store_domain_configure(struct start *s)
{
    s->config.xs_domain = true;
    s->config.max_grant_frames = GRANT_FRAMES;
    s->config.max_maptrack_frames = MAPTRACK_FRAMES;
    s->config.max_evtchn_port = UINT32_MAX;
    s->config.store_domid = DOMAIN_NO_STORE;
}

int store_domain_load(struct start *s, const char *cmdline)
{
    int rc = start_load(s, cmdline);

    if (rc)
        return rc;
    errno = 0;
    if (xc_domain_set_virq_handler(s->xch, s->builder.domid, VIRQ_DOM_EXC)) {
        s->builder.failed = "giving it the news of dying domains (VIRQ_DOM_EXC)";
        return start_builder_failed(s, errno ? -errno : -EIO);
    }
    return 0;
}

int store_domain_unpause(struct start *s)
{
    const int rc = domain_unpause(&s->builder);

    if (rc)
        return start_builder_failed(s, rc);
    report_step(s->r, "unpaused");
    return 0;
}

static bool dom0_port_bound(struct start *s)
{
    xc_evtchn_status_t status = {.dom = DOMID_SELF, .port = s->record.store_port};

    return xc_evtchn_status(s->xch, &status) == 0 && status.status == EVTCHNSTAT_interdomain;
}

static const char retry_advice[] = "the domain was removed, and it may be tried again";
static const char reboot_advice[] = "the domain was removed; dom0's kernel may wait for it, so "
                                    "reboot where the next try fails";

/*
 * Wait until the service has bound dom0's port. Only then is dom0 asked to talk to it: a request
 * that nobody answers would bind dom0's kernel to this domain until a reboot.
 */
static int wait_until_bound(struct start *s, uint64_t deadline)
{
    const struct timespec pause = {.tv_nsec = 300000};
    bool told = false;
    char what[128];

    while (!dom0_port_bound(s)) {
        const uint64_t now = report_now_ns();
        const char *reason = "";

        if (host_domain_state(s->xch, s->builder.domid, &reason) != HOST_DOMAIN_RUNS) {
            snprintf(what, sizeof(what), "domain %u %s before it served", s->builder.domid,
                     reason[0] ? reason : "vanished");
            return start_no_answer(s, what, retry_advice);
        }
        if (start_interrupted())
            return report_fail(s->r, ATOLL_INTERRUPTED, "interrupted; %s", retry_advice);
        if (now >= deadline) {
            snprintf(what, sizeof(what), "domain %u has not connected to dom0 in %u s",
                     s->builder.domid, s->opt->timeout_s);
            return start_no_answer(s, what, retry_advice);
        }
        if (!told && now + 1000000000u * (uint64_t)s->opt->timeout_s > deadline + 1000000000u) {
            report_note(s->r, "waiting for the service to connect (at most %u s)",
                        s->opt->timeout_s);
            told = true;
        }
        nanosleep(&pause, NULL);
    }
    report_step(s->r, "the service has connected");
    return 0;
}

int store_domain_wait(struct start *s)
{
    const uint64_t deadline = report_now_ns() + 1000000000u * (uint64_t)s->opt->timeout_s;
    char reply[XENSTORE_PAYLOAD_MAX], what[128];
    size_t len;
    int rc = wait_until_bound(s, deadline);

    if (rc)
        return rc;
    rc = store_open(&s->store, STORE_DEVICE, (int)s->opt->timeout_s * 1000);
    if (rc) {
        snprintf(what, sizeof(what), "cannot open " STORE_DEVICE " (%s)", strerror(-rc));
        return report_fail(s->r, ATOLL_NO_XEN, "%s; %s", what, retry_advice);
    }
    rc = store_request(&s->store, XS_DIRECTORY, "/", 2, reply, &len);
    if (rc) {
        snprintf(what, sizeof(what), "domain %u did not answer the first request (%s)",
                 s->builder.domid, strerror(-rc));
        return start_no_answer(s, what, reboot_advice);
    }
    s->store.timeout_ms = REQUEST_TIMEOUT_MS;
    report_step(s->r, "first answer");
    return 0;
}

static int write_nodes(struct start *s)
{
    const struct service_nodes nodes = {
        .domid = s->builder.domid,
        .name = s->opt->name,
        .memory_mb = s->config.memory_mb,
        .console_port = s->builder.console_port,
        .console_gfn = s->builder.console_gfn,
    };
    char path[128] = "/tool/xenstored/domid", domid[16];
    int rc;

    snprintf(domid, sizeof(domid), "%u", s->builder.domid);
    rc = store_write(&s->store, path, domid);
    if (!rc)
        rc = service_nodes_write(&s->store, &nodes, path, sizeof(path));
    if (rc == -ETIMEDOUT || rc == -EPROTO) {
        rc = report_fail(s->r, ATOLL_NO_ANSWER,
                         "domain %u answered and then failed to (%s: %s); reboot, since dom0's "
                         "kernel waits for it",
                         s->builder.domid, path, strerror(-rc));
        (void)host_show_console(s->r, s->builder.domid, s->builder.console_gfn);
        return rc;
    }
    if (rc)
        return report_fail(s->r, ATOLL_FAILURE,
                           "domain %u serves, but writing %s failed (%s); xl may not know it by "
                           "name",
                           s->builder.domid, path, strerror(-rc));
    report_step(s->r, "XenStore nodes written");
    return 0;
}

/* The file by which Xen's own scripts know that XenStore is there. */
static int write_pid_file(struct start *s)
{
    FILE *f;
    int ok;

    f = fopen(PID_FILE, "we");
    ok = f && fprintf(f, "domid:%u\n", s->builder.domid) > 0;
    if (f && fclose(f))
        ok = 0;
    if (!ok)
        return report_fail(s->r, ATOLL_FAILURE, "domain %u serves, but writing %s failed (%s)",
                           s->builder.domid, PID_FILE, strerror(errno));
    report_step(s->r, "%s written", PID_FILE);
    return 0;
}

/* The service answers. What fails now is told and does not end it: dom0 is bound to this domain. */
int store_domain_announce(struct start *s)
{
    int rc = write_nodes(s), rc2, rc3;

    if (rc == ATOLL_NO_ANSWER)
        return rc; /* libxl would wait for it without end */
    rc2 = write_pid_file(s);
    rc3 = start_record(s);
    return rc ? rc : rc2 ? rc2 : rc3;
}

/* From nothing to a domain that runs. */
static int build(struct start *s)
{
    char cmdline[START_CMDLINE_MAX];
    int rc;

    store_domain_configure(s);
    if ((rc = start_create(s)) || (rc = connect_dom0(s, cmdline, sizeof(cmdline))))
        return rc;
    rc = store_domain_load(s, cmdline);
    return rc ? rc : store_domain_unpause(s);
}

/* Go on where a start that was killed had left off: its domain runs, and dom0 may know it. */
static void resume(struct start *s)
{
    s->builder.domid = s->record.domid;
    s->builder.created = true;
    s->builder.console_gfn = s->record.console_gfn;
    s->builder.console_port = s->record.console_port;
    memcpy(s->builder.handle, s->record.handle, sizeof(s->builder.handle));
    start_hold_signals(s);
    report_note(s->r, "going on with domain %u, whose start was interrupted", s->builder.domid);
}

int start_xenstored(struct report *r, const struct start_options *opt)
{
    enum found found = FOUND_NOTHING;
    struct start s;
    int rc = start_begin(&s, r, opt);

    if (!rc && take_over_store_due(r, s.xch, opt->service)) {
        struct start_options locked = *opt;

        locked.locked = true;
        start_end(&s);
        report_note(r, "the last one is dead; taking its place");
        return take_over(r, &locked, NULL, NULL);
    }
    if (!rc)
        rc = refuse_second(&s, &found);
    if (!rc) {
        if (found == FOUND_UNANNOUNCED)
            resume(&s);
        else
            rc = build(&s);
        if (!rc)
            rc = store_domain_wait(&s);
        if (rc)
            start_undo(&s);
        else
            rc = store_domain_announce(&s);
    }
    start_end(&s);
    return rc;
}
