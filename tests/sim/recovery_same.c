/* SPDX-License-Identifier: ISC */
/*
 * What a successor knows is what its predecessor knew: the checkpoint that the one would have
 * written at its death, instead of the frames that it had, is the one that the other begins with.
 */
#include "journal_entries.h"
#include "recovery_test.h"

#include "services/xenstored/recorder.h"

#include <check.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Between two deaths. */
#define STEPS_BETWEEN 7U

#define NODES_MAX 4096U

/* When a node was created, as the two have it. */
struct birth {
    uint64_t before, after;
};

struct same {
    size_t size; /* of the reserved pages */
    uint8_t *pages, *before, *after;
    struct birth head, birth[NODES_MAX];
    unsigned births;
};

/* The entries that are in force in the host's pages into @to: a checkpoint, and maybe frames. */
static void entries_of(const struct same *same, const struct host *host, uint8_t *to)
{
    (void)journal_entries((const uint8_t *)host->reserved + HV_PAGE_SIZE, same->size - HV_PAGE_SIZE,
                          to);
}

static void print_entry(const char *whose, const uint8_t *at)
{
    struct entry entry;

    memcpy(&entry, at, sizeof(entry));
    fprintf(stderr, "  %s: type %u, %u bytes:", whose, entry.type, entry.length);
    for (uint32_t i = 0; i < entry.length && i < 120; i++) {
        uint8_t byte = at[sizeof(entry) + i];

        if (byte > ' ' && byte < 0x7f)
            fprintf(stderr, " %c", byte);
        else
            fprintf(stderr, " %02x", byte);
    }
    fprintf(stderr, "\n");
}

/*
 * The count of changes, which also tells when a transaction began, may only be ahead: what a
 * successor does at first counts, too.
 */
static void leave_changes_out(const struct entry *entry, const uint8_t *before, uint8_t *after)
{
    size_t at = sizeof(*entry);
    uint64_t was, is;

    if (entry->type == ENTRY_HEAD)
        at += offsetof(struct entry_head, changes);
    else if (entry->type == ENTRY_TRANSACTION || entry->type == ENTRY_TRANSACTION_NODE ||
             entry->type == ENTRY_TRANSACTION_SPECIAL || entry->type == ENTRY_DOOMED)
        at += offsetof(struct entry_transaction, started);
    else
        return;
    memcpy(&was, before + at, sizeof(was));
    memcpy(&is, after + at, sizeof(is));
    ck_assert_uint_ge(is, was);
    memcpy(after + at, &was, sizeof(was));
}

/*
 * A commit that was refused took numbers for its nodes, and its successor's do not: what counts is
 * which node is older, and that no number is given twice.
 */
static void leave_births_out(struct same *same, const struct entry *entry, size_t at)
{
    struct birth birth;

    at += sizeof(*entry);
    if (entry->type == ENTRY_HEAD)
        at += offsetof(struct entry_head, sequence);
    else if (entry->type == ENTRY_NODE)
        at += offsetof(struct entry_node, sequence);
    else if (entry->type == ENTRY_TRANSACTION_NODE)
        at += sizeof(struct entry_transaction) + offsetof(struct entry_node, sequence);
    else
        return;
    memcpy(&birth.before, same->before + at, sizeof(birth.before));
    memcpy(&birth.after, same->after + at, sizeof(birth.after));
    memcpy(same->after + at, &birth.before, sizeof(birth.before));
    if (entry->type == ENTRY_HEAD) {
        same->head = birth;
        return;
    }
    ck_assert_uint_lt(same->births, NODES_MAX);
    ck_assert(birth.before <= same->head.before && birth.after <= same->head.after);
    for (unsigned i = 0; i < same->births; i++) {
        const struct birth *other = &same->birth[i];

        ck_assert((birth.before < other->before) == (birth.after < other->after) &&
                  (birth.before > other->before) == (birth.after > other->after));
    }
    same->birth[same->births++] = birth;
}

static void compare(const struct twin *twin, struct same *same)
{
    size_t at = 0;
    struct entry entry;

    same->births = 0;
    do {
        size_t size;

        memcpy(&entry, same->before + at, sizeof(entry));
        size = sizeof(entry) + entry.length;
        if (memcmp(&entry, same->after + at, sizeof(entry)) == 0) {
            leave_changes_out(&entry, same->before + at, same->after + at);
            leave_births_out(same, &entry, at);
        }
        if (memcmp(same->before + at, same->after + at, size) != 0) {
            print_entry("predecessor", same->before + at);
            print_entry("successor", same->after + at);
            ck_abort_msg("they differ behind %zu bytes of entries (RECOVERY_SEED=%llu, step %u)",
                         at, (unsigned long long)twin->seed, twin->step);
        }
        at += size;
    } while (entry.type != ENTRY_END);
}

static void die(struct twin *twin, void *context)
{
    struct host *host = twin->host;
    struct same *same = context;

    if (twin->step % STEPS_BETWEEN != 0)
        return;
    memcpy(same->pages, host->reserved, same->size);
    recorder_changed(host->xs);
    recorder_sync(host->xs);
    entries_of(same, host, same->before);
    host_end_store(host);
    memcpy(host->deaths.kept, same->pages, same->size);
    host->deaths.kept_size = same->size;
    host_run(host);
    entries_of(same, host, same->after);
    compare(twin, same);
}

START_TEST(test_same)
{
    struct random_options options = {
        .seed = recovery_number("RECOVERY_SEED", (unsigned)_i),
        .steps = recovery_number("RECOVERY_STEPS", 300),
        .host_events = true,
        .print = getenv("RECOVERY_PRINT") != NULL,
        .each = die,
    };
    struct twin *twin = twin_create(options.seed, true);
    struct same *same = calloc(1, sizeof(*same));

    same->size = (size_t)twin->host->journal * HV_PAGE_SIZE;
    same->pages = malloc(same->size);
    same->before = malloc(same->size);
    same->after = malloc(same->size);
    options.context = same;
    random_run(twin, &options);
    ck_assert_uint_gt(twin->host->deaths.count, 0);
    twin_destroy(twin);
    free(same->pages);
    free(same->before);
    free(same->after);
    free(same);
}
END_TEST

TCase *recovery_same(bool one)
{
    TCase *tcase = tcase_create("same state");

    tcase_set_timeout(tcase, 600);
    tcase_add_loop_test(tcase, test_same, 0, one ? 1 : (int)recovery_number("RECOVERY_SAME", 6));
    return tcase;
}
