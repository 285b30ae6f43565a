/* SPDX-License-Identifier: ISC */
#include "desk.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PATH "/local/domain/6"
#define HOME PATH "/data/vchan/0/control"

/* --- the service --------------------------------------------------------------------------------
 */

static void boot(struct desk *desk, unsigned pages, const char *cmdline)
{
    struct host *host = desk->host;

    desk->hv = sim_domain_create(
        host->sim, &(struct sim_domain_config){
                       .domid = DESK_MONITOR, .pages = pages ? pages : 4096, .cmdline = cmdline});
    ck_assert_ptr_nonnull(desk->hv);
    desk->client = host_adopt(host, desk->hv, DESK_MONITOR, 0);
    desk->client->deaf = true;
    ck_assert_int_eq(host_introduce(host, desk->client), 0);
    ck_assert_int_eq(client_mkdir(host->dom0, 0, PATH), 0);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, PATH, "n0|r6"), 0);
    ck_assert_int_eq(client_mkdir(host->dom0, 0, PATH "/data"), 0);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, PATH "/data", "n6"), 0);
    sim_set_store_ring(desk->hv, desk->client->ring, desk->client->port);
}

/* What a domain has at first: its ring's page, and the port. */
static void end_domain(struct desk *desk)
{
    struct sim_usage usage;

    sim_usage(desk->hv, &usage);
    ck_assert_uint_eq(usage.pages, 1);
    ck_assert_uint_eq(usage.ports, 1);
    ck_assert_uint_eq(usage.grants, 0);
    ck_assert_uint_eq(usage.mappings, 0);
    host_kill(desk->host, desk->client);
    ck_assert_int_eq(client_rm(desk->host->dom0, 0, PATH), 0);
    free(desk);
}

struct desk *desk_create(struct host *host, unsigned pages, const char *cmdline)
{
    struct desk *desk = calloc(1, sizeof(*desk));

    ck_assert_ptr_nonnull(desk);
    desk->host = host;
    boot(desk, pages, cmdline);
    desk->config = monitor_service(desk->hv, "1.2.3", &desk->monitor);
    desk->service = service_create(desk->hv, &desk->config);
    if (desk->service) {
        struct arena_usage usage;

        desk_run(desk); /* all is said to XenStore */
        arena_usage(desk->service->arena, &usage);
        desk->before = usage.bytes_used;
        if (!monitor_create(desk->service)) {
            desk_run(desk);
            arena_usage(desk->service->arena, &usage);
            ck_assert_uint_le(usage.bytes_used, desk->before);
            sim_set_actor(desk->hv, NULL, NULL);
            service_destroy(desk->service);
            desk->service = NULL;
        }
    }
    if (!desk->service) {
        end_domain(desk);
        return NULL;
    }
    desk_run(desk);
    desk_join(desk, 0);
    return desk;
}

void desk_destroy(struct desk *desk)
{
    struct arena_usage usage;

    for (unsigned i = 0; i < DESK_ASKERS; i++)
        if (desk->joined[i])
            desk_leave(desk, i);
    monitor_destroy(desk->monitor);
    ck_assert_ptr_null(desk->monitor);
    desk_run(desk);
    sim_set_actor(desk->hv, NULL, NULL);
    arena_usage(desk->service->arena, &usage);
    ck_assert_uint_le(usage.bytes_used, desk->before);
    service_destroy(desk->service);
    end_domain(desk);
}

void desk_run(struct desk *desk)
{
    sim_set_actor(desk->hv, service_step, desk->service);
    host_run(desk->host);
}

void desk_pass(struct desk *desk, uint64_t nanoseconds)
{
    sim_set_actor(desk->hv, service_step, desk->service);
    host_pass(desk->host, nanoseconds);
}

void desk_feed(struct desk *desk, unsigned number, const char *text)
{
    char path[64];

    snprintf(path, sizeof(path), PATH "/data/feed/%u", number);
    if (text)
        ck_assert_int_eq(client_write(desk->host->dom0, 0, path, text), 0);
    else
        ck_assert_int_eq(client_rm(desk->host->dom0, 0, path), 0);
    desk_run(desk);
}

/* --- asking -------------------------------------------------------------------------------------
 */

void desk_join(struct desk *desk, unsigned asker)
{
    struct client *dom0 = desk->host->dom0;
    struct desk_request request;
    const char *value = client_value(dom0, 0, HOME "/ring-ref");
    grant_ref_t ref = value ? (grant_ref_t)atoi(value) : 0;

    desk->asker[asker] = (struct asker){.id = 0};
    value = client_value(dom0, 0, HOME "/event-channel");
    ck_assert_ptr_nonnull(value);
    ck_assert_int_eq(vchan_client_open(&desk->asker[asker].v, dom0->hv, DESK_MONITOR, ref,
                                       (evtchn_port_t)atoi(value)),
                     0);
    desk->joined[asker] = true;
    desk_run(desk);
    desk_begin(desk, asker, &request, CONTROL_T_HELLO);
    control_put_string(&request.writer, CONTROL_F_CLIENT, "test");
    desk_ask(desk, asker, &request);
    ck_assert(desk_next(desk, asker));
    ck_assert_int_eq(desk->asker[asker].header.kind, CONTROL_REPLY);
}

void desk_leave(struct desk *desk, unsigned asker)
{
    ck_assert_int_eq(vchan_close(&desk->asker[asker].v), 0);
    desk->joined[asker] = false;
    desk_run(desk);
}

void desk_begin(struct desk *desk, unsigned asker, struct desk_request *request, uint16_t type)
{
    asker_begin(&desk->asker[asker], &request->writer, request->frame, type);
}

void desk_ask(struct desk *desk, unsigned asker, struct desk_request *request)
{
    asker_send(&desk->asker[asker], &request->writer);
    desk_run(desk);
}

bool desk_peek(struct desk *desk, unsigned asker)
{
    return asker_receive(&desk->asker[asker]);
}

bool desk_next(struct desk *desk, unsigned asker)
{
    for (unsigned i = 0; i < 50; i++) {
        if (desk_peek(desk, asker))
            return true;
        if (i < 2)
            desk_run(desk);
        else
            desk_pass(desk, HV_MSEC);
    }
    return false;
}

enum control_kind desk_call(struct desk *desk, uint16_t type)
{
    struct desk_request request;

    desk_begin(desk, 0, &request, type);
    desk_ask(desk, 0, &request);
    ck_assert(desk_next(desk, 0));
    return desk->asker[0].header.kind;
}

uint64_t desk_number(const struct desk *desk, uint16_t tag)
{
    return control_number(&desk->asker[0].fields, tag, UINT64_MAX);
}

const char *desk_text(const struct desk *desk, uint16_t tag)
{
    static char text[CONTROL_FRAME_MAX];

    control_string(&desk->asker[0].fields, tag, text, sizeof(text));
    return text;
}

void desk_enter(struct desk *desk, uint16_t tag)
{
    struct control_field field;

    ck_assert(control_find(&desk->asker[0].fields, tag, &field));
    control_read_group(&desk->asker[0].fields, &field);
}

static bool has_label(struct control_reader fields, const char *label)
{
    struct control_field field;

    while (control_next(&fields, &field)) {
        struct control_reader group;
        char text[128];

        if (field.tag != CONTROL_F_LABEL)
            continue;
        control_read_group(&group, &field);
        if (control_string(&group, CONTROL_F_TEXT, text, sizeof(text)) && !strcmp(text, label))
            return true;
    }
    return false;
}

uint64_t desk_statistic(struct desk *desk, const char *name, const char *label)
{
    uint64_t value = UINT64_MAX;

    for (desk_call(desk, CONTROL_T_STATS); desk->asker[0].header.kind == CONTROL_ITEM;
         ck_assert(desk_next(desk, 0))) {
        desk_enter(desk, CONTROL_F_STATISTIC);
        if (!strcmp(desk_text(desk, CONTROL_F_NAME), name) &&
            (!label || has_label(desk->asker[0].fields, label)))
            value = desk_number(desk, CONTROL_F_VALUE);
    }
    ck_assert_int_eq(desk->asker[0].header.kind, CONTROL_END);
    return value;
}
