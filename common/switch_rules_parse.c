/* SPDX-License-Identifier: ISC */
/* What toolstacks write: see xl-network-configuration(5), libxl_nic.c and vif-openvswitch. */
#include "common/switch_rules.h"

#include <errno.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* A decimal number of at most @most at *@text, which goes behind it. False: there is none. */
static bool take_number(const char **text, uint64_t most, uint64_t *value)
{
    const char *at = *text;

    if (!is_digit(*at))
        return false;
    for (*value = 0; is_digit(*at); at++) {
        unsigned digit = (unsigned)(*at - '0');

        if (*value > (most - digit) / 10)
            return false;
        *value = *value * 10 + digit;
    }
    *text = at;
    return true;
}

static bool take(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

static int hex_digit(char c)
{
    if (is_digit(c))
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static bool take_byte(const char **text, uint8_t *byte)
{
    int high = hex_digit((*text)[0]);
    int low = high < 0 ? -1 : hex_digit((*text)[1]);

    if (low < 0)
        return false;
    *byte = (uint8_t)(high << 4 | low);
    *text += 2;
    return true;
}

int rules_parse_mac(const char *text, uint8_t mac[6])
{
    for (unsigned i = 0; i < 6; i++)
        if ((i > 0 && !take(&text, ':')) || !take_byte(&text, &mac[i]))
            return -EINVAL;
    return *text == '\0' ? 0 : -EINVAL;
}

int rules_parse_uuid(const char *text, uint8_t uuid[16])
{
    for (unsigned i = 0; i < 16; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && !take(&text, '-'))
            return -EINVAL;
        if (!take_byte(&text, &uuid[i]))
            return -EINVAL;
    }
    return *text == '\0' ? 0 : -EINVAL;
}

int rules_parse_rate(const char *text, struct rules_rate *rate)
{
    uint64_t bytes, interval;
    unsigned __int128 a_second;

    if (!take_number(&text, UINT64_MAX, &bytes) || !take(&text, ',') ||
        !take_number(&text, UINT32_MAX, &interval) || *text != '\0')
        return -EINVAL;
    if (interval == 0) {
        *rate = (struct rules_rate){.set = true};
        return 0;
    }
    /* A rate of 0 is no limit in rules, and the contrary here. */
    if (bytes == 0)
        return -EINVAL;
    a_second = ((unsigned __int128)bytes * 1000000 + interval / 2) / interval;
    *rate = (struct rules_rate){
        .set = true,
        .rate = a_second > RULES_RATE_MAX ? RULES_RATE_MAX : (uint64_t)a_second,
        .burst = bytes < RULES_BURST_MAX ? bytes : RULES_BURST_MAX,
    };
    if (rate->rate == 0)
        rate->rate = 1;
    return 0;
}

/* --- VLANs --------------------------------------------------------------------------------------
 */

static bool take_vid(const char **text, unsigned *vid)
{
    uint64_t value;

    if (!take_number(text, RULES_VID_MAX, &value) || value == 0)
        return false;
    *vid = (unsigned)value;
    return true;
}

static void allow(uint64_t vids[64], unsigned vid)
{
    vids[vid / 64] |= UINT64_C(1) << vid % 64;
}

int rules_parse_bridge(const char *text, char name[RULES_NAME], struct rules_vlan *vlan,
                       bool *vlan_set)
{
    size_t length = strcspn(text, ".:");
    unsigned vid;

    *vlan = (struct rules_vlan){.mode = RULES_VLAN_TRANSPARENT};
    *vlan_set = false;
    name[0] = '\0';
    if (length == 0 || length >= RULES_NAME ||
        strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") != length)
        return -EINVAL;
    memcpy(name, text, length);
    name[length] = '\0';
    text += length;
    if (take(&text, '.')) {
        if (!take_vid(&text, &vid))
            return -EINVAL;
        vlan->mode = RULES_VLAN_ACCESS;
        vlan->pvid = (uint16_t)vid;
    }
    while (take(&text, ':')) {
        if (!take_vid(&text, &vid))
            return -EINVAL;
        vlan->mode = RULES_VLAN_TRUNK;
        allow(vlan->allowed, vid);
    }
    *vlan_set = vlan->mode != RULES_VLAN_TRANSPARENT;
    return *text == '\0' ? 0 : -EINVAL;
}

/* One of libxl's terms: its VIDs, from @first to @last in steps, and what stands behind them. */
struct term {
    unsigned first, last, step;
    bool one; /**< a VID, no range */
    bool pvid, untagged;
};

static bool take_term(const char **text, struct term *term)
{
    uint64_t offset, count;

    *term = (struct term){.step = 1};
    if (!take_vid(text, &term->first))
        return false;
    term->last = term->first;
    if (take(text, '-')) {
        if (!take_vid(text, &term->last) || term->last < term->first)
            return false;
    } else if (take(text, '+')) {
        if (!take_number(text, RULES_VID_MAX, &offset) || offset == 0 || !take(text, 'x') ||
            !take_number(text, RULES_VID_MAX, &count) ||
            term->first + offset * count > RULES_VID_MAX)
            return false;
        term->step = (unsigned)offset;
        term->last = term->first + (unsigned)(offset * count);
    } else {
        term->one = true;
        term->pvid = take(text, 'p');
    }
    term->untagged = term->pvid || take(text, 'u');
    return true;
}

int rules_parse_vlan(const char *text, struct rules_vlan *vlan)
{
    struct term term;
    unsigned untagged = 0; /* the one that is, 0: none */

    *vlan = (struct rules_vlan){.mode = RULES_VLAN_TRUNK};
    if (!take_term(&text, &term))
        return -EINVAL;
    if (term.one && *text == '\0') {
        *vlan = (struct rules_vlan){.mode = RULES_VLAN_ACCESS, .pvid = (uint16_t)term.first};
        return 0;
    }
    while (true) {
        if (term.pvid) {
            if (vlan->pvid != 0 && vlan->pvid != term.first)
                return -EINVAL;
            vlan->pvid = (uint16_t)term.first;
        }
        for (unsigned vid = term.first; vid <= term.last; vid += term.step)
            allow(vlan->allowed, vid);
        if (term.untagged) {
            if (term.first != term.last || (untagged != 0 && untagged != term.first))
                return -EINVAL;
            untagged = term.first;
        }
        if (*text == '\0')
            break;
        if (!take(&text, '/') || !take_term(&text, &term))
            return -EINVAL;
    }
    return vlan->pvid != 0 && untagged == vlan->pvid ? 0 : -EINVAL;
}

/* --- addresses ----------------------------------------------------------------------------------
 */

static bool take_ipv4(const char **text, uint8_t address[4])
{
    for (unsigned i = 0; i < 4; i++) {
        uint64_t byte;

        if ((i > 0 && !take(text, '.')) || (**text == '0' && is_digit((*text)[1])) ||
            !take_number(text, 255, &byte))
            return false;
        address[i] = (uint8_t)byte;
    }
    return true;
}

static bool take_word16(const char **text, uint8_t word[2])
{
    unsigned value = 0, digits = 0;

    for (; hex_digit(**text) >= 0 && digits < 4; digits++)
        value = value << 4 | (unsigned)hex_digit(*(*text)++);
    word[0] = (uint8_t)(value >> 8);
    word[1] = (uint8_t)value;
    return digits > 0 && hex_digit(**text) < 0;
}

/* RFC 4291, 2.2, all three forms. */
static bool take_ipv6(const char **text, uint8_t address[16])
{
    uint8_t bytes[16] = {0};
    unsigned used = 0, gap = 17; /* where "::" is */

    if ((*text)[0] == ':') {
        if ((*text)[1] != ':')
            return false;
        *text += 2;
        gap = 0;
    }
    while (used < 16 && hex_digit(**text) >= 0) {
        const char *at = *text;
        uint8_t ipv4[4];

        if (used <= 12 && take_ipv4(&at, ipv4)) {
            memcpy(bytes + used, ipv4, sizeof(ipv4));
            used += 4;
            *text = at;
            break;
        }
        if (!take_word16(text, bytes + used))
            return false;
        used += 2;
        if (**text != ':' || used == 16)
            break;
        (*text)++;
        if (**text == ':') {
            if (gap != 17)
                return false;
            gap = used;
            (*text)++;
        } else if (hex_digit(**text) < 0) {
            return false;
        }
    }
    if (gap == 17 ? used != 16 : used > 14)
        return false;
    memset(address, 0, 16);
    if (gap == 17)
        gap = used;
    memcpy(address, bytes, gap);
    memcpy(address + 16 - (used - gap), bytes + gap, used - gap);
    return true;
}

static bool take_prefix(const char **text, unsigned bits, struct rules_prefix *prefix)
{
    uint64_t length = bits;

    if (take(text, '/') && !take_number(text, bits, &length))
        return false;
    prefix->length = (uint8_t)length;
    for (unsigned bit = prefix->length; bit < bits; bit++)
        prefix->address[bit / 8] &= (uint8_t) ~(0x80U >> bit % 8);
    return true;
}

static bool take_address(const char **text, struct rules_port *port)
{
    struct rules_prefix prefix = {.length = 0};
    const char *at = *text;

    if (take_ipv4(&at, prefix.address) && *at != ':') {
        *text = at;
        if (port->ipv4_count == RULES_IPV4 || !take_prefix(text, 32, &prefix))
            return false;
        port->ipv4[port->ipv4_count++] = prefix;
        return true;
    }
    if (!take_ipv6(text, prefix.address) || port->ipv6_count == RULES_IPV6 ||
        !take_prefix(text, 128, &prefix))
        return false;
    port->ipv6[port->ipv6_count++] = prefix;
    return true;
}

int rules_parse_addresses(const char *text, struct rules_port *port)
{
    static const char separators[] = " ,\t\n";

    port->ipv4_count = 0;
    port->ipv6_count = 0;
    text += strspn(text, separators);
    while (*text != '\0') {
        if (!take_address(&text, port) || (*text != '\0' && strchr(separators, *text) == NULL))
            return -EINVAL;
        text += strspn(text, separators);
    }
    return 0;
}
