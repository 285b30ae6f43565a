/* SPDX-License-Identifier: ISC */
#include "rules_diff.h"
#include "output.h"
#include <stdlib.h>
#include <string.h>

/* "4c7f...-.../0": what tells ports apart. */
static json_t *by_port(const json_t *ports)
{
    json_t *object = json_object(), *port;
    size_t index;

    json_array_foreach(ports, index, port)
    {
        const char *guest = json_string_value(json_object_get(port, "guest"));
        char name[300];

        snprintf(name, sizeof(name), "%.255s/%d", guest ? guest : "?",
                 (int)json_integer_value(json_object_get(port, "vif")));
        json_object_set(object, name, port);
    }
    return object;
}

static void add(json_t *changes, const char *what, const char *kind, const char *name,
                const json_t *before, const json_t *after)
{
    json_t *change = json_pack("{s:s, s:s, s:s}", "what", what, "kind", kind, "name", name);

    if (before)
        json_object_set(change, "before", (json_t *)(uintptr_t)before);
    if (after)
        json_object_set(change, "after", (json_t *)(uintptr_t)after);
    json_array_append_new(changes, change);
}

/* Members of @one that @other does not have as they are. */
static json_t *different(const json_t *one, const json_t *other)
{
    json_t *found = json_object(), *all = (json_t *)(uintptr_t)one, *value;
    const char *key;

    json_object_foreach(all, key, value)
    {
        const json_t *there = json_object_get(other, key);

        /* What people call it changes nothing. */
        if (strcmp(key, "comment") != 0 && !json_equal(value, there))
            json_object_set(found, key, value);
    }
    return found;
}

/* Two objects of objects. */
static void compare(json_t *changes, const char *kind, const json_t *before, const json_t *after)
{
    json_t *all, *value;
    const char *name;

    all = (json_t *)(uintptr_t)before;
    json_object_foreach(all, name, value)
    {
        if (!json_object_get(after, name))
            add(changes, "removed", kind, name, value, NULL);
    }
    all = (json_t *)(uintptr_t)after;
    json_object_foreach(all, name, value)
    {
        const json_t *old = json_object_get(before, name);
        json_t *lost, *won;

        if (!old) {
            add(changes, "added", kind, name, NULL, value);
            continue;
        }
        lost = different(old, value);
        won = different(value, old);
        if (json_object_size(lost) || json_object_size(won))
            add(changes, "changed", kind, name, lost, won);
        json_decref(lost);
        json_decref(won);
    }
}

json_t *rules_diff(const json_t *before, const json_t *after)
{
    static const char *const own[] = {"unknown", "default-bridge"};
    json_t *changes = json_array(), *ports[2] = {by_port(json_object_get(before, "ports")),
                                                 by_port(json_object_get(after, "ports"))};
    json_t *lost = json_object(), *won = json_object();

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        json_t *old = json_object_get(before, own[i]), *new = json_object_get(after, own[i]);

        if (old && !(new &&json_equal(old, new)))
            json_object_set(lost, own[i], old);
        if (new && !(old && json_equal(old, new)))
            json_object_set(won, own[i], new);
    }
    if (json_object_size(lost) || json_object_size(won))
        add(changes, "changed", "switch", "", lost, won);
    json_decref(lost);
    json_decref(won);
    compare(changes, "bridge", json_object_get(before, "bridges"),
            json_object_get(after, "bridges"));
    compare(changes, "port", ports[0], ports[1]);
    compare(changes, "mirror", json_object_get(before, "mirrors"),
            json_object_get(after, "mirrors"));
    json_decref(ports[0]);
    json_decref(ports[1]);
    return changes;
}

/* "  - vlan 10" of each member. */
static void show_members(FILE *out, const char *mark, const json_t *object)
{
    json_t *all = (json_t *)(uintptr_t)object, *value;
    const char *key;

    json_object_foreach(all, key, value)
    {
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII | JSON_COMPACT);

        if (strcmp(key, "guest") != 0 && strcmp(key, "vif") != 0) {
            fprintf(out, "    %s %s ", mark, key);
            output_escape(out, text ? text : "?", text ? strlen(text) : 1);
            fputc('\n', out);
        }
        free(text);
    }
}

void rules_diff_show(const json_t *before, const json_t *after, FILE *out, bool json, bool colour)
{
    json_t *changes = rules_diff(before, after), *change;
    size_t index;

    if (json) {
        output_json(out, changes, true);
        return;
    }
    json_array_foreach(changes, index, change)
    {
        const char *what = json_string_value(json_object_get(change, "what")),
                   *name = json_string_value(json_object_get(change, "name"));
        const char mark = *what == 'a' ? '+' : *what == 'r' ? '-' : '~';

        output_tint(out, colour, mark == '+' ? TINT_GOOD : mark == '-' ? TINT_BAD : TINT_WARN);
        fprintf(out, "%c %s", mark, json_string_value(json_object_get(change, "kind")));
        fputs(*name ? " " : "", out);
        output_escape(out, name, strlen(name));
        output_tint(out, colour, TINT_NONE);
        fputc('\n', out);
        show_members(out, "-", json_object_get(change, "before"));
        show_members(out, "+", json_object_get(change, "after"));
    }
    if (!json_array_size(changes))
        fputs("nothing would change\n", out);
    json_decref(changes);
}
