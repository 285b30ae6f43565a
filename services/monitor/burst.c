/* SPDX-License-Identifier: ISC */
/*
 * Frames, a burst at a time: decode all, hash all while their buckets come into the cache, look at
 * the buckets while the flows come, and then count one after the other.
 */
#include "engine_state.h"

#include <string.h>

#include "tcp.h"

#define IPPROTO_TCP     6U
#define ETHERNET_HEADER 14U
/* Payloads of a flow that are looked at for names; who has not told one by then has none. */
#define PROBES 8U
/* Steps of the wheel for each frame: more than one, or it would never catch up. */
#define STEPS_PER_FRAME 3U

static uint64_t load(const void *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, 8);
    return word;
}

/* Is the destination the one that is less? Any order will do, as long as it is the same in both
 * directions. */
static inline bool is_swapped(const uint8_t *source, const uint8_t *destination,
                              uint16_t source_port, uint16_t destination_port)
{
    const uint64_t a = load(source), b = load(destination);

    if (__builtin_expect(a != b, 1))
        return a > b;
    if (load(source + 8) != load(destination + 8))
        return load(source + 8) > load(destination + 8);
    return source_port > destination_port;
}

/* Requests have odd operations but for InARP's (8), replies the next one: both are one flow. */
static uint8_t arp_request(uint16_t operation)
{
    if (operation >= 1 && operation <= 4)
        return (uint8_t)((operation - 1) | 1);
    return operation == 9 ? 8 : (uint8_t)operation;
}

/* Cut or broken before it had addresses, or what claims to be IP is not of its version: it is no
 * more than an Ethernet frame. */
static bool has_addresses(const uint8_t *frame, const struct decoded *decoded,
                          enum decode_result result)
{
    if (decoded->family == DECODE_OTHER || result == DECODE_OK)
        return decoded->family != DECODE_OTHER;
    if ((load(decoded->source) | load(decoded->source + 8) | load(decoded->destination) |
         load(decoded->destination + 8)) == 0)
        return false;
    /* There are addresses, so the header was there. */
    return decoded->family == DECODE_ARP || frame[decoded->network] >> 4 == decoded->family;
}

/* What is no IP and no ARP, by its MACs. */
static void make_other(struct table_lookup *lookup, const uint8_t *frame, uint16_t ethertype)
{
    uint8_t macs[2][16] = {{0}};

    memcpy(macs[0], frame + 6, 6);
    memcpy(macs[1], frame, 6);
    lookup->swapped = is_swapped(macs[0], macs[1], 0, 0);
    memcpy(lookup->key.address[0], macs[lookup->swapped], 16);
    memcpy(lookup->key.address[1], macs[!lookup->swapped], 16);
    lookup->key.ethertype = ethertype;
}

static inline void make_lookup(struct table_lookup *lookup, const struct engine_frame *frame,
                               struct decoded *decoded, enum decode_result result, uint16_t lan)
{
    struct flow_key *key = &lookup->key;
    unsigned sender;

    if (__builtin_expect(!has_addresses(frame->data, decoded, result), 0))
        decoded->family = DECODE_OTHER;
    *key = (struct flow_key){
        .vid = {decoded->vid[0] ? decoded->vid[0] : frame->vid, decoded->vid[1]},
        .family = decoded->family,
        .protocol = decoded->protocol,
        .lan = lan,
    };
    if (__builtin_expect(decoded->family == DECODE_OTHER, 0)) {
        key->protocol = 0;
        make_other(lookup, frame->data, decoded->ethertype);
        return;
    }
    if (__builtin_expect(decoded->family == DECODE_ARP, 0))
        key->protocol = arp_request(decoded->arp_operation);
    lookup->swapped = is_swapped(decoded->source, decoded->destination, decoded->source_port,
                                 decoded->destination_port);
    sender = lookup->swapped;
    memcpy(key->address[sender], decoded->source, 16);
    memcpy(key->address[sender ^ 1], decoded->destination, 16);
    key->port[sender] = decoded->source_port;
    key->port[sender ^ 1] = decoded->destination_port;
}

/* Who sent it and to whom, as far as ports and MACs tell. */
struct ends {
    uint16_t from, to, vid, lan;
};

static struct ends ends_of(struct engine *engine, const struct engine_frame *frame,
                           const struct table_lookup *lookup)
{
    struct ends ends = {.vid = lookup->key.vid[0], .lan = lookup->key.lan};
    const uint16_t identity = identities_of(&engine->identities, frame->port);

    if (frame->egress) {
        ends.to = identity;
        ends.from = macs_find(&engine->macs, frame->data + 6, ends.lan, ends.vid);
    } else {
        ends.from = identity;
        ends.to = macs_find(&engine->macs, frame->data, ends.lan, ends.vid);
    }
    return ends;
}

static void learn(struct engine *engine, const struct engine_frame *frame, const struct ends *ends)
{
    const uint8_t *mac = frame->data + 6;
    struct mac_moved moved;

    if (frame->egress || ends->from == 0 || mac[0] & 1)
        return;
    moved = macs_learn(&engine->macs, mac, ends->lan, ends->vid, ends->from, engine->now);
    if (moved.identity != 0)
        alerts_moved(engine->alerts, engine->now, ends->from, moved.identity, mac, moved.age);
}

static void set_identity(struct engine *engine, struct flow_side *side, uint16_t identity)
{
    if (side->identity != 0 || identity == 0)
        return;
    side->identity = identity;
    identities_hold(&engine->identities, identity);
}

/* Did somebody else than who sent its first frame begin the conversation? */
static bool is_reversed(const struct decoded *decoded)
{
    return decoded->icmp_reply ||
           (decoded->protocol == IPPROTO_TCP && decoded->ports && tcp_reversed(decoded)) ||
           (decoded->family == DECODE_ARP &&
            arp_request(decoded->arp_operation) != decoded->arp_operation);
}

static uint32_t begin(struct engine *engine, const struct engine_frame *frame,
                      const struct decoded *decoded, const struct table_lookup *lookup,
                      const struct ends *ends)
{
    const bool reversed = is_reversed(decoded);
    const uint32_t index = engine_begin(engine, lookup, reversed, ends->from);
    struct flow *flow = &engine->table.flows[index];

    flow->first = flow->last = engine->now;
    memcpy(flow->side[!reversed].mac, frame->data, 6);
    memcpy(flow->side[reversed].mac, frame->data + 6, 6);
    expiry_insert(&engine->expiry, index);
    if (!engine->config.file)
        top_flow(&engine->top, ends->from);
    return index;
}

/* The flow that the frame belongs to; *@created: it has just begun. */
static uint32_t find_or_begin(struct engine *engine, const struct engine_frame *frame,
                              const struct decoded *decoded, const struct table_lookup *lookup,
                              const struct ends *ends, bool *created)
{
    const uint32_t index = table_find(&engine->table, lookup);

    *created = false;
    if (index != TABLE_NONE) {
        const struct flow *flow = &engine->table.flows[index];
        enum flow_end end = expiry_end(&engine->expiry, flow, engine->now);

        if (end == FLOW_LIVE && decoded->protocol == IPPROTO_TCP && tcp_begins_anew(flow, decoded))
            end = FLOW_TCP_END;
        if (end == FLOW_LIVE)
            return index;
        engine_end(engine, index, end);
        if (end == FLOW_ACTIVE)
            return index;
    }
    *created = true;
    return begin(engine, frame, decoded, lookup, ends);
}

static void look_for_names(struct engine *engine, struct flow *flow, const uint8_t *data,
                           const struct decoded *decoded, unsigned side)
{
    const uint8_t *payload = data + decoded->payload;

    if (!flow->application) {
        if (flow->probes == PROBES)
            return;
        flow->probes++;
        if (!application_promising(decoded, payload))
            return;
        flow->application = engine_application(engine, flow);
    }
    if (flow->application && !flow->application->done)
        application_look(flow->application, decoded, payload, side == 0);
}

/* Are there many hosts behind the port? */
static bool is_many(const struct engine *engine, uint16_t identity)
{
    return engine->config.file || identity == 0 || engine->identities.slots[identity].who.uplink;
}

static void look_for_trouble(struct engine *engine, const struct engine_frame *frame,
                             const struct decoded *decoded, const struct ends *ends,
                             enum alert_event event)
{
    const struct alert_frame about = {.now = engine->now,
                                      .from = ends->from,
                                      .to = ends->to,
                                      .lan = ends->lan,
                                      .vid = ends->vid,
                                      .from_many = is_many(engine, ends->from),
                                      .to_many = is_many(engine, ends->to),
                                      .event = event,
                                      .frame = frame->data,
                                      .captured = frame->captured,
                                      .decoded = decoded};

    alerts_frame(engine->alerts, &about);
}

static void count(struct engine *engine, const struct engine_frame *frame,
                  const struct decoded *decoded, const struct table_lookup *lookup,
                  const struct ends *ends, uint32_t bytes)
{
    bool created;
    const uint32_t index = find_or_begin(engine, frame, decoded, lookup, ends, &created);
    enum alert_event event = created ? ALERT_BEGUN : ALERT_FRAME;
    struct flow *flow = &engine->table.flows[index];
    /* The sender is side 1 of the hashed key if that is swapped, and side 0 of the flow is that
     * side if the flow is. */
    const unsigned sender = lookup->swapped != (flow->state & FLOW_SWAPPED);
    struct flow_side *side = &flow->side[sender];

    if (side->frames == 0) {
        if (flow->side[sender ^ 1].frames == 0)
            flow->first = engine->now;
        else {
            table_answered(&engine->table, index);
            event = ALERT_ANSWERED;
        }
        if (flow->reports == 0) {
            memcpy(side->mac, frame->data + 6, 6);
            side->tos = decoded->tos;
        }
    }
    side->frames++;
    side->bytes += bytes;
    side->ip_bytes += decoded->ip_length;
    side->tcp_flags |= decoded->tcp_flags;
    flow->last = engine->now;
    if (decoded->protocol == IPPROTO_TCP && decoded->ports && decoded->tcp_flags != 0 &&
        tcp_frame(flow, decoded, sender, engine->now))
        expiry_move(&engine->expiry, index);
    if (decoded->payload_captured != 0)
        look_for_names(engine, flow, frame->data, decoded, sender);
    if (!engine->config.file) {
        set_identity(engine, side, ends->from);
        set_identity(engine, &flow->side[sender ^ 1], ends->to);
        top_frame(&engine->top, ends->from, flow->side[sender ^ 1].identity,
                  top_class(decoded->family, decoded->protocol), bytes);
    }
    if (alerts_cares(decoded, event))
        look_for_trouble(engine, frame, decoded, ends, event);
}

/* Is it of those that are counted? */
static bool is_counted(struct engine *engine, const struct engine_frame *frame)
{
    if (frame->egress == engine->config.egress || engine->config.file)
        return true;
    engine->counters.copies++;
    return false;
}

static void burst(struct engine *engine, const struct engine_frame *const *frames, unsigned n)
{
    const bool file = engine->config.file;
    uint64_t newest = engine->now;

    for (unsigned i = 0; i < n; i++) {
        const struct engine_frame *frame = frames[i];
        struct decoded *decoded = &engine->decoded[i];
        struct table_lookup *lookup = &engine->lookup[i];
        const uint16_t number = file ? 0 : identities_of(&engine->identities, frame->port);
        const uint16_t lan = number ? engine->identities.slots[number].lan : 0;
        const enum decode_result result =
            decode_frame(frame->data, frame->captured, frame->length, decoded);

        engine->counters.results[result]++;
        if (frame->time > newest)
            newest = frame->time;
        lookup->hash = 0;
        if (frame->captured < ETHERNET_HEADER)
            continue;
        if (decoded->fragment)
            fragments_frame(engine->fragments, newest, lan, decoded);
        make_lookup(lookup, frame, decoded, result, lan);
        table_hash(&engine->table, lookup);
        table_prefetch(&engine->table, lookup);
    }
    for (unsigned i = 0; i < n; i++)
        table_prefetch_flow(&engine->table, &engine->lookup[i]);
    for (unsigned i = 0; i < n; i++) {
        const struct engine_frame *frame = frames[i];
        const uint32_t bytes = frame->counted ? frame->counted : frame->length;
        struct ends ends = {0};

        if (frame->time > engine->now)
            engine_advance(engine, frame->time);
        if (expiry_behind(&engine->expiry, engine->now) || engine->sweep != TABLE_NONE)
            engine_expire(engine, STEPS_PER_FRAME);
        engine->counters.frames++;
        engine->counters.bytes += bytes;
        if (frame->captured < ETHERNET_HEADER) {
            engine->counters.flows_refused++;
            continue;
        }
        if (!file) {
            ends = ends_of(engine, frame, &engine->lookup[i]);
            learn(engine, frame, &ends);
        }
        count(engine, frame, &engine->decoded[i], &engine->lookup[i], &ends, bytes);
    }
}

void engine_frames(struct engine *engine, const struct engine_frame *frames, unsigned count)
{
    const struct engine_frame *counted[ENGINE_BURST];
    unsigned n = 0;

    for (unsigned i = 0; i < count; i++) {
        if (!is_counted(engine, &frames[i]))
            continue;
        counted[n++] = &frames[i];
        if (n == ENGINE_BURST) {
            burst(engine, counted, n);
            n = 0;
        }
    }
    if (n != 0)
        burst(engine, counted, n);
}
