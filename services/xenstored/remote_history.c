/* SPDX-License-Identifier: ISC */
/*
 * History over the control protocol: STORE_LOG, STORE_DIFF, STORE_SHOW, STORE_ROLLBACK.
 */
#include "remote.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "history.h"
#include "recorder.h"
#include "replace.h"
#include "request.h"

static int no_such_version(struct xenstored *xs, struct control_request *request, uint64_t number)
{
    if (!history_newest(xs))
        control_request_error(request, "XenStore keeps no history now");
    else
        control_request_error(
            request, "version %" PRIu64 " is not kept: versions %" PRIu64 " to %" PRIu64 " are",
            number, history_oldest(xs), history_newest(xs));
    return -ENOENT;
}

static int no_memory(struct control_request *request)
{
    control_request_error(request, "XenStore's memory is too short for it");
    return -ENOMEM;
}

/* The tree of a version, with words for the operator where there is none. */
static int take_tree(struct xenstored *xs, struct control_request *request, uint64_t number,
                     struct tree *tree)
{
    int error = history_tree(xs, number, tree);

    return error == -ENOENT ? no_such_version(xs, request, number) : error ? no_memory(request) : 0;
}

/* --- STORE_LOG ----------------------------------------------------------------------------------
 */

struct log_stream {
    struct control_stream stream;
    struct xenstored *xs;
    uint64_t next, left;
    bool filtered;
    char path[TREE_PATH_SIZE];
};

static void put_what(const struct version *version, struct control_writer *item)
{
    static const char *const kinds[] = {
        [HISTORY_START] = "start",        [HISTORY_REQUEST] = "request",
        [HISTORY_COMMIT] = "transaction", [HISTORY_DOMAIN_END] = "domain-end",
        [HISTORY_ROLLBACK] = "rollback",  [HISTORY_LOAD] = "load",
        [HISTORY_SERVICE] = "service",
    };
    const char *path = history_path(version);

    control_put_string(item, CONTROL_F_KIND, kinds[version->kind]);
    if (*path)
        control_put_string(item, CONTROL_F_PATH, path);
    switch (version->kind) {
    case HISTORY_REQUEST:
        control_put_string(item, CONTROL_F_OPERATION, request_name(version->detail));
        /* The path may be as long as the text may be: it is shown beside it. */
        control_put_format(item, CONTROL_F_TEXT, "%s", request_name(version->detail));
        break;
    case HISTORY_COMMIT:
        control_put_number(item, CONTROL_F_COUNT, version->detail);
        control_put_format(item, CONTROL_F_TEXT, "transaction of %u request%s", version->detail,
                           version->detail == 1 ? "" : "s");
        break;
    case HISTORY_DOMAIN_END:
        control_put_format(item, CONTROL_F_TEXT, "domain %u ended", version->detail);
        break;
    case HISTORY_ROLLBACK:
        control_put_number(item, CONTROL_F_FROM, version->detail);
        control_put_format(item, CONTROL_F_TEXT, "rollback to version %u", version->detail);
        break;
    case HISTORY_LOAD:
        control_put_string(item, CONTROL_F_TEXT, "load of a dump");
        break;
    case HISTORY_START:
        control_put_string(item, CONTROL_F_TEXT, "start of the service");
        break;
    case HISTORY_SERVICE:
        control_put_string(item, CONTROL_F_TEXT, "the service itself");
        break;
    }
}

static enum control_fill fill_log(struct control_stream *stream, struct control_writer *item)
{
    struct log_stream *log = LIST_ENTRY(stream, struct log_stream, stream);
    struct xenstored *xs = log->xs;
    const struct version *version;

    for (; log->left && (version = history_find(xs, log->next)); log->next--) {
        if (log->filtered && !history_concerns(xs, version, log->path))
            continue;
        control_put_number(item, CONTROL_F_VERSION, version->number);
        control_put_number(item, CONTROL_F_TIME, version->time);
        control_put_number(item, CONTROL_F_DOMID, version->who);
        put_what(version, item);
        log->next--;
        log->left--;
        return CONTROL_FILL_FRAME;
    }
    return CONTROL_FILL_END;
}

static void release_log(struct control_stream *stream)
{
    struct log_stream *log = LIST_ENTRY(stream, struct log_stream, stream);

    arena_free(log->xs->arena, log, sizeof(*log));
}

static int handle_log(void *context, struct control_request *request, struct control_writer *reply)
{
    static const struct control_stream_type type = {.fill = fill_log, .release = release_log};
    struct xenstored *xs = remote_xs(context);
    struct log_stream *log = arena_zalloc(xs->arena, sizeof(*log));
    int error;

    if (!log)
        return no_memory(request);
    log->xs = xs;
    log->next = history_newest(xs);
    log->left = control_number(&request->fields, CONTROL_F_LIMIT, UINT64_MAX);
    error = remote_path(request, log->path);
    log->filtered = strcmp(log->path, "/") != 0;
    if (!error)
        error = control_stream_start(request, &log->stream, &type);
    if (!error)
        return CONTROL_STREAMING;
    arena_free(xs->arena, log, sizeof(*log));
    return error;
}

/* --- the others ---------------------------------------------------------------------------------
 */

static int handle_show(void *context, struct control_request *request, struct control_writer *reply)
{
    struct xenstored *xs = remote_xs(context);
    uint64_t number = control_number(&request->fields, CONTROL_F_VERSION, history_newest(xs));
    struct tree none = {0}, tree;
    char path[TREE_PATH_SIZE];
    int error = remote_path(request, path);

    if (!error)
        error = take_tree(xs, request, number, &tree);
    if (error)
        return error;
    if (!tree_lookup(&xs->env, &tree, path)) {
        tree_release(&xs->env, &tree);
        control_request_error(request, "there is no such node in version %" PRIu64, number);
        return -ENOENT;
    }
    return remote_nodes(xs, request, &none, &tree, path, false);
}

/* The trees of both versions, which share what is the same in them. */
static int take_trees(struct xenstored *xs, struct control_request *request, uint64_t older,
                      uint64_t newer, struct tree *before, struct tree *after)
{
    int error;

    if (!history_find(xs, older))
        return no_such_version(xs, request, older);
    error = take_tree(xs, request, newer, after);
    if (error)
        return error;
    tree_snapshot(after, before);
    error = history_undo(xs, before, newer, older);
    if (!error)
        return 0;
    tree_release(&xs->env, before);
    tree_release(&xs->env, after);
    return error == -ENOENT ? no_such_version(xs, request, older) : no_memory(request);
}

static int handle_diff(void *context, struct control_request *request, struct control_writer *reply)
{
    struct xenstored *xs = remote_xs(context);
    uint64_t to = control_number(&request->fields, CONTROL_F_TO, history_newest(xs));
    uint64_t from = control_number(&request->fields, CONTROL_F_FROM, to ? to - 1 : 0);
    char path[TREE_PATH_SIZE];
    struct tree older, newer;
    bool forward = from <= to;
    int error = remote_path(request, path);

    if (!error)
        error = take_trees(xs, request, forward ? from : to, forward ? to : from, &older, &newer);
    if (error)
        return error;
    return remote_nodes(xs, request, forward ? &older : &newer, forward ? &newer : &older, path,
                        true);
}

static int handle_rollback(void *context, struct control_request *request,
                           struct control_writer *reply)
{
    struct xenstored *xs = remote_xs(context);
    uint64_t number = control_number(&request->fields, CONTROL_F_VERSION, UINT64_MAX), changed;
    char path[TREE_PATH_SIZE];
    struct control_field field;
    int error = remote_path(request, path);

    if (error)
        return error;
    if (number == UINT64_MAX || !control_find(&request->fields, CONTROL_F_PATH, &field)) {
        control_request_error(request, "a rollback needs a version and a path");
        return -EINVAL;
    }
    error = replace_rollback(xs, number, path, &changed);
    if (error)
        return error == -ENOENT ? no_such_version(xs, request, number) : no_memory(request);
    recorder_changed(xs);
    recorder_sync(xs);
    control_put_number(reply, CONTROL_F_VERSION, history_newest(xs));
    control_put_number(reply, CONTROL_F_COUNT, changed);
    return 0;
}

/* --- what it tells of itself --------------------------------------------------------------------
 */

static unsigned count_statistics(const struct xenstored *xs)
{
    return 3;
}

static void put_statistic(struct xenstored *xs, unsigned index, struct control_writer *item)
{
    switch (index) {
    case 0:
        control_statistic(item, "history_versions", "Versions of the tree that are kept", NULL,
                          false, xs->history.count);
        break;
    case 1:
        control_statistic(item, "history_bytes", "Memory that older versions hold", "bytes", false,
                          xs->history.bytes);
        break;
    default:
        control_statistic(item, "history_given_up", "Versions given up for lack of memory", NULL,
                          true, xs->history.given_up);
        break;
    }
}

static const struct control_handler handlers[] = {
    {CONTROL_T_STORE_LOG, handle_log},
    {CONTROL_T_STORE_DIFF, handle_diff},
    {CONTROL_T_STORE_SHOW, handle_show},
    {CONTROL_T_STORE_ROLLBACK, handle_rollback},
};

const struct remote_part remote_history = {
    .handlers = handlers,
    .handler_count = sizeof(handlers) / sizeof(handlers[0]),
    .statistics = count_statistics,
    .statistic = put_statistic,
};
