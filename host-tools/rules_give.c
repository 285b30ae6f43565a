/* SPDX-License-Identifier: ISC */
/* Rules on their way to a switch, and again after it was started anew. */
#include "feeds.h"
#include "rules_state.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct upload {
    struct control_client *client;
};

static int send_record(void *context, const void *record, size_t length)
{
    const struct upload *upload = context;

    return control_client_upload(upload->client, record, length);
}

int rules_give(struct report *r, struct control_client *client, const struct rules *rules,
               struct control_answer *answer)
{
    struct upload upload = {.client = client};
    int rc;

    control_client_begin(client, CONTROL_T_SWITCH_APPLY);
    rc = control_client_send(client);
    if (!rc)
        rc = rules_encode(rules, send_record, &upload);
    if (!rc)
        rc = control_client_upload_end(client);
    if (!rc)
        rc = control_client_next(client, CONTROL_TIMEOUT_MS, answer);
    if (rc < 0)
        rc = report_fail(r, ATOLL_FAILURE, "the rules cannot be encoded (%s)", strerror(-rc));
    if (!rc && answer->kind != CONTROL_REPLY)
        rc = report_fail(r, ATOLL_FAILURE,
                         "the service breaks the control protocol; does its version fit this "
                         "tool's?");
    return rc;
}

int rules_in_force(struct control_client *client, uint64_t *generation, char digest[65])
{
    struct control_answer answer;
    int rc = control_client_call(client, CONTROL_T_SWITCH_SHOW, &answer);

    *generation = 0;
    digest[0] = '\0';
    if (rc)
        return rc;
    *generation = control_number(&answer.fields, CONTROL_F_GENERATION, 0);
    control_string(&answer.fields, CONTROL_F_DIGEST, digest, 65);
    return 0;
}

/* The rules of @state, with domains as they are now; what they mean goes into @state. */
static int revive(struct report *r, const char *service, struct rules_state *state,
                  struct rules *rules)
{
    char digest[65], *text = json_dumps(state->file, JSON_INDENT(2));
    struct rules_names names;
    struct rules_error error;
    struct config config;
    int rc = config_read(r, NULL, &config);

    rules_names_init(&names);
    names.service = feeds_service;
    names.services = &config;
    names.known_guests = state->guests;
    names.known_domains = state->domains;
    names.known_first = true;
    if (!rc && !text)
        rc = report_fail(r, ATOLL_FAILURE, "out of memory");
    else if (!rc && rules_file_parse(text, strlen(text), &names.resolver, rules, &error))
        rc = report_fail(r, ATOLL_FAILURE,
                         "the rules that are kept for %s in %s (of %s) will not do any more: %s; "
                         "mend them and apply them anew, or remove what is kept",
                         service, rules_state_dir(), state->source, error.text);
    else if (!rc && !rules_state_digest(state->file, names.guests, names.domains, digest))
        rc = report_fail(r, ATOLL_FAILURE, "out of memory");
    if (!rc && strcmp(digest, state->digest) != 0) {
        /* A mirror's reader has another domain id now: these are new rules of the same file. */
        state->generation++;
        strcpy(state->digest, digest);
        json_object_update(state->guests, names.guests);
        json_object_update(state->domains, names.domains);
    }
    rules->generation = state->generation;
    strcpy(rules->digest, state->digest);
    rules_names_free(&names);
    config_free(&config);
    free(text);
    return rc;
}

static int restore(struct report *r, const char *service, struct control_client *client,
                   struct rules_state *state, bool *given)
{
    struct rules *rules = rules_create();
    struct control_answer answer;
    uint64_t generation;
    char digest[65];
    int rc =
        rules ? revive(r, service, state, rules) : report_fail(r, ATOLL_FAILURE, "out of memory");

    if (!rc)
        rc = rules_in_force(client, &generation, digest);
    if (!rc && strcmp(digest, state->digest) != 0) {
        rules->generation = state->generation =
            generation > state->generation ? generation + 1 : state->generation;
        rc = rules_state_prepare(r, service, state);
        if (!rc) {
            rc = rules_give(r, client, rules, &answer);
            if (rc)
                rules_state_abandon(service);
            else
                rc = rules_state_commit(r, service);
        }
        *given = rc == 0;
    }
    rules_release(rules);
    return rc;
}

int rules_restore(struct report *r, const char *service, struct control_client *client, bool *given)
{
    struct rules_state state;
    int lock, rc;

    *given = false;
    rc = rules_state_read(r, service, &state);
    rules_state_free(&state);
    if (rc <= 0)
        return -rc;
    rc = rules_state_lock(r, service, &lock);
    if (rc)
        return rc;
    /* Read again: nobody changes it now. */
    rc = rules_state_read(r, service, &state);
    rc = rc == 1 ? restore(r, service, client, &state, given) : -rc;
    rules_state_free(&state);
    close(lock);
    return rc;
}

int rules_restore_started(struct report *r, const char *service, uint32_t domid, int timeout_ms,
                          bool *given)
{
    struct control_client *client;
    struct rules_state state;
    int rc = rules_state_read(r, service, &state);

    *given = false;
    rules_state_free(&state);
    if (rc <= 0)
        return -rc;
    rc = control_client_open_domain(r, service, domid, timeout_ms, &client);
    if (!rc && control_client_knows(client, CONTROL_T_SWITCH_APPLY))
        rc = rules_restore(r, service, client, given);
    control_client_close(client);
    return rc;
}
