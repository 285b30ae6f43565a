/* SPDX-License-Identifier: ISC */
/**
 * @file control_host.h
 * A simulated host with dom0 and one service whose control clients the tests are: for the tests of
 * the control server, its fuzz target and control-local.
 */
#ifndef TESTS_UNIT_CONTROL_CONTROL_HOST_H
#define TESTS_UNIT_CONTROL_CONTROL_HOST_H

#include "common/control_server.h"

#include "hv/sim/sim.h"

#define CONTROL_HOST_SERVICE 7U
#define CONTROL_HOST_CLIENTS 4U

/* Requests of the test's service, beside the common ones. */
enum {
    HOST_T_FAIL = CONTROL_T_USER, /* ERRNO: fails with it, and with words */
    HOST_T_HUGE,                  /* a reply that fits into no frame */
    HOST_T_COUNT,                 /* COUNT: a stream of as many numbers; WAIT at host->gate */
    HOST_T_ENDLESS,               /* a stream without an end, or with a huge item at LIMIT */
    HOST_T_UPLOAD,                /* upload; reply: COUNT of bytes. A byte 0xff fails it */
};

/* A HOST_T_COUNT stream of so many logs a line when it is released. */
#define HOST_COUNT_TALKS 77U

/* How a stream of the service's is doing. */
struct host_stream {
    struct control_stream stream;
    struct control_host *host;
    bool used;
    uint64_t next, count, limit;
};

struct control_host {
    struct sim *sim;
    struct hv *dom0, *hv;
    struct loop loop;
    struct log *log;
    void *log_memory;
    struct rendezvous rendezvous;
    grant_ref_t ring_ref; /**< published; 0: nothing */
    evtchn_port_t port;
    struct control_server *server;
    struct host_stream streams[CONTROL_HOST_CLIENTS * CONTROL_STREAMS];
    unsigned streams_open;
    uint64_t gate;   /**< HOST_T_COUNT waits before this number; 0: never */
    unsigned filled; /**< frames that were asked of the service's streams */
    int stop_error;
    unsigned stop_asked, stopped;
    enum control_health health;
};

/* With the service's requests, status, statistics; @clients 0: CONTROL_HOST_CLIENTS. */
struct control_host *control_host_create(uint64_t seed, unsigned clients);

/* Take all down; nothing may be left of the service's. */
void control_host_destroy(struct control_host *host);

/* Let the service work until it only waits; or for @time of the virtual clock. */
void control_host_run(struct control_host *host);
void control_host_pass(struct control_host *host, uint64_t time);

/* Have the service look at what the test did behind its back, without an event. */
void control_host_wake(struct control_host *host);

/* Let a HOST_T_COUNT stream go on up to @gate. */
void control_host_open_gate(struct control_host *host, uint64_t gate);

/* A client in dom0. */
struct host_client {
    struct control_host *host;
    struct vchan v;
    bool open;
    uint8_t frame[CONTROL_FRAME_MAX];
    size_t used;
};

/* Connect to what is published; false: nothing is, or it was taken. */
bool host_client_connect(struct control_host *host, struct host_client *client);
void host_client_close(struct host_client *client);
/* Its process is gone: nobody says goodbye. */
void host_client_kill(struct host_client *client);

/* Write all, running the service where there is no room; false: it has closed, or does not read. */
bool host_client_write(struct host_client *client, const void *data, size_t length);
bool host_client_send(struct host_client *client, struct control_writer *writer);

/* The next frame, after a run of the service; false: there is none. Checked as a client should. */
bool host_client_receive(struct host_client *client, struct control_header *header,
                         struct control_reader *fields);

/* Has the service closed the connection? */
bool host_client_ended(struct host_client *client);

/* HELLO and its reply. */
bool host_client_hello(struct host_client *client);

#endif
