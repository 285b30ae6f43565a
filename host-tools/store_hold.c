/* SPDX-License-Identifier: ISC */
/* `atoll store hold`: what a domain has in XenStore outlives it, for a while. */
#include "store_commands.h"
#include "values.h"
#include <stdio.h>

/* HOLD_MAX of services/xenstored/hold.h. */
#define SECONDS_MAX 3600u

static int check(struct call *call)
{
    uint32_t number;

    if (!value_number(call->argv[0], 1, VALUE_DOMID_LIMIT - 1, &number))
        return call_usage(call, "a domain that can be held is 1 to 32751, not", call->argv[0]);
    if (!value_number(call->argv[1], 0, SECONDS_MAX, &number))
        return call_usage(call, "a hold is 0 to 3600 seconds, not", call->argv[1]);
    return 0;
}

static int run(struct call *call)
{
    struct control_writer *request = call_begin(call, CONTROL_T_STORE_HOLD);
    struct control_answer answer;
    uint32_t domid = 0, seconds = 0;
    int rc;

    (void)value_number(call->argv[0], 1, VALUE_DOMID_LIMIT - 1, &domid);
    (void)value_number(call->argv[1], 0, SECONDS_MAX, &seconds);
    control_put_number(request, CONTROL_F_DOMID, domid);
    control_put_number(request, CONTROL_F_VALUE, seconds);
    rc = control_client_call(call->client, CONTROL_T_STORE_HOLD, &answer);
    if (rc || call_print_json(call, &answer.fields))
        return rc;
    if (seconds)
        printf("domain %u is held for %u s, should it end\n", domid, seconds);
    else
        printf("domain %u is not held\n", domid);
    return 0;
}

const struct call_command store_hold = {
    .name = "store hold",
    .options = "j",
    .args_min = 2,
    .args_max = 2,
    .help =
        "Usage: atoll store hold [OPTION...] DOMID SECONDS\n"
        "Keep what a domain has in XenStore, and who watches it, for SECONDS after its end: a\n"
        "successor with its domid goes on with all of that. 0: no more; what has ended already\n"
        "is then cleaned up after. `atoll start` does so for services.\n\n"
        "Options:\n"
        "  -j, --json      for scripts\n"
        "  -v, --verbose   Xen's libraries speak, too\n"
        "  -h, --help      show this\n"
        "\nMore: atoll-store(1).\n",
    .check = check,
    .run = run,
};
