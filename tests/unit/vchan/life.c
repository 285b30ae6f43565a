/* SPDX-License-Identifier: ISC */
/* Deaths, failures, and clients that hold on to what is mapped. */
#include "pair.h"

START_TEST(client_dies)
{
    struct pair pair;
    uint8_t data[8];

    pair_make(&pair, 1, 12, 13);
    ck_assert_int_eq(vchan_write(&pair.client, "alas", 4), 4);
    ck_assert_int_eq(vchan_state(&pair.server), VCHAN_OPEN);
    (void)pair_event(&pair.server);
    sim_domain_destroy(pair.client_hv);
    pair.client.hv = NULL;
    ck_assert(!pair_event(&pair.server)); /* nobody tells */
    ck_assert_int_eq(vchan_state(&pair.server), VCHAN_OPEN);
    ck_assert(vchan_peer_gone(&pair.server));
    ck_assert_int_eq(vchan_state(&pair.server), VCHAN_ENDED);
    ck_assert_int_eq(vchan_read(&pair.server, data, 8), 4);
    ck_assert_int_eq(vchan_read(&pair.server, data, 8), -EPIPE);
    ck_assert_int_eq(vchan_close(&pair.server), 0);

    pair.client_hv = sim_domain_create(pair.sim, &(struct sim_domain_config){.domid = 0});
    pair_open(&pair);
    pair_destroy(&pair);
}
END_TEST

START_TEST(server_dies)
{
    struct pair pair;
    uint8_t data[8];

    pair_make(&pair, 1, 12, 11);
    ck_assert_int_eq(vchan_write(&pair.server, "alas", 4), 4);
    sim_domain_destroy(pair.server_hv);
    ck_assert_int_eq(vchan_state(&pair.client), VCHAN_OPEN);
    ck_assert_int_eq(vchan_write(&pair.client, "?", 1), 1);
    ck_assert(vchan_peer_gone(&pair.client));
    ck_assert_int_eq(vchan_read(&pair.client, data, 8), 4);
    ck_assert_int_eq(vchan_read(&pair.client, data, 8), -EPIPE);
    ck_assert_int_eq(vchan_write(&pair.client, "?", 1), -EPIPE);
    ck_assert_int_eq(vchan_close(&pair.client), 0);
    ck_assert_ptr_nonnull(/* fully gone */
                          sim_domain_create(pair.sim,
                                            &(struct sim_domain_config){.domid = PAIR_SERVER}));
    sim_destroy(pair.sim);
}
END_TEST

/** A client that maps the pages beside its vchan keeps them from being used again, and no more. */
START_TEST(client_holds_on)
{
    struct pair pair;

    pair_create(&pair, 1, 13, 12);
    for (unsigned held = 0; held < pair.page_count; held++) {
        void *address;

        pair_open(&pair);
        ck_assert_int_eq(
            hv_grant_map(pair.client_hv, PAIR_SERVER, &pair.server.refs[held], 1, false, &address),
            0);
        ck_assert_int_eq(vchan_close(&pair.client), 0);
        ck_assert_int_eq(vchan_close(&pair.server), -EAGAIN);
        for (unsigned i = 0; i < 3; i++)
            ck_assert_int_eq(vchan_release(&pair.server), -EAGAIN);
        ck_assert_int_eq(vchan_close(&pair.server), -EAGAIN); /* again: the same */
        memset(address, 0xee, 100);
        ck_assert_int_eq(hv_grant_unmap(pair.client_hv, address, 1), 0);
        ck_assert_int_eq(vchan_release(&pair.server), 0);
        pair_check_empty(&pair);
    }
    pair_open(&pair);
    ck_assert_int_eq(vchan_readable(&pair.server, 1), 0);
    pair_destroy(&pair);
}
END_TEST

/** Each fault point once, of both ends: an error, and nothing is left behind. */
START_TEST(each_call_fails)
{
    static const unsigned orders[][2] = {{10, 11}, {12, 11}, {13, 14}};

    for (unsigned i = 0; i < 3; i++) {
        struct pair pair;
        unsigned failures = 0;
        pair_create(&pair, 1, orders[i][0], orders[i][1]);
        for (uint64_t n = 1;; n++) {
            sim_fail_nth(pair.sim, n);
            int rc = vchan_server_open(&pair.server, pair.server_hv, 0, orders[i][0], orders[i][1],
                                       pair.pages);
            if (rc != 0) {
                failures++;
                ck_assert_int_eq(rc, -ENOSPC);
                pair_check_empty(&pair);
                continue;
            }
            rc = vchan_client_open(&pair.client, pair.client_hv, PAIR_SERVER, pair.server.ring_ref,
                                   pair.server.port);
            bool complete = sim_fault_points(pair.sim) < n;
            sim_fail_nth(pair.sim, 0);
            if (rc != 0) {
                failures++;
                ck_assert(rc == -ENOSPC || rc == -EAGAIN);
                /* The ring is as it was: the next attempt has it. */
                ck_assert_int_eq(vchan_state(&pair.server), VCHAN_WAITING);
                ck_assert_int_eq(vchan_client_open(&pair.client, pair.client_hv, PAIR_SERVER,
                                                   pair.server.ring_ref, pair.server.port),
                                 0);
            }
            ck_assert_int_eq(vchan_write(&pair.client, "x", 1), 1);
            ck_assert_int_eq(vchan_readable(&pair.server, 1), 1);
            pair_close(&pair);
            if (complete)
                break;
        }
        /* A port and grants; a port and as many mappings as there are runs of pages. */
        ck_assert_uint_eq(failures,
                          1 + pair.page_count + 2 + (orders[i][0] > 11) + (orders[i][1] > 11));
        pair.client.hv = pair.server.hv = NULL;
        pair_destroy(&pair);
    }
}
END_TEST

struct guesser {
    struct pair *pair;
    void *address;
};

/** Map the head as soon as there is one, by a guess at its reference. */
static void guess(void *context, struct hv *victim, const void *address, size_t length)
{
    struct guesser *guesser = context;
    struct pair *pair = guesser->pair;
    grant_ref_t ref = HV_GNTTAB_FIRST;

    if (!guesser->address)
        ck_assert_int_eq(
            hv_grant_map(pair->client_hv, PAIR_SERVER, &ref, 1, false, &guesser->address), 0);
}

/** What fails after a client has mapped a page by a guess is told, and can be released later. */
START_TEST(mapped_before_it_is_open)
{
    struct pair pair;
    struct guesser guesser = {.pair = &pair};

    pair_create(&pair, 1, 12, 12);
    sim_domain_no_faults(pair.client_hv);
    sim_set_adversary(pair.sim, guess, &guesser);
    sim_fail_nth(pair.sim, 4); /* the third grant */
    ck_assert_int_eq(vchan_server_open(&pair.server, pair.server_hv, 0, 12, 12, pair.pages),
                     -EAGAIN);
    sim_set_adversary(pair.sim, NULL, NULL);
    ck_assert_int_eq(vchan_release(&pair.server), -EAGAIN);
    ck_assert_int_eq(hv_grant_unmap(pair.client_hv, guesser.address, 1), 0);
    ck_assert_int_eq(vchan_release(&pair.server), 0);
    pair_check_empty(&pair);
    pair_destroy(&pair);
}
END_TEST

TCase *life_cases(void)
{
    TCase *cases = tcase_create("life");

    tcase_set_timeout(cases, 60);
    tcase_add_test(cases, client_dies);
    tcase_add_test(cases, server_dies);
    tcase_add_test(cases, client_holds_on);
    tcase_add_test(cases, each_call_fails);
    tcase_add_test(cases, mapped_before_it_is_open);
    return cases;
}
