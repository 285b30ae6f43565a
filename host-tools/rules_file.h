/* SPDX-License-Identifier: ISC */
/**
 * @file host-tools/rules_file.h
 * The operator's file of a switch's desired state: JSON, atoll-switch-rules(5), to struct rules and
 * back. Strict: an unknown member, a wrong type, a value out of its range, anything said twice is
 * an error that names the line and the JSON path, and nothing is taken.
 */
#ifndef ATOLL_RULES_FILE_H
#define ATOLL_RULES_FILE_H

#include "common/switch_rules.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** The largest file that is taken. */
#define RULES_FILE_MAX (1U << 20)

/** Bytes of a uuid as text, NUL included. */
#define RULES_UUID_TEXT 37U

/** The name of dom0's own port, which is the uuid of zeros. */
#define RULES_DOM0 "dom0"

/** What a resolver says of the domain of a service of this host that does not run. */
#define RULES_ABSENT 1

/** Who knows which guests and domains there are. Each: 0, or -ENOENT, or another error, with what
 * is wrong and what to do in @why. A domain may be RULES_ABSENT: what is meant for it is left out,
 * and rules are given again when it comes. */
struct rules_resolver {
    int (*guest)(void *context, const char *name, uint8_t uuid[16], char *why, size_t size);
    int (*domain)(void *context, const char *name, uint16_t *domid, char *why, size_t size);
    void *context;
};

/** A resolver for a look at the file alone: each name stands for itself, whoever it is. */
extern const struct rules_resolver rules_resolve_nothing;

/** What was wrong with a file. */
struct rules_error {
    int line; /**< from 1 on; 0: not known */
    char text[400];
};

/** Rules with room for RULES_PORTS ports; rules_release(). NULL: no memory. */
struct rules *rules_create(void);
void rules_release(struct rules *rules);

/**
 * Read @length bytes of a file into @rules (rules_create(); generation and digest stay). 0, or
 * -EINVAL with @error: what @resolver does not know is an error, too.
 */
int rules_file_parse(const char *text, size_t length, const struct rules_resolver *resolver,
                     struct rules *rules, struct rules_error *error);

/** The same rules as such a file has them, guests by their uuids. NULL: no memory. */
json_t *rules_file_json(const struct rules *rules);

void rules_uuid_text(const uint8_t uuid[16], char text[RULES_UUID_TEXT]);

/** One form only: 8-4-4-4-12 hexadecimal digits. */
bool rules_uuid_parse(const char *text, uint8_t uuid[16]);

/** "10Mb/s", "250KB/s@20ms" (xl-network-configuration(5)), "none". False: it is no rate. */
bool rules_rate_parse(const char *text, struct rules_rate *rate);
void rules_rate_text(const struct rules_rate *rate, char *text, size_t size);

/** "10,20-30": adds to @allowed. False: not such a list, or not 1 to 4094. */
bool rules_vlans_parse(const char *text, uint64_t allowed[64]);
/** The same list of @allowed, "" for none, for free(). NULL: no memory. */
char *rules_vlans_text(const uint64_t allowed[64]);

/** "192.0.2.1", "192.0.2.0/24", or IPv6. */
bool rules_prefix_parse(const char *text, bool ipv6, struct rules_prefix *prefix);
void rules_prefix_text(const struct rules_prefix *prefix, bool ipv6, char *text, size_t size);

/** The line of @text, valid JSON, on which the value at the path is; each step a member's name or,
 * where that is NULL, an index. */
struct rules_step {
    const char *member;
    size_t index;
};
int rules_file_line(const char *text, size_t length, const struct rules_step *steps,
                    unsigned count);

#endif
