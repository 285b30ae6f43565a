/* SPDX-License-Identifier: ISC */
/**
 * @file journal_hint.h
 * The first of the reserved pages of a service with a journal: always writable, and what is on it
 * is in force at once, without a frame. Behind it is the journal (journal.h). To dom0, which copies
 * it, it is a stranger's. All numbers are little endian.
 *
 * The service may end between any two stores to it. What has to be in order is stored with
 * journal_hint_store32() and journal_hint_store64(); to a processor, these are stores like others.
 */
#ifndef COMMON_JOURNAL_HINT_H
#define COMMON_JOURNAL_HINT_H

#include <stdint.h>

/** Of struct journal_hint: "axsjrnl1". */
#define JOURNAL_HINT_MAGIC UINT64_C(0x316c6e726a737861)

/** A request that was under way when the service died. */
struct journal_suspect {
    uint64_t hash; /* 0: none */
    uint32_t domid;
    uint32_t deaths;
};

#define JOURNAL_SUSPECTS 8U

/** So many deaths with the same request under way are enough. */
#define JOURNAL_DEATHS 2U

/**
 * The last request that changed nothing, and whose answer went into the ring as a whole: it is done
 * if rsp_prod has reached @rsp; else it is to be served again. Of no account if a frame follows.
 */
struct journal_answer {
    uint32_t valid; /* stored last, and 0 while the others are stored */
    uint32_t connection, cons, rsp;
    uint64_t generation, number; /* of the journal then, and of its next frame */
};

/** The first page. */
struct journal_hint {
    uint64_t magic;    /* stored when @suspects are all there; before that, it is no such page */
    uint64_t outgrown; /* the journal of this generation lacks what happened since; 0: none does */
    uint64_t request;  /* hash of the one that is being decided; 0: none is */
    uint32_t domid;    /* whose it is; stored first */
    uint32_t reserved;
    struct journal_suspect suspects[JOURNAL_SUSPECTS];
    struct journal_answer answer;
};

/** Store into the page once, and no earlier store of the program's after that. */
static inline void journal_hint_store32(uint32_t *at, uint32_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

static inline void journal_hint_store64(uint64_t *at, uint64_t value)
{
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
}

/**
 * Put what @newer says of requests that killed into @kept; both are whole pages. For a successor
 * that died before its own journal was in force: its predecessor's has to do once more, and does
 * not know that there was another death. What is no such page is left alone.
 */
void journal_hint_carry(void *kept, const void *newer);

#endif
