/* SPDX-License-Identifier: ISC */
#include "journal_entries.h"

#include "services/xenstored/recorder.h"

#include <check.h>
#include <string.h>

#define SCRATCH_DOMID 9U

size_t journal_entries(const uint8_t *pages, size_t size, uint8_t *entries)
{
    struct journal_reader reader;
    struct journal_record record;
    size_t length = 0;

    ck_assert_int_eq(journal_read(&reader, pages, size), 0);
    while (journal_next(&reader, &record) > 0) {
        const struct entry entry = {record.type, 0, record.length};

        memcpy(entries + length, &entry, sizeof(entry));
        memcpy(entries + length + sizeof(entry), record.data, record.length);
        length += sizeof(entry) + record.length;
    }
    return length;
}

/* The entry at @at, as much of it as there is. */
static struct entry entry_at(const uint8_t *entries, size_t length, size_t at)
{
    size_t left = length - at - sizeof(struct entry);
    struct entry entry;

    memcpy(&entry, entries + at, sizeof(entry));
    if (entry.length > left)
        entry.length = (uint32_t)left;
    if (entry.length > RECORDER_ENTRY_MAX)
        entry.length = RECORDER_ENTRY_MAX;
    return entry;
}

bool journal_rewrite(struct sim *sim, uint8_t *pages, size_t size, const uint8_t *entries,
                     size_t length)
{
    static uint64_t buffer[RECORDER_ENTRY_MAX / 4];
    unsigned count = (unsigned)(size / HV_PAGE_SIZE), reserved;
    struct hv *hv = sim_domain_create(
        sim, &(struct sim_domain_config){
                 .domid = SCRATCH_DOMID, .pages = 1, .reserved_pages = count + 1});
    uint8_t *scratch = (uint8_t *)hv_reserved(hv, &reserved) + HV_PAGE_SIZE;
    struct journal journal;
    bool full = false;

    ck_assert_uint_eq(reserved, count + 1);
    journal_create(&journal, hv, scratch, count, buffer, sizeof(buffer));
    journal_checkpoint_begin(&journal);
    for (size_t at = 0; length - at >= sizeof(struct entry);) {
        const struct entry entry = entry_at(entries, length, at);

        at += sizeof(entry);
        if (!journal_fits(&journal, entry.length))
            full |= journal_commit(&journal) != 0;
        journal_add(&journal, entry.type, &(struct journal_part){entries + at, entry.length}, 1);
        at += entry.length;
    }
    full |= journal_commit(&journal) != 0;
    if (!full) {
        journal_checkpoint_end(&journal);
        memcpy(pages, scratch, size);
    }
    sim_domain_destroy(hv);
    return !full;
}
