/* SPDX-License-Identifier: ISC */
/* Captures for `./lab bench monitor`: see README.md beside this folder. */
#include "captures.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: make-captures mixed  OUT.pcap [--bytes N] [--packets N] [--flows N] [--snap N]\n"
    "                                       FILE|FOLDER...\n"
    "       make-captures random OUT.pcap [--packets N] [--flows N] [--seed N]\n"
    "\n"
    "mixed:  real packets out of other captures, in copies with other addresses, until all of it\n"
    "        is reached: 1000000000 bytes, 100000 conversations, 3000000 packets; of each at most\n"
    "        --snap bytes\n"
    "random: 3000000 packets of 200000 conversations, the one of each picked at random\n";

void fail(const char *format, ...)
{
    va_list arguments;

    fputs("make-captures: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(EXIT_FAILURE);
}

void *must_allocate(void *memory, size_t size)
{
    memory = realloc(memory, size);
    if (!memory)
        fail("out of memory at %zu bytes", size);
    return memory;
}

void progress(const char *text, uint64_t done, uint64_t all)
{
    static const char *before;
    static uint64_t shown;
    const uint64_t percent = all ? done * 100 / all : 100;
    const uint64_t step = isatty(STDERR_FILENO) ? 1 : 25;

    if (before == text && percent / step == shown / step)
        return;
    before = text;
    shown = percent;
    fprintf(stderr, "%s%s: %" PRIu64 " %%%s", step == 1 ? "\r" : "", text, percent,
            step != 1 || percent >= 100 ? "\n" : "");
}

void output_open(struct output *output, const char *path)
{
    *output = (struct output){.path = path, .dead = pcap_open_dead(DLT_EN10MB, 262144)};
    if (!output->dead)
        fail("libpcap is out of memory");
    output->dumper = pcap_dump_open(output->dead, path);
    if (!output->dumper)
        fail("%s", pcap_geterr(output->dead));
    setvbuf(pcap_dump_file(output->dumper), NULL, _IOFBF, 1 << 20);
    output->bytes = 24;
}

void output_frame(struct output *output, uint64_t time, const uint8_t *frame, uint32_t captured,
                  uint32_t length)
{
    const struct pcap_pkthdr header = {
        .ts = {.tv_sec = (time_t)(time / 1000000), .tv_usec = (suseconds_t)(time % 1000000)},
        .caplen = captured,
        .len = length,
    };

    pcap_dump((u_char *)output->dumper, &header, frame);
    output->bytes += 16 + captured;
    output->packets++;
}

void output_close(struct output *output)
{
    if (pcap_dump_flush(output->dumper) != 0 || ferror(pcap_dump_file(output->dumper)))
        fail("%s cannot be written: %m", output->path);
    pcap_dump_close(output->dumper);
    pcap_close(output->dead);
}

/* -- conversations */

static uint64_t mix(uint64_t hash, const void *data, size_t size)
{
    const uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Of one direction's view; 0 marks what is free. */
static uint64_t side(const uint8_t *address, uint16_t port)
{
    return mix(mix(UINT64_C(0xcbf29ce484222325), address, 16), &port, sizeof(port));
}

static void insert(struct flow_set *set, uint64_t hash)
{
    uint64_t slot = (hash * UINT64_C(0x9e3779b97f4a7c15)) & (set->size - 1);

    while (set->hashes[slot] && set->hashes[slot] != hash)
        slot = (slot + 1) & (set->size - 1);
    if (!set->hashes[slot])
        set->count++;
    set->hashes[slot] = hash;
}

void flow_set_add(struct flow_set *set, const struct decoded *decoded)
{
    const uint64_t a = side(decoded->source, decoded->source_port);
    const uint64_t b = side(decoded->destination, decoded->destination_port);
    uint64_t hash = mix(a < b ? a * 3 + b : b * 3 + a, decoded->vid, sizeof(decoded->vid));

    hash = mix(hash, &decoded->protocol, 1);
    if (set->count * 2 >= set->size) {
        struct flow_set larger = {.size = set->size ? set->size * 2 : 1 << 16};

        larger.hashes = must_allocate(NULL, larger.size * sizeof(*larger.hashes));
        memset(larger.hashes, 0, larger.size * sizeof(*larger.hashes));
        for (uint64_t i = 0; i < set->size; i++)
            if (set->hashes[i])
                insert(&larger, set->hashes[i]);
        free(set->hashes);
        *set = larger;
    }
    insert(set, hash ? hash : 1);
}

static uint64_t number(const char *text, const char *name)
{
    char *end;
    const uint64_t value = strtoull(text, &end, 10);

    if (*text < '0' || *text > '9' || *end != '\0')
        fail("--%s takes a number, not \"%s\"", name, text);
    return value;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"bytes", required_argument, NULL, 'b'},
                                            {"packets", required_argument, NULL, 'p'},
                                            {"flows", required_argument, NULL, 'f'},
                                            {"seed", required_argument, NULL, 's'},
                                            {"snap", required_argument, NULL, 'n'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    const bool mixed = argc > 1 && strcmp(argv[1], "mixed") == 0;
    struct goal goal = {.packets = 3000000, .flows = 200000};
    uint64_t seed = 1, *const values[] = {&goal.bytes, &goal.packets, &goal.flows, &seed,
                                          &goal.snap};
    int option, index;

    if (mixed)
        goal = (struct goal){.bytes = 1000000000, .packets = 3000000, .flows = 100000};
    while ((option = getopt_long(argc, argv, "", options, &index)) != -1) {
        if (option == 'h' || option == '?') {
            fputs(usage, option == 'h' ? stdout : stderr);
            return option == 'h' ? EXIT_SUCCESS : 2;
        }
        *values[index] = number(optarg, options[index].name);
    }
    if (mixed && argc - optind > 2) {
        mixed_write(argv[optind + 1], &goal, argv + optind + 2, argc - optind - 2);
    } else if (argc - optind == 2 && strcmp(argv[optind], "random") == 0) {
        random_write(argv[optind + 1], &goal, seed);
    } else {
        fputs(usage, stderr);
        return 2;
    }
    return EXIT_SUCCESS;
}
