/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/control_service.h
 * Where a service's domain is, how it is, and what it publishes for control clients: all that a
 * control client asks of Xen and of XenStore. Tests put another file in this one's place.
 */
#ifndef ATOLL_CONTROL_SERVICE_H
#define ATOLL_CONTROL_SERVICE_H

#include "common/vchan.h"
#include "config.h"
#include "report.h"
#include "store_client.h"
#include <xenctrl.h>

struct control_service {
    char name[32];
    uint32_t domid;
    const char *vchan;         /**< what it is asked for: CONTROL_VCHAN_NAME, or a mirror's */
    xc_interface *xch;         /**< NULL when closed */
    struct store_client store; /**< opened when it is needed first */
};

/** Find the service: 0, or an exit code reported (ATOLL_NOT_RUNNING with how it ended). */
int control_service_find(struct report *r, const struct service_settings *settings,
                         struct control_service *service);

/** Does it run? 0, or an exit code reported where nobody can tell. */
int control_service_runs(struct report *r, const struct service_settings *settings, bool *runs);

/** The domain @domid, called @name in messages. 0, or an exit code reported. */
int control_service_open(struct report *r, const char *name, uint32_t domid,
                         struct control_service *service);

void control_service_close(struct control_service *service);

/** How its domain has ended, in words that follow its name ("has crashed"); NULL: it runs. */
const char *control_service_end(struct control_service *service);

/** What a service publishes: both numbers of one ring. */
struct control_numbers {
    grant_ref_t ring_ref;
    evtchn_port_t port;
};

/**
 * Read what it publishes, each request answered within @timeout_ms. 0; -ENOENT: nothing;
 * -ETIMEDOUT: XenStore does not answer; -EAGAIN: XenStore had too much to do; -EINVAL: those are no
 * numbers; or another -errno of store_open() and store_request().
 */
int control_service_numbers(struct control_service *service, int timeout_ms,
                            struct control_numbers *numbers);

/** The same from an open store, of the vchan @name. */
int control_numbers_read(struct store_client *store, uint32_t domid, const char *name,
                         struct control_numbers *numbers);

#endif
