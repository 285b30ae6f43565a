/* SPDX-License-Identifier: ISC */
/*
 * lab-load BASE SECONDS|STOPFILE: ask XenStore without pause, and check all that it has
 * acknowledged. Below BASE ("data/load" in a guest, a path of dom0's there), one request at a time:
 *
 *     BASE/value    written, and read back: what was acknowledged is there
 *     BASE/count    raised by one in a transaction: none lost, none done twice
 *     BASE/once     made and removed: done twice, the second would fail
 *     BASE/watched  written, and each write fires its watch once
 *
 * It speaks the protocol itself, on Linux's /dev/xen/xenbus, so that it needs no library in a
 * guest. Output: a line "slow AT_US TOOK_US" for each request that took more than SLOW_NS, the
 * first thing that is wrong as "WRONG ...", and at the end, which comes when SECONDS are over or
 * STOPFILE is there:
 *
 *     load requests=N commits=N again=N events=N worst_us=N
 *
 * Status 0: nothing was wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DEVICE      "/dev/xen/xenbus"
#define PAYLOAD     4096
#define SLOW_NS     3000000u
#define PATIENCE_MS 60000 /* for one answer: longer than any pause is */

enum { READ = 2, START = 6, END = 7, WRITE = 11, MKDIR = 12, RM = 13, WATCH = 4, EVENT = 15 };
#define ERROR 16

struct header {
    uint32_t type, request, transaction, length;
};

static int device;
static const char *base;
static uint64_t begun, worst;
static unsigned long requests, commits, again, events;
static uint32_t last_id;
static char answer[PAYLOAD + 1];

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void wrong(const char *what, const char *more)
{
    printf("WRONG %s: %s (request %lu, %lu commits)\n", what, more, requests, commits);
    fflush(stdout);
    exit(1);
}

static void take(void *out, size_t length)
{
    for (size_t done = 0; done < length;) {
        struct pollfd waiting = {.fd = device, .events = POLLIN};
        ssize_t n;

        if (poll(&waiting, 1, PATIENCE_MS) <= 0)
            wrong("no answer", "for a minute");
        n = read(device, (char *)out + done, length - done);
        if (n <= 0 && errno != EINTR && errno != EAGAIN)
            wrong("cannot read " DEVICE, strerror(errno));
        done += n > 0 ? (size_t)n : 0;
    }
}

/* One message into answer[]; events are counted. */
static struct header receive(void)
{
    struct header h;

    take(&h, sizeof(h));
    if (h.length > PAYLOAD)
        wrong("an answer", "is too long");
    take(answer, h.length);
    answer[h.length] = '\0';
    return h;
}

/* 0, or the errno that XenStore names. */
static int ask(uint32_t type, uint32_t transaction, const char *payload, size_t length)
{
    static const struct {
        const char *name;
        int number;
    } errors[] = {{"EAGAIN", EAGAIN}, {"ENOENT", ENOENT}, {"EEXIST", EEXIST}};
    struct header h = {type, ++last_id, transaction, (uint32_t)length}, got;
    char message[sizeof(h) + PAYLOAD];
    uint64_t start, took;

    memcpy(message, &h, sizeof(h));
    memcpy(message + sizeof(h), payload, length);
    start = now_ns();
    if (write(device, message, sizeof(h) + length) != (ssize_t)(sizeof(h) + length))
        wrong("cannot write to " DEVICE, strerror(errno));
    for (;;) {
        got = receive();
        if (got.type != EVENT)
            break;
        events++;
    }
    took = now_ns() - start;
    requests++;
    worst = took > worst ? took : worst;
    if (took > SLOW_NS)
        printf("slow %llu %llu\n", (unsigned long long)(start - begun) / 1000,
               (unsigned long long)took / 1000);
    if (got.request != last_id || (got.type != type && got.type != ERROR))
        wrong("an answer", "is not that to the request");
    if (got.type != ERROR)
        return 0;
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        if (strcmp(answer, errors[i].name) == 0)
            return errors[i].number;
    }
    wrong("an error that the protocol does not allow here", answer);
    return EIO;
}

/* A request about BASE/@name, with @value behind its NUL or NULL. */
static int about(uint32_t type, uint32_t transaction, const char *name, const char *value)
{
    char payload[512];
    size_t length = (size_t)snprintf(payload, sizeof(payload), "%s/%s", base, name) + 1;

    if (value) {
        memcpy(payload + length, value, strlen(value));
        length += strlen(value);
    }
    return ask(type, transaction, payload, length);
}

static void must(int error, const char *what)
{
    if (error)
        wrong(what, strerror(error));
}

static void value(unsigned long i)
{
    char text[24];

    snprintf(text, sizeof(text), "%lu", i);
    must(about(WRITE, 0, "value", text), "write");
    must(about(READ, 0, "value", NULL), "read");
    if (strcmp(answer, text) != 0)
        wrong("an acknowledged write is lost, there is", answer);
}

static void count(void)
{
    uint32_t transaction;
    char text[24];
    int error;

    must(ask(START, 0, "", 1), "start of a transaction");
    transaction = (uint32_t)strtoul(answer, NULL, 10);
    must(about(READ, transaction, "count", NULL), "read in a transaction");
    if (strtoul(answer, NULL, 10) != commits)
        wrong("commits are lost or doubled, there are", answer);
    snprintf(text, sizeof(text), "%lu", commits + 1);
    must(about(WRITE, transaction, "count", text), "write in a transaction");
    error = ask(END, transaction, "T", 2);
    if (error && error != EAGAIN)
        wrong("commit", strerror(error));
    commits += !error;
    again += error != 0;
    must(about(READ, 0, "count", NULL), "read");
    if (strtoul(answer, NULL, 10) != commits)
        wrong("a commit is lost or doubled, there are", answer);
}

static void once(void)
{
    must(about(MKDIR, 0, "once", NULL), "mkdir");
    must(about(RM, 0, "once", NULL), "rm");
    if (about(READ, 0, "once", NULL) != ENOENT)
        wrong("what was removed", "is there");
}

static void watched(unsigned long i)
{
    const unsigned long before = events;
    char text[24];

    snprintf(text, sizeof(text), "%lu", i);
    must(about(WRITE, 0, "watched", text), "write of what is watched");
    while (events == before) {
        if (receive().type != EVENT)
            wrong("an answer", "comes without a request");
        events++;
    }
    must(about(READ, 0, "watched", NULL), "read");
    if (events != before + 1)
        wrong("a write fired its watch", "more than once");
}

/* A number is seconds, all else a file whose coming ends the run. */
static int over(const char *when)
{
    char *end;
    const unsigned long seconds = strtoul(when, &end, 10);

    return *end ? access(when, F_OK) == 0 : now_ns() - begun > seconds * 1000000000ull;
}

int main(int argc, char *argv[])
{
    if (argc != 3) {
        fprintf(stderr, "usage: lab-load BASE SECONDS|STOPFILE\n");
        return 2;
    }
    base = argv[1];
    (void)!nice(10); /* what ends services and starts them is not to wait for this */
    device = open(DEVICE, O_RDWR | O_CLOEXEC);
    if (device < 0)
        wrong("cannot open " DEVICE, strerror(errno));
    begun = now_ns();
    must(about(WRITE, 0, "count", "0"), "write");
    must(about(WRITE, 0, "watched", "0"), "write");
    {
        char payload[512];
        const int length = snprintf(payload, sizeof(payload), "%s/watched%ctoken", base, 0);

        must(ask(WATCH, 0, payload, (size_t)length + 1), "watch");
    }
    while (!events) { /* the first, of the watch itself */
        if (receive().type == EVENT)
            events++;
    }
    for (unsigned long i = 1; !over(argv[2]); i++) {
        value(i);
        count();
        once();
        watched(i);
    }
    printf("load requests=%lu commits=%lu again=%lu events=%lu worst_us=%llu\n", requests, commits,
           again, events, (unsigned long long)worst / 1000);
    return 0;
}
