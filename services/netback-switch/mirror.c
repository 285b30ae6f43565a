/* SPDX-License-Identifier: ISC */
/*
 * Each mirror is a listener with one ring. What a burst gives it is put together in private memory
 * and written at once. A record is begun only where there is room for all of it, as the consumer's
 * index said when it was last looked at; where there is none, frames are lost until the end of the
 * burst, with one more look at most in each.
 */
#include "mirror.h"

#include <string.h>

#include "common/mirror_wire.h"

#include "mirror_state.h"

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

void mirror_find_ports(struct vswitch *vswitch)
{
    for (unsigned i = 0; i < SWITCH_PORTS; i++)
        if (vswitch->ports[i])
            find_mirrors(vswitch->ports[i]);
}

void mirrors_port_changed(struct port *port)
{
    find_mirrors(port);
    for (unsigned i = 0; i < RULES_MIRRORS; i++)
        if (port->vswitch->mirrors[i]) {
            exclude(&port->vswitch->mirrors[i]->told, port->number);
            port->vswitch->mirrors[i]->untold = true;
        }
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
        size_t part = MIRROR_BATCH - mirror->used < length ? MIRROR_BATCH - mirror->used : length;

        memcpy(mirror->batch + mirror->used, from, part);
        mirror->used += part;
        from += part;
        length -= part;
        if (mirror->used == MIRROR_BATCH)
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

/* Who only receives is to have a name as well: not only those are told whose frames come. */
static void put_ports(struct mirror *mirror)
{
    const struct vswitch *vswitch = mirror->vswitch;

    if (!mirror->untold)
        return;
    for (unsigned i = 0; i < SWITCH_PORTS; i++) {
        const struct port *port = vswitch->ports[i];

        if (!port || !directions(&mirror->rules, port) || has(&mirror->told, port->number))
            continue;
        if (!make_room(mirror, port_length(port)))
            return;
        put_port(mirror, port);
    }
    mirror->untold = false;
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

static void wait_no_more(struct mirror *mirror)
{
    if (mirror->waits)
        timer_cancel(&mirror->late);
    mirror->waits = false;
}

void mirror_flush(struct mirror *mirror)
{
    wait_no_more(mirror);
    mirror->blocked = false;
    put_gone(mirror);
    put_ports(mirror);
    write_batch(mirror);
}

static void late(struct timer *timer)
{
    struct mirror *mirror = LIST_ENTRY(timer, struct mirror, late);

    mirror->waits = false;
    mirror_flush(mirror);
}

static void flush_soon(struct mirror *mirror)
{
    mirror->blocked = false;
    put_gone(mirror);
    if (mirror->used >= MIRROR_SOON) {
        mirror_flush(mirror);
    } else if (mirror->used && !mirror->waits) {
        mirror->waits = true;
        timer_init(&mirror->late, late);
        timer_set(mirror->vswitch->loop, &mirror->late, hv_now(mirror->vswitch->hv) + MIRROR_LATE);
    }
}

void mirrors_flush(struct vswitch *vswitch)
{
    for (unsigned i = 0; i < RULES_MIRRORS; i++)
        if (vswitch->mirrors[i] && vswitch->mirrors[i]->v)
            flush_soon(vswitch->mirrors[i]);
}

void mirror_end(struct mirror *mirror)
{
    wait_no_more(mirror);
    mirror->v = NULL;
    mirror->used = 0;
}

void mirror_begin(struct mirror *mirror, struct vchan *v)
{
    struct hv *hv = mirror->vswitch->hv;

    mirror->v = v;
    mirror->blocked = false;
    mirror->room = mirror->used = 0;
    mirror->missing = 0;
    mirror->clock = hv_wallclock(hv) - hv_now(hv);
    memset(&mirror->told, 0, sizeof(mirror->told));
    memset(&mirror->known, 0, sizeof(mirror->known));
    memset(&mirror->gone, 0, sizeof(mirror->gone));
    mirror->untold = true;
    put_hello(mirror);
}

void mirror_go_on(struct mirror *mirror)
{
    mirror->blocked = false;
    put_lost(mirror);
    mirror_flush(mirror);
}
