/* SPDX-License-Identifier: ISC */
/**
 * @file pair.h
 * What the tests of a vchan share: a host with the domains of both ends, and the shared head page
 * as its peer sees it.
 */
#ifndef TESTS_UNIT_VCHAN_PAIR_H
#define TESTS_UNIT_VCHAN_PAIR_H

#include "common/vchan.h"
#include "hv/sim/sim.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#define PAIR_SERVER 5U
#define PAIR_CLIENT 0U

/** The head page, as libxenvchan has it: what is written here is what a peer could write. */
struct pair_head {
    uint32_t left_cons, left_prod, right_cons, right_prod;
    uint16_t left_order, right_order;
    uint8_t cli_live, srv_live, cli_notify, srv_notify;
    uint32_t grants[];
};

/** Two domains and what they hold for a vchan. */
struct pair {
    struct sim *sim;
    struct hv *server_hv, *client_hv;
    unsigned left_order, right_order, page_count;
    void *pages;
    struct vchan server, client;
};

/** Two domains, and pages for a vchan of these orders. */
void pair_create(struct pair *pair, uint64_t seed, unsigned left_order, unsigned right_order);

/** Open both ends. */
void pair_open(struct pair *pair);

/** pair_create() and pair_open(). */
void pair_make(struct pair *pair, uint64_t seed, unsigned left_order, unsigned right_order);

/** The head page, through the server's pages. */
struct pair_head *pair_head(struct pair *pair);

/** Neither domain holds a port, a grant or a mapping. */
void pair_check_empty(struct pair *pair);

/** Close both ends, whatever state they are in: nothing is left over. */
void pair_close(struct pair *pair);

/** pair_close(), and the end of the host. */
void pair_destroy(struct pair *pair);

/** Has an event come for @v's end? It is taken. */
bool pair_event(struct vchan *v);

/** Fill @data with the stream of @start: each byte depends on its place. */
void pair_fill(uint8_t *data, size_t length, uint64_t start);

/** Is @data what pair_fill() makes? */
void pair_check(const uint8_t *data, size_t length, uint64_t start);

TCase *basic_cases(void);
TCase *hostile_cases(void);
TCase *life_cases(void);
TCase *stream_cases(void);

#endif
