/* SPDX-License-Identifier: ISC */
/* Who reads a mirror, and mirrors that come and go with the rules. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "events.h"
#include "mirror_state.h"

/* Of the ring that consumers could write; nobody reads it. One of 1 KiB would leave no room for the
 * grants of the largest that they read. */
#define LEFT_ORDER 11U
#define RETIRE     HV_SEC

/* --- consumers ---------------------------------------------------------------------------------
 */

static void tell(struct mirror *mirror, const char *what)
{
    struct event event = {.kind = EVENT_MIRROR};

    log_write(mirror->vswitch->log, LOG_INFO, "mirror %s: consumer in domain %u %s",
              mirror->rules.name, mirror->rules.client, what);
    snprintf(event.text, sizeof(event.text), "%s: %s", mirror->rules.name, what);
    events_add(mirror->vswitch->events, NULL, &event);
}

static void connected(void *context, unsigned slot, struct vchan *v)
{
    struct mirror *mirror = context;

    (void)slot;
    mirror_begin(mirror, v);
    mirror_find_ports(mirror->vswitch);
    tell(mirror, "connected");
    mirror_flush(mirror);
}

/* It has read, and there is room. */
static void event(void *context, unsigned slot, struct vchan *v)
{
    (void)slot;
    (void)v;
    mirror_go_on(context);
}

static void disconnected(void *context, unsigned slot)
{
    struct mirror *mirror = context;

    (void)slot;
    mirror->v = NULL;
    mirror->used = 0;
    mirror_find_ports(mirror->vswitch);
    tell(mirror, "gone");
}

/* --- generations -------------------------------------------------------------------------------
 */

static struct listener_config listener_settings(struct mirror *mirror, unsigned order)
{
    return (struct listener_config){
        .client = mirror ? mirror->rules.client : 0,
        .name = mirror ? mirror->name : NULL,
        .slots = 1,
        .left_order = LEFT_ORDER,
        .right_order = order,
        .context = mirror,
        .connected = connected,
        .event = event,
        .disconnected = disconnected,
    };
}

size_t mirrors_pages(unsigned order)
{
    const struct listener_config config = listener_settings(NULL, order);

    return RULES_MIRRORS * listener_pages(&config);
}

static void free_mirror(struct mirror *mirror)
{
    struct arena *arena = mirror->vswitch->arena;

    if (mirror->listener)
        arena_free(arena, mirror->listener, mirror->listener_size);
    arena_free(arena, mirror, sizeof(*mirror));
}

/* True: nothing of it is left. */
static bool bury(struct mirror *mirror)
{
    struct listener_stats stats;

    listener_stats(mirror->listener, &stats);
    if (stats.draining)
        return false;
    listener_destroy(mirror->listener);
    list_remove(&mirror->retired);
    free_mirror(mirror);
    return true;
}

static void bury_retired(struct timer *timer)
{
    struct vswitch *vswitch = LIST_ENTRY(timer, struct vswitch, mirror_timer);

    list_for_each_safe (item, after, &vswitch->retired_mirrors)
        (void)bury(LIST_ENTRY(item, struct mirror, retired));
    if (!list_empty(&vswitch->retired_mirrors))
        timer_set(vswitch->loop, timer, hv_now(vswitch->hv) + RETIRE);
}

/* Its consumer may map the ring a while longer. */
static void retire(struct mirror *mirror)
{
    struct vswitch *vswitch = mirror->vswitch;

    listener_stop(mirror->listener);
    list_append(&vswitch->retired_mirrors, &mirror->retired);
    if (!bury(mirror) && list_empty(&vswitch->mirror_timer.armed))
        timer_set(vswitch->loop, &vswitch->mirror_timer, hv_now(vswitch->hv) + RETIRE);
}

static struct mirror *create(struct vswitch *vswitch, const struct rules_mirror *rules)
{
    struct mirror *mirror = arena_zalloc(vswitch->arena, sizeof(*mirror));
    struct listener_config config;

    if (!mirror)
        return NULL;
    mirror->vswitch = vswitch;
    mirror->rules = *rules;
    list_init(&mirror->retired);
    snprintf(mirror->name, sizeof(mirror->name), "mirror-%s", rules->name);
    config = listener_settings(mirror, vswitch->mirror_order);
    mirror->listener_size = listener_size(&config);
    mirror->listener = arena_alloc(vswitch->arena, mirror->listener_size);
    if (!mirror->listener || listener_create(mirror->listener, vswitch->hv, vswitch->loop,
                                             store_rendezvous(vswitch->service->store), &config)) {
        free_mirror(mirror);
        return NULL;
    }
    return mirror;
}

/* The one there is for the same consumer; NULL: none. */
static struct mirror *find(const struct vswitch *vswitch, const struct rules_mirror *rules)
{
    for (unsigned i = 0; i < RULES_MIRRORS; i++) {
        struct mirror *mirror = vswitch->mirrors[i];

        if (mirror && mirror->rules.client == rules->client &&
            !strcmp(mirror->rules.name, rules->name))
            return mirror;
    }
    return NULL;
}

static void change(struct mirror *mirror, const struct rules_mirror *rules)
{
    bool again = mirror->rules.snap != rules->snap;

    mirror->rules = *rules;
    /* What its HELLO said holds no more. */
    if (again)
        listener_disconnect(mirror->listener, 0);
}

int mirrors_apply(struct vswitch *vswitch, const struct rules *rules)
{
    struct mirror *next[RULES_MIRRORS] = {NULL}, *old[RULES_MIRRORS];
    bool made[RULES_MIRRORS] = {false};
    unsigned count = rules ? rules->mirror_count : 0;

    if (count && !vswitch->service->store)
        return -ENOMEM;
    for (unsigned i = 0; i < count; i++) {
        next[i] = find(vswitch, &rules->mirrors[i]);
        if (next[i])
            continue;
        next[i] = create(vswitch, &rules->mirrors[i]);
        made[i] = next[i];
        if (next[i])
            continue;
        while (i-- > 0)
            if (made[i])
                retire(next[i]);
        return -ENOMEM;
    }
    memcpy(old, vswitch->mirrors, sizeof(old));
    memcpy(vswitch->mirrors, next, sizeof(next));
    for (unsigned i = 0; i < RULES_MIRRORS; i++) {
        bool kept = false;

        for (unsigned j = 0; j < count; j++)
            kept |= old[i] == next[j];
        if (old[i] && !kept)
            retire(old[i]);
    }
    for (unsigned i = 0; i < count; i++)
        if (!made[i])
            change(next[i], &rules->mirrors[i]);
    mirror_find_ports(vswitch);
    return 0;
}

void mirrors_create(struct vswitch *vswitch)
{
    list_init(&vswitch->retired_mirrors);
    timer_init(&vswitch->mirror_timer, bury_retired);
}

void mirrors_destroy(struct vswitch *vswitch)
{
    (void)mirrors_apply(vswitch, NULL);
    timer_cancel(&vswitch->mirror_timer);
    list_for_each_safe (item, after, &vswitch->retired_mirrors) {
        struct mirror *mirror = LIST_ENTRY(item, struct mirror, retired);

        listener_destroy(mirror->listener);
        list_remove(&mirror->retired);
        free_mirror(mirror);
    }
}

bool mirror_usage(const struct vswitch *vswitch, unsigned index, struct mirror_usage *usage)
{
    const struct mirror *mirror = index < RULES_MIRRORS ? vswitch->mirrors[index] : NULL;

    if (!mirror)
        return false;
    *usage = (struct mirror_usage){
        .rules = &mirror->rules,
        .connected = mirror->v,
        .frames = mirror->frames,
        .bytes = mirror->bytes,
        .lost = mirror->lost,
    };
    return true;
}
