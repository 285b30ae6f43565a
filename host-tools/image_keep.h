/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/image_keep.h
 * A copy of the image that a service runs, for the way back when an upgrade fails: the package that
 * brought it may have been upgraded since.
 */
#ifndef ATOLL_IMAGE_KEEP_H
#define ATOLL_IMAGE_KEEP_H

#include "image.h"
#include "record.h"

/**
 * Keep @image in RECORD_DIR/SERVICE.elf, whole or not at all, and name it in @record; where that
 * fails the record names none, and a note says so.
 */
void image_keep(struct report *r, struct record *record, const struct image *image);

/** Remove it; that there is none is no error. */
void image_forget(const char *service);

#endif
