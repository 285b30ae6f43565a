/* SPDX-License-Identifier: ISC */
/** @file host-tools/watchd_host.c What `atoll watchd` does to the host: see struct watch_host. */
#include "crash_store.h"
#include "host.h"
#include "interrupt.h"
#include "output.h"
#include "sha256.h"
#include "stop.h"
#include "watchd.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull

/* What a recovery may take beside the wait for its first answer: then it is asked to end, and at
 * last made to. */
#define RECOVERY_S 30u
#define MERCY_S    15u

static int read_record(void *context, const char *service, struct record *record)
{
    char why[512];

    (void)context;
    return record_read(service, record, why, sizeof(why));
}

static enum watch_sight look(void *context, const struct record *record, const char **reason)
{
    struct watchd *watchd = context;
    xc_domaininfo_t info;

    if (xc_domain_getinfolist(watchd->xch, record->domid, 1, &info) != 1 ||
        info.domain != record->domid ||
        memcmp(info.handle, record->handle, sizeof(info.handle)) != 0)
        return WATCH_GONE;
    if (info.flags & XEN_DOMINF_dying)
        return WATCH_DYING;
    if (!(info.flags & XEN_DOMINF_shutdown))
        return WATCH_RUNS;
    (void)host_domain_state(watchd->xch, record->domid, reason);
    return WATCH_ENDED;
}

static int lock(void *context, const char *service)
{
    (void)context;
    return host_lock_try(service);
}

static void unlock(void *context, int fd)
{
    (void)context;
    close(fd);
}

static void keep(void *context, struct watch *watch)
{
    const struct record *record = &watch->record;
    struct watchd *watchd = context;
    char why[256];

    crash_keep_begin(&watch->keep, watchd->memory, record->domid, record->console_gfn,
                     record->journal_gfn, record->journal_pages);
    /* Now, while the file is most likely that which the domain was made of. */
    if (image_load(record->kernel, record->memory_mb, &watch->image, why, sizeof(why)))
        memset(&watch->image, 0, sizeof(watch->image));
}

static void let_go(void *context, struct watch *watch)
{
    (void)context;
    crash_keep_end(&watch->keep);
}

static void take(void *context, struct watch *watch)
{
    struct watchd *watchd = context;
    struct crash_keep *kept = &watch->keep;
    struct journal_copy copy = {0};

    kept->memory = watchd->memory;
    crash_take(watchd->xch, kept, watch->record.domid, &watch->image, &watch->taking);
    free(watch->journal);
    /* What is in force: clients wait while it is written. */
    if (kept->journal)
        (void)journal_copy(
            &(struct journal_map){.pages = kept->journal, .count = kept->journal_pages}, &copy);
    watch->journal = copy.data;
    watch->journal_bytes = copy.size;
}

static const struct service_settings *settings_of(const struct watchd *watchd,
                                                  const struct watch *watch)
{
    return config_find(&watchd->config, watch->record.service);
}

/* For a successor: from a domain that is destroyed nobody else can have it any more. */
static void hand_on(void *context, struct watch *watch)
{
    struct watchd *watchd = context;
    struct journal_copy copy = {.data = watch->journal,
                                .size = watch->journal_bytes,
                                .version = watch->record.state_version};
    const char *why;

    memcpy(copy.handle, watch->record.handle, sizeof(copy.handle));
    if (copy.data && watch->gone && !journal_copy_check(&copy, &why))
        (void)journal_keep(&watchd->report, watch->record.service, &copy);
}

static void save(void *context, struct watch *watch)
{
    struct watchd *watchd = context;
    const struct service_settings *settings = settings_of(watchd, watch);
    struct crash_report report = {
        .record = &watch->record,
        .reason = watch->state.reason,
        .died_ns = watch->state.last_death,
        .row = watch->state.row,
        .journal_bytes = watch->journal_bytes,
        .taken = &watch->taking,
    };
    char name[CRASH_NAME_MAX];

    if (watch->image.data && !watch->taking.other_image)
        sha256_text(watch->image.data, watch->image.size, report.image_digest);
    if ((!settings || settings->crash_reports) &&
        crash_store_write(&watchd->report, watchd->crash_dir, &report, watch->journal,
                          settings ? settings->crash_reports : 10, name) == 0)
        snprintf(watch->state.report, sizeof(watch->state.report), "%s", name);
}

/* `atoll restart`, in the child. */
static _Noreturn void restart(const struct watchd *watchd, const char *service)
{
    char *const argv[] = {(char *)(uintptr_t) "restart", (char *)(uintptr_t)service, NULL};
    sigset_t none;
    int rc;

    interrupt_forget();
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();      /* a terminal's Ctrl-C is for the watch */
    close(watchd->lock); /* the next watchd need not wait for us */
    rc = restart_main(2, argv);
    fflush(NULL);
    _exit(rc);
}

/*
 * A process of its own: a fault, or a wait that does not end, in what starts domains must not end
 * the watch over the others. It goes on where the watch ends. Not by execve(): to load and link
 * this program takes longer than the takeover, and clients wait.
 */
static int recover(void *context, struct watch *watch)
{
    struct watchd *watchd = context;
    pid_t child;

    fflush(NULL);
    child = fork();
    if (child < 0)
        return -errno;
    if (child == 0)
        restart(watchd, watch->record.service);
    watch->child = child;
    return 0;
}

static int recovered(void *context, struct watch *watch, uint64_t now)
{
    struct watchd *watchd = context;
    const struct service_settings *settings = settings_of(watchd, watch);
    const uint64_t limit = (RECOVERY_S + (settings ? settings->timeout_s : 10)) * SECOND_NS;
    int status;
    pid_t ended;

    ended = waitpid(watch->child, &status, WNOHANG);
    if (ended == watch->child)
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (ended < 0 && errno != EINTR)
        return ATOLL_FAILURE;
    if (now - watch->began > limit + MERCY_S * SECOND_NS)
        kill(watch->child, SIGKILL);
    else if (now - watch->began > limit)
        kill(watch->child, SIGTERM);
    return -1;
}

static void tell(void *context, const struct watch *watch, int level, const char *text)
{
    const struct watchd *watchd = context;
    char when[40];
    struct timespec now;

    (void)watch;
    if (!watchd->foreground) {
        syslog(level, "%s", text);
        return;
    }
    clock_gettime(CLOCK_REALTIME, &now);
    fprintf(
        stderr, "%s %s\n",
        output_time((uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec, when, sizeof(when)),
        text);
}

static void publish(void *context, const struct watch *watch)
{
    const struct watchd *watchd = context;
    const int error = watch_state_write(watchd->state_dir, &watch->state);

    if (error)
        syslog(LOG_WARNING, "%s/%s.json cannot be written (%s)", watchd->state_dir,
               watch->state.service, strerror(-error));
}

static uint64_t wallclock(void *context)
{
    struct timespec now;

    (void)context;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

struct watch_host watchd_host(struct watchd *watchd)
{
    return (struct watch_host){
        .context = watchd,
        .read = read_record,
        .look = look,
        .lock = lock,
        .unlock = unlock,
        .keep = keep,
        .take = take,
        .let_go = let_go,
        .hand_on = hand_on,
        .save = save,
        .recover = recover,
        .recovered = recovered,
        .tell = tell,
        .publish = publish,
        .wallclock = wallclock,
    };
}

void watchd_notify(const char *what)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    socklen_t length;
    int fd;

    if (!path || (path[0] != '/' && path[0] != '@') || strlen(path) >= sizeof(address.sun_path))
        return;
    strcpy(address.sun_path, path);
    length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    if (path[0] == '@')
        address.sun_path[0] = '\0'; /* an abstract name */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    (void)!sendto(fd, what, strlen(what), MSG_NOSIGNAL, (const struct sockaddr *)&address, length);
    close(fd);
}
