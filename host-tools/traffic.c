/* SPDX-License-Identifier: ISC */
#include "traffic.h"
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "common/hash.h"

#define OTHERS   "(others)"
#define SLOTS    (2u * TRAFFIC_KEYS)
#define NS_PER_S UINT64_C(1000000000)

/* --- tables ----------------------------------------------------------------------------------- */

static bool table_init(struct traffic_table *table)
{
    table->slots = calloc(SLOTS, sizeof(*table->slots));
    table->entries = calloc(64, sizeof(*table->entries));
    table->room = 64;
    if (!table->slots || !table->entries ||
        getrandom(table->seed, sizeof(table->seed), 0) != sizeof(table->seed))
        return false;
    strcpy(table->entries[0].name, OTHERS);
    table->count = 1;
    return true;
}

/* Names are strangers': without the seed they could make all of them collide. */
static uint32_t hash_name(const struct traffic_table *table, const char *name)
{
    const struct hash_key key = {table->seed[0], table->seed[1]};

    return (uint32_t)hash_bytes(&key, name, strlen(name));
}

static struct traffic_entry *add_entry(struct traffic_table *table, const char *name, uint32_t slot)
{
    if (table->count == TRAFFIC_KEYS)
        return &table->entries[0];
    if (table->count == table->room) {
        struct traffic_entry *grown =
            reallocarray(table->entries, 2 * (size_t)table->room, sizeof(*grown));

        if (!grown)
            return &table->entries[0];
        memset(grown + table->room, 0, table->room * sizeof(*grown));
        table->entries = grown;
        table->room *= 2;
    }
    table->slots[slot] = table->count;
    strcpy(table->entries[table->count].name, name);
    return &table->entries[table->count++];
}

struct traffic_entry *traffic_entry(struct traffic_table *table, const char *name, size_t length)
{
    char key[TRAFFIC_NAME];
    uint32_t slot;

    snprintf(key, sizeof(key), "%.*s", (int)(length < sizeof(key) ? length : sizeof(key) - 1),
             name);
    slot = hash_name(table, key) % SLOTS;
    while (table->slots[slot]) {
        struct traffic_entry *entry = &table->entries[table->slots[slot]];

        if (strcmp(entry->name, key) == 0)
            return entry;
        slot = (slot + 1) % SLOTS;
    }
    return add_entry(table, key, slot);
}

bool traffic_init(struct traffic *t)
{
    memset(t, 0, sizeof(*t));
    t->until = UINT64_MAX;
    t->first = UINT64_MAX;
    return table_init(&t->who) && table_init(&t->guests) && table_init(&t->protocols) &&
           table_init(&t->ports) && table_init(&t->names);
}

void traffic_free(struct traffic *t)
{
    struct traffic_table *const tables[] = {&t->who, &t->guests, &t->protocols, &t->ports,
                                            &t->names};

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        for (uint32_t n = 0; n < tables[i]->count; n++)
            free(tables[i]->entries[n].series);
        free(tables[i]->entries);
        free(tables[i]->slots);
    }
    free(t->spans);
    memset(t, 0, sizeof(*t));
}

uint32_t traffic_greatest(const struct traffic_table *table, uint32_t *numbers, uint32_t max)
{
    uint32_t count = 0;

    for (uint32_t i = 1; i < table->count; i++) {
        uint32_t at = count;

        while (at > 0 && table->entries[numbers[at - 1]].bytes < table->entries[i].bytes)
            at--;
        if (at == max)
            continue;
        if (count < max)
            count++;
        memmove(numbers + at + 1, numbers + at, (count - 1 - at) * sizeof(*numbers));
        numbers[at] = i;
    }
    return count;
}

/* --- flows ------------------------------------------------------------------------------------ */

/* Who a side is: the guest and its vif where that is known, else the address, else the MAC. */
static void name_side(const struct flow_view *view, unsigned side, char name[TRAFFIC_NAME])
{
    const struct flow_record *r = &view->record;
    const struct flow_record_side *s = &r->side[side];
    char address[INET6_ADDRSTRLEN] = "";

    if (r->guest_length[side])
        snprintf(name, TRAFFIC_NAME, "%.*s/%u",
                 (int)(r->guest_length[side] > 63 ? 63 : r->guest_length[side]), view->guest[side],
                 s->vif);
    else if (r->family == 4 || r->family == 6 || r->family == 1)
        snprintf(
            name, TRAFFIC_NAME, "%s",
            inet_ntop(r->family == 6 ? AF_INET6 : AF_INET, s->address, address, sizeof(address)));
    else
        snprintf(name, TRAFFIC_NAME, "%02x:%02x:%02x:%02x:%02x:%02x", s->mac[0], s->mac[1],
                 s->mac[2], s->mac[3], s->mac[4], s->mac[5]);
}

const char *traffic_protocol(uint8_t family, uint8_t protocol, uint16_t ethertype, char *text,
                             size_t size)
{
    static const struct {
        uint8_t number;
        const char *name;
    } names[] = {{1, "ICMP"},  {2, "IGMP"},  {6, "TCP"},    {17, "UDP"},   {33, "DCCP"},
                 {41, "6in4"}, {47, "GRE"},  {50, "ESP"},   {51, "AH"},    {58, "ICMPv6"},
                 {89, "OSPF"}, {103, "PIM"}, {112, "VRRP"}, {132, "SCTP"}, {136, "UDP-Lite"}};

    if (family == 1)
        return "ARP";
    for (size_t i = 0; (family == 4 || family == 6) && i < sizeof(names) / sizeof(names[0]); i++) {
        if (names[i].number == protocol)
            return names[i].name;
    }
    if (family == 4 || family == 6)
        snprintf(text, size, "IP protocol %u", protocol);
    else
        snprintf(text, size, "Ethernet 0x%04x", ethertype);
    return text;
}

static void count(struct traffic_entry *entry, uint64_t bytes, uint64_t frames)
{
    entry->bytes += bytes;
    entry->frames += frames;
    entry->flows++;
}

static void add_kinds(struct traffic *t, const struct flow_view *view, uint64_t bytes,
                      uint64_t frames)
{
    const struct flow_record *r = &view->record;
    char text[TRAFFIC_NAME];
    const char *name = traffic_protocol(r->family, r->protocol, r->ethertype, text, sizeof(text));

    count(traffic_entry(&t->protocols, name, strlen(name)), bytes, frames);
    if ((r->family == 4 || r->family == 6) && (r->protocol == 6 || r->protocol == 17)) {
        snprintf(text, sizeof(text), "%u/%s", r->side[1].port, r->protocol == 6 ? "tcp" : "udp");
        count(traffic_entry(&t->ports, text, strlen(text)), bytes, frames);
    }
    if (r->name_length)
        count(traffic_entry(&t->names, view->name, r->name_length), bytes, frames);
}

static void keep_largest(struct traffic *t, const struct flow_view *view, uint64_t frames)
{
    const struct flow_record *r = &view->record;
    const uint64_t bytes = r->side[0].bytes + r->side[1].bytes;
    uint32_t at = t->largest_count;
    struct traffic_flow *f;

    while (at > 0 && t->largest[at - 1].bytes[0] + t->largest[at - 1].bytes[1] < bytes)
        at--;
    if (at == TRAFFIC_LARGEST)
        return;
    if (t->largest_count < TRAFFIC_LARGEST)
        t->largest_count++;
    f = &t->largest[at];
    memmove(f + 1, f, (t->largest_count - 1 - at) * sizeof(*f));
    *f = (struct traffic_flow){.first = r->first,
                               .last = r->last,
                               .bytes = {r->side[0].bytes, r->side[1].bytes},
                               .frames = frames,
                               .port = r->side[1].port,
                               .protocol = r->protocol,
                               .family = r->family,
                               .application = r->application,
                               .ethertype = r->ethertype};
    name_side(view, 0, f->side[0]);
    name_side(view, 1, f->side[1]);
    snprintf(f->name, sizeof(f->name), "%.*s", (int)(r->name_length > 128 ? 128 : r->name_length),
             view->name);
}

/* For the plot and the matrix, which know who matters at the end alone. */
static void keep_span(struct traffic *t, const struct flow_record *r, const uint32_t side[2])
{
    if (t->span_count == t->span_room) {
        const uint32_t room = t->span_room ? 2 * t->span_room : 4096;
        struct traffic_span *grown =
            room > 2 * TRAFFIC_FLOWS ? NULL : reallocarray(t->spans, room, sizeof(*grown));

        if (!grown) {
            t->spans_lost++;
            return;
        }
        t->spans = grown;
        t->span_room = room;
    }
    if (t->span_count == TRAFFIC_FLOWS) {
        t->spans_lost++;
        return;
    }
    t->spans[t->span_count++] = (struct traffic_span){.first = r->first,
                                                      .last = r->last,
                                                      .bytes = r->side[0].bytes + r->side[1].bytes,
                                                      .side = {side[0], side[1]}};
}

void traffic_add(struct traffic *t, const struct flow_view *view)
{
    const struct flow_record *r = &view->record;
    const uint64_t bytes = r->side[0].bytes + r->side[1].bytes,
                   frames = r->side[0].frames + r->side[1].frames;
    char name[TRAFFIC_NAME];
    uint32_t side[2];

    if (r->last < t->since || r->first > t->until || r->last < r->first) {
        t->left_out++;
        return;
    }
    t->flows++;
    t->frames += frames;
    t->bytes += bytes;
    t->first = r->first < t->first ? r->first : t->first;
    t->last = r->last > t->last ? r->last : t->last;
    for (unsigned i = 0; i < 2; i++) {
        struct traffic_entry *entry;

        name_side(view, i, name);
        entry = traffic_entry(&t->who, name, strlen(name));
        side[i] = (uint32_t)(entry - t->who.entries);
        count(entry, bytes, frames);
        entry->out += r->side[i].bytes;
        entry->in += r->side[!i].bytes;
    }
    add_kinds(t, view, bytes, frames);
    keep_largest(t, view, frames);
    keep_span(t, r, side);
}

struct traffic_alert *traffic_alert(struct traffic *t)
{
    if (t->alert_count == TRAFFIC_ALERTS) {
        memmove(t->alerts, t->alerts + 1, (TRAFFIC_ALERTS - 1) * sizeof(t->alerts[0]));
        t->alert_count--;
        t->alerts_more++;
    }
    memset(&t->alerts[t->alert_count], 0, sizeof(t->alerts[0]));
    return &t->alerts[t->alert_count++];
}

void traffic_lost(struct traffic *t, const char *what, uint64_t count)
{
    if (count && t->loss_count < TRAFFIC_LOSSES)
        t->losses[t->loss_count++] = (struct traffic_loss){what, count};
}

/* --- over time -------------------------------------------------------------------------------- */

/* A flow's bytes, evenly over its time, as if it had gone on steadily; of what is shown of it. */
static void spread(const struct traffic *t, uint64_t *series, const struct traffic_span *span)
{
    const uint64_t last = span->last < t->last ? span->last : t->last;
    const uint64_t from = span->first > t->first ? span->first - t->first : 0;
    const uint64_t to = last > t->first ? last - t->first : 0;
    const uint64_t length = span->last - span->first;
    const uint64_t begin = from / t->bucket, end = to / t->bucket;

    if (!length) {
        series[begin] += span->bytes;
        return;
    }
    for (uint64_t i = begin; i <= end; i++) {
        /* The last bucket's end may be beyond what 64 bits hold. */
        const uint64_t low = i == begin ? from : i * t->bucket,
                       high = i == end ? to : (i + 1) * t->bucket;

        series[i] += (uint64_t)((unsigned __int128)span->bytes * (high - low) / length);
    }
}

uint64_t *traffic_series(struct traffic_entry *entry)
{
    if (!entry->series)
        entry->series = calloc(TRAFFIC_BUCKETS, sizeof(*entry->series));
    return entry->series;
}

const struct traffic_table *traffic_curves(const struct traffic *t)
{
    return t->live ? &t->guests : &t->who;
}

void traffic_finish(struct traffic *t)
{
    uint32_t greatest[TRAFFIC_CURVES];
    const uint32_t count = traffic_greatest(&t->who, greatest, TRAFFIC_CURVES);

    if (t->live)
        return;
    if (!t->flows) {
        t->first = t->last = 0;
        t->bucket = NS_PER_S;
        return;
    }
    t->first = t->first < t->since ? t->since : t->first;
    t->last = t->last > t->until ? t->until : t->last;
    t->bucket = (t->last - t->first) / TRAFFIC_BUCKETS + 1;
    for (uint32_t i = 0; i < count; i++)
        traffic_series(&t->who.entries[greatest[i]]);
    for (uint32_t i = 0; i < t->span_count; i++) {
        const struct traffic_span *span = &t->spans[i];
        uint64_t *a = t->who.entries[span->side[0]].series,
                 *b = t->who.entries[span->side[1]].series;

        spread(t, t->total, span);
        if (a)
            spread(t, a, span);
        if (b && b != a)
            spread(t, b, span);
    }
}
