/* SPDX-License-Identifier: ISC */
/**
 * @file top.h
 * Totals per port and how they went: what `atoll top`, metrics and reports show without walking the
 * flows. Rates of the last 120 seconds and, coarser, of the last two hours.
 */
#ifndef MONITOR_TOP_H
#define MONITOR_TOP_H

#include <stdbool.h>
#include <stddef.h>
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
    uint64_t second;                                            /**< of the newest slot */
    uint32_t seconds_out[TOP_SECONDS], seconds_in[TOP_SECONDS]; /**< bytes, capped; slot: second
                                                                     modulo TOP_SECONDS */
    uint64_t minutes_out[TOP_MINUTES], minutes_in[TOP_MINUTES];
};

struct top {
    struct top_port *ports; /**< of each identity; 0: of nobody, which is not counted */
    uint32_t count;         /**< identities */
    uint64_t now;           /**< seconds */
};

/** Bytes for @identities, and make it in zeroed @memory, aligned to 64. */
size_t top_size(uint32_t identities);
void top_create(struct top *top, void *memory, uint32_t identities);

/** An identity is somebody else's from now on. */
void top_forget(struct top *top, uint16_t identity);

/** A frame of @bytes of class @class went from @from to @to (0: not known) in second @top->now. */
void top_frame(struct top *top, uint16_t from, uint16_t to, unsigned class, uint64_t bytes);
/** @from began a flow. */
void top_flow(struct top *top, uint16_t from);
/** The class of a frame. */
unsigned top_class(uint8_t family, uint8_t protocol);

/** Of an identity; NULL: there is no such number, or 0. */
const struct top_port *top_port(const struct top *top, uint16_t identity);
/** Bytes @back seconds (0: the running one) or minutes before now. */
uint64_t top_second(const struct top *top, uint16_t identity, bool out, unsigned back);
uint64_t top_minute(const struct top *top, uint16_t identity, bool out, unsigned back);
/** "tcp", "udp"... */
const char *top_class_name(unsigned class);

#endif
