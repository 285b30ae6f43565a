/* SPDX-License-Identifier: ISC */
#include "watch.h"
#include "exit_codes.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define SECOND_NS 1000000000ull

static void tell(const struct watch *watch, const struct watch_host *host, int level,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static void tell(const struct watch *watch, const struct watch_host *host, int level,
                 const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    host->tell(host->context, watch, level, text);
}

static void publish(struct watch *watch, const struct watch_host *host)
{
    watch->unpublished = false;
    host->publish(host->context, watch);
}

uint64_t watch_pause(uint64_t row)
{
    if (row <= 1)
        return 0;
    return row > 7 || (SECOND_NS << (row - 2)) > WATCH_PAUSE_MAX_NS ? WATCH_PAUSE_MAX_NS
                                                                    : SECOND_NS << (row - 2);
}

void watch_begin(struct watch *watch, const char *service, uint32_t limit,
                 const struct watch_state *state)
{
    memset(watch, 0, sizeof(*watch));
    watch->limit = limit;
    watch->state = *state;
    snprintf(watch->record.service, sizeof(watch->record.service), "%s", service);
    snprintf(watch->state.service, sizeof(watch->state.service), "%s", service);
    watch->state.retry = 0;
}

/* Of what was taken; when nobody waits for us any more. */
static void save(struct watch *watch, const struct watch_host *host)
{
    const struct watch_state *state = &watch->state;

    if (!watch->unsaved)
        return;
    watch->unsaved = false;
    host->save(host->context, watch);
    if (state->report[0])
        tell(watch, host, LOG_ERR, "%s, domain %u: why it %s is in the report %s", state->service,
             watch->record.domid, state->reason, state->report);
    else
        tell(watch, host, LOG_ERR, "%s, domain %u: no report of its death could be written",
             state->service, watch->record.domid);
}

static void forget(struct watch *watch, const struct watch_host *host)
{
    host->let_go(host->context, watch);
    save(watch, host);
    image_free(&watch->image); /* what was taken has names in it: those go, too */
    free(watch->journal);
    watch->journal = NULL;
    watch->journal_bytes = 0;
    watch->taken = false;
}

/* Its record names a domain that was started. */
static void adopt(struct watch *watch, const struct watch_host *host, const struct record *record)
{
    const bool was_waiting = watch->state.retry || watch->state.gave_up;

    forget(watch, host);
    watch->record = *record;
    watch->phase = WATCH_WATCHED;
    watch->no_record = false;
    watch->state.retry = 0;
    watch->state.gave_up = false;
    host->keep(host->context, watch);
    tell(watch, host, LOG_INFO, "%s, domain %u, is watched", record->service, record->domid);
    if (was_waiting)
        publish(watch, host);
}

/* Somebody has stopped it. */
static void idle(struct watch *watch, const struct watch_host *host)
{
    const bool was_waiting = watch->state.retry || watch->state.gave_up;

    forget(watch, host);
    watch->phase = WATCH_IDLE;
    watch->no_record = false;
    watch->state.retry = 0;
    watch->state.gave_up = false;
    watch->state.row = 0;
    if (was_waiting)
        publish(watch, host);
}

/*
 * The record as it is now: is it still that of the domain that is known? A record that cannot be
 * read changes nothing; one without a time is of a start that is under way, or has failed.
 */
static bool same_domain(struct watch *watch, const struct watch_host *host)
{
    struct record record;
    const int rc = host->read(host->context, watch->record.service, &record);

    if (rc < 0)
        return true;
    if (rc == 0 && watch->no_record)
        return true;
    if (rc == 0) {
        idle(watch, host);
        return false;
    }
    watch->no_record = false;
    if (memcmp(record.handle, watch->record.handle, sizeof(record.handle)) == 0) {
        /* Another command has what it needs, and waits for the domid. */
        watch->record.taken = record.taken;
        if (record.taken)
            host->let_go(host->context, watch);
        return true;
    }
    if (!record.started)
        return true;
    adopt(watch, host, &record);
    return false;
}

static void take(struct watch *watch, const struct watch_host *host)
{
    if (!watch->taken)
        host->take(host->context, watch);
    watch->taken = true;
}

/* When its successor is due, or that there will be none. */
static void plan(struct watch *watch, const struct watch_host *host, uint64_t now, bool hopeless)
{
    struct watch_state *state = &watch->state;
    const uint64_t pause = watch_pause(state->row);

    state->retry = 0;
    state->gave_up = hopeless || state->row > watch->limit;
    if (state->gave_up) {
        watch->phase = WATCH_GIVEN_UP;
        tell(watch, host, LOG_CRIT,
             "%s is left dead after %llu failures in a row (%s); `atoll crash show %s` says why, "
             "`atoll restart %s` tries again",
             state->service, (unsigned long long)state->row,
             hopeless ? "only a reboot helps" : "`recover` of atoll.conf", state->service,
             state->service);
    } else {
        watch->phase = WATCH_WAITING;
        watch->due = now + pause;
        state->retry = pause ? host->wallclock(host->context) + pause : 0;
        if (pause)
            tell(watch, host, LOG_WARNING, "%s: failure %llu in a row; the next try in %llu s",
                 state->service, (unsigned long long)state->row,
                 (unsigned long long)(pause / SECOND_NS));
    }
    if (watch->state.gave_up || pause) {
        save(watch, host);
        publish(watch, host);
    }
}

/* It is dead, we hold its lock, and its record says that nobody wanted that. */
static void bury(struct watch *watch, const struct watch_host *host, const char *reason,
                 uint64_t now)
{
    struct watch_state *state = &watch->state;
    const uint64_t wall = host->wallclock(host->context);
    const uint64_t started = watch->record.started * SECOND_NS;

    if (wall > started && wall - started >= WATCH_WELL_NS)
        state->row = 0;
    state->row++;
    state->deaths++;
    state->last_death = wall;
    snprintf(state->reason, sizeof(state->reason), "%s", reason);
    state->report[0] = '\0';
    take(watch, host);
    host->hand_on(host->context, watch); /* before its pages go */
    host->let_go(host->context, watch);
    watch->unsaved = true;
    tell(watch, host, LOG_ERR, "%s, domain %u, %s", state->service, watch->record.domid, reason);
    plan(watch, host, now, false);
}

static bool found_dead(struct watch *watch, const struct watch_host *host, enum watch_sight sight,
                       const char *reason, uint64_t now)
{
    const int lock = host->lock(host->context, watch->record.service);

    watch->gone = sight != WATCH_ENDED;
    if (watch->phase != WATCH_DEAD) {
        watch->phase = WATCH_DEAD;
        watch->began = now;
    }
    if (lock < 0) {
        /* Whoever has the lock may wait for the domid. */
        if (sight != WATCH_ENDED && !watch->record.taken)
            take(watch, host);
        if (sight != WATCH_ENDED)
            host->let_go(host->context, watch);
        return false;
    }
    if (same_domain(watch, host))
        bury(watch, host, reason, now);
    host->unlock(host->context, lock);
    return true;
}

static bool look(struct watch *watch, const struct watch_host *host, uint64_t now)
{
    const char *reason = "was destroyed";
    const enum watch_sight sight = host->look(host->context, &watch->record, &reason);

    if (sight != WATCH_RUNS)
        return found_dead(watch, host, sight, reason, now);
    watch->phase = WATCH_WATCHED;
    return false;
}

static bool begin_recovery(struct watch *watch, const struct watch_host *host, uint64_t now)
{
    int rc;

    watch->state.retry = 0;
    rc = host->recover(host->context, watch);
    if (rc) {
        tell(watch, host, LOG_ERR, "%s: no `atoll restart` can be run (%s)", watch->state.service,
             strerror(-rc));
        watch->state.row++;
        plan(watch, host, now, false);
        return false;
    }
    watch->phase = WATCH_RECOVERING;
    watch->began = now;
    watch->unpublished = true;
    return false;
}

static bool end_recovery(struct watch *watch, const struct watch_host *host, uint64_t now)
{
    const int code = host->recovered(host->context, watch, now);
    struct record record;
    int rc;

    if (code < 0) {
        /* A recovery that is over in a moment is told of at its end, where nobody waits for us. */
        if (watch->unpublished && now - watch->began >= SECOND_NS)
            publish(watch, host);
        return false;
    }
    rc = host->read(host->context, watch->record.service, &record);
    if (rc == 1 && record.started &&
        (code == 0 || memcmp(record.handle, watch->record.handle, sizeof(record.handle)) != 0)) {
        watch->state.recovered++;
        tell(watch, host, LOG_NOTICE,
             "%s runs again, as domain %u, %llu ms after its death was seen", watch->state.service,
             record.domid,
             (unsigned long long)((host->wallclock(host->context) - watch->state.last_death) /
                                  1000000u));
        adopt(watch, host, &record);
        publish(watch, host);
        return true;
    }
    save(watch, host);
    if (code == ATOLL_RUNNING) { /* another command has it in hand */
        watch->phase = WATCH_WAITING;
        watch->due = now + SECOND_NS;
        return false;
    }
    tell(watch, host, LOG_ERR, "%s could not be brought back (`atoll restart` ended with %d)",
         watch->state.service, code);
    watch->no_record = rc == 0;
    watch->state.row++;
    plan(watch, host, now, code == ATOLL_NEEDS_REBOOT);
    return false;
}

bool watch_turn(struct watch *watch, const struct watch_host *host, uint64_t now, bool records)
{
    struct record record;

    switch (watch->phase) {
    case WATCH_IDLE:
        if (records && host->read(host->context, watch->record.service, &record) == 1 &&
            record.started) {
            adopt(watch, host, &record);
            return true;
        }
        return false;
    case WATCH_WATCHED:
        if (records && !same_domain(watch, host))
            return true;
        return look(watch, host, now);
    case WATCH_DEAD:
        return look(watch, host, now);
    case WATCH_WAITING:
        if ((records || now >= watch->due) && !same_domain(watch, host))
            return true;
        return now >= watch->due && begin_recovery(watch, host, now);
    case WATCH_RECOVERING:
        return end_recovery(watch, host, now);
    case WATCH_GIVEN_UP:
        return records && !same_domain(watch, host);
    }
    return false;
}

void watch_end(struct watch *watch, const struct watch_host *host)
{
    forget(watch, host);
}
