/* SPDX-License-Identifier: ISC */
#include "common/listener.h"

#include <hv/time.h>

#include <errno.h>

/** How often connected clients are asked after, and pages that a client was slow to unmap. */
#define POLL_PERIOD HV_SEC

/**
 * How long a client may have the port without connecting, and how often a ring that nobody has
 * connected to is looked at while there is nothing else to poll for.
 */
#define CONNECT_DEADLINE (2 * HV_SEC)

/** From the first try to unmap to the next, doubled until it is POLL_PERIOD. */
#define DRAIN_FIRST (5 * HV_MSEC)

/** From the first failure to publish to the next try, doubled up to the longest. */
#define RETRY_FIRST   (50 * HV_MSEC)
#define RETRY_LONGEST (5 * HV_SEC)

enum slot_state {
    SLOT_FREE,      /**< nothing of it is shared */
    SLOT_OFFERED,   /**< the one that clients may connect to: listener.offered */
    SLOT_CONNECTED, /**< a client's, as the functions of the configuration know it */
    SLOT_DRAINING,  /**< closed; the client still maps some of it */
};

struct slot {
    struct listener *listener;
    enum slot_state state;
    struct loop_port port; /**< while offered or connected */
    uint64_t bound;        /**< offered: when it was first seen bound, or 0 */
    bool dead;             /**< connected: the client was found gone */
    void *pages;
    struct vchan vchan;
};

struct listener {
    struct hv *hv;
    struct loop *loop;
    struct rendezvous *rendezvous;
    struct listener_config config;
    unsigned pages; /**< of a slot */
    char path[RENDEZVOUS_PATH_MAX];
    struct slot *offered; /**< NULL: none is free, or there was no port or grant for it */
    bool readable;        /**< its numbers may have reached clients */
    bool written;         /**< there may be numbers of ours in XenStore, if only old ones */
    bool ending;
    uint64_t retry_after, drain_after; /**< the next delays */
    struct timer tick;                 /**< for what Xen tells nobody: see tick_period() */
    struct timer retry;                /**< to offer or publish, which has failed */
    struct timer drain;                /**< slots that began to drain a short while ago */
    struct timer rest;                 /**< closed by the client, with bytes left to read */
    struct listener_stats stats;       /**< but for what is counted when it is asked for */
    struct slot slots[];
};

static void offer(struct listener *listener);

static unsigned count_state(const struct listener *listener, enum slot_state state)
{
    unsigned count = 0;

    for (unsigned i = 0; i < listener->config.slots; i++)
        count += listener->slots[i].state == state;
    return count;
}

/**
 * How often to look at what raises no event. A client that is gone, or unmaps, tells nobody: once a
 * second. Nor does one that binds the offered port; one that dies again before it connects leaves
 * the port to others, which needs nothing, but one that hangs keeps it: this is seen with half the
 * haste, so that an idle service wakes every two seconds. Without numbers to bind to, never.
 */
static uint64_t tick_period(const struct listener *listener)
{
    for (unsigned i = 0; i < listener->config.slots; i++)
        if (listener->slots[i].state == SLOT_CONNECTED || listener->slots[i].state == SLOT_DRAINING)
            return POLL_PERIOD;
    return listener->offered && listener->readable ? CONNECT_DEADLINE : HV_NEVER;
}

/** See to it that the next look is soon enough. */
static void tick_by(struct listener *listener)
{
    uint64_t period = tick_period(listener), deadline;

    if (period == HV_NEVER)
        return;
    deadline = hv_now(listener->hv) + period;
    if (list_empty(&listener->tick.armed) || listener->tick.deadline > deadline)
        timer_set(listener->loop, &listener->tick, deadline);
}

/** Start the timer of a delay that doubles. */
static void delay(struct listener *listener, struct timer *timer, uint64_t *after, uint64_t longest)
{
    timer_set(listener->loop, timer, hv_now(listener->hv) + *after);
    *after = *after * 2 < longest ? *after * 2 : longest;
}

static void retry_later(struct listener *listener)
{
    delay(listener, &listener->retry, &listener->retry_after, RETRY_LONGEST);
}

static void published(void *context, int error)
{
    struct listener *listener = context;

    if (error)
        retry_later(listener);
    else
        listener->retry_after = RETRY_FIRST;
}

/** Tell clients the numbers of the offered ring, instead of any that were told before. */
static void publish(struct listener *listener)
{
    const struct vchan *v = &listener->offered->vchan;
    int error;

    /* Whatever is answered to earlier numbers says nothing of these. */
    listener->rendezvous->forget(listener->rendezvous, listener);
    timer_cancel(&listener->retry);
    error =
        listener->rendezvous->publish(listener->rendezvous, listener->path, listener->config.client,
                                      v->ring_ref, v->port, published, listener);
    if (error) {
        published(listener, error);
        return;
    }
    listener->written = listener->readable = true;
    tick_by(listener);
}

static void withdraw(struct listener *listener)
{
    listener->rendezvous->forget(listener->rendezvous, listener);
    timer_cancel(&listener->retry);
    if (listener->written)
        listener->rendezvous->withdraw(listener->rendezvous, listener->path);
    listener->written = false;
}

/** The slot's ring is closed; some of its pages may be mapped yet. */
static void closed(struct slot *slot, int error)
{
    struct listener *listener = slot->listener;

    if (!error) {
        slot->state = SLOT_FREE;
        return;
    }
    slot->state = SLOT_DRAINING;
    listener->drain_after = DRAIN_FIRST;
    delay(listener, &listener->drain, &listener->drain_after, POLL_PERIOD);
    tick_by(listener);
}

/** End the slot's ring, whoever has it. */
static void close_slot(struct slot *slot)
{
    struct listener *listener = slot->listener;

    if (listener->offered == slot)
        listener->offered = NULL;
    loop_port_remove(listener->loop, &slot->port);
    closed(slot, vchan_close(&slot->vchan));
}

static void disconnect(struct slot *slot)
{
    struct listener *listener = slot->listener;

    if (slot->dead)
        listener->stats.died++;
    else if (slot->vchan.broken)
        listener->stats.broken++;
    close_slot(slot);
    listener->config.disconnected(listener->config.context, (unsigned)(slot - listener->slots));
    offer(listener);
}

/** What a client has left behind is read as long as there is progress. */
static void settle(struct slot *slot, uint64_t bytes_before)
{
    struct listener *listener = slot->listener;
    struct vchan *v = &slot->vchan;
    enum vchan_state state;

    if (slot->state != SLOT_CONNECTED)
        return;
    state = vchan_state(v);
    if (state == VCHAN_OPEN)
        return;
    if (state == VCHAN_ENDED && v->bytes_in != bytes_before)
        timer_set(listener->loop, &listener->rest, 0);
    else
        disconnect(slot);
}

/** Something may have happened to a client's ring. */
static void serve(struct slot *slot)
{
    struct listener *listener = slot->listener;
    uint64_t bytes_before = slot->vchan.bytes_in;

    listener->config.event(listener->config.context, (unsigned)(slot - listener->slots),
                           &slot->vchan);
    settle(slot, bytes_before);
}

/** The offered ring has a client: it is the client's, and clients to come get another. */
static void accept_client(struct slot *slot)
{
    struct listener *listener = slot->listener;

    slot->state = SLOT_CONNECTED;
    slot->dead = false;
    listener->offered = NULL;
    listener->stats.accepted++;
    listener->stats.exhausted += count_state(listener, SLOT_FREE) == 0;
    offer(listener);
    tick_by(listener);
    listener->config.connected(listener->config.context, (unsigned)(slot - listener->slots),
                               &slot->vchan);
    if (slot->state == SLOT_CONNECTED)
        serve(slot);
}

/** Nobody can connect to the offered ring any more. */
static void abandon(struct slot *slot)
{
    slot->listener->stats.abandoned++;
    close_slot(slot);
    offer(slot->listener);
}

/** Has somebody connected to the offered ring, or spoilt it? */
static void look(struct slot *slot)
{
    switch (vchan_state(&slot->vchan)) {
    case VCHAN_WAITING:
        break;
    case VCHAN_OPEN:
    case VCHAN_ENDED:
        accept_client(slot);
        break;
    case VCHAN_BROKEN:
        abandon(slot);
    }
}

static void event(struct loop_port *port)
{
    struct slot *slot = LIST_ENTRY(port, struct slot, port);

    if (slot->state == SLOT_OFFERED)
        look(slot);
    else
        serve(slot);
}

/** Open a ring that nobody has connected to, unless there is one. Takes a slot that is free. */
static void offer(struct listener *listener)
{
    const struct listener_config *config = &listener->config;
    struct slot *slot = listener->slots, *end = slot + config->slots;
    int error;

    if (listener->offered || listener->ending)
        return;
    listener->readable = false;
    while (slot < end && slot->state != SLOT_FREE)
        slot++;
    if (slot == end) {
        withdraw(listener);
        return;
    }

    error = vchan_server_open(&slot->vchan, listener->hv, config->client, config->left_order,
                              config->right_order, slot->pages);
    if (error) {
        if (error == -EAGAIN)
            closed(slot, error);
        withdraw(listener);
        retry_later(listener);
        return;
    }
    slot->state = SLOT_OFFERED;
    slot->bound = 0;
    loop_port_add(listener->loop, &slot->port, slot->vchan.port, event);
    listener->offered = slot;
    publish(listener);
}

static void retry(struct timer *timer)
{
    struct listener *listener = LIST_ENTRY(timer, struct listener, retry);

    if (listener->offered)
        publish(listener);
    else
        offer(listener);
}

/** Have clients unmapped what they were slow to? Returns whether one has not. */
static bool drain_all(struct listener *listener)
{
    bool left = false, freed = false;

    for (unsigned i = 0; i < listener->config.slots; i++) {
        struct slot *slot = &listener->slots[i];

        if (slot->state != SLOT_DRAINING)
            continue;
        if (vchan_release(&slot->vchan)) {
            left = true;
        } else {
            slot->state = SLOT_FREE;
            freed = true;
        }
    }
    if (freed)
        offer(listener);
    return left;
}

static void drain(struct timer *timer)
{
    struct listener *listener = LIST_ENTRY(timer, struct listener, drain);

    /* After some tries it is left to the tick. */
    if (drain_all(listener) && listener->drain_after < POLL_PERIOD)
        delay(listener, &listener->drain, &listener->drain_after, POLL_PERIOD);
}

static void rest(struct timer *timer)
{
    struct listener *listener = LIST_ENTRY(timer, struct listener, rest);

    for (unsigned i = 0; i < listener->config.slots; i++) {
        struct slot *slot = &listener->slots[i];

        if (slot->state == SLOT_CONNECTED && slot->vchan.ended)
            serve(slot);
    }
}

/** Look at the offered ring without having been told to. */
static void poll_offered(struct slot *slot)
{
    uint64_t now = hv_now(slot->listener->hv);

    look(slot);
    if (slot->state != SLOT_OFFERED)
        return;
    if (hv_evtchn_bound(slot->listener->hv, slot->vchan.port) != 1)
        slot->bound = 0;
    else if (!slot->bound)
        slot->bound = now;
    else if (now - slot->bound >= CONNECT_DEADLINE)
        abandon(slot);
}

static void poll_connected(struct slot *slot)
{
    struct vchan *v = &slot->vchan;
    enum vchan_state state = vchan_state(v);

    slot->dead |= state == VCHAN_OPEN && vchan_peer_gone(v);
    if (slot->dead || state != VCHAN_OPEN)
        serve(slot);
}

static void tick(struct timer *timer)
{
    struct listener *listener = LIST_ENTRY(timer, struct listener, tick);

    for (unsigned i = 0; i < listener->config.slots; i++)
        if (listener->slots[i].state == SLOT_CONNECTED)
            poll_connected(&listener->slots[i]);
    if (listener->offered)
        poll_offered(listener->offered);
    (void)drain_all(listener);
    tick_by(listener);
}

static unsigned slot_pages(const struct listener_config *config)
{
    if (config->slots == 0 || config->slots > LISTENER_SLOTS_MAX)
        return 0;
    return vchan_pages(config->left_order, config->right_order);
}

size_t listener_pages(const struct listener_config *config)
{
    return (size_t)slot_pages(config) * config->slots;
}

size_t listener_size(const struct listener_config *config)
{
    return sizeof(struct listener) + config->slots * sizeof(struct slot);
}

/** Give back the pages of all slots but those that a client still maps. */
static void free_pages(struct listener *listener)
{
    for (unsigned i = 0; i < listener->config.slots; i++) {
        struct slot *slot = &listener->slots[i];

        if (slot->pages && slot->state == SLOT_FREE)
            hv_page_free(listener->hv, slot->pages, listener->pages);
        slot->pages = NULL;
    }
}

int listener_create(struct listener *listener, struct hv *hv, struct loop *loop,
                    struct rendezvous *rendezvous, const struct listener_config *config)
{
    unsigned pages = slot_pages(config);
    int length;

    if (!pages)
        return -EINVAL;
    *listener = (struct listener){
        .hv = hv,
        .loop = loop,
        .rendezvous = rendezvous,
        .config = *config,
        .pages = pages,
        .retry_after = RETRY_FIRST,
    };
    length = rendezvous_path(listener->path, sizeof(listener->path), hv_domid(hv), config->client,
                             config->name);
    if (length < 0 || (size_t)length >= sizeof(listener->path))
        return -EINVAL;
    timer_init(&listener->tick, tick);
    timer_init(&listener->retry, retry);
    timer_init(&listener->drain, drain);
    timer_init(&listener->rest, rest);
    for (unsigned i = 0; i < config->slots; i++) {
        struct slot *slot = &listener->slots[i];

        slot->listener = listener;
        slot->state = SLOT_FREE;
        slot->port.port = 0;
        /* Run by run, so that each can be given back by itself. */
        slot->pages = hv_page_alloc(hv, pages);
        if (!slot->pages) {
            free_pages(listener);
            return -ENOMEM;
        }
    }
    offer(listener);
    return 0;
}

void listener_stop(struct listener *listener)
{
    listener->ending = true;
    for (unsigned i = 0; i < listener->config.slots; i++) {
        struct slot *slot = &listener->slots[i];

        if (slot->state == SLOT_CONNECTED)
            disconnect(slot);
        else if (slot->state == SLOT_OFFERED)
            close_slot(slot);
    }
    (void)drain_all(listener);
    withdraw(listener);
}

void listener_destroy(struct listener *listener)
{
    listener_stop(listener);
    timer_cancel(&listener->tick);
    timer_cancel(&listener->drain);
    timer_cancel(&listener->rest);
    free_pages(listener);
}

void listener_disconnect(struct listener *listener, unsigned slot)
{
    HV_ASSERT(slot < listener->config.slots);
    if (listener->slots[slot].state == SLOT_CONNECTED)
        disconnect(&listener->slots[slot]);
}

void listener_republish(struct listener *listener)
{
    listener->retry_after = RETRY_FIRST;
    if (listener->offered) {
        publish(listener);
        return;
    }
    /* Or the XenStore that was restarted has old numbers of ours. */
    listener->written = true;
    withdraw(listener);
    offer(listener);
}

void listener_stats(const struct listener *listener, struct listener_stats *stats)
{
    *stats = listener->stats;
    stats->connected = count_state(listener, SLOT_CONNECTED);
    stats->draining = count_state(listener, SLOT_DRAINING);
    stats->free = listener->config.slots - stats->connected - stats->draining;
}
