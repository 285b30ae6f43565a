/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/flow_text.h
 * The parts of a flow (common/flow_wire.h) as people read them. Strings of a record were written by
 * strangers: what is given here is escaped, as of output_escape().
 */
#ifndef ATOLL_FLOW_TEXT_H
#define ATOLL_FLOW_TEXT_H

#include "common/flow_wire.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Room for each text below: an escaped guest's name of 255 bytes, an address, a port. */
#define FLOW_TEXT 1200u

/** domid of a side whose port is not known. */
#define FLOW_NO_DOMID 0xffffu

/** IP protocols that have ports. */
bool flow_has_ports(uint8_t protocol);

/** Who sent how much, both directions together. */
uint64_t flow_bytes(const struct flow_record *flow);
uint64_t flow_frames(const struct flow_record *flow);

/** "tcp", "icmp6", "47", "arp", "0x88cc" of what is no IP. */
const char *flow_protocol(const struct flow_record *flow, char *text, size_t size);

/** The number of a protocol's name, or of a decimal number 0 to 255; -1: it is none. */
int flow_protocol_number(const char *name);

/** "192.0.2.1", "2001:db8::1", of what has no such address the MAC. */
const char *flow_address(const struct flow_view *flow, unsigned side, char *text, size_t size);

/** "web1"; "dom0", "domain5" of what nobody named, "uplink", "" where the port is not known. */
const char *flow_guest(const struct flow_view *flow, unsigned side, char *text, size_t size);

/** "web1/0", or as flow_guest(). */
const char *flow_vif(const struct flow_view *flow, unsigned side, char *text, size_t size);

/** "web1/0 192.0.2.1:443"; @width: in so many characters, leaving out the address of a known guest,
 * and then cut. 0: whole. */
const char *flow_endpoint(const struct flow_view *flow, unsigned side, size_t width, char *text,
                          size_t size);

/** The application's name and what is said of it: "www.example.org h2", "" if there is none.
 * @width: in so many characters, the name alone if need be, and then cut. 0: whole. */
const char *flow_name(const struct flow_view *flow, size_t width, char *text, size_t size);

/** "live", "idle", "active", "tcp-end", "forced", "evicted". */
const char *flow_end_name(uint8_t end);

/** "SAF.": the flags of TCP that were seen, FSRPAUEC; "": none. */
const char *flow_tcp_flags(uint8_t flags, char *text, size_t size);

/** "dns", "tls", "http", "". */
const char *flow_application(uint8_t application);

/** Nanoseconds from its first to its last frame. */
uint64_t flow_duration(const struct flow_record *flow);

/** @length bytes of somebody's text, escaped and cut, to @text. */
const char *flow_escape(const char *bytes, size_t length, char *text, size_t size);

#endif
