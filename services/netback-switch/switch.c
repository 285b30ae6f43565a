/* SPDX-License-Identifier: ISC */
#include "switch.h"

#include <errno.h>
#include <string.h>

#include "bridges.h"
#include "control.h"
#include "events.h"
#include "forward.h"
#include "mirror.h"
#include "vif.h"

#define AGE_PERIOD HV_SEC

/* How long the ports that are there at the start may take to be connected. */
#define SETTLED_MAX (500 * HV_MSEC)

/* --- the service --------------------------------------------------------------------------------
 */

/* 1 << the order is the bytes of `mirror=KIB`; what is no number or no ring size is the default. */
static unsigned mirror_order(struct hv *hv)
{
    uint32_t kib;

    if (!service_option(hv, "mirror", 1U << (MIRROR_ORDER_MAX - 10), &kib) ||
        kib < 1U << (MIRROR_ORDER_MIN - 10) || (kib & (kib - 1)))
        return MIRROR_ORDER_DEFAULT;
    return 10U + (unsigned)__builtin_ctz(kib);
}

struct service_config vswitch_service(struct hv *hv, const char *version, struct vswitch **vswitch)
{
    return (struct service_config){
        .name = "switch",
        .version = version,
        .spare_pages = (unsigned)mirrors_pages(mirror_order(hv)),
        .context = vswitch,
        .handlers = control_handlers,
        .handler_count = control_handler_count,
        .status = switch_status,
        .statistic = switch_statistic,
    };
}

static void age(struct timer *timer)
{
    struct vswitch *vswitch = LIST_ENTRY(timer, struct vswitch, age);

    fdb_age(vswitch->fdb, hv_now(vswitch->hv));
    snoop_age(vswitch->snoop, hv_now(vswitch->hv));
    timer_set(vswitch->loop, timer, hv_now(vswitch->hv) + AGE_PERIOD);
}

void vswitch_settled(struct vswitch *vswitch)
{
    timer_cancel(&vswitch->settled);
    vswitch->awaits_ports = false;
    forward_begin(vswitch->forward);
}

static void settled_anyway(struct timer *timer)
{
    vswitch_settled(LIST_ENTRY(timer, struct vswitch, settled));
}

static bool create_tables(struct vswitch *vswitch)
{
    const struct fdb_config fdb = {
        .entries = SWITCH_FDB_ENTRIES,
        .ports = SWITCH_PORTS,
        .per_port = SWITCH_FDB_PORT,
        .ageing = RULES_AGEING * HV_SEC,
    };
    const struct snoop_config snoop = {
        .groups = SWITCH_SNOOP_GROUPS,
        .per_port = SWITCH_SNOOP_PORT,
    };
    struct hash_key key;

    hv_random(vswitch->hv, &key, sizeof(key));
    vswitch->fdb = fdb_create(vswitch->arena, &fdb, &key);
    hv_random(vswitch->hv, &key, sizeof(key));
    vswitch->snoop = snoop_create(vswitch->arena, &snoop, &key);
    vswitch->events = events_create(vswitch->hv, vswitch->arena, vswitch->loop);
    return vswitch->fdb && vswitch->snoop && vswitch->events;
}

struct vswitch *vswitch_create(struct service *service)
{
    struct vswitch *vswitch = arena_zalloc(service->arena, sizeof(*vswitch));
    uint32_t rules;

    if (!vswitch) {
        log_write(service->log, LOG_ERROR, "not enough memory for a switch");
        return NULL;
    }
    vswitch->service = service;
    vswitch->hv = service->hv;
    vswitch->arena = service->arena;
    vswitch->loop = &service->loop;
    vswitch->log = service->log;
    vswitch->mirror_order = mirror_order(service->hv);
    vswitch->awaits_rules = service_option(service->hv, "rules", 1, &rules) && rules;
    timer_init(&vswitch->age, age);
    timer_init(&vswitch->settled, settled_anyway);
    mirrors_create(vswitch);
    *(struct vswitch **)service->config->context = vswitch;
    if (create_tables(vswitch))
        vswitch->forward = forward_create(vswitch);
    if (vswitch->forward && service->store)
        vswitch->backend = vif_backend_create(vswitch);
    if (!vswitch->forward || (service->store && !vswitch->backend)) {
        log_write(service->log, LOG_ERROR, "not enough memory for a switch");
        vswitch_destroy(vswitch);
        return NULL;
    }
    timer_set(vswitch->loop, &vswitch->age, hv_now(vswitch->hv) + AGE_PERIOD);
    /* A predecessor's ports come one after the other: what the first ones send would find nobody.
     */
    vswitch->awaits_ports = vswitch->backend != NULL;
    if (vswitch->awaits_ports)
        timer_set(vswitch->loop, &vswitch->settled, hv_now(vswitch->hv) + SETTLED_MAX);
    return vswitch;
}

void vswitch_destroy(struct vswitch *vswitch)
{
    struct arena *arena = vswitch->arena;

    /* Clients first: their streams look at what goes now. */
    if (vswitch->service->control)
        control_server_destroy(vswitch->service->control);
    vswitch->service->control = NULL;
    timer_cancel(&vswitch->age);
    timer_cancel(&vswitch->settled);
    if (vswitch->backend)
        xenbus_backend_destroy(vswitch->backend);
    for (unsigned i = 0; i < SWITCH_PORTS; i++)
        HV_ASSERT(!vswitch->ports[i]);
    mirrors_destroy(vswitch);
    if (vswitch->forward)
        forward_destroy(vswitch->forward);
    vswitch_rules_free(vswitch, vswitch->rules);
    if (vswitch->events)
        events_destroy(vswitch->events);
    if (vswitch->snoop)
        snoop_destroy(vswitch->snoop);
    if (vswitch->fdb)
        fdb_destroy(vswitch->fdb);
    *(struct vswitch **)vswitch->service->config->context = NULL;
    arena_free(arena, vswitch, sizeof(*vswitch));
}

/* --- generations --------------------------------------------------------------------------------
 */

struct rules *vswitch_rules_alloc(struct vswitch *vswitch, unsigned ports)
{
    struct rules *rules = arena_zalloc(vswitch->arena, sizeof(*rules));

    if (!rules)
        return NULL;
    rules->port_max = ports;
    /* One at least, so that there is an array. */
    rules->ports = arena_zalloc(vswitch->arena, (ports ? ports : 1) * sizeof(*rules->ports));
    if (rules->ports)
        return rules;
    arena_free(vswitch->arena, rules, sizeof(*rules));
    return NULL;
}

void vswitch_rules_free(struct vswitch *vswitch, struct rules *rules)
{
    if (!rules)
        return;
    arena_free(vswitch->arena, rules->ports,
               (rules->port_max ? rules->port_max : 1) * sizeof(*rules->ports));
    arena_free(vswitch->arena, rules, sizeof(*rules));
}

/* Bridges that there would be, all names different. */
struct names {
    const char *name[SWITCH_BRIDGES + 1];
    unsigned count;
};

static void add_name(struct names *names, const char *name)
{
    for (unsigned i = 0; i < names->count; i++)
        if (!strcmp(names->name[i], name))
            return;
    if (names->count <= SWITCH_BRIDGES)
        names->name[names->count++] = name;
}

static bool bridges_suffice(const struct vswitch *vswitch, const struct rules *rules)
{
    struct names names = {.count = 0};

    for (unsigned i = 0; i < rules->bridge_count; i++)
        add_name(&names, rules->bridges[i].name);
    for (unsigned i = 0; i < SWITCH_PORTS; i++)
        if (vswitch->ports[i] && vswitch->ports[i]->described)
            add_name(&names, port_bridge_name(vswitch->ports[i], rules));
    return names.count <= SWITCH_BRIDGES;
}

/* vswitch->rules are new: nothing fails from here on. */
static void put_in_force(struct vswitch *vswitch)
{
    for (unsigned i = 0; i < SWITCH_PORTS; i++) {
        struct port *port = vswitch->ports[i];

        if (!port)
            continue;
        port->rules = NULL; /* those it pointed to are gone */
        if (port->bridge && strcmp(port->bridge->name, port_bridge_name(port, vswitch->rules)) != 0)
            bridge_leave(port);
    }
    vswitch_bridges_sweep(vswitch);
    for (unsigned i = 0; i < vswitch->rules->bridge_count; i++)
        HV_ASSERT(vswitch_bridge(vswitch, vswitch->rules->bridges[i].name));
    for (unsigned i = 0; i < SWITCH_BRIDGES; i++)
        if (vswitch->bridges[i].used)
            bridge_configure(vswitch, &vswitch->bridges[i]);
    for (unsigned i = 0; i < SWITCH_PORTS; i++)
        if (vswitch->ports[i])
            port_configure(vswitch->ports[i]);
}

int vswitch_apply(struct vswitch *vswitch, struct rules *rules, const char **why)
{
    struct rules *old = vswitch->rules;

    if (!bridges_suffice(vswitch, rules)) {
        *why = "with the bridges that toolstacks name there would be more than there can be";
        return -ENOSPC;
    }
    if (mirrors_apply(vswitch, rules)) {
        *why = "no memory for the mirrors";
        return -ENOMEM;
    }
    vswitch->rules = rules;
    vswitch->applied++;
    put_in_force(vswitch);
    vswitch_rules_free(vswitch, old);
    if (vswitch->awaits_rules) {
        vswitch->awaits_rules = false;
        forward_begin(vswitch->forward);
    }
    log_write(vswitch->log, LOG_NOTICE, "rules of generation %llu in force: %u ports, %u bridges",
              (unsigned long long)rules->generation, rules->port_count, rules->bridge_count);
    events_add(vswitch->events, NULL,
               &(struct event){.kind = EVENT_APPLIED, .number = rules->generation});
    return 0;
}
