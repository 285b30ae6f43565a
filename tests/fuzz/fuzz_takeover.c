/* SPDX-License-Identifier: ISC */
/*
 * The reserved pages of a predecessor, with whatever in them. The successor refuses them and has
 * given everything back, or serves; it never crashes.
 *
 * Input: a byte, odd for bytes of the pages that are changed where they are (a place, a value);
 * even for such within the entries, in a journal that is written anew around them, so that its
 * checksums are right. Of each change: three bytes of place, a byte of what is done, one of value.
 */
#include "input.h"

#include "tests/sim/host.h"
#include "tests/sim/journal_entries.h"

#include <stdlib.h>

#define PAGES       33U
#define STORE_PAGES 400U
#define CHANGES     32U

/* A store with something of everything. */
static void play(struct host *host)
{
    struct client *guest = host_guest(host, 2);
    struct client *other = host_guest(host, 3);
    uint32_t tx;

    (void)client_write(host->dom0, 0, "/a/b", "value");
    (void)client_set_perms(host->dom0, 0, "/a", "n2|r3");
    (void)client_watch(guest, "/a", "token");
    (void)client_watch(other, "@releaseDomain", "gone");
    (void)client_callf(host->dom0, 0, WIRE_SET_TARGET, NULL, "2|3|");
    if (!client_begin(guest, &tx)) {
        (void)client_write(guest, tx, "/a/c", "in it");
        (void)client_write(host->dom0, 0, "/a/d", "beside it");
        (void)client_rm(guest, tx, "/a/b");
    }
    guest->deaf = true;
    (void)client_write(host->dom0, 0, "/a/b", "other");
    (void)client_push(other, "\1\0\0\0\0", 5);
    client_notify(other);
    host_run(host);
    host_kill(host, other);
}

static void change(struct input *input, uint8_t *bytes, size_t size)
{
    for (unsigned i = 0; i < CHANGES && !input_empty(input); i++) {
        size_t at = input_byte(input);
        uint8_t what, value;

        at = (at << 8 | input_byte(input)) << 8;
        at = (at | input_byte(input)) % size;
        what = input_byte(input);
        value = input_byte(input);
        if (what % 3 == 0)
            bytes[at] = value;
        else if (what % 3 == 1)
            bytes[at] ^= (uint8_t)(1U << value % 8);
        else
            bytes[at] = (uint8_t)(bytes[at] + value);
    }
}

/* The journal at @pages once more, with its entries changed. */
static void change_entries(struct input *input, struct sim *sim, uint8_t *pages, size_t size)
{
    static uint8_t entries[PAGES * HV_PAGE_SIZE];
    size_t length = journal_entries(pages, size, entries);

    change(input, entries, length);
    (void)journal_rewrite(sim, pages, size, entries, length); /* or there are too many by now */
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const size_t area = PAGES * HV_PAGE_SIZE;
    struct input input = {data, data + size};
    bool raw = input_byte(&input) & 1;
    struct host *host =
        host_create(&(struct host_config){.store_pages = STORE_PAGES, .journal = PAGES});

    play(host);
    host_end_store(host);
    if (raw)
        change(&input, host->deaths.kept, area);
    else
        change_entries(&input, host->sim, host->deaths.kept + HV_PAGE_SIZE, area - HV_PAGE_SIZE);
    if (!host_succeed(host)) {
        host_run(host);
        (void)client_write(host->dom0, 0, "/a/b", "later");
        sim_set_actor(host->store, NULL, NULL);
        xenstored_destroy(host->xs);
    }
    sim_destroy(host->sim);
    for (unsigned i = 0; i < HOST_CLIENTS; i++)
        if (host->client[i] != NULL)
            client_free(host->client[i]);
    free(host->deaths.kept);
    free(host);
    return 0;
}
