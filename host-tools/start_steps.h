/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/start_steps.h
 * The steps that the start of any service is made of. Each returns 0 or an exit code with its cause
 * reported. In the order of use:
 *
 *     start_begin()    the image is checked, Xen opened, the service locked
 *     start_create()   the record says what is about to be; the domain exists
 *     start_load()     its memory, image and command line
 *     ...              it runs and has answered
 *     start_record()   the record says that it runs
 *     start_end()      in any case
 *
 * After a failure between start_create() and start_record(), start_undo() leaves nothing behind. A
 * start that is killed leaves its record, by which the next one finds the domain.
 */
#ifndef ATOLL_START_STEPS_H
#define ATOLL_START_STEPS_H

#include "domain_builder.h"
#include "record.h"
#include "report.h"
#include "start.h"
#include "store_client.h"
#include <signal.h>

struct start {
    struct report *r;
    const struct start_options *opt;
    xc_interface *xch;
    struct image image;
    struct domain_config config;
    struct domain_builder builder;
    struct store_client store;
    struct record record;
    sigset_t signals; /**< the mask before start_create() */
    bool held;        /**< SIGINT, SIGTERM and SIGHUP are held back: a domain is half made */
};

int start_begin(struct start *s, struct report *r, const struct start_options *opt);

/** Create the domain that @ref start.config describes. Signals are held back from here on. */
int start_create(struct start *s);

/** Hold SIGINT, SIGTERM and SIGHUP back until start_end(); start_create() does. */
void start_hold_signals(struct start *s);

/** Memory, image and @cmdline; the record then has all that is known of the domain. */
int start_load(struct start *s, const char *cmdline);

/** The error of a step of the builder, or of @ref domain_builder.failed, as an exit code. */
int start_builder_failed(struct start *s, int error);

/** From here on a SIGINT or SIGTERM ends waits (interrupt.h); a second one ends the process. */
void start_take_interrupts(struct start *s);

/** Whether the caller wants an end. */
bool start_interrupted(void);

/** The error of a service that does not come up, with what it left on its console. */
int start_no_answer(struct start *s, const char *what, const char *advice);

int start_record(struct start *s);
void start_undo(struct start *s);
void start_end(struct start *s);

#endif
