/* SPDX-License-Identifier: ISC */
/*
 * Sums are kept in the machine's byte order: the internet checksum does not care (RFC 1071, 2), as
 * long as whole words of the packet lie in words of the sum.
 */
#include "offload.h"

#include <string.h>

#define IPV6_SIZE 40U
#define UDP_SIZE  8U

#define TCP_FIN 0x01U
#define TCP_PSH 0x08U
#define TCP_CWR 0x80U

#define IPV4_DF 0x40U

/* --- sums ---------------------------------------------------------------------------------------
 */

static uint64_t add(uint64_t sum, uint64_t word)
{
    /* The carry comes in again at the bottom, as in sums of 16 bits. */
    return __builtin_add_overflow(sum, word, &sum) ? sum + 1 : sum;
}

static uint64_t load64(const uint8_t *bytes)
{
    uint64_t word;

    memcpy(&word, bytes, sizeof(word));
    return word;
}

uint64_t offload_sum(uint64_t sum, const void *bytes, size_t length)
{
    const uint8_t *at = bytes;
    uint64_t last = 0;

    for (; length >= 32; length -= 32, at += 32) {
        sum = add(sum, load64(at));
        sum = add(sum, load64(at + 8));
        sum = add(sum, load64(at + 16));
        sum = add(sum, load64(at + 24));
    }
    for (; length >= 8; length -= 8, at += 8)
        sum = add(sum, load64(at));
    memcpy(&last, at, length);
    return add(sum, last);
}

/* What goes into the packet, in the packet's byte order. */
static uint16_t fold(uint64_t sum)
{
    sum = (sum >> 32) + (uint32_t)sum;
    sum = (sum >> 32) + (uint32_t)sum;
    sum = (sum >> 16) + (uint16_t)sum;
    sum = (sum >> 16) + (uint16_t)sum;
    return (uint16_t)~sum;
}

static void store16(uint8_t *bytes, unsigned value)
{
    bytes[0] = (uint8_t)(value >> 8);
    bytes[1] = (uint8_t)value;
}

static void store32(uint8_t *bytes, uint32_t value)
{
    store16(bytes, value >> 16);
    store16(bytes + 2, value & 0xffff);
}

static uint32_t load32(const uint8_t *bytes)
{
    return (uint32_t)packet_u16(bytes) << 16 | packet_u16(bytes + 2);
}

/* --- headers ------------------------------------------------------------------------------------
 */

/* Where the IP packet ends by its own length; 0: it does not say. */
static size_t ip_end(const struct packet *packet)
{
    const uint8_t *ip = packet->data + packet->network_at;
    size_t length = packet_u16(ip + (packet->network == PACKET_IPV4 ? 2 : 4));

    if (length == 0)
        return 0;
    return packet->network_at + length + (packet->network == PACKET_IPV4 ? 0 : IPV6_SIZE);
}

/* TCP or UDP with its header there, in one piece. */
static bool has_checksum(const struct packet *packet)
{
    if (packet->network != PACKET_IPV4 && packet->network != PACKET_IPV6)
        return false;
    if (packet->protocol != PACKET_TCP && packet->protocol != PACKET_UDP)
        return false;
    return packet->transport_at != 0 && !packet->first_fragment; /* of later ones it is 0 */
}

/* Where what the checksum covers ends: UDP's own length, else IP's. 0: beyond the frame. */
static size_t covered_end(const struct packet *packet)
{
    size_t end = ip_end(packet);

    if (packet->protocol == PACKET_UDP) {
        size_t udp = packet_u16(packet->data + packet->transport_at + 4);
        size_t inner = packet->transport_at + udp;

        if (udp < UDP_SIZE || inner > end)
            return 0;
        end = inner;
    }
    return end > packet->length ? 0 : end;
}

/*
 * Where the destination is that the checksum is made for: a routing header under way has it
 * elsewhere (RFC 8200, 8.1; RFC 6275, 6.4; RFC 8754, 2). All of the headers lie in the snapshot,
 * for the transport header does.
 */
static unsigned dest6_at(const struct packet *packet)
{
    unsigned at = packet->network_at + IPV6_SIZE, kind = packet->data[packet->network_at + 6];

    while (at < packet->transport_at) {
        const uint8_t *header = packet->data + at;
        unsigned size = (header[1] + 1U) * 8;

        if (kind == 43 && header[3] != 0 && size >= 24)
            return header[2] == 4 ? at + 8 : at + size - 16;
        if (kind == 44)
            size = 8;
        else if (kind == 51)
            size = (header[1] + 2U) * 4;
        kind = header[0];
        at += size;
    }
    return packet->network_at + 24U;
}

/* The pseudo header's sum: addresses, protocol and length. */
static uint64_t pseudo_sum(const struct packet *packet, size_t length)
{
    const uint8_t *ip = packet->data + packet->network_at;
    uint8_t rest[8] = {[7] = packet->protocol};
    uint64_t sum;

    store32(rest, (uint32_t)length);
    if (packet->network == PACKET_IPV4)
        sum = offload_sum(0, ip + 12, 8);
    else
        sum = offload_sum(offload_sum(0, ip + 8, 16), packet->data + dest6_at(packet), 16);
    return offload_sum(sum, rest, sizeof(rest));
}

static unsigned checksum_at(const struct packet *packet)
{
    return packet->transport_at + (packet->protocol == PACKET_TCP ? 16U : 6U);
}

/* --- checksums ----------------------------------------------------------------------------------
 */

bool offload_check(const struct packet *packet, bool csum_blank, enum offload_gso *gso,
                   uint16_t mss)
{
    enum packet_network network = *gso == OFFLOAD_GSO_TCPV4 ? PACKET_IPV4 : PACKET_IPV6;
    size_t payload, end;

    if (*gso == OFFLOAD_GSO_NONE)
        return !csum_blank || (has_checksum(packet) && covered_end(packet) != 0);
    payload = packet_tcp_payload(packet);
    if (!has_checksum(packet) || packet->network != network || payload == 0 ||
        mss < OFFLOAD_MSS_MIN)
        return false;
    /* What is longer than the frame, or says no length, has its end where the frame has. */
    end = ip_end(packet);
    if (end == 0 || end > packet->length)
        end = packet->length;
    if (end <= payload)
        return false;
    if (end - payload <= mss) {
        /* An ordinary frame then, which has to end within itself. */
        if (covered_end(packet) == 0)
            return false;
        *gso = OFFLOAD_GSO_NONE;
    }
    return true;
}

/* Look at a whole frame that is ours; its checksum's packet, and where that ends. */
static bool parse_whole(struct packet *packet, const uint8_t *frame, size_t length, size_t *end)
{
    if (length > UINT16_MAX || !packet_parse(packet, frame, length, length) ||
        !has_checksum(packet))
        return false;
    *end = covered_end(packet);
    return *end > packet->transport_at;
}

bool offload_checksum(uint8_t *frame, size_t length)
{
    struct packet packet;
    uint16_t checksum;
    size_t end;

    if (!parse_whole(&packet, frame, length, &end))
        return false;
    length = end - packet.transport_at;
    memset(frame + checksum_at(&packet), 0, sizeof(checksum));
    checksum = fold(offload_sum(pseudo_sum(&packet, length), frame + packet.transport_at, length));
    if (checksum == 0 && packet.protocol == PACKET_UDP)
        checksum = 0xffff; /* 0 says that there is none (RFC 768) */
    memcpy(frame + checksum_at(&packet), &checksum, sizeof(checksum));
    return true;
}

bool offload_checksum_right(const uint8_t *frame, size_t length)
{
    struct packet packet;
    size_t end;

    if (!parse_whole(&packet, frame, length, &end))
        return false;
    if (packet.protocol == PACKET_UDP && packet_u16(frame + checksum_at(&packet)) == 0)
        return packet.network == PACKET_IPV4;
    length = end - packet.transport_at;
    return fold(offload_sum(pseudo_sum(&packet, length), frame + packet.transport_at, length)) == 0;
}

/* --- segments -----------------------------------------------------------------------------------
 */

bool offload_segments_init(struct offload_segments *segments, const uint8_t *frame, size_t length,
                           enum offload_gso gso, uint16_t mss)
{
    struct packet *packet = &segments->packet;

    *segments = (struct offload_segments){.frame = frame, .mss = mss};
    if (length > UINT16_MAX || !packet_parse(packet, frame, length, length) ||
        !has_checksum(packet) || mss == 0)
        return false;
    if ((gso == OFFLOAD_GSO_TCPV4 && packet->network != PACKET_IPV4) ||
        (gso == OFFLOAD_GSO_TCPV6 && packet->network != PACKET_IPV6))
        return false;
    segments->headers = packet_tcp_payload(packet);
    segments->end = ip_end(packet);
    if (segments->end == 0 || segments->end > length)
        segments->end = length;
    return segments->headers != 0 && segments->headers <= OFFLOAD_HEADERS_MAX &&
           segments->headers < segments->end;
}

static void segment_ipv4(const struct offload_segments *segments, uint8_t *ip, size_t size)
{
    unsigned id = packet_u16(ip + 4);
    uint16_t checksum;

    store16(ip + 2, (unsigned)size);
    if (id != 0 || (ip[6] & IPV4_DF) == 0)
        store16(ip + 4, id + segments->number);
    memset(ip + 10, 0, sizeof(checksum));
    checksum = fold(offload_sum(0, ip, (ip[0] & 15U) * 4));
    memcpy(ip + 10, &checksum, sizeof(checksum));
}

bool offload_segment_next(struct offload_segments *segments, uint8_t *header,
                          const uint8_t **payload, size_t *length)
{
    const struct packet *packet = &segments->packet;
    size_t left = segments->end - segments->headers - segments->at;
    size_t size = left < segments->mss ? left : segments->mss;
    uint8_t *ip = header + packet->network_at, *tcp = header + packet->transport_at;
    unsigned tcp_size = segments->headers - packet->transport_at;
    uint16_t checksum;
    uint64_t sum;

    if (left == 0)
        return false;
    *payload = segments->frame + segments->headers + segments->at;
    *length = size;
    memcpy(header, segments->frame, segments->headers);
    if (packet->network == PACKET_IPV4)
        segment_ipv4(segments, ip, segments->headers - packet->network_at + size);
    else
        store16(ip + 4, (unsigned)(segments->headers - packet->network_at - IPV6_SIZE + size));

    store32(tcp + 4, load32(tcp + 4) + (uint32_t)segments->at);
    if (size < left)
        tcp[13] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
    if (segments->at > 0)
        tcp[13] &= (uint8_t)~TCP_CWR;
    memset(tcp + 16, 0, sizeof(checksum));
    sum = offload_sum(pseudo_sum(packet, tcp_size + size), tcp, tcp_size);
    checksum = fold(offload_sum(sum, *payload, size));
    memcpy(tcp + 16, &checksum, sizeof(checksum));

    segments->at += size;
    segments->number++;
    return true;
}
