/* SPDX-License-Identifier: ISC */
/*
 * `atoll switch identify`: dom0's agent. It tells each switch whose its vifs are, and gives a
 * switch that was started anew the rules that dom0 keeps for it.
 */
#include "feeds.h"
#include "identify.h"
#include "interrupt.h"
#include "record.h"
#include "rules_names.h"
#include "rules_state.h"
#include "switch_commands.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#define STORE_TIMEOUT_MS 10000

/* How often the services' records are looked at: nobody tells when one is written. */
#define LOOK_MS 5000

/* How often a switch is asked whether its rules are those that are kept. */
#define RULES_NS UINT64_C(60000000000)

#define RETRY_MS 1000

/* Tokens of our watches. */
#define TOKEN_DOMAINS "domains"
#define TOKEN_VIFS    "vifs"
#define TOKEN_NAME    "name"

/* One service of this host, a switch or not. */
struct instance {
    const struct service_settings *settings;
    uint32_t domid;    /* 0: it does not run */
    uint64_t rules_at; /* when to look at its rules */
};

struct agent {
    struct call *call;
    struct store_client store;
    struct instance instances[CONFIG_SERVICES_MAX];
    unsigned count;
    uint32_t *named; /* guests whose names are watched */
    size_t named_count, named_room;
    bool told;      /* that XenStore cannot be asked */
    bool feeds_due; /* rules were looked at: services are to know their mirrors */
};

/* --- what is done -------------------------------------------------------------------------------
 */

static int watch_name(struct agent *agent, uint32_t guest)
{
    char path[64];

    for (size_t i = 0; i < agent->named_count; i++) {
        if (agent->named[i] == guest)
            return 0;
    }
    if (agent->named_count == agent->named_room) {
        const size_t room = agent->named_room ? 2 * agent->named_room : 64;
        uint32_t *grown = reallocarray(agent->named, room, sizeof(*grown));

        if (!grown)
            return -ENOMEM;
        agent->named = grown;
        agent->named_room = room;
    }
    agent->named[agent->named_count++] = guest;
    snprintf(path, sizeof(path), "/local/domain/%u/name", guest);
    return store_watch(&agent->store, path, TOKEN_NAME);
}

/* Guests that are gone need no watch. */
static void forget_names(struct agent *agent)
{
    char path[64], name[64];
    size_t kept = 0;

    for (size_t i = 0; i < agent->named_count; i++) {
        const uint32_t guest = agent->named[i];

        if (rules_names_domain(&agent->store, guest, name, sizeof(name), NULL) != -ENOENT) {
            agent->named[kept++] = guest;
            continue;
        }
        snprintf(path, sizeof(path), "/local/domain/%u/name", guest);
        (void)store_unwatch(&agent->store, path, TOKEN_NAME);
    }
    agent->named_count = kept;
}

static void note_vif(void *context, const struct identify_result *result, int error)
{
    struct agent *agent = context;

    if (result->vif.guest && error != -ENOENT)
        (void)watch_name(agent, result->vif.guest); /* at worst a new name is seen later */
    if (result->written)
        report_note(&agent->call->session.report, "vif %u of domain %u is %s's (%s)",
                    result->vif.devid, result->vif.guest, result->name, result->uuid);
    else if (error && error != -ENOENT)
        report_note(&agent->call->session.report, "vif %u of domain %u: nobody knows whose (%s)",
                    result->vif.devid, result->vif.guest, strerror(-error));
}

static int look_at_vifs(struct agent *agent)
{
    int rc = 0;

    for (unsigned i = 0; !rc && i < agent->count; i++) {
        if (agent->instances[i].domid)
            rc = identify_all(&agent->store, agent->instances[i].domid, note_vif, agent);
    }
    return rc;
}

static void look_at_rules(struct agent *agent, struct instance *instance)
{
    struct report *r = &agent->call->session.report;
    bool given = false;

    if (report_now_ns() < instance->rules_at)
        return;
    instance->rules_at = report_now_ns() + RULES_NS;
    agent->feeds_due = true;
    /* What goes wrong is reported, and tried again after that time. */
    if (!rules_restore_started(r, instance->settings->name, instance->domid, CONTROL_TIMEOUT_MS,
                               &given) &&
        given)
        report_note(r, "%s (domain %u) had other rules than dom0 keeps for it, and got those",
                    instance->settings->name, instance->domid);
}

static void expire_rules(struct agent *agent)
{
    for (unsigned i = 0; i < agent->count; i++)
        agent->instances[i].rules_at = 0;
}

static int watch_vifs(struct agent *agent, uint32_t domid, bool begin)
{
    char path[64];
    int rc;

    snprintf(path, sizeof(path), "/local/domain/%u/backend/vif", domid);
    rc = begin ? store_watch(&agent->store, path, TOKEN_VIFS)
               : store_unwatch(&agent->store, path, TOKEN_VIFS);
    return rc == -ENOENT || rc == -EEXIST ? 0 : rc;
}

/* Which of the services runs where? 0, an error of XenStore's, or an exit code. */
static int look_at_services(struct agent *agent)
{
    struct call *call = agent->call;
    int rc = 0;

    for (unsigned i = 0; !rc && i < agent->count; i++) {
        struct instance *instance = &agent->instances[i];
        struct record record;
        enum record_state state;
        const char *why;
        uint32_t domid;

        rc = record_find(&call->session.report, call->session.xch, instance->settings->name, false,
                         &record, &state, &why);
        if (rc)
            return rc;
        domid = state == RECORD_RUNS ? record.domid : 0;
        if (domid != instance->domid) {
            if (instance->domid && call->follow)
                (void)watch_vifs(agent, instance->domid, false);
            instance->domid = domid;
            expire_rules(agent); /* of others, too: their mirrors may be for this one */
            if (domid && call->follow)
                rc = watch_vifs(agent, domid, true);
            if (domid && !rc)
                rc = identify_all(&agent->store, domid, note_vif, agent);
        }
    }
    for (unsigned i = 0; !rc && call->follow && i < agent->count; i++)
        if (agent->instances[i].domid)
            look_at_rules(agent, &agent->instances[i]);
    if (!rc && agent->feeds_due)
        rc = feeds_sync(&call->session.report, &agent->store, NULL, NULL);
    agent->feeds_due = false;
    return rc == -EINVAL ? 0 : rc;
}

/* --- follow -------------------------------------------------------------------------------------
 */

static bool is_ours(const struct agent *agent, uint32_t backend)
{
    for (unsigned i = 0; i < agent->count; i++) {
        if (agent->instances[i].domid == backend)
            return backend != 0;
    }
    return false;
}

static int take_event(struct agent *agent, const struct store_event *event)
{
    struct identify_result result;
    struct identify_vif vif;
    int rc;

    if (strcmp(event->token, TOKEN_DOMAINS) == 0) {
        forget_names(agent);
        return look_at_services(agent);
    }
    if (strcmp(event->token, TOKEN_NAME) == 0)
        return look_at_vifs(agent);
    if (!identify_path(event->path, &vif) || !is_ours(agent, vif.backend))
        return 0;
    rc = identify_vif(&agent->store, &vif, &result);
    note_vif(agent, &result, rc);
    return rc == -ETIMEDOUT || rc == -EPROTO ? rc : 0;
}

/* Watch anew, on a connection that was just made. */
static int begin_watching(struct agent *agent)
{
    int rc = store_open(&agent->store, STORE_DEVICE, STORE_TIMEOUT_MS);

    agent->named_count = 0;
    for (unsigned i = 0; i < agent->count; i++)
        agent->instances[i].domid = 0;
    if (!rc)
        rc = store_watch(&agent->store, "@introduceDomain", TOKEN_DOMAINS);
    if (!rc)
        rc = store_watch(&agent->store, "@releaseDomain", TOKEN_DOMAINS);
    return rc;
}

static void wait_a_moment(void)
{
    struct pollfd p = {.fd = interrupt_fd(), .events = POLLIN};

    (void)poll(&p, 1, RETRY_MS);
}

/* Until XenStore fails (an error of its), there is no use (an exit code), or it is over (0). */
static int follow_once(struct agent *agent)
{
    int rc = begin_watching(agent);

    if (rc)
        return rc;
    if (agent->told)
        report_note(&agent->call->session.report, "XenStore answers again");
    agent->told = false;
    rc = look_at_services(agent);
    while (!rc && !interrupt_pending()) {
        struct store_event event;

        rc = store_next_event(&agent->store, LOOK_MS, interrupt_fd(), &event);
        if (rc == 1) {
            rc = take_event(agent, &event);
            store_event_free(&event);
        } else if (rc == -ENOBUFS) {
            rc = look_at_services(agent);
            rc = rc ? rc : look_at_vifs(agent);
        } else if (rc == 0 && !interrupt_pending()) {
            rc = look_at_services(agent);
        }
    }
    return rc;
}

static int follow(struct agent *agent)
{
    int rc = 0;

    interrupt_install();
    while (!interrupt_pending()) {
        rc = follow_once(agent);
        store_close(&agent->store);
        if (rc > 0 || interrupt_pending())
            break;
        if (rc == -ENOENT || rc == -EACCES)
            return report_fail(&agent->call->session.report,
                               rc == -EACCES ? ATOLL_NO_RIGHTS : ATOLL_NO_XEN,
                               "no access to XenStore (" STORE_DEVICE ": %s); run it as root in "
                               "dom0",
                               strerror(-rc));
        if (!agent->told)
            report_note(&agent->call->session.report, "XenStore cannot be asked (%s); trying again",
                        strerror(-rc));
        agent->told = true;
        wait_a_moment();
    }
    return interrupt_pending() ? ATOLL_OK : rc;
}

/* --- once ---------------------------------------------------------------------------------------
 */

struct listing {
    struct call *call;
    const char *service;
};

static void list_vif(void *context, const struct identify_result *result, int error)
{
    const struct listing *listing = context;
    struct call *call = listing->call;
    const char *what = error                ? strerror(-error)
                       : !result->vif.guest ? "dom0"
                       : result->written    ? "written"
                                            : "as it was";

    if (call->json) {
        json_array_append_new(call->array,
                              json_pack("{s:s, s:I, s:I, s:s, s:s, s:b, s:s?}", "service",
                                        listing->service, "domid", (json_int_t)result->vif.guest,
                                        "vif", (json_int_t)result->vif.devid, "guest", result->name,
                                        "uuid", result->uuid, "written", result->written, "error",
                                        error ? strerror(-error) : NULL));
        return;
    }
    table_cell(call->table, TINT_NONE, "%s", listing->service);
    table_cell(call->table, TINT_NONE, "%u", result->vif.guest);
    table_cell(call->table, TINT_NONE, "%u", result->vif.devid);
    table_cell(call->table, TINT_NONE, "%s", result->name[0] ? result->name : "-");
    table_cell(call->table, TINT_NONE, "%s", result->uuid[0] ? result->uuid : "-");
    table_cell(call->table, error ? TINT_BAD : TINT_NONE, "%s", what);
}

static int once(struct agent *agent)
{
    static const char *const columns[] = {"Switch", ">Domain", ">Vif", "Guest", "UUID", "", NULL};
    struct call *call = agent->call;
    int rc = store_open(&agent->store, STORE_DEVICE, STORE_TIMEOUT_MS);

    if (rc)
        return report_fail(&call->session.report, rc == -EACCES ? ATOLL_NO_RIGHTS : ATOLL_NO_XEN,
                           "no access to XenStore (" STORE_DEVICE ": %s); run it as root in dom0",
                           strerror(-rc));
    call_table_begin(call, columns);
    for (unsigned i = 0; !rc && i < agent->count; i++) {
        struct listing listing = {.call = call, .service = agent->instances[i].settings->name};
        struct record record;
        enum record_state state;
        const char *why;

        rc = record_find(&call->session.report, call->session.xch, listing.service, false, &record,
                         &state, &why);
        if (!rc && state == RECORD_RUNS)
            rc = identify_all(&agent->store, record.domid, list_vif, &listing);
    }
    if (rc < 0)
        rc = report_fail(&call->session.report, ATOLL_NO_ANSWER,
                         "XenStore cannot be asked (%s); see `atoll status xenstored`",
                         strerror(-rc));
    rc = call_table_end(call, rc, "No vif has a switch as its backend.");
    store_close(&agent->store);
    return rc;
}

static int run_identify(struct call *call)
{
    struct agent agent = {.call = call, .store = {.fd = -1}};
    const struct config *config = &call->session.config;
    int rc = call->service ? call_find(call) : 0;

    if (!rc)
        rc = session_open_xen(&call->session);
    if (rc)
        return rc;
    if (!call->service)
        session_add_records(&call->session);
    for (unsigned i = 0; i < config->count; i++) {
        if (!config->services[i].store_domain &&
            (!call->service || &config->services[i] == call->settings))
            agent.instances[agent.count++].settings = &config->services[i];
    }
    rc = call->follow ? follow(&agent) : once(&agent);
    free(agent.named);
    return rc;
}

const struct call_command switch_identify = {
    .name = "switch identify",
    .service = SWITCH_SERVICE,
    .options = "fj",
    .alone = true,
    .help =
        "Usage: atoll switch identify [OPTION...]\n"
        "Write into XenStore whose the vifs of all switches are (guest-uuid, guest-name), which\n"
        "rules are bound to, and which a switch cannot find out by itself.\n\n"
        "Options:\n"
        "  -f, --follow         go on with vifs that come, and give a switch that was started\n"
        "                       anew its rules again, until interrupted: dom0's agent, as\n"
        "                       atoll-switch-agent.service runs it\n"
        "  -s, --service NAME   of this switch only\n"
        "  -j, --json           for scripts\n"
        "  -v, --verbose        Xen's libraries speak, too\n"
        "  -h, --help           show this\n"
        "\nMore: atoll-switch(1).\n",
    .run = run_identify,
};
