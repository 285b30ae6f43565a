/* SPDX-License-Identifier: ISC */
/** @file run_command.h Runs a command as from a command line, and keeps what it prints. */
#ifndef TESTS_RUN_COMMAND_H
#define TESTS_RUN_COMMAND_H

/** What the last one has printed. */
extern char *command_out, *command_err;

/** Run @command with the words of @line, which single blanks part: its exit code. */
int run_command(int (*command)(int argc, char *const argv[]), const char *line);

/**
 * @text must be the section "=== NAME" of the file @golden. With $GOLDEN_OUT the section is added
 * to that file, to be looked at and put in its place.
 */
void golden_check(const char *golden, const char *name, const char *text);

#endif
