/* SPDX-License-Identifier: ISC */
#include "store_nodes.h"
#include <stdlib.h>
#include <string.h>

/* The node that is being put together. */
struct assembly {
    struct store_node node;
    bool begun;
    bool difference; /* STORE_DIFF: the nodes have kinds */
    store_node_fn *each;
};

static bool append(struct text *text, const struct control_field *field)
{
    char *grown;

    text->given = true;
    if (text->length + field->length > STORE_PART_MAX)
        return false;
    grown = realloc(text->data, text->length + field->length + 1);
    if (!grown)
        return false;
    memcpy(grown + text->length, field->value, field->length);
    text->data = grown;
    text->length += field->length;
    return true;
}

static void clear(struct assembly *a)
{
    struct store_node *node = &a->node;

    free(node->path.data);
    free(node->before.value.data);
    free(node->before.perms.data);
    free(node->after.value.data);
    free(node->after.perms.data);
    memset(node, 0, sizeof(*node));
    a->begun = false;
}

static struct text *part(struct store_node *node, uint16_t tag)
{
    switch (tag) {
    case CONTROL_F_OLD_VALUE:
        return &node->before.value;
    case CONTROL_F_OLD_PERMS:
        return &node->before.perms;
    case CONTROL_F_NEW_VALUE:
        return &node->after.value;
    case CONTROL_F_NEW_PERMS:
        return &node->after.perms;
    default:
        return NULL;
    }
}

/* Take an item's fields into the node. */
static bool take(struct assembly *a, const struct control_reader *fields)
{
    struct control_reader reader = {.data = fields->data, .length = fields->length};
    struct control_field field;

    while (control_next(&reader, &field)) {
        struct text *text = part(&a->node, field.tag);

        if (!a->begun && field.tag == CONTROL_F_PATH)
            text = &a->node.path;
        if (text && !append(text, &field))
            return false;
    }
    a->begun = true;
    return true;
}

static void set_text(json_t *object, const char *name, const struct text *text)
{
    if (text->given)
        json_object_set_new(object, name,
                            output_json_bytes(text->data ? text->data : "", text->length));
}

static json_t *node_json(const struct assembly *a)
{
    const struct store_node *node = &a->node;
    json_t *object = json_object();

    set_text(object, "path", &node->path);
    if (a->difference)
        json_object_set_new(object, "kind",
                            json_string(!node->before.known  ? "added"
                                        : !node->after.known ? "removed"
                                                             : "changed"));
    set_text(object, "old-value", &node->before.value);
    set_text(object, "old-perms", &node->before.perms);
    set_text(object, "new-value", &node->after.value);
    set_text(object, "new-perms", &node->after.perms);
    return object;
}

/* The node is whole. */
static int finish(struct call *call, struct assembly *a)
{
    struct store_node *node = &a->node;
    int rc = 0;

    node->before.known = node->before.value.given || node->before.perms.given;
    node->after.known = node->after.value.given || node->after.perms.given;
    if (a->each)
        rc = a->each(call, node);
    else
        json_array_append_new(call->array, node_json(a));
    clear(a);
    return rc;
}

static int take_nodes(struct call *call, const struct control_reader *fields)
{
    struct assembly *a = call->context;
    struct control_field kind;

    a->difference |= control_find(fields, CONTROL_F_KIND, &kind);
    if (!take(a, fields))
        return report_fail(&call->session.report, ATOLL_FAILURE,
                           "a node of more than %u bytes is too large to be shown", STORE_PART_MAX);
    return control_number(fields, CONTROL_F_MORE, 0) ? 0 : finish(call, a);
}

int store_nodes(struct call *call, store_node_fn *each)
{
    static const char *const none[] = {"", NULL};
    struct assembly a = {.each = each};
    int rc;

    call->context = &a;
    if (!each)
        call_table_begin(call, none);
    rc = call_stream(call, 0, take_nodes);
    clear(&a);
    return each ? rc : call_table_end(call, rc, "");
}

void store_node_print(const struct text *path, const struct side *side)
{
    if (path)
        output_escape(stdout, path->data, path->length);
    if (side->value.given) {
        printf(" = \"");
        output_escape(stdout, side->value.data, side->value.length);
        printf("\"");
    }
    if (side->perms.given) {
        printf("%s(", side->value.given ? "   " : " ");
        output_escape(stdout, side->perms.data, side->perms.length);
        printf(")");
    }
}
