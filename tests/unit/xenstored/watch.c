/* SPDX-License-Identifier: ISC */
/* services/xenstored/watch.h by direct calls, on a service that has no ring. */
#include "services/xenstored/watch.h"

#include "hv/sim/sim.h"
#include "services/xenstored/domain.h"
#include "services/xenstored/output.h"
#include "services/xenstored/path.h"
#include "store.h"

struct fixture {
    struct sim *sim;
    struct store store;
    struct store_account account;
    struct xenstored xs;
    struct connection connection;
    struct work work;
    struct perms *open, *closed; /* readable by all, and by the owner only */
};

static struct fixture *f;

static void setup(void)
{
    const struct sim_domain_config config = {.domid = 1};
    const struct perm open = {.domid = 0, .rights = PERM_READ};

    f = calloc(1, sizeof(*f));
    f->sim = sim_create(1);
    store_create(&f->store, 2000, &f->account);
    f->xs.hv = sim_domain_create(f->sim, &config);
    f->xs.arena = f->store.arena;
    f->xs.limits = quota_defaults;
    list_init(&f->xs.domains);
    list_init(&f->xs.touched);
    list_init(&f->work.events);
    ck_assert_int_eq(watch_index_create(&f->xs), 0);
    f->connection.xs = &f->xs;
    f->connection.domain = domain_create(&f->xs, 5);
    f->connection.subject = (struct subject){5, 5, false};
    list_init(&f->connection.watches);
    f->work.connection = &f->connection;
    f->open = perms_intern(&f->store.perms, &open, 1);
    f->closed = store_perms(&f->store, 0);
}

static void teardown(void)
{
    output_forget_events(&f->xs, &f->work);
    watch_remove_all(&f->xs, &f->connection);
    ck_assert_uint_eq(f->connection.domain->usage.now[QUOTA_MEMORY], 0);
    ck_assert_uint_eq(f->connection.domain->usage.now[QUOTA_WATCHES], 0);
    watch_index_destroy(&f->xs);
    domain_destroy_all(&f->xs);
    perms_put(&f->store.perms, f->open);
    perms_put(&f->store.perms, f->closed);
    store_destroy(&f->store);
    sim_destroy(f->sim);
    free(f);
}

static int add(const char *path, const char *token, int depth, bool relative)
{
    return watch_add(&f->xs, &f->work, path, token, depth, relative);
}

/* The events that wait, as "path token,", which are then forgotten. */
static const char *events(void)
{
    static char text[4000];

    *text = '\0';
    list_for_each (item, &f->work.events) {
        const char *path = (char *)LIST_ENTRY(item, struct output, queue)->data + 16;

        strcat(strcat(text, path), " ");
        strcat(strcat(text, path + strlen(path) + 1), ",");
    }
    output_forget_events(&f->xs, &f->work);
    return text;
}

static const char *fire(const char *path, const struct perms *perms)
{
    watch_fire(&f->xs, &f->work, path, perms, NULL, NULL, WATCH_SUBTREE);
    return events();
}

START_TEST(test_prefix)
{
    ck_assert(!watch_wanted(&f->xs, "/a"));
    ck_assert_int_eq(add("/a", "t", WATCH_ANY_DEPTH, false), 0);
    ck_assert_str_eq(events(), "/a t,"); /* as soon as it is there */
    ck_assert_str_eq(fire("/a", f->open), "/a t,");
    ck_assert_str_eq(fire("/a/b/c", f->open), "/a/b/c t,");
    ck_assert_str_eq(fire("/", f->open), "");
    ck_assert_str_eq(fire("/ab", f->open), "");
    ck_assert_str_eq(fire("/b/a", f->open), "");
    ck_assert(watch_wanted(&f->xs, "/a") && watch_wanted(&f->xs, "/a/b"));
    ck_assert(!watch_wanted(&f->xs, "/") && !watch_wanted(&f->xs, "/ab"));
    ck_assert_int_eq(add("/", "root", WATCH_ANY_DEPTH, false), 0);
    events();
    ck_assert_str_eq(fire("/b", f->open), "/b root,");
    ck_assert_str_eq(fire("/", f->open), "/ root,");
    ck_assert_str_eq(fire("/a/b", f->open), "/a/b root,/a/b t,");
    ck_assert_str_eq(fire("@releaseDomain", f->open), "");
    /* A node that goes with one above it concerns nobody but those on it. */
    watch_fire(&f->xs, &f->work, "/a/b", f->open, NULL, NULL, WATCH_EXACT);
    ck_assert_str_eq(events(), "");
    watch_fire(&f->xs, &f->work, "/a", f->open, NULL, NULL, WATCH_EXACT);
    ck_assert_str_eq(events(), "/a t,");
}
END_TEST

/* Each depth of a watch on each level against a change on each level. */
START_TEST(test_depth)
{
    static const char *const paths[] = {"/", "/a", "/a/b", "/a/b/c", "/a/b/c/d"};

    for (int on = 0; on < 5; on++) {
        for (int depth = WATCH_ANY_DEPTH; depth < 5; depth++) {
            ck_assert_int_eq(add(paths[on], "t", depth, false), 0);
            events();
            for (int changed = 0; changed < 5; changed++) {
                bool told = changed >= on && (depth < 0 || changed - on <= depth);

                ck_assert_int_eq(*fire(paths[changed], f->open) != '\0', told);
            }
            ck_assert_int_eq(watch_remove(&f->xs, &f->connection, paths[on], "t"), 0);
        }
    }
}
END_TEST

START_TEST(test_relative)
{
    ck_assert_int_eq(add("/local/domain/5/a", "t", WATCH_ANY_DEPTH, true), 0);
    ck_assert_str_eq(events(), "a t,");
    ck_assert_str_eq(fire("/local/domain/5/a/b", f->open), "a/b t,");
}
END_TEST

/* Who may read neither the node, nor its parent, nor the node as it was, is not told (XSA-115). */
START_TEST(test_permissions)
{
    ck_assert_int_eq(add("/a", "t", WATCH_ANY_DEPTH, false), 0);
    events();
    ck_assert_str_eq(fire("/a", f->closed), "");
    watch_fire(&f->xs, &f->work, "/a", f->closed, f->closed, f->closed, WATCH_SUBTREE);
    ck_assert_str_eq(events(), "");
    watch_fire(&f->xs, &f->work, "/a", f->closed, f->open, NULL, WATCH_SUBTREE);
    ck_assert_str_eq(events(), "/a t,");
    watch_fire(&f->xs, &f->work, "/a", f->closed, NULL, f->open, WATCH_SUBTREE);
    ck_assert_str_eq(events(), "/a t,");
}
END_TEST

START_TEST(test_add_and_remove)
{
    size_t watches, points, buckets;

    ck_assert_int_eq(add("/a", "t", WATCH_ANY_DEPTH, false), 0);
    ck_assert_int_eq(add("/a", "t", 1, false), -EEXIST);
    ck_assert_int_eq(add("/a", "u", WATCH_ANY_DEPTH, false), 0);
    ck_assert_int_eq(add("/b", "t", WATCH_ANY_DEPTH, false), 0);
    watch_stats(&f->xs, &watches, &points, &buckets);
    ck_assert_uint_eq(watches, 3);
    ck_assert_uint_eq(points, 2);
    ck_assert_int_eq(watch_remove(&f->xs, &f->connection, "/c", "t"), -ENOENT);
    ck_assert_int_eq(watch_remove(&f->xs, &f->connection, "/b", "u"), -ENOENT);
    ck_assert_int_eq(watch_remove(&f->xs, &f->connection, "/a", "t"), 0);
    ck_assert_int_eq(watch_remove(&f->xs, &f->connection, "/a", "t"), -ENOENT);
    events();
    ck_assert_str_eq(fire("/a", f->open), "/a u,");
    ck_assert_int_eq(watch_remove(&f->xs, &f->connection, "/a", "u"), 0);
    ck_assert(!watch_wanted(&f->xs, "/a"));
    watch_stats(&f->xs, &watches, &points, &buckets);
    ck_assert_uint_eq(watches, 1);
    ck_assert_uint_eq(points, 1);
}
END_TEST

/* The same event is not said twice before it is read. */
START_TEST(test_coalescing)
{
    ck_assert_int_eq(add("/a", "t", WATCH_ANY_DEPTH, false), 0);
    watch_fire(&f->xs, &f->work, "/a", f->open, NULL, NULL, WATCH_SUBTREE);
    watch_fire(&f->xs, &f->work, "/a/b", f->open, NULL, NULL, WATCH_SUBTREE);
    watch_fire(&f->xs, &f->work, "/a", f->open, NULL, NULL, WATCH_SUBTREE);
    ck_assert_str_eq(events(), "/a t,/a/b t,");
}
END_TEST

START_TEST(test_quota_and_memory)
{
    char path[20];
    size_t used;

    f->xs.limits.hard[QUOTA_WATCHES] = 3;
    for (unsigned i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "/w%u", i);
        ck_assert_int_eq(add(path, "t", WATCH_ANY_DEPTH, false), 0);
    }
    events();
    used = store_used(&f->store);
    ck_assert_int_eq(add("/other", "t", WATCH_ANY_DEPTH, false), -ENOSPC);
    ck_assert_uint_eq(store_used(&f->store), used);
    f->xs.limits.hard[QUOTA_WATCHES] = 4;
    /* The path, the watch; without memory for its event it is there nevertheless. */
    for (unsigned number = 1; number < 3; number++) {
        arena_fail_nth(f->store.arena, number);
        ck_assert_int_eq(add("/other", "t", WATCH_ANY_DEPTH, false), -ENOMEM);
        ck_assert_uint_eq(store_used(&f->store), used);
        ck_assert(!watch_wanted(&f->xs, "/other"));
    }
    arena_fail_nth(f->store.arena, 3);
    ck_assert_int_eq(add("/other", "t", WATCH_ANY_DEPTH, false), 0);
    ck_assert_str_eq(events(), "");
    ck_assert_uint_eq(f->connection.domain->events_dropped, 1);
    ck_assert_str_eq(fire("/other", f->open), "/other t,");
}
END_TEST

/* Any paths, against what a comparison of strings says. */
START_TEST(test_random)
{
    struct unit_random random = {(uint64_t)_i};
    char watched[60][20];
    int depth[60];

    for (unsigned i = 0; i < 60 + 300; i++) {
        char path[20] = "", token[8];
        bool told[60] = {false};
        const char *text;

        for (unsigned level = 0; level <= unit_random(&random, 4); level++)
            strcat(path, unit_random(&random, 2) ? "/a" : "/ab");
        if (i < 60) {
            strcpy(watched[i], path);
            depth[i] = (int)unit_random(&random, 5) - 1;
            snprintf(token, sizeof(token), "%u", i);
            ck_assert_int_eq(add(path, token, depth[i], false), 0);
            events();
            continue;
        }
        text = fire(path, f->open);
        for (; *text; text = strchr(text, ',') + 1)
            told[atoi(strchr(text, ' ') + 1)] = true;
        for (unsigned w = 0; w < 60; w++) {
            size_t length = strlen(watched[w]);
            bool below = !strncmp(path, watched[w], length) && strchr("/", path[length]);
            int levels = 0;

            for (const char *at = path + length; below && *at; at++)
                levels += *at == '/';
            ck_assert_int_eq(told[w], below && (depth[w] < 0 || levels <= depth[w]));
        }
    }
}
END_TEST

TCase *watch_cases(void)
{
    TCase *cases = tcase_create("watch");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_prefix);
    tcase_add_test(cases, test_depth);
    tcase_add_test(cases, test_relative);
    tcase_add_test(cases, test_permissions);
    tcase_add_test(cases, test_add_and_remove);
    tcase_add_test(cases, test_coalescing);
    tcase_add_test(cases, test_quota_and_memory);
    tcase_add_loop_test(cases, test_random, 1, 4);
    return cases;
}
