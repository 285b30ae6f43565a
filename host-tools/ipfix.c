/* SPDX-License-Identifier: ISC */
#include "ipfix.h"
#include "ipfix_elements.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NS_PER_S  UINT64_C(1000000000)
#define NS_PER_MS UINT64_C(1000000)

#define IPFIX_HEADER    16U
#define NETFLOW9_HEADER 20U

/* Set ids of templates; of data it is the template's. */
#define IPFIX_SET_TEMPLATE    2U
#define IPFIX_SET_OPTIONS     3U
#define NETFLOW9_SET_TEMPLATE 0U
#define NETFLOW9_SET_OPTIONS  1U

/* Scopes of NetFlow 9 (RFC 3954, 6.1). */
#define NETFLOW9_SCOPE_SYSTEM    1U
#define NETFLOW9_SCOPE_INTERFACE 2U

#define RECORD_MAX 480U

#define INTERFACE_NAME_MAX 72U
#define DESCRIPTION_MAX    128U
/* Of fixed lengths in IPFIX, too: collectors that take others in flows do not in options. */
#define OPTION_NAME        64U
#define OPTION_DESCRIPTION 128U

#define INTERFACE_SLOTS (2 * IPFIX_INTERFACES)

#define FLOW_TEMPLATES   5U
#define OPTION_TEMPLATES 4U

struct interface {
    uint32_t number; /* 0: free */
    char name[INTERFACE_NAME_MAX], description[DESCRIPTION_MAX];
};

struct ipfix {
    struct ipfix_config config;
    struct ipfix_template flows[FLOW_TEMPLATES], options[OPTION_TEMPLATES];
    uint32_t sequence;
    bool templates_sent;
    uint64_t refreshed; /* when templates and options came last */
    uint32_t since;     /* messages since then */
    uint64_t newest;    /* of all that was handed in: NetFlow's clock does not go back */
    struct ipfix_losses losses;
    struct ipfix_totals totals;
    struct ipfix_message message; /* the one that is begun */
    uint32_t count;               /* its records of all kinds, as NetFlow counts them */
    size_t used, set_at;          /* set_at 0: no set is open */
    uint16_t set_id;
    uint8_t data[IPFIX_MESSAGE_MAX];
    bool has_templates;                           /* the one that is begun */
    struct interface interfaces[INTERFACE_SLOTS]; /* hashed by their numbers, at most half full */
    unsigned interface_count;
};

uint32_t ipfix_interface(uint16_t domid, uint16_t vif)
{
    return domid == UINT16_MAX || vif == UINT16_MAX ? 0 : (uint32_t)domid << 16 | (vif + 1u);
}

static void put_at(uint8_t *at, uint64_t value, size_t length)
{
    struct ipfix_writer w = {.data = at, .size = length};

    ipfix_put(&w, value, length);
}

static void add_option(struct ipfix_template *t, uint16_t id, uint16_t length)
{
    t->elements[t->count++] = (struct ipfix_element){.id = id, .length = length};
}

/* Templates of options. NetFlow has its own numbers for scopes, and one record of all counters. */
static void make_options(struct ipfix *x)
{
    const bool v9 = x->config.netflow9;
    struct ipfix_template *name = &x->options[0], *description = &x->options[1],
                          *metering = &x->options[2], *exporting = &x->options[3];

    name->id = IPFIX_T_NAME;
    add_option(name, v9 ? NETFLOW9_SCOPE_INTERFACE : IE_INGRESS, 4);
    add_option(name, IE_INTERFACE_NAME, OPTION_NAME);
    /* In the form that routers have made usual, and nfdump knows alone. */
    description->id = IPFIX_T_DESCRIPTION;
    add_option(description, v9 ? NETFLOW9_SCOPE_SYSTEM : IE_DOMAIN, 4);
    add_option(description, IE_INGRESS, 4);
    add_option(description, IE_INTERFACE_DESCRIPTION, OPTION_DESCRIPTION);
    metering->id = IPFIX_T_METERING;
    add_option(metering, v9 ? NETFLOW9_SCOPE_SYSTEM : IE_DOMAIN, 4);
    add_option(metering, IE_EXPORTED_MESSAGES, 8);
    add_option(metering, IE_EXPORTED_FLOWS, 8);
    add_option(metering, IE_EXPORTED_OCTETS, 8);
    add_option(metering, IE_IGNORED_PACKETS, 8);
    exporting->id = IPFIX_T_EXPORTING;
    add_option(exporting, v9 ? NETFLOW9_SCOPE_SYSTEM : IE_EXPORTING_PROCESS, 4);
    add_option(exporting, IE_UNSENT_FLOWS, 8);
    add_option(exporting, IE_UNSENT_PACKETS, 8);
    add_option(exporting, IE_UNSENT_OCTETS, 8);
    for (unsigned i = 0; i < OPTION_TEMPLATES; i++)
        x->options[i].scopes = 1;
}

struct ipfix *ipfix_create(const struct ipfix_config *config)
{
    static const uint16_t ids[FLOW_TEMPLATES] = {IPFIX_T_IPV4, IPFIX_T_IPV6, IPFIX_T_LAYER2,
                                                 IPFIX_T_IPV4_NAMED, IPFIX_T_IPV6_NAMED};
    struct ipfix *x = calloc(1, sizeof(*x));

    if (!x)
        return NULL;
    x->config = *config;
    x->config.biflow &= !config->netflow9;
    if (x->config.message_max < IPFIX_MESSAGE_MIN)
        x->config.message_max = IPFIX_MESSAGE_MIN;
    if (x->config.message_max > IPFIX_MESSAGE_MAX)
        x->config.message_max = IPFIX_MESSAGE_MAX;
    for (unsigned i = 0; i < FLOW_TEMPLATES; i++)
        ipfix_flow_template(&x->flows[i],
                            (uint16_t)(ids[i] + (x->config.biflow ? IPFIX_T_BIFLOW : 0)),
                            config->netflow9);
    make_options(x);
    return x;
}

void ipfix_free(struct ipfix *ipfix)
{
    free(ipfix);
}

const struct ipfix_totals *ipfix_totals(const struct ipfix *ipfix)
{
    return &ipfix->totals;
}

/* --- messages and sets ------------------------------------------------------------------------ */

static size_t header_size(const struct ipfix *x)
{
    return x->config.netflow9 ? NETFLOW9_HEADER : IPFIX_HEADER;
}

static void close_set(struct ipfix *x)
{
    if (!x->set_at)
        return;
    /* Padding is shorter than any record; there is always room for it (begin_record()). */
    while ((x->used - x->set_at) % 4 != 0)
        x->data[x->used++] = 0;
    put_at(x->data + x->set_at, x->set_id, 2);
    put_at(x->data + x->set_at + 2, x->used - x->set_at, 2);
    x->set_at = 0;
}

/* Seconds of the header. NetFlow's flows count from its uptime, which goes with them in whole
 * seconds; where a file is told, it is the file's time. */
static void put_header(struct ipfix *x, uint64_t now)
{
    const uint64_t seconds = now / NS_PER_S;
    struct ipfix_writer w = {.data = x->data, .size = NETFLOW9_HEADER};

    if (x->config.netflow9) {
        const uint64_t boot = x->config.boot / NS_PER_S;

        ipfix_put(&w, NETFLOW9_VERSION, 2);
        ipfix_put(&w, x->count, 2);
        ipfix_put(&w, seconds > boot ? (seconds - boot) * 1000 : 0, 4);
    } else {
        ipfix_put(&w, IPFIX_VERSION, 2);
        ipfix_put(&w, x->used, 2);
    }
    ipfix_put(&w, seconds, 4);
    ipfix_put(&w, x->sequence, 4);
    ipfix_put(&w, x->config.domain, 4);
}

static void forget_message(struct ipfix *x)
{
    memset(&x->message, 0, sizeof(x->message));
    x->used = x->set_at = 0;
    x->count = 0;
    x->has_templates = false;
}

void ipfix_flush(struct ipfix *ipfix, uint64_t now)
{
    struct ipfix *x = ipfix;

    if (!x->used)
        return;
    if (now > x->newest)
        x->newest = now;
    close_set(x);
    put_header(x, x->config.netflow9 ? x->newest : now);
    x->message.data = x->data;
    x->message.length = x->used;
    if (x->config.send(x->config.context, &x->message)) {
        /* IPFIX numbers data records, NetFlow messages. */
        x->sequence += x->config.netflow9 ? 1 : x->message.records;
        x->totals.messages++;
        x->totals.octets += x->used;
        x->totals.flows += x->message.flows;
        x->since++;
    } else if (x->has_templates) {
        x->templates_sent = false;
    }
    forget_message(x);
}

/* Append a record of @length bytes to a set with @set; the message goes out first where it does not
 * fit. */
static void append(struct ipfix *x, uint16_t set, const uint8_t *record, size_t length,
                   uint64_t now)
{
    const bool opens = !x->set_at || x->set_id != set;
    /* A set's header, and padding of this one and the one before. */
    const size_t need = length + (opens ? 4 + 3 : 0) + 3;

    if (x->used && x->used + need > x->config.message_max)
        ipfix_flush(x, now);
    if (!x->used)
        x->used = header_size(x);
    if (!x->set_at || x->set_id != set) {
        close_set(x);
        x->set_at = x->used;
        x->set_id = set;
        x->used += 4;
    }
    memcpy(x->data + x->used, record, length);
    x->used += length;
    x->count++;
}

/* --- templates -------------------------------------------------------------------------------- */

static void put_fields(struct ipfix_writer *w, const struct ipfix_template *t)
{
    for (unsigned i = 0; i < t->count; i++) {
        const struct ipfix_element *e = &t->elements[i];

        ipfix_put(w, e->id | (e->reverse ? 0x8000u : 0), 2);
        ipfix_put(w, e->length, 2);
        if (e->reverse)
            ipfix_put(w, IPFIX_REVERSE_PEN, 4);
    }
}

static void put_template(struct ipfix *x, const struct ipfix_template *t, uint64_t now)
{
    const bool v9 = x->config.netflow9;
    uint8_t record[RECORD_MAX];
    struct ipfix_writer w = {.data = record, .size = sizeof(record)};
    uint16_t set;

    ipfix_put(&w, t->id, 2);
    if (!t->scopes) {
        set = v9 ? NETFLOW9_SET_TEMPLATE : IPFIX_SET_TEMPLATE;
        ipfix_put(&w, t->count, 2);
    } else if (v9) {
        /* Lengths in bytes instead of counts, the scopes' first. */
        set = NETFLOW9_SET_OPTIONS;
        ipfix_put(&w, t->scopes * 4u, 2);
        ipfix_put(&w, (t->count - t->scopes) * 4u, 2);
    } else {
        set = IPFIX_SET_OPTIONS;
        ipfix_put(&w, t->count, 2);
        ipfix_put(&w, t->scopes, 2);
    }
    put_fields(&w, t);
    append(x, set, record, w.used, now);
    x->has_templates = true;
    /* Options come one a set: nfcapd looks at the first alone. */
    if (t->scopes)
        close_set(x);
}

static void put_templates(struct ipfix *x, uint64_t now)
{
    for (unsigned i = 0; i < FLOW_TEMPLATES; i++) {
        const uint16_t id = x->flows[i].id & ~IPFIX_T_BIFLOW;

        /* NetFlow has no variable lengths. */
        if (x->config.netflow9 && (id == IPFIX_T_IPV4_NAMED || id == IPFIX_T_IPV6_NAMED))
            continue;
        put_template(x, &x->flows[i], now);
    }
    for (unsigned i = 0; i < OPTION_TEMPLATES; i++)
        put_template(x, &x->options[i], now);
}

/* --- options ---------------------------------------------------------------------------------- */

static void append_data(struct ipfix *x, uint16_t set, const struct ipfix_writer *w, uint64_t now)
{
    append(x, set, w->data, w->used, now);
    x->message.records++;
}

static void put_interface(struct ipfix *x, const struct interface *i, uint64_t now)
{
    uint8_t record[RECORD_MAX];
    struct ipfix_writer w = {.data = record, .size = sizeof(record)};

    ipfix_put(&w, i->number, 4);
    ipfix_put_text(&w, i->name, strlen(i->name), OPTION_NAME);
    append_data(x, IPFIX_T_NAME, &w, now);
    w.used = 0;
    ipfix_put(&w, x->config.netflow9 ? 0 : x->config.domain, 4);
    ipfix_put(&w, i->number, 4);
    ipfix_put_text(&w, i->description, strlen(i->description), OPTION_DESCRIPTION);
    append_data(x, IPFIX_T_DESCRIPTION, &w, now);
}

static void put_counters(struct ipfix *x, uint64_t now)
{
    uint8_t record[RECORD_MAX];
    struct ipfix_writer w = {.data = record, .size = sizeof(record)};

    ipfix_put(&w, x->config.netflow9 ? 0 : x->config.domain, 4);
    ipfix_put(&w, x->totals.messages, 8);
    ipfix_put(&w, x->totals.flows, 8);
    ipfix_put(&w, x->totals.octets, 8);
    ipfix_put(&w, x->losses.ignored_packets, 8);
    append_data(x, IPFIX_T_METERING, &w, now);
    w.used = 0;
    /* There is one exporting process, number 1. */
    ipfix_put(&w, x->config.netflow9 ? 0 : 1, 4);
    ipfix_put(&w, x->losses.unsent_flows, 8);
    ipfix_put(&w, x->losses.unsent_packets, 8);
    ipfix_put(&w, x->losses.unsent_octets, 8);
    append_data(x, IPFIX_T_EXPORTING, &w, now);
}

/* Templates where a collector may lack them, and options. */
static void put_all(struct ipfix *x, uint64_t now)
{
    if (x->config.datagrams || !x->templates_sent) {
        /* At a message's start, so that what follows can be read. */
        ipfix_flush(x, now);
        x->templates_sent = true;
        put_templates(x, now);
    }
    put_counters(x, now);
    for (unsigned i = 0; i < INTERFACE_SLOTS; i++) {
        if (x->interfaces[i].number)
            put_interface(x, &x->interfaces[i], now);
    }
    x->refreshed = now;
    x->since = 0;
}

void ipfix_refresh(struct ipfix *ipfix, const struct ipfix_losses *losses, uint64_t now)
{
    struct ipfix *x = ipfix;

    x->losses = *losses;
    if (!x->templates_sent || now < x->refreshed ||
        now - x->refreshed >= x->config.refresh_s * NS_PER_S ||
        (x->config.datagrams && x->since >= IPFIX_TEMPLATE_MESSAGES))
        put_all(x, now);
}

void ipfix_restart(struct ipfix *ipfix, struct ipfix_losses *losses)
{
    struct ipfix *x = ipfix;

    losses->unsent_flows += x->message.flows;
    losses->unsent_packets += x->message.packets;
    losses->unsent_octets += x->message.octets;
    forget_message(x);
    x->sequence = 0;
    x->templates_sent = false;
}

/* --- flows ------------------------------------------------------------------------------------ */

/* Its slot, or a free one: there always is. Nobody gains by choosing numbers that collide: domids
 * are Xen's, and the table is small. */
static struct interface *find_interface(struct ipfix *x, uint32_t number)
{
    unsigned at = number * 2654435769u % INTERFACE_SLOTS;

    while (x->interfaces[at].number && x->interfaces[at].number != number)
        at = (at + 1) % INTERFACE_SLOTS;
    return &x->interfaces[at];
}

static void describe(struct interface *i, const struct flow_view *view, unsigned side)
{
    const struct flow_record *r = &view->record;
    const struct flow_record_side *s = &r->side[side];
    const int guest = r->guest_length[side] > 56 ? 56 : r->guest_length[side],
              bridge = r->bridge_length > 20 ? 20 : r->bridge_length;
    const uint8_t *u = s->uuid;

    if (guest)
        snprintf(i->name, sizeof(i->name), "%.*s/%u", guest, view->guest[side], s->vif);
    else if (s->domid == 0)
        snprintf(i->name, sizeof(i->name), "dom0/%u", s->vif);
    else
        snprintf(i->name, sizeof(i->name), "%u.%u", s->domid, s->vif);
    if (s->flags & FLOW_IDENTIFIED)
        snprintf(i->description, sizeof(i->description),
                 "%s %.*s %02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
                 i->name, bridge, view->bridge, u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7],
                 u[8], u[9], u[10], u[11], u[12], u[13], u[14], u[15]);
    else
        snprintf(i->description, sizeof(i->description), "%s %.*s", i->name, bridge, view->bridge);
}

static void name_interface(struct ipfix *x, const struct flow_view *view, unsigned side,
                           uint64_t now)
{
    const struct flow_record_side *s = &view->record.side[side];
    struct interface now_is = {.number = ipfix_interface(s->domid, s->vif)}, *i;

    if (!now_is.number)
        return;
    describe(&now_is, view, side);
    i = find_interface(x, now_is.number);
    if (memcmp(i, &now_is, sizeof(now_is)) == 0 ||
        (!i->number && x->interface_count == IPFIX_INTERFACES))
        return;
    x->interface_count += !i->number;
    *i = now_is;
    put_interface(x, i, now);
}

static const struct ipfix_template *choose(const struct ipfix *x, const struct flow_record *r)
{
    const bool named = r->application && !x->config.netflow9;

    if (r->family == 4)
        return &x->flows[named ? 3 : 0];
    if (r->family == 6)
        return &x->flows[named ? 4 : 1];
    return &x->flows[2];
}

static void put_side(struct ipfix *x, const struct ipfix_template *t, const struct flow_view *view,
                     unsigned side, uint64_t now)
{
    const struct flow_record_side *s = view->record.side;
    uint8_t record[RECORD_MAX];
    struct ipfix_writer w = {.data = record, .size = sizeof(record)};

    ipfix_put_flow(&w, t, view, side, x->config.boot);
    append_data(x, t->id, &w, now);
    x->message.flows++;
    x->message.packets += s[side].frames;
    x->message.octets += s[side].ip_bytes;
    if (x->config.biflow) {
        x->message.packets += s[!side].frames;
        x->message.octets += s[!side].ip_bytes;
    }
}

void ipfix_add(struct ipfix *ipfix, const struct flow_view *view, uint64_t now)
{
    const struct flow_record *r = &view->record;
    const struct ipfix_template *t = choose(ipfix, r);

    if (now > ipfix->newest)
        ipfix->newest = now;
    if (!ipfix->templates_sent)
        put_all(ipfix, now);
    for (unsigned side = 0; side < 2; side++)
        name_interface(ipfix, view, side, now);
    if (ipfix->config.biflow || r->side[0].frames)
        put_side(ipfix, t, view, 0, now);
    if (!ipfix->config.biflow && r->side[1].frames)
        put_side(ipfix, t, view, 1, now);
}

bool ipfix_add_record(struct ipfix *ipfix, const uint8_t *data, size_t length, uint64_t now)
{
    struct flow_view view;

    if (!flow_view(data, length, &view)) {
        ipfix->totals.refused++;
        return false;
    }
    ipfix_add(ipfix, &view, now);
    return true;
}
