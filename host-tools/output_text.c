/* SPDX-License-Identifier: ISC */
/* Fields of the control protocol that have a better form than their bytes or number. */
#include "output.h"
#include <arpa/inet.h>
#include <string.h>

static bool choose(const struct control_field *field, const char *const names[], unsigned count,
                   char *text, size_t size)
{
    if (field->number >= count || !names[field->number][0])
        return false;
    snprintf(text, size, "%s", names[field->number]);
    return true;
}

static bool address(const struct control_field *field, int family, size_t bytes, char *text,
                    size_t size)
{
    char plain[INET6_ADDRSTRLEN];

    if (field->length != bytes + 1 || field->value[bytes] > bytes * 8 ||
        !inet_ntop(family, field->value, plain, sizeof(plain)))
        return false;
    if (field->value[bytes] == bytes * 8)
        snprintf(text, size, "%s", plain);
    else
        snprintf(text, size, "%s/%u", plain, field->value[bytes]);
    return true;
}

/* Pairs of first and last; as many as there is room for, then "...". */
static bool vlans(const struct control_field *field, char *text, size_t size)
{
    size_t used = 0;

    if (field->length % 4 || field->length == 512) /* a bitmap: too scattered for a line */
        return false;
    text[0] = '\0';
    for (size_t at = 0; at < field->length; at += 4) {
        const unsigned first = field->value[at] | field->value[at + 1] << 8,
                       last = field->value[at + 2] | field->value[at + 3] << 8;

        if (size - used < 16) {
            snprintf(text + used, size - used, ",...");
            break;
        }
        used += (size_t)snprintf(text + used, size - used, first == last ? "%s%u" : "%s%u-%u",
                                 used ? "," : "", first, last);
    }
    return true;
}

static bool uuid(const struct control_field *field, char *text, size_t size)
{
    size_t used = 0;

    if (field->length != 16 || size < 37)
        return false;
    for (int i = 0; i < 16; i++)
        used += (size_t)snprintf(text + used, size - used, "%s%02x",
                                 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", field->value[i]);
    return true;
}

/* An address alone, of either family. */
static bool host(const struct control_field *field, char *text, size_t size)
{
    if (field->length != 4 && field->length != 16)
        return false;
    return inet_ntop(field->length == 4 ? AF_INET : AF_INET6, field->value, text,
                     (socklen_t)size) != NULL;
}

bool output_field_text(const struct control_field *field, char *text, size_t size)
{
    static const char *const vlan_modes[] = {"transparent", "access", "trunk"};
    static const char *const locks[] = {"", "unlocked", "locked", "disabled"};
    static const char *const directions[] = {"", "ingress", "egress", "both"};
    const uint8_t *b = field->value;

    switch (field->tag) {
    case CONTROL_F_MAC:
    case CONTROL_F_MAC_BEFORE:
        if (field->length != 6)
            return false;
        snprintf(text, size, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
        return true;
    case CONTROL_F_UUID:
    case CONTROL_F_OTHER_UUID:
        return uuid(field, text, size);
    case CONTROL_F_SOURCE_ADDRESS:
    case CONTROL_F_DESTINATION_ADDRESS:
        return host(field, text, size);
    case CONTROL_F_IPV4:
        return address(field, AF_INET, 4, text, size);
    case CONTROL_F_IPV6:
        return address(field, AF_INET6, 16, text, size);
    case CONTROL_F_VLANS:
        return vlans(field, text, size);
    case CONTROL_F_VLAN_MODE:
        return choose(field, vlan_modes, 3, text, size);
    case CONTROL_F_LOCK:
        return choose(field, locks, 4, text, size);
    case CONTROL_F_DIRECTION:
        return choose(field, directions, 4, text, size);
    default:
        return false;
    }
}
