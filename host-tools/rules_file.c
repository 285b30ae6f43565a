/* SPDX-License-Identifier: ISC */
#include "rules_file.h"
#include "rules_reader.h"
#include "values.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define STORM_MEMBERS "broadcast", "multicast", "unknown"

static const char *const unknown_names[] = {
    [RULES_UNKNOWN_DEFAULT] = "default", [RULES_UNKNOWN_HOLD] = "hold", NULL};

/* Of enum rules_lock; what a file does not say is inherited. */
static const char *const lock_names[] = {"", "unlocked", "locked", "disabled", NULL};
static const char *const direction_names[] = {"", "ingress", "egress", "both", NULL};

struct rules *rules_create(void)
{
    struct rules *rules = calloc(1, sizeof(*rules));

    if (!rules)
        return NULL;
    rules->ports = calloc(RULES_PORTS, sizeof(*rules->ports));
    rules->port_max = RULES_PORTS;
    if (!rules->ports) {
        free(rules);
        return NULL;
    }
    return rules;
}

void rules_release(struct rules *rules)
{
    if (rules)
        free(rules->ports);
    free(rules);
}

/* A bridge's, mirror's: [A-Za-z0-9_-], shorter than RULES_NAME. */
static bool good_name(const char *name)
{
    const size_t length = strlen(name);

    return length > 0 && length < RULES_NAME &&
           strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-") ==
               length;
}

static void take_name(struct reader *r, const json_t *object, const char *key,
                      char name[RULES_NAME])
{
    const char *text = reader_string(r, object, key);

    if (text && !good_name(text))
        reader_wrong_value(r, key, text, "1 to 31 letters, digits, - and _");
    else if (text)
        strcpy(name, text);
}

/* A bridge that the file itself describes. */
static void take_bridge(struct reader *r, const json_t *object, const char *key,
                        char name[RULES_NAME])
{
    take_name(r, object, key, name);
    if (r->failed || !name[0])
        return;
    for (unsigned i = 0; i < r->rules->bridge_count; i++) {
        if (strcmp(r->rules->bridges[i].name, name) == 0)
            return;
    }
    reader_wrong_value(r, key, name, "a bridge of this file; add it to \"bridges\"");
}

static void take_frames(struct reader *r, const json_t *object, const char *key,
                        struct rules_rate *rate)
{
    const json_t *value = json_object_get(object, key);
    uint64_t frames = 0;

    if (!value || r->failed)
        return;
    rate->set = true;
    if (json_is_string(value) && strcmp(json_string_value(value), "none") == 0)
        return;
    if (!json_is_integer(value))
        reader_wrong(r, key, "it is %s; expected frames a second, or \"none\"", reader_kind(value));
    else if (reader_number(r, object, key, 1, 100000000, &frames))
        rate->rate = frames;
}

static void take_storm(struct reader *r, const json_t *object, struct rules_rate *broadcast,
                       struct rules_rate *multicast, struct rules_rate *unknown)
{
    static const char *const known[] = {STORM_MEMBERS, NULL};
    const json_t *storm = reader_object(r, object, "storm");

    if (!storm)
        return;
    reader_enter(r, "storm", 0);
    reader_check_members(r, storm, known);
    take_frames(r, storm, "broadcast", broadcast);
    take_frames(r, storm, "multicast", multicast);
    take_frames(r, storm, "unknown", unknown);
    reader_leave(r);
}

static void take_rate(struct reader *r, const json_t *object, const char *key,
                      struct rules_rate *rate)
{
    const char *text = reader_string(r, object, key);

    if (text && !rules_rate_parse(text, rate))
        reader_wrong_value(r, key, text, "a rate such as 10Mb/s, 250KB/s@20ms, or none");
}

/* --- bridges ------------------------------------------------------------------------------------
 */

static void read_bridge(struct reader *r, const char *name, const json_t *object)
{
    static const char *const known[] = {"comment",    "ageing",       "mtu",   "snooping",
                                        "loop-guard", "locking-mode", "storm", NULL};
    struct rules_bridge *bridge = &r->rules->bridges[r->rules->bridge_count];
    uint64_t number;
    unsigned lock = 0;

    if (!good_name(name)) {
        reader_wrong(r, NULL,
                     "this is no bridge's name; expected 1 to 31 letters, digits, - and "
                     "_");
        return;
    }
    if (!reader_is(r, object, JSON_OBJECT, "an object of the bridge's settings"))
        return;
    strcpy(bridge->name, name);
    reader_check_members(r, object, known);
    reader_string(r, object, "comment");
    if (reader_number(r, object, "ageing", RULES_AGEING_MIN, RULES_AGEING_MAX, &number))
        bridge->ageing = (uint32_t)number;
    if (reader_number(r, object, "mtu", RULES_MTU_MIN, RULES_MTU_MAX, &number))
        bridge->mtu = (uint16_t)number;
    reader_bool(r, object, "snooping", &bridge->snooping);
    reader_bool(r, object, "loop-guard", &bridge->loop_guard);
    reader_choice(r, object, "locking-mode", lock_names, &lock);
    bridge->lock = (enum rules_lock)lock;
    take_storm(r, object, &bridge->broadcast, &bridge->multicast, &bridge->unknown);
    r->rules->bridge_count++;
}

static void read_bridges(struct reader *r, json_t *root)
{
    json_t *bridges = reader_object(r, root, "bridges"), *value;
    const char *name;

    if (!bridges)
        return;
    if (json_object_size(bridges) > RULES_BRIDGES) {
        reader_wrong(r, "bridges", "there are %zu of them; expected at most %u",
                     json_object_size(bridges), RULES_BRIDGES);
        return;
    }
    reader_enter(r, "bridges", 0);
    json_object_foreach(bridges, name, value)
    {
        if (r->failed)
            break;
        reader_enter(r, name, 0);
        read_bridge(r, name, value);
        reader_leave(r);
    }
    reader_leave(r);
}

/* --- ports --------------------------------------------------------------------------------------
 */

/* "guest" and "vif", which every port has. @name: of the guest, as the file has it. */
static void take_port(struct reader *r, const json_t *object, uint8_t uuid[16], uint16_t *vif,
                      const char **name)
{
    const char *guest = reader_string(r, object, "guest");
    char why[200] = "nobody knows it";
    uint64_t number;

    *name = NULL;
    if (!r->failed && !guest)
        reader_wrong(r, "guest", "missing; expected a guest's name or uuid, or dom0");
    if (r->failed)
        return;
    *name = guest;
    memset(uuid, 0, 16);
    if (strcmp(guest, RULES_DOM0) != 0 && !rules_uuid_parse(guest, uuid)) {
        if (!*guest || strlen(guest) > 255 || !value_printable(guest))
            reader_wrong(r, "guest", "this is no guest's name; expected printable ASCII");
        else if (r->resolver->guest(r->resolver->context, guest, uuid, why, sizeof(why)))
            reader_wrong(r, "guest", "\"%.64s\": %s", guest, why);
    }
    if (reader_number(r, object, "vif", 0, UINT16_MAX, &number))
        *vif = (uint16_t)number;
}

static void take_vlans(struct reader *r, const json_t *object, uint64_t allowed[64])
{
    const json_t *value = json_object_get(object, "vlans"), *one;
    size_t index;

    if (json_is_string(value)) {
        if (!rules_vlans_parse(json_string_value(value), allowed))
            reader_wrong_value(r, "vlans", json_string_value(value),
                               "VLANs and ranges of 1 to 4094, such as 10,20-30");
        return;
    }
    if (!json_is_array(value)) {
        reader_wrong(r, "vlans",
                     "it is %s; expected a list such as [10, \"20-30\"] or \"10,20-30\"",
                     reader_kind(value));
        return;
    }
    reader_enter(r, "vlans", 0);
    json_array_foreach(value, index, one)
    {
        char number[24] = "";

        if (json_is_integer(one))
            snprintf(number, sizeof(number), "%lld", (long long)json_integer_value(one));
        reader_enter(r, NULL, index);
        if (!rules_vlans_parse(json_is_string(one) ? json_string_value(one) : number, allowed))
            reader_wrong(r, NULL,
                         "this is no VLAN; expected 1 to 4094, or a range such as "
                         "\"20-30\"");
        reader_leave(r);
    }
    reader_leave(r);
}

static void take_vlan(struct reader *r, const json_t *object, struct rules_port *port)
{
    const json_t *vlan = json_object_get(object, "vlan");
    const bool trunk = json_object_get(object, "vlans") != NULL;
    uint64_t number;

    if (vlan && trunk) {
        reader_wrong(r, "vlan",
                     "there are \"vlans\" as well; expected one of them: the VLAN of an "
                     "access port, or those of a trunk");
        return;
    }
    if (!trunk && (json_object_get(object, "pvid") || json_object_get(object, "pvid-tagged"))) {
        reader_wrong(r, json_object_get(object, "pvid") ? "pvid" : "pvid-tagged",
                     "it is for a trunk; expected \"vlans\" beside it");
        return;
    }
    port->vlan_set = vlan || trunk;
    if (trunk) {
        port->vlan.mode = RULES_VLAN_TRUNK;
        take_vlans(r, object, port->vlan.allowed);
        if (reader_number(r, object, "pvid", 1, 4094, &number))
            port->vlan.pvid = (uint16_t)number;
        reader_bool(r, object, "pvid-tagged", &port->vlan.pvid_tagged);
        if (port->vlan.pvid_tagged && !port->vlan.pvid)
            reader_wrong(r, "pvid-tagged", "there is no \"pvid\" that it could be said of");
    } else if (vlan && json_is_string(vlan) &&
               strcmp(json_string_value(vlan), "transparent") == 0) {
        port->vlan.mode = RULES_VLAN_TRANSPARENT;
    } else if (vlan && !json_is_integer(vlan)) {
        reader_wrong(r, "vlan", "it is %s; expected 1 to 4094, or \"transparent\"",
                     reader_kind(vlan));
    } else if (vlan && reader_number(r, object, "vlan", 1, 4094, &number)) {
        port->vlan.mode = RULES_VLAN_ACCESS;
        port->vlan.pvid = (uint16_t)number;
    }
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
    int used = 0;

    if (strlen(text) != 17 || strspn(text, "0123456789abcdefABCDEF:") != 17)
        return false;
    return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3],
                  &mac[4], &mac[5], &used) == 6 &&
           used == 17 && !(mac[0] & 1);
}

/* The lists of a locked port's addresses. @kind: 0 MACs, 4, 6. */
static void take_addresses(struct reader *r, const json_t *object, const char *key, int kind,
                           struct rules_port *port)
{
    const unsigned max = kind == 0 ? RULES_MACS : kind == 4 ? RULES_IPV4 : RULES_IPV6;
    uint8_t *count = kind == 0   ? &port->mac_count
                     : kind == 4 ? &port->ipv4_count
                                 : &port->ipv6_count;
    struct rules_prefix *list = kind == 4 ? port->ipv4 : port->ipv6;
    const json_t *array = reader_array(r, object, key, max), *one;
    const char *expected = kind == 0   ? "a guest's MAC such as 00:16:3e:01:02:03"
                           : kind == 4 ? "an IPv4 address or network such as 192.0.2.0/24"
                                       : "an IPv6 address or network such as 2001:db8::/64";
    size_t index, other;

    reader_enter(r, key, 0);
    json_array_foreach(array, index, one)
    {
        const char *text = json_string_value(one);
        bool good;

        reader_enter(r, NULL, index);
        if (text && kind == 0)
            good = parse_mac(text, port->macs[index]);
        else
            good = text && rules_prefix_parse(text, kind == 6, &list[index]);
        if (!good)
            reader_wrong(r, NULL, "this will not do; expected %s", expected);
        for (other = 0; good && other < index; other++) {
            if (kind == 0 ? !memcmp(port->macs[other], port->macs[index], 6)
                          : !memcmp(&list[other], &list[index], sizeof(list[0])))
                reader_wrong(r, NULL, "the same stands at %zu already", other);
        }
        reader_leave(r);
        *count = (uint8_t)(index + 1);
    }
    reader_leave(r);
}

static void read_port(struct reader *r, size_t index, const json_t *object)
{
    static const char *const known[] = {
        "comment",     "guest",    "vif",          "bridge", "vlan",      "vlans", "pvid",
        "pvid-tagged", "storm",    "locking-mode", "macs",   "ipv4",      "ipv6",  "rate-in",
        "rate-out",    "isolated", "dhcp-server",  "uplink", "fdb-limit", NULL};
    struct rules_port *port = &r->rules->ports[index];
    const char *name;
    unsigned lock = 0;
    uint64_t number;

    if (!reader_is(r, object, JSON_OBJECT, "an object of the port's settings"))
        return;
    reader_check_members(r, object, known);
    reader_string(r, object, "comment");
    take_port(r, object, port->uuid, &port->vif, &name);
    if (r->failed)
        return;
    for (size_t other = 0; other < index; other++) {
        if (!memcmp(r->rules->ports[other].uuid, port->uuid, 16) &&
            r->rules->ports[other].vif == port->vif)
            reader_wrong(r, NULL, "this is the port of $.ports[%zu]; expected each once", other);
    }
    snprintf(port->name, sizeof(port->name), "%.50s/%u", name, port->vif);
    take_bridge(r, object, "bridge", port->bridge);
    take_vlan(r, object, port);
    reader_choice(r, object, "locking-mode", lock_names, &lock);
    port->lock = (enum rules_lock)lock;
    take_addresses(r, object, "macs", 0, port);
    take_addresses(r, object, "ipv4", 4, port);
    take_addresses(r, object, "ipv6", 6, port);
    take_rate(r, object, "rate-in", &port->rate_in);
    take_rate(r, object, "rate-out", &port->rate_out);
    take_storm(r, object, &port->broadcast, &port->multicast, &port->unknown);
    reader_bool(r, object, "isolated", &port->isolated);
    port->dhcp_server_set = reader_bool(r, object, "dhcp-server", &port->dhcp_server);
    port->uplink_set = reader_bool(r, object, "uplink", &port->uplink);
    if (port->uplink && port->lock == RULES_LOCK_LOCKED)
        reader_wrong(r, "uplink",
                     "the port is locked; expected one of them: all may come from an "
                     "uplink");
    if (reader_number(r, object, "fdb-limit", 1, 1000000, &number))
        port->fdb_limit = (uint32_t)number;
    r->rules->port_count++;
}

static void read_ports(struct reader *r, const json_t *root)
{
    const json_t *ports = reader_array(r, root, "ports", RULES_PORTS), *one;
    size_t index;

    reader_enter(r, "ports", 0);
    json_array_foreach(ports, index, one)
    {
        if (r->failed)
            break;
        reader_enter(r, NULL, index);
        read_port(r, index, one);
        reader_leave(r);
    }
    reader_leave(r);
}

/* --- mirrors ------------------------------------------------------------------------------------
 */

static void read_sources(struct reader *r, const json_t *object, struct rules_mirror *mirror)
{
    static const char *const known[] = {"guest", "vif", "direction", NULL};
    const json_t *sources = reader_array(r, object, "sources", RULES_SOURCES), *one;
    size_t index;

    reader_enter(r, "sources", 0);
    json_array_foreach(sources, index, one)
    {
        unsigned direction = RULES_BOTH;
        const char *name;

        reader_enter(r, NULL, index);
        if (reader_is(r, one, JSON_OBJECT, "an object that names a port")) {
            reader_check_members(r, one, known);
            take_port(r, one, mirror->sources[index].uuid, &mirror->sources[index].vif, &name);
            reader_choice(r, one, "direction", direction_names, &direction);
            mirror->sources[index].direction = (enum rules_direction)direction;
        }
        for (size_t other = 0; !r->failed && other < index; other++) {
            if (!memcmp(mirror->sources[other].uuid, mirror->sources[index].uuid, 16) &&
                mirror->sources[other].vif == mirror->sources[index].vif)
                reader_wrong(r, NULL, "this port stands at %zu already", other);
        }
        mirror->source_count = (uint8_t)(index + 1);
        reader_leave(r);
    }
    reader_leave(r);
}

/* False: its reader is a service that does not run. */
static bool take_client(struct reader *r, const json_t *object, struct rules_mirror *mirror)
{
    const json_t *client = json_object_get(object, "client");
    char why[200] = "nobody knows it";
    const char *name;
    uint64_t number;
    int rc;

    if (json_is_integer(client)) {
        if (reader_number(r, object, "client", 0, VALUE_DOMID_LIMIT - 1, &number))
            mirror->client = (uint16_t)number;
        return true;
    }
    name = reader_string(r, object, "client");
    if (!name || strcmp(name, RULES_DOM0) == 0)
        return true;
    if (!*name || strlen(name) > 255 || !value_printable(name)) {
        reader_wrong(r, "client", "this is no domain's name; expected printable ASCII");
        return true;
    }
    rc = r->resolver->domain(r->resolver->context, name, &mirror->client, why, sizeof(why));
    if (rc < 0)
        reader_wrong(r, "client", "\"%.64s\": %s", name, why);
    return rc != RULES_ABSENT;
}

static void read_mirror(struct reader *r, const char *name, const json_t *object)
{
    static const char *const known[] = {"comment", "client",    "snap",    "bridge",
                                        "vlan",    "direction", "sources", NULL};
    struct rules_mirror *mirror = &r->rules->mirrors[r->rules->mirror_count];
    unsigned direction = RULES_BOTH;
    uint64_t number;
    bool there;

    if (!good_name(name)) {
        reader_wrong(r, NULL,
                     "this is no mirror's name; expected 1 to 31 letters, digits, - and "
                     "_");
        return;
    }
    if (!reader_is(r, object, JSON_OBJECT, "an object of the mirror's settings"))
        return;
    strcpy(mirror->name, name);
    reader_check_members(r, object, known);
    reader_string(r, object, "comment");
    there = take_client(r, object, mirror);
    if (reader_number(r, object, "snap", 14, UINT16_MAX, &number))
        mirror->snap = (uint16_t)number;
    take_bridge(r, object, "bridge", mirror->bridge);
    if (reader_number(r, object, "vlan", 1, 4094, &number)) {
        mirror->vlan = (uint16_t)number;
        mirror->vlan_set = true;
    }
    reader_choice(r, object, "direction", direction_names, &direction);
    mirror->direction = (enum rules_direction)direction;
    read_sources(r, object, mirror);
    if (there)
        r->rules->mirror_count++;
    else
        memset(mirror, 0, sizeof(*mirror));
}

static void read_mirrors(struct reader *r, json_t *root)
{
    json_t *mirrors = reader_object(r, root, "mirrors"), *value;
    const char *name;

    if (!mirrors)
        return;
    if (json_object_size(mirrors) > RULES_MIRRORS) {
        reader_wrong(r, "mirrors", "there are %zu of them; expected at most %u",
                     json_object_size(mirrors), RULES_MIRRORS);
        return;
    }
    reader_enter(r, "mirrors", 0);
    json_object_foreach(mirrors, name, value)
    {
        if (r->failed)
            break;
        reader_enter(r, name, 0);
        read_mirror(r, name, value);
        reader_leave(r);
    }
    reader_leave(r);
}

static void read_root(struct reader *r, json_t *root)
{
    static const char *const known[] = {"comment", "unknown", "default-bridge", "bridges", "ports",
                                        "mirrors", NULL};
    unsigned unknown = RULES_UNKNOWN_DEFAULT;

    if (!reader_is(r, root, JSON_OBJECT, "an object with the members bridges, ports, mirrors"))
        return;
    reader_check_members(r, root, known);
    reader_string(r, root, "comment");
    reader_choice(r, root, "unknown", unknown_names, &unknown);
    r->rules->unknown = (enum rules_unknown)unknown;
    read_bridges(r, root);
    take_bridge(r, root, "default-bridge", r->rules->default_bridge);
    read_ports(r, root);
    read_mirrors(r, root);
}

int rules_file_parse(const char *text, size_t length, const struct rules_resolver *resolver,
                     struct rules *rules, struct rules_error *error)
{
    struct reader r = {.rules = rules, .resolver = resolver, .text = text, .length = length};
    json_error_t json_error;
    json_t *root;

    memset(error, 0, sizeof(*error));
    memset(rules->ports, 0, rules->port_max * sizeof(*rules->ports));
    memset(rules->bridges, 0, sizeof(rules->bridges));
    memset(rules->mirrors, 0, sizeof(rules->mirrors));
    rules->bridge_count = rules->port_count = rules->mirror_count = 0;
    rules->default_bridge[0] = '\0';
    root = json_loadb(text, length, JSON_REJECT_DUPLICATES, &json_error);
    if (!root) {
        error->line = json_error.line > 0 ? json_error.line : 1;
        reader_json_error(error, &json_error);
        return -EINVAL;
    }
    r.error = error;
    read_root(&r, root);
    json_decref(root);
    if (!r.failed && rules_check(rules, error->text, sizeof(error->text))) {
        error->line = 0;
        return -EINVAL;
    }
    return r.failed ? -EINVAL : 0;
}
