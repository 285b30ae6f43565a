/* SPDX-License-Identifier: ISC */
/* The reference model: requests in, answers out; transactions. */
#include "model.h"

#include "model_state.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct model *model_create(unsigned store, model_emit_fn *emit, void *context)
{
    static const unsigned defaults[MQ_COUNT] = {
        [MQ_NODES] = 1000,     [MQ_WATCHES] = 128,        [MQ_OUTSTANDING] = 20,
        [MQ_MEMORY] = 2621440, [MQ_TRANSACTIONS] = 10,    [MQ_TRANSACTION_NODES] = 1024,
        [MQ_PATH_MAX] = 2048,  [MQ_NODE_PERMISSIONS] = 5, [MQ_NODE_SIZE] = 2048,
    };
    struct model *model = calloc(1, sizeof(*model));

    model->emit = emit;
    model->context = context;
    memcpy(model->default_quota, defaults, sizeof(defaults));
    mtree_init(&model->tree, 0);
    model_domain_created(model, 0);
    model_domain_created(model, store);
    model_attach(model);
    return model;
}

void model_destroy(struct model *model)
{
    for (unsigned i = 0; i < MODEL_CONNECTIONS; i++)
        mconnection_reset(&model->connection[i]);
    mtree_free(&model->tree);
    free(model);
}

size_t model_nodes_of(const struct model *model, unsigned domid)
{
    return mtree_count_owned(&model->tree, domid);
}

static struct mtransaction **transaction_find(struct mconnection *connection, uint32_t id)
{
    struct mtransaction **at = &connection->transactions;

    while (*at != NULL && (*at)->id != id)
        at = &(*at)->next;
    return at;
}

static int op_start(struct model *model, struct mconnection *connection,
                    const struct wire_message *request, struct wire_message *reply)
{
    struct mtransaction **at = &connection->transactions;
    const struct mdomain *domain = connection->domain;
    size_t open = 0;
    char text[16];

    if (request->tx_id != 0)
        return EBUSY;
    for (; *at != NULL; at = &(*at)->next)
        open++;
    if (domain->domid != 0 && domain->quota[MQ_TRANSACTIONS] != 0 &&
        open + 1 > domain->quota[MQ_TRANSACTIONS])
        return ENOSPC;
    *at = calloc(1, sizeof(**at));
    (*at)->id = ++connection->last_transaction;
    mtree_copy(&(*at)->tree, &model->tree);
    snprintf(text, sizeof(text), "%u", (*at)->id);
    reply->length = 0;
    message_add_string(reply, text);
    return 0;
}

/* Execute the log again on a copy of the tree; the copy becomes the tree if no answer differs. */
static int commit(struct model *model, struct mconnection *connection,
                  struct mtransaction *transaction)
{
    struct mevents events = {0};
    struct mtree tree;
    bool same = true;

    mtree_copy(&tree, &model->tree);
    for (struct mlogged *logged = transaction->log; logged != NULL; logged = logged->next) {
        struct wire_message reply = {0};
        int error = mexecute(model, connection->domain, &tree, &logged->request, &reply, &events);

        same &= error == message_error_of(&logged->reply) &&
                (error != 0 || message_same_content(&reply, &logged->reply));
    }
    if (!same) {
        mevents_free(&events);
        mtree_free(&tree);
        return EAGAIN;
    }
    mtree_free(&model->tree);
    model->tree = tree;
    /* Each change is a group of its own: they fire in the order of the requests. */
    while (events.first != NULL) {
        struct mevents one = {events.first};
        events.first = events.first->next;
        one.first->next = NULL;
        mfire(model, &one);
    }
    return 0;
}

static int op_end(struct model *model, struct mconnection *connection,
                  const struct wire_message *request, struct wire_message *reply)
{
    const char *text = monly(request);
    int error = 0;

    if (text == NULL || (strcmp(text, "T") != 0 && strcmp(text, "F") != 0))
        return EINVAL;
    struct mtransaction **at = transaction_find(connection, request->tx_id);
    if (*at == NULL)
        return ENOENT;
    struct mtransaction *transaction = *at;
    *at = transaction->next;
    if (text[0] == 'T')
        error = commit(model, connection, transaction);
    mtransaction_free(transaction);
    mreply_ok(reply);
    return error;
}

static void error_reply(struct wire_message *reply, int error)
{
    reply->type = WIRE_ERROR;
    reply->length = 0;
    message_add_string(reply, error < 0 ? "*" : message_error_name(error));
}

static int on_tree(struct model *model, struct mconnection *connection,
                   const struct wire_message *request, struct wire_message *reply)
{
    struct mevents events = {0};

    if (request->tx_id == 0) {
        int error = mexecute(model, connection->domain, &model->tree, request, reply, &events);
        mfire(model, &events);
        return error;
    }
    struct mtransaction *transaction = *transaction_find(connection, request->tx_id);
    struct mlogged *logged = calloc(1, sizeof(*logged)), **last = &transaction->log;
    int error = mexecute(model, connection->domain, &transaction->tree, request, reply, &events);

    mevents_free(&events);
    while (*last != NULL)
        last = &(*last)->next;
    *last = logged;
    logged->request = *request;
    logged->reply = *reply;
    if (error != 0)
        error_reply(&logged->reply, error);
    return error;
}

static bool privileged_only(uint32_t type)
{
    return type == WIRE_CONTROL || type == WIRE_INTRODUCE || type == WIRE_RELEASE ||
           type == WIRE_IS_DOMAIN_INTRODUCED || type == WIRE_RESUME || type == WIRE_SET_TARGET ||
           type == WIRE_SET_FEATURE || type == WIRE_GET_QUOTA || type == WIRE_SET_QUOTA;
}

static int serve(struct model *model, struct mconnection *connection,
                 const struct wire_message *request, struct wire_message *reply)
{
    uint32_t type = request->type;

    if (type >= WIRE_TYPES || type == WIRE_WATCH_EVENT || type == WIRE_ERROR ||
        type == WIRE_RESTRICT)
        return ENOSYS;
    if (privileged_only(type) && connection->domain->domid != 0)
        return EACCES;
    if (type == WIRE_WATCH)
        return mwatch_add(model, connection, request);
    mreply_ok(reply);
    if (type == WIRE_UNWATCH)
        return mwatch_remove(connection, request);
    if (request->tx_id != 0 && *transaction_find(connection, request->tx_id) == NULL)
        return ENOENT;
    if (type == WIRE_TRANSACTION_START)
        return op_start(model, connection, request, reply);
    if (type == WIRE_TRANSACTION_END)
        return op_end(model, connection, request, reply);
    if (type == WIRE_RESET_WATCHES) {
        mconnection_reset(connection);
        return 0;
    }
    int error = mdomain_request(model, connection, request, reply);
    return error == ENOSYS ? on_tree(model, connection, request, reply) : error;
}

void model_request(struct model *model, model_connection_t number,
                   const struct wire_message *request)
{
    struct mconnection *connection = model->connection;
    struct wire_message reply = {
        .type = request->type, .req_id = request->req_id, .tx_id = request->tx_id};

    while (connection->number != number)
        connection++;
    int error = serve(model, connection, request, &reply);
    if (error == 0 && request->type == WIRE_WATCH)
        return; /* answered already: its event comes after the answer */
    if (error != 0)
        error_reply(&reply, error);
    memit(model, connection, &reply);
}
