/* SPDX-License-Identifier: ISC */
#include "run_command.h"
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

char *command_out, *command_err;

static char *take(int fd)
{
    const size_t length = (size_t)lseek(fd, 0, SEEK_END);
    char *text = calloc(1, length + 1);

    ck_assert_int_eq(pread(fd, text, length, 0), (ssize_t)length);
    close(fd);
    return text;
}

int run_command(int (*command)(int argc, char *const argv[]), const char *line)
{
    static char words[1024];
    const int saved[2] = {dup(1), dup(2)};
    const int caught[2] = {memfd_create("out", 0), memfd_create("err", 0)};
    char *argv[32];
    int argc = 0, rc;

    snprintf(words, sizeof(words), "%s", line);
    for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    fflush(stdout);
    fflush(stderr);
    dup2(caught[0], 1);
    dup2(caught[1], 2);
    rc = command(argc, argv);
    fflush(stdout);
    fflush(stderr);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    close(saved[0]);
    close(saved[1]);
    free(command_out);
    free(command_err);
    command_out = take(caught[0]);
    command_err = take(caught[1]);
    return rc;
}

void golden_check(const char *golden, const char *name, const char *text)
{
    static char all[1 << 16], wanted[160];
    const char *write = getenv("GOLDEN_OUT");
    FILE *file = fopen(write ? write : golden, write ? "a" : "r");
    char *section, *end;
    size_t length;

    ck_assert_msg(file != NULL, "%s: %s", golden, strerror(errno));
    if (write) {
        fprintf(file, "=== %s\n%s", name, text);
        fclose(file);
        return;
    }
    length = fread(all, 1, sizeof(all) - 1, file);
    fclose(file);
    ck_assert_uint_lt(length, sizeof(all) - 1);
    all[length] = '\0';
    snprintf(wanted, sizeof(wanted), "\n=== %s\n", name);
    section = strstr(all, wanted);
    ck_assert_msg(section != NULL, "%s has no section %s", golden, name);
    section += strlen(wanted);
    end = strstr(section - 1, "\n=== "); /* an empty one ends where it begins */
    if (end)
        end[1] = '\0';
    ck_assert_str_eq(text, section);
}
