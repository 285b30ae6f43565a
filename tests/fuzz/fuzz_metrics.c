/* SPDX-License-Identifier: ISC */
/**
 * @file
 * Statistics as hostile services send them, as text for Prometheus: whatever their names, labels
 * and texts are, it is a page that is taken as a whole, and no service speaks for another one.
 *
 * Input: bytes that say of a service (0x03) that it is up (0xc0) or down (0x80); then again and
 * again a byte that says whose item follows (0x03), two with a length, and the item's fields.
 */
#include "check.h"
#include "input.h"
#include "metrics_text.h"
#include "utf8.h"
#include <ctype.h>
#include <inttypes.h>
#include <stdint.h>

#define SERVICES 4u
/* A statistic takes 4 bytes at least, one byte makes 3 samples. */
#define INPUT_MAX   16384u
#define SAMPLES_MAX (3 * INPUT_MAX + 8)

static const char *const services[SERVICES] = {"xenstored", "switch", "monitor", "a\"\\\n\xff"};

/* What has been read of the page. */
struct page {
    const char *at, *end;
    char family[256]; /**< the running one */
    char *families[SAMPLES_MAX], *samples[SAMPLES_MAX];
    size_t family_count, sample_count;
    bool counter, typed;
};

static bool starts(const struct page *page, const char *text)
{
    const size_t length = strlen(text);

    return (size_t)(page->end - page->at) >= length && memcmp(page->at, text, length) == 0;
}

static void must(struct page *page, const char *text)
{
    ck_assert_msg(starts(page, text), "%s is missing before %.80s", text, page->at);
    page->at += strlen(text);
}

/* [a-zA-Z_][a-zA-Z0-9_]* */
static void read_name(struct page *page, char *name, size_t size)
{
    size_t length = 0;

    while (page->at < page->end && (isalnum((unsigned char)*page->at) || *page->at == '_')) {
        ck_assert(length + 1 < size);
        name[length++] = *page->at++;
    }
    name[length] = 0;
    ck_assert(length && !isdigit((unsigned char)name[0]));
}

/* Text in quotes, or (of help) to the line's end: UTF-8, nothing that is obeyed, known escapes. */
static void read_text(struct page *page, bool quoted)
{
    bool show;
    size_t length;

    while (page->at < page->end && *page->at != (quoted ? '"' : '\n')) {
        if (*page->at == '\\') {
            page->at++;
            ck_assert(*page->at == '\\' || *page->at == 'n' || (quoted && *page->at == '"'));
        }
        length = utf8_next(page->at, (size_t)(page->end - page->at), &show);
        ck_assert(length && show);
        page->at += length;
    }
}

static void read_labels(struct page *page)
{
    char names[STATISTIC_LABELS_MAX + 1][256];
    unsigned count = 0;

    must(page, "{service=\"");
    page->at -= strlen("service=\"");
    while (*page->at != '}') {
        ck_assert(count <= STATISTIC_LABELS_MAX);
        read_name(page, names[count], sizeof(names[count]));
        ck_assert(strncmp(names[count], "__", 2) != 0);
        for (unsigned i = 0; i < count; i++)
            ck_assert_msg(strcmp(names[i], names[count]) != 0, "%s is there twice", names[i]);
        count++;
        must(page, "=\"");
        read_text(page, true);
        must(page, "\"");
        if (*page->at == ',')
            page->at++;
        else
            ck_assert(*page->at == '}');
    }
    must(page, "}");
}

static void once(char **list, size_t *count, const char *text, size_t length)
{
    ck_assert(*count < SAMPLES_MAX);
    list[*count] = strndup(text, length);
    ck_assert_ptr_nonnull(list[*count]);
    (*count)++;
}

static void read_head(struct page *page)
{
    char name[256];
    const bool help = starts(page, "# HELP ");

    must(page, help ? "# HELP " : "# TYPE ");
    read_name(page, name, sizeof(name));
    must(page, " ");
    if (help || strcmp(name, page->family) != 0 || page->typed) {
        once(page->families, &page->family_count, name, strlen(name));
        strcpy(page->family, name);
        page->typed = false;
    }
    if (help) {
        read_text(page, false);
        must(page, "\n");
        must(page, "# TYPE ");
        must(page, name);
        must(page, " ");
    }
    page->counter = starts(page, "counter");
    must(page, page->counter ? "counter\n" : "gauge\n");
    page->typed = true;
    /* As OpenMetrics has it: so no gauge can have the name of another service's counter. */
    ck_assert_msg((strlen(name) >= 6 && strcmp(name + strlen(name) - 6, "_total") == 0) ==
                      page->counter,
                  "%s is a %s", name, page->counter ? "counter" : "gauge");
}

static void read_sample(struct page *page)
{
    const char *begin = page->at;
    char name[256];

    read_name(page, name, sizeof(name));
    ck_assert(page->typed && strcmp(name, page->family) == 0);
    read_labels(page);
    once(page->samples, &page->sample_count, begin, (size_t)(page->at - begin));
    must(page, " ");
    ck_assert(isdigit((unsigned char)*page->at));
    while (isdigit((unsigned char)*page->at) || *page->at == '.')
        page->at++;
    must(page, "\n");
}

static int compare(const void *left, const void *right)
{
    return strcmp(*(char *const *)left, *(char *const *)right);
}

static void all_differ(char **list, size_t count)
{
    qsort(list, count, sizeof(*list), compare);
    for (size_t i = 1; i < count; i++)
        ck_assert_msg(strcmp(list[i - 1], list[i]) != 0, "%s is there twice", list[i]);
    for (size_t i = 0; i < count; i++)
        free(list[i]);
}

/* How many samples there are, those that were left out included. */
static size_t check(const char *text, size_t length)
{
    static struct page page;
    char *end;
    size_t left_out;

    page = (struct page){.at = text, .end = text + length};
    while (page.at < page.end && !starts(&page, "atoll_samples_left_out ")) {
        if (*page.at == '#')
            read_head(&page);
        else
            read_sample(&page);
    }
    ck_assert(strcmp(page.family, "atoll_samples_left_out") == 0);
    must(&page, "atoll_samples_left_out ");
    left_out = strtoull(page.at, &end, 10);
    ck_assert(end > page.at && strcmp(end, "\n") == 0 && end + 1 == page.end);
    left_out += page.sample_count;
    all_differ(page.families, page.family_count);
    all_differ(page.samples, page.sample_count);
    return left_out;
}

/* --- the service, in the place of control_client.c ---------------------------------------------
 */

struct control_client {
    struct input input;
    unsigned service;
    uint8_t frame[CONTROL_FRAME_MAX];
};

struct control_writer *control_client_begin(struct control_client *client, uint16_t type)
{
    ck_assert(type == CONTROL_T_STATS);
    return NULL;
}

int control_client_send(struct control_client *client)
{
    return 0;
}

/* The next item of this service; one that is not well formed the client refuses. */
int control_client_next(struct control_client *client, int timeout_ms,
                        struct control_answer *answer)
{
    struct input *input = &client->input;

    memset(answer, 0, sizeof(*answer));
    while (!input_empty(input) && *input->at & 0x80)
        input->at++;
    while (!input_empty(input)) {
        const uint8_t head = input_byte(input);
        size_t length;
        uint32_t whole;

        length = input_byte(input);
        length |= (size_t)input_byte(input) << 8;
        if (length > (size_t)(input->end - input->at))
            length = (size_t)(input->end - input->at);
        if (length > sizeof(client->frame) - CONTROL_HEADER)
            length = sizeof(client->frame) - CONTROL_HEADER;
        memcpy(client->frame + CONTROL_HEADER, input->at, length);
        whole = (uint32_t)(CONTROL_HEADER + length);
        memcpy(client->frame, &whole, sizeof(whole));
        input->at += length;
        if (head % SERVICES != client->service || !control_check(client->frame, whole))
            continue;
        answer->kind = CONTROL_ITEM;
        control_read(&answer->fields, client->frame, whole);
        return 0;
    }
    answer->kind = CONTROL_END;
    return 0;
}

/* One is told to be up or down: how many samples that makes. */
static size_t tell(struct metrics_text *text, uint8_t head, unsigned service)
{
    const bool up = head & 0x40;

    if (head % SERVICES != service)
        return 0;
    ck_assert(metrics_text_service(text, services[service], up, head, up ? "1\"\n\xfe" : NULL,
                                   UINT64_MAX - head));
    return up ? 3 : 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct metrics_text *text = metrics_text_create();
    FILE *nowhere = fopen("/dev/null", "w");
    struct control_client client;
    struct report report;
    size_t length, count = 0;
    char *printed;
    FILE *out;

    if (size > INPUT_MAX)
        size = INPUT_MAX;
    report_init(&report, "metrics", nowhere, 0);
    for (unsigned i = 0; i < SERVICES; i++) {
        struct statistics *all = statistics_create();

        client.input = (struct input){data, data + size};
        client.service = i;
        ck_assert_int_eq(statistics_collect(&report, &client, 1, all), 0);
        for (size_t at = 0; at < size && data[at] & 0x80; at++)
            count += tell(text, data[at], i);
        ck_assert(metrics_text_add(text, services[i], all));
        count += all->count;
        statistics_free(all);
    }
    out = open_memstream(&printed, &length);
    metrics_text_print(text, out);
    fclose(out);
    ck_assert_uint_eq(check(printed, length), count);
    free(printed);
    metrics_text_free(text);
    fclose(nowhere);
    return 0;
}
