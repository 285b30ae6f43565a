/* SPDX-License-Identifier: ISC */
/* Messages of every wrong form: each gets one answer, with the error that the protocol names. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint32_t path_types[] = {
    WIRE_READ, WIRE_DIRECTORY, WIRE_GET_PERMS, WIRE_WRITE,   WIRE_MKDIR,
    WIRE_RM,   WIRE_SET_PERMS, WIRE_WATCH,     WIRE_UNWATCH, WIRE_DIRECTORY_PART};
#define PATH_TYPES (sizeof(path_types) / sizeof(path_types[0]))

/* What follows a path in a well-formed request of the type. */
static const char *rest_of(uint32_t type)
{
    return type == WIRE_SET_PERMS        ? "n3|"
           : type == WIRE_WATCH          ? "token|"
           : type == WIRE_UNWATCH        ? "token|"
           : type == WIRE_DIRECTORY_PART ? "0|"
           : type == WIRE_WRITE          ? "value"
                                         : "";
}

START_TEST(test_paths_of_every_wrong_form)
{
    static const char *const wrong[] = {
        "",      "//",    "/a/",  "a/",     "/a//b", "a//b",   "///",      "/a/b//",
        "/a b",  "/a\tb", "/a.b", "/a:b",   "/a\\b", "/a*",    "/a\x80",   "/\xff\xfe",
        "/a\nb", "/a,b",  "/a#b", "/a$b",   "/a(b)", "/a=b",   "/a~",      "/a%00",
        ".",     "..",    "/..",  "/a/./b", "/a+b",  "/a\x01", "/a/b/c/d/"};
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    char payload[128];

    for (size_t w = 0; w < sizeof(wrong) / sizeof(wrong[0]); w++)
        for (size_t t = 0; t < PATH_TYPES; t++) {
            snprintf(payload, sizeof(payload), "%s|%s", wrong[w], rest_of(path_types[t]));
            suite_expect(guest, 0, path_types[t], payload, "EINVAL");
            suite_expect(host->dom0, 0, path_types[t], payload, "EINVAL");
        }
    /* Special paths are for watches and permissions only. */
    for (size_t t = 0; t < PATH_TYPES; t++) {
        uint32_t type = path_types[t];

        snprintf(payload, sizeof(payload), "@nobody|%s", rest_of(type));
        if (type == WIRE_WATCH || type == WIRE_UNWATCH)
            suite_expect(host->dom0, 0, type, payload, "OK|");
        else
            suite_expect(host->dom0, 0, type, payload,
                         type == WIRE_GET_PERMS || type == WIRE_SET_PERMS ? "ENOENT" : "EINVAL");
    }
    suite_expect(guest, 0, WIRE_DIRECTORY, "/local/domain/3|", "");
    host_destroy(host);
}
END_TEST

START_TEST(test_paths_that_are_too_long)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    struct wire_message request, reply;
    char path[4096];

    for (size_t length = 2049; length < 4080; length += 203) {
        memset(path, 'p', length);
        path[0] = '/';
        path[length] = 0;
        for (size_t t = 0; t < PATH_TYPES; t++) {
            request = (struct wire_message){.type = path_types[t]};
            message_add_string(&request, path);
            message_add_string(&request, path_types[t] == WIRE_SET_PERMS ? "n3" : "0");
            if (path_types[t] < WIRE_WATCH || path_types[t] == WIRE_MKDIR ||
                path_types[t] == WIRE_RM)
                request.length = (uint32_t)length + 1;
            ck_assert(client_ask(guest, &request, &reply));
            ck_assert_int_eq(message_error_of(&reply), EINVAL);
            /* dom0 has no quota, but a path has an end. */
            ck_assert(client_ask(host->dom0, &request, &reply));
            if (length > 3072)
                ck_assert_int_eq(message_error_of(&reply), EINVAL);
        }
    }
    host_destroy(host);
}
END_TEST

START_TEST(test_nul_placement)
{
    static const struct {
        uint32_t type;
        const char *payload, *want;
    } cases[] = {
        {WIRE_READ, "", "EINVAL"},
        {WIRE_READ, "/a", "EINVAL"},
        {WIRE_READ, "/a||", "EINVAL"},
        {WIRE_READ, "/a|b", "EINVAL"},
        {WIRE_READ, "/a|b|", "EINVAL"},
        {WIRE_READ, "|", "EINVAL"},
        {WIRE_READ, "|/a|", "EINVAL"},
        {WIRE_DIRECTORY, "/a", "EINVAL"},
        {WIRE_GET_PERMS, "/a||", "EINVAL"},
        {WIRE_MKDIR, "/a", "EINVAL"},
        {WIRE_MKDIR, "/a|b", "EINVAL"},
        {WIRE_RM, "/a", "EINVAL"},
        {WIRE_RM, "/a||", "EINVAL"},
        {WIRE_WRITE, "/a", "EINVAL"},
        {WIRE_WRITE, "", "EINVAL"},
        {WIRE_WRITE, "|", "EINVAL"},
        {WIRE_WRITE, "|value", "EINVAL"},
        {WIRE_WRITE, "/b||||", "OK|"},
        {WIRE_WATCH, "/a|", "EINVAL"},
        {WIRE_WATCH, "/a|t", "EINVAL"},
        {WIRE_WATCH, "/a", "EINVAL"},
        {WIRE_WATCH, "", "EINVAL"},
        {WIRE_WATCH, "|t|", "EINVAL"},
        {WIRE_WATCH, "/a|t|1|2|", "EINVAL"},
        {WIRE_WATCH, "/a|t|-1|", "EINVAL"},
        {WIRE_WATCH, "/a||", "OK|"},
        {WIRE_UNWATCH, "/a||", "OK|"},
        {WIRE_UNWATCH, "/a|", "EINVAL"},
        {WIRE_UNWATCH, "/a|t|x|", "EINVAL"},
        {WIRE_UNWATCH, "/a|t|", "ENOENT"},
        {WIRE_SET_PERMS, "/b|", "EINVAL"},
        {WIRE_SET_PERMS, "/b", "EINVAL"},
        {WIRE_SET_PERMS, "", "EINVAL"},
        {WIRE_SET_PERMS, "/b||", "EINVAL"},
        {WIRE_SET_PERMS, "/b|n0", "EINVAL"},
        {WIRE_SET_PERMS, "/b|N0|", "EINVAL"},
        {WIRE_SET_PERMS, "/b|rw0|", "EINVAL"},
        {WIRE_SET_PERMS, "/b|r|", "EINVAL"},
        {WIRE_SET_PERMS, "/b|0|", "EINVAL"},
        {WIRE_SET_PERMS, "/b|r0|q|", "EINVAL"},
        {WIRE_SET_PERMS, "/b|r0 |", "EINVAL"},
        {WIRE_SET_PERMS, "/b|r0|", "OK|"},
        {WIRE_TRANSACTION_END, "", "EINVAL"},
        {WIRE_TRANSACTION_END, "T", "EINVAL"},
        {WIRE_TRANSACTION_END, "TT|", "EINVAL"},
        {WIRE_TRANSACTION_END, "t|", "EINVAL"},
        {WIRE_TRANSACTION_END, "T||", "EINVAL"},
        {WIRE_TRANSACTION_END, "T|", "ENOENT"},
        {WIRE_DIRECTORY_PART, "/|", "EINVAL"},
        {WIRE_DIRECTORY_PART, "/|0", "EINVAL"},
        {WIRE_DIRECTORY_PART, "/|0|0|", "EINVAL"},
        {WIRE_GET_DOMAIN_PATH, "", "EINVAL"},
        {WIRE_GET_DOMAIN_PATH, "3", "EINVAL"},
        {WIRE_GET_DOMAIN_PATH, "3||", "EINVAL"},
        {WIRE_GET_DOMAIN_PATH, "3x|", "EINVAL"},
        {WIRE_GET_DOMAIN_PATH, "65536|", "EINVAL"},
        {WIRE_GET_DOMAIN_PATH, "99999999999999999999|", "EINVAL"},
        {WIRE_GET_DOMAIN_PATH, "65535|", "/local/domain/65535|"},
        {WIRE_IS_DOMAIN_INTRODUCED, "3", "EINVAL"},
        {WIRE_IS_DOMAIN_INTRODUCED, "x|", "EINVAL"},
        {WIRE_RELEASE, "", "EINVAL"},
        {WIRE_RELEASE, "0|", "EINVAL"},
        {WIRE_RELEASE, "77|", "ENOENT"},
        {WIRE_RELEASE, "x|", "EINVAL"},
        {WIRE_RESUME, "77|", "ENOENT"},
        {WIRE_RESUME, "|x", "EINVAL"},
        {WIRE_SET_TARGET, "3|", "EINVAL"},
        {WIRE_SET_TARGET, "3|77|", "ENOENT"},
        {WIRE_SET_TARGET, "77|3|", "ENOENT"},
        {WIRE_SET_TARGET, "3|x|", "EINVAL"},
        {WIRE_SET_FEATURE, "3|", "EINVAL"},
        {WIRE_SET_FEATURE, "77|1|", "ENOENT"},
        {WIRE_SET_FEATURE, "3|1|", "EBUSY"},
        {WIRE_GET_FEATURE, "3|4|", "EINVAL"},
        {WIRE_GET_QUOTA, "1|2|3|", "EINVAL"},
        {WIRE_GET_QUOTA, "nodes|x|", "EINVAL"},
        {WIRE_SET_QUOTA, "nodes|", "EINVAL"},
        {WIRE_SET_QUOTA, "", "EINVAL"},
        {WIRE_SET_QUOTA, "1|nodes|3|4|", "EINVAL"},
        {WIRE_CONTROL, "", "EINVAL"},
        {WIRE_CONTROL, "check", "EINVAL"},
        {WIRE_CONTROL, "nonsense|", "EINVAL"},
        {WIRE_CONTROL, "check|more|", "EINVAL"},
        {WIRE_CONTROL, "quota|set|nodes|", "EINVAL"},
        {WIRE_CONTROL, "quota|set|nonsense|1|", "EINVAL"},
        {WIRE_CONTROL, "quota|set|nodes|0|", "EINVAL"},
        {WIRE_CONTROL, "quota|77|", "ENOENT"},
        {WIRE_CONTROL, "print|", "EINVAL"},
        {WIRE_CONTROL, "check|", "OK|"},
    };
    struct host *host = host_create(NULL);

    suite_guest(host, 3);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[WIRE_PAYLOAD_MAX + 1];

        client_text(host->dom0, 0, cases[i].type, cases[i].payload, text);
        ck_assert_msg(strcmp(text, cases[i].want) == 0, "%s \"%s\": want %s, got %s",
                      message_type_name(cases[i].type), cases[i].payload, cases[i].want, text);
    }
    host_destroy(host);
}
END_TEST

/* Ids come back as they were sent; a transaction belongs to the connection that began it. */
START_TEST(test_ids)
{
    static const uint32_t ids[] = {0, 1, 0x7fffffff, 0x80000000U, 0xffffffffU};
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3), *other = suite_guest(host, 4);
    struct client *extra = host_attach(host, 0);
    struct wire_message request, reply;
    uint32_t tx;

    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        for (size_t t = 0; t < sizeof(ids) / sizeof(ids[0]); t++) {
            request = (struct wire_message){.type = WIRE_READ, .req_id = ids[i], .tx_id = ids[t]};
            message_add_string(&request, "/local/domain/3");
            ck_assert(client_send(guest, &request));
            host_run(host);
            ck_assert(client_take(guest, false, &reply));
            ck_assert_uint_eq(reply.req_id, ids[i]);
            ck_assert_uint_eq(reply.tx_id, ids[t]);
            ck_assert_int_eq(message_error_of(&reply), ids[t] == 0 ? 0 : ENOENT);
        }
    OK(client_begin(guest, &tx));
    ck_assert_uint_ne(tx, 0);
    FAILS(client_write(other, tx, "x", "1"), ENOENT);
    FAILS(client_end(other, tx, true), ENOENT);
    FAILS(client_end(host->dom0, tx, true), ENOENT);
    OK(client_end(guest, tx, false));
    OK(client_begin(host->dom0, &tx));
    FAILS(client_end(extra, tx, true), ENOENT);
    OK(client_end(host->dom0, tx, true));
    FAILS(client_end(host->dom0, tx, true), ENOENT);
    host_destroy(host);
}
END_TEST

/* Tokens are bytes; values are, too. */
START_TEST(test_tokens_and_values_are_bytes)
{
    struct host *host = host_create(NULL);
    struct client *guest = suite_guest(host, 3);
    struct wire_message request = {.type = WIRE_WATCH}, reply, event;
    char token[256];

    for (int i = 0; i < 255; i++)
        token[i] = (char)(i + 1);
    token[255] = 0;
    message_add_string(&request, "w");
    message_add(&request, token, sizeof(token));
    ck_assert(client_ask(guest, &request, &reply));
    OK(message_error_of(&reply));
    ck_assert(client_take(guest, true, &event));
    ck_assert_uint_eq(event.length, request.length);
    ck_assert_mem_eq(event.payload, request.payload, event.length);
    request.type = WIRE_UNWATCH;
    ck_assert(client_ask(guest, &request, &reply));
    OK(message_error_of(&reply));

    request = (struct wire_message){.type = WIRE_WRITE};
    message_add_string(&request, "v");
    for (int i = 0; i < 512; i++) {
        uint8_t byte = (uint8_t)i;
        message_add(&request, &byte, 1);
    }
    ck_assert(client_ask(guest, &request, &reply));
    OK(message_error_of(&reply));
    OK(client_call(guest, 0, WIRE_READ, "v|", &reply));
    ck_assert_uint_eq(reply.length, 512);
    ck_assert_mem_eq(reply.payload, request.payload + 2, 512);
    host_destroy(host);
}
END_TEST

/* Nothing but noise: one answer for each message, known errors only, and nobody is hurt. */
START_TEST(test_noise)
{
    struct host *host = host_create(&(struct host_config){.seed = (uint64_t)_i});
    struct client *guest = suite_guest(host, 3), *other = suite_guest(host, 4);
    struct wire_message request, reply;

    for (uint32_t i = 0; i < 1500; i++) {
        static const char bytes[] = "/a@0T|nrwb1 -_.~";
        uint32_t length = (uint32_t)sim_random(host->sim, sim_random(host->sim, 50) ? 24 : 4097);
        unsigned kind = (unsigned)sim_random(host->sim, 3);

        request = (struct wire_message){.req_id = i, .length = length};
        request.type = (uint32_t)sim_random(host->sim, sim_random(host->sim, 20) ? 28 : UINT32_MAX);
        request.tx_id = sim_random(host->sim, 3) ? 0 : (uint32_t)sim_random(host->sim, 20);
        for (uint32_t k = 0; k < length; k++)
            request.payload[k] = kind == 0 ? (uint8_t)sim_random(host->sim, 256)
                                           : (uint8_t)bytes[sim_random(host->sim, sizeof(bytes))];
        ck_assert(client_send(guest, &request));
        for (int wait = 0; wait < 100 && client_waiting(guest, false) == 0; wait++)
            host_pass(host, 50000000);
        ck_assert_msg(client_take(guest, false, &reply), "no answer to message %u", i);
        ck_assert_uint_eq(reply.req_id, i);
        ck_assert_uint_eq(reply.tx_id, request.tx_id);
        ck_assert(reply.type == request.type || reply.type == WIRE_ERROR);
        ck_assert_int_ne(message_error_of(&reply), EPROTO);
        while (client_take(guest, true, &reply))
            ;
    }
    suite_alive(other);
    host_check(host);
    host_destroy(host);
}
END_TEST

TCase *hostile_message_cases(void)
{
    TCase *tcase = tcase_create("hostile messages");

    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, test_paths_of_every_wrong_form);
    tcase_add_test(tcase, test_paths_that_are_too_long);
    tcase_add_test(tcase, test_nul_placement);
    tcase_add_test(tcase, test_ids);
    tcase_add_test(tcase, test_tokens_and_values_are_bytes);
    tcase_add_loop_test(tcase, test_noise, 0, 4);
    return tcase;
}
