/* SPDX-License-Identifier: ISC */
/**
 * @file feed.h
 * What the monitor is fed with: the streams of mirrors (common/mirror_wire.h), of one or more
 * switches, each over a vchan as its client. Which those are stands in the monitor's own XenStore
 * directory, where dom0 writes it: `data/feed/N` (N: 0 to FEEDS_MAX - 1) is "DOMID MIRROR", the
 * switch's domain and the mirror's name in its rules.
 *
 * A feed whose vchan ends, or that breaks the format, is connected to anew: at first after 50 ms,
 * then after twice as long, up to 5 s; at once when dom0 writes its node anew. Nothing that was
 * said of ports outlives a connection. What a stream says is believed as far as its own ports and
 * times go, which cannot be in the future, and no further.
 *
 * Work is bounded: FEED_TURN bytes of a feed, then it is everybody else's turn.
 */
#ifndef MONITOR_FEED_H
#define MONITOR_FEED_H

#include "common/arena.h"
#include "common/log.h"
#include "common/mirror_read.h"
#include "common/store.h"
#include "common/vchan.h"

#include "engine.h"

#define FEEDS_MAX 8U
/** Numbers of ports that a switch may use (RULES_PORTS). */
#define FEED_PORTS 256U
/** The engine's ports: feed N's port P is N * FEED_PORTS + P. */
#define FEED_PORTS_ALL (FEEDS_MAX * FEED_PORTS)

/** Bytes taken from one feed before it is the next one's turn. */
#define FEED_TURN 262144U
/** A record that is not whole yet, and what comes with its rest. */
#define FEED_BUFFER 135168U

#define FEED_NAME 32U /**< of a mirror, NUL included: RULES_NAME */

enum feed_state {
    FEED_NONE,      /**< dom0 names no such feed */
    FEED_BAD,       /**< its node makes no sense */
    FEED_WAITING,   /**< it is looked for */
    FEED_CONNECTED, /**< frames come */
};

struct feeds;

struct feed {
    struct feeds *feeds;
    unsigned number;
    enum feed_state state;
    char node[FEED_NAME + 16]; /**< what dom0 has written */
    domid_t domid;
    char mirror[FEED_NAME];
    const char *why; /**< not connected: a literal for people; NULL: just beginning */
    uint64_t since;  /**< hv_now(): when it came into this state */
    uint64_t missed; /**< and since when it has not been connected for long */
    /* the way to it */
    char path[RENDEZVOUS_PATH_MAX];
    struct store_watch watch;
    bool asking; /**< XenStore is being asked for its numbers */
    uint64_t delay;
    struct timer retry;
    /* the connection */
    struct vchan v;
    struct loop_port port;
    struct mirror_reader reader;
    struct mirror_hello hello;
    bool dated;                      /**< a frame has come */
    int64_t offset;                  /**< from the switch's time since boot to ours */
    uint64_t known[FEED_PORTS / 64]; /**< ports that were told of */
    uint8_t *buffer;                 /**< FEED_BUFFER bytes; NULL: none yet */
    size_t used;
    /* so far */
    uint64_t frames, bytes, lost, connects, broken;
    uint64_t lost_at; /**< hv_now() of the last loss; 0: never */
};

/** Frames of one feed that go together, and what captures want to know of them. */
struct feed_burst {
    unsigned count;
    struct engine_frame frame[ENGINE_BURST];
    struct {
        uint8_t flags; /**< MIRROR_EGRESS, MIRROR_BLANK, MIRROR_GSO */
        uint16_t mss;
    } about[ENGINE_BURST];
};

/** Who takes what comes. Ports are the engine's numbers. */
struct feed_sink {
    void *context;
    /** A port is who; NULL: it is gone. */
    void (*port)(void *context, uint16_t port, const struct engine_identity *identity);
    void (*frames)(void *context, const struct feed_burst *burst);
    /** Frames were lost before they came here. */
    void (*lost)(void *context, const struct feed *feed, uint64_t frames);
};

struct feeds {
    struct hv *hv;
    struct loop *loop;
    struct arena *arena;
    struct store *store;
    struct log *log;
    struct feed_sink sink;
    uint64_t clock; /**< wall clock of hv_now() 0, which the owner keeps: frames get its times */
    struct store_watch watch; /**< of data/feed */
    bool reading, again;      /**< the nodes are being read; they have changed since */
    struct timer reread;
    struct timer turn; /**< feeds have more to read */
    struct timer tick; /**< for ends that nobody tells of */
    uint32_t ready;    /**< bits of feeds that have more to read */
    struct feed feed[FEEDS_MAX];
    struct feed_burst burst;
};

/** Begin in zeroed memory: watch the nodes, connect. 0, or why the nodes cannot be watched; then
 * there is no feed. */
int feeds_create(struct feeds *feeds, struct hv *hv, struct loop *loop, struct arena *arena,
                 struct store *store, struct log *log, const struct feed_sink *sink);
void feeds_destroy(struct feeds *feeds);

/** Feeds that there are to be, and of these, those that are connected. */
unsigned feeds_wanted(const struct feeds *feeds);
unsigned feeds_connected(const struct feeds *feeds);

/** "none", "bad", "waiting", "connected". */
const char *feed_state_name(enum feed_state state);

/* --- feeds.c of feed.c -------------------------------------------------------------------------
 */

/** Be that feed from now on ("DOMID MIRROR"), or none (NULL). */
void feed_set(struct feed *feed, const char *node);
/** Take what has come, up to FEED_TURN bytes. True: there is more. */
bool feed_read(struct feed *feed);
/** Has its switch gone without a word? */
void feed_look_after(struct feed *feed);

#endif
