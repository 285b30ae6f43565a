/* SPDX-License-Identifier: ISC */
/** @file Files of rules: what is read, errors that name line and path, and the way back to JSON. */
#include "rules_diff.h"
#include "rules_file.h"
#include "sha256.h"
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define U1 "4c7f3a10-5a2c-4ec1-9a43-0123456789ab"

static struct rules *rules;
static struct rules_error error;

static void setup(void)
{
    rules = rules_create();
    ck_assert_ptr_nonnull(rules);
}

static void teardown(void)
{
    rules_release(rules);
}

/* Knows web1, is asked of domain monitor, and else says what to do. */
static int one_guest(void *context, const char *name, uint8_t uuid[16], char *why, size_t size)
{
    if (strcmp(name, "web1") == 0)
        return rules_uuid_parse(U1, uuid) ? 0 : -EINVAL;
    snprintf(why, size, "start it first");
    return -ENOENT;
}

static int one_domain(void *context, const char *name, uint16_t *domid, char *why, size_t size)
{
    *domid = 7;
    snprintf(why, size, "start it first");
    return strcmp(name, "monitor") == 0 ? 0 : -ENOENT;
}

static const struct rules_resolver resolver = {.guest = one_guest, .domain = one_domain};

static int parse(const char *text)
{
    return rules_file_parse(text, strlen(text), &resolver, rules, &error);
}

static const char whole[] =
    "{\n"
    "  \"comment\": \"all there is\", \"unknown\": \"hold\", \"default-bridge\": \"lan\",\n"
    "  \"bridges\": {\n"
    "    \"lan\": {\"ageing\": 60, \"mtu\": 1500, \"snooping\": true, \"loop-guard\": true,\n"
    "      \"locking-mode\": \"locked\", \"storm\": {\"broadcast\": 100, \"unknown\": \"none\"}},\n"
    "    \"dmz\": {}\n"
    "  },\n"
    "  \"ports\": [\n"
    "    {\"guest\": \"dom0\", \"uplink\": true, \"fdb-limit\": 4096},\n"
    "    {\"guest\": \"web1\", \"vif\": 2, \"bridge\": \"dmz\", \"vlan\": 10,\n"
    "     \"locking-mode\": \"unlocked\", \"macs\": [\"00:16:3e:01:02:0f\"],\n"
    "     \"ipv4\": [\"192.0.2.1\", \"198.51.100.0/24\"], \"ipv6\": [\"2001:db8::/64\"],\n"
    "     \"rate-in\": \"10Mb/s\", \"rate-out\": \"250KB/s@20ms\", \"isolated\": true,\n"
    "     \"dhcp-server\": false, \"uplink\": false, \"storm\": {\"multicast\": 5}},\n"
    "    {\"guest\": \"" U1 "\", \"vif\": 3, \"vlans\": [5, \"20-22\"], \"pvid\": 9,\n"
    "     \"pvid-tagged\": true},\n"
    "    {\"guest\": \"" U1 "\", \"vif\": 4, \"vlan\": \"transparent\"}\n"
    "  ],\n"
    "  \"mirrors\": {\n"
    "    \"ids\": {\"client\": \"monitor\", \"snap\": 96, \"bridge\": \"lan\", \"vlan\": 4,\n"
    "      \"direction\": \"egress\", \"sources\": [{\"guest\": \"web1\", \"vif\": 2},\n"
    "      {\"guest\": \"dom0\", \"direction\": \"ingress\"}]}\n"
    "  }\n"
    "}\n";

START_TEST(all_members)
{
    const struct rules_bridge *lan;
    const struct rules_port *web, *trunk;
    const struct rules_mirror *ids = &rules->mirrors[0];
    uint8_t uuid[16];

    ck_assert_msg(parse(whole) == 0, "%d: %s", error.line, error.text);
    ck_assert_int_eq(rules->unknown, RULES_UNKNOWN_HOLD);
    ck_assert_str_eq(rules->default_bridge, "lan");
    ck_assert_uint_eq(rules->bridge_count, 2);
    lan = rules_bridge(rules, "lan");
    ck_assert_ptr_nonnull(lan);
    ck_assert_uint_eq(lan->ageing, 60);
    ck_assert_uint_eq(lan->mtu, 1500);
    ck_assert(lan->snooping && lan->loop_guard);
    ck_assert_int_eq(lan->lock, RULES_LOCK_LOCKED);
    ck_assert(lan->broadcast.set && lan->broadcast.rate == 100);
    ck_assert(lan->unknown.set && lan->unknown.rate == 0);
    ck_assert(!lan->multicast.set);
    ck_assert_uint_eq(rules->port_count, 4);
    ck_assert(rules->ports[0].uplink && rules->ports[0].uplink_set);
    ck_assert_uint_eq(rules->ports[0].fdb_limit, 4096);
    ck_assert(rules_uuid_parse(U1, uuid));
    web = rules_port(rules, uuid, 2);
    ck_assert_ptr_nonnull(web);
    ck_assert_str_eq(web->name, "web1/2");
    ck_assert_str_eq(web->bridge, "dmz");
    ck_assert(web->vlan_set && web->vlan.mode == RULES_VLAN_ACCESS && web->vlan.pvid == 10);
    ck_assert_int_eq(web->lock, RULES_LOCK_UNLOCKED);
    ck_assert_uint_eq(web->mac_count, 1);
    ck_assert_mem_eq(web->macs[0], "\x00\x16\x3e\x01\x02\x0f", 6);
    ck_assert_uint_eq(web->ipv4_count, 2);
    ck_assert_uint_eq(web->ipv4[1].length, 24);
    ck_assert_mem_eq(web->ipv4[1].address, "\xc6\x33\x64\x00", 4);
    ck_assert_uint_eq(web->ipv6_count, 1);
    ck_assert_uint_eq(web->ipv6[0].length, 64);
    ck_assert_uint_eq(web->rate_in.rate, 1250000);
    ck_assert_uint_eq(web->rate_in.burst, 0);
    ck_assert_uint_eq(web->rate_out.rate, 250000);
    ck_assert_uint_eq(web->rate_out.burst, 5000);
    ck_assert(web->isolated && web->dhcp_server_set && !web->dhcp_server);
    ck_assert(web->uplink_set && !web->uplink);
    ck_assert_uint_eq(web->multicast.rate, 5);
    trunk = rules_port(rules, uuid, 3);
    ck_assert_ptr_nonnull(trunk);
    ck_assert_int_eq(trunk->vlan.mode, RULES_VLAN_TRUNK);
    ck_assert(trunk->vlan.pvid == 9 && trunk->vlan.pvid_tagged && !trunk->uplink_set);
    ck_assert_uint_eq(trunk->vlan.allowed[0], UINT64_C(0x700020));
    ck_assert(rules->ports[3].vlan_set && rules->ports[3].vlan.mode == RULES_VLAN_TRANSPARENT);
    ck_assert_uint_eq(rules->mirror_count, 1);
    ck_assert_uint_eq(ids->client, 7);
    ck_assert_uint_eq(ids->snap, 96);
    ck_assert(ids->vlan_set && ids->vlan == 4);
    ck_assert_int_eq(ids->direction, RULES_EGRESS);
    ck_assert_uint_eq(ids->source_count, 2);
    ck_assert_int_eq(ids->sources[0].direction, RULES_BOTH);
    ck_assert_int_eq(ids->sources[1].direction, RULES_INGRESS);
    ck_assert_int_eq(rules_check(rules, error.text, sizeof(error.text)), 0);
}
END_TEST

/* What `atoll switch rules` prints is a file of the same rules. */
START_TEST(round_trip)
{
    struct rules *again = rules_create();
    json_t *json, *second, *changes;
    char *text;

    ck_assert_int_eq(parse(whole), 0);
    json = rules_file_json(rules);
    text = json_dumps(json, JSON_INDENT(1));
    ck_assert_msg(rules_file_parse(text, strlen(text), &resolver, again, &error) == 0, "%s in %s",
                  error.text, text);
    for (unsigned i = 0; i < rules->port_count; i++) /* people's names are not kept */
        memcpy(again->ports[i].name, rules->ports[i].name, sizeof(again->ports[i].name));
    ck_assert_mem_eq(rules->ports, again->ports, RULES_PORTS * sizeof(*rules->ports));
    ck_assert_mem_eq(rules->bridges, again->bridges, sizeof(rules->bridges));
    ck_assert_mem_eq(rules->mirrors, again->mirrors, sizeof(rules->mirrors));
    second = rules_file_json(again);
    changes = rules_diff(json, second);
    ck_assert_uint_eq(json_array_size(changes), 0);
    json_decref(changes);
    json_decref(second);
    json_decref(json);
    free(text);
    rules_release(again);
}
END_TEST

#define PORT(members)                                                                              \
    "{\"bridges\": {\"a\": {}},\n\"ports\": [{\"guest\": \"web1\"},\n{" members "}]}"
#define WEB "\"guest\": \"web1\", \"vif\": 1, "

static const struct {
    const char *text;
    int line;
    const char *what; /* begins so */
} errors[] = {
    {"", 1, "this is no JSON: "},
    {"{\n\"a\": }", 2, "this is no JSON: "},
    {"{\"ports\": [],\n\"ports\": []}", 2, "this is no JSON: duplicate object key"},
    {"[]", 1, "$: it is a list; expected an object"},
    {"{\n\"port\": []}", 2, "$.port: there is no such member; expected comment, unknown, "},
    {"{\"comment\": 3}", 1, "$.comment: it is a number; expected a string"},
    {"{\"unknown\":\n \"drop\"}", 2, "$.unknown: \"drop\" will not do; expected default, hold"},
    {"{\"default-bridge\": \"x\"}", 1, "$.default-bridge: \"x\" will not do; expected a bridge of"},
    {"{\"bridges\": []}", 1, "$.bridges: it is a list; expected an object"},
    {"{\"bridges\": {\"a b\": {}}}", 1, "$.bridges.a b: this is no bridge's name"},
    {"{\"bridges\": {\"a\": 1}}", 1, "$.bridges.a: it is a number; expected an object"},
    {"{\"bridges\": {\"a\":\n {\"mtu\": 67}}}", 2, "$.bridges.a.mtu: 67 will not do; expected 68"},
    {"{\"bridges\": {\"a\": {\"mtu\": 65522}}}", 1, "$.bridges.a.mtu: 65522 will not do"},
    {"{\"bridges\": {\"a\": {\"mtu\": \"1\"}}}", 1, "$.bridges.a.mtu: it is a string; expected 68"},
    {"{\"bridges\": {\"a\": {\"ageing\": -1}}}", 1, "$.bridges.a.ageing: -1 will not do"},
    {"{\"bridges\": {\"a\": {\"snooping\": 1}}}", 1, "$.bridges.a.snooping: it is a number; exp"},
    {"{\"bridges\": {\"a\": {\"vlan\": 1}}}", 1, "$.bridges.a.vlan: there is no such member"},
    {"{\"bridges\": {\"a\": {\"locking-mode\": \"\"}}}", 1, "$.bridges.a.locking-mode: \"\" will"},
    {"{\"bridges\": {\"a\": {\"storm\": 5}}}", 1, "$.bridges.a.storm: it is a number; expected an"},
    {"{\"bridges\": {\"a\": {\"storm\": {\"x\": 5}}}}", 1, "$.bridges.a.storm.x: there is no such"},
    {"{\"bridges\": {\"a\": {\"storm\": {\"unknown\": 0}}}}", 1, "$.bridges.a.storm.unknown: 0 wi"},
    {"{\"bridges\": {\"a\": {\"storm\": {\"unknown\": true}}}}", 1,
     "$.bridges.a.storm.unknown: it is true or false; expected frames a second, or \"none\""},
    {"{\"ports\": {}}", 1, "$.ports: it is an object; expected a list"},
    {"{\"ports\": [\n1]}", 2, "$.ports[0]: it is a number; expected an object"},
    {"{\"ports\": [{}]}", 1, "$.ports[0].guest: missing; expected a guest's name or uuid"},
    {PORT("\"guest\": \"db\""), 3, "$.ports[1].guest: \"db\": start it first"},
    {PORT("\"guest\": \"\""), 3, "$.ports[1].guest: this is no guest's name"},
    {PORT("\"guest\": \"a\\n\""), 3, "$.ports[1].guest: this is no guest's name"},
    {PORT("\"guest\": \"web1\""), 3, "$.ports[1]: this is the port of $.ports[0]; expected each"},
    {PORT("\"guest\": \"" U1 "\""), 3, "$.ports[1]: this is the port of $.ports[0]"},
    {PORT("\"guest\": \"web1\", \"vif\": 65536"), 3, "$.ports[1].vif: 65536 will not do"},
    {PORT(WEB "\"bridge\": \"b\""), 3,
     "$.ports[1].bridge: \"b\" will not do; expected a bridge of"},
    {PORT(WEB "\"bridge\": \"a.5\""), 3,
     "$.ports[1].bridge: \"a.5\" will not do; expected 1 to 31"},
    {PORT(WEB "\n\"vlan\": 0"), 4, "$.ports[1].vlan: 0 will not do; expected 1 to 4094"},
    {PORT(WEB "\"vlan\": 4095"), 3, "$.ports[1].vlan: 4095 will not do"},
    {PORT(WEB "\"vlan\": \"10\""), 3, "$.ports[1].vlan: it is a string; expected 1 to 4094, or"},
    {PORT(WEB "\"vlan\": 1, \"vlans\": [2]"), 3, "$.ports[1].vlan: there are \"vlans\" as well"},
    {PORT(WEB "\"vlans\": 7"), 3, "$.ports[1].vlans: it is a number; expected a list such as"},
    {PORT(WEB "\"vlans\": [7,\n 4095]"), 4, "$.ports[1].vlans[1]: this is no VLAN"},
    {PORT(WEB "\"vlans\": \"7-5\""), 3, "$.ports[1].vlans: \"7-5\" will not do"},
    {PORT(WEB "\"pvid\": 5"), 3, "$.ports[1].pvid: it is for a trunk"},
    {PORT(WEB "\"vlans\": [1], \"pvid\": 0"), 3, "$.ports[1].pvid: 0 will not do"},
    {PORT(WEB "\"vlans\": [1], \"pvid-tagged\": true"), 3, "$.ports[1].pvid-tagged: there is no"},
    {PORT(WEB "\"locking-mode\": \"network_default\""), 3, "$.ports[1].locking-mode: \"network_de"},
    {PORT(WEB "\"macs\": \"00:16:3e:00:00:01\""), 3, "$.ports[1].macs: it is a string; expected a"},
    {PORT(WEB "\"macs\": [\"01:16:3e:00:00:01\"]"), 3, "$.ports[1].macs[0]: this will not do; exp"},
    {PORT(WEB "\"macs\": [\"00:16:3e:00:00:1\"]"), 3, "$.ports[1].macs[0]: this will not do"},
    {PORT(WEB "\"macs\": [\"00:16:3e:00:00:01\", \"00:16:3E:00:00:01\"]"), 3,
     "$.ports[1].macs[1]: the same stands at 0 already"},
    {PORT(WEB "\"ipv4\": [\"192.0.2.1/33\"]"), 3, "$.ports[1].ipv4[0]: this will not do"},
    {PORT(WEB "\"ipv4\": [\"192.0.2.1/24\"]"), 3, "$.ports[1].ipv4[0]: this will not do"},
    {PORT(WEB "\"ipv4\": [\"192.0.2.256\"]"), 3, "$.ports[1].ipv4[0]: this will not do"},
    {PORT(WEB "\"ipv4\": [\"2001:db8::1\"]"), 3, "$.ports[1].ipv4[0]: this will not do"},
    {PORT(WEB "\"ipv4\": [\"192.0.2.1\", \"192.0.2.1/32\"]"), 3, "$.ports[1].ipv4[1]: the same"},
    {PORT(WEB "\"ipv6\": [\"192.0.2.1\"]"), 3, "$.ports[1].ipv6[0]: this will not do"},
    {PORT(WEB "\"ipv6\": [5]"), 3, "$.ports[1].ipv6[0]: this will not do"},
    {PORT(WEB "\"macs\": [1,2,3,4,5,6,7,8,9]"), 3, "$.ports[1].macs: it has 9 elements; expected"},
    {PORT(WEB "\"rate-in\": 5"), 3, "$.ports[1].rate-in: it is a number; expected a string"},
    {PORT(WEB "\"rate-in\": \"5\""), 3, "$.ports[1].rate-in: \"5\" will not do; expected a rate"},
    {PORT(WEB "\"rate-out\": \"5Tb/s\""), 3, "$.ports[1].rate-out: \"5Tb/s\" will not do"},
    {PORT(WEB "\"isolated\": \"yes\""), 3, "$.ports[1].isolated: it is a string; expected true"},
    {PORT(WEB "\"uplink\": true, \"locking-mode\": \"locked\""), 3, "$.ports[1].uplink: the port"},
    {PORT(WEB "\"fdb-limit\": 0"), 3, "$.ports[1].fdb-limit: 0 will not do"},
    {PORT(WEB "\"mtu\": 1500"), 3, "$.ports[1].mtu: there is no such member"},
    {"{\"mirrors\": {\"a/b\": {}}}", 1, "$.mirrors.a/b: this is no mirror's name"},
    {"{\"mirrors\": {\"a\": null}}", 1, "$.mirrors.a: it is null; expected an object"},
    {"{\"mirrors\": {\"a\": {\"client\": \"ids\"}}}", 1, "$.mirrors.a.client: \"ids\": start it"},
    {"{\"mirrors\": {\"a\": {\"client\": 32752}}}", 1, "$.mirrors.a.client: 32752 will not do"},
    {"{\"mirrors\": {\"a\": {\"snap\": 13}}}", 1, "$.mirrors.a.snap: 13 will not do"},
    {"{\"mirrors\": {\"a\": {\"direction\": \"in\"}}}", 1,
     "$.mirrors.a.direction: \"in\" will not"},
    {"{\"mirrors\": {\"a\": {\"sources\": [{}]}}}", 1, "$.mirrors.a.sources[0].guest: missing"},
    {"{\"mirrors\": {\"a\": {\"sources\": [{\"guest\": \"web1\"},\n{\"guest\": \"web1\"}]}}}", 2,
     "$.mirrors.a.sources[1]: this port stands at 0 already"},
};

START_TEST(refused)
{
    ck_assert_msg(parse(errors[_i].text) == -EINVAL, "taken: %s", errors[_i].text);
    ck_assert_msg(strncmp(error.text, errors[_i].what, strlen(errors[_i].what)) == 0,
                  "%s\nexpected %s", error.text, errors[_i].what);
    ck_assert_msg(error.line == errors[_i].line, "line %d: %s", error.line, error.text);
    ck_assert_ptr_null(strchr(error.text, '\n'));
}
END_TEST

START_TEST(too_many)
{
    char *text = NULL;
    size_t size;
    FILE *f = open_memstream(&text, &size);

    fputs("{\"ports\": [", f);
    for (unsigned i = 0; i <= RULES_PORTS; i++)
        fprintf(f, "%s{\"guest\": \"" U1 "\", \"vif\": %u}", i ? "," : "", i);
    fputs("]}", f);
    fclose(f);
    ck_assert_int_eq(parse(text), -EINVAL);
    ck_assert_str_eq(error.text, "$.ports: it has 257 elements; expected at most 256");
    free(text);
    ck_assert_int_eq(parse("{\"bridges\": {\"a\":{},\"b\":{},\"c\":{},\"d\":{},\"e\":{},\"f\":{},"
                           "\"g\":{},\"h\":{},\"i\":{},\"j\":{},\"k\":{},\"l\":{},\"m\":{},"
                           "\"n\":{},\"o\":{},\"p\":{},\"q\":{}}}"),
                     -EINVAL);
    ck_assert_str_eq(error.text, "$.bridges: there are 17 of them; expected at most 16");
}
END_TEST

START_TEST(rates)
{
    static const struct {
        const char *text;
        uint64_t rate, burst;
        const char *again;
    } good[] = {
        {"none", 0, 0, "none"},
        {"8b/s", 1, 0, "8b/s"},
        {"10Mb/s", 1250000, 0, "10Mb/s"},
        {"100MB/s", 100000000, 0, "800Mb/s"},
        {"1GB/s@20ms", 1000000000, 20000000, "8Gb/s@20000us"},
        {"250KB/s@1s", 250000, 250000, "2Mb/s@1000000us"},
        {"3B/s@500000us", 3, 1, "24b/s@333334us"},
    };
    static const char *const bad[] = {
        "",        "b/s",        "0b/s",      "7b/s",
        "-1Mb/s",  "10Mbps",     "10mb/s",    "10Mb/s ",
        "10Mb/s@", "10Mb/s@0s",  "1.5Mb/s",   "9000GB/s",
        "10Mb",    "10Mb/s@11s", "unlimited", "99999999999999999999b/s"};
    struct rules_rate rate, second;
    char text[64];

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(rules_rate_parse(good[i].text, &rate), "%s", good[i].text);
        ck_assert(rate.set);
        ck_assert_uint_eq(rate.rate, good[i].rate);
        ck_assert_uint_eq(rate.burst, good[i].burst);
        rules_rate_text(&rate, text, sizeof(text));
        ck_assert_str_eq(text, good[i].again);
        ck_assert(rules_rate_parse(text, &second));
        ck_assert_uint_eq(second.rate, rate.rate);
        ck_assert_uint_eq(second.burst, rate.burst);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!rules_rate_parse(bad[i], &rate), "%s", bad[i]);
}
END_TEST

START_TEST(differences)
{
    json_t *before, *after, *changes;
    char *text = NULL;
    size_t size;
    FILE *f;

    ck_assert_int_eq(parse("{\"bridges\": {\"a\": {\"mtu\": 1500}}, \"ports\": ["
                           "{\"guest\": \"web1\", \"vlan\": 10}, {\"guest\": \"dom0\"}]}"),
                     0);
    before = rules_file_json(rules);
    ck_assert_int_eq(parse("{\"unknown\": \"hold\", \"bridges\": {\"a\": {\"mtu\": 1500}, "
                           "\"b\": {}}, \"ports\": [{\"guest\": \"" U1 "\", \"vlan\": 11}]}"),
                     0);
    after = rules_file_json(rules);
    changes = rules_diff(before, after);
    ck_assert_uint_eq(json_array_size(changes), 4);
    json_decref(changes);
    f = open_memstream(&text, &size);
    rules_diff_show(before, after, f, false, false);
    fclose(f);
    ck_assert_str_eq(text, "~ switch\n    - unknown \"default\"\n    + unknown \"hold\"\n"
                           "+ bridge b\n"
                           "- port dom0/0\n    - comment \"dom0/0\"\n"
                           "~ port " U1 "/0\n    - vlan 10\n    + vlan 11\n");
    free(text);
    json_decref(before);
    json_decref(after);
}
END_TEST

/* FIPS 180-4's examples, and lengths around a block's end. */
START_TEST(digests)
{
    char text[65], a[200];

    sha256_text("abc", 3, text);
    ck_assert_str_eq(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    sha256_text("", 0, text);
    ck_assert_str_eq(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256_text("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, text);
    ck_assert_str_eq(text, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    memset(a, 'a', sizeof(a));
    sha256_text(a, 55, text);
    ck_assert_str_eq(text, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318");
    sha256_text(a, 64, text);
    ck_assert_str_eq(text, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("rules_file");
    TCase *tc = tcase_create("rules_file");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, all_members);
    tcase_add_test(tc, round_trip);
    tcase_add_loop_test(tc, refused, 0, (int)(sizeof(errors) / sizeof(errors[0])));
    tcase_add_test(tc, too_many);
    tcase_add_test(tc, rates);
    tcase_add_test(tc, differences);
    tcase_add_test(tc, digests);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
