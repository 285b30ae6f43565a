/* SPDX-License-Identifier: ISC */
/**
 * @file first.c
 * lab-first: how long a XenStore takes to come up.
 *
 * usage: lab-first COMMAND [ARG...]
 *
 * Runs COMMAND, which starts a XenStore, and then writes a node. Prints one line of key=value in
 * milliseconds from COMMAND's start: command, when it ended, and answer, when the write was
 * answered. The store is not spoken to before COMMAND has ended: dom0's kernel would be bound to
 * it.
 */
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#define NODE  "/tool/lab-first"
#define TRIES 10000

static double now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        errx(2, "usage: lab-first COMMAND [ARG...]");

    double begin = now_ms();
    pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        execvp(argv[1], &argv[1]);
        err(127, "%s", argv[1]);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid)
        err(1, "running %s", argv[1]);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        errx(1, "%s ended with status %#x", argv[1], (unsigned)status);

    double command = now_ms() - begin;

    for (int i = 0; i < TRIES; i++) {
        struct xs_handle *xs = xs_open(0);

        if (xs && xs_write(xs, XBT_NULL, NODE, "1", 1)) {
            printf("command=%.2f answer=%.2f\n", command, now_ms() - begin);
            xs_rm(xs, XBT_NULL, NODE);
            xs_close(xs);
            return 0;
        }
        xs_close(xs);
        usleep(1000);
    }
    errx(1, "no answer");
}
