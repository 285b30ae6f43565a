/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/monitor_call.h
 * What the commands that ask the packet monitor share: `atoll flows`, top, capture, alerts.
 */
#ifndef ATOLL_MONITOR_CALL_H
#define ATOLL_MONITOR_CALL_H

#include "control_client.h"
#include "session.h"

/** The service that is asked where --service names no other. */
#define MONITOR_SERVICE "monitor"

/** The most items that a stream may have which is to end by itself: beyond, the service lies. */
#define MONITOR_ITEMS_MAX (1u << 22)

struct monitor_call {
    struct session session;
    const struct service_settings *settings;
    struct control_client *client;
};

/** Begin the command @name, and connect to @service (NULL: MONITOR_SERVICE). 0, or an exit code
 * with the cause reported; monitor_close() in either case. */
int monitor_open(struct monitor_call *call, const char *name, const char *service,
                 unsigned verbose);
void monitor_close(struct monitor_call *call);

/** An item of a stream, the fields that end it, or a reply. 0, or an exit code reported. */
typedef int monitor_item_fn(void *context, const struct control_reader *fields);

/**
 * Send the request that was begun, and give what comes to @item until it ends. An item may be long
 * in coming with @endless, and an interrupt is then the stream's proper end: 0.
 */
int monitor_stream(struct monitor_call *call, bool endless, monitor_item_fn *item, void *context);

/** Begin a request with control_client_begin(), and put its fields. */
typedef void monitor_request_fn(void *context, struct control_client *client);

/**
 * An endless stream that outlives the monitor: where that dies or closes, this is said once, and
 * its successor is waited for and asked the same. 0 where it was interrupted or the service has
 * ended the stream; or an exit code reported. call->client is NULL where the interrupt came while
 * there was no monitor.
 */
int monitor_follow(struct monitor_call *call, monitor_request_fn *request, monitor_item_fn *item,
                   void *context);

/** Say that the monitor is gone, and wait for its successor: 0 with call->client,
 * ATOLL_INTERRUPTED, or an exit code reported, with call->client NULL. */
int monitor_reopen(struct monitor_call *call);

/** One try to connect to the monitor's successor, call->client being NULL; it says nothing of what
 * passes: 0, ATOLL_NOT_RUNNING (try again), or an exit code reported. */
int monitor_try_reopen(struct monitor_call *call);

/** What was printed must have arrived: a full disk is a failure. A reader of a pipe that has seen
 * enough is none. */
int monitor_check_output(struct report *r, int rc);

/** What the monitor says of itself that belongs beside all it shows. */
struct monitor_state {
    unsigned feeds, connected; /**< switches that it is to be fed by, and is */
    uint64_t frames;           /**< that it has seen */
    uint64_t lost;             /**< frames that were lost before it */
    uint64_t flows;            /**< that live */
    uint64_t evicted;          /**< flows that had to give way to others */
    uint64_t refused;          /**< frames of flows that found no place */
};

/** Ask for that. 0, or an exit code reported. */
int monitor_ask_state(struct monitor_call *call, struct monitor_state *state);

/** One line each on standard error for what was lost, if anything was. */
void monitor_tell_loss(struct report *r, const struct monitor_state *state);

#endif
