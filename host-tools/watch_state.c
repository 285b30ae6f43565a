/* SPDX-License-Identifier: ISC */
#include "watch_state.h"
#include "output.h"
#include "values.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_SIZE_MAX 4096u

char *watch_state_format(const struct watch_state *state)
{
    json_t *json =
        json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:b, s:s, s:s}", "service", state->service,
                  "deaths", (json_int_t)state->deaths, "recovered", (json_int_t)state->recovered,
                  "row", (json_int_t)state->row, "last-death", (json_int_t)state->last_death,
                  "retry", (json_int_t)state->retry, "gave-up", (int)state->gave_up, "reason",
                  state->reason, "report", state->report);
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;

    json_decref(json);
    return text;
}

static bool number(const json_t *json, const char *key, uint64_t *out)
{
    const json_t *value = json_object_get(json, key);

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool string(const json_t *json, const char *key, char *out, size_t size)
{
    const json_t *value = json_object_get(json, key);
    const char *text = json_string_value(value);

    if (!text || json_string_length(value) >= size || !value_printable(text))
        return false;
    strcpy(out, text);
    return true;
}

int watch_state_parse(const char *text, size_t length, struct watch_state *state)
{
    json_t *json = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
    bool good;

    memset(state, 0, sizeof(*state));
    good = json && string(json, "service", state->service, sizeof(state->service)) &&
           value_name(state->service, sizeof(state->service)) &&
           number(json, "deaths", &state->deaths) && number(json, "recovered", &state->recovered) &&
           number(json, "row", &state->row) && number(json, "last-death", &state->last_death) &&
           number(json, "retry", &state->retry) &&
           json_is_boolean(json_object_get(json, "gave-up")) &&
           string(json, "reason", state->reason, sizeof(state->reason)) &&
           string(json, "report", state->report, sizeof(state->report));
    if (good)
        state->gave_up = json_is_true(json_object_get(json, "gave-up"));
    else
        memset(state, 0, sizeof(*state));
    json_decref(json);
    return good ? 0 : -EINVAL;
}

int watch_state_write(const char *dir, const struct watch_state *state)
{
    char path[PATH_MAX], temporary[PATH_MAX + 8], *text = watch_state_format(state);
    FILE *f;
    int error = 0;

    if (!text)
        return -ENOMEM;
    snprintf(path, sizeof(path), "%s/%s.json", dir, state->service);
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    unlink(temporary);
    f = fopen(temporary, "wxe");
    if (!f || fputs(text, f) < 0)
        error = -(errno ? errno : EIO);
    if (f && fclose(f) && !error)
        error = -errno;
    if (!error && rename(temporary, path))
        error = -errno;
    free(text);
    return error;
}

bool watch_state_read(const char *dir, const char *service, struct watch_state *state)
{
    char path[PATH_MAX], text[STATE_SIZE_MAX + 1];
    size_t length = 0;
    FILE *f;
    bool good;

    snprintf(path, sizeof(path), "%s/%s.json", dir, service);
    f = fopen(path, "re");
    if (f) {
        length = fread(text, 1, sizeof(text), f);
        fclose(f);
    }
    good = f && length <= STATE_SIZE_MAX && watch_state_parse(text, length, state) == 0 &&
           strcmp(state->service, service) == 0;
    if (!good)
        memset(state, 0, sizeof(*state));
    snprintf(state->service, sizeof(state->service), "%s", service);
    return good;
}

void watch_state_text(const struct watch_state *state, char *text, size_t size)
{
    char when[40], next[40];

    text[0] = '\0';
    if (!state->deaths)
        return;
    output_time(state->last_death, when, sizeof(when));
    output_time(state->retry, next, sizeof(next));
    if (state->gave_up)
        snprintf(text, size,
                 "given up after %llu failures in a row, the last death (%s) at %s; `atoll crash "
                 "show %s` "
                 "says why, `atoll restart %s` tries again",
                 (unsigned long long)state->row, state->reason, when, state->service,
                 state->service);
    else
        snprintf(text, size, "%llu death%s, %llu of them recovered from; the last (%s) at %s%s%s",
                 (unsigned long long)state->deaths, state->deaths == 1 ? "" : "s",
                 (unsigned long long)state->recovered, state->reason, when,
                 state->retry ? "; backing off until " : "", state->retry ? next : "");
}
