/* SPDX-License-Identifier: ISC */
#include "fake_store.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_PAGES 512U
#define FATES_MAX   256U

static uint64_t step(void *context)
{
    struct fake *fake = context;

    return loop_step(&fake->loop);
}

void fake_create(struct fake *fake, uint32_t start_index)
{
    evtchn_port_t port;
    int error;

    memset(fake, 0, sizeof(*fake));
    fake->fates = calloc(FATES_MAX, sizeof(*fake->fates));
    fake->sim = sim_create(1);
    fake->xenstore = sim_domain_create(fake->sim, &(struct sim_domain_config){.domid = 1});
    fake->hv = sim_domain_create(fake->sim,
                                 &(struct sim_domain_config){.domid = 5, .pages = ARENA_PAGES + 8});
    fake->ring = hv_page_alloc(fake->hv, 1);
    ck_assert(fake->fates != NULL && fake->ring != NULL);
    fake->ring->req_cons = fake->ring->req_prod = start_index;
    fake->ring->rsp_cons = fake->ring->rsp_prod = start_index * 3;
    ck_assert_int_eq(hv_evtchn_alloc_unbound(fake->hv, 1, &port), 0);
    ck_assert_int_eq(hv_evtchn_bind_interdomain(fake->xenstore, 5, port, &fake->xenstore_port), 0);
    sim_set_store_ring(fake->hv, fake->ring, port);
    fake->memory = hv_page_alloc(fake->hv, ARENA_PAGES);
    fake->arena = arena_create(fake->memory, ARENA_PAGES);
    ck_assert(fake->arena != NULL);
    arena_usage(fake->arena, &fake->idle);
    loop_init(&fake->loop, fake->hv);
    fake->store = store_create(fake->hv, fake->arena, &fake->loop, &error);
    ck_assert(fake->store != NULL);
    fake_run(fake, 0);
}

void fake_destroy(struct fake *fake)
{
    struct arena_usage now;

    store_destroy(fake->store);
    arena_usage(fake->arena, &now);
    ck_assert_uint_eq(now.bytes_used, fake->idle.bytes_used);
    for (unsigned i = 0; i < fake->fate_count; i++)
        ck_assert_uint_eq(fake->fates[i].told, fake->fates[i].taken ? 1 : 0);
    for (unsigned i = 0; i < FAKE_WATCHES; i++)
        ck_assert(!fake->watches[i].on);
    ck_assert(list_empty(&fake->loop.timers));
    arena_destroy(fake->arena);
    sim_destroy(fake->sim);
    free(fake->fates);
}

struct fate *fake_fate(struct fake *fake)
{
    ck_assert(fake->fate_count < FATES_MAX);
    return &fake->fates[fake->fate_count++];
}

void fake_reply(void *context, int error, const char *data, size_t length)
{
    struct fate *fate = context;

    ck_assert(fate->taken && error <= 0 && length <= WIRE_PAYLOAD_MAX);
    ck_assert(data == NULL || data[length] == '\0');
    fate->told++;
    fate->error = error;
    fate->length = length;
    if (length > 0)
        memcpy(fate->data, data, length);
    fate->data[length] = '\0';
}

void fake_run(struct fake *fake, uint64_t nanoseconds)
{
    sim_set_actor(fake->hv, step, fake);
    sim_run(fake->sim, hv_now(fake->hv) + nanoseconds, 10000);
}

size_t fake_put(struct fake *fake, const void *bytes, size_t length)
{
    struct wire_ring *ring = fake->ring;
    uint32_t used = ring->rsp_prod - ring->rsp_cons;
    size_t room = used <= WIRE_RING_SIZE ? WIRE_RING_SIZE - used : 0;

    if (length > room)
        length = room;
    for (size_t i = 0; i < length; i++)
        ring->rsp[(ring->rsp_prod + i) % WIRE_RING_SIZE] = ((const uint8_t *)bytes)[i];
    ring->rsp_prod += (uint32_t)length;
    hv_evtchn_send(fake->xenstore, fake->xenstore_port);
    return length;
}

static void put_all(struct fake *fake, const void *bytes, size_t length)
{
    while (length > 0) {
        size_t put = fake_put(fake, bytes, length);

        fake_run(fake, 0);
        if (put == 0) /* nobody reads */
            break;
        bytes = (const uint8_t *)bytes + put;
        length -= put;
    }
}

void fake_send(struct fake *fake, uint32_t type, uint32_t id, const void *payload, size_t length)
{
    const uint32_t header[4] = {type, id, 0, (uint32_t)length};

    put_all(fake, header, sizeof(header));
    put_all(fake, payload, length);
}

static bool take(struct fake *fake, void *bytes, size_t length)
{
    struct wire_ring *ring = fake->ring;

    for (size_t i = 0; i < length; i++) {
        if (ring->req_prod == ring->req_cons) {
            hv_evtchn_send(fake->xenstore, fake->xenstore_port);
            fake_run(fake, 0);
            if (ring->req_prod == ring->req_cons)
                return false;
        }
        ((uint8_t *)bytes)[i] = ring->req[ring->req_cons++ % WIRE_RING_SIZE];
    }
    return true;
}

bool fake_take(struct fake *fake, struct wire_message *message)
{
    uint32_t header[4];

    if (!take(fake, header, sizeof(header)))
        return false;
    message->type = header[0];
    message->req_id = header[1];
    message->tx_id = header[2];
    message->length = header[3];
    if (message->length > WIRE_PAYLOAD_MAX) /* the test itself broke the indices */
        return false;
    message->payload[message->length] = 0;
    return take(fake, message->payload, message->length);
}

static void fired(struct store_watch *store_watch, const char *changed)
{
    struct fake_watch *watch = (struct fake_watch *)store_watch;

    ck_assert(watch->on);
    if (changed != NULL) {
        watch->fired++;
        return;
    }
    watch->over++;
    watch->on = false;
    ck_assert(watch->watch.error < 0);
}

int fake_watch(struct fake *fake, unsigned index)
{
    struct fake_watch *watch = &fake->watches[index];
    int error;

    *watch = (struct fake_watch){.watch = {.path = "w", .fired = fired}, .fake = fake};
    error = store_watch(fake->store, &watch->watch);
    watch->on = error == 0;
    return error;
}

void fake_unwatch(struct fake *fake, unsigned index)
{
    fake->watches[index].on = false;
    store_unwatch(fake->store, &fake->watches[index].watch);
}
