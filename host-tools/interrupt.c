/* SPDX-License-Identifier: ISC */
#include "interrupt.h"
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static int ends[2] = {-1, -1};
static volatile sig_atomic_t pending;

static void handle(int number)
{
    (void)number;
    pending = 1;
    /* A full pipe is readable already. */
    if (write(ends[1], "", 1) < 0)
        return;
}

void interrupt_install(void)
{
    struct sigaction action = {.sa_handler = handle, .sa_flags = (int)SA_RESETHAND};

    if (ends[0] >= 0 || pipe2(ends, O_CLOEXEC | O_NONBLOCK))
        return;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void interrupt_forget(void)
{
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    for (int i = 0; i < 2; i++) {
        if (ends[i] >= 0)
            close(ends[i]);
        ends[i] = -1;
    }
    pending = 0;
}

int interrupt_fd(void)
{
    return ends[0];
}

bool interrupt_pending(void)
{
    return pending;
}
