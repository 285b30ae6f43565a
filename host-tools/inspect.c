/* SPDX-License-Identifier: ISC */
#include "inspect.h"
#include "control_client.h"
#include "output.h"
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES 4096u

static void take_status(const struct control_reader *reply, struct inspection *found)
{
    char text[sizeof(found->text)], *escaped;

    found->health = (unsigned)control_number(reply, CONTROL_F_HEALTH, CONTROL_HEALTHY);
    found->uptime_ns = control_number(reply, CONTROL_F_UPTIME, 0);
    found->started_ns = control_number(reply, CONTROL_F_STARTED, 0);
    found->memory_total = control_number(reply, CONTROL_F_MEMORY_TOTAL, 0);
    found->memory_used = control_number(reply, CONTROL_F_MEMORY_USED, 0);
    found->clients = control_number(reply, CONTROL_F_CLIENTS, 0);
    found->sealed = control_number(reply, CONTROL_F_SEALED, 0);
    if (control_string(reply, CONTROL_F_TEXT, text, sizeof(text)) && text[0]) {
        escaped = output_escaped(text, strlen(text)); /* a service's words are not to be trusted */
        snprintf(found->text, sizeof(found->text), "%s", escaped ? escaped : "");
        free(escaped);
    }
}

static int ask(struct report *r, const char *name, uint32_t domid, int timeout_ms,
               struct inspection *found)
{
    struct control_client *client = NULL;
    struct control_answer answer;
    int rc = control_client_open_domain(r, name, domid, timeout_ms, &client);

    if (rc)
        return rc;
    snprintf(found->service, sizeof(found->service), "%s", control_client_peer(client)->service);
    snprintf(found->version, sizeof(found->version), "%s", control_client_peer(client)->version);
    (void)control_client_begin(client, CONTROL_T_STATUS);
    rc = control_client_send(client);
    if (!rc)
        rc = control_client_next(client, timeout_ms, &answer);
    if (!rc)
        take_status(&answer.fields, found);
    control_client_close(client);
    return rc;
}

void inspect_ask(const struct report *r, const char *name, uint32_t domid, int timeout_ms,
                 struct inspection *found)
{
    struct report_kept kept;

    found->code = ATOLL_FAILURE;
    if (!report_keep(&kept, r))
        return;
    found->code = ask(&kept.report, name, domid, timeout_ms, found);
    report_kept_end(&kept, found->error, sizeof(found->error));
}

int inspect(struct report *r, xc_interface *xch, const struct service_settings *settings,
            int timeout_ms, struct inspection *found)
{
    xc_domaininfo_t info;
    int rc;

    memset(found, 0, sizeof(*found));
    found->settings = settings;
    found->code = ATOLL_NOT_RUNNING;
    (void)watch_state_read(WATCH_STATE_DIR, settings->name, &found->watch);
    rc = record_find(r, xch, settings->name, settings->store_domain, &found->record, &found->state,
                     &found->why);
    if (rc)
        return rc;
    if (found->state == RECORD_NONE || found->state == RECORD_GONE || !found->record.domid)
        return 0;
    if (xc_domain_getinfolist(xch, found->record.domid, 1, &info) == 1 &&
        info.domain == found->record.domid) {
        found->cpu_ns = info.cpu_time;
        found->memory = info.tot_pages * (uint64_t)PAGE_BYTES;
    }
    if (found->state == RECORD_RUNS)
        inspect_ask(r, settings->name, found->record.domid, timeout_ms, found);
    return 0;
}

const char *inspect_state(const struct inspection *found)
{
    switch (found->state) {
    case RECORD_NONE:
        return "stopped";
    case RECORD_STARTING:
        return "starting";
    case RECORD_RUNS:
        return "running";
    case RECORD_ENDED:
        return found->why[0] ? found->why : "ended";
    case RECORD_GONE:
        return "gone";
    }
    return "";
}

const char *inspect_health(const struct inspection *found)
{
    if (found->state != RECORD_RUNS)
        return "";
    if (found->code)
        return "no answer";
    switch (found->health) {
    case CONTROL_HEALTHY:
        return "healthy";
    case CONTROL_DEGRADED:
        return "degraded";
    default:
        return "failing";
    }
}

int inspect_code(const struct inspection *found)
{
    if (found->code)
        return found->code;
    return found->health == CONTROL_HEALTHY || found->health == CONTROL_DEGRADED ? ATOLL_OK
                                                                                 : ATOLL_FAILURE;
}

/* The three below release nothing: json_object_set_new() takes what they make, NULL too. */
static json_t *text_or_null(const char *text)
{
    return text && text[0] ? json_string(text) : json_null();
}

static json_t *number_or_null(bool known, uint64_t number)
{
    return known ? output_json_number(number) : json_null();
}

json_t *inspect_json(const struct inspection *found)
{
    const bool there =
        found->state != RECORD_NONE && found->state != RECORD_GONE && found->record.domid;
    const bool answered = !found->code;
    const char *kernel = found->record.kernel[0] ? found->record.kernel : found->settings->kernel;
    const struct {
        const char *key;
        json_t *value;
    } members[] = {
        {"name", json_string(found->settings->name)},
        {"state", json_string(found->state == RECORD_ENDED ? "ended" : inspect_state(found))},
        {"end", text_or_null(found->state == RECORD_ENDED ? found->why : "")},
        {"domid", number_or_null(there, found->record.domid)},
        {"health", answered ? text_or_null(inspect_health(found)) : json_null()},
        {"text", text_or_null(found->text)},
        {"error", text_or_null(found->state == RECORD_RUNS ? found->error : "")},
        {"version", text_or_null(found->version)},
        {"uptime", number_or_null(answered, found->uptime_ns)},
        {"started", number_or_null(answered && found->started_ns, found->started_ns)},
        {"memory", number_or_null(there, found->memory)},
        {"memory-total", number_or_null(answered, found->memory_total)},
        {"memory-used", number_or_null(answered, found->memory_used)},
        {"cpu-time", number_or_null(there, found->cpu_ns)},
        {"clients", number_or_null(answered, found->clients)},
        {"sealed", answered ? json_boolean(found->sealed) : json_null()},
        {"kernel", text_or_null(kernel)},
        {"deaths", output_json_number(found->watch.deaths)},
        {"recovered", output_json_number(found->watch.recovered)},
        {"last-death", number_or_null(found->watch.last_death, found->watch.last_death)},
        {"last-report", text_or_null(found->watch.report)},
        {"retry", number_or_null(found->watch.retry, found->watch.retry)},
        {"given-up", json_boolean(found->watch.gave_up)},
    };
    json_t *object = json_object();

    for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        json_object_set_new(object, members[i].key, members[i].value);
    return object;
}
