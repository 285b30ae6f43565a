/* SPDX-License-Identifier: ISC */
/* services/netback-switch/packet.h on frames of every kind, and on each of their beginnings. */
#include "services/netback-switch/packet.h"

#include "tests/unit/unit.h"

#include "frames.h"

static struct packet parse(const struct frame *frame)
{
    struct packet packet;

    ck_assert(packet_parse(&packet, frame->bytes, frame->size, frame->size));
    return packet;
}

static void frame_arp(struct frame *frame)
{
    static const uint8_t arp[28] = {0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2};

    frame_ether(frame, 0x0806);
    frame_bytes(frame, arp, sizeof(arp));
}

START_TEST(ethernet_and_llc)
{
    struct frame frame;
    struct packet packet;

    frame_ether(&frame, 38);
    frame_bytes(&frame, "\x42\x42\x03", 3);
    frame_bytes(&frame, NULL, 35);
    packet = parse(&frame);
    ck_assert_uint_eq(packet.ethertype, 38);
    ck_assert_int_eq(packet.network, PACKET_OTHER);
    ck_assert(!packet.tagged && !packet.stacked && !packet.truncated);
    ck_assert_uint_eq(packet.network_at | packet.transport_at, 0);
    ck_assert_uint_eq(packet.payload_at, 14);
    ck_assert_uint_eq(packet.length, 52);
    ck_assert_ptr_eq(packet_dest(&packet), frame.bytes);
    ck_assert_uint_eq(packet_source(&packet)[5], 2);

    frame_ether(&frame, 0x88cc);
    packet = parse(&frame);
    ck_assert_uint_eq(packet.ethertype, 0x88cc);
    ck_assert(!packet.truncated && packet.payload_at == 14);

    for (size_t size = 0; size < 14; size++) {
        ck_assert(!packet_parse(&packet, frame.bytes, size, size));
        ck_assert(!packet_parse(&packet, frame.bytes, size, 100));
        ck_assert(!packet_parse(&packet, frame.bytes, 14, size));
        ck_assert_uint_eq(packet.captured, size);
    }
}
END_TEST

START_TEST(one_tag)
{
    struct frame frame;
    struct packet packet;
    size_t ip;

    frame_ether(&frame, 0x8100);
    frame_tag(&frame, 0x6064, 0x0800);
    ip = frame_ipv4(&frame, PACKET_UDP, 0, 0);
    frame_udp(&frame, 10);
    frame_end(&frame, ip);
    packet = parse(&frame);
    ck_assert(packet.tagged && !packet.stacked && !packet.truncated);
    ck_assert_uint_eq(packet.tci, 0x6064);
    ck_assert_uint_eq(packet.ethertype, 0x0800);
    ck_assert_int_eq(packet.network, PACKET_IPV4);
    ck_assert_uint_eq(packet.network_at, 18);
    ck_assert_uint_eq(packet.transport_at, 38);
    ck_assert_uint_eq(packet.payload_at, 46);
    ck_assert_uint_eq(packet.source_port, 1000);
    ck_assert_uint_eq(packet.dest_port, 2000);

    frame_set16(&frame, 14, 0); /* a priority tag */
    packet = parse(&frame);
    ck_assert(packet.tagged && packet.tci == 0);
}
END_TEST

START_TEST(tags_in_tags)
{
    static const struct {
        unsigned outer, inner;
        bool tagged;
    } stacks[] = {
        {0x8100, 0x8100, true},
        {0x8100, 0x88a8, true},
        {0x88a8, 0x8100, false},
        {0x88a8, 0x88a8, false},
    };
    struct frame frame;
    struct packet packet;

    for (unsigned i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
        frame_ether(&frame, stacks[i].outer);
        frame_tag(&frame, 100, stacks[i].inner);
        frame_tag(&frame, 200, 0x86dd);
        frame_ipv6(&frame, 59);
        packet = parse(&frame);
        ck_assert(packet.tagged == stacks[i].tagged && packet.stacked);
        ck_assert_uint_eq(packet.tci, stacks[i].tagged ? 100 : 0);
        ck_assert_uint_eq(packet.ethertype, 0x86dd);
        ck_assert_int_eq(packet.network, PACKET_IPV6);
        ck_assert_uint_eq(packet.network_at, 22);
    }

    frame_ether(&frame, 0x88a8);
    frame_tag(&frame, 100, 0x0806);
    packet = parse(&frame);
    ck_assert(!packet.tagged && packet.stacked && packet.truncated);
    ck_assert_uint_eq(packet.ethertype, 0x0806);
    ck_assert_int_eq(packet.network, PACKET_OTHER);

    /* Nothing behind a third is looked at. */
    frame_ether(&frame, 0x8100);
    frame_tag(&frame, 100, 0x8100);
    frame_tag(&frame, 200, 0x8100);
    frame_tag(&frame, 300, 0x0800);
    frame_ipv4(&frame, PACKET_UDP, 0, 0);
    packet = parse(&frame);
    ck_assert(packet.tagged && packet.stacked && !packet.truncated);
    ck_assert_uint_eq(packet.ethertype, 0x8100);
    ck_assert_int_eq(packet.network, PACKET_OTHER);
    ck_assert_uint_eq(packet.payload_at, 22);
}
END_TEST

START_TEST(tags_cut_short)
{
    struct frame frame;
    struct packet packet;

    frame_ether(&frame, 0x8100);
    frame_tag(&frame, 100, 0x8100);
    frame_tag(&frame, 200, 0x0800);
    frame_ipv4(&frame, PACKET_UDP, 0, 0);
    for (size_t size = 14; size < 22; size++) {
        ck_assert(packet_parse(&packet, frame.bytes, size, size));
        ck_assert(packet.truncated);
        ck_assert(packet.tagged == (size >= 18));
        ck_assert(packet.stacked == (size >= 18));
        ck_assert_uint_eq(packet.tci, size >= 18 ? 100 : 0);
        ck_assert_uint_eq(packet.ethertype, 0x8100);
        ck_assert_int_eq(packet.network, PACKET_OTHER);
        ck_assert_uint_eq(packet.payload_at, 0);
    }
    ck_assert(packet_parse(&packet, frame.bytes, 22, 22));
    ck_assert_uint_eq(packet.ethertype, 0x0800);
    ck_assert(packet.truncated && packet.network == PACKET_OTHER);
}
END_TEST

START_TEST(arp)
{
    struct frame frame;
    struct packet packet;

    frame_arp(&frame);
    packet = parse(&frame);
    ck_assert_int_eq(packet.network, PACKET_ARP);
    ck_assert_uint_eq(packet.network_at, 14);
    ck_assert_uint_eq(packet.transport_at, 0);
    ck_assert_uint_eq(packet.payload_at, 42);
    ck_assert(!packet.truncated);
    frame.size--;
    packet = parse(&frame);
    ck_assert(packet.truncated && packet.network == PACKET_OTHER && packet.network_at == 0);
}
END_TEST

START_TEST(ipv4_with_options)
{
    struct frame frame;
    struct packet packet;
    size_t ip;

    for (unsigned options = 0; options <= 40; options += 4) {
        frame_ether(&frame, 0x0800);
        ip = frame_ipv4(&frame, PACKET_TCP, 0, options);
        frame_tcp(&frame, 8, 12, 5);
        frame_end(&frame, ip);
        frame_bytes(&frame, NULL, 9); /* a trailer that is none of IP's */
        packet = parse(&frame);
        ck_assert_int_eq(packet.network, PACKET_IPV4);
        ck_assert_uint_eq(packet.protocol, PACKET_TCP);
        ck_assert_uint_eq(packet.transport_at, 34 + options);
        ck_assert_uint_eq(packet.payload_at, 66 + options);
        ck_assert_uint_eq(packet_tcp_payload(&packet), 66 + options);
        ck_assert_uint_eq(packet.source_port, 1000);
        ck_assert(!packet.truncated && !packet.fragment && !packet.first_fragment);
    }
}
END_TEST

START_TEST(ipv4_that_is_none)
{
    struct frame frame;
    struct packet packet;
    static const uint8_t first[] = {0x55, 0x05, 0x44, 0x40, 0x65};

    frame_ether(&frame, 0x0800);
    frame_ipv4(&frame, PACKET_UDP, 0, 0);
    frame_udp(&frame, 20);
    for (unsigned i = 0; i < sizeof(first); i++) {
        frame.bytes[14] = first[i];
        packet = parse(&frame);
        ck_assert_int_eq(packet.network, PACKET_OTHER);
        ck_assert(packet.network_at == 0 && packet.transport_at == 0 && !packet.truncated);
        ck_assert_uint_eq(packet.protocol, 0);
    }
    frame.bytes[14] = 0x45;
    for (unsigned total = 0; total <= 60; total++) {
        frame_set16(&frame, 16, total);
        packet = parse(&frame);
        if (total > 0 && total < 20) {
            ck_assert_int_eq(packet.network, PACKET_OTHER);
        } else {
            ck_assert_int_eq(packet.network, PACKET_IPV4);
            ck_assert(packet.truncated == (total >= 20 && total < 28));
            ck_assert_uint_eq(packet.transport_at, packet.truncated ? 0 : 34);
            ck_assert_uint_eq(packet.payload_at, packet.truncated ? 0 : 42);
            ck_assert_uint_eq(packet.dest_port, packet.truncated ? 0 : 2000);
        }
    }
    frame.bytes[14] = 0x46; /* options that IP's length leaves no room for */
    frame_set16(&frame, 16, 23);
    packet = parse(&frame);
    ck_assert_int_eq(packet.network, PACKET_OTHER);
    frame_set16(&frame, 16, 24);
    packet = parse(&frame);
    ck_assert(packet.network == PACKET_IPV4 && packet.truncated && packet.transport_at == 0);
}
END_TEST

START_TEST(ipv4_fragments)
{
    static const struct {
        unsigned word;
        bool fragment, first;
    } kinds[] = {
        {0x4000, false, false}, /* "don't" */
        {0x2000, false, true},  {0x6000, false, true}, {0x2001, true, false},
        {0x0001, true, false},  {0x1fff, true, false}, {0x8000, false, false},
    };
    struct frame frame;
    struct packet packet;
    size_t ip;

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        frame_ether(&frame, 0x0800);
        ip = frame_ipv4(&frame, PACKET_UDP, kinds[i].word, 0);
        frame_udp(&frame, 8);
        frame_end(&frame, ip);
        packet = parse(&frame);
        ck_assert_int_eq(packet.network, PACKET_IPV4);
        ck_assert(packet.fragment == kinds[i].fragment);
        ck_assert(packet.first_fragment == kinds[i].first);
        ck_assert_uint_eq(packet.transport_at, kinds[i].fragment ? 0 : 34);
        ck_assert_uint_eq(packet.source_port, kinds[i].fragment ? 0 : 1000);
        ck_assert_uint_eq(packet.payload_at, kinds[i].fragment ? 34 : 42);
        ck_assert_uint_eq(packet.protocol, PACKET_UDP);
        ck_assert(!packet.truncated);
    }

    /* A first fragment that ends inside of the TCP header (RFC 1858). */
    frame_ether(&frame, 0x0800);
    ip = frame_ipv4(&frame, PACKET_TCP, 0x2000, 0);
    frame_bytes(&frame, NULL, 8);
    frame_end(&frame, ip);
    frame_bytes(&frame, NULL, 50);
    packet = parse(&frame);
    ck_assert(packet.truncated && packet.first_fragment && packet.transport_at == 0);
}
END_TEST

START_TEST(tcp_headers)
{
    struct frame frame;
    struct packet packet;
    size_t ip;

    for (unsigned words = 0; words < 16; words++) {
        for (unsigned options = 0; options <= 40; options += 4) {
            frame_ether(&frame, 0x86dd);
            ip = frame_ipv6(&frame, PACKET_TCP);
            frame_tcp(&frame, words, options, 0);
            frame_end(&frame, ip);
            packet = parse(&frame);
            ck_assert_uint_eq(packet.transport_at, 54);
            ck_assert_uint_eq(packet.dest_port, 2000);
            ck_assert(packet.truncated == (words * 4 > 20 + options));
            ck_assert_uint_eq(packet_tcp_payload(&packet),
                              words < 5 || packet.truncated ? 0 : 54 + words * 4);
            ck_assert_uint_eq(packet.payload_at, packet_tcp_payload(&packet));
        }
    }
    packet.protocol = PACKET_UDP;
    ck_assert_uint_eq(packet_tcp_payload(&packet), 0);
}
END_TEST

START_TEST(messages)
{
    static const struct {
        unsigned type, protocol, fixed;
    } kinds[] = {
        {0x0800, PACKET_ICMP, 8},
        {0x0800, PACKET_IGMP, 8},
        {0x86dd, PACKET_ICMPV6, 4},
        {0x86dd, PACKET_IGMP, 8},
    };
    struct frame frame;
    struct packet packet;
    size_t ip;

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (unsigned size = 0; size <= 12; size++) {
            frame_ether(&frame, kinds[i].type);
            ip = kinds[i].type == 0x0800 ? frame_ipv4(&frame, kinds[i].protocol, 0, 0)
                                         : frame_ipv6(&frame, kinds[i].protocol);
            frame_bytes(&frame, "\x88yyyyyyyyyyy", size);
            frame_end(&frame, ip);
            packet = parse(&frame);
            ck_assert_uint_eq(packet.protocol, kinds[i].protocol);
            if (size == 0 && kinds[i].type == 0x86dd) {
                ck_assert(packet.truncated);
                continue;
            }
            ck_assert(packet.truncated == (size < kinds[i].fixed));
            ck_assert_uint_eq(packet.icmp_type, packet.truncated ? 0 : 0x88);
            ck_assert(packet.transport_at == 0 ||
                      packet.payload_at == packet.transport_at + kinds[i].fixed);
        }
    }
    ck_assert_uint_eq(packet.source_port, 0);
}
END_TEST

/* A chain of @count extension headers of @kind, each of 8 bytes, in front of UDP. */
static struct packet chain(struct frame *frame, unsigned kind, unsigned count)
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = frame_ipv6(frame, count ? kind : PACKET_UDP);
    for (unsigned i = 0; i < count; i++) {
        frame_u8(frame, i + 1 < count ? kind : PACKET_UDP);
        frame_bytes(frame, NULL, 7);
    }
    frame_udp(frame, 4);
    frame_end(frame, ip);
    return parse(frame);
}

START_TEST(ipv6_extensions)
{
    static const unsigned kinds[] = {0, 43, 44, 51, 60, 135, 139, 140};
    struct frame frame;
    struct packet packet;
    size_t ip;

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        for (unsigned count = 0; count < 40; count++) {
            packet = chain(&frame, kinds[i], count);
            ck_assert_int_eq(packet.network, PACKET_IPV6);
            ck_assert(packet.truncated == (count > PACKET_EXTENSIONS));
            if (!packet.truncated) {
                ck_assert_uint_eq(packet.protocol, PACKET_UDP);
                ck_assert_uint_eq(packet.transport_at, 54 + 8 * count);
                ck_assert_uint_eq(packet.dest_port, 2000);
            } else {
                ck_assert_uint_eq(packet.protocol, kinds[i]);
                ck_assert_uint_eq(packet.transport_at | packet.payload_at, 0);
            }
        }
    }

    /* One that says it is longer than all there is; AH counts otherwise than the rest. */
    chain(&frame, 60, 1);
    frame.bytes[55] = 255;
    packet = parse(&frame);
    ck_assert(packet.truncated && packet.transport_at == 0);
    frame_ether(&frame, 0x86dd);
    ip = frame_ipv6(&frame, 51);
    frame_bytes(&frame, "\x11\x04", 2);
    frame_bytes(&frame, NULL, 22);
    frame_udp(&frame, 0);
    frame_end(&frame, ip);
    packet = parse(&frame);
    ck_assert_uint_eq(packet.transport_at, 54 + 24);
    ck_assert_uint_eq(packet.source_port, 1000);

    /* No next header, and what nobody knows: theirs is the rest. */
    for (unsigned protocol = 59; protocol < 255; protocol += 100) {
        frame_ether(&frame, 0x86dd);
        ip = frame_ipv6(&frame, protocol);
        frame_bytes(&frame, NULL, 3);
        frame_end(&frame, ip);
        packet = parse(&frame);
        ck_assert_uint_eq(packet.protocol, protocol);
        ck_assert(packet.transport_at == 54 && packet.payload_at == 54 && !packet.truncated);
    }
    frame.bytes[14] = 0x45;
    packet = parse(&frame);
    ck_assert(packet.network == PACKET_OTHER && packet.payload_at == 14);
}
END_TEST

START_TEST(ipv6_fragments)
{
    static const struct {
        unsigned word;
        bool fragment, first;
    } kinds[] = {
        {0x0000, false, false}, /* an atomic one (RFC 6946) */
        {0x0001, false, true},  {0x0008, true, false}, {0x0009, true, false}, {0xfff8, true, false},
    };
    struct frame frame;
    struct packet packet;
    size_t ip;

    for (unsigned i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        frame_ether(&frame, 0x86dd);
        ip = frame_ipv6(&frame, 44);
        frame_u16(&frame, 60 << 8);
        frame_u16(&frame, kinds[i].word);
        frame_bytes(&frame, NULL, 4);
        frame_bytes(&frame, "\x11\0\0\0\0\0\0\0", 8);
        frame_udp(&frame, 8);
        frame_end(&frame, ip);
        packet = parse(&frame);
        ck_assert_int_eq(packet.network, PACKET_IPV6);
        ck_assert(packet.fragment == kinds[i].fragment);
        ck_assert(packet.first_fragment == kinds[i].first);
        ck_assert_uint_eq(packet.protocol, kinds[i].fragment ? 60 : PACKET_UDP);
        ck_assert_uint_eq(packet.transport_at, kinds[i].fragment ? 0 : 70);
        ck_assert_uint_eq(packet.payload_at, kinds[i].fragment ? 62 : 78);
        ck_assert(!packet.truncated);
    }

    /* A first fragment without the whole chain of headers (RFC 7112, 7113). */
    frame_ether(&frame, 0x86dd);
    ip = frame_ipv6(&frame, 44);
    frame_bytes(&frame, "\x3c\0\0\1\0\0\0\0", 8);
    frame_bytes(&frame, "\x3a\0\0\0\0\0\0\0", 8);
    frame_end(&frame, ip);
    frame_bytes(&frame, NULL, 20);
    packet = parse(&frame);
    ck_assert(packet.truncated && packet.first_fragment && packet.transport_at == 0);
    ck_assert_uint_eq(packet.protocol, PACKET_ICMPV6);
}
END_TEST

/* What packet.h says holds, whatever the bytes are. One check for all: Check writes each down. */
static bool holds(const struct packet *packet)
{
    static const unsigned fixed[] = {0, 28, 20, 40};
    unsigned captured = packet->captured, network = packet->network_at + fixed[packet->network];
    bool ip = packet->network == PACKET_IPV4 || packet->network == PACKET_IPV6;

    return packet->payload_at <= captured && packet->transport_at <= captured &&
           network <= captured && (packet->network == PACKET_OTHER) == (packet->network_at == 0) &&
           (packet->transport_at != 0
                ? ip && !packet->fragment && packet->transport_at >= network
                : packet->source_port == 0 && packet->dest_port == 0 && packet->icmp_type == 0) &&
           (!packet->truncated || packet->payload_at == 0) && (!packet->tagged || captured >= 18) &&
           !(packet->fragment && packet->first_fragment);
}

static void parse_beginning(const struct frame *frame, size_t size)
{
    struct packet packet;
    uint8_t *exact = malloc(size ? size : 1);

    memcpy(exact, frame->bytes, size);
    ck_assert(packet_parse(&packet, exact, size, frame->size) == (size >= 14) && holds(&packet));
    free(exact);
}

/* All kinds of frames; false: there are no more. */
static bool make_kind(struct frame *frame, unsigned kind)
{
    static const unsigned tags[] = {0, 0x8100, 0x88a8, 0x81008100, 0x88a88100};
    unsigned tag = tags[kind % 5];
    unsigned type = kind / 5 % 2 ? 0x86dd : 0x0800;
    unsigned body = kind / 10;
    size_t ip;

    frame_ether(frame, tag ? (tag & 0xffff) : type);
    if (tag)
        frame_tag(frame, 5, tag >> 16 ? tag >> 16 : type);
    if (tag >> 16)
        frame_tag(frame, 6, type);
    if (type == 0x0800) {
        ip = frame_ipv4(frame, body % 2 ? PACKET_TCP : PACKET_UDP, body / 4 % 2 ? 0x2000 : 0,
                        body / 8 % 2 ? 40 : 0);
    } else {
        ip = frame_ipv6(frame, body / 4 % 2 ? 44 : body / 8 % 2 ? 0 : PACKET_UDP);
        if (body / 4 % 2)
            frame_bytes(frame, "\x3c\0\0\1\0\0\0\0", 8);
        if (body / 4 % 2 || body / 8 % 2)
            frame_bytes(frame, body % 2 ? "\x06\1\0\0\0\0\0\0" : "\x11\1\0\0\0\0\0\0", 8);
        if (body / 4 % 2 || body / 8 % 2)
            frame_bytes(frame, NULL, 8);
    }
    if (body % 2)
        frame_tcp(frame, 10, 20, 3);
    else
        frame_udp(frame, 3);
    frame_end(frame, ip);
    if (body / 2 % 2)
        frame_set16(frame, ip + (type == 0x0800 ? 2 : 4), 0);
    return body < 16;
}

START_TEST(every_beginning_of_every_frame)
{
    struct frame frame;

    for (unsigned kind = 0; make_kind(&frame, kind); kind++)
        for (size_t size = 0; size <= frame.size; size++)
            parse_beginning(&frame, size);
    frame_arp(&frame);
    for (size_t size = 0; size <= frame.size; size++)
        parse_beginning(&frame, size);
}
END_TEST

START_TEST(frames_with_wrong_bytes)
{
    struct unit_random random = {11};
    struct frame frame;

    for (unsigned round = 0; round < 10000; round++) {
        make_kind(&frame, (unsigned)unit_random(&random, 160));
        for (unsigned wrong = (unsigned)unit_random(&random, 4); wrong > 0; wrong--)
            frame.bytes[12 + unit_random(&random, frame.size - 12)] =
                (uint8_t)unit_random(&random, 256);
        parse_beginning(&frame, unit_random(&random, 3) ? frame.size
                                                        : unit_random(&random, frame.size + 1));
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("packet");
    TCase *tcase = tcase_create("frames");

    tcase_add_test(tcase, ethernet_and_llc);
    tcase_add_test(tcase, one_tag);
    tcase_add_test(tcase, tags_in_tags);
    tcase_add_test(tcase, tags_cut_short);
    tcase_add_test(tcase, arp);
    tcase_add_test(tcase, ipv4_with_options);
    tcase_add_test(tcase, ipv4_that_is_none);
    tcase_add_test(tcase, ipv4_fragments);
    tcase_add_test(tcase, tcp_headers);
    tcase_add_test(tcase, messages);
    tcase_add_test(tcase, ipv6_extensions);
    tcase_add_test(tcase, ipv6_fragments);
    tcase_add_test(tcase, every_beginning_of_every_frame);
    tcase_add_test(tcase, frames_with_wrong_bytes);
    suite_add_tcase(suite, tcase);
    return suite;
}
