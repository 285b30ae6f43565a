/* SPDX-License-Identifier: ISC */
#include "common/switch_rules.h"

#include <hv/hv.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Where an error is described, and in whom. */
struct checker {
    char *error;
    size_t size;
    char who[RULES_TITLE_MAX + 8];
};

/* Say what is wrong; returns false, so that it can be returned. */
static bool __attribute__((format(printf, 2, 3)))
wrong(const struct checker *checker, const char *format, ...)
{
    size_t used = 0;
    va_list arguments;

    if (checker->size == 0)
        return false;
    if (checker->who[0] != '\0')
        used = (size_t)snprintf(checker->error, checker->size, "%s: ", checker->who);
    if (used >= checker->size)
        return false;
    va_start(arguments, format);
    (void)vsnprintf(checker->error + used, checker->size - used, format, arguments);
    va_end(arguments);
    return false;
}

/* --- names --------------------------------------------------------------------------------------
 */

static bool is_printable(char c)
{
    return (unsigned char)c >= ' ' && c != 0x7f;
}

const char *rules_port_title(const struct rules_port *port, char text[RULES_TITLE_MAX])
{
    char *at = text;

    if (port->name[0] != '\0') {
        for (size_t i = 0; i < sizeof(port->name) - 1 && port->name[i] != '\0'; i++)
            *at++ = is_printable(port->name[i]) ? port->name[i] : '?';
        *at = '\0';
        return text;
    }
    for (unsigned i = 0; i < sizeof(port->uuid); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *at++ = '-';
        *at++ = "0123456789abcdef"[port->uuid[i] >> 4];
        *at++ = "0123456789abcdef"[port->uuid[i] & 15];
    }
    (void)snprintf(at, (size_t)(text + RULES_TITLE_MAX - at), "/%u", port->vif);
    return text;
}

/* Of bridges and mirrors: they stand in XenStore paths and in tools' tables. */
static bool is_name(const char *name)
{
    size_t length = strnlen(name, RULES_NAME);

    if (length == 0 || length == RULES_NAME)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = name[i];

        if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' &&
            c != '-')
            return false;
    }
    return true;
}

/* For an error, whatever is in it. */
static const char *shown(const char *name, char text[RULES_NAME])
{
    size_t i = 0;

    for (; i < RULES_NAME - 1 && name[i] != '\0'; i++)
        text[i] = is_printable(name[i]) ? name[i] : '?';
    text[i] = '\0';
    return text;
}

static bool check_bridge_name(const struct checker *checker, const struct rules *rules,
                              const char *name)
{
    char text[RULES_NAME];

    if (name[0] == '\0')
        return true;
    if (!is_name(name))
        return wrong(checker, "\"%s\" is no name for a bridge", shown(name, text));
    if (rules_bridge(rules, name) == NULL)
        return wrong(checker, "there is no bridge \"%s\" in the rules", shown(name, text));
    return true;
}

/* --- parts --------------------------------------------------------------------------------------
 */

static bool check_rate(const struct checker *checker, const struct rules_rate *rate,
                       const char *what)
{
    if (rate->rate > RULES_RATE_MAX)
        return wrong(checker, "%s of %llu is more than %llu a second", what,
                     (unsigned long long)rate->rate, (unsigned long long)RULES_RATE_MAX);
    if (rate->burst > RULES_BURST_MAX)
        return wrong(checker, "%s with a burst of %llu, which is more than %llu", what,
                     (unsigned long long)rate->burst, (unsigned long long)RULES_BURST_MAX);
    if (rate->burst != 0 && (!rate->set || rate->rate == 0))
        return wrong(checker, "%s with a burst, but no rate", what);
    return true;
}

static bool check_storm(const struct checker *checker, const struct rules_rate *broadcast,
                        const struct rules_rate *multicast, const struct rules_rate *unknown)
{
    return check_rate(checker, broadcast, "broadcast rate") &&
           check_rate(checker, multicast, "multicast rate") &&
           check_rate(checker, unknown, "unknown unicast rate");
}

static bool check_vlan(const struct checker *checker, const struct rules_vlan *vlan)
{
    uint64_t any = 0;

    for (unsigned i = 0; i < 64; i++)
        any |= vlan->allowed[i];
    if (vlan->pvid > RULES_VID_MAX)
        return wrong(checker, "VLAN %u is not between 1 and 4094", vlan->pvid);
    if ((vlan->allowed[0] & 1) != 0 || vlan->allowed[63] >> 63 != 0)
        return wrong(checker, "VLAN %u is not between 1 and 4094",
                     (vlan->allowed[0] & 1) != 0 ? 0 : 4095);
    switch (vlan->mode) {
    case RULES_VLAN_TRANSPARENT:
        if (vlan->pvid != 0 || vlan->pvid_tagged || any != 0)
            return wrong(checker, "a transparent port is in no VLAN");
        return true;
    case RULES_VLAN_ACCESS:
        if (vlan->pvid == 0)
            return wrong(checker, "an access port needs a VLAN");
        if (vlan->pvid_tagged || any != 0)
            return wrong(checker, "an access port is in one VLAN, and its frames have no tag");
        return true;
    case RULES_VLAN_TRUNK:
        if (vlan->pvid == 0 && any == 0)
            return wrong(checker, "a trunk needs a VLAN");
        if (vlan->pvid == 0 && vlan->pvid_tagged)
            return wrong(checker, "a tagged PVID, but no PVID");
        return true;
    default:
        return wrong(checker, "VLAN mode %u is not known", vlan->mode);
    }
}

static bool check_macs(const struct checker *checker, const struct rules_port *port)
{
    static const uint8_t zeros[6];

    if (port->mac_count > RULES_MACS)
        return wrong(checker, "more than %u MACs", RULES_MACS);
    for (unsigned i = 0; i < port->mac_count; i++) {
        const uint8_t *mac = port->macs[i];

        if ((mac[0] & 1) != 0 || memcmp(mac, zeros, sizeof(zeros)) == 0)
            return wrong(checker, "%02x:%02x:%02x:%02x:%02x:%02x is no MAC of a guest", mac[0],
                         mac[1], mac[2], mac[3], mac[4], mac[5]);
        for (unsigned j = 0; j < i; j++)
            if (memcmp(mac, port->macs[j], 6) == 0)
                return wrong(checker, "the MAC %02x:%02x:%02x:%02x:%02x:%02x is there twice",
                             mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
    }
    return true;
}

/* Are bits set beyond the prefix? */
static bool has_rest(const struct rules_prefix *prefix, unsigned bits)
{
    for (unsigned bit = prefix->length; bit < bits; bit++)
        if (prefix->address[bit / 8] >> (7 - bit % 8) & 1)
            return true;
    return false;
}

static bool check_ipv4(const struct checker *checker, const struct rules_port *port)
{
    if (port->ipv4_count > RULES_IPV4)
        return wrong(checker, "more than %u IPv4 addresses", RULES_IPV4);
    for (unsigned i = 0; i < port->ipv4_count; i++) {
        const uint8_t *a = port->ipv4[i].address;
        unsigned length = port->ipv4[i].length;

        if (length > 32)
            return wrong(checker, "an IPv4 prefix of %u bits", length);
        if (has_rest(&port->ipv4[i], 32))
            return wrong(checker, "%u.%u.%u.%u/%u has bits beyond its prefix", a[0], a[1], a[2],
                         a[3], length);
        if (length >= 4 && a[0] >= 224)
            return wrong(checker, "%u.%u.%u.%u/%u are no addresses of a guest", a[0], a[1], a[2],
                         a[3], length);
    }
    return true;
}

static bool check_ipv6(const struct checker *checker, const struct rules_port *port)
{
    if (port->ipv6_count > RULES_IPV6)
        return wrong(checker, "more than %u IPv6 addresses", RULES_IPV6);
    for (unsigned i = 0; i < port->ipv6_count; i++) {
        const uint8_t *a = port->ipv6[i].address;
        unsigned length = port->ipv6[i].length;
        char text[40];

        for (unsigned j = 0; j < 8; j++)
            (void)snprintf(text + j * 5, 6, j == 7 ? "%02x%02x" : "%02x%02x:", a[2 * j],
                           a[2 * j + 1]);
        if (length > 128)
            return wrong(checker, "an IPv6 prefix of %u bits", length);
        if (has_rest(&port->ipv6[i], 128))
            return wrong(checker, "%s/%u has bits beyond its prefix", text, length);
        if (length >= 8 && a[0] == 0xff)
            return wrong(checker, "%s/%u are no addresses of a guest", text, length);
    }
    return true;
}

static bool check_lock(const struct checker *checker, enum rules_lock lock)
{
    if (lock > RULES_LOCK_DISABLED)
        return wrong(checker, "locking mode %u is not known", lock);
    return true;
}

static bool same_port(const struct rules_port *port, const uint8_t uuid[16], uint16_t vif)
{
    return port->vif == vif && memcmp(port->uuid, uuid, sizeof(port->uuid)) == 0;
}

static bool check_port(struct checker *checker, const struct rules *rules, unsigned index)
{
    const struct rules_port *port = &rules->ports[index];
    char title[RULES_TITLE_MAX];

    (void)snprintf(checker->who, sizeof(checker->who), "port %s", rules_port_title(port, title));
    for (size_t i = 0; i < sizeof(port->name); i++) {
        if (port->name[i] == '\0')
            break;
        if (!is_printable(port->name[i]) || i == sizeof(port->name) - 1)
            return wrong(checker, "its name has control characters, or no end");
    }
    for (unsigned i = 0; i < index; i++)
        if (same_port(&rules->ports[i], port->uuid, port->vif))
            return wrong(checker, "there are two rules for it");
    if (port->uplink && port->lock == RULES_LOCK_LOCKED)
        return wrong(checker, "an uplink cannot be locked");
    return check_bridge_name(checker, rules, port->bridge) &&
           (!port->vlan_set || check_vlan(checker, &port->vlan)) &&
           check_lock(checker, port->lock) && check_macs(checker, port) &&
           check_ipv4(checker, port) && check_ipv6(checker, port) &&
           check_rate(checker, &port->rate_in, "rate in") &&
           check_rate(checker, &port->rate_out, "rate out") &&
           check_storm(checker, &port->broadcast, &port->multicast, &port->unknown);
}

static bool check_bridge(struct checker *checker, const struct rules *rules, unsigned index)
{
    const struct rules_bridge *bridge = &rules->bridges[index];
    char text[RULES_NAME];

    (void)snprintf(checker->who, sizeof(checker->who), "bridge %u", index + 1);
    if (!is_name(bridge->name))
        return wrong(checker, "\"%s\" is no name for a bridge", shown(bridge->name, text));
    (void)snprintf(checker->who, sizeof(checker->who), "bridge %s", bridge->name);
    if (rules_bridge(rules, bridge->name) != bridge)
        return wrong(checker, "there are two of that name");
    if (bridge->ageing != 0 &&
        (bridge->ageing < RULES_AGEING_MIN || bridge->ageing > RULES_AGEING_MAX))
        return wrong(checker, "ageing of %u is not between %u and %u seconds", bridge->ageing,
                     RULES_AGEING_MIN, RULES_AGEING_MAX);
    if (bridge->mtu != 0 && (bridge->mtu < RULES_MTU_MIN || bridge->mtu > RULES_MTU_MAX))
        return wrong(checker, "an MTU of %u is not between %u and %u", bridge->mtu, RULES_MTU_MIN,
                     RULES_MTU_MAX);
    return check_lock(checker, bridge->lock) &&
           check_storm(checker, &bridge->broadcast, &bridge->multicast, &bridge->unknown);
}

static bool is_direction(enum rules_direction direction)
{
    return direction >= RULES_INGRESS && direction <= RULES_BOTH;
}

static bool check_sources(const struct checker *checker, const struct rules *rules,
                          const struct rules_mirror *mirror)
{
    if (mirror->source_count > RULES_SOURCES)
        return wrong(checker, "more than %u sources", RULES_SOURCES);
    for (unsigned i = 0; i < mirror->source_count; i++) {
        struct rules_port source = {.vif = mirror->sources[i].vif};
        const struct rules_port *port;
        char title[RULES_TITLE_MAX];

        memcpy(source.uuid, mirror->sources[i].uuid, sizeof(source.uuid));
        port = rules_port(rules, source.uuid, source.vif);
        if (port == NULL)
            return wrong(checker, "there is no port %s in the rules",
                         rules_port_title(&source, title));
        if (!is_direction(mirror->sources[i].direction))
            return wrong(checker, "port %s: direction %u is not known",
                         rules_port_title(port, title), mirror->sources[i].direction);
        for (unsigned j = 0; j < i; j++)
            if (same_port(port, mirror->sources[j].uuid, mirror->sources[j].vif))
                return wrong(checker, "port %s is there twice", rules_port_title(port, title));
    }
    return true;
}

static bool check_mirror(struct checker *checker, const struct rules *rules, unsigned index)
{
    const struct rules_mirror *mirror = &rules->mirrors[index];
    char text[RULES_NAME];

    (void)snprintf(checker->who, sizeof(checker->who), "mirror %u", index + 1);
    if (!is_name(mirror->name))
        return wrong(checker, "\"%s\" is no name for a mirror", shown(mirror->name, text));
    (void)snprintf(checker->who, sizeof(checker->who), "mirror %s", mirror->name);
    for (unsigned i = 0; i < index; i++)
        if (strcmp(rules->mirrors[i].name, mirror->name) == 0)
            return wrong(checker, "there are two of that name");
    if (mirror->client >= HV_DOMID_FIRST_RESERVED)
        return wrong(checker, "%u is no domain", mirror->client);
    if (mirror->vlan_set && mirror->vlan > RULES_VID_MAX)
        return wrong(checker, "VLAN %u is not between 0 and 4094", mirror->vlan);
    if (!is_direction(mirror->direction))
        return wrong(checker, "direction %u is not known", mirror->direction);
    return check_bridge_name(checker, rules, mirror->bridge) &&
           check_sources(checker, rules, mirror);
}

/* --- all ----------------------------------------------------------------------------------------
 */

static bool check_digest(const struct checker *checker, const char *digest)
{
    size_t length = strnlen(digest, 65);

    if (length != 0 && (length != 64 || strspn(digest, "0123456789abcdef") != 64))
        return wrong(checker, "the digest is not 64 hexadecimal digits");
    return true;
}

static bool check_head(const struct checker *checker, const struct rules *rules)
{
    if (rules->bridge_count > RULES_BRIDGES)
        return wrong(checker, "more than %u bridges", RULES_BRIDGES);
    if (rules->port_count > RULES_PORTS)
        return wrong(checker, "more than %u ports", RULES_PORTS);
    if (rules->mirror_count > RULES_MIRRORS)
        return wrong(checker, "more than %u mirrors", RULES_MIRRORS);
    if (rules->unknown > RULES_UNKNOWN_HOLD)
        return wrong(checker, "%u is no way to treat unknown guests", rules->unknown);
    return check_digest(checker, rules->digest);
}

int rules_check(const struct rules *rules, char *error, size_t size)
{
    struct checker checker = {.error = error, .size = size};
    bool sound;

    if (size > 0)
        error[0] = '\0';
    sound = check_head(&checker, rules);
    for (unsigned i = 0; sound && i < rules->bridge_count; i++)
        sound = check_bridge(&checker, rules, i);
    if (sound) {
        checker.who[0] = '\0';
        sound = check_bridge_name(&checker, rules, rules->default_bridge);
    }
    for (unsigned i = 0; sound && i < rules->port_count; i++)
        sound = check_port(&checker, rules, i);
    for (unsigned i = 0; sound && i < rules->mirror_count; i++)
        sound = check_mirror(&checker, rules, i);
    return sound ? 0 : -EINVAL;
}

const struct rules_port *rules_port(const struct rules *rules, const uint8_t uuid[16], uint16_t vif)
{
    for (unsigned i = 0; i < rules->port_count; i++)
        if (same_port(&rules->ports[i], uuid, vif))
            return &rules->ports[i];
    return NULL;
}

const struct rules_bridge *rules_bridge(const struct rules *rules, const char *name)
{
    for (unsigned i = 0; i < rules->bridge_count; i++)
        if (strncmp(rules->bridges[i].name, name, RULES_NAME) == 0)
            return &rules->bridges[i];
    return NULL;
}
