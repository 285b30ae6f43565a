/* SPDX-License-Identifier: ISC */
#include "top_model.h"
#include "alerts.h"
#include "flow_text.h"
#include "output.h"
#include "top_flows.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool top_model_init(struct top_model *model)
{
    bool good;

    memset(model, 0, sizeof(*model));
    model->ports = calloc(TOP_PORTS_MAX, sizeof(*model->ports));
    model->alerts = calloc(TOP_ALERTS_MAX, sizeof(*model->alerts));
    model->flows = top_flows_create();
    good = model->ports && model->alerts && model->flows;
    for (unsigned i = 0; i < TOP_LISTS; i++) {
        model->lists[i].rows = calloc(TOP_KEYS_MAX, sizeof(*model->lists[i].rows));
        model->lists[i].table = calloc(2 * (size_t)TOP_KEYS_MAX, sizeof(*model->lists[i].table));
        good = good && model->lists[i].rows && model->lists[i].table;
    }
    return good;
}

void top_model_free(struct top_model *model)
{
    for (unsigned i = 0; i < TOP_LISTS; i++) {
        free(model->lists[i].rows);
        free(model->lists[i].table);
    }
    top_flows_free(model->flows);
    free(model->ports);
    free(model->alerts);
    memset(model, 0, sizeof(*model));
}

void top_ports_clear(struct top_model *model)
{
    model->port_count = 0;
}

struct top_port_row *top_ports_add(struct top_model *model)
{
    struct top_port_row *row;

    if (model->port_count == TOP_PORTS_MAX)
        return NULL;
    row = &model->ports[model->port_count++];
    memset(row, 0, sizeof(*row));
    return row;
}

void top_alerts_clear(struct top_model *model)
{
    model->alert_count = 0;
}

void top_alerts_add_text(struct top_model *model, uint64_t time, unsigned level, const char *text)
{
    const size_t kept =
        model->alert_count < TOP_ALERTS_MAX ? model->alert_count : TOP_ALERTS_MAX - 1;

    memmove(model->alerts + 1, model->alerts, kept * sizeof(*model->alerts));
    model->alerts[0] = (struct top_alert){.time = time, .level = level};
    snprintf(model->alerts[0].text, sizeof(model->alerts[0].text), "%s", text);
    model->alert_count = kept + 1;
}

void top_alerts_add(struct top_model *model, const struct control_reader *alert)
{
    char text[1024];

    alert_text(alert, text, sizeof(text));
    text[sizeof(model->alerts[0].text) - 1] = '\0';
    top_alerts_add_text(model, control_number(alert, CONTROL_F_TIME, 0),
                        (unsigned)control_number(alert, CONTROL_F_LEVEL, 4), text);
}
