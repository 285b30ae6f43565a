/* SPDX-License-Identifier: ISC */
#include "upgrade.h"
#include "command_line.h"
#include "host.h"
#include "record.h"
#include "session.h"
#include "start.h"
#include "take_over.h"
#include "values.h"
#include <string.h>
#include <unistd.h>

static const struct command_usage usage = {
    .name = "upgrade",
    .options = "t",
    .services_min = 1,
    .services_max = 2,
    .help = "Usage: atoll upgrade SERVICE [IMAGE] [OPTION...]\n"
            "Put another image in the place of the one that runs: IMAGE, or the one of\n"
            "atoll.conf(5). One that cannot read the state of the service is refused before\n"
            "anything is stopped; where it does not come up, the old image does again.\n\n"
            "Options:\n"
            "  -t, --timeout SEC    how long to wait for its first answer (default: atoll.conf's)\n"
            "  -v, --verbose        name each step with its time; -vv: Xen's libraries speak too\n"
            "  -h, --help           show this\n"
            "\nMore: atoll(1).\n",
};

/* Is the old one gone, or the new one not up? Then the way is back. */
static bool was_stopped(struct session *session, const struct service_settings *settings)
{
    enum record_state state;
    struct record record;
    const char *why;

    return !record_find(&session->report, session->xch, settings->name, settings->store_domain,
                        &record, &state, &why) &&
           state != RECORD_RUNS;
}

static int go_back(struct session *session, const struct record *old, struct start_options *opt,
                   int rc)
{
    opt->kernel = old->image[0] && access(old->image, R_OK) == 0 ? old->image : old->kernel;
    report_note(&session->report, "going back to the old image, %s", opt->kernel);
    /* A plain service has left no record: it is just started. */
    if (!opt->store_domain ? start_run(&session->report, opt)
                           : take_over(&session->report, opt, NULL, NULL))
        return rc;
    report_note(&session->report, "the old image serves again");
    return rc;
}

static int upgrade(struct session *session, const struct service_settings *settings,
                   struct start_options *opt)
{
    struct report *r = &session->report;
    enum record_state state;
    struct record old;
    const char *why;
    int rc =
        record_find(r, session->xch, settings->name, settings->store_domain, &old, &state, &why);

    if (!rc && (state == RECORD_NONE || !old.kernel[0]))
        rc = report_fail(r, ATOLL_NOT_RUNNING,
                         "it was not started by atoll; `atoll start %s` starts it", settings->name);
    if (!rc)
        rc = start_check(r, session->xch, opt);
    if (rc)
        return rc;
    rc = take_over(r, opt, NULL, NULL);
    if (rc && was_stopped(session, settings))
        return go_back(session, &old, opt, rc);
    if (!rc && strcmp(opt->kernel, settings->kernel) != 0)
        report_note(r, "the next start takes %s, as atoll.conf(5) has it; name the new image there",
                    settings->kernel);
    return rc;
}

int upgrade_main(int argc, char *const argv[])
{
    const struct service_settings *settings;
    struct start_options opt = {.locked = true};
    struct command_line line;
    struct session session;
    int rc = command_parse(&usage, argc, argv, &line, stderr);

    if (rc || line.help)
        return rc;
    if (line.count > 1 && (!value_printable(line.services[1]) ||
                           strlen(line.services[1]) >= sizeof(((struct record *)0)->kernel)))
        return command_usage_error("upgrade", stderr,
                                   "IMAGE is a path of up to 255 printable characters, not",
                                   line.services[1]);
    opt.kernel = line.count > 1 ? line.services[1] : NULL;
    opt.timeout_s = line.timeout_s;
    rc = session_begin(&session, "upgrade", line.services[0], line.verbose);
    opt.verbose = line.verbose;
    if (!rc)
        rc = session_find(&session, line.services[0], &settings);
    if (!rc)
        rc = start_settle(&session.report, &opt, settings);
    if (!rc)
        rc = session_open_xen(&session);
    if (!rc)
        rc = host_lock(&session.report, settings->name);
    if (!rc)
        rc = upgrade(&session, settings, &opt);
    session_end(&session);
    return rc;
}
