/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/identify.h
 * Whose vif is it? An unprivileged backend cannot read it of its frontend's domain; dom0 can, and
 * writes it into the vif's directory in the backend's part of XenStore, as the nodes guest-uuid and
 * guest-name.
 */
#ifndef ATOLL_IDENTIFY_H
#define ATOLL_IDENTIFY_H

#include "store_client.h"
#include <stdbool.h>
#include <stdint.h>

/** A vif, as its directory's path has it. */
struct identify_vif {
    uint32_t backend, guest, devid;
};

/** Is @path that of a vif's directory, or of one of the nodes in it that come with a new vif
 * (frontend, state, ...)? False as well for our own nodes. */
bool identify_path(const char *path, struct identify_vif *vif);

/** What was done for a vif. */
struct identify_result {
    struct identify_vif vif;
    char name[64], uuid[37]; /**< "" where it is not known */
    bool written;            /**< it was not so before */
};

/**
 * Find out and write whose @vif is. 0; -ENOENT: there is no such vif, or no such guest (any more);
 * -EINVAL: what XenStore says of the guest makes no sense; or an error of store_request().
 */
int identify_vif(struct store_client *store, const struct identify_vif *vif,
                 struct identify_result *result);

/** All vifs of the domain @backend; @done is told of each, with its error. 0, or an error of
 * store_request() with which there is no use in going on. */
typedef void identify_done_fn(void *context, const struct identify_result *result, int error);
int identify_all(struct store_client *store, uint32_t backend, identify_done_fn *done,
                 void *context);

#endif
