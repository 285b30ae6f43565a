/* SPDX-License-Identifier: ISC */
/*
 * A Linux dom0 as the other side, for an image that was started as the XenStore domain: dom0 grants
 * its ring as reference 1 and made a port for us (tools/helpers/init-xenstore-domain.c).
 */
#include "tests/conformance/suite.h"

#define DOM0 0U

static void case_ring(struct suite *s)
{
    grant_ref_t ref = HV_GNTTAB_XENSTORE;
    void *first, *second;
    char *copy = hv_page_alloc(s->hv, 1);
    struct hv_copy one = {
        .source = {.foreign = true, .domid = DOM0, .ref = ref},
        .dest = {.address = copy},
        .length = HV_PAGE_SIZE,
    };

    CHECK(s, copy != NULL);
    CHECK_EQ(s, hv_grant_map(s->hv, DOM0, &ref, 1, false, &first), 0);
    CHECK_EQ(s, hv_grant_map(s->hv, DOM0, &ref, 1, false, &second), 0);
    CHECK(s, first != second);
    CHECK(s, memcmp(first, second, HV_PAGE_SIZE) == 0);
    CHECK_EQ(s, hv_grant_copy(s->hv, &one, 1), 0);
    CHECK_EQ(s, one.status, 0);
    CHECK(s, memcmp(first, copy, HV_PAGE_SIZE) == 0);

    /* The last bytes of the page are no field of the ring: what is written here is seen there. */
    uint32_t *word = (uint32_t *)first + HV_PAGE_SIZE / sizeof(uint32_t) - 1;
    uint32_t *alias = (uint32_t *)second + HV_PAGE_SIZE / sizeof(uint32_t) - 1;
    uint32_t before = hv_shared_read32(s->hv, word);
    hv_shared_write32(s->hv, word, ~before);
    CHECK(s, hv_shared_read32(s->hv, alias) == ~before);
    hv_shared_write32(s->hv, word, before);
    CHECK_EQ(s, hv_grant_unmap(s->hv, second, 1), 0);
    CHECK(s, memcmp(first, copy, HV_PAGE_SIZE) == 0);
    CHECK_EQ(s, hv_grant_unmap(s->hv, first, 1), 0);
    CHECK_EQ(s, hv_grant_unmap(s->hv, first, 1), -EINVAL);
    hv_page_free(s->hv, copy, 1);
}

static void case_port(struct suite *s)
{
    evtchn_port_t port;

    /* Bound, closed and bound again: closing leaves dom0's end unbound for us. */
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, DOM0, s->dom0_port, &port), 0);
        CHECK_EQ(s, hv_evtchn_next(s->hv), port);
        CHECK_EQ(s, hv_evtchn_send(s->hv, port), 0); /* the ring is empty: dom0 sees nothing new */
        CHECK_EQ(s, hv_evtchn_close(s->hv, port), 0);
    }
}

void suite_dom0(struct suite *s)
{
    suite_case(s, "dom0/ring", case_ring);
    suite_case(s, "dom0/port", case_port);
}
