/* SPDX-License-Identifier: ISC */
/**
 * @file fake.h
 * Stands in for Linux's drivers and Xen's libraries: /dev/xen/evtchn as a pipe of port numbers,
 * each told once until it is unmasked; mappings of memory of the process's own.
 */
#ifndef TESTS_UNIT_LINUX_FAKE_H
#define TESTS_UNIT_LINUX_FAKE_H

#include <stdbool.h>
#include <stdint.h>

#define FAKE_NUMBER_FIRST 70000U /**< Linux's numbers may be beyond the contract's */
#define FAKE_PORTS        100U

struct fake {
    int evtchn_errno, gnttab_errno, map_errno, bind_errno, status_errno; /**< 0: no failure */
    unsigned evtchn_open, gnttab_open, control_open; /**< handles that are open */
    unsigned maps;                                   /**< in force */
    unsigned ports;                                  /**< bound */
    unsigned unmasks;                                /**< so far */
    unsigned notified;                               /**< events sent to the other end so far */
    uint32_t notified_last;                          /**< by which port */
    bool remote_bound;                               /**< what the status of a port says */

    /* What was asked for last. */
    uint32_t domid, remote_port, refs[8], count, notify_offset, notify_port;
    int prot;
};
extern struct fake fake;

/** Forget everything. */
void fake_reset(void);

/** An event for the port with Linux's number @number. */
void fake_raise(uint32_t number);

#endif
