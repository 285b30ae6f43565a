# SPDX-License-Identifier: ISC
"""The switch and the monitor die, again and again, while guests talk over TCP: their connections live on."""

import os
import re
import statistics

from . import checks, guests, host, switch
from . import switch_policy as policy
from .image import Image

SUITE = "switch_recovery"
KILLS = int(os.environ.get("KILLS", "3"))
LONG = KILLS > 12  # then time is the machine's own
BEATS = (("a", "b", 600, 2), ("b", "a", 16000, 7))  # from, to, bytes there and back, pause in ms
MIRROR = {"mirrors": {"monitor": {"client": "monitor", "direction": "ingress"}}}

# How a service ends, and then `atoll restart`, which ends it itself where it still runs.
ENDS = {
    "restarted": "true",
    "destroyed": "lab-end destroy {domid}",
    "crashed": "lab-end crash {domid}",
    "xl destroy": "xl destroy {name}",
}


def up(dom0, net):
    said = switch.switch_starts(dom0, net)
    switch.dom0_address(dom0, net)
    for guest in net.all:
        guest.create(dom0)
    for guest in net.all:
        guest.up(dom0)
    return said


def monitored(dom0, net):
    dom0.expect("atoll start monitor 2>&1", 60, "the monitor does not start")
    rules = dict(MIRROR, ports=[policy.rule(net.a, locking_mode="locked", macs=[net.a.mac], ipv4=[net.a.ipv4])])
    policy.apply(dom0, net.backend, rules)
    dom0.expect("""lab-await 20 'atoll status monitor --json | grep -q "\\"health\\": \\"healthy\\""' ||
        { atoll status monitor; atoll logs monitor; exit 1; }""", 60, "the monitor is not fed")
    return "a is locked to its address, the monitor sees all"


def _begin_beats(dom0, net):
    by_name = {g.name: g for g in net.all}
    for sender, receiver, size, pause in BEATS:
        by_name[sender].run(dom0, f"lab-tcp beat {by_name[receiver].ipv4} 7 {size} {pause} >/tmp/beat 2>&1 & "
                                  "echo $! >/tmp/beat.pid; usleep 300000; kill -0 $(cat /tmp/beat.pid)", 40, "TCP does not begin")


def _end_beats(dom0, net):
    """[(beats, the longest in ms, worst first)]"""
    by_name = {g.name: g for g in net.all}
    found = []
    for sender, *_ in BEATS:
        out = by_name[sender].run(dom0, "kill -0 $(cat /tmp/beat.pid) || { cat /tmp/beat; exit 1; }; "
                                        "kill $(cat /tmp/beat.pid); usleep 200000; cat /tmp/beat", 60, "its TCP connection has broken")
        match = re.search(r"beats (\d+) worst((?: \d+)+)", out)
        if not match:
            raise checks.CheckFailed(f"{sender}'s TCP connection has broken", out)
        found.append((int(match.group(1)), [int(w) / 1000 for w in match.group(2).split()]))
    return found


def _states(dom0):
    return dom0.expect("""
        for guest in a b; do
            domid=$(xl domid $guest)
            echo "$guest $(xenstore-read /local/domain/$domid/device/vif/0/state)"
            xenstore-read $(xenstore-read /local/domain/$domid/device/vif/0/backend)/state
        done""")


def _kill(dom0, name, how):
    domid = int(dom0.expect(f"xl domid {name}"))
    out = dom0.expect(f"""
        {ENDS[how].format(domid=domid, name=name)} || exit 1
        atoll restart {name} -v 2>&1""", 60, f"{name}, {how}: no successor")
    after = int(dom0.expect(f"xl domid {name}"))
    if after != domid:
        raise checks.CheckFailed(f"{name}: domain {domid} is followed by domain {after}", out)
    return out


def killed(dom0, net, kills=KILLS):
    """@kills times; the beats go on, nobody sees a state change, nothing is left in Xen."""
    _kill(dom0, net.backend, "destroyed")  # once, so that what is made at first use is there
    for guest in net.all:
        guest.run(dom0, "true")
    before = switch._left(dom0, net)
    states = _states(dom0)
    watched = net.a.domid
    dom0.expect(f"""backend=$(xenstore-read /local/domain/{watched}/device/vif/0/backend)
        xenstore-watch /local/domain/{watched}/device/vif/0/state >/run/states.front & echo $! >/run/states.pid
        xenstore-watch $backend/state >/run/states.back & echo $! >>/run/states.pid
        xenstore-watch @releaseDomain @introduceDomain >/run/states.domains & echo $! >>/run/states.pid""")
    _begin_beats(dom0, net)
    out = ""
    quiet = [how for how in ENDS if how != "xl destroy"]
    for number in range(kills):
        out = _kill(dom0, net.backend, quiet[number % len(quiet)])
        dom0.expect("sleep 0.3")
    seen = dom0.expect("kill $(cat /run/states.pid); for f in front back domains; do echo $f $(sort /run/states.$f | uniq -c); done")
    beats = _end_beats(dom0, net)
    for line, most in zip(seen.splitlines(), (1, 1, 2)):
        if sum(int(n) for n in re.findall(r"\b(\d+) [/@]", line)) > most:
            raise checks.CheckFailed("somebody was told of something", seen)
    for attempt in range(20):
        after = switch._left(dom0, net)
        if after == before:
            break
        dom0.run("sleep 1")
    changed = [f"{a}  ->  {b}" for a, b in zip(before, after) if a != b]
    if changed or _states(dom0) != states:
        raise checks.CheckFailed(f"{len(changed)} counters changed over {kills} kills", "\n".join(changed))
    dom0.shown = out
    pauses = [one[1][:kills] for one in beats]
    return (f"{kills} times, {sum(one[0] for one in beats)} exchanges; pause in ms: median "
            + " and ".join(f"{statistics.median(p):.0f}" for p in pauses) + ", worst "
            + " and ".join(f"{p[0]:.0f}" for p in pauses) + f"; {len(before)} counters equal")


def removed(dom0, net):
    """`xl destroy` takes all nodes of the switch away, too."""
    _begin_beats(dom0, net)
    for _ in range(2):
        dom0.shown = _kill(dom0, net.backend, "xl destroy")
        dom0.expect("sleep 0.3")
    beats = _end_beats(dom0, net)
    port = policy.port_of(dom0, net.backend, net.a, what="ports")
    if not port.get("matched") or port.get("locking-mode") != "locked":
        raise checks.CheckFailed("the rules are not in force again", str(port))
    net.b.run(dom0, "ping -c 2 -W 5 10.77.0.1", 30, "no ping of dom0")
    return "twice; worst in ms: " + " and ".join(f"{one[1][0]:.0f}" for one in beats)


def monitor_killed(dom0, net):
    """The monitor dies: it is fed again, and whoever follows flows hears of it or goes on."""
    dom0.expect("atoll flows --follow >/run/follow 2>&1 & echo $! >/run/follow.pid; sleep 1")
    for how in ("destroyed", "crashed", "restarted"):
        dom0.shown = _kill(dom0, "monitor", how)
        dom0.expect("""lab-await 20 'atoll status monitor --json | grep -q "\\"health\\": \\"healthy\\""' ||
            { atoll status monitor; atoll logs monitor; exit 1; }""", 60, f"the monitor, {how}: it is not fed again")
    said = dom0.expect("kill $(cat /run/follow.pid) 2>/dev/null; cat /run/follow; true")
    return f"3 times, fed again; a follower says: {said.strip().splitlines()[-1] if said.strip() else 'nothing'}"


def session(dom0, kills=KILLS):
    net = switch.Net("switch")
    net.a, net.b = net.all = [guests.Guest(name, "pv", 11 + i, "backend=switch") for i, name in enumerate("ab")]
    if not dom0.check("the store starts", checks.store_starts):
        return
    if not dom0.check("two guests on the switch", up, net):
        return
    if LONG:  # what ends services and starts them need not wait for the guests each time
        dom0.expect("xl sched-credit2 -d Domain-0 -w 1024")
    dom0.check("a switch that dies", killed, net, kills)
    dom0.check("rules and a monitor", monitored, net)
    dom0.check("a switch with rules that dies", killed, net, min(kills, 2))
    dom0.check("a switch whose nodes are removed", removed, net)
    dom0.check("a monitor that dies", monitor_killed, net)


def jobs(verdicts, logs, boot):
    host.build_gcc(logs)
    files = host.traffic_files()
    image = Image(host.CACHE).prepare()
    return [lambda: boot(lambda machine, rows: session(checks.Dom0(machine, "atoll", rows, SUITE)), verdicts, image,
                         "switch-recovery", logs, files, icount=not LONG, cpus=1)]
