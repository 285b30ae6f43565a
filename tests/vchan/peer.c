/* SPDX-License-Identifier: ISC */
/*
 * lab-vchan: dom0's end of the interoperation test, with the stock libxenvchan alone.
 * usage: lab-vchan DOMID RING_REF PORT MIB [SIZE]
 *
 * Connects to the image's vchan as a client and streams MIB MiB each way; then serves a vchan with
 * rings of SIZE bytes (default 65536) to the image, and streams as much there.
 */
#include "tests/vchan/stream.h"

#include <libxenvchan.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xenstore.h>

#define PATIENCE_MS 120000

static const char *stage = "start";
static struct stream out, in;
static uint8_t received[STREAM_BLOCK];

static _Noreturn void fail(const char *what)
{
    printf("lab-vchan: FAIL %s: %s; %llu bytes out, %llu in\n", stage, what,
           (unsigned long long)out.place, (unsigned long long)in.place);
    exit(1);
}

static double now(void)
{
    struct timespec at;

    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

static void sleep_on(struct libxenvchan *v)
{
    struct pollfd fd = {.fd = libxenvchan_fd_for_select(v), .events = POLLIN};

    if (poll(&fd, 1, PATIENCE_MS) <= 0)
        fail("nothing happens");
    if (libxenvchan_wait(v) != 0)
        fail("libxenvchan_wait");
}

static void write_node(const char *directory, const char *name, const char *value)
{
    struct xs_handle *xs = xs_open(0);
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    if (!xs || !xs_write(xs, XBT_NULL, path, value, (unsigned)strlen(value)))
        fail("cannot write to XenStore");
    xs_close(xs);
}

static uint32_t read_node(const char *directory, const char *name)
{
    struct xs_handle *xs = xs_open(0);
    unsigned length;
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    char *value = xs ? xs_read(xs, XBT_NULL, path, &length) : NULL;
    if (!value)
        fail("cannot read from XenStore");
    uint32_t number = (uint32_t)strtoul(value, NULL, 10);
    free(value);
    xs_close(xs);
    return number;
}

/** Stream @bytes each way at once, and compare what each end has received. */
static void stream_both(struct libxenvchan *v, uint64_t bytes)
{
    double start = now();
    uint64_t theirs;
    size_t length;

    stream_start(&out, STREAM_TO_IMAGE, bytes);
    stream_start(&in, STREAM_TO_DOM0, bytes);
    v->blocking = 0;
    while (out.place < bytes || in.place < bytes) {
        const uint8_t *next = stream_next(&out, &length);
        int sent = length > 0 ? libxenvchan_write(v, next, length) : 0;
        if (sent < 0)
            fail("libxenvchan_write");
        out.place += (unsigned)sent;
        next = stream_next(&in, &length);
        int got = length > 0 ? libxenvchan_read(v, received, length) : 0;
        if (got < 0)
            fail("libxenvchan_read");
        if (memcmp(next, received, (size_t)got) != 0)
            fail("a wrong byte");
        in.place += (unsigned)got;
        if (sent == 0 && got == 0)
            sleep_on(v);
    }
    v->blocking = 1;
    if (libxenvchan_send(v, &in.place, sizeof(in.place)) != (int)sizeof(in.place) ||
        libxenvchan_recv(v, &theirs, sizeof(theirs)) != (int)sizeof(theirs))
        fail("no count");
    if (theirs != bytes)
        fail("the image has received less");
    double seconds = now() - start;
    printf("lab-vchan: pass %s: %llu bytes each way in %.1f s, %.1f MB/s each way\n", stage,
           (unsigned long long)bytes, seconds, (double)bytes / 1e6 / seconds);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    if (argc < 5)
        fail("usage: lab-vchan DOMID RING_REF PORT MIB [SIZE]");
    int domid = atoi(argv[1]);
    uint64_t bytes = strtoull(argv[4], NULL, 10) << 20;
    size_t size = argc > 5 ? strtoul(argv[5], NULL, 10) : 65536;
    char directory[64];

    stage = "as client";
    snprintf(directory, sizeof(directory), "/local/domain/0/lab-vchan/%d/there", domid);
    write_node(directory, "ring-ref", argv[2]);
    write_node(directory, "event-channel", argv[3]);
    struct libxenvchan *there = libxenvchan_client_init(NULL, domid, directory);
    if (!there)
        fail("libxenvchan_client_init");
    there->blocking = 1;
    struct stream_request request = {.command = STREAM_HERE, .bytes = bytes};
    if (libxenvchan_send(there, &request, sizeof(request)) != (int)sizeof(request))
        fail("libxenvchan_send");
    stream_both(there, bytes);

    stage = "as server";
    snprintf(directory, sizeof(directory), "/local/domain/0/lab-vchan/%d/here", domid);
    struct libxenvchan *here = libxenvchan_server_init(NULL, domid, directory, size, size);
    if (!here)
        fail("libxenvchan_server_init");
    request.command = STREAM_CONNECT;
    request.ring_ref = read_node(directory, "ring-ref");
    request.port = read_node(directory, "event-channel");
    there->blocking = 1;
    if (libxenvchan_send(there, &request, sizeof(request)) != (int)sizeof(request))
        fail("libxenvchan_send");
    stream_both(here, bytes);
    libxenvchan_close(here);
    libxenvchan_close(there);
    printf("lab-vchan: 2 passed, 0 failed\n");
    return 0;
}
