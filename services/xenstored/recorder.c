/* SPDX-License-Identifier: ISC */
#include "recorder.h"

#include <errno.h>
#include <string.h>

#include <hv/time.h>

#include "connection.h"
#include "request.h"
#include "transaction.h"

/* How long to wait before a checkpoint that did not fit is tried again. */
#define RETRY (1000 * HV_MSEC)

/* So many requests and answers, of at most XS_MESSAGE_MAX bytes each, are less than 2 GiB. */
#define ANSWERED_MAX (1U << 18)

int recorder_create(struct xenstored *xs, void *pages, unsigned count)
{
    struct recorder *recorder;

    if (count < 1 + JOURNAL_PAGES_MIN || count > 1 + JOURNAL_PAGES_MAX)
        return -EINVAL;
    recorder = arena_zalloc(xs->arena, sizeof(*recorder));
    if (!recorder)
        return -ENOMEM;
    recorder->hint = pages;
    recorder->pages = count;
    journal_create(&recorder->journal, xs->hv, (uint8_t *)pages + HV_PAGE_SIZE, count - 1,
                   recorder->buffer, sizeof(recorder->buffer));
    list_init(&recorder->unlogged);
    list_init(&recorder->resetting);
    recorder->changed = true;
    recorder->hint->magic = JOURNAL_HINT_MAGIC;
    xs->recorder = recorder;
    return 0;
}

void recorder_destroy(struct xenstored *xs)
{
    if (xs->recorder)
        arena_free(xs->arena, xs->recorder, sizeof(*xs->recorder));
    xs->recorder = NULL;
}

void recorder_usage(const struct xenstored *xs, struct recorder_usage *usage)
{
    const struct recorder *recorder = xs->recorder;

    *usage = (struct recorder_usage){0};
    if (!recorder)
        return;
    usage->size = (uint64_t)recorder->pages * HV_PAGE_SIZE;
    usage->used = recorder->journal.end;
    usage->frames = recorder->frames;
    usage->checkpoints = recorder->checkpoints;
    usage->off = recorder->off;
}

/* --- entries ------------------------------------------------------------------------------------
 */

/* In a checkpoint each frame is as much as the buffer has room for. */
static void commit_piece(struct recorder *recorder)
{
    if (journal_commit(&recorder->journal))
        recorder->full = true;
}

void recorder_add(struct xenstored *xs, enum entry_type type, const struct journal_part *parts,
                  unsigned count)
{
    struct recorder *recorder = xs->recorder;

    if (recorder->journal.checkpoint) {
        size_t length = 0;

        for (unsigned i = 0; i < count; i++)
            length += parts[i].length;
        if (!journal_fits(&recorder->journal, (uint32_t)length))
            commit_piece(recorder);
    }
    journal_add(&recorder->journal, (uint16_t)type, parts, count);
}

static void add(struct xenstored *xs, enum entry_type type, const void *body, size_t length)
{
    recorder_add(xs, type, &(struct journal_part){body, length}, 1);
}

void recorder_changed(struct xenstored *xs)
{
    if (xs->recorder)
        xs->recorder->changed = true;
}

void recorder_domain(struct xenstored *xs, const struct domain *domain)
{
    struct entry_domain body = {.domid = domain->domid, .features = domain->features};

    if (!recording(xs))
        return;
    memcpy(body.handle, domain->handle, sizeof(body.handle));
    memcpy(body.limits.limit, domain->limits.hard, sizeof(domain->limits.hard));
    body.limits.limit[QUOTA_COUNT] = domain->limits.soft_memory;
    add(xs, ENTRY_DOMAIN, &body, sizeof(body));
}

void recorder_shutdown(struct xenstored *xs, domid_t domid)
{
    const struct entry_gone body = {.domid = domid};

    if (recording(xs))
        add(xs, ENTRY_SHUTDOWN, &body, sizeof(body));
}

void recorder_gone(struct xenstored *xs, domid_t domid)
{
    const struct entry_gone body = {.domid = domid};

    if (recording(xs))
        add(xs, ENTRY_GONE, &body, sizeof(body));
}

void recorder_introduced(struct xenstored *xs, const struct connection *connection)
{
    const struct entry_introduced body = {
        .connection = connection->id,
        .port = connection->remote_port,
        .domid = connection->domain->domid,
    };

    if (recording(xs))
        add(xs, ENTRY_INTRODUCED, &body, sizeof(body));
}

void recorder_reset(struct xenstored *xs, struct connection *connection)
{
    const struct entry_reset body = {.connection = connection->id};

    if (!recording(xs))
        return;
    add(xs, ENTRY_RESET, &body, sizeof(body));
    if (list_empty(&connection->resetting))
        list_append(&xs->recorder->resetting, &connection->resetting);
}

void recorder_broken(struct xenstored *xs, const struct connection *connection)
{
    const struct entry_reset body = {.connection = connection->id, .error = connection->error};

    if (recording(xs))
        add(xs, ENTRY_BROKEN, &body, sizeof(body));
}

void recorder_input(struct xenstored *xs, const struct connection *connection, uint32_t cons,
                    const void *data, size_t length)
{
    const struct entry_input body = {connection->id, cons};

    if (recording(xs))
        recorder_add(xs, ENTRY_INPUT,
                     (struct journal_part[]){{&body, sizeof(body)}, {data, length}}, 2);
}

/* --- requests -----------------------------------------------------------------------------------
 */

static bool is_error(const struct reply *reply, const char *name)
{
    return reply->type == XS_ERROR && (!name || !strcmp(reply->data, name));
}

bool recorder_has_effect(const struct xenstored *xs, const struct xs_header *header,
                         const char *payload, const struct reply *reply)
{
    if (header->tx_id && request_is_logged(header->type))
        return xs->logged;
    if (reply->type == XS_ERROR)
        return header->type == XS_TRANSACTION_END && is_error(reply, "EAGAIN");
    return request_changes(header->type, payload);
}

static struct entry_request describe(const struct recorder_request *request)
{
    const struct xs_header *header = request->header;
    bool error = is_error(request->reply, NULL);
    struct entry_request body = {
        .connection = request->connection->id,
        .cons = request->cons,
        .tx_id = header->tx_id,
        .type = (uint16_t)header->type,
    };

    if (!request->effect) {
        body.outcome = ENTRY_NOTHING;
    } else if (header->tx_id && request_is_logged(header->type)) {
        body.answer = transaction_last_answer(transaction_find(request->connection, header->tx_id));
        body.outcome = error ? ENTRY_LOGGED_ERROR : ENTRY_LOGGED_SUCCESS;
    } else if (error) {
        body.outcome = ENTRY_CONFLICT;
    }
    return body;
}

void recorder_request(struct xenstored *xs, const struct recorder_request *request)
{
    const struct entry_done done = {request->connection->id, request->cons};
    struct entry_request body;

    if (!recording(xs))
        return;
    if (!request->effect) {
        add(xs, ENTRY_DONE, &done, sizeof(done));
        return;
    }
    body = describe(request);
    recorder_add(
        xs, ENTRY_REQUEST,
        (struct journal_part[]){{&body, sizeof(body)}, {request->payload, request->header->length}},
        2);
}

/* --- output -------------------------------------------------------------------------------------
 */

void recorder_queued(struct xenstored *xs, struct output *output)
{
    struct connection *connection = output->connection;

    output->logged = !recording(xs) || !connection->ring;
    if (output->logged)
        return;
    if (!connection->first_unlogged)
        connection->first_unlogged = output;
    connection->unlogged_bytes += output->length;
    if (list_empty(&connection->unlogged))
        list_append(&xs->recorder->unlogged, &connection->unlogged);
}

static struct output *after(struct output *output)
{
    struct list *next = output->queue.next;

    return next == &output->connection->output ? NULL : LIST_ENTRY(next, struct output, queue);
}

void recorder_unqueued(struct output *output)
{
    struct connection *connection = output->connection;

    if (output->logged)
        return;
    connection->unlogged_bytes -= output->length;
    if (connection->first_unlogged == output)
        connection->first_unlogged = after(output);
    output->logged = true;
}

/* The messages queued for the connection since the last frame. */
static void add_output(struct xenstored *xs, struct connection *connection)
{
    struct output *output = connection->first_unlogged;
    const struct output *head = LIST_ENTRY(list_first(&connection->output), struct output, queue);
    struct entry_output body = {.connection = connection->id};

    list_remove(&connection->unlogged);
    if (!output)
        return;
    body.begin = hv_shared_read32(xs->hv, &connection->ring->rsp_prod);
    body.pending = connection->output_bytes - head->sent - connection->unlogged_bytes;
    for (; output; output = after(output)) {
        body.partial = output->partial ? output->length : 0;
        recorder_add(xs, ENTRY_OUTPUT,
                     (struct journal_part[]){{&body, sizeof(body)}, {output->data, output->length}},
                     2);
        body.pending += output->length;
        output->logged = true;
    }
    connection->first_unlogged = NULL;
    connection->unlogged_bytes = 0;
}

/* All that is queued is in the journal, or there is none. */
static void forget_unlogged(struct recorder *recorder)
{
    list_for_each_safe (item, after_item, &recorder->unlogged) {
        struct connection *connection = LIST_ENTRY(item, struct connection, unlogged);

        for (struct output *output = connection->first_unlogged; output; output = after(output))
            output->logged = true;
        connection->first_unlogged = NULL;
        connection->unlogged_bytes = 0;
        list_remove(item);
    }
}

/* --- frames -------------------------------------------------------------------------------------
 */

static void checkpoint(struct xenstored *xs)
{
    struct recorder *recorder = xs->recorder;
    bool was_off = recorder->off;

    journal_abort(&recorder->journal);
    recorder->full = false;
    journal_checkpoint_begin(&recorder->journal);
    checkpoint_write(xs);
    commit_piece(recorder);
    forget_unlogged(recorder);
    if (recorder->full) {
        /* What the journal has is not how things are from here on, and it says so. */
        recorder->hint->complete = 0;
        journal_checkpoint_abort(&recorder->journal);
        recorder->failures++;
        recorder->off = true;
        recorder->retry = hv_now(xs->hv) + RETRY;
        if (!was_off)
            log_write(xs->log, LOG_ERROR,
                      "the journal of %u pages is too small for the store: if the service ends "
                      "now, its state is lost",
                      recorder->pages);
        return;
    }
    journal_checkpoint_end(&recorder->journal);
    recorder->checkpoints++;
    recorder->changed = recorder->off = false;
    recorder->hint->complete = 1;
    if (was_off)
        log_write(xs->log, LOG_NOTICE, "the store fits into its journal again");
}

/* False: there was no room for the frame. */
static bool commit_frame(struct xenstored *xs)
{
    struct recorder *recorder = xs->recorder;

    list_for_each_safe (item, next, &recorder->unlogged)
        add_output(xs, LIST_ENTRY(item, struct connection, unlogged));
    if (!journal_pending(&recorder->journal))
        return true;
    if (journal_commit(&recorder->journal))
        return false;
    recorder->frames++;
    return true;
}

static void commit(struct xenstored *xs)
{
    if (xs->recorder->changed || !commit_frame(xs))
        checkpoint(xs);
}

bool recorder_commit_answered(struct xenstored *xs, const struct recorder_request *request)
{
    struct recorder *recorder = xs->recorder;
    const struct reply *reply = request->reply;
    struct entry_answered body;
    uint8_t *at;

    if (recorder->changed || !list_empty(&recorder->resetting))
        return false;
    body = (struct entry_answered){
        .request = describe(request),
        .begin = hv_shared_read32(xs->hv, &request->connection->ring->rsp_prod),
        .length = request->effect ? request->header->length : 0,
        .req_id = request->header->req_id,
        .reply_type = reply->type,
    };
    at = journal_record(&recorder->journal, ENTRY_ANSWERED,
                        (uint32_t)sizeof(body) + body.length + reply->length);
    memcpy(at, &body, sizeof(body));
    memcpy(at + sizeof(body), request->payload, body.length);
    memcpy(at + sizeof(body) + body.length, reply->data, reply->length);
    /* Without room for it, all is in the checkpoint that is due. */
    recorder->changed = !commit_frame(xs);
    return !recorder->changed;
}

void recorder_sync(struct xenstored *xs)
{
    struct recorder *recorder = xs->recorder;

    if (!recorder || xs->recovering || (!recorder->off && !recorder_pending(recorder)))
        return;
    if (!recorder->off)
        commit(xs);
    else if (hv_now(xs->hv) >= recorder->retry)
        checkpoint(xs);
    list_for_each_safe (item, next, &recorder->resetting)
        connection_finish_reset(xs, LIST_ENTRY(item, struct connection, resetting));
}

void recorder_answered(struct xenstored *xs, struct connection *connection, uint32_t cons,
                       uint32_t rsp)
{
    struct recorder *recorder = xs->recorder;
    struct journal_answer *answer = &recorder->hint->answer;

    hv_shared_write32(xs->hv, &answer->valid, 0);
    answer->connection = connection->id;
    answer->cons = cons;
    answer->rsp = rsp;
    answer->generation = recorder->journal.generation;
    answer->number = recorder->journal.number;
    hv_shared_write32(xs->hv, &answer->valid, 1);
    /* A successor tells by signed differences how far the ring is beyond the journal. */
    if (connection->answered++ == ANSWERED_MAX) {
        connection->answered = 0;
        recorder->changed = true;
    }
}

/* --- what is being decided ----------------------------------------------------------------------
 */

/* @payload has room for whole words. */
static uint64_t hash_request(domid_t domid, const struct xs_header *header, const uint8_t *payload)
{
    uint64_t hash = (uint64_t)domid << 48 ^ (uint64_t)header->type << 32 ^ header->length, word;
    uint32_t length = header->length;

    hash ^= header->tx_id;
    for (; length >= 8; payload += 8, length -= 8) {
        memcpy(&word, payload, sizeof(word));
        hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    if (length) {
        memcpy(&word, payload, sizeof(word));
        hash = (hash ^ word << (64 - 8 * length)) * UINT64_C(0x9e3779b97f4a7c15);
        hash ^= hash >> 32;
    }
    return hash | 1;
}

bool recorder_hint(struct xenstored *xs, domid_t domid, const struct xs_header *header,
                   const void *payload)
{
    struct journal_hint *hint = xs->recorder->hint;
    uint64_t hash = hash_request(domid, header, payload);

    hint->domid = domid;
    *(volatile uint64_t *)&hint->request = hash;
    if (!hint->suspects[0].hash)
        return false;
    for (unsigned i = 0; i < JOURNAL_SUSPECTS; i++)
        if (hint->suspects[i].hash == hash && hint->suspects[i].domid == domid &&
            hint->suspects[i].deaths >= JOURNAL_DEATHS) {
            log_write(xs->log, LOG_ERROR,
                      "domain %u: a request (%s) is refused, with which under way the service "
                      "died %u times",
                      domid, request_name(header->type) ? request_name(header->type) : "unknown",
                      hint->suspects[i].deaths);
            return true;
        }
    return false;
}

void recorder_hint_done(struct xenstored *xs)
{
    *(volatile uint64_t *)&xs->recorder->hint->request = 0;
}

void recorder_hint_inherit(struct xenstored *xs, const struct journal_hint *before)
{
    struct journal_hint *hint = xs->recorder ? xs->recorder->hint : NULL;
    unsigned at = 0;

    if (!hint)
        return;
    memcpy(hint->suspects, before->suspects, sizeof(hint->suspects));
    if (!before->request)
        return;
    while (at < JOURNAL_SUSPECTS && (hint->suspects[at].hash != before->request ||
                                     hint->suspects[at].domid != before->domid))
        at++;
    if (at == JOURNAL_SUSPECTS) {
        /* The oldest that killed once only makes room. */
        memmove(&hint->suspects[1], &hint->suspects[0],
                (JOURNAL_SUSPECTS - 1) * sizeof(hint->suspects[0]));
        hint->suspects[at = 0] = (struct journal_suspect){before->request, before->domid, 0};
    }
    if (hint->suspects[at].deaths < UINT32_MAX)
        hint->suspects[at].deaths++;
    log_write(xs->log, LOG_WARNING,
              "the predecessor died with a request of domain %u under way, %u times so far",
              before->domid, hint->suspects[at].deaths);
}
