/* SPDX-License-Identifier: ISC */
/**
 * @file source.h
 * A mirror in the hands of the test, which is the switch: any bytes may come over its vchan, and
 * anything may become of it.
 */
#ifndef TESTS_SIM_MONITOR_SOURCE_H
#define TESTS_SIM_MONITOR_SOURCE_H

#include "desk.h"

#include "common/mirror_wire.h"
#include "common/vchan.h"

struct source {
    struct desk *desk;
    domid_t domid;
    struct hv *hv;
    struct vchan v;
    void *pages;
    unsigned order;
    bool offered;
    uint64_t clock; /**< that HELLO tells */
    size_t used;    /**< of what is put together, */
    uint8_t bytes[1 << 20];
};

/** A domain that runs nothing. */
struct source *source_create(struct desk *desk, domid_t domid);
/** The domain ends, without a word. */
void source_destroy(struct source *source);
/** Offer mirror @name, with a ring of 1 << @order bytes, to the monitor. */
void source_offer(struct source *source, const char *name, unsigned order);
/** Close it. */
void source_close(struct source *source);

/* Records into what is put together. */
void source_hello(struct source *source);
void source_port(struct source *source, unsigned port, domid_t domid, const char *guest);
void source_gone(struct source *source, unsigned port);
/** @captured bytes, the first four of them @number, of a frame of @length; now. */
void source_frame(struct source *source, unsigned port, uint8_t flags, uint32_t number,
                  size_t captured, size_t length);
void source_lost(struct source *source, uint64_t frames);
void source_raw(struct source *source, const void *bytes, size_t length);

/** Write it, the monitor running whenever there is no room. False: it has ended the vchan. */
bool source_flush(struct source *source);
/** Write as much as there is room for, nobody running: how much. */
size_t source_push(struct source *source);

#endif
