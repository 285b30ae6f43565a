/* SPDX-License-Identifier: ISC */
#include "values.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_digit(char ch)
{
    return ch >= '0' && ch <= '9';
}

static bool is_alphanumeric(char ch)
{
    return is_digit(ch) || (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
}

bool value_number(const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
    unsigned long n;
    char *end;

    if (!is_digit(text[0])) /* strtoul would take a sign and blanks */
        return false;
    errno = 0;
    n = strtoul(text, &end, 10);
    if (errno || *end != '\0' || n < min || n > max)
        return false;
    *value = (uint32_t)n;
    return true;
}

bool value_name(const char *text, size_t size)
{
    static const char marks[] = "-_.+";
    const size_t len = strlen(text);

    if (len >= size || !is_alphanumeric(text[0]))
        return false;
    for (size_t i = 1; i < len; i++) {
        if (!is_alphanumeric(text[i]) && !strchr(marks, text[i]))
            return false;
    }
    return true;
}

bool value_printable(const char *text)
{
    for (; *text; text++) {
        if (*text < ' ' || *text > '~')
            return false;
    }
    return true;
}

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " \t");
}

/* A processor's number, at most 9 digits of it; NULL where there is none or it is past @count. */
static const char *cpu_number(const char *text, unsigned count, unsigned *cpu)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 9)
        return NULL;
    *cpu = (unsigned)strtoul(text, NULL, 10);
    return *cpu < count ? text + digits : NULL;
}

bool value_cpus(const char *text, uint8_t *cpus, unsigned count)
{
    bool any = false;

    memset(cpus, 0, count / 8);
    for (;; text++) {
        unsigned first, last;
        bool without;

        text = skip_blanks(text);
        without = *text == '^';
        text = cpu_number(text + without, count, &first);
        if (!text)
            return false;
        last = first;
        if (*text == '-' && !(text = cpu_number(text + 1, count, &last)))
            return false;
        if (last < first)
            return false;
        for (unsigned cpu = first; cpu <= last; cpu++) {
            const uint8_t bit = (uint8_t)(1u << (cpu % 8));

            cpus[cpu / 8] = (uint8_t)(without ? cpus[cpu / 8] & ~bit : cpus[cpu / 8] | bit);
        }
        text = skip_blanks(text);
        if (*text != ',')
            break;
    }
    for (unsigned i = 0; i < count / 8; i++)
        any = any || cpus[i];
    return any && *text == '\0';
}
