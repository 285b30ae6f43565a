/* SPDX-License-Identifier: ISC */
/* `atoll switch uplink`: what atoll.conf says of the way out, for the script that makes it. */
#include "sha256.h"
#include "switch_commands.h"
#include <string.h>

/* A MAC of Xen's range that no other host's and no other switch's uplink is likely to have, and
 * that stays: the kernel's and the neighbours' tables know it. */
static void make_mac(const char *service, char mac[18])
{
    char seed[128] = "";
    uint8_t digest[32];
    FILE *f = fopen("/etc/machine-id", "re");

    if (f && !fgets(seed, 40, f))
        seed[0] = '\0';
    if (f)
        fclose(f);
    strncat(seed, service, 40);
    sha256(seed, strlen(seed), digest);
    snprintf(mac, 18, "00:16:3e:%02x:%02x:%02x", digest[0] & 0x7f, digest[1], digest[2]);
}

/* "br-NAME", cut to what the kernel takes. */
static void make_name(char out[16], const char *configured, const char *start, const char *service)
{
    if (configured[0])
        snprintf(out, 16, "%s", configured);
    else
        snprintf(out, 16, "%s%.12s", start, service);
}

static int run_uplink(struct call *call)
{
    const struct service_settings *s;
    char bridge[16], interface[16], mac[18];
    const char *vif, *own;
    int rc = call_find(call);

    if (rc)
        return rc;
    s = call->settings;
    vif = s->uplink_vif ? s->uplink_vif : "";
    own = strstr(vif, "mac=");
    make_name(bridge, s->uplink_bridge, "br-", s->name);
    make_name(interface, s->uplink_interface, "up-", s->name);
    make_mac(s->name, mac);
    if (own && (own == vif || own[-1] == ',') && strlen(own + 4) >= 17)
        snprintf(mac, sizeof(mac), "%.17s", own + 4);
    if (call->json) {
        output_json(stdout,
                    json_pack("{s:s, s:s, s:s, s:s, s:s}", "nic", s->uplink, "bridge", bridge,
                              "interface", interface, "mac", mac, "vif", vif),
                    true);
        return 0;
    }
    printf("nic=%s\nbridge=%s\ninterface=%s\nmac=%s\nvif=%s\n", s->uplink, bridge, interface, mac,
           vif);
    return 0;
}

const struct call_command switch_uplink = {
    .name = "switch uplink",
    .service = SWITCH_SERVICE,
    .options = "j",
    .alone = true,
    .help = "Usage: atoll switch uplink [OPTION...]\n"
            "Show what atoll.conf says of the switch's way out: the NIC, the Linux bridge, dom0's\n"
            "vif and its MAC. atoll-uplink@NAME.service makes it so.\n\n"
            "Options:\n"
            "  -s, --service NAME   of another switch than " SWITCH_SERVICE "\n"
            "  -j, --json           for scripts\n"
            "  -h, --help           show this\n"
            "\nMore: atoll-switch(1), atoll.conf(5).\n",
    .run = run_uplink,
};
