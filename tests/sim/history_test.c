/* SPDX-License-Identifier: ISC */
/*
 * History against the reference model: after random operations each version that is kept is what
 * the model had at that time, comparisons say what a naive one says, and going back gives the tree,
 * the accounting and the events that the same changes by dom0 give. HISTORY_SEED replays one seed
 * (HISTORY_STEPS, HISTORY_PRINT go with it); HISTORY_SEEDS sets how many are tried.
 */
#include "random.h"

#include "expect.h"
#include "history_test.h"
#include "model_state.h"

#include "common/arena.h"
#include "services/xenstored/compare.h"
#include "services/xenstored/domain.h"
#include "services/xenstored/replace.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS    12
#define STEPS    700
#define VERSIONS 8192

/* What the model had. */
static struct run {
    struct mtree version[VERSIONS]; /* by number; no root: nobody knows */
    uint64_t newest, random;
    unsigned rollbacks, diffs, items;
} * run;

static unsigned below(unsigned bound)
{
    uint64_t z = run->random += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    return (unsigned)((z ^ (z >> 31)) % bound);
}

static void start(uint64_t seed)
{
    run = calloc(1, sizeof(*run));
    run->random = seed;
}

static void finish(void)
{
    for (unsigned i = 0; i < VERSIONS; i++)
        if (run->version[i].root != NULL)
            mtree_free(&run->version[i]);
    free(run);
}

/* --- the same tree? ----------------------------------------------------------------------------
 */

static bool same_perms(const struct perms *perms, const struct mperms *model)
{
    if (perms->count != model->count)
        return false;
    for (size_t i = 0; i < model->count; i++)
        if (perms->list[i].domid != model->entry[i].domid ||
            (perms->list[i].rights & 3) != model->entry[i].access ||
            !(perms->list[i].rights & PERM_IGNORE) != !model->entry[i].ignored)
            return false;
    return true;
}

static bool same_content(const struct node *node, const struct mnode *model)
{
    return same_perms(node->perms, &model->perms) && node->value_length == model->length &&
           memcmp(node_value(node), model->value, model->length) == 0;
}

static void same_node(const char *what, const struct node *node, const struct mnode *model)
{
    struct node *child[1024];
    char path[MODEL_PATH];

    mnode_path(model, path);
    EXPECT(same_content(node, model), "%s: %s differs", what, path);
    EXPECT((node->children ? node->children->count : 0) == model->children,
           "%s: %s has another number of children", what, path);
    if (!node->children)
        return;
    EXPECT(model->children < 1024, "%s: %s has too many children", what, path);
    children_sorted(node->children, child);
    for (size_t i = 0; i < model->children; i++) {
        EXPECT(child[i]->name_length == strlen(model->child[i]->name) &&
                   !memcmp(child[i]->text, model->child[i]->name, child[i]->name_length),
               "%s: child %zu of %s is another", what, i, path);
        same_node(what, child[i], model->child[i]);
    }
}

static void same_tree(const char *what, const struct tree *tree, const struct mtree *model)
{
    EXPECT(same_perms(tree->special[SPECIAL_INTRODUCE], &model->introduce->perms),
           "%s: @introduceDomain", what);
    EXPECT(same_perms(tree->special[SPECIAL_RELEASE], &model->release->perms), "%s: @releaseDomain",
           what);
    same_node(what, tree->root, model->root);
}

static void check_versions(struct twin *twin)
{
    struct xenstored *xs = twin->host->xs;
    unsigned checked = 0;

    for (uint64_t number = history_oldest(xs); number <= history_newest(xs); number++) {
        struct tree tree;
        char what[32];

        if (run->version[number].root == NULL)
            continue;
        snprintf(what, sizeof(what), "version %llu", (unsigned long long)number);
        ck_assert_int_eq(history_tree(xs, number, &tree), 0);
        same_tree(what, &tree, &run->version[number]);
        tree_release(&xs->env, &tree);
        checked++;
    }
    ck_assert_uint_gt(checked, 0);
}

/* --- what differs? ------------------------------------------------------------------------------
 */

struct difference {
    struct difference *next;
    char *path;
    const struct mnode *before, *after;
    bool seen;
};

static void differ(struct difference **list, const struct mnode *before, const struct mnode *after);

static const struct mnode *child_called(const struct mnode *node, const char *name)
{
    for (size_t i = 0; node != NULL && i < node->children; i++)
        if (strcmp(node->child[i]->name, name) == 0)
            return node->child[i];
    return NULL;
}

static bool same_mnode(const struct mnode *before, const struct mnode *after)
{
    bool same = before->length == after->length && before->perms.count == after->perms.count &&
                memcmp(before->value, after->value, after->length) == 0;

    for (size_t i = 0; same && i < after->perms.count; i++)
        same = before->perms.entry[i].domid == after->perms.entry[i].domid &&
               before->perms.entry[i].access == after->perms.entry[i].access &&
               before->perms.entry[i].ignored == after->perms.entry[i].ignored;
    return same;
}

static void differ(struct difference **list, const struct mnode *before, const struct mnode *after)
{
    char path[MODEL_PATH];

    if (before == NULL || after == NULL || !same_mnode(before, after)) {
        struct difference *found = calloc(1, sizeof(*found));

        while (*list != NULL)
            list = &(*list)->next;
        mnode_path(after != NULL ? after : before, path);
        *found = (struct difference){.path = strdup(path), .before = before, .after = after};
        *list = found;
    }
    for (size_t i = 0; before != NULL && i < before->children; i++)
        if (child_called(after, before->child[i]->name) == NULL)
            differ(list, before->child[i], NULL);
    for (size_t i = 0; after != NULL && i < after->children; i++)
        differ(list, child_called(before, after->child[i]->name), after->child[i]);
}

static struct difference *differences(const struct mtree *before, const struct mtree *after,
                                      const char *path)
{
    const struct mnode *from = mtree_find(before, path), *to = mtree_find(after, path);
    struct difference *list = NULL;

    if (from != NULL || to != NULL)
        differ(&list, from, to);
    return list;
}

static void free_differences(struct difference *list)
{
    for (struct difference *first; (first = list) != NULL;) {
        list = first->next;
        free(first->path);
        free(first);
    }
}

static void take_item(const struct compare *compare, struct difference *list, const char *last)
{
    size_t length = strlen(compare->path);

    for (; list != NULL && strcmp(list->path, compare->path) != 0; list = list->next)
        continue;
    EXPECT(list != NULL && !list->seen, "%s does not differ", compare->path);
    list->seen = true;
    EXPECT(!compare->before == !list->before && !compare->after == !list->after,
           "%s is said to be there when it is not, or the reverse", compare->path);
    EXPECT(!compare->before || same_content(compare->before, list->before), "%s differs, before",
           compare->path);
    EXPECT(!compare->after || same_content(compare->after, list->after), "%s differs, after",
           compare->path);
    /* A parent is not behind its child. */
    EXPECT(strncmp(last, compare->path, length) != 0 || last[length] != '/',
           "%s comes before its parent", last);
}

static void compare_versions(struct xenstored *xs, uint64_t from, uint64_t to, const char *path)
{
    struct difference *list = differences(&run->version[from], &run->version[to], path);
    struct tree before, after;
    struct compare compare;
    char last[TREE_PATH_SIZE] = "";

    ck_assert_int_eq(history_tree(xs, to, &after), 0);
    tree_snapshot(&after, &before);
    ck_assert_int_eq(history_undo(xs, &before, to, from), 0);
    compare_begin(&compare, &xs->env, tree_lookup(&xs->env, &before, path),
                  tree_lookup(&xs->env, &after, path), path);
    while (compare_next(&compare) > 0) {
        take_item(&compare, list, last);
        strcpy(last, compare.path);
        run->items++;
    }
    compare_end(&compare);
    for (struct difference *at = list; at != NULL; at = at->next)
        EXPECT(at->seen, "that %s differs was not said", at->path);
    tree_release(&xs->env, &before);
    tree_release(&xs->env, &after);
    free_differences(list);
    run->diffs++;
}

/* A version that is kept and known; 0: there is none. */
static uint64_t any_version(const struct xenstored *xs)
{
    uint64_t oldest = history_oldest(xs), newest = history_newest(xs);

    for (unsigned i = 0; i < 20; i++) {
        uint64_t number = oldest + below((unsigned)(newest - oldest) + 1);

        if (run->version[number].root != NULL)
            return number;
    }
    return 0;
}

static const char *any_path(void)
{
    static const char *const paths[] = {"/",
                                        "/",
                                        "/a",
                                        "/b",
                                        "/c/a",
                                        "/dd",
                                        "/big",
                                        "/big/n7",
                                        "/a/b/c",
                                        "/local/domain",
                                        "/local/domain/3",
                                        "/local/domain/2/a",
                                        "/tool",
                                        "/none/at/all"};

    return paths[below(sizeof(paths) / sizeof(paths[0]))];
}

/* Is every change of a version reported as one at its path? */
static void check_concerns(struct xenstored *xs, const char *path)
{
    for (uint64_t number = history_oldest(xs) + 1; number <= history_newest(xs); number++) {
        struct difference *list = NULL;

        if (run->version[number].root != NULL && run->version[number - 1].root != NULL)
            list = differences(&run->version[number - 1], &run->version[number], path);
        if (list != NULL)
            EXPECT(history_concerns(xs, history_find(xs, number), path),
                   "version %llu changed something below %s", (unsigned long long)number, path);
        free_differences(list);
    }
}

/* --- going back ---------------------------------------------------------------------------------
 */

struct going_back {
    uint64_t number;
    const char *path;
    struct mtree expected;
};

static bool restorable(struct xenstored *xs, unsigned domid, uint64_t since)
{
    const struct domain *domain = domain_find(xs, (domid_t)domid);

    return domain && domain->since <= since;
}

/* What may not be restored of the model's permissions. */
static void mend(struct xenstored *xs, struct mnode *node, uint64_t since)
{
    struct mperms *perms = &node->perms;
    size_t kept = 1;

    for (size_t i = 1; i < perms->count; i++)
        if (perms->entry[i].ignored || perms->entry[i].domid == WIRE_DOMID_ANY ||
            restorable(xs, perms->entry[i].domid, since))
            perms->entry[kept++] = perms->entry[i];
    perms->count = kept;
    if (!restorable(xs, perms->entry[0].domid, since)) {
        perms->count = 1;
        perms->entry[0] = (struct mperm){0};
    }
    for (size_t i = 0; i < node->children; i++)
        mend(xs, node->child[i], since);
}

/* A missing ancestor is made anew. */
static void make_ancestor(struct mtree *tree, const char *path, const struct mnode *was)
{
    char parent[MODEL_PATH];
    struct mnode *made;

    if (mtree_find(tree, path) != NULL)
        return;
    mpath_parent(path, parent);
    made = mnode_add(mtree_find(tree, parent), mpath_base(path));
    mnode_set_value(made, was->value, was->length);
    mperms_free(&made->perms);
    mperms_copy(&made->perms, &was->perms);
}

/* The model's tree as it is to be. */
static void expect(struct twin *twin, struct going_back *back)
{
    struct mtree *expected = &back->expected, old;
    const struct mnode *from;
    char above[MODEL_PATH];

    mtree_copy(expected, &twin->model->tree);
    mtree_copy(&old, &run->version[back->number]);
    mend(twin->host->xs, old.root, back->number);
    from = mtree_find(&old, back->path);
    for (size_t i = 1; from != NULL && back->path[1] != 0 && back->path[i] != 0; i++) {
        if (back->path[i] != '/')
            continue;
        snprintf(above, sizeof(above), "%.*s", (int)i, back->path);
        make_ancestor(expected, above, mtree_find(&old, above));
    }
    mtree_put(expected, back->path, from);
    mtree_free(&old);
}

static bool service_goes_back(struct twin *twin, void *context)
{
    const struct going_back *back = context;
    struct xenstored *xs = twin->host->xs;
    uint64_t changed = 0;
    int error = replace_rollback(xs, back->number, back->path, &changed);

    xenstored_step(xs);
    if (twin->struck != NULL && error == -ENOMEM)
        return false;
    ck_assert_int_eq(error, 0);
    return true;
}

static void ask_model(struct twin *twin, uint32_t type, const char *path, const void *data,
                      size_t length)
{
    struct wire_message request = {.type = type};

    message_add_string(&request, path);
    message_add(&request, data, length);
    model_request(twin->model, twin->party[0].connection, &request);
}

static void ask_perms(struct twin *twin, const char *path, const struct mperms *perms)
{
    char text[512] = "";
    size_t used = 0;

    /* Entries that grant nothing are put back afterwards. */
    for (size_t i = 0; i < perms->count; i++)
        if (!perms->entry[i].ignored)
            used += (size_t)sprintf(text + used, "%c%u", "nrwb"[perms->entry[i].access],
                                    perms -> entry[i].domid) +
                    1;
    ask_model(twin, WIRE_SET_PERMS, path, text, used);
}

/* The same changes, one by one, by dom0. */
static void model_goes_back(struct twin *twin, void *context)
{
    const struct going_back *back = context;
    struct mtree before;
    struct difference *list;

    mtree_copy(&before, &twin->model->tree);
    list = differences(&before, &back->expected, "/");
    for (struct difference *at = list; at != NULL; at = at->next)
        if (at->after == NULL && mtree_find(&twin->model->tree, at->path) != NULL)
            ask_model(twin, WIRE_RM, at->path, NULL, 0);
    for (struct difference *at = list; at != NULL; at = at->next) {
        if (at->after == NULL)
            continue;
        if (at->before == NULL || at->before->length != at->after->length ||
            memcmp(at->before->value, at->after->value, at->after->length) != 0)
            ask_model(twin, WIRE_WRITE, at->path, at->after->value, at->after->length);
        ask_perms(twin, at->path, &at->after->perms);
    }
    free_differences(list);
    mtree_free(&before);
    mtree_free(&twin->model->tree);
    mtree_copy(&twin->model->tree, &back->expected);
}

static void observe(struct twin *twin);

static void check_accounts(struct twin *twin)
{
    list_for_each (item, &twin->host->xs->domains) {
        const struct domain *domain = LIST_ENTRY(item, struct domain, all);
        size_t nodes = model_nodes_of(twin->model, domain->domid);

        /* The model counts the special nodes, which are dom0's at first. */
        for (unsigned special = 0; special < SPECIAL_COUNT; special++)
            nodes -= perms_owner(twin->host->xs->tree.special[special]) == domain->domid;
        ck_assert_uint_eq(domain->usage.now[QUOTA_NODES], nodes);
    }
}

static void go_back(struct twin *twin)
{
    struct going_back back = {.number = any_version(twin->host->xs)};
    char what[128];

    back.path = any_path(); /* in this order with any compiler */
    if (!back.number)
        return;
    expect(twin, &back);
    snprintf(what, sizeof(what), "rollback %s %llu", back.path, (unsigned long long)back.number);
    if (getenv("HISTORY_PRINT"))
        fprintf(stderr, "%u %s\n", twin->step + 1, what);
    twin_step(twin, what, service_goes_back, model_goes_back, &back);
    same_tree(what, &twin->host->xs->tree, &twin->model->tree);
    mtree_free(&back.expected);
    check_accounts(twin);
    run->rollbacks++;
    observe(twin);
}

/* --- runs ---------------------------------------------------------------------------------------
 */

/* Keep what the model has now, if that is a version. */
static void observe(struct twin *twin)
{
    uint64_t newest = history_newest(twin->host->xs);

    ck_assert_uint_lt(newest, VERSIONS);
    ck_assert_uint_ge(newest, run->newest);
    if (newest > run->newest)
        mtree_copy(&run->version[newest], &twin->model->tree);
    run->newest = newest;
    same_tree("now", &twin->host->xs->tree, &run->version[newest]);
}

/* A directory that is large at times. */
static void change_big(struct twin *twin)
{
    char path[64];
    bool remove = below(3) == 0;
    bool whole = below(40) == 0;
    unsigned number = below(60);
    int length = snprintf(path, sizeof(path), whole ? "/big" : "/big/n%u", number);

    twin_request(twin, 0, TWIN_NO_TX, remove ? WIRE_RM : WIRE_WRITE, path, (size_t)length + 1);
    observe(twin);
}

static void each_step(struct twin *twin, void *context)
{
    bool rollbacks = *(bool *)context;
    unsigned what = below(rollbacks ? 100 : 90);

    observe(twin);
    if (what < 40) {
        change_big(twin);
    } else if (what < 43) {
        uint64_t from = any_version(twin->host->xs), to = any_version(twin->host->xs);

        if (from && to)
            compare_versions(twin->host->xs, from < to ? from : to, from < to ? to : from,
                             any_path());
        check_concerns(twin->host->xs, any_path());
    } else if (what == 43) {
        check_versions(twin);
    } else if (what >= 96) {
        go_back(twin);
    }
}

static unsigned from_environment(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

START_TEST(test_versions_like_the_model)
{
    unsigned seed = from_environment("HISTORY_SEED", (unsigned)_i);
    bool rollbacks = seed % 4 != 0;
    struct random_options options = {
        .seed = seed,
        .steps = from_environment("HISTORY_STEPS", STEPS),
        .host_events = true,
        .print = getenv("HISTORY_PRINT") != NULL,
        .each = each_step,
        .context = &rollbacks,
    };
    struct twin *twin = twin_create(options.seed, true);

    start(options.seed);
    observe(twin);
    random_run(twin, &options);
    check_versions(twin);
    host_check(twin->host);
    printf("seed %u: %llu versions, %u comparisons with %u items, %u times back\n",
           (unsigned)options.seed, (unsigned long long)run->newest, run->diffs, run->items,
           run->rollbacks);
    twin_destroy(twin);
    finish();
}
END_TEST

/* In the place of the arena's functions (--wrap). */
static struct {
    uint64_t count, fail_at;
} allocations;

void *__real_arena_alloc(struct arena *arena, size_t size);
void *__real_arena_zalloc(struct arena *arena, size_t size);
void *__wrap_arena_alloc(struct arena *arena, size_t size);
void *__wrap_arena_zalloc(struct arena *arena, size_t size);

void *__wrap_arena_alloc(struct arena *arena, size_t size)
{
    return ++allocations.count == allocations.fail_at ? NULL : __real_arena_alloc(arena, size);
}

void *__wrap_arena_zalloc(struct arena *arena, size_t size)
{
    return ++allocations.count == allocations.fail_at ? NULL : __real_arena_zalloc(arena, size);
}

void history_test_fail(uint64_t nth)
{
    allocations.count = 0;
    allocations.fail_at = nth;
}

bool history_test_struck(void)
{
    bool struck = allocations.count >= allocations.fail_at;

    allocations.fail_at = 0;
    return struck;
}

int main(void)
{
    unsigned seeds = getenv("HISTORY_SEED") ? 1 : from_environment("HISTORY_SEEDS", SEEDS);
    Suite *suite = suite_create("history");
    TCase *random = tcase_create("random");

    tcase_add_loop_test(random, test_versions_like_the_model, 1, (int)seeds + 1);
    tcase_set_timeout(random, 120);
    suite_add_tcase(suite, history_plays());
    suite_add_tcase(suite, history_remote());
    suite_add_tcase(suite, random);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
