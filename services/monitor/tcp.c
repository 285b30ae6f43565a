/* SPDX-License-Identifier: ISC */
#include "tcp.h"

#define SYN_OR_ACK (DECODE_TCP_SYN | DECODE_TCP_ACK)

bool tcp_reversed(const struct decoded *decoded)
{
    return (decoded->tcp_flags & SYN_OR_ACK) == SYN_OR_ACK;
}

bool tcp_begins_anew(const struct flow *flow, const struct decoded *decoded)
{
    const bool over = (flow->state & FLOW_CLOSED) || (flow->tcp & (TCP_FIN * 3)) == TCP_FIN * 3;

    return over && (decoded->tcp_flags & (SYN_OR_ACK | DECODE_TCP_RST)) == DECODE_TCP_SYN &&
           !((flow->tcp & TCP_SYN) && flow->start[0] == decoded->sequence);
}

/* Is sequence number @a at or behind @b? */
static bool reached(uint32_t a, uint32_t b)
{
    return a - b < UINT32_C(0x80000000);
}

static uint32_t microseconds(uint64_t now)
{
    return (uint32_t)(now / 1000);
}

static void handshake(struct flow *flow, const struct decoded *decoded, unsigned side, uint64_t now)
{
    const unsigned flags = decoded->tcp_flags & SYN_OR_ACK;

    if (flags == DECODE_TCP_SYN && side == 0) {
        if (flow->tcp & TCP_SYN && flow->start[0] == decoded->sequence) {
            flow->tcp |= TCP_REPEATED;
        } else {
            flow->tcp = (uint8_t)((flow->tcp & ~(TCP_REPEATED | TCP_SYN_ACK)) | TCP_SYN);
            flow->start[0] = decoded->sequence;
            flow->syn_time = microseconds(now);
        }
    } else if (flags == SYN_OR_ACK && side == 1) {
        if (!(flow->tcp & TCP_SYN) || decoded->acknowledgment != flow->start[0] + 1)
            return;
        if (flow->tcp & TCP_SYN_ACK && flow->start[1] == decoded->sequence)
            flow->tcp |= TCP_REPEATED;
        flow->tcp |= TCP_SYN_ACK;
        flow->start[1] = decoded->sequence;
    } else if (flags == DECODE_TCP_ACK && side == 0) {
        if (!(flow->tcp & TCP_SYN_ACK) || !reached(decoded->acknowledgment, flow->start[1] + 1))
            return;
        flow->tcp |= TCP_SHAKEN;
        if (!(flow->tcp & TCP_REPEATED)) {
            const uint32_t rtt = microseconds(now) - flow->syn_time;

            flow->rtt = rtt ? rtt : 1;
        }
    }
}

bool tcp_frame(struct flow *flow, const struct decoded *decoded, unsigned side, uint64_t now)
{
    const unsigned flags = decoded->tcp_flags;
    const unsigned other = TCP_FIN << (side ^ 1);

    if (!(flow->tcp & TCP_SHAKEN))
        handshake(flow, decoded, side, now);
    if (flags & DECODE_TCP_FIN) {
        flow->fin[side] = decoded->sequence + decoded->payload_length + 1;
        flow->tcp |= (uint8_t)(TCP_FIN << side);
    }
    if (flow->tcp & other && flags & DECODE_TCP_ACK &&
        reached(decoded->acknowledgment, flow->fin[side ^ 1]))
        flow->tcp |= (uint8_t)(TCP_FIN_ACKED << (side ^ 1));
    if (flow->state & FLOW_CLOSED ||
        (!(flags & DECODE_TCP_RST) && (flow->tcp & TCP_FIN_ACKED * 3) != TCP_FIN_ACKED * 3))
        return false;
    flow->state |= FLOW_CLOSED;
    return true;
}
