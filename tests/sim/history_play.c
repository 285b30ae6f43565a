/* SPDX-License-Identifier: ISC */
/* Plays about history: what random operations would hardly meet. */
#include "history_test.h"

#include "host.h"

#include "common/arena.h"
#include "services/xenstored/domain.h"
#include "services/xenstored/replace.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OK(call) ck_assert_int_eq((call), 0)

static struct xenstored *service(const struct host *host)
{
    return host->xs;
}

static uint64_t now(const struct host *host)
{
    return history_newest(host->xs);
}

static uint64_t roll_back(struct host *host, uint64_t version, const char *path)
{
    uint64_t changed;

    OK(replace_rollback(host->xs, version, path, &changed));
    xenstored_step(host->xs);
    host_run(host);
    return changed;
}

static void expect_value(struct host *host, const char *path, const char *value)
{
    const char *is = client_value(host->dom0, 0, path);

    if (value == NULL)
        ck_assert_msg(is == NULL, "%s is there", path);
    else
        ck_assert_str_eq(is != NULL ? is : "(nothing)", value);
}

static void expect_perms(struct host *host, const char *path, const char *perms)
{
    char text[WIRE_PAYLOAD_MAX + 1];

    char payload[96];

    snprintf(payload, sizeof(payload), "%s|", path);
    client_text(host->dom0, 0, WIRE_GET_PERMS, payload, text);
    ck_assert_str_eq(text, perms);
}

START_TEST(test_each_change_is_one_version)
{
    struct host *host = host_create(&(struct host_config){0});
    uint64_t first = now(host);
    const struct version *version;
    uint32_t tx;

    OK(client_write(host->dom0, 0, "/a/b", "1"));
    ck_assert_uint_eq(now(host), first + 1);
    version = history_find(service(host), first + 1);
    ck_assert_int_eq(version->kind, HISTORY_REQUEST);
    ck_assert_uint_eq(version->who, 0);
    ck_assert_uint_eq(version->detail, WIRE_WRITE);
    ck_assert_str_eq(history_path(version), "/a/b");

    /* What changes nothing makes none. */
    expect_value(host, "/a/b", "1");
    OK(client_watch(host->dom0, "/a", "t"));
    ck_assert_int_eq(client_rm(host->dom0, 0, "/a/none"), 0);
    ck_assert_uint_eq(now(host), first + 1);

    OK(client_begin(host->dom0, &tx));
    OK(client_write(host->dom0, tx, "/a/b", "2"));
    OK(client_mkdir(host->dom0, tx, "/a/c"));
    ck_assert_uint_eq(now(host), first + 1);
    OK(client_end(host->dom0, tx, true));
    ck_assert_uint_eq(now(host), first + 2);
    version = history_find(service(host), first + 2);
    ck_assert_int_eq(version->kind, HISTORY_COMMIT);
    ck_assert_uint_eq(version->detail, 2);

    OK(client_begin(host->dom0, &tx));
    OK(client_write(host->dom0, tx, "/a/b", "3"));
    OK(client_end(host->dom0, tx, false));
    ck_assert_uint_eq(now(host), first + 2);
    host_destroy(host);
}
END_TEST

/* A commit that fails halfway leaves nothing behind. */
START_TEST(test_conflict_leaves_no_trace)
{
    struct host *host = host_create(&(struct host_config){0});
    uint64_t before;
    uint32_t tx;

    OK(client_write(host->dom0, 0, "/a", "1"));
    OK(client_begin(host->dom0, &tx));
    OK(client_write(host->dom0, tx, "/b", "1"));
    expect_value(host, "/a", "1");
    ck_assert_str_eq(client_value(host->dom0, tx, "/a"), "1");
    OK(client_write(host->dom0, 0, "/a", "2"));
    before = now(host);
    ck_assert_int_eq(client_end(host->dom0, tx, true), EAGAIN);
    ck_assert_uint_eq(now(host), before);
    OK(client_write(host->dom0, 0, "/a", "3"));
    roll_back(host, before, "/");
    expect_value(host, "/a", "2");
    expect_value(host, "/b", NULL);
    host_destroy(host);
}
END_TEST

START_TEST(test_missing_ancestors_come_back)
{
    struct host *host = host_create(&(struct host_config){0});
    uint64_t version;

    OK(client_write(host->dom0, 0, "/a/b/c", "x"));
    OK(client_write(host->dom0, 0, "/a/b", "kept"));
    OK(client_write(host->dom0, 0, "/a/other", "o"));
    OK(client_set_perms(host->dom0, 0, "/a/b", "n0|r0"));
    version = now(host);
    OK(client_rm(host->dom0, 0, "/a"));
    ck_assert_uint_eq(roll_back(host, version, "/a/b/c"), 3);
    expect_value(host, "/a/b/c", "x");
    expect_value(host, "/a/b", "kept");
    expect_perms(host, "/a/b", "n0|r0|");
    expect_value(host, "/a/other", NULL);
    host_check(host);

    /* What was not there is removed, and that, too, can be taken back. */
    OK(client_write(host->dom0, 0, "/late/x", "y"));
    ck_assert_uint_eq(roll_back(host, version, "/late"), 2);
    expect_value(host, "/late/x", NULL);
    ck_assert_uint_eq(roll_back(host, now(host) - 1, "/late"), 2);
    expect_value(host, "/late/x", "y");
    host_check(host);
    host_destroy(host);
}
END_TEST

/* A domain inherits nothing from its predecessor of the same number, by way of history neither. */
START_TEST(test_reborn_domain_inherits_nothing)
{
    struct host *host = host_create(&(struct host_config){0});
    struct client *guest = host_guest(host, 5);
    uint64_t version;

    OK(client_write(host->dom0, 0, "/shared", "s"));
    OK(client_set_perms(host->dom0, 0, "/shared", "n0|r5|w6"));
    OK(client_write(host->dom0, 0, "/own", "secret"));
    OK(client_set_perms(host->dom0, 0, "/own", "n5|b0"));
    version = now(host);
    host_kill(host, guest);
    expect_value(host, "/own", NULL);
    guest = host_guest(host, 5);
    roll_back(host, version, "/own");
    roll_back(host, version, "/shared");
    expect_value(host, "/own", "secret");
    expect_perms(host, "/own", "n0|");
    expect_perms(host, "/shared", "n0|w6|");
    ck_assert_ptr_null(client_value(guest, 0, "/own"));
    ck_assert_uint_eq(domain_find(host->xs, 5)->usage.now[QUOTA_NODES], 0);
    host_check(host);

    /* Who lives on keeps what was his. */
    OK(client_set_perms(host->dom0, 0, "/own", "n5"));
    version = now(host);
    OK(client_rm(host->dom0, 0, "/own"));
    roll_back(host, version, "/own");
    expect_perms(host, "/own", "n5|");
    ck_assert_str_eq(client_value(guest, 0, "/own"), "secret");
    ck_assert_uint_eq(domain_find(host->xs, 5)->usage.now[QUOTA_NODES], 1);
    host_destroy(host);
}
END_TEST

/* Who may no longer read a node is told that it changed, as by SET_PERMS. */
START_TEST(test_reader_of_old_permissions_is_told)
{
    struct host *host = host_create(&(struct host_config){0});
    struct client *guest = host_guest(host, 3);
    struct wire_message event;
    uint64_t version;

    OK(client_write(host->dom0, 0, "/hidden", "1"));
    version = now(host);
    OK(client_set_perms(host->dom0, 0, "/hidden", "n0|r3"));
    OK(client_watch(guest, "/hidden", "t"));
    host_run(host);
    client_clear(guest);
    roll_back(host, version, "/hidden");
    ck_assert(client_take(guest, true, &event));
    ck_assert_str_eq((char *)event.payload, "/hidden");
    ck_assert(!client_take(guest, true, &event));
    host_destroy(host);
}
END_TEST

static unsigned told(struct client *guest)
{
    struct wire_message event;
    unsigned events = 0;

    while (client_take(guest, true, &event))
        events++;
    return events;
}

/* Who hears of a node that comes back is up to the parent that it comes back to. */
START_TEST(test_reader_of_present_parent_is_told)
{
    const char *then = _i ? "r0" : "n0", *since = _i ? "n0" : "r0";
    struct host *host = host_create(&(struct host_config){0});
    struct client *guest = host_guest(host, 3);
    uint64_t version;

    OK(client_write(host->dom0, 0, "/dir/below/hidden", "1"));
    OK(client_set_perms(host->dom0, 0, "/dir/below/hidden", "n0"));
    OK(client_set_perms(host->dom0, 0, "/dir/below", "n0"));
    OK(client_set_perms(host->dom0, 0, "/dir", then));
    version = now(host);
    OK(client_set_perms(host->dom0, 0, "/dir", since));
    OK(client_write(host->dom0, 0, "/dir/below", "2"));
    OK(client_watch(guest, "/dir/below", "t"));
    host_run(host);
    client_clear(guest);

    roll_back(host, version, "/dir/below");
    ck_assert_uint_eq(told(guest), _i ? 0 : 1);

    /* An ancestor that was missing is made below one that is there. */
    OK(client_rm(host->dom0, 0, "/dir/below"));
    host_run(host);
    client_clear(guest);
    roll_back(host, version, "/dir/below/hidden");
    ck_assert_uint_eq(told(guest), _i ? 0 : 1);
    host_check(host);
    host_destroy(host);
}
END_TEST

/* What the service tells its control clients is no part of history. */
START_TEST(test_own_nodes_stay)
{
    struct host *host = host_create(&(struct host_config){0});
    uint64_t before = now(host), version;
    char path[96];

    snprintf(path, sizeof(path), "/local/domain/%u/data/vchan/0/control/ring-ref",
             HOST_STORE_DOMID);
    OK(client_mkdir(host->dom0, 0, "/local/domain/1"));
    version = now(host);
    OK(client_write(host->dom0, 0, path, "8"));
    ck_assert_uint_eq(now(host), version);
    OK(client_write(host->dom0, 0, "/a", "1"));
    version = now(host);
    OK(client_write(host->dom0, 0, path, "9"));
    OK(client_write(host->dom0, 0, "/a", "2"));
    roll_back(host, version, "/");
    expect_value(host, path, "9");
    expect_value(host, "/a", "1");
    roll_back(host, before, "/");
    expect_value(host, path, "9");
    expect_value(host, "/a", NULL);
    host_check(host);
    host_destroy(host);
}
END_TEST

/* --- memory -------------------------------------------------------------------------------------
 */

START_TEST(test_history_is_bounded)
{
    struct host *host = host_create(&(struct host_config){.store_pages = 1024});
    struct xenstored *xs = service(host);
    char path[32];

    for (unsigned i = 0; i < 400; i++)
        OK(client_write(host->dom0, 0, "/small", "x"));
    ck_assert_uint_eq(xs->history.count, HISTORY_DEFAULT);
    ck_assert_uint_eq(history_oldest(xs), now(host) - HISTORY_DEFAULT + 1);

    /* Large values: an eighth of the arena is soon full. */
    for (unsigned i = 0; i < 400; i++) {
        snprintf(path, sizeof(path), "/n%u", i % 10);
        OK(client_write_fill(host->dom0, 0, path, (char)('a' + i % 20), 3000));
        ck_assert_uint_le(xs->history.bytes, xs->arena_pages * 4096UL / 8);
    }
    ck_assert_uint_lt(xs->history.count, HISTORY_DEFAULT);
    ck_assert_uint_gt(xs->history.count, 50);
    host_destroy(host);
}
END_TEST

/* Fill the store until dom0 is refused; returns how many nodes it got. */
static unsigned fill(struct host *host)
{
    char path[32];

    for (unsigned i = 0;; i++) {
        snprintf(path, sizeof(path), "/fill/%u", i);
        if (client_write_fill(host->dom0, 0, path, 'x', 900))
            return i;
    }
}

/* The same store, with or without a past, holds the same. */
START_TEST(test_pressure_takes_history_and_nothing_else)
{
    struct host *host = host_create(&(struct host_config){.store_pages = 512});
    struct client *guest = host_guest(host, 3);
    unsigned without, with;
    char path[32];

    host->xs->history.limit = 100000;
    OK(client_mkdir(host->dom0, 0, "/fill"));
    OK(client_watch(guest, "/seen", "t"));
    without = fill(host);
    ck_assert_uint_gt(without, 300);
    OK(client_rm(host->dom0, 0, "/fill"));
    xenstored_forget_history(host->xs);
    OK(client_mkdir(host->dom0, 0, "/fill"));
    for (unsigned i = 0; i < 300; i++) {
        snprintf(path, sizeof(path), "/past/%u", i);
        OK(client_write_fill(host->dom0, 0, path, 'y', 900));
        OK(client_rm(host->dom0, 0, path));
    }
    OK(client_rm(host->dom0, 0, "/past"));
    ck_assert_uint_gt(host->xs->history.bytes, 100000);
    with = fill(host);
    /* But for pages that few objects keep in use. */
    ck_assert_uint_ge(with * 100, without * 98);
    ck_assert_uint_gt(host->xs->history.given_up, 100);
    host_check(host);
    OK(client_rm(host->dom0, 0, "/fill"));
    host_check(host);
    host_destroy(host);
}
END_TEST

/* A guest gets what it would get without a past. */
START_TEST(test_share_does_not_shrink)
{
    unsigned got[2];

    for (unsigned past = 0; past < 2; past++) {
        struct host *host = host_create(&(struct host_config){.store_pages = 600});
        struct client *guest = host_guest(host, 3);
        char path[32];

        host->xs->history.limit = 100000;
        OK(client_mkdir(host->dom0, 0, "/local/domain/3"));
        OK(client_set_perms(host->dom0, 0, "/local/domain/3", "n3"));
        for (unsigned i = 0; i < 250; i++) {
            OK(client_write_fill(host->dom0, 0, "/past", (char)('a' + i % 20), 1500));
            if (!past)
                xenstored_forget_history(host->xs);
        }
        for (got[past] = 0;; got[past]++) {
            snprintf(path, sizeof(path), "n%u", got[past]);
            if (client_write_fill(guest, 0, path, 'x', 1500))
                break;
            if (!past)
                xenstored_forget_history(host->xs);
        }
        /* What would be refused without a past, too, costs nothing of it. */
        if (past) {
            uint64_t given_up = host->xs->history.given_up;

            ck_assert_uint_gt(given_up, 0);
            OK(client_write(host->dom0, 0, "/past", "a new one"));
            ck_assert_int_ne(client_write_fill(guest, 0, "more", 'x', 2000), 0);
            ck_assert_uint_eq(host->xs->history.given_up, given_up);
        }
        host_check(host);
        host_destroy(host);
    }
    /* But for pages that few objects keep in use. */
    ck_assert_int_le(abs((int)got[0] - (int)got[1]), 4);
    ck_assert_uint_gt(got[0], 50);
}
END_TEST

/* --- failures -----------------------------------------------------------------------------------
 */

static struct host *prepare(uint64_t *version)
{
    struct host *host = host_create(&(struct host_config){0});
    char path[32];

    host_guest(host, 3);
    for (unsigned i = 0; i < 30; i++) {
        snprintf(path, sizeof(path), "/dir/n%u", i);
        OK(client_write(host->dom0, 0, path, "old"));
    }
    OK(client_set_perms(host->dom0, 0, "/dir/n3", "n3"));
    OK(client_write(host->dom0, 0, "/gone/a/b", "old"));
    OK(client_watch(host->dom0, "/dir", "t"));
    *version = now(host);
    OK(client_rm(host->dom0, 0, "/dir/n7"));
    OK(client_rm(host->dom0, 0, "/dir/n3"));
    OK(client_write(host->dom0, 0, "/dir/n8", "new"));
    OK(client_write(host->dom0, 0, "/dir/late", "new"));
    OK(client_rm(host->dom0, 0, "/gone"));
    return host;
}

START_TEST(test_rollback_as_a_whole_or_not_at_all)
{
    const char *path = _i ? "/gone/a/b" : "/dir";
    unsigned failures = 0;
    uint64_t nth;

    for (nth = 1;; nth++) {
        uint64_t version, changed, before;
        struct host *host = prepare(&version);
        int error;

        before = now(host);
        history_test_fail(nth);
        error = replace_rollback(host->xs, version, path, &changed);
        bool struck = history_test_struck();
        xenstored_step(host->xs);
        host_run(host);
        if (error) {
            ck_assert_int_eq(error, -ENOMEM);
            failures++;
            expect_value(host, "/gone", NULL);
            ck_assert_uint_eq(now(host), before);
            OK(client_write(host->dom0, 0, "/next", "1"));
            ck_assert_str_eq(history_path(history_find(host->xs, before + 1)), "/next");
            ck_assert(!history_concerns(host->xs, history_find(host->xs, before + 1), "/gone"));
            expect_value(host, "/dir/n7", NULL);
            expect_value(host, "/dir/n3", NULL);
            expect_value(host, "/dir/n8", "new");
            expect_value(host, "/dir/late", "new");
        } else if (_i) {
            expect_value(host, "/gone/a/b", "old");
            expect_value(host, "/dir/n7", NULL);
        } else {
            expect_value(host, "/dir/n7", "old");
            expect_perms(host, "/dir/n3", "n3|");
            expect_value(host, "/dir/n8", "old");
            expect_value(host, "/dir/late", NULL);
        }
        host_check(host);
        host_destroy(host);
        if (!struck)
            break;
    }
    ck_assert_uint_gt(failures, 5);
}
END_TEST

/* A version that cannot be recorded is lost, and all before it; the change happens. */
START_TEST(test_change_goes_before_its_record)
{
    uint64_t nth;
    unsigned lost = 0;

    for (nth = 1;; nth++) {
        uint64_t version;
        struct host *host = prepare(&version);
        int error;

        history_test_fail(nth);
        error = client_rm(host->dom0, 0, "/dir/n9");
        bool struck = history_test_struck();
        if (!error && struck && !history_find(host->xs, version)) {
            struct tree tree;

            lost++;
            ck_assert_int_eq(history_tree(host->xs, version, &tree), -ENOENT);
        } else {
            struct tree tree;

            OK(history_tree(host->xs, version, &tree));
            ck_assert_ptr_nonnull(tree_lookup(&host->xs->env, &tree, "/dir/n9"));
            tree_release(&host->xs->env, &tree);
        }
        expect_value(host, "/dir/n9", error ? "old" : NULL);
        OK(client_write(host->dom0, 0, "/dir/n10", "a"));
        version = now(host);
        OK(client_write(host->dom0, 0, "/dir/n10", "b"));
        roll_back(host, version, "/");
        expect_value(host, "/dir/n10", "a");
        host_check(host);
        host_destroy(host);
        if (!struck)
            break;
    }
    ck_assert_uint_ge(lost, 1);
}
END_TEST

TCase *history_plays(void)
{
    TCase *plays = tcase_create("plays");

    tcase_add_test(plays, test_each_change_is_one_version);
    tcase_add_test(plays, test_conflict_leaves_no_trace);
    tcase_add_test(plays, test_missing_ancestors_come_back);
    tcase_add_test(plays, test_reborn_domain_inherits_nothing);
    tcase_add_test(plays, test_reader_of_old_permissions_is_told);
    tcase_add_loop_test(plays, test_reader_of_present_parent_is_told, 0, 2);
    tcase_add_test(plays, test_own_nodes_stay);
    tcase_add_test(plays, test_history_is_bounded);
    tcase_add_test(plays, test_pressure_takes_history_and_nothing_else);
    tcase_add_test(plays, test_share_does_not_shrink);
    tcase_add_loop_test(plays, test_rollback_as_a_whole_or_not_at_all, 0, 2);
    tcase_add_test(plays, test_change_goes_before_its_record);
    tcase_set_timeout(plays, 120);
    return plays;
}
