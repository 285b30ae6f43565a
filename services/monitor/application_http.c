/* SPDX-License-Identifier: ISC */
/* HTTP/1: RFC 9112, sections 3, 4 and 5; the methods of RFC 9110, section 9, and PATCH, RFC 5789.
 */
#include <string.h>

#include "application_state.h"

/* Bytes of a head that are looked at for Host. */
#define HEAD_MAX 4096U

static const char *const methods[] = {"GET ",     "POST ",    "HEAD ",  "PUT ",  "DELETE ",
                                      "OPTIONS ", "CONNECT ", "TRACE ", "PATCH "};

static bool begins(const uint8_t *data, size_t length, const char *words)
{
    const size_t size = strlen(words);

    return length >= size && memcmp(data, words, size) == 0;
}

static const char *method_of(const uint8_t *data, size_t length)
{
    for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++) {
        if (begins(data, length, methods[i]))
            return methods[i];
    }
    return NULL;
}

static bool is_response(const uint8_t *data, size_t length)
{
    return length >= 12 && begins(data, length, "HTTP/1.") && data[8] == ' ';
}

bool application_is_http(const uint8_t *data, size_t length)
{
    /* The letters that a method or "HTTP" may begin with: most payloads end here. */
    if (length < 12 || data[0] < 'C' || data[0] > 'T')
        return false;
    return is_response(data, length) || method_of(data, length);
}

static bool is_host(const uint8_t *line, size_t length)
{
    static const char name[] = "host:";

    if (length < sizeof(name) - 1)
        return false;
    for (size_t i = 0; i < sizeof(name) - 1; i++) {
        const uint8_t lower = line[i] >= 'A' && line[i] <= 'Z' ? line[i] | 0x20 : line[i];

        if (lower != (uint8_t)name[i])
            return false;
    }
    return true;
}

static void take_host(struct flow_application *application, const uint8_t *value, size_t length)
{
    struct application_text text = application_text(application->name, sizeof(application->name));
    size_t at = 0;

    while (at < length && (value[at] == ' ' || value[at] == '\t'))
        at++;
    while (length > at && (value[length - 1] == ' ' || value[length - 1] == '\t'))
        length--;
    for (; at < length; at++)
        application_add(&text, value[at]);
}

/* The Host of the head at @data, line by line; a line that is not all there says nothing. */
static void find_host(struct flow_application *application, const uint8_t *data, size_t length)
{
    size_t at = 0;

    if (length > HEAD_MAX)
        length = HEAD_MAX;
    while (at < length) {
        const uint8_t *line = data + at;
        const uint8_t *end = memchr(line, '\n', length - at);
        size_t size;

        if (!end)
            return;
        size = (size_t)(end - line);
        at += size + 1;
        if (size && line[size - 1] == '\r')
            size--;
        if (size == 0)
            return;
        if (is_host(line, size)) {
            take_host(application, line + 5, size - 5);
            return;
        }
    }
}

bool application_http(struct flow_application *application, const uint8_t *data, size_t length)
{
    const char *method;

    if (!application_is_http(data, length))
        return false;
    application->kind = APPLICATION_HTTP;
    if (is_response(data, length)) {
        uint16_t code = 0;

        for (unsigned i = 9; i < 12; i++) {
            if (data[i] < '0' || data[i] > '9')
                return false;
            code = (uint16_t)(code * 10 + (data[i] - '0'));
        }
        application->code = code;
        /* 100 and its like come before the answer proper. */
        application->done = application->detail[0] != 0 && code >= 200;
        return true;
    }
    /* The first request stands for its connection. */
    if (application->detail[0])
        return false;
    method = method_of(data, length);
    struct application_text text =
        application_text(application->detail, sizeof(application->detail));
    while (*method != ' ')
        application_add(&text, (uint8_t)*method++);
    find_host(application, data, length);
    return true;
}
