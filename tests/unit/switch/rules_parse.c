/* SPDX-License-Identifier: ISC */
/* What toolstacks write. */
#include "rules.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* "access 10", "trunk 10 + 10,20-30", "transparent". */
static const char *shown(const struct rules_vlan *vlan)
{
    static char text[512];
    size_t used;

    if (vlan->mode == RULES_VLAN_TRANSPARENT)
        return "transparent";
    used = (size_t)snprintf(text, sizeof(text), "%s %u",
                            vlan->mode == RULES_VLAN_ACCESS ? "access" : "trunk", vlan->pvid);
    ck_assert(!vlan->pvid_tagged);
    for (unsigned vid = 0; vid < 4096; vid++) {
        unsigned last = vid;

        if (!(vlan->allowed[vid / 64] >> vid % 64 & 1))
            continue;
        while (last < 4095 && vlan->allowed[(last + 1) / 64] >> (last + 1) % 64 & 1)
            last++;
        used += (size_t)snprintf(text + used, sizeof(text) - used, last == vid ? " %u" : " %u-%u",
                                 vid, last);
        vid = last;
    }
    return text;
}

static const struct {
    const char *text, *vlan; /* NULL: refused */
} vlans[] = {
    {"10", "access 10"},
    {"10p", "access 10"},
    {"10u", "access 10"},
    {"4094", "access 4094"},
    {"10p/20", "trunk 10 10 20"},
    {"20/10p", "trunk 10 10 20"},
    {"10p/100+10x4", "trunk 10 10 100 110 120 130 140"},
    {"1p/20-30/4000-4094", "trunk 1 1 20-30 4000-4094"},
    {"5-15/10p", "trunk 10 5-15"},
    {"10p/10u", "trunk 10 10"},
    {"10p/7-7", "trunk 10 7 10"},
    {"10p/4000+94x1", "trunk 10 10 4000 4094"},
    {"10p/5+1x0", "trunk 10 5 10"},
    {"", NULL},
    {"0", NULL},
    {"4095", NULL},
    {"99999999999999999999", NULL},
    {"10q", NULL},
    {"10pu", NULL},
    {"10/20", NULL},   /* no PVID */
    {"10u/20", NULL},  /* no PVID */
    {"20-30", NULL},   /* no PVID */
    {"10p/20p", NULL}, /* two of them */
    {"10p/20u", NULL}, /* two untagged */
    {"10p/20-21u", NULL},
    {"10p/10-11u", NULL},
    {"10p/30-20", NULL},
    {"10p/20-", NULL},
    {"10p/-20", NULL},
    {"10-20p", NULL},
    {"10p/", NULL},
    {"/10p", NULL},
    {"10p//20", NULL},
    {"10p 20", NULL},
    {"10p/20 ", NULL},
    {"10p/4000+95x1", NULL},
    {"10p/1+1x4094", NULL},
    {"10p/1+0x5", NULL},
    {"10p/1+5", NULL},
    {"10p/1+5x", NULL},
    {"10p/1+4294967295x4294967295", NULL},
};

START_TEST(vlans_of_libxl)
{
    struct rules_vlan vlan;
    int error = rules_parse_vlan(vlans[_i].text, &vlan);

    ck_assert_int_eq(error, vlans[_i].vlan == NULL ? -EINVAL : 0);
    if (error == 0)
        ck_assert_str_eq(shown(&vlan), vlans[_i].vlan);
}
END_TEST

static const struct {
    const char *text, *name, *vlan; /* NULL: refused */
} bridges[] = {
    {"xenbr0", "xenbr0", "transparent"},
    {"ovs-br_0", "ovs-br_0", "transparent"},
    {"a-name-of-thirty-one-characters", "a-name-of-thirty-one-characters", "transparent"},
    {"br.10", "br", "access 10"},
    {"br:10", "br", "trunk 0 10"},
    {"br:10:11:4094", "br", "trunk 0 10-11 4094"},
    {"br.5:10:20", "br", "trunk 5 10 20"},
    {"a-name-of-thirty-two-characters-", NULL, NULL},
    {"", NULL, NULL},
    {".10", NULL, NULL},
    {":10", NULL, NULL},
    {"br.", NULL, NULL},
    {"br:", NULL, NULL},
    {"br.0", NULL, NULL},
    {"br.4095", NULL, NULL},
    {"br.x", NULL, NULL},
    {"br.1.2", NULL, NULL},
    {"br:1.2", NULL, NULL},
    {"br:1:", NULL, NULL},
    {"br:1,2", NULL, NULL},
    {"br 0", NULL, NULL},
    {"br/0", NULL, NULL},
    {"br\n", NULL, NULL},
};

START_TEST(bridges_of_open_vswitch)
{
    char name[RULES_NAME];
    struct rules_vlan vlan;
    bool set;
    int error = rules_parse_bridge(bridges[_i].text, name, &vlan, &set);

    ck_assert_int_eq(error, bridges[_i].name == NULL ? -EINVAL : 0);
    if (error == 0) {
        ck_assert_str_eq(name, bridges[_i].name);
        ck_assert_str_eq(shown(&vlan), bridges[_i].vlan);
        ck_assert_int_eq(set, vlan.mode != RULES_VLAN_TRANSPARENT);
    }
}
END_TEST

static const struct {
    const char *text;
    uint64_t rate, burst;
    bool refused;
} rates[] = {
    {"62500,50000", 1250000, 62500, false}, /* 10Mb/s */
    {"20000,20000", 1000000, 20000, false}, /* 1MB/s@20ms */
    {"1,3", 333333, 1, false},
    {"2,3", 666667, 2, false},
    {"1,4294967295", 1, 1, false}, /* never less than 1: 0 were no limit */
    {"18446744073709551615,1", RULES_RATE_MAX, RULES_BURST_MAX, false},
    {"1000,0", 0, 0, false},
    {"0,0", 0, 0, false},
    {"0,50000", 0, 0, true},
    {"18446744073709551616,1", 0, 0, true},
    {"1,4294967296", 0, 0, true},
    {"", 0, 0, true},
    {"1", 0, 0, true},
    {"1,", 0, 0, true},
    {",1", 0, 0, true},
    {"1,2,", 0, 0, true},
    {"1, 2", 0, 0, true},
    {"-1,2", 0, 0, true},
    {"10Mb/s", 0, 0, true},
};

START_TEST(rates_of_libxl)
{
    struct rules_rate rate;

    ck_assert_int_eq(rules_parse_rate(rates[_i].text, &rate), rates[_i].refused ? -EINVAL : 0);
    if (!rates[_i].refused) {
        ck_assert(rate.set);
        ck_assert_uint_eq(rate.rate, rates[_i].rate);
        ck_assert_uint_eq(rate.burst, rates[_i].burst);
    }
}
END_TEST

static const struct {
    const char *text, *addresses; /* NULL: refused */
} addresses[] = {
    {"", ""},
    {" , ", ""},
    {"10.0.0.1", "10.0.0.1/32 "},
    {"10.0.0.1 10.0.0.2", "10.0.0.1/32 10.0.0.2/32 "},
    {"10.0.0.1,10.0.0.2/24, ", "10.0.0.1/32 10.0.0.0/24 "},
    {"255.255.255.255/0", "0.0.0.0/0 "},
    {"10.0.0.129/25", "10.0.0.128/25 "},
    {"::", "0:0:0:0:0:0:0:0/128 "},
    {"::1", "0:0:0:0:0:0:0:1/128 "},
    {"1::", "1:0:0:0:0:0:0:0/128 "},
    {"2001:db8::2 10.0.0.1 fe80::/10",
     "10.0.0.1/32 2001:db8:0:0:0:0:0:2/128 fe80:0:0:0:0:0:0:0/10 "},
    {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8/128 "},
    {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0/128 "},
    {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8/128 "},
    {"1:2:3::6:7:8", "1:2:3:0:0:6:7:8/128 "},
    {"ABCD:ef01::", "abcd:ef01:0:0:0:0:0:0/128 "},
    {"::1.2.3.4", "0:0:0:0:0:0:102:304/128 "},
    {"1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304/128 "},
    {"64:ff9b::10.0.0.1/96", "64:ff9b:0:0:0:0:0:0/96 "},
    {"2001:db8::ffff/113", "2001:db8:0:0:0:0:0:8000/113 "},
    {"10.0.0", NULL},
    {"10.0.0.256", NULL},
    {"10.0.0.01", NULL},
    {"10.0.0.1.2", NULL},
    {"10.0.0.1/33", NULL},
    {"10.0.0.1/", NULL},
    {"10.0.0.1/24/8", NULL},
    {"10.0.0.1;", NULL},
    {":", NULL},
    {":1", NULL},
    {"1:", NULL},
    {"1:2:3:4:5:6:7", NULL},
    {"1:2:3:4:5:6:7:", NULL},
    {"1:2:3:4:5:6:7:8:9", NULL},
    {"1:2:3:4:5:6:7:8::", NULL},
    {"::1:2:3:4:5:6:7:8", NULL},
    {"1::2::3", NULL},
    {"1:::2", NULL},
    {"12345::", NULL},
    {"g::", NULL},
    {"1:2:3:4:5:6:7:1.2.3.4", NULL},
    {"::1.2.3.4:5", NULL},
    {"1.2.3.4::", NULL},
    {"::1/129", NULL},
    {"fe80::1%eth0", NULL},
};

static const char *shown_addresses(const struct rules_port *port)
{
    static char text[256];
    size_t used = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < port->ipv4_count; i++) {
        const uint8_t *a = port->ipv4[i].address;

        used += (size_t)snprintf(text + used, sizeof(text) - used, "%u.%u.%u.%u/%u ", a[0], a[1],
                                 a[2], a[3], port->ipv4[i].length);
    }
    for (unsigned i = 0; i < port->ipv6_count; i++) {
        for (unsigned j = 0; j < 16; j += 2)
            used += (size_t)snprintf(
                text + used, sizeof(text) - used, "%s%x", j > 0 ? ":" : "",
                (unsigned)(port->ipv6[i].address[j] << 8 | port->ipv6[i].address[j + 1]));
        used += (size_t)snprintf(text + used, sizeof(text) - used, "/%u ", port->ipv6[i].length);
    }
    return text;
}

START_TEST(addresses_of_libxl)
{
    struct rules_port port = {.ipv4_count = 3, .ipv6_count = 3};
    int error = rules_parse_addresses(addresses[_i].text, &port);

    ck_assert_int_eq(error, addresses[_i].addresses == NULL ? -EINVAL : 0);
    if (error == 0)
        ck_assert_str_eq(shown_addresses(&port), addresses[_i].addresses);
}
END_TEST

START_TEST(there_is_room_for_sixteen_addresses)
{
    struct rules_port port;
    char text[200] = "";

    for (unsigned i = 0; i < 16; i++)
        strcat(text, "10.0.0.1 ");
    ck_assert_int_eq(rules_parse_addresses(text, &port), 0);
    ck_assert_uint_eq(port.ipv4_count, 16);
    strcat(text, "::1");
    ck_assert_int_eq(rules_parse_addresses(text, &port), 0);
    strcat(text, " 10.0.0.1");
    ck_assert_int_eq(rules_parse_addresses(text, &port), -EINVAL);
    text[0] = '\0';
    for (unsigned i = 0; i < 16; i++)
        strcat(text, "::1 ");
    ck_assert_int_eq(rules_parse_addresses(text, &port), 0);
    ck_assert_uint_eq(port.ipv6_count, 16);
    strcat(text, "::1");
    ck_assert_int_eq(rules_parse_addresses(text, &port), -EINVAL);
}
END_TEST

START_TEST(macs_and_uuids)
{
    static const char *const bad_macs[] = {"",
                                           "00:16:3e:00:00",
                                           "00:16:3e:00:00:0",
                                           "00:16:3e:00:00:00:00",
                                           "00-16-3e-00-00-00",
                                           "0:16:3e:00:00:00",
                                           "00:16:3e:00:00:0g",
                                           "00163e000000",
                                           " 00:16:3e:00:00:00"};
    static const char *const bad_uuids[] = {
        "",
        "30313233-3435-3637-3839-61626364656",
        "30313233-3435-3637-3839-6162636465666",
        "30313233-3435-3637-3839-6162636465667",
        "303132333435363738396162636465666768",
        "30313233-3435-3637-383961-6263646566",
        "30313233-3435-3637-3839-61626364656g",
    };
    uint8_t mac[6], uuid[16];

    ck_assert_int_eq(rules_parse_mac("00:16:3e:aB:Cd:0f", mac), 0);
    ck_assert_mem_eq(mac, "\0\x16\x3e\xab\xcd\x0f", 6);
    for (size_t i = 0; i < sizeof(bad_macs) / sizeof(bad_macs[0]); i++)
        ck_assert_int_eq(rules_parse_mac(bad_macs[i], mac), -EINVAL);
    ck_assert_int_eq(rules_parse_uuid("30313233-3435-3637-3839-616263FeDc66", uuid), 0);
    ck_assert_mem_eq(uuid,
                     "0123456789abc\xfe\xdc"
                     "f",
                     16);
    for (size_t i = 0; i < sizeof(bad_uuids) / sizeof(bad_uuids[0]); i++)
        ck_assert_int_eq(rules_parse_uuid(bad_uuids[i], uuid), -EINVAL);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof((array)[0]))

TCase *rules_parse_case(void)
{
    TCase *parsers = tcase_create("parsers");

    tcase_add_loop_test(parsers, vlans_of_libxl, 0, COUNT(vlans));
    tcase_add_loop_test(parsers, bridges_of_open_vswitch, 0, COUNT(bridges));
    tcase_add_loop_test(parsers, rates_of_libxl, 0, COUNT(rates));
    tcase_add_loop_test(parsers, addresses_of_libxl, 0, COUNT(addresses));
    tcase_add_test(parsers, there_is_room_for_sixteen_addresses);
    tcase_add_test(parsers, macs_and_uuids);
    return parsers;
}
