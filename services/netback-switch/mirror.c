/* SPDX-License-Identifier: ISC */
/*
 * Each mirror is a listener with one ring. What a burst gives it is put together in private memory
 * and written at once. A record is begun only where there is room for all of it, as the consumer's
 * index said when it was last looked at; where there is none, frames are lost until the end of the
 * burst, with one more look at most in each.
 */
#include "mirror.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/mirror_wire.h"

#include "bridges.h"
#include "events.h"
#include "switch.h"

#define LEFT_ORDER 10U /* the ring that consumers could write; nobody reads it */
#define BATCH      16384U
#define RETIRE     HV_SEC

struct mirror {
    struct list retired;
    struct vswitch *vswitch;
    struct rules_mirror rules;
    char name[RULES_NAME + 8]; /* of the vchan */
    struct listener *listener;
    size_t listener_size;
    struct vchan *v;       /* NULL: no consumer */
    bool blocked;          /* there was no room: until the burst ends or the consumer has read */
    size_t room;           /* bytes that the ring has beyond those of the batch */
    size_t used;           /* bytes of the batch */
    uint64_t clock;        /* wall clock of hv_now() 0 */
    uint64_t missing;      /* frames lost since the last record */
    struct port_set told;  /* ports whose identity was told as it is now */
    struct port_set known; /* or as it was once, */
    struct port_set gone;  /* and whose end is still to be told */
    uint64_t frames, bytes, lost;
    uint8_t batch[BATCH];
};

static uint64_t *word(struct port_set *set, unsigned number)
{
    return &set->bits[number / 64];
}

static bool has(struct port_set *set, unsigned number)
{
    return *word(set, number) >> (number % 64) & 1;
}

static void include(struct port_set *set, unsigned number)
{
    *word(set, number) |= UINT64_C(1) << (number % 64);
}

static void exclude(struct port_set *set, unsigned number)
{
    *word(set, number) &= ~(UINT64_C(1) << (number % 64));
}

/* --- who mirrors whom --------------------------------------------------------------------------
 */

/* The directions in which the mirror wants the port's frames. */
static unsigned directions(const struct rules_mirror *rules, const struct port *port)
{
    unsigned found = 0;

    if (!port->bridge || (rules->bridge[0] && strcmp(rules->bridge, port->bridge->name) != 0))
        return 0;
    if (!rules->source_count)
        return rules->direction;
    for (unsigned i = 0; port->identified && i < rules->source_count; i++)
        if (!memcmp(rules->sources[i].uuid, port->uuid, sizeof(port->uuid)) &&
            rules->sources[i].vif == port->device.devid)
            found |= rules->sources[i].direction;
    return found;
}

static void find_mirrors(struct port *port)
{
    struct vswitch *vswitch = port->vswitch;

    port->mirrors[0] = port->mirrors[1] = 0;
    for (unsigned i = 0; i < RULES_MIRRORS; i++) {
        const struct mirror *mirror = vswitch->mirrors[i];
        unsigned found = mirror && mirror->v ? directions(&mirror->rules, port) : 0;

        if (found & RULES_INGRESS)
            port->mirrors[0] |= (uint8_t)(1U << i);
        if (found & RULES_EGRESS)
            port->mirrors[1] |= (uint8_t)(1U << i);
    }
}

static void find_all(struct vswitch *vswitch)
{
    for (unsigned i = 0; i < SWITCH_PORTS; i++)
        if (vswitch->ports[i])
            find_mirrors(vswitch->ports[i]);
}

void mirrors_port_changed(struct port *port)
{
    find_mirrors(port);
    for (unsigned i = 0; i < RULES_MIRRORS; i++)
        if (port->vswitch->mirrors[i])
            exclude(&port->vswitch->mirrors[i]->told, port->number);
}

void mirrors_port_gone(struct port *port)
{
    for (unsigned i = 0; i < RULES_MIRRORS; i++) {
        struct mirror *mirror = port->vswitch->mirrors[i];

        if (!mirror || !has(&mirror->known, port->number))
            continue;
        exclude(&mirror->told, port->number);
        exclude(&mirror->known, port->number);
        include(&mirror->gone, port->number);
    }
}

/* --- records -----------------------------------------------------------------------------------
 */

static size_t padded(size_t length)
{
    return (length + 7) & ~(size_t)7;
}

/* The batch goes into the ring, which has room for it; else the consumer lies, and is let go. */
static void write_batch(struct mirror *mirror)
{
    size_t used = mirror->used;

    mirror->used = 0;
    if (!used || !mirror->v)
        return;
    if (vchan_write(mirror->v, mirror->batch, used) != (int)used)
        listener_disconnect(mirror->listener, 0);
}

/* Is there room for @length bytes more? */
static bool make_room(struct mirror *mirror, size_t length)
{
    int room;

    if (!mirror->v || mirror->blocked)
        return false;
    if (mirror->room >= length)
        return true;
    room = vchan_writable(mirror->v, mirror->used + length);
    mirror->room = room > (int)mirror->used ? (size_t)room - mirror->used : 0;
    mirror->blocked = mirror->room < length;
    return !mirror->blocked;
}

/* Put bytes for which there is room. */
static void put(struct mirror *mirror, const void *data, size_t length)
{
    const uint8_t *from = data;

    mirror->room -= length;
    while (length) {
        size_t part = BATCH - mirror->used < length ? BATCH - mirror->used : length;

        memcpy(mirror->batch + mirror->used, from, part);
        mirror->used += part;
        from += part;
        length -= part;
        if (mirror->used == BATCH)
            write_batch(mirror);
    }
}

static void pad(struct mirror *mirror, size_t length)
{
    static const uint8_t zeros[8];

    put(mirror, zeros, padded(length) - length);
}

static void put_hello(struct mirror *mirror)
{
    const struct mirror_hello hello = {
        .record = {.length = sizeof(hello), .kind = MIRROR_HELLO},
        .version = MIRROR_VERSION,
        .snap = mirror->rules.snap ? mirror->rules.snap : UINT16_MAX,
        .started = mirror->clock,
    };

    if (make_room(mirror, sizeof(hello)))
        put(mirror, &hello, sizeof(hello));
}

static size_t port_length(const struct port *port)
{
    return padded(sizeof(struct mirror_port) + strlen(port->bridge->name) + strlen(port->guest));
}

static void put_port(struct mirror *mirror, const struct port *port)
{
    struct mirror_port record = {
        .record = {.length = (uint32_t)port_length(port),
                   .kind = MIRROR_PORT,
                   .port = port->number},
        .domid = port->device.domid,
        .vif = (uint16_t)port->device.devid,
        .identified = port->identified,
        .uplink = port->uplink,
        .bridge_length = (uint8_t)strlen(port->bridge->name),
        .guest_length = (uint8_t)strlen(port->guest),
    };

    memcpy(record.mac, port->mac, sizeof(record.mac));
    memcpy(record.uuid, port->uuid, sizeof(record.uuid));
    put(mirror, &record, sizeof(record));
    put(mirror, port->bridge->name, record.bridge_length);
    put(mirror, port->guest, record.guest_length);
    pad(mirror, sizeof(record) + record.bridge_length + record.guest_length);
    include(&mirror->told, port->number);
    include(&mirror->known, port->number);
    exclude(&mirror->gone, port->number);
}

static void put_lost(struct mirror *mirror)
{
    const struct mirror_lost lost = {
        .record = {.length = sizeof(lost), .kind = MIRROR_LOST},
        .frames = mirror->missing,
    };

    if (!mirror->missing || !make_room(mirror, sizeof(lost)))
        return;
    put(mirror, &lost, sizeof(lost));
    mirror->missing = 0;
}

/* Tell of ports that are gone, as far as there is room. */
static void put_gone(struct mirror *mirror)
{
    for (unsigned i = 0; i < SWITCH_PORTS; i++) {
        const struct mirror_port record = {
            .record = {.length = (uint32_t)padded(sizeof(record)),
                       .kind = MIRROR_GONE,
                       .port = (uint16_t)i},
        };

        if (!mirror->gone.bits[i / 64]) {
            i |= 63;
            continue;
        }
        if (!has(&mirror->gone, i))
            continue;
        if (!make_room(mirror, record.record.length))
            return;
        put(mirror, &record, sizeof(record));
        pad(mirror, sizeof(record));
        exclude(&mirror->gone, i);
    }
}

/* --- frames ------------------------------------------------------------------------------------
 */

static bool wants_vlan(const struct mirror *mirror, uint16_t vid)
{
    return !mirror->rules.vlan_set || mirror->rules.vlan == vid;
}

unsigned mirror_wants(const struct vswitch *vswitch, const struct port *port,
                      enum rules_direction direction, uint16_t vid)
{
    uint8_t mirrors = port->mirrors[direction == RULES_EGRESS];
    unsigned wanted = 0;

    for (unsigned i = 0; mirrors; i++, mirrors >>= 1) {
        const struct mirror *mirror = vswitch->mirrors[i];
        unsigned snap;

        if (!(mirrors & 1) || !mirror->v || !wants_vlan(mirror, vid))
            continue;
        snap = mirror->rules.snap ? mirror->rules.snap : UINT16_MAX;
        if (mirror->blocked) /* it will only be counted */
            snap = 1;
        if (snap > wanted)
            wanted = snap;
    }
    return wanted;
}

static void give(struct mirror *mirror, const struct port *port, const struct mirror_about *about,
                 const uint8_t *data, size_t captured, size_t length, uint64_t now)
{
    struct mirror_frame_record record = {
        .record = {.kind = MIRROR_FRAME, .port = port->number},
        .time = mirror->clock + now,
        .original = (uint32_t)length,
        .vid = about->vid,
        .mss = about->flags & MIRROR_GSO ? about->mss : 0,
        .frame_flags = about->flags & (MIRROR_BLANK | MIRROR_GSO),
    };
    size_t need;

    if (mirror->rules.snap && captured > mirror->rules.snap)
        captured = mirror->rules.snap;
    if (about->direction == RULES_EGRESS)
        record.frame_flags |= MIRROR_EGRESS;
    record.captured = (uint32_t)captured;
    record.record.length = (uint32_t)padded(sizeof(record) + captured);
    need = record.record.length + (mirror->missing ? sizeof(struct mirror_lost) : 0) +
           (has(&mirror->told, port->number) ? 0 : port_length(port));
    if (!make_room(mirror, need)) {
        mirror->lost++;
        mirror->missing++;
        return;
    }
    put_lost(mirror);
    if (!has(&mirror->told, port->number))
        put_port(mirror, port);
    put(mirror, &record, sizeof(record));
    put(mirror, data, captured);
    pad(mirror, sizeof(record) + captured);
    mirror->frames++;
    mirror->bytes += captured;
}

void mirror_frame(struct vswitch *vswitch, const struct port *port,
                  const struct mirror_about *about, const uint8_t *data, size_t captured,
                  size_t length, uint64_t now)
{
    uint8_t mirrors = port->mirrors[about->direction == RULES_EGRESS];

    for (unsigned i = 0; mirrors; i++, mirrors >>= 1)
        if ((mirrors & 1) && wants_vlan(vswitch->mirrors[i], about->vid) &&
            vswitch->mirrors[i]->v) {
            give(vswitch->mirrors[i], port, about, data, captured, length, now);
            vswitch->totals.mirrored++;
        }
}

static void flush(struct mirror *mirror)
{
    mirror->blocked = false;
    put_gone(mirror);
    write_batch(mirror);
}

void mirrors_flush(struct vswitch *vswitch)
{
    for (unsigned i = 0; i < RULES_MIRRORS; i++)
        if (vswitch->mirrors[i] && vswitch->mirrors[i]->v)
            flush(vswitch->mirrors[i]);
}

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
    struct hv *hv = mirror->vswitch->hv;

    (void)slot;
    mirror->v = v;
    mirror->blocked = false;
    mirror->room = mirror->used = 0;
    mirror->missing = 0;
    mirror->clock = hv_wallclock(hv) - hv_now(hv);
    memset(&mirror->told, 0, sizeof(mirror->told));
    memset(&mirror->known, 0, sizeof(mirror->known));
    memset(&mirror->gone, 0, sizeof(mirror->gone));
    put_hello(mirror);
    find_all(mirror->vswitch);
    tell(mirror, "connected");
    write_batch(mirror);
}

/* It has read, and there is room. */
static void event(void *context, unsigned slot, struct vchan *v)
{
    struct mirror *mirror = context;

    (void)slot;
    (void)v;
    mirror->blocked = false;
    put_lost(mirror);
    flush(mirror);
}

static void disconnected(void *context, unsigned slot)
{
    struct mirror *mirror = context;

    (void)slot;
    mirror->v = NULL;
    mirror->used = 0;
    find_all(mirror->vswitch);
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
    find_all(vswitch);
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
