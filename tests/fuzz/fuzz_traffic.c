/* SPDX-License-Identifier: ISC */
/**
 * @file
 * `atoll report` on what a hostile monitor or a hostile guest gives it: the page is HTML of the
 * elements and attributes that it is made of, and nothing that a stranger wrote becomes one.
 *
 * Input: a byte (1: of a running monitor, 2: a time span), then without 1 records of flows; else
 * again and again a byte that says which request this answers, two with a length, and an item's
 * fields.
 */
#include "check.h"
#include "input.h"
#include "traffic_live.h"
#include "traffic_page.h"
#include "utf8.h"
#include <ctype.h>

#define DEPTH_MAX 16u
#define SOURCE    "<b onclick='x'>\"&\x1b\xff"

/* --- the monitor, in the place of call.c and control_client.c ----------------------------------
 */

struct control_client {
    const uint8_t *data;
    size_t size;
    uint16_t type; /* of the request that was begun */
    uint8_t frame[CONTROL_FRAME_MAX];
    struct control_writer request;
    uint8_t request_frame[256];
};

static const uint16_t requests[] = {CONTROL_T_MONITOR_SHOW, CONTROL_T_MONITOR_FLOWS,
                                    CONTROL_T_MONITOR_PORTS, CONTROL_T_MONITOR_ALERTS};

/* The next item of @input that answers @type; one that is not well formed the client refuses. */
static bool next_item(struct control_client *client, struct input *input, uint16_t type,
                      struct control_reader *fields)
{
    while (!input_empty(input)) {
        const uint8_t head = input_byte(input);
        size_t length = input_byte(input);
        uint32_t whole;

        length |= (size_t)input_byte(input) << 8;
        if (length > (size_t)(input->end - input->at))
            length = (size_t)(input->end - input->at);
        if (length > sizeof(client->frame) - CONTROL_HEADER)
            length = sizeof(client->frame) - CONTROL_HEADER;
        memcpy(client->frame + CONTROL_HEADER, input->at, length);
        whole = (uint32_t)(CONTROL_HEADER + length);
        memcpy(client->frame, &whole, sizeof(whole));
        input->at += length;
        if (requests[head & 3] != type || !control_check(client->frame, whole))
            continue;
        control_read(fields, client->frame, whole);
        return true;
    }
    return false;
}

int control_client_call(struct control_client *client, uint16_t type, struct control_answer *answer)
{
    struct input input = {client->data, client->data + client->size};

    memset(answer, 0, sizeof(*answer));
    return next_item(client, &input, type, &answer->fields) ? 0 : 1;
}

struct control_writer *call_begin(struct call *call, uint16_t type)
{
    struct control_client *client = call->client;

    client->type = type;
    control_begin(&client->request, client->request_frame, sizeof(client->request_frame), type,
                  CONTROL_REQUEST, 1);
    return &client->request;
}

int call_stream(struct call *call, uint16_t entry, call_item_fn *item)
{
    struct control_client *client = call->client;
    struct input input = {client->data, client->data + client->size};
    struct control_reader fields;
    int rc = 0;

    (void)entry;
    while (!rc && next_item(client, &input, client->type, &fields))
        rc = item(call, &fields);
    return rc;
}

/* --- the page ----------------------------------------------------------------------------------
 */

/* What reads the page is not what is tried, and most of the time would go into it. */
#ifdef __clang__
#pragma clang attribute push(__attribute__((no_sanitize("coverage"))), apply_to = function)
#endif

struct html {
    const char *at, *end;
    char open[DEPTH_MAX][16];
    unsigned depth;
};

static bool starts(const struct html *html, const char *text)
{
    const char *at = html->at;

    while (*text && at < html->end && *at == *text) {
        at++;
        text++;
    }
    return !*text;
}

static void must(struct html *html, const char *text)
{
    ck_assert_msg(starts(html, text), "%s is missing before %.80s", text, html->at);
    html->at += strlen(text);
}

/* Is @word one of those in @list, each with a blank behind it? */
static bool one_of(const char *list, const char *word)
{
    const char *at = list;

    while (*at) {
        const char *w = word;

        while (*w && *at == *w) {
            at++;
            w++;
        }
        if (!*w && *at == ' ')
            return w != word;
        while (*at++ != ' ') {
        }
    }
    return false;
}

static void read_word(struct html *html, char *word, size_t size, const char *list)
{
    size_t length = 0;

    while (length + 1 < size && (isalnum((unsigned char)*html->at) || *html->at == '-'))
        word[length++] = *html->at++;
    word[length] = 0;
    ck_assert_msg(one_of(list, word), "<%s>, which no page of ours has: %.80s", word, html->at);
}

/* Up to what ends it: UTF-8 that is shown, references that we write, no markup. */
static void read_text(struct html *html, char end)
{
    static const char *const references[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};
    bool show, known;
    size_t length;

    while (html->at < html->end && *html->at != end) {
        if ((*html->at >= 'a' && *html->at <= 'z') || (*html->at >= ' ' && *html->at <= '!') ||
            (*html->at >= '(' && *html->at <= '9')) {
            html->at++; /* most is of this kind */
            continue;
        }
        known = *html->at != '&';
        for (unsigned i = 0; i < sizeof(references) / sizeof(references[0]); i++)
            known = known || starts(html, references[i]);
        ck_assert_msg(known, "%.20s", html->at);
        ck_assert(*html->at != '<' && *html->at != '>');
        length = utf8_next(html->at, (size_t)(html->end - html->at), &show);
        ck_assert(length && (show || *html->at == '\n'));
        html->at += length;
    }
}

static void read_attribute(struct html *html)
{
    static const char known[] =
        "lang charset name content http-equiv class style title viewBox role aria-label x1 x2 y1 "
        "y2 x y d text-anchor ";
    char word[24];
    const char *value;
    bool numbers;

    must(html, " ");
    read_word(html, word, sizeof(word), known);
    numbers = one_of("x1 x2 y1 y2 x y d ", word);
    must(html, "=\"");
    value = html->at;
    read_text(html, '"');
    for (; numbers && value < html->at; value++)
        ck_assert_msg(isdigit((unsigned char)*value) || strchr("MLZ .-", *value), "%s=\"%.40s",
                      word, value);
    must(html, "\"");
}

static void read_tag(struct html *html)
{
    static const char known[] =
        "html head meta title style body header h1 p div b span section h2 table thead tbody tr th "
        "td i ul li svg line text path br footer ";
    const bool closes = starts(html, "</");
    char word[16];

    html->at += closes ? 2 : 1;
    read_word(html, word, sizeof(word), known);
    if (closes) {
        ck_assert_msg(html->depth && strcmp(html->open[html->depth - 1], word) == 0,
                      "</%s> ends none that is open: %.80s", word, html->at);
        html->depth--;
        must(html, ">");
        return;
    }
    while (*html->at == ' ')
        read_attribute(html);
    if (starts(html, "/>")) {
        html->at += 2;
        return;
    }
    must(html, ">");
    if (one_of("meta br ", word))
        return;
    ck_assert(html->depth < DEPTH_MAX);
    strcpy(html->open[html->depth++], word);
    if (strcmp(word, "style") == 0)
        html->at = strstr(html->at, "</style>");
}

static void check(const char *text, size_t length)
{
    struct html html = {.at = text, .end = text + length};

    ck_assert(strlen(text) == length);
    must(&html, "<!DOCTYPE html>\n");
    while (html.at < html.end) {
        if (*html.at == '<')
            read_tag(&html);
        else
            read_text(&html, '<');
        ck_assert(html.at);
    }
    ck_assert_uint_eq(html.depth, 0);
    ck_assert(length > 8 && strcmp(html.end - 8, "</html>\n") == 0);
}

#ifdef __clang__
#pragma clang attribute pop
#endif

static void add_flows(struct traffic *t, const uint8_t *data, size_t size)
{
    struct flow_view view;

    for (size_t at = 0, length; at < size; at += length) {
        length = flow_view(data + at, size - at, &view);
        if (!length)
            break;
        traffic_add(t, &view);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t how = size ? data[0] : 0;
    static struct call call;
    struct control_client client = {.data = data + 1, .size = size ? size - 1 : 0};
    static struct traffic t;
    FILE *nowhere = fopen("/dev/null", "w");
    char *page;
    size_t length;
    FILE *out;

    ck_assert(traffic_init(&t));
    if (how & 2) {
        t.since = UINT64_C(1795342272) * 1000000000;
        t.until = t.since + 500000000;
    }
    report_init(&call.session.report, "report", nowhere, 0);
    call.client = &client;
    if (how & 1)
        (void)traffic_live(&call, &t);
    else
        add_flows(&t, client.data, client.size);
    traffic_finish(&t);
    out = open_memstream(&page, &length);
    traffic_page(out, &t, SOURCE, UINT64_MAX - how);
    fclose(out);
    check(page, length);
    free(page);
    traffic_free(&t);
    fclose(nowhere);
    return 0;
}
