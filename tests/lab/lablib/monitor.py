# SPDX-License-Identifier: ISC
"""The packet monitor on a real host: three guests on the switch, whose every conversation it is to know."""

import base64
import json
import os
import re
import shutil
import subprocess

from . import checks, frames, guests, host, switch, ui
from . import switch_policy as policy
from .image import Image

SUITE = "monitor"
MIRROR = {"mirrors": {"monitor": {"client": "monitor", "direction": "ingress"}}}
# Datagrams at a pace that no queue is too short for; says how many.
STREAM = "lab-frames stream {to} {port} 200 >/tmp/sent & p=$!; sleep 1; kill $p; wait $p; cat /tmp/sent"
# Of an idle flow, so that what has ended is exported soon.
IDLE = 3


def _guests(backend):
    return [guests.Guest(name, "pv", 20 + i, f"backend={backend}") for i, name in enumerate(("web", "client", "bad"), 1)]


def up(dom0, net):
    switch.switch_starts(dom0, net)
    for guest in net.all:
        guest.create(dom0)
    for guest in net.all:
        guest.up(dom0)
    return " ".join(g.name for g in net.all)


def starts(dom0, net):
    """It says what it wants while nothing feeds it, and is healthy once something does."""
    out = dom0.expect("atoll start monitor 2>&1", 60, "the monitor does not start")
    if '"client": "monitor"' not in out:
        raise checks.CheckFailed("`atoll start monitor` does not say how a mirror is made", out)
    policy.apply(dom0, net.backend, MIRROR)
    status = dom0.expect("""lab-await 20 'atoll status monitor --json | grep -q "\\"health\\": \\"healthy\\""' ||
        { atoll status monitor; atoll logs monitor; exit 1; }
        atoll status monitor --json""", 60, "the monitor is not fed")
    dom0.expect(f"atoll alerts set idle {IDLE}", 30)
    size = json.loads(status)
    used = [int(v) for k, v in _flat(size) if k == "memory-total"]
    return f"fed by the switch; memory {used[0] >> 20 if used else '?'} MiB of 32"


def _flat(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key, inner
            yield from _flat(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _flat(inner)


def _flows(dom0, words=""):
    return policy.reader(dom0, f"atoll flows {words} --json", 60)


def _sent(dom0, guest):
    """Frames and bytes that the guest's own driver counts."""
    out = guest.run(dom0, "cd /sys/class/net/eth0/statistics; cat tx_packets tx_bytes", 30)
    return [int(word) for word in out.split()]


def _quiet(dom0, net):
    """What the guests have sent, at an instant at which all of it has become flows that have ended."""
    for _ in range(10):
        dom0.expect(f"lab-await {IDLE * 6} '[ $(atoll flows --json | grep -c sides) = 0 ]'", 90, "flows do not end")
        sent = {g: _sent(dom0, g) for g in net.all}
        if not _flows(dom0) and sent == {g: _sent(dom0, g) for g in net.all}:
            return sent
    raise checks.CheckFailed("the guests are never silent", str(sent))


def _between(flows, one, other, **what):
    """The flows of two guests, of which @what holds."""
    names = {one.name, other.name}
    return [f for f in flows if {s.get("guest") for s in f["sides"]} == names and
            all(f.get(k) == v or any(s.get(k) == v for s in f["sides"]) for k, v in what.items())]


def conversations(dom0, net):
    """Each is shown once, with its guests' names and what they have sent, byte for byte."""
    web, client, _ = net.all
    before = _quiet(dom0, net)
    followed = "atoll flows --follow --json >/run/ended.json 2>/run/ended.err & echo $! >/run/ended.pid; sleep 1"
    dom0.expect(followed)
    web.run(dom0, "lab-frames sequence 9001 >/tmp/sequence 2>&1 & mkdir -p /tmp/www; head -c 100000 /dev/zero >/tmp/www/page; "
                  "busybox httpd -p 80 -h /tmp/www; sleep 0.2", 30)
    out = client.run(dom0, STREAM.format(to=web.ipv4, port=9001) + f"""
        busybox wget -q -O /dev/null http://{web.ipv4}/page || exit 1
        ping -c 4 -i 0.2 {web.ipv4} >/dev/null && ping -c 3 -i 0.2 {web.ipv6} >/dev/null
        lab-tcp exchange {web.ipv6} 7 50000""", 60, "no traffic")
    if not _between(_flows(dom0), web, client):
        raise checks.CheckFailed("`atoll flows` does not show that they talked", dom0.expect("atoll flows"))
    dom0.shown = dom0.expect("atoll flows")
    # Not only this traffic: a guest may look for its neighbours again at any time.
    after = _quiet(dom0, net)
    dom0.expect("sleep 1; kill -INT $(cat /run/ended.pid); sleep 1")
    ended = [json.loads(line) for line in dom0.expect("cat /run/ended.json").splitlines()]
    count = int(re.search(r"sent (\d+)", out).group(1))
    dgram = _between(ended, web, client, port=9001)
    if len(dgram) != 1 or (dgram[0]["frames"], dgram[0]["bytes"]) != (count, count * 242):
        raise checks.CheckFailed(f"{count} datagrams of 200 bytes are not one flow of so many frames of 242",
                                 json.dumps(dgram, indent=1))
    http = _between(ended, web, client, port=80)
    if len(http) != 1 or http[0].get("application", {}).get("kind") != "http":
        raise checks.CheckFailed("the web page is not one flow of HTTP", json.dumps(http, indent=1))
    said = []
    for guest in (web, client):
        mine = [s for f in ended for s in f["sides"] if s.get("guest") == guest.name]
        seen = [sum(s["frames"] for s in mine), sum(s["bytes"] for s in mine)]
        sent = [a - b for a, b in zip(after[guest], before[guest])]
        if seen != sent:
            raise checks.CheckFailed(f"{guest.name} has sent {sent} (frames, bytes), its flows have {seen}",
                                     json.dumps(ended, indent=1)[:3000])
        said.append(f"{guest.name} {seen[0]} frames {seen[1]} bytes")
    return f"{len(ended)} flows; equal to what the guests' drivers count: {', '.join(said)}"


def _tshark(path, *words):
    out = subprocess.run(["tshark", "-r", path, *words], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if out.returncode:
        raise checks.CheckFailed("tshark cannot read it", out.stderr)
    return out.stdout.splitlines()


def _bring(dom0, inside, logs):
    """A file of dom0's, on this machine."""
    path = os.path.join(logs, os.path.basename(inside))
    with open(path, "wb") as file:
        file.write(base64.b64decode(dom0.expect(f"busybox base64 {inside}", 60)))
    return path


def capture(dom0, net):
    """What the filter says, and only that, to standard output."""
    web, client, bad = net.all
    dom0.expect("atoll capture -s 128 -w - 'tcp port 80' >/run/capture.pcapng 2>/run/capture.err & echo $! >/run/capture.pid; sleep 2")
    client.run(dom0, f"busybox wget -q -O /dev/null http://{web.ipv4}/page; ping -c 2 -i 0.2 {bad.ipv4}; "
                     f"lab-tcp exchange {bad.ipv4} 7 3000", 60, "no traffic")
    bad.run(dom0, f"busybox wget -q -O /dev/null http://{web.ipv4}/page", 60)
    dom0.expect("sleep 2; kill -INT $(cat /run/capture.pid); sleep 1; cat /run/capture.err; [ -s /run/capture.pcapng ]", 30)
    path = _bring(dom0, "/run/capture.pcapng", net.logs)
    lines = _tshark(path, "-T", "fields", "-e", "tcp.port", "-e", "frame.interface_name", "-e", "frame.len")
    wrong = [line for line in lines if "80" not in line.split("\t")[0].split(",")]
    names = sorted({line.split("\t")[1] for line in lines})
    flows = _between(_flows(dom0), web, client, port=80) + _between(_flows(dom0), web, bad, port=80)
    bytes_ = sum(int(line.split("\t")[2]) for line in lines)
    if not lines or wrong:
        raise checks.CheckFailed(f"{len(wrong)} of {len(lines)} packets are not of TCP port 80", "\n".join(wrong[:10]))
    if len(names) != 3:
        raise checks.CheckFailed(f"three vifs have sent them, the file's interfaces are {names}", path)
    dom0.expect("! atoll capture -w /dev/null 'tcp prot 80' 2>/run/err && [ -s /run/err ]", 30, "a bad filter is not refused")
    return f"{len(lines)} packets, {bytes_} bytes, on {', '.join(names)}; {len(flows)} flows"


def export(dom0, net):
    """nfcapd in dom0 receives the flows by NetFlow v9 and by IPFIX."""
    web, client, _ = net.all
    said = []
    for form, port in (("netflow9", 9995), ("ipfix", 9996)):
        dom0.expect(f"""mkdir -p /run/nf-{form}; nfcapd -w /run/nf-{form} -p {port} -t 3600 -P /run/nfcapd.pid >/run/nfcapd.out 2>&1 &
            sleep 1
            atoll export --to udp://127.0.0.1:{port} --format {form} >/run/export.out 2>&1 & echo $! >/run/export.pid; sleep 1""", 30)
        web.run(dom0, f"lab-frames sequence 91{port % 100} >/tmp/sequence.{form} 2>&1 &", 30)
        out = client.run(dom0, STREAM.format(to=web.ipv4, port=f"91{port % 100}"), 30)
        count = int(re.search(r"sent (\d+)", out).group(1))
        dom0.expect(f"sleep {IDLE * 2 + 2}; kill $(cat /run/export.pid); sleep 1; kill $(cat /run/nfcapd.pid); sleep 1", 60)
        out = dom0.expect(f"nfdump -R /run/nf-{form} -q -N -o 'fmt:%sa %da %dp %pr %pkt %byt' 'proto udp and dst port 91{port % 100}'; "
                          "cat /run/export.out", 30, f"nfdump reads nothing ({form})")
        if not re.search(rf"{re.escape(client.ipv4)}\s+{re.escape(web.ipv4)}\s+91{port % 100}\s+\S+\s+{count}\s+{count * 228}\b", out):
            raise checks.CheckFailed(f"nfcapd has not received {count} packets of the flow by {form}", out)
        said.append(f"{count} packets and their bytes of IP by {form}")
    return ", ".join(said)


def _alerts(dom0):
    return [json.loads(line) for line in dom0.expect("atoll alerts --json", 30).splitlines()]


def scan(dom0, net):
    """One alert, which names who it was."""
    web, _, bad = net.all
    head, tail = frames.syn(bad.mac, web.mac, bad.ipv4, web.ipv4)
    begin = len(_alerts(dom0))
    bad.run(dom0, f"p=1; while [ $p -le 150 ]; do lab-frames send eth0 1 {head}$(printf %04x $p){tail} >/dev/null; p=$((p + 1)); done", 90)
    alerts = _alerts(dom0)[begin:]
    dom0.shown = dom0.expect("atoll alerts")
    if len(alerts) != 1 or alerts[0].get("kind") != "port-scan" or alerts[0].get("guest") != bad.name:
        raise checks.CheckFailed("150 ports tried are not one alert that names the guest", json.dumps(alerts, indent=1))
    return alerts[0].get("text", "")[:100]


def tools(dom0, net):
    """The other ways out say something sensible."""
    metrics = dom0.expect("atoll metrics --once", 60)
    for name in ("atoll_up", "atoll_monitor", "atoll_switch"):
        if name not in metrics:
            raise checks.CheckFailed(f"`atoll metrics` has no {name}...", metrics[:2000])
    dom0.expect("atoll report -o /run/report.html && grep -q '</html>' /run/report.html && grep -q client /run/report.html", 60,
                "`atoll report` makes no page")
    _bring(dom0, "/run/report.html", net.logs)
    top = dom0.expect("atoll top --once", 60)
    if "web" not in top:
        raise checks.CheckFailed("`atoll top --once` shows no guest", top)
    dom0.shown = top
    return f"{len([l for l in metrics.splitlines() if not l.startswith('#')])} metrics, a report, top"


def no_rights(dom0, net):
    """A domain that is started as the monitor is, asks Xen for all that it should not have."""
    victims = ",".join(str(d) for d in [0, *[g.domid for g in net.all[:2]], dom0.expect("xl domid switch").strip()])
    # It ends by itself, and the failed start shows what it has said.
    out = dom0.run(f"printf '[rights]\\nkernel = /lab/rights.elf\\ncmdline = victims={victims}\\n' >>/etc/atoll/atoll.conf; "
                   "timeout 40 atoll start rights 2>&1", 60).output
    found = re.findall(r"rights: (\d+) passed, (\d+) failed, on (\d+) domains", out)
    if not found or int(found[-1][1]) or int(found[-1][2]) != 4:
        raise checks.CheckFailed("something was not refused", out)
    return f"{found[-1][0]} requests, on {found[-1][2]} domains and the host, refused"


def session(dom0, logs, watched=True):
    """The switch and, if it is @watched, the monitor, end to end: one boot for both, since guests take their time."""
    net = switch.Net("switch")
    net.all = _guests("switch")
    net.logs = logs
    dom0.suite = switch.SUITE
    if not dom0.check("the store starts", checks.store_starts):
        return
    if not dom0.check(f"{len(net.all)} guests on the switch", up, net):
        return
    dom0.check("traffic between them", switch.traffic, net)
    dom0.check("what atoll switch shows", switch.ports_shown, net)
    dom0.check("network-attach and network-detach", switch.second_vif, net)
    dom0.suite = SUITE
    if watched and dom0.check("the monitor starts", starts, net):
        dom0.check("each conversation, byte for byte", conversations, net)
        dom0.check("a capture with a filter, read by tshark", capture, net)
        dom0.check("flows to nfcapd", export, net)
        dom0.check("a port scan", scan, net)
        dom0.check("metrics, report, top", tools, net)
        dom0.check("the monitor's domain has no right over others", no_rights, net)
    dom0.suite = switch.SUITE
    dom0.check("guests that are destroyed leave nothing", switch.destroyed, net)


def programs():
    """What its dom0 has beside the services and what guests exchange traffic with."""
    files = host.traffic_files()
    files["lab/rights.elf"] = host.need(host.IMAGE_RIGHTS)
    for program in ("nfcapd", "nfdump"):
        path = shutil.which(program)
        if not path:
            raise ui.Failure(f"{program} is not installed", "install Debian's package nfdump")
        files[f"lab/bin/{program}"] = path
        files.update(host.libraries(path))
    return files


def jobs(verdicts, logs, boot, watched=True):
    host.build_gcc(logs)
    files = programs()
    image = Image(host.CACHE).prepare()
    return [lambda: boot(lambda machine, rows: session(checks.Dom0(machine, "atoll", rows, SUITE), logs, watched), verdicts,
                         image, SUITE if watched else switch.SUITE, logs, files, icount=True)]
