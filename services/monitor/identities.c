/* SPDX-License-Identifier: ISC */
#include "identities.h"

#include <string.h>

#define PORTS 65536U

static size_t aligned(size_t size)
{
    return (size + 63) & ~(size_t)63;
}

size_t identities_size(uint32_t count)
{
    return aligned(count * sizeof(struct identity_slot)) + PORTS * sizeof(uint16_t) +
           aligned(IDENTITIES_LANS * sizeof(struct identity_lan));
}

void identities_create(struct identities *identities, void *memory, uint32_t count)
{
    uint8_t *at = memory;

    *identities = (struct identities){.count = (uint16_t)count, .touched = 1};
    identities->slots = (struct identity_slot *)at;
    at += aligned(count * sizeof(struct identity_slot));
    identities->ports = (uint16_t *)at;
    at += PORTS * sizeof(uint16_t);
    identities->lans = (struct identity_lan *)at;
}

/* -- bridges */

static uint16_t lan_take(struct identities *identities, const char bridge[32])
{
    uint16_t empty = 0;

    if (bridge[0] == '\0')
        return 0;
    for (uint16_t i = 1; i < IDENTITIES_LANS; i++) {
        struct identity_lan *lan = &identities->lans[i];

        if (lan->references != 0 && strncmp(lan->bridge, bridge, sizeof(lan->bridge)) == 0) {
            lan->references++;
            return i;
        }
        if (lan->references == 0 && empty == 0)
            empty = i;
    }
    if (empty != 0) {
        memcpy(identities->lans[empty].bridge, bridge, sizeof(identities->lans[empty].bridge));
        identities->lans[empty].references = 1;
    }
    return empty;
}

static void lan_let(struct identities *identities, uint16_t lan)
{
    if (lan != 0)
        identities->lans[lan].references--;
}

/* -- numbers */

static void free_append(struct identities *identities, uint16_t number)
{
    identities->slots[number].next = 0;
    if (identities->free_first == 0)
        identities->free_first = number;
    else
        identities->slots[identities->free_last].next = number;
    identities->free_last = number;
}

static uint16_t free_take(struct identities *identities)
{
    const uint16_t number = identities->free_first;

    if (identities->touched < identities->count)
        return identities->touched++;
    if (number != 0)
        identities->free_first = identities->slots[number].next;
    return number;
}

void identities_let(struct identities *identities, uint16_t number)
{
    struct identity_slot *slot = &identities->slots[number];

    if (number == 0 || --slot->references != 0)
        return;
    lan_let(identities, slot->lan);
    slot->lan = 0;
    free_append(identities, number);
}

static bool same_guest(const struct engine_identity *a, const struct engine_identity *b)
{
    return a->domid == b->domid && a->vif == b->vif && a->uplink == b->uplink &&
           strncmp(a->bridge, b->bridge, sizeof(a->bridge)) == 0 &&
           (!a->identified || !b->identified || memcmp(a->uuid, b->uuid, sizeof(a->uuid)) == 0);
}

/* A number in use that is the same guest's; 0: none. */
static uint16_t find(const struct identities *identities, const struct engine_identity *who)
{
    for (uint16_t i = 1; i < identities->touched; i++)
        if (identities->slots[i].references != 0 && same_guest(&identities->slots[i].who, who))
            return i;
    return 0;
}

static void rename_slot(struct identity_slot *slot, const struct engine_identity *who)
{
    slot->who = *who;
    slot->who.bridge[sizeof(who->bridge) - 1] = '\0';
    slot->who.guest[sizeof(who->guest) - 1] = '\0';
}

struct identities_change identities_port(struct identities *identities, uint16_t port,
                                         const struct engine_identity *who)
{
    const uint16_t before = identities->ports[port];
    struct identities_change change = {0};
    uint16_t number = 0;

    if (who) {
        number = find(identities, who);
        if (number == 0) {
            number = change.begun = free_take(identities);
            if (number == 0)
                identities->refused++;
            else
                identities->slots[number].lan = lan_take(identities, who->bridge);
        }
        if (number != 0) {
            rename_slot(&identities->slots[number], who);
            identities->slots[number].ports++;
            identities_hold(identities, number);
        }
    }
    if (before != 0) {
        if (--identities->slots[before].ports == 0)
            change.left = before;
        identities_let(identities, before);
    }
    identities->ports[port] = number;
    return change;
}
