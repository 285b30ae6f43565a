/* SPDX-License-Identifier: ISC */
#include "message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const type_names[WIRE_TYPES] = {
    "CONTROL",     "DIRECTORY",  "READ",      "GET_PERMS",     "WATCH",       "UNWATCH",
    "TX_START",    "TX_END",     "INTRODUCE", "RELEASE",       "DOMAIN_PATH", "WRITE",
    "MKDIR",       "RM",         "SET_PERMS", "EVENT",         "ERROR",       "IS_INTRODUCED",
    "RESUME",      "SET_TARGET", "RESTRICT",  "RESET_WATCHES", "DIR_PART",    "GET_FEATURE",
    "SET_FEATURE", "GET_QUOTA",  "SET_QUOTA",
};

/* The whole list of xs_wire.h: no other name may come over the wire. */
static const struct {
    int number;
    const char *name;
} errors[] = {
    {EINVAL, "EINVAL"},       {EACCES, "EACCES"}, {EEXIST, "EEXIST"},   {EISDIR, "EISDIR"},
    {ENOENT, "ENOENT"},       {ENOMEM, "ENOMEM"}, {ENOSPC, "ENOSPC"},   {EIO, "EIO"},
    {ENOTEMPTY, "ENOTEMPTY"}, {ENOSYS, "ENOSYS"}, {EROFS, "EROFS"},     {EBUSY, "EBUSY"},
    {EAGAIN, "EAGAIN"},       {E2BIG, "E2BIG"},   {EISCONN, "EISCONN"}, {EPERM, "EPERM"},
};

const char *message_type_name(uint32_t type)
{
    return type < WIRE_TYPES ? type_names[type] : "?";
}

int message_error_number(const char *name)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (strcmp(errors[i].name, name) == 0)
            return errors[i].number;
    return 0;
}

const char *message_error_name(int number)
{
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (errors[i].number == number)
            return errors[i].name;
    return "EINVAL";
}

int message_error_of(const struct wire_message *message)
{
    if (message->type != WIRE_ERROR)
        return 0;
    if (message->length == 0 || message->payload[message->length - 1] != 0)
        return EPROTO;
    int number = message_error_number((const char *)message->payload);
    return number ? number : EPROTO;
}

bool message_add(struct wire_message *message, const void *data, size_t length)
{
    if (length > WIRE_PAYLOAD_MAX - message->length)
        return false;
    if (length > 0)
        memcpy(message->payload + message->length, data, length);
    message->length += (uint32_t)length;
    message->payload[message->length] = 0;
    return true;
}

bool message_add_string(struct wire_message *message, const char *text)
{
    return message_add(message, text, strlen(text) + 1);
}

bool message_same_content(const struct wire_message *a, const struct wire_message *b)
{
    return a->type == b->type && a->length == b->length &&
           memcmp(a->payload, b->payload, a->length) == 0;
}

void message_print(char *out, size_t size, const struct wire_message *message)
{
    int used = snprintf(out, size, "%s req %u tx %u len %u \"", message_type_name(message->type),
                        message->req_id, message->tx_id, message->length);
    size_t at = used < 0 ? 0 : (size_t)used;

    for (uint32_t i = 0; i < message->length && i < 200 && at + 8 < size; i++) {
        uint8_t c = message->payload[i];
        if (c == 0)
            out[at++] = '|';
        else if (c < 0x20 || c >= 0x7f)
            at += (size_t)snprintf(out + at, size - at, "\\x%02x", c);
        else
            out[at++] = (char)c;
    }
    snprintf(out + at, size - at, message->length > 200 ? "...\"" : "\"");
}
