/* SPDX-License-Identifier: ISC */
/**
 * @file switch_rules.h
 * The desired state of a switch: bridges, ports, mirrors. dom0's tool makes it from the operator's
 * file, the switch takes it as one generation; this is the one form both know, and its one encoder
 * and decoder (fields of common/control_fields.h).
 *
 * A port's rules belong to (guest uuid, vif index), whatever domid, MAC or ring the guest has at
 * the time; dom0's own port is that of the uuid of zeros. What a rule does not say is inherited:
 * from the bridge, then from what libxl wrote into the backend's XenStore directory (bridge, vlan,
 * rate, mac, ip).
 */
#ifndef COMMON_SWITCH_RULES_H
#define COMMON_SWITCH_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/control.h"

#define RULES_BRIDGES 16U
#define RULES_PORTS   256U
#define RULES_MIRRORS 8U
#define RULES_NAME    32U /**< of bridges, mirrors: [A-Za-z0-9_-], NUL included */
#define RULES_MACS    8U
#define RULES_IPV4    16U
#define RULES_IPV6    16U
#define RULES_SOURCES 16U /**< of a mirror */

#define RULES_VID_MAX   4094U
#define RULES_MTU_MIN   68U
#define RULES_MTU_MAX   65521U
#define RULES_AGEING    300U /**< seconds, where none is said */
#define RULES_RATE_MAX  UINT64_C(1000000000000)
#define RULES_BURST_MAX UINT64_C(0xffffffff)
/** Seconds, of a bridge (IEEE 802.1D-2004, table 7-5). */
#define RULES_AGEING_MIN 10U
#define RULES_AGEING_MAX 1000000U

/** 802.1Q: which VLANs a port is in, and how its untagged frames are taken. */
struct rules_vlan {
    enum rules_vlan_mode {
        RULES_VLAN_TRANSPARENT, /**< not VLAN-aware: tags pass, all is one LAN (VID 0) */
        RULES_VLAN_ACCESS,      /**< untagged frames of @ref pvid; tagged ones are dropped */
        RULES_VLAN_TRUNK,       /**< tagged frames of @ref allowed; untagged ones are of pvid */
    } mode;
    uint16_t pvid;        /**< 1 to 4094; a trunk's may be 0: it takes no untagged frames */
    bool pvid_tagged;     /**< a trunk's frames of pvid leave with a tag, too (Open vSwitch's
                               native-tagged); nothing that toolstacks write asks for it */
    uint64_t allowed[64]; /**< bitmap of VIDs (a trunk); pvid counts in by itself */
};

/** XenServer's words. */
enum rules_lock { RULES_LOCK_INHERIT, RULES_LOCK_UNLOCKED, RULES_LOCK_LOCKED, RULES_LOCK_DISABLED };

/** Rates in bytes (frames: in frames) a second; rate 0: no limit. burst 0: a default. */
struct rules_rate {
    bool set;
    uint64_t rate, burst;
};

struct rules_prefix {
    uint8_t address[16]; /**< IPv4: the first 4; bits beyond @ref length are 0 */
    uint8_t length;      /**< bits */
};

struct rules_port {
    uint8_t uuid[16];
    uint16_t vif;
    char name[RULES_NAME * 2]; /**< for people: "guest name/vif"; "" */
    char bridge[RULES_NAME];   /**< "": as libxl says, or the default bridge */
    bool vlan_set;
    struct rules_vlan vlan;
    enum rules_lock lock;
    uint8_t macs[RULES_MACS][6]; /**< a locked port's; none: the MAC that libxl says */
    struct rules_prefix ipv4[RULES_IPV4], ipv6[RULES_IPV6]; /**< a locked port's; none: none */
    uint8_t mac_count, ipv4_count, ipv6_count;
    struct rules_rate rate_in;                       /**< from the guest */
    struct rules_rate rate_out;                      /**< to it */
    struct rules_rate broadcast, multicast, unknown; /**< storm control of what it sends, frames */
    bool isolated;                                   /**< does not talk to other isolated ports */
    bool dhcp_server; /**< may be one, and may send router advertisements; uplinks: yes */
    bool dhcp_server_set;
    bool uplink;        /**< everything may come from it: never locked, not limited in addresses */
    bool uplink_set;    /**< said, be it false: dom0's port is one unless that is said */
    uint32_t fdb_limit; /**< addresses learned behind it; 0: the default */
};

struct rules_bridge {
    char name[RULES_NAME];
    uint32_t ageing; /**< seconds; 0: 300 */
    uint16_t mtu;    /**< 68 to 65521; 0: 65521 (no limit but the protocol's) */
    bool snooping;   /**< IGMP and MLD */
    bool loop_guard;
    enum rules_lock lock; /**< of its ports that say nothing: XenServer's default-locking-mode */
    struct rules_rate broadcast, multicast, unknown; /**< of each port that says nothing */
};

enum rules_direction { RULES_INGRESS = 1, RULES_EGRESS = 2, RULES_BOTH = 3 };

/** Ingress: what ports send. Egress: what is delivered to them. */
struct rules_mirror {
    char name[RULES_NAME];   /**< of the vchan that its frames go to: see docs/switch.md */
    uint16_t snap;           /**< bytes of each frame at most; 0: whole */
    uint16_t client;         /**< the domain that may read it */
    char bridge[RULES_NAME]; /**< "": all */
    bool vlan_set;
    uint16_t vlan; /**< only this VID */
    enum rules_direction direction;
    struct { /**< none: all ports of the bridge */
        uint8_t uuid[16];
        uint16_t vif;
        enum rules_direction direction;
    } sources[RULES_SOURCES];
    uint8_t source_count;
};

/** Ports of guests that no rule names. */
enum rules_unknown {
    RULES_UNKNOWN_DEFAULT, /**< as their bridge says */
    RULES_UNKNOWN_HOLD,    /**< nothing passes */
};

/** One generation. Large (allocate it); zeroed but for what is said. */
struct rules {
    uint64_t generation; /**< of the file: grows with each apply, kept by dom0 */
    char digest[65];     /**< SHA-256 of the file, hexadecimal: are both ends of one mind? */
    enum rules_unknown unknown;
    char default_bridge[RULES_NAME]; /**< "": "xenbr0" is whatever libxl says */
    struct rules_bridge bridges[RULES_BRIDGES];
    struct rules_port *ports; /**< the caller's, room for @ref port_max */
    struct rules_mirror mirrors[RULES_MIRRORS];
    unsigned bridge_count, port_count, port_max, mirror_count;
};

/** What is on the wire, in RULES_HEAD. */
#define RULES_VERSION 1U

/**
 * On the wire: records one behind the other, each a control frame (type CONTROL_T_SWITCH_APPLY,
 * kind CONTROL_ITEM) of one group: RULES_HEAD first, then bridges, ports, mirrors, and RULES_TAIL
 * with the counts, so that a cut upload is seen. What a rule does not say has no field. @emit gets
 * each record; nonzero from it ends the encoding with that value.
 *
 * @rules must be sound (rules_check()).
 */
typedef int rules_emit_fn(void *context, const void *record, size_t length);
int rules_encode(const struct rules *rules, rules_emit_fn *emit, void *context);
/** One of them, for who gives them out one at a time: @index below rules_records(). */
unsigned rules_records(const struct rules *rules);
int rules_encode_record(const struct rules *rules, unsigned index, rules_emit_fn *emit,
                        void *context);

/** The fields of a port, bridge, mirror, for whoever shows what is in force; opens no group. */
void rules_put_port(struct control_writer *writer, const struct rules_port *port);
void rules_put_bridge(struct control_writer *writer, const struct rules_bridge *bridge);
void rules_put_mirror(struct control_writer *writer, const struct rules_mirror *mirror);
/**
 * VLAN_MODE, PVID, PVID_TAGGED and, of a trunk, VLANS: pairs of u16 (little endian, as all in the
 * protocol), first and last of a range, ascending; or, where that would take as many bytes or more,
 * the bitmap of 512 bytes, bit VID % 8 of byte VID / 8.
 */
void rules_put_vlan(struct control_writer *writer, const struct rules_vlan *vlan);
/** Read a VLANS field into a bitmap. False: it is none. */
bool rules_get_vlans(const struct control_field *field, uint64_t allowed[64]);

/** How many bytes the text of an error can have, NUL included. */
#define RULES_ERROR_MAX 192U

/**
 * Decodes records as they come, in pieces of any size. A field that it does not know is an error:
 * what an operator asked for must not be left out in silence because the switch is older than the
 * tool.
 */
struct rules_decoder {
    struct rules *rules; /**< to be filled */
    uint8_t record[CONTROL_FRAME_MAX];
    size_t used;
    bool head, tail;
    int failed;                  /**< what rules_decode() returned once, it returns ever after */
    char error[RULES_ERROR_MAX]; /**< what was wrong, for people, with the name of the port or
                                      bridge */
};
/** @rules: only ports and port_max of it count, all else is overwritten. */
void rules_decoder_init(struct rules_decoder *decoder, struct rules *rules);
/** 0; -EINVAL and decoder->error; -ENOSPC and decoder->error: more bridges, ports or mirrors than
 * there is room for. */
int rules_decode(struct rules_decoder *decoder, const void *data, size_t length);
/** All was there and it is sound as a whole (rules_check()). 0, or as rules_decode(). */
int rules_decode_end(struct rules_decoder *decoder);

/**
 * Sound as a whole? Names, ranges, duplicates (two rules for one port, two bridges of one name),
 * bridges and sources that are named but not there. 0, or -EINVAL with @error (@size bytes), which
 * names the port by its name, or by uuid/vif.
 */
int rules_check(const struct rules *rules, char *error, size_t size);

/** A port for people: its name, with "?" for what cannot be printed, or "UUID/VIF"; returns @text.
 */
#define RULES_TITLE_MAX 64U
const char *rules_port_title(const struct rules_port *port, char text[RULES_TITLE_MAX]);

/** The port's rules; NULL: none. */
const struct rules_port *rules_port(const struct rules *rules, const uint8_t uuid[16],
                                    uint16_t vif);
const struct rules_bridge *rules_bridge(const struct rules *rules, const char *name);

/*
 * What toolstacks write. Each: 0, or -EINVAL.
 */

/**
 * Open vSwitch's "name", "name.TAG", "name:T1:T2", "name.TAG:T1:T2" (Xen's vif-openvswitch).
 * *@vlan_set: a TAG or trunks were given. TAG alone: an access port. Trunks: tagged frames of
 * these, and untagged ones of TAG if there is one. (Open vSwitch itself warns and leaves the trunks
 * out when both are given; here both hold.) VIDs are 1 to 4094.
 */
int rules_parse_bridge(const char *text, char name[RULES_NAME], struct rules_vlan *vlan,
                       bool *vlan_set);
/**
 * libxl's vlan= (xl-network-configuration(5)): terms "10", "20-30" and "100+10x4" (100 and 4 more,
 * each 10 up) separated by "/"; "p" behind one VID: the PVID, "u": untagged. One VID alone is an
 * access port's, else there must be one "p", and it is a trunk. More than one untagged VLAN is not
 * supported: -EINVAL.
 */
int rules_parse_vlan(const char *text, struct rules_vlan *vlan);
/** libxl's rate= as it stands in XenStore: "BYTES,MICROSECONDS", to bytes a second and a burst of
 * BYTES. 0 microseconds: no limit, as in Linux' netback. */
int rules_parse_rate(const char *text, struct rules_rate *rate);
/**
 * libxl's ip= (addresses with optional prefix length, separated by spaces or commas) to @port's
 * ipv4 and ipv6, of which none are kept. As Xen's vif scripts hand it to iptables, a prefix length
 * allows the whole network, whatever bits the address has beyond it.
 */
int rules_parse_addresses(const char *text, struct rules_port *port);
int rules_parse_mac(const char *text, uint8_t mac[6]);
int rules_parse_uuid(const char *text, uint8_t uuid[16]);

#endif
