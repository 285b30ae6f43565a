# SPDX-License-Identifier: ISC
"""The switch on a real host: four Linux guests, PV and PVH, and dom0 on its ports."""

import os
import re
import time

from . import checks, guests, host, ui
from . import switch_policy as policy
from .image import Image

SUITE = "switch"
# How often a vif comes and goes under traffic; 200 is what was once run in full.
LOOPS = int(os.environ.get("LOOPS", "2"))
# Minutes of wall time after which no further one of them begins; 0: no such limit. What was reached is said.
MINUTES = float(os.environ.get("SWITCH_MINUTES", "0"))
KINDS = os.environ.get("SWITCH_GUESTS", "pv pvh pv pvh").split()
# libxl waits ten seconds for a backend, or longer; what comes near it has waited for nothing.
LIBXL_SECONDS = 9.5


class Net:
    """@backend: "switch", or "linux": netback and a bridge of dom0's, on which the checks themselves are tried."""

    def __init__(self, backend):
        self.backend = backend
        self.ours = backend != "linux"
        vif = f"backend={backend}" if self.ours else "bridge=xenbr0,script=/lab/vif-bridge"
        self.a, self.b, self.c, self.d = self.all = [
            guests.Guest(name, kind, 10 + i, vif)
            for i, (name, kind) in enumerate(zip("abcd", KINDS), 1)]
        self.dom0 = guests.Here()
        self.device = "xenbr0"  # dom0's

    def words(self, **more):
        """For xl network-attach."""
        words = {"backend": self.backend} if self.ours else {"bridge": "xenbr0", "script": "/lab/vif-bridge"}
        return " ".join(f"{k}={v}" for k, v in {**words, **more}.items())

    @staticmethod
    def second_mac(guest):
        return f"00:16:3e:77:01:{guest.number:02x}"

    def attach(self, dom0, guest, number, mac=None, **more):
        """A vif for @guest, to be eth@number; seconds."""
        took = _timed(dom0, f"xl network-attach {guest.domid} mac={mac or self.second_mac(guest)} {self.words(**more)}", 60,
                      f"network-attach to {guest.name}")
        guest.run(dom0, AWAIT.format(what=f"[ -e /sys/class/net/eth{number} ]") + f"ip link set eth{number} up", 40,
                  "no device of the vif")
        return took

    def detach(self, dom0, guest, number, mac=None):
        took = _timed(dom0, f"xl network-detach {guest.domid} {mac or self.second_mac(guest)}", 60, f"network-detach from {guest.name}")
        guest.run(dom0, AWAIT.format(what=f"[ ! -e /sys/class/net/eth{number} ]"), 40, "the device of the vif stays")
        return took

    def replace_first(self, dom0, guest):
        """A guest's own vif anew, as one does after its backend has died."""
        dom0.expect(f"xl network-detach {guest.domid} {guest.mac}", 60, "network-detach from a dead backend")
        self.attach(dom0, guest, 0, guest.mac)
        guest.run(dom0, guest.addresses(), 20)


AWAIT = "i=0; until {what}; do i=$((i + 1)); [ $i -lt 150 ] || exit 1; usleep 200000; done; "


def _timed(dom0, script, seconds=60, what=None):
    """Output and seconds of dom0's own clock of a command of xl's, which must not have waited for nothing."""
    out = dom0.expect(f"""
        begin=$(cut -d' ' -f1 /proc/uptime)
        {script} || exit 1
        echo "@took $begin $(cut -d' ' -f1 /proc/uptime)" """, seconds, what)
    begin, end = map(float, re.findall(r"@took (\S+) (\S+)", out)[-1])
    if "timed out" in out or "libxl: error" in out or end - begin > LIBXL_SECONDS:
        raise checks.CheckFailed(f"{what or script.split(chr(10))[0].strip()}: {end - begin:.1f} s", out)
    return end - begin


# -- up


def switch_starts(dom0, net):
    dom0.expect("atoll start switch && atoll status switch", 60, "the switch does not start")
    begin = set(dom0.expect("ls /sys/class/net").split())
    # Writes whose vifs they are, as its unit does.
    dom0.expect(f"atoll switch identify --follow -s {net.backend} >/run/identify.log 2>&1 & echo $! >/run/identify.pid")
    took = _timed(dom0, f"xl network-attach 0 mac={net.dom0.mac} {net.words()}", 60, "dom0's own port")
    dom0.expect("lab-await 20 'ls /sys/class/net | grep -q ^eth'", 60, "dom0 has no device of its port")
    net.device = (set(dom0.expect("ls /sys/class/net").split()) - begin).pop()
    return f"dom0 has its port {net.device} after {took:.1f} s"


def dom0_address(dom0, net):
    dom0.expect(f"""
        ip addr flush dev xenbr0
        echo 0 >/proc/sys/net/ipv6/conf/{net.device}/accept_dad
        ip addr add {net.dom0.ipv4}/24 dev {net.device}
        ip addr add {net.dom0.ipv6}/64 dev {net.device}
        ip link set {net.device} up
        lab-tcp serve 7 >/dev/null 2>&1 &
        """)


def guests_come(dom0, net):
    begin = time.monotonic()
    for guest in net.all:
        guest.create(dom0)
    for guest in net.all:
        guest.up(dom0)
        log = dom0.expect(f"grep -a LAB /var/log/xen/guest-{guest.name}.log")
        if "works" not in log:
            raise checks.CheckFailed(f"{guest.name} ({guest.kind}) cannot ping dom0", log)
    return f"{KINDS.count('pv')} PV, {KINDS.count('pvh')} PVH; all up after {time.monotonic() - begin:.0f} s"


# -- traffic


def pairs(dom0, net):
    everyone = [*net.all, net.dom0]
    scripts = {}
    for guest in everyone:
        others = " ".join(str(o.number) for o in everyone if o is not guest)
        scripts[guest] = f"""
            for n in {others}; do
                ping -c 1 -W 5 10.77.0.$n >/dev/null || {{ echo "no ping of 10.77.0.$n"; exit 1; }}
                ping -c 1 -W 5 -s 1400 fd77::$n >/dev/null || {{ echo "no ping of fd77::$n"; exit 1; }}
                for a in 10.77.0.$n fd77::$n; do
                    lab-tcp exchange $a 7 200000 || {{ echo "no TCP with $a"; exit 1; }}
                done
            done"""
    guests.at_once(dom0, scripts, 120, "not everybody reaches everybody")
    return f"{len(everyone) * (len(everyone) - 1)} ways, each ping, ping6, and TCP there and back over IPv4 and IPv6"


OFFLOADS = ("tx", "sg", "tso", "gso")


def _offloads(dom0, guest, device, on):
    words = " ".join(f"{name} {'on' if on else 'off'}" for name in (OFFLOADS if on else reversed(OFFLOADS)))
    guest.run(dom0, f"ethtool -K {device} {words} 2>&1", what="ethtool")


def throughput(dom0, net):
    """iperf3 with and without the sender's offloads; by them the receiver gets frames of another size, which the
    counters of the switch show."""
    ways = ((net.a, net.b, "eth0"), (net.d, net.c, "eth0"), (net.b, net.dom0, "eth0"), (net.dom0, net.a, net.device))
    said = []
    for server in {to for _, to, _ in ways}:
        server.run(dom0, "iperf3 -s -D >/dev/null 2>&1; sleep 0.3", 20)
    for on in (True, False):
        for sender, receiver, device in ways:
            _offloads(dom0, sender, device, on)
            before = _sent(dom0, net, sender)
            out = sender.run(dom0, f"iperf3 -c {receiver.ipv4} -n {'3M' if on else '1M'} -f k --connect-timeout 5000 | tail -n 4",
                             120, "iperf3")
            after = _sent(dom0, net, sender)
            said.append(f"{sender.name}>{receiver.name} {guests.iperf(out) / 1e6:.0f}")
            if after:
                whole = after.get("gso-in", 0) - before.get("gso-in", 0)
                if (whole > 0) != on:
                    raise checks.CheckFailed(f"{sender.name} with offloads {'on' if on else 'off'}: {whole} frames with GSO", out)
        if on:
            said.append("; without")
    for sender, _, device in ways:
        _offloads(dom0, sender, device, True)
    return "Mbit/s with offloads " + " ".join(said).replace(" ;", ";")


def _sent(dom0, net, guest):
    """The counters of @guest's first port, or none where there is no switch of ours."""
    if not net.ours:
        return None
    return policy.port_of(dom0, net.backend, guest)


def jumbo(dom0, net):
    """9000 bytes of IP in one frame, without GSO's help."""
    for guest in (net.a, net.b):
        guest.run(dom0, "ip link set eth0 mtu 9000", what="no jumbo frames")
    out = net.a.run(dom0, f"for s in 1473 4000 8972; do ping -c 2 -W 5 -s $s {net.b.ipv4} || exit 1; done; cat /sys/class/net/eth0/mtu", 60,
                    "no ping of 8,972 bytes")
    for guest in (net.a, net.b):
        guest.run(dom0, "ip link set eth0 mtu 1500")
    return f"ping of up to 8,972 bytes, {len(re.findall('ttl=', out))} of 6 answered"


def driver_reload(dom0, net):
    for guest in (net.a, net.d):
        guest.run(dom0, f"""
            # xenbus holds the module as long as a device has it.
            for vif in /sys/bus/xen/drivers/vif/vif-*; do echo "${{vif##*/}}" >/sys/bus/xen/drivers/vif/unbind; done
            rmmod xen_netfront || exit 1
            sleep 1
            insmod /xen-netfront.ko || exit 1
            {AWAIT.format(what="[ -e /sys/class/net/eth0 ]")}
            {guest.addresses()}
            ping -c 3 -i 0.2 -W 5 {net.c.ipv4}""", 60, "xen-netfront out and in again")
    return "xen-netfront out and in again, a PV and a PVH guest"


def save_restore(dom0, net):
    net.c.run(dom0, f"ping -c 1 -W 5 {net.a.ipv4}", 20, "no ping before")
    dom0.expect(f"xl save {net.c.name} /run/saved", 180, "xl save")
    dom0.expect("xl restore /run/saved", 180, "xl restore")
    net.c.domid = int(dom0.expect(f"xl domid {net.c.name}; rm -f /run/saved"))
    net.c.run(dom0, f"ping -c 10 -W 2 -i 0.5 {net.a.ipv4} | grep -q ' bytes from'", 60, "no ping after xl restore")
    return f"{net.c.kind} guest suspended, restored, on the network again"


# -- what comes and goes


def attach_detach(dom0, net):
    times = []
    for guest in (net.a, net.b):
        times.append(f"{guest.name} {net.attach(dom0, guest, 1):.1f}/{net.detach(dom0, guest, 1):.1f}")
    return "seconds: " + ", ".join(times)


# What must be as it was: Xen's own account, XenStore's, and the service's.
LEFT = """
echo "domains $(xl list | tail -n +2 | wc -l)"
echo "dead domains $(xl list | grep -c '(null)')"
echo "nodes $(xenstore-ls -f | grep -v '/data/lab' | wc -l)"
echo "dom0 ports $(lsevtchn 0 | grep -vc VIRQ)"
for name in {services}; do
    domid=$(xl domid $name) || exit 1
    echo "$name ports $(lsevtchn $domid | grep -c .)"
    echo "$name backend nodes $(xenstore-ls -f /local/domain/$domid/backend 2>/dev/null | wc -l)"
done
xl dmesg -c >/dev/null
xl debug-keys g
sleep 1
xl dmesg | awk '/\\[0x[0-9a-f]+\\]/ {{ n++ }} END {{ print "grants", n + 0 }}'
"""


def _left(dom0, net):
    out = dom0.expect(LEFT.format(services=f"xenstored {net.backend}" if net.ours else "xenstored"), 60, "what is in use cannot be counted")
    rows = out.splitlines()
    if net.ours:
        ports = policy.reader(dom0, f"atoll switch ports -s {net.backend} --json")
        rows.append(f"ports of the switch {len(ports)}")
        for one in policy.reader(dom0, f"atoll stats {net.backend} --json"):
            rows += [f"{s['name']} {s['value']}" for s in one["statistics"]
                     if not s["labels"] and re.search(r"(arena|memory|mapping|grants_held|ports|devices)", s["name"])
                     # memory_used is in whole pages: how objects lie in them is no leak.
                     and not re.search(r"(peak|total|max|_bytes_free|memory_used)", s["name"])]
    return rows


STREAM_RATE = 100
FLOOD = "ping -q -i 0.01 -s 1200 {to} >/dev/null 2>&1 & usleep 300000"


def _one_loop(dom0, net, number, victim):
    """Something comes or goes while it sends."""
    kind = number % 4
    if kind in (0, 1):
        mac = f"00:16:3e:77:02:{number % 250:02x}"
        net.attach(dom0, victim, 1, mac)
        if kind:
            victim.run(dom0, f"lab-frames send eth1 200 ffffffffffff{mac.replace(':', '')}88b5{'4c' * 80}", 60)
        else:
            # Still in the midst of it. By IP: Linux 6.1's xen-netfront divides by zero where a packet socket
            # sends on a device that is being removed (xennet_select_queue), whoever the backend is.
            victim.run(dom0, f"ip addr add 10.79.0.{victim.number}/24 dev eth1; ip route add 239.0.0.0/8 dev eth1; "
                             "lab-net send 239.1.1.1 9 20000 1200 >/dev/null 2>&1 & usleep 200000", 60)
        net.detach(dom0, victim, 1, mac)
    elif kind == 2:
        victim.ups = victim._ups(dom0)
        victim.run(dom0, FLOOD.format(to=net.a.ipv4))
        dom0.run(victim.command("reboot -f", 0), 20)
        victim.up(dom0)
    else:
        victim.run(dom0, FLOOD.format(to=net.a.ipv4))
        dom0.expect(f"xl destroy {victim.name}", 60, "xl destroy under traffic")
        victim.create(dom0)
        victim.up(dom0)


def comings_and_goings(dom0, net, loops):
    """@loops times; two others exchange numbered datagrams all the while and must not lose one; nothing is left."""
    victim = net.c
    # Once, so that what is made at first use is there.
    for number in range(4):
        _one_loop(dom0, net, number, victim)
    before = _left(dom0, net)
    net.b.run(dom0, "lab-frames sequence 9000 >/tmp/sequence 2>&1 & echo $! >/tmp/sequence.pid")
    net.d.run(dom0, f"lab-frames stream {net.b.ipv4} 9000 {STREAM_RATE} >/tmp/stream 2>&1 & echo $! >/tmp/stream.pid")
    begin = time.monotonic()
    done = 0
    while done < loops and not (MINUTES and time.monotonic() - ui.START > MINUTES * 60):
        _one_loop(dom0, net, done, victim)
        done += 1
        ui.say(f"{done} of {loops} after {time.monotonic() - begin:.0f} s")
    took = time.monotonic() - begin
    sent = net.d.run(dom0, "kill $(cat /tmp/stream.pid); sleep 1; cat /tmp/stream", 30)
    got = net.b.run(dom0, "kill $(cat /tmp/sequence.pid); sleep 1; cat /tmp/sequence", 30)
    figures = dict(zip(*[iter(got.split())] * 2))
    count = int(sent.split()[1])
    received = int(figures.get("received", 0))
    lost = count - int(figures.get("first", 0)) - received
    for attempt in range(20):
        after = _left(dom0, net)
        if after == before:
            break
        dom0.run("sleep 1")
    changed = [f"{a}  ->  {b}" for a, b in zip(before, after) if a != b]
    if changed or len(before) != len(after):
        raise checks.CheckFailed(f"{len(changed)} counters changed over {done} loops", "\n".join(changed))
    if lost or int(figures["twice"]) or received < done * 10:
        raise checks.CheckFailed(f"the stream of two others lost {lost} of {count}", sent + got)
    dom0.shown = "\n".join(before)
    if not done:
        raise checks.CheckFailed(f"no loop began within {MINUTES:g} minutes")
    early = "" if done == loops else f", ended by SWITCH_MINUTES={MINUTES:g}"
    return (f"{done} of {loops} in {took:.0f} s{early}; {received} datagrams of two others, none lost, longest gap {figures['gap']} ms; "
            f"{len(before)} counters equal")


def common_session(dom0, net):
    """What holds for any backend."""
    dom0_address(dom0, net)
    if not dom0.check("four guests", guests_come, net):
        dom0.verdicts.add(dom0.suite, "everything else", False, "not run: the guests do not come up")
        return False
    dom0.check("ping, TCP and IPv6 between all pairs", pairs, net)
    dom0.check("iperf3 with and without offloads", throughput, net)
    dom0.check("jumbo frames", jumbo, net)
    dom0.check("network-attach and network-detach", attach_detach, net)
    dom0.check("a driver that is loaded again", driver_reload, net)
    dom0.check("xl save and restore", save_restore, net)
    return True


def _loops_check(dom0, net, loops):
    what = "attach, detach, reboot and destroy under traffic"
    # A name that does not claim more than a run with a limit may have reached.
    name = f"{what}, until SWITCH_MINUTES={MINUTES:g}" if MINUTES else f"{loops} times {what}"
    dom0.check(name, comings_and_goings, net, loops)


def loops_session(dom0, backend="switch", loops=LOOPS):
    """The comings and goings alone, for which many of them have to be paid."""
    net = Net(backend)
    if not dom0.check("the store starts", checks.store_starts):
        return
    if net.ours and not dom0.check("the switch starts", switch_starts, net):
        return
    dom0_address(dom0, net)
    if dom0.check("four guests", guests_come, net):
        _loops_check(dom0, net, loops)


def session(dom0, backend="switch", loops=LOOPS):
    net = Net(backend)
    if not dom0.check("the store starts", checks.store_starts):
        return
    if net.ours and not dom0.check("the switch starts", switch_starts, net):
        return
    if not common_session(dom0, net):
        return
    if net.ours:
        for name, function in (
                ("what atoll switch shows", policy.shown),
                ("VLANs keep apart", policy.vlans),
                ("a locked port cannot speak for others", policy.locked),
                ("rates hold", policy.rates),
                ("a mirror", policy.mirror),
                ("two switches on one host", policy.second_switch)):
            dom0.check(name, function, net)
    _loops_check(dom0, net, loops)
    if net.ours:
        dom0.check("a switch that is killed", policy.restarted, net)


# -- the short run: guests of the suite monitor, counted in instructions, so that no load and no fault of the emulated
# SVM disturbs it


def traffic(dom0, net):
    first, second = net.all[:2]
    first.run(dom0, f"ping -c 5 -W 10 {second.ipv4}", 60, "no ping")
    second.run(dom0, "iperf3 -s -D", 30)
    there = first.run(dom0, f"iperf3 -c {second.ipv4} -n 8M | tail -4", 120, "no TCP")
    first.run(dom0, f"iperf3 -c {second.ipv4} -n 8M -R | tail -4; echo", 120, "no TCP the other way")
    dom0.expect(f"lab-in {second.domid} 0 'lab-net sink 7001'")
    first.run(dom0, f"lab-net send {second.ipv4} 7001 2000 64", 60)
    out = dom0.expect(f"lab-in {second.domid} wait 60", 90)
    second.run(dom0, "killall iperf3", 30)
    got = re.search(r"received (\d+)", out)
    if not got or int(got.group(1)) < 1990:
        raise checks.CheckFailed("frames were lost", out)
    dom0.shown = there
    return f"ping, TCP both ways, {got.group(1)} of 2000 datagrams"


def ports_shown(dom0, net):
    out = dom0.expect("atoll switch ports && atoll switch show && atoll switch fdb && atoll switch stats")
    for guest in net.all:
        if not re.search(rf"\b{guest.domid}\s+connected.*{guest.mac}", out):
            raise checks.CheckFailed(f"the port of {guest.name} is not there", out)
    dom0.shown = out
    return f"{len(net.all)} ports connected"


def _guests_ports(dom0):
    return len([p for p in policy.reader(dom0, "atoll switch ports --json") if p["domid"]])


def second_vif(dom0, net):
    first = net.all[0]
    took = [_timed(dom0, f"xl network-attach {first.domid} mac={net.second_mac(first)} {net.words()}", 60, "network-attach"),
            _timed(dom0, f"xl network-detach {first.domid} {net.second_mac(first)}", 60, "network-detach")]
    if _guests_ports(dom0) != len(net.all):
        raise checks.CheckFailed("a port is left", dom0.expect("atoll switch ports"))
    return f"{took[0]:.1f} s and {took[1]:.1f} s"


def destroyed(dom0, net):
    domid = int(dom0.expect(f"xl domid {net.backend}"))
    took = _timed(dom0, "; ".join(f"xl destroy {g.name}" for g in net.all), 60, "xl destroy")
    for _ in range(30):
        if not _guests_ports(dom0):
            break
        dom0.expect("sleep 1")
    else:
        raise checks.CheckFailed("ports are left", dom0.expect("atoll switch ports"))
    left = dom0.expect(f"xenstore-ls /local/domain/{domid}/backend 2>/dev/null | grep -c 'frontend = .*domain/[1-9]' || true").strip()
    if left != "0":
        raise checks.CheckFailed("nodes of vifs are left", left)
    return f"{took:.1f} s; no port and no node left"


def jobs(verdicts, logs, boot):
    """The session at length; the short one is part of the suite monitor's."""
    host.build_gcc(logs)
    files = host.traffic_files()
    image = Image(host.CACHE).prepare()
    backend = os.environ.get("LAB_BACKEND", "switch")
    if os.environ.get("SWITCH_FULL") == "loops":
        return [lambda: boot(lambda machine, rows: loops_session(checks.Dom0(machine, "atoll", rows, SUITE), backend), verdicts,
                             image, "switch-loops", logs, files, icount=True, quick=True)]
    return [lambda: boot(lambda machine, rows: session(checks.Dom0(machine, "atoll", rows, SUITE), backend), verdicts,
                         image, "switch", logs, files, icount=True)]
