/* SPDX-License-Identifier: ISC */
#include "common/journal.h"

#include <errno.h>
#include <string.h>

#define MAGIC UINT64_C(0x6c616e72756f6a61) /* "ajournal" */

/* Of a half's head. */
#define HEAD_VERSION    8U
#define HEAD_HALF_SIZE  12U
#define HEAD_SALT       16U
#define HEAD_GENERATION 24U
#define HEAD_CHECKSUM   32U
#define HEAD_SIZE       40U

/* Of a frame. */
#define FRAME_NUMBER   4U
#define FRAME_CHECKSUM 8U

/* Behind the last frame: a length of 0. */
#define END_MARK 8U

#define CACHE_LINE 64U

static uint32_t get32(const uint8_t *at)
{
    uint32_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t value;

    memcpy(&value, at, sizeof(value));
    return value;
}

static uint32_t padded(size_t length)
{
    return (uint32_t)((length + 7) & ~(size_t)7);
}

static uint64_t head_checksum(const uint8_t *half, uint64_t generation)
{
    const struct hash_key key = {MAGIC, generation};

    return hash_bytes(&key, half, HEAD_GENERATION);
}

static uint64_t mix(uint64_t sum, uint64_t word)
{
    sum = (sum ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return sum << 32 | sum >> 32;
}

/*
 * Of @length bytes, a multiple of 8. It tells stores that went astray, not forgeries: who could
 * forge a frame could change the service itself. Each step is reversible, so that no change of a
 * single word is lost; a product spreads it upwards, and what is above goes down for the next.
 * Words by turns go into two sums, on which a processor works at once.
 */
static uint64_t frame_checksum(const struct hash_key *key, const uint8_t *records, uint32_t length,
                               uint64_t number)
{
    uint64_t even = key->k0 ^ number, odd = key->k1 ^ length;
    const uint8_t *end = records + length;

    for (; end - records >= 16; records += 16) {
        even = mix(even, get64(records));
        odd = mix(odd, get64(records + 8));
    }
    if (records < end)
        even = mix(even, get64(records));
    return mix(even, 0) + odd;
}

/* --- writing ------------------------------------------------------------------------------------
 */

static uint8_t *half_of(const struct journal *journal)
{
    return journal->base + (size_t)journal->half * journal->half_size;
}

/* Make the @length bytes at @at writable, and all between them and what is writable already. */
static void open_pages(struct journal *journal, uint8_t *at, size_t length)
{
    uint8_t *from = at - (uintptr_t)at % HV_PAGE_SIZE, *to = at + length;

    to += -(uintptr_t)to % HV_PAGE_SIZE;
    if (journal->open_from && from >= journal->open_from && to <= journal->open_to)
        return;
    if (journal->open_from && from > journal->open_from)
        from = journal->open_to;
    hv_guarded_open(journal->hv, from, (unsigned)((size_t)(to - from) / HV_PAGE_SIZE));
    if (!journal->open_from || from < journal->open_from)
        journal->open_from = from;
    journal->open_to = to;
}

static void close_pages(struct journal *journal)
{
    if (!journal->open_from)
        return;
    hv_guarded_close(journal->hv, journal->open_from,
                     (unsigned)((size_t)(journal->open_to - journal->open_from) / HV_PAGE_SIZE));
    journal->open_from = journal->open_to = NULL;
}

static void put(struct journal *journal, uint8_t *at, const void *data, size_t length)
{
    hv_shared_copy_out(journal->hv, at, data, length);
}

static void put32(struct journal *journal, uint8_t *at, uint32_t value)
{
    hv_shared_write32(journal->hv, (uint32_t *)(void *)at, value);
}

static void put64(struct journal *journal, uint8_t *at, uint64_t value)
{
    put(journal, at, &value, sizeof(value));
}

void journal_create(struct journal *journal, struct hv *hv, void *pages, unsigned count,
                    uint64_t *buffer, uint32_t size)
{
    HV_ASSERT(count >= JOURNAL_PAGES_MIN && count <= JOURNAL_PAGES_MAX);
    HV_ASSERT(size >= 64 && size % 8 == 0);
    *journal = (struct journal){
        .hv = hv,
        .base = pages,
        .half_size = count / 2 * HV_PAGE_SIZE,
        .half = 1,
        .end = count / 2 * HV_PAGE_SIZE, /* no room before the first checkpoint */
        .number = 1,
        .buffer = buffer,
        .capacity = size - JOURNAL_FRAME_SIZE - END_MARK,
    };
}

uint32_t journal_room(const struct journal *journal)
{
    uint32_t at = journal->at ? journal->at + journal->used : journal->end + JOURNAL_FRAME_SIZE;

    return journal->half_size < at + END_MARK ? 0 : journal->half_size - END_MARK - at;
}

bool journal_fits(const struct journal *journal, uint32_t length)
{
    return JOURNAL_RECORD_SIZE + padded(length) <= journal->capacity - journal->used;
}

static uint8_t *records_of(const struct journal *journal)
{
    return (uint8_t *)journal->buffer + JOURNAL_FRAME_SIZE;
}

/* What the buffer has goes into the pages, before the frame is whole. */
static void spill(struct journal *journal)
{
    uint8_t *at = half_of(journal) + journal->at;

    if (!journal->full) {
        open_pages(journal, at, journal->used);
        put(journal, at, records_of(journal), journal->used);
        journal->at += journal->used;
    }
    journal->used = 0;
}

void *journal_record(struct journal *journal, uint16_t type, uint32_t length)
{
    uint32_t size = JOURNAL_RECORD_SIZE + padded(length);
    const uint64_t zero = 0, head = (uint64_t)length << 32 | type;
    uint8_t *at;

    HV_ASSERT(length <= journal->capacity - JOURNAL_RECORD_SIZE);
    if (!journal->at) {
        journal->at = journal->end + JOURNAL_FRAME_SIZE;
        journal->full = false;
    }
    if (size > journal->capacity - journal->used)
        spill(journal);
    if (journal->at + journal->used + size + END_MARK > journal->half_size)
        journal->full = true;
    at = records_of(journal) + journal->used;
    memcpy(at + size - sizeof(zero), &zero, sizeof(zero)); /* what may be behind the bytes */
    memcpy(at, &head, sizeof(head));
    journal->used += size;
    return at + JOURNAL_RECORD_SIZE;
}

void journal_add(struct journal *journal, uint16_t type, const struct journal_part *parts,
                 unsigned count)
{
    size_t length = 0;
    uint8_t *at;

    for (unsigned i = 0; i < count; i++)
        length += parts[i].length;
    HV_ASSERT(length <= journal->capacity);
    at = journal_record(journal, type, (uint32_t)length);
    for (unsigned i = 0; i < count; i++) {
        if (parts[i].length)
            memcpy(at, parts[i].data, parts[i].length);
        at += parts[i].length;
    }
}

/* The frame that the buffer has as a whole: all but its length, and then that. */
static void store_frame(struct journal *journal, uint8_t *frame)
{
    uint32_t length = journal->used;
    uint8_t *from = (uint8_t *)journal->buffer;
    uint8_t *page = frame - (uintptr_t)frame % HV_PAGE_SIZE;
    size_t end = (size_t)(frame - page) + JOURNAL_FRAME_SIZE + length + END_MARK;
    unsigned pages = (unsigned)((end + HV_PAGE_SIZE - 1) / HV_PAGE_SIZE);

    journal->buffer[0] = journal->number << 32; /* the half of it that is stored: FRAME_NUMBER */
    journal->buffer[FRAME_CHECKSUM / 8] =
        frame_checksum(&journal->key, records_of(journal), length, journal->number);
    journal->buffer[(JOURNAL_FRAME_SIZE + length) / 8] = 0;
    hv_guarded_open(journal->hv, page, pages);
    put(journal, frame + FRAME_NUMBER, from + FRAME_NUMBER,
        JOURNAL_FRAME_SIZE - FRAME_NUMBER + (size_t)length + END_MARK);
    put32(journal, frame, length);
    hv_guarded_close(journal->hv, page, pages);
}

/*
 * The journal goes round in more memory than the nearest cache has. What the next frame is written
 * to is fetched while its request is worked on, so that nobody waits for it.
 */
static void fetch_ahead(const struct journal *journal)
{
    const uint8_t *next = half_of(journal) + journal->end;

    __builtin_prefetch(next + CACHE_LINE, 1);
    __builtin_prefetch(next + (size_t)2 * CACHE_LINE, 1);
}

void *journal_frame(struct journal *journal, uint16_t type, uint32_t length)
{
    const uint64_t zero = 0, head = (uint64_t)length << 32 | type;
    uint32_t size = JOURNAL_FRAME_SIZE + JOURNAL_RECORD_SIZE + padded(length);
    uint8_t *frame = half_of(journal) + journal->end, *end = frame + size;

    if (journal->at || (uint64_t)journal->end + size + END_MARK > journal->half_size)
        return NULL;
    journal->frame = frame;
    journal->used = size;
    journal->open_from = frame - (uintptr_t)frame % HV_PAGE_SIZE;
    journal->open_to = end + END_MARK + -(uintptr_t)(end + END_MARK) % HV_PAGE_SIZE;
    hv_guarded_open(journal->hv, journal->open_from,
                    (unsigned)((size_t)(journal->open_to - journal->open_from) / HV_PAGE_SIZE));
    memcpy(end - sizeof(zero), &zero, sizeof(zero)); /* what may be behind the bytes */
    memcpy(end, &zero, sizeof(zero));                /* the end mark */
    memcpy(frame + JOURNAL_FRAME_SIZE, &head, sizeof(head));
    return frame + JOURNAL_FRAME_SIZE + JOURNAL_RECORD_SIZE;
}

void journal_frame_commit(struct journal *journal)
{
    uint8_t *frame = journal->frame;
    uint32_t length = journal->used - JOURNAL_FRAME_SIZE, number = (uint32_t)journal->number;
    uint64_t sum =
        frame_checksum(&journal->key, frame + JOURNAL_FRAME_SIZE, length, journal->number);

    memcpy(frame + FRAME_NUMBER, &number, sizeof(number));
    memcpy(frame + FRAME_CHECKSUM, &sum, sizeof(sum));
    put32(journal, frame, length);
    close_pages(journal);
    journal->end += JOURNAL_FRAME_SIZE + length;
    journal->number++;
    journal->used = 0;
    fetch_ahead(journal);
}

/* A frame of which pieces are in the pages. */
static void finish_frame(struct journal *journal, uint8_t *frame)
{
    uint8_t *records = frame + JOURNAL_FRAME_SIZE;
    uint32_t length;

    spill(journal);
    length = journal->at - journal->end - JOURNAL_FRAME_SIZE;
    open_pages(journal, frame, JOURNAL_FRAME_SIZE + (size_t)length + END_MARK);
    put64(journal, records + length, 0);
    put32(journal, frame + FRAME_NUMBER, (uint32_t)journal->number);
    put64(journal, frame + FRAME_CHECKSUM,
          frame_checksum(&journal->key, records, length, journal->number));
    put32(journal, frame, length);
    close_pages(journal);
}

int journal_commit(struct journal *journal)
{
    uint8_t *frame = half_of(journal) + journal->end;

    if (!journal->at)
        return 0;
    if (journal->full) {
        journal_abort(journal);
        return -ENOSPC;
    }
    if (journal->at == journal->end + JOURNAL_FRAME_SIZE)
        store_frame(journal, frame);
    else
        finish_frame(journal, frame);
    journal->end = journal->at + journal->used;
    journal->number++;
    journal->at = journal->used = 0;
    return 0;
}

void journal_abort(struct journal *journal)
{
    close_pages(journal); /* pieces may have been stored */
    journal->at = journal->used = 0;
}

void journal_checkpoint_begin(struct journal *journal)
{
    uint8_t *half;
    uint64_t salt;

    HV_ASSERT(!journal->at && !journal->checkpoint);
    journal->checkpoint = true;
    journal->old_number = journal->number;
    journal->old_key = journal->key;
    journal->old_end = journal->end;
    journal->half ^= 1;
    half = half_of(journal);
    open_pages(journal, half, HEAD_SIZE + END_MARK);
    put64(journal, half + HEAD_GENERATION, 0);
    hv_random(journal->hv, &salt, sizeof(salt));
    put64(journal, half, MAGIC);
    put64(journal, half + HEAD_VERSION, (uint64_t)journal->half_size << 32 | JOURNAL_VERSION);
    put64(journal, half + HEAD_SALT, salt);
    put64(journal, half + HEAD_SIZE, 0);
    close_pages(journal);
    journal->key = (struct hash_key){salt, journal->generation + 1};
    journal->end = HEAD_SIZE;
    journal->number = 1;
}

void journal_checkpoint_end(struct journal *journal)
{
    uint8_t *half = half_of(journal);

    HV_ASSERT(!journal->at && journal->checkpoint);
    journal->checkpoint = false;
    journal->generation++;
    open_pages(journal, half, HEAD_SIZE);
    put64(journal, half + HEAD_CHECKSUM, head_checksum(half, journal->generation));
    put64(journal, half + HEAD_GENERATION, journal->generation);
    close_pages(journal);
}

void journal_checkpoint_abort(struct journal *journal)
{
    HV_ASSERT(journal->checkpoint);
    journal_abort(journal);
    journal->checkpoint = false;
    journal->half ^= 1;
    journal->number = journal->old_number;
    journal->key = journal->old_key;
    journal->end = journal->old_end;
}

/* --- reading ------------------------------------------------------------------------------------
 */

static int damaged(struct journal_reader *reader, const char *problem)
{
    reader->problem = problem;
    reader->half_size = 0; /* nothing more comes */
    return -EINVAL;
}

/* The generation of a half that is in force, else 0. */
static uint64_t in_force(const uint8_t *half, uint32_t half_size)
{
    uint64_t generation = get64(half + HEAD_GENERATION);

    if (!generation || get64(half) != MAGIC || get32(half + HEAD_HALF_SIZE) != half_size ||
        get64(half + HEAD_CHECKSUM) != head_checksum(half, generation))
        return 0;
    return generation;
}

int journal_read(struct journal_reader *reader, const void *pages, size_t size)
{
    size_t count = size / HV_PAGE_SIZE;
    uint32_t half_size = (uint32_t)(count / 2 * HV_PAGE_SIZE);
    const uint8_t *base = pages;
    uint64_t first, second;

    *reader = (struct journal_reader){.number = 1};
    if (size % HV_PAGE_SIZE || count < JOURNAL_PAGES_MIN || count > JOURNAL_PAGES_MAX)
        return damaged(reader, "a journal is not of such a length");
    first = in_force(base, half_size);
    second = in_force(base + half_size, half_size);
    if (get32(base + HEAD_HALF_SIZE) >= size && in_force(base, get32(base + HEAD_HALF_SIZE))) {
        half_size = (uint32_t)size; /* what journal_cut() has left of a half */
        first = get64(base + HEAD_GENERATION);
        second = 0;
    }
    if (!first && !second) {
        reader->problem = "there is no checkpoint in it";
        return -ENOENT;
    }
    reader->half = second > first ? base + half_size : base;
    reader->generation = second > first ? second : first;
    if (get32(reader->half + HEAD_VERSION) != JOURNAL_VERSION)
        return damaged(reader, "it is of another version");
    reader->half_size = half_size;
    reader->key = (struct hash_key){get64(reader->half + HEAD_SALT), reader->generation};
    reader->at = reader->frame_end = HEAD_SIZE;
    return 0;
}

size_t journal_cut(const void *pages, size_t size, size_t *from)
{
    struct journal_reader reader;
    uint32_t at = HEAD_SIZE, length;

    if (journal_read(&reader, pages, size))
        return 0;
    while ((length = get32(reader.half + at)) && length % 8 == 0 &&
           (uint64_t)at + JOURNAL_FRAME_SIZE + length + END_MARK <= reader.half_size)
        at += JOURNAL_FRAME_SIZE + length;
    at = (at + END_MARK + HV_PAGE_SIZE - 1) & ~(uint32_t)(HV_PAGE_SIZE - 1);
    if (at < JOURNAL_PAGES_MIN * HV_PAGE_SIZE)
        at = JOURNAL_PAGES_MIN * HV_PAGE_SIZE;
    if (at > reader.half_size)
        return 0;
    *from = (size_t)(reader.half - (const uint8_t *)pages);
    return at;
}

/* Do the records fill the frame? */
static bool records_fit(const uint8_t *records, uint32_t length)
{
    uint32_t at = 0;

    while (at < length) {
        uint32_t left = length - at, size;

        if (left < JOURNAL_RECORD_SIZE)
            return false;
        size = get32(records + at + 4);
        if (get32(records + at) > UINT16_MAX || size > left - JOURNAL_RECORD_SIZE)
            return false;
        at += JOURNAL_RECORD_SIZE + padded(size);
    }
    return at == length;
}

/* Enter the next frame. 1: there is one. */
static int next_frame(struct journal_reader *reader)
{
    const uint8_t *frame = reader->half + reader->at;
    uint32_t left = reader->half_size - reader->at, length;

    length = get32(frame);
    if (!length)
        return 0;
    if (length % 8 || left < JOURNAL_FRAME_SIZE + END_MARK ||
        length > left - JOURNAL_FRAME_SIZE - END_MARK)
        return damaged(reader, "a frame is longer than what it is in");
    if (get32(frame + FRAME_NUMBER) != (uint32_t)reader->number)
        return damaged(reader, "a frame is not the one that has to follow");
    if (get64(frame + FRAME_CHECKSUM) !=
        frame_checksum(&reader->key, frame + JOURNAL_FRAME_SIZE, length, reader->number))
        return damaged(reader, "a frame has been changed");
    if (!records_fit(frame + JOURNAL_FRAME_SIZE, length))
        return damaged(reader, "the records of a frame do not fill it");
    reader->number++;
    reader->at += JOURNAL_FRAME_SIZE;
    reader->frame_end = reader->at + length;
    return 1;
}

int journal_next(struct journal_reader *reader, struct journal_record *record)
{
    const uint8_t *at;

    if (!reader->half_size)
        return reader->problem ? -EINVAL : 0;
    if (reader->at == reader->frame_end) {
        int more = next_frame(reader);

        if (more <= 0)
            return more;
    }
    at = reader->half + reader->at;
    record->type = (uint16_t)get32(at);
    record->length = get32(at + 4);
    record->data = at + JOURNAL_RECORD_SIZE;
    reader->at += JOURNAL_RECORD_SIZE + padded(record->length);
    return 1;
}
