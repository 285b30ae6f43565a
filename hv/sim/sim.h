/* SPDX-License-Identifier: ISC */
/**
 * @file hv/sim/sim.h
 * A Xen host in one process, deterministic by seed: domains, event channels, grants, virtual time,
 * a scheduler that picks the next actor, and an adversary that acts between any two shared loads.
 *
 * The test owns the `struct sim`. Each domain is a `struct hv` and may have an actor: a step
 * function that the scheduler calls when the domain has something to do.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include <hv/domain.h>
#include <hv/evtchn.h>
#include <hv/gnttab.h>
#include <hv/hv.h>
#include <hv/memory.h>
#include <hv/time.h>

struct sim;

/** How a domain of the simulated host is made. */
struct sim_domain_config {
    domid_t domid;
    bool xs_domain;          /**< may ask for getdomaininfo, gets VIRQ_DOM_EXC */
    unsigned pages;          /**< what hv_page_alloc() can give; 0: 2048 */
    const char *cmdline;     /**< NULL: "" */
    const void *module;      /**< its boot module, copied; NULL: none */
    size_t module_size;      /**< bytes of it */
    unsigned reserved_pages; /**< what hv_reserved() gives, beside @ref pages; 0: none */
    uint8_t handle[16];
};

/** Probabilities in parts of 65,536 of each fault, drawn from the seed; all 0 at first. */
struct sim_faults {
    uint16_t page_alloc;    /**< hv_page_alloc() gives NULL */
    uint16_t grant_map;     /**< hv_grant_map() fails */
    uint16_t grant_copy;    /**< one copy of a batch fails */
    uint16_t evtchn_bind;   /**< bind and alloc_unbound fail */
    uint16_t spurious;      /**< a bound port becomes pending without a cause, per scheduler step */
    uint16_t delayed_event; /**< an event is held back for a few steps, so that edges coalesce */
    uint16_t early_wake;    /**< hv_wait() returns without a cause */
};

struct sim *sim_create(uint64_t seed);

/** Ends all domains; checks that the simulator's own books balance. */
void sim_destroy(struct sim *sim);

/** The virtual time, as hv_now() tells it to each domain. */
uint64_t sim_now(const struct sim *sim);

/** A hash of all that was scheduled, signalled and failed so far: equal for equal runs. */
uint64_t sim_trace(const struct sim *sim);

/** A uniformly drawn number below @bound, from the sim's seed. */
uint64_t sim_random(struct sim *sim, uint64_t bound);

/** Make a domain. NULL if the domid is taken by a domain that is not fully gone. */
struct hv *sim_domain_create(struct sim *sim, const struct sim_domain_config *config);

/** Keep faults away from this domain (a test's client): its calls are no fault points. */
void sim_domain_no_faults(struct hv *hv);

/** The domain's sim. */
struct sim *sim_of(struct hv *hv);

/**
 * It shuts down (SHUTDOWN_*): stays, no longer stepped; raises VIRQ_DOM_EXC. Within the domain's
 * own step (from the adversary, too) this does not return: the step ends where it is.
 */
void sim_domain_shutdown(struct hv *hv, uint8_t reason);

/**
 * It dies: its ports close (peers' ends go back to unbound for its domid), its actor is never
 * stepped again; pages that others map stay until they unmap them, and keep the domain dying (a
 * zombie). Raises VIRQ_DOM_EXC at death and again when it is fully gone. @hv is invalid afterwards.
 * Within the domain's own step this does not return, as with sim_domain_shutdown().
 */
void sim_domain_destroy(struct hv *hv);

/** Change the handle, as XEN_DOMCTL_setdomainhandle does. */
void sim_domain_set_handle(struct hv *hv, const uint8_t handle[16]);

/**
 * Fill a reserved grant reference (HV_GNTTAB_XENSTORE, ...) of @hv, as the toolstack does.
 * hv_grant_access() itself never hands these out. @page NULL: empty it again.
 */
void sim_grant_reserved(struct hv *hv, grant_ref_t ref, domid_t remote, void *page);

/** What hv_store_ring() shall say; @page NULL: -ENOENT, as at first. */
void sim_set_store_ring(struct hv *hv, void *page, evtchn_port_t port);

/** Where console output goes; NULL: nowhere, but to stderr with SIM_CONSOLE=1 in the environment.
 */
typedef void sim_console_fn(void *context, struct hv *hv, const char *text, size_t length);
void sim_set_console(struct sim *sim, sim_console_fn *console, void *context);

/** Nobody drains the console of @hv: what does not fit into its ring of 2 KiB is dropped. */
void sim_console_stall(struct hv *hv, bool stalled);

/**
 * The step function of the domain: does what there is to do and returns 0 if it has more to do at
 * once, else the deadline in hv_now() time until which it only waits for events (HV_NEVER: none).
 */
typedef uint64_t sim_step_fn(void *context);
void sim_set_actor(struct hv *hv, sim_step_fn *step, void *context);

/**
 * Run actors in an order drawn from the seed until all wait and no deadline is near, or @max_steps
 * steps were made. Each step takes a microsecond of virtual time; while all wait, time jumps to the
 * next deadline or watchdog (hv_watchdog()), if that is not after @until, and at the end to @until
 * (unless it is HV_NEVER).
 * Returns the number of steps. Not to be called within a step; nor is hv_wait(), which runs the
 * other domains' actors until its own domain has an event or its deadline has passed.
 */
uint64_t sim_run(struct sim *sim, uint64_t until, uint64_t max_steps);

/** Called before every hv_shared_*() of @hv's: may rewrite any shared page. NULL: none. */
typedef void sim_adversary_fn(void *context, struct hv *victim, const void *address, size_t length);
void sim_set_adversary(struct sim *sim, sim_adversary_fn *adversary, void *context);

void sim_set_faults(struct sim *sim, const struct sim_faults *faults);

/** Fail exactly the @n-th (from 1) fault point of any kind from now on; 0: none. */
void sim_fail_nth(struct sim *sim, uint64_t n);

/** Fault points passed since sim_fail_nth(); tells a sweep when it is complete. */
uint64_t sim_fault_points(const struct sim *sim);

/** What of the domain's is in use, to prove that nothing leaks. */
struct sim_usage {
    unsigned pages;    /**< allocated by hv_page_alloc() */
    unsigned ports;    /**< not closed, virqs included */
    unsigned grants;   /**< handed out by hv_grant_access() */
    unsigned mappings; /**< pages mapped from others */
    uint64_t sends, maps, copies, copy_calls, copy_bytes, waits; /**< calls so far */
};
void sim_usage(struct hv *hv, struct sim_usage *usage);

#endif
