/* SPDX-License-Identifier: ISC */
/**
 * @file service.h
 * What every service but XenStore itself starts with: memory, loop, log, XenStore, control. An
 * image is this and a main file; docs/own-service.md builds one.
 *
 *     void hv_main(struct hv *hv)
 *     {
 *         static const struct service_config config = {.name = "hello", ...};
 *         struct service *service = service_create(hv, &config);
 *         ...                              // what the service does, on service->loop
 *         service_run(service);            // seals the image; does not return
 *     }
 *
 * Command line: `log=KIB` (kept for `atoll logs`), `clients=N` (control clients at a time); each
 * service may have its own (service_option()).
 */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

#include "common/arena.h"
#include "common/control_server.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/store.h"

struct service_config {
    const char *name;     /**< "switch" */
    const char *version;  /**< ATOLL_VERSION */
    unsigned spare_pages; /**< to leave out of the arena, for pages to share */
    void *context;        /**< of the functions below, see control_server.h */
    const struct control_handler *handlers;
    unsigned handler_count;
    enum control_health (*status)(void *context, struct control_writer *reply);
    bool (*statistic)(void *context, unsigned index, struct control_writer *item);
    int (*stop)(void *context, const char **why);
};

struct service {
    struct hv *hv;
    const struct service_config *config;
    struct arena *arena;
    struct loop loop;
    struct log *log;
    struct store *store; /**< NULL: this domain has no XenStore; then nobody can reach it either */
    struct control_server *control;
    void *memory; /**< of the arena */
    size_t pages;
    bool ended; /**< STOP was answered: to end as soon as the client has read that */
};

/** Start up, and say so on the console. NULL with the cause on the console. */
struct service *service_create(struct hv *hv, const struct service_config *config);

/** Only tests end a service so. */
void service_destroy(struct service *service);

/** The number behind @name on the command line ("name=5"). False: it is not there or no number up
 * to @max. */
bool service_option(const struct hv *hv, const char *name, uint32_t max, uint32_t *number);

/** One turn of the loop (sim_step_fn). */
uint64_t service_step(void *service);

/** Seal the image and run until a STOP, which powers the domain off. */
_Noreturn void service_run(struct service *service);

#endif
