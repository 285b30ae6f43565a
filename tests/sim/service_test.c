/* SPDX-License-Identifier: ISC */
/* A whole service beside the real xenstored: it starts, is found, answers, and ends. */
#include "asker.h"
#include "host.h"

#include "common/service.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOMID 5
#define HOME  "/local/domain/5/data/vchan/0/control"

/* Its own request: a number and the next one. */
#define T_NEXT CONTROL_T_USER

struct own {
    unsigned asked;
    int stop; /* what the stop function says */
};

static int handle_next(void *context, struct control_request *request, struct control_writer *reply)
{
    struct own *own = ((struct service *)context)->config->context;

    own->asked++;
    control_put_number(reply, CONTROL_F_VALUE,
                       control_number(&request->fields, CONTROL_F_VALUE, 0) + 1);
    return 0;
}

static bool statistic(void *context, unsigned index, struct control_writer *item)
{
    const struct own *own = ((struct service *)context)->config->context;

    if (index > 0)
        return false;
    control_statistic(item, "asked", "Numbers asked for.", NULL, true, own->asked);
    return true;
}

static int stop(void *context, const char **why)
{
    const struct own *own = ((struct service *)context)->config->context;

    *why = "not now";
    return own->stop;
}

static struct own own;
static const struct control_handler handlers[] = {{T_NEXT, handle_next}};
static const struct service_config config = {
    .name = "hello",
    .version = "1.2.3",
    .spare_pages = 4,
    .context = &own,
    .handlers = handlers,
    .handler_count = 1,
    .statistic = statistic,
    .stop = stop,
};

static struct host *host;
static struct hv *hv;
static struct service *service;

/* The service's domain, introduced, with its home, and nothing running in it. */
static struct client *boot(const char *cmdline, unsigned pages)
{
    struct client *client;

    own = (struct own){0};
    hv = sim_domain_create(
        host->sim, &(struct sim_domain_config){.domid = DOMID, .pages = pages, .cmdline = cmdline});
    ck_assert_ptr_nonnull(hv);
    client = host_adopt(host, hv, DOMID, 0);
    client->deaf = true;
    ck_assert_int_eq(host_introduce(host, client), 0);
    ck_assert_int_eq(client_mkdir(host->dom0, 0, "/local/domain/5/data"), 0);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, "/local/domain/5/data", "n5"), 0);
    sim_set_store_ring(hv, client->ring, client->port);
    return client;
}

static void start(void)
{
    service = service_create(hv, &config);
    ck_assert_ptr_nonnull(service);
    sim_set_actor(hv, service_step, service);
    host_run(host);
}

/* What a domain has at first: its ring's page, and the port. */
static void expect_nothing_left(void)
{
    struct sim_usage usage;

    sim_usage(hv, &usage);
    ck_assert_uint_eq(usage.pages, 1);
    ck_assert_uint_eq(usage.ports, 1);
    ck_assert_uint_eq(usage.grants, 0);
    ck_assert_uint_eq(usage.mappings, 0);
}

static void end(struct client *client)
{
    sim_set_actor(hv, NULL, NULL);
    service_destroy(service);
    expect_nothing_left();
    host_kill(host, client);
}

/* --- clients */

static int connect_asker(struct asker *asker)
{
    const char *value = client_value(host->dom0, 0, HOME "/ring-ref");
    grant_ref_t ref = value ? (grant_ref_t)atoi(value) : 0;

    value = value ? client_value(host->dom0, 0, HOME "/event-channel") : NULL;
    if (!value)
        return -ENOENT;
    *asker = (struct asker){.id = 0};
    return vchan_client_open(&asker->v, host->dom0->hv, DOMID, ref, (evtchn_port_t)atoi(value));
}

/* Send what is in @writer; its first answer. */
static void exchange(struct asker *asker, struct control_writer *writer)
{
    asker_send(asker, writer);
    for (unsigned i = 0; !asker_receive(asker); i++) {
        ck_assert_uint_lt(i, 100);
        host_pass(host, 1000000);
    }
    ck_assert_uint_eq(asker->header.id, asker->id);
}

static void ask(struct asker *asker, uint16_t type, enum control_kind kind)
{
    uint8_t frame[CONTROL_FRAME_MAX];
    struct control_writer writer;

    asker_begin(asker, &writer, frame, type);
    if (type == CONTROL_T_HELLO)
        control_put_string(&writer, CONTROL_F_CLIENT, "test");
    if (type == T_NEXT)
        control_put_number(&writer, CONTROL_F_VALUE, 41);
    exchange(asker, &writer);
    ck_assert_int_eq(asker->header.kind, kind);
}

static uint64_t number(struct asker *asker, uint16_t tag)
{
    return control_number(&asker->fields, tag, UINT64_MAX);
}

static void expect_text(const struct control_reader *fields, uint16_t tag, const char *want)
{
    char text[300];

    ck_assert(control_string(fields, tag, text, sizeof(text)));
    ck_assert_str_eq(text, want);
}

static void join(struct asker *asker)
{
    ck_assert_int_eq(connect_asker(asker), 0);
    host_run(host);
    ask(asker, CONTROL_T_HELLO, CONTROL_REPLY);
    expect_text(&asker->fields, CONTROL_F_SERVICE, "hello");
    expect_text(&asker->fields, CONTROL_F_PROGRAM_VERSION, "1.2.3");
}

static void leave(struct asker *asker)
{
    ck_assert_int_eq(vchan_close(&asker->v), 0);
    host_run(host);
}

/* The value of a statistic; the stream is read to its end. */
static uint64_t statistic_value(struct asker *asker, const char *name)
{
    uint64_t value = UINT64_MAX;

    ask(asker, CONTROL_T_STATS, CONTROL_ITEM);
    while (asker->header.kind == CONTROL_ITEM) {
        struct control_field field;
        struct control_reader group;
        char text[64];

        ck_assert(control_find(&asker->fields, CONTROL_F_STATISTIC, &field));
        control_read_group(&group, &field);
        ck_assert(control_string(&group, CONTROL_F_NAME, text, sizeof(text)));
        if (!strcmp(text, name))
            value = control_number(&group, CONTROL_F_VALUE, 0);
        while (!asker_receive(asker))
            host_run(host);
    }
    ck_assert_int_eq(asker->header.kind, CONTROL_END);
    return value;
}

/* Is a line of the log like this? */
static bool logged(struct asker *asker, const char *want)
{
    bool found = false;

    ask(asker, CONTROL_T_LOGS, CONTROL_ITEM);
    while (asker->header.kind == CONTROL_ITEM) {
        char text[300];

        ck_assert(control_string(&asker->fields, CONTROL_F_TEXT, text, sizeof(text)));
        found |= strstr(text, want) != NULL;
        while (!asker_receive(asker))
            host_run(host);
    }
    return found;
}

/* --- cases */

static void setup(void)
{
    host = host_create(NULL);
}

static void teardown(void)
{
    host_destroy(host);
}

START_TEST(test_whole_life)
{
    struct client *client = boot("", 0);
    struct asker asker, second;
    char text[WIRE_PAYLOAD_MAX + 1];

    start();
    client_text(host->dom0, 0, WIRE_GET_PERMS, HOME "/ring-ref|", text);
    ck_assert_str_eq(text, "n5|r0|");
    join(&asker);
    ask(&asker, CONTROL_T_STATUS, CONTROL_REPLY);
    ck_assert_uint_eq(number(&asker, CONTROL_F_SEALED), 0);
    service_seal(service);
    ask(&asker, CONTROL_T_STATUS, CONTROL_REPLY);
    ck_assert_uint_eq(number(&asker, CONTROL_F_SEALED), 1);
    ck_assert_uint_eq(number(&asker, CONTROL_F_HEALTH), CONTROL_HEALTHY);
    ck_assert_uint_eq(number(&asker, CONTROL_F_DOMID), DOMID);
    ck_assert_uint_gt(number(&asker, CONTROL_F_MEMORY_TOTAL), 4 << 20);
    ck_assert_uint_lt(number(&asker, CONTROL_F_MEMORY_USED), 1 << 20);

    ask(&asker, T_NEXT, CONTROL_REPLY);
    ck_assert_uint_eq(number(&asker, CONTROL_F_VALUE), 42);
    ck_assert_uint_eq(statistic_value(&asker, "asked"), 1);
    ck_assert_uint_eq(statistic_value(&asker, "memory_refused"), 0);
    ck_assert_uint_eq(statistic_value(&asker, "xenstore_connected"), 1);
    ck_assert(logged(&asker, "hello 1.2.3: domain 5"));
    ck_assert(!logged(&asker, "XenStore"));

    join(&second);
    own.stop = -EPERM;
    ask(&second, CONTROL_T_STOP, CONTROL_ERROR);
    ck_assert_uint_eq(number(&second, CONTROL_F_ERRNO), EPERM);
    expect_text(&second.fields, CONTROL_F_TEXT, "not now");
    ck_assert(!service->ended);
    own.stop = 0;
    ask(&second, CONTROL_T_STOP, CONTROL_REPLY);
    host_run(host);
    ck_assert(service->ended);
    leave(&second);
    leave(&asker);
    end(client);
}
END_TEST

/* XenStore ends the connection: whoever is there goes on, and is told. */
START_TEST(test_xenstore_hangs_up)
{
    struct client *client = boot("", 0);
    struct asker asker;

    start();
    join(&asker);
    client->ring->error = 1;
    client_notify(host->dom0); /* wakes the store, which wakes nobody */
    ck_assert_int_eq(client_write(host->dom0, 0, HOME "/ring-ref", "1"), 0);
    store_read(service->store, 0, "data", NULL, NULL);
    sim_set_actor(hv, service_step, service);
    host_run(host);
    ask(&asker, CONTROL_T_STATUS, CONTROL_REPLY);
    ck_assert_uint_eq(number(&asker, CONTROL_F_HEALTH), CONTROL_DEGRADED);
    expect_text(&asker.fields, CONTROL_F_TEXT, "the connection to XenStore has ended");
    ck_assert_uint_eq(statistic_value(&asker, "xenstore_connected"), 0);
    ck_assert(logged(&asker, "connection to XenStore has ended"));
    leave(&asker);
    client->ring->error = 0;
    end(client);
}
END_TEST

START_TEST(test_options)
{
    static const struct {
        const char *cmdline;
        bool starts;
    } cases[] = {
        {"log=4 clients=1", true},
        {"other=7 clients=2 log=1024", true},
        {"  clients=64", true},
        {"xlog=0 log clients logger=3", true},
        {"log=3", false},
        {"log=1025", false},
        {"log=", false},
        {"log=12x", false},
        {"clients=0", false},
        {"clients=65", false},
        {"clients=99999999999999999999", false},
        {"clients=-1", false},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct client *client = boot(cases[i].cmdline, 2048);

        service = service_create(hv, &config);
        ck_assert_msg((service != NULL) == cases[i].starts, "%s", cases[i].cmdline);
        if (service)
            service_destroy(service);
        expect_nothing_left();
        host_kill(host, client);
    }
}
END_TEST

START_TEST(test_own_options)
{
    struct client *client = boot("size=12 name=x big=4294967296 last=7", 0);
    uint32_t value = 0;

    ck_assert(service_option(hv, "size", 12, &value) && value == 12);
    ck_assert(!service_option(hv, "size", 11, &value));
    ck_assert(!service_option(hv, "name", 100, &value));
    ck_assert(!service_option(hv, "big", UINT32_MAX, &value));
    ck_assert(!service_option(hv, "ast", 100, &value));
    ck_assert(!service_option(hv, "none", 100, &value));
    ck_assert(service_option(hv, "last", 100, &value) && value == 7);
    host_kill(host, client);
}
END_TEST

/* Whatever memory there is: it starts and is found, or says that it cannot and leaves nothing. */
START_TEST(test_any_memory)
{
    unsigned started = 0, refused = 0;

    for (unsigned pages = 1; pages < 400; pages += pages < 100 ? 7 : 1) {
        struct client *client = boot("clients=16", pages);
        struct asker asker;

        service = service_create(hv, &config);
        if (service == NULL) {
            refused++;
            expect_nothing_left();
            host_kill(host, client);
            continue;
        }
        sim_set_actor(hv, service_step, service);
        host_run(host);
        ck_assert_ptr_nonnull(hv_page_alloc(hv, config.spare_pages)); /* are its own */
        join(&asker);
        ask(&asker, CONTROL_T_STATUS, CONTROL_REPLY);
        leave(&asker);
        sim_set_actor(hv, NULL, NULL);
        service_destroy(service);
        host_kill(host, client);
        if (++started == 20)
            break;
    }
    ck_assert_uint_gt(refused, 10);
    ck_assert_uint_eq(started, 20);
}
END_TEST

/* Each call of the hypervisor's fails once. */
START_TEST(test_each_call_fails)
{
    uint64_t nth = 1;
    bool struck = true;

    for (; struck; nth++) {
        struct asker asker;

        /* A domain whose calls do fail: the host's own are spared. */
        hv =
            sim_domain_create(host->sim, &(struct sim_domain_config){.domid = DOMID, .pages = 256});
        void *page = hv_page_alloc(hv, 1);
        evtchn_port_t port;
        ck_assert_ptr_nonnull(page);
        sim_grant_reserved(hv, HV_GNTTAB_XENSTORE, HOST_STORE_DOMID, page);
        ck_assert_int_eq(hv_evtchn_alloc_unbound(hv, HOST_STORE_DOMID, &port), 0);
        ck_assert_int_eq(client_callf(host->dom0, 0, WIRE_INTRODUCE, NULL, "%u|1|%u|", DOMID, port),
                         0);
        ck_assert_int_eq(client_mkdir(host->dom0, 0, "/local/domain/5/data"), 0);
        ck_assert_int_eq(client_set_perms(host->dom0, 0, "/local/domain/5/data", "n5"), 0);
        sim_set_store_ring(hv, page, port);
        sim_fail_nth(host->sim, nth);
        service = service_create(hv, &config);
        if (service != NULL) {
            sim_set_actor(hv, service_step, service);
            host_run(host);
            struck = sim_fault_points(host->sim) >= nth;
            sim_fail_nth(host->sim, 0);
            host_pass(host, 5 * UINT64_C(1000000000));
            join(&asker);
            ask(&asker, CONTROL_T_STATUS, CONTROL_REPLY);
            leave(&asker);
            sim_set_actor(hv, NULL, NULL);
            service_destroy(service);
        }
        sim_fail_nth(host->sim, 0);
        expect_nothing_left();
        sim_domain_destroy(hv);
        host_run(host);
        ck_assert_uint_lt(nth, 200);
    }
    ck_assert_uint_gt(nth, 5);
}
END_TEST

START_TEST(test_without_xenstore)
{
    struct client *client = boot("", 0);

    sim_set_store_ring(hv, NULL, 0);
    start();
    ck_assert_ptr_null(service->store);
    ck_assert_ptr_null(service->control);
    service_seal(service);
    ck_assert_uint_eq(service_step(service), HV_NEVER);
    ck_assert_ptr_null(client_value(host->dom0, 0, HOME "/ring-ref"));
    end(client);
}
END_TEST

/* It waits for nothing but events and a client that is there. */
START_TEST(test_idles)
{
    struct client *client = boot("", 0);
    uint64_t deadline;

    start();
    service_seal(service);
    host_pass(host, 100 * UINT64_C(1000000000));
    deadline = service_step(service);
    ck_assert_uint_gt(deadline, hv_now(hv));
    end(client);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("service");
    TCase *cases = tcase_create("service");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, test_whole_life);
    tcase_add_test(cases, test_xenstore_hangs_up);
    tcase_add_test(cases, test_options);
    tcase_add_test(cases, test_own_options);
    tcase_add_test(cases, test_any_memory);
    tcase_add_test(cases, test_each_call_fails);
    tcase_add_test(cases, test_without_xenstore);
    tcase_add_test(cases, test_idles);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
