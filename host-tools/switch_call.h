/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/switch_call.h
 * `atoll switch`: what its subcommands share. Each is a function that asks a service of the switch
 * through a client; the command line was read before.
 */
#ifndef ATOLL_SWITCH_CALL_H
#define ATOLL_SWITCH_CALL_H

#include "control_client.h"
#include "output.h"
#include "session.h"

/** The service that is asked where --service names no other. */
#define SWITCH_SERVICE "switch"

/** The most items that a stream may have which is to end by itself: beyond, the service lies. */
#define SWITCH_ITEMS_MAX (1u << 20)

struct switch_call;

/** One subcommand. */
struct switch_command {
    const char *name;    /**< "switch show" */
    const char *options; /**< the letters of switch_call.c's list; -s, -v and -h all take */
    const char *help;    /**< the whole of --help */
    int args_min, args_max;
    bool alone; /**< connects by itself, or not at all */
    /** Look at the arguments before anything is connected: 0 or ATOLL_USAGE. NULL: nothing to do.
     */
    int (*check)(struct switch_call *call);
    int (*run)(struct switch_call *call);
};

struct switch_call {
    const struct switch_command *command;
    bool json, colour, help, follow, check, diff, force, watch;
    unsigned verbose;
    uint32_t limit;    /**< --lines; 0: not given */
    uint32_t watch_s;  /**< seconds between two looks */
    const char *write; /**< --write; NULL: not given */
    const char *service;
    const char *bridge; /**< --bridge; NULL: all */
    uint32_t domid;     /**< --domid; UINT32_MAX: all */
    uint32_t vlan;      /**< --vlan; UINT32_MAX: all */
    int argc;
    char *const *argv; /**< the arguments that are no options */
    struct session session;
    const struct service_settings *settings; /**< of the service */
    struct control_client *client;
    struct table *table; /**< the items so far */
    json_t *array;       /**< with --json: the items so far */
    size_t items;
    void *context; /**< the subcommand's own */
};

extern const struct switch_command switch_show, switch_ports, switch_fdb, switch_flush,
    switch_apply, switch_rules, switch_mirror, switch_stats, switch_events, switch_identify,
    switch_uplink;

/** Read the command line after the subcommand's name. 0, or ATOLL_USAGE reported. */
int switch_parse(const struct switch_command *command, int argc, char *argv[],
                 struct switch_call *call);

/** An error of the command line: ATOLL_USAGE. */
int switch_usage(const struct switch_call *call, const char *what, const char *value);

/** Connect (unless the command does so itself), run, disconnect. */
int switch_run(struct switch_call *call);

/** Connect to call->settings. 0, or an exit code reported. */
int switch_connect(struct switch_call *call);

/** What was printed must have arrived: a full disk is a failure. */
int switch_check_output(struct switch_call *call, int rc);

/** An item of a stream, or a reply. 0, or an exit code reported. */
typedef int switch_item_fn(struct switch_call *call, const struct control_reader *fields);

/**
 * Send the request that was begun, and give what comes to @item until it ends; with @item NULL its
 * fields go into call->array. An item may be long in coming with @endless.
 */
int switch_stream(struct switch_call *call, bool endless, switch_item_fn *item);

/** Begin a table with @columns in call->table, or with --json an array; print it, or with no rows
 * @empty, unless @rc says that it is not whole. Returns @rc. */
void switch_table_begin(struct switch_call *call, const char *const columns[]);
int switch_table_end(struct switch_call *call, int rc, const char *empty);

/** The fields of the group @tag, or, where there is none, @fields themselves. */
struct control_reader switch_entry(const struct control_reader *fields, uint16_t tag);

/** A field of @fields as a cell of the table; "-" if there is none. */
void switch_cell(struct switch_call *call, enum tint tint, const struct control_reader *fields,
                 uint16_t tag);

/** "guest/0", or "3.0" (domain, vif) of a guest that nobody named; escaped. */
void switch_port_name(const struct control_reader *fields, char *text, size_t size);

#endif
