/* SPDX-License-Identifier: ISC */
/* services/xenstored/tree.h against a plain table, with older versions held. */
#include <pthread.h>

#include "tree_model.h"

#define VERSIONS 4U

struct fixture {
    struct store store;
    struct version version[VERSIONS];
    struct store_account other; /* of what is not compared with a model */
};

static struct fixture *f;

static void setup(void)
{
    f = calloc(1, sizeof(*f));
    store_create(&f->store, 8000, &f->other);
    version_create(&f->store, &f->version[0]);
}

static void teardown(void)
{
    for (unsigned i = 0; i < VERSIONS; i++)
        version_release(&f->store, &f->version[i]);
    store_destroy(&f->store);
    free(f);
}

/* Few names at each level, but for "/d", which may have many children. */
static void any_path(struct unit_random *random, char *path)
{
    unsigned depth = (unsigned)unit_random(random, 5);

    if (!unit_random(random, 3)) {
        snprintf(path, MODEL_PATH, "/d/n%u", (unsigned)unit_random(random, 40));
        return;
    }
    strcpy(path, depth ? "" : "/");
    for (; depth; depth--) {
        char name[] = {'/', (char)('a' + unit_random(random, 4)), '\0'};

        strcat(path, name);
    }
}

static struct change any_change(struct unit_random *random, char *path, char *value)
{
    struct change change = {.path = path, .value = value};

    any_path(random, path);
    for (unsigned i = 0; i < MODEL_VALUE; i++)
        value[i] = (char)unit_random(random, 256);
    change.type = unit_random(random, 2) ? CHANGE_CREATE : unit_random(random, CHANGE_TYPES);
    change.length = unit_random(random, MODEL_VALUE + 1);
    change.owned = unit_random(random, 2);
    change.owner = (domid_t)unit_random(random, STORE_OWNERS);
    change.reader = (domid_t)unit_random(random, STORE_OWNERS);
    return change;
}

/* What exists of a path, by the model. */
static void check_lookups(struct version *version, const char *path)
{
    const struct tree_env *env = &f->store.env;
    const struct tree *tree = &version->tree;
    bool there = model_find(version, path);
    char above[MODEL_PATH], *slash;
    unsigned missing = 0;

    ck_assert_int_eq(tree_lookup(env, tree, path) != NULL, there);
    strcpy(above, path);
    for (; !model_find(version, above); missing++) {
        slash = strrchr(above, '/');
        slash[slash == above] = '\0';
    }
    ck_assert_uint_eq(tree_missing(env, tree, path), missing);
    ck_assert_ptr_eq(tree_lookup_deepest(env, tree, path), tree_lookup(env, tree, above));
    strcpy(above, path);
    slash = strrchr(above, '/');
    slash[slash == above] = '\0';
    ck_assert_ptr_eq(tree_lookup_parent(env, tree, path), tree_lookup(env, tree, above));
}

static void check_all_versions(void)
{
    for (unsigned i = 0; i < VERSIONS; i++)
        version_check(&f->store, &f->version[i]);
}

/* Make the change; with @fail, each of its allocations fails once before. */
static void do_change(struct version *version, const struct change *change, bool fail)
{
    for (unsigned number = 1;; number++) {
        int error;

        arena_fail_nth(f->store.arena, fail ? number : 0);
        error = version_change(&f->store, version, change);
        if (!fail || arena_attempts(f->store.arena) < number) {
            ck_assert_int_eq(error, 0);
            break;
        }
        arena_fail_nth(f->store.arena, 0);
        check_all_versions();
        /* Some allocations it can do without. */
        if (!error)
            break;
        ck_assert_int_eq(error, -ENOMEM);
    }
    arena_fail_nth(f->store.arena, 0);
}

static void random_steps(uint64_t seed, unsigned steps, bool fail)
{
    struct unit_random random = {seed};

    for (unsigned step = 0; step < steps; step++) {
        struct version *version = &f->version[unit_random(&random, VERSIONS)];
        struct version *other = &f->version[unit_random(&random, VERSIONS)];
        char path[MODEL_PATH], value[MODEL_VALUE];
        struct change change = any_change(&random, path, value);

        if (!version->tree.root || (other != version && !unit_random(&random, 12))) {
            /* A version ends, and another one is held once more. */
            for (other = f->version; !other->tree.root; other++)
                ;
            if (other == version)
                continue;
            version_release(&f->store, version);
            version_snapshot(version, other);
            continue;
        }
        check_lookups(version, path);
        if (model_allows(version, &change))
            do_change(version, &change, fail);
        if (step % 16 == 0)
            check_all_versions();
    }
    check_all_versions();
}

START_TEST(test_random)
{
    random_steps((uint64_t)_i, 4000, false);
}
END_TEST

START_TEST(test_every_failure)
{
    random_steps((uint64_t)_i, 500, true);
}
END_TEST

/* One version alone, without any that is held, changes in place. */
START_TEST(test_in_place)
{
    struct version *version = &f->version[0];
    const struct change create = {
        .type = CHANGE_CREATE, .path = "/a/b/c", .value = "one", .length = 3};
    const struct change set = {.type = CHANGE_VALUE, .path = "/a/b/c", .value = "two", .length = 3};
    const struct node *node;

    do_change(version, &create, false);
    node = tree_lookup(&f->store.env, &version->tree, "/a/b/c");
    arena_fail_nth(f->store.arena, 1);
    ck_assert_int_eq(version_change(&f->store, version, &set), 0);
    ck_assert_ptr_eq(tree_lookup(&f->store.env, &version->tree, "/a/b/c"), node);
    version_snapshot(&f->version[1], version);
    ck_assert_int_eq(version_change(&f->store, version, &set), -ENOMEM);
    do_change(version, &set, false);
    ck_assert_ptr_ne(tree_lookup(&f->store.env, &version->tree, "/a/b/c"), node);
    ck_assert_ptr_eq(tree_lookup(&f->store.env, &f->version[1].tree, "/a/b/c"), node);
    check_all_versions();
}
END_TEST

/* Stamps tell which node changed last, and by whom. */
START_TEST(test_stamps)
{
    struct tree *tree = &f->version[0].tree;
    struct tree_env *env = &f->store.env;
    uint64_t before = env->changes;

    env->writer = 5;
    ck_assert_int_eq(tree_create_node(env, tree, "/a/b", "", 0, false, 0), 0);
    ck_assert_uint_gt(node_stamp_change(tree_lookup(env, tree, "/a/b")), before);
    ck_assert_uint_gt(node_stamp_change(tree_lookup(env, tree, "/")), before);
    ck_assert_uint_eq(node_stamp_writer(tree_lookup(env, tree, "/a")), 5);
    before = env->changes;
    env->writer = 6;
    ck_assert_int_eq(tree_set_value(env, tree, "/a/b", "x", 1), 0);
    ck_assert_uint_gt(node_stamp_change(tree_lookup(env, tree, "/a/b")), before);
    ck_assert_uint_eq(node_stamp_writer(tree_lookup(env, tree, "/a/b")), 6);
    /* What is above it is as it was. */
    ck_assert_uint_le(node_stamp_change(tree_lookup(env, tree, "/a")), before);
    before = env->changes;
    ck_assert_int_eq(tree_remove(env, tree, "/a/b"), 0);
    ck_assert_uint_gt(node_stamp_change(tree_lookup(env, tree, "/a")), before);
    ck_assert_uint_le(node_stamp_change(tree_lookup(env, tree, "/")), before);
    ck_assert_int_eq(tree_remove(env, tree, "/a"), 0);
}
END_TEST

START_TEST(test_special)
{
    struct tree *tree = &f->version[0].tree;
    struct perms *perms = store_perms(&f->store, 6), *old = tree->special[SPECIAL_RELEASE];

    version_snapshot(&f->version[1], &f->version[0]);
    tree_set_special(&f->store.env, tree, SPECIAL_RELEASE, perms);
    ck_assert_ptr_eq(tree->special[SPECIAL_RELEASE], perms);
    ck_assert_ptr_eq(f->version[1].tree.special[SPECIAL_RELEASE], old);
    perms_put(&f->store.perms, perms);
}
END_TEST

static bool prune(void *context, const char *path, const struct node *node,
                  const struct node *parent)
{
    strcat(strcat(context, path), " ");
    return strcmp(path, "/a") != 0;
}

START_TEST(test_walk_leaves_out)
{
    struct tree *tree = &f->version[0].tree;
    struct tree_env *env = &f->store.env;
    char seen[100] = "", path[TREE_PATH_SIZE] = "/";

    f->store.account = &f->other;
    ck_assert_int_eq(tree_create_node(env, tree, "/a/b", "", 0, false, 0), 0);
    ck_assert_int_eq(tree_create_node(env, tree, "/c/d", "", 0, false, 0), 0);
    tree_walk(env, tree->root, path, TREE_PARENT_FIRST, prune, seen);
    ck_assert_str_eq(seen, "/ /a /c /c/d ");
    strcpy(path, "/a");
    *seen = '\0';
    tree_walk(env, tree_lookup(env, tree, "/a"), path, TREE_PARENT_FIRST, prune, seen);
    ck_assert_str_eq(seen, "/a ");
}
END_TEST

static bool count(void *context, const char *path, const struct node *node,
                  const struct node *parent)
{
    ++*(unsigned *)context;
    return true;
}

#define LEVELS (XS_ABS_PATH_MAX / 2)

static void *deep(void *unused)
{
    static char deepest[TREE_PATH_SIZE], path[TREE_PATH_SIZE];
    struct tree *tree = &f->version[0].tree, held, *live = tree;
    struct tree_env *env = &f->store.env;
    unsigned visits = 0;

    for (unsigned i = 0; i < LEVELS; i++)
        strcat(deepest + 2 * i, "/a");
    ck_assert_uint_eq(strlen(deepest), XS_ABS_PATH_MAX);
    ck_assert_uint_eq(tree_missing(env, tree, deepest), LEVELS);
    ck_assert_int_eq(tree_create_node(env, tree, deepest, "x", 1, true, 2), 0);
    ck_assert_int_eq(f->store.account->nodes[2], LEVELS);
    ck_assert_ptr_nonnull(tree_lookup(env, tree, deepest));

    for (enum tree_order order = TREE_PARENT_FIRST; order <= TREE_PARENT_LAST; order++) {
        strcpy(path, "/");
        tree_walk(env, tree->root, path, order, count, &visits);
    }
    ck_assert_uint_eq(visits, 2 * (LEVELS + 1));

    /* All of the path is copied, and the copy goes. */
    tree_snapshot(tree, &held);
    ck_assert_int_eq(tree_set_value(env, live, deepest, "y", 1), 0);
    ck_assert_int_eq(*node_value(tree_lookup(env, &held, deepest)), 'x');
    ck_assert_int_eq(*node_value(tree_lookup(env, live, deepest)), 'y');
    ck_assert_int_eq(tree_remove(env, live, "/a"), 0);
    ck_assert_int_eq(f->store.account->nodes[2], 0);
    ck_assert_ptr_nonnull(tree_lookup(env, &held, deepest));
    tree_release(env, &held);
    ck_assert_uint_eq(env->draining, false);
    return NULL;
}

/* As deep as a path can be, on a stack that a recursion of a frame a level would not fit on. */
START_TEST(test_deep)
{
    pthread_attr_t attributes;
    pthread_t thread;
    size_t used = store_used(&f->store);

    f->store.account = &f->other;
    pthread_attr_init(&attributes);
    ck_assert_int_eq(pthread_attr_setstacksize(&attributes, 64 * 1024), 0);
    ck_assert_int_eq(pthread_create(&thread, &attributes, deep, NULL), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&attributes);
    ck_assert_uint_eq(store_used(&f->store), used);
}
END_TEST

/* Memory runs out on the way, and comes back: no bytes are lost. */
START_TEST(test_exhaustion)
{
    struct store store;
    struct store_account account = {0};
    struct tree tree;
    char path[64];
    unsigned created = 0;
    int error;

    store_create(&store, 40, &account);
    ck_assert_int_eq(tree_create(&store.env, &tree, 1), 0);
    while (!(error = tree_create_node(&store.env, &tree,
                                      (snprintf(path, sizeof(path), "/x/y%u/z", created), path),
                                      "value", 5, false, 0)))
        created++;
    ck_assert_int_eq(error, -ENOMEM);
    ck_assert_uint_gt(created, 100);
    ck_assert_int_eq(account.nodes[1], 2 + 2 * created);
    for (unsigned i = 0; i < created; i++) {
        snprintf(path, sizeof(path), "/x/y%u/z", i);
        ck_assert_ptr_nonnull(tree_lookup(&store.env, &tree, path));
    }
    ck_assert_int_eq(tree_remove(&store.env, &tree, "/x"), 0);
    ck_assert_int_eq(account.nodes[1], 1);
    tree_release(&store.env, &tree);
    store_destroy(&store);
}
END_TEST

START_TEST(test_cannot_start)
{
    struct tree tree;

    for (unsigned number = 1; number < 3; number++) {
        arena_fail_nth(f->store.arena, number);
        f->store.account = &f->other;
        ck_assert_int_eq(tree_create(&f->store.env, &tree, 3), -ENOMEM);
        ck_assert_int_eq(f->other.nodes[3], 0);
        ck_assert_ptr_null(tree.root);
    }
}
END_TEST

TCase *tree_cases(void)
{
    TCase *cases = tcase_create("tree");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 120);
    tcase_add_loop_test(cases, test_random, 1, 5);
    tcase_add_loop_test(cases, test_every_failure, 1, 4);
    tcase_add_test(cases, test_in_place);
    tcase_add_test(cases, test_stamps);
    tcase_add_test(cases, test_special);
    tcase_add_test(cases, test_walk_leaves_out);
    tcase_add_test(cases, test_deep);
    tcase_add_test(cases, test_exhaustion);
    tcase_add_test(cases, test_cannot_start);
    return cases;
}
