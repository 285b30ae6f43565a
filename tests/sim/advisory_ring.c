/* SPDX-License-Identifier: ISC */
/* Advisories of rings and sizes: XSA-38, 72, 324, 420. */
#include "suite.h"

#include <stdio.h>
#include <string.h>

/* Indices that are no indices: the guest's own connection ends, nobody else's. */
START_TEST(test_xsa_38_indices_are_checked)
{
    static const uint32_t wild[] = {1025, 4096, 0x7fffffff, 0x80000000, 0xfffffbff};
    struct host *host = host_create(NULL);
    struct client *other = suite_guest(host, 4);

    for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
        struct client *guest = suite_guest(host, 3);

        guest->ring->req_prod = guest->ring->req_cons + wild[i];
        client_notify(guest);
        host_run(host);
        ck_assert_uint_eq(guest->ring->error, 2);
        suite_alive(other);
        host_kill(host, guest);
    }
    for (size_t i = 0; i < sizeof(wild) / sizeof(wild[0]); i++) {
        struct client *guest = suite_guest(host, 3);

        guest->deaf = true;
        guest->ring->rsp_cons = guest->ring->rsp_prod - wild[i];
        client_push(guest, "\2\0\0\0\0\0\0\0\0\0\0\0\2\0\0\0/", 18);
        client_notify(guest);
        host_run(host);
        ck_assert_uint_eq(guest->ring->error, 2);
        suite_alive(other);
        host_kill(host, guest);
    }
    host_destroy(host);
}
END_TEST

/* The adversary changes indices between any two looks of the service at them. */
struct flipper {
    struct wire_ring *ring;
    struct sim *sim;
};

static void flip(void *context, struct hv *victim, const void *address, size_t length)
{
    struct flipper *flipper = context;
    uint32_t *index[4] = {&flipper->ring->req_cons, &flipper->ring->req_prod,
                          &flipper->ring->rsp_cons, &flipper->ring->rsp_prod};

    (void)victim, (void)address, (void)length;
    *index[sim_random(flipper->sim, 4)] = sim_random(flipper->sim, 2)
                                              ? (uint32_t)sim_random(flipper->sim, 2048)
                                              : (uint32_t)sim_random(flipper->sim, UINT32_MAX);
}

START_TEST(test_xsa_38_indices_change_while_being_read)
{
    struct host *host = host_create(&(struct host_config){.seed = (uint64_t)_i});
    struct client *other = suite_guest(host, 4);

    for (int round = 0; round < 20; round++) {
        struct client *guest = suite_guest(host, 3);
        struct flipper flipper = {guest->ring, host->sim};
        uint8_t noise[900];

        for (size_t i = 0; i < sizeof(noise); i++)
            noise[i] = (uint8_t)(sim_random(host->sim, 8) ? 0 : sim_random(host->sim, 30));
        guest->deaf = true;
        sim_set_adversary(host->sim, flip, &flipper);
        client_push(guest, noise, sizeof(noise));
        client_notify(guest);
        host_run(host);
        suite_alive(other);
        sim_set_adversary(host->sim, NULL, NULL);
        host_kill(host, guest);
    }
    host_destroy(host);
}
END_TEST

/* A queue that is full to the last byte is served. */
START_TEST(test_xsa_38_full_ring_is_processed)
{
    struct host *host = host_create(NULL);

    for (uint32_t start = 0; start < 3; start++) {
        static const uint32_t starts[] = {0, 700, 0xfffffff0U};
        struct client *guest = host_boot(host, 3, starts[start]);
        struct wire_message reply;
        uint8_t bytes[1024];

        OK(host_introduce(host, guest));
        memset(bytes, 0, sizeof(bytes));
        for (uint32_t i = 0; i < 1024 / 32; i++) {
            uint32_t header[4] = {WIRE_GET_DOMAIN_PATH, i + 1, 0, 16};

            memcpy(bytes + i * 32, header, 16);
            memcpy(bytes + i * 32 + 16, "000000000000009", 16);
        }
        ck_assert_uint_eq(client_push(guest, bytes, sizeof(bytes)), 1024);
        ck_assert_uint_eq(guest->ring->req_prod - guest->ring->req_cons, 1024);
        client_notify(guest);
        host_run(host);
        for (uint32_t i = 0; i < 1024 / 32; i++) {
            ck_assert_msg(client_take(guest, false, &reply), "answer %u is missing", i);
            ck_assert_uint_eq(reply.req_id, i + 1);
            ck_assert_str_eq((const char *)reply.payload, "/local/domain/9");
        }
        host_kill(host, guest);
    }
    host_destroy(host);
}
END_TEST

/* An answer that does not fit is E2BIG; the list can be had in parts. */
START_TEST(test_xsa_72_oversize_reply)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    char path[128], offset[160];
    struct wire_message reply;
    unsigned seen = 0, at = 0;

    OK(client_mkdir(host->dom0, 0, "/d"));
    OK(client_set_perms(host->dom0, 0, "/d", "r0"));
    for (int i = 0; i < 100; i++) {
        snprintf(path, sizeof(path), "/d/%060d", i);
        OK(client_write(host->dom0, 0, path, "x"));
    }
    suite_expect(host->dom0, 0, WIRE_DIRECTORY, "/d|", "E2BIG");
    suite_expect(guest, 0, WIRE_DIRECTORY, "/d|", "E2BIG");
    suite_alive(guest);
    for (bool done = false; !done;) {
        snprintf(offset, sizeof(offset), "/d|%u|", at);
        OK(client_call(guest, 0, WIRE_DIRECTORY_PART, offset, &reply));
        size_t skip = strlen((const char *)reply.payload) + 1;
        const char *name = (const char *)reply.payload + skip;
        ck_assert_uint_gt(reply.length, skip);
        for (; (size_t)(name - (const char *)reply.payload) < reply.length;
             name += strlen(name) + 1) {
            if (*name == 0) {
                done = true;
                break;
            }
            snprintf(path, sizeof(path), "%060u", seen++);
            ck_assert_str_eq(name, path);
            at += 61;
        }
    }
    ck_assert_uint_eq(seen, 100);
    /* Permissions that do not fit either. */
    struct wire_message request = {.type = WIRE_SET_PERMS};
    message_add_string(&request, "/d");
    for (int i = 0; i < 1360; i++)
        message_add_string(&request, "r1");
    ck_assert(client_ask(host->dom0, &request, &reply));
    OK(message_error_of(&reply));
    OK(client_call(host->dom0, 0, WIRE_GET_PERMS, "/d|", &reply));
    host_destroy(host);
}
END_TEST

/* Path and token together are more than an event can hold. */
START_TEST(test_xsa_324_huge_token)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    struct wire_message request = {.type = WIRE_WATCH}, reply;
    char token[4090], path[1100];

    memset(token, 't', sizeof(token) - 1);
    token[sizeof(token) - 1] = 0;
    message_add_string(&request, "w");
    message_add_string(&request, token);
    ck_assert(client_ask(guest, &request, &reply));
    OK(message_error_of(&reply));
    client_clear(guest);
    OK(client_write(guest, 0, "w", "fits"));
    ck_assert_uint_eq(client_waiting(guest, true), 1);
    client_clear(guest);
    memset(path, 'p', sizeof(path) - 1);
    path[sizeof(path) - 1] = 0;
    memcpy(path, "w/", 2);
    OK(client_write(guest, 0, path, "does not fit"));
    suite_expect_quiet(guest);
    OK(client_write(host->dom0, 0, "/local/domain/3/w/pppppppp", "does not either"));
    suite_expect_quiet(guest);
    OK(client_rm(guest, 0, "w"));
    ck_assert_uint_eq(client_waiting(guest, true), 1);

    /* An absolute path of 3,000 bytes with a token that fills the rest. */
    request.length = 0;
    memset(path, 'q', sizeof(path) - 1);
    path[0] = '/';
    message_add_string(&request, path);
    token[WIRE_PAYLOAD_MAX - request.length - 1] = 0;
    message_add_string(&request, token);
    ck_assert_uint_eq(request.length, WIRE_PAYLOAD_MAX);
    ck_assert(client_ask(guest, &request, &reply));
    OK(message_error_of(&reply));
    host_destroy(host);
}
END_TEST

/* Lengths that are negative to whoever reads them with a sign. */
START_TEST(test_xsa_420_negative_length)
{
    static const uint32_t lengths[] = {4097, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff};
    struct host *host = host_create(NULL);
    struct client *other = suite_guest(host, 4);

    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        struct client *guest = suite_guest(host, 3);
        uint32_t header[4] = {WIRE_READ, 1, 0, lengths[i]};
        uint8_t more[500] = {0};

        client_send_raw(guest, header, sizeof(header));
        client_send_raw(guest, more, sizeof(more));
        host_run(host);
        suite_dead(guest, 3);
        suite_alive(other);
        host_kill(host, guest);
    }
    host_destroy(host);
}
END_TEST

TCase *advisory_ring_cases(void)
{
    TCase *tcase = tcase_create("advisories: rings");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_xsa_38_indices_are_checked);
    tcase_add_loop_test(tcase, test_xsa_38_indices_change_while_being_read, 0, 10);
    tcase_add_test(tcase, test_xsa_38_full_ring_is_processed);
    tcase_add_test(tcase, test_xsa_72_oversize_reply);
    tcase_add_test(tcase, test_xsa_324_huge_token);
    tcase_add_test(tcase, test_xsa_420_negative_length);
    return tcase;
}
