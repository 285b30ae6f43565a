/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/start.h
 * `atoll start SERVICE [OPTION...]`: its options, on top of what atoll.conf says, and which service
 * is started how.
 */
#ifndef ATOLL_START_H
#define ATOLL_START_H

#include "config.h"
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <xenctrl.h>

/** Bytes of a service's command line, its end included: what start_info and the services take. */
#define START_CMDLINE_MAX 512

struct start_options {
    const char *service;                /**< as it was asked for */
    const char *name;                   /**< the domain's name in XenStore */
    const char *kernel;                 /**< path of the image */
    const char *flask;                  /**< its FLASK label, NULL for the default */
    uint32_t weight;                    /**< in Xen's scheduler, 0: Xen's own */
    const uint8_t *cpus;                /**< the processors for it, CONFIG_CPUS_MAX bits, or NULL */
    uint32_t memory_mb;                 /**< MiB */
    uint32_t journal_kib;               /**< KiB set aside for its journal, on top */
    uint32_t domid;                     /**< 0: any */
    uint32_t timeout_s;                 /**< seconds for the first answer */
    unsigned verbose;                   /**< -v given so many times */
    bool locked;                        /**< the caller holds the service's lock already */
    int help;                           /**< --help: nothing else counts */
    bool store_domain;                  /**< it is the host's XenStore */
    const char *state;                  /**< take over with this file's state, NULL: do not */
    char param[START_CMDLINE_MAX - 32]; /**< what --param said, joined by blanks */
    char cmdline[START_CMDLINE_MAX - 32]; /**< the configuration's `cmdline` and that */
};

/**
 * Read the arguments of `atoll start` (argv[0] is "start") into @opt; what was not given is NULL or
 * 0. 0, or ATOLL_USAGE with one line on @err.
 */
int start_parse(int argc, char *const argv[], struct start_options *opt, FILE *err);

/**
 * Fill in what was not given from @settings, which must outlive @opt. 0, or ATOLL_USAGE with a line
 * reported.
 */
int start_settle(struct report *r, struct start_options *opt,
                 const struct service_settings *settings);

/** MiB of the domain of @opt, settled, in all: its memory, its journal and its predecessor's. */
uint32_t start_memory_mb(const struct start_options *opt);

/** Check the image of @opt, settled, and that this host has one of its processors. 0 or an exit
 * code with its cause reported. */
int start_check(struct report *r, xc_interface *xch, const struct start_options *opt);

/** Start it as @opt, settled, says. An exit code with its cause reported. */
int start_run(struct report *r, const struct start_options *opt);

/** The command itself: an exit code. */
int start_main(int argc, char *const argv[]);

#endif
