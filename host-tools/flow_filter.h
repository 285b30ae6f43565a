/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/flow_filter.h
 * Which flows are wanted: the options of `atoll flows` that choose, for live ones and files alike.
 * All that are given must hold; an address, port or guest may be of either side.
 */
#ifndef ATOLL_FLOW_FILTER_H
#define ATOLL_FLOW_FILTER_H

#include "common/flow_wire.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct flow_filter {
    const char *guest; /**< NULL: any. A name, NAME/VIF, a uuid or a domid */
    uint8_t uuid[16];
    bool guest_is_uuid;
    uint32_t guest_domid; /**< UINT32_MAX: @ref guest is no number */
    uint8_t host_family;  /**< 0: any */
    uint8_t host[16];
    uint8_t host_bits;
    bool ports; /**< the two below count */
    uint16_t port_first, port_last;
    bool arp, icmp;   /**< ARP alone; ICMP of both families */
    int16_t protocol; /**< -1: any */
    int16_t vlan;     /**< -1: any; 0: none */
    const char *name; /**< NULL: any. ".example.org": it and all below it */
    uint64_t min_bytes;
};

/** Everything is wanted. */
void flow_filter_init(struct flow_filter *filter);

/** Take the value of an option. Strings are kept as pointers. NULL, or what would have done. */
const char *flow_filter_guest(struct flow_filter *filter, const char *value);
const char *flow_filter_host(struct flow_filter *filter, const char *value);
const char *flow_filter_port(struct flow_filter *filter, const char *value);
const char *flow_filter_protocol(struct flow_filter *filter, const char *value);
const char *flow_filter_vlan(struct flow_filter *filter, const char *value);
const char *flow_filter_name(struct flow_filter *filter, const char *value);
const char *flow_filter_min_bytes(struct flow_filter *filter, const char *value);

bool flow_filter_match(const struct flow_filter *filter, const struct flow_view *flow);

#endif
