/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/store_call.h
 * `atoll store`: what its subcommands share. Each is a function that asks the XenStore service
 * through an open client; the command line was read and the connection made before.
 */
#ifndef ATOLL_STORE_CALL_H
#define ATOLL_STORE_CALL_H

#include "control_client.h"
#include "output.h"
#include "session.h"

/** Domains that `trace` can be limited to. */
#define STORE_DOMIDS_MAX 16u

/** Versions that a command line can have. */
#define VERSIONS_MAX 4u

/** The most items that a stream may have which is to end by itself: beyond, the service lies. */
#define STORE_ITEMS_MAX (4u << 20)

struct store_call;

/** One subcommand. */
struct store_command {
    const char *name;    /**< "store trace": what is asked */
    const char *options; /**< of "djn": --domid, --json, --lines; -v and -h all take */
    const char *help;    /**< the whole of --help */
    int args_min, args_max;
    bool versions; /**< takes versions, such as -3 */
    /** Look at the arguments before anything is connected: 0 or ATOLL_USAGE. NULL: nothing to do.
     */
    int (*check)(struct store_call *call);
    int (*run)(struct store_call *call);
};

struct store_call {
    const struct store_command *command;
    bool json, colour, help;
    unsigned verbose;
    uint32_t limit; /**< --lines; 0: not given */
    uint32_t domids[STORE_DOMIDS_MAX];
    unsigned domid_count;
    char versions[VERSIONS_MAX][24]; /**< those that were given as -N, spelled as now-N */
    int argc;
    char *const *argv; /**< the arguments that are no options */
    struct session session;
    struct control_client *client;
    struct table *table; /**< the items so far */
    json_t *array;       /**< with --json: the items so far */
    size_t items;
    void *context; /**< the subcommand's own */
};

extern const struct store_command store_stats, store_trace, store_quota_get, store_quota_set,
    store_dump, store_load, store_log, store_diff, store_show, store_rollback;

/** Read the command line after the subcommand's name. 0, or ATOLL_USAGE reported. */
int store_parse(const struct store_command *command, int argc, char *argv[],
                struct store_call *call);

/** An error of the command line: ATOLL_USAGE. */
int store_usage(const struct store_call *call, const char *what, const char *value);

/** Connect, run, disconnect. */
int store_run(struct store_call *call);

/** An item of a stream. 0, or an exit code reported. */
typedef int store_item_fn(struct store_call *call, const struct control_reader *fields);

/**
 * Send the request that was begun, and give each item of its stream to @item, or, with --json and
 * @item NULL, put its fields into call->array. An item may be long in coming with @endless.
 */
int store_stream(struct store_call *call, bool endless, store_item_fn *item);

/**
 * Begin a table with @columns in call->table, or with --json an array; print it, or with no rows
 * @empty, unless @rc says that it is not whole. Returns @rc.
 */
void store_table_begin(struct store_call *call, const char *const columns[]);
int store_table_end(struct store_call *call, int rc, const char *empty);

/** Write @field's value, whatever it is, as other people's text. Nothing if there is none. */
void store_print_field(const struct control_reader *fields, uint16_t tag);

/** The same as a cell of a table; "-" if there is none. */
void store_cell(struct table *t, enum tint tint, const struct control_reader *fields, uint16_t tag);

#endif
