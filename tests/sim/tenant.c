/* SPDX-License-Identifier: ISC */
#include "tenant.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hv/memory.h>

static uint64_t step(void *context)
{
    struct tenant *tenant = context;

    return loop_step(&tenant->loop);
}

struct tenant *tenant_boot(struct host *host, domid_t domid, uint32_t start_index)
{
    const struct sim_domain_config config = {.domid = domid, .pages = TENANT_PAGES + 64};
    struct tenant *tenant = calloc(1, sizeof(*tenant));

    if (tenant == NULL)
        abort();
    tenant->host = host;
    tenant->hv = sim_domain_create(host->sim, &config);
    ck_assert_ptr_nonnull(tenant->hv);
    tenant->client = host_adopt(host, tenant->hv, domid, start_index);
    tenant->client->deaf = true;
    sim_set_store_ring(tenant->hv, tenant->client->ring, tenant->client->port);
    tenant->memory = hv_page_alloc(tenant->hv, TENANT_PAGES);
    tenant->arena = arena_create(tenant->memory, TENANT_PAGES);
    ck_assert_ptr_nonnull(tenant->arena);
    arena_usage(tenant->arena, &tenant->idle);
    loop_init(&tenant->loop, tenant->hv);
    return tenant;
}

void tenant_connect(struct tenant *tenant)
{
    int error;

    tenant->store = store_create(tenant->hv, tenant->arena, &tenant->loop, &error);
    ck_assert_ptr_nonnull(tenant->store);
    sim_set_actor(tenant->hv, step, tenant);
}

struct tenant *tenant_create(struct host *host, domid_t domid, uint32_t start_index)
{
    struct tenant *tenant = tenant_boot(host, domid, start_index);
    char path[64], perms[16];

    ck_assert_int_eq(host_introduce(host, tenant->client), 0);
    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    snprintf(perms, sizeof(perms), "n%u", domid);
    ck_assert_int_eq(client_mkdir(host->dom0, 0, path), 0);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, path, perms), 0);
    tenant_connect(tenant);
    return tenant;
}

void tenant_run(struct tenant *tenant)
{
    sim_set_actor(tenant->hv, step, tenant);
    host_run(tenant->host);
}

void tenant_pass(struct tenant *tenant, uint64_t nanoseconds)
{
    sim_set_actor(tenant->hv, step, tenant);
    host_pass(tenant->host, nanoseconds);
}

void tenant_destroy(struct tenant *tenant)
{
    struct arena_usage now;

    if (tenant->store != NULL)
        store_destroy(tenant->store);
    arena_usage(tenant->arena, &now);
    ck_assert_uint_eq(now.bytes_used, tenant->idle.bytes_used);
    sim_set_actor(tenant->hv, NULL, NULL);
    arena_destroy(tenant->arena);
    hv_page_free(tenant->hv, tenant->memory, TENANT_PAGES);
    host_kill(tenant->host, tenant->client);
    free(tenant);
}

void told_reply(void *context, int error, const char *data, size_t length)
{
    struct told *told = context;

    ck_assert(error <= 0);
    ck_assert_uint_le(length, WIRE_PAYLOAD_MAX);
    told->count++;
    told->error = error;
    told->length = length;
    if (length > 0)
        memcpy(told->data, data, length);
    told->data[length] = '\0';
}
