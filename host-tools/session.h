/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/session.h
 * What a command has in hand: its report, the configuration, and Xen.
 */
#ifndef ATOLL_SESSION_H
#define ATOLL_SESSION_H

#include "config.h"
#include "report.h"
#include <xenctrl.h>

struct session {
    struct report report;
    struct config config;
    xc_interface *xch; /**< NULL before session_open_xen() */
    char asked[80];
};

/**
 * Begin the command @name about @service (NULL: about none), and read the configuration. 0, or an
 * exit code with the cause reported. session_end() in either case.
 */
int session_begin(struct session *session, const char *name, const char *service, unsigned verbose);

/** Open Xen. 0, or an exit code with the cause reported. */
int session_open_xen(struct session *session);

/**
 * The settings of @service into @settings; of one that has a record and is not in the configuration
 * any more, an entry is added to that. 0, or an exit code with the cause reported.
 */
int session_find(struct session *session, const char *service,
                 const struct service_settings **settings);

/** Add such entries for all records whose services the configuration does not have. */
void session_add_records(struct session *session);

void session_end(struct session *session);

#endif
