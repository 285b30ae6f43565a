/* SPDX-License-Identifier: ISC */
#include "capture_link.h"

#include <string.h>

#define ETHERNET_HEADER 14U

enum {
    LINK_NULL = 0,
    LINK_ETHERNET = 1,
    LINK_RAW_DLT = 12,     /* as libpcap has it on most systems */
    LINK_RAW_OPENBSD = 14, /* and on OpenBSD, where 12 is LOOP */
    LINK_RAW = 101,
    LINK_LOOP = 108,
    LINK_COOKED = 113,
    LINK_IPV4 = 228,
    LINK_IPV6 = 229,
    LINK_COOKED2 = 276
};

bool capture_link_known(int type)
{
    switch (type) {
    case LINK_NULL:
    case LINK_ETHERNET:
    case LINK_RAW_DLT:
    case LINK_RAW_OPENBSD:
    case LINK_RAW:
    case LINK_LOOP:
    case LINK_COOKED:
    case LINK_IPV4:
    case LINK_IPV6:
    case LINK_COOKED2:
        return true;
    default:
        return false;
    }
}

static uint16_t u16(const uint8_t *data)
{
    return (uint16_t)(data[0] << 8 | data[1]);
}

/* What begins with a version of IP. */
static uint16_t type_of_ip(const uint8_t *data)
{
    return data[0] >> 4 == 4 ? 0x0800 : data[0] >> 4 == 6 ? 0x86dd : 0;
}

/* BSD's loopback: the address family of whoever captured it, in his order of bytes. AF_INET is 2
 * everywhere, AF_INET6 24, 28 or 30 on the BSDs and macOS, and 10 on Linux. */
static uint16_t type_of_family(const uint8_t *data)
{
    const unsigned family = data[0] ? data[0] : data[3];

    switch (family) {
    case 2:
        return 0x0800;
    case 10:
    case 24:
    case 28:
    case 30:
        return 0x86dd;
    default:
        return 0;
    }
}

/* Protocols below 0x600 are no Ethertypes: what follows is 802.3's LLC, and has a length there. */
static uint16_t type_of_cooked(uint16_t protocol, uint32_t rest)
{
    if (protocol >= 0x600)
        return protocol;
    return protocol == 4 && rest <= 1500 ? (uint16_t)rest : 0;
}

void capture_link_frame(int type, uint8_t *data, struct engine_frame *frame)
{
    static const struct {
        int type;
        uint32_t size;
    } headers[] = {{LINK_NULL, 4}, {LINK_LOOP, 4}, {LINK_COOKED, 16}, {LINK_COOKED2, 20}};
    uint8_t mac[6] = {0};
    uint32_t size = 0;
    uint16_t ethertype = 0;
    uint8_t *made;

    frame->data = data;
    if (type == LINK_ETHERNET)
        return;
    for (unsigned i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        if (headers[i].type == type)
            size = headers[i].size;
    frame->counted = frame->length;
    if (frame->captured <= size) {
        frame->captured = frame->length = 0;
        return;
    }
    switch (type) {
    case LINK_NULL:
    case LINK_LOOP:
        ethertype = type_of_family(data);
        break;
    case LINK_COOKED:
        ethertype = type_of_cooked(u16(data + 14), frame->captured - size);
        if (u16(data + 4) == sizeof(mac))
            memcpy(mac, data + 6, sizeof(mac));
        break;
    case LINK_COOKED2:
        ethertype = type_of_cooked(u16(data), frame->captured - size);
        if (data[11] == sizeof(mac))
            memcpy(mac, data + 12, sizeof(mac));
        break;
    case LINK_IPV4:
        ethertype = 0x0800;
        break;
    case LINK_IPV6:
        ethertype = 0x86dd;
        break;
    default:
        ethertype = type_of_ip(data);
    }
    made = data + size - ETHERNET_HEADER;
    memset(made, 0, 6);
    memcpy(made + 6, mac, sizeof(mac));
    made[12] = (uint8_t)(ethertype >> 8);
    made[13] = (uint8_t)ethertype;
    frame->data = made;
    frame->captured = frame->captured - size + ETHERNET_HEADER;
    frame->length = (frame->length > size ? frame->length - size : 0) + ETHERNET_HEADER;
}
