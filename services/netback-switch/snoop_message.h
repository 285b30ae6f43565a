/* SPDX-License-Identifier: ISC */
/**
 * @file snoop_message.h
 * Between snoop.c, which reads messages, and snoop_learn.c, which knows what follows from them.
 */
#ifndef SWITCH_SNOOP_MESSAGE_H
#define SWITCH_SNOOP_MESSAGE_H

#include <string.h>

#include "snoop_table.h"

/** An IGMP, MLD or PIM message, and where it came from. */
struct snoop_message {
    struct snoop *snoop;
    const struct packet *packet;
    uint16_t bridge, vid, port;
    uint64_t now;
    enum snoop_family family;
    unsigned address_size;
    const uint8_t *source, *dest; /* of IP */
    uint8_t hops;
    const uint8_t *at;
    unsigned have, size; /* in the snapshot; in all */
};

struct snoop_query {
    const uint8_t *group; /* zero: a general query */
    uint64_t response;    /* the longest time hosts may take */
    bool interval_said;   /* IGMPv3, MLDv2 */
    uint64_t interval;    /* between its queries */
    unsigned robustness;
    bool sources; /* only some of them are asked for */
    bool obeyed;  /* hosts must answer one of that form */
};

static inline bool snoop_to(const struct snoop_message *message, const uint8_t *address)
{
    return memcmp(message->dest, address, message->address_size) == 0;
}

static inline bool snoop_is_group(const struct snoop_message *message, const uint8_t *address)
{
    return message->family == SNOOP_IPV4 ? address[0] >> 4 == 14 : address[0] == 0xff;
}

static inline bool snoop_is_link_local4(const uint8_t *address)
{
    return address[0] == 224 && address[1] == 0 && address[2] == 0;
}

/* Scopes up to link-local; the two reserved ones below it are nobody's (RFC 4291, 2.7). */
static inline bool snoop_is_link_local6(const uint8_t *address)
{
    return (address[1] & 15) <= 2;
}

/** Count it. */
enum snoop_verdict snoop_invalid(struct snoop *snoop);

/** The port asked for something that is not known or cannot be kept: it gets everything. */
void snoop_message_all(const struct snoop_message *message);

/** A report of one group; @old: of an IGMPv1 host, which will leave without a word. */
enum snoop_verdict snoop_report(const struct snoop_message *message, const uint8_t *group,
                                bool old);
/** A leave, a done. */
enum snoop_verdict snoop_left(const struct snoop_message *message, const uint8_t *group);
/** An IGMPv3 or MLDv2 report. */
enum snoop_verdict snoop_report_records(const struct snoop_message *message);

/** There is a router behind the port, for @life nanoseconds. The record of the routers; NULL: it
 * cannot be kept, or the port is known to have none. */
struct snoop_group *snoop_saw_router(const struct snoop_message *message, uint64_t life);
enum snoop_verdict snoop_queried(const struct snoop_message *message,
                                 const struct snoop_query *query);

#endif
