/* SPDX-License-Identifier: ISC */
#include "status.h"
#include "command_line.h"
#include "control_client.h"
#include "inspect.h"
#include "output.h"
#include "session.h"
#include <string.h>

#define SERVICES_MAX 64

static const struct command_usage usage = {
    .name = "status",
    .options = "jt",
    .services_min = 1,
    .services_max = SERVICES_MAX,
    .help = "Usage: atoll status SERVICE... [OPTION...]\n"
            "Show how services are, as Xen and they themselves say.\n\n"
            "Options:\n"
            "  -j, --json           an array of objects, for scripts\n"
            "  -t, --timeout SEC    how long to wait for each answer (default: 10)\n"
            "  -v, --verbose        name each step with its time\n"
            "  -h, --help           show this\n"
            "\nExit status: 0 healthy or degraded, 1 failing, 7 no answer, 9 not running; of\n"
            "several services, that of the first that is not well. More: atoll(1).\n",
};

static enum tint health_tint(const struct inspection *found)
{
    if (found->state == RECORD_NONE || found->state == RECORD_STARTING)
        return TINT_DIM;
    if (found->state != RECORD_RUNS || found->code)
        return TINT_BAD;
    return found->health == CONTROL_HEALTHY    ? TINT_GOOD
           : found->health == CONTROL_DEGRADED ? TINT_WARN
                                               : TINT_BAD;
}

static void show_answer(FILE *out, const struct inspection *found)
{
    char uptime[32], started[32], used[32], total[32];

    fprintf(out, "  version   %s\n", found->version);
    output_duration(found->uptime_ns, uptime, sizeof(uptime));
    if (found->started_ns)
        fprintf(out, "  uptime    %s, since %s\n", uptime,
                output_time(found->started_ns, started, sizeof(started)));
    else
        fprintf(out, "  uptime    %s\n", uptime);
    fprintf(out, "  memory    %s of %s used\n",
            output_bytes(found->memory_used, used, sizeof(used)),
            output_bytes(found->memory_total, total, sizeof(total)));
    fprintf(out, "  clients   %llu\n", (unsigned long long)found->clients);
}

static void show(FILE *out, const struct inspection *found)
{
    const bool colour = output_colour(out);
    const char *health = inspect_health(found);
    char bytes[32], time[32], watch[512];

    fprintf(out, "%s: ", found->settings->name);
    output_tint(out, colour, health_tint(found));
    fprintf(out, "%s%s%s", inspect_state(found), health[0] ? ", " : "", health);
    output_tint(out, colour, TINT_NONE);
    fprintf(out, "%s%s\n", found->text[0] ? ": " : "", found->text);
    if (found->state == RECORD_RUNS && found->code)
        fprintf(out, "  %s\n", found->error);
    if (found->record.domid && found->memory)
        fprintf(out, "  domain    %u, %s, %s of processor time\n", found->record.domid,
                output_bytes(found->memory, bytes, sizeof(bytes)),
                output_duration(found->cpu_ns, time, sizeof(time)));
    if (!found->code)
        show_answer(out, found);
    if (found->record.kernel[0])
        fprintf(out, "  image     %s\n", found->record.kernel);
    watch_state_text(&found->watch, watch, sizeof(watch));
    if (watch[0])
        fprintf(out, "  watchd    %s\n", watch);
    if (found->state == RECORD_ENDED || found->state == RECORD_GONE)
        fprintf(out, "  `atoll %s %s` brings it back\n",
                found->settings->store_domain ? "start" : "restart", found->settings->name);
}

int status_main(int argc, char *const argv[])
{
    struct command_line line;
    struct session session;
    json_t *array = NULL;
    int rc = command_parse(&usage, argc, argv, &line, stderr), result = 0;

    if (rc || line.help)
        return rc;
    rc = session_begin(&session, "status", line.count == 1 ? line.services[0] : NULL, line.verbose);
    for (int i = 0; !rc && i < line.count; i++) {
        const struct service_settings *settings;

        rc = session_find(&session, line.services[i], &settings);
    }
    if (!rc)
        rc = session_open_xen(&session);
    if (!rc && line.json)
        array = json_array();
    for (int i = 0; !rc && i < line.count; i++) {
        const struct service_settings *settings = config_find(&session.config, line.services[i]);
        struct inspection found;

        rc = inspect(&session.report, session.xch, settings,
                     line.timeout_s ? (int)line.timeout_s * 1000 : CONTROL_TIMEOUT_MS, &found);
        if (rc)
            break;
        result = result ? result : inspect_code(&found);
        if (line.json)
            json_array_append_new(array, inspect_json(&found));
        else
            show(stdout, &found);
        fflush(stdout);
    }
    if (array)
        output_json(stdout, array, true);
    session_end(&session);
    return rc ? rc : result;
}
