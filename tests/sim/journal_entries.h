/* SPDX-License-Identifier: ISC */
/**
 * @file journal_entries.h
 * The entries of a service's journal in a row, to be looked at or changed, and a journal written
 * anew around them: so its checksums are right, whatever they are.
 */
#ifndef TESTS_SIM_JOURNAL_ENTRIES_H
#define TESTS_SIM_JOURNAL_ENTRIES_H

#include "hv/sim/sim.h"

/** Before the body of each entry in the row; the next one follows the body at once. */
struct entry {
    uint16_t type, zero;
    uint32_t length; /**< of its body */
};

/**
 * Put the entries of the @size bytes at @pages (the reserved pages but the first) into @entries,
 * which has as much room. Returns the length of the row.
 */
size_t journal_entries(const uint8_t *pages, size_t size, uint8_t *entries);

/**
 * Write the journal of @size bytes at @pages anew, with the row of @length bytes at @entries as its
 * checkpoint and its frames. A body whose length cannot be is as long as it can. For the time, @sim
 * needs a domain that has not been there. False: it is not changed, the entries do not fit.
 */
bool journal_rewrite(struct sim *sim, uint8_t *pages, size_t size, const uint8_t *entries,
                     size_t length);

#endif
