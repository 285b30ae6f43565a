/* SPDX-License-Identifier: ISC */
/**
 * @file journal_entry.h
 * What is in XenStore's journal: entries, each a record of common/journal.h. A successor reads them
 * as a stranger's bytes (recovery.c).
 *
 * The reserved pages are: a page that is always writable, with struct journal_hint, and behind it
 * the journal. All numbers are little endian; bodies begin at multiples of 8.
 */
#ifndef XENSTORED_JOURNAL_ENTRY_H
#define XENSTORED_JOURNAL_ENTRY_H

#include "common/journal_hint.h"

#include "quota.h"
#include "state.h"

/** An entry may become longer without a new version: readers leave alone what they do not know. */
#define JOURNAL_ENTRY_VERSION 3U

/** The types of records. */
enum entry_type {
    /* The state, in a checkpoint, in this order. */
    ENTRY_HEAD = 1,
    ENTRY_DOMAIN, /* a domain is known; also behind a checkpoint */
    ENTRY_NODE,
    ENTRY_SPECIAL,
    ENTRY_CONNECTION,
    ENTRY_WATCH,
    ENTRY_TRANSACTION,
    ENTRY_TRANSACTION_NODE, /* of its tree, where it differs from the current one */
    ENTRY_TRANSACTION_SPECIAL,
    ENTRY_DOOMED, /* a transaction will end in EAGAIN */
    ENTRY_LOGGED,
    ENTRY_END, /* of the checkpoint */
    /* What happened since. */
    ENTRY_OUTPUT, /* also in a checkpoint */
    ENTRY_REQUEST,
    ENTRY_ANSWERED, /* the same, with its answer, where that is all that is to be sent */
    ENTRY_DONE,
    ENTRY_INPUT,
    ENTRY_INTRODUCED,
    ENTRY_RESET,
    ENTRY_BROKEN,
    ENTRY_GONE,
    ENTRY_SHUTDOWN,
};

/** A body's limits: of each quota, and soft-memory. */
struct entry_limits {
    uint32_t limit[QUOTA_COUNT + 1];
};

struct entry_head {
    uint32_t version;
    uint16_t priv_domid, own_domid;
    uint64_t changes, sequence; /* of tree_env */
    struct hash_key answers;
    struct entry_limits limits;
};

#define ENTRY_DOMAIN_SHUTDOWN 1U
#define ENTRY_DOMAIN_DEAD     2U
#define ENTRY_DOMAIN_KNOWN    4U /* introduced */

struct entry_domain {
    uint16_t domid, flags;
    uint32_t features;
    uint32_t hold; /* seconds that it is held after its end (hold.h); 0: not */
    uint32_t held; /* seconds of them that are left, rounded up; 0: it lives */
    uint8_t handle[16];
    struct entry_limits limits;
    uint64_t held_until; /* hv_now() at the end of that; older images write none */
};

/**
 * Behind it: the permissions, the path with its NUL, the value. In a transaction, with struct
 * entry_transaction before it, and without permissions where the node is not there.
 */
struct entry_node {
    uint64_t sequence;
    uint16_t path_size, value_length, perms;
    uint16_t special; /* of ENTRY_SPECIAL, which has neither path nor value */
};

#define ENTRY_CONNECTION_BROKEN 1U
#define ENTRY_CONNECTION_EXTRA  2U
#define ENTRY_CONNECTION_RESET  4U /* its ring is to be emptied, unless it says it was */

/** Behind it: what was taken out of the ring of a request that is not whole. */
struct entry_connection {
    uint32_t id;
    uint16_t domid, target;
    uint32_t port, ref;
    uint32_t flags, error;
    uint32_t cons; /* req_cons behind what was taken */
    uint32_t next_transaction;
};

/** Behind it: path and token, each with its NUL. */
struct entry_watch {
    uint32_t connection;
    int32_t depth;
    uint16_t path_size, token_size;
    uint32_t zero;
};

struct entry_transaction {
    uint32_t connection, id;
    uint64_t started;
};

/** Behind it: the payload. */
struct entry_logged {
    uint32_t connection, id;
    uint64_t answer;
    uint32_t type, zero;
};

/**
 * Behind it: whole messages, but for the first, which may lack its beginning. They are to be sent
 * behind @pending bytes, the first of which goes to @begin of the responses.
 */
struct entry_output {
    uint32_t connection, begin, pending;
    uint32_t partial; /* bytes of the first message, if it lacks its beginning */
};

enum entry_outcome {
    ENTRY_SUCCESS,
    ENTRY_CONFLICT, /* a transaction's end: EAGAIN */
    ENTRY_LOGGED_SUCCESS,
    ENTRY_LOGGED_ERROR,
    ENTRY_NOTHING, /* it changed nothing; of struct entry_answered alone */
};

/** Behind it: the payload. */
struct entry_request {
    uint32_t connection, cons;
    uint32_t tx_id;
    uint16_t type, outcome;
    uint64_t answer; /* of a logged request */
};

/**
 * Behind it: of a logged request its answer's hash (u64); the answer, a message that begins at
 * @begin of the responses and before which nothing waits; the payload, but for ENTRY_NOTHING. The
 * transaction is in the answer.
 */
struct entry_answered {
    uint32_t connection, cons;
    uint32_t begin;
    uint16_t type, outcome;
};

/** A request is done that changed nothing. */
struct entry_done {
    uint32_t connection, cons;
};

/** Behind it: what was taken out of the ring. */
struct entry_input {
    uint32_t connection, cons;
};

struct entry_introduced {
    uint32_t connection, port;
    uint32_t domid, zero;
};

struct entry_reset {
    uint32_t connection, error;
};

struct entry_gone {
    uint32_t domid, zero;
};

#endif
