/* SPDX-License-Identifier: ISC */
/**
 * @file backend_play.h
 * A host whose XenStore is the real service, a domain that serves vifs, and the others of the play:
 * dom0 as libxl writes, guests as their frontends do.
 */
#ifndef TESTS_SIM_SWITCH_BACKEND_PLAY_H
#define TESTS_SIM_SWITCH_BACKEND_PLAY_H

#include "common/log.h"
#include "common/xenbus_backend.h"
#include "tests/sim/tenant.h"

#define PLAY_BACKEND 5U

#define PLAY_MS UINT64_C(1000000)

struct play {
    struct host *host;
    struct tenant *tenant;
    struct log *log;
    void *log_memory;
    struct xenbus_backend *backend;
    struct sim_usage before; /**< of the backend's domain, without backend */
};

/** The host, and the domain of the backend as libxl makes one; no backend yet. */
void play_create(struct play *play);

/** A guest with a home, as libxl makes it. */
struct client *play_guest(struct play *play, domid_t domid);

/** Start the backend, and end it: all it took is given back. */
void play_start(struct play *play, const struct xenbus_device_type *type, void *context);
void play_stop(struct play *play);

/** After play_stop(). */
void play_destroy(struct play *play);

/** Let things happen for so many milliseconds. */
void play_pass(struct play *play, unsigned milliseconds);

/** As libxl does: both directories in one transaction; nodes of @more ("ip=1.2.3.4|") beside the
 * usual ones of the backend's. */
void play_attach(struct play *play, domid_t domid, unsigned devid, const char *more);

/** online=0 and state=5 in one transaction. */
void play_detach(struct play *play, domid_t domid, unsigned devid);

/** What is left to dom0 once our directory is gone. */
void play_clean(struct play *play, domid_t domid, unsigned devid);

/** The frontend's directory goes first, then as play_detach(). */
void play_kill_vif(struct play *play, domid_t domid, unsigned devid);

/** A node of the backend's directory by dom0, or of the frontend's by @guest, which owns it. */
void play_backend_write(struct play *play, domid_t domid, unsigned devid, const char *name,
                        const char *value);
void play_write(struct client *guest, unsigned devid, const char *name, const char *value);
void play_remove(struct client *guest, unsigned devid, const char *name);

/** As Linux's netfront connects with one queue; then state 4. */
void play_connect(struct client *guest, unsigned devid);

/** The number that the backend's state is, as dom0 reads it; -1: no such node. */
int play_state(struct play *play, domid_t domid, unsigned devid);

/** A node of the backend's directory; "": none. */
const char *play_value(struct play *play, domid_t domid, unsigned devid, const char *name);

/** Nodes of the backend's directory, and it. */
unsigned play_nodes(struct play *play, domid_t domid, unsigned devid);

/** Wait at most so long for the state. */
void play_expect(struct play *play, domid_t domid, unsigned devid, int state,
                 unsigned milliseconds);

#endif
