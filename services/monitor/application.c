/* SPDX-License-Identifier: ISC */
#include "application.h"

#include <string.h>

#include "application_state.h"

#define TCP 6U
#define UDP 17U

#define PORT_DNS   53U
#define PORT_MDNS  5353U
#define PORT_LLMNR 5355U

/** Payloads of a flow that are looked at, of both directions. */
#define TRIES 8U

#define DNS_HEADER 12U

static const char *const names[APPLICATION_KINDS] = {
    [APPLICATION_NONE] = "",
    [APPLICATION_DNS] = "dns",
    [APPLICATION_TLS] = "tls",
    [APPLICATION_HTTP] = "http",
};

const char *application_name(enum application_kind kind)
{
    return (unsigned)kind < APPLICATION_KINDS ? names[kind] : "";
}

void application_add(struct application_text *text, uint8_t byte)
{
    if (text->used + 1 >= text->size) {
        text->text[text->size - 2] = '~';
        return;
    }
    text->text[text->used++] = byte > ' ' && byte <= '~' ? (char)byte : '?';
    text->text[text->used] = 0;
}

void application_add_all(struct application_text *text, const char *words)
{
    while (*words)
        application_add(text, (uint8_t)*words++);
}

static bool is_name_service(uint16_t port)
{
    return port == PORT_DNS || port == PORT_MDNS || port == PORT_LLMNR;
}

static bool is_dns(const struct decoded *decoded)
{
    return is_name_service(decoded->destination_port) || is_name_service(decoded->source_port);
}

/* A record of TLS that carries a handshake: RFC 8446, section 5.1. */
static bool is_handshake(const uint8_t *payload, size_t length)
{
    return length >= 6 && payload[0] == 0x16 && payload[1] == 3 && payload[5] == 1;
}

/* Has it a message, or how one begins? A later fragment has not, and a segment of TCP is all there
 * or none; the first fragment of a long answer tells what was asked. */
static bool begins(const struct decoded *decoded)
{
    return !decoded->fragment || (decoded->protocol == UDP && decoded->fragment_at == 0);
}

bool application_promising(const struct decoded *decoded, const uint8_t *payload)
{
    const size_t length = decoded->payload_captured;

    if (!begins(decoded))
        return false;
    if (decoded->protocol == UDP)
        return length >= DNS_HEADER && is_dns(decoded);
    return decoded->protocol == TCP &&
           (is_handshake(payload, length) || application_is_http(payload, length) ||
            (is_dns(decoded) && length >= 2 + DNS_HEADER));
}

static bool look_tcp_dns(struct flow_application *application, const uint8_t *payload,
                         size_t length)
{
    size_t said;

    if (length < 2 + DNS_HEADER)
        return false;
    said = (size_t)payload[0] << 8 | payload[1];
    return application_dns(application, payload + 2, said < length - 2 ? said : length - 2);
}

bool application_look(struct flow_application *application, const struct decoded *decoded,
                      const uint8_t *payload, bool from_initiator)
{
    const size_t length = decoded->payload_captured;
    bool news = false;

    if (application->done || !begins(decoded))
        return false;
    if (++application->tries >= TRIES)
        application->done = true;
    if (decoded->protocol == UDP)
        return is_dns(decoded) && application_dns(application, payload, length);
    switch (application->kind) {
    case APPLICATION_TLS:
        return from_initiator && application_tls(application, payload, length, decoded->sequence);
    case APPLICATION_HTTP:
        return application_http(application, payload, length);
    case APPLICATION_DNS:
        return look_tcp_dns(application, payload, length);
    default:
        break;
    }
    if (is_handshake(payload, length))
        news = application_tls(application, payload, length, decoded->sequence);
    else if (application_is_http(payload, length))
        news = application_http(application, payload, length);
    else if (is_dns(decoded))
        news = look_tcp_dns(application, payload, length);
    return news;
}
