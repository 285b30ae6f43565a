/* SPDX-License-Identifier: ISC */
/* What takes two domains: maps, and events that another domain sends. */
#include "tests/conformance/peer.h"
#include "tests/conformance/suite.h"

#define PATIENCE (30 * HV_SEC) /**< in which the other domain starts, or answers */
#define LAST_REF 600U          /**< where to look for its page */

/** Send a request and wait for its answer: the result, or -ETIMEDOUT. */
static int ask(struct suite *s, uint32_t command, uint32_t a, uint32_t b, uint32_t c)
{
    const uint32_t argument[3] = {a, b, c};
    uint64_t end = hv_now(s->hv) + PATIENCE;

    for (unsigned i = 0; i < 3; i++)
        hv_shared_write32(s->hv, &s->page->argument[i], argument[i]);
    hv_shared_write32(s->hv, &s->page->command, command);
    hv_shared_write32(s->hv, &s->page->sequence, ++s->sequence);
    hv_evtchn_send(s->hv, s->port);
    while (hv_shared_read32(s->hv, &s->page->served) != s->sequence) {
        if (hv_now(s->hv) >= end)
            return -ETIMEDOUT;
        hv_wait(s->hv, end);
        suite_drain(s);
    }
    return (int)hv_shared_read32(s->hv, &s->page->result);
}

static uint32_t reply(struct suite *s)
{
    return hv_shared_read32(s->hv, &s->page->reply);
}

static int copy_from_peer(struct suite *s, grant_ref_t ref, void *page)
{
    struct hv_copy copy = {
        .source = {.foreign = true, .domid = s->peer, .ref = ref},
        .dest = {.address = page},
        .length = sizeof(struct conformance_page),
    };
    int rc = hv_grant_copy(s->hv, &copy, 1);

    return rc ? rc : copy.status;
}

/** Find the peer's page, map it, bind its port. What is made here stays for the other cases. */
static void case_meet(struct suite *s)
{
    struct conformance_page *found = hv_page_alloc(s->hv, 1);
    uint64_t end = hv_now(s->hv) + PATIENCE;
    bool met = false;
    void *mapped;

    CHECK(s, found != NULL);
    while (!met && hv_now(s->hv) < end) {
        for (grant_ref_t ref = 0; ref < LAST_REF && !met; ref++)
            met = copy_from_peer(s, ref, found) == 0 && found->magic == PEER_MAGIC &&
                  found->self == ref;
        if (!met)
            suite_sleep(s, 100 * HV_MSEC);
    }
    CHECK(s, met);
    CHECK_EQ(s, hv_grant_map(s->hv, s->peer, &found->self, 1, false, &mapped), 0);
    CHECK_EQ(s, hv_evtchn_bind_interdomain(s->hv, s->peer, found->port, &s->port), 0);
    CHECK_EQ(s, hv_evtchn_next(s->hv), s->port);
    s->page = mapped;
    s->sequence = s->page->served;
    hv_page_free(s->hv, found, 1);
    CHECK_EQ(s, ask(s, PEER_NOTHING, 0, 0, 0), 0);
}

static void case_map_order(struct suite *s)
{
    static const unsigned order[] = {3, 0, 4, 4, 1};
    grant_ref_t refs[5];
    void *address;

    for (unsigned i = 0; i < 5; i++)
        refs[i] = s->page->refs[order[i]];
    CHECK_EQ(s, hv_grant_map(s->hv, s->peer, refs, 5, false, &address), 0);
    CHECK_EQ(s, (uintptr_t)address % HV_PAGE_SIZE, 0);
    volatile char *bytes = address; /* the same page stands at two places */
    for (unsigned i = 0; i < 5; i++) {
        CHECK_EQ(s, bytes[i * HV_PAGE_SIZE], '0' + (int)order[i]);
        CHECK_EQ(s, bytes[(i + 1) * HV_PAGE_SIZE - 1], '0' + (int)order[i]);
    }
    /* Both sides, and both places of page 4, are one page. */
    bytes[2 * HV_PAGE_SIZE + 9] = 'w';
    CHECK_EQ(s, bytes[3 * HV_PAGE_SIZE + 9], 'w');
    CHECK_EQ(s, ask(s, PEER_PEEK, 4, 9, 0), 0);
    CHECK_EQ(s, reply(s), 'w');
    CHECK_EQ(s, ask(s, PEER_POKE, 4, 9, '4'), 0);
    CHECK_EQ(s, bytes[2 * HV_PAGE_SIZE + 9], '4');

    CHECK_EQ(s, hv_grant_unmap(s->hv, address, 4), -EINVAL);
    CHECK_EQ(s, hv_grant_unmap(s->hv, (char *)address + HV_PAGE_SIZE, 4), -EINVAL);
    CHECK_EQ(s, bytes[0], '3'); /* what was refused has unmapped nothing */
    CHECK_EQ(s, hv_grant_unmap(s->hv, address, 5), 0);
    CHECK_EQ(s, hv_grant_unmap(s->hv, address, 5), -EINVAL);
}

static void case_revoke_mapped(struct suite *s)
{
    void *first, *second, *readonly;
    grant_ref_t ref;

    CHECK_EQ(s, ask(s, PEER_GRANT, 2, hv_domid(s->hv), 0), 0);
    ref = reply(s);
    CHECK_EQ(s, hv_grant_map(s->hv, s->peer, &ref, 1, false, &first), 0);
    CHECK_EQ(s, ask(s, PEER_REVOKE, ref, 0, 0), -EAGAIN);
    CHECK_EQ(s, hv_grant_map(s->hv, s->peer, &ref, 1, false, &second), 0);
    CHECK_EQ(s, hv_grant_map(s->hv, s->peer, &ref, 1, true, &readonly), 0);
    CHECK(s, first != second && second != readonly && first != readonly);
    CHECK_EQ(s, hv_grant_unmap(s->hv, first, 1), 0);
    CHECK_EQ(s, ask(s, PEER_REVOKE, ref, 0, 0), -EAGAIN);
    CHECK_EQ(s, *(char *)second, '2');
    CHECK_EQ(s, hv_grant_unmap(s->hv, second, 1), 0);
    CHECK_EQ(s, ask(s, PEER_REVOKE, ref, 0, 0), -EAGAIN);
    CHECK_EQ(s, *(char *)readonly, '2');
    CHECK_EQ(s, hv_grant_unmap(s->hv, readonly, 1), 0);
    CHECK_EQ(s, ask(s, PEER_REVOKE, ref, 0, 0), 0);
    CHECK_EQ(s, ask(s, PEER_REVOKE, ref, 0, 0), -EINVAL);
    CHECK_EQ(s, hv_grant_map(s->hv, s->peer, &ref, 1, false, &first), -EINVAL);
}

static void case_map_readonly(struct suite *s)
{
    grant_ref_t ref;
    void *address = s;

    CHECK_EQ(s, ask(s, PEER_GRANT, 1, hv_domid(s->hv), 1), 0);
    ref = reply(s);
    CHECK_EQ(s, hv_grant_map(s->hv, s->peer, &ref, 1, false, &address), -EINVAL);
    CHECK(s, address == s);
    CHECK_EQ(s, hv_grant_map(s->hv, s->peer, &ref, 1, true, &address), 0);
    CHECK_EQ(s, *(char *)address, '1');
    CHECK_EQ(s, ask(s, PEER_POKE, 1, 0, 'x'), 0);
    CHECK_EQ(s, *(volatile char *)address, 'x');
    CHECK_EQ(s, ask(s, PEER_POKE, 1, 0, '1'), 0);
    CHECK_EQ(s, hv_grant_unmap(s->hv, address, 1), 0);
    CHECK_EQ(s, ask(s, PEER_REVOKE, ref, 0, 0), 0);
}

/** Mapped as ever; who outlives a user of the mapping acts when it ends, and here nobody does. */
static void case_map_notify(struct suite *s)
{
    grant_ref_t ref;
    void *address = s;

    CHECK_EQ(s, ask(s, PEER_GRANT, 3, hv_domid(s->hv), 1), 0);
    ref = reply(s);
    CHECK_EQ(s, hv_grant_map_notify(s->hv, s->peer, ref, 9, s->port, &address), -EINVAL);
    CHECK(s, address == s); /* a mapping that tells can be written */
    CHECK_EQ(s, ask(s, PEER_REVOKE, ref, 0, 0), 0);
    CHECK_EQ(s, hv_grant_map_notify(s->hv, PEER_ALIEN, ref, 9, s->port, &address), -ESRCH);

    CHECK_EQ(s, ask(s, PEER_GRANT, 3, hv_domid(s->hv), 0), 0);
    ref = reply(s);
    CHECK_EQ(s, hv_grant_map_notify(s->hv, s->peer, ref, 9, s->port, &address), 0);
    CHECK_EQ(s, *(volatile char *)address, '3');
    *(volatile char *)address = 'n';
    CHECK_EQ(s, ask(s, PEER_PEEK, 3, 0, 0), 0);
    CHECK_EQ(s, reply(s), 'n');
    CHECK_EQ(s, ask(s, PEER_POKE, 3, 0, '3'), 0);
    CHECK_EQ(s, ask(s, PEER_REVOKE, ref, 0, 0), -EAGAIN);
    CHECK_EQ(s, hv_grant_unmap(s->hv, address, 1), 0);
    CHECK_EQ(s, ask(s, PEER_REVOKE, ref, 0, 0), 0);
}

/** All or nothing: of a map that fails, no page is left in use. */
static void case_map_atomic(struct suite *s)
{
    grant_ref_t refs[4];
    void *address = s;

    for (unsigned i = 0; i < 4; i++) {
        CHECK_EQ(s, ask(s, PEER_GRANT, i, i == 2 ? PEER_ALIEN : hv_domid(s->hv), 0), 0);
        refs[i] = reply(s);
    }
    CHECK_EQ(s, hv_grant_map(s->hv, s->peer, refs, 4, false, &address), -EINVAL);
    CHECK(s, address == s);
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(s, ask(s, PEER_REVOKE, refs[i], 0, 0), 0);
}

/** Maps come and go without using anything up. */
static void case_map_often(struct suite *s)
{
    for (unsigned i = 0; i < 2000; i++) {
        void *address;
        unsigned count = 1 + i % PEER_PAGES;
        CHECK_EQ(s, hv_grant_map(s->hv, s->peer, s->page->refs, count, i & 1, &address), 0);
        CHECK_EQ(s, ((char *)address)[(count - 1) * HV_PAGE_SIZE], '0' + (int)count - 1);
        CHECK_EQ(s, hv_grant_unmap(s->hv, address, count), 0);
    }
}

static void case_copy(struct suite *s)
{
    char *page = hv_page_alloc(s->hv, 1);
    struct hv_copy copies[2] = {
        {
            .source = {.foreign = true, .domid = s->peer, .ref = s->page->refs[3], .offset = 5},
            .dest = {.foreign = true, .domid = s->peer, .ref = s->page->refs[0], .offset = 50},
            .length = 10,
        },
        {
            .source = {.foreign = true, .domid = s->peer, .ref = s->page->refs[0], .offset = 48},
            .dest = {.address = page, .offset = 1},
            .length = 14,
        },
    };

    CHECK(s, page != NULL);
    CHECK_EQ(s, hv_grant_copy(s->hv, copies, 2), 0);
    CHECK(s, copies[0].status == 0 && copies[1].status == 0);
    CHECK(s, memcmp(page, "\00000333333333300", 15) == 0);
    CHECK_EQ(s, page[15], 0);
    CHECK_EQ(s, ask(s, PEER_PEEK, 0, 59, 0), 0);
    CHECK_EQ(s, reply(s), '3');
    memset(page, '0', HV_PAGE_SIZE);
    copies[0].source = (struct hv_copy_end){.address = page};
    copies[0].dest.offset = 0;
    copies[0].length = HV_PAGE_SIZE;
    CHECK_EQ(s, hv_grant_copy(s->hv, copies, 1), 0);
    CHECK_EQ(s, copies[0].status, 0);
    CHECK_EQ(s, ask(s, PEER_PEEK, 0, 59, 0), 0);
    CHECK_EQ(s, reply(s), '0');
    hv_page_free(s->hv, page, 1);
}

/** Each request needs an event there and one back: none may be lost. */
static void case_many_requests(struct suite *s)
{
    for (unsigned i = 0; i < 2000; i++) {
        uint64_t start = hv_now(s->hv);
        CHECK_EQ(s, ask(s, i % 3 ? PEER_NOTHING : PEER_SEND, 1 + i % 5, 0, 0), 0);
        CHECK(s, hv_now(s->hv) - start < 2 * HV_SEC);
    }
}

static void case_rebind(struct suite *s)
{
    evtchn_port_t port = s->port;

    /* It closes its end, which leaves ours unbound for it, and binds to it. */
    for (unsigned i = 0; i < 20; i++)
        CHECK_EQ(s, ask(s, PEER_REBIND, port, hv_domid(s->hv), 0), 0);
    CHECK_EQ(s, hv_evtchn_bound(s->hv, port), 1);
}

/**
 * The other domain hangs, and its watchdog ends it: what we hold of it stays ours until we give it
 * up.
 */
static void case_peer_hangs(struct suite *s)
{
    struct hv_domain_info info = {0};
    evtchn_port_t virq = 0;
    uint64_t end = hv_now(s->hv) + PATIENCE;
    uint64_t began;
    bool told = false, ended = false;
    void *address;

    CHECK_EQ(s, hv_grant_map(s->hv, s->peer, &s->page->refs[4], 1, false, &address), 0);
    if (s->xs)
        CHECK_EQ(s, hv_evtchn_bind_virq(s->hv, HV_VIRQ_DOM_EXC, &virq), 0);
    CHECK_EQ(s, ask(s, PEER_WATCHDOG, 60, 0, 0), 0);
    CHECK_EQ(s, ask(s, PEER_WATCHDOG, 2, 0, 0), 0);
    began = hv_now(s->hv);
    hv_shared_write32(s->hv, &s->page->command, PEER_HANG);
    hv_shared_write32(s->hv, &s->page->sequence, ++s->sequence);
    hv_evtchn_send(s->hv, s->port);
    while (s->xs && !(told && ended) && hv_now(s->hv) < end) {
        hv_wait(s->hv, end);
        for (evtchn_port_t port; (port = hv_evtchn_next(s->hv)) != 0;)
            told |= port == virq;
        int rc = hv_domain_info(s->hv, s->peer, &info);
        CHECK(s, rc == 0 || rc == -ESRCH);
        ended = rc != 0 || info.domid != s->peer || info.shutdown || info.dying;
    }
    if (s->xs) {
        CHECK(s, told);
        CHECK(s, ended);
        if (info.domid == s->peer && info.shutdown)
            CHECK_EQ(s, info.shutdown_reason, HV_EXIT_WATCHDOG);
        CHECK(s, hv_now(s->hv) - began > 1500 * HV_MSEC);
        CHECK_EQ(s, hv_evtchn_close(s->hv, virq), 0);
    } else {
        suite_sleep(s, 3 * HV_SEC);
    }
    CHECK_EQ(s, *(volatile char *)address, '4');
    *(volatile char *)address = 'z';
    CHECK_EQ(s, *(volatile char *)address, 'z');
    CHECK_EQ(s, hv_evtchn_send(s->hv, s->port), 0);
    CHECK_EQ(s, hv_grant_unmap(s->hv, address, 1), 0);
    CHECK_EQ(s, hv_grant_unmap(s->hv, s->page, 1), 0);
    CHECK_EQ(s, hv_evtchn_close(s->hv, s->port), 0);
}

void suite_two(struct suite *s)
{
    suite_case(s, "two/meet", case_meet);
    if (!s->page)
        return;
    suite_case(s, "two/map-order", case_map_order);
    suite_case(s, "two/revoke-mapped", case_revoke_mapped);
    suite_case(s, "two/map-readonly", case_map_readonly);
    suite_case(s, "two/map-notify", case_map_notify);
    suite_case(s, "two/map-atomic", case_map_atomic);
    suite_case(s, "two/map-often", case_map_often);
    suite_case(s, "two/copy", case_copy);
    suite_case(s, "two/many-requests", case_many_requests);
    suite_case(s, "two/rebind", case_rebind);
    suite_case(s, "two/peer-hangs", case_peer_hangs);
}
