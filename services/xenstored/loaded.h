/* SPDX-License-Identifier: ISC */
/**
 * @file loaded.h
 * What has come of a stream that is being loaded; for migration_load.c, which reads it, and
 * migration_apply.c, which makes it the state.
 */
#ifndef XENSTORED_LOADED_H
#define XENSTORED_LOADED_H

#include "migration.h"

/** The longest record that is looked at as a whole; what is behind that of others is skipped. */
#define LOADED_BODY_MAX 20480U

/** What comes next. */
enum loaded_stage {
    LOADED_PREAMBLE,
    LOADED_HEADER,
    LOADED_BODY,
    LOADED_END, /* nothing */
};

/* A connection of the stream. */
struct loaded_connection {
    struct loaded_connection *next;
    uint32_t id;
    bool ring;
    domid_t domid, target;
    uint32_t port;
    struct connection *connection; /* that it is now; NULL: none */
    uint16_t in_length, partial;   /* of a request that is not whole; of a reply that is half out */
    uint32_t out_length;           /* of all that waits for the client */
    uint8_t *data;                 /* both, one behind the other; NULL: not kept */
};

/* A watch of the stream. */
struct loaded_watch {
    struct loaded_watch *next;
    struct loaded_connection *connection;
    int depth;
    uint16_t path_size, token_size;
    char text[]; /* path and token, each with its NUL */
};

/* What the stream says of a domain. */
struct loaded_domain {
    struct loaded_domain *next;
    domid_t domid;
    bool has_features;
    uint32_t features;
    struct quota_limits limits;
};

struct migration_load {
    struct xenstored *xs;
    enum loaded_stage stage;
    int error;
    const char *problem;
    uint64_t offset, record; /* of the next byte; of the record under way */
    uint32_t type, length, have;
    uint32_t version;
    struct tree tree; /* the nodes so far */
    bool root;        /* "/" came */
    bool take_over;   /* migration_load_take_over() */
    struct loaded_connection *connections, **connections_end;
    uint32_t connection_count;
    struct loaded_watch *watches, **watches_end;
    struct quota_limits limits; /* of all; QUOTA_INHERIT: not in the stream */
    struct loaded_domain *domains;
    struct migration_result result;
    uint8_t body[LOADED_BODY_MAX + 1];
    char path[TREE_PATH_SIZE];
};

/** Say what is wrong with the stream; -EINVAL. */
int loaded_problem(struct migration_load *load, const char *problem);

#endif
