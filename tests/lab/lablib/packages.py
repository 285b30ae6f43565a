# SPDX-License-Identifier: ISC
"""The Debian packages on an installed dom0: in, a reboot into our services, out, a reboot back."""

import os
import subprocess

from . import checks, disk, host, ui
from .image import Image
from .machine import Machine

SUITE = "control packages"


def build(logs):
    """Build the packages from the tree; {name inside dom0: path}."""
    folder = os.path.join(host.CACHE, "packages")
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    log = os.path.join(logs, "packages.log")
    with ui.step("building the Debian packages"):
        with open(log, "wb") as out:
            done = subprocess.run([os.path.join(host.ROOT, "packaging/build-deb"), folder], stdin=subprocess.DEVNULL,
                                  stdout=out, stderr=subprocess.STDOUT)
    if done.returncode:
        with open(log, errors="replace") as f:
            raise ui.Failure("the Debian packages could not be built", f"see {log}", ui.tail(f.read(), 20))
    files = {f"lab/packages/{name}": os.path.join(folder, name) for name in sorted(os.listdir(folder))
             if name.endswith(".deb")}
    files["lab/bin/lab-end"] = host.need(os.path.join(host.BUILD, "tests/lab/lab-end"))
    return files


# Where a host has upstream's units, as other distributions and Xen's own `make install` have them, they must all come
# to mean ours by name. Tried on a copy of this host's folders, because Debian has one script instead of them.
UPSTREAM = """
set -e
root=/run/upstream
units=$root/usr/lib/systemd/system
mkdir -p $units $root/etc/systemd/system
cp /lib/systemd/system/*.target $units/
unit() {
    printf '[Unit]\\nDescription=%s\\n%s\\n[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' \
        "$1" "$2" >$units/$1
}
unit xenstored.service ''
unit xen-init-dom0.service 'Requires=xenstored.service\\nAfter=xenstored.service'
unit xenconsoled.service 'Requires=xenstored.service\\nAfter=xenstored.service'
systemctl --root=$root enable xenstored.service xen-init-dom0.service xenconsoled.service
cp -r /lib/systemd/system/atoll* $units/
systemctl --root=$root enable atoll-xenstored.service atoll-dom0.service atoll-xenconsoled.service atoll@switch.service
link=$root/etc/systemd/system/xenstored.service # before the unit below /usr/lib
[ "$(readlink $link)" = /usr/lib/systemd/system/atoll-xenstored.service ] || { echo 'xenstored.service is not ours'; exit 1; }
systemctl --root=$root disable atoll-xenstored.service atoll-dom0.service atoll-xenconsoled.service atoll@switch.service
[ -e $units/xenstored.service ] && systemctl --root=$root is-enabled -q xenstored.service ||
    { echo 'xenstored.service is not what it was'; exit 1; }
find $root/etc -lname '*atoll*' | grep . && { echo 'links are left'; exit 1; }
true
"""


def _boots(dom0):
    out = dom0.run("systemctl is-system-running --wait; systemctl --failed --no-legend --plain", 240).output
    if not out.startswith("running"):
        raise checks.CheckFailed("systemd says: " + " ".join(out.split()),
                                 dom0.run("systemctl status --no-pager --failed; journalctl -b -p warning").output)
    return f"running after {float(dom0.expect('cut -d. -f1 /proc/uptime')):.0f} s of its own time"


def _stock(dom0):
    out = dom0.expect("""
        pid=$(pidof oxenstored xenstored) || { echo 'no xenstored process'; exit 1; }
        systemctl is-active xen.service || exit 1
        xl list || exit 1
        echo "XenStore is $(cat /proc/${pid%% *}/comm)"
        """, 60, "this is not the stock host")
    if "xenstored" not in out.splitlines()[-1] or len([w for w in out.splitlines() if w.startswith("Domain-0")]) != 1:
        raise checks.CheckFailed("this is not the stock host", out)
    return out.splitlines()[-1]


def _install(dom0):
    out = dom0.expect("""
        dpkg -i /lab/packages/*.deb || exit 1
        for unit in atoll-xenstored atoll-dom0 atoll-xenconsoled atoll@switch atoll-switch-agent atoll@monitor atoll-watchd; do
            systemctl is-enabled -q $unit.service || { echo "$unit is not enabled"; exit 1; }
        done
        pidof oxenstored xenstored || { echo 'the running XenStore is gone'; exit 1; }
        xl list || exit 1
        """, 240, "the packages do not install")
    return next(line for line in out.splitlines() if "next boot" in line)


def _upstream(dom0):
    dom0.expect(UPSTREAM, 60, "upstream's units and ours do not get along")


def _ours(dom0):
    out = dom0.expect("""
        pidof oxenstored xenstored && { echo 'a xenstored process runs in dom0'; exit 1; }
        systemctl is-active -q xenstored.service || { echo 'xenstored.service is not active'; exit 1; }
        for unit in xenstored.service xen.service; do
            systemctl show -P FragmentPath $unit | grep -q atoll || { echo "$unit is not ours"; exit 1; }
        done
        pidof xenconsoled >/run/null || { echo 'xenconsoled does not run'; exit 1; }
        [ "$(xenstore-read /local/domain/0/name)" = Domain-0 ] || exit 1
        xl list || exit 1
        atoll list || exit 1
        for name in xenstored switch monitor; do
            atoll status $name >/run/null || { echo "$name is not healthy"; exit 1; }
        done""", 120, "the host does not run on ours")
    dom0.shown = out
    return dom0.expect("xl list | awk 'NR > 2 { print $1 }'").replace("\n", " ").strip()


def _guest(dom0):
    dom0.expect("""
        cat >/run/g.cfg <<END
name = "g"
type = "pvh"
memory = 256
vcpus = 1
kernel = "/lab/vmlinux"
ramdisk = "/lab/guest.cpio.gz"
cmdline = "console=hvc0 quiet"
END
        xl create /run/g.cfg && xl list g && xl destroy g""", 200, "no guest can be made")
    return "pvh"


DEATHS = ("xenstored crash", "switch crash", "monitor destroy", "xenstored destroy")


def _watchd(dom0):
    """systemd runs it: each service is brought back, whatever ends it, with a report."""
    out = dom0.expect(r"""
        uuid() { sed -n 's/.*"uuid": *"*\([^",]*\).*/\1/p' /run/atoll/$1.json; }
        back() { [ "$(uuid $1)" != $2 ] && atoll status $1 >/run/null 2>&1; }
        for death in """ + " ".join(f"'{death}'" for death in DEATHS) + r"""; do
            set -- $death
            before=$(uuid $1) tries=0
            lab-end $2 $(xl domid $1) || exit 1
            until back $1 $before; do
                tries=$((tries + 1))
                [ $tries -lt 120 ] || { echo "$1 does not come back"; atoll list; journalctl -b -u atoll-watchd; exit 1; }
                sleep 0.5
            done
        done
        xl list || exit 1
        atoll crash list || exit 1
        journalctl -b -u atoll-watchd -o cat""", 300, "a service is not brought back")
    if out.count("runs again") != len(DEATHS) or out.count("is in the report") != len(DEATHS):
        raise checks.CheckFailed("watchd does not tell of each death", out)
    dom0.shown = out
    return ", ".join(DEATHS)


def _remove(dom0):
    out = dom0.expect("""
        dpkg -r atoll-services || exit 1
        find /etc/systemd -lname '*atoll*' | grep . && { echo 'links are left'; exit 1; }
        atoll list || exit 1""", 240, "the packages do not go")
    return next(line for line in out.splitlines() if "next boot" in line)


def _reboot(dom0):
    seconds = dom0.machine.reboot()
    return f"down in {seconds:.0f} s"


BOOTS = (
    ("as it was", (("it boots", _boots), ("its own xenstored serves", _stock),
                      ("dpkg -i changes nothing before a boot", _install),
                      ("upstream's units give way and come back", _upstream), ("reboot", _reboot))),
    ("with the packages", (("it boots", _boots), ("XenStore, switch and monitor are ours", _ours),
                           ("xl create", _guest), ("watchd brings services back", _watchd),
                           ("dpkg -r changes nothing before a boot", _remove),
                           ("reboot", _reboot))),
    ("without them again", (("it boots", _boots), ("its own xenstored serves", _stock))),
)


def packages(verdicts, logs, boot):
    """@boot: suites.boot, which gives a session a booted machine."""
    files = build(logs)
    image = Image(host.CACHE).prepare()
    path = os.path.join(logs, "dom0.ext4")
    disk.copy(disk.prepare(host.CACHE, logs), path)
    try:
        for number, (name, steps) in enumerate(BOOTS, 1):
            passed = []

            def session(machine, rows, name=name, steps=steps, passed=passed):
                dom0 = checks.Dom0(machine, "packages", rows, SUITE)
                passed[:] = [all(dom0.check(f"{name}: {step}", function) for step, function in steps)]
            boot(session, verdicts, image, f"packages-{number}", logs, files, disk=path)
            if passed != [True]:
                verdicts.add(SUITE, "the other boots", False, f"not run: the dom0 {name} did not do what it should")
                break
    finally:
        os.unlink(path)
