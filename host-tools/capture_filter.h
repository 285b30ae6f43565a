/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/capture_filter.h
 * Filters in tcpdump's language (pcap-filter(7)) to classic BPF, by libpcap. Compiled here,
 * verified and run in the monitor.
 */
#ifndef ATOLL_CAPTURE_FILTER_H
#define ATOLL_CAPTURE_FILTER_H

#include <stddef.h>
#include <stdint.h>

/** Instructions that a request has room for; the monitor takes 512 at most. */
#define CAPTURE_FILTER_MAX 500u

struct capture_filter {
    uint32_t count;                          /**< instructions; 0: all frames are wanted */
    uint8_t program[8 * CAPTURE_FILTER_MAX]; /**< as CONTROL_F_PROGRAM has it */
    char error[600];                         /**< what is wrong with it, in a line */
};

/** Compile @text ("" or NULL: all frames) for frames of Ethernet. 0, or -1 with filter->error. */
int capture_filter_compile(const char *text, struct capture_filter *filter);

#endif
