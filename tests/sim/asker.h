/* SPDX-License-Identifier: ISC */
/**
 * @file asker.h
 * A control client in dom0 of a simulated host, one frame at a time and without waiting.
 */
#ifndef TESTS_SIM_ASKER_H
#define TESTS_SIM_ASKER_H

#include "common/control.h"
#include "common/vchan.h"

struct asker {
    struct vchan v;
    uint32_t id; /**< of the request sent last */
    size_t have; /**< bytes of @ref frame */
    uint8_t frame[CONTROL_FRAME_MAX];
    struct control_header header;
    struct control_reader fields;
};

/** Begin a request of @type; put fields, then asker_send(). */
void asker_begin(struct asker *asker, struct control_writer *writer, uint8_t *frame, uint16_t type);
void asker_send(struct asker *asker, struct control_writer *writer);

/** The next frame, in header and fields until the next call. False: none is whole yet. */
bool asker_receive(struct asker *asker);

#endif
