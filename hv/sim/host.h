/* SPDX-License-Identifier: ISC */
/**
 * @file hv/sim/host.h
 * Inside of the simulator: the host, its domains, and what the files of this folder offer each
 * other. Tests and services see hv/sim/sim.h and the contract only.
 *
 * All frames of the host lie in one memory file. A domain's own pages are one contiguous mapping of
 * a range of it (the arena); a grant mapping maps the same frames a second time, so both sides see
 * the same bytes. Ranges of the file are never used twice: a stale pointer faults instead of
 * meeting another domain's data.
 */
#ifndef SIM_HOST_H
#define SIM_HOST_H

#include "hv/sim/sim.h"

#include <setjmp.h>

#define SIM_PORT_WORDS    (HV_EVTCHN_PORTS / 64U)
#define SIM_GRANT_ENTRIES 32768U /**< 64 frames of version 1, Xen's default */
#define SIM_MAP_HANDLES   65536U /**< grant mappings a domain may hold */
#define SIM_MAP_BUCKETS   256U
#define SIM_CONSOLE_RING  2048U
#define SIM_DOMID_SELF    0x7ff0U
#define SIM_NONE          UINT32_MAX
#define SIM_STEP_TIME     UINT64_C(1000) /**< virtual nanoseconds that a step takes */

enum sim_port_state { SIM_PORT_FREE = 0, SIM_PORT_UNBOUND, SIM_PORT_INTERDOMAIN, SIM_PORT_VIRQ };

struct sim_port {
    uint8_t state;
    uint8_t virq;
    domid_t remote_domid; /**< who may bind, where unbound */
    evtchn_port_t remote_port;
    struct hv *remote; /**< where interdomain: the other end, never stale */
};

/** One entry of a grant table. Free entries are chained by @next. */
struct sim_grant {
    domid_t domid;
    bool used;
    bool readonly;
    uint32_t page;     /**< index into the owner's arena */
    uint32_t pins;     /**< mappings in force */
    uint32_t writable; /**< of these, writable ones */
    uint32_t next;
};

/** One page of a grant mapping. The owner cannot go while it is pinned. */
struct sim_pin {
    struct hv *owner;
    grant_ref_t ref;
};

struct sim_mapping {
    struct sim_mapping *next;          /**< in its bucket */
    struct sim_mapping *older, *newer; /**< of the domain's */
    char *address;
    unsigned count;
    bool readonly;
    struct sim_pin pins[];
};

/** What the simulator knows of a page of a domain's. */
struct sim_page {
    uint32_t run;    /**< at the first page of an allocation: its length */
    uint16_t grants; /**< entries of the grant table that name it */
    bool allocated;
};

struct hv {
    struct sim *sim;
    domid_t domid;
    bool xs_domain, sealed, no_faults;
    bool shutdown, dying;
    uint8_t shutdown_reason;
    uint8_t handle[16];
    char *cmdline;
    void *module; /**< NULL: none */
    size_t module_size;
    uint32_t index;  /**< in sim->domains */
    uint64_t serial; /**< never reused, unlike the domid */

    /* Scheduling (sched.c). */
    sim_step_fn *step;
    void *context;
    uint32_t ready;    /**< place in sim->ready, or SIM_NONE */
    uint32_t timer;    /**< place in sim->timers, or SIM_NONE */
    uint64_t deadline; /**< where in sim->timers */
    uint64_t watchdog; /**< ends the domain at that time; 0: not armed */

    /* Event channels (evtchn.c). Bit w of active is set iff pending[w] & ~mask[w] is not 0. */
    uint64_t active;
    uint64_t pending[SIM_PORT_WORDS];
    uint64_t mask[SIM_PORT_WORDS];
    uint64_t open[SIM_PORT_WORDS];
    uint64_t full; /**< bit w: open[w] has no free port */
    uint32_t last; /**< the port handed out last */
    struct sim_port *ports[SIM_PORT_WORDS];
    evtchn_port_t virq_dom_exc;

    /* Memory (memory.c). */
    char *arena;
    unsigned pages;
    unsigned reserved_pages; /**< behind them in the arena: those of hv_reserved() */
    unsigned first_free;     /**< no page below it is free */
    uint64_t offset;         /**< of the arena in the memory file */
    struct sim_page *page;

    /* Grants (gnttab.c). */
    struct sim_grant *grants;
    uint32_t grant_entries, grant_free;
    uint64_t pins; /**< pages of ours that are mapped, by all domains */
    struct sim_mapping *mappings[SIM_MAP_BUCKETS]; /**< by address */
    struct sim_mapping *newest;                    /**< by age: addresses differ from run to run */

    /* The rest. */
    void *store_page;
    evtchn_port_t store_port;
    bool console_stalled;
    unsigned console_used;
    uint64_t console_dropped;
    struct sim_usage usage;
};

/** An event that is held back. */
struct sim_held {
    domid_t domid;
    uint64_t serial;
    evtchn_port_t port;
    unsigned steps;
};

struct sim {
    uint64_t prng[4];
    uint64_t seed;
    uint64_t now;
    uint64_t trace;
    uint64_t next_serial;

    int memory;           /**< the memory file */
    uint64_t memory_used; /**< bytes handed out to arenas so far */

    struct hv **by_domid; /**< HV_DOMID_FIRST_RESERVED entries */
    uint64_t known[512];  /**< bit per domid */
    struct hv **domains;  /**< dense, in no order; zombies included */
    unsigned domain_count, domain_room;
    struct hv *dom_exc_handler;

    struct hv **ready; /**< whose actors have something to do */
    unsigned ready_count;
    struct hv **timers; /**< binary heap by deadline */
    unsigned timer_count;
    uint64_t watchdog;  /**< no domain's is due before that time; HV_NEVER: none is armed */
    struct hv *current; /**< whose actor is being stepped */
    jmp_buf *leave;     /**< out of the step, for domains that end within it */

    struct sim_held *held;
    unsigned held_count, held_room;

    bool tearing_down;
    bool in_adversary;
    sim_adversary_fn *adversary;
    void *adversary_context;
    sim_console_fn *console;
    void *console_context;
    struct sim_faults faults;
    uint64_t fail_nth;
    uint64_t fault_points;
};

/** random.c: draw; @chance in parts of 65,536, without drawing where it is 0. */
uint64_t sim_draw(struct sim *sim);
bool sim_chance(struct sim *sim, uint16_t chance);
/** Pass a fault point; true: fail. */
bool sim_fault(struct hv *hv, uint16_t chance);
void sim_seed(struct sim *sim, uint64_t seed);
static inline void sim_trace_add(struct sim *sim, uint64_t what)
{
    sim->trace = (sim->trace ^ what) * UINT64_C(0x9e3779b97f4a7c15);
    sim->trace ^= sim->trace >> 29;
}

/** sched.c */
void sim_make_ready(struct hv *hv);
void sim_unschedule(struct hv *hv);
/** Leave the step that runs; its domain has ended. */
_Noreturn void sim_leave(struct sim *sim);

/** evtchn.c */
void sim_signal(struct hv *hv, evtchn_port_t port);
void sim_signal_now(struct hv *hv, evtchn_port_t port);
void sim_release_held(struct sim *sim, bool all);
void sim_spurious(struct sim *sim);
void sim_ports_close_all(struct hv *hv);
void sim_raise_dom_exc(struct sim *sim);

/** domain.c */
struct hv *sim_lookup(struct sim *sim, domid_t domid);
void sim_domain_kill(struct hv *hv);
/** A dying domain whose last page was unmapped. */
void sim_domain_finalise(struct hv *hv);

/** memory.c */
void sim_memory_create(struct hv *hv, unsigned pages, unsigned reserved);
/** Index of the allocated page at @address; panics where there is none. */
uint32_t sim_page_index(struct hv *hv, const void *address, const char *what);
void sim_memory_release(struct hv *hv, bool frames);

/** gnttab.c */
void sim_grants_create(struct hv *hv);
void sim_mappings_release(struct hv *hv);
void sim_grants_release(struct hv *hv);

void *sim_calloc(size_t count, size_t size);
void *sim_grow(void *array, unsigned count, unsigned *room, size_t size);

#endif
