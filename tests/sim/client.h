/* SPDX-License-Identifier: ISC */
/**
 * @file client.h
 * One end of a XenStore ring, as a guest holds it: well-formed requests, several in flight, or any
 * bytes at all.
 */
#ifndef TESTS_SIM_CLIENT_H
#define TESTS_SIM_CLIENT_H

#include "message.h"

#include <hv/evtchn.h>
#include <hv/gnttab.h>
#include <hv/hv.h>

struct host;

/** A message that has arrived, oldest first. */
struct arrived {
    struct arrived *next;
    struct wire_message message;
};

struct client {
    struct host *host;
    struct hv *hv;
    domid_t domid;
    struct wire_ring *ring; /**< the page that the domain grants */
    grant_ref_t ref;
    evtchn_port_t port; /**< its own end */
    uint32_t next_req_id;
    bool deaf;             /**< does not read its ring (host_run() leaves it alone) */
    bool garbled;          /**< plays with its own ring: what it reads need not be messages */
    struct arrived *first; /**< what was read and not yet taken */
    uint8_t partial[WIRE_HEADER + WIRE_PAYLOAD_MAX]; /**< start of a message that goes on */
    size_t have;
    char value[WIRE_PAYLOAD_MAX + 1]; /**< what client_value() answered last */
};

/**
 * @hv's page, its grant for the store domain (number 1, or any for an @extra ring), an unbound
 * port. The indices of a queue start at @start_index (or a multiple), empty.
 */
struct client *client_create(struct host *host, struct hv *hv, domid_t domid, uint32_t start_index,
                             bool extra);

/** Free the test's side (the domain itself is the host's). */
void client_free(struct client *client);

/**
 * Write bytes into the request queue as they are. Runs the host where the queue is full.
 * Returns how many went in: less than @length only if the service stopped reading.
 */
size_t client_send_raw(struct client *client, const void *bytes, size_t length);

/** As many bytes as fit at once, without an event. */
size_t client_push(struct client *client, const void *bytes, size_t length);

/** Signal the event channel. */
void client_notify(struct client *client);

/** Send a message with the ids it has; false if the service stopped reading. */
bool client_send(struct client *client, const struct wire_message *message);

/** Read what is in the answer queue; true if there was anything. */
bool client_read(struct client *client);

/** The oldest message that arrived (an event if @events, else an answer); false: none. */
bool client_take(struct client *client, bool events, struct wire_message *message);

/** The oldest message of any kind. */
bool client_take_any(struct client *client, struct wire_message *message);

/** Forget all that arrived. */
void client_clear(struct client *client);

/** Messages that arrived and were not taken. */
size_t client_waiting(const struct client *client, bool events);

/** Send and run until the answer to it is there. False: none came. */
bool client_ask(struct client *client, struct wire_message *request, struct wire_message *reply);

/*
 * Requests. All return 0 or the errno value that came back, ETIMEDOUT if nothing did.
 */

/** @payload has strings that end in '|' for NUL; what follows the last one is sent as it is. */
int client_call(struct client *client, uint32_t tx, uint32_t type, const char *payload,
                struct wire_message *reply);
/** The same with printf's arguments. */
int client_callf(struct client *client, uint32_t tx, uint32_t type, struct wire_message *reply,
                 const char *format, ...) __attribute__((format(printf, 5, 6)));
int client_write(struct client *client, uint32_t tx, const char *path, const char *value);
/** A value of @length bytes, all @byte. */
int client_write_fill(struct client *client, uint32_t tx, const char *path, char byte,
                      size_t length);
int client_mkdir(struct client *client, uint32_t tx, const char *path);
int client_rm(struct client *client, uint32_t tx, const char *path);
int client_set_perms(struct client *client, uint32_t tx, const char *path, const char *perms);
int client_watch(struct client *client, const char *path, const char *token);
int client_unwatch(struct client *client, const char *path, const char *token);
int client_begin(struct client *client, uint32_t *tx);
int client_end(struct client *client, uint32_t tx, bool commit);

/** The value as text in a buffer of the client's, valid until the next call; NULL: an error. */
const char *client_value(struct client *client, uint32_t tx, const char *path);

/** Answer of a request with one path as text, '|' for NUL; "EACCES" and so on for an error. */
void client_text(struct client *client, uint32_t tx, uint32_t type, const char *payload,
                 char text[WIRE_PAYLOAD_MAX + 1]);

#endif
