/* SPDX-License-Identifier: ISC */
/**
 * @file case.h
 * What the cases of the control server start from: a host with two clients that have said HELLO, a
 * frame to write requests in, and what came last.
 */
#ifndef TESTS_UNIT_CONTROL_CASE_H
#define TESTS_UNIT_CONTROL_CASE_H

#include "tests/unit/control/control_host.h"

extern struct control_host *host;
extern struct host_client client, other;
extern uint8_t frame[CONTROL_FRAME_MAX];
extern struct control_writer writer;
extern struct control_header header;
extern struct control_reader fields;

void control_case_setup(void);
void control_case_teardown(void);

/** Begin a request in @ref frame; send it. */
void begin(uint16_t type, uint32_t id);
void post(struct host_client *from);

/** The next frame for @to must be of @kind and belong to @id; it is in @ref header, @ref fields. */
void expect(struct host_client *to, enum control_kind kind, uint32_t id);
/** It must be an error with these words; NULL: with none. */
void expect_error(struct host_client *to, uint32_t id, uint16_t type, int error, const char *words);
/** There must be none, and the connection stand. */
void expect_nothing(struct host_client *to);

/** What is in the frame that came. */
uint64_t number(uint16_t tag);
void expect_string(uint16_t tag, const char *want);

/** An echo must come back. */
void expect_served(struct host_client *by);

/** One value of STATS; UINT64_MAX: there is no such. */
uint64_t statistic(struct host_client *by, const char *name);

/** Ask for one of the streams of control_host.h. */
void start_stream(struct host_client *by, uint16_t type, uint32_t id, uint64_t count,
                  uint64_t limit);

/** A part of @ref client's HOST_T_UPLOAD, and its end. */
void upload(uint32_t id, const void *data, size_t length);
void upload_end(uint32_t id);

#endif
