/* SPDX-License-Identifier: ISC */
#include "record.h"
#include "host.h"
#include "values.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX ".json"

static int write_all(int fd, const char *text)
{
    size_t len = strlen(text);

    while (len) {
        const ssize_t n = write(fd, text, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        text += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Under another name first: whoever reads finds the old record or the new one. */
static int replace_file(const char *path, const char *text)
{
    char temporary[PATH_MAX];
    int fd, rc;

    if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    if (unlink(temporary) && errno != ENOENT)
        return -1;
    fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return -1;
    rc = write_all(fd, text);
    if (close(fd))
        rc = -1;
    if (!rc)
        rc = rename(temporary, path);
    if (rc) {
        const int saved = errno;

        unlink(temporary);
        errno = saved;
    }
    return rc;
}

int record_write_in(struct report *r, const char *dir, const struct record *record)
{
    char path[PATH_MAX], *text = record_format(record);
    int rc = 0;

    if (!text)
        return report_fail(r, ATOLL_FAILURE, "out of memory");
    snprintf(path, sizeof(path), "%s/%s" SUFFIX, dir, record->service);
    if ((mkdir(dir, 0755) && errno != EEXIST) || replace_file(path, text))
        rc = report_fail(r, errno == EACCES || errno == EPERM ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                         "cannot write its record %s (%s)", path, strerror(errno));
    free(text);
    return rc;
}

int record_write(struct report *r, const struct record *record)
{
    return record_write_in(r, RECORD_DIR, record);
}

void record_remove(const char *service)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), RECORD_DIR "/%s" SUFFIX, service);
    unlink(path);
}

static ssize_t read_file(const char *path, char *text, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct stat st;
    size_t used = 0;
    ssize_t n;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) || !S_ISREG(st.st_mode)) {
        close(fd);
        return -EINVAL;
    }
    while ((n = read(fd, text + used, size - used)) > 0)
        used += (size_t)n;
    n = n < 0 ? -errno : (ssize_t)used;
    close(fd);
    return n;
}

int record_read_in(const char *dir, const char *service, struct record *record, char *why,
                   size_t why_size)
{
    char path[PATH_MAX], text[RECORD_SIZE_MAX + 1], reason[96];
    ssize_t length;

    memset(record, 0, sizeof(*record));
    snprintf(path, sizeof(path), "%s/%s" SUFFIX, dir, service);
    length = read_file(path, text, sizeof(text));
    if (length == -ENOENT)
        return 0;
    if (length < 0) {
        snprintf(why, why_size, "the record %s cannot be read (%s)", path, strerror((int)-length));
        return (int)length;
    }
    snprintf(reason, sizeof(reason), "it is too long");
    if (length > (ssize_t)RECORD_SIZE_MAX ||
        record_parse(text, (size_t)length, record, reason, sizeof(reason))) {
        snprintf(
            why, why_size,
            "the record %s is damaged: %s; remove the file, and the domain with `xl destroy %s`",
            path, reason, service);
        return -EINVAL;
    }
    if (strcmp(record->service, service) == 0)
        return 1;
    snprintf(why, why_size, "the record %s is that of another service, %s; remove the file", path,
             record->service);
    memset(record, 0, sizeof(*record));
    return -EINVAL;
}

int record_read(const char *service, struct record *record, char *why, size_t why_size)
{
    return record_read_in(RECORD_DIR, service, record, why, why_size);
}

unsigned record_list_in(const char *dir, char (*names)[sizeof(((struct record *)0)->service)],
                        unsigned max)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    unsigned count = 0;

    while (d && count < max && (entry = readdir(d))) {
        const size_t len = strlen(entry->d_name), suffix = strlen(SUFFIX);

        if (len <= suffix || len - suffix >= sizeof(*names) ||
            strcmp(entry->d_name + len - suffix, SUFFIX) != 0)
            continue;
        memcpy(names[count], entry->d_name, len - suffix);
        names[count][len - suffix] = '\0';
        count += value_name(names[count], sizeof(*names));
    }
    if (d)
        closedir(d);
    return count;
}

unsigned record_list(char (*names)[sizeof(((struct record *)0)->service)], unsigned max)
{
    return record_list_in(RECORD_DIR, names, max);
}

/* The store's domain, of which nobody has left a record. */
static int find_by_flag(struct report *r, xc_interface *xch, const char *service,
                        struct record *record, enum record_state *state, const char **why)
{
    xc_domaininfo_t info;
    uint32_t domid;
    int rc = host_find_store_domain(r, xch, &domid);

    if (rc || domid == HOST_NO_DOMAIN)
        return rc;
    snprintf(record->service, sizeof(record->service), "%s", service);
    record->domid = domid;
    if (xc_domain_getinfolist(xch, domid, 1, &info) == 1 && info.domain == domid)
        memcpy(record->handle, info.handle, sizeof(record->handle));
    switch (host_domain_state(xch, domid, why)) {
    case HOST_DOMAIN_GONE:
        *state = RECORD_GONE;
        break;
    case HOST_DOMAIN_UNBORN:
        *state = RECORD_STARTING;
        break;
    case HOST_DOMAIN_RUNS:
        *state = RECORD_RUNS;
        break;
    case HOST_DOMAIN_ENDED:
        *state = RECORD_ENDED;
        break;
    }
    return 0;
}

/* Is @domid still the domain that has this UUID? */
static bool same_domain(xc_interface *xch, uint32_t domid, const uint8_t handle[16])
{
    xc_domaininfo_t info;

    return xc_domain_getinfolist(xch, domid, 1, &info) == 1 && info.domain == domid &&
           memcmp(info.handle, handle, sizeof(info.handle)) == 0;
}

int record_find(struct report *r, xc_interface *xch, const char *service, bool store_domain,
                struct record *record, enum record_state *state, const char **why)
{
    char reason[PATH_MAX + 256];
    int rc = record_read(service, record, reason, sizeof(reason));

    *why = "";
    *state = RECORD_NONE;
    if (rc < 0)
        return report_fail(r, rc == -EACCES ? ATOLL_NO_RIGHTS : ATOLL_FAILURE, "%s", reason);
    if (rc == 0)
        return store_domain ? find_by_flag(r, xch, service, record, state, why) : 0;
    if (!record->started) {
        *state = RECORD_STARTING;
        return host_find_domain(r, xch, record->handle, &record->domid);
    }
    *state = RECORD_GONE;
    if (!same_domain(xch, record->domid, record->handle))
        return 0;
    switch (host_domain_state(xch, record->domid, why)) {
    case HOST_DOMAIN_GONE:
        break;
    case HOST_DOMAIN_UNBORN: /* paused by somebody before it ran at all */
    case HOST_DOMAIN_RUNS:
        *state = RECORD_RUNS;
        break;
    case HOST_DOMAIN_ENDED:
        *state = RECORD_ENDED;
        break;
    }
    return 0;
}
