/* SPDX-License-Identifier: ISC */
/**
 * @file remote.h
 * A control client of the service, as a process in dom0 would be one: it finds the vchan in
 * XenStore, connects, and sends and takes frames.
 *
 * Whoever calls runs the host, so that what was asked is answered on return.
 */
#ifndef TESTS_SIM_REMOTE_H
#define TESTS_SIM_REMOTE_H

#include "host.h"

#include "common/control.h"
#include "common/vchan.h"

#define REMOTE_PATH "/local/domain/1/data/vchan/0/control"

struct remote_client {
    struct host *host;
    struct hv *hv; /**< dom0 */
    struct vchan v;
    uint32_t next_id;
    uint8_t in[CONTROL_FRAME_MAX]; /**< the frame that is being put together */
    size_t in_used;
};

/** A frame that came. */
struct remote_frame {
    struct control_header header;
    struct control_reader fields;
    uint8_t data[CONTROL_FRAME_MAX];
};

/** A request as it is put together; send it with remote_send(). */
struct remote_request {
    struct control_writer writer;
    uint8_t data[CONTROL_FRAME_MAX];
};

/** Connect without a word. */
struct remote_client *remote_connect(struct host *host);

/** Connect and say HELLO. */
struct remote_client *remote_open(struct host *host);

/** Close it in good order, and let the service see that. */
void remote_close(struct remote_client *client);

/** What the kernel does where a process is killed: ports close, mappings go, nobody is told. */
void remote_kill(struct remote_client *client);

/** Begin a request with a new id. */
void remote_begin(struct remote_client *client, struct remote_request *request, uint16_t type,
                  enum control_kind kind);

/** Send it; its id. Fails the test if the service does not take it. */
uint32_t remote_send(struct remote_client *client, struct remote_request *request);

/** Write bytes as they are. Returns how many went in before the service stopped reading. */
size_t remote_send_raw(struct remote_client *client, const void *bytes, size_t length);

/** Take the next frame. False: none comes. Fails the test if it is not well formed. */
bool remote_take(struct remote_client *client, struct remote_frame *frame);

/** Send the request and take its answer (fails the test if there is none); 0 or an errno. */
int remote_ask(struct remote_client *client, struct remote_request *request,
               struct remote_frame *frame);

/** A request without fields; as remote_ask(). */
int remote_call(struct remote_client *client, uint16_t type, struct remote_frame *frame);

/** Ask for a stream of STATS and look for one statistic: with @label, only one so labelled. */
uint64_t remote_statistic(struct remote_client *client, const char *name, const char *label);

/** The string with @tag, or "" (valid until the next call). */
const char *remote_text(const struct remote_frame *frame, uint16_t tag);

/** The number with @tag, or UINT64_MAX. */
uint64_t remote_number(const struct remote_frame *frame, uint16_t tag);

#endif
