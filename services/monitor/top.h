/* SPDX-License-Identifier: ISC */
/**
 * @file top.h
 * Totals per port and how they went: what `atoll top`, metrics and reports show without walking the
 * flows. Rates of the last 120 seconds and, coarser, of the last two hours.
 */
#ifndef MONITOR_TOP_H
#define MONITOR_TOP_H

#include <stdbool.h>
#include <stdint.h>

#define TOP_SECONDS 120U
#define TOP_MINUTES 120U
/** Protocol classes: tcp, udp, icmp, icmpv6, arp, other IP, other. */
#define TOP_CLASSES 7U

/** Of one identity of a port. "out": sent by it; "in": sent to it, as far as its MACs are known. */
struct top_port {
    uint64_t frames_out, bytes_out, frames_in, bytes_in;
    uint64_t class_bytes[TOP_CLASSES];                          /**< out and in */
    uint64_t flows;                                             /**< that it began */
    uint32_t seconds_out[TOP_SECONDS], seconds_in[TOP_SECONDS]; /**< bytes, capped; slot: second
                                                                     modulo TOP_SECONDS */
    uint64_t minutes_out[TOP_MINUTES], minutes_in[TOP_MINUTES];
};

struct top;
/** Of an identity; NULL: it has none (yet). */
const struct top_port *top_port(const struct top *top, uint16_t identity);
/** Bytes @back seconds (0: the running one) or minutes before now. */
uint64_t top_second(const struct top *top, uint16_t identity, bool out, unsigned back);
uint64_t top_minute(const struct top *top, uint16_t identity, bool out, unsigned back);
const char *top_class_name(unsigned class);

#endif
