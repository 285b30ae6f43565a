/* SPDX-License-Identifier: ISC */
/* Control clients that break the protocol, ask for anything, read nothing or die: nobody else is
   the worse for it, and nothing of theirs stays. */
#include "control_suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hv/memory.h>
#include <hv/time.h>

static const uint16_t types[] = {
    CONTROL_T_HELLO,      CONTROL_T_STATUS,      CONTROL_T_STATS,       CONTROL_T_LOGS,
    CONTROL_T_ECHO,       CONTROL_T_STORE_STATS, CONTROL_T_STORE_TRACE, CONTROL_T_STORE_QUOTA,
    CONTROL_T_STORE_SET,  CONTROL_T_STORE_LOG,   CONTROL_T_STORE_DIFF,  CONTROL_T_STORE_SHOW,
    CONTROL_T_STORE_DUMP, CONTROL_T_STORE_LOAD,  CONTROL_T_USER,        0x7fff,
};

#define TYPES (sizeof(types) / sizeof(types[0]))

static const uint16_t fields[] = {
#define NUMBER_OF(id, name, kind, number) CONTROL_F_##id,
    CONTROL_FIELDS(NUMBER_OF)
#undef NUMBER_OF
};

#define FIELDS (sizeof(fields) / sizeof(fields[0]))

/* Everybody else is served. */
static void check_served(struct host *host)
{
    struct remote_client *client = remote_open(host);
    struct remote_frame frame;

    host_check(host);
    ck_assert_int_eq(remote_call(client, CONTROL_T_STATUS, &frame), 0);
    remote_close(client);
}

/* --- bytes --------------------------------------------------------------------------------------
 */

START_TEST(random_bytes_end_the_connection)
{
    struct host *host = control_start();

    for (unsigned i = 0; i < 100; i++) {
        struct remote_client *client = i % 2 ? remote_open(host) : remote_connect(host);
        uint8_t bytes[3000];

        for (unsigned at = 0; at < sizeof(bytes); at++)
            bytes[at] = (uint8_t)sim_random(host->sim, 256);
        remote_send_raw(client, bytes, sizeof(bytes));
        host_pass(host, 11 * HV_SEC);
        ck_assert_int_eq(vchan_state(&client->v), VCHAN_ENDED);
        remote_close(client);
    }
    check_served(host);
    control_finish(host);
}
END_TEST

START_TEST(indices_that_lie_end_the_connection)
{
    struct host *host = control_start();
    struct remote_client *client = remote_open(host), *other = remote_open(host);

    hv_shared_write32(client->hv, client->v.write.prod, 0x12345678);
    hv_evtchn_send(client->hv, client->v.port);
    host_run(host);
    ck_assert_int_eq(vchan_state(&client->v), VCHAN_ENDED);
    ck_assert_uint_eq(remote_statistic(other, "control_clients_broken", NULL), 1);
    remote_close(client);
    remote_close(other);
    check_served(host);
    control_finish(host);
}
END_TEST

/* --- frames -------------------------------------------------------------------------------------
 */

static void random_field(struct host *host, struct control_writer *writer, unsigned depth)
{
    static const uint64_t numbers[] = {0, 1, 5, 6, 0x7fef, 0x7ff0, 0xffff, UINT32_MAX, UINT64_MAX};
    static const char *const texts[] = {"nodes", "", "/local/domain/5", "soft-memory", "T", "//"};
    uint16_t tag = fields[sim_random(host->sim, FIELDS)];

    if (sim_random(host->sim, 8) == 0)
        tag = (uint16_t)((tag & 0xc000) | sim_random(host->sim, 0x4000));
    switch (tag >> 14) {
    case CONTROL_NUMBER:
        control_put_number(writer, tag, numbers[sim_random(host->sim, 9)]);
        break;
    case CONTROL_STRING:
        control_put_string(writer, tag, texts[sim_random(host->sim, 6)]);
        break;
    case CONTROL_BYTES:
        control_put_bytes(writer, tag, texts, sim_random(host->sim, sizeof(texts)));
        break;
    default:
        if (depth == CONTROL_DEPTH_MAX)
            return;
        control_open_group(writer, tag);
        while (sim_random(host->sim, 3))
            random_field(host, writer, depth + 1);
        control_close_group(writer);
    }
}

/* A well-formed frame of anything but STOP. */
static void send_random(struct remote_client *client)
{
    struct host *host = client->host;
    struct remote_request request;

    control_begin(
        &request.writer, request.data, sizeof(request.data), types[sim_random(host->sim, TYPES)],
        sim_random(host->sim, 4) ? CONTROL_REQUEST : (enum control_kind)sim_random(host->sim, 10),
        (uint32_t)sim_random(host->sim, 20));
    while (sim_random(host->sim, 4))
        random_field(host, &request.writer, 0);
    remote_send_raw(client, request.data, control_end(&request.writer));
}

START_TEST(random_frames_do_no_harm)
{
    struct host *host = control_start();
    struct client *guest = host_guest(host, 5);

    for (unsigned i = 0; i < 60; i++) {
        struct remote_client *client = remote_open(host);
        bool reads = i % 3;

        for (unsigned j = 0; j < 100; j++) {
            struct remote_frame frame;

            send_random(client);
            if (j % 7 == 0)
                client_write(guest, 0, "/local/domain/5/x", "y");
            while (reads && sim_random(host->sim, 4) && remote_take(client, &frame))
                ck_assert_int_ne(frame.header.kind, CONTROL_REQUEST);
        }
        if (i % 2)
            remote_close(client);
        else
            remote_kill(client);
        host_pass(host, 3 * HV_SEC);
        check_served(host);
    }
    control_finish(host);
}
END_TEST

START_TEST(a_client_killed_in_any_request_leaves_nothing)
{
    struct host *host = control_start();
    struct client *guest = host_guest(host, 5);
    char before[WIRE_PAYLOAD_MAX + 1], after[WIRE_PAYLOAD_MAX + 1];

    ck_assert_int_eq(host_control(host, "memreport", before), 0);
    for (unsigned i = 0; i < TYPES; i++) {
        for (unsigned wait = 0; wait < 3; wait++) {
            struct remote_client *client = remote_open(host);
            struct remote_request request;
            struct remote_frame frame;

            remote_begin(client, &request, types[i], CONTROL_REQUEST);
            if (types[i] == CONTROL_T_LOGS)
                control_put_number(&request.writer, CONTROL_F_FOLLOW, 1);
            if (wait == 0) {
                /* Dead before the end of the frame. */
                remote_send_raw(client, request.data, control_end(&request.writer) - 1);
            } else {
                remote_send(client, &request);
                client_call(guest, 0, WIRE_GET_DOMAIN_PATH, "1|", NULL);
                if (wait == 2)
                    remote_take(client, &frame);
            }
            remote_kill(client);
            host_pass(host, 3 * HV_SEC);
        }
    }
    ck_assert_int_eq(host_control(host, "memreport", after), 0);
    ck_assert_int_eq(host_counter(after, "bytes-used"), host_counter(before, "bytes-used"));
    check_served(host);
    control_finish(host);
}
END_TEST

START_TEST(clients_that_read_nothing_hold_nobody_up)
{
    struct host *host = control_start();
    struct client *guest = host_guest(host, 5);
    struct remote_client *deaf[15];
    struct remote_request request;

    for (unsigned i = 0; i < 15; i++) {
        deaf[i] = remote_open(host);
        for (unsigned j = 0; j < 200; j++) {
            size_t length;

            remote_begin(deaf[i], &request, types[i % TYPES], CONTROL_REQUEST);
            length = control_end(&request.writer);
            if (vchan_write(&deaf[i]->v, request.data, length) < (int)length)
                break;
        }
        host_run(host);
    }
    for (unsigned i = 0; i < 2000; i++)
        ck_assert_int_eq(client_call(guest, 0, WIRE_GET_DOMAIN_PATH, "1|", NULL), 0);
    check_served(host);
    for (unsigned i = 0; i < 15; i++)
        remote_kill(deaf[i]);
    control_finish(host);
}
END_TEST

/* All rings are taken: the nodes go, and come back with the first ring that is free. */
START_TEST(more_clients_than_rings_wait)
{
    struct host *host = control_start();
    struct remote_client *clients[16];

    for (unsigned i = 0; i < 16; i++)
        clients[i] = remote_open(host);
    ck_assert_ptr_null(client_value(host->dom0, 0, REMOTE_PATH "/ring-ref"));
    remote_close(clients[3]);
    host_pass(host, 3 * HV_SEC);
    clients[3] = remote_open(host);
    for (unsigned i = 0; i < 16; i++)
        remote_kill(clients[i]);
    host_pass(host, 5 * HV_SEC);
    check_served(host);
    control_finish(host);
}
END_TEST

TCase *control_hostile_case(void)
{
    TCase *cases = tcase_create("hostile");

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, random_bytes_end_the_connection);
    tcase_add_test(cases, indices_that_lie_end_the_connection);
    tcase_add_test(cases, random_frames_do_no_harm);
    tcase_add_test(cases, a_client_killed_in_any_request_leaves_nothing);
    tcase_add_test(cases, clients_that_read_nothing_hold_nobody_up);
    tcase_add_test(cases, more_clients_than_rings_wait);
    return cases;
}
