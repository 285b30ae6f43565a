/* SPDX-License-Identifier: ISC */
/* The life of a simulated host, and what a domain sees of it without any peer. */
#include "hv/sim/host.h"

#include <errno.h>
#include <execinfo.h>
#include <hv/console.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define BOOTED UINT64_C(1700000000) /**< seconds since 1970 at which the host booted */

void *sim_calloc(size_t count, size_t size)
{
    void *memory = calloc(count, size);

    if (!memory)
        hv_panic("sim: out of memory");
    return memory;
}

void *sim_grow(void *array, unsigned count, unsigned *room, size_t size)
{
    if (count < *room)
        return array;
    *room = *room ? *room * 2 : 16;
    array = realloc(array, *room * size);
    if (!array)
        hv_panic("sim: out of memory");
    return array;
}

struct sim *sim_create(uint64_t seed)
{
    struct sim *sim = sim_calloc(1, sizeof(*sim));

    sim_seed(sim, seed);
    sim->now = HV_SEC;
    sim->watchdog = HV_NEVER;
    sim->by_domid = sim_calloc(HV_DOMID_FIRST_RESERVED, sizeof(*sim->by_domid));
    sim->memory = memfd_create("sim", MFD_CLOEXEC);
    if (sim->memory < 0)
        hv_panic("sim: no memory file: %s", strerror(errno));
    return sim;
}

void sim_destroy(struct sim *sim)
{
    HV_ASSERT(!sim->current);
    sim->tearing_down = true;
    sim->dom_exc_handler = NULL;
    /* A zombie goes with the domain that still maps its pages. */
    for (unsigned i = 0; i < sim->domain_count;) {
        if (sim->domains[i]->dying) {
            i++;
            continue;
        }
        sim_domain_kill(sim->domains[i]);
        i = 0;
    }
    HV_ASSERT(sim->domain_count == 0 && sim->ready_count == 0 && sim->timer_count == 0);
    for (unsigned i = 0; i < HV_DOMID_FIRST_RESERVED / 64; i++)
        HV_ASSERT(sim->known[i] == 0);
    close(sim->memory);
    free(sim->by_domid);
    free(sim->domains);
    free(sim->ready);
    free(sim->timers);
    free(sim->held);
    free(sim);
}

domid_t hv_domid(const struct hv *hv)
{
    return hv->domid;
}

const void *hv_module(const struct hv *hv, size_t *size)
{
    *size = hv->module_size;
    return hv->module;
}

const char *hv_cmdline(const struct hv *hv)
{
    return hv->cmdline;
}

void hv_seal(struct hv *hv)
{
    if (hv->sealed)
        hv_panic("sim: domain %u seals itself twice", hv->domid);
    hv->sealed = true;
}

uint64_t sim_now(const struct sim *sim)
{
    return sim->now;
}

uint64_t hv_now(struct hv *hv)
{
    return hv->sim->now;
}

uint64_t hv_wallclock(struct hv *hv)
{
    return BOOTED * HV_SEC + hv->sim->now;
}

void sim_set_console(struct sim *sim, sim_console_fn *console, void *context)
{
    sim->console = console;
    sim->console_context = context;
}

void sim_console_stall(struct hv *hv, bool stalled)
{
    hv->console_stalled = stalled;
    hv->console_used = 0;
}

void hv_console_write(struct hv *hv, const char *text, size_t length)
{
    struct sim *sim = hv->sim;
    size_t fits = length;

    if (hv->console_stalled) {
        fits = SIM_CONSOLE_RING - hv->console_used;
        if (fits > length)
            fits = length;
        hv->console_used += (unsigned)fits;
        hv->console_dropped += length - fits;
    }
    if (fits == 0)
        return;
    if (sim->console) {
        sim->console(sim->console_context, hv, text, fits);
    } else {
        const char *wanted = getenv("SIM_CONSOLE");
        if (wanted && *wanted == '1')
            fprintf(stderr, "(d%u) %.*s", hv->domid, (int)fits, text);
    }
}

uint64_t hv_console_dropped(const struct hv *hv)
{
    return hv->console_dropped;
}

uint64_t sim_trace(const struct sim *sim)
{
    return sim->trace;
}

void hv_panic(const char *format, ...)
{
    void *frames[32];
    va_list arguments;

    fflush(stdout);
    fputs("panic: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    fflush(stderr);
    backtrace_symbols_fd(frames, backtrace(frames, 32), STDERR_FILENO);
    abort();
}
