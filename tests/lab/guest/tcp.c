/* SPDX-License-Identifier: ISC */
/*
 * lab-tcp, in a guest: bytes there and back, compared. Static.
 *
 *   lab-tcp serve PORT                    sends back what comes, on any address, for ever
 *   lab-tcp exchange ADDRESS PORT BYTES   pseudo-random bytes, sent and awaited at the same time;
 *                                         fails unless the same come back
 *   lab-tcp beat ADDRESS PORT BYTES MS    on one connection, until SIGTERM: so many bytes there and
 *                                         back, compared, then a pause. Says how often, and the
 *                                         longest that it took, in microseconds, worst first
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 20000

static int fail(const char *what)
{
    fprintf(stderr, "lab-tcp: %s: %s\n", what, strerror(errno));
    return 1;
}

static uint8_t next_byte(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return (uint8_t)(*state >> 24);
}

static int serve(const char *port)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_port = htons((uint16_t)atoi(port))};
    int fd = socket(AF_INET6, SOCK_STREAM, 0), one = 1;

    signal(SIGCHLD, SIG_IGN);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0)
        return fail("bind");
    for (;;) {
        int client = accept(fd, NULL, NULL);
        char data[65536];
        ssize_t got;

        if (client < 0 || fork() != 0) {
            close(client);
            continue;
        }
        while ((got = recv(client, data, sizeof(data), 0)) > 0)
            if (send(client, data, (size_t)got, MSG_NOSIGNAL) != got) /* it waits until all is */
                break;
        _exit(0);
    }
}

static int connected(const char *where, const char *port)
{
    int family = strchr(where, ':') ? AF_INET6 : AF_INET;
    struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&address;
    struct sockaddr_in *v4 = (struct sockaddr_in *)&address;
    bool six = family == AF_INET6;
    int fd = socket(family, SOCK_STREAM, 0);

    v4->sin_port = htons((uint16_t)atoi(port)); /* at the same place in both */
    if (inet_pton(family, where, six ? (void *)&v6->sin6_addr : (void *)&v4->sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&address, six ? sizeof(*v6) : sizeof(*v4)) < 0)
        return -1;
    return fd;
}

static int exchange(const char *where, const char *port, size_t bytes)
{
    int fd = connected(where, port);
    size_t sent = 0, got = 0, filled = 0, used = 0;
    uint32_t out = 1, in = 1;
    static uint8_t data[65536];

    if (fd < 0)
        return fail(where);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    while (got < bytes) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        uint8_t back[65536];
        ssize_t count;

        if (sent < bytes)
            waiting.events |= POLLOUT;
        if (poll(&waiting, 1, PATIENCE_MS) <= 0) {
            fprintf(stderr, "lab-tcp: nothing moves after %zu bytes there, %zu back\n", sent, got);
            return 1;
        }
        if (used == filled && sent < bytes)
            for (used = filled = 0; filled < sizeof(data) && sent + filled < bytes; filled++)
                data[filled] = next_byte(&out);
        if (used < filled && (waiting.revents & POLLOUT)) {
            count = send(fd, data + used, filled - used, MSG_NOSIGNAL);
            if (count < 0 && errno != EAGAIN)
                return fail("send");
            used += count > 0 ? (size_t)count : 0;
            sent += count > 0 ? (size_t)count : 0;
        }
        count = recv(fd, back, sizeof(back), 0);
        if (count == 0 || (count < 0 && errno != EAGAIN))
            return fail("recv");
        for (ssize_t i = 0; i < count; i++, got++) {
            if (back[i] != next_byte(&in)) {
                fprintf(stderr, "lab-tcp: byte %zu is another\n", got);
                return 1;
            }
        }
    }
    return 0;
}

static volatile sig_atomic_t ended;

static void end(int signal)
{
    (void)signal;
    ended = 1;
}

static int64_t now_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

#define WORST 128 /* as many as an answer of the agent holds */

/* Keep the longest ones, worst first. */
static void note_worst(int64_t worst[WORST], int64_t took)
{
    unsigned at = WORST;

    while (at > 0 && worst[at - 1] < took)
        at--;
    if (at == WORST)
        return;
    memmove(worst + at + 1, worst + at, (WORST - 1 - at) * sizeof(*worst));
    worst[at] = took;
}

/* All of it there and back. 0, or 1 with the cause on stderr. */
static int beat_once(int fd, size_t bytes, uint32_t *state)
{
    static uint8_t data[65536], back[65536];
    size_t sent = 0, got = 0;

    for (size_t i = 0; i < bytes; i++)
        data[i] = next_byte(state);
    while (got < bytes) {
        struct pollfd waiting = {.fd = fd,
                                 .events = (short)(sent < bytes ? POLLIN | POLLOUT : POLLIN)};
        ssize_t count = 0;
        int ready = poll(&waiting, 1, PATIENCE_MS);

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready <= 0) {
            fprintf(stderr, "lab-tcp: nothing moves after %zu bytes there, %zu back\n", sent, got);
            return 1;
        }
        if (waiting.revents & POLLOUT)
            count = send(fd, data + sent, bytes - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (count < 0 && errno != EAGAIN && errno != EINTR)
            return fail("send");
        sent += count > 0 ? (size_t)count : 0;
        count = recv(fd, back, sizeof(back), MSG_DONTWAIT);
        if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
            return fail("recv");
        if (count > 0 && (got + (size_t)count > bytes || memcmp(back, data + got, (size_t)count))) {
            fprintf(stderr, "lab-tcp: other bytes than were sent, from %zu on\n", got);
            return 1;
        }
        got += count > 0 ? (size_t)count : 0;
    }
    return 0;
}

static int beat(const char *where, const char *port, size_t bytes, unsigned pause_ms)
{
    static int64_t worst[WORST];
    int fd = connected(where, port), one = 1;
    uint32_t state = 1;
    uint64_t beats = 0;

    if (fd < 0 || bytes > 65536)
        return fail(where);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    signal(SIGTERM, end);
    while (!ended) {
        int64_t begin = now_us();

        if (beat_once(fd, bytes, &state))
            return 1;
        note_worst(worst, now_us() - begin);
        beats++;
        usleep(pause_ms * 1000);
    }
    printf("beats %llu worst", (unsigned long long)beats);
    for (unsigned i = 0; i < WORST && worst[i]; i++)
        printf(" %lld", (long long)worst[i]);
    printf("\n");
    return 0;
}

int main(int count, char **words)
{
    if (count == 3 && strcmp(words[1], "serve") == 0)
        return serve(words[2]);
    if (count == 5 && strcmp(words[1], "exchange") == 0)
        return exchange(words[2], words[3], strtoul(words[4], NULL, 10));
    if (count == 6 && strcmp(words[1], "beat") == 0)
        return beat(words[2], words[3], strtoul(words[4], NULL, 10), (unsigned)atoi(words[5]));
    fprintf(stderr, "usage: lab-tcp serve PORT | exchange ADDRESS PORT BYTES | "
                    "beat ADDRESS PORT BYTES MS\n");
    return 2;
}
