/* SPDX-License-Identifier: ISC */
#include "metrics_text.h"
#include "utf8.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX   "atoll_"
#define LEFT_OUT PREFIX "samples_left_out"

/* A sample: its family, its labels as they are printed, its value as text. */
struct sample {
    char family[160];
    char help[256];
    bool counter;
    char value[40];
    char *labels;
    size_t order;
};

struct metrics_text {
    struct sample *list;
    size_t count, room;
};

struct metrics_text *metrics_text_create(void)
{
    return calloc(1, sizeof(struct metrics_text));
}

void metrics_text_free(struct metrics_text *text)
{
    for (size_t i = 0; text && i < text->count; i++)
        free(text->list[i].labels);
    if (text)
        free(text->list);
    free(text);
}

/* --- names ------------------------------------------------------------------------------------ */

static bool ends_with(const char *text, const char *end)
{
    const size_t length = strlen(text), tail = strlen(end);

    return length >= tail && strcmp(text + length - tail, end) == 0;
}

/* [a-zA-Z_][a-zA-Z0-9_]*; a colon is for rules of Prometheus' own. */
static void clean_name(char *name)
{
    for (char *at = name; *at; at++) {
        if (!isalnum((unsigned char)*at) || (unsigned char)*at > 126)
            *at = '_';
    }
}

static void add_end(char *name, size_t size, const char *end)
{
    if (ends_with(name, end))
        return;
    if (strlen(name) + strlen(end) >= size)
        name[size - strlen(end) - 1] = 0;
    strcat(name, end);
}

/* Take the word out of the midst of a name. */
static void drop_word(char *name, const char *word)
{
    char *at = strstr(name, word);

    if (at && at[strlen(word)] == '_')
        memmove(at, at + strlen(word), strlen(at + strlen(word)) + 1);
}

/* The unit comes before _total, is a base unit, and is said once: port_bytes_in is
 * atoll_port_in_bytes_total. */
static void name_family(struct sample *sample, const struct statistic *s)
{
    const bool seconds = strcmp(s->unit, "nanoseconds") == 0 || strcmp(s->unit, "seconds") == 0;

    snprintf(sample->family, sizeof(sample->family), PREFIX "%s", s->name);
    clean_name(sample->family);
    /* Suffixes that say what they are not: of gauges, and before the unit. All of them, so that no
     * service's gauge takes the name of another one's counter. */
    while (ends_with(sample->family, "_total"))
        sample->family[strlen(sample->family) - strlen("_total")] = 0;
    if (strcmp(s->unit, "bytes") == 0)
        drop_word(sample->family, "_bytes");
    if (seconds)
        add_end(sample->family, sizeof(sample->family), "_seconds");
    else if (strcmp(s->unit, "bytes") == 0)
        add_end(sample->family, sizeof(sample->family), "_bytes");
    if (strcmp(sample->family, LEFT_OUT) == 0) /* the tool's own */
        add_end(sample->family, sizeof(sample->family), "_of_service");
    if (s->counter)
        add_end(sample->family, sizeof(sample->family), "_total");
}

static void put_value(struct sample *sample, const struct statistic *s)
{
    if (strcmp(s->unit, "nanoseconds") == 0)
        snprintf(sample->value, sizeof(sample->value), "%" PRIu64 ".%09" PRIu64,
                 s->value / 1000000000u, s->value % 1000000000u);
    else
        snprintf(sample->value, sizeof(sample->value), "%" PRIu64, s->value);
}

/* --- text ------------------------------------------------------------------------------------- */

/* With what the format escapes: backslash and newline, in labels the quote as well. */
static void put_escaped(FILE *out, const char *text, bool label)
{
    const char *const end = text + strlen(text);

    while (text < end) {
        bool show;
        const size_t length = utf8_next(text, (size_t)(end - text), &show);

        if (*text == '\\')
            fputs("\\\\", out);
        else if (*text == '\n')
            fputs("\\n", out);
        else if (*text == '"' && label)
            fputs("\\\"", out);
        else if (!show)
            putc('?', out);
        else
            fwrite(text, 1, length, out);
        text += length ? length : 1;
    }
}

/* Of 71 bytes, and two for each of the others that it may have to differ from. */
#define LABEL_NAME (72 + 2 * STATISTIC_LABELS_MAX)

/* A label's name that none before it has. Ours win: a statistic's of the same name gets another, as
 * Prometheus itself has it. */
static void label_name(const struct statistic *s, unsigned index, char names[][LABEL_NAME])
{
    char *name = names[index];

    snprintf(name, 72, "%s%s", strcmp(s->labels[index].name, "service") == 0 ? "exported_" : "",
             s->labels[index].name);
    clean_name(name);
    if (!name[0] || isdigit((unsigned char)name[0]))
        name[0] = '_';
    /* "__" is Prometheus' own. */
    if (strncmp(name, "__", 2) == 0)
        name[1] = 'x';
    for (unsigned i = 0; i < index;) {
        if (strcmp(name, names[i]) == 0) {
            const char end[] = {'_', (char)('0' + index % 10), 0};

            strcat(name, end);
            i = 0; /* from the first again: longer than before, so each is met once at most */
        } else {
            i++;
        }
    }
}

/* "{service="switch",port="web/0"}", for free(); NULL: no memory. */
static char *make_labels(const char *service, const struct statistic *s)
{
    char *text = NULL, names[STATISTIC_LABELS_MAX][LABEL_NAME] = {{0}};
    size_t length;
    FILE *out = open_memstream(&text, &length);

    if (!out)
        return NULL;
    fputs("{service=\"", out);
    put_escaped(out, service, true);
    putc('"', out);
    for (unsigned i = 0; i < s->label_count; i++) {
        label_name(s, i, names);
        fprintf(out, ",%s=\"", names[i]);
        put_escaped(out, s->labels[i].value, true);
        putc('"', out);
    }
    putc('}', out);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}

/* --- samples ---------------------------------------------------------------------------------- */

static struct sample *add(struct metrics_text *text, const char *service, const struct statistic *s)
{
    struct sample *sample;

    if (text->count == text->room) {
        const size_t room = text->room ? 2 * text->room : 256;
        struct sample *grown = reallocarray(text->list, room, sizeof(*grown));

        if (!grown)
            return NULL;
        text->list = grown;
        text->room = room;
    }
    sample = &text->list[text->count];
    memset(sample, 0, sizeof(*sample));
    sample->order = text->count;
    sample->counter = s->counter;
    snprintf(sample->help, sizeof(sample->help), "%s", s->text);
    name_family(sample, s);
    put_value(sample, s);
    sample->labels = make_labels(service, s);
    if (!sample->labels)
        return NULL;
    text->count++;
    return sample;
}

bool metrics_text_add(struct metrics_text *text, const char *service,
                      const struct statistics *statistics)
{
    for (size_t i = 0; i < statistics->count; i++) {
        if (!add(text, service, statistics->list[i]))
            return false;
    }
    return true;
}

bool metrics_text_service(struct metrics_text *text, const char *service, bool up, uint32_t domid,
                          const char *version, uint64_t duration_ns)
{
    const struct statistic is_up = {
        .name = "up", .text = "1: the service runs and has answered", .value = up};
    const struct statistic duration = {.name = "scrape_duration",
                                       .unit = "nanoseconds",
                                       .text = "time that the service took to answer",
                                       .value = duration_ns};
    struct statistic info = {.name = "service_info",
                             .text = "domain and version of the service",
                             .value = 1,
                             .label_count = 2,
                             .labels = {{.name = "domid"}, {.name = "version"}}};

    if (!add(text, service, &is_up) || !add(text, service, &duration))
        return false;
    if (!version)
        return true;
    snprintf(info.labels[0].value, sizeof(info.labels[0].value), "%" PRIu32, domid);
    snprintf(info.labels[1].value, sizeof(info.labels[1].value), "%s", version);
    return add(text, service, &info) != NULL;
}

static int compare(const void *left, const void *right)
{
    const struct sample *a = left, *b = right;
    const int rc = strcmp(a->family, b->family);

    return rc ? rc : a->order < b->order ? -1 : 1;
}

static int compare_labels(const void *left, const void *right)
{
    const struct sample *const *a = left, *const *b = right;
    const int rc = strcmp((*a)->labels, (*b)->labels);

    return rc ? rc : (*a)->order < (*b)->order ? -1 : 1;
}

/* Drop those of @count samples of one family that are there twice, or of another type: how many. */
static size_t drop_doubles(struct sample *family, size_t count)
{
    struct sample **sorted = calloc(count, sizeof(*sorted));
    const char *before = NULL;
    size_t dropped = 0;

    if (!sorted) {
        /* Rather none than a text that is refused as a whole. */
        for (size_t i = 0; i < count; i++)
            family[i].value[0] = 0;
        return count;
    }
    for (size_t i = 0; i < count; i++)
        sorted[i] = &family[i];
    qsort(sorted, count, sizeof(struct sample *), compare_labels);
    for (size_t i = 0; i < count; i++) {
        if (sorted[i]->counter == family[0].counter &&
            (!before || strcmp(before, sorted[i]->labels) != 0)) {
            before = sorted[i]->labels;
            continue;
        }
        sorted[i]->value[0] = 0;
        dropped++;
    }
    free(sorted);
    return dropped;
}

static void print_head(FILE *out, const char *family, const char *help, bool counter)
{
    if (help[0]) {
        fprintf(out, "# HELP %s ", family);
        put_escaped(out, help, false);
        putc('\n', out);
    }
    fprintf(out, "# TYPE %s %s\n", family, counter ? "counter" : "gauge");
}

void metrics_text_print(struct metrics_text *text, FILE *out)
{
    size_t dropped = 0, next;

    if (text->count)
        qsort(text->list, text->count, sizeof(*text->list), compare);
    for (size_t i = 0; i < text->count; i = next) {
        const struct sample *first = &text->list[i];

        for (next = i; next < text->count; next++) {
            if (strcmp(text->list[next].family, first->family) != 0)
                break;
        }
        dropped += drop_doubles(&text->list[i], next - i);
        print_head(out, first->family, first->help, first->counter);
        for (size_t at = i; at < next; at++) {
            if (text->list[at].value[0])
                fprintf(out, "%s%s %s\n", first->family, text->list[at].labels,
                        text->list[at].value);
        }
    }
    print_head(out, LEFT_OUT, "samples whose name and labels were there already", false);
    fprintf(out, LEFT_OUT " %zu\n", dropped);
}
