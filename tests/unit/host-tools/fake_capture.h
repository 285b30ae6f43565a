/* SPDX-License-Identifier: ISC */
/** @file fake_capture.h A monitor for fake_service.h that has ports, and three frames of two. */
#ifndef TESTS_FAKE_CAPTURE_H
#define TESTS_FAKE_CAPTURE_H

#include "fake_service.h"

/** When its first frame was; the others come a second later each. */
#define FAKE_CAPTURE_TIME UINT64_C(1795342272345678901)

/** What it was asked, and what it does about it. */
extern struct fake_capture {
    unsigned captures;
    uint8_t program[4096];
    size_t program_length;
    uint64_t domid, vif, snap, limit;
    const char *broken; /**< what the stream has instead of frames */
    bool refuses;
    unsigned dies; /**< so many times, after its frames */
} fake_capture;

void fake_capture_frame(struct fake *fake, const struct control_header *header,
                        const struct control_reader *fields);

#endif
