/* SPDX-License-Identifier: ISC */
#include "take_over_store.h"
#include "host.h"
#include "start_steps.h"
#include "start_xenstored.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* A state larger than that does not fit into the domain beside its image and its heap. */
#define STATE_MAX (256u << 20)

/*
 * How long the domid may take to be free. Whoever still maps a page of the dead domain keeps it a
 * zombie: a control client, or who keeps its journal, until they look.
 */
#define VANISH_TIMEOUT_NS 5000000000u

struct take_over {
    struct start start; /* of the successor */
    struct record old;
    struct journal_copy copy; /* what the successor starts from */
    void *state;              /* the same, from a file that was named */
    struct take_over_times *times;
    bool paused; /* by us */
};

static const uint8_t no_handle[16];

static void now(const struct take_over *t, uint64_t *time)
{
    *time = report_now_ns() - t->times->begin;
}

/* --- the state ---------------------------------------------------------------------------------
 */

static int read_state(struct take_over *t)
{
    const char *file = t->start.opt->state;
    FILE *f = fopen(file, "re");
    long size = -1;
    int rc = 0;

    if (f && !fseek(f, 0, SEEK_END))
        size = ftell(f);
    if (size > 0 && size <= (long)STATE_MAX && !fseek(f, 0, SEEK_SET))
        t->state = malloc((size_t)size);
    if (!t->state || fread(t->state, 1, (size_t)size, f) != (size_t)size)
        rc = report_fail(t->start.r, ATOLL_FAILURE,
                         "cannot read a state of at most %u MiB from %s (%s)", STATE_MAX >> 20,
                         file, strerror(errno ? errno : EINVAL));
    if (f)
        fclose(f);
    t->start.config.module = t->state;
    t->start.config.module_size = rc ? 0 : (size_t)size;
    return rc;
}

/* Can the image read it? Asked before anything is stopped. */
static int check_version(struct take_over *t, uint32_t version)
{
    const struct image *image = &t->start.image;

    if (!version || (version >= image->state_reads_from && version <= image->state_reads_to))
        return 0;
    if (!image->state_reads_to)
        return report_fail(t->start.r, ATOLL_BAD_IMAGE,
                           "%s reads no predecessor's state, and the one that runs has a state of "
                           "version %u; nothing was stopped",
                           t->start.opt->kernel, version);
    return report_fail(t->start.r, ATOLL_BAD_IMAGE,
                       "%s reads states of the versions %u to %u, and the one that runs writes "
                       "%u; nothing was stopped",
                       t->start.opt->kernel, image->state_reads_from, image->state_reads_to,
                       version);
}

/* Map the pages of a domain: before it is stopped, because it takes a while. */
static int map_pages(struct start *s, const struct record *record, struct journal_map *map,
                     const char **why)
{
    int rc = journal_map(s->r, s->xch, record, map);

    *why = rc == -ENOENT ? "it was started without a journal" : "its pages cannot be mapped";
    return rc;
}

/*
 * Read what is mapped of a domain that is stopped. 0, or -errno and the reason; @copy may be there
 * then, too, and is of use for its first page.
 */
static int copy_pages(const struct journal_map *map, struct journal_copy *copy, const char **why)
{
    int rc;

    *why = "out of memory";
    rc = journal_copy(map, copy);
    return rc ? rc : journal_copy_check(copy, why);
}

/* Is it of the recorded domain, or of the one that this was to succeed? */
static bool is_of(const struct take_over *t, const struct journal_copy *copy)
{
    const struct record *old = &t->old;

    if (!copy || !copy->data)
        return false;
    return memcmp(copy->handle, old->handle, 16) == 0 ||
           (!old->started && memcmp(old->predecessor, no_handle, 16) != 0 &&
            memcmp(copy->handle, old->predecessor, 16) == 0);
}

/* A copy that the caller has, or else the one on the disk. 0, or -ENOENT and a reason. */
static int use_kept(struct take_over *t, const struct journal_copy *given, const char **why)
{
    struct journal_copy kept = {0};
    int rc = -ENOENT;

    *why = "no copy of its journal is kept";
    if (is_of(t, given)) {
        rc = journal_copy_check(given, why);
        t->copy = *given;
        t->copy.data = rc ? NULL : malloc(given->size);
        if (t->copy.data)
            memcpy(t->copy.data, given->data, given->size);
        if (!rc)
            return t->copy.data ? 0 : -ENOMEM;
    }
    if (journal_kept(t->start.opt->service, &kept) == 1 && is_of(t, &kept))
        rc = journal_copy_check(&kept, why);
    if (rc) {
        journal_copy_free(&kept);
    } else {
        journal_copy_cut(&kept);
        t->copy = kept;
    }
    return rc;
}

/* Pause it, where it runs. Whether it has a state: it has run. */
static int stop_it(struct take_over *t, uint32_t domid, bool *ran)
{
    struct start *s = &t->start;
    const char *reason;

    *ran = true;
    switch (host_domain_state(s->xch, domid, &reason)) {
    case HOST_DOMAIN_UNBORN:
    case HOST_DOMAIN_GONE:
        *ran = false;
        return 0;
    case HOST_DOMAIN_ENDED:
        return 0;
    case HOST_DOMAIN_RUNS:
        break;
    }
    if (xc_domain_pause(s->xch, domid))
        return report_fail(s->r, errno == EPERM ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                           "cannot pause domain %u (%s)", domid, strerror(errno));
    t->paused = true;
    now(t, &t->times->paused);
    report_step(s->r, "domain %u paused", domid);
    return 0;
}

/* It was paused by us, or by one that was killed after that: each pause counts. */
static void let_go_on(struct take_over *t, uint32_t domid)
{
    xc_domaininfo_t info;

    for (int i = 0; t->paused && i < 16; i++) {
        xc_domain_unpause(t->start.xch, domid);
        if (xc_domain_getinfolist(t->start.xch, domid, 1, &info) != 1 || info.domain != domid ||
            !(info.flags & XEN_DOMINF_paused))
            break;
    }
}

static int acquire(struct take_over *t, const struct journal_copy *given)
{
    struct start *s = &t->start;
    const char *why = "the domain is gone";
    struct journal_copy copy = {0};
    struct journal_map map = {0};
    bool ran = false;
    uint32_t domid;
    int rc = host_find_domain(s->r, s->xch, t->old.handle, &domid), error = -ENOENT;

    if (!rc && domid) {
        error = map_pages(s, &t->old, &map, &why);
        rc = stop_it(t, domid, &ran);
    }
    if (!ran)
        error = -ENOENT;
    else if (!rc && !error)
        error = copy_pages(&map, &copy, &why);
    journal_unmap(&map);
    if (rc) {
        journal_copy_free(&copy);
        return rc;
    }
    if (!error) {
        t->copy = copy;
    } else {
        if (ran)
            report_step(s->r, "domain %u has no state to go on from: %s", domid, why);
        /* A successor that never came so far as to write has the state of its predecessor. */
        if (!ran || !t->old.started) {
            error = use_kept(t, given, &why);
            if (!error)
                journal_copy_carry(&t->copy, &copy);
        }
        journal_copy_free(&copy);
    }
    if (error && t->paused) {
        let_go_on(t, domid);
        return report_fail(s->r, ATOLL_UNSUPPORTED,
                           "there is no state to go on from: %s; it was let go on", why);
    }
    if (error)
        return report_fail(s->r, ATOLL_NEEDS_REBOOT,
                           "the state of this host's XenStore is lost (domain %u: %s); reboot",
                           t->old.domid, why);
    rc = check_version(t, t->copy.version);
    if (!rc)
        rc = journal_keep(s->r, s->opt->service, &t->copy);
    if (rc) {
        let_go_on(t, domid);
        return rc;
    }
    now(t, &t->times->copied);
    report_step(s->r, "its journal copied, %zu KiB", t->copy.size >> 10);
    s->config.module = t->copy.data;
    s->config.module_size = t->copy.size;
    return 0;
}

/* --- one in the place of the other --------------------------------------------------------------
 */

/* End the predecessor, where it is still there, and wait until its domid is free. */
static int remove_predecessor(struct take_over *t)
{
    const struct timespec pause = {.tv_nsec = 200000};
    struct start *s = &t->start;
    uint64_t deadline;
    uint32_t domid;
    int rc = host_find_domain(s->r, s->xch, t->old.handle, &domid);

    t->old.taken = true; /* who keeps pages of it mapped lets go */
    if (!rc)
        rc = record_write(s->r, &t->old);
    if (rc)
        return rc;
    if (domid && xc_domain_destroy(s->xch, domid))
        return report_fail(s->r, errno == EPERM ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                           "cannot destroy domain %u (%s)", domid, strerror(errno));
    now(t, &t->times->destroyed);
    report_step(s->r, "domain %u destroyed", t->old.domid);
    deadline = report_now_ns() + VANISH_TIMEOUT_NS;
    while (domid && report_now_ns() < deadline) {
        rc = host_find_domain(s->r, s->xch, t->old.handle, &domid);
        if (rc)
            return rc;
        if (domid)
            nanosleep(&pause, NULL);
    }
    if (domid)
        return report_fail(s->r, ATOLL_FAILURE,
                           "domain %u is dead, but somebody has its memory mapped; end who talks "
                           "to it, and `atoll start %s` goes on",
                           t->old.domid, s->opt->service);
    now(t, &t->times->free);
    report_step(s->r, "domid %u is free", t->old.domid);
    return 0;
}

static int build_successor(struct take_over *t)
{
    struct start *s = &t->start;
    char cmdline[START_CMDLINE_MAX];
    int rc;

    store_domain_configure(s);
    s->config.domid = s->record.domid = t->old.domid;
    s->record.store_port = t->old.store_port;
    memcpy(s->record.predecessor, t->copy.handle, 16);
    rc = start_create(s);
    if (rc)
        return rc;
    snprintf(cmdline, sizeof(cmdline), "--event %u%s%s", s->record.store_port,
             s->opt->cmdline[0] ? " " : "", s->opt->cmdline);
    rc = store_domain_load(s, cmdline);
    if (rc)
        return rc;
    now(t, &t->times->built);
    rc = store_domain_unpause(s);
    now(t, &t->times->unpaused);
    return rc;
}

/*
 * The successor does not come up. What it has promised to guests before is newer than the copy that
 * it started from; the domain goes, the record and the newer of the two stay.
 */
static void give_up(struct take_over *t)
{
    struct start *s = &t->start;
    struct journal_copy newer = {0};
    struct journal_map map;
    const char *why;

    if (!s->builder.created)
        return;
    if (!xc_domain_pause(s->xch, s->builder.domid) && !map_pages(s, &s->record, &map, &why)) {
        int rc = copy_pages(&map, &newer, &why);

        if (!rc && newer.version == t->copy.version) {
            (void)journal_keep(s->r, s->opt->service, &newer);
        } else if (rc && t->copy.data) {
            journal_copy_carry(&t->copy, &newer);
            (void)journal_keep(s->r, s->opt->service, &t->copy);
        }
        journal_unmap(&map);
    }
    journal_copy_free(&newer);
    domain_undo(&s->builder);
    if (!s->opt->state)
        report_note(s->r, "its state is kept; `atoll start %s` goes on from it", s->opt->service);
}

static int succeed(struct take_over *t)
{
    struct start *s = &t->start;
    int rc = remove_predecessor(t);

    if (rc)
        return rc;
    rc = build_successor(t);
    if (!rc)
        rc = store_domain_wait(s);
    if (rc) {
        give_up(t);
        return rc;
    }
    now(t, &t->times->answered);
    rc = store_domain_announce(s);
    if (s->record.started)
        journal_forget(s->opt->service);
    return rc;
}

int take_over_store(struct report *r, const struct start_options *opt,
                    const struct journal_copy *copy, struct take_over_times *times)
{
    struct take_over t = {.times = times};
    struct start *s = &t.start;
    char why[512];
    int rc = start_begin(s, r, opt);

    if (!rc && record_read(opt->service, &t.old, why, sizeof(why)) != 1)
        rc = report_fail(r, ATOLL_NOT_RUNNING, "there is no record of a predecessor");
    if (!rc && (!t.old.domid || !t.old.store_port))
        rc = report_fail(r, ATOLL_NEEDS_REBOOT,
                         "its record does not say where dom0 has reached it; reboot");
    if (!rc && !opt->state)
        rc = check_version(&t, t.old.state_version);
    if (!rc) {
        start_hold_signals(s);
        rc = opt->state ? read_state(&t) : acquire(&t, copy);
        if (!rc)
            rc = succeed(&t);
    }
    start_end(s);
    free(t.state);
    journal_copy_free(&t.copy);
    return rc;
}

bool take_over_store_due(struct report *r, xc_interface *xch, const char *service)
{
    struct record record;
    const char *reason;
    char why[512];
    uint32_t domid;

    if (record_read(service, &record, why, sizeof(why)) != 1 || !record.domid || !record.store_port)
        return false;
    if (!record.started)
        return memcmp(record.predecessor, no_handle, 16) != 0;
    if (record.taken)
        return true;
    if (host_find_domain(r, xch, record.handle, &domid))
        return false;
    return !domid || host_domain_state(xch, domid, &reason) != HOST_DOMAIN_RUNS;
}
