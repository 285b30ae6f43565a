/* SPDX-License-Identifier: ISC */
/**
 * @file arch.h
 * What the generic part asks of an architecture's folder (x86_64/).
 */
#ifndef HV_XEN_ARCH_H
#define HV_XEN_ARCH_H

#include "platform.h"

/** Fixed places in the window above RAM; each offset counts from boot_info.window. */
#define WINDOW_SHARED_INFO UINT64_C(0)
#define WINDOW_GRANTS      UINT64_C(0x1000)
#define WINDOW_FOREIGN     UINT64_C(0x200000)

/** How a page of the foreign window is mapped. */
enum arch_access { ARCH_NONE, ARCH_READ, ARCH_READ_WRITE };

/** Set the access to @count pages of the foreign window from @address, stale translations gone. */
void arch_map_foreign(uintptr_t address, unsigned count, enum arch_access access);

/**
 * Before arch_seal(): make @count mapped pages of RAM from @address read-only, in such a way that
 * arch_guard_set() can change that without lifting any other protection. False without memory.
 */
bool arch_guard(struct hv *hv, uintptr_t address, unsigned count);

/** Make such pages writable, or read-only again. */
void arch_guard_set(uintptr_t address, unsigned count, bool writable);

/** Ask Xen for upcalls, so that a pending event ends arch_idle(). */
void arch_upcall_init(void);

/**
 * Sleep until an event is pending at this vCPU; returns at once where one is. An event that arrives
 * at any moment after the caller's own check, asleep or not yet, makes it return.
 */
void arch_idle(void);

/** Raise timer_port at @deadline, in nanoseconds of hv_now(); at once where that has passed. */
void arch_timer_set(uint64_t deadline);

/** The cycle counter, for pvclock and as one source of randomness. */
uint64_t arch_cycles(void);

/** 64 bits of the processor's own random generator; false: it has none, or it gave nothing. */
bool arch_random(uint64_t *value);

/** This domain's number as the processor's identification tells; false: it does not. */
bool arch_domid(domid_t *domid);

/** Make HV_RO_AFTER_INIT data, page tables and descriptor tables read-only. */
void arch_seal(void);

/** One byte to the hypervisor's debug console. */
void arch_debug_putc(char c);

/** Print the general registers of here and now. For hv_panic(). */
void arch_print_registers(void);

/** Whether @address lies in a stack of ours, so that the backtrace may read it. */
bool arch_is_stack(uintptr_t address);

/** Clear bits of @word atomically against the hypervisor. */
void arch_atomic_clear(uint64_t *word, uint64_t bits);

/** Set bits of @word atomically against the hypervisor. */
void arch_atomic_set(uint64_t *word, uint64_t bits);

#endif
