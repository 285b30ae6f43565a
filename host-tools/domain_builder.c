/* SPDX-License-Identifier: ISC */
#include "domain_builder.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Where a PVH guest's local APIC lies; from here to 4 GiB there is no memory. */
#define LAPIC_BASE  0xfee00000ull
#define FOUR_GIB    (1ull << 32)
#define PAGE_KIB    4u
#define PAGE_SHIFT_ 12

/* xen/include/public/arch-x86/cpuid.h has it, which libxen-dev has not. */
#define TSC_MODE_NEVER_EMULATE 2

/*
 * The label of an ordinary guest: the 12th of FLASK's initial SIDs (xen/xsm/flask/policy
 * initial_sids). Installed headers do not name it; without XSM nobody looks.
 */
#define SID_DOMU 12u

/* The libraries return -1 and set errno, or an error code of their own and leave errno alone. */
static int failed(struct domain_builder *b, const char *what)
{
    b->failed = what;
    return errno ? -errno : -EIO;
}

void domain_builder_init(struct domain_builder *b, xc_interface *xch)
{
    memset(b, 0, sizeof(*b));
    b->xch = xch;
}

/* A random (version 4) UUID tells this domain apart from any that had its domid before. */
int domain_choose_handle(struct domain_builder *b)
{
    errno = 0;
    if (getrandom(b->handle, 16, 0) != 16)
        return failed(b, "making a UUID");
    b->handle[6] = (uint8_t)((b->handle[6] & 0x0f) | 0x40);
    b->handle[8] = (uint8_t)((b->handle[8] & 0x3f) | 0x80);
    return 0;
}

void domain_follow_handle(struct domain_builder *b, const uint8_t predecessor[16])
{
    memcpy(b->handle, predecessor, 16);
    for (unsigned i = 15; i >= 12 && ++b->handle[i] == 0; i--) {
    }
}

/* Xen takes and returns a map of as many processors as this host may have. */
static int set_affinity(struct domain_builder *b, const struct domain_config *cfg)
{
    const int size = xc_get_cpumap_size(b->xch);
    xc_cpumap_t map = xc_cpumap_alloc(b->xch);
    int rc = -1;

    if (size > 0 && map) {
        memcpy(map, cfg->cpus,
               (unsigned)size < cfg->cpu_count / 8 ? (unsigned)size : cfg->cpu_count / 8);
        rc = xc_vcpu_setaffinity(b->xch, b->domid, 0, map, NULL, XEN_VCPUAFFINITY_HARD);
    }
    free(map);
    return rc;
}

/* The host's scheduler has one weight a domain, where it has any. */
static int set_weight(struct domain_builder *b, uint16_t weight)
{
    struct xen_domctl_sched_credit2 credit2;
    struct xen_domctl_sched_credit credit;
    int scheduler;

    if (xc_sched_id(b->xch, &scheduler))
        return -1;
    switch (scheduler) {
    case XEN_SCHEDULER_CREDIT2:
        if (xc_sched_credit2_domain_get(b->xch, b->domid, &credit2))
            return -1;
        credit2.weight = weight;
        return xc_sched_credit2_domain_set(b->xch, b->domid, &credit2);
    case XEN_SCHEDULER_CREDIT:
        if (xc_sched_credit_domain_get(b->xch, b->domid, &credit))
            return -1;
        credit.weight = weight;
        return xc_sched_credit_domain_set(b->xch, b->domid, &credit);
    default:
        errno = EOPNOTSUPP;
        return -1;
    }
}

int domain_create(struct domain_builder *b, const struct domain_config *cfg)
{
    struct xen_domctl_createdomain create = {
        .ssidref = SID_DOMU,
        .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap |
                 (cfg->xs_domain ? XEN_DOMCTL_CDF_xs_domain : 0u),
        .max_vcpus = 1,
        .max_evtchn_port = cfg->max_evtchn_port,
        .max_grant_frames = (int32_t)cfg->max_grant_frames,
        .max_maptrack_frames = (int32_t)cfg->max_maptrack_frames,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
        .arch.emulation_flags = XEN_X86_EMU_LAPIC,
    };
    const uint32_t memory_kib = cfg->memory_mb * 1024 + X86_HVM_NR_SPECIAL_PAGES * PAGE_KIB;

    errno = 0;
    if (cfg->flask_label) {
        char label[256];
        size_t len = strlen(cfg->flask_label);

        if (len >= sizeof(label)) {
            errno = ENAMETOOLONG;
            return failed(b, "looking up the FLASK label");
        }
        memcpy(label, cfg->flask_label, len + 1); /* the library wants it writable */
        if (xc_flask_context_to_sid(b->xch, label, (uint32_t)len, &create.ssidref))
            return failed(b, "looking up the FLASK label (does this Xen have XSM?)");
    }
    memcpy(create.handle, b->handle, sizeof(create.handle));
    b->domid = cfg->domid;
    if (xc_domain_create(b->xch, &b->domid, &create))
        return failed(b, "creating the domain");
    b->created = true;
    if (xc_domain_max_vcpus(b->xch, b->domid, 1))
        return failed(b, "creating its vCPU");
    if (cfg->cpus && set_affinity(b, cfg))
        return failed(b, "binding it to its processors (`cpus`; does this host have them?)");
    if (cfg->weight && set_weight(b, cfg->weight))
        return failed(b, "setting its `weight` (has this host's scheduler weights? see "
                         "`xl info`, xen_scheduler)");
    if (xc_domain_setmaxmem(b->xch, b->domid, memory_kib))
        return failed(b, "setting its memory limit");
    /* Where Xen does not trust the host's TSC, it would emulate each RDTSC: an exit for each look
       at the clock. A service reads the TSC only through Xen's time information for the processor
       it is on, which is right without that, and is never migrated. */
    if (xc_domain_set_tsc_info(b->xch, b->domid, TSC_MODE_NEVER_EMULATE, 0, 0, 0))
        return failed(b, "letting it read the TSC itself");
    return 0;
}

/* Persistent memory (ACPI 6.0, table 15-312): what outlives its user. */
#define E820_PMEM 7

static void add_range(struct domain_builder *b, uint64_t start, uint64_t end, uint32_t type)
{
    b->e820[b->dom->e820_entries++] =
        (struct e820entry){.addr = start, .size = end - start, .type = type};
}

/*
 * All memory in one piece from 0, the journal at its end, then the special pages (console, XenStore
 * ring, ...). libxenguest copies the map into start_info; XENMEM_memory_map answers the same. The
 * platform finds the journal by its type (hv/xen/x86_64/boot.c). A boot module of zeroes would do
 * as well, but each of its pages has to be mapped here, cleared twice and copied, and clients wait.
 */
static void make_memory_map(struct domain_builder *b, uint64_t memory, uint64_t journal)
{
    b->dom->e820 = b->e820;
    add_range(b, 0, memory - journal, E820_RAM);
    if (journal)
        add_range(b, memory - journal, memory, E820_PMEM);
    add_range(b, (uint64_t)(X86_HVM_END_SPECIAL_REGION - X86_HVM_NR_SPECIAL_PAGES) << PAGE_SHIFT_,
              (uint64_t)X86_HVM_END_SPECIAL_REGION << PAGE_SHIFT_, E820_RESERVED);
    b->journal_gfn = journal ? (memory - journal) >> PAGE_SHIFT_ : 0;
}

static int alloc_port(struct domain_builder *b, uint32_t remote, evtchn_port_t *port)
{
    int rc = xc_evtchn_alloc_unbound(b->xch, b->domid, remote);

    if (rc < 0)
        return rc;
    *port = (evtchn_port_t)rc;
    return 0;
}

/* Hand libxenguest what it needs to know before it allocates anything. */
static int prepare(struct domain_builder *b, const struct domain_config *cfg, const char *cmdline)
{
    const uint64_t memory = (uint64_t)cfg->memory_mb << 20;
    struct xc_dom_image *dom;

    dom = b->dom = xc_dom_allocate(b->xch, cmdline, NULL);
    if (!dom)
        return failed(b, "allocating the builder");
    if (xc_dom_kernel_mem(dom, cfg->image->data, cfg->image->size) ||
        xc_dom_boot_xen_init(dom, b->xch, b->domid))
        return failed(b, "taking the image");
    if (cfg->module_size && xc_dom_module_mem(dom, cfg->module, cfg->module_size, NULL))
        return failed(b, "taking the boot module");
    dom->container_type = XC_DOM_HVM_CONTAINER;
    if (xc_dom_parse_image(dom))
        return failed(b, "reading the image");
    dom->target_pages = memory >> PAGE_SHIFT_;
    dom->lowmem_end = memory;
    dom->highmem_end = 0;
    dom->mmio_start = LAPIC_BASE;
    dom->mmio_size = FOUR_GIB - LAPIC_BASE;
    dom->max_vcpus = 1;
    dom->console_domid = 0;
    dom->console_evtchn = b->console_port;
    /* Its own domid: libxenguest then grants the ring to nobody. */
    dom->xenstore_domid = cfg->store_domid == DOMAIN_NO_STORE ? b->domid : cfg->store_domid;
    dom->xenstore_evtchn = b->store_port;
    make_memory_map(b, memory, (uint64_t)cfg->journal_pages << PAGE_SHIFT_);
    return 0;
}

int domain_load(struct domain_builder *b, const struct domain_config *cfg, const char *cmdline)
{
    int rc;

    errno = 0;
    if (alloc_port(b, 0, &b->console_port))
        return failed(b, "allocating its console port");
    if (cfg->store_domid != DOMAIN_NO_STORE && alloc_port(b, cfg->store_domid, &b->store_port))
        return failed(b, "allocating its XenStore port");
    rc = prepare(b, cfg, cmdline);
    if (rc)
        return rc;
    if (xc_dom_mem_init(b->dom, cfg->memory_mb) || xc_dom_boot_mem_init(b->dom))
        return failed(b, "allocating its memory (is there enough? see `xl info`, free_memory)");
    if (xc_domain_set_memory_map(b->xch, b->domid, b->e820, b->dom->e820_entries))
        return failed(b, "setting its memory map");
    if (xc_dom_build_image(b->dom))
        return failed(b, "loading the image");
    if (xc_dom_boot_image(b->dom))
        return failed(b, "setting up its vCPU");
    if (xc_dom_gnttab_init(b->dom))
        return failed(b, "granting its console");
    b->console_gfn = b->dom->console_pfn;
    b->store_gfn = b->dom->xenstore_pfn;
    return 0;
}

int domain_unpause(struct domain_builder *b)
{
    errno = 0;
    if (xc_domain_unpause(b->xch, b->domid))
        return failed(b, "unpausing it");
    return 0;
}

void domain_finish(struct domain_builder *b)
{
    if (!b->dom)
        return;
    /* The map is ours, not libxenguest's. */
    b->dom->e820 = NULL;
    b->dom->e820_entries = 0;
    xc_dom_release(b->dom);
    b->dom = NULL;
}

void domain_undo(struct domain_builder *b)
{
    domain_finish(b);
    if (b->created)
        xc_domain_destroy(b->xch, b->domid);
    b->created = false;
}
