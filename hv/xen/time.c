/* SPDX-License-Identifier: ISC */
/*
 * The clocks, from the shared info page (xen/include/public/xen.h, struct vcpu_time_info). Xen
 * raises the version before and after each update, so an odd or changed one means: read again.
 */
#include "platform.h"

#include <errno.h>

#include "arch.h"
#include "hypercall.h"

/** Nanoseconds that @cycles last. */
static uint64_t cycles_to_ns(uint64_t cycles, uint32_t multiplier, int8_t shift)
{
    cycles = shift >= 0 ? cycles << shift : cycles >> -shift;
    return (uint64_t)((unsigned __int128)cycles * multiplier >> 32);
}

uint64_t hv_now(struct hv *hv)
{
    const struct vcpu_time_info *info = &hv->vcpu->time;
    uint32_t version;
    uint64_t now;

    do {
        version = __atomic_load_n(&info->version, __ATOMIC_ACQUIRE);
        now = *(const volatile uint64_t *)&info->system_time +
              cycles_to_ns(arch_cycles() - *(const volatile uint64_t *)&info->tsc_timestamp,
                           *(const volatile uint32_t *)&info->tsc_to_system_mul,
                           *(const volatile int8_t *)&info->tsc_shift);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((version & 1) != 0 || version != *(const volatile uint32_t *)&info->version);

    if (now < hv->last_now) {
        now = hv->last_now;
    }
    hv->last_now = now;
    return now;
}

uint64_t hv_wallclock(struct hv *hv)
{
    const volatile struct shared_info *shared = hv->shared;
    uint32_t version, nsec;
    uint64_t sec;

    do {
        version = __atomic_load_n(&shared->wc_version, __ATOMIC_ACQUIRE);
        sec = (uint64_t)shared->xen_wc_sec_hi << 32 | shared->wc_sec;
        nsec = shared->wc_nsec;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((version & 1) != 0 || version != shared->wc_version);

    return sec * HV_SEC + nsec + hv_now(hv);
}

int hv_watchdog(struct hv *hv, uint32_t seconds)
{
    struct sched_watchdog watchdog = {.id = hv->watchdog, .timeout = seconds};
    int rc;

    if (seconds > HV_WATCHDOG_MAX) {
        return -EINVAL;
    }
    if (seconds == 0 && hv->watchdog == 0) {
        return 0; /* to Xen, the number 0 asks for a new one */
    }
    rc = hypercall_sched_op(SCHEDOP_watchdog, &watchdog);
    if (rc < 0) {
        return rc;
    }
    if (seconds == 0) {
        hv->watchdog = 0;
    } else if (hv->watchdog == 0) {
        hv->watchdog = (uint32_t)rc;
    }
    return 0;
}
