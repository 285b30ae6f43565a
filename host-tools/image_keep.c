/* SPDX-License-Identifier: ISC */
#include "image_keep.h"
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static int write_file(const char *path, const struct image *image)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    size_t done = 0;

    if (fd < 0)
        return -1;
    while (done < image->size) {
        const ssize_t n = write(fd, (const char *)image->data + done, image->size - done);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return close(fd) || done < image->size ? -1 : 0;
}

void image_keep(struct report *r, struct record *record, const struct image *image)
{
    char path[128], temporary[136];

    snprintf(path, sizeof(path), RECORD_DIR "/%s.elf", record->service);
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    unlink(temporary);
    if (write_file(temporary, image) || rename(temporary, path)) {
        report_note(r, "its image could not be kept as %s (%s): no way back from an upgrade", path,
                    strerror(errno));
        unlink(temporary);
        path[0] = '\0';
    }
    snprintf(record->image, sizeof(record->image), "%s", path);
}

void image_forget(const char *service)
{
    char path[128];

    snprintf(path, sizeof(path), RECORD_DIR "/%s.elf", service);
    unlink(path);
}
