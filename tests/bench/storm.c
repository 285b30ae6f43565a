/* SPDX-License-Identifier: ISC */
/*
 * The storm of a host that starts many guests at once: each client, on a connection of its own,
 * runs transactions of 14 writes, one after the other as libxenstore does, each of which creates a
 * child of one directory that all share, and what is below it. On EAGAIN it tries again.
 */
#include "scenario.h"

#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WRITES = 14 };

static const char shared[] = "/bench/backend/vif";

struct storm_client {
    struct client *client;
    unsigned number;
    unsigned committed;
    unsigned tries;
    unsigned step; /**< 0: START is out; 1: the list, if any; then the writes; then END */
    uint32_t tx_id;
};

static void send_step(struct storm_client *self, bool list)
{
    char path[BENCH_PATH];

    if (self->step == 0) {
        self->tries++;
        client_queue_strings(self->client, XS_TRANSACTION_START, 0, "", NULL);
    } else if (self->step == 1 && list) {
        client_queue_strings(self->client, XS_DIRECTORY, self->tx_id, shared, NULL);
    } else if (self->step <= WRITES + 1) {
        self->step += self->step == 1;
        snprintf(path, sizeof(path), "%s/c%un%u/k%u", shared, self->number, self->committed,
                 self->step);
        client_queue_write(self->client, self->tx_id, path, "a value of one device");
    } else {
        client_queue_strings(self->client, XS_TRANSACTION_END, self->tx_id, "T", NULL);
    }
    client_flush(self->client);
}

/** Act on @reply and send what follows. */
static void advance(struct storm_client *self, const struct scenario *scenario,
                    const struct reply *reply)
{
    bool error = reply->type == XS_ERROR;

    if (error && strcmp(reply->data, "EAGAIN")) {
        die("step %u of client %u: %s", self->step, self->number, reply->data);
    }
    if (self->step == 0) {
        self->tx_id = (uint32_t)strtoul(reply->data, NULL, 10);
    }
    if (self->step == WRITES + 2) {
        self->committed += !error;
        self->step = 0;
        if (self->committed == scenario->count) {
            return;
        }
    } else {
        self->step++;
    }
    send_step(self, scenario->list);
}

/** Run until each client has committed what it has to. */
static void storm(struct storm_client *clients, const struct scenario *scenario)
{
    struct pollfd *pollers = calloc(scenario->clients, sizeof(*pollers));
    unsigned running = scenario->clients;
    struct reply reply;

    if (!pollers) {
        die("no memory");
    }
    for (unsigned i = 0; i < scenario->clients; i++) {
        pollers[i] = (struct pollfd){.fd = client_fd(clients[i].client), .events = POLLIN};
        send_step(&clients[i], scenario->list);
    }
    while (running) {
        if (poll(pollers, scenario->clients, 30000) <= 0) {
            die("no answer for 30 s");
        }
        for (unsigned i = 0; i < scenario->clients; i++) {
            if (!pollers[i].revents || !client_try_receive(clients[i].client, &reply)) {
                continue;
            }
            advance(&clients[i], scenario, &reply);
            if (clients[i].committed == scenario->count) {
                pollers[i].fd = -1;
                running--;
            }
        }
    }
    free(pollers);
}

void scenario_storm(const struct scenario *scenario)
{
    struct storm_client *clients = calloc(scenario->clients, sizeof(*clients));
    unsigned commits = scenario->clients * scenario->count, tries = 0;
    uint64_t cpu, start, wall;

    if (!clients) {
        die("no memory");
    }
    for (unsigned i = 0; i < scenario->clients; i++) {
        clients[i].client = client_open_socket(scenario->socket);
        clients[i].number = i;
    }
    client_queue_strings(clients[0].client, XS_MKDIR, 0, shared, NULL);
    client_flush(clients[0].client);
    client_expect(clients[0].client, 1);

    cpu = process_cpu(scenario->pid);
    start = monotonic();
    storm(clients, scenario);
    wall = monotonic() - start;
    for (unsigned i = 0; i < scenario->clients; i++) {
        tries += clients[i].tries;
        client_close(clients[i].client);
    }
    printf("tries %.4f\n", (double)tries / commits);
    printf("commits_s %.1f\n", commits / ((double)wall / 1e9));
    printf("cpu_ns %" PRIu64 "\n", (process_cpu(scenario->pid) - cpu) / commits);
    free(clients);
}
