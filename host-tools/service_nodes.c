/* SPDX-License-Identifier: ISC */
#include "service_nodes.h"
#include <stdio.h>
#include <xen/io/xenbus.h>

/** Bytes that xenconsoled keeps for a console that nobody reads, as libxl has it. */
#define CONSOLE_LIMIT "1048576"

struct node {
    const char *dir, *name, *value;
};

static int write_nodes(struct store_client *c, const struct node *nodes, size_t count, char *path,
                       size_t size)
{
    for (size_t i = 0; i < count; i++) {
        int rc;

        snprintf(path, size, "%s/%s", nodes[i].dir, nodes[i].name);
        rc = store_write(c, path, nodes[i].value);
        if (rc)
            return rc;
    }
    return 0;
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

    /* By its type xenconsoled leaves the console alone: it would map the page, and keep the domid
       of a domain whose place a successor is to take. Who reads it: console_ring.h. */
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
        {console, "type", "atoll"},
        {console, "output", "pty"},
        {console, "tty", ""},
        {console, "port", port},
        {console, "ring-ref", gfn},
    };

    return write_nodes(c, nodes, sizeof(nodes) / sizeof(nodes[0]), path, size);
}

int service_nodes_introduce(struct store_client *c, const struct service_nodes *n, char *path,
                            size_t size)
{
    char own[16], reads[16];
    const char *const home_perms[] = {"n0", reads, NULL};
    const char *const data_perms[] = {own, NULL};
    int rc;

    snprintf(own, sizeof(own), "n%u", n->domid);
    snprintf(reads, sizeof(reads), "r%u", n->domid);
    snprintf(path, size, "/local/domain/%u", n->domid);
    (void)store_remove(c, path); /* of a domain that had this domid before */
    rc = store_make(c, path, home_perms);
    if (rc)
        return rc;
    snprintf(path, size, "/local/domain/%u/data", n->domid);
    rc = store_make(c, path, data_perms);
    if (rc)
        return rc;
    snprintf(path, size, "the introduction of domain %u", n->domid);
    return store_introduce(c, n->domid, n->store_gfn, n->store_port);
}

int service_nodes_remove(struct store_client *c, uint32_t domid)
{
    static const char *const paths[] = {"/local/domain", "/libxl",
                                        "/local/domain/0/backend/console"};
    int result = 0;

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char path[64];
        int rc;

        snprintf(path, sizeof(path), "%s/%u", paths[i], domid);
        rc = store_remove(c, path);
        if (rc == -ETIMEDOUT || rc == -EPROTO)
            return rc;
        if (rc && rc != -ENOENT)
            result = rc;
    }
    return result;
}
