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

/** Make or change what @rules say: called at each generation. Consumers that stay connected lose
 * nothing. */
int mirrors_apply(struct vswitch *vswitch, const struct rules *rules);
void mirrors_destroy(struct vswitch *vswitch);

/** How many bytes of a frame from (ingress) or to (egress) this port in @vid some mirror wants: 0
 * none, PACKET_HEADER_MAX or less: the snapshot will do, else more of it (65535: whole). A quick
 * look. */
unsigned mirror_wants(const struct vswitch *vswitch, const struct port *port,
                      enum rules_direction direction, uint16_t vid);

/** Give it to the mirrors that want it: @captured bytes of it at @data (private memory). */
void mirror_frame(struct vswitch *vswitch, const struct port *port, enum rules_direction direction,
                  uint16_t vid, const uint8_t *data, size_t captured, size_t length, uint64_t now);

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
