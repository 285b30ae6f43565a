/* SPDX-License-Identifier: ISC */
#include "path.h"

#include <stdio.h>
#include <string.h>

#define HOME "/local/domain/"

static const bool valid_char[256] = {
    ['a' ... 'z'] = true, ['A' ... 'Z'] = true, ['0' ... '9'] = true, ['-'] = true,
    ['/'] = true,         ['_'] = true,         ['@'] = true,
};

/* The bytes of "/local/domain/N/" that @path starts with; 0 if it does not. */
static size_t home_prefix(const char *path)
{
    size_t digits;

    if (strncmp(path, HOME, sizeof(HOME) - 1))
        return 0;
    digits = strspn(path + sizeof(HOME) - 1, "0123456789");
    if (!digits || digits > 5 || path[sizeof(HOME) - 1 + digits] != '/')
        return 0;
    return sizeof(HOME) - 1 + digits + 1;
}

size_t path_home_length(domid_t domid)
{
    return (size_t)snprintf(NULL, 0, HOME "%u/", domid);
}

bool path_canonical(const char *text, domid_t domid, bool special, char *path)
{
    size_t length = strlen(text), start = 0;

    if (!length || length > XS_ABS_PATH_MAX)
        return false;
    for (size_t i = 0; i < length; i++)
        if (!valid_char[(uint8_t)text[i]] || (text[i] == '/' && text[i + 1] == '/'))
            return false;
    if (text[length - 1] == '/' && length > 1)
        return false;
    if (text[0] == '@' && !special)
        return false;

    if (text[0] != '/' && text[0] != '@') {
        start = path_home_length(domid);
        if (start + length > XS_ABS_PATH_MAX)
            return false;
        snprintf(path, PATH_SIZE, HOME "%u/", domid);
    }
    memcpy(path + start, text, length + 1);
    return true;
}

size_t path_measure(const char *path)
{
    return strlen(path) - home_prefix(path);
}
