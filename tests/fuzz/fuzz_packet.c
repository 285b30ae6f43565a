/* SPDX-License-Identifier: ISC */
/*
 * What the switch reads of frames: packet.c, policy.c and snoop.c on any bytes, which lie in a
 * buffer of exactly their size. What packet.h says of the result holds; a locked port sends from
 * its own addresses alone; a table of groups filled by any frames stays within its shares, tells
 * the same of the same, and is empty once its ports are gone.
 *
 * Input, again and again: a byte that says port (low 3 bits), whether the frame is cut to a
 * snapshot (0x08), and how much time passes before (0xf0: 0 to 15 times 20 s), one that says how
 * long the frame is, one that says how much longer than the snapshot it is (times 8), and the
 * frame.
 */
#include "input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hv/time.h>

#include "services/netback-switch/packet.h"
#include "services/netback-switch/policy.h"
#include "services/netback-switch/snoop.h"

#define PAGES 64U
#define PORTS 8U
#define SHARE 6U

#define MUST(condition)                                                                            \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static void check_packet(const struct packet *packet)
{
    static const unsigned fixed[] = {0, 28, 20, 40};
    unsigned network = packet->network_at + fixed[packet->network];

    MUST(packet->payload_at <= packet->captured && packet->transport_at <= packet->captured);
    MUST(network <= packet->captured);
    MUST((packet->network == PACKET_OTHER) == (packet->network_at == 0));
    MUST(packet->transport_at == 0 ||
         (packet->transport_at >= network && packet->network >= PACKET_IPV4 && !packet->fragment));
    MUST(packet->transport_at != 0 ||
         (packet->source_port == 0 && packet->dest_port == 0 && packet->icmp_type == 0));
    MUST(!packet->truncated || packet->payload_at == 0);
    MUST(!packet->tagged || packet->captured >= ETHER_HEADER + ETHER_TAG);
    MUST(packet_tcp_payload(packet) == 0 || packet->protocol == PACKET_TCP);
}

/* A locked port of 02:00:00:00:00:02, 10.0.0.2 and fe80::2; a guarded one; one that may all. */
static void check_policy(const struct packet *packet)
{
    static const uint8_t mac[6] = {2, 0, 0, 0, 0, 2}, any4[4], own4[4] = {10, 0, 0, 2};
    static const uint8_t any6[16], own6[16] = {0xfe, 0x80, [15] = 2};
    static const uint8_t made6[16] = {0xfe, 0x80, [11] = 0xff, [12] = 0xfe, [15] = 2};
    struct rules_port rules = {.lock = RULES_LOCK_LOCKED, .ipv4_count = 1, .ipv6_count = 1};
    struct policy policy;
    const uint8_t *ip = packet->data + packet->network_at;

    rules.ipv4[0].length = 32;
    memcpy(rules.ipv4[0].address, own4, 4);
    rules.ipv6[0].length = 128;
    memcpy(rules.ipv6[0].address, own6, 16);
    policy_make(&policy, &rules, NULL, mac, NULL);
    if (policy_send(&policy, packet) == DROP_NONE) {
        MUST(memcmp(packet_source(packet), mac, 6) == 0);
        MUST(packet->network != PACKET_OTHER && !packet->truncated);
        MUST(packet->network != PACKET_IPV4 || memcmp(ip + 12, own4, 4) == 0 ||
             memcmp(ip + 12, any4, 4) == 0);
        MUST(packet->network != PACKET_IPV6 || memcmp(ip + 8, own6, 16) == 0 ||
             memcmp(ip + 8, made6, 16) == 0 || memcmp(ip + 8, any6, 16) == 0);
        MUST(packet->network != PACKET_ARP || memcmp(ip + 8, mac, 6) == 0);
    }
    if (policy_receive(&policy, packet) == DROP_NONE)
        MUST(mac_is_group(packet_dest(packet)) || memcmp(packet_dest(packet), mac, 6) == 0);

    rules.lock = RULES_LOCK_UNLOCKED;
    rules.dhcp_server_set = true;
    policy_make(&policy, &rules, NULL, mac, NULL);
    policy_send(&policy, packet);
    rules.dhcp_server = true;
    policy_make(&policy, &rules, NULL, mac, NULL);
    MUST(policy_send(&policy, packet) == DROP_NONE);
    rules.lock = RULES_LOCK_DISABLED;
    policy_make(&policy, &rules, NULL, mac, NULL);
    MUST(policy_send(&policy, packet) == DROP_DISABLED);
}

static void check_snoop(struct snoop *snoop, const struct packet *packet, uint16_t port,
                        uint64_t now)
{
    enum snoop_verdict verdict = snoop_frame(snoop, 0, packet->tci & 3, port, packet, now);
    struct port_set ports, again;
    struct snoop_usage usage;
    bool any;

    MUST(verdict == SNOOP_DATA || mac_is_group(packet_dest(packet)));
    any = snoop_ports(snoop, 0, packet->tci & 3, packet, now, &ports);
    MUST(snoop_ports(snoop, 0, packet->tci & 3, packet, now, &again) == any);
    MUST(memcmp(&ports, &again, sizeof(ports)) == 0);
    MUST((ports.bits[0] >> PORTS | ports.bits[1] | ports.bits[2] | ports.bits[3]) == 0);
    MUST(any || ports.bits[0] == 0);
    any = snoop_routers(snoop, 0, packet->tci & 3, now, &ports);
    MUST(any == (ports.bits[0] != 0));
    MUST(verdict != SNOOP_REPORT || any);
    snoop_usage(snoop, &usage);
    MUST(usage.members <= 2 * SHARE * PORTS && usage.groups <= usage.members);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t pages[PAGES * HV_PAGE_SIZE] __attribute__((aligned(4096)));
    const struct snoop_config config = {.groups = 16, .members = 32, .per_port = SHARE};
    const struct hash_key key = {1, 2};
    struct input input = {data, data + size};
    struct arena *arena;
    struct snoop *snoop;
    struct snoop_usage usage;
    uint64_t now = HV_SEC;

    memset(pages, 0, sizeof(pages));
    arena = arena_create(pages, PAGES);
    snoop = snoop_create(arena, &config, &key);
    MUST(snoop);
    while (!input_empty(&input)) {
        uint8_t head = input_byte(&input);
        size_t length = input_byte(&input), more = input_byte(&input) * 8U, captured;
        struct packet packet;
        uint8_t *frame;

        if (length > (size_t)(input.end - input.at))
            length = (size_t)(input.end - input.at);
        captured = (head & 8) && length > PACKET_HEADER_MAX ? PACKET_HEADER_MAX : length;
        frame = malloc(captured ? captured : 1);
        if (captured != 0)
            memcpy(frame, input.at, captured);
        input.at += length;
        now += (head >> 4) * 20 * HV_SEC;
        if (packet_parse(&packet, frame, captured, length + more)) {
            check_packet(&packet);
            check_policy(&packet);
            check_snoop(snoop, &packet, head & 7, now);
        } else {
            MUST(captured < ETHER_HEADER);
        }
        free(frame);
        if ((head & 0xf0) == 0xf0)
            snoop_age(snoop, now);
    }
    for (uint16_t port = 0; port < PORTS; port++)
        snoop_forget_port(snoop, port);
    snoop_usage(snoop, &usage);
    MUST(usage.members == 0 && usage.groups == 0);
    snoop_destroy(snoop);
    arena_destroy(arena);
    return 0;
}
