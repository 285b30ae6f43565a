/* SPDX-License-Identifier: ISC */
/**
 * @file hypercall.h
 * The hypercalls that are used, each with the type of its argument. All return Xen's result: 0 or
 * more, or a negative errno value (xen/include/public/errno.h has Linux's numbers).
 */
#ifndef HV_XEN_HYPERCALL_H
#define HV_XEN_HYPERCALL_H

#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/xen.h>

#include "hypercall_arch.h"

static inline int hypercall_event_channel_op(unsigned command, void *argument)
{
    return (int)hypercall2(__HYPERVISOR_event_channel_op, command, (uintptr_t)argument);
}

static inline int hypercall_grant_table_op(unsigned command, void *operations, unsigned count)
{
    return (int)hypercall3(__HYPERVISOR_grant_table_op, command, (uintptr_t)operations, count);
}

static inline long hypercall_memory_op(unsigned command, void *argument)
{
    return hypercall2(__HYPERVISOR_memory_op, command, (uintptr_t)argument);
}

static inline int hypercall_hvm_op(unsigned command, void *argument)
{
    return (int)hypercall2(__HYPERVISOR_hvm_op, command, (uintptr_t)argument);
}

static inline int hypercall_sched_op(unsigned command, void *argument)
{
    return (int)hypercall2(__HYPERVISOR_sched_op, command, (uintptr_t)argument);
}

static inline int hypercall_domctl(void *domctl)
{
    return (int)hypercall1(__HYPERVISOR_domctl, (uintptr_t)domctl);
}

/** Absolute nanoseconds; the value is in a register, so Xen has nothing to copy in. */
static inline int hypercall_set_timer_op(uint64_t deadline)
{
    return (int)hypercall1(__HYPERVISOR_set_timer_op, deadline);
}

#endif
