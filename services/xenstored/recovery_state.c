/* SPDX-License-Identifier: ISC */
/*
 * The entries of a checkpoint. Nothing of them is believed: whatever they say is checked, or goes
 * through the same functions as a request of a client.
 */
#include "recovery.h"

#include <errno.h>
#include <string.h>

#include <hv/time.h>

#include "connection.h"
#include "domain.h"
#include "hold.h"
#include "output.h"
#include "path.h"
#include "request.h"
#include "transaction.h"
#include "watch.h"

/* The fixed part of the entry's body into @body; false: it is shorter. */
static bool fixed(const struct recovery_entry *entry, void *body, size_t length)
{
    if (entry->length < length)
        return false;
    memcpy(body, entry->body, length);
    return true;
}

static int too_short(struct recovery *recovery)
{
    return recovery_problem(recovery, "an entry is too short for its type");
}

static void take_limits(struct quota_limits *limits, const struct entry_limits *from)
{
    memcpy(limits->hard, from->limit, sizeof(limits->hard));
    limits->soft_memory = from->limit[QUOTA_COUNT];
}

static int take_head(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct xenstored *xs = recovery->xs;
    struct entry_head body;

    if (!fixed(entry, &body, sizeof(body)))
        return too_short(recovery);
    if (recovery->head)
        return recovery_problem(recovery, "it begins twice");
    if (body.version != JOURNAL_ENTRY_VERSION)
        return recovery_problem(recovery, "its entries are of another version");
    if (body.priv_domid != xs->priv_domid || body.own_domid != hv_domid(xs->hv))
        return recovery_problem(recovery, "it is of a service with another domid");
    if (body.changes >> 47 || body.sequence >> 63)
        return recovery_problem(recovery, "its counters are beyond what they can be");
    recovery->head = true;
    recovery->sequence = body.sequence;
    xs->env.changes = body.changes;
    xs->answers = body.answers;
    take_limits(&xs->limits, &body.limits);
    return 0;
}

/* When its hold is over, 0: it lives. Never later than if it had ended just now. */
static uint64_t held_until(struct xenstored *xs, const struct entry_domain *body)
{
    const uint64_t now = hv_now(xs->hv), longest = now + body->hold * HV_SEC;
    const uint64_t told = body->held ? now + body->held * HV_SEC : 0;
    const uint64_t until = body->held_until ? body->held_until : told;

    return until < longest ? until : longest;
}

static int take_domain(struct recovery *recovery, const struct recovery_entry *entry)
{
    const size_t least = offsetof(struct entry_domain, held_until);
    struct xenstored *xs = recovery->xs;
    struct entry_domain body = {0};
    struct domain *domain;

    if (!fixed(entry, &body, entry->length < sizeof(body) ? least : sizeof(body)))
        return too_short(recovery);
    if (body.domid >= HV_DOMID_FIRST_RESERVED)
        return recovery_problem(recovery, "a domain has an impossible number");
    domain = domain_create(xs, body.domid);
    if (!domain)
        return -ENOMEM;
    memcpy(domain->handle, body.handle, sizeof(domain->handle));
    domain->features = body.features & XS_FEATURES;
    domain->shutdown = body.flags & ENTRY_DOMAIN_SHUTDOWN;
    take_limits(&domain->limits, &body.limits);
    if (body.hold > HOLD_MAX || body.held > body.hold || (body.held_until && !body.hold))
        return recovery_problem(recovery, "a domain is held for too long");
    domain->hold = body.hold;
    domain->held_until = held_until(xs, &body);
    if (domain->held_until)
        domain->introduced = true;
    if ((body.flags & ENTRY_DOMAIN_DEAD) && !domain_unlimited(xs, body.domid)) {
        domain->dead = xs->cleanup_pending = true;
        domain->introduced = body.flags & ENTRY_DOMAIN_KNOWN;
    }
    return 0;
}

/* --- nodes --------------------------------------------------------------------------------------
 */

/* A node of an entry, checked but for what it is to be put into. */
struct entered_node {
    struct entry_node fixed;
    const char *path;
    const uint8_t *value;
    struct perms *perms; /* with a reference; NULL: there is no such node */
};

static int take_perms(struct recovery *recovery, const uint8_t *data, uint32_t count,
                      struct perms **perms)
{
    struct perm list[PERMS_MAX];

    memcpy(list, data, count * sizeof(list[0]));
    for (uint32_t i = 0; i < count; i++)
        if (list[i].rights & ~(PERM_READ | PERM_WRITE | PERM_IGNORE))
            return recovery_problem(recovery, "a permission has impossible rights");
    *perms = perms_intern(&recovery->xs->perms, list, count);
    return *perms ? 0 : -ENOMEM;
}

static int take_node(struct recovery *recovery, const uint8_t *body, uint32_t length,
                     struct entered_node *node)
{
    char path[PATH_SIZE];
    size_t perms;

    *node = (struct entered_node){0};
    if (length < sizeof(node->fixed))
        return too_short(recovery);
    memcpy(&node->fixed, body, sizeof(node->fixed));
    perms = node->fixed.perms * sizeof(struct perm);
    if (node->fixed.perms > PERMS_MAX || node->fixed.value_length > XS_PAYLOAD_MAX ||
        length != sizeof(node->fixed) + perms + node->fixed.path_size + node->fixed.value_length)
        return recovery_problem(recovery, "the lengths in a node's entry do not agree");
    node->path = (const char *)body + sizeof(node->fixed) + perms;
    node->value = (const uint8_t *)node->path + node->fixed.path_size;
    if (node->fixed.path_size &&
        (node->path[node->fixed.path_size - 1] || node->path[0] != '/' ||
         !path_canonical(node->path, 0, false, path) || strcmp(path, node->path) != 0 ||
         strlen(path) + 1 != node->fixed.path_size))
        return recovery_problem(recovery, "a node has no absolute path");
    if (node->fixed.sequence >> 63)
        return recovery_problem(recovery, "its counters are beyond what they can be");
    if (!node->fixed.perms)
        return 0;
    return take_perms(recovery, body + sizeof(node->fixed), node->fixed.perms, &node->perms);
}

/* Make the tree have the node; there is none, or it is the root. */
static int put_node(struct recovery *recovery, struct tree *tree, const struct entered_node *node)
{
    struct tree_env *env = &recovery->xs->env;
    uint32_t length = node->fixed.value_length;
    int error;

    if (node->fixed.sequence > recovery->sequence)
        recovery->sequence = node->fixed.sequence;
    if (tree_lookup(env, tree, node->path)) {
        error = tree_set_value(env, tree, node->path, node->value, length);
    } else {
        if (!tree_lookup_parent(env, tree, node->path))
            return recovery_problem(recovery, "a node comes before its parent");
        env->sequence = node->fixed.sequence - 1;
        error = tree_create_node(env, tree, node->path, node->value, length, false, 0);
    }
    return error ? error : tree_set_perms(env, tree, node->path, node->perms);
}

static int take_tree_node(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct xenstored *xs = recovery->xs;
    struct entered_node node;
    int error = take_node(recovery, entry->body, entry->length, &node);

    if (error)
        return error;
    if (!node.perms)
        return recovery_problem(recovery, "a node has no permissions");
    if (!node.fixed.path_size || !domain_find(xs, perms_owner(node.perms)))
        error = recovery_problem(recovery, "a node has no path, or an owner that is not known");
    else if (node.path[1] && tree_lookup(&xs->env, &xs->tree, node.path))
        error = recovery_problem(recovery, "a node comes twice");
    else
        error = put_node(recovery, &xs->tree, &node);
    perms_put(&xs->perms, node.perms);
    return error;
}

static int set_special(struct recovery *recovery, struct tree *tree, const uint8_t *body,
                       uint32_t length)
{
    struct entered_node node;
    int error = take_node(recovery, body, length, &node);

    if (error)
        return error;
    if (!node.perms)
        return recovery_problem(recovery, "a node has no permissions");
    if (node.fixed.special >= SPECIAL_COUNT)
        error = recovery_problem(recovery, "a special node is unknown");
    else
        tree_set_special(&recovery->xs->env, tree, node.fixed.special, node.perms);
    perms_put(&recovery->xs->perms, node.perms);
    return error;
}

/* --- transactions -------------------------------------------------------------------------------
 */

static int find_transaction(struct recovery *recovery, uint32_t id, uint32_t number,
                            struct transaction **transaction)
{
    struct connection *connection = recovery_connection(recovery, id);

    *transaction = connection ? transaction_find(connection, number) : NULL;
    return *transaction ? 0
                        : recovery_problem(recovery, "an entry is of a transaction that is not");
}

static int take_transaction(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct connection *connection;
    struct entry_transaction body;

    if (!fixed(entry, &body, sizeof(body)))
        return too_short(recovery);
    connection = recovery_connection(recovery, body.connection);
    if (!connection || !body.id || transaction_find(connection, body.id))
        return recovery_problem(recovery, "a transaction is nobody's, or comes twice");
    return transaction_restore(recovery->xs, connection, body.id, body.started);
}

static int change_tree(struct recovery *recovery, struct transaction *transaction,
                       const struct entered_node *node)
{
    struct tree_env *env = &recovery->xs->env;
    struct tree *tree = &transaction->tree;
    const struct node *there;

    if (!node->fixed.path_size)
        return recovery_problem(recovery, "a node has no path");
    there = tree_lookup(env, tree, node->path);
    if (there && node->path[1] && (!node->perms || there->sequence != node->fixed.sequence)) {
        int error = tree_remove(env, tree, node->path);

        if (error)
            return error;
    }
    return node->perms ? put_node(recovery, tree, node) : 0;
}

/* What is behind struct entry_transaction is of the transaction's own tree. */
static int take_transaction_part(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct xenstored *xs = recovery->xs;
    struct work work = {.mode = WORK_SNAPSHOT};
    struct entry_transaction body;
    struct entered_node node;
    struct transaction *transaction;
    int error;

    if (!fixed(entry, &body, sizeof(body)))
        return too_short(recovery);
    error = find_transaction(recovery, body.connection, body.id, &transaction);
    if (error)
        return error;
    if (entry->type == ENTRY_DOOMED) {
        transaction->doomed = true;
        return 0;
    }
    work.connection = transaction->connection;
    work.transaction = transaction;
    work.tree = &transaction->tree;
    list_init(&work.events);
    xs->work = &work;
    if (entry->type == ENTRY_TRANSACTION_SPECIAL) {
        error = set_special(recovery, &transaction->tree, entry->body + sizeof(body),
                            entry->length - (uint32_t)sizeof(body));
    } else {
        error = take_node(recovery, entry->body + sizeof(body),
                          entry->length - (uint32_t)sizeof(body), &node);
        if (!error)
            error = change_tree(recovery, transaction, &node);
        if (node.perms)
            perms_put(&xs->perms, node.perms);
    }
    xs->work = NULL;
    return error;
}

static int take_logged(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct transaction *transaction;
    struct entry_logged body;
    char payload[XS_PAYLOAD_MAX + 1];
    uint32_t length;
    int error;

    if (!fixed(entry, &body, sizeof(body)))
        return too_short(recovery);
    error = find_transaction(recovery, body.connection, body.id, &transaction);
    length = entry->length - (uint32_t)sizeof(body);
    if (error)
        return error;
    if (!request_is_logged(body.type) || length > XS_PAYLOAD_MAX)
        return recovery_problem(recovery, "a transaction's log has what it cannot have");
    memcpy(payload, entry->body + sizeof(body), length);
    error = transaction_log(recovery->xs, transaction, body.type, payload, length);
    if (!error)
        transaction_set_answer(transaction, body.answer);
    return error;
}

/* --- connections --------------------------------------------------------------------------------
 */

static int take_connection(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct xenstored *xs = recovery->xs;
    struct connection *connection;
    struct entry_connection body;
    struct domain *domain;
    bool extra;

    if (!fixed(entry, &body, sizeof(body)))
        return too_short(recovery);
    extra = body.flags & ENTRY_CONNECTION_EXTRA;
    domain = domain_find(xs, body.domid);
    if (!body.id || recovery_connection(recovery, body.id))
        return recovery_problem(recovery, "a connection has no number of its own");
    if (!domain || domain->dead || (!extra && domain->connection))
        return recovery_problem(recovery, "a connection is of an impossible domain");
    connection = connection_new(xs, domain);
    if (!connection)
        return -ENOMEM;
    connection->id = body.id;
    if (body.id > xs->connection_ids)
        xs->connection_ids = body.id;
    connection->extra = extra;
    if (!extra) {
        domain->introduced = true;
        domain->connection = connection;
    }
    connection->target = connection->subject.target = body.target;
    connection->remote_port = body.port;
    connection->ref = body.ref;
    connection->broken = body.flags & ENTRY_CONNECTION_BROKEN;
    connection->error = body.error;
    connection->req_cons = body.cons;
    connection->next_transaction = body.next_transaction;
    connection->journal.reset = body.flags & ENTRY_CONNECTION_RESET;
    return recovery_take_input(recovery, connection, entry->body + sizeof(body),
                               entry->length - (uint32_t)sizeof(body));
}

static int take_watch(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct xenstored *xs = recovery->xs;
    struct work work = {.tree = &xs->tree};
    struct entry_watch body;
    const char *text, *token;
    char path[PATH_SIZE];
    int error;

    if (!fixed(entry, &body, sizeof(body)))
        return too_short(recovery);
    text = (const char *)entry->body + sizeof(body);
    token = text + body.path_size;
    if (!body.path_size || !body.token_size ||
        entry->length != sizeof(body) + body.path_size + body.token_size ||
        text[body.path_size - 1] || token[body.token_size - 1] ||
        strlen(token) + 1 != body.token_size)
        return recovery_problem(recovery, "the lengths in a watch's entry do not agree");
    work.connection = recovery_connection(recovery, body.connection);
    if (!work.connection || body.depth < WATCH_ANY_DEPTH ||
        !path_canonical(text, work.connection->subject.domid, true, path))
        return recovery_problem(recovery, "a watch is nobody's, or on no path");
    list_init(&work.events);
    error = watch_add(xs, &work, path, token, body.depth, text[0] != '/' && text[0] != '@');
    return error == -EEXIST ? recovery_problem(recovery, "a watch comes twice") : error;
}

int recovery_state(struct recovery *recovery, const struct recovery_entry *entry)
{
    switch (entry->type) {
    case ENTRY_HEAD:
        return take_head(recovery, entry);
    case ENTRY_DOMAIN:
        return take_domain(recovery, entry);
    case ENTRY_NODE:
        return take_tree_node(recovery, entry);
    case ENTRY_SPECIAL:
        return set_special(recovery, &recovery->xs->tree, entry->body, entry->length);
    case ENTRY_CONNECTION:
        return take_connection(recovery, entry);
    case ENTRY_WATCH:
        return take_watch(recovery, entry);
    case ENTRY_TRANSACTION:
        return take_transaction(recovery, entry);
    case ENTRY_TRANSACTION_NODE:
    case ENTRY_TRANSACTION_SPECIAL:
    case ENTRY_DOOMED:
        return take_transaction_part(recovery, entry);
    case ENTRY_LOGGED:
        return take_logged(recovery, entry);
    case ENTRY_END:
        recovery->checkpoint = true;
        return 0;
    default:
        return recovery_problem(recovery, "a checkpoint has what it cannot have");
    }
}
