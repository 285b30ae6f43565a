/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/watch.h
 * How `atoll watchd` goes about one service: from its record to its death, its report, and its
 * successor. It decides; what it decides on and what it has done comes by struct watch_host.
 *
 *     IDLE        there is no record of one that runs
 *     WATCHED     it runs, as far as was seen last
 *     DEAD        it does not, and another command has its lock: that may be why
 *     WAITING     its successor is due at state.retry
 *     RECOVERING  `atoll restart` is at work
 *     GIVEN_UP    it has died too often
 *
 * Clients wait for the successor, and nobody for the report of the death: where the successor is
 * due at once, the report is written once that runs.
 *
 * A service that somebody else has stopped or started meanwhile is known by its record, which goes,
 * or names another domain; one who is about to put a successor in its place says so there before he
 * destroys it (record.taken), and its pages are let go of.
 */
#ifndef ATOLL_WATCH_H
#define ATOLL_WATCH_H

#include "crash_take.h"
#include "record.h"
#include "watch_state.h"

enum watch_phase {
    WATCH_IDLE,
    WATCH_WATCHED,
    WATCH_DEAD,
    WATCH_WAITING,
    WATCH_RECOVERING,
    WATCH_GIVEN_UP,
};

/** How its domain is. */
enum watch_sight {
    WATCH_RUNS,
    WATCH_ENDED, /**< has shut down, and stays until somebody destroys it */
    WATCH_DYING, /**< is being destroyed: it goes when nobody has its pages any more */
    WATCH_GONE,
};

/** A service that has run for so long is well: what came before is not held against it. */
#define WATCH_WELL_NS 60000000000ull

/** The longest pause before a try. */
#define WATCH_PAUSE_MAX_NS 60000000000ull

struct watch {
    enum watch_phase phase;
    struct record record;     /**< as it was read last; service is always set */
    struct watch_state state; /**< what others are told */
    uint32_t limit;           /**< deaths in a row after which to give up */
    uint64_t due;             /**< WAITING: when, in the clock of watch_turn() */
    uint64_t began;           /**< RECOVERING: since when; DEAD: when it was found so */
    bool taken;               /**< @ref taking is filled */
    bool gone;                /**< its domain is, or soon will be: what was not taken is lost */
    bool no_record;           /**< a try has failed and left no record */
    bool unpublished;         /**< the state has changed since others were told */
    bool unsaved;             /**< the report of its death is still to be written */
    struct crash_keep keep;   /**< pages of its domain that outlive it */
    struct image image;       /**< as it was when the domain was found */
    struct crash_taken taking;
    void *journal; /**< a copy of the domain's, for free() */
    size_t journal_bytes;
    int child; /**< RECOVERING: its pid */
};

/** What watch_turn() needs of the world; @context is the first argument of each. */
struct watch_host {
    void *context;
    /** record_read(): 1, 0 or -errno. */
    int (*read)(void *context, const char *service, struct record *record);
    /** How the domain on record is; of an end @reason is the word. */
    enum watch_sight (*look)(void *context, const struct record *record, const char **reason);
    /** Take the service's lock, without waiting: a descriptor, or -EWOULDBLOCK, or another -errno.
     */
    int (*lock)(void *context, const char *service);
    void (*unlock)(void *context, int lock);
    /** Map the pages to keep, and read the image. */
    void (*keep)(void *context, struct watch *watch);
    /** Fill @ref watch.taking, and copy what is in force of the journal. */
    void (*take)(void *context, struct watch *watch);
    /** Unmap: its domain may go. Done more often than keep(). */
    void (*let_go)(void *context, struct watch *watch);
    /** Keep the journal that was taken where a successor finds it, if its domain has gone. */
    void (*hand_on)(void *context, struct watch *watch);
    /** Write the report of what was taken; sets state.report. */
    void (*save)(void *context, struct watch *watch);
    /** Begin a recovery; sets @ref watch.child. 0 or -errno. */
    int (*recover)(void *context, struct watch *watch);
    /** Has that ended? Then its exit code, else -1. @began: when it was begun; it may be ended. */
    int (*recovered)(void *context, struct watch *watch, uint64_t now);
    /** One line for the log; @level as of syslog(3). */
    void (*tell)(void *context, const struct watch *watch, int level, const char *text);
    /** Tell others of @ref watch.state. */
    void (*publish)(void *context, const struct watch *watch);
    /** The wall clock, nanoseconds. */
    uint64_t (*wallclock)(void *context);
};

/** Begin with @service; @state is what an earlier watchd has left of it, or empty. */
void watch_begin(struct watch *watch, const char *service, uint32_t limit,
                 const struct watch_state *state);

/**
 * Do what there is to do at @now (monotonic, nanoseconds). @records: records may have changed. The
 * result: somebody has to look at it again soon, without a poll's pause.
 */
bool watch_turn(struct watch *watch, const struct watch_host *host, uint64_t now, bool records);

/** Let go of everything. A recovery that is at work goes on. */
void watch_end(struct watch *watch, const struct watch_host *host);

/** How long to wait before the @row-th try in a row (from 1): 0, 1, 2, 4 ... 60 s. */
uint64_t watch_pause(uint64_t row);

#endif
