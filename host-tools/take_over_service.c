/* SPDX-License-Identifier: ISC */
#include "take_over_service.h"
#include "backends.h"
#include "feeds.h"
#include "host.h"
#include "remains.h"
#include "rules_state.h"
#include "service_nodes.h"
#include "start_service.h"
#include "start_steps.h"
#include "store_quota.h"
#include <errno.h>
#include <string.h>
#include <time.h>

/* How long the domid may take to be free: whoever still maps a page of the dead domain keeps it. */
#define VANISH_TIMEOUT_NS 5000000000u

struct take_over {
    struct start s;
    struct record old;
    uint32_t store_domid; /**< who serves XenStore */
    struct take_over_times *times;
    bool ruled; /**< it is a switch for which dom0 keeps rules */
    bool bare;  /**< somebody has removed its nodes */
};

bool take_over_possible(const char *service, struct record *record)
{
    char why[256];

    return record_read(service, record, why, sizeof(why)) == 1 && record->domid && record->started;
}

static int store_failed(struct take_over *t, const char *what, int error)
{
    return report_fail(t->s.r, ATOLL_FAILURE, "XenStore fails at %s (%s)", what, strerror(-error));
}

/* What the new image and the host's XenStore must be like, before anything ends. */
static int prepare(struct take_over *t)
{
    struct start *s = &t->s;
    int rc = remains_open_store(s->r, s->xch, &s->store);

    if (!rc && !take_over_possible(s->opt->service, &t->old))
        rc = report_fail(s->r, ATOLL_NOT_RUNNING, "there is no record of a predecessor");
    if (!rc)
        rc = host_find_store_domain(s->r, s->xch, &t->store_domid);
    t->ruled = rules_state_kept(s->opt->service);
    return rc;
}

/* Others map what the dead domain has granted: services that it feeds. */
static int let_go(struct take_over *t)
{
    int rc = feeds_let_go(t->s.r, &t->s.store, t->old.domid);

    return rc ? store_failed(t, "data/feed of a monitor", rc) : 0;
}

static int end_predecessor(struct take_over *t)
{
    const struct timespec pause = {.tv_nsec = 200000};
    struct start *s = &t->s;
    uint64_t deadline;
    uint32_t domid;
    int rc = host_find_domain(s->r, s->xch, t->old.handle, &domid);

    if (rc)
        return rc;
    if (domid && xc_domain_destroy(s->xch, domid))
        return report_fail(s->r, errno == EPERM ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                           "cannot destroy domain %u (%s)", domid, strerror(errno));
    t->times->destroyed = report_now_ns() - t->times->begin;
    report_step(s->r, "domain %u destroyed", t->old.domid);
    deadline = report_now_ns() + VANISH_TIMEOUT_NS;
    while (!rc && domid && report_now_ns() < deadline) {
        rc = host_find_domain(s->r, s->xch, t->old.handle, &domid);
        if (!rc && domid)
            nanosleep(&pause, NULL);
    }
    if (rc)
        return rc;
    if (domid)
        return report_fail(s->r, ATOLL_FAILURE,
                           "domain %u is dead, but somebody has its memory mapped: end what talks "
                           "to it, and try again",
                           t->old.domid);
    t->times->free = report_now_ns() - t->times->begin;
    report_step(s->r, "domid %u is free", t->old.domid);
    return 0;
}

/* Nodes as they were. What it had offered to its clients is void: they wait for what is new. */
static int put_nodes_right(struct take_over *t)
{
    struct start *s = &t->s;
    char path[128], value[64];
    unsigned vifs = 0;
    int rc;

    snprintf(path, sizeof(path), "/local/domain/%u/domid", t->old.domid);
    rc = store_read(&s->store, path, value, sizeof(value));
    t->bare = rc == -ENOENT;
    if (t->bare) {
        rc = service_nodes_home(&s->store, t->old.domid, path, sizeof(path));
        if (!rc)
            rc = backends_restore(&s->store, t->old.domid, &vifs);
        if (!rc)
            report_step(s->r, "its nodes were removed: put back, with %u vifs", vifs);
    } else if (!rc) {
        snprintf(path, sizeof(path), "/local/domain/%u/data/vchan", t->old.domid);
        rc = store_remove(&s->store, path);
        rc = rc == -ENOENT ? 0 : rc;
    }
    return rc ? store_failed(t, path, rc) : 0;
}

static int build(struct take_over *t)
{
    char cmdline[START_CMDLINE_MAX];
    struct start *s = &t->s;
    int rc;

    start_service_limits(s, t->store_domid);
    s->config.domid = t->old.domid;
    s->config.predecessor = t->old.handle;
    rc = start_create(s);
    if (rc)
        return rc;
    /* Guests that are connected are served at once: not before the rules are there. */
    snprintf(cmdline, sizeof(cmdline), "%s%s%s", t->ruled ? "rules=1" : "",
             t->ruled && s->opt->cmdline[0] ? " " : "", s->opt->cmdline);
    rc = start_load(s, cmdline);
    t->times->built = report_now_ns() - t->times->begin;
    return rc;
}

static int let_run(struct take_over *t)
{
    struct start *s = &t->s;
    int rc =
        store_introduce(&s->store, s->builder.domid, s->builder.store_gfn, s->builder.store_port);

    if (rc)
        return store_failed(t, "the introduction of its successor", rc);
    rc = domain_unpause(&s->builder);
    if (rc)
        return start_builder_failed(s, rc);
    t->times->unpaused = report_now_ns() - t->times->begin;
    report_step(s->r, "introduced and unpaused");
    return 0;
}

/* It serves: rules first, as guests wait for them; then what people and tools look for. */
static int settle(struct take_over *t)
{
    struct start *s = &t->s;
    const struct service_nodes nodes = start_service_nodes(s);
    char path[128];
    bool given = false;
    int rc;

    start_take_interrupts(s);
    start_service_published(s);
    if (t->ruled) {
        rc = rules_restore_started(s->r, s->opt->service, s->builder.domid,
                                   (int)s->opt->timeout_s * 1000, &given);
        if (rc)
            return rc;
        report_step(s->r, given ? "rules in force" : "it has its rules");
    }
    rc = start_service_healthy(s);
    t->times->answered = report_now_ns() - t->times->begin;
    if (!rc)
        rc = start_record(s);
    if (rc)
        return rc;
    rc = service_nodes_write(&s->store, &nodes, path, sizeof(path));
    if (rc)
        return store_failed(t, path, rc);
    (void)feeds_started(s->r, &s->store, s->opt->service);
    report_step(s->r, "XenStore nodes and feeds as before");
    if (t->bare)
        store_hold_set(s->r, &s->store, t->store_domid, s->builder.domid, SERVICE_HOLD_S);
    return 0;
}

/* Nothing of the successor stays but the record of whom it should have followed. */
static void undo(struct take_over *t)
{
    struct start *s = &t->s;

    if (!s->held)
        return;
    domain_undo(&s->builder);
    (void)record_write(s->r, &t->old);
    report_note(s->r, "its place is kept for %u s: try again", SERVICE_HOLD_S);
}

int take_over_service(struct report *r, const struct start_options *opt,
                      struct take_over_times *times)
{
    struct take_over t = {.times = times};
    int rc = start_begin(&t.s, r, opt);

    if (!rc)
        rc = prepare(&t);
    if (!rc)
        rc = let_go(&t);
    if (!rc)
        rc = end_predecessor(&t);
    if (!rc)
        rc = put_nodes_right(&t);
    if (!rc) {
        rc = build(&t);
        if (!rc)
            rc = let_run(&t);
        if (!rc)
            rc = settle(&t);
        if (rc)
            undo(&t);
    }
    start_end(&t.s);
    return rc;
}
