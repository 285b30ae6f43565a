/* SPDX-License-Identifier: ISC */
#include "console.h"
#include "command_line.h"
#include "record.h"
#include "session.h"
#include <errno.h>
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command_usage usage = {
    .name = "console",
    .options = "",
    .services_min = 1,
    .services_max = 1,
    .help = "Usage: atoll console SERVICE [OPTION...]\n"
            "Show the console of a service; Ctrl-] leaves it.\n\n"
            "Options:\n"
            "  -v, --verbose        name each step with its time\n"
            "  -h, --help           show this\n"
            "\nWhat a service logs is also shown by `atoll logs`. More: atoll(1).\n",
};

/* The last of the files that @pattern stands for: of several versions of Xen the newest. */
static bool find_last(const char *root, const char *pattern, char *path, size_t size)
{
    char whole[256];
    bool found = false;
    glob_t all;

    snprintf(whole, sizeof(whole), "%s%s", root, pattern);
    if (glob(whole, 0, NULL, &all))
        return false;
    for (size_t i = 0; i < all.gl_pathc; i++) {
        if (access(all.gl_pathv[i], X_OK) == 0 &&
            snprintf(path, size, "%s", all.gl_pathv[i]) < (int)size)
            found = true;
    }
    globfree(&all);
    return found;
}

int console_find(const char *root, const char *version, char *path, size_t size)
{
    /* Debian; Fedora, SUSE and others that keep Xen's own layout; built from source. */
    static const char *const places[] = {
        "/usr/libexec/xen/bin/xenconsole",       "/usr/lib/xen/bin/xenconsole",
        "/usr/lib64/xen/bin/xenconsole",         "/usr/lib/*/xen/bin/xenconsole",
        "/usr/local/libexec/xen/bin/xenconsole", "/usr/local/lib/xen/bin/xenconsole",
        "/usr/lib/xen-*/bin/xenconsole",
    };
    char first[64];

    snprintf(first, sizeof(first), "/usr/lib/xen-%s/bin/xenconsole", version);
    if (version[0] && find_last(root, first, path, size))
        return 0;
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        if (find_last(root, places[i], path, size))
            return 0;
    }
    return -1;
}

/* "4.17" of the Xen that runs, "" where it does not say. */
static void running_version(xc_interface *xch, char *version, size_t size)
{
    const int number = xc_version(xch, XENVER_version, NULL);

    version[0] = '\0';
    if (number > 0)
        snprintf(version, size, "%d.%d", number >> 16, number & 0xffff);
}

/* Becomes xenconsole: a domain's console is what it can do. */
static int become(struct session *session, uint32_t domid)
{
    char path[256], version[16], id[16];

    running_version(session->xch, version, sizeof(version));
    if (console_find("", version, path, sizeof(path)))
        return report_fail(&session->report, ATOLL_FAILURE,
                           "xenconsole of Xen's tools is not in /usr/lib/xen-%s/bin, nor where "
                           "other packages have it; install xen-utils, or use `atoll logs`",
                           version[0] ? version : "VERSION");
    report_step(&session->report, "%s", path);
    snprintf(id, sizeof(id), "%u", domid);
    execl(path, path, id, "--num", "0", "--type", "pv", (char *)NULL);
    return report_fail(&session->report, ATOLL_FAILURE,
                       "%s cannot be run (%s); is it of this machine?", path, strerror(errno));
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
        rc = become(&session, record.domid);
    session_end(&session);
    return rc;
}
