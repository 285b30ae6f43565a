/* SPDX-License-Identifier: ISC */
#include "fake_service.h"
#include "control_queue.h"
#include "control_service.h"
#include "hv/linux/linux.h"
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake fake;

static struct control_writer writer;
static uint8_t frame[CONTROL_FRAME_MAX];

/* --- what the client asks of its surroundings --------------------------------------------------
 */

struct hv *hv_linux_open(void)
{
    return fake.client_hv;
}

void hv_linux_close(struct hv *hv)
{
    ck_assert_ptr_eq(hv, fake.client_hv);
}

bool hv_linux_wait(struct hv *hv, uint64_t deadline, int fd)
{
    hv_wait(hv, deadline);
    return false;
}

int control_service_open(struct report *r, const char *name, uint32_t domid,
                         struct control_service *service)
{
    memset(service, 0, sizeof(*service));
    service->vchan = CONTROL_VCHAN_NAME;
    snprintf(service->name, sizeof(service->name), "%s", name);
    service->domid = domid;
    return 0;
}

int control_service_find(struct report *r, const struct service_settings *settings,
                         struct control_service *service)
{
    return control_service_open(r, settings->name, FAKE_DOMID, service);
}

int control_service_runs(struct report *r, const struct service_settings *settings, bool *runs)
{
    *runs = settings->store_domain;
    return 0;
}

void control_service_close(struct control_service *service)
{
}

const char *control_service_end(struct control_service *service)
{
    return fake.end;
}

int control_service_numbers(struct control_service *service, int timeout_ms,
                            struct control_numbers *numbers)
{
    fake.asked++;
    if (fake.raw && strcmp(service->vchan, "mirror-ids") == 0)
        fake.raw_next = true;
    if (fake.numbers_error) {
        if (fake.numbers_error == -ETIMEDOUT)
            hv_wait(fake.client_hv, sim_now(fake.sim) + (uint64_t)timeout_ms * UINT64_C(1000000));
        return fake.numbers_error;
    }
    if (!fake.open || (fake.seen && !fake.publish_taken) || sim_now(fake.sim) < fake.publish_at)
        return -ENOENT;
    numbers->ring_ref = fake.v.ring_ref;
    numbers->port = fake.v.port;
    if (fake.wrong_numbers) {
        fake.wrong_numbers--;
        numbers->port += 50 + fake.wrong_numbers;
    }
    return 0;
}

void control_queue_open(struct control_queue *queue, uint32_t domid)
{
}

bool control_queue_enter(struct control_queue *queue)
{
    return sim_now(fake.sim) >= fake.queue_until;
}

bool control_queue_moved(struct control_queue *queue)
{
    const uint64_t before = fake.queue_mark;

    if (!fake.queue_pace || sim_now(fake.sim) >= fake.queue_until)
        return false;
    fake.queue_mark = sim_now(fake.sim) / fake.queue_pace;
    return before != fake.queue_mark;
}

void control_queue_leave(struct control_queue *queue, bool connected)
{
}

/* --- the service -------------------------------------------------------------------------------
 */

void fake_write(const void *data, size_t length)
{
    ck_assert_uint_le(length, sizeof(fake.out) - fake.out_len);
    memcpy(fake.out + fake.out_len, data, length);
    fake.out_len += length;
}

struct control_writer *fake_answer(const struct control_header *header, enum control_kind kind)
{
    control_begin(&writer, frame, sizeof(frame), header->type, kind, header->id);
    return &writer;
}

void fake_send(void)
{
    ck_assert(!writer.full);
    fake_write(frame, control_end(&writer));
}

void fake_hang_up(void)
{
    if (!fake.open)
        return;
    (void)!vchan_close(&fake.v);
    fake.open = fake.seen = false;
    fake.have = fake.out_len = 0;
}

static void hello(const struct control_header *header)
{
    /* All but STOP. */
    static const uint16_t known[] = {CONTROL_T_HELLO,
                                     CONTROL_T_STATUS,
                                     CONTROL_T_STATS,
                                     CONTROL_T_LOGS,
                                     CONTROL_T_ECHO,
                                     CONTROL_T_STORE_STATS,
                                     CONTROL_T_STORE_TRACE,
                                     CONTROL_T_STORE_QUOTA,
                                     CONTROL_T_STORE_SET,
                                     CONTROL_T_STORE_DUMP,
                                     CONTROL_T_STORE_LOAD,
                                     CONTROL_T_STORE_LOG,
                                     CONTROL_T_STORE_DIFF,
                                     CONTROL_T_STORE_SHOW,
                                     CONTROL_T_STORE_ROLLBACK,
                                     CONTROL_T_SWITCH_SHOW,
                                     CONTROL_T_SWITCH_PORTS,
                                     CONTROL_T_SWITCH_FDB,
                                     CONTROL_T_SWITCH_APPLY,
                                     CONTROL_T_SWITCH_RULES,
                                     CONTROL_T_SWITCH_MIRRORS,
                                     CONTROL_T_SWITCH_STATS,
                                     CONTROL_T_SWITCH_EVENTS,
                                     CONTROL_T_SWITCH_FLUSH,
                                     CONTROL_T_MONITOR_SHOW,
                                     CONTROL_T_MONITOR_PORTS,
                                     CONTROL_T_MONITOR_FLOWS,
                                     CONTROL_T_MONITOR_ENDED,
                                     CONTROL_T_MONITOR_CAPTURE,
                                     CONTROL_T_MONITOR_ALERTS,
                                     CONTROL_T_MONITOR_LIMITS,
                                     CONTROL_T_MONITOR_SET};

    fake_answer(header, CONTROL_REPLY);
    control_put_number(&writer, CONTROL_F_VERSION, 1);
    control_put_string(&writer, CONTROL_F_SERVICE, "fa\033ke");
    control_put_string(&writer, CONTROL_F_PROGRAM_VERSION, "1.2");
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        control_put_number(&writer, CONTROL_F_TYPE, known[i]);
    fake_send();
}

static void take_frame(void)
{
    struct control_header header;
    struct control_reader fields;

    ck_assert(control_header_decode(fake.in, &header));
    ck_assert(control_check(fake.in, header.length));
    control_read(&fields, fake.in, header.length);
    fake.have = 0;
    if (header.type == CONTROL_T_HELLO && fake.hang_up) {
        fake.hang_up--;
        fake_hang_up();
    } else if (header.type == CONTROL_T_HELLO && !fake.no_hello) {
        hello(&header);
    } else if (fake.frame) {
        fake.frame(&fake, &header, &fields);
    }
}

static bool read_frame(void)
{
    struct control_header header;
    size_t size = CONTROL_HEADER;
    int n;

    if (fake.have >= CONTROL_HEADER) {
        ck_assert(control_header_decode(fake.in, &header));
        size = header.length;
    }
    n = vchan_read(&fake.v, fake.in + fake.have, size - fake.have);
    if (n <= 0)
        return false;
    fake.have += (size_t)n;
    if (fake.have < size)
        return true;
    if (size == CONTROL_HEADER) {
        ck_assert(control_header_decode(fake.in, &header));
        if (header.length > CONTROL_HEADER)
            return true;
    }
    take_frame();
    return fake.open;
}

static bool flush_out(void)
{
    const size_t length = fake.piece && fake.piece < fake.out_len ? fake.piece : fake.out_len;
    int n;

    if (!length)
        return false;
    n = vchan_write(&fake.v, fake.out, length);
    if (n <= 0)
        return false;
    fake.out_len -= (size_t)n;
    memmove(fake.out, fake.out + n, fake.out_len);
    return true;
}

static uint64_t step(void *context)
{
    bool more;

    while (hv_evtchn_next(fake.service_hv) != 0) {
    }
    if (!fake.open) {
        fake.pages = fake.pages ? fake.pages : hv_page_alloc(fake.service_hv, vchan_pages(12, 12));
        ck_assert_ptr_nonnull(fake.pages);
        ck_assert_int_eq(vchan_server_open(&fake.v, fake.service_hv, 0, 12, 12, fake.pages), 0);
        fake.open = true;
        return HV_NEVER;
    }
    if (vchan_state(&fake.v) == VCHAN_OPEN && !fake.seen) {
        fake.seen = true;
        fake.connections++;
        if (fake.raw_next)
            fake_write(fake.raw, fake.raw_length);
    }
    more = read_frame();
    if (!fake.open)
        return 0;
    more |= flush_out();
    if (fake.raw_next && fake.seen && !fake.out_len) {
        fake_hang_up();
        return 0;
    }
    if (fake.parting && !fake.out_len) {
        fake.parting = false;
        fake_hang_up();
        return 0;
    }
    if (vchan_state(&fake.v) == VCHAN_ENDED && !more) {
        fake_hang_up();
        return 0;
    }
    return more ? 0 : HV_NEVER;
}

void fake_begin(fake_frame_fn *answer)
{
    memset(&fake, 0, sizeof(fake));
    fake.sim = sim_create(1);
    fake.client_hv = sim_domain_create(fake.sim, &(struct sim_domain_config){.domid = 0});
    fake.service_hv = sim_domain_create(fake.sim, &(struct sim_domain_config){.domid = FAKE_DOMID});
    fake.frame = answer;
    sim_set_actor(fake.service_hv, step, NULL);
    sim_run(fake.sim, HV_NEVER, 10);
    ck_assert(fake.open);
    fake.start = sim_now(fake.sim);
}

void fake_end(void)
{
    struct sim_usage usage;

    sim_usage(fake.client_hv, &usage);
    ck_assert_uint_eq(usage.ports, 0);
    ck_assert_uint_eq(usage.mappings, 0);
    fake_hang_up();
    free(fake.upload);
    sim_destroy(fake.sim);
}
