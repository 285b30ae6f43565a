/* SPDX-License-Identifier: ISC */
/**
 * @file model.h
 * What XenStore means, written down as plainly as possible, to compare the service with.
 *
 * One request at a time goes in, what must come out for whom is handed to a function. Maps are
 * arrays and lists that are walked, a transaction is a copy of the whole tree and the list of its
 * requests; nothing is clever. Sources: docs/misc/xenstore.txt, and tools/xenstored/ where the
 * text is silent (order of checks, error numbers, which watch fires).
 *
 * Transactions: a commit takes effect if every request of the transaction, executed again in its
 * order on the current tree, gets the answer that it got before; else it answers EAGAIN.
 */
#ifndef TESTS_SIM_MODEL_H
#define TESTS_SIM_MODEL_H

#include "message.h"

struct model;

/** A connection: a domain's ring. Numbers are not used twice. */
typedef unsigned model_connection_t;
#define MODEL_NO_CONNECTION 0U

/**
 * Called for each message that @connection is to receive, in its order. Messages of one @group may
 * arrive in any order (the watches that one change fires), groups may not change places. An event
 * that repeats an earlier one may be left out as long as that has not been read.
 * A reply with type WIRE_ERROR and the text "*" stands for any error.
 */
typedef void model_emit_fn(void *context, model_connection_t connection, unsigned group,
                           const struct wire_message *message);

/** With domains 0 (privileged) and @store, domain 0 connected as connection 1. */
struct model *model_create(unsigned store, model_emit_fn *emit, void *context);
void model_destroy(struct model *model);

/** The hypervisor has a new domain @domid, of which the store knows nothing yet. */
void model_domain_created(struct model *model, unsigned domid);

/** It has shut down or crashed. */
void model_domain_shutdown(struct model *model, unsigned domid);

/** It is gone. */
void model_domain_destroyed(struct model *model, unsigned domid);

/** The control domain has it held once it ends, or no more: services/xenstored/hold.h. A domain
 * that is created with the number of one that is held is its successor. */
void model_domain_held(struct model *model, unsigned domid, bool held);

/** The guest asked for a reconnection of its ring: all that the connection held is dropped. */
void model_reconnect(struct model *model, model_connection_t connection);

/** The connection that INTRODUCE made for @domid; MODEL_NO_CONNECTION if there is none. */
model_connection_t model_connection_of(const struct model *model, unsigned domid);

/** One more connection of the privileged domain, and its end. */
model_connection_t model_attach(struct model *model);
void model_detach(struct model *model, model_connection_t connection);

/** Carry out one request. Transaction ids are the model's own. */
void model_request(struct model *model, model_connection_t connection,
                   const struct wire_message *request);

/** Nodes that @domid owns, as its quota counts them. */
size_t model_nodes_of(const struct model *model, unsigned domid);

#endif
