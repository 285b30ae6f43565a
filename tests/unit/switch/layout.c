/* SPDX-License-Identifier: ISC */
/* Pieces into buffers: all bytes, in their order, within bounds, and with as few copies as can be.
 */
#include "services/netback-switch/layout.h"

#include "tests/unit/unit.h"

/* Check notes each assertion that holds, which takes its time. */
#define must(condition)                                                                            \
    do {                                                                                           \
        if (!(condition))                                                                          \
            ck_abort_msg("%s", #condition);                                                        \
    } while (0)

/** All pieces, one behind the other, without a gap, and no buffer over its room. */
static void check(const struct layout *layout, const uint16_t *lengths, unsigned count,
                  unsigned room)
{
    unsigned piece = 0, from = 0, buffer = 0, at = 0;

    for (unsigned i = 0; i < layout->parts; i++) {
        const struct layout_part *part = &layout->part[i];

        if (from == lengths[piece]) {
            piece++;
            from = 0;
        }
        if (part->buffer != buffer) {
            must((layout->used[buffer]) == (at));
            must((part->buffer) == (++buffer));
            at = 0;
        }
        must((part->piece) == (piece));
        must((part->from) == (from));
        must((part->at) == (at));
        must((part->length) > (0));
        from += part->length;
        at += part->length;
        must((at) <= (room));
    }
    must((piece) == (count - 1));
    must((from) == (lengths[piece]));
    must((layout->used[buffer]) == (at));
    must((layout->buffers) == (buffer + 1));
}

START_TEST(all_bytes_in_their_order)
{
    struct unit_random random = {.state = 3};
    unsigned plain = 0, tight = 0, refused = 0;

    for (unsigned i = 0; i < 100000; i++) {
        unsigned count = 1 + (unsigned)unit_random(&random, LAYOUT_PIECES), total = 0, least;
        unsigned room =
            unit_random(&random, 2) ? 4096 : 4096 - (unsigned)unit_random(&random, 2049);
        unsigned available = (unsigned)unit_random(&random, 30), most = 0;
        uint16_t lengths[LAYOUT_PIECES];
        bool large = unit_random(&random, 4) == 0;
        struct layout layout;

        for (unsigned j = 0; j < count; j++) {
            lengths[j] =
                (uint16_t)(1 + unit_random(&random, large || unit_random(&random, 2) ? 4096 : 300));
            if (large)
                lengths[j] = 4096;
            total += lengths[j];
            most = lengths[j] > most ? lengths[j] : most;
        }
        least = (total + room - 1) / room;
        if (!layout_make(&layout, lengths, count, room, available)) {
            must((least) > (LAYOUT_LIMIT));
            refused++;
            continue;
        }
        check(&layout, lengths, count, room);
        must((layout.buffers) <= (LAYOUT_LIMIT + (layout.used[0] <= LAYOUT_SMALL ? 1 : 0)));
        if (layout.buffers > available) {
            must((layout.buffers) == (least));
            tight++;
        }
        if (most <= room && layout.parts == count)
            plain++;
        else if (most <= room)
            must((layout.buffers) == (least)); /* cut only where it had to be */
    }
    must((plain) > (100));
    must((tight) > (100));
    must((refused) > (10));
}
END_TEST

/* Linux sends what it cuts by itself as a page of headers and pages of payload: each stays whole.
 */
START_TEST(a_copy_for_each_page)
{
    uint16_t lengths[18] = {66};
    struct layout layout;

    for (unsigned i = 1; i < 17; i++)
        lengths[i] = 4090;
    must(layout_make(&layout, lengths, 17, 4096, 256));
    must((layout.parts) == (17));
    must((layout.buffers) == (17));
    must(layout_make(&layout, lengths, 17, 4096, 16));
    must((layout.buffers) == (16));
    lengths[0] = 128;
    lengths[1] = 1386;
    must(layout_make(&layout, lengths, 2, 4096, 256));
    must((layout.buffers) == (1));
}
END_TEST

Suite *unit_suite(void)
{
    Suite *suite = suite_create("layout");
    TCase *frames = tcase_create("frames");

    tcase_add_test(frames, all_bytes_in_their_order);
    tcase_add_test(frames, a_copy_for_each_page);
    suite_add_tcase(suite, frames);
    return suite;
}
