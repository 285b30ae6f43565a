/* SPDX-License-Identifier: ISC */
/** @file host-tools/sha256.h SHA-256 (FIPS 180-4), to tell two states of rules apart. */
#ifndef ATOLL_SHA256_H
#define ATOLL_SHA256_H

#include <stddef.h>
#include <stdint.h>

/** Of @length bytes at @data. */
void sha256(const void *data, size_t length, uint8_t digest[32]);

/** The same as 64 hexadecimal digits and a NUL. */
void sha256_text(const void *data, size_t length, char text[65]);

#endif
