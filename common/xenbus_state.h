/* SPDX-License-Identifier: ISC */
/**
 * @file xenbus_state.h
 * What the files of xenbus_backend.h's implementation share: which directories there are, and whose
 * turn it is (xenbus_backend.c); a look at one of them and what follows from it (xenbus_look.c,
 * xenbus_publish.c). Nobody else's business.
 */
#ifndef COMMON_XENBUS_STATE_H
#define COMMON_XENBUS_STATE_H

#include <hv/time.h>

#include "common/xenbus_backend.h"

/** The longest path of a node, NUL included. */
#define XENBUS_PATH 112U

/** How long the first InitWait of a directory stays, so that a toolstack that waits for just that
 * sees it: libxl reads the state when its watch fires, which may be late on a busy host, and takes
 * no later one for it (libxl_event.c, devstate_callback()). Only what is written waits: a frontend
 * is connected at once, and Connected is told after XENBUS_INIT_WAIT_SEEN. That it closes, or what
 * is wrong with it, is told earlier; what the toolstack itself asks for waits for nothing. */
#define XENBUS_INIT_WAIT_SEEN  HV_SEC
#define XENBUS_INIT_WAIT_SHOWN (100 * HV_MSEC)

/** The same for Closed, before the directory is removed. */
#define XENBUS_CLOSED_SHOWN (250 * HV_MSEC)

/** How long a frontend may take to close before our directory goes away under it. */
#define XENBUS_LINGER HV_SEC

/** online is 0 and nothing else happens: for so long it may be that state=5 is still to come. */
#define XENBUS_OFFLINE HV_SEC

/** Where there is no watch, or a request failed: when to look again. */
#define XENBUS_AGAIN HV_SEC

struct xenbus_nodes {
    const char *const *names;
    const char *const *values; /**< NULL: not there */
    unsigned count;
};

/** A directory of ours, whether or not there is a device for it. */
struct xenbus_look {
    struct list all;    /**< in backend.looks */
    struct list queued; /**< in backend.queue, when its turn is to come */
    struct xenbus_backend *backend;
    domid_t domid;
    uint32_t devid;
    struct xenbus_device *device; /**< NULL: none (yet), refused, or over */
    struct store_watch watch;     /**< of the frontend's state */
    char path[XENBUS_PATH];       /**< that */
    struct timer timer;           /**< when to look again, whatever happens */
    struct timer failure;         /**< xenbus_device_fail() */
    const char *failure_why;      /**< of it */
    bool dirty;                   /**< something happened since the look that is under way began */
    bool connected;
    bool refused;              /**< by create(), so far */
    bool published;            /**< the features */
    bool fresh;                /**< nothing but InitWait was written in this new directory */
    bool marked;               /**< there is a node `error` */
    enum xenbus_state state;   /**< what ours shall be; UNKNOWN: not decided yet */
    enum xenbus_state written; /**< what XenStore took of us last */
    enum xenbus_state theirs;  /**< the frontend's, as last read */
    const char *why;           /**< what is wrong with it, to be published; NULL: nothing new */
    const char *said;          /**< what was last said in the log to be wrong */
    uint64_t budget;           /**< when all looks that it may have are to its credit again */
    uint64_t log_budget;       /**< the same for lines in the log */
    uint64_t shown;            /**< since when InitWait is there to be seen */
    uint64_t offline, closed;  /**< since when; 0: not */
    uint64_t seen;             /**< hash of what the toolstack wrote */
};

enum xenbus_stage {
    XENBUS_STAGE_OURS,   /**< our directory only, as the frontend's changes all the time */
    XENBUS_STAGE_STATES, /**< our directory, and the frontend's state */
    XENBUS_STAGE_NAMES,  /**< and what the type wants of the frontend */
    XENBUS_STAGE_ALL,    /**< and the further names that follow from that */
};

struct xenbus_backend {
    struct hv *hv;
    struct arena *arena;
    struct loop *loop;
    struct store *store;
    struct log *log;
    const struct xenbus_device_type *type;
    void *context;
    char root[32]; /**< "backend/vif" */
    struct store_watch watch;
    bool ended;            /**< the store's connection, or we */
    bool scanned, settled; /**< the tree was listed once; and all that was there was looked at */
    struct list looks;
    unsigned look_count;
    struct list queue;
    uint64_t log_budget;
    struct xenbus_backend_usage usage;

    /** The tree is listed: names of domains, then each one's devices. */
    struct {
        bool busy, again;
        char *names;
        size_t size, at;
        domid_t domid;
        struct timer timer;
    } scan;

    /** The look that is under way. */
    struct {
        struct xenbus_look *look; /**< NULL: none */
        enum xenbus_stage stage;
        enum xenbus_state writing; /**< what is being written; UNKNOWN: nothing */
        const char *why;           /**< what is being written as `error` */
        bool removing;
        unsigned own, count, more; /**< of the names: ours, all, and further ones to read */
        const char *names[STORE_COLLECT_MAX];
        char paths[STORE_COLLECT_MAX][XENBUS_PATH];
    } op;
};

/** Look at it as soon as it may be. */
void xenbus_look_soon(struct xenbus_look *look);

/** Not later than at @time. */
void xenbus_look_at(struct xenbus_look *look, uint64_t time);

/** Its turn has come. 0, or a negative errno and nothing is under way. */
int xenbus_look_start(struct xenbus_look *look);

/** Write its state and what else is to be said; then the look is done. */
void xenbus_look_publish(struct xenbus_look *look);

/** Remove our directory; then the look is done. */
void xenbus_look_remove(struct xenbus_look *look);

/** Where a node of our directory is; "" for the directory. */
void xenbus_own_path(const struct xenbus_look *look, const char *name, char path[XENBUS_PATH]);

/** The look is done: the next one's turn. */
void xenbus_look_done(struct xenbus_backend *backend);

/** Release the device, if there is one. @why: for the log. */
void xenbus_look_release(struct xenbus_look *look, const char *why);

/** There is no such directory any more. */
void xenbus_look_destroy(struct xenbus_look *look);

/** @timer of a look has expired. */
void xenbus_failure_due(struct timer *timer);

/** May something that costs @interval happen, @burst times at once? Then it is taken from @budget.
 */
static inline bool xenbus_budget(uint64_t *budget, uint64_t now, uint64_t interval, unsigned burst)
{
    uint64_t from = *budget > now ? *budget : now;

    if (from + interval > now + burst * interval)
        return false;
    *budget = from + interval;
    return true;
}

/** A line about a device, unless there were too many of late. */
void xenbus_look_log(struct xenbus_look *look, enum log_level level, const char *what,
                     const char *why);

#endif
