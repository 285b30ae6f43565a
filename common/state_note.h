/* SPDX-License-Identifier: ISC */
/**
 * @file state_note.h
 * What an image says of the state that it leaves in its journal and starts from: an ELF note, which
 * the toolstack reads before it ends the service that runs.
 *
 * Owner "Atoll", type STATE_NOTE_TYPE, three u32: the version that the image writes, and the oldest
 * and the newest that it reads. An image without the note has no state that outlives it.
 */
#ifndef COMMON_STATE_NOTE_H
#define COMMON_STATE_NOTE_H

#include <stdint.h>

#define STATE_NOTE_OWNER "Atoll"
#define STATE_NOTE_TYPE  1U

struct state_note {
    uint32_t name_size, desc_size, type;
    char name[8];
    uint32_t writes, reads_from, reads_to;
};

/** In the main file of a service, once: versions from 1 on. */
#define STATE_NOTE(writes_, reads_from_, reads_to_)                                                \
    static const struct state_note state_note                                                      \
        __attribute__((section(".note.Atoll"), used, aligned(4))) = {                              \
            .name_size = sizeof(STATE_NOTE_OWNER),                                                 \
            .desc_size = 3 * sizeof(uint32_t),                                                     \
            .type = STATE_NOTE_TYPE,                                                               \
            .name = STATE_NOTE_OWNER,                                                              \
            .writes = (writes_),                                                                   \
            .reads_from = (reads_from_),                                                           \
            .reads_to = (reads_to_),                                                               \
    }

#endif
