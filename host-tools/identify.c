/* SPDX-License-Identifier: ISC */
#include "identify.h"
#include "rules_names.h"
#include "values.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Others change the same nodes now and then. */
#define TRIES 10

#define VIF_PATH "/local/domain/%u/backend/vif/%u/%u"

/* A number and what ends it at *@text. */
static bool take_number(const char **text, char end, uint32_t *number)
{
    const size_t length = strspn(*text, "0123456789");
    char digits[12];

    if (length == 0 || length >= sizeof(digits) || (*text)[length] != end)
        return false;
    memcpy(digits, *text, length);
    digits[length] = '\0';
    *text += length + (end != '\0');
    return value_number(digits, 0, UINT32_MAX, number);
}

bool identify_path(const char *path, struct identify_vif *vif)
{
    static const char *const news[] = {"frontend", "frontend-id", "online", "state"};
    static const char start[] = "/local/domain/", middle[] = "backend/vif/";
    const char *at = path + sizeof(start) - 1;

    if (strncmp(path, start, sizeof(start) - 1) != 0 || !take_number(&at, '/', &vif->backend) ||
        strncmp(at, middle, sizeof(middle) - 1) != 0)
        return false;
    at += sizeof(middle) - 1;
    if (!take_number(&at, '/', &vif->guest))
        return false;
    if (take_number(&at, '\0', &vif->devid))
        return true;
    if (!take_number(&at, '/', &vif->devid))
        return false;
    for (size_t i = 0; i < sizeof(news) / sizeof(news[0]); i++) {
        if (strcmp(at, news[i]) == 0)
            return true;
    }
    return false;
}

static int read_node(struct store_client *store, const char *dir, const char *node, char *value,
                     size_t size)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", dir, node);
    return store_read(store, path, value, size);
}

/* Write it unless it is so. */
static int write_node(struct store_client *store, const char *dir, const char *node,
                      const char *value, bool *written)
{
    char path[160], present[128];
    int rc = read_node(store, dir, node, present, sizeof(present));

    if (rc == 0 && strcmp(present, value) == 0)
        return 0;
    if (rc && rc != -ENOENT && rc != -ENOBUFS)
        return rc;
    snprintf(path, sizeof(path), "%s/%s", dir, node);
    *written = true;
    return store_write(store, path, value);
}

/*
 * In a transaction, and only while the toolstack's own node is there: a write to a directory that
 * was just removed would bring it back.
 */
static int write_both(struct store_client *store, const char *dir, struct identify_result *result)
{
    char frontend[16];
    uint32_t number;
    int end, rc = store_begin(store);

    if (rc)
        return rc;
    result->written = false;
    rc = read_node(store, dir, "frontend-id", frontend, sizeof(frontend));
    if (!rc &&
        (!value_number(frontend, 0, VALUE_DOMID_LIMIT - 1, &number) || number != result->vif.guest))
        rc = -EINVAL;
    if (!rc)
        rc = write_node(store, dir, "guest-name", result->name, &result->written);
    if (!rc) /* last: with it the switch knows whose it is */
        rc = write_node(store, dir, "guest-uuid", result->uuid, &result->written);
    if (rc == -ETIMEDOUT || rc == -EPROTO)
        return rc;
    end = store_end(store, rc == 0 && result->written);
    return rc ? rc : end;
}

int identify_vif(struct store_client *store, const struct identify_vif *vif,
                 struct identify_result *result)
{
    uint8_t uuid[16];
    char dir[96];
    int rc;

    memset(result, 0, sizeof(*result));
    result->vif = *vif;
    snprintf(dir, sizeof(dir), VIF_PATH, vif->backend, vif->guest, vif->devid);
    if (vif->guest == 0)
        return 0; /* dom0's own: the switch knows it by its domid */
    rc = rules_names_domain(store, vif->guest, result->name, sizeof(result->name), uuid);
    if (rc)
        return rc;
    rules_uuid_text(uuid, result->uuid);
    for (int i = 0; i < TRIES; i++) {
        rc = write_both(store, dir, result);
        if (rc != -EAGAIN)
            break;
    }
    return rc;
}

/* An error after which the connection is of no use. */
static bool fatal(int rc)
{
    return rc == -ETIMEDOUT || rc == -EPROTO || rc == -EBADF;
}

static int all_of_guest(struct store_client *store, const struct identify_vif *guest,
                        identify_done_fn *done, void *context)
{
    struct identify_result result;
    char path[96], *list;
    size_t length;
    int rc;

    snprintf(path, sizeof(path), "/local/domain/%u/backend/vif/%u", guest->backend, guest->guest);
    rc = store_directory(store, path, &list, &length);
    if (rc)
        return fatal(rc) ? rc : 0;
    for (size_t at = 0; !fatal(rc) && at < length; at += strlen(list + at) + 1) {
        struct identify_vif vif = *guest;

        if (!value_number(list + at, 0, UINT32_MAX, &vif.devid))
            continue;
        rc = identify_vif(store, &vif, &result);
        done(context, &result, rc);
    }
    free(list);
    return fatal(rc) ? rc : 0;
}

int identify_all(struct store_client *store, uint32_t backend, identify_done_fn *done,
                 void *context)
{
    char path[64], *list;
    size_t length;
    int rc;

    snprintf(path, sizeof(path), "/local/domain/%u/backend/vif", backend);
    rc = store_directory(store, path, &list, &length);
    if (rc)
        return rc == -ENOENT ? 0 : rc; /* nobody's backend */
    for (size_t at = 0; !rc && at < length; at += strlen(list + at) + 1) {
        struct identify_vif guest = {.backend = backend};

        if (value_number(list + at, 0, VALUE_DOMID_LIMIT - 1, &guest.guest))
            rc = all_of_guest(store, &guest, done, context);
    }
    free(list);
    return rc;
}
