/* SPDX-License-Identifier: ISC */
#include "twin.h"

#include "expect.h"

#include "services/xenstored/domain.h"
#include "services/xenstored/hold.h"
#include "services/xenstored/recorder.h"

#include <check.h>
#include <errno.h>
#include <hv/time.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct twin_message *append(struct twin_message **list, unsigned group,
                                   const struct wire_message *message)
{
    struct twin_message *added = calloc(1, sizeof(*added));

    if (added == NULL)
        abort();
    added->group = group;
    added->message = *message;
    while (*list != NULL) {
        if ((*list)->message.type == WIRE_WATCH_EVENT &&
            message_same_content(&(*list)->message, message))
            added->repeated = true;
        list = &(*list)->next;
    }
    return *list = added;
}

static void drop(struct twin_message **list)
{
    while (*list != NULL) {
        struct twin_message *first = *list;
        *list = first->next;
        free(first);
    }
}

static void emit(void *context, model_connection_t connection, unsigned group,
                 const struct wire_message *message)
{
    struct twin *twin = context;

    for (unsigned i = 0; i < TWIN_PARTIES; i++) {
        struct twin_party *party = &twin->party[i];
        size_t used = strlen(twin->transcript);

        if (party->connection != connection)
            continue;
        append(&party->expected, group, message);
        if (used + message->length + 40 > sizeof(twin->transcript))
            continue;
        used += (size_t)sprintf(twin->transcript + used, "%s%u %s ", used > 0 ? "; " : "", i,
                                message_type_name(message->type));
        for (uint32_t k = 0; k < message->length; k++)
            twin->transcript[used++] = message->payload[k] == 0 ? '|' : (char)message->payload[k];
        twin->transcript[used] = 0;
    }
}

struct twin *twin_create(uint64_t seed, bool with_service)
{
    struct twin *twin = calloc(1, sizeof(*twin));

    if (twin == NULL)
        abort();
    twin->seed = seed;
    twin->party[0] = (struct twin_party){.present = true, .introduced = true, .connection = 1};
    twin->model = model_create(HOST_STORE_DOMID, emit, twin);
    if (with_service) {
        twin->host = host_create(&(struct host_config){.seed = seed});
        twin->party[0].client = twin->host->dom0;
    }
    return twin;
}

void twin_destroy(struct twin *twin)
{
    for (unsigned domid = 0; domid < TWIN_EXTRA; domid++)
        if (twin->party[domid].held)
            twin_hold(twin, domid, false);
    for (unsigned i = 0; i < TWIN_PARTIES; i++)
        drop(&twin->party[i].expected);
    model_destroy(twin->model);
    if (twin->host != NULL)
        host_destroy(twin->host);
    free(twin);
}

static void print_list(const char *title, const struct twin_message *list)
{
    char line[600];

    fprintf(stderr, "  %s:\n", title);
    for (; list != NULL; list = list->next) {
        message_print(line, sizeof(line), &list->message);
        fprintf(stderr, "    [%u%s] %s\n", list->group, list->repeated ? " again" : "", line);
    }
}

/* The same part of a list? The generation count before it is the service's own. */
static bool same_part(const struct wire_message *expected, const struct wire_message *got)
{
    size_t mine = strlen((const char *)expected->payload);
    size_t theirs = strlen((const char *)got->payload);
    const uint8_t *list = got->payload + theirs, *want = expected->payload + mine;
    size_t length = got->length - theirs, rest = expected->length - mine;

    if (theirs == 0 || strspn((const char *)got->payload, "0123456789") != theirs)
        return false;
    if (length == rest && memcmp(list, want, rest) == 0)
        return true;
    if (mine != 2) /* not "??" */
        return false;
    size_t skip = 1 + strlen((const char *)want + 1);
    return length == rest - skip && memcmp(list, want + skip, length) == 0;
}

/* Are the two messages what the other side may answer as well? */
static bool agree(const struct wire_message *expected, const struct wire_message *got)
{
    if (expected->type == WIRE_ERROR && expected->payload[0] == '*')
        return got->type == WIRE_ERROR && message_error_of(got) != 0;
    if (expected->type == WIRE_DIRECTORY_PART && got->type == WIRE_DIRECTORY_PART)
        return same_part(expected, got);
    if (expected->type == WIRE_TRANSACTION_START && got->type == WIRE_TRANSACTION_START)
        return true;
    return message_same_content(expected, got);
}

/* Take the message out of the group that starts at @list that agrees with @got. */
static bool take_from_group(struct twin_message **list, const struct wire_message *got)
{
    unsigned group = (*list)->group;

    for (; *list != NULL && (*list)->group == group; list = &(*list)->next)
        if (agree(&(*list)->message, got)) {
            struct twin_message *found = *list;
            *list = found->next;
            free(found);
            return true;
        }
    return false;
}

/* Events that may be left out because an equal one comes before them. */
static void drop_repeated(struct twin_message **list)
{
    while (*list != NULL) {
        struct twin_message *at = *list;

        if (at->repeated) {
            *list = at->next;
            free(at);
        } else {
            list = &at->next;
        }
    }
}

static size_t count_same(const struct twin_message *list, const struct wire_message *message)
{
    size_t count = 0;

    for (; list != NULL; list = list->next)
        count += message_same_content(&list->message, message);
    return count;
}

/* Events that did not come are taken out of what is expected, for a step that a failure struck. */
static void forgive_events(struct twin_message **expected, const struct twin_message *got)
{
    while (*expected != NULL) {
        struct twin_message *at = *expected;

        if (at->message.type == WIRE_WATCH_EVENT && count_same(got, &at->message) == 0) {
            *expected = at->next;
            free(at);
        } else {
            expected = &at->next;
        }
    }
}

static bool compare(struct twin_message *expected, struct twin_message *got)
{
    struct twin_message *left = NULL, *came = NULL;
    bool same = true;

    for (struct twin_message *at = got; at != NULL; at = at->next)
        if (at->repeated && count_same(got, &at->message) > count_same(expected, &at->message))
            same = false;
    for (struct twin_message *at = expected; at != NULL; at = at->next)
        append(&left, at->group, &at->message);
    for (struct twin_message *at = got; at != NULL; at = at->next)
        append(&came, at->group, &at->message);
    drop_repeated(&left);
    drop_repeated(&came);
    for (struct twin_message *at = came; same && at != NULL; at = at->next)
        same = left != NULL && take_from_group(&left, &at->message);
    same = same && left == NULL;
    drop(&left);
    drop(&came);
    return same;
}

/* Did the failure strike in this step? */
static bool struck_now(const struct twin *twin)
{
    return twin->struck != NULL && !twin->struck_before && twin->struck(twin);
}

static void compare_party(struct twin *twin, unsigned number)
{
    struct twin_party *party = &twin->party[number];
    struct twin_message *got = NULL;
    struct wire_message message;

    while (party->client != NULL && client_take_any(party->client, &message))
        append(&got, 0, &message);
    if (struck_now(twin))
        forgive_events(&party->expected, got);
    if (!compare(party->expected, got)) {
        fprintf(stderr, "seed %llu step %u: %s\n  connection %u:\n", (unsigned long long)twin->seed,
                twin->step, twin->what, number);
        print_list("expected", party->expected);
        print_list("got", got);
        ck_abort_msg("model and service differ (TWIN_SEED=%llu, step %u: %s)",
                     (unsigned long long)twin->seed, twin->step, twin->what);
    }
    for (struct twin_message *at = got; at != NULL; at = at->next)
        if (at->message.type == WIRE_WATCH_EVENT)
            EXPECT(at->message.req_id == 0 && at->message.tx_id == 0, "an event with an id");
    drop(&got);
}

static void count_step(struct twin *twin)
{
    twin->step++;
    twin->transcript[0] = 0;
    twin->struck_before = twin->struck != NULL && twin->struck(twin);
}

static void begin_step(struct twin *twin, const char *what, unsigned number)
{
    count_step(twin);
    snprintf(twin->what, sizeof(twin->what), "%s %u", what, number);
}

static void end_step(struct twin *twin)
{
    if (twin->host != NULL)
        host_run(twin->host);
    if (struck_now(twin)) /* what could not be done at once is tried again */
        host_pass(twin->host, HV_SEC);
    for (unsigned i = 0; i < TWIN_PARTIES; i++) {
        if (twin->host != NULL)
            compare_party(twin, i);
        drop(&twin->party[i].expected);
    }
}

/* Ids of a transaction on both sides. */
static void choose_tx(const struct twin_party *party, int slot, uint32_t *model_id,
                      uint32_t *service_id)
{
    *model_id = *service_id = slot == TWIN_NO_TX ? 0 : 0xdead0000U;
    if (slot >= 0 && party->slot[slot].used) {
        *model_id = party->slot[slot].model_id;
        *service_id = party->slot[slot].service_id;
    }
}

static void check_ids(const struct twin_party *party, const struct wire_message *request)
{
    const struct arrived *at = party->client->first;

    while (at != NULL && at->message.type == WIRE_WATCH_EVENT)
        at = at->next;
    if (at == NULL)
        return; /* compare_party() reports that nothing came */
    EXPECT(at->message.req_id == request->req_id && at->message.tx_id == request->tx_id,
           "request %u of transaction %u is answered as %u of %u", request->req_id, request->tx_id,
           at->message.req_id, at->message.tx_id);
}

/* The new id that each side gave out, from the answer to TRANSACTION_START. */
static void learn_tx(struct twin_party *party, int slot)
{
    struct twin_slot *made = &party->slot[slot];

    for (struct twin_message *at = party->expected; at != NULL; at = at->next)
        if (at->message.type == WIRE_TRANSACTION_START) {
            *made = (struct twin_slot){.used = true};
            made->model_id = (uint32_t)atoi((const char *)at->message.payload);
        }
    for (struct arrived *at = party->client ? party->client->first : NULL; at; at = at->next)
        if (at->message.type == WIRE_TRANSACTION_START) {
            char text[16];

            made->service_id = (uint32_t)strtoul((const char *)at->message.payload, NULL, 10);
            snprintf(text, sizeof(text), "%u", made->service_id);
            ck_assert_str_eq((const char *)at->message.payload, text);
            ck_assert_uint_ne(made->service_id, 0);
        }
}

/* A guest that caused conflicts is held back for a while. */
static void run_until_answered(struct twin *twin, const struct twin_party *party)
{
    host_run(twin->host);
    for (int i = 0; i < 40 && client_waiting(party->client, false) == 0; i++)
        host_pass(twin->host, 50 * HV_MSEC);
}

/* Send to the service; the error that came back. */
static int ask_service(struct twin *twin, struct twin_party *party,
                       const struct wire_message *request)
{
    EXPECT(client_send(party->client, request), "the service does not read (%s)", twin->what);
    run_until_answered(twin, party);
    check_ids(party, request);
    for (const struct arrived *at = party->client->first; at != NULL; at = at->next)
        if (at->message.type != WIRE_WATCH_EVENT)
            return message_error_of(&at->message);
    return 0;
}

/*
 * The service refused because of the failure, so nothing may have changed. A transaction is over
 * all the same.
 */
static void refused(struct twin *twin, struct twin_party *party, struct wire_message *request)
{
    client_clear(party->client);
    if (request->type != WIRE_TRANSACTION_END)
        return;
    request->payload[0] = 'F';
    model_request(twin->model, party->connection, request);
    drop(&party->expected);
}

static bool is_refusal(uint32_t type, int error)
{
    return error == ENOMEM || error == ENOSPC ||
           (error == EAGAIN && type == WIRE_TRANSACTION_END) ||
           (error != 0 && type == WIRE_INTRODUCE);
}

/* Keep the slots in step with what the model answered. */
static void follow_transactions(struct twin_party *party, int slot, uint32_t type)
{
    bool done = false;

    for (struct twin_message *at = party->expected; at != NULL; at = at->next)
        done |= at->message.type == WIRE_TRANSACTION_END ||
                (at->message.type == WIRE_ERROR && strcmp((char *)at->message.payload, "EINVAL"));
    if (type == WIRE_TRANSACTION_START && slot == TWIN_NO_TX)
        for (int free_slot = 0; free_slot < (int)TWIN_SLOTS; free_slot++)
            if (!party->slot[free_slot].used) {
                learn_tx(party, free_slot);
                break;
            }
    if (type == WIRE_TRANSACTION_END && slot >= 0 && done)
        party->slot[slot].used = false;
    if (type == WIRE_RESET_WATCHES && party->expected->message.type != WIRE_ERROR)
        memset(party->slot, 0, sizeof(party->slot));
}

bool twin_request(struct twin *twin, unsigned number, int slot, uint32_t type, const void *payload,
                  size_t length)
{
    struct twin_party *party = &twin->party[number];
    struct wire_message request = {.type = type, .req_id = party->next_req_id++};
    uint32_t model_id, service_id;
    char line[250];
    int error = 0;

    if (!message_add(&request, payload, length))
        abort();
    choose_tx(party, slot, &model_id, &service_id);
    count_step(twin);
    message_print(line, sizeof(line), &request);
    snprintf(twin->what, sizeof(twin->what), "%u: [slot %d] %s", number, slot, line);

    if (twin->host != NULL) {
        request.tx_id = service_id;
        error = ask_service(twin, party, &request);
    }
    request.tx_id = model_id;
    bool again = slot >= 0 && party->slot[slot].refused;
    if ((struck_now(twin) || (again && error == EAGAIN)) && is_refusal(type, error)) {
        refused(twin, party, &request);
        if (slot >= 0)
            party->slot[slot].refused = true;
        if (type == WIRE_TRANSACTION_END && slot >= 0)
            party->slot[slot].used = false;
        end_step(twin);
        return false;
    }
    model_request(twin->model, party->connection, &request);
    follow_transactions(party, slot, type);
    end_step(twin);
    return true;
}

/* Leave events, all in one group. */
static void only_events(struct twin_message **list)
{
    while (*list != NULL) {
        struct twin_message *at = *list;

        at->group = 0;
        if (at->message.type == WIRE_WATCH_EVENT) {
            list = &at->next;
        } else {
            *list = at->next;
            free(at);
        }
    }
}

bool twin_step(struct twin *twin, const char *what,
               bool (*service)(struct twin *twin, void *context),
               void (*model)(struct twin *twin, void *context), void *context)
{
    count_step(twin);
    snprintf(twin->what, sizeof(twin->what), "%s", what);
    bool done = service(twin, context);
    if (done)
        model(twin, context);
    for (unsigned i = 0; i < TWIN_PARTIES; i++)
        only_events(&twin->party[i].expected);
    end_step(twin);
    return done;
}

void twin_boot(struct twin *twin, unsigned domid)
{
    struct twin_party *party = &twin->party[domid];

    const uint32_t generation = party->generation + 1;
    uint8_t handle[16] = {0};

    begin_step(twin, "boot", domid);
    *party = (struct twin_party){.present = true, .held = party->held, .generation = generation};
    model_domain_created(twin->model, domid);
    if (twin->host != NULL) {
        party->client = host_boot(twin->host, (domid_t)domid, (uint32_t)(twin->step * 0x9e3779b1U));
        memcpy(handle + 12, &generation, sizeof(generation));
        sim_domain_set_handle(party->client->hv, handle);
    }
    end_step(twin);
}

void twin_introduce(struct twin *twin, unsigned domid)
{
    struct twin_party *party = &twin->party[domid];
    char payload[64];

    /* A second INTRODUCE binds the port anew, so it has to be a fresh one. */
    if (twin->host != NULL && party->introduced) {
        hv_evtchn_close(party->client->hv, party->client->port);
        ck_assert_int_eq(
            hv_evtchn_alloc_unbound(party->client->hv, HOST_STORE_DOMID, &party->client->port), 0);
    }
    int length = snprintf(payload, sizeof(payload), "%u|1|%u|", domid,
                          party->client != NULL ? party->client->port : 1);
    for (int i = 0; i < length; i++)
        if (payload[i] == '|')
            payload[i] = 0;
    /* The model numbers the new connection only now. */
    party->connection = MODEL_NO_CONNECTION;
    bool done = twin_request(twin, 0, TWIN_NO_TX, WIRE_INTRODUCE, payload, (size_t)length);
    party->connection = model_connection_of(twin->model, domid);
    if (!done) {
        /* The old connection may be without a port now. */
        if (party->introduced)
            twin_introduce(twin, domid);
        return;
    }
    party->introduced = true;
    memset(party->slot, 0, sizeof(party->slot));
}

static void disconnected(struct twin *twin, unsigned domid)
{
    struct twin_party *party = &twin->party[domid];

    party->introduced = false;
    party->connection = MODEL_NO_CONNECTION;
    memset(party->slot, 0, sizeof(party->slot));
}

void twin_release(struct twin *twin, unsigned domid)
{
    char payload[16];
    int length = snprintf(payload, sizeof(payload), "%u", domid);

    model_connection_t before = twin->party[domid].connection;
    bool was = twin->party[domid].introduced;
    disconnected(twin, domid);
    if (!twin_request(twin, 0, TWIN_NO_TX, WIRE_RELEASE, payload, (size_t)length + 1)) {
        twin->party[domid].connection = before;
        twin->party[domid].introduced = was;
        return;
    }
    twin->party[domid].held = false;
}

void twin_shutdown(struct twin *twin, unsigned domid)
{
    begin_step(twin, "shutdown", domid);
    model_domain_shutdown(twin->model, domid);
    if (twin->host != NULL)
        host_shutdown(twin->host, twin->party[domid].client, 0);
    end_step(twin);
}

void twin_kill(struct twin *twin, unsigned domid)
{
    begin_step(twin, "kill", domid);
    disconnected(twin, domid);
    model_domain_destroyed(twin->model, domid);
    if (twin->host != NULL)
        host_kill(twin->host, twin->party[domid].client);
    twin->party[domid].client = NULL;
    twin->party[domid].present = false;
    end_step(twin);
}

void twin_hold(struct twin *twin, unsigned domid, bool held)
{
    begin_step(twin, "hold", domid);
    twin->party[domid].held = held;
    model_domain_held(twin->model, domid, held);
    if (twin->host != NULL) {
        hold_set(twin->host->xs, domain_find(twin->host->xs, (domid_t)domid), held ? HOLD_MAX : 0);
        recorder_sync(twin->host->xs);
        client_notify(twin->host->dom0); /* a control client would have woken it */
        host_run(twin->host);
    }
    end_step(twin);
}

void twin_reconnect(struct twin *twin, unsigned domid)
{
    struct twin_party *party = &twin->party[domid];

    if (party->client != NULL && (party->client->ring->features & WIRE_FEATURE_RECONNECTION) == 0)
        return; /* dom0 took the feature away */
    begin_step(twin, "reconnect", domid);
    memset(party->slot, 0, sizeof(party->slot));
    model_reconnect(twin->model, party->connection);
    if (twin->host != NULL) {
        party->client->ring->connection = 1;
        client_notify(party->client);
        for (int i = 0; i < 40 && party->client->ring->connection != 0; i++)
            host_pass(twin->host, 50 * HV_MSEC);
        ck_assert_uint_eq(party->client->ring->connection, 0);
        ck_assert_uint_eq(party->client->ring->req_cons, party->client->ring->req_prod);
        ck_assert_uint_eq(party->client->ring->rsp_cons, party->client->ring->rsp_prod);
    }
    end_step(twin);
}

void twin_attach(struct twin *twin, unsigned number)
{
    struct twin_party *party = &twin->party[TWIN_EXTRA + number];

    begin_step(twin, "attach", number);
    *party = (struct twin_party){.present = true, .introduced = true};
    party->connection = model_attach(twin->model);
    if (twin->host != NULL)
        party->client = host_attach(twin->host, (uint32_t)(twin->step * 0x85ebca6bU));
    end_step(twin);
}

void twin_detach(struct twin *twin, unsigned number)
{
    struct twin_party *party = &twin->party[TWIN_EXTRA + number];

    begin_step(twin, "detach", number);
    model_detach(twin->model, party->connection);
    party->connection = MODEL_NO_CONNECTION;
    if (twin->host != NULL)
        host_detach(twin->host, party->client);
    *party = (struct twin_party){0};
    end_step(twin);
}
