/* SPDX-License-Identifier: ISC */
/* A process as the user of the contract: opening, waiting, time, randomness, its end. */
#include "hv/linux/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

struct hv *hv_linux_open(void)
{
    struct hv *hv = calloc(1, sizeof(*hv));
    int error, flags;

    if (!hv)
        return NULL;
    hv->logger = xtl_createlogger_stdiostream(stderr, XTL_CRITICAL, 0);
    if (!hv->logger) {
        errno = ENOMEM;
        goto failed;
    }
    hv->evtchn = xenevtchn_open((xentoollog_logger *)hv->logger, 0);
    if (!hv->evtchn)
        goto failed;
    flags = fcntl(xenevtchn_fd(hv->evtchn), F_GETFL);
    if (flags < 0 || fcntl(xenevtchn_fd(hv->evtchn), F_SETFL, flags | O_NONBLOCK) < 0)
        goto failed;
    hv->gnttab = xengnttab_open((xentoollog_logger *)hv->logger, 0);
    if (!hv->gnttab)
        goto failed;
    return hv;

failed:
    error = errno;
    hv_linux_close(hv);
    errno = error;
    return NULL;
}

/* What is mapped goes first: it may tell its owner through a port that is ours. */
void hv_linux_close(struct hv *hv)
{
    linux_unmap_all(hv);
    if (hv->gnttab)
        xengnttab_close(hv->gnttab);
    if (hv->evtchn)
        xenevtchn_close(hv->evtchn);
    if (hv->control)
        xc_interface_close(hv->control);
    if (hv->logger)
        xtl_logger_destroy((xentoollog_logger *)hv->logger);
    free(hv);
}

int hv_linux_fd(struct hv *hv)
{
    return xenevtchn_fd(hv->evtchn);
}

/* A process that hangs is its supervisor's. */
int hv_watchdog(struct hv *hv, uint32_t seconds)
{
    return seconds ? -ENOSPC : 0;
}

static uint64_t nanoseconds(clockid_t clock)
{
    struct timespec now;

    HV_ASSERT(clock_gettime(clock, &now) == 0);
    return (uint64_t)now.tv_sec * HV_SEC + (uint64_t)now.tv_nsec;
}

uint64_t hv_now(struct hv *hv)
{
    return nanoseconds(CLOCK_MONOTONIC);
}

uint64_t hv_wallclock(struct hv *hv)
{
    return nanoseconds(CLOCK_REALTIME);
}

/** Sleep until one of @fds is readable, or @deadline. False: neither; a signal was handled. */
static bool sleep_until(struct hv *hv, struct pollfd fds[2], uint64_t deadline)
{
    uint64_t now = hv_now(hv), left = deadline > now ? deadline - now : 0;
    struct timespec timeout = {.tv_sec = (time_t)(left / HV_SEC), .tv_nsec = (long)(left % HV_SEC)};

    int count = ppoll(fds, 2, deadline == HV_NEVER ? NULL : &timeout, NULL);
    if (count >= 0)
        return true;
    HV_ASSERT(errno == EINTR);
    fds[0].revents = fds[1].revents = 0;
    return false;
}

bool hv_linux_wait(struct hv *hv, uint64_t deadline, int fd)
{
    struct pollfd fds[2] = {{.fd = hv_linux_fd(hv), .events = POLLIN},
                            {.fd = fd, .events = POLLIN}};

    for (;;) {
        bool ready = linux_port_ready(hv) < LINUX_PORTS_MAX;
        bool slept = sleep_until(hv, fds, ready ? 0 : deadline);

        if (fds[0].revents != 0)
            linux_port_collect(hv);
        /* What came may be of masked ports alone: Linux sends no more of them, so sleep on. */
        if (ready || !slept || fds[1].revents != 0 || linux_port_ready(hv) < LINUX_PORTS_MAX ||
            hv_now(hv) >= deadline)
            return fds[1].revents != 0;
    }
}

void hv_wait(struct hv *hv, uint64_t deadline)
{
    (void)hv_linux_wait(hv, deadline, -1);
}

void hv_random(struct hv *hv, void *buf, size_t len)
{
    unsigned char *out = buf;

    while (len > 0) {
        ssize_t got = getrandom(out, len, 0);
        if (got < 0) {
            HV_ASSERT(errno == EINTR);
            continue;
        }
        out += got;
        len -= (size_t)got;
    }
}

void hv_panic(const char *format, ...)
{
    va_list arguments;

    fflush(stdout);
    fputs("panic: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    abort();
}
