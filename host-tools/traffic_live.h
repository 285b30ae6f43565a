/* SPDX-License-Identifier: ISC */
/** @file host-tools/traffic_live.h What a running monitor knows, for a report. */
#ifndef ATOLL_TRAFFIC_LIVE_H
#define ATOLL_TRAFFIC_LIVE_H

#include "call.h"
#include "traffic.h"

/** Ask call->client for ports, flows, alerts and losses. 0, or an exit code reported. */
int traffic_live(struct call *call, struct traffic *t);

#endif
