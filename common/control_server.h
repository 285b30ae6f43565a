/* SPDX-License-Identifier: ISC */
/**
 * @file control_server.h
 * The service's end of the control protocol: clients come through a listener, frames are put
 * together and checked, requests go to handlers, streams flow as fast as their clients read.
 *
 * Bounded: one unfinished frame in and one out for each client, CONTROL_STREAMS streams a client. A
 * request is read only when the last frame for its client is in the ring; a stream is asked for its
 * next frame only then. Nothing waits in memory on behalf of a slow client but what its stream
 * keeps. A client that starts a frame and does not end it within 10 s, or has not said HELLO within
 * 5 s, is disconnected; so is one that breaks the protocol. Clients are served in turns, a few
 * frames each; handlers and streams keep their own work bounded.
 *
 * HELLO, STATUS, STATS, LOGS, STOP and ECHO are answered here, with what the service's functions
 * add.
 */
#ifndef COMMON_CONTROL_SERVER_H
#define COMMON_CONTROL_SERVER_H

#include "common/control.h"
#include "common/listener.h"
#include "common/log.h"
#include "common/loop.h"

/** Streams that one client may have open at a time. */
#define CONTROL_STREAMS 4U

struct control_server;

/** A request as a handler sees it. */
struct control_request {
    struct control_server *server;
    unsigned slot; /**< the client's, for control_stream_*() */
    uint32_t id;
    uint16_t type;
    struct control_reader fields;
};

/** What a stream's fill function says. */
enum control_fill {
    CONTROL_FILL_FRAME, /**< an item is in the writer */
    CONTROL_FILL_WAIT,  /**< nothing now: control_stream_wake() when there is */
    CONTROL_FILL_END,   /**< that was all; what is in the writer goes with the END frame */
    CONTROL_FILL_ERROR, /**< it cannot go on, as control_stream_error() was told */
};

struct control_stream;

/** A stream's functions; lives as long as the stream. */
struct control_stream_type {
    /** Put the next item into @writer. NULL (uploads only): there are none. */
    enum control_fill (*fill)(struct control_stream *stream, struct control_writer *writer);
    /**
     * Upload only: the client sent @length bytes, or, with @data NULL, its end. 0: go on (at the
     * end: reply what is in @writer). A negative errno ends the upload with an error, whose words
     * are control_stream_error()'s.
     */
    int (*data)(struct control_stream *stream, const void *data, size_t length,
                struct control_writer *writer);
    /** The stream is over, whoever ended it: release what it holds. Never NULL. */
    void (*release)(struct control_stream *stream);
};

/** One stream. Owned by whoever started it until release(); embedded in what the stream needs. */
struct control_stream {
    const struct control_stream_type *type;
    struct control_server *server;
    unsigned slot;
    uint32_t id;
    uint16_t request; /**< its type */
    bool waiting;     /**< said CONTROL_FILL_WAIT */
    struct list all;  /**< in the client's streams */
};

/**
 * Answer a request: put fields into @reply and return 0; or return a negative errno, with
 * control_request_error() for the words; or start a stream and return CONTROL_STREAMING.
 */
#define CONTROL_STREAMING 1
typedef int control_handler_fn(void *context, struct control_request *request,
                               struct control_writer *reply);

struct control_handler {
    uint16_t type;
    control_handler_fn *handle;
};

/** In bytes. */
struct control_memory {
    uint64_t total;   /**< that the service may use */
    uint64_t used;    /**< of it, in pages that have something in them */
    uint64_t objects; /**< of these, in objects: the same again when all that came has gone */
};

/** What a service tells of itself. */
struct control_server_config {
    const char *service;                    /**< its name: "switch"; strings are not copied */
    const char *version;                    /**< the program's */
    domid_t client;                         /**< who may connect: dom0 */
    unsigned clients;                       /**< at a time; 0: 16 */
    unsigned ring_order;                    /**< of the ring that clients read, 1 << it are its
                                                 bytes, 12 to 20; 0: 12, which fits a frame */
    void *context;                          /**< for the functions below */
    const struct control_handler *handlers; /**< of its own requests */
    unsigned handler_count;
    struct log *log; /**< what LOGS shows; its listener is taken. NULL: there is no LOGS */
    /** Put what STATUS shall say beyond the common fields; how the service is. NULL: healthy. */
    enum control_health (*status)(void *context, struct control_writer *reply);
    /**
     * Put the @index-th statistic with control_statistic(); false: there are no more. Each call is
     * for one frame, so that there may be any number. NULL: none but the common ones.
     */
    bool (*statistic)(void *context, unsigned index, struct control_writer *item);
    /** STOP came, without FORCE: 0, or -EPERM and why not in @why. NULL: it may. */
    int (*stop)(void *context, const char **why);
    /**
     * End in good order: the reply to STOP has been read, or its client is gone, or 2 s have
     * passed. Called once. NULL: the domain is powered off.
     */
    void (*stopped)(void *context);
    /** The service's memory. NULL: unknown. */
    void (*memory)(void *context, struct control_memory *memory);
};

/** Pages that control_server_create() takes with hv_page_alloc(), clients' rings included. */
size_t control_server_pages(const struct control_server_config *config);

/** Make it and publish. NULL: no memory. */
struct control_server *control_server_create(struct hv *hv, struct loop *loop,
                                             struct rendezvous *rendezvous,
                                             const struct control_server_config *config);

/** The image is sealed now (hv_seal()): STATUS shall say so. */
void control_server_sealed(struct control_server *server);

/** Only tests end a service so. */
void control_server_destroy(struct control_server *server);

/** The listener's republish, for a service whose XenStore has lost what was published. */
void control_server_republish(struct control_server *server);

/** Words to go with the error that the handler is about to return. */
void control_request_error(struct control_request *request, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * Start @stream (zeroed but for what surrounds it) as the answer to @request. 0; -EBUSY: the client
 * has CONTROL_STREAMS already. With a data function it is an upload: items may be sent as well.
 */
HV_MUST_CHECK int control_stream_start(struct control_request *request,
                                       struct control_stream *stream,
                                       const struct control_stream_type *type);

/** Words to go with the error that fill() or data() is about to return; @error as for data(). */
void control_stream_error(struct control_stream *stream, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** There is something for a stream that waits. */
void control_stream_wake(struct control_stream *stream);

/** Put one statistic into an item. @unit NULL: none. Labels may be added by control_label(). */
void control_statistic(struct control_writer *item, const char *name, const char *help,
                       const char *unit, bool counter, uint64_t value);
/** Open the group of a statistic that has labels; end it with control_close_group(). */
void control_statistic_open(struct control_writer *item, const char *name, const char *help,
                            const char *unit, bool counter, uint64_t value);
void control_label(struct control_writer *item, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
