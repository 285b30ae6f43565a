/* SPDX-License-Identifier: ISC */
/* Start-up in C: bring each part up in the order in which they need each other, then hv_main(). */
#include "platform.h"

#include <errno.h>
#include <string.h>

#include <xen/hvm/params.h>
#include <xen/memory.h>

#include "arch.h"
#include "hypercall.h"

static struct hv the_domain;
static struct hv *current_domain HV_RO_AFTER_INIT;

struct hv *platform_domain(void)
{
    return current_domain;
}

uint64_t hvm_param_get(unsigned index)
{
    struct xen_hvm_param param = {.domid = DOMID_SELF, .index = index};

    return hypercall_hvm_op(HVMOP_get_param, &param) == 0 ? param.value : 0;
}

int hvm_param_set(unsigned index, uint64_t value)
{
    struct xen_hvm_param param = {.domid = DOMID_SELF, .index = index, .value = value};

    return hypercall_hvm_op(HVMOP_set_param, &param);
}

int physmap_add(unsigned space, unsigned long index, uint64_t address)
{
    struct xen_add_to_physmap map = {
        .domid = DOMID_SELF,
        .space = space,
        .idx = index,
        .gpfn = address / HV_PAGE_SIZE,
    };

    return (int)hypercall_memory_op(XENMEM_add_to_physmap, &map);
}

void platform_start(const struct boot_info *boot)
{
    struct hv *hv = &the_domain;
    int rc;

    memcpy(hv->cmdline, boot->cmdline, sizeof hv->cmdline);
    hv->module = (const void *)(uintptr_t)boot->module;
    hv->module_size = boot->module_size;

    rc = physmap_add(XENMAPSPACE_shared_info, 0, boot->window + WINDOW_SHARED_INFO);
    if (rc != 0) {
        hv_panic("cannot map the shared info page: error %d", -rc);
    }
    hv->shared = (struct shared_info *)(uintptr_t)(boot->window + WINDOW_SHARED_INFO);
    hv->vcpu = &hv->shared->vcpu_info[0];
    current_domain = hv;

    pages_init(hv, boot);
    reserved_init(hv, boot);
    evtchn_init(hv);
    console_init(hv, boot);
    domain_init(hv, boot);
    random_init(hv);
    gnttab_init(hv, boot);
    grantmap_init(hv, boot);
    grantcopy_init(hv);

    hv_main(hv);
    hv_exit(hv, HV_EXIT_POWEROFF);
}

domid_t hv_domid(const struct hv *hv)
{
    return hv->domid;
}

const char *hv_cmdline(const struct hv *hv)
{
    return hv->cmdline;
}

const void *hv_module(const struct hv *hv, size_t *size)
{
    *size = hv->module_size;
    return hv->module;
}

void hv_seal(struct hv *hv)
{
    HV_ASSERT(!hv->sealed);
    hv->sealed = true;
    arch_seal();
}
