/* SPDX-License-Identifier: ISC */
/*
 * Time the service spends on a request that it takes from a ring, with no system call in it: core
 * and simulator in one process. dom0 lays up to 16 requests into its ring, the service is stepped
 * until it has no more to do, the answers are taken out; only the time inside xenstored_step() is
 * counted. The simulator's event channels and shared-memory accessors are part of that time.
 *
 * Prints "name value" lines. Under `valgrind --tool=callgrind --toggle-collect=xenstored_step
 * --collect-atstart=no` the instructions of the same steps are counted; --plain then leaves out
 * everything but the requests, so that two runs of different --count give the figure of one.
 */
#include "client.h"
#include "ring_client.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hv/sim/sim.h"

enum {
    DOM0 = 0,
    STORE = 1,
    INFLIGHT = 16,
    CHUNK = 4, /* visits whose time is one sample: short, so that few are interrupted */
    PAGES_PER_MB = (1 << 20) / HV_PAGE_SIZE,
    WATCH_CONNECTIONS = 10,
    PATH = 64,
};

/*
 * On Xen, the pages of the journal are opened for a commit by a few stores to our own page table;
 * the simulator's system calls would be most of what is measured here, and are left out.
 */
void __wrap_hv_guarded_open(struct hv *hv, void *pages, unsigned count);
void __wrap_hv_guarded_close(struct hv *hv, void *pages, unsigned count);

void __wrap_hv_guarded_open(struct hv *hv, void *pages, unsigned count)
{
}

void __wrap_hv_guarded_close(struct hv *hv, void *pages, unsigned count)
{
}

struct bench {
    struct sim *sim;
    struct hv *dom0;
    struct xenstored *xs;
    struct ring_client main; /**< dom0's first ring, as its kernel has it */
    unsigned memory;         /**< MiB */
    unsigned history;        /**< versions to keep */
    unsigned journal;        /**< pages of the journal; 0: there is none */
    unsigned count, nodes, watches, idle;
    uint64_t clock_cost; /**< ns that reading the clock twice takes */
    uint64_t spent;      /**< ns in xenstored_step() since start_sample() */
};

/** A request of a scenario, by number. Returns the length of @payload. */
typedef size_t request_fn(struct bench *bench, unsigned index, uint32_t *type,
                          char payload[PATH * 2]);

static uint64_t clock_ns(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;

    return a < b ? -1 : a > b;
}

static double median(double *samples, unsigned count)
{
    qsort(samples, count, sizeof(*samples), compare);
    return samples[count / 2];
}

static uint64_t measure_clock(void)
{
    double samples[1001];

    for (unsigned i = 0; i < 1001; i++) {
        uint64_t start = clock_ns();

        samples[i] = (double)(clock_ns() - start);
    }
    return (uint64_t)median(samples, 1001);
}

/** Step the service until it waits, and add the time to bench->spent. */
static void step_timed(struct bench *bench)
{
    uint64_t start = clock_ns(), time;

    while (xenstored_step(bench->xs) == 0) {
    }
    time = clock_ns() - start;
    bench->spent += time > bench->clock_cost ? time - bench->clock_cost : 0;
}

/** Take @count answers of @client, stepping the service where it must go on first. */
static void finish(struct bench *bench, struct ring_client *client, unsigned count)
{
    unsigned stalled = 0;

    while (count) {
        const struct xsd_sockmsg *answer = ring_client_take(client);

        if (!answer) {
            if (++stalled > 1000) {
                die("the service does not answer");
            }
            step_timed(bench);
            continue;
        }
        stalled = 0;
        if (answer->type == XS_ERROR) {
            die("request %u: %.*s", answer->req_id, (int)answer->len, (const char *)(answer + 1));
        }
        count--;
    }
}

/** Serve requests @from to @from + @count - 1, as many at a time as the ring takes. */
static void serve(struct bench *bench, struct ring_client *client, request_fn *request,
                  unsigned from, unsigned count)
{
    char payload[PATH * 2];
    uint32_t type;

    for (unsigned done = 0; done < count;) {
        unsigned batch = 0;

        while (batch < INFLIGHT && done < count) {
            size_t length = request(bench, from + done, &type, payload);

            if (!ring_client_put(client, type, 0, payload, length)) {
                break;
            }
            batch++;
            done++;
        }
        ring_client_notify(client);
        step_timed(bench);
        finish(bench, client, batch);
    }
}

static size_t request_create(struct bench *bench, unsigned index, uint32_t *type,
                             char payload[PATH * 2])
{
    int length = snprintf(payload, (size_t)PATH * 2, "/bench/d%u/n%u%c12345678", index / 100,
                          index % 100, 0);

    *type = XS_WRITE;
    return (size_t)length;
}

static size_t request_write(struct bench *bench, unsigned index, uint32_t *type,
                            char payload[PATH * 2])
{
    return request_create(bench, index * 7919U % bench->nodes, type, payload);
}

static size_t request_read(struct bench *bench, unsigned index, uint32_t *type,
                           char payload[PATH * 2])
{
    size_t length = request_write(bench, index, type, payload);

    *type = XS_READ;
    return length - 8; /* the path and its NUL */
}

static size_t request_watch(struct bench *bench, unsigned index, uint32_t *type,
                            char payload[PATH * 2])
{
    int length = snprintf(payload, (size_t)PATH * 2, "/unrelated/%u/%u%c%u%c",
                          index % WATCH_CONNECTIONS, index / WATCH_CONNECTIONS, 0, index, 0);

    *type = XS_WATCH;
    return (size_t)length;
}

/** The median over samples of ns per request. */
static double sample_requests(struct bench *bench, request_fn *request)
{
    unsigned requests = CHUNK * INFLIGHT, samples = (bench->count + requests - 1) / requests;
    double *times = calloc(samples, sizeof(*times)), result;

    if (!times) {
        die("no memory");
    }
    serve(bench, &bench->main, request, 0, requests);
    for (unsigned i = 0; i < samples; i++) {
        bench->spent = 0;
        serve(bench, &bench->main, request, i * requests, requests);
        times[i] = (double)bench->spent / requests;
    }
    result = median(times, samples);
    free(times);
    return result;
}

/** One round of INFLIGHT transactions, each of which writes a node that no other touches. */
static void transact(struct bench *bench, struct ring_client *client)
{
    uint32_t ids[INFLIGHT], type;
    char payload[PATH * 2];

    for (unsigned i = 0; i < INFLIGHT; i++) {
        if (!ring_client_put(client, XS_TRANSACTION_START, 0, "", 1)) {
            die("no room for a request");
        }
    }
    ring_client_notify(client);
    step_timed(bench);
    for (unsigned i = 0; i < INFLIGHT; i++) {
        const struct xsd_sockmsg *answer = ring_client_take(client);

        if (!answer || answer->type != XS_TRANSACTION_START) {
            die("no transaction");
        }
        ids[i] = (uint32_t)strtoul((const char *)(answer + 1), NULL, 10);
    }
    for (unsigned i = 0; i < INFLIGHT; i++) {
        size_t length = request_create(bench, i * 100 % bench->nodes, &type, payload);

        if (!ring_client_put(client, type, ids[i], payload, length)) {
            die("no room for a request");
        }
    }
    ring_client_notify(client);
    step_timed(bench);
    finish(bench, client, INFLIGHT);
    for (unsigned i = 0; i < INFLIGHT; i++) {
        if (!ring_client_put(client, XS_TRANSACTION_END, ids[i], "T", 2)) {
            die("no room for a request");
        }
    }
    ring_client_notify(client);
    step_timed(bench);
    finish(bench, client, INFLIGHT);
}

static double sample_transactions(struct bench *bench)
{
    unsigned transactions = CHUNK * INFLIGHT;
    unsigned samples = (bench->count + transactions - 1) / transactions;
    double *times = calloc(samples, sizeof(*times)), result;

    if (!times) {
        die("no memory");
    }
    transact(bench, &bench->main);
    for (unsigned i = 0; i < samples; i++) {
        bench->spent = 0;
        for (unsigned j = 0; j < CHUNK; j++) {
            transact(bench, &bench->main);
        }
        times[i] = (double)bench->spent / transactions;
    }
    result = median(times, samples);
    free(times);
    return result;
}

static void bench_open(struct bench *bench)
{
    struct sim_domain_config dom0 = {.domid = DOM0, .pages = HV_EVTCHN_PORTS + 16};
    struct sim_domain_config store = {
        .domid = STORE, .xs_domain = true, .pages = bench->memory * PAGES_PER_MB};
    struct xenstored_config config = {.history = bench->history, .no_history = !bench->history};
    struct ring_client *crowd;
    struct hv *hv;

    bench->sim = sim_create(1);
    bench->dom0 = sim_domain_create(bench->sim, &dom0);
    hv = sim_domain_create(bench->sim, &store);
    if (hv && bench->journal) {
        config.reserved = hv_page_alloc(hv, bench->journal);
        config.reserved_pages = bench->journal;
    }
    bench->xs = hv ? xenstored_create(hv, &config) : NULL;
    if (!bench->xs) {
        die("no service");
    }
    bench->clock_cost = measure_clock();
    ring_client_open(&bench->main, bench->dom0, STORE, bench->xs);
    serve(bench, &bench->main, request_create, 0, bench->nodes);

    /* Who watches and who idles stays until the process ends. */
    crowd = calloc(WATCH_CONNECTIONS + bench->idle, sizeof(*crowd));
    if (!crowd) {
        die("no memory");
    }
    for (unsigned i = 0; i < WATCH_CONNECTIONS + bench->idle; i++) {
        ring_client_open(&crowd[i], bench->dom0, STORE, bench->xs);
        serve(bench, &crowd[i], request_read, 0, 1);
    }
    for (unsigned i = 0; i < bench->watches; i++) {
        serve(bench, &crowd[i % WATCH_CONNECTIONS], request_watch, i, 1);
    }
}

static void usage(FILE *out)
{
    fputs("usage: ring_bench [--count N] [--nodes N] [--watches N] [--idle N] [--memory MB]\n"
          "                  [--history N] [--journal PAGES] [--plain read|write|transaction]\n",
          out);
}

/** Only the requests, for a tool that counts instructions. */
static int run_plain(struct bench *bench, const char *what)
{
    if (!strcmp(what, "read")) {
        serve(bench, &bench->main, request_read, 0, bench->count);
    } else if (!strcmp(what, "write")) {
        serve(bench, &bench->main, request_write, 0, bench->count);
    } else if (!strcmp(what, "transaction")) {
        for (unsigned done = 0; done < bench->count; done += INFLIGHT) {
            transact(bench, &bench->main);
        }
    } else {
        usage(stderr);
        return 2;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"count", required_argument, NULL, 'c'},   {"nodes", required_argument, NULL, 'n'},
        {"watches", required_argument, NULL, 'w'}, {"idle", required_argument, NULL, 'i'},
        {"memory", required_argument, NULL, 'm'},  {"plain", required_argument, NULL, 'p'},
        {"history", required_argument, NULL, 'v'}, {"journal", required_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    static struct bench bench = {.memory = 256, .count = 100000, .nodes = 1600, .history = 256};
    const char *plain = NULL;
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        unsigned number = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;

        switch (option) {
        case 'c':
            bench.count = number;
            break;
        case 'n':
            bench.nodes = number;
            break;
        case 'w':
            bench.watches = number;
            break;
        case 'i':
            bench.idle = number;
            break;
        case 'm':
            bench.memory = number;
            break;
        case 'v':
            bench.history = number;
            break;
        case 'j':
            bench.journal = number;
            break;
        case 'p':
            plain = optarg;
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 2;
        }
    }
    if (optind != argc || bench.nodes < INFLIGHT * 100 || !bench.count) {
        fputs("ring_bench: at least 1600 nodes and one request are needed\n", stderr);
        usage(stderr);
        return 2;
    }
    bench_open(&bench);
    if (plain) {
        return run_plain(&bench, plain);
    }
    printf("read_ns %.1f\n", sample_requests(&bench, request_read));
    printf("write_ns %.1f\n", sample_requests(&bench, request_write));
    printf("transaction_ns %.1f\n", sample_transactions(&bench));
    return 0;
}
