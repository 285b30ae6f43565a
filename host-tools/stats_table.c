/* SPDX-License-Identifier: ISC */
#include "stats_table.h"
#include "output.h"
#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 12u /* statistics in one table; more go into the next */

struct statistics *statistics_create(void)
{
    return calloc(1, sizeof(struct statistics));
}

static void read_labels(struct statistic *s, const struct control_reader *fields)
{
    struct control_reader reader = {.data = fields->data, .length = fields->length}, group;
    struct control_field field;

    while (s->label_count < STATISTIC_LABELS_MAX && control_next(&reader, &field)) {
        struct statistic_label *label = &s->labels[s->label_count];

        if (field.tag != CONTROL_F_LABEL)
            continue;
        control_read_group(&group, &field);
        if (!control_string(&group, CONTROL_F_NAME, label->name, sizeof(label->name)))
            continue;
        control_string(&group, CONTROL_F_TEXT, label->value, sizeof(label->value));
        s->label_count++;
    }
}

bool statistics_add(struct statistics *all, const struct control_reader *fields)
{
    struct statistic *s;

    if (all->count == STATISTICS_MAX)
        return false;
    if (all->count == all->room) {
        const size_t room = all->room ? 2 * all->room : 64;
        struct statistic **grown = reallocarray(all->list, room, sizeof(struct statistic *));

        if (!grown)
            return false;
        all->list = grown;
        all->room = room;
    }
    s = calloc(1, sizeof(*s));
    if (!s)
        return false;
    if (!control_string(fields, CONTROL_F_NAME, s->name, sizeof(s->name)))
        strcpy(s->name, "?");
    control_string(fields, CONTROL_F_UNIT, s->unit, sizeof(s->unit));
    control_string(fields, CONTROL_F_TEXT, s->text, sizeof(s->text));
    s->value = control_number(fields, CONTROL_F_VALUE, 0);
    s->counter = control_number(fields, CONTROL_F_COUNTER, 0) != 0;
    read_labels(s, fields);
    all->list[all->count++] = s;
    return true;
}

int statistics_collect(struct report *report, struct control_client *client, int timeout_ms,
                       struct statistics *all)
{
    struct control_answer answer;
    struct control_reader group;
    struct control_field field;
    int rc;

    control_client_begin(client, CONTROL_T_STATS);
    rc = control_client_send(client);
    while (!rc) {
        rc = control_client_next(client, timeout_ms, &answer);
        if (rc || answer.kind != CONTROL_ITEM)
            break;
        while (!rc && control_next(&answer.fields, &field)) {
            if (field.tag != CONTROL_F_STATISTIC)
                continue;
            control_read_group(&group, &field);
            if (!statistics_add(all, &group))
                rc = report_fail(report, ATOLL_FAILURE,
                                 "the service has more statistics than there is memory for");
        }
    }
    return rc;
}

/* --- tables -------------------------------------------------------------------------------------
 */

static void value_cell(struct table *t, const struct statistic *s)
{
    char text[64];

    if (strcmp(s->unit, "bytes") == 0)
        output_bytes(s->value, text, sizeof(text));
    else if (strcmp(s->unit, "nanoseconds") == 0)
        output_duration(s->value, text, sizeof(text));
    else if (strcmp(s->unit, "seconds") == 0 && s->value <= UINT64_MAX / 1000000000u)
        output_duration(s->value * 1000000000u, text, sizeof(text));
    else
        snprintf(text, sizeof(text), "%llu%s%s", (unsigned long long)s->value,
                 s->unit[0] ? " " : "", s->unit);
    table_cell(t, TINT_NONE, "%s", text);
}

static void print_plain(const struct statistics *all, FILE *out)
{
    static const char *const columns[] = {"Statistic", ">Value", "Meaning", NULL};
    struct table *t = table_create(columns);
    bool any = false;

    for (size_t i = 0; i < all->count; i++) {
        const struct statistic *s = all->list[i];

        if (s->label_count)
            continue;
        table_cell(t, TINT_NONE, "%s", s->name);
        value_cell(t, s);
        table_cell(t, TINT_DIM, "%s", s->text);
        any = true;
    }
    if (any)
        table_print(t, out, "");
    else
        table_free(t);
}

/* Have they labels of the same names? */
static bool same_kind(const struct statistic *a, const struct statistic *b)
{
    if (a->label_count != b->label_count)
        return false;
    for (unsigned i = 0; i < a->label_count; i++) {
        if (strcmp(a->labels[i].name, b->labels[i].name) != 0)
            return false;
    }
    return true;
}

static bool same_labels(const struct statistic *a, const struct statistic *b)
{
    if (!same_kind(a, b))
        return false;
    for (unsigned i = 0; i < a->label_count; i++) {
        if (strcmp(a->labels[i].value, b->labels[i].value) != 0)
            return false;
    }
    return true;
}

/* One table: titles, and which statistics are its columns and rows. */
struct grid {
    const struct statistics *all;
    const struct statistic *columns[COLUMNS_MAX];
    unsigned column_count;
    const struct statistic **rows; /* one that has the labels */
    size_t row_count;
    const struct statistic **cells; /* COLUMNS_MAX a row */
    char *titles[STATISTIC_LABELS_MAX + COLUMNS_MAX + 1];
};

static unsigned column_of(const struct grid *g, const struct statistic *s)
{
    unsigned i = 0;

    while (i < g->column_count && strcmp(g->columns[i]->name, s->name) != 0)
        i++;
    return i;
}

/* Mostly the row of the statistic before it: services tell all of one thing, then of the next. */
static size_t row_of(const struct grid *g, const struct statistic *s)
{
    for (size_t i = g->row_count; i-- > 0;) {
        if (same_labels(g->rows[i], s))
            return i;
    }
    return g->row_count;
}

/* Put those of the kind of the one at @first into the grid; @done are shown already. */
static void grid_fill(struct grid *g, size_t first, bool *done)
{
    for (size_t i = first; i < g->all->count; i++) {
        const struct statistic *s = g->all->list[i];
        unsigned column;
        size_t row;

        if (done[i] || !same_kind(s, g->all->list[first]))
            continue;
        column = column_of(g, s);
        if (column == COLUMNS_MAX)
            continue;
        row = row_of(g, s);
        if (column == g->column_count)
            g->columns[g->column_count++] = s;
        if (row == g->row_count)
            g->rows[g->row_count++] = s;
        g->cells[row * COLUMNS_MAX + column] = s;
        done[i] = true;
    }
}

/* How much all columns' names begin with, up to a '_': the table says it once, by being one. */
static size_t common_prefix(const struct grid *g)
{
    const char *name = g->columns[0]->name;
    size_t length = 0;

    for (size_t i = 0; g->column_count > 1 && name[i]; i++) {
        for (unsigned column = 1; column < g->column_count; column++) {
            if (g->columns[column]->name[i] != name[i])
                return length;
        }
        if (name[i] == '_')
            length = i + 1;
    }
    return length;
}

static bool grid_titles(struct grid *g, const struct statistic *first)
{
    const size_t prefix = common_prefix(g);
    unsigned count = 0;

    for (unsigned i = 0; i < first->label_count; i++) {
        char *escaped = output_escaped(first->labels[i].name, strlen(first->labels[i].name));

        /* No blank can begin an escaped name's column but ours: ">" would turn it. */
        if (!escaped ||
            asprintf(&g->titles[count++], "%s%s", *escaped == '>' ? " " : "", escaped) < 0) {
            free(escaped);
            return false;
        }
        free(escaped);
    }
    for (unsigned i = 0; i < g->column_count; i++) {
        const char *name = g->columns[i]->name + prefix;
        char *escaped = output_escaped(name, strlen(name));
        const int n = escaped ? asprintf(&g->titles[count++], ">%s", escaped) : -1;

        free(escaped);
        if (n < 0)
            return false;
    }
    return true;
}

static void grid_print(struct grid *g, const struct statistic *first, FILE *out)
{
    struct table *t = table_create((const char *const *)g->titles);

    for (size_t row = 0; row < g->row_count; row++) {
        for (unsigned i = 0; i < first->label_count; i++)
            table_cell(t, TINT_NONE, "%s", g->rows[row]->labels[i].value);
        for (unsigned i = 0; i < g->column_count; i++) {
            const struct statistic *s = g->cells[row * COLUMNS_MAX + i];

            if (s)
                value_cell(t, s);
            else
                table_cell(t, TINT_DIM, "-");
        }
    }
    fputc('\n', out);
    table_print(t, out, "");
}

static void print_kind(const struct statistics *all, size_t first, bool *done, FILE *out)
{
    struct grid g = {.all = all};

    g.rows = calloc(all->count, sizeof(*g.rows));
    g.cells = calloc(all->count * COLUMNS_MAX, sizeof(*g.cells));
    done[first] = !g.rows || !g.cells; /* no memory: on with the next */
    if (!done[first]) {
        grid_fill(&g, first, done);
        if (grid_titles(&g, all->list[first]))
            grid_print(&g, all->list[first], out);
    }
    for (size_t i = 0; i < sizeof(g.titles) / sizeof(g.titles[0]); i++)
        free(g.titles[i]);
    free(g.rows);
    free(g.cells);
}

void statistics_print(const struct statistics *all, FILE *out)
{
    bool *done = calloc(all->count + 1, sizeof(*done));

    print_plain(all, out);
    for (size_t i = 0; done && i < all->count; i++) {
        if (all->list[i]->label_count && !done[i])
            print_kind(all, i, done, out);
    }
    free(done);
}

/* --- JSON ---------------------------------------------------------------------------------------
 */

static json_t *text_json(const char *text)
{
    json_t *json = json_string(text);

    return json ? json : output_json_bytes(text, strlen(text)); /* not UTF-8 */
}

static json_t *labels_json(const struct statistic *s)
{
    json_t *labels = json_object();

    for (unsigned i = 0; i < s->label_count; i++) {
        char *name = output_escaped(s->labels[i].name, strlen(s->labels[i].name));

        if (name)
            json_object_set_new(labels, name, text_json(s->labels[i].value));
        free(name);
    }
    return labels;
}

json_t *statistics_json(const struct statistics *all)
{
    json_t *array = json_array();

    for (size_t i = 0; i < all->count; i++) {
        const struct statistic *s = all->list[i];
        json_t *object = json_object();

        json_object_set_new(object, "name", text_json(s->name));
        json_object_set_new(object, "value", output_json_number(s->value));
        json_object_set_new(object, "unit", s->unit[0] ? text_json(s->unit) : json_null());
        json_object_set_new(object, "counter", json_boolean(s->counter));
        json_object_set_new(object, "text", text_json(s->text));
        json_object_set_new(object, "labels", labels_json(s));
        json_array_append_new(array, object);
    }
    return array;
}

void statistics_free(struct statistics *all)
{
    if (!all)
        return;
    for (size_t i = 0; i < all->count; i++)
        free(all->list[i]);
    free(all->list);
    free(all);
}
