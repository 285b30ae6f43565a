/* SPDX-License-Identifier: ISC */
#include "call.h"
#include <stdlib.h>
#include <string.h>

/* --- the connection -------------------------------------------------------------------------- */

/* The service that is the host's XenStore; NULL: none. */
static const struct service_settings *store_settings(const struct config *config)
{
    for (unsigned i = 0; i < config->count; i++) {
        if (config->services[i].store_domain)
            return &config->services[i];
    }
    return NULL;
}

int call_find(struct call *call)
{
    const char *name = call->service ? call->service : call->command->service;

    if (call->settings)
        return 0;
    if (name)
        return session_find(&call->session, name, &call->settings);
    call->settings = store_settings(&call->session.config);
    return call->settings ? 0
                          : report_fail(&call->session.report, ATOLL_BAD_CONFIG,
                                        "no service of the configuration is the host's XenStore");
}

int call_connect(struct call *call)
{
    int rc = call_find(call);

    return rc ? rc
              : control_client_open(&call->session.report, call->settings, CONTROL_TIMEOUT_MS,
                                    &call->client);
}

int call_check_output(struct call *call, int rc)
{
    if ((fflush(stdout) || ferror(stdout)) && !rc)
        return report_fail(&call->session.report, ATOLL_FAILURE,
                           "cannot write all of it to standard output; is the disk full?");
    return rc;
}

int call_run(struct call *call)
{
    int rc = session_begin(&call->session, call->command->name, call->service, call->verbose);

    if (!rc && !call->command->alone)
        rc = call_connect(call);
    if (!rc) {
        call->colour = output_colour(stdout);
        rc = call_check_output(call, call->command->run(call));
    }
    control_client_close(call->client);
    session_end(&call->session);
    return rc;
}

/* --- streams --------------------------------------------------------------------------------- */

struct control_writer *call_begin(struct call *call, uint16_t type)
{
    struct control_writer *request = control_client_begin(call->client, type);

    for (unsigned i = 0; i < call->domid_count; i++)
        control_put_number(request, CONTROL_F_DOMID, call->domids[i]);
    return request;
}

static int take_item(struct call *call, uint16_t entry, const struct control_reader *fields,
                     call_item_fn *item)
{
    struct control_reader inner = {.data = fields->data, .length = fields->length};
    struct control_field group;

    if (entry && control_find(fields, entry, &group))
        control_read_group(&inner, &group);
    if (item)
        return item(call, &inner);
    if (call->array)
        json_array_append_new(call->array, output_fields(&inner));
    return 0;
}

static int stream(struct call *call, bool endless, uint16_t entry, call_item_fn *item)
{
    struct control_answer answer = {.kind = CONTROL_ITEM};
    int rc = control_client_send(call->client);

    call->items = 0;
    while (!rc && answer.kind == CONTROL_ITEM) {
        rc = control_client_next(call->client, endless ? -1 : CONTROL_TIMEOUT_MS, &answer);
        if (rc)
            break;
        if ((answer.kind != CONTROL_ITEM && answer.kind != CONTROL_END) ||
            (answer.kind == CONTROL_ITEM && !endless && ++call->items > CALL_ITEMS_MAX))
            rc = report_fail(&call->session.report, ATOLL_FAILURE,
                             "the service breaks the control protocol; does its version fit this "
                             "tool's?");
        else if (answer.fields.length)
            rc = take_item(call, entry, &answer.fields, item);
    }
    if (rc == ATOLL_INTERRUPTED)
        control_client_cancel(call->client);
    return rc;
}

int call_stream(struct call *call, uint16_t entry, call_item_fn *item)
{
    return stream(call, false, entry, item);
}

int call_follow(struct call *call, call_item_fn *item)
{
    int rc = stream(call, true, 0, item);

    return rc == ATOLL_INTERRUPTED ? ATOLL_OK : rc;
}

/* --- showing --------------------------------------------------------------------------------- */

void call_table_begin(struct call *call, const char *const columns[])
{
    if (call->json)
        call->array = json_array();
    else
        call->table = table_create(columns);
}

int call_table_end(struct call *call, int rc, const char *empty)
{
    if (call->array && rc)
        json_decref(call->array);
    else if (call->array)
        output_json(stdout, call->array, true);
    else if (rc)
        table_free(call->table);
    else
        table_print(call->table, stdout, empty);
    call->array = NULL;
    call->table = NULL;
    return rc;
}

void call_cell(struct call *call, enum tint tint, const struct control_reader *fields, uint16_t tag)
{
    struct control_field field;
    char text[64];

    if (!control_find(fields, tag, &field))
        table_cell(call->table, tint, "-");
    else if (output_field_text(&field, text, sizeof(text)))
        table_cell(call->table, tint, "%s", text);
    else if (field.kind == CONTROL_NUMBER)
        table_cell(call->table, tint, "%llu", (unsigned long long)field.number);
    else
        table_cell(call->table, tint, "%.*s", (int)field.length, (const char *)field.value);
}

void call_print(const struct control_reader *fields, const char *before, uint16_t tag)
{
    struct control_field field;
    char text[64];

    if (!control_find(fields, tag, &field) || (field.kind == CONTROL_STRING && !field.length))
        return;
    fputs(before, stdout);
    if (output_field_text(&field, text, sizeof(text)))
        fputs(text, stdout);
    else if (field.kind == CONTROL_NUMBER)
        printf("%llu", (unsigned long long)field.number);
    else if (field.kind != CONTROL_GROUP)
        output_escape(stdout, (const char *)field.value, field.length);
}

bool call_print_json(struct call *call, const struct control_reader *fields)
{
    if (call->json)
        output_json(stdout, output_fields(fields), true);
    return call->json;
}

bool call_line_json(struct call *call, const struct control_reader *fields)
{
    const uint64_t lost = control_number(fields, CONTROL_F_LOST, 0);

    if (call->json) {
        output_json(stdout, output_fields(fields), false);
        fflush(stdout);
        return true;
    }
    if (lost) {
        output_tint(stdout, call->colour, TINT_WARN);
        printf("... %llu are missing here: they came faster than they were read",
               (unsigned long long)lost);
        output_tint(stdout, call->colour, TINT_NONE);
        putchar('\n');
    }
    return false;
}
