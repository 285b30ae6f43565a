/* SPDX-License-Identifier: ISC */
/**
 * @file request.h
 * From a whole message to its decided effect and answer.
 */
#ifndef XENSTORED_REQUEST_H
#define XENSTORED_REQUEST_H

#include "state.h"

/**
 * Decide the request: its effect is in the tree and in @work's events, its answer in @reply.
 * @payload has @header->length bytes and a NUL behind them. Never fails: errors are answers.
 */
void request_decide(struct xenstored *xs, struct work *work, const struct xs_header *header,
                    const char *payload, struct reply *reply);

/** The same for those who look on (trace.h). */
void request_decide_traced(struct xenstored *xs, struct work *work, const struct xs_header *header,
                           const char *payload, struct reply *reply);

/** Answer EIO, and decide nothing. */
void request_refuse(struct xenstored *xs, struct work *work, struct reply *reply);

/** Does a transaction log such a request? */
bool request_is_logged(uint32_t type);

/**
 * Does such a request outside of a transaction change anything, if it succeeds? Not those count
 * whose effects are told one by one (recorder.h).
 */
bool request_changes(uint32_t type, const char *payload);

/** Did the request that was decided change something that a successor has to do again? */
bool request_has_effect(const struct xenstored *xs, const struct xs_header *header,
                        const char *payload, const struct reply *reply);

struct entry_request;

/**
 * Do again what a predecessor's journal has: a request of the connection, with the outcome that it
 * had. @payload ends in a NUL. -EINVAL: it cannot have had that; -ENOMEM, ...
 */
HV_MUST_CHECK int request_redo(struct xenstored *xs, struct connection *connection,
                               const struct entry_request *request, const char *payload,
                               size_t length);

/** Do a logged request of a transaction again, in @work. */
void request_replay(struct xenstored *xs, struct work *work, uint32_t type, const char *payload,
                    size_t length, struct reply *reply);

/** Does the payload of such a request begin with a path? */
bool request_has_path(uint32_t type);

/** The name of a type of message, for people; NULL: there is no such type. */
const char *request_name(uint32_t type);

#endif
