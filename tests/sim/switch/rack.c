/* SPDX-License-Identifier: ISC */
#include "rack.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "services/netback-switch/forward.h"

#define HOME "/local/domain/5/data/vchan/0/control"

/* --- the service --------------------------------------------------------------------------------
 */

static void boot(struct rack *rack, unsigned pages, const char *cmdline)
{
    struct host *host = rack->host;

    rack->hv = sim_domain_create(
        host->sim,
        &(struct sim_domain_config){.domid = RACK_SWITCH, .pages = pages, .cmdline = cmdline});
    ck_assert_ptr_nonnull(rack->hv);
    rack->client = host_adopt(host, rack->hv, RACK_SWITCH, 0);
    rack->client->deaf = true;
    ck_assert_int_eq(host_introduce(host, rack->client), 0);
    ck_assert_int_eq(client_mkdir(host->dom0, 0, "/local/domain/5/data"), 0);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, "/local/domain/5/data", "n5"), 0);
    ck_assert_int_eq(client_mkdir(host->dom0, 0, "/local/domain/5/backend"), 0);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, "/local/domain/5/backend", "n0|r5"), 0);
    sim_set_store_ring(rack->hv, rack->client->ring, rack->client->port);
}

void rack_join(struct rack *rack)
{
    struct client *dom0 = rack->host->dom0;
    const char *value = client_value(dom0, 0, HOME "/ring-ref");
    grant_ref_t ref = value ? (grant_ref_t)atoi(value) : 0;
    struct rack_request request;

    rack->asker.have = 0;
    value = client_value(dom0, 0, HOME "/event-channel");
    ck_assert_ptr_nonnull(value);
    ck_assert_int_eq(
        vchan_client_open(&rack->asker.v, dom0->hv, RACK_SWITCH, ref, (evtchn_port_t)atoi(value)),
        0);
    rack_run(rack);
    rack_begin(rack, &request, CONTROL_T_HELLO);
    control_put_string(&request.writer, CONTROL_F_CLIENT, "test");
    rack_ask(rack, &request);
    ck_assert(rack_next(rack));
    ck_assert_str_eq(rack_text(rack, CONTROL_F_SERVICE), "switch");
}

/* What a domain has at first: its ring's page, and the port. */
static void expect_nothing_left(struct rack *rack)
{
    struct sim_usage usage;

    sim_usage(rack->hv, &usage);
    ck_assert_uint_eq(usage.pages, 1);
    ck_assert_uint_eq(usage.ports, 1);
    ck_assert_uint_eq(usage.grants, 0);
    ck_assert_uint_eq(usage.mappings, 0);
}

static void end_host(struct rack *rack)
{
    expect_nothing_left(rack);
    host_kill(rack->host, rack->client);
    host_destroy(rack->host);
    free(rack);
}

struct rack *rack_create(unsigned pages, const char *cmdline)
{
    struct rack *rack = calloc(1, sizeof(*rack));

    ck_assert_ptr_nonnull(rack);
    rack->host = host_create(NULL);
    boot(rack, pages, cmdline);
    rack->config = vswitch_service(rack->hv, "1.2.3", &rack->vswitch);
    rack->service = service_create(rack->hv, &rack->config);
    if (rack->service) {
        struct arena_usage usage;

        rack_run(rack); /* all is said to XenStore */
        arena_usage(rack->service->arena, &usage);
        rack->before = usage.bytes_used;
        if (!vswitch_create(rack->service)) {
            rack_run(rack);
            arena_usage(rack->service->arena, &usage);
            ck_assert_uint_le(usage.bytes_used, rack->before);
            sim_set_actor(rack->hv, NULL, NULL);
            service_destroy(rack->service);
            rack->service = NULL;
        }
    }
    if (!rack->service) {
        end_host(rack);
        return NULL;
    }
    rack_run(rack);
    rack_join(rack);
    return rack;
}

void rack_destroy(struct rack *rack)
{
    struct arena_usage usage;

    for (unsigned i = 0; i < RACK_PORTS; i++)
        if (rack->guest[i])
            rack_end(rack->guest[i]);
    ck_assert_int_eq(vchan_close(&rack->asker.v), 0);
    rack_run(rack);
    vswitch_destroy(rack->vswitch);
    ck_assert_ptr_null(rack->vswitch);
    rack_run(rack);
    sim_set_actor(rack->hv, NULL, NULL);
    arena_usage(rack->service->arena, &usage);
    ck_assert_uint_le(usage.bytes_used, rack->before);
    service_destroy(rack->service);
    end_host(rack);
}

void rack_run(struct rack *rack)
{
    sim_set_actor(rack->hv, service_step, rack->service);
    host_run(rack->host);
}

void rack_pass(struct rack *rack, uint64_t nanoseconds)
{
    sim_set_actor(rack->hv, service_step, rack->service);
    host_pass(rack->host, nanoseconds);
}

/* --- guests -------------------------------------------------------------------------------------
 */

static void failed(void *context, const char *why)
{
    struct port *port = context;

    ck_abort_msg("vif of domain %u ended: %s", port->device.domid, why);
}

static const struct netif_callbacks callbacks = {
    .work = forward_work,
    .failed = failed,
    .multicast = forward_multicast,
};

struct rack_guest *rack_boot(struct rack *rack, domid_t domid, struct frontend_config config)
{
    struct rack_guest *guest = calloc(1, sizeof(*guest));
    unsigned i = 0;

    while (i < RACK_PORTS && rack->guest[i])
        i++;
    ck_assert_uint_lt(i, RACK_PORTS);
    rack->guest[i] = guest;
    guest->rack = rack;
    guest->domid = domid;
    guest->hv = domid
                    ? sim_domain_create(rack->host->sim,
                                        &(struct sim_domain_config){.domid = domid, .pages = 1024})
                    : rack->host->dom0->hv;
    ck_assert_ptr_nonnull(guest->hv);
    if (domid)
        sim_domain_no_faults(guest->hv);
    config.hv = guest->hv;
    config.backend = RACK_SWITCH;
    guest->frontend = frontend_create(&config);
    if (domid)
        sim_set_actor(guest->hv, frontend_step, guest->frontend);
    return guest;
}

int rack_connect(struct rack_guest *guest)
{
    struct netif_config config = frontend_netif(guest->frontend);
    struct vswitch *vswitch = guest->rack->vswitch;
    const char *why = NULL;
    int error = netif_connect(&guest->port->netif, vswitch->hv, vswitch->loop, vswitch->arena,
                              &config, &callbacks, guest->port, &why);

    if (error)
        return error;
    error = port_connect(guest->port);
    if (error)
        netif_disconnect(&guest->port->netif);
    return error;
}

void rack_plug(struct rack_guest *guest, const struct port_words *words)
{
    const char *why = NULL;

    guest->port = port_create(guest->rack->vswitch, guest->domid, 0, &why);
    ck_assert_msg(guest->port != NULL, "%s", why);
    port_describe(guest->port, words);
    ck_assert_int_eq(rack_connect(guest), 0);
    rack_run(guest->rack);
}

void rack_unplug(struct rack_guest *guest)
{
    bool connected = guest->port->connected;

    port_disconnect(guest->port, "the test");
    if (connected)
        netif_disconnect(&guest->port->netif);
    port_destroy(guest->port);
    guest->port = NULL;
}

void rack_end(struct rack_guest *guest)
{
    struct rack *rack = guest->rack;

    if (guest->port)
        rack_unplug(guest);
    frontend_destroy(guest->frontend);
    if (guest->domid)
        sim_domain_destroy(guest->hv);
    for (unsigned i = 0; i < RACK_PORTS; i++)
        if (rack->guest[i] == guest)
            rack->guest[i] = NULL;
    free(guest);
    rack_run(rack);
}

/* --- frames -------------------------------------------------------------------------------------
 */

void rack_mac(uint8_t mac[6], unsigned number)
{
    const uint8_t own[6] = {0x52, 0x54, 0, 0, 0, (uint8_t)number};

    memcpy(mac, own, sizeof(own));
}

size_t rack_frame(uint8_t *frame, unsigned from, unsigned to, size_t length, uint32_t number)
{
    memset(frame, 0x5a, length);
    rack_mac(frame, to);
    if (to == 255)
        memset(frame, 0xff, 6);
    rack_mac(frame + 6, from);
    frame[12] = 0x88; /* local experimental ethertype */
    frame[13] = 0xb5;
    memcpy(frame + 14, &number, sizeof(number));
    return length;
}

void rack_send(struct rack_guest *guest, unsigned from, unsigned to, uint32_t number)
{
    uint8_t frame[100];

    ck_assert(frontend_send_bytes(guest->frontend, frame,
                                  rack_frame(frame, from, to, sizeof(frame), number)));
}

unsigned rack_received(struct rack_guest *guest)
{
    struct frontend_rx *frame;
    unsigned count = 0;

    while ((frame = frontend_receive(guest->frontend))) {
        free(frame);
        count++;
    }
    return count;
}

/* --- asking -------------------------------------------------------------------------------------
 */

void rack_begin(struct rack *rack, struct rack_request *request, uint16_t type)
{
    asker_begin(&rack->asker, &request->writer, request->frame, type);
}

void rack_ask(struct rack *rack, struct rack_request *request)
{
    asker_send(&rack->asker, &request->writer);
    rack_run(rack);
}

bool rack_next(struct rack *rack)
{
    for (unsigned i = 0; i < 50; i++) {
        if (asker_receive(&rack->asker))
            return true;
        if (i < 2)
            rack_run(rack);
        else
            rack_pass(rack, HV_MSEC);
    }
    return false;
}

enum control_kind rack_call(struct rack *rack, uint16_t type)
{
    struct rack_request request;

    rack_begin(rack, &request, type);
    rack_ask(rack, &request);
    ck_assert(rack_next(rack));
    return rack->asker.header.kind;
}

uint64_t rack_number(const struct rack *rack, uint16_t tag)
{
    return control_number(&rack->asker.fields, tag, UINT64_MAX);
}

const char *rack_text(const struct rack *rack, uint16_t tag)
{
    static char text[CONTROL_FRAME_MAX];

    control_string(&rack->asker.fields, tag, text, sizeof(text));
    return text;
}

void rack_enter(struct rack *rack, uint16_t tag)
{
    struct control_field field;

    ck_assert(control_find(&rack->asker.fields, tag, &field));
    control_read_group(&rack->asker.fields, &field);
}

static bool has_label(struct control_reader fields, const char *label)
{
    struct control_field field;

    while (control_next(&fields, &field)) {
        struct control_reader group;
        char text[128];

        if (field.tag != CONTROL_F_LABEL)
            continue;
        control_read_group(&group, &field);
        if (control_string(&group, CONTROL_F_TEXT, text, sizeof(text)) && !strcmp(text, label))
            return true;
    }
    return false;
}

uint64_t rack_statistic(struct rack *rack, const char *name, const char *label)
{
    uint64_t value = UINT64_MAX;

    for (rack_call(rack, CONTROL_T_STATS); rack->asker.header.kind == CONTROL_ITEM;
         ck_assert(rack_next(rack))) {
        rack_enter(rack, CONTROL_F_STATISTIC);
        if (!strcmp(rack_text(rack, CONTROL_F_NAME), name) &&
            (!label || has_label(rack->asker.fields, label)))
            value = rack_number(rack, CONTROL_F_VALUE);
    }
    ck_assert_int_eq(rack->asker.header.kind, CONTROL_END);
    return value;
}

/* --- rules --------------------------------------------------------------------------------------
 */

struct rules *rack_rules(uint64_t generation)
{
    struct rules *rules = calloc(1, sizeof(*rules));

    ck_assert_ptr_nonnull(rules);
    rules->ports = calloc(RULES_PORTS, sizeof(*rules->ports));
    ck_assert_ptr_nonnull(rules->ports);
    rules->port_max = RULES_PORTS;
    rules->generation = generation;
    memset(rules->digest, 'a', 64);
    return rules;
}

void rack_rules_free(struct rules *rules)
{
    free(rules->ports);
    free(rules);
}

void rack_uuid(uint8_t uuid[16], unsigned number)
{
    memset(uuid, 0x11, 16);
    uuid[15] = (uint8_t)number;
}

const char *rack_uuid_text(unsigned number)
{
    static char text[40];

    snprintf(text, sizeof(text), "11111111-1111-1111-1111-1111111111%02x", number);
    return text;
}

struct rules_port *rack_rule(struct rules *rules, unsigned number)
{
    struct rules_port *port = &rules->ports[rules->port_count++];

    rack_uuid(port->uuid, number);
    return port;
}

struct rules_bridge *rack_bridge(struct rules *rules, const char *name)
{
    struct rules_bridge *bridge = &rules->bridges[rules->bridge_count++];

    strcpy(bridge->name, name);
    return bridge;
}

struct collected {
    uint8_t *bytes;
    size_t length;
};

static int collect(void *context, const void *record, size_t length)
{
    struct collected *collected = context;

    collected->bytes = realloc(collected->bytes, collected->length + length);
    ck_assert_ptr_nonnull(collected->bytes);
    memcpy(collected->bytes + collected->length, record, length);
    collected->length += length;
    return 0;
}

uint8_t *rack_encode(const struct rules *rules, size_t *length)
{
    struct collected collected = {NULL, 0};

    ck_assert_int_eq(rules_encode(rules, collect, &collected), 0);
    *length = collected.length;
    return collected.bytes;
}

int rack_upload(struct rack *rack, const void *bytes, size_t length)
{
    struct rack_request request;
    uint32_t id;

    rack_begin(rack, &request, CONTROL_T_SWITCH_APPLY);
    id = rack->asker.id;
    rack_ask(rack, &request);
    for (size_t at = 0; at < length;) {
        size_t part = length - at < 3001 ? length - at : 3001;

        control_begin(&request.writer, request.frame, sizeof(request.frame), CONTROL_T_SWITCH_APPLY,
                      CONTROL_DATA, id);
        control_put_bytes(&request.writer, CONTROL_F_DATA, (const uint8_t *)bytes + at, part);
        rack_ask(rack, &request);
        at += part;
    }
    control_begin(&request.writer, request.frame, sizeof(request.frame), CONTROL_T_SWITCH_APPLY,
                  CONTROL_END, id);
    rack_ask(rack, &request);
    ck_assert(rack_next(rack));
    ck_assert_uint_eq(rack->asker.header.id, id);
    if (rack->asker.header.kind == CONTROL_REPLY)
        return 0;
    ck_assert_int_eq(rack->asker.header.kind, CONTROL_ERROR);
    return (int)rack_number(rack, CONTROL_F_ERRNO);
}

int rack_apply(struct rack *rack, const struct rules *rules)
{
    size_t length;
    uint8_t *bytes = rack_encode(rules, &length);
    int error = rack_upload(rack, bytes, length);

    free(bytes);
    return error;
}
