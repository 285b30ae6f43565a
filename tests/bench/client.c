/* SPDX-License-Identifier: ISC */
#include "client.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { BUFFER = 256 * 1024, RING_PORT = 1 };

struct client {
    int fd;      /**< the socket, or the FIFO of events for us */
    int kick_fd; /**< the FIFO of events for the server, where there is a ring */
    struct xenstore_domain_interface *ring; /**< NULL: a socket */
    uint32_t next_id;
    uint64_t events;
    size_t out_used, in_start, in_end;
    char out[BUFFER];
    char in[BUFFER];
};

void die(const char *format, ...)
{
    va_list args;

    fputs("bench: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static struct client *client_new(void)
{
    struct client *client = calloc(1, sizeof(*client));

    if (!client) {
        die("no memory");
    }
    return client;
}

struct client *client_open_socket(const char *path)
{
    struct client *client = client_new();
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(path) >= sizeof(address.sun_path)) {
        die("%s: too long", path);
    }
    memcpy(address.sun_path, path, strlen(path));
    client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&address, sizeof(address))) {
        die("%s: %s", path, strerror(errno));
    }
    return client;
}

static int open_in(const char *dir, const char *name, int flags)
{
    char path[256];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    fd = open(path, flags | O_CLOEXEC);
    if (fd < 0) {
        die("%s: %s", path, strerror(errno));
    }
    return fd;
}

struct client *client_open_ring(const char *dir)
{
    struct client *client = client_new();
    int page = open_in(dir, "xsd_kva", O_RDWR);

    client->ring = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, page, 0);
    if (client->ring == MAP_FAILED) {
        die("ring: %s", strerror(errno));
    }
    close(page);
    client->fd = open_in(dir, "evtchn.out", O_RDWR | O_NONBLOCK);
    client->kick_fd = open_in(dir, "evtchn.in", O_RDWR);
    return client;
}

void client_close(struct client *client)
{
    close(client->fd);
    if (client->ring) {
        close(client->kick_fd);
        munmap(client->ring, 4096);
    }
    free(client);
}

int client_fd(const struct client *client)
{
    return client->fd;
}

uint64_t client_events(const struct client *client)
{
    return client->events;
}

static void client_append(struct client *client, const void *data, size_t length)
{
    if (length > BUFFER - client->out_used) {
        die("too much queued");
    }
    memcpy(client->out + client->out_used, data, length);
    client->out_used += length;
}

uint32_t client_queue(struct client *client, uint32_t type, uint32_t tx_id, const void *payload,
                      size_t length)
{
    struct xsd_sockmsg header = {
        .type = type, .req_id = ++client->next_id, .tx_id = tx_id, .len = (uint32_t)length};

    client_append(client, &header, sizeof(header));
    client_append(client, payload, length);
    return header.req_id;
}

uint32_t client_queue_strings(struct client *client, uint32_t type, uint32_t tx_id, ...)
{
    char payload[XENSTORE_PAYLOAD_MAX];
    size_t length = 0;
    const char *string;
    va_list args;

    va_start(args, tx_id);
    while ((string = va_arg(args, const char *))) {
        size_t size = strlen(string) + 1;

        if (size > sizeof(payload) - length) {
            die("request too long");
        }
        memcpy(payload + length, string, size);
        length += size;
    }
    va_end(args);
    return client_queue(client, type, tx_id, payload, length);
}

uint32_t client_queue_write(struct client *client, uint32_t tx_id, const char *path,
                            const char *value)
{
    char payload[XENSTORE_PAYLOAD_MAX];
    size_t path_size = strlen(path) + 1, value_length = strlen(value);

    if (path_size + value_length > sizeof(payload)) {
        die("request too long");
    }
    memcpy(payload, path, path_size);
    memcpy(payload + path_size, value, value_length);
    return client_queue(client, XS_WRITE, tx_id, payload, path_size + value_length);
}

static void ring_kick(struct client *client)
{
    uint32_t port = RING_PORT;

    if (write(client->kick_fd, &port, sizeof(port)) != (ssize_t)sizeof(port)) {
        die("event: %s", strerror(errno));
    }
}

/** Sleep until the server has signalled us, and forget what it signalled. */
static void ring_wait(struct client *client)
{
    struct pollfd poller = {.fd = client->fd, .events = POLLIN};
    char ports[4096];

    if (poll(&poller, 1, 10000) <= 0) {
        die("no event from the server for 10 s");
    }
    (void)!read(client->fd, ports, sizeof(ports));
}

static size_t ring_put(struct client *client, const char *data, size_t length)
{
    struct xenstore_domain_interface *ring = client->ring;
    uint32_t prod = ring->req_prod;
    size_t room = XENSTORE_RING_SIZE - (prod - __atomic_load_n(&ring->req_cons, __ATOMIC_ACQUIRE));

    if (length > room) {
        length = room;
    }
    for (size_t i = 0; i < length; i++) {
        ring->req[MASK_XENSTORE_IDX(prod + i)] = data[i];
    }
    __atomic_store_n(&ring->req_prod, prod + (uint32_t)length, __ATOMIC_RELEASE);
    if (length) {
        ring_kick(client);
    }
    return length;
}

static size_t ring_get(struct client *client, char *data, size_t room)
{
    struct xenstore_domain_interface *ring = client->ring;
    uint32_t cons = ring->rsp_cons;
    size_t length = __atomic_load_n(&ring->rsp_prod, __ATOMIC_ACQUIRE) - cons;
    bool was_full = length >= XENSTORE_RING_SIZE;

    if (length > room) {
        length = room;
    }
    for (size_t i = 0; i < length; i++) {
        data[i] = ring->rsp[MASK_XENSTORE_IDX(cons + i)];
    }
    __atomic_store_n(&ring->rsp_cons, cons + (uint32_t)length, __ATOMIC_RELEASE);
    if (was_full) {
        ring_kick(client);
    }
    return length;
}

/** Read what is there behind what the buffer has; false: nothing was and @wait is false. */
static bool client_fill(struct client *client, bool wait)
{
    ssize_t got;

    if (client->in_start) {
        client->in_end -= client->in_start;
        memmove(client->in, client->in + client->in_start, client->in_end);
        client->in_start = 0;
    }
    if (client->ring) {
        while (!(got = (ssize_t)ring_get(client, client->in + client->in_end,
                                         BUFFER - client->in_end)) &&
               wait) {
            ring_wait(client);
        }
        client->in_end += (size_t)got;
        return got > 0;
    }
    got = recv(client->fd, client->in + client->in_end, BUFFER - client->in_end,
               wait ? 0 : MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) {
        return false;
    }
    if (got <= 0) {
        die("the server closed the connection");
    }
    client->in_end += (size_t)got;
    return true;
}

void client_flush(struct client *client)
{
    size_t sent = 0;

    while (sent < client->out_used) {
        ssize_t count;

        if (client->ring) {
            count = (ssize_t)ring_put(client, client->out + sent, client->out_used - sent);
            if (!count && !client_fill(client, false)) {
                ring_wait(client);
            }
        } else {
            count = send(client->fd, client->out + sent, client->out_used - sent, MSG_NOSIGNAL);
            if (count < 0) {
                die("send: %s", strerror(errno));
            }
        }
        sent += (size_t)count;
    }
    client->out_used = 0;
}

/** Take one message from the buffer. */
static bool client_take(struct client *client, struct reply *reply)
{
    struct xsd_sockmsg header;
    size_t used = client->in_end - client->in_start;

    if (used < sizeof(header)) {
        return false;
    }
    memcpy(&header, client->in + client->in_start, sizeof(header));
    if (header.len > XENSTORE_PAYLOAD_MAX) {
        die("a message of %u bytes", header.len);
    }
    if (used < sizeof(header) + header.len) {
        return false;
    }
    reply->type = header.type;
    reply->req_id = header.req_id;
    reply->length = header.len;
    memcpy(reply->data, client->in + client->in_start + sizeof(header), header.len);
    reply->data[header.len] = '\0';
    client->in_start += sizeof(header) + header.len;
    return true;
}

static bool client_next(struct client *client, struct reply *reply, bool wait)
{
    for (;;) {
        while (client_take(client, reply)) {
            if (reply->type != XS_WATCH_EVENT) {
                return true;
            }
            client->events++;
        }
        if (!client_fill(client, wait)) {
            return false;
        }
    }
}

void client_receive(struct client *client, struct reply *reply)
{
    (void)client_next(client, reply, true);
}

bool client_try_receive(struct client *client, struct reply *reply)
{
    return client_next(client, reply, false);
}

void client_expect(struct client *client, unsigned count)
{
    struct reply reply;

    while (count--) {
        client_receive(client, &reply);
        if (reply.type == XS_ERROR) {
            die("request %u: %s", reply.req_id, reply.data);
        }
    }
}
