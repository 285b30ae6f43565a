/* SPDX-License-Identifier: ISC */
#include "start_xenstored.h"
#include "domain_builder.h"
#include "host.h"
#include "libxl_record.h"
#include "service_nodes.h"
#include "store_client.h"
#include "xenbus_setup.h"
#include <errno.h>
#include <signal.h>
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

struct start {
    struct report *r;
    const struct start_options *opt;
    xc_interface *xch;
    struct image image;
    struct domain_config config;
    struct domain_builder builder;
    struct store_client store;
    evtchn_port_t dom0_port; /* dom0's end of its connection to the service */
    char cmdline[START_CMDLINE_MAX];
};

static int load_image(struct start *s)
{
    char why[256];

    if (image_load(s->opt->kernel, s->opt->memory_mb, &s->image, why, sizeof(why)))
        return report_fail(s->r, ATOLL_BAD_IMAGE, "%s %s", s->opt->kernel, why);
    report_step(s->r, "image checked: %zu bytes, needs memory %#llx to %#llx, entry %#x",
                s->image.size, (unsigned long long)s->image.start_addr,
                (unsigned long long)s->image.end_addr, s->image.entry);
    return 0;
}

/* There is a XenStore domain already: dead, alive, or one that a killed start has left. */
static int other_domain(struct start *s, uint32_t domid)
{
    const char *reason = "";

    switch (host_domain_state(s->xch, domid, &reason)) {
    case HOST_DOMAIN_RUNS:
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
static int refuse_second(struct start *s)
{
    const char *socket;
    uint32_t domid;
    int rc = host_find_store_domain(s->r, s->xch, &domid);

    if (!rc && domid != HOST_NO_DOMAIN)
        rc = other_domain(s, domid);
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

static int builder_failed(struct start *s, int error)
{
    if (error == -EPERM || error == -EACCES)
        return report_fail(s->r, ATOLL_NO_RIGHTS, "%s failed (%s); Xen's policy forbids it",
                           s->builder.failed, strerror(-error));
    if (error == -EEXIST && s->opt->domid)
        return report_fail(s->r, ATOLL_FAILURE, "%s failed: domid %u is in use; choose another",
                           s->builder.failed, s->opt->domid);
    return report_fail(s->r, ATOLL_FAILURE,
                       "%s failed (%s); nothing was left behind, -vv says more", s->builder.failed,
                       strerror(-error));
}

static int create(struct start *s)
{
    int rc;

    s->config = (struct domain_config){
        .image = &s->image,
        .memory_mb = s->opt->memory_mb,
        .domid = s->opt->domid,
        .flask_label = s->opt->flask,
        .xs_domain = true,
        .max_grant_frames = GRANT_FRAMES,
        .max_maptrack_frames = MAPTRACK_FRAMES,
        .max_evtchn_port = UINT32_MAX,
        .store_domid = DOMAIN_NO_STORE,
    };
    rc = domain_create(&s->builder, &s->config);
    if (rc)
        return builder_failed(s, rc);
    report_step(s->r, "domain %u created", s->builder.domid);
    return 0;
}

/* Connect dom0's kernel; its port goes onto the service's command line. */
static int connect_dom0(struct start *s)
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
    s->dom0_port = (evtchn_port_t)port;
    snprintf(s->cmdline, sizeof(s->cmdline), "--event %u%s%s", s->dom0_port,
             s->opt->param[0] ? " " : "", s->opt->param);
    report_step(s->r, "dom0's kernel connected, port %u", s->dom0_port);
    return 0;
}

static int load(struct start *s)
{
    int rc = domain_load(&s->builder, &s->config, s->cmdline);

    if (rc)
        return builder_failed(s, rc);
    report_step(s->r, "memory and image in place, command line \"%s\"", s->cmdline);
    errno = 0;
    if (xc_domain_set_virq_handler(s->xch, s->builder.domid, VIRQ_DOM_EXC)) {
        s->builder.failed = "giving it the news of dying domains (VIRQ_DOM_EXC)";
        return builder_failed(s, errno ? -errno : -EIO);
    }
    rc = domain_unpause(&s->builder);
    if (rc)
        return builder_failed(s, rc);
    report_step(s->r, "unpaused");
    return 0;
}

/* Whether the caller wants an end: these signals are held back while a domain is half made. */
static bool interrupted(void)
{
    sigset_t pending;

    return sigpending(&pending) == 0 &&
           (sigismember(&pending, SIGINT) == 1 || sigismember(&pending, SIGTERM) == 1 ||
            sigismember(&pending, SIGHUP) == 1);
}

static bool dom0_port_bound(struct start *s)
{
    xc_evtchn_status_t status = {.dom = DOMID_SELF, .port = s->dom0_port};

    return xc_evtchn_status(s->xch, &status) == 0 && status.status == EVTCHNSTAT_interdomain;
}

/* The one line of a service that does not come up, with what it left on its console. */
static int no_answer(struct start *s, const char *what, const char *advice)
{
    const int code = report_fail(s->r, ATOLL_NO_ANSWER, "%s; %s", what, advice);

    if (!host_show_console(s->r, s->builder.domid, s->builder.console_gfn))
        fprintf(s->r->out, "    (its console is empty; see also `xl dmesg`)\n");
    return code;
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
            return no_answer(s, what, retry_advice);
        }
        if (interrupted())
            return report_fail(s->r, ATOLL_FAILURE, "interrupted; %s", retry_advice);
        if (now >= deadline) {
            snprintf(what, sizeof(what), "domain %u has not connected to dom0 in %u s",
                     s->builder.domid, s->opt->timeout_s);
            return no_answer(s, what, retry_advice);
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

static int wait_for_answer(struct start *s)
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
        return no_answer(s, what, reboot_advice);
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
        .memory_mb = s->opt->memory_mb,
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

static int write_record(struct start *s)
{
    const struct libxl_record record = {
        .domid = s->builder.domid,
        .name = s->opt->name,
        .handle = s->builder.handle,
        .kernel = s->opt->kernel,
        .cmdline = s->cmdline,
        .memory_mb = s->opt->memory_mb,
    };

    if (libxl_record_write(&s->r->logger, &record))
        return report_fail(s->r, ATOLL_FAILURE,
                           "domain %u serves, but libxl's record of it could not be written; "
                           "`xl list -l` will leave it out",
                           s->builder.domid);
    report_step(s->r, "libxl's record written");
    return 0;
}

/* The service answers. What fails now is told and does not end it: dom0 is bound to this domain. */
static int announce(struct start *s)
{
    int rc = write_nodes(s), rc2, rc3;

    if (rc == ATOLL_NO_ANSWER)
        return rc; /* libxl would wait for it without end */
    rc2 = write_record(s);
    rc3 = write_pid_file(s);
    return rc ? rc : rc2 ? rc2 : rc3;
}

static int run(struct start *s)
{
    int rc;

    if ((rc = create(s)) || (rc = connect_dom0(s)) || (rc = load(s)) || (rc = wait_for_answer(s))) {
        domain_undo(&s->builder);
        return rc;
    }
    domain_finish(&s->builder);
    return announce(s);
}

int start_xenstored(struct report *r, const struct start_options *opt)
{
    struct start s = {.r = r, .opt = opt, .store.fd = -1};
    sigset_t held, before;
    int rc;

    rc = load_image(&s);
    if (rc)
        return rc;
    rc = host_open(r, &s.xch);
    if (!rc)
        rc = host_lock(r, opt->service);
    if (!rc)
        rc = refuse_second(&s);
    if (!rc) {
        domain_builder_init(&s.builder, s.xch);
        sigemptyset(&held);
        sigaddset(&held, SIGINT);
        sigaddset(&held, SIGTERM);
        sigaddset(&held, SIGHUP);
        sigprocmask(SIG_BLOCK, &held, &before);
        rc = run(&s);
        sigprocmask(SIG_SETMASK, &before, NULL);
    }
    store_close(&s.store);
    if (s.xch)
        xc_interface_close(s.xch);
    image_free(&s.image);
    return rc;
}
