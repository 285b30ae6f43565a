/* SPDX-License-Identifier: ISC */
/* 802.1Q at a port, against the standard's words put down plainly. */
#include "services/netback-switch/vlan.h"

#include <string.h>

#include "tests/unit/unit.h"

/* Check notes each assertion that holds, which takes its time. */
#define must(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("%s", #condition);                                                        \
    } while (0)

static struct rules_vlan any_vlan(struct unit_random *random)
{
    struct rules_vlan vlan = {.mode = (enum rules_vlan_mode)unit_random(random, 3)};

    vlan.pvid = (uint16_t)(unit_random(random, 4) ? 1 + unit_random(random, 6) : 0);
    if (vlan.mode == RULES_VLAN_ACCESS && vlan.pvid == 0)
        vlan.pvid = 4094;
    vlan.pvid_tagged = unit_random(random, 2);
    for (unsigned i = 0; i < 3; i++) {
        unsigned vid = 1 + (unsigned)unit_random(random, 8);

        vlan.allowed[vid / 64] |= UINT64_C(1) << vid % 64;
    }
    return vlan;
}

static bool is_in(const struct rules_vlan *vlan, unsigned vid)
{
    return vid == vlan->pvid || (vlan->allowed[vid / 64] >> vid % 64 & 1);
}

/** A frame: tag or none, and maybe another one inside. */
static size_t any_frame(struct unit_random *random, uint8_t *data)
{
    size_t at = 12;

    for (unsigned i = 0; i < 64; i++)
        data[i] = (uint8_t)(i * 7);
    for (unsigned tags = (unsigned)unit_random(random, 3); tags; tags--) {
        data[at++] = 0x81;
        data[at++] = 0x00;
        data[at++] = (uint8_t)(unit_random(random, 16) << 4);
        data[at++] = (uint8_t)unit_random(random, 9);
    }
    data[at] = 0x88;
    data[at + 1] = 0xb6;
    return 64;
}

static unsigned tags_of(const uint8_t *data)
{
    unsigned tags = 0;

    while (data[12 + tags * 4] == 0x81 && data[13 + tags * 4] == 0)
        tags++;
    return tags;
}

START_TEST(ingress_and_egress_as_in_the_standard)
{
    struct unit_random random = {.state = 7};
    unsigned through = 0, tagged = 0, untagged = 0;

    for (unsigned i = 0; i < 100000; i++) {
        struct rules_vlan from = any_vlan(&random), to = any_vlan(&random);
        uint8_t data[64], out[68];
        size_t length = any_frame(&random, data), left;
        unsigned tags = tags_of(data), vid = tags ? (data[14] << 8 | data[15]) & 0xfff : 0;
        struct packet packet;
        uint16_t in;
        bool may = true;
        enum vlan_form form;

        must(packet_parse(&packet, data, length, length));
        if (from.mode != RULES_VLAN_TRANSPARENT) {
            unsigned really = vid ? vid : from.pvid;

            if (from.mode == RULES_VLAN_ACCESS)
                may = vid == 0 && tags < 2;
            else
                may = really != 0 && is_in(&from, really);
            vid = really;
        } else {
            vid = 0;
        }
        must((vlan_ingress(&from, &packet, &in)) == (may));
        if (!may)
            continue;
        must((in) == (vid));

        form = vlan_egress(&to, &packet, in);
        if ((to.mode == RULES_VLAN_TRANSPARENT) != (vid == 0) ||
            (vid != 0 && !(to.mode == RULES_VLAN_ACCESS ? vid == to.pvid : is_in(&to, vid)))) {
            must((form) == (VLAN_NONE));
            continue;
        }
        if (form == VLAN_NONE) {
            /* Only where a tag within would come to light. */
            must((tags) == (2));
            must((vid) == (to.pvid));
            continue;
        }
        through++;
        memset(out, 0xee, sizeof(out));
        left = vlan_rewrite(out, data, (unsigned)length, &packet, in, form);
        must(memcmp(out, data, 12) == 0);
        if (vid == 0) {
            must((left) == (length));
            must(memcmp(out, data, length) == 0);
            continue;
        }
        if (vid == to.pvid && (to.mode == RULES_VLAN_ACCESS || !to.pvid_tagged)) {
            untagged++;
            must((tags_of(out)) == (0));
            must((left) == (length - (tags ? 4 : 0)));
            must(memcmp(out + 12, data + 12 + (tags ? 4 : 0), left - 12) == 0);
        } else {
            tagged++;
            must((tags_of(out)) == (tags ? tags : 1));
            must(((out[14] << 8 | out[15]) & 0xfff) == (vid));
            must((out[14] >> 4) == (tags ? data[14] >> 4 : 0));
            must((left) == (length + (tags ? 0 : 4)));
            must(memcmp(out + 16, data + 12 + (tags ? 4 : 0), left - 16) == 0);
        }
    }
    must((through) > (1000));
    must((tagged) > (100));
    must((untagged) > (100));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("vlan");
    TCase *ports = tcase_create("ports");

    tcase_add_test(ports, ingress_and_egress_as_in_the_standard);
    suite_add_tcase(suite, ports);
    return suite;
}
