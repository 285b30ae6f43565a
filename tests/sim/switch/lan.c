/* SPDX-License-Identifier: ISC */
#include "lan.h"

#include <stdlib.h>
#include <string.h>

#include "services/netback-switch/events.h"
#include "tests/sim/expect.h"

#define ARENA_PAGES 1024U
#define LOG_BYTES   8192U

static void on_failed(void *context, const char *why)
{
    struct port *port = context;
    struct lan *lan = LIST_ENTRY(port->vswitch, struct lan, vswitch);

    for (unsigned i = 0; i < lan->guests; i++) {
        if (lan->guest[i].port == port) {
            lan->guest[i].failed++;
            lan->guest[i].why = why;
        }
    }
}

static const struct netif_callbacks callbacks = {forward_work, on_failed, forward_multicast};

static uint64_t step(void *context)
{
    struct lan *lan = context;

    lan->steps++;
    return loop_step(&lan->loop);
}

static void describe(struct lan *lan, struct port *port, unsigned number)
{
    port->vswitch = &lan->vswitch;
    port->number = (uint16_t)number;
    port->device.domid = (domid_t)(LAN_GUEST + number);
    port->bridge = &lan->vswitch.bridges[0];
    port->policy.lock = RULES_LOCK_UNLOCKED;
    lan->vswitch.ports[number] = port;
}

/* A domain of our number, and the engine in it. */
static void make(struct lan *lan)
{
    struct vswitch *vswitch = &lan->vswitch;
    struct hash_key key = {lan->seed, ~lan->seed};

    lan->hv = sim_domain_create(lan->sim, &(struct sim_domain_config){.domid = LAN_SWITCH});
    EXPECT(lan->hv != NULL, "its predecessor is still there");
    loop_init(&lan->loop, lan->hv);
    lan->arena_pages = hv_page_alloc(lan->hv, ARENA_PAGES);
    lan->log_memory = hv_page_alloc(lan->hv, LOG_BYTES / HV_PAGE_SIZE);
    vswitch->hv = lan->hv;
    vswitch->loop = &lan->loop;
    vswitch->arena = arena_create(lan->arena_pages, ARENA_PAGES);
    vswitch->log = log_create(lan->hv, lan->log_memory, LOG_BYTES);
    vswitch->fdb = fdb_create(
        vswitch->arena,
        &(struct fdb_config){
            .entries = 1024, .ports = SWITCH_PORTS, .per_port = 64, .ageing = 300 * HV_SEC},
        &key);
    vswitch->snoop =
        snoop_create(vswitch->arena, &(struct snoop_config){.groups = 256, .per_port = 32}, &key);
    vswitch->events = events_create(lan->hv, vswitch->arena, &lan->loop);
    vswitch->forward = forward_create(vswitch);
    EXPECT(vswitch->forward != NULL && vswitch->fdb != NULL && vswitch->snoop != NULL,
           "vswitch->forward != NULL && vswitch->fdb != NULL && vswitch->snoop != NULL");
    vswitch->bridges[0].used = true;
    strcpy(vswitch->bridges[0].name, "xenbr0");
    sim_set_actor(lan->hv, step, lan);
}

struct lan *lan_create(uint64_t seed)
{
    struct lan *lan = calloc(1, sizeof(*lan));

    EXPECT(lan != NULL, "lan != NULL");
    lan->seed = seed;
    lan->sim = sim_create(seed);
    make(lan);
    return lan;
}

void lan_end(struct lan *lan)
{
    arena_destroy(lan->vswitch.arena);
    sim_domain_destroy(lan->hv);
    for (unsigned i = 0; i < lan->guests; i++)
        lan->guest[i].frontend->used_buffers = true;
}

void lan_succeed(struct lan *lan)
{
    memset(&lan->vswitch, 0, sizeof(lan->vswitch));
    make(lan);
    for (unsigned i = 0; i < lan->guests; i++) {
        struct port *port = lan->guest[i].port;

        memset(port, 0, sizeof(*port));
        describe(lan, port, i);
        if (lan_connect(lan, &lan->guest[i]) != 0)
            lan->guest[i].failed++;
    }
}

int lan_connect(struct lan *lan, struct lan_guest *guest)
{
    struct netif_config config = frontend_netif(guest->frontend);
    struct port *port = guest->port;
    const char *why = NULL;
    int rc = netif_connect(&port->netif, lan->hv, &lan->loop, lan->vswitch.arena, &config,
                           &callbacks, port, &why);

    if (rc != 0)
        return rc;
    rc = forward_port_add(port);
    if (rc != 0) {
        netif_disconnect(&port->netif);
        return rc;
    }
    port->connected = true;
    port->connected_at = hv_now(lan->hv);
    port->bridge->members.bits[port->number / 64] |= UINT64_C(1) << port->number % 64;
    return 0;
}

void lan_disconnect(struct lan *lan, struct lan_guest *guest)
{
    struct port *port = guest->port;

    if (!port->connected)
        return;
    port->connected = false;
    port->bridge->members.bits[port->number / 64] &= ~(UINT64_C(1) << port->number % 64);
    forward_port_remove(port);
    fdb_forget_port(lan->vswitch.fdb, port->number);
    snoop_forget_port(lan->vswitch.snoop, port->number);
    netif_disconnect(&port->netif);
    port->generation++;
}

struct lan_guest *lan_add(struct lan *lan, struct frontend_config config)
{
    unsigned number = lan->guests;
    struct lan_guest *guest = &lan->guest[number];
    struct port *port = calloc(1, sizeof(*port));

    EXPECT((number) < LAN_PORTS, "number < LAN_PORTS");
    EXPECT(port != NULL, "port != NULL");
    lan->guests++;
    guest->hv = sim_domain_create(
        lan->sim,
        &(struct sim_domain_config){.domid = (domid_t)(LAN_GUEST + number), .pages = 2048});
    sim_domain_no_faults(guest->hv);
    config.hv = guest->hv;
    config.backend = LAN_SWITCH;
    guest->frontend = frontend_create(&config);
    guest->port = port;
    describe(lan, port, number);
    EXPECT((lan_connect(lan, guest)) == 0, "lan_connect(lan, guest) == 0");
    sim_set_actor(guest->hv, frontend_step, guest->frontend);
    return guest;
}

void lan_kill(struct lan *lan, struct lan_guest *guest)
{
    sim_domain_destroy(guest->hv);
    guest->hv = NULL;
    frontend_forget(guest->frontend);
    guest->frontend = NULL;
}

void lan_run(struct lan *lan, uint64_t time)
{
    sim_run(lan->sim, sim_now(lan->sim) + time, 10000000);
}

void lan_mac(uint8_t mac[6], unsigned guest)
{
    memset(mac, 0, 6);
    mac[0] = 2;
    mac[5] = (uint8_t)guest;
}

void lan_learn(struct lan *lan)
{
    uint8_t mac[6];

    for (unsigned i = 0; i < lan->guests; i++) {
        uint16_t was;

        lan_mac(mac, i);
        fdb_learn(lan->vswitch.fdb, lan->guest[i].port->bridge->number,
                  lan->guest[i].port->vlan.pvid, mac, (uint16_t)i, hv_now(lan->hv), &was);
    }
}

void lan_destroy(struct lan *lan)
{
    struct vswitch *vswitch = &lan->vswitch;
    struct arena_usage arena;
    struct sim_usage usage;

    sim_set_adversary(lan->sim, NULL, NULL);
    sim_set_faults(lan->sim, &(struct sim_faults){0});
    for (unsigned i = 0; i < lan->guests; i++) {
        lan_disconnect(lan, &lan->guest[i]);
        if (lan->guest[i].frontend)
            frontend_destroy(lan->guest[i].frontend);
        free(lan->guest[i].port);
    }
    forward_destroy(vswitch->forward);
    events_destroy(vswitch->events);
    snoop_destroy(vswitch->snoop);
    fdb_destroy(vswitch->fdb);
    arena_usage(vswitch->arena, &arena);
    EXPECT((arena.bytes_used) == 0, "arena.bytes_used == 0");
    EXPECT(list_empty(&lan->loop.timers), "list_empty(&lan->loop.timers)");
    sim_usage(lan->hv, &usage);
    EXPECT((usage.mappings) == 0, "usage.mappings == 0");
    EXPECT((usage.ports) == 0, "usage.ports == 0");
    arena_destroy(vswitch->arena);
    sim_destroy(lan->sim);
    free(lan);
}

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/** The sum of RFC 1071, not complemented. */
static uint32_t sum(uint32_t start, const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < length; i++)
        start += i % 2 ? data[i] : (uint32_t)data[i] << 8;
    while (start >> 16)
        start = (start & 0xffff) + (start >> 16);
    return start;
}

static uint32_t pseudo(const uint8_t *ip, size_t length, uint8_t protocol)
{
    uint32_t start = ip[0] >> 4 == 4 ? sum(0, ip + 12, 8) : sum(0, ip + 8, 32);

    return sum(start + protocol + (uint32_t)length, ip, 0);
}

size_t lan_build(uint8_t *data, const struct lan_frame *frame)
{
    static const uint8_t multicast[6] = {0x01, 0x00, 0x5e, 0x01, 0x02, 0x03};
    static uint8_t salt;
    bool six = frame->kind == LAN_UDP6 || frame->kind == LAN_TCP6;
    bool tcp = frame->kind == LAN_TCP4 || frame->kind == LAN_TCP6;
    uint8_t *at = data + 12, *ip, *l4;
    size_t length = frame->length, l4_length;
    uint32_t check;

    salt++;
    for (size_t i = 0; i < length + (frame->tagged ? 4 : 0); i++)
        data[i] = (uint8_t)(i * 31 + i / 251 + salt);
    if (frame->to == LAN_BROADCAST)
        memset(data, 0xff, 6);
    else if (frame->to == LAN_MULTICAST)
        memcpy(data, multicast, 6);
    else
        lan_mac(data, frame->to == LAN_UNKNOWN ? 255 : frame->to);
    lan_mac(data + 6, frame->from);
    if (frame->tagged) {
        put16(at, 0x8100);
        put16(at + 2, frame->tci);
        at += 4;
        length += 4;
    }
    if (frame->kind == LAN_PLAIN) {
        put16(at, 0x88b6);
        return length;
    }
    put16(at, six ? 0x86dd : 0x0800);
    ip = at + 2;
    l4 = ip + (six ? 40 : 20);
    EXPECT((frame->length) >= 14U + (six ? 40 : 20) + (tcp ? 20 : 8),
           "frame->length >= 14U + (six ? 40 : 20) + (tcp ? 20 : 8)");
    l4_length = length - (size_t)(l4 - data);
    memset(ip, 0, (size_t)(l4 - ip));
    if (six) {
        ip[0] = 0x60;
        put16(ip + 4, (unsigned)l4_length);
        ip[6] = tcp ? 6 : 17;
        ip[7] = 64;
        ip[8] = ip[24] = 0xfd;
        ip[23] = (uint8_t)frame->from;
        ip[39] = (uint8_t)frame->to;
    } else {
        ip[0] = 0x45;
        put16(ip + 2, (unsigned)(length - (size_t)(ip - data)));
        ip[8] = 64;
        ip[9] = tcp ? 6 : 17;
        ip[12] = ip[16] = 10;
        ip[15] = (uint8_t)frame->from;
        ip[19] = (uint8_t)frame->to;
        put16(ip + 10, ~sum(0, ip, 20) & 0xffff);
    }
    put16(l4, 1234);
    put16(l4 + 2, 5678);
    if (tcp) {
        l4[12] = 0x50;
        l4[13] = 0x10;
    } else {
        put16(l4 + 4, (unsigned)l4_length);
    }
    put16(l4 + (tcp ? 16 : 6), 0);
    check = pseudo(ip, l4_length, tcp ? 6 : 17);
    if (!frame->blank)
        check = ~sum(check, l4, l4_length);
    put16(l4 + (tcp ? 16 : 6), check & 0xffff);
    return length;
}

bool lan_checksum_right(const uint8_t *data, size_t length)
{
    const uint8_t *ip = data + (data[12] == 0x81 ? 18 : 14);
    bool six = ip[0] >> 4 == 6;
    const uint8_t *l4 = ip + (six ? 40 : 20);
    size_t l4_length = length - (size_t)(l4 - data);

    if (!six && sum(0, ip, 20) != 0xffff)
        return false;
    return sum(pseudo(ip, l4_length, six ? ip[6] : ip[9]), l4, l4_length) == 0xffff;
}

void lan_send(struct lan *lan, unsigned from, const struct frontend_tx *tx)
{
    EXPECT(frontend_send(lan->guest[from].frontend, 0, tx),
           "frontend_send(lan->guest[from].frontend, 0, tx)");
}

void lan_expect(struct lan *lan, unsigned to, const uint8_t *data, size_t length)
{
    struct frontend_rx *frame = frontend_receive(lan->guest[to].frontend);

    EXPECT(frame != NULL, "guest %u did not get its %zu bytes", to, length);
    EXPECT((frame->length) == length, "frame->length == length");
    EXPECT(memcmp(frame->data, data, length) == 0, "other bytes");
    free(frame);
}

void lan_expect_none(struct lan *lan, unsigned to)
{
    struct frontend_rx *frame = frontend_receive(lan->guest[to].frontend);

    EXPECT(frame == NULL, "guest %u got %zu bytes that it should not", to,
           frame ? frame->length : 0);
}
