/* SPDX-License-Identifier: ISC */
#include "control_link.h"
#include "control_queue.h"
#include "hv/linux/linux.h"
#include "interrupt.h"
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define PAUSE_FIRST (1 * HV_MSEC)
#define PAUSE_LAST  (100 * HV_MSEC)
#define PAUSE_QUEUE (200 * HV_MSEC) /* waiting for our turn */

/* How many times its timeout a client waits for the next of the others to connect, once one has;
 * and how long in all. */
#define BUSY_TIMEOUTS  3u
#define QUEUE_TIMEOUTS 12u

/* A domain that dies raises no event for us: how often we look. What we map of it keeps its
 * successor from its domid. */
#define LOOK_INTERVAL (80 * HV_MSEC)

/* After so long it is said what is waited for. */
#define TELL_AFTER HV_SEC

/* A service that has closed may be about to end. */
#define CLOSE_GRACE (300 * HV_MSEC)

/* The most that one request to XenStore is waited for: dom0 may be very busy. */
#define STORE_TIMEOUT_MS 10000u

/* Somebody looks on, and has seen nothing for a second. */
static void tell(struct control_link *link, uint64_t now)
{
    if (!link->since || now < link->since + TELL_AFTER)
        return;
    link->since = 0;
    if (isatty(fileno(link->report->out)))
        report_note(link->report, "waiting for %s (domain %u)", link->service->name,
                    link->service->domid);
}

/* Sleep until something happens or @deadline. -EINTR, or 0. */
static int link_sleep(struct control_link *link, uint64_t deadline)
{
    tell(link, hv_now(link->hv));
    hv_linux_wait(link->hv, deadline, link->parting ? -1 : interrupt_fd());
    while (hv_evtchn_next(link->hv) != 0) {
    }
    return interrupt_pending() && !link->parting ? -EINTR : 0;
}

/* Sleep until @deadline, whatever happens but an interrupt. */
static int link_pause(struct control_link *link, uint64_t deadline)
{
    int rc = 0;

    while (rc == 0 && hv_now(link->hv) < deadline)
        rc = link_sleep(link, deadline);
    return rc;
}

/* Half to one and a half of @pause, drawn anew each time: clients that met once shall not again. */
static uint64_t with_jitter(struct hv *hv, uint64_t pause)
{
    uint32_t draw;

    hv_random(hv, &draw, sizeof(draw));
    return pause / 2 + pause * (draw >> 16) / 65536;
}

static enum link_obstacle obstacle_of(int numbers_error)
{
    switch (numbers_error) {
    case -ENOENT:
    case -EAGAIN:
        return LINK_UNPUBLISHED;
    case -ETIMEDOUT:
        return LINK_NO_STORE;
    case -EINVAL:
        return LINK_FOREIGN;
    default:
        return LINK_STORE_ERROR;
    }
}

/* Is there no use in trying again? Then the device of XenStore is missing or forbidden. */
static bool hopeless(const struct link_failure *failure)
{
    return failure->obstacle == LINK_STORE_ERROR &&
           (failure->error == -ENODEV || failure->error == -EACCES || failure->error == -EPERM);
}

/* Milliseconds for a request to XenStore, at least one. */
static int store_timeout(uint64_t now, uint64_t deadline)
{
    const uint64_t left = now < deadline ? (deadline - now) / HV_MSEC : 0;

    return left > STORE_TIMEOUT_MS ? (int)STORE_TIMEOUT_MS : (int)left + 1;
}

/* One attempt: 0, or an error and @failure. */
static int try_connect(struct control_link *link, uint64_t deadline, struct link_failure *failure)
{
    const uint64_t asked = hv_now(link->hv);
    struct control_numbers numbers;
    int rc = control_service_numbers(link->service, store_timeout(asked, deadline), &numbers);

    if (rc) {
        /* So short before the deadline it says nothing of XenStore. */
        if (rc != -ETIMEDOUT || hv_now(link->hv) >= asked + TELL_AFTER)
            *failure = (struct link_failure){obstacle_of(rc), rc};
        return rc;
    }
    rc = vchan_client_open(&link->v, link->hv, (domid_t)link->service->domid, numbers.ring_ref,
                           numbers.port);
    if (rc)
        *failure = (struct link_failure){rc == -EPROTO ? LINK_FOREIGN : LINK_UNPUBLISHED, rc};
    return rc;
}

/* What link_connect() knows between two attempts. */
struct attempt {
    struct control_queue queue;
    bool entered;      /* it is our turn */
    uint64_t patience; /* how long to wait while nobody gets a connection */
    uint64_t deadline; /* when that ends */
    uint64_t limit;    /* the end, whatever happens */
    uint64_t pause;
};

/* Others connect: the service serves, dom0 is busy, and our turn will come. */
static void watch_queue(struct control_link *link, struct attempt *a, uint64_t timeout)
{
    const uint64_t now = hv_now(link->hv);

    if (control_queue_moved(&a->queue)) {
        a->patience = BUSY_TIMEOUTS * timeout;
        a->deadline = now + a->patience < a->limit ? now + a->patience : a->limit;
    }
    /* Nobody has connected for long: whoever holds the turn was stopped, maybe. */
    if (!a->entered)
        a->entered = control_queue_enter(&a->queue) || now + a->patience / 2 >= a->deadline;
}

static int connect_in_turn(struct control_link *link, struct attempt *a, uint64_t timeout,
                           struct link_failure *failure)
{
    for (;;) {
        uint64_t now, until, last;
        int rc;

        watch_queue(link, a, timeout);
        if (a->entered && try_connect(link, a->deadline, failure) == 0)
            return 0;
        now = hv_now(link->hv);
        /* Not each time: of those who wait there may be many, and a hypercall is dear. */
        if (a->entered || now >= link->looked + LOOK_INTERVAL) {
            link->looked = now;
            if (control_service_end(link->service))
                return -ESRCH;
        }
        if (now >= a->deadline || hopeless(failure))
            return -ETIMEDOUT;
        until = now + with_jitter(link->hv, a->pause);
        last = a->entered ? PAUSE_LAST : PAUSE_QUEUE;
        a->pause = 2 * a->pause < last ? 2 * a->pause : last;
        rc = link_pause(link, until < a->deadline ? until : a->deadline);
        if (rc)
            return rc;
    }
}

int link_connect(struct control_link *link, uint64_t timeout, struct link_failure *failure)
{
    const uint64_t now = hv_now(link->hv);
    struct attempt a = {.patience = timeout,
                        .deadline = now + timeout,
                        .limit = now + QUEUE_TIMEOUTS * timeout,
                        .pause = PAUSE_FIRST};
    int rc;

    *failure = (struct link_failure){LINK_UNPUBLISHED, -ENOENT};
    link->since = now;
    control_queue_open(&a.queue, link->service->domid);
    rc = connect_in_turn(link, &a, timeout, failure);
    control_queue_leave(&a.queue, rc == 0);
    if (rc)
        return rc;
    link->connected = true;
    link->have = 0;
    link->looked = hv_now(link->hv);
    return 0;
}

void link_close(struct control_link *link)
{
    if (!link->connected)
        return;
    link->connected = false;
    HV_ASSERT(vchan_close(&link->v) == 0); /* only a server's grants may be in use still */
}

/* Wait until bytes can move again. */
static int link_wait(struct control_link *link, uint64_t deadline)
{
    const uint64_t now = hv_now(link->hv);
    uint64_t next;

    if (interrupt_pending() && !link->parting)
        return -EINTR;
    if (now >= deadline)
        return -ETIMEDOUT;
    if (now >= link->looked + LOOK_INTERVAL) {
        link->looked = now;
        if (control_service_end(link->service))
            return -ESRCH;
        /* What it wrote before it closed was read: whoever waits has found nothing. */
        if (vchan_peer_gone(&link->v) && vchan_readable(&link->v, 1) == 0)
            return -EPIPE;
    }
    next = link->looked + LOOK_INTERVAL;
    return link_sleep(link, next < deadline ? next : deadline);
}

/* The service has closed. One that ends in good order closes first: give its domain the time. */
static int closed(struct control_link *link)
{
    for (int i = 0; i < 10; i++) {
        if (control_service_end(link->service))
            return -ESRCH;
        if (link_pause(link, hv_now(link->hv) + CLOSE_GRACE / 10))
            break;
    }
    return -EPIPE;
}

int link_write(struct control_link *link, const void *data, size_t length, uint64_t deadline)
{
    const uint8_t *at = data;

    while (length > 0) {
        int n = vchan_write(&link->v, at, length);

        if (n < 0)
            return n == -EPIPE ? closed(link) : n;
        at += n;
        length -= (size_t)n;
        if (n == 0) {
            int rc = link_wait(link, deadline);
            if (rc)
                return rc;
        }
    }
    return 0;
}

/* How long the frame under way is, as far as that is known. 0: it cannot be. */
static size_t frame_size(const struct control_link *link)
{
    struct control_header header;

    if (link->have < CONTROL_HEADER)
        return CONTROL_HEADER;
    return control_header_decode(link->frame, &header) ? header.length : 0;
}

int link_take(struct control_link *link, struct control_header *header)
{
    size_t size;

    while ((size = frame_size(link)) > link->have) {
        int n = vchan_read(&link->v, link->frame + link->have, size - link->have);

        if (n < 0)
            return n == -EPIPE ? closed(link) : n;
        if (n == 0)
            return 0;
        link->have += (size_t)n;
    }
    if (!control_header_decode(link->frame, header) || !control_check(link->frame, link->have))
        return -EPROTO;
    return 1;
}

int link_wait_frame(struct control_link *link, uint64_t deadline, struct control_header *header)
{
    link->since =
        deadline == HV_NEVER ? 0 : hv_now(link->hv); /* a stream that waits is no wonder */
    for (;;) {
        int rc = link_take(link, header);

        if (rc)
            return rc < 0 ? rc : 0;
        rc = link_wait(link, deadline);
        if (rc)
            return rc;
    }
}

void link_drop_frame(struct control_link *link)
{
    link->have = 0;
}
