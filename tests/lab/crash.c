/* SPDX-License-Identifier: ISC */
/**
 * @file crash.c
 * lab-crash: end a service as its own fault would, at whatever place of its code it is.
 *
 * usage: lab-crash DOMID [crash|hang|shutdown]
 *
 *   crash      one more instruction, and then an exception that nothing handles: the trap flag of
 *              its processor is set (#DB)
 *   hang       the instruction that it is about to execute becomes a jump to itself
 *   shutdown   Xen shuts it down, as for a power-off
 *
 * For the first two it waits, at most half a second, for a moment at which the domain is not idle.
 * Prints where the domain was. It knows services alone: PVH, 64 bits, one vCPU, memory mapped one
 * to one.
 */
#include <err.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenforeignmemory.h>

#define TRAP_FLAG 0x100u
#define TRIES     5000u
#define TRY_US    100u
#define PAGE      4096u

/* Pause it, at a moment at which it has something to do where there is one. */
static void catch_it(xc_interface *xch, uint32_t domid)
{
    for (unsigned i = 0; i < TRIES; i++) {
        xc_domaininfo_t info;

        if (xc_domain_pause(xch, domid))
            err(1, "pausing domain %u", domid);
        if (xc_domain_getinfolist(xch, domid, 1, &info) != 1 || info.domain != domid ||
            (info.flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown)))
            errx(1, "domain %u is not alive", domid);
        if (!(info.flags & XEN_DOMINF_blocked))
            return;
        if (i + 1 < TRIES && xc_domain_unpause(xch, domid))
            err(1, "unpausing domain %u", domid);
        usleep(TRY_US);
    }
}

static void jump_to_itself(uint32_t domid, uint64_t rip)
{
    static const uint8_t jump[] = {0xeb, 0xfe};
    xenforeignmemory_handle *memory = xenforeignmemory_open(NULL, 0);
    const xen_pfn_t frames[2] = {rip / PAGE, (rip + 1) / PAGE};
    uint8_t *pages;

    if (!memory)
        err(1, "opening foreign memory");
    pages = xenforeignmemory_map(memory, domid, PROT_READ | PROT_WRITE,
                                 1 + (frames[0] != frames[1]), frames, NULL);
    if (!pages)
        err(1, "mapping its code at %#llx", (unsigned long long)rip);
    memcpy(pages + rip % PAGE, jump, sizeof(jump));
    xenforeignmemory_unmap(memory, pages, 1 + (frames[0] != frames[1]));
    xenforeignmemory_close(memory);
}

static void change(xc_interface *xch, uint32_t domid, bool hang)
{
    vcpu_guest_context_any_t context;

    catch_it(xch, domid);
    if (xc_vcpu_getcontext(xch, domid, 0, &context))
        err(1, "reading the registers of domain %u", domid);
    printf("domain %u at %#llx\n", domid, (unsigned long long)context.x64.user_regs.rip);
    if (hang) {
        jump_to_itself(domid, context.x64.user_regs.rip);
    } else {
        context.x64.user_regs.rflags |= TRAP_FLAG;
        if (xc_vcpu_setcontext(xch, domid, 0, &context))
            err(1, "writing the registers of domain %u", domid);
    }
    if (xc_domain_unpause(xch, domid))
        err(1, "unpausing domain %u", domid);
}

int main(int argc, char **argv)
{
    const char *how = argc == 3 ? argv[2] : "crash";
    xc_interface *xch;
    char *end = NULL;
    uint32_t domid = 0;

    if (argc == 2 || argc == 3)
        domid = (uint32_t)strtoul(argv[1], &end, 10);
    if (!domid || *end || (strcmp(how, "crash") && strcmp(how, "hang") && strcmp(how, "shutdown")))
        errx(2, "usage: lab-crash DOMID [crash|hang|shutdown]");
    xch = xc_interface_open(NULL, NULL, 0);
    if (!xch)
        err(1, "no Xen");
    if (strcmp(how, "shutdown") != 0)
        change(xch, domid, strcmp(how, "hang") == 0);
    else if (xc_domain_shutdown(xch, domid, SHUTDOWN_poweroff))
        err(1, "shutting domain %u down", domid);
    xc_interface_close(xch);
    return 0;
}
