/* SPDX-License-Identifier: ISC */
/*
 * Nothing of the stream is believed: every length is checked against what it is in before it is
 * used, and what is kept of the stream is bounded by what keeps memory free for everybody else.
 */
#include "loaded.h"

#include <errno.h>
#include <string.h>

#include "domain.h"
#include "history.h"
#include "path.h"
#include "watch.h"

/* Each has a port at least. */
#define CONNECTIONS_MAX HV_EVTCHN_PORTS

int loaded_problem(struct migration_load *load, const char *problem)
{
    load->problem = problem;
    return -EINVAL;
}

/*
 * Memory for what is kept of the stream: what is left must be more than the reserve that lets
 * others go on.
 */
static void *keep(struct migration_load *load, size_t size)
{
    struct xenstored *xs = load->xs;

    while (arena_bytes_free(xs->arena) < domain_reserve(xs) + size)
        if (!history_give_up(xs))
            return NULL;
    return arena_zalloc(xs->arena, size);
}

/* --- reading a body -----------------------------------------------------------------------------
 */

static uint32_t get16(const uint8_t *at)
{
    return at[0] | (uint32_t)at[1] << 8;
}

static uint32_t get32(const uint8_t *at)
{
    return get16(at) | get16(at + 2) << 16;
}

/* A string of @size bytes with its NUL. */
static bool is_text(const uint8_t *text, size_t size)
{
    return size && !text[size - 1] && strlen((const char *)text) == size - 1;
}

static struct loaded_connection *find_connection(const struct migration_load *load, uint32_t id)
{
    struct loaded_connection *connection = load->connections;

    while (connection && connection->id != id)
        connection = connection->next;
    return connection;
}

/* What was under way on a connection, for a successor to go on with. */
static int keep_messages(struct migration_load *load, struct loaded_connection *connection)
{
    const uint8_t *body = load->body;
    size_t length;

    connection->in_length = (uint16_t)get16(body + 16);
    connection->partial = (uint16_t)get16(body + 18);
    connection->out_length = get32(body + 20);
    length = connection->in_length + (size_t)connection->out_length;
    if (load->length > LOADED_BODY_MAX)
        return loaded_problem(load, "more waits for a client than can be taken over");
    if (!length)
        return 0;
    connection->data = keep(load, length);
    if (!connection->data)
        return -ENOMEM;
    memcpy(connection->data, body + MIGRATION_CONNECTION_SIZE, length);
    return 0;
}

static int take_connection(struct migration_load *load)
{
    const uint8_t *body = load->body;
    uint64_t in, out, fields;
    struct loaded_connection *connection;

    if (load->length < MIGRATION_CONNECTION_SIZE)
        return loaded_problem(load, "a connection's record is too short");
    fields = get16(body + 6);
    in = get16(body + 16);
    out = get32(body + 20);
    if ((((MIGRATION_CONNECTION_SIZE + in + out + 7) & ~UINT64_C(7)) + (fields & 1 ? 8 : 0)) !=
            load->length ||
        get16(body + 18) > out)
        return loaded_problem(load, "the lengths in a connection's record do not agree");
    if (!get32(body) || find_connection(load, get32(body)))
        return loaded_problem(load, "a connection has no number of its own");
    if (get16(body + 4) > 1)
        return loaded_problem(load, "a connection is of an unknown type");
    if (load->connection_count++ == CONNECTIONS_MAX)
        return loaded_problem(load, "there are more connections than there can be");
    connection = keep(load, sizeof(*connection));
    if (!connection)
        return -ENOMEM;
    *connection = (struct loaded_connection){
        .id = get32(body),
        .ring = get16(body + 4) == MIGRATION_RING,
        .domid = (domid_t)get16(body + 8),
        .target = (domid_t)get16(body + 10),
        .port = get32(body + 12),
    };
    *load->connections_end = connection;
    load->connections_end = &connection->next;
    return load->take_over ? keep_messages(load, connection) : 0;
}

static int take_watch(struct migration_load *load, bool extended)
{
    uint32_t fixed = extended ? MIGRATION_WATCH_EXTENDED_SIZE : MIGRATION_WATCH_SIZE;
    const uint8_t *body = load->body, *text = body + fixed;
    struct loaded_connection *connection;
    struct loaded_watch *watch;
    uint32_t path, token, depth;

    if (load->length < fixed || load->length > LOADED_BODY_MAX)
        return loaded_problem(load, "a watch's record is of an impossible length");
    path = get16(body + 4);
    token = get16(body + 6);
    if (((fixed + path + token + 7) & ~7U) != load->length)
        return loaded_problem(load, "the lengths in a watch's record do not agree");
    if (!is_text(text, path) || !is_text(text + path, token))
        return loaded_problem(load, "a watch's path or token is no string");
    connection = find_connection(load, get32(body));
    if (!connection)
        return loaded_problem(load, "a watch belongs to no connection");
    watch = keep(load, sizeof(*watch) + path + token);
    if (!watch)
        return -ENOMEM;
    depth = extended ? get16(body + 8) : MIGRATION_ANY_DEPTH;
    *watch = (struct loaded_watch){
        .connection = connection,
        .depth = depth == MIGRATION_ANY_DEPTH ? WATCH_ANY_DEPTH : (int)depth,
        .path_size = (uint16_t)path,
        .token_size = (uint16_t)token,
    };
    memcpy(watch->text, text, path + token);
    *load->watches_end = watch;
    load->watches_end = &watch->next;
    return 0;
}

/* The permissions at @data, interned, in *@perms. Domains that exist become known. */
static int take_perms(struct migration_load *load, const uint8_t *data, uint32_t count,
                      struct perms **perms)
{
    static const char letters[] = "nrwb";
    struct perm list[PERMS_MAX];

    for (uint32_t i = 0; i < count; i++, data += 4) {
        const char *letter = data[0] ? strchr(letters, data[0]) : NULL;
        domid_t domid = (domid_t)get16(data + 2);
        int error = 0;

        if (!letter)
            return loaded_problem(load, "a permission is none of n, r, w and b");
        list[i] = (struct perm){.domid = domid, .rights = (uint16_t)(letter - letters)};
        if ((data[1] & MIGRATION_PERM_IGNORED) && i)
            list[i].rights |= PERM_IGNORE;
        else if (domid != PERM_DOMID_ANY && !domain_get(load->xs, domid, &error) &&
                 error == -ENOMEM)
            return error;
    }
    *perms = perms_intern(&load->xs->perms, list, count);
    return *perms ? 0 : -ENOMEM;
}

static int put_node(struct migration_load *load, const char *path, const void *value, size_t length,
                    struct perms *perms)
{
    struct tree_env *env = &load->xs->env;
    struct tree *tree = &load->tree;
    int error;

    if (path[0] == '@') {
        enum special special = watch_special_find(path);

        if (special == SPECIAL_COUNT)
            return loaded_problem(load, "a special node is of an unknown name");
        tree_set_special(env, tree, special, perms);
        return 0;
    }
    if (!tree_lookup_parent(env, tree, path) || (!load->root && path[1]))
        return loaded_problem(load, "a node comes before its parent");
    if (tree_lookup(env, tree, path)) {
        if (path[1] || load->root)
            return loaded_problem(load, "a node comes twice");
        load->root = true;
        error = tree_set_value(env, tree, path, value, length);
    } else {
        error = tree_create_node(env, tree, path, value, length, false, 0);
    }
    return error ? error : tree_set_perms(env, tree, path, perms);
}

static int take_node(struct migration_load *load)
{
    const uint8_t *body = load->body, *perms_at = body + MIGRATION_NODE_SIZE;
    uint32_t path, value, count;
    struct xenstored *xs = load->xs;
    struct perms *perms;
    int error;

    if (load->length < MIGRATION_NODE_SIZE || load->length > LOADED_BODY_MAX)
        return loaded_problem(load, "a node's record is of an impossible length");
    path = get16(body + 8);
    value = get16(body + 10);
    count = get16(body + 14);
    if (((MIGRATION_NODE_SIZE + count * 4 + path + value + 7) & ~7U) != load->length)
        return loaded_problem(load, "the lengths in a node's record do not agree");
    if (get32(body)) { /* of a transaction */
        load->result.others++;
        return 0;
    }
    if (!count || count > PERMS_MAX)
        return loaded_problem(load, "a node has no permissions, or too many");
    if (value > XS_PAYLOAD_MAX)
        return loaded_problem(load, "a node's value is longer than an answer");
    body = perms_at + (size_t)count * 4;
    if (!is_text(body, path) || !path_canonical((const char *)body, 0, true, load->path) ||
        strcmp(load->path, (const char *)body) != 0)
        return loaded_problem(load, "a node has no absolute path");
    while (arena_bytes_free(xs->arena) < domain_reserve(xs))
        if (!history_give_up(xs))
            return -ENOMEM;
    error = take_perms(load, perms_at, count, &perms);
    if (error)
        return error;
    history_mute(xs);
    error = put_node(load, load->path, body + path, value, perms);
    history_unmute(xs);
    perms_put(&xs->perms, perms);
    load->result.nodes += !error;
    return error;
}

/* @count values at @data, and behind them their names, in what is left of @length. */
static int take_quotas(struct migration_load *load, const uint8_t *data, size_t length,
                       uint32_t count, struct quota_limits *limits)
{
    const char *name = (const char *)data + (size_t)count * 4;

    if (length < (size_t)count * 4)
        return loaded_problem(load, "a record has more quotas than it can hold");
    length -= (size_t)count * 4;
    for (uint32_t i = 0; i < count; i++, data += 4) {
        size_t size = strnlen(name, length) + 1;
        uint32_t *limit;

        if (size > length)
            return loaded_problem(load, "a quota has no name");
        limit = quota_find(limits, name);
        if (limit && get32(data) != QUOTA_INHERIT)
            *limit = get32(data);
        name += size;
        length -= size;
    }
    return 0;
}

static int take_global_quota(struct migration_load *load)
{
    const uint8_t *body = load->body;

    if (load->length < MIGRATION_GLOBAL_QUOTA_SIZE || load->length > LOADED_BODY_MAX)
        return loaded_problem(load, "the quotas' record is of an impossible length");
    return take_quotas(load, body + MIGRATION_GLOBAL_QUOTA_SIZE,
                       load->length - MIGRATION_GLOBAL_QUOTA_SIZE, get16(body) + get16(body + 2),
                       &load->limits);
}

static int take_domain(struct migration_load *load)
{
    const uint8_t *body = load->body;
    struct loaded_domain *domain;

    if (load->length < MIGRATION_DOMAIN_SIZE || load->length > LOADED_BODY_MAX)
        return loaded_problem(load, "a domain's record is of an impossible length");
    domain = keep(load, sizeof(*domain));
    if (!domain)
        return -ENOMEM;
    *domain = (struct loaded_domain){
        .next = load->domains,
        .domid = (domid_t)get16(body),
        .has_features = load->version >= 2,
        .features = get32(body + 4),
        .limits = quota_inherit,
    };
    load->domains = domain;
    return take_quotas(load, body + MIGRATION_DOMAIN_SIZE, load->length - MIGRATION_DOMAIN_SIZE,
                       get16(body + 2), &domain->limits);
}

static int take_record(struct migration_load *load)
{
    switch (load->type) {
    case MIGRATION_END:
        if (load->length)
            return loaded_problem(load, "the last record is not empty");
        load->stage = LOADED_END;
        return 0;
    case MIGRATION_GLOBAL:
        return load->length == 8
                   ? 0
                   : loaded_problem(load, "the global record is of an impossible length");
    case MIGRATION_CONNECTION:
        return take_connection(load);
    case MIGRATION_WATCH:
        return take_watch(load, false);
    case MIGRATION_WATCH_EXTENDED:
        if (load->version < 2)
            return loaded_problem(load, "a watch with a depth is in a stream of version 1");
        return take_watch(load, true);
    case MIGRATION_NODE:
        return take_node(load);
    case MIGRATION_GLOBAL_QUOTA:
        return take_global_quota(load);
    case MIGRATION_DOMAIN:
        return take_domain(load);
    default:
        load->result.others++;
        return 0;
    }
}

/* --- the bytes of the stream --------------------------------------------------------------------
 */

static int take_preamble(struct migration_load *load)
{
    const uint8_t *at = load->body;

    if (memcmp(at, MIGRATION_IDENT, 8) != 0)
        return loaded_problem(load, "it does not begin as a XenStore stream does");
    load->version = (uint32_t)at[8] << 24 | (uint32_t)at[9] << 16 | (uint32_t)at[10] << 8 | at[11];
    if (load->version != 1 && load->version != 2)
        return loaded_problem(load, "it is of another version than 1 or 2");
    if (at[12] || at[13] || at[14] || at[15])
        return loaded_problem(load, "it is big endian, or has flags that are unknown");
    load->stage = LOADED_HEADER;
    return 0;
}

static int take_header(struct migration_load *load)
{
    load->type = get32(load->body);
    load->length = get32(load->body + 4);
    if (load->length % 8)
        return loaded_problem(load, "a record's length is not a multiple of 8");
    load->stage = LOADED_BODY;
    return 0;
}

/* A part is whole. */
static int take_part(struct migration_load *load)
{
    load->have = 0;
    if (load->stage == LOADED_PREAMBLE)
        return take_preamble(load);
    if (load->stage == LOADED_HEADER)
        return take_header(load);
    load->stage = LOADED_HEADER;
    return take_record(load);
}

/* Take what there is of the part under way; returns how many bytes that were. */
static size_t collect(struct migration_load *load, const uint8_t *data, size_t length,
                      uint32_t size)
{
    size_t part = size - load->have;

    if (part > length)
        part = length;
    if (load->have < LOADED_BODY_MAX)
        memcpy(load->body + load->have, data,
               part < LOADED_BODY_MAX - load->have ? part : LOADED_BODY_MAX - load->have);
    load->have += (uint32_t)part;
    load->offset += part;
    return part;
}

int migration_load_data(struct migration_load *load, const void *data, size_t length)
{
    const uint8_t *at = data;

    while (!load->error) {
        uint32_t size = load->stage == LOADED_PREAMBLE ? MIGRATION_PREAMBLE
                        : load->stage == LOADED_HEADER ? MIGRATION_HEADER
                                                       : load->length;
        size_t part;

        if (load->stage == LOADED_END) {
            if (length)
                load->error = loaded_problem(load, "something follows its last record");
            break;
        }
        if (load->stage != LOADED_BODY && !load->have)
            load->record = load->offset;
        part = collect(load, at, length, size);
        at += part;
        length -= part;
        if (load->have < size)
            break;
        load->error = take_part(load);
    }
    return load->error;
}

void migration_load_take_over(struct migration_load *load)
{
    load->take_over = true;
}

const char *migration_load_problem(const struct migration_load *load, uint64_t *offset)
{
    *offset = load->record;
    return load->problem;
}

struct migration_load *migration_load_begin(struct xenstored *xs)
{
    struct migration_load *load = arena_zalloc(xs->arena, sizeof(*load));
    int error;

    if (!load)
        return NULL;
    load->xs = xs;
    load->limits = quota_inherit;
    load->connections_end = &load->connections;
    load->watches_end = &load->watches;
    history_mute(xs);
    error = tree_create(&xs->env, &load->tree, xs->priv_domid);
    for (unsigned special = 0; special < SPECIAL_COUNT && !error; special++)
        tree_set_special(&xs->env, &load->tree, special, xs->tree.special[special]);
    history_unmute(xs);
    if (!error)
        return load;
    arena_free(xs->arena, load, sizeof(*load));
    return NULL;
}

void migration_load_end(struct migration_load *load)
{
    struct xenstored *xs = load->xs;

    for (struct loaded_connection *connection; (connection = load->connections);) {
        load->connections = connection->next;
        if (connection->data)
            arena_free(xs->arena, connection->data,
                       connection->in_length + (size_t)connection->out_length);
        arena_free(xs->arena, connection, sizeof(*connection));
    }
    for (struct loaded_watch *watch; (watch = load->watches);) {
        load->watches = watch->next;
        arena_free(xs->arena, watch, sizeof(*watch) + watch->path_size + watch->token_size);
    }
    for (struct loaded_domain *domain; (domain = load->domains);) {
        load->domains = domain->next;
        arena_free(xs->arena, domain, sizeof(*domain));
    }
    tree_release(&xs->env, &load->tree);
    arena_free(xs->arena, load, sizeof(*load));
}
