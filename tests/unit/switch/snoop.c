/* SPDX-License-Identifier: ISC */
/* services/netback-switch/snoop.h: hosts, queriers and routers on a few ports, by virtual time. */
#include "services/netback-switch/snoop.h"

#include <hv/time.h>

#include "tests/unit/unit.h"

#include "frames_multicast.h"

#define PAGES 256U
#define S     HV_SEC

static struct {
    void *base;
    struct arena *arena;
    struct snoop *snoop;
    uint64_t now;
} at;

static void make(unsigned groups, unsigned members, unsigned per_port)
{
    const struct snoop_config config = {groups, members, per_port};
    const struct hash_key key = {UINT64_C(0x1234567890abcdef), UINT64_C(0xfedcba0987654321)};

    at.base = aligned_alloc(HV_PAGE_SIZE, (size_t)PAGES * HV_PAGE_SIZE);
    memset(at.base, 0, (size_t)PAGES * HV_PAGE_SIZE);
    at.arena = arena_create(at.base, PAGES);
    at.snoop = snoop_create(at.arena, &config, &key);
    at.now = 1000 * S;
    ck_assert_ptr_nonnull(at.snoop);
}

static void end(void)
{
    struct arena_usage usage;

    snoop_destroy(at.snoop);
    arena_usage(at.arena, &usage);
    ck_assert_uint_eq(usage.bytes_used, 0);
    arena_destroy(at.arena);
    free(at.base);
}

static struct snoop_usage usage(void)
{
    struct snoop_usage usage;

    snoop_usage(at.snoop, &usage);
    return usage;
}

static enum snoop_verdict send_on(uint16_t vid, uint16_t port, const struct frame *frame)
{
    size_t captured = frame->size < PACKET_HEADER_MAX ? frame->size : PACKET_HEADER_MAX;
    uint8_t *exact = malloc(captured);
    struct packet packet;
    enum snoop_verdict verdict;

    memcpy(exact, frame->bytes, captured);
    ck_assert(packet_parse(&packet, exact, captured, frame->size));
    verdict = snoop_frame(at.snoop, 1, vid, port, &packet, at.now);
    free(exact);
    return verdict;
}

static enum snoop_verdict send(uint16_t port, const struct frame *frame)
{
    return send_on(0, port, frame);
}

static enum snoop_verdict igmp8(uint16_t port, uint8_t type, uint8_t code, uint32_t dest,
                                uint32_t group)
{
    uint8_t igmp[8] = {type, code};
    struct frame frame;

    frame_put32(igmp + 4, group);
    frame_igmp(&frame, dest, igmp, sizeof(igmp));
    return send(port, &frame);
}

#define HOSTS   0xe0000001U
#define GROUP   0xef010101U
#define GROUP_B 0xef010102U

static enum snoop_verdict query(uint16_t port)
{
    return igmp8(port, 0x11, 100, HOSTS, 0);
}

static enum snoop_verdict join(uint16_t port, uint32_t group)
{
    return igmp8(port, 0x16, 0, group, group);
}

static enum snoop_verdict leave(uint16_t port, uint32_t group)
{
    return igmp8(port, 0x17, 0, 0xe0000002, group);
}

/* Ports below 64 that get data for @group, as bits; ALL: flooded. */
#define ALL UINT64_MAX
static uint64_t data_on(uint16_t vid, uint32_t group)
{
    const uint8_t mac[6] = {1, 0, 0x5e, group >> 16 & 0x7f, (uint8_t)(group >> 8), (uint8_t)group};
    struct port_set ports;
    struct packet packet;
    struct frame frame;
    size_t ip;

    frame_ether(&frame, 0x0800);
    memcpy(frame.bytes, mac, 6);
    ip = frame_ipv4(&frame, PACKET_UDP, 0, 0);
    frame_set16(&frame, ip + 16, group >> 16);
    frame_set16(&frame, ip + 18, group & 0xffff);
    frame_udp(&frame, 8);
    frame_end(&frame, ip);
    ck_assert(packet_parse(&packet, frame.bytes, frame.size, frame.size));
    ck_assert_int_eq(snoop_frame(at.snoop, 1, vid, 9, &packet, at.now), SNOOP_DATA);
    if (!snoop_ports(at.snoop, 1, vid, &packet, at.now, &ports))
        return ALL;
    ck_assert(ports.bits[1] == 0 && ports.bits[2] == 0 && ports.bits[3] == 0);
    return ports.bits[0];
}

static uint64_t data(uint32_t group)
{
    return data_on(0, group);
}

static uint64_t data6(uint32_t group)
{
    struct port_set ports;
    struct packet packet;
    struct frame frame;
    size_t ip;

    frame_ether(&frame, 0x86dd);
    ip = frame_ipv6(&frame, PACKET_UDP);
    frame_group6(frame.bytes + ip + 24, group);
    memcpy(frame.bytes, "\x33\x33", 2);
    frame_udp(&frame, 8);
    frame_end(&frame, ip);
    ck_assert(packet_parse(&packet, frame.bytes, frame.size, frame.size));
    return snoop_ports(at.snoop, 1, 0, &packet, at.now, &ports) ? ports.bits[0] : ALL;
}

static uint64_t routers(void)
{
    struct port_set ports;

    return snoop_routers(at.snoop, 1, 0, at.now, &ports) ? ports.bits[0] : ALL;
}

/* A querier on port 0 that counts by now. */
static void have_querier(void)
{
    ck_assert_int_eq(query(0), SNOOP_FLOOD);
    at.now += 12 * S;
}

START_TEST(floods_without_a_querier)
{
    make(64, 0, 8);
    ck_assert(data(GROUP) == ALL && routers() == ALL);
    ck_assert_int_eq(join(3, GROUP), SNOOP_FLOOD);
    ck_assert(data(GROUP) == ALL);
    query(0);
    ck_assert(routers() == 1);
    ck_assert_int_eq(join(4, GROUP), SNOOP_REPORT);
    /* Until all that were asked must have answered. */
    at.now += 11 * S - 1;
    ck_assert(data(GROUP) == ALL);
    at.now += 1;
    ck_assert(data(GROUP) == (1 | 1 << 3 | 1 << 4));
    ck_assert(data(GROUP_B) == 1);
    ck_assert(data_on(5, GROUP) == ALL); /* each VLAN has its own */
    ck_assert(data6(0x10001) == ALL);    /* each family, too */
    query(0);
    ck_assert(data(GROUP_B) == 1); /* a second query makes nobody wait again */
    at.now += 255 * S - 1;
    ck_assert(data(GROUP_B) == 1 && routers() == 1);
    at.now += 1;
    ck_assert(data(GROUP_B) == ALL && routers() == ALL);
    end();
}
END_TEST

START_TEST(link_local_and_odd_frames_are_flooded)
{
    struct port_set ports;
    struct packet packet;
    struct frame frame;

    make(64, 0, 8);
    have_querier();
    ck_assert(data(0xe00000fb) == ALL && data(0xe00000ff) == ALL && data(0xe0000100) == 1);
    ck_assert_int_eq(join(3, 0xe00000fb), SNOOP_REPORT);
    ck_assert_uint_eq(usage().members, 1); /* that of the querier */
    frame_ether(&frame, 0x88cc);
    frame.bytes[0] = 1;
    ck_assert(packet_parse(&packet, frame.bytes, frame.size, frame.size));
    ck_assert(!snoop_ports(at.snoop, 1, 0, &packet, at.now, &ports));
    frame_ether(&frame, 0x0800);
    memset(frame.bytes, 0xff, 6); /* a group's packet to everybody, a station's to a group */
    frame_ipv4(&frame, PACKET_UDP, 0, 0);
    frame.bytes[30] = 239;
    frame_udp(&frame, 0);
    ck_assert(packet_parse(&packet, frame.bytes, frame.size, frame.size));
    ck_assert(!snoop_ports(at.snoop, 1, 0, &packet, at.now, &ports));
    memcpy(frame.bytes, "\1\0\x5e\0\1\1", 6);
    ck_assert(snoop_ports(at.snoop, 1, 0, &packet, at.now, &ports));
    frame.bytes[30] = 10;
    ck_assert(!snoop_ports(at.snoop, 1, 0, &packet, at.now, &ports));
    end();
}
END_TEST

START_TEST(memberships_end)
{
    make(64, 0, 8);
    have_querier();
    join(3, GROUP);
    at.now += 100 * S;
    join(4, GROUP);
    query(0);
    at.now += 160 * S - 1;
    ck_assert(data(GROUP) == (1 | 1 << 3 | 1 << 4));
    at.now += 1;
    ck_assert(data(GROUP) == (1 | 1 << 4));
    query(0);
    at.now += 100 * S;
    ck_assert(data(GROUP) == 1);
    ck_assert_uint_eq(usage().members, 3);
    snoop_age(at.snoop, at.now);
    snoop_age(at.snoop, at.now);
    ck_assert_uint_eq(usage().members, 1);
    ck_assert_uint_eq(usage().groups, 1);
    end();
}
END_TEST

START_TEST(leaving)
{
    make(64, 0, 8);
    have_querier();
    join(3, GROUP);
    join(4, GROUP);
    ck_assert_int_eq(leave(3, GROUP), SNOOP_REPORT);
    /* Without a query nothing happens; the query shortens nobody else's. */
    at.now += 60 * S;
    ck_assert(data(GROUP) == (1 | 1 << 3 | 1 << 4));
    ck_assert_int_eq(igmp8(0, 0x11, 10, GROUP, GROUP), SNOOP_FLOOD);
    at.now += 3 * S - 1;
    ck_assert(data(GROUP) == (1 | 1 << 3 | 1 << 4));
    at.now += 1;
    ck_assert(data(GROUP) == (1 | 1 << 4));
    /* Who answers stays; one that has gone may come back. */
    join(3, GROUP);
    leave(3, GROUP);
    igmp8(0, 0x11, 10, GROUP, GROUP);
    at.now += S;
    join(3, GROUP);
    igmp8(0, 0x11, 10, GROUP, GROUP);
    at.now += 9 * S;
    ck_assert(data(GROUP) == (1 | 1 << 3 | 1 << 4));
    /* An IGMPv1 host does not say that it leaves: a leave is another's. */
    igmp8(5, 0x12, 0, GROUP, GROUP);
    leave(5, GROUP);
    igmp8(0, 0x11, 10, GROUP, GROUP);
    at.now += 9 * S;
    ck_assert((data(GROUP) & 1 << 5) != 0);
    ck_assert_int_eq(leave(3, 0x0a000001), SNOOP_INVALID);
    leave(6, GROUP_B); /* of what it is not in */
    ck_assert_uint_eq(usage().leaves, 4);
    end();
}
END_TEST

START_TEST(what_does_not_count_as_a_querier)
{
    struct frame frame;

    make(64, 0, 8);
    /* Not to all hosts; more time than 30 s; for one group; from a port known to have none. */
    igmp8(0, 0x11, 100, 0xe0000002, 0);
    igmp8(0, 0x11, 10, GROUP, GROUP);
    frame_igmp(&frame, HOSTS, "\x11\xff\0\0\0\0\0\0\x02\x7d\0\0", 12);
    ck_assert_int_eq(send(0, &frame), SNOOP_FLOOD);
    /* No router alert, but in IGMPv1. */
    frame_igmp(&frame, HOSTS, "\x11\x64\0\0\0\0\0\0", 8);
    memset(frame.bytes + 34, 1, 4);
    ck_assert_int_eq(send(0, &frame), SNOOP_FLOOD);
    /* To another station's address. */
    frame_igmp(&frame, HOSTS, "\x11\x64\0\0\0\0\0\0", 8);
    frame.bytes[5] = 2;
    ck_assert_int_eq(send(0, &frame), SNOOP_FLOOD);
    at.now += 20 * S;
    ck_assert(data(GROUP) == ALL);
    ck_assert(routers() == 1); /* a router it may be all the same */
    snoop_set_host(at.snoop, 2, true);
    query(2);
    at.now += 20 * S;
    ck_assert(data(GROUP) == ALL && routers() == 1);
    frame_igmp(&frame, HOSTS, "\x11\0\0\0\0\0\0\0", 8);
    memset(frame.bytes + 34, 1, 4);
    send(0, &frame);
    at.now += 11 * S;
    ck_assert(data(GROUP) == 1);
    /* One that has a short word to say counts for a short time, and makes nobody leave sooner. */
    join(3, GROUP);
    frame_igmp(&frame, HOSTS, "\x11\x0a\0\0\0\0\0\0\x01\x05\0\0", 12);
    send(0, &frame);
    at.now += 10 * S;
    ck_assert(data(GROUP_B) == 1);
    at.now += S;
    ck_assert(data(GROUP_B) == ALL);
    join(3, GROUP);
    query(0);
    at.now += 250 * S;
    ck_assert(data(GROUP) == (1 | 1 << 3));
    snoop_forget_port(at.snoop, 0);
    /* A long one lets memberships last, but counts no longer than others. */
    frame_igmp(&frame, HOSTS, "\x11\x64\0\0\0\0\0\0\x07\x7f\0\0", 12); /* 7 * 127 s + 10 s */
    send(0, &frame);
    join(3, GROUP);
    at.now += 255 * S;
    ck_assert(data(GROUP) == ALL);
    ck_assert(routers() == 1);
    at.now += 625 * S;
    query(1);
    ck_assert(data(GROUP) == ALL);
    at.now += 11 * S; /* 3 s before 7 * 127 s + 10 s / 2 are over */
    ck_assert(data(GROUP) == (1 | 2 | 1 << 3));
    at.now += 4 * S;
    ck_assert(data(GROUP) == (2 | 1 << 3));
    at.now += 4 * S;
    ck_assert(data(GROUP) == 2);
    end();
}
END_TEST

/* An IGMPv3 report by @port of @count records, each of @kind with @sources for GROUP, GROUP + 1...
 */
static enum snoop_verdict report3(uint16_t port, unsigned count, unsigned kind, unsigned sources,
                                  size_t cut)
{
    struct frame frame, message = {.size = 0};

    frame_bytes(&message, "\x22\0\0\0\0\0", 6);
    frame_u16(&message, count);
    for (unsigned i = 0; i < count; i++) {
        frame_u8(&message, kind);
        frame_u8(&message, 0);
        frame_u16(&message, sources);
        frame_u16(&message, GROUP >> 16);
        frame_u16(&message, (GROUP & 0xffff) + i);
        frame_bytes(&message, NULL, 4 * sources);
    }
    frame_igmp(&frame, 0xe0000016, message.bytes, message.size - cut);
    return send(port, &frame);
}

START_TEST(igmp_version_3)
{
    static const struct {
        unsigned kind, sources;
        bool in, out;
    } kinds[] = {{1, 0, false, false}, {1, 2, true, false},  {2, 0, true, false},
                 {2, 1, true, false},  {3, 0, false, true},  {3, 1, true, false},
                 {4, 0, true, false},  {5, 1, true, false},  {5, 0, false, false},
                 {6, 1, false, false}, {77, 0, false, false}};

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        make(64, 0, 8);
        have_querier();
        ck_assert_int_eq(report3(3, 2, kinds[i].kind, kinds[i].sources, 0), SNOOP_REPORT);
        ck_assert(data(GROUP + 1) == (kinds[i].in ? 1 | 1 << 3 : 1));
        join(3, GROUP);
        report3(3, 1, kinds[i].kind, kinds[i].sources, 0);
        igmp8(0, 0x11, 10, GROUP, GROUP);
        at.now += 4 * S;
        ck_assert(data(GROUP) == (kinds[i].out ? 1 : 1 | 1 << 3));
        end();
    }

    make(64, 0, 8);
    have_querier();
    /* One byte short, and one record short: none of it is learned. */
    ck_assert_int_eq(report3(3, 2, 4, 1, 1), SNOOP_INVALID);
    ck_assert_int_eq(report3(3, 2, 4, 0, 8), SNOOP_INVALID);
    ck_assert(data(GROUP) == 1);
    ck_assert_uint_eq(usage().invalid, 2);
    end();
}
END_TEST

START_TEST(reports_beyond_the_snapshot)
{
    make(64, 0, 32);
    have_querier();
    /* 128 - 46 bytes hold 10 records, of the 11th there are two bytes. */
    ck_assert_int_eq(report3(3, 10, 4, 0, 0), SNOOP_REPORT);
    ck_assert_uint_eq(usage().full, 0);
    ck_assert(data(GROUP + 9) == (1 | 1 << 3) && data(GROUP + 10) == 1);
    ck_assert_int_eq(report3(4, 11, 4, 0, 0), SNOOP_REPORT);
    ck_assert_uint_eq(usage().full, 1);
    ck_assert(data(GROUP + 9) == (1 | 1 << 3 | 1 << 4));
    ck_assert(data(GROUP + 10) == (1 | 1 << 4));
    ck_assert(data(GROUP + 999) == (1 | 1 << 4));
    /* Sources of the last record do not matter, those before it hide it. */
    ck_assert_int_eq(report3(5, 1, 4, 40, 0), SNOOP_REPORT);
    ck_assert_uint_eq(usage().full, 1);
    ck_assert_int_eq(report3(5, 2, 4, 40, 0), SNOOP_REPORT);
    ck_assert_uint_eq(usage().full, 2);
    query(0);
    at.now += 250 * S;
    query(0);
    at.now += 10 * S;
    ck_assert(data(GROUP + 999) == 1);
    ck_assert_int_eq(report3(4, 30, 4, 0, 1), SNOOP_REPORT); /* what cannot be seen passes */
    end();
}
END_TEST

START_TEST(malformed)
{
    struct frame frame;

    make(64, 0, 8);
    ck_assert_int_eq(igmp8(3, 0x16, 0, GROUP, GROUP_B), SNOOP_INVALID);
    ck_assert_int_eq(igmp8(3, 0x16, 0, 0x0a000001, 0x0a000001), SNOOP_INVALID);
    ck_assert_int_eq(igmp8(3, 0x11, 10, HOSTS, 0x0a000001), SNOOP_INVALID);
    for (size_t size = 9; size < 12; size++) {
        frame_igmp(&frame, HOSTS, "\x11\x64\0\0\0\0\0\0\0\0\0", size);
        ck_assert_int_eq(send(3, &frame), SNOOP_INVALID);
    }
    frame_igmp(&frame, HOSTS, "\x11\x64\0\0\0\0\0\0\0\0\0\1", 12); /* a source too few */
    ck_assert_int_eq(send(3, &frame), SNOOP_INVALID);
    frame_igmp(&frame, HOSTS, "\x11\x64\0\0\0\0\0\0", 8);
    frame.bytes[39] ^= 1; /* the code, not the checksum */
    ck_assert_int_eq(send(3, &frame), SNOOP_INVALID);
    frame_igmp(&frame, HOSTS, "\x11\x64\0\0\0\0\0\0", 8);
    frame.bytes[22] = 2; /* the TTL */
    ck_assert_int_eq(send(3, &frame), SNOOP_INVALID);
    frame.bytes[22] = 1;
    frame_set16(&frame, 16, 33); /* longer than the frame; then of no length; then cut */
    ck_assert_int_eq(send(3, &frame), SNOOP_INVALID);
    frame_set16(&frame, 16, 0);
    ck_assert_int_eq(send(3, &frame), SNOOP_INVALID);
    frame_set16(&frame, 16, 31);
    ck_assert_int_eq(send(3, &frame), SNOOP_INVALID);
    frame_igmp(&frame, GROUP, "\x16\0\0\0\xef\1\1\1", 8);
    frame_set16(&frame, 16, 40);
    ck_assert_int_eq(send(3, &frame), SNOOP_INVALID); /* a sound report but for that */
    ck_assert_uint_eq(usage().members, 0);
    ck_assert_uint_eq(usage().invalid, 13);
    frame_igmp(&frame, HOSTS, "\x11\x64\0\0\0\0\0\0", 8);
    /* To one station it is data; another type is for all; a fragment says nothing. */
    frame_set16(&frame, 16, 32);
    frame.bytes[0] = 2;
    ck_assert_int_eq(send(3, &frame), SNOOP_DATA);
    ck_assert_int_eq(igmp8(3, 0x13, 0, 0xe0000004, 0), SNOOP_FLOOD);
    frame_igmp(&frame, GROUP, "\x16\0\0\0\xef\1\1\1", 8);
    frame_set16(&frame, 20, 0x2000);
    ck_assert_int_eq(send(3, &frame), SNOOP_FLOOD);
    have_querier();
    ck_assert(data(GROUP_B) == (1 | 1 << 3));
    end();
}
END_TEST

START_TEST(routers_of_other_kinds)
{
    struct frame frame;

    make(64, 0, 8);
    have_querier();
    /* RFC 4286, said each 20 s; PIM hellos with hold times. */
    ck_assert_int_eq(igmp8(2, 0x30, 20, 0xe000006a, 0), SNOOP_FLOOD);
    ck_assert_int_eq(igmp8(3, 0x30, 20, HOSTS, 0), SNOOP_FLOOD); /* to whom it is not said */
    frame_igmp(&frame, 0xe000000d, "\x20\0\0\0\0\1\0\2\0\x1e", 10);
    frame.bytes[23] = PACKET_PIM;
    ck_assert_int_eq(send(5, &frame), SNOOP_FLOOD);
    ck_assert(data(GROUP) == (1 | 1 << 2 | 1 << 5));
    ck_assert(routers() == (1 | 1 << 2 | 1 << 5));
    frame.bytes[22] = 2;
    ck_assert_int_eq(send(6, &frame), SNOOP_FLOOD);
    frame.bytes[22] = 1;
    frame.bytes[39] ^= 1;
    ck_assert_int_eq(send(6, &frame), SNOOP_FLOOD);
    frame_igmp(&frame, 0xe000000d, "\x20\0\0\0\0\1\0\2\0\0", 10); /* goodbye */
    frame.bytes[23] = PACKET_PIM;
    ck_assert_int_eq(send(6, &frame), SNOOP_FLOOD);
    at.now += 30 * S;
    ck_assert(routers() == (1 | 1 << 2));
    at.now += 30 * S;
    ck_assert(routers() == 1);
    /* Without options: 105 s. */
    frame_igmp(&frame, 0xe000000d, "\x20\0\0\0", 4);
    frame.bytes[23] = PACKET_PIM;
    send(6, &frame);
    at.now += 105 * S - 1;
    ck_assert(routers() == (1 | 1 << 6));
    at.now += 1;
    ck_assert(routers() == 1);
    end();
}
END_TEST

static enum snoop_verdict mld1(uint16_t port, uint8_t type, unsigned code, uint32_t dest,
                               uint32_t group)
{
    uint8_t mld[24] = {type, 0, 0, 0, (uint8_t)(code >> 8), (uint8_t)code};
    struct frame frame;

    if (group)
        frame_group6(mld + 8, group);
    frame_mld(&frame, dest, mld, sizeof(mld));
    return send(port, &frame);
}

#define GROUP6 0x10101U

START_TEST(mld_version_1)
{
    struct frame frame;
    uint8_t mld[24] = {130, 0, 0, 0, 0x27, 0x10};

    make(64, 0, 8);
    /* Without a router alert hosts do not answer. */
    frame_mld(&frame, 1, mld, sizeof(mld));
    memcpy(frame.bytes + 56, "\1\4\0\0\0\0", 6);
    ck_assert_int_eq(send(0, &frame), SNOOP_FLOOD);
    at.now += 20 * S;
    ck_assert(data6(GROUP6) == ALL && routers() == 1);
    ck_assert_int_eq(mld1(0, 130, 10000, 1, 0), SNOOP_FLOOD);
    at.now += 11 * S;
    ck_assert(data6(GROUP6) == 1 && data(GROUP) == ALL && data6(0xfb) == ALL);
    ck_assert_int_eq(mld1(3, 131, 0, GROUP6, GROUP6), SNOOP_REPORT);
    ck_assert_int_eq(mld1(4, 131, 0, GROUP6, GROUP6), SNOOP_REPORT);
    ck_assert_int_eq(mld1(5, 131, 0, 0xfb, 0xfb), SNOOP_REPORT);
    ck_assert(data6(GROUP6) == (1 | 1 << 3 | 1 << 4));
    ck_assert_int_eq(mld1(3, 132, 0, 2, GROUP6), SNOOP_REPORT);
    mld1(0, 130, 1000, GROUP6, GROUP6);
    at.now += 3 * S;
    ck_assert(data6(GROUP6) == (1 | 1 << 4));
    ck_assert_int_eq(mld1(3, 131, 0, GROUP6, GROUP6 + 1), SNOOP_INVALID);
    ck_assert_int_eq(mld1(2, 151, 10, 0x6a, 0), SNOOP_FLOOD);
    ck_assert_int_eq(mld1(2, 135, 0, 0x1ff, 0), SNOOP_DATA);

    frame_mld(&frame, 1, mld, 23);
    ck_assert_int_eq(send(3, &frame), SNOOP_INVALID);
    frame_mld(&frame, 1, mld, sizeof(mld));
    frame.bytes[21] = 255; /* the hop limit */
    ck_assert_int_eq(send(3, &frame), SNOOP_INVALID);
    frame.bytes[21] = 1;
    frame.bytes[70] ^= 1; /* what the checksum covers */
    ck_assert_int_eq(send(3, &frame), SNOOP_INVALID);
    frame.bytes[70] ^= 1;
    frame.bytes[37] ^= 1; /* the source, in the pseudo header */
    ck_assert_int_eq(send(3, &frame), SNOOP_INVALID);
    frame.bytes[37] ^= 1;
    ck_assert_int_eq(send(0, &frame), SNOOP_FLOOD);
    frame.bytes[22] = 0x20;
    frame_sum(&frame, 14, 62, 64);
    ck_assert_int_eq(send(3, &frame), SNOOP_INVALID); /* from far away */
    memset(frame.bytes + 22, 0, 16);
    frame_sum(&frame, 14, 62, 64);
    ck_assert_int_eq(send(3, &frame), SNOOP_INVALID); /* a query from nobody */
    ck_assert_uint_eq(usage().invalid, 7);
    end();
}
END_TEST

START_TEST(mld_version_2)
{
    struct frame frame, report;

    make(64, 0, 8);
    frame_mld(&frame, 1, "\x82\0\0\0\x27\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\x7d\0\0", 28);
    ck_assert_int_eq(send(0, &frame), SNOOP_FLOOD);
    at.now += 11 * S;
    for (unsigned count = 1; count <= 4; count++) {
        report.size = 0;
        frame_bytes(&report, "\x8f\0\0\0\0\0\0", 7);
        frame_u8(&report, count);
        for (unsigned i = 0; i < count; i++) {
            frame_bytes(&report, "\4\0\0\0", 4);
            frame_group6(report.bytes + frame_bytes(&report, NULL, 16), GROUP6 + i);
        }
        frame_mld(&frame, 0x16, report.bytes, report.size);
        memset(frame.bytes + 22, 0, 16); /* from nobody: a host without an address */
        frame_sum(&frame, 14, 62, 64);
        ck_assert_int_eq(send((uint16_t)count, &frame), SNOOP_REPORT);
    }
    /* 128 - 62 bytes hold two records. */
    ck_assert(data6(GROUP6) == (1 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4));
    ck_assert(data6(GROUP6 + 1) == (1 | 1 << 2 | 1 << 3 | 1 << 4));
    ck_assert(data6(GROUP6 + 2) == (1 | 1 << 3 | 1 << 4));
    ck_assert(data(GROUP) == ALL);
    frame.bytes[frame.size - 1] ^= 1;
    ck_assert_int_eq(send(9, &frame), SNOOP_REPORT);
    end();
}
END_TEST

START_TEST(shares)
{
    make(16, 16, 4);
    have_querier();
    for (uint32_t i = 0; i < 4; i++)
        join(3, GROUP + i);
    ck_assert_uint_eq(usage().full, 0);
    ck_assert_int_eq(join(3, GROUP + 4), SNOOP_REPORT);
    ck_assert_uint_eq(usage().full, 1);
    ck_assert(data(GROUP + 99) == (1 | 1 << 3)); /* it loses nothing */
    ck_assert(data(GROUP + 4) == (1 | 1 << 3));
    query(3); /* its groups do not keep it from being a router's port */
    ck_assert(routers() == (1 | 1 << 3));
    at.now += 200 * S;
    query(0);
    at.now += 60 * S;
    ck_assert(data(GROUP + 99) == 1);
    join(3, GROUP + 5); /* what is over makes room */
    ck_assert_uint_eq(usage().full, 1);
    ck_assert(data(GROUP + 5) == (1 | 1 << 3));
    /* The table is full: all who ask get everything. */
    for (uint16_t port = 10; port < 20; port++)
        for (uint32_t i = 0; i < 3; i++)
            join(port, GROUP + 3 * port + i);
    ck_assert_uint_eq(usage().members, 16);
    for (uint16_t port = 10; port < 20; port++)
        ck_assert((data(GROUP + 3 * port + 2) & UINT64_C(1) << port) != 0);
    end();

    make(16, 4, 8); /* groups there are, but no more members */
    have_querier();
    for (uint16_t port = 1; port < 5; port++)
        join(port, GROUP);
    ck_assert_uint_eq(usage().members, 4);
    ck_assert_uint_eq(usage().full, 1);
    ck_assert(data(GROUP) == (1 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4));
    end();
}
END_TEST

START_TEST(ports_come_and_go)
{
    make(64, 0, 8);
    have_querier();
    join(3, GROUP);
    join(4, GROUP);
    snoop_new_port(at.snoop, 1, 5, at.now);
    snoop_new_port(at.snoop, 2, 6, at.now);
    ck_assert(data(GROUP_B) == (1 | 1 << 5));
    snoop_forget_port(at.snoop, 3);
    snoop_forget_port(at.snoop, 5);
    ck_assert(data(GROUP) == (1 | 1 << 4));
    ck_assert(data(GROUP_B) == 1);
    snoop_new_port(at.snoop, 1, 5, at.now);
    at.now += 200 * S;
    query(0);
    at.now += 60 * S - 1;
    ck_assert(data(GROUP_B) == (1 | 1 << 5));
    at.now += 1;
    ck_assert(data(GROUP_B) == 1);
    snoop_forget_port(at.snoop, 0);
    ck_assert(data(GROUP_B) == ALL && routers() == ALL);
    have_querier();
    snoop_forget_bridge(at.snoop, 2);
    ck_assert(routers() == 1);
    snoop_forget_bridge(at.snoop, 1);
    ck_assert(routers() == ALL);
    ck_assert_uint_eq(usage().members, 0);
    ck_assert_uint_eq(usage().groups, 0);
    end();
}
END_TEST

/* Who is in what, against a table of times: joins and ends in any order. */
START_TEST(as_a_plain_table)
{
    for (unsigned round = 0; round < 20; round++) {
        struct unit_random random = {round};
        uint64_t until[8][12] = {{0}}, left[8][12] = {{0}};

        make(64, 0, 12);
        have_querier();
        for (unsigned step = 0; step < 1500; step++) {
            uint16_t port = 1 + (uint16_t)unit_random(&random, 7);
            unsigned number = (unsigned)unit_random(&random, 12), what;
            uint64_t expected = 1;

            at.now += unit_random(&random, 3 * S);
            query(0);
            what = (unsigned)unit_random(&random, 100);
            if (what < 40) {
                join(port, GROUP + number);
                until[port][number] = at.now + 260 * S;
                left[port][number] = 0;
            } else if (what < 50) {
                leave(port, GROUP + number);
                left[port][number] = until[port][number] > at.now;
            } else if (what < 60) {
                igmp8(0, 0x11, 20, GROUP + number, GROUP + number);
                for (port = 1; port < 8; port++)
                    if (left[port][number] && until[port][number] > at.now + 5 * S)
                        until[port][number] = at.now + 5 * S;
            } else if (what < 62) {
                snoop_forget_port(at.snoop, port);
                memset(until[port], 0, sizeof(until[port]));
                memset(left[port], 0, sizeof(left[port]));
            } else if (what < 70) {
                snoop_age(at.snoop, at.now);
            }
            for (port = 1; port < 8; port++)
                expected |= (uint64_t)(until[port][number] > at.now) << port;
            ck_assert(data(GROUP + number) == expected);
        }
        ck_assert_uint_eq(usage().full, 0);
        end();
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("snoop");
    TCase *tcase = tcase_create("multicast");

    tcase_add_test(tcase, floods_without_a_querier);
    tcase_add_test(tcase, link_local_and_odd_frames_are_flooded);
    tcase_add_test(tcase, memberships_end);
    tcase_add_test(tcase, leaving);
    tcase_add_test(tcase, what_does_not_count_as_a_querier);
    tcase_add_test(tcase, igmp_version_3);
    tcase_add_test(tcase, reports_beyond_the_snapshot);
    tcase_add_test(tcase, malformed);
    tcase_add_test(tcase, routers_of_other_kinds);
    tcase_add_test(tcase, mld_version_1);
    tcase_add_test(tcase, mld_version_2);
    tcase_add_test(tcase, shares);
    tcase_add_test(tcase, ports_come_and_go);
    tcase_add_test(tcase, as_a_plain_table);
    suite_add_tcase(suite, tcase);
    return suite;
}
