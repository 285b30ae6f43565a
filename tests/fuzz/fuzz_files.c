/* SPDX-License-Identifier: ISC */
/**
 * @file
 * The files that the tools read: atoll.conf and the records. The first byte of the input says which
 * it is. Either is taken, and then holds what the code behind it relies on, or refused in one line.
 */
#include "check.h"
#include "config.h"
#include "exit_codes.h"
#include "input.h"
#include "record.h"
#include "values.h"
#include <errno.h>

static void try_config(const char *text, size_t length)
{
    char said[4096] = "";
    FILE *out = fmemopen(said, sizeof(said), "w");
    struct config config;
    struct report report;
    int rc;

    ck_assert_ptr_nonnull(out);
    report_init(&report, "fuzz", out, 0);
    rc = config_parse(&report, "f", text, length, &config);
    fclose(out);
    ck_assert(rc == 0 || rc == ATOLL_BAD_CONFIG);
    ck_assert(config.count >= 3 && config.count <= CONFIG_SERVICES_MAX);
    if (rc) {
        unsigned line = 0;

        ck_assert_msg(sscanf(said, "atoll: fuzz: f:%u: ", &line) == 1 && line > 0, "%s", said);
        ck_assert(strchr(said, '\n') == said + strlen(said) - 1);
        ck_assert(strstr(said, "expected"));
    }
    for (unsigned i = 0; i < config.count; i++) {
        const struct service_settings *s = &config.services[i];

        ck_assert(value_name(s->name, sizeof(s->name)));
        ck_assert(config_find(&config, s->name) == s);
        ck_assert(s->store_domain == (strcmp(s->name, "xenstored") == 0));
        ck_assert(rc || s->kernel);
        ck_assert(s->memory_mb >= 1 && s->memory_mb <= 2048);
        ck_assert(s->domid < VALUE_DOMID_LIMIT);
        ck_assert(s->timeout_s >= 1 && s->timeout_s <= 3600);
        ck_assert(!s->cmdline || strlen(s->cmdline) < CONFIG_CMDLINE_MAX);
    }
    config_free(&config);
}

static void try_record(const char *text, size_t length)
{
    struct record record, again;
    char why[256] = "", *formatted;
    int rc = record_parse(text, length, &record, why, sizeof(why));

    ck_assert(rc == 0 || rc == -EINVAL);
    ck_assert(rc == 0 || why[0]);
    if (rc)
        return;
    ck_assert(value_name(record.service, sizeof(record.service)));
    ck_assert(record.domid < VALUE_DOMID_LIMIT);
    formatted = record_format(&record);
    ck_assert_ptr_nonnull(formatted);
    ck_assert_int_eq(record_parse(formatted, strlen(formatted), &again, why, sizeof(why)), 0);
    ck_assert(memcmp(&record, &again, sizeof(record)) == 0);
    free(formatted);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > CONFIG_FILE_MAX)
        return 0;
    if (data[0] == 'r')
        try_record((const char *)data + 1, size - 1);
    else
        try_config((const char *)data + 1, size - 1);
    return 0;
}
