/* SPDX-License-Identifier: ISC */
/* Frames and streams of one client; what is asked is not looked at here. */
#include "common/control_core.h"

#include <hv/time.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Frames read and written for one client before it is the next one's turn. */
#define TURN_FRAMES    4U
#define HELLO_DEADLINE (5 * HV_SEC)
#define FRAME_DEADLINE (10 * HV_SEC)

/* --- streams ------------------------------------------------------------------------------------
 */

static struct control_stream *find_stream(struct control_session *session, uint32_t id)
{
    list_for_each (item, &session->streams) {
        struct control_stream *stream = LIST_ENTRY(item, struct control_stream, all);
        if (stream->id == id)
            return stream;
    }
    return NULL;
}

static void release(struct control_session *session, struct control_stream *stream)
{
    list_remove(&stream->all);
    session->stream_count--;
    stream->type->release(stream);
}

int control_stream_start(struct control_request *request, struct control_stream *stream,
                         const struct control_stream_type *type)
{
    struct control_session *session = &request->server->clients[request->slot];

    if (session->stream_count == CONTROL_STREAMS)
        return -EBUSY;
    stream->type = type;
    stream->server = request->server;
    stream->slot = request->slot;
    stream->id = request->id;
    stream->request = request->type;
    stream->waiting = type->fill == NULL;
    list_append(&session->streams, &stream->all);
    session->stream_count++;
    return 0;
}

void control_stream_wake(struct control_stream *stream)
{
    if (!stream->waiting || stream->type->fill == NULL)
        return;
    stream->waiting = false;
    control_session_queue(&stream->server->clients[stream->slot]);
}

__attribute__((format(printf, 2, 0))) static void keep_words(struct control_session *session,
                                                             const char *format, va_list arguments)
{
    if (vsnprintf(session->words, sizeof(session->words), format, arguments) < 0)
        session->words[0] = '\0';
}

void control_stream_error(struct control_stream *stream, int error, const char *format, ...)
{
    struct control_session *session = &stream->server->clients[stream->slot];
    va_list arguments;

    session->error = error;
    va_start(arguments, format);
    keep_words(session, format, arguments);
    va_end(arguments);
}

void control_request_error(struct control_request *request, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    keep_words(&request->server->clients[request->slot], format, arguments);
    va_end(arguments);
}

/* --- out ----------------------------------------------------------------------------------------
 */

/* Begin the next frame for a client whose last one is in the ring. */
static void begin(struct control_session *session, struct control_writer *writer, uint16_t type,
                  enum control_kind kind, uint32_t id)
{
    session->error = -EINVAL;
    session->words[0] = '\0';
    control_begin(writer, session->out, CONTROL_FRAME_MAX, type, kind, id);
}

static void end(struct control_session *session, struct control_writer *writer)
{
    session->out_at = 0;
    session->out_length = control_end(writer);
}

static void send_error(struct control_session *session, uint16_t type, uint32_t id, int error)
{
    struct control_writer writer;

    control_begin(&writer, session->out, CONTROL_FRAME_MAX, type, CONTROL_ERROR, id);
    control_put_number(&writer, CONTROL_F_ERRNO, (uint64_t)-error);
    if (session->words[0] != '\0')
        control_put_string(&writer, CONTROL_F_TEXT, session->words);
    end(session, &writer);
}

/* End what a handler, fill or data function has put. False: it became an error. */
static bool finish(struct control_session *session, struct control_writer *writer, uint16_t type,
                   uint32_t id, int error)
{
    if (error == 0 && writer->full) {
        session->words[0] = '\0';
        error = -EMSGSIZE;
    }
    if (error != 0)
        send_error(session, type, id, error);
    else
        end(session, writer);
    return error == 0;
}

/* Ask one stream for its next frame. True: it gave one. */
static bool fill(struct control_session *session, struct control_stream *stream)
{
    uint32_t id = stream->id;
    uint16_t type = stream->request;
    struct control_writer writer;
    enum control_fill filled;
    int error = 0;

    begin(session, &writer, type, CONTROL_ITEM, id);
    stream->waiting = true; /* so that a wake from within is not lost */
    filled = stream->type->fill(stream, &writer);
    if (filled == CONTROL_FILL_WAIT)
        return false;
    stream->waiting = false;
    if (filled == CONTROL_FILL_END)
        control_set_kind(&writer, CONTROL_END);
    else if (filled == CONTROL_FILL_ERROR)
        error = session->error;
    if (filled != CONTROL_FILL_FRAME || writer.full)
        release(session, stream);
    (void)finish(session, &writer, type, id, error);
    return true;
}

/* The next frame of the streams, round robin. False: all of them wait. */
static bool pump(struct control_session *session)
{
    for (unsigned i = session->stream_count; i > 0; i--) {
        struct control_stream *stream =
            LIST_ENTRY(list_first(&session->streams), struct control_stream, all);

        list_remove(&stream->all);
        list_append(&session->streams, &stream->all);
        if (!stream->waiting && fill(session, stream))
            return true;
    }
    return false;
}

/* Write what is left of the frame. False: there is no room, or it was disconnected. */
static bool flush(struct control_session *session)
{
    while (session->out_at < session->out_length) {
        int written = vchan_write(session->v, session->out + session->out_at,
                                  session->out_length - session->out_at);

        if (written == -EPIPE) { /* it has closed; what it sent before is still done */
            session->out_at = session->out_length;
            break;
        }
        if (written < 0)
            listener_disconnect(session->server->listener, session->slot);
        if (written <= 0)
            return false;
        session->out_at += (size_t)written;
    }
    return true;
}

/* --- in -----------------------------------------------------------------------------------------
 */

static const struct control_handler *find_handler(const struct control_server *server,
                                                  uint16_t type, void **context)
{
    for (unsigned i = 0; i < control_core_handler_count; i++) {
        const struct control_handler *handler = &control_core_handlers[i];
        *context = (void *)(uintptr_t)server;
        if (handler->type == type)
            return control_core_knows(server, handler) ? handler : NULL;
    }
    for (unsigned i = 0; i < server->config.handler_count; i++) {
        *context = server->config.context;
        if (server->config.handlers[i].type == type)
            return &server->config.handlers[i];
    }
    return NULL;
}

static int answer(struct control_session *session, struct control_request *request,
                  struct control_writer *reply)
{
    const struct control_handler *handler;
    void *context;

    if (!session->greeted && request->type != CONTROL_T_HELLO) {
        control_request_error(request, "HELLO comes first");
        return -EPROTO;
    }
    handler = find_handler(session->server, request->type, &context);
    if (handler == NULL) {
        control_request_error(request, "request 0x%04x is not known here", request->type);
        return -ENOSYS;
    }
    return handler->handle(context, request, reply);
}

static void handle_request(struct control_session *session, const struct control_header *header,
                           const struct control_reader *fields)
{
    struct control_request request = {session->server, session->slot, header->id, header->type,
                                      *fields};
    struct control_writer reply;
    int result;

    session->server->requests++;
    begin(session, &reply, header->type, CONTROL_REPLY, header->id);
    result = answer(session, &request, &reply);
    HV_ASSERT((result == CONTROL_STREAMING) == (find_stream(session, header->id) != NULL));
    if (result == CONTROL_STREAMING)
        return;
    if (!finish(session, &reply, header->type, header->id, result))
        session->server->refused++;
}

/* A part of an upload. */
static void handle_data(struct control_session *session, struct control_stream *stream,
                        struct control_reader *fields)
{
    uint32_t id = stream->id;
    uint16_t type = stream->request;
    struct control_writer unused;
    struct control_field field;
    int error = 0;

    begin(session, &unused, type, CONTROL_REPLY, id);
    while (error == 0 && control_next(fields, &field))
        if (field.tag == CONTROL_F_DATA)
            error = stream->type->data(stream, field.value, field.length, &unused);
    if (error != 0) {
        release(session, stream);
        send_error(session, type, id, error);
    }
}

static void handle_upload_end(struct control_session *session, struct control_stream *stream)
{
    uint32_t id = stream->id;
    uint16_t type = stream->request;
    struct control_writer reply;
    int error;

    begin(session, &reply, type, CONTROL_REPLY, id);
    error = stream->type->data(stream, NULL, 0, &reply);
    release(session, stream);
    (void)finish(session, &reply, type, id, error);
}

static void handle_cancel(struct control_session *session, struct control_stream *stream)
{
    struct control_writer writer;

    begin(session, &writer, stream->request, CONTROL_END, stream->id);
    release(session, stream);
    end(session, &writer);
}

static void break_off(struct control_session *session, const char *why)
{
    struct control_server *server = session->server;

    server->broken++;
    if (server->config.log != NULL)
        log_write(server->config.log, LOG_NOTICE, "control: %s was disconnected: %s",
                  session->name[0] != '\0' ? session->name : "a client", why);
    listener_disconnect(server->listener, session->slot);
}

/* A whole frame is there. False: it ended the connection. */
static bool handle_frame(struct control_session *session, const struct control_header *header)
{
    struct control_stream *stream = find_stream(session, header->id);
    struct control_reader fields;

    if (!control_check(session->in, header->length)) {
        break_off(session, "malformed frame");
        return false;
    }
    control_read(&fields, session->in, header->length);
    switch (header->kind) {
    case CONTROL_REQUEST:
        if (stream != NULL) {
            break_off(session, "a request with the number of one that is open");
            return false;
        }
        handle_request(session, header, &fields);
        break;
    /* What is for a stream may cross its end: nothing to do then. */
    case CONTROL_DATA:
        if (stream != NULL && stream->type->data != NULL)
            handle_data(session, stream, &fields);
        break;
    case CONTROL_END:
        if (stream != NULL && stream->type->data != NULL)
            handle_upload_end(session, stream);
        break;
    case CONTROL_CANCEL:
        if (stream != NULL)
            handle_cancel(session, stream);
        break;
    default:
        break;
    }
    return true;
}

/* Read on, to the end of the frame. 1: one was handled. 0: it is not all there. -1: disconnected.
 */
static int receive(struct control_session *session)
{
    struct control_server *server = session->server;
    struct control_header header = {.length = CONTROL_HEADER};

    while (true) {
        size_t want = CONTROL_HEADER;
        int got;

        if (session->in_used >= CONTROL_HEADER) {
            if (!control_header_decode(session->in, &header)) {
                break_off(session, "frame of an impossible length");
                return -1;
            }
            want = header.length;
        }
        if (session->in_used >= CONTROL_HEADER && session->in_used == want)
            break;
        got = vchan_read(session->v, session->in + session->in_used, want - session->in_used);
        if (got < 0) {
            listener_disconnect(server->listener, session->slot);
            return -1;
        }
        if (got == 0) {
            if (session->in_used > 0 && list_empty(&session->deadline.armed))
                timer_set(server->loop, &session->deadline, hv_now(server->hv) + FRAME_DEADLINE);
            return 0;
        }
        session->in_used += (size_t)got;
    }
    session->in_used = 0;
    if (!handle_frame(session, &header))
        return -1;
    if (session->greeted)
        timer_cancel(&session->deadline);
    return 1;
}

/* --- the session --------------------------------------------------------------------------------
 */

void control_session_begin(struct control_session *session, struct vchan *v)
{
    struct control_server *server = session->server;

    session->v = v;
    session->greeted = false;
    session->name[0] = '\0';
    session->in_used = session->out_at = session->out_length = 0;
    timer_set(server->loop, &session->deadline, hv_now(server->hv) + HELLO_DEADLINE);
}

void control_session_end(struct control_session *session)
{
    session->v = NULL;
    timer_cancel(&session->deadline);
    while (!list_empty(&session->streams))
        release(session, LIST_ENTRY(list_first(&session->streams), struct control_stream, all));
}

static void expire(struct timer *timer)
{
    struct control_session *session = LIST_ENTRY(timer, struct control_session, deadline);
    struct control_server *server = session->server;

    /* A frame that we do not go on reading, as the client does not read ours, is not late. */
    if (session->greeted && session->out_at < session->out_length) {
        timer_set(server->loop, timer, hv_now(server->hv) + FRAME_DEADLINE);
        return;
    }
    server->late++;
    break_off(session, session->greeted ? "frame not finished in time" : "no HELLO in time");
}

void control_session_init(struct control_session *session, struct control_server *server,
                          unsigned slot, uint8_t *buffers)
{
    session->server = server;
    session->slot = slot;
    session->in = buffers;
    session->out = buffers + CONTROL_FRAME_MAX;
    list_init(&session->ready);
    list_init(&session->streams);
    timer_init(&session->deadline, expire);
}

bool control_session_serve(struct control_session *session)
{
    for (unsigned i = 0; i < TURN_FRAMES; i++) {
        int received;

        if (!flush(session))
            return false;
        received = receive(session);
        if (received < 0)
            return false;
        if (session->out_at < session->out_length)
            continue;
        if (!pump(session) && received == 0)
            return false;
    }
    return true;
}
