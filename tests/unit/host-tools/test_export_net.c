/* SPDX-License-Identifier: ISC */
/** @file Messages on their way to a collector that reads, does not read, goes, or is not there. */
#include "export_net.h"
#include <arpa/inet.h>
#include <check.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE 1400u
#define FLOWS   20u

static struct export_target target;
static struct report report;
static struct export_net *net;
static FILE *out;
static int listener;
static uint8_t data[MESSAGE];

/* A socket of loopback, and @target with its port. */
static void begin(enum export_transport transport)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);

    listener = socket(AF_INET, transport == EXPORT_UDP ? SOCK_DGRAM : SOCK_STREAM, 0);
    ck_assert_int_eq(bind(listener, (const struct sockaddr *)&address, length), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address, &length), 0);
    ck_assert(transport == EXPORT_UDP || listen(listener, 5) == 0);
    target = (struct export_target){.transport = transport, .host = "127.0.0.1"};
    snprintf(target.port, sizeof(target.port), "%u", ntohs(address.sin_port));
    out = fopen("/dev/null", "w");
    report_init(&report, "export", out, 0);
    net = export_net_create(&report, &target, NULL);
    ck_assert_ptr_nonnull(net);
}

static void teardown(void)
{
    export_net_free(net);
    if (listener >= 0)
        close(listener);
    fclose(out);
}

/* Let it do what it can until it has a connection. */
static void connect_it(void)
{
    for (unsigned i = 0; i < 100 && !export_net_ready(net); i++) {
        export_net_step(net);
        poll(NULL, 0, export_net_ready(net) ? 0 : 10);
    }
    ck_assert(export_net_ready(net));
    ck_assert(export_net_fresh(net));
    ck_assert(!export_net_fresh(net));
}

static bool send_one(uint8_t number)
{
    const struct ipfix_message message = {.data = data,
                                          .length = sizeof(data),
                                          .flows = FLOWS,
                                          .packets = 3 * FLOWS,
                                          .octets = 100 * FLOWS};

    memset(data, number, sizeof(data));
    return export_net_send(net, &message);
}

/* Who takes too little loses what is beyond the bound; what he has waited for comes in order. */
START_TEST(a_slow_collector_has_a_bound)
{
    const int small = 4096;
    unsigned taken = 0, refused = 0, got = 0;
    uint8_t piece[MESSAGE];
    int fd;

    begin(EXPORT_TCP);
    setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
    connect_it();
    fd = accept(listener, NULL, NULL);
    /* The system's own buffers take some more. */
    for (unsigned i = 0; i < 3 * EXPORT_QUEUE_MAX / MESSAGE + 8192; i++) {
        if (send_one((uint8_t)taken))
            taken++;
        else
            refused++;
    }
    ck_assert_uint_gt(refused, 0);
    ck_assert_uint_le(export_net_waiting(net), EXPORT_QUEUE_MAX);
    ck_assert_uint_gt(export_net_waiting(net), EXPORT_QUEUE_MAX - MESSAGE);
    ck_assert_uint_eq(export_net_losses(net)->unsent_flows, refused * FLOWS);
    ck_assert_uint_eq(export_net_losses(net)->unsent_packets, refused * 3 * FLOWS);
    ck_assert_uint_eq(export_net_losses(net)->unsent_octets, refused * 100 * FLOWS);
    for (size_t have = 0; got < taken; got++, have = 0) {
        while (have < MESSAGE) {
            const ssize_t n = recv(fd, piece + have, MESSAGE - have, MSG_DONTWAIT);

            have += n > 0 ? (size_t)n : 0;
            if (n <= 0) {
                struct pollfd p = {.fd = fd, .events = POLLIN};

                export_net_step(net);
                ck_assert_int_eq(poll(&p, 1, 5000), 1);
            }
        }
        ck_assert(piece[0] == (uint8_t)got && piece[MESSAGE - 1] == (uint8_t)got);
    }
    ck_assert_uint_eq(export_net_waiting(net), 0);
    ck_assert_uint_eq(export_net_losses(net)->unsent_flows, refused * FLOWS);
    close(fd);
}
END_TEST

/* What waited is lost, and so is what comes until there is a connection again. */
START_TEST(a_collector_that_goes)
{
    unsigned waiting;
    uint64_t lost;
    int fd;

    begin(EXPORT_TCP);
    ck_assert(!send_one(0));
    ck_assert_uint_eq(export_net_losses(net)->unsent_flows, FLOWS);
    connect_it();
    fd = accept(listener, NULL, NULL);
    for (waiting = 0; export_net_waiting(net) < 10 * MESSAGE; waiting++)
        ck_assert(send_one(1));
    waiting = (unsigned)((export_net_waiting(net) + MESSAGE - 1) / MESSAGE);
    close(fd);
    for (unsigned i = 0; i < 100 && export_net_ready(net); i++) {
        export_net_step(net);
        poll(NULL, 0, 5);
    }
    ck_assert(!export_net_ready(net));
    ck_assert_uint_eq(export_net_waiting(net), 0);
    lost = export_net_losses(net)->unsent_flows;
    ck_assert_uint_eq(lost, (1 + waiting) * FLOWS);
    ck_assert(!send_one(2));
    ck_assert_uint_eq(export_net_losses(net)->unsent_flows, lost + FLOWS);
}
END_TEST

/* That nobody listens is told of the datagram before. */
START_TEST(datagrams_to_nobody)
{
    uint8_t piece[MESSAGE + 1];

    begin(EXPORT_UDP);
    connect_it();
    ck_assert(send_one(7));
    ck_assert_int_eq(recv(listener, piece, sizeof(piece), 0), MESSAGE);
    ck_assert(piece[0] == 7 && piece[MESSAGE - 1] == 7);
    close(listener);
    listener = -1;
    ck_assert(send_one(8)); /* this one is lost, which is not known yet */
    ck_assert_uint_eq(export_net_losses(net)->unsent_flows, 0);
    poll(NULL, 0, 10);
    (void)send_one(9);
    ck_assert_uint_eq(export_net_losses(net)->unsent_flows, FLOWS);
    ck_assert_uint_eq(export_net_losses(net)->unsent_packets, 3 * FLOWS);
    poll(NULL, 0, 10);
    (void)send_one(10);
    ck_assert_uint_eq(export_net_losses(net)->unsent_flows, 2 * FLOWS);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("export_net");
    TCase *tc = tcase_create("export_net");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, a_slow_collector_has_a_bound);
    tcase_add_test(tc, a_collector_that_goes);
    tcase_add_test(tc, datagrams_to_nobody);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
