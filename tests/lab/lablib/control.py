# SPDX-License-Identifier: ISC
"""The control plane on a real host: `atoll` for three services, its clients' deaths, stock libxenvchan, `atoll store`."""

import json
import os
import re

from . import checks, host, packages, ui
from .image import Image

SUITE = "control"
SERVICES = ("xenstored", "switch", "monitor")
PARALLEL = 50
# Of pseudo-random bytes each way, in each role; 1024 is what was once run in full.
STREAM_MIB = int(os.environ.get("VCHAN_MIB", "32"))
KILLED_AFTER = (0.05, 0.4, 1.2)


def _json(dom0, command, seconds=60):
    out = dom0.expect(f"{command} >/run/out.json && cat /run/out.json", seconds)
    try:
        return json.loads(out)
    except ValueError as error:
        raise checks.CheckFailed(f"`{command}` prints no JSON: {error}", out) from None


def _lines(dom0, path):
    return [json.loads(line) for line in dom0.expect(f"cat {path}").splitlines() if line.strip()]


def _statistics(dom0, service):
    """{name: value} of what has no labels."""
    for one in _json(dom0, f"atoll stats {service} --json"):
        return {s["name"]: s["value"] for s in one["statistics"] if not s["labels"]}
    raise checks.CheckFailed(f"`atoll stats {service} --json` shows nothing")


# -- the services


def services_start(dom0):
    out = dom0.expect("for s in switch monitor; do atoll start $s || exit 1; done; xl list", 60)
    names = re.findall(r"^(\S+) +\d+ ", out, re.M)
    if not set(SERVICES) <= set(names):
        raise checks.CheckFailed("xl list does not show the services' names", out)
    return ", ".join(name for name in names if name in SERVICES)


def shown(dom0):
    dom0.shown = dom0.expect("atoll list")
    listed = {s["name"]: s for s in _json(dom0, "atoll list --json")}
    asked = {s["name"]: s for s in _json(dom0, f"atoll status {' '.join(SERVICES)} --json")}
    for name in SERVICES:
        for said in (listed.get(name), asked.get(name)):
            wrong = [key for key in ("domid", "memory", "uptime", "version") if not (said or {}).get(key)]
            # Nothing feeds the monitor here, and after five seconds it says so.
            healthy = ("healthy", "degraded") if name == "monitor" else ("healthy",)
            if wrong or said["health"] not in healthy or not said["sealed"]:
                raise checks.CheckFailed(f"{name}: missing or wrong: {' '.join(wrong) or 'health'}", json.dumps(said, indent=1))
    domids = [asked[name]["domid"] for name in SERVICES]
    return "domids " + " ".join(map(str, domids))


def logs_follow(dom0):
    out = dom0.expect("""
        atoll logs -f xenstored >/run/follow 2>&1 &
        logs=$!
        sleep 1
        wc -l </run/follow
        lab-guest follow pv 10.77.0.40 >/dev/null || exit 1
        domid=$(xl domid follow)
        lab-await 10 "grep -q 'domain $domid ' /run/follow" || { cat /run/follow; exit 1; }
        kill -0 $logs || { echo 'atoll logs has ended'; exit 1; }
        kill -INT $logs
        wait $logs
        echo "status $?"
        xl destroy follow
        grep "domain $domid " /run/follow""", 120, "atoll logs -f does not follow")
    if "status 130" not in out and "status 0" not in out:
        raise checks.CheckFailed("atoll logs -f does not end as told", out)
    return out.strip().splitlines()[-1].strip()[:70]


def parallel(dom0):
    out = dom0.expect(f"""
        begin=$(cut -d' ' -f1 /proc/uptime)
        for i in $(seq {PARALLEL}); do
            {{ atoll stats monitor --json >/run/p.$i 2>/run/pe.$i; echo $? >/run/pc.$i; }} &
        done
        wait
        echo "$begin $(cut -d' ' -f1 /proc/uptime)"
        grep -L '^0$' /run/pc.* | head -3 | while read -r f; do cat "/run/pe.${{f#/run/pc.}}"; done
        grep -l '^0$' /run/pc.* | wc -l
        grep -l 'control_clients_accepted' /run/p.[0-9]* | wc -l
        rm -f /run/p.* /run/pe.* /run/pc.*""", 300)
    words = out.split()
    if words[-1] != str(PARALLEL) or words[-2] != str(PARALLEL):
        raise checks.CheckFailed(f"{words[-2]} of {PARALLEL} succeeded", out)
    return f"{PARALLEL} of {PARALLEL} in {float(words[1]) - float(words[0]):.1f} s"


def start_times(dom0, rounds):
    """For `./lab bench control`: milliseconds of `atoll start monitor`, which returns when the service has said
    that it is healthy; of that and `atoll status monitor` behind it; and of an xl create."""
    out = dom0.expect(f"""
        cat >/run/small.cfg <<END
name = "small"
type = "pvh"
memory = 128
vcpus = 1
kernel = "/lab/vmlinux"
ramdisk = "/lab/guest.cpio.gz"
cmdline = "console=hvc0 quiet"
END
        now() {{ cut -d' ' -f1 /proc/uptime; }}
        for i in $(seq {rounds}); do
            atoll stop monitor >/dev/null || exit 1
            sleep 1
            a=$(now)
            atoll start monitor || exit 1
            s=$(now)
            atoll status monitor >/dev/null || exit 1
            b=$(now)
            sleep 1
            c=$(now)
            xl create /run/small.cfg >/dev/null || exit 1
            d=$(now)
            xl destroy small
            sleep 1
            echo "times $a $s $b $c $d"
        done
        atoll stop monitor >/dev/null && sleep 1 && atoll start monitor -v""", 600, "the monitor does not start again and again")
    times = [[float(word) * 1000 for word in line.split()[1:]] for line in out.splitlines() if line.startswith("times")]
    dom0.shown = out[out.rindex("times"):]
    return ([s - a for a, s, _, _, _ in times], [b - a for a, _, b, _, _ in times], [d - c for _, _, _, c, d in times])


# -- clients that die


# What is killed, and whether it changes the services themselves.
KILLED = ("list", "status xenstored switch monitor", "stats", "stats monitor --watch 1", "logs -f xenstored",
          "logs -f switch", "store stats", "store trace", "store quota get", "store dump /run/killed.dump",
          "store load /run/whole.dump", "store log", "store show now /", "store diff -1 now",
          "store rollback /killed now", "restart monitor", "stop monitor", "start monitor", "console switch")

# Ports by state, grants in use and nodes of each service, and of dom0, as Xen and XenStore have them.
USED = """
for name in xenstored switch monitor; do
    domid=$(xl domid $name) || exit 1
    echo "$name ports $(lsevtchn $domid | grep -c .)"
done
echo "dom0 ports $(lsevtchn 0 | grep -vc VIRQ)"
xl dmesg -c >/dev/null
xl debug-keys g
sleep 1
xl dmesg | awk '/\\[0x[0-9a-f]+\\]/ { n++ } END { print "grants", n + 0 }'
xenstore-ls -f | grep -c '/data/vchan/' | sed 's/^/vchan nodes /'
"""


def _used(dom0):
    return dom0.expect(USED, 60, "what is in use cannot be counted")


def _accepted(rings):
    """Clients of those services that nobody restarts meanwhile."""
    return sum(rings[name]["control_clients_accepted"] for name in ("xenstored", "switch"))


def clients_die(dom0):
    dom0.expect("atoll store dump /run/whole.dump && xenstore-write /killed/a 1 /killed/b 2", 60)
    before = _used(dom0)
    if re.search(r" 0$", before, re.M):
        raise checks.CheckFailed("what is in use is not counted", before)
    accepted = _accepted({name: _statistics(dom0, name) for name in SERVICES})
    script = "\n".join(f"die '{command}'" for command in KILLED)
    dom0.expect(f"delays='{' '.join(map(str, KILLED_AFTER))}'" + """
        die() {
            for delay in $delays; do
                atoll $1 >/dev/null 2>&1 </dev/null &
                sleep $delay
                kill -KILL $! 2>/dev/null
                wait $!
            done
            case $1 in
                start*|stop*|restart*)
                    atoll start monitor 2>/run/again
                    status=$?
                    [ $status = 0 ] || [ $status = 5 ] || { echo "after $1: status $status"; cat /run/again; exit 1; }
                    ;;
            esac
        }
        """ + script, 400, "a service cannot be started after a killed command")
    for attempt in range(20):
        after = _used(dom0)
        rings = {name: _statistics(dom0, name) for name in SERVICES}
        # The one that asks is connected itself.
        held = [name for name, s in rings.items() if s["control_clients"] != 1 or s["control_rings_draining"]]
        if after == before and not held:
            accepted = _accepted(rings) - accepted - 2 * (attempt + 1)
            if accepted <= 0:
                raise checks.CheckFailed("no client was killed that had connected")
            return (f"{len(KILLED)} commands, {len(KILLED_AFTER)} times each; "
                    f"{accepted} had connected to xenstored or switch")
        dom0.run("sleep 1")
    raise checks.CheckFailed("killed clients leave something behind", f"before:\n{before}after:\n{after}held: {held}")


# -- stock libxenvchan


def stock_vchan(dom0, mib=STREAM_MIB, left=20, right=20):
    out = dom0.expect(f"""
        cat >/run/vchan.cfg <<END
name = "vchan"
type = "pvh"
memory = 32
vcpus = 1
kernel = "/lab/vchan.elf"
cmdline = "left={left} right={right}"
END
        xl create /run/vchan.cfg >/dev/null || exit 1
        log=/var/log/xen/guest-vchan.log
        lab-await 30 grep -q 'ring-ref' $log || {{ cat $log; exit 1; }}
        set -- $(sed -n 's/.*ring-ref \\([0-9]*\\) event-channel \\([0-9]*\\).*/\\1 \\2/p' $log | tail -n 1)
        lab-vchan "$(xl domid vchan)" "$1" "$2" {mib} {1 << max(left, right)} || {{ tail $log; exit 1; }}
        sleep 1
        grep -a 'vchan:' $log
        xl destroy vchan""", 1500, "the stock libxenvchan does not get along with ours")
    if "2 passed, 0 failed" not in out or "FAIL" in out:
        raise checks.CheckFailed("the streams are not what was sent", out)
    rates = re.findall(r"([\d.]+) MiB/s", out)
    return f"{mib} MiB each way, as client and as server" + (f"; {' '.join(rates)} MiB/s" if rates else "")


def stock_control_client(dom0):
    """A program that knows libxenvchan and the control protocol, and nothing else of ours."""
    out = dom0.expect("lab-hello $(xl domid switch)", 30, "a stock client gets no answer")
    return out.strip()


# -- atoll store


def trace(dom0):
    """All of one xl create: what is known to be asked, and as many requests of dom0 as the service has counted."""
    dom0.expect("""
        atoll store trace --json >/run/trace 2>/run/trace.err &
        echo $! >/run/trace.pid
        sleep 2""", 30)
    first = _requests_of_dom0(dom0)
    dom0.expect("lab-guest traced pv 10.77.0.41 >/dev/null && sleep 2", 120)
    counted = _requests_of_dom0(dom0) - first
    dom0.expect('sleep 1; kill -INT "$(cat /run/trace.pid)"; sleep 1; xl destroy traced', 60)
    records = _lines(dom0, "/run/trace")
    lost = sum(r.get("lost", 0) for r in records)
    kinds = {kind: [r for r in records if r["kind"] == kind] for kind in ("request", "event", "commit")}
    asked = [r for r in kinds["request"] if r.get("domid") == 0]
    paths = {r.get("path") for r in asked if r.get("operation") == "WRITE"}
    wanted = (r"/local/domain/\d+/name", r"/local/domain/0/backend/vif/\d+/0/state", r"/local/domain/\d+/device/vif/0/.*",
              r"/libxl/\d+/type")
    missing = [w for w in wanted if not any(re.fullmatch(w, p or "") for p in paths)]
    # The tools that look at the counters ask, too, before the first look and after the second.
    if lost or missing or len(asked) < counted or not all(kinds.values()):
        raise checks.CheckFailed(f"lost {lost}, missing {missing}, {len(asked)} of dom0's {counted} requests",
                                 dom0.run("cat /run/trace.err; tail -5 /run/trace").output)
    return (", ".join(f"{len(v)} {k}s" for k, v in kinds.items()) +
            f", none lost; {len(asked)} of dom0 around the {counted} that were counted")


def _requests_of_dom0(dom0):
    for domain in _json(dom0, "atoll store stats --domid 0 --json"):
        if domain["domid"] == 0:
            return domain["requests"]
    raise checks.CheckFailed("atoll store stats does not show dom0")


def rollback(dom0):
    dom0.expect("""
        xenstore-write /keep/a one /keep/b/c two /keep/b/d three
        xenstore-chmod /keep/b n0 r1
        xenstore-ls -p /keep >/run/keep.before""")
    version = _json(dom0, "atoll store log -n 1 --json")[0]["version"]
    dom0.expect("""
        xenstore-rm /keep
        xenstore-read /keep/a 2>/dev/null && { echo 'still there'; exit 1; }
        true""")
    gone = _json(dom0, "atoll store log -n 1 --json")[0]["version"]
    difference = _json(dom0, f"atoll store diff {version} {gone} --json")
    removed = sorted((d["path"], d["kind"]) for d in difference)
    wanted = [(p, "removed") for p in ("/keep", "/keep/a", "/keep/b", "/keep/b/c", "/keep/b/d")]
    if removed != wanted:
        raise checks.CheckFailed("the difference is not exactly what was removed", json.dumps(difference, indent=1))
    out = dom0.expect(f"""
        xenstore-watch /keep >/run/watched &
        watch=$!
        sleep 1
        atoll store rollback /keep {version} || exit 1
        sleep 1
        kill $watch
        xenstore-ls -p /keep >/run/keep.after
        cmp /run/keep.before /run/keep.after || {{ cat /run/keep.after; exit 1; }}
        sort -u /run/watched
        atoll store diff {version} now --json""", 60, "rollback does not restore")
    fired = {line for line in out.splitlines() if line.startswith("/keep")}
    if not {p for p, _ in wanted} <= fired:
        raise checks.CheckFailed("watches did not fire for each node", out)
    if _json(dom0, f"atoll store diff {version} now --json /keep"):
        raise checks.CheckFailed("the tree is not what it was", out)
    dom0.shown = dom0.expect(f"atoll store diff {version} {gone}; atoll store log -n 4")
    dom0.expect("xenstore-rm /keep")
    return f"{len(wanted)} nodes back, {len(fired)} watch events"


def dump_load(dom0):
    dom0.expect("""
        xenstore-write /dumped/a 1
        atoll store dump /run/store.dump || exit 1
        xenstore-ls -p | grep -v ring-ref | grep -v event-channel >/run/ls.before
        xenstore-rm /dumped
        atoll store load /run/store.dump || exit 1
        xenstore-ls -p | grep -v ring-ref | grep -v event-channel >/run/ls.after
        diff /run/ls.before /run/ls.after || exit 1
        xenstore-rm /dumped
        xl list >/dev/null""", 60, "dump and load do not give the store back")
    return dom0.expect("stat -c %s /run/store.dump").strip() + " bytes"


def quotas(dom0):
    out = dom0.expect("""
        atoll store quota get || exit 1
        atoll store quota set --domid 0 watches 4000 || exit 1
        atoll store quota get 0 | grep watches
        atoll store stats || exit 1""", 60)
    if "4000" not in out:
        raise checks.CheckFailed("the quota is not what was set", out)
    dom0.shown = out
    return ""


# -- what goes wrong


# (what, the command, its exit code, words in its one line)
ERRORS = (
    ("without rights", "busybox su nobody -s /bin/sh -c 'atoll list'", 3, "root"),
    ("with a wrong configuration", "printf '[switch]\\nmemory = lots\\n' >/run/bad.conf; atoll --config /run/bad.conf list",
     10, "/run/bad.conf:2: memory"),
    ("with a missing image", "printf '[lost]\\nkernel = /run/none.elf\\n' >/run/lost.conf; atoll --config /run/lost.conf start lost",
     6, "/run/none.elf"),
    ("with a service that was never started", "printf '[hello]\\nkernel = /lab/monitor.elf\\n' >/run/h.conf; "
     "atoll --config /run/h.conf logs hello", 9, "hello"),
    ("with a dead service", "xl destroy monitor; atoll stats monitor", 9, "atoll start monitor"),
    ("with a service that there is not", "atoll start nothing", 2, "nothing"),
    ("stopping xenstored", "atoll stop xenstored", 8, "--force"),
)


def errors(dom0):
    dom0.expect("grep -q nobody /etc/passwd || echo 'nobody:x:65534:65534::/:/bin/sh' >>/etc/passwd; chmod 755 /lab /lab/bin")
    said = []
    for what, command, code, words in ERRORS:
        out = dom0.expect(f"{{ {command}; }} 2>/run/err >/dev/null; echo $?; cat /run/err", 60)
        status, _, text = out.partition("\n")
        lines = text.strip().splitlines()
        if status != str(code) or not lines or words not in text:
            raise checks.CheckFailed(f"{what}: exit {status}, wanted {code} and {words!r}", text)
        if len(lines) != 1:
            raise checks.CheckFailed(f"{what}: {len(lines)} lines, wanted one", text)
        said.append(lines[0])
    dom0.shown = "\n".join(said)
    dom0.expect("atoll start monitor", 60)
    return f"{len(ERRORS)} errors of one line each"


def stop_and_restart(dom0):
    dom0.expect("""
        atoll restart switch || exit 1
        atoll status switch || exit 1
        atoll stop switch || exit 1
        atoll status switch; [ $? = 9 ] || exit 1
        xl list switch 2>/dev/null && exit 1
        xenstore-ls -f | grep -E '"switch"|vchan/0/control' | grep -v "^/local/domain/$(xl domid monitor)/" |
            grep -v "^/local/domain/$(xl domid xenstored)/" && exit 1
        atoll start switch""", 90, "stop and restart do not do what they say")


def session(dom0):
    if not dom0.check("the store starts", checks.store_starts):
        return
    if not dom0.check("switch and monitor start", services_start):
        return
    for name, function in (
            ("list and status show three services", shown),
            ("a stock client says hello", stock_control_client),
            ("restart and stop", stop_and_restart),
            ("logs -f follows an xl create", logs_follow),
            (f"{PARALLEL} stats at a time", parallel),
            ("a trace of xl create", trace),
            ("diff and rollback of what xenstore-rm removed", rollback),
            ("dump and load", dump_load),
            ("quotas", quotas),
            ("clients killed in the midst leave nothing", clients_die),
            ("one-line errors", errors)):
        dom0.check(name, function)


def demonstrate(dom0):
    """For `./lab demo`: what a user sees first."""
    if not dom0.check("switch and monitor start", services_start):
        return
    for name, function in (
            ("atoll list and status", shown),
            ("atoll logs -f follows an xl create", logs_follow),
            ("atoll store trace of xl create", trace),
            ("atoll store diff and rollback of what xenstore-rm removed", rollback),
            ("atoll store stats and quota", quotas),
            ("errors are one line", errors)):
        dom0.check(name, function)


def jobs(verdicts, logs, boot):
    """The boots, the shortest first. @boot: that of suites.py."""
    host.build_gcc(logs)
    files = host.control_files()
    image = Image(host.CACHE).prepare()

    def services():
        boot(lambda machine, rows: session(checks.Dom0(machine, "atoll", rows, SUITE)),
             verdicts, image, "control", logs, files)

    def streams(machine, rows):
        dom0 = checks.Dom0(machine, "c", rows, SUITE)
        if dom0.check("C xenstored for the streams", checks.store_starts):
            dom0.check("streams with the stock libxenvchan, smallest rings", stock_vchan, 1, 10, 11)
            dom0.check("streams with the stock libxenvchan, largest rings", stock_vchan)

    return [lambda: boot(streams, verdicts, image, "control-vchan", logs, files, guests=False), services,
            lambda: packages.packages(verdicts, logs, boot)]
