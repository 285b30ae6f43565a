/* SPDX-License-Identifier: ISC */
/**
 * @file captures.h
 * The parts of make-captures. All of them end the program with a line when something fails.
 */
#ifndef TESTS_BENCH_MONITOR_CAPTURES_H
#define TESTS_BENCH_MONITOR_CAPTURES_H

#include <pcap/pcap.h>
#include <stdint.h>

#include "services/monitor/decode.h"

/** What is to be reached, all of it. */
struct goal {
    uint64_t bytes, packets, flows;
    uint64_t snap; /**< mixed: bytes of a packet that are kept; 0: all */
};

/** A file that is written: microseconds, Ethernet. */
struct output {
    const char *path;
    pcap_t *dead;
    pcap_dumper_t *dumper;
    uint64_t bytes, packets;
};

void output_open(struct output *output, const char *path);
/** @time: microseconds since 1970. */
void output_frame(struct output *output, uint64_t time, const uint8_t *frame, uint32_t captured,
                  uint32_t length);
void output_close(struct output *output);

/** Conversations that were counted: addresses, ports, protocol and tags, either direction. */
struct flow_set {
    uint64_t *hashes;
    uint64_t size, count;
};

void flow_set_add(struct flow_set *set, const struct decoded *decoded);

/** "text: 35 %" on standard error, once a percent at most, on a line of its own if that is no
 * terminal and then less often. */
void progress(const char *text, uint64_t done, uint64_t all);

/** All Ethernet captures at @paths (files, and folders with all below), put into one minute, again
 * and again with other addresses until @goal is reached. */
void mixed_write(const char *out, const struct goal *goal, char **paths, int count);

/** @goal->packets of 60 or 114 bytes in @goal->flows conversations, that of each picked anew. */
void random_write(const char *out, const struct goal *goal, uint64_t seed);

void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
void *must_allocate(void *memory, size_t size);

#endif
