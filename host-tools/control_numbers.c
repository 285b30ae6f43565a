/* SPDX-License-Identifier: ISC */
#include "common/control.h"
#include "common/rendezvous.h"
#include "control_service.h"
#include "values.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/** The domain that this program runs in, to which services offer their vchans. */
#define OWN_DOMID 0

static int read_number(struct store_client *store, const char *dir, const char *name,
                       uint32_t *number)
{
    char path[RENDEZVOUS_PATH_MAX + 32], text[16];
    int rc;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    rc = store_read(store, path, text, sizeof(text));
    if (rc)
        return rc == -ENOBUFS ? -EINVAL : rc;
    return value_number(text, 0, UINT32_MAX, number) ? 0 : -EINVAL;
}

/* Both in one transaction, or they might be of two rings: the service may publish in between. */
static int read_both(struct store_client *store, const char *dir, struct control_numbers *numbers)
{
    int end, rc = store_begin(store);

    if (rc)
        return rc;
    rc = read_number(store, dir, "ring-ref", &numbers->ring_ref);
    if (!rc)
        rc = read_number(store, dir, "event-channel", &numbers->port);
    if (rc == -ETIMEDOUT || rc == -EPROTO)
        return rc; /* the connection is of no use any more, and takes the transaction with it */
    end = store_end(store, false);
    return rc ? rc : end;
}

int control_numbers_read(struct store_client *store, uint32_t domid, const char *name,
                         struct control_numbers *numbers)
{
    char dir[RENDEZVOUS_PATH_MAX];
    uint32_t port;
    int rc;

    rendezvous_path(dir, sizeof(dir), (domid_t)domid, OWN_DOMID, name);
    /* Many may wait for a service whose rings are all in use: that costs XenStore one request. */
    rc = read_number(store, dir, "event-channel", &port);
    if (!rc)
        rc = read_both(store, dir, numbers);
    /* ENOSPC and EBUSY: too many transactions of this domain at the moment. */
    return rc == -ENOSPC || rc == -EBUSY ? -EAGAIN : rc;
}
