/* SPDX-License-Identifier: ISC */
#include "control_queue.h"
#include "record.h"
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

void control_queue_open(struct control_queue *queue, uint32_t domid)
{
    char path[64];

    *queue = (struct control_queue){.fd = -1};
    snprintf(path, sizeof(path), RECORD_DIR "/control-%u.queue", domid);
    /* It may be there already; where it cannot be made, there is no queue. */
    if (mkdir(RECORD_DIR, 0755) == 0 || access(RECORD_DIR, W_OK) == 0)
        queue->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    control_queue_moved(queue);
}

bool control_queue_enter(struct control_queue *queue)
{
    return queue->fd < 0 || flock(queue->fd, LOCK_EX | LOCK_NB) == 0;
}

bool control_queue_moved(struct control_queue *queue)
{
    struct stat st;
    bool moved;

    if (queue->fd < 0 || fstat(queue->fd, &st))
        return false;
    moved = st.st_mtim.tv_sec != queue->mark.tv_sec || st.st_mtim.tv_nsec != queue->mark.tv_nsec;
    queue->mark = st.st_mtim;
    return moved;
}

void control_queue_leave(struct control_queue *queue, bool connected)
{
    if (queue->fd < 0)
        return;
    if (connected)
        futimens(queue->fd, NULL);
    close(queue->fd); /* and the lock with it */
    queue->fd = -1;
}
