/* SPDX-License-Identifier: ISC */
/**
 * @file
 * The web server of `atoll metrics --listen` on the bytes of strangers: the first of them says into
 * how many pieces (low 2 bits) and connections (next 2 bits) the rest is cut. Whatever they get,
 * who asks afterwards has the whole page.
 */
#include "check.h"
#include "input.h"
#include "metrics_http.h"
#include "metrics_text.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE        "atoll_x 1\n"
#define CONNECTIONS 4u
/* Of a request in the server, which has 32 KiB at most. */
#define INPUT_MAX 65536u

static struct sockaddr_in address = {.sin_family = AF_INET};

static char *page(void *context, size_t *length)
{
    (void)context;
    *length = strlen(PAGE);
    return strdup(PAGE);
}

static void *serve(void *where)
{
    struct report report;
    int rc;

    report_init(&report, "metrics", stderr, 0);
    rc = metrics_http_serve(&report, where, page, NULL, METRICS_HTTP_LIMIT_MS);
    ck_abort_msg("the server has ended: %d", rc);
}

static int dial(void)
{
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    /* Thousands of connections a second: none may wait in TIME_WAIT. */
    const struct linger reset = {.l_onoff = 1};

    ck_assert(fd >= 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        close(fd);
        return -1;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
    return fd;
}

static void begin(void)
{
    static char where[24];
    socklen_t length = sizeof(address);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    pthread_t thread;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert(bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0);
    ck_assert(getsockname(fd, (struct sockaddr *)&address, &length) == 0);
    close(fd);
    snprintf(where, sizeof(where), "127.0.0.1:%u", ntohs(address.sin_port));
    ck_assert(pthread_create(&thread, NULL, serve, where) == 0);
    for (unsigned i = 0; i < 500; i++) {
        const int tried = dial();

        if (tried >= 0) {
            close(tried);
            return;
        }
        usleep(10000);
    }
    ck_abort_msg("nobody listens at %s", where);
}

/* What the server says until it has no more to say, for @patience_ms at most. */
static size_t listen_to(int fd, char *answer, size_t size, int patience_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    size_t have = 0;
    ssize_t got;

    while (have + 1 < size && poll(&p, 1, patience_ms) == 1) {
        got = recv(fd, answer + have, size - 1 - have, MSG_DONTWAIT);
        if (got <= 0)
            break;
        have += (size_t)got;
    }
    answer[have] = 0;
    return have;
}

static void check_honest(void)
{
    static const char request[] = "GET /metrics HTTP/1.0\r\n\r\n";
    char answer[1024];
    const int fd = dial();

    ck_assert(fd >= 0);
    ck_assert(send(fd, request, strlen(request), MSG_NOSIGNAL) == (ssize_t)strlen(request));
    listen_to(fd, answer, sizeof(answer), 10000);
    ck_assert_msg(strncmp(answer, "HTTP/1.", 7) == 0 && strstr(answer, " 200 ") &&
                      strstr(answer, "Content-Type: " METRICS_CONTENT_TYPE "\r\n") &&
                      strstr(answer, "\r\n\r\n" PAGE),
                  "%s", answer);
    close(fd);
}

static void say(int fd, const uint8_t *data, size_t size, unsigned pieces)
{
    for (unsigned i = 0; i < pieces; i++) {
        const size_t from = size * i / pieces, to = size * (i + 1) / pieces;

        if (send(fd, data + from, to - from, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            return;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const unsigned pieces = size ? 1 + (data[0] & 3) : 1,
                   connections = size ? 1 + (data[0] >> 2 & 3) : 1;
    static char answer[2 * INPUT_MAX];
    int fds[CONNECTIONS];

    if (size < 2 || size > INPUT_MAX)
        return 0;
    if (!address.sin_port)
        begin();
    data++;
    size--;
    for (unsigned i = 0; i < connections; i++) {
        const size_t from = size * i / connections, to = size * (i + 1) / connections;

        fds[i] = dial();
        if (fds[i] >= 0)
            say(fds[i], data + from, to - from, pieces);
    }
    check_honest();
    for (unsigned i = 0; i < connections; i++) {
        if (fds[i] < 0)
            continue;
        if (listen_to(fds[i], answer, sizeof(answer), 0))
            ck_assert_msg(strncmp(answer, "HTTP/1.", 7) == 0, "%.100s", answer);
        close(fds[i]);
    }
    return 0;
}
