# SPDX-License-Identifier: ISC
"""xenstored dies in each way there is, while dom0 and guests ask it without pause: what was acknowledged is there, each
request was done once, and nothing is left in Xen. KILLS=N deaths (5, one of each kind, if it is not given): with more there
is a PVH guest as well, and time is the machine's own instead of instructions counted."""

import os
import re
import statistics

from . import checks, guests, host, ui
from .image import Image

SUITE = "recovery"
KILLS = int(os.environ.get("KILLS", "5"))
LONG = KILLS > 5
CREATES = 3
PREVIOUS = os.environ.get("PREVIOUS")  # an older xenstored.elf: an upgrade then is one to it, and one back
# Seconds after which a takeover is killed itself: from before the copy to behind the first answer.
CUT_AFTER = (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.4) if LONG else (0.001, 0.004, 0.008, 0.012, 0.016, 0.020, 0.025)

GUESTS = tuple(guests.Guest(f"load{n}", kind, 20 + n, "bridge=xenbr0,script=/lab/vif-bridge", memory=128)
               for n, kind in enumerate(("pv", "pvh") if LONG else ("pv",), 1))

# What a death must not change: domains, dom0's and the store's ports, pages and grants in Xen.
USED = """
echo "domains $(xl list | wc -l)"
echo "ports of dom0 $(lsevtchn 0 | grep -c .)"
echo "ports of xenstored $(lsevtchn "$(xl domid xenstored)" | grep -c .)"
echo "free MiB $(xl info | sed -n 's/^free_memory *: *//p')"
xl dmesg -c >/dev/null
xl debug-keys g
sleep 0.1
xl dmesg | awk '/\\[0x[0-9a-f]+\\]/ { n++ } END { print "grants", n + 0 }'
"""


def files():
    found = host.traffic_files()
    found.update({inside: host.need(os.path.join(host.BUILD, "tests/lab/lab-load"))
                  for inside in ("guest/bin/lab-load", "lab/bin/lab-load")})
    if PREVIOUS:
        found["lab/previous.elf"] = host.need(PREVIOUS)
    found.update({"lab/platform.elf": host.need(host.IMAGE_PLATFORM), "lab/conformance.elf": host.need(host.IMAGE_CONFORMANCE)})
    return found


# -- pages that are set aside


def _service(dom0, name, image, words, seconds):
    """Output of an `atoll start` of a service that says its word and ends, with its console."""
    return dom0.expect(f"""
        printf '[%s]\\nkernel = /lab/%s.elf\\njournal = 64\\ncmdline = %s\\ntimeout = {seconds}\\n' {name} {image} '{words}' >/run/own.conf
        atoll --config /run/own.conf start {name} 2>&1 && {{ echo 'it serves'; exit 1; }}
        true""", seconds + 30)


def reserved_pages(dom0):
    """A store into a page that is not open is a crash with a panic, and the page is as it was."""
    out = _service(dom0, "stray", "platform", "test=reserved", 20)
    if "16 pages reserved, the open ones written" not in out or "panic: exception 14 (page fault)" not in out or "still here" in out:
        raise checks.CheckFailed("a stray store is not caught", out)
    dom0.shown = out
    return re.search(r"panic: .*", out).group(0)[:70]


# -- the load


def load_starts(dom0):
    for guest in GUESTS:
        guest.create(dom0)
    for guest in GUESTS:
        guest.up(dom0)
    for guest in GUESTS:  # whose agents do one thing at a time
        dom0.expect(f"lab-in {guest.domid} 20 'rm -f /tmp/stop; lab-load data/load /tmp/stop >/tmp/load 2>&1 & "
                    "usleep 300000; kill -0 $!'", 40, f"the load of {guest.name} does not run")
    dom0.deaths = []
    dom0.load_began = float(dom0.expect("""
        rm -f /run/load.stop
        cut -d' ' -f1 /proc/uptime
        lab-load /load/dom0 /run/load.stop >/run/load.out 2>&1 &
        sleep 0.2
        kill -0 $! || { cat /run/load.out; exit 1; }""", 30, "dom0's load does not run"))
    if LONG:  # what ends services and starts them need not wait for the load each time
        dom0.expect("xl sched-credit2 -d Domain-0 -w 1024")
    return f"in dom0 and {len(GUESTS)} guests"


def _requests(out):
    found = re.search(r"load requests=(\d+) commits=(\d+) again=(\d+) events=(\d+) worst_us=(\d+)", out)
    if not found or "WRONG" in out:
        raise checks.CheckFailed("a client has seen what must not be", ui.tail(out, 10))
    return [int(word) for word in found.groups()]


def load_ends(dom0):
    """What each client has to say, and the pauses that dom0's has seen."""
    out = dom0.expect("""
        touch /run/load.stop
        lab-await 60 'grep -Eq "^load|WRONG" /run/load.out'
        grep -Ev "^slow [0-9]* [0-9]{1,4}$" /run/load.out""", 90)
    said = [_requests(out)]
    for guest in GUESTS:
        said.append(_requests(dom0.expect(f"""lab-in {guest.domid} 20 '
            touch /tmp/stop
            until grep -Eq "^load|WRONG" /tmp/load; do usleep 20000; done
            tail -n 3 /tmp/load'""", 60)))
    requests, commits, again, events, _ = map(sum, zip(*said))
    return f"{requests} requests, {commits} commits, {again} again, {events} events: none lost, none twice; {_pauses(dom0, out)}"


def _pauses(dom0, out):
    """What dom0's client has seen of each death, by kinds."""
    waits = [(int(at) / 1e6, int(took) / 1e6) for at, took in re.findall(r"^slow (\d+) (\d+)$", out, re.M)]
    kinds = {}
    for kind, begin, end in dom0.deaths:
        begin, end = begin - dom0.load_began - 0.05, end - dom0.load_began + 0.05
        met = [took * 1000 for at, took in waits if at < end and at + took > begin]
        if not met:
            raise checks.CheckFailed(f"nobody has noticed a death ({kind})", out)
        kinds.setdefault(kind, []).append(max(met))

    def share(*these):
        pauses = [pause for kind in these for pause in kinds.get(kind.__name__, [])]
        return f"{statistics.median(pauses) / dom0.create_ms:.2f}" if pauses else "?"

    return ("pause in ms, median and worst: "
            + ", ".join(f"{kind} {statistics.median(p):.0f} {max(p):.0f}" for kind, p in kinds.items())
            + f"; xl create {dom0.create_ms:.0f} ms: {share(restart, upgrade, killed)} of it by a command, "
            + f"{share(crashed, destroyed)} with watchd")


# -- deaths


def _steps(out):
    """The parts of a takeover, as -v tells them: milliseconds since its start."""
    return " ".join(f"{name} {time}" for time, name in re.findall(
        r"([\d.]+) ms.*?(paused|copied|destroyed|is free|unpaused|first answer)", out))


def restart(_number):
    return "atoll restart xenstored -v"


def upgrade(_number):
    back = """cp /lab/previous.elf /run/previous.elf && atoll upgrade xenstored /run/previous.elf &&
        grep -q previous.elf /run/atoll/xenstored.json || exit 1""" if PREVIOUS else ""
    return f"""{back}
        cp /lab/xenstored.elf /run/next.elf && atoll upgrade xenstored /run/next.elf -v"""


def killed(number):
    """The takeover is killed in the midst; the next goes on."""
    return f"""atoll restart xenstored >/dev/null 2>&1 &
        sleep {CUT_AFTER[number % len(CUT_AFTER)]}
        kill -KILL $! 2>/dev/null
        wait $! 2>/dev/null
        atoll restart xenstored -v"""


def _watched(death):
    """@death, and watchd brings it back: one that knows of no other, since it waits longer after each within a minute."""
    return f"""
        record() {{ sed -n 's/.*"'$1'": *"*\\([^",]*\\).*/\\1/p' /run/atoll/xenstored.json; }}
        rm -f /run/atoll/watchd/xenstored.json
        atoll watchd --foreground >/run/watchd.log 2>&1 &
        watchd=$!
        lab-await 60 'grep -q "is watched" /run/watchd.log' || {{ cat /run/watchd.log; exit 1; }}
        domid=$(record domid) uuid=$(record uuid)
        {death} || exit 1
        sleep 0.2 # whose processes would share the processor with watchd
        lab-await 60 '[ $(grep -c "is watched" /run/watchd.log) = 2 ]' || {{ cat /run/watchd.log; exit 1; }}
        [ "$(record uuid)" != "$uuid" ] || {{ echo 'it still runs'; cat /run/watchd.log; exit 1; }}
        xenstore-read /tool/xenstored/domid || exit 1
        kill $watchd
        wait $watchd
        cat /run/watchd.log"""


def crashed(_number):
    """By a fault in its own code, at whatever place it is."""
    return _watched("lab-crash $domid crash")


def destroyed(_number):
    """By the hypercall with which `xl destroy` ends; xl itself first pauses its domain, and then asks XenStore."""
    return _watched("lab-end destroy $domid")


KINDS = (restart, crashed, destroyed, upgrade, killed)


def _death(dom0, kind, script, what):
    """Output of @script, in which xenstored dies; when that was is remembered."""
    out = dom0.expect(f"""now() {{ cut -d' ' -f1 /proc/uptime; }}
        began=$(now)
        {{ {script}
        }} 2>&1 || exit 1
        echo "from $began to $(now)"
        """, 200, what)
    began, ended = re.search(r"^from (\S+) to (\S+)$", out, re.M).groups()
    dom0.deaths.append((kind, float(began), float(ended)))
    return out


def deaths(dom0):
    """KILLS of them, by turns."""
    before = dom0.expect(USED, 60, "what is in use cannot be counted")
    shown = ""
    for number in range(KILLS):
        kind = KINDS[number % len(KINDS)]
        said = _death(dom0, kind.__name__, kind(number // len(KINDS)), f"{kind.__name__}, death {number + 1}")
        shown = said if "first answer" in said else shown
        dom0.expect("grep -q WRONG /run/load.out && { cat /run/load.out; exit 1; }; sleep 0.1", 30,
                    f"after {kind.__name__}, death {number + 1}")
    after = dom0.expect(USED, 60)
    if after != before:
        raise checks.CheckFailed("something is left in Xen", f"before:\n{before}after:\n{after}")
    dom0.shown = shown
    return f"{KILLS} by turns: {', '.join(k.__name__ for k in KINDS[:KILLS])}; {_steps(shown)}"


CREATE = """cat >/run/small.cfg <<END
name = "small"
type = "pvh"
memory = 128
vcpus = 1
kernel = "/lab/vmlinux"
ramdisk = "/lab/guest.cpio.gz"
cmdline = "console=hvc0 quiet"
END
"""


def creates(dom0):
    """How long an xl create takes, and that one in the midst of deaths ends well."""
    out = dom0.expect(CREATE + f"""
        now() {{ cut -d' ' -f1 /proc/uptime; }}
        for i in $(seq {CREATES}); do
            a=$(now)
            xl create /run/small.cfg >/dev/null || exit 1
            b=$(now)
            xl destroy small
            echo "times $a $b"
        done""", 120)
    took = sorted((float(b) - float(a)) * 1000 for a, b in re.findall(r"times (\S+) (\S+)", out))
    dom0.create_ms = took[len(took) // 2]
    return f"{dom0.create_ms:.0f} ms"


def create_in_the_midst(dom0):
    _death(dom0, "beside xl create", """
        xl create /run/small.cfg >/run/create.out 2>&1 &
        create=$!
        for i in 1 2 3; do
            sleep 0.05
            atoll restart xenstored || exit 1
        done
        wait $create || { cat /run/create.out; exit 1; }
        xl list small && xl destroy small""", "an xl create that a restart meets does not end well")
    return "3 restarts meanwhile"


def refused(dom0):
    """An image that cannot read the state is refused, and nobody is paused."""
    out = dom0.expect("""
        before=$(grep uuid /run/atoll/xenstored.json)
        atoll upgrade xenstored /lab/monitor.elf 2>&1
        [ $? = 6 ] || exit 1
        [ "$before" = "$(grep uuid /run/atoll/xenstored.json)" ] && xenstore-read /tool/xenstored/domid""", 30,
                      "an image that cannot read the state is not refused")
    return out.strip().splitlines()[0][:90]


def session(dom0):
    if not dom0.check("the store starts", checks.store_starts):
        return
    dom0.check("a stray store into reserved pages is caught", reserved_pages)
    dom0.check("the time of an xl create", creates)
    if not dom0.check("the load starts", load_starts):
        return
    for name, function in (
            (f"{KILLS} deaths", deaths),
            ("an xl create in the midst", create_in_the_midst),
            ("an image that reads no state is refused", refused),
            ("all that was acknowledged", load_ends)):
        dom0.check(name, function)


def jobs(verdicts, logs, boot):
    host.build_gcc(logs)
    image = Image(host.CACHE).prepare()
    return [lambda: boot(lambda machine, rows: session(checks.Dom0(machine, "atoll", rows, SUITE)), verdicts, image,
                         SUITE, logs, files(), icount=not LONG, cpus=1)]
