# SPDX-License-Identifier: ISC
"""What is checked in dom0: each function takes a Dom0, raises CheckFailed, or returns the figures to show."""

import re
import time

from . import ui

MODES = {
    "c": "C xenstored, a daemon of dom0",
    "o": "oxenstored, a daemon of dom0",
    "stock": "our unikernel, started by Xen's init-xenstore-domain",
    "atoll": "our unikernel, started by atoll start xenstored",
}

TEST_XENSTORE_CASES = 12
STALL_FACTOR = 20
STALL_SURELY_US = 1000000
TRY_AGAIN_SECONDS = 150


class CheckFailed(Exception):
    def __init__(self, what, excerpt=""):
        super().__init__(what)
        self.excerpt = excerpt


class Dom0:
    """A booted machine with a way of running checks and keeping their verdicts."""

    def __init__(self, machine, mode, verdicts, suite):
        self.machine = machine
        self.mode = mode
        self.verdicts = verdicts
        self.suite = suite
        self.ours = mode in ("stock", "atoll")
        self.narrate = False
        self.shown = ""

    def run(self, script, seconds=60):
        return self.machine.run(script, seconds)

    def expect(self, script, seconds=60, what=None):
        """Output of @script, or CheckFailed."""
        result = self.machine.run(script, seconds)
        if not result.ok:
            said = "took too long" if result.status == 137 else f"status {result.status}"
            raise CheckFailed(what or f"`{script.strip().splitlines()[0][:60]}`: {said}",
                              result.output + "\n" + ui.tail(self.machine.console_text(), 6))
        return result.output

    def check(self, name, function, *args):
        """Run one check; True if it passed. A dead machine is a Failure and goes up."""
        ui.say(f"{self.suite}: {name} ...")
        begin = time.monotonic()
        try:
            figures = function(self, *args) or ""
        except CheckFailed as failed:
            self.verdicts.add(self.suite, name, False, str(failed))
            for line in ui.tail(failed.excerpt, 30).splitlines():
                ui.say(line, "    | ")
            ui.say(f"see {self.machine.transcript} and {self.machine.console}", "    ")
            return False
        except ui.Failure as failed:
            self.verdicts.add(self.suite, name, False, failed.what)
            raise
        if self.narrate:
            for line in self.shown.strip().splitlines():
                ui.plain(f"           {line}")
        self.shown = ""
        took = f"{time.monotonic() - begin:.0f} s"
        self.verdicts.add(self.suite, name, True, f"{figures}; {took}" if figures else took)
        return True


# -- the store itself


def store_starts(dom0):
    out = dom0.expect(f"lab-store {dom0.mode}", 120, "the store does not come up")
    match = re.search(r"command=([\d.]+) answer=([\d.]+)", out)
    if not match:
        raise CheckFailed("lab-store says nothing of the first answer", out)
    dom0.shown = out
    dom0.start_ms = (float(match.group(1)), float(match.group(2)))
    return f"command {dom0.start_ms[0]:.0f} ms, an answer to another client after {dom0.start_ms[1]:.0f} ms"


def no_daemon(dom0):
    out = dom0.expect("""
        pidof xenstored oxenstored && { echo 'a xenstored process runs in dom0'; exit 1; }
        [ ! -e /run/xenstored/socket ] || { echo 'there is a socket of a daemon'; exit 1; }
        domid=$(xenstore-read /tool/xenstored/domid) || exit 1
        [ "$domid" -gt 0 ] || { echo "the store says that its domain is $domid"; exit 1; }
        name=$(xl domname "$domid") || exit 1
        xl list "$domid" >/run/list || exit 1
        echo "domain $domid, $name, $(awk 'NR == 2 { print $3 }' /run/list) MiB"
    """, 60, "dom0 is not without a xenstored of its own")
    return out.strip()


def test_xenstore(dom0, iterations=300):
    out = dom0.expect(f"test-xenstore -i {iterations}", 900, "test-xenstore fails")
    rows = parse_test_xenstore(out)
    if len(rows) != TEST_XENSTORE_CASES:
        raise CheckFailed(f"test-xenstore ran {len(rows)} of {TEST_XENSTORE_CASES} cases", out)
    dom0.test_xenstore_rows = rows
    dom0.shown = out
    worst = max(rows.items(), key=lambda r: r[1][2])
    return (f"{len(rows)} cases; read {rows['read 1'][0]:.0f} us, write {rows['write 1'][0]:.0f} us; "
            f"longest {worst[1][2] / 1000:.1f} ms in {worst[0]}")


def parse_test_xenstore(out):
    """{case: (average, least, greatest)} in microseconds."""
    found = re.findall(r"^(\S.*?)\s*: avg: (\d+) ns \((\d+) ns \.\. (\d+) ns\)", out, re.M)
    return {name: (int(a) / 1000, int(b) / 1000, int(c) / 1000) for name, a, b, c in found}


def tools(dom0):
    return dom0.expect("lab-tools", 120, "a xenstore-* tool does not work").strip().splitlines()[-1]


def control(dom0):
    out = dom0.expect("xenstore-control help", 30, "xenstore-control help")
    for command in ("check", "log", "memreport", "quota"):
        if command not in out:
            raise CheckFailed(f"xenstore-control help does not name {command}", out)
    dom0.expect("xenstore-control check", 60, "xenstore-control check")
    before = dom0.expect("xenstore-control quota", 30, "xenstore-control quota")
    match = re.search(r"^\s*(nodes)\b\D*(\d+)", before, re.M)
    if not match:
        raise CheckFailed("xenstore-control quota names no limit of nodes", before)
    dom0.expect("xenstore-control quota set nodes 1234", 30, "xenstore-control quota set")
    after = dom0.expect("xenstore-control quota", 30)
    if not re.search(r"^\s*nodes\b\D*1234\b", after, re.M):
        raise CheckFailed("the quota that was set is not shown", after)
    dom0.expect(f"xenstore-control quota set nodes {match.group(2)}", 30)
    dom0.expect("xenstore-control log on && xenstore-control log off", 30, "xenstore-control log")
    if dom0.run("xenstore-control nonesuch", 30).ok:
        raise CheckFailed("xenstore-control nonesuch is not refused")
    # The daemons report into a file only.
    report = dom0.expect("xenstore-control memreport" if dom0.ours else
                         "xenstore-control memreport /run/memreport && cat /run/memreport",
                         30, "xenstore-control memreport")
    return f"help check quota log memreport ({len(report.splitlines())} lines)"


# -- guests


def guest_runs(dom0, name, kind, address):
    dom0.expect(f"lab-guest {name} {kind} {address}", 180, f"xl create of {name}")
    dom0.expect(f"lab-await 240 grep -aq 'LAB: guest.is.up' /var/log/xen/guest-{name}.log", 260,
                f"{name} does not come up")
    log = dom0.expect(f"grep -av '^$' /var/log/xen/guest-{name}.log", 30)
    dom0.shown = "\n".join(line for line in log.splitlines() if line.startswith(("PING", "64 ", "LAB", "3 p")))
    if f"ping of dom0 from {address} works" not in log:
        raise CheckFailed(f"{name} cannot ping dom0", log)
    out = dom0.expect(f"ping -c 3 -i 0.2 -W 5 {address}", 30, f"dom0 cannot ping {name}")
    match = re.search(r"= [\d.]+/([\d.]+)/", out)
    return f"{kind} guest pings dom0 and dom0 it, round trip {match.group(1) if match else '?'} ms"


def xl_lists(dom0, *names):
    out = dom0.expect("xl list", 30, "xl list")
    have = [line.split()[0] for line in out.splitlines()[1:]]
    missing = [n for n in ("Domain-0", *names) if n not in have]
    if missing or "(null)" in have:
        raise CheckFailed(f"xl list does not name {' '.join(missing) or 'every domain'}", out)
    dom0.shown = out
    return ", ".join(have)


def xl_console(dom0, name):
    out = dom0.expect(f"echo 'echo sum=$((6*7)); hostname' | lab-pty 60 sum=42 xl console {name}", 90,
                f"xl console {name} gives no answer")
    dom0.shown = out[out.rindex("guest#"):].replace("\x1b[6n", "") if "guest#" in out else out
    return f"a command typed at {name} answered"


GONE = """
    lab-await 90 '! xl domid {name}' || exit 1
    lab-await 60 '! xenstore-list /local/domain/{domid}' || exit 1
    lab-await 60 '! xenstore-list /local/domain/0/backend/vif/{domid}' || exit 1
    lab-await 60 '! ls /sys/class/net/vif{domid}.0' || exit 1
"""


def _goes(dom0, name, how, script):
    domid = dom0.expect(f"xl domid {name}", 30).strip()
    dom0.expect(script, 120, f"{how} of {name}")
    dom0.expect(GONE.format(name=name, domid=domid), 300, f"{how} leaves something of {name} behind")
    return f"{name}: nodes, backend and vif are gone"


def destroy(dom0, name):
    return _goes(dom0, name, "xl destroy", f"xl destroy {name}")


def guest_poweroff(dom0, name):
    # Typed at the guest's own console: the shutdown starts in the guest.
    return _goes(dom0, name, "shutdown by the guest",
                 f"echo 'echo going=$((6*7)); poweroff -f' | lab-pty 60 going=42 xl console {name}")


# More changes than versions are kept: what the history holds is then the same each time.
FORGET = "lab-latency write 300"


def cycles(dom0, count):
    """Counters before and after @count cycles of create and destroy are the same."""
    dom0.expect("lab-cycles 2", 400, "creating and destroying a guest")
    dom0.expect(FORGET, 120)
    before = _state(dom0)
    dom0.expect(f"lab-cycles {count}", 60 * count, "creating and destroying guests")
    dom0.expect(FORGET, 120)
    after = _state(dom0)
    if before != after:
        changed = [f"{a}  ->  {b}" for a, b in zip(before, after) if a != b]
        raise CheckFailed(f"{len(changed) or 'some'} counters changed over {count} cycles", "\n".join(changed))
    dom0.shown = "\n".join(before)
    return f"{count} cycles, {len(before)} counters equal"


# Of the service's own counters, those of what was done, and the pages over which what there is happens to be spread;
# all others are of what there is, to the byte.
NOT_COMPARED = ("requests:", "commits:", "conflicts:", "pages-used:")


def _state(dom0):
    state = dom0.expect("lab-state", 60).splitlines()
    if dom0.ours:
        report = dom0.expect("xenstore-control memreport", 30).splitlines()
        state += [line for line in report if ":" in line and not line.startswith(NOT_COMPARED)]
    return state


# -- lost wake-ups


def latency(dom0, count, tries=3):
    """No answer takes more than 20 times the median. A service that loses wake-ups (once in some thousand
    requests, for as long as nothing else wakes it) fails every try; a computer that is busy with something else
    has tries to spare, and is excused for what it took away itself, by its own account, up to a second."""
    said = ""
    begin = time.monotonic()
    for attempt in range(1, tries + 1):
        before = dom0.machine.time_taken_away()
        row = parse_latency(dom0.expect(f"lab-latency read {count}", 1500, "lab-latency"))
        away = dom0.machine.time_taken_away() - before
        said = (f"{row['count']:.0f} requests: median {row['median']:.0f} us, p99 {row['p99']:.0f}, "
                f"p99.9 {row['p999']:.0f}, max {row['max']:.0f} ({row['max'] / row['median']:.1f} times)")
        dom0.latency_row = row
        if row["over20"] == 0:
            return said + (f", at try {attempt}" if attempt > 1 else "")
        said += f", {row['over20']:.0f} over {STALL_FACTOR} times; the computer was away for {away:.1f} s"
        ui.say(said, "    ")
        if row["max"] > STALL_SURELY_US:
            raise CheckFailed(f"an answer took {row['max'] / 1e6:.1f} s: {said}")
        if time.monotonic() - begin > TRY_AGAIN_SECONDS:
            break
    if away < row["max"] / 1e6:
        raise CheckFailed(said)
    return said


def parse_latency(out):
    return {k: float(v) for k, v in re.findall(r"(\w+)=([\d.]+)", out)}
