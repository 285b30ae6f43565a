/* SPDX-License-Identifier: ISC */
#include "service_nodes.h"
#include <stdio.h>
#include <string.h>
#include <xen/io/xenbus.h>

/** Bytes that xenconsoled keeps for a console that nobody reads, as libxl has it. */
#define CONSOLE_LIMIT "1048576"

struct node {
    const char *dir, *name, *value;
};

/* All at once; @path is then that of the first that was refused. */
static int write_nodes(struct store_client *c, const struct node *nodes, size_t count, char *path,
                       size_t size)
{
    int results[STORE_BATCH_MAX] = {0}, rc = 0;
    size_t i;

    for (i = 0; i < count && !rc; i++) {
        snprintf(path, size, "%s/%s", nodes[i].dir, nodes[i].name);
        rc = store_post_write(c, path, nodes[i].value);
    }
    if (!rc)
        rc = store_collect(c, results);
    for (i = 0; i < count && !rc; i++) {
        rc = results[i];
        snprintf(path, size, "%s/%s", nodes[i].dir, nodes[i].name);
    }
    return rc;
}

int service_nodes_write(struct store_client *c, const struct service_nodes *n, char *path,
                        size_t size)
{
    char home[48], libxl[48], console[64], backend[64];
    char domid[16], memory[16], port[16], gfn[24], state[16];

    snprintf(home, sizeof(home), "/local/domain/%u", n->domid);
    snprintf(libxl, sizeof(libxl), "/libxl/%u", n->domid);
    snprintf(console, sizeof(console), "%s/console", home);
    snprintf(backend, sizeof(backend), "/local/domain/0/backend/console/%u/0", n->domid);
    snprintf(domid, sizeof(domid), "%u", n->domid);
    snprintf(memory, sizeof(memory), "%u", n->memory_mb * 1024);
    snprintf(port, sizeof(port), "%u", n->console_port);
    snprintf(gfn, sizeof(gfn), "%llu", (unsigned long long)n->console_gfn);
    snprintf(state, sizeof(state), "%d", XenbusStateInitialising);

    /* xenconsoled looks when `port` and `ring-ref` appear: all else is there by then. */
    const struct node nodes[] = {
        {home, "domid", domid},
        {home, "name", n->name},
        {home, "memory/target", memory},
        {home, "memory/static-max", memory},
        /* Without it xl takes a domain that is not PV for HVM and looks for a serial console. */
        {libxl, "type", "pvh"},
        {backend, "frontend-id", domid},
        {backend, "frontend", console},
        {backend, "online", "1"},
        {backend, "state", state},
        {backend, "protocol", "vt100"},
        {console, "backend", backend},
        {console, "backend-id", "0"},
        {console, "limit", CONSOLE_LIMIT},
        {console, "type", "xenconsoled"},
        {console, "output", "pty"},
        {console, "tty", ""},
        {console, "port", port},
        {console, "ring-ref", gfn},
    };

    return write_nodes(c, nodes, sizeof(nodes) / sizeof(nodes[0]), path, size);
}

/* A request whose payload is words, each with its NUL; ends with NULL. */
static int post_words(struct store_client *c, uint32_t type, const char *const words[])
{
    char payload[256];
    size_t used = 0;

    for (size_t i = 0; words[i]; i++) {
        const size_t size = strlen(words[i]) + 1;

        if (size > sizeof(payload) - used)
            return -E2BIG;
        memcpy(payload + used, words[i], size);
        used += size;
    }
    return store_post(c, type, payload, used);
}

int service_nodes_introduce(struct store_client *c, const struct service_nodes *n, char *path,
                            size_t size)
{
    char domid[16], home[32], data[40], own[16], reads[16], gfn[24], port[16];
    int results[STORE_BATCH_MAX] = {0}, rc = 0;

    snprintf(domid, sizeof(domid), "%u", n->domid);
    snprintf(home, sizeof(home), "/local/domain/%u", n->domid);
    snprintf(data, sizeof(data), "%s/data", home);
    snprintf(own, sizeof(own), "n%u", n->domid);
    snprintf(reads, sizeof(reads), "r%u", n->domid);
    snprintf(gfn, sizeof(gfn), "%llu", (unsigned long long)n->store_gfn);
    snprintf(port, sizeof(port), "%u", n->store_port);

    const struct {
        uint32_t type;
        const char *words[4];
    } requests[] = {
        {XS_RM, {home}}, /* of a domain that had this domid before; seldom is there one */
        {XS_MKDIR, {home}},
        {XS_SET_PERMS, {home, "n0", reads}},
        {XS_MKDIR, {data}},
        {XS_SET_PERMS, {data, own}},
        {XS_INTRODUCE, {domid, gfn, port}},
    };
    const size_t count = sizeof(requests) / sizeof(requests[0]);

    snprintf(path, size, "%s", home);
    for (size_t i = 0; i < count && !rc; i++)
        rc = post_words(c, requests[i].type, requests[i].words);
    if (!rc)
        rc = store_collect(c, results);
    for (size_t i = 1; i < count && !rc; i++) {
        rc = results[i];
        snprintf(path, size, "%s%s",
                 requests[i].type == XS_INTRODUCE ? "the introduction of domain " : "",
                 requests[i].words[0]);
    }
    return rc;
}

int service_nodes_remove(struct store_client *c, uint32_t domid)
{
    static const char *const folders[] = {"/local/domain", "/libxl",
                                          "/local/domain/0/backend/console"};
    const size_t count = sizeof(folders) / sizeof(folders[0]);
    int results[STORE_BATCH_MAX] = {0}, rc = 0;

    for (size_t i = 0; i < count && !rc; i++) {
        char path[64];
        const char *const words[] = {path, NULL};

        snprintf(path, sizeof(path), "%s/%u", folders[i], domid);
        rc = post_words(c, XS_RM, words);
    }
    if (!rc)
        rc = store_collect(c, results);
    for (size_t i = 0; i < count && !rc; i++)
        rc = results[i] == -ENOENT ? 0 : results[i];
    return rc;
}
