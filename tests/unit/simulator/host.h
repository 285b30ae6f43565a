/* SPDX-License-Identifier: ISC */
/** @file host.h  What the tests of the simulator share. */
#ifndef TESTS_UNIT_SIMULATOR_HOST_H
#define TESTS_UNIT_SIMULATOR_HOST_H

#include "hv/sim/sim.h"

#include <check.h>
#include <errno.h>
#include <hv/console.h>
#include <string.h>

/** A domain with 64 pages. */
static inline struct hv *make_domain(struct sim *sim, domid_t domid)
{
    struct hv *hv =
        sim_domain_create(sim, &(struct sim_domain_config){.domid = domid, .pages = 64});
    ck_assert_ptr_nonnull(hv);
    return hv;
}

/** The domain that hears of deaths; its VIRQ_DOM_EXC in *@virq. */
static inline struct hv *make_watcher(struct sim *sim, domid_t domid, evtchn_port_t *virq)
{
    struct hv *hv = sim_domain_create(
        sim, &(struct sim_domain_config){.domid = domid, .pages = 64, .xs_domain = true});
    ck_assert_ptr_nonnull(hv);
    ck_assert_int_eq(hv_evtchn_bind_virq(hv, HV_VIRQ_DOM_EXC, virq), 0);
    return hv;
}

/** A channel between @a and @b, without pending events. */
static inline void make_channel(struct hv *a, struct hv *b, evtchn_port_t *port_a,
                                evtchn_port_t *port_b)
{
    ck_assert_int_eq(hv_evtchn_alloc_unbound(a, hv_domid(b), port_a), 0);
    ck_assert_int_eq(hv_evtchn_bind_interdomain(b, hv_domid(a), *port_a, port_b), 0);
    ck_assert_uint_eq(hv_evtchn_next(b), *port_b);
}

/** A page of @owner's, full of @fill, granted to @remote. */
static inline char *make_grant(struct hv *owner, domid_t remote, char fill, grant_ref_t *ref)
{
    char *page = hv_page_alloc(owner, 1);
    ck_assert_ptr_nonnull(page);
    memset(page, fill, HV_PAGE_SIZE);
    ck_assert_int_eq(hv_grant_access(owner, remote, page, false, ref), 0);
    return page;
}

TCase *schedule_cases(void);
TCase *death_cases(void);
TCase *fault_cases(void);
TCase *memory_cases(void);
TCase *stress_cases(void);

#endif
