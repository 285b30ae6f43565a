/* SPDX-License-Identifier: ISC */
/** @file host-tools/flow_options.h The command line of `atoll flows`. */
#ifndef ATOLL_FLOW_OPTIONS_H
#define ATOLL_FLOW_OPTIONS_H

#include "flow_filter.h"
#include "flow_group.h"

struct flow_options {
    struct flow_filter filter;
    bool follow, json, help;
    unsigned verbose;
    const char *file; /**< NULL: the service's flows */
    const char *service;
    bool sorted;   /**< --sort was given */
    unsigned sort; /**< enum flow_sort, or FLOW_SORTS: by number of flows */
    bool grouped;  /**< --by was given */
    enum flow_by by;
    uint32_t limit;        /**< 0: all */
    uint32_t idle, active; /**< seconds, of a file; 0: not given */
};

/** Read the command line. 0, or ATOLL_USAGE reported; with options->help there is nothing to do but
 * to show flow_help. */
int flow_options_parse(int argc, char *const argv[], struct flow_options *options);

extern const char flow_help[];

#endif
