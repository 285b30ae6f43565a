/* SPDX-License-Identifier: ISC */
#include "pair.h"

void pair_create(struct pair *pair, uint64_t seed, unsigned left_order, unsigned right_order)
{
    memset(pair, 0, sizeof(*pair));
    pair->sim = sim_create(seed);
    pair->server_hv = sim_domain_create(pair->sim, &(struct sim_domain_config){.domid = 5});
    pair->client_hv = sim_domain_create(pair->sim, &(struct sim_domain_config){.domid = 0});
    pair->left_order = left_order;
    pair->right_order = right_order;
    pair->page_count = vchan_pages(left_order, right_order);
    ck_assert_uint_ne(pair->page_count, 0);
    pair->pages = hv_page_alloc(pair->server_hv, pair->page_count);
    ck_assert_ptr_nonnull(pair->pages);
}

void pair_open(struct pair *pair)
{
    ck_assert_int_eq(vchan_server_open(&pair->server, pair->server_hv, PAIR_CLIENT,
                                       pair->left_order, pair->right_order, pair->pages),
                     0);
    ck_assert_int_eq(vchan_client_open(&pair->client, pair->client_hv, PAIR_SERVER,
                                       pair->server.ring_ref, pair->server.port),
                     0);
}

void pair_make(struct pair *pair, uint64_t seed, unsigned left_order, unsigned right_order)
{
    pair_create(pair, seed, left_order, right_order);
    pair_open(pair);
}

struct pair_head *pair_head(struct pair *pair)
{
    return pair->pages;
}

static void check_usage(struct hv *hv, unsigned pages)
{
    struct sim_usage usage;

    sim_usage(hv, &usage);
    ck_assert_uint_eq(usage.pages, pages);
    ck_assert_uint_eq(usage.ports, 0);
    ck_assert_uint_eq(usage.grants, 0);
    ck_assert_uint_eq(usage.mappings, 0);
}

void pair_check_empty(struct pair *pair)
{
    check_usage(pair->server_hv, pair->page_count);
    check_usage(pair->client_hv, 0);
}

void pair_close(struct pair *pair)
{
    if (pair->client.hv)
        ck_assert_int_eq(vchan_close(&pair->client), 0);
    if (pair->server.hv)
        ck_assert_int_eq(vchan_close(&pair->server), 0);
    pair_check_empty(pair);
}

void pair_destroy(struct pair *pair)
{
    pair_close(pair);
    hv_page_free(pair->server_hv, pair->pages, pair->page_count);
    sim_destroy(pair->sim);
}

bool pair_event(struct vchan *v)
{
    bool seen = false;

    for (evtchn_port_t port; (port = hv_evtchn_next(v->hv)) != 0;)
        seen |= port == v->port;
    return seen;
}

static uint8_t byte_at(uint64_t place)
{
    uint64_t z = (place + 1) * UINT64_C(0x9e3779b97f4a7c15);

    return (uint8_t)(z >> 56 ^ z >> 32);
}

void pair_fill(uint8_t *data, size_t length, uint64_t start)
{
    for (size_t i = 0; i < length; i++)
        data[i] = byte_at(start + i);
}

void pair_check(const uint8_t *data, size_t length, uint64_t start)
{
    size_t i = 0;

    while (i < length && data[i] == byte_at(start + i))
        i++;
    ck_assert_uint_eq(i, length);
}
