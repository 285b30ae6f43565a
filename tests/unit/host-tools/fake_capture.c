/* SPDX-License-Identifier: ISC */
#include "fake_capture.h"
#include "common/mirror_wire.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct fake_capture fake_capture;

static void put_port(struct control_writer *w, unsigned domid, unsigned vif, const char *guest,
                     bool uplink)
{
    const uint8_t uuid[16] = {0x4c, 0x7f, (uint8_t)domid};
    const uint8_t mac[6] = {0, 0x16, 0x3e, 0, (uint8_t)domid, (uint8_t)vif};

    control_open_group(w, CONTROL_F_PORT);
    control_put_number(w, CONTROL_F_DOMID, domid);
    control_put_number(w, CONTROL_F_VIF, vif);
    control_put_bytes(w, CONTROL_F_MAC, mac, 6);
    if (guest) {
        control_put_string(w, CONTROL_F_GUEST, guest);
        control_put_bytes(w, CONTROL_F_UUID, uuid, 16);
    }
    if (uplink)
        control_put_number(w, CONTROL_F_UPLINK, 1);
    control_close_group(w);
    fake_send();
}

/* Bytes of the stream, in pieces that end anywhere. */
static struct {
    uint8_t data[4096];
    size_t used;
} stream;

static void put(const void *record, size_t length, const void *more, size_t more_length)
{
    struct mirror_record *head;

    memcpy(stream.data + stream.used, record, length);
    memcpy(stream.data + stream.used + length, more, more_length);
    head = (struct mirror_record *)(void *)(stream.data + stream.used);
    head->length = (uint32_t)((length + more_length + 7) & ~7u);
    stream.used += head->length;
}

static void put_identity(uint16_t number, unsigned domid, const char *guest)
{
    struct mirror_port port = {.record = {.kind = MIRROR_PORT, .port = number},
                               .domid = (uint16_t)domid,
                               .bridge_length = 6,
                               .guest_length = (uint8_t)strlen(guest)};
    char names[100];

    snprintf(names, sizeof(names), "xenbr0%s", guest);
    put(&port, sizeof(port), names, strlen(names));
}

static void put_frame(uint16_t number, unsigned seconds, uint8_t flags)
{
    struct mirror_frame_record frame = {.record = {.kind = MIRROR_FRAME, .port = number},
                                        .time = FAKE_CAPTURE_TIME + seconds * UINT64_C(1000000000),
                                        .original = 1514,
                                        .captured = 60,
                                        .frame_flags = flags};
    uint8_t bytes[60] = {2, 0, 0, 0, 0, (uint8_t)number};

    put(&frame, sizeof(frame), bytes, sizeof(bytes));
}

static void put_stream(const struct control_header *header)
{
    const struct mirror_hello hello = {.record = {.kind = MIRROR_HELLO}, .version = 1, .snap = 60};
    const struct mirror_lost lost = {.record = {.kind = MIRROR_LOST}, .frames = 12};

    memset(&stream, 0, sizeof(stream));
    put(&hello, sizeof(hello), "", 0);
    put_identity(1, 5, "web1");
    put_identity(2, 6, "d\033b");
    put_frame(1, 0, 0);
    put(&lost, sizeof(lost), "", 0);
    put_frame(2, 1, MIRROR_EGRESS);
    put_frame(1, 2, 0);
    if (fake_capture.broken)
        memcpy(stream.data + 24, fake_capture.broken, 8);
    for (size_t at = 0; at < stream.used; at += 37) {
        const size_t left = stream.used - at;
        struct control_writer *w = fake_answer(header, CONTROL_ITEM);

        control_put_bytes(w, CONTROL_F_DATA, stream.data + at, left < 37 ? left : 37);
        fake_send();
    }
}

static void take_request(const struct control_reader *fields)
{
    struct control_field program;

    fake_capture.captures++;
    fake_capture.domid = control_number(fields, CONTROL_F_DOMID, UINT64_MAX);
    fake_capture.vif = control_number(fields, CONTROL_F_VIF, UINT64_MAX);
    fake_capture.snap = control_number(fields, CONTROL_F_SNAP, 0);
    fake_capture.limit = control_number(fields, CONTROL_F_LIMIT, 0);
    fake_capture.program_length = 0;
    if (control_find(fields, CONTROL_F_PROGRAM, &program)) {
        memcpy(fake_capture.program, program.value, program.length);
        fake_capture.program_length = program.length;
    }
}

void fake_capture_frame(struct fake *f, const struct control_header *header,
                        const struct control_reader *fields)
{
    struct control_writer *w;

    switch (header->type) {
    case CONTROL_T_MONITOR_PORTS:
        put_port(fake_answer(header, CONTROL_ITEM), 0, 0, NULL, true);
        put_port(fake_answer(header, CONTROL_ITEM), 5, 0, "web1", false);
        put_port(fake_answer(header, CONTROL_ITEM), 5, 1, "web1", false);
        put_port(fake_answer(header, CONTROL_ITEM), 6, 0, "d\033{b}", false);
        put_port(fake_answer(header, CONTROL_ITEM), 7, 0, NULL, false);
        break;
    case CONTROL_T_MONITOR_CAPTURE:
        take_request(fields);
        if (fake_capture.refuses) {
            w = fake_answer(header, CONTROL_ERROR);
            control_put_number(w, CONTROL_F_ERRNO, EINVAL);
            control_put_string(w, CONTROL_F_TEXT, "instruction 3: unknown");
            fake_send();
            return;
        }
        put_stream(header);
        if (fake_capture.dies) {
            fake_capture.dies--;
            f->parting = true;
            return;
        }
        break;
    default:
        break;
    }
    fake_answer(header, CONTROL_END);
    fake_send();
}
