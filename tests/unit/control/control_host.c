/* SPDX-License-Identifier: ISC */
#include "tests/unit/control/control_host.h"

#include <hv/memory.h>
#include <hv/time.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LOG_SIZE = 3 * HV_PAGE_SIZE, RUN_STEPS = 100000 };

/* --- the service --------------------------------------------------------------------------------
 */

static struct host_stream *host_stream(struct control_stream *stream)
{
    return LIST_ENTRY(stream, struct host_stream, stream);
}

static enum control_fill fill_count(struct control_stream *stream, struct control_writer *item)
{
    struct host_stream *mine = host_stream(stream);

    mine->host->filled++;
    if (mine->next == mine->count) {
        control_put_number(item, CONTROL_F_COUNT, mine->count);
        return CONTROL_FILL_END;
    }
    if (mine->next == mine->limit) {
        control_stream_error(stream, -EIO, "at %u", (unsigned)mine->limit);
        return CONTROL_FILL_ERROR;
    }
    if (mine->host->gate != 0 && mine->next >= mine->host->gate)
        return CONTROL_FILL_WAIT;
    control_put_number(item, CONTROL_F_VALUE, mine->next++);
    return CONTROL_FILL_FRAME;
}

static enum control_fill fill_endless(struct control_stream *stream, struct control_writer *item)
{
    struct host_stream *mine = host_stream(stream);
    uint8_t filling[CONTROL_VALUE_MAX] = {0};

    mine->host->filled++;
    control_put_number(item, CONTROL_F_VALUE, mine->next++);
    control_put_bytes(item, CONTROL_F_DATA, filling, mine->next == mine->limit ? 4080 : 1000);
    return CONTROL_FILL_FRAME;
}

static int take_upload(struct control_stream *stream, const void *data, size_t length,
                       struct control_writer *writer)
{
    struct host_stream *mine = host_stream(stream);

    if (data == NULL) {
        control_put_number(writer, CONTROL_F_COUNT, mine->count);
        return mine->count == 1 ? -ENODATA : 0;
    }
    mine->count += length;
    if (memchr(data, 0xff, length) != NULL) {
        control_stream_error(stream, -EILSEQ, "byte 0xff");
        return -EILSEQ;
    }
    return 0;
}

static void release(struct control_stream *stream)
{
    struct host_stream *mine = host_stream(stream);

    HV_ASSERT(mine->used);
    if (mine->count == HOST_COUNT_TALKS)
        log_write(mine->host->log, LOG_INFO, "released");
    mine->used = false;
    mine->host->streams_open--;
}

static int start(struct control_host *host, struct control_request *request,
                 const struct control_stream_type *type)
{
    struct host_stream *mine = NULL;
    int error;

    for (size_t i = 0; i < CONTROL_HOST_CLIENTS * CONTROL_STREAMS && mine == NULL; i++)
        if (!host->streams[i].used)
            mine = &host->streams[i];
    if (mine == NULL)
        return -ENOMEM;
    *mine = (struct host_stream){.host = host, .used = true};
    if (type->data == NULL) {
        mine->count = control_number(&request->fields, CONTROL_F_COUNT, UINT64_MAX);
        mine->limit = control_number(&request->fields, CONTROL_F_LIMIT, UINT64_MAX);
    }
    error = control_stream_start(request, &mine->stream, type);
    if (error != 0) {
        mine->used = false;
        return error;
    }
    host->streams_open++;
    return CONTROL_STREAMING;
}

static int handle_fail(void *context, struct control_request *request, struct control_writer *reply)
{
    uint64_t error = control_number(&request->fields, CONTROL_F_ERRNO, 0);

    control_put_number(reply, CONTROL_F_COUNT, 1);
    if (control_number(&request->fields, CONTROL_F_VALUE, 0) != 0)
        control_request_error(request, "error %u", (unsigned)error);
    return -(int)(error % 200);
}

static int handle_huge(void *context, struct control_request *request, struct control_writer *reply)
{
    control_request_error(request, "not to be seen");
    for (unsigned i = 0; i < 600; i++)
        control_put_number(reply, CONTROL_F_VALUE, i);
    return 0;
}

static int handle_count(void *context, struct control_request *request,
                        struct control_writer *reply)
{
    static const struct control_stream_type type = {.fill = fill_count, .release = release};

    return start(context, request, &type);
}

static int handle_endless(void *context, struct control_request *request,
                          struct control_writer *reply)
{
    static const struct control_stream_type type = {.fill = fill_endless, .release = release};

    return start(context, request, &type);
}

static int handle_upload(void *context, struct control_request *request,
                         struct control_writer *reply)
{
    static const struct control_stream_type type = {.data = take_upload, .release = release};

    return start(context, request, &type);
}

static const struct control_handler handlers[] = {
    {HOST_T_FAIL, handle_fail},       {HOST_T_HUGE, handle_huge},     {HOST_T_COUNT, handle_count},
    {HOST_T_ENDLESS, handle_endless}, {HOST_T_UPLOAD, handle_upload},
};

static enum control_health status(void *context, struct control_writer *reply)
{
    struct control_host *host = context;

    if (host->health != CONTROL_HEALTHY)
        control_put_string(reply, CONTROL_F_TEXT, "unwell");
    return host->health;
}

static bool statistic(void *context, unsigned index, struct control_writer *item)
{
    if (index < 3) {
        control_statistic_open(item, "frames", "frames by port", NULL, true, 100 + index);
        control_label(item, "port", "vif%u.0", index);
        control_close_group(item);
    }
    return index < 3;
}

static int stop(void *context, const char **why)
{
    struct control_host *host = context;

    host->stop_asked++;
    *why = "not now";
    return host->stop_error;
}

static void stopped(void *context)
{
    ((struct control_host *)context)->stopped++;
}

static void memory(void *context, struct control_memory *memory)
{
    *memory = (struct control_memory){.total = 1 << 20, .used = 12345, .objects = 678};
}

/* --- the host -----------------------------------------------------------------------------------
 */

static int publish(struct rendezvous *rendezvous, const char *path, domid_t client,
                   grant_ref_t ring_ref, evtchn_port_t port, rendezvous_done_fn *done,
                   void *context)
{
    struct control_host *host = LIST_ENTRY(rendezvous, struct control_host, rendezvous);

    HV_ASSERT(client == 0 && strcmp(path, "/local/domain/7/data/vchan/0/control") == 0);
    host->ring_ref = ring_ref;
    host->port = port;
    done(context, 0);
    return 0;
}

static void withdraw(struct rendezvous *rendezvous, const char *path)
{
    LIST_ENTRY(rendezvous, struct control_host, rendezvous)->ring_ref = 0;
}

static void forget(struct rendezvous *rendezvous, void *context)
{
}

static uint64_t step(void *context)
{
    return loop_step(context);
}

struct control_host *control_host_create(uint64_t seed, unsigned clients)
{
    const struct sim_domain_config dom0 = {.domid = 0}, service = {.domid = CONTROL_HOST_SERVICE};
    struct control_host *host = calloc(1, sizeof(*host));
    struct control_server_config config = {
        .service = "test",
        .version = "1.2.3",
        .client = 0,
        .clients = clients != 0 ? clients : CONTROL_HOST_CLIENTS,
        .context = host,
        .handlers = handlers,
        .handler_count = sizeof(handlers) / sizeof(handlers[0]),
        .status = status,
        .statistic = statistic,
        .stop = stop,
        .stopped = stopped,
        .memory = memory,
    };

    if (host == NULL)
        hv_panic("no memory");
    host->sim = sim_create(seed);
    host->dom0 = sim_domain_create(host->sim, &dom0);
    host->hv = sim_domain_create(host->sim, &service);
    sim_domain_no_faults(host->dom0);
    loop_init(&host->loop, host->hv);
    host->log_memory = hv_page_alloc(host->hv, LOG_SIZE / HV_PAGE_SIZE);
    host->log = config.log = log_create(host->hv, host->log_memory, LOG_SIZE);
    host->rendezvous = (struct rendezvous){publish, withdraw, forget};
    host->server = control_server_create(host->hv, &host->loop, &host->rendezvous, &config);
    if (host->server == NULL)
        hv_panic("no control server");
    sim_set_actor(host->hv, step, &host->loop);
    control_host_run(host);
    return host;
}

void control_host_destroy(struct control_host *host)
{
    struct sim_usage usage;

    control_host_run(host);
    sim_set_actor(host->hv, NULL, NULL);
    control_server_destroy(host->server);
    HV_ASSERT(host->streams_open == 0);
    hv_page_free(host->hv, host->log_memory, LOG_SIZE / HV_PAGE_SIZE);
    sim_usage(host->hv, &usage);
    HV_ASSERT(usage.pages == 0 && usage.grants == 0 && usage.ports == 0 && usage.mappings == 0);
    sim_destroy(host->sim);
    free(host);
}

void control_host_run(struct control_host *host)
{
    sim_run(host->sim, sim_now(host->sim), RUN_STEPS);
}

void control_host_pass(struct control_host *host, uint64_t time)
{
    sim_run(host->sim, sim_now(host->sim) + time, RUN_STEPS);
}

void control_host_wake(struct control_host *host)
{
    sim_set_actor(host->hv, step, &host->loop);
    control_host_run(host);
}

void control_host_open_gate(struct control_host *host, uint64_t gate)
{
    host->gate = gate;
    for (size_t i = 0; i < CONTROL_HOST_CLIENTS * CONTROL_STREAMS; i++)
        if (host->streams[i].used)
            control_stream_wake(&host->streams[i].stream);
    control_host_wake(host);
}

/* --- its clients --------------------------------------------------------------------------------
 */

bool host_client_connect(struct control_host *host, struct host_client *client)
{
    *client = (struct host_client){.host = host};
    /* Rings that were just left may have to drain first. */
    if (host->ring_ref == 0)
        control_host_pass(host, 20 * HV_MSEC);
    if (host->ring_ref == 0 || vchan_client_open(&client->v, host->dom0, CONTROL_HOST_SERVICE,
                                                 host->ring_ref, host->port) != 0)
        return false;
    client->open = true;
    control_host_run(host);
    return true;
}

void host_client_close(struct host_client *client)
{
    if (!client->open)
        return;
    if (vchan_close(&client->v) != 0)
        hv_panic("a client's end does not close");
    client->open = false;
    control_host_run(client->host);
}

void host_client_kill(struct host_client *client)
{
    struct vchan *v = &client->v;
    int error = 0;

    if (v->left_pages > 0)
        error |= hv_grant_unmap(v->hv, v->left_map, v->left_pages);
    if (v->right_pages > 0)
        error |= hv_grant_unmap(v->hv, v->right_map, v->right_pages);
    error |= hv_grant_unmap(v->hv, v->head, 1);
    error |= hv_evtchn_close(v->hv, v->port);
    if (error != 0)
        hv_panic("a client cannot be killed");
    client->open = false;
}

bool host_client_write(struct host_client *client, const void *data, size_t length)
{
    const uint8_t *bytes = data;

    while (length > 0) {
        int written = vchan_write(&client->v, bytes, length);

        if (written < 0)
            return false;
        bytes += written;
        length -= (size_t)written;
        if (length > 0) {
            control_host_run(client->host);
            if (vchan_writable(&client->v, 1) <= 0)
                return false;
        }
    }
    return true;
}

bool host_client_send(struct host_client *client, struct control_writer *writer)
{
    size_t length = control_end(writer);

    return host_client_write(client, writer->data, length);
}

/* Have @length bytes of the frame; false: there are not so many. */
static bool have(struct host_client *client, size_t length)
{
    while (client->used < length) {
        int got = vchan_read(&client->v, client->frame + client->used, length - client->used);

        if (got <= 0) {
            control_host_run(client->host);
            got = vchan_read(&client->v, client->frame + client->used, length - client->used);
        }
        if (got <= 0)
            return false;
        client->used += (size_t)got;
    }
    return true;
}

bool host_client_receive(struct host_client *client, struct control_header *header,
                         struct control_reader *fields)
{
    if (!have(client, CONTROL_HEADER))
        return false;
    HV_ASSERT(control_header_decode(client->frame, header));
    if (!have(client, header->length))
        return false;
    HV_ASSERT(control_check(client->frame, header->length));
    control_read(fields, client->frame, header->length);
    client->used = 0;
    return true;
}

bool host_client_ended(struct host_client *client)
{
    control_host_run(client->host);
    return vchan_state(&client->v) != VCHAN_OPEN;
}

bool host_client_hello(struct host_client *client)
{
    uint8_t frame[64];
    struct control_writer writer;
    struct control_header header;
    struct control_reader fields;

    control_begin(&writer, frame, sizeof(frame), CONTROL_T_HELLO, CONTROL_REQUEST, 1);
    control_put_number(&writer, CONTROL_F_VERSION, CONTROL_VERSION);
    control_put_string(&writer, CONTROL_F_CLIENT, "tester");
    return host_client_send(client, &writer) && host_client_receive(client, &header, &fields) &&
           header.kind == CONTROL_REPLY && header.id == 1;
}
