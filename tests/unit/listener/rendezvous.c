/* SPDX-License-Identifier: ISC */
/* A rendezvous that fails, answers late or forgets. */
#include "house.h"

static struct house house;

static void setup(void)
{
    house_create(&house, 3, HOUSE_SLOTS);
}

static void teardown(void)
{
    house_end(&house);
}

START_TEST(test_path)
{
    char path[RENDEZVOUS_PATH_MAX];

    ck_assert_int_eq(rendezvous_path(path, sizeof(path), 17, 65535, "x/y"), 37);
    ck_assert_str_eq(path, "/local/domain/17/data/vchan/65535/x/y");
    ck_assert_int_ge(rendezvous_path(path, 8, 5, 0, "control"), 8);
    house_listen(&house);
}
END_TEST

/* It is asked again, less and less often, until the numbers are there. */
static void fails(enum notice_mood mood)
{
    struct vchan v;
    unsigned before;

    house.notice.mood = mood;
    house.notice.error = -EAGAIN;
    house_listen(&house);
    house_run(&house, HV_SEC);
    ck_assert_uint_ge(house.notice.publishes, 4);
    ck_assert_uint_le(house.notice.publishes, 8);
    house_run(&house, 20 * HV_SEC);
    before = house.notice.publishes;
    house_run(&house, 100 * HV_SEC);
    ck_assert_uint_ge(house.notice.publishes - before, 19);
    ck_assert_uint_le(house.notice.publishes - before, 21);
    ck_assert(!house.notice.present);

    house.notice.mood = NOTICE_AT_ONCE;
    house.notice.error = 0;
    house_run(&house, 5 * HV_SEC + HV_MSEC);
    ck_assert(house.notice.present);
    before = house.notice.publishes;
    client_join(&house, &v);
    client_echo(&house, &v, 30);
    ck_assert_int_eq(vchan_close(&v), 0);

    /* And once it has gone well, it is hasty again. */
    house.notice.error = -ENOMEM;
    client_join(&house, &v);
    house.notice.error = 0;
    house_run(&house, 60 * HV_MSEC);
    ck_assert(house.notice.present);
    ck_assert_uint_eq(house.notice.publishes, before + 3);
    ck_assert_uint_ne(house.notice.port, v.port);
    ck_assert_int_eq(vchan_close(&v), 0);
}

START_TEST(test_answers_with_an_error)
{
    fails(NOTICE_AT_ONCE);
}
END_TEST

START_TEST(test_refuses)
{
    fails(NOTICE_REFUSES);
}
END_TEST

/* Where nobody can have the numbers, nothing but the next try to publish them wakes the service. */
START_TEST(test_sleeps_unpublished)
{
    struct vchan v;
    uint64_t steps;

    house.notice.mood = NOTICE_REFUSES;
    house.notice.error = -ENOMEM;
    house_listen(&house);
    house_run(&house, 100 * HV_SEC);
    steps = house.steps;
    house_run(&house, 1000 * HV_SEC);
    ck_assert_uint_le(house.steps - steps, 201);

    /* Nor where there were numbers before. */
    house.notice.mood = NOTICE_AT_ONCE;
    house.notice.error = 0;
    house_republish(&house);
    house.notice.mood = NOTICE_REFUSES;
    house.notice.error = -ENOMEM;
    client_join(&house, &v);
    ck_assert_int_eq(vchan_close(&v), 0);
    house_run(&house, 100 * HV_SEC);
    steps = house.steps;
    house_run(&house, 1000 * HV_SEC);
    ck_assert_uint_le(house.steps - steps, 201);
}
END_TEST

/* The numbers may be read, and used, before it is known that they can be. */
START_TEST(test_answers_late)
{
    struct vchan v;

    house.notice.mood = NOTICE_LATE;
    house_listen(&house);
    house_run(&house, 10 * HV_SEC);
    ck_assert_uint_eq(house.notice.publishes, 1);
    house.notice.present = true;
    house.notice.ring_ref = house.notice.asked_ref;
    house.notice.port = house.notice.asked_port;
    client_join(&house, &v);
    client_echo(&house, &v, 10);
    ck_assert_uint_eq(house.notice.publishes, 2);
    ck_assert_uint_ne(house.notice.port, house.notice.asked_port);
    house_answer(&house, 0);
    ck_assert_int_eq(vchan_close(&v), 0);
    house_settle(&house);
    client_join(&house, &v);
    ck_assert_int_eq(vchan_close(&v), 0);
    house_settle(&house);

    /* An error that comes late is one all the same. */
    house_answer(&house, -EPIPE);
    house_run(&house, 51 * HV_MSEC);
    ck_assert_uint_eq(house.notice.publishes, 4);
    house_answer(&house, 0);
    house_run(&house, 10 * HV_SEC);
    ck_assert_uint_eq(house.notice.publishes, 4);
}
END_TEST

/* XenStore was restarted: what was published is published again, whatever was under way. */
START_TEST(test_republishes)
{
    struct vchan clients[HOUSE_SLOTS];
    struct notice before;

    house_listen(&house);
    for (unsigned i = 0; i < 3; i++) {
        house.notice.mood = i == 1 ? NOTICE_LATE : NOTICE_AT_ONCE;
        house.notice.present = false;
        before = house.notice;
        house_republish(&house);
        if (i == 1)
            house_republish(&house);
        if (i == 1)
            house_answer(&house, 0);
        ck_assert(house.notice.present);
        ck_assert_uint_eq(house.notice.port, before.port);
        ck_assert_uint_eq(house.notice.ring_ref, before.ring_ref);
    }
    house_run(&house, 100 * HV_SEC);
    ck_assert_uint_eq(house.notice.publishes, 5);

    /* Where it has failed for long, it is tried as hastily as if it had not. */
    house.notice.mood = NOTICE_REFUSES;
    house.notice.error = -EPIPE;
    house_republish(&house);
    house_run(&house, 100 * HV_SEC);
    house.notice.present = false;
    house_republish(&house);
    house.notice.mood = NOTICE_AT_ONCE;
    house.notice.error = 0;
    house_run(&house, 60 * HV_MSEC);
    ck_assert(house.notice.present);

    /* What is published is not published once more because it failed before. */
    house.notice.mood = NOTICE_REFUSES;
    house.notice.error = -EPIPE;
    house_republish(&house);
    house.notice.mood = NOTICE_AT_ONCE;
    house.notice.error = 0;
    before = house.notice;
    house_republish(&house);
    house_run(&house, 100 * HV_SEC);
    ck_assert_uint_eq(house.notice.publishes, before.publishes + 1);

    /* Where all are in use, what an earlier XenStore remembers is removed. */
    for (unsigned i = 0; i < HOUSE_SLOTS; i++)
        client_join(&house, &clients[i]);
    ck_assert(!house.notice.present);
    house.notice.present = true;
    house_republish(&house);
    ck_assert(!house.notice.present);
    for (unsigned i = 0; i < HOUSE_SLOTS; i++)
        ck_assert_int_eq(vchan_close(&clients[i]), 0);
    house_settle(&house);
    ck_assert(house.notice.present);
}
END_TEST

TCase *rendezvous_cases(void)
{
    TCase *cases = tcase_create("rendezvous");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_path);
    tcase_add_test(cases, test_answers_with_an_error);
    tcase_add_test(cases, test_refuses);
    tcase_add_test(cases, test_sleeps_unpublished);
    tcase_add_test(cases, test_answers_late);
    tcase_add_test(cases, test_republishes);
    return cases;
}
