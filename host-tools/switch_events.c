/* SPDX-License-Identifier: ISC */
/* `atoll switch events`: what happens on the switch. */
#include "switch_call.h"
#include <string.h>

static void print_text(const struct control_reader *fields, const char *before, uint16_t tag)
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

static enum tint kind_tint(const char *kind)
{
    if (strcmp(kind, "rule-hit") == 0 || strcmp(kind, "loop") == 0)
        return TINT_BAD;
    if (strcmp(kind, "drop") == 0 || strcmp(kind, "mac-moved") == 0)
        return TINT_WARN;
    return strcmp(kind, "port-up") == 0 ? TINT_GOOD : TINT_NONE;
}

static void print_event(struct switch_call *call, const struct control_reader *fields)
{
    const uint64_t count = control_number(fields, CONTROL_F_COUNT, 1);
    char time[40], kind[16];

    if (!control_string(fields, CONTROL_F_KIND, kind, sizeof(kind)))
        strcpy(kind, "?");
    printf("%s ", output_time(control_number(fields, CONTROL_F_TIME, 0), time, sizeof(time)));
    output_tint(stdout, call->colour, kind_tint(kind));
    output_escape(stdout, kind, strlen(kind));
    output_tint(stdout, call->colour, TINT_NONE);
    print_text(fields, " ", CONTROL_F_NAME);
    print_text(fields, " ", CONTROL_F_REASON);
    print_text(fields, " ", CONTROL_F_MAC);
    if (control_number(fields, CONTROL_F_VID, 0))
        print_text(fields, " vlan ", CONTROL_F_VID);
    print_text(fields, " was behind ", CONTROL_F_FROM_PORT);
    print_text(fields, " generation ", CONTROL_F_GENERATION);
    print_text(fields, ": ", CONTROL_F_TEXT);
    if (count > 1)
        printf(" (%llu times)", (unsigned long long)count);
    putchar('\n');
}

static int event_line(struct switch_call *call, const struct control_reader *fields)
{
    const uint64_t lost = control_number(fields, CONTROL_F_LOST, 0);
    struct control_field kind;

    if (call->json) {
        output_json(stdout, output_fields(fields), false);
        fflush(stdout);
        return 0;
    }
    if (lost) {
        output_tint(stdout, call->colour, TINT_WARN);
        printf("... %llu are missing here: they came faster than they were read",
               (unsigned long long)lost);
        output_tint(stdout, call->colour, TINT_NONE);
        putchar('\n');
    }
    if (control_find(fields, CONTROL_F_KIND, &kind))
        print_event(call, fields);
    fflush(stdout);
    return 0;
}

static int run_events(struct switch_call *call)
{
    struct control_writer *request = control_client_begin(call->client, CONTROL_T_SWITCH_EVENTS);
    int rc;

    if (call->limit)
        control_put_number(request, CONTROL_F_LIMIT, call->limit);
    if (call->follow)
        control_put_number(request, CONTROL_F_FOLLOW, 1);
    rc = switch_stream(call, call->follow, event_line);
    /* Nothing else ends it. */
    return rc == ATOLL_INTERRUPTED && call->follow ? ATOLL_OK : rc;
}

const struct switch_command switch_events = {
    .name = "switch events",
    .options = "fjn",
    .help = "Usage: atoll switch events [OPTION...]\n"
            "Show what has happened: ports that came and went, addresses that were learned and\n"
            "moved, rules that were hit, frames that were dropped, and why.\n\n"
            "Options:\n"
            "  -f, --follow         and what happens from now on, until interrupted (Ctrl-C)\n"
            "  -n, --lines N        the last N only\n"
            "  -s, --service NAME   of another switch than " SWITCH_SERVICE "\n"
            "  -j, --json           one object a line\n"
            "  -v, --verbose        Xen's libraries speak, too\n"
            "  -h, --help           show this\n"
            "\nMore: atoll-switch(1).\n",
    .run = run_events,
};
