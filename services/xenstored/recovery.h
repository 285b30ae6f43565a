/* SPDX-License-Identifier: ISC */
/**
 * @file recovery.h
 * From a predecessor's journal to its state, and on to its rings (docs/recovery.md).
 */
#ifndef XENSTORED_RECOVERY_H
#define XENSTORED_RECOVERY_H

#include "journal_entry.h"

/** Do the @size bytes at @state look like a predecessor's reserved pages? */
bool recovery_recognizes(const void *state, size_t size);

/**
 * Become what the journal describes. For a service that serves nobody yet; @state is aligned to 8
 * and does not change. All rings are mapped as they stand, what became of the domains is looked
 * up, and the service's own journal is begun before any of that shows. -EINVAL: it is no such
 * state, and the log says what is wrong; -ENOMEM.
 */
HV_MUST_CHECK int recovery_run(struct xenstored *xs, const void *state, size_t size);

/** An entry of the journal. */
struct recovery_entry {
    enum entry_type type;
    const uint8_t *body;
    uint32_t length;
};

/** A journal that is read. */
struct recovery {
    struct xenstored *xs;
    const char *problem;         /* with it, for people */
    bool head, checkpoint;       /* has begun; is complete */
    uint64_t sequence;           /* of the newest node */
    uint64_t generation, number; /* of the journal, and of the frame that would follow */
    uint64_t entries, requests;
    uint64_t left_out, without; /* for having killed too often; impossible without one of these */
};

/** Say what is wrong; -EINVAL. */
int recovery_problem(struct recovery *recovery, const char *problem);

/** The connection of that number; NULL. */
struct connection *recovery_connection(const struct recovery *recovery, uint32_t id);

/** Apply an entry of the checkpoint (recovery_state.c), or of what happened since. */
HV_MUST_CHECK int recovery_state(struct recovery *recovery, const struct recovery_entry *entry);
HV_MUST_CHECK int recovery_event(struct recovery *recovery, const struct recovery_entry *entry);

/** Bytes taken out of the ring of a request that is not whole. */
HV_MUST_CHECK int recovery_take_input(struct recovery *recovery, struct connection *connection,
                                      const uint8_t *data, uint32_t length);

/** Let go of what waits for the connection but the last @bytes. False: there is less. */
bool recovery_trim(struct xenstored *xs, struct connection *connection, uint32_t bytes);

/** Map the rings, and go on; @answer is of the last answer that is in no frame, NULL: none. */
void recovery_resume(struct xenstored *xs, const struct journal_answer *answer);

#endif
