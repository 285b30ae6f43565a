# SPDX-License-Identifier: ISC
"""`./lab bench switch`: what a frame and a byte cost, beside Linux netback with a bridge, with Open vSwitch, and in a
Linux driver domain. Counted in instructions: one processor under icount, so that what Xen charges a domain for is
exactly what was executed for it, Xen's own work on its behalf included."""

import json
import os
import re
import statistics

from . import checks, host, peers, ui
from .image import Image
from .machine import Machine

LABELS = {"bridge": "bridge in dom0", "ovs": "Open vSwitch in dom0", "driver": "bridge in a Linux driver domain",
          "atoll": "switch"}
FRAMES = 30000
PINGS = 300
BYTES = {"on": 96 << 20, "off": 16 << 20}
NO_OFFLOADS = "ethtool -K eth0 tso off gso off gro off tx off rx off sg off 2>/dev/null; true"

ADD_TO_BRIDGE = """
for path in $(xenstore-ls -f /local/domain/{domid}/backend/vif | sed -n 's/^\\(.*\\)\\/hotplug-status = .*/\\1/p'); do
    vif=vif$(echo $path | sed 's/.*\\/vif\\/\\([0-9]*\\)\\/\\([0-9]*\\)$/\\1.\\2/')
    lab-in {domid} 30 "ip link set $vif master br0 && ip link set $vif up" || exit 1
    xenstore-write $path/hotplug-status connected
done
"""


def _start(dom0, mode, kind):
    """XenStore, the backend's side, guests g1 and g2 with addresses; the domid that serves the vifs."""
    run = dom0.expect
    run(f"lab-store {'atoll' if mode == 'atoll' else 'c'}", 120)
    backend = 0
    vif = "bridge=xenbr0,script=/lab/vif-bridge"
    if mode == "ovs":
        run(peers.START, 120, "Open vSwitch does not come up")
        vif = "bridge=ovsbr0,script=/lab/vif-ovs"
    elif mode == "driver":
        run("LAB_GUEST_TRAFFIC=1 LAB_GUEST_DRIVER=1 LAB_GUEST_MEMORY=256 lab-guest drv pv ''", 60)
        backend = int(run("xl domid drv"))
        run(f"lab-in {backend} 60 'for m in llc stp bridge xen-netback; do insmod /modules/$m.ko || exit 1; done; "
            "ip link add name br0 type bridge && ip link set br0 up'", 90)
        vif = "backend=drv"
    elif mode == "atoll":
        run("atoll start switch -v --kernel /lab/netback-switch.elf", 60)
        backend = int(run("xl domid switch"))
        vif = "backend=switch"
    domids = []
    for number in (1, 2):
        run(f"""LAB_GUEST_TRAFFIC=1 LAB_GUEST_MEMORY=256 LAB_GUEST_VIF="'mac=00:16:3e:00:00:0{number},{vif}'" \\
                lab-guest g{number} {kind} ''""", 120)
        domids.append(int(run(f"xl domid g{number}")))
    if mode == "driver":
        run(ADD_TO_BRIDGE.format(domid=backend), 60)
    for number, domid in enumerate(domids, 1):
        run(f"lab-in {domid} 60 'ip addr add 10.78.0.1{number}/24 dev eth0; ip link set eth0 up'", 90)
    run(f"lab-in {domids[0]} 60 'ping -c 3 -W 10 10.78.0.12'", 90, "the guests do not reach each other")
    run(f"lab-in {domids[1]} 30 'lab-net echo 7002 >/dev/null & iperf3 -s -D'", 60)
    return backend, domids


class Meter:
    """Runs something in a guest; what each domain was charged for meanwhile, in instructions."""

    def __init__(self, dom0, backend, domids):
        self.dom0 = dom0
        self.backend = backend
        self.domids = domids
        self.idle = {}
        self.idle = self("true", warm=True)[1]

    def __call__(self, script, warm=False):
        sender = self.domids[0]
        command = f"lab-domcpu; echo ==; lab-in {sender} 900 '{script}' || exit 1; echo ==; lab-domcpu"
        runs = [self.dom0.expect(command, 1000) for _ in range(2 if warm else 1)]
        before, output, after = runs[-1].split("==\n")
        charged = {}
        for line in after.splitlines():
            domid, spent = map(int, line.split())
            charged[domid] = spent - dict(map(int, row.split()) for row in before.splitlines()).get(domid, 0)
        net = {domid: spent - self.idle.get(domid, 0) for domid, spent in charged.items()}
        return output, net


def _number(pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise checks.CheckFailed(f"no {pattern!r}", text)
    return float(found.group(1))


def _tcp(meter, name):
    output, charged = meter(f"iperf3 -c 10.78.0.12 -n {BYTES[name]} -J | tr -d \" \\t\\n\"; true")
    rate = _number(r'"sum_received":\{.*?"bits_per_second":([\d.e+]+)', output)
    return {"mbit": rate / 1e6, "instructions_per_byte": charged[meter.backend] / BYTES[name],
            "dom0_per_byte": charged[0] / BYTES[name]}


def _frames(dom0, meter):
    sink = meter.domids[1]
    dom0.expect(f"lab-in {sink} 0 'lab-net sink 7001'")
    output, charged = meter(f"lab-net send 10.78.0.12 7001 {FRAMES} 64")
    sent = _number(r"sent (\d+)", output)
    seconds = _number(r"seconds ([\d.]+)", output)
    received = _number(r"received (\d+)", dom0.expect(f"lab-in {sink} wait 60", 90))
    return {"per_frame": charged[meter.backend] / sent, "dom0_per_frame": charged[0] / sent,
            "sender_per_frame": charged[meter.domids[0]] / sent, "receiver_per_frame": charged[sink] / sent,
            "sent_per_second": sent / seconds, "lost": sent - received}


def _row(dom0, mode, kind):
    backend, domids = _start(dom0, mode, kind)
    meter = Meter(dom0, backend, domids)
    row = {"mode": mode, "guests": kind}
    meter("lab-net ping 10.78.0.12 7002 20 64")
    output, charged = meter(f"lab-net ping 10.78.0.12 7002 {PINGS} 64")
    row["rtt"] = _number(r"median ([\d.]+)", output)
    row["rtt_p99"] = _number(r"p99 ([\d.]+)", output)
    row["per_rtt"] = charged[backend] / (PINGS + 10)
    _frames(dom0, meter)
    row["frames"] = _frames(dom0, meter)
    row["on"] = _tcp(meter, "on")
    for domid in domids:
        dom0.expect(f"lab-in {domid} 30 '{NO_OFFLOADS}'")
    row["off"] = _tcp(meter, "off")
    if mode == "atoll":
        row["stats"] = dom0.expect("atoll stats switch --json", 60)
    return row


def _boot(image, mode, kind, logs, name):
    files = host.traffic_files()
    if mode == "ovs":
        files.update(peers.prepare(image))
    with Machine(image, name, logs, files, icount=True, dom0_mem=1600, memory=4096) as machine:
        dom0 = checks.Dom0(machine, mode, ui.Verdicts(), name)
        try:
            return _row(dom0, mode, kind)
        except checks.CheckFailed as failed:
            raise ui.Failure(f"{name}: {failed}", f"see {machine.transcript}", failed.excerpt) from None


def _table(rows):
    columns = (("instructions a frame", lambda r: f"{r['frames']['per_frame']:.0f}"),
               ("a byte of TCP", lambda r: f"{r['on']['instructions_per_byte']:.2f}"),
               ("without offloads", lambda r: f"{r['off']['instructions_per_byte']:.2f}"),
               ("a round trip", lambda r: f"{r['per_rtt']:.0f}"),
               ("round trip, us", lambda r: f"{r['rtt']:.0f} (p99 {r['rtt_p99']:.0f})"),
               ("frames/s", lambda r: f"{r['frames']['sent_per_second']:.0f}"),
               ("lost", lambda r: f"{r['frames']['lost']:.0f}"),
               ("TCP Mbit/s", lambda r: f"{r['on']['mbit']:.0f}"),
               ("without offloads", lambda r: f"{r['off']['mbit']:.0f}"),
               ("dom0's a frame", lambda r: f"{r['frames']['dom0_per_frame']:.0f}"),
               ("dom0's a byte", lambda r: f"{r['on']['dom0_per_byte']:.3f}"))
    ui.plain(ui.table(["backend, guests", *[c[0] for c in columns]],
                      [[f"{LABELS[r['mode']]}, {r['guests']}", *[c[1](r) for c in columns]] for r in rows]))


def switch(logs):
    """The switch beside bridge, Open vSwitch and a Linux driver domain, counted in instructions."""
    host.build_gcc(logs)
    image = Image(host.CACHE).prepare()
    modes = os.environ.get("BENCH_BACKENDS", "bridge ovs driver atoll").split()
    kinds = os.environ.get("BENCH_GUESTS", "pv").split()
    rounds = int(os.environ.get("BENCH_ROUNDS", "1"))
    rows = []
    for number in range(rounds):
        for kind in kinds:
            for mode in modes:
                rows.append(_boot(image, mode, kind, logs, f"switch-{mode}-{kind}-{number + 1}"))
                with open(os.path.join(logs, "switch.json"), "w") as f:
                    json.dump(rows, f, indent=1)
    ui.plain(f"\nbetween two guests, one processor, 1 instruction = 1 ns; frames of 64 bytes of payload ({FRAMES}), "
             f"TCP of {BYTES['on'] >> 20} and {BYTES['off'] >> 20} MiB")
    _table(rows)
    reference = [r for r in rows if r["mode"] == "bridge"]
    ours = [r for r in rows if r["mode"] == "atoll"]
    for kind in kinds:
        theirs, mine = ([r for r in side if r["guests"] == kind] for side in (reference, ours))
        if theirs and mine:
            _ratios(kind, theirs, mine)


def _ratios(kind, theirs, mine):
    def ratio(get):
        return statistics.median(map(get, mine)) / statistics.median(map(get, theirs))

    ui.plain(f"switch / bridge, {kind} guests: "
             f"a frame {ratio(lambda r: r['frames']['per_frame']):.2f} (wanted 0.50), "
             f"a byte {ratio(lambda r: r['on']['instructions_per_byte']):.2f} (0.50), "
             f"without offloads {ratio(lambda r: r['off']['instructions_per_byte']):.2f} (0.50), "
             f"round trip {ratio(lambda r: r['rtt']):.2f} (1.00)")
