# SPDX-License-Identifier: ISC
"""Linux guests that exchange traffic: made by xl, spoken to through XenStore (lab-in), so that the network which is
tried is not needed for it."""

import re
import shlex

from . import checks

CONFIG = """cat >/run/{name}.cfg <<END
name = "{name}"
uuid = "{uuid}"
type = "{kind}"
memory = {memory}
vcpus = 1
kernel = "/lab/vmlinux"
ramdisk = "/run/traffic.cpio"
cmdline = "console=hvc0 quiet loglevel=1 $(cat /lab/guest-words) lab.ip={ipv4} lab.ip6={ipv6}"
vif = [ {vif} ]
on_poweroff = "destroy"
on_crash = "destroy"
on_reboot = "restart"
END
[ -e /run/traffic.cpio ] || cat /lab/traffic.cpio /lab/programs.cpio >/run/traffic.cpio
"""


class Guest:
    """@number, 2 to 250, is the last part of its addresses; @vif: one entry as xl has it, but for the MAC."""

    def __init__(self, name, kind, number, vif, memory=192):
        self.name = name
        self.kind = kind
        self.number = number
        self.ipv4 = f"10.77.0.{number}"
        self.ipv6 = f"fd77::{number}"
        self.mac = f"00:16:3e:77:00:{number:02x}"
        self.uuid = f"77777777-0000-4000-8000-{number:012d}"
        self.domid = None
        self.ups = 0
        self.vif = f"'mac={self.mac},{vif}'"
        self.memory = memory

    def config(self):
        return CONFIG.format(name=self.name, uuid=self.uuid, kind=self.kind, memory=self.memory, ipv4=self.ipv4,
                             ipv6=self.ipv6, vif=self.vif)

    def create(self, dom0):
        """xl create; up() waits for what is inside."""
        self.ups = self._ups(dom0)
        dom0.expect(self.config() + f"xl create /run/{self.name}.cfg", 120, f"xl create of {self.name}")

    def _ups(self, dom0):
        return int(dom0.expect(f"grep -ac 'LAB: guest.is.up' /var/log/xen/guest-{self.name}.log 2>/dev/null; true").strip() or 0)

    def up(self, dom0, seconds=240):
        """It is up once more than when it was last seen."""
        log = f"/var/log/xen/guest-{self.name}.log"
        dom0.expect(f"lab-await {seconds} '[ $(grep -ac LAB:.guest.is.up {log}) -gt {self.ups} ]' || {{ tail -n 25 {log}; exit 1; }}",
                    seconds + 30, f"{self.name} does not come up")
        self.ups += 1
        self.domid = int(dom0.expect(f"xl domid {self.name}"))

    def addresses(self, device="eth0"):
        """For a script inside: give @device what it had."""
        return (f"ip addr add {self.ipv4}/24 dev {device}; echo 0 >/proc/sys/net/ipv6/conf/{device}/accept_dad; "
                f"ip addr add {self.ipv6}/64 dev {device}; ip link set {device} up")

    def command(self, script, seconds=60):
        """The line that runs @script inside, for a script of dom0's."""
        return f"lab-in {self.domid} {seconds} {shlex.quote(script.strip())}"

    def run(self, dom0, script, seconds=60, what=None):
        """Output of @script inside, or CheckFailed."""
        return dom0.expect(self.command(script, seconds), seconds + 30, what and f"{self.name}: {what}")


class Here:
    """dom0, as if it were one of the guests."""

    name = "dom0"
    number = 1
    ipv4 = "10.77.0.1"
    ipv6 = "fd77::1"
    mac = "00:16:3e:77:00:01"
    uuid = "dom0"
    domid = 0

    def command(self, script, seconds=60):
        return f"timeout -s KILL {seconds} sh -c {shlex.quote(script.strip())}"

    def run(self, dom0, script, seconds=60, what=None):
        return dom0.expect(self.command(script, seconds), seconds + 30, what and f"dom0: {what}")


def at_once(dom0, scripts, seconds=60, what="a guest"):
    """Run {guest: script} at the same time; {guest: output}, or CheckFailed with that of those that fail."""
    lines = []
    for guest, script in scripts.items():
        lines.append(f"{{ {guest.command(script, seconds)}; }} >/run/out.{guest.name} 2>&1; echo $? >/run/status.{guest.name}")
    out = dom0.expect("\n".join(f"{{ {line}; }} &" for line in lines) + "\nwait\n" + "\n".join(
        f"echo '@@@ {g.name}' $(cat /run/status.{g.name}); cat /run/out.{g.name}" for g in scripts), seconds + 60, what)
    outputs = {}
    failed = []
    for part in out.split("@@@ ")[1:]:
        head, _, text = part.partition("\n")
        name, status = head.split()
        outputs[next(g for g in scripts if g.name == name)] = text
        if status != "0":
            failed.append(f"{name}: status {status}\n{text}")
    if failed:
        raise checks.CheckFailed(f"{what}: {', '.join(f.split(':')[0] for f in failed)}", "\n".join(failed))
    return outputs


def iperf(text):
    """Bits a second that the receiver saw."""
    found = re.findall(r"([\d.]+) ([KMG]?)bits/sec.*receiver", text)
    if not found:
        raise checks.CheckFailed("iperf3 says nothing of the receiver", text)
    return float(found[-1][0]) * {"": 1, "K": 1e3, "M": 1e6, "G": 1e9}[found[-1][1]]
