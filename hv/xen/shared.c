/* SPDX-License-Identifier: ISC */
/* Access to memory that another domain can write: each value is loaded or stored exactly once. */
#include <hv/memory.h>

#include <string.h>

uint32_t hv_shared_read32(struct hv *hv, const uint32_t *address)
{
    return __atomic_load_n(address, __ATOMIC_ACQUIRE);
}

void hv_shared_write32(struct hv *hv, uint32_t *address, uint32_t value)
{
    __atomic_store_n(address, value, __ATOMIC_RELEASE);
}

uint8_t hv_shared_read8(struct hv *hv, const uint8_t *address)
{
    return __atomic_load_n(address, __ATOMIC_ACQUIRE);
}

void hv_shared_write8(struct hv *hv, uint8_t *address, uint8_t value)
{
    __atomic_store_n(address, value, __ATOMIC_RELEASE);
}

uint8_t hv_shared_fetch_or8(struct hv *hv, uint8_t *address, uint8_t bits)
{
    return __atomic_fetch_or(address, bits, __ATOMIC_SEQ_CST);
}

uint8_t hv_shared_fetch_and8(struct hv *hv, uint8_t *address, uint8_t bits)
{
    return __atomic_fetch_and(address, bits, __ATOMIC_SEQ_CST);
}

void hv_shared_barrier(struct hv *hv)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* A call that the compiler cannot see through: what was copied is never loaded a second time. */
void hv_shared_copy_in(struct hv *hv, void *dest, const void *shared, size_t length)
{
    memcpy(dest, shared, length);
    __asm__ volatile("" ::: "memory");
}

void hv_shared_copy_out(struct hv *hv, void *shared, const void *source, size_t length)
{
    __asm__ volatile("" ::: "memory");
    memcpy(shared, source, length);
    __asm__ volatile("" ::: "memory");
}
