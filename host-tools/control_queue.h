/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/control_queue.h
 * How clients in dom0 take turns: a service publishes one connection at a time, and fifty tools
 * that are started at once shall not fight for it by way of XenStore. Who connects holds a lock,
 * the others wait for it; each that has connected leaves a mark, by which the others see that the
 * service serves and that their turn will come. It is a courtesy: without it, or with a holder that
 * was stopped, clients connect all the same.
 */
#ifndef ATOLL_CONTROL_QUEUE_H
#define ATOLL_CONTROL_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct control_queue {
    int fd;               /**< -1: there is none */
    struct timespec mark; /**< the last one that was seen */
};

/** Open the queue of the service in domain @domid. Where that fails there is none. */
void control_queue_open(struct control_queue *queue, uint32_t domid);

/** Try to take the turn. True: it is ours, or there is no queue. Does not wait. */
bool control_queue_enter(struct control_queue *queue);

/** Has anybody connected since the last call? */
bool control_queue_moved(struct control_queue *queue);

/** Let the next one in, with a mark if we have @connected, and close the queue. */
void control_queue_leave(struct control_queue *queue, bool connected);

#endif
