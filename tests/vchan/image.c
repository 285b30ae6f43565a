/* SPDX-License-Identifier: ISC */
/*
 * A unikernel that serves a vchan to dom0, for libxenvchan as the client, and connects to one that
 * libxenvchan serves; streams go both ways (stream.h). Its console says the numbers that a client
 * needs, "vchan: ring-ref R event-channel P", and how each stream went. The words of its command
 * line: left=ORDER, right=ORDER.
 */
#include "common/vchan.h"
#include "tests/vchan/stream.h"

#include <errno.h>
#include <hv/console.h>
#include <hv/time.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE (120 * HV_SEC) /**< without any byte: the other end has stopped */

struct image {
    struct hv *hv;
    struct vchan server, client;
    struct stream out, in;
    uint8_t received[STREAM_BLOCK];
};

static void __attribute__((format(printf, 2, 3))) say(struct hv *hv, const char *format, ...)
{
    char line[200];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    hv_console_write(hv, line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
}

/** Sleep until something happens, a second at most. */
static void doze(struct hv *hv)
{
    hv_wait(hv, hv_now(hv) + HV_SEC);
    while (hv_evtchn_next(hv) != 0)
        ;
}

/** Read @length bytes, or write them. 0, -ETIMEDOUT, or what the vchan says. */
static int transfer(struct vchan *v, void *data, size_t length, bool reading)
{
    uint64_t end = hv_now(v->hv) + PATIENCE;
    uint8_t *at = data;

    while (length > 0) {
        int count = reading ? vchan_read(v, at, length) : vchan_write(v, at, length);
        if (count < 0)
            return count;
        at += count;
        length -= (size_t)count;
        if (hv_now(v->hv) > end)
            return -ETIMEDOUT;
        if (length > 0)
            doze(v->hv);
    }
    return 0;
}

/** As much of both streams as there is now. True: something moved. -EBADMSG: a wrong byte. */
static int pump(struct image *image, struct vchan *v)
{
    size_t length;
    const uint8_t *bytes = stream_next(&image->out, &length);
    int sent = length > 0 ? vchan_write(v, bytes, length) : 0;

    if (sent < 0)
        return sent;
    image->out.place += (unsigned)sent;
    bytes = stream_next(&image->in, &length);
    int got = length > 0 ? vchan_read(v, image->received, length) : 0;
    if (got < 0)
        return got;
    if (memcmp(bytes, image->received, (size_t)got) != 0)
        return -EBADMSG;
    image->in.place += (unsigned)got;
    return sent > 0 || got > 0;
}

/** Stream @bytes each way, and compare what each end has received. */
static int stream_both(struct image *image, struct vchan *v, uint64_t bytes)
{
    struct hv *hv = image->hv;
    uint64_t start = hv_now(hv), moved = start, theirs = 0;
    int rc = 0;

    stream_start(&image->out, STREAM_TO_DOM0, bytes);
    stream_start(&image->in, STREAM_TO_IMAGE, bytes);
    while (rc >= 0 && (image->out.place < bytes || image->in.place < bytes)) {
        rc = pump(image, v);
        if (rc > 0) {
            moved = hv_now(hv);
        } else if (rc == 0) {
            doze(hv);
            if (hv_now(hv) > moved + PATIENCE)
                rc = -ETIMEDOUT;
        }
    }
    if (rc >= 0)
        rc = transfer(v, &image->in.place, sizeof(image->in.place), false);
    if (rc == 0)
        rc = transfer(v, &theirs, sizeof(theirs), true);
    if (rc == 0 && theirs != bytes)
        rc = -EBADMSG;
    say(hv, "vchan: %s as %s: %llu bytes out, %llu in, %llu ms, error %d\n",
        rc == 0 ? "pass" : "FAIL", v->server ? "server" : "client",
        (unsigned long long)image->out.place, (unsigned long long)image->in.place,
        (unsigned long long)((hv_now(hv) - start) / HV_MSEC), rc);
    return rc;
}

/** Be the client of a vchan of dom0's. */
static void connect_and_stream(struct image *image, const struct stream_request *request)
{
    struct vchan *v = &image->client;
    int rc = vchan_client_open(v, image->hv, 0, request->ring_ref, request->port);

    if (rc != 0) {
        say(image->hv, "vchan: FAIL as client: cannot connect to %u, %u: error %d\n",
            request->ring_ref, request->port, rc);
        return;
    }
    if (stream_both(image, v, request->bytes) == 0) {
        while (vchan_state(v) == VCHAN_OPEN && !vchan_peer_gone(v)) /* it has all that was sent */
            doze(image->hv);
    }
    HV_ASSERT(vchan_close(v) == 0);
}

/** Serve one client until it is gone. */
static void serve(struct image *image)
{
    struct vchan *v = &image->server;
    struct stream_request request;

    for (;;) {
        int rc = vchan_readable(v, sizeof(request));
        if (rc < 0 || ((size_t)rc < sizeof(request) &&
                       (vchan_peer_gone(v) || vchan_state(v) == VCHAN_BROKEN)))
            return;
        if ((size_t)rc < sizeof(request)) {
            doze(image->hv);
            continue;
        }
        HV_ASSERT(vchan_read(v, &request, sizeof(request)) == (int)sizeof(request));
        if (request.command == STREAM_CONNECT)
            connect_and_stream(image, &request);
        else if (request.command != STREAM_HERE || stream_both(image, v, request.bytes) != 0)
            return;
    }
}

static unsigned option(const char *cmdline, const char *name, unsigned otherwise)
{
    const char *at = strstr(cmdline, name);

    return at ? (unsigned)strtoul(at + strlen(name), NULL, 10) : otherwise;
}

void hv_main(struct hv *hv)
{
    unsigned left = option(hv_cmdline(hv), "left=", 16);
    unsigned right = option(hv_cmdline(hv), "right=", 16);
    struct image *image = hv_page_alloc(hv, sizeof(*image) / HV_PAGE_SIZE + 1);
    void *pages = hv_page_alloc(hv, vchan_pages(left, right));

    hv_seal(hv);
    HV_ASSERT(image != NULL && pages != NULL);
    image->hv = hv;
    for (;;) {
        HV_ASSERT(vchan_server_open(&image->server, hv, 0, left, right, pages) == 0);
        say(hv, "vchan: ring-ref %u event-channel %u\n", image->server.ring_ref,
            image->server.port);
        serve(image);
        int rc = vchan_close(&image->server);
        while (rc == -EAGAIN) {
            doze(hv);
            rc = vchan_release(&image->server);
        }
        say(hv, "vchan: released\n");
    }
}
