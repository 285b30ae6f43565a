/* SPDX-License-Identifier: ISC */
/* `atoll store stats` and `atoll store quota`: what domains use of XenStore, and may use. */
#include "store_commands.h"
#include "values.h"
#include <stdlib.h>
#include <string.h>

#define HELP_TAIL                                                                                  \
    "  -j, --json      for scripts\n"                                                              \
    "  -v, --verbose   Xen's libraries speak, too\n"                                               \
    "  -h, --help      show this\n"                                                                \
    "\nMore: atoll-store(1).\n"

/* "nodes 3, memory 1": which quotas have refused how many requests; "-": none has. */
static char *refusals(const struct control_reader *fields)
{
    struct control_reader reader = {.data = fields->data, .length = fields->length}, quota;
    struct control_field field;
    char *text = NULL, name[64];
    size_t size;
    FILE *memory = open_memstream(&text, &size);

    while (memory && control_next(&reader, &field)) {
        uint64_t refused;

        if (field.tag != CONTROL_F_QUOTA)
            continue;
        control_read_group(&quota, &field);
        refused = control_number(&quota, CONTROL_F_REFUSED, 0);
        if (!refused)
            continue;
        control_string(&quota, CONTROL_F_NAME, name, sizeof(name));
        fprintf(memory, "%s%s %llu", ftell(memory) ? ", " : "", name, (unsigned long long)refused);
    }
    if (memory && !ftell(memory))
        fputc('-', memory);
    if (memory)
        fclose(memory);
    return text;
}

/* "60 s": so long it would be held; "12 s left": it has ended. */
static void hold_cell(struct call *call, const struct control_reader *fields)
{
    struct control_field field;

    if (control_find(fields, CONTROL_F_HELD, &field))
        table_cell(call->table, TINT_WARN, "%llu s left", (unsigned long long)field.number);
    else if (control_find(fields, CONTROL_F_HOLD, &field))
        table_cell(call->table, TINT_NONE, "%llu s", (unsigned long long)field.number);
    else
        table_cell(call->table, TINT_DIM, "-");
}

static int stats_row(struct call *call, const struct control_reader *fields)
{
    static const uint16_t counts[] = {CONTROL_F_WATCHES, CONTROL_F_TRANSACTIONS, CONTROL_F_REQUESTS,
                                      CONTROL_F_EVENTS, CONTROL_F_CONFLICTS_MET};
    char *refused = refusals(fields), bytes[32];

    call_cell(call, TINT_NONE, fields, CONTROL_F_DOMID);
    call_cell(call, TINT_NONE, fields, CONTROL_F_NAME);
    call_cell(call, TINT_NONE, fields, CONTROL_F_NODES);
    table_cell(
        call->table, TINT_NONE, "%s",
        output_bytes(control_number(fields, CONTROL_F_MEMORY_USED, 0), bytes, sizeof(bytes)));
    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        call_cell(call, TINT_NONE, fields, counts[i]);
    hold_cell(call, fields);
    table_cell(call->table, refused && strcmp(refused, "-") ? TINT_WARN : TINT_DIM, "%s",
               refused ? refused : "?");
    free(refused);
    return 0;
}

static int run_stats(struct call *call)
{
    static const char *const columns[] = {">Domain",    "Name",    ">Nodes",           ">Memory",
                                          ">Watches",   ">Trans.", ">Requests",        ">Events",
                                          ">Conflicts", ">Hold",   "Refused by quota", NULL};
    int rc;

    call_table_begin(call, columns);
    call_begin(call, CONTROL_T_STORE_STATS);
    rc = call_stream(call, 0, call->json ? NULL : stats_row);
    return call_table_end(call, rc, "No domain uses XenStore.");
}

const struct call_command store_stats = {
    .name = "store stats",
    .options = "dj",
    .help = "Usage: atoll store stats [OPTION...]\n"
            "Show for each domain what it has in XenStore, how much it asked, and how often which\n"
            "quota refused it something.\n\nOptions:\n"
            "  -d, --domid N   of this domain only\n" HELP_TAIL,
    .run = run_stats,
};

/* --- quota --------------------------------------------------------------------------------------
 */

static int quota_row(struct call *call, const struct control_reader *fields)
{
    struct control_field group;
    struct control_reader quota;
    char kind[16];

    if (!control_find(fields, CONTROL_F_QUOTA, &group))
        return 0;
    control_read_group(&quota, &group);
    if (call->json) {
        json_t *object = output_fields(&quota);
        struct control_field domid;

        if (control_find(fields, CONTROL_F_DOMID, &domid))
            json_object_set_new(object, "domid", output_json_number(domid.number));
        json_array_append_new(call->array, object);
        return 0;
    }
    control_string(&quota, CONTROL_F_KIND, kind, sizeof(kind));
    call_cell(call, TINT_NONE, &quota, CONTROL_F_NAME);
    call_cell(call, TINT_NONE, &quota, CONTROL_F_VALUE);
    table_cell(call->table, TINT_NONE, "%s", kind);
    call_cell(call, TINT_NONE, &quota, CONTROL_F_USED);
    call_cell(call, TINT_NONE, &quota, CONTROL_F_HIGHEST);
    call_cell(call, control_number(&quota, CONTROL_F_REFUSED, 0) ? TINT_WARN : TINT_NONE, &quota,
              CONTROL_F_REFUSED);
    call_cell(call, TINT_DIM, &quota, CONTROL_F_TEXT);
    return 0;
}

static int check_quota_get(struct call *call)
{
    if (call->argc && !value_number(call->argv[0], 0, VALUE_DOMID_LIMIT - 1, &call->domids[0]))
        return call_usage(call, "a domain is 0 to 32751, not", call->argv[0]);
    call->domid_count = (unsigned)call->argc;
    return 0;
}

static int run_quota_get(struct call *call)
{
    static const char *const columns[] = {"Quota",    ">Limit",   "Set by",  ">Used",
                                          ">Highest", ">Refused", "Meaning", NULL};
    int rc;

    call_table_begin(call, columns);
    call_begin(call, CONTROL_T_STORE_QUOTA);
    rc = call_stream(call, 0, quota_row);
    return call_table_end(call, rc, "The service has no quotas.");
}

const struct call_command store_quota_get = {
    .name = "store quota get",
    .options = "j",
    .args_max = 1,
    .help =
        "Usage: atoll store quota get [DOMID] [OPTION...]\n"
        "Show the quotas of the domain with what it uses of them, or those of all domains that\n"
        "have none of their own, with the most that any domain has used.\n\n"
        "Options:\n" HELP_TAIL,
    .check = check_quota_get,
    .run = run_quota_get,
};

static int check_quota_set(struct call *call)
{
    uint32_t value;

    if (strcmp(call->argv[1], "default") == 0 && call->domid_count)
        return 0;
    if (!value_number(call->argv[1], 0, UINT32_MAX, &value))
        return call_usage(call,
                          call->domid_count ? "a quota is a number or `default`, not"
                                            : "a quota is a number, not",
                          call->argv[1]);
    return 0;
}

static int run_quota_set(struct call *call)
{
    struct control_writer *request = call_begin(call, CONTROL_T_STORE_SET);
    struct control_answer answer;
    uint32_t value;
    int rc;

    control_put_string(request, CONTROL_F_NAME, call->argv[0]);
    if (value_number(call->argv[1], 0, UINT32_MAX, &value))
        control_put_number(request, CONTROL_F_VALUE, value);
    rc = control_client_call(call->client, CONTROL_T_STORE_SET, &answer);
    if (rc)
        return rc;
    if (call_print_json(call, &answer.fields))
        return 0;
    call_print(&answer.fields, "", CONTROL_F_NAME);
    if (call->domid_count)
        printf(" of domain %u", call->domids[0]);
    printf(" is now ");
    call_print(&answer.fields, "", CONTROL_F_VALUE);
    putchar('\n');
    return 0;
}

const struct call_command store_quota_set = {
    .name = "store quota set",
    .options = "dj",
    .args_min = 2,
    .args_max = 2,
    .help = "Usage: atoll store quota set [OPTION...] NAME VALUE\n"
            "Change a quota at once: of all domains that have none of their own, or of one.\n"
            "VALUE is a number, or `default` for a domain that is to have none of its own.\n\n"
            "Options:\n"
            "  -d, --domid N   of this domain\n" HELP_TAIL,
    .check = check_quota_set,
    .run = run_quota_set,
};
