/* SPDX-License-Identifier: ISC */
/* The control ring, and to which queue a frame goes. */
#include "netif_cases.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

enum { GET_FLAGS = 1, SET_FLAGS, SET_KEY, GET_MAPPING_SIZE, SET_MAPPING_SIZE, SET_MAPPING };
enum { SET_ALGORITHM = 7, GET_GREFS, ADD_GREFS, DEL_GREFS };
enum { SUCCESS, NOT_SUPPORTED, INVALID, OVERFLOW };
enum { IPV4 = 1, IPV4_TCP = 2, IPV6 = 4, IPV6_TCP = 8 };

static const struct frontend_config config = {.queues = 5, .control = true};

/* "Verifying the RSS hash calculation" (Microsoft). */
static const uint8_t rss_key[40] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
                                    0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
                                    0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
                                    0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa};
static const struct {
    uint8_t source[4], dest[4];
    uint16_t source_port, dest_port;
    uint32_t hash, hash_tcp;
} rss_ipv4[] = {
    {{66, 9, 149, 187}, {161, 142, 100, 80}, 2794, 1766, 0x323e8fc2, 0x51ccc178},
    {{199, 92, 111, 2}, {65, 69, 140, 83}, 14230, 4739, 0xd718262a, 0xc626b0ea},
    {{24, 19, 198, 95}, {12, 22, 207, 184}, 12898, 38024, 0xd2d0a5de, 0x5c2b394a},
    {{38, 27, 205, 30}, {209, 142, 163, 6}, 48228, 2217, 0x82989176, 0xafc7327f},
    {{153, 39, 163, 191}, {202, 188, 127, 2}, 44251, 1303, 0x5d1809c5, 0x10e828a2},
};
static const struct {
    uint16_t source[8], dest[8];
    uint16_t source_port, dest_port;
    uint32_t hash, hash_tcp;
} rss_ipv6[] = {
    {{0x3ffe, 0x2501, 0x200, 0x1fff, 0, 0, 0, 7},
     {0x3ffe, 0x2501, 0x200, 3, 0, 0, 0, 1},
     2794,
     1766,
     0x2cc18cd5,
     0x40207d3d},
    {{0x3ffe, 0x501, 8, 0, 0x260, 0x97ff, 0xfe40, 0xefab},
     {0xff02, 0, 0, 0, 0, 0, 0, 1},
     14230,
     4739,
     0x0f0c461c,
     0xdde51bbf},
    {{0x3ffe, 0x1900, 0x4545, 3, 0x200, 0xf8ff, 0xfe21, 0x67cf},
     {0xfe80, 0, 0, 0, 0x200, 0xf8ff, 0xfe21, 0x67cf},
     44251,
     38024,
     0x4b61e985,
     0x02d1feef},
};

/** A packet as packet_parse() would say, of which only these bytes count. */
struct made {
    uint8_t bytes[128];
    struct packet packet;
};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static struct packet *make_ipv4(struct made *made, const uint8_t source[4], const uint8_t dest[4],
                                uint8_t protocol, uint16_t source_port, uint16_t dest_port)
{
    *made = (struct made){.packet = {.network = PACKET_IPV4,
                                     .captured = 54,
                                     .length = 54,
                                     .network_at = 14,
                                     .transport_at = 34,
                                     .protocol = protocol}};
    made->packet.data = made->bytes;
    memcpy(made->bytes + 14 + 12, source, 4);
    memcpy(made->bytes + 14 + 16, dest, 4);
    put16(made->bytes + 34, source_port);
    put16(made->bytes + 36, dest_port);
    return &made->packet;
}

static struct packet *make_ipv6(struct made *made, const uint16_t source[8], const uint16_t dest[8],
                                uint8_t protocol, uint16_t source_port, uint16_t dest_port)
{
    *made = (struct made){.packet = {.network = PACKET_IPV6,
                                     .captured = 90,
                                     .length = 90,
                                     .network_at = 18,
                                     .transport_at = 58,
                                     .protocol = protocol}};
    made->packet.data = made->bytes;
    for (unsigned i = 0; i < 8; i++) {
        put16(made->bytes + 18 + 8 + 2 * i, source[i]);
        put16(made->bytes + 18 + 24 + 2 * i, dest[i]);
    }
    put16(made->bytes + 58, source_port);
    put16(made->bytes + 60, dest_port);
    return &made->packet;
}

static unsigned ask(struct echo *echo, unsigned type, uint32_t data0, uint32_t data1,
                    uint32_t data2, uint32_t *data)
{
    static uint16_t id;
    struct frontend_control_response response;

    frontend_control_send(echo->frontend, ++id, (uint16_t)type, data0, data1, data2);
    echo_run(echo);
    ck_assert(frontend_control_take(echo->frontend, &response));
    ck_assert_uint_eq(response.id, id);
    ck_assert_uint_eq(response.type, type);
    if (data)
        *data = response.data;
    else
        ck_assert_uint_eq(response.data, 0);
    return response.status;
}

/** As @ref ask, of @data in a page of the guest's. */
static unsigned ask_with(struct echo *echo, unsigned type, const void *data, size_t length,
                         uint32_t data1, uint32_t data2)
{
    grant_ref_t ref;
    void *page = frontend_page(echo->frontend, data, length, 0, true, &ref);
    unsigned status = ask(echo, type, ref, data1, data2, NULL);

    ck_assert(frontend_page_free(echo->frontend, page, ref));
    return status;
}

static struct echo *start(void)
{
    struct echo *echo = echo_create(1, config);

    echo_start(echo);
    return echo;
}

static void rss_set(struct echo *echo, uint32_t flags)
{
    ck_assert_uint_eq(ask(echo, SET_ALGORITHM, 1, 0, 0, NULL), SUCCESS);
    ck_assert_uint_eq(ask_with(echo, SET_KEY, rss_key, 40, 40, 0), SUCCESS);
    ck_assert_uint_eq(ask(echo, SET_FLAGS, flags, 0, 0, NULL), SUCCESS);
}

START_TEST(flags_and_algorithm)
{
    struct echo *echo = start();
    uint32_t data;

    ck_assert_uint_eq(ask(echo, GET_FLAGS, 0, 0, 0, &data), NOT_SUPPORTED);
    ck_assert_uint_eq(data, 0);
    ck_assert_uint_eq(ask(echo, SET_FLAGS, IPV4, 0, 0, NULL), INVALID);
    ck_assert_uint_eq(ask(echo, SET_ALGORITHM, 2, 0, 0, NULL), INVALID);
    ck_assert_uint_eq(ask(echo, SET_ALGORITHM, 0xffffffff, 0, 0, NULL), INVALID);
    ck_assert_uint_eq(ask(echo, SET_ALGORITHM, 1, 0, 0, NULL), SUCCESS);
    ck_assert_uint_eq(ask(echo, GET_FLAGS, 0, 0, 0, &data), SUCCESS);
    ck_assert_uint_eq(data, IPV4 | IPV4_TCP | IPV6 | IPV6_TCP);
    ck_assert_uint_eq(ask(echo, SET_FLAGS, 16, 0, 0, NULL), INVALID);
    ck_assert_uint_eq(ask(echo, SET_FLAGS, IPV4 | 0x80000000U, 0, 0, NULL), INVALID);
    ck_assert_uint_eq(ask(echo, SET_FLAGS, 15, 0, 0, NULL), SUCCESS);
    ck_assert_uint_eq(ask(echo, SET_FLAGS, 0, 0, 0, NULL), SUCCESS);
    ck_assert_uint_eq(ask(echo, SET_ALGORITHM, 0, 0, 0, NULL), SUCCESS);
    ck_assert_uint_eq(ask(echo, GET_FLAGS, 0, 0, 0, &data), NOT_SUPPORTED);
    ck_assert_uint_eq(netif_control_requests(&echo->netif), 12);
    echo_destroy(echo);
}
END_TEST

/* Static grants, and types that do not exist. */
START_TEST(types_not_supported)
{
    struct echo *echo = start();
    static const uint16_t types[] = {0, GET_GREFS, ADD_GREFS, DEL_GREFS, 11, 0x0701, 0xffff};

    for (unsigned i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        ck_assert_uint_eq(ask(echo, types[i], 0, 1, 1, NULL), NOT_SUPPORTED);
    echo_destroy(echo);
}
END_TEST

START_TEST(microsoft_vectors)
{
    struct echo *echo = start();
    struct netif_hash hash;
    struct made made;

    for (unsigned tcp = 0; tcp < 2; tcp++) {
        rss_set(echo, tcp ? IPV4 | IPV4_TCP | IPV6 | IPV6_TCP : IPV4 | IPV6);
        for (unsigned i = 0; i < 5; i++) {
            netif_select(&echo->netif,
                         make_ipv4(&made, rss_ipv4[i].source, rss_ipv4[i].dest, 6,
                                   rss_ipv4[i].source_port, rss_ipv4[i].dest_port),
                         &hash);
            ck_assert_uint_eq(hash.value, tcp ? rss_ipv4[i].hash_tcp : rss_ipv4[i].hash);
            ck_assert_uint_eq(hash.type, tcp ? 2 : 1);
        }
        for (unsigned i = 0; i < 3; i++) {
            netif_select(&echo->netif,
                         make_ipv6(&made, rss_ipv6[i].source, rss_ipv6[i].dest, 6,
                                   rss_ipv6[i].source_port, rss_ipv6[i].dest_port),
                         &hash);
            ck_assert_uint_eq(hash.value, tcp ? rss_ipv6[i].hash_tcp : rss_ipv6[i].hash);
            ck_assert_uint_eq(hash.type, tcp ? 4 : 3);
        }
    }
    echo_destroy(echo);
}
END_TEST

/* The maximal type that was asked for; none where it was not. */
START_TEST(type_by_flags)
{
    struct echo *echo = start();
    struct netif_hash hash;
    struct made made;
    static const uint8_t a[4] = {10, 0, 0, 1}, b[4] = {10, 0, 0, 2};
    static const uint16_t c[8] = {0xfe80, 1}, d[8] = {0xfe80, 2};

    for (unsigned flags = 0; flags < 16; flags++) {
        rss_set(echo, flags);
        netif_select(&echo->netif, make_ipv4(&made, a, b, 6, 1, 2), &hash);
        ck_assert_uint_eq(hash.type, flags & IPV4_TCP ? 2 : flags & IPV4 ? 1 : 0);
        netif_select(&echo->netif, make_ipv4(&made, a, b, 17, 1, 2), &hash);
        ck_assert_uint_eq(hash.type, flags & IPV4 ? 1 : 0);
        made.packet.protocol = 6;
        made.packet.fragment = true;
        netif_select(&echo->netif, &made.packet, &hash);
        ck_assert_uint_eq(hash.type, flags & IPV4 ? 1 : 0);
        made.packet.fragment = false;
        made.packet.first_fragment = true;
        netif_select(&echo->netif, &made.packet, &hash);
        ck_assert_uint_eq(hash.type, flags & IPV4 ? 1 : 0);
        netif_select(&echo->netif, make_ipv6(&made, c, d, 6, 1, 2), &hash);
        ck_assert_uint_eq(hash.type, flags & IPV6_TCP ? 4 : flags & IPV6 ? 3 : 0);
        made.packet.transport_at = 0;
        netif_select(&echo->netif, &made.packet, &hash);
        ck_assert_uint_eq(hash.type, flags & IPV6 ? 3 : 0);
        made.packet.captured = 57; /* the addresses are cut short */
        netif_select(&echo->netif, &made.packet, &hash);
        ck_assert_uint_eq(hash.type, 0);
        made.packet.network = PACKET_ARP;
        ck_assert_uint_eq(netif_select(&echo->netif, &made.packet, &hash), 0);
        ck_assert_uint_eq(hash.type, 0);
    }
    echo_destroy(echo);
}
END_TEST

START_TEST(queue_by_the_table)
{
    struct echo *echo = start();
    struct netif_hash hash;
    struct made made;
    uint32_t data, table[NETIF_HASH_MAPPING], value = rss_ipv4[0].hash;
    const struct packet *packet = make_ipv4(&made, rss_ipv4[0].source, rss_ipv4[0].dest, 6, 1, 2);

    ck_assert_uint_eq(ask(echo, GET_MAPPING_SIZE, 0, 0, 0, &data), SUCCESS);
    ck_assert_uint_eq(data, 128);
    rss_set(echo, IPV4);
    ck_assert_uint_eq(netif_select(&echo->netif, packet, &hash), value % 5);
    for (unsigned i = 0; i < NETIF_HASH_MAPPING; i++)
        table[i] = i * 3 % 5;
    ck_assert_uint_eq(ask(echo, SET_MAPPING_SIZE, 129, 0, 0, NULL), INVALID);
    ck_assert_uint_eq(netif_select(&echo->netif, packet, &hash), value % 5);
    ck_assert_uint_eq(ask(echo, SET_MAPPING_SIZE, 128, 0, 0, NULL), SUCCESS);
    ck_assert_uint_eq(netif_select(&echo->netif, packet, &hash), 0);
    ck_assert_uint_eq(ask_with(echo, SET_MAPPING, table, 512, 128, 0), SUCCESS);
    ck_assert_uint_eq(netif_select(&echo->netif, packet, &hash), value % 128 * 3 % 5);
    /* part of it */
    table[0] = 4;
    ck_assert_uint_eq(ask_with(echo, SET_MAPPING, table, 4, 1, value % 128), SUCCESS);
    ck_assert_uint_eq(netif_select(&echo->netif, packet, &hash), 4);
    ck_assert_uint_eq(ask(echo, SET_MAPPING_SIZE, 7, 0, 0, NULL), SUCCESS);
    ck_assert_uint_eq(netif_select(&echo->netif, packet, &hash), 0);
    ck_assert_uint_eq(ask_with(echo, SET_MAPPING, table + 1, 28, 7, 0), SUCCESS);
    ck_assert_uint_eq(netif_select(&echo->netif, packet, &hash), (value % 7 + 1) * 3 % 5);
    ck_assert_uint_eq(ask(echo, SET_MAPPING_SIZE, 0, 0, 0, NULL), SUCCESS);
    ck_assert_uint_eq(netif_select(&echo->netif, packet, &hash), value % 5);
    echo_destroy(echo);
}
END_TEST

/* --- taking over -------------------------------------------------------------------------------
 */

struct killer {
    struct hv *hv;
    unsigned left;
};

static void kill_at(void *context, struct hv *victim, const void *address, size_t length)
{
    struct killer *killer = context;

    if (victim == killer->hv && --killer->left == 0)
        sim_domain_shutdown(victim, HV_EXIT_CRASH);
}

/* What was set is in force with the successor, and with its successor. */
START_TEST(a_successor_knows_what_was_set)
{
    struct echo *echo = start();
    struct netif_hash hash;
    struct made made;
    uint32_t table[NETIF_HASH_MAPPING], value = rss_ipv4[0].hash;
    const struct packet *packet = make_ipv4(&made, rss_ipv4[0].source, rss_ipv4[0].dest, 6, 1, 2);

    rss_set(echo, IPV4);
    ck_assert_uint_eq(ask(echo, SET_MAPPING_SIZE, 128, 0, 0, NULL), SUCCESS);
    for (unsigned i = 0; i < NETIF_HASH_MAPPING; i++)
        table[i] = i * 3 % 5;
    ck_assert_uint_eq(ask_with(echo, SET_MAPPING, table, 512, 128, 0), SUCCESS);
    for (unsigned i = 0; i < 3; i++) {
        echo_succeed(echo);
        echo_run(echo);
        ck_assert_uint_eq(netif_select(&echo->netif, packet, &hash), value % 128 * 3 % 5);
        ck_assert_uint_eq(hash.value, value);
        if (i == 0)
            continue;
        /* and what is changed then */
        ck_assert_uint_eq(ask(echo, SET_MAPPING_SIZE, 128, 0, 0, NULL), SUCCESS);
        ck_assert_uint_eq(ask_with(echo, SET_MAPPING, table, 512, 128, 0), SUCCESS);
    }
    /* The guest spoils it: a successor finds what makes no sense, or nothing. */
    for (unsigned i = 64 + 128 * 16; i < HV_PAGE_SIZE; i++)
        ((uint8_t *)echo->frontend->control)[i] ^= (uint8_t)(i * 7 | 1);
    echo_succeed(echo);
    echo_run(echo);
    ck_assert_uint_lt(netif_select(&echo->netif, packet, &hash), 5);
    ck_assert_uint_eq(hash.type, 0);
    ck_assert_uint_eq(ask(echo, SET_ALGORITHM, 1, 0, 0, NULL), SUCCESS);
    echo_destroy(echo);
}
END_TEST

/* It dies at any access: each request is answered once, as it would have been. */
START_TEST(control_dies_anywhere)
{
    static const struct {
        uint16_t type;
        uint32_t data, status;
    } requests[] = {{SET_ALGORITHM, 1, SUCCESS},      {SET_FLAGS, IPV4 | IPV4_TCP, SUCCESS},
                    {SET_MAPPING_SIZE, 129, INVALID}, {GET_GREFS, 1, NOT_SUPPORTED},
                    {SET_MAPPING_SIZE, 5, SUCCESS},   {GET_MAPPING_SIZE, 1, SUCCESS}};
    struct echo *echo = start();
    struct killer killer = {.hv = echo->hv, .left = (unsigned)_i + 1};
    struct frontend_control_response response;
    struct netif_hash hash;
    struct made made;
    const struct packet *packet = make_ipv4(&made, rss_ipv4[0].source, rss_ipv4[0].dest, 6, 2, 3);

    ck_assert_uint_eq(ask(echo, SET_ALGORITHM, 1, 0, 0, NULL), SUCCESS);
    ck_assert_uint_eq(ask_with(echo, SET_KEY, rss_key, 40, 40, 0), SUCCESS);
    sim_set_adversary(echo->sim, kill_at, &killer);
    for (unsigned i = 0; i < 6; i++)
        frontend_control_send(echo->frontend, (uint16_t)(70 + i), requests[i].type,
                              requests[i].data, 0, 0);
    echo_run(echo);
    sim_set_adversary(echo->sim, NULL, NULL);
    echo_succeed(echo);
    echo_run(echo);
    for (unsigned i = 0; i < 6; i++) {
        ck_assert(frontend_control_take(echo->frontend, &response));
        ck_assert_uint_eq(response.id, 70 + i);
        ck_assert_uint_eq(response.type, requests[i].type);
        ck_assert_uint_eq(response.status, requests[i].status);
        ck_assert_uint_eq(response.data, i == 5 ? 128 : 0);
    }
    ck_assert(!frontend_control_take(echo->frontend, &response));
    (void)netif_select(&echo->netif, packet, &hash);
    ck_assert_uint_eq(hash.type, 2);
    echo_destroy(echo);
}
END_TEST

/* Length and offset whose sum wraps, or that reach beyond the table; queues that are none. */
START_TEST(xsa_270_mapping_out_of_bounds)
{
    static const struct {
        uint32_t length, offset;
        unsigned status;
    } cases[] = {
        {65, 0, INVALID},          {64, 1, INVALID},           {1, 64, INVALID},
        {0, 65, INVALID},          {2, 0xffffffff, INVALID},   {64, 0xffffffc0, INVALID},
        {129, 0, OVERFLOW},        {0xffffffff, 1, OVERFLOW},  {0x80000000, 0x80000000, OVERFLOW},
        {0x40000001, 0, OVERFLOW}, {0xffffffff, 64, OVERFLOW}, {1, 0x80000000, INVALID},
    };
    struct echo *echo = start();
    uint32_t table[HV_PAGE_SIZE / 4];
    struct netif_hash hash;
    struct made made;

    for (unsigned i = 0; i < HV_PAGE_SIZE / 4; i++)
        table[i] = 3;
    rss_set(echo, IPV4);
    ck_assert_uint_eq(ask(echo, SET_MAPPING_SIZE, 64, 0, 0, NULL), SUCCESS);
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_uint_eq(
            ask_with(echo, SET_MAPPING, table, sizeof(table), cases[i].length, cases[i].offset),
            cases[i].status);
    /* one entry that names no queue spoils all */
    for (unsigned i = 0; i < 3; i++) {
        table[40] = (uint32_t[]){5, 0x100, 0xffffffff}[i];
        ck_assert_uint_eq(ask_with(echo, SET_MAPPING, table, sizeof(table), 64, 0), INVALID);
    }
    for (unsigned i = 0; i < 100; i++)
        ck_assert_uint_eq(netif_select(&echo->netif,
                                       make_ipv4(&made, (uint8_t[]){10, 0, 0, (uint8_t)i},
                                                 rss_ipv4[0].dest, 6, 1, 2),
                                       &hash),
                          0);
    /* at its edges it is taken */
    ck_assert_uint_eq(ask_with(echo, SET_MAPPING, table, 4, 1, 63), SUCCESS);
    ck_assert_uint_eq(ask(echo, SET_MAPPING, 0xffffffff, 0, 64, NULL), SUCCESS);
    echo_destroy(echo);
}
END_TEST

START_TEST(keys)
{
    struct echo *echo = start();
    struct netif_hash hash;
    struct made made;
    uint8_t key[40] = {0};
    const struct packet *packet = make_ipv4(&made, rss_ipv4[1].source, rss_ipv4[1].dest, 6, 1, 2);

    rss_set(echo, IPV4);
    ck_assert_uint_eq(ask_with(echo, SET_KEY, rss_key, 40, 41, 0), OVERFLOW);
    ck_assert_uint_eq(ask_with(echo, SET_KEY, rss_key, 40, 0xffffffff, 0), OVERFLOW);
    ck_assert_uint_eq(ask(echo, SET_KEY, 54321, 40, 0, NULL), INVALID);
    netif_select(&echo->netif, packet, &hash);
    ck_assert_uint_eq(hash.value, rss_ipv4[1].hash); /* the old one still */

    /* A short key is followed by zeroes, and none at all hashes to 0. */
    memcpy(key, rss_key, 9);
    ck_assert_uint_eq(ask_with(echo, SET_KEY, key, 40, 40, 0), SUCCESS);
    netif_select(&echo->netif, packet, &hash);
    uint32_t padded = hash.value;
    ck_assert_uint_ne(padded, rss_ipv4[1].hash);
    ck_assert_uint_eq(ask_with(echo, SET_KEY, rss_key, 40, 40, 0), SUCCESS);
    ck_assert_uint_eq(ask_with(echo, SET_KEY, rss_key, 40, 9, 0), SUCCESS);
    netif_select(&echo->netif, packet, &hash);
    ck_assert_uint_eq(hash.value, padded);
    ck_assert_uint_eq(ask(echo, SET_KEY, 54321, 0, 0, NULL), SUCCESS);
    netif_select(&echo->netif, packet, &hash);
    ck_assert_uint_eq(hash.value, 0);
    ck_assert_uint_eq(hash.type, 1);
    echo_destroy(echo);
}
END_TEST

/* A ring full of requests with one id, more than once around; each is answered, a batch at a time,
   so that nobody else waits for them. */
START_TEST(many_requests_of_one_id)
{
    struct frontend_config wraps = config;
    struct frontend_control_response response;

    wraps.start = 0xffffff90U;
    struct echo *echo = echo_create(2, wraps);
    echo_start(echo);
    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 128; i++)
            frontend_control_send(echo->frontend, 7, i % 2 ? GET_MAPPING_SIZE : SET_FLAGS, 99, 0,
                                  0);
        uint64_t before = netif_control_requests(&echo->netif);
        while (netif_control_requests(&echo->netif) == before)
            sim_run(echo->sim, HV_NEVER, 1);
        ck_assert_uint_le(netif_control_requests(&echo->netif), before + 32);
        echo_run(echo);
        for (unsigned i = 0; i < 128; i++) {
            ck_assert(frontend_control_take(echo->frontend, &response));
            ck_assert_uint_eq(response.id, 7);
            ck_assert_uint_eq(response.type, i % 2 ? GET_MAPPING_SIZE : SET_FLAGS);
            ck_assert_uint_eq(response.status, i % 2 ? SUCCESS : INVALID);
            ck_assert_uint_eq(response.data, i % 2 ? 128 : 0);
        }
        ck_assert(!frontend_control_take(echo->frontend, &response));
    }
    echo_destroy(echo);
}
END_TEST

START_TEST(xsa_39_control_index)
{
    static const uint32_t off[] = {129, 0x80000000U, 0xffffffffU};
    struct echo *echo = start();

    ck_assert_uint_eq(ask(echo, SET_ALGORITHM, 1, 0, 0, NULL), SUCCESS);
    echo->frontend->control->req_prod = echo->frontend->control->rsp_prod + off[_i];
    (void)hv_evtchn_send(echo->guest, echo->frontend->control_port);
    echo_run(echo);
    ck_assert_uint_eq(echo->failed, 1);
    ck_assert_str_eq(echo->why, "the control ring's req_prod is out of distance");
    (void)hv_evtchn_send(echo->guest, echo->frontend->control_port);
    echo_run(echo);
    ck_assert_uint_eq(echo->failed, 1);
    ck_assert_uint_eq(netif_control_requests(&echo->netif), 1);
    echo_destroy(echo);
}
END_TEST

static void change_request(void *context, struct hv *victim, const void *address, size_t length)
{
    struct echo *echo = context;
    uint8_t *slots = echo->frontend->control->slots;

    if (victim == echo->hv)
        slots[sim_random(echo->sim, 64)] = (uint8_t)sim_random(echo->sim, 12);
}

/* Requests that change while they are read, and the page of the table, too. */
START_TEST(xsa_155_control_rewritten)
{
    struct echo *echo = echo_create((uint64_t)_i, config);
    struct frontend_control_response response;
    uint32_t table[128] = {1, 2, 3};
    grant_ref_t ref;
    void *page = frontend_page(echo->frontend, table, sizeof(table), 0, true, &ref);

    echo_start(echo);
    rss_set(echo, 15);
    sim_set_adversary(echo->sim, change_request, echo);
    for (unsigned i = 0; i < 300; i++) {
        frontend_control_send(echo->frontend, 1, (uint16_t)(i % 8), ref, i % 140, i % 3);
        echo_run(echo);
        (void)frontend_control_take(echo->frontend, &response);
    }
    ck_assert_uint_le(echo->failed, 1);
    for (unsigned i = 0; i < 100; i++) {
        struct netif_hash hash;
        struct made made;

        ck_assert_uint_lt(netif_select(&echo->netif,
                                       make_ipv4(&made, (uint8_t[]){9, 8, 7, (uint8_t)i},
                                                 rss_ipv4[0].dest, 6, (uint16_t)i, 2),
                                       &hash),
                          5);
    }
    sim_set_adversary(echo->sim, NULL, NULL);
    ck_assert(frontend_page_free(echo->frontend, page, ref));
    echo_destroy(echo);
}
END_TEST

/* A response has twelve bytes, each of which says something. */
START_TEST(xsa_216_control_response)
{
    struct echo *echo = start();
    const uint8_t *slots = echo->frontend->control->slots;

    memset(echo->frontend->control->slots, 0xa5, 64);
    frontend_control_send(echo->frontend, 0x1234, GET_MAPPING_SIZE, 0xdddddddd, 0xeeeeeeee,
                          0x77777777);
    echo_run(echo);
    ck_assert_mem_eq(slots, "\x34\x12\x04\0\0\0\0\0\x80\0\0\0\x77\x77\x77\x77\xa5", 17);
    echo_destroy(echo);
}
END_TEST

/* Without hashes a flow stays on its queue, flows spread, and fragments go by addresses alone. */
START_TEST(spread_by_flow)
{
    struct echo *echo = echo_create(3, (struct frontend_config){.queues = 4});
    unsigned count[4] = {0}, first;
    struct netif_hash hash;
    struct made made;

    ck_assert_int_eq(echo_connect(echo), 0);
    for (unsigned i = 0; i < 4000; i++) {
        struct packet *packet = make_ipv4(&made, rss_ipv4[0].source, rss_ipv4[0].dest,
                                          i % 2 ? 6 : 17, (uint16_t)(i / 2), 80);
        unsigned queue = netif_select(&echo->netif, packet, &hash);

        ck_assert_uint_lt(queue, 4);
        ck_assert_uint_eq(hash.type, 0);
        ck_assert_uint_eq(netif_select(&echo->netif, packet, &hash), queue);
        count[queue]++;
    }
    for (unsigned i = 0; i < 4; i++)
        ck_assert_msg(count[i] > 800 && count[i] < 1200, "%u of 4000 to queue %u", count[i], i);

    memset(count, 0, sizeof(count));
    for (unsigned i = 0; i < 2000; i++) {
        uint16_t source[8] = {0x2001, 0xdb8, 0, 0, 0, 0, 0, (uint16_t)i};

        count[netif_select(&echo->netif, make_ipv6(&made, source, rss_ipv6[0].dest, 17, 1, 2),
                           &hash)]++;
    }
    for (unsigned i = 0; i < 4; i++)
        ck_assert_msg(count[i] > 350 && count[i] < 650, "%u of 2000 to queue %u", count[i], i);

    make_ipv4(&made, rss_ipv4[0].source, rss_ipv4[0].dest, 17, 1, 2);
    made.packet.first_fragment = true;
    first = netif_select(&echo->netif, &made.packet, &hash);
    made.packet.first_fragment = false;
    made.packet.fragment = true;
    made.packet.transport_at = 0;
    memset(made.bytes + 34, 0x77, 20);
    ck_assert_uint_eq(netif_select(&echo->netif, &made.packet, &hash), first);
    made.packet.network = PACKET_ARP;
    ck_assert_uint_eq(netif_select(&echo->netif, &made.packet, &hash), 0);
    echo_destroy(echo);
}
END_TEST

TCase *netif_control_case(void)
{
    TCase *control = tcase_create("control ring");

    tcase_set_timeout(control, 60);
    tcase_add_test(control, flags_and_algorithm);
    tcase_add_test(control, types_not_supported);
    tcase_add_test(control, microsoft_vectors);
    tcase_add_test(control, type_by_flags);
    tcase_add_test(control, a_successor_knows_what_was_set);
    tcase_add_loop_test(control, control_dies_anywhere, 0, 80);
    tcase_add_test(control, queue_by_the_table);
    tcase_add_test(control, xsa_270_mapping_out_of_bounds);
    tcase_add_test(control, keys);
    tcase_add_test(control, many_requests_of_one_id);
    tcase_add_loop_test(control, xsa_39_control_index, 0, 3);
    tcase_add_loop_test(control, xsa_155_control_rewritten, 0, 5);
    tcase_add_test(control, xsa_216_control_response);
    tcase_add_test(control, spread_by_flow);
    return control;
}
