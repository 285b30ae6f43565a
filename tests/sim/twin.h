/* SPDX-License-Identifier: ISC */
/**
 * @file twin.h
 * The model and the service side by side: each step is done on both, each answer and each event is
 * compared, and a difference fails the test with all that is needed to see it again.
 */
#ifndef TESTS_SIM_TWIN_H
#define TESTS_SIM_TWIN_H

#include "host.h"
#include "model.h"

#define TWIN_PARTIES 64U /**< domain N is party N; extra connections of dom0 are 32 and up */
#define TWIN_EXTRA   32U
#define TWIN_SLOTS   16U
#define TWIN_NO_TX   (-1)
#define TWIN_BAD_TX  (-2) /**< an id that no transaction has */

/** A message that is expected, or has come. */
struct twin_message {
    struct twin_message *next;
    unsigned group;
    bool repeated; /**< an earlier one of this step is the same */
    struct wire_message message;
};

/** A transaction that the test knows by its slot; each side has an id of its own for it. */
struct twin_slot {
    bool used;
    bool refused; /**< a failure struck one of its requests: it may have to be tried again */
    uint32_t model_id, service_id;
};

struct twin_party {
    bool present;    /**< the domain exists */
    bool introduced; /**< and can talk to the store */
    bool held;
    uint32_t generation; /**< of domains that were held, with this number */
    model_connection_t connection;
    struct client *client;
    struct twin_slot slot[TWIN_SLOTS];
    struct twin_message *expected;
    uint32_t next_req_id;
};

struct twin {
    struct model *model;
    struct host *host; /**< NULL: the model alone */
    struct twin_party party[TWIN_PARTIES];
    uint64_t seed;
    unsigned step;
    /**
     * In a sweep over failures: has the failure struck yet? The step in which it does may be
     * refused, but then without any effect, and may lose events.
     */
    bool (*struck)(const struct twin *twin);
    bool struck_before;     /**< the step that is being done */
    char what[300];         /**< the step that is being done */
    char transcript[20000]; /**< what the model wants for it: "0 WRITE OK|; 3 EVENT /a|t|" */
};

struct twin *twin_create(uint64_t seed, bool with_service);
void twin_destroy(struct twin *twin);

/**
 * One request of @party in the transaction of @slot (or TWIN_*). A TRANSACTION_START that succeeds
 * takes the lowest free slot; TRANSACTION_END frees it. False: refused because of the failure that
 * a sweep brought about.
 */
bool twin_request(struct twin *twin, unsigned party, int slot, uint32_t type, const void *payload,
                  size_t length);

/**
 * A step that each side takes in a way of its own. What the model answers is left out, its events
 * must come in any order. @service returns false if it was refused, then the model is not asked.
 */
bool twin_step(struct twin *twin, const char *what,
               bool (*service)(struct twin *twin, void *context),
               void (*model)(struct twin *twin, void *context), void *context);

/** A domain is built; nothing of the store is told. */
void twin_boot(struct twin *twin, unsigned domid);
/** dom0 introduces it (again). */
void twin_introduce(struct twin *twin, unsigned domid);
/** dom0 releases it. */
void twin_release(struct twin *twin, unsigned domid);
void twin_shutdown(struct twin *twin, unsigned domid);
void twin_kill(struct twin *twin, unsigned domid);
/** dom0 has it held, or no more. What is booted with its number while it is, is its successor. */
void twin_hold(struct twin *twin, unsigned domid, bool held);
/** Its guest asks for a reconnection of the ring. */
void twin_reconnect(struct twin *twin, unsigned domid);
/** One more connection of dom0's as party TWIN_EXTRA + @number, and its end. */
void twin_attach(struct twin *twin, unsigned number);
void twin_detach(struct twin *twin, unsigned number);

#endif
