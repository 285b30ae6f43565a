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

/*
 * What has been written since the last checkpoint is what a successor does again, while clients
 * wait for it. So a checkpoint is taken when that is more than twice the checkpoint, and as much as
 * makes its cost small: the successor's time is bounded by the size of the store.
 */
#define LOG_MIN (128U << 10)

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

uint8_t *recorder_entry(struct xenstored *xs, enum entry_type type, uint32_t length)
{
    struct recorder *recorder = xs->recorder;

    if (recorder->journal.checkpoint && !journal_fits(&recorder->journal, length))
        commit_piece(recorder);
    return journal_record(&recorder->journal, (uint16_t)type, length);
}

void recorder_add(struct xenstored *xs, enum entry_type type, const struct journal_part *parts,
                  unsigned count)
{
    size_t length = 0;
    uint8_t *at;

    for (unsigned i = 0; i < count; i++)
        length += parts[i].length;
    at = recorder_entry(xs, type, (uint32_t)length);
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].length)
            memcpy(at, parts[i].data, parts[i].length);
        at += parts[i].length;
    }
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

/* What became of it. */
static enum entry_outcome outcome(const struct xenstored *xs, bool effect)
{
    bool error = xs->reply.type == XS_ERROR;

    if (!effect)
        return ENTRY_NOTHING;
    if (xs->logged)
        return error ? ENTRY_LOGGED_ERROR : ENTRY_LOGGED_SUCCESS;
    return error ? ENTRY_CONFLICT : ENTRY_SUCCESS;
}

void recorder_request(struct xenstored *xs, const struct recorder_request *request)
{
    const struct entry_done done = {request->connection->id, request->cons};
    struct entry_request body = {
        .connection = request->connection->id,
        .cons = request->cons,
        .tx_id = request->header->tx_id,
        .type = (uint16_t)request->header->type,
        .outcome = (uint16_t)outcome(xs, request->effect),
    };

    if (!recording(xs))
        return;
    if (!request->effect) {
        add(xs, ENTRY_DONE, &done, sizeof(done));
        return;
    }
    if (xs->logged)
        body.answer = transaction_last_answer(xs->logged);
    recorder_add(
        xs, ENTRY_REQUEST,
        (struct journal_part[]){{&body, sizeof(body)}, {xs->message, request->header->length}}, 2);
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
        journal_hint_store64(&recorder->hint->outgrown, recorder->journal.generation);
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
    journal_hint_store64(&recorder->hint->magic, JOURNAL_HINT_MAGIC);
    journal_checkpoint_end(&recorder->journal);
    recorder->checkpoint_end = recorder->journal.end;
    recorder->checkpoints++;
    recorder->changed = recorder->off = false;
    if (was_off)
        log_write(xs->log, LOG_NOTICE, "the store fits into its journal again");
}

static void add_outputs(struct xenstored *xs)
{
    list_for_each_safe (item, next, &xs->recorder->unlogged)
        add_output(xs, LIST_ENTRY(item, struct connection, unlogged));
}

/* False: there was no room for the frame. */
static bool commit_frame(struct xenstored *xs)
{
    struct recorder *recorder = xs->recorder;

    if (!list_empty(&recorder->unlogged))
        add_outputs(xs);
    if (!journal_pending(&recorder->journal))
        return true;
    if (journal_commit(&recorder->journal))
        return false;
    recorder->frames++;
    return true;
}

static bool is_long(const struct recorder *recorder)
{
    uint32_t log = recorder->journal.end - recorder->checkpoint_end;

    return log > LOG_MIN && log / 2 > recorder->checkpoint_end;
}

static void commit(struct xenstored *xs)
{
    if (xs->recorder->changed || is_long(xs->recorder) || !commit_frame(xs))
        checkpoint(xs);
}

const uint8_t *recorder_commit_answered(struct xenstored *xs,
                                        const struct recorder_request *request, uint32_t *length,
                                        uint32_t *begin)
{
    struct recorder *recorder = xs->recorder;
    struct journal *journal = &recorder->journal;
    const struct xs_header *header = request->header;
    const struct connection *connection = request->connection;
    const struct reply *reply = &xs->reply;
    const struct transaction *logged = xs->logged;
    uint32_t payload = request->effect ? header->length : 0, size;
    uint8_t *at, *frame, *message;

    if (recorder->changed || is_long(recorder) || !list_empty(&recorder->resetting))
        return NULL;
    /* Events come first: nothing is to be put together where the message is. */
    if (!list_empty(&recorder->unlogged))
        add_outputs(xs);
    *begin = hv_shared_read32(xs->hv, &connection->ring->rsp_prod);
    *length = (uint32_t)sizeof(*header) + reply->length;
    size = (uint32_t)sizeof(struct entry_answered) + (logged ? 8 : 0) + *length + payload;
    at = frame = journal_frame(journal, ENTRY_ANSWERED, size);
    if (!frame)
        at = journal_record(journal, ENTRY_ANSWERED, size);
    memcpy(at,
           &(struct entry_answered){
               .connection = connection->id,
               .cons = request->cons,
               .begin = *begin,
               .type = (uint16_t)header->type,
               .outcome = (uint16_t)outcome(xs, request->effect),
           },
           sizeof(struct entry_answered));
    at += sizeof(struct entry_answered);
    if (logged) {
        memcpy(at, &(uint64_t){transaction_last_answer(logged)}, sizeof(uint64_t));
        at += sizeof(uint64_t);
    }
    message = at;
    memcpy(at,
           &(struct xs_header){
               .type = reply->type,
               .req_id = header->req_id,
               .tx_id = header->tx_id,
               .length = reply->length,
           },
           sizeof(struct xs_header));
    memcpy(at + sizeof(struct xs_header), reply->data, reply->length);
    memcpy(at + *length, xs->message, payload);
    if (frame) {
        journal_frame_commit(journal);
    } else if (journal_commit(journal)) {
        recorder->changed = true; /* all is in the checkpoint that is due */
        return NULL;
    }
    recorder->frames++;
    return message;
}

void recorder_commit(struct xenstored *xs)
{
    struct recorder *recorder = xs->recorder;

    if (xs->recovering)
        return;
    if (!recorder->off)
        commit(xs);
    else if (hv_now(xs->hv) >= recorder->retry)
        checkpoint(xs);
    list_for_each_safe (item, next, &recorder->resetting)
        connection_finish_reset(xs, LIST_ENTRY(item, struct connection, resetting));
}

/* --- what is being decided ----------------------------------------------------------------------
 */

bool recorder_is_poison(struct xenstored *xs, const struct xs_header *header)
{
    struct journal_hint *hint = xs->recorder->hint;

    for (unsigned i = 0; i < JOURNAL_SUSPECTS; i++)
        if (hint->suspects[i].hash == hint->request && hint->suspects[i].domid == hint->domid &&
            hint->suspects[i].deaths >= JOURNAL_DEATHS) {
            log_write(xs->log, LOG_ERROR,
                      "domain %u: a request (%s) is refused, with which under way the service "
                      "died %u times",
                      hint->domid,
                      request_name(header->type) ? request_name(header->type) : "unknown",
                      hint->suspects[i].deaths);
            return true;
        }
    return false;
}

/* The predecessor died with the request of @before under way. */
static void suspect(struct xenstored *xs, struct journal_hint *hint,
                    const struct journal_hint *before)
{
    unsigned at = 0;

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

void recorder_hint_inherit(struct xenstored *xs, const struct journal_hint *before)
{
    struct journal_hint *hint = xs->recorder ? xs->recorder->hint : NULL;

    if (!hint)
        return;
    memcpy(hint->suspects, before->suspects, sizeof(hint->suspects));
    if (before->request)
        suspect(xs, hint, before);
    /* Until here our predecessor's page counts, which has the same death to be counted. */
    journal_hint_store64(&hint->magic, JOURNAL_HINT_MAGIC);
}
