/* SPDX-License-Identifier: ISC */
/**
 * @file remote.h
 * The service's end of the control plane: what dom0's tools ask of it over a vchan
 * (docs/control-protocol.md), put together from parts.
 *
 * Each remote_*.c is a part: it exports one struct remote_part, which remote.c lists. The context
 * of all handlers is the struct xenstored.
 */
#ifndef XENSTORED_REMOTE_H
#define XENSTORED_REMOTE_H

#include "common/control_server.h"
#include "state.h"

/** Requests that belong together. */
struct remote_part {
    const struct control_handler *handlers;
    unsigned handler_count;
    /** How many statistics it has now, and the @index-th of them; NULL: none. */
    unsigned (*statistics)(const struct xenstored *xs);
    void (*statistic)(struct xenstored *xs, unsigned index, struct control_writer *item);
    /** What is wrong, in words that live on; NULL: nothing. NULL function: nothing ever. */
    const char *(*complaint)(struct xenstored *xs);
};

extern const struct remote_part remote_stats;   /* remote_stats.c: STORE_STATS, statistics */
extern const struct remote_part remote_history; /* remote_history.c: STORE_LOG ... STORE_ROLLBACK */
extern const struct remote_part remote_stream;  /* remote_stream.c: STORE_DUMP, STORE_LOAD */
extern const struct remote_part remote_quota;   /* remote_quota.c: STORE_QUOTA, STORE_SET */
extern const struct remote_part remote_trace;   /* remote_trace.c: STORE_TRACE */

/** Pages that the control server for @clients takes with hv_page_alloc(): not for the arena. */
size_t remote_pages(unsigned clients);

/**
 * Make the control server, which publishes itself in the service's own tree (publish_create() has
 * been called). @version: the program's, lives as long as the service. -ENOMEM.
 */
HV_MUST_CHECK int remote_create(struct xenstored *xs, unsigned clients, const char *version);

/** End all clients and give everything back. Nothing to do if there is none. */
void remote_destroy(struct xenstored *xs);

/** The image is sealed: STATUS shall say so. */
void remote_sealed(struct xenstored *xs);

/** The handler's context. */
static inline struct xenstored *remote_xs(void *context)
{
    return context;
}

/**
 * The domain that the request's DOMID field names, in *@domain; NULL there: it has no such field.
 * -ENOENT, with words for the operator: XenStore does not know that domain.
 */
HV_MUST_CHECK int remote_domain(struct xenstored *xs, struct control_request *request,
                                struct domain **domain);

/**
 * The request's PATH field in @path (TREE_PATH_SIZE bytes); "/" if there is none. -EINVAL, with
 * words for the operator: it is not the absolute path of a node.
 */
HV_MUST_CHECK int remote_path(struct control_request *request, char *path);

/**
 * Start a stream of the nodes that differ between @before and @after at @path and below, in as many
 * items each as it takes: PATH, with @difference KIND, and then OLD_PERMS, NEW_PERMS, OLD_VALUE,
 * NEW_VALUE of what differs or is there; MORE in an item means that the next one goes on with the
 * same node. Takes over both trees, one of which may be empty (all zero), whatever it returns,
 * which is what a handler returns.
 */
HV_MUST_CHECK int remote_nodes(struct xenstored *xs, struct control_request *request,
                               struct tree *before, struct tree *after, const char *path,
                               bool difference);

/** The longest text that the service makes up or passes on for people. */
#define REMOTE_TEXT_MAX 256U

/** Put bytes that somebody else chose as text, what is no printable ASCII shown as '?', cut. */
void remote_put_text(struct control_writer *writer, uint16_t tag, const void *data, size_t length);

/** Put what STATUS says of the store (remote_stats.c). */
void remote_stats_status(struct xenstored *xs, struct control_writer *reply);

#endif
