/* SPDX-License-Identifier: ISC */
/**
 * @file wire.h
 * The server's view of the XenStore wire format: what it offers, and the splitting of payloads.
 */
#ifndef XENSTORED_WIRE_H
#define XENSTORED_WIRE_H

#include "common/xs_wire.h"

/** What this server puts into xs_ring.server_features. */
#define XS_FEATURES                                                                                \
    (XS_FEATURE_RECONNECTION | XS_FEATURE_ERROR | XS_FEATURE_WATCHDEPTH | XS_FEATURE_DOMID_ANY)

/** How many NULs are in the payload, and the starts of the first @max strings that end in one. */
unsigned wire_strings(const char *payload, size_t length, const char *strings[], unsigned max);

/** The payload as the one string it has to be: exactly one NUL, at its end; else NULL. */
const char *wire_one_string(const char *payload, size_t length);

#endif
