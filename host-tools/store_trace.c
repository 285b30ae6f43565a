/* SPDX-License-Identifier: ISC */
/* `atoll store trace`: what happens in XenStore, as it happens. */
#include "store_commands.h"
#include <string.h>

static void print_time(const struct control_reader *fields)
{
    char text[40];

    output_time(control_number(fields, CONTROL_F_TIME, 0), text, sizeof(text));
    printf("%s", strlen(text) > 11 ? text + 11 : text);
}

static void print_result(struct call *call, const struct control_reader *fields)
{
    char result[32];
    const bool good = control_string(fields, CONTROL_F_RESULT, result, sizeof(result)) &&
                      strcmp(result, "OK") == 0;

    printf(" = ");
    output_tint(stdout, call->colour, good ? TINT_GOOD : TINT_BAD);
    call_print(fields, "", CONTROL_F_RESULT);
    output_tint(stdout, call->colour, TINT_NONE);
}

static void print_request(struct call *call, const struct control_reader *fields)
{
    const uint64_t length = control_number(fields, CONTROL_F_LENGTH, 0);
    struct control_field argument, duration;
    char text[32];

    call_print(fields, " ", CONTROL_F_OPERATION);
    call_print(fields, " ", CONTROL_F_PATH);
    if (control_find(fields, CONTROL_F_ARGUMENT, &argument) && argument.length) {
        printf(" \"");
        output_escape(stdout, (const char *)argument.value, argument.length);
        printf("\"");
        if (length > argument.length)
            printf("... (%llu bytes)", (unsigned long long)length);
    }
    print_result(call, fields);
    if (control_find(fields, CONTROL_F_DURATION, &duration))
        printf("  %s", output_duration(duration.number, text, sizeof(text)));
}

static void print_event(const struct control_reader *fields)
{
    printf(" event");
    call_print(fields, " ", CONTROL_F_PATH);
    call_print(fields, " ", CONTROL_F_TOKEN);
}

static void print_commit(struct call *call, const struct control_reader *fields)
{
    printf(" commit of %llu requests",
           (unsigned long long)control_number(fields, CONTROL_F_COUNT, 0));
    print_result(call, fields);
    call_print(fields, " version ", CONTROL_F_VERSION);
}

static int trace_line(struct call *call, const struct control_reader *fields)
{
    char kind[16];

    if (call_line_json(call, fields))
        return 0;
    if (!control_string(fields, CONTROL_F_KIND, kind, sizeof(kind)))
        return 0;
    print_time(fields);
    call_print(fields, " domain ", CONTROL_F_DOMID);
    call_print(fields, " tx ", CONTROL_F_TRANSACTION);
    putchar(':');
    if (strcmp(kind, "event") == 0)
        print_event(fields);
    else if (strcmp(kind, "commit") == 0)
        print_commit(call, fields);
    else
        print_request(call, fields);
    putchar('\n');
    fflush(stdout);
    return 0;
}

static int run_trace(struct call *call)
{
    call_begin(call, CONTROL_T_STORE_TRACE);
    return call_follow(call, trace_line);
}

const struct call_command store_trace = {
    .name = "store trace",
    .options = "dj",
    .domids_max = CALL_DOMIDS_MAX,
    .help = "Usage: atoll store trace [OPTION...]\n"
            "Show each request, watch event and commit of a transaction as it happens, until\n"
            "interrupted (Ctrl-C). A request's line has the time (UTC), the domain, the\n"
            "transaction, the operation, path and argument, the result, and how long it took.\n\n"
            "Options:\n"
            "  -d, --domid N   of this domain only; may be repeated\n"
            "  -j, --json      one object a line\n"
            "  -v, --verbose   Xen's libraries speak, too\n"
            "  -h, --help      show this\n"
            "\nMore: atoll-store(1).\n",
    .run = run_trace,
};
