/* SPDX-License-Identifier: ISC */
/** @file How `atoll watchd` goes about a service, on a host that is made up. */
#include "exit_codes.h"
#include "watch.h"
#include "watchd.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#define SECOND 1000000000ull
#define START  1795000000ull

/* The host as the test has it. */
static struct {
    bool has_record, lock_taken, recover_fails, ends;
    struct record record;
    enum watch_sight sight;
    const char *reason;
    int locks;    /* held by us */
    uint8_t died; /* the domain that did last */
    unsigned kept, taken, let_go, handed_on, saved, recoveries, published;
    bool mapped;
    int code; /* of the recovery; -1: it is at work */
    uint64_t now;
    char said[2048];
    struct watch_state told;
} host;

static struct watch watch;

static int host_read(void *context, const char *service, struct record *record)
{
    ck_assert_str_eq(service, "switch");
    *record = host.record;
    return host.has_record;
}

static enum watch_sight host_look(void *context, const struct record *record, const char **reason)
{
    /* Another domain than the one that is there is none. */
    if (memcmp(record->handle, host.record.handle, 16) != 0)
        return WATCH_GONE;
    if (host.sight == WATCH_ENDED)
        *reason = host.reason;
    return host.sight;
}

static int host_lock(void *context, const char *service)
{
    if (host.lock_taken)
        return -EWOULDBLOCK;
    host.locks++;
    return 7;
}

static void host_unlock(void *context, int lock)
{
    ck_assert_int_eq(lock, 7);
    host.locks--;
}

static void host_keep(void *context, struct watch *w)
{
    ck_assert(!host.mapped);
    host.kept++;
    host.mapped = true;
}

static void host_take(void *context, struct watch *w)
{
    ck_assert(host.mapped);
    host.taken++;
}

static void host_let_go(void *context, struct watch *w)
{
    host.let_go++;
    host.mapped = false;
}

static void host_hand_on(void *context, struct watch *w)
{
    ck_assert(w->taken && host.locks == 1);
    host.handed_on++;
}

/* Clients wait for the successor, not for a report: none is written while one is due or under way.
 */
static void host_save(void *context, struct watch *w)
{
    ck_assert(w->taken && !host.mapped);
    ck_assert(w->phase != WATCH_RECOVERING || host.code >= 0);
    ck_assert(w->phase != WATCH_WAITING || w->state.row > 1 || host.ends);
    ck_assert_uint_eq(w->record.handle[0], host.died);
    host.saved++;
    snprintf(w->state.report, sizeof(w->state.report), "report-%u", host.saved);
}

static int host_recover(void *context, struct watch *w)
{
    ck_assert(!host.mapped && !host.locks); /* its domid is to be free, and so is its lock */
    if (host.recover_fails)
        return -EAGAIN;
    host.recoveries++;
    host.code = -1;
    return 0;
}

static int host_recovered(void *context, struct watch *w, uint64_t now)
{
    return host.code;
}

static void host_tell(void *context, const struct watch *w, int level, const char *text)
{
    ck_assert(level >= LOG_CRIT && level <= LOG_INFO);
    if (level == LOG_INFO)
        ck_assert_str_eq(text, "switch, domain 3, is watched");
    else
        snprintf(host.said + strlen(host.said), sizeof(host.said) - strlen(host.said), "%s\n",
                 text);
}

static void host_publish(void *context, const struct watch *w)
{
    host.published++;
    host.told = w->state;
}

static uint64_t host_wallclock(void *context)
{
    return START * SECOND + host.now;
}

static const struct watch_host functions = {
    .read = host_read,
    .look = host_look,
    .lock = host_lock,
    .unlock = host_unlock,
    .keep = host_keep,
    .take = host_take,
    .let_go = host_let_go,
    .hand_on = host_hand_on,
    .save = host_save,
    .recover = host_recover,
    .recovered = host_recovered,
    .tell = host_tell,
    .publish = host_publish,
    .wallclock = host_wallclock,
};

static void turn(void)
{
    (void)watch_turn(&watch, &functions, host.now, true);
    ck_assert_int_eq(host.locks, 0);
}

static void pass(uint64_t ns)
{
    host.now += ns;
    turn();
}

/* A domain of the service is there, and the record says so. */
static void started(uint8_t number)
{
    host.has_record = true;
    host.record =
        (struct record){.service = "switch", .domid = 3, .started = START + host.now / SECOND};
    host.record.handle[0] = number;
    host.sight = WATCH_RUNS;
}

static void setup(void)
{
    memset(&host, 0, sizeof(host));
    host.now = 5 * SECOND;
    watch_begin(&watch, "switch", 3, &(struct watch_state){0});
    started(1);
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WATCHED);
    ck_assert(host.mapped);
}

static void teardown(void)
{
    host.ends = true;
    watch_end(&watch, &functions);
    ck_assert(!host.mapped);
}

static void dies(enum watch_sight sight, const char *reason)
{
    host.sight = sight;
    host.reason = reason;
    host.died = host.record.handle[0];
}

START_TEST(a_crash_is_saved_and_recovered)
{
    pass(100 * SECOND);
    ck_assert_int_eq(watch.phase, WATCH_WATCHED);
    dies(WATCH_ENDED, "crashed");
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WAITING);
    ck_assert_uint_eq(host.handed_on, 1);
    ck_assert_uint_eq(host.published, 0);
    ck_assert(!host.mapped);
    ck_assert_str_eq(watch.state.reason, "crashed");
    ck_assert_str_eq(host.said, "switch, domain 3, crashed\n");
    turn(); /* at once: it is the first */
    ck_assert_int_eq(watch.phase, WATCH_RECOVERING);
    turn();
    ck_assert_int_eq(watch.phase, WATCH_RECOVERING);
    ck_assert_uint_eq(host.published, 0);
    started(2);
    host.code = 0;
    pass(SECOND / 100);
    ck_assert_int_eq(watch.phase, WATCH_WATCHED);
    ck_assert_uint_eq(watch.record.handle[0], 2);
    ck_assert(host.mapped);
    ck_assert_uint_eq(host.told.deaths, 1);
    ck_assert_uint_eq(host.told.recovered, 1);
    ck_assert_uint_eq(host.recoveries, 1);
    ck_assert_uint_eq(host.saved, 1);
    ck_assert_str_eq(host.told.report, "report-1");
    ck_assert_ptr_nonnull(strstr(host.said, " 10 ms after"));
    ck_assert_ptr_nonnull(strstr(host.said, "why it crashed is in the report report-1\n"));
}
END_TEST

START_TEST(a_destroyed_domain_is_let_go)
{
    dies(WATCH_DYING, NULL);
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WAITING);
    ck_assert_uint_eq(host.taken, 1);
    ck_assert(!host.mapped);
    ck_assert_str_eq(watch.state.reason, "was destroyed");
}
END_TEST

/* `atoll stop` has the lock, and removes the record before it lets go of it. */
START_TEST(a_stop_is_no_death)
{
    host.lock_taken = true;
    dies(WATCH_ENDED, "powered off");
    turn();
    ck_assert_int_eq(watch.phase, WATCH_DEAD);
    ck_assert(host.mapped); /* it may be a crash, yet */
    dies(WATCH_DYING, NULL);
    turn();
    ck_assert(!host.mapped); /* the command waits for the domid */
    ck_assert_uint_eq(host.taken, 1);
    turn();
    host.has_record = false;
    turn();
    ck_assert_int_eq(watch.phase, WATCH_DEAD);
    host.lock_taken = false;
    turn();
    ck_assert_int_eq(watch.phase, WATCH_IDLE);
    ck_assert_uint_eq(host.saved + host.recoveries + host.published, 0);
    started(2);
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WATCHED);
}
END_TEST

/* A command that is killed in the midst leaves a record: nobody wanted it to be dead. */
START_TEST(a_killed_command_is_a_death)
{
    host.lock_taken = true;
    dies(WATCH_DYING, NULL);
    turn();
    dies(WATCH_GONE, NULL);
    turn();
    host.record.handle[0] = 2; /* of a successor that never was */
    host.record.started = 0;
    host.lock_taken = false;
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WAITING);
    ck_assert_uint_eq(host.taken, 1);
    ck_assert_uint_eq(host.handed_on, 1);
    teardown(); /* watchd is ended; what it knows of a death is not lost */
    ck_assert_uint_eq(host.saved, 1);
}
END_TEST

START_TEST(a_restart_by_another_is_no_death)
{
    host.lock_taken = true;
    dies(WATCH_DYING, NULL);
    turn();
    host.record.handle[0] = 2; /* written before the domain is made */
    host.record.started = 0;
    turn();
    started(2);
    turn();
    host.lock_taken = false;
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WATCHED);
    ck_assert_uint_eq(watch.record.handle[0], 2);
    ck_assert(host.mapped);
    ck_assert_uint_eq(host.saved + host.recoveries, 0);
}
END_TEST

/* A take over: the record says so before the domain is destroyed, and nothing is copied. */
START_TEST(a_take_over_waits_for_nobody)
{
    host.lock_taken = true;
    host.record.taken = true;
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WATCHED);
    ck_assert(!host.mapped);
    ck_assert_uint_eq(host.taken, 0);
    started(2);
    host.lock_taken = false;
    turn();
    ck_assert_uint_eq(watch.record.handle[0], 2);
    ck_assert(host.mapped);
    ck_assert_uint_eq(host.saved + host.recoveries, 0);
}
END_TEST

/* Seen only when it is over: the record has another domain, which runs. */
START_TEST(a_quick_restart_is_no_death)
{
    started(2);
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WATCHED);
    ck_assert_uint_eq(watch.record.handle[0], 2);
    ck_assert_uint_eq(host.saved, 0);
}
END_TEST

/* Dies at once, again and again. */
START_TEST(it_backs_off_and_gives_up)
{
    static const uint64_t pauses[] = {0, 1, 2};

    for (unsigned i = 0; i < 3; i++) {
        dies(WATCH_ENDED, "crashed");
        turn();
        ck_assert_int_eq(watch.phase, WATCH_WAITING);
        ck_assert_uint_eq(watch.due - host.now, pauses[i] * SECOND);
        ck_assert_uint_eq(host.told.retry,
                          pauses[i] ? host_wallclock(NULL) + pauses[i] * SECOND : 0);
        if (pauses[i]) {
            pass(pauses[i] * SECOND - 1);
            ck_assert_int_eq(watch.phase, WATCH_WAITING);
        }
        pass(1);
        ck_assert_int_eq(watch.phase, WATCH_RECOVERING);
        started((uint8_t)(2 + i));
        host.code = 0;
        turn();
        ck_assert_int_eq(watch.phase, WATCH_WATCHED);
    }
    dies(WATCH_ENDED, "crashed");
    turn();
    ck_assert_int_eq(watch.phase, WATCH_GIVEN_UP);
    ck_assert(host.told.gave_up);
    ck_assert_ptr_nonnull(strstr(host.said, "`atoll restart switch`"));
    pass(1000 * SECOND);
    ck_assert_int_eq(watch.phase, WATCH_GIVEN_UP);
    ck_assert_uint_eq(host.recoveries, 3);
    ck_assert_uint_eq(host.told.deaths, 4);
    ck_assert_uint_eq(host.told.recovered, 3);
    /* Somebody starts it: all is well again, and is said to be. */
    started(9);
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WATCHED);
    ck_assert(!host.told.gave_up);
}
END_TEST

START_TEST(a_minute_makes_it_well)
{
    dies(WATCH_ENDED, "crashed");
    turn();
    turn();
    started(2);
    host.code = 0;
    turn();
    pass(59 * SECOND);
    dies(WATCH_ENDED, "crashed");
    turn();
    ck_assert_uint_eq(watch.state.row, 2);
    pass(SECOND);
    started(3);
    host.code = 0;
    turn();
    pass(60 * SECOND);
    dies(WATCH_ENDED, "hung");
    turn();
    ck_assert_uint_eq(watch.state.row, 1);
    ck_assert_uint_eq(watch.due, host.now);
    ck_assert_str_eq(watch.state.reason, "hung");
}
END_TEST

START_TEST(a_failed_recovery_is_tried_again)
{
    dies(WATCH_ENDED, "crashed");
    turn();
    turn();
    host.code = ATOLL_NO_ANSWER;
    host.has_record = false; /* the start has left nothing behind */
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WAITING);
    ck_assert_uint_eq(watch.state.row, 2);
    ck_assert_uint_eq(host.saved, 1); /* while it waits for the next try */
    ck_assert_str_eq(host.told.report, "report-1");
    pass(SECOND);
    ck_assert_int_eq(watch.phase, WATCH_RECOVERING);
    host.code = ATOLL_NO_ANSWER;
    turn();
    pass(2 * SECOND);
    ck_assert_int_eq(watch.phase, WATCH_RECOVERING);
    host.published = 0;
    pass(SECOND - 1);
    ck_assert_uint_eq(host.published, 0);
    pass(1); /* it takes longer: others are told that it is under way */
    pass(SECOND);
    ck_assert_uint_eq(host.published, 1);
    started(2);
    host.code = 0;
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WATCHED);
    ck_assert_uint_eq(host.told.deaths, 1);
    ck_assert_uint_eq(host.told.recovered, 1);
    ck_assert_uint_eq(host.saved, 1);
}
END_TEST

START_TEST(what_needs_a_reboot_is_given_up)
{
    dies(WATCH_ENDED, "crashed");
    turn();
    turn();
    host.code = ATOLL_NEEDS_REBOOT;
    turn();
    ck_assert_int_eq(watch.phase, WATCH_GIVEN_UP);
    ck_assert(host.told.gave_up);
    pass(100 * SECOND);
    ck_assert_uint_eq(host.recoveries, 1);
}
END_TEST

START_TEST(who_cannot_begin_waits)
{
    host.recover_fails = true;
    dies(WATCH_ENDED, "crashed");
    turn();
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WAITING);
    host.recover_fails = false;
    pass(SECOND);
    ck_assert_int_eq(watch.phase, WATCH_RECOVERING);
    /* Another command was quicker: no failure of ours. */
    host.code = ATOLL_RUNNING;
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WAITING);
    ck_assert_uint_eq(watch.state.row, 2);
    started(2);
    turn();
    ck_assert_int_eq(watch.phase, WATCH_WATCHED);
}
END_TEST

START_TEST(stopped_while_it_waits)
{
    for (unsigned i = 0; i < 2; i++) {
        dies(WATCH_ENDED, "crashed");
        turn();
        if (i == 0) {
            turn();
            started(2);
            host.code = 0;
            turn();
        }
    }
    ck_assert_int_eq(watch.phase, WATCH_WAITING);
    host.has_record = false;
    turn();
    ck_assert_int_eq(watch.phase, WATCH_IDLE);
    ck_assert_uint_eq(host.told.retry, 0);
    pass(100 * SECOND);
    ck_assert_uint_eq(host.recoveries, 1);
}
END_TEST

START_TEST(no_recovery_is_wanted)
{
    watch.limit = 0;
    dies(WATCH_ENDED, "crashed");
    turn();
    ck_assert_int_eq(watch.phase, WATCH_GIVEN_UP);
    ck_assert_uint_eq(host.saved, 1);
    pass(100 * SECOND);
    ck_assert_uint_eq(host.recoveries, 0);
}
END_TEST

START_TEST(pauses)
{
    static const uint64_t seconds[] = {0, 0, 1, 2, 4, 8, 16, 32, 60, 60};

    for (unsigned i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
        ck_assert_uint_eq(watch_pause(i), seconds[i] * SECOND);
    ck_assert_uint_eq(watch_pause(UINT64_MAX), 60 * SECOND);
}
END_TEST

/* --- what others are told ----------------------------------------------------------------------
 */

static const struct watch_state whole = {.service = "switch",
                                         .deaths = 5,
                                         .recovered = 4,
                                         .row = 2,
                                         .last_death = START * SECOND,
                                         .retry = (START + 2) * SECOND,
                                         .reason = "crashed",
                                         .report = "switch-20261118T100640.000Z"};

START_TEST(state_there_and_back)
{
    char *text = watch_state_format(&whole);
    struct watch_state read;

    ck_assert_ptr_nonnull(text);
    ck_assert_int_eq(watch_state_parse(text, strlen(text), &read), 0);
    ck_assert_mem_eq(&read, &whole, sizeof(read));
    for (size_t length = 0; length + 1 < strlen(text); length++)
        ck_assert_int_eq(watch_state_parse(text, length, &read), -EINVAL);
    *strstr(text, "\"report\"") = '\0';
    strcat(text, "\"report\": 5}");
    ck_assert_int_eq(watch_state_parse(text, strlen(text), &read), -EINVAL);
    ck_assert_str_eq(read.service, "");
    free(text);
}
END_TEST

START_TEST(state_in_words)
{
    struct watch_state state = whole;
    char text[512];

    watch_state_text(&state, text, sizeof(text));
    ck_assert_str_eq(text, "5 deaths, 4 of them recovered from; the last (crashed) at "
                           "2026-11-18T11:06:40.000Z; backing off until 2026-11-18T11:06:42.000Z");
    state.retry = 0;
    watch_state_text(&state, text, sizeof(text));
    ck_assert_ptr_null(strstr(text, "backing off"));
    state.gave_up = true;
    watch_state_text(&state, text, sizeof(text));
    ck_assert_ptr_nonnull(strstr(text, "given up after 2 failures in a row"));
    ck_assert_ptr_nonnull(strstr(text, "`atoll restart switch`"));
    state.deaths = 0;
    watch_state_text(&state, text, sizeof(text));
    ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(state_in_a_file)
{
    char dir[64] = "/tmp/test-watch-XXXXXX", path[128];
    struct watch_state read;

    ck_assert_ptr_nonnull(mkdtemp(dir));
    ck_assert(!watch_state_read(dir, "switch", &read));
    ck_assert_str_eq(read.service, "switch");
    ck_assert_int_eq(watch_state_write(dir, &whole), 0);
    ck_assert_int_eq(watch_state_write(dir, &whole), 0);
    ck_assert(watch_state_read(dir, "switch", &read));
    ck_assert_mem_eq(&read, &whole, sizeof(read));
    ck_assert(!watch_state_read(dir, "monitor", &read));
    snprintf(path, sizeof(path), "%s/switch.json", dir);
    unlink(path);
    rmdir(dir);
    ck_assert_int_eq(watch_state_write(dir, &whole), -ENOENT);
}
END_TEST

/* systemd is told by a datagram; nobody is where it has not started us. */
START_TEST(notifies)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char got[64] = "";
    int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

    unsetenv("NOTIFY_SOCKET");
    watchd_notify("READY=1");
    snprintf(address.sun_path, sizeof(address.sun_path), "/tmp/test-notify-%d", getpid());
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    watchd_notify("READY=1");
    ck_assert_int_eq(recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT), 7);
    ck_assert_str_eq(got, "READY=1");
    unlink(address.sun_path);
    watchd_notify("READY=1");
    setenv("NOTIFY_SOCKET", "relative", 1);
    watchd_notify("READY=1");
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("watch");
    TCase *service = tcase_create("service"), *others = tcase_create("others");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(service, setup, teardown);
    tcase_add_test(service, a_crash_is_saved_and_recovered);
    tcase_add_test(service, a_destroyed_domain_is_let_go);
    tcase_add_test(service, a_stop_is_no_death);
    tcase_add_test(service, a_killed_command_is_a_death);
    tcase_add_test(service, a_restart_by_another_is_no_death);
    tcase_add_test(service, a_take_over_waits_for_nobody);
    tcase_add_test(service, a_quick_restart_is_no_death);
    tcase_add_test(service, it_backs_off_and_gives_up);
    tcase_add_test(service, a_minute_makes_it_well);
    tcase_add_test(service, a_failed_recovery_is_tried_again);
    tcase_add_test(service, what_needs_a_reboot_is_given_up);
    tcase_add_test(service, who_cannot_begin_waits);
    tcase_add_test(service, stopped_while_it_waits);
    tcase_add_test(service, no_recovery_is_wanted);
    suite_add_tcase(suite, service);
    tcase_add_test(others, pauses);
    tcase_add_test(others, state_there_and_back);
    tcase_add_test(others, state_in_words);
    tcase_add_test(others, state_in_a_file);
    tcase_add_test(others, notifies);
    suite_add_tcase(suite, others);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
