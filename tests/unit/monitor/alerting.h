/* SPDX-License-Identifier: ISC */
/**
 * @file alerting.h
 * Alerts for tests: frames of a few words in, what was told out.
 */
#ifndef TESTS_UNIT_MONITOR_ALERTING_H
#define TESTS_UNIT_MONITOR_ALERTING_H

#include "services/monitor/alert.h"

#include "tests/unit/unit.h"

#define ALERTING_MS     UINT64_C(1000000)
#define ALERTING_SECOND UINT64_C(1000000000)
#define ALERTING_PORTS  8U
/** This port is an uplink. */
#define ALERTING_UPLINK 7U

#define ALERTING_TCP    6U
#define ALERTING_UDP    17U
#define ALERTING_ICMP   1U
#define ALERTING_ICMPV6 58U

struct alerting {
    void *memory;
    struct alerts *alerts;
    struct alert_limits limits;
    uint64_t now;
    unsigned count, by_kind[ALERT_KINDS];
    struct alert last;
};

struct alerting *alerting_make(void);
void alerting_end(struct alerting *alerting);
/** New limits, as they stand in it. */
void alerting_limits(struct alerting *alerting);

/** What goes from one host to another: all zeros but what a test cares for. */
struct alerting_frame {
    uint16_t from, to; /**< identities of ports */
    uint32_t source, destination;
    uint8_t protocol;
    uint16_t source_port, destination_port;
    uint8_t flags; /**< TCP */
    uint8_t type;  /**< ICMP */
    enum alert_event event;
};
/** Give it, at alerting->now. */
void alerting_give(struct alerting *alerting, const struct alerting_frame *frame);

/** TCP: a SYN from one to the other, and what comes back: SYN-ACK, RST, nothing. */
enum alerting_answer { ALERTING_SILENT, ALERTING_REFUSED, ALERTING_OPEN };
void alerting_connect(struct alerting *alerting, const struct alerting_frame *frame,
                      enum alerting_answer answer);

/** ARP: @mac's last byte says that it has 10.0.0.@address; @operation 1 or 2. */
void alerting_arp(struct alerting *alerting, uint16_t from, uint8_t operation, uint32_t address,
                  const uint8_t mac[6]);

/** Any decoded frame, with its bytes. */
void alerting_raw(struct alerting *alerting, uint16_t from, const struct decoded *decoded,
                  const uint8_t *frame, uint32_t captured);

#endif
