/* SPDX-License-Identifier: ISC */
/* The second domain. It trusts the client: both are ours. */
#include "tests/conformance/peer.h"

#include <errno.h>
#include <hv/memory.h>
#include <string.h>

int conformance_serve(struct conformance_server *server, struct hv *hv, domid_t client)
{
    struct conformance_page *page = hv_page_alloc(hv, 1);
    char *pages = hv_page_alloc(hv, PEER_PAGES);
    evtchn_port_t port;
    grant_ref_t ref;

    if (!page || !pages)
        return -ENOMEM;
    int rc = hv_evtchn_alloc_unbound(hv, client, &port);
    for (unsigned i = 0; i < PEER_PAGES && rc == 0; i++) {
        memset(pages + (size_t)i * HV_PAGE_SIZE, '0' + (int)i, HV_PAGE_SIZE);
        rc = hv_grant_access(hv, client, pages + (size_t)i * HV_PAGE_SIZE, false, &ref);
        page->refs[i] = ref;
    }
    if (rc == 0)
        rc = hv_grant_access(hv, client, page, false, &ref);
    if (rc != 0)
        return rc;

    *server = (struct conformance_server){.hv = hv, .page = page, .pages = pages, .port = port};
    page->port = port;
    page->self = ref;
    hv_shared_write32(hv, &page->magic, PEER_MAGIC); /* the rest is there: it may look */
    return 0;
}

static int rebind(struct conformance_server *server, domid_t client, evtchn_port_t port)
{
    int rc = hv_evtchn_close(server->hv, server->port);

    return rc ? rc : hv_evtchn_bind_interdomain(server->hv, client, port, &server->port);
}

static int serve(struct conformance_server *server, uint32_t command, const uint32_t *argument)
{
    struct hv *hv = server->hv;
    char *page = server->pages + (size_t)(argument[0] % PEER_PAGES) * HV_PAGE_SIZE;
    grant_ref_t ref = 0;
    int rc;

    switch (command) {
    case PEER_NOTHING:
        return 0;
    case PEER_REVOKE:
        return hv_grant_revoke(hv, argument[0]);
    case PEER_GRANT:
        rc = hv_grant_access(hv, (domid_t)argument[1], page, argument[2] != 0, &ref);
        hv_shared_write32(hv, &server->page->reply, ref);
        return rc;
    case PEER_PEEK:
        hv_shared_write32(hv, &server->page->reply, (uint8_t)page[argument[1] % HV_PAGE_SIZE]);
        return 0;
    case PEER_POKE:
        page[argument[1] % HV_PAGE_SIZE] = (char)argument[2];
        return 0;
    case PEER_SEND:
        for (uint32_t i = 0; i < argument[0]; i++) {
            rc = hv_evtchn_send(hv, server->port);
            if (rc != 0)
                return rc;
        }
        return 0;
    case PEER_REBIND:
        return rebind(server, (domid_t)argument[1], argument[0]);
    case PEER_WATCHDOG:
        return hv_watchdog(hv, argument[0]);
    case PEER_HANG:
        server->hangs = true;
        return 0;
    }
    return -ENOSYS;
}

uint64_t conformance_serve_step(struct conformance_server *server)
{
    struct hv *hv = server->hv;
    struct conformance_page *page = server->page;
    uint32_t argument[3];

    while (hv_evtchn_next(hv) != 0)
        ;
    if (server->hangs)
        return HV_NEVER;
    uint32_t sequence = hv_shared_read32(hv, &page->sequence);
    if (sequence == server->served)
        return HV_NEVER;

    for (unsigned i = 0; i < 3; i++)
        argument[i] = hv_shared_read32(hv, &page->argument[i]);
    int rc = serve(server, hv_shared_read32(hv, &page->command), argument);
    if (server->hangs)
        return HV_NEVER;
    server->served = sequence;
    hv_shared_write32(hv, &page->result, (uint32_t)rc);
    hv_shared_write32(hv, &page->served, sequence);
    hv_evtchn_send(hv, server->port);
    return HV_NEVER;
}
