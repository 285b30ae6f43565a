/* SPDX-License-Identifier: ISC */
/*
 * gnttab.h within one domain. Copies work on grants to the own domain; maps do not: on PVH, Xen
 * takes a page of the guest's own out of its old place when it is mapped elsewhere (p2m_add_page()
 * in xen/arch/x86/mm/p2m.c), so mapping needs a second domain (two.c, dom0.c).
 */
#include "tests/conformance/suite.h"

#define NO_DOMAIN  0x7feeU
#define NO_REF     300000U /**< beyond every grant table */
#define PAGE(p, n) ((char *)(p) + (size_t)(n)*HV_PAGE_SIZE)

static void case_access(struct suite *s)
{
    char *pages = hv_page_alloc(s->hv, 2);
    grant_ref_t a, b, c;

    CHECK(s, pages != NULL);
    CHECK_EQ(s, hv_grant_access(s->hv, hv_domid(s->hv), pages, false, &a), 0);
    CHECK_EQ(s, hv_grant_access(s->hv, NO_DOMAIN, PAGE(pages, 1), true, &b), 0);
    CHECK_EQ(s, hv_grant_access(s->hv, NO_DOMAIN, pages, true, &c), 0); /* a page twice */
    CHECK(s, a != b && b != c && c != a);
    CHECK(s, a >= HV_GNTTAB_FIRST && b >= HV_GNTTAB_FIRST && c >= HV_GNTTAB_FIRST);
    CHECK_EQ(s, hv_grant_revoke(s->hv, b), 0);
    CHECK_EQ(s, hv_grant_revoke(s->hv, b), -EINVAL);
    CHECK_EQ(s, hv_grant_revoke(s->hv, a), 0);
    CHECK_EQ(s, hv_grant_revoke(s->hv, c), 0);
    CHECK_EQ(s, hv_grant_revoke(s->hv, NO_REF), -EINVAL);
    CHECK_EQ(s, hv_grant_revoke(s->hv, UINT32_MAX), -EINVAL);
    hv_page_free(s->hv, pages, 2);
}

#define REF_PAGES 40U

/** Every reference there is, twice. */
static void case_exhaustion(struct suite *s)
{
    grant_ref_t *refs = hv_page_alloc(s->hv, REF_PAGES), extra;
    void *page = hv_page_alloc(s->hv, 1);
    unsigned most = REF_PAGES * HV_PAGE_SIZE / sizeof(*refs), counts[2];

    CHECK(s, refs != NULL && page != NULL);
    for (unsigned round = 0; round < 2; round++) {
        unsigned count = 0;
        int rc;
        while ((rc = hv_grant_access(s->hv, hv_domid(s->hv), page, false, &refs[count])) == 0)
            CHECK(s, ++count < most);
        CHECK_EQ(s, rc, -ENOSPC);
        CHECK(s, count >= 500); /* a frame of entries, less the reserved */
        CHECK_EQ(s, hv_grant_revoke(s->hv, refs[count / 2]), 0);
        CHECK_EQ(s, hv_grant_access(s->hv, hv_domid(s->hv), page, true, &extra), 0);
        CHECK_EQ(s, extra, refs[count / 2]);
        counts[round] = count;
        while (count > 0)
            CHECK_EQ(s, hv_grant_revoke(s->hv, refs[--count]), 0);
    }
    CHECK_EQ(s, counts[0], counts[1]);
    hv_page_free(s->hv, page, 1);
    hv_page_free(s->hv, refs, REF_PAGES);
}

static struct hv_copy_end here(void *address, unsigned offset)
{
    return (struct hv_copy_end){.address = address, .offset = (uint16_t)offset};
}

static struct hv_copy_end there(domid_t domid, grant_ref_t ref, unsigned offset)
{
    return (struct hv_copy_end){
        .foreign = true, .domid = domid, .ref = ref, .offset = (uint16_t)offset};
}

/** One copy: its status, or what the call returned. */
static int copy(struct suite *s, struct hv_copy_end from, struct hv_copy_end to, unsigned length)
{
    struct hv_copy one = {.source = from, .dest = to, .length = (uint16_t)length, .status = 99};
    int rc = hv_grant_copy(s->hv, &one, 1);

    return rc != 0 ? rc : one.status;
}

static void case_copy(struct suite *s)
{
    char *pages = hv_page_alloc(s->hv, 3), *a = pages, *b = PAGE(pages, 1), *c = PAGE(pages, 2);
    domid_t self = hv_domid(s->hv);
    grant_ref_t ra, rb;

    CHECK(s, pages != NULL);
    CHECK_EQ(s, hv_grant_access(s->hv, self, a, false, &ra), 0);
    CHECK_EQ(s, hv_grant_access(s->hv, self, b, false, &rb), 0);
    for (unsigned i = 0; i < HV_PAGE_SIZE; i++)
        c[i] = (char)(i * 13 + i / 256);

    CHECK_EQ(s, copy(s, here(c, 0), there(self, ra, 0), HV_PAGE_SIZE), 0); /* own to granted */
    CHECK(s, memcmp(a, c, HV_PAGE_SIZE) == 0);
    CHECK_EQ(s, copy(s, there(self, ra, 7), there(self, rb, 100), 50), 0); /* granted to granted */
    CHECK(s, memcmp(b + 100, a + 7, 50) == 0);
    CHECK(s, b[99] == 0 && b[150] == 0);
    memset(c, 0, HV_PAGE_SIZE);
    CHECK_EQ(s, copy(s, there(self, ra, 4095), here(c, 4095), 1), 0); /* granted to own */
    CHECK(s, c[4095] == a[4095] && c[4094] == 0);
    CHECK_EQ(s, copy(s, here(a, 1), here(c, 2), 3), 0); /* own to own */
    CHECK(s, memcmp(c + 2, a + 1, 3) == 0 && c[1] == 0 && c[5] == 0);
    CHECK_EQ(s, copy(s, there(self, ra, 0), here(c, 0), 0), 0);
    CHECK_EQ(s, c[0], 0);

    CHECK_EQ(s, hv_grant_revoke(s->hv, ra), 0); /* a copy leaves nothing in use */
    CHECK_EQ(s, hv_grant_revoke(s->hv, rb), 0);
    hv_page_free(s->hv, pages, 3);
}

static void case_copy_refused(struct suite *s)
{
    char *pages = hv_page_alloc(s->hv, 2), *own = PAGE(pages, 1);
    domid_t self = hv_domid(s->hv);
    grant_ref_t open, readonly, alien;

    CHECK(s, pages != NULL);
    CHECK_EQ(s, hv_grant_access(s->hv, self, pages, false, &open), 0);
    CHECK_EQ(s, hv_grant_access(s->hv, self, pages, true, &readonly), 0);
    CHECK_EQ(s, hv_grant_access(s->hv, NO_DOMAIN, pages, false, &alien), 0);
    pages[0] = 'p';
    own[0] = 'o';

    CHECK_EQ(s, copy(s, there(self, readonly, 0), here(own, 1), 1), 0);
    CHECK_EQ(s, own[1], 'p');
    CHECK_EQ(s, copy(s, here(own, 0), there(self, readonly, 0), 1), -EINVAL);
    CHECK_EQ(s, copy(s, there(self, alien, 0), here(own, 0), 1), -EINVAL);
    CHECK_EQ(s, copy(s, here(own, 0), there(self, alien, 0), 1), -EINVAL);
    CHECK_EQ(s, copy(s, there(self, NO_REF, 0), here(own, 0), 1), -EINVAL);
    CHECK_EQ(s, copy(s, there(self, UINT32_MAX, 0), here(own, 0), 1), -EINVAL);
    CHECK_EQ(s, copy(s, there(NO_DOMAIN, open, 0), here(own, 0), 1), -ESRCH);
    CHECK_EQ(s, copy(s, here(own, 0), there(NO_DOMAIN, open, 0), 1), -ESRCH);
    CHECK_EQ(s, copy(s, there(self, open, 1), here(own, 0), HV_PAGE_SIZE), -EINVAL);
    CHECK_EQ(s, copy(s, there(self, open, 0), here(own, 4096), 1), -EINVAL);
    CHECK_EQ(s, copy(s, there(self, open, 65535), here(own, 0), 65535), -EINVAL);
    CHECK_EQ(s, copy(s, here(own + 1, 0), there(self, open, 0), 1), -EINVAL); /* no page's start */
    CHECK_EQ(s, hv_grant_revoke(s->hv, open), 0);
    CHECK_EQ(s, copy(s, there(self, open, 0), here(own, 0), 1), -EINVAL);
    CHECK(s, pages[0] == 'p' && own[0] == 'o');

    struct hv_copy none = {.status = 99};
    CHECK_EQ(s, hv_grant_copy(s->hv, &none, 0), -EINVAL);
    CHECK_EQ(s, hv_grant_copy(s->hv, &none, HV_COPY_MAX + 1), -EINVAL);
    CHECK_EQ(s, none.status, 99);
    CHECK_EQ(s, hv_grant_revoke(s->hv, readonly), 0);
    CHECK_EQ(s, hv_grant_revoke(s->hv, alien), 0);
    hv_page_free(s->hv, pages, 2);
}

/** The largest batch: in order, each with its own status, a failure stops nothing. */
static void case_copy_batch(struct suite *s)
{
    unsigned size = (HV_COPY_MAX * sizeof(struct hv_copy) + HV_PAGE_SIZE - 1) / HV_PAGE_SIZE;
    struct hv_copy *batch = hv_page_alloc(s->hv, size);
    unsigned char *page = hv_page_alloc(s->hv, 1);
    domid_t self = hv_domid(s->hv);
    grant_ref_t ref;

    CHECK(s, batch != NULL && page != NULL);
    CHECK_EQ(s, hv_grant_access(s->hv, self, page, false, &ref), 0);
    page[0] = 0xa5;
    /* Byte i + 1 becomes byte i: only in order does the first byte travel all the way. */
    for (unsigned i = 0; i < HV_COPY_MAX; i++) {
        batch[i] = (struct hv_copy){.length = 1, .status = 99};
        batch[i].source = i % 3 == 0 ? here(page, i) : there(self, ref, i);
        batch[i].dest = i % 5 == 0 ? here(page, i + 1) : there(self, ref, i + 1);
    }
    CHECK_EQ(s, hv_grant_copy(s->hv, batch, HV_COPY_MAX), 0);
    for (unsigned i = 0; i < HV_COPY_MAX; i++)
        CHECK_EQ(s, batch[i].status, 0);
    CHECK_EQ(s, page[HV_COPY_MAX], 0xa5);
    CHECK_EQ(s, page[HV_COPY_MAX + 1], 0);

    page[0] = 0x77;
    for (unsigned i = 0; i < HV_COPY_MAX; i += 10)
        batch[i].source = there(self, NO_REF, 0);
    CHECK_EQ(s, hv_grant_copy(s->hv, batch, HV_COPY_MAX), 0);
    for (unsigned i = 0; i < HV_COPY_MAX; i++)
        CHECK_EQ(s, batch[i].status, i % 10 == 0 ? -EINVAL : 0);
    CHECK(s, page[1] == 0xa5 && page[2] == 0xa5);

    CHECK_EQ(s, hv_grant_revoke(s->hv, ref), 0);
    hv_page_free(s->hv, page, 1);
    hv_page_free(s->hv, batch, size);
}

static void case_map_refused(struct suite *s)
{
    grant_ref_t refs[2] = {NO_REF, NO_REF}, alien;
    char *page = hv_page_alloc(s->hv, 1);
    void *address = s;

    CHECK(s, page != NULL);
    CHECK_EQ(s, hv_grant_access(s->hv, NO_DOMAIN, page, false, &alien), 0);
    CHECK_EQ(s, hv_grant_map(s->hv, hv_domid(s->hv), refs, 0, false, &address), -EINVAL);
    CHECK_EQ(s, hv_grant_map(s->hv, hv_domid(s->hv), refs, 2, false, &address), -EINVAL);
    CHECK_EQ(s, hv_grant_map(s->hv, NO_DOMAIN, refs, 1, false, &address), -ESRCH);
    refs[0] = alien;
    CHECK_EQ(s, hv_grant_map(s->hv, hv_domid(s->hv), refs, 1, true, &address), -EINVAL);
    CHECK(s, address == s);
    CHECK_EQ(s, hv_grant_unmap(s->hv, page, 1), -EINVAL);
    CHECK_EQ(s, hv_grant_unmap(s->hv, NULL, 1), -EINVAL);
    CHECK_EQ(s, hv_grant_revoke(s->hv, alien), 0);
    hv_page_free(s->hv, page, 1);
}

void suite_gnttab(struct suite *s)
{
    suite_case(s, "gnttab/access", case_access);
    suite_case(s, "gnttab/exhaustion", case_exhaustion);
    suite_case(s, "gnttab/copy", case_copy);
    suite_case(s, "gnttab/copy-refused", case_copy_refused);
    suite_case(s, "gnttab/copy-batch", case_copy_batch);
    suite_case(s, "gnttab/map-refused", case_map_refused);
}
