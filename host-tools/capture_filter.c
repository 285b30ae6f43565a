/* SPDX-License-Identifier: ISC */
#include "capture_filter.h"
#include <pcap/pcap.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define SNAP 65535

static int compile(const char *text, struct bpf_program *program, char *error, size_t size)
{
    pcap_t *pcap = pcap_open_dead(DLT_EN10MB, SNAP);
    int rc = pcap ? pcap_compile(pcap, program, text, 1, PCAP_NETMASK_UNKNOWN) : -1;

    if (rc)
        snprintf(error, size, "%s", pcap ? pcap_geterr(pcap) : "out of memory");
    if (pcap)
        pcap_close(pcap);
    return rc;
}

/* libpcap does not tell where it stopped to understand: the longest beginning that is a filter by
 * itself, of whole words, is how far it came. Words only: nothing is asked of DNS. */
static size_t understood(const char *text)
{
    size_t best = 0;

    for (size_t at = 1; text[at]; at++) {
        char start[512], error[PCAP_ERRBUF_SIZE];
        struct bpf_program program;

        if (!strchr(" \t)(", text[at]) || at >= sizeof(start))
            continue;
        memcpy(start, text, at);
        start[at] = '\0';
        if (strspn(start, " \t") < at && compile(start, &program, error, sizeof(error)) == 0) {
            pcap_freecode(&program);
            best = at;
        }
    }
    return best;
}

static void explain(const char *text, const char *why, struct capture_filter *filter)
{
    const size_t good = strstr(why, "syntax error") || strstr(why, "parse") ? understood(text) : 0;

    if (good)
        snprintf(filter->error, sizeof(filter->error), "%.300s, at character %zu, after \"%.*s\"",
                 why, good + 1, good > 200 ? 200 : (int)good, text);
    else
        snprintf(filter->error, sizeof(filter->error), "%.300s", why);
    /* It repeats what was typed. */
    for (char *c = filter->error; *c; c++)
        *c = *c < ' ' || *c > '~' ? '?' : *c;
}

static void put32(uint8_t *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

int capture_filter_compile(const char *text, struct capture_filter *filter)
{
    struct bpf_program program;
    char why[PCAP_ERRBUF_SIZE];

    filter->count = 0;
    filter->error[0] = '\0';
    if (!text || !text[strspn(text, " \t\n")])
        return 0;
    if (compile(text, &program, why, sizeof(why))) {
        explain(text, why, filter);
        return -1;
    }
    if (program.bf_len > CAPTURE_FILTER_MAX) {
        snprintf(filter->error, sizeof(filter->error),
                 "it makes a program of %u instructions, and %u is the most", program.bf_len,
                 CAPTURE_FILTER_MAX);
        pcap_freecode(&program);
        return -1;
    }
    for (unsigned i = 0; i < program.bf_len; i++) {
        const struct bpf_insn *in = &program.bf_insns[i];
        uint8_t *at = filter->program + 8 * i;

        at[0] = (uint8_t)in->code;
        at[1] = (uint8_t)(in->code >> 8);
        at[2] = in->jt;
        at[3] = in->jf;
        put32(at + 4, in->k);
    }
    filter->count = program.bf_len;
    pcap_freecode(&program);
    return 0;
}
