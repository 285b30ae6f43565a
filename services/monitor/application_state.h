/* SPDX-License-Identifier: ISC */
/**
 * @file application_state.h
 * Inside of application.h: a parser for each protocol, and text that is fit to be stored.
 */
#ifndef MONITOR_APPLICATION_STATE_H
#define MONITOR_APPLICATION_STATE_H

#include "application.h"

/** Text that grows in a field of @size bytes. What does not fit is cut, and its last byte is '~'.
 */
struct application_text {
    char *text;
    size_t size, used;
};

static inline struct application_text application_text(char *text, size_t size)
{
    text[0] = 0;
    return (struct application_text){.text = text, .size = size};
}

/** Add a byte as it is; not printable ones and spaces become '?'. */
void application_add(struct application_text *text, uint8_t byte);
void application_add_all(struct application_text *text, const char *words);

/** A DNS message, without TCP's length before it. True: something was learned. */
bool application_dns(struct flow_application *application, const uint8_t *message, size_t length);

/** Bytes of a ClientHello, which may be followed by more in the next segment. */
bool application_tls(struct flow_application *application, const uint8_t *data, size_t length,
                     uint32_t sequence);

/** A request's or a response's head, as far as it is in this payload. */
bool application_http(struct flow_application *application, const uint8_t *data, size_t length);

/** Does @data begin like one? */
bool application_is_http(const uint8_t *data, size_t length);

#endif
