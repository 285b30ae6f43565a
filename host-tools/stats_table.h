/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/stats_table.h
 * The statistics of one service, as they came, and how they are shown: those without labels one a
 * line; those with the same labels in one table, with a line for each value of the labels and a
 * column for each statistic.
 */
#ifndef ATOLL_STATS_TABLE_H
#define ATOLL_STATS_TABLE_H

#include "common/control.h"
#include "control_client.h"
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

/** The most statistics of one service: beyond, it lies. */
#define STATISTICS_MAX (1u << 18)

/** The most labels of a statistic; more are left out. */
#define STATISTIC_LABELS_MAX 8u

struct statistic_label {
    char name[64], value[128];
};

/** One, as it came: strings are a stranger's. */
struct statistic {
    char name[128], unit[32], text[256];
    uint64_t value;
    bool counter;
    unsigned label_count;
    struct statistic_label labels[STATISTIC_LABELS_MAX];
};

struct statistics {
    struct statistic **list;
    size_t count, room;
};

/** NULL: no memory. */
struct statistics *statistics_create(void);

/** Add the one in the STATISTIC group @fields. False: too many, or no memory. */
bool statistics_add(struct statistics *all, const struct control_reader *fields);

/** Ask the service for all of its statistics, each answer within @timeout_ms. 0, or an exit code
 * reported to @report. */
int statistics_collect(struct report *report, struct control_client *client, int timeout_ms,
                       struct statistics *all);

/** Print them as tables. */
void statistics_print(const struct statistics *all, FILE *out);

/** An array of objects with name, value, unit, counter, text and labels. */
json_t *statistics_json(const struct statistics *all);

void statistics_free(struct statistics *all);

#endif
