/* SPDX-License-Identifier: ISC */
#include "flow_store.h"
#include "flow_text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Records are written to the file in pieces of this size, and read one by one. */
#define PIECE (256u << 10)

struct entry {
    uint64_t key;
    uint64_t at; /* of all records, in memory or file */
};

struct flow_store {
    enum flow_sort sort;
    struct entry *entries;
    size_t count, room;
    uint8_t *memory; /* the first records */
    size_t memory_used, memory_room, memory_max;
    int file;         /* -1: all is in memory */
    uint64_t written; /* bytes of the file */
    uint8_t *piece;   /* the last records, not written yet */
    size_t piece_used;
    uint8_t record[FLOW_RECORD_MAX]; /* the one that was read */
};

bool flow_sort_parse(const char *name, enum flow_sort *sort)
{
    static const char *const names[FLOW_SORTS] = {"bytes", "frames",   "start",
                                                  "last",  "duration", "rtt"};

    for (unsigned i = 0; i < FLOW_SORTS; i++) {
        if (strcmp(names[i], name) == 0) {
            *sort = (enum flow_sort)i;
            return true;
        }
    }
    return false;
}

uint64_t flow_sort_key(enum flow_sort sort, const struct flow_record *flow)
{
    switch (sort) {
    case FLOW_SORT_FRAMES:
        return UINT64_MAX - flow_frames(flow);
    case FLOW_SORT_START:
        return flow->first;
    case FLOW_SORT_LAST:
        return flow->last;
    case FLOW_SORT_DURATION:
        return UINT64_MAX - flow_duration(flow);
    case FLOW_SORT_RTT:
        return UINT64_MAX - flow->rtt;
    default:
        return UINT64_MAX - flow_bytes(flow);
    }
}

struct flow_store *flow_store_create(enum flow_sort sort, size_t memory)
{
    struct flow_store *store = calloc(1, sizeof(*store));

    if (!store)
        return NULL;
    store->sort = sort;
    store->memory_max = memory;
    store->file = -1;
    return store;
}

void flow_store_free(struct flow_store *store)
{
    if (!store)
        return;
    if (store->file >= 0)
        close(store->file);
    free(store->entries);
    free(store->memory);
    free(store->piece);
    free(store);
}

static int open_file(struct flow_store *store)
{
    const char *folder = getenv("TMPDIR");

    store->piece = malloc(PIECE);
    if (!store->piece)
        return -ENOMEM;
    store->file =
        open(folder && *folder ? folder : "/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    return store->file < 0 ? -errno : 0;
}

static int write_piece(struct flow_store *store)
{
    for (size_t at = 0; at < store->piece_used;) {
        const ssize_t n = pwrite(store->file, store->piece + at, store->piece_used - at,
                                 (off_t)(store->written + at));

        if (n < 0 && errno != EINTR)
            return -errno;
        at += n > 0 ? (size_t)n : 0;
    }
    store->written += store->piece_used;
    store->piece_used = 0;
    return 0;
}

static int keep_in_memory(struct flow_store *store, const uint8_t *data, size_t length)
{
    if (store->memory_used + length > store->memory_room) {
        size_t room = store->memory_room ? 2 * store->memory_room : 16 * FLOW_RECORD_MAX;
        uint8_t *grown;

        room = room > store->memory_max ? store->memory_max : room;
        if (room < store->memory_used + length)
            room = store->memory_used + length;
        grown = realloc(store->memory, room);
        if (!grown)
            return -ENOMEM;
        store->memory = grown;
        store->memory_room = room;
    }
    memcpy(store->memory + store->memory_used, data, length);
    store->memory_used += length;
    return 0;
}

static int keep_in_file(struct flow_store *store, const uint8_t *data, size_t length)
{
    int rc = store->piece ? 0 : open_file(store);

    if (!rc && store->piece_used + length > PIECE)
        rc = write_piece(store);
    if (rc)
        return rc;
    memcpy(store->piece + store->piece_used, data, length);
    store->piece_used += length;
    return 0;
}

/* The record as it was: its strings one behind the other. */
static size_t put_record(const struct flow_view *flow, uint8_t *data)
{
    const struct flow_record *r = &flow->record;
    const struct {
        const char *text;
        size_t length;
    } strings[] = {{flow->guest[0], r->guest_length[0]},
                   {flow->guest[1], r->guest_length[1]},
                   {flow->bridge, r->bridge_length},
                   {flow->name, r->name_length},
                   {flow->detail, r->detail_length}};
    size_t used = sizeof(*r);

    memset(data, 0, r->length);
    memcpy(data, r, sizeof(*r));
    for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
        memcpy(data + used, strings[i].text, strings[i].length);
        used += strings[i].length;
    }
    return r->length;
}

int flow_store_add(struct flow_store *store, const struct flow_view *flow)
{
    uint8_t data[FLOW_RECORD_MAX];
    const size_t length = put_record(flow, data);
    struct entry entry = {.key = flow_sort_key(store->sort, &flow->record)};
    int rc;

    if (store->count == store->room) {
        const size_t room = store->room ? 2 * store->room : 256;
        struct entry *grown = reallocarray(store->entries, room, sizeof(*grown));

        if (!grown)
            return -ENOMEM;
        store->entries = grown;
        store->room = room;
    }
    /* Once the file was begun all goes there, so that a place says which of the two it is in. */
    if (!store->piece && store->memory_used + length <= store->memory_max) {
        entry.at = store->memory_used;
        rc = keep_in_memory(store, data, length);
    } else {
        entry.at = store->memory_used + store->written + store->piece_used;
        rc = keep_in_file(store, data, length);
    }
    if (!rc)
        store->entries[store->count++] = entry;
    return rc;
}

static int compare(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

void flow_store_sort(struct flow_store *store)
{
    if (store->count)
        qsort(store->entries, store->count, sizeof(store->entries[0]), compare);
}

size_t flow_store_count(const struct flow_store *store)
{
    return store->count;
}

int flow_store_get(struct flow_store *store, size_t index, struct flow_view *flow)
{
    uint64_t at = store->entries[index].at;
    ssize_t n;

    if (at < store->memory_used)
        return flow_view(store->memory + at, store->memory_used - at, flow) ? 0 : -EINVAL;
    at -= store->memory_used;
    if (at >= store->written) {
        at -= store->written;
        return flow_view(store->piece + at, store->piece_used - at, flow) ? 0 : -EINVAL;
    }
    do
        n = pread(store->file, store->record, sizeof(store->record), (off_t)at);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    return flow_view(store->record, (size_t)n, flow) ? 0 : -EIO;
}
