/* SPDX-License-Identifier: ISC */
/**
 * @file trace.h
 * Who looks on: each request with its answer, each watch event and each commit, in the order in
 * which they took effect, kept for readers that may be slower than the service.
 *
 * A trace is a ring of records of its own. What does not fit is counted, and the count goes with
 * the next record that does; what is kept is never thrown away. Nothing here slows a service that
 * nobody looks at: each point where something happens asks for xs->tracing only.
 */
#ifndef XENSTORED_TRACE_H
#define XENSTORED_TRACE_H

#include "state.h"

/** Traces at a time. */
#define TRACES_MAX 2U

/** What a record keeps of a path, and of the rest of a request's payload or an event's token. */
#define TRACE_PATH_MAX     XS_ABS_PATH_MAX
#define TRACE_ARGUMENT_MAX 256U

enum trace_kind {
    TRACE_REQUEST,
    TRACE_EVENT, /**< queued for its watcher */
    TRACE_COMMIT,
};

/** One thing that happened. In the ring it is followed by its path and its argument. */
struct trace_record {
    uint64_t time;        /**< hv_wallclock() */
    uint64_t duration;    /**< request: nanoseconds that deciding it took */
    uint64_t lost;        /**< records that did not fit before this one */
    uint64_t version;     /**< commit: of the tree (history.h); 0: it failed, or none is kept */
    evtchn_port_t port;   /**< tells the connections of one domain apart */
    uint32_t transaction; /**< 0: none */
    uint32_t request_id;  /**< request */
    uint32_t type;        /**< request: enum xs_type, or what the client says is one */
    uint32_t count;       /**< commit: requests in it */
    uint32_t length;      /**< request: bytes of the argument before it was cut */
    uint16_t path_length; /**< 0: it has none, or none that is valid */
    uint16_t argument_length;
    domid_t domid;
    uint8_t kind;    /**< enum trace_kind */
    char result[13]; /**< "OK" or an error's name */
};

/** One trace. Embedded in what reads it. */
struct trace {
    struct list all; /* in xenstored.traces */
    uint8_t *ring;
    size_t size, head, used; /* records begin at head */
    uint64_t lost;           /* since the last one that fitted */
    bool any;                /* of all domains; else of those in @ref domids */
    uint8_t domids[HV_DOMID_FIRST_RESERVED / 8];
    void (*wake)(struct trace *trace); /* there are records where there were none */
    bool woken;
};

/**
 * Begin @trace (zeroed but for domids and wake), of all domains with @any. -EBUSY: there are
 * TRACES_MAX. -ENOMEM.
 */
HV_MUST_CHECK int trace_begin(struct xenstored *xs, struct trace *trace, bool any);

/** End it. Nothing to do if it has not begun. */
void trace_end(struct xenstored *xs, struct trace *trace);

/** Take the oldest record out, with its path and argument. False: there is none. */
bool trace_take(struct trace *trace, struct trace_record *record, char path[TRACE_PATH_MAX + 1],
                uint8_t argument[TRACE_ARGUMENT_MAX]);

/** Whether each request is shown in the log, too (CONTROL log). */
void trace_log(struct xenstored *xs, bool on);

/* What happened. To be called only if xs->tracing is not 0. */

/** A request was answered; deciding it began at @began (hv_now()). */
void trace_request(struct xenstored *xs, const struct connection *connection,
                   const struct xs_header *header, const char *payload, const struct reply *reply,
                   uint64_t began);

/** An event was queued. */
void trace_event(struct xenstored *xs, const struct output *output);

/** A transaction of @count requests ended with @error. */
void trace_commit(struct xenstored *xs, const struct connection *connection, uint32_t transaction,
                  uint32_t count, int error);

/** Tell the readers of what was recorded since the last call. */
void trace_wake(struct xenstored *xs);

#endif
