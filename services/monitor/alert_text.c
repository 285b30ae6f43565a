/* SPDX-License-Identifier: ISC */
/* Addresses as text, for evidence. */
#include <stdio.h>

#include "alert_state.h"

const char *alert_mac(char text[ALERT_TEXT], const uint8_t mac[6])
{
    snprintf(text, ALERT_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
             mac[4], mac[5]);
    return text;
}

/* RFC 5952: the longest run of zeros, the first of equal ones, of two groups or more, is "::". */
static const char *address_6(char text[ALERT_TEXT], const uint8_t address[16])
{
    unsigned best = 8, best_length = 1;
    int used = 0;

    for (unsigned i = 0; i < 8; i++) {
        unsigned length = 0;

        while (i + length < 8 && address[2 * (i + length)] == 0 &&
               address[2 * (i + length) + 1] == 0)
            length++;
        if (length > best_length) {
            best = i;
            best_length = length;
        }
    }
    for (unsigned i = 0; i < 8; i++) {
        if (i == best) {
            used += snprintf(text + used, ALERT_TEXT - (size_t)used, "::");
            i += best_length - 1;
            continue;
        }
        used += snprintf(text + used, ALERT_TEXT - (size_t)used, "%s%x",
                         i == 0 || i == best + best_length ? "" : ":",
                         (unsigned)address[2 * i] << 8 | address[2 * i + 1]);
    }
    return text;
}

const char *alert_address(char text[ALERT_TEXT], uint8_t family, const uint8_t address[16])
{
    if (family == DECODE_IPV6)
        return address_6(text, address);
    snprintf(text, ALERT_TEXT, "%u.%u.%u.%u", address[0], address[1], address[2], address[3]);
    return text;
}
