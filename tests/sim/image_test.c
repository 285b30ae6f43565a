/* SPDX-License-Identifier: ISC */
/*
 * The main file of an image, run from its first line to its last in a domain of a simulated host:
 * dom0 reads its numbers from the real xenstored, asks what every service answers, and stops it.
 * usage: image-test SERVICE [REQUEST-WITH-A-NAME TEXT-OF-ITS-REPLY]
 *
 * hv_exit() of a program ends it: 0 for a power-off, 1 for a crash.
 */
#include "asker.h"
#include "host.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hv/time.h>

#define DOMID 5
#define HOME  "/local/domain/5/data/vchan/0/control/"

enum phase { ASK_RING, ASK_PORT, CONNECTED, STOPPED };

/* dom0, as an actor of its own. */
struct driver {
    enum phase phase;
    bool asked; /* XenStore */
    grant_ref_t ring_ref;
    struct asker asker;
    unsigned next; /* of requests[] */
};

static uint16_t requests[] = {
    CONTROL_T_HELLO, CONTROL_T_STATUS, CONTROL_T_ECHO,
    CONTROL_T_LOGS,  CONTROL_T_STATS,  CONTROL_T_STOP,
};

static struct host *host;
static struct driver driver;
static const char *name, *own_reply;

static void read_node(const char *node)
{
    struct wire_message request = {.type = WIRE_READ, .req_id = 1};
    uint8_t bytes[256];

    message_add(&request, HOME, strlen(HOME));
    message_add_string(&request, node);
    const uint32_t header[4] = {request.type, request.req_id, 0, request.length};
    memcpy(bytes, header, sizeof(header));
    memcpy(bytes + sizeof(header), request.payload, request.length);
    ck_assert_uint_eq(client_push(host->dom0, bytes, sizeof(header) + request.length),
                      sizeof(header) + request.length);
    client_notify(host->dom0);
}

static void send_next(void)
{
    uint8_t frame[CONTROL_FRAME_MAX];
    struct control_writer writer;

    asker_begin(&driver.asker, &writer, frame, requests[driver.next]);
    control_put_string(&writer, CONTROL_F_CLIENT, "test");
    control_put_string(&writer, CONTROL_F_NAME, "world");
    asker_send(&driver.asker, &writer);
}

static void look(void)
{
    struct wire_message reply;

    if (!driver.asked)
        read_node(driver.phase == ASK_RING ? "ring-ref" : "event-channel");
    driver.asked = true;
    client_read(host->dom0);
    if (!client_take(host->dom0, false, &reply))
        return;
    driver.asked = false;
    if (message_error_of(&reply)) /* not published yet */
        return;
    reply.payload[reply.length] = 0;
    if (driver.phase == ASK_RING) {
        driver.ring_ref = (grant_ref_t)atoi((const char *)reply.payload);
        driver.phase = ASK_PORT;
        return;
    }
    ck_assert_int_eq(vchan_client_open(&driver.asker.v, host->dom0->hv, DOMID, driver.ring_ref,
                                       (evtchn_port_t)atoi((const char *)reply.payload)),
                     0);
    driver.phase = CONNECTED;
    send_next();
}

static void expect_text(uint16_t tag, const char *want)
{
    char text[256];

    ck_assert(control_string(&driver.asker.fields, tag, text, sizeof(text)));
    ck_assert_str_eq(text, want);
}

static void take_frame(void)
{
    const struct asker *asker = &driver.asker;

    ck_assert_uint_eq(asker->header.type, requests[driver.next]);
    ck_assert(asker->header.kind != CONTROL_ERROR);
    if (asker->header.kind == CONTROL_ITEM)
        return;
    if (asker->header.type == CONTROL_T_HELLO)
        expect_text(CONTROL_F_SERVICE, name);
    if (asker->header.type == CONTROL_T_STATUS) {
        ck_assert_uint_eq(control_number(&asker->fields, CONTROL_F_SEALED, 0), 1);
        ck_assert_uint_eq(control_number(&asker->fields, CONTROL_F_HEALTH, 9), CONTROL_HEALTHY);
    }
    if (asker->header.type >= CONTROL_T_USER)
        expect_text(CONTROL_F_TEXT, own_reply);
    if (asker->header.type == CONTROL_T_STOP) {
        driver.phase = STOPPED;
        return;
    }
    driver.next++;
    send_next();
}

static uint64_t step(void *context)
{
    (void)context;
    if (driver.phase < CONNECTED)
        look();
    while (driver.phase == CONNECTED && asker_receive(&driver.asker))
        take_frame();
    ck_assert(hv_now(host->dom0->hv) < 60 * HV_SEC);
    return hv_now(host->dom0->hv) + HV_MSEC;
}

static void at_exit(void)
{
    if (driver.phase != STOPPED) {
        fprintf(stderr, "%s ended in phase %d, request %u\n", name, (int)driver.phase, driver.next);
        _exit(2);
    }
}

int main(int argc, char **argv)
{
    struct client *client;
    struct hv *hv;

    if (argc != 2 && argc != 4)
        return 2;
    name = argv[1];
    if (argc == 4) {
        requests[2] = (uint16_t)strtoul(argv[2], NULL, 0);
        own_reply = argv[3];
    }
    host = host_create(NULL);
    hv = sim_domain_create(host->sim, &(struct sim_domain_config){.domid = DOMID, .pages = 8192});
    client = host_adopt(host, hv, DOMID, 0);
    client->deaf = true;
    ck_assert_int_eq(host_introduce(host, client), 0);
    ck_assert_int_eq(client_mkdir(host->dom0, 0, "/local/domain/5/data"), 0);
    ck_assert_int_eq(client_set_perms(host->dom0, 0, "/local/domain/5/data", "n5"), 0);
    sim_set_store_ring(hv, client->ring, client->port);
    sim_set_actor(host->dom0->hv, step, NULL);
    atexit(at_exit);
    hv_main(hv);
    return 1;
}
