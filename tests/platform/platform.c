/* SPDX-License-Identifier: ISC */
/*
 * What hv/xen promises beyond the contract, on real Xen: no wake-up is lost, timers are on time,
 * the console counts what it drops, and each protection holds. The first word of the command line
 * that starts with "test=" names the test; without one, all that end with a verdict run.
 */
#include <hv/console.h>
#include <hv/domain.h>
#include <hv/evtchn.h>
#include <hv/gnttab.h>
#include <hv/hv.h>
#include <hv/memory.h>
#include <hv/time.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct {
    unsigned passed, failed;
} verdict;

static unsigned sealed_value HV_RO_AFTER_INIT = 1;

__attribute__((format(printf, 2, 3))) static void say(struct hv *hv, const char *format, ...)
{
    char line[200];
    va_list list;

    va_start(list, format);
    int length = vsnprintf(line, sizeof line, format, list);
    va_end(list);
    hv_console_write(hv, line, length < (int)sizeof line ? (size_t)length : sizeof line - 1);
}

static void result(struct hv *hv, const char *name, bool ok)
{
    say(hv, "%s %s\n", ok ? "pass" : "FAIL", name);
    verdict.passed += ok;
    verdict.failed += !ok;
}

/* --- events ----------------------------------------------------------------------------------- */

/** Both ends of a channel in this domain. */
static bool loopback(struct hv *hv, evtchn_port_t *a, evtchn_port_t *b)
{
    return hv_evtchn_alloc_unbound(hv, hv_domid(hv), a) == 0 &&
           hv_evtchn_bind_interdomain(hv, hv_domid(hv), *a, b) == 0;
}

static void drain(struct hv *hv)
{
    while (hv_evtchn_next(hv) != 0) {
    }
}

#define SAFETY (60 * HV_SEC)

/**
 * Sleep again and again with a timer that comes at once to some 200 us, so that its event falls on
 * every instruction around the idle sequence, and at times at the same moment as a port's. Nothing
 * else wakes this domain: a lost wake-up sleeps for SAFETY, or for ever. Shorter delays are those
 * of a busy host.
 */
static void test_wakeups(struct hv *hv)
{
    evtchn_port_t a, b;
    uint64_t longest = 0, begin = hv_now(hv);
    unsigned wrong = 0, worst = 0;

    if (!loopback(hv, &a, &b)) {
        result(hv, "wakeups", false);
        return;
    }
    drain(hv);
    for (unsigned i = 0; i < 50000; i++) {
        uint64_t start = hv_now(hv), end;

        if (i % 4 == 0) {
            /* timer alone */
            hv_wait(hv, start + (i % 997) * 200);
        } else {
            /* a port, and a timer that was armed for about now */
            (void)hv_evtchn_send(hv, b);
            hv_wait(hv, i % 4 == 1 ? start + SAFETY : start + (i % 31) * 1000);
            for (evtchn_port_t port; (port = hv_evtchn_next(hv)) != 0;) {
                wrong += port != a;
            }
        }
        end = hv_now(hv);
        if (end - start > longest) {
            longest = end - start;
            worst = i;
        }
    }
    say(hv, "  50000 waits in %lu ms, longest %lu us (wait %u), wrong ports %u\n",
        (hv_now(hv) - begin) / HV_MSEC, longest / 1000, worst, wrong);
    result(hv, "wakeups", wrong == 0 && longest < SAFETY / 2);
    (void)hv_evtchn_close(hv, a);
    (void)hv_evtchn_close(hv, b);
}

static void test_round_robin(struct hv *hv)
{
    evtchn_port_t a[3], b[3];
    unsigned count[3] = {0};

    for (unsigned i = 0; i < 3; i++) {
        if (!loopback(hv, &a[i], &b[i])) {
            result(hv, "round robin", false);
            return;
        }
    }
    drain(hv);
    for (unsigned i = 0; i < 3; i++) {
        (void)hv_evtchn_send(hv, b[i]);
    }
    for (unsigned turn = 0; turn < 300; turn++) {
        evtchn_port_t port = hv_evtchn_next(hv);

        for (unsigned i = 0; i < 3; i++) {
            if (port == a[i]) {
                count[i]++;
                (void)hv_evtchn_send(hv, b[i]); /* signalled without end */
            }
        }
    }
    say(hv, "  %u %u %u\n", count[0], count[1], count[2]);
    result(hv, "round robin", count[0] == 100 && count[1] == 100 && count[2] == 100);
    for (unsigned i = 0; i < 3; i++) {
        (void)hv_evtchn_close(hv, a[i]);
        (void)hv_evtchn_close(hv, b[i]);
    }
}

/* --- time ------------------------------------------------------------------------------------- */

static void test_timer(struct hv *hv)
{
    bool early = false;
    uint64_t late = UINT64_MAX;

    for (unsigned i = 1; i <= 20; i++) {
        uint64_t deadline = hv_now(hv) + i * HV_MSEC;
        uint64_t now;

        hv_wait(hv, deadline + HV_SEC); /* an event of before, or one second */
        deadline = hv_now(hv) + i * HV_MSEC;
        hv_wait(hv, deadline);
        now = hv_now(hv);
        early = early || now < deadline;
        late = now - deadline < late ? now - deadline : late;
        if (i == 1) {
            i = 14; /* the long first wait was for the alarm that had to be replaced */
        }
    }
    say(hv, "  least lateness %lu us\n", late / 1000);
    result(hv, "timer", !early && late < 5 * HV_MSEC);
}

/* --- console, memory -------------------------------------------------------------------------- */

static void test_console(struct hv *hv)
{
    static char block[4096];
    uint64_t before = hv_console_dropped(hv);

    if (strstr(hv_cmdline(hv), "noring") != NULL) {
        return; /* started as dom0: there is no ring that could be full */
    }
    memset(block, '.', sizeof block);
    for (unsigned i = 0; i < 4; i++) {
        hv_console_write(hv, block, sizeof block);
    }
    before = hv_console_dropped(hv) - before;
    hv_wait(hv, hv_now(hv) + HV_SEC); /* until the reader has caught up */
    say(hv, "\n  %lu bytes dropped\n", before);
    result(hv, "console", before >= sizeof block);
}

static void test_memory(struct hv *hv)
{
    size_t largest, count = hv_page_count_free(hv, &largest);
    void *big = hv_page_alloc(hv, (unsigned)largest);
    size_t left = hv_page_count_free(hv, NULL);
    void *none = hv_page_alloc(hv, (unsigned)largest);

    say(hv, "  %zu pages free, %zu in one run\n", count, largest);
    if (big != NULL) {
        memset(big, 0xff, largest * HV_PAGE_SIZE);
        hv_page_free(hv, big, (unsigned)largest);
    }
    result(hv, "out of memory",
           big != NULL && none == NULL && left == count - largest &&
               hv_page_count_free(hv, NULL) == count);
}

/* --- domains ---------------------------------------------------------------------------------- */

static void test_domains(struct hv *hv)
{
    struct hv_domain_info info;
    domid_t next = 0;
    unsigned seen = 0, self = 0;
    int rc;

    while ((rc = hv_domain_info(hv, next, &info)) == 0) {
        say(hv, "  domain %u dying %d shutdown %d reason %u handle %02x%02x..\n", info.domid,
            info.dying, info.shutdown, info.shutdown_reason, info.handle[0], info.handle[1]);
        seen++;
        self += info.domid == hv_domid(hv) && !info.dying && !info.shutdown;
        next = info.domid + 1;
    }
    say(hv, "  ends with %d\n", rc);
    result(hv, "domains", (rc == -ESRCH && seen >= 1 && self == 1) || (rc == -EPERM && seen == 0));
}

static void test_random(struct hv *hv)
{
    unsigned char a[1000], b[1000];
    unsigned bits = 0;

    hv_random(hv, a, sizeof a);
    hv_random(hv, b, sizeof b);
    for (unsigned i = 0; i < sizeof a; i++) {
        bits += (unsigned)__builtin_popcount(a[i]);
    }
    say(hv, "  %02x%02x%02x%02x, %u of 8000 bits set\n", a[0], a[1], a[2], a[3], bits);
    result(hv, "random", memcmp(a, b, sizeof a) != 0 && bits > 3700 && bits < 4300);
}

/* --- protections: each ends in a panic, whose report the runner reads ---------------------------
 */

extern char image_start[], rodata_start[];

__attribute__((noinline)) static void poke(volatile char *address)
{
    *address = 1;
}

__attribute__((noinline)) static unsigned overflow(unsigned depth)
{
    volatile char block[512];

    block[depth % sizeof block] = 1;
    return depth > 1000000 ? 0 : overflow(depth + 1) + (unsigned)block[0];
}

static const char stub[] = {(char)0xc3};

__attribute__((noinline)) static void smash(struct hv *hv)
{
    char block[16];
    volatile char *p = block;

    for (unsigned i = 0; i < 64; i++) {
        p[i] = 1;
    }
    say(hv, "%d\n", block[3]);
}

/** Told twice in time, and then not any more: Xen ends us after two seconds. */
static void hang(struct hv *hv)
{
    for (unsigned i = 0; i < 2; i++) {
        uint64_t end = hv_now(hv) + 1500 * HV_MSEC;

        if (hv_watchdog(hv, 2) != 0) {
            return;
        }
        while (hv_now(hv) < end) {
            hv_wait(hv, end);
        }
    }
    say(hv, "still here after 3 seconds\n");
    for (uint64_t end = hv_now(hv) + 60 * HV_SEC; hv_now(hv) < end;) {
    }
}

static void test_panic(struct hv *hv, const char *name)
{
    say(hv, "panic test %s\n", name);
    if (strcmp(name, "text") == 0) {
        poke(image_start + 64);
    } else if (strcmp(name, "rodata") == 0) {
        poke(rodata_start + 64);
    } else if (strcmp(name, "null") == 0) {
        volatile uintptr_t nothing = 0;

        poke((char *)nothing);
    } else if (strcmp(name, "seal") == 0) {
        sealed_value++;
        hv_seal(hv);
        poke((volatile char *)&sealed_value);
    } else if (strcmp(name, "tables") == 0) {
        uintptr_t cr3;

        __asm__ volatile("movq %%cr3, %0" : "=r"(cr3));
        hv_seal(hv);
        poke((volatile char *)cr3);
    } else if (strcmp(name, "reserved") == 0) {
        unsigned count;
        char *pages = hv_reserved(hv, &count);

        if (pages != NULL) {
            hv_guarded_open(hv, pages + HV_PAGE_SIZE, 2);
            poke(pages + HV_PAGE_SIZE);
            hv_guarded_close(hv, pages + HV_PAGE_SIZE, 1);
            hv_seal(hv);
            poke(pages); /* ordinary memory */
            poke(pages + 2UL * HV_PAGE_SIZE);
            hv_guarded_close(hv, pages + 2UL * HV_PAGE_SIZE, 1);
            say(hv, "%u pages reserved, the open ones written\n", count);
            poke(pages + HV_PAGE_SIZE + 64);
        }
    } else if (strcmp(name, "guard") == 0) {
        say(hv, "%u\n", overflow(0));
    } else if (strcmp(name, "nx") == 0) {
        ((void (*)(void))(uintptr_t)stub)();
    } else if (strcmp(name, "hang") == 0) {
        hang(hv);
    } else if (strcmp(name, "smash") == 0) {
        smash(hv);
    } else if (strcmp(name, "assert") == 0) {
        HV_ASSERT(sealed_value == 0);
    } else if (strcmp(name, "unmapped") == 0) {
        void *page = hv_page_alloc(hv, 1), *map;
        grant_ref_t ref;

        if (hv_grant_access(hv, hv_domid(hv), page, false, &ref) == 0 &&
            hv_grant_map(hv, hv_domid(hv), &ref, 1, false, &map) == 0) {
            poke(map);
            (void)hv_grant_unmap(hv, map, 1);
            poke(map);
        }
    }
    say(hv, "FAIL panic test %s: still here\n", name);
}

void hv_main(struct hv *hv)
{
    const char *word = strstr(hv_cmdline(hv), "test=");

    if (word != NULL) {
        char name[32] = "";

        for (size_t i = 0; i < sizeof name - 1 && word[5 + i] > ' '; i++) {
            name[i] = word[5 + i];
        }
        test_panic(hv, name);
        hv_exit(hv, HV_EXIT_POWEROFF);
    }
    say(hv, "domain %u, command line '%s', wallclock %lu s, now %lu ms\n", hv_domid(hv),
        hv_cmdline(hv), hv_wallclock(hv) / HV_SEC, hv_now(hv) / HV_MSEC);
    test_memory(hv);
    test_domains(hv);
    test_random(hv);
    test_timer(hv);
    test_round_robin(hv);
    hv_seal(hv);
    test_wakeups(hv);
    test_console(hv);
    say(hv, "platform: %u passed, %u failed\n", verdict.passed, verdict.failed);
}
