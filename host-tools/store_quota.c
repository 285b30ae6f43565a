/* SPDX-License-Identifier: ISC */
#include "store_quota.h"
#include "control_client.h"
#include "host.h"
#include <errno.h>
#include <string.h>

/* Quotas that a service may have: beyond, it lies. */
#define QUOTAS_MAX 1000u

/* How much of the quota the domain may have; 0: no limit. */
static int find_limit(struct report *r, struct control_client *client, uint32_t domid,
                      const char *name, uint64_t *limit)
{
    struct control_answer answer = {.kind = CONTROL_ITEM};
    bool found = false;
    int rc;

    control_put_number(control_client_begin(client, CONTROL_T_STORE_QUOTA), CONTROL_F_DOMID, domid);
    rc = control_client_send(client);
    for (unsigned items = 0; !rc && answer.kind == CONTROL_ITEM && items < QUOTAS_MAX; items++) {
        struct control_field group;
        struct control_reader quota;
        char text[32];

        rc = control_client_next(client, CONTROL_TIMEOUT_MS, &answer);
        if (rc || !control_find(&answer.fields, CONTROL_F_QUOTA, &group))
            continue;
        control_read_group(&quota, &group);
        if (!control_string(&quota, CONTROL_F_NAME, text, sizeof(text)) || strcmp(text, name) != 0)
            continue;
        *limit = control_number(&quota, CONTROL_F_VALUE, 0);
        found = true;
    }
    if (rc)
        return rc;
    return found && answer.kind == CONTROL_END
               ? 0
               : report_fail(r, ATOLL_FAILURE, "XenStore knows no quota %s", name);
}

static int set_limit(struct control_client *client, uint32_t domid, const char *name,
                     uint32_t wanted)
{
    struct control_writer *request = control_client_begin(client, CONTROL_T_STORE_SET);
    struct control_answer answer;

    control_put_number(request, CONTROL_F_DOMID, domid);
    control_put_string(request, CONTROL_F_NAME, name);
    control_put_number(request, CONTROL_F_VALUE, wanted);
    return control_client_call(client, CONTROL_T_STORE_SET, &answer);
}

static int raise_limit(struct report *r, uint32_t store_domid, uint32_t domid, const char *name,
                       uint32_t wanted, bool *raised)
{
    struct control_client *client = NULL;
    uint64_t limit = 0;
    int rc = control_client_open_domain(r, "xenstored", store_domid, CONTROL_TIMEOUT_MS, &client);

    if (!rc)
        rc = find_limit(r, client, domid, name, &limit);
    if (!rc && limit != 0 && limit < wanted) {
        rc = set_limit(client, domid, name, wanted);
        *raised = rc == 0;
    }
    control_client_close(client);
    return rc;
}

bool store_quota_ask(struct report *r, uint32_t store_domid, uint32_t domid, const char *name,
                     uint32_t wanted)
{
    struct report_kept kept;
    char error[256] = "out of memory";
    bool raised = false;
    int rc = ATOLL_FAILURE;

    if (report_keep(&kept, r)) {
        rc = raise_limit(&kept.report, store_domid, domid, name, wanted, &raised);
        report_kept_end(&kept, error, sizeof(error));
    }
    if (rc && rc != ATOLL_INTERRUPTED)
        report_note(r,
                    "XenStore's quota of %s for domain %u is as it was (%s); `atoll store quota "
                    "set --domid %u %s %u` raises it",
                    name, domid, error, domid, name, wanted);
    return raised;
}

/* Whether its control clients find it as they find a service of ours. */
static bool is_ours(struct store_client *store, uint32_t store_domid)
{
    char path[64], value[8];
    int rc;

    if (store_domid == HOST_NO_DOMAIN)
        return false;
    snprintf(path, sizeof(path), "/local/domain/%u/data/vchan", store_domid);
    rc = store_read(store, path, value, sizeof(value));
    if (rc == -ETIMEDOUT || rc == -EPROTO)
        store_close(store); /* a late answer would be taken for that of the next request */
    return rc == 0;
}

bool store_quota_raise(struct report *r, struct store_client *store, uint32_t store_domid,
                       uint32_t domid, const char *name, uint32_t wanted)
{
    return is_ours(store, store_domid) && store_quota_ask(r, store_domid, domid, name, wanted);
}

static int set_hold(struct report *r, uint32_t store_domid, uint32_t domid, uint32_t seconds)
{
    struct control_client *client = NULL;
    struct control_writer *request;
    struct control_answer answer;
    int rc = control_client_open_domain(r, "xenstored", store_domid, CONTROL_TIMEOUT_MS, &client);

    if (!rc && control_client_knows(client, CONTROL_T_STORE_HOLD)) {
        request = control_client_begin(client, CONTROL_T_STORE_HOLD);
        control_put_number(request, CONTROL_F_DOMID, domid);
        control_put_number(request, CONTROL_F_VALUE, seconds);
        rc = control_client_call(client, CONTROL_T_STORE_HOLD, &answer);
    }
    control_client_close(client);
    return rc;
}

void store_hold_set(struct report *r, struct store_client *store, uint32_t store_domid,
                    uint32_t domid, uint32_t seconds)
{
    struct report_kept kept;
    char error[256] = "out of memory";
    int rc = ATOLL_FAILURE;

    if (!is_ours(store, store_domid))
        return;
    if (report_keep(&kept, r)) {
        rc = set_hold(&kept.report, store_domid, domid, seconds);
        report_kept_end(&kept, error, sizeof(error));
    }
    if (rc && rc != ATOLL_INTERRUPTED)
        report_note(r,
                    "should it end, its nodes in XenStore go (%s); `atoll store hold %u %u` keeps "
                    "them for a successor",
                    error, domid, seconds);
    else if (!rc)
        report_step(r, "XenStore holds its nodes for %u s, should it end", seconds);
}
