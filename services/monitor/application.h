/* SPDX-License-Identifier: ISC */
/**
 * @file application.h
 * What a flow's first payload tells of it: DNS names and answers, TLS server name and ALPN, HTTP
 * host and method, where they are in clear. A parser sees a payload as it was captured (a TLS hello
 * may come in several segments: the first ones are kept, bounded); names are cleaned of what is not
 * printable before they are stored.
 *
 * Sources: RFC 1035 (DNS), RFC 8446 and 6066 (TLS), RFC 7301 (ALPN), RFC 9112 (HTTP/1).
 */
#ifndef MONITOR_APPLICATION_H
#define MONITOR_APPLICATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "decode.h"

enum application_kind {
    APPLICATION_NONE = 0,
    APPLICATION_DNS,
    APPLICATION_TLS,
    APPLICATION_HTTP,
    APPLICATION_KINDS
};

#define APPLICATION_NAME    128U /**< longer names are cut, and say so by their last byte '~' */
#define APPLICATION_DETAIL  48U
#define APPLICATION_ANSWERS 4U

struct flow_application {
    uint8_t kind; /**< enum application_kind */
    uint8_t done; /**< nothing more is looked for */
    uint8_t tries;
    uint8_t answers;
    uint16_t type, code; /**< DNS: query type, response code; TLS: version offered; HTTP: status */
    uint8_t answer_family[APPLICATION_ANSWERS]; /**< 4 or 6 */
    uint8_t answer[APPLICATION_ANSWERS][16];    /**< DNS A and AAAA */
    /** How far a TLS ClientHello was read; it may come in several segments. application_tls.c's. */
    struct application_tls {
        uint32_t sequence;    /**< TCP's, of the byte that is to come next */
        uint16_t record_left; /**< bytes of the record that are to come */
        uint16_t left;        /**< bytes of what the stage reads or skips */
        uint16_t extensions_left, body_left;
        uint32_t message_left; /**< bytes of the ClientHello that are to come */
        uint8_t stage, have, record_have;
        uint8_t head[5], record[5];
    } tls;
    char name[APPLICATION_NAME];     /**< query name; server name; host */
    char detail[APPLICATION_DETAIL]; /**< DNS: CNAME's target; TLS: ALPN, comma separated; HTTP:
                                          method */
    uint32_t next;                   /**< of the pool's free list */
};

/** Is it worth to look at this frame's payload for names? A quick look at ports and first bytes,
 * for each frame with payload of a flow that is not done. */
bool application_promising(const struct decoded *decoded, const uint8_t *payload);

/**
 * Look at a payload of a flow. @from_initiator: sent by side 0. True: @application says something
 * (new) now. Never looks at more than 4 payloads a direction; sets done then.
 */
bool application_look(struct flow_application *application, const struct decoded *decoded,
                      const uint8_t *payload, bool from_initiator);

/** "dns", "tls", "http"; "": none. */
const char *application_name(enum application_kind kind);

#endif
