/* SPDX-License-Identifier: ISC */
/**
 * @file latency.c
 * lab-latency: the whole distribution of XenStore's answer times, as a client in dom0 sees them.
 *
 * usage: lab-latency read|write COUNT [VALUE-BYTES]
 *
 * test-xenstore prints averages with least and greatest; an average hides a wake-up that was lost.
 * This makes COUNT requests on one node, one after the other, and prints one line of key=value:
 * median, p90, p99, p999, max and min in microseconds, how many took more than 20 times the median,
 * and when (the ordinal of the request) the greatest happened. Exit status 0 if every request was
 * answered.
 */
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#define NODE      "/tool/lab-latency"
#define VALUE_MAX 3000

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static int ascending(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

static void request(struct xs_handle *xs, bool write, const char *value, unsigned size)
{
    if (write) {
        if (!xs_write(xs, XBT_NULL, NODE, value, size))
            err(1, "write");
        return;
    }

    unsigned len = 0;
    char *got = xs_read(xs, XBT_NULL, NODE, &len);

    if (!got)
        err(1, "read");
    if (len != size || memcmp(got, value, size) != 0)
        errx(1, "read gave %u bytes that are not what was written", len);
    free(got);
}

static double percentile(const uint64_t *sorted, size_t count, double part)
{
    size_t i = (size_t)(part * (double)count);

    return (double)sorted[i < count ? i : count - 1] / 1000.0;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        errx(2, "usage: lab-latency read|write COUNT [VALUE-BYTES]");

    bool write = strcmp(argv[1], "write") == 0;
    long count = strtol(argv[2], NULL, 10);
    long size = argc > 3 ? strtol(argv[3], NULL, 10) : 1;

    if ((!write && strcmp(argv[1], "read") != 0) || count < 1 || count > 10000000 || size < 1 ||
        size > VALUE_MAX)
        errx(2, "usage: lab-latency read|write COUNT [VALUE-BYTES up to %d]", VALUE_MAX);

    static char value[VALUE_MAX];
    uint64_t *took = calloc((size_t)count, sizeof(*took));
    struct xs_handle *xs = xs_open(0);

    if (!xs || !took)
        err(1, "xs_open");
    memset(value, 'a', sizeof(value));
    if (!xs_write(xs, XBT_NULL, NODE, value, (unsigned)size))
        err(1, "write");

    uint64_t worst = 0;
    long worst_at = 0;

    for (long i = 0; i < count; i++) {
        uint64_t begin = now_ns();

        request(xs, write, value, (unsigned)size);
        took[i] = now_ns() - begin;
        if (took[i] > worst) {
            worst = took[i];
            worst_at = i;
        }
    }
    xs_rm(xs, XBT_NULL, NODE);
    xs_close(xs);

    qsort(took, (size_t)count, sizeof(*took), ascending);

    uint64_t limit = took[count / 2] * 20;
    long over = 0;

    while (over < count && took[count - 1 - over] > limit)
        over++;
    printf("count=%ld min=%.1f median=%.1f p90=%.1f p99=%.1f p999=%.1f max=%.1f over20=%ld "
           "worst_at=%ld\n",
           count, (double)took[0] / 1000.0, percentile(took, (size_t)count, 0.5),
           percentile(took, (size_t)count, 0.9), percentile(took, (size_t)count, 0.99),
           percentile(took, (size_t)count, 0.999), (double)worst / 1000.0, over, worst_at);
    free(took);
    return 0;
}
