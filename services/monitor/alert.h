/* SPDX-License-Identifier: ISC */
/**
 * @file alert.h
 * What is worth an operator's attention: scans, floods, spoofing. Each kind keeps a small fixed
 * table per port; a guest that fills it with noise hides itself at most from that kind, which is
 * counted, and no other guest.
 */
#ifndef MONITOR_ALERT_H
#define MONITOR_ALERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode.h"

/** The greatest threshold of a scan: what is counted in a bitmap of ALERT_SCAN_BITS. */
#define ALERT_SCAN_MAX  1000U
#define ALERT_SCAN_BITS 1024U

enum alert_kind {
    ALERT_PORT_SCAN = 0, /**< one host, many ports */
    ALERT_HOST_SCAN,     /**< one port, many hosts */
    ALERT_SYN_FLOOD,     /**< many SYNs to one service, few of them answered */
    ALERT_ARP_SPOOFING,  /**< an IPv4 address moves to another MAC */
    ALERT_ND_SPOOFING,   /**< the same of IPv6 */
    ALERT_DHCP_SERVER,   /**< DHCP or DHCPv6 answers, router advertisements, from a guest's port */
    ALERT_MAC_MOVED,     /**< a MAC on two ports */
    ALERT_RATE,          /**< a guest over its usual rate */
    ALERT_KINDS
};

/** Thresholds; 0 turns a kind off. */
struct alert_limits {
    uint32_t scan_ports;  /**< ports of one host that one host tries in vain within @ref window;
                               100, at most ALERT_SCAN_MAX */
    uint32_t scan_hosts;  /**< hosts that it tries in vain, at one port; 100 */
    uint32_t window;      /**< seconds; 10 */
    uint32_t syn_flood;   /**< unanswered SYNs a second to one address and port; 500 */
    uint32_t spoofing;    /**< 1: on */
    uint32_t dhcp_server; /**< 1: on */
    uint32_t mac_moved;   /**< 1: on */
    uint32_t rate_factor; /**< times its usual rate of a minute; 8 */
    uint64_t rate_floor;  /**< bytes a second below which no rate is unusual; 1,250,000 */
    uint32_t again;       /**< seconds before the same alert of the same port comes again; 300;
                               never more often than once a second */
};

struct alert {
    uint64_t time;
    uint8_t kind;      /**< enum alert_kind */
    uint8_t severity;  /**< syslog's: 2 critical to 5 notice */
    uint16_t identity; /**< of the port that did it: engine_identity() */
    uint16_t other;    /**< of another port that it is about; 0 */
    uint8_t family;    /**< of the addresses: 4, 6, 0 */
    uint8_t protocol;
    uint8_t source[16], destination[16];
    uint16_t port; /**< TCP or UDP; 0 */
    uint16_t vid;
    uint8_t mac[6], mac_before[6];
    uint64_t value, limit; /**< what was counted, and the threshold it passed */
    uint64_t suppressed;   /**< same alerts since the last one that was told */
    char evidence[256];    /**< a sentence for people, printable ASCII */
};

struct alerts;
/** Defaults as documented above. */
void alert_limits_default(struct alert_limits *limits);
/** Zero where @limits make sense; else the name of what does not. */
const char *alert_limits_wrong(const struct alert_limits *limits);

/** Bytes that it needs, and make it in zeroed memory, aligned to 64; @ports: how many it tells
 * apart. @alert is called from within the functions below. */
size_t alerts_size(unsigned ports);
struct alerts *alerts_create(void *memory, unsigned ports, const struct alert_limits *limits,
                             uint64_t key, void (*alert)(void *context, const struct alert *alert),
                             void *context);
void alerts_configure(struct alerts *alerts, const struct alert_limits *limits);

/** What a frame is to its flow. */
enum alert_event {
    ALERT_FRAME = 0, /**< nothing new */
    ALERT_BEGUN,     /**< it began it */
    ALERT_ANSWERED,  /**< it is the first from the other side */
};

struct alert_frame {
    uint64_t now;
    uint16_t from, to;       /**< identities of the ports; 0: not known, of files */
    uint16_t lan, vid;       /**< vid: the frame's own, or that which the switch has put it in */
    bool from_many, to_many; /**< behind that port is no single guest: an uplink, a file */
    enum alert_event event;
    const uint8_t *frame;
    uint32_t captured;
    const struct decoded *decoded;
};

/** Is it worth to call alerts_frame()? For each frame. */
static inline bool alerts_cares(const struct decoded *decoded, enum alert_event event)
{
    if (event != ALERT_FRAME || decoded->family == DECODE_ARP)
        return true;
    switch (decoded->protocol) {
    case 6:
        return decoded->tcp_flags & DECODE_TCP_SYN;
    case 17:
        return decoded->source_port == 67 || decoded->destination_port == 68 ||
               decoded->destination_port == 546;
    case 58:
        return true;
    default:
        return false;
    }
}

/** Look at a frame that alerts_cares() about. */
void alerts_frame(struct alerts *alerts, const struct alert_frame *frame);
/** @mac was learned on @identity and was on @before until then, whose frame is not @age ns old. */
void alerts_moved(struct alerts *alerts, uint64_t now, uint16_t identity, uint16_t before,
                  const uint8_t mac[6], uint64_t age);
/** Once a second and port: @bytes of the last second from it. */
void alerts_rate(struct alerts *alerts, uint64_t now, uint16_t identity, uint64_t bytes);
/** A port's identity is used by somebody else from now on. */
void alerts_forget(struct alerts *alerts, uint16_t identity);
uint64_t alerts_told(const struct alerts *alerts);
uint64_t alerts_suppressed(const struct alerts *alerts);

/** "port-scan", "syn-flood"... */
const char *alert_name(enum alert_kind kind);

#endif
