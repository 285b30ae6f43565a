/* SPDX-License-Identifier: ISC */
#include "capture_reader.h"

#include <errno.h>
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "capture_link.h"

/* Reads of this size stay in the second-level cache until their frames have been looked at. */
#define READ_SIZE (256U << 10)
/* No frame is longer: libpcap's limit, too. */
#define FRAME_MAX 262144U
#define RECORD    16U
/* Of a frame that libpcap reads, so much is kept for a burst. */
#define KEPT        4096U
#define BUFFER_SIZE (READ_SIZE + RECORD + FRAME_MAX)
_Static_assert(BUFFER_SIZE >= ENGINE_BURST * (CAPTURE_HEADROOM + KEPT) &&
                   CAPTURE_HEADROOM <= RECORD,
               "a burst of kept frames, and what goes before a frame in its record");

#define MAGIC_MICRO UINT32_C(0xa1b2c3d4)
#define MAGIC_NANO  UINT32_C(0xa1b23c4d)
/* The first byte of a pcapng file; classic ones have another, in either order of bytes. */
#define PCAPNG_FIRST 0x0a

struct capture_reader {
    FILE *file;
    const char *name;
    pcap_t *pcap; /* NULL: classic */
    struct capture_totals totals;
    int type;
    int last; /* of pcap_next_ex() */
    bool known, swapped, nanoseconds, ended;
    uint64_t offset; /* in the file, of buffer[at] */
    size_t at, end;
    uint8_t *buffer; /* what was read; or a burst of kept frames */
};

static uint32_t number(const struct capture_reader *reader, const uint8_t *data)
{
    uint32_t value;

    memcpy(&value, data, sizeof(value));
    return reader->swapped ? __builtin_bswap32(value) : value;
}

/* -- classic pcap */

/* Have @wanted bytes at reader->at: false where the file ends before. */
static bool fill(struct capture_reader *reader, size_t wanted)
{
    if (reader->end - reader->at >= wanted)
        return true;
    memmove(reader->buffer, reader->buffer + reader->at, reader->end - reader->at);
    reader->end -= reader->at;
    reader->at = 0;
    while (reader->end < wanted && !reader->ended) {
        const size_t got = fread(reader->buffer + reader->end, 1, READ_SIZE, reader->file);

        reader->end += got;
        reader->totals.size += got;
        reader->ended = got < READ_SIZE;
    }
    return reader->end >= wanted;
}

static bool classic_begin(struct capture_reader *reader, char *error, size_t size)
{
    const uint8_t *head;
    uint32_t magic;

    if (!fill(reader, 24)) {
        snprintf(error, size, "%s: is %s", reader->name,
                 reader->end ? "too short for a capture file" : "empty");
        return false;
    }
    head = reader->buffer + reader->at;
    memcpy(&magic, head, sizeof(magic));
    reader->swapped =
        __builtin_bswap32(magic) == MAGIC_MICRO || __builtin_bswap32(magic) == MAGIC_NANO;
    magic = number(reader, head);
    if (magic != MAGIC_MICRO && magic != MAGIC_NANO) {
        snprintf(error, size,
                 "%s: is no capture file (pcap or pcapng): it begins with %02x %02x "
                 "%02x %02x",
                 reader->name, head[0], head[1], head[2], head[3]);
        return false;
    }
    reader->nanoseconds = magic == MAGIC_NANO;
    /* The upper bits tell of frame check sequences. */
    reader->type = (int)(number(reader, head + 20) & 0x03ffffff);
    reader->at += 24;
    reader->offset = 24;
    return true;
}

static int classic_wrong(const struct capture_reader *reader, char *error, size_t size,
                         const char *what)
{
    snprintf(error, size, "%s: %s at byte %llu, behind %llu frames", reader->name, what,
             (unsigned long long)reader->offset, (unsigned long long)reader->totals.frames);
    return -1;
}

/* Have a whole frame at reader->at: 1; 0: the end; -1 with @error. */
static int classic_fill(struct capture_reader *reader, char *error, size_t size)
{
    uint32_t captured;

    if (!fill(reader, RECORD)) {
        if (ferror(reader->file))
            return classic_wrong(reader, error, size, strerror(errno));
        return reader->end == reader->at
                   ? 0
                   : classic_wrong(reader, error, size, "the file ends within a frame's header");
    }
    captured = number(reader, reader->buffer + reader->at + 8);
    if (captured > FRAME_MAX)
        return classic_wrong(reader, error, size,
                             "what follows is no frame (its length is impossible)");
    if (!fill(reader, RECORD + captured))
        return classic_wrong(reader, error, size, "the file ends within the frame");
    return 1;
}

/* The frames that are whole in the buffer, which is filled only before the first of them: they lie
 * there. */
static unsigned classic_take(struct capture_reader *reader, struct engine_frame *frames)
{
    unsigned count = 0;

    while (count < ENGINE_BURST && reader->end - reader->at >= RECORD) {
        uint8_t *record = reader->buffer + reader->at;
        const uint32_t captured = number(reader, record + 8);

        if (captured > FRAME_MAX || reader->end - reader->at < RECORD + captured)
            break;
        reader->totals.frames++;
        reader->at += RECORD + captured;
        reader->offset += RECORD + captured;
        if (!reader->known) {
            reader->totals.unknown_link++;
            continue;
        }
        frames[count] = (struct engine_frame){
            .time = number(reader, record) * UINT64_C(1000000000) +
                    number(reader, record + 4) * (uint64_t)(reader->nanoseconds ? 1 : 1000),
            .captured = captured,
            .length = number(reader, record + 12),
        };
        capture_link_frame(reader->type, record + RECORD, &frames[count++]);
    }
    return count;
}

static int classic_read(struct capture_reader *reader, struct engine_frame *frames, char *error,
                        size_t size)
{
    unsigned count = 0;

    while (count == 0) {
        const int there = classic_fill(reader, error, size);

        if (there <= 0)
            return there;
        count = classic_take(reader, frames);
    }
    return (int)count;
}

/* -- pcapng */

static bool pcapng_open(struct capture_reader *reader, char *error, size_t size)
{
    char why[PCAP_ERRBUF_SIZE];

    reader->pcap =
        pcap_fopen_offline_with_tstamp_precision(reader->file, PCAP_TSTAMP_PRECISION_NANO, why);
    if (!reader->pcap) {
        snprintf(error, size, "%s: %s", reader->name, why);
        return false;
    }
    reader->type = pcap_datalink(reader->pcap);
    return true;
}

static int pcapng_read(struct capture_reader *reader, struct engine_frame *frames, char *error,
                       size_t size)
{
    unsigned count = 0;

    while (count < ENGINE_BURST && reader->last == 1) {
        uint8_t *kept = reader->buffer + count * (CAPTURE_HEADROOM + KEPT) + CAPTURE_HEADROOM;
        struct pcap_pkthdr *header;
        const uint8_t *data;

        reader->last = pcap_next_ex(reader->pcap, &header, &data);
        if (reader->last != 1)
            break;
        reader->totals.frames++;
        reader->totals.size += header->caplen;
        if (!reader->known) {
            reader->totals.unknown_link++;
            continue;
        }
        frames[count] = (struct engine_frame){
            .time =
                (uint64_t)header->ts.tv_sec * UINT64_C(1000000000) + (uint64_t)header->ts.tv_usec,
            .captured = header->caplen < KEPT ? header->caplen : KEPT,
            .length = header->len,
        };
        memcpy(kept, data, frames[count].captured);
        capture_link_frame(reader->type, kept, &frames[count++]);
    }
    if (count != 0 || reader->last == PCAP_ERROR_BREAK)
        return (int)count;
    snprintf(error, size, "%s: %s, behind %llu frames", reader->name, pcap_geterr(reader->pcap),
             (unsigned long long)reader->totals.frames);
    return -1;
}

/* -- both */

struct capture_reader *capture_open(const char *path, char *error, size_t size)
{
    struct capture_reader *reader = calloc(1, sizeof(*reader));
    const bool standard = strcmp(path, "-") == 0;
    bool good;
    int first;

    if (reader)
        reader->buffer = malloc(BUFFER_SIZE);
    if (!reader || !reader->buffer) {
        snprintf(error, size, "%s: no memory", path);
        free(reader);
        return NULL;
    }
    reader->name = standard ? "standard input" : path;
    reader->last = 1;
    reader->file = standard ? stdin : fopen(path, "rb");
    first = reader->file ? getc(reader->file) : EOF;
    if (!reader->file || (first == EOF && ferror(reader->file))) {
        snprintf(error, size, "%s: %s", reader->name, strerror(errno));
        capture_close(reader);
        return NULL;
    }
    if (first != EOF)
        ungetc(first, reader->file);
    good = first == PCAPNG_FIRST ? pcapng_open(reader, error, size)
                                 : classic_begin(reader, error, size);
    if (!good) {
        capture_close(reader);
        return NULL;
    }
    reader->known = capture_link_known(reader->type);
    reader->totals.unknown_type = reader->known ? 0 : reader->type;
    return reader;
}

int capture_read(struct capture_reader *reader, struct engine_frame *frames, char *error,
                 size_t size)
{
    return reader->pcap ? pcapng_read(reader, frames, error, size)
                        : classic_read(reader, frames, error, size);
}

const struct capture_totals *capture_totals(const struct capture_reader *reader)
{
    return &reader->totals;
}

void capture_close(struct capture_reader *reader)
{
    if (!reader)
        return;
    if (reader->pcap)
        pcap_close(reader->pcap);
    else if (reader->file && reader->file != stdin)
        fclose(reader->file);
    free(reader->buffer);
    free(reader);
}
