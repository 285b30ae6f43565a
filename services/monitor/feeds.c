/* SPDX-License-Identifier: ISC */
/* Which feeds there are to be, and whose turn it is. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "feed.h"

#define NODES  "data/feed"
#define REREAD HV_SEC
#define TICK   HV_SEC

const char *feed_state_name(enum feed_state state)
{
    static const char *const names[] = {"none", "bad", "waiting", "connected"};

    return names[state];
}

static unsigned count(const struct feeds *feeds, enum feed_state least)
{
    unsigned found = 0;

    for (unsigned i = 0; i < FEEDS_MAX; i++)
        found += feeds->feed[i].state >= least;
    return found;
}

unsigned feeds_wanted(const struct feeds *feeds)
{
    return count(feeds, FEED_BAD);
}

unsigned feeds_connected(const struct feeds *feeds)
{
    return count(feeds, FEED_CONNECTED);
}

/* --- nodes --------------------------------------------------------------------------------------
 */

static void read_nodes(struct feeds *feeds);

static void have_read(void *context, int error, const char *const *values)
{
    struct feeds *feeds = context;

    feeds->reading = false;
    if (error)
        feeds->again = true;
    for (unsigned i = 0; !error && i < FEEDS_MAX; i++)
        feed_set(&feeds->feed[i], values[i]);
    if (feeds->again && error != -EPIPE && error != -ECANCELED)
        timer_set(feeds->loop, &feeds->reread, hv_now(feeds->hv) + (error ? REREAD : 0));
}

static void read_nodes(struct feeds *feeds)
{
    char path[FEEDS_MAX][sizeof(NODES) + 4];
    const char *paths[FEEDS_MAX];
    int error;

    feeds->again = feeds->reading;
    if (feeds->reading)
        return;
    for (unsigned i = 0; i < FEEDS_MAX; i++) {
        snprintf(path[i], sizeof(path[i]), NODES "/%u", i % FEEDS_MAX);
        paths[i] = path[i];
    }
    error = store_collect(feeds->store, paths, FEEDS_MAX, FEED_NAME + 8, have_read, feeds);
    feeds->reading = !error;
    if (error == -ENOMEM)
        timer_set(feeds->loop, &feeds->reread, hv_now(feeds->hv) + REREAD);
}

static void nodes_changed(struct store_watch *watch, const char *changed)
{
    struct feeds *feeds = LIST_ENTRY(watch, struct feeds, watch);

    if (changed)
        read_nodes(feeds);
}

static void reread(struct timer *timer)
{
    read_nodes(LIST_ENTRY(timer, struct feeds, reread));
}

/* --- turns --------------------------------------------------------------------------------------
 */

static void take_turns(struct timer *timer)
{
    struct feeds *feeds = LIST_ENTRY(timer, struct feeds, turn);
    uint32_t ready = feeds->ready;

    feeds->ready = 0;
    for (unsigned i = 0; i < FEEDS_MAX; i++)
        if ((ready >> i & 1) && feed_read(&feeds->feed[i]))
            feeds->ready |= 1U << i;
    if (feeds->ready)
        timer_set(feeds->loop, timer, hv_now(feeds->hv));
}

static void tick(struct timer *timer)
{
    struct feeds *feeds = LIST_ENTRY(timer, struct feeds, tick);

    for (unsigned i = 0; i < FEEDS_MAX; i++)
        feed_look_after(&feeds->feed[i]);
    timer_set(feeds->loop, timer, hv_now(feeds->hv) + TICK);
}

int feeds_create(struct feeds *feeds, struct hv *hv, struct loop *loop, struct arena *arena,
                 struct store *store, struct log *log, const struct feed_sink *sink)
{
    feeds->hv = hv;
    feeds->loop = loop;
    feeds->arena = arena;
    feeds->store = store;
    feeds->log = log;
    feeds->sink = *sink;
    feeds->clock = hv_wallclock(hv) - hv_now(hv);
    timer_init(&feeds->reread, reread);
    timer_init(&feeds->turn, take_turns);
    timer_init(&feeds->tick, tick);
    for (unsigned i = 0; i < FEEDS_MAX; i++) {
        feeds->feed[i].feeds = feeds;
        feeds->feed[i].number = i;
        feed_set(&feeds->feed[i], NULL);
    }
    feeds->watch = (struct store_watch){.path = NODES, .fired = nodes_changed};
    timer_set(loop, &feeds->tick, hv_now(hv) + TICK);
    return store_watch(store, &feeds->watch);
}

void feeds_destroy(struct feeds *feeds)
{
    store_forget(feeds->store, feeds);
    store_unwatch(feeds->store, &feeds->watch);
    for (unsigned i = 0; i < FEEDS_MAX; i++)
        feed_set(&feeds->feed[i], NULL);
    timer_cancel(&feeds->reread);
    timer_cancel(&feeds->turn);
    timer_cancel(&feeds->tick);
}
