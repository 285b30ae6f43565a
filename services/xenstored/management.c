/* SPDX-License-Identifier: ISC */
#include "management.h"

#include <errno.h>
#include <string.h>

#include "connection.h"
#include "domain.h"
#include "path.h"
#include "transaction.h"
#include "watch.h"

#define DOMID_SELF HV_DOMID_FIRST_RESERVED

int management_watch(struct xenstored *xs, struct work *work, const char *payload, size_t length,
                     struct reply *reply)
{
    struct connection *connection = work->connection;
    const char *strings[3];
    unsigned count = wire_strings(payload, length, strings, 3);
    bool with_depth = count == 3 && (connection->domain->features & XS_FEATURE_WATCHDEPTH);
    uint32_t depth = 0;
    char path[PATH_SIZE];
    int error;

    if ((count != 2 && !with_depth) || (with_depth && !wire_number(strings[2], INT32_MAX, &depth)))
        return -EINVAL;
    error = operation_path(connection, strings[0], true, path);
    if (!error)
        error = watch_add(xs, work, path, strings[1], with_depth ? (int)depth : WATCH_ANY_DEPTH,
                          strings[0][0] != '/' && strings[0][0] != '@');
    return error ? error : reply_ok(reply);
}

int management_unwatch(struct xenstored *xs, struct work *work, const char *payload, size_t length,
                       struct reply *reply)
{
    const char *strings[2];
    char path[PATH_SIZE];
    int error;

    if (wire_strings(payload, length, strings, 2) != 2)
        return -EINVAL;
    error = operation_path(work->connection, strings[0], true, path);
    if (!error)
        error = watch_remove(xs, work->connection, path, strings[1]);
    return error ? error : reply_ok(reply);
}

int management_reset_watches(struct xenstored *xs, struct work *work, const char *payload,
                             size_t length, struct reply *reply)
{
    watch_remove_all(xs, work->connection);
    transaction_end_all(xs, work->connection);
    return reply_ok(reply);
}

int management_transaction_start(struct xenstored *xs, struct work *work, const char *payload,
                                 size_t length, struct reply *reply)
{
    uint32_t id;
    int error = transaction_start(xs, work->connection, &id);

    if (!error)
        error = reply_format(reply, "%u", id);
    return error ? error : reply_add(reply, "", 1);
}

/* The domid that is the payload's only string. */
static bool one_domid(const char *payload, size_t length, domid_t *domid)
{
    const char *text = wire_one_string(payload, length);
    uint32_t number;

    if (!text || !wire_number(text, UINT16_MAX, &number))
        return false;
    *domid = (domid_t)number;
    return true;
}

/* Is it a domain that comes and goes, and not the control domain or our own? */
static bool ordinary(const struct xenstored *xs, uint32_t domid)
{
    return domid < HV_DOMID_FIRST_RESERVED && domid != xs->priv_domid && domid != hv_domid(xs->hv);
}

static struct domain *introduced(const struct xenstored *xs, uint32_t domid)
{
    struct domain *domain = domain_find(xs, (domid_t)domid);

    return domain && domain->introduced && !domain->dead ? domain : NULL;
}

/* The introduced domain that the payload's only string names. */
static int one_introduced(const struct xenstored *xs, const char *payload, size_t length,
                          struct domain **domain)
{
    domid_t domid;

    if (!one_domid(payload, length, &domid) || !ordinary(xs, domid))
        return -EINVAL;
    *domain = introduced(xs, domid);
    return *domain ? 0 : -ENOENT;
}

int management_introduce(struct xenstored *xs, struct work *work, const char *payload,
                         size_t length, struct reply *reply)
{
    const char *strings[3];
    uint32_t domid, port;
    int error;

    /* The frame number is of no use: the ring is mapped by the grant reserved for it. */
    if (wire_strings(payload, length, strings, 3) < 3 ||
        !wire_number(strings[0], UINT16_MAX, &domid) ||
        !wire_number(strings[2], INT32_MAX, &port) || !port || !ordinary(xs, domid))
        return -EINVAL;
    error = domain_introduce(xs, (domid_t)domid, port);
    return error ? error : reply_ok(reply);
}

int management_release(struct xenstored *xs, struct work *work, const char *payload, size_t length,
                       struct reply *reply)
{
    struct domain *domain;
    int error = one_introduced(xs, payload, length, &domain);

    if (error)
        return error;
    domain_release(xs, domain);
    return reply_ok(reply);
}

int management_get_domain_path(struct xenstored *xs, struct work *work, const char *payload,
                               size_t length, struct reply *reply)
{
    domid_t domid;
    int error;

    if (!one_domid(payload, length, &domid))
        return -EINVAL;
    error = reply_format(reply, "/local/domain/%u", domid);
    return error ? error : reply_add(reply, "", 1);
}

int management_is_domain_introduced(struct xenstored *xs, struct work *work, const char *payload,
                                    size_t length, struct reply *reply)
{
    domid_t domid;

    if (!one_domid(payload, length, &domid))
        return -EINVAL;
    return reply_add(reply, domid == DOMID_SELF || introduced(xs, domid) ? "T" : "F", 2);
}

int management_resume(struct xenstored *xs, struct work *work, const char *payload, size_t length,
                      struct reply *reply)
{
    struct domain *domain;
    int error = one_introduced(xs, payload, length, &domain);

    if (error)
        return error;
    domain->shutdown = false;
    return reply_ok(reply);
}

int management_set_target(struct xenstored *xs, struct work *work, const char *payload,
                          size_t length, struct reply *reply)
{
    const char *strings[2];
    uint32_t domid, target;
    struct domain *domain;

    if (wire_strings(payload, length, strings, 2) < 2 ||
        !wire_number(strings[0], UINT16_MAX, &domid) ||
        !wire_number(strings[1], UINT16_MAX, &target))
        return -EINVAL;
    domain = introduced(xs, domid);
    if (!domain || !domain->connection || !introduced(xs, target))
        return -ENOENT;
    domain->connection->target = domain->connection->subject.target = (domid_t)target;
    return reply_ok(reply);
}

int management_get_feature(struct xenstored *xs, struct work *work, const char *payload,
                           size_t length, struct reply *reply)
{
    const struct domain *domain = work->connection->domain;
    const char *text;
    unsigned count = wire_strings(payload, length, &text, 1);
    uint32_t domid;
    int error = -ENOENT;

    if (count) {
        if (!work->connection->subject.privileged)
            return -EACCES;
        if (count > 1 || !wire_number(text, UINT16_MAX, &domid))
            return -EINVAL;
        domain = domain_get(xs, (domid_t)domid, &error);
        if (!domain)
            return error;
    }
    error = reply_format(reply, "%u", domain->features);
    return error ? error : reply_add(reply, "", 1);
}

int management_set_feature(struct xenstored *xs, struct work *work, const char *payload,
                           size_t length, struct reply *reply)
{
    const char *strings[2];
    uint32_t domid, features;
    struct domain *domain;
    int error = -ENOENT;

    if (wire_strings(payload, length, strings, 2) != 2 ||
        !wire_number(strings[0], UINT16_MAX, &domid) ||
        !wire_number(strings[1], UINT32_MAX, &features))
        return -EINVAL;
    domain = domain_get(xs, (domid_t)domid, &error);
    if (!domain)
        return error;
    if (domain->introduced)
        return -EBUSY;
    if (features & ~XS_FEATURES)
        return -EINVAL;
    domain->features = features;
    return reply_ok(reply);
}

static int quota_names(struct reply *reply)
{
    int error = 0;

    for (unsigned quota = 0; quota < QUOTA_COUNT && !error; quota++)
        error = reply_format(reply, "%s%s", quota ? " " : "", quota_name(quota));
    if (!error)
        error = reply_format(reply, " soft-memory");
    return error ? error : reply_add(reply, "", 1);
}

/* The limits that the strings are about: those of a domain if they start with one. */
static int find_limits(struct xenstored *xs, const char *domid_text, struct quota_limits **limits)
{
    struct domain *domain;
    uint32_t domid;
    int error = -ENOENT;

    *limits = &xs->limits;
    if (!domid_text)
        return 0;
    if (!wire_number(domid_text, UINT16_MAX, &domid))
        return -EINVAL;
    domain = domain_get(xs, (domid_t)domid, &error);
    if (!domain)
        return error;
    *limits = &domain->limits;
    return 0;
}

int management_get_quota(struct xenstored *xs, struct work *work, const char *payload,
                         size_t length, struct reply *reply)
{
    const char *strings[2], *name;
    unsigned count = wire_strings(payload, length, strings, 2);
    struct quota_limits *limits;
    uint32_t *own;
    int error;

    if (!count)
        return quota_names(reply);
    if (count > 2)
        return -EINVAL;
    name = strings[count - 1];
    error = find_limits(xs, count == 2 ? strings[0] : NULL, &limits);
    if (error)
        return error;
    own = quota_find(limits, name);
    if (!own)
        return -EINVAL;
    error = reply_format(reply, "%u", quota_effective(*own, *quota_find(&xs->limits, name)));
    return error ? error : reply_add(reply, "", 1);
}

int management_set_quota(struct xenstored *xs, struct work *work, const char *payload,
                         size_t length, struct reply *reply)
{
    const char *strings[3];
    unsigned count = wire_strings(payload, length, strings, 3);
    struct quota_limits *limits;
    uint32_t *limit, value;
    int error;

    if (count < 2 || count > 3 || !wire_number(strings[count - 1], QUOTA_INHERIT - 1, &value))
        return -EINVAL;
    error = find_limits(xs, count == 3 ? strings[0] : NULL, &limits);
    if (error)
        return error;
    limit = quota_find(limits, strings[count - 2]);
    if (!limit)
        return -EINVAL;
    *limit = value;
    return reply_ok(reply);
}
