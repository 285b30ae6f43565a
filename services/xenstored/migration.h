/* SPDX-License-Identifier: ISC */
/**
 * @file migration.h
 * The whole state as a stream of bytes, out and in: upstream's migration format
 * (docs/designs/xenstore-migration.md of Xen), little endian.
 *
 * Written is version 1 of the format, or version 2 where something needs it: a watch with a depth,
 * or a domain's features that are not the default. Both are read.
 *
 * What the service publishes for its control clients (history.h) is neither written nor replaced.
 */
#ifndef XENSTORED_MIGRATION_H
#define XENSTORED_MIGRATION_H

#include "state.h"

#define MIGRATION_IDENT "xenstore"

/** Bytes before the first record: ident, version and flags (both big endian). */
#define MIGRATION_PREAMBLE 16U

/** Bytes before a record's body: type and length; bodies are multiples of 8. */
#define MIGRATION_HEADER 8U

enum migration_type {
    MIGRATION_END = 0,
    MIGRATION_GLOBAL = 1,
    MIGRATION_CONNECTION = 2,
    MIGRATION_WATCH = 3,
    MIGRATION_TRANSACTION = 4,
    MIGRATION_NODE = 5,
    MIGRATION_GLOBAL_QUOTA = 6,
    MIGRATION_DOMAIN = 7,
    MIGRATION_WATCH_EXTENDED = 8,
};

/** Fixed parts of the bodies. */
#define MIGRATION_CONNECTION_SIZE     24U
#define MIGRATION_WATCH_SIZE          8U
#define MIGRATION_WATCH_EXTENDED_SIZE 12U
#define MIGRATION_NODE_SIZE           16U
#define MIGRATION_GLOBAL_QUOTA_SIZE   4U
#define MIGRATION_DOMAIN_SIZE         8U

#define MIGRATION_RING         0U
#define MIGRATION_NO_TARGET    0x7ff4U /**< DOMID_INVALID */
#define MIGRATION_ANY_DEPTH    0xffffU
#define MIGRATION_PERM_IGNORED 1U

struct migration_dump;
struct migration_load;

/**
 * Begin a dump of the state as it is now: what changes until it has been read is not in it. NULL
 * without memory.
 */
struct migration_dump *migration_dump_begin(struct xenstored *xs);

/** The next bytes of the stream, at most @size. 0: that was all; -ENOMEM: it cannot go on. */
HV_MUST_CHECK long migration_dump_read(struct migration_dump *dump, void *data, size_t size);

void migration_dump_end(struct migration_dump *dump);

/** What became of a load. */
struct migration_result {
    uint64_t nodes, changed;                        /**< in the stream; that it changed here */
    uint64_t connections, connections_not_restored; /**< that are there; that are not */
    uint64_t watches, watches_not_restored;
    uint64_t others; /**< records of transactions, and of unknown types */
};

/** Begin a load. NULL without memory. */
struct migration_load *migration_load_begin(struct xenstored *xs);

/**
 * Become what the stream describes: the successor of a service that has served its clients under
 * our domid. Their rings are mapped and their ports bound as they stand, so messages go on in the
 * midst of a byte; no watch fires for having been registered. For a service that serves nobody yet,
 * the control domain included. Lasts until migration_load_end().
 */
void migration_load_take_over(struct migration_load *load);

/**
 * Take the next bytes of the stream, of any number. -EINVAL: it is not in the format;
 * -ENOMEM. After an error the load can only be ended.
 */
HV_MUST_CHECK int migration_load_data(struct migration_load *load, const void *data, size_t length);

/**
 * The stream is complete: make it the state. -EINVAL: it was not; -ENOMEM: nothing has changed.
 */
HV_MUST_CHECK int migration_load_finish(struct migration_load *load,
                                        struct migration_result *result);

/** What was wrong with the stream, for people, and the offset of the record; NULL: nothing. */
const char *migration_load_problem(const struct migration_load *load, uint64_t *offset);

/** At any time. */
void migration_load_end(struct migration_load *load);

#endif
