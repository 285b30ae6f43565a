/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/exit_codes.h
 * The exit codes of `atoll`. Scripts rely on them: they are documented in atoll(1) and are never
 * given another meaning.
 */
#ifndef ATOLL_EXIT_CODES_H
#define ATOLL_EXIT_CODES_H

enum atoll_exit {
    ATOLL_OK = 0,
    ATOLL_FAILURE = 1,       /**< anything that has no code of its own */
    ATOLL_USAGE = 2,         /**< the command line is wrong; nothing was done */
    ATOLL_NO_RIGHTS = 3,     /**< the caller may not do this (not root, or not in dom0) */
    ATOLL_NO_XEN = 4,        /**< this machine does not run Xen, or dom0's drivers are missing */
    ATOLL_RUNNING = 5,       /**< the service is already there */
    ATOLL_BAD_IMAGE = 6,     /**< the image is missing, damaged, or does not fit its domain */
    ATOLL_NO_ANSWER = 7,     /**< the service was started and did not answer in time */
    ATOLL_NEEDS_REBOOT = 8,  /**< dom0's kernel is bound to another XenStore until it reboots */
    ATOLL_NOT_RUNNING = 9,   /**< the service is not running: never started, stopped, or crashed */
    ATOLL_BAD_CONFIG = 10,   /**< atoll.conf, or a file of rules, is wrong; nothing was done */
    ATOLL_REFUSED = 11,      /**< the service answered and refused (the error is shown) */
    ATOLL_UNSUPPORTED = 12,  /**< the service does not know the request: it is older, or another */
    ATOLL_INTERRUPTED = 130, /**< by SIGINT or SIGTERM, as a shell has it */
};

#endif
