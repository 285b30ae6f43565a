/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/ipfix.h
 * Flows (common/flow_wire.h) as messages of IPFIX (RFC 7011) or NetFlow version 9 (RFC 3954), of
 * elements of IANA's registry alone. It knows no network: whole messages go to a function.
 *
 * A conversation becomes two records, one a direction (none for a direction without frames), or in
 * IPFIX one record with RFC 5103's reverse elements. Both directions have the times of the
 * conversation. octetDeltaCount counts IP datagrams, layer2OctetDeltaCount frames.
 *
 * An interface's number is that of its guest's domain and vif, ipfix_interface(); its name, in
 * options, "guest/vif". Names that HTTP shows in clear are httpRequestHost; for those of DNS and
 * TLS there is no element.
 */
#ifndef ATOLL_IPFIX_H
#define ATOLL_IPFIX_H

#include "common/flow_wire.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define IPFIX_VERSION    10U
#define NETFLOW9_VERSION 9U

/** The longest and the shortest limit of a message: every record and template fits the latter. */
#define IPFIX_MESSAGE_MAX 65535U
#define IPFIX_MESSAGE_MIN 480U

/** Messages after which templates come again, however little time has passed. */
#define IPFIX_TEMPLATE_MESSAGES 1000U

/** Interfaces whose names are told, at most; those that are beyond have a number alone. */
#define IPFIX_INTERFACES 2048U

/** Numbers of the templates. Those of biflows are @ref IPFIX_T_BIFLOW higher: a number never means
 * two things to a collector. */
enum ipfix_template_id {
    IPFIX_T_BIFLOW = 16,
    IPFIX_T_IPV4 = 256,
    IPFIX_T_IPV6 = 257,
    IPFIX_T_LAYER2 = 258,
    IPFIX_T_IPV4_NAMED = 259, /**< with what the application says; IPFIX alone */
    IPFIX_T_IPV6_NAMED = 260,
    IPFIX_T_NAME = 300,        /**< options: names of interfaces, "guest/vif" */
    IPFIX_T_METERING = 301,    /**< options: RFC 7011, 4.1 and 4.2: exported and ignored */
    IPFIX_T_EXPORTING = 302,   /**< options: RFC 7011, 4.3: what was not sent */
    IPFIX_T_DESCRIPTION = 303, /**< options: the same names with bridge and uuid */
};

/** A message that is to go out. */
struct ipfix_message {
    const uint8_t *data;
    size_t length;
    uint32_t records;         /**< data records: what a lost message takes with it, */
    uint32_t flows;           /**< of them of flows, */
    uint64_t packets, octets; /**< and what these flows had */
};

/** Send it or keep it for that; false: it is lost, and the sequence goes on as if it had never
 * been. */
typedef bool ipfix_send_fn(void *context, const struct ipfix_message *message);

struct ipfix_config {
    bool netflow9;
    bool biflow;        /**< RFC 5103; not with @ref netflow9 */
    bool datagrams;     /**< templates come again; on a connection they come once */
    uint32_t domain;    /**< observation domain; NetFlow: source id */
    uint32_t refresh_s; /**< of templates and options */
    size_t message_max; /**< IPFIX_MESSAGE_MIN to IPFIX_MESSAGE_MAX */
    uint64_t boot;      /**< NetFlow counts its times from here: nanoseconds since 1970, whole
                             seconds */
    ipfix_send_fn *send;
    void *context;
};

/** What others have lost, for the options: all are totals. */
struct ipfix_losses {
    uint64_t ignored_packets; /**< frames that the monitor never saw */
    uint64_t unsent_flows, unsent_packets, unsent_octets;
};

/** What was given to the send function and taken by it. */
struct ipfix_totals {
    uint64_t messages, octets, flows;
    uint64_t refused; /**< records of the monitor that were none */
};

struct ipfix;

/** NULL: no memory. */
struct ipfix *ipfix_create(const struct ipfix_config *config);
void ipfix_free(struct ipfix *ipfix);

/** Add a conversation at @now (nanoseconds since 1970). Messages go out as they are full. */
void ipfix_add(struct ipfix *ipfix, const struct flow_view *view, uint64_t now);

/** As above, of a record as it came from the monitor: hostile. False: it is none, and counted. */
bool ipfix_add_record(struct ipfix *ipfix, const uint8_t *data, size_t length, uint64_t now);

/** Where it is time for that: templates and options again, with these losses. */
void ipfix_refresh(struct ipfix *ipfix, const struct ipfix_losses *losses, uint64_t now);

/** Send what is begun. */
void ipfix_flush(struct ipfix *ipfix, uint64_t now);

/** A new connection: what was begun is forgotten (its flows, with their packets and octets, are
 * added to @losses), the sequence begins anew, and templates come first. */
void ipfix_restart(struct ipfix *ipfix, struct ipfix_losses *losses);

const struct ipfix_totals *ipfix_totals(const struct ipfix *ipfix);

/** The number of a domain's vif: domid << 16 | (vif + 1), 0 where the domain is not known
 * (0xffff) or the vif is none that Xen has (65535). */
uint32_t ipfix_interface(uint16_t domid, uint16_t vif);

#endif
