/* SPDX-License-Identifier: ISC */
/* `atoll report`. */
#include "traffic_command.h"
#include "call.h"
#include "flow_file.h"
#include "interrupt.h"
#include "traffic.h"
#include "traffic_live.h"
#include "traffic_page.h"
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S UINT64_C(1000000000)

enum { OWN_OUTPUT, OWN_READ, OWN_SINCE, OWN_UNTIL };

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

bool traffic_time(const char *text, uint64_t now, uint64_t *time)
{
    static const char *const forms[] = {"%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"};
    static const char units[] = "smhd";
    static const uint32_t seconds[] = {1, 60, 3600, 86400};
    const char *unit;
    char *end;
    unsigned long long ago;

    if (text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    ago = strtoull(text, &end, 10);
    unit = *end ? strchr(units, *end) : NULL;
    if (unit && !end[1]) {
        const uint64_t each = seconds[unit - units] * NS_PER_S;

        *time = errno || ago > now / each ? 0 : now - ago * each;
        return !errno;
    }
    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        struct tm tm = {0};
        const char *rest = strptime(text, forms[i], &tm);

        if (rest && (!*rest || strcmp(rest, "Z") == 0) && tm.tm_year >= 70) {
            *time = (uint64_t)timegm(&tm) * NS_PER_S;
            return true;
        }
    }
    return false;
}

/* --- of a file -------------------------------------------------------------------------------- */

static void on_flow(void *context, const struct flow_view *view)
{
    traffic_add(context, view);
}

static void on_alert(void *context, const struct alert *alert)
{
    struct traffic *t = context;
    struct traffic_alert *place;

    if (alert->time < t->since || alert->time > t->until)
        return;
    place = traffic_alert(t);
    place->time = alert->time;
    place->suppressed = alert->suppressed;
    place->severity = alert->severity;
    snprintf(place->kind, sizeof(place->kind), "%s", alert_name((enum alert_kind)alert->kind));
    snprintf(place->evidence, sizeof(place->evidence), "%.*s", (int)sizeof(alert->evidence),
             alert->evidence);
    if (alert->family == 4)
        snprintf(place->who, sizeof(place->who), "%u.%u.%u.%u", alert->source[0], alert->source[1],
                 alert->source[2], alert->source[3]);
    else
        snprintf(place->who, sizeof(place->who), "%02x:%02x:%02x:%02x:%02x:%02x", alert->mac[0],
                 alert->mac[1], alert->mac[2], alert->mac[3], alert->mac[4], alert->mac[5]);
}

static bool on_progress(void *context, uint64_t bytes, uint64_t frames)
{
    return !interrupt_pending();
}

static int of_file(struct call *call, struct traffic *t, const char *path)
{
    const struct flow_file_options options = {
        .flow = on_flow, .alert = on_alert, .progress = on_progress, .context = t};
    struct flow_file_result result;

    interrupt_install();
    if (flow_file_run(path, &options, &result))
        return report_fail(&call->session.report, ATOLL_FAILURE, "%s", result.error);
    if (interrupt_pending())
        return ATOLL_INTERRUPTED;
    if (result.cut)
        report_note(&call->session.report, "%s; what comes before that is in the report",
                    result.error);
    traffic_lost(t, "frames of link types that are not understood", result.unknown_link);
    traffic_lost(t, "frames too short for Ethernet", result.engine.results[DECODE_NOT_ETHERNET]);
    traffic_lost(t, "frames whose headers contradict themselves",
                 result.engine.results[DECODE_MALFORMED]);
    traffic_lost(t, "frames that were cut before their addresses or ports",
                 result.engine.results[DECODE_SHORT]);
    traffic_lost(t, "frames of conversations that found no place", result.engine.flows_refused);
    traffic_lost(t, "conversations that had to make room, and may be told of in parts",
                 result.engine.flows_ended[FLOW_EVICTED]);
    return 0;
}

/* --- the command ------------------------------------------------------------------------------ */

static int write_page(struct call *call, const struct traffic *t, const char *source)
{
    const char *path = call->own[OWN_OUTPUT];
    const bool to_stdout = strcmp(path, "-") == 0;
    FILE *out = to_stdout ? stdout : fopen(path, "we");
    bool failed;

    if (!out)
        return report_fail(&call->session.report, errno == EACCES ? ATOLL_NO_RIGHTS : ATOLL_FAILURE,
                           "cannot write to %s (%s)", path, strerror(errno));
    traffic_page(out, t, source, now_ns());
    failed = ferror(out) != 0;
    if (to_stdout)
        failed |= fflush(out) != 0;
    else
        failed |= fclose(out) != 0;
    if (failed)
        return report_fail(&call->session.report, ATOLL_FAILURE,
                           "cannot write all of it to %s (%s); is the disk full?", path,
                           strerror(errno));
    return 0;
}

static int gather(struct call *call, struct traffic *t, char *source, size_t size)
{
    const char *path = call->own[OWN_READ], *base = path ? strrchr(path, '/') : NULL;
    int rc;

    if (path) {
        snprintf(source, size, "%s", base ? base + 1 : path);
        return of_file(call, t, path);
    }
    gethostname(source, size - 1);
    rc = call_connect(call);
    return rc ? rc : traffic_live(call, t);
}

static int run(struct call *call)
{
    const uint64_t now = now_ns();
    struct traffic *t = malloc(sizeof(*t));
    char source[256] = "";
    int rc = 0;

    if (!t || !traffic_init(t))
        rc = report_fail(&call->session.report, ATOLL_FAILURE, "out of memory");
    if (!rc) {
        if (call->own[OWN_SINCE])
            traffic_time(call->own[OWN_SINCE], now, &t->since);
        if (call->own[OWN_UNTIL])
            traffic_time(call->own[OWN_UNTIL], now, &t->until);
        rc = gather(call, t, source, sizeof(source));
    }
    if (!rc) {
        traffic_lost(t, "conversations that are not in the plot and the matrix", t->spans_lost);
        traffic_finish(t);
        rc = write_page(call, t, source);
    }
    if (t)
        traffic_free(t);
    free(t);
    return rc;
}

static int check(struct call *call)
{
    uint64_t since = 0, until = UINT64_MAX;

    if (!call->own[OWN_OUTPUT])
        return call_usage(call, "where to? --output is missing", NULL);
    if (call->own[OWN_SINCE] && !traffic_time(call->own[OWN_SINCE], now_ns(), &since))
        return call_usage(call, "--since takes a time such as 2h or 2026-11-22T10:30, not",
                          call->own[OWN_SINCE]);
    if (call->own[OWN_UNTIL] && !traffic_time(call->own[OWN_UNTIL], now_ns(), &until))
        return call_usage(call, "--until takes a time such as 2h or 2026-11-22T10:30, not",
                          call->own[OWN_UNTIL]);
    if (since > until)
        return call_usage(call, "--until is before --since", NULL);
    if (call->own[OWN_READ] && call->service)
        return call_usage(call, "--read and --service do not go together", NULL);
    return 0;
}

static const struct call_option own[] = {
    [OWN_OUTPUT] = {"output", 'o', true},
    [OWN_READ] = {"read", 'r', true},
    [OWN_SINCE] = {"since", 0, true},
    [OWN_UNTIL] = {"until", 0, true},
    {NULL, 0, false},
};

static const struct call_command command = {
    .name = "report",
    .options = "",
    .own = own,
    .service = "monitor",
    .alone = true,
    .help = "Usage: atoll report -o FILE.html [-r CAPTURE] [OPTION...]\n"
            "Make a page to look at: traffic over time, who talked to whom, protocols, names,\n"
            "alerts, what was lost; of the monitor's last two hours, or of a capture file.\n\n"
            "Options:\n"
            "  -o, --output FILE    the page, whole in one file; -: to standard output\n"
            "  -r, --read FILE      a capture file, pcap or pcapng; -: standard input\n"
            "      --since TIME     what ended before is left out: 30m, 2h, 7d ago, or\n"
            "                       2026-11-22T10:30 (UTC)\n"
            "      --until TIME     what began after is left out\n"
            "  -s, --service NAME   of another monitor than monitor\n"
            "  -v, --verbose        Xen's libraries speak, too\n"
            "  -h, --help           show this\n"
            "\nMore: atoll-report(1).\n",
    .check = check,
    .run = run,
};

int traffic_main(int argc, char *const argv[])
{
    return call_main(&command, argc, argv);
}
