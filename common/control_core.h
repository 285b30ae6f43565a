/* SPDX-License-Identifier: ISC */
/**
 * @file control_core.h
 * Inside of control_server.h: its data, shared by control_server.c (who is served when),
 * control_session.c (frames and streams of a client) and control_core.c (the requests that every
 * service answers).
 */
#ifndef COMMON_CONTROL_CORE_H
#define COMMON_CONTROL_CORE_H

#include "common/control_server.h"

/** The longest words of an error and name of a client, each with its NUL. */
#define CONTROL_WORDS_MAX 160U
#define CONTROL_NAME_MAX  32U

/** What a stream of ours keeps. Free while @ref server is NULL. */
struct control_core_stream {
    struct control_stream stream;
    struct control_server *server;
    bool follow;
    uint64_t next; /**< LOGS: the line to look for; STATS: index of the statistic */
    uint64_t last; /**< LOGS: where to end, if not to follow */
};

/** What the server has for each slot of the listener. */
struct control_session {
    struct control_server *server;
    unsigned slot;
    struct vchan *v;       /**< NULL: nobody */
    struct list ready;     /**< in the server's, while there may be something to do */
    struct timer deadline; /**< for HELLO, then for the end of each frame */
    bool greeted;
    char name[CONTROL_NAME_MAX];
    uint8_t *in;    /**< the frame that is being read: */
    size_t in_used; /**< so much of it is there */
    uint8_t *out;   /**< the frame that is being written, */
    size_t out_at, out_length;
    struct list streams; /**< whose turn it is first */
    unsigned stream_count;
    int error;                     /**< of control_stream_error() */
    char words[CONTROL_WORDS_MAX]; /**< to go with the next error; "": none */
    struct control_core_stream core[CONTROL_STREAMS];
};

struct control_server {
    struct hv *hv;
    struct loop *loop;
    struct control_server_config config;
    struct listener *listener;
    struct control_session *clients; /**< config.clients of them */
    struct list ready;               /**< clients, in the order of their turns */
    struct timer turn;
    struct timer end; /**< armed by STOP */
    bool sealed;
    bool stopping, stopped; /**< STOP was answered; config.stopped() was called */
    unsigned stop_slot;     /**< whose reply to STOP is to be read */
    size_t pages;
    uint64_t started, started_wallclock;
    uint64_t requests, refused; /**< refused: of these, answered by an error */
    uint64_t broken;            /**< clients that broke the protocol */
    uint64_t late;              /**< clients that missed a deadline */
};

/** Make what is in zeroed memory fit for use. @buffers: two frames. */
void control_session_init(struct control_session *session, struct control_server *server,
                          unsigned slot, uint8_t *buffers);

/** A client came; it is gone. */
void control_session_begin(struct control_session *session, struct vchan *v);
void control_session_end(struct control_session *session);

/** There may be something to do for it: it gets a turn. */
void control_session_queue(struct control_session *session);

/** Its turn. True: there may be more to do. It may be disconnected within. */
bool control_session_serve(struct control_session *session);

/** The requests of every service; @context of their functions is the struct control_server. */
extern const struct control_handler control_core_handlers[];
extern const unsigned control_core_handler_count;

/** Is @handler's request known to this service? LOGS is not where nothing is kept. */
bool control_core_knows(const struct control_server *server, const struct control_handler *handler);

/** The log has a new line. */
void control_core_logged(void *server);

#endif
