/* SPDX-License-Identifier: ISC */
/**
 * @file alert_state.h
 * Inside of alert.h. Each port (identity) has its own few places in each table, so that a guest
 * that fills them hides nobody but itself; behind an uplink, and in a file, there are many hosts,
 * which share a larger table.
 */
#ifndef MONITOR_ALERT_STATE_H
#define MONITOR_ALERT_STATE_H

#include "common/hash.h"

#include "alert.h"

#define ALERT_WAYS   4U    /**< places of a port, and of each set of the shared table */
#define ALERT_SHARED 64U   /**< sets of the shared table */
#define ALERT_HOSTS  1024U /**< sets of addresses whose MAC is known, of ALERT_WAYS each */
#define ALERT_OWN    16U   /**< of them, a guest's at most */
#define ALERT_TOLD   64U   /**< sets of what was told lately of hosts that share a port */

/** One host that tries many ports of another, or one port of many hosts, within a window. */
struct alert_scan {
    uint64_t key;   /**< 0: free */
    uint64_t since; /**< the window's begin */
    uint32_t bits;  /**< set in the map: of what was tried and has not answered */
    uint32_t answered;
    bool told;                /**< in this window */
    uint16_t lowest, highest; /**< port */
    uint64_t map[ALERT_SCAN_BITS / 64];
};

/** SYNs of a second to a service, and how many were answered. */
struct alert_syns {
    uint64_t key;
    uint64_t since;
    uint32_t syns, answered;
    bool told; /**< in this second */
};

/** What was told, and when. */
struct alert_told {
    uint64_t key; /**< of a shared port's host; of a port's own: 1 */
    uint64_t last;
    uint64_t suppressed;
};

struct alert_port {
    struct alert_scan ports[ALERT_WAYS], hosts[ALERT_WAYS];
    struct alert_syns syns[ALERT_WAYS];
    struct alert_told told[ALERT_KINDS];
    uint64_t usual; /**< bytes a second, times 16 */
    uint64_t minute_bytes;
    uint64_t lately; /**< of the last RATE_SECONDS */
    uint32_t recent[10];
    uint16_t seconds, minutes; /**< learned so far, capped */
    uint16_t addresses;        /**< that are kept of this port in alerts.hosts */
};

/** Who has an IP address. */
struct alert_host {
    uint8_t address[16];
    uint64_t seen;
    uint16_t lan, vid;
    uint16_t identity;
    uint8_t family; /**< 0: free */
    uint8_t mac[6];
};

struct alerts {
    struct hash_key key;
    struct alert_limits limits;
    void (*alert)(void *context, const struct alert *alert);
    void *context;
    uint32_t port_bits, host_bits; /**< bits of a map when its threshold is reached */
    unsigned count;                /**< of ports */
    struct alert_port *ports;
    struct alert_scan shared_ports[ALERT_SHARED][ALERT_WAYS];
    struct alert_scan shared_hosts[ALERT_SHARED][ALERT_WAYS];
    struct alert_syns shared_syns[ALERT_SHARED][ALERT_WAYS];
    struct alert_told shared_told[ALERT_TOLD][ALERT_WAYS];
    struct alert_host hosts[ALERT_HOSTS][ALERT_WAYS];
    unsigned aged;        /**< set of hosts that was cleaned last */
    uint64_t burst_since; /**< alerts of the running second, of those who share a port */
    uint32_t burst;
    uint64_t told, suppressed;
};

/** The port's own places; NULL: many hosts share it. */
static inline struct alert_port *alert_port(struct alerts *alerts, uint16_t identity, bool many)
{
    return many || identity == 0 || identity >= alerts->count ? NULL : &alerts->ports[identity];
}

/** Two addresses, a port and such, as a key that is never 0. */
uint64_t alert_key(const struct alerts *alerts, const void *a, const void *b, uint64_t more);

/** Is it to be told? No (and counted) if the same was told lately; @host (a key, not 0) tells apart
 * who shares a port. Yes: write its evidence, and alert_tell() it. */
bool alert_due(struct alerts *alerts, struct alert *alert, bool many, uint64_t host);
void alert_tell(struct alerts *alerts, const struct alert *alert);

/** How many different things were put into a map of which so many bits are set. */
uint32_t alert_distinct(uint32_t bits);

/** Detectors; each looks at what is its. */
void alert_scans(struct alerts *alerts, const struct alert_frame *frame);
void alert_syn_flood(struct alerts *alerts, const struct alert_frame *frame);
void alert_arp(struct alerts *alerts, const struct alert_frame *frame);
void alert_icmp6(struct alerts *alerts, const struct alert_frame *frame);
void alert_dhcp(struct alerts *alerts, const struct alert_frame *frame);

/** Addresses of @identity are nobody's from now on; those of a set that nobody spoke for lately. */
void alert_hosts_forget(struct alerts *alerts, uint16_t identity);
void alert_hosts_age(struct alerts *alerts, uint64_t now);
/** A MAC that routers share by design: VRRP's, CARP's. */
bool alert_is_virtual(const uint8_t mac[6]);

/** An alert with what its frame says. */
struct alert alert_of(enum alert_kind kind, uint8_t severity, const struct alert_frame *frame);

#define ALERT_TEXT 48U /**< the longest address as text */
/** An address of @family as text, in RFC 5952's form. */
const char *alert_address(char text[ALERT_TEXT], uint8_t family, const uint8_t address[16]);
const char *alert_mac(char text[ALERT_TEXT], const uint8_t mac[6]);

#endif
