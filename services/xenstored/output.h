/* SPDX-License-Identifier: ISC */
/**
 * @file output.h
 * Messages that wait for room on a client's ring, and events that wait for their cause's commit.
 */
#ifndef XENSTORED_OUTPUT_H
#define XENSTORED_OUTPUT_H

#include "state.h"

/** See to it that there is a buffer for a reply even when memory is out. False: there is none. */
bool output_spare_ready(struct xenstored *xs);

/** Give the spare back at the end. */
void output_spare_drop(struct xenstored *xs);

/** Queue a reply of which @sent bytes are on the ring already. Never fails (uses the spare). */
void output_queue_reply(struct xenstored *xs, struct connection *connection, const void *message,
                        size_t length, size_t sent);

/**
 * Queue a message that a predecessor had queued: @length bytes at @data, a whole message, or with
 * @partial what is left of one. -ENOMEM.
 */
HV_MUST_CHECK int output_resume(struct xenstored *xs, struct connection *connection,
                                const uint8_t *data, uint32_t length, bool partial);

/** Free one message, wherever it waits. */
void output_free(struct xenstored *xs, struct output *output);

/** Free all messages that wait for the connection. */
void output_drop_all(struct xenstored *xs, struct connection *connection);

/** An event that is being sent stands for no later one. */
void output_unhash(struct xenstored *xs, struct output *output);

/** Add an event to @work; one too long for a message, or over quota, is counted and left out. */
void output_add_event(struct xenstored *xs, struct work *work, struct connection *connection,
                      const char *path, const char *token);

/** Queue the events of @work, each unless the same one waits already; or forget them. */
void output_queue_events(struct xenstored *xs, struct work *work);
void output_forget_events(struct xenstored *xs, struct work *work);

#endif
