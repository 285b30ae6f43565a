/* SPDX-License-Identifier: ISC */
/* Stand-ins for parts of the switch that are not in this tree yet; the linker prefers the real
 * ones. */
#include "services/netback-switch/events.h"
#include "services/netback-switch/mirror.h"
#include "services/netback-switch/offload.h"
#include "services/netback-switch/snoop.h"
__attribute__((weak)) struct events *events_create(struct hv *hv, struct arena *arena,
                                                   struct loop *loop)
{
    return NULL;
}
__attribute__((weak)) void events_destroy(struct events *e)
{
}
__attribute__((weak)) void events_add(struct events *events, const struct port *port,
                                      const struct event *event)
{
}
__attribute__((weak)) unsigned mirror_wants(const struct vswitch *vswitch, const struct port *port,
                                            enum rules_direction direction, uint16_t vid)
{
    return 0;
}
__attribute__((weak)) void mirror_frame(struct vswitch *vswitch, const struct port *port,
                                        const struct mirror_about *about, const uint8_t *data,
                                        size_t captured, size_t length, uint64_t now)
{
}
__attribute__((weak)) void mirrors_flush(struct vswitch *vswitch)
{
}
__attribute__((weak)) struct snoop *
snoop_create(struct arena *arena, const struct snoop_config *config, const struct hash_key *key)
{
    return (struct snoop *)8;
}
__attribute__((weak)) void snoop_destroy(struct snoop *s)
{
}
__attribute__((weak)) enum snoop_verdict snoop_frame(struct snoop *snoop, uint16_t bridge,
                                                     uint16_t vid, uint16_t port,
                                                     const struct packet *packet, uint64_t now)
{
    return SNOOP_DATA;
}
__attribute__((weak)) bool snoop_ports(const struct snoop *snoop, uint16_t bridge, uint16_t vid,
                                       const struct packet *packet, uint64_t now,
                                       struct port_set *ports)
{
    return false;
}
__attribute__((weak)) bool snoop_routers(const struct snoop *snoop, uint16_t bridge, uint16_t vid,
                                         uint64_t now, struct port_set *ports)
{
    return false;
}
__attribute__((weak)) void snoop_forget_port(struct snoop *snoop, uint16_t port)
{
}
__attribute__((weak)) bool offload_check(const struct packet *packet, bool csum_blank,
                                         enum offload_gso *gso, uint16_t mss)
{
    return true;
}
__attribute__((weak)) bool offload_checksum(uint8_t *frame, size_t length)
{
    return false;
}
__attribute__((weak)) bool offload_segments_init(struct offload_segments *segments,
                                                 const uint8_t *frame, size_t length,
                                                 enum offload_gso gso, uint16_t mss)
{
    return false;
}
__attribute__((weak)) bool offload_segment_next(struct offload_segments *segments, uint8_t *header,
                                                const uint8_t **payload, size_t *length)
{
    return false;
}
