/* SPDX-License-Identifier: ISC */
#include "export_target.h"
#include "values.h"
#include <stdio.h>
#include <string.h>

bool export_target_parse(const char *text, struct export_target *target)
{
    static const char *const schemes[] = {"udp://", "tcp://", "tls://"};
    const char *host, *end;
    uint32_t port;
    size_t length;
    unsigned i = 0;

    while (i < 3 && strncmp(text, schemes[i], 6) != 0)
        i++;
    if (i == 3)
        return false;
    target->transport = (enum export_transport)i;
    host = text + 6;
    if (*host == '[') {
        end = strchr(++host, ']');
        length = end ? (size_t)(end - host) : 0;
        end = end ? end + 1 : NULL;
    } else {
        end = strrchr(host, ':');
        length = end ? (size_t)(end - host) : 0;
        /* 2001:db8::1:4739 would be read in two ways. */
        if (end && memchr(host, ':', length))
            return false;
    }
    if (!length || *end != ':' || length >= sizeof(target->host) ||
        !value_number(end + 1, 1, 65535, &port))
        return false;
    memcpy(target->host, host, length);
    target->host[length] = 0;
    snprintf(target->port, sizeof(target->port), "%u", port & 0xffff);
    return value_printable(target->host);
}
