/* SPDX-License-Identifier: ISC */
/**
 * @file fake_store.h
 * common/store.h with a XenStore at the other end that does what the test says, down to any bytes.
 */
#ifndef TESTS_SIM_FAKE_STORE_H
#define TESTS_SIM_FAKE_STORE_H

#include "common/arena.h"
#include "common/loop.h"
#include "common/store.h"
#include "hv/sim/sim.h"
#include "message.h"

#define FAKE_WATCHES 8U

/** A request's fate. */
struct fate {
    bool taken;
    unsigned told;
    int error;
    size_t length;
    char data[WIRE_PAYLOAD_MAX + 1];
};

struct fake;

struct fake_watch {
    struct store_watch watch;
    struct fake *fake;
    bool on;        /**< taken, and neither over nor unwatched */
    unsigned fired; /**< with a path */
    unsigned over;
};

struct fake {
    struct sim *sim;
    struct hv *xenstore, *hv; /**< domains 1 and 5 */
    evtchn_port_t xenstore_port;
    struct wire_ring *ring;
    struct arena *arena;
    void *memory;
    struct arena_usage idle;
    struct loop loop;
    struct store *store;
    struct fake_watch watches[FAKE_WATCHES];
    struct fate *fates; /**< of requests made so far */
    unsigned fate_count;
};

/** The client, connected, with nothing asked. */
void fake_create(struct fake *fake, uint32_t start_index);

/** End the client: everybody was told once, and nothing is left. */
void fake_destroy(struct fake *fake);

/** A place for a request's fate; the context of fake_reply(). */
struct fate *fake_fate(struct fake *fake);
void fake_reply(void *fate, int error, const char *data, size_t length);

/** Let the client do what there is to do; @nanoseconds pass. */
void fake_run(struct fake *fake, uint64_t nanoseconds);

/** Put bytes where there is room, and signal; how many. */
size_t fake_put(struct fake *fake, const void *bytes, size_t length);

/** Put a whole message. */
void fake_send(struct fake *fake, uint32_t type, uint32_t id, const void *payload, size_t length);

/** Take the next request, running the client until it is whole. False: there is none. */
bool fake_take(struct fake *fake, struct wire_message *message);

/** Watch "w" with the @index-th watch; stop that. */
int fake_watch(struct fake *fake, unsigned index);
void fake_unwatch(struct fake *fake, unsigned index);

#endif
