/* SPDX-License-Identifier: ISC */
/**
 * @file host.h
 * A simulated host with a store domain, dom0 and guests, as a fixture of tests.
 *
 * The guests have no actor: the test itself is every guest, writes their rings and reads them
 * between runs of the scheduler, in which only the store domain steps.
 */
#ifndef TESTS_SIM_HOST_H
#define TESTS_SIM_HOST_H

#include "client.h"

#include "hv/sim/sim.h"
#include "services/xenstored/xenstored.h"

#define HOST_STORE_DOMID 1U
#define HOST_CLIENTS     1024U

/** How the host is made; all zero is a good choice. */
struct host_config {
    uint64_t seed;
    unsigned store_pages; /**< of the store domain; 0: 2048 (8 MiB) */
    uint32_t start_index; /**< of dom0's ring */
    unsigned journal;     /**< pages reserved for the journal; 0: what HOST_JOURNAL says, or none */
    bool control;         /**< the service listens for control clients */
    bool lenient;         /**< a service that cannot start is no failure: host->xs is NULL then */
};

/**
 * How the store domain is killed, and comes back: a successor of the same domid gets the reserved
 * pages as they were, and goes on with the rings as they are.
 */
struct host_deaths {
    uint64_t in;    /**< die before the so many-th access to shared memory or journal; 0: never */
    uint64_t then;  /**< the second death before the so many-th access after that; 0: @every says */
    uint64_t every; /**< then draw the next of as many; 0: no more */
    uint64_t random;
    unsigned count, recoveries; /**< deaths so far; of these before a successor's checkpoint */
    unsigned early;             /**< of these in a successor's first step */
    bool first;                 /**< within it */
    bool stepping;              /**< within the service's own step */
    bool dead;
    bool alone;    /**< no successor comes up but by host_succeed() */
    bool poison;   /**< keep what tells of requests that killed; else a run has too many deaths */
    uint8_t *kept; /**< the reserved pages that the successor gets; NULL: none */
    size_t kept_size; /**< of them, in bytes: all, or what journal_cut() leaves */
};

struct host {
    struct sim *sim;
    struct hv *store;
    bool control;
    struct xenstored *xs; /**< NULL: not started yet, or it was killed and has no successor */
    struct host_deaths deaths;
    unsigned journal, store_pages;
    void *reserved; /**< that many pages of the store domain; NULL: none */
    struct client *dom0;
    struct client *client[HOST_CLIENTS];  /**< all of them, dom0 first; NULL: free */
    struct sim_usage idle;                /**< of the store domain with dom0 attached only */
    char memreport[WIRE_PAYLOAD_MAX + 1]; /**< CONTROL memreport at that time */
    uint64_t deadline;                    /**< the service's wish after its last step */
};

/** The host with dom0 attached (xenstored_attach()). */
struct host *host_create(const struct host_config *config);

/** What host_create() does unless it is lenient: make the service and attach dom0. 0 or errno. */
int host_start(struct host *host);

/**
 * End it, in order: guests die, what is left in the store domain is compared with what it had at
 * first (pages, ports, mappings and the service's own counters), the service and the sim end.
 */
void host_destroy(struct host *host);

/** The store domain dies here and now, unless it has. Called from the adversary, does not return.
 */
void host_end_store(struct host *host);

/** A successor after host_end_store(), from host->deaths.kept: 0, or an errno value. */
int host_succeed(struct host *host);

/** Arm @host->deaths: from now on, the test's adversary is the host's own. */
void host_arm(struct host *host);

/** An access, as those that host_arm() counts: the store domain dies if it is the one. */
void host_access(struct host *host);

/** Run until the service has nothing to do, collecting what comes out of every ring. */
void host_run(struct host *host);

/** Let @nanoseconds pass and run. */
void host_pass(struct host *host, uint64_t nanoseconds);

/** A new domain with a ring, not yet introduced. Fails the test if the domid is not free. */
struct client *host_boot(struct host *host, domid_t domid, uint32_t start_index);

/** The same for a domain that the test made. */
struct client *host_adopt(struct host *host, struct hv *hv, domid_t domid, uint32_t start_index);

/** Send INTRODUCE for it from dom0; 0 or an errno value. */
int host_introduce(struct host *host, struct client *guest);

/** Both of these. */
struct client *host_guest(struct host *host, domid_t domid);

/** The domain dies. @guest is invalid afterwards. */
void host_kill(struct host *host, struct client *guest);

/** The domain shuts down with SHUTDOWN_* @reason and stays. */
void host_shutdown(struct host *host, struct client *guest, uint8_t reason);

/** One more connection of dom0's, and its end. */
struct client *host_attach(struct host *host, uint32_t start_index);
void host_detach(struct host *host, struct client *extra);

/** CONTROL @command from dom0; the text of the answer in @text. 0 or an errno value. */
int host_control(struct host *host, const char *command, char text[WIRE_PAYLOAD_MAX + 1]);

/** The number that a memreport has for @name. */
long host_counter(const char *report, const char *name);

/** Fails the test if @after has more of anything than @before, or more than @slack more bytes. */
void host_compare_reports(const char *before, const char *after, long slack);

/** CONTROL check says OK, and dom0 is served. */
void host_check(struct host *host);

#endif
