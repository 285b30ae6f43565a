/* SPDX-License-Identifier: ISC */
/*
 * hv_wait(): sleep with the timer armed for the deadline.
 *
 * No hypercall and no look at the clock that can be spared: reading the cycle counter may be a VM
 * exit of its own. While the timer is armed for the deadline or earlier, it is left alone; one that
 * fires too early is armed again then. Xen raises a deadline that has passed at once.
 */
#include "platform.h"

#include "arch.h"

void hv_wait(struct hv *hv, uint64_t deadline)
{
    for (;;) {
        uint64_t armed = hv->timer_armed;

        if (deadline == 0) {
            return;
        }
        /* Before the check: whatever comes after this store ends arch_idle(). */
        __atomic_exchange_n(&hv->vcpu->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
        if (evtchn_ready(hv)) {
            return;
        }
        if (hv->timer_armed != armed && armed >= deadline) {
            return; /* the timer has fired, and the deadline was not later than that */
        }
        if (deadline < hv->timer_armed) {
            arch_timer_set(deadline);
            hv->timer_armed = deadline;
        }
        arch_idle();
    }
}
