/* SPDX-License-Identifier: ISC */
/**
 * @file journal.h
 * A journal in fixed pages: what a service has promised, for a successor that finds nothing of it
 * but these pages.
 *
 * The pages are two halves. One is in force: a head, and behind it frames, appended one after the
 * other. A frame is what is promised at once, a sequence of records; it counts as a whole or not at
 * all. When the half is full, or before, the owner writes its whole state into the other half (a
 * checkpoint), which is in force from the one store that ends it. The first half keeps until then.
 *
 * A frame's number, checksum and records, and an end mark behind it, are stored in any order, and
 * last its length, in one store. So whoever reads what a
 * service left that ended between any two stores finds each frame that was committed and nothing of
 * the one that was not; and where a checksum is wrong, something wrote that was not the journal.
 *
 * The pages are written through hv_guarded_open() and are read-only otherwise (hv/memory.h).
 *
 * All numbers are little endian, all starts are multiples of 8.
 *
 *     half    u64 magic, u32 version, u32 size of the half, u64 salt, u64 generation, u64 checksum
 *             of these, the generation last: 0 while the half is not in force
 *     frame   u32 length of its records, u32 number (its lower half), u64 checksum of the length,
 * the whole number and the records record  u16 type, u16 0, u32 length of its bytes, the bytes,
 * zeroes up to a multiple of 8
 */
#ifndef COMMON_JOURNAL_H
#define COMMON_JOURNAL_H

#include <hv/memory.h>

#include "common/hash.h"

#define JOURNAL_VERSION 2U

/** The fewest pages of a journal, and the most. */
#define JOURNAL_PAGES_MIN 2U
#define JOURNAL_PAGES_MAX 65536U

/** What a frame and a record take beside the bytes in them. */
#define JOURNAL_FRAME_SIZE  16U
#define JOURNAL_RECORD_SIZE 8U

/** A journal that is written. Its fields are the journal's own. */
struct journal {
    struct hv *hv;
    uint8_t *base;
    uint32_t half_size;
    unsigned half; /* that frames go to: in force, but for a checkpoint under way */
    uint64_t generation;
    uint64_t number;     /* of the next frame */
    struct hash_key key; /* of the half's checksums */
    uint32_t end;        /* of the last frame, in the half */
    uint32_t at;       /* in the half, of the first record in buffer[]; 0: no frame is under way */
    uint32_t used;     /* bytes of records in buffer[] */
    uint32_t capacity; /* for them */
    uint64_t *buffer;  /* a frame: its head, records, an end mark */
    bool checkpoint;   /* one is under way */
    bool full;         /* a record of the frame under way had no room */
    uint64_t old_number; /* what the checkpoint goes back to if it is given up */
    struct hash_key old_key;
    uint32_t old_end;
    uint8_t *frame;               /* of journal_frame() */
    uint8_t *open_from, *open_to; /* pages that are writable */
};

/**
 * Make an empty journal of @count guarded pages (of hv_reserved()). A checkpoint has to be made
 * before it is of use: until then a reader finds nothing. Frames are put together in the @size
 * bytes at @buffer, a multiple of 8 and at least 64, which are the journal's own from now on; a
 * longer one goes into the pages in pieces, which costs more.
 */
void journal_create(struct journal *journal, struct hv *hv, void *pages, unsigned count,
                    uint64_t *buffer, uint32_t size);

/** The longest record of such a buffer. */
#define JOURNAL_RECORD_MAX(size) ((size)-JOURNAL_FRAME_SIZE - 2 * JOURNAL_RECORD_SIZE)

/**
 * Add a record of @length bytes, no more than JOURNAL_RECORD_MAX(), to the frame under way; the
 * first one begins it. Returns where the bytes go, at a multiple of 8, before anything else is
 * called. Where there is no room in the half, this is remembered and told by journal_commit().
 */
void *journal_record(struct journal *journal, uint16_t type, uint32_t length);

/** A part of a record's bytes. */
struct journal_part {
    const void *data;
    size_t length;
};

/** The same, with the bytes taken from @count parts. */
void journal_add(struct journal *journal, uint16_t type, const struct journal_part *parts,
                 unsigned count);

/** Has the buffer room for such a record, too? Without it the frame goes on in pieces. */
bool journal_fits(const struct journal *journal, uint32_t length);

/** Is a frame under way? */
static inline bool journal_pending(const struct journal *journal)
{
    return journal->at;
}

/**
 * The frame is promised when this returns 0. -ENOSPC: the half is full, and nothing of the frame is
 * in it: a checkpoint is due, and the frame to be begun anew behind it, where it is not in the
 * checkpoint already. A frame without records is none.
 */
HV_MUST_CHECK int journal_commit(struct journal *journal);

/**
 * Begin a frame of one record of @length bytes in the pages themselves, which are writable until
 * journal_frame_commit(), and for nothing else meanwhile: the cheapest way for what is ready.
 * Returns where the bytes go, and stay until the next checkpoint but one. NULL: a frame is under
 * way, or there is no room.
 */
void *journal_frame(struct journal *journal, uint16_t type, uint32_t length);

/** The frame that journal_frame() began is promised. */
void journal_frame_commit(struct journal *journal);

/** Forget the frame under way, if there is one. */
void journal_abort(struct journal *journal);

/** Bytes of records that a frame could still have. */
uint32_t journal_room(const struct journal *journal);

/**
 * Begin a checkpoint: frames go to the other half, and count for nothing until
 * journal_checkpoint_end(). What was committed before stays in force meanwhile; so nothing may be
 * promised to anybody in between.
 */
void journal_checkpoint_begin(struct journal *journal);

/** The frames since journal_checkpoint_begin() are what is in force. */
void journal_checkpoint_end(struct journal *journal);

/** Go on with the half that was in force before journal_checkpoint_begin(): it did not fit. */
void journal_checkpoint_abort(struct journal *journal);

/** A journal that is read: bytes of a stranger, which do not change meanwhile. */
struct journal_reader {
    const uint8_t *half;
    uint32_t half_size;
    struct hash_key key;
    uint64_t number, generation;
    uint32_t frame_end; /* of the frame under way; its records have been checked */
    uint32_t at;
    const char *problem; /* what is wrong with it, for people; NULL: nothing */
};

/** A record that is read. */
struct journal_record {
    uint16_t type;
    uint32_t length;
    const uint8_t *data; /* in the journal, at a multiple of 8 */
};

/**
 * What is worth keeping of the journal of @size bytes at @pages: the bytes from @from on, whole
 * pages, of which the number is returned. They are the half in force, cut behind its last frame,
 * and journal_read() takes them as a journal. 0: there is nothing in force, or nothing to cut off.
 * Nothing but lengths is checked.
 */
size_t journal_cut(const void *pages, size_t size, size_t *from);

/**
 * Begin to read the @size bytes at @pages, which is aligned to 8, or what journal_cut() left.
 * -ENOENT: there is no half in force, the service ended before its first checkpoint. -EINVAL: it is
 * no journal, see journal_reader.problem.
 */
HV_MUST_CHECK int journal_read(struct journal_reader *reader, const void *pages, size_t size);

/**
 * The next record, of frames that are whole, in order. 1: there is one; 0: that was all; -EINVAL:
 * what follows was damaged, see journal_reader.problem; no crash of the writer leaves that.
 */
HV_MUST_CHECK int journal_next(struct journal_reader *reader, struct journal_record *record);

#endif
