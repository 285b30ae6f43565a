/* SPDX-License-Identifier: ISC */
/**
 * @file scenario.h
 * What xs_bench can measure. Each function prints its figures as "name value" lines.
 */
#ifndef BENCH_SCENARIO_H
#define BENCH_SCENARIO_H

#include "client.h"

#include <sys/types.h>

struct scenario {
    const char *socket;
    const char *ring;      /**< xenshim.so's folder, to use the ring for the requests; or NULL */
    const char *memreport; /**< name of the counter of used bytes in CONTROL memreport; or NULL */
    pid_t pid;             /**< of the server */
    unsigned count;        /**< requests, transactions, nodes or watches */
    unsigned inflight;     /**< requests sent before the first answer is awaited */
    unsigned nodes;        /**< in the store */
    unsigned watches;      /**< unrelated ones, of ten other connections */
    unsigned idle;         /**< connections that do nothing */
    unsigned clients;      /**< of the storm */
    bool list;             /**< the storm's transactions also list the shared directory */
};

void scenario_read(const struct scenario *scenario);
void scenario_write(const struct scenario *scenario);
void scenario_transaction(const struct scenario *scenario);
void scenario_storm(const struct scenario *scenario);
void scenario_node_memory(const struct scenario *scenario);
void scenario_watch_memory(const struct scenario *scenario);

/** The client that makes the requests: over the socket, or the ring. */
struct client *scenario_open(const struct scenario *scenario);

/** Room for the name of a node. */
enum { BENCH_PATH = 64 };

/** The node numbered @index: a hundred in each directory of /bench. */
void bench_path(char path[BENCH_PATH], unsigned index);

/** Create nodes 0 to @count - 1. */
void bench_fill(struct client *client, unsigned count);

/** Nanoseconds of CPU that process @pid has used; exact while it sleeps. */
uint64_t process_cpu(pid_t pid);

/** Bytes of memory that process @pid holds. */
uint64_t process_memory(pid_t pid);

/** Nanoseconds of a clock that never goes back. */
uint64_t monotonic(void);

#endif
