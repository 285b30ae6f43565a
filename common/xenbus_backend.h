/* SPDX-License-Identifier: ISC */
/**
 * @file xenbus_backend.h
 * Device backends in XenStore: who wants a device of a type from this domain, and the state machine
 * that both ends walk (xen/include/public/io/xenbus.h). Knows nothing of what the device is.
 *
 * Directories: backend/TYPE/FRONTEND-DOMID/DEVID of this domain, made by the toolstack (one watch
 * for all of them), and the frontend's, which the former names. libxl's contract with a backend
 * that is not Linux, as measured: InitWait (2), and no other state, must be seen within 10 s. So
 * in a new directory it stays for a second: a frontend that is quick is connected at once, and only
 * Connected (4) is written later (XENBUS_INIT_WAIT_SEEN; not so as it comes back); online=0 and
 * state=5 are answered by Closed (6) and, within 10 s, by the removal of our own directory; no
 * script is run. A device lives as long as its backend directory: the frontend may close and come
 * back any number of times (reboot, kexec, driver reload) while online is 1.
 *
 * Bounded (XSA-349, XSA-300): at most @ref devices devices; however many watch events a guest
 * causes, one device is looked at at a time, in turn, and each at most XENBUS_LOOKS times a second;
 * what its frontend wrote is in memory for one look only. A value is a string of at most
 * XENBUS_VALUE_MAX bytes (else it reads as STORE_NO_TEXT), to be checked by who reads it. The
 * frontend is at /local/domain/FRONTEND-DOMID/device/TYPE/DEVID: a node `frontend` that says
 * something else is refused. A frontend's state is watched, or looked at once a second where the
 * store's quota allows no more watches. Where the store ends, what is connected goes on.
 *
 * What is wrong with a device is in its node `error`, beside its state, and in the log.
 */
#ifndef COMMON_XENBUS_BACKEND_H
#define COMMON_XENBUS_BACKEND_H

#include "common/arena.h"
#include "common/log.h"
#include "common/loop.h"
#include "common/store.h"

/** XenbusState. */
enum xenbus_state {
    XENBUS_UNKNOWN = 0,
    XENBUS_INITIALISING = 1,
    XENBUS_INIT_WAIT = 2,
    XENBUS_INITIALISED = 3,
    XENBUS_CONNECTED = 4,
    XENBUS_CLOSING = 5,
    XENBUS_CLOSED = 6,
    XENBUS_RECONFIGURING = 7,
    XENBUS_RECONFIGURED = 8,
};

#define XENBUS_VALUE_MAX 1024U
#define XENBUS_LOOKS     20U

struct xenbus_backend;

/** Nodes of a directory that were read at one instant (one transaction), for a short time. */
struct xenbus_nodes;
/** The value of @name ("mac", "queue-0/tx-ring-ref"), NUL-terminated; NULL: it is not there. */
const char *xenbus_value(const struct xenbus_nodes *nodes, const char *name);
/** As a decimal number up to @max; false: it is not there or it is none. */
bool xenbus_number(const struct xenbus_nodes *nodes, const char *name, uint32_t max,
                   uint32_t *number);
/** As a flag: 0 or 1; what is not there or none is @otherwise. */
bool xenbus_flag(const struct xenbus_nodes *nodes, const char *name, bool otherwise);

/** One device. Embedded in the owner's own structure; see create(). */
struct xenbus_device {
    struct xenbus_backend *backend;
    domid_t domid; /**< of the frontend */
    uint32_t devid;
    enum xenbus_state state; /**< ours, as last written: InitWait for a while, though connected */
    enum xenbus_state frontend_state; /**< as last read */
    bool online;
    struct xenbus_look *look; /**< what is under way; private to the state machine */
};

/** A node to publish; literals. */
struct xenbus_feature {
    const char *name, *value;
};

/** What a type of device does. Functions that get nodes must copy what they keep. */
struct xenbus_device_type {
    const char *name;                  /**< "vif" */
    const char *const *backend_names;  /**< nodes of our own directory to read; NULL at the end */
    const char *const *frontend_names; /**< nodes of the frontend's to read when it connects */
    unsigned devices;                  /**< at most */
    /** A directory is there: make a device, and say in @features (at most XENBUS_FEATURES of them,
        name and value are literals) what to publish with InitWait. NULL: refuse it, @why for the
        log and for the node `error`. The fields of struct xenbus_device are filled in by the
       caller, after it returns. */
    struct xenbus_device *(*create)(void *context, domid_t domid, uint32_t devid,
                                    const struct xenbus_nodes *ours, const char **why);
    unsigned (*features)(struct xenbus_device *device, struct xenbus_feature *features);
    /** More names to read of the frontend before connect(), which depend on what it says
        ("queue-3/tx-ring-ref"): called with the first ones read. @names holds XENBUS_NAMES_MAX;
        literals. All are then read once more, at one instant. */
    unsigned (*more_names)(struct xenbus_device *device, const struct xenbus_nodes *frontend,
                           const char **names);
    /** The frontend is there (Initialised or Connected): 0, and Connected is written (not sooner
        than a second after the first InitWait); or a negative errno and @why: Closing. */
    int (*connect)(struct xenbus_device *device, const struct xenbus_nodes *ours,
                   const struct xenbus_nodes *frontend, const char **why);
    /** It goes, or is gone: release all that connect() took. Only after a connect(). @why: for the
        log; lives for the call. */
    void (*disconnect)(struct xenbus_device *device, const char *why);
    /** The device is over, after disconnect(): free it. */
    void (*destroy)(struct xenbus_device *device);
    /** Nodes of our own directory changed while it lives (rate, mtu, vlan, uuid...). */
    void (*changed)(struct xenbus_device *device, const struct xenbus_nodes *ours);
    /** The frontend went to Reconfiguring: its nodes are read again; then Reconfigured is written.
     */
    void (*reconfigure)(struct xenbus_device *device, const struct xenbus_nodes *frontend);
    /** All directories that were there at the start have been looked at: called once. NULL. */
    void (*settled)(void *context);
};

/** At most so many each: features, further names, names of the type. */
#define XENBUS_FEATURES  16U
#define XENBUS_NAMES_MAX 64U

/** Watch, and serve what is there already; devices that are connected (both ends say so, after a
 * restart within the same domain) are connected again as they are. NULL: no memory. */
struct xenbus_backend *xenbus_backend_create(struct hv *hv, struct arena *arena, struct loop *loop,
                                             struct store *store, struct log *log,
                                             const struct xenbus_device_type *type, void *context);
/** Disconnect and destroy all devices, and say nothing of it in XenStore. */
void xenbus_backend_destroy(struct xenbus_backend *backend);

/** A device's own trouble (a frontend that broke the protocol): disconnect it, from the loop and
 * not from within; it stays in Closing/Closed, the reason (a literal) in its node `error`, until
 * the frontend goes to Initialising, or the toolstack removes it. */
void xenbus_device_fail(struct xenbus_device *device, const char *why);

/** Write a node of our own directory (`carrier`, "hotplug-status"); nobody waits for it. */
void xenbus_device_write(struct xenbus_device *device, const char *name, const char *value);

struct xenbus_backend_usage {
    unsigned devices;   /**< now */
    unsigned connected; /**< of these */
    unsigned watches;   /**< on frontends' states */
    uint64_t looks;     /**< at a device */
    uint64_t events;    /**< of watches */
    uint64_t throttled; /**< looks that were put off */
    uint64_t refused;   /**< devices and connections that were refused or failed */
};
void xenbus_backend_usage(const struct xenbus_backend *backend, struct xenbus_backend_usage *usage);

#endif
