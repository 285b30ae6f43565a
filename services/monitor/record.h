/* SPDX-License-Identifier: ISC */
/**
 * @file record.h
 * A flow of the engine as common/flow_wire.h has it.
 */
#ifndef MONITOR_RECORD_H
#define MONITOR_RECORD_H

#include "common/flow_wire.h"

#include "engine.h"

/** Write @flow with its ports' identities to @data of FLOW_RECORD_MAX bytes: the record's length.
 */
size_t record_put(const struct engine *engine, const struct flow *flow, uint8_t *data);

#endif
