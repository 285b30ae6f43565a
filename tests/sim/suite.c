/* SPDX-License-Identifier: ISC */
/* Hostile neighbours and known advisories: everything that a guest may try, through its ring. */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct client *suite_guest(struct host *host, domid_t domid)
{
    struct client *guest = host_guest(host, domid);
    char path[64], perms[16];

    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    snprintf(perms, sizeof(perms), "n%u", domid);
    OK(client_mkdir(host->dom0, 0, path));
    OK(client_set_perms(host->dom0, 0, path, perms));
    return guest;
}

void suite_expect(struct client *client, uint32_t tx, uint32_t type, const char *payload,
                  const char *want)
{
    char text[WIRE_PAYLOAD_MAX + 1];

    client_text(client, tx, type, payload, text);
    ck_assert_str_eq(text, want);
}

void suite_expect_event(struct client *client, const char *want)
{
    struct wire_message event;

    ck_assert_msg(client_take(client, true, &event), "no event, want %s", want);
    for (uint32_t i = 0; i < event.length; i++)
        if (event.payload[i] == 0)
            event.payload[i] = '|';
    event.payload[event.length] = 0;
    ck_assert_str_eq((const char *)event.payload, want);
}

void suite_expect_quiet(struct client *client)
{
    struct wire_message event;

    if (client_take(client, true, &event))
        ck_abort_msg("unexpected event of %s", (const char *)event.payload);
}

long suite_counter(struct host *host, unsigned domid, const char *name)
{
    struct wire_message reply;

    OK(client_callf(host->dom0, 0, WIRE_CONTROL, &reply, "quota|%u|", domid));
    const char *at = (const char *)reply.payload;
    while ((at = strchr(at, '\n')) != NULL) {
        size_t length = strlen(name);

        at++;
        if (strncmp(at, name, length) == 0 && (at[length] == ' ' || at[length] == ':'))
            return strtol(strchr(at, ':') + 1, NULL, 10);
    }
    return -1;
}

void suite_alive(struct client *client)
{
    suite_expect(client, 0, WIRE_GET_DOMAIN_PATH, "7|", "/local/domain/7|");
}

void suite_dead(struct client *client, uint32_t error)
{
    static const struct wire_message request = {
        .type = WIRE_GET_DOMAIN_PATH, .req_id = 77, .length = 2, .payload = "7"};

    ck_assert_uint_eq(client->ring->error, error);
    client_clear(client);
    client_send(client, &request);
    host_pass(client->host, UINT64_C(1000000000));
    ck_assert_uint_eq(client_waiting(client, false), 0);
}

int main(void)
{
    Suite *suite = suite_create("xenstored");

    suite_add_tcase(suite, advisory_access_cases());
    suite_add_tcase(suite, advisory_domain_cases());
    suite_add_tcase(suite, advisory_ring_cases());
    suite_add_tcase(suite, advisory_quota_cases());
    suite_add_tcase(suite, advisory_transaction_cases());
    suite_add_tcase(suite, advisory_326_cases());
    suite_add_tcase(suite, hostile_ring_cases());
    suite_add_tcase(suite, hostile_message_cases());
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
