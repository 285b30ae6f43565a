/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/rules_state.h
 * What dom0 keeps of the rules of each switch: the file that was applied last, whom its names
 * meant, and its generation, in RULES_STATE_DIR/NAME.json. A switch that was started anew is given
 * them again.
 */
#ifndef ATOLL_RULES_STATE_H
#define ATOLL_RULES_STATE_H

#include "control_client.h"
#include "report.h"
#include "rules_names.h"
#include <jansson.h>

/** Outlives boots. RULES_STATE_VARIABLE in the environment names another. */
#define RULES_STATE_DIR      "/var/lib/atoll/switch"
#define RULES_STATE_VARIABLE "ATOLL_SWITCH_STATE"

/** One state. All of it belongs to it. */
struct rules_state {
    uint64_t generation;
    char digest[65];
    uint64_t applied;         /**< when, seconds since 1970 */
    char *source;             /**< the path of the file, as it was named */
    json_t *file;             /**< what was in it */
    json_t *guests, *domains; /**< whom its names meant: uuids, domain ids */
};

const char *rules_state_dir(void);

/** Does dom0 keep rules for @service? */
bool rules_state_kept(const char *service);

/** Read that of @service. 1: there is one; 0: there is none; or an exit code, negative, with the
 * cause reported. rules_state_free() in any case. */
int rules_state_read(struct report *r, const char *service, struct rules_state *state);

/**
 * Write it under another name and wait until it is on the disk; then, when the switch has taken it,
 * rules_state_commit() gives it its name, or rules_state_abandon() removes it. 0 or an exit code
 * reported.
 */
int rules_state_prepare(struct report *r, const char *service, const struct rules_state *state);
int rules_state_commit(struct report *r, const char *service);
void rules_state_abandon(const char *service);

void rules_state_free(struct rules_state *state);

/** One at a time changes the rules of a switch; held until @fd is closed. Waits. 0 or an exit code
 * reported. */
int rules_state_lock(struct report *r, const char *service, int *fd);

/** SHA-256 of a file's content and whom its names mean, whatever its blanks and order. False: no
 * memory. */
bool rules_state_digest(const json_t *file, const json_t *guests, const json_t *domains,
                        char digest[65]);

/** Send @rules, checked. 0 with the reply in @answer, or an exit code reported. */
int rules_give(struct report *r, struct control_client *client, const struct rules *rules,
               struct control_answer *answer);

/** What is in force in the switch. 0 or an exit code reported. @digest: "" where there are none. */
int rules_in_force(struct control_client *client, uint64_t *generation, char digest[65]);

/**
 * Give the switch @service, reached by @client, the rules that dom0 keeps for it, unless there are
 * none or they are in force. *@given tells. 0 or an exit code with the cause reported.
 */
int rules_restore(struct report *r, const char *service, struct control_client *client,
                  bool *given);

/** The same for a service that has just been started in domain @domid; of a service that is no
 * switch nothing is asked. */
int rules_restore_started(struct report *r, const char *service, uint32_t domid, int timeout_ms,
                          bool *given);

#endif
