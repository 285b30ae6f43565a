/* SPDX-License-Identifier: ISC */
/**
 * @file
 * `atoll flows -r` on a capture of any bytes behind one that says how it is run: with so small a
 * table that flows are evicted, other timeouts (0x07), stopped after a while (0x08). It is refused
 * in one line, or each of its frames is counted in one flow, and what is told of can be shown.
 */
#include "check.h"
#include "flow_file.h"
#include "input.h"
#include <sys/mman.h>
#include <unistd.h>

#define FLOWS 64u

struct told {
    uint64_t frames, bytes, flows, ended, alerts;
    uint64_t first, last;
    unsigned turns;
};

static void check_line(const char *text, size_t size)
{
    const char *end = memchr(text, 0, size);

    ck_assert(end && end > text);
    for (const char *at = text; at < end; at++)
        ck_assert(*at != '\n');
}

static void check_printable(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        ck_assert(text[i] >= ' ' && text[i] <= '~');
}

static void flow(void *context, const struct flow_view *view)
{
    const struct flow_record *r = &view->record;
    struct told *told = context;

    ck_assert(r->first <= r->last && r->end != 0 && r->family <= 6);
    ck_assert(r->vid[0] < 4096 && r->vid[1] < 4096);
    /* No port is known of a file. */
    for (unsigned i = 0; i < 2; i++) {
        ck_assert(!r->guest_length[i]);
        told->frames += r->side[i].frames;
        told->bytes += r->side[i].bytes;
    }
    check_printable(view->name, r->name_length);
    check_printable(view->detail, r->detail_length);
    told->flows++;
    told->first = r->first < told->first ? r->first : told->first;
    told->last = r->last > told->last ? r->last : told->last;
}

static void alert(void *context, const struct alert *alert)
{
    struct told *told = context;

    check_line(alert->evidence, sizeof(alert->evidence));
    check_printable(alert->evidence, strlen(alert->evidence));
    ck_assert(alert->kind < ALERT_KINDS);
    told->alerts++;
}

static bool progress(void *context, uint64_t bytes, uint64_t frames)
{
    struct told *told = context;

    ck_assert(bytes && frames);
    return ++told->turns < 2;
}

static void check(const struct flow_file_result *result, const struct told *told, size_t size)
{
    const struct engine_counters *engine = &result->engine;
    uint64_t ended = 0;

    ck_assert(engine->flows_live == 0 && engine->copies == 0);
    ck_assert_uint_eq(engine->frames + result->unknown_link, result->frames);
    ck_assert_uint_eq(told->frames + engine->flows_refused, engine->frames);
    ck_assert(engine->flows_refused || told->bytes == engine->bytes);
    for (unsigned i = 0; i < sizeof(engine->flows_ended) / sizeof(engine->flows_ended[0]); i++)
        ended += engine->flows_ended[i];
    ck_assert_uint_eq(ended, told->flows);
    ck_assert_uint_eq(engine->alerts, told->alerts);
    ck_assert(result->size <= size);
    ck_assert(!result->cut || result->error[0]);
    ck_assert(result->cut || !result->error[0]);
    ck_assert(!result->stopped || told->turns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t how = size ? data[0] : 0;
    static const uint32_t seconds[8] = {0, 1, 2, 5, 60, 3600, 86400, UINT32_MAX / 1000};
    struct told told = {.first = UINT64_MAX};
    const struct flow_file_options options = {.flows = FLOWS,
                                              .idle = seconds[how & 7],
                                              .active = seconds[(how + 1) & 7],
                                              .closed = seconds[(how + 2) & 7],
                                              .flow = flow,
                                              .alert = alert,
                                              .progress = how & 8 ? progress : NULL,
                                              .context = &told};
    struct flow_file_result result;
    char path[32];
    const int fd = memfd_create("capture", MFD_CLOEXEC);

    if (!size)
        size = 1;
    else
        data++;
    ck_assert(fd >= 0 && write(fd, data, size - 1) == (ssize_t)(size - 1));
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (flow_file_run(path, &options, &result) == 0)
        check(&result, &told, size - 1);
    else
        check_line(result.error, sizeof(result.error));
    if (result.error[0])
        check_line(result.error, sizeof(result.error));
    close(fd);
    return 0;
}
