/* SPDX-License-Identifier: ISC */
/*
 * A journal whose checksums are right and whose entries are not: refused, whatever is wrong. An
 * entry of a good journal is changed in one place, and the journal written anew around it.
 */
#include "journal_entries.h"
#include "recovery_test.h"

#include "services/xenstored/hold.h"
#include "services/xenstored/recorder.h"

#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define PAGES 33U
#define AREA  (PAGES * HV_PAGE_SIZE)

#define OK(call) ck_assert_int_eq((call), 0)

/* @length bytes at @at of the @nth entry of the type (from 0) become those of @value. */
struct wrong {
    const char *what;
    enum entry_type type;
    unsigned nth;
    size_t at;
    unsigned length;
    uint64_t value;
};

#define BODY(type, field)                                                                          \
    offsetof(struct entry_##type, field), sizeof(((struct entry_##type *)0)->field)

/* What is not of the body, but before it. */
#define TYPE (size_t)0 - sizeof(struct entry), 2

static const struct wrong wrongs[] = {
    {"nothing is", ENTRY_HEAD, 0, 0, 0, 0},
    {"another version", ENTRY_HEAD, 0, BODY(head, version), JOURNAL_ENTRY_VERSION + 1},
    {"another control domain", ENTRY_HEAD, 0, BODY(head, priv_domid), 7},
    {"another service's", ENTRY_HEAD, 0, BODY(head, own_domid), 7},
    {"changes that overflow", ENTRY_HEAD, 0, BODY(head, changes), UINT64_C(1) << 47},
    {"sequence that overflows", ENTRY_HEAD, 0, BODY(head, sequence), UINT64_C(1) << 63},
    {"no head", ENTRY_HEAD, 0, TYPE, ENTRY_DOMAIN},
    {"two heads", ENTRY_SPECIAL, 0, TYPE, ENTRY_HEAD},
    {"an event within the checkpoint", ENTRY_WATCH, 0, TYPE, ENTRY_DONE},
    {"no such type", ENTRY_WATCH, 0, TYPE, 99},
    {"no end", ENTRY_END, 0, TYPE, ENTRY_SPECIAL},
    {"a domain that cannot be", ENTRY_DOMAIN, 0, BODY(domain, domid), HV_DOMID_FIRST_RESERVED},
    {"held for ever", ENTRY_DOMAIN, 0, BODY(domain, hold), HOLD_MAX + 1},
    {"held for longer than said", ENTRY_DOMAIN, 0, BODY(domain, held), 1},
    {"held though it is not to be", ENTRY_DOMAIN, 0, BODY(domain, held_until), 1},
    {"a path that ends beyond", ENTRY_NODE, 1, BODY(node, path_size), 60000},
    {"a value that ends beyond", ENTRY_NODE, 1, BODY(node, value_length), 60000},
    {"too many permissions", ENTRY_NODE, 1, BODY(node, perms), 60000},
    {"no permissions", ENTRY_NODE, 1, BODY(node, perms), 0},
    {"no birth of its own", ENTRY_NODE, 1, BODY(node, sequence), UINT64_MAX},
    {"rights that are none", ENTRY_NODE, 1, sizeof(struct entry_node) + 2, 2, 0x40},
    {"an owner that is not", ENTRY_NODE, 1, sizeof(struct entry_node), 2, 999},
    {"a path from nowhere", ENTRY_NODE, 1, sizeof(struct entry_node) + 4, 1, 'x'},
    {"a node that comes twice", ENTRY_NODE, 4, sizeof(struct entry_node) + 5, 1, 'a'},
    {"a special node that is none", ENTRY_SPECIAL, 0, BODY(node, special), SPECIAL_COUNT},
    {"a connection without a number", ENTRY_CONNECTION, 0, BODY(connection, id), 0},
    {"a connection of nobody", ENTRY_CONNECTION, 0, BODY(connection, domid), 999},
    {"two connections of one domain", ENTRY_CONNECTION, 1, BODY(connection, domid), 0},
    {"a watch of nobody", ENTRY_WATCH, 0, BODY(watch, connection), 999},
    {"a depth below any", ENTRY_WATCH, 0, BODY(watch, depth), (uint32_t)-7},
    {"a token that ends beyond", ENTRY_WATCH, 0, BODY(watch, token_size), 9},
    {"a transaction of nobody", ENTRY_TRANSACTION, 0, BODY(transaction, connection), 999},
    {"a transaction without a number", ENTRY_TRANSACTION, 0, BODY(transaction, id), 0},
    {"a log of nothing", ENTRY_LOGGED, 0, BODY(logged, id), 999},
    {"a log of what is not logged", ENTRY_LOGGED, 0, BODY(logged, type), WIRE_WATCH},
    {"output of nobody", ENTRY_OUTPUT, 0, BODY(output, connection), 999},
    {"output behind more than there is", ENTRY_OUTPUT, 0, BODY(output, pending), 1U << 30},
    {"a request of nobody", ENTRY_REQUEST, 0, BODY(request, connection), 999},
    {"a request that cannot have succeeded", ENTRY_REQUEST, 0, BODY(request, type), WIRE_UNWATCH},
    {"a request of no transaction", ENTRY_REQUEST, 0, BODY(request, tx_id), 999},
    {"a request with a conflict", ENTRY_REQUEST, 0, BODY(request, outcome), ENTRY_CONFLICT},
    {"a request logged nowhere", ENTRY_REQUEST, 0, BODY(request, outcome), ENTRY_LOGGED_SUCCESS},
    {"a request with another outcome", ENTRY_REQUEST, 0, BODY(request, outcome), 99},
    {"an answer to nobody", ENTRY_ANSWERED, 0, BODY(answered, connection), 999},
    {"what cannot have succeeded", ENTRY_ANSWERED, 0, BODY(answered, type), WIRE_UNWATCH},
    {"an answer of no transaction", ENTRY_ANSWERED, 0,
     sizeof(struct entry_answered) + offsetof(struct xs_header, tx_id), 4, 999},
    {"a conflict of what is no commit", ENTRY_ANSWERED, 0, BODY(answered, outcome), ENTRY_CONFLICT},
    {"an answer logged nowhere", ENTRY_ANSWERED, 0, BODY(answered, outcome), ENTRY_LOGGED_SUCCESS},
    {"an answer with another outcome", ENTRY_ANSWERED, 0, BODY(answered, outcome), 99},
    {"an answer that ends beyond", ENTRY_ANSWERED, 0,
     sizeof(struct entry_answered) + offsetof(struct xs_header, length), 4, 4000},
    {"input of nobody", ENTRY_INPUT, 0, BODY(input, connection), 999},
    {"an introduction of nobody", ENTRY_INTRODUCED, 0, BODY(introduced, domid), 999},
    {"an introduction without a number", ENTRY_INTRODUCED, 0, BODY(introduced, connection), 0},
    {"the end of nobody", ENTRY_GONE, 0, BODY(gone, domid), 999},
    {"the control domain's end", ENTRY_GONE, 0, BODY(gone, domid), 0},
};

/* A store with something of everything, some of it behind the checkpoint. */
static void play(struct host *host)
{
    struct client *guest = host_guest(host, 2), *late, *gone;
    uint32_t tx;

    OK(client_write(host->dom0, 0, "/a", "value"));
    OK(client_write(host->dom0, 0, "/e", ""));
    OK(client_set_perms(host->dom0, 0, "/a", "n2"));
    OK(client_watch(guest, "/a", "token"));
    OK(client_begin(guest, &tx));
    OK(client_write(guest, tx, "/a/b", "in it"));
    OK(client_watch(host->dom0, "/w", "own")); /* so that an event waits before an answer */
    gone = host_guest(host, 3);
    recorder_changed(host->xs);
    recorder_sync(host->xs);
    OK(client_write(host->dom0, 0, "/a/c", ""));
    OK(client_write(host->dom0, 0, "/w", ""));
    late = host_guest(host, 4);
    client_push(late, "\1\0\0\0\0", 5);
    client_notify(late);
    host_run(host);
    host_kill(host, gone);
}

/* Where the body of the entry begins in @entries. */
static size_t find(const uint8_t *entries, size_t length, const struct wrong *wrong)
{
    unsigned nth = wrong->nth;
    struct entry entry;

    for (size_t at = 0; at < length; at += entry.length) {
        memcpy(&entry, entries + at, sizeof(entry));
        at += sizeof(entry);
        if (entry.type == wrong->type && nth-- == 0)
            return at;
    }
    ck_abort_msg("%s: there is no entry of type %u", wrong->what, wrong->type);
}

/* The journal at @pages once more, with one place of it changed. */
static void change(struct sim *sim, uint8_t *pages, const struct wrong *wrong)
{
    static uint8_t entries[AREA];
    size_t size = AREA - HV_PAGE_SIZE, length = journal_entries(pages, size, entries);
    size_t at = find(entries, length, wrong) + wrong->at; /* which may be less */

    memcpy(entries + at, &wrong->value, wrong->length);
    ck_assert(journal_rewrite(sim, pages, size, entries, length));
}

START_TEST(test_refused)
{
    const struct wrong *wrong = &wrongs[_i];
    struct host *host = host_create(&(struct host_config){.journal = PAGES});
    int error;

    play(host);
    host_end_store(host);
    change(host->sim, host->deaths.kept + HV_PAGE_SIZE, wrong);
    error = host_succeed(host);
    ck_assert_msg(error == (_i == 0 ? 0 : EINVAL), "%s: %d", wrong->what, error);
    if (error == 0) {
        sim_set_actor(host->store, NULL, NULL);
        xenstored_destroy(host->xs);
    }
    sim_destroy(host->sim);
    for (unsigned i = 0; i < HOST_CLIENTS; i++)
        if (host->client[i] != NULL)
            client_free(host->client[i]);
    free(host->deaths.kept);
    free(host);
}
END_TEST

TCase *recovery_refused(void)
{
    TCase *tcase = tcase_create("refused");

    tcase_add_loop_test(tcase, test_refused, 0, sizeof(wrongs) / sizeof(wrongs[0]));
    return tcase;
}
