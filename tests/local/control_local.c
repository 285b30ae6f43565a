/* SPDX-License-Identifier: ISC */
/*
 * control-local: a service's control server on the simulator, behind a Unix socket, so that clients
 * that share no code with it can be tried on any Linux machine. Each connection of the socket is a
 * client of dom0 with a vchan of its own; bytes go to and fro as they are.
 */
#include <errno.h>
#include <hv/time.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/control/control_host.h"

enum {
    PATIENCE_MS = 5, /* how often rings are looked at while the sockets are silent */
    BUFFER = 2048,
    RUN_STEPS = 100000,
};

/* Bytes on their way in one direction. */
struct stretch {
    uint8_t data[BUFFER];
    size_t at, length;
};

struct pair {
    int fd; /* -1: none */
    struct host_client client;
    struct stretch in, out; /* to the service, from it */
    bool eof;               /* the socket's end was read */
};

static volatile sig_atomic_t stopping;

static void stop(int number)
{
    stopping = 1;
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "control-local: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int listen_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(address.sun_path)) {
        errno = ENAMETOOLONG;
        fail(path);
    }
    memcpy(address.sun_path, path, strlen(path));
    unlink(path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, SOMAXCONN))
        fail(path);
    return fd;
}

static uint64_t monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * HV_SEC + (uint64_t)now.tv_nsec;
}

static void pair_close(struct pair *pair)
{
    host_client_close(&pair->client);
    close(pair->fd);
    pair->fd = -1;
}

/* Move what can be moved, both ways. False: the connection is over. */
static bool pair_move(struct pair *pair, bool *any)
{
    struct stretch *in = &pair->in, *out = &pair->out;
    ssize_t moved;

    if (in->at == in->length && !pair->eof) {
        moved = recv(pair->fd, in->data, sizeof(in->data), 0);
        if (moved < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        pair->eof = moved == 0;
        in->at = 0;
        in->length = moved > 0 ? (size_t)moved : 0;
    }
    if (in->at < in->length) {
        moved = vchan_write(&pair->client.v, in->data + in->at, in->length - in->at);
        if (moved > 0)
            in->at += (size_t)moved, *any = true;
    } else if (pair->eof) {
        return false;
    }
    if (out->at == out->length) {
        moved = vchan_read(&pair->client.v, out->data, sizeof(out->data));
        if (moved < 0)
            return false;
        out->at = 0;
        out->length = (size_t)moved;
    }
    if (out->at < out->length) {
        moved = send(pair->fd, out->data + out->at, out->length - out->at, MSG_NOSIGNAL);
        if (moved < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (moved > 0)
            out->at += (size_t)moved, *any = true;
    }
    return true;
}

static void pair_accept(struct control_host *host, int listener, struct pair *pairs)
{
    for (unsigned i = 0; i < CONTROL_HOST_CLIENTS && host->ring_ref != 0; i++) {
        if (pairs[i].fd >= 0)
            continue;
        int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0)
            return;
        pairs[i] = (struct pair){.fd = fd};
        if (!host_client_connect(host, &pairs[i].client)) {
            fprintf(stderr, "control-local: cannot connect\n");
            exit(1);
        }
    }
}

static void serve(struct control_host *host, int listener, struct pair *pairs)
{
    uint64_t start = monotonic() - sim_now(host->sim);

    while (!stopping && host->stopped == 0) {
        struct pollfd polls[CONTROL_HOST_CLIENTS + 1] = {{.fd = listener, .events = POLLIN}};
        bool any;

        for (unsigned i = 0; i < CONTROL_HOST_CLIENTS; i++)
            polls[i + 1] = (struct pollfd){.fd = pairs[i].fd, .events = POLLIN};
        /* A ring has no descriptor, and a socket may be full: so never for long. */
        (void)poll(polls, CONTROL_HOST_CLIENTS + 1, PATIENCE_MS);
        do {
            any = false;
            sim_run(host->sim, monotonic() - start, RUN_STEPS);
            pair_accept(host, listener, pairs);
            for (unsigned i = 0; i < CONTROL_HOST_CLIENTS; i++)
                if (pairs[i].fd >= 0 && !pair_move(&pairs[i], &any))
                    pair_close(&pairs[i]);
        } while (any && !stopping);
    }
}

int main(int argc, char **argv)
{
    struct sigaction action = {.sa_handler = stop};
    struct pair pairs[CONTROL_HOST_CLIENTS];
    struct control_host *host;
    int listener;

    if (argc != 2) {
        fputs("usage: control-local SOCKET\n", stderr);
        return 2;
    }
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    listener = listen_at(argv[1]);
    host = control_host_create(1, 0);
    for (unsigned i = 0; i < CONTROL_HOST_CLIENTS; i++)
        pairs[i].fd = -1;
    puts("control-local: ready");
    fflush(stdout);
    serve(host, listener, pairs);

    /* Ending in good order lets the simulator check that nothing was left behind. */
    printf("control-local: %s\n", host->stopped > 0 ? "stopped" : "ended");
    for (unsigned i = 0; i < CONTROL_HOST_CLIENTS; i++)
        if (pairs[i].fd >= 0)
            pair_close(&pairs[i]);
    unlink(argv[1]);
    close(listener);
    control_host_destroy(host);
    return 0;
}
