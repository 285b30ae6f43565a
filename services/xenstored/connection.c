/* SPDX-License-Identifier: ISC */
#include "connection.h"

#include <errno.h>
#include <string.h>

#include <hv/time.h>

#include "domain.h"
#include "output.h"
#include "recorder.h"
#include "request.h"

/* A client with more unread than this is not served until it reads, whatever its quota. */
#define OUTPUT_BYTES_MAX (256U * 1024)

/* A client is told of its answers after as many of them at the latest, while it has more requests.
 */
#define SERVED_PER_NOTIFY 8U

/* How long to wait for memory before a large message is taken in. */
#define MEMORY_RETRY (10 * HV_MSEC)

/*
 * The client broke the protocol. Nothing of it is served any more, but its domain stays known: its
 * shutdown and death must still be told to the toolstack (XSA-325).
 */
static void break_connection(struct xenstored *xs, struct connection *connection, uint32_t error)
{
    log_write(
        xs->log, LOG_WARNING, "domain %u broke the protocol (%s): ignored until it reconnects",
        connection->domain->domid, error == XS_ERROR_RINGIDX ? "ring index" : "message too long");
    connection_drop_state(xs, connection);
    connection->broken = true;
    connection->error = error;
    recorder_broken(xs, connection);
    recorder_sync(xs);
    if (connection->domain->features & XS_FEATURE_ERROR)
        hv_shared_write32(xs->hv, &connection->ring->error, error);
    connection->notify = true;
    connection_notify(xs, connection);
}

void connection_notify(struct xenstored *xs, struct connection *connection)
{
    if (!connection->notify || !connection->event.port)
        return;
    connection->notify = false;
    connection->served = 0;
    hv_evtchn_send(xs->hv, connection->event.port);
}

void connection_wake(struct xenstored *xs, struct connection *connection)
{
    if (list_empty(&connection->ready))
        list_append(&xs->ready, &connection->ready);
}

static void stall(struct xenstored *xs, struct connection *connection, uint64_t until)
{
    connection->stalled_until = until;
    list_remove(&connection->ready);
    list_append(&xs->stalled, &connection->ready);
}

/* Put bytes on the response ring, which has room for them, behind @prod. */
static inline void ring_put(struct xenstored *xs, struct connection *connection, uint32_t prod,
                            const uint8_t *data, size_t length)
{
    struct xs_ring *ring = connection->ring;
    size_t offset = prod % XS_RING_SIZE, first = XS_RING_SIZE - offset;

    if (first > length)
        first = length;
    hv_shared_copy_out(xs->hv, ring->rsp + offset, data, first);
    if (length > first)
        hv_shared_copy_out(xs->hv, ring->rsp, data + first, length - first);
    hv_shared_write32(xs->hv, &ring->rsp_prod, prod + (uint32_t)length);
    connection->notify = true;
}

/*
 * Put bytes on the response ring. Stops only at a ring that was seen full after the last byte
 * became visible: a client need not tell of room in a ring that was not full. False: the indices
 * make no sense.
 */
static bool ring_write(struct xenstored *xs, struct connection *connection, const uint8_t *data,
                       size_t length, size_t *written)
{
    struct xs_ring *ring = connection->ring;

    *written = 0;
    while (*written < length) {
        uint32_t cons = hv_shared_read32(xs->hv, &ring->rsp_cons);
        uint32_t prod = hv_shared_read32(xs->hv, &ring->rsp_prod);
        uint32_t room = XS_RING_SIZE - (prod - cons);
        size_t chunk = length - *written;

        if (prod - cons > XS_RING_SIZE)
            return false;
        if (!room)
            break;
        if (chunk > room)
            chunk = room;
        ring_put(xs, connection, prod, data + *written, chunk);
        *written += chunk;
        if (*written < length)
            hv_shared_barrier(xs->hv);
    }
    return true;
}

/* Do @length bytes behind @prod fit into the response ring? */
static bool ring_fits(struct xenstored *xs, const struct connection *connection, uint32_t prod,
                      size_t length)
{
    uint32_t used = prod - hv_shared_read32(xs->hv, &connection->ring->rsp_cons);

    return used <= XS_RING_SIZE && length <= XS_RING_SIZE - used;
}

void connection_flush(struct xenstored *xs, struct connection *connection)
{
    struct list *item;

    list_remove(&connection->unflushed);
    recorder_sync(xs);
    while (!connection->broken && (item = list_first(&connection->output))) {
        struct output *output = LIST_ENTRY(item, struct output, queue);
        size_t written;

        output_unhash(xs, output);
        if (!ring_write(xs, connection, output->data + output->sent, output->length - output->sent,
                        &written)) {
            break_connection(xs, connection, XS_ERROR_RINGIDX);
            return;
        }
        output->sent += (uint32_t)written;
        if (output->sent < output->length)
            return;
        output_free(xs, output);
    }
}

/* Send a reply: straight into the ring if nothing waits before it, through the queue else. */
static void send_message(struct xenstored *xs, struct connection *connection,
                         const uint8_t *message, size_t length)
{
    size_t written = 0;

    if (list_empty(&connection->output) && !ring_write(xs, connection, message, length, &written)) {
        break_connection(xs, connection, XS_ERROR_RINGIDX);
        return;
    }
    if (written < length)
        output_queue_reply(xs, connection, message, length, written);
}

/* The reply as a message; its length. */
static size_t make_message(const struct xs_header *request, const struct reply *reply,
                           uint8_t message[XS_MESSAGE_MAX])
{
    const struct xs_header header = {
        .type = reply->type,
        .req_id = request->req_id,
        .tx_id = request->tx_id,
        .length = reply->length,
    };

    memcpy(message, &header, sizeof(header));
    memcpy(message + sizeof(header), reply->data, reply->length);
    return sizeof(header) + reply->length;
}

/* Bytes of requests in the ring and where they start; false: the indices make no sense. */
static bool request_indices(struct xenstored *xs, struct xs_ring *ring, uint32_t *cons,
                            uint32_t *length)
{
    uint32_t prod;

    *cons = hv_shared_read32(xs->hv, &ring->req_cons);
    prod = hv_shared_read32(xs->hv, &ring->req_prod);
    *length = prod - *cons;
    return *length <= XS_RING_SIZE;
}

static void copy_request(struct xenstored *xs, struct xs_ring *ring, uint32_t from, void *dest,
                         size_t length)
{
    size_t offset = from % XS_RING_SIZE, first = XS_RING_SIZE - offset;

    if (first > length)
        first = length;
    hv_shared_copy_in(xs->hv, dest, ring->req + offset, first);
    if (length > first)
        hv_shared_copy_in(xs->hv, (uint8_t *)dest + first, ring->req, length - first);
}

static void consume(struct xenstored *xs, struct connection *connection, uint32_t cons)
{
    hv_shared_write32(xs->hv, &connection->ring->req_cons, cons);
    connection->req_cons = cons;
    connection->notify = true;
    /* The ring must be seen empty, or what was added to it before it was seen so must be. */
    hv_shared_barrier(xs->hv);
}

/* Decide the request in xs->message. */
static void decide(struct xenstored *xs, struct work *work, const struct xs_header *header)
{
    bool poison =
        xs->recorder && recorder_hint(xs, work->connection->subject.domid, header, xs->message);

    xs->logged = NULL;
    xs->message[header->length] = '\0';
    if (poison)
        request_refuse(xs, work, &xs->reply);
    else if (xs->tracing)
        request_decide_traced(xs, work, header, (char *)xs->message, &xs->reply);
    else
        request_decide(xs, work, header, (char *)xs->message, &xs->reply);
    if (xs->recorder)
        recorder_hint_done(xs);
}

/* With the effect and the answer in the journal, before anything of them shows. */
static void answer_recorded(struct xenstored *xs, struct work *work,
                            const struct recorder_request *request)
{
    struct connection *connection = work->connection;
    uint8_t message[XS_MESSAGE_MAX];

    if (request->header->type != XS_WATCH)
        output_queue_events(xs, work);
    connection->req_cons = request->cons;
    if (list_empty(&work->events) && list_empty(&connection->output)) {
        uint32_t length, begin;
        const uint8_t *answer = recorder_commit_answered(xs, request, &length, &begin);

        if (answer) {
            if (ring_fits(xs, connection, begin, length))
                ring_put(xs, connection, begin, answer, length);
            else
                send_message(xs, connection, answer, length);
            /* What had no room is in the journal, too. */
            if (!list_empty(&connection->output))
                recorder_unqueued(
                    LIST_ENTRY(list_first(&connection->output), struct output, queue));
            return;
        }
    }
    recorder_request(xs, request);
    output_queue_reply(xs, connection, message, make_message(request->header, &xs->reply, message),
                       0);
    output_queue_events(xs, work);
    recorder_sync(xs);
    connection_flush(xs, connection);
}

/* Is the answer all there is to tell, and goes into the ring as a whole, at *@prod? */
static bool only_answer(struct xenstored *xs, const struct work *work, uint32_t *prod)
{
    const struct connection *connection = work->connection;

    if (!list_empty(&work->events) || !list_empty(&connection->output) || connection->broken ||
        recorder_pending(xs->recorder))
        return false;
    *prod = hv_shared_read32(xs->hv, &connection->ring->rsp_prod);
    return ring_fits(xs, connection, *prod, sizeof(struct xs_header) + xs->reply.length);
}

/*
 * Decide the request in xs->message and make its effect and its answer visible: this is the commit
 * point. The request, or what of it is still in the ring, is consumed up to @cons behind its
 * answer. Parts of it may have been @collected before.
 */
static void answer(struct xenstored *xs, struct connection *connection,
                   const struct xs_header *header, uint32_t cons, bool collected)
{
    struct work work = {.tree = &xs->tree, .connection = connection};
    uint8_t message[XS_MESSAGE_MAX];
    uint32_t prod;

    list_init(&work.events);
    decide(xs, &work, header);
    connection->served++;
    if (recording(xs)) {
        bool effect = request_has_effect(xs, header, (char *)xs->message, &xs->reply);

        if (!effect && !collected && only_answer(xs, &work, &prod)) {
            size_t length = make_message(header, &xs->reply, message);

            recorder_answered(xs, connection, cons, prod + (uint32_t)length);
            ring_put(xs, connection, prod, message, length);
        } else {
            answer_recorded(xs, &work,
                            &(struct recorder_request){connection, header, cons, effect});
        }
        if (!connection->broken)
            consume(xs, connection, cons);
        return;
    }
    /* A watch's first event follows the reply; whatever else happened is told before it. */
    if (header->type != XS_WATCH)
        output_queue_events(xs, &work);
    if (!list_empty(&connection->unflushed))
        connection_flush(xs, connection);
    if (!connection->broken)
        send_message(xs, connection, message, make_message(header, &xs->reply, message));
    output_queue_events(xs, &work);
    if (!connection->broken)
        consume(xs, connection, cons);
}

enum progress {
    IDLE, /* nothing to do before the client's next event, or the time it is stalled until */
    MORE, /* there may be more: the ring is to be looked at again */
};

/* Take at most @length bytes of the message's header out of the ring; moves *@cons. */
static void collect_header(struct xenstored *xs, struct connection *connection, uint32_t *cons,
                           uint32_t *length)
{
    uint32_t chunk = (uint32_t)sizeof(connection->in_header) - connection->in_have;

    if (chunk > *length)
        chunk = *length;
    copy_request(xs, connection->ring, *cons,
                 (uint8_t *)&connection->in_header + connection->in_have, chunk);
    recorder_input(xs, connection, *cons + chunk,
                   (uint8_t *)&connection->in_header + connection->in_have, chunk);
    connection->in_have += chunk;
    connection->req_cons = *cons += chunk;
    *length -= chunk;
    recorder_sync(xs);
    consume(xs, connection, *cons);
}

static bool make_room(struct xenstored *xs, struct connection *connection)
{
    uint32_t size = connection->in_header.length;

    if (connection->in_payload || !size)
        return true;
    connection->in_payload = arena_alloc(xs->arena, size);
    if (!connection->in_payload) {
        stall(xs, connection, hv_now(xs->hv) + MEMORY_RETRY);
        return false;
    }
    domain_add_memory(xs, connection->domain, (long)size);
    return true;
}

int connection_resume_input(struct xenstored *xs, struct connection *connection,
                            const uint8_t *data, size_t length)
{
    struct xs_header *header = &connection->in_header;
    size_t head = length < sizeof(*header) ? length : sizeof(*header);

    memcpy(header, data, head);
    if (length < sizeof(*header)) {
        connection->in_have = (uint32_t)length;
        return 0;
    }
    if (header->length > XS_PAYLOAD_MAX || length - head >= header->length + (header->length == 0))
        return -EINVAL;
    connection->in_have = (uint32_t)length;
    if (length == head)
        return 0;
    connection->in_payload = arena_alloc(xs->arena, header->length);
    if (!connection->in_payload) {
        connection->in_have = 0;
        return -ENOMEM;
    }
    domain_add_memory(xs, connection->domain, (long)header->length);
    memcpy(connection->in_payload, data + head, length - head);
    return 0;
}

/*
 * Take in what has come of a message that is not whole in the ring. Its last bytes stay there until
 * the answer is decided.
 */
static enum progress collect(struct xenstored *xs, struct connection *connection, uint32_t cons,
                             uint32_t length)
{
    struct xs_header header;
    uint32_t have, missing;

    if (connection->in_have < sizeof(header))
        collect_header(xs, connection, &cons, &length);
    if (connection->in_have < sizeof(header))
        return MORE;
    header = connection->in_header;
    if (header.length > XS_PAYLOAD_MAX) {
        connection->in_have = 0;
        break_connection(xs, connection, XS_ERROR_PROTO);
        return IDLE;
    }
    if (!make_room(xs, connection))
        return IDLE;

    have = connection->in_have - (uint32_t)sizeof(header);
    missing = header.length - have;
    if (length > missing)
        length = missing;
    if (length)
        copy_request(xs, connection->ring, cons, connection->in_payload + have, length);
    if (length < missing) {
        recorder_input(xs, connection, cons + length, connection->in_payload + have, length);
        connection->in_have += length;
        connection->req_cons = cons + length;
        recorder_sync(xs);
        consume(xs, connection, cons + length);
        return MORE;
    }
    if (header.length)
        memcpy(xs->message, connection->in_payload, header.length);
    connection_drop_input(xs, connection);
    answer(xs, connection, &header, cons + length, true);
    return MORE;
}

/* May the client be served, as far as its own unread answers and its credit go? */
static bool may_serve(struct xenstored *xs, struct connection *connection)
{
    uint64_t until;

    if (connection->output_bytes > OUTPUT_BYTES_MAX)
        return false;
    if (connection->output_replies &&
        domain_over_quota(connection, QUOTA_OUTSTANDING, connection->output_replies + 1UL))
        return false;
    until = output_spare_ready(xs) ? domain_stalled_until(xs, connection->domain)
                                   : hv_now(xs->hv) + MEMORY_RETRY;
    if (until && !connection->subject.privileged) {
        stall(xs, connection, until);
        return false;
    }
    if (!xs->spare) {
        stall(xs, connection, until);
        return false;
    }
    return true;
}

static enum progress serve(struct xenstored *xs, struct connection *connection)
{
    struct xs_ring *ring = connection->ring;
    struct xs_header header;
    uint32_t cons, length, size;

    if (!list_empty(&connection->output))
        connection_flush(xs, connection);
    if (connection->broken || !may_serve(xs, connection))
        return IDLE;
    if (!request_indices(xs, ring, &cons, &length)) {
        break_connection(xs, connection, XS_ERROR_RINGIDX);
        return IDLE;
    }
    if (!length)
        return IDLE;
    if (connection->in_have || length < sizeof(header))
        return collect(xs, connection, cons, length);

    copy_request(xs, ring, cons, &header, sizeof(header));
    if (header.length > XS_PAYLOAD_MAX) {
        break_connection(xs, connection, XS_ERROR_PROTO);
        return IDLE;
    }
    size = (uint32_t)sizeof(header) + header.length;
    if (length < size)
        return collect(xs, connection, cons, length);
    copy_request(xs, ring, cons + (uint32_t)sizeof(header), xs->message, header.length);
    answer(xs, connection, &header, cons + size, false);
    return MORE;
}

bool connection_serve(struct xenstored *xs, struct connection *connection)
{
    enum progress progress;

    if (hv_shared_read32(xs->hv, &connection->ring->connection) == XS_RECONNECT &&
        (connection->domain->features & XS_FEATURE_RECONNECTION)) {
        connection_reset(xs, connection);
        recorder_sync(xs);
        return false;
    }
    if (connection->broken)
        return false;
    progress = serve(xs, connection);
    if (progress == IDLE || connection->served >= SERVED_PER_NOTIFY)
        connection_notify(xs, connection);
    return progress == MORE;
}
