/* SPDX-License-Identifier: ISC */
#include "common/journal_hint.h"

#include <string.h>

void journal_hint_carry(void *kept, const void *newer)
{
    struct journal_hint to, from;

    memcpy(&to, kept, sizeof(to));
    memcpy(&from, newer, sizeof(from));
    if (to.magic != JOURNAL_HINT_MAGIC || from.magic != JOURNAL_HINT_MAGIC)
        return;
    to.domid = from.domid;
    to.request = from.request;
    memcpy(to.suspects, from.suspects, sizeof(to.suspects));
    memcpy(kept, &to, sizeof(to));
}
