/* SPDX-License-Identifier: ISC */
#include "image.h"
#include "common/state_note.h"
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xen/elfnote.h>

struct reason {
    char *text;
    size_t size;
};

__attribute__((format(printf, 2, 3))) static int bad(const struct reason *why, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why->text, why->size, fmt, ap);
    va_end(ap);
    return -ENOEXEC;
}

static bool within(uint64_t off, uint64_t len, uint64_t size)
{
    return off <= size && len <= size - off;
}

static int check_header(const uint8_t *data, size_t size, Elf64_Ehdr *eh, const struct reason *why)
{
    if (size >= 2 && data[0] == 0x1f && data[1] == 0x8b)
        return bad(why, "is compressed; unpack it with gunzip first");
    if (size < sizeof(*eh) || memcmp(data, ELFMAG, SELFMAG) != 0)
        return bad(why, "is not an ELF file; give the NAME.elf of a service");
    memcpy(eh, data, sizeof(*eh));
    if (eh->e_ident[EI_CLASS] != ELFCLASS64 || eh->e_ident[EI_DATA] != ELFDATA2LSB ||
        eh->e_machine != EM_X86_64)
        return bad(why,
                   "is an ELF file of another machine (class %u, machine %u); an image for "
                   "x86-64 is needed",
                   eh->e_ident[EI_CLASS], eh->e_machine);
    if (eh->e_type != ET_EXEC)
        return bad(why,
                   "is no executable with fixed addresses (ELF type %u); is it a service's "
                   "image?",
                   eh->e_type);
    if (eh->e_phentsize != sizeof(Elf64_Phdr) ||
        !within(eh->e_phoff, (uint64_t)eh->e_phnum * sizeof(Elf64_Phdr), size))
        return bad(why, "is cut off or damaged (program headers); install it again");
    return 0;
}

/* The note of the state; one whose versions make no sense is taken for none. */
static void take_state(const uint8_t *desc, struct image *img)
{
    uint32_t version[3];

    memcpy(version, desc, sizeof(version));
    if (!version[0] || !version[1] || version[1] > version[2])
        return;
    img->state_writes = version[0];
    img->state_reads_from = version[1];
    img->state_reads_to = version[2];
}

/* Walk the notes of one PT_NOTE; true where the PVH entry has been found. */
static bool take_notes(const uint8_t *notes, uint64_t size, struct image *img)
{
    uint64_t off = 0;
    bool entry = false;

    while (within(off, sizeof(Elf64_Nhdr), size)) {
        Elf64_Nhdr nh;
        uint64_t name, desc;

        memcpy(&nh, notes + off, sizeof(nh));
        name = off + sizeof(nh);
        desc = name + (((uint64_t)nh.n_namesz + 3) & ~3ull);
        if (!within(name, nh.n_namesz, size) || !within(desc, nh.n_descsz, size))
            break;
        if (nh.n_type == STATE_NOTE_TYPE && nh.n_namesz == sizeof(STATE_NOTE_OWNER) &&
            memcmp(notes + name, STATE_NOTE_OWNER, sizeof(STATE_NOTE_OWNER)) == 0 &&
            nh.n_descsz == 12)
            take_state(notes + desc, img);
        if (nh.n_type == XEN_ELFNOTE_PHYS32_ENTRY && nh.n_namesz == 4 &&
            memcmp(notes + name, "Xen", 4) == 0 && (nh.n_descsz == 4 || nh.n_descsz == 8)) {
            uint64_t value = 0;

            memcpy(&value, notes + desc, nh.n_descsz);
            img->entry = (uint32_t)value;
            entry = value <= UINT32_MAX;
        }
        off = desc + (((uint64_t)nh.n_descsz + 3) & ~3ull);
    }
    return entry;
}

static void phdr_at(const uint8_t *data, const Elf64_Ehdr *eh, unsigned i, Elf64_Phdr *ph)
{
    memcpy(ph, data + eh->e_phoff + (size_t)i * sizeof(*ph), sizeof(*ph));
}

static int check_segments(const uint8_t *data, size_t size, const Elf64_Ehdr *eh, struct image *img,
                          const struct reason *why)
{
    bool note = false;

    for (unsigned i = 0; i < eh->e_phnum; i++) {
        Elf64_Phdr ph;

        phdr_at(data, eh, i, &ph);
        if (ph.p_type != PT_LOAD && ph.p_type != PT_NOTE)
            continue;
        if (!within(ph.p_offset, ph.p_filesz, size))
            return bad(why, "is cut off (segment %u lies behind its end); install it again", i);
        if (ph.p_type == PT_NOTE) {
            note = take_notes(data + ph.p_offset, ph.p_filesz, img) || note;
            continue;
        }
        if (ph.p_memsz == 0)
            continue;
        if (ph.p_filesz > ph.p_memsz || ph.p_paddr > UINT64_MAX - ph.p_memsz)
            return bad(why, "is damaged (size of segment %u); install it again", i);
        if (ph.p_paddr < img->start_addr)
            img->start_addr = ph.p_paddr;
        if (ph.p_paddr + ph.p_memsz > img->end_addr)
            img->end_addr = ph.p_paddr + ph.p_memsz;
    }
    if (img->end_addr == 0)
        return bad(why, "has nothing to load; is it a service's image?");
    if (!note)
        return bad(why, "has no PVH entry (ELF note \"Xen\" %d); is it a service's image?",
                   XEN_ELFNOTE_PHYS32_ENTRY);
    return 0;
}

static bool entry_is_code(const uint8_t *data, const Elf64_Ehdr *eh, uint32_t entry)
{
    for (unsigned i = 0; i < eh->e_phnum; i++) {
        Elf64_Phdr ph;

        phdr_at(data, eh, i, &ph);
        if (ph.p_type == PT_LOAD && (ph.p_flags & PF_X) && entry >= ph.p_paddr &&
            entry - ph.p_paddr < ph.p_filesz)
            return true;
    }
    return false;
}

int image_check(const void *data, size_t size, unsigned memory_mb, struct image *img, char *why,
                size_t why_size)
{
    const struct reason reason = {why, why_size};
    const uint64_t memory = (uint64_t)memory_mb << 20;
    Elf64_Ehdr eh;
    int rc;

    img->start_addr = UINT64_MAX;
    img->end_addr = 0;
    img->entry = 0;
    img->state_writes = img->state_reads_from = img->state_reads_to = 0;
    rc = check_header(data, size, &eh, &reason);
    if (rc)
        return rc;
    rc = check_segments(data, size, &eh, img, &reason);
    if (rc)
        return rc;
    if (!entry_is_code(data, &eh, img->entry))
        return bad(&reason, "is damaged (its PVH entry %#x is no code of it); install it again",
                   img->entry);
    if (img->end_addr > memory || memory - img->end_addr < IMAGE_TAIL_ROOM)
        return bad(&reason, "needs memory up to %llu KiB and the domain has %llu; raise --memory",
                   (unsigned long long)((img->end_addr + IMAGE_TAIL_ROOM + 1023) >> 10),
                   (unsigned long long)(memory >> 10));
    return 0;
}

static int read_all(int fd, struct image *img)
{
    size_t done = 0;

    img->data = malloc(img->size);
    if (!img->data)
        return -ENOMEM;
    while (done < img->size) {
        ssize_t n = read(fd, (char *)img->data + done, img->size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            break; /* it shrank: what is there gets checked */
        done += (size_t)n;
    }
    img->size = done;
    return 0;
}

int image_load(const char *path, unsigned memory_mb, struct image *img, char *why, size_t why_size)
{
    struct stat st;
    int fd, rc = 0;

    memset(img, 0, sizeof(*img));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0) {
        rc = -errno;
    } else if (!S_ISREG(st.st_mode)) {
        rc = -EISDIR;
    } else if (st.st_size == 0 || st.st_size > (off_t)IMAGE_FILE_MAX) {
        snprintf(why, why_size, "has %lld bytes; an image has 1 to %u", (long long)st.st_size,
                 IMAGE_FILE_MAX);
        close(fd);
        return -ENOEXEC;
    } else {
        img->size = (size_t)st.st_size;
        rc = read_all(fd, img);
    }
    if (fd >= 0)
        close(fd);
    if (rc)
        snprintf(why, why_size, "cannot be read (%s); name the image with --kernel",
                 rc == -EISDIR ? "not a file" : strerror(-rc));
    else
        rc = image_check(img->data, img->size, memory_mb, img, why, why_size);
    if (rc)
        image_free(img);
    return rc;
}

void image_free(struct image *img)
{
    free(img->data);
    img->data = NULL;
    img->size = 0;
}
