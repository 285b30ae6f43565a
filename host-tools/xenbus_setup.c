/* SPDX-License-Identifier: ISC */
#include "xenbus_setup.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xen/sys/xenbus_dev.h>

static int64_t setup(const char *device, uint32_t domid)
{
    int fd = open(device, O_RDWR | O_CLOEXEC);
    int64_t rc;

    if (fd < 0)
        return -errno;
    rc = ioctl(fd, IOCTL_XENBUS_BACKEND_SETUP, (unsigned long)domid);
    if (rc < 0)
        rc = -errno;
    close(fd);
    return rc;
}

int64_t xenbus_setup(const char *device, uint32_t domid, int timeout_ms)
{
    struct pollfd p = {.events = POLLIN};
    int64_t result = -EIO;
    int fds[2], rc;
    pid_t child;

    if (pipe(fds) != 0)
        return -errno;
    child = fork();
    if (child < 0) {
        result = -errno;
        close(fds[0]);
        close(fds[1]);
        return result;
    }
    if (child == 0) {
        result = setup(device, domid);
        _exit(write(fds[1], &result, sizeof(result)) == (ssize_t)sizeof(result) ? 0 : 1);
    }
    close(fds[1]);
    p.fd = fds[0];
    do
        rc = poll(&p, 1, timeout_ms);
    while (rc < 0 && errno == EINTR);
    if (rc == 0) {
        result = -ETIMEDOUT; /* the child stays in the kernel until that lets go of it */
    } else {
        if (read(fds[0], &result, sizeof(result)) != (ssize_t)sizeof(result))
            result = -EIO;
        waitpid(child, NULL, 0);
    }
    close(fds[0]);
    return result;
}
