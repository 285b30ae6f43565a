/* SPDX-License-Identifier: ISC */
#include "console.h"
#include "command_line.h"
#include "console_ring.h"
#include "host.h"
#include "interrupt.h"
#include "record.h"
#include "session.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* How often -f looks. */
#define LOOK_MS 50

static const struct command_usage usage = {
    .name = "console",
    .options = "F",
    .services_min = 1,
    .services_max = 1,
    .help =
        "Usage: atoll console SERVICE [OPTION...]\n"
        "Show the last 2 KiB that a service wrote to its console, also after it has crashed.\n\n"
        "Options:\n"
        "  -f, --follow         go on until its domain ends, or Ctrl-C\n"
        "  -v, --verbose        name each step with its time\n"
        "  -h, --help           show this\n"
        "\nWhat a service logs is also shown by `atoll logs`. More: atoll(1).\n",
};

/* What a domain wrote moves no cursor of ours. */
static void show(const char *text, int length)
{
    for (int i = 0; i < length; i++) {
        const char ch = text[i];

        if (ch != '\r')
            putchar(ch == '\n' || ch == '\t' || (ch >= ' ' && ch <= '~') ? ch : '.');
    }
    fflush(stdout);
}

/* Show what is new. 0, or -errno where the domain is gone. */
static int look(struct console_ring *ring)
{
    char text[CONSOLE_RING_SIZE];
    uint32_t lost;
    const int length = console_ring_read(ring, text, &lost);

    if (length > 0 && lost)
        printf("\n[%u bytes lost]\n", lost);
    if (length > 0)
        show(text, length);
    return length < 0 ? length : 0;
}

static void follow(struct session *session, struct console_ring *ring)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
    enum host_domain_state state = HOST_DOMAIN_RUNS;
    const char *reason = "";

    interrupt_install();
    while (!interrupt_pending()) {
        state = host_domain_state(session->xch, ring->domid, &reason);
        /* What it wrote last is in the ring by now. */
        if (state == HOST_DOMAIN_GONE || look(ring) || state == HOST_DOMAIN_ENDED)
            break;
        nanosleep(&pause, NULL);
    }
    if (state != HOST_DOMAIN_RUNS)
        report_note(&session->report, "domain %u %s", ring->domid,
                    state == HOST_DOMAIN_ENDED ? reason : "is gone");
}

static int show_console(struct session *session, const struct record *record, bool following)
{
    struct console_ring ring;
    int error = console_ring_open(&ring, session->xch, record);

    if (!error && following)
        follow(session, &ring);
    else if (!error)
        error = look(&ring);
    console_ring_close(&ring);
    if (!error)
        return 0;
    return report_fail(&session->report,
                       error == -EPERM || error == -EACCES ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                       "the console of domain %u cannot be read (%s); see `atoll logs`",
                       record->domid, strerror(-error));
}

int console_main(int argc, char *const argv[])
{
    const struct service_settings *settings;
    struct command_line line;
    struct session session;
    struct record record;
    enum record_state state;
    const char *why;
    int rc = command_parse(&usage, argc, argv, &line, stderr);

    if (rc || line.help)
        return rc;
    rc = session_begin(&session, "console", line.services[0], line.verbose);
    if (!rc)
        rc = session_find(&session, line.services[0], &settings);
    if (!rc)
        rc = session_open_xen(&session);
    if (!rc)
        rc = record_find(&session.report, session.xch, settings->name, settings->store_domain,
                         &record, &state, &why);
    if (!rc && (state == RECORD_NONE || state == RECORD_GONE || !record.domid))
        rc = report_fail(&session.report, ATOLL_NOT_RUNNING,
                         "it is not running; `atoll start %s` starts it", settings->name);
    if (!rc)
        rc = show_console(&session, &record, line.follow);
    session_end(&session);
    return rc;
}
