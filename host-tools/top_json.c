/* SPDX-License-Identifier: ISC */
#include "output.h"
#include "top.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set_number(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, output_json_number(value));
}

static json_t *series_json(const uint32_t series[TOP_HISTORY])
{
    json_t *array = json_array();

    for (unsigned i = 0; i < TOP_HISTORY; i++)
        json_array_append_new(array, json_integer(series[i]));
    return array;
}

static json_t *port_json(const struct top_port_row *port)
{
    const struct monitor_port *id = &port->id;
    json_t *json = json_object();
    char text[40];
    size_t used = 0;

    json_object_set_new(json, "name", json_string(id->name));
    set_number(json, "domid", id->domid);
    set_number(json, "vif", id->vif);
    json_object_set_new(json, "uplink", json_boolean(id->uplink));
    for (int i = 0; i < 16 && id->identified; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%02x",
                                 i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id->uuid[i]);
    if (id->identified)
        json_object_set_new(json, "uuid", json_string(text));
    snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", id->mac[0], id->mac[1],
             id->mac[2], id->mac[3], id->mac[4], id->mac[5]);
    json_object_set_new(json, "mac", json_string(text));
    json_object_set_new(json, "bridge", output_json_bytes(id->bridge, strlen(id->bridge)));
    set_number(json, "frames-out", port->frames_out);
    set_number(json, "bytes-out", port->bytes_out);
    set_number(json, "frames-in", port->frames_in);
    set_number(json, "bytes-in", port->bytes_in);
    set_number(json, "flows", port->flows);
    json_object_set_new(json, "seconds-out", series_json(port->out));
    json_object_set_new(json, "seconds-in", series_json(port->in));
    return json;
}

static json_t *list_json(const struct top_model *model, enum top_view_kind kind)
{
    const struct top_key_list *list = &model->lists[kind - TOP_VIEW_TALKERS];
    /* In the order of all that they had. */
    const struct top_view view = {.kind = kind, .sort = {1, 1, 1, 1}};
    uint32_t *order = calloc(TOP_KEYS_MAX, sizeof(*order));
    const size_t count = order ? top_order(model, &view, order) : 0;
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++) {
        const struct top_key_row *row = &list->rows[order[i]];
        json_t *json = json_object();

        json_object_set_new(json, "key", json_string(row->key));
        set_number(json, "flows", row->flows);
        set_number(json, "frames", row->frames);
        set_number(json, "bytes", row->bytes);
        set_number(json, "rate", row->rate);
        json_array_append_new(array, json);
    }
    free(order);
    return array;
}

static json_t *alerts_json(const struct top_model *model)
{
    json_t *array = json_array();

    for (size_t i = 0; i < model->alert_count; i++) {
        json_t *json = json_object();

        set_number(json, "time", model->alerts[i].time);
        set_number(json, "level", model->alerts[i].level);
        json_object_set_new(json, "text", json_string(model->alerts[i].text));
        json_array_append_new(array, json);
    }
    return array;
}

json_t *top_json(const struct top_model *model)
{
    const struct monitor_state *state = &model->state;
    json_t *json = json_object(), *ports = json_array();

    for (size_t i = 0; i < model->port_count; i++)
        json_array_append_new(ports, port_json(&model->ports[i]));
    json_object_set_new(json, "source", output_json_bytes(model->source, strlen(model->source)));
    set_number(json, "time", model->time);
    set_number(json, "feeds", state->feeds);
    set_number(json, "connected", state->connected);
    set_number(json, "frames", state->frames);
    set_number(json, "lost", state->lost);
    set_number(json, "flows", state->flows);
    set_number(json, "evicted", state->evicted);
    set_number(json, "refused", state->refused);
    json_object_set_new(json, "complete", json_boolean(!model->flows_cut));
    json_object_set_new(json, "ports", ports);
    json_object_set_new(json, "talkers", list_json(model, TOP_VIEW_TALKERS));
    json_object_set_new(json, "protocols", list_json(model, TOP_VIEW_SERVICES));
    json_object_set_new(json, "names", list_json(model, TOP_VIEW_NAMES));
    json_object_set_new(json, "alerts", alerts_json(model));
    return json;
}
