/* SPDX-License-Identifier: ISC */
/* `atoll switch events`: what happens on the switch. */
#include "switch_commands.h"
#include <string.h>

static enum tint kind_tint(const char *kind)
{
    if (strcmp(kind, "rule-hit") == 0 || strcmp(kind, "loop") == 0)
        return TINT_BAD;
    if (strcmp(kind, "drop") == 0 || strcmp(kind, "mac-moved") == 0)
        return TINT_WARN;
    return strcmp(kind, "port-up") == 0 ? TINT_GOOD : TINT_NONE;
}

static void print_event(struct call *call, const struct control_reader *fields)
{
    const uint64_t count = control_number(fields, CONTROL_F_COUNT, 1);
    char time[40], kind[16];

    if (!control_string(fields, CONTROL_F_KIND, kind, sizeof(kind)))
        strcpy(kind, "?");
    printf("%s ", output_time(control_number(fields, CONTROL_F_TIME, 0), time, sizeof(time)));
    output_tint(stdout, call->colour, kind_tint(kind));
    output_escape(stdout, kind, strlen(kind));
    output_tint(stdout, call->colour, TINT_NONE);
    call_print(fields, " ", CONTROL_F_NAME);
    call_print(fields, " ", CONTROL_F_REASON);
    call_print(fields, " ", CONTROL_F_MAC);
    if (control_number(fields, CONTROL_F_VID, 0))
        call_print(fields, " vlan ", CONTROL_F_VID);
    call_print(fields, " was behind ", CONTROL_F_FROM_PORT);
    call_print(fields, " generation ", CONTROL_F_GENERATION);
    call_print(fields, ": ", CONTROL_F_TEXT);
    if (count > 1)
        printf(" (%llu times)", (unsigned long long)count);
    putchar('\n');
}

static int event_line(struct call *call, const struct control_reader *fields)
{
    struct control_field kind;

    if (call_line_json(call, fields))
        return 0;
    if (control_find(fields, CONTROL_F_KIND, &kind))
        print_event(call, fields);
    fflush(stdout);
    return 0;
}

static int run_events(struct call *call)
{
    struct control_writer *request = call_begin(call, CONTROL_T_SWITCH_EVENTS);

    if (call->limit)
        control_put_number(request, CONTROL_F_LIMIT, call->limit);
    if (call->follow)
        control_put_number(request, CONTROL_F_FOLLOW, 1);
    return call->follow ? call_follow(call, event_line) : call_stream(call, 0, event_line);
}

const struct call_command switch_events = {
    .name = "switch events",
    .service = SWITCH_SERVICE,
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
