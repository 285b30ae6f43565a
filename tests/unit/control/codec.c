/* SPDX-License-Identifier: ISC */
/* The codec of the control protocol: frames as control.h draws them, and every way to be wrong. */
#include "common/control.h"
#include "suite.h"

#include <stdlib.h>
#include <string.h>

#define NUMBER_TAG(n) ((uint16_t)(CONTROL_NUMBER << 14 | (n)))
#define STRING_TAG(n) ((uint16_t)(CONTROL_STRING << 14 | (n)))
#define BYTES_TAG(n)  ((uint16_t)(CONTROL_BYTES << 14 | (n)))
#define GROUP_TAG(n)  ((uint16_t)(CONTROL_GROUP << 14 | (n)))

static uint8_t frame[CONTROL_FRAME_MAX];
static struct control_writer writer;

static void begin(size_t size)
{
    /* What was in the buffer before must not show. */
    memset(frame, 0xee, sizeof(frame));
    control_begin(&writer, frame, size, CONTROL_T_ECHO, CONTROL_REQUEST, 7);
}

/* End the frame; it must be well formed. A reader of it. */
static struct control_reader end(void)
{
    struct control_reader reader;
    size_t length = control_end(&writer);
    uint8_t *exact = malloc(length);

    /* A copy that ends where the frame does, so that sanitizers see a reader go too far. */
    memcpy(exact, frame, length);
    ck_assert(control_check(exact, length));
    free(exact);
    control_read(&reader, frame, length);
    return reader;
}

/* Is a frame of these fields taken? In a block that ends where it does. */
static bool check(const uint8_t *fields, size_t length)
{
    uint8_t *exact = malloc(CONTROL_HEADER + length);
    size_t whole = CONTROL_HEADER + length;
    bool good;

    memset(exact, 0, CONTROL_HEADER);
    exact[0] = (uint8_t)whole;
    exact[1] = (uint8_t)(whole >> 8);
    exact[6] = CONTROL_REQUEST;
    if (length > 0)
        memcpy(exact + CONTROL_HEADER, fields, length);
    good = control_check(exact, whole);
    free(exact);
    return good;
}

#define TAKEN(...)                                                                                 \
    ck_assert(check((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})))
#define REFUSED(...)                                                                               \
    ck_assert(!check((const uint8_t[]){__VA_ARGS__}, sizeof((uint8_t[]){__VA_ARGS__})))

START_TEST(test_header)
{
    struct control_header header;

    begin(sizeof(frame));
    ck_assert_uint_eq(control_end(&writer), CONTROL_HEADER);
    ck_assert_mem_eq(frame, "\x0c\0\0\0\x06\0\x01\0\x07\0\0\0", CONTROL_HEADER);

    control_begin(&writer, frame, sizeof(frame), 0xfedc, CONTROL_CANCEL, 0x89abcdef);
    control_put_number(&writer, CONTROL_F_LIMIT, 1);
    ck_assert_uint_eq(control_end(&writer), 20);
    ck_assert(control_header_decode(frame, &header));
    ck_assert_uint_eq(header.length, 20);
    ck_assert_uint_eq(header.type, 0xfedc);
    ck_assert_uint_eq(header.kind, CONTROL_CANCEL);
    ck_assert_uint_eq(header.flags, 0);
    ck_assert_uint_eq(header.id, 0x89abcdef);
}
END_TEST

START_TEST(test_header_bounds)
{
    static const struct {
        uint32_t length;
        bool good;
    } cases[] = {
        {0, false},
        {CONTROL_HEADER - 1, false},
        {CONTROL_HEADER, true},
        {CONTROL_HEADER + 1, true}, /* no frame has that length: control_check() says so */
        {CONTROL_FRAME_MAX, true},
        {CONTROL_FRAME_MAX + 1, false},
        {0x10000000 + CONTROL_HEADER, false},
        {UINT32_MAX, false},
    };
    struct control_header header;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t data[CONTROL_HEADER] = {0};

        for (unsigned byte = 0; byte < 4; byte++)
            data[byte] = (uint8_t)(cases[i].length >> 8 * byte);
        ck_assert_int_eq(control_header_decode(data, &header), cases[i].good);
        ck_assert_uint_eq(header.length, cases[i].length);
    }
}
END_TEST

/* The smallest width that holds it, and back, of all kinds of numbers. */
START_TEST(test_numbers)
{
    static const struct {
        uint64_t value;
        unsigned width;
    } cases[] = {
        {0, 1},          {1, 1},          {0xff, 1},        {0x100, 2},
        {0xffff, 2},     {0x10000, 4},    {0xffffffff, 4},  {UINT64_C(0x100000000), 8},
        {UINT64_MAX, 8}, {0x12345678, 4}, {0x01020304, 4},  {UINT64_C(0x0123456789abcdef), 8},
        {0x1234, 2},     {0x80, 1},       {0x80000000u, 4}, {UINT64_C(1) << 63, 8},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct control_reader reader;
        struct control_field field;

        begin(sizeof(frame));
        control_put_number(&writer, NUMBER_TAG(5), cases[i].value);
        reader = end();
        ck_assert_uint_eq(writer.used, CONTROL_HEADER + 4 + (cases[i].width + 3) / 4 * 4);
        ck_assert(control_next(&reader, &field));
        ck_assert_uint_eq(field.tag, NUMBER_TAG(5));
        ck_assert_uint_eq(field.kind, CONTROL_NUMBER);
        ck_assert_uint_eq(field.length, cases[i].width);
        ck_assert_uint_eq(field.number, cases[i].value);
        ck_assert(!control_next(&reader, &field));
        ck_assert_uint_eq(control_number(&reader, NUMBER_TAG(5), 99), cases[i].value);
        ck_assert_uint_eq(control_number(&reader, NUMBER_TAG(6), 99), 99);
    }
}
END_TEST

/* Every width of a number is read, whatever the value, and no other is. */
START_TEST(test_number_widths)
{
    for (uint8_t width = 0; width <= 16; width++) {
        uint8_t fields[20] = {1, 0, width, 0, 1, 2, 3, 4, 5, 6, 7, 8};
        bool good = width == 1 || width == 2 || width == 4 || width == 8;

        ck_assert_int_eq(check(fields, 4U + (width + 3U) / 4 * 4), good);
    }
    struct control_reader reader = {(const uint8_t[]){1, 0, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 12, 0};
    ck_assert_uint_eq(control_number(&reader, NUMBER_TAG(1), 0), 1);
}
END_TEST

/* Values of every length at every alignment of what is before them, padding zeroed. */
START_TEST(test_bytes)
{
    uint8_t value[64];

    for (size_t i = 0; i < sizeof(value); i++)
        value[i] = (uint8_t)(0xff - i);
    for (size_t before = 0; before < 8; before++) {
        for (size_t length = 0; length <= sizeof(value); length++) {
            struct control_reader reader;
            struct control_field field;

            begin(sizeof(frame));
            control_put_bytes(&writer, BYTES_TAG(1), value, before);
            control_put_bytes(&writer, BYTES_TAG(2), value, length);
            control_put_number(&writer, NUMBER_TAG(3), 3);
            reader = end();
            ck_assert_uint_eq(writer.used % 4, 0);
            ck_assert(control_next(&reader, &field) && field.length == before);
            ck_assert(control_next(&reader, &field));
            ck_assert_uint_eq(field.tag, BYTES_TAG(2));
            ck_assert_uint_eq(field.kind, CONTROL_BYTES);
            ck_assert_uint_eq(field.length, length);
            ck_assert_mem_eq(field.value, value, length);
            for (size_t i = length; i % 4 != 0; i++)
                ck_assert_uint_eq(field.value[i], 0);
            ck_assert(control_next(&reader, &field) && field.number == 3);
            ck_assert(!control_next(&reader, &field));
            ck_assert(!control_next(&reader, &field));
        }
    }
}
END_TEST

START_TEST(test_strings)
{
    struct control_reader reader;
    char text[8];

    begin(sizeof(frame));
    control_put_string(&writer, CONTROL_F_NAME, "switch");
    control_put_string(&writer, CONTROL_F_NAME, "again");
    control_put_string(&writer, CONTROL_F_TEXT, "");
    control_put_text(&writer, CONTROL_F_PATH, "/a/b/c", 4);
    control_put_text(&writer, CONTROL_F_UNIT, "a\0b", 3);
    control_put_format(&writer, CONTROL_F_CLIENT, "%s-%u", "x", 12U);
    control_put_string(&writer, CONTROL_F_SERVICE, "\xc3\xa4");
    reader = end();

    ck_assert(control_string(&reader, CONTROL_F_NAME, text, sizeof(text)));
    ck_assert_str_eq(text, "switch");
    ck_assert(control_string(&reader, CONTROL_F_NAME, text, 7));
    ck_assert(!control_string(&reader, CONTROL_F_NAME, text, 6));
    ck_assert_str_eq(text, "");
    ck_assert(control_string(&reader, CONTROL_F_TEXT, text, 1));
    ck_assert_str_eq(text, "");
    ck_assert(control_string(&reader, CONTROL_F_PATH, text, sizeof(text)));
    ck_assert_str_eq(text, "/a/b");
    ck_assert(control_string(&reader, CONTROL_F_CLIENT, text, sizeof(text)));
    ck_assert_str_eq(text, "x-12");
    ck_assert(control_string(&reader, CONTROL_F_SERVICE, text, sizeof(text)));
    ck_assert_str_eq(text, "\xc3\xa4");
    strcpy(text, "before");
    ck_assert(!control_string(&reader, CONTROL_F_UNIT, text, sizeof(text)));
    ck_assert_str_eq(text, "");
    ck_assert(!control_string(&reader, CONTROL_F_OPERATION, text, sizeof(text)));
}
END_TEST

/* What is found is the first, wherever the reader stands. */
START_TEST(test_find)
{
    struct control_reader reader;
    struct control_field field;

    begin(sizeof(frame));
    for (unsigned i = 0; i < 5; i++)
        control_put_number(&writer, NUMBER_TAG(i % 2), i + 10);
    reader = end();
    for (unsigned i = 0; i < 5; i++) {
        ck_assert(control_find(&reader, NUMBER_TAG(1), &field));
        ck_assert_uint_eq(field.number, 11);
        ck_assert(!control_find(&reader, STRING_TAG(1), &field));
        ck_assert(control_next(&reader, &field));
        ck_assert_uint_eq(field.number, i + 10);
    }
    ck_assert(!control_next(&reader, &field));
    ck_assert_uint_eq(control_number(&reader, NUMBER_TAG(0), 0), 10);
}
END_TEST

START_TEST(test_groups)
{
    struct control_reader reader, group, inner;
    struct control_field field;

    begin(sizeof(frame));
    control_put_number(&writer, CONTROL_F_COUNT, 1);
    control_open_group(&writer, CONTROL_F_STATISTIC);
    control_put_string(&writer, CONTROL_F_NAME, "bytes");
    control_open_group(&writer, CONTROL_F_LABEL);
    control_put_string(&writer, CONTROL_F_NAME, "port");
    control_close_group(&writer);
    control_open_group(&writer, CONTROL_F_LABEL);
    control_close_group(&writer);
    control_put_number(&writer, CONTROL_F_VALUE, 2);
    control_close_group(&writer);
    control_put_number(&writer, CONTROL_F_LIMIT, 3);
    reader = end();

    ck_assert(control_next(&reader, &field) && field.tag == CONTROL_F_COUNT);
    ck_assert(control_next(&reader, &field) && field.tag == CONTROL_F_STATISTIC);
    ck_assert_uint_eq(field.kind, CONTROL_GROUP);
    control_read_group(&group, &field);
    ck_assert(control_next(&group, &field) && field.tag == CONTROL_F_NAME);
    ck_assert(control_next(&group, &field) && field.tag == CONTROL_F_LABEL);
    control_read_group(&inner, &field);
    ck_assert(control_next(&inner, &field) && field.tag == CONTROL_F_NAME);
    ck_assert_mem_eq(field.value, "port", 4);
    ck_assert(!control_next(&inner, &field));
    ck_assert(control_next(&group, &field) && field.tag == CONTROL_F_LABEL);
    control_read_group(&inner, &field);
    ck_assert(!control_next(&inner, &field));
    ck_assert(control_next(&group, &field) && field.number == 2);
    ck_assert(!control_next(&group, &field));
    ck_assert(control_next(&reader, &field) && field.number == 3);
    ck_assert(!control_next(&reader, &field));
    /* Not seen from outside. */
    ck_assert_uint_eq(control_number(&reader, CONTROL_F_VALUE, 77), 77);
}
END_TEST

/* As deep as allowed, and one more: the writer leaves that out, the reader refuses it. */
START_TEST(test_depth)
{
    for (unsigned depth = 1; depth <= CONTROL_DEPTH_MAX + 3; depth++) {
        bool good = depth <= CONTROL_DEPTH_MAX;
        uint8_t fields[4 * (CONTROL_DEPTH_MAX + 3)];
        size_t length;

        begin(sizeof(frame));
        control_put_number(&writer, CONTROL_F_COUNT, 1);
        for (unsigned i = 0; i < depth; i++)
            control_open_group(&writer, GROUP_TAG(i));
        for (unsigned i = 0; i < depth; i++)
            control_close_group(&writer);
        ck_assert_int_eq(writer.full, !good);
        (void)end();
        ck_assert_uint_eq(writer.used, CONTROL_HEADER + 8 + (good ? 4 * depth : 0));

        for (unsigned i = 0; i < depth; i++) {
            length = 4 * (depth - i - 1);
            memcpy(fields + 4 * i, (uint8_t[]){0, 0xc0, (uint8_t)length, 0}, 4);
        }
        ck_assert_int_eq(check(fields, 4 * depth), good);
    }
    /* Depth is how deep, not how many. */
    begin(sizeof(frame));
    for (unsigned i = 0; i < 100; i++) {
        control_open_group(&writer, GROUP_TAG(1));
        control_put_number(&writer, NUMBER_TAG(1), i);
        control_close_group(&writer);
    }
    ck_assert(!writer.full);
    (void)end();
}
END_TEST

/* What was left open is closed at the end; closing too often is nothing. */
START_TEST(test_unbalanced_groups)
{
    struct control_reader reader;
    struct control_field field;

    begin(sizeof(frame));
    control_close_group(&writer);
    control_open_group(&writer, GROUP_TAG(1));
    control_open_group(&writer, GROUP_TAG(2));
    control_put_number(&writer, NUMBER_TAG(3), 3);
    reader = end();
    ck_assert(control_next(&reader, &field) && field.tag == GROUP_TAG(1));
    ck_assert_uint_eq(field.length, 12);
    ck_assert(!control_next(&reader, &field));
}
END_TEST

START_TEST(test_malformed)
{
    TAKEN(0x01, 0x40, 4, 0, 'a', 'b', 'c', 'd');
    ck_assert(check(NULL, 0));
    /* Not even a field's header. */
    REFUSED(1);
    REFUSED(1, 0x40);
    REFUSED(1, 0x40, 0);
    REFUSED(1, 0x40, 0, 0, 0);
    /* Longer than the frame, by one, by much, by its padding. */
    REFUSED(1, 0x40, 1, 0);
    REFUSED(1, 0x40, 5, 0, 'a', 'b', 'c', 'd');
    REFUSED(1, 0x40, 3, 0, 'a', 'b', 'c');
    REFUSED(1, 0x80, 0xff, 0xff, 'a', 'b', 'c', 'd');
    REFUSED(1, 0x80, 0xfc, 0xff, 'a', 'b', 'c', 'd');
    /* What is in a group is fields, and ends where it does. */
    TAKEN(1, 0xc0, 0, 0);
    TAKEN(1, 0xc0, 4, 0, 1, 0x40, 0, 0);
    REFUSED(1, 0xc0, 1, 0, 0, 0, 0, 0);
    REFUSED(1, 0xc0, 2, 0, 1, 0x40, 0, 0);
    REFUSED(1, 0xc0, 4, 0, 1, 0x40, 4, 0, 'a', 'b', 'c', 'd');
    REFUSED(1, 0xc0, 4, 0, 1, 0xc0, 4, 0, 1, 0xc0, 0, 0);
    REFUSED(1, 0xc0, 4, 0);
    REFUSED(1, 0xc0, 8, 0, 1, 0x40, 0, 0);
    /* A bad field behind a group, and one in the last of the groups. */
    REFUSED(1, 0xc0, 4, 0, 1, 0x40, 0, 0, 1, 0, 3, 0, 0, 0, 0, 0);
    REFUSED(1, 0xc0, 4, 0, 1, 0xc0, 0, 0, 1, 0xc0, 8, 0, 1, 0, 3, 0, 0, 0, 0, 0);
    /* Padding is not looked at, and any number and kind of field may be unknown. */
    TAKEN(0xff, 0x3f, 1, 0, 1, 2, 3, 4);
    TAKEN(0xff, 0x7f, 1, 0, 'a', 0xff, 0xff, 0xff);
    TAKEN(0xff, 0xbf, 1, 0, 0, 0, 0, 0);
    TAKEN(0xff, 0xff, 0, 0, 0, 0x40, 0, 0);
}
END_TEST

/* The header's length is that of the frame. */
START_TEST(test_malformed_lengths)
{
    for (size_t length = 0; length <= 40; length++) {
        for (uint8_t said = 0; said <= 40; said++) {
            uint8_t *exact = calloc(1, length + 1);

            /* Fields are empty strings of number 0. */
            for (size_t i = CONTROL_HEADER + 1; i < length; i += 4)
                exact[i] = 0x40;
            exact[0] = said;
            exact = realloc(exact, length > 0 ? length : 1);
            ck_assert_int_eq(control_check(exact, length),
                             said == length && length >= CONTROL_HEADER && length % 4 == 0);
            free(exact);
        }
    }
}
END_TEST

/* Put all kinds of things; how many fields were begun at the top. */
static void put_all(void)
{
    control_put_number(&writer, NUMBER_TAG(1), UINT64_MAX);
    control_put_string(&writer, STRING_TAG(2), "hello");
    control_open_group(&writer, GROUP_TAG(3));
    control_put_bytes(&writer, BYTES_TAG(4), "abc", 3);
    control_open_group(&writer, GROUP_TAG(5));
    control_put_number(&writer, NUMBER_TAG(6), 1);
    control_close_group(&writer);
    control_close_group(&writer);
    control_put_format(&writer, STRING_TAG(7), "%d", 7);
    control_put_number(&writer, NUMBER_TAG(8), 8);
}

/* A frame too small by any number of bytes keeps the first fields whole, and says so. */
START_TEST(test_full)
{
    static const unsigned ends[] = {0, 12, 24, 48, 56, 64};
    uint8_t whole[128], after;

    begin(sizeof(whole));
    put_all();
    ck_assert_uint_eq(control_end(&writer), CONTROL_HEADER + 64);
    ck_assert(!writer.full);
    memcpy(whole, frame, writer.used);

    for (size_t size = CONTROL_HEADER; size <= CONTROL_HEADER + 70; size++) {
        size_t kept = 0;

        begin(size);
        put_all();
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
            if (CONTROL_HEADER + ends[i] <= size)
                kept = ends[i];
        (void)end();
        after = frame[size];
        ck_assert_uint_eq(after, 0xee);
        ck_assert_uint_eq(writer.used, CONTROL_HEADER + kept);
        ck_assert_int_eq(writer.full, kept < 64);
        ck_assert_mem_eq(frame + 4, whole + 4, writer.used - 4);
    }
}
END_TEST

/* Nothing follows what did not fit, be it ever so small; room says what would have fitted. */
START_TEST(test_full_stays_full)
{
    begin(CONTROL_HEADER + 16);
    ck_assert_uint_eq(control_room(&writer), 12);
    control_put_bytes(&writer, BYTES_TAG(1), "0123456789abc", 13);
    ck_assert(writer.full);
    ck_assert_uint_eq(control_room(&writer), 0);
    control_put_number(&writer, NUMBER_TAG(1), 1);
    control_open_group(&writer, GROUP_TAG(1));
    control_close_group(&writer);
    control_put_format(&writer, STRING_TAG(1), "%s", "");
    ck_assert_uint_eq(control_end(&writer), CONTROL_HEADER);

    begin(CONTROL_HEADER + 16);
    control_put_bytes(&writer, BYTES_TAG(1), "0123456789ab", 12);
    ck_assert(!writer.full);
    ck_assert_uint_eq(control_room(&writer), 0);
    control_put_bytes(&writer, BYTES_TAG(1), NULL, 0);
    ck_assert(writer.full);
    (void)end();
}
END_TEST

START_TEST(test_largest_value)
{
    uint8_t value[CONTROL_VALUE_MAX + 1];
    struct control_reader reader;
    struct control_field field;

    memset(value, 'v', sizeof(value));
    begin(sizeof(frame));
    ck_assert_uint_eq(control_room(&writer), CONTROL_VALUE_MAX);
    control_put_bytes(&writer, CONTROL_F_DATA, value, sizeof(value));
    ck_assert(writer.full);
    begin(sizeof(frame) + 100); /* more than a frame may have is not used */
    control_put_bytes(&writer, CONTROL_F_DATA, value, CONTROL_VALUE_MAX);
    ck_assert(!writer.full);
    control_put_bytes(&writer, CONTROL_F_DATA, NULL, 0);
    ck_assert(writer.full);
    reader = end();
    ck_assert_uint_eq(writer.used, CONTROL_FRAME_MAX);
    ck_assert(control_next(&reader, &field));
    ck_assert_uint_eq(field.length, CONTROL_VALUE_MAX);
    ck_assert_mem_eq(field.value, value, CONTROL_VALUE_MAX);
}
END_TEST

/* printf into room that ends anywhere: whole or not at all, and no NUL beyond the end. */
START_TEST(test_format_at_the_end)
{
    for (size_t size = CONTROL_HEADER; size < CONTROL_HEADER + 24; size++) {
        begin(size);
        control_put_format(&writer, STRING_TAG(1), "%s%d", "number ", 12345);
        ck_assert_uint_eq(frame[size & ~3U], 0xee);
        ck_assert_int_eq(writer.full, size < CONTROL_HEADER + 20);
        (void)end();
    }
    begin(CONTROL_HEADER + 8);
    control_put_format(&writer, STRING_TAG(1), "%s", "1234");
    ck_assert(writer.full);
    begin(CONTROL_HEADER + 8);
    control_put_format(&writer, STRING_TAG(1), "%s", "123");
    ck_assert(!writer.full);
    ck_assert_uint_eq(control_end(&writer), CONTROL_HEADER + 8);
    ck_assert_mem_eq(frame + CONTROL_HEADER + 4, "123\0", 4);
}
END_TEST

/* Several fields together or not at all. */
START_TEST(test_undo)
{
    struct control_reader reader;
    struct control_field field;
    struct control_mark mark;

    begin(CONTROL_HEADER + 32);
    control_put_number(&writer, NUMBER_TAG(1), 1);
    mark = control_mark(&writer);
    control_open_group(&writer, GROUP_TAG(3));
    control_put_number(&writer, NUMBER_TAG(2), 2);
    control_put_bytes(&writer, BYTES_TAG(4), frame, 100);
    ck_assert(writer.full);
    control_undo(&writer, mark);
    ck_assert(!writer.full);
    control_put_string(&writer, STRING_TAG(5), "hello");
    reader = end();
    ck_assert(control_next(&reader, &field) && field.tag == NUMBER_TAG(1));
    ck_assert(control_next(&reader, &field) && field.tag == STRING_TAG(5));
    ck_assert_uint_eq(field.length, 5);
    ck_assert(!control_next(&reader, &field));
}
END_TEST

/* Within a group: what was in it before the mark stays. */
START_TEST(test_undo_in_group)
{
    struct control_reader reader, group;
    struct control_field field;
    struct control_mark mark;

    begin(CONTROL_HEADER + 40);
    control_open_group(&writer, GROUP_TAG(1));
    control_put_number(&writer, NUMBER_TAG(2), 2);
    mark = control_mark(&writer);
    control_open_group(&writer, GROUP_TAG(3));
    control_put_bytes(&writer, BYTES_TAG(4), frame, 30);
    control_close_group(&writer);
    ck_assert(writer.full);
    control_undo(&writer, mark);
    control_put_number(&writer, NUMBER_TAG(5), 5);
    control_close_group(&writer);
    control_put_number(&writer, NUMBER_TAG(6), 6);
    reader = end();
    ck_assert(control_next(&reader, &field) && field.tag == GROUP_TAG(1));
    control_read_group(&group, &field);
    ck_assert(control_next(&group, &field) && field.number == 2);
    ck_assert(control_next(&group, &field) && field.number == 5);
    ck_assert(!control_next(&group, &field));
    ck_assert(control_next(&reader, &field) && field.number == 6);
    ck_assert(!control_next(&reader, &field));

    /* What was full at the mark is full again. */
    begin(CONTROL_HEADER + 4);
    control_put_number(&writer, NUMBER_TAG(1), 1);
    mark = control_mark(&writer);
    control_undo(&writer, mark);
    ck_assert(writer.full);
}
END_TEST

/* Random frames come back as they were put; random bytes are taken or refused, never overrun. */
START_TEST(test_random)
{
    struct unit_random random = {.state = (uint64_t)_i};

    for (unsigned round = 0; round < 2000; round++) {
        size_t length = CONTROL_HEADER + unit_random(&random, 100);
        uint8_t *bytes = malloc(length);

        memset(bytes, 0, CONTROL_HEADER);
        bytes[0] = (uint8_t)length;
        for (size_t i = CONTROL_HEADER; i < length; i++)
            bytes[i] = (uint8_t)(unit_random(&random, 3) == 0 ? unit_random(&random, 256)
                                                              : unit_random(&random, 3) * 4);
        if (control_check(bytes, length)) {
            struct control_reader reader, group;
            struct control_field field, inner;
            size_t sum = CONTROL_HEADER;

            control_read(&reader, bytes, length);
            while (control_next(&reader, &field)) {
                sum += 4U + (field.length + 3U) / 4 * 4;
                if (field.kind != CONTROL_GROUP)
                    continue;
                control_read_group(&group, &field);
                while (control_next(&group, &inner))
                    ck_assert_uint_le(inner.length, field.length);
                ck_assert_uint_eq(group.at, field.length);
            }
            ck_assert_uint_eq(sum, length);
        }
        free(bytes);
    }
}
END_TEST

/* No two fields share a number, and no number is beyond what the tag has room for. */
START_TEST(test_fields)
{
#define NUMBER_OF(id, name, kind, number) {number, CONTROL_##kind, CONTROL_F_##id, name},
    static const struct {
        unsigned number;
        enum control_value kind;
        uint16_t tag;
        const char *name;
    } fields[] = {CONTROL_FIELDS(NUMBER_OF)};
#undef NUMBER_OF
    size_t count = sizeof(fields) / sizeof(fields[0]);

    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_gt(fields[i].number, 0);
        ck_assert_uint_lt(fields[i].number, 0x2000);
        ck_assert_uint_eq(fields[i].tag, fields[i].kind << 14 | fields[i].number);
        for (size_t k = 0; k < i; k++) {
            ck_assert_uint_ne(fields[i].number, fields[k].number);
            ck_assert_str_ne(fields[i].name, fields[k].name);
        }
    }
}
END_TEST

TCase *codec_cases(void)
{
    TCase *cases = tcase_create("control");

    tcase_add_test(cases, test_header);
    tcase_add_test(cases, test_header_bounds);
    tcase_add_test(cases, test_numbers);
    tcase_add_test(cases, test_number_widths);
    tcase_add_test(cases, test_bytes);
    tcase_add_test(cases, test_strings);
    tcase_add_test(cases, test_find);
    tcase_add_test(cases, test_groups);
    tcase_add_test(cases, test_depth);
    tcase_add_test(cases, test_unbalanced_groups);
    tcase_add_test(cases, test_malformed);
    tcase_add_test(cases, test_malformed_lengths);
    tcase_add_test(cases, test_full);
    tcase_add_test(cases, test_full_stays_full);
    tcase_add_test(cases, test_largest_value);
    tcase_add_test(cases, test_format_at_the_end);
    tcase_add_test(cases, test_undo);
    tcase_add_test(cases, test_undo_in_group);
    tcase_add_loop_test(cases, test_random, 0, 10);
    tcase_add_test(cases, test_fields);
    return cases;
}
