/* SPDX-License-Identifier: ISC */
/* What dom0's tools ask of the monitor: lists, streams, captures, settings, and slow clients. */
#include "fake_engine.h"
#include "source.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/flow_wire.h"
#include "common/mirror_read.h"
#include "services/monitor/application.h"
#include "services/monitor/filter.h"
#include "tests/unit/unit.h"

static struct host *host;
static struct desk *desk;
static struct source *source;

static struct engine *engine(void)
{
    return desk->monitor->engine;
}

static void setup(void)
{
    host = host_create(NULL);
    desk = desk_create(host, 0, "idle=30 scan-ports=77");
    ck_assert_ptr_nonnull(desk);
    source = source_create(desk, 7);
    source_offer(source, "all", 17);
    desk_feed(desk, 0, "7 all");
    source_hello(source);
    source_port(source, 1, 20, "web1");
    source_port(source, 2, 21, "web2");
    ck_assert(source_flush(source));
}

static void teardown(void)
{
    desk_destroy(desk);
    source_destroy(source);
    host_destroy(host);
}

/* The fields with @tag in a frame of client @asker, one after the other. */
static bool next_field(struct control_reader *reader, uint16_t tag, struct control_field *field)
{
    while (control_next(reader, field))
        if (field->tag == tag)
            return true;
    return false;
}

/* The error of the last call, with words that have @words in them. */
static void expect_error(unsigned asker, int error, const char *words)
{
    char text[256];

    ck_assert_int_eq(desk->asker[asker].header.kind, CONTROL_ERROR);
    ck_assert_uint_eq(control_number(&desk->asker[asker].fields, CONTROL_F_ERRNO, 0),
                      (uint64_t)error);
    control_string(&desk->asker[asker].fields, CONTROL_F_TEXT, text, sizeof(text));
    ck_assert_msg(strstr(text, words) != NULL, "%s", text);
}

/* --- flows --------------------------------------------------------------------------------------
 */

/* The numbers (frames of side 0) of the flows in a frame. */
static unsigned take_flows(const struct asker *asker, uint64_t *numbers)
{
    struct control_reader reader = asker->fields;
    struct control_field field;
    unsigned count = 0;

    while (next_field(&reader, CONTROL_F_FLOW, &field)) {
        struct flow_view view;

        ck_assert_uint_eq(flow_view(field.value, field.length, &view), field.length);
        numbers[count++] = view.record.side[0].frames;
    }
    return count;
}

START_TEST(flows_are_walked)
{
    uint64_t numbers[32], next = 1;
    unsigned items = 0;

    engine()->flows = 1000;
    for (enum control_kind kind = desk_call(desk, CONTROL_T_MONITOR_FLOWS); kind == CONTROL_ITEM;
         kind = desk->asker[0].header.kind) {
        unsigned count = take_flows(&desk->asker[0], numbers);

        for (unsigned i = 0; i < count; i++)
            ck_assert_uint_eq(numbers[i], next++);
        items++;
        ck_assert(desk_next(desk, 0));
    }
    ck_assert_int_eq(desk->asker[0].header.kind, CONTROL_END);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_LOST), 0);
    ck_assert_uint_eq(next, 1001);
    ck_assert_uint_lt(items, 1000 / 8);
    engine()->flows = 0;
    ck_assert_int_eq(desk_call(desk, CONTROL_T_MONITOR_FLOWS), CONTROL_END);
}
END_TEST

static void ask_ended(unsigned asker, uint64_t sequence)
{
    struct desk_request request;

    desk_begin(desk, asker, &request, CONTROL_T_MONITOR_ENDED);
    if (sequence)
        control_put_number(&request.writer, CONTROL_F_SEQUENCE, sequence);
    desk_ask(desk, asker, &request);
}

/* Read what is there: flows that follow each other but for those that are told to be lost. */
static void read_ended(unsigned asker, uint64_t *next, uint64_t *got, uint64_t *lost)
{
    uint64_t numbers[32];

    while (desk_next(desk, asker)) {
        const struct asker *a = &desk->asker[asker];
        uint64_t missed = control_number(&a->fields, CONTROL_F_LOST, 0);
        unsigned count = take_flows(a, numbers);

        ck_assert_int_eq(a->header.kind, CONTROL_ITEM);
        ck_assert_uint_gt(count, 0);
        *lost += missed;
        *next += missed;
        ck_assert_uint_eq(control_number(&a->fields, CONTROL_F_SEQUENCE, 0), *next);
        for (unsigned i = 0; i < count; i++)
            ck_assert_uint_eq(numbers[i], (*next)++);
        *got += count;
    }
}

START_TEST(ended_flows_are_followed)
{
    uint64_t next[3] = {1, 1, 1}, got[3] = {0}, lost[3] = {0};
    uint32_t number = 0;

    desk_join(desk, 1);
    ask_ended(0, 0);
    ask_ended(1, 0);
    for (unsigned round = 0; round < 40; round++) {
        for (unsigned i = 0; i < 100; i++)
            fake_end_flow(engine(), ++number);
        read_ended(0, &next[0], &got[0], &lost[0]);
    }
    /* The diligent one has all, the other what was kept, and knows what it lost. */
    ck_assert_uint_eq(got[0], number);
    ck_assert_uint_eq(lost[0], 0);
    read_ended(1, &next[1], &got[1], &lost[1]);
    ck_assert_uint_gt(lost[1], 0);
    ck_assert_uint_gt(got[1], 0);
    ck_assert_uint_eq(got[1] + lost[1], number);
    /* One that comes back goes on where it was, if that is still kept, or at the oldest. */
    desk_join(desk, 2);
    ask_ended(2, number - 9);
    next[2] = number - 9;
    read_ended(2, &next[2], &got[2], &lost[2]);
    ck_assert_uint_eq(got[2], 10);
    desk_leave(desk, 2);
    desk_join(desk, 2);
    ask_ended(2, 1);
    ck_assert(desk_next(desk, 2));
    next[2] = control_number(&desk->asker[2].fields, CONTROL_F_SEQUENCE, 0);
    ck_assert_uint_gt(next[2], 1);
    got[2] = 0;
    {
        uint64_t numbers[32];
        unsigned count = take_flows(&desk->asker[2], numbers);

        ck_assert_uint_eq(numbers[0], next[2]);
        next[2] += count;
    }
    read_ended(2, &next[2], &got[2], &lost[2]);
    ck_assert_uint_eq(next[2], number + 1);
    desk_leave(desk, 2);
    desk_leave(desk, 1);
}
END_TEST

/* The ring's end is passed by again and again, at other places each time. */
START_TEST(ended_flows_of_any_length)
{
    struct flow_application application = {.kind = APPLICATION_DNS};
    uint64_t next = 1, got = 0, lost = 0;
    uint32_t number = 0;

    engine()->flow.application = &application;
    ask_ended(0, 0);
    for (unsigned round = 0; round < 120; round++) {
        for (unsigned i = 0; i < 100; i++) {
            memset(application.name, 'n', sizeof(application.name));
            application.name[++number * 31 % (sizeof(application.name) - 1)] = '\0';
            fake_end_flow(engine(), number);
        }
        read_ended(0, &next, &got, &lost);
        ck_assert_uint_eq(got, number);
    }
    ck_assert_uint_eq(lost, 0);
    engine()->flow.application = NULL;
}
END_TEST

/* --- captures -----------------------------------------------------------------------------------
 */

/* A client's capture as it comes, read back as any reader of a mirror does. */
struct capture {
    unsigned asker;
    struct mirror_reader reader;
    uint8_t bytes[200000];
    size_t have;
    uint64_t frames, lost, unseen, ports, gone;
    uint8_t flags; /* of the last frame */
    uint32_t captured, original, number;
    char guest[64];
    bool ended;
};

static struct capture *begin_capture(unsigned asker, const struct filter_instruction *program,
                                     unsigned count, unsigned snap, uint64_t limit)
{
    struct capture *capture = calloc(1, sizeof(*capture));
    struct desk_request request;

    capture->asker = asker;
    desk_begin(desk, asker, &request, CONTROL_T_MONITOR_CAPTURE);
    if (program)
        control_put_bytes(&request.writer, CONTROL_F_PROGRAM, program, count * sizeof(*program));
    if (snap)
        control_put_number(&request.writer, CONTROL_F_SNAP, snap);
    if (limit)
        control_put_number(&request.writer, CONTROL_F_LIMIT, limit);
    desk_ask(desk, asker, &request);
    return capture;
}

static void take_record(struct capture *capture, const struct mirror_event *event)
{
    switch (event->kind) {
    case MIRROR_PORT:
        capture->ports++;
        memset(capture->guest, 0, sizeof(capture->guest));
        memcpy(capture->guest, event->as.identity.guest, event->as.identity.port.guest_length);
        break;
    case MIRROR_GONE:
        capture->gone++;
        break;
    case MIRROR_LOST:
        capture->lost += event->as.lost;
        break;
    case MIRROR_FRAME:
        capture->frames++;
        capture->flags = event->as.frame.record.frame_flags;
        capture->captured = event->as.frame.record.captured;
        capture->original = event->as.frame.record.original;
        memcpy(&capture->number, event->as.frame.data, sizeof(capture->number));
        break;
    default:
        break;
    }
}

/* Read what comes. */
static void read_capture(struct capture *capture)
{
    while (!capture->ended && desk_next(desk, capture->asker)) {
        const struct asker *asker = &desk->asker[capture->asker];
        struct control_reader reader = asker->fields;
        struct control_field field;
        struct mirror_event event;
        size_t at = 0;
        int n;

        capture->ended = asker->header.kind == CONTROL_END;
        ck_assert(capture->ended || asker->header.kind == CONTROL_ITEM);
        capture->unseen += control_number(&reader, CONTROL_F_LOST, 0);
        while (next_field(&reader, CONTROL_F_DATA, &field)) {
            memcpy(capture->bytes + capture->have, field.value, field.length);
            capture->have += field.length;
        }
        while ((n = mirror_read(&capture->reader, capture->bytes + at, capture->have - at,
                                &event)) > 0) {
            take_record(capture, &event);
            at += (size_t)n;
        }
        ck_assert_msg(n == 0, "%s", capture->reader.why);
        capture->have -= at;
        memmove(capture->bytes, capture->bytes + at, capture->have);
    }
}

/* Frames whose first byte is @byte: 40 bytes of them. */
#define FIRST_BYTE(byte)                                                                           \
    {                                                                                              \
        {0x30, 0, 0, 0}, {0x15, 0, 1, byte}, {0x06, 0, 0, 40}, {0x06, 0, 0, 0},                    \
    }

START_TEST(captures_have_what_they_ask_for)
{
    static const struct filter_instruction seven[] = FIRST_BYTE(7);
    struct capture *all, *some;

    desk_join(desk, 1);
    all = begin_capture(0, NULL, 0, 0, 0);
    some = begin_capture(1, seven, 4, 0, 3);
    for (unsigned i = 0; i < 40; i++)
        source_frame(source, 1 + i % 2, i % 3 ? 0 : MIRROR_EGRESS, i % 10, 60 + i, 100 + i);
    source_lost(source, 5);
    ck_assert(source_flush(source));
    read_capture(all);
    read_capture(some);
    ck_assert_uint_eq(all->frames, 40);
    ck_assert_uint_eq(all->ports, 2);
    ck_assert_uint_eq(all->unseen, 5);
    ck_assert_uint_eq(all->captured, 99);
    ck_assert_uint_eq(all->original, 139);
    ck_assert_uint_eq(all->number, 9);
    ck_assert_uint_eq(all->flags, MIRROR_EGRESS);
    ck_assert(!all->ended);
    ck_assert_uint_eq(some->frames, 3);
    ck_assert_uint_eq(some->captured, 40);
    ck_assert_uint_eq(some->number, 7);
    ck_assert(some->ended);
    /* Ports change: names are told before the next frame. */
    source_gone(source, 1);
    source_frame(source, 1, 0, 1, 60, 60);
    source_port(source, 1, 22, "mail");
    source_frame(source, 1, MIRROR_BLANK, 1, 60, 60);
    ck_assert(source_flush(source));
    read_capture(all);
    ck_assert_uint_eq(all->frames, 42);
    ck_assert_uint_eq(all->gone, 1);
    ck_assert_uint_eq(all->ports, 3);
    ck_assert_str_eq(all->guest, "mail");
    ck_assert_uint_eq(all->flags, MIRROR_BLANK);
    ck_assert_uint_eq(desk_statistic(desk, "monitor_captures", NULL), 1);
    desk_leave(desk, 1);
    free(all);
    free(some);
}
END_TEST

/* A client that does not read loses frames, which are counted; the feed never waits. */
START_TEST(slow_captures_lose_and_know_it)
{
    struct capture *slow, *fast;
    unsigned sent = 0;

    desk_join(desk, 1);
    slow = begin_capture(0, NULL, 0, 0, 0);
    fast = begin_capture(1, NULL, 0, 64, 0);
    for (unsigned round = 0; round < 30; round++) {
        for (unsigned i = 0; i < 50; i++, sent++)
            source_frame(source, 1, 0, sent, 1000, 1000);
        ck_assert(source_flush(source));
        read_capture(fast);
    }
    ck_assert_uint_eq(engine()->counters.frames, sent);
    ck_assert_uint_eq(fast->frames, sent);
    ck_assert_uint_eq(fast->captured, 64);
    ck_assert_uint_eq(fast->lost, 0);
    read_capture(slow);
    ck_assert_uint_gt(slow->lost, 0);
    ck_assert_uint_gt(slow->frames, 400);
    ck_assert_uint_eq(slow->frames + slow->lost, sent);
    desk_leave(desk, 1);
    ck_assert_uint_eq(desk_statistic(desk, "monitor_capture_lost", NULL), slow->lost);
    free(slow);
    free(fast);
}
END_TEST

/* Up to the last byte of its buffer: a record finds room beside the loss that comes before it. */
START_TEST(captures_are_filled_to_the_brim)
{
    struct capture *capture = begin_capture(0, NULL, 0, 0, 0);
    unsigned sent = 0;

    for (unsigned round = 0; round < 5; round++) {
        for (unsigned i = 0; i < 600; i++, sent++)
            source_frame(source, 1, 0, sent, 1000, 1000);
        for (unsigned size = 1000 - round; size >= 40; size -= 8, sent++)
            source_frame(source, 1, 0, sent, size, size);
        ck_assert(source_flush(source));
        read_capture(capture);
        ck_assert_uint_gt(capture->lost, 0);
        ck_assert_uint_eq(capture->frames + capture->lost, sent);
    }
    free(capture);
}
END_TEST

START_TEST(captures_that_cannot_be)
{
    static const struct filter_instruction loop[] = {{0x05, 0, 0, UINT32_MAX}, {0x06, 0, 0, 1}};
    struct desk_request request;
    struct capture *capture;

    capture = begin_capture(0, loop, 2, 0, 0);
    ck_assert(desk_next(desk, 0));
    expect_error(0, EINVAL, "instruction 0: it jumps out of the program");
    free(capture);
    desk_begin(desk, 0, &request, CONTROL_T_MONITOR_CAPTURE);
    control_put_bytes(&request.writer, CONTROL_F_PROGRAM, "123456789", 9);
    desk_ask(desk, 0, &request);
    ck_assert(desk_next(desk, 0));
    expect_error(0, EINVAL, "of 9 bytes");
    desk_begin(desk, 0, &request, CONTROL_T_MONITOR_CAPTURE);
    control_put_number(&request.writer, CONTROL_F_DOMID, 20);
    control_put_number(&request.writer, CONTROL_F_VIF, 70000);
    desk_ask(desk, 0, &request);
    ck_assert(desk_next(desk, 0));
    expect_error(0, EINVAL, "no such vif");
    for (unsigned i = 0; i < CAPTURES_MAX; i++) {
        desk_join(desk, 1 + i);
        free(begin_capture(1 + i, NULL, 0, 0, 0));
    }
    free(begin_capture(0, NULL, 0, 0, 0));
    ck_assert(desk_next(desk, 0));
    expect_error(0, EBUSY, "4 captures");
    for (unsigned i = 0; i < CAPTURES_MAX; i++)
        desk_leave(desk, 1 + i);
    /* Nothing of them is left. */
    free(begin_capture(0, NULL, 0, 0, 0));
    ck_assert(desk_next(desk, 0));
    ck_assert_int_eq(desk->asker[0].header.kind, CONTROL_ITEM);
}
END_TEST

START_TEST(captures_of_one_port)
{
    struct capture capture = {.asker = 0}, other = {.asker = 1};
    struct desk_request request;

    desk_begin(desk, 0, &request, CONTROL_T_MONITOR_CAPTURE);
    control_put_number(&request.writer, CONTROL_F_DOMID, 21);
    control_put_number(&request.writer, CONTROL_F_VIF, 1);
    desk_ask(desk, 0, &request);
    desk_join(desk, 1);
    desk_begin(desk, 1, &request, CONTROL_T_MONITOR_CAPTURE);
    control_put_number(&request.writer, CONTROL_F_DOMID, 21); /* the guest, but no vif of it */
    control_put_number(&request.writer, CONTROL_F_VIF, 2);
    desk_ask(desk, 1, &request);
    for (unsigned i = 0; i < 10; i++)
        source_frame(source, 1 + i % 2, 0, i, 60, 60);
    source_frame(source, 9, 0, 10, 60, 60); /* of nobody */
    ck_assert(source_flush(source));
    read_capture(&capture);
    ck_assert_uint_eq(capture.frames, 5);
    ck_assert_str_eq(capture.guest, "web2");
    read_capture(&other);
    ck_assert_uint_eq(other.frames, 0);
    desk_leave(desk, 1);
}
END_TEST

/* --- alerts -------------------------------------------------------------------------------------
 */

static void ask_alerts(unsigned asker, uint64_t limit, bool follow)
{
    struct desk_request request;

    desk_begin(desk, asker, &request, CONTROL_T_MONITOR_ALERTS);
    control_put_number(&request.writer, CONTROL_F_LIMIT, limit);
    control_put_number(&request.writer, CONTROL_F_FOLLOW, follow);
    desk_ask(desk, asker, &request);
}

START_TEST(alerts_are_told)
{
    uint64_t next = 0, lost = 0, got = 0;

    for (unsigned i = 1; i <= 3; i++)
        fake_alert(engine(), 1, i);
    ask_alerts(0, 2, true);
    ck_assert(desk_next(desk, 0));
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_SEQUENCE), 2);
    desk_enter(desk, CONTROL_F_ALERT);
    ck_assert_str_eq(desk_text(desk, CONTROL_F_KIND), "port-scan");
    ck_assert_str_eq(desk_text(desk, CONTROL_F_GUEST), "web1");
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_DOMID), 20);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_VALUE), 2);
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_THRESHOLD), 100);
    ck_assert_str_eq(desk_text(desk, CONTROL_F_TEXT), "number 2");
    ck_assert(desk_next(desk, 0));
    ck_assert(!desk_next(desk, 0));
    /* Names are as they were. */
    source_gone(source, 1);
    ck_assert(source_flush(source));
    for (unsigned i = 4; i <= 1000; i++)
        fake_alert(engine(), 2, i);
    next = 4;
    while (desk_next(desk, 0)) {
        lost += control_number(&desk->asker[0].fields, CONTROL_F_LOST, 0);
        next += control_number(&desk->asker[0].fields, CONTROL_F_LOST, 0);
        ck_assert_uint_eq(desk_number(desk, CONTROL_F_SEQUENCE), next);
        desk_enter(desk, CONTROL_F_ALERT);
        ck_assert_uint_eq(desk_number(desk, CONTROL_F_VALUE), next++);
        got++;
    }
    ck_assert_uint_gt(lost, 0);
    ck_assert_uint_eq(got + lost, 997);
    desk_join(desk, 1);
    ask_alerts(1, UINT64_MAX, false);
    for (got = 0; desk_next(desk, 1) && desk->asker[1].header.kind == CONTROL_ITEM; got++) {
    }
    ck_assert_uint_eq(got, ALERTS_KEPT);
    desk_leave(desk, 1);
    ck_assert_int_eq(desk_call(desk, CONTROL_T_LOGS), CONTROL_ITEM);
}
END_TEST

/* --- settings -----------------------------------------------------------------------------------
 */

static enum control_kind set(const char *name, uint64_t value)
{
    struct desk_request request;

    desk_begin(desk, 0, &request, CONTROL_T_MONITOR_SET);
    control_put_string(&request.writer, CONTROL_F_NAME, name);
    control_put_number(&request.writer, CONTROL_F_VALUE, value);
    desk_ask(desk, 0, &request);
    ck_assert(desk_next(desk, 0));
    return desk->asker[0].header.kind;
}

static uint64_t limit(const char *name)
{
    uint64_t value = UINT64_MAX - 1;

    for (desk_call(desk, CONTROL_T_MONITOR_LIMITS); desk->asker[0].header.kind == CONTROL_ITEM;
         ck_assert(desk_next(desk, 0))) {
        desk_enter(desk, CONTROL_F_QUOTA);
        if (!strcmp(desk_text(desk, CONTROL_F_NAME), name))
            value = desk_number(desk, CONTROL_F_VALUE);
    }
    return value;
}

START_TEST(settings_are_shown_and_set)
{
    ck_assert_uint_eq(limit("idle"), 30);
    ck_assert_uint_eq(limit("active"), 300);
    ck_assert_uint_eq(limit("scan-ports"), 77);
    ck_assert_uint_eq(engine()->config.idle, 30);
    ck_assert_int_eq(set("active", 60), CONTROL_REPLY);
    ck_assert_int_eq(set("rate-floor", UINT64_C(1) << 40), CONTROL_REPLY);
    ck_assert_uint_eq(limit("active"), 60);
    ck_assert_uint_eq(engine()->config.active, 60);
    ck_assert_uint_eq(engine()->config.limits.rate_floor, UINT64_C(1) << 40);
    ck_assert_int_eq(set("active", 0), CONTROL_ERROR);
    expect_error(0, EINVAL, "active has to be a number from 1 to 86400");
    ck_assert_int_eq(set("spoofing", 2), CONTROL_ERROR);
    ck_assert_int_eq(set("scan-ports", 1), CONTROL_ERROR);
    expect_error(0, EINVAL, "a scan of one port is none");
    ck_assert_uint_eq(limit("scan-ports"), 77);
    ck_assert_int_eq(set("nothing", 1), CONTROL_ERROR);
    expect_error(0, ENOENT, "no such setting");
    ck_assert_int_eq(set("a-name-that-is-longer-than-any-could-be", 1), CONTROL_ERROR);
    ck_assert_int_eq(desk_call(desk, CONTROL_T_MONITOR_SET), CONTROL_ERROR);
}
END_TEST

/* --- ports and the rest -------------------------------------------------------------------------
 */

START_TEST(ports_with_their_totals)
{
    struct desk_request request;
    struct control_field field;
    uint32_t second;
    uint64_t minute;

    engine()->totals = (struct top_port){.frames_out = 5, .bytes_in = 1 << 20, .class_bytes = {9}};
    ck_assert_int_eq(desk_call(desk, CONTROL_T_MONITOR_PORTS), CONTROL_ITEM);
    desk_enter(desk, CONTROL_F_PORT);
    ck_assert_str_eq(desk_text(desk, CONTROL_F_GUEST), "web1");
    ck_assert_str_eq(desk_text(desk, CONTROL_F_NAME), "all");
    ck_assert_uint_eq(desk_number(desk, CONTROL_F_FRAMES_OUT), 5);
    ck_assert(!control_find(&desk->asker[0].fields, CONTROL_F_SECONDS_OUT, &field));
    ck_assert(desk_next(desk, 0));
    ck_assert(desk_next(desk, 0));
    ck_assert_int_eq(desk->asker[0].header.kind, CONTROL_END);
    desk_begin(desk, 0, &request, CONTROL_T_MONITOR_PORTS);
    control_put_number(&request.writer, CONTROL_F_SERIES, 2);
    desk_ask(desk, 0, &request);
    ck_assert(desk_next(desk, 0));
    ck_assert_int_eq(desk->asker[0].header.kind, CONTROL_ITEM);
    desk_enter(desk, CONTROL_F_PORT);
    ck_assert(control_find(&desk->asker[0].fields, CONTROL_F_SECONDS_OUT, &field));
    ck_assert_uint_eq(field.length, 4 * (TOP_SECONDS - 1));
    memcpy(&second, field.value, sizeof(second));
    ck_assert_uint_eq(second, 2501); /* the newest whole one */
    ck_assert(control_find(&desk->asker[0].fields, CONTROL_F_MINUTES_IN, &field));
    ck_assert_uint_eq(field.length, 8 * (TOP_MINUTES - 1));
    memcpy(&minute, field.value, sizeof(minute));
    ck_assert_uint_eq(minute, UINT64_C(2001) << 32);
    ck_assert(desk_next(desk, 0));
    ck_assert(desk_next(desk, 0));
    ck_assert_uint_eq(desk_statistic(desk, "monitor_port_frames_out", "web2"), 5);
    ck_assert_uint_eq(
        desk_statistic(desk, "monitor_port_class_bytes", "11000000-0000-0000-0000-000000000014"),
        0);
    ck_assert_uint_eq(desk_statistic(desk, "monitor_port_class_bytes", "tcp"), 9);
    ck_assert_uint_eq(desk_statistic(desk, "monitor_decoded", "ok"), 0);
    ck_assert_uint_eq(desk_statistic(desk, "monitor_flows_ended", "evicted"), 0);
}
END_TEST

START_TEST(options_that_make_no_sense)
{
    static const char *const bad[] = {"idle=0", "idle=86401", "scan-ports=1", "flows=16777216",
                                      "mac-moved=2"};

    teardown();
    host = host_create(NULL);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!desk_create(host, 0, bad[i]), "%s", bad[i]);
    ck_assert_ptr_null(desk_create(host, 300, ""));
    desk = desk_create(host, 2000, "flows=64");
    ck_assert_ptr_nonnull(desk);
    ck_assert_uint_eq(desk->monitor->config.flows, 64);
    source = source_create(desk, 7);
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("monitor's control");
    TCase *cases = tcase_create("control");

    tcase_set_timeout(cases, 120);
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_test(cases, flows_are_walked);
    tcase_add_test(cases, ended_flows_are_followed);
    tcase_add_test(cases, ended_flows_of_any_length);
    tcase_add_test(cases, captures_have_what_they_ask_for);
    tcase_add_test(cases, slow_captures_lose_and_know_it);
    tcase_add_test(cases, captures_are_filled_to_the_brim);
    tcase_add_test(cases, captures_that_cannot_be);
    tcase_add_test(cases, captures_of_one_port);
    tcase_add_test(cases, alerts_are_told);
    tcase_add_test(cases, settings_are_shown_and_set);
    tcase_add_test(cases, ports_with_their_totals);
    tcase_add_test(cases, options_that_make_no_sense);
    suite_add_tcase(suite, cases);
    return suite;
}
