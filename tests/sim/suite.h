/* SPDX-License-Identifier: ISC */
/**
 * @file suite.h
 * Shorthand of the test files that play guests, and the test cases that each file adds.
 */
#ifndef TESTS_SIM_SUITE_H
#define TESTS_SIM_SUITE_H

#include "host.h"

#include <check.h>
#include <errno.h>

#define OK(call)            ck_assert_int_eq((call), 0)
#define FAILS(call, number) ck_assert_int_eq((call), (number))

/** A guest with a home: /local/domain/N is its own. */
struct client *suite_guest(struct host *host, domid_t domid);

/** The answer of a request as text is @want ('|' for NUL, or an error's name). */
void suite_expect(struct client *client, uint32_t tx, uint32_t type, const char *payload,
                  const char *want);

/** The next event in @client's queue is "path|token|". */
void suite_expect_event(struct client *client, const char *want);

/** No event is there. */
void suite_expect_quiet(struct client *client);

/** What CONTROL quota says of @domid for @name (its current value); -1 if it says nothing. */
long suite_counter(struct host *host, unsigned domid, const char *name);

/** The service serves @client: it answers GET_DOMAIN_PATH. */
void suite_alive(struct client *client);

/** Does @client get no answer any more, and the ring say why? */
void suite_dead(struct client *client, uint32_t error);

TCase *advisory_access_cases(void);
TCase *advisory_domain_cases(void);
TCase *advisory_ring_cases(void);
TCase *advisory_quota_cases(void);
TCase *advisory_transaction_cases(void);
TCase *advisory_326_cases(void);
TCase *hostile_ring_cases(void);
TCase *hostile_message_cases(void);

#endif
