/* SPDX-License-Identifier: ISC */
/* What is made of a vif's nodes: values by themselves, and whole lives beside the real XenStore. */
#include "backend_play.h"
#include "fake_ports.h"

#include "common/xenbus_state.h"
#include "services/netback-switch/vif.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUEST 7

/* --- values by themselves */

#define NODES 80U

/* "name=value|name=value|": later ones before earlier ones. */
static struct xenbus_nodes *nodes_of(const char *base, const char *more)
{
    static char text[4096];
    static const char *names[NODES], *values[NODES];
    static struct xenbus_nodes nodes;
    char *node, *rest = text;

    snprintf(text, sizeof(text), "%s%s", more, base);
    nodes = (struct xenbus_nodes){names, values, 0};
    while ((node = strsep(&rest, "|")) != NULL && *node) {
        char *value = strchr(node, '=');

        ck_assert_uint_lt(nodes.count, NODES);
        *value++ = '\0';
        names[nodes.count] = node;
        values[nodes.count++] = strcmp(value, "(none)") ? value : NULL;
    }
    return &nodes;
}

#define ONE "tx-ring-ref=8|rx-ring-ref=9|event-channel-tx=10|event-channel-rx=11|request-rx-copy=1|"
#define TWO                                                                                        \
    "multi-queue-num-queues=2|request-rx-copy=1|"                                                  \
    "queue-0/tx-ring-ref=20|queue-0/rx-ring-ref=21|queue-0/event-channel=1|"                       \
    "queue-1/tx-ring-ref=30|queue-1/rx-ring-ref=31|queue-1/event-channel-tx=3|"                    \
    "queue-1/event-channel-rx=4|"

static struct netif_config config;
static const char *why;

static int parse(const char *base, const char *more)
{
    why = NULL;
    return vif_parse(nodes_of(base, more), GUEST, &config, &why);
}

static void expect_bad(const char *base, const char *more, const char *cause)
{
    int error = parse(base, more);

    ck_assert_msg(error == -EINVAL || error == -EOPNOTSUPP, "%s: %d", more, error);
    ck_assert_ptr_nonnull(why);
    ck_assert_msg(strstr(why, cause) != NULL, "%s: %s", more, why);
}

START_TEST(test_one_queue)
{
    ck_assert_int_eq(parse(ONE, ""), 0);
    ck_assert_uint_eq(config.domid, GUEST);
    ck_assert_uint_eq(config.queues, 1);
    ck_assert_uint_eq(config.queue[0].tx_ref, 8);
    ck_assert_uint_eq(config.queue[0].rx_ref, 9);
    ck_assert_uint_eq(config.queue[0].tx_port, 10);
    ck_assert_uint_eq(config.queue[0].rx_port, 11);
    ck_assert(!config.sg && !config.gso_tcpv4 && !config.gso_tcpv6 && !config.ipv6_csum);
    ck_assert(!config.no_csum_offload && !config.has_control && !config.multicast_control);
    ck_assert_int_eq(parse(ONE, "event-channel-tx=(none)|event-channel-rx=(none)|"
                                "event-channel=131071|"),
                     0);
    ck_assert_uint_eq(config.queue[0].tx_port, 131071);
    ck_assert_uint_eq(config.queue[0].rx_port, 131071);
    ck_assert_int_eq(parse(ONE, "multi-queue-num-queues=1|tx-ring-ref=4294967295|"), 0);
    ck_assert_uint_eq(config.queue[0].tx_ref, 4294967295U);
}
END_TEST

START_TEST(test_two_queues)
{
    const char *names[XENBUS_NAMES_MAX];

    ck_assert_uint_eq(vif_more_names(nodes_of(TWO, ""), names), 10);
    ck_assert_str_eq(names[9], "queue-1/event-channel-rx");
    ck_assert_uint_eq(vif_more_names(nodes_of(ONE, ""), names), 0);
    ck_assert_uint_eq(vif_more_names(nodes_of(ONE, "multi-queue-num-queues=8|"), names), 40);
    ck_assert_uint_eq(vif_more_names(nodes_of(ONE, "multi-queue-num-queues=9|"), names), 0);
    ck_assert_int_eq(parse(TWO, ""), 0);
    ck_assert_uint_eq(config.queues, 2);
    ck_assert_uint_eq(config.queue[0].rx_port, 1);
    ck_assert_uint_eq(config.queue[1].tx_ref, 30);
    ck_assert_uint_eq(config.queue[1].tx_port, 3);
    ck_assert_uint_eq(config.queue[1].rx_port, 4);
    /* What an earlier driver left. */
    ck_assert_int_eq(parse(TWO, "tx-ring-ref=20|rx-ring-ref=x|event-channel=0|"), 0);
}
END_TEST

START_TEST(test_features)
{
    ck_assert_int_eq(parse(ONE, "feature-sg=1|feature-gso-tcpv4=1|feature-gso-tcpv6=1|"
                                "feature-ipv6-csum-offload=1|feature-no-csum-offload=1|"
                                "request-multicast-control=1|xdp-headroom=256|"
                                "ctrl-ring-ref=50|event-channel-ctrl=60|"),
                     0);
    ck_assert(config.sg && config.gso_tcpv4 && config.gso_tcpv6 && config.ipv6_csum);
    ck_assert(config.no_csum_offload && config.multicast_control && config.has_control);
    ck_assert_uint_eq(config.xdp_headroom, 256);
    ck_assert_uint_eq(config.control_ref, 50);
    ck_assert_uint_eq(config.control_port, 60);
    ck_assert_int_eq(parse(ONE, "feature-sg=2|feature-gso-tcpv4=?|feature-gso-tcpv6=|"), 0);
    ck_assert(!config.sg && !config.gso_tcpv4 && !config.gso_tcpv6);
}
END_TEST

/* Linux' commit 6d1dc8014334: netback took a multi-queue-num-queues of 0, of more than it offers,
 * or that is no number. */
START_TEST(linux_6d1dc8014334)
{
    static const char *const no_counts[] = {"0", "9", "", "x", "-1", "2x", " 2", "4294967297", "?"};
    char more[100];

    for (unsigned i = 0; i < sizeof(no_counts) / sizeof(no_counts[0]); i++) {
        snprintf(more, sizeof(more), "multi-queue-num-queues=%s|", no_counts[i]);
        expect_bad(ONE, more, "multi-queue-num-queues");
    }
}
END_TEST

START_TEST(test_hostile_values)
{
    static const char *const no_refs[] = {"(none)", "", "x", "-1", "4294967296", "0x8", "8 ", "?"};
    static const char *const no_ports[] = {"(none)", "0", "", "131072", "-1", "1.5", "?"};
    char more[100];

    for (unsigned i = 0; i < sizeof(no_refs) / sizeof(no_refs[0]); i++) {
        snprintf(more, sizeof(more), "tx-ring-ref=%s|", no_refs[i]);
        expect_bad(ONE, more, "tx-ring-ref");
        snprintf(more, sizeof(more), "queue-1/rx-ring-ref=%s|", no_refs[i]);
        expect_bad(TWO, more, "rx-ring-ref");
        if (i > 0) {
            snprintf(more, sizeof(more), "event-channel-ctrl=60|ctrl-ring-ref=%s|", no_refs[i]);
            expect_bad(ONE, more, "ctrl-ring-ref");
        }
    }
    for (unsigned i = 0; i < sizeof(no_ports) / sizeof(no_ports[0]); i++) {
        snprintf(more, sizeof(more), "event-channel-tx=%s|", no_ports[i]);
        expect_bad(ONE, more, "event-channel");
        snprintf(more, sizeof(more), "event-channel-rx=%s|", no_ports[i]);
        expect_bad(ONE, more, "event-channel");
        snprintf(more, sizeof(more), "queue-0/event-channel=%s|", no_ports[i]);
        expect_bad(TWO, more, "event-channel");
        snprintf(more, sizeof(more), "ctrl-ring-ref=50|event-channel-ctrl=%s|", no_ports[i]);
        expect_bad(ONE, more, "event-channel-ctrl");
    }
    expect_bad(ONE, "request-rx-copy=(none)|", "rx-copy");
    expect_bad(ONE, "request-rx-copy=0|", "rx-copy");
    expect_bad(ONE, "multi-queue-num-queues=2|", "tx-ring-ref"); /* flat keys only */
    expect_bad(TWO, "multi-queue-num-queues=1|", "tx-ring-ref"); /* none of them */
    expect_bad(TWO, "multi-queue-num-queues=3|", "tx-ring-ref");
    expect_bad(ONE, "rx-ring-ref=8|", "same page");
    expect_bad(TWO, "queue-1/rx-ring-ref=20|", "same page");
    expect_bad(ONE, "ctrl-ring-ref=9|event-channel-ctrl=60|", "same page");
    expect_bad(ONE, "ctrl-ring-ref=50|event-channel-ctrl=11|", "twice");
    expect_bad(TWO, "queue-1/event-channel-rx=1|", "twice");
    expect_bad(ONE, "event-channel-rx=10|", "event-channel");
    expect_bad(ONE, "xdp-headroom=2049|", "xdp-headroom");
    expect_bad(ONE, "xdp-headroom=-1|", "xdp-headroom");
}
END_TEST

/* --- whole lives */

static struct play play;
static struct client *guest;

static void setup(void)
{
    play_create(&play);
    guest = host_guest(play.host, GUEST);
    ck_assert_int_eq(client_mkdir(play.host->dom0, 0, "/local/domain/7"), 0);
    ck_assert_int_eq(client_set_perms(play.host->dom0, 0, "/local/domain/7", "n0|r7"), 0);
    fake_ports_reset(play.tenant->hv, play.tenant->arena, &play.tenant->loop, play.tenant->store,
                     play.log);
    play.backend = vif_backend_create(&fake_ports.vswitch);
    ck_assert_ptr_nonnull(play.backend);
    tenant_run(play.tenant);
}

static void teardown(void)
{
    play_stop(&play);
    ck_assert_uint_eq(fake_ports.ports, 0);
    ck_assert_uint_eq(fake_ports.connected, 0);
    host_kill(play.host, guest);
    play_destroy(&play);
}

/* Each node of libxl's that matters becomes a word; what is offered is there with state 2; nodes
 * are few. */
START_TEST(test_nodes)
{
    static const char *const offered[][2] = {
        {"feature-sg", "1"},
        {"feature-gso-tcpv4", "1"},
        {"feature-gso-tcpv6", "1"},
        {"feature-ipv6-csum-offload", "1"},
        {"feature-rx-copy", "1"},
        {"feature-xdp-headroom", "1"},
        {"feature-multicast-control", "1"},
        {"feature-dynamic-multicast-control", "1"},
        {"feature-split-event-channels", "1"},
        {"multi-queue-max-queues", "8"},
        {"feature-ctrl-ring", "1"},
    };
    /* The directory, libxl's ten and five more, ours. */
    const unsigned nodes = 1 + 10 + 5 + sizeof(offered) / sizeof(offered[0]);

    play_attach(&play, GUEST, 0,
                "bridge=lan.5:7|vlan=10p|rate=62500,50000|ip=10.0.0.1|"
                "guest-uuid=00112233-4455-6677-8899-aabbccddeeff|guest-name=web|");
    play_expect(&play, GUEST, 0, 2, 50);
    for (unsigned i = 0; i < sizeof(offered) / sizeof(offered[0]); i++)
        ck_assert_str_eq(play_value(&play, GUEST, 0, offered[i][0]), offered[i][1]);
    ck_assert_uint_eq(play_nodes(&play, GUEST, 0), nodes);
    ck_assert_str_eq(fake_ports.mac, "00:16:3e:00:00:01");
    ck_assert_str_eq(fake_ports.bridge, "lan.5:7");
    ck_assert_str_eq(fake_ports.vlan, "10p");
    ck_assert_str_eq(fake_ports.rate, "62500,50000");
    ck_assert_str_eq(fake_ports.addresses, "10.0.0.1");
    ck_assert_str_eq(fake_ports.uuid, "00112233-4455-6677-8899-aabbccddeeff");
    ck_assert_str_eq(fake_ports.name, "web");
    play_connect(guest, 0);
    play_pass(&play, 20);
    ck_assert_uint_eq(fake_ports.connected, 1); /* at once, and told when libxl has seen 2 */
    ck_assert_int_eq(play_state(&play, GUEST, 0), 2);
    play_expect(&play, GUEST, 0, 4, 1200);
    ck_assert_uint_eq(play_nodes(&play, GUEST, 0), nodes);
    ck_assert(fake_ports.config.sg && fake_ports.config.gso_tcpv6);
}
END_TEST

START_TEST(test_changes_while_it_lives)
{
    play_attach(&play, GUEST, 0, "");
    play_expect(&play, GUEST, 0, 2, 50);
    ck_assert_str_eq(fake_ports.uuid, "-");
    play_connect(guest, 0);
    play_expect(&play, GUEST, 0, 4, 1200);
    play_backend_write(&play, GUEST, 0, "guest-uuid", "00112233-4455-6677-8899-aabbccddeeff");
    play_backend_write(&play, GUEST, 0, "rate", "1000,1000");
    play_pass(&play, 50);
    ck_assert_str_eq(fake_ports.uuid, "00112233-4455-6677-8899-aabbccddeeff");
    ck_assert_str_eq(fake_ports.rate, "1000,1000");
    ck_assert_uint_eq(fake_ports.disconnects, 0);
    play_write(guest, 0, "xdp-headroom", "256");
    play_write(guest, 0, "state", "7");
    play_expect(&play, GUEST, 0, 8, 100);
    ck_assert_uint_eq(fake_ports.last->netif.config.xdp_headroom, 256);
    play_write(guest, 0, "state", "4");
    play_expect(&play, GUEST, 0, 4, 100);
    play_write(guest, 0, "xdp-headroom", "30000");
    play_write(guest, 0, "state", "7");
    play_expect(&play, GUEST, 0, 8, 100);
    ck_assert_uint_eq(fake_ports.last->netif.config.xdp_headroom, 256);
}
END_TEST

/* Whatever fails on the way: nothing stays half connected, and the reason stands there. */
START_TEST(test_failures)
{
    fake_ports.room = 0;
    play_attach(&play, GUEST, 0, "");
    play_expect(&play, GUEST, 0, 6, 50);
    ck_assert_str_eq(play_value(&play, GUEST, 0, "error"), "there is no room");
    fake_ports.room = 1;
    play_expect(&play, GUEST, 0, 2, 1500);
    fake_ports.netif_error = -EINVAL;
    play_connect(guest, 0);
    play_expect(&play, GUEST, 0, 5, 300);
    ck_assert_str_eq(play_value(&play, GUEST, 0, "error"), "a ring could not be mapped");
    fake_ports.netif_error = 0;
    fake_ports.port_error = -ENOMEM;
    play_write(guest, 0, "state", "1");
    play_expect(&play, GUEST, 0, 2, 100);
    play_write(guest, 0, "state", "4");
    play_expect(&play, GUEST, 0, 5, 300);
    ck_assert_str_eq(play_value(&play, GUEST, 0, "error"), "out of memory");
    fake_ports.port_error = -ENOSPC;
    play_write(guest, 0, "state", "1");
    play_expect(&play, GUEST, 0, 2, 100);
    play_write(guest, 0, "state", "4");
    play_expect(&play, GUEST, 0, 5, 300);
    ck_assert_str_eq(play_value(&play, GUEST, 0, "error"),
                     "the switch has all the bridges it can have");
    fake_ports.port_error = 0;
    play_write(guest, 0, "state", "1");
    play_expect(&play, GUEST, 0, 2, 100);
    play_write(guest, 0, "state", "4");
    play_expect(&play, GUEST, 0, 4, 300);
    fake_ports_fail(fake_ports.last, "a producer index out of distance");
    ck_assert_uint_eq(fake_ports.connected, 1);
    play_expect(&play, GUEST, 0, 5, 50);
    ck_assert_uint_eq(fake_ports.connected, 0);
    ck_assert_str_eq(play_value(&play, GUEST, 0, "error"), "a producer index out of distance");
}
END_TEST

/* The state goes from @before to @after within a second and a half, and is nothing else on the way.
 */
static void expect_straight(int before, int after)
{
    unsigned waited = 0;
    int state;

    while ((state = play_state(&play, GUEST, 0)) != after) {
        ck_assert_msg(state == before, "state %d between %d and %d", state, before, after);
        ck_assert_msg(waited++ < 1500, "still %d, not %d", before, after);
        play_pass(&play, 1);
    }
}

/* XSA-465: netfront has no queues from when it resumes to when it has seen InitWait, and crashed if
 * it was told to close in between. */
static const unsigned resume_ms[] = {0, 1, 30, 500, 995, 1200, 3000};

/* The frontend connects, and resumes after so long. The state that it had been shown. */
static int connect_and_resume(unsigned after_ms)
{
    int state;

    play_expect(&play, GUEST, 0, 2, 200);
    play_connect(guest, 0);
    play_pass(&play, after_ms);
    state = play_state(&play, GUEST, 0);
    ck_assert(state == 2 || state == 4);
    play_remove(guest, 0, "tx-ring-ref");
    play_remove(guest, 0, "rx-ring-ref");
    play_write(guest, 0, "state", "1");
    return state;
}

/* So InitWait is the very next state that it is shown, and stays until it has queues again. */
START_TEST(xsa_465_resume)
{
    unsigned connects;

    play_attach(&play, GUEST, 0, "");
    expect_straight(connect_and_resume(resume_ms[_i]), 2);
    for (unsigned ms = 0; ms < 1500; ms++, play_pass(&play, 1))
        ck_assert_int_eq(play_state(&play, GUEST, 0), 2);
    ck_assert_uint_eq(fake_ports.connected, 0);
    connects = fake_ports.connects;
    play_connect(guest, 0);
    expect_straight(2, 4);
    ck_assert_uint_eq(fake_ports.connected, 1);
    ck_assert_uint_eq(fake_ports.connects, connects + 1);
}
END_TEST

/* Closing comes from dom0 alone, and a vif that is removed just then is let go once. */
START_TEST(xsa_465_resume_then_remove)
{
    play_attach(&play, GUEST, 0, "");
    (void)connect_and_resume(resume_ms[_i]);
    play_detach(&play, GUEST, 0);
    expect_straight(5, 6);
    ck_assert_uint_eq(fake_ports.connected, 0);
    ck_assert_uint_eq(fake_ports.disconnects, fake_ports.connects);
    play_pass(&play, 1500);
    play_clean(&play, GUEST, 0);
    ck_assert_uint_eq(fake_ports.ports, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("vif");
    TCase *values = tcase_create("values"), *lives = tcase_create("lives");

    tcase_add_test(values, test_one_queue);
    tcase_add_test(values, test_two_queues);
    tcase_add_test(values, test_features);
    tcase_add_test(values, linux_6d1dc8014334);
    tcase_add_test(values, test_hostile_values);
    tcase_set_timeout(lives, 60);
    tcase_add_checked_fixture(lives, setup, teardown);
    tcase_add_test(lives, test_nodes);
    tcase_add_test(lives, test_changes_while_it_lives);
    tcase_add_test(lives, test_failures);
    tcase_add_loop_test(lives, xsa_465_resume, 0, sizeof(resume_ms) / sizeof(resume_ms[0]));
    tcase_add_loop_test(lives, xsa_465_resume_then_remove, 0,
                        sizeof(resume_ms) / sizeof(resume_ms[0]));
    suite_add_tcase(suite, values);
    suite_add_tcase(suite, lives);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
