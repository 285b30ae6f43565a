/* SPDX-License-Identifier: ISC */
#include "store_client.h"
#include "report.h"
#include "store_events.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int store_open(struct store_client *c, const char *device, int timeout_ms)
{
    c->last_id = c->transaction = 0;
    c->events = NULL;
    c->timeout_ms = timeout_ms;
    c->fd = open(device, O_RDWR | O_CLOEXEC);
    return c->fd < 0 ? -errno : 0;
}

void store_close(struct store_client *c)
{
    if (c->fd >= 0) {
        close(c->fd);
        store_events_free(c);
    }
    c->fd = -1;
}

/* Wait for bytes, at most until @deadline_ns, then read some of them. */
static int read_some(int fd, void *buf, size_t len, uint64_t deadline_ns, size_t *got)
{
    for (;;) {
        const uint64_t now = report_now_ns();
        struct pollfd p = {.fd = fd, .events = POLLIN};
        ssize_t n;
        int rc;

        rc = poll(&p, 1, now >= deadline_ns ? 0 : (int)((deadline_ns - now + 999999) / 1000000));
        if (rc == 0)
            return -ETIMEDOUT;
        if (rc < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        n = read(fd, buf, len);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n < 0)
            return -errno;
        if (n == 0)
            return -EPROTO; /* the other end is gone in the midst of an answer */
        *got = (size_t)n;
        return 0;
    }
}

int store_read_exact(int fd, void *buf, size_t len, uint64_t deadline_ns)
{
    size_t done = 0;

    while (done < len) {
        size_t got = 0;
        int rc = read_some(fd, (char *)buf + done, len - done, deadline_ns, &got);

        if (rc)
            return rc;
        done += got;
    }
    return 0;
}

static int error_number(const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++) {
        const char *known = xsd_errors[i].errstring;

        if (len == strlen(known) + 1 && memcmp(name, known, len) == 0)
            return -xsd_errors[i].errnum;
    }
    return -EIO;
}

/* The kernel's device takes a request in one write, or in pieces where it must. */
static int write_all(int fd, const char *buf, size_t len)
{
    while (len) {
        ssize_t n = write(fd, buf, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n ? -errno : -EPROTO;
        buf += n;
        len -= (size_t)n;
    }
    return 0;
}

int store_request(struct store_client *c, uint32_t type, const void *payload, size_t len,
                  char *reply, size_t *reply_len)
{
    const uint64_t deadline = report_now_ns() + (uint64_t)c->timeout_ms * 1000000u;
    struct xsd_sockmsg msg = {
        .type = type, .req_id = ++c->last_id, .tx_id = c->transaction, .len = (uint32_t)len};
    char buf[sizeof(msg) + XENSTORE_PAYLOAD_MAX];
    int rc;

    if (len > XENSTORE_PAYLOAD_MAX)
        return -E2BIG;
    memcpy(buf, &msg, sizeof(msg));
    if (len)
        memcpy(buf + sizeof(msg), payload, len);
    rc = write_all(c->fd, buf, sizeof(msg) + len);
    if (rc)
        return rc;
    do {
        rc = store_read_exact(c->fd, &msg, sizeof(msg), deadline);
        if (!rc && msg.type == XS_WATCH_EVENT && c->events)
            rc = store_events_take(c, &msg, deadline);
        if (rc)
            return rc;
    } while (msg.type == XS_WATCH_EVENT && c->events);
    /* Watches are the kernel's affair: it says OK by itself, with 0 for the id. */
    if (msg.len > XENSTORE_PAYLOAD_MAX ||
        (msg.req_id != c->last_id &&
         (msg.req_id != 0 || (msg.type != XS_WATCH && msg.type != XS_UNWATCH))) ||
        (msg.type != type && msg.type != XS_ERROR))
        return -EPROTO;
    rc = store_read_exact(c->fd, reply, msg.len, deadline);
    if (rc)
        return rc;
    *reply_len = msg.len;
    return msg.type == XS_ERROR ? error_number(reply, msg.len) : 0;
}

int store_write(struct store_client *c, const char *path, const char *value)
{
    char payload[XENSTORE_PAYLOAD_MAX], reply[XENSTORE_PAYLOAD_MAX];
    const size_t path_len = strlen(path) + 1, value_len = strlen(value);
    size_t reply_len;

    if (path_len + value_len > sizeof(payload))
        return -E2BIG;
    memcpy(payload, path, path_len);
    memcpy(payload + path_len, value, value_len);
    return store_request(c, XS_WRITE, payload, path_len + value_len, reply, &reply_len);
}

int store_read(struct store_client *c, const char *path, char *value, size_t size)
{
    char reply[XENSTORE_PAYLOAD_MAX];
    size_t len;
    int rc = store_request(c, XS_READ, path, strlen(path) + 1, reply, &len);

    if (rc)
        return rc;
    if (len >= size)
        return -ENOBUFS;
    memcpy(value, reply, len);
    value[len] = '\0';
    return 0;
}

int store_make(struct store_client *c, const char *path, const char *const perms[])
{
    char payload[256], reply[XENSTORE_PAYLOAD_MAX];
    size_t used = strlen(path) + 1, len;
    int rc;

    if (used > sizeof(payload))
        return -E2BIG;
    memcpy(payload, path, used);
    rc = store_request(c, XS_MKDIR, payload, used, reply, &len);
    if (rc)
        return rc;
    for (size_t i = 0; perms[i]; i++) {
        const size_t size = strlen(perms[i]) + 1;

        if (size > sizeof(payload) - used)
            return -E2BIG;
        memcpy(payload + used, perms[i], size);
        used += size;
    }
    return store_request(c, XS_SET_PERMS, payload, used, reply, &len);
}

int store_introduce(struct store_client *c, uint32_t domid, uint64_t gfn, uint32_t port)
{
    char payload[64], reply[XENSTORE_PAYLOAD_MAX];
    size_t used = 0, len;

    used += (size_t)snprintf(payload, sizeof(payload), "%u", domid) + 1;
    used +=
        (size_t)snprintf(payload + used, sizeof(payload) - used, "%llu", (unsigned long long)gfn) +
        1;
    used += (size_t)snprintf(payload + used, sizeof(payload) - used, "%u", port) + 1;
    return store_request(c, XS_INTRODUCE, payload, used, reply, &len);
}

int store_release(struct store_client *c, uint32_t domid)
{
    char payload[16], reply[XENSTORE_PAYLOAD_MAX];
    const int used = snprintf(payload, sizeof(payload), "%u", domid);
    size_t len;

    return store_request(c, XS_RELEASE, payload, (size_t)used + 1, reply, &len);
}

int store_remove(struct store_client *c, const char *path)
{
    char reply[XENSTORE_PAYLOAD_MAX];
    size_t len;

    return store_request(c, XS_RM, path, strlen(path) + 1, reply, &len);
}

int store_begin(struct store_client *c)
{
    char reply[XENSTORE_PAYLOAD_MAX];
    size_t len;
    unsigned long id;
    char *end;
    int rc;

    rc = store_request(c, XS_TRANSACTION_START, "", 1, reply, &len);
    if (rc)
        return rc;
    if (len < 2 || reply[len - 1] != '\0' || reply[0] < '0' || reply[0] > '9')
        return -EPROTO;
    id = strtoul(reply, &end, 10);
    if (end != reply + len - 1 || id == 0 || id > UINT32_MAX)
        return -EPROTO;
    c->transaction = (uint32_t)id;
    return 0;
}

int store_end(struct store_client *c, bool commit)
{
    char reply[XENSTORE_PAYLOAD_MAX];
    size_t len;
    int rc = store_request(c, XS_TRANSACTION_END, commit ? "T" : "F", 2, reply, &len);

    c->transaction = 0;
    return rc;
}
