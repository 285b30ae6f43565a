/* SPDX-License-Identifier: ISC */
/** @file host-tools/export_target.h Where flows go: "udp://HOST:PORT". */
#ifndef ATOLL_EXPORT_TARGET_H
#define ATOLL_EXPORT_TARGET_H

#include <stdbool.h>

enum export_transport { EXPORT_UDP, EXPORT_TCP, EXPORT_TLS };

struct export_target {
    enum export_transport transport;
    char host[256]; /**< a name or an address, IPv6 without brackets */
    char port[6];
};

/** Read udp://, tcp:// or tls:// with HOST:PORT, IPv6 addresses in brackets. False: it is none. */
bool export_target_parse(const char *text, struct export_target *target);

#endif
