/* SPDX-License-Identifier: ISC */
#include "common/switch_rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* --- fields -------------------------------------------------------------------------------------
 */

/* A record of which fields are read. */
struct scope {
    struct rules_decoder *decoder;
    struct control_reader reader;
    char title[RULES_TITLE_MAX + 8]; /* "port web/0" */
};

/* Remember what is wrong; returns false, so that it can be returned. */
static bool __attribute__((format(printf, 3, 4)))
fail(struct rules_decoder *decoder, int error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(decoder->error, sizeof(decoder->error), format, arguments);
    va_end(arguments);
    decoder->failed = error;
    return false;
}

/* A field that occurs once at most, and where its value goes. */
struct column {
    uint16_t tag;
    enum { AS_BOOL, AS_U16, AS_U32, AS_U64, AS_ENUM, AS_TEXT, AS_RATE, AS_ANY } as;
    uint16_t offset;
    uint16_t size;     /* AS_TEXT: room for it, NUL included */
    const char *name;  /* for people */
    uint64_t most;     /* numbers */
    uint16_t required; /* must be there */
};

#define AT(type, member) offsetof(struct type, member)
#define TEXT(tag_, type, member, name_)                                                            \
    {                                                                                              \
        .tag = CONTROL_F_##tag_, .as = AS_TEXT, .offset = AT(type, member),                        \
        .size = sizeof(((struct type *)0)->member), .name = (name_)                                \
    }
#define NUMBER(tag_, as_, type, member, most_, name_)                                              \
    {                                                                                              \
        .tag = CONTROL_F_##tag_, .as = (as_), .offset = AT(type, member), .name = (name_),         \
        .most = (most_)                                                                            \
    }
#define NEEDED(tag_, as_, type, member, most_, name_)                                              \
    {                                                                                              \
        .tag = CONTROL_F_##tag_, .as = (as_), .offset = AT(type, member), .name = (name_),         \
        .most = (most_), .required = 1                                                             \
    }
/* A rate and its burst. */
#define RATE(tag_, burst_tag, type, member, name_)                                                 \
    {.tag = CONTROL_F_##tag_,                                                                      \
     .as = AS_RATE,                                                                                \
     .offset = AT(type, member),                                                                   \
     .name = (name_),                                                                              \
     .most = RULES_RATE_MAX},                                                                      \
    {                                                                                              \
        .tag = CONTROL_F_##burst_tag, .as = AS_U64, .offset = AT(type, member.burst),              \
        .name = name_ " burst", .most = RULES_BURST_MAX                                            \
    }
/* Read by other means. */
#define ANY(tag_, name_)                                                                           \
    {                                                                                              \
        .tag = CONTROL_F_##tag_, .as = AS_ANY, .name = (name_)                                     \
    }

static bool put_number(const struct scope *scope, const struct column *column, void *target,
                       uint64_t value)
{
    if (value > column->most)
        return fail(scope->decoder, -EINVAL, "%s: %s %llu is more than %llu", scope->title,
                    column->name, (unsigned long long)value, (unsigned long long)column->most);
    switch (column->as) {
    case AS_BOOL:
        *(bool *)target = value != 0;
        break;
    case AS_U16:
        *(uint16_t *)target = (uint16_t)value;
        break;
    case AS_U32:
        *(uint32_t *)target = (uint32_t)value;
        break;
    case AS_ENUM:
        *(unsigned *)target = (unsigned)value;
        break;
    case AS_U64:
        *(uint64_t *)target = value;
        break;
    default:
        ((struct rules_rate *)target)->set = true;
        ((struct rules_rate *)target)->rate = value;
    }
    return true;
}

static bool put_field(const struct scope *scope, const struct column *column,
                      const struct control_field *field, uint8_t *object)
{
    struct control_field first;

    if (!control_find(&scope->reader, field->tag, &first) || first.value != field->value)
        return fail(scope->decoder, -EINVAL, "%s: %s is there twice", scope->title, column->name);
    if (column->as == AS_ANY)
        return true;
    if (column->as != AS_TEXT)
        return put_number(scope, column, object + column->offset, field->number);
    if (!control_string(&scope->reader, field->tag, (char *)object + column->offset, column->size))
        return fail(scope->decoder, -EINVAL, "%s: %s has more than %u bytes, or a NUL",
                    scope->title, column->name, column->size - 1U);
    return true;
}

/*
 * Read all fields of the record into @object; those with no column go to @other, which says whether
 * it knows them. A record without a field that is needed is refused.
 */
static bool read_fields(const struct scope *scope, const struct column *columns, size_t count,
                        bool (*other)(const struct scope *, const struct control_field *, void *),
                        void *object)
{
    struct control_reader reader = scope->reader;
    struct control_field field;

    while (control_next(&reader, &field)) {
        size_t i = 0;

        while (i < count && columns[i].tag != field.tag)
            i++;
        if (i < count ? !put_field(scope, &columns[i], &field, object)
                      : other == NULL || !other(scope, &field, object))
            return scope->decoder->failed != 0
                       ? false
                       : fail(scope->decoder, -EINVAL,
                              "%s: field %u is not known here: the rules are of a newer version",
                              scope->title, field.tag & 0x3fffU);
    }
    for (size_t i = 0; i < count; i++)
        if (columns[i].required && !control_find(&scope->reader, columns[i].tag, &field))
            return fail(scope->decoder, -EINVAL, "%s: no %s", scope->title, columns[i].name);
    return true;
}

/* A value of exactly @length bytes. */
static bool bytes_of(const struct scope *scope, const struct control_field *field, size_t length,
                     const char *name)
{
    return field->length == length ||
           fail(scope->decoder, -EINVAL, "%s: %s of %u bytes instead of %u", scope->title, name,
                field->length, (unsigned)length);
}

/* --- VLANs --------------------------------------------------------------------------------------
 */

static unsigned load16(const uint8_t *bytes)
{
    return (unsigned)(bytes[0] | bytes[1] << 8);
}

bool rules_get_vlans(const struct control_field *field, uint64_t allowed[64])
{
    unsigned past = 0; /* ranges ascend and do not touch */

    memset(allowed, 0, 64 * sizeof(allowed[0]));
    if (field->length == 512) {
        for (unsigned i = 0; i < 512; i++)
            allowed[i / 8] |= (uint64_t)field->value[i] << i % 8 * 8;
        return true;
    }
    if (field->length > 512 || field->length % 4 != 0)
        return false;
    for (unsigned i = 0; i < field->length; i += 4) {
        unsigned first = load16(field->value + i), last = load16(field->value + i + 2);

        if (first < past || last < first || last > 4095)
            return false;
        for (unsigned vid = first; vid <= last; vid++)
            allowed[vid / 64] |= UINT64_C(1) << vid % 64;
        past = last + 2;
    }
    return true;
}

static bool read_vlan(const struct scope *scope, struct rules_port *port)
{
    struct control_field field;

    port->vlan_set = control_find(&scope->reader, CONTROL_F_VLAN_MODE, &field);
    if (control_find(&scope->reader, CONTROL_F_VLANS, &field) &&
        !rules_get_vlans(&field, port->vlan.allowed))
        return fail(scope->decoder, -EINVAL, "%s: its list of VLANs is malformed", scope->title);
    if (!port->vlan_set && (control_find(&scope->reader, CONTROL_F_VLANS, &field) ||
                            port->vlan.pvid != 0 || port->vlan.pvid_tagged))
        return fail(scope->decoder, -EINVAL, "%s: VLANs, but no mode of them", scope->title);
    return true;
}

/* --- records ------------------------------------------------------------------------------------
 */

static bool read_identity(const struct scope *scope, const struct control_field *field,
                          uint8_t uuid[16])
{
    if (!bytes_of(scope, field, 16, "a uuid"))
        return false;
    memcpy(uuid, field->value, 16);
    return true;
}

static bool read_prefix(const struct scope *scope, const struct control_field *field, size_t size,
                        struct rules_prefix *prefixes, uint8_t *count, unsigned most)
{
    const char *name = size == 4 ? "IPv4 address" : "IPv6 address";

    if (*count == most)
        return fail(scope->decoder, -EINVAL, "%s: more than %u %ses", scope->title, most, name);
    if (!bytes_of(scope, field, size + 1, name))
        return false;
    memcpy(prefixes[*count].address, field->value, size);
    prefixes[(*count)++].length = field->value[size];
    return true;
}

static bool read_address(const struct scope *scope, const struct control_field *field, void *object)
{
    struct rules_port *port = object;

    switch (field->tag) {
    case CONTROL_F_MAC:
        if (port->mac_count == RULES_MACS)
            return fail(scope->decoder, -EINVAL, "%s: more than %u MACs", scope->title, RULES_MACS);
        if (!bytes_of(scope, field, 6, "a MAC"))
            return false;
        memcpy(port->macs[port->mac_count++], field->value, 6);
        return true;
    case CONTROL_F_IPV4:
        return read_prefix(scope, field, 4, port->ipv4, &port->ipv4_count, RULES_IPV4);
    case CONTROL_F_IPV6:
        return read_prefix(scope, field, 16, port->ipv6, &port->ipv6_count, RULES_IPV6);
    default:
        return false;
    }
}

/* How errors shall name this port. */
static void title_port(struct scope *scope)
{
    struct control_field uuid;
    struct rules_port port = {0};
    char title[RULES_TITLE_MAX];

    (void)control_string(&scope->reader, CONTROL_F_NAME, port.name, sizeof(port.name));
    if (control_find(&scope->reader, CONTROL_F_UUID, &uuid) && uuid.length == sizeof(port.uuid))
        memcpy(port.uuid, uuid.value, sizeof(port.uuid));
    port.vif = (uint16_t)control_number(&scope->reader, CONTROL_F_VIF, 0);
    (void)snprintf(scope->title, sizeof(scope->title), "port %s", rules_port_title(&port, title));
}

static bool read_port(struct scope *scope)
{
    static const struct column columns[] = {
        {.tag = CONTROL_F_UUID, .as = AS_ANY, .name = "uuid", .required = 1},
        NEEDED(VIF, AS_U16, rules_port, vif, UINT16_MAX, "vif index"),
        TEXT(NAME, rules_port, name, "name"),
        TEXT(BRIDGE_NAME, rules_port, bridge, "name of the bridge"),
        NUMBER(VLAN_MODE, AS_ENUM, rules_port, vlan.mode, RULES_VLAN_TRUNK, "VLAN mode"),
        NUMBER(PVID, AS_U16, rules_port, vlan.pvid, 4095, "PVID"),
        NUMBER(PVID_TAGGED, AS_BOOL, rules_port, vlan.pvid_tagged, 1, "tagged PVID"),
        ANY(VLANS, "list of VLANs"),
        NUMBER(LOCK, AS_ENUM, rules_port, lock, RULES_LOCK_DISABLED, "locking mode"),
        RATE(RATE_IN, BURST_IN, rules_port, rate_in, "rate in"),
        RATE(RATE_OUT, BURST_OUT, rules_port, rate_out, "rate out"),
        RATE(BROADCAST, BROADCAST_BURST, rules_port, broadcast, "broadcast rate"),
        RATE(MULTICAST, MULTICAST_BURST, rules_port, multicast, "multicast rate"),
        RATE(UNKNOWN, UNKNOWN_BURST, rules_port, unknown, "unknown unicast rate"),
        NUMBER(ISOLATED, AS_BOOL, rules_port, isolated, 1, "isolated"),
        NUMBER(DHCP_SERVER, AS_BOOL, rules_port, dhcp_server, 1, "dhcp server"),
        NUMBER(UPLINK, AS_BOOL, rules_port, uplink, 1, "uplink"),
        NUMBER(FDB_LIMIT, AS_U32, rules_port, fdb_limit, UINT32_MAX, "limit of addresses"),
    };
    struct rules *rules = scope->decoder->rules;
    struct control_field field;
    struct rules_port *port;

    title_port(scope);
    if (rules->port_count == rules->port_max)
        return fail(scope->decoder, -ENOSPC, "more than %u ports", rules->port_max);
    port = &rules->ports[rules->port_count];
    memset(port, 0, sizeof(*port));
    if (!read_fields(scope, columns, sizeof(columns) / sizeof(columns[0]), read_address, port) ||
        !read_vlan(scope, port))
        return false;
    (void)control_find(&scope->reader, CONTROL_F_UUID, &field);
    if (!read_identity(scope, &field, port->uuid))
        return false;
    port->dhcp_server_set = control_find(&scope->reader, CONTROL_F_DHCP_SERVER, &field);
    port->uplink_set = control_find(&scope->reader, CONTROL_F_UPLINK, &field);
    rules->port_count++;
    return true;
}

static bool read_bridge(struct scope *scope)
{
    static const struct column columns[] = {
        TEXT(NAME, rules_bridge, name, "name"),
        NUMBER(AGEING, AS_U32, rules_bridge, ageing, UINT32_MAX, "ageing"),
        NUMBER(MTU, AS_U16, rules_bridge, mtu, UINT16_MAX, "MTU"),
        NUMBER(SNOOPING, AS_BOOL, rules_bridge, snooping, 1, "snooping"),
        NUMBER(LOOP_GUARD, AS_BOOL, rules_bridge, loop_guard, 1, "loop guard"),
        NUMBER(LOCK, AS_ENUM, rules_bridge, lock, RULES_LOCK_DISABLED, "locking mode"),
        RATE(BROADCAST, BROADCAST_BURST, rules_bridge, broadcast, "broadcast rate"),
        RATE(MULTICAST, MULTICAST_BURST, rules_bridge, multicast, "multicast rate"),
        RATE(UNKNOWN, UNKNOWN_BURST, rules_bridge, unknown, "unknown unicast rate"),
    };
    struct rules *rules = scope->decoder->rules;

    (void)snprintf(scope->title, sizeof(scope->title), "bridge %u", rules->bridge_count + 1);
    if (rules->bridge_count == RULES_BRIDGES)
        return fail(scope->decoder, -ENOSPC, "more than %u bridges", RULES_BRIDGES);
    if (!read_fields(scope, columns, sizeof(columns) / sizeof(columns[0]), NULL,
                     &rules->bridges[rules->bridge_count]))
        return false;
    rules->bridge_count++;
    return true;
}

static bool read_source(const struct scope *outer, const struct control_field *group, void *object)
{
    struct source { /* as in struct rules_mirror */
        uint8_t uuid[16];
        uint16_t vif;
        enum rules_direction direction;
    } source = {.vif = 0};
    static const struct column columns[] = {
        {.tag = CONTROL_F_UUID, .as = AS_ANY, .name = "uuid", .required = 1},
        NEEDED(VIF, AS_U16, source, vif, UINT16_MAX, "vif index"),
        NEEDED(DIRECTION, AS_ENUM, source, direction, RULES_BOTH, "direction"),
    };
    struct rules_mirror *mirror = object;
    struct scope scope = *outer;
    struct control_field field;

    if (group->tag != CONTROL_F_SOURCE)
        return false;
    if (mirror->source_count == RULES_SOURCES)
        return fail(scope.decoder, -EINVAL, "%s: more than %u sources", scope.title, RULES_SOURCES);
    control_read_group(&scope.reader, group);
    if (!read_fields(&scope, columns, sizeof(columns) / sizeof(columns[0]), NULL, &source))
        return false;
    (void)control_find(&scope.reader, CONTROL_F_UUID, &field);
    if (!read_identity(&scope, &field, source.uuid))
        return false;
    memcpy(mirror->sources[mirror->source_count].uuid, source.uuid, sizeof(source.uuid));
    mirror->sources[mirror->source_count].vif = source.vif;
    mirror->sources[mirror->source_count].direction = source.direction;
    mirror->source_count++;
    return true;
}

static bool read_mirror(struct scope *scope)
{
    static const struct column columns[] = {
        TEXT(NAME, rules_mirror, name, "name"),
        NUMBER(SNAP, AS_U16, rules_mirror, snap, UINT16_MAX, "snap"),
        NEEDED(DOMID, AS_U16, rules_mirror, client, UINT16_MAX, "domid"),
        TEXT(BRIDGE_NAME, rules_mirror, bridge, "name of the bridge"),
        NUMBER(VID, AS_U16, rules_mirror, vlan, UINT16_MAX, "VLAN"),
        NEEDED(DIRECTION, AS_ENUM, rules_mirror, direction, RULES_BOTH, "direction"),
    };
    struct rules *rules = scope->decoder->rules;
    struct rules_mirror *mirror = &rules->mirrors[rules->mirror_count];
    struct control_field field;

    (void)snprintf(scope->title, sizeof(scope->title), "mirror %u", rules->mirror_count + 1);
    if (rules->mirror_count == RULES_MIRRORS)
        return fail(scope->decoder, -ENOSPC, "more than %u mirrors", RULES_MIRRORS);
    if (!read_fields(scope, columns, sizeof(columns) / sizeof(columns[0]), read_source, mirror))
        return false;
    mirror->vlan_set = control_find(&scope->reader, CONTROL_F_VID, &field);
    rules->mirror_count++;
    return true;
}

static bool read_head(struct scope *scope)
{
    static const struct column columns[] = {
        {.tag = CONTROL_F_VERSION, .as = AS_ANY, .name = "version", .required = 1},
        NEEDED(GENERATION, AS_U64, rules, generation, UINT64_MAX, "generation"),
        TEXT(DIGEST, rules, digest, "digest"),
        NUMBER(UNKNOWN_GUESTS, AS_ENUM, rules, unknown, RULES_UNKNOWN_HOLD, "unknown guests"),
        TEXT(DEFAULT_BRIDGE, rules, default_bridge, "default bridge"),
    };
    uint64_t version = control_number(&scope->reader, CONTROL_F_VERSION, RULES_VERSION);

    (void)snprintf(scope->title, sizeof(scope->title), "rules");
    if (version != RULES_VERSION)
        return fail(scope->decoder, -EINVAL, "rules of version %llu: only %u is known here",
                    (unsigned long long)version, RULES_VERSION);
    scope->decoder->head = true;
    return read_fields(scope, columns, sizeof(columns) / sizeof(columns[0]), NULL,
                       scope->decoder->rules);
}

static bool read_tail(struct scope *scope)
{
    struct counts {
        uint32_t bridges, ports, mirrors;
    } counts;
    static const struct column columns[] = {
        NEEDED(BRIDGES, AS_U32, counts, bridges, UINT32_MAX, "number of bridges"),
        NEEDED(PORTS, AS_U32, counts, ports, UINT32_MAX, "number of ports"),
        NEEDED(MIRRORS, AS_U32, counts, mirrors, UINT32_MAX, "number of mirrors"),
    };
    const struct rules *rules = scope->decoder->rules;

    (void)snprintf(scope->title, sizeof(scope->title), "end of the rules");
    if (!read_fields(scope, columns, sizeof(columns) / sizeof(columns[0]), NULL, &counts))
        return false;
    if (counts.bridges != rules->bridge_count || counts.ports != rules->port_count ||
        counts.mirrors != rules->mirror_count)
        return fail(scope->decoder, -EINVAL,
                    "%u bridges, %u ports and %u mirrors came, and %u, %u and %u were sent",
                    rules->bridge_count, rules->port_count, rules->mirror_count, counts.bridges,
                    counts.ports, counts.mirrors);
    scope->decoder->tail = true;
    return true;
}

/* One group is in the frame, and nothing else. */
static bool read_record(struct rules_decoder *decoder)
{
    struct scope scope = {.decoder = decoder};
    struct control_reader reader;
    struct control_field group, more;

    if (!control_check(decoder->record, decoder->used))
        return fail(decoder, -EINVAL, "a record is malformed");
    control_read(&reader, decoder->record, decoder->used);
    if (!control_next(&reader, &group) || group.kind != CONTROL_GROUP ||
        control_next(&reader, &more))
        return fail(decoder, -EINVAL, "a record that is not one group");
    if (decoder->tail)
        return fail(decoder, -EINVAL, "a record behind the end of the rules");
    if (decoder->head == (group.tag == CONTROL_F_RULES_HEAD))
        return fail(decoder, -EINVAL,
                    decoder->head ? "the rules begin twice" : "the rules do not begin");
    control_read_group(&scope.reader, &group);
    switch (group.tag) {
    case CONTROL_F_RULES_HEAD:
        return read_head(&scope);
    case CONTROL_F_BRIDGE:
        return read_bridge(&scope);
    case CONTROL_F_PORT:
        return read_port(&scope);
    case CONTROL_F_MIRROR:
        return read_mirror(&scope);
    case CONTROL_F_RULES_TAIL:
        return read_tail(&scope);
    default:
        return fail(decoder, -EINVAL,
                    "a record of kind %u is not known here: the rules are of a newer version",
                    group.tag & 0x3fffU);
    }
}

/* --- pieces -------------------------------------------------------------------------------------
 */

void rules_decoder_init(struct rules_decoder *decoder, struct rules *rules)
{
    struct rules_port *ports = rules->ports;
    unsigned port_max = rules->port_max;

    memset(rules, 0, sizeof(*rules));
    rules->ports = ports;
    rules->port_max = port_max;
    memset(decoder, 0, sizeof(*decoder));
    decoder->rules = rules;
}

/* How long the record under way is, as far as its header is there; 0: it cannot be one. */
static size_t record_length(const struct rules_decoder *decoder)
{
    struct control_header header;

    if (decoder->used < CONTROL_HEADER)
        return CONTROL_HEADER;
    if (!control_header_decode(decoder->record, &header) || header.type != CONTROL_T_SWITCH_APPLY ||
        header.kind != CONTROL_ITEM)
        return 0;
    return header.length;
}

int rules_decode(struct rules_decoder *decoder, const void *data, size_t length)
{
    const uint8_t *at = data, *end = at + length;

    while (decoder->failed == 0 && at < end) {
        size_t wanted = record_length(decoder) - decoder->used;
        size_t piece = wanted < (size_t)(end - at) ? wanted : (size_t)(end - at);

        memcpy(decoder->record + decoder->used, at, piece);
        decoder->used += piece;
        at += piece;
        wanted = record_length(decoder);
        if (wanted == 0)
            (void)fail(decoder, -EINVAL, "a record that is none of rules");
        else if (decoder->used == wanted && read_record(decoder))
            decoder->used = 0;
    }
    return decoder->failed;
}

int rules_decode_end(struct rules_decoder *decoder)
{
    if (decoder->failed == 0 && (!decoder->tail || decoder->used != 0))
        (void)fail(decoder, -EINVAL, "the rules end before their end");
    if (decoder->failed == 0)
        decoder->failed = rules_check(decoder->rules, decoder->error, sizeof(decoder->error));
    return decoder->failed;
}
