/* SPDX-License-Identifier: ISC */
/* Rules that are not sound, and what is said of each. */
#include "rules.h"

#include <errno.h>
#include <string.h>

static struct rules rules;
static struct rules_port ports[RULES_PORTS];

/* Two bridges, two ports and a mirror of both. */
static void setup(void)
{
    memset(&rules, 0, sizeof(rules));
    memset(ports, 0, sizeof(ports));
    rules.ports = ports;
    rules.port_max = RULES_PORTS;
    rules.bridge_count = 2;
    strcpy(rules.bridges[0].name, "br0");
    strcpy(rules.bridges[1].name, "br1");
    strcpy(rules.default_bridge, "br1");
    rules.port_count = 2;
    strcpy(ports[0].name, "web/0");
    ports[1].vif = 1;
    strcpy(ports[1].bridge, "br0");
    rules.mirror_count = 1;
    strcpy(rules.mirrors[0].name, "all");
    rules.mirrors[0].direction = RULES_BOTH;
    rules.mirrors[0].source_count = 2;
    rules.mirrors[0].sources[0].direction = RULES_INGRESS;
    rules.mirrors[0].sources[1].direction = RULES_EGRESS;
    rules.mirrors[0].sources[1].vif = 1;
}

/* Break it; returns what must be said; NULL: nothing, it is sound. */
static const char *break_head(int number)
{
    switch (number) {
    case 0:
        rules.bridge_count = RULES_BRIDGES + 1;
        return "more than 16 bridges";
    case 1:
        rules.port_count = RULES_PORTS + 1;
        return "more than 256 ports";
    case 2:
        rules.mirror_count = RULES_MIRRORS + 1;
        return "more than 8 mirrors";
    case 3:
        rules.unknown = 2;
        return "2 is no way to treat unknown guests";
    case 4:
        strcpy(rules.digest, "abc");
        return "the digest is not 64 hexadecimal digits";
    case 5:
        memset(rules.digest, 'F', 64);
        return "the digest is not 64 hexadecimal digits";
    case 6:
        memset(rules.digest, 'a', 65);
        return "the digest is not 64 hexadecimal digits";
    case 7:
        memset(rules.digest, 'f', 64);
        return NULL;
    case 8:
        strcpy(rules.default_bridge, "br2");
        return "there is no bridge \"br2\" in the rules";
    case 9:
        memset(rules.default_bridge, 'b', RULES_NAME);
        return "\"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\" is no name for a bridge";
    case 10:
        rules.default_bridge[0] = '\0';
        return NULL;
    default:
        return "?";
    }
}

static const char *break_bridge(int number)
{
    struct rules_bridge *bridge = &rules.bridges[1];

    switch (number) {
    case 0:
        bridge->name[0] = '\0';
        return "bridge 2: \"\" is no name for a bridge";
    case 1:
        strcpy(bridge->name, "br/1");
        return "bridge 2: \"br/1\" is no name for a bridge";
    case 2:
        strcpy(bridge->name, "\033[1m");
        return "bridge 2: \"?[1m\" is no name for a bridge";
    case 3:
        strcpy(bridge->name, "br0");
        return "bridge br0: there are two of that name";
    case 4:
        bridge->ageing = 9;
        return "bridge br1: ageing of 9 is not between 10 and 1000000 seconds";
    case 5:
        bridge->ageing = 1000001;
        return "bridge br1: ageing of 1000001 is not between 10 and 1000000 seconds";
    case 6:
        bridge->ageing = 10;
        return NULL;
    case 7:
        bridge->mtu = 67;
        return "bridge br1: an MTU of 67 is not between 68 and 65521";
    case 8:
        bridge->mtu = 65522;
        return "bridge br1: an MTU of 65522 is not between 68 and 65521";
    case 9:
        bridge->mtu = 65521;
        return NULL;
    case 10:
        bridge->lock = 4;
        return "bridge br1: locking mode 4 is not known";
    case 11:
        bridge->unknown = (struct rules_rate){true, 0, 1};
        return "bridge br1: unknown unicast rate with a burst, but no rate";
    case 12:
        bridge->broadcast = (struct rules_rate){false, 5, 1};
        return "bridge br1: broadcast rate with a burst, but no rate";
    case 13:
        bridge->multicast = (struct rules_rate){true, RULES_RATE_MAX + 1, 0};
        return "bridge br1: multicast rate of 1000000000001 is more than 1000000000000 a second";
    case 14:
        bridge->multicast = (struct rules_rate){true, 1, RULES_BURST_MAX + 1};
        return "bridge br1: multicast rate with a burst of 4294967296, which is more than "
               "4294967295";
    case 15:
        bridge->multicast = (struct rules_rate){true, RULES_RATE_MAX, RULES_BURST_MAX};
        return NULL;
    default:
        return "?";
    }
}

static const char *break_port(int number)
{
    struct rules_port *port = &ports[0];

    switch (number) {
    case 0:
        ports[1].vif = 0;
        return "port 00000000-0000-0000-0000-000000000000/0: there are two rules for it";
    case 1:
        strcpy(port->name, "a\nb");
        return "port a?b: its name has control characters, or no end";
    case 2:
        memset(port->name, 'a', sizeof(port->name));
        return "port aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: its name has "
               "control characters, or no end";
    case 3:
        port->uplink = true;
        port->lock = RULES_LOCK_LOCKED;
        return "port web/0: an uplink cannot be locked";
    case 4:
        port->lock = 4;
        return "port web/0: locking mode 4 is not known";
    case 5:
        strcpy(port->bridge, "br3");
        return "port web/0: there is no bridge \"br3\" in the rules";
    case 6:
        port->mac_count = RULES_MACS + 1;
        return "port web/0: more than 8 MACs";
    case 7:
        port->mac_count = 1;
        return "port web/0: 00:00:00:00:00:00 is no MAC of a guest";
    case 8:
        port->mac_count = 1;
        memcpy(port->macs[0], "\1\0\x5e\0\0\xfb", 6);
        return "port web/0: 01:00:5e:00:00:fb is no MAC of a guest";
    case 9:
        port->mac_count = 2;
        port->macs[0][5] = 1;
        port->macs[1][5] = 1;
        return "port web/0: the MAC 00:00:00:00:00:01 is there twice";
    case 10:
        port->ipv4_count = RULES_IPV4 + 1;
        return "port web/0: more than 16 IPv4 addresses";
    case 11:
        port->ipv4_count = 1;
        port->ipv4[0].length = 33;
        return "port web/0: an IPv4 prefix of 33 bits";
    case 12:
        port->ipv4_count = 1;
        port->ipv4[0] = (struct rules_prefix){{10, 0, 0, 1}, 31};
        return "port web/0: 10.0.0.1/31 has bits beyond its prefix";
    case 13:
        port->ipv4_count = 1;
        port->ipv4[0] = (struct rules_prefix){{224, 0, 0, 1}, 32};
        return "port web/0: 224.0.0.1/32 are no addresses of a guest";
    case 14:
        port->ipv4_count = 1; /* 0.0.0.0/0: any */
        return NULL;
    case 15:
        port->ipv6_count = RULES_IPV6 + 1;
        return "port web/0: more than 16 IPv6 addresses";
    case 16:
        port->ipv6_count = 1;
        port->ipv6[0].length = 129;
        return "port web/0: an IPv6 prefix of 129 bits";
    case 17:
        port->ipv6_count = 1;
        port->ipv6[0] = (struct rules_prefix){{0xfe, 0x80, [15] = 1}, 127};
        return "port web/0: fe80:0000:0000:0000:0000:0000:0000:0001/127 has bits beyond its prefix";
    case 18:
        port->ipv6_count = 1;
        port->ipv6[0] = (struct rules_prefix){{0xff}, 8};
        return "port web/0: ff00:0000:0000:0000:0000:0000:0000:0000/8 are no addresses of a guest";
    case 19:
        port->rate_in = (struct rules_rate){true, 0, 1};
        return "port web/0: rate in with a burst, but no rate";
    case 20:
        port->rate_out = (struct rules_rate){true, 0, 1};
        return "port web/0: rate out with a burst, but no rate";
    case 21:
        port->broadcast = (struct rules_rate){true, 0, 1};
        return "port web/0: broadcast rate with a burst, but no rate";
    default:
        return "?";
    }
}

static const char *break_vlan(int number)
{
    struct rules_vlan *vlan = &ports[0].vlan;

    ports[0].vlan_set = true;
    vlan->mode = RULES_VLAN_TRUNK;
    switch (number) {
    case 0:
        vlan->mode = RULES_VLAN_TRANSPARENT;
        return NULL;
    case 1:
        vlan->mode = RULES_VLAN_TRANSPARENT;
        vlan->pvid = 1;
        return "port web/0: a transparent port is in no VLAN";
    case 2:
        vlan->mode = RULES_VLAN_TRANSPARENT;
        vlan->allowed[1] = 1;
        return "port web/0: a transparent port is in no VLAN";
    case 3:
        vlan->mode = RULES_VLAN_ACCESS;
        return "port web/0: an access port needs a VLAN";
    case 4:
        vlan->mode = RULES_VLAN_ACCESS;
        vlan->pvid = 4095;
        return "port web/0: VLAN 4095 is not between 1 and 4094";
    case 5:
        vlan->mode = RULES_VLAN_ACCESS;
        vlan->pvid = 4094;
        return NULL;
    case 6:
        vlan->mode = RULES_VLAN_ACCESS;
        vlan->pvid = 1;
        vlan->pvid_tagged = true;
        return "port web/0: an access port is in one VLAN, and its frames have no tag";
    case 7:
        return "port web/0: a trunk needs a VLAN";
    case 8:
        vlan->pvid = 1;
        return NULL;
    case 9:
        vlan->allowed[0] = 2;
        return NULL;
    case 10:
        vlan->allowed[0] = 1;
        return "port web/0: VLAN 0 is not between 1 and 4094";
    case 11:
        vlan->allowed[63] = UINT64_C(1) << 63;
        return "port web/0: VLAN 4095 is not between 1 and 4094";
    case 12:
        vlan->allowed[0] = 2;
        vlan->pvid_tagged = true;
        return "port web/0: a tagged PVID, but no PVID";
    case 13:
        vlan->mode = 3;
        return "port web/0: VLAN mode 3 is not known";
    case 14:
        vlan->mode = 3;
        ports[0].vlan_set = false;
        return NULL;
    default:
        return "?";
    }
}

static const char *break_mirror(int number)
{
    struct rules_mirror *mirror = &rules.mirrors[0];

    switch (number) {
    case 0:
        strcpy(mirror->name, "a b");
        return "mirror 1: \"a b\" is no name for a mirror";
    case 1:
        rules.mirror_count = 2;
        rules.mirrors[1] = *mirror;
        return "mirror all: there are two of that name";
    case 2:
        mirror->client = 0x7ff0;
        return "mirror all: 32752 is no domain";
    case 3:
        mirror->vlan_set = true;
        mirror->vlan = 4095;
        return "mirror all: VLAN 4095 is not between 0 and 4094";
    case 4:
        mirror->direction = 0;
        return "mirror all: direction 0 is not known";
    case 5:
        strcpy(mirror->bridge, "br9");
        return "mirror all: there is no bridge \"br9\" in the rules";
    case 6:
        mirror->source_count = RULES_SOURCES + 1;
        return "mirror all: more than 16 sources";
    case 7:
        mirror->sources[1].vif = 2;
        return "mirror all: there is no port 00000000-0000-0000-0000-000000000000/2 in the rules";
    case 8:
        mirror->sources[0].direction = 4;
        return "mirror all: port web/0: direction 4 is not known";
    case 9:
        mirror->sources[1].vif = 0;
        return "mirror all: port web/0 is there twice";
    default:
        return "?";
    }
}

static void check(const char *words)
{
    char error[RULES_ERROR_MAX];
    char small[8];

    if (words == NULL) {
        ck_assert_int_eq(rules_check(&rules, error, sizeof(error)), 0);
        ck_assert_str_eq(error, "");
        return;
    }
    ck_assert_int_eq(rules_check(&rules, error, sizeof(error)), -EINVAL);
    ck_assert_str_eq(error, words);
    /* Words are cut to the room there is. */
    for (size_t size = 0; size <= sizeof(small); size++) {
        memset(small, '!', sizeof(small));
        ck_assert_int_eq(rules_check(&rules, small, size), -EINVAL);
        if (size > 0)
            ck_assert_uint_eq(strnlen(small, size), size - 1);
        for (size_t i = size; i < sizeof(small); i++)
            ck_assert_int_eq(small[i], '!');
    }
}

START_TEST(sound_rules_are_taken)
{
    check(NULL);
    memset(&rules, 0, sizeof(rules));
    check(NULL);
}
END_TEST

START_TEST(heads_are_checked)
{
    check(break_head(_i));
}
END_TEST

START_TEST(bridges_are_checked)
{
    check(break_bridge(_i));
}
END_TEST

START_TEST(ports_are_checked)
{
    check(break_port(_i));
}
END_TEST

START_TEST(vlans_are_checked)
{
    check(break_vlan(_i));
}
END_TEST

START_TEST(mirrors_are_checked)
{
    check(break_mirror(_i));
}
END_TEST

START_TEST(parts_are_found)
{
    uint8_t uuid[16] = {0};

    ck_assert_ptr_eq(rules_port(&rules, uuid, 1), &ports[1]);
    ck_assert_ptr_null(rules_port(&rules, uuid, 2));
    uuid[15] = 1;
    ck_assert_ptr_null(rules_port(&rules, uuid, 1));
    ck_assert_ptr_eq(rules_bridge(&rules, "br1"), &rules.bridges[1]);
    ck_assert_ptr_null(rules_bridge(&rules, "br"));
    ck_assert_ptr_null(rules_bridge(&rules, ""));
}
END_TEST

TCase *rules_check_case(void)
{
    TCase *soundness = tcase_create("soundness");

    tcase_add_checked_fixture(soundness, setup, NULL);
    tcase_add_test(soundness, sound_rules_are_taken);
    tcase_add_loop_test(soundness, heads_are_checked, 0, 11);
    tcase_add_loop_test(soundness, bridges_are_checked, 0, 16);
    tcase_add_loop_test(soundness, ports_are_checked, 0, 22);
    tcase_add_loop_test(soundness, vlans_are_checked, 0, 15);
    tcase_add_loop_test(soundness, mirrors_are_checked, 0, 10);
    tcase_add_test(soundness, parts_are_found);
    return soundness;
}
