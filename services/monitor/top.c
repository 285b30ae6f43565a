/* SPDX-License-Identifier: ISC */
#include "top.h"

#include <string.h>

enum { CLASS_TCP, CLASS_UDP, CLASS_ICMP, CLASS_ICMPV6, CLASS_ARP, CLASS_IP, CLASS_OTHER };

size_t top_size(uint32_t identities)
{
    return (identities * sizeof(struct top_port) + 63) & ~(size_t)63;
}

void top_create(struct top *top, void *memory, uint32_t identities)
{
    *top = (struct top){.ports = memory, .count = identities};
}

void top_forget(struct top *top, uint16_t identity)
{
    memset(&top->ports[identity], 0, sizeof(top->ports[identity]));
}

unsigned top_class(uint8_t family, uint8_t protocol)
{
    if (family == 1)
        return CLASS_ARP;
    if (family != 4 && family != 6)
        return CLASS_OTHER;
    switch (protocol) {
    case 6:
        return CLASS_TCP;
    case 17:
        return CLASS_UDP;
    case 1:
        return CLASS_ICMP;
    case 58:
        return CLASS_ICMPV6;
    default:
        return CLASS_IP;
    }
}

/* Empty the slots between the newest one of @port and now, at most once around. */
static void catch_up(const struct top *top, struct top_port *port)
{
    uint64_t minute = port->second / 60;
    uint64_t second = port->second;

    if (top->now - second > TOP_SECONDS)
        second = top->now - TOP_SECONDS;
    while (second++ < top->now)
        port->seconds_out[second % TOP_SECONDS] = port->seconds_in[second % TOP_SECONDS] = 0;
    if (top->now / 60 - minute > TOP_MINUTES)
        minute = top->now / 60 - TOP_MINUTES;
    while (minute++ < top->now / 60)
        port->minutes_out[minute % TOP_MINUTES] = port->minutes_in[minute % TOP_MINUTES] = 0;
    port->second = top->now;
}

static struct top_port *port_now(struct top *top, uint16_t identity)
{
    struct top_port *port = &top->ports[identity];

    if (port->second != top->now)
        catch_up(top, port);
    return port;
}

static void add_capped(uint32_t *slot, uint64_t bytes)
{
    *slot = bytes > UINT32_MAX - *slot ? UINT32_MAX : *slot + (uint32_t)bytes;
}

void top_frame(struct top *top, uint16_t from, uint16_t to, unsigned class, uint64_t bytes)
{
    if (from != 0) {
        struct top_port *port = port_now(top, from);

        port->frames_out++;
        port->bytes_out += bytes;
        port->class_bytes[class] += bytes;
        add_capped(&port->seconds_out[top->now % TOP_SECONDS], bytes);
        port->minutes_out[top->now / 60 % TOP_MINUTES] += bytes;
    }
    if (to != 0) {
        struct top_port *port = port_now(top, to);

        port->frames_in++;
        port->bytes_in += bytes;
        port->class_bytes[class] += bytes;
        add_capped(&port->seconds_in[top->now % TOP_SECONDS], bytes);
        port->minutes_in[top->now / 60 % TOP_MINUTES] += bytes;
    }
}

void top_flow(struct top *top, uint16_t from)
{
    if (from != 0)
        top->ports[from].flows++;
}

const struct top_port *top_port(const struct top *top, uint16_t identity)
{
    return identity != 0 && identity < top->count ? &top->ports[identity] : NULL;
}

uint64_t top_second(const struct top *top, uint16_t identity, bool out, unsigned back)
{
    const struct top_port *port = top_port(top, identity);
    const uint64_t second = top->now - back;

    /* A slot that is newer than what the port knows is not emptied yet. */
    if (!port || back >= TOP_SECONDS || back > top->now || second > port->second)
        return 0;
    return (out ? port->seconds_out : port->seconds_in)[second % TOP_SECONDS];
}

uint64_t top_minute(const struct top *top, uint16_t identity, bool out, unsigned back)
{
    const struct top_port *port = top_port(top, identity);
    const uint64_t minute = top->now / 60 - back;

    if (!port || back >= TOP_MINUTES || back > top->now / 60 || minute > port->second / 60)
        return 0;
    return (out ? port->minutes_out : port->minutes_in)[minute % TOP_MINUTES];
}

const char *top_class_name(unsigned class)
{
    static const char *const names[TOP_CLASSES] = {"tcp", "udp",      "icmp", "icmpv6",
                                                   "arp", "other IP", "other"};

    return class < TOP_CLASSES ? names[class] : "";
}
