/* SPDX-License-Identifier: ISC */
/*
 * All of the state in entries. Needs no memory of its own but for the trees of open transactions,
 * which are written as their differences from the current one; where memory is short, such a
 * transaction will end in EAGAIN.
 */
#include "recorder.h"

#include <string.h>

#include "compare.h"
#include "history.h"
#include "hold.h"
#include "transaction.h"
#include "watch.h"

static void put_limits(struct entry_limits *limits, const struct quota_limits *from)
{
    memcpy(limits->limit, from->hard, sizeof(from->hard));
    limits->limit[QUOTA_COUNT] = from->soft_memory;
}

static void add_head(struct xenstored *xs)
{
    struct entry_head body = {
        .version = JOURNAL_ENTRY_VERSION,
        .priv_domid = xs->priv_domid,
        .own_domid = hv_domid(xs->hv),
        .changes = xs->env.changes,
        .sequence = xs->env.sequence,
        .answers = xs->answers,
    };

    put_limits(&body.limits, &xs->limits);
    recorder_add(xs, ENTRY_HEAD, &(struct journal_part){&body, sizeof(body)}, 1);
}

static void add_domain(struct xenstored *xs, const struct domain *domain)
{
    struct entry_domain body = {
        .domid = domain->domid,
        .features = domain->features,
        .hold = domain->hold,
        .held = hold_left(xs, domain),
        .held_until = domain->held_until,
        .flags = (uint16_t)((domain->shutdown ? ENTRY_DOMAIN_SHUTDOWN : 0) |
                            (domain->dead ? ENTRY_DOMAIN_DEAD : 0) |
                            (domain->introduced ? ENTRY_DOMAIN_KNOWN : 0)),
    };

    memcpy(body.handle, domain->handle, sizeof(body.handle));
    put_limits(&body.limits, &domain->limits);
    recorder_add(xs, ENTRY_DOMAIN, &(struct journal_part){&body, sizeof(body)}, 1);
}

/* A node of the current tree; or with @transaction, of one of another tree. */
static void add_node(struct xenstored *xs, const struct entry_transaction *transaction,
                     const char *path, const struct node *node)
{
    const struct entry_node body = {
        .sequence = node ? node->sequence : 0,
        .path_size = (uint16_t)(strlen(path) + 1),
        .value_length = node ? node->value_length : 0,
        .perms = node ? (uint16_t)node->perms->count : 0,
    };
    const uint32_t perms = body.perms * (uint32_t)sizeof(struct perm);
    const uint32_t before = transaction ? sizeof(*transaction) : 0;
    uint8_t *at = recorder_entry(xs, transaction ? ENTRY_TRANSACTION_NODE : ENTRY_NODE,
                                 before + (uint32_t)sizeof(body) + perms + body.path_size +
                                     body.value_length);

    if (transaction)
        memcpy(at, transaction, sizeof(*transaction));
    at += before;
    memcpy(at, &body, sizeof(body));
    at += sizeof(body);
    if (perms)
        memcpy(at, node->perms->list, perms);
    at += perms;
    memcpy(at, path, body.path_size);
    if (body.value_length)
        memcpy(at + body.path_size, node_value(node), body.value_length);
}

static bool visit_node(void *context, const char *path, const struct node *node,
                       const struct node *parent)
{
    struct xenstored *xs = context;

    /* What the service publishes is its own: a successor publishes anew. */
    if (history_is_own(xs, path))
        return false;
    add_node(xs, NULL, path, node);
    return true;
}

static void add_special(struct xenstored *xs, const struct entry_transaction *transaction,
                        const struct tree *tree, enum special special)
{
    const struct perms *perms = tree->special[special];
    const struct entry_node body = {.perms = (uint16_t)perms->count, .special = special};
    const struct journal_part parts[] = {
        {transaction, transaction ? sizeof(*transaction) : 0},
        {&body, sizeof(body)},
        {perms->list, perms->count * sizeof(struct perm)},
    };

    recorder_add(xs, transaction ? ENTRY_TRANSACTION_SPECIAL : ENTRY_SPECIAL, parts, 3);
}

static void add_connection(struct xenstored *xs, const struct connection *connection)
{
    const size_t head = sizeof(connection->in_header);
    uint32_t have = connection->in_have;
    const struct entry_connection body = {
        .id = connection->id,
        .domid = connection->domain->domid,
        .target = connection->target,
        .port = connection->remote_port,
        .ref = connection->ref,
        .flags = (connection->broken ? ENTRY_CONNECTION_BROKEN : 0) |
                 (connection->extra ? ENTRY_CONNECTION_EXTRA : 0) |
                 (list_empty(&connection->resetting) ? 0 : ENTRY_CONNECTION_RESET),
        .error = connection->error,
        .cons = connection->req_cons,
        .next_transaction = connection->next_transaction,
    };
    const struct journal_part parts[] = {
        {&body, sizeof(body)},
        {&connection->in_header, have < head ? have : head},
        {connection->in_payload, have < head ? 0 : have - head},
    };

    recorder_add(xs, ENTRY_CONNECTION, parts, 3);
}

static void add_watches(struct xenstored *xs, struct connection *connection)
{
    list_for_each (item, &connection->watches) {
        struct watch_info watch;
        struct entry_watch body = {.connection = connection->id};

        watch_describe(item, &watch);
        body.depth = watch.depth;
        body.path_size = (uint16_t)(strlen(watch.path) + 1);
        body.token_size = (uint16_t)(strlen(watch.token) + 1);
        recorder_add(xs, ENTRY_WATCH,
                     (struct journal_part[]){{&body, sizeof(body)},
                                             {watch.path, body.path_size},
                                             {watch.token, body.token_size}},
                     3);
    }
}

static void add_output(struct xenstored *xs, const struct connection *connection)
{
    struct entry_output body = {.connection = connection->id};

    if (list_empty(&connection->output))
        return;
    body.begin = hv_shared_read32(xs->hv, &connection->ring->rsp_prod);
    list_for_each (item, &connection->output) {
        const struct output *output = LIST_ENTRY(item, struct output, queue);
        uint32_t length = output->length - output->sent;

        body.partial = output->sent || output->partial ? length : 0;
        recorder_add(
            xs, ENTRY_OUTPUT,
            (struct journal_part[]){{&body, sizeof(body)}, {output->data + output->sent, length}},
            2);
        body.pending += length;
    }
}

static void add_tree(struct xenstored *xs, const struct transaction *transaction,
                     const struct entry_transaction *body)
{
    struct compare compare;
    int more;

    for (unsigned special = 0; special < SPECIAL_COUNT; special++)
        add_special(xs, body, &transaction->tree, special);
    compare_begin(&compare, &xs->env, xs->tree.root, transaction->tree.root, "/");
    compare.order = true;
    while ((more = compare_next(&compare)) > 0) {
        if (history_is_own(xs, compare.path)) {
            compare_skip(&compare);
        } else if (!compare.after) {
            add_node(xs, body, compare.path, NULL);
            compare_skip(&compare);
        } else {
            add_node(xs, body, compare.path, compare.after);
        }
    }
    compare_end(&compare);
    if (more || transaction->doomed)
        recorder_add(xs, ENTRY_DOOMED, &(struct journal_part){body, sizeof(*body)}, 1);
}

static void add_transaction(struct xenstored *xs, const struct transaction *transaction)
{
    const struct entry_transaction body = {
        .connection = transaction->connection->id,
        .id = transaction->id,
        .started = transaction->started,
    };

    recorder_add(xs, ENTRY_TRANSACTION, &(struct journal_part){&body, sizeof(body)}, 1);
    add_tree(xs, transaction, &body);
    for (const struct logged *logged = transaction->log; logged; logged = logged->next) {
        const struct entry_logged of_log = {
            .connection = body.connection,
            .id = body.id,
            .answer = logged->answer,
            .type = logged->type,
        };

        recorder_add(
            xs, ENTRY_LOGGED,
            (struct journal_part[]){{&of_log, sizeof(of_log)}, {logged->payload, logged->length}},
            2);
    }
}

void checkpoint_write(struct xenstored *xs)
{
    char root[TREE_PATH_SIZE] = "/";

    add_head(xs);
    list_for_each (item, &xs->domains)
        add_domain(xs, LIST_ENTRY(item, struct domain, all));
    tree_walk(&xs->env, xs->tree.root, root, TREE_PARENT_FIRST, visit_node, xs);
    for (unsigned special = 0; special < SPECIAL_COUNT; special++)
        add_special(xs, NULL, &xs->tree, special);
    list_for_each (item, &xs->connections) {
        struct connection *connection = LIST_ENTRY(item, struct connection, all);

        add_connection(xs, connection);
        add_watches(xs, connection);
        add_output(xs, connection);
        list_for_each (at, &connection->transactions)
            add_transaction(xs, LIST_ENTRY(at, struct transaction, of_connection));
    }
    recorder_add(xs, ENTRY_END, NULL, 0);
}
