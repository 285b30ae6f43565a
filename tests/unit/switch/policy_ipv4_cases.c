/* SPDX-License-Identifier: ISC */
#include "policy_cases.h"

enum { TCP = 6, UDP = 17, IGMP = 2 };

static const uint8_t other_mac[6] = {2, 0, 0, 0, 0, 3}, own_mac[6] = {2, 0, 0, 0, 0, 2};
static const uint8_t own4[4] = {10, 0, 0, 2}, other4[4] = {10, 0, 0, 3}, zero4[4];

/* --- Ethernet -----------------------------------------------------------------------------------
 */

/* IPv4 from @source with @tags tags in front. */
static void udp4_tagged(struct frame *frame, unsigned tags, unsigned type, const uint8_t source[4])
{
    size_t ip;

    frame_ether(frame, tags > 0 ? type : 0x800);
    for (; tags > 0; tags--)
        frame_tag(frame, 5, tags > 1 ? 0x8100 : 0x800);
    ip = frame_ipv4(frame, UDP, 0, 0);
    frame_put(frame, ip + 12, source, 4);
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
    frame_put(frame, 6, other_mac, 6);
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

static void llc_cut(struct frame *frame)
{
    frame_ether(frame, 38);
    frame_bytes(frame, "\xaa\xaa", 2);
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
    frame_put(frame, ip + 12, source, 4);
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
    frame_put(frame, 0, "\x01\0\x5e\0\0\x16", 6);
    ip = frame_ipv4(frame, IGMP, 0, 0);
    frame_put(frame, ip + 12, zero4, 4);
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

static void igmp_fragment(struct frame *frame)
{
    igmp(frame, 0x22);
    frame_set16(frame, 14 + 6, 1);
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
    frame_put(frame, ip + 12, source, 4);
    memset(frame->bytes + ip + 16, 0xff, 4);
    udp = frame_udp(frame, 300);
    frame_set16(frame, udp, from);
    frame_set16(frame, udp + 2, to);
    frame_put(frame, udp + 8, "\1\1\6", 3);
    frame_put(frame, udp + 8 + 28, mac, 6);
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

static void dhcp_fragment(struct frame *frame)
{
    dhcp_discover(frame);
    frame_set16(frame, 14 + 6, 0x2000);
}

static void dhcp_cut(struct frame *frame)
{
    dhcp_discover(frame);
    frame->size = 14 + 20 + 8 + 33;
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

const struct policy_case policy_ipv4_cases[] = {
    POLICY_CASE(ipv4_own, "passes", "passes"),
    POLICY_CASE(mac_other, "source-mac", "passes"),
    POLICY_CASE(mac_group, "source-mac", "passes"),
    POLICY_CASE(tagged_own, "passes", "passes"),
    POLICY_CASE(tagged_other, "source-ipv4", "passes"),
    POLICY_CASE(stacked_own, "protocol", "passes"),
    POLICY_CASE(provider_tag_own, "protocol", "passes"),
    POLICY_CASE(three_tags, "protocol", "protocol"),
    POLICY_CASE(other_type, "protocol", "passes"),
    POLICY_CASE(spanning_tree, "protocol", "passes"),
    POLICY_CASE(llc_cut, "protocol", "protocol"),
    POLICY_CASE(in_snap, "protocol", "protocol"),

    POLICY_CASE(ipv4_in_prefix, "passes", "passes"),
    POLICY_CASE(ipv4_other, "source-ipv4", "passes"),
    POLICY_CASE(ipv4_unspecified, "source-ipv4", "passes"),
    POLICY_CASE(ipv4_own_options, "passes", "passes"),
    POLICY_CASE(ipv4_long_headers, "truncated", "truncated"),
    POLICY_CASE(ipv4_bad_header, "protocol", "passes"),
    POLICY_CASE(later_fragment_own, "passes", "passes"),
    POLICY_CASE(later_fragment_other, "source-ipv4", "passes"),
    POLICY_CASE(later_fragment_unspecified, "source-ipv4", "passes"),
    POLICY_CASE(igmp_report, "passes", "passes"),
    POLICY_CASE(igmp_query, "source-ipv4", "passes"),
    POLICY_CASE(igmp_fragment, "source-ipv4", "passes"),

    POLICY_CASE(dhcp_discover, "passes", "passes"),
    POLICY_CASE(dhcp_renew, "passes", "passes"),
    POLICY_CASE(dhcp_fragment, "source-ipv4", "passes"),
    POLICY_CASE(dhcp_cut, "truncated", "passes"),
    POLICY_CASE(dhcp_starve, "source-mac", "passes"),
    POLICY_CASE(dhcp_other_hardware, "dhcp-server", "passes"),
    POLICY_CASE(dhcp_from_other_address, "source-ipv4", "passes"),
    POLICY_ROUTER(dhcp_offer, "dhcp-server", "dhcp-server", "passes"),
    POLICY_CASE(dhcp_offer_other_port, "dhcp-server", "dhcp-server"),
    POLICY_CASE(dhcp_relay, "dhcp-server", "dhcp-server"),
    POLICY_CASE(dhcp_offer_tagged, "dhcp-server", "dhcp-server"),
    POLICY_CASE(dhcp_offer_stacked, "protocol", "dhcp-server"),
    POLICY_CASE(dhcp_offer_fragment, "dhcp-server", "dhcp-server"),
    POLICY_CASE(tiny_fragment4, "truncated", "truncated"),

    POLICY_CASE(arp_request, "passes", "passes"),
    POLICY_CASE(arp_reply, "passes", "passes"),
    POLICY_CASE(arp_gratuitous, "passes", "passes"),
    POLICY_CASE(arp_probe, "passes", "passes"),
    POLICY_CASE(arp_probe_other, "arp", "passes"),
    POLICY_CASE(arp_reply_unspecified, "arp", "passes"),
    POLICY_CASE(arp_other_mac, "arp", "passes"),
    POLICY_CASE(arp_reply_other, "arp", "passes"),
    POLICY_CASE(arp_request_other, "arp", "passes"),
    POLICY_CASE(arp_gratuitous_other, "arp", "passes"),
    POLICY_CASE(arp_reverse, "arp", "passes"),
    POLICY_CASE(arp_other_sizes, "arp", "passes"),
    POLICY_CASE(arp_tagged_other, "arp", "passes"),
    POLICY_CASE(arp_cut, "truncated", "truncated"),
};

const int policy_ipv4_case_count = sizeof(policy_ipv4_cases) / sizeof(policy_ipv4_cases[0]);
