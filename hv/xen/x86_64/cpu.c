/* SPDX-License-Identifier: ISC */
/* The processor: who made it, where Xen's CPUID leaves are, its protections, its clock. */
#include "x86.h"

#include <string.h>

#include <xen/arch-x86/cpuid.h>
#include <xen/hvm/params.h>

#include "../hypercall.h"

#define LEAF_XEN_FIRST 0x40000000U
#define LEAF_XEN_LAST  0x4000ff00U
#define LEAF_XEN_STEP  0x100U
#define LEAF_XEN_HVM   4U

#define FEATURE_1_ECX_RDRAND (1U << 30)
#define FEATURE_7_EBX_SMEP   (1U << 7)
#define FEATURE_7_EBX_RDSEED (1U << 18)
#define FEATURE_7_EBX_SMAP   (1U << 20)
#define FEATURE_7_ECX_UMIP   (1U << 2)
#define RANDOM_TRIES         10U

/** HVM_PARAM_CALLBACK_IRQ: the kind "vector" in the top byte. */
#define CALLBACK_VIA_VECTOR (UINT64_C(2) << 56)

uint8_t x86_use_vmmcall HV_RO_AFTER_INIT;
uint32_t x86_xen_leaf HV_RO_AFTER_INIT;
static bool has_rdrand HV_RO_AFTER_INIT;
static bool has_rdseed HV_RO_AFTER_INIT;

/** The canary of our own code (-mstack-protector-guard=global). */
extern uintptr_t __stack_chk_guard;
uintptr_t __stack_chk_guard HV_RO_AFTER_INIT;

/**
 * What FS points at. musl's objects find their thread there: its own address at 0, errno and the
 * locale further on, and the canary of their stack protector at 0x28.
 */
static struct {
    void *self;
    uintptr_t pad[4];
    uintptr_t canary;
    uintptr_t rest[58];
} the_thread;

static void xen_find(void)
{
    for (uint32_t leaf = LEAF_XEN_FIRST; leaf <= LEAF_XEN_LAST; leaf += LEAF_XEN_STEP) {
        struct cpuid r = cpuid(leaf, 0);

        if (r.ebx == XEN_CPUID_SIGNATURE_EBX && r.ecx == XEN_CPUID_SIGNATURE_ECX &&
            r.edx == XEN_CPUID_SIGNATURE_EDX) {
            x86_xen_leaf = leaf;
            return;
        }
    }
}

/** Intel and Zhaoxin (Centaur, Shanghai) have VMCALL; AMD and Hygon have VMMCALL. */
static bool vendor_has_vmmcall(void)
{
    struct cpuid r = cpuid(0, 0);
    char vendor[12];

    memcpy(vendor, &r.ebx, 4);
    memcpy(vendor + 4, &r.edx, 4);
    memcpy(vendor + 8, &r.ecx, 4);
    return memcmp(vendor, "AuthenticAMD", 12) == 0 || memcmp(vendor, "HygonGenuine", 12) == 0;
}

void cpu_init(void)
{
    uint32_t max_leaf = cpuid(0, 0).eax;
    struct cpuid seven = max_leaf >= 7 ? cpuid(7, 0) : (struct cpuid){0};
    uint64_t cr4;

    x86_use_vmmcall = vendor_has_vmmcall();
    xen_find();
    has_rdrand = (cpuid(1, 0).ecx & FEATURE_1_ECX_RDRAND) != 0;
    has_rdseed = (seven.ebx & FEATURE_7_EBX_RDSEED) != 0;

    __asm__ volatile("movq %%cr4, %0" : "=r"(cr4));
    cr4 |= (seven.ebx & FEATURE_7_EBX_SMEP) != 0 ? CR4_SMEP : 0;
    cr4 |= (seven.ebx & FEATURE_7_EBX_SMAP) != 0 ? CR4_SMAP : 0;
    cr4 |= (seven.ecx & FEATURE_7_ECX_UMIP) != 0 ? CR4_UMIP : 0;
    __asm__ volatile("movq %0, %%cr4" : : "r"(cr4));
}

__attribute__((no_stack_protector)) void cpu_canary_init(void)
{
    uint64_t value;

    the_thread.self = &the_thread;
    wrmsr(MSR_FS_BASE, (uintptr_t)&the_thread);
    if (!arch_random(&value)) {
        value = arch_cycles() * UINT64_C(0x9e3779b97f4a7c15);
        value ^= value >> 29;
    }
    /* a zero byte in the canary, so that no string function copies past it */
    __stack_chk_guard = value & ~UINT64_C(0xff);
    the_thread.canary = __stack_chk_guard;
}

void arch_upcall_init(void)
{
    int rc = hvm_param_set(HVM_PARAM_CALLBACK_IRQ, CALLBACK_VIA_VECTOR | VECTOR_UPCALL);

    if (rc != 0) {
        hv_panic("cannot set the upcall vector: error %d", -rc);
    }
}

void arch_timer_set(uint64_t deadline)
{
    (void)hypercall_set_timer_op(deadline);
}

uint64_t arch_cycles(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

bool arch_random(uint64_t *value)
{
    for (unsigned i = 0; i < RANDOM_TRIES && has_rdseed; i++) {
        bool ok;

        __asm__ volatile("rdseed %0" : "=r"(*value), "=@ccc"(ok));
        if (ok) {
            return true;
        }
    }
    for (unsigned i = 0; i < RANDOM_TRIES && has_rdrand; i++) {
        bool ok;

        __asm__ volatile("rdrand %0" : "=r"(*value), "=@ccc"(ok));
        if (ok) {
            return true;
        }
    }
    return false;
}

bool arch_domid(domid_t *domid)
{
    struct cpuid r;

    if (x86_xen_leaf == 0 || cpuid(x86_xen_leaf, 0).eax < x86_xen_leaf + LEAF_XEN_HVM) {
        return false;
    }
    r = cpuid(x86_xen_leaf + LEAF_XEN_HVM, 0);
    *domid = (domid_t)r.ecx;
    return (r.eax & XEN_HVM_CPUID_DOMID_PRESENT) != 0;
}

void arch_debug_putc(char c)
{
    __asm__ volatile("outb %0, $0xe9" : : "a"(c));
}

void arch_atomic_clear(uint64_t *word, uint64_t bits)
{
    __asm__ volatile("lock andq %1, %0" : "+m"(*word) : "er"(~bits) : "memory", "cc");
}

void arch_atomic_set(uint64_t *word, uint64_t bits)
{
    __asm__ volatile("lock orq %1, %0" : "+m"(*word) : "er"(bits) : "memory", "cc");
}
