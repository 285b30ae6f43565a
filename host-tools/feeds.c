/* SPDX-License-Identifier: ISC */
#include "feeds.h"
#include "record.h"
#include "rules_state.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

void feeds_add(struct feeds_list *list, const json_t *rules, uint32_t source, const char *service,
               uint32_t domid)
{
    json_t *mirrors = json_object_get(rules, "mirrors"), *mirror;
    const char *name;

    json_object_foreach(mirrors, name, mirror)
    {
        const json_t *client = json_object_get(mirror, "client");
        const char *reader = json_string_value(client);

        if (!(reader && strcmp(reader, service) == 0) &&
            !(json_is_integer(client) && json_integer_value(client) == (json_int_t)domid))
            continue;
        if (list->count == FEEDS_OF_SERVICE)
            list->left_out++;
        else
            snprintf(list->text[list->count++], FEED_TEXT_MAX, "%u %.32s", source, name);
    }
}

/* The domain of a service that runs, or is being started; 0: it does not. */
static uint32_t domain_of(const char *service)
{
    struct record record;
    char why[128];

    return record_read(service, &record, why, sizeof(why)) == 1 ? record.domid : 0;
}

int feeds_service(const struct config *services, const char *name, uint16_t *domid)
{
    if (!config_find(services, name))
        return -ENOENT;
    *domid = (uint16_t)domain_of(name);
    return *domid ? 0 : RULES_ABSENT;
}

static bool names(const json_t *rules, const char *service)
{
    struct feeds_list list = {.count = 0};

    feeds_add(&list, rules, 0, service, UINT32_MAX);
    return list.count > 0;
}

/* All that the rules of all switches say of one service. */
static void collect(struct report *r, const struct config *config, const char *service,
                    uint32_t domid, struct feeds_list *list)
{
    for (unsigned i = 0; i < config->count; i++) {
        const char *name = config->services[i].name;
        const uint32_t source = rules_state_kept(name) ? domain_of(name) : 0;
        struct rules_state state;

        if (!source)
            continue;
        if (rules_state_read(r, name, &state) == 1)
            feeds_add(list, state.file, source, service, domid);
        rules_state_free(&state);
    }
}

static int sync_one(struct store_client *store, uint32_t domid, const struct feeds_list *list)
{
    int rc = 0;

    for (unsigned i = 0; !rc && i < FEEDS_OF_SERVICE; i++) {
        char path[64], before[FEED_TEXT_MAX];

        snprintf(path, sizeof(path), "/local/domain/%u/data/feed/%u", domid, i);
        rc = store_read(store, path, before, sizeof(before));
        if (rc == -ENOBUFS)
            rc = *before = 0;
        if (i < list->count && (rc == -ENOENT || (!rc && strcmp(before, list->text[i]) != 0)))
            rc = store_write(store, path, list->text[i]);
        else if (i >= list->count && !rc)
            rc = store_remove(store, path);
        if (rc == -ENOENT)
            rc = 0;
    }
    return rc;
}

int feeds_sync(struct report *r, struct store_client *store, const char *service, unsigned *count)
{
    struct config config;
    int rc = config_read(r, NULL, &config) ? -EINVAL : 0;

    for (unsigned i = 0; !rc && i < config.count; i++) {
        const char *name = config.services[i].name;
        const uint32_t domid = config.services[i].store_domain ? 0 : domain_of(name);
        struct feeds_list list = {.count = 0};

        if (!domid)
            continue;
        collect(r, &config, name, domid, &list);
        rc = sync_one(store, domid, &list);
        if (list.left_out)
            report_note(r, "%s is named by %u mirrors more than the %u that it takes", name,
                        list.left_out, FEEDS_OF_SERVICE);
        if (service && count && strcmp(name, service) == 0)
            *count = list.count;
    }
    config_free(&config);
    return rc;
}

static int let_go_one(struct store_client *store, uint32_t domid, uint32_t source)
{
    int rc = 0;

    for (unsigned i = 0; !rc && i < FEEDS_OF_SERVICE; i++) {
        char path[64], text[FEED_TEXT_MAX];
        unsigned named;

        snprintf(path, sizeof(path), "/local/domain/%u/data/feed/%u", domid, i);
        rc = store_read(store, path, text, sizeof(text));
        if (!rc && sscanf(text, "%u ", &named) == 1 && named == source)
            rc = store_remove(store, path);
        if (rc == -ENOENT || rc == -ENOBUFS)
            rc = 0;
    }
    return rc;
}

int feeds_let_go(struct report *r, struct store_client *store, uint32_t source)
{
    struct config config;
    int rc = config_read(r, NULL, &config) ? -EINVAL : 0;

    for (unsigned i = 0; !rc && i < config.count; i++) {
        const struct service_settings *service = &config.services[i];
        const uint32_t domid = service->store_domain ? 0 : domain_of(service->name);

        if (domid && domid != source)
            rc = let_go_one(store, domid, source);
    }
    config_free(&config);
    return rc;
}

bool feeds_named(struct report *r, const char *service)
{
    struct config config;
    bool found = false;

    if (config_read(r, NULL, &config))
        config.count = 0;
    for (unsigned i = 0; !found && i < config.count; i++) {
        struct rules_state state;

        if (!rules_state_kept(config.services[i].name))
            continue;
        found =
            rules_state_read(r, config.services[i].name, &state) == 1 && names(state.file, service);
        rules_state_free(&state);
    }
    config_free(&config);
    return found;
}

/* A switch that runs has rules that name @service: they mean another domain now. */
static void give_again(struct report *r, const char *name, const char *service)
{
    const uint32_t domid = domain_of(name);
    struct rules_state state;
    bool named, given;

    if (!domid || !rules_state_kept(name) || strcmp(name, service) == 0)
        return;
    named = rules_state_read(r, name, &state) == 1 && names(state.file, service);
    rules_state_free(&state);
    if (named && !rules_restore_started(r, name, domid, CONTROL_TIMEOUT_MS, &given) && given)
        report_step(r, "%s has its rules again, for mirrors to this domain", name);
}

unsigned feeds_started(struct report *r, struct store_client *store, const char *service)
{
    struct config config;
    unsigned count = 0;
    int rc;

    if (config_read(r, NULL, &config))
        config.count = 0;
    for (unsigned i = 0; i < config.count; i++)
        give_again(r, config.services[i].name, service);
    config_free(&config);
    rc = feeds_sync(r, store, service, &count);
    if (rc)
        report_note(r, "XenStore could not be told which mirrors feed services (%s)",
                    strerror(-rc));
    return count;
}
