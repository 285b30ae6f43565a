/* SPDX-License-Identifier: ISC */
/*
 * One connection that reads, writes or runs transactions, beside watches and connections that have
 * nothing to do with it.
 */
#include "scenario.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WATCH_CONNECTIONS = 10, WATCH_BATCH = 64, WARM_UP = 256 };

/** The connections that are only there. */
struct crowd {
    unsigned count;
    struct client **clients;
};

static void watch_one_share(struct client *client, unsigned share, unsigned count)
{
    char path[BENCH_PATH], token[16];

    for (unsigned i = 0; i < count;) {
        unsigned batch = 0;

        for (; batch < WATCH_BATCH && i < count; batch++, i++) {
            snprintf(path, sizeof(path), "/unrelated/%u/%u", share, i);
            snprintf(token, sizeof(token), "%u", i);
            client_queue_strings(client, XS_WATCH, 0, path, token, NULL);
        }
        client_flush(client);
        client_expect(client, batch);
    }
}

static struct crowd crowd_open(const struct scenario *scenario)
{
    struct crowd crowd = {.count = WATCH_CONNECTIONS + scenario->idle};

    crowd.clients = calloc(crowd.count, sizeof(struct client *));
    if (!crowd.clients) {
        die("no memory");
    }
    for (unsigned i = 0; i < crowd.count; i++) {
        crowd.clients[i] = client_open_socket(scenario->socket);
        if (i < WATCH_CONNECTIONS) {
            watch_one_share(crowd.clients[i], i, scenario->watches / WATCH_CONNECTIONS);
        }
        /* An answer shows that the server knows the connection. */
        client_queue_strings(crowd.clients[i], XS_DIRECTORY, 0, "/", NULL);
        client_flush(crowd.clients[i]);
        client_expect(crowd.clients[i], 1);
    }
    return crowd;
}

static void crowd_close(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->count; i++) {
        client_close(crowd->clients[i]);
    }
    free(crowd->clients);
}

static int compare(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

    return a < b ? -1 : a > b;
}

/** What a batch does: request number @index is queued. */
typedef void queue_fn(struct client *client, unsigned index);

static void queue_read(struct client *client, unsigned index)
{
    char path[BENCH_PATH];

    bench_path(path, index);
    client_queue_strings(client, XS_READ, 0, path, NULL);
}

static void queue_write(struct client *client, unsigned index)
{
    char path[BENCH_PATH], value[16];

    bench_path(path, index);
    snprintf(value, sizeof(value), "%08u", index);
    client_queue_write(client, 0, path, value);
}

/** Send @count requests in batches; the time of each batch goes to @times unless that is NULL. */
static void run(struct client *client, const struct scenario *scenario, queue_fn *queue,
                unsigned count, uint64_t *times)
{
    for (unsigned done = 0; done < count;) {
        uint64_t start = monotonic();
        unsigned batch = 0;

        for (; batch < scenario->inflight && done < count; batch++, done++) {
            queue(client, done * 7919U % scenario->nodes);
        }
        client_flush(client);
        client_expect(client, batch);
        if (times) {
            *times++ = monotonic() - start;
        }
    }
}

static void print_latency(uint64_t *times, unsigned count)
{
    qsort(times, count, sizeof(*times), compare);
    printf("p50_ns %" PRIu64 "\n", times[count / 2]);
    printf("max_ns %" PRIu64 "\n", times[count - 1]);
}

static void measure(const struct scenario *scenario, queue_fn *queue)
{
    struct client *client = scenario_open(scenario);
    unsigned batches = (scenario->count + scenario->inflight - 1) / scenario->inflight;
    uint64_t *times = calloc(batches, sizeof(*times));
    struct crowd crowd;
    uint64_t cpu, start;

    if (!times) {
        die("no memory");
    }
    bench_fill(client, scenario->nodes);
    crowd = crowd_open(scenario);
    run(client, scenario, queue, WARM_UP, NULL);

    cpu = process_cpu(scenario->pid);
    start = monotonic();
    run(client, scenario, queue, scenario->count, times);
    printf("wall_ns %" PRIu64 "\n", (monotonic() - start) / scenario->count);
    printf("cpu_ns %" PRIu64 "\n", (process_cpu(scenario->pid) - cpu) / scenario->count);
    print_latency(times, batches);

    free(times);
    crowd_close(&crowd);
    client_close(client);
}

void scenario_read(const struct scenario *scenario)
{
    measure(scenario, queue_read);
}

void scenario_write(const struct scenario *scenario)
{
    measure(scenario, queue_write);
}

/** @batch transactions at once, each of which writes a node that no other of them touches. */
static void transact(struct client *client, const struct scenario *scenario, unsigned batch,
                     unsigned *conflicts)
{
    uint32_t *ids = calloc(batch, sizeof(*ids));
    struct reply reply;

    if (!ids) {
        die("no memory");
    }
    for (unsigned i = 0; i < batch; i++) {
        client_queue_strings(client, XS_TRANSACTION_START, 0, "", NULL);
    }
    client_flush(client);
    for (unsigned i = 0; i < batch; i++) {
        client_receive(client, &reply);
        if (reply.type != XS_TRANSACTION_START) {
            die("no transaction: %s", reply.data);
        }
        ids[i] = (uint32_t)strtoul(reply.data, NULL, 10);
    }
    for (unsigned i = 0; i < batch; i++) {
        char path[BENCH_PATH];

        bench_path(path, i * 100 % scenario->nodes);
        client_queue_write(client, ids[i], path, "87654321");
    }
    client_flush(client);
    client_expect(client, batch);
    for (unsigned i = 0; i < batch; i++) {
        client_queue_strings(client, XS_TRANSACTION_END, ids[i], "T", NULL);
    }
    client_flush(client);
    for (unsigned i = 0; i < batch; i++) {
        client_receive(client, &reply);
        *conflicts += reply.type == XS_ERROR;
    }
    free(ids);
}

void scenario_transaction(const struct scenario *scenario)
{
    struct client *client = scenario_open(scenario);
    unsigned conflicts = 0, done = 0;
    struct crowd crowd;
    uint64_t cpu, start;

    if (scenario->nodes < scenario->inflight * 100) {
        die("transactions need 100 nodes for each in flight");
    }
    bench_fill(client, scenario->nodes);
    crowd = crowd_open(scenario);
    transact(client, scenario, scenario->inflight, &conflicts);

    cpu = process_cpu(scenario->pid);
    start = monotonic();
    for (; done < scenario->count; done += scenario->inflight) {
        transact(client, scenario, scenario->inflight, &conflicts);
    }
    printf("wall_ns %" PRIu64 "\n", (monotonic() - start) / done);
    printf("cpu_ns %" PRIu64 "\n", (process_cpu(scenario->pid) - cpu) / done);
    printf("conflicts %u\n", conflicts);
    crowd_close(&crowd);
    client_close(client);
}

/** The figure called @name in the answer to CONTROL memreport. */
static uint64_t memreport(const struct scenario *scenario, struct client *client)
{
    struct reply reply;
    const char *figure;

    client_queue_strings(client, XS_CONTROL, 0, "memreport", NULL);
    client_flush(client);
    client_receive(client, &reply);
    figure = strstr(reply.data, scenario->memreport);
    if (reply.type != XS_CONTROL || !figure) {
        die("memreport: no %s in: %s", scenario->memreport, reply.data);
    }
    figure += strlen(scenario->memreport);
    figure += strspn(figure, " :=\t");
    return strtoull(figure, NULL, 10);
}

static uint64_t used_memory(const struct scenario *scenario, struct client *client)
{
    return scenario->memreport ? memreport(scenario, client) : process_memory(scenario->pid);
}

void scenario_node_memory(const struct scenario *scenario)
{
    struct client *client = scenario_open(scenario);
    unsigned directories = (scenario->count + 99) / 100;
    uint64_t before, cpu;

    bench_fill(client, 100);
    before = used_memory(scenario, client);
    cpu = process_cpu(scenario->pid);
    bench_fill(client, scenario->count);
    printf("cpu_ns %" PRIu64 "\n", (process_cpu(scenario->pid) - cpu) / scenario->count);
    printf("bytes %.1f\n", (double)(used_memory(scenario, client) - before) /
                               (scenario->count + directories - 101));
    client_close(client);
}

void scenario_watch_memory(const struct scenario *scenario)
{
    struct scenario watches = *scenario;
    struct client *client = scenario_open(scenario);
    struct crowd crowd;
    uint64_t before;

    watches.watches = 100;
    crowd = crowd_open(&watches);
    crowd_close(&crowd);
    before = used_memory(scenario, client);
    watches.watches = scenario->count;
    crowd = crowd_open(&watches);
    printf("bytes %.1f\n", (double)(used_memory(scenario, client) - before) / scenario->count);
    crowd_close(&crowd);
    client_close(client);
}
