/* SPDX-License-Identifier: ISC */
/**
 * @file no_guard.h
 * For what measures: on Xen, the pages of the journal are opened for a commit by a few stores to
 * our own page table; the simulator's system calls for it would be most of what is measured. So
 * they are left out (by --wrap of the linker).
 */
#ifndef TESTS_BENCH_NO_GUARD_H
#define TESTS_BENCH_NO_GUARD_H

#include <hv/memory.h>

/** Leave @hv's reserved pages, if it has any, open for good, and have memory for all of them. */
void no_guard(struct hv *hv);

#endif
