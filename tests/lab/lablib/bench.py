# SPDX-License-Identifier: ISC
"""`./lab bench`: comparisons with the XenStores that Xen comes with."""

import json
import os
import statistics
import subprocess
import sys

from . import bench_monitor, bench_switch, checks, control, host, ui
from .image import Image
from .machine import Machine

# Xen's own store domain (the Mini-OS stubdom) is in no Debian package. Measured elsewhere, on another
# computer, under the same QEMU options; there for orientation, not for a ratio of this run.
STUBDOM_ELSEWHERE = {"read 1": 166, "write 1": 180, "write 2000": 352, "ta rmw": 971}

LABELS = {"c": "C xenstored", "o": "oxenstored", "atoll": "unikernel"}


def _boot(image, mode, logs, name, **options):
    """One boot of @mode with test-xenstore -i 300: {"cases": ..., "start_ms": ..., "memory_kib": ...}."""
    files = host.service_files() if mode == "atoll" else host.dom0_files()
    with Machine(image, name, logs, files, guests=False, **options) as machine:
        dom0 = checks.Dom0(machine, mode, ui.Verdicts(), name)
        _must(dom0, "start", checks.store_starts)
        _must(dom0, "test-xenstore -i 300", checks.test_xenstore)
        if mode == "atoll":
            memory = dom0.expect("xl list $(xenstore-read /tool/xenstored/domid) | awk 'NR == 2 { print $3 * 1024 }'")
        else:
            memory = dom0.expect("sed -n 's/^VmRSS:[^0-9]*\\([0-9]*\\).*/\\1/p' /proc/$(cat /run/xenstored.pid)/status")
        latency = None
        if not options.get("icount"):
            _must(dom0, "lab-latency", checks.latency, 10000)
            latency = dom0.latency_row
        return {"mode": mode, "cases": dom0.test_xenstore_rows, "start_ms": dom0.start_ms[1],
                "memory_kib": int(memory.strip() or 0), "latency": latency}


def _must(dom0, name, function, *args):
    if not dom0.check(name, function, *args):
        raise ui.Failure(f"{dom0.suite}: {name} failed, so there is nothing to compare",
                         f"see {dom0.machine.transcript}")


def _middle(boots, mode, case, column):
    return statistics.median(b["cases"][case][column] for b in boots if b["mode"] == mode)


def _report(title, boots, modes, logs, name, stubdom=False):
    with open(os.path.join(logs, f"{name}.json"), "w") as f:
        json.dump(boots, f, indent=1)
    ui.plain(f"\n{title}")
    head = ["average, us", *[LABELS[m] for m in modes], *[f"unikernel / {LABELS[m]}" for m in modes if m != "atoll"]]
    if stubdom:
        head.append("stubdom (newest; measured elsewhere)")
    cases = list(boots[0]["cases"])
    rows = []
    for case in cases:
        average = {m: _middle(boots, m, case, 0) for m in modes}
        row = [case, *[f"{average[m]:.0f}" for m in modes],
               *[f"{average['atoll'] / average[m]:.2f}" for m in modes if m != "atoll"]]
        if stubdom:
            row.append(str(STUBDOM_ELSEWHERE.get(case, "-")))
        rows.append(row)
    ui.plain(ui.table(head, rows))
    ui.plain()
    ui.plain(ui.table(["greatest, us", *[LABELS[m] for m in modes]],
                      [[case, *[f"{max(b['cases'][case][2] for b in boots if b['mode'] == m):.0f}" for m in modes]]
                       for case in cases]))
    ui.plain()
    rows = [["start to first answer, ms", *[f"{statistics.median(b['start_ms'] for b in boots if b['mode'] == m):.1f}"
                                            for m in modes]],
            ["memory, KiB", *[f"{max(b['memory_kib'] for b in boots if b['mode'] == m)}" for m in modes]]]
    if boots[0]["latency"]:
        for key in ("median", "p99", "p999", "max"):
            rows.append([f"10,000 reads: {key}, us",
                         *[f"{statistics.median(b['latency'][key] for b in boots if b['mode'] == m):.0f}"
                           for m in modes]])
    ui.plain(ui.table(["", *[LABELS[m] for m in modes]], rows))
    ui.plain("memory: a daemon's resident set; the whole domain of the unikernel")


def _alternate(image, modes, rounds, logs, name, **options):
    boots = []
    for i in range(rounds):
        for mode in modes:
            boots.append(_boot(image, mode, logs, f"{name}-{LABELS[mode].split()[-1]}-{i + 1}", **options))
    return boots


def xenstored_icount(logs):
    """test-xenstore in the lab, counted in instructions: the figures repeat on any computer."""
    host.build_gcc(logs)
    image = Image(host.CACHE).prepare()
    modes = ("c", "o", "atoll")
    boots = _alternate(image, modes, int(os.environ.get("BENCH_ROUNDS", "1")), logs, "icount", icount=True)
    _report("XenStore in the lab under icount, one processor: 1 instruction = 1 ns (test-xenstore -i 300)", boots, modes,
            logs, "xenstored-icount", stubdom=True)


def xenstored_smp(logs):
    """test-xenstore in the lab by the wall clock, two processors, alternating boots."""
    host.build_gcc(logs)
    image = Image(host.CACHE).prepare()
    modes = ("c", "atoll")
    boots = _alternate(image, modes, int(os.environ.get("BENCH_ROUNDS", "2")), logs, "smp")
    _report("XenStore in the lab, two processors, wall clock, medians of alternating boots (test-xenstore -i 300)",
            boots, modes, logs, "xenstored-smp")
    ui.plain("Two computers' figures by the wall clock do not compare; ratios within this table do, if nothing else ran.")


def xenstored(logs):
    """Both of the above."""
    xenstored_icount(logs)
    xenstored_smp(logs)


def xenstored_native(logs):
    """Without Xen: the service on the simulator beside the two daemons, server CPU and memory."""
    host.build_gcc(logs)
    script = os.path.join(host.ROOT, "tests/bench/xenstored_native.py")
    log = os.path.join(logs, "xenstored-native.log")
    with open(log, "w") as out:
        child = subprocess.Popen([sys.executable, "-u", script, "--build", host.BUILD,
                                  "--json", os.path.join(logs, "xenstored-native.json")], cwd=host.ROOT, stdin=subprocess.DEVNULL, text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        for line in child.stdout:
            out.write(line)
            ui.plain(line.rstrip())
        if child.wait():
            raise ui.Failure(f"{host.shown(script)} ended with status {child.returncode}", f"see {host.shown(log)}")


def control_start(logs):
    """The start of a service beside that of the smallest Linux guest, counted in instructions."""
    host.build_gcc(logs)
    image = Image(host.CACHE).prepare()
    with Machine(image, "control-icount", logs, host.service_files(), icount=True) as machine:
        dom0 = checks.Dom0(machine, "atoll", ui.Verdicts(), "bench control")
        _must(dom0, "start", checks.store_starts)
        _must(dom0, "switch and monitor", control.services_start)
        start, status, xl = control.start_times(dom0, int(os.environ.get("BENCH_ROUNDS", "10")))
    ui.plain("\nwhere the time of one more start went:\n" + dom0.shown)
    ui.plain("\nunder icount, one processor: 1 instruction = 1 ns")
    rows = (("atoll start monitor", start), ("atoll start monitor; atoll status monitor", status), ("xl create", xl))
    ui.plain(ui.table(["milliseconds", "mean", "least", "greatest", "of xl create"],
                      [[name, f"{statistics.mean(times):.0f}", f"{min(times):.0f}", f"{max(times):.0f}",
                        f"{statistics.mean(times) / statistics.mean(xl):.3f}"] for name, times in rows]))
    ui.plain("the clock that was read ticks in 10 ms; xl create: a PVH guest of 128 MiB without devices")


BENCHES = {"xenstored": xenstored, "xenstored-icount": xenstored_icount, "xenstored-smp": xenstored_smp,
           "xenstored-native": xenstored_native, "control": control_start, "switch": bench_switch.switch,
           "monitor": bench_monitor.monitor}
DEFAULT = ("xenstored", "xenstored-native")


def bench(names, logs):
    for name in names:
        if name not in BENCHES:
            raise ui.Failure(f"there is no bench {name!r}", f"there are {', '.join(BENCHES)}")
    for name in names or DEFAULT:
        ui.say(f"== bench {name}: {BENCHES[name].__doc__.splitlines()[0]}")
        BENCHES[name](logs)
    ui.plain(f"\nlogs: {host.shown(logs)}")
    return 0
