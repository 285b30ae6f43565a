/* SPDX-License-Identifier: ISC */
#include "tests/conformance/suite.h"

#include <stdio.h>

void suite_fail(struct suite *s, const char *file, int line, const char *what, long got, long want)
{
    const char *slash = strrchr(file, '/');

    snprintf(s->failure, sizeof(s->failure), "%s:%d: %s is %ld, not %ld", slash ? slash + 1 : file,
             line, what, got, want);
}

static void say(struct suite *s, const char *line)
{
    hv_console_write(s->hv, line, strlen(line));
}

void suite_case(struct suite *s, const char *name, suite_case_fn *run)
{
    char line[300];
    size_t before = hv_page_count_free(s->hv, NULL);

    s->failure[0] = '\0';
    suite_drain(s);
    run(s);
    if (s->failure[0] == '\0' && hv_page_count_free(s->hv, NULL) != before)
        suite_fail(s, __FILE__, __LINE__, "pages free", (long)hv_page_count_free(s->hv, NULL),
                   (long)before);
    if (s->failure[0] == '\0') {
        s->passed++;
        snprintf(line, sizeof(line), "pass %s\n", name);
    } else {
        s->failed++;
        snprintf(line, sizeof(line), "FAIL %s: %s\n", name, s->failure);
    }
    say(s, line);
}

void suite_sleep(struct suite *s, uint64_t nanoseconds)
{
    uint64_t end = hv_now(s->hv) + nanoseconds;

    while (hv_now(s->hv) < end) {
        hv_wait(s->hv, end);
        suite_drain(s);
    }
}

void suite_drain(struct suite *s)
{
    while (hv_evtchn_next(s->hv) != 0)
        ;
}

bool suite_pair_open(struct suite *s, struct suite_pair *pair)
{
    if (hv_evtchn_alloc_unbound(s->hv, hv_domid(s->hv), &pair->a) != 0)
        return false;
    if (hv_evtchn_bind_interdomain(s->hv, hv_domid(s->hv), pair->a, &pair->b) != 0) {
        hv_evtchn_close(s->hv, pair->a);
        return false;
    }
    suite_drain(s);
    return true;
}

bool suite_pair_close(struct suite *s, const struct suite_pair *pair)
{
    int b = hv_evtchn_close(s->hv, pair->b);
    int a = hv_evtchn_close(s->hv, pair->a);
    return a == 0 && b == 0;
}

/** The number after @word in @text, where @word starts a word; false: it is not there. */
static bool find_number(const char *text, const char *word, uint32_t *number)
{
    size_t length = strlen(word);

    for (const char *at = text; (at = strstr(at, word)) != NULL; at += length) {
        if (at != text && at[-1] != ' ')
            continue;
        const char *digit = at + length;
        uint32_t value = 0;
        if (*digit < '0' || *digit > '9')
            continue;
        while (*digit >= '0' && *digit <= '9')
            value = value * 10 + (uint32_t)(*digit++ - '0');
        *number = value;
        return true;
    }
    return false;
}

static bool find_word(const char *text, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = text; (at = strstr(at, word)) != NULL; at += length) {
        if ((at == text || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    }
    return false;
}

int conformance_run(struct hv *hv)
{
    struct suite s = {.hv = hv};
    const char *cmdline = hv_cmdline(hv);
    uint32_t number;
    char line[100];
    void *page;
    evtchn_port_t port;

    if (find_number(cmdline, "peer=", &number)) {
        s.has_peer = true;
        s.peer = (domid_t)number;
    }
    if (find_number(cmdline, "event=", &number) || find_number(cmdline, "--event ", &number)) {
        s.has_dom0 = true;
        s.dom0_port = number;
    }
    s.xs = s.has_dom0 || find_word(cmdline, "xs");
    if (hv_store_ring(hv, &page, &port) == 0 && port != 0)
        hv_evtchn_mask(hv, port); /* nobody here handles its events */

    suite_core(&s);
    suite_memory(&s);
    suite_evtchn(&s);
    suite_gnttab(&s);
    if (s.has_dom0)
        suite_dom0(&s);
    if (s.has_peer)
        suite_two(&s);

    snprintf(line, sizeof(line), "conformance: %u passed, %u failed\n", s.passed, s.failed);
    say(&s, line);
    return (int)s.failed;
}

_Noreturn void conformance_main(struct hv *hv)
{
    uint32_t client;

    if (find_number(hv_cmdline(hv), "serve=", &client)) {
        struct conformance_server server;
        if (conformance_serve(&server, hv, (domid_t)client) != 0)
            hv_exit(hv, HV_EXIT_CRASH);
        for (;;)
            hv_wait(hv, conformance_serve_step(&server));
    }

    int failed = conformance_run(hv);
    /* Time for whoever drains the console. */
    uint64_t end = hv_now(hv) + 200 * HV_MSEC;
    while (hv_now(hv) < end) {
        hv_wait(hv, end);
        while (hv_evtchn_next(hv) != 0)
            ;
    }
    hv_exit(hv, failed ? HV_EXIT_CRASH : HV_EXIT_POWEROFF);
}
