/* SPDX-License-Identifier: ISC */
/**
 * @file domain_console.c
 * lab-domain-console: show what a PVH domain writes on its console while there is no XenStore, and
 * so no xenconsoled.
 *
 * usage: lab-domain-console SECONDS
 *
 * Waits for a domain other than dom0, empties its console ring until the domain has shut down, and
 * prints "shutdown: REASON" (a number of xen/public/sched.h) last. Status 0 for reason 0, a
 * power-off; 1 for another; 3 where SECONDS are over first.
 */
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenforeignmemory.h>

#include <xen/hvm/params.h>
#include <xen/io/console.h>

#define POLL_US 2000

static struct xencons_interface *map_ring(xc_interface *xch, xenforeignmemory_handle *memory,
                                          uint32_t domid)
{
    uint64_t pfn = 0;

    if (xc_hvm_param_get(xch, domid, HVM_PARAM_CONSOLE_PFN, &pfn) || pfn == 0)
        return NULL;

    xen_pfn_t frame = pfn;
    int error = 0;
    void *page = xenforeignmemory_map(memory, domid, PROT_READ | PROT_WRITE, 1, &frame, &error);

    return error ? NULL : page;
}

static void drain(struct xencons_interface *ring)
{
    XENCONS_RING_IDX cons = ring->out_cons, prod = *(volatile XENCONS_RING_IDX *)&ring->out_prod;

    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    if (prod - cons > sizeof(ring->out))
        errx(2, "the domain's console ring has wild indices");
    for (; cons != prod; cons++)
        putchar(ring->out[MASK_XENCONS_IDX(cons, ring->out)]);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    *(volatile XENCONS_RING_IDX *)&ring->out_cons = cons;
}

int main(int argc, char **argv)
{
    if (argc != 2)
        errx(2, "usage: lab-domain-console SECONDS");

    time_t end = time(NULL) + strtol(argv[1], NULL, 10);
    xc_interface *xch = xc_interface_open(NULL, NULL, 0);
    xenforeignmemory_handle *memory = xenforeignmemory_open(NULL, 0);
    struct xencons_interface *ring = NULL;

    if (!xch || !memory)
        err(2, "no Xen");
    for (; time(NULL) < end; usleep(POLL_US)) {
        xc_dominfo_t info;

        if (xc_domain_getinfo(xch, 1, 1, &info) != 1)
            continue;
        if (!ring)
            ring = map_ring(xch, memory, info.domid);
        if (ring)
            drain(ring);
        if (info.shutdown) {
            printf("\nshutdown: %u\n", info.shutdown_reason);
            return info.shutdown_reason == 0 ? 0 : 1;
        }
    }
    puts("\nno shutdown in time");
    return 3;
}
