/* SPDX-License-Identifier: ISC */
/* Domains of the reference model: INTRODUCE to SET_QUOTA, and what happens when one dies. */
#include "model_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const quota_names[MQ_COUNT] = {
    "nodes",        "watches",           "outstanding",      "memory",
    "transactions", "transaction-nodes", "node-permissions", "path-max",
    "node-size",
};

struct mdomain *mdomain_find(struct model *model, unsigned domid)
{
    for (unsigned i = 0; i < MODEL_DOMAINS; i++)
        if (model->domain[i].exists && model->domain[i].domid == domid)
            return &model->domain[i];
    return NULL;
}

struct mconnection *mconnection_main(struct model *model, unsigned domid)
{
    for (unsigned i = 0; i < MODEL_CONNECTIONS; i++)
        if (model->connection[i].number != MODEL_NO_CONNECTION && model->connection[i].main &&
            model->connection[i].domain->domid == domid)
            return &model->connection[i];
    return NULL;
}

void mtransaction_free(struct mtransaction *transaction)
{
    while (transaction->log != NULL) {
        struct mlogged *logged = transaction->log;
        transaction->log = logged->next;
        free(logged);
    }
    mtree_free(&transaction->tree);
    free(transaction);
}

void mconnection_reset(struct mconnection *connection)
{
    mwatch_clear(connection);
    while (connection->transactions != NULL) {
        struct mtransaction *transaction = connection->transactions;
        connection->transactions = transaction->next;
        mtransaction_free(transaction);
    }
}

static struct mconnection *connect(struct model *model, struct mdomain *domain, bool main)
{
    struct mconnection *connection = model->connection;

    while (connection->number != MODEL_NO_CONNECTION)
        if (++connection == model->connection + MODEL_CONNECTIONS)
            abort();
    *connection =
        (struct mconnection){.number = ++model->last_connection, .domain = domain, .main = main};
    return connection;
}

static void disconnect(struct mconnection *connection)
{
    mconnection_reset(connection);
    connection->number = MODEL_NO_CONNECTION;
}

/* What a domain is that nobody has told the store of. */
static void domain_new(struct model *model, struct mdomain *domain)
{
    *domain = (struct mdomain){.exists = true, .domid = domain->domid, .target = -1};
    domain->features = WIRE_FEATURE_RECONNECTION | WIRE_FEATURE_ERROR | WIRE_FEATURE_WATCHDEPTH |
                       WIRE_FEATURE_DOMID_ANY;
    memcpy(domain->quota, model->default_quota, sizeof(domain->quota));
}

void model_domain_created(struct model *model, unsigned domid)
{
    struct mdomain *domain = model->domain;

    if (mdomain_find(model, domid) != NULL) { /* held: nobody else gets the number here */
        mdomain_find(model, domid)->heir = true;
        return;
    }
    while (domain->exists)
        if (++domain == model->domain + MODEL_DOMAINS)
            abort();
    domain->domid = domid;
    domain_new(model, domain);
}

/* Nodes of @domid go with all below them, entries that name it go from all other nodes. */
static void forget_in(struct mnode *node, unsigned domid, struct mevents *events)
{
    if (node->parent != NULL && node->perms.entry[0].domid == domid) {
        mremove_subtree(node, events);
        return;
    }
    mperms_forget(&node->perms, domid);
    for (size_t i = 0; i < node->children;) {
        size_t before = node->children;
        forget_in(node->child[i], domid, events);
        if (node->children == before)
            i++;
    }
}

static void forget(struct model *model, struct mdomain *domain)
{
    struct mconnection *connection = mconnection_main(model, domain->domid);
    struct mevents events = {0};
    bool introduced = domain->introduced;

    if (connection != NULL)
        disconnect(connection);
    forget_in(model->tree.root, domain->domid, &events);
    mperms_forget(&model->tree.introduce->perms, domain->domid);
    mperms_forget(&model->tree.release->perms, domain->domid);
    mfire(model, &events);
    /* The store knows nothing of it any more, were it alive. */
    domain_new(model, domain);
    for (unsigned i = 0; i < MODEL_DOMAINS; i++)
        if (model->domain[i].target == (int)domain->domid)
            model->domain[i].target = -1;
    if (introduced)
        mfire_special(model, "@releaseDomain", domain->domid, true, true);
}

void model_domain_shutdown(struct model *model, unsigned domid)
{
    struct mdomain *domain = mdomain_find(model, domid);

    if (domain == NULL || !domain->introduced || domain->shutdown)
        return;
    if (domain->held) {
        domain->silent = true;
        return;
    }
    domain->shutdown = true;
    mfire_special(model, "@releaseDomain", domid, true, true);
}

void model_domain_destroyed(struct model *model, unsigned domid)
{
    struct mdomain *domain = mdomain_find(model, domid);

    if (domain == NULL)
        return;
    if (domain->over) {
        domain->heir = false;
        return;
    }
    if (domain->held && domain->introduced) {
        disconnect(mconnection_main(model, domid));
        domain->over = true;
        domain->shutdown = domain->silent = false;
        domain->target = -1;
        return;
    }
    forget(model, domain);
    domain->exists = false;
}

void model_domain_held(struct model *model, unsigned domid, bool held)
{
    struct mdomain *domain = mdomain_find(model, domid);
    bool silent = domain->silent, over = domain->over, heir = domain->heir;

    domain->held = held;
    if (held)
        return;
    domain->silent = false;
    if (silent)
        model_domain_shutdown(model, domid);
    if (over) {
        forget(model, domain);
        domain->exists = heir;
    }
}

model_connection_t model_connection_of(const struct model *model, unsigned domid)
{
    for (unsigned i = 0; i < MODEL_CONNECTIONS; i++) {
        const struct mconnection *connection = &model->connection[i];
        if (connection->number != MODEL_NO_CONNECTION && connection->main &&
            connection->domain->domid == domid)
            return connection->number;
    }
    return MODEL_NO_CONNECTION;
}

model_connection_t model_attach(struct model *model)
{
    bool first = mconnection_main(model, 0) == NULL;
    struct mdomain *domain = mdomain_find(model, 0);

    domain->introduced = true;
    return connect(model, domain, first)->number;
}

void model_detach(struct model *model, model_connection_t number)
{
    for (unsigned i = 0; i < MODEL_CONNECTIONS; i++)
        if (model->connection[i].number == number)
            disconnect(&model->connection[i]);
}

void model_reconnect(struct model *model, model_connection_t number)
{
    for (unsigned i = 0; i < MODEL_CONNECTIONS; i++)
        if (model->connection[i].number == number)
            mconnection_reset(&model->connection[i]);
}

static bool parse_domid(const char *text, unsigned *domid)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);

    *domid = (unsigned)value;
    return *end == 0 && value <= 65535;
}

static int op_introduce(struct model *model, const struct wire_message *request)
{
    const char *strings[3];
    unsigned domid;
    struct mdomain *domain;

    if (mstrings(request, strings, 3) < 3 || !parse_domid(strings[0], &domid) ||
        atoi(strings[2]) <= 0)
        return EINVAL;
    domain = mdomain_find(model, domid);
    if (domain == NULL)
        return -1; /* which error depends on the hypervisor */
    if (domain->over && !domain->heir)
        return EINVAL;
    if (domain->over) {
        domain->over = domain->heir = false;
        connect(model, domain, true);
        return 0;
    }
    if (domain->introduced) {
        mconnection_reset(mconnection_main(model, domid));
        return 0;
    }
    domain->introduced = true;
    connect(model, domain, true);
    mfire_special(model, "@introduceDomain", domid, true, true);
    return 0;
}

static int op_one_domain(struct model *model, const struct wire_message *request)
{
    const char *text = monly(request);
    unsigned domid;
    struct mdomain *domain;

    /* Neither the privileged domain nor the store's own can be released. */
    if (text == NULL || !parse_domid(text, &domid) || domid <= 1)
        return EINVAL;
    domain = mdomain_find(model, domid);
    if (domain == NULL || !domain->introduced)
        return ENOENT;
    if (request->type == WIRE_RELEASE) {
        bool exists = !domain->over || domain->heir;

        forget(model, domain);
        domain->exists = exists;
    } else {
        domain->shutdown = false;
    }
    return 0;
}

static int op_set_target(struct model *model, const struct wire_message *request)
{
    const char *strings[2];
    unsigned domid, target;

    if (mstrings(request, strings, 2) < 2 || !parse_domid(strings[0], &domid) ||
        !parse_domid(strings[1], &target))
        return EINVAL;
    struct mdomain *domain = mdomain_find(model, domid), *other = mdomain_find(model, target);
    if (domain == NULL || mconnection_main(model, domid) == NULL || other == NULL ||
        !other->introduced)
        return ENOENT;
    domain->target = (int)target;
    return 0;
}

static void reply_text(struct wire_message *reply, const char *format, unsigned value)
{
    char text[64];

    snprintf(text, sizeof(text), "%s%u", format, value);
    reply->length = 0;
    message_add_string(reply, text);
}

static int op_query(struct model *model, const struct wire_message *request,
                    struct wire_message *reply)
{
    const char *text = monly(request);
    unsigned domid;
    struct mdomain *domain;

    if (text == NULL || !parse_domid(text, &domid))
        return EINVAL;
    domain = mdomain_find(model, domid);
    if (request->type == WIRE_GET_DOMAIN_PATH) {
        reply_text(reply, "/local/domain/", domid);
    } else {
        reply->length = 0;
        message_add_string(
            reply, domid == WIRE_DOMID_SELF || (domain != NULL && domain->introduced) ? "T" : "F");
    }
    return 0;
}

static int op_feature(struct model *model, const struct mdomain *caller,
                      const struct wire_message *request, struct wire_message *reply)
{
    const char *strings[2];
    size_t given = mstrings(request, strings, 2);
    bool set = request->type == WIRE_SET_FEATURE;
    unsigned domid;

    if (!set && given == 0) {
        reply_text(reply, "", caller->features);
        return 0;
    }
    if (caller->domid != 0)
        return EACCES;
    if (given != (set ? 2 : 1) || !parse_domid(strings[0], &domid))
        return EINVAL;
    struct mdomain *domain = mdomain_find(model, domid);
    if (domain == NULL)
        return ENOENT;
    if (!set) {
        reply_text(reply, "", domain->features);
        return 0;
    }
    if (domain->introduced)
        return EBUSY;
    unsigned value = (unsigned)atoi(strings[1]);
    if ((value & ~15U) != 0)
        return EINVAL;
    domain->features = value;
    mreply_ok(reply);
    return 0;
}

static int op_quota(struct model *model, const struct wire_message *request,
                    struct wire_message *reply)
{
    const char *strings[3], **text = strings;
    size_t given = mstrings(request, strings, 3);
    size_t own = request->type == WIRE_SET_QUOTA ? 2 : 1;
    unsigned *quota = model->default_quota, domid;

    if (given < own || given > own + 1)
        return EINVAL;
    if (given > own) {
        if (!parse_domid(strings[0], &domid))
            return EINVAL;
        if (mdomain_find(model, domid) == NULL)
            return ENOENT;
        quota = mdomain_find(model, domid)->quota;
        text++;
    }
    for (unsigned i = 0; i < MQ_COUNT; i++)
        if (strcmp(quota_names[i], text[0]) == 0) {
            if (own == 1) {
                reply_text(reply, "", quota[i]);
            } else {
                quota[i] = (unsigned)atoi(text[1]);
                mreply_ok(reply);
            }
            return 0;
        }
    return EINVAL;
}

int mdomain_request(struct model *model, struct mconnection *connection,
                    const struct wire_message *request, struct wire_message *reply)
{
    mreply_ok(reply);
    switch (request->type) {
    case WIRE_INTRODUCE:
        return op_introduce(model, request);
    case WIRE_RELEASE:
    case WIRE_RESUME:
        return op_one_domain(model, request);
    case WIRE_SET_TARGET:
        return op_set_target(model, request);
    case WIRE_GET_DOMAIN_PATH:
    case WIRE_IS_DOMAIN_INTRODUCED:
        return op_query(model, request, reply);
    case WIRE_GET_FEATURE:
    case WIRE_SET_FEATURE:
        return op_feature(model, connection->domain, request, reply);
    case WIRE_GET_QUOTA:
    case WIRE_SET_QUOTA:
        return op_quota(model, request, reply);
    default:
        return ENOSYS;
    }
}
