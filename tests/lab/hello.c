/* SPDX-License-Identifier: ISC */
/*
 * lab-hello DOMID: says HELLO to a service over the stock libxenvchan, and prints what it answers.
 * What a second client of the control protocol begins with (docs/control-protocol.md).
 */
#include <inttypes.h>
#include <libxenvchan.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/control.h"

static int fail(const char *what)
{
    fprintf(stderr, "lab-hello: %s\n", what);
    return 1;
}

int main(int argc, char *argv[])
{
    uint8_t frame[CONTROL_FRAME_MAX];
    struct control_header header;
    struct control_writer writer;
    struct control_reader fields;
    char path[64], service[32], version[32];
    struct libxenvchan *vchan;
    int domid = argc == 2 ? atoi(argv[1]) : 0;
    size_t length;

    if (domid <= 0)
        return fail("usage: lab-hello DOMID");
    snprintf(path, sizeof(path), "/local/domain/%d/data/vchan/0/" CONTROL_VCHAN_NAME, domid);
    vchan = libxenvchan_client_init(NULL, domid, path);
    if (!vchan)
        return fail("libxenvchan cannot connect");
    vchan->blocking = 1;
    control_begin(&writer, frame, sizeof(frame), CONTROL_T_HELLO, CONTROL_REQUEST, 1);
    control_put_number(&writer, CONTROL_F_VERSION, CONTROL_VERSION);
    control_put_string(&writer, CONTROL_F_CLIENT, "lab-hello");
    length = control_end(&writer);
    if (libxenvchan_send(vchan, frame, length) != (int)length)
        return fail("the request cannot be sent");
    if (libxenvchan_recv(vchan, frame, CONTROL_HEADER) != CONTROL_HEADER ||
        !control_header_decode(frame, &header))
        return fail("no header came");
    length = header.length - CONTROL_HEADER;
    if (libxenvchan_recv(vchan, frame + CONTROL_HEADER, length) != (int)length ||
        !control_check(frame, header.length) || header.kind != CONTROL_REPLY || header.id != 1)
        return fail("no reply came");
    control_read(&fields, frame, header.length);
    control_string(&fields, CONTROL_F_SERVICE, service, sizeof(service));
    control_string(&fields, CONTROL_F_PROGRAM_VERSION, version, sizeof(version));
    printf("%s %s, protocol %" PRIu64 "\n", service, version,
           control_number(&fields, CONTROL_F_VERSION, 0));
    libxenvchan_close(vchan);
    return 0;
}
