/* SPDX-License-Identifier: ISC */
/**
 * @file message.h
 * XenStore messages as the tests see them: an oracle of its own, so it takes nothing from the
 * service. Numbers and names are those of xen/include/public/io/xs_wire.h.
 */
#ifndef TESTS_SIM_MESSAGE_H
#define TESTS_SIM_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_HEADER      16U
#define WIRE_PAYLOAD_MAX 4096U
#define WIRE_RING_SIZE   1024U

enum wire_type {
    WIRE_CONTROL,
    WIRE_DIRECTORY,
    WIRE_READ,
    WIRE_GET_PERMS,
    WIRE_WATCH,
    WIRE_UNWATCH,
    WIRE_TRANSACTION_START,
    WIRE_TRANSACTION_END,
    WIRE_INTRODUCE,
    WIRE_RELEASE,
    WIRE_GET_DOMAIN_PATH,
    WIRE_WRITE,
    WIRE_MKDIR,
    WIRE_RM,
    WIRE_SET_PERMS,
    WIRE_WATCH_EVENT,
    WIRE_ERROR,
    WIRE_IS_DOMAIN_INTRODUCED,
    WIRE_RESUME,
    WIRE_SET_TARGET,
    WIRE_RESTRICT,
    WIRE_RESET_WATCHES,
    WIRE_DIRECTORY_PART,
    WIRE_GET_FEATURE,
    WIRE_SET_FEATURE,
    WIRE_GET_QUOTA,
    WIRE_SET_QUOTA,
    WIRE_TYPES,
};

/** Bits of the server's feature word, offset 2064 of the ring page. */
enum {
    WIRE_FEATURE_RECONNECTION = 1,
    WIRE_FEATURE_ERROR = 2,
    WIRE_FEATURE_WATCHDEPTH = 4,
    WIRE_FEATURE_DOMID_ANY = 8,
};

#define WIRE_DOMID_SELF 0x7ff0U
#define WIRE_DOMID_ANY  0x7ff5U /**< in a permission entry: every domain */

/** struct xenstore_domain_interface. */
struct wire_ring {
    uint8_t req[WIRE_RING_SIZE];
    uint8_t rsp[WIRE_RING_SIZE];
    uint32_t req_cons, req_prod;
    uint32_t rsp_cons, rsp_prod;
    uint32_t features;
    uint32_t connection; /**< 0 connected, 1 the guest asks for a reconnection */
    uint32_t error;      /**< 0 none, 1 communication, 2 ring index, 3 protocol */
    uint32_t evtchn_port;
};

/** One message, header in host order and payload; 4096 bytes of it are always there. */
struct wire_message {
    uint32_t type, req_id, tx_id, length;
    uint8_t payload[WIRE_PAYLOAD_MAX + 1]; /**< one NUL more, so that text can be printed */
};

/** "READ", ...; "?" for what is no type. */
const char *message_type_name(uint32_t type);

/** errno value of an error name of the protocol, 0 for a name that it does not have. */
int message_error_number(const char *name);

/** Name of an errno value; "EINVAL" for one that the protocol has no name for, as xenstored does.
 */
const char *message_error_name(int number);

/** errno value (positive) of an ERROR message, 0 for any other message. */
int message_error_of(const struct wire_message *message);

/** Append to the payload; false if it does not fit. */
bool message_add(struct wire_message *message, const void *data, size_t length);

/** Append @text and its NUL. */
bool message_add_string(struct wire_message *message, const char *text);

/** Same type and payload (ids are compared by who knows them)? */
bool message_same_content(const struct wire_message *a, const struct wire_message *b);

/** One line for people: type, ids, payload with NUL shown as '|'. */
void message_print(char *out, size_t size, const struct wire_message *message);

#endif
