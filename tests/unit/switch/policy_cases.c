/* SPDX-License-Identifier: ISC */
#include "policy_cases.h"

enum { TCP = 6, UDP = 17, ICMP = 1, IGMP = 2, ICMPV6 = 58, HOP = 0, FRAGMENT = 44, DEST = 60 };

static const uint8_t own_mac[6] = {2, 0, 0, 0, 0, 2}, other_mac[6] = {2, 0, 0, 0, 0, 3};
static const uint8_t own4[4] = {10, 0, 0, 2}, other4[4] = {10, 0, 0, 3}, zero4[4];
static const uint8_t own6[16] = {0x20, 1, 0xd, 0xb8, [15] = 2};
static const uint8_t other6[16] = {0x20, 1, 0xd, 0xb8, [15] = 3};
static const uint8_t local6[16] = {0xfe, 0x80, [11] = 0xff, 0xfe, 0, 0, 2};
static const uint8_t other_local6[16] = {0xfe, 0x80, [15] = 2};
static const uint8_t zero6[16], group6[16] = {0xff, 2, [15] = 1};

/* --- Ethernet -----------------------------------------------------------------------------------
 */

static void put(struct frame *frame, size_t at, const void *bytes, size_t size)
{
    memcpy(frame->bytes + at, bytes, size);
}

/* IPv4 from @source with @tags tags in front. */
static void udp4_tagged(struct frame *frame, unsigned tags, unsigned type, const uint8_t source[4])
{
    size_t ip;

    frame_ether(frame, tags > 0 ? type : 0x800);
    for (; tags > 0; tags--)
        frame_tag(frame, 5, tags > 1 ? 0x8100 : 0x800);
    ip = frame_ipv4(frame, UDP, 0, 0);
    put(frame, ip + 12, source, 4);
    frame_udp(frame, 20);
    frame_end(frame, ip);
}

static void ipv4_own(struct frame *frame)
{
    udp4_tagged(frame, 0, 0, own4);
}

static void mac_other(struct frame *frame)
{
    ipv4_own(frame);
    put(frame, 6, other_mac, 6);
}

static void mac_group(struct frame *frame)
{
    ipv4_own(frame);
    frame->bytes[6] |= 1;
}

static void tagged_own(struct frame *frame)
{
    udp4_tagged(frame, 1, 0x8100, own4);
}

static void tagged_other(struct frame *frame)
{
    udp4_tagged(frame, 1, 0x8100, other4);
}

static void stacked_own(struct frame *frame)
{
    udp4_tagged(frame, 2, 0x8100, own4);
}

static void provider_tag_own(struct frame *frame)
{
    udp4_tagged(frame, 1, 0x88a8, own4);
}

static void three_tags(struct frame *frame)
{
    udp4_tagged(frame, 3, 0x8100, own4);
}

static void other_type(struct frame *frame)
{
    frame_ether(frame, 0x88b5);
    frame_bytes(frame, NULL, 46);
}

static void spanning_tree(struct frame *frame)
{
    frame_ether(frame, 38);
    frame_bytes(frame, "\x42\x42\x03", 3);
    frame_bytes(frame, NULL, 35);
}

/* CVE-2021-27861: a router advertisement or ARP in 802.2 with SNAP. */
static void in_snap(struct frame *frame)
{
    frame_ether(frame, 48);
    frame_bytes(frame, "\xaa\xaa\x03\0\0\0\x08\x06", 8);
    frame_bytes(frame, NULL, 40);
}

/* --- IPv4 ---------------------------------------------------------------------------------------
 */

static void ipv4_in_prefix(struct frame *frame)
{
    udp4_tagged(frame, 0, 0, (const uint8_t[]){10, 0, 1, 255});
}

static void ipv4_other(struct frame *frame)
{
    udp4_tagged(frame, 0, 0, other4);
}

static void ipv4_unspecified(struct frame *frame)
{
    udp4_tagged(frame, 0, 0, zero4);
}

static void ipv4_own_options(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x800);
    ip = frame_ipv4(frame, TCP, 0, 40);
    frame_tcp(frame, 5, 0, 100);
    frame_end(frame, ip);
}

/* All headers as long as can be do not fit a snapshot. */
static void ipv4_long_headers(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x800);
    ip = frame_ipv4(frame, TCP, 0, 40);
    frame_tcp(frame, 15, 40, 100);
    frame_end(frame, ip);
}

static void ipv4_bad_header(struct frame *frame)
{
    ipv4_own(frame);
    frame->bytes[14] = 0x44;
}

static void fragment4(struct frame *frame, unsigned offset, const uint8_t source[4])
{
    size_t ip;

    frame_ether(frame, 0x800);
    ip = frame_ipv4(frame, UDP, offset, 0);
    put(frame, ip + 12, source, 4);
    frame_bytes(frame, NULL, 40);
    frame_end(frame, ip);
}

static void later_fragment_own(struct frame *frame)
{
    fragment4(frame, 0x2001, own4);
}

static void later_fragment_other(struct frame *frame)
{
    fragment4(frame, 0x2001, other4);
}

/* From nowhere, as if it went on with a DHCP request. */
static void later_fragment_unspecified(struct frame *frame)
{
    fragment4(frame, 0x2001, zero4);
}

static void igmp(struct frame *frame, unsigned type)
{
    size_t ip;

    frame_ether(frame, 0x800);
    put(frame, 0, "\x01\0\x5e\0\0\x16", 6);
    ip = frame_ipv4(frame, IGMP, 0, 0);
    put(frame, ip + 12, zero4, 4);
    frame_u8(frame, type);
    frame_bytes(frame, NULL, 15);
    frame_end(frame, ip);
}

static void igmp_report(struct frame *frame)
{
    igmp(frame, 0x22);
}

static void igmp_query(struct frame *frame)
{
    igmp(frame, 0x11);
}

/* --- DHCP ---------------------------------------------------------------------------------------
 */

static void dhcp(struct frame *frame, const uint8_t source[4], unsigned from, unsigned to,
                 const uint8_t mac[6])
{
    size_t ip, udp;

    frame_ether(frame, 0x800);
    memset(frame->bytes, 0xff, 6);
    ip = frame_ipv4(frame, UDP, 0, 0);
    put(frame, ip + 12, source, 4);
    memset(frame->bytes + ip + 16, 0xff, 4);
    udp = frame_udp(frame, 300);
    frame_set16(frame, udp, from);
    frame_set16(frame, udp + 2, to);
    put(frame, udp + 8, "\1\1\6", 3);
    put(frame, udp + 8 + 28, mac, 6);
    frame_end(frame, ip);
}

static void dhcp_discover(struct frame *frame)
{
    dhcp(frame, zero4, 68, 67, own_mac);
}

static void dhcp_renew(struct frame *frame)
{
    dhcp(frame, own4, 68, 67, own_mac);
}

/* So a pool of addresses is used up. */
static void dhcp_starve(struct frame *frame)
{
    dhcp(frame, zero4, 68, 67, other_mac);
}

static void dhcp_other_hardware(struct frame *frame)
{
    dhcp(frame, zero4, 68, 67, own_mac);
    frame->bytes[14 + 20 + 8 + 2] = 16;
}

static void dhcp_from_other_address(struct frame *frame)
{
    dhcp(frame, other4, 68, 67, own_mac);
}

static void dhcp_offer(struct frame *frame)
{
    dhcp(frame, own4, 67, 68, other_mac);
}

/* Clients look at the port that it goes to. */
static void dhcp_offer_other_port(struct frame *frame)
{
    dhcp(frame, own4, 1067, 68, other_mac);
}

static void dhcp_relay(struct frame *frame)
{
    dhcp(frame, own4, 67, 67, other_mac);
}

static void dhcp_offer_tagged(struct frame *frame)
{
    struct frame plain;

    dhcp_offer(&plain);
    frame_ether(frame, 0x8100);
    frame_tag(frame, 0, 0x800);
    frame_bytes(frame, plain.bytes + 14, plain.size - 14);
}

/* CVE-2021-27853: behind two tags of VLAN 0. */
static void dhcp_offer_stacked(struct frame *frame)
{
    struct frame plain;

    dhcp_offer(&plain);
    frame_ether(frame, 0x8100);
    frame_tag(frame, 0, 0x8100);
    frame_tag(frame, 0, 0x800);
    frame_bytes(frame, plain.bytes + 14, plain.size - 14);
}

static void dhcp_offer_fragment(struct frame *frame)
{
    dhcp_offer(frame);
    frame_set16(frame, 14 + 6, 0x2000);
}

/* The server's port is in the next fragment. */
static void tiny_fragment4(struct frame *frame)
{
    size_t ip;

    frame_ether(frame, 0x800);
    ip = frame_ipv4(frame, UDP, 0x2000, 0);
    frame_bytes(frame, NULL, 4);
    frame_end(frame, ip);
}

/* --- ARP ----------------------------------------------------------------------------------------
 */

static void arp(struct frame *frame, unsigned operation, const uint8_t mac[6],
                const uint8_t sender[4], const uint8_t target[4])
{
    frame_ether(frame, 0x806);
    memset(frame->bytes, 0xff, 6);
    frame_bytes(frame, "\0\1\x8\0\6\4", 6);
    frame_u16(frame, operation);
    frame_bytes(frame, mac, 6);
    frame_bytes(frame, sender, 4);
    frame_bytes(frame, NULL, 6);
    frame_bytes(frame, target, 4);
    frame_bytes(frame, NULL, 18);
}

static void arp_request(struct frame *frame)
{
    arp(frame, 1, own_mac, own4, other4);
}

static void arp_reply(struct frame *frame)
{
    arp(frame, 2, own_mac, own4, other4);
}

static void arp_gratuitous(struct frame *frame)
{
    arp(frame, 1, own_mac, own4, own4);
}

static void arp_probe(struct frame *frame)
{
    arp(frame, 1, own_mac, zero4, own4);
}

static void arp_probe_other(struct frame *frame)
{
    arp(frame, 1, own_mac, zero4, other4);
}

static void arp_reply_unspecified(struct frame *frame)
{
    arp(frame, 2, own_mac, zero4, own4);
}

static void arp_other_mac(struct frame *frame)
{
    arp(frame, 2, other_mac, own4, other4);
}

static void arp_reply_other(struct frame *frame)
{
    arp(frame, 2, own_mac, other4, own4);
}

static void arp_request_other(struct frame *frame)
{
    arp(frame, 1, own_mac, other4, own4);
}

static void arp_gratuitous_other(struct frame *frame)
{
    arp(frame, 1, own_mac, other4, other4);
}

static void arp_reverse(struct frame *frame)
{
    arp(frame, 3, own_mac, own4, own4);
}

static void arp_other_sizes(struct frame *frame)
{
    arp(frame, 2, own_mac, own4, other4);
    frame->bytes[14 + 5] = 16;
}

static void arp_tagged_other(struct frame *frame)
{
    struct frame plain;

    arp_reply_other(&plain);
    frame_ether(frame, 0x8100);
    frame_tag(frame, 0, 0x806);
    frame_bytes(frame, plain.bytes + 14, plain.size - 14);
}

static void arp_cut(struct frame *frame)
{
    arp_reply(frame);
    frame->size = 14 + 27;
}

/* --- IPv6 ---------------------------------------------------------------------------------------
 */

static size_t ipv6(struct frame *frame, unsigned next, const uint8_t source[16])
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = frame_ipv6(frame, next);
    put(frame, ip + 8, source, 16);
    put(frame, ip + 24, group6, 16);
    return ip;
}

static void udp6(struct frame *frame, const uint8_t source[16], unsigned from, unsigned to)
{
    size_t ip = ipv6(frame, UDP, source), udp = frame_udp(frame, 60);

    frame_set16(frame, udp, from);
    frame_set16(frame, udp + 2, to);
    frame_end(frame, ip);
}

static void ipv6_own(struct frame *frame)
{
    udp6(frame, own6, 1000, 2000);
}

static void ipv6_local(struct frame *frame)
{
    udp6(frame, local6, 1000, 2000);
}

static void ipv6_other_local(struct frame *frame)
{
    udp6(frame, other_local6, 1000, 2000);
}

static void ipv6_other(struct frame *frame)
{
    udp6(frame, other6, 1000, 2000);
}

static void ipv6_unspecified(struct frame *frame)
{
    udp6(frame, zero6, 1000, 2000);
}

static void ipv6_group(struct frame *frame)
{
    udp6(frame, group6, 1000, 2000);
}

static void dhcpv6_request(struct frame *frame)
{
    udp6(frame, local6, 546, 547);
}

static void dhcpv6_reply(struct frame *frame)
{
    udp6(frame, local6, 547, 546);
}

static void dhcpv6_reply_other_port(struct frame *frame)
{
    udp6(frame, local6, 1547, 546);
}

/* --- neighbour discovery ------------------------------------------------------------------------
 */

/* @type with @target, and an option for a link-layer address (0: none). */
static void nd_body(struct frame *frame, unsigned type, const uint8_t target[16], unsigned option,
                    const uint8_t mac[6])
{
    frame_u8(frame, type);
    frame_bytes(frame, NULL, 7);
    if (target != NULL)
        frame_bytes(frame, target, 16);
    if (option != 0) {
        frame_u8(frame, option);
        frame_u8(frame, 1);
        frame_bytes(frame, mac, 6);
    }
}

static void nd(struct frame *frame, unsigned type, const uint8_t source[16],
               const uint8_t target[16], unsigned option, const uint8_t mac[6])
{
    size_t ip = ipv6(frame, ICMPV6, source);

    nd_body(frame, type, target, option, mac);
    frame_end(frame, ip);
}

static void ns_own(struct frame *frame)
{
    nd(frame, 135, local6, other6, 1, own_mac);
}

static void ns_other_mac(struct frame *frame)
{
    nd(frame, 135, local6, other6, 1, other_mac);
}

static void ns_other_source(struct frame *frame)
{
    nd(frame, 135, other6, own6, 1, own_mac);
}

static void ns_dad(struct frame *frame)
{
    nd(frame, 135, zero6, own6, 0, NULL);
}

static void ns_dad_local(struct frame *frame)
{
    nd(frame, 135, zero6, local6, 0, NULL);
}

/* With a nonce (RFC 7527). */
static void ns_dad_nonce(struct frame *frame)
{
    nd(frame, 135, zero6, own6, 14, other_mac);
}

/* So others are kept from having an address. */
static void ns_dad_other(struct frame *frame)
{
    nd(frame, 135, zero6, other6, 0, NULL);
}

static void ns_dad_with_mac(struct frame *frame)
{
    nd(frame, 135, zero6, own6, 1, own_mac);
}

static void na_own(struct frame *frame)
{
    nd(frame, 136, own6, own6, 2, own_mac);
}

static void na_local(struct frame *frame)
{
    nd(frame, 136, local6, local6, 2, own_mac);
}

static void na_other(struct frame *frame)
{
    nd(frame, 136, own6, other6, 2, own_mac);
}

static void na_other_mac(struct frame *frame)
{
    nd(frame, 136, own6, own6, 2, other_mac);
}

static void na_unspecified(struct frame *frame)
{
    nd(frame, 136, zero6, own6, 2, own_mac);
}

/* The first option is right, the second is not. */
static void na_two_macs(struct frame *frame)
{
    nd(frame, 136, own6, own6, 2, own_mac);
    frame_bytes(frame, "\2\1", 2);
    frame_bytes(frame, other_mac, 6);
    frame_end(frame, 14);
}

static void na_long_mac(struct frame *frame)
{
    nd(frame, 136, own6, own6, 2, own_mac);
    frame_bytes(frame, NULL, 8);
    frame->bytes[frame->size - 15] = 2;
    frame_end(frame, 14);
}

static void na_empty_option(struct frame *frame)
{
    nd(frame, 136, own6, own6, 2, own_mac);
    frame->bytes[frame->size - 7] = 0;
}

/* The other MAC lies behind the snapshot. */
static void na_far_option(struct frame *frame)
{
    nd(frame, 136, own6, own6, 0, NULL);
    frame_bytes(frame, "\3\x8", 2);
    frame_bytes(frame, NULL, 62);
    frame_bytes(frame, "\2\1", 2);
    frame_bytes(frame, other_mac, 6);
    frame_end(frame, 14);
}

/* A length that leaves out the target, or goes beyond the frame. */
static void na_short_length(struct frame *frame)
{
    na_own(frame);
    frame_set16(frame, 14 + 4, 16);
}

static void na_no_length(struct frame *frame)
{
    na_other(frame);
    frame_set16(frame, 14 + 4, 0);
}

static void na_long_length(struct frame *frame)
{
    na_own(frame);
    frame_set16(frame, 14 + 4, 48);
}

static void nd_behind(struct frame *frame, unsigned extension, const char header[8], unsigned type,
                      const uint8_t target[16])
{
    size_t ip = ipv6(frame, extension, local6);

    frame_bytes(frame, header, 8);
    nd_body(frame, type, target, 0, NULL);
    frame_end(frame, ip);
}

#define NEXT_ICMPV6 "\x3a"

static void na_behind_options(struct frame *frame)
{
    nd_behind(frame, DEST, NEXT_ICMPV6 "\0\1\4\0\0\0", 136, local6);
}

static void na_behind_fragment(struct frame *frame)
{
    nd_behind(frame, FRAGMENT, NEXT_ICMPV6 "\0\0\1\0\0\0", 136, local6);
}

static void na_behind_atomic_fragment(struct frame *frame)
{
    nd_behind(frame, FRAGMENT, NEXT_ICMPV6 "\0\0\0\0\0\0", 136, local6);
}

static void later_fragment6(struct frame *frame)
{
    nd_behind(frame, FRAGMENT, NEXT_ICMPV6 "\0\0\x9\0\0\0", 136, other6);
}

static void later_fragment6_unspecified(struct frame *frame)
{
    later_fragment6(frame);
    put(frame, 14 + 8, zero6, 16);
}

/* The headers of a first fragment do not end in it (RFC 7112). */
static void tiny_fragment6(struct frame *frame)
{
    size_t ip = ipv6(frame, FRAGMENT, local6);

    frame_bytes(frame, "\x3c\0\0\1\0\0\0", 8);
    frame_bytes(frame, NEXT_ICMPV6 "\2\1\4\0\0\0", 8);
    frame_end(frame, ip);
}

/* --- routers ------------------------------------------------------------------------------------
 */

static void ra_own(struct frame *frame)
{
    nd(frame, 134, local6, zero6, 0, NULL);
    frame->size -= 8; /* 16 bytes before the options */
    frame_bytes(frame, "\1\1", 2);
    frame_bytes(frame, own_mac, 6);
    frame_bytes(frame, "\3\4", 2);
    frame_bytes(frame, NULL, 30);
    frame_bytes(frame, "\x19\x7", 2);
    frame_bytes(frame, NULL, 54);
    frame_end(frame, 14);
}

static void ra_other_mac(struct frame *frame)
{
    ra_own(frame);
    put(frame, 14 + 40 + 16 + 2, other_mac, 6);
}

static void ra_other_source(struct frame *frame)
{
    ra_own(frame);
    put(frame, 14 + 8, other_local6, 16);
}

static void ra_behind_options(struct frame *frame)
{
    size_t ip = ipv6(frame, HOP, local6);

    frame_bytes(frame, "\x3c\0\1\4\0\0\0", 8);
    frame_bytes(frame, NEXT_ICMPV6 "\0\1\4\0\0\0", 8);
    nd_body(frame, 134, zero6, 0, NULL);
    frame_end(frame, ip);
}

/* Behind more options than the snapshot holds (RFC 7113). */
static void ra_behind_long_options(struct frame *frame)
{
    size_t ip = ipv6(frame, DEST, local6);

    frame_bytes(frame, NEXT_ICMPV6 "\xf", 2);
    frame_bytes(frame, NULL, 126);
    nd_body(frame, 134, zero6, 0, NULL);
    frame_end(frame, ip);
}

/* Behind more headers than are walked. */
static void ra_behind_many_headers(struct frame *frame)
{
    size_t ip = ipv6(frame, DEST, local6);

    for (int i = 0; i < 8; i++)
        frame_bytes(frame, "\x3c\0\1\4\0\0\0", 8);
    frame_bytes(frame, NEXT_ICMPV6 "\0\1\4\0\0\0", 8);
    nd_body(frame, 134, NULL, 0, NULL);
    frame_end(frame, ip);
}

static void redirect(struct frame *frame)
{
    nd(frame, 137, local6, other6, 0, NULL);
    frame_bytes(frame, other6, 16);
    frame_end(frame, 14);
}

static void rs_own(struct frame *frame)
{
    nd(frame, 133, local6, NULL, 1, own_mac);
}

static void rs_unspecified(struct frame *frame)
{
    nd(frame, 133, zero6, NULL, 0, NULL);
}

static void rs_other_mac(struct frame *frame)
{
    nd(frame, 133, local6, NULL, 1, other_mac);
}

/* --- multicast listeners ------------------------------------------------------------------------
 */

static void mld(struct frame *frame, unsigned type, const uint8_t source[16])
{
    size_t ip = ipv6(frame, HOP, source);

    frame_bytes(frame, NEXT_ICMPV6 "\0\5\2\0\0\1", 8);
    frame_u8(frame, type);
    frame_bytes(frame, NULL, 27);
    frame_end(frame, ip);
}

static void mld_report(struct frame *frame)
{
    mld(frame, 143, local6);
}

static void mld_report_unspecified(struct frame *frame)
{
    mld(frame, 143, zero6);
}

static void mld_report_other(struct frame *frame)
{
    mld(frame, 143, other_local6);
}

static void mld_query_unspecified(struct frame *frame)
{
    mld(frame, 130, zero6);
}

static void echo_unspecified(struct frame *frame)
{
    nd(frame, 128, zero6, other6, 0, NULL);
}

#define ROUTER(frame, by_locked, by_guarded, by_router)                                            \
    {                                                                                              \
        .what = #frame, .make = (frame), .locked = (by_locked), .guarded = (by_guarded),           \
        .router = (by_router)                                                                      \
    }
#define CASE(frame, by_locked, by_guarded) ROUTER(frame, by_locked, by_guarded, NULL)

const struct policy_case policy_cases[] = {
    CASE(ipv4_own, "passes", "passes"),
    CASE(mac_other, "source-mac", "passes"),
    CASE(mac_group, "source-mac", "passes"),
    CASE(tagged_own, "passes", "passes"),
    CASE(tagged_other, "source-ipv4", "passes"),
    CASE(stacked_own, "protocol", "passes"),
    CASE(provider_tag_own, "protocol", "passes"),
    CASE(three_tags, "protocol", "protocol"),
    CASE(other_type, "protocol", "passes"),
    CASE(spanning_tree, "protocol", "passes"),
    CASE(in_snap, "protocol", "protocol"),

    CASE(ipv4_in_prefix, "passes", "passes"),
    CASE(ipv4_other, "source-ipv4", "passes"),
    CASE(ipv4_unspecified, "source-ipv4", "passes"),
    CASE(ipv4_own_options, "passes", "passes"),
    CASE(ipv4_long_headers, "truncated", "truncated"),
    CASE(ipv4_bad_header, "protocol", "passes"),
    CASE(later_fragment_own, "passes", "passes"),
    CASE(later_fragment_other, "source-ipv4", "passes"),
    CASE(later_fragment_unspecified, "source-ipv4", "passes"),
    CASE(igmp_report, "passes", "passes"),
    CASE(igmp_query, "source-ipv4", "passes"),

    CASE(dhcp_discover, "passes", "passes"),
    CASE(dhcp_renew, "passes", "passes"),
    CASE(dhcp_starve, "source-mac", "passes"),
    CASE(dhcp_other_hardware, "dhcp-server", "passes"),
    CASE(dhcp_from_other_address, "source-ipv4", "passes"),
    ROUTER(dhcp_offer, "dhcp-server", "dhcp-server", "passes"),
    CASE(dhcp_offer_other_port, "dhcp-server", "dhcp-server"),
    CASE(dhcp_relay, "dhcp-server", "dhcp-server"),
    CASE(dhcp_offer_tagged, "dhcp-server", "dhcp-server"),
    CASE(dhcp_offer_stacked, "protocol", "dhcp-server"),
    CASE(dhcp_offer_fragment, "dhcp-server", "dhcp-server"),
    CASE(tiny_fragment4, "truncated", "truncated"),

    CASE(arp_request, "passes", "passes"),
    CASE(arp_reply, "passes", "passes"),
    CASE(arp_gratuitous, "passes", "passes"),
    CASE(arp_probe, "passes", "passes"),
    CASE(arp_probe_other, "arp", "passes"),
    CASE(arp_reply_unspecified, "arp", "passes"),
    CASE(arp_other_mac, "arp", "passes"),
    CASE(arp_reply_other, "arp", "passes"),
    CASE(arp_request_other, "arp", "passes"),
    CASE(arp_gratuitous_other, "arp", "passes"),
    CASE(arp_reverse, "arp", "passes"),
    CASE(arp_other_sizes, "arp", "passes"),
    CASE(arp_tagged_other, "arp", "passes"),
    CASE(arp_cut, "truncated", "truncated"),

    CASE(ipv6_own, "passes", "passes"),
    CASE(ipv6_local, "passes", "passes"),
    CASE(ipv6_other_local, "source-ipv6", "passes"),
    CASE(ipv6_other, "source-ipv6", "passes"),
    CASE(ipv6_unspecified, "source-ipv6", "passes"),
    CASE(ipv6_group, "source-ipv6", "passes"),
    CASE(dhcpv6_request, "passes", "passes"),
    ROUTER(dhcpv6_reply, "dhcp-server", "dhcp-server", "passes"),
    CASE(dhcpv6_reply_other_port, "dhcp-server", "dhcp-server"),

    CASE(ns_own, "passes", "passes"),
    CASE(ns_other_mac, "nd", "passes"),
    CASE(ns_other_source, "source-ipv6", "passes"),
    CASE(ns_dad, "passes", "passes"),
    CASE(ns_dad_local, "passes", "passes"),
    CASE(ns_dad_nonce, "passes", "passes"),
    CASE(ns_dad_other, "nd", "passes"),
    CASE(ns_dad_with_mac, "nd", "passes"),
    CASE(na_own, "passes", "passes"),
    CASE(na_local, "passes", "passes"),
    CASE(na_other, "nd", "passes"),
    CASE(na_other_mac, "nd", "passes"),
    CASE(na_unspecified, "source-ipv6", "passes"),
    CASE(na_two_macs, "nd", "passes"),
    CASE(na_long_mac, "nd", "passes"),
    CASE(na_empty_option, "nd", "passes"),
    CASE(na_far_option, "truncated", "passes"),
    CASE(na_short_length, "nd", "passes"),
    CASE(na_no_length, "nd", "passes"),
    CASE(na_long_length, "truncated", "passes"),
    CASE(na_behind_options, "nd", "passes"),
    CASE(na_behind_fragment, "nd", "passes"),
    CASE(na_behind_atomic_fragment, "nd", "passes"),
    CASE(later_fragment6, "passes", "passes"),
    CASE(later_fragment6_unspecified, "source-ipv6", "passes"),
    CASE(tiny_fragment6, "truncated", "truncated"),

    ROUTER(ra_own, "dhcp-server", "dhcp-server", "passes"),
    ROUTER(ra_other_mac, "nd", "dhcp-server", "nd"),
    ROUTER(ra_other_source, "source-ipv6", "dhcp-server", "source-ipv6"),
    ROUTER(ra_behind_options, "nd", "dhcp-server", "nd"),
    CASE(ra_behind_long_options, "truncated", "truncated"),
    CASE(ra_behind_many_headers, "truncated", "truncated"),
    ROUTER(redirect, "nd", "passes", "nd"),
    CASE(rs_own, "passes", "passes"),
    CASE(rs_unspecified, "passes", "passes"),
    CASE(rs_other_mac, "nd", "passes"),

    CASE(mld_report, "passes", "passes"),
    CASE(mld_report_unspecified, "passes", "passes"),
    CASE(mld_report_other, "source-ipv6", "passes"),
    CASE(mld_query_unspecified, "source-ipv6", "passes"),
    CASE(echo_unspecified, "source-ipv6", "passes"),
};

const int policy_case_count = sizeof(policy_cases) / sizeof(policy_cases[0]);
