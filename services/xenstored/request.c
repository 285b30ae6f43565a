/* SPDX-License-Identifier: ISC */
#include "request.h"

#include <errno.h>
#include <string.h>

#include <hv/time.h>

#include "control.h"
#include "history.h"
#include "journal_entry.h"
#include "management.h"
#include "operations.h"
#include "path.h"
#include "trace.h"
#include "transaction.h"

static operation_fn transaction_end;

/* What a request may be. */
#define PRIVILEGED 1U  /* only the control domain may send it */
#define NO_TX      2U  /* its transaction id is ignored (docs/misc/xenstore.txt, WATCH) */
#define TREE       4U  /* it looks at the tree: transactions log it */
#define PATH       8U  /* its payload begins with a path */
#define CHANGES    16U /* it changes something */

static const struct {
    const char *name;
    operation_fn *handle;
    unsigned flags;
} requests[XS_TYPE_COUNT] = {
    [XS_CONTROL] = {"CONTROL", control_request, PRIVILEGED},
    [XS_DIRECTORY] = {"DIRECTORY", operation_directory, TREE | PATH},
    [XS_READ] = {"READ", operation_read, TREE | PATH},
    [XS_GET_PERMS] = {"GET_PERMS", operation_get_perms, TREE | PATH},
    [XS_WATCH] = {"WATCH", management_watch, NO_TX | PATH | CHANGES},
    [XS_UNWATCH] = {"UNWATCH", management_unwatch, NO_TX | PATH | CHANGES},
    [XS_TRANSACTION_START] = {"TRANSACTION_START", management_transaction_start, CHANGES},
    [XS_TRANSACTION_END] = {"TRANSACTION_END", transaction_end, CHANGES},
    [XS_INTRODUCE] = {"INTRODUCE", management_introduce, PRIVILEGED},
    [XS_RELEASE] = {"RELEASE", management_release, PRIVILEGED},
    [XS_GET_DOMAIN_PATH] = {"GET_DOMAIN_PATH", management_get_domain_path, 0},
    [XS_WRITE] = {"WRITE", operation_write, TREE | PATH | CHANGES},
    [XS_MKDIR] = {"MKDIR", operation_mkdir, TREE | PATH | CHANGES},
    [XS_RM] = {"RM", operation_rm, TREE | PATH | CHANGES},
    [XS_SET_PERMS] = {"SET_PERMS", operation_set_perms, TREE | PATH | CHANGES},
    [XS_WATCH_EVENT] = {"WATCH_EVENT", NULL, 0},
    [XS_ERROR] = {"ERROR", NULL, 0},
    [XS_IS_DOMAIN_INTRODUCED] = {"IS_DOMAIN_INTRODUCED", management_is_domain_introduced,
                                 PRIVILEGED},
    [XS_RESUME] = {"RESUME", management_resume, PRIVILEGED | CHANGES},
    [XS_SET_TARGET] = {"SET_TARGET", management_set_target, PRIVILEGED | CHANGES},
    [XS_RESET_WATCHES] = {"RESET_WATCHES", management_reset_watches, CHANGES},
    [XS_DIRECTORY_PART] = {"DIRECTORY_PART", operation_directory_part, TREE | PATH},
    [XS_GET_FEATURE] = {"GET_FEATURE", management_get_feature, 0},
    [XS_SET_FEATURE] = {"SET_FEATURE", management_set_feature, PRIVILEGED | CHANGES},
    [XS_GET_QUOTA] = {"GET_QUOTA", management_get_quota, PRIVILEGED},
    [XS_SET_QUOTA] = {"SET_QUOTA", management_set_quota, PRIVILEGED | CHANGES},
};

bool request_has_path(uint32_t type)
{
    return type < XS_TYPE_COUNT && (requests[type].flags & PATH);
}

const char *request_name(uint32_t type)
{
    return type < XS_TYPE_COUNT ? requests[type].name : NULL;
}

static void reply_error(struct reply *reply, int error)
{
    const char *name = wire_error_name(-error);

    reply->type = XS_ERROR;
    reply->length = (uint32_t)strlen(name) + 1;
    memcpy(reply->data, name, reply->length);
}

/* Run the handler in @work. */
static void handle(struct xenstored *xs, struct work *work, uint32_t type, const char *payload,
                   size_t length, struct reply *reply)
{
    struct work *outer = xs->work;
    int error;

    reply->type = type;
    reply->length = 0;
    xs->work = work;
    xs->env.writer = work->connection->subject.domid;
    error = requests[type].handle(xs, work, payload, length, reply);
    xs->work = outer;
    if (work->mode == WORK_LIVE)
        history_commit(xs, HISTORY_REQUEST, work->connection->subject.domid, type);
    if (error)
        reply_error(reply, error);
}

bool request_is_logged(uint32_t type)
{
    return type < XS_TYPE_COUNT && (requests[type].flags & TREE);
}

bool request_changes(uint32_t type, const char *payload)
{
    if (type == XS_CONTROL)
        return !strncmp(payload, "quota", 5) || !strncmp(payload, "log", 3);
    return type < XS_TYPE_COUNT && (requests[type].flags & CHANGES);
}

bool request_has_effect(const struct xenstored *xs, const struct xs_header *header,
                        const char *payload, const struct reply *reply)
{
    uint32_t type = header->type;

    if (xs->logged)
        return true;
    if (reply->type == XS_ERROR)
        return type == XS_TRANSACTION_END && !strcmp(reply->data, "EAGAIN");
    return requests[type].flags & CHANGES || (type == XS_CONTROL && request_changes(type, payload));
}

void request_refuse(struct xenstored *xs, struct work *work, struct reply *reply)
{
    xs->requests++;
    work->connection->domain->requests++;
    reply_error(reply, -EIO);
}

/* Is the request about what the service itself publishes, and a successor anew? */
static bool is_own(const struct xenstored *xs, const struct connection *connection, uint32_t type,
                   const char *payload)
{
    char path[PATH_SIZE];

    return request_has_path(type) &&
           path_canonical(payload, connection->subject.domid, true, path) &&
           history_is_own(xs, path);
}

static int redo_logged(struct xenstored *xs, struct connection *connection,
                       const struct entry_request *request, const char *payload, size_t length)
{
    struct transaction *transaction = transaction_find(connection, request->tx_id);
    struct work work = {.mode = WORK_SNAPSHOT, .connection = connection};
    int error;

    if (!transaction || !request_is_logged(request->type))
        return -EINVAL;
    work.transaction = transaction;
    work.tree = &transaction->tree;
    list_init(&work.events);
    error = transaction_log(xs, transaction, request->type, payload, length);
    if (error)
        return error;
    transaction_set_answer(transaction, request->answer);
    if (request->outcome == ENTRY_LOGGED_ERROR)
        return 0;
    handle(xs, &work, request->type, payload, length, &xs->reply);
    if (xs->reply.type == XS_ERROR && !transaction->doomed &&
        !is_own(xs, connection, request->type, payload))
        return -EINVAL;
    return 0;
}

static int redo_end(struct xenstored *xs, struct work *work, const struct entry_request *request,
                    const char *payload)
{
    struct transaction *transaction = transaction_find(work->connection, request->tx_id);

    if (!transaction)
        return -EINVAL;
    if (request->outcome == ENTRY_SUCCESS && *payload == 'T')
        transaction_redo(xs, work, transaction);
    else
        transaction_abort(xs, transaction);
    return 0;
}

int request_redo(struct xenstored *xs, struct connection *connection,
                 const struct entry_request *request, const char *payload, size_t length)
{
    struct work work = {.tree = &xs->tree, .connection = connection};
    uint32_t type = request->type;

    list_init(&work.events);
    if (request->outcome == ENTRY_LOGGED_SUCCESS || request->outcome == ENTRY_LOGGED_ERROR)
        return redo_logged(xs, connection, request, payload, length);
    if (request->outcome != ENTRY_SUCCESS && request->outcome != ENTRY_CONFLICT)
        return -EINVAL;
    if (!request_changes(type, payload) ||
        ((requests[type].flags & PRIVILEGED) && !connection->subject.privileged))
        return -EINVAL;
    if (type == XS_TRANSACTION_END)
        return redo_end(xs, &work, request, payload);
    if (request->outcome == ENTRY_CONFLICT || (request->tx_id && request_is_logged(type)))
        return -EINVAL;
    if (is_own(xs, connection, type, payload) && request_is_logged(type))
        return 0;
    handle(xs, &work, type, payload, length, &xs->reply);
    if (xs->reply.type != XS_ERROR)
        return 0;
    return strcmp(xs->reply.data, "ENOMEM") ? -EINVAL : -ENOMEM;
}

void request_replay(struct xenstored *xs, struct work *work, uint32_t type, const char *payload,
                    size_t length, struct reply *reply)
{
    handle(xs, work, type, payload, length, reply);
}

/* Try the request on the transaction's own tree, and log it with the answer. */
static int decide_in_transaction(struct xenstored *xs, struct work *live,
                                 struct transaction *transaction, const struct xs_header *header,
                                 const char *payload, struct reply *reply)
{
    struct work work = {
        .mode = WORK_SNAPSHOT,
        .tree = &transaction->tree,
        .connection = live->connection,
        .transaction = transaction,
    };
    int error = transaction_log(xs, transaction, header->type, payload, header->length);

    if (error)
        return error;
    xs->logged = transaction;
    list_init(&work.events);
    handle(xs, &work, header->type, payload, header->length, reply);
    transaction_answer(xs, transaction, reply);
    return 0;
}

static int decide(struct xenstored *xs, struct work *work, const struct xs_header *header,
                  const char *payload, struct reply *reply)
{
    struct connection *connection = work->connection;
    struct transaction *transaction = NULL;
    uint32_t type = header->type;

    if (type >= XS_TYPE_COUNT || !requests[type].handle)
        return -ENOSYS;
    if ((requests[type].flags & PRIVILEGED) && !connection->subject.privileged)
        return -EACCES;
    if (header->tx_id && !(requests[type].flags & NO_TX)) {
        transaction = transaction_find(connection, header->tx_id);
        if (!transaction)
            return -ENOENT;
    }
    if (transaction && (requests[type].flags & TREE))
        return decide_in_transaction(xs, work, transaction, header, payload, reply);
    if (transaction && type == XS_TRANSACTION_START)
        return -EBUSY;

    work->transaction = transaction;
    handle(xs, work, type, payload, header->length, reply);
    return 0;
}

void request_decide(struct xenstored *xs, struct work *work, const struct xs_header *header,
                    const char *payload, struct reply *reply)
{
    int error;

    xs->requests++;
    work->connection->domain->requests++;
    error = decide(xs, work, header, payload, reply);
    if (error)
        reply_error(reply, error);
}

void request_decide_traced(struct xenstored *xs, struct work *work, const struct xs_header *header,
                           const char *payload, struct reply *reply)
{
    uint64_t began = hv_now(xs->hv);

    request_decide(xs, work, header, payload, reply);
    trace_request(xs, work->connection, header, payload, reply, began);
}

static int transaction_end(struct xenstored *xs, struct work *work, const char *payload,
                           size_t length, struct reply *reply)
{
    const char *what = wire_one_string(payload, length);
    struct transaction *transaction = work->transaction;
    int error = 0;

    if (!what || (strcmp(what, "T") && strcmp(what, "F")))
        return -EINVAL;
    if (!transaction)
        return -ENOENT;
    work->transaction = NULL;
    if (*what == 'T')
        error = transaction_commit(xs, work, transaction);
    else
        transaction_abort(xs, transaction);
    return error ? error : reply_ok(reply);
}
