/* SPDX-License-Identifier: ISC */
/* services/netback-switch/fdb.h: what it says by cases, then against a plain list. */
#include "services/netback-switch/fdb.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <hv/time.h>

#include "tests/unit/unit.h"

#define PAGES 1024U
#define AGE   (300 * HV_SEC)

static struct {
    void *base;
    struct arena *arena;
    struct fdb *fdb;
} at;

static struct fdb *make(unsigned entries, unsigned ports, unsigned per_port, unsigned per_bridge)
{
    const struct fdb_config config = {
        .entries = entries, .ports = ports, .per_port = per_port, .per_bridge = per_bridge};
    const struct hash_key key = {UINT64_C(0x1234567890abcdef), UINT64_C(0xfedcba0987654321)};

    at.base = aligned_alloc(HV_PAGE_SIZE, (size_t)PAGES * HV_PAGE_SIZE);
    memset(at.base, 0, (size_t)PAGES * HV_PAGE_SIZE);
    at.arena = arena_create(at.base, PAGES);
    at.fdb = fdb_create(at.arena, &config, &key);
    ck_assert_ptr_nonnull(at.fdb);
    return at.fdb;
}

static void end(void)
{
    struct arena_usage usage;

    fdb_destroy(at.fdb);
    arena_usage(at.arena, &usage);
    ck_assert_uint_eq(usage.bytes_used, 0);
    arena_destroy(at.arena);
    free(at.base);
}

static const uint8_t *mac(unsigned number)
{
    static uint8_t macs[4][6];
    static unsigned next;
    uint8_t *bytes = macs[next++ % 4];
    const uint8_t made[6] = {2,
                             0,
                             (uint8_t)(number >> 24),
                             (uint8_t)(number >> 16),
                             (uint8_t)(number >> 8),
                             (uint8_t)number};

    return memcpy(bytes, made, 6);
}

static enum fdb_learned learn(unsigned number, uint16_t port, uint64_t now)
{
    return fdb_learn(at.fdb, 0, 1, mac(number), port, now, NULL);
}

static uint16_t look_up(unsigned number, uint64_t now)
{
    return fdb_lookup(at.fdb, 0, 1, mac(number), now);
}

static struct fdb_usage usage(void)
{
    struct fdb_usage usage;

    fdb_usage(at.fdb, &usage);
    return usage;
}

START_TEST(learns_and_moves)
{
    struct fdb *fdb = make(16, 4, 8, 0);
    uint16_t was = 99;

    ck_assert_uint_eq(look_up(1, 0), FDB_NO_PORT);
    ck_assert_int_eq(learn(1, 2, 10), FDB_NEW);
    ck_assert_int_eq(learn(1, 2, 11), FDB_KNOWN);
    ck_assert_uint_eq(look_up(1, 11), 2);
    ck_assert_int_eq(fdb_learn(fdb, 0, 1, mac(1), 3, 12, &was), FDB_MOVED);
    ck_assert_uint_eq(was, 2);
    ck_assert_uint_eq(look_up(1, 12), 3);
    ck_assert_uint_eq(fdb_port_entries(fdb, 2), 0);
    ck_assert_uint_eq(fdb_port_entries(fdb, 3), 1);
    /* Other VLANs and bridges have addresses of their own. */
    ck_assert_uint_eq(fdb_lookup(fdb, 0, 2, mac(1), 12), FDB_NO_PORT);
    ck_assert_uint_eq(fdb_lookup(fdb, 1, 1, mac(1), 12), FDB_NO_PORT);
    ck_assert_int_eq(fdb_learn(fdb, 0, 2, mac(1), 1, 12, NULL), FDB_NEW);
    ck_assert_int_eq(fdb_learn(fdb, 1, 1, mac(1), 0, 12, NULL), FDB_NEW);
    ck_assert_uint_eq(look_up(1, 12), 3);
    ck_assert_uint_eq(fdb_lookup(fdb, 0, 2, mac(1), 12), 1);
    ck_assert_uint_eq(fdb_lookup(fdb, 1, 1, mac(1), 12), 0);
    ck_assert_uint_eq(usage().used, 3);
    ck_assert_uint_eq(usage().learned, 3);
    ck_assert_uint_eq(usage().moved, 1);
    end();
}
END_TEST

START_TEST(refuses_groups_and_zero)
{
    struct fdb *fdb = make(16, 4, 8, 0);

    ck_assert_int_eq(fdb_learn(fdb, 0, 1, (const uint8_t *)"\0\0\0\0\0\0", 1, 1, NULL),
                     FDB_REFUSED);
    ck_assert_int_eq(fdb_learn(fdb, 0, 1, (const uint8_t *)"\1\0\x5e\0\0\1", 1, 1, NULL),
                     FDB_REFUSED);
    ck_assert_int_eq(fdb_learn(fdb, 0, 1, (const uint8_t *)"\xff\xff\xff\xff\xff\xff", 1, 1, NULL),
                     FDB_REFUSED);
    ck_assert_int_eq(fdb_set_static(fdb, 0, 1, (const uint8_t *)"\1\0\x5e\0\0\1", 1), -EINVAL);
    ck_assert_int_eq(fdb_set_static(fdb, 0, 1, (const uint8_t *)"\0\0\0\0\0\0", 1), -EINVAL);
    ck_assert_uint_eq(usage().used, 0);
    end();
}
END_TEST

START_TEST(ages)
{
    struct fdb *fdb = make(16, 4, 2, 0);

    learn(1, 1, HV_SEC);
    ck_assert_uint_eq(look_up(1, HV_SEC + AGE - 1), 1);
    ck_assert_uint_eq(look_up(1, HV_SEC + AGE), FDB_NO_PORT);
    ck_assert_uint_eq(look_up(1, 0), 1); /* nobody is old for an older reading of the clock */
    ck_assert_int_eq(learn(1, 1, 100 * HV_SEC), FDB_KNOWN);
    ck_assert_int_eq(learn(1, 1, 50 * HV_SEC), FDB_KNOWN);
    ck_assert_uint_eq(look_up(1, 100 * HV_SEC + AGE - 1), 1);
    ck_assert_int_eq(learn(1, 1, 100 * HV_SEC + AGE), FDB_NEW);
    ck_assert_int_eq(learn(1, 2, 900 * HV_SEC), FDB_NEW); /* it did not move: it was not there */
    fdb_set_ageing(fdb, 0, HV_SEC);
    ck_assert_uint_eq(look_up(1, 901 * HV_SEC), FDB_NO_PORT);
    ck_assert_uint_eq(usage().used, 1);
    fdb_age(fdb, 901 * HV_SEC);
    ck_assert_uint_eq(usage().used, 0);
    ck_assert_uint_eq(usage().aged, 3);
    end();
}
END_TEST

START_TEST(shares_of_ports)
{
    struct fdb *fdb = make(64, 4, 3, 0);

    for (unsigned i = 0; i < 3; i++)
        ck_assert_int_eq(learn(i, 1, i * HV_SEC), FDB_NEW);
    ck_assert_int_eq(learn(3, 1, 3 * HV_SEC), FDB_FULL);
    ck_assert_int_eq(learn(9, 2, 0), FDB_NEW);
    ck_assert_int_eq(learn(9, 1, 3 * HV_SEC), FDB_FULL); /* it stays where it is */
    ck_assert_uint_eq(look_up(9, 3 * HV_SEC), 2);
    ck_assert_int_eq(learn(0, 2, 3 * HV_SEC), FDB_MOVED);
    ck_assert_int_eq(learn(3, 1, 3 * HV_SEC), FDB_NEW);
    ck_assert_uint_eq(fdb_port_entries(fdb, 1), 3);
    /* What has aged makes room at that moment: 1 and 2 have, 3 has not. */
    learn(3, 1, 5 * HV_SEC);
    ck_assert_int_eq(learn(4, 1, AGE + HV_SEC - 1), FDB_FULL);
    ck_assert_int_eq(learn(4, 1, AGE + HV_SEC), FDB_NEW);
    ck_assert_int_eq(learn(5, 1, AGE + 2 * HV_SEC - 1), FDB_FULL);
    ck_assert_int_eq(learn(5, 1, AGE + 2 * HV_SEC), FDB_NEW);
    ck_assert_int_eq(learn(6, 1, AGE + 2 * HV_SEC), FDB_FULL);
    ck_assert_uint_eq(usage().refused_full, 5);
    fdb_set_port_limit(fdb, 1, 0);
    ck_assert_int_eq(learn(3, 1, AGE + 3 * HV_SEC), FDB_KNOWN);
    ck_assert_int_eq(learn(7, 1, 9 * AGE), FDB_FULL);
    ck_assert_uint_eq(fdb_port_entries(fdb, 1), 0);
    fdb_set_port_limit(fdb, 1, 64);
    for (unsigned i = 0; i < 62; i++)
        ck_assert_int_eq(learn(100 + i, 1, 9 * AGE), FDB_NEW);
    end();
}
END_TEST

START_TEST(shares_of_bridges_and_the_table)
{
    struct fdb *fdb = make(16, 4, 16, 10);

    for (unsigned i = 0; i < 10; i++)
        ck_assert_int_eq(learn(i, 1, HV_SEC), FDB_NEW);
    ck_assert_int_eq(learn(10, 1, HV_SEC), FDB_FULL);
    for (unsigned i = 0; i < 6; i++)
        ck_assert_int_eq(fdb_learn(fdb, 3, 1, mac(i), 2, 2 * HV_SEC, NULL), FDB_NEW);
    ck_assert_int_eq(fdb_learn(fdb, 3, 1, mac(6), 2, 2 * HV_SEC, NULL), FDB_FULL);
    ck_assert_int_eq(learn(0, 2, 2 * HV_SEC), FDB_MOVED);
    ck_assert_int_eq(learn(1, 2, 3 * HV_SEC), FDB_MOVED);
    /* 16 slots are less than FDB_STEP, so what has aged is found at once. */
    ck_assert_int_eq(fdb_learn(fdb, 3, 1, mac(7), 2, AGE + HV_SEC, NULL), FDB_NEW);
    ck_assert_uint_eq(usage().used, 9);
    ck_assert_uint_eq(usage().aged, 8);
    end();
}
END_TEST

START_TEST(static_entries)
{
    struct fdb *fdb = make(4, 4, 2, 0);

    ck_assert_int_eq(fdb_set_static(fdb, 0, 1, mac(1), 1), 0);
    ck_assert_int_eq(learn(1, 1, 5), FDB_KNOWN);
    ck_assert_int_eq(learn(1, 2, 5), FDB_REFUSED);
    ck_assert_uint_eq(look_up(1, UINT64_MAX), 1);
    ck_assert_int_eq(fdb_set_static(fdb, 0, 1, mac(1), 2), 0);
    ck_assert_uint_eq(look_up(1, 5), 2);
    ck_assert_uint_eq(fdb_port_entries(fdb, 2), 0);
    ck_assert_int_eq(learn(2, 2, 5), FDB_NEW);
    ck_assert_int_eq(learn(3, 2, 5), FDB_NEW);
    ck_assert_int_eq(learn(4, 2, 5), FDB_FULL);
    ck_assert_int_eq(learn(4, 1, 5), FDB_NEW);
    ck_assert_int_eq(learn(5, 1, 5), FDB_FULL);
    /* What is learned becomes static; then it gives way, one by one. */
    ck_assert_int_eq(fdb_set_static(fdb, 0, 1, mac(2), 3), 0);
    ck_assert_uint_eq(look_up(2, AGE * 9), 3);
    ck_assert_uint_eq(fdb_port_entries(fdb, 2), 1);
    ck_assert_int_eq(fdb_set_static(fdb, 0, 1, mac(6), 0), 0);
    ck_assert_int_eq(fdb_set_static(fdb, 0, 1, mac(7), 0), 0);
    ck_assert_int_eq(fdb_set_static(fdb, 0, 1, mac(8), 0), -ENOSPC);
    ck_assert_int_eq(fdb_set_static(fdb, 0, 1, mac(7), 1), 0);
    fdb_flush(fdb);
    ck_assert_uint_eq(usage().used, 4);
    fdb_forget_port(fdb, 0);
    ck_assert_uint_eq(look_up(6, 5), FDB_NO_PORT);
    fdb_forget_bridge(fdb, 1);
    ck_assert_uint_eq(usage().used, 3);
    fdb_forget_bridge(fdb, 0);
    ck_assert_uint_eq(usage().used, 0);
    end();
}
END_TEST

START_TEST(too_little_memory)
{
    const struct fdb_config config = {.entries = 1024, .ports = 256, .per_port = 1024};
    const struct hash_key key = {0};
    struct arena_usage usage;
    struct fdb *fdb = NULL;

    for (unsigned pages = 8; !fdb; pages++) {
        void *base = aligned_alloc(HV_PAGE_SIZE, (size_t)pages * HV_PAGE_SIZE);
        struct arena *arena;

        memset(base, 0, (size_t)pages * HV_PAGE_SIZE);
        arena = arena_create(base, pages);
        fdb = fdb_create(arena, &config, &key);
        if (fdb)
            fdb_destroy(fdb);
        arena_usage(arena, &usage);
        ck_assert_uint_eq(usage.bytes_used, 0);
        arena_destroy(arena);
        free(base);
    }
}
END_TEST

/*
 * The plain list.
 */
#define BRIDGES   3U
#define PORTS     5U
#define ADDRESSES 24U
#define LISTED    256U

struct listed {
    uint16_t bridge, vid, port;
    unsigned number;
    bool is_static;
    uint64_t seen;
};

static struct {
    struct listed list[LISTED];
    unsigned count, entries;
    unsigned limit[PORTS];
    uint64_t ageing[BRIDGES];
} model;

static bool alive(const struct listed *entry, uint64_t now)
{
    return entry->is_static || now - entry->seen < model.ageing[entry->bridge];
}

static struct listed *listed(uint16_t bridge, uint16_t vid, unsigned number, uint64_t now)
{
    for (unsigned i = 0; i < model.count; i++) {
        struct listed *entry = &model.list[i];

        if (entry->bridge == bridge && entry->vid == vid && entry->number == number)
            return alive(entry, now) ? entry : NULL;
    }
    return NULL;
}

static void strike(unsigned i)
{
    model.list[i] = model.list[--model.count];
}

/* All that has aged; on the list it is gone at once. */
static void strike_aged(uint64_t now)
{
    for (unsigned i = model.count; i-- > 0;)
        if (!alive(&model.list[i], now))
            strike(i);
}

static unsigned listed_of(uint16_t port)
{
    unsigned count = 0;

    for (unsigned i = 0; i < model.count; i++)
        count += model.list[i].port == port && !model.list[i].is_static;
    return count;
}

static enum fdb_learned model_learn(uint16_t bridge, uint16_t vid, unsigned number, uint16_t port,
                                    uint64_t now, uint16_t *was)
{
    struct listed *entry = listed(bridge, vid, number, now);

    if (entry && entry->port == port) {
        entry->seen = now;
        return FDB_KNOWN;
    }
    if (entry && entry->is_static)
        return FDB_REFUSED;
    if (listed_of(port) >= model.limit[port])
        return FDB_FULL;
    if (entry) {
        *was = entry->port;
        entry->port = port;
        entry->seen = now;
        return FDB_MOVED;
    }
    if (model.count >= model.entries)
        return FDB_FULL;
    model.list[model.count++] = (struct listed){bridge, vid, port, number, false, now};
    return FDB_NEW;
}

static void compare_all(uint64_t now)
{
    unsigned next = 0, count = 0;
    struct fdb_entry entry;
    bool found;

    while (fdb_walk(at.fdb, next, now, &found, &entry, &next)) {
        struct listed *same;

        if (!found)
            continue;
        same = listed(entry.bridge, entry.vid, entry.mac[5], now);
        ck_assert_ptr_nonnull(same);
        ck_assert(entry.port == same->port && entry.is_static == same->is_static);
        ck_assert(entry.seen == (same->is_static ? 0 : same->seen));
        count++;
    }
    ck_assert_uint_eq(count, model.count);
}

static void model_forget(bool everything, int bridge, int port)
{
    for (unsigned i = model.count; i-- > 0;)
        if ((everything || model.list[i].bridge == bridge || model.list[i].port == port) &&
            !(everything && model.list[i].is_static))
            strike(i);
}

static void model_step(struct unit_random *random, uint64_t now)
{
    uint16_t bridge = (uint16_t)unit_random(random, BRIDGES);
    uint16_t vid = (uint16_t)unit_random(random, 2) * 4095;
    uint16_t port = (uint16_t)unit_random(random, PORTS), was = 77, model_was = 77;
    unsigned number = 1 + (unsigned)unit_random(random, ADDRESSES), what;
    struct listed *entry;
    int rc;

    strike_aged(now);
    what = (unsigned)unit_random(random, 1000);
    if (what < 600) {
        enum fdb_learned is = fdb_learn(at.fdb, bridge, vid, mac(number), port, now, &was);

        ck_assert_int_eq(is, model_learn(bridge, vid, number, port, now, &model_was));
        ck_assert_uint_eq(was, model_was);
    } else if (what < 900) {
        entry = listed(bridge, vid, number, now);
        ck_assert_uint_eq(fdb_lookup(at.fdb, bridge, vid, mac(number), now),
                          entry ? entry->port : FDB_NO_PORT);
    } else if (what < 920) {
        if (model.count == model.entries)
            return;           /* who gives way is not for a model to know */
        fdb_age(at.fdb, now); /* or what has not aged may give way */
        rc = fdb_set_static(at.fdb, bridge, vid, mac(number), port);
        ck_assert_int_eq(rc, 0);
        entry = listed(bridge, vid, number, now);
        if (!entry)
            entry = &model.list[model.count++];
        *entry = (struct listed){bridge, vid, port, number, true, 0};
    } else if (what < 940) {
        fdb_forget_port(at.fdb, port);
        model_forget(false, -1, port);
    } else if (what < 950) {
        fdb_forget_bridge(at.fdb, bridge);
        model_forget(false, bridge, -1);
    } else if (what < 955) {
        fdb_flush(at.fdb);
        model_forget(true, -1, -1);
    } else if (what < 965) {
        model.limit[port] = (unsigned)unit_random(random, 30);
        fdb_set_port_limit(at.fdb, port, model.limit[port]);
    } else if (what < 970) {
        /* What had aged for the list would live again for a longer time. */
        fdb_age(at.fdb, now);
        model.ageing[bridge] = (1 + unit_random(random, 300)) * HV_SEC;
        fdb_set_ageing(at.fdb, bridge, model.ageing[bridge]);
        strike_aged(now);
    } else if (what < 980) {
        fdb_age(at.fdb, now);
    } else {
        compare_all(now);
    }
}

START_TEST(as_a_plain_list)
{
    const char *more = getenv("SWITCH_ROUNDS");
    unsigned rounds = more ? (unsigned)atoi(more) : 40;

    for (unsigned round = 0; round < rounds; round++) {
        struct unit_random random = {round};
        uint64_t now = HV_SEC;

        /* Not more slots than fdb_age() looks at: nothing that has aged is overlooked. */
        model.entries = round % 2 ? 64 : 16;
        model.count = 0;
        make(model.entries, PORTS, 10, 0);
        for (unsigned i = 0; i < PORTS; i++)
            model.limit[i] = 10;
        for (unsigned i = 0; i < BRIDGES; i++)
            model.ageing[i] = AGE;
        for (unsigned step = 0; step < 3000; step++) {
            now += unit_random(&random, 10) ? unit_random(&random, HV_SEC)
                                            : unit_random(&random, 60 * HV_SEC);
            model_step(&random, now);
        }
        compare_all(now);
        end();
    }
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("fdb");
    TCase *tcase = tcase_create("table");

    tcase_add_test(tcase, learns_and_moves);
    tcase_add_test(tcase, refuses_groups_and_zero);
    tcase_add_test(tcase, ages);
    tcase_add_test(tcase, shares_of_ports);
    tcase_add_test(tcase, shares_of_bridges_and_the_table);
    tcase_add_test(tcase, static_entries);
    tcase_add_test(tcase, too_little_memory);
    tcase_add_test(tcase, as_a_plain_list);
    suite_add_tcase(suite, tcase);
    return suite;
}
