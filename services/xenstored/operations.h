/* SPDX-License-Identifier: ISC */
/**
 * @file operations.h
 * The requests that look at the tree or change it, alike in and outside of transactions.
 *
 * Each takes its payload (with a NUL behind it) and writes the payload of its reply; it returns 0,
 * or a negative errno value with nothing changed. Semantics: docs/misc/xenstore.txt, "Database
 * read, write and permissions operations"; errors as upstream's xenstored gives them.
 */
#ifndef XENSTORED_OPERATIONS_H
#define XENSTORED_OPERATIONS_H

#include "state.h"

/** A request handler. */
typedef int operation_fn(struct xenstored *xs, struct work *work, const char *payload,
                         size_t length, struct reply *reply);

operation_fn operation_read, operation_directory, operation_directory_part, operation_get_perms,
    operation_write, operation_mkdir, operation_rm, operation_set_perms;

/** Append to the reply. -E2BIG: it would be too long for a message (XSA-72). */
HV_MUST_CHECK int reply_add(struct reply *reply, const void *data, size_t length);

/** Answer "OK". */
HV_MUST_CHECK int reply_ok(struct reply *reply);

/** Append formatted text, without a NUL. -E2BIG. */
HV_MUST_CHECK int reply_format(struct reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * The canonical path that @text means to the connection, in @path (PATH_SIZE bytes).
 * -EINVAL: none, or longer than its quota path-max.
 */
HV_MUST_CHECK int operation_path(const struct connection *connection, const char *text,
                                 bool special, char *path);

/** Remove the node at @path with all below it, and tell the watchers of each. -ENOMEM. */
HV_MUST_CHECK int operation_remove(struct xenstored *xs, struct work *work, const char *path);

#endif
