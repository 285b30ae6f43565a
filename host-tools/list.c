/* SPDX-License-Identifier: ISC */
#include "command_line.h"
#include "inspect.h"
#include "output.h"
#include "session.h"
#include "status.h"

/* A service that is hung costs this much, and nobody waits for the others because of it. */
#define ANSWER_TIMEOUT_MS 2000

static const struct command_usage usage = {
    .name = "list",
    .options = "jN",
    .services_max = 0,
    .help = "Usage: atoll list [OPTION...]\n"
            "List the services of this host: those of atoll.conf(5), and all that were started.\n\n"
            "Options:\n"
            "  -j, --json           an array of objects, for scripts; as `atoll status --json`\n"
            "  -N, --names          the names in the configuration alone, one a line\n"
            "  -v, --verbose        name each step with its time\n"
            "  -h, --help           show this\n"
            "\nA service that does not answer within 2 seconds is shown so. More: atoll(1).\n",
};

static enum tint state_tint(const struct inspection *found)
{
    switch (found->state) {
    case RECORD_RUNS:
        return TINT_GOOD;
    case RECORD_ENDED:
    case RECORD_GONE:
        return TINT_BAD;
    default:
        return TINT_DIM;
    }
}

static enum tint health_tint(const struct inspection *found)
{
    if (found->code)
        return TINT_BAD;
    return found->health == CONTROL_HEALTHY    ? TINT_GOOD
           : found->health == CONTROL_DEGRADED ? TINT_WARN
                                               : TINT_BAD;
}

static void add_row(struct table *table, const struct inspection *found)
{
    const char *health = inspect_health(found);
    const bool there = found->memory > 0;
    char text[32];

    table_cell(table, TINT_NONE, "%s", found->settings->name);
    if (there)
        table_cell(table, TINT_NONE, "%u", found->record.domid);
    else
        table_cell(table, TINT_DIM, "-");
    table_cell(table, state_tint(found), "%s", inspect_state(found));
    if (health[0])
        table_cell(table, health_tint(found), "%s", health);
    else
        table_cell(table, TINT_DIM, "-");
    if (there) {
        table_cell(table, TINT_NONE, "%llu", (unsigned long long)(found->memory >> 20));
        table_cell(table, TINT_NONE, "%s", output_duration(found->cpu_ns, text, sizeof(text)));
    } else {
        table_cell(table, TINT_DIM, "-");
        table_cell(table, TINT_DIM, "-");
    }
    if (!found->code)
        table_cell(table, TINT_NONE, "%s", output_duration(found->uptime_ns, text, sizeof(text)));
    else
        table_cell(table, TINT_DIM, "-");
    table_cell(table,
               found->watch.gave_up  ? TINT_BAD
               : found->watch.deaths ? TINT_WARN
                                     : TINT_DIM,
               "%llu%s", (unsigned long long)found->watch.deaths,
               found->watch.gave_up ? ", given up"
               : found->watch.retry ? ", waits"
                                    : "");
    table_cell(table, found->version[0] ? TINT_NONE : TINT_DIM, "%s",
               found->version[0] ? found->version : "-");
}

static int list(struct session *session, bool as_json)
{
    static const char *const columns[] = {"Service", ">Domid",  "State",   "Health",  ">MiB",
                                          ">CPU",    ">Uptime", ">Deaths", "Version", NULL};
    struct table *table = as_json ? NULL : table_create(columns);
    json_t *array = as_json ? json_array() : NULL;
    int result = 0;

    session_add_records(session);
    for (unsigned i = 0; i < session->config.count; i++) {
        struct inspection found;
        const int rc = inspect(&session->report, session->xch, &session->config.services[i],
                               ANSWER_TIMEOUT_MS, &found);
        report_step(&session->report, "%s", session->config.services[i].name);
        result = result ? result : rc;
        if (!rc && as_json)
            json_array_append_new(array, inspect_json(&found));
        else if (!rc)
            add_row(table, &found);
    }
    if (as_json)
        output_json(stdout, array, true);
    else
        table_print(table, stdout, "There are no services.");
    return result;
}

int list_main(int argc, char *const argv[])
{
    struct command_line line;
    struct session session;
    int rc = command_parse(&usage, argc, argv, &line, stderr);

    if (rc || line.help)
        return rc;
    rc = session_begin(&session, "list", NULL, line.verbose);
    if (!rc && line.names) {
        for (unsigned i = 0; i < session.config.count; i++)
            printf("%s\n", session.config.services[i].name);
    } else if (!rc) {
        rc = session_open_xen(&session);
        if (!rc)
            rc = list(&session, line.json);
    }
    session_end(&session);
    return rc;
}
