/* SPDX-License-Identifier: ISC */
/*
 * What vifs' directories in XenStore say, from both sides and in any order: a frontend that writes
 * and removes nodes as it likes, a toolstack that attaches, detaches, changes and sweeps away,
 * rings that fail, a backend that starts anew. The real xenstored is between them. In the end an
 * honest guest is served, all is removed in time, and nothing is left.
 *
 * Input: a sequence of steps, one byte each and what it takes.
 */
#include "input.h"

#include "services/netback-switch/vif.h"
#include "tests/sim/switch/backend_play.h"
#include "tests/sim/switch/fake_ports.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define STEPS_MAX 100U
#define GUEST     7U
#define VIFS      3U

static const char *const frontend_names[] = {
    "state",
    "tx-ring-ref",
    "rx-ring-ref",
    "event-channel",
    "event-channel-tx",
    "event-channel-rx",
    "multi-queue-num-queues",
    "request-rx-copy",
    "ctrl-ring-ref",
    "event-channel-ctrl",
    "xdp-headroom",
    "feature-sg",
    "queue-0/tx-ring-ref",
    "queue-0/rx-ring-ref",
    "queue-0/event-channel",
    "queue-1/tx-ring-ref",
    "queue-1/rx-ring-ref",
    "queue-1/event-channel-tx",
    "queue-1/event-channel-rx",
    "queue-7/event-channel",
};

static const char *const backend_names[] = {
    "state", "online", "frontend", "frontend-id", "mac", "bridge",
    "vlan",  "rate",   "ip",       "guest-uuid",  "x",   "error",
};

static const char *const words[] = {
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "10",
    "",
    "-1",
    "abc",
    "4294967295",
    "4294967296",
    "131072",
    "2048",
    "2 ",
    "?",
    "00:16:3e:00:00:01",
    "/local/domain/7/device/vif/0",
    "/local/domain/8/device/vif/0",
    "xenbr0.10:20",
};

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

static struct play play;
static struct client *guest;
static struct client *dom0;

static void path_of(char path[160], bool ours, unsigned devid, const char *name)
{
    snprintf(path, 160, "/local/domain/%u/%s/%u%s%s", ours ? PLAY_BACKEND : GUEST,
             ours ? "backend/vif/7" : "device/vif", devid, *name ? "/" : "", name);
}

static void set_node(struct input *input, bool ours)
{
    uint8_t which = input_byte(input), what = input_byte(input);
    const char *name = ours ? backend_names[which / VIFS % COUNT(backend_names)]
                            : frontend_names[which / VIFS % COUNT(frontend_names)];
    struct client *writer = ours ? dom0 : guest;
    char path[160];

    path_of(path, ours, which % VIFS, name);
    if (ours && client_value(dom0, 0, path) == NULL)
        return; /* a toolstack makes whole directories only */
    if (what < 0xe0)
        (void)client_write(writer, 0, path, words[what % COUNT(words)]);
    else if (what < 0xf0)
        (void)client_write_fill(writer, 0, path, '1', (size_t)input_byte(input) * 8);
    else
        (void)client_rm(writer, 0, path);
}

static void serve(void)
{
    play.backend = vif_backend_create(&fake_ports.vswitch);
    ck_assert_ptr_nonnull(play.backend);
}

static void step(struct input *input)
{
    uint8_t what = input_byte(input);
    unsigned devid = what / 16 % VIFS;
    char path[160];

    switch (what % 16) {
    case 0:
    case 1:
    case 2:
    case 3:
        set_node(input, false);
        return;
    case 4:
        set_node(input, true);
        return;
    case 5:
        play_attach(&play, GUEST, devid, "");
        return;
    case 6:
        if (play_state(&play, GUEST, devid) >= 0)
            play_detach(&play, GUEST, devid);
        return;
    case 7:
        path_of(path, false, devid, "");
        (void)client_rm(dom0, 0, path);
        return;
    case 8:
        path_of(path, true, devid, "");
        (void)client_rm(dom0, 0, path);
        return;
    case 9:
        play_pass(&play, input_byte(input));
        return;
    case 10:
        play_pass(&play, input_byte(input) * 20U);
        return;
    case 11:
        play_stop(&play);
        serve();
        return;
    case 12:
        if (fake_ports.last != NULL && fake_ports.last->connected)
            fake_ports_fail(fake_ports.last, "made up");
        return;
    case 13:
        fake_ports.netif_error = what & 16 ? -EINVAL : 0;
        fake_ports.port_error = what & 32 ? -ENOMEM : 0;
        return;
    case 14:
        fake_ports.room = what / 16;
        return;
    default: /* an honest one */
        path_of(path, false, devid, "state");
        if (client_write(guest, 0, path, "4") == 0)
            play_connect(guest, devid);
        return;
    }
}

/* Whatever was: who attaches and connects as is right gets what is right. */
static void expect_service(void)
{
    char path[160];

    fake_ports.netif_error = fake_ports.port_error = 0;
    fake_ports.room = 10;
    for (unsigned devid = 0; devid < VIFS; devid++) {
        path_of(path, true, devid, "");
        (void)client_rm(dom0, 0, path);
        path_of(path, false, devid, "");
        (void)client_rm(dom0, 0, path);
    }
    play_pass(&play, 3000);
    ck_assert_uint_eq(fake_ports.ports, 0);
    play_attach(&play, GUEST, 0, "");
    play_expect(&play, GUEST, 0, 2, 2500);
    play_connect(guest, 0);
    play_expect(&play, GUEST, 0, 4, 2500);
    ck_assert_uint_eq(fake_ports.connected, 1);
    play_detach(&play, GUEST, 0);
    play_expect(&play, GUEST, 0, 6, 1000);
    play_expect(&play, GUEST, 0, -1, 3000);
    play_pass(&play, 100);
    ck_assert_uint_eq(fake_ports.ports, 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};

    play_create(&play);
    dom0 = play.host->dom0;
    guest = host_guest(play.host, GUEST);
    ck_assert_int_eq(client_mkdir(dom0, 0, "/local/domain/7"), 0);
    ck_assert_int_eq(client_set_perms(dom0, 0, "/local/domain/7", "n0|r7"), 0);
    fake_ports_reset(play.tenant->hv, play.tenant->arena, &play.tenant->loop, play.tenant->store,
                     play.log);
    serve();
    for (unsigned i = 0; i < STEPS_MAX && !input_empty(&input); i++)
        step(&input);
    expect_service();
    play_stop(&play);
    ck_assert_uint_eq(fake_ports.ports, 0);
    host_kill(play.host, guest);
    play_destroy(&play);
    return 0;
}
