/* SPDX-License-Identifier: ISC */
/*
 * Measures one thing of one XenStore server; xenstored_native.py runs it for each.
 */
#include "scenario.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FILL_BATCH = 64 };

uint64_t monotonic(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

/** The @field-th number (from 0) of /proc/@pid/@name. */
static uint64_t process_number(pid_t pid, const char *name, unsigned field)
{
    char path[64];
    uint64_t value = 0;
    FILE *file;

    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    file = fopen(path, "r");
    if (!file) {
        die("%s: %s", path, strerror(errno));
    }
    for (unsigned i = 0; i <= field; i++) {
        if (fscanf(file, "%" SCNu64, &value) != 1) {
            die("%s: no such field", path);
        }
    }
    fclose(file);
    return value;
}

uint64_t process_cpu(pid_t pid)
{
    return process_number(pid, "schedstat", 0);
}

uint64_t process_memory(pid_t pid)
{
    return process_number(pid, "statm", 1) * (uint64_t)sysconf(_SC_PAGESIZE);
}

struct client *scenario_open(const struct scenario *scenario)
{
    return scenario->ring ? client_open_ring(scenario->ring) : client_open_socket(scenario->socket);
}

void bench_path(char path[BENCH_PATH], unsigned index)
{
    snprintf(path, BENCH_PATH, "/bench/d%u/n%u", index / 100, index % 100);
}

void bench_fill(struct client *client, unsigned count)
{
    char path[BENCH_PATH];

    for (unsigned i = 0; i < count;) {
        unsigned batch = 0;

        for (; batch < FILL_BATCH && i < count; batch++, i++) {
            bench_path(path, i);
            client_queue_write(client, 0, path, "12345678");
        }
        client_flush(client);
        client_expect(client, batch);
    }
}

static const struct {
    const char *name;
    void (*run)(const struct scenario *scenario);
} scenarios[] = {
    {"read", scenario_read},
    {"write", scenario_write},
    {"transaction", scenario_transaction},
    {"storm", scenario_storm},
    {"node-memory", scenario_node_memory},
    {"watch-memory", scenario_watch_memory},
};

static void usage(FILE *out)
{
    fputs("usage: xs_bench --socket PATH --pid PID [OPTION...] SCENARIO\n"
          "scenarios: read write transaction storm node-memory watch-memory\n"
          "  --ring DIR        make the requests over xenshim.so's ring in DIR\n"
          "  --memreport NAME  count memory by this figure of CONTROL memreport, not by RSS\n"
          "  --count N  --inflight N  --nodes N  --watches N  --idle N  --clients N  --list\n",
          out);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"socket", required_argument, NULL, 's'},
                                            {"pid", required_argument, NULL, 'p'},
                                            {"ring", required_argument, NULL, 'r'},
                                            {"memreport", required_argument, NULL, 'm'},
                                            {"count", required_argument, NULL, 'c'},
                                            {"inflight", required_argument, NULL, 'f'},
                                            {"nodes", required_argument, NULL, 'n'},
                                            {"watches", required_argument, NULL, 'w'},
                                            {"idle", required_argument, NULL, 'i'},
                                            {"clients", required_argument, NULL, 'k'},
                                            {"list", no_argument, NULL, 'l'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct scenario scenario = {.count = 10000, .inflight = 16, .nodes = 1000, .clients = 64};
    int option;

    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        unsigned number = optarg ? (unsigned)strtoul(optarg, NULL, 10) : 0;

        switch (option) {
        case 's':
            scenario.socket = optarg;
            break;
        case 'p':
            scenario.pid = (pid_t)number;
            break;
        case 'r':
            scenario.ring = optarg;
            break;
        case 'm':
            scenario.memreport = optarg;
            break;
        case 'c':
            scenario.count = number;
            break;
        case 'f':
            scenario.inflight = number;
            break;
        case 'n':
            scenario.nodes = number;
            break;
        case 'w':
            scenario.watches = number;
            break;
        case 'i':
            scenario.idle = number;
            break;
        case 'k':
            scenario.clients = number;
            break;
        case 'l':
            scenario.list = true;
            break;
        case 'h':
            usage(stdout);
            return 0;
        default:
            usage(stderr);
            return 2;
        }
    }
    if (optind + 1 != argc || !scenario.socket || !scenario.pid || !scenario.count ||
        !scenario.inflight || !scenario.nodes || !scenario.clients) {
        usage(stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        if (!strcmp(argv[optind], scenarios[i].name)) {
            scenarios[i].run(&scenario);
            return 0;
        }
    }
    usage(stderr);
    return 2;
}
