/* SPDX-License-Identifier: ISC */
/**
 * @file fake_engine.h
 * In the place of the monitor's engine: keeps what it is given, for a test of the service around
 * it to look at, and gives out what the test puts in.
 */
#ifndef TESTS_SIM_MONITOR_FAKE_ENGINE_H
#define TESTS_SIM_MONITOR_FAKE_ENGINE_H

#include "services/monitor/engine.h"

#define FAKE_PORTS  2048U
#define FAKE_FLOWS  5000U
#define FAKE_FRAMES 64U

/** A frame as it was given; the last FAKE_FRAMES are kept. */
struct fake_frame {
    struct engine_frame frame;
    uint8_t data[64];  /**< its begin */
    uint16_t identity; /**< of its port then */
};

struct engine {
    struct engine_config config;
    struct engine_counters counters;
    struct engine_identity identity[FAKE_PORTS + 1]; /**< of a port: its number + 1 */
    bool known[FAKE_PORTS];
    struct fake_frame frames[FAKE_FRAMES]; /**< by counters.frames + counters.copies */
    uint64_t newest;                       /**< time */
    uint64_t told;                         /**< of engine_time() */
    uint64_t ports_told, bursts;
    unsigned flows; /**< that engine_next_flow() gives */
    struct flow flow;
    struct top_port totals;
};

/** The frame given @back frames before the last one. */
const struct fake_frame *fake_frame(const struct engine *engine, unsigned back);

/** A flow of @number has ended: the monitor is told. */
void fake_end_flow(struct engine *engine, uint32_t number);
/** So is an alert of @port. */
void fake_alert(struct engine *engine, uint16_t port, uint64_t number);

#endif
