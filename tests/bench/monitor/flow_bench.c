/* SPDX-License-Identifier: ISC */
/*
 * A capture file through the monitor's engine, as `atoll flows -r` has it, for measurements: what
 * bench_monitor.py of the lab runs. Each ended flow is made into a record, which is the equivalent
 * of other monitors' export.
 *
 * usage: flow-bench [--list] FILE. Prints a line of totals; with --list one of each record before
 * it: family, protocol, address and port of both sides, frames and bytes.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "flow_file.h"

struct sums {
    bool list;
    uint64_t records, frames, bytes;
};

static void print_flow(const struct flow_record *record)
{
    char address[2][INET6_ADDRSTRLEN];

    for (unsigned i = 0; i < 2; i++)
        inet_ntop(record->family == 6 ? AF_INET6 : AF_INET, record->side[i].address, address[i],
                  sizeof(address[i]));
    printf("%u %u %s %u %s %u %" PRIu64 " %" PRIu64 "\n", record->family, record->protocol,
           address[0], record->side[0].port, address[1], record->side[1].port,
           record->side[0].frames + record->side[1].frames,
           record->side[0].bytes + record->side[1].bytes);
}

static void add(void *context, const struct flow_view *flow)
{
    struct sums *sums = context;

    sums->records++;
    for (unsigned i = 0; i < 2; i++) {
        sums->frames += flow->record.side[i].frames;
        sums->bytes += flow->record.side[i].bytes;
    }
    if (sums->list && (flow->record.family == 4 || flow->record.family == 6))
        print_flow(&flow->record);
}

int main(int argc, char *argv[])
{
    struct sums sums = {.list = argc == 3 && strcmp(argv[1], "--list") == 0};
    const struct flow_file_options options = {.flow = add, .context = &sums};
    static struct flow_file_result result;

    if (argc != (sums.list ? 3 : 2)) {
        fputs("usage: flow-bench [--list] FILE\n", stderr);
        return 2;
    }
    if (flow_file_run(argv[argc - 1], &options, &result) != 0) {
        fprintf(stderr, "flow-bench: %s\n", result.error);
        return 1;
    }
    printf("frames %" PRIu64 " records %" PRIu64 " in-records %" PRIu64 " bytes %" PRIu64
           " evicted %" PRIu64 " highest %" PRIu64 " refused %" PRIu64 " passed-over %" PRIu64
           "%s%s\n",
           result.frames, sums.records, sums.frames, sums.bytes,
           result.engine.flows_ended[FLOW_EVICTED], result.engine.flows_highest,
           result.engine.flows_refused, result.unknown_link, result.cut ? " cut: " : "",
           result.error);
    return 0;
}
