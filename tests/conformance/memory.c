/* SPDX-License-Identifier: ISC */
/* memory.h. */
#include "tests/conformance/suite.h"

static bool all_zero(const void *start, size_t length)
{
    const unsigned char *bytes = start;

    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

static void case_alloc(struct suite *s)
{
    size_t before = hv_page_count_free(s->hv, NULL);
    char *one = hv_page_alloc(s->hv, 1), *five = hv_page_alloc(s->hv, 5);

    CHECK(s, one != NULL && five != NULL);
    CHECK_EQ(s, (uintptr_t)one % HV_PAGE_SIZE, 0);
    CHECK_EQ(s, (uintptr_t)five % HV_PAGE_SIZE, 0);
    CHECK(s, one + HV_PAGE_SIZE <= five || five + 5 * HV_PAGE_SIZE <= one);
    CHECK(s, all_zero(one, HV_PAGE_SIZE));
    CHECK(s, all_zero(five, 5 * HV_PAGE_SIZE));
    CHECK_EQ(s, hv_page_count_free(s->hv, NULL), before - 6);
    memset(five, 0xff, 5 * HV_PAGE_SIZE);
    CHECK(s, all_zero(one, HV_PAGE_SIZE));
    hv_page_free(s->hv, five, 5);
    hv_page_free(s->hv, one, 1);
    CHECK_EQ(s, hv_page_count_free(s->hv, NULL), before);
}

static void case_alloc_too_much(struct suite *s)
{
    size_t largest, total = hv_page_count_free(s->hv, &largest);

    CHECK(s, largest >= 1 && largest <= total);
    CHECK(s, hv_page_alloc(s->hv, 0) == NULL);
    CHECK(s, hv_page_alloc(s->hv, (unsigned)largest + 1) == NULL);
    CHECK(s, hv_page_alloc(s->hv, UINT32_MAX) == NULL);
    CHECK_EQ(s, hv_page_count_free(s->hv, NULL), total);

    char *run = hv_page_alloc(s->hv, (unsigned)largest);
    CHECK(s, run != NULL);
    run[0] = run[largest * HV_PAGE_SIZE - 1] = 'x';
    CHECK_EQ(s, hv_page_count_free(s->hv, NULL), total - largest);
    hv_page_free(s->hv, run, (unsigned)largest);
}

/** Take every page there is, one by one and each different; give them back; they are zero again. */
static void case_exhaustion(struct suite *s)
{
    size_t largest_before, largest, total = hv_page_count_free(s->hv, &largest_before);

    for (unsigned round = 0; round < 2; round++) {
        void **chain = NULL;
        size_t count = 0;
        for (void **page; (page = hv_page_alloc(s->hv, 1)) != NULL; count++) {
            CHECK(s, all_zero(page, HV_PAGE_SIZE));
            page[0] = chain;
            page[HV_PAGE_SIZE / sizeof(*page) - 1] = page;
            chain = page;
        }
        CHECK_EQ(s, count, total);
        CHECK_EQ(s, hv_page_count_free(s->hv, &largest), 0);
        CHECK_EQ(s, largest, 0);
        while (chain) {
            void **next = chain[0];
            CHECK(s, chain[HV_PAGE_SIZE / sizeof(*chain) - 1] == chain);
            hv_page_free(s->hv, chain, 1);
            chain = next;
        }
        CHECK_EQ(s, hv_page_count_free(s->hv, &largest), total);
        CHECK_EQ(s, largest, largest_before);
    }
}

static void case_fragments(struct suite *s)
{
    char *pages[16];
    size_t before = hv_page_count_free(s->hv, NULL), largest;

    for (unsigned i = 0; i < 16; i++) {
        pages[i] = hv_page_alloc(s->hv, 1 + i % 3);
        CHECK(s, pages[i] != NULL);
        memset(pages[i], (int)i + 1, (1 + i % 3) * HV_PAGE_SIZE);
    }
    for (unsigned i = 0; i < 16; i += 2)
        hv_page_free(s->hv, pages[i], 1 + i % 3);
    hv_page_count_free(s->hv, &largest); /* the largest run is told right among the holes */
    CHECK(s, hv_page_alloc(s->hv, (unsigned)largest + 1) == NULL);
    char *run = hv_page_alloc(s->hv, (unsigned)largest);
    CHECK(s, run != NULL);
    size_t rest, without = hv_page_count_free(s->hv, &rest);
    CHECK(s, without > 0 && rest >= 1 && rest <= largest);
    CHECK(s, hv_page_alloc(s->hv, (unsigned)rest + 1) == NULL);
    char *hole = hv_page_alloc(s->hv, (unsigned)rest);
    CHECK(s, hole != NULL);
    hv_page_free(s->hv, hole, (unsigned)rest);
    hv_page_free(s->hv, run, (unsigned)largest);
    for (unsigned i = 0; i < 16; i += 2) {
        pages[i] = hv_page_alloc(s->hv, 1 + i % 3);
        CHECK(s, pages[i] != NULL);
        CHECK(s, all_zero(pages[i], (1 + i % 3) * HV_PAGE_SIZE));
    }
    for (unsigned i = 1; i < 16; i += 2) {
        CHECK_EQ(s, pages[i][0], i + 1);
        CHECK_EQ(s, pages[i][(1 + i % 3) * HV_PAGE_SIZE - 1], i + 1);
    }
    for (unsigned i = 0; i < 16; i++)
        hv_page_free(s->hv, pages[i], 1 + i % 3);
    CHECK_EQ(s, hv_page_count_free(s->hv, NULL), before);
}

static void case_shared(struct suite *s)
{
    char *page = hv_page_alloc(s->hv, 1);
    char out[70], in[70];

    CHECK(s, page != NULL);
    uint32_t *word = (uint32_t *)(void *)(page + 64);
    hv_shared_write32(s->hv, word, 0xdeadbeef);
    hv_shared_barrier(s->hv);
    CHECK(s, hv_shared_read32(s->hv, word) == 0xdeadbeef);
    CHECK(s, page[63] == 0 && page[68] == 0);

    for (unsigned i = 0; i < sizeof(out); i++)
        out[i] = (char)(i * 7 + 1);
    for (unsigned length = 0; length < sizeof(out); length++) {
        memset(page, 0, 256);
        memset(in, 0, sizeof(in));
        hv_shared_copy_out(s->hv, page + 128 + length, out, length);
        CHECK(s, memcmp(page + 128 + length, out, length) == 0);
        CHECK(s, page[127 + length] == 0 && page[128 + 2 * length] == 0);
        hv_shared_copy_in(s->hv, in, page + 128 + length, length);
        CHECK(s, memcmp(in, out, length) == 0);
        CHECK_EQ(s, in[length], 0);
    }
    hv_page_free(s->hv, page, 1);
}

/** Bytes are loaded, stored and changed alone: those beside them keep. */
static void case_shared_bytes(struct suite *s)
{
    uint8_t *bytes = hv_page_alloc(s->hv, 1);

    CHECK(s, bytes != NULL);
    for (unsigned i = 64; i < 72; i++) {
        memset(bytes + 60, 0x5a, 16);
        hv_shared_write8(s->hv, &bytes[i], 0x81);
        CHECK_EQ(s, hv_shared_read8(s->hv, &bytes[i]), 0x81);
        CHECK_EQ(s, hv_shared_fetch_or8(s->hv, &bytes[i], 0x03), 0x81);
        CHECK_EQ(s, hv_shared_fetch_or8(s->hv, &bytes[i], 0x03), 0x83);
        CHECK_EQ(s, hv_shared_fetch_and8(s->hv, &bytes[i], 0x7e), 0x83);
        CHECK_EQ(s, hv_shared_read8(s->hv, &bytes[i]), 0x02);
        CHECK_EQ(s, hv_shared_fetch_and8(s->hv, &bytes[i], 0), 0x02);
        CHECK_EQ(s, bytes[i], 0);
        CHECK(s, bytes[i - 1] == 0x5a && bytes[i + 1] == 0x5a);
    }
    hv_page_free(s->hv, bytes, 1);
}

/**
 * Pages set aside are nobody else's. The first is ordinary; the others are written while they are
 * open and keep what was written. They
 * are zeroed at the start, and this is the first case that looks at them.
 */
static void case_reserved(struct suite *s)
{
    unsigned count, again;
    uint8_t *pages = hv_reserved(s->hv, &count), *other, *guarded;

    CHECK_EQ(s, pages == NULL, count == 0);
    CHECK(s, hv_reserved(s->hv, &again) == pages && again == count);
    if (pages == NULL)
        return;
    CHECK(s, count >= HV_RESERVED_PAGES_MIN);
    CHECK_EQ(s, (uintptr_t)pages % HV_PAGE_SIZE, 0);
    for (size_t i = 0; i < (size_t)count * HV_PAGE_SIZE; i += 512)
        CHECK_EQ(s, pages[i], 0);
    memset(pages, 0x11, HV_PAGE_SIZE);
    guarded = pages + HV_PAGE_SIZE;
    hv_guarded_open(s->hv, guarded, 2);
    memset(guarded, 0x5a, HV_PAGE_SIZE);
    hv_guarded_close(s->hv, guarded, 1);
    memset(guarded + HV_PAGE_SIZE, 0xa5, HV_PAGE_SIZE);
    hv_guarded_close(s->hv, guarded + HV_PAGE_SIZE, 1);
    CHECK(s, pages[0] == 0x11 && pages[HV_PAGE_SIZE - 1] == 0x11);
    CHECK(s, guarded[0] == 0x5a && guarded[HV_PAGE_SIZE - 1] == 0x5a);
    CHECK(s, guarded[HV_PAGE_SIZE] == 0xa5 && guarded[2 * HV_PAGE_SIZE - 1] == 0xa5);
    hv_guarded_open(s->hv, pages + (size_t)(count - 1) * HV_PAGE_SIZE, 1);
    pages[(size_t)count * HV_PAGE_SIZE - 1] = 0x77;
    hv_guarded_close(s->hv, pages + (size_t)(count - 1) * HV_PAGE_SIZE, 1);
    other = hv_page_alloc(s->hv, 1);
    CHECK(s, other != NULL);
    CHECK(s, other + HV_PAGE_SIZE <= pages || other >= pages + (size_t)count * HV_PAGE_SIZE);
    memset(other, 1, HV_PAGE_SIZE);
    hv_page_free(s->hv, other, 1);
    CHECK_EQ(s, pages[(size_t)count * HV_PAGE_SIZE - 1], 0x77);
}

void suite_memory(struct suite *s)
{
    suite_case(s, "memory/reserved", case_reserved);
    suite_case(s, "memory/alloc", case_alloc);
    suite_case(s, "memory/too-much", case_alloc_too_much);
    suite_case(s, "memory/exhaustion", case_exhaustion);
    suite_case(s, "memory/fragments", case_fragments);
    suite_case(s, "memory/shared", case_shared);
    suite_case(s, "memory/shared-bytes", case_shared_bytes);
}
