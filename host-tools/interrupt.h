/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/interrupt.h
 * SIGINT and SIGTERM as something to wait for, so that a command ends what it has under way. The
 * first is told here; a second one ends the process, whatever it hangs in.
 */
#ifndef ATOLL_INTERRUPT_H
#define ATOLL_INTERRUPT_H

#include <stdbool.h>

/** Have both signals told here from now on. Called twice it does nothing. */
void interrupt_install(void);

/** In a forked child: what its parent was told is not for it, and both signals are as they come. */
void interrupt_forget(void);

/** A descriptor that is readable for ever once one has come; -1: not installed. */
int interrupt_fd(void);

/** Has one come? */
bool interrupt_pending(void);

#endif
