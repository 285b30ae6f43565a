/* SPDX-License-Identifier: ISC */
#include "perms.h"

#include <stdio.h>
#include <string.h>

#include "wire.h"

void perms_table_init(struct perms_table *table, struct arena *arena, const struct hash_key *key)
{
    memset(table, 0, sizeof(*table));
    table->arena = arena;
    table->key = *key;
}

static size_t list_size(uint32_t count)
{
    return count * sizeof(struct perm);
}

struct perms *perms_intern(struct perms_table *table, const struct perm *list, uint32_t count)
{
    uint32_t hash = (uint32_t)hash_bytes(&table->key, list, list_size(count));
    struct perms **bucket = &table->buckets[hash % PERMS_BUCKETS];
    struct perms *perms;

    for (perms = *bucket; perms; perms = perms->next)
        if (perms->hash == hash && perms->count == count &&
            !memcmp(perms->list, list, list_size(count)))
            return perms_get(perms);

    perms = arena_alloc(table->arena, sizeof(*perms) + list_size(count));
    if (!perms)
        return NULL;
    *perms = (struct perms){.next = *bucket, .refs = 1, .hash = hash, .count = count};
    memcpy(perms->list, list, list_size(count));
    *bucket = perms;
    table->count++;
    return perms;
}

struct perms *perms_with_owner(struct perms_table *table, struct perms *perms, domid_t owner)
{
    struct perm list[PERMS_MAX];

    if (perms_owner(perms) == owner)
        return perms_get(perms);
    memcpy(list, perms->list, list_size(perms->count));
    list[0].domid = owner;
    return perms_intern(table, list, perms->count);
}

void perms_put(struct perms_table *table, struct perms *perms)
{
    struct perms **link = &table->buckets[perms->hash % PERMS_BUCKETS];

    if (--perms->refs)
        return;
    while (*link != perms)
        link = &(*link)->next;
    *link = perms->next;
    table->count--;
    arena_free(table->arena, perms, sizeof(*perms) + list_size(perms->count));
}

static bool entry_is_for(const struct perm *perm, const struct subject *subject)
{
    return perm->domid == subject->domid || perm->domid == subject->target ||
           perm->domid == PERM_DOMID_ANY;
}

unsigned perms_rights(const struct perms *perms, const struct subject *subject)
{
    domid_t owner = perms_owner(perms);

    if (subject->privileged || owner == subject->domid || owner == subject->target)
        return PERM_READ | PERM_WRITE | PERM_OWNER;

    for (uint32_t i = 1; i < perms->count; i++)
        if (!(perms->list[i].rights & PERM_IGNORE) && entry_is_for(&perms->list[i], subject))
            return perms->list[i].rights & (PERM_READ | PERM_WRITE);

    return perms->list[0].rights & (PERM_READ | PERM_WRITE);
}

bool perms_name(const struct perms *perms, domid_t domid)
{
    for (uint32_t i = 0; i < perms->count; i++)
        if (perms->list[i].domid == domid)
            return true;
    return false;
}

bool perms_table_names(const struct perms_table *table, domid_t domid)
{
    for (unsigned bucket = 0; bucket < PERMS_BUCKETS; bucket++)
        for (const struct perms *perms = table->buckets[bucket]; perms; perms = perms->next)
            if (perms_name(perms, domid))
                return true;
    return false;
}

bool perm_parse(const char *text, struct perm *perm)
{
    uint32_t domid;

    switch (text[0]) {
    case 'r':
        perm->rights = PERM_READ;
        break;
    case 'w':
        perm->rights = PERM_WRITE;
        break;
    case 'b':
        perm->rights = PERM_READ | PERM_WRITE;
        break;
    case 'n':
        perm->rights = 0;
        break;
    default:
        return false;
    }
    if (!wire_number(text + 1, UINT16_MAX, &domid))
        return false;
    perm->domid = (domid_t)domid;
    return true;
}

size_t perm_format(const struct perm *perm, char *text)
{
    static const char letters[] = {'n', 'r', 'w', 'b'};

    return 1 + (size_t)snprintf(text, PERM_TEXT_MAX, "%c%u",
                                letters[perm->rights & (PERM_READ | PERM_WRITE)], perm->domid);
}
