/* SPDX-License-Identifier: ISC */
#include "drop.h"

#include <hv/hv.h>

static const struct {
    const char *name, *meaning;
} reasons[DROP_REASON_COUNT] = {
#define DROP_TEXT(id, name, meaning) {name, meaning},
    DROP_REASONS(DROP_TEXT)
#undef DROP_TEXT
};

const char *drop_name(enum drop_reason reason)
{
    HV_ASSERT(reason < DROP_REASON_COUNT);
    return reasons[reason].name;
}

const char *drop_meaning(enum drop_reason reason)
{
    HV_ASSERT(reason < DROP_REASON_COUNT);
    return reasons[reason].meaning;
}
