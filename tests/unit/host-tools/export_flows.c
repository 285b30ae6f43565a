/* SPDX-License-Identifier: ISC */
/**
 * @file Sends made-up flows to a collector as `atoll export` does, and prints as JSON what it has
 * sent, for export_readback.py. usage: export-flows udp://HOST:PORT ipfix|netflow9 one|two COUNT
 * MESSAGE_MAX [CA [CERT KEY]]
 */
#include "export_net.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define START UINT64_C(1700000000123000000)

static struct {
    uint64_t flows, packets, octets, layer2_packets, layer2_octets;
    uint64_t first, last;
} sums;

static uint64_t state = 7;

static uint64_t any(uint64_t bound)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % bound;
}

/* A conversation: IPv4 and IPv6, TCP, UDP and ICMP, names, VLANs, ARP, one-sided ones. */
static size_t make(unsigned i, uint8_t *data)
{
    static const uint8_t protocols[] = {6, 17, 1, 132};
    static const char guest[] = "web\"1", host[] = "www.example.org", method[] = "GET";
    struct flow_record r = {.version = FLOW_VERSION,
                            .family = i % 16 == 15 ? 1
                                      : i % 3      ? 4
                                                   : 6,
                            .end = (uint8_t)(1 + i % 5),
                            .vid = {(uint16_t)(i % 7), 0}};
    uint8_t *text = data + sizeof(r);

    r.protocol = r.family == 1 ? 0 : protocols[i % 4];
    r.protocol = r.family == 6 && r.protocol == 1 ? 58 : r.protocol;
    r.ethertype = r.family == 4 ? 0x800 : r.family == 6 ? 0x86dd : 0x806;
    r.first = START + i * UINT64_C(1000000);
    r.last = r.first + any(UINT64_C(5000000000));
    for (unsigned s = 0; s < 2; s++) {
        struct flow_record_side *side = &r.side[s];

        for (unsigned b = 0; b < (r.family == 6 ? 16u : 4u); b++)
            side->address[b] = (uint8_t)(b ? any(256) : r.family == 6 ? 0x20 : 10);
        for (unsigned b = 0; b < 6; b++)
            side->mac[b] = (uint8_t)(b ? any(256) : 2);
        side->frames = s && i % 5 == 0 ? 0 : 1 + any(1000);
        side->ip_bytes = r.family == 1 ? 0 : side->frames * (40 + any(1400));
        side->bytes = side->frames * 14 + side->ip_bytes;
        side->port = (uint16_t)(r.protocol == 1    ? (s ? 8 << 8 : 0)
                                : r.protocol == 58 ? (s ? 128 << 8 : 0)
                                                   : any(65536));
        side->domid = (uint16_t)(i % 11 == 0 ? 0xffff : i % 20);
        side->vif = (uint16_t)s;
        side->tcp_flags = r.protocol == 6 ? 0x1b : 0;
        side->flags = FLOW_IDENTIFIED;
        if (r.family != 1) {
            sums.packets += side->frames;
            sums.octets += side->ip_bytes;
            sums.flows += side->frames != 0;
        }
        sums.layer2_packets += side->frames;
        sums.layer2_octets += side->bytes;
    }
    if (i % 4 == 0 && r.family != 1) {
        r.application = (uint8_t)(1 + i / 4 % 3);
        r.name_length = sizeof(host) - 1;
        r.detail_length = sizeof(method) - 1;
    }
    r.guest_length[0] = sizeof(guest) - 1;
    memcpy(text, guest, sizeof(guest) - 1);
    memcpy(text + sizeof(guest) - 1, host, r.name_length);
    memcpy(text + sizeof(guest) - 1 + r.name_length, method, r.detail_length);
    r.length =
        (uint16_t)((sizeof(r) + r.guest_length[0] + r.name_length + r.detail_length + 7u) & ~7u);
    memcpy(data, &r, sizeof(r));
    return r.length;
}

static uint64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

static void step(struct export_net *net, struct ipfix *ipfix, struct ipfix_losses *losses)
{
    struct pollfd p;

    p.fd = export_net_fd(net, &p.events);
    poll(&p, 1, 10);
    export_net_step(net);
    if (export_net_fresh(net))
        ipfix_restart(ipfix, losses);
}

static int usage(void)
{
    fprintf(stderr,
            "usage: export-flows TARGET ipfix|netflow9 one|two COUNT MAX [CA [CERT KEY]]\n");
    return 2;
}

int main(int argc, char *argv[])
{
    struct ipfix_losses losses = {.ignored_packets = 77};
    struct export_tls_settings *tls = NULL;
    struct ipfix_config config = {0};
    struct export_target target;
    struct export_net *net;
    struct report report;
    struct ipfix *ipfix;
    uint8_t data[FLOW_RECORD_MAX];
    unsigned count;
    char why[256];

    if (argc < 6 || !export_target_parse(argv[1], &target))
        return usage();
    report_init(&report, "export-flows", stderr, 0);
    if (target.transport == EXPORT_TLS) {
        const struct export_tls_files files = {argc > 6 ? argv[6] : NULL, argc > 8 ? argv[7] : NULL,
                                               argc > 8 ? argv[8] : NULL};

        tls = export_tls_load(&files, why, sizeof(why));
        if (!tls) {
            fprintf(stderr, "%s\n", why);
            return 1;
        }
    }
    net = export_net_create(&report, &target, tls);
    config.netflow9 = strcmp(argv[2], "netflow9") == 0;
    config.biflow = strcmp(argv[3], "one") == 0;
    config.datagrams = target.transport == EXPORT_UDP;
    config.domain = 42;
    config.refresh_s = 60;
    config.message_max = (size_t)atoi(argv[5]);
    config.boot = START / 1000000000 * 1000000000 - UINT64_C(100000000000);
    config.send = export_net_send;
    config.context = net;
    ipfix = ipfix_create(&config);
    count = (unsigned)atoi(argv[4]);
    for (unsigned i = 0; i < 200 && !export_net_ready(net); i++)
        step(net, ipfix, &losses);
    for (unsigned i = 0; i < count; i++) {
        const size_t length = make(i, data);

        if (!ipfix_add_record(ipfix, data, length, config.netflow9 ? START + i * 1000000 : now()))
            abort();
        if (config.datagrams && i % 50 == 0)
            usleep(1000); /* a collector's socket holds so many datagrams */
    }
    ipfix_refresh(ipfix, &losses,
                  config.netflow9 ? START + UINT64_C(100000000000) : now() + UINT64_C(61000000000));
    ipfix_flush(ipfix, config.netflow9 ? START + UINT64_C(100000000000) : now());
    /* A collector that does not like our certificate says so now. */
    for (unsigned i = 0; i < 30 && export_net_ready(net) && tls; i++)
        step(net, ipfix, &losses);
    export_net_close(net, 3000);
    printf("{\"flows\": %llu, \"packets\": %llu, \"octets\": %llu, \"layer2_packets\": %llu, "
           "\"layer2_octets\": %llu, \"sent\": %llu, \"messages\": %llu, \"lost\": %llu}\n",
           (unsigned long long)sums.flows, (unsigned long long)sums.packets,
           (unsigned long long)sums.octets, (unsigned long long)sums.layer2_packets,
           (unsigned long long)sums.layer2_octets, (unsigned long long)ipfix_totals(ipfix)->flows,
           (unsigned long long)ipfix_totals(ipfix)->messages,
           (unsigned long long)export_net_losses(net)->unsent_flows);
    export_net_free(net);
    ipfix_free(ipfix);
    export_tls_unload(tls);
    return 0;
}
