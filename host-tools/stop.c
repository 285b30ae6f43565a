/* SPDX-License-Identifier: ISC */
#include "stop.h"
#include "command_line.h"
#include "control_client.h"
#include "host.h"
#include "record.h"
#include "remains.h"
#include "session.h"
#include "start.h"
#include "take_over.h"
#include "take_over_service.h"
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEFAULT_TIMEOUT_S 10
#define SECOND_NS         1000000000ull

#define PID_FILE HOST_RUN_DIR "/xenstored.pid"

#define OPTIONS                                                                                    \
    "Options:\n"                                                                                   \
    "  -f, --force          destroy its domain without asking it\n"                                \
    "  -t, --timeout SEC    how long to wait for its end (default: 10)\n"                          \
    "  -v, --verbose        name each step with its time; -vv: Xen's libraries speak too\n"        \
    "  -h, --help           show this\n"

static const struct command_usage stop_usage = {
    .name = "stop",
    .options = "ft",
    .services_min = 1,
    .services_max = 1,
    .help = "Usage: atoll stop SERVICE [OPTION...]\n"
            "Ask a service to end, wait for that, and remove its domain.\n\n" OPTIONS
            "\nxenstored stops only with --force: dom0 has to be rebooted then. More: atoll(1).\n",
};

static const struct command_usage restart_usage = {
    .name = "restart",
    .options = "ft",
    .services_min = 1,
    .services_max = 1,
    .help =
        "Usage: atoll restart SERVICE [OPTION...]\n"
        "End a service, whatever state it is in, and start it as atoll.conf(5) has it, in its\n"
        "predecessor's place: its clients' rings and connections go on. xenstored goes on with\n"
        "its state, too.\n\n" OPTIONS "\nMore: atoll(1).\n",
};

struct stop {
    struct report *r;
    xc_interface *xch;
    const struct service_settings *settings;
    uint32_t timeout_s;
    bool force;
    struct store_client store;
    struct record record;
    enum record_state state;
};

/* Ask it to end. */
static int ask(struct stop *s)
{
    struct control_client *client = NULL;
    struct control_answer answer;
    int rc = control_client_open_domain(s->r, s->settings->name, s->record.domid,
                                        (int)s->timeout_s * 1000, &client);

    if (rc)
        return rc;
    (void)control_client_begin(client, CONTROL_T_STOP);
    rc = control_client_send(client);
    if (!rc)
        rc = control_client_next(client, (int)s->timeout_s * 1000, &answer);
    control_client_close(client);
    if (!rc)
        report_step(s->r, "it agreed to end");
    return rc;
}

static int wait_for_end(struct stop *s)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    const uint64_t begin = report_now_ns();
    const char *reason = "";
    bool told = false;

    while (host_domain_state(s->xch, s->record.domid, &reason) == HOST_DOMAIN_RUNS) {
        const uint64_t waited = report_now_ns() - begin;

        if (waited >= s->timeout_s * SECOND_NS)
            return report_fail(s->r, ATOLL_NO_ANSWER,
                               "domain %u agreed to end and has not in %u s; --force destroys it",
                               s->record.domid, s->timeout_s);
        if (!told && waited >= SECOND_NS) {
            report_note(s->r, "waiting for its end (at most %u s)", s->timeout_s);
            told = true;
        }
        nanosleep(&pause, NULL);
    }
    report_step(s->r, "domain %u %s", s->record.domid, reason[0] ? reason : "is gone");
    return 0;
}

/* XenStore may be what is broken: with --force the domain goes, whatever becomes of its nodes. */
static int remove_all(struct stop *s)
{
    int rc = remains_open_store(s->r, s->xch, &s->store);

    if (rc && !s->force)
        return rc;
    return remains_remove(s->r, s->xch, &s->store, &s->record);
}

static int stop_other(struct stop *s)
{
    int rc;

    if (s->state == RECORD_RUNS && !s->force) {
        rc = ask(s);
        if (rc == ATOLL_NO_ANSWER || rc == ATOLL_REFUSED || rc == ATOLL_UNSUPPORTED)
            report_note(s->r, "--force destroys its domain without asking");
        if (!rc)
            rc = wait_for_end(s);
        if (rc)
            return rc;
    }
    return remove_all(s);
}

/* Nothing here may talk to XenStore: it is what ends. */
static int stop_store(struct stop *s)
{
    if (!s->force)
        return report_fail(s->r, ATOLL_NEEDS_REBOOT,
                           "dom0 and its guests stay bound to this XenStore until dom0 reboots; "
                           "reboot, or destroy it by --force and reboot then");
    if (xc_domain_destroy(s->xch, s->record.domid))
        return report_fail(s->r, ATOLL_FAILURE, "cannot destroy domain %u; -vv says more",
                           s->record.domid);
    record_remove(s->settings->name);
    unlink(PID_FILE);
    report_note(s->r, "domain %u is destroyed; dom0 has to be rebooted now", s->record.domid);
    return 0;
}

/* Stop it; the lock is held. @s->state says how it was found. */
static int stop(struct stop *s)
{
    const char *why;
    int rc = record_find(s->r, s->xch, s->settings->name, s->settings->store_domain, &s->record,
                         &s->state, &why);

    if (rc || s->state == RECORD_NONE)
        return rc;
    if (s->settings->store_domain && s->state != RECORD_GONE && s->record.domid)
        return stop_store(s);
    if (s->settings->store_domain) {
        record_remove(s->settings->name);
        return 0;
    }
    if (s->state == RECORD_ENDED)
        report_note(s->r, "removing domain %u, which %s", s->record.domid, why);
    return stop_other(s);
}

static int begin(struct session *session, const struct command_usage *usage,
                 const struct command_line *line, struct stop *s)
{
    int rc = session_begin(session, usage->name, line->services[0], line->verbose);

    memset(s, 0, sizeof(*s));
    s->r = &session->report;
    s->force = line->force;
    s->timeout_s = line->timeout_s ? line->timeout_s : DEFAULT_TIMEOUT_S;
    s->store.fd = -1;
    if (!rc)
        rc = session_find(session, line->services[0], &s->settings);
    if (!rc)
        rc = session_open_xen(session);
    s->xch = session->xch;
    if (!rc)
        rc = host_lock(s->r, s->settings->name);
    return rc;
}

static void end(struct session *session, struct stop *s)
{
    store_close(&s->store);
    session_end(session);
}

int stop_main(int argc, char *const argv[])
{
    struct command_line line;
    struct session session;
    struct stop s;
    int rc = command_parse(&stop_usage, argc, argv, &line, stderr);

    if (rc || line.help)
        return rc;
    rc = begin(&session, &stop_usage, &line, &s);
    if (!rc)
        rc = stop(&s);
    if (!rc && (s.state == RECORD_NONE || s.state == RECORD_GONE))
        rc = report_fail(s.r, ATOLL_NOT_RUNNING, "it is not running; nothing to do");
    end(&session, &s);
    return rc;
}

/* Dom0 and its guests stay bound to the XenStore that they have: a successor takes its place. */
static int restart_store(struct stop *s, const struct start_options *opt)
{
    const char *why;
    int rc = record_find(s->r, s->xch, s->settings->name, true, &s->record, &s->state, &why);

    if (rc)
        return rc;
    return s->state == RECORD_NONE ? start_run(s->r, opt) : take_over(s->r, opt, NULL, NULL);
}

/* What cannot be started is not stopped. */
static int restart(struct stop *s, const struct start_options *opt)
{
    int rc;

    if (s->settings->store_domain)
        return restart_store(s, opt);
    if (take_over_possible(s->settings->name, &s->record))
        return take_over(s->r, opt, NULL, NULL);
    rc = start_check(s->r, s->xch, opt);
    if (!rc)
        rc = stop(s);
    return rc ? rc : start_run(s->r, opt);
}

int restart_main(int argc, char *const argv[])
{
    struct start_options opt = {.locked = true};
    struct command_line line;
    struct session session;
    struct stop s;
    int rc = command_parse(&restart_usage, argc, argv, &line, stderr);

    if (rc || line.help)
        return rc;
    rc = begin(&session, &restart_usage, &line, &s);
    if (!rc)
        rc = start_settle(s.r, &opt, s.settings);
    if (!rc)
        rc = restart(&s, &opt);
    end(&session, &s);
    return rc;
}
