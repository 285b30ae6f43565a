/* SPDX-License-Identifier: ISC */
#include "settings.h"

#include <errno.h>
#include <string.h>

#include "monitor.h"

/* One setting: a uint32_t or uint64_t of struct engine_config. */
struct setting {
    const char *name, *unit, *text;
    size_t offset, size;
    uint64_t min, max;
};

#define FIELD(member)                                                                              \
    offsetof(struct engine_config, member), sizeof(((struct engine_config *)0)->member)
#define DAY 86400U

static const struct setting settings[] = {
    {"idle", "seconds", "without a frame, after which a flow ends", FIELD(idle), 1, DAY},
    {"active", "seconds", "after which a flow that goes on is reported", FIELD(active), 1, DAY},
    {"closed", "seconds", "after TCP's end, after which a flow ends", FIELD(closed), 0, DAY},
    {"scan-ports", NULL, "ports of one host that one host tries within scan-window; 0: off",
     FIELD(limits.scan_ports), 0, 65535},
    {"scan-hosts", NULL, "hosts that one host tries at one port within scan-window; 0: off",
     FIELD(limits.scan_hosts), 0, 65535},
    {"scan-window", "seconds", "of scan-ports and scan-hosts", FIELD(limits.window), 1, 3600},
    {"syn-flood", NULL, "unanswered SYNs a second to one address and port; 0: off",
     FIELD(limits.syn_flood), 0, UINT32_MAX},
    {"spoofing", NULL, "1: tell of ARP and ND spoofing; 0: off", FIELD(limits.spoofing), 0, 1},
    {"dhcp-server", NULL, "1: tell of DHCP servers and routers on guests' ports; 0: off",
     FIELD(limits.dhcp_server), 0, 1},
    {"mac-moved", NULL, "1: tell of a MAC on two ports; 0: off", FIELD(limits.mac_moved), 0, 1},
    {"rate-factor", NULL, "times its usual rate at which a guest is told of; 0: off",
     FIELD(limits.rate_factor), 0, 1000000},
    {"rate-floor", "bytes", "a second below which no rate is unusual", FIELD(limits.rate_floor), 0,
     UINT64_MAX},
    {"repeat", "seconds", "before the same alert of the same port comes again", FIELD(limits.again),
     1, DAY},
};

#define SETTINGS (sizeof(settings) / sizeof(settings[0]))

static uint64_t get(const struct engine_config *config, const struct setting *setting)
{
    uint64_t value = 0;

    memcpy(&value, (const uint8_t *)config + setting->offset, setting->size);
    return value;
}

static void set(struct engine_config *config, const struct setting *setting, uint64_t value)
{
    memcpy((uint8_t *)config + setting->offset, &value, setting->size);
}

bool settings_options(struct hv *hv, struct log *log, struct engine_config *config)
{
    const char *wrong;

    for (unsigned i = 0; i < SETTINGS; i++) {
        const struct setting *setting = &settings[i];
        uint64_t max = setting->max < UINT32_MAX ? setting->max : UINT32_MAX;
        uint32_t value;

        if (!service_option(hv, setting->name, UINT32_MAX, &value))
            continue;
        if (value < setting->min || value > max) {
            log_write(log, LOG_ERROR, "option %s=%u: it has to be from %llu to %llu", setting->name,
                      value, (unsigned long long)setting->min, (unsigned long long)max);
            return false;
        }
        set(config, setting, value);
    }
    wrong = alert_limits_wrong(&config->limits);
    if (wrong)
        log_write(log, LOG_ERROR, "options of alerts: %s", wrong);
    return !wrong;
}

/* --- LIMITS -------------------------------------------------------------------------------------
 */

struct list_stream {
    struct control_stream stream;
    struct monitor *monitor;
    unsigned next;
};

static enum control_fill fill(struct control_stream *stream, struct control_writer *item)
{
    struct list_stream *walk = LIST_ENTRY(stream, struct list_stream, stream);
    const struct setting *setting = &settings[walk->next];

    if (walk->next == SETTINGS)
        return CONTROL_FILL_END;
    control_open_group(item, CONTROL_F_QUOTA);
    control_put_string(item, CONTROL_F_NAME, setting->name);
    control_put_number(item, CONTROL_F_VALUE, get(&walk->monitor->config, setting));
    if (setting->unit)
        control_put_string(item, CONTROL_F_UNIT, setting->unit);
    control_put_string(item, CONTROL_F_TEXT, setting->text);
    control_close_group(item);
    walk->next++;
    return CONTROL_FILL_FRAME;
}

static void release(struct control_stream *stream)
{
    struct list_stream *walk = LIST_ENTRY(stream, struct list_stream, stream);

    arena_free(walk->monitor->arena, walk, sizeof(*walk));
}

int settings_handle_list(struct monitor *monitor, struct control_request *request)
{
    static const struct control_stream_type type = {.fill = fill, .release = release};
    struct list_stream *walk = arena_zalloc(monitor->arena, sizeof(*walk));
    int error;

    if (!walk)
        return -ENOMEM;
    walk->monitor = monitor;
    error = control_stream_start(request, &walk->stream, &type);
    if (!error)
        return CONTROL_STREAMING;
    arena_free(monitor->arena, walk, sizeof(*walk));
    return error;
}

/* --- SET ----------------------------------------------------------------------------------------
 */

static int refuse(struct control_request *request, const struct setting *setting)
{
    control_request_error(request, "%s has to be a number from %llu to %llu", setting->name,
                          (unsigned long long)setting->min, (unsigned long long)setting->max);
    return -EINVAL;
}

int settings_handle_set(struct monitor *monitor, struct control_request *request)
{
    struct engine_config config = monitor->config;
    const struct setting *setting = settings;
    struct control_field field;
    const char *wrong;
    char name[24];

    control_string(&request->fields, CONTROL_F_NAME, name, sizeof(name));
    while (setting < settings + SETTINGS && strcmp(setting->name, name) != 0)
        setting++;
    if (setting == settings + SETTINGS) {
        control_request_error(request, "there is no such setting");
        return -ENOENT;
    }
    if (!control_find(&request->fields, CONTROL_F_VALUE, &field) || field.number < setting->min ||
        field.number > setting->max)
        return refuse(request, setting);
    set(&config, setting, field.number);
    wrong = alert_limits_wrong(&config.limits);
    if (wrong) {
        control_request_error(request, "%s", wrong);
        return -EINVAL;
    }
    monitor->config = config;
    engine_configure(monitor->engine, &config);
    log_write(monitor->log, LOG_NOTICE, "%s is %llu now", setting->name,
              (unsigned long long)field.number);
    return 0;
}
