/* SPDX-License-Identifier: ISC */
#include "policy_cases.h"

enum { UDP = 17, ICMPV6 = 58, HOP = 0, FRAGMENT = 44, DEST = 60 };

static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 3}, own_mac[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t own6[16] = {0x20, 1, 0xd, 0xb8, [15] = 2};
static const uint8_t other6[16] = {0x20, 1, 0xd, 0xb8, [15] = 3};
static const uint8_t local6[16] = {0xfe, 0x80, [11] = 0xff, 0xfe, 0, 0, 2};
static const uint8_t other_local6[16] = {0xfe, 0x80, [15] = 2};
static const uint8_t zero6[16], group6[16] = {0xff, 2, [15] = 1};

/* --- IPv6 ---------------------------------------------------------------------------------------
 */

static size_t ipv6(struct frame *frame, unsigned next, const uint8_t source[16])
{
    size_t ip;

    frame_ether(frame, 0x86dd);
    ip = frame_ipv6(frame, next);
    frame_put(frame, ip + 8, source, 16);
    frame_put(frame, ip + 24, group6, 16);
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

/* An option that goes on behind the packet. */
static void na_overlong_option(struct frame *frame)
{
    nd(frame, 136, own6, own6, 14, own_mac);
    frame->bytes[frame->size - 7] = 2;
}

static void na_cut(struct frame *frame)
{
    nd(frame, 136, own6, own6, 0, NULL);
    frame->size -= 1;
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
    frame_put(frame, 14 + 8, zero6, 16);
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
    frame_put(frame, 14 + 40 + 16 + 2, other_mac, 6);
}

static void ra_other_source(struct frame *frame)
{
    ra_own(frame);
    frame_put(frame, 14 + 8, other_local6, 16);
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

const struct policy_case policy_ipv6_cases[] = {
    POLICY_CASE(ipv6_own, "passes", "passes"),
    POLICY_CASE(ipv6_local, "passes", "passes"),
    POLICY_CASE(ipv6_other_local, "source-ipv6", "passes"),
    POLICY_CASE(ipv6_other, "source-ipv6", "passes"),
    POLICY_CASE(ipv6_unspecified, "source-ipv6", "passes"),
    POLICY_CASE(ipv6_group, "source-ipv6", "passes"),
    POLICY_CASE(dhcpv6_request, "passes", "passes"),
    POLICY_ROUTER(dhcpv6_reply, "dhcp-server", "dhcp-server", "passes"),
    POLICY_CASE(dhcpv6_reply_other_port, "dhcp-server", "dhcp-server"),

    POLICY_CASE(ns_own, "passes", "passes"),
    POLICY_CASE(ns_other_mac, "nd", "passes"),
    POLICY_CASE(ns_other_source, "source-ipv6", "passes"),
    POLICY_CASE(ns_dad, "passes", "passes"),
    POLICY_CASE(ns_dad_local, "passes", "passes"),
    POLICY_CASE(ns_dad_nonce, "passes", "passes"),
    POLICY_CASE(ns_dad_other, "nd", "passes"),
    POLICY_CASE(ns_dad_with_mac, "nd", "passes"),
    POLICY_CASE(na_own, "passes", "passes"),
    POLICY_CASE(na_local, "passes", "passes"),
    POLICY_CASE(na_other, "nd", "passes"),
    POLICY_CASE(na_other_mac, "nd", "passes"),
    POLICY_CASE(na_unspecified, "source-ipv6", "passes"),
    POLICY_CASE(na_two_macs, "nd", "passes"),
    POLICY_CASE(na_long_mac, "nd", "passes"),
    POLICY_CASE(na_empty_option, "nd", "passes"),
    POLICY_CASE(na_far_option, "truncated", "passes"),
    POLICY_CASE(na_overlong_option, "truncated", "passes"),
    POLICY_CASE(na_cut, "truncated", "passes"),
    POLICY_CASE(na_short_length, "nd", "passes"),
    POLICY_CASE(na_no_length, "nd", "passes"),
    POLICY_CASE(na_long_length, "truncated", "passes"),
    POLICY_CASE(na_behind_options, "nd", "passes"),
    POLICY_CASE(na_behind_fragment, "nd", "passes"),
    POLICY_CASE(na_behind_atomic_fragment, "nd", "passes"),
    POLICY_CASE(later_fragment6, "passes", "passes"),
    POLICY_CASE(later_fragment6_unspecified, "source-ipv6", "passes"),
    POLICY_CASE(tiny_fragment6, "truncated", "truncated"),

    POLICY_ROUTER(ra_own, "dhcp-server", "dhcp-server", "passes"),
    POLICY_ROUTER(ra_other_mac, "nd", "dhcp-server", "nd"),
    POLICY_ROUTER(ra_other_source, "source-ipv6", "dhcp-server", "source-ipv6"),
    POLICY_ROUTER(ra_behind_options, "nd", "dhcp-server", "nd"),
    POLICY_CASE(ra_behind_long_options, "truncated", "truncated"),
    POLICY_CASE(ra_behind_many_headers, "truncated", "truncated"),
    POLICY_ROUTER(redirect, "nd", "passes", "nd"),
    POLICY_CASE(rs_own, "passes", "passes"),
    POLICY_CASE(rs_unspecified, "passes", "passes"),
    POLICY_CASE(rs_other_mac, "nd", "passes"),

    POLICY_CASE(mld_report, "passes", "passes"),
    POLICY_CASE(mld_report_unspecified, "passes", "passes"),
    POLICY_CASE(mld_report_other, "source-ipv6", "passes"),
    POLICY_CASE(mld_query_unspecified, "source-ipv6", "passes"),
    POLICY_CASE(echo_unspecified, "source-ipv6", "passes"),
};

const int policy_ipv6_case_count = sizeof(policy_ipv6_cases) / sizeof(policy_ipv6_cases[0]);
