/* SPDX-License-Identifier: ISC */
/**
 * @file pty.c
 * lab-pty: run a command on a terminal of its own and type into it, for `xl console`, which takes
 * no input from a pipe.
 *
 * usage: lab-pty SECONDS EXPECT COMMAND [ARG...]
 *
 * What is read from standard input is typed one second after the command started; what the command
 * prints is copied to standard output. Ends with 0 once EXPECT has been seen, with 1 when SECONDS
 * are over or the command ended without it.
 */
#include <err.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SEEN_MAX 65536

int main(int argc, char **argv)
{
    if (argc < 4)
        errx(2, "usage: lab-pty SECONDS EXPECT COMMAND [ARG...]");

    static char typed[4096], seen[SEEN_MAX + 1];
    time_t end = time(NULL) + strtol(argv[1], NULL, 10);
    time_t type_at = time(NULL) + 2;
    size_t length = fread(typed, 1, sizeof(typed), stdin), have = 0;
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    int fd = -1, found = 0;
    pid_t pid = forkpty(&fd, NULL, NULL, &size);

    if (pid < 0)
        err(2, "forkpty");
    if (pid == 0) {
        execvp(argv[3], &argv[3]);
        err(127, "%s", argv[3]);
    }

    while (!found && time(NULL) < end && have < SEEN_MAX) {
        struct pollfd p = {.fd = fd, .events = POLLIN};

        if (length != 0 && time(NULL) >= type_at) {
            if (write(fd, typed, length) < 0)
                warn("typing");
            length = 0;
        }
        if (poll(&p, 1, 200) <= 0)
            continue;

        ssize_t got = read(fd, seen + have, SEEN_MAX - have);

        if (got <= 0)
            break;
        for (ssize_t i = 0; i < got; i++)
            if (seen[have + (size_t)i] == '\0')
                seen[have + (size_t)i] = '?';
        have += (size_t)got;
        found = strstr(seen, argv[2]) != NULL;
    }
    kill(pid, SIGKILL);
    fwrite(seen, 1, have, stdout);
    return found ? 0 : 1;
}
