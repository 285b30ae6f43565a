/* SPDX-License-Identifier: ISC */
/* Who claims whose address, who serves DHCP and routes, MACs that move, unusual rates. */
#include "alerting.h"

#include <string.h>

static const uint8_t gateway[6] = {0, 0x16, 0x3e, 0, 0, 1}, web[6] = {0, 0x16, 0x3e, 0, 0, 2},
                     thief[6] = {0, 0x16, 0x3e, 0, 0, 3}, vrrp[6] = {0, 0, 0x5e, 0, 1, 7};

#define GATEWAY_IP 0x0a0000feU
#define WEB_IP     0x0a000002U

static struct alerting *a;

static void setup(void)
{
    a = alerting_make();
}

static void teardown(void)
{
    alerting_end(a);
}

START_TEST(arp_takeover)
{
    alerting_arp(a, ALERTING_UPLINK, 2, GATEWAY_IP, gateway);
    a->now += 5 * ALERTING_SECOND;
    alerting_arp(a, 3, 2, GATEWAY_IP, thief);
    ck_assert_uint_eq(a->count, 1);
    ck_assert_uint_eq(a->last.kind, ALERT_ARP_SPOOFING);
    ck_assert_uint_eq(a->last.severity, 2);
    ck_assert_uint_eq(a->last.identity, 3);
    ck_assert_uint_eq(a->last.other, ALERTING_UPLINK);
    ck_assert_mem_eq(a->last.mac, thief, 6);
    ck_assert_mem_eq(a->last.mac_before, gateway, 6);
    ck_assert_str_eq(a->last.evidence, "00:16:3e:00:00:03 says that it has 10.0.0.254, for which "
                                       "00:16:3e:00:00:01 spoke 5.0 s before");
    /* It keeps on: suppressed; the gateway's own word is none. */
    for (unsigned i = 0; i < 100; i++) {
        alerting_arp(a, 3, 1 + i % 2, GATEWAY_IP, thief);
        alerting_arp(a, ALERTING_UPLINK, 2, GATEWAY_IP, gateway);
        a->now += ALERTING_SECOND;
    }
    ck_assert_uint_eq(a->count, 1);
    a->now += 200 * ALERTING_SECOND;
    alerting_arp(a, ALERTING_UPLINK, 1, GATEWAY_IP, gateway);
    alerting_arp(a, 3, 2, GATEWAY_IP, thief);
    ck_assert_uint_eq(a->count, 2);
    ck_assert_uint_eq(a->last.suppressed, 100);
}
END_TEST

START_TEST(arp_that_is_as_it_should_be)
{
    static const uint8_t group[6] = {1, 0, 0x5e, 0, 0, 1};

    /* Asked and answered, by many; probes (RFC 5227) say nothing; operations of others. */
    for (unsigned i = 0; i < 50; i++) {
        alerting_arp(a, 1, 1, WEB_IP, web);
        alerting_arp(a, ALERTING_UPLINK, 2, GATEWAY_IP, gateway);
        alerting_arp(a, 3, 1, 0, thief);
        alerting_arp(a, 3, 3, WEB_IP, thief);
        alerting_arp(a, 3, 2, WEB_IP, group);
        a->now += ALERTING_SECOND;
    }
    /* The guest moved to another port with its MAC. */
    alerting_arp(a, 4, 2, WEB_IP, web);
    ck_assert_uint_eq(a->count, 0);
    /* It is gone, and its address given to another after a while. */
    a->now += 121 * ALERTING_SECOND;
    alerting_arp(a, 3, 2, WEB_IP, thief);
    ck_assert_uint_eq(a->count, 0);
    alerting_arp(a, 1, 2, WEB_IP, web);
    ck_assert_uint_eq(a->count, 1);
    /* A port that is somebody else's now holds nothing. */
    alerts_forget(a->alerts, 3);
    alerting_arp(a, 5, 2, WEB_IP, gateway);
    ck_assert_uint_eq(a->count, 1);
}
END_TEST

START_TEST(virtual_routers)
{
    /* Routers behind an uplink begin to share an address. */
    alerting_arp(a, ALERTING_UPLINK, 2, GATEWAY_IP, gateway);
    alerting_arp(a, ALERTING_UPLINK, 2, GATEWAY_IP, vrrp);
    alerting_arp(a, ALERTING_UPLINK, 2, GATEWAY_IP, vrrp);
    ck_assert_uint_eq(a->count, 0);
    /* Two guests share one: the address stays with the MAC, which moves; a notice. */
    alerting_arp(a, 1, 2, WEB_IP, vrrp);
    alerting_arp(a, 2, 2, WEB_IP, vrrp);
    ck_assert_uint_eq(a->count, 0);
    alerts_moved(a->alerts, a->now, 2, 1, vrrp, ALERTING_SECOND);
    ck_assert_uint_eq(a->count, 1);
    ck_assert_uint_eq(a->last.severity, 5);
    /* No guest takes a virtual router's address, nor any by pretending to be one. */
    alerting_arp(a, 3, 2, GATEWAY_IP, thief);
    ck_assert_uint_eq(a->by_kind[ALERT_ARP_SPOOFING], 1);
    alerting_arp(a, 1, 2, WEB_IP + 1, web);
    alerting_arp(a, 4, 2, WEB_IP + 1, vrrp);
    ck_assert_uint_eq(a->by_kind[ALERT_ARP_SPOOFING], 2);
}
END_TEST

/* One guest claims a million addresses; what is known of the others stays. */
START_TEST(claims_push_nobody_out)
{
    struct unit_random random = {4};

    for (unsigned i = 0; i < 10; i++)
        alerting_arp(a, 1, 2, WEB_IP + i, web);
    for (unsigned i = 0; i < 500; i++)
        alerting_arp(a, ALERTING_UPLINK, 2, 0x0b000000U + i, gateway);
    for (unsigned i = 0; i < 1000000; i++)
        alerting_arp(a, 3, 2, (uint32_t)(0x0c000000U + unit_random(&random, 1U << 24)), thief);
    ck_assert_uint_eq(a->count, 0);
    for (unsigned i = 0; i < 10; i++) {
        alerting_arp(a, 4, 2, WEB_IP + i, thief);
        ck_assert_uint_eq(a->count, i + 1);
        alerts_forget(a->alerts, 4);
    }
    /* As many as an uplink has: the guests' stay, too. */
    for (unsigned i = 0; i < 100000; i++)
        alerting_arp(a, ALERTING_UPLINK, 2, (uint32_t)unit_random(&random, 1U << 24) | 0x70000000U,
                     gateway);
    alerting_arp(a, 5, 2, WEB_IP, thief);
    ck_assert_uint_eq(a->count, 11);
    /* Later the guest that made the noise may have addresses again. */
    a->now += 200 * ALERTING_SECOND;
    for (unsigned i = 0; i < 1024; i++)
        alerts_rate(a->alerts, a->now, 3, 0);
    alerting_arp(a, 3, 2, WEB_IP + 100, thief);
    alerting_arp(a, 1, 2, WEB_IP + 100, web);
    ck_assert_uint_eq(a->count, 12);
    ck_assert_uint_eq(a->last.other, 3);
}
END_TEST

/* A frame of neighbour discovery: @type, of @address, with the option @option. */
static void discover(uint16_t from, uint8_t type, uint8_t address, uint8_t option,
                     const uint8_t mac[6], uint8_t ttl, uint8_t size)
{
    uint8_t frame[14 + 40 + 24 + 8] = {0x33, 0x33};
    struct decoded decoded = {.family = DECODE_IPV6,
                              .protocol = ALERTING_ICMPV6,
                              .icmp_type = type,
                              .ttl = ttl,
                              .network = 14,
                              .transport = 54};

    memcpy(frame + 6, mac, 6);
    decoded.source[0] = 0xfe;
    decoded.source[1] = 0x80;
    decoded.source[15] = address;
    frame[54] = type;
    memcpy(frame + 62, decoded.source, 16);
    frame[78] = option;
    frame[79] = size;
    memcpy(frame + 80, mac, 6);
    for (uint32_t captured = 54; captured <= sizeof(frame); captured++)
        alerting_raw(a, from, &decoded, frame, captured);
}

START_TEST(neighbours)
{
    discover(1, 136, 2, 2, web, 255, 1);
    discover(1, 135, 2, 1, web, 255, 1);
    discover(3, 136, 2, 2, thief, 254, 1); /* from beyond a router */
    discover(3, 136, 2, 1, thief, 255, 1); /* the wrong option */
    discover(3, 136, 2, 2, thief, 255, 0); /* broken ones */
    discover(3, 136, 2, 2, thief, 255, 9);
    ck_assert_uint_eq(a->count, 0);
    discover(3, 136, 2, 2, thief, 255, 1);
    ck_assert_uint_eq(a->count, 1);
    ck_assert_uint_eq(a->last.kind, ALERT_ND_SPOOFING);
    ck_assert_uint_eq(a->last.identity, 3);
    ck_assert_uint_eq(a->last.other, 1);
    ck_assert_ptr_nonnull(strstr(a->last.evidence, "has fe80::2, for which 00:16:3e:00:00:02"));
    discover(4, 135, 2, 1, thief, 255, 1);
    ck_assert_uint_eq(a->count, 2);
    a->limits.spoofing = 0;
    alerting_limits(a);
    discover(5, 135, 2, 1, thief, 255, 1);
    ck_assert_uint_eq(a->count, 2);
}
END_TEST

static void serve(uint16_t from, uint8_t family, uint16_t source, uint16_t destination,
                  uint8_t first)
{
    uint8_t frame[64] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, [42] = first};
    const struct decoded decoded = {.family = family,
                                    .protocol = ALERTING_UDP,
                                    .source = {192, 168, 1, 1},
                                    .source_port = source,
                                    .destination_port = destination,
                                    .ports = true,
                                    .network = 14,
                                    .transport = 34,
                                    .payload = 42,
                                    .payload_length = 300,
                                    .payload_captured = 22};

    alerting_raw(a, from, &decoded, frame, sizeof(frame));
}

START_TEST(dhcp_servers_and_routers)
{
    /* Clients, relays' requests, and servers behind the uplink or in a file. */
    serve(1, DECODE_IPV4, 68, 67, 1);
    serve(1, DECODE_IPV4, 67, 67, 1);
    serve(1, DECODE_IPV6, 546, 547, 1);
    serve(1, DECODE_IPV6, 547, 547, 12);
    serve(ALERTING_UPLINK, DECODE_IPV4, 67, 68, 2);
    serve(ALERTING_UPLINK, DECODE_IPV6, 547, 546, 7);
    serve(0, DECODE_IPV4, 67, 68, 2);
    discover(ALERTING_UPLINK, 134, 1, 1, gateway, 255, 1);
    discover(1, 133, 1, 1, web, 255, 1);
    ck_assert_uint_eq(a->count, 0);
    serve(1, DECODE_IPV4, 67, 68, 2);
    ck_assert_uint_eq(a->count, 1);
    ck_assert_uint_eq(a->last.kind, ALERT_DHCP_SERVER);
    ck_assert_uint_eq(a->last.identity, 1);
    ck_assert_str_eq(a->last.evidence, "192.168.1.1 (02:00:00:00:00:09) answers as a DHCP server");
    serve(2, DECODE_IPV4, 1067, 68, 2); /* from any port of its own */
    serve(3, DECODE_IPV6, 547, 546, 7);
    serve(4, DECODE_IPV6, 1547, 546, 2);
    ck_assert_uint_eq(a->count, 4);
    discover(5, 134, 1, 1, thief, 255, 1);
    ck_assert_uint_eq(a->count, 5);
    ck_assert_ptr_nonnull(strstr(a->last.evidence, "advertises itself as a router"));
    a->limits.dhcp_server = 0;
    alerting_limits(a);
    serve(6, DECODE_IPV4, 67, 68, 2);
    discover(6, 134, 1, 1, thief, 255, 1);
    ck_assert_uint_eq(a->count, 5);
}
END_TEST

START_TEST(moved_macs)
{
    alerts_moved(a->alerts, a->now, 1, 2, web, 11 * ALERTING_SECOND); /* it came back */
    ck_assert_uint_eq(a->count, 0);
    alerts_moved(a->alerts, a->now, 1, 2, web, 20 * ALERTING_MS);
    ck_assert_uint_eq(a->count, 1);
    ck_assert_uint_eq(a->last.kind, ALERT_MAC_MOVED);
    ck_assert_uint_eq(a->last.severity, 4);
    ck_assert_uint_eq(a->last.other, 2);
    ck_assert_str_eq(
        a->last.evidence,
        "00:16:3e:00:00:02 sends from this port, and sent from another one 20 ms before");
    a->limits.mac_moved = 0;
    alerting_limits(a);
    alerts_moved(a->alerts, a->now, 3, 2, web, 0);
    ck_assert_uint_eq(a->count, 1);
}
END_TEST

static void send(unsigned seconds, uint64_t bytes)
{
    for (unsigned i = 0; i < seconds; i++) {
        a->now += ALERTING_SECOND;
        alerts_rate(a->alerts, a->now, 1, bytes);
    }
}

START_TEST(unusual_rates)
{
    send(540, 100000);
    send(30, 100000000); /* it is not known yet what is usual */
    ck_assert_uint_eq(a->count, 0);
    alerts_forget(a->alerts, 1);
    send(3600, 1000000);
    send(60, 7900000); /* below the factor */
    send(3600, 1000000);
    send(1, 60000000); /* a burst of a second */
    ck_assert_uint_eq(a->count, 0);
    send(600, 1000000);
    send(20, 12000000);
    ck_assert_uint_eq(a->count, 1);
    ck_assert_uint_eq(a->last.kind, ALERT_RATE);
    ck_assert_uint_eq(a->last.severity, 5);
    ck_assert_uint_gt(a->last.value, a->last.limit);
    ck_assert_ptr_nonnull(strstr(a->last.evidence, "bytes a second, over 10 seconds; usual are 1"));
    /* A guest that was idle may do what the floor lets it. */
    alerts_forget(a->alerts, 1);
    send(1200, 10);
    send(60, 1250000);
    ck_assert_uint_eq(a->count, 1);
    send(60, 1400000);
    ck_assert_uint_eq(a->count, 2);
    ck_assert_uint_eq(a->last.limit, 1250000);
    a->limits.rate_factor = 0;
    alerting_limits(a);
    send(600, 40000000);
    ck_assert_uint_eq(a->count, 2);
    alerts_rate(a->alerts, a->now, ALERTING_PORTS, UINT64_MAX); /* no such port */
}
END_TEST

START_TEST(limits_that_make_sense)
{
    struct alert_limits limits;

    alert_limits_default(&limits);
    limits.window = 0;
    ck_assert_str_eq(alert_limits_wrong(&limits), "window");
    limits.window = 10;
    limits.scan_hosts = ALERT_SCAN_MAX + 1;
    ck_assert_str_eq(alert_limits_wrong(&limits), "scan_hosts");
    limits.scan_hosts = 0;
    limits.rate_factor = 1;
    ck_assert_str_eq(alert_limits_wrong(&limits), "rate_factor");
    limits.rate_factor = 0;
    ck_assert_ptr_null(alert_limits_wrong(&limits));
    ck_assert_str_eq(alert_name(ALERT_SYN_FLOOD), "syn-flood");
    ck_assert_str_eq(alert_name(ALERT_KINDS), "");
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("spoof");
    TCase *tcase = tcase_create("spoof");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, arp_takeover);
    tcase_add_test(tcase, arp_that_is_as_it_should_be);
    tcase_add_test(tcase, virtual_routers);
    tcase_add_test(tcase, claims_push_nobody_out);
    tcase_add_test(tcase, neighbours);
    tcase_add_test(tcase, dhcp_servers_and_routers);
    tcase_add_test(tcase, moved_macs);
    tcase_add_test(tcase, unusual_rates);
    tcase_add_test(tcase, limits_that_make_sense);
    suite_add_tcase(suite, tcase);
    return suite;
}
