/* SPDX-License-Identifier: ISC */
/*
 * Domains that come and go at random, grant, map, unmap and revoke, beside a model so simple that
 * it is plainly right: each page carries its own number, each life of a domain counts its pins.
 */
#include "tests/unit/simulator/host.h"

#include <stdlib.h>

#define DOMIDS   5U
#define GRANTS   6U
#define MAPPINGS 40U
#define LIVES    600U
#define ROUNDS   4000U

struct life {
    struct hv *hv; /**< NULL: dead, and a zombie while pins is not 0 */
    domid_t domid;
    unsigned pins;
    struct {
        uint32_t *page; /**< NULL: no grant here */
        grant_ref_t ref;
        domid_t remote;
        bool readonly;
        unsigned pins;
        uint32_t tag;
    } grants[GRANTS];
};

struct mapping {
    struct life *user, *owner; /**< user NULL: unused */
    unsigned count, index[3];
    bool readonly;
    char *address;
};

struct world {
    struct sim *sim;
    struct life lives[LIVES], *current[DOMIDS]; /**< the last of each domid */
    unsigned life_count;
    struct mapping mappings[MAPPINGS];
    uint32_t tags;
    unsigned done[8]; /**< how often each kind of outcome came up */
};

static unsigned draw(struct world *w, unsigned bound)
{
    return (unsigned)sim_random(w->sim, bound);
}

static void be_born(struct world *w, unsigned slot)
{
    struct life *old = w->current[slot];
    bool taken = old && (old->hv || old->pins != 0);
    struct hv *hv = sim_domain_create(
        w->sim, &(struct sim_domain_config){.domid = (domid_t)(slot + 1), .pages = 16});

    ck_assert_int_eq(hv == NULL, taken);
    if (taken)
        return;
    ck_assert_uint_lt(w->life_count, LIVES);
    w->current[slot] = &w->lives[w->life_count++];
    w->current[slot]->hv = hv;
    w->current[slot]->domid = (domid_t)(slot + 1);
    w->done[0]++;
}

static void forget(struct mapping *mapping)
{
    for (unsigned i = 0; i < mapping->count; i++)
        mapping->owner->grants[mapping->index[i]].pins--;
    mapping->owner->pins -= mapping->count;
    mapping->user = NULL;
}

static void die(struct world *w, struct life *life)
{
    sim_domain_destroy(life->hv);
    life->hv = NULL;
    for (unsigned i = 0; i < MAPPINGS; i++) {
        if (w->mappings[i].user == life)
            forget(&w->mappings[i]);
    }
    w->done[1] += life->pins != 0;
}

static void grant_or_revoke(struct world *w, struct life *life)
{
    unsigned index = draw(w, GRANTS);

    if (life->grants[index].page) {
        bool busy = life->grants[index].pins != 0;
        ck_assert_int_eq(hv_grant_revoke(life->hv, life->grants[index].ref), busy ? -EAGAIN : 0);
        w->done[2 + busy]++;
        if (!busy) {
            hv_page_free(life->hv, life->grants[index].page, 1);
            life->grants[index].page = NULL;
        }
        return;
    }
    uint32_t *page = hv_page_alloc(life->hv, 1);
    ck_assert_ptr_nonnull(page);
    ck_assert_uint_eq(page[0] | page[1023], 0);
    life->grants[index].page = page;
    life->grants[index].remote = (domid_t)(1 + draw(w, DOMIDS));
    life->grants[index].readonly = draw(w, 3) == 0;
    life->grants[index].tag = page[0] = page[1023] = ++w->tags;
    ck_assert_int_eq(hv_grant_access(life->hv, life->grants[index].remote, page,
                                     life->grants[index].readonly, &life->grants[index].ref),
                     0);
}

static void map(struct world *w, struct life *user, unsigned slot)
{
    struct mapping *mapping = &w->mappings[draw(w, MAPPINGS)];
    struct life *owner = w->current[slot];
    grant_ref_t refs[3];
    void *address;
    int expected = 0;

    if (mapping->user)
        return;
    mapping->count = 1 + draw(w, 3);
    mapping->readonly = draw(w, 2) == 0;
    for (unsigned i = 0; i < mapping->count; i++) {
        unsigned index = mapping->index[i] = draw(w, GRANTS);
        bool there = owner && owner->hv && owner->grants[index].page;
        refs[i] = there ? owner->grants[index].ref : 999999;
        if (!there || owner->grants[index].remote != user->domid ||
            (owner->grants[index].readonly && !mapping->readonly))
            expected = -EINVAL;
    }
    if (!owner || (!owner->hv && owner->pins == 0))
        expected = -ESRCH;
    ck_assert_int_eq(hv_grant_map(user->hv, (domid_t)(slot + 1), refs, mapping->count,
                                  mapping->readonly, &address),
                     expected);
    w->done[4 + (expected == 0)]++;
    if (expected != 0)
        return;
    mapping->user = user;
    mapping->owner = owner;
    mapping->address = address;
    owner->pins += mapping->count;
    for (unsigned i = 0; i < mapping->count; i++)
        owner->grants[mapping->index[i]].pins++;
}

static void look(struct world *w, struct mapping *mapping)
{
    for (unsigned i = 0; i < mapping->count; i++) {
        unsigned index = mapping->index[i];
        uint32_t *page = (uint32_t *)(void *)(mapping->address + i * HV_PAGE_SIZE);
        ck_assert_uint_eq(page[0], mapping->owner->grants[index].tag);
        ck_assert_uint_eq(page[1023], mapping->owner->grants[index].tag);
        if (!mapping->readonly) {
            mapping->owner->grants[index].tag = page[0] = page[1023] = ++w->tags;
            if (mapping->owner->hv)
                ck_assert_uint_eq(mapping->owner->grants[index].page[0], w->tags);
        }
    }
}

static void check_books(struct world *w)
{
    struct sim_usage usage;

    for (unsigned slot = 0; slot < DOMIDS; slot++) {
        struct life *life = w->current[slot];
        unsigned grants = 0, mappings = 0;
        if (!life || !life->hv)
            continue;
        for (unsigned i = 0; i < GRANTS; i++)
            grants += life->grants[i].page != NULL;
        for (unsigned i = 0; i < MAPPINGS; i++)
            mappings += w->mappings[i].user == life ? w->mappings[i].count : 0;
        sim_usage(life->hv, &usage);
        ck_assert_uint_eq(usage.pages, grants);
        ck_assert_uint_eq(usage.grants, grants);
        ck_assert_uint_eq(usage.mappings, mappings);
    }
}

START_TEST(pages_and_pins)
{
    struct world *w = calloc(1, sizeof(*w));

    w->sim = sim_create((uint64_t)_i);
    for (unsigned round = 0; round < ROUNDS; round++) {
        unsigned slot = draw(w, DOMIDS);
        struct life *life = w->current[slot];
        unsigned what = draw(w, 100);
        struct mapping *mapping = &w->mappings[draw(w, MAPPINGS)];
        if (what < 10)
            be_born(w, slot);
        else if (!life || !life->hv)
            continue;
        else if (what < 12)
            die(w, life);
        else if (what < 40)
            grant_or_revoke(w, life);
        else if (what < 75)
            map(w, life, draw(w, DOMIDS));
        else if (mapping->user) {
            look(w, mapping);
            if (what < 90) {
                ck_assert_int_eq(
                    hv_grant_unmap(mapping->user->hv, mapping->address, mapping->count), 0);
                forget(mapping);
                w->done[6]++;
            }
        }
        if (round % 64 == 0)
            check_books(w);
    }
    for (unsigned i = 0; i < 7; i++)
        ck_assert_uint_gt(w->done[i], 3); /* each outcome came up */
    sim_destroy(w->sim);
    free(w);
}
END_TEST

#define CHANNELS 300U

/** Events over many channels between two domains, beside a model of one flag each. */
START_TEST(events)
{
    struct sim *sim = sim_create((uint64_t)_i);
    struct hv *sender = make_domain(sim, 1), *receiver = make_domain(sim, 2);
    struct {
        evtchn_port_t from, to;
        bool open, pending, masked;
    } channels[CHANNELS] = {0};

    for (unsigned round = 0; round < 30000; round++) {
        unsigned n = (unsigned)sim_random(sim, CHANNELS);
        switch (channels[n].open ? sim_random(sim, 8) : 99) {
        case 99:
            ck_assert_int_eq(hv_evtchn_alloc_unbound(sender, 2, &channels[n].from), 0);
            ck_assert_int_eq(
                hv_evtchn_bind_interdomain(receiver, 1, channels[n].from, &channels[n].to), 0);
            channels[n].open = channels[n].pending = true;
            channels[n].masked = false;
            break;
        case 0:
            if (sim_random(sim, 8) != 0)
                break;
            ck_assert_int_eq(hv_evtchn_close(receiver, channels[n].to), 0);
            ck_assert_int_eq(hv_evtchn_close(sender, channels[n].from), 0);
            channels[n].open = channels[n].pending = false;
            break;
        case 1:
            hv_evtchn_mask(receiver, channels[n].to);
            channels[n].masked = true;
            break;
        case 2:
        case 3:
            hv_evtchn_unmask(receiver, channels[n].to);
            channels[n].masked = false;
            break;
        case 4:
        case 5: {
            evtchn_port_t port = hv_evtchn_next(receiver);
            bool any = false;
            for (unsigned i = 0; i < CHANNELS; i++) {
                if (!channels[i].open || !channels[i].pending || channels[i].masked)
                    continue;
                any = true;
                if (channels[i].to == port) {
                    channels[i].pending = false;
                    port = 0;
                    break;
                }
            }
            ck_assert(port == 0 || any);
            ck_assert_uint_eq(port, 0); /* what was handed out was pending */
            break;
        }
        default:
            ck_assert_int_eq(hv_evtchn_send(sender, channels[n].from), 0);
            channels[n].pending = true;
            break;
        }
    }
    unsigned left = 0;
    for (unsigned i = 0; i < CHANNELS; i++)
        left += channels[i].open && channels[i].pending && !channels[i].masked;
    ck_assert_uint_gt(left, 0);
    for (; left > 0; left--)
        ck_assert_uint_ne(hv_evtchn_next(receiver), 0);
    ck_assert_uint_eq(hv_evtchn_next(receiver), 0);
    sim_destroy(sim);
}
END_TEST

TCase *stress_cases(void)
{
    TCase *cases = tcase_create("stress");

    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, pages_and_pins, 0, 10);
    tcase_add_loop_test(cases, events, 0, 5);
    return cases;
}
