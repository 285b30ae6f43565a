/* SPDX-License-Identifier: ISC */
/*
 * A file that dom0 loads. Whatever is in it, it takes effect as a whole or not at all, no more
 * memory is used than is let, the service agrees with itself afterwards and goes on; and what was
 * loaded can be dumped and loaded again.
 *
 * Input: a byte for the size of the pieces, and the stream. Where its preamble is wrong, one is put
 * before it, and lengths of records are rounded up: most of what is tried is about the records.
 */
#include "input.h"

#include "tests/sim/host.h"

#include "services/xenstored/migration.h"
#include "services/xenstored/state.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define STREAM_MAX  65536U
#define STORE_PAGES 400U

static int load(struct host *host, const uint8_t *data, size_t size, size_t piece)
{
    struct migration_load *load = migration_load_begin(host->xs);
    struct migration_result result;
    int error = load ? 0 : -1;

    for (size_t at = 0; at < size && !error; at += piece)
        error = migration_load_data(load, data + at, size - at < piece ? size - at : piece);
    if (!error)
        error = migration_load_finish(load, &result);
    if (load)
        migration_load_end(load);
    xenstored_step(host->xs);
    host_run(host);
    return error;
}

/* The stream that the input is, with what would make most inputs end at once put right. */
static size_t repair(const uint8_t *data, size_t size, uint8_t *stream)
{
    static const uint8_t preamble[16] = {'x', 'e', 'n', 's', 't', 'o', 'r', 'e', 0, 0, 0, 2};
    size_t length = 0;

    if (size < sizeof(preamble) || memcmp(data, preamble, 8) != 0) {
        memcpy(stream, preamble, sizeof(preamble));
        length = sizeof(preamble);
    }
    if (size > STREAM_MAX - 64)
        size = STREAM_MAX - 64;
    memcpy(stream + length, data, size);
    return length + size;
}

static void dump_again(struct host *host)
{
    static uint8_t stream[4U << 20];
    struct migration_dump *dump = migration_dump_begin(host->xs);
    size_t size = 0;
    long more;

    if (!dump)
        return;
    while ((more = migration_dump_read(dump, stream + size, 4096)) > 0) {
        size += (size_t)more;
        ck_assert(size + 4096 < sizeof(stream));
    }
    migration_dump_end(dump);
    if (!more)
        (void)load(host, stream, size, 4096);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t stream[STREAM_MAX];
    struct input input = {data, data + size};
    size_t piece = 1U + input_byte(&input), length;
    struct host *host = host_create(&(struct host_config){.store_pages = STORE_PAGES});
    struct client *extra = host_guest(host, 2);

    host_boot(host, 3, 0);
    length = repair(input.at, (size_t)(input.end - input.at), stream);
    if (!load(host, stream, length, piece))
        dump_again(host);
    host_check(host);
    ck_assert_int_eq(client_call(extra, 0, WIRE_GET_DOMAIN_PATH, "2|", NULL), 0);

    /* Nothing of it may be left that the end of the service does not give back. */
    sim_set_actor(host->store, NULL, NULL);
    xenstored_destroy(host->xs);
    sim_destroy(host->sim);
    for (unsigned i = 0; i < HOST_CLIENTS; i++)
        if (host->client[i] != NULL)
            client_free(host->client[i]);
    free(host);
    return 0;
}
