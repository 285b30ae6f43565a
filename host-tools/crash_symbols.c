/* SPDX-License-Identifier: ISC */
#include "crash_symbols.h"
#include <elf.h>
#include <string.h>

static bool within(uint64_t off, uint64_t len, uint64_t size)
{
    return off <= size && len <= size - off;
}

static uint32_t address_at(const struct crash_symbols *symbols, uint32_t i)
{
    uint32_t address;

    memcpy(&address, symbols->addresses + (size_t)i * sizeof(address), sizeof(address));
    return address;
}

/* A count, addresses in order, and as many names as these: else it is another segment. */
static bool take_table(struct crash_symbols *symbols, const uint8_t *bytes, uint64_t size)
{
    uint64_t names = 0;
    uint32_t count;

    if (size < sizeof(count) || bytes[size - 1] != 0)
        return false;
    memcpy(&count, bytes, sizeof(count));
    if (!count || count > (size - sizeof(count)) / (sizeof(uint32_t) + 1))
        return false;
    symbols->addresses = bytes + sizeof(count);
    for (uint32_t i = 1; i < count; i++) {
        if (address_at(symbols, i) <= address_at(symbols, i - 1))
            return false;
    }
    symbols->names = (const char *)(symbols->addresses + (size_t)count * sizeof(uint32_t));
    for (const char *at = symbols->names; at < (const char *)bytes + size; at++)
        names += *at == '\0';
    if (names != count)
        return false;
    symbols->count = count;
    return true;
}

bool crash_symbols_read(const void *data, size_t size, struct crash_symbols *symbols)
{
    const uint8_t *bytes = data;
    Elf64_Ehdr eh;

    memset(symbols, 0, sizeof(*symbols));
    if (size < sizeof(eh) || memcmp(bytes, ELFMAG, SELFMAG) != 0)
        return false;
    memcpy(&eh, bytes, sizeof(eh));
    if (eh.e_phentsize != sizeof(Elf64_Phdr) ||
        !within(eh.e_phoff, (uint64_t)eh.e_phnum * sizeof(Elf64_Phdr), size))
        return false;
    for (unsigned i = 0; i < eh.e_phnum; i++) {
        Elf64_Phdr ph;

        memcpy(&ph, bytes + eh.e_phoff + (size_t)i * sizeof(ph), sizeof(ph));
        if (ph.p_type != PT_LOAD || !within(ph.p_offset, ph.p_filesz, size) ||
            ph.p_vaddr > UINT64_MAX - ph.p_filesz || ph.p_filesz == 0)
            continue;
        if ((ph.p_flags & PF_X) && !symbols->text_end) {
            symbols->text = ph.p_vaddr;
            symbols->text_end = ph.p_vaddr + ph.p_filesz;
            symbols->code = bytes + ph.p_offset;
        } else if (ph.p_flags == PF_R && !symbols->count &&
                   take_table(symbols, bytes + ph.p_offset, ph.p_filesz)) {
            symbols->table = ph.p_vaddr;
            symbols->table_end = ph.p_vaddr + ph.p_filesz;
            symbols->table_contents = bytes + ph.p_offset;
        }
    }
    return symbols->count > 0 && symbols->text_end > 0;
}

bool crash_symbols_code(const struct crash_symbols *symbols, uint64_t address)
{
    return address >= symbols->text && address < symbols->text_end;
}

const char *crash_symbols_find(const struct crash_symbols *symbols, uint64_t address,
                               uint64_t *offset)
{
    const char *name = symbols->names;
    uint32_t low = 0, high = symbols->count;

    if (!symbols->count || !crash_symbols_code(symbols, address) ||
        address < address_at(symbols, 0))
        return NULL;
    while (high - low > 1) { /* address_at(low) <= address < address_at(high) */
        const uint32_t middle = low + (high - low) / 2;

        if (address_at(symbols, middle) <= address)
            low = middle;
        else
            high = middle;
    }
    for (uint32_t i = 0; i < low; i++)
        name += strlen(name) + 1;
    *offset = address - address_at(symbols, low);
    return name;
}
