/* SPDX-License-Identifier: ISC */
/**
 * @file rack.h
 * The switch's service whole, beside the real xenstored, and asked by a real control client in
 * dom0: all but vifs in XenStore, in whose place the test makes, describes and connects the ports
 * (switch.h: a port's life). Guests are domains with a frontend each.
 */
#ifndef TESTS_SIM_SWITCH_RACK_H
#define TESTS_SIM_SWITCH_RACK_H

#include "frontend.h"
#include "tests/sim/asker.h"
#include "tests/sim/host.h"

#include "services/netback-switch/switch.h"

#define RACK_SWITCH 5U /**< its domid */
#define RACK_PORTS  72U

struct rack_guest {
    struct rack *rack;
    domid_t domid;
    struct hv *hv;
    struct frontend *frontend;
    struct port *port; /**< NULL: it has no vif */
};

struct rack {
    struct host *host;
    struct hv *hv; /**< of the switch */
    struct client *client;
    struct service_config config;
    struct service *service;
    struct vswitch *vswitch;
    size_t before; /**< bytes that the service took without the switch */
    struct asker asker;
    struct rack_guest *guest[RACK_PORTS];
};

/** The service in a domain of @pages (0: 2048) and @cmdline, and a client that has said HELLO.
 * NULL: it did not start. */
struct rack *rack_create(unsigned pages, const char *cmdline);
/** Another client instead of the one that has closed its vchan. */
void rack_join(struct rack *rack);
/** End all; nothing is left of it in the switch's domain. */
void rack_destroy(struct rack *rack);
/** Run until all is done; let time pass. What the test itself did to the switch is noticed. */
void rack_run(struct rack *rack);
void rack_pass(struct rack *rack, uint64_t nanoseconds);

/** A guest, running, without a vif of the switch's. @config: buffers and features. */
struct rack_guest *rack_boot(struct rack *rack, domid_t domid, struct frontend_config config);
/** Its vif 0 appears, is described and connected. */
void rack_plug(struct rack_guest *guest, const struct port_words *words);
/** Only connected. 0 or a negative errno. */
int rack_connect(struct rack_guest *guest);
/** It is disconnected and gone. */
void rack_unplug(struct rack_guest *guest);
/** The guest ends, its vif with it. */
void rack_end(struct rack_guest *guest);

/** 52:54:00:00:00:NUMBER, and as text. */
void rack_mac(uint8_t mac[6], unsigned number);
/** A plain frame of @length from MAC number @from to @to (255: broadcast), numbered. */
size_t rack_frame(uint8_t *frame, unsigned from, unsigned to, size_t length, uint32_t number);
/** Send one of 100 bytes. */
void rack_send(struct rack_guest *guest, unsigned from, unsigned to, uint32_t number);
/** How many frames it got since it was asked last. */
unsigned rack_received(struct rack_guest *guest);

/* --- asking --------------------------------------------------------------------------------- */

/** A request: rack_begin(), fields, rack_send_request(); then answers. */
struct rack_request {
    struct control_writer writer;
    uint8_t frame[CONTROL_FRAME_MAX];
};
void rack_begin(struct rack *rack, struct rack_request *request, uint16_t type);
void rack_ask(struct rack *rack, struct rack_request *request);
/** The next frame of an answer is in rack->asker. False: none comes. */
bool rack_next(struct rack *rack);
/** A request without fields, and its first frame: the kind of it. */
enum control_kind rack_call(struct rack *rack, uint16_t type);
uint64_t rack_number(const struct rack *rack, uint16_t tag);
/** The string or ""; valid until the next call. */
const char *rack_text(const struct rack *rack, uint16_t tag);
/** Step into the first group with @tag. */
void rack_enter(struct rack *rack, uint16_t tag);
/** The value of a statistic that has a label of the text @label (NULL: any); UINT64_MAX: none. */
uint64_t rack_statistic(struct rack *rack, const char *name, const char *label);

/** Rules with room for RACK_PORTS ports, in the test's memory. */
struct rules *rack_rules(uint64_t generation);
void rack_rules_free(struct rules *rules);
/** A rule for the guest of uuid NUMBER, vif 0. */
struct rules_port *rack_rule(struct rules *rules, unsigned number);
struct rules_bridge *rack_bridge(struct rules *rules, const char *name);
void rack_uuid(uint8_t uuid[16], unsigned number);
/** The same as text, for a node; valid until the next call. */
const char *rack_uuid_text(unsigned number);

/** Upload them: 0 and the answer in rack->asker, or an errno, whose words are there. */
int rack_apply(struct rack *rack, const struct rules *rules);
/** Upload @length bytes as they are. */
int rack_upload(struct rack *rack, const void *bytes, size_t length);
/** What rules_encode() makes; free(). */
uint8_t *rack_encode(const struct rules *rules, size_t *length);

#endif
