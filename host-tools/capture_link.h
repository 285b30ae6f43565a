/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/capture_link.h
 * Link types of capture files, as far as they lead to Ethernet or IP.
 *
 * Source: https://www.tcpdump.org/linktypes.html
 */
#ifndef ATOLL_CAPTURE_LINK_H
#define ATOLL_CAPTURE_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "services/monitor/engine.h"

/** Bytes before a frame that capture_link_frame() may overwrite. */
#define CAPTURE_HEADROOM 16U

/** Are frames of @type (LINKTYPE_*, or libpcap's DLT_*) understood? */
bool capture_link_known(int type);

/**
 * Make an Ethernet frame of frame->data (writable, with CAPTURE_HEADROOM bytes before it), captured
 * and length of a known @type, in place. One that is shorter than its link header is left with no
 * bytes captured.
 */
void capture_link_frame(int type, uint8_t *data, struct engine_frame *frame);

#endif
