/* SPDX-License-Identifier: ISC */
/** @file flow_make.h Records of flows for tests, as the monitor sends them. */
#ifndef TESTS_FLOW_MAKE_H
#define TESTS_FLOW_MAKE_H

#include "common/flow_wire.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

struct flow_made {
    const char *guest[2], *bridge, *name, *detail;
    const char *address[2]; /**< the family follows from it */
    struct flow_record record;
};

/** Write it to @data of FLOW_RECORD_MAX bytes: the length. */
static inline size_t flow_make(const struct flow_made *made, uint8_t *data)
{
    const char *strings[] = {made->guest[0], made->guest[1], made->bridge, made->name,
                             made->detail};
    struct flow_record r = made->record;
    uint8_t *lengths[] = {&r.guest_length[0], &r.guest_length[1], &r.bridge_length, &r.name_length,
                          &r.detail_length};
    size_t used = sizeof(r);

    memset(data, 0, FLOW_RECORD_MAX);
    for (unsigned i = 0; i < 5; i++) {
        const char *text = strings[i] ? strings[i] : "";

        *lengths[i] = (uint8_t)strlen(text);
        memcpy(data + used, text, strlen(text));
        used += strlen(text);
    }
    for (unsigned i = 0; i < 2; i++) {
        if (!made->address[i])
            continue;
        if (inet_pton(AF_INET, made->address[i], r.side[i].address) == 1)
            r.family = r.family ? r.family : 4;
        else if (inet_pton(AF_INET6, made->address[i], r.side[i].address) == 1)
            r.family = 6;
    }
    r.version = FLOW_VERSION;
    r.length = (uint16_t)((used + 7) & ~7u);
    memcpy(data, &r, sizeof(r));
    return r.length;
}

#endif
