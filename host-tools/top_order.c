/* SPDX-License-Identifier: ISC */
/* In which order `atoll top` shows what, and which of it. */
#include "top_screen.h"
#include <stdlib.h>
#include <string.h>

enum { PORT_RATE, PORT_OUT, PORT_IN, PORT_TOTAL, PORT_FLOWS, PORT_NAME, PORT_SORTS };
enum { KEY_RATE, KEY_TOTAL, KEY_FLOWS, KEY_NAME, KEY_SORTS };

static const char *const port_sorts[PORT_SORTS] = {"rate",  "rate out", "rate in",
                                                   "total", "flows",    "name"};
static const char *const key_sorts[KEY_SORTS] = {"rate", "total", "flows", "name"};

static const char *const views[TOP_VIEWS] = {"ports", "talkers", "protocols", "names", "alerts"};

bool top_view_parse(const char *name, enum top_view_kind *kind)
{
    for (unsigned i = 0; i < TOP_VIEWS; i++) {
        if (strcmp(views[i], name) == 0) {
            *kind = (enum top_view_kind)i;
            return true;
        }
    }
    return false;
}

unsigned top_sorts(enum top_view_kind kind)
{
    if (kind == TOP_VIEW_PORTS)
        return PORT_SORTS;
    return kind == TOP_VIEW_ALERTS ? 1 : KEY_SORTS;
}

const char *top_sort_name(enum top_view_kind kind, unsigned sort)
{
    if (kind == TOP_VIEW_PORTS)
        return port_sorts[sort % PORT_SORTS];
    return kind == TOP_VIEW_ALERTS ? "newest" : key_sorts[sort % KEY_SORTS];
}

struct ordering {
    const struct top_model *model;
    const struct top_view *view;
};

static uint64_t port_weight(const struct top_port_row *port, unsigned sort)
{
    switch (sort) {
    case PORT_OUT:
        return port->out[0];
    case PORT_IN:
        return port->in[0];
    case PORT_TOTAL:
        return port->bytes_out + port->bytes_in;
    case PORT_FLOWS:
        return port->flows;
    case PORT_NAME:
        return 0;
    default:
        return (uint64_t)port->out[0] + port->in[0];
    }
}

static uint64_t key_weight(const struct top_key_row *row, unsigned sort)
{
    switch (sort) {
    case KEY_TOTAL:
        return row->bytes;
    case KEY_FLOWS:
        return row->flows;
    case KEY_NAME:
        return 0;
    default:
        return row->rate;
    }
}

static const struct top_key_list *list_of(const struct ordering *o)
{
    return &o->model->lists[o->view->kind - TOP_VIEW_TALKERS];
}

static const char *name_of(const struct ordering *o, uint32_t i)
{
    if (o->view->kind == TOP_VIEW_ALERTS)
        return o->model->alerts[i].text;
    return o->view->kind == TOP_VIEW_PORTS ? o->model->ports[i].id.name : list_of(o)->rows[i].key;
}

static uint64_t weight_of(const struct ordering *o, uint32_t i)
{
    const unsigned sort = o->view->sort[o->view->kind];

    return o->view->kind == TOP_VIEW_PORTS ? port_weight(&o->model->ports[i], sort % PORT_SORTS)
                                           : key_weight(&list_of(o)->rows[i], sort % KEY_SORTS);
}

/* What moves most comes first; what moves alike, by what it had in all, and then by name, so that
 * rows do not dance. */
static int compare(const void *a, const void *b, void *context)
{
    const struct ordering *o = context;
    const uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
    const uint64_t wi = weight_of(o, i), wj = weight_of(o, j);
    int rc;

    if (wi != wj)
        return wi > wj ? -1 : 1;
    rc = strcmp(name_of(o, i), name_of(o, j));
    return rc ? rc : (i > j) - (i < j);
}

static size_t all_rows(const struct top_model *model, const struct top_view *view)
{
    if (view->kind == TOP_VIEW_PORTS)
        return model->port_count;
    return view->kind == TOP_VIEW_ALERTS ? model->alert_count
                                         : model->lists[view->kind - TOP_VIEW_TALKERS].count;
}

static bool passes(const struct ordering *o, uint32_t i)
{
    return !o->view->filter[0] || strcasestr(name_of(o, i), o->view->filter) != NULL;
}

size_t top_list_rows(const struct top_model *model, const struct top_view *view)
{
    const struct ordering o = {model, view};
    const size_t all = all_rows(model, view);
    size_t count = 0;

    for (uint32_t i = 0; i < all; i++)
        count += passes(&o, i);
    return count;
}

size_t top_order(const struct top_model *model, const struct top_view *view, uint32_t *order)
{
    struct ordering o = {model, view};
    const size_t all = all_rows(model, view);
    size_t count = 0;

    for (uint32_t i = 0; i < all; i++) {
        if (passes(&o, i))
            order[count++] = i;
    }
    /* Alerts are in their order. */
    if (view->kind != TOP_VIEW_ALERTS && count)
        qsort_r(order, count, sizeof(*order), compare, &o);
    return count;
}
