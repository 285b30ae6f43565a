/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/start_xenstored.h
 * `atoll start xenstored`: the XenStore service's domain, from nothing to a host on which xl works.
 */
#ifndef ATOLL_START_XENSTORED_H
#define ATOLL_START_XENSTORED_H

#include "report.h"
#include "start.h"
#include "start_steps.h"

/**
 * Start it as @opt says. Returns an exit code with its cause reported. Until the service has
 * answered its first request, a failure leaves no domain behind; once it has answered it stays,
 * because dom0 is bound to it.
 */
int start_xenstored(struct report *r, const struct start_options *opt);

/*
 * The steps in which it differs from other services, for whoever takes one's place, too
 * (take_over_store.h). Each returns 0 or an exit code with its cause reported.
 */

/** What its domain is to be like. */
void store_domain_configure(struct start *s);

/** Its memory and image, and the news of domains that end. */
int store_domain_load(struct start *s, const char *cmdline);

int store_domain_unpause(struct start *s);

/** Wait until it has connected to dom0 and answered there. */
int store_domain_wait(struct start *s);

/** Write its nodes, the file by which Xen's scripts know of it, and the record that it runs. */
int store_domain_announce(struct start *s);

#endif
