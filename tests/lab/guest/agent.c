/* SPDX-License-Identifier: ISC */
/*
 * lab-agent, in a guest: runs the shell scripts that dom0 gives it through XenStore, so that the
 * network which is tried is not needed for it. Static; speaks XenStore's protocol on
 * /dev/xen/xenbus.
 *
 * dom0 writes "ID SECONDS SCRIPT" to the guest's data/lab/command (lab-in does); the answer is in
 * data/lab/answer: "ID STATUS OUTPUT", with the last of the output if it is long. STATUS 137: it
 * took longer than SECONDS.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#define OUTPUT_MAX 1900
#define OUTPUT     "/tmp/lab-output"

static int bus;

static void die(const char *what)
{
    fprintf(stderr, "lab-agent: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void read_all(void *data, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t got = read(bus, (char *)data + done, length - done);

        if (got <= 0)
            die("read");
        done += (size_t)got;
    }
}

/** One message into @data (NUL-terminated); returns its type. */
static uint32_t receive(char data[XENSTORE_PAYLOAD_MAX + 1])
{
    struct xsd_sockmsg header;

    read_all(&header, sizeof(header));
    if (header.len > XENSTORE_PAYLOAD_MAX)
        die("message");
    read_all(data, header.len);
    data[header.len] = 0;
    return header.type;
}

/** Ask, and wait for the answer to it; events meanwhile are forgotten, as whoever waits for one
 * looks first. */
static int ask(uint32_t type, const char *payload, size_t length,
               char data[XENSTORE_PAYLOAD_MAX + 1])
{
    char message[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
    struct xsd_sockmsg header = {.type = type, .len = (uint32_t)length};
    uint32_t answer;

    memcpy(message, &header, sizeof(header));
    memcpy(message + sizeof(header), payload, length);
    if (write(bus, message, sizeof(header) + length) != (ssize_t)(sizeof(header) + length))
        die("write");
    do {
        answer = receive(data);
    } while (answer == XS_WATCH_EVENT);
    return answer == XS_ERROR ? -1 : 0;
}

/** Run @script; its status, and the end of its output in @output. */
static int run(const char *script, unsigned seconds, char output[OUTPUT_MAX + 1])
{
    int status, fd = open(OUTPUT, O_RDWR | O_CREAT | O_TRUNC, 0600);
    pid_t child = fd < 0 ? -1 : fork();
    off_t end;
    ssize_t got;

    if (child < 0)
        die(OUTPUT);
    if (child == 0) {
        setpgid(0, 0);
        alarm(seconds); /* kept over exec: ends the shell; its children end with the group below */
        dup2(fd, 1);
        dup2(fd, 2);
        close(bus);
        execl("/bin/sh", "sh", "-c", script, NULL);
        _exit(127);
    }
    waitpid(child, &status, 0);
    if (WIFSIGNALED(status))
        kill(-child, SIGKILL);
    end = lseek(fd, 0, SEEK_END);
    got = pread(fd, output, OUTPUT_MAX, end > OUTPUT_MAX ? end - OUTPUT_MAX : 0);
    output[got > 0 ? got : 0] = 0;
    close(fd);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 137;
}

int main(void)
{
    static const char watch[] = "data/lab/command\0lab";
    static char data[XENSTORE_PAYLOAD_MAX + 1], output[OUTPUT_MAX + 1], answer[OUTPUT_MAX + 128],
        last[32];

    bus = open("/dev/xen/xenbus", O_RDWR);
    if (bus < 0)
        die("/dev/xen/xenbus");
    if (ask(XS_WATCH, watch, sizeof(watch), data) < 0)
        die("watch");
    for (;;) {
        char id[32], *script;
        unsigned seconds;
        int used = 0, length;

        if (ask(XS_READ, "data/lab/command", sizeof("data/lab/command"), data) < 0 ||
            sscanf(data, "%31s %u %n", id, &seconds, &used) < 2 || strcmp(id, last) == 0) {
            while (receive(data) != XS_WATCH_EVENT)
                ;
            continue;
        }
        strcpy(last, id);
        script = data + used;
        length = run(script, seconds, output);
        length = snprintf(answer, sizeof(answer), "data/lab/answer%c%s %d ", 0, id, length);
        memcpy(answer + length, output, strlen(output));
        if (ask(XS_WRITE, answer, (size_t)length + strlen(output), data) < 0)
            die("answer");
    }
}
