/* SPDX-License-Identifier: ISC */
#include "echo.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_PAGES 17U
#define OPS_MAX      (2 * NETIF_SLOTS_MAX + BUFFER_PAGES)

/** Copy between @frame's slots, or buffers, and our own memory. False: a grant is bad. */
static bool copy_all(struct echo *echo, struct hv_copy *ops, unsigned count)
{
    bool good = true;

    if (hv_grant_copy(echo->hv, ops, count) != 0)
        ck_abort_msg("a copy of %u pieces", count);
    for (unsigned i = 0; i < count; i++)
        good = good && ops[i].status == 0;
    return good;
}

static bool bring(struct echo *echo, const struct netif_frame *frame)
{
    struct hv_copy ops[OPS_MAX];
    unsigned count = 0;
    size_t at = 0;

    for (unsigned i = 0; i < frame->slots; i++) {
        const struct netif_slot *slot = &frame->slot[i];

        if (slot->length == 0 || slot->offset + slot->length > HV_PAGE_SIZE)
            ck_abort_msg("slot %u of %u bytes at %u", i, slot->length, slot->offset);
        for (unsigned done = 0; done < slot->length; count++) {
            unsigned offset = at % HV_PAGE_SIZE, part = slot->length - done;

            if (part > HV_PAGE_SIZE - offset)
                part = HV_PAGE_SIZE - offset;
            ops[count] = (struct hv_copy){
                .source = {.foreign = true,
                           .domid = echo->netif.config.domid,
                           .ref = slot->ref,
                           .offset = (uint16_t)(slot->offset + done)},
                .dest = {.address = echo->buffer + at - offset, .offset = (uint16_t)offset},
                .length = (uint16_t)part,
            };
            done += part;
            at += part;
        }
    }
    if (at != frame->length)
        ck_abort_msg("%zu bytes in slots, of %u", at, frame->length);
    return copy_all(echo, ops, count);
}

/** Give @frame, which is in the buffer, to the guest. False: it has too few buffers. */
static bool give(struct echo *echo, struct netif_queue *queue, const struct netif_frame *frame)
{
    unsigned slots = (frame->length + 4095) / 4096, count = 0;
    unsigned gso = frame->gso != OFFLOAD_GSO_NONE, hash = echo->give.type != 0;
    struct netif_buffer buffers[BUFFER_PAGES + 2];
    struct hv_copy ops[BUFFER_PAGES];
    unsigned needed = slots + gso + hash;

    if (netif_buffers(queue, needed) < needed)
        return false;
    for (unsigned i = 0; i < needed; i++)
        netif_buffer_take(queue, &buffers[i]);
    for (unsigned i = 0; i < slots; i++) {
        unsigned left = frame->length - i * 4096;

        ops[i] = (struct hv_copy){
            .source = {.address = echo->buffer + (size_t)i * 4096},
            .dest = {.foreign = true,
                     .domid = echo->netif.config.domid,
                     .ref = buffers[i == 0 ? 0 : i + gso + hash].ref},
            .length = (uint16_t)(left < 4096 ? left : 4096),
        };
    }
    (void)copy_all(echo, ops, slots);
    for (unsigned i = 0; i < slots; i++) {
        unsigned flags = i + 1 < slots ? NETIF_RX_MORE : 0;

        if (i == 0)
            flags |= (frame->csum_blank ? NETIF_RX_BLANK : 0) |
                     (frame->data_validated ? NETIF_RX_VALIDATED : 0) |
                     (gso + hash > 0 ? NETIF_RX_EXTRA : 0);
        echo->bad_copies += ops[i].status != 0;
        netif_buffer_put(queue, &buffers[count], 0,
                         ops[i].status == 0 ? (int16_t)ops[i].length : NETIF_RSP_ERROR, flags);
        count += i == 0 ? 1 + gso + hash : 1;
        if (i == 0 && gso)
            netif_buffer_put_gso(queue, frame->gso, frame->mss, hash);
        if (i == 0 && hash)
            netif_buffer_put_hash(queue, &echo->give, false);
    }
    return true;
}

unsigned echo_publish(struct netif_queue *queue)
{
    unsigned sent = netif_publish_rx(queue);

    return sent + netif_publish_tx(queue);
}

/** True: it was given back, or dropped. */
static bool deal(struct echo *echo, struct netif_queue *queue, const struct netif_frame *frame)
{
    if (!bring(echo, frame)) {
        echo->bad_copies++;
        netif_done(queue, frame, true);
        return true;
    }
    if (!give(echo, queue, frame))
        return false;
    netif_done(queue, frame, false);
    return true;
}

/** True: there may be more. */
static bool work_once(struct echo *echo, struct netif_queue *queue)
{
    struct netif_frame *held = &echo->held[queue->index];
    int why = DROP_NONE;

    if (echo->holding[queue->index]) {
        if (!deal(echo, queue, held)) {
            echo->notifications += echo_publish(queue);
            return netif_rx_arm(queue);
        }
        echo->holding[queue->index] = false;
    }
    switch (netif_take(queue, held, &why)) {
    case NETIF_FRAME:
        echo->frames++;
        echo->last = *held;
        echo->holding[queue->index] = !deal(echo, queue, held);
        return true;
    case NETIF_BAD:
        echo->bad++;
        echo->reasons[why]++;
        return true;
    case NETIF_NOTHING:
        echo->notifications += echo_publish(queue);
        return netif_tx_arm(queue);
    default:
        return false;
    }
}

static void on_work(void *context, struct netif_queue *queue)
{
    struct echo *echo = context;

    echo->works++;
    while (work_once(echo, queue)) {
    }
}

static void on_failed(void *context, const char *why)
{
    struct echo *echo = context;

    echo->failed++;
    echo->why = why;
}

static bool on_multicast(void *context, const uint8_t mac[6], bool add)
{
    struct echo *echo = context;

    echo->multicast_calls++;
    for (unsigned i = 0; i < echo->multicasts; i++) {
        if (memcmp(echo->multicast[i], mac, 6) == 0) {
            if (!add)
                memcpy(echo->multicast[i], echo->multicast[--echo->multicasts], 6);
            return true;
        }
    }
    if (!add)
        return true;
    if (echo->multicasts == ECHO_MULTICAST)
        return false;
    memcpy(echo->multicast[echo->multicasts++], mac, 6);
    return true;
}

static const struct netif_callbacks callbacks = {on_work, on_failed, on_multicast};

static void backend_create(struct echo *echo)
{
    void *pages;

    echo->hv = sim_domain_create(echo->sim, &(struct sim_domain_config){.domid = ECHO_BACKEND});
    ck_assert(echo->hv != NULL);
    loop_init(&echo->loop, echo->hv);
    pages = hv_page_alloc(echo->hv, ECHO_ARENA_PAGES);
    echo->arena = arena_create(pages, ECHO_ARENA_PAGES);
    echo->buffer = hv_page_alloc(echo->hv, BUFFER_PAGES);
    ck_assert(echo->arena != NULL && echo->buffer != NULL);
}

struct echo *echo_create(uint64_t seed, struct frontend_config config)
{
    struct echo *echo = calloc(1, sizeof(*echo));

    ck_assert(echo != NULL);
    echo->sim = sim_create(seed);
    echo->guest = sim_domain_create(
        echo->sim, &(struct sim_domain_config){.domid = ECHO_FRONTEND, .pages = 8192});
    backend_create(echo);
    config.hv = echo->guest;
    config.backend = ECHO_BACKEND;
    echo->frontend = frontend_create(&config);
    return echo;
}

int echo_connect_to(struct echo *echo, const struct netif_config *config)
{
    int rc = netif_connect(&echo->netif, echo->hv, &echo->loop, echo->arena, config, &callbacks,
                           echo, &echo->why);

    echo->connected = rc == 0;
    return rc;
}

int echo_connect(struct echo *echo)
{
    struct netif_config config = frontend_netif(echo->frontend);

    return echo_connect_to(echo, &config);
}

void echo_disconnect(struct echo *echo)
{
    if (echo->connected)
        netif_disconnect(&echo->netif);
    echo->connected = false;
    memset(echo->holding, 0, sizeof(echo->holding));
}

static uint64_t step(void *context)
{
    struct echo *echo = context;

    return loop_step(&echo->loop);
}

void echo_act(struct echo *echo)
{
    sim_set_actor(echo->hv, step, echo);
    sim_set_actor(echo->guest, frontend_step, echo->frontend);
}

void echo_start(struct echo *echo)
{
    ck_assert_int_eq(echo_connect(echo), 0);
    echo_act(echo);
}

void echo_work(struct echo *echo, unsigned queue)
{
    on_work(echo, echo->netif.queue[queue]);
}

void echo_kill(struct echo *echo)
{
    arena_destroy(echo->arena);
    sim_domain_destroy(echo->hv);
    echo->frontend->used_buffers = true;
    echo->connected = false;
    memset(echo->holding, 0, sizeof(echo->holding));
    backend_create(echo);
}

void echo_succeed(struct echo *echo)
{
    echo_kill(echo);
    echo_start(echo);
}

void echo_run(struct echo *echo)
{
    sim_run(echo->sim, HV_NEVER, 1000000);
}

void echo_destroy(struct echo *echo)
{
    struct arena_usage arena;
    struct sim_usage usage;

    echo_disconnect(echo);
    sim_set_adversary(echo->sim, NULL, NULL);
    arena_usage(echo->arena, &arena);
    ck_assert_uint_eq(arena.bytes_used, 0);
    sim_usage(echo->hv, &usage);
    ck_assert_uint_eq(usage.mappings, 0);
    ck_assert_uint_eq(usage.ports, 0);
    if (echo->frontend)
        frontend_destroy(echo->frontend);
    arena_destroy(echo->arena);
    sim_destroy(echo->sim);
    free(echo);
}

const uint8_t *echo_bytes(size_t length)
{
    static uint8_t data[80000];
    static uint8_t salt;

    ck_assert_uint_le(length, sizeof(data));
    salt++;
    for (size_t i = 0; i < length; i++)
        data[i] = (uint8_t)(i * 31 + i / 251 + salt);
    return data;
}

void echo_expect(struct echo *echo, unsigned queue, const struct frontend_tx *tx)
{
    struct frontend_rx *frame;

    ck_assert(frontend_send(echo->frontend, queue, tx));
    echo_run(echo);
    ck_assert_msg(echo->failed == 0, "ended: %s", echo->why);
    frame = frontend_receive(echo->frontend);
    ck_assert_msg(frame != NULL, "%zu bytes did not come back", tx->length);
    ck_assert_uint_eq(frame->queue, queue);
    ck_assert_uint_eq(frame->length, tx->length);
    ck_assert_mem_eq(frame->data, tx->data, tx->length);
    ck_assert_uint_eq(frame->flags,
                      (unsigned)((tx->flags & TX_CSUM_BLANK ? RX_CSUM_BLANK : 0) |
                                 (tx->flags & TX_DATA_VALIDATED ? RX_DATA_VALIDATED : 0)));
    ck_assert_uint_eq(frame->gso, tx->gso);
    ck_assert_uint_eq(frame->mss, tx->mss);
    free(frame);
    ck_assert(frontend_receive(echo->frontend) == NULL);
    ck_assert_uint_eq(frontend_room(&echo->frontend->queue[queue]), FRONTEND_SLOTS);
}

void echo_expect_bad(struct echo *echo, const struct frontend_tx *tx, int reason)
{
    struct frontend_queue *queue = &echo->frontend->queue[0];
    unsigned errors = queue->tx_error, okay = queue->tx_okay, before = echo->reasons[reason];
    unsigned room = frontend_room(queue), slots;

    ck_assert(frontend_write(queue, tx));
    slots = room - frontend_room(queue) - tx->extras - (tx->gso != 0);
    frontend_publish(queue);
    echo_run(echo);
    ck_assert_msg(echo->failed == 0, "ended: %s", echo->why);
    ck_assert_uint_eq(echo->reasons[reason], before + 1);
    ck_assert_uint_eq(queue->tx_error, errors + slots);
    ck_assert_uint_eq(queue->tx_okay, okay);
    ck_assert_uint_eq(frontend_room(queue), FRONTEND_SLOTS);
    ck_assert(frontend_receive(echo->frontend) == NULL);
    echo_alive(echo);
}

void echo_alive(struct echo *echo)
{
    echo_expect(echo, 0, &(struct frontend_tx){.data = echo_bytes(60), .length = 60});
}
