/* SPDX-License-Identifier: ISC */
/** @file Messages of IPFIX and NetFlow 9, byte by byte. */
#include "ipfix.h"
#include "ipfix_elements.h"
#include <check.h>
#include <stdlib.h>
#include <string.h>

#define NOW  UINT64_C(1700000005000000000)
#define BOOT UINT64_C(1699999000000000000)

static struct ipfix *ipfix;
static uint8_t sent[1 << 20];
static size_t lengths[4096], starts[4096], used;
static unsigned count;
static bool refuse;
static struct ipfix_message last;

static bool take(void *context, const struct ipfix_message *message)
{
    ck_assert_ptr_eq(context, &ipfix);
    last = *message;
    if (refuse)
        return false;
    ck_assert_uint_le(used + message->length, sizeof(sent));
    memcpy(sent + used, message->data, message->length);
    starts[count] = used;
    lengths[count++] = message->length;
    used += message->length;
    return true;
}

static void begin(bool netflow9, bool biflow, bool datagrams, size_t max)
{
    const struct ipfix_config config = {.netflow9 = netflow9,
                                        .biflow = biflow,
                                        .datagrams = datagrams,
                                        .domain = 0x01020304,
                                        .refresh_s = 60,
                                        .message_max = max,
                                        .boot = BOOT,
                                        .send = take,
                                        .context = &ipfix};

    ipfix_free(ipfix);
    ipfix = ipfix_create(&config);
    ck_assert_ptr_nonnull(ipfix);
    used = count = 0;
    refuse = false;
}

static void teardown(void)
{
    ipfix_free(ipfix);
    ipfix = NULL;
}

static struct flow_record make(void)
{
    struct flow_record r = {.length = sizeof(r),
                            .version = FLOW_VERSION,
                            .family = 4,
                            .protocol = 6,
                            .end = 3,
                            .ethertype = 0x800,
                            .first = UINT64_C(1700000001002000000),
                            .last = UINT64_C(1700000003004999999),
                            .vid = {0x123, 0x456}};
    const struct flow_record_side a = {.frames = 5,
                                       .bytes = 570,
                                       .ip_bytes = 500,
                                       .address = {192, 0, 2, 1},
                                       .port = 40000,
                                       .domid = 0xffff,
                                       .mac = {2, 0, 0, 0, 0, 1},
                                       .tcp_flags = 0x1b,
                                       .tos = 0x10},
                                  b = {.frames = 3,
                                       .bytes = 342,
                                       .ip_bytes = 300,
                                       .address = {198, 51, 100, 2},
                                       .port = 80,
                                       .domid = 0xffff,
                                       .mac = {2, 0, 0, 0, 0, 2},
                                       .tcp_flags = 0x13};

    r.side[0] = a;
    r.side[1] = b;
    return r;
}

static void add(const struct flow_record *r, const char *strings)
{
    uint8_t data[FLOW_RECORD_MAX] = {0};

    memcpy(data, r, sizeof(*r));
    if (strings)
        memcpy(data + sizeof(*r), strings, strlen(strings));
    ck_assert(ipfix_add_record(ipfix, data, r->length, NOW));
}

/* The records of the set @id of the message @number; NULL: there is none. */
static const uint8_t *set(unsigned number, uint16_t id, size_t *length)
{
    const uint8_t *m = sent + starts[number];
    size_t at = m[1] == 9 ? 20 : 16;

    while (at < lengths[number]) {
        const size_t size = (size_t)m[at + 2] << 8 | m[at + 3];

        ck_assert_uint_ge(size, 4);
        ck_assert_uint_eq(size % 4, 0);
        ck_assert_uint_le(at + size, lengths[number]);
        if (((unsigned)m[at] << 8 | m[at + 1]) == id) {
            *length = size - 4;
            return m + at + 4;
        }
        at += size;
    }
    return NULL;
}

static uint32_t at32(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* RFC 7011, 3.1: the header; 3.4.1: templates; 3.3.2: sets padded to 4 bytes. */
START_TEST(ipfix_bytes)
{
    static const uint8_t header[] = {0x00, 0x0a, 0, 0, 0x65, 0x53, 0xf1, 0x05,
                                     0,    0,    0, 0, 0x01, 0x02, 0x03, 0x04};
    static const uint8_t template[] = {
        0x01, 0x00, 0x00, 0x15,                                                 /* 256, 21 */
        0x00, 0x08, 0x00, 0x04, 0x00, 0x0c, 0x00, 0x04, 0x00, 0x07, 0x00, 0x02, /* addresses */
        0x00, 0x0b, 0x00, 0x02, 0x00, 0x04, 0x00, 0x01, 0x00, 0x05, 0x00, 0x01, 0x00, 0x06, 0x00,
        0x01, 0x00, 0x20, 0x00, 0x02, 0x00, 0x01, 0x00, 0x08, 0x00, 0x02, 0x00, 0x08, 0x01, 0x60,
        0x00, 0x08, 0x00, 0x98, 0x00, 0x08, 0x00, 0x99, 0x00, 0x08, 0x00, 0x88, 0x00, 0x01, 0x00,
        0x38, 0x00, 0x06, 0x00, 0x50, 0x00, 0x06, 0x00, 0x3a, 0x00, 0x02, 0x00, 0xf3, 0x00, 0x02,
        0x00, 0xf5, 0x00, 0x02, 0x00, 0x0a, 0x00, 0x04, 0x00, 0x0e, 0x00, 0x04,
    };
    static const uint8_t records[] = {
        192,
        0,
        2,
        1,
        198,
        51,
        100,
        2,
        0x9c,
        0x40,
        0,
        80,
        6,
        0x10,
        0x1b,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0x01,
        0xf4,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        5,
        0,
        0,
        0,
        0,
        0,
        0,
        0x02,
        0x3a,
        0x00,
        0x00,
        0x01,
        0x8b,
        0xcf,
        0xe5,
        0x6b,
        0xea,
        0,
        0,
        0x01,
        0x8b,
        0xcf,
        0xe5,
        0x73,
        0xbc,
        3,
        2,
        0,
        0,
        0,
        0,
        1,
        2,
        0,
        0,
        0,
        0,
        2,
        0x01,
        0x23,
        0x01,
        0x23,
        0x04,
        0x56,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        /* and back */
        198,
        51,
        100,
        2,
        192,
        0,
        2,
        1,
        0,
        80,
        0x9c,
        0x40,
        6,
        0,
        0x13,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0x01,
        0x2c,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        3,
        0,
        0,
        0,
        0,
        0,
        0,
        0x01,
        0x56,
        0x00,
        0x00,
        0x01,
        0x8b,
        0xcf,
        0xe5,
        0x6b,
        0xea,
        0,
        0,
        0x01,
        0x8b,
        0xcf,
        0xe5,
        0x73,
        0xbc,
        3,
        2,
        0,
        0,
        0,
        0,
        2,
        2,
        0,
        0,
        0,
        0,
        1,
        0x01,
        0x23,
        0x01,
        0x23,
        0x04,
        0x56,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
        0,
    };
    const struct flow_record r = make();
    const uint8_t *at;
    size_t length;

    begin(false, false, true, IPFIX_MESSAGE_MAX);
    add(&r, NULL);
    ck_assert_uint_eq(count, 0);
    ipfix_flush(ipfix, NOW);
    ck_assert_uint_eq(count, 1);
    ck_assert_mem_eq(sent, header, 2);
    ck_assert_uint_eq((unsigned)sent[2] << 8 | sent[3], lengths[0]);
    ck_assert_mem_eq(sent + 4, header + 4, sizeof(header) - 4);
    at = set(0, 2, &length);
    ck_assert_mem_eq(at, template, sizeof(template));
    at = set(0, 256, &length);
    ck_assert_uint_eq(length, sizeof(records));
    ck_assert_mem_eq(at, records, sizeof(records));
}
END_TEST

/* RFC 3954, 5.1: the header counts records of all kinds, numbers messages, and has no length. */
START_TEST(netflow9_bytes)
{
    static const uint8_t times[] = {0x00, 0x0f, 0x46, 0x2a, 0x00, 0x0f, 0x4d, 0xfc};
    const struct flow_record r = make();
    const uint8_t *at;
    size_t length;

    begin(true, true, true, IPFIX_MESSAGE_MAX);
    add(&r, NULL);
    ipfix_flush(ipfix, NOW);
    add(&r, NULL);
    ipfix_flush(ipfix, NOW);
    ck_assert_uint_eq(at32(sent) >> 16, 9);
    /* 3 templates of flows, 4 of options, 2 records of counters, 2 of flows. */
    ck_assert_uint_eq(at32(sent) & 0xffff, 11);
    ck_assert_uint_eq(at32(sent + 4), 1005000);
    ck_assert_uint_eq(at32(sent + 8), 1700000005);
    ck_assert_uint_eq(at32(sent + 12), 0);
    ck_assert_uint_eq(at32(sent + 16), 0x01020304);
    ck_assert_uint_eq(at32(sent + starts[1]) & 0xffff, 2);
    ck_assert_uint_eq(at32(sent + starts[1] + 12), 1);
    at = set(0, 0, &length);
    ck_assert_uint_eq(at32(at), 256u << 16 | 19);
    /* Lengths of scopes and options in bytes (6.1). */
    at = set(0, 1, &length);
    ck_assert_mem_eq(at, "\x01\x2c\x00\x04\x00\x04\x00\x02\x00\x04\x00\x52\x00\x40", 14);
    at = set(0, 256, &length);
    ck_assert_mem_eq(at + 41, times, sizeof(times));
}
END_TEST

/* RFC 5103: the reverse direction under its enterprise's number. */
START_TEST(biflow_bytes)
{
    static const uint8_t reverse[] = {0x80, 0x01, 0x00, 0x08, 0x00, 0x00, 0x72, 0x79};
    static const uint8_t counters[] = {0, 0, 0, 0, 0, 0, 1, 0x2c, 0, 0x13, 0, 0,    0, 0,
                                       0, 0, 0, 3, 0, 0, 0, 0,    0, 0,    1, 0x56, 1};
    const struct flow_record r = make();
    const uint8_t *at;
    size_t length;

    begin(false, true, true, IPFIX_MESSAGE_MAX);
    add(&r, NULL);
    ipfix_flush(ipfix, NOW);
    at = set(0, 2, &length);
    ck_assert_uint_eq(at32(at), 272u << 16 | 27);
    ck_assert_mem_eq(at + 4 + 21 * 4, reverse, sizeof(reverse));
    at = set(0, 272, &length);
    ck_assert_uint_eq(length, 84 + sizeof(counters) + 1);
    ck_assert_mem_eq(at + 84, counters, sizeof(counters));
    ck_assert_uint_eq(last.flows, 1);
    ck_assert_uint_eq(last.packets, 8);
    ck_assert_uint_eq(last.octets, 800);
}
END_TEST

/* RFC 7011, 7: a byte of length before what is of variable length. */
START_TEST(names)
{
    struct flow_record r = make();
    const uint8_t *at;
    size_t length;

    begin(false, false, true, IPFIX_MESSAGE_MAX);
    r.application = 3;
    r.name_length = 8;
    r.detail_length = 3;
    r.length = sizeof(r) + 16;
    add(&r, "a.b\x1b.\xc3\xa4xGET");
    ipfix_flush(ipfix, NOW);
    at = set(0, 259, &length);
    ck_assert_ptr_nonnull(at);
    ck_assert_mem_eq(at + 84,
                     "\x04http\x03GET\x08"
                     "a.b?.??x",
                     18);
    /* What of is DNS has no element for its name. */
    r.application = 1;
    add(&r, "a.b\x1b.\xc3\xa4xGET");
    ipfix_flush(ipfix, NOW);
    at = set(1, 259, &length);
    ck_assert_mem_eq(at + 84,
                     "\x03"
                     "dns\0\0",
                     6);
}
END_TEST

START_TEST(icmp)
{
    /* family, protocol, type << 8 | code; the answer's */
    static const uint16_t cases[][4] = {
        {4, 1, 0x0800, 0}, {4, 1, 0x0d00, 0x0e00}, {4, 1, 0x0301, 0x0301}, {6, 58, 0x8000, 0x8100}};
    struct flow_record r = make();
    const uint8_t *at;
    size_t length;

    begin(false, false, true, IPFIX_MESSAGE_MAX);
    r.family = (uint8_t)cases[_i][0];
    r.protocol = (uint8_t)cases[_i][1];
    r.side[1].port = cases[_i][2];
    add(&r, NULL);
    ipfix_flush(ipfix, NOW);
    at = set(0, r.family == 4 ? 256 : 257, &length);
    at += r.family == 4 ? 8 : 32;
    ck_assert_uint_eq(at32(at), cases[_i][2]); /* no source port */
    ck_assert_uint_eq(at[7] << 8 | at[8], cases[_i][2]);
    at += length / 2;
    ck_assert_uint_eq(at32(at), cases[_i][3]);
    ck_assert_uint_eq(at[7] << 8 | at[8], cases[_i][3]);
}
END_TEST

/* IPFIX numbers data records that were sent, options' included, templates not. */
START_TEST(sequence)
{
    const struct flow_record r = make();
    const struct ipfix_losses losses = {.ignored_packets = 9, .unsent_flows = 8};
    struct ipfix_losses lost = {0};
    const uint8_t *at;
    size_t length;

    begin(false, false, true, IPFIX_MESSAGE_MAX);
    add(&r, NULL);
    ipfix_flush(ipfix, NOW);
    add(&r, NULL);
    ipfix_flush(ipfix, NOW);
    ck_assert_uint_eq(at32(sent + 8), 0);
    ck_assert_uint_eq(at32(sent + starts[1] + 8), 4); /* 2 counters, 2 flows */
    ck_assert_ptr_null(set(1, 2, &length));
    /* A message that was lost was none. */
    refuse = true;
    add(&r, NULL);
    ipfix_flush(ipfix, NOW);
    refuse = false;
    add(&r, NULL);
    ipfix_flush(ipfix, NOW);
    ck_assert_uint_eq(at32(sent + starts[2] + 8), 6);
    ck_assert_uint_eq(ipfix_totals(ipfix)->flows, 6);
    /* Templates and counters again, not before their time. */
    ipfix_refresh(ipfix, &losses, NOW + UINT64_C(59000000000));
    ipfix_flush(ipfix, NOW);
    ck_assert_uint_eq(count, 3);
    ipfix_refresh(ipfix, &losses, NOW + UINT64_C(60000000000));
    ipfix_flush(ipfix, NOW);
    ck_assert_uint_eq(count, 4);
    ck_assert_ptr_nonnull(set(3, 2, &length));
    at = set(3, 301, &length);
    ck_assert_mem_eq(at, "\1\2\3\4\0\0\0\0\0\0\0\3\0\0\0\0\0\0\0\6", 20);
    ck_assert_uint_eq(at[35], 9);
    at = set(3, 302, &length);
    ck_assert_mem_eq(at, "\0\0\0\1\0\0\0\0\0\0\0\10", 12);
    /* A new connection: from the start. */
    add(&r, NULL);
    ipfix_restart(ipfix, &lost);
    ck_assert_uint_eq(lost.unsent_flows, 2);
    ck_assert_uint_eq(lost.unsent_packets, 8);
    ck_assert_uint_eq(lost.unsent_octets, 800);
    add(&r, NULL);
    ipfix_flush(ipfix, NOW);
    ck_assert_uint_eq(at32(sent + starts[4] + 8), 0);
    ck_assert_ptr_nonnull(set(4, 2, &length));
}
END_TEST

/* Who begins to listen between two times of their own, or lost some, has templates after so many
 * datagrams. */
START_TEST(templates_after_messages)
{
    const struct flow_record r = make();
    const struct ipfix_losses none = {0};
    size_t length;

    begin(false, false, true, IPFIX_MESSAGE_MAX);
    add(&r, NULL);
    ipfix_flush(ipfix, NOW);
    for (unsigned i = 1; i <= IPFIX_TEMPLATE_MESSAGES; i++) {
        used = count = 0;
        ipfix_refresh(ipfix, &none, NOW);
        add(&r, NULL);
        ipfix_flush(ipfix, NOW);
        ck_assert_uint_eq(count, 1);
        ck_assert_msg((set(0, 2, &length) != NULL) == (i == IPFIX_TEMPLATE_MESSAGES), "%u", i);
    }
}
END_TEST

/* Templates that were lost come again at once; on a connection they come once. */
START_TEST(templates)
{
    const struct flow_record r = make();
    const struct ipfix_losses none = {0};
    size_t length;

    begin(false, false, false, IPFIX_MESSAGE_MAX);
    refuse = true;
    add(&r, NULL);
    ipfix_flush(ipfix, NOW);
    refuse = false;
    add(&r, NULL);
    ipfix_flush(ipfix, NOW);
    ck_assert_ptr_nonnull(set(0, 2, &length));
    ipfix_refresh(ipfix, &none, NOW + UINT64_C(60000000000));
    ipfix_flush(ipfix, NOW);
    ck_assert_uint_eq(count, 2);
    ck_assert_ptr_null(set(1, 2, &length));
    ck_assert_ptr_nonnull(set(1, 301, &length));
}
END_TEST

static uint64_t state;

static uint32_t any(void)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return (uint32_t)(z >> 32);
}

/* Whatever a record says, messages are whole and no longer than they may be. */
START_TEST(hostile)
{
    uint8_t data[FLOW_RECORD_MAX];
    unsigned taken = 0;
    size_t length;

    state = (uint64_t)_i;
    begin(_i % 3 == 0, _i % 3 == 1, true, IPFIX_MESSAGE_MIN);
    for (unsigned n = 0; n < 2000; n++) {
        struct flow_record r;

        for (size_t i = 0; i < sizeof(data); i++)
            data[i] = (uint8_t)any();
        memcpy(&r, data, sizeof(r));
        r.version = any() % 64 ? FLOW_VERSION : r.version;
        r.family = any() % 4 ? (uint8_t)(4 + any() % 3) : r.family;
        r.answers &= 7;
        r.length = any() % 8 ? FLOW_RECORD_MAX : r.length;
        r.application = any() % 4 ? (uint8_t)(any() % 5) : r.application;
        if (any() % 4)
            r.guest_length[0] = r.guest_length[1] = r.bridge_length = 0;
        memcpy(data, &r, sizeof(r));
        taken += ipfix_add_record(ipfix, data, any() % 16 ? sizeof(data) : any() % sizeof(data),
                                  NOW + any());
        if (used > sizeof(sent) / 2 || count > 2000) {
            for (unsigned i = 0; i < count; i++) {
                ck_assert_uint_le(lengths[i], IPFIX_MESSAGE_MIN);
                set(i, 1000, &length);
            }
            used = count = 0;
        }
    }
    ck_assert_uint_gt(taken, 500);
    ck_assert_uint_gt(ipfix_totals(ipfix)->refused, 100);
}
END_TEST

START_TEST(interfaces)
{
    struct flow_record r = make();
    const uint8_t *at;
    size_t length;

    ck_assert_uint_eq(ipfix_interface(0, 0), 1);
    ck_assert_uint_eq(ipfix_interface(7, 2), 7u << 16 | 3);
    ck_assert_uint_eq(ipfix_interface(0xffff, 0), 0);
    ck_assert_uint_eq(ipfix_interface(7, 0xffff), 0);
    begin(false, false, true, IPFIX_MESSAGE_MAX);
    r.side[0].domid = 7;
    r.side[0].vif = 2;
    r.guest_length[0] = 4;
    r.length += 8;
    add(&r, "web\x1b");
    add(&r, "web\x1b");
    ipfix_flush(ipfix, NOW);
    at = set(0, 300, &length);
    ck_assert_uint_eq(length, 68);
    ck_assert_mem_eq(at, "\0\7\0\3web?/2\0", 11);
    add(&r, "mail");
    ipfix_flush(ipfix, NOW);
    at = set(1, 300, &length);
    ck_assert_mem_eq(at, "\0\7\0\3mail/2\0", 11);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ipfix");
    TCase *tc = tcase_create("ipfix");
    SRunner *runner;
    int failed;

    tcase_add_checked_fixture(tc, NULL, teardown);
    tcase_add_test(tc, ipfix_bytes);
    tcase_add_test(tc, netflow9_bytes);
    tcase_add_test(tc, biflow_bytes);
    tcase_add_test(tc, names);
    tcase_add_loop_test(tc, icmp, 0, 4);
    tcase_add_test(tc, sequence);
    tcase_add_test(tc, templates);
    tcase_add_test(tc, templates_after_messages);
    tcase_add_loop_test(tc, hostile, 0, 6);
    tcase_add_test(tc, interfaces);
    suite_add_tcase(suite, tc);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
