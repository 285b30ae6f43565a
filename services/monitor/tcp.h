/* SPDX-License-Identifier: ISC */
/**
 * @file tcp.h
 * What a flow's TCP flags and sequence numbers tell: who began, the round trip, the end.
 *
 * Source: RFC 9293, sections 3.3.2 and 3.5 (the states), 3.4 (sequence numbers).
 */
#ifndef MONITOR_TCP_H
#define MONITOR_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "decode.h"
#include "flow.h"

/** flow.tcp */
#define TCP_SYN       0x01U /**< start[0] is known */
#define TCP_SYN_ACK   0x02U /**< start[1] is known */
#define TCP_SHAKEN    0x04U /**< the handshake is over, seen or not */
#define TCP_REPEATED  0x08U /**< a part of it came twice: no round trip can be told */
#define TCP_FIN       0x10U /**< fin[0] is known; << 1: fin[1] */
#define TCP_FIN_ACKED 0x40U /**< and acknowledged by the other side; << 1 */

/** Was this first frame of a flow sent by who did not begin it? */
bool tcp_reversed(const struct decoded *decoded);

/** Does this frame begin another conversation than @flow, whose key it has? */
bool tcp_begins_anew(const struct flow *flow, const struct decoded *decoded);

/** A frame with TCP's flags that side @side of @flow sent at @now. True: FLOW_CLOSED is set now,
 * and was not before. */
bool tcp_frame(struct flow *flow, const struct decoded *decoded, unsigned side, uint64_t now);

#endif
