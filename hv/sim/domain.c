/* SPDX-License-Identifier: ISC */
/*
 * Domains: made, shut down, killed, and gone when the last of their pages is unmapped. Each of the
 * last three raises VIRQ_DOM_EXC, as xen/common/domain.c does.
 */
#include "hv/sim/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_PAGES 2048U

struct hv *sim_lookup(struct sim *sim, domid_t domid)
{
    return domid < HV_DOMID_FIRST_RESERVED ? sim->by_domid[domid] : NULL;
}

struct hv *sim_domain_create(struct sim *sim, const struct sim_domain_config *config)
{
    HV_ASSERT(config->domid < HV_DOMID_FIRST_RESERVED);
    if (sim->by_domid[config->domid])
        return NULL;

    struct hv *hv = sim_calloc(1, sizeof(*hv));
    hv->sim = sim;
    hv->domid = config->domid;
    hv->xs_domain = config->xs_domain;
    hv->serial = ++sim->next_serial;
    hv->ready = SIM_NONE;
    hv->timer = SIM_NONE;
    hv->open[0] = 1; /* port 0 is never valid */
    memcpy(hv->handle, config->handle, sizeof(hv->handle));
    hv->cmdline = strdup(config->cmdline ? config->cmdline : "");
    if (!hv->cmdline)
        hv_panic("sim: out of memory");
    if (config->module_size) {
        hv->module = sim_calloc(1, config->module_size);
        hv->module_size = config->module_size;
        memcpy(hv->module, config->module, config->module_size);
    }
    sim_grants_create(hv);
    sim_memory_create(hv, config->pages ? config->pages : DEFAULT_PAGES, config->reserved_pages);

    hv->index = sim->domain_count;
    if (sim->domain_count == sim->domain_room) {
        unsigned room = sim->domain_room;
        sim->domains =
            sim_grow(sim->domains, sim->domain_count, &sim->domain_room, sizeof(*sim->domains));
        sim->ready = sim_grow(sim->ready, room, &room, sizeof(*sim->ready));
        room = sim->domain_count;
        sim->timers = sim_grow(sim->timers, room, &room, sizeof(*sim->timers));
    }
    sim->domains[sim->domain_count++] = hv;
    sim->by_domid[hv->domid] = hv;
    sim->known[hv->domid / 64] |= UINT64_C(1) << hv->domid % 64;
    if (hv->xs_domain)
        sim->dom_exc_handler = hv;
    return hv;
}

void sim_domain_shutdown(struct hv *hv, uint8_t reason)
{
    if (!hv->shutdown) {
        hv->shutdown = true;
        hv->shutdown_reason = reason;
        sim_unschedule(hv);
        sim_raise_dom_exc(hv->sim);
    }
    if (hv->sim->current == hv)
        sim_leave(hv->sim);
}

void sim_domain_kill(struct hv *hv)
{
    struct sim *sim = hv->sim;

    HV_ASSERT(!hv->dying);
    hv->dying = true;
    sim_unschedule(hv);
    hv->step = NULL;
    if (sim->dom_exc_handler == hv)
        sim->dom_exc_handler = NULL;
    sim_ports_close_all(hv);
    sim_mappings_release(hv);
    sim_memory_release(hv, false);
    sim_raise_dom_exc(sim);
    if (hv->pins == 0)
        sim_domain_finalise(hv);
}

void sim_domain_finalise(struct hv *hv)
{
    struct sim *sim = hv->sim;

    HV_ASSERT(hv->dying && hv->arena == NULL);
    sim->by_domid[hv->domid] = NULL;
    sim->known[hv->domid / 64] &= ~(UINT64_C(1) << hv->domid % 64);
    struct hv *last = sim->domains[--sim->domain_count];
    last->index = hv->index;
    sim->domains[last->index] = last;
    sim_grants_release(hv);
    sim_memory_release(hv, true);
    free(hv->cmdline);
    free(hv->module);
    free(hv);
    sim_raise_dom_exc(sim);
}

void sim_domain_destroy(struct hv *hv)
{
    struct sim *sim = hv->sim;
    bool current = sim->current == hv;

    sim_domain_kill(hv);
    if (current)
        sim_leave(sim);
}

void sim_domain_set_handle(struct hv *hv, const uint8_t handle[16])
{
    memcpy(hv->handle, handle, sizeof(hv->handle));
}

void sim_domain_no_faults(struct hv *hv)
{
    hv->no_faults = true;
}

struct sim *sim_of(struct hv *hv)
{
    return hv->sim;
}

void sim_usage(struct hv *hv, struct sim_usage *usage)
{
    *usage = hv->usage;
}

void sim_set_store_ring(struct hv *hv, void *page, evtchn_port_t port)
{
    hv->store_page = page;
    hv->store_port = port;
}

int hv_store_ring(struct hv *hv, void **page, evtchn_port_t *port)
{
    if (!hv->store_page)
        return -ENOENT;
    *page = hv->store_page;
    *port = hv->store_port;
    return 0;
}

int hv_domain_info(struct hv *hv, domid_t first, struct hv_domain_info *info)
{
    struct sim *sim = hv->sim;

    if (!hv->xs_domain)
        return -EPERM;
    if (first >= HV_DOMID_FIRST_RESERVED)
        return -ESRCH;

    uint64_t found = sim->known[first / 64] & UINT64_MAX << first % 64;
    for (unsigned word = first / 64;;) {
        if (found) {
            const struct hv *other = sim->by_domid[word * 64 + (unsigned)__builtin_ctzll(found)];
            *info = (struct hv_domain_info){
                .domid = other->domid,
                .dying = other->dying,
                .shutdown = other->shutdown,
                .shutdown_reason = other->shutdown ? other->shutdown_reason : 0,
            };
            memcpy(info->handle, other->handle, sizeof(info->handle));
            return 0;
        }
        if (++word == sizeof(sim->known) / sizeof(sim->known[0]))
            return -ESRCH;
        found = sim->known[word];
    }
}
