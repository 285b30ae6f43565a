/* SPDX-License-Identifier: ISC */
/* Scans and floods: what is one, and what is not; no guest hides another. */
#include "alerting.h"

#include <string.h>

#define GUEST  0x0a000005U
#define VICTIM 0x0a000007U

static struct alerting *a;

static void setup(void)
{
    a = alerting_make();
}

static void teardown(void)
{
    alerting_end(a);
}

/* @count ports of a host, each 10 ms after the one before. */
static void scan_ports(uint16_t from, uint32_t source, uint32_t destination, unsigned count,
                       enum alerting_answer answer)
{
    for (unsigned i = 0; i < count; i++) {
        const struct alerting_frame frame = {.from = from,
                                             .to = 2,
                                             .source = source,
                                             .destination = destination,
                                             .source_port = 40000,
                                             .destination_port = (uint16_t)(22 + i * 11)};

        alerting_connect(a, &frame, answer);
        a->now += 10 * ALERTING_MS;
    }
}

static void sweep(uint16_t from, uint32_t source, unsigned count, uint16_t port,
                  enum alerting_answer answer)
{
    for (unsigned i = 0; i < count; i++) {
        const struct alerting_frame frame = {.from = from,
                                             .to = 2,
                                             .source = source,
                                             .destination = 0x0a010000U + i,
                                             .source_port = (uint16_t)(1024 + i),
                                             .destination_port = port};

        alerting_connect(a, &frame, answer);
        a->now += 10 * ALERTING_MS;
    }
}

START_TEST(port_scan_is_told_once)
{
    scan_ports(1, GUEST, VICTIM, 80, ALERTING_REFUSED);
    ck_assert_uint_eq(a->count, 0);
    a->now += 10 * ALERTING_SECOND;
    scan_ports(1, GUEST, VICTIM, 200, ALERTING_REFUSED);
    ck_assert_uint_eq(a->count, 1);
    ck_assert_uint_eq(a->last.kind, ALERT_PORT_SCAN);
    ck_assert_uint_eq(a->last.identity, 1);
    ck_assert_uint_eq(a->last.limit, 100);
    ck_assert_uint_ge(a->last.value, 95);
    ck_assert_uint_le(a->last.value, 105);
    ck_assert_uint_eq(a->last.source[3], 5);
    ck_assert_uint_eq(a->last.destination[3], 7);
    ck_assert_ptr_nonnull(strstr(a->last.evidence, "10.0.0.5 (02:00:00:00:00:01) tried about"));
    ck_assert_ptr_nonnull(strstr(a->last.evidence, "TCP ports of 10.0.0.7 in vain, of 22 to 1"));
    /* It goes on: counted once a window, told again when it is time. */
    for (unsigned i = 0; i < 40; i++)
        scan_ports(1, GUEST, VICTIM, 500, ALERTING_SILENT); /* 5 s */
    ck_assert_uint_eq(a->count, 1);
    ck_assert_uint_gt(alerts_suppressed(a->alerts), 5);
    ck_assert_uint_lt(alerts_suppressed(a->alerts), 41);
    a->now += 200 * ALERTING_SECOND;
    scan_ports(1, GUEST, VICTIM, 120, ALERTING_SILENT);
    ck_assert_uint_eq(a->count, 2);
    ck_assert_uint_eq(a->last.suppressed, alerts_suppressed(a->alerts));
    ck_assert_uint_eq(alerts_told(a->alerts), 2);
}
END_TEST

START_TEST(slow_scan_is_below_the_threshold)
{
    for (unsigned i = 0; i < 300; i++) {
        const struct alerting_frame frame = {.from = 1,
                                             .to = 2,
                                             .source = GUEST,
                                             .destination = VICTIM,
                                             .source_port = 1,
                                             .destination_port = (uint16_t)(i + 1)};

        alerting_connect(a, &frame, ALERTING_SILENT);
        a->now += 150 * ALERTING_MS;
    }
    ck_assert_uint_eq(a->count, 0);
}
END_TEST

/* Open ports among the closed ones, tried again and again, do not hide these. */
START_TEST(answers_do_not_hide_a_scan)
{
    const struct alerting_frame open = {.from = 1,
                                        .to = 2,
                                        .source = GUEST,
                                        .destination = VICTIM,
                                        .source_port = 1,
                                        .destination_port = 80};

    for (unsigned i = 0; i < 130; i++) {
        alerting_connect(a, &open, ALERTING_OPEN);
        scan_ports(1, GUEST, VICTIM + 1, 0, ALERTING_SILENT);
        const struct alerting_frame closed = {.from = 1,
                                              .to = 2,
                                              .source = GUEST,
                                              .destination = VICTIM,
                                              .source_port = 1,
                                              .destination_port = (uint16_t)(1000 + i)};
        alerting_connect(a, &closed, ALERTING_SILENT);
    }
    ck_assert_uint_eq(a->by_kind[ALERT_PORT_SCAN], 1);
}
END_TEST

START_TEST(host_scan_and_ping_sweep)
{
    sweep(1, GUEST, 150, 445, ALERTING_SILENT);
    ck_assert_uint_eq(a->count, 1);
    ck_assert_uint_eq(a->last.kind, ALERT_HOST_SCAN);
    ck_assert_uint_eq(a->last.port, 445);
    ck_assert_ptr_nonnull(strstr(a->last.evidence, "tried TCP port 445 of about "));
    for (unsigned i = 0; i < 150; i++) {
        const struct alerting_frame echo = {.from = 3,
                                            .to = 2,
                                            .source = GUEST + 1,
                                            .destination = 0x0a010000U + i,
                                            .protocol = ALERTING_ICMP,
                                            .source_port = 77,
                                            .destination_port = 0x800,
                                            .type = 8,
                                            .event = ALERT_BEGUN};
        alerting_give(a, &echo);
    }
    ck_assert_uint_eq(a->count, 2);
    ck_assert_uint_eq(a->last.identity, 3);
    ck_assert_uint_eq(a->last.port, 0);
    ck_assert_ptr_nonnull(strstr(a->last.evidence, "pinged about "));
}
END_TEST

/* Monitoring, crawlers and resolvers talk to many, who answer. */
START_TEST(who_is_answered_does_not_scan)
{
    sweep(1, GUEST, 900, 443, ALERTING_OPEN);
    for (unsigned i = 0; i < 900; i++) {
        const struct alerting_frame ask = {.from = 3,
                                           .to = ALERTING_UPLINK,
                                           .source = GUEST,
                                           .destination = 0x08000000U + i,
                                           .protocol = ALERTING_UDP,
                                           .source_port = (uint16_t)(1024 + i),
                                           .destination_port = 53,
                                           .event = ALERT_BEGUN};
        const struct alerting_frame answer = {.from = ALERTING_UPLINK,
                                              .to = 3,
                                              .source = 0x08000000U + i,
                                              .destination = GUEST,
                                              .protocol = ALERTING_UDP,
                                              .source_port = 53,
                                              .destination_port = (uint16_t)(1024 + i),
                                              .event = ALERT_ANSWERED};

        alerting_give(a, &ask);
        a->now += ALERTING_MS;
        alerting_give(a, &answer);
    }
    ck_assert_uint_eq(a->count, 0);
}
END_TEST

/* A busy server: its clients come from many ports, through one gateway. */
START_TEST(busy_server_and_its_gateway)
{
    for (unsigned i = 0; i < 20000; i++) {
        const struct alerting_frame frame = {.from = ALERTING_UPLINK,
                                             .to = 1,
                                             .source = 0x0a0000feU,
                                             .destination = VICTIM,
                                             .source_port = (uint16_t)(1024 + i % 60000),
                                             .destination_port = 443};

        alerting_connect(a, &frame, ALERTING_OPEN);
        a->now += ALERTING_MS / 2;
    }
    /* A browser opens 60 at once, an NFS client one after the other from low ports; the monitor
     * starts in the middle of 400 others. */
    for (unsigned i = 0; i < 60; i++) {
        const struct alerting_frame frame = {.from = 3,
                                             .to = ALERTING_UPLINK,
                                             .source = GUEST,
                                             .destination = 0x01010101U * (1 + i % 9),
                                             .source_port = (uint16_t)(50000 + i),
                                             .destination_port = i & 1 ? 443 : 80};

        alerting_connect(a, &frame, i % 5 ? ALERTING_OPEN : ALERTING_SILENT);
    }
    for (unsigned i = 0; i < 400; i++) {
        struct alerting_frame frame = {.from = 4,
                                       .to = 5,
                                       .source = GUEST,
                                       .destination = VICTIM,
                                       .protocol = ALERTING_TCP,
                                       .source_port = (uint16_t)(600 + i),
                                       .destination_port = 2049,
                                       .flags = DECODE_TCP_ACK,
                                       .event = ALERT_BEGUN};

        alerting_give(a, &frame);
        frame.from = 5;
        frame.to = 4;
        frame.source = VICTIM;
        frame.destination = GUEST;
        frame.source_port = 2049;
        frame.destination_port = (uint16_t)(600 + i);
        frame.event = ALERT_ANSWERED;
        alerting_give(a, &frame);
    }
    ck_assert_uint_eq(a->count, 0);
}
END_TEST

/* Another guest's noise, in all kinds and with all addresses, hides nothing of this one. */
START_TEST(noise_hides_nobody_else)
{
    for (unsigned i = 0; i < 150; i++) {
        const struct alerting_frame frame = {.from = 1,
                                             .to = 2,
                                             .source = GUEST,
                                             .destination = VICTIM,
                                             .source_port = 1,
                                             .destination_port = (uint16_t)(i + 1)};

        for (unsigned j = 0; j < 100; j++) {
            const struct alerting_frame noise = {.from = 3,
                                                 .to = 2,
                                                 .source = i * 977 + j,
                                                 .destination = i + j * 7919,
                                                 .source_port = 1,
                                                 .destination_port = (uint16_t)(i * j)};
            alerting_connect(a, &noise, ALERTING_SILENT);
        }
        a->last.identity = 0;
        alerting_connect(a, &frame, ALERTING_SILENT);
        if (a->last.identity == 1)
            break;
        a->now += 10 * ALERTING_MS;
    }
    ck_assert_uint_eq(a->last.identity, 1);
    ck_assert_uint_eq(a->last.kind, ALERT_PORT_SCAN);
    ck_assert_uint_le(a->count, ALERT_KINDS);
}
END_TEST

/* Behind an uplink each host is told of by itself, but only so many in a second. */
START_TEST(many_hosts_behind_an_uplink)
{
    for (unsigned host = 0; host < 3; host++)
        scan_ports(ALERTING_UPLINK, 0x05050500U + host, VICTIM, 150, ALERTING_SILENT);
    ck_assert_uint_eq(a->by_kind[ALERT_PORT_SCAN], 3);
    for (unsigned host = 0; host < 100; host++) {
        for (unsigned i = 0; i < 150; i++) {
            const struct alerting_frame frame = {.from = ALERTING_UPLINK,
                                                 .to = 2,
                                                 .source = 0x05060000U + host,
                                                 .destination = VICTIM,
                                                 .source_port = 1,
                                                 .destination_port = (uint16_t)(i + 1)};
            alerting_connect(a, &frame, ALERTING_SILENT);
        }
    }
    ck_assert_uint_le(a->by_kind[ALERT_PORT_SCAN], 3 + 32);
    /* A guest is told of all the same. */
    for (unsigned i = 0; i < 150; i++) {
        const struct alerting_frame frame = {.from = 1,
                                             .to = 2,
                                             .source = GUEST,
                                             .destination = VICTIM,
                                             .source_port = 1,
                                             .destination_port = (uint16_t)(i + 1)};
        alerting_connect(a, &frame, ALERTING_SILENT);
    }
    ck_assert_uint_eq(a->last.identity, 1);
}
END_TEST

static void flood(uint16_t from, unsigned count, unsigned answer_one_in)
{
    for (unsigned i = 0; i < count; i++) {
        const struct alerting_frame frame = {.from = from,
                                             .to = 2,
                                             .source = 0x0a020000U + i % 50,
                                             .destination = VICTIM,
                                             .source_port = (uint16_t)i,
                                             .destination_port = 80};

        alerting_connect(a, &frame,
                         answer_one_in && i % answer_one_in == 0 ? ALERTING_OPEN : ALERTING_SILENT);
        a->now += ALERTING_SECOND / 1000;
    }
}

START_TEST(syn_floods)
{
    flood(1, 450, 0); /* within a second, and below */
    a->now += ALERTING_SECOND;
    ck_assert_uint_eq(a->count, 0);
    flood(1, 3000, 1); /* 1,000 a second, all answered */
    ck_assert_uint_eq(a->count, 0);
    a->now += ALERTING_SECOND;
    flood(1, 3000, 10);
    ck_assert_uint_eq(a->count, 1);
    ck_assert_uint_eq(a->last.kind, ALERT_SYN_FLOOD);
    ck_assert_uint_eq(a->last.severity, 3);
    ck_assert_uint_eq(a->last.value, 500);
    ck_assert_uint_eq(a->last.port, 80);
    ck_assert_ptr_nonnull(strstr(a->last.evidence, "SYNs to port 80 of 10.0.0.7 within 5"));
    flood(ALERTING_UPLINK, 1000, 0);
    ck_assert_uint_eq(a->by_kind[ALERT_SYN_FLOOD], 2);
    a->limits.syn_flood = 0;
    alerting_limits(a);
    flood(3, 3000, 0);
    ck_assert_uint_eq(a->by_kind[ALERT_SYN_FLOOD], 2);
}
END_TEST

START_TEST(turned_off_or_changed)
{
    a->limits.scan_ports = 0;
    a->limits.scan_hosts = 0;
    alerting_limits(a);
    scan_ports(1, GUEST, VICTIM, 300, ALERTING_SILENT);
    sweep(1, GUEST, 300, 80, ALERTING_SILENT);
    ck_assert_uint_eq(a->count, 0);
    a->limits.scan_ports = ALERT_SCAN_MAX;
    alerting_limits(a);
    for (unsigned i = 0; i < 1200 && a->count == 0; i++) {
        const struct alerting_frame frame = {.from = 1,
                                             .to = 2,
                                             .source = GUEST,
                                             .destination = VICTIM,
                                             .source_port = 1,
                                             .destination_port = (uint16_t)(i + 1)};
        alerting_connect(a, &frame, ALERTING_SILENT);
        if (i < 900)
            ck_assert_uint_eq(a->count, 0);
    }
    ck_assert_uint_eq(a->count, 1);
    ck_assert_uint_ge(a->last.value, 990);
}
END_TEST

START_TEST(another_owner_of_a_port_begins_anew)
{
    scan_ports(1, GUEST, VICTIM, 150, ALERTING_SILENT);
    ck_assert_uint_eq(a->count, 1);
    alerts_forget(a->alerts, 1);
    scan_ports(1, GUEST, VICTIM, 80, ALERTING_SILENT);
    ck_assert_uint_eq(a->count, 1);
    scan_ports(1, GUEST, VICTIM, 150, ALERTING_SILENT);
    ck_assert_uint_eq(a->count, 2);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("scan");
    TCase *tcase = tcase_create("scan");

    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, port_scan_is_told_once);
    tcase_add_test(tcase, slow_scan_is_below_the_threshold);
    tcase_add_test(tcase, answers_do_not_hide_a_scan);
    tcase_add_test(tcase, host_scan_and_ping_sweep);
    tcase_add_test(tcase, who_is_answered_does_not_scan);
    tcase_add_test(tcase, busy_server_and_its_gateway);
    tcase_add_test(tcase, noise_hides_nobody_else);
    tcase_add_test(tcase, many_hosts_behind_an_uplink);
    tcase_add_test(tcase, syn_floods);
    tcase_add_test(tcase, turned_off_or_changed);
    tcase_add_test(tcase, another_owner_of_a_port_begins_anew);
    suite_add_tcase(suite, tcase);
    return suite;
}
