/* SPDX-License-Identifier: ISC */
#include "crash_store.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* "-20261123T014500.123Z" */
#define TIME_LENGTH 21u

static const char *const files[] = {"report.txt", "report.json", "journal"};

bool crash_store_name(const char *name, size_t *length)
{
    static const char form[] = "-ddddddddTdddddd.dddZ";
    const size_t all = strlen(name);
    const char *time = name + all - TIME_LENGTH;

    if (all <= TIME_LENGTH || all >= CRASH_NAME_MAX || strchr(name, '/') || name[0] == '.')
        return false;
    for (size_t i = 0; i < TIME_LENGTH; i++) {
        if (form[i] == 'd' ? time[i] < '0' || time[i] > '9' : time[i] != form[i])
            return false;
    }
    *length = all - TIME_LENGTH;
    return true;
}

static void make_name(const char *service, uint64_t ns, char name[CRASH_NAME_MAX])
{
    const time_t seconds = (time_t)(ns / 1000000000u);
    char stamp[32] = "";
    struct tm tm;

    if (gmtime_r(&seconds, &tm))
        strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &tm);
    snprintf(name, CRASH_NAME_MAX, "%s-%s.%03uZ", service, stamp, (unsigned)(ns / 1000000u % 1000));
}

/* All folders on the way to @dir, that one for root alone. */
static int make_dir(const char *dir)
{
    char path[PATH_MAX];

    if (strlen(dir) >= sizeof(path))
        return -ENAMETOOLONG;
    strcpy(path, dir);
    for (char *at = path + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        if (mkdir(path, 0755) && errno != EEXIST)
            return -errno;
        *at = '/';
    }
    return mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

/* A folder of ours: it has no other folders in it. */
static void remove_folder(int dir, const char *name)
{
    const int folder = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

    if (folder < 0)
        return;
    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        unlinkat(folder, files[i], 0);
    close(folder);
    unlinkat(dir, name, AT_REMOVEDIR);
}

static FILE *create(int folder, const char *name)
{
    const int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

    if (fd >= 0 && !f)
        close(fd);
    return f;
}

/* 0 or -errno; closes @f, which may be NULL. */
static int finish(FILE *f)
{
    int error = !f ? -(errno ? errno : EIO) : 0;

    if (f && ferror(f))
        error = -EIO;
    if (f && fclose(f) && !error)
        error = -errno;
    return error;
}

static int write_files(int folder, const struct crash_report *report, const void *journal)
{
    json_t *json = crash_report_json(report);
    FILE *f = create(folder, files[0]);
    int error;

    if (f)
        crash_report_text(report, f);
    error = finish(f);
    f = error ? NULL : create(folder, files[1]);
    if (f && (!json || json_dumpf(json, f, JSON_INDENT(2) | JSON_ENSURE_ASCII)))
        error = -ENOMEM;
    if (f)
        error = error ? (fclose(f), error) : finish(f);
    else if (!error)
        error = -errno;
    json_decref(json);
    if (!error && report->journal_bytes) {
        f = create(folder, files[2]);
        if (f)
            fwrite(journal, 1, report->journal_bytes, f);
        error = finish(f);
    }
    return error;
}

static void prune(const char *dir, int fd, const char *service, unsigned keep)
{
    char(*names)[CRASH_NAME_MAX];
    size_t count;

    if (crash_store_list(dir, service, &names, &count))
        return;
    for (size_t i = 0; i + keep < count; i++)
        remove_folder(fd, names[i]);
    free(names);
}

int crash_store_write(struct report *r, const char *dir, const struct crash_report *report,
                      const void *journal, unsigned keep, char name[CRASH_NAME_MAX])
{
    static const char unfinished[] = ".unfinished";
    int error = make_dir(dir), fd = -1, folder = -1;

    make_name(report->record->service, report->died_ns, name);
    if (!error) {
        fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
            error = -errno;
    }
    if (!error) {
        remove_folder(fd, unfinished); /* of one who was killed in the midst */
        if (mkdirat(fd, unfinished, 0700))
            error = -errno;
    }
    if (!error) {
        folder = openat(fd, unfinished, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        error = folder < 0 ? -errno : write_files(folder, report, journal);
    }
    if (!error && renameat(fd, unfinished, fd, name))
        error = -errno;
    if (!error)
        prune(dir, fd, report->record->service, keep);
    else if (fd >= 0)
        remove_folder(fd, unfinished);
    if (folder >= 0)
        close(folder);
    if (fd >= 0)
        close(fd);
    return error ? report_fail(r, ATOLL_FAILURE, "cannot write the report %s/%s (%s)", dir, name,
                               strerror(-error))
                 : 0;
}

static const char *time_of(const char *name)
{
    return name + strlen(name) - TIME_LENGTH;
}

static int by_time(const void *a, const void *b)
{
    const int order = strcmp(time_of(a), time_of(b));

    return order ? order : strcmp(a, b);
}

int crash_store_list(const char *dir, const char *service, char (**names)[CRASH_NAME_MAX],
                     size_t *count)
{
    DIR *d = opendir(dir);
    struct dirent *entry;
    size_t length, room = 0;

    *names = NULL;
    *count = 0;
    if (!d)
        return errno == ENOENT ? 0 : -errno;
    while (*count < CRASH_LIST_MAX && (entry = readdir(d))) {
        if (!crash_store_name(entry->d_name, &length) ||
            (service && (strlen(service) != length || strncmp(entry->d_name, service, length))))
            continue;
        if (*count == room) {
            char(*more)[CRASH_NAME_MAX];

            room = room ? 2 * room : 16;
            more = realloc(*names, room * sizeof(**names));
            if (!more) {
                free(*names);
                *names = NULL;
                *count = 0;
                closedir(d);
                return -ENOMEM;
            }
            *names = more;
        }
        strcpy((*names)[(*count)++], entry->d_name);
    }
    closedir(d);
    if (*count)
        qsort(*names, *count, sizeof(**names), by_time);
    return 0;
}

json_t *crash_store_read(const char *dir, const char *name, char *why, size_t why_size)
{
    char path[PATH_MAX], *text = malloc(CRASH_JSON_MAX + 1);
    json_error_t error;
    json_t *json = NULL;
    size_t length = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s/report.json", dir, name);
    f = text ? fopen(path, "re") : NULL;
    if (f)
        length = fread(text, 1, CRASH_JSON_MAX + 1, f);
    if (!f)
        snprintf(why, why_size, "%s cannot be read (%s)", path, strerror(errno));
    else if (length > CRASH_JSON_MAX)
        snprintf(why, why_size, "%s has more than %u bytes", path, CRASH_JSON_MAX);
    else if (!(json = json_loadb(text, length, 0, &error)) || !json_is_object(json))
        snprintf(why, why_size, "%s is damaged", path);
    if (json && !json_is_object(json)) {
        json_decref(json);
        json = NULL;
    }
    if (f)
        fclose(f);
    free(text);
    return json;
}
