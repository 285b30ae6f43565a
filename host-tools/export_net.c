/* SPDX-License-Identifier: ISC */
#include "export_net.h"
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SECOND_NS UINT64_C(1000000000)

/* Pauses before a connection is tried again, from and to; one that held for that long counts as
 * good, and the pauses begin anew. */
#define PAUSE_MIN  SECOND_NS
#define PAUSE_MAX  (60 * SECOND_NS)
#define GOOD_AFTER (10 * SECOND_NS)
/* A connection that is not there, or a collector that takes nothing, after that long. */
#define CONNECT_LIMIT (10 * SECOND_NS)
#define STALL_LIMIT   (60 * SECOND_NS)
/* What is lost is said at most so often. */
#define SAY_EVERY (60 * SECOND_NS)

enum state { NET_DOWN, NET_CONNECTING, NET_SHAKING, NET_UP };

/* A message that waits. */
struct waiting {
    struct waiting *next;
    struct ipfix_message message;
    uint8_t data[];
};

struct export_net {
    struct report *report;
    const struct export_target *target;
    struct export_tls_settings *tls_settings;
    struct export_tls *tls;
    enum state state;
    int fd;
    bool fresh, refused;
    struct addrinfo *addresses, *address; /* all, and the one that is tried */
    uint64_t retry_at, pause, since;      /* @since: when the state began */
    struct waiting *first, *last;
    size_t queued, sent; /* bytes in the queue; of its first message that are out */
    uint64_t progress;   /* when something went out last, or the queue was empty */
    struct ipfix_losses losses;
    struct ipfix_message before; /* the last datagram: an error may be about it */
    uint64_t lost_said, lost_flows_said;
    bool losing;
};

static void lose(struct export_net *net, const struct ipfix_message *m, const char *why)
{
    const uint64_t now = report_now_ns();

    net->losses.unsent_flows += m->flows;
    net->losses.unsent_packets += m->packets;
    net->losses.unsent_octets += m->octets;
    if (!m->flows || (net->losing && now - net->lost_said < SAY_EVERY))
        return;
    net->losing = true;
    net->lost_said = now;
    net->lost_flows_said = net->losses.unsent_flows;
    report_note(net->report, "%s:%s: %s: flows are lost, %llu so far", net->target->host,
                net->target->port, why, (unsigned long long)net->losses.unsent_flows);
}

static void drop_queue(struct export_net *net, const char *why)
{
    while (net->first) {
        struct waiting *w = net->first;

        net->first = w->next;
        lose(net, &w->message, why);
        free(w);
    }
    net->last = NULL;
    net->queued = net->sent = 0;
}

static void close_socket(struct export_net *net, bool polite)
{
    export_tls_end(net->tls, polite);
    net->tls = NULL;
    if (net->fd >= 0)
        close(net->fd);
    net->fd = -1;
    net->state = NET_DOWN;
}

static void forget_addresses(struct export_net *net)
{
    if (net->addresses)
        freeaddrinfo(net->addresses);
    net->addresses = net->address = NULL;
}

/* The connection, or the try of one, has ended: again after a pause. */
static void down(struct export_net *net, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void down(struct export_net *net, const char *format, ...)
{
    const uint64_t now = report_now_ns();
    char why[320];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    if (net->state == NET_UP && now - net->since >= GOOD_AFTER)
        net->pause = PAUSE_MIN;
    report_note(net->report, "%s:%s: %s; again in %llu s", net->target->host, net->target->port,
                why, (unsigned long long)(net->pause / SECOND_NS));
    close_socket(net, false);
    forget_addresses(net);
    drop_queue(net, why);
    net->retry_at = now + net->pause;
    net->pause = net->pause * 2 > PAUSE_MAX ? PAUSE_MAX : net->pause * 2;
}

static void enter(struct export_net *net, enum state state)
{
    net->state = state;
    net->since = net->progress = report_now_ns();
    if (state != NET_UP)
        return;
    net->fresh = true;
    net->refused = false;
    forget_addresses(net);
    if (net->target->transport != EXPORT_UDP)
        report_note(net->report, "connected to %s:%s", net->target->host, net->target->port);
    if (net->losing)
        report_note(net->report, "%s:%s: %llu flows were lost until now", net->target->host,
                    net->target->port, (unsigned long long)net->losses.unsent_flows);
    net->losing = false;
}

static void connected(struct export_net *net)
{
    const int on = 1, limit = (int)(STALL_LIMIT / 1000000);

    setsockopt(net->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    setsockopt(net->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    setsockopt(net->fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof(limit));
    if (net->target->transport == EXPORT_TCP) {
        enter(net, NET_UP);
        return;
    }
    net->tls = export_tls_begin(net->tls_settings, net->fd, net->target->host);
    if (net->tls)
        enter(net, NET_SHAKING);
    else
        down(net, "out of memory");
}

/* Try the addresses from net->address on, each as long as all others failed at once. */
static void try_addresses(struct export_net *net)
{
    const bool udp = net->target->transport == EXPORT_UDP;
    int error = 0;

    for (; net->address; net->address = net->address->ai_next) {
        const struct addrinfo *a = net->address;

        net->fd =
            socket(a->ai_family, a->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, a->ai_protocol);
        if (net->fd >= 0 && connect(net->fd, a->ai_addr, a->ai_addrlen) == 0) {
            if (udp)
                enter(net, NET_UP);
            else
                connected(net);
            return;
        }
        error = errno;
        if (net->fd >= 0 && error == EINPROGRESS) {
            enter(net, NET_CONNECTING);
            return;
        }
        close_socket(net, false);
    }
    down(net, "cannot connect (%s)", strerror(error));
}

static void open_net(struct export_net *net)
{
    const struct addrinfo hints = {
        .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV,
        .ai_family = AF_UNSPEC,
        .ai_socktype = net->target->transport == EXPORT_UDP ? SOCK_DGRAM : SOCK_STREAM};
    const int rc = getaddrinfo(net->target->host, net->target->port, &hints, &net->addresses);

    if (rc) {
        net->addresses = NULL;
        down(net, "cannot find its address (%s)",
             rc == EAI_SYSTEM ? strerror(errno) : gai_strerror(rc));
        return;
    }
    net->address = net->addresses;
    try_addresses(net);
}

struct export_net *export_net_create(struct report *report, const struct export_target *target,
                                     struct export_tls_settings *tls)
{
    struct export_net *net = calloc(1, sizeof(*net));

    if (!net)
        return NULL;
    net->report = report;
    net->target = target;
    net->tls_settings = tls;
    net->fd = -1;
    net->pause = PAUSE_MIN;
    return net;
}

static void finish_connect(struct export_net *net)
{
    struct pollfd p = {.fd = net->fd, .events = POLLOUT};
    int error = 0;
    socklen_t length = sizeof(error);

    if (poll(&p, 1, 0) <= 0) {
        if (report_now_ns() - net->since >= CONNECT_LIMIT) {
            close_socket(net, false);
            net->address = net->address->ai_next;
            if (net->address)
                try_addresses(net);
            else
                down(net, "no connection within %llu s",
                     (unsigned long long)(CONNECT_LIMIT / SECOND_NS));
        }
        return;
    }
    if (getsockopt(net->fd, SOL_SOCKET, SO_ERROR, &error, &length) || !error) {
        connected(net);
        return;
    }
    close_socket(net, false);
    if (net->address->ai_next) {
        net->address = net->address->ai_next;
        try_addresses(net);
    } else {
        down(net, "cannot connect (%s)", strerror(error));
    }
}

static void shake(struct export_net *net)
{
    char why[256];
    const int rc = export_tls_handshake(net->tls, why, sizeof(why));

    if (rc > 0)
        enter(net, NET_UP);
    else if (rc < 0)
        down(net, "%s", why);
    else if (report_now_ns() - net->since >= CONNECT_LIMIT)
        down(net, "no TLS within %llu s", (unsigned long long)(CONNECT_LIMIT / SECOND_NS));
}

/* A collector says nothing; that it has closed is what there is to hear. */
static bool listen_to(struct export_net *net)
{
    char data[4096], why[256];
    ssize_t got = 1;

    if (net->tls) {
        if (export_tls_receive(net->tls, why, sizeof(why)))
            return true;
        down(net, "%s", why);
        return false;
    }
    for (unsigned i = 0; i < 16 && got > 0; i++)
        got = recv(net->fd, data, sizeof(data), MSG_DONTWAIT);
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return true;
    if (got == 0)
        down(net, "it has closed the connection");
    else
        down(net, "the connection has failed (%s)", strerror(errno));
    return false;
}

/* Bytes taken, 0: none now, -1: the connection is down. */
static long write_some(struct export_net *net, const uint8_t *data, size_t length)
{
    char why[256];
    ssize_t sent;

    if (net->tls) {
        sent = export_tls_send(net->tls, data, length, why, sizeof(why));
        if (sent < 0)
            down(net, "%s", why);
        return sent;
    }
    sent = send(net->fd, data, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0)
        return sent;
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    down(net, "the connection has failed (%s)", strerror(errno));
    return -1;
}

static void drain(struct export_net *net)
{
    while (net->first) {
        struct waiting *w = net->first;
        const long sent = write_some(net, w->data + net->sent, w->message.length - net->sent);

        if (sent < 0)
            return;
        if (sent == 0) {
            if (report_now_ns() - net->progress >= STALL_LIMIT)
                down(net, "it has taken nothing for %llu s",
                     (unsigned long long)(STALL_LIMIT / SECOND_NS));
            return;
        }
        net->progress = report_now_ns();
        net->sent += (size_t)sent;
        net->queued -= (size_t)sent;
        if (net->sent < w->message.length)
            continue;
        net->first = w->next;
        if (!net->first)
            net->last = NULL;
        net->sent = 0;
        free(w);
    }
    net->progress = report_now_ns();
}

void export_net_step(struct export_net *net)
{
    if (net->state == NET_DOWN && report_now_ns() >= net->retry_at)
        open_net(net);
    if (net->state == NET_CONNECTING)
        finish_connect(net);
    if (net->state == NET_SHAKING)
        shake(net);
    if (net->state == NET_UP && net->target->transport != EXPORT_UDP && listen_to(net))
        drain(net);
}

bool export_net_ready(const struct export_net *net)
{
    return net->state == NET_UP;
}

bool export_net_fresh(struct export_net *net)
{
    const bool fresh = net->fresh;

    net->fresh = false;
    return fresh;
}

/* ECONNREFUSED is about a datagram before: that one is lost, and this one is tried again. */
static bool send_datagram(struct export_net *net, const struct ipfix_message *message)
{
    ssize_t sent = send(net->fd, message->data, message->length, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (sent < 0 && errno == ECONNREFUSED) {
        net->refused = true;
        lose(net, &net->before, "nobody listens there");
        memset(&net->before, 0, sizeof(net->before));
        sent = send(net->fd, message->data, message->length, MSG_DONTWAIT | MSG_NOSIGNAL);
    } else if (sent >= 0 && net->refused) {
        net->refused = false;
        net->losing = false;
    }
    if (sent >= 0) {
        net->before = *message;
        return true;
    }
    if (errno == EMSGSIZE)
        lose(net, message, "a datagram is too long for the way there; lower --mtu");
    else
        lose(net, message, strerror(errno));
    /* Routes and addresses change: begin anew, but for a queue that is full just now. */
    if (errno != EAGAIN && errno != ENOBUFS && errno != EMSGSIZE && errno != ECONNREFUSED)
        down(net, "cannot send (%s)", strerror(errno));
    return false;
}

bool export_net_send(void *context, const struct ipfix_message *message)
{
    struct export_net *net = context;
    struct waiting *w;

    if (net->state != NET_UP) {
        lose(net, message, "not connected");
        return false;
    }
    if (net->target->transport == EXPORT_UDP)
        return send_datagram(net, message);
    w = net->queued + message->length > EXPORT_QUEUE_MAX ? NULL
                                                         : malloc(sizeof(*w) + message->length);
    if (!w) {
        lose(net, message, "it takes them too slowly");
        return false;
    }
    w->next = NULL;
    w->message = *message;
    w->message.data = NULL;
    memcpy(w->data, message->data, message->length);
    if (net->last)
        net->last->next = w;
    else
        net->first = w;
    net->last = w;
    net->queued += message->length;
    drain(net);
    /* Where the connection broke, this message is counted as lost and a new one is due. */
    return true;
}

size_t export_net_waiting(const struct export_net *net)
{
    return net->queued;
}

void export_net_reconnect(struct export_net *net, const char *why)
{
    if (net->state == NET_DOWN)
        return;
    drop_queue(net, why);
    close_socket(net, net->state == NET_UP);
    forget_addresses(net);
    net->pause = PAUSE_MIN;
    net->retry_at = 0;
}

const struct ipfix_losses *export_net_losses(const struct export_net *net)
{
    return &net->losses;
}

int export_net_fd(const struct export_net *net, short *events)
{
    *events = POLLIN;
    if (net->state == NET_CONNECTING || net->first ||
        (net->state == NET_SHAKING && export_tls_wants_write(net->tls)))
        *events |= POLLOUT;
    return net->state == NET_DOWN || net->target->transport == EXPORT_UDP ? -1 : net->fd;
}

void export_net_close(struct export_net *net, int patience)
{
    const uint64_t end = report_now_ns() + (uint64_t)patience * 1000000;

    while (net->state == NET_UP && net->first && report_now_ns() < end) {
        struct pollfd p;

        p.fd = export_net_fd(net, &p.events);
        poll(&p, 1, 50);
        export_net_step(net);
    }
    close_socket(net, net->state == NET_UP && !net->first);
    drop_queue(net, "the export ends");
    forget_addresses(net);
}

void export_net_free(struct export_net *net)
{
    if (!net)
        return;
    close_socket(net, false);
    drop_queue(net, "the export ends");
    forget_addresses(net);
    free(net);
}
