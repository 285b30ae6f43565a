/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/capture.h
 * Frames that the monitor sees, as pcapng: `atoll capture`, and Wireshark's atoll-extcap.
 */
#ifndef ATOLL_CAPTURE_H
#define ATOLL_CAPTURE_H

#include "capture_filter.h"
#include "monitor_ports.h"

/** What is wanted. */
struct capture {
    const struct capture_filter *filter;
    const struct monitor_port *sender; /**< only what this port has sent; NULL: whoever sent it */
    uint32_t snap;                     /**< bytes of a frame; 0: all */
    uint32_t count;                    /**< frames; 0: without end */
};

/**
 * The filter @text for frames to and from @ports alone, by their MACs: a frame passes the monitor
 * once, at the port that it comes from, and only its MAC tells for which port it is. Writes to
 * @filter of @size bytes. False: it is too long.
 */
bool capture_of_ports(const struct monitor_port *const ports[], size_t count, const char *text,
                      char *filter, size_t size);

/** Capture to @out until interrupted, until nobody reads @out any more, or all wanted frames were
 * there. 0, or an exit code reported. @frames: how many there were. */
int capture_run(struct monitor_call *call, const struct capture *capture, FILE *out,
                uint64_t *frames);

/** The command. */
int capture_main(int argc, char *const argv[]);

#endif
