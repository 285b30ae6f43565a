/* SPDX-License-Identifier: ISC */
/**
 * @file echo.h
 * The smallest owner of a netif: whatever its frontend sends comes back on the same queue, once
 * there are buffers for it. With it the rings are tried without a switch behind them.
 */
#ifndef TESTS_SIM_SWITCH_ECHO_H
#define TESTS_SIM_SWITCH_ECHO_H

#include "frontend.h"
#include "hv/sim/sim.h"
#include "services/netback-switch/drop.h"
#include "services/netback-switch/netif_control.h"

#define ECHO_BACKEND     1U
#define ECHO_FRONTEND    7U
#define ECHO_MULTICAST   64U
#define ECHO_ARENA_PAGES 64U

struct echo {
    struct sim *sim;
    struct hv *hv;    /**< the backend's domain */
    struct hv *guest; /**< the frontend's */
    struct loop loop;
    struct arena *arena;
    uint8_t *buffer; /**< a frame, private */
    struct netif netif;
    bool connected;
    bool hash; /**< give each frame netif_select()'s extra info, parsed as plain IPv4 */
    struct netif_hash give;
    struct netif_frame held[NETIF_QUEUES_MAX]; /**< waits for buffers */
    bool holding[NETIF_QUEUES_MAX];
    /** What came. */
    struct netif_frame last;
    unsigned works, frames, bad, bad_copies, failed, notifications;
    unsigned reasons[DROP_REASON_COUNT + 1];
    const char *why;
    uint8_t multicast[ECHO_MULTICAST][6];
    unsigned multicasts, multicast_calls;
    struct frontend *frontend; /**< of echo_create() */
};

/** A backend, and a frontend as @config says (its hv and backend are filled in), not connected. */
struct echo *echo_create(uint64_t seed, struct frontend_config config);

/** Connect; what netif_connect() returns. */
int echo_connect(struct echo *echo);
int echo_connect_to(struct echo *echo, const struct netif_config *config);
void echo_disconnect(struct echo *echo);

/** Both ends become actors. */
void echo_act(struct echo *echo);
/** Have the owner look at a queue. */
void echo_work(struct echo *echo, unsigned queue);

/** As @ref echo_connect, asserting that it works; then echo_act(). */
void echo_start(struct echo *echo);

/** Disconnect and end all; nothing of the backend's is left over. */
void echo_destroy(struct echo *echo);

/** The backend's domain dies; there is another one of its number, not connected. */
void echo_kill(struct echo *echo);
/** The backend's domain dies, and its successor of the same number connects. */
void echo_succeed(struct echo *echo);

/** Let both run until there is nothing to do. */
void echo_run(struct echo *echo);
/** Publish both rings; the notifications sent. */
unsigned echo_publish(struct netif_queue *queue);

/** Send @tx, and it comes back, unchanged, but for slots. */
void echo_expect(struct echo *echo, unsigned queue, const struct frontend_tx *tx);
/** Send @tx, and it does not; each of its slots is answered. The vif is well. */
void echo_expect_bad(struct echo *echo, const struct frontend_tx *tx, int reason);

/** The vif is well: a frame of @length comes back. */
void echo_alive(struct echo *echo);

/** @length bytes that differ from frame to frame. */
const uint8_t *echo_bytes(size_t length);

#endif
