/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/top_model.h
 * What `atoll top` shows, wherever it comes from: ports with their rates, lists that are made of
 * flows (who talks, over what, to which names), alerts, and how the monitor is. Times are of what
 * is shown: of a capture that is played, its own.
 */
#ifndef ATOLL_TOP_MODEL_H
#define ATOLL_TOP_MODEL_H

#include "common/flow_wire.h"
#include "monitor_ports.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define TOP_HISTORY    60u /**< seconds of rates */
#define TOP_PORTS_MAX  1024u
#define TOP_KEYS_MAX   4096u /**< in a list; more are not told apart */
#define TOP_FLOWS_MAX  65536u
#define TOP_ALERTS_MAX 200u
#define TOP_KEY        64u

enum top_list_kind { TOP_TALKERS, TOP_SERVICES, TOP_NAMES, TOP_LISTS };

struct top_port_row {
    struct monitor_port id;
    uint64_t bytes_out, bytes_in, frames_out, frames_in, flows;
    uint32_t out[TOP_HISTORY], in[TOP_HISTORY]; /**< bytes of each second, the newest first */
};

/** One key of a list: an address, "tcp/443", a name. */
struct top_key_row {
    char key[TOP_KEY];
    uint64_t bytes, frames, flows; /**< of the flows that live */
    uint64_t rate;                 /**< bytes a second since the look before this one */
    uint32_t history[TOP_HISTORY]; /**< rates of the looks before, the newest first */
    bool seen;
};

struct top_key_list {
    struct top_key_row *rows;
    size_t count;
    uint32_t *table; /**< by hash: numbers of rows from 1 on; 2 * TOP_KEYS_MAX of them */
};

struct top_alert {
    uint64_t time;
    unsigned level;
    char text[256];
};

struct top_model {
    char source[64];   /**< "monitor", or the capture's name */
    uint64_t time;     /**< ns since 1970, of what is shown */
    bool ended;        /**< the capture was played to its end */
    char trouble[200]; /**< why nothing new comes; "": it does */
    struct monitor_state state;
    uint64_t frame_rate; /**< frames a second, between the last two looks */
    struct top_port_row *ports;
    size_t port_count;
    struct top_key_list lists[TOP_LISTS];
    bool flows_cut;           /**< there were more than TOP_FLOWS_MAX, or keys than TOP_KEYS_MAX */
    struct top_alert *alerts; /**< the newest first */
    size_t alert_count;
    struct top_flows *flows; /**< those of the look before */
};

/** Make an empty one. False: no memory. */
bool top_model_init(struct top_model *model);
void top_model_free(struct top_model *model);

/** A row for another port; NULL: there are enough. Ports are given anew with each look. */
void top_ports_clear(struct top_model *model);
struct top_port_row *top_ports_add(struct top_model *model);

/** The same of alerts, the oldest first. */
void top_alerts_clear(struct top_model *model);
void top_alerts_add(struct top_model *model, const struct control_reader *alert);
void top_alerts_add_text(struct top_model *model, uint64_t time, unsigned level, const char *text);

/** A look at all flows that live, at model->time: begin, each flow, end. */
void top_flows_begin(struct top_model *model);
void top_flows_take(struct top_model *model, const struct flow_view *flow);
void top_flows_end(struct top_model *model);

#endif
