/* SPDX-License-Identifier: ISC */
/*
 * All frames of the captures are in memory, sorted by their time in the minute that all captures
 * are put into: one that is longer than that is squeezed. A copy has other addresses and comes a
 * minute later; whatever was wrong with a frame (there are tests of decoders among the captures) is
 * as wrong in its copies.
 */
#include <fts.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "captures.h"

#define MINUTE     UINT64_C(60000000)
#define COPIES_MAX 255U /* what an octet of an address can be changed to */

struct frame {
    uint64_t time; /* microseconds in the minute */
    uint64_t at;   /* in the heap of bytes */
    uint32_t captured, length;
    uint32_t number; /* of those of one time, the order in which they were read */
};

struct collection {
    struct frame *frames;
    uint8_t *bytes;
    uint64_t count, room, used, bytes_room;
    unsigned files, others, unreadable; /* captures taken; of no Ethernet; of no capture */
};

static void keep(struct collection *all, const struct pcap_pkthdr *header, const u_char *data)
{
    struct frame *frame;

    if (all->count == all->room) {
        all->room = all->room ? all->room * 2 : 1 << 16;
        all->frames = must_allocate(all->frames, all->room * sizeof(*all->frames));
    }
    if (all->used + header->caplen > all->bytes_room) {
        all->bytes_room = all->bytes_room ? all->bytes_room * 2 : UINT64_C(1) << 24;
        all->bytes = must_allocate(all->bytes, all->bytes_room);
    }
    frame = &all->frames[all->count];
    *frame = (struct frame){
        .time = (uint64_t)header->ts.tv_sec * 1000000 + (uint64_t)header->ts.tv_usec,
        .at = all->used,
        .captured = header->caplen,
        /* Lengths of fuzzed captures may be anything. */
        .length =
            header->len < header->caplen || header->len > 262144 ? header->caplen : header->len,
        .number = (uint32_t)all->count,
    };
    memcpy(all->bytes + all->used, data, header->caplen);
    all->used += header->caplen;
    all->count++;
}

/* The frames from @first on are those of one file: into the minute with them. */
static void rebase(struct collection *all, uint64_t first)
{
    uint64_t begin = UINT64_MAX, end = 0, span;

    for (uint64_t i = first; i < all->count; i++) {
        if (all->frames[i].time < begin)
            begin = all->frames[i].time;
        if (all->frames[i].time > end)
            end = all->frames[i].time;
    }
    span = end - begin;
    for (uint64_t i = first; i < all->count; i++) {
        struct frame *frame = &all->frames[i];

        frame->time -= begin;
        if (span >= MINUTE)
            frame->time = (uint64_t)((double)frame->time / (double)span * (double)(MINUTE - 1));
    }
}

static void read_file(struct collection *all, const char *path)
{
    char why[PCAP_ERRBUF_SIZE];
    pcap_t *pcap = pcap_open_offline_with_tstamp_precision(path, PCAP_TSTAMP_PRECISION_MICRO, why);
    const uint64_t first = all->count;
    struct pcap_pkthdr *header;
    const u_char *data;

    if (!pcap) {
        all->unreadable++;
        return;
    }
    if (pcap_datalink(pcap) == DLT_EN10MB) {
        while (pcap_next_ex(pcap, &header, &data) == 1)
            keep(all, header, data); /* what follows a broken record is left out */
        if (all->count > first)
            rebase(all, first);
        all->files++;
    } else {
        all->others++;
    }
    pcap_close(pcap);
}

static int by_name(const FTSENT **one, const FTSENT **other)
{
    return strcmp((*one)->fts_name, (*other)->fts_name);
}

static int by_time(const void *one, const void *other)
{
    const struct frame *a = one, *b = other;

    if (a->time != b->time)
        return a->time < b->time ? -1 : 1;
    return a->number < b->number ? -1 : 1;
}

static void read_all(struct collection *all, char **paths, int count)
{
    char **list = must_allocate(NULL, ((size_t)count + 1) * sizeof(*list));
    FTSENT *entry;
    FTS *fts;

    memcpy(list, paths, (size_t)count * sizeof(*list));
    list[count] = NULL;
    fts = fts_open(list, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    if (!fts)
        fail("the captures cannot be read: %m");
    while ((entry = fts_read(fts))) {
        const bool hidden = entry->fts_level > 0 && entry->fts_name[0] == '.';

        if (entry->fts_info == FTS_NS || entry->fts_info == FTS_ERR || entry->fts_info == FTS_DNR)
            fail("%s: %s", entry->fts_path, strerror(entry->fts_errno));
        if (entry->fts_info == FTS_D && hidden)
            fts_set(fts, entry, FTS_SKIP);
        if (entry->fts_info == FTS_F && !hidden)
            read_file(all, entry->fts_path);
    }
    fts_close(fts);
    free(list);
    if (all->count == 0)
        fail("there is no capture of Ethernet");
    qsort(all->frames, all->count, sizeof(*all->frames), by_time);
}

/* -- other addresses */

static uint16_t get16(const uint8_t *data)
{
    return (uint16_t)(data[0] << 8 | data[1]);
}

/* A checksum over a word that was @before and is @after now (RFC 1624). */
static void mend(uint8_t *checksum, uint16_t before, uint16_t after)
{
    uint32_t sum = (uint16_t)~get16(checksum) + (uint32_t)(uint16_t)~before + after;

    sum = (sum & 0xffff) + (sum >> 16);
    sum = (uint16_t) ~((sum & 0xffff) + (sum >> 16));
    checksum[0] = (uint8_t)(sum >> 8);
    checksum[1] = (uint8_t)sum;
}

/* The transport's checksum, if it is there, covers the addresses. */
static uint8_t *checksum_of(uint8_t *frame, uint32_t captured, const struct decoded *decoded)
{
    uint32_t at;

    switch (decoded->protocol) {
    case 6:
        at = 16;
        break;
    case 17:
    case 33:
    case 136:
        at = 6;
        break;
    case 58:
        at = 2;
        break;
    default:
        return NULL;
    }
    at += decoded->transport;
    if (decoded->transport == 0 || at + 2 > captured ||
        (decoded->protocol == 17 && get16(frame + at) == 0))
        return NULL;
    return frame + at;
}

/* Multicast, broadcast and "none" stay what they are. */
static bool is_host(const uint8_t *address, uint8_t family)
{
    static const uint8_t none[16];

    if (family == DECODE_IPV4)
        return address[0] != 0 && address[0] < 224;
    return address[0] != 0xff && memcmp(address, none, 16) != 0;
}

static void change(uint8_t *frame, uint32_t captured, const struct decoded *decoded, uint8_t copy)
{
    const bool v4 = decoded->family == DECODE_IPV4;
    const uint32_t size = v4 ? 4 : 16, first = decoded->network + (v4 ? 12 : 8);
    uint8_t *transport;

    if (decoded->family != DECODE_IPV4 && decoded->family != DECODE_IPV6)
        return;
    if (first + 2 * size > captured)
        return;
    transport = checksum_of(frame, captured, decoded);
    for (uint32_t i = 0; i < 2; i++) {
        uint8_t *address = frame + first + i * size, *word = address + (v4 ? 0 : 2);
        const uint16_t before = get16(word);

        if (!is_host(address, decoded->family))
            continue;
        word[1] ^= copy;
        if (v4)
            mend(frame + decoded->network + 10, before, get16(word));
        if (transport)
            mend(transport, before, get16(word));
    }
    if (transport && decoded->protocol == 17 && get16(transport) == 0)
        transport[0] = transport[1] = 0xff;
}

/* -- */

static void write_copy(struct output *output, struct flow_set *flows, const struct collection *all,
                       uint8_t copy, uint64_t snap)
{
    static uint8_t scratch[262144];
    const uint64_t begin = UINT64_C(1700000000) * 1000000 + copy * MINUTE;

    for (uint64_t i = 0; i < all->count; i++) {
        const struct frame *frame = &all->frames[i];
        struct decoded decoded;

        memcpy(scratch, all->bytes + frame->at, frame->captured);
        decode_frame(scratch, frame->captured, frame->length, &decoded);
        if (copy) {
            change(scratch, frame->captured, &decoded, copy);
            decode_frame(scratch, frame->captured, frame->length, &decoded);
        }
        if (decoded.family == DECODE_IPV4 || decoded.family == DECODE_IPV6)
            flow_set_add(flows, &decoded);
        output_frame(output, begin + frame->time, scratch,
                     snap && snap < frame->captured ? (uint32_t)snap : frame->captured,
                     frame->length);
    }
}

static uint64_t percent(uint64_t done, uint64_t all)
{
    return done >= all ? 100 : done * 100 / all;
}

/* Percent of what is the farthest from being reached. */
static uint64_t least_of(const struct output *output, const struct flow_set *flows,
                         const struct goal *goal)
{
    const uint64_t bytes = percent(output->bytes, goal->bytes);
    const uint64_t packets = percent(output->packets, goal->packets);
    const uint64_t conversations = percent(flows->count, goal->flows);
    const uint64_t less = bytes < packets ? bytes : packets;

    return less < conversations ? less : conversations;
}

void mixed_write(const char *out, const struct goal *goal, char **paths, int count)
{
    struct collection all = {0};
    struct flow_set flows = {0};
    struct output output;
    unsigned copy = 0;

    read_all(&all, paths, count);
    printf("read %" PRIu64 " packets, %" PRIu64 " bytes, of %u captures (%u are not of Ethernet, "
           "%u are none)\n",
           all.count, all.used, all.files, all.others, all.unreadable);
    output_open(&output, out);
    do {
        if (copy > COPIES_MAX)
            fail("%u copies do not reach what is wanted: %" PRIu64 " packets, %" PRIu64
                 " bytes, %" PRIu64 " conversations",
                 copy, output.packets, output.bytes, flows.count);
        write_copy(&output, &flows, &all, (uint8_t)copy++, goal->snap);
        progress("mixed", least_of(&output, &flows, goal), 100);
    } while (output.bytes < goal->bytes || output.packets < goal->packets ||
             flows.count < goal->flows);
    output_close(&output);
    printf("%s: %" PRIu64 " packets, %" PRIu64 " bytes, %" PRIu64 " conversations, %u copies\n",
           out, output.packets, output.bytes, flows.count, copy);
    free(flows.hashes);
    free(all.bytes);
    free(all.frames);
}
