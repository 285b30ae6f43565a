/* SPDX-License-Identifier: ISC */
#include "remote.h"

#include <errno.h>
#include <string.h>

#include "compare.h"

/* The fields of an item, in order. */
enum part {
    PART_OLD_PERMS,
    PART_NEW_PERMS,
    PART_OLD_VALUE,
    PART_NEW_VALUE,
    PART_COUNT,
};

/* A part is not begun in less room than this. */
#define ROOM_MIN 64U

/* What MORE takes of a frame. */
#define ROOM_MORE 8U

struct node_stream {
    struct control_stream stream;
    struct xenstored *xs;
    struct tree before, after; /* which the comparison goes through */
    bool difference;
    bool begun;         /* the node under way has parts to come */
    unsigned part;      /* enum part */
    size_t part_offset; /* what of it was sent: entries or bytes */
    struct compare compare;
};

static const struct node *node_of(const struct node_stream *nodes)
{
    return nodes->part == PART_OLD_PERMS || nodes->part == PART_OLD_VALUE ? nodes->compare.before
                                                                          : nodes->compare.after;
}

/* Is there anything to say of the part at all? */
static bool part_wanted(const struct node_stream *nodes)
{
    const struct node *before = nodes->compare.before, *after = nodes->compare.after;

    if (!node_of(nodes))
        return false;
    if (!before || !after)
        return true;
    if (nodes->part == PART_OLD_PERMS || nodes->part == PART_NEW_PERMS)
        return before->perms != after->perms;
    return before->value_length != after->value_length ||
           memcmp(node_value(before), node_value(after), after->value_length) != 0;
}

/* Entries of the list as far as there is room, with a comma before each but the very first. */
static bool put_perms(struct node_stream *nodes, struct control_writer *item)
{
    const struct perms *perms = node_of(nodes)->perms;
    uint16_t tag = nodes->part == PART_OLD_PERMS ? CONTROL_F_OLD_PERMS : CONTROL_F_NEW_PERMS;
    char text[1024];
    size_t room = control_room(item) - ROOM_MORE, length = 0;

    if (room > sizeof(text))
        room = sizeof(text);
    while (nodes->part_offset < perms->count && length + PERM_TEXT_MAX + 2 <= room) {
        const struct perm *perm = &perms->list[nodes->part_offset];

        if (nodes->part_offset++)
            text[length++] = ',';
        length += perm_format(perm, text + length) - 1;
        if (perm->rights & PERM_IGNORE)
            text[length++] = '!';
    }
    control_put_text(item, tag, text, length);
    return nodes->part_offset == perms->count;
}

static bool put_value(struct node_stream *nodes, struct control_writer *item)
{
    const struct node *node = node_of(nodes);
    uint16_t tag = nodes->part == PART_OLD_VALUE ? CONTROL_F_OLD_VALUE : CONTROL_F_NEW_VALUE;
    size_t length = node->value_length - nodes->part_offset, room = control_room(item) - ROOM_MORE;

    if (length > room)
        length = room;
    control_put_bytes(item, tag, node_value(node) + nodes->part_offset, length);
    nodes->part_offset += length;
    return nodes->part_offset == node->value_length;
}

/* What of the node's parts fits. True: that was all. */
static bool put_parts(struct node_stream *nodes, struct control_writer *item)
{
    for (; nodes->part < PART_COUNT; nodes->part++, nodes->part_offset = 0) {
        if (!part_wanted(nodes))
            continue;
        if (control_room(item) < ROOM_MIN)
            return false;
        if (!(nodes->part <= PART_NEW_PERMS ? put_perms(nodes, item) : put_value(nodes, item)))
            return false;
    }
    return true;
}

static void put_head(const struct node_stream *nodes, struct control_writer *item)
{
    const struct compare *compare = &nodes->compare;

    control_put_text(item, CONTROL_F_PATH, compare->path, compare->path_length);
    if (nodes->difference)
        control_put_string(item, CONTROL_F_KIND,
                           !compare->before  ? "added"
                           : !compare->after ? "removed"
                                             : "changed");
}

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    struct node_stream *nodes = LIST_ENTRY(stream, struct node_stream, stream);

    if (!nodes->begun) {
        int more = compare_next(&nodes->compare);

        if (!more)
            return CONTROL_FILL_END;
        if (more < 0) {
            control_stream_error(stream, more, "XenStore's memory is too short to go on");
            return CONTROL_FILL_ERROR;
        }
        nodes->begun = true;
        nodes->part = 0;
        nodes->part_offset = 0;
    }
    put_head(nodes, item);
    nodes->begun = !put_parts(nodes, item);
    if (nodes->begun)
        control_put_number(item, CONTROL_F_MORE, 1);
    return CONTROL_FILL_FRAME;
}

static void release(struct control_stream *stream)
{
    struct node_stream *nodes = LIST_ENTRY(stream, struct node_stream, stream);
    struct xenstored *xs = nodes->xs;

    compare_end(&nodes->compare);
    tree_release(&xs->env, &nodes->before);
    tree_release(&xs->env, &nodes->after);
    arena_free(xs->arena, nodes, sizeof(*nodes));
}

int remote_nodes(struct xenstored *xs, struct control_request *request, struct tree *before,
                 struct tree *after, const char *path, bool difference)
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    struct node_stream *nodes = arena_zalloc(xs->arena, sizeof(*nodes));
    int error;

    if (!nodes) {
        tree_release(&xs->env, before);
        tree_release(&xs->env, after);
        return -ENOMEM;
    }
    nodes->xs = xs;
    nodes->before = *before;
    nodes->after = *after;
    nodes->difference = difference;
    compare_begin(&nodes->compare, &xs->env,
                  before->root ? tree_lookup(&xs->env, before, path) : NULL,
                  after->root ? tree_lookup(&xs->env, after, path) : NULL, path);
    error = control_stream_start(request, &nodes->stream, &type);
    if (!error)
        return CONTROL_STREAMING;
    release(&nodes->stream);
    return error;
}
