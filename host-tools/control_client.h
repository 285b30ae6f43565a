/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/control_client.h
 * A tool's end of the control protocol: finds the service, connects to its vchan, asks. Every wait
 * has a deadline; a service that is hung, a XenStore that does not answer, or a domain that dies
 * midway is an error with an exit code, never a hang.
 */
#ifndef ATOLL_CONTROL_CLIENT_H
#define ATOLL_CONTROL_CLIENT_H

#include "common/control.h"
#include "config.h"
#include "report.h"

/** How long commands wait for a service, in milliseconds. */
#define CONTROL_TIMEOUT_MS 10000

struct control_client;

/** What HELLO said; '?' stands for what is not printable ASCII. */
struct control_peer {
    char service[32], version[32];
    uint32_t domid;
    uint32_t protocol;
};

/**
 * Connect to the running service: 0, or an exit code with the cause reported (not running:
 * ATOLL_NOT_RUNNING; no answer within @timeout_ms: ATOLL_NO_ANSWER; while other clients of this
 * host get their connections one after the other it waits longer, 12 times that at most). @r is to
 * outlive the client. From here on SIGINT and SIGTERM end waits with ATOLL_INTERRUPTED instead of
 * the process; a second one ends the process. A report->asked is the client's name to the service.
 */
int control_client_open(struct report *r, const struct service_settings *settings, int timeout_ms,
                        struct control_client **client);

/** As above, for a domain that is known. @name is for messages. */
int control_client_open_domain(struct report *r, const char *name, uint32_t domid, int timeout_ms,
                               struct control_client **client);

void control_client_close(struct control_client *client);

/** From here on the service's end, or that it closes the connection, is ATOLL_NOT_RUNNING and is
 * not reported: for a caller who waits for its successor. */
void control_client_expect_end(struct control_client *client);

const struct control_peer *control_client_peer(const struct control_client *client);

/** Does the service know this request? (HELLO) */
bool control_client_knows(const struct control_client *client, uint16_t type);

/** Begin a request in the client's own buffer; put fields, then control_client_send(). */
struct control_writer *control_client_begin(struct control_client *client, uint16_t type);

/**
 * Send what was begun. 0, or an exit code reported; ATOLL_UNSUPPORTED for a request that the
 * service has not named in HELLO.
 */
int control_client_send(struct control_client *client);

/** What came. */
struct control_answer {
    enum control_kind kind; /**< REPLY, ITEM, END; an ERROR is reported and an exit code instead */
    struct control_reader fields; /**< valid until the next call */
};

/**
 * Wait for the next frame of the exchange under way, at most @timeout_ms (-1: for ever, but not
 * past the service's end). 0 with @answer; or an exit code with the cause reported: ATOLL_REFUSED
 * and ATOLL_UNSUPPORTED for an ERROR, ATOLL_NO_ANSWER, ATOLL_NOT_RUNNING where the domain has
 * ended, ATOLL_FAILURE where the service has closed or breaks the protocol. An interrupt (SIGINT,
 * SIGTERM) is ATOLL_INTERRUPTED, unreported: the caller ends its stream.
 */
int control_client_next(struct control_client *client, int timeout_ms,
                        struct control_answer *answer);

/** As control_client_next(), but that nothing has come within @timeout_ms is no error and is not
 * reported: 0, and answer->kind is CONTROL_NOTHING. For who has others to look after. */
#define CONTROL_NOTHING ((enum control_kind)0)
int control_client_poll(struct control_client *client, int timeout_ms,
                        struct control_answer *answer);

/** begin, send and next in one, for a request without fields or already begun; expects a REPLY. */
int control_client_call(struct control_client *client, uint16_t type,
                        struct control_answer *answer);

/**
 * Send a part of an upload (any length), and its end; the answer comes by control_client_next(). 0
 * or an exit code reported, as of control_client_next(): a service may refuse in the midst.
 */
int control_client_upload(struct control_client *client, const void *data, size_t length);
int control_client_upload_end(struct control_client *client);

/** End the stream under way and wait for that, 2 s at most; an interrupt is no hindrance. */
void control_client_cancel(struct control_client *client);

#endif
