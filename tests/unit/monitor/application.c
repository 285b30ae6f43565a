/* SPDX-License-Identifier: ISC */
/* Names in DNS, TLS and HTTP: messages made here; those of captures are compared with tshark's. */
#include "services/monitor/application.h"

#include <string.h>

#include "tests/unit/unit.h"

#define TCP 6U
#define UDP 17U

static struct flow_application app;
static uint8_t data[8192];
static size_t used;

static void setup(void)
{
    memset(&app, 0, sizeof(app));
    used = 0;
}

static void put(const void *bytes, size_t length)
{
    ck_assert_uint_le(used + length, sizeof(data));
    memcpy(data + used, bytes, length);
    used += length;
}

static void put_8(unsigned value)
{
    const uint8_t byte = (uint8_t)value;

    put(&byte, 1);
}

static void put_16(unsigned value)
{
    put_8(value >> 8);
    put_8(value & 0xff);
}

static bool look(unsigned protocol, uint16_t port, const uint8_t *payload, size_t length,
                 uint32_t sequence, bool from_initiator)
{
    const struct decoded decoded = {.family = DECODE_IPV4,
                                    .protocol = (uint8_t)protocol,
                                    .ports = true,
                                    .source_port = from_initiator ? 40000 : port,
                                    .destination_port = from_initiator ? port : 40000,
                                    .sequence = sequence,
                                    .payload_length = (uint32_t)length,
                                    .payload_captured = (uint32_t)length};
    bool promising = application_promising(&decoded, payload);

    if (app.kind == APPLICATION_NONE && !promising)
        return false;
    return application_look(&app, &decoded, payload, from_initiator);
}

/* --- DNS -------------------------------------------------------------------------------------- */

static void dns_header(unsigned flags, unsigned questions, unsigned answers)
{
    used = 0;
    put_16(0x1234);
    put_16(flags);
    put_16(questions);
    put_16(answers);
    put_16(0);
    put_16(0);
}

/* "www.example" as labels, without the end. */
static void dns_labels(const char *name)
{
    while (*name) {
        const size_t size = strcspn(name, ".");

        put_8((unsigned)size);
        put(name, size);
        name += size + (name[size] == '.');
    }
}

static void dns_question(const char *name, unsigned type)
{
    dns_labels(name);
    put_8(0);
    put_16(type);
    put_16(1);
}

static void dns_answer(unsigned pointer, unsigned type, const void *value, size_t size)
{
    put_16(0xc000 | pointer);
    put_16(type);
    put_16(1);
    put_16(0);
    put_16(300);
    put_16((unsigned)size);
    put(value, size);
}

START_TEST(dns_question_and_answers)
{
    static const uint8_t six[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};
    unsigned alias;

    dns_header(0x0100, 1, 0);
    dns_question("www.example.org", 1);
    ck_assert(look(UDP, 53, data, used, 0, true));
    ck_assert_uint_eq(app.kind, APPLICATION_DNS);
    ck_assert_str_eq(app.name, "www.example.org");
    ck_assert_uint_eq(app.type, 1);
    ck_assert(!app.done);
    dns_header(0x8183, 1, 7);
    dns_question("www.example.org", 1);
    alias = (unsigned)used + 12;
    dns_answer(12, 5, "\5alias\300\20", 8);
    for (unsigned i = 0; i < 5; i++)
        dns_answer(alias, 1, (uint8_t[4]){10, 0, 0, (uint8_t)i}, 4);
    dns_answer(alias, 28, six, 16);
    ck_assert(look(UDP, 53, data, used, 0, false));
    ck_assert_uint_eq(app.code, 3);
    ck_assert_str_eq(app.detail, "alias.example.org");
    ck_assert_uint_eq(app.answers, APPLICATION_ANSWERS);
    ck_assert_uint_eq(app.answer_family[3], 4);
    ck_assert_uint_eq(app.answer[3][3], 3);
    ck_assert(app.done);
    ck_assert_str_eq(application_name(app.kind), "dns");
    /* Cut anywhere: nothing is read beyond, what was there is kept. */
    for (size_t cut = 0; cut < used; cut++) {
        uint8_t copy[512];

        memcpy(copy, data, cut);
        memset(&app, 0, sizeof(app));
        look(UDP, 53, copy, cut, 0, false);
        ck_assert(cut >= 33 || app.kind == APPLICATION_NONE);
    }
}
END_TEST

START_TEST(dns_ipv6_and_other_ports)
{
    static const uint8_t six[16] = {0x20, 1, 0xd, 0xb8, [15] = 1};

    dns_header(0x8400, 0, 1);
    dns_labels("printer.local");
    put_8(0);
    put_16(28);
    put_16(0x8001); /* mDNS: flush what is cached */
    put_16(0);
    put_16(120);
    put_16(16);
    put(six, 16);
    ck_assert(look(UDP, 5353, data, used, 0, true));
    ck_assert_str_eq(app.name, "printer.local");
    ck_assert_uint_eq(app.answers, 1);
    ck_assert_uint_eq(app.answer_family[0], 6);
    ck_assert_mem_eq(app.answer[0], six, 16);
    setup();
    dns_header(0, 1, 0);
    dns_question("host", 255);
    ck_assert(look(UDP, 5355, data, used, 0, true));
    ck_assert_str_eq(app.name, "host");
    setup();
    ck_assert(!look(UDP, 54, data, used, 0, true));
}
END_TEST

/* A long answer in fragments: the first one has the question, and the first answers. */
START_TEST(dns_in_fragments)
{
    struct decoded decoded = {.family = DECODE_IPV4,
                              .protocol = UDP,
                              .ports = true,
                              .fragment = true,
                              .more = true,
                              .source_port = 53,
                              .destination_port = 40000};

    dns_header(0x8180, 1, 3);
    dns_question("long.example.org", 1);
    dns_answer(12, 1, "\1\2\3\4", 4);
    dns_answer(12, 1, "\5\6\7\10", 4);
    decoded.payload_length = 1472;
    decoded.payload_captured = (uint32_t)used - 3; /* cut within the second answer */
    ck_assert(application_promising(&decoded, data));
    ck_assert(application_look(&app, &decoded, data, false));
    ck_assert_str_eq(app.name, "long.example.org");
    ck_assert_uint_eq(app.answers, 1);
    /* What is at that place in a later one is no header. */
    setup();
    decoded.fragment_at = 1480;
    ck_assert(!application_promising(&decoded, data));
    ck_assert(!application_look(&app, &decoded, data, false));
    /* Nor is a segment that is not whole looked at. */
    decoded.fragment_at = 0;
    decoded.protocol = TCP;
    ck_assert(!application_promising(&decoded, data));
    ck_assert(!application_look(&app, &decoded, data, false));
}
END_TEST

START_TEST(dns_over_tcp)
{
    uint8_t message[256];
    size_t length;

    dns_header(0x0100, 1, 0);
    dns_question("zone.example", 252);
    length = used;
    memcpy(message, data, length);
    used = 0;
    put_16((unsigned)length);
    put(message, length);
    ck_assert(look(TCP, 53, data, used, 1, true));
    ck_assert_str_eq(app.name, "zone.example");
    ck_assert_uint_eq(app.type, 252);
}
END_TEST

/* Dots and bytes that are no letters cannot make it look like another name; names end. */
START_TEST(dns_names_of_strangers)
{
    char label[64];

    dns_header(0, 1, 0);
    put("\6a.b\\\n\377\0", 8);
    put_16(1);
    put_16(1);
    ck_assert(look(UDP, 53, data, used, 0, true));
    ck_assert_str_eq(app.name, "a\\.b\\\\\\010\\255");
    setup(); /* the root */
    dns_header(0, 1, 0);
    dns_question("", 2);
    ck_assert(look(UDP, 53, data, used, 0, true));
    ck_assert_str_eq(app.name, ".");
    setup(); /* 255 bytes are cut to what there is room for; 256 are no name */
    memset(label, 'x', sizeof(label));
    dns_header(0, 1, 0);
    for (unsigned i = 0; i < 3; i++) {
        put_8(63);
        put(label, 63);
    }
    put_8(61);
    put(label, 61);
    put_8(0);
    put_16(1);
    put_16(1);
    ck_assert(look(UDP, 53, data, used, 0, true));
    ck_assert_uint_eq(strlen(app.name), APPLICATION_NAME - 1);
    ck_assert_int_eq(app.name[APPLICATION_NAME - 2], '~');
    setup();
    dns_header(0, 1, 0);
    for (unsigned i = 0; i < 4; i++) {
        put_8(63);
        put(label, 63);
    }
    put_8(0);
    put_16(1);
    put_16(1);
    ck_assert(!look(UDP, 53, data, used, 0, true));
    /* Pointers: to itself, forwards, into the header, in a ring; reserved kinds of labels. */
    for (unsigned to = 0; to < 20; to++) {
        setup();
        dns_header(0, 1, 0);
        put_16(0xc000 | to);
        put_16(0xc00c);
        put_16(1);
        put_16(1);
        ck_assert(!look(UDP, 53, data, used, 0, true));
    }
    for (unsigned kind = 0x40; kind < 0xc0; kind++) {
        setup();
        dns_header(0, 1, 0);
        put_8(kind);
        put(label, 63);
        put_8(0);
        put_16(1);
        put_16(1);
        ck_assert(!look(UDP, 53, data, used, 0, true));
    }
}
END_TEST

/* A resolver uses one port for many questions: the first one, and its answer. */
START_TEST(dns_of_one_flow)
{
    dns_header(0, 1, 0);
    dns_question("one.example", 1);
    look(UDP, 53, data, used, 0, true);
    dns_header(0, 1, 0);
    dns_question("two.example", 1);
    ck_assert(!look(UDP, 53, data, used, 0, true));
    dns_header(0x8000, 1, 1);
    dns_question("two.example", 1);
    dns_answer(12, 1, "\1\2\3\4", 4);
    ck_assert(!look(UDP, 53, data, used, 0, false));
    ck_assert_uint_eq(app.answers, 0);
    dns_header(0x8000, 1, 1);
    dns_question("one.example", 1);
    dns_answer(12, 1, "\4\3\2\1", 4);
    ck_assert(look(UDP, 53, data, used, 0, false));
    ck_assert_str_eq(app.name, "one.example");
    ck_assert_uint_eq(app.answer[0][0], 4);
    ck_assert(app.done);
}
END_TEST

/* --- TLS -------------------------------------------------------------------------------------- */

/* A hello, in records of @record bytes each. @pad: bytes of an extension between others. */
static void hello(const char *name, const char *protocols, unsigned pad, size_t record)
{
    uint8_t body[3000], *at;
    size_t length;

    used = 0;
    put_16(0x0303);
    for (unsigned i = 0; i < 32; i++)
        put_8(i);
    put_8(32);
    for (unsigned i = 0; i < 32; i++)
        put_8(i);
    put_16(4);
    put_16(0x1301);
    put_16(0x1302);
    put_8(1);
    put_8(0);
    at = data + used;
    put_16(0);
    if (pad) {
        put_16(51);
        put_16(pad);
        for (unsigned i = 0; i < pad; i++)
            put_8(i);
    }
    if (name) {
        put_16(0);
        put_16((unsigned)strlen(name) + 5);
        put_16((unsigned)strlen(name) + 3);
        put_8(0);
        put_16((unsigned)strlen(name));
        put(name, strlen(name));
    }
    put_16(23);
    put_16(0);
    put_16(16);
    put_16((unsigned)strlen(protocols) + 3);
    put_16((unsigned)strlen(protocols) + 1);
    put_8((unsigned)strlen(protocols));
    put(protocols, strlen(protocols));
    put_16(43);
    put_16(7);
    put_8(6);
    put_16(0x8a8a); /* GREASE */
    put_16(0x0304);
    put_16(0x0303);
    length = (size_t)(data + used - at) - 2;
    at[0] = (uint8_t)(length >> 8);
    at[1] = (uint8_t)length;
    memcpy(body + 4, data, used);
    body[0] = 1;
    body[1] = 0;
    body[2] = (uint8_t)(used >> 8);
    body[3] = (uint8_t)used;
    length = used + 4;
    used = 0;
    for (size_t done = 0; done < length; done += record) {
        const size_t size = length - done < record ? length - done : record;

        put_8(22);
        put_16(0x0301);
        put_16((unsigned)size);
        put(body + done, size);
    }
}

static void check_hello(void)
{
    ck_assert_uint_eq(app.kind, APPLICATION_TLS);
    ck_assert_str_eq(app.name, "secret.example.net");
    ck_assert_str_eq(app.detail, "h2");
    ck_assert_uint_eq(app.type, 0x0304);
    ck_assert(app.done);
}

START_TEST(tls_hello)
{
    hello("secret.example.net", "h2", 0, 2000);
    ck_assert(look(TCP, 8443, data, used, 7, true));
    check_hello();
    ck_assert_str_eq(application_name(app.kind), "tls");
    setup();
    hello(NULL, "http/1.1", 10, 2000);
    ck_assert(look(TCP, 443, data, used, 7, true));
    ck_assert_str_eq(app.name, "");
    ck_assert_str_eq(app.detail, "http/1.1");
    setup();
    hello("a\001b c", "h,2", 0, 2000);
    ck_assert(look(TCP, 443, data, used, 7, true));
    ck_assert_str_eq(app.name, "a?b?c");
    ck_assert_str_eq(app.detail, "h?2");
}
END_TEST

/* In two segments cut anywhere, one of them sent twice; in records of any size. */
START_TEST(tls_hello_in_pieces)
{
    for (size_t record = 2; record < 1500; record = record * 3 / 2 + 1) {
        hello("secret.example.net", "h2", 1200, record);
        for (size_t cut = 6; cut < used; cut += record < 100 ? 13 : 1) {
            memset(&app, 0, sizeof(app));
            look(TCP, 443, data, cut, 0xfffffff0U, true);
            look(TCP, 443, data, cut, 0xfffffff0U, true);
            look(TCP, 443, data + cut, used - cut, (uint32_t)(0xfffffff0U + cut), true);
            check_hello();
        }
    }
    /* With its middle missing it says no more than there was, and soon nothing is looked for. */
    hello("secret.example.net", "h2", 1200, 5000);
    memset(&app, 0, sizeof(app));
    look(TCP, 443, data, 500, 1, true);
    for (unsigned i = 0; i < 10; i++)
        look(TCP, 443, data + 700, used - 700, 701, true);
    ck_assert_str_eq(app.name, "");
    ck_assert(app.done);
}
END_TEST

/* An old hello without extensions ends where it says, and what follows it is no part of it. */
START_TEST(tls_hello_without_extensions)
{
    static const uint8_t old[] = {22, 3,    1,  0, 45, 1, 0, 0,   41,  3,   1,   [43] = 0, 0, 2,
                                  0,  0x2f, 1,  0, 22, 3, 1, 0,   20,  0,   14,  0,        0, 0,
                                  0,  0,    10, 0, 8,  0, 5, 'f', 'o', 'r', 'g', 'e'};

    ck_assert(look(TCP, 443, old, sizeof(old), 1, true));
    ck_assert_uint_eq(app.type, 0x0301);
    ck_assert_str_eq(app.name, "");
    ck_assert(app.done);
}
END_TEST

/* --- HTTP ------------------------------------------------------------------------------------- */

static bool say(const char *text, bool from_initiator)
{
    return look(TCP, 8080, (const uint8_t *)text, strlen(text), 1, from_initiator);
}

START_TEST(http)
{
    ck_assert(
        say("GET / HTTP/1.1\r\nUser-Agent: x\r\nhOsT: \twww.example.com:8080 \r\n\r\n", true));
    ck_assert_uint_eq(app.kind, APPLICATION_HTTP);
    ck_assert_str_eq(app.name, "www.example.com:8080");
    ck_assert_str_eq(app.detail, "GET");
    ck_assert(say("HTTP/1.1 100 Continue\r\n\r\n", false));
    ck_assert(!app.done);
    ck_assert(say("HTTP/1.1 404 Not Found\r\n\r\n", false));
    ck_assert_uint_eq(app.code, 404);
    ck_assert(app.done);
    ck_assert_str_eq(application_name(app.kind), "http");
    setup();
    ck_assert(say("POST /x HTTP/1.0\nHost: a\033[31mb\nHost: second\n\nHost: body\n", true));
    ck_assert_str_eq(app.name, "a?[31mb");
    setup(); /* behind the head there is no header; a line that is cut says nothing */
    ck_assert(say("DELETE /x HTTP/1.1\r\n\r\nHost: body\r\n", true));
    ck_assert_str_eq(app.name, "");
    setup();
    ck_assert(say("GET /x HTTP/1.1\r\nHost: cut.exam", true));
    ck_assert_str_eq(app.name, "");
    setup();
    ck_assert(!say("GETAWAY HTTP/1.1\r\nHost: x\r\n", true));
    ck_assert(!say("SSH-2.0-OpenSSH_9.2\r\n", true));
    ck_assert(!say("HTTP/2 something", false));
    ck_assert_uint_eq(app.kind, APPLICATION_NONE);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("application");
    TCase *tcase = tcase_create("application");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, dns_question_and_answers);
    tcase_add_test(tcase, dns_ipv6_and_other_ports);
    tcase_add_test(tcase, dns_in_fragments);
    tcase_add_test(tcase, dns_over_tcp);
    tcase_add_test(tcase, dns_names_of_strangers);
    tcase_add_test(tcase, dns_of_one_flow);
    tcase_add_test(tcase, tls_hello);
    tcase_add_test(tcase, tls_hello_in_pieces);
    tcase_add_test(tcase, tls_hello_without_extensions);
    tcase_add_test(tcase, http);
    suite_add_tcase(suite, tcase);
    return suite;
}
