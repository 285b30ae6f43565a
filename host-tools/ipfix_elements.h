/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/ipfix_elements.h
 * What records are made of: the elements of each template, and how a flow's go into a record. The
 * numbers are of IANA's registry "IPFIX Information Elements"; NetFlow 9 shares them.
 */
#ifndef ATOLL_IPFIX_ELEMENTS_H
#define ATOLL_IPFIX_ELEMENTS_H

#include "common/flow_wire.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** RFC 5103: the enterprise whose elements are the reverse direction's. */
#define IPFIX_REVERSE_PEN 29305U
#define IPFIX_VARIABLE    65535U

enum ipfix_element_id {
    IE_OCTETS = 1,
    IE_PACKETS = 2,
    IE_PROTOCOL = 4,
    IE_TOS = 5,
    IE_TCP_FLAGS = 6,
    IE_SOURCE_PORT = 7,
    IE_SOURCE_IPV4 = 8,
    IE_INGRESS = 10,
    IE_DESTINATION_PORT = 11,
    IE_DESTINATION_IPV4 = 12,
    IE_EGRESS = 14,
    IE_LAST_SWITCHED = 21,
    IE_FIRST_SWITCHED = 22,
    IE_SOURCE_IPV6 = 27,
    IE_DESTINATION_IPV6 = 28,
    IE_ICMP_IPV4 = 32,
    IE_EXPORTED_OCTETS = 40,
    IE_EXPORTED_MESSAGES = 41,
    IE_EXPORTED_FLOWS = 42,
    IE_SOURCE_MAC = 56,
    IE_VLAN = 58,
    IE_DESTINATION_MAC = 80,
    IE_INTERFACE_NAME = 82,
    IE_INTERFACE_DESCRIPTION = 83,
    IE_APPLICATION_NAME = 96,
    IE_END_REASON = 136,
    IE_ICMP_IPV6 = 139,
    IE_EXPORTING_PROCESS = 144,
    IE_DOMAIN = 149,
    IE_START_MS = 152,
    IE_END_MS = 153,
    IE_IGNORED_PACKETS = 164,
    IE_UNSENT_FLOWS = 166,
    IE_UNSENT_PACKETS = 167,
    IE_UNSENT_OCTETS = 168,
    IE_BIFLOW_DIRECTION = 239,
    IE_DOT1Q_VLAN = 243,
    IE_DOT1Q_CUSTOMER_VLAN = 245,
    IE_ETHERTYPE = 256,
    IE_LAYER2_OCTETS = 352,
    IE_HTTP_METHOD = 459,
    IE_HTTP_HOST = 460,
};

/** One element of a template. */
struct ipfix_element {
    uint16_t id, length; /**< IPFIX_VARIABLE: RFC 7011, 7 */
    bool reverse;
};

#define IPFIX_ELEMENTS_MAX 40U

struct ipfix_template {
    uint16_t id;
    uint8_t count, scopes; /**< the first ones are an option's scope */
    struct ipfix_element elements[IPFIX_ELEMENTS_MAX];
};

/** The template of flows with @id (ipfix_template_id, IPFIX_T_BIFLOW added or not). */
void ipfix_flow_template(struct ipfix_template *t, uint16_t id, bool netflow9);

/** A place to write big endian numbers to; what does not fit is left out and remembered. */
struct ipfix_writer {
    uint8_t *data;
    size_t size, used;
    bool full;
};

void ipfix_put(struct ipfix_writer *w, uint64_t value, size_t length);
void ipfix_put_bytes(struct ipfix_writer *w, const void *data, size_t length);
/** Somebody else's text, of variable length, or with zeros to @fixed bytes (if not 0); what is not
 * printable ASCII becomes '?'. */
void ipfix_put_text(struct ipfix_writer *w, const char *text, size_t length, size_t fixed);

/** The record of @t for what side @side of @view sent. @boot: as in struct ipfix_config. */
void ipfix_put_flow(struct ipfix_writer *w, const struct ipfix_template *t,
                    const struct flow_view *view, unsigned side, uint64_t boot);

#endif
