/* SPDX-License-Identifier: ISC */
/* Values of the desired-state file as people write them, both ways. */
#include "rules_file.h"
#include "values.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Rates beyond this are none: bytes a second. */
#define RATE_MAX UINT64_C(1000000000000)

/* libxl's interval where a rate names none, in microseconds. */
#define INTERVAL_DEFAULT 50000U
#define INTERVAL_MAX     10000000U

void rules_uuid_text(const uint8_t uuid[16], char text[RULES_UUID_TEXT])
{
    size_t used = 0;

    for (int i = 0; i < 16; i++)
        used += (size_t)snprintf(text + used, RULES_UUID_TEXT - used, "%s%02x",
                                 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", uuid[i]);
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool rules_uuid_parse(const char *text, uint8_t uuid[16])
{
    if (strlen(text) != RULES_UUID_TEXT - 1)
        return false;
    for (int i = 0; i < 16; i++) {
        int high, low;

        if ((i == 4 || i == 6 || i == 8 || i == 10) && *text++ != '-')
            return false;
        high = hex_digit(*text++);
        low = hex_digit(*text++);
        if (high < 0 || low < 0)
            return false;
        uuid[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

/* Decimal digits at *@text, at most @max; *@text goes behind them. */
static bool take_digits(const char **text, uint64_t max, uint64_t *value)
{
    const char *at = *text;

    *value = 0;
    for (; *at >= '0' && *at <= '9'; at++) {
        *value = *value * 10 + (uint64_t)(*at - '0');
        if (*value > max)
            return false;
    }
    if (at == *text)
        return false;
    *text = at;
    return true;
}

static bool take_word(const char **text, const char *word)
{
    const size_t length = strlen(word);

    if (strncmp(*text, word, length) != 0)
        return false;
    *text += length;
    return true;
}

/* "@20ms" behind a rate: how long a burst may have piled up. */
static bool take_interval(const char **text, uint64_t *interval)
{
    *interval = INTERVAL_DEFAULT;
    if (!take_word(text, "@"))
        return true;
    if (!take_digits(text, INTERVAL_MAX, interval))
        return false;
    if (take_word(text, "ms"))
        *interval *= 1000;
    else if (!take_word(text, "us") && take_word(text, "s"))
        *interval *= 1000000;
    return *interval > 0 && *interval <= INTERVAL_MAX;
}

bool rules_rate_parse(const char *text, struct rules_rate *rate)
{
    const bool burst = strchr(text, '@') != NULL;
    uint64_t value, factor, interval;

    *rate = (struct rules_rate){.set = true};
    if (strcmp(text, "none") == 0)
        return true;
    if (!take_digits(&text, RATE_MAX * 8, &value))
        return false;
    factor = take_word(&text, "G")   ? 1000000000
             : take_word(&text, "M") ? 1000000
             : take_word(&text, "K") ? 1000
                                     : 1;
    if (value > RATE_MAX * 8 / factor)
        return false;
    value *= factor;
    if (take_word(&text, "b/s"))
        value /= 8;
    else if (!take_word(&text, "B/s"))
        return false;
    if (!take_interval(&text, &interval) || *text || value == 0 || value > RATE_MAX)
        return false;
    rate->rate = value;
    if (burst)
        rate->burst = value * interval / 1000000;
    return !burst || rate->burst > 0;
}

void rules_rate_text(const struct rules_rate *rate, char *text, size_t size)
{
    static const struct {
        uint64_t factor;
        const char *name;
    } units[] = {{1000000000, "G"}, {1000000, "M"}, {1000, "K"}, {1, ""}};
    const uint64_t bits = rate->rate * 8;
    unsigned unit = 0;
    int used;

    if (!rate->rate) {
        snprintf(text, size, "none");
        return;
    }
    while (bits % units[unit].factor)
        unit++;
    used = snprintf(text, size, "%llu%sb/s", (unsigned long long)(bits / units[unit].factor),
                    units[unit].name);
    /* Rounded up, because reading it rounds down: the same burst comes of it. */
    if (rate->burst && used > 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, "@%lluus",
                 (unsigned long long)((rate->burst * 1000000 + rate->rate - 1) / rate->rate));
}

bool rules_vlans_parse(const char *text, uint64_t allowed[64])
{
    do {
        uint64_t first, last;

        if (!take_digits(&text, 4094, &first) || first == 0)
            return false;
        last = first;
        if (take_word(&text, "-") && (!take_digits(&text, 4094, &last) || last < first))
            return false;
        for (uint64_t vid = first; vid <= last; vid++)
            allowed[vid / 64] |= UINT64_C(1) << vid % 64;
    } while (take_word(&text, ","));
    return *text == '\0';
}

static bool vlan_allowed(const uint64_t allowed[64], unsigned vid)
{
    return vid < 4096 && (allowed[vid / 64] >> vid % 64 & 1);
}

char *rules_vlans_text(const uint64_t allowed[64])
{
    char *text = NULL;
    size_t size;
    FILE *memory = open_memstream(&text, &size);

    if (!memory)
        return NULL;
    for (unsigned vid = 1; vid < 4095; vid++) {
        unsigned last = vid;

        if (!vlan_allowed(allowed, vid))
            continue;
        while (last < 4094 && vlan_allowed(allowed, last + 1))
            last++;
        fprintf(memory, last > vid ? "%s%u-%u" : "%s%u", ftell(memory) ? "," : "", vid, last);
        vid = last;
    }
    if (fclose(memory)) {
        free(text);
        return NULL;
    }
    return text;
}

bool rules_prefix_parse(const char *text, bool ipv6, struct rules_prefix *prefix)
{
    const char *slash = strchr(text, '/');
    const size_t length = slash ? (size_t)(slash - text) : strlen(text);
    char address[INET6_ADDRSTRLEN];
    uint32_t bits = ipv6 ? 128 : 32;

    memset(prefix, 0, sizeof(*prefix));
    if (length >= sizeof(address) || (slash && !value_number(slash + 1, 1, bits, &bits)))
        return false;
    memcpy(address, text, length);
    address[length] = '\0';
    prefix->length = (uint8_t)bits;
    if (inet_pton(ipv6 ? AF_INET6 : AF_INET, address, prefix->address) != 1)
        return false;
    /* Bits behind the prefix would be an address or a network: which one nobody can tell. */
    for (unsigned i = bits; i < (ipv6 ? 128u : 32u); i++) {
        if (prefix->address[i / 8] >> (7 - i % 8) & 1)
            return false;
    }
    return true;
}

void rules_prefix_text(const struct rules_prefix *prefix, bool ipv6, char *text, size_t size)
{
    char address[INET6_ADDRSTRLEN] = "?";

    inet_ntop(ipv6 ? AF_INET6 : AF_INET, prefix->address, address, sizeof(address));
    if (prefix->length == (ipv6 ? 128 : 32))
        snprintf(text, size, "%s", address);
    else
        snprintf(text, size, "%s/%u", address, prefix->length);
}
