/* SPDX-License-Identifier: ISC */
#include "common/service.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <hv/memory.h>

#include "common/xs_wire.h"

/* The least that a service gets along with. */
#define ARENA_PAGES_MIN 32U

#define DOM0 0U

/* --- options ---------------------------------------------------------------------------------- */

/* What is behind "@name=" on the command line, @length bytes; NULL: it is not there. */
static const char *find_option(const struct hv *hv, const char *name, size_t *length)
{
    size_t name_length = strlen(name);

    for (const char *at = hv_cmdline(hv); *at;) {
        size_t word;

        at += strspn(at, " ");
        word = strcspn(at, " ");
        if (word > name_length && !strncmp(at, name, name_length) && at[name_length] == '=') {
            *length = word - name_length - 1;
            return at + name_length + 1;
        }
        at += word;
    }
    return NULL;
}

bool service_option(const struct hv *hv, const char *name, uint32_t max, uint32_t *number)
{
    size_t length;
    const char *value = find_option(hv, name, &length);
    char text[12];

    if (!value || length >= sizeof(text))
        return false;
    memcpy(text, value, length);
    text[length] = '\0';
    return wire_number(text, max, number);
}

/*
 * An option of every service: @min to @max, and 0 where that is its default. False: it is there,
 * and not a number in its range.
 */
static bool own_option(struct hv *hv, const char *service, const char *name, uint32_t min,
                       uint32_t max, uint32_t *number)
{
    uint32_t value;
    size_t length;

    if (!find_option(hv, name, &length))
        return true;
    if (service_option(hv, name, max, &value) && (value >= min || (!value && !*number))) {
        *number = value;
        return true;
    }
    log_line(hv, "%s: option %s= on the command line has to be %sa number from %u to %u", service,
             name, *number ? "" : "0 or ", min, max);
    return false;
}

/* --- what a service tells of itself ----------------------------------------------------------- */

static enum control_health tell_status(void *context, struct control_writer *reply)
{
    struct service *service = context;
    enum control_health health = CONTROL_HEALTHY;

    if (service->config->status)
        health = service->config->status(service, reply);
    /* Whoever reads this was connected before: nobody finds us any more. */
    if (store_error(service->store) && health == CONTROL_HEALTHY) {
        health = CONTROL_DEGRADED;
        control_put_string(reply, CONTROL_F_TEXT, "the connection to XenStore has ended");
    }
    return health;
}

static bool tell_statistic(void *context, unsigned index, struct control_writer *item)
{
    struct service *service = context;
    struct arena_usage usage;

    arena_usage(service->arena, &usage);
    switch (index) {
    case 0:
        control_statistic(item, "memory_refused", "Allocations that found no memory.", NULL, true,
                          usage.failures);
        return true;
    case 1:
        control_statistic(item, "xenstore_connected", "1: XenStore answers.", NULL, false,
                          store_alive(service->store));
        return true;
    default:
        return service->config->statistic && service->config->statistic(service, index - 2, item);
    }
}

static void tell_memory(void *context, struct control_memory *memory)
{
    struct service *service = context;
    struct arena_usage usage;

    arena_usage(service->arena, &usage);
    memory->total = usage.pages_total * (uint64_t)HV_PAGE_SIZE;
    memory->used = usage.pages_used * (uint64_t)HV_PAGE_SIZE;
    memory->objects = usage.bytes_used;
}

static int asked_to_stop(void *context, const char **why)
{
    struct service *service = context;

    return service->config->stop ? service->config->stop(service, why) : 0;
}

static void stopped(void *context)
{
    struct service *service = context;

    service->ended = true;
}

/* --- start ------------------------------------------------------------------------------------ */

/* The arena takes the largest run of pages but for what control and the service share. */
static struct service *take_memory(struct hv *hv, const struct service_config *config,
                                   size_t reserved)
{
    struct service *service;
    struct arena *arena;
    size_t largest, pages;
    void *base;

    hv_page_count_free(hv, &largest);
    if (largest < reserved + ARENA_PAGES_MIN) {
        log_line(hv, "%s: %zu KiB of memory are free, at least %zu KiB are needed", config->name,
                 largest * (HV_PAGE_SIZE / 1024),
                 (reserved + ARENA_PAGES_MIN) * (HV_PAGE_SIZE / 1024));
        return NULL;
    }
    pages = largest - reserved;
    base = hv_page_alloc(hv, (unsigned)pages);
    arena = base ? arena_create(base, pages) : NULL;
    service = arena ? arena_zalloc(arena, sizeof(*service)) : NULL;
    if (!service) {
        log_line(hv, "%s: no memory", config->name);
        if (arena)
            arena_destroy(arena);
        if (base)
            hv_page_free(hv, base, (unsigned)pages);
        return NULL;
    }
    service->hv = hv;
    service->config = config;
    service->arena = arena;
    service->memory = base;
    service->pages = pages;
    return service;
}

static bool start_log(struct service *service, size_t size)
{
    void *memory = arena_alloc(service->arena, size);

    if (!memory)
        return false;
    service->log_size = size;
    service->log = log_create(service->hv, memory, size);
    return true;
}

/* False: not for want of a XenStore, but of memory. */
static bool start_control(struct service *service, struct control_server_config *control)
{
    int error;

    service->store = store_create(service->hv, service->arena, &service->loop, &error);
    if (!service->store) {
        log_write(service->log, LOG_ERROR, "%s: no XenStore (error %d): not to be reached",
                  service->config->name, -error);
        return error == -ENOENT;
    }
    control->context = service;
    control->log = service->log;
    service->control = control_server_create(service->hv, &service->loop,
                                             store_rendezvous(service->store), control);
    return service->control;
}

struct service *service_create(struct hv *hv, const struct service_config *config)
{
    struct control_server_config control = {
        .service = config->name,
        .version = config->version,
        .client = DOM0,
        .ring_order = config->ring_order,
        .handlers = config->handlers,
        .handler_count = config->handler_count,
        .status = tell_status,
        .statistic = tell_statistic,
        .stop = asked_to_stop,
        .stopped = stopped,
        .memory = tell_memory,
    };
    uint32_t log_kib = 64, clients = 16, watchdog = 0;
    struct service *service;

    if (!own_option(hv, config->name, "log", 4, 1024, &log_kib) ||
        !own_option(hv, config->name, "clients", 1, LISTENER_SLOTS_MAX, &clients) ||
        !own_option(hv, config->name, "watchdog", WATCHDOG_MIN, HV_WATCHDOG_MAX, &watchdog))
        return NULL;
    control.clients = clients;
    service = take_memory(hv, config, control_server_pages(&control) + config->spare_pages);
    if (!service)
        return NULL;
    service->watchdog_s = watchdog;
    loop_init(&service->loop, hv);
    if (!start_log(service, (size_t)log_kib * 1024) || !start_control(service, &control)) {
        log_line(hv, "%s: not enough memory for log=%u and clients=%u", config->name, log_kib,
                 clients);
        service_destroy(service);
        return NULL;
    }
    log_write(service->log, LOG_NOTICE, "%s %s: domain %u, %zu KiB of memory", config->name,
              config->version, hv_domid(hv), service->pages * (HV_PAGE_SIZE / 1024));
    return service;
}

void service_destroy(struct service *service)
{
    struct hv *hv = service->hv;
    void *memory = service->memory;
    size_t pages = service->pages;

    if (service->control)
        control_server_destroy(service->control);
    if (service->store)
        store_destroy(service->store);
    arena_destroy(service->arena);
    hv_page_free(hv, memory, (unsigned)pages);
}

/* --- run -------------------------------------------------------------------------------------- */

void service_seal(struct service *service)
{
    hv_seal(service->hv);
    service->sealed = true;
    if (service->control)
        control_server_sealed(service->control);
}

uint64_t service_step(void *context)
{
    struct service *service = context;
    uint64_t deadline = loop_step(&service->loop);

    if (service->store && !service->store_ended && store_error(service->store)) {
        service->store_ended = true;
        log_write(service->log, LOG_ERROR, "%s: the connection to XenStore has ended",
                  service->config->name);
    }
    return deadline;
}

void service_run(struct service *service)
{
    int rc;

    service_seal(service);
    rc = watchdog_start(&service->watchdog, &service->loop, service->watchdog_s);
    if (rc)
        log_write(service->log, LOG_ERROR, "%s: Xen gives no watchdog (error %d): a hang stays",
                  service->config->name, -rc);
    while (!service->ended) {
        uint64_t deadline = service_step(service);

        if (deadline && !service->ended)
            hv_wait(service->hv, deadline);
    }
    log_write(service->log, LOG_NOTICE, "%s: the end, as asked", service->config->name);
    hv_exit(service->hv, HV_EXIT_POWEROFF);
}
