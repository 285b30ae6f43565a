/* SPDX-License-Identifier: ISC */
#include "common/xs_wire.h"

#include <errno.h>
#include <string.h>

/* The whole table of the public header: neither end knows other names. */
static const struct {
    int error;
    char name[12];
} names[] = {
    {EINVAL, "EINVAL"}, {EACCES, "EACCES"},   {EEXIST, "EEXIST"},       {EISDIR, "EISDIR"},
    {ENOENT, "ENOENT"}, {ENOMEM, "ENOMEM"},   {ENOSPC, "ENOSPC"},       {EIO, "EIO"},
    {EROFS, "EROFS"},   {ENOSYS, "ENOSYS"},   {ENOTEMPTY, "ENOTEMPTY"}, {EBUSY, "EBUSY"},
    {EAGAIN, "EAGAIN"}, {EISCONN, "EISCONN"}, {E2BIG, "E2BIG"},         {EPERM, "EPERM"},
};

#define NAMES (sizeof(names) / sizeof(names[0]))

const char *wire_error_name(int error)
{
    for (unsigned i = 0; i < NAMES; i++)
        if (names[i].error == error)
            return names[i].name;
    return "EINVAL";
}

int wire_error_number(const char *name)
{
    for (unsigned i = 0; i < NAMES; i++)
        if (!strcmp(names[i].name, name))
            return names[i].error;
    return EINVAL;
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
