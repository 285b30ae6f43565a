/* SPDX-License-Identifier: ISC */
/*
 * Many clients in random order, some of them wicked, on a host where things fail at random. After
 * each step the books of the service agree with what it is doing; in the end all is as at first.
 * LISTENER_SEEDS=N runs so many of them.
 */
#include "house.h"

#include <stdlib.h>

#define ACTORS 10U
#define STEPS  400U

/* A process of the clients' domain. */
struct actor {
    enum { AWAY, OPEN, BOUND, MAPPED } state;
    struct vchan v;
    evtchn_port_t port;
    uint8_t *head;
};

struct play {
    struct house house;
    struct actor actors[ACTORS];
    unsigned slots;
};

static uint64_t draw(struct play *play, uint64_t bound)
{
    return sim_random(play->house.sim, bound);
}

/* The service's pages never change, its ports and grants are those of its rings. */
static void check_books(struct play *play)
{
    struct listener_stats stats = house_stats(&play->house);
    struct sim_usage usage;
    unsigned pages = (unsigned)listener_pages(&play->house.config) / play->slots;

    sim_usage(play->house.service, &usage);
    ck_assert_uint_eq(usage.pages, pages * play->slots);
    ck_assert_uint_eq(usage.mappings, 0);
    ck_assert_uint_ge(usage.ports, stats.connected);
    ck_assert_uint_le(usage.ports, stats.connected + 1);
    ck_assert_uint_ge(usage.grants, usage.ports * pages + stats.draining);
    ck_assert_uint_le(usage.grants, (usage.ports + stats.draining) * pages);
}

static void come(struct play *play, struct actor *actor)
{
    struct house *house = &play->house;

    switch (draw(play, 6)) {
    case 0:
        if (house->notice.present &&
            hv_evtchn_bind_interdomain(house->client, HOUSE_SERVICE, house->notice.port,
                                       &actor->port) == 0)
            actor->state = BOUND;
        break;
    case 1: {
        void *head;

        if (house->notice.present && hv_grant_map(house->client, HOUSE_SERVICE,
                                                  &house->notice.ring_ref, 1, false, &head) == 0) {
            actor->head = head;
            actor->state = MAPPED;
        }
        break;
    }
    default:
        if (client_connect(house, &actor->v) == 0)
            actor->state = OPEN;
    }
}

static void scribble(struct play *play, uint8_t *head)
{
    if (draw(play, 2))
        head[HEAD_CLI_LIVE] = (uint8_t)draw(play, 4);
    else
        head[draw(play, 24)] = (uint8_t)draw(play, 256);
}

static void go(struct play *play, struct actor *actor)
{
    struct hv *hv = play->house.client;

    switch (actor->state) {
    case AWAY:
        break;
    case OPEN:
        if (draw(play, 3))
            ck_assert_int_eq(vchan_close(&actor->v), 0);
        else
            client_vanish(&actor->v);
        break;
    case BOUND:
        ck_assert_int_eq(hv_evtchn_close(hv, actor->port), 0);
        break;
    case MAPPED:
        /* Linux does so for its processes, whatever they have done to the page. */
        actor->head[HEAD_CLI_LIVE] = 0;
        ck_assert_int_eq(hv_grant_unmap(hv, actor->head, 1), 0);
    }
    actor->state = AWAY;
}

static void act(struct play *play, struct actor *actor)
{
    uint8_t data[300] = {0};

    if (actor->state == AWAY) {
        come(play, actor);
        return;
    }
    switch (draw(play, 8)) {
    case 0:
    case 1:
        go(play, actor);
        break;
    case 2:
        if (actor->state == OPEN)
            scribble(play, actor->v.head);
        else if (actor->state == MAPPED)
            scribble(play, actor->head);
        break;
    case 3:
        if (actor->state == OPEN)
            (void)hv_evtchn_send(play->house.client, actor->v.port);
        else if (actor->state == BOUND)
            (void)hv_evtchn_send(play->house.client, actor->port);
        break;
    default:
        if (actor->state == OPEN) {
            (void)vchan_write(&actor->v, data, draw(play, sizeof(data)));
            (void)vchan_read(&actor->v, data, draw(play, sizeof(data)));
        }
    }
}

static void domain_dies(struct play *play)
{
    struct house *house = &play->house;

    for (unsigned i = 0; i < ACTORS; i++)
        if (play->actors[i].state == MAPPED)
            go(play, &play->actors[i]);
    sim_domain_destroy(house->client);
    house->client = sim_domain_create(house->sim, &(struct sim_domain_config){.domid = 0});
    ck_assert_ptr_nonnull(house->client);
    sim_domain_no_faults(house->client);
    for (unsigned i = 0; i < ACTORS; i++)
        play->actors[i].state = AWAY;
}

/* The service, its rendezvous and its host have moods of their own. */
static void fate(struct play *play)
{
    struct house *house = &play->house;

    switch (draw(play, 8)) {
    case 0:
        house->notice.mood = (enum notice_mood)draw(play, 3);
        house->notice.error =
            house->notice.mood == NOTICE_REFUSES || draw(play, 3) == 0 ? -ENOMEM : 0;
        break;
    case 1:
        if (house->notice.asked)
            house_answer(house, draw(play, 4) == 0 ? -EPIPE : 0);
        break;
    case 2:
        house_republish(house);
        break;
    case 3:
        house_disconnect(house, (unsigned)draw(play, play->slots));
        break;
    case 4:
        house->chunk = (unsigned)draw(play, 257);
        break;
    case 5:
        if (draw(play, 4) == 0)
            domain_dies(play);
        break;
    default:
        sim_set_faults(house->sim, &(struct sim_faults){
                                       .evtchn_bind = (uint16_t)(draw(play, 2) * 20000),
                                       .spurious = (uint16_t)draw(play, 6000),
                                       .delayed_event = (uint16_t)draw(play, 20000),
                                   });
        sim_fail_nth(house->sim, draw(play, 20));
    }
}

static void wait_a_while(struct play *play)
{
    static const uint64_t spans[] = {2000, 20000, HV_MSEC, 50 * HV_MSEC, HV_SEC, 5 * HV_SEC};

    house_run(&play->house, draw(play, spans[draw(play, sizeof(spans) / sizeof(spans[0]))]));
}

/* With everybody gone and nothing failing any more, the listener is as at first. */
static void check_recovery(struct play *play)
{
    struct house *house = &play->house;
    struct vchan v;

    sim_set_faults(house->sim, &(struct sim_faults){0});
    sim_fail_nth(house->sim, 0);
    house->notice.mood = NOTICE_AT_ONCE;
    house->notice.error = 0;
    house->chunk = 256;
    if (house->notice.asked)
        house_answer(house, 0);
    for (unsigned i = 0; i < ACTORS; i++)
        go(play, &play->actors[i]);
    house_run(house, 15 * HV_SEC);
    ck_assert_uint_eq(house_stats(house).free, play->slots);
    ck_assert(house->notice.present);
    client_join(house, &v);
    client_echo(house, &v, 200);
    ck_assert_int_eq(vchan_close(&v), 0);
    house_settle(house);
    ck_assert_uint_eq(house_stats(house).free, play->slots);
}

static void play_run(uint64_t seed, struct listener_stats *sum)
{
    struct play *play = calloc(1, sizeof(*play));
    struct listener_stats stats;

    ck_assert_ptr_nonnull(play);
    play->slots = 1 + (unsigned)(seed % 6);
    house_make(&play->house, seed, play->slots);
    for (unsigned step = 0; step < STEPS; step++) {
        if (draw(play, 12) == 0)
            fate(play);
        else
            act(play, &play->actors[draw(play, ACTORS)]);
        if (draw(play, 2))
            wait_a_while(play);
        check_books(play);
    }
    check_recovery(play);
    stats = house_stats(&play->house);
    sum->accepted += stats.accepted;
    sum->died += stats.died;
    sum->broken += stats.broken;
    sum->abandoned += stats.abandoned;
    sum->exhausted += stats.exhausted;
    house_end(&play->house);
    free(play);
}

/* A failure names the seed: random.c:LINE:F:random:test_random_play:SEED. */
START_TEST(test_random_play)
{
    struct listener_stats sum = {0};

    play_run((uint64_t)_i, &sum);
}
END_TEST

/* All that is counted happens, and often. */
START_TEST(test_plays_are_rich)
{
    struct listener_stats sum = {0};
    unsigned count = 50;

    for (unsigned seed = 0; seed < count; seed++)
        play_run(seed, &sum);
    ck_assert_uint_gt(sum.accepted, 8 * count);
    ck_assert_uint_gt(sum.died, count);
    ck_assert_uint_gt(sum.broken, count / 2);
    ck_assert_uint_gt(sum.abandoned, count / 2);
    ck_assert_uint_gt(sum.exhausted, 2 * count);
}
END_TEST

TCase *random_cases(void)
{
    const char *seeds = getenv("LISTENER_SEEDS");
    TCase *cases = tcase_create("random");

    tcase_add_loop_test(cases, test_random_play, 0, seeds ? atoi(seeds) : 80);
    tcase_add_test(cases, test_plays_are_rich);
    tcase_set_timeout(cases, 120);
    return cases;
}
