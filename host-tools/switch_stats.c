/* SPDX-License-Identifier: ISC */
/* `atoll switch stats`: what each port has sent, got, and lost. */
#include "interrupt.h"
#include "switch_commands.h"
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Reasons that a row has room for; the rest is added up. */
#define REASONS_SHOWN 3u

/* A port as it was at the last look: what the rates are made of. */
struct port_look {
    uint64_t domid, vif, connects;
    uint64_t frames_in, frames_out, bytes_in, bytes_out;
};

struct look {
    struct port_look *ports;
    size_t count, room;
    uint64_t time; /* report_now_ns() */
};

struct stats_context {
    struct look before, now;
    bool rates; /* there is a look before */
    bool failed;
};

static bool look_add(struct look *look, const struct port_look *port)
{
    if (look->count == look->room) {
        const size_t room = look->room ? 2 * look->room : 64;
        struct port_look *grown = reallocarray(look->ports, room, sizeof(*grown));

        if (!grown)
            return false;
        look->ports = grown;
        look->room = room;
    }
    look->ports[look->count++] = *port;
    return true;
}

static const struct port_look *look_find(const struct look *look, const struct port_look *port)
{
    for (size_t i = 0; i < look->count; i++) {
        if (look->ports[i].domid == port->domid && look->ports[i].vif == port->vif)
            return &look->ports[i];
    }
    return NULL;
}

/* "source-mac 12, storm 3", the most frequent first; "-": none. For free(). */
static char *drops(const struct control_reader *fields)
{
    struct control_reader reader = {.data = fields->data, .length = fields->length}, drop;
    struct {
        char reason[24];
        uint64_t count;
    } top[REASONS_SHOWN] = {0};
    struct control_field field;
    uint64_t others = 0;
    char *text = NULL;
    size_t size;
    FILE *memory;

    while (control_next(&reader, &field)) {
        uint64_t count;
        char reason[24];

        if (field.tag != CONTROL_F_DROP)
            continue;
        control_read_group(&drop, &field);
        count = control_number(&drop, CONTROL_F_COUNT, 0);
        if (!control_string(&drop, CONTROL_F_REASON, reason, sizeof(reason)))
            strcpy(reason, "?");
        others += count;
        for (unsigned i = 0; i < REASONS_SHOWN; i++) {
            if (count <= top[i].count)
                continue;
            memmove(&top[i + 1], &top[i], (REASONS_SHOWN - 1 - i) * sizeof(top[0]));
            memcpy(top[i].reason, reason, sizeof(reason));
            top[i].count = count;
            break;
        }
    }
    memory = open_memstream(&text, &size);
    if (!memory)
        return NULL;
    for (unsigned i = 0; i < REASONS_SHOWN && top[i].count; i++) {
        fprintf(memory, "%s%s %llu", i ? ", " : "", top[i].reason,
                (unsigned long long)top[i].count);
        others -= top[i].count;
    }
    if (others)
        fprintf(memory, ", others %llu", (unsigned long long)others);
    fputs(top[0].count ? "" : "-", memory);
    fclose(memory);
    return text;
}

static struct port_look read_port(const struct control_reader *fields)
{
    return (struct port_look){
        .domid = control_number(fields, CONTROL_F_DOMID, 0),
        .vif = control_number(fields, CONTROL_F_VIF, 0),
        .frames_in = control_number(fields, CONTROL_F_FRAMES_IN, 0),
        .frames_out = control_number(fields, CONTROL_F_FRAMES_OUT, 0),
        .bytes_in = control_number(fields, CONTROL_F_BYTES_IN, 0),
        .bytes_out = control_number(fields, CONTROL_F_BYTES_OUT, 0),
    };
}

/* How much a second; 0 where a counter has begun anew: the guest came back. */
static uint64_t per_second(uint64_t now, uint64_t before, uint64_t ns)
{
    return now < before || ns == 0 ? 0 : (uint64_t)((double)(now - before) * 1e9 / (double)ns);
}

static void rate_cells(struct call *call, uint64_t frames, uint64_t bytes)
{
    char text[32];

    table_cell(call->table, TINT_NONE, "%llu", (unsigned long long)frames);
    table_cell(call->table, TINT_NONE, "%s", output_bytes(bytes, text, sizeof(text)));
}

static void traffic_cells(struct call *call, const struct port_look *port)
{
    static const struct port_look nothing;
    const struct stats_context *context = call->context;
    const uint64_t ns = context->now.time - context->before.time;
    const struct port_look *before = context->rates ? look_find(&context->before, port) : &nothing;

    if (!context->rates) {
        rate_cells(call, port->frames_in, port->bytes_in);
        rate_cells(call, port->frames_out, port->bytes_out);
        return;
    }
    if (!before) /* it has come since: what it did until now is the first that we see */
        before = port;
    rate_cells(call, per_second(port->frames_in, before->frames_in, ns),
               per_second(port->bytes_in, before->bytes_in, ns));
    rate_cells(call, per_second(port->frames_out, before->frames_out, ns),
               per_second(port->bytes_out, before->bytes_out, ns));
}

static int stats_row(struct call *call, const struct control_reader *entry)
{
    struct stats_context *context = call->context;
    const struct port_look port = read_port(entry);
    char name[96], *dropped = drops(entry);

    context->failed |= !look_add(&context->now, &port);
    call_port_name(entry, name, sizeof(name));
    table_cell(call->table, TINT_NONE, "%s", name);
    traffic_cells(call, &port);
    table_cell(call->table, dropped && *dropped != '-' ? TINT_WARN : TINT_DIM, "%s",
               dropped ? dropped : "?");
    free(dropped);
    return 0;
}

static int look(struct call *call)
{
    static const char *const totals[] = {"Port",       ">Frames in", ">Bytes in", ">Frames out",
                                         ">Bytes out", "Dropped",    NULL},
                             *const rates[] = {
                                 "Port",         ">Frames/s in", ">Bytes/s in", ">Frames/s out",
                                 ">Bytes/s out", "Dropped",      NULL};
    struct stats_context *context = call->context;
    int rc;

    context->now.count = 0;
    context->now.time = report_now_ns();
    call_begin(call, CONTROL_T_SWITCH_STATS);
    call_table_begin(call, context->rates ? rates : totals);
    rc = call_stream(call, CONTROL_F_PORT, call->json ? NULL : stats_row);
    if (call->json && !rc && call->watch) {
        output_json(stdout, call->array, false);
        call->array = NULL;
        return 0;
    }
    return call_table_end(call, rc, "The switch has no ports.");
}

/* Again and again in the same place, until interrupted, which is its proper end. */
static int watch(struct call *call)
{
    const bool redraw = !call->json && isatty(STDOUT_FILENO);
    struct stats_context *context = call->context;
    const int wait_ms = (int)(call->interval_s ? call->interval_s : 1) * 1000;
    int rc = 0;

    while (!rc) {
        struct pollfd p = {.fd = interrupt_fd(), .events = POLLIN};
        struct look last = context->before;

        if (redraw)
            fputs("\033[H\033[2J", stdout);
        rc = look(call);
        if (!redraw && !call->json)
            putchar('\n');
        if (!rc)
            rc = call_check_output(call, 0);
        if (rc || poll(&p, 1, wait_ms) != 0)
            break;
        context->before = context->now;
        context->now = last;
        context->rates = true;
    }
    return interrupt_pending() ? ATOLL_OK : rc;
}

static int run_stats(struct call *call)
{
    struct stats_context context = {0};
    int rc;

    call->context = &context;
    rc = call->watch || call->interval_s ? watch(call) : look(call);
    free(context.before.ports);
    free(context.now.ports);
    if (!rc && context.failed)
        rc = report_fail(&call->session.report, ATOLL_FAILURE, "out of memory");
    return rc;
}

static int check_stats(struct call *call)
{
    call->watch |= call->interval_s != 0;
    return 0;
}

const struct call_command switch_stats = {
    .name = "switch stats",
    .service = SWITCH_SERVICE,
    .options = "dijW",
    .help = "Usage: atoll switch stats [OPTION...]\n"
            "Show what each port has sent (in) and got (out) since it came, and how many of its\n"
            "frames were dropped for which reason; --json has all counters.\n\n"
            "Options:\n"
            "      --watch          again each second, with what has moved in a second, until\n"
            "                       interrupted (Ctrl-C); with --json one line each time\n"
            "  -i, --interval SEC   the same every SEC seconds\n"
            "  -d, --domid N        of this domain only\n"
            "  -s, --service NAME   of another switch than " SWITCH_SERVICE "\n"
            "  -j, --json           for scripts\n"
            "  -v, --verbose        Xen's libraries speak, too\n"
            "  -h, --help           show this\n"
            "\nMore: atoll-switch(1).\n",
    .check = check_stats,
    .run = run_stats,
};
