/* SPDX-License-Identifier: ISC */
/**
 * @file model_state.h
 * What the reference model holds; for the files model*.c only.
 */
#ifndef TESTS_SIM_MODEL_STATE_H
#define TESTS_SIM_MODEL_STATE_H

#include "model.h"
#include "model_tree.h"

#define MODEL_DOMAINS     64
#define MODEL_CONNECTIONS 64
#define MODEL_PATH        4096

enum mquota {
    MQ_NODES,
    MQ_WATCHES,
    MQ_OUTSTANDING,
    MQ_MEMORY,
    MQ_TRANSACTIONS,
    MQ_TRANSACTION_NODES,
    MQ_NODE_PERMISSIONS,
    MQ_PATH_MAX,
    MQ_NODE_SIZE,
    MQ_COUNT,
};

/** A domain of the hypervisor. */
struct mdomain {
    bool exists;
    unsigned domid;
    bool introduced, shutdown;
    bool held;   /**< its end is to be noticed by nobody */
    bool over;   /**< held, and it has died: all but its connection stays */
    bool heir;   /**< ...and there is a domain that may take its place */
    bool silent; /**< held, and it has shut down */
    unsigned features;
    unsigned quota[MQ_COUNT];
    int target; /**< domid that it may act for; -1: none */
};

struct mwatch {
    struct mwatch *next; /**< registered later */
    char *path, *token;  /**< canonical */
    int depth;           /**< -1: no limit */
    size_t prefix;       /**< bytes of the path that a relative watch leaves out of events */
};

/** A request of a transaction, with the answer it got when it was first executed. */
struct mlogged {
    struct mlogged *next;
    struct wire_message request, reply;
};

struct mtransaction {
    struct mtransaction *next;
    uint32_t id;
    struct mtree tree;
    struct mlogged *log;
};

struct mconnection {
    model_connection_t number; /**< 0: this slot is free */
    struct mdomain *domain;
    bool main; /**< made by INTRODUCE or at start */
    struct mwatch *watches;
    struct mtransaction *transactions;
    uint32_t last_transaction;
};

struct model {
    struct mtree tree;
    struct mdomain domain[MODEL_DOMAINS];
    struct mconnection connection[MODEL_CONNECTIONS];
    model_connection_t last_connection;
    unsigned default_quota[MQ_COUNT];
    model_emit_fn *emit;
    void *context;
    unsigned group;
};

/** Which watches a change concerns. */
enum mmatch {
    MM_EXACT,   /**< those at the path */
    MM_SUBTREE, /**< those at the path or above, as deep as they want */
    MM_NODEPTH, /**< those at the path without a depth */
    MM_DEPTH,   /**< those at the path, and those above that have a depth of at least 1 */
};

/** A change of one node, with all that decides who may hear of it. */
struct mevent {
    struct mevent *next;
    char *path;
    enum mmatch match;
    struct mperms readers[4]; /**< node and parent, before and after; count 0: did not exist */
};

/** Changes in the order in which they were made. */
struct mevents {
    struct mevent *first;
};

/* model_ops.c */

/** Canonical form of @path for @domain into @out (MODEL_PATH); false: EINVAL. */
bool mcanonical(const struct mdomain *domain, const char *path, bool special, char *out);

/** Access bits that @domain has by @perms. */
unsigned maccess(const struct mdomain *domain, const struct mperms *perms);

/**
 * READ, WRITE, ... DIRECTORY_PART on @tree: fill in type and payload of @reply and return 0, or
 * return an errno value with nothing changed. Changes are added to @events.
 */
int mexecute(struct model *model, const struct mdomain *domain, struct mtree *tree,
             const struct wire_message *request, struct wire_message *reply,
             struct mevents *events);

/** Remove @node with all below, adding the events. */
void mremove_subtree(struct mnode *node, struct mevents *events);

/** Strings in the payload that end with a NUL; the first @max of them in @out. */
size_t mstrings(const struct wire_message *message, const char **out, size_t max);

/** The only string of the payload; NULL if it is not exactly one. */
const char *monly(const struct wire_message *message);

/* model_watch.c */
struct mevent *mevents_add(struct mevents *events, const char *path, enum mmatch match);
void mevent_reader(struct mevent *event, unsigned slot, const struct mnode *node);
void mevents_free(struct mevents *events);
void mfire(struct model *model, struct mevents *events);
void mfire_special(struct model *model, const char *name, unsigned domid, bool with, bool without);
int mwatch_add(struct model *model, struct mconnection *connection,
               const struct wire_message *request);
int mwatch_remove(struct mconnection *connection, const struct wire_message *request);
void mwatch_clear(struct mconnection *connection);

/** Hand a message to the test, in a group of its own. */
void memit(struct model *model, struct mconnection *connection, struct wire_message *message);
void mreply_ok(struct wire_message *reply);

/* model_domain.c */
struct mdomain *mdomain_find(struct model *model, unsigned domid);
struct mconnection *mconnection_main(struct model *model, unsigned domid);
void mconnection_reset(struct mconnection *connection);
void mtransaction_free(struct mtransaction *transaction);

/** INTRODUCE and all other requests that concern domains. ENOSYS: is none of them. */
int mdomain_request(struct model *model, struct mconnection *connection,
                    const struct wire_message *request, struct wire_message *reply);

#endif
