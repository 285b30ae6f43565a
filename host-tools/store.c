/* SPDX-License-Identifier: ISC */
#include "store.h"
#include "store_commands.h"

static const struct call_summary commands[] = {
    {&store_stats, "what each domain uses, asks, and was refused"},
    {&store_trace, "show requests, watch events and commits as they happen"},
    {&store_quota_get, "show the quotas of all domains, or of one"},
    {&store_quota_set, "change a quota"},
    {&store_hold, "keep what a domain has for its successor, should it end"},
    {&store_log, "the versions of the tree that are kept, newest first"},
    {&store_diff, "what changed between two versions"},
    {&store_show, "the tree as it was in a version"},
    {&store_rollback, "bring a part of the tree back to a version"},
    {&store_dump, "save XenStore's state in Xen's migration format"},
    {&store_load, "load such a state"},
};

static const struct call_group group = {
    .name = "store",
    .intro = "Ask and steer the XenStore of this host.",
    .tail = "\nThe manual: atoll-store(1).\n",
    .count = sizeof(commands) / sizeof(commands[0]),
    .commands = commands,
};

int store_main(int argc, char *const argv[])
{
    return call_group_main(&group, argc, argv);
}
