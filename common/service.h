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
 *
 *         if (!service)
 *             hv_exit(hv, HV_EXIT_CRASH);
 *         ...                              // what the service does, on service->loop
 *         service_run(service);            // seals the image; does not return
 *     }
 *
 * Command line: `log=KIB` (4 to 1024, default 64: how much is kept for `atoll logs`), `clients=N`
 * (1 to 64, default 16: control clients at a time), `watchdog=SECONDS` (watchdog.h; 2 to 3600, 0
 * and the default: none); each service may have its own (service_option()). What nobody asks for is
 * ignored.
 */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

#include "common/arena.h"
#include "common/control_server.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/store.h"
#include "common/watchdog.h"

/** Lives as long as the service. The functions get the struct service as their @context. */
struct service_config {
    const char *name;     /**< "switch" */
    const char *version;  /**< ATOLL_VERSION */
    unsigned spare_pages; /**< to leave out of the arena, for pages to share */
    unsigned ring_order;  /**< of what control clients read: see control_server.h */
    void *context;        /**< what the functions find in service->config->context */
    const struct control_handler *handlers; /**< see control_server.h, as for the functions */
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
    struct control_server *control; /**< NULL, too, then */
    void *memory;                   /**< of the arena */
    size_t pages;
    size_t log_size;
    struct watchdog watchdog;
    uint32_t watchdog_s; /**< as the command line has it */
    bool sealed;
    bool store_ended; /**< said in the log */
    bool ended;       /**< STOP was answered and the client has read that, or is gone */
};

/**
 * Start up, and say so on the console. NULL with the cause on the console: too little memory, or an
 * option of the command line that is no number in its range.
 */
struct service *service_create(struct hv *hv, const struct service_config *config);

/** Only tests end a service so. */
void service_destroy(struct service *service);

/** The number behind @name on the command line ("name=5"). False: it is not there or no number up
 * to @max. */
bool service_option(const struct hv *hv, const char *name, uint32_t max, uint32_t *number);

/** Start-up is over: seal the image; STATUS says so from now on. service_run() does it. */
void service_seal(struct service *service);

/** One turn of the loop (sim_step_fn). */
uint64_t service_step(void *service);

/** Seal the image, arm the watchdog, and run until a STOP, which powers the domain off. */
_Noreturn void service_run(struct service *service);

#endif
