/* SPDX-License-Identifier: ISC */
/**
 * @file state.h
 * What the parts of the service share: the service itself, and the life of one request.
 *
 * A request goes: ring (connection.c) -> checks and dispatch (request.c) -> operation (operations.c
 * for the tree, the others beside it) -> commit point (connection.c) -> ring. The operation works
 * on a tree through a `struct work`; what it changes is visible to nobody before the commit point:
 * the events it causes wait in the work, its reply in the reply. A request, or the last part of one
 * that came in pieces, leaves its ring only after its effect and its answer are decided.
 */
#ifndef XENSTORED_STATE_H
#define XENSTORED_STATE_H

#include <hv/evtchn.h>
#include <hv/gnttab.h>
#include <hv/hv.h>
#include <hv/memory.h>

#include "common/arena.h"
#include "common/hash.h"
#include "common/list.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/watchdog.h"
#include "perms.h"
#include "quota.h"
#include "tree.h"
#include "wire.h"

#define DOMAIN_BLOCK  128U
#define DOMAIN_BLOCKS (HV_DOMID_FIRST_RESERVED / DOMAIN_BLOCK + 1)
#define EVENT_BUCKETS 1024U

struct connection;
struct domain_block;
struct publisher;
struct recorder;
struct remote;
struct transaction;
struct xenstored;

/** A domain that XenStore knows: introduced, or named in permissions or quotas (domain.c). */
struct domain {
    struct list all; /* in xenstored.domains */
    domid_t domid;
    bool introduced;
    bool shutdown;      /* @releaseDomain was fired for its shutdown; RESUME re-arms */
    bool dead;          /* gone, but memory was short to clean up after it: tried again */
    bool soft_reported; /* the soft memory quota was reported */
    uint8_t handle[16]; /* tells a reused domid apart */
    uint32_t features;
    struct connection *connection;       /* of its own ring, while introduced */
    const struct quota_limits *defaults; /* where its own limits say QUOTA_INHERIT */
    struct quota_limits limits;
    struct quota_usage usage;

    /* While a transaction is tried against the tree: what its commit would add. */
    struct list touched; /* in xenstored.touched while these are not all 0 */
    long pending_nodes, pending_memory;

    /* Conflicts that its writes brought upon others' transactions are paid from this (XSA-206). */
    int32_t credit;
    uint64_t credit_time; /* when it was brought up to date */

    uint32_t hold;       /* seconds for which it is held once it has ended; hold.h */
    uint64_t held_until; /* it has ended: when that is over; 0: it lives */

    uint64_t since; /* the newest version of the store when it became known */
    uint64_t requests, events, events_dropped, conflicts_caused, conflicts_met;
};

/** A message on its way to a client; header and payload as they go into the ring. */
struct output {
    struct list queue; /* in connection.output or work.events */
    struct output
        *same; /* in xenstored.events[] while it is a whole event that may stand for others */
    struct connection *connection;
    uint64_t hash; /* of an event's connection, path and token */
    uint32_t length, sent;
    bool event;
    bool spare;   /* it is xenstored.spare: its size is that of the longest message */
    bool partial; /* its beginning was sent before it was queued */
    bool logged;  /* is in the journal, or there is none */
    bool hashed;  /* is in xenstored.events[] */
    uint8_t data[];
};

/** A client: one ring, with the watches, transactions and unread messages that hang on it. */
struct connection {
    struct list all;       /* in xenstored.connections */
    struct list ready;     /* in xenstored.ready, or .stalled, while there is something to do */
    struct list unflushed; /* in xenstored.unflushed while it has output to put on the ring */
    struct xenstored *xs;
    struct domain *domain;
    struct subject subject;
    domid_t target; /* SET_TARGET; its own domid without one */
    struct loop_port event;
    evtchn_port_t remote_port;
    grant_ref_t ref;
    struct xs_ring *ring;
    bool broken; /* it broke the protocol: ignored until its domain dies or reconnects (XSA-325) */
    bool extra;  /* made by xenstored_attach() beside its domain's own */
    bool notify; /* its ring has changed since it was last told */
    bool lost;   /* its ring could not be mapped: a page of our own stands for it */
    uint32_t served; /* requests since it was last told */
    uint64_t stalled_until;

    /*
     * A message that is not in the ring as a whole, while it arrives: a client tells of bytes it
     * adds only to a ring that it found empty, so what there is of it must be taken out.
     */
    struct xs_header in_header;
    uint8_t *in_payload;
    uint32_t in_have; /* bytes of both; 0: no such message */

    struct list output; /* of struct output */
    uint32_t output_bytes, output_replies;

    struct list watches;      /* of struct watch */
    struct list transactions; /* of struct transaction */
    uint32_t watch_count, transaction_count, next_transaction;

    /* For the journal (recorder.h). */
    uint32_t id;
    uint32_t req_cons; /* behind the last request that is decided, or byte that was taken */
    uint32_t error;    /* why it is broken */
    struct output *first_unlogged;
    uint32_t unlogged_bytes;
    uint32_t answered;               /* requests that are in no frame, about */
    struct list unlogged, resetting; /* in the recorder's lists of these names */

    /* While a predecessor's journal is read: of its ring, as the journal has it. */
    struct {
        uint32_t begin, waiting; /* of what waits, in the responses: where, and its bytes */
        bool reset;              /* it is to be emptied, unless it says that it was */
    } journal;
};

/** Where an operation takes effect. */
enum work_mode {
    WORK_LIVE,     /**< on the current tree */
    WORK_SNAPSHOT, /**< on a transaction's own tree: no events, accounted to nobody but its owner */
    WORK_REPLAY,   /**< on what will be the current tree if the whole transaction succeeds */
};

struct work {
    enum work_mode mode;
    struct tree *tree;
    struct connection *connection;   /* NULL: the service itself */
    struct transaction *transaction; /* in WORK_SNAPSHOT */
    struct list events;              /* of struct output, caused but not yet queued */
};

/** The answer to a request. */
struct reply {
    uint32_t type;
    uint32_t length;
    char data[XS_PAYLOAD_MAX];
};

struct watch_index;
struct change;

/** Older versions of the current tree (history.h). */
struct history {
    struct list versions; /* of struct version, oldest first; the last one is the current tree */
    uint32_t count, limit;
    uint64_t newest;        /* number of the last one made */
    size_t bytes;           /* that they hold */
    struct change *pending; /* since the last one, newest first */
    size_t pending_bytes;
    uint32_t shares; /* for so many more versions, one may hold parts of the current tree */
    uint32_t muted;  /* levels of history_mute() */
    bool pinned;     /* versions are being looked at: none may go */
    uint64_t given_up;
    char own[48]; /* path that is no part of it */
    uint8_t own_length;
};

struct xenstored {
    struct hv *hv;
    struct loop loop;
    struct watchdog watchdog;
    struct log *log;
    void *log_memory;
    size_t log_size;
    domid_t priv_domid;
    struct arena *arena;
    void *arena_base;
    unsigned arena_pages;
    struct hash_key key, answers; /* the latter of answers in transactions: a successor goes on */

    struct perms_table perms;
    struct tree_env env;
    struct tree tree;
    struct history history;
    struct work *work; /* the one under way: whom tree changes are accounted to */
    struct watch_index *watch_index;

    struct list domains;
    struct domain_block *domain_blocks[DOMAIN_BLOCKS];
    uint32_t domain_count;
    struct list touched;
    struct quota_limits limits; /* of each domain that has none of its own */
    bool cleanup_pending;       /* some domain is dead but not cleaned up after */
    struct timer holds;         /* the next end of a hold */

    struct list connections;
    struct list ready, stalled, unflushed;
    struct loop_port virq;

    struct output *events[EVENT_BUCKETS];
    struct output *spare; /* for a reply when memory is out; nothing is served without one */
    uint8_t message[XS_MESSAGE_MAX + 1]; /* the request under way, and a NUL */
    struct reply reply, replayed;
    char paths[16384]; /* domain.c: paths to clean up */

    struct recorder *recorder; /* NULL: there is no journal (recorder.h) */
    uint32_t connection_ids;   /* the newest connection's */
    bool recovering; /* a predecessor's journal is being read: the present is not asked (recovery.h)
                      */
    struct transaction *logged;  /* that has the request under way in its log */
    struct publisher *publisher; /* NULL: nothing is published (publish.c) */
    struct remote *remote;       /* NULL: there is no control server (remote.c) */

    struct list traces;
    unsigned tracing; /* who looks on: the traces, and the log of requests (trace.c) */
    bool log_requests;
    uint64_t past_events, past_refused[QUOTA_COUNT]; /* of domains that are forgotten */
    uint64_t requests, commits, conflicts, events_dropped;
};

/** Bytes that a message takes. */
static inline size_t output_size(const struct output *output)
{
    return sizeof(*output) + (output->spare ? XS_MESSAGE_MAX : output->length);
}

#endif
