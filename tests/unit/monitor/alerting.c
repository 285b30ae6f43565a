/* SPDX-License-Identifier: ISC */
#include "alerting.h"

#include <stdlib.h>
#include <string.h>

static void told(void *context, const struct alert *alert)
{
    struct alerting *alerting = context;

    alerting->count++;
    ck_assert_uint_lt(alert->kind, ALERT_KINDS);
    alerting->by_kind[alert->kind]++;
    alerting->last = *alert;
    ck_assert_ptr_nonnull(memchr(alert->evidence, 0, sizeof(alert->evidence)));
    ck_assert_uint_gt(strlen(alert->evidence), 20);
    for (const char *at = alert->evidence; *at; at++)
        ck_assert(*at >= ' ' && *at <= '~');
}

struct alerting *alerting_make(void)
{
    struct alerting *alerting = calloc(1, sizeof(*alerting));
    const size_t size = (alerts_size(ALERTING_PORTS) + 63) & ~(size_t)63;

    ck_assert_ptr_nonnull(alerting);
    alerting->memory = aligned_alloc(64, size);
    ck_assert_ptr_nonnull(alerting->memory);
    memset(alerting->memory, 0, size);
    alert_limits_default(&alerting->limits);
    ck_assert_ptr_null(alert_limits_wrong(&alerting->limits));
    alerting->now = UINT64_C(1700000000) * ALERTING_SECOND;
    alerting->alerts = alerts_create(alerting->memory, ALERTING_PORTS, &alerting->limits,
                                     0x1234567890abcdef, told, alerting);
    return alerting;
}

void alerting_end(struct alerting *alerting)
{
    free(alerting->memory);
    free(alerting);
}

void alerting_limits(struct alerting *alerting)
{
    ck_assert_ptr_null(alert_limits_wrong(&alerting->limits));
    alerts_configure(alerting->alerts, &alerting->limits);
}

static void put_32(uint8_t *at, uint32_t word)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(word >> (24 - 8 * i));
}

static void give(struct alerting *alerting, uint16_t from, uint16_t to, enum alert_event event,
                 const struct decoded *decoded, const uint8_t *frame, uint32_t captured)
{
    const struct alert_frame about = {.now = alerting->now,
                                      .from = from,
                                      .to = to,
                                      .from_many = from == 0 || from == ALERTING_UPLINK,
                                      .to_many = to == 0 || to == ALERTING_UPLINK,
                                      .event = event,
                                      .vid = decoded->vid[0],
                                      .frame = frame,
                                      .captured = captured,
                                      .decoded = decoded};

    if (alerts_cares(decoded, event))
        alerts_frame(alerting->alerts, &about);
}

void alerting_raw(struct alerting *alerting, uint16_t from, const struct decoded *decoded,
                  const uint8_t *frame, uint32_t captured)
{
    give(alerting, from, 0, ALERT_FRAME, decoded, frame, captured);
}

void alerting_give(struct alerting *alerting, const struct alerting_frame *frame)
{
    uint8_t bytes[64] = {2, 0, 0, 0, 0, (uint8_t)frame->to, 2, 0, 0, 0, 0, (uint8_t)frame->from};
    struct decoded decoded = {.family = DECODE_IPV4,
                              .protocol = frame->protocol,
                              .source_port = frame->source_port,
                              .destination_port = frame->destination_port,
                              .tcp_flags = frame->flags,
                              .icmp_type = frame->type,
                              .ports = true,
                              .network = 14,
                              .transport = 34};

    put_32(decoded.source, frame->source);
    put_32(decoded.destination, frame->destination);
    give(alerting, frame->from, frame->to, frame->event, &decoded, bytes, sizeof(bytes));
}

void alerting_connect(struct alerting *alerting, const struct alerting_frame *frame,
                      enum alerting_answer answer)
{
    struct alerting_frame forth = *frame, back = {.from = frame->to,
                                                  .to = frame->from,
                                                  .source = frame->destination,
                                                  .destination = frame->source,
                                                  .protocol = ALERTING_TCP,
                                                  .source_port = frame->destination_port,
                                                  .destination_port = frame->source_port,
                                                  .event = ALERT_ANSWERED};

    forth.protocol = ALERTING_TCP;
    forth.flags = DECODE_TCP_SYN;
    forth.event = ALERT_BEGUN;
    alerting_give(alerting, &forth);
    if (answer == ALERTING_SILENT)
        return;
    back.flags = DECODE_TCP_ACK | (answer == ALERTING_OPEN ? DECODE_TCP_SYN : DECODE_TCP_RST);
    alerting_give(alerting, &back);
}

void alerting_arp(struct alerting *alerting, uint16_t from, uint8_t operation, uint32_t address,
                  const uint8_t mac[6])
{
    uint8_t bytes[42] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    struct decoded decoded = {
        .family = DECODE_ARP, .arp_operation = operation, .ethertype = 0x0806, .network = 14};

    memcpy(bytes + 6, mac, 6);
    memcpy(decoded.arp_mac, mac, 6);
    put_32(decoded.source, address);
    give(alerting, from, 0, ALERT_FRAME, &decoded, bytes, sizeof(bytes));
}
