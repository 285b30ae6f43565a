/* SPDX-License-Identifier: ISC */
/**
 * @file switch.h
 * The service as a struct: bridges, ports, tables, and who may call what.
 *
 *     xenbus_backend --> vif.c: a device is a port; connect and disconnect its netif
 *     netif          --> forward.c: bursts from the rings, through the pipeline, into rings
 *     pipeline       --> packet, policy, vlan, limit, fdb, snoop, guard: pure decisions
 *     control        --> rules.c: a generation is applied; control.c: what dom0 asks
 *
 * Ports and bridges have numbers that are reused; a frame under way holds a port's number and its
 * generation, never a pointer.
 */
#ifndef SWITCH_SWITCH_H
#define SWITCH_SWITCH_H

#include "common/service.h"
#include "common/switch_rules.h"
#include "common/xenbus_backend.h"

#include "drop.h"
#include "fdb.h"
#include "limit.h"
#include "netif.h"
#include "policy.h"
#include "snoop.h"

#define SWITCH_PORTS   RULES_PORTS
#define SWITCH_BRIDGES RULES_BRIDGES

/** Addresses that the tables hold, and a port's share of them where rules say nothing: 64 guests
 * and an uplink fill them (XSA-300). */
#define SWITCH_FDB_ENTRIES  16384U
#define SWITCH_FDB_UPLINK   8192U
#define SWITCH_FDB_PORT     128U
#define SWITCH_SNOOP_GROUPS 2048U
#define SWITCH_SNOOP_PORT   64U

struct vswitch;
struct forward; /**< the engine's buffers: forward.h */
struct mirror;  /**< one consumer: mirror.h */
struct events;  /**< the ring of events: events.h */

/** What a port has seen; each grows only. "in": from the guest. Shown by `atoll switch stats`. */
struct port_counters {
    uint64_t in_frames, in_bytes, in_multicast, in_broadcast, in_gso;
    uint64_t out_frames, out_bytes, out_multicast, out_broadcast, out_gso;
    uint64_t drops[DROP_REASON_COUNT]; /**< at this port: the sender's reasons at the sender's */
    uint64_t copies, copy_bytes;       /**< grant copy operations of its frames, as sender */
    uint64_t payload_copies;           /**< of these, guest to guest */
    uint64_t notifications;            /**< events sent to its guest */
    uint64_t kicks;                    /**< events from it */
    uint64_t checksums, segments;      /**< filled in and cut by software for it as receiver */
    uint64_t waited;                   /**< frames that waited for its buffers */
    uint64_t connects;
};

enum storm_kind { STORM_BROADCAST, STORM_MULTICAST, STORM_UNKNOWN, STORM_KINDS };

struct bridge {
    uint16_t number;
    bool used;
    char name[RULES_NAME];
    struct rules_bridge rules; /**< zeroed: defaults */
    unsigned ports;
    struct port_set members; /**< ports that are connected */
};

struct port {
    struct xenbus_device device; /**< of the vif; first, so that it can be cast */
    struct vswitch *vswitch;
    uint16_t number;
    uint32_t generation; /**< of the number's use */
    struct bridge *bridge;
    /** Identity, from nodes that dom0 writes into the backend's directory. */
    uint8_t uuid[16];
    bool identified;
    char guest[64]; /**< its name, printable; "" */
    /** What libxl says, before rules. */
    uint8_t mac[6];
    bool mac_set;
    char libxl_bridge[RULES_NAME];
    struct rules_vlan libxl_vlan;
    bool libxl_vlan_set;
    struct rules_rate libxl_rate;
    struct rules_port libxl_addresses; /**< only ipv4[], ipv6[] */
    bool described;
    bool bad_mac, bad_bridge, bad_vlan, bad_uuid, bad_rate,
        bad_addresses; /**< there and not understood */
    /** In force. */
    const struct rules_port *rules; /**< in vswitch->rules; NULL: none */
    struct policy policy;
    struct rules_vlan vlan;
    struct limit rate_in, rate_out, storm[STORM_KINDS];
    bool isolated, uplink;
    unsigned fdb_limit;
    uint64_t blocked_until; /**< by the loop guard, hv_now(); 0: not */
    /** The netif, while connected. */
    bool connected;
    struct netif netif;
    uint64_t connected_at;
    struct port_counters counters;
    uint8_t multicast[64][6]; /**< what it asked for, where it has multicast control */
    unsigned multicast_count;
    bool multicast_lost; /**< a predecessor was told, and we do not know: it gets all */
    uint8_t mirrors[2];  /**< bits of the mirrors that want what it sends, and what it gets */
    struct forward_port
        *forward; /**< the engine's: what waits for this port, what it may still send */
};

struct vswitch {
    struct service *service;
    struct hv *hv;
    struct arena *arena;
    struct loop *loop;
    struct log *log;
    struct xenbus_backend *backend;
    struct fdb *fdb;
    struct snoop *snoop;
    struct forward *forward;
    struct events *events;
    struct rules *rules; /**< in force; NULL: none yet */
    struct mirror *mirrors[RULES_MIRRORS];
    struct port *ports[SWITCH_PORTS];
    struct bridge bridges[SWITCH_BRIDGES];
    struct list retired_mirrors; /**< their consumers still map them */
    struct timer mirror_timer;
    unsigned mirror_order;
    uint32_t generations; /**< ports so far */
    uint64_t applied;     /**< generations of rules so far */
    bool applying;        /**< an upload of rules is under way */
    bool awaits_rules;    /**< none was given yet, and until then nothing is forwarded */
    bool awaits_ports;    /**< those that were there at the start are being connected: likewise */
    struct timer settled; /**< when that is over in any case */
    struct timer age;
    struct {
        uint64_t bursts, frames, copy_calls, copies, copy_bytes, notifications, mirrored;
    } totals;
};

/**
 * What the service is to be made with: name, @version, handlers, statistics, and pages for mirrors
 * as the command line of @hv says. @vswitch: where vswitch_create() puts itself, and the functions
 * find it; lives as long as the service.
 */
struct service_config vswitch_service(struct hv *hv, const char *version, struct vswitch **vswitch);

/** Make it on @service, whose configuration is vswitch_service()'s. NULL: no memory; the cause is
 * in the log. */
struct vswitch *vswitch_create(struct service *service);
/** Only tests end a service so. */
void vswitch_destroy(struct vswitch *vswitch);

/** The ports that were there at the start have been looked at. */
void vswitch_settled(struct vswitch *vswitch);

/** No bridge of this name is used by a port or named by rules any more: forget it. */
void vswitch_bridges_sweep(struct vswitch *vswitch);

/** The bridge called @name, made if need be; NULL: there are SWITCH_BRIDGES already. */
struct bridge *vswitch_bridge(struct vswitch *vswitch, const char *name);

/*
 * A port's life, as vif.c tells of it (ports.c):
 *
 *     a backend directory appears   port_create(), then port_describe()
 *     its nodes change              port_describe() again
 *     the rings are connected       netif_connect(&port->netif, ...), then port_connect()
 *     they go, or are to go         port_disconnect(), then netif_disconnect(&port->netif)
 *     the directory is gone         port_destroy()
 *
 * The functions below keep bridges, tables, engine, events, mirrors and log in step.
 */

/** A port for the vif @devid of @domid, not connected, under a free number. It lets nothing pass
 * until it is described. NULL, and @why (a literal): there is no number or no memory. */
struct port *port_create(struct vswitch *vswitch, domid_t domid, uint32_t devid, const char **why);

/** What the nodes of its backend directory say, as they stand there; NULL: there is no such node.
 * Not kept: copied. */
struct port_words {
    const char *mac;        /**< "mac" */
    const char *bridge;     /**< "bridge": "name.TAG:TRUNKS" understood */
    const char *vlan;       /**< "vlan": goes before the bridge's */
    const char *rate;       /**< "rate" */
    const char *addresses;  /**< "ip" */
    const char *guest_uuid; /**< "guest-uuid", "guest-name": dom0's agent wrote them */
    const char *guest_name;
};

/**
 * Take note of @words and put in force what follows from them, at once, connected or not. The
 * toolstack wrote them: a word that is not understood is in the log, and a `mac`, `bridge`, `vlan`
 * or `guest-uuid` that is not disables the port unless rules say it better, so that a slip of the
 * pen opens nothing.
 */
void port_describe(struct port *port, const struct port_words *words);

/** Its netif is connected: frames flow from now on. 0; -ENOMEM, and nothing has happened: the
 * caller disconnects the netif. */
int port_connect(struct port *port);

/** Frames stop flowing: none of it is under way any more when this returns, addresses and groups
 * behind it are forgotten. @why: a literal for log and event. Nothing to do if it is not connected.
 */
void port_disconnect(struct port *port, const char *why);

/** The port is over; disconnected first if need be. */
void port_destroy(struct port *port);

/** What people call it, "web1/0": the guest's name, else its uuid, else "dom5". */
#define PORT_NAME_MAX 80U
const char *port_name(const struct port *port, char name[PORT_NAME_MAX]);

/** Find out anew what is in force for @port: after a generation, or when its identity or what libxl
 * says has changed. Loses no frame. */
void port_configure(struct port *port);

/**
 * Put @rules (from the arena, with its @ref port_max ports; taken over) in force as one generation:
 * from one frame to the next. 0; -ENOMEM, -ENOSPC (bridges): @why, a literal, and the old
 * generation goes on, @rules are the caller's again.
 */
int vswitch_apply(struct vswitch *vswitch, struct rules *rules, const char **why);

/** Rules with room for @ports, from the arena; NULL: no memory. */
struct rules *vswitch_rules_alloc(struct vswitch *vswitch, unsigned ports);
void vswitch_rules_free(struct vswitch *vswitch, struct rules *rules);

#endif
