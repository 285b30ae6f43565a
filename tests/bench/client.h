/* SPDX-License-Identifier: ISC */
/**
 * @file client.h
 * A XenStore client for measurements: it sends many requests before it waits for their answers,
 * over a daemon's socket or over dom0's ring as xenshim.so offers it. Any failure ends the program:
 * a measurement that went wrong has no figure.
 */
#ifndef BENCH_CLIENT_H
#define BENCH_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>

struct client;

/** One message from the server. */
struct reply {
    uint32_t type;
    uint32_t req_id;
    uint32_t length;
    char data[XENSTORE_PAYLOAD_MAX + 1]; /**< with a NUL behind it that does not count */
};

_Noreturn void die(const char *format, ...) __attribute__((format(printf, 1, 2)));

/** Connect to the socket at @path. */
struct client *client_open_socket(const char *path);

/** Take dom0's ring in xenshim.so's folder @dir. Only one client can. */
struct client *client_open_ring(const char *dir);

void client_close(struct client *client);

/** For poll(). */
int client_fd(const struct client *client);

/** Put a request behind those that client_flush() will send. Returns its req_id. */
uint32_t client_queue(struct client *client, uint32_t type, uint32_t tx_id, const void *payload,
                      size_t length);

/** The same for strings, each sent with its NUL; the list ends with NULL. */
uint32_t client_queue_strings(struct client *client, uint32_t type, uint32_t tx_id, ...)
    __attribute__((sentinel));

/** WRITE @path with @value. */
uint32_t client_queue_write(struct client *client, uint32_t tx_id, const char *path,
                            const char *value);

/** Send what was queued, all of it. */
void client_flush(struct client *client);

/** Wait for the next message. Watch events are counted and passed over. */
void client_receive(struct client *client, struct reply *reply);

/** The same, but false where it would have to wait. */
bool client_try_receive(struct client *client, struct reply *reply);

/** Wait for @count replies, none of which may be an error. */
void client_expect(struct client *client, unsigned count);

/** How many watch events have come so far. */
uint64_t client_events(const struct client *client);

#endif
