/* SPDX-License-Identifier: ISC */
/*
 * The ClientHello of TLS: RFC 8446, sections 4.1.2 and 5.1 (and those before it, of the same
 * form), server_name of RFC 6066, section 3, ALPN of RFC 7301, section 3.1. Read byte by byte, so
 * that nothing has to be kept when it comes in several segments, or in several records.
 */
#include <string.h>

#include "application_state.h"

enum stage {
    HANDSHAKE = 0, /* type, length: 4 */
    VERSION,       /* 2 */
    RANDOM,        /* 32 to skip */
    SESSION,       /* a length of 1, and so much to skip */
    CIPHERS,       /* of 2 */
    COMPRESSION,
    EXTENSIONS,  /* their length: 2 */
    EXTENSION,   /* type, length: 4 */
    SERVER_NAME, /* of the list: 2, type: 1, length: 2 */
    NAME,
    ALPN, /* of the list: 2 */
    PROTOCOL_LENGTH,
    PROTOCOL,
    SUPPORTED,         /* versions: their length, 1 */
    SUPPORTED_VERSION, /* 2 */
    SKIP_SESSION,
    SKIP_CIPHERS,
    SKIP_COMPRESSION,
    SKIP_BODY, /* of an extension */
    OVER,
};

#define RECORD_HANDSHAKE   0x16U
#define CLIENT_HELLO       1U
#define EXTENSION_NAME     0U
#define EXTENSION_ALPN     16U
#define EXTENSION_VERSIONS 43U
#define HOST_NAME          0U
#define RECORD_MAX         16640U /* RFC 8446, section 5.2 */

static const uint8_t head_size[] = {
    [HANDSHAKE] = 4,   [VERSION] = 2,         [SESSION] = 1,   [CIPHERS] = 2,
    [COMPRESSION] = 1, [EXTENSIONS] = 2,      [EXTENSION] = 4, [SERVER_NAME] = 5,
    [ALPN] = 2,        [PROTOCOL_LENGTH] = 1, [SUPPORTED] = 1, [SUPPORTED_VERSION] = 2,
};

static uint16_t head_16(const struct application_tls *tls, unsigned at)
{
    return (uint16_t)(tls->head[at] << 8 | tls->head[at + 1]);
}

static void go(struct application_tls *tls, enum stage stage, unsigned left)
{
    tls->stage = (uint8_t)stage;
    tls->left = (uint16_t)left;
    tls->have = 0;
}

/* The next extension, if there is one. */
static void next_extension(struct application_tls *tls)
{
    go(tls, tls->extensions_left >= 4 ? EXTENSION : OVER, 0);
}

/* What is left of an extension's body. */
static void skip_body(struct application_tls *tls)
{
    if (tls->body_left == 0)
        next_extension(tls);
    else
        go(tls, SKIP_BODY, tls->body_left);
}

static void skip_or(struct application_tls *tls, enum stage skip, enum stage after, unsigned left)
{
    go(tls, left ? skip : after, left);
}

static void begin_extension(struct application_tls *tls)
{
    const uint16_t type = head_16(tls, 0), length = head_16(tls, 2);

    tls->extensions_left = (uint16_t)(tls->extensions_left - 4);
    if (length > tls->extensions_left) {
        go(tls, OVER, 0);
        return;
    }
    tls->extensions_left = (uint16_t)(tls->extensions_left - length);
    tls->body_left = length;
    if (type == EXTENSION_NAME && length >= 5)
        go(tls, SERVER_NAME, 0);
    else if (type == EXTENSION_ALPN && length >= 3)
        go(tls, ALPN, 0);
    else if (type == EXTENSION_VERSIONS && length >= 3)
        go(tls, SUPPORTED, 0);
    else
        skip_body(tls);
}

/* A head is whole: what follows it? */
static void take_head(struct flow_application *application)
{
    struct application_tls *tls = &application->tls;

    switch ((enum stage)tls->stage) {
    case HANDSHAKE:
        tls->message_left = (uint32_t)tls->head[1] << 16 | head_16(tls, 2);
        go(tls, tls->head[0] == CLIENT_HELLO && tls->message_left ? VERSION : OVER, 0);
        break;
    case VERSION:
        application->type = head_16(tls, 0);
        go(tls, RANDOM, 32);
        break;
    case SESSION:
        skip_or(tls, SKIP_SESSION, CIPHERS, tls->head[0]);
        break;
    case CIPHERS:
        skip_or(tls, SKIP_CIPHERS, COMPRESSION, head_16(tls, 0));
        break;
    case COMPRESSION:
        skip_or(tls, SKIP_COMPRESSION, EXTENSIONS, tls->head[0]);
        break;
    case EXTENSIONS:
        tls->extensions_left = head_16(tls, 0);
        next_extension(tls);
        break;
    case EXTENSION:
        begin_extension(tls);
        break;
    case SERVER_NAME:
        tls->body_left = (uint16_t)(tls->body_left - 5);
        if (tls->head[2] != HOST_NAME || head_16(tls, 3) == 0 || head_16(tls, 3) > tls->body_left ||
            application->name[0])
            skip_body(tls);
        else
            go(tls, NAME, head_16(tls, 3));
        break;
    case ALPN:
        tls->body_left = (uint16_t)(tls->body_left - 2);
        go(tls, PROTOCOL_LENGTH, 0);
        break;
    case PROTOCOL_LENGTH:
        tls->body_left--;
        if (tls->head[0] == 0 || tls->head[0] > tls->body_left)
            skip_body(tls);
        else
            go(tls, PROTOCOL, tls->head[0]);
        break;
    case SUPPORTED:
        tls->body_left--;
        go(tls, SUPPORTED_VERSION, 0);
        break;
    default: /* SUPPORTED_VERSION; what is no version of TLS is GREASE (RFC 8701) */
        tls->body_left = (uint16_t)(tls->body_left - 2);
        if (tls->head[0] == 3 && head_16(tls, 0) > application->type)
            application->type = head_16(tls, 0);
        if (tls->body_left >= 2)
            go(tls, SUPPORTED_VERSION, 0);
        else
            skip_body(tls);
        break;
    }
}

static void add(char *field, size_t size, uint8_t byte)
{
    struct application_text text = {.text = field, .size = size, .used = strlen(field)};

    application_add(&text, byte);
}

/* A byte of what is kept or skipped. */
static void take_byte(struct flow_application *application, uint8_t byte)
{
    struct application_tls *tls = &application->tls;
    const enum stage stage = (enum stage)tls->stage;

    tls->left--;
    if (stage == NAME) {
        add(application->name, sizeof(application->name), byte);
    } else if (stage == PROTOCOL) {
        if (tls->have == 0 && application->detail[0])
            add(application->detail, sizeof(application->detail), ',');
        tls->have = 1;
        add(application->detail, sizeof(application->detail), byte == ',' ? '?' : byte);
    }
    if (stage == NAME || stage == PROTOCOL || stage == SKIP_BODY)
        tls->body_left--;
    if (tls->left)
        return;
    switch (stage) {
    case RANDOM:
        go(tls, SESSION, 0);
        break;
    case SKIP_SESSION:
        go(tls, CIPHERS, 0);
        break;
    case SKIP_CIPHERS:
        go(tls, COMPRESSION, 0);
        break;
    case SKIP_COMPRESSION:
        go(tls, EXTENSIONS, 0);
        break;
    case PROTOCOL:
        if (tls->body_left)
            go(tls, PROTOCOL_LENGTH, 0);
        else
            next_extension(tls);
        break;
    default:
        skip_body(tls);
        break;
    }
}

/* A byte of the handshake's message, which may end before all is there that could be in it. */
static void take(struct flow_application *application, uint8_t byte)
{
    struct application_tls *tls = &application->tls;
    const unsigned size = tls->stage < sizeof(head_size) ? head_size[tls->stage] : 0;
    const bool inside = tls->stage != HANDSHAKE;

    if (size == 0) {
        take_byte(application, byte);
    } else {
        tls->head[tls->have++] = byte;
        if (tls->have == size)
            take_head(application);
    }
    if (inside && --tls->message_left == 0)
        go(tls, OVER, 0);
}

/* Go over what need not be looked at, but for its last byte: so many of @length bytes. */
static size_t skip(struct application_tls *tls, size_t length)
{
    size_t size = length;

    if (tls->stage != RANDOM && tls->stage < SKIP_SESSION)
        return 0;
    if (size >= tls->record_left)
        size = tls->record_left - 1U;
    if (size >= tls->left)
        size = tls->left - 1U;
    if (size >= tls->message_left)
        size = tls->message_left - 1U;
    tls->left = (uint16_t)(tls->left - size);
    tls->record_left = (uint16_t)(tls->record_left - size);
    tls->message_left -= (uint32_t)size;
    if (tls->stage == SKIP_BODY)
        tls->body_left = (uint16_t)(tls->body_left - size);
    return size;
}

/* A byte of a record's header. False: this is no handshake (any more). */
static bool take_record(struct application_tls *tls, uint8_t byte)
{
    tls->record[tls->record_have++] = byte;
    if (tls->record_have < sizeof(tls->record))
        return true;
    tls->record_have = 0;
    tls->record_left = (uint16_t)(tls->record[3] << 8 | tls->record[4]);
    return tls->record[0] == RECORD_HANDSHAKE && tls->record[1] == 3 && tls->record_left != 0 &&
           tls->record_left <= RECORD_MAX;
}

bool application_tls(struct flow_application *application, const uint8_t *data, size_t length,
                     uint32_t sequence)
{
    struct application_tls *tls = &application->tls;
    const bool first = application->kind == APPLICATION_NONE;
    const bool named = application->name[0] || application->detail[0];

    if (first)
        application->kind = APPLICATION_TLS;
    else if (sequence != tls->sequence)
        return false; /* sent again, or something is missing: maybe it comes yet */
    tls->sequence = sequence + (uint32_t)length;
    for (size_t i = 0; i < length && tls->stage != OVER; i++) {
        if (tls->record_left == 0) {
            if (!take_record(tls, data[i]))
                tls->stage = OVER;
            continue;
        }
        i += skip(tls, length - i - 1);
        tls->record_left--;
        take(application, data[i]);
    }
    if (tls->stage == OVER)
        application->done = true;
    return first || (!named && (application->name[0] || application->detail[0]));
}
