/* SPDX-License-Identifier: ISC */
#include "start_service.h"
#include "common/control.h"
#include "control_client.h"
#include "feeds.h"
#include "host.h"
#include "inspect.h"
#include "remains.h"
#include "rules_state.h"
#include "service_nodes.h"
#include "start_steps.h"
#include "store_quota.h"
#include <errno.h>
#include <string.h>
#include <time.h>

/*
 * Grants of its own: console, XenStore, and the rings of its control clients. Mappings: a service
 * maps its clients' rings, 256 a page of the maptrack table. Ports as libxl has it.
 */
#define GRANT_FRAMES    32
#define MAPTRACK_FRAMES 1024
#define EVTCHN_PORT_MAX 1023

/*
 * Each vif's nodes in XenStore are a switch's own: libxl makes the backend's directory, and each
 * node in it, in the name of the backend's domain. 27 and the guest's directory for 256 vifs, and
 * what each service has.
 */
#define SWITCH_SERVICE_NAME "switch"
#define SWITCH_NODES        8000

#define SECOND_NS 1000000000ull

/* Is it there already? What an interrupted start or a crash has left is removed. */
static int clear_the_way(struct start *s)
{
    enum record_state state;
    struct record found;
    const char *why;
    int rc = record_find(s->r, s->xch, s->opt->service, false, &found, &state, &why);

    if (rc || state == RECORD_NONE)
        return rc;
    if (state == RECORD_RUNS)
        return report_fail(s->r, ATOLL_RUNNING,
                           "it runs already, as domain %u; `atoll restart %s` starts it anew",
                           found.domid, s->opt->service);
    if (state == RECORD_ENDED)
        report_note(s->r, "removing domain %u, which %s", found.domid, why);
    if (state == RECORD_STARTING) /* we hold the lock: nobody is building it */
        report_note(s->r, "removing what an interrupted start had left");
    return remains_remove(s->r, s->xch, &s->store, &found);
}

static int store_failed(struct start *s, const char *what, int error)
{
    const bool dead = error == -ETIMEDOUT || error == -EPROTO;

    if (dead)
        store_close(&s->store); /* a late answer would be taken for that of the next request */
    return report_fail(s->r, dead ? ATOLL_NO_ANSWER : ATOLL_FAILURE,
                       "XenStore fails at %s (%s); see `atoll status xenstored`", what,
                       strerror(-error));
}

/* XenStore has to know the service before it runs; all else can wait until it does. */
static int introduce(struct start *s, const struct service_nodes *nodes)
{
    char path[128];
    int rc = service_nodes_introduce(&s->store, nodes, path, sizeof(path));

    if (rc)
        return store_failed(s, path, rc);
    report_step(s->r, "XenStore introduced");
    rc = domain_unpause(&s->builder);
    if (rc)
        return start_builder_failed(s, rc);
    report_step(s->r, "unpaused");
    return 0;
}

/*
 * What xl needs to know the domain and to reach its console, while the service starts. No record of
 * libxl's: by it `xl list -l` names the domains that may be saved and shut down with the host's
 * guests, which is what the scripts called xendomains do.
 */
static int announce(struct start *s, const struct service_nodes *nodes)
{
    char path[128];
    int rc = service_nodes_write(&s->store, nodes, path, sizeof(path));

    if (rc)
        return store_failed(s, path, rc);
    report_step(s->r, "XenStore nodes written");
    return 0;
}

/*
 * Wait until it has published where its control clients find it: the client itself looks less and
 * less often, because others may be waiting, too. At most a second, or until something is amiss,
 * which the client then finds out.
 */
static void wait_until_published(struct start *s)
{
    const uint64_t end = report_now_ns() + SECOND_NS;
    const struct timespec pause = {.tv_nsec = 500000};
    char path[96], value[32];
    const char *reason;
    int rc;

    snprintf(path, sizeof(path), "/local/domain/%u/data/vchan/0/control/event-channel",
             s->builder.domid);
    while ((rc = store_read(&s->store, path, value, sizeof(value))) == -ENOENT) {
        if (report_now_ns() >= end || start_interrupted() ||
            host_domain_state(s->xch, s->builder.domid, &reason) != HOST_DOMAIN_RUNS)
            return;
        nanosleep(&pause, NULL);
    }
    if (rc == -ETIMEDOUT || rc == -EPROTO)
        store_close(&s->store); /* a late answer would be taken for that of the next request */
    report_step(s->r, "the service can be reached");
}

/*
 * Wait until it says that it is well. The client does the waiting; after a second without an answer
 * we say so, and give it the rest of the time. From here on an interrupt ends the client's waits.
 */
static int wait_until_healthy(struct start *s, bool *is_switch)
{
    const uint64_t begin = report_now_ns(), all = s->opt->timeout_s * SECOND_NS;
    struct inspection found = {0};
    bool told = false;

    start_take_interrupts(s);
    wait_until_published(s);
    for (;;) {
        const uint64_t waited = report_now_ns() - begin, left = waited < all ? all - waited : 0;
        const uint64_t patience = told || left < SECOND_NS ? left : SECOND_NS;

        inspect_ask(s->r, s->opt->service, s->builder.domid, (int)(patience / 1000000u) + 1,
                    &found);
        if (start_interrupted())
            return report_fail(s->r, ATOLL_INTERRUPTED, "interrupted; its domain was removed");
        if (!found.code && found.health != CONTROL_FAILING)
            break;
        if ((found.code && found.code != ATOLL_NO_ANSWER) || left == 0)
            return start_no_answer(s, found.code ? found.error : "it says that it is failing",
                                   "its domain was removed");
        if (!told)
            report_note(s->r, "waiting for its first answer (at most %u s)", s->opt->timeout_s);
        told = true;
        if (!found.code)
            nanosleep(&(const struct timespec){.tv_nsec = 50000000}, NULL);
    }
    if (found.health == CONTROL_DEGRADED)
        report_note(s->r, "it serves, and says: %s", found.text);
    report_step(s->r, "first healthy answer");
    *is_switch = strcmp(found.service, SWITCH_SERVICE_NAME) == 0;
    return 0;
}

/* Of the domain that it is now: a quota goes with its domain. */
static void raise_quota(struct start *s, uint32_t store_domid)
{
    if (store_quota_raise(s->r, &s->store, store_domid, s->builder.domid, "nodes", SWITCH_NODES))
        report_step(s->r, "XenStore's quota of nodes raised to %u", SWITCH_NODES);
}

/* A switch that was started anew has the rules of the one before it, or does not run: without them
 * guests could do what they forbid. */
static int give_rules(struct start *s)
{
    bool given;
    int rc = rules_restore_started(s->r, s->opt->service, s->builder.domid,
                                   (int)s->opt->timeout_s * 1000, &given);

    if (rc)
        report_note(s->r, "its rules could not be given, so its domain was removed");
    else if (given)
        report_step(s->r, "rules in force");
    return rc;
}

/* Is it a monitor? Then, without a mirror, it sees nothing; say how one is made. */
static void tell_of_feeds(struct start *s)
{
    struct control_client *client = NULL;
    bool monitor;

    if (feeds_named(s->r, s->opt->service))
        return; /* by rules that some switch has, or will have */
    monitor = !control_client_open_domain(s->r, s->opt->service, s->builder.domid,
                                          CONTROL_TIMEOUT_MS, &client) &&
              control_client_knows(client, CONTROL_T_MONITOR_SHOW);
    control_client_close(client);
    if (monitor)
        report_note(s->r,
                    "no mirror feeds it yet; add one to the rules of a switch, and apply them:\n"
                    "    \"mirrors\": {\n"
                    "      \"monitor\": {\"client\": \"%s\", \"direction\": \"ingress\"}\n"
                    "    }",
                    s->opt->service);
}

static int build(struct start *s)
{
    struct service_nodes nodes;
    uint32_t store;
    bool ruled, is_switch = false;
    int rc = host_find_store_domain(s->r, s->xch, &store);

    if (rc)
        return rc;
    s->config.max_grant_frames = GRANT_FRAMES;
    s->config.max_maptrack_frames = MAPTRACK_FRAMES;
    s->config.max_evtchn_port = EVTCHN_PORT_MAX;
    s->config.store_domid = store == HOST_NO_DOMAIN ? 0 : store; /* else a daemon in dom0 */
    if ((rc = start_create(s)) || (rc = start_load(s, s->opt->cmdline)))
        return rc;
    nodes = (struct service_nodes){
        .domid = s->builder.domid,
        .name = s->opt->name,
        .memory_mb = s->config.memory_mb,
        .console_port = s->builder.console_port,
        .console_gfn = s->builder.console_gfn,
        .store_port = s->builder.store_port,
        .store_gfn = s->builder.store_gfn,
    };
    /* Toolstacks find a backend by the name that is announced: no vif comes to a switch before its
     * rules are in force. */
    ruled = rules_state_kept(s->opt->service);
    rc = introduce(s, &nodes);
    if (!rc && !ruled)
        rc = announce(s, &nodes);
    /* Mirrors for it, while it starts. */
    if (!rc && !ruled)
        (void)feeds_started(s->r, &s->store, s->opt->service);
    if (!rc)
        rc = wait_until_healthy(s, &is_switch);
    if (!rc && is_switch)
        raise_quota(s, store);
    if (!rc && ruled)
        rc = give_rules(s);
    if (!rc && ruled)
        rc = announce(s, &nodes);
    /* Its mirrors, for services that run. */
    if (!rc && ruled)
        (void)feeds_started(s->r, &s->store, s->opt->service);
    if (!rc && !ruled)
        tell_of_feeds(s);
    return rc;
}

/* Leave nothing behind. The causes are reported already; what this adds are notes. */
static void undo(struct start *s)
{
    if (s->builder.created) {
        s->builder.created = false;
        if (remains_remove(s->r, s->xch, &s->store, &s->record))
            return; /* the record stays, for the next try */
    }
    start_undo(s);
}

int start_service(struct report *r, const struct start_options *opt)
{
    struct start s;
    int rc = start_begin(&s, r, opt);

    if (!rc)
        rc = remains_open_store(r, s.xch, &s.store);
    if (!rc)
        rc = clear_the_way(&s);
    if (!rc) {
        rc = build(&s);
        if (!rc)
            rc = start_record(&s);
        if (rc)
            undo(&s);
    }
    start_end(&s);
    return rc;
}
