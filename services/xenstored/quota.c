/* SPDX-License-Identifier: ISC */
#include "quota.h"

#include <stddef.h>
#include <string.h>

#include "wire.h"

const struct quota_limits quota_defaults = {
    .hard =
        {
            [QUOTA_NODES] = 1000,
            [QUOTA_WATCHES] = 128,
            [QUOTA_OUTSTANDING] = 20,
            [QUOTA_MEMORY] = 2560 * 1024,
            [QUOTA_TRANSACTIONS] = 10,
            [QUOTA_TRANSACTION_NODES] = 1024,
            [QUOTA_NODE_PERMISSIONS] = 5,
            [QUOTA_PATH_MAX] = XS_REL_PATH_MAX,
            [QUOTA_NODE_SIZE] = 2048,
        },
    .soft_memory = 2048 * 1024,
};

const struct quota_limits quota_inherit = {
    .hard = {[0 ... QUOTA_COUNT - 1] = QUOTA_INHERIT},
    .soft_memory = QUOTA_INHERIT,
};

static const struct {
    const char *name, *description;
} quotas[QUOTA_COUNT] = {
    [QUOTA_NODES] = {"nodes", "Nodes per domain"},
    [QUOTA_WATCHES] = {"watches", "Watches per domain"},
    [QUOTA_OUTSTANDING] = {"outstanding", "Unread replies per domain"},
    [QUOTA_MEMORY] = {"memory", "Bytes of XenStore memory per domain"},
    [QUOTA_TRANSACTIONS] = {"transactions", "Open transactions per domain"},
    [QUOTA_TRANSACTION_NODES] = {"transaction-nodes", "Requests per transaction"},
    [QUOTA_NODE_PERMISSIONS] = {"node-permissions", "Permission entries per node"},
    [QUOTA_PATH_MAX] = {"path-max", "Bytes of a node's path"},
    [QUOTA_NODE_SIZE] = {"node-size", "Bytes of a node's value"},
};

const char *quota_name(enum quota quota)
{
    return quotas[quota].name;
}

const char *quota_description(enum quota quota)
{
    return quotas[quota].description;
}

uint32_t *quota_find(struct quota_limits *limits, const char *name)
{
    if (!strcmp(name, "soft-memory"))
        return &limits->soft_memory;
    for (unsigned quota = 0; quota < QUOTA_COUNT; quota++)
        if (!strcmp(name, quotas[quota].name))
            return &limits->hard[quota];
    /* The name that the specification has for it (docs/misc/xenstore.txt, GET_QUOTA). */
    if (!strcmp(name, "permissions"))
        return &limits->hard[QUOTA_NODE_PERMISSIONS];
    return NULL;
}
