/* SPDX-License-Identifier: ISC */
#include "vlan.h"

#include <string.h>

#define TPID 0x8100U

static bool allowed(const struct rules_vlan *vlan, uint16_t vid)
{
    return vid == vlan->pvid || (vlan->allowed[vid / 64] >> vid % 64 & 1);
}

bool vlan_ingress(const struct rules_vlan *vlan, const struct packet *packet, uint16_t *vid)
{
    uint16_t tag = packet->tagged ? packet->tci & VLAN_VID : 0;

    *vid = 0;
    if (vlan->mode == RULES_VLAN_TRANSPARENT)
        return true;
    /* VID 0 is a priority and no VLAN (802.1Q 9.6), 4095 is reserved. */
    *vid = tag ? tag : vlan->pvid;
    if (*vid == 0 || *vid == VLAN_VID)
        return false;
    if (vlan->mode == RULES_VLAN_ACCESS)
        return tag == 0 && !(packet->tagged && packet->stacked);
    return allowed(vlan, *vid);
}

enum vlan_form vlan_egress(const struct rules_vlan *vlan, const struct packet *packet, uint16_t vid)
{
    bool tag;

    if (vlan->mode == RULES_VLAN_TRANSPARENT)
        return vid == 0 ? VLAN_AS_IS : VLAN_NONE;
    if (vid == 0)
        return VLAN_NONE;
    if (vlan->mode == RULES_VLAN_ACCESS) {
        if (vid != vlan->pvid)
            return VLAN_NONE;
        tag = false;
    } else {
        if (!allowed(vlan, vid))
            return VLAN_NONE;
        tag = vid != vlan->pvid || vlan->pvid_tagged;
    }
    if (tag)
        return packet->tagged && (packet->tci & VLAN_VID) == vid ? VLAN_AS_IS : VLAN_TAGGED;
    if (!packet->tagged)
        return VLAN_AS_IS;
    return packet->stacked ? VLAN_NONE : VLAN_UNTAGGED;
}

unsigned vlan_rewrite(uint8_t *out, const uint8_t *in, unsigned length, const struct packet *packet,
                      uint16_t vid, enum vlan_form form)
{
    unsigned old = packet->tagged ? ETHER_TAG : 0, new = form == VLAN_TAGGED ? ETHER_TAG : 0;
    const unsigned macs = 12;

    if (form == VLAN_AS_IS)
        old = new = 0;
    memcpy(out, in, macs);
    if (new) {
        /* Priority and drop eligibility stay. */
        uint16_t tci = (uint16_t)((packet->tagged ? packet->tci & ~VLAN_VID : 0) | vid);

        out[macs] = TPID >> 8;
        out[macs + 1] = TPID & 0xff;
        out[macs + 2] = (uint8_t)(tci >> 8);
        out[macs + 3] = (uint8_t)tci;
    }
    memcpy(out + macs + new, in + macs + old, length - macs - old);
    return length - old + new;
}
