/* SPDX-License-Identifier: ISC */
#include "metrics_http.h"
#include "interrupt.h"
#include "metrics_text.h"
#include "values.h"
#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/socket.h>

/* Who scrapes comes alone and asks little. */
#define CONNECTIONS_MAX 32u
#define TIMEOUT_S       15u
#define MEMORY_MAX      16384u

/* A connection, and when its request is to be answered by; CLOCK_MONOTONIC. */
struct client {
    struct MHD_Connection *connection; /* NULL: nobody */
    uint64_t deadline;
};

struct server {
    metrics_page_fn *page;
    void *context;
    uint64_t limit_ns; /* for a request */
    struct client clients[CONNECTIONS_MAX];
};

static uint64_t new_deadline(const struct server *server)
{
    return report_now_ns() + server->limit_ns;
}

/* Services that are slow to answer are no fault of a client's. */
static char *make_page(struct server *server, size_t *length)
{
    const uint64_t before = report_now_ns();
    char *text = server->page(server->context, length);
    const uint64_t took = report_now_ns() - before;

    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        if (server->clients[i].deadline != UINT64_MAX)
            server->clients[i].deadline += took;
    return text;
}

static struct client *find_client(struct server *server, const struct MHD_Connection *connection)
{
    for (unsigned i = 0; i < CONNECTIONS_MAX; i++)
        if (server->clients[i].connection == connection)
            return &server->clients[i];
    return NULL;
}

static void on_connection(void *context, struct MHD_Connection *connection, void **own,
                          enum MHD_ConnectionNotificationCode what)
{
    const bool begins = what == MHD_CONNECTION_NOTIFY_STARTED;
    struct client *client = find_client(context, begins ? NULL : connection);

    if (client) {
        client->connection = begins ? connection : NULL;
        client->deadline = new_deadline(context);
    }
}

/* Answered; the next one on the same connection has as long again. */
static void on_completed(void *context, struct MHD_Connection *connection, void **seen,
                         enum MHD_RequestTerminationCode how)
{
    struct client *client = find_client(context, connection);

    if (client)
        client->deadline = new_deadline(context);
}

/* The library ends who is silent; who says or takes a byte now and then would stay for ever. */
static void end_slow(struct server *server)
{
    const uint64_t now = report_now_ns();

    for (unsigned i = 0; i < CONNECTIONS_MAX; i++) {
        struct client *client = &server->clients[i];
        const union MHD_ConnectionInfo *info;

        if (!client->connection || now < client->deadline)
            continue;
        info = MHD_get_connection_info(client->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        if (info)
            shutdown(info->connect_fd, SHUT_RDWR);
        client->deadline = UINT64_MAX;
    }
}

static bool parse(const char *where, struct sockaddr_storage *address)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)address;
    const char *colon = strrchr(where, ':');
    char host[64] = "127.0.0.1";
    size_t length = colon ? (size_t)(colon - where) : 0;
    uint32_t port;

    memset(address, 0, sizeof(*address));
    if (length >= sizeof(host) || !value_number(colon ? colon + 1 : where, 1, 65535, &port))
        return false;
    if (length) {
        const bool brackets = where[0] == '[' && where[length - 1] == ']';

        snprintf(host, sizeof(host), "%.*s", (int)(brackets ? length - 2 : length),
                 where + brackets);
    }
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        return where[0] != '[';
    }
    memset(address, 0, sizeof(*address));
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons((uint16_t)port);
    return where[0] == '[' && inet_pton(AF_INET6, host, &v6->sin6_addr) == 1;
}

bool metrics_http_address(const char *where)
{
    struct sockaddr_storage address;

    return parse(where, &address);
}

/* Queue an answer; @text is given away if @owned. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type,
                              char *text, size_t length, bool owned)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        length, text, owned ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_MUST_COPY);
    enum MHD_Result rc;

    if (!response) {
        if (owned)
            free(text);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    rc = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return rc;
}

static enum MHD_Result answer_words(struct MHD_Connection *connection, unsigned status,
                                    const char *words)
{
    char copy[200];

    snprintf(copy, sizeof(copy), "%s", words);
    return answer(connection, status, "text/html; charset=utf-8", copy, strlen(copy), false);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **seen)
{
    struct server *server = context;
    size_t length;
    char *text;

    /* Called for the headers first; only then may an answer be queued. */
    if (!*seen) {
        *seen = connection;
        return MHD_YES;
    }
    if (*data_size) {
        *data_size = 0; /* bodies are of no use here */
        return MHD_YES;
    }
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return answer_words(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET is what there is.\n");
    if (strcmp(url, "/") == 0)
        return answer_words(connection, MHD_HTTP_OK,
                            "<!DOCTYPE html><html lang=\"en\"><title>Atoll</title>"
                            "<p>Atoll: <a href=\"/metrics\">metrics</a></p></html>\n");
    if (strcmp(url, "/metrics") != 0)
        return answer_words(connection, MHD_HTTP_NOT_FOUND, "There is only /metrics.\n");
    text = make_page(server, &length);
    if (!text)
        return answer_words(connection, MHD_HTTP_SERVICE_UNAVAILABLE,
                            "The services cannot be asked; the log says why.\n");
    return answer(connection, MHD_HTTP_OK, METRICS_CONTENT_TYPE, text, length, true);
}

static int run(struct report *report, struct server *server, struct MHD_Daemon *daemon)
{
    interrupt_install();
    while (!interrupt_pending()) {
        struct timeval wait = {.tv_sec = 1};
        MHD_UNSIGNED_LONG_LONG timeout;
        fd_set in, out, error;
        int highest = interrupt_fd();

        FD_ZERO(&in);
        FD_ZERO(&out);
        FD_ZERO(&error);
        FD_SET(interrupt_fd(), &in);
        if (MHD_get_fdset(daemon, &in, &out, &error, &highest) != MHD_YES)
            return report_fail(report, ATOLL_FAILURE, "the web server has failed");
        if (MHD_get_timeout(daemon, &timeout) == MHD_YES && timeout < 1000) {
            wait.tv_sec = 0;
            wait.tv_usec = (suseconds_t)timeout * 1000;
        }
        if (interrupt_fd() > highest)
            highest = interrupt_fd();
        if (select(highest + 1, &in, &out, &error, &wait) < 0 && errno != EINTR)
            return report_fail(report, ATOLL_FAILURE, "cannot wait (%s)", strerror(errno));
        end_slow(server);
        MHD_run(daemon);
    }
    return 0;
}

int metrics_http_serve(struct report *report, const char *where, metrics_page_fn *page,
                       void *context, unsigned limit_ms)
{
    struct server server = {
        .page = page, .context = context, .limit_ns = limit_ms * UINT64_C(1000000)};
    struct sockaddr_storage address;
    struct MHD_Daemon *daemon;
    int rc;

    if (!parse(where, &address))
        return report_fail(report, ATOLL_USAGE, "%s is no ADDRESS:PORT", where);
    daemon = MHD_start_daemon(
        address.ss_family == AF_INET6 ? MHD_USE_IPv6 : MHD_NO_FLAG, 0, NULL, NULL, on_request,
        &server, MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
        MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)MEMORY_MAX, MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, &server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, &server, MHD_OPTION_END);
    if (!daemon)
        return report_fail(report, errno == EACCES ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                           "cannot listen at %s (%s); is somebody else there?", where,
                           strerror(errno));
    report_step(report, "listening at %s", where);
    rc = run(report, &server, daemon);
    MHD_stop_daemon(daemon);
    return rc;
}
