/* SPDX-License-Identifier: ISC */
#include "journal_copy.h"
#include "common/hash.h"
#include "common/journal.h"
#include "common/journal_hint.h"
#include "host.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PAGE 4096u

/* What a file begins with; the pages follow. One machine writes and reads it. */
struct file_head {
    char magic[8];
    uint32_t version; /* of the state */
    uint32_t reserved;
    uint64_t size; /* of the pages, bytes */
    uint8_t handle[16];
    uint64_t digest; /* digest() of the pages */
};

static const char file_magic[8] = "ATOLLJ2";

/*
 * Tells a file that was cut or damaged from a whole one; whoever can write there is root. A
 * cryptographic hash took most of the time for which clients wait.
 */
static uint64_t digest(const struct journal_copy *copy)
{
    const struct hash_key key = {copy->size, copy->version};

    return hash_bytes(&key, copy->data, copy->size);
}

int journal_map(struct report *r, xc_interface *xch, const struct record *record,
                struct journal_map *map)
{
    const uint32_t pages = record->journal_pages;
    xen_pfn_t *frames;
    uint32_t domid;
    int rc = 0;

    memset(map, 0, sizeof(*map));
    if (!pages || pages > JOURNAL_COPY_PAGES_MAX)
        return -ENOENT;
    if (host_find_domain(r, xch, record->handle, &domid) || !domid)
        return -ESRCH;
    frames = calloc(pages, sizeof(*frames));
    map->memory = frames ? xenforeignmemory_open(&r->logger, 0) : NULL;
    if (!map->memory) {
        rc = frames ? -errno : -ENOMEM;
        free(frames);
        return rc;
    }
    for (uint32_t i = 0; i < pages; i++)
        frames[i] = record->journal_gfn + i;
    errno = 0;
    map->pages = xenforeignmemory_map(map->memory, domid, PROT_READ, pages, frames, NULL);
    if (!map->pages)
        rc = errno ? -errno : -EIO;
    free(frames);
    map->count = pages;
    map->domid = domid;
    map->version = record->state_version;
    memcpy(map->handle, record->handle, sizeof(map->handle));
    if (rc)
        journal_unmap(map);
    return rc;
}

void journal_unmap(struct journal_map *map)
{
    if (map->pages)
        xenforeignmemory_unmap(map->memory, (void *)(uintptr_t)map->pages, map->count);
    if (map->memory)
        xenforeignmemory_close(map->memory);
    memset(map, 0, sizeof(*map));
}

int journal_copy(const struct journal_map *map, struct journal_copy *copy)
{
    const uint8_t *pages = map->pages;
    size_t from = 0, length = 0;

    memset(copy, 0, sizeof(*copy));
    if (map->count > 1)
        length = journal_cut(pages + PAGE, (map->count - 1) * PAGE, &from);
    if (!length)
        length = (map->count - 1) * PAGE;
    copy->data = malloc(PAGE + length);
    if (!copy->data)
        return -ENOMEM;
    copy->size = PAGE + length;
    memcpy(copy->data, pages, PAGE);
    memcpy((uint8_t *)copy->data + PAGE, pages + PAGE + from, length);
    memcpy(copy->handle, map->handle, sizeof(copy->handle));
    copy->version = map->version;
    return 0;
}

void journal_copy_cut(struct journal_copy *copy)
{
    uint8_t *journal = (uint8_t *)copy->data + PAGE;
    size_t from, length = journal_cut(journal, copy->size - PAGE, &from);

    if (!length)
        return;
    memmove(journal, journal + from, length);
    copy->size = PAGE + length;
}

void journal_copy_carry(struct journal_copy *copy, const struct journal_copy *newer)
{
    if (copy->size >= PAGE && newer->size >= PAGE)
        journal_hint_carry(copy->data, newer->data);
}

void journal_copy_free(struct journal_copy *copy)
{
    free(copy->data);
    memset(copy, 0, sizeof(*copy));
}

/* The first page is the service's own; the journal is behind it. */
int journal_copy_check(const struct journal_copy *copy, const char **why)
{
    const uint8_t *data = copy->data;
    struct journal_reader reader;
    struct journal_record record;
    int rc;

    *why = "it has nothing in it";
    if (copy->size < (1 + JOURNAL_PAGES_MIN) * PAGE)
        return -ENOENT;
    /* libxenguest would unpack it. */
    if (data[0] == 0x1f && data[1] == 0x8b) {
        *why = "its first page makes no sense";
        return -EINVAL;
    }
    rc = journal_read(&reader, data + PAGE, copy->size - PAGE);
    if (rc == -ENOENT)
        return rc;
    while (!rc && (rc = journal_next(&reader, &record)) == 1)
        rc = 0;
    *why = rc ? reader.problem ? reader.problem : "it is damaged" : "";
    return rc;
}

static int write_whole(int fd, const void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = write(fd, (const char *)data + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        done += (size_t)n;
    }
    return 0;
}

static int read_whole(int fd, void *data, size_t size)
{
    for (size_t done = 0; done < size;) {
        const ssize_t n = read(fd, (char *)data + done, size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EINVAL;
        done += (size_t)n;
    }
    return 0;
}

/* The name, too, is on the disk. */
static int sync_folder(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 ? -1 : fsync(fd);

    if (fd >= 0)
        close(fd);
    return rc;
}

static int write_file(const char *dir, const char *path, const struct journal_copy *copy)
{
    struct file_head head = {.version = copy->version, .size = copy->size};
    char temporary[PATH_MAX];
    int fd, rc, saved;

    memcpy(head.magic, file_magic, sizeof(head.magic));
    memcpy(head.handle, copy->handle, sizeof(head.handle));
    head.digest = digest(copy);
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    if (unlink(temporary) && errno != ENOENT)
        return -1;
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -1;
    rc = write_whole(fd, &head, sizeof(head));
    if (!rc)
        rc = write_whole(fd, copy->data, copy->size);
    if (!rc)
        rc = fsync(fd);
    if (close(fd))
        rc = -1;
    if (!rc)
        rc = rename(temporary, path);
    if (rc) {
        saved = errno;
        unlink(temporary);
        errno = saved;
        return rc;
    }
    return sync_folder(dir);
}

int journal_keep_in(struct report *r, const char *dir, const char *service,
                    const struct journal_copy *copy)
{
    char path[PATH_MAX - 8];

    snprintf(path, sizeof(path), "%s/%s.journal", dir, service);
    if ((mkdir(dir, 0755) && errno != EEXIST) || write_file(dir, path, copy))
        return report_fail(r, errno == EACCES || errno == EPERM ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                           "cannot keep its journal in %s (%s); nothing was stopped", path,
                           strerror(errno));
    return 0;
}

static int read_open(int fd, struct journal_copy *copy)
{
    struct file_head head;
    struct stat st;
    int rc;

    if (fstat(fd, &st) || !S_ISREG(st.st_mode))
        return -EINVAL;
    rc = read_whole(fd, &head, sizeof(head));
    if (rc)
        return rc;
    if (memcmp(head.magic, file_magic, sizeof(head.magic)) != 0 || !head.size || head.size % PAGE ||
        head.size > (uint64_t)JOURNAL_COPY_PAGES_MAX * PAGE ||
        (uint64_t)st.st_size != sizeof(head) + head.size)
        return -EINVAL;
    copy->data = malloc(head.size);
    if (!copy->data)
        return -ENOMEM;
    copy->size = head.size;
    copy->version = head.version;
    memcpy(copy->handle, head.handle, sizeof(copy->handle));
    rc = read_whole(fd, copy->data, copy->size);
    if (rc)
        return rc;
    return digest(copy) == head.digest ? 0 : -EINVAL;
}

int journal_kept_in(const char *dir, const char *service, struct journal_copy *copy)
{
    char path[PATH_MAX];
    int fd, rc;

    memset(copy, 0, sizeof(*copy));
    snprintf(path, sizeof(path), "%s/%s.journal", dir, service);
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return errno == ENOENT ? 0 : -errno;
    rc = read_open(fd, copy);
    close(fd);
    if (rc)
        journal_copy_free(copy);
    return rc ? rc : 1;
}

int journal_keep(struct report *r, const char *service, const struct journal_copy *copy)
{
    return journal_keep_in(r, RECORD_DIR, service, copy);
}

int journal_kept(const char *service, struct journal_copy *copy)
{
    return journal_kept_in(RECORD_DIR, service, copy);
}

void journal_forget(const char *service)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), RECORD_DIR "/%s.journal", service);
    unlink(path);
}
