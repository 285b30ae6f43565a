/* SPDX-License-Identifier: ISC */
#include "alert_log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct kept {
    struct alert alert;
    struct engine_identity who, other;
};

struct alert_log {
    struct arena *arena;
    struct log *log;
    struct list followers;
    uint64_t newest; /* sequence number; from 1 */
    struct kept ring[ALERTS_KEPT];
};

struct follower {
    struct control_stream stream;
    struct alert_log *alerts;
    struct list all;
    bool follow;
    uint64_t next, last; /* last: where to end, if not to follow */
};

struct alert_log *alert_log_create(struct arena *arena, struct log *log)
{
    struct alert_log *alerts = arena_zalloc(arena, sizeof(*alerts));

    if (!alerts)
        return NULL;
    alerts->arena = arena;
    alerts->log = log;
    list_init(&alerts->followers);
    return alerts;
}

void alert_log_destroy(struct alert_log *alerts)
{
    HV_ASSERT(list_empty(&alerts->followers));
    arena_free(alerts->arena, alerts, sizeof(*alerts));
}

/* "web1/0", "domain 5/0", "". */
static void name(const struct engine_identity *identity, bool known, char *text, size_t size)
{
    text[0] = '\0';
    if (known && identity->guest[0])
        snprintf(text, size, "%s/%u", identity->guest, identity->vif);
    else if (known)
        snprintf(text, size, "domain %u/%u", identity->domid, identity->vif);
}

void alert_log_add(struct alert_log *alerts, const struct engine *engine, const struct alert *alert)
{
    struct kept *kept = &alerts->ring[++alerts->newest % ALERTS_KEPT];
    char who[80];

    kept->alert = *alert;
    kept->who = *engine_identity(engine, alert->identity);
    kept->other = *engine_identity(engine, alert->other);
    name(&kept->who, alert->identity != 0, who, sizeof(who));
    log_write(alerts->log, alert->severity <= LOG_ERROR ? LOG_ERROR : LOG_WARNING,
              "alert %s: %s: %s", alert_name(alert->kind), who[0] ? who : "?", alert->evidence);
    list_for_each (item, &alerts->followers)
        control_stream_wake(&LIST_ENTRY(item, struct follower, all)->stream);
}

/* --- the stream ---------------------------------------------------------------------------------
 */

static void put_address(struct control_writer *item, uint16_t tag, const struct alert *alert,
                        const uint8_t address[16])
{
    if (alert->family)
        control_put_bytes(item, tag, address, alert->family == 4 ? 4 : 16);
}

static void put_who(struct control_writer *item, const struct engine_identity *who)
{
    control_put_string(item, CONTROL_F_GUEST, who->guest);
    if (who->identified)
        control_put_bytes(item, CONTROL_F_UUID, who->uuid, sizeof(who->uuid));
    control_put_number(item, CONTROL_F_DOMID, who->domid);
    control_put_number(item, CONTROL_F_VIF, who->vif);
    control_put_string(item, CONTROL_F_BRIDGE_NAME, who->bridge);
}

static void put_other(struct control_writer *item, const struct engine_identity *other)
{
    control_put_string(item, CONTROL_F_OTHER_GUEST, other->guest);
    if (other->identified)
        control_put_bytes(item, CONTROL_F_OTHER_UUID, other->uuid, sizeof(other->uuid));
    control_put_number(item, CONTROL_F_OTHER_DOMID, other->domid);
    control_put_number(item, CONTROL_F_OTHER_VIF, other->vif);
}

static bool any(const uint8_t mac[6])
{
    return mac[0] | mac[1] | mac[2] | mac[3] | mac[4] | mac[5];
}

static void put(struct control_writer *item, const struct kept *kept)
{
    const struct alert *alert = &kept->alert;

    control_put_number(item, CONTROL_F_TIME, alert->time);
    control_put_string(item, CONTROL_F_KIND, alert_name(alert->kind));
    control_put_number(item, CONTROL_F_LEVEL, alert->severity);
    if (alert->identity)
        put_who(item, &kept->who);
    if (alert->other)
        put_other(item, &kept->other);
    control_put_number(item, CONTROL_F_FAMILY, alert->family);
    control_put_number(item, CONTROL_F_PROTOCOL, alert->protocol);
    put_address(item, CONTROL_F_SOURCE_ADDRESS, alert, alert->source);
    put_address(item, CONTROL_F_DESTINATION_ADDRESS, alert, alert->destination);
    if (alert->port)
        control_put_number(item, CONTROL_F_L4_PORT, alert->port);
    if (alert->vid)
        control_put_number(item, CONTROL_F_VID, alert->vid);
    if (any(alert->mac))
        control_put_bytes(item, CONTROL_F_MAC, alert->mac, sizeof(alert->mac));
    if (any(alert->mac_before))
        control_put_bytes(item, CONTROL_F_MAC_BEFORE, alert->mac_before, sizeof(alert->mac_before));
    control_put_number(item, CONTROL_F_VALUE, alert->value);
    control_put_number(item, CONTROL_F_THRESHOLD, alert->limit);
    control_put_number(item, CONTROL_F_SUPPRESSED, alert->suppressed);
    control_put_string(item, CONTROL_F_TEXT, alert->evidence);
}

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    struct follower *follower = LIST_ENTRY(stream, struct follower, stream);
    struct alert_log *alerts = follower->alerts;
    uint64_t oldest = alerts->newest > ALERTS_KEPT ? alerts->newest - ALERTS_KEPT + 1 : 1;

    if (follower->next > alerts->newest || (!follower->follow && follower->next > follower->last))
        return follower->follow ? CONTROL_FILL_WAIT : CONTROL_FILL_END;
    if (follower->next < oldest) {
        control_put_number(item, CONTROL_F_LOST, oldest - follower->next);
        follower->next = oldest;
    }
    control_put_number(item, CONTROL_F_SEQUENCE, follower->next);
    control_open_group(item, CONTROL_F_ALERT);
    put(item, &alerts->ring[follower->next % ALERTS_KEPT]);
    control_close_group(item);
    follower->next++;
    return CONTROL_FILL_FRAME;
}

static void release(struct control_stream *stream)
{
    struct follower *follower = LIST_ENTRY(stream, struct follower, stream);

    list_remove(&follower->all);
    arena_free(follower->alerts->arena, follower, sizeof(*follower));
}

int alert_log_handle(struct alert_log *alerts, struct control_request *request)
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    uint64_t limit = control_number(&request->fields, CONTROL_F_LIMIT, ALERTS_KEPT);
    struct follower *follower = arena_zalloc(alerts->arena, sizeof(*follower));
    int error;

    if (!follower)
        return -ENOMEM;
    if (limit > ALERTS_KEPT)
        limit = ALERTS_KEPT;
    follower->alerts = alerts;
    follower->follow = control_number(&request->fields, CONTROL_F_FOLLOW, 0) == 1;
    follower->last = alerts->newest;
    follower->next = alerts->newest > limit ? alerts->newest - limit + 1 : 1;
    error = control_stream_start(request, &follower->stream, &type);
    if (error) {
        arena_free(alerts->arena, follower, sizeof(*follower));
        return error;
    }
    list_append(&alerts->followers, &follower->all);
    return CONTROL_STREAMING;
}
