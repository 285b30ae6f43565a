/* SPDX-License-Identifier: ISC */
#include "random.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_GUEST 2U
#define LAST_GUEST  7U
#define SLOTS       6

struct run {
    struct twin *twin;
    const struct random_options *options;
    uint64_t state;
    bool shut[TWIN_PARTIES];
    struct wire_message request; /**< the payload that is being made */
};

/* splitmix64: the driver must not depend on how the sim draws its numbers. */
static uint64_t next(struct run *run)
{
    uint64_t z = run->state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static unsigned below(struct run *run, unsigned bound)
{
    return (unsigned)(next(run) % bound);
}

static bool one_in(struct run *run, unsigned bound)
{
    return below(run, bound) == 0;
}

static void add(struct run *run, const char *text)
{
    message_add_string(&run->request, text);
}

static unsigned any_domid(struct run *run)
{
    return one_in(run, 3) ? 0 : FIRST_GUEST + below(run, LAST_GUEST - FIRST_GUEST + 2);
}

/* Few names, so that paths meet: a few dozen nodes that all domains care for. */
static void any_path(struct run *run, char *path, bool special)
{
    static const char *const names[] = {"a", "b", "c", "dd"};
    static const char *const specials[] = {"@introduceDomain", "@releaseDomain", "@other"};
    unsigned depth = 1 + below(run, 3);

    path[0] = 0;
    if (special && one_in(run, 8)) {
        strcpy(path, specials[below(run, 3)]);
        if (one_in(run, 3))
            sprintf(path + strlen(path), "/%u", any_domid(run));
        return;
    }
    switch (below(run, 12)) {
    case 0:
        strcpy(path, "/");
        return;
    case 1:
    case 2: /* relative */
        strcpy(path, names[below(run, 4)]);
        depth--;
        break;
    case 3:
    case 4:
    case 5:
        sprintf(path, "/local/domain/%u", any_domid(run));
        depth--;
        break;
    default:
        break;
    }
    while (depth-- > 0)
        sprintf(path + strlen(path), "/%s", names[below(run, 4)]);
}

static void add_path(struct run *run, bool special)
{
    char path[256];

    any_path(run, path, special);
    add(run, path);
}

static void add_perms(struct run *run, unsigned party, bool mine)
{
    unsigned entries = 1 + below(run, one_in(run, 6) ? 7 : 3);

    for (unsigned i = 0; i < entries; i++) {
        unsigned domid = one_in(run, 12) ? WIRE_DOMID_ANY : any_domid(run);
        char text[16];

        if (i == 0)
            domid = mine ? 0 : party < TWIN_EXTRA && !one_in(run, 4) ? party : any_domid(run);
        snprintf(text, sizeof(text), "%c%u", "nrwb"[below(run, 4)], domid);
        add(run, text);
    }
}

static void send(struct run *run, unsigned party, int slot, uint32_t type)
{
    if (run->options->print) {
        char line[300];
        run->request.type = type;
        message_print(line, sizeof(line), &run->request);
        fprintf(stderr, "%u %u[%d] %s\n", run->twin->step + 1, party, slot, line);
    }
    twin_request(run->twin, party, slot, type, run->request.payload, run->request.length);
}

static unsigned any_party(struct run *run)
{
    for (;;) {
        unsigned party = one_in(run, 3)   ? 0
                         : one_in(run, 6) ? TWIN_EXTRA + below(run, 3)
                                          : FIRST_GUEST + below(run, LAST_GUEST - FIRST_GUEST + 1);

        if (run->options->dom0_only && party < TWIN_EXTRA)
            party = 0;
        if (run->twin->party[party].introduced)
            return party;
    }
}

static int any_slot(struct run *run, unsigned party)
{
    int slot = (int)below(run, SLOTS);

    if (one_in(run, 50))
        return TWIN_BAD_TX;
    return run->twin->party[party].slot[slot].used && !one_in(run, 3) ? slot : TWIN_NO_TX;
}

static void tree_request(struct run *run, unsigned party)
{
    static const uint32_t types[] = {
        WIRE_WRITE, WIRE_WRITE, WIRE_WRITE,     WIRE_WRITE,         WIRE_READ,      WIRE_READ,
        WIRE_READ,  WIRE_MKDIR, WIRE_RM,        WIRE_DIRECTORY,     WIRE_GET_PERMS, WIRE_SET_PERMS,
        WIRE_READ,  WIRE_WRITE, WIRE_SET_PERMS, WIRE_DIRECTORY_PART};
    uint32_t type = types[below(run, 16)];
    int slot = any_slot(run, party);
    char path[256], text[64];

    any_path(run, path, type == WIRE_GET_PERMS || type == WIRE_SET_PERMS);
    /* Who owns "/" or may read it decides about events of special nodes: left as it is. */
    if (type == WIRE_SET_PERMS && strcmp(path, "/") == 0)
        type = WIRE_GET_PERMS;
    add(run, path);
    if (type == WIRE_WRITE) {
        int length = snprintf(text, sizeof(text), "%u", below(run, 6));
        message_add(&run->request, text, (size_t)length);
    } else if (type == WIRE_DIRECTORY_PART) {
        /* Half a name may be sent or not (twin.c), which a transaction would remember. */
        snprintf(text, sizeof(text), "%u", one_in(run, 2) || slot >= 0 ? 0 : below(run, 9));
        add(run, text);
    } else if (type == WIRE_SET_PERMS) {
        add_perms(run, party, path[0] == '@');
    }
    send(run, party, slot, type);
}

static void watch_request(struct run *run, unsigned party)
{
    char text[16];
    uint32_t type = one_in(run, 30)  ? WIRE_RESET_WATCHES
                    : one_in(run, 3) ? WIRE_UNWATCH
                                     : WIRE_WATCH;

    if (type == WIRE_RESET_WATCHES) {
        add(run, "");
    } else {
        add_path(run, true);
        snprintf(text, sizeof(text), "t%u", below(run, 3));
        add(run, text);
        if (type == WIRE_WATCH && one_in(run, 4)) {
            snprintf(text, sizeof(text), "%u", below(run, 3));
            add(run, text);
        }
    }
    send(run, party, any_slot(run, party), type);
}

static void transaction_request(struct run *run, unsigned party)
{
    const struct twin_party *who = &run->twin->party[party];
    int slot = (int)below(run, SLOTS);
    unsigned used = 0;

    for (int i = 0; i < SLOTS; i++)
        used += who->slot[i].used;
    if (used < SLOTS && (!who->slot[slot].used || one_in(run, 3))) {
        add(run, "");
        send(run, party, one_in(run, 40) ? slot : TWIN_NO_TX, WIRE_TRANSACTION_START);
        return;
    }
    add(run, one_in(run, 6) ? "F" : one_in(run, 60) ? "X" : "T");
    send(run, party, slot, WIRE_TRANSACTION_END);
}

static void domain_request(struct run *run, unsigned party)
{
    static const char *const quota[] = {"nodes", "watches", "transactions", "node-permissions"};
    static const unsigned bound[] = {40, 12, 4, 6};
    static const uint32_t types[] = {
        WIRE_IS_DOMAIN_INTRODUCED, WIRE_GET_DOMAIN_PATH, WIRE_SET_TARGET,
        WIRE_GET_FEATURE,          WIRE_GET_QUOTA,       WIRE_SET_QUOTA,
        WIRE_SET_FEATURE,          WIRE_RESUME};
    uint32_t type = types[below(run, 8)];
    unsigned which = below(run, 4), domid = any_domid(run);
    char text[16];

    snprintf(text, sizeof(text), "%u", domid);
    if (type == WIRE_RESUME && run->shut[domid])
        return; /* it would have to run again first, which the sim cannot do */
    if (!(type == WIRE_GET_FEATURE && one_in(run, 2)))
        add(run, text);
    if (type == WIRE_SET_TARGET || type == WIRE_SET_FEATURE) {
        snprintf(text, sizeof(text), "%u",
                 type == WIRE_SET_TARGET ? any_domid(run) : below(run, 18));
        add(run, text);
    }
    if (type == WIRE_GET_QUOTA || type == WIRE_SET_QUOTA) {
        add(run, quota[which]);
        snprintf(text, sizeof(text), "%u", one_in(run, 3) ? 0 : 1 + below(run, bound[which]));
        if (type == WIRE_SET_QUOTA)
            add(run, text);
    }
    send(run, party, TWIN_NO_TX, type);
}

/* Payloads that hardly make sense, of requests whose every error the model knows. */
static void odd_request(struct run *run, unsigned party)
{
    static const uint32_t types[] = {
        WIRE_READ,        WIRE_WRITE,     WIRE_MKDIR,     WIRE_RM,        WIRE_WATCH,
        WIRE_UNWATCH,     WIRE_DIRECTORY, WIRE_GET_PERMS, WIRE_SET_PERMS, WIRE_TRANSACTION_END,
        WIRE_WATCH_EVENT, WIRE_ERROR,     WIRE_RESTRICT,  WIRE_TYPES,     WIRE_DIRECTORY_PART};
    static const char bytes[] = {'/', '/', '/', 'a', 'b', 0, 0, 0, '@', '.', 'n', '3', 'T', ' '};
    unsigned length = below(run, 10);

    for (unsigned i = 0; i < length; i++)
        message_add(&run->request, &bytes[below(run, sizeof(bytes))], 1);
    send(run, party, any_slot(run, party), types[below(run, 15)]);
}

static void host_event(struct run *run)
{
    struct twin *twin = run->twin;
    unsigned domid = FIRST_GUEST + below(run, LAST_GUEST - FIRST_GUEST + 1);
    unsigned extra = below(run, 3), what = below(run, 10);
    struct twin_party *party = &twin->party[domid];

    if (run->options->print)
        fprintf(stderr, "%u host event %u on %u\n", twin->step + 1, what, domid);
    if (what == 0 && run->options->host_events) {
        if (twin->party[TWIN_EXTRA + extra].present)
            twin_detach(twin, extra);
        else
            twin_attach(twin, extra);
    } else if (party->held && !party->introduced && !party->present && what < 3) {
        twin_hold(twin, domid, false);
    } else if (!party->present) {
        run->shut[domid] = false;
        twin_boot(twin, domid);
    } else if (!party->introduced && !run->shut[domid]) {
        twin_introduce(twin, domid);
    } else if (!run->options->host_events) {
        return;
    } else if (what < 4) {
        twin_kill(twin, domid);
    } else if (what == 4 && !run->shut[domid]) {
        run->shut[domid] = true;
        twin_shutdown(twin, domid);
    } else if (what == 5 && party->introduced && !run->shut[domid]) {
        twin_release(twin, domid);
    } else if (what == 6 && party->introduced) {
        twin_reconnect(twin, domid);
    } else if (what == 7 && party->introduced && !run->shut[domid]) {
        twin_introduce(twin, domid);
    } else if (what == 8 && party->introduced) {
        twin_hold(twin, domid, !party->held);
    }
}

void random_run(struct twin *twin, const struct random_options *options)
{
    struct run *run = calloc(1, sizeof(*run));

    run->twin = twin;
    run->options = options;
    run->state = options->seed;
    for (unsigned i = 0; i < 4 && !options->dom0_only; i++)
        host_event(run);
    for (unsigned i = 0; i < options->steps; i++) {
        unsigned what = below(run, 100), party = any_party(run);

        run->request.length = 0;
        if (what < 60)
            tree_request(run, party);
        else if (what < 72)
            watch_request(run, party);
        else if (what < 84)
            transaction_request(run, party);
        else if (what < 90)
            domain_request(run, party);
        else if (what < 95)
            odd_request(run, party);
        else
            host_event(run);
        if (options->each != NULL)
            options->each(twin, options->context);
    }
    free(run);
}
