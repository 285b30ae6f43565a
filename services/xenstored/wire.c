/* SPDX-License-Identifier: ISC */
#include "wire.h"

#include <errno.h>
#include <string.h>

const char *wire_error_name(int error)
{
    /* The whole table of xs_wire.h: clients know no other names. */
    static const struct {
        int error;
        char name[12];
    } names[] = {
        {EINVAL, "EINVAL"}, {EACCES, "EACCES"},   {EEXIST, "EEXIST"},       {EISDIR, "EISDIR"},
        {ENOENT, "ENOENT"}, {ENOMEM, "ENOMEM"},   {ENOSPC, "ENOSPC"},       {EIO, "EIO"},
        {EROFS, "EROFS"},   {ENOSYS, "ENOSYS"},   {ENOTEMPTY, "ENOTEMPTY"}, {EBUSY, "EBUSY"},
        {EAGAIN, "EAGAIN"}, {EISCONN, "EISCONN"}, {E2BIG, "E2BIG"},         {EPERM, "EPERM"},
    };

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (names[i].error == error)
            return names[i].name;
    return "EINVAL";
}

unsigned wire_strings(const char *payload, size_t length, const char *strings[], unsigned max)
{
    unsigned count = 0;

    for (size_t start = 0; start < length;) {
        const char *nul = memchr(payload + start, 0, length - start);

        if (!nul)
            break;
        if (count < max)
            strings[count] = payload + start;
        count++;
        start = (size_t)(nul - payload) + 1;
    }
    return count;
}

const char *wire_one_string(const char *payload, size_t length)
{
    return length && memchr(payload, 0, length) == payload + length - 1 ? payload : NULL;
}

bool wire_number(const char *text, uint32_t max, uint32_t *number)
{
    uint64_t value = 0;

    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > max)
            return false;
    }
    *number = (uint32_t)value;
    return true;
}
