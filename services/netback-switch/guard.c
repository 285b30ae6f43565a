/* SPDX-License-Identifier: ISC */
#include "guard.h"

#include <string.h>

#include "packet.h"

static const char magic[8] = {'A', 't', 'o', 'l', 'l', 'L', 'G', '1'};

bool guard_moved(struct guard_port *guard, uint16_t vid, uint64_t now)
{
    if (guard->moves.rate == 0)
        limit_set(&guard->moves, GUARD_MOVES, GUARD_MOVES, now);
    if (limit_take(&guard->moves, 1, now))
        return false;
    if (guard->suspected || (guard->probed && now - guard->probed < GUARD_PROBES))
        return false;
    guard->suspected = true;
    guard->vid = vid;
    return true;
}

uint64_t guard_block(struct guard_port *guard, uint64_t now)
{
    /* Free for as long as it was blocked before: that is forgotten. */
    if (guard->length == 0 || now - guard->free_since > guard->length)
        guard->length = GUARD_FIRST;
    else
        guard->length = guard->length * 2 < GUARD_LAST ? guard->length * 2 : GUARD_LAST;
    guard->free_since = now + guard->length;
    guard->suspected = false;
    return guard->length;
}

void guard_probe(const struct guard_port *guard, const uint8_t source[6], uint16_t port,
                 uint8_t *frame)
{
    uint8_t *at = frame + ETHER_HEADER;

    memset(frame, 0, GUARD_PROBE);
    memset(frame, 0xff, 6);
    memcpy(frame + 6, source, 6);
    frame[12] = GUARD_ETHERTYPE >> 8;
    frame[13] = GUARD_ETHERTYPE & 0xff;
    memcpy(at, magic, sizeof(magic));
    at[8] = (uint8_t)(port >> 8);
    at[9] = (uint8_t)port;
    memcpy(at + 10, guard->nonce, GUARD_NONCE);
}

bool guard_parse(uint16_t ethertype, const uint8_t *payload, size_t length, uint16_t *port,
                 const uint8_t **nonce)
{
    if (ethertype != GUARD_ETHERTYPE || length < sizeof(magic) + 2 + GUARD_NONCE ||
        memcmp(payload, magic, sizeof(magic)) != 0)
        return false;
    *port = (uint16_t)(payload[8] << 8 | payload[9]);
    *nonce = payload + 10;
    return true;
}
