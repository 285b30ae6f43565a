/* SPDX-License-Identifier: ISC */
#include "recovery.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "connection.h"
#include "domain.h"
#include "history.h"
#include "hold.h"
#include "output.h"
#include "publish.h"
#include "recorder.h"
#include "request.h"
#include "transaction.h"

int recovery_problem(struct recovery *recovery, const char *problem)
{
    recovery->problem = problem;
    return -EINVAL;
}

struct connection *recovery_connection(const struct recovery *recovery, uint32_t id)
{
    list_for_each (item, &recovery->xs->connections) {
        struct connection *connection = LIST_ENTRY(item, struct connection, all);

        if (connection->id == id)
            return connection;
    }
    return NULL;
}

/* --- what happened since the checkpoint ---------------------------------------------------------
 */

int recovery_take_input(struct recovery *recovery, struct connection *connection,
                        const uint8_t *data, uint32_t length)
{
    struct xs_header *header = &connection->in_header;
    uint32_t have = connection->in_have, part = 0;

    if (have < sizeof(*header)) {
        part = (uint32_t)sizeof(*header) - have;
        if (part > length)
            part = length;
        memcpy((uint8_t *)header + have, data, part);
        connection->in_have += part;
        length -= part;
    }
    if (!length)
        return 0;
    have = connection->in_have - (uint32_t)sizeof(*header);
    if (header->length > XS_PAYLOAD_MAX || length >= header->length - have)
        return recovery_problem(recovery, "more of a request was taken than there is");
    if (!connection->in_payload) {
        connection->in_payload = arena_alloc(recovery->xs->arena, header->length);
        if (!connection->in_payload)
            return -ENOMEM;
        domain_add_memory(recovery->xs, connection->domain, (long)header->length);
    }
    memcpy(connection->in_payload + have, data + part, length);
    connection->in_have += length;
    return 0;
}

/* Bytes that are still to be sent. */
static uint32_t unsent(struct connection *connection)
{
    const struct output *head;

    if (list_empty(&connection->output))
        return 0;
    head = LIST_ENTRY(list_first(&connection->output), struct output, queue);
    return connection->output_bytes - head->sent;
}

bool recovery_trim(struct xenstored *xs, struct connection *connection, uint32_t bytes)
{
    uint32_t have = unsent(connection);

    if (have < bytes)
        return false;
    for (uint32_t excess = have - bytes; excess;) {
        struct output *head = LIST_ENTRY(list_first(&connection->output), struct output, queue);
        uint32_t left = head->length - head->sent;

        if (excess < left) {
            head->sent += excess;
            break;
        }
        output_free(xs, head);
        excess -= left;
    }
    return true;
}

/* A message that was queued for the connection, as @body describes it. */
static int take_message(struct recovery *recovery, const struct entry_output *body,
                        const uint8_t *data, uint32_t length)
{
    struct xs_header header;
    struct connection *connection = recovery_connection(recovery, body->connection);

    if (!connection || connection->broken || !length || length > XS_MESSAGE_MAX)
        return recovery_problem(recovery, "a message is nobody's, or of an impossible length");
    if (!body->partial) {
        if (length >= sizeof(header))
            memcpy(&header, data, sizeof(header));
        if (length < sizeof(header) || header.length != length - sizeof(header))
            return recovery_problem(recovery, "a message is not as long as it says");
    }
    if (!recovery_trim(recovery->xs, connection, body->pending))
        return recovery_problem(recovery, "less waits for a client than there was");
    connection->journal.begin = body->begin;
    return output_resume(recovery->xs, connection, data, length, body->partial);
}

static int take_output(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct entry_output body;

    if (entry->length < sizeof(body))
        return recovery_problem(recovery, "an entry is too short for its type");
    memcpy(&body, entry->body, sizeof(body));
    return take_message(recovery, &body, entry->body + sizeof(body),
                        entry->length - (uint32_t)sizeof(body));
}

/* The request is done. */
static void advance(struct xenstored *xs, struct connection *connection, uint32_t cons)
{
    connection_drop_input(xs, connection);
    connection->req_cons = cons;
    connection->journal.reset = false;
}

/* Do the request again, with the @length bytes of payload. */
static int redo(struct recovery *recovery, const struct entry_request *body, const uint8_t *payload,
                uint32_t length)
{
    struct xenstored *xs = recovery->xs;
    struct connection *connection = recovery_connection(recovery, body->connection);
    struct xs_header header = {.type = body->type, .tx_id = body->tx_id, .length = length};
    bool poison;
    int error;

    if (!connection)
        return recovery_problem(recovery, "a request is nobody's");
    memcpy(xs->message, payload, length);
    xs->message[length] = '\0';
    advance(xs, connection, body->cons);
    poison = xs->recorder && recorder_hint(xs, connection->subject.domid, &header, xs->message);
    error = poison ? 0 : request_redo(xs, connection, body, (char *)xs->message, length);
    if (xs->recorder)
        recorder_hint_done(xs);
    recovery->requests++;
    recovery->left_out += poison;
    if (error == -EINVAL && recovery->left_out) {
        recovery->without++;
        return 0;
    }
    if (error == -EINVAL)
        return recovery_problem(recovery, "a request cannot have had the outcome that it says");
    return error;
}

static int take_request(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct entry_request body;

    if (entry->length < sizeof(body) || entry->length - sizeof(body) > XS_PAYLOAD_MAX)
        return recovery_problem(recovery, "a request is of an impossible length");
    memcpy(&body, entry->body, sizeof(body));
    return redo(recovery, &body, entry->body + sizeof(body),
                entry->length - (uint32_t)sizeof(body));
}

/* A request with its answer. */
static int take_answered(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct entry_answered body;
    struct entry_request request = {0};
    struct entry_output output = {0};
    struct xs_header header;
    struct connection *connection;
    const uint8_t *message = entry->body + sizeof(body);
    uint32_t left = entry->length, length;
    int error = 0;

    if (left < sizeof(body) + sizeof(header))
        return recovery_problem(recovery, "an entry is too short for its type");
    memcpy(&body, entry->body, sizeof(body));
    left -= (uint32_t)sizeof(body);
    if (body.outcome == ENTRY_LOGGED_SUCCESS || body.outcome == ENTRY_LOGGED_ERROR) {
        if (left < sizeof(request.answer) + sizeof(header))
            return recovery_problem(recovery, "an entry is too short for its type");
        memcpy(&request.answer, message, sizeof(request.answer));
        message += sizeof(request.answer);
        left -= (uint32_t)sizeof(request.answer);
    }
    memcpy(&header, message, sizeof(header));
    length = (uint32_t)sizeof(header) + header.length;
    if (header.length > XS_PAYLOAD_MAX || length > left || left - length > XS_PAYLOAD_MAX)
        return recovery_problem(recovery, "a request is of an impossible length");
    request.connection = body.connection;
    request.cons = body.cons;
    request.tx_id = header.tx_id;
    request.type = body.type;
    request.outcome = body.outcome;
    if (body.outcome != ENTRY_NOTHING) {
        error = redo(recovery, &request, message + length, left - length);
    } else {
        connection = recovery_connection(recovery, body.connection);
        if (!connection || left != length)
            return recovery_problem(recovery, "a request is nobody's");
        advance(recovery->xs, connection, body.cons);
    }
    if (error)
        return error;
    output.connection = body.connection;
    output.begin = body.begin;
    return take_message(recovery, &output, message, length);
}

static int take_done(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct connection *connection;
    struct entry_done body;

    if (entry->length != sizeof(body))
        return recovery_problem(recovery, "an entry is too short for its type");
    memcpy(&body, entry->body, sizeof(body));
    connection = recovery_connection(recovery, body.connection);
    if (!connection)
        return recovery_problem(recovery, "a request is nobody's");
    advance(recovery->xs, connection, body.cons);
    return 0;
}

static int take_input(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct connection *connection;
    struct entry_input body;

    if (entry->length < sizeof(body))
        return recovery_problem(recovery, "an entry is too short for its type");
    memcpy(&body, entry->body, sizeof(body));
    connection = recovery_connection(recovery, body.connection);
    if (!connection)
        return recovery_problem(recovery, "a request is nobody's");
    connection->req_cons = body.cons;
    connection->journal.reset = false;
    return recovery_take_input(recovery, connection, entry->body + sizeof(body),
                               entry->length - (uint32_t)sizeof(body));
}

static int take_introduced(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct entry_introduced body;
    struct connection *connection;
    struct domain *domain;

    if (entry->length != sizeof(body))
        return recovery_problem(recovery, "an entry is too short for its type");
    memcpy(&body, entry->body, sizeof(body));
    domain = body.domid < HV_DOMID_FIRST_RESERVED ? domain_find(recovery->xs, (domid_t)body.domid)
                                                  : NULL;
    connection = recovery_connection(recovery, body.connection);
    if (!domain || domain->dead || connection != domain->connection || !body.connection)
        return recovery_problem(recovery, "an impossible domain was introduced");
    if (!connection) {
        connection = connection_new(recovery->xs, domain);
        if (!connection)
            return -ENOMEM;
        domain->connection = connection;
        domain->introduced = true;
        domain->shutdown = false;
        connection->id = body.connection;
        if (body.connection > recovery->xs->connection_ids)
            recovery->xs->connection_ids = body.connection;
        connection->ref = HV_GNTTAB_XENSTORE;
    }
    connection->remote_port = body.port;
    return 0;
}

static int take_reset(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct connection *connection;
    struct entry_reset body;

    if (entry->length != sizeof(body))
        return recovery_problem(recovery, "an entry is too short for its type");
    memcpy(&body, entry->body, sizeof(body));
    connection = recovery_connection(recovery, body.connection);
    if (!connection)
        return recovery_problem(recovery, "a reset is nobody's");
    connection_drop_state(recovery->xs, connection);
    connection->broken = entry->type == ENTRY_BROKEN;
    connection->error = body.error;
    connection->journal.reset = entry->type == ENTRY_RESET;
    if (entry->type == ENTRY_RESET)
        connection->req_cons = 0;
    return 0;
}

static int take_end(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct xenstored *xs = recovery->xs;
    struct entry_gone body;
    struct domain *domain;

    if (entry->length != sizeof(body))
        return recovery_problem(recovery, "an entry is too short for its type");
    memcpy(&body, entry->body, sizeof(body));
    domain = body.domid < HV_DOMID_FIRST_RESERVED ? domain_find(xs, (domid_t)body.domid) : NULL;
    if (!domain || domain_unlimited(xs, domain->domid))
        return recovery_problem(recovery, "an impossible domain ended");
    if (entry->type == ENTRY_SHUTDOWN)
        domain->shutdown = true;
    else
        domain_release(xs, domain);
    return 0;
}

int recovery_event(struct recovery *recovery, const struct recovery_entry *entry)
{
    switch (entry->type) {
    case ENTRY_DOMAIN:
        return recovery_state(recovery, entry);
    case ENTRY_REQUEST:
        return take_request(recovery, entry);
    case ENTRY_ANSWERED:
        return take_answered(recovery, entry);
    case ENTRY_DONE:
        return take_done(recovery, entry);
    case ENTRY_OUTPUT:
        return take_output(recovery, entry);
    case ENTRY_INPUT:
        return take_input(recovery, entry);
    case ENTRY_INTRODUCED:
        return take_introduced(recovery, entry);
    case ENTRY_RESET:
    case ENTRY_BROKEN:
        return take_reset(recovery, entry);
    case ENTRY_GONE:
    case ENTRY_SHUTDOWN:
        return take_end(recovery, entry);
    default:
        return recovery_problem(recovery, "an entry is of an unknown type, or out of its place");
    }
}

/* --- reading ------------------------------------------------------------------------------------
 */

static int take_entry(struct recovery *recovery, const struct recovery_entry *entry)
{
    struct xenstored *xs = recovery->xs;

    recovery->entries++;
    if (!recovery->head && entry->type != ENTRY_HEAD)
        return recovery_problem(recovery, "it does not begin with its head");
    if (recovery->checkpoint)
        return recovery_event(recovery, entry);
    if (entry->type == ENTRY_OUTPUT)
        return recovery_event(recovery, entry);
    if (entry->type == ENTRY_END)
        xs->env.sequence = recovery->sequence;
    return recovery_state(recovery, entry);
}

/* The tree that a service starts with is not its predecessor's. */
static int empty_tree(struct xenstored *xs)
{
    uint64_t cursor = 0;
    const struct node *child;

    while ((child = children_next(xs->tree.root->children, &cursor))) {
        char path[TREE_PATH_SIZE] = "/";
        int error;

        memcpy(path + 1, child->text, child->name_length);
        path[1 + child->name_length] = '\0';
        error = tree_remove(&xs->env, &xs->tree, path);
        if (error)
            return error;
        cursor = 0;
    }
    return 0;
}

static int read_journal(struct recovery *recovery, const uint8_t *state, size_t size,
                        uint64_t outgrown)
{
    struct journal_reader reader;
    struct journal_record record;
    int more = 0, error = journal_read(&reader, state + HV_PAGE_SIZE, size - HV_PAGE_SIZE);

    if (!error && reader.generation == outgrown)
        error = recovery_problem(recovery, "it had been too small for the store when the service "
                                           "ended: let it have more pages");
    if (!error)
        error = empty_tree(recovery->xs);
    while (!error && (more = journal_next(&reader, &record)) > 0)
        error = take_entry(recovery, &(struct recovery_entry){(enum entry_type)record.type,
                                                              record.data, record.length});
    recovery->generation = reader.generation;
    recovery->number = reader.number;
    if (reader.problem)
        return recovery_problem(recovery, reader.problem);
    if (!error && !recovery->checkpoint)
        error = recovery_problem(recovery, "its checkpoint is not complete");
    return error;
}

bool recovery_recognizes(const void *state, size_t size)
{
    uint64_t magic;

    if (size < (1 + JOURNAL_PAGES_MIN) * HV_PAGE_SIZE)
        return false;
    memcpy(&magic, state, sizeof(magic));
    return magic == JOURNAL_HINT_MAGIC;
}

int recovery_run(struct xenstored *xs, const void *state, size_t size)
{
    struct recovery recovery = {.xs = xs};
    uint32_t limit = xs->history.limit;
    struct journal_hint hint;
    bool answered;
    int error;

    memcpy(&hint, state, sizeof(hint));
    recorder_hint_inherit(xs, &hint);
    history_destroy(xs);
    xs->recovering = true;
    xs->env.writer = hv_domid(xs->hv);
    error = read_journal(&recovery, state, size, hint.outgrown);
    if (error) {
        log_write(xs->log, LOG_ERROR, "the predecessor's journal: %s (entry %" PRIu64 ")",
                  recovery.problem ? recovery.problem : "memory is too short", recovery.entries);
        return error;
    }
    xs->recovering = false;
    history_create(xs, limit);
    log_write(xs->log, LOG_INFO, "taken over: %" PRIu64 " entries, %" PRIu64 " of them requests",
              recovery.entries, recovery.requests);
    if (recovery.left_out)
        log_write(xs->log, LOG_ERROR,
                  "of these, %" PRIu64 " were left out that had killed the service, and %" PRIu64
                  " that were impossible without them",
                  recovery.left_out, recovery.without);
    answered = hint.answer.valid && hint.answer.generation == recovery.generation &&
               hint.answer.number == recovery.number;
    recovery_resume(xs, answered ? &hint.answer : NULL);
    return 0;
}

/* --- the rings ----------------------------------------------------------------------------------
 */

/* What a ring says of how far the predecessor came. */
static void compare_ring(struct xenstored *xs, struct connection *connection,
                         const struct journal_answer *answer)
{
    struct xs_ring *ring = connection->ring;
    uint32_t rsp = hv_shared_read32(xs->hv, &ring->rsp_prod), cons, sent;

    if (connection->journal.reset && hv_shared_read32(xs->hv, &ring->connection) == XS_RECONNECT) {
        if (recording(xs))
            list_append(&xs->recorder->resetting, &connection->resetting);
        else
            connection_finish_reset(xs, connection);
        return;
    }
    cons = hv_shared_read32(xs->hv, &ring->req_cons);
    if (answer && answer->connection == connection->id && answer->rsp == rsp)
        advance(xs, connection, answer->cons);
    /* Requests that changed nothing are in no frame. */
    if ((int32_t)(cons - connection->req_cons) > 0)
        connection->req_cons = cons;
    sent = rsp - connection->journal.begin;
    if (sent > connection->journal.waiting)
        sent = connection->journal.waiting;
    (void)recovery_trim(xs, connection, unsent(connection) - sent);
}

static void map_ring(struct xenstored *xs, struct connection *connection,
                     const struct journal_answer *answer)
{
    int error = connection_map(xs, connection, connection->ref, connection->remote_port);

    if (!error) {
        compare_ring(xs, connection, answer);
        return;
    }
    log_write(xs->log, LOG_ERROR, "cannot map the ring of domain %u: error %d",
              connection->domain->domid, -error);
    if (connection_lose(xs, connection)) {
        if (connection->domain->connection == connection) {
            connection->domain->connection = NULL;
            /* Who has no ring any more has ended, whoever has its number now. */
            connection->domain->introduced = hold_keeps(xs, connection->domain);
        }
        connection_destroy(xs, connection);
    }
}

/* Bring what the client sees up to what the journal has. */
static void show(struct xenstored *xs, struct connection *connection)
{
    struct xs_ring *ring = connection->ring;

    if (hv_shared_read32(xs->hv, &ring->req_cons) != connection->req_cons)
        hv_shared_write32(xs->hv, &ring->req_cons, connection->req_cons);
    if (connection->broken && (connection->domain->features & XS_FEATURE_ERROR))
        hv_shared_write32(xs->hv, &ring->error, connection->error);
    connection->notify = true;
    connection_notify(xs, connection);
    connection_wake(xs, connection);
    if (list_empty(&connection->unflushed))
        list_append(&xs->unflushed, &connection->unflushed);
}

void recovery_resume(struct xenstored *xs, const struct journal_answer *answer)
{
    list_for_each (item, &xs->connections) {
        struct connection *connection = LIST_ENTRY(item, struct connection, all);

        connection->journal.waiting = unsent(connection);
    }
    /* Who died with our predecessor has no ring to be mapped. */
    domain_check_all(xs);
    hold_arm(xs);
    list_for_each_safe (item, after, &xs->connections)
        map_ring(xs, LIST_ENTRY(item, struct connection, all), answer);
    recorder_changed(xs);
    recorder_sync(xs);
    list_for_each (item, &xs->connections)
        show(xs, LIST_ENTRY(item, struct connection, all));
    if (xs->publisher)
        publish_look(xs);
}
