/* SPDX-License-Identifier: ISC */
#include "host.h"

#include "common/journal.h"
#include "expect.h"
#include "services/xenstored/journal_entry.h"

#include <check.h>
#include <errno.h>
#include <hv/gnttab.h>
#include <hv/memory.h>
#include <hv/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS_AT_ONCE 100000U
#define ROUNDS_MAX    10000U

/* What the same content may take more for having another history: tables that have grown. */
#define SHAPE_BYTES 1024

static int start(struct host *host);

/* A successor takes its predecessor's place within its first step: so it can die there, too. */
static uint64_t step(void *context)
{
    struct host *host = context;

    host->deaths.stepping = true;
    host->deaths.first = host->xs == NULL;
    if (host->xs == NULL)
        ck_assert_int_eq(start(host), 0);
    host->deadline = xenstored_step(host->xs);
    host->deaths.stepping = host->deaths.first = false;
    return host->deadline;
}

/* --- death and recovery -------------------------------------------------------------------------
 */

/* What dom0 keeps: the newest journal that is in force, and the newest hint. */
static void keep_pages(struct host *host)
{
    size_t size = (size_t)host->journal * HV_PAGE_SIZE;
    struct journal_reader reader;
    struct journal_hint *hint;

    if (host->deaths.kept == NULL) {
        host->deaths.kept = calloc(1, size);
        host->deaths.kept_size = size;
    }
    if (host->reserved == NULL)
        return;
    hint = (struct journal_hint *)(void *)host->deaths.kept;
    if (journal_read(&reader, (uint8_t *)host->reserved + HV_PAGE_SIZE, size - HV_PAGE_SIZE) == 0) {
        uint8_t *journal = host->deaths.kept + HV_PAGE_SIZE;
        size_t from, length = 0;

        memcpy(host->deaths.kept, host->reserved, size);
        if (host->deaths.count % 2 == 1) /* the whole is taken as well */
            length = journal_cut(journal, size - HV_PAGE_SIZE, &from);
        if (length != 0)
            memmove(journal, journal + from, length);
        host->deaths.kept_size = length != 0 ? HV_PAGE_SIZE + length : size;
    } else {
        journal_hint_carry(hint, host->reserved);
        host->deaths.recoveries++;
    }
    if (!host->deaths.poison) {
        hint->request = 0;
        memset(hint->suspects, 0, sizeof(hint->suspects));
    }
}

void host_end_store(struct host *host)
{
    struct hv *store = host->store;

    keep_pages(host);
    host->deaths.count++;
    host->deaths.early += host->deaths.first;
    host->deaths.stepping = host->deaths.first = false;
    host->deaths.dead = true;
    host->xs = NULL;
    host->reserved = NULL;
    host->deaths.in = host->deaths.then;
    host->deaths.then = 0;
    if (host->deaths.in == 0 && host->deaths.every != 0) {
        uint64_t draw = host->deaths.random =
            host->deaths.random * UINT64_C(6364136223846793005) + 12345;

        draw >>= 33;
        /* Soon after the last one as often as any time later. */
        host->deaths.in = 1 + (draw & 1 ? draw >> 1 : (draw >> 1) % 100) % host->deaths.every;
    }
    sim_domain_destroy(store);
}

void host_access(struct host *host)
{
    if (host->deaths.stepping && host->deaths.in != 0 && --host->deaths.in == 0)
        host_end_store(host);
}

static void count_access(void *context, struct hv *victim, const void *address, size_t length)
{
    struct host *host = context;

    if (victim == host->store)
        host_access(host);
}

void host_arm(struct host *host)
{
    sim_set_adversary(host->sim, count_access, host);
}

static void create_store(struct host *host)
{
    host->store = sim_domain_create(
        host->sim, &(struct sim_domain_config){
                       .domid = HOST_STORE_DOMID,
                       .xs_domain = true,
                       .pages = host->store_pages,
                       .reserved_pages = host->journal,
                       .module = host->deaths.kept,
                       .module_size = host->deaths.kept != NULL ? host->deaths.kept_size : 0});
    ck_assert_ptr_nonnull(host->store);
}

static void bring_back(struct host *host)
{
    host->deaths.dead = false;
    create_store(host);
    sim_set_actor(host->store, step, host);
}

/* Run the host, and bring up a successor wherever the store has died. */
static uint64_t run(struct host *host, uint64_t until)
{
    uint64_t steps = sim_run(host->sim, until, STEPS_AT_ONCE), all = steps;

    while (host->deaths.dead && !host->deaths.alone) {
        bring_back(host);
        steps = sim_run(host->sim, until, STEPS_AT_ONCE);
        all += steps;
    }
    return steps == STEPS_AT_ONCE ? STEPS_AT_ONCE : all % STEPS_AT_ONCE;
}

static struct client **free_slot(struct host *host)
{
    for (unsigned i = 0; i < HOST_CLIENTS; i++)
        if (host->client[i] == NULL)
            return &host->client[i];
    abort();
}

static unsigned journal_pages(void)
{
    const char *text = getenv("HOST_JOURNAL");

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : 0;
}

struct host *host_create(const struct host_config *config)
{
    static const struct host_config plain;
    struct host *host = calloc(1, sizeof(*host));
    struct hv *dom0;

    if (host == NULL)
        abort();
    if (config == NULL)
        config = &plain;
    host->sim = sim_create(config->seed);
    dom0 = sim_domain_create(host->sim, &(struct sim_domain_config){.domid = 0, .cmdline = ""});
    sim_domain_no_faults(dom0);
    host->store_pages = config->store_pages;
    host->journal = config->journal != 0 ? config->journal : journal_pages();
    create_store(host);
    host->control = config->control;
    host->dom0 = *free_slot(host) = client_create(host, dom0, 0, config->start_index, false);
    if (config->lenient)
        return host;
    ck_assert_int_eq(host_start(host), 0);
    /* The store's own domain is known from here on, whether a permission names it or not. */
    ck_assert_int_eq(
        client_callf(host->dom0, 0, WIRE_GET_QUOTA, NULL, "%u|nodes|", HOST_STORE_DOMID), 0);
    ck_assert_int_eq(host_control(host, "memreport", host->memreport), 0);
    sim_usage(host->store, &host->idle);
    return host;
}

static int start(struct host *host)
{
    struct xenstored_config config = {.control = host->control, .version = "1.2.3"};
    const void *module;
    size_t size;
    int error;

    host->reserved = config.reserved = hv_reserved(host->store, &config.reserved_pages);
    host->xs = xenstored_create(host->store, &config);
    if (host->xs == NULL)
        return ENOMEM;
    module = hv_module(host->store, &size);
    error = module != NULL ? xenstored_take_over(host->xs, module, size)
                           : xenstored_attach(host->xs, 0, HV_GNTTAB_XENSTORE, host->dom0->port);
    if (error != 0) {
        xenstored_destroy(host->xs);
        host->xs = NULL;
    }
    return -error;
}

int host_start(struct host *host)
{
    int error = start(host);

    if (error != 0)
        return error;
    sim_set_actor(host->store, step, host);
    host_run(host);
    return 0;
}

int host_succeed(struct host *host)
{
    int error;

    host->deaths.dead = false;
    create_store(host);
    error = start(host);
    if (error == 0)
        sim_set_actor(host->store, step, host);
    return error;
}

static bool read_all(struct host *host)
{
    bool any = false;

    for (unsigned i = 0; i < HOST_CLIENTS; i++)
        if (host->client[i] != NULL && !host->client[i]->deaf)
            any |= client_read(host->client[i]);
    return any;
}

void host_run(struct host *host)
{
    unsigned rounds = 0;
    uint64_t steps;

    do {
        steps = run(host, sim_now(host->sim));
        EXPECT(++rounds < ROUNDS_MAX, "the service never comes to rest");
    } while (read_all(host) || steps == STEPS_AT_ONCE);
}

void host_pass(struct host *host, uint64_t nanoseconds)
{
    run(host, sim_now(host->sim) + nanoseconds);
    read_all(host);
    host_run(host);
}

struct client *host_adopt(struct host *host, struct hv *hv, domid_t domid, uint32_t start_index)
{
    struct client *guest;

    sim_domain_no_faults(hv);
    guest = client_create(host, hv, domid, start_index, false);
    *free_slot(host) = guest;
    return guest;
}

struct client *host_boot(struct host *host, domid_t domid, uint32_t start_index)
{
    struct hv *hv = sim_domain_create(
        host->sim, &(struct sim_domain_config){.domid = domid, .pages = 16, .cmdline = ""});

    ck_assert_msg(hv != NULL, "domain %u is still there", domid);
    return host_adopt(host, hv, domid, start_index);
}

int host_introduce(struct host *host, struct client *guest)
{
    return client_callf(host->dom0, 0, WIRE_INTRODUCE, NULL, "%u|1|%u|", guest->domid, guest->port);
}

struct client *host_guest(struct host *host, domid_t domid)
{
    struct client *guest = host_boot(host, domid, 0);

    ck_assert_int_eq(host_introduce(host, guest), 0);
    return guest;
}

static void forget(struct host *host, struct client *client)
{
    for (unsigned i = 0; i < HOST_CLIENTS; i++)
        if (host->client[i] == client)
            host->client[i] = NULL;
    client_free(client);
}

void host_kill(struct host *host, struct client *guest)
{
    struct hv *hv = guest->hv;

    forget(host, guest);
    sim_domain_destroy(hv);
    host_run(host);
}

void host_shutdown(struct host *host, struct client *guest, uint8_t reason)
{
    sim_domain_shutdown(guest->hv, reason);
    host_run(host);
}

struct client *host_attach(struct host *host, uint32_t start_index)
{
    struct client *extra = client_create(host, host->dom0->hv, 0, start_index, true);

    int error = xenstored_attach(host->xs, 0, extra->ref, extra->port);
    if (error != 0) /* a sweep over failures made it fail once */
        error = xenstored_attach(host->xs, 0, extra->ref, extra->port);
    ck_assert_int_eq(error, 0);
    *free_slot(host) = extra;
    host_run(host);
    return extra;
}

void host_detach(struct host *host, struct client *extra)
{
    struct hv *hv = extra->hv;
    void *page = extra->ring;

    xenstored_detach(host->xs, 0, extra->port);
    hv_evtchn_close(hv, extra->port);
    ck_assert_int_eq(hv_grant_revoke(hv, extra->ref), 0);
    forget(host, extra);
    hv_page_free(hv, page, 1);
    host_run(host);
}

int host_control(struct host *host, const char *command, char text[WIRE_PAYLOAD_MAX + 1])
{
    struct wire_message reply;
    int error = client_callf(host->dom0, 0, WIRE_CONTROL, &reply, "%s|", command);

    if (text != NULL)
        memcpy(text, reply.payload, sizeof(reply.payload));
    return error;
}

void host_check(struct host *host)
{
    char text[WIRE_PAYLOAD_MAX + 1];

    ck_assert_int_eq(host_control(host, "check", text), 0);
    ck_assert_str_eq(text, "OK");
}

/* Remove what the test left as dom0, so that only a leak can be left. */
static void tidy(struct host *host)
{
    char names[WIRE_PAYLOAD_MAX + 1];

    ck_assert_int_eq(client_call(host->dom0, 0, WIRE_RESET_WATCHES, "|", NULL), 0);
    client_text(host->dom0, 0, WIRE_DIRECTORY, "/|", names);
    ck_assert(strcmp(names, "E2BIG") != 0);
    for (char *name = strtok(names, "|"); name != NULL; name = strtok(NULL, "|")) {
        char path[WIRE_PAYLOAD_MAX];

        snprintf(path, sizeof(path), "/%.4000s", name);
        ck_assert_int_eq(client_rm(host->dom0, 0, path), 0);
    }
    ck_assert_int_eq(client_mkdir(host->dom0, 0, "/tool/xenstored"), 0);
    ck_assert_int_eq(client_write(host->dom0, 0, "/", ""), 0);
    ck_assert_int_eq(0, client_set_perms(host->dom0, 0, "/", "n0"));
    ck_assert_int_eq(0, client_set_perms(host->dom0, 0, "@introduceDomain", "n0"));
    ck_assert_int_eq(0, client_set_perms(host->dom0, 0, "@releaseDomain", "n0|r32757"));
}

long host_counter(const char *report, const char *name)
{
    char line[64];
    const char *at;

    snprintf(line, sizeof(line), "\n%s: ", name);
    at = strstr(report, line);
    ck_assert_msg(at != NULL, "no %s in memreport", name);
    return atol(at + strlen(line));
}

void host_compare_reports(const char *before, const char *after, long slack)
{
    static const char *const counters[] = {"bytes-used",    "nodes",        "permission-lists",
                                           "domains",       "connections",  "watches",
                                           "watched-paths", "transactions", "unread-bytes"};

    for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++) {
        long was = host_counter(before, counters[i]), is = host_counter(after, counters[i]);

        if (is > was + (i == 0 ? slack : 0))
            fprintf(stderr, "before:\n%safter:\n%s", before, after);
        ck_assert_msg(is <= was + (i == 0 ? slack : 0), "leak: %s was %ld, is %ld", counters[i],
                      was, is);
    }
}

void host_destroy(struct host *host)
{
    struct sim_usage now;
    char memreport[WIRE_PAYLOAD_MAX + 1];

    sim_set_adversary(host->sim, NULL, NULL);
    sim_set_faults(host->sim, &(struct sim_faults){0});
    sim_fail_nth(host->sim, 0);
    for (unsigned i = 0; i < HOST_CLIENTS; i++)
        if (host->client[i] != NULL) {
            host->client[i]->deaf = false;
            if (host->client[i]->domid != 0)
                host_kill(host, host->client[i]);
            else if (host->client[i] != host->dom0)
                host_detach(host, host->client[i]);
        }
    host_check(host);
    tidy(host);
    host_run(host);
    sim_usage(host->store, &now);
    ck_assert_uint_eq(now.pages, host->idle.pages);
    ck_assert_uint_eq(now.ports, host->idle.ports);
    ck_assert_uint_eq(now.grants, host->idle.grants);
    ck_assert_uint_eq(now.mappings, host->idle.mappings);
    xenstored_forget_history(host->xs);
    ck_assert_int_eq(host_control(host, "memreport", memreport), 0);
    host_compare_reports(host->memreport, memreport, SHAPE_BYTES);

    xenstored_destroy(host->xs);
    sim_set_actor(host->store, NULL, NULL);
    free(host->deaths.kept);
    sim_usage(host->store, &now);
    ck_assert_uint_eq(now.pages, 0);
    ck_assert_uint_eq(now.ports, 0);
    ck_assert_uint_eq(now.mappings, 0);
    forget(host, host->dom0);
    sim_destroy(host->sim);
    free(host);
}
