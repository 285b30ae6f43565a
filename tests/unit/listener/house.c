/* SPDX-License-Identifier: ISC */
#include "house.h"

#include <stdlib.h>

static struct notice *notice_of(struct rendezvous *rendezvous)
{
    return LIST_ENTRY(rendezvous, struct notice, rendezvous);
}

static void notice_answer(struct notice *notice, int error)
{
    rendezvous_done_fn *done = notice->done;

    ck_assert(notice->asked);
    notice->asked = false;
    notice->done = NULL;
    if (!error) {
        notice->present = true;
        notice->ring_ref = notice->asked_ref;
        notice->port = notice->asked_port;
    }
    if (done)
        done(notice->context, error);
}

static int notice_publish(struct rendezvous *rendezvous, const char *path, domid_t client,
                          grant_ref_t ring_ref, evtchn_port_t port, rendezvous_done_fn *done,
                          void *context)
{
    struct notice *notice = notice_of(rendezvous);

    ck_assert_str_eq(path, HOUSE_PATH);
    ck_assert_uint_eq(client, HOUSE_CLIENT);
    ck_assert_ptr_null(notice->done);
    notice->publishes++;
    if (notice->mood == NOTICE_REFUSES)
        return notice->error;
    notice->asked = true;
    notice->asked_ref = ring_ref;
    notice->asked_port = port;
    notice->done = done;
    notice->context = context;
    if (notice->mood == NOTICE_AT_ONCE)
        notice_answer(notice, notice->error);
    return 0;
}

static void notice_withdraw(struct rendezvous *rendezvous, const char *path)
{
    struct notice *notice = notice_of(rendezvous);

    ck_assert_str_eq(path, HOUSE_PATH);
    notice->withdrawals++;
    notice->present = notice->asked = false;
}

static void notice_forget(struct rendezvous *rendezvous, void *context)
{
    struct notice *notice = notice_of(rendezvous);

    if (notice->context == context)
        notice->done = NULL;
}

static void service_connected(void *context, unsigned slot, struct vchan *v)
{
    struct house *house = context;

    ck_assert_uint_lt(slot, house->config.slots);
    ck_assert_ptr_null(house->slots[slot].v);
    house->slots[slot] = (struct house_slot){.v = v};
    house->connects++;
}

/* Send back what fits of the next bytes. */
static void service_event(void *context, unsigned slot, struct vchan *v)
{
    struct house *house = context;
    uint8_t data[256];
    int length;

    ck_assert_ptr_eq(house->slots[slot].v, v);
    ck_assert_uint_le(house->chunk, sizeof(data));
    length = vchan_read(v, data, house->chunk);
    if (length <= 0)
        return;
    house->slots[slot].read += (unsigned)length;
    house->read += (unsigned)length;
    if (house->greedy) {
        listener_disconnect(house->listener, slot);
        ck_assert_ptr_null(house->slots[slot].v);
        return;
    }
    (void)vchan_write(v, data, (size_t)length);
}

static void service_disconnected(void *context, unsigned slot)
{
    struct house *house = context;

    ck_assert_ptr_nonnull(house->slots[slot].v);
    house->slots[slot].v = NULL;
    house->disconnects++;
}

static uint64_t service_step(void *context)
{
    struct house *house = context;

    house->steps++;
    return loop_step(&house->loop);
}

/* Have the loop turn: its deadline may be another one. */
static void turn(struct house *house)
{
    sim_set_actor(house->service, service_step, house);
}

void house_create(struct house *house, uint64_t seed, unsigned slots)
{
    *house = (struct house){
        .sim = sim_create(seed),
        .chunk = 256,
        .patience = 1000000,
        .notice.rendezvous = {notice_publish, notice_withdraw, notice_forget},
        .config =
            {
                .client = HOUSE_CLIENT,
                .name = "control",
                .slots = slots,
                .left_order = 12,
                .right_order = 13,
                .context = house,
                .connected = service_connected,
                .event = service_event,
                .disconnected = service_disconnected,
            },
    };
    house->service = sim_domain_create(house->sim, &(struct sim_domain_config){.domid = 5});
    house->client = sim_domain_create(house->sim, &(struct sim_domain_config){.domid = 0});
    sim_domain_no_faults(house->client);
    loop_init(&house->loop, house->service);
    house->listener = calloc(1, listener_size(&house->config));
    ck_assert_ptr_nonnull(house->listener);
}

void house_listen(struct house *house)
{
    ck_assert_int_eq(listener_create(house->listener, house->service, &house->loop,
                                     &house->notice.rendezvous, &house->config),
                     0);
    turn(house);
}

void house_answer(struct house *house, int error)
{
    notice_answer(&house->notice, error);
    turn(house);
}

void house_disconnect(struct house *house, unsigned slot)
{
    listener_disconnect(house->listener, slot);
    turn(house);
}

void house_republish(struct house *house)
{
    listener_republish(house->listener);
    turn(house);
}

void house_make(struct house *house, uint64_t seed, unsigned slots)
{
    house_create(house, seed, slots);
    house_listen(house);
    house_settle(house);
}

static void check_empty(struct hv *hv)
{
    struct sim_usage usage;

    sim_usage(hv, &usage);
    ck_assert_uint_eq(usage.pages, 0);
    ck_assert_uint_eq(usage.ports, 0);
    ck_assert_uint_eq(usage.grants, 0);
    ck_assert_uint_eq(usage.mappings, 0);
}

void house_end(struct house *house)
{
    (void)house_stats(house);
    listener_destroy(house->listener);
    ck_assert_uint_eq(house->connects, house->disconnects);
    ck_assert(!house->notice.present);
    ck_assert(!house->notice.done);
    ck_assert(list_empty(&house->loop.timers));
    check_empty(house->service);
    check_empty(house->client);
    free(house->listener);
    sim_destroy(house->sim);
}

void house_run(struct house *house, uint64_t nanoseconds)
{
    sim_run(house->sim, sim_now(house->sim) + nanoseconds, house->patience);
}

void house_settle(struct house *house)
{
    house_run(house, HV_MSEC / 10);
}

struct listener_stats house_stats(const struct house *house)
{
    struct listener_stats stats;
    unsigned connected = 0;

    listener_stats(house->listener, &stats);
    for (unsigned i = 0; i < house->config.slots; i++)
        connected += house->slots[i].v != NULL;
    ck_assert_uint_eq(stats.connected, connected);
    ck_assert_uint_eq(stats.connected + stats.free + stats.draining, house->config.slots);
    ck_assert_uint_eq(stats.accepted, house->connects);
    ck_assert_uint_eq(house->connects - house->disconnects, connected);
    ck_assert_uint_le(stats.died + stats.broken, stats.accepted);
    return stats;
}

int client_connect(struct house *house, struct vchan *v)
{
    if (!house->notice.present)
        return -ENOENT;
    return vchan_client_open(v, house->client, HOUSE_SERVICE, house->notice.ring_ref,
                             house->notice.port);
}

void client_join(struct house *house, struct vchan *v)
{
    uint64_t connects = house->connects;

    ck_assert_int_eq(client_connect(house, v), 0);
    house_settle(house);
    ck_assert_uint_eq(house->connects, connects + 1);
}

void client_vanish(struct vchan *v)
{
    ck_assert_int_eq(hv_grant_unmap(v->hv, v->left_map, v->left_pages), 0);
    ck_assert_int_eq(hv_grant_unmap(v->hv, v->right_map, v->right_pages), 0);
    ck_assert_int_eq(hv_grant_unmap(v->hv, v->head, 1), 0);
    ck_assert_int_eq(hv_evtchn_close(v->hv, v->port), 0);
}

void client_echo(struct house *house, struct vchan *v, size_t length)
{
    uint8_t sent[256], back[256];

    ck_assert_uint_le(length, sizeof(sent));
    for (size_t i = 0; i < length; i++)
        sent[i] = (uint8_t)sim_random(house->sim, 256);
    ck_assert_int_eq(vchan_write(v, sent, length), length);
    house_settle(house);
    ck_assert_int_eq(vchan_read(v, back, sizeof(back)), length);
    ck_assert_mem_eq(sent, back, length);
}

evtchn_port_t client_bind(struct house *house)
{
    evtchn_port_t port;

    ck_assert(house->notice.present);
    ck_assert_int_eq(
        hv_evtchn_bind_interdomain(house->client, HOUSE_SERVICE, house->notice.port, &port), 0);
    return port;
}

uint8_t *client_map(struct house *house)
{
    void *head;

    ck_assert(house->notice.present);
    ck_assert_int_eq(
        hv_grant_map(house->client, HOUSE_SERVICE, &house->notice.ring_ref, 1, false, &head), 0);
    return head;
}
