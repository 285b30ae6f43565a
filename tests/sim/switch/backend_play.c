/* SPDX-License-Identifier: ISC */
#include "backend_play.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hv/memory.h>

#define LOG_PAGES 4U

static void path_of(char path[160], domid_t domid, unsigned devid, const char *name)
{
    snprintf(path, 160, "/local/domain/%u/backend/vif/%u/%u%s%s", PLAY_BACKEND, domid, devid,
             *name ? "/" : "", name);
}

void play_create(struct play *play)
{
    *play = (struct play){.host = host_create(NULL)};
    play->tenant = tenant_create(play->host, PLAY_BACKEND, 0);
    /* As libxl: a domain's home is dom0's. */
    ck_assert_int_eq(client_set_perms(play->host->dom0, 0, "/local/domain/5", "n0|r5"), 0);
    play->log_memory = hv_page_alloc(play->tenant->hv, LOG_PAGES);
    play->log = log_create(play->tenant->hv, play->log_memory, LOG_PAGES * HV_PAGE_SIZE);
    tenant_run(play->tenant);
    sim_usage(play->tenant->hv, &play->before);
}

struct client *play_guest(struct play *play, domid_t domid)
{
    struct client *made = host_guest(play->host, domid);
    char path[64], perms[32];

    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    snprintf(perms, sizeof(perms), "n0|r%u", domid);
    ck_assert_int_eq(client_mkdir(play->host->dom0, 0, path), 0);
    ck_assert_int_eq(client_set_perms(play->host->dom0, 0, path, perms), 0);
    return made;
}

void play_start(struct play *play, const struct xenbus_device_type *type, void *context)
{
    struct tenant *tenant = play->tenant;

    play->backend = xenbus_backend_create(tenant->hv, tenant->arena, &tenant->loop, tenant->store,
                                          play->log, type, context);
    ck_assert_ptr_nonnull(play->backend);
    tenant_run(tenant);
}

void play_stop(struct play *play)
{
    struct sim_usage now;

    xenbus_backend_destroy(play->backend);
    play->backend = NULL;
    tenant_run(play->tenant);
    sim_usage(play->tenant->hv, &now);
    ck_assert_uint_eq(now.ports, play->before.ports);
    ck_assert_uint_eq(now.mappings, play->before.mappings);
    ck_assert_uint_eq(now.grants, play->before.grants);
}

void play_destroy(struct play *play)
{
    hv_page_free(play->tenant->hv, play->log_memory, LOG_PAGES);
    tenant_destroy(play->tenant);
    host_destroy(play->host);
}

void play_pass(struct play *play, unsigned milliseconds)
{
    tenant_pass(play->tenant, milliseconds * PLAY_MS);
}

static void put(struct client *dom0, uint32_t tx, const char *base, const char *name,
                const char *value)
{
    char path[200];

    snprintf(path, sizeof(path), "%s/%s", base, name);
    ck_assert_int_eq(client_write(dom0, tx, path, value), 0);
}

/* Make a directory that belongs to @owner and that @reader may read. */
static void make(struct client *dom0, uint32_t tx, const char *path, domid_t owner, domid_t reader)
{
    char perms[32];

    snprintf(perms, sizeof(perms), "n%u|r%u", owner, reader);
    ck_assert_int_eq(client_mkdir(dom0, tx, path), 0);
    ck_assert_int_eq(client_set_perms(dom0, tx, path, perms), 0);
}

static void put_more(struct client *dom0, uint32_t tx, const char *base, const char *more)
{
    char text[2048], *node, *rest = text;

    snprintf(text, sizeof(text), "%s", more);
    while ((node = strsep(&rest, "|")) != NULL && *node) {
        char *value = strchr(node, '=');

        *value++ = '\0';
        put(dom0, tx, base, node, value);
    }
}

void play_attach(struct play *play, domid_t domid, unsigned devid, const char *more)
{
    struct client *dom0 = play->host->dom0;
    char ours[160], theirs[160], text[32], parent[160];
    uint32_t tx;

    path_of(ours, domid, devid, "");
    snprintf(theirs, sizeof(theirs), "/local/domain/%u/device/vif/%u", domid, devid);
    ck_assert_int_eq(client_begin(dom0, &tx), 0);
    make(dom0, tx, "/local/domain/5/backend", 0, PLAY_BACKEND);
    make(dom0, tx, "/local/domain/5/backend/vif", 0, PLAY_BACKEND);
    snprintf(parent, sizeof(parent), "/local/domain/5/backend/vif/%u", domid);
    make(dom0, tx, parent, 0, PLAY_BACKEND);
    make(dom0, tx, theirs, domid, PLAY_BACKEND);
    make(dom0, tx, ours, PLAY_BACKEND, domid);
    put(dom0, tx, ours, "frontend", theirs);
    snprintf(text, sizeof(text), "%u", domid);
    put(dom0, tx, ours, "frontend-id", text);
    put(dom0, tx, ours, "online", "1");
    put(dom0, tx, ours, "state", "1");
    put(dom0, tx, ours, "script", "/etc/xen/scripts/vif-bridge");
    put(dom0, tx, ours, "mac", "00:16:3e:00:00:01");
    put(dom0, tx, ours, "bridge", "xenbr0");
    snprintf(text, sizeof(text), "%u", devid);
    put(dom0, tx, ours, "handle", text);
    put(dom0, tx, ours, "type", "vif");
    put(dom0, tx, ours, "hotplug-status", "");
    put_more(dom0, tx, ours, more);
    put(dom0, tx, theirs, "handle", text);
    put(dom0, tx, theirs, "backend", ours);
    put(dom0, tx, theirs, "backend-id", "5");
    put(dom0, tx, theirs, "state", "1");
    ck_assert_int_eq(client_end(dom0, tx, true), 0);
}

void play_detach(struct play *play, domid_t domid, unsigned devid)
{
    struct client *dom0 = play->host->dom0;
    char ours[160];
    uint32_t tx;

    path_of(ours, domid, devid, "");
    ck_assert_int_eq(client_begin(dom0, &tx), 0);
    put(dom0, tx, ours, "online", "0");
    put(dom0, tx, ours, "state", "5");
    ck_assert_int_eq(client_end(dom0, tx, true), 0);
}

void play_clean(struct play *play, domid_t domid, unsigned devid)
{
    char path[160], text[WIRE_PAYLOAD_MAX + 1];

    snprintf(path, sizeof(path), "/local/domain/%u/device/vif/%u", domid, devid);
    (void)client_rm(play->host->dom0, 0, path);
    path_of(path, domid, devid, "");
    ck_assert_ptr_null(client_value(play->host->dom0, 0, path));
    snprintf(path, sizeof(path), "/local/domain/5/backend/vif/%u|", domid);
    client_text(play->host->dom0, 0, WIRE_DIRECTORY, path, text);
    path[strlen(path) - 1] = '\0';
    if (!*text) /* libxl removes parents that are empty */
        (void)client_rm(play->host->dom0, 0, path);
}

void play_kill_vif(struct play *play, domid_t domid, unsigned devid)
{
    char path[160];

    snprintf(path, sizeof(path), "/local/domain/%u/device/vif/%u", domid, devid);
    ck_assert_int_eq(client_rm(play->host->dom0, 0, path), 0);
    play_pass(play, 2);
    play_detach(play, domid, devid);
}

void play_backend_write(struct play *play, domid_t domid, unsigned devid, const char *name,
                        const char *value)
{
    char path[160];

    path_of(path, domid, devid, name);
    ck_assert_int_eq(client_write(play->host->dom0, 0, path, value), 0);
}

void play_write(struct client *guest, unsigned devid, const char *name, const char *value)
{
    char path[160];

    snprintf(path, sizeof(path), "device/vif/%u/%s", devid, name);
    ck_assert_int_eq(client_write(guest, 0, path, value), 0);
}

void play_remove(struct client *guest, unsigned devid, const char *name)
{
    char path[160];

    snprintf(path, sizeof(path), "device/vif/%u/%s", devid, name);
    (void)client_rm(guest, 0, path);
}

void play_connect(struct client *guest, unsigned devid)
{
    static const char *const nodes[][2] = {
        {"xdp-headroom", "0"},
        {"multi-queue-num-queues", "1"},
        {"tx-ring-ref", "8"},
        {"rx-ring-ref", "9"},
        {"event-channel-tx", "10"},
        {"event-channel-rx", "11"},
        {"request-rx-copy", "1"},
        {"feature-rx-notify", "1"},
        {"feature-sg", "1"},
        {"feature-gso-tcpv4", "1"},
        {"feature-gso-tcpv6", "1"},
        {"feature-ipv6-csum-offload", "1"},
        {"state", "4"},
    };

    for (unsigned i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++)
        play_write(guest, devid, nodes[i][0], nodes[i][1]);
}

const char *play_value(struct play *play, domid_t domid, unsigned devid, const char *name)
{
    const char *value;
    char path[160];

    path_of(path, domid, devid, name);
    value = client_value(play->host->dom0, 0, path);
    return value != NULL ? value : "";
}

int play_state(struct play *play, domid_t domid, unsigned devid)
{
    const char *value = play_value(play, domid, devid, "state");

    return *value ? atoi(value) : -1;
}

unsigned play_nodes(struct play *play, domid_t domid, unsigned devid)
{
    char path[170], text[WIRE_PAYLOAD_MAX + 1];
    unsigned count = 1;

    path_of(path, domid, devid, "|");
    path[strlen(path) - 2] = '|';
    path[strlen(path) - 1] = '\0';
    client_text(play->host->dom0, 0, WIRE_DIRECTORY, path, text);
    for (const char *at = text; *at; at++)
        count += *at == '|';
    return count;
}

void play_expect(struct play *play, domid_t domid, unsigned devid, int state, unsigned milliseconds)
{
    unsigned waited = 0;

    while (play_state(play, domid, devid) != state) {
        ck_assert_msg(waited < milliseconds, "vif %u/%u: state %d after %u ms, not %d", domid,
                      devid, play_state(play, domid, devid), waited, state);
        play_pass(play, 10);
        waited += 10;
    }
}
