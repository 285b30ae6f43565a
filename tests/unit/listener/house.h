/* SPDX-License-Identifier: ISC */
/**
 * @file house.h
 * A host with a service that listens and the domain of its clients, a rendezvous that keeps what is
 * published in memory, and clients that behave in every way there is.
 */
#ifndef TESTS_UNIT_LISTENER_HOUSE_H
#define TESTS_UNIT_LISTENER_HOUSE_H

#include "common/listener.h"
#include "hv/sim/sim.h"
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#define HOUSE_SERVICE 5U
#define HOUSE_CLIENT  0U
#define HOUSE_SLOTS   4U /**< unless a test says otherwise */
#define HOUSE_PATH    "/local/domain/5/data/vchan/0/control"

/** How the rendezvous of these tests behaves. */
enum notice_mood {
    NOTICE_AT_ONCE, /**< answers from within publish() */
    NOTICE_LATE,    /**< notes down whom to answer: house_answer() */
    NOTICE_REFUSES, /**< publish() fails */
};

/** A rendezvous: the numbers that clients read. */
struct notice {
    struct rendezvous rendezvous;
    enum notice_mood mood;
    int error; /**< what it answers or refuses with */
    bool present;
    grant_ref_t ring_ref;
    evtchn_port_t port;
    /* Asked for and not answered. */
    bool asked;
    grant_ref_t asked_ref;
    evtchn_port_t asked_port;
    rendezvous_done_fn *done; /**< NULL: forgotten */
    void *context;
    unsigned publishes, withdrawals; /**< calls so far */
};

/** What the service knows of a slot. */
struct house_slot {
    struct vchan *v; /**< NULL: no client */
    uint64_t read;   /**< bytes of this client */
};

struct house {
    struct sim *sim;
    struct hv *service, *client;
    struct loop loop;
    struct notice notice;
    struct listener_config config;
    struct listener *listener;
    struct house_slot slots[LISTENER_SLOTS_MAX];
    unsigned chunk; /**< bytes that the service reads at a time */
    bool greedy;    /**< disconnects whoever has sent something */
    uint64_t connects, disconnects;
    uint64_t read;     /**< bytes of all clients */
    uint64_t steps;    /**< of the service */
    uint64_t patience; /**< the most steps of all that house_run() makes */
};

/** A host with a service that is about to listen with @slots slots. */
void house_create(struct house *house, uint64_t seed, unsigned slots);

/** Have it listen, which succeeds. */
void house_listen(struct house *house);

/** house_create() and house_listen(). */
void house_make(struct house *house, uint64_t seed, unsigned slots);

/** The service ends, and everybody's books are what they were before. */
void house_end(struct house *house);

/** Let @nanoseconds pass. */
void house_run(struct house *house, uint64_t nanoseconds);

/** Have the rendezvous answer; where @error is 0 the numbers are there from now on. */
void house_answer(struct house *house, int error);

/** listener_disconnect() and listener_republish(), from the service's loop. */
void house_disconnect(struct house *house, unsigned slot);
void house_republish(struct house *house);

/** Let everybody do what there is to do now. */
void house_settle(struct house *house);

/** The numbers of slots, and that they agree with what the service was told. */
struct listener_stats house_stats(const struct house *house);

/** Connect as the published numbers say: 0 or why not; -ENOENT: there are none. */
int client_connect(struct house *house, struct vchan *v);

/** client_connect(), which succeeds, and the service hears of it. */
void client_join(struct house *house, struct vchan *v);

/** Go without a word, as a domain does that is destroyed. */
void client_vanish(struct vchan *v);

/** Send @length bytes and read them again from the service. */
void client_echo(struct house *house, struct vchan *v, size_t length);

/** Bind the published port and no more: the local port. */
evtchn_port_t client_bind(struct house *house);

/** Map the head page of the published ring. */
uint8_t *client_map(struct house *house);

/** In the head page (xen/include/public/io/libxenvchan.h). */
enum { HEAD_LEFT_PROD = 4, HEAD_RIGHT_CONS = 8, HEAD_CLI_LIVE = 20 };

TCase *serving_cases(void);
TCase *gone_cases(void);
TCase *rendezvous_cases(void);
TCase *hostile_cases(void);
TCase *random_cases(void);

#endif
