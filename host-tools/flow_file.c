/* SPDX-License-Identifier: ISC */
#include "flow_file.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#include "capture_reader.h"
#include "services/monitor/record.h"

/* One flow in so many may have names. */
#define FLOWS_A_NAME   16U
#define PROGRESS_BYTES (16U << 20)

struct run {
    const struct flow_file_options *options;
    struct flow_file_result *result;
    struct engine *engine;
    void *memory;
    size_t size;
    uint64_t told; /* bytes at the last progress */
};

static void flow_ended(void *context, const struct flow *flow)
{
    struct run *run = context;
    uint8_t data[FLOW_RECORD_MAX];
    struct flow_view view;

    if (flow_view(data, record_put(run->engine, flow, data), &view) != 0)
        run->options->flow(run->options->context, &view);
}

static void alert(void *context, const struct alert *alert)
{
    struct run *run = context;

    run->options->alert(run->options->context, alert);
}

static int make_engine(struct run *run)
{
    const struct flow_file_options *options = run->options;
    struct engine_config config = {.file = true};

    engine_defaults(&config, 0);
    config.flows = options->flows ? options->flows : FLOW_FILE_FLOWS;
    config.applications = config.flows / FLOWS_A_NAME;
    config.idle = options->idle ? options->idle : config.idle;
    config.active = options->active ? options->active : config.active;
    config.closed = options->closed ? options->closed : config.closed;
    if (options->limits)
        config.limits = *options->limits;
    if (options->flow)
        config.ended = flow_ended;
    if (options->alert)
        config.alert = alert;
    config.context = run;
    if (getrandom(&config.key, sizeof(config.key), 0) != sizeof(config.key)) {
        snprintf(run->result->error, sizeof(run->result->error), "no random numbers for the key");
        return -1;
    }
    run->size = engine_size(&config);
    run->memory = mmap(NULL, run->size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (run->memory == MAP_FAILED) {
        run->memory = NULL;
        snprintf(run->result->error, sizeof(run->result->error),
                 "no memory for %u flows (%zu bytes)", config.flows, run->size);
        return -1;
    }
    /* Flows are hit at random: pages of 2 MiB spare most misses of the TLB. No matter if refused.
     */
    madvise(run->memory, run->size, MADV_HUGEPAGE);
    run->engine = engine_create(run->memory, run->size, &config);
    return 0;
}

static bool go_on(struct run *run, const struct capture_totals *totals)
{
    if (!run->options->progress || totals->size - run->told < PROGRESS_BYTES)
        return true;
    run->told = totals->size;
    run->result->stopped =
        !run->options->progress(run->options->context, totals->size, totals->frames);
    return !run->result->stopped;
}

static void run_frames(struct run *run, struct capture_reader *reader)
{
    struct flow_file_result *result = run->result;
    struct engine_frame frames[ENGINE_BURST];
    const struct capture_totals *totals = capture_totals(reader);
    int count = 0;

    do {
        count = capture_read(reader, frames, result->error, sizeof(result->error));
        if (count <= 0)
            break;
        if (result->last == 0)
            result->first = frames[0].time;
        result->last = frames[count - 1].time;
        engine_frames(run->engine, frames, (unsigned)count);
    } while (go_on(run, totals));
    result->cut = count < 0;
    engine_flush(run->engine);
    engine_counters(run->engine, &result->engine);
    result->size = totals->size;
    result->frames = totals->frames;
    result->unknown_link = totals->unknown_link;
    result->unknown_type = totals->unknown_type;
}

int flow_file_run(const char *path, const struct flow_file_options *options,
                  struct flow_file_result *result)
{
    struct run run = {.options = options, .result = result};
    struct capture_reader *reader;
    int status = -1;

    *result = (struct flow_file_result){0};
    reader = capture_open(path, result->error, sizeof(result->error));
    if (reader && make_engine(&run) == 0) {
        run_frames(&run, reader);
        status = 0;
    }
    if (run.memory)
        munmap(run.memory, run.size);
    capture_close(reader);
    return status;
}
