/* SPDX-License-Identifier: ISC */
/**
 * @file fake_service.h
 * A service on the simulator for the tests of the control client, which does what each test wants,
 * lies included; and what the client asks of Xen, XenStore and Linux, answered by the simulator.
 */
#ifndef TESTS_FAKE_SERVICE_H
#define TESTS_FAKE_SERVICE_H

#include "common/control.h"
#include "common/vchan.h"
#include "hv/sim/sim.h"

#define FAKE_DOMID 5u
#define FAKE_QUEUE (1u << 20)

struct fake;

/** A frame has come. */
typedef void fake_frame_fn(struct fake *fake, const struct control_header *header,
                           const struct control_reader *fields);

struct fake {
    struct sim *sim;
    struct hv *service_hv, *client_hv;
    void *pages;
    struct vchan v;
    bool open, seen;        /**< there is a ring; its client has come */
    fake_frame_fn *frame;   /**< NULL: it is deaf */
    bool no_hello;          /**< HELLO goes to @ref frame, too */
    uint64_t publish_at;    /**< nothing is published before */
    bool publish_taken;     /**< the numbers of a ring that has its client stay published */
    uint64_t start;         /**< when the test began */
    unsigned wrong_numbers; /**< so many times the numbers are of a port that does not exist */
    int numbers_error;      /**< what asking XenStore gives instead */
    const char *end;        /**< how the domain has ended */
    size_t piece;           /**< bytes written at a time; 0: all */
    unsigned connections;   /**< clients so far */
    unsigned asked;         /**< times that the numbers were read */
    unsigned hang_up;       /**< so many clients are hung up on instead of an answer */
    bool parting;           /**< it hangs up when all that it said is out */
    uint64_t queue_until;   /**< another client has the turn as long as that */
    uint64_t queue_pace;    /**< and one of them connects in each such time; 0: none */
    uint64_t queue_mark;    /**< how many had when we looked last */
    uint8_t in[CONTROL_FRAME_MAX];
    size_t have;
    uint8_t out[FAKE_QUEUE]; /**< not yet in the ring */
    size_t out_len;
    const void *raw; /**< a client of the vchan "mirror-ids" is sent this and hung up on */
    size_t raw_length;
    bool raw_next; /**< that is the client that comes next */
    uint8_t *upload;
    size_t upload_len;
};

/** There is one at a time. */
extern struct fake fake;

void fake_begin(fake_frame_fn *frame);
/** Both ends hold nothing any more. */
void fake_end(void);

/** Queue bytes for the client, whatever they are. */
void fake_write(const void *data, size_t length);

/** Begin a frame in answer to @header, and queue it. */
struct control_writer *fake_answer(const struct control_header *header, enum control_kind kind);
void fake_send(void);

/** Hang up on the client. */
void fake_hang_up(void);

#endif
