/* SPDX-License-Identifier: ISC */
/**
 * @file desk.h
 * The monitor's service whole, beside the real xenstored, and asked by control clients in dom0.
 */
#ifndef TESTS_SIM_MONITOR_DESK_H
#define TESTS_SIM_MONITOR_DESK_H

#include "tests/sim/asker.h"
#include "tests/sim/host.h"

#include "services/monitor/control.h"

#define DESK_MONITOR 6U /**< its domid */
#define DESK_ASKERS  6U

struct desk {
    struct host *host;
    struct hv *hv; /**< of the monitor */
    struct client *client;
    struct service_config config;
    struct service *service;
    struct monitor *monitor;
    size_t before; /**< bytes that the service took without the monitor */
    struct asker asker[DESK_ASKERS];
    bool joined[DESK_ASKERS];
};

/** A request: desk_begin(), fields, desk_ask(); then answers by desk_next(). */
struct desk_request {
    struct control_writer writer;
    uint8_t frame[CONTROL_FRAME_MAX];
};

/** The service in a domain of @pages (0: 4096) and @cmdline on @host, and client 0, which has said
 * HELLO. NULL: it did not start. */
struct desk *desk_create(struct host *host, unsigned pages, const char *cmdline);
/** Its end; nothing is left of it in the monitor's domain. The host goes on. */
void desk_destroy(struct desk *desk);
void desk_run(struct desk *desk);
void desk_pass(struct desk *desk, uint64_t nanoseconds);

/** What dom0 writes: data/feed/@number is @text (NULL: nothing any more). */
void desk_feed(struct desk *desk, unsigned number, const char *text);

/** Another client. */
void desk_join(struct desk *desk, unsigned asker);
void desk_leave(struct desk *desk, unsigned asker);
void desk_begin(struct desk *desk, unsigned asker, struct desk_request *request, uint16_t type);
void desk_ask(struct desk *desk, unsigned asker, struct desk_request *request);
/** The next frame is in desk->asker[asker]. False: none comes. */
bool desk_next(struct desk *desk, unsigned asker);
/** The next frame that is there without anybody running. */
bool desk_peek(struct desk *desk, unsigned asker);
/** A request of client 0 without fields, and its first frame: the kind of it. */
enum control_kind desk_call(struct desk *desk, uint16_t type);
/** Of client 0's frame. */
uint64_t desk_number(const struct desk *desk, uint16_t tag);
/** The string or ""; valid until the next call. */
const char *desk_text(const struct desk *desk, uint16_t tag);
/** Step into the first group with @tag. */
void desk_enter(struct desk *desk, uint16_t tag);
/** The value of a statistic that has a label of the text @label (NULL: any); UINT64_MAX: none. */
uint64_t desk_statistic(struct desk *desk, const char *name, const char *label);

#endif
