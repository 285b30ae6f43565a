/* SPDX-License-Identifier: ISC */
#include "rules_state.h"
#include "sha256.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file of rules with its names' meanings. */
#define STATE_MAX (4u << 20)

const char *rules_state_dir(void)
{
    const char *dir = getenv(RULES_STATE_VARIABLE);

    return dir && *dir ? dir : RULES_STATE_DIR;
}

static void state_path(char path[PATH_MAX], const char *service, const char *suffix)
{
    snprintf(path, PATH_MAX, "%.3000s/%s%s", rules_state_dir(), service, suffix);
}

bool rules_state_kept(const char *service)
{
    char path[PATH_MAX];

    state_path(path, service, ".json");
    return access(path, F_OK) == 0;
}

static int state_failed(struct report *r, const char *doing, const char *path)
{
    return report_fail(r, errno == EACCES || errno == EPERM ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                       "cannot %s %s, where the rules of switches are kept (%s)", doing, path,
                       strerror(errno));
}

/* --- reading ------------------------------------------------------------------------------------
 */

static bool take(struct rules_state *state, const json_t *json)
{
    const json_t *generation = json_object_get(json, "generation"),
                 *applied = json_object_get(json, "applied");
    const char *digest = json_string_value(json_object_get(json, "digest")),
               *source = json_string_value(json_object_get(json, "source"));

    state->file = json_incref(json_object_get(json, "rules"));
    state->guests = json_incref(json_object_get(json, "guests"));
    state->domains = json_incref(json_object_get(json, "domains"));
    if (!json_is_integer(generation) || json_integer_value(generation) < 1 ||
        !json_is_integer(applied) || !digest || strlen(digest) != 64 || !source ||
        !json_is_object(state->file) || !json_is_object(state->guests) ||
        !json_is_object(state->domains))
        return false;
    state->generation = (uint64_t)json_integer_value(generation);
    state->applied = (uint64_t)json_integer_value(applied);
    strcpy(state->digest, digest);
    state->source = strdup(source);
    return state->source != NULL;
}

int rules_state_read(struct report *r, const char *service, struct rules_state *state)
{
    char path[PATH_MAX];
    json_error_t error;
    struct stat st;
    json_t *json;
    bool good;
    int fd;

    memset(state, 0, sizeof(*state));
    state_path(path, service, ".json");
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || fstat(fd, &st)) {
        if (fd >= 0)
            close(fd);
        return -state_failed(r, "read", path);
    }
    json = st.st_size <= STATE_MAX ? json_loadfd(fd, JSON_REJECT_DUPLICATES, &error) : NULL;
    close(fd);
    good = json && take(state, json);
    json_decref(json);
    if (good)
        return 1;
    rules_state_free(state);
    return -report_fail(r, ATOLL_FAILURE,
                        "%s is damaged; apply the rules anew (`atoll switch apply`), or remove it, "
                        "and the switch starts without rules",
                        path);
}

void rules_state_free(struct rules_state *state)
{
    free(state->source);
    json_decref(state->file);
    json_decref(state->guests);
    json_decref(state->domains);
    memset(state, 0, sizeof(*state));
}

/* --- writing ------------------------------------------------------------------------------------
 */

/* The folder and those above it. */
static int make_dirs(struct report *r)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%.3000s", rules_state_dir());
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (mkdir(path, 0755) && errno != EEXIST)
            return state_failed(r, "make", path);
        *at = '/';
    }
    return mkdir(path, 0700) && errno != EEXIST ? state_failed(r, "make", path) : 0;
}

int rules_state_prepare(struct report *r, const char *service, const struct rules_state *state)
{
    char path[PATH_MAX];
    json_t *json;
    int fd, rc = make_dirs(r);

    if (rc)
        return rc;
    state_path(path, service, ".json.new");
    json = json_pack("{s:I, s:s, s:I, s:s, s:O, s:O, s:O}", "generation",
                     (json_int_t)state->generation, "digest", state->digest, "applied",
                     (json_int_t)state->applied, "source", state->source, "guests", state->guests,
                     "domains", state->domains, "rules", state->file);
    if (!json)
        return report_fail(r, ATOLL_FAILURE, "out of memory");
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    errno = fd < 0 ? errno : 0;
    if (fd < 0 || json_dumpfd(json, fd, JSON_INDENT(2)) || fsync(fd)) {
        errno = errno ? errno : EIO;
        rc = state_failed(r, "write", path);
    }
    json_decref(json);
    if (fd >= 0 && close(fd) && !rc)
        rc = state_failed(r, "write", path);
    if (rc)
        unlink(path);
    return rc;
}

int rules_state_commit(struct report *r, const char *service)
{
    char from[PATH_MAX], to[PATH_MAX];
    int dir, rc = 0;

    state_path(from, service, ".json.new");
    state_path(to, service, ".json");
    if (rename(from, to))
        return state_failed(r, "write", to);
    dir = open(rules_state_dir(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || (fsync(dir) && errno != EINVAL))
        rc = state_failed(r, "write", to);
    if (dir >= 0)
        close(dir);
    return rc;
}

void rules_state_abandon(const char *service)
{
    char path[PATH_MAX];

    state_path(path, service, ".json.new");
    unlink(path);
}

int rules_state_lock(struct report *r, const char *service, int *fd)
{
    char path[PATH_MAX];
    int rc = make_dirs(r);

    *fd = -1;
    if (rc)
        return rc;
    state_path(path, service, ".lock");
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (*fd < 0)
        return state_failed(r, "open", path);
    while (flock(*fd, LOCK_EX)) {
        if (errno != EINTR) {
            rc = state_failed(r, "lock", path);
            close(*fd);
            *fd = -1;
            return rc;
        }
    }
    return 0;
}

bool rules_state_digest(const json_t *file, const json_t *guests, const json_t *domains,
                        char digest[65])
{
    json_t *json =
        json_pack("{s:O, s:O, s:O}", "rules", file, "guests", guests, "domains", domains);
    char *text = json ? json_dumps(json, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

    if (text)
        sha256_text(text, strlen(text), digest);
    free(text);
    json_decref(json);
    return text != NULL;
}
