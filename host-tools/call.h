/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/call.h
 * Commands that ask one service through its control protocol: their command line, the connection,
 * what comes back as a table, as JSON, or line by line. A command is a struct call_command; main.c
 * runs it by call_main(), or one of several below one name (`atoll store`, `atoll switch`) by
 * call_group_main().
 *
 * A command that lists something is as short as this:
 *
 *     call_table_begin(call, columns);
 *     call_begin(call, CONTROL_T_SWITCH_FDB);
 *     rc = call_stream(call, 0, call->json ? NULL : fdb_row);
 *     return call_table_end(call, rc, "No address is known.");
 */
#ifndef ATOLL_CALL_H
#define ATOLL_CALL_H

#include "control_client.h"
#include "output.h"
#include "session.h"

#define CALL_DOMIDS_MAX    16u
#define CALL_VERSIONS_MAX  4u
#define CALL_OWN_MAX       8u
#define CALL_ARGUMENTS_MAX 64

/** The most items that a stream may have which is to end by itself: beyond, the service lies. */
#define CALL_ITEMS_MAX (4u << 20)

struct call;

/** An option that one command alone has. */
struct call_option {
    const char *name; /**< "bridge"; NULL ends the list */
    char letter;      /**< 'b', which is no common option's that the command takes; 0: none */
    bool argument;
};

struct call_command {
    const char *name; /**< as it is typed behind `atoll`: "switch show" */
    /**
     * Those of the common options that it takes: 'd' --domid, 'f' --follow, 'i' --interval, 'j'
     * --json, 'n' --lines, 'w' --write, 'W' --watch (which has no letter). -v and -h all take.
     */
    const char *options;
    const struct call_option *own; /**< CALL_OWN_MAX at most; NULL: none.  */
    const char *help;              /**< the whole of --help */
    /** The service that is asked where -s, --service names no other; NULL: the host's XenStore, and
     * there is no such option. */
    const char *service;
    int args_min, args_max;
    unsigned domids_max; /**< so many --domid; 0: one */
    bool versions;       /**< takes versions of XenStore, such as -3 */
    bool alone;          /**< finds its service and connects by itself, or not at all */
    /** Look at options and arguments before anything is connected: 0 or ATOLL_USAGE. NULL: nothing
     * to do. */
    int (*check)(struct call *call);
    /** 0, or an exit code reported. */
    int (*run)(struct call *call);
};

struct call {
    const struct call_command *command;
    bool json, follow, watch, help;
    bool colour; /**< standard output is to be coloured; run() alone may look */
    unsigned verbose;
    uint32_t limit;      /**< --lines; 0: not given */
    uint32_t interval_s; /**< --interval; 0: not given */
    const char *write;   /**< --write; NULL: not given */
    const char *service; /**< --service; NULL: not given */
    uint32_t domids[CALL_DOMIDS_MAX];
    unsigned domid_count;
    const char *own[CALL_OWN_MAX]; /**< of command->own: its argument, or its name if it has none;
                                        NULL: not given */
    int argc;
    char *const *argv; /**< the arguments that are no options */
    struct session session;
    const struct service_settings *settings; /**< of the service; NULL before call_find() */
    struct control_client *client;           /**< NULL before call_connect() */
    struct table *table;                     /**< the items so far */
    json_t *array;                           /**< with --json: the items so far */
    size_t items;
    void *context; /**< the command's own */

    char versions[CALL_VERSIONS_MAX][24]; /**< those that were given as -N, spelled as now-N */
    char *arguments[CALL_ARGUMENTS_MAX + 1];
};

/* --- the command line (call_line.c) ------------------------------------------------------------
 */

/** Read argv[1] and so on. 0, or ATOLL_USAGE reported. With --help it is shown and call->help set.
 */
int call_parse(const struct call_command *command, int argc, char *const argv[], struct call *call);

/** An error of the command line: ATOLL_USAGE. */
int call_usage(const struct call *call, const char *what, const char *value);

/** Parse and run; an exit code. */
int call_main(const struct call_command *command, int argc, char *const argv[]);

/** Commands with one word, or two ("quota get"), behind the group's name. */
struct call_group {
    const char *name;  /**< "store" */
    const char *intro; /**< what it is for: a sentence, for --help */
    const char *tail;  /**< the last lines of --help */
    unsigned count;
    struct call_summary {
        const struct call_command *command;
        const char *summary;
    } const *commands;
};

/** Find the command that argv[1] (and argv[2]) names; parse and run it. An exit code. */
int call_group_main(const struct call_group *group, int argc, char *const argv[]);

/* --- asking (call.c) ----------------------------------------------------------------------------
 */

/** Read the configuration, find the service and connect (unless the command is alone), run,
 * disconnect. */
int call_run(struct call *call);

/** For a command that is alone: call->settings. 0, or an exit code reported. May be called again.
 */
int call_find(struct call *call);
/** The same, and call->client. 0, or an exit code reported. */
int call_connect(struct call *call);

/** What was printed must have arrived: a full disk is a failure. Returns @rc if that is one. */
int call_check_output(struct call *call, int rc);

/** An item of a stream. 0, or an exit code reported. */
typedef int call_item_fn(struct call *call, const struct control_reader *fields);

/** Begin a request about the domains of --domid; put further fields. */
struct control_writer *call_begin(struct call *call, uint16_t type);

/**
 * Send the request that was begun, and give what comes to @item until it ends: the fields of the
 * group @entry of each item, or where there is none (@entry 0) those of the item itself. With @item
 * NULL they go into call->array. The end of a stream may have fields, too: what is said of all of
 * it. 0, or an exit code reported (ATOLL_INTERRUPTED unreported); the stream has ended then.
 */
int call_stream(struct call *call, uint16_t entry, call_item_fn *item);

/** The same of a stream that may be long in coming, until interrupted, which is its proper end: 0.
 */
int call_follow(struct call *call, call_item_fn *item);

/* --- showing (call.c) ---------------------------------------------------------------------------
 */

/** Begin a table with @columns in call->table, or with --json an array; print it, or with no rows
 * @empty, unless @rc says that it is not whole. Returns @rc. */
void call_table_begin(struct call *call, const char *const columns[]);
int call_table_end(struct call *call, int rc, const char *empty);

/** A field of @fields as a cell of the table; "-" if there is none. */
void call_cell(struct call *call, enum tint tint, const struct control_reader *fields,
               uint16_t tag);

/** Write a field, whatever it is, as other people's text behind @before ("": nothing). Neither if
 * there is none, or an empty one. */
void call_print(const struct control_reader *fields, const char *before, uint16_t tag);

/** A reply by --json, whole. False: without --json, it is for the caller to show. */
bool call_print_json(struct call *call, const struct control_reader *fields);

/** The same of an item on a line of its own; without --json it is told here, on a line before it,
 * how many items are missing (CONTROL_F_LOST). */
bool call_line_json(struct call *call, const struct control_reader *fields);

/** "guest/0", "dom0/0", or "3.0" (domain, vif) of a guest that nobody named, by the fields GUEST,
 * DOMID and VIF; to be escaped. */
void call_port_name(const struct control_reader *fields, char *text, size_t size);

#endif
