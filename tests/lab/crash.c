/* SPDX-License-Identifier: ISC */
/**
 * @file crash.c
 * lab-crash: end a service as its own fault would, at whatever place of its code it is.
 *
 * usage: lab-crash DOMID [crash|hang|shutdown [ADDRESS]]
 *
 *   crash      one more instruction, and then an exception that nothing handles: the trap flag of
 *              its processor is set (#DB)
 *   hang       the instruction that it is about to execute becomes a jump to itself
 *   shutdown   Xen shuts it down, as for a power-off
 *
 * With an ADDRESS of its code (as `nm xenstored.debug` has it) a crash or a hang waits until that
 * is executed: an instruction that there is none, or a jump to itself, is written there.
 *
 * Without one, for the first two it waits, at most half a second, for a moment at which the domain
 * is not idle. Prints where the domain was. It knows services alone: PVH, 64 bits, one vCPU, memory
 * mapped one to one.
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

#define TRAP_FLAG      0x100u
#define INTERRUPT_FLAG 0x200u
#define TRIES          5000u
#define TRY_US         100u
#define CRASHES        20u
#define ENDS_MS        2000u
#define PAGE           4096u

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

static const uint8_t jump_to_itself[2] = {0xeb, 0xfe}, undefined[2] = {0x0f, 0x0b};

static void plant(uint32_t domid, uint64_t address, const uint8_t code[2])
{
    xenforeignmemory_handle *memory = xenforeignmemory_open(NULL, 0);
    const xen_pfn_t frames[2] = {address / PAGE, (address + 1) / PAGE};
    const size_t count = 1 + (frames[0] != frames[1]);
    uint8_t *pages;

    if (!memory)
        err(1, "opening foreign memory");
    pages = xenforeignmemory_map(memory, domid, PROT_READ | PROT_WRITE, count, frames, NULL);
    if (!pages)
        err(1, "mapping its code at %#llx", (unsigned long long)address);
    memcpy(pages + address % PAGE, code, 2);
    xenforeignmemory_unmap(memory, pages, count);
    xenforeignmemory_close(memory);
}

static void change(xc_interface *xch, uint32_t domid, bool hang)
{
    vcpu_guest_context_any_t context;

    catch_it(xch, domid);
    if (xc_vcpu_getcontext(xch, domid, 0, &context))
        err(1, "reading the registers of domain %u", domid);
    printf("domain %u at %#llx\n", domid, (unsigned long long)context.x64.user_regs.rip);
    /* No interrupt first: an idle service does not come back to where it was interrupted. */
    context.x64.user_regs.rflags &= ~(uint64_t)INTERRUPT_FLAG;
    if (hang)
        plant(domid, context.x64.user_regs.rip, jump_to_itself);
    else
        context.x64.user_regs.rflags |= TRAP_FLAG;
    if (xc_vcpu_setcontext(xch, domid, 0, &context))
        err(1, "writing the registers of domain %u", domid);
    if (xc_domain_unpause(xch, domid))
        err(1, "unpausing domain %u", domid);
}

/* Has the domain that was as in @before come to its end? A successor may have its number. */
static bool has_ended(xc_interface *xch, const xc_domaininfo_t *before)
{
    for (unsigned i = 0; i < ENDS_MS; i++) {
        xc_domaininfo_t info;

        if (xc_domain_getinfolist(xch, before->domain, 1, &info) != 1 ||
            info.domain != before->domain ||
            memcmp(info.handle, before->handle, sizeof(info.handle)) != 0 ||
            (info.flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown)))
            return true;
        usleep(1000);
    }
    return false;
}

/* An interrupt that Xen had ready for it takes it elsewhere, without the flag: once more. */
static void crash(xc_interface *xch, uint32_t domid)
{
    xc_domaininfo_t before;

    if (xc_domain_getinfolist(xch, domid, 1, &before) != 1 || before.domain != domid)
        errx(1, "there is no domain %u", domid);
    for (unsigned i = 0; i < CRASHES; i++) {
        change(xch, domid, false);
        if (has_ended(xch, &before))
            return;
    }
    errx(1, "domain %u does not crash", domid);
}

int main(int argc, char **argv)
{
    const char *how = argc >= 3 ? argv[2] : "crash";
    const bool hang = strcmp(how, "hang") == 0, shutdown = strcmp(how, "shutdown") == 0;
    char *end = NULL, *address_end = NULL;
    uint64_t address = 0;
    xc_interface *xch;
    uint32_t domid = 0;

    if (argc >= 2 && argc <= 4)
        domid = (uint32_t)strtoul(argv[1], &end, 10);
    if (argc == 4)
        address = strtoull(argv[3], &address_end, 16);
    if (!domid || *end || (argc == 4 && (!address || *address_end || shutdown)) ||
        (!hang && !shutdown && strcmp(how, "crash") != 0))
        errx(2, "usage: lab-crash DOMID [crash|hang|shutdown [ADDRESS]]");
    xch = xc_interface_open(NULL, NULL, 0);
    if (!xch)
        err(1, "no Xen");
    if (address)
        plant(domid, address, hang ? jump_to_itself : undefined);
    else if (hang)
        change(xch, domid, true);
    else if (!shutdown)
        crash(xch, domid);
    else if (xc_domain_shutdown(xch, domid, SHUTDOWN_poweroff))
        err(1, "shutting domain %u down", domid);
    xc_interface_close(xch);
    return 0;
}
