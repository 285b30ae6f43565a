/* SPDX-License-Identifier: ISC */
/* The adversary, the console, the counters, and callers that break the contract. */
#include "tests/unit/simulator/host.h"

#include <signal.h>

struct meddler {
    struct hv *own;    /**< whose memory the adversary also touches by the contract */
    struct hv *victim; /**< expected */
    uint32_t *word;    /**< what it rewrites */
    unsigned calls;
    const void *address;
    size_t length;
};

static void meddle(void *context, struct hv *victim, const void *address, size_t length)
{
    struct meddler *meddler = context;

    ck_assert_ptr_eq(victim, meddler->victim);
    meddler->calls++;
    meddler->address = address;
    meddler->length = length;
    if (meddler->word) {
        ++*meddler->word;
        hv_shared_read32(meddler->own, meddler->word); /* it is not interrupted itself */
    }
}

START_TEST(adversary_before_each_access)
{
    struct sim *sim = sim_create(1);
    struct hv *hv = make_domain(sim, 1), *enemy = make_domain(sim, 2);
    struct meddler meddler = {.own = enemy, .victim = hv};
    grant_ref_t ref;
    void *address;
    char buffer[16] = "";

    meddler.word = (uint32_t *)(void *)make_grant(enemy, 1, 0, &ref);
    ck_assert_int_eq(hv_grant_map(hv, 2, &ref, 1, false, &address), 0);
    uint32_t *shared = address;
    sim_set_adversary(sim, meddle, &meddler);

    ck_assert_uint_eq(hv_shared_read32(hv, shared), 1); /* rewritten just before the load */
    ck_assert_ptr_eq(meddler.address, shared);
    ck_assert_uint_eq(meddler.length, 4);
    ck_assert_uint_eq(hv_shared_read32(hv, shared), 2);
    hv_shared_write32(hv, shared, 100); /* before the store: the store stands */
    ck_assert_uint_eq(*meddler.word, 100);
    ck_assert_uint_eq(meddler.calls, 3);
    hv_shared_copy_in(hv, buffer, shared, 5);
    ck_assert_int_eq(buffer[0], 101);
    ck_assert_uint_eq(meddler.length, 5);
    hv_shared_copy_out(hv, shared + 4, buffer, 7);
    ck_assert_ptr_eq(meddler.address, shared + 4);
    ck_assert_uint_eq(meddler.length, 7);
    hv_shared_barrier(hv);
    ck_assert_uint_eq(meddler.calls, 6);
    ck_assert_uint_eq(*shared, 103);
    sim_set_adversary(sim, NULL, NULL);
    ck_assert_uint_eq(hv_shared_read32(hv, shared), 103);
    sim_destroy(sim);
}
END_TEST

START_TEST(counters)
{
    struct sim *sim = sim_create(1);
    struct hv *hv = make_domain(sim, 1), *other = make_domain(sim, 2);
    struct sim_usage usage;
    evtchn_port_t ports[2];
    grant_ref_t refs[2];
    void *address;

    sim_usage(hv, &usage);
    ck_assert_mem_eq(&usage, &(struct sim_usage){0}, sizeof(usage));
    make_channel(hv, other, &ports[0], &ports[1]);
    make_grant(other, 1, 'a', &refs[0]);
    make_grant(other, 1, 'b', &refs[1]);
    char *pages = hv_page_alloc(hv, 3);
    ck_assert_int_eq(hv_evtchn_send(hv, ports[0]), 0);
    ck_assert_int_eq(hv_grant_map(hv, 2, refs, 2, false, &address), 0);
    struct hv_copy copies[2] = {
        {.source = {.address = pages}, .dest = {.address = pages, .offset = 100}, .length = 30},
        {.source = {.address = pages}, .dest = {.foreign = true, .domid = 77}, .length = 30},
    };
    ck_assert_int_eq(hv_grant_copy(hv, copies, 2), 0);
    sim_usage(hv, &usage);
    ck_assert_uint_eq(usage.pages, 3);
    ck_assert_uint_eq(usage.ports, 1);
    ck_assert_uint_eq(usage.grants, 0);
    ck_assert_uint_eq(usage.mappings, 2);
    ck_assert_uint_eq(usage.sends, 1);
    ck_assert_uint_eq(usage.maps, 1);
    ck_assert_uint_eq(usage.copies, 1);
    ck_assert_uint_eq(usage.copy_calls, 1);
    ck_assert_uint_eq(usage.copy_bytes, 30);
    sim_usage(other, &usage);
    ck_assert_uint_eq(usage.grants, 2);
    ck_assert_int_eq(hv_grant_unmap(hv, address, 2), 0);
    ck_assert_int_eq(hv_evtchn_close(hv, ports[0]), 0);
    hv_page_free(hv, pages, 3);
    sim_usage(hv, &usage);
    ck_assert_uint_eq(usage.pages + usage.ports + usage.grants + usage.mappings, 0);
    sim_destroy(sim);
}
END_TEST

START_TEST(reserved_grants)
{
    struct sim *sim = sim_create(1);
    struct hv *guest = make_domain(sim, 5), *store = make_domain(sim, 1);
    void *ring = hv_page_alloc(guest, 1), *page, *address;
    grant_ref_t ref = HV_GNTTAB_XENSTORE;
    evtchn_port_t port;

    ck_assert_int_eq(hv_store_ring(guest, &page, &port), -ENOENT);
    sim_set_store_ring(guest, ring, 33);
    ck_assert_int_eq(hv_store_ring(guest, &page, &port), 0);
    ck_assert(page == ring && port == 33);

    ck_assert_int_eq(hv_grant_map(store, 5, &ref, 1, false, &address), -EINVAL);
    sim_grant_reserved(guest, HV_GNTTAB_XENSTORE, 1, ring);
    ck_assert_int_eq(hv_grant_map(store, 5, &ref, 1, false, &address), 0);
    strcpy(address, "hello");
    ck_assert_str_eq(ring, "hello");
    ck_assert_int_eq(hv_grant_revoke(guest, ref), -EINVAL);
    ck_assert_int_eq(hv_grant_unmap(store, address, 1), 0);
    sim_grant_reserved(guest, HV_GNTTAB_XENSTORE, 1, NULL);
    ck_assert_int_eq(hv_grant_map(store, 5, &ref, 1, false, &address), -EINVAL);
    hv_page_free(guest, ring, 1);
    sim_destroy(sim);
}
END_TEST

struct transcript {
    char text[8192];
    size_t length;
};

static void transcribe(void *context, struct hv *hv, const char *text, size_t length)
{
    struct transcript *transcript = context;

    memcpy(transcript->text + transcript->length, text, length);
    transcript->length += length;
}

START_TEST(console_drops_and_counts)
{
    struct sim *sim = sim_create(1);
    struct hv *hv = make_domain(sim, 1);
    struct transcript transcript = {.length = 0};

    sim_set_console(sim, transcribe, &transcript);
    hv_console_write(hv, "hello\n", 6);
    ck_assert_str_eq(transcript.text, "hello\n");
    ck_assert_uint_eq(hv_console_dropped(hv), 0);
    sim_console_stall(hv, true);
    transcript.length = 0;
    for (unsigned i = 0; i < 300; i++)
        hv_console_write(hv, "0123456789", 10);
    ck_assert_uint_eq(transcript.length, 2048);
    ck_assert_uint_eq(hv_console_dropped(hv), 3000 - 2048);
    sim_console_stall(hv, false);
    hv_console_write(hv, "0123456789", 10);
    ck_assert_uint_eq(transcript.length, 2058);
    ck_assert_uint_eq(hv_console_dropped(hv), 3000 - 2048);
    sim_destroy(sim);
}
END_TEST

/* Callers that break the contract, one a row. They end with a message, or with a fault. */

static void free_granted(struct hv *hv, struct hv *other)
{
    grant_ref_t ref;
    hv_page_free(hv, make_grant(hv, 2, 'a', &ref), 1);
}

static void free_twice(struct hv *hv, struct hv *other)
{
    void *page = hv_page_alloc(hv, 1);
    hv_page_free(hv, page, 1);
    hv_page_free(hv, page, 1);
}

static void free_part(struct hv *hv, struct hv *other)
{
    hv_page_free(hv, hv_page_alloc(hv, 2), 1);
}

static void free_middle(struct hv *hv, struct hv *other)
{
    hv_page_free(hv, (char *)hv_page_alloc(hv, 2) + HV_PAGE_SIZE, 1);
}

static void free_of_other(struct hv *hv, struct hv *other)
{
    hv_page_free(hv, hv_page_alloc(other, 1), 1);
}

static void grant_stack(struct hv *hv, struct hv *other)
{
    static char page[HV_PAGE_SIZE] __attribute__((aligned(4096)));
    grant_ref_t ref;
    if (hv_grant_access(hv, 2, page, false, &ref) == 0)
        return;
}

static void grant_unaligned(struct hv *hv, struct hv *other)
{
    grant_ref_t ref;
    if (hv_grant_access(hv, 2, (char *)hv_page_alloc(hv, 1) + 8, false, &ref) == 0)
        return;
}

static void seal_twice(struct hv *hv, struct hv *other)
{
    hv_seal(hv);
    hv_seal(hv);
}

static void mask_beyond(struct hv *hv, struct hv *other)
{
    hv_evtchn_mask(hv, HV_EVTCHN_PORTS);
}

static void use_freed(struct hv *hv, struct hv *other)
{
    volatile char *page = hv_page_alloc(hv, 1);
    hv_page_free(hv, hv_page_alloc(hv, 1), 1);
    page[0] = 'a'; /* this one is still ours */
    hv_page_free(hv, (void *)(uintptr_t)page, 1);
    page[0] = 'b';
}

static void use_beyond(struct hv *hv, struct hv *other)
{
    volatile char *pages = hv_page_alloc(hv, 2);
    pages[2 * HV_PAGE_SIZE - 1] = 'a';
    pages[2 * HV_PAGE_SIZE] = 'b';
}

static void write_readonly(struct hv *hv, struct hv *other)
{
    grant_ref_t ref;
    void *address;
    make_grant(other, 1, 'a', &ref);
    ck_assert_int_eq(hv_grant_map(hv, 2, &ref, 1, true, &address), 0);
    ck_assert_int_eq(*(volatile char *)address, 'a');
    *(volatile char *)address = 'b';
}

static void use_unmapped(struct hv *hv, struct hv *other)
{
    grant_ref_t ref;
    void *address;
    make_grant(other, 1, 'a', &ref);
    ck_assert_int_eq(hv_grant_map(hv, 2, &ref, 1, false, &address), 0);
    *(volatile char *)address = 'b';
    ck_assert_int_eq(hv_grant_unmap(hv, address, 1), 0);
    *(volatile char *)address = 'c';
}

typedef void misuse_fn(struct hv *hv, struct hv *other);
static misuse_fn *const panics[] = {
    free_granted, free_twice,      free_part,  free_middle, free_of_other,
    grant_stack,  grant_unaligned, seal_twice, mask_beyond,
};
static misuse_fn *const faults[] = {use_freed, use_beyond, write_readonly, use_unmapped};

static void misuse(misuse_fn *run)
{
    struct sim *sim = sim_create(1);
    struct hv *hv = make_domain(sim, 1), *other = make_domain(sim, 2);

    signal(SIGSEGV, SIG_DFL); /* a sanitizer would catch it */
    run(hv, other);
}

START_TEST(misuse_panics)
{
    misuse(panics[_i]);
}
END_TEST

START_TEST(misuse_faults)
{
    misuse(faults[_i]);
}
END_TEST

TCase *memory_cases(void)
{
    TCase *cases = tcase_create("memory");

    tcase_add_test(cases, adversary_before_each_access);
    tcase_add_test(cases, counters);
    tcase_add_test(cases, reserved_grants);
    tcase_add_test(cases, console_drops_and_counts);
    tcase_add_loop_test_raise_signal(cases, misuse_panics, SIGABRT, 0,
                                     sizeof(panics) / sizeof(panics[0]));
    tcase_add_loop_test_raise_signal(cases, misuse_faults, SIGSEGV, 0,
                                     sizeof(faults) / sizeof(faults[0]));
    return cases;
}
