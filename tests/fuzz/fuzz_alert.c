/* SPDX-License-Identifier: ISC */
/*
 * The detectors on any frames, of any ports, as time passes: what is told is printable and names a
 * port that there is; what is known of addresses is counted right, and within each guest's share.
 *
 * Input, again and again: a byte that says port (low 3 bits, 7: the uplink), event (0x18) and how
 * much time passes before (0xe0: 0 to 7 times 20 s), one that says how long the frame is, and the
 * frame.
 */
#include "input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "services/monitor/alert_state.h"

#define PORTS  8U
#define UPLINK 7U
#define PAGE   4096U
#define SECOND UINT64_C(1000000000)

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void told(void *context, const struct alert *alert)
{
    const char *end = memchr(alert->evidence, 0, sizeof(alert->evidence));

    MUST(end && end > alert->evidence);
    for (const char *at = alert->evidence; at < end; at++)
        MUST(*at >= ' ' && *at <= '~');
    MUST(alert->kind < ALERT_KINDS && alert->identity < PORTS && alert->other < PORTS);
    MUST(alert->severity >= 2 && alert->severity <= 5);
}

static void check(const struct alerts *alerts)
{
    unsigned count[PORTS] = {0};

    for (unsigned i = 0; i < ALERT_HOSTS; i++) {
        for (unsigned j = 0; j < ALERT_WAYS; j++) {
            const struct alert_host *host = &alerts->hosts[i][j];

            MUST(host->identity < PORTS);
            count[host->identity] += host->family != 0;
        }
    }
    for (unsigned i = 1; i < PORTS; i++) {
        MUST(alerts->ports[i].addresses == count[i]);
        MUST(i == UPLINK || count[i] <= ALERT_OWN);
    }
}

/* Most of it is never touched: pages that come zeroed when they are. What follows is no memory. */
static void *take(size_t needed, size_t *all)
{
    uint8_t *pages;

    *all = (needed + PAGE - 1) / PAGE * PAGE + PAGE;
    pages = mmap(NULL, *all, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    MUST(pages != MAP_FAILED && mprotect(pages + *all - PAGE, PAGE, PROT_NONE) == 0);
    return pages + *all - PAGE - needed;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct alert_limits limits = {.scan_ports = 3,
                                        .scan_hosts = 3,
                                        .window = 30,
                                        .syn_flood = 2,
                                        .spoofing = 1,
                                        .dhcp_server = 1,
                                        .mac_moved = 1,
                                        .rate_factor = 2,
                                        .rate_floor = 100,
                                        .again = 30};
    struct input input = {data, data + size};
    size_t all;
    void *memory = take((alerts_size(PORTS) + 63) / 64 * 64, &all);
    uint64_t now = SECOND;
    struct alerts *alerts;

    alerts = alerts_create(memory, PORTS, &limits, 1, told, NULL);
    while (!input_empty(&input)) {
        const uint8_t head = input_byte(&input);
        const uint16_t port = head & 7;
        size_t length = input_byte(&input);
        struct decoded decoded;
        uint8_t *frame;

        if (length > (size_t)(input.end - input.at))
            length = (size_t)(input.end - input.at);
        frame = malloc(length ? length : 1);
        MUST(frame);
        if (length)
            memcpy(frame, input.at, length);
        input.at += length;
        now += (head >> 5) * 20 * SECOND;
        if (decode_frame(frame, length, length, &decoded) != DECODE_NOT_ETHERNET) {
            const struct alert_frame about = {.now = now,
                                              .from = port,
                                              .to = (uint16_t)(port ^ 1),
                                              .from_many = port == UPLINK || port == 0,
                                              .to_many = (port ^ 1) == UPLINK || port == 1,
                                              .event = (enum alert_event)((head >> 3 & 3) % 3),
                                              .vid = decoded.vid[0],
                                              .frame = frame,
                                              .captured = (uint32_t)length,
                                              .decoded = &decoded};

            if (alerts_cares(&decoded, about.event))
                alerts_frame(alerts, &about);
        } else if (length == 0) {
            if (port != 0) /* who is not known is not forgotten: the engine never asks for it */
                alerts_forget(alerts, port);
        } else if (length >= 6) {
            alerts_moved(alerts, now, port, port ^ 1, frame, now % (20 * SECOND));
        } else {
            alerts_rate(alerts, now, port, frame[0] * UINT64_C(1000));
        }
        free(frame);
    }
    check(alerts);
    munmap((void *)((uintptr_t)memory / PAGE * PAGE), all);
    return 0;
}
