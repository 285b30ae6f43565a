/* SPDX-License-Identifier: ISC */
#include "transaction.h"

#include <errno.h>
#include <string.h>

#include "domain.h"
#include "history.h"
#include "output.h"
#include "path.h"
#include "request.h"
#include "trace.h"
#include "watch.h"

static size_t logged_size(size_t length)
{
    return sizeof(struct logged) + length + 1;
}

/* What a request counts against its domain while it is logged: the transaction's tree has a copy.
 */
static long logged_memory(size_t length)
{
    return (long)(logged_size(length) + length);
}

int transaction_restore(struct xenstored *xs, struct connection *connection, uint32_t id,
                        uint64_t started)
{
    struct transaction *transaction = arena_alloc(xs->arena, sizeof(*transaction));

    if (!transaction)
        return -ENOMEM;
    *transaction = (struct transaction){
        .connection = connection,
        .id = id,
        .started = started,
        .log_memory = sizeof(*transaction),
    };
    transaction->log_end = &transaction->log;
    tree_snapshot(&xs->tree, &transaction->tree);
    list_append(&connection->transactions, &transaction->of_connection);
    connection->transaction_count++;
    domain_set_usage(connection->domain, QUOTA_TRANSACTIONS, connection->transaction_count);
    domain_add_memory(xs, connection->domain, transaction->log_memory);
    return 0;
}

int transaction_start(struct xenstored *xs, struct connection *connection, uint32_t *id)
{
    uint32_t next = connection->next_transaction;
    int error;

    if (domain_over_quota(connection, QUOTA_TRANSACTIONS, connection->transaction_count + 1UL))
        return -ENOSPC;
    if (domain_over_memory(xs, connection, sizeof(struct transaction)))
        return -ENOMEM;
    do {
        next++;
    } while (!next || transaction_find(connection, next));
    error = transaction_restore(xs, connection, next, xs->env.changes);
    if (!error)
        *id = connection->next_transaction = next;
    return error;
}

struct transaction *transaction_find(struct connection *connection, uint32_t id)
{
    list_for_each (item, &connection->transactions) {
        struct transaction *transaction = LIST_ENTRY(item, struct transaction, of_connection);

        if (transaction->id == id)
            return transaction;
    }
    return NULL;
}

int transaction_log(struct xenstored *xs, struct transaction *transaction, uint32_t type,
                    const char *payload, size_t length)
{
    struct connection *connection = transaction->connection;
    struct logged *logged;

    if (domain_over_quota(connection, QUOTA_TRANSACTION_NODES, transaction->logged_count + 1UL))
        return -ENOSPC;
    if (domain_over_memory(xs, connection, (uint64_t)logged_memory(length)))
        return -ENOMEM;
    logged = arena_alloc(xs->arena, logged_size(length));
    if (!logged)
        return -ENOMEM;
    *logged = (struct logged){.type = (uint16_t)type, .length = (uint16_t)length};
    memcpy(logged->payload, payload, length);
    logged->payload[length] = '\0';
    *transaction->log_end = logged;
    transaction->log_end = &logged->next;
    transaction->logged_count++;
    domain_set_usage(connection->domain, QUOTA_TRANSACTION_NODES, transaction->logged_count);
    transaction->log_memory += logged_memory(length);
    domain_add_memory(xs, connection->domain, logged_memory(length));
    return 0;
}

static uint64_t answer_hash(const struct xenstored *xs, const struct reply *reply)
{
    const char *data = reply->data;
    size_t length = reply->length;
    uint32_t type = reply->type;

    if (type == XS_DIRECTORY_PART) {
        size_t generation = strnlen(data, length);

        data += generation;
        length -= generation;
    }
    return hash_chain(hash_bytes(&xs->answers, &type, sizeof(type)),
                      hash_bytes(&xs->answers, data, length));
}

void transaction_answer(struct xenstored *xs, struct transaction *transaction,
                        const struct reply *reply)
{
    transaction_set_answer(transaction, answer_hash(xs, reply));
}

uint64_t transaction_last_answer(const struct transaction *transaction)
{
    return LIST_ENTRY(transaction->log_end, struct logged, next)->answer;
}

void transaction_set_answer(struct transaction *transaction, uint64_t answer)
{
    LIST_ENTRY(transaction->log_end, struct logged, next)->answer = answer;
}

void transaction_account(struct transaction *transaction, int nodes, long bytes)
{
    transaction->nodes += nodes;
    transaction->memory += bytes;
}

/*
 * The request met something else than it did in the transaction: charge the domain that last
 * changed what it looked at. A node that is gone left its mark on the deepest ancestor that is
 * still there.
 */
static void blame(struct xenstored *xs, const struct transaction *transaction,
                  const struct logged *logged)
{
    struct connection *connection = transaction->connection;
    char path[PATH_SIZE];
    struct node *node;

    xs->conflicts++;
    connection->domain->conflicts_met++;
    if (!path_canonical(logged->payload, connection->subject.domid, true, path) || path[0] == '@')
        return;
    node = tree_lookup_deepest(&xs->env, &xs->tree, path);
    if (node_stamp_change(node) > transaction->started &&
        node_stamp_writer(node) != connection->subject.domid)
        domain_charge_conflict(xs, node_stamp_writer(node));
}

static void transaction_free(struct xenstored *xs, struct transaction *transaction)
{
    struct connection *connection = transaction->connection;

    for (struct logged *logged; (logged = transaction->log);) {
        transaction->log = logged->next;
        arena_free(xs->arena, logged, logged_size(logged->length));
    }
    tree_release(&xs->env, &transaction->tree);
    list_remove(&transaction->of_connection);
    connection->transaction_count--;
    domain_set_usage(connection->domain, QUOTA_TRANSACTIONS, connection->transaction_count);
    domain_add_memory(xs, connection->domain, -transaction->log_memory);
    arena_free(xs->arena, transaction, sizeof(*transaction));
}

void attempt_begin(struct xenstored *xs, struct attempt *attempt, struct connection *connection)
{
    attempt->work = (struct work){
        .mode = WORK_REPLAY,
        .connection = connection,
        .tree = &attempt->tree,
    };
    list_init(&attempt->work.events);
    /* What is not a version yet must not be lost with the attempt. */
    history_commit(xs, HISTORY_SERVICE, hv_domid(xs->hv), 0);
    tree_snapshot(&xs->tree, &attempt->tree);
    attempt->outer = xs->work;
    xs->work = &attempt->work;
}

void attempt_commit(struct xenstored *xs, struct attempt *attempt, struct work *work)
{
    xs->work = attempt->outer;
    tree_release(&xs->env, &xs->tree);
    xs->tree = attempt->tree;
    domain_pending_commit(xs);
    list_splice(&work->events, &attempt->work.events);
}

void attempt_abandon(struct xenstored *xs, struct attempt *attempt)
{
    xs->work = attempt->outer;
    output_forget_events(xs, &attempt->work);
    domain_pending_forget(xs);
    history_abandon(xs);
    tree_release(&xs->env, &attempt->tree);
}

int transaction_commit(struct xenstored *xs, struct work *work, struct transaction *transaction)
{
    struct attempt attempt;
    struct logged *logged;
    bool failed;

    tree_release(&xs->env, &transaction->tree);
    attempt_begin(xs, &attempt, work->connection);
    for (logged = transaction->log; logged; logged = logged->next) {
        request_replay(xs, &attempt.work, logged->type, logged->payload, logged->length,
                       &xs->replayed);
        if (answer_hash(xs, &xs->replayed) != logged->answer)
            break;
    }
    failed = logged || transaction->doomed;
    if (failed) {
        if (logged)
            blame(xs, transaction, logged);
        attempt_abandon(xs, &attempt);
    } else {
        attempt_commit(xs, &attempt, work);
        history_commit(xs, HISTORY_COMMIT, work->connection->subject.domid,
                       transaction->logged_count);
        xs->commits++;
    }
    if (xs->tracing)
        trace_commit(xs, work->connection, transaction->id, transaction->logged_count,
                     failed ? -EAGAIN : 0);
    transaction_free(xs, transaction);
    return failed ? -EAGAIN : 0;
}

void transaction_redo(struct xenstored *xs, struct work *work, struct transaction *transaction)
{
    struct attempt attempt;

    tree_release(&xs->env, &transaction->tree);
    attempt_begin(xs, &attempt, work->connection);
    for (const struct logged *logged = transaction->log; logged; logged = logged->next)
        request_replay(xs, &attempt.work, logged->type, logged->payload, logged->length,
                       &xs->replayed);
    attempt_commit(xs, &attempt, work);
    transaction_free(xs, transaction);
}

void transaction_abort(struct xenstored *xs, struct transaction *transaction)
{
    transaction_free(xs, transaction);
}

void transaction_end_all(struct xenstored *xs, struct connection *connection)
{
    list_for_each_safe (item, after, &connection->transactions)
        transaction_free(xs, LIST_ENTRY(item, struct transaction, of_connection));
}
