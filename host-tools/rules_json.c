/* SPDX-License-Identifier: ISC */
/* Rules as the file has them: what `atoll switch rules` prints, and what two files are compared by.
 */
#include "rules_file.h"
#include "values.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_text(json_t *object, const char *key, const char *text)
{
    if (text[0])
        json_object_set_new(object, key, json_string(text));
}

static void put_number(json_t *object, const char *key, uint64_t number)
{
    if (number)
        json_object_set_new(object, key, json_integer((json_int_t)number));
}

static void put_true(json_t *object, const char *key, bool value)
{
    if (value)
        json_object_set_new(object, key, json_true());
}

static void put_lock(json_t *object, enum rules_lock lock)
{
    static const char *const names[] = {"", "unlocked", "locked", "disabled"};

    put_text(object, "locking-mode", names[lock & 3]);
}

static void put_direction(json_t *object, enum rules_direction direction)
{
    static const char *const names[] = {"", "ingress", "egress", "both"};

    put_text(object, "direction", names[direction & 3]);
}

static void put_guest(json_t *object, const uint8_t uuid[16], uint16_t vif)
{
    static const uint8_t dom0[16];
    char text[RULES_UUID_TEXT] = RULES_DOM0;

    if (memcmp(uuid, dom0, sizeof(dom0)) != 0)
        rules_uuid_text(uuid, text);
    put_text(object, "guest", text);
    json_object_set_new(object, "vif", json_integer(vif));
}

static void put_rate(json_t *object, const char *key, const struct rules_rate *rate)
{
    char text[64];

    if (!rate->set)
        return;
    rules_rate_text(rate, text, sizeof(text));
    put_text(object, key, text);
}

static void put_frames(json_t *object, const char *key, const struct rules_rate *rate)
{
    if (rate->set)
        json_object_set_new(
            object, key, rate->rate ? json_integer((json_int_t)rate->rate) : json_string("none"));
}

static void put_storm(json_t *object, const struct rules_rate *broadcast,
                      const struct rules_rate *multicast, const struct rules_rate *unknown)
{
    json_t *storm = json_object();

    put_frames(storm, "broadcast", broadcast);
    put_frames(storm, "multicast", multicast);
    put_frames(storm, "unknown", unknown);
    if (json_object_size(storm))
        json_object_set_new(object, "storm", storm);
    else
        json_decref(storm);
}

static void put_prefixes(json_t *object, const char *key, const struct rules_prefix *list,
                         unsigned count, bool ipv6)
{
    json_t *array = count ? json_array() : NULL;
    char text[64];

    for (unsigned i = 0; i < count; i++) {
        rules_prefix_text(&list[i], ipv6, text, sizeof(text));
        json_array_append_new(array, json_string(text));
    }
    if (array)
        json_object_set_new(object, key, array);
}

static void put_macs(json_t *object, const struct rules_port *port)
{
    json_t *array = port->mac_count ? json_array() : NULL;

    for (unsigned i = 0; i < port->mac_count; i++) {
        const uint8_t *mac = port->macs[i];

        json_array_append_new(array, json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
                                                  mac[2], mac[3], mac[4], mac[5]));
    }
    if (array)
        json_object_set_new(object, "macs", array);
}

static void put_vlan(json_t *object, const struct rules_port *port)
{
    const struct rules_vlan *vlan = &port->vlan;
    char *text;

    if (!port->vlan_set)
        return;
    switch (vlan->mode) {
    case RULES_VLAN_TRANSPARENT:
        put_text(object, "vlan", "transparent");
        break;
    case RULES_VLAN_ACCESS:
        put_number(object, "vlan", vlan->pvid);
        break;
    case RULES_VLAN_TRUNK:
        text = rules_vlans_text(vlan->allowed);
        /* A trunk of its native VLAN alone is a list without elements. */
        json_object_set_new(object, "vlans", text && *text ? json_string(text) : json_array());
        free(text);
        put_number(object, "pvid", vlan->pvid);
        put_true(object, "pvid-tagged", vlan->pvid_tagged);
        break;
    }
}

static json_t *bridge_json(const struct rules_bridge *bridge)
{
    json_t *object = json_object();

    put_number(object, "ageing", bridge->ageing);
    put_number(object, "mtu", bridge->mtu);
    put_true(object, "snooping", bridge->snooping);
    put_true(object, "loop-guard", bridge->loop_guard);
    put_lock(object, bridge->lock);
    put_storm(object, &bridge->broadcast, &bridge->multicast, &bridge->unknown);
    return object;
}

static json_t *port_json(const struct rules_port *port)
{
    json_t *object = json_object();

    put_guest(object, port->uuid, port->vif);
    put_text(object, "comment", port->name);
    put_text(object, "bridge", port->bridge);
    put_vlan(object, port);
    put_lock(object, port->lock);
    put_macs(object, port);
    put_prefixes(object, "ipv4", port->ipv4, port->ipv4_count, false);
    put_prefixes(object, "ipv6", port->ipv6, port->ipv6_count, true);
    put_rate(object, "rate-in", &port->rate_in);
    put_rate(object, "rate-out", &port->rate_out);
    put_storm(object, &port->broadcast, &port->multicast, &port->unknown);
    put_true(object, "isolated", port->isolated);
    if (port->dhcp_server_set)
        json_object_set_new(object, "dhcp-server", json_boolean(port->dhcp_server));
    if (port->uplink_set)
        json_object_set_new(object, "uplink", json_boolean(port->uplink));
    put_number(object, "fdb-limit", port->fdb_limit);
    return object;
}

static json_t *mirror_json(const struct rules_mirror *mirror)
{
    json_t *object = json_object(), *sources = json_array();

    put_number(object, "client", mirror->client);
    put_number(object, "snap", mirror->snap);
    put_text(object, "bridge", mirror->bridge);
    if (mirror->vlan_set)
        put_number(object, "vlan", mirror->vlan);
    put_direction(object, mirror->direction);
    for (unsigned i = 0; i < mirror->source_count; i++) {
        json_t *source = json_object();

        put_guest(source, mirror->sources[i].uuid, mirror->sources[i].vif);
        put_direction(source, mirror->sources[i].direction);
        json_array_append_new(sources, source);
    }
    if (mirror->source_count)
        json_object_set_new(object, "sources", sources);
    else
        json_decref(sources);
    return object;
}

json_t *rules_file_json(const struct rules *rules)
{
    json_t *root = json_object(), *bridges = json_object(), *ports = json_array(),
           *mirrors = json_object();

    put_text(root, "unknown", rules->unknown == RULES_UNKNOWN_HOLD ? "hold" : "default");
    put_text(root, "default-bridge", rules->default_bridge);
    for (unsigned i = 0; i < rules->bridge_count; i++)
        json_object_set_new(bridges, rules->bridges[i].name, bridge_json(&rules->bridges[i]));
    for (unsigned i = 0; i < rules->port_count; i++)
        json_array_append_new(ports, port_json(&rules->ports[i]));
    for (unsigned i = 0; i < rules->mirror_count; i++)
        json_object_set_new(mirrors, rules->mirrors[i].name, mirror_json(&rules->mirrors[i]));
    json_object_set_new(root, "bridges", bridges);
    json_object_set_new(root, "ports", ports);
    json_object_set_new(root, "mirrors", mirrors);
    return root;
}
