/* SPDX-License-Identifier: ISC */
/**
 * @file recorder.h
 * What is promised, written into the journal before it shows (docs/recovery.md).
 *
 * Whoever changes what a successor has to know says so with one of the functions below, or with
 * recorder_changed(), which costs a checkpoint. Messages for clients are found in their queues. All
 * of it is committed by recorder_sync(): before a byte of it, or an index, shows on a ring.
 * Without a journal these functions do nothing.
 */
#ifndef XENSTORED_RECORDER_H
#define XENSTORED_RECORDER_H

#include <string.h>

#include "common/journal.h"
#include "journal_entry.h"
#include "state.h"

/** The most bytes that an entry has. */
#define RECORDER_ENTRY_MAX 20480U

struct recorder {
    struct journal journal;
    struct journal_hint *hint;
    unsigned pages;
    bool changed;          /* in a way that only a checkpoint has */
    bool off;              /* the state has not fitted: there is no journal for now */
    bool full;             /* the journal had no room within a checkpoint */
    uint64_t retry;        /* when it is tried again */
    struct list unlogged;  /* of struct connection, with output that is in no frame */
    struct list resetting; /* of struct connection, whose rings are to be emptied behind a frame */
    uint32_t checkpoint_end; /* of the last checkpoint, in its half */
    uint64_t frames, checkpoints, failures;
    uint64_t buffer[RECORDER_ENTRY_MAX / 4]; /* the journal's */
};

/** Use the @count reserved pages at @pages, which hold nothing yet. -EINVAL: too few; -ENOMEM. */
HV_MUST_CHECK int recorder_create(struct xenstored *xs, void *pages, unsigned count);

void recorder_destroy(struct xenstored *xs);

/** Is there a journal, and is it written? */
static inline bool recording(const struct xenstored *xs)
{
    return xs->recorder && !xs->recorder->off && !xs->recovering;
}

/** Is there anything to commit? */
static inline bool recorder_pending(const struct recorder *recorder)
{
    return journal_pending(&recorder->journal) || recorder->changed ||
           !list_empty(&recorder->unlogged) || !list_empty(&recorder->resetting);
}

/** What there is of the journal, in bytes, and what was written; all 0 without one. */
struct recorder_usage {
    uint64_t size, used, frames, checkpoints, off;
};
void recorder_usage(const struct xenstored *xs, struct recorder_usage *usage);

/** Commit what was said since. Rings that were to be emptied are. */
void recorder_commit(struct xenstored *xs);

/** The same, if there is anything. */
static inline void recorder_sync(struct xenstored *xs)
{
    if (xs->recorder && (xs->recorder->off || recorder_pending(xs->recorder)))
        recorder_commit(xs);
}

/** Something changed that no other function tells: the next commit is a checkpoint. */
void recorder_changed(struct xenstored *xs);

/** A domain became known. */
void recorder_domain(struct xenstored *xs, const struct domain *domain);

/** The domain shut down; it is released: gone, or by request. */
void recorder_shutdown(struct xenstored *xs, domid_t domid);
void recorder_gone(struct xenstored *xs, domid_t domid);

/** The domain was introduced, or its port changed. */
void recorder_introduced(struct xenstored *xs, const struct connection *connection);

/** The connection starts afresh; its ring is emptied by the next recorder_sync(). */
void recorder_reset(struct xenstored *xs, struct connection *connection);

/** The connection broke the protocol. */
void recorder_broken(struct xenstored *xs, const struct connection *connection);

/** @length bytes of a request are taken out of the ring, up to @cons. */
void recorder_input(struct xenstored *xs, const struct connection *connection, uint32_t cons,
                    const void *data, size_t length);

/** The request in xs->message that is decided, with xs->reply. */
struct recorder_request {
    struct connection *connection;
    const struct xs_header *header;
    uint32_t cons; /* it takes the ring up to here */
    bool effect;   /* request_has_effect() */
};

/** The request is decided; its answer is queued. */
void recorder_request(struct xenstored *xs, const struct recorder_request *request);

/**
 * Commit that the request is decided, with its answer, before which nothing waits for the
 * connection. Returns the message that may go into the ring now, as long as nothing else is said;
 * its length into *@length, and the value of rsp_prod that it begins at into *@begin. NULL: nothing
 * was said.
 */
const uint8_t *recorder_commit_answered(struct xenstored *xs,
                                        const struct recorder_request *request, uint32_t *length,
                                        uint32_t *begin);

/* A successor tells by signed differences how far a ring is beyond the journal: so many requests
 * and answers, of at most XS_MESSAGE_MAX bytes each, are less than 2 GiB. */
#define RECORDER_ANSWERED_MAX (1U << 18)

/**
 * The request is decided, and changed nothing; the ring has room for its answer, which brings
 * rsp_prod to @rsp. Nothing waits to be committed. Needs no frame.
 */
static inline void recorder_answered(struct xenstored *xs, struct connection *connection,
                                     uint32_t cons, uint32_t rsp)
{
    struct recorder *recorder = xs->recorder;
    struct journal_answer *answer = &recorder->hint->answer;

    journal_hint_store32(&answer->valid, 0);
    journal_hint_store32(&answer->connection, connection->id);
    journal_hint_store32(&answer->cons, cons);
    journal_hint_store32(&answer->rsp, rsp);
    journal_hint_store64(&answer->generation, recorder->journal.generation);
    journal_hint_store64(&answer->number, recorder->journal.number);
    journal_hint_store32(&answer->valid, 1);
    if (connection->answered++ == RECORDER_ANSWERED_MAX) {
        connection->answered = 0;
        recorder->changed = true;
    }
}

/** Output was queued; is freed. */
void recorder_queued(struct xenstored *xs, struct output *output);
void recorder_unqueued(struct output *output);

/** An entry, whose @length bytes are to be put where this returns. */
uint8_t *recorder_entry(struct xenstored *xs, enum entry_type type, uint32_t length);

/** An entry, of a body in parts, into the frame under way, or into the checkpoint. No longer than
 * RECORDER_ENTRY_MAX. */
void recorder_add(struct xenstored *xs, enum entry_type type, const struct journal_part *parts,
                  unsigned count);

/** Write all of the state (checkpoint.c). */
void checkpoint_write(struct xenstored *xs);

/*
 * A request that kills the service kills its successor, too: it is still in the ring. So what is
 * being decided is on a page that the successor sees.
 */

/** Has the request that the hint is of killed too often? */
bool recorder_is_poison(struct xenstored *xs, const struct xs_header *header);

/** @payload has zeroes behind it, up to a multiple of 8. */
static inline uint64_t recorder_hash(domid_t domid, const struct xs_header *header,
                                     const uint8_t *payload)
{
    uint64_t sum = (uint64_t)header->type << 32 ^ header->tx_id, sums = header->length, word;

    for (uint32_t at = 0; at < header->length; at += 8) {
        memcpy(&word, payload + at, sizeof(word));
        sum += word;
        sums += sum;
    }
    sums = (sums ^ domid) * UINT64_C(0x9e3779b97f4a7c15);
    return ((sums << 32 | sums >> 32) ^ sum) | 1;
}

/**
 * The request is about to be decided. True: it has killed too often, and must not be. Behind
 * @payload there is room for 8 bytes, which become 0.
 */
static inline bool recorder_hint(struct xenstored *xs, domid_t domid,
                                 const struct xs_header *header, uint8_t *payload)
{
    struct journal_hint *hint = xs->recorder->hint;

    memset(payload + header->length, 0, 8);
    journal_hint_store32(&hint->domid, domid);
    journal_hint_store64(&hint->request, recorder_hash(domid, header, payload));
    return hint->suspects[0].hash && recorder_is_poison(xs, header);
}

/** It is decided. */
static inline void recorder_hint_done(struct xenstored *xs)
{
    journal_hint_store64(&xs->recorder->hint->request, 0);
}

/** Learn from the predecessor's page. */
void recorder_hint_inherit(struct xenstored *xs, const struct journal_hint *before);

#endif
