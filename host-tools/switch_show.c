/* SPDX-License-Identifier: ISC */
/* `atoll switch show`, `ports`, `fdb` and `flush`: how the switch is. */
#include "switch_commands.h"
#include "values.h"
#include <stdlib.h>
#include <string.h>

#define HELP_TAIL                                                                                  \
    "  -s, --service NAME   of another switch than " SWITCH_SERVICE "\n"                           \
    "  -j, --json           for scripts\n"                                                         \
    "  -v, --verbose        Xen's libraries speak, too\n"                                          \
    "  -h, --help           show this\n"                                                           \
    "\nMore: atoll-switch(1).\n"

/* --- show ---------------------------------------------------------------------------------------
 */

static const char *yes(uint64_t number)
{
    return number ? "yes" : "no";
}

static void show_bridge(struct call *call, const struct control_reader *bridge)
{
    char age[32];

    call_cell(call, TINT_NONE, bridge, CONTROL_F_BRIDGE_NAME);
    call_cell(call, TINT_NONE, bridge, CONTROL_F_COUNT);
    call_cell(call, TINT_NONE, bridge, CONTROL_F_CONNECTED);
    call_cell(call, TINT_NONE, bridge, CONTROL_F_MTU);
    snprintf(age, sizeof(age), "%llu s",
             (unsigned long long)control_number(bridge, CONTROL_F_AGEING, 0));
    table_cell(call->table, TINT_NONE, "%s", age);
    table_cell(call->table, TINT_NONE, "%s", yes(control_number(bridge, CONTROL_F_SNOOPING, 0)));
    table_cell(call->table, TINT_NONE, "%s", yes(control_number(bridge, CONTROL_F_LOOP_GUARD, 0)));
    call_cell(call, TINT_NONE, bridge, CONTROL_F_LOCK);
}

static void show_head(struct call *call, const struct control_reader *fields)
{
    const struct control_peer *peer = control_client_peer(call->client);
    const uint64_t unidentified = control_number(fields, CONTROL_F_GUESTLESS, 0);
    struct control_field generation;
    char digest[65];

    printf("%s (domain %u), version %s: %llu ports, %llu connected, %llu addresses\n",
           call->settings->name, peer->domid, peer->version,
           (unsigned long long)control_number(fields, CONTROL_F_COUNT, 0),
           (unsigned long long)control_number(fields, CONTROL_F_CONNECTED, 0),
           (unsigned long long)control_number(fields, CONTROL_F_FDB_ENTRIES, 0));
    if (!control_find(fields, CONTROL_F_GENERATION, &generation)) {
        printf("rules: none are in force; `atoll switch apply FILE` gives it some\n");
    } else {
        control_string(fields, CONTROL_F_DIGEST, digest, sizeof(digest));
        printf("rules: generation %llu, %llu of its ports are there, digest ",
               (unsigned long long)generation.number,
               (unsigned long long)control_number(fields, CONTROL_F_MATCHED, 0));
        output_escape(stdout, digest, strlen(digest) < 12 ? strlen(digest) : 12);
        putchar('\n');
    }
    if (unidentified) {
        output_tint(stdout, call->colour, TINT_WARN);
        printf("%llu ports belong to guests that nobody has named; does atoll-switch-agent.service "
               "run?",
               (unsigned long long)unidentified);
        output_tint(stdout, call->colour, TINT_NONE);
        putchar('\n');
    }
    putchar('\n');
}

static int run_show(struct call *call)
{
    static const char *const columns[] = {"Bridge", ">Ports",    ">Connected", ">MTU", ">Ageing",
                                          "Snoops", "Loops out", "Lock",       NULL};
    struct control_answer answer;
    struct control_field field;
    int rc = control_client_call(call->client, CONTROL_T_SWITCH_SHOW, &answer);

    if (rc)
        return rc;
    if (call_print_json(call, &answer.fields))
        return 0;
    show_head(call, &answer.fields);
    call_table_begin(call, columns);
    while (control_next(&answer.fields, &field)) {
        struct control_reader bridge;

        if (field.tag != CONTROL_F_BRIDGE)
            continue;
        control_read_group(&bridge, &field);
        show_bridge(call, &bridge);
    }
    return call_table_end(call, rc, "There is no bridge: no port has come yet.");
}

const struct call_command switch_show = {
    .name = "switch show",
    .service = SWITCH_SERVICE,
    .options = "j",
    .help = "Usage: atoll switch show [OPTION...]\n"
            "Show how many ports the switch has, which rules are in force, and its bridges.\n\n"
            "Options:\n" HELP_TAIL,
    .run = run_show,
};

/* --- ports --------------------------------------------------------------------------------------
 */

static enum tint state_tint(const char *state)
{
    if (strcmp(state, "connected") == 0)
        return TINT_GOOD;
    return strcmp(state, "waiting") == 0 ? TINT_DIM : TINT_WARN;
}

/* "10", "1,20-30", "all". */
static void vlan_text(const struct control_reader *port, char *text, size_t size)
{
    const uint64_t mode = control_number(port, CONTROL_F_VLAN_MODE, 0),
                   pvid = control_number(port, CONTROL_F_PVID, 0);
    struct control_field list;
    char vlans[200] = "";

    if (mode == 0) {
        snprintf(text, size, "all");
    } else if (mode == 1) {
        snprintf(text, size, "%llu", (unsigned long long)pvid);
    } else {
        if (control_find(port, CONTROL_F_VLANS, &list) &&
            !output_field_text(&list, vlans, sizeof(vlans)))
            snprintf(vlans, sizeof(vlans), "many");
        if (pvid)
            snprintf(text, size, "%llu%s + %s", (unsigned long long)pvid,
                     control_number(port, CONTROL_F_PVID_TAGGED, 0) ? "t" : "", vlans);
        else
            snprintf(text, size, "%s", vlans);
    }
}

static void rate_cell(struct call *call, const struct control_reader *port, uint16_t tag)
{
    const uint64_t rate = control_number(port, tag, 0);

    if (!rate)
        table_cell(call->table, TINT_DIM, "-");
    else if (rate < 125000)
        table_cell(call->table, TINT_NONE, "%.3g Kb/s", (double)rate / 125);
    else if (rate < 125000000)
        table_cell(call->table, TINT_NONE, "%.4g Mb/s", (double)rate / 125000);
    else
        table_cell(call->table, TINT_NONE, "%.4g Gb/s", (double)rate / 125000000);
}

static int port_row(struct call *call, const struct control_reader *port)
{
    char name[96], state[16], vlan[256];
    const char *extra = "";

    call_port_name(port, name, sizeof(name));
    if (!control_string(port, CONTROL_F_STATE, state, sizeof(state)))
        strcpy(state, "?");
    vlan_text(port, vlan, sizeof(vlan));
    if (control_number(port, CONTROL_F_UPLINK, 0))
        extra = "uplink";
    else if (control_number(port, CONTROL_F_ISOLATED, 0))
        extra = "isolated";
    table_cell(call->table, TINT_NONE, "%s", name);
    call_cell(call, TINT_NONE, port, CONTROL_F_DOMID);
    table_cell(call->table, state_tint(state), "%s", state);
    call_cell(call, TINT_NONE, port, CONTROL_F_BRIDGE_NAME);
    call_cell(call, TINT_NONE, port, CONTROL_F_MAC);
    table_cell(call->table, TINT_NONE, "%s", vlan);
    call_cell(call, TINT_NONE, port, CONTROL_F_LOCK);
    rate_cell(call, port, CONTROL_F_RATE_IN);
    rate_cell(call, port, CONTROL_F_RATE_OUT);
    table_cell(call->table, TINT_NONE, "%s",
               control_number(port, CONTROL_F_MATCHED, 0) ? "file" : "libxl");
    table_cell(call->table, TINT_NONE, "%s", extra);
    return 0;
}

static int run_ports(struct call *call)
{
    static const char *const columns[] = {"Port", ">Domain",  "State",     "Bridge", "MAC", "VLANs",
                                          "Lock", ">Rate in", ">Rate out", "Rules",  "",    NULL};
    int rc;

    call_table_begin(call, columns);
    call_begin(call, CONTROL_T_SWITCH_PORTS);
    rc = call_stream(call, CONTROL_F_PORT, call->json ? NULL : port_row);
    return call_table_end(call, rc, "The switch has no ports: no vif names it as its backend.");
}

const struct call_command switch_ports = {
    .name = "switch ports",
    .service = SWITCH_SERVICE,
    .options = "dj",
    .help = "Usage: atoll switch ports [OPTION...]\n"
            "Show the ports, and what is in force for each, whether a file of rules (file) or the\n"
            "guest's configuration (libxl) said so. --json has all of it.\n\n"
            "Options:\n"
            "  -d, --domid N        of this domain only\n" HELP_TAIL,
    .run = run_ports,
};

/* --- fdb, flush ---------------------------------------------------------------------------------
 */

enum { OWN_BRIDGE, OWN_VLAN };

static const struct call_option fdb_options[] = {
    [OWN_BRIDGE] = {"bridge", 'b', true},
    [OWN_VLAN] = {"vlan", 0, true},
    {NULL, 0, false},
};

static const struct call_option flush_options[] = {
    [OWN_BRIDGE] = {"bridge", 'b', true},
    {NULL, 0, false},
};

static bool given_vlan(const struct call *call, uint32_t *vlan)
{
    return call->own[OWN_VLAN] && value_number(call->own[OWN_VLAN], 0, 4094, vlan);
}

static int check_fdb(struct call *call)
{
    uint32_t vlan;

    return call->own[OWN_VLAN] && !given_vlan(call, &vlan)
               ? call_usage(call, "--vlan takes 0 to 4094, not", call->own[OWN_VLAN])
               : 0;
}

static int fdb_row(struct call *call, const struct control_reader *fields)
{
    char age[32];

    call_cell(call, TINT_NONE, fields, CONTROL_F_BRIDGE_NAME);
    call_cell(call, TINT_NONE, fields, CONTROL_F_VID);
    call_cell(call, TINT_NONE, fields, CONTROL_F_MAC);
    call_cell(call, TINT_NONE, fields, CONTROL_F_NAME);
    if (control_number(fields, CONTROL_F_STATIC, 0))
        table_cell(call->table, TINT_NONE, "static");
    else
        table_cell(call->table, TINT_NONE, "%s",
                   output_duration(control_number(fields, CONTROL_F_AGE, 0), age, sizeof(age)));
    return 0;
}

static int run_fdb(struct call *call)
{
    static const char *const columns[] = {"Bridge", ">VLAN", "MAC", "Port", ">Age", NULL};
    struct control_writer *request = call_begin(call, CONTROL_T_SWITCH_FDB);
    uint32_t vlan;
    int rc;

    if (call->own[OWN_BRIDGE])
        control_put_string(request, CONTROL_F_BRIDGE_NAME, call->own[OWN_BRIDGE]);
    if (given_vlan(call, &vlan))
        control_put_number(request, CONTROL_F_VID, vlan);
    call_table_begin(call, columns);
    rc = call_stream(call, 0, call->json ? NULL : fdb_row);
    return call_table_end(call, rc, "No address is known.");
}

const struct call_command switch_fdb = {
    .name = "switch fdb",
    .service = SWITCH_SERVICE,
    .options = "j",
    .own = fdb_options,
    .check = check_fdb,
    .help = "Usage: atoll switch fdb [OPTION...]\n"
            "Show which addresses the switch knows in which VLAN behind which port, and how long\n"
            "ago it heard of them.\n\n"
            "Options:\n"
            "  -b, --bridge NAME    of this bridge only\n"
            "      --vlan N         of this VLAN only; 0 is where there are none\n" HELP_TAIL,
    .run = run_fdb,
};

static int run_flush(struct call *call)
{
    struct control_writer *request = call_begin(call, CONTROL_T_SWITCH_FLUSH);
    struct control_answer answer;
    int rc;

    if (call->own[OWN_BRIDGE])
        control_put_string(request, CONTROL_F_BRIDGE_NAME, call->own[OWN_BRIDGE]);
    rc = control_client_call(call->client, CONTROL_T_SWITCH_FLUSH, &answer);
    if (rc)
        return rc;
    if (!call_print_json(call, &answer.fields))
        printf("%llu addresses forgotten\n",
               (unsigned long long)control_number(&answer.fields, CONTROL_F_COUNT, 0));
    return 0;
}

const struct call_command switch_flush = {
    .name = "switch flush",
    .service = SWITCH_SERVICE,
    .options = "j",
    .own = flush_options,
    .help = "Usage: atoll switch flush [OPTION...]\n"
            "Forget the addresses that were learned; frames are flooded until they are known\n"
            "again.\n\n"
            "Options:\n"
            "  -b, --bridge NAME    of this bridge only\n" HELP_TAIL,
    .run = run_flush,
};
