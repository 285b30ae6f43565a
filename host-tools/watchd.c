/* SPDX-License-Identifier: ISC */
#include "watchd.h"
#include "command_line.h"
#include "crash_store.h"
#include "host.h"
#include "interrupt.h"
#include "session.h"
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

/* Records are looked at when their folder has changed, and so often in any case. */
#define RECORDS_MS 1000u

#define MS_NS 1000000u

static const char help[] =
    "Usage: atoll watchd [SERVICE...] [OPTION...]\n"
    "Watch over the services, or those that are named: save a report of one that dies (`atoll\n"
    "crash`), and bring it back. It runs until SIGTERM; systemd starts it as "
    "atoll-watchd.service.\n\n"
    "Options:\n"
    "  -F, --foreground     tell on stderr what happens, not in the system's log\n"
    "  -v, --verbose        show the messages of Xen's libraries, too\n"
    "  -h, --help           show this\n"
    "\nMore: atoll-watchd(8).\n";

struct options {
    bool foreground, help;
    unsigned verbose;
    int count;
    char *const *services;
};

/* All that is watched. */
struct sentry {
    struct watchd watchd;
    struct watch_host host;
    const struct options *opt;
    struct watch *watches;
    unsigned count;
    uint64_t records_read; /* when */
    uint64_t alive;        /* when systemd was told last */
    int notes;             /* inotify(7) of the folder of records; -1: none is to be had */
};

static int parse(int argc, char *const argv[], struct options *opt)
{
    static const struct option longopts[] = {
        {"foreground", no_argument, NULL, 'F'},
        {"verbose", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int ch;

    memset(opt, 0, sizeof(*opt));
    optind = 0; /* glibc: start afresh */
    opterr = 0;
    while ((ch = getopt_long(argc, argv, ":Fvh", longopts, NULL)) != -1) {
        if (ch == '?' || ch == ':')
            return command_bad_option("watchd", ch, argv, stderr);
        opt->foreground |= ch == 'F';
        opt->verbose += ch == 'v' ? 2 : 0;
        opt->help |= ch == 'h';
    }
    opt->count = argc - optind;
    opt->services = argv + optind;
    return 0;
}

/* One at a time: two would bring two successors. Held until the process ends. */
static int be_the_only_one(struct report *r, int *lock)
{
    int fd;

    if ((mkdir(RECORD_DIR, 0755) && errno != EEXIST) ||
        (mkdir(WATCH_STATE_DIR, 0755) && errno != EEXIST))
        fd = -1;
    else
        fd = open(WATCH_STATE_DIR "/lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return report_fail(r, errno == EACCES ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                           "cannot make %s/lock (%s); run it as root", WATCH_STATE_DIR,
                           strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB))
        return report_fail(r, ATOLL_RUNNING, "another watchd runs already");
    *lock = fd;
    return 0;
}

static bool is_asked_for(const struct options *opt, const char *service)
{
    for (int i = 0; i < opt->count; i++) {
        if (strcmp(opt->services[i], service) == 0)
            return true;
    }
    return !opt->count;
}

static struct watch *find(struct sentry *sentry, const char *service)
{
    for (unsigned i = 0; i < sentry->count; i++) {
        if (strcmp(sentry->watches[i].record.service, service) == 0)
            return &sentry->watches[i];
    }
    return NULL;
}

/* Services that have a record and are not known yet. The configuration may have changed, too. */
static void meet(struct sentry *sentry)
{
    char names[CONFIG_SERVICES_MAX][sizeof(((struct record *)NULL)->service)];
    const unsigned count = record_list(names, CONFIG_SERVICES_MAX);

    for (unsigned i = 0; i < count; i++) {
        const struct service_settings *settings;
        struct watch_state state;

        if (!is_asked_for(sentry->opt, names[i]) || find(sentry, names[i]) ||
            sentry->count == CONFIG_SERVICES_MAX)
            continue;
        settings = config_find(&sentry->watchd.config, names[i]);
        (void)watch_state_read(sentry->watchd.state_dir, names[i], &state);
        watch_begin(&sentry->watches[sentry->count++], names[i], settings ? settings->recover : 10,
                    &state);
    }
}

/* Have the records changed since this was asked last? Whoever replaces a service may wait for us.
 */
static bool records_changed(struct sentry *sentry, uint64_t now)
{
    char events[4096];
    bool changed = now - sentry->records_read >= (uint64_t)RECORDS_MS * MS_NS;

    while (sentry->notes >= 0 && read(sentry->notes, events, sizeof(events)) > 0)
        changed = true;
    if (changed)
        sentry->records_read = now;
    return changed;
}

static void turn(struct sentry *sentry)
{
    const uint64_t now = report_now_ns();
    const bool records = records_changed(sentry, now);
    bool again = true;

    if (records)
        meet(sentry);
    /* Twice at most at once: what was just adopted is looked at, too. */
    for (unsigned i = 0; i < sentry->count; i++) {
        again = watch_turn(&sentry->watches[i], &sentry->host, now, records);
        if (again)
            (void)watch_turn(&sentry->watches[i], &sentry->host, now, false);
    }
    if (now - sentry->alive >= 1000ull * MS_NS) {
        watchd_notify("WATCHDOG=1");
        sentry->alive = now;
    }
}

static void watch(struct sentry *sentry)
{
    struct pollfd wake[2] = {{.fd = interrupt_fd(), .events = POLLIN}, {.events = POLLIN}};

    /* A record is replaced by a rename. */
    sentry->notes = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (sentry->notes >= 0)
        (void)inotify_add_watch(sentry->notes, RECORD_DIR, IN_MOVED_TO | IN_DELETE);
    wake[1].fd = sentry->notes;
    syslog(LOG_INFO, "watching");
    watchd_notify("READY=1");
    while (!interrupt_pending()) {
        turn(sentry);
        (void)poll(wake, 2, WATCHD_POLL_MS);
    }
    watchd_notify("STOPPING=1");
    if (sentry->notes >= 0)
        close(sentry->notes);
    for (unsigned i = 0; i < sentry->count; i++)
        watch_end(&sentry->watches[i], &sentry->host);
}

static int open_host(struct sentry *sentry)
{
    struct watchd *watchd = &sentry->watchd;
    int rc = host_open(&watchd->report, &watchd->xch);

    if (rc) {
        watchd->xch = NULL;
        return rc;
    }
    watchd->memory = xenforeignmemory_open(&watchd->report.logger, 0);
    if (!watchd->memory)
        return report_fail(&watchd->report, ATOLL_NO_XEN,
                           "cannot map pages of domains (/dev/xen/privcmd: %s)", strerror(errno));
    return be_the_only_one(&watchd->report, &watchd->lock);
}

static int check_services(struct sentry *sentry)
{
    const struct options *opt = sentry->opt;
    const struct service_settings *settings;
    int rc = 0;

    for (int i = 0; !rc && i < opt->count; i++)
        rc = config_require(&sentry->watchd.report, &sentry->watchd.config, opt->services[i],
                            &settings);
    return rc;
}

static int run(const struct options *opt)
{
    struct sentry sentry = {
        .watchd = {.crash_dir = CRASH_DIR,
                   .state_dir = WATCH_STATE_DIR,
                   .foreground = opt->foreground},
        .opt = opt,
    };
    struct watchd *watchd = &sentry.watchd;
    int rc;

    report_init(&watchd->report, "watchd", stderr, opt->verbose);
    rc = config_read(&watchd->report, NULL, &watchd->config);
    if (!rc)
        rc = check_services(&sentry);
    if (!rc)
        rc = open_host(&sentry);
    sentry.watches = calloc(CONFIG_SERVICES_MAX, sizeof(*sentry.watches));
    if (!rc && !sentry.watches)
        rc = report_fail(&watchd->report, ATOLL_FAILURE, "out of memory");
    if (!rc) {
        sentry.host = watchd_host(watchd);
        openlog("atoll-watchd", 0, LOG_DAEMON);
        interrupt_install();
        watch(&sentry);
    }
    free(sentry.watches);
    if (watchd->memory)
        xenforeignmemory_close(watchd->memory);
    if (watchd->xch)
        xc_interface_close(watchd->xch);
    config_free(&watchd->config);
    return rc;
}

int watchd_main(int argc, char *const argv[])
{
    struct options opt;
    int rc = parse(argc, argv, &opt);

    if (rc)
        return rc;
    if (opt.help) {
        fputs(help, stdout);
        return ATOLL_OK;
    }
    return run(&opt);
}
