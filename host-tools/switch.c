/* SPDX-License-Identifier: ISC */
#include "switch.h"
#include "switch_commands.h"

static const struct call_summary commands[] = {
    {&switch_show, "the switch as a whole, and its bridges"},
    {&switch_ports, "its ports, and what is in force for each"},
    {&switch_fdb, "the addresses that it knows, and behind which port"},
    {&switch_flush, "forget learned addresses"},
    {&switch_apply, "put a file of rules in force"},
    {&switch_rules, "the rules that are in force"},
    {&switch_mirror, "the mirrors, or the frames of one for tcpdump and Wireshark"},
    {&switch_stats, "frames, bytes and drops of each port"},
    {&switch_events, "ports, addresses and dropped frames, as it happens"},
    {&switch_identify, "tell the switch whose ports are whose (dom0's agent)"},
    {&switch_uplink, "the way out that atoll.conf wants for it"},
};

static const struct call_group group = {
    .name = "switch",
    .intro = "Ask and steer a network switch of this host.",
    .tail = "  --service NAME                another switch than " SWITCH_SERVICE "\n"
            "\nThe manual: atoll-switch(1), atoll-switch-rules(5).\n",
    .count = sizeof(commands) / sizeof(commands[0]),
    .commands = commands,
};

int switch_main(int argc, char *const argv[])
{
    return call_group_main(&group, argc, argv);
}
