/* SPDX-License-Identifier: ISC */
/* hv/linux over stand-ins for Linux's drivers. */
#include "tests/unit/unit.h"

#include "fake.h"
#include "hv/linux/linux.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

static struct hv *open_it(void)
{
    fake_reset();
    struct hv *hv = hv_linux_open();
    ck_assert_ptr_nonnull(hv);
    return hv;
}

static void close_it(struct hv *hv)
{
    hv_linux_close(hv);
    ck_assert_uint_eq(fake.evtchn_open, 0);
    ck_assert_uint_eq(fake.gnttab_open, 0);
    ck_assert_uint_eq(fake.control_open, 0);
    ck_assert_uint_eq(fake.maps, 0);
}

/** A port without a pending event. */
static evtchn_port_t bind_it(struct hv *hv)
{
    evtchn_port_t port;

    ck_assert_int_eq(hv_evtchn_bind_interdomain(hv, 3, 9, &port), 0);
    ck_assert_uint_eq(hv_evtchn_next(hv), port);
    ck_assert_uint_eq(hv_evtchn_next(hv), 0);
    return port;
}

START_TEST(opening_fails)
{
    fake_reset();
    fake.evtchn_errno = ENOENT;
    ck_assert_ptr_null(hv_linux_open());
    ck_assert_int_eq(errno, ENOENT);
    fake_reset();
    fake.gnttab_errno = EACCES;
    ck_assert_ptr_null(hv_linux_open());
    ck_assert_int_eq(errno, EACCES);
    ck_assert_uint_eq(fake.evtchn_open, 0);
    close_it(open_it());
}
END_TEST

START_TEST(binding)
{
    struct hv *hv = open_it();
    evtchn_port_t port, other;

    ck_assert_int_eq(hv_evtchn_bind_interdomain(hv, 3, 9, &port), 0);
    ck_assert(fake.domid == 3 && fake.remote_port == 9);
    ck_assert(port > 0 && port < HV_EVTCHN_PORTS);
    ck_assert_uint_eq(hv_evtchn_next(hv), port); /* one looks once */
    ck_assert_uint_eq(hv_evtchn_next(hv), 0);

    static const int errors[][2] = {{EINVAL, -EINVAL}, {ESRCH, -ESRCH},   {ENOSPC, -ENOSPC},
                                    {ENOMEM, -ENOSPC}, {EACCES, -EACCES}, {EIO, -EINVAL}};
    for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        fake.bind_errno = errors[i][0];
        ck_assert_int_eq(hv_evtchn_bind_interdomain(hv, 3, 9, &other), errors[i][1]);
    }
    fake.bind_errno = 0;
    ck_assert_int_eq(hv_evtchn_send(hv, port), 0);
    ck_assert_uint_eq(fake.notified_last, FAKE_NUMBER_FIRST);
    ck_assert_int_eq(hv_evtchn_send(hv, 0), -EINVAL);
    ck_assert_int_eq(hv_evtchn_send(hv, port + 1), -EINVAL);
    ck_assert_int_eq(hv_evtchn_send(hv, UINT32_MAX), -EINVAL);
    ck_assert_uint_eq(fake.notified, 1);
    ck_assert_int_eq(hv_evtchn_close(hv, port), 0);
    ck_assert_int_eq(hv_evtchn_close(hv, port), -EINVAL);
    ck_assert_int_eq(hv_evtchn_send(hv, port), -EINVAL);
    ck_assert_uint_eq(fake.ports, 0);
    close_it(hv);
}
END_TEST

START_TEST(table_full)
{
    struct hv *hv = open_it();
    evtchn_port_t ports[64], extra;

    for (unsigned i = 0; i < 64; i++)
        ck_assert_int_eq(hv_evtchn_bind_interdomain(hv, 3, i + 1, &ports[i]), 0);
    ck_assert_int_eq(hv_evtchn_bind_interdomain(hv, 3, 65, &extra), -ENOSPC);
    ck_assert_uint_eq(fake.ports, 64);
    ck_assert_int_eq(hv_evtchn_close(hv, ports[40]), 0);
    ck_assert_int_eq(hv_evtchn_bind_interdomain(hv, 3, 65, &extra), 0);
    ck_assert_uint_eq(extra, ports[40]);
    close_it(hv);
}
END_TEST

/** Each event is seen, those that come while the last is handled, too; none is made up. */
START_TEST(events)
{
    struct hv *hv = open_it();
    evtchn_port_t a = bind_it(hv), b = bind_it(hv);
    uint32_t number_a = FAKE_NUMBER_FIRST, number_b = FAKE_NUMBER_FIRST + 1;

    for (unsigned i = 0; i < 5; i++) {
        fake_raise(number_a);
        ck_assert_uint_eq(hv_evtchn_next(hv), a);
        fake_raise(number_a);
        ck_assert_uint_eq(hv_evtchn_next(hv), a);
        ck_assert_uint_eq(hv_evtchn_next(hv), 0);
    }
    fake_raise(number_b);
    fake_raise(number_a); /* a is signalled without end, b gets its turn */
    for (unsigned turns = 0; hv_evtchn_next(hv) != b; turns++) {
        ck_assert_uint_eq(turns, 0);
        fake_raise(number_a);
    }
    close_it(hv);
}
END_TEST

START_TEST(masking)
{
    struct hv *hv = open_it();
    evtchn_port_t port = bind_it(hv);
    uint64_t start;

    hv_evtchn_mask(hv, port);
    fake_raise(FAKE_NUMBER_FIRST);
    ck_assert_uint_eq(hv_evtchn_next(hv), 0);
    fake_raise(FAKE_NUMBER_FIRST);
    start = hv_now(hv);
    hv_wait(hv, start + 20 * HV_MSEC); /* what is masked does not wake us */
    ck_assert_uint_ge(hv_now(hv), start + 20 * HV_MSEC);
    hv_evtchn_unmask(hv, port);
    hv_wait(hv, HV_NEVER);
    ck_assert_uint_eq(hv_evtchn_next(hv), port);
    ck_assert_uint_eq(hv_evtchn_next(hv), port); /* the second came while the first waited */
    ck_assert_uint_eq(hv_evtchn_next(hv), 0);
    close_it(hv);
}
END_TEST

/** An event of a port that is closed before it was handed out is forgotten. */
START_TEST(closing_forgets)
{
    struct hv *hv = open_it();
    evtchn_port_t first = bind_it(hv), second = bind_it(hv);

    fake_raise(FAKE_NUMBER_FIRST);
    fake_raise(FAKE_NUMBER_FIRST + 1);
    ck_assert_int_eq(hv_evtchn_close(hv, first), 0);
    ck_assert_uint_eq(hv_evtchn_next(hv), second);
    ck_assert_uint_eq(hv_evtchn_next(hv), 0);
    first = bind_it(hv);
    fake_raise(FAKE_NUMBER_FIRST);
    hv_wait(hv, HV_NEVER); /* has heard of it */
    ck_assert_int_eq(hv_evtchn_close(hv, first), 0);
    ck_assert_uint_eq(hv_evtchn_next(hv), 0);
    close_it(hv);
}
END_TEST

static void on_signal(int number)
{
}

static void interrupt_soon(void)
{
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    struct sigaction action = {.sa_handler = on_signal};

    sigaction(SIGALRM, &action, NULL);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &soon, NULL), 0);
}

START_TEST(waiting)
{
    struct hv *hv = open_it();
    evtchn_port_t port = bind_it(hv);
    uint64_t start = hv_now(hv);
    int ends[2];

    ck_assert_int_eq(pipe(ends), 0);
    hv_wait(hv, start + 20 * HV_MSEC);
    ck_assert_uint_ge(hv_now(hv), start + 20 * HV_MSEC);
    hv_wait(hv, 0);
    fake_raise(FAKE_NUMBER_FIRST);
    hv_wait(hv, HV_NEVER);
    hv_wait(hv, HV_NEVER); /* it stays pending until it is taken */
    ck_assert(!hv_linux_wait(hv, HV_NEVER, ends[0]));
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert(hv_linux_wait(hv, HV_NEVER, ends[0])); /* both */
    ck_assert_uint_eq(hv_evtchn_next(hv), port);
    ck_assert(hv_linux_wait(hv, HV_NEVER, ends[0]));
    char byte;
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    start = hv_now(hv);
    ck_assert(!hv_linux_wait(hv, start + 20 * HV_MSEC, ends[0]));
    ck_assert_uint_ge(hv_now(hv), start + 20 * HV_MSEC);
    interrupt_soon();
    ck_assert(!hv_linux_wait(hv, HV_NEVER, ends[0]));
    close(ends[1]);
    ck_assert(hv_linux_wait(hv, HV_NEVER, ends[0])); /* its end is to be read, too */
    close(ends[0]);
    close_it(hv);
}
END_TEST

START_TEST(mapping)
{
    static const grant_ref_t refs[] = {17, 4, 4};
    struct hv *hv = open_it();
    void *three, *one, *none = hv;

    ck_assert_int_eq(hv_grant_map(hv, 3, refs, 0, false, &none), -EINVAL);
    ck_assert_int_eq(hv_grant_map(hv, 3, refs, 3, true, &three), 0);
    ck_assert(fake.domid == 3 && fake.count == 3 && fake.prot == PROT_READ);
    ck_assert(fake.refs[0] == 17 && fake.refs[1] == 4 && fake.refs[2] == 4);
    ck_assert_int_eq(hv_grant_map(hv, 3, refs, 1, false, &one), 0);
    ck_assert_int_eq(fake.prot, PROT_READ | PROT_WRITE);
    static const int errors[][2] = {
        {EINVAL, -EINVAL}, {ENOMEM, -ENOSPC}, {EAGAIN, -EAGAIN}, {EFAULT, -EINVAL}};
    for (unsigned i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        fake.map_errno = errors[i][0];
        ck_assert_int_eq(hv_grant_map(hv, 3, refs, 2, false, &none), errors[i][1]);
    }
    fake.map_errno = 0;
    ck_assert_ptr_eq(none, hv);
    ck_assert_uint_eq(fake.maps, 2);
    ck_assert_int_eq(hv_grant_unmap(hv, three, 2), -EINVAL);
    ck_assert_int_eq(hv_grant_unmap(hv, hv, 1), -EINVAL);
    ck_assert_int_eq(hv_grant_unmap(hv, three, 3), 0);
    ck_assert_int_eq(hv_grant_unmap(hv, three, 3), -EINVAL);
    ck_assert_uint_eq(fake.maps, 1);
    close_it(hv); /* takes the other with it */
}
END_TEST

START_TEST(mapping_that_tells)
{
    struct hv *hv = open_it();
    void *address;

    ck_assert_int_eq(hv_grant_map_notify(hv, 3, 17, 20, 1, &address),
                     -EINVAL); /* no port of ours */
    (void)bind_it(hv);
    evtchn_port_t port = bind_it(hv);
    ck_assert_int_eq(hv_grant_map_notify(hv, 3, 17, HV_PAGE_SIZE, port, &address), -EINVAL);
    ck_assert_int_eq(hv_grant_map_notify(hv, 3, 17, 20, port, &address), 0);
    ck_assert(fake.refs[0] == 17 && fake.domid == 3 && fake.prot == (PROT_READ | PROT_WRITE));
    ck_assert_uint_eq(fake.notify_offset, 20);
    ck_assert_uint_eq(fake.notify_port, FAKE_NUMBER_FIRST + 1);
    fake.map_errno = ENOMEM;
    ck_assert_int_eq(hv_grant_map_notify(hv, 3, 17, 20, port, &address), -ENOSPC);
    ck_assert_int_eq(hv_grant_unmap(hv, address, 1), 0);
    close_it(hv);
}
END_TEST

START_TEST(other_end)
{
    struct hv *hv = open_it();
    evtchn_port_t port = bind_it(hv);

    fake.remote_bound = true;
    ck_assert_int_eq(hv_evtchn_bound(hv, port), 1);
    fake.remote_bound = false;
    ck_assert_int_eq(hv_evtchn_bound(hv, port), 0);
    fake.status_errno = EPERM;
    ck_assert_int_eq(hv_evtchn_bound(hv, port), -EPERM);
    ck_assert_int_eq(hv_evtchn_bound(hv, port + 1), -EINVAL);
    ck_assert_uint_eq(fake.control_open, 1);
    close_it(hv);
}
END_TEST

START_TEST(the_rest)
{
    struct hv *hv = open_it();
    unsigned char a[300] = {0}, b[300] = {0};
    uint64_t now = hv_now(hv);

    ck_assert_uint_ge(hv_now(hv), now);
    ck_assert_uint_gt(hv_wallclock(hv), UINT64_C(1577836800) * HV_SEC); /* 2020 */
    hv_random(hv, a, sizeof(a) - 1);
    hv_random(hv, b, sizeof(b) - 1);
    ck_assert(memcmp(a, b, sizeof(a)) != 0);
    ck_assert(a[299] == 0 && b[299] == 0);
    close_it(hv);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("linux");
    TCase *cases = tcase_create("process");

    tcase_add_test(cases, opening_fails);
    tcase_add_test(cases, binding);
    tcase_add_test(cases, table_full);
    tcase_add_test(cases, events);
    tcase_add_test(cases, masking);
    tcase_add_test(cases, closing_forgets);
    tcase_add_test(cases, waiting);
    tcase_add_test(cases, mapping);
    tcase_add_test(cases, mapping_that_tells);
    tcase_add_test(cases, other_end);
    tcase_add_test(cases, the_rest);
    suite_add_tcase(suite, cases);
    return suite;
}
