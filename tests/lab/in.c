/* SPDX-License-Identifier: ISC */
/*
 * lab-in DOMID SECONDS SCRIPT: have a guest's agent (guest/agent.c) run SCRIPT; its output and its
 * status are this program's. 138: the guest does not answer. With SECONDS 0 it is only started:
 * lab-in DOMID wait SECONDS waits.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#define LIMIT_STARTED 3600

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/** Wait until the answer at @path is that to @id. */
static int wait_for(struct xs_handle *store, const char *path, const char *id, double seconds)
{
    double deadline = now() + seconds;

    if (!xs_watch(store, path, "lab"))
        return 138;
    for (;;) {
        unsigned length;
        char *answer = xs_read(store, XBT_NULL, path, &length), got[32];
        struct pollfd waiting = {.fd = xs_fileno(store), .events = POLLIN};
        int status, used = 0;

        if (answer && sscanf(answer, "%31s %d%n", got, &status, &used) == 2 &&
            strcmp(got, id) == 0) {
            fputs(answer + used + (answer[used] == ' '), stdout);
            free(answer);
            return status;
        }
        free(answer);
        if (now() > deadline) {
            fprintf(stderr, "lab-in: no answer within %.0f s\n", seconds);
            return 138;
        }
        if (poll(&waiting, 1, 1000) > 0)
            free(xs_read_watch(store, &length));
    }
}

int main(int count, char **words)
{
    struct xs_handle *store = xs_open(0);
    char command[64], answer[64], id[32], text[2048];
    int seconds;

    if (!store || count != 4) {
        fprintf(stderr, "usage: lab-in DOMID SECONDS SCRIPT | lab-in DOMID wait SECONDS\n");
        return 2;
    }
    snprintf(command, sizeof(command), "/local/domain/%d/data/lab/command", atoi(words[1]));
    snprintf(answer, sizeof(answer), "/local/domain/%d/data/lab/answer", atoi(words[1]));
    if (strcmp(words[2], "wait") == 0) {
        char *last = xs_read(store, XBT_NULL, command, NULL);

        if (!last || sscanf(last, "%31s", id) != 1)
            return 138;
        return wait_for(store, answer, id, atof(words[3]));
    }
    seconds = atoi(words[2]);
    snprintf(id, sizeof(id), "%d-%.9f", getpid(), now());
    if (snprintf(text, sizeof(text), "%s %d %s", id, seconds ? seconds : LIMIT_STARTED, words[3]) >=
            (int)sizeof(text) ||
        !xs_write(store, XBT_NULL, command, text, (unsigned)strlen(text))) {
        fprintf(stderr, "lab-in: the script is too long, or XenStore refuses it\n");
        return 138;
    }
    return seconds ? wait_for(store, answer, id, seconds + 10.0) : 0;
}
