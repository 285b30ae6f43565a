/* SPDX-License-Identifier: ISC */
/*
 * Traffic for `./lab bench switch`, in the guests: one static program, so that a guest needs
 * nothing else.
 *
 *   lab-net sink PORT                      count UDP datagrams until one says "end"; print the
 * count lab-net send ADDRESS PORT COUNT SIZE   COUNT datagrams of SIZE bytes, 32 a system call,
 * then "end" lab-net echo PORT                      send each UDP datagram back, for ever lab-net
 * ping ADDRESS PORT COUNT SIZE   one after the other; print median and 99th percentile in
 * microseconds
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH        32
#define SIZE_MAX_UDP 1472

static int fail(const char *what)
{
    fprintf(stderr, "lab-net: %s: %s\n", what, strerror(errno));
    return 1;
}

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int open_port(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0), bytes = 8 << 20;

    if (fd < 0)
        return -1;
    /* As root: beyond rmem_max, so that what is lost was not lost here. */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int sink(int port)
{
    static char data[BATCH][2048];
    struct mmsghdr messages[BATCH] = {0};
    struct iovec pieces[BATCH];
    unsigned long count = 0, bytes = 0;
    double begin = 0, end = 0;
    int fd = open_port(port);

    if (fd < 0)
        return fail("bind");
    for (int i = 0; i < BATCH; i++) {
        pieces[i] = (struct iovec){data[i], sizeof(data[i])};
        messages[i].msg_hdr.msg_iov = &pieces[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    for (;;) {
        int got = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);

        if (got < 0)
            return fail("recvmmsg");
        for (int i = 0; i < got; i++) {
            if (messages[i].msg_len == 3 && memcmp(data[i], "end", 3) == 0) {
                printf("received %lu bytes %lu seconds %.6f\n", count, bytes, end - begin);
                return 0;
            }
            end = now();
            if (count++ == 0)
                begin = end;
            bytes += messages[i].msg_len;
        }
    }
}

static int connected(const char *where, int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = open_port(0);

    if (fd < 0 || inet_pton(AF_INET, where, &address.sin_addr) != 1 ||
        connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return -1;
    return fd;
}

static int send_all(int fd, unsigned long count, size_t size)
{
    static char data[SIZE_MAX_UDP];
    struct mmsghdr messages[BATCH] = {0};
    struct iovec piece = {data, size};
    unsigned long sent = 0;
    double begin = now();

    for (int i = 0; i < BATCH; i++) {
        messages[i].msg_hdr.msg_iov = &piece;
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (sent < count) {
        unsigned batch = count - sent < BATCH ? (unsigned)(count - sent) : BATCH;
        int done = sendmmsg(fd, messages, batch, 0);

        if (done < 0 && errno != ENOBUFS && errno != EAGAIN)
            return fail("sendmmsg");
        sent += done > 0 ? (unsigned long)done : 0;
    }
    printf("sent %lu seconds %.6f\n", sent, now() - begin);
    fflush(stdout);
    /* What is still under way comes first; one of three gets through. */
    for (int i = 0; i < 3; i++) {
        usleep(100000);
        if (send(fd, "end", 3, 0) < 0 && errno != ECONNREFUSED)
            return fail("send");
    }
    return 0;
}

static int echo(int port)
{
    struct sockaddr_storage from;
    char data[2048];
    int fd = open_port(port);

    if (fd < 0)
        return fail("bind");
    for (;;) {
        socklen_t length = sizeof(from);
        ssize_t got = recvfrom(fd, data, sizeof(data), 0, (struct sockaddr *)&from, &length);

        if (got < 0 || sendto(fd, data, (size_t)got, 0, (struct sockaddr *)&from, length) < 0)
            return fail("echo");
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static int ping(int fd, int count, size_t size)
{
    char data[2048] = {0};
    double *times = calloc((size_t)count, sizeof(*times));
    struct timeval patience = {.tv_sec = 2};
    int lost = 0, got = 0;

    if (!times)
        return fail("calloc");
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    for (int i = -10; i < count; i++) { /* the first ten find the way */
        double begin = now();

        if (send(fd, data, size, 0) < 0)
            return fail("send");
        if (recv(fd, data, sizeof(data), 0) < 0) {
            lost++;
            continue;
        }
        if (i >= 0)
            times[got++] = (now() - begin) * 1e6;
    }
    if (got == 0) {
        fprintf(stderr, "lab-net: no answer at all\n");
        return 1;
    }
    qsort(times, (size_t)got, sizeof(*times), compare);
    printf("rtt median %.1f p99 %.1f lost %d\n", times[got / 2], times[got - 1 - got / 100], lost);
    return 0;
}

int main(int count, char **words)
{
    if (count == 3 && strcmp(words[1], "sink") == 0)
        return sink(atoi(words[2]));
    if (count == 3 && strcmp(words[1], "echo") == 0)
        return echo(atoi(words[2]));
    if (count == 6) {
        size_t size = (size_t)atoi(words[5]);
        int fd = connected(words[2], atoi(words[3]));

        if (fd < 0)
            return fail(words[2]);
        if (size <= SIZE_MAX_UDP && strcmp(words[1], "send") == 0)
            return send_all(fd, strtoul(words[4], NULL, 10), size);
        if (size <= SIZE_MAX_UDP && strcmp(words[1], "ping") == 0)
            return ping(fd, atoi(words[4]), size);
    }
    fprintf(stderr, "usage: lab-net sink PORT | echo PORT | send ADDRESS PORT COUNT SIZE | "
                    "ping ADDRESS PORT COUNT SIZE\n");
    return 2;
}
