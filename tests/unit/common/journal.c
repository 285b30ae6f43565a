/* SPDX-License-Identifier: ISC */
/*
 * The journal: what is committed is read back; a writer that ends between any two of its stores, or
 * in the midst of one, leaves all frames that were committed and nothing of the one that was not;
 * what the journal did not write is told apart.
 */
#include "common/journal.h"
#include "common.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hv/sim/sim.h"

#define PAGES 8U
#define SIZE  (PAGES * HV_PAGE_SIZE)

static struct sim *sim;
static struct hv *hv;
static uint8_t *pages;
static struct journal journal;
static unsigned reads, cuts; /* of them of what is cut out */

/* Now and then less than a frame, so that this goes into the pages in pieces. */
static uint64_t buffer[432 / 8];

#define RECORD_MAX JOURNAL_RECORD_MAX(sizeof(buffer))

/* Now and then less than a frame, so that this goes into the pages in pieces. */
static uint64_t buffer[432 / 8];

#define RECORD_MAX JOURNAL_RECORD_MAX(sizeof(buffer))

static void setup(void)
{
    unsigned reserved;

    sim = sim_create(1);
    hv = sim_domain_create(sim,
                           &(struct sim_domain_config){.domid = 1, .reserved_pages = PAGES + 1});
    pages = hv_reserved(hv, &reserved);
    ck_assert_ptr_nonnull(pages);
    ck_assert_uint_eq(reserved, PAGES + 1);
    pages += HV_PAGE_SIZE;
    journal_create(&journal, hv, pages, PAGES, buffer, sizeof(buffer));
}

static void teardown(void)
{
    sim_destroy(sim);
}

/* --- what is promised: a number that grows with each frame, in records that say it --------------
 */

/* Frame @value has value % 3 + 1 records of some length, all bytes of which are derived from it. */
static void add_frame(uint32_t value)
{
    uint8_t bytes[200];

    for (uint32_t i = 0; i <= value % 3; i++) {
        uint32_t length = (value * 7 + i * 31) % (uint32_t)sizeof(bytes);

        memset(bytes, (int)(value + i), sizeof(bytes));
        journal_add(&journal, (uint16_t)(i + 1),
                    (struct journal_part[]){{&value, sizeof(value)}, {bytes, length}}, 2);
    }
}

static void checkpoint(uint32_t value)
{
    journal_checkpoint_begin(&journal);
    add_frame(value);
    ck_assert_int_eq(journal_commit(&journal), 0);
    journal_checkpoint_end(&journal);
}

/* The frame of one record, where it stays. */
static int put_frame(uint32_t value)
{
    uint32_t length = value * 7 % 200;
    uint8_t *at = journal_frame(&journal, 1, (uint32_t)sizeof(value) + length);

    if (!at)
        return -ENOSPC;
    memcpy(at, &value, sizeof(value));
    memset(at + sizeof(value), (int)value, length);
    journal_frame_commit(&journal);
    return 0;
}

/* Promise @value, by a checkpoint of it where there is no room. */
static void promise(uint32_t value)
{
    int error;

    if (value % 6 == 0) {
        error = put_frame(value);
    } else {
        add_frame(value);
        error = journal_commit(&journal);
    }
    ck_assert(!error || error == -ENOSPC);
    if (error)
        checkpoint(value);
}

static int64_t value_of(const void *bytes, size_t size)
{
    struct journal_reader reader;
    struct journal_record record;
    uint32_t expected = 0, value = 0, index = 0;
    int more, error = journal_read(&reader, bytes, size);

    if (error == -ENOENT)
        return 0;
    if (error)
        return -1;
    while ((more = journal_next(&reader, &record)) > 0) {
        uint8_t wanted[200];
        uint32_t length;

        if (record.length < sizeof(value))
            return -2;
        memcpy(&value, record.data, sizeof(value));
        length = (value * 7 + index * 31) % (uint32_t)sizeof(wanted);
        memset(wanted, (int)(value + index), sizeof(wanted));
        if ((index == 0 && expected && value != expected) || record.type != index + 1 ||
            record.length != sizeof(value) + length ||
            memcmp(record.data + sizeof(value), wanted, length) != 0)
            return -2;
        expected = value + 1;
        index = index == value % 3 ? 0 : index + 1;
    }
    if (more)
        return -1;
    return index ? -2 : (int64_t)value;
}

/*
 * The last value promised in @bytes; 0: none. Each frame of the run from the checkpoint to it has
 * to be there, whole and in order. -1: it is damaged, -2: it is not what was promised. What is cut
 * out of it, at times, says the same.
 */
static int64_t last_value(const void *bytes)
{
    int64_t value = value_of(bytes, SIZE);
    size_t from, length = 0;

    if (reads++ % 8 == 0)
        length = journal_cut(bytes, SIZE, &from);
    if (length) {
        ck_assert(length % HV_PAGE_SIZE == 0 && from % HV_PAGE_SIZE == 0 && from + length <= SIZE);
        ck_assert_uint_lt(length, SIZE);
        ck_assert_int_eq(value_of((const uint8_t *)bytes + from, length), value);
        cuts++;
    }
    return value;
}

START_TEST(empty)
{
    struct journal_reader reader;

    ck_assert_int_eq(journal_read(&reader, pages, SIZE), -ENOENT);
    journal_add(&journal, 1, &(struct journal_part){"x", 1}, 1);
    ck_assert_int_eq(journal_commit(&journal), -ENOSPC);
    ck_assert_int_eq(journal_read(&reader, pages, SIZE), -ENOENT);
    ck_assert_int_eq(journal_read(&reader, pages, SIZE - 1), -EINVAL);
    ck_assert_int_eq(journal_read(&reader, pages, HV_PAGE_SIZE), -EINVAL);
}
END_TEST

START_TEST(appends)
{
    checkpoint(1);
    ck_assert_int_eq(last_value(pages), 1);
    for (uint32_t value = 2; value < 600; value++) {
        promise(value);
        ck_assert_int_eq(last_value(pages), value);
    }
    ck_assert_uint_gt(cuts, 50);
}
END_TEST

START_TEST(nothing_uncommitted)
{
    checkpoint(1);
    add_frame(2);
    ck_assert_int_eq(last_value(pages), 1);
    ck_assert_ptr_null(journal_frame(&journal, 1, 1)); /* there is one */
    journal_abort(&journal);
    ck_assert_int_eq(last_value(pages), 1);
    ck_assert_ptr_nonnull(journal_frame(&journal, 1, 1));
    ck_assert_int_eq(last_value(pages), 1);
    journal_abort(&journal);
    ck_assert(!journal_pending(&journal));
    ck_assert_int_eq(journal_commit(&journal), 0);
    ck_assert_int_eq(last_value(pages), 1);
    journal_checkpoint_begin(&journal);
    add_frame(9);
    ck_assert_int_eq(journal_commit(&journal), 0);
    ck_assert_int_eq(last_value(pages), 1);
    add_frame(10);
    journal_checkpoint_abort(&journal);
    promise(2);
    ck_assert_int_eq(last_value(pages), 2);
    promise(3);
    journal_checkpoint_begin(&journal);
    journal_checkpoint_abort(&journal);
    promise(4);
    ck_assert_int_eq(last_value(pages), 4);
}
END_TEST

/* Add records of @bytes in all, their heads included. */
static void add_bytes(uint32_t bytes)
{
    static const uint8_t zeroes[RECORD_MAX];

    while (bytes) {
        uint32_t size = bytes < 400 ? bytes : 400;

        journal_add(&journal, 1, &(struct journal_part){zeroes, size - JOURNAL_RECORD_SIZE}, 1);
        bytes -= size;
    }
}

START_TEST(room)
{
    uint32_t left;

    checkpoint(1);
    left = journal_room(&journal);
    ck_assert_uint_eq(left % 8, 0);
    add_bytes(left + 8);
    ck_assert_int_eq(journal_commit(&journal), -ENOSPC);
    ck_assert_int_eq(last_value(pages), 1);
    ck_assert_uint_eq(journal_room(&journal), left);
    ck_assert_ptr_null(journal_frame(&journal, 1, left));
    ck_assert_ptr_nonnull(journal_frame(&journal, 1, left - JOURNAL_RECORD_SIZE));
    journal_abort(&journal);
    ck_assert_uint_eq(journal_room(&journal), left);
    add_bytes(left);
    ck_assert_uint_eq(journal_room(&journal), 0);
    ck_assert_int_eq(journal_commit(&journal), 0);
    ck_assert_uint_eq(journal_room(&journal), 0);
    add_frame(2);
    ck_assert_int_eq(journal_commit(&journal), -ENOSPC);
}
END_TEST

/* A frame that the buffer has as a whole, up to the last byte, and one that it has not. */
START_TEST(pieces)
{
    struct journal_reader reader;
    struct journal_record record;
    uint8_t *at;

    checkpoint(1);
    ck_assert(journal_fits(&journal, RECORD_MAX));
    ck_assert(!journal_fits(&journal, RECORD_MAX + 1));
    at = journal_record(&journal, 7, RECORD_MAX);
    memset(at, 7, RECORD_MAX);
    ck_assert(!journal_fits(&journal, 0));
    ck_assert_int_eq(journal_commit(&journal), 0);
    at = journal_record(&journal, 8, RECORD_MAX - 8);
    memset(at, 8, RECORD_MAX - 8);
    ck_assert(journal_fits(&journal, 0));
    journal_add(&journal, 9, NULL, 0);
    journal_add(&journal, 10, NULL, 0);
    ck_assert_int_eq(journal_commit(&journal), 0);
    promise(11);
    ck_assert_int_eq(journal_read(&reader, pages, SIZE), 0);
    for (unsigned type = 1; type <= 10; type = type == 2 ? 7 : type + 1) {
        ck_assert_int_eq(journal_next(&reader, &record), 1);
        ck_assert_uint_eq(record.type, type);
        ck_assert_uint_eq((uintptr_t)record.data % 8, 0);
        if (type < 7)
            continue;
        ck_assert_uint_eq(record.length, type == 7 ? RECORD_MAX : type == 8 ? RECORD_MAX - 8 : 0);
        for (uint32_t i = 0; i < record.length; i++)
            ck_assert_uint_eq(record.data[i], type);
    }
    ck_assert_int_eq(journal_next(&reader, &record), 1);
}
END_TEST

/* --- a writer that ends at any store ------------------------------------------------------------
 */

static uint8_t before[SIZE], torn[SIZE];
static int64_t promised, promising;
static uint64_t stores, tears;

/* The pages, as they may be left, have what was promised, or what was being promised as a whole. */
static void check_left(const void *bytes)
{
    int64_t found = last_value(bytes);

    if (found != promised && found != promising)
        ck_abort_msg("found %lld of %lld", (long long)found, (long long)promised);
}

/* Before each store: what the writer leaves if it ends now, or within the store before this one. */
static void at_store(void *context, struct hv *victim, const void *address, size_t length)
{
    size_t from = 0, to = SIZE;

    stores++;
    check_left(pages);
    while (from < SIZE && before[from] == pages[from])
        from++;
    while (to > from && before[to - 1] == pages[to - 1])
        to--;
    memcpy(torn, before, SIZE);
    /* What is stored in one piece is not torn: 4 bytes, aligned. Else any part may come first. */
    if (to - from > 4 || from / 4 != (to - 1) / 4) {
        for (size_t at = from; at < to; at++) {
            torn[at] = pages[at];
            check_left(torn);
            tears++;
        }
        memcpy(torn, before, SIZE);
        for (size_t at = to; at-- > from;) {
            torn[at] = pages[at];
            check_left(torn);
        }
    }
    memcpy(before, pages, SIZE);
}

START_TEST(every_store)
{
    promised = promising = 0;
    stores = tears = 0;
    memcpy(before, pages, SIZE);
    sim_set_adversary(sim, at_store, NULL);
    promising = 1;
    checkpoint(1);
    at_store(NULL, hv, NULL, 0);
    promised = 1;
    for (uint32_t value = 2; value < 250; value++) {
        promising = value;
        promise(value);
        at_store(NULL, hv, NULL, 0); /* the last one of these, before those of the next frame */
        promised = value;
        check_left(pages);
    }
    sim_set_adversary(sim, NULL, NULL);
    ck_assert_uint_gt(journal.generation, 1);
    ck_assert_uint_gt(stores, 500);
    ck_assert_uint_gt(tears, 1000);
}
END_TEST

/* --- what the journal did not write -------------------------------------------------------------
 */

/* A changed byte within what is in force is told, unless it is one that nothing depends on. */
START_TEST(changed_bytes)
{
    uint8_t *copy = malloc(SIZE);
    uint32_t from, to;

    checkpoint(1);
    for (uint32_t value = 2; value < 20; value++)
        promise(value);
    from = journal.half * journal.half_size;
    to = from + journal.end;
    for (uint32_t at = from; at < to; at++) {
        for (unsigned bit = 0; bit < 8; bit += 7) {
            int64_t found;

            memcpy(copy, pages, SIZE);
            copy[at] ^= (uint8_t)(1U << bit);
            found = last_value(copy);
            /* The head: no half is in force then. */
            if (found != (at - from < 40 ? 0 : -1))
                ck_abort_msg("byte %u: %lld", at - from, (long long)found);
        }
    }
    free(copy);
}
END_TEST

START_TEST(anything)
{
    struct unit_random random = {.state = (uint64_t)_i};
    uint8_t *copy = malloc(SIZE);

    checkpoint(1);
    for (uint32_t value = 2; value < 400; value++)
        promise(value);
    for (unsigned round = 0; round < 500; round++) {
        struct journal_reader reader;
        struct journal_record record;
        unsigned changes = 1 + (unsigned)unit_random(&random, 8);

        memcpy(copy, pages, SIZE);
        while (changes--)
            copy[unit_random(&random, unit_random(&random, 2) ? SIZE : 256)] =
                (uint8_t)unit_random(&random, 256);
        if (journal_read(&reader, copy, SIZE))
            continue;
        while (journal_next(&reader, &record) > 0) {
            if (record.data < copy || record.data > copy + SIZE ||
                record.length > (size_t)(copy + SIZE - record.data))
                ck_abort_msg("a record is not in the journal");
        }
    }
    free(copy);
}
END_TEST

TCase *journal_cases(void)
{
    TCase *tcase = tcase_create("journal");

    tcase_set_timeout(tcase, 30);
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, empty);
    tcase_add_test(tcase, appends);
    tcase_add_test(tcase, nothing_uncommitted);
    tcase_add_test(tcase, room);
    tcase_add_test(tcase, pieces);
    tcase_add_test(tcase, every_store);
    tcase_add_test(tcase, changed_bytes);
    tcase_add_loop_test(tcase, anything, 0, 4);
    return tcase;
}
