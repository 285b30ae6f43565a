/* SPDX-License-Identifier: ISC */
/* Encoder and decoder of the switch's rules. */
#include "rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct rules *rules_new(void)
{
    struct rules *rules = calloc(1, sizeof(*rules) + RULES_PORTS * sizeof(struct rules_port));

    rules->ports = (struct rules_port *)(rules + 1);
    rules->port_max = RULES_PORTS;
    return rules;
}

static bool chance(struct unit_random *random)
{
    return unit_random(random, 2) == 0;
}

static void random_name(struct unit_random *random, char *name, unsigned number)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
    size_t length = 4 + unit_random(random, RULES_NAME - 4);

    /* The number keeps them apart. */
    name[0] = (char)('a' + number % 26);
    name[1] = (char)('a' + number / 26);
    for (size_t i = 2; i < length; i++)
        name[i] = letters[unit_random(random, sizeof(letters) - 1)];
}

static void random_rate(struct unit_random *random, struct rules_rate *rate, bool full)
{
    rate->set = full || chance(random);
    if (!rate->set || unit_random(random, 4) == 0)
        return;
    rate->rate = 1 + unit_random(random, RULES_RATE_MAX);
    if (full || chance(random))
        rate->burst = 1 + unit_random(random, RULES_BURST_MAX);
}

static void random_vlan(struct unit_random *random, struct rules_vlan *vlan, bool full)
{
    vlan->mode = full ? RULES_VLAN_TRUNK : unit_random(random, 3);
    if (vlan->mode == RULES_VLAN_TRANSPARENT)
        return;
    vlan->pvid = 1 + (uint16_t)unit_random(random, RULES_VID_MAX);
    if (vlan->mode == RULES_VLAN_ACCESS)
        return;
    vlan->pvid_tagged = chance(random);
    if (full || unit_random(random, 4) == 0) {
        /* The most ranges that there can be. */
        memset(vlan->allowed, 0x55, sizeof(vlan->allowed));
        vlan->allowed[0] &= ~UINT64_C(1);
        return;
    }
    for (unsigned left = (unsigned)unit_random(random, 8); left > 0; left--) {
        unsigned first = 1 + (unsigned)unit_random(random, RULES_VID_MAX);
        unsigned count = (unsigned)unit_random(random, 200);

        for (unsigned vid = first; vid < first + count && vid <= RULES_VID_MAX; vid++)
            vlan->allowed[vid / 64] |= UINT64_C(1) << vid % 64;
    }
}

static void random_prefixes(struct unit_random *random, struct rules_prefix *prefixes,
                            uint8_t *count, unsigned most, unsigned bits, bool full)
{
    *count = (uint8_t)(full ? most : unit_random(random, most + 1));
    for (unsigned i = 0; i < *count; i++) {
        prefixes[i].length = (uint8_t)unit_random(random, bits + 1);
        for (unsigned bit = 3; bit < prefixes[i].length; bit++)
            if (chance(random))
                prefixes[i].address[bit / 8] |= 0x80 >> bit % 8;
    }
}

static void random_port(struct unit_random *random, const struct rules *rules,
                        struct rules_port *port, unsigned number, bool full)
{
    for (unsigned i = 0; i < 16; i++)
        port->uuid[i] = (uint8_t)unit_random(random, 256);
    port->uuid[3] = (uint8_t)number;
    port->vif = (uint16_t)unit_random(random, UINT16_MAX + 1U);
    if (full || chance(random))
        memset(port->name, 'n', full ? sizeof(port->name) - 1 : 1 + unit_random(random, 63));
    if (rules->bridge_count > 0 && (full || chance(random)))
        strcpy(port->bridge, rules->bridges[unit_random(random, rules->bridge_count)].name);
    port->vlan_set = full || chance(random);
    if (port->vlan_set)
        random_vlan(random, &port->vlan, full);
    port->uplink_set = full || chance(random);
    port->uplink = port->uplink_set && chance(random);
    port->lock = unit_random(random, 4);
    if (port->uplink && port->lock == RULES_LOCK_LOCKED)
        port->lock = RULES_LOCK_UNLOCKED;
    port->mac_count = (uint8_t)(full ? RULES_MACS : unit_random(random, RULES_MACS + 1));
    for (unsigned i = 0; i < port->mac_count; i++) {
        port->macs[i][0] = 2;
        port->macs[i][4] = (uint8_t)unit_random(random, 256);
        port->macs[i][5] = (uint8_t)i;
    }
    random_prefixes(random, port->ipv4, &port->ipv4_count, RULES_IPV4, 32, full);
    random_prefixes(random, port->ipv6, &port->ipv6_count, RULES_IPV6, 128, full);
    random_rate(random, &port->rate_in, full);
    random_rate(random, &port->rate_out, full);
    random_rate(random, &port->broadcast, full);
    random_rate(random, &port->multicast, full);
    random_rate(random, &port->unknown, full);
    port->isolated = chance(random);
    port->dhcp_server_set = full || chance(random);
    port->dhcp_server = port->dhcp_server_set && chance(random);
    port->fdb_limit = chance(random) ? (uint32_t)unit_random(random, UINT64_C(1) << 32) : 0;
}

static void random_bridge(struct unit_random *random, struct rules_bridge *bridge, unsigned number,
                          bool full)
{
    random_name(random, bridge->name, number);
    if (full || chance(random))
        bridge->ageing = 10 + (uint32_t)unit_random(random, 1000000 - 9);
    if (full || chance(random))
        bridge->mtu = (uint16_t)(68 + unit_random(random, 65521 - 67));
    bridge->snooping = chance(random);
    bridge->loop_guard = chance(random);
    bridge->lock = unit_random(random, 4);
    random_rate(random, &bridge->broadcast, full);
    random_rate(random, &bridge->multicast, full);
    random_rate(random, &bridge->unknown, full);
}

static void random_mirror(struct unit_random *random, const struct rules *rules,
                          struct rules_mirror *mirror, unsigned number, bool full)
{
    unsigned most = rules->port_count < RULES_SOURCES ? rules->port_count : RULES_SOURCES;

    random_name(random, mirror->name, number);
    mirror->snap = chance(random) ? (uint16_t)unit_random(random, UINT16_MAX + 1U) : 0;
    mirror->client = (uint16_t)unit_random(random, 0x7ff0);
    if (rules->bridge_count > 0 && chance(random))
        strcpy(mirror->bridge, rules->bridges[unit_random(random, rules->bridge_count)].name);
    mirror->vlan_set = chance(random);
    if (mirror->vlan_set)
        mirror->vlan = (uint16_t)unit_random(random, RULES_VID_MAX + 1);
    mirror->direction = 1 + unit_random(random, 3);
    mirror->source_count = (uint8_t)(full ? most : unit_random(random, most + 1));
    for (unsigned i = 0; i < mirror->source_count; i++) {
        memcpy(mirror->sources[i].uuid, rules->ports[i].uuid, 16);
        mirror->sources[i].vif = rules->ports[i].vif;
        mirror->sources[i].direction = 1 + unit_random(random, 3);
    }
}

void rules_random(struct rules *rules, struct unit_random *random, bool full)
{
    rules->generation = unit_random(random, UINT64_MAX);
    if (full || chance(random))
        for (unsigned i = 0; i < 64; i++)
            rules->digest[i] = "0123456789abcdef"[unit_random(random, 16)];
    rules->unknown = unit_random(random, 2);
    rules->bridge_count = full ? RULES_BRIDGES : (unsigned)unit_random(random, 4);
    for (unsigned i = 0; i < rules->bridge_count; i++)
        random_bridge(random, &rules->bridges[i], i, full);
    if (rules->bridge_count > 0 && (full || chance(random)))
        strcpy(rules->default_bridge, rules->bridges[0].name);
    rules->port_count = full ? RULES_PORTS : (unsigned)unit_random(random, 6);
    for (unsigned i = 0; i < rules->port_count; i++)
        random_port(random, rules, &rules->ports[i], i, full);
    rules->mirror_count = full ? RULES_MIRRORS : (unsigned)unit_random(random, 4);
    for (unsigned i = 0; i < rules->mirror_count; i++)
        random_mirror(random, rules, &rules->mirrors[i], i, full);
}

static int collect(void *context, const void *record, size_t length)
{
    struct upload *upload = context;

    upload->bytes = realloc(upload->bytes, upload->size + length);
    memcpy(upload->bytes + upload->size, record, length);
    upload->size += length;
    upload->records++;
    return 0;
}

void upload_rules(struct upload *upload, const struct rules *rules)
{
    *upload = (struct upload){0};
    ck_assert_int_eq(rules_encode(rules, collect, upload), 0);
}

int upload_decode(struct rules_decoder *decoder, struct rules *rules, const uint8_t *bytes,
                  size_t size, struct unit_random *random, bool end)
{
    static const unsigned sizes[] = {1, 2, 13, 300, 5000, 100000};
    int error = 0;

    rules_decoder_init(decoder, rules);
    while (size > 0 && error == 0) {
        size_t piece = 1 + unit_random(random, sizes[unit_random(random, 6)]);

        piece = piece < size ? piece : size;
        error = rules_decode(decoder, bytes, piece);
        bytes += piece;
        size -= piece;
    }
    return error == 0 && end ? rules_decode_end(decoder) : error;
}

/* --- tests --------------------------------------------------------------------------------------
 */

static void must_be_equal(const struct rules *a, const struct rules *b)
{
    struct rules copy = *a;

    ck_assert_uint_eq(a->port_count, b->port_count);
    for (unsigned i = 0; i < a->port_count; i++)
        ck_assert_mem_eq(&a->ports[i], &b->ports[i], sizeof(a->ports[i]));
    for (unsigned i = 0; i < RULES_BRIDGES; i++)
        ck_assert_mem_eq(&a->bridges[i], &b->bridges[i], sizeof(a->bridges[i]));
    for (unsigned i = 0; i < RULES_MIRRORS; i++)
        ck_assert_mem_eq(&a->mirrors[i], &b->mirrors[i], sizeof(a->mirrors[i]));
    copy.ports = b->ports;
    ck_assert_mem_eq(&copy, b, sizeof(copy));
}

static void round_trip(struct unit_random *random, bool full)
{
    struct rules *rules = rules_new(), *decoded = rules_new();
    struct rules_decoder decoder;
    struct upload upload, again;
    char error[RULES_ERROR_MAX];

    rules_random(rules, random, full);
    if (rules_check(rules, error, sizeof(error)) != 0)
        ck_abort_msg("%s", error);
    upload_rules(&upload, rules);
    ck_assert_uint_eq(upload.records,
                      2 + rules->bridge_count + rules->port_count + rules->mirror_count);
    if (upload_decode(&decoder, decoded, upload.bytes, upload.size, random, true) != 0)
        ck_abort_msg("%s", decoder.error);
    must_be_equal(rules, decoded);
    upload_rules(&again, decoded);
    ck_assert_uint_eq(upload.size, again.size);
    ck_assert_mem_eq(upload.bytes, again.bytes, upload.size);
    free(upload.bytes);
    free(again.bytes);
    free(rules);
    free(decoded);
}

START_TEST(what_is_encoded_is_decoded)
{
    struct unit_random random = {(uint64_t)_i};

    for (unsigned round = 0; round < 100; round++)
        round_trip(&random, false);
}
END_TEST

START_TEST(all_that_fits_fits)
{
    struct unit_random random = {7};

    for (unsigned round = 0; round < 3; round++)
        round_trip(&random, true);
}
END_TEST

START_TEST(uploads_cut_short_are_refused)
{
    struct rules *rules = rules_new(), *decoded = rules_new();
    struct unit_random random = {3};
    struct rules_decoder decoder;
    struct upload upload;

    do {
        memset(rules, 0, sizeof(*rules));
        free(rules);
        rules = rules_new();
        rules_random(rules, &random, false);
    } while (rules->port_count == 0 || rules->mirror_count == 0);
    upload_rules(&upload, rules);
    for (size_t size = 0; size < upload.size; size++) {
        ck_assert_int_eq(upload_decode(&decoder, decoded, upload.bytes, size, &random, true),
                         -EINVAL);
        ck_assert_str_eq(decoder.error, "the rules end before their end");
    }
    free(upload.bytes);
    free(decoded);
    free(rules);
}
END_TEST

static int stop(void *context, const void *record, size_t length)
{
    return --*(int *)context == 0 ? -EPIPE : 0;
}

START_TEST(the_encoder_ends_when_it_is_told_to)
{
    struct rules *rules = rules_new();
    struct unit_random random = {5};
    int left;

    rules_random(rules, &random, true);
    for (int records = 1; records <= 2 + 16 + 256 + 8; records++) {
        left = records;
        ck_assert_int_eq(rules_encode(rules, stop, &left), -EPIPE);
    }
    left = 2 + 16 + 256 + 8 + 1;
    ck_assert_int_eq(rules_encode(rules, stop, &left), 0);
    ck_assert_int_eq(left, 1);
    free(rules);
}
END_TEST

/* One part more than there may be. */
START_TEST(there_is_no_room_for_more)
{
    static const char *const words[] = {"more than 16 bridges", "more than 256 ports",
                                        "more than 8 mirrors"};
    struct rules *rules = rules_new(), *decoded = rules_new();
    struct unit_random random = {5};
    struct rules_decoder decoder;
    struct upload upload;
    size_t at = 0, length;
    unsigned first[] = {1, 1 + 16, 1 + 16 + 256}; /* number of the first record of each kind */

    rules_random(rules, &random, true);
    upload_rules(&upload, rules);
    for (unsigned kind = 0, record = 0; kind < 3; record++) {
        length = (size_t)(upload.bytes[at] | upload.bytes[at + 1] << 8);
        if (record == first[kind]) {
            uint8_t *more = malloc(upload.size + length);

            memcpy(more, upload.bytes, at + length);
            memcpy(more + at + length, upload.bytes + at, upload.size - at);
            ck_assert_int_eq(
                upload_decode(&decoder, decoded, more, upload.size + length, &random, true),
                -ENOSPC);
            ck_assert_str_eq(decoder.error, words[kind]);
            /* Whatever comes then, it stays so. */
            ck_assert_int_eq(rules_decode(&decoder, upload.bytes, upload.size), -ENOSPC);
            ck_assert_int_eq(rules_decode_end(&decoder), -ENOSPC);
            free(more);
            kind++;
        }
        at += length;
    }
    decoded->port_max = 255;
    ck_assert_int_eq(upload_decode(&decoder, decoded, upload.bytes, upload.size, &random, true),
                     -ENOSPC);
    ck_assert_str_eq(decoder.error, "more than 255 ports");
    free(upload.bytes);
    free(decoded);
    free(rules);
}
END_TEST

/* --- records made by hand -----------------------------------------------------------------------
 */

static struct control_writer writer;
static uint8_t record[CONTROL_FRAME_MAX];

static void begin(uint16_t group)
{
    control_begin(&writer, record, sizeof(record), CONTROL_T_SWITCH_APPLY, CONTROL_ITEM, 0);
    control_open_group(&writer, group);
}

static void head(void)
{
    begin(CONTROL_F_RULES_HEAD);
    control_put_number(&writer, CONTROL_F_VERSION, RULES_VERSION);
    control_put_number(&writer, CONTROL_F_GENERATION, 1);
}

static void port(void)
{
    begin(CONTROL_F_PORT);
    control_put_bytes(&writer, CONTROL_F_UUID, "0123456789abcdef", 16);
    control_put_number(&writer, CONTROL_F_VIF, 3);
    control_put_string(&writer, CONTROL_F_NAME, "web/3");
}

static void number_of(void (*make)(void), uint16_t tag, uint64_t value)
{
    make();
    control_put_number(&writer, tag, value);
}

static void bytes_of(uint16_t tag, size_t size)
{
    static const uint8_t bytes[600];

    port();
    control_put_bytes(&writer, tag, bytes, size);
}

static void many_of(uint16_t tag, size_t size, unsigned count)
{
    static const uint8_t bytes[20];

    port();
    while (count-- > 0)
        control_put_bytes(&writer, tag, bytes, size);
}

/* One range more than is shorter than the bitmap. */
static void many_ranges(void)
{
    uint8_t bytes[516] = {0};

    for (unsigned i = 0; i < sizeof(bytes); i += 2) {
        bytes[i] = (uint8_t)(i / 4 * 2 + 1);
        bytes[i + 1] = (uint8_t)((i / 4 * 2 + 1) >> 8);
    }
    port();
    control_put_number(&writer, CONTROL_F_VLAN_MODE, RULES_VLAN_TRUNK);
    control_put_bytes(&writer, CONTROL_F_VLANS, bytes, sizeof(bytes));
}

static void tail(unsigned bridges, unsigned ports, unsigned mirrors)
{
    begin(CONTROL_F_RULES_TAIL);
    control_put_number(&writer, CONTROL_F_BRIDGES, bridges);
    control_put_number(&writer, CONTROL_F_PORTS, ports);
    control_put_number(&writer, CONTROL_F_MIRRORS, mirrors);
}

static void vlans_of(const char *bytes, size_t size)
{
    port();
    control_put_number(&writer, CONTROL_F_VLAN_MODE, RULES_VLAN_TRUNK);
    control_put_bytes(&writer, CONTROL_F_VLANS, bytes, size);
}

static void bridge(void)
{
    begin(CONTROL_F_BRIDGE);
}

static void mirror(void)
{
    begin(CONTROL_F_MIRROR);
    control_put_string(&writer, CONTROL_F_NAME, "m");
    control_put_number(&writer, CONTROL_F_DOMID, 0);
    control_put_number(&writer, CONTROL_F_DIRECTION, 3);
}

static void source_of(size_t uuid_size, unsigned direction)
{
    mirror();
    control_open_group(&writer, CONTROL_F_SOURCE);
    control_put_bytes(&writer, CONTROL_F_UUID, "0123456789abcdef", uuid_size);
    control_put_number(&writer, CONTROL_F_VIF, 3);
    control_put_number(&writer, CONTROL_F_DIRECTION, direction);
    control_close_group(&writer);
}

/* A second record, behind a good head; each makes one, and returns what must be said of it. */
static const char *bad_record(int number)
{
    switch (number) {
    case 0:
        head();
        return "the rules begin twice";
    case 1:
        begin(CONTROL_F_STATISTIC);
        return "a record of kind 28 is not known here: the rules are of a newer version";
    case 2:
        port();
        control_close_group(&writer);
        control_put_number(&writer, CONTROL_F_VIF, 1);
        return "a record that is not one group";
    case 3:
        control_begin(&writer, record, sizeof(record), CONTROL_T_SWITCH_APPLY, CONTROL_ITEM, 0);
        return "a record that is not one group";
    case 4:
        control_begin(&writer, record, sizeof(record), CONTROL_T_SWITCH_APPLY, CONTROL_DATA, 0);
        return "a record that is none of rules";
    case 5:
        control_begin(&writer, record, sizeof(record), CONTROL_T_SWITCH_RULES, CONTROL_ITEM, 0);
        return "a record that is none of rules";
    case 6:
        port();
        control_put_number(&writer, 0x1fff, 1);
        return "port web/3: field 8191 is not known here: the rules are of a newer version";
    case 7:
        number_of(port, CONTROL_F_VIF, 3);
        return "port web/3: vif index is there twice";
    case 8:
        number_of(bridge, CONTROL_F_MTU, 70000);
        return "bridge 1: MTU 70000 is more than 65535";
    case 9:
        number_of(port, CONTROL_F_LOCK, 4);
        return "port web/3: locking mode 4 is more than 3";
    case 10:
        number_of(port, CONTROL_F_VLAN_MODE, 3);
        return "port web/3: VLAN mode 3 is more than 2";
    case 11:
        number_of(port, CONTROL_F_ISOLATED, 2);
        return "port web/3: isolated 2 is more than 1";
    case 12:
        number_of(port, CONTROL_F_RATE_IN, RULES_RATE_MAX + 1);
        return "port web/3: rate in 1000000000001 is more than 1000000000000";
    case 13:
        number_of(port, CONTROL_F_BURST_OUT, RULES_BURST_MAX + 1);
        return "port web/3: rate out burst 4294967296 is more than 4294967295";
    case 14:
        number_of(port, CONTROL_F_PVID, 7);
        return "port web/3: VLANs, but no mode of them";
    case 15:
        bytes_of(CONTROL_F_VLANS, 4);
        return "port web/3: VLANs, but no mode of them";
    case 16:
        many_ranges();
        return "port web/3: its list of VLANs is malformed";
    case 17:
        vlans_of("\1\0\2", 3);
        return "port web/3: its list of VLANs is malformed";
    case 18:
        vlans_of("\2\0\1\0", 4);
        return "port web/3: its list of VLANs is malformed";
    case 19:
        vlans_of("\1\0\2\0\3\0\4\0", 8);
        return "port web/3: its list of VLANs is malformed";
    case 20:
        vlans_of("\1\0\0\x10", 4);
        return "port web/3: its list of VLANs is malformed";
    case 21:
        bytes_of(CONTROL_F_MAC, 7);
        return "port web/3: a MAC of 7 bytes instead of 6";
    case 22:
        bytes_of(CONTROL_F_IPV4, 4);
        return "port web/3: IPv4 address of 4 bytes instead of 5";
    case 23:
        bytes_of(CONTROL_F_IPV6, 16);
        return "port web/3: IPv6 address of 16 bytes instead of 17";
    case 24:
        many_of(CONTROL_F_MAC, 6, RULES_MACS + 1);
        return "port web/3: more than 8 MACs";
    case 25:
        many_of(CONTROL_F_IPV4, 5, RULES_IPV4 + 1);
        return "port web/3: more than 16 IPv4 addresses";
    case 26:
        many_of(CONTROL_F_IPV6, 17, RULES_IPV6 + 1);
        return "port web/3: more than 16 IPv6 addresses";
    case 27:
        begin(CONTROL_F_PORT);
        control_put_number(&writer, CONTROL_F_VIF, 3);
        return "port 00000000-0000-0000-0000-000000000000/3: no uuid";
    case 28:
        begin(CONTROL_F_PORT);
        control_put_bytes(&writer, CONTROL_F_UUID, "0123456789abcdef", 16);
        return "port 30313233-3435-3637-3839-616263646566/0: no vif index";
    case 29:
        begin(CONTROL_F_PORT);
        control_put_bytes(&writer, CONTROL_F_UUID, "0123456789abcde", 15);
        control_put_number(&writer, CONTROL_F_VIF, 3);
        return "port 00000000-0000-0000-0000-000000000000/3: a uuid of 15 bytes instead of 16";
    case 30:
        port();
        control_put_string(&writer, CONTROL_F_BRIDGE_NAME, "a-name-of-thirty-two-characters-");
        return "port web/3: name of the bridge has more than 31 bytes, or a NUL";
    case 31:
        port();
        control_put_text(&writer, CONTROL_F_BRIDGE_NAME, "a\0b", 3);
        return "port web/3: name of the bridge has more than 31 bytes, or a NUL";
    case 32:
        source_of(15, 1);
        return "mirror 1: a uuid of 15 bytes instead of 16";
    case 33:
        source_of(16, 4);
        return "mirror 1: direction 4 is more than 3";
    case 34:
        begin(CONTROL_F_MIRROR);
        control_put_string(&writer, CONTROL_F_NAME, "m");
        control_put_number(&writer, CONTROL_F_DOMID, 0);
        return "mirror 1: no direction";
    case 35:
        mirror();
        for (unsigned i = 0; i <= RULES_SOURCES; i++) {
            control_open_group(&writer, CONTROL_F_SOURCE);
            control_put_bytes(&writer, CONTROL_F_UUID, "0123456789abcdef", 16);
            control_put_number(&writer, CONTROL_F_VIF, i);
            control_put_number(&writer, CONTROL_F_DIRECTION, 1);
            control_close_group(&writer);
        }
        return "mirror 1: more than 16 sources";
    case 36:
        number_of(mirror, CONTROL_F_AGE, 1);
        return "mirror 1: field 167 is not known here: the rules are of a newer version";
    case 37:
        tail(1, 0, 0);
        return "0 bridges, 0 ports and 0 mirrors came, and 1, 0 and 0 were sent";
    case 38:
        begin(CONTROL_F_RULES_TAIL);
        control_put_number(&writer, CONTROL_F_BRIDGES, 0);
        return "end of the rules: no number of ports";
    case 39:
        bridge();
        control_put_string(&writer, CONTROL_F_NAME, "br 0");
        return "bridge 1: \"br 0\" is no name for a bridge";
    case 40:
        tail(0, 2, 0);
        return "0 bridges, 0 ports and 0 mirrors came, and 0, 2 and 0 were sent";
    case 41:
        tail(0, 0, 3);
        return "0 bridges, 0 ports and 0 mirrors came, and 0, 0 and 3 were sent";
    default:
        return NULL;
    }
}

#define BAD_RECORDS 42

/* Put the record that is written behind those of @upload. */
static void add(struct upload *upload)
{
    collect(upload, record, control_end(&writer));
}

static void add_tail(struct upload *upload, unsigned bridges)
{
    tail(bridges, 0, 0);
    add(upload);
}

static void must_fail(struct upload *upload, const char *words)
{
    struct rules *rules = rules_new();
    struct unit_random random = {1};
    struct rules_decoder decoder;

    ck_assert_int_eq(upload_decode(&decoder, rules, upload->bytes, upload->size, &random, true),
                     -EINVAL);
    ck_assert_str_eq(decoder.error, words);
    free(upload->bytes);
    free(rules);
}

START_TEST(bad_records_are_named)
{
    struct upload upload = {0};
    const char *words;

    head();
    add(&upload);
    words = bad_record(_i);
    add(&upload);
    add_tail(&upload, _i == 39);
    must_fail(&upload, words);
}
END_TEST

START_TEST(rules_begin_and_end)
{
    struct upload upload = {0};

    port();
    add(&upload);
    must_fail(&upload, "the rules do not begin");

    upload = (struct upload){0};
    head();
    add(&upload);
    add_tail(&upload, 0);
    port();
    add(&upload);
    must_fail(&upload, "a record behind the end of the rules");

    upload = (struct upload){0};
    head();
    add(&upload);
    add_tail(&upload, 0);
    collect(&upload, record, 5);
    must_fail(&upload, "the rules end before their end");

    upload = (struct upload){0};
    begin(CONTROL_F_RULES_HEAD);
    control_put_number(&writer, CONTROL_F_VERSION, 2);
    add(&upload);
    must_fail(&upload, "rules of version 2: only 1 is known here");

    upload = (struct upload){0};
    begin(CONTROL_F_RULES_HEAD);
    control_put_number(&writer, CONTROL_F_GENERATION, 2);
    add(&upload);
    must_fail(&upload, "rules: no version");

    /* Fields that do not fill their record; a length that none can have. */
    upload = (struct upload){0};
    head();
    add(&upload);
    upload.bytes[14] = 1;
    must_fail(&upload, "a record is malformed");

    upload = (struct upload){0};
    head();
    add(&upload);
    upload.bytes[1] = 0x20;
    must_fail(&upload, "a record that is none of rules");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("rules");
    TCase *wire = tcase_create("wire");

    tcase_add_loop_test(wire, what_is_encoded_is_decoded, 0, 4);
    tcase_add_test(wire, all_that_fits_fits);
    tcase_add_test(wire, uploads_cut_short_are_refused);
    tcase_add_test(wire, the_encoder_ends_when_it_is_told_to);
    tcase_add_test(wire, there_is_no_room_for_more);
    tcase_add_loop_test(wire, bad_records_are_named, 0, BAD_RECORDS);
    tcase_add_test(wire, rules_begin_and_end);
    suite_add_tcase(suite, wire);
    suite_add_tcase(suite, rules_check_case());
    suite_add_tcase(suite, rules_parse_case());
    return suite;
}
