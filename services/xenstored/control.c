/* SPDX-License-Identifier: ISC */
#include "control.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <hv/console.h>

#include "check.h"
#include "domain.h"
#include "trace.h"
#include "watch.h"

#define ARGUMENTS_MAX 4U

/* The arguments of a command, without its name. */
struct arguments {
    unsigned count;
    const char *text[ARGUMENTS_MAX];
};

typedef int command_fn(struct xenstored *xs, const struct arguments *arguments,
                       struct reply *reply);

static int command_check(struct xenstored *xs, const struct arguments *arguments,
                         struct reply *reply)
{
    const char *problem;

    if (arguments->count)
        return -EINVAL;
    problem = check_all(xs);
    if (!problem)
        return reply_ok(reply);
    log_write(xs->log, LOG_ERROR, "check: %s", problem);
    return reply_add(reply, problem, strlen(problem) + 1);
}

static int command_log(struct xenstored *xs, const struct arguments *arguments, struct reply *reply)
{
    if (!arguments->count) {
        int error = reply_format(reply, "Log switch settings:\nio      : %s\n",
                                 xs->log_requests ? "on" : "off");

        return error ? error : reply_add(reply, "", 1);
    }
    if (arguments->count != 1)
        return -EINVAL;
    if (!strcmp(arguments->text[0], "on") || !strcmp(arguments->text[0], "+io"))
        trace_log(xs, true);
    else if (!strcmp(arguments->text[0], "off") || !strcmp(arguments->text[0], "-io"))
        trace_log(xs, false);
    else
        return -EINVAL;
    return reply_ok(reply);
}

static int command_memreport(struct xenstored *xs, const struct arguments *arguments,
                             struct reply *reply)
{
    size_t watches, points, buckets, connections = 0, transactions = 0, unread = 0;
    struct arena_usage usage;
    int error;

    if (arguments->count)
        return -EINVAL;
    arena_usage(xs->arena, &usage);
    watch_stats(xs, &watches, &points, &buckets);
    list_for_each (item, &xs->connections) {
        const struct connection *connection = LIST_ENTRY(item, struct connection, all);

        connections++;
        transactions += connection->transaction_count;
        unread += connection->output_bytes;
    }
    error = reply_format(
        reply,
        "pages-total: %zu\npages-used: %zu\nbytes-used: %zu\n"
        "allocation-failures: %" PRIu64 "\nnodes: %zu\npermission-lists: %zu\n"
        "domains: %u\nconnections: %zu\nwatches: %zu\nwatched-paths: %zu\n"
        "transactions: %zu\nunread-bytes: %zu\nhistory-versions: %u\n"
        "history-bytes: %zu\nrequests: %" PRIu64 "\ncommits: %" PRIu64 "\nconflicts: %" PRIu64
        "\nevents-dropped: %" PRIu64 "\nconsole-dropped: %" PRIu64 "\n",
        usage.pages_total, usage.pages_used, usage.bytes_used, usage.failures,
        check_count_nodes(xs), xs->perms.count, xs->domain_count, connections, watches, points,
        transactions, unread, xs->history.count, xs->history.bytes, xs->requests, xs->commits,
        xs->conflicts, xs->events_dropped, hv_console_dropped(xs->hv));
    return error ? error : reply_add(reply, "", 1);
}

static int command_print(struct xenstored *xs, const struct arguments *arguments,
                         struct reply *reply)
{
    if (arguments->count != 1)
        return -EINVAL;
    log_write(xs->log, LOG_NOTICE, "control: %s", arguments->text[0]);
    return reply_ok(reply);
}

static int show_limits(struct xenstored *xs, struct reply *reply)
{
    int error = reply_format(reply, "Quota settings:\n");

    for (unsigned quota = 0; quota < QUOTA_COUNT && !error; quota++)
        error = reply_format(reply, "%-17s: %8u %s\n", quota_name(quota), xs->limits.hard[quota],
                             quota_description(quota));
    return error ? error : reply_add(reply, "", 1);
}

static int show_domain(struct xenstored *xs, const char *text, struct reply *reply)
{
    const struct domain *domain;
    uint32_t domid;
    int error;

    if (!wire_number(text, UINT16_MAX, &domid))
        return -EINVAL;
    domain = domain_find(xs, (domid_t)domid);
    if (!domain)
        return -ENOENT;
    error = reply_format(reply, "Domain %u:\n", domid);
    for (unsigned quota = 0; quota < QUOTA_COUNT && !error; quota++)
        error = reply_format(reply, "%-17s: %8u (max %8u, refused %" PRIu64 ")\n",
                             quota_name(quota), domain->usage.now[quota], domain->usage.max[quota],
                             domain->usage.refused[quota]);
    if (!error)
        error = reply_format(reply,
                             "requests         : %8" PRIu64 "\nevents           : %8" PRIu64
                             " (dropped %" PRIu64 ")\nconflicts        : %8" PRIu64
                             " (caused %" PRIu64 ")\n",
                             domain->requests, domain->events, domain->events_dropped,
                             domain->conflicts_met, domain->conflicts_caused);
    return error ? error : reply_add(reply, "", 1);
}

static int show_max(struct xenstored *xs, bool reset, struct reply *reply)
{
    uint32_t max[QUOTA_COUNT] = {0};
    int error = reply_format(reply, "Max. seen accounting values:\n");

    list_for_each (item, &xs->domains) {
        struct domain *domain = LIST_ENTRY(item, struct domain, all);

        if (domain->domid == xs->priv_domid)
            continue;
        for (unsigned quota = 0; quota < QUOTA_COUNT; quota++) {
            if (domain->usage.max[quota] > max[quota])
                max[quota] = domain->usage.max[quota];
            if (reset)
                domain->usage.max[quota] = domain->usage.now[quota];
        }
    }
    for (unsigned quota = 0; quota < QUOTA_COUNT && !error; quota++)
        error = reply_format(reply, "%-17s: %8u\n", quota_name(quota), max[quota]);
    return error ? error : reply_add(reply, "", 1);
}

static int set_limit(uint32_t *limit, const struct arguments *arguments, struct reply *reply)
{
    uint32_t value;

    if (!limit || !wire_number(arguments->text[2], QUOTA_INHERIT - 1, &value) || !value)
        return -EINVAL;
    *limit = value;
    return reply_ok(reply);
}

static bool is_set(const struct arguments *arguments)
{
    return arguments->count == 3 && !strcmp(arguments->text[0], "set");
}

static int command_quota(struct xenstored *xs, const struct arguments *arguments,
                         struct reply *reply)
{
    if (!arguments->count)
        return show_limits(xs, reply);
    if (is_set(arguments))
        return set_limit(quota_find(&xs->limits, arguments->text[1]), arguments, reply);
    if (!strcmp(arguments->text[0], "max")) {
        bool reset = arguments->count == 2 && !strcmp(arguments->text[1], "-r");

        return arguments->count > 1 && !reset ? -EINVAL : show_max(xs, reset, reply);
    }
    return arguments->count == 1 ? show_domain(xs, arguments->text[0], reply) : -EINVAL;
}

static int command_quota_soft(struct xenstored *xs, const struct arguments *arguments,
                              struct reply *reply)
{
    int error;

    if (is_set(arguments))
        return set_limit(strcmp(arguments->text[1], "memory") ? NULL : &xs->limits.soft_memory,
                         arguments, reply);
    if (arguments->count)
        return -EINVAL;
    error = reply_format(reply, "Quota settings:\n%-17s: %8u %s\n", quota_name(QUOTA_MEMORY),
                         xs->limits.soft_memory, quota_description(QUOTA_MEMORY));
    return error ? error : reply_add(reply, "", 1);
}

static command_fn command_help;

static const struct {
    const char *name;
    command_fn *run;
    const char *parameters;
} commands[] = {
    {"check", command_check, ""},
    {"help", command_help, ""},
    {"log", command_log, "[on|off|+io|-io]"},
    {"memreport", command_memreport, ""},
    {"print", command_print, "<string>"},
    {"quota", command_quota, "[set <name> <val>|<domid>|max [-r]]"},
    {"quota-soft", command_quota_soft, "[set <name> <val>]"},
};

#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static int command_help(struct xenstored *xs, const struct arguments *arguments,
                        struct reply *reply)
{
    int error = 0;

    if (arguments->count)
        return -EINVAL;
    for (unsigned i = 0; i < COMMANDS && !error; i++)
        error = reply_format(reply, "%-15s %s\n", commands[i].name, commands[i].parameters);
    return error ? error : reply_add(reply, "", 1);
}

int control_request(struct xenstored *xs, struct work *work, const char *payload, size_t length,
                    struct reply *reply)
{
    const char *strings[ARGUMENTS_MAX + 1];
    unsigned count = wire_strings(payload, length, strings, ARGUMENTS_MAX + 1);
    struct arguments arguments;

    if (!count || count > ARGUMENTS_MAX + 1)
        return -EINVAL;
    arguments.count = count - 1;
    memcpy(arguments.text, strings + 1, arguments.count * sizeof(strings[0]));
    for (unsigned i = 0; i < COMMANDS; i++)
        if (!strcmp(strings[0], commands[i].name))
            return commands[i].run(xs, &arguments, reply);
    return -EINVAL;
}
