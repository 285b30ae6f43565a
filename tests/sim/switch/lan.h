/* SPDX-License-Identifier: ISC */
/**
 * @file lan.h
 * The engine among simulated guests, without XenStore and control: a struct vswitch with tables,
 * engine and ports, each port's guest a domain with a frontend. Rules are written into the ports
 * by the test.
 */
#ifndef TESTS_SIM_SWITCH_LAN_H
#define TESTS_SIM_SWITCH_LAN_H

#include "frontend.h"
#include "hv/sim/sim.h"
#include "services/netback-switch/fdb.h"
#include "services/netback-switch/forward.h"
#include "services/netback-switch/snoop.h"

#define LAN_SWITCH 1U  /**< its domid */
#define LAN_GUEST  10U /**< domid of guest 0; each has one vif */
#define LAN_PORTS  72U

struct lan_guest {
    struct hv *hv;
    struct frontend *frontend;
    struct port *port;
    unsigned failed; /**< times that its netif was ended */
    const char *why;
};

struct lan {
    struct sim *sim;
    uint64_t seed;
    struct hv *hv;
    struct loop loop;
    void *arena_pages;
    void *log_memory;
    struct vswitch vswitch;
    struct lan_guest guest[LAN_PORTS];
    unsigned guests;
    uint64_t steps; /**< of the switch */
};

/** A switch with one bridge and no ports. */
struct lan *lan_create(uint64_t seed);
/** One more guest, connected to bridge 0; hv and backend of @config are filled in. */
struct lan_guest *lan_add(struct lan *lan, struct frontend_config config);
/** Connect and disconnect its vif, as the switch does. */
int lan_connect(struct lan *lan, struct lan_guest *guest);
void lan_disconnect(struct lan *lan, struct lan_guest *guest);
/** The guest dies; the switch hears of it later, by lan_disconnect(). */
void lan_kill(struct lan *lan, struct lan_guest *guest);
/** The switch's domain is gone, wherever it was. Until lan_succeed() only guests run. */
void lan_end(struct lan *lan);
/** Its successor, of the same number, takes the vifs over; one that it cannot counts as failed. */
void lan_succeed(struct lan *lan);
/** Run until all is done, but no longer than @time. */
void lan_run(struct lan *lan, uint64_t time);
/** Let everybody be known, so that unicast is not flooded. */
void lan_learn(struct lan *lan);
/** Disconnect all, and see that nothing is left over. */
void lan_destroy(struct lan *lan);

/** 02:00:00:00:00:GUEST. */
void lan_mac(uint8_t mac[6], unsigned guest);

/** What a frame is to be. */
struct lan_frame {
    unsigned from, to; /**< guests; LAN_BROADCAST, LAN_UNKNOWN, LAN_MULTICAST */
    enum { LAN_PLAIN, LAN_UDP4, LAN_TCP4, LAN_UDP6, LAN_TCP6 } kind;
    size_t length; /**< of all of it, without the tag */
    bool tagged;
    uint16_t tci;
    bool blank; /**< the checksum is the pseudo header's only */
};
#define LAN_BROADCAST 1000U
#define LAN_UNKNOWN   1001U
#define LAN_MULTICAST 1002U

/** Write it to @data (room for 65,540 bytes). Returns its length, with the tag. */
size_t lan_build(uint8_t *data, const struct lan_frame *frame);
/** Is the checksum of the TCP or UDP frame right? Reckoned plainly. */
bool lan_checksum_right(const uint8_t *data, size_t length);

/** Send it from guest @from; asserts that the ring took it. */
void lan_send(struct lan *lan, unsigned from, const struct frontend_tx *tx);
/** Guest @to has got exactly @data, and nothing else before; true flags as @flags. */
void lan_expect(struct lan *lan, unsigned to, const uint8_t *data, size_t length);
/** It has got nothing. */
void lan_expect_none(struct lan *lan, unsigned to);

#define LAN_PLENTY                                                                                 \
    (struct frontend_config)                                                                       \
    {                                                                                              \
        .buffers = 128, .split = true, .sg = true, .gso_tcpv4 = true, .gso_tcpv6 = true,           \
        .ipv6_csum = true                                                                          \
    }

#endif
