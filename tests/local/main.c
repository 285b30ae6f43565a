/* SPDX-License-Identifier: ISC */
/*
 * xenstored-local: the XenStore service on the simulator, behind a Unix socket as upstream's
 * daemons have it, so that their clients run against it on any Linux machine.
 */
#include "bridge.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "hv/sim/sim.h"
#include "tests/bench/no_guard.h"

enum {
    DOM0 = 0,
    STORE = 1, /* the domid that init-xenstore-domain gets on a host that has just started */
    PAGES_PER_MB = (1 << 20) / HV_PAGE_SIZE,
    DOM0_PAGES = HV_EVTCHN_PORTS + 16, /* a ring for each port it can have */
    DEFAULT_MB = 8,
    MAX_MB = 16384,
};

static volatile sig_atomic_t stopping;

static void stop(int number)
{
    stopping = 1;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "xenstored-local: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void usage(FILE *out)
{
    fputs("usage: xenstored-local [--socket PATH] [--memory MB] [--journal MB]\n"
          "\n"
          "Serve XenStore on a Unix socket; each connection is one of dom0's.\n"
          "  --socket PATH  where to listen ($XENSTORED_PATH, else /run/xenstored/socket)\n"
          "  --memory MB    what the service's domain has (8)\n"
          "  --journal MB   of this, for a journal that nobody reads (0: none)\n",
          out);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        fail(path);
    }
    memcpy(address.sun_path, path, strlen(path));
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, SOMAXCONN)) {
        fail(path);
    }
    return fd;
}

static uint64_t monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * HV_SEC + (uint64_t)now.tv_nsec;
}

/** Until which time epoll may sleep, for a service that asked for @deadline. */
static int poll_timeout(uint64_t deadline, uint64_t now)
{
    if (deadline == HV_NEVER) {
        return -1;
    }
    if (deadline <= now) {
        return 0;
    }
    deadline = (deadline - now + HV_MSEC - 1) / HV_MSEC;
    return deadline > INT_MAX ? INT_MAX : (int)deadline;
}

/** Step the service and move its answers until neither has anything to do. */
static uint64_t run_service(struct xenstored *xs, struct bridge *bridge)
{
    uint64_t deadline;
    bool any;

    do {
        deadline = xenstored_step(xs);
        any = bridge_handle_events(bridge);
    } while (deadline == 0 || any);
    return deadline;
}

static void serve(struct sim *sim, struct hv *dom0, struct xenstored *xs, int listener)
{
    struct bridge *bridge = bridge_create(dom0, STORE, xs, listener);
    uint64_t start = monotonic(), now = 0, deadline = 0;

    if (!bridge) {
        fail("epoll");
    }
    puts("xenstored-local: ready");
    fflush(stdout);
    while (!stopping) {
        int error = bridge_poll(bridge, poll_timeout(deadline, now));

        if (error && error != -EINTR) {
            errno = -error;
            fail("epoll");
        }
        now = monotonic() - start;
        sim_run(sim, now, 1); /* no domain has an actor: this only sets the clock */
        deadline = run_service(xs, bridge);
    }
    bridge_destroy(bridge);
}

/** The ring that dom0's kernel has on a real host; the service takes it as dom0's first. */
static void attach_dom0(struct hv *dom0, struct xenstored *xs, void **page, evtchn_port_t *port)
{
    *page = hv_page_alloc(dom0, 1);
    if (!*page || hv_evtchn_alloc_unbound(dom0, STORE, port)) {
        fail("dom0's ring");
    }
    sim_grant_reserved(dom0, HV_GNTTAB_XENSTORE, STORE, *page);
    errno = -xenstored_attach(xs, DOM0, HV_GNTTAB_XENSTORE, *port);
    if (errno) {
        fail("dom0's ring");
    }
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                            {"memory", required_argument, NULL, 'm'},
                                            {"journal", required_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    const char *path = getenv("XENSTORED_PATH");
    long memory = DEFAULT_MB, journal = 0;
    struct sigaction action = {.sa_handler = stop};
    struct sim_domain_config dom0_config = {.domid = DOM0, .pages = DOM0_PAGES};
    struct sim_domain_config store_config = {.domid = STORE, .xs_domain = true};
    struct xenstored_config xs_config = {0};
    struct sim *sim;
    struct hv *dom0, *store;
    struct xenstored *xs;
    evtchn_port_t port;
    void *page;
    int option, listener;

    while ((option = getopt_long(argc, argv, "s:m:j:h", options, NULL)) != -1) {
        switch (option) {
        case 's':
            path = optarg;
            break;
        case 'm':
            memory = strtol(optarg, NULL, 10);
            break;
        case 'j':
            journal = strtol(optarg, NULL, 10);
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 2;
        }
    }
    if (optind != argc || memory < 1 || memory > MAX_MB || journal < 0 || journal > MAX_MB) {
        usage(stderr);
        return 2;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);

    path = path ? path : "/run/xenstored/socket";
    listener = listen_at(path);
    store_config.pages = (unsigned)memory * PAGES_PER_MB;
    store_config.reserved_pages = journal ? (unsigned)journal * PAGES_PER_MB + 1 : 0;
    sim = sim_create(1);
    dom0 = sim_domain_create(sim, &dom0_config);
    store = sim_domain_create(sim, &store_config);
    if (store) {
        no_guard(store);
        xs_config.reserved = hv_reserved(store, &xs_config.reserved_pages);
    }
    xs = store ? xenstored_create(store, &xs_config) : NULL;
    if (!dom0 || !xs) {
        errno = ENOMEM;
        fail("the service");
    }
    attach_dom0(dom0, xs, &page, &port);
    serve(sim, dom0, xs, listener);

    /* Ending in good order lets the simulator check that nothing was left behind. */
    unlink(path);
    close(listener);
    xenstored_destroy(xs);
    hv_evtchn_close(dom0, port);
    sim_destroy(sim);
    return 0;
}
