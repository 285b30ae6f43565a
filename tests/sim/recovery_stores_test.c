/* SPDX-License-Identifier: ISC */
/*
 * The service dies between any two of its stores to the first of the reserved pages, plain ones,
 * which is in force without a frame: nothing is lost or done twice, and what the page says of
 * requests that killed is what was seen.
 */
#include "recovery_test.h"
#include "stores.h"

#include "services/xenstored/recorder.h"
#include "services/xenstored/request.h"

#include <check.h>
#include <errno.h>
#include <hv/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS       60
#define STEPS_LATER 25U
#define GUEST       5U

#define OK(call) ck_assert_int_eq((call), 0)

static bool on_page(const struct host *host, const void *address)
{
    return host->reserved != NULL && (uintptr_t)address - (uintptr_t)host->reserved < HV_PAGE_SIZE;
}

static void die_at_store(void *context, const void *address, size_t length)
{
    struct host *host = context;

    if (on_page(host, address))
        host_access(host);
}

/* --- by the model -------------------------------------------------------------------------------
 */

static void arm(struct host *host)
{
    stores_watch(die_at_store, host);
}

static void arm_both(struct host *host)
{
    arm(host);
    host_arm(host);
}

static void disarm(void)
{
    stores_watch(NULL, NULL);
}

/* How many there were, for whoever asks for more of them. */
static void tell(const char *what, unsigned number)
{
    if (getenv("RECOVERY_STRIDE") != NULL)
        fprintf(stderr, "%u %s\n", number, what);
}

/* One death in a run, before each store in turn. */
START_TEST(test_each_store)
{
    unsigned seed = recovery_number("RECOVERY_SEED", (unsigned)_i);
    unsigned stride = recovery_number("RECOVERY_STRIDE", 7), at = recovery_number("RECOVERY_IN", 0),
             runs = 0;
    struct recovery_play one = {
        .seed = seed,
        .steps = recovery_number("RECOVERY_STEPS", STEPS),
        .in = at != 0 ? at : 1 + seed % stride,
        .then = recovery_number("RECOVERY_THEN", 0),
        .arm = arm,
        .disarm = disarm,
    };

    do {
        recovery_play(&one);
        one.in += stride;
        runs += one.deaths;
    } while (at == 0 && one.deaths != 0);
    tell("deaths, one in a run", runs);
    if (at == 0)
        ck_assert_uint_gt(runs, 10);
}
END_TEST

/* A second one, before each store of the recovery from the first. */
START_TEST(test_each_store_of_recovery)
{
    unsigned stride = recovery_number("RECOVERY_STRIDE", 3), runs = 0;
    struct recovery_play two = {
        .seed = (unsigned)_i, .steps = STEPS_LATER, .arm = arm, .disarm = disarm};

    for (two.in = 20 + (unsigned)_i; two.in < 220; two.in += 50) {
        two.then = 1 + (two.in + (unsigned)_i) % stride;
        do {
            recovery_play(&two);
            two.then += stride;
            runs += two.early;
        } while (two.early != 0);
    }
    tell("second deaths, in a recovery", runs);
    ck_assert_uint_gt(runs, 10);
}
END_TEST

/* Many deaths, before stores and before accesses to rings and journal. */
START_TEST(test_again_and_again)
{
    struct recovery_play many = {
        .seed = (unsigned)_i,
        .steps = 300,
        .in = 1 + (unsigned)_i,
        .every = 3000,
        .arm = arm_both,
        .disarm = disarm,
    };

    recovery_play(&many);
    ck_assert_uint_gt(many.deaths, 0);
}
END_TEST

/* --- a journal that is too small ----------------------------------------------------------------
 */

/* A store that does not fit any more, and then does, and how the service dies meanwhile. */
struct outgrown {
    struct host *host;
    bool off; /* at its death, the journal lacked something */
};

static void die_outgrown(struct outgrown *outgrown)
{
    struct host *host = outgrown->host;

    if (host->deaths.stepping && host->deaths.in == 1)
        outgrown->off = host->xs->recorder->off;
    host_access(host);
}

static void die_outgrown_at_store(void *context, const void *address, size_t length)
{
    struct outgrown *outgrown = context;

    if (on_page(outgrown->host, address))
        die_outgrown(outgrown);
}

static void die_outgrown_at_access(void *context, struct hv *victim, const void *address,
                                   size_t length)
{
    struct outgrown *outgrown = context;

    if (victim == outgrown->host->store)
        die_outgrown(outgrown);
}

static int write_big(struct host *host, unsigned i)
{
    char path[32];

    snprintf(path, sizeof(path), "/big/%u", i);
    return client_write_fill(host->dom0, 0, path, 'x', 900); /* the ring has room for it */
}

/* So many of these fit. */
static unsigned find_limit(struct host *host)
{
    unsigned i = 0;

    for (; !host->xs->recorder->off; i++)
        OK(write_big(host, i));
    OK(client_rm(host->dom0, 0, "/big"));
    host_pass(host, 2 * HV_SEC);
    OK(client_write(host->dom0, 0, "/small", ""));
    ck_assert(!host->xs->recorder->off);
    return i - 1;
}

static bool in_store(struct host *host, unsigned i)
{
    char path[32];

    snprintf(path, sizeof(path), "/big/%u", i);
    return client_value(host->dom0, 0, path) != NULL;
}

/* Up to the first request that is not answered; true: there was one. */
static bool grow_and_shrink(struct host *host, unsigned limit)
{
    if (write_big(host, limit) != 0 || client_rm(host->dom0, 0, "/big") != 0)
        return true;
    host_pass(host, 2 * HV_SEC);
    return client_write(host->dom0, 0, "/last", "") != 0;
}

/* A death at the so many-th store or access, and what a successor says; false: there was none. */
static bool outgrow(uint64_t in)
{
    struct host *host = host_create(&(struct host_config){.journal = 9});
    struct outgrown outgrown = {.host = host};
    unsigned limit = find_limit(host);
    bool waits;
    int error;

    for (unsigned i = 0; i < limit; i++)
        OK(write_big(host, i));
    ck_assert(!host->xs->recorder->off);
    host->deaths.alone = true;
    host->deaths.in = in;
    stores_watch(die_outgrown_at_store, &outgrown);
    sim_set_adversary(host->sim, die_outgrown_at_access, &outgrown);
    waits = grow_and_shrink(host, limit);
    stores_watch(NULL, NULL);
    sim_set_adversary(host->sim, NULL, NULL);
    if (!host->deaths.dead) {
        ck_assert(!host->xs->recorder->off);
        host_destroy(host);
        return false;
    }
    host->deaths.alone = false;
    error = host_succeed(host);
    ck_assert_int_eq(error, outgrown.off ? EINVAL : 0);
    if (error == 0) {
        host_run(host);
        for (unsigned i = 0; i < limit; i++)
            ck_assert(in_store(host, i) == in_store(host, 0));
        ck_assert_uint_eq(client_waiting(host->dom0, false), waits);
        client_clear(host->dom0);
        host_destroy(host);
        return true;
    }
    sim_destroy(host->sim);
    client_free(host->dom0);
    free(host->deaths.kept);
    free(host);
    return true;
}

/* A successor refuses the journal if it lacks something, and only then, wherever the death falls.
 */
START_TEST(test_outgrown)
{
    unsigned stride = recovery_number("RECOVERY_STRIDE", 3);

    for (unsigned in = 1; outgrow(in);)
        in += stride;
}
END_TEST

/* --- requests that kill -------------------------------------------------------------------------
 */

/* A request, as the page has it. */
struct request {
    uint64_t hash; /* 0: none */
    uint32_t domid;
};

/* What was seen of requests and deaths, by those who have not read the page. */
struct witness {
    struct host *host;
    struct request now; /* is being decided, or was until the last store */
    bool decided;
    unsigned refusals;
    unsigned count;
    struct {
        struct request request;
        unsigned deaths;
    } seen[JOURNAL_SUSPECTS];
};

static struct witness *witness;

static unsigned *deaths_with(const struct request *request)
{
    unsigned i = 0;

    while (i < witness->count && (witness->seen[i].request.hash != request->hash ||
                                  witness->seen[i].request.domid != request->domid))
        i++;
    if (i == witness->count) {
        ck_assert_uint_lt(i, JOURNAL_SUSPECTS);
        witness->seen[witness->count++].request = *request;
    }
    return &witness->seen[i].deaths;
}

static unsigned known_deaths(const struct request *request)
{
    for (unsigned i = 0; i < witness->count; i++)
        if (witness->seen[i].request.hash == request->hash &&
            witness->seen[i].request.domid == request->domid)
            return witness->seen[i].deaths;
    return 0;
}

/* The service may die here. The first store behind a decision tells that it is no more under way.
 */
static void may_die(void)
{
    struct host *host = witness->host;

    if (host->deaths.stepping && host->deaths.in == 1) {
        if (witness->now.hash != 0)
            ++*deaths_with(&witness->now);
        witness->now.hash = 0;
        witness->decided = false;
    }
    host_access(host);
    if (witness->decided) {
        witness->now.hash = 0;
        witness->decided = false;
    }
}

static void look_at_store(void *context, const void *address, size_t length)
{
    if (on_page(witness->host, address))
        may_die();
}

static void begin(domid_t domid, const struct xs_header *header, const char *payload)
{
    if (witness == NULL)
        return;
    witness->now = (struct request){recorder_hash(domid, header, (const uint8_t *)payload), domid};
    ck_assert_uint_lt(known_deaths(&witness->now), JOURNAL_DEATHS);
    may_die();
}

static void end(void)
{
    if (witness != NULL)
        witness->decided = true;
}

void __real_request_decide(struct xenstored *xs, struct work *work, const struct xs_header *header,
                           const char *payload, struct reply *reply);
void __wrap_request_decide(struct xenstored *xs, struct work *work, const struct xs_header *header,
                           const char *payload, struct reply *reply);
int __real_request_redo(struct xenstored *xs, struct connection *connection,
                        const struct entry_request *request, const char *payload, size_t length);
int __wrap_request_redo(struct xenstored *xs, struct connection *connection,
                        const struct entry_request *request, const char *payload, size_t length);
void __real_request_refuse(struct xenstored *xs, struct work *work, struct reply *reply);
void __wrap_request_refuse(struct xenstored *xs, struct work *work, struct reply *reply);

void __wrap_request_decide(struct xenstored *xs, struct work *work, const struct xs_header *header,
                           const char *payload, struct reply *reply)
{
    begin(work->connection->subject.domid, header, payload);
    __real_request_decide(xs, work, header, payload, reply);
    end();
}

int __wrap_request_redo(struct xenstored *xs, struct connection *connection,
                        const struct entry_request *request, const char *payload, size_t length)
{
    const struct xs_header header = {
        .type = request->type, .tx_id = request->tx_id, .length = (uint32_t)length};
    int error;

    begin(connection->subject.domid, &header, payload);
    error = __real_request_redo(xs, connection, request, payload, length);
    end();
    return error;
}

/* Only who was seen to kill as often as is enough. */
void __wrap_request_refuse(struct xenstored *xs, struct work *work, struct reply *reply)
{
    const struct journal_hint *hint = xs->recorder->hint;
    const struct request request = {hint->request, work->connection->subject.domid};

    ck_assert_uint_ge(known_deaths(&request), JOURNAL_DEATHS);
    witness->refusals++;
    __real_request_refuse(xs, work, reply);
}

/* What the page says of requests that killed is what was seen. */
static void compare(void)
{
    const struct journal_hint *hint = witness->host->reserved;
    unsigned count = 0;

    for (unsigned i = 0; i < JOURNAL_SUSPECTS; i++) {
        const struct journal_suspect *suspect = &hint->suspects[i];

        if (suspect->hash == 0)
            continue;
        count++;
        ck_assert_uint_eq(known_deaths(&(struct request){suspect->hash, suspect->domid}),
                          suspect->deaths);
    }
    ck_assert_uint_eq(count, witness->count);
    ck_assert_uint_eq(hint->request, 0);
}

/* Each result is as without deaths, but where a request has killed too often. */
static void check_result(int result, int expected)
{
    bool poison = false;

    for (unsigned i = 0; i < witness->count; i++)
        poison |= witness->seen[i].deaths >= JOURNAL_DEATHS;
    if (result == EIO)
        ck_assert_uint_gt(witness->refusals, 0);
    if (!poison)
        ck_assert_int_eq(result, expected);
}

/* Requests of two domains, of each kind that the recorder tells from others. */
static void ask(struct host *host, struct client *guest)
{
    uint32_t tx = 0;
    int error;

    check_result(client_write(host->dom0, 0, "/a/d", "1"), 0);
    check_result(client_write(guest, 0, "/a/g", "2"), 0);
    check_result(client_call(host->dom0, 0, WIRE_READ, "/a|", NULL), 0);
    check_result(client_call(guest, 0, WIRE_READ, "/a|", NULL), 0);
    check_result(client_write(guest, 0, "/b", "3"), EACCES);
    error = client_begin(guest, &tx);
    check_result(error, 0);
    if (error == 0) {
        check_result(client_write(guest, tx, "/a/t", "4"), 0);
        check_result(client_end(guest, tx, true), 0);
    }
    check_result(client_write(guest, 0, "/a/g", "5"), 0);
}

/* A play of few requests, with a death or two, and what came of it. */
struct brief {
    uint64_t in, then; /* as in struct host_deaths */
    unsigned deaths, suspects, refusals;
};

static void play_brief(struct brief *brief)
{
    struct host *host = host_create(&(struct host_config){.journal = 33});
    struct client *guest = host_guest(host, GUEST);
    struct witness mine = {.host = host};

    OK(client_mkdir(host->dom0, 0, "/a"));
    OK(client_set_perms(host->dom0, 0, "/a", "n5"));
    witness = &mine;
    host->deaths.poison = true;
    host->deaths.in = brief->in;
    host->deaths.then = brief->then;
    stores_watch(look_at_store, NULL);
    ask(host, guest);
    compare();
    stores_watch(NULL, NULL);
    witness = NULL;
    brief->deaths = host->deaths.count;
    brief->suspects = mine.count;
    brief->refusals = mine.refusals;
    host_destroy(host);
}

/*
 * A death before each store and before each decision, and a second one anywhere behind it; where a
 * request was under way at the first, at every other of these: two of them are of each request.
 */
START_TEST(test_counts)
{
    struct brief brief = {.in = recovery_number("RECOVERY_IN", 0),
                          .then = recovery_number("RECOVERY_THEN", 0)};
    unsigned stride = recovery_number("RECOVERY_STRIDE", 9), refusals = 0, twice = 0;

    if (brief.in != 0) {
        play_brief(&brief);
        return;
    }
    do {
        unsigned step;

        brief.in++;
        brief.then = 0;
        play_brief(&brief);
        step = brief.suspects != 0 && stride > 2 ? 2 : stride;
        brief.then = 1 + brief.in % step;
        for (bool all = brief.deaths == 0; !all; brief.then += step) {
            play_brief(&brief);
            all = brief.deaths < 2;
            twice += !all;
            refusals += brief.refusals;
        }
    } while (brief.deaths != 0);
    tell("second deaths", twice);
    tell("refused", refusals);
    ck_assert_uint_gt(twice, 100);
    ck_assert_uint_gt(refusals, 8);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("recovery, store by store");
    TCase *model = tcase_create("model");
    TCase *poison = tcase_create("poison");
    int sweeps = getenv("RECOVERY_SEED") != NULL ? 1 : (int)recovery_number("RECOVERY_SWEEPS", 3);

    setenv("HOST_JOURNAL", "129", 0);
    tcase_set_timeout(model, 7200);
    tcase_set_timeout(poison, 7200);
    tcase_add_loop_test(model, test_each_store, 0, sweeps);
    tcase_add_loop_test(model, test_each_store_of_recovery, 0, sweeps);
    tcase_add_loop_test(model, test_again_and_again, 0, 4 * sweeps);
    tcase_add_test(poison, test_outgrown);
    tcase_add_test(poison, test_counts);
    suite_add_tcase(suite, model);
    suite_add_tcase(suite, poison);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
