/* SPDX-License-Identifier: ISC */
/**
 * @file process.h
 * Inside of the Linux platform: what its files share. Users see hv/linux/linux.h and the contract.
 */
#ifndef LINUX_PROCESS_H
#define LINUX_PROCESS_H

#include "hv/linux/linux.h"

#include <xenctrl.h>
#include <xenevtchn.h>
#include <xengnttab.h>
#include <xentoollog.h>

/** Event channels that a process may have. */
#define LINUX_PORTS_MAX 64U

/**
 * An event channel. To its user it is the number of its place here, from 1 on: Linux's own numbers
 * may be beyond HV_EVTCHN_PORTS.
 */
struct linux_port {
    evtchn_port_t number; /**< Linux's, which is Xen's; 0: a free place */
    bool pending;         /**< Linux has told, and sends no more until xenevtchn_unmask() */
    bool masked;
};

/** Something mapped. */
struct linux_map {
    struct linux_map *next;
    void *address;
    unsigned count; /**< pages */
};

struct hv {
    xentoollog_logger_stdiostream *logger; /**< keeps the libraries quiet: errors are returned */
    xengnttab_handle *gnttab;
    xenevtchn_handle *evtchn;
    xc_interface *control; /**< opened when it is needed first; NULL before */
    unsigned last;         /**< place of the port handed out last */
    struct linux_port ports[LINUX_PORTS_MAX];
    struct linux_map *maps;
};

/** A port that is pending and not masked: its place, or LINUX_PORTS_MAX. */
unsigned linux_port_ready(const struct hv *hv);

/** Take over what Linux says is pending. */
void linux_port_collect(struct hv *hv);

/** Linux's number of @port; 0: not a port of ours. */
evtchn_port_t linux_port_number(const struct hv *hv, evtchn_port_t port);

/** Unmap all. */
void linux_unmap_all(struct hv *hv);

#endif
