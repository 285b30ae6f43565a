/* SPDX-License-Identifier: ISC */
#include "check.h"

#include "domain.h"

struct check {
    struct xenstored *xs;
    size_t nodes;
    const char *problem;
};

static void check_children(struct check *check, const struct node *node)
{
    uint32_t count = 0, names_bytes = 0;
    uint64_t cursor = 0, before = 0;

    for (const struct node *child; (child = children_next(node->children, &cursor)); count++) {
        names_bytes += child->name_length + 1U;
        if (node->children->capacity && child->sequence <= before)
            check->problem = "children of a node are out of order";
        before = child->sequence;
        if (children_find(&check->xs->env, node->children, child->text, child->name_length) !=
            child)
            check->problem = "a child is not found by its name";
    }
    if (node->children &&
        (!count || count != node->children->count || names_bytes != node->children->names_bytes))
        check->problem = "a node has lost count of its children";
}

static bool check_node(void *context, const char *path, const struct node *node,
                       const struct node *parent)
{
    struct check *check = context;
    struct domain *owner = domain_find(check->xs, perms_owner(node->perms));

    check->nodes++;
    check_children(check, node);
    if (!owner)
        check->problem = "a node belongs to a domain that is not known";
    else if (list_empty(&owner->touched))
        list_append(&check->xs->touched, &owner->touched);
    if (owner)
        owner->pending_nodes++;
    return true;
}

static void check_connection(struct check *check, const struct connection *connection)
{
    uint32_t watches = 0, transactions = 0, bytes = 0;

    list_for_each (item, &connection->watches)
        watches++;
    list_for_each (item, &connection->transactions)
        transactions++;
    list_for_each (item, &connection->output)
        bytes += LIST_ENTRY(item, struct output, queue)->length;
    if (watches != connection->watch_count)
        check->problem = "a connection has lost count of its watches";
    if (transactions != connection->transaction_count)
        check->problem = "a connection has lost count of its transactions";
    if (bytes != connection->output_bytes)
        check->problem = "a connection has lost count of its unread bytes";
    if (connection->event.port &&
        check->xs->loop.ports[connection->event.port] != &connection->event)
        check->problem = "a port does not lead to its connection";
}

static struct check walk(struct xenstored *xs)
{
    struct check check = {.xs = xs};
    char path[TREE_PATH_SIZE] = "/";

    tree_walk(&xs->env, xs->tree.root, path, TREE_PARENT_FIRST, check_node, &check);
    return check;
}

const char *check_all(struct xenstored *xs)
{
    struct check check = walk(xs);

    list_for_each (item, &xs->domains) {
        struct domain *domain = LIST_ENTRY(item, struct domain, all);

        if ((long)domain->usage.now[QUOTA_NODES] != domain->pending_nodes)
            check.problem = "a domain has lost count of its nodes";
    }
    domain_pending_forget(xs);
    list_for_each (item, &xs->connections)
        check_connection(&check, LIST_ENTRY(item, struct connection, all));
    return check.problem;
}

size_t check_count_nodes(struct xenstored *xs)
{
    struct check check = walk(xs);

    domain_pending_forget(xs);
    return check.nodes;
}
