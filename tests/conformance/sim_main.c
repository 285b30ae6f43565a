/* SPDX-License-Identifier: ISC */
/* The suite on the simulator: alone and unprivileged, then with all that the command line names. */
#include "hv/sim/sim.h"
#include "tests/conformance/conformance.h"

#include <stdio.h>
#include <stdlib.h>

static void print(void *context, struct hv *hv, const char *text, size_t length)
{
    fwrite(text, 1, length, stdout);
}

static uint64_t serve(void *server)
{
    return conformance_serve_step(server);
}

static int run_alone(uint64_t seed)
{
    struct sim *sim = sim_create(seed);
    struct hv *hv = sim_domain_create(sim, &(struct sim_domain_config){.domid = 7});

    sim_set_console(sim, print, NULL);
    int failed = conformance_run(hv);
    sim_destroy(sim);
    return failed;
}

static int run_with_peers(uint64_t seed, const struct sim_faults *faults)
{
    struct sim *sim = sim_create(seed);
    struct hv *dom0 = sim_domain_create(sim, &(struct sim_domain_config){.domid = 0});
    struct hv *other =
        sim_domain_create(sim, &(struct sim_domain_config){.domid = 2, .cmdline = "serve=1"});
    struct conformance_server server;
    evtchn_port_t port;
    char cmdline[64];

    sim_set_console(sim, print, NULL);
    sim_grant_reserved(dom0, HV_GNTTAB_XENSTORE, 1, hv_page_alloc(dom0, 1));
    if (hv_evtchn_alloc_unbound(dom0, 1, &port) != 0 || conformance_serve(&server, other, 1) != 0)
        abort();
    snprintf(cmdline, sizeof(cmdline), "xs peer=2 --event %u", port);
    struct hv *hv = sim_domain_create(
        sim, &(struct sim_domain_config){
                 .domid = 1, .xs_domain = true, .reserved_pages = 5, .cmdline = cmdline});
    sim_set_actor(other, serve, &server);
    sim_set_faults(sim, faults);
    int failed = conformance_run(hv);
    sim_destroy(sim);
    return failed;
}

int main(int argc, char **argv)
{
    uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
    int failed = run_alone(seed);

    failed += run_with_peers(seed, &(struct sim_faults){0});
    /* Waking early is within the contract: no case may mind. */
    failed += run_with_peers(seed, &(struct sim_faults){.early_wake = 20000});
    return failed ? 1 : 0;
}
