/* SPDX-License-Identifier: ISC */
/*
 * lab-frames, in a guest: frames as they are, whatever the guest's own network stack thinks of
 * them, and a stream of numbered datagrams. Static.
 *
 *   lab-frames send IF COUNT HEX...    each of the frames in turn, COUNT times
 *   lab-frames listen IF MARK          tell of each frame that comes and contains MARK (text):
 *                                      "LENGTH VID TEXT", VID "-" without a tag, TEXT what is
 *                                      behind MARK up to a full stop; until killed
 *   lab-frames stream ADDRESS PORT N   N numbered datagrams a second until SIGTERM, then
 *                                      "sent COUNT"
 *   lab-frames sequence PORT           count them until SIGTERM, then "first F last L received R
 *                                      twice D late E gap MILLISECONDS"
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FRAME_MAX    65550
#define SEQUENCE_MAX (1U << 20) /* numbers that are told apart */

static volatile sig_atomic_t over;

static void on_term(int number)
{
    (void)number;
    over = 1;
}

static int fail(const char *what)
{
    fprintf(stderr, "lab-frames: %s: %s\n", what, strerror(errno));
    return 1;
}

static uint64_t now_us(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

/** A socket on which all of @name's frames arrive. */
static int open_interface(const char *name, int protocol)
{
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(protocol)};
    struct packet_mreq all = {.mr_type = PACKET_MR_PROMISC};
    int fd = socket(AF_PACKET, SOCK_RAW, htons(protocol)), one = 1;

    address.sll_ifindex = all.mr_ifindex = (int)if_nametoindex(name);
    if (fd < 0 || !address.sll_ifindex ||
        bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof(all)) < 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &one, sizeof(one)) < 0)
        return -1;
    return fd;
}

static size_t from_hex(const char *text, uint8_t *frame)
{
    size_t length = 0;
    unsigned byte;

    while (length < FRAME_MAX && sscanf(text + 2 * length, "%2x", &byte) == 1)
        frame[length++] = (uint8_t)byte;
    return length;
}

static int send_frames(const char *name, unsigned long count, char **frames)
{
    static uint8_t frame[FRAME_MAX];
    int fd = open_interface(name, 0);

    if (fd < 0)
        return fail(name);
    for (; count; count--) {
        for (char **text = frames; *text; text++) {
            size_t length = from_hex(*text, frame);

            while (send(fd, frame, length, 0) < 0) {
                if (errno != ENOBUFS && errno != EAGAIN)
                    return fail("send");
                usleep(1000);
            }
        }
    }
    return 0;
}

/** The VLAN of the frame, whose tag the kernel has taken out of it; -1: it had none. */
static int tag_of(struct msghdr *message)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c)) {
        struct tpacket_auxdata aux;

        if (c->cmsg_level != SOL_PACKET || c->cmsg_type != PACKET_AUXDATA)
            continue;
        memcpy(&aux, CMSG_DATA(c), sizeof(aux));
        if (aux.tp_status & TP_STATUS_VLAN_VALID)
            return aux.tp_vlan_tci & 0xfff;
    }
    return -1;
}

static int listen_frames(const char *name, const char *mark)
{
    static uint8_t frame[FRAME_MAX + 1];
    int fd = open_interface(name, ETH_P_ALL);

    if (fd < 0)
        return fail(name);
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (;;) {
        char control[256];
        struct sockaddr_ll from;
        struct iovec piece = {frame, FRAME_MAX};
        struct msghdr message = {.msg_name = &from,
                                 .msg_namelen = sizeof(from),
                                 .msg_iov = &piece,
                                 .msg_iovlen = 1,
                                 .msg_control = control,
                                 .msg_controllen = sizeof(control)};
        ssize_t got = recvmsg(fd, &message, 0);
        const char *text;
        int vid;

        if (got < 0)
            return fail("recvmsg");
        frame[got] = 0;
        text = memmem(frame, (size_t)got, mark, strlen(mark));
        if (from.sll_pkttype == PACKET_OUTGOING || !text)
            continue;
        vid = tag_of(&message);
        text += strlen(mark);
        printf("%zd ", got);
        if (vid < 0)
            printf("- ");
        else
            printf("%d ", vid);
        printf("%.*s\n", (int)strcspn(text, "."), text);
    }
}

static int stream(const char *where, int port, unsigned rate)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    uint64_t next = now_us();
    uint32_t sent = 0;

    if (fd < 0 || inet_pton(AF_INET, where, &address.sin_addr) != 1 || rate == 0)
        return fail(where);
    while (!over) {
        uint8_t data[200] = {0};
        uint64_t now = now_us();

        if (now < next) {
            usleep((useconds_t)(next - now));
            continue;
        }
        next += 1000000 / rate;
        memcpy(data, &sent, sizeof(sent));
        if (sendto(fd, data, sizeof(data), 0, (struct sockaddr *)&address, sizeof(address)) > 0)
            sent++;
    }
    printf("sent %u\n", sent);
    return 0;
}

static int sequence(int port)
{
    static bool seen[SEQUENCE_MAX];
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    uint32_t first = 0, last = 0, received = 0, twice = 0, late = 0;
    uint64_t then = 0, gap = 0;

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
        return fail("bind");
    while (!over) {
        struct pollfd waiting = {.fd = fd, .events = POLLIN};
        uint8_t data[2048];
        uint32_t number;
        uint64_t now;

        if (poll(&waiting, 1, 200) <= 0 ||
            recv(fd, data, sizeof(data), 0) < (ssize_t)sizeof(number))
            continue;
        memcpy(&number, data, sizeof(number));
        now = now_us();
        if (number >= SEQUENCE_MAX)
            continue;
        if (seen[number]) {
            twice++;
            continue;
        }
        seen[number] = true;
        if (received++ == 0)
            first = last = number;
        else if (now - then > gap)
            gap = now - then;
        then = now;
        if (number < last)
            late++;
        else
            last = number;
    }
    printf("first %u last %u received %u twice %u late %u gap %llu\n", first, last, received, twice,
           late, (unsigned long long)gap / 1000);
    return 0;
}

int main(int count, char **words)
{
    const char *what = count > 2 ? words[1] : "";
    struct sigaction action = {.sa_handler = on_term};

    if (strcmp(what, "send") == 0 && count > 4)
        return send_frames(words[2], strtoul(words[3], NULL, 10), words + 4);
    if (strcmp(what, "listen") == 0 && count == 4)
        return listen_frames(words[2], words[3]);
    sigaction(SIGTERM, &action, NULL);
    if (strcmp(what, "stream") == 0 && count == 5)
        return stream(words[2], atoi(words[3]), (unsigned)atoi(words[4]));
    if (strcmp(what, "sequence") == 0 && count == 3)
        return sequence(atoi(words[2]));
    fprintf(stderr, "usage: lab-frames send IF COUNT HEX... | listen IF MARK | "
                    "stream ADDRESS PORT RATE | sequence PORT\n");
    return 2;
}
