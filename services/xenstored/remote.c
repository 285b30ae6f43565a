/* SPDX-License-Identifier: ISC */
#include "remote.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "domain.h"
#include "path.h"
#include "publish.h"

/* What the service can be asked, beside what every service can. */
static const struct remote_part *const parts[] = {&remote_stats, &remote_quota, &remote_trace,
                                                  &remote_history, &remote_stream};

#define PARTS        (sizeof(parts) / sizeof(parts[0]))
#define HANDLERS_MAX 32U

struct remote {
    struct control_server *server;
    unsigned handler_count;
    struct control_handler handlers[HANDLERS_MAX];
};

/* --- what all services tell ---------------------------------------------------------------------
 */

static void complain(char text[REMOTE_TEXT_MAX], const char *complaint)
{
    size_t length = strlen(text);

    snprintf(text + length, REMOTE_TEXT_MAX - length, "%s%s", length ? "; " : "", complaint);
}

/* Older versions of the tree give way before anybody is refused memory. */
static bool memory_short(const struct xenstored *xs)
{
    return arena_bytes_free(xs->arena) + xs->history.bytes < domain_reserve(xs);
}

static enum control_health status(void *context, struct control_writer *reply)
{
    struct xenstored *xs = remote_xs(context);
    char text[REMOTE_TEXT_MAX] = "";

    remote_stats_status(xs, reply);
    if (memory_short(xs))
        complain(text, "memory is short: guests with more than a modest share get no more");
    if (xs->cleanup_pending)
        complain(text, "memory is too short to clean up after a dead domain: tried again");
    for (unsigned i = 0; i < PARTS; i++) {
        const char *complaint = parts[i]->complaint ? parts[i]->complaint(xs) : NULL;

        if (complaint)
            complain(text, complaint);
    }
    if (!*text)
        return CONTROL_HEALTHY;
    control_put_string(reply, CONTROL_F_TEXT, text);
    return CONTROL_DEGRADED;
}

static bool statistic(void *context, unsigned index, struct control_writer *item)
{
    struct xenstored *xs = remote_xs(context);

    for (unsigned i = 0; i < PARTS; i++) {
        unsigned count = parts[i]->statistics ? parts[i]->statistics(xs) : 0;

        if (index < count) {
            parts[i]->statistic(xs, index, item);
            return true;
        }
        index -= count;
    }
    return false;
}

static int stop(void *context, const char **why)
{
    *why = "XenStore cannot be stopped without a reboot of the host, unless by force";
    return -EPERM;
}

static void memory(void *context, struct control_memory *memory)
{
    struct xenstored *xs = remote_xs(context);
    struct arena_usage usage;

    arena_usage(xs->arena, &usage);
    memory->total = (uint64_t)xs->arena_pages * HV_PAGE_SIZE;
    memory->used = memory->total - arena_bytes_free(xs->arena);
    memory->objects = usage.bytes_used;
}

/* --- the server ---------------------------------------------------------------------------------
 */

static struct control_server_config settings(struct xenstored *xs, unsigned clients,
                                             const char *version)
{
    return (struct control_server_config){
        .service = "xenstored",
        .version = version ? version : "unknown",
        .client = xs ? xs->priv_domid : 0,
        .clients = clients,
        .context = xs,
        .log = xs ? xs->log : NULL,
        .status = status,
        .statistic = statistic,
        .stop = stop,
        .memory = memory,
    };
}

size_t remote_pages(unsigned clients)
{
    const struct control_server_config config = settings(NULL, clients, NULL);

    return control_server_pages(&config);
}

int remote_create(struct xenstored *xs, unsigned clients, const char *version)
{
    struct control_server_config config = settings(xs, clients, version);
    struct remote *remote = arena_zalloc(xs->arena, sizeof(*remote));

    if (!remote)
        return -ENOMEM;
    for (unsigned i = 0; i < PARTS; i++) {
        HV_ASSERT(remote->handler_count + parts[i]->handler_count <= HANDLERS_MAX);
        memcpy(remote->handlers + remote->handler_count, parts[i]->handlers,
               parts[i]->handler_count * sizeof(remote->handlers[0]));
        remote->handler_count += parts[i]->handler_count;
    }
    config.handlers = remote->handlers;
    config.handler_count = remote->handler_count;
    xs->remote = remote;
    remote->server = control_server_create(xs->hv, &xs->loop, publish_rendezvous(xs), &config);
    if (remote->server)
        return 0;
    remote_destroy(xs);
    return -ENOMEM;
}

void remote_destroy(struct xenstored *xs)
{
    struct remote *remote = xs->remote;

    if (!remote)
        return;
    if (remote->server)
        control_server_destroy(remote->server);
    arena_free(xs->arena, remote, sizeof(*remote));
    xs->remote = NULL;
}

void remote_sealed(struct xenstored *xs)
{
    if (xs->remote)
        control_server_sealed(xs->remote->server);
}

/* --- for the parts ------------------------------------------------------------------------------
 */

int remote_domain(struct xenstored *xs, struct control_request *request, struct domain **domain)
{
    uint64_t domid = control_number(&request->fields, CONTROL_F_DOMID, UINT64_MAX);

    *domain = NULL;
    if (domid == UINT64_MAX)
        return 0;
    if (domid < HV_DOMID_FIRST_RESERVED)
        *domain = domain_find(xs, (domid_t)domid);
    if (*domain)
        return 0;
    control_request_error(request, "XenStore does not know a domain %llu",
                          (unsigned long long)domid);
    return -ENOENT;
}

int remote_path(struct control_request *request, char *path)
{
    struct control_field field;
    char text[TREE_PATH_SIZE];

    if (!control_find(&request->fields, CONTROL_F_PATH, &field)) {
        strcpy(path, "/");
        return 0;
    }
    if (control_string(&request->fields, CONTROL_F_PATH, text, sizeof(text)) && text[0] == '/' &&
        path_canonical(text, 0, false, path))
        return 0;
    control_request_error(request, "not the absolute path of a node");
    return -EINVAL;
}

void remote_put_text(struct control_writer *writer, uint16_t tag, const void *data, size_t length)
{
    char text[REMOTE_TEXT_MAX];

    if (length > sizeof(text))
        length = sizeof(text);
    memcpy(text, data, length);
    for (size_t i = 0; i < length; i++)
        if (text[i] < ' ' || text[i] > '~')
            text[i] = '?';
    control_put_text(writer, tag, text, length);
}
