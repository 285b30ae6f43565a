/* SPDX-License-Identifier: ISC */
/* services/xenstored/children.h against a plain array, with versions that share their parts. */
#include "services/xenstored/children.h"
#include "services/xenstored/node.h"
#include "store.h"

#define VERSIONS 4U
#define NAMES    3000U

/* A version and what it should hold, in order of creation. */
struct version {
    struct children *map;
    struct node **child;
    uint32_t count;
};

struct fixture {
    struct store store;
    struct store_account counted;
    struct perms *perms;
    char name[NAMES][16];
    struct version version[VERSIONS];
};

static struct fixture *f;

static void setup(void)
{
    f = calloc(1, sizeof(*f));
    store_create(&f->store, 2000, &f->counted);
    f->perms = store_perms(&f->store, 1);
    for (unsigned i = 0; i < NAMES; i++)
        snprintf(f->name[i], sizeof(f->name[i]), "n%u", i);
    for (unsigned i = 0; i < VERSIONS; i++)
        f->version[i].child = calloc(NAMES, sizeof(struct node *));
}

static void drop(struct version *version)
{
    children_put(&f->store.env, version->map);
    version->map = NULL;
    version->count = 0;
}

static void teardown(void)
{
    for (unsigned i = 0; i < VERSIONS; i++) {
        drop(&f->version[i]);
        free(f->version[i].child);
    }
    perms_put(&f->store.perms, f->perms);
    store_destroy(&f->store);
    free(f);
}

static struct node *new_node(const char *name, uint64_t sequence)
{
    size_t length = strlen(name);
    struct node *node = arena_alloc(f->store.arena, sizeof(*node) + length);

    ck_assert_ptr_nonnull(node);
    *node = (struct node){
        .refs = 1,
        .name_length = (uint16_t)length,
        .sequence = sequence,
        .perms = perms_get(f->perms),
    };
    memcpy(node->text, name, length);
    return node;
}

static uint32_t find(const struct version *version, const char *name)
{
    uint32_t i = 0;

    while (i < version->count && !node_is_called(version->child[i], name, strlen(name)))
        i++;
    return i;
}

static struct node *lookup(const struct version *version, const char *name)
{
    return children_find(&f->store.env, version->map, name, strlen(name));
}

static void check_version(const struct version *version)
{
    static struct node *sorted[NAMES];
    const struct children *map = version->map;
    uint64_t cursor = 0;
    uint32_t names_bytes = 0, count = 0;

    if (!version->count) {
        ck_assert_ptr_null(map);
        return;
    }
    ck_assert_uint_eq(map->count, version->count);
    children_sorted(map, sorted);
    /* One check for many: Check writes down each that it makes. */
    ck_assert_mem_eq(sorted, version->child, version->count * sizeof(*sorted));
    for (uint32_t i = 0; i < version->count; i++) {
        const struct node *node = sorted[i];

        names_bytes += node->name_length + 1U;
        if (children_find(&f->store.env, map, node->text, node->name_length) != node)
            ck_abort_msg("a child is not found by its name");
    }
    ck_assert_uint_eq(map->names_bytes, names_bytes);
    /* The iteration meets each child once: as many as there are, and none twice. */
    for (struct node *node; count <= version->count && (node = children_next(map, &cursor));)
        if (node->value_length++ || count++ == version->count)
            ck_abort_msg("a child is met twice");
    ck_assert_uint_eq(count, version->count);
    for (uint32_t i = 0; i < count; i++) {
        if (version->child[i]->value_length != 1)
            ck_abort_msg("a child is not met");
        version->child[i]->value_length = 0;
    }
}

static void insert(struct version *version, const char *name)
{
    struct node *node = new_node(name, ++f->store.env.sequence);

    ck_assert_int_eq(children_insert(&f->store.env, &version->map, node), 0);
    version->child[version->count++] = node;
}

static void forget(struct version *version, uint32_t i)
{
    version->count--;
    memmove(&version->child[i], &version->child[i + 1],
            (version->count - i) * sizeof(*version->child));
}

static void remove_at(struct version *version, uint32_t i)
{
    struct node *node = node_get(version->child[i]);

    ck_assert_int_eq(children_remove(&f->store.env, &version->map, node->text, node->name_length),
                     0);
    node_put(&f->store.env, node);
    forget(version, i);
}

/* What the tree does to change a node that others hold: put a copy into its place. */
static void replace_at(struct version *version, uint32_t i)
{
    struct node *old = version->child[i], *copy;
    struct node **slot = children_own(&f->store.env, &version->map, old->text, old->name_length);
    char name[16] = "";

    ck_assert_ptr_nonnull(slot);
    ck_assert_ptr_eq(*slot, old);
    memcpy(name, old->text, old->name_length);
    copy = new_node(name, old->sequence);
    *slot = version->child[i] = copy;
    node_put(&f->store.env, old);
}

static void snapshot(struct version *to, const struct version *from)
{
    drop(to);
    to->map = children_get(from->map);
    to->count = from->count;
    memcpy(to->child, from->child, from->count * sizeof(*from->child));
}

/* @names different names, so that the map is about half as large; a tide makes it grow and shrink.
 */
static void random_steps(uint64_t seed, unsigned names, unsigned steps, unsigned check_every)
{
    struct unit_random random = {seed};

    for (unsigned step = 0; step < steps; step++) {
        struct version *version = &f->version[unit_random(&random, VERSIONS)];
        const char *name = f->name[unit_random(&random, names)];
        uint32_t at = find(version, name);
        bool ebb = step / (names * 4) % 2, there = at < version->count;
        unsigned action = (unsigned)unit_random(&random, 16);

        ck_assert_ptr_eq(lookup(version, name), there ? version->child[at] : NULL);
        if (action == 0) {
            struct version *other = &f->version[unit_random(&random, VERSIONS)];

            if (other != version)
                snapshot(other, version);
        } else if (action < 4 && there) {
            replace_at(version, at);
        } else if (there && (ebb || action < 6)) {
            remove_at(version, at);
        } else if (!there && (!ebb || action < 6)) {
            insert(version, name);
        }
        if (step % check_every == 0)
            for (unsigned i = 0; i < VERSIONS; i++)
                check_version(&f->version[i]);
    }
    for (unsigned i = 0; i < VERSIONS; i++)
        check_version(&f->version[i]);
}

START_TEST(test_few_names)
{
    random_steps((uint64_t)_i, 6, 4000, 1);
}
END_TEST

/* Back and forth between array and trie. */
START_TEST(test_about_the_threshold)
{
    random_steps((uint64_t)_i, 30, 12000, 1);
}
END_TEST

START_TEST(test_many_names)
{
    random_steps((uint64_t)_i, 400, 12000, 20);
}
END_TEST

START_TEST(test_large)
{
    struct version *version = &f->version[0], *before = &f->version[1];

    for (unsigned i = 0; i < NAMES; i++) {
        insert(version, f->name[i]);
        if (i == NAMES / 2)
            snapshot(before, version);
    }
    check_version(version);
    check_version(before);
    for (unsigned i = NAMES; i-- > 0;)
        remove_at(version, (i * 7919U) % (i + 1));
    check_version(version);
    check_version(before);
    ck_assert_uint_eq(before->count, NAMES / 2 + 1);
}
END_TEST

/* Nothing is in no map. */
START_TEST(test_empty)
{
    uint64_t cursor = 0;
    struct node *none;

    ck_assert_ptr_null(children_find(&f->store.env, NULL, "a", 1));
    ck_assert_ptr_null(children_next(NULL, &cursor));
    ck_assert_ptr_null(children_get(NULL));
    children_put(&f->store.env, NULL);
    children_sorted(NULL, &none);
}
END_TEST

struct hashed {
    uint64_t hash; /* its nibbles reversed: the root's is the highest */
    char name[16];
};

static int by_hash(const void *a, const void *b)
{
    uint64_t x = ((const struct hashed *)a)->hash, y = ((const struct hashed *)b)->hash;

    return (x > y) - (x < y);
}

/* Names whose hashes begin alike make long chains of tries with one slot each. */
START_TEST(test_deep_chains)
{
    enum { COUNT = 50000, PAIRS = 20 };
    struct version *version = &f->version[0], *before = &f->version[1];
    struct hashed *hashed = calloc(COUNT, sizeof(*hashed));
    unsigned pairs = 0, deepest = 0;

    for (unsigned i = 0; i < COUNT; i++) {
        int length = snprintf(hashed[i].name, sizeof(hashed[i].name), "c%u", i);
        uint64_t hash = hash_bytes(&f->store.env.key, hashed[i].name, (size_t)length);

        for (unsigned level = 0; level < 16; level++)
            hashed[i].hash = hashed[i].hash << 4 | (hash >> 4 * level & 15);
    }
    qsort(hashed, COUNT, sizeof(*hashed), by_hash);
    for (unsigned i = 0; i < 20; i++)
        insert(version, f->name[i]);
    for (unsigned i = 0; i + 1 < COUNT && pairs < PAIRS; i++) {
        unsigned same = (unsigned)__builtin_clzll(hashed[i].hash ^ hashed[i + 1].hash) / 4;

        if (same < 6)
            continue;
        if (same > deepest)
            deepest = same;
        snapshot(before, version);
        insert(version, hashed[i].name);
        insert(version, hashed[i + 1].name);
        check_version(version);
        check_version(before);
        snapshot(before, version);
        remove_at(version, find(version, hashed[i].name));
        check_version(version);
        insert(version, hashed[i].name);
        check_version(version);
        check_version(before);
        pairs++;
        i++;
    }
    ck_assert_uint_gt(pairs, 4);
    ck_assert_uint_ge(deepest, 7);
    while (version->count)
        remove_at(version, version->count / 2);
    check_version(before);
    free(hashed);
}
END_TEST

enum change {
    INSERT,
    REMOVE,
    OWN,
    CHANGES,
};

/* Try the change on a version, which succeeds or leaves all as it was. True: it succeeded. */
static bool try_change(struct version *version, enum change change, unsigned number)
{
    struct tree_env *env = &f->store.env;
    struct node *node;

    if (change == INSERT) {
        node = new_node("new", env->sequence + 1);
        arena_fail_nth(f->store.arena, number);
        if (children_insert(env, &version->map, node)) {
            node_put(env, node);
            return false;
        }
        env->sequence++;
        version->child[version->count++] = node;
        return true;
    }
    if (!version->count)
        return true;
    node = version->child[version->count / 2];
    arena_fail_nth(f->store.arena, number);
    if (change == OWN)
        return children_own(env, &version->map, node->text, node->name_length);
    if (children_remove(env, &version->map, node->text, node->name_length))
        return false;
    forget(version, version->count / 2);
    return true;
}

/* Each change, at each size, shared or not, with each of its allocations failing in turn. */
START_TEST(test_every_failure)
{
    for (unsigned size = 0; size < 40; size++) {
        for (unsigned shape = 0; shape < 4; shape++) {
            for (enum change change = 0; change < CHANGES; change++) {
                for (unsigned number = 1;; number++) {
                    struct version *version = &f->version[0], *other = &f->version[1];
                    size_t used = store_used(&f->store);
                    bool done;

                    /* Shapes 2 and 3 come down from more, and are a trie where it is one still. */
                    for (unsigned i = 0; i < size + (shape & 2 ? 10 : 0); i++)
                        insert(version, f->name[i]);
                    while (version->count > size)
                        remove_at(version, version->count - 1);
                    if (shape & 1)
                        snapshot(other, version);
                    done = try_change(version, change, number);
                    uint64_t attempts = arena_attempts(f->store.arena);
                    arena_fail_nth(f->store.arena, 0);
                    check_version(version);
                    check_version(other);
                    /* It works as well after a failure as if there had been none. */
                    if (!done)
                        ck_assert(try_change(version, change, 0));
                    check_version(version);
                    check_version(other);
                    drop(version);
                    check_version(other);
                    drop(other);
                    ck_assert_uint_eq(store_used(&f->store), used);
                    if (attempts < number)
                        break;
                }
            }
        }
    }
}
END_TEST

TCase *children_cases(void)
{
    TCase *cases = tcase_create("children");

    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, test_empty);
    tcase_add_loop_test(cases, test_few_names, 1, 4);
    tcase_add_loop_test(cases, test_about_the_threshold, 1, 5);
    tcase_add_loop_test(cases, test_many_names, 1, 4);
    tcase_add_test(cases, test_large);
    tcase_add_test(cases, test_deep_chains);
    tcase_add_test(cases, test_every_failure);
    return cases;
}
