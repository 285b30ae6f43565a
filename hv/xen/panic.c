/* SPDX-License-Identifier: ISC */
/* The end of the domain, in order or not. */
#include "platform.h"

#include <stdarg.h>
#include <stdio.h>

#include <xen/sched.h>

#include "arch.h"
#include "hypercall.h"

#define BACKTRACE_DEPTH 32U

void hv_exit(struct hv *hv, enum hv_exit_reason reason)
{
    struct sched_shutdown shutdown = {.reason = reason};

    for (;;) {
        (void)hypercall_sched_op(SCHEDOP_shutdown, &shutdown);
    }
}

void platform_crash(void)
{
    hv_exit(NULL, HV_EXIT_CRASH);
}

static void __attribute__((format(printf, 1, 0))) print_list(const char *format, va_list list)
{
    char line[256];
    int length = vsnprintf(line, sizeof line, format, list);
    size_t size = length < 0 ? 0 : length < (int)sizeof line - 1 ? (size_t)length : sizeof line - 1;
    struct hv *hv = platform_domain();

    if (hv != NULL && hv->console != NULL) {
        console_make_room(hv, size + 2); /* of the newlines, one at either end */
        hv_console_write(hv, line, size);
    }
    for (size_t i = 0; i < size; i++) {
        arch_debug_putc(line[i]);
    }
}

void panic_print(const char *format, ...)
{
    va_list list;

    va_start(list, format);
    print_list(format, list);
    va_end(list);
}

static void print_frame(uintptr_t pc)
{
    char name[64];
    uintptr_t offset;

    if (symbol_find(pc, &offset, name, sizeof name) != NULL) {
        panic_print("  %#lx %s+%#lx\n", pc, name, offset);
    } else {
        panic_print("  %#lx\n", pc);
    }
}

void panic_backtrace(uintptr_t pc, const uintptr_t *frame)
{
    panic_print("backtrace:\n");
    print_frame(pc);
    for (unsigned depth = 0; depth < BACKTRACE_DEPTH; depth++) {
        const uintptr_t *next;

        if ((uintptr_t)frame % sizeof *frame != 0 || !arch_is_stack((uintptr_t)frame) ||
            !arch_is_stack((uintptr_t)(frame + 1)) || frame[1] == 0) {
            return;
        }
        print_frame(frame[1] - 1);
        next = (const uintptr_t *)frame[0];
        if (next <= frame) {
            return;
        }
        frame = next;
    }
}

void hv_panic(const char *format, ...)
{
    const uintptr_t *frame = __builtin_frame_address(0); /* [0]: the caller's */
    va_list list;

    panic_print("panic: ");
    va_start(list, format);
    print_list(format, list);
    va_end(list);
    panic_print("\n");
    arch_print_registers();
    panic_backtrace(frame[1] - 1, (const uintptr_t *)frame[0]);
    platform_crash();
}

_Noreturn void __stack_chk_fail(void);

/** Called by what the compiler puts at the end of functions: the canary has been overwritten. */
_Noreturn void __stack_chk_fail(void)
{
    hv_panic("stack smashed");
}
