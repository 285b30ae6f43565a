/* SPDX-License-Identifier: ISC */
/**
 * @file hv/time.h
 * Clocks. The one-shot timer is the deadline of hv_wait().
 */
#ifndef HV_TIME_H
#define HV_TIME_H

#include <hv/hv.h>

#define HV_MSEC UINT64_C(1000000)    /**< nanoseconds */
#define HV_SEC  UINT64_C(1000000000) /**< nanoseconds */

/** Nanoseconds since the host booted; never goes back. */
uint64_t hv_now(struct hv *hv);

/** Nanoseconds since 1970-01-01 UTC, as the host believes. */
uint64_t hv_wallclock(struct hv *hv);

#endif
