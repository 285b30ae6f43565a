/* SPDX-License-Identifier: ISC */
#include "snoop_message.h"

/* Of a group record (RFC 3376, 4.2.12). */
enum { RECORD_IS_IN = 1, RECORD_IS_EX, RECORD_TO_IN, RECORD_TO_EX, RECORD_ALLOW, RECORD_BLOCK };

#define ROUTER_LIFETIME  (255 * HV_SEC)  /* other querier present interval (RFC 3376, 8.5) */
#define LIFETIME_MAX     (3600 * HV_SEC) /* nobody's word is taken for longer */
#define QUERIER_RESPONSE (30 * HV_SEC)   /* one that leaves hosts more time does not count */
#define SLACK            HV_SEC          /* for answers that are under way */

static const uint8_t all_hosts4[4] = {224, 0, 0, 1};
static const uint8_t all_hosts6[16] = {0xff, 2, [15] = 1};

static bool is_flooded(const struct snoop_message *message, const uint8_t *group)
{
    return message->family == SNOOP_IPV4 ? snoop_is_link_local4(group)
                                         : snoop_is_link_local6(group);
}

static struct snoop_key key_of(const struct snoop_message *message, const uint8_t *group)
{
    return message->family == SNOOP_IPV4 ? snoop_key4(message->bridge, message->vid, group)
                                         : snoop_key6(message->bridge, message->vid, group);
}

static struct snoop_group *routers_of(const struct snoop_message *message)
{
    struct snoop_key key = snoop_key_routers(message->bridge, message->vid, message->family);

    return snoop_find(message->snoop, &key);
}

/*
 * Reports.
 */

/* How long what is reported now lasts: as the querier said, if that is longer than usual. */
static uint64_t lifetime(const struct snoop_message *message)
{
    const struct snoop_group *routers = routers_of(message);

    return routers && routers->querier.lifetime > SNOOP_MEMBERSHIP ? routers->querier.lifetime
                                                                   : SNOOP_MEMBERSHIP;
}

void snoop_message_all(const struct snoop_message *message)
{
    message->snoop->usage.full++;
    snoop_give_all(message->snoop, message->bridge, message->port,
                   message->now + lifetime(message));
}

/* @old: by an IGMPv1 host, which will leave without a word. */
static void join(const struct snoop_message *message, const uint8_t *group, bool old)
{
    uint64_t until = message->now + lifetime(message);
    struct snoop_key key = key_of(message, group);
    struct snoop_member *member;

    if (is_flooded(message, group))
        return;
    member = snoop_join(message->snoop, &key, message->port, until, message->now);
    if (!member) {
        snoop_message_all(message);
        return;
    }
    member->leaving = false;
    if (old)
        member->old_until = until;
}

static void leave(const struct snoop_message *message, const uint8_t *address)
{
    struct snoop_key key = key_of(message, address);
    struct snoop_group *group = snoop_find(message->snoop, &key);
    struct snoop_member *member = group ? snoop_member(message->snoop, group, message->port) : NULL;

    if (member && member->old_until <= message->now)
        member->leaving = true;
}

static void learn_record(const struct snoop_message *message, unsigned kind, unsigned sources,
                         const uint8_t *group)
{
    switch (kind) {
    case RECORD_IS_EX:
    case RECORD_TO_EX:
        join(message, group, false);
        break;
    case RECORD_IS_IN:
    case RECORD_ALLOW:
        if (sources != 0)
            join(message, group, false);
        break;
    case RECORD_TO_IN:
        if (sources != 0)
            join(message, group, false);
        else
            leave(message, group);
        break;
    default: /* RECORD_BLOCK: the querier asks who wants the rest; others are to be ignored */
        break;
    }
}

/*
 * The group records of an IGMPv3 or MLDv2 report, which are alike but for the addresses. False:
 * they do not fit the message, or one is for no group. @learn: they are known to be sound.
 */
static bool walk_records(const struct snoop_message *message, bool learn)
{
    unsigned head = 4 + message->address_size, count = packet_u16(message->at + 6), at = 8;

    for (; count > 0; count--) {
        const uint8_t *record = message->at + at;
        unsigned sources, size;

        if (message->size - at < head)
            return false;
        if (message->have - at < head) {
            if (learn)
                snoop_message_all(message);
            return true;
        }
        sources = packet_u16(record + 2);
        size = head + sources * message->address_size + record[1] * 4U;
        if (message->size - at < size || !snoop_is_group(message, record + 4))
            return false;
        if (learn)
            learn_record(message, record[0], sources, record + 4);
        at += size;
        if (at > message->have && count > 1) {
            if (learn)
                snoop_message_all(message);
            return true;
        }
    }
    return true;
}

enum snoop_verdict snoop_invalid(struct snoop *snoop)
{
    snoop->usage.invalid++;
    return SNOOP_INVALID;
}

/* Whoever is a router gets it, the others must not: they would not report what they heard of. */
static enum snoop_verdict reported(const struct snoop_message *message)
{
    struct port_set routers = {{0}};

    return snoop_add_group(message->snoop, routers_of(message), message->now, &routers)
               ? SNOOP_REPORT
               : SNOOP_FLOOD;
}

enum snoop_verdict snoop_report(const struct snoop_message *message, const uint8_t *group, bool old)
{
    if (!snoop_is_group(message, group) || !snoop_to(message, group))
        return snoop_invalid(message->snoop);
    message->snoop->usage.reports++;
    join(message, group, old);
    return reported(message);
}

enum snoop_verdict snoop_left(const struct snoop_message *message, const uint8_t *group)
{
    if (!snoop_is_group(message, group))
        return snoop_invalid(message->snoop);
    message->snoop->usage.leaves++;
    leave(message, group);
    return reported(message);
}

enum snoop_verdict snoop_report_records(const struct snoop_message *message)
{
    if (message->have < 8 || !walk_records(message, false))
        return snoop_invalid(message->snoop);
    message->snoop->usage.reports++;
    walk_records(message, true);
    return reported(message);
}

/*
 * Queriers and routers.
 */

static uint64_t within(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

struct snoop_group *snoop_saw_router(const struct snoop_message *message, uint64_t life)
{
    struct snoop_key key = snoop_key_routers(message->bridge, message->vid, message->family);

    if (message->snoop->ports[message->port].host)
        return NULL;
    if (snoop_join(message->snoop, &key, message->port, message->now + life, message->now))
        return snoop_find(message->snoop, &key);
    snoop_message_all(message);
    return NULL;
}

/* Those whose leave made somebody ask stay only if they are spoken for. */
static void ask_group(const struct snoop_message *message, const struct snoop_query *query)
{
    struct snoop_key key = key_of(message, query->group);
    struct snoop_group *group = snoop_find(message->snoop, &key);
    uint64_t until = message->now + 2 * query->response + SLACK;

    for (uint32_t at = group ? group->first : SNOOP_NONE; at != SNOOP_NONE;) {
        struct snoop_member *member = &message->snoop->members[at];

        at = member->next;
        if (member->leaving && until < member->until)
            snoop_ends(message->snoop, member, until);
    }
}

/* Is it one that each host behind the bridge hears and answers, soon? */
static bool asks_all(const struct snoop_message *message, const struct snoop_query *query)
{
    static const uint8_t mac4[6] = {1, 0, 0x5e, 0, 0, 1}, mac6[6] = {0x33, 0x33, 0, 0, 0, 1};
    bool ipv4 = message->family == SNOOP_IPV4;

    return query->obeyed && query->response <= QUERIER_RESPONSE &&
           snoop_to(message, ipv4 ? all_hosts4 : all_hosts6) &&
           memcmp(packet_dest(message->packet), ipv4 ? mac4 : mac6, 6) == 0;
}

enum snoop_verdict snoop_queried(const struct snoop_message *message,
                                 const struct snoop_query *query)
{
    static const uint8_t zero[16];
    bool general = memcmp(query->group, zero, message->address_size) == 0;
    uint64_t now = message->now, present = ROUTER_LIFETIME, lasts = SNOOP_MEMBERSHIP;
    struct snoop_group *routers;

    if (!general && !snoop_is_group(message, query->group))
        return snoop_invalid(message->snoop);
    message->snoop->usage.queries++;
    if (query->interval_said) {
        present = query->robustness * query->interval + query->response / 2;
        lasts = query->robustness * query->interval + query->response;
    }
    routers = snoop_saw_router(message, within(present, ROUTER_LIFETIME, LIFETIME_MAX));
    if (!routers)
        return SNOOP_FLOOD;
    if (!general) {
        if (query->obeyed && !query->sources)
            ask_group(message, query);
        return SNOOP_FLOOD;
    }
    if (!asks_all(message, query))
        return SNOOP_FLOOD;
    if (routers->querier.until <= now)
        routers->querier.since = now + query->response + SLACK;
    routers->querier.until = now + within(present, 0, ROUTER_LIFETIME);
    routers->querier.lifetime = within(lasts, SNOOP_MEMBERSHIP, LIFETIME_MAX);
    return SNOOP_FLOOD;
}
