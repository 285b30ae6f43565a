/* SPDX-License-Identifier: ISC */
#include "remote.h"

#include <errno.h>

#include "domain.h"
#include "recorder.h"

/* Quotas are numbered as in enum quota; this one follows them. */
#define SOFT_MEMORY QUOTA_COUNT

/* Longer than any quota's name. */
#define NAME_SIZE 32U

struct quota_stream {
    struct control_stream stream;
    struct xenstored *xs;
    uint32_t domid; /* UINT32_MAX: the defaults of all */
    unsigned next;
};

/* The most that any domain has used, and how often any was refused, of those that are limited. */
static void put_highest(const struct xenstored *xs, enum quota quota, struct control_writer *item)
{
    uint64_t highest = 0, refused = 0;

    list_for_each (at, &xs->domains) {
        const struct domain *domain = LIST_ENTRY(at, struct domain, all);

        if (domain_unlimited(xs, domain->domid))
            continue;
        refused += domain->usage.refused[quota];
        if (domain->usage.max[quota] > highest)
            highest = domain->usage.max[quota];
    }
    control_put_number(item, CONTROL_F_HIGHEST, highest);
    control_put_number(item, CONTROL_F_REFUSED, refused);
}

static void put_use(const struct domain *domain, enum quota quota, struct control_writer *item)
{
    control_put_number(item, CONTROL_F_USED, domain->usage.now[quota]);
    control_put_number(item, CONTROL_F_HIGHEST, domain->usage.max[quota]);
    control_put_number(item, CONTROL_F_REFUSED, domain->usage.refused[quota]);
}

static void put_limit(const struct domain *domain, uint32_t own, uint32_t inherited,
                      struct control_writer *item)
{
    control_put_number(item, CONTROL_F_VALUE, domain ? quota_effective(own, inherited) : inherited);
    control_put_string(item, CONTROL_F_KIND, domain && own != QUOTA_INHERIT ? "own" : "default");
}

static void put_quota(const struct xenstored *xs, const struct domain *domain, enum quota quota,
                      struct control_writer *item)
{
    control_put_string(item, CONTROL_F_NAME, quota_name(quota));
    put_limit(domain, domain ? domain->limits.hard[quota] : QUOTA_INHERIT, xs->limits.hard[quota],
              item);
    if (domain)
        put_use(domain, quota, item);
    else
        put_highest(xs, quota, item);
    control_put_string(item, CONTROL_F_TEXT, quota_description(quota));
}

static void put_soft_memory(const struct xenstored *xs, const struct domain *domain,
                            struct control_writer *item)
{
    control_put_string(item, CONTROL_F_NAME, "soft-memory");
    put_limit(domain, domain ? domain->limits.soft_memory : QUOTA_INHERIT, xs->limits.soft_memory,
              item);
    if (domain) {
        control_put_number(item, CONTROL_F_USED, domain->usage.now[QUOTA_MEMORY]);
        control_put_number(item, CONTROL_F_HIGHEST, domain->usage.max[QUOTA_MEMORY]);
    }
    control_put_string(item, CONTROL_F_TEXT, "Bytes above which a line is written to the log");
}

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    struct quota_stream *quotas = LIST_ENTRY(stream, struct quota_stream, stream);
    const struct domain *domain = NULL;

    if (quotas->next > SOFT_MEMORY)
        return CONTROL_FILL_END;
    if (quotas->domid != UINT32_MAX) {
        domain = domain_find(quotas->xs, (domid_t)quotas->domid);
        if (!domain)
            return CONTROL_FILL_END;
        control_put_number(item, CONTROL_F_DOMID, domain->domid);
    }
    control_open_group(item, CONTROL_F_QUOTA);
    if (quotas->next < SOFT_MEMORY)
        put_quota(quotas->xs, domain, quotas->next, item);
    else
        put_soft_memory(quotas->xs, domain, item);
    control_close_group(item);
    quotas->next++;
    return CONTROL_FILL_FRAME;
}

static void release(struct control_stream *stream)
{
    struct quota_stream *quotas = LIST_ENTRY(stream, struct quota_stream, stream);

    arena_free(quotas->xs->arena, quotas, sizeof(*quotas));
}

static int handle_quota(void *context, struct control_request *request,
                        struct control_writer *reply)
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    struct xenstored *xs = remote_xs(context);
    struct quota_stream *quotas;
    struct domain *domain;
    int error = remote_domain(xs, request, &domain);

    if (error)
        return error;
    quotas = arena_zalloc(xs->arena, sizeof(*quotas));
    if (!quotas)
        return -ENOMEM;
    quotas->xs = xs;
    quotas->domid = domain ? domain->domid : UINT32_MAX;
    error = control_stream_start(request, &quotas->stream, &type);
    if (!error)
        return CONTROL_STREAMING;
    arena_free(xs->arena, quotas, sizeof(*quotas));
    return error;
}

/* The limits that STORE_SET is about: of the domain, made known if need be, or those of all. */
static int find_limits(struct xenstored *xs, struct control_request *request,
                       struct domain **domain, struct quota_limits **limits)
{
    uint64_t domid = control_number(&request->fields, CONTROL_F_DOMID, UINT64_MAX);
    int error = -ENOENT;

    *domain = NULL;
    *limits = &xs->limits;
    if (domid == UINT64_MAX)
        return 0;
    if (domid < HV_DOMID_FIRST_RESERVED)
        *domain = domain_get(xs, (domid_t)domid, &error);
    if (!*domain) {
        if (error == -ENOENT)
            control_request_error(request, "there is no domain %llu", (unsigned long long)domid);
        return error;
    }
    *limits = &(*domain)->limits;
    return 0;
}

/* The value to set: the request's, or, for a domain, none: what all others have. */
static int find_value(struct control_request *request, const struct domain *domain, uint32_t *value)
{
    struct control_field field;

    *value = QUOTA_INHERIT;
    if (!control_find(&request->fields, CONTROL_F_VALUE, &field)) {
        if (domain)
            return 0;
        control_request_error(request, "a default needs a value");
        return -EINVAL;
    }
    if (field.number >= QUOTA_INHERIT) {
        control_request_error(request, "a quota is at most %u", QUOTA_INHERIT - 1);
        return -EINVAL;
    }
    *value = (uint32_t)field.number;
    return 0;
}

static int handle_set(void *context, struct control_request *request, struct control_writer *reply)
{
    struct xenstored *xs = remote_xs(context);
    char name[NAME_SIZE];
    struct quota_limits *limits;
    struct domain *domain;
    uint32_t *limit = NULL, value;
    int error;

    if (control_string(&request->fields, CONTROL_F_NAME, name, sizeof(name)))
        limit = quota_find(&xs->limits, name);
    if (!limit) {
        control_request_error(request, "there is no quota of that name");
        return -EINVAL;
    }
    error = find_limits(xs, request, &domain, &limits);
    if (!error)
        error = find_value(request, domain, &value);
    if (error)
        return error;
    *quota_find(limits, name) = value;
    recorder_changed(xs);
    recorder_sync(xs);
    value = quota_effective(value, *limit);
    if (domain) {
        control_put_number(reply, CONTROL_F_DOMID, domain->domid);
        log_write(xs->log, LOG_NOTICE, "quota %s of domain %u is now %u", name, domain->domid,
                  value);
    } else {
        log_write(xs->log, LOG_NOTICE, "quota %s is now %u", name, value);
    }
    control_put_string(reply, CONTROL_F_NAME, name);
    control_put_number(reply, CONTROL_F_VALUE, value);
    return 0;
}

static const struct control_handler handlers[] = {
    {CONTROL_T_STORE_QUOTA, handle_quota},
    {CONTROL_T_STORE_SET, handle_set},
};

const struct remote_part remote_quota = {
    .handlers = handlers,
    .handler_count = sizeof(handlers) / sizeof(handlers[0]),
};
