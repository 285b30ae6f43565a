/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/start.h
 * `atoll start SERVICE [OPTION...]`: its options, and which service is started how.
 */
#ifndef ATOLL_START_H
#define ATOLL_START_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/** Bytes of a service's command line, its end included: what start_info and the services take. */
#define START_CMDLINE_MAX 512

struct start_options {
    const char *service;                /**< "xenstored" */
    const char *kernel;                 /**< path of the image */
    const char *name;                   /**< the domain's name in XenStore */
    const char *flask;                  /**< its FLASK label, NULL for the default */
    uint32_t memory_mb;                 /**< MiB */
    uint32_t domid;                     /**< 0: any */
    unsigned timeout_s;                 /**< seconds for the first answer */
    unsigned verbose;                   /**< -v given so many times */
    int help;                           /**< --help: nothing else counts */
    char param[START_CMDLINE_MAX - 32]; /**< what --param said, joined by blanks */
};

/**
 * Read the arguments of `atoll start` (argv[0] is "start") into @opt. 0, or ATOLL_USAGE with one
 * line on @err. The defaults are those of the service named.
 */
int start_parse(int argc, char *const argv[], struct start_options *opt, FILE *err);

/** The command itself: an exit code. */
int start_main(int argc, char *const argv[]);

#endif
