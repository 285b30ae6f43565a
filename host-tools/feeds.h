/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/feeds.h
 * Which mirrors feed which service: the rules of switches say it ("client" of a mirror), and the
 * service reads it in its own XenStore directory, as data/feed/N = "DOMID MIRROR", the switch's
 * domain and the mirror's name (services/monitor/feed.h).
 */
#ifndef ATOLL_FEEDS_H
#define ATOLL_FEEDS_H

#include "config.h"
#include "report.h"
#include "store_client.h"
#include <jansson.h>

/** As many as a service takes: FEEDS_MAX of services/monitor/feed.h. */
#define FEEDS_OF_SERVICE 8u

/** One of them, as it stands in XenStore. */
#define FEED_TEXT_MAX 48u

struct feeds_list {
    char text[FEEDS_OF_SERVICE][FEED_TEXT_MAX];
    unsigned count;
    unsigned left_out; /**< more than there is room for */
};

/** Add to @list the mirrors in @rules, of the switch in domain @source, whose reader is the service
 * @service in domain @domid. */
void feeds_add(struct feeds_list *list, const json_t *rules, uint32_t source, const char *service,
               uint32_t domid);

/** The domain of a service by its name in atoll.conf, for rules_names.h: 0; RULES_ABSENT: it does
 * not run; -ENOENT: there is no such service. */
int feeds_service(const struct config *services, const char *name, uint16_t *domid);

/** Do rules that dom0 keeps for some switch name @service as a reader? */
bool feeds_named(struct report *r, const char *service);

/**
 * Bring the nodes of all services that run up to date, by the rules that dom0 keeps. Of @service
 * (may be NULL), how many it has now go into *@count (may be NULL). 0, or an error of
 * store_request(), with which there is no use in going on.
 */
int feeds_sync(struct report *r, struct store_client *store, const char *service, unsigned *count);

/**
 * The domain @source, a switch's, is to end: have all services let go of its mirrors, by taking
 * their nodes away; feeds_started() of its successor puts them back. 0, or an error of
 * store_request().
 */
int feeds_let_go(struct report *r, struct store_client *store, uint32_t source);

/**
 * The service @service was just started, in a domain that its record names: give switches their
 * rules again whose mirrors it reads, and let it know them. What fails is reported, and is no
 * reason not to start it: dom0's agent tries again. How many feeds it has.
 */
unsigned feeds_started(struct report *r, struct store_client *store, const char *service);

#endif
