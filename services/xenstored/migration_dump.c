/* SPDX-License-Identifier: ISC */
#include "migration.h"

#include <errno.h>
#include <string.h>

#include "compare.h"
#include "history.h"
#include "watch.h"

#define CHUNK_SIZE 8000U

/* A part of the records that come before the nodes: these are as of the dump's begin. */
struct chunk {
    struct chunk *next;
    uint32_t used;
    uint8_t data[CHUNK_SIZE];
};

/* The most that a node's record, header included, may have. */
#define RECORD_MAX                                                                                 \
    (MIGRATION_HEADER + MIGRATION_NODE_SIZE + PERMS_MAX * 4U + TREE_PATH_SIZE + UINT16_MAX + 8U)

enum stage {
    STAGE_CHUNKS,
    STAGE_NODES,
    STAGE_RELEASE,
    STAGE_INTRODUCE,
    STAGE_END,
    STAGE_DONE,
};

struct migration_dump {
    struct xenstored *xs;
    struct chunk *chunks, *last;
    bool failed;
    uint8_t version;
    uint64_t written; /* in all chunks */
    struct tree tree;
    enum stage stage;
    struct compare nodes;
    size_t at, used; /* of what is being read: the first chunk, or the record */
    uint8_t record[RECORD_MAX];
};

/* --- writing into memory ------------------------------------------------------------------------
 */

static void add(struct migration_dump *dump, const void *data, size_t length)
{
    const uint8_t *from = data;

    while (length && !dump->failed) {
        struct chunk *last = dump->last;
        size_t part;

        if (!last || last->used == CHUNK_SIZE) {
            last = arena_alloc(dump->xs->arena, sizeof(*last));
            if (!last) {
                dump->failed = true;
                return;
            }
            last->next = NULL;
            last->used = 0;
            *(dump->last ? &dump->last->next : &dump->chunks) = last;
            dump->last = last;
        }
        part = CHUNK_SIZE - last->used < length ? CHUNK_SIZE - last->used : length;
        memcpy(last->data + last->used, from, part);
        last->used += (uint32_t)part;
        from += part;
        length -= part;
        dump->written += part;
    }
}

static void add16(struct migration_dump *dump, uint32_t value)
{
    const uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8)};

    add(dump, bytes, sizeof(bytes));
}

static void add32(struct migration_dump *dump, uint32_t value)
{
    add16(dump, value);
    add16(dump, value >> 16);
}

static size_t padding(size_t length)
{
    return -length & 7;
}

static void add_header(struct migration_dump *dump, enum migration_type type, size_t length)
{
    add32(dump, type);
    add32(dump, (uint32_t)(length + padding(length)));
}

/* The preamble and all records are multiples of 8. */
static void add_padding(struct migration_dump *dump)
{
    static const uint8_t zero[8];

    add(dump, zero, padding((size_t)dump->written));
}

/* --- the records before the nodes ---------------------------------------------------------------
 */

static void add_preamble(struct migration_dump *dump)
{
    const uint8_t numbers[] = {0, 0, 0, dump->version, 0, 0, 0, 0};

    add(dump, MIGRATION_IDENT, 8);
    add(dump, numbers, sizeof(numbers));
    add_header(dump, MIGRATION_GLOBAL, 8);
    add32(dump, UINT32_MAX); /* there is no socket, and no file for event channels */
    add32(dump, UINT32_MAX);
}

/* Quotas of @limits that are set; returns their number and the bytes of their names. */
static unsigned count_quotas(const struct quota_limits *limits, size_t *names)
{
    unsigned count = 0;

    *names = 0;
    for (unsigned quota = 0; quota < QUOTA_COUNT; quota++) {
        if (limits->hard[quota] == QUOTA_INHERIT)
            continue;
        count++;
        *names += strlen(quota_name(quota)) + 1;
    }
    if (limits->soft_memory != QUOTA_INHERIT) {
        count++;
        *names += sizeof("soft-memory");
    }
    return count;
}

static void add_quotas(struct migration_dump *dump, const struct quota_limits *limits)
{
    for (unsigned quota = 0; quota < QUOTA_COUNT; quota++)
        if (limits->hard[quota] != QUOTA_INHERIT)
            add32(dump, limits->hard[quota]);
    if (limits->soft_memory != QUOTA_INHERIT)
        add32(dump, limits->soft_memory);
    for (unsigned quota = 0; quota < QUOTA_COUNT; quota++)
        if (limits->hard[quota] != QUOTA_INHERIT)
            add(dump, quota_name(quota), strlen(quota_name(quota)) + 1);
    if (limits->soft_memory != QUOTA_INHERIT)
        add(dump, "soft-memory", sizeof("soft-memory"));
    add_padding(dump);
}

static void add_global_quota(struct migration_dump *dump)
{
    size_t names;
    unsigned count = count_quotas(&dump->xs->limits, &names);

    add_header(dump, MIGRATION_GLOBAL_QUOTA, MIGRATION_GLOBAL_QUOTA_SIZE + count * 4 + names);
    add16(dump, count);
    add16(dump, 0);
    add_quotas(dump, &dump->xs->limits);
}

/* Only of domains that differ from all others. */
static void add_domain(struct migration_dump *dump, const struct domain *domain)
{
    size_t names;
    unsigned count = count_quotas(&domain->limits, &names);
    bool features = domain->features != XS_FEATURES;

    if (!count && !features)
        return;
    add_header(dump, MIGRATION_DOMAIN, MIGRATION_DOMAIN_SIZE + count * 4 + names);
    add16(dump, domain->domid);
    add16(dump, count);
    /* Not valid in version 1. */
    add32(dump, dump->version >= 2 ? domain->features : 0);
    add_quotas(dump, &domain->limits);
}

static void add_watch(struct migration_dump *dump, uint32_t id, const struct watch_info *watch)
{
    bool extended = watch->depth != WATCH_ANY_DEPTH;
    size_t path_size = strlen(watch->path) + 1, token_size = strlen(watch->token) + 1;

    add_header(dump, extended ? MIGRATION_WATCH_EXTENDED : MIGRATION_WATCH,
               (extended ? MIGRATION_WATCH_EXTENDED_SIZE : MIGRATION_WATCH_SIZE) + path_size +
                   token_size);
    add32(dump, id);
    add16(dump, (uint32_t)path_size);
    add16(dump, (uint32_t)token_size);
    if (extended) {
        uint32_t depth = (uint32_t)watch->depth;

        /* No path is deeper than that. */
        add16(dump, depth < MIGRATION_ANY_DEPTH ? depth : MIGRATION_ANY_DEPTH - 1);
        add16(dump, 0);
    }
    add(dump, watch->path, path_size);
    add(dump, watch->token, token_size);
    add_padding(dump);
}

/* What was taken from the ring of a message that is not whole yet. */
static void add_input(struct migration_dump *dump, const struct connection *connection)
{
    size_t header = sizeof(connection->in_header);

    if (connection->in_have <= header) {
        add(dump, &connection->in_header, connection->in_have);
        return;
    }
    add(dump, &connection->in_header, header);
    add(dump, connection->in_payload, connection->in_have - header);
}

static void add_connection(struct migration_dump *dump, uint32_t id, struct connection *connection)
{
    domid_t domid = connection->domain->domid;
    size_t partial = 0, out = 0;

    list_for_each (item, &connection->output) {
        const struct output *output = LIST_ENTRY(item, struct output, queue);

        if (output->sent || output->partial)
            partial = output->length - output->sent;
        out += output->length - output->sent;
    }
    add_header(dump, MIGRATION_CONNECTION, MIGRATION_CONNECTION_SIZE + connection->in_have + out);
    add32(dump, id);
    add16(dump, MIGRATION_RING);
    add16(dump, 0);
    add16(dump, domid);
    add16(dump, connection->target == domid ? MIGRATION_NO_TARGET : connection->target);
    add32(dump, connection->remote_port);
    add16(dump, connection->in_have);
    add16(dump, (uint32_t)partial);
    add32(dump, (uint32_t)out);
    add_input(dump, connection);
    list_for_each (item, &connection->output) {
        const struct output *output = LIST_ENTRY(item, struct output, queue);

        add(dump, output->data + output->sent, output->length - output->sent);
    }
    add_padding(dump);
    list_for_each (item, &connection->watches) {
        struct watch_info watch;

        watch_describe(item, &watch);
        add_watch(dump, id, &watch);
    }
}

static uint8_t version_needed(const struct xenstored *xs)
{
    list_for_each (item, &xs->domains)
        if (LIST_ENTRY(item, struct domain, all)->features != XS_FEATURES)
            return 2;
    list_for_each (at, &xs->connections) {
        struct connection *connection = LIST_ENTRY(at, struct connection, all);

        list_for_each (item, &connection->watches) {
            struct watch_info watch;

            watch_describe(item, &watch);
            if (watch.depth != WATCH_ANY_DEPTH)
                return 2;
        }
    }
    return 1;
}

struct migration_dump *migration_dump_begin(struct xenstored *xs)
{
    struct migration_dump *dump = arena_zalloc(xs->arena, sizeof(*dump));
    uint32_t id = 0;

    if (!dump)
        return NULL;
    dump->xs = xs;
    dump->version = version_needed(xs);
    add_preamble(dump);
    add_global_quota(dump);
    list_for_each (item, &xs->domains)
        add_domain(dump, LIST_ENTRY(item, struct domain, all));
    list_for_each (item, &xs->connections)
        add_connection(dump, ++id, LIST_ENTRY(item, struct connection, all));
    tree_snapshot(&xs->tree, &dump->tree);
    compare_begin(&dump->nodes, &xs->env, NULL, dump->tree.root, "/");
    if (!dump->failed)
        return dump;
    migration_dump_end(dump);
    return NULL;
}

/* --- the nodes ----------------------------------------------------------------------------------
 */

static void put(struct migration_dump *dump, const void *data, size_t length)
{
    memcpy(dump->record + dump->used, data, length);
    dump->used += length;
}

static void put16(struct migration_dump *dump, uint32_t value)
{
    const uint8_t bytes[] = {(uint8_t)value, (uint8_t)(value >> 8)};

    put(dump, bytes, sizeof(bytes));
}

static void put32(struct migration_dump *dump, uint32_t value)
{
    put16(dump, value);
    put16(dump, value >> 16);
}

static void put_node(struct migration_dump *dump, const char *path, const struct perms *perms,
                     const void *value, size_t value_length)
{
    static const uint8_t zero[8];
    size_t path_size = strlen(path) + 1;
    size_t length = MIGRATION_NODE_SIZE + perms->count * 4 + path_size + value_length;

    dump->at = dump->used = 0;
    put32(dump, MIGRATION_NODE);
    put32(dump, (uint32_t)(length + padding(length)));
    put32(dump, 0);
    put32(dump, 0);
    put16(dump, (uint32_t)path_size);
    put16(dump, (uint32_t)value_length);
    put16(dump, 0);
    put16(dump, perms->count);
    for (uint32_t i = 0; i < perms->count; i++) {
        const struct perm *perm = &perms->list[i];
        const uint8_t access[] = {
            (uint8_t) "nrwb"[perm->rights & (PERM_READ | PERM_WRITE)],
            perm -> rights &PERM_IGNORE ? MIGRATION_PERM_IGNORED : 0,
        };

        put(dump, access, sizeof(access));
        put16(dump, perm->domid);
    }
    put(dump, path, path_size);
    put(dump, value, value_length);
    put(dump, zero, padding(dump->used));
}

/* Make the next record. 1: there is one; 0: not of this stage. */
static int next_node(struct migration_dump *dump)
{
    int more = compare_next(&dump->nodes);

    if (more > 0 && history_is_own(dump->xs, dump->nodes.path)) {
        compare_skip(&dump->nodes);
        more = compare_next(&dump->nodes);
    }
    if (more > 0)
        put_node(dump, dump->nodes.path, dump->nodes.after->perms, node_value(dump->nodes.after),
                 dump->nodes.after->value_length);
    return more;
}

static void put_special(struct migration_dump *dump, enum special special)
{
    put_node(dump, watch_special_name(special), dump->tree.special[special], "", 0);
}

/* 1: there are bytes; 0: the stream is over; -ENOMEM. */
static int refill(struct migration_dump *dump)
{
    int more;

    switch (dump->stage) {
    case STAGE_CHUNKS:
        break; /* read from where they are */
    case STAGE_NODES:
        more = next_node(dump);
        if (more)
            return more;
        dump->stage = STAGE_RELEASE;
        put_special(dump, SPECIAL_RELEASE);
        return 1;
    case STAGE_RELEASE:
        dump->stage = STAGE_INTRODUCE;
        put_special(dump, SPECIAL_INTRODUCE);
        return 1;
    case STAGE_INTRODUCE:
        dump->stage = STAGE_END;
        dump->at = dump->used = 0;
        put32(dump, MIGRATION_END);
        put32(dump, 0);
        return 1;
    case STAGE_END:
        dump->stage = STAGE_DONE;
        break;
    case STAGE_DONE:
        break;
    }
    return 0;
}

static size_t read_chunk(struct migration_dump *dump, uint8_t *data, size_t size)
{
    struct chunk *chunk = dump->chunks;
    size_t part = chunk->used - dump->at;

    if (part > size)
        part = size;
    memcpy(data, chunk->data + dump->at, part);
    dump->at += part;
    if (dump->at == chunk->used) {
        dump->chunks = chunk->next;
        arena_free(dump->xs->arena, chunk, sizeof(*chunk));
        dump->at = 0;
    }
    return part;
}

long migration_dump_read(struct migration_dump *dump, void *data, size_t size)
{
    uint8_t *to = data;
    size_t done = 0;

    while (done < size && dump->stage == STAGE_CHUNKS) {
        if (dump->chunks)
            done += read_chunk(dump, to + done, size - done);
        else
            dump->stage = STAGE_NODES;
    }
    while (done < size) {
        size_t part = dump->used - dump->at;

        if (!part) {
            int more = refill(dump);

            if (more < 0)
                return more;
            if (!more)
                break;
            continue;
        }
        if (part > size - done)
            part = size - done;
        memcpy(to + done, dump->record + dump->at, part);
        dump->at += part;
        done += part;
    }
    return (long)done;
}

void migration_dump_end(struct migration_dump *dump)
{
    struct xenstored *xs = dump->xs;

    for (struct chunk *chunk; (chunk = dump->chunks);) {
        dump->chunks = chunk->next;
        arena_free(xs->arena, chunk, sizeof(*chunk));
    }
    compare_end(&dump->nodes);
    tree_release(&xs->env, &dump->tree);
    arena_free(xs->arena, dump, sizeof(*dump));
}
