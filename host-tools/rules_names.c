/* SPDX-License-Identifier: ISC */
#include "rules_names.h"
#include "sha256.h"
#include "values.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORE_TIMEOUT_MS 10000

/* --- nobody is asked ----------------------------------------------------------------------------
 */

/* Different names, different uuids: what is said twice of one guest is seen. */
static int nobody_guest(void *context, const char *name, uint8_t uuid[16], char *why, size_t size)
{
    uint8_t digest[32];

    sha256(name, strlen(name), digest);
    memcpy(uuid, digest, 16);
    return 0;
}

static int nobody_domain(void *context, const char *name, uint16_t *domid, char *why, size_t size)
{
    *domid = 0;
    return 0;
}

const struct rules_resolver rules_resolve_nothing = {.guest = nobody_guest,
                                                     .domain = nobody_domain};

/* --- XenStore -----------------------------------------------------------------------------------
 */

int rules_names_domain(struct store_client *store, uint32_t domid, char *name, size_t size,
                       uint8_t uuid[16])
{
    char path[64], value[256];
    int rc = 0;

    if (name) {
        snprintf(path, sizeof(path), "/local/domain/%u/name", domid);
        rc = store_read(store, path, value, sizeof(value));
        if (!rc) {
            for (char *c = value; *c; c++)
                *c = *c < ' ' || *c > '~' ? '?' : *c;
            snprintf(name, size, "%s", value);
        }
    }
    if (!rc && uuid) {
        snprintf(path, sizeof(path), "/local/domain/%u/vm", domid);
        rc = store_read(store, path, value, sizeof(value));
        if (!rc && (strncmp(value, "/vm/", 4) != 0 || !rules_uuid_parse(value + 4, uuid)))
            rc = -ENOENT;
    }
    return rc;
}

static int open_store(struct rules_names *names)
{
    if (names->opened || names->store_error)
        return names->store_error;
    names->store_error = store_open(&names->store, STORE_DEVICE, STORE_TIMEOUT_MS);
    names->opened = names->store_error == 0;
    if (names->opened)
        names->store_error =
            store_directory(&names->store, "/local/domain", &names->list, &names->list_length);
    return names->store_error;
}

/* How many domains have this name; the last of them into @domid. Or -errno. */
static int find_domain(struct rules_names *names, const char *name, uint32_t *domid)
{
    char found[256];
    int count = 0, rc = open_store(names);

    if (rc)
        return rc;
    for (size_t at = 0; at < names->list_length; at += strlen(names->list + at) + 1) {
        uint32_t number;

        if (!value_number(names->list + at, 0, VALUE_DOMID_LIMIT - 1, &number))
            continue;
        rc = rules_names_domain(&names->store, number, found, sizeof(found), NULL);
        if (rc == -ETIMEDOUT || rc == -EPROTO) {
            names->store_error = rc;
            return rc;
        }
        if (!rc && strcmp(found, name) == 0) {
            *domid = number;
            count++;
        }
    }
    return count;
}

static int store_unasked(int error, char *why, size_t size)
{
    snprintf(
        why, size,
        "XenStore, which knows names, cannot be asked (%s); run this as root in dom0, or write "
        "the guest's uuid",
        strerror(-error));
    return error;
}

static int known_guest(struct rules_names *names, const char *name, uint8_t uuid[16])
{
    const char *text = json_string_value(json_object_get(names->known_guests, name));

    return text && rules_uuid_parse(text, uuid) ? 0 : -ENOENT;
}

static int find_guest(struct rules_names *names, const char *name, uint8_t uuid[16], char *why,
                      size_t size)
{
    uint32_t domid = 0;
    int count;

    if (names->known_first && known_guest(names, name, uuid) == 0)
        return 0;
    count = find_domain(names, name, &domid);
    if (count > 1) {
        snprintf(why, size, "%d domains have this name; write the guest's uuid (xl list -v)",
                 count);
        return -EINVAL;
    }
    if (count == 1 && rules_names_domain(&names->store, domid, NULL, 0, uuid) == 0)
        return 0;
    if (known_guest(names, name, uuid) == 0)
        return 0;
    if (count < 0)
        return store_unasked(count, why, size);
    snprintf(why, size, "%s; %s", count ? "it has no uuid" : "no running guest has this name",
             count ? "is it a guest of xl's? Write its uuid, if it has one"
                   : "start it first, or write the guest's uuid (`xl list -v`, or `uuid` in its "
                     "configuration)");
    return -ENOENT;
}

static int resolve_guest(void *context, const char *name, uint8_t uuid[16], char *why, size_t size)
{
    struct rules_names *names = context;
    char text[RULES_UUID_TEXT];
    int rc = find_guest(names, name, uuid, why, size);

    if (rc)
        return rc;
    rules_uuid_text(uuid, text);
    json_object_set_new(names->guests, name, json_string(text));
    return 0;
}

static int resolve_domain(void *context, const char *name, uint16_t *domid, char *why, size_t size)
{
    struct rules_names *names = context;
    const json_t *known = json_object_get(names->known_domains, name);
    uint32_t number = 0;
    int count, rc = -ENOENT;

    if (names->service)
        rc = names->service(names->services, name, domid);
    if (rc != -ENOENT) {
        json_object_set_new(names->domains, name, json_integer(rc ? 0 : *domid));
        return rc;
    }
    count = find_domain(names, name, &number);
    if (count > 1) {
        snprintf(why, size, "%d domains have this name; write its domain id", count);
        return -EINVAL;
    }
    if (count < 1 && json_is_integer(known) && json_integer_value(known) > 0 &&
        json_integer_value(known) < VALUE_DOMID_LIMIT) {
        number = (uint32_t)json_integer_value(known);
    } else if (count < 0) {
        return store_unasked(count, why, size);
    } else if (count == 0) {
        snprintf(why, size,
                 "no running domain has this name; start it first, or write a domain "
                 "id");
        return -ENOENT;
    }
    *domid = (uint16_t)number;
    json_object_set_new(names->domains, name, json_integer(number));
    return 0;
}

void rules_names_init(struct rules_names *names)
{
    memset(names, 0, sizeof(*names));
    names->resolver =
        (struct rules_resolver){.guest = resolve_guest, .domain = resolve_domain, .context = names};
    names->guests = json_object();
    names->domains = json_object();
    names->store.fd = -1;
}

void rules_names_free(struct rules_names *names)
{
    json_decref(names->guests);
    json_decref(names->domains);
    free(names->list);
    store_close(&names->store);
}
