/* SPDX-License-Identifier: ISC */
/**
 * @file xs_wire.h
 * XenStore's wire format, as both ends of a ring need it: messages, the ring page, error names.
 *
 * Source: xen/include/public/io/xs_wire.h, docs/misc/xenstore.txt and xenstore-ring.txt.
 */
#ifndef COMMON_XS_WIRE_H
#define COMMON_XS_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** Message types. */
enum xs_type {
    XS_CONTROL = 0,
    XS_DIRECTORY = 1,
    XS_READ = 2,
    XS_GET_PERMS = 3,
    XS_WATCH = 4,
    XS_UNWATCH = 5,
    XS_TRANSACTION_START = 6,
    XS_TRANSACTION_END = 7,
    XS_INTRODUCE = 8,
    XS_RELEASE = 9,
    XS_GET_DOMAIN_PATH = 10,
    XS_WRITE = 11,
    XS_MKDIR = 12,
    XS_RM = 13,
    XS_SET_PERMS = 14,
    XS_WATCH_EVENT = 15,
    XS_ERROR = 16,
    XS_IS_DOMAIN_INTRODUCED = 17,
    XS_RESUME = 18,
    XS_SET_TARGET = 19,
    XS_RESET_WATCHES = 21,
    XS_DIRECTORY_PART = 22,
    XS_GET_FEATURE = 23,
    XS_SET_FEATURE = 24,
    XS_GET_QUOTA = 25,
    XS_SET_QUOTA = 26,
    XS_TYPE_COUNT = 27,
};

/** Header of every message; little-endian like all of the ring. */
struct xs_header {
    uint32_t type;
    uint32_t req_id; /**< chosen by the client, echoed in the reply */
    uint32_t tx_id;  /**< 0: no transaction */
    uint32_t length; /**< bytes that follow, at most XS_PAYLOAD_MAX */
};

#define XS_PAYLOAD_MAX  4096U
#define XS_MESSAGE_MAX  (sizeof(struct xs_header) + XS_PAYLOAD_MAX)
#define XS_ABS_PATH_MAX 3072U
#define XS_REL_PATH_MAX 2048U
#define XS_RING_SIZE    1024U

/** The page shared with a client (struct xenstore_domain_interface). */
struct xs_ring {
    uint8_t req[XS_RING_SIZE];
    uint8_t rsp[XS_RING_SIZE];
    uint32_t req_cons, req_prod;
    uint32_t rsp_cons, rsp_prod;
    uint32_t server_features;
    uint32_t connection;
    uint32_t error;
    uint32_t evtchn_port;
};

/** Bits of xs_ring.server_features. */
#define XS_FEATURE_RECONNECTION 1U
#define XS_FEATURE_ERROR        2U
#define XS_FEATURE_WATCHDEPTH   4U
#define XS_FEATURE_DOMID_ANY    8U

/** Values of xs_ring.connection. */
#define XS_CONNECTED 0U
#define XS_RECONNECT 1U

/** Values of xs_ring.error. */
#define XS_ERROR_NONE    0U
#define XS_ERROR_COMM    1U
#define XS_ERROR_RINGIDX 2U
#define XS_ERROR_PROTO   3U

/** The name that stands for a positive errno value on the wire; "EINVAL" for one without a name. */
const char *wire_error_name(int error);

/** The positive errno value of a name on the wire; EINVAL for one that is not in the table. */
int wire_error_number(const char *name);

/** Parse a decimal number without sign, blanks or rest, at most @max. */
bool wire_number(const char *text, uint32_t max, uint32_t *number);

#endif
