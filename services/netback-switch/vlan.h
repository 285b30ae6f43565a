/* SPDX-License-Identifier: ISC */
/**
 * @file vlan.h
 * IEEE 802.1Q at a port: in which VLAN a frame arrives, whether it may leave by a port, and with
 * which tag. Pure functions.
 *
 * A transparent port is in one LAN with the other transparent ones of its bridge (VID 0), whatever
 * tags its frames carry; what has a VID goes to access ports and trunks alone. So an uplink that
 * is to carry tags to and from access ports has to be a trunk.
 *
 * A tag that is taken off never uncovers another one: such a frame is dropped. Otherwise a guest
 * could reach a VLAN that it is not in by sending two tags (VLAN hopping).
 */
#ifndef SWITCH_VLAN_H
#define SWITCH_VLAN_H

#include "common/switch_rules.h"

#include "packet.h"

#define VLAN_VID 0x0fffU /**< of a TCI */

/** The VLAN in which the frame arrives by a port of @vlan; false: DROP_VLAN. */
bool vlan_ingress(const struct rules_vlan *vlan, const struct packet *packet, uint16_t *vid);

/** What is to become of a frame's outer tag. */
enum vlan_form {
    VLAN_NONE,     /**< it may not leave here */
    VLAN_AS_IS,    /**< nothing is to be done */
    VLAN_TAGGED,   /**< a tag is added, or its VID changed */
    VLAN_UNTAGGED, /**< its tag is taken off */
};

/** How a frame that arrived in @vid leaves by a port of @vlan. */
enum vlan_form vlan_egress(const struct rules_vlan *vlan, const struct packet *packet,
                           uint16_t vid);

/** The header that @form makes of the @length bytes at @in, the first ones of the frame that
 * @packet describes, into @out (room for 4 more). Returns its length. */
unsigned vlan_rewrite(uint8_t *out, const uint8_t *in, unsigned length, const struct packet *packet,
                      uint16_t vid, enum vlan_form form);

#endif
