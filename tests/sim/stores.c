/* SPDX-License-Identifier: ISC */
#include "stores.h"

#include <stdint.h>

/* A copy is made, and looked at, in pieces of a machine word, first to last. */
#define WORD 8U

static stores_fn *look;
static void *context;

void stores_watch(stores_fn *new_look, void *new_context)
{
    look = new_look;
    context = new_context;
}

static void before(const void *address, size_t length)
{
    if (look != NULL)
        look(context, address, length);
}

/* --- what the compiler calls --------------------------------------------------------------------
 */

/* Their names are the compiler's, which needs no header for them. */
#define HOOK(name, ...)                                                                            \
    void name(__VA_ARGS__);                                                                        \
    void name(__VA_ARGS__)

#define STORE(name, length)                                                                        \
    HOOK(name, void *address)                                                                      \
    {                                                                                              \
        before(address, length);                                                                   \
    }

#define LOAD(name)                                                                                 \
    HOOK(name, void *address)                                                                      \
    {                                                                                              \
    }

STORE(__tsan_write1, 1)
STORE(__tsan_write2, 2)
STORE(__tsan_write4, 4)
STORE(__tsan_write8, 8)
STORE(__tsan_write16, 16)
STORE(__tsan_unaligned_write2, 2)
STORE(__tsan_unaligned_write4, 4)
STORE(__tsan_unaligned_write8, 8)
STORE(__tsan_unaligned_write16, 16)
LOAD(__tsan_read1)
LOAD(__tsan_read2)
LOAD(__tsan_read4)
LOAD(__tsan_read8)
LOAD(__tsan_read16)
LOAD(__tsan_unaligned_read2)
LOAD(__tsan_unaligned_read4)
LOAD(__tsan_unaligned_read8)
LOAD(__tsan_unaligned_read16)
LOAD(__tsan_func_entry)

HOOK(__tsan_init, void)
{
}

HOOK(__tsan_func_exit, void)
{
}

HOOK(__tsan_read_range, void *address, unsigned long length)
{
}

HOOK(__tsan_write_range, void *address, unsigned long length)
{
    for (unsigned long at = 0; at < length; at += WORD)
        before((char *)address + at, length - at < WORD ? length - at : WORD);
}

HOOK(__tsan_atomic32_store, volatile int32_t *address, int32_t value, int order)
{
    before((const void *)(uintptr_t)address, sizeof(value));
    __atomic_store_n(address, value, __ATOMIC_SEQ_CST);
}

HOOK(__tsan_atomic64_store, volatile int64_t *address, int64_t value, int order)
{
    before((const void *)(uintptr_t)address, sizeof(value));
    __atomic_store_n(address, value, __ATOMIC_SEQ_CST);
}

/* --- copies -------------------------------------------------------------------------------------
 */

void *__real_memcpy(void *to, const void *from, size_t length);
void *__real_memmove(void *to, const void *from, size_t length);
void *__real_memset(void *to, int byte, size_t length);
void *__wrap_memcpy(void *to, const void *from, size_t length);
void *__wrap_memmove(void *to, const void *from, size_t length);
void *__wrap_memset(void *to, int byte, size_t length);

static size_t piece(size_t length, size_t at)
{
    return length - at < WORD ? length - at : WORD;
}

/* From the first piece on. */
static void copy_up(char *to, const char *from, size_t length)
{
    for (size_t at = 0; at < length; at += WORD) {
        before(to + at, piece(length, at));
        __real_memmove(to + at, from + at, piece(length, at));
    }
}

static void copy_down(char *to, const char *from, size_t length)
{
    while (length != 0) {
        size_t part = length % WORD != 0 ? length % WORD : WORD;

        length -= part;
        before(to + length, part);
        __real_memmove(to + length, from + length, part);
    }
}

void *__wrap_memcpy(void *to, const void *from, size_t length)
{
    if (look == NULL)
        return __real_memcpy(to, from, length);
    copy_up(to, from, length);
    return to;
}

void *__wrap_memmove(void *to, const void *from, size_t length)
{
    if (look == NULL)
        return __real_memmove(to, from, length);
    if ((uintptr_t)to < (uintptr_t)from)
        copy_up(to, from, length);
    else
        copy_down(to, from, length);
    return to;
}

void *__wrap_memset(void *to, int byte, size_t length)
{
    if (look == NULL)
        return __real_memset(to, byte, length);
    for (size_t at = 0; at < length; at += WORD) {
        before((char *)to + at, piece(length, at));
        __real_memset((char *)to + at, byte, piece(length, at));
    }
    return to;
}
