/* SPDX-License-Identifier: ISC */
#include "samples.h"

static size_t ipv4(struct frame *frame, unsigned protocol, unsigned fragment, unsigned options)
{
    size_t at = frame_ipv4(frame, protocol, fragment, options);

    frame->bytes[at + 1] = SAMPLE_TOS;
    return at;
}

static size_t ipv6(struct frame *frame, unsigned next)
{
    size_t at = frame_ipv6(frame, next);

    frame_set16(frame, at, 0x6000 | SAMPLE_TOS << 4);
    frame_set16(frame, at + 2, 0xbeef);
    return at;
}

size_t sample_extension(struct frame *frame, unsigned next, unsigned words)
{
    size_t at = frame_u8(frame, next);

    frame_u8(frame, words - 1);
    frame_bytes(frame, NULL, words * 8 - 2);
    return at;
}

size_t sample_fragment(struct frame *frame, unsigned next, unsigned field, unsigned id)
{
    size_t at = frame_u16(frame, next << 8);

    frame_u16(frame, field);
    frame_u16(frame, id >> 16);
    frame_u16(frame, id);
    return at;
}

/* An authentication header of 24 bytes, as with HMAC-SHA1-96. */
static void ah(struct frame *frame, unsigned next)
{
    frame_u8(frame, next);
    frame_u8(frame, 4);
    frame_bytes(frame, NULL, 22);
}

static void echo(struct frame *frame, unsigned type)
{
    frame_u16(frame, type << 8);
    frame_u16(frame, 0);
    frame_u16(frame, 0x1234);
    frame_u16(frame, 1);
    frame_bytes(frame, NULL, 56);
}

static void sctp(struct frame *frame)
{
    frame_u16(frame, 1000);
    frame_u16(frame, 2000);
    frame_bytes(frame, NULL, 8);
    frame_bytes(frame, "\0\3\0\x14", 4);
    frame_bytes(frame, NULL, 16);
}

static void udp4(struct frame *frame, unsigned payload)
{
    size_t ip = ipv4(frame, 17, 0, 0);

    frame_udp(frame, payload);
    frame_end(frame, ip);
}

static void tcp4_in(struct frame *frame)
{
    size_t ip = ipv4(frame, 6, 0x4000, 0);

    frame_tcp(frame, 8, 12, 30);
    frame_end(frame, ip);
}

static void tcp6_in(struct frame *frame)
{
    size_t ip = ipv6(frame, 6);

    frame_tcp(frame, 8, 12, 30);
    frame_end(frame, ip);
}

static void arp_in(struct frame *frame)
{
    static const uint8_t arp[28] = {0,  1, 8, 0, 6, 4, 0, 1, 2, 0, 0,  0, 0, 2,
                                    10, 0, 0, 2, 0, 0, 0, 0, 0, 0, 10, 0, 0, 1};

    frame_bytes(frame, arp, sizeof(arp));
    frame_bytes(frame, NULL, 18); /* padding */
}

static void tcp4(struct frame *frame)
{
    frame_ether(frame, 0x0800);
    tcp4_in(frame);
}

static void tcp6(struct frame *frame)
{
    frame_ether(frame, 0x86dd);
    tcp6_in(frame);
}

static void udp4_plain(struct frame *frame)
{
    frame_ether(frame, 0x0800);
    udp4(frame, 20);
}

static void udp4_padded(struct frame *frame)
{
    frame_ether(frame, 0x0800);
    udp4(frame, 2);
    frame_bytes(frame, NULL, 16);
}

static void udp4_options(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x0800);
    ip = ipv4(frame, 17, 0, 40);
    frame_udp(frame, 20);
    frame_end(frame, ip);
}

static void udp6(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = ipv6(frame, 17);
    frame_udp(frame, 20);
    frame_end(frame, ip);
}

static void udp_lite(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x0800);
    ip = ipv4(frame, 136, 0, 0);
    frame_udp(frame, 20);
    frame_set16(frame, ip + 24, 8); /* what its checksum covers */
    frame_end(frame, ip);
}

static void sctp4(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x0800);
    ip = ipv4(frame, 132, 0, 0);
    sctp(frame);
    frame_end(frame, ip);
}

static void sctp6(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = ipv6(frame, 132);
    sctp(frame);
    frame_end(frame, ip);
}

static void dccp(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x0800);
    ip = ipv4(frame, 33, 0, 0);
    sctp(frame);
    frame_end(frame, ip);
}

static void gre(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x0800);
    ip = ipv4(frame, 47, 0, 0);
    frame_u16(frame, 0);
    frame_u16(frame, 0x0800);
    udp4(frame, 5);
    frame_end(frame, ip);
}

static void icmp(struct frame *frame, unsigned type, unsigned code)
{
    size_t ip;

    frame_ether(frame, 0x0800);
    ip = ipv4(frame, 1, 0, 0);
    echo(frame, type);
    frame->bytes[ip + 21] = (uint8_t)code;
    frame_end(frame, ip);
}

static void icmp_echo(struct frame *frame)
{
    icmp(frame, 8, 0);
}

static void icmp_reply(struct frame *frame)
{
    icmp(frame, 0, 0);
}

static void icmp_timestamp(struct frame *frame)
{
    icmp(frame, 13, 0);
}

static void icmp_timestamp_reply(struct frame *frame)
{
    icmp(frame, 14, 0);
}

static void icmp_unreachable(struct frame *frame)
{
    icmp(frame, 3, 3);
}

static void icmp6(struct frame *frame, unsigned type)
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = ipv6(frame, 58);
    echo(frame, type);
    frame_end(frame, ip);
}

static void icmp6_echo(struct frame *frame)
{
    icmp6(frame, 128);
}

static void icmp6_reply(struct frame *frame)
{
    icmp6(frame, 129);
}

static void icmp6_neighbour(struct frame *frame)
{
    icmp6(frame, 135);
}

static void arp(struct frame *frame)
{
    frame_ether(frame, 0x0806);
    arp_in(frame);
}

static void arp_of_802(struct frame *frame)
{
    frame_ether(frame, 0x0806);
    arp_in(frame);
    frame->bytes[15] = 6;
}

static void arp_of_others(struct frame *frame)
{
    frame_ether(frame, 0x0806);
    arp_in(frame);
    frame->bytes[15] = 7;
}

static void tag(struct frame *frame)
{
    frame_ether(frame, 0x8100);
    frame_tag(frame, 0x6064, 0x0800);
    tcp4_in(frame);
}

static void tag_of_priority(struct frame *frame)
{
    frame_ether(frame, 0x8100);
    frame_tag(frame, 0x6000, 0x86dd);
    tcp6_in(frame);
}

static void tags_stacked(struct frame *frame)
{
    frame_ether(frame, 0x88a8);
    frame_tag(frame, 0x0065, 0x8100);
    frame_tag(frame, 0xe066, 0x86dd);
    tcp6_in(frame);
}

static void tags_old(struct frame *frame)
{
    frame_ether(frame, 0x9100);
    frame_tag(frame, 0x0065, 0x9100);
    frame_tag(frame, 0x0066, 0x0806);
    arp_in(frame);
}

static void tags_three(struct frame *frame)
{
    frame_ether(frame, 0x88a8);
    frame_tag(frame, 1, 0x8100);
    frame_tag(frame, 2, 0x8100);
    frame_tag(frame, 3, 0x0800);
    tcp4_in(frame);
}

/* The length in front of all behind @at. */
static void llc_end(struct frame *frame, size_t at)
{
    frame_set16(frame, at - 2, (unsigned)(frame->size - at));
}

static void spanning_tree(struct frame *frame)
{
    frame_ether(frame, 0);
    frame_bytes(frame, "\x42\x42\x03", 3);
    frame_bytes(frame, NULL, 35);
    llc_end(frame, 14);
    frame_bytes(frame, NULL, 8);
}

static void snap(struct frame *frame)
{
    frame_ether(frame, 0);
    frame_bytes(frame, "\xaa\xaa\x03\0\0\0\x08\0", 8);
    udp4(frame, 3);
    llc_end(frame, 14);
    frame_bytes(frame, NULL, 7);
}

static void snap_in_tag(struct frame *frame)
{
    frame_ether(frame, 0x8100);
    frame_tag(frame, 5, 0);
    frame_bytes(frame, "\xaa\xaa\x03\0\0\xf8\x86\xdd", 8);
    tcp6_in(frame);
    llc_end(frame, 18);
}

static void snap_of_others(struct frame *frame)
{
    frame_ether(frame, 0);
    frame_bytes(frame, "\xaa\xaa\x03\0\0\x0c\x20\0", 8);
    frame_bytes(frame, NULL, 40);
    llc_end(frame, 14);
}

static void pppoe(struct frame *frame)
{
    size_t at;

    frame_ether(frame, 0x8864);
    at = frame_bytes(frame, "\x11\0\0\7\0\0\0\x21", 8);
    tcp4_in(frame);
    frame_set16(frame, at + 4, (unsigned)(frame->size - at - 6));
}

static void pppoe_compressed(struct frame *frame)
{
    size_t at;

    frame_ether(frame, 0x8864);
    at = frame_bytes(frame, "\x11\0\0\7\0\0\x57", 7);
    tcp6_in(frame);
    frame_set16(frame, at + 4, (unsigned)(frame->size - at - 6));
    frame_bytes(frame, NULL, 4);
}

static void pppoe_control(struct frame *frame)
{
    frame_ether(frame, 0x8864);
    frame_bytes(frame, "\x11\0\0\7\0\x0a\xc0\x21\1\1\0\x08\5\6ab", 16);
    frame_bytes(frame, NULL, 30);
}

static void mpls(struct frame *frame)
{
    frame_ether(frame, 0x8847);
    frame_bytes(frame, "\0\1\0\x40\0\2\x01\x40", 8);
    tcp4_in(frame);
}

static void mpls_ipv6(struct frame *frame)
{
    frame_ether(frame, 0x8848);
    frame_bytes(frame, "\0\1\x01\x40", 4);
    tcp6_in(frame);
}

static void mpls_wire(struct frame *frame)
{
    frame_ether(frame, 0x8847);
    frame_bytes(frame, "\0\1\x01\x40\0\0\0\0", 8);
    frame_bytes(frame, NULL, 60);
}

static void fragment_first(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x0800);
    ip = ipv4(frame, 17, 0x2000, 0);
    frame_udp(frame, 48);
    frame_set16(frame, ip + 24, 1000); /* of the whole datagram */
    frame_end(frame, ip);
}

static void fragment_later(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x0800);
    ip = ipv4(frame, 17, 7, 0);
    frame_bytes(frame, NULL, 41);
    frame_end(frame, ip);
}

static void fragment_tiny(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x0800);
    ip = ipv4(frame, 6, 0x2000, 0);
    frame_u16(frame, 1000);
    frame_u16(frame, 2000);
    frame_bytes(frame, NULL, 4);
    frame_end(frame, ip);
    frame_bytes(frame, NULL, 18);
}

static void fragment6_first(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = ipv6(frame, 0);
    sample_extension(frame, 44, 1);
    sample_fragment(frame, 60, 1, 0x12345678);
    sample_extension(frame, 17, 2);
    frame_udp(frame, 48);
    frame_set16(frame, frame->size - 52, 1000);
    frame_end(frame, ip);
}

static void fragment6_later(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = ipv6(frame, 0);
    sample_extension(frame, 44, 1);
    sample_fragment(frame, 60, 72 | 1, 0x12345678);
    frame_bytes(frame, NULL, 64);
    frame_end(frame, ip);
}

static void fragment6_atomic(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = ipv6(frame, 44);
    sample_fragment(frame, 17, 0, 7);
    frame_udp(frame, 11);
    frame_end(frame, ip);
}

static void extensions(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = ipv6(frame, 0);
    sample_extension(frame, 60, 1);
    sample_extension(frame, 43, 2);
    sample_extension(frame, 51, 3);
    ah(frame, 60);
    sample_extension(frame, 6, 1);
    frame_tcp(frame, 5, 0, 9);
    frame_end(frame, ip);
}

static void extensions_most(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = ipv6(frame, 60);
    for (unsigned i = 0; i < 7; i++)
        sample_extension(frame, 60, 1);
    sample_extension(frame, 6, 1);
    frame_tcp(frame, 5, 0, 0);
    frame_end(frame, ip);
}

static void mobility(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = ipv6(frame, 135);
    sample_extension(frame, 59, 2);
    frame_end(frame, ip);
}

static void mobility_and_more(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = ipv6(frame, 135);
    sample_extension(frame, 17, 2);
    frame_udp(frame, 1);
    frame_end(frame, ip);
}

static void nothing_next(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = ipv6(frame, 59);
    frame_end(frame, ip);
    frame_bytes(frame, NULL, 6);
}

static void ah4(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x0800);
    ip = ipv4(frame, 51, 0, 0);
    ah(frame, 17);
    frame_udp(frame, 9);
    frame_end(frame, ip);
}

static void gso4(struct frame *frame)
{
    frame_ether(frame, 0x0800);
    tcp4_in(frame);
    frame_bytes(frame, NULL, 1900 - frame->size);
    frame_set16(frame, 16, 0);
}

static void gso6(struct frame *frame)
{
    frame_ether(frame, 0x86dd);
    tcp6_in(frame);
    frame_bytes(frame, NULL, 1900 - frame->size);
    frame_set16(frame, 18, 0);
}

const struct sample samples[] = {
    {"tcp4", tcp4},
    {"tcp6", tcp6},
    {"udp4", udp4_plain},
    {"udp4 padded", udp4_padded},
    {"udp4 options", udp4_options},
    {"udp6", udp6},
    {"udp-lite", udp_lite},
    {"sctp4", sctp4},
    {"sctp6", sctp6},
    {"dccp", dccp},
    {"gre", gre},
    {"icmp echo", icmp_echo},
    {"icmp reply", icmp_reply},
    {"icmp timestamp", icmp_timestamp},
    {"icmp timestamp reply", icmp_timestamp_reply},
    {"icmp unreachable", icmp_unreachable},
    {"icmp6 echo", icmp6_echo},
    {"icmp6 reply", icmp6_reply},
    {"icmp6 neighbour", icmp6_neighbour},
    {"arp", arp},
    {"arp of 802", arp_of_802},
    {"arp of others", arp_of_others},
    {"tag", tag},
    {"tag of priority", tag_of_priority},
    {"tags stacked", tags_stacked},
    {"tags old", tags_old},
    {"tags three", tags_three},
    {"spanning tree", spanning_tree},
    {"snap", snap},
    {"snap in tag", snap_in_tag},
    {"snap of others", snap_of_others},
    {"pppoe", pppoe},
    {"pppoe compressed", pppoe_compressed},
    {"pppoe control", pppoe_control},
    {"mpls", mpls},
    {"mpls ipv6", mpls_ipv6},
    {"mpls wire", mpls_wire},
    {"fragment first", fragment_first},
    {"fragment later", fragment_later},
    {"fragment tiny", fragment_tiny},
    {"fragment6 first", fragment6_first},
    {"fragment6 later", fragment6_later},
    {"fragment6 atomic", fragment6_atomic},
    {"extensions", extensions},
    {"extensions most", extensions_most},
    {"mobility", mobility},
    {"mobility and more", mobility_and_more},
    {"nothing next", nothing_next},
    {"ah4", ah4},
    {"gso4", gso4},
    {"gso6", gso6},
};
const unsigned samples_count = sizeof(samples) / sizeof(samples[0]);

void sample_make(struct frame *frame, const char *name)
{
    for (unsigned i = 0; i < samples_count; i++) {
        if (strcmp(samples[i].name, name) == 0) {
            samples[i].make(frame);
            return;
        }
    }
    abort();
}
