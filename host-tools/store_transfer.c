/* SPDX-License-Identifier: ISC */
/* `atoll store dump` and `atoll store load`: XenStore's state to a file and back. */
#include "interrupt.h"
#include "store_commands.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define HELP_TAIL                                                                                  \
    "  -v, --verbose   Xen's libraries speak, too\n"                                               \
    "  -h, --help      show this\n"                                                                \
    "\nMore: atoll-store(1).\n"

/* The largest state that is taken from a service or a file. */
#define STATE_MAX (UINT64_C(1) << 30)

#define SECOND_NS 1000000000u

struct transfer {
    const char *file; /* as it was named */
    const char *what; /* "dumped" */
    uint64_t bytes, begin, told;
    bool drawn;
};

static bool is_standard(const char *file)
{
    return strcmp(file, "-") == 0;
}

static void transfer_begin(struct transfer *t, const char *file, const char *what)
{
    *t = (struct transfer){.file = file, .what = what, .begin = report_now_ns()};
    t->told = t->begin;
}

/* Once a second, to who looks on. */
static void progress(struct transfer *t)
{
    char text[32];
    const uint64_t now = report_now_ns();

    if (now - t->told < SECOND_NS || !isatty(STDERR_FILENO))
        return;
    t->told = now;
    t->drawn = true;
    fprintf(stderr, "\r%s %s", output_bytes(t->bytes, text, sizeof(text)), t->what);
    fflush(stderr);
}

static void transfer_end(struct transfer *t)
{
    if (t->drawn)
        fputc('\n', stderr);
}

static int file_error(struct call *call, const char *doing, const char *file)
{
    return report_fail(&call->session.report, errno == EACCES ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                       "cannot %s %s (%s)", doing, file, strerror(errno));
}

/* --- dump ---------------------------------------------------------------------------------------
 */

static int check_dump(struct call *call)
{
    if (is_standard(call->argv[0]) && isatty(STDOUT_FILENO))
        return call_usage(call, "standard output is a terminal: name a file, or redirect it", NULL);
    return 0;
}

static int write_all(struct call *call, int fd, const char *name, const uint8_t *data,
                     size_t length)
{
    while (length) {
        const ssize_t n = write(fd, data, length);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return file_error(call, "write to", name);
        data += n;
        length -= (size_t)n;
    }
    return 0;
}

static int receive(struct call *call, int fd, struct transfer *t)
{
    struct control_answer answer;
    struct control_field data;
    int rc;

    control_client_begin(call->client, CONTROL_T_STORE_DUMP);
    rc = control_client_send(call->client);
    while (!rc) {
        rc = control_client_next(call->client, CONTROL_TIMEOUT_MS, &answer);
        if (rc || answer.kind == CONTROL_END)
            break;
        if (!control_find(&answer.fields, CONTROL_F_DATA, &data))
            continue;
        t->bytes += data.length;
        rc = t->bytes > STATE_MAX
                 ? report_fail(&call->session.report, ATOLL_FAILURE,
                               "the service sends without end; nothing of it is kept")
                 : write_all(call, fd, t->file, data.value, data.length);
        progress(t);
    }
    if (rc == ATOLL_INTERRUPTED)
        control_client_cancel(call->client);
    transfer_end(t);
    return rc;
}

/* Under another name first: there is never half a state under the name that was asked for. */
static int dump_to_file(struct call *call, struct transfer *t)
{
    char part[PATH_MAX];
    int fd, rc;

    if (snprintf(part, sizeof(part), "%s.part", t->file) >= (int)sizeof(part)) {
        errno = ENAMETOOLONG;
        return file_error(call, "write to", t->file);
    }
    /* What guests keep from each other is in it: for its owner alone. */
    fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return file_error(call, "write to", part);
    rc = receive(call, fd, t);
    if (!rc && fsync(fd) && errno != EINVAL)
        rc = file_error(call, "write to", part);
    if (close(fd) && !rc)
        rc = file_error(call, "write to", part);
    if (!rc && rename(part, t->file))
        rc = file_error(call, "write to", t->file);
    if (rc)
        unlink(part);
    return rc;
}

static int run_dump(struct call *call)
{
    struct transfer t;

    transfer_begin(&t, call->argv[0], "dumped");
    return is_standard(t.file) ? receive(call, STDOUT_FILENO, &t) : dump_to_file(call, &t);
}

const struct call_command store_dump = {
    .name = "store dump",
    .options = "",
    .args_min = 1,
    .args_max = 1,
    .help = "Usage: atoll store dump [OPTION...] FILE|-\n"
            "Save the state of XenStore, in the format of Xen's live update and migration of\n"
            "xenstored, to FILE, or to standard output unless that is a terminal.\n\n"
            "Options:\n" HELP_TAIL,
    .check = check_dump,
    .run = run_dump,
};

/* --- load ---------------------------------------------------------------------------------------
 */

static int check_load(struct call *call)
{
    if (is_standard(call->argv[0]) && isatty(STDIN_FILENO))
        return call_usage(call, "standard input is a terminal: name a file, or redirect it", NULL);
    return 0;
}

static int send_all(struct call *call, int fd, struct transfer *t)
{
    uint8_t data[16384];
    int rc = 0;

    while (!rc) {
        const ssize_t n = read(fd, data, sizeof(data));

        if (n < 0 && errno == EINTR && !interrupt_pending())
            continue;
        if (n < 0) {
            rc = errno == EINTR ? ATOLL_INTERRUPTED : file_error(call, "read", t->file);
            break;
        }
        if (n == 0)
            break;
        t->bytes += (uint64_t)n;
        rc = control_client_upload(call->client, data, (size_t)n);
        progress(t);
    }
    if (rc)
        control_client_cancel(call->client);
    return rc;
}

static int print_loaded(struct call *call, const struct transfer *t,
                        const struct control_reader *fields)
{
    static const struct {
        uint16_t tag;
        const char *name;
    } counts[] = {
        {CONTROL_F_NODES, "nodes"},
        {CONTROL_F_WATCHES, "watches"},
        {CONTROL_F_CONNECTIONS, "connections"},
        {CONTROL_F_TRANSACTIONS, "transactions"},
    };
    struct control_field field;
    char text[32];

    if (call_print_json(call, fields))
        return 0;
    printf("loaded %s", output_bytes(t->bytes, text, sizeof(text)));
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
        if (control_find(fields, counts[i].tag, &field))
            printf(", %llu %s", (unsigned long long)field.number, counts[i].name);
    }
    if (control_find(fields, CONTROL_F_VERSION, &field))
        printf("; version %llu", (unsigned long long)field.number);
    putchar('\n');
    return 0;
}

static int run_load(struct call *call)
{
    struct control_answer answer;
    struct transfer t;
    int fd, rc;

    transfer_begin(&t, call->argv[0], "loaded");
    fd = is_standard(t.file) ? STDIN_FILENO : open(t.file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return file_error(call, "read", t.file);
    control_client_begin(call->client, CONTROL_T_STORE_LOAD);
    rc = control_client_send(call->client);
    if (!rc)
        rc = send_all(call, fd, &t);
    if (!rc)
        rc = control_client_upload_end(call->client);
    if (fd != STDIN_FILENO)
        close(fd);
    do {
        if (!rc)
            rc = control_client_next(call->client, CONTROL_TIMEOUT_MS, &answer);
    } while (!rc && answer.kind == CONTROL_ITEM);
    transfer_end(&t);
    return rc ? rc : print_loaded(call, &t, &answer.fields);
}

const struct call_command store_load = {
    .name = "store load",
    .options = "j",
    .args_min = 1,
    .args_max = 1,
    .help = "Usage: atoll store load [OPTION...] FILE|-\n"
            "Load a state that `atoll store dump` or Xen's xenstored has saved, from FILE or from\n"
            "standard input. It is checked as a whole before anything of it counts.\n\n"
            "Options:\n"
            "  -j, --json      for scripts\n" HELP_TAIL,
    .check = check_load,
    .run = run_load,
};
