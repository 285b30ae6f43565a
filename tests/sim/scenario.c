/* SPDX-License-Identifier: ISC */
#include "scenario.h"

#include "twin.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LENGTH 1000

static uint32_t type_of(const char *name)
{
    for (uint32_t type = 0; type < WIRE_TYPES; type++)
        if (strcmp(message_type_name(type), name) == 0)
            return type;
    return (uint32_t)strtoul(name, NULL, 10);
}

static bool host_line(struct twin *twin, const char *verb, unsigned number)
{
    static const struct {
        const char *verb;
        void (*play)(struct twin *twin, unsigned number);
    } verbs[] = {{"boot", twin_boot},       {"introduce", twin_introduce},
                 {"release", twin_release}, {"shutdown", twin_shutdown},
                 {"kill", twin_kill},       {"reconnect", twin_reconnect},
                 {"attach", twin_attach},   {"detach", twin_detach}};

    if (strcmp(verb, "guest") == 0) {
        twin_boot(twin, number);
        twin_introduce(twin, number);
        return true;
    }
    for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
        if (strcmp(verb, verbs[i].verb) == 0) {
            verbs[i].play(twin, number);
            return true;
        }
    return false;
}

static void request_line(struct twin *twin, char *line)
{
    char *who = line, *type = strchr(line, ' '), *payload;
    int slot = TWIN_NO_TX;

    ck_assert_ptr_nonnull(type);
    *type++ = 0;
    payload = type + strcspn(type, " ");
    if (*payload != 0)
        *payload++ = 0;
    char *dot = strchr(who, '.');
    if (dot != NULL)
        slot = dot[1] == 'x' ? TWIN_BAD_TX : atoi(dot + 1);
    size_t length = strlen(payload);
    for (size_t i = 0; i < length; i++)
        if (payload[i] == '|')
            payload[i] = 0;
    twin_request(twin, (unsigned)atoi(who), slot, type_of(type), payload, length);
}

void scenario_play(const struct scenario *scenario, bool with_service)
{
    struct twin *twin = twin_create(1, with_service);

    for (const char *const *at = scenario->lines; *at != NULL; at++) {
        char line[LINE_MAX_LENGTH], verb[32];
        unsigned number;
        const char *want = strstr(*at, "=>");
        size_t length = want != NULL ? (size_t)(want - *at) : strlen(*at);

        while (length > 0 && (*at)[length - 1] == ' ')
            length--;
        snprintf(line, sizeof(line), "%.*s", (int)length, *at);
        if (line[0] >= '0' && line[0] <= '9') {
            request_line(twin, line);
        } else {
            ck_assert_int_eq(sscanf(line, "%31s %u", verb, &number), 2);
            ck_assert_msg(host_line(twin, verb, number), "no such verb: %s", line);
        }
        if (want != NULL) {
            want += strspn(want, "=> ");
            ck_assert_msg(strcmp(want, twin->transcript) == 0, "%s\n  line: %s\n  got:  %s",
                          scenario->name, *at, twin->transcript);
        }
    }
    twin_destroy(twin);
}
