/* SPDX-License-Identifier: ISC */
#include "flow_group.h"
#include "common/hash.h"
#include "flow_text.h"
#include "output.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

struct flow_groups {
    enum flow_by by;
    struct hash_key hash;
    struct flow_group *groups;
    size_t count, room;
    uint32_t *table; /* numbers of groups from 1 on; 0: free. Half of it at most is used */
    size_t size;     /* a power of two */
    struct flow_group others;
};

static const struct {
    const char *name, *title;
} kinds[FLOW_BYS] = {{"guest", "Guest"},       {"vif", "Port"},   {"port", "Service port"},
                     {"protocol", "Protocol"}, {"peer", "Peers"}, {"talker", "Address"},
                     {"name", "Name"}};

bool flow_by_parse(const char *name, enum flow_by *by)
{
    for (unsigned i = 0; i < FLOW_BYS; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *by = (enum flow_by)i;
            return true;
        }
    }
    return false;
}

struct flow_groups *flow_groups_create(enum flow_by by)
{
    struct flow_groups *groups = calloc(1, sizeof(*groups));

    if (!groups)
        return NULL;
    groups->by = by;
    groups->size = 1024;
    groups->table = calloc(groups->size, sizeof(*groups->table));
    /* Where there is no randomness yet the key is known, and that is all. */
    if (getrandom(&groups->hash, sizeof(groups->hash), GRND_NONBLOCK) < 0)
        groups->hash = (struct hash_key){1, 2};
    if (!groups->table) {
        free(groups);
        return NULL;
    }
    return groups;
}

void flow_groups_free(struct flow_groups *groups)
{
    if (!groups)
        return;
    for (size_t i = 0; i < groups->count; i++)
        free(groups->groups[i].key);
    free(groups->groups);
    free(groups->table);
    free(groups);
}

static size_t place(const struct flow_groups *g, const char *key)
{
    size_t at = hash_bytes(&g->hash, key, strlen(key)) & (g->size - 1);

    while (g->table[at] && strcmp(g->groups[g->table[at] - 1].key, key) != 0)
        at = (at + 1) & (g->size - 1);
    return at;
}

static int grow(struct flow_groups *g)
{
    const size_t room = g->room ? 2 * g->room : 256;
    struct flow_group *grown = reallocarray(g->groups, room, sizeof(*grown));
    uint32_t *table;

    if (!grown)
        return -ENOMEM;
    g->groups = grown;
    g->room = room;
    if (2 * room <= g->size)
        return 0;
    table = calloc(2 * room, sizeof(*table));
    if (!table)
        return -ENOMEM;
    free(g->table);
    g->table = table;
    g->size = 2 * room;
    for (size_t i = 0; i < g->count; i++)
        g->table[place(g, g->groups[i].key)] = (uint32_t)i + 1;
    return 0;
}

/* The group of this key; NULL: no memory. */
static struct flow_group *group_of(struct flow_groups *g, const char *key)
{
    size_t at = place(g, key);

    if (g->table[at])
        return &g->groups[g->table[at] - 1];
    if (g->count == FLOW_GROUPS_MAX)
        return &g->others;
    if (g->count == g->room) {
        if (grow(g))
            return NULL;
        at = place(g, key);
    }
    g->groups[g->count] = (struct flow_group){.key = strdup(key)};
    if (!g->groups[g->count].key)
        return NULL;
    g->table[at] = (uint32_t)++g->count;
    return &g->groups[g->count - 1];
}

/* Add the flow as seen from @side. */
static int add(struct flow_groups *g, const char *key, const struct flow_record *r, unsigned side)
{
    struct flow_group *group = group_of(g, key[0] ? key : "-");

    if (!group)
        return -ENOMEM;
    group->flows++;
    group->frames += flow_frames(r);
    group->sent += r->side[side].bytes;
    group->received += r->side[!side].bytes;
    return 0;
}

static void side_key(enum flow_by by, const struct flow_view *flow, unsigned side, char *key,
                     size_t size)
{
    if (by == FLOW_BY_GUEST)
        flow_guest(flow, side, key, size);
    else if (by == FLOW_BY_VIF)
        flow_vif(flow, side, key, size);
    else
        flow_address(flow, side, key, size);
}

static int add_sides(struct flow_groups *g, const struct flow_view *flow)
{
    char key[2][FLOW_TEXT];
    int rc = 0;

    for (unsigned side = 0; side < 2; side++)
        side_key(g->by, flow, side, key[side], sizeof(key[side]));
    /* Nobody knows who the other side is: then the flow is of the one that is known. */
    for (unsigned side = 0; side < 2 && !rc; side++) {
        if ((key[side][0] || (side == 0 && !key[1][0])) && (side == 0 || strcmp(key[0], key[1])))
            rc = add(g, key[side], &flow->record, side);
    }
    return rc;
}

int flow_groups_add(struct flow_groups *g, const struct flow_view *flow)
{
    const struct flow_record *r = &flow->record;
    char key[FLOW_TEXT], address[2][64];
    unsigned first;
    size_t used;

    switch (g->by) {
    case FLOW_BY_PORT:
        flow_protocol(r, key, sizeof(key));
        used = strlen(key);
        if (flow_has_ports(r->protocol) && r->family != 1)
            snprintf(key + used, sizeof(key) - used, "/%u", r->side[1].port);
        return add(g, key, r, 0);
    case FLOW_BY_PROTOCOL:
        return add(g, flow_protocol(r, key, sizeof(key)), r, 0);
    case FLOW_BY_PEER:
        first = memcmp(r->side[0].address, r->side[1].address, 16) > 0;
        snprintf(key, sizeof(key), "%s %s", flow_address(flow, first, address[0], 64),
                 flow_address(flow, !first, address[1], 64));
        return add(g, key, r, first);
    case FLOW_BY_NAME:
        return add(g, flow_escape(flow->name, r->name_length, key, sizeof(key)), r, 0);
    default:
        return add_sides(g, flow);
    }
}

static uint64_t weight(const struct flow_group *group, unsigned sort)
{
    if (sort == FLOW_SORTS)
        return group->flows;
    return sort == FLOW_SORT_FRAMES ? group->frames : group->sent + group->received;
}

static int compare(const void *a, const void *b, void *sort)
{
    const struct flow_group *x = a, *y = b;
    const uint64_t wx = weight(x, *(const unsigned *)sort), wy = weight(y, *(const unsigned *)sort);

    if (wx != wy)
        return wx > wy ? -1 : 1;
    return strcmp(x->key, y->key);
}

const struct flow_group *flow_groups_sort(struct flow_groups *g, unsigned sort, size_t *count)
{
    /* From now on nothing is added: what did not fit becomes one of them. */
    if (g->others.flows && (g->count < g->room || !grow(g))) {
        g->groups[g->count] = g->others;
        g->groups[g->count].key = strdup("(others)");
        if (g->groups[g->count].key)
            g->count++;
        g->others.flows = 0;
    }
    if (g->count)
        qsort_r(g->groups, g->count, sizeof(g->groups[0]), compare, &sort);
    *count = g->count;
    return g->groups;
}

static json_t *group_json(const struct flow_group *group)
{
    json_t *json = json_object();

    json_object_set_new(json, "key", json_string(group->key));
    json_object_set_new(json, "flows", output_json_number(group->flows));
    json_object_set_new(json, "frames", output_json_number(group->frames));
    json_object_set_new(json, "bytes", output_json_number(group->sent + group->received));
    json_object_set_new(json, "sent", output_json_number(group->sent));
    json_object_set_new(json, "received", output_json_number(group->received));
    return json;
}

#define NUMBERS 5u

static void numbers_of(const struct flow_group *group, char text[NUMBERS][32])
{
    snprintf(text[0], 32, "%llu", (unsigned long long)group->flows);
    snprintf(text[1], 32, "%llu", (unsigned long long)group->frames);
    output_bytes(group->sent + group->received, text[2], 32);
    output_bytes(group->sent, text[3], 32);
    output_bytes(group->received, text[4], 32);
}

/* Columns as wide as they need to be; the key's is what the others leave of the line. */
struct widths {
    size_t key, number[NUMBERS];
};

static void print_row(const struct widths *widths, const char *key, const char *const numbers[],
                      FILE *out)
{
    const int width = (int)widths->key;

    if (strlen(key) > widths->key)
        fprintf(out, "%.*s~", width - 1, key);
    else
        fprintf(out, "%-*s", width, key);
    for (unsigned i = 0; i < NUMBERS; i++)
        fprintf(out, "  %*s", (int)widths->number[i], numbers[i]);
    fputc('\n', out);
}

static void print_table(const struct flow_group *groups, size_t count, const char *title,
                        size_t line, FILE *out)
{
    static const char *const titles[NUMBERS] = {"Flows", "Frames", "Bytes", "Sent", "Received"};
    const bool colour = output_colour(out);
    struct widths widths = {.key = strlen(title)};
    char text[NUMBERS][32];
    size_t others = 0;

    for (unsigned n = 0; n < NUMBERS; n++)
        widths.number[n] = strlen(titles[n]);
    for (size_t i = 0; i < count; i++) {
        numbers_of(&groups[i], text);
        widths.key = strlen(groups[i].key) > widths.key ? strlen(groups[i].key) : widths.key;
        for (unsigned n = 0; n < NUMBERS; n++)
            widths.number[n] =
                strlen(text[n]) > widths.number[n] ? strlen(text[n]) : widths.number[n];
    }
    for (unsigned n = 0; n < NUMBERS; n++)
        others += 2 + widths.number[n];
    if (line && widths.key + others > line)
        widths.key = line > others + 12 ? line - others : 12;
    fputs(colour ? "\033[1m" : "", out);
    print_row(&widths, title, titles, out);
    output_tint(out, colour, TINT_NONE);
    for (size_t i = 0; i < count; i++) {
        numbers_of(&groups[i], text);
        print_row(&widths, groups[i].key,
                  (const char *const[]){text[0], text[1], text[2], text[3], text[4]}, out);
    }
}

static void print_json(const struct flow_group *groups, size_t count, FILE *out)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        json_array_append_new(array, group_json(&groups[i]));
    output_json(out, array, true);
}

void flow_groups_print(struct flow_groups *g, unsigned sort, size_t limit, bool json, size_t line,
                       FILE *out)
{
    size_t count;
    const struct flow_group *groups = flow_groups_sort(g, sort, &count);

    count = limit && limit < count ? limit : count;
    if (json)
        print_json(groups, count, out);
    else if (count)
        print_table(groups, count, kinds[g->by].title, line, out);
    else
        fputs("No flows.\n", out);
}
