/* SPDX-License-Identifier: ISC */
/*
 * Grant tables of version 1, as xen/common/grant_table.c behaves: an entry names a domid, not a
 * domain, so a later domain of the same domid may map it; an entry in use cannot be withdrawn; the
 * owner of a mapped page cannot go.
 */
#include "hv/sim/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

void sim_grants_create(struct hv *hv)
{
    hv->grant_free = SIM_NONE;
    hv->grant_entries = 0;
}

/** Make the table reach at least @entries; Xen grows it frame by frame, 512 entries each. */
static void grow_table(struct hv *hv, uint32_t entries)
{
    uint32_t old = hv->grant_entries;

    if (entries <= old)
        return;
    entries = (entries + 511) / 512 * 512;
    hv->grants = realloc(hv->grants, entries * sizeof(*hv->grants));
    if (!hv->grants)
        hv_panic("sim: out of memory");
    memset(&hv->grants[old], 0, (entries - old) * sizeof(*hv->grants));
    for (uint32_t i = entries; i-- > old;) {
        if (i < HV_GNTTAB_FIRST)
            continue;
        hv->grants[i].next = hv->grant_free;
        hv->grant_free = i;
    }
    hv->grant_entries = entries;
}

static struct sim_grant *grant_of(struct hv *hv, grant_ref_t ref)
{
    return ref < hv->grant_entries && hv->grants[ref].used ? &hv->grants[ref] : NULL;
}

static void fill(struct hv *hv, grant_ref_t ref, domid_t remote, uint32_t page, bool readonly)
{
    hv->page[page].grants++;
    hv->grants[ref] = (struct sim_grant){
        .used = true,
        .domid = remote,
        .readonly = readonly,
        .page = page,
    };
}

int hv_grant_access(struct hv *hv, domid_t remote, void *page, bool readonly, grant_ref_t *ref)
{
    uint32_t index = sim_page_index(hv, page, "hv_grant_access");

    if (sim_fault(hv, 0))
        return -ENOSPC;
    if (hv->grant_free == SIM_NONE) {
        if (hv->grant_entries >= SIM_GRANT_ENTRIES)
            return -ENOSPC;
        grow_table(hv, hv->grant_entries + 1);
    }
    *ref = hv->grant_free;
    hv->grant_free = hv->grants[*ref].next;
    fill(hv, *ref, remote, index, readonly);
    hv->usage.grants++;
    return 0;
}

int hv_grant_revoke(struct hv *hv, grant_ref_t ref)
{
    struct sim_grant *grant = grant_of(hv, ref);

    if (ref < HV_GNTTAB_FIRST || !grant)
        return -EINVAL;
    if (grant->pins != 0)
        return -EAGAIN;
    hv->page[grant->page].grants--;
    *grant = (struct sim_grant){.next = hv->grant_free};
    hv->grant_free = ref;
    hv->usage.grants--;
    return 0;
}

void sim_grant_reserved(struct hv *hv, grant_ref_t ref, domid_t remote, void *page)
{
    HV_ASSERT(ref < HV_GNTTAB_FIRST);
    grow_table(hv, HV_GNTTAB_FIRST);

    struct sim_grant *grant = &hv->grants[ref];
    if (grant->used) {
        if (grant->pins != 0)
            hv_panic("sim: domain %u: reserved grant %u is mapped", hv->domid, ref);
        hv->page[grant->page].grants--;
    }
    *grant = (struct sim_grant){.used = false};
    if (page)
        fill(hv, ref, remote, sim_page_index(hv, page, "sim_grant_reserved"), false);
}

/** Look up what @remote grants to @hv. A dying domain's pages can no longer be reached. */
static int find_grant(struct hv *hv, domid_t remote, grant_ref_t ref, bool readonly,
                      struct hv **owner, struct sim_grant **grant)
{
    *owner = sim_lookup(hv->sim, remote);
    if (!*owner)
        return -ESRCH;
    *grant = grant_of(*owner, ref);
    if ((*owner)->dying || !*grant || (*grant)->domid != hv->domid ||
        ((*grant)->readonly && !readonly))
        return -EINVAL;
    return 0;
}

static void unpin(struct sim_pin *pin, bool readonly)
{
    struct hv *owner = pin->owner;
    struct sim_grant *grant = &owner->grants[pin->ref];

    HV_ASSERT(grant->used && grant->pins > 0 && owner->pins > 0);
    grant->pins--;
    if (!readonly)
        grant->writable--;
    owner->pins--;
    /* While it still has an arena it is only just being killed, maybe with maps of its own pages.
     */
    if (owner->dying && owner->pins == 0 && owner->arena == NULL)
        sim_domain_finalise(owner);
}

static struct sim_mapping **bucket_of(struct hv *hv, const void *address)
{
    uint64_t hash = ((uintptr_t)address / HV_PAGE_SIZE) * UINT64_C(0x9e3779b97f4a7c15);
    return &hv->mappings[hash >> 56];
}

/** Map the frames of @mapping into fresh address space. NULL: there is none. */
static char *map_frames(struct sim *sim, const struct sim_mapping *mapping)
{
    size_t size = (size_t)mapping->count * HV_PAGE_SIZE;
    int protection = mapping->readonly ? PROT_READ : PROT_READ | PROT_WRITE;
    char *address = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (address == MAP_FAILED)
        return NULL;
    for (unsigned i = 0; i < mapping->count; i++) {
        const struct sim_pin *pin = &mapping->pins[i];
        uint64_t offset =
            pin->owner->offset + (uint64_t)pin->owner->grants[pin->ref].page * HV_PAGE_SIZE;
        if (mmap(address + (size_t)i * HV_PAGE_SIZE, HV_PAGE_SIZE, protection,
                 MAP_SHARED | MAP_FIXED, sim->memory, (off_t)offset) == MAP_FAILED) {
            munmap(address, size);
            return NULL;
        }
    }
    return address;
}

int hv_grant_map(struct hv *hv, domid_t remote, const grant_ref_t *refs, unsigned count,
                 bool readonly, void **address)
{
    struct sim *sim = hv->sim;
    struct hv *owner;
    struct sim_grant *grant;

    hv->usage.maps++;
    if (count == 0)
        return -EINVAL;
    if (sim_fault(hv, sim->faults.grant_map))
        return sim_random(sim, 2) ? -ENOSPC : -EAGAIN;
    if (!sim_lookup(sim, remote))
        return -ESRCH;
    if (count > SIM_MAP_HANDLES - hv->usage.mappings)
        return -ENOSPC;
    for (unsigned i = 0; i < count; i++) {
        int rc = find_grant(hv, remote, refs[i], readonly, &owner, &grant);
        if (rc != 0)
            return rc;
    }

    struct sim_mapping *mapping = sim_calloc(1, sizeof(*mapping) + count * sizeof(struct sim_pin));
    mapping->count = count;
    mapping->readonly = readonly;
    for (unsigned i = 0; i < count; i++)
        mapping->pins[i] = (struct sim_pin){.owner = owner, .ref = refs[i]};
    mapping->address = map_frames(sim, mapping);
    if (!mapping->address) {
        free(mapping);
        return -ENOSPC;
    }
    for (unsigned i = 0; i < count; i++) {
        owner->grants[refs[i]].pins++;
        owner->grants[refs[i]].writable += !readonly;
        owner->pins++;
    }

    struct sim_mapping **bucket = bucket_of(hv, mapping->address);
    mapping->next = *bucket;
    *bucket = mapping;
    mapping->older = hv->newest;
    if (mapping->older)
        mapping->older->newer = mapping;
    hv->newest = mapping;
    hv->usage.mappings += count;
    *address = mapping->address;
    return 0;
}

/* As a domain of its own has it: whoever dies tells nobody. */
int hv_grant_map_notify(struct hv *hv, domid_t remote, grant_ref_t ref, unsigned offset,
                        evtchn_port_t port, void **address)
{
    HV_ASSERT(offset < HV_PAGE_SIZE);
    return hv_grant_map(hv, remote, &ref, 1, false, address);
}

/** Take @mapping out of the world but for its bucket. */
static void drop_mapping(struct hv *hv, struct sim_mapping *mapping)
{
    munmap(mapping->address, (size_t)mapping->count * HV_PAGE_SIZE);
    if (mapping->newer)
        mapping->newer->older = mapping->older;
    else
        hv->newest = mapping->older;
    if (mapping->older)
        mapping->older->newer = mapping->newer;
    hv->usage.mappings -= mapping->count;
    for (unsigned i = 0; i < mapping->count; i++)
        unpin(&mapping->pins[i], mapping->readonly);
    free(mapping);
}

int hv_grant_unmap(struct hv *hv, void *address, unsigned count)
{
    for (struct sim_mapping **link = bucket_of(hv, address); *link; link = &(*link)->next) {
        struct sim_mapping *mapping = *link;
        if (mapping->address != address || mapping->count != count)
            continue;
        *link = mapping->next;
        drop_mapping(hv, mapping);
        return 0;
    }
    return -EINVAL;
}

void sim_mappings_release(struct hv *hv)
{
    while (hv->newest)
        drop_mapping(hv, hv->newest);
    memset(hv->mappings, 0, sizeof(hv->mappings));
    HV_ASSERT(hv->usage.mappings == 0);
}

void sim_grants_release(struct hv *hv)
{
    unsigned handed_out = 0;

    HV_ASSERT(hv->pins == 0);
    for (uint32_t i = 0; i < hv->grant_entries; i++) {
        HV_ASSERT(hv->grants[i].pins == 0 && hv->grants[i].writable == 0);
        handed_out += i >= HV_GNTTAB_FIRST && hv->grants[i].used;
    }
    HV_ASSERT(handed_out == hv->usage.grants);
    free(hv->grants);
    hv->grants = NULL;
    hv->grant_entries = 0;
}

static bool end_valid(const struct hv_copy_end *end, uint16_t length)
{
    return (unsigned)end->offset + length <= HV_PAGE_SIZE &&
           (end->foreign || (uintptr_t)end->address % HV_PAGE_SIZE == 0);
}

/** Where one end of a copy lies. A negative errno value: it may not be touched. */
static int resolve(struct hv *hv, const struct hv_copy_end *end, bool readonly, char **at)
{
    if (!end->foreign) {
        *at = (char *)end->address + end->offset;
        return 0;
    }

    struct hv *owner;
    struct sim_grant *grant;
    domid_t domid = end->domid == SIM_DOMID_SELF ? hv->domid : end->domid;
    int rc = find_grant(hv, domid, end->ref, readonly, &owner, &grant);
    if (rc == 0)
        *at = owner->arena + (size_t)grant->page * HV_PAGE_SIZE + end->offset;
    return rc;
}

static int copy_one(struct hv *hv, const struct hv_copy *copy)
{
    char *from, *to;

    if (sim_fault(hv, hv->sim->faults.grant_copy))
        return sim_random(hv->sim, 2) ? -EINVAL : -EAGAIN;
    if (!end_valid(&copy->source, copy->length) || !end_valid(&copy->dest, copy->length))
        return -EINVAL;
    if (copy->length == 0)
        return 0; /* Xen does not look at the grants then */
    int rc = resolve(hv, &copy->source, true, &from);
    if (rc == 0)
        rc = resolve(hv, &copy->dest, false, &to);
    if (rc != 0)
        return rc;
    memmove(to, from, copy->length);
    hv->usage.copies++;
    hv->usage.copy_bytes += copy->length;
    return 0;
}

int hv_grant_copy(struct hv *hv, struct hv_copy *copies, unsigned count)
{
    if (count == 0 || count > HV_COPY_MAX)
        return -EINVAL;
    hv->usage.copy_calls++;
    for (unsigned i = 0; i < count; i++)
        copies[i].status = (int16_t)copy_one(hv, &copies[i]);
    return 0;
}
