/* SPDX-License-Identifier: ISC */
/** @file Copies of journals: what is kept is read back whole, and judged as a stranger's. */
#include "common/journal.h"
#include "common/journal_hint.h"
#include "hv/sim/sim.h"
#include "journal_copy.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGES 7u

static char dir[64], file[128];
static struct report report;
static uint8_t pages[PAGES * 4096];

static const struct journal_copy copy = {
    .data = pages, .size = sizeof(pages), .handle = {1, 2, 3}, .version = 5};

static void setup(void)
{
    strcpy(dir, "/tmp/test-journal-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    strcat(dir, "/deep");
    snprintf(file, sizeof(file), "%s/store.journal", dir);
    report_init(&report, "test", stderr, 0);
    memset(pages, 0, sizeof(pages));
}

static void teardown(void)
{
    char command[96];

    *strrchr(dir, '/') = '\0';
    snprintf(command, sizeof(command), "rm -r %s", dir);
    ck_assert_int_eq(system(command), 0);
}

START_TEST(there_and_back)
{
    struct journal_copy read;
    struct stat st;

    memset(pages + 5000, 0x5a, 3000);
    ck_assert_int_eq(journal_kept_in(dir, "store", &read), 0);
    ck_assert_int_eq(journal_keep_in(&report, dir, "store", &copy), 0);
    ck_assert_int_eq(stat(file, &st), 0);
    ck_assert_uint_eq(st.st_mode & 07777, 0600);
    ck_assert_int_eq(journal_keep_in(&report, dir, "store", &copy), 0); /* again */
    ck_assert_int_eq(journal_kept_in(dir, "store", &read), 1);
    ck_assert_uint_eq(read.size, sizeof(pages));
    ck_assert_mem_eq(read.data, pages, sizeof(pages));
    ck_assert_mem_eq(read.handle, copy.handle, 16);
    ck_assert_uint_eq(read.version, 5);
    journal_copy_free(&read);
}
END_TEST

/* No file that was cut, changed or made longer is taken for one. */
START_TEST(damaged_files)
{
    struct journal_copy read;
    struct stat st;

    for (unsigned i = 0; i < 40; i++) {
        FILE *f;
        int ch;

        ck_assert_int_eq(journal_keep_in(&report, dir, "store", &copy), 0);
        ck_assert_int_eq(stat(file, &st), 0);
        if (i < 20) { /* the magic, the sizes, the digest, the pages */
            const long at = i < 10 ? (long)(i < 8 ? i : 8 + i) : 40 + 700L * (i - 10);

            f = fopen(file, "r+");
            fseek(f, at, SEEK_SET);
            ch = fgetc(f);
            fseek(f, at, SEEK_SET);
            fputc(ch ^ 0x40, f);
            fclose(f);
        } else {
            ck_assert_int_eq(truncate(file, i == 20 ? st.st_size + 1 : st.st_size * (i - 21) / 20),
                             0);
        }
        ck_assert_msg(journal_kept_in(dir, "store", &read) == -EINVAL, "taken: change %u", i);
        ck_assert_ptr_null(read.data);
    }
    ck_assert_int_eq(unlink(file), 0);
    ck_assert_int_eq(mkdir(file, 0700), 0);
    ck_assert_int_lt(journal_kept_in(dir, "store", &read), 0);
}
END_TEST

/* Whether a successor can start from it. */
/* What a successor that wrote nothing else says of requests that killed, and only that. */
START_TEST(carries)
{
    static uint8_t page[4096];
    struct journal_hint *newer = (void *)page, *kept = (void *)pages;
    struct journal_copy to = copy, from = {.data = page, .size = sizeof(page)};

    memset(page, 0, sizeof(page));
    kept->magic = newer->magic = JOURNAL_HINT_MAGIC;
    kept->outgrown = 1;
    kept->answer.cons = 77;
    kept->request = 5;
    newer->domid = 9;
    newer->request = 0x1234;
    newer->suspects[7] = (struct journal_suspect){0x99, 3, 2};
    journal_copy_carry(&to, &(struct journal_copy){0});
    ck_assert_uint_eq(kept->request, 5);
    journal_copy_carry(&to, &from);
    ck_assert_uint_eq(kept->request, 0x1234);
    ck_assert_uint_eq(kept->domid, 9);
    ck_assert_uint_eq(kept->suspects[7].deaths, 2);
    ck_assert_uint_eq(kept->outgrown, 1);
    ck_assert_uint_eq(kept->answer.cons, 77);
    newer->magic = 0; /* it never came so far */
    newer->request = 8;
    journal_copy_carry(&to, &from);
    ck_assert_uint_eq(kept->request, 0x1234);
}
END_TEST

START_TEST(worth)
{
    struct sim *sim = sim_create(1);
    struct hv *hv =
        sim_domain_create(sim, &(struct sim_domain_config){.domid = 1, .reserved_pages = PAGES});
    struct journal journal;
    uint64_t buffer[32];
    const char *why;
    unsigned count;
    uint8_t *area = hv_reserved(hv, &count);

    ck_assert_int_eq(journal_copy_check(&copy, &why), -ENOENT);
    journal_create(&journal, hv, area + 4096, PAGES - 1, buffer, sizeof(buffer));
    journal_checkpoint_begin(&journal);
    journal_add(&journal, 1, &(struct journal_part){"state", 5}, 1);
    ck_assert_int_eq(journal_commit(&journal), 0);
    memcpy(pages, area, sizeof(pages));
    ck_assert_int_eq(journal_copy_check(&copy, &why), -ENOENT); /* not in force yet */
    journal_checkpoint_end(&journal);
    memcpy(pages, area, sizeof(pages));
    ck_assert_int_eq(journal_copy_check(&copy, &why), 0);
    journal_checkpoint_begin(&journal); /* of the second half, which does not begin the journal */
    journal_add(&journal, 1, &(struct journal_part){"state", 5}, 1);
    ck_assert_int_eq(journal_commit(&journal), 0);
    journal_checkpoint_end(&journal);
    memcpy(pages, area, sizeof(pages));
    ck_assert_int_eq(journal_copy_check(&copy, &why), 0);
    pages[0] = 0x1f; /* as a compressed file begins */
    pages[1] = 0x8b;
    ck_assert_int_eq(journal_copy_check(&copy, &why), -EINVAL);
    pages[1] = 0;
    ck_assert_int_eq(journal_copy_check(&copy, &why), 0);
    {
        const struct journal_map map = {
            .pages = pages, .count = PAGES, .handle = {1, 2, 3}, .version = 5};
        struct journal_copy cut, whole = copy;

        ck_assert_int_eq(journal_copy(&map, &cut), 0);
        ck_assert_uint_eq(cut.size, 3 * 4096); /* the first page, and what is in force */
        ck_assert_int_eq(journal_copy_check(&cut, &why), 0);
        ck_assert_mem_eq(cut.data, pages, 4096);
        whole.data = malloc(sizeof(pages));
        memcpy(whole.data, pages, sizeof(pages));
        journal_copy_cut(&whole);
        ck_assert_uint_eq(whole.size, cut.size);
        ck_assert_mem_eq(whole.data, cut.data, cut.size);
        journal_copy_cut(&whole); /* of which nothing more can be cut */
        ck_assert_uint_eq(whole.size, cut.size);
        journal_copy_free(&whole);
        journal_copy_free(&cut);
    }
    for (unsigned i = 4096; i + 5 <= sizeof(pages); i++)
        if (memcmp(pages + i, "state", 5) == 0)
            pages[i] ^= 1;
    ck_assert_int_eq(journal_copy_check(&copy, &why), -EINVAL);
    ck_assert_str_ne(why, "");
    sim_destroy(sim);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("journal copy");
    TCase *tc = tcase_create("journal copy");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, there_and_back);
    tcase_add_test(tc, damaged_files);
    tcase_add_test(tc, carries);
    tcase_add_test(tc, worth);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? 1 : 0;
}
