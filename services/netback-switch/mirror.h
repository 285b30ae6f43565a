/* SPDX-License-Identifier: ISC */
/**
 * @file mirror.h
 * Copies of frames for a consumer in another domain, over a vchan of its own: what the monitor is
 * fed with. A consumer that does not keep up loses frames, which are counted, and never slows a
 * port.
 *
 * The stream, little endian, after docs/switch.md: records, each a u32 length of the whole record
 * (a multiple of 8), a u8 kind, u8 flags, and so on as in struct mirror_record of
 * common/mirror_wire.h, which is the format's one definition, for writer and reader.
 */
#ifndef SWITCH_MIRROR_H
#define SWITCH_MIRROR_H

#include "common/switch_rules.h"

#include "packet.h"

struct vswitch;
struct port;
struct mirror;

/** Bytes of the ring that a consumer reads: 1 << the order. `mirror=KIB` on the command line. */
#define MIRROR_ORDER_DEFAULT 17U
#define MIRROR_ORDER_MIN     14U
#define MIRROR_ORDER_MAX     20U

/** Pages to leave out of the arena for the rings of RULES_MIRRORS mirrors. */
size_t mirrors_pages(unsigned order);

/**
 * Make or change what @rules say (NULL: no mirrors): called at each generation, before it is in
 * force. A mirror of the same name and client keeps its consumer, who loses nothing; but where the
 * snap length changes it has to come again. All or nothing: -ENOMEM.
 */
int mirrors_apply(struct vswitch *vswitch, const struct rules *rules);
/** Before the first. */
void mirrors_create(struct vswitch *vswitch);
void mirrors_destroy(struct vswitch *vswitch);

/** What is in force for @port has changed, or it has just come: who mirrors it? */
void mirrors_port_changed(struct port *port);
/** It is over: consumers are told. */
void mirrors_port_gone(struct port *port);

/** How many bytes of a frame from (ingress) or to (egress) this port in @vid some mirror wants: 0
 * none, PACKET_HEADER_MAX or less: the snapshot will do, else more of it (65535: whole). A quick
 * look. */
unsigned mirror_wants(const struct vswitch *vswitch, const struct port *port,
                      enum rules_direction direction, uint16_t vid);

/** What is said of a frame beside its bytes. */
struct mirror_about {
    enum rules_direction direction; /**< RULES_INGRESS or RULES_EGRESS */
    uint16_t vid;
    uint16_t mss;  /**< with MIRROR_GSO */
    uint8_t flags; /**< MIRROR_BLANK, MIRROR_GSO of common/mirror_wire.h */
};

/** Give it to the mirrors that want it: @captured bytes of it at @data (private memory), of a frame
 * of @length; @now: hv_now(). */
void mirror_frame(struct vswitch *vswitch, const struct port *port,
                  const struct mirror_about *about, const uint8_t *data, size_t captured,
                  size_t length, uint64_t now);

/** After a burst: tell consumers. */
void mirrors_flush(struct vswitch *vswitch);

/** Connected consumers, frames given and lost; false: no such mirror (@index). */
struct mirror_usage {
    const struct rules_mirror *rules;
    bool connected;
    uint64_t frames, bytes, lost;
};
bool mirror_usage(const struct vswitch *vswitch, unsigned index, struct mirror_usage *usage);

#endif
