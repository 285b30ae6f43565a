/* SPDX-License-Identifier: ISC */
/**
 * @file path.h
 * Paths as clients send them: checked, and made absolute.
 */
#ifndef XENSTORED_PATH_H
#define XENSTORED_PATH_H

#include <hv/hv.h>

#include "wire.h"

#define PATH_SIZE (XS_ABS_PATH_MAX + 1) /**< of a buffer for any valid path with its NUL */

/**
 * Check @text (docs/misc/xenstore.txt, "Paths"), and write it as an absolute path into @path
 * (PATH_SIZE bytes); a relative one is one of @domid's. Names of special watches ("@...") are
 * allowed with @special. False: not a path.
 */
bool path_canonical(const char *text, domid_t domid, bool special, char *path);

/**
 * The bytes of @path that the quota path-max counts: all but "/local/domain/N/". So what is bounded
 * is what would be stored (XSA-323), and a path does not become too long by a longer domid.
 */
size_t path_measure(const char *path);

/** Bytes of "/local/domain/N/" for @domid: what a relative path was extended by. */
size_t path_home_length(domid_t domid);

#endif
