/* SPDX-License-Identifier: ISC */
#include "store_client.h"
#include "report.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int store_open(struct store_client *c, const char *device, int timeout_ms)
{
    c->last_id = c->transaction = c->posted = 0;
    c->timeout_ms = timeout_ms;
    c->fd = open(device, O_RDWR | O_CLOEXEC);
    return c->fd < 0 ? -errno : 0;
}

void store_close(struct store_client *c)
{
    if (c->fd >= 0)
        close(c->fd);
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

static int read_exact(int fd, void *buf, size_t len, uint64_t deadline_ns)
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

static int send_request(struct store_client *c, uint32_t type, const void *payload, size_t len)
{
    struct xsd_sockmsg msg = {
        .type = type, .req_id = c->last_id + 1, .tx_id = c->transaction, .len = (uint32_t)len};
    char buf[sizeof(msg) + XENSTORE_PAYLOAD_MAX];

    if (len > XENSTORE_PAYLOAD_MAX)
        return -E2BIG;
    c->last_id++;
    memcpy(buf, &msg, sizeof(msg));
    if (len)
        memcpy(buf + sizeof(msg), payload, len);
    return write_all(c->fd, buf, sizeof(msg) + len);
}

/* Into @result 0 or the store's own error; what is returned is an error of the connection. */
static int take_answer(struct store_client *c, uint32_t id, uint32_t type, uint64_t deadline,
                       char *reply, size_t *reply_len, int *result)
{
    struct xsd_sockmsg msg;
    int rc = read_exact(c->fd, &msg, sizeof(msg), deadline);

    if (rc)
        return rc;
    if (msg.len > XENSTORE_PAYLOAD_MAX || msg.req_id != id ||
        (msg.type != type && msg.type != XS_ERROR))
        return -EPROTO;
    rc = read_exact(c->fd, reply, msg.len, deadline);
    if (rc)
        return rc;
    *reply_len = msg.len;
    *result = msg.type == XS_ERROR ? error_number(reply, msg.len) : 0;
    return 0;
}

static uint64_t deadline_of(const struct store_client *c)
{
    return report_now_ns() + (uint64_t)c->timeout_ms * 1000000u;
}

int store_request(struct store_client *c, uint32_t type, const void *payload, size_t len,
                  char *reply, size_t *reply_len)
{
    const uint64_t deadline = deadline_of(c);
    int result = 0, rc = send_request(c, type, payload, len);

    if (!rc)
        rc = take_answer(c, c->last_id, type, deadline, reply, reply_len, &result);
    return rc ? rc : result;
}

int store_post(struct store_client *c, uint32_t type, const void *payload, size_t len)
{
    int rc;

    if (c->posted == STORE_BATCH_MAX)
        return -ENOBUFS;
    rc = send_request(c, type, payload, len);
    if (!rc)
        c->types[c->posted++] = (uint8_t)type;
    return rc;
}

int store_collect(struct store_client *c, int results[STORE_BATCH_MAX])
{
    const uint64_t deadline = deadline_of(c);
    const uint32_t first = c->last_id - c->posted + 1;
    char reply[XENSTORE_PAYLOAD_MAX];
    size_t len;
    int rc = 0;

    for (unsigned i = 0; i < c->posted && !rc; i++)
        rc = take_answer(c, first + i, c->types[i], deadline, reply, &len, &results[i]);
    c->posted = 0;
    return rc;
}

/* "PATH", a NUL, "VALUE": its length, or -E2BIG. */
static int write_payload(char payload[XENSTORE_PAYLOAD_MAX], const char *path, const char *value)
{
    const size_t path_len = strlen(path) + 1, value_len = strlen(value);

    if (path_len + value_len > XENSTORE_PAYLOAD_MAX)
        return -E2BIG;
    memcpy(payload, path, path_len);
    memcpy(payload + path_len, value, value_len);
    return (int)(path_len + value_len);
}

int store_write(struct store_client *c, const char *path, const char *value)
{
    char payload[XENSTORE_PAYLOAD_MAX], reply[XENSTORE_PAYLOAD_MAX];
    int len = write_payload(payload, path, value);
    size_t reply_len;

    return len < 0 ? len : store_request(c, XS_WRITE, payload, (size_t)len, reply, &reply_len);
}

int store_post_write(struct store_client *c, const char *path, const char *value)
{
    char payload[XENSTORE_PAYLOAD_MAX];
    int len = write_payload(payload, path, value);

    return len < 0 ? len : store_post(c, XS_WRITE, payload, (size_t)len);
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
