/* SPDX-License-Identifier: ISC */
/*
 * A vchan whose peer writes any bytes anywhere into what is shared, also between any two loads of
 * the end that is tried. That end keeps within its bounds: results, what it writes, what it gives
 * back.
 *
 * Input: one byte that says which end and which orders, one with the number of the adversary's
 * writes, these (when, offset, value), then a sequence of steps.
 */
#include "input.h"

#include "common/vchan.h"
#include "hv/sim/sim.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#define STEPS_MAX  200U
#define WRITES_MAX 32U
#define PAGES_MAX  5U
#define HEAD_BYTES 64U /**< of the head page: all its fields and some grants */

enum { LEFT_CONS = 0, LEFT_PROD = 4, RIGHT_CONS = 8, RIGHT_PROD = 12, ORDERS = 16 };
enum { CLI_LIVE = 20, SRV_LIVE, CLI_NOTIFY, SRV_NOTIFY };

/** One of the adversary's writes: after @loads more accesses, @value goes to @offset. */
struct write {
    uint8_t loads, offset, value;
};

struct fuzz {
    struct sim *sim;
    struct hv *server_hv, *client_hv;
    struct vchan server, client;
    struct vchan *victim; /**< NULL: it could not be opened */
    bool try_server, broken, ended;
    unsigned left_order, right_order, page_count;
    uint8_t *pages;                           /**< the server's; both ends share them */
    uint8_t shadow[PAGES_MAX * HV_PAGE_SIZE]; /**< what they have, by the peer's writes alone */
    struct write write[WRITES_MAX];
    unsigned count, next, waited;
};

static void peer_writes(struct fuzz *fuzz, unsigned offset, uint8_t value)
{
    offset %= fuzz->page_count * HV_PAGE_SIZE;
    fuzz->pages[offset] = fuzz->shadow[offset] = value;
}

static void act_between(void *context, struct hv *victim, const void *address, size_t length)
{
    struct fuzz *fuzz = context;
    const struct write *write = &fuzz->write[fuzz->next];

    (void)victim, (void)address, (void)length;
    if (fuzz->next == fuzz->count || fuzz->waited++ < write->loads)
        return;
    peer_writes(fuzz, write->offset % HEAD_BYTES, write->value);
    fuzz->next++;
    fuzz->waited = 0;
}

/** Where the bytes of a ring start within the pages. */
static unsigned ring_start(unsigned order, unsigned page)
{
    return order < 12 ? 1U << order : page * HV_PAGE_SIZE;
}

static void check_same(const struct fuzz *fuzz, unsigned offset, unsigned length)
{
    ck_assert_int_eq(memcmp(fuzz->pages + offset, fuzz->shadow + offset, length), 0);
}

/** The end that is tried has written nothing that is not its own. */
static void check_pages(struct fuzz *fuzz)
{
    unsigned left_pages = fuzz->left_order < 12 ? 0 : 1U << (fuzz->left_order - 12);
    unsigned left = ring_start(fuzz->left_order, 1);
    unsigned right = ring_start(fuzz->right_order, 1 + left_pages);

    check_same(fuzz, fuzz->try_server ? LEFT_PROD : LEFT_CONS, 4);
    check_same(fuzz, fuzz->try_server ? RIGHT_CONS : RIGHT_PROD, 4);
    check_same(fuzz, fuzz->try_server ? CLI_LIVE : SRV_LIVE, 1);
    check_same(fuzz, ORDERS, 4);
    check_same(fuzz, SRV_NOTIFY + 1, (left < right ? left : right) > 4095 ? 4072 : 1000);
    if (fuzz->try_server)
        check_same(fuzz, left, 1U << fuzz->left_order);
    else
        check_same(fuzz, right, 1U << fuzz->right_order);
    memcpy(fuzz->shadow, fuzz->pages, fuzz->page_count * HV_PAGE_SIZE);
}

static void open_ends(struct fuzz *fuzz, bool disturbed)
{
    ck_assert_int_eq(vchan_server_open(&fuzz->server, fuzz->server_hv, 0, fuzz->left_order,
                                       fuzz->right_order, fuzz->pages),
                     0);
    fuzz->broken = fuzz->ended = false;
    memcpy(fuzz->shadow, fuzz->pages, fuzz->page_count * HV_PAGE_SIZE);
    sim_set_adversary(fuzz->sim, disturbed ? act_between : NULL, fuzz);
    int rc = vchan_client_open(&fuzz->client, fuzz->client_hv, 5, fuzz->server.ring_ref,
                               fuzz->server.port);
    ck_assert(rc == 0 || (disturbed && (rc == -EPROTO || rc == -EINVAL)));
    fuzz->victim = fuzz->try_server ? &fuzz->server : rc == 0 ? &fuzz->client : NULL;
    if (rc != 0)
        fuzz->client.hv = NULL;
    memcpy(fuzz->shadow, fuzz->pages, fuzz->page_count * HV_PAGE_SIZE);
    sim_set_adversary(fuzz->sim, act_between, fuzz);
}

static void close_ends(struct fuzz *fuzz)
{
    struct sim_usage usage;

    sim_set_adversary(fuzz->sim, NULL, NULL);
    if (fuzz->client.hv)
        ck_assert_int_eq(vchan_close(&fuzz->client), 0);
    ck_assert_int_eq(vchan_close(&fuzz->server), 0);
    sim_usage(fuzz->server_hv, &usage);
    ck_assert_uint_eq(usage.grants + usage.ports, 0);
    sim_usage(fuzz->client_hv, &usage);
    ck_assert_uint_eq(usage.mappings + usage.ports, 0);
}

/** Read or write @length bytes. What was broken or ended once, is. */
static void transfer(struct fuzz *fuzz, bool reading, size_t length)
{
    static uint8_t data[0x10000];
    struct vchan *v = fuzz->victim;
    uint32_t size = reading ? v->read.size : v->write.size;

    int count = reading ? vchan_read(v, data, length) : vchan_write(v, data, length);
    ck_assert(count >= 0 || count == -EPROTO || count == -EPIPE);
    ck_assert(count <= (int)length);
    ck_assert(count <= (int)size);
    ck_assert(!fuzz->broken || count == -EPROTO);
    ck_assert(!fuzz->ended || reading || count < 0);
    fuzz->broken |= count == -EPROTO;
    fuzz->ended |= count == -EPIPE;
}

static void step(struct fuzz *fuzz, struct input *input)
{
    uint8_t what = input_byte(input) % 8;
    unsigned offset;
    uint32_t value;

    switch (what) {
    case 0: /* any byte in the head, or anywhere */
        offset = input_byte(input);
        peer_writes(fuzz, offset < 192 ? offset % HEAD_BYTES : offset << 8 | input_byte(input),
                    input_byte(input));
        break;
    case 1: /* one whole index */
        offset = input_byte(input) % 4 * 4;
        value = input_word(input);
        for (unsigned i = 0; i < 4; i++)
            peer_writes(fuzz, offset + i, (uint8_t)(value >> 8 * i));
        break;
    case 2: /* as an honest peer: its indices move on */
        offset = input_byte(input) % 4 * 4;
        memcpy(&value, fuzz->pages + offset, sizeof(value));
        value += input_byte(input) * 16U;
        for (unsigned i = 0; i < 4; i++)
            peer_writes(fuzz, offset + i, (uint8_t)(value >> 8 * i));
        break;
    case 3:
        close_ends(fuzz);
        open_ends(fuzz, input_byte(input) % 2 != 0);
        break;
    default:
        if (!fuzz->victim)
            break;
        value = input_byte(input) * 40U;
        if (what < 7)
            transfer(fuzz, what == 4 || what == 6, value);
        else if (value % 80 == 0)
            ck_assert(vchan_readable(fuzz->victim, value) <= (int)fuzz->victim->read.size);
        else
            ck_assert(vchan_writable(fuzz->victim, value) <= (int)fuzz->victim->write.size);
        enum vchan_state state = vchan_state(fuzz->victim);
        ck_assert(!fuzz->broken || state == VCHAN_BROKEN);
        fuzz->broken |= state == VCHAN_BROKEN;
        fuzz->ended |= state == VCHAN_ENDED;
        ck_assert(fuzz->broken || vchan_peer_gone(fuzz->victim) || !fuzz->ended);
        check_pages(fuzz);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t orders[4][2] = {{10, 11}, {11, 12}, {13, 10}, {12, 13}};
    struct input input = {data, data + size};
    static struct fuzz fuzz;
    uint8_t how = input_byte(&input);

    memset(&fuzz, 0, sizeof(fuzz));
    fuzz.try_server = how & 1;
    fuzz.left_order = orders[how >> 1 & 3][0];
    fuzz.right_order = orders[how >> 1 & 3][1];
    fuzz.page_count = vchan_pages(fuzz.left_order, fuzz.right_order);
    fuzz.sim = sim_create(1);
    fuzz.server_hv =
        sim_domain_create(fuzz.sim, &(struct sim_domain_config){.domid = 5, .pages = 16});
    fuzz.client_hv =
        sim_domain_create(fuzz.sim, &(struct sim_domain_config){.domid = 0, .pages = 16});
    fuzz.pages = hv_page_alloc(fuzz.server_hv, fuzz.page_count);
    fuzz.count = input_byte(&input) % WRITES_MAX;
    for (unsigned i = 0; i < fuzz.count; i++)
        fuzz.write[i] = (struct write){input_byte(&input), input_byte(&input), input_byte(&input)};
    open_ends(&fuzz, how & 8);
    for (unsigned i = 0; i < STEPS_MAX && !input_empty(&input); i++)
        step(&fuzz, &input);
    close_ends(&fuzz);
    hv_page_free(fuzz.server_hv, fuzz.pages, fuzz.page_count);
    sim_destroy(fuzz.sim);
    return 0;
}
