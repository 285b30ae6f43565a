/* SPDX-License-Identifier: ISC */
/**
 * @file hv/console.h
 * The domain's console: output that never blocks.
 */
#ifndef HV_CONSOLE_H
#define HV_CONSOLE_H

#include <hv/hv.h>

/**
 * Write @length bytes, '\n' sent as "\r\n". What does not fit into the console ring is dropped and
 * counted: a console that nobody drains never stops a service.
 */
void hv_console_write(struct hv *hv, const char *text, size_t length);

/** Bytes dropped since start. */
uint64_t hv_console_dropped(const struct hv *hv);

#endif
