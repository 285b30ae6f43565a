/* SPDX-License-Identifier: ISC */
/**
 * @file play.h
 * An engine for tests: small frames by their addresses, and what it says has ended.
 */
#ifndef TESTS_UNIT_MONITOR_PLAY_H
#define TESTS_UNIT_MONITOR_PLAY_H

#include "services/monitor/engine.h"

#include "tests/unit/unit.h"

#define PLAY_SECOND UINT64_C(1000000000)
/** When it begins: a time of day, in ns. */
#define PLAY_START (UINT64_C(1700000000) * PLAY_SECOND)
#define PLAY_ENDED 4096U

#define PLAY_FIN 0x01U
#define PLAY_SYN 0x02U
#define PLAY_RST 0x04U
#define PLAY_ACK 0x10U

struct play {
    void *memory;
    struct engine_config config;
    struct engine *engine;
    uint64_t now;
    /* What has ended, the newest PLAY_ENDED. */
    struct flow ended[PLAY_ENDED];
    unsigned ended_count;
    uint64_t frames, bytes; /* over all that ended */
    uint64_t given;         /* frames */
    uint64_t given_bytes;
    unsigned later; /* frames that wait */
    struct engine_frame waiting[100];
    uint8_t waiting_data[100][2048];
    unsigned alerts;
    struct alert alert; /* the last one */
};

/** One with @flows, idle 60 s, active 300 s, closed 5 s; of a file, or of a switch. */
struct play *play_make(uint32_t flows, bool file);
void play_end(struct play *play);

/** A frame to be given: all zeros but what a test cares for. */
struct play_frame {
    uint16_t port; /**< of the switch */
    bool egress;
    uint8_t family;               /**< 4, 6, 1: ARP, 0: Ethertype 0x88cc */
    uint8_t protocol;             /**< 6, 17, 1 */
    uint32_t source, destination; /**< the last 4 bytes of the addresses */
    uint16_t from, to;            /**< TCP, UDP; ICMP: type << 8, identifier; ARP: operation, - */
    uint16_t vid;                 /**< tagged by the switch */
    uint8_t flags;                /**< TCP */
    uint32_t sequence, acknowledgment;
    uint32_t mac_from, mac_to; /**< 0: made of source and destination */
    unsigned payload;          /**< bytes */
};

/** The bytes of a frame of at most 2 KiB: its length. */
unsigned play_bytes(const struct play_frame *frame, uint8_t *data);

/** Give it, at play->now. */
void play_give(struct play *play, const struct play_frame *frame);
/** The same, but with those that come after it: all at once with play_flush(). */
void play_later(struct play *play, const struct play_frame *frame);
void play_flush(struct play *play);
/** UDP from one to the other. */
void play_udp(struct play *play, uint16_t port, uint32_t source, uint32_t destination,
              uint16_t from, uint16_t to);
/** Let time pass without frames, until there is nothing more to do. */
void play_wait(struct play *play, uint64_t ns);

/** Live flows, each seen once by the walk. */
unsigned play_live(const struct play *play);
/** The live flow that has @source and @from, or @destination and @to at its side 0, or NULL. */
const struct flow *play_find(const struct play *play, uint32_t source, uint16_t from);
/** The newest that has ended. */
const struct flow *play_last(const struct play *play);
struct engine_counters play_counters(const struct play *play);

/** A guest on bridge "xenbr0". */
void play_port(struct play *play, uint16_t port, uint16_t domid);

#endif
