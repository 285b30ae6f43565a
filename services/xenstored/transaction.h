/* SPDX-License-Identifier: ISC */
/**
 * @file transaction.h
 * Transactions: a version of the tree, and the log of what was asked of it.
 *
 * Commit does again, on the tree as it is by then, what the log holds. If each answer is the one
 * the client was given, the transaction might as well have happened as a whole just now, and so it
 * does; if any differs, somebody changed what the transaction saw: EAGAIN. Two transactions that
 * create different children of one directory both commit; one that listed the directory does not if
 * another changed it. (What DIRECTORY_PART says of the generation may differ.)
 */
#ifndef XENSTORED_TRANSACTION_H
#define XENSTORED_TRANSACTION_H

#include "state.h"

/** One request of a transaction. */
struct logged {
    struct logged *next;
    uint64_t answer; /* keyed hash of the reply */
    uint16_t type;
    uint16_t length;
    char payload[]; /* and a NUL behind it */
};

struct transaction {
    struct list of_connection;
    struct connection *connection;
    uint32_t id;
    uint32_t logged_count;
    uint64_t started; /* tree_env.changes at the start: tells who interfered */
    struct tree tree;
    struct logged *log, **log_end;
    long nodes, memory; /* what its owner's use would grow by */
    long log_memory;    /* counted against its owner while it is open */
    bool doomed;        /* its tree was lost with a predecessor: it ends in EAGAIN */
};

/** TRANSACTION_START. -ENOSPC (quota), -ENOMEM. */
HV_MUST_CHECK int transaction_start(struct xenstored *xs, struct connection *connection,
                                    uint32_t *id);

/** A predecessor had opened one with that id, and had not ended it. -ENOMEM. */
HV_MUST_CHECK int transaction_restore(struct xenstored *xs, struct connection *connection,
                                      uint32_t id, uint64_t started);

/** The open transaction, or NULL. */
struct transaction *transaction_find(struct connection *connection, uint32_t id);

/**
 * Make room in the log for a request, before it is tried. -ENOSPC (quota transaction-nodes or
 * memory), -ENOMEM: it must not be tried.
 */
HV_MUST_CHECK int transaction_log(struct xenstored *xs, struct transaction *transaction,
                                  uint32_t type, const char *payload, size_t length);

/** Record the answer to the request logged last. */
void transaction_answer(struct xenstored *xs, struct transaction *transaction,
                        const struct reply *reply);

/** The recorded answer to the request logged last. */
uint64_t transaction_last_answer(const struct transaction *transaction);

/** A predecessor recorded @answer for it. */
void transaction_set_answer(struct transaction *transaction, uint64_t answer);

/** TRANSACTION_END T of which a predecessor has told that it took effect. */
void transaction_redo(struct xenstored *xs, struct work *work, struct transaction *transaction);

/** TRANSACTION_END T. The transaction ends in any case. -EAGAIN: a conflict. Events go to @work. */
HV_MUST_CHECK int transaction_commit(struct xenstored *xs, struct work *work,
                                     struct transaction *transaction);

/** TRANSACTION_END F. */
void transaction_abort(struct xenstored *xs, struct transaction *transaction);

/** End all of the connection's. */
void transaction_end_all(struct xenstored *xs, struct connection *connection);

/** A change of the current tree that is made whole or not at all: requests in @ref work. */
struct attempt {
    struct work work; /**< in WORK_REPLAY: to be given to request_replay() */
    struct tree tree;
    struct work *outer;
};

/** Begin one of @connection's. Nothing else may change the tree before its end. */
void attempt_begin(struct xenstored *xs, struct attempt *attempt, struct connection *connection);

/** End it: its tree becomes the current one, its events go to @work. */
void attempt_commit(struct xenstored *xs, struct attempt *attempt, struct work *work);

/** End it with nothing changed. */
void attempt_abandon(struct xenstored *xs, struct attempt *attempt);

/** The use of its owner would change (domain_account()). */
void transaction_account(struct transaction *transaction, int nodes, long bytes);

#endif
