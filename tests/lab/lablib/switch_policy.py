# SPDX-License-Identifier: ISC
"""What the switch keeps apart, refuses and slows down on a real host, and what its operator sees of it."""

import json
import re

from . import checks, frames, guests

RATE_ERROR = 0.05


def reader(dom0, command, seconds=60):
    """What a command of ours prints as JSON."""
    out = dom0.expect(f"{command} >/run/out.json && cat /run/out.json", seconds)
    try:
        return json.loads(out)
    except ValueError as error:
        raise checks.CheckFailed(f"`{command}` prints no JSON: {error}", out) from None


def port_of(dom0, service, guest, vif=0, what="stats"):
    """The port of @guest in `atoll switch stats` or `ports`."""
    for item in reader(dom0, f"atoll switch {what} -s {service} -d {guest.domid} --json"):
        item = item.get("port-entry", item)
        if item.get("vif", 0) == vif:
            return item
    raise checks.CheckFailed(f"`atoll switch {what}` shows no vif {vif} of {guest.name}")


def drops(port):
    return {d["reason"]: d["count"] for d in _list(port.get("drop", []))}


def _list(value):
    return value if isinstance(value, list) else [value]


def apply(dom0, service, rules, what="rules are not applied"):
    dom0.expect(f"cat >/run/rules.json <<'END'\n{json.dumps(rules, indent=1)}\nEND\n"
                f"atoll switch apply -s {service} /run/rules.json", 60, what)


def rule(guest, vif=0, **words):
    return {"guest": guest.uuid, "vif": vif, **{k.replace("_", "-"): v for k, v in words.items()}}


def arrivals(dom0, senders, listeners, seconds=30):
    """Have @senders ({(guest, device): [frame]}) send, all on their own; {(guest, device): {mark}} of what reaches each of
    @listeners ([(guest, device)])."""
    for guest, device in listeners:
        guest.run(dom0, f"lab-frames listen {device} {frames.MARK} >/tmp/heard.{device} 2>&1 & echo $! >/tmp/heard.{device}.pid; sleep 0.3")
    for (guest, device), sent in senders.items():
        for i in range(0, len(sent), 6):
            guest.run(dom0, f"lab-frames send {device} 1 {' '.join(sent[i:i + 6])}", seconds)
    heard = {}
    dom0.run("sleep 0.5")
    for guest, device in listeners:
        out = guest.run(dom0, f"kill $(cat /tmp/heard.{device}.pid); cat /tmp/heard.{device}", 30)
        words = [line.split(" ", 2) for line in out.splitlines()]
        heard[guest, device] = {w[2]: None if w[1] == "-" else int(w[1]) for w in words if len(w) == 3}
    return heard


def _compare(heard, wanted, names):
    for who, marks in wanted.items():
        if heard[who] != marks:
            raise checks.CheckFailed(f"{who[0].name} {who[1]} hears {heard[who]}, should {marks}", names)


# -- VLANs


def vlans(dom0, net):
    """On vifs of their own: access ports of VLAN 10 and 20 and a trunk, by xl's bridge=, then the other way round by rules."""
    where = {net.a: "vlans.10", net.b: "vlans.20", net.c: "vlans.10", net.d: "vlans:10:20"}
    there = []
    try:
        for guest, bridge in where.items():
            net.attach(dom0, guest, 1, bridge=bridge)
            there.append(guest)
        _vlans_apart(dom0, net, 10, 20)
        apply(dom0, net.backend, {"bridges": {"vlans": {}}, "ports": [
            rule(net.a, 1, bridge="vlans", vlan=30), rule(net.b, 1, bridge="vlans", vlan=40),
            rule(net.c, 1, bridge="vlans", vlan=30), rule(net.d, 1, bridge="vlans", vlans="30,40")]})
        _vlans_apart(dom0, net, 30, 40)
    finally:
        for guest in there:
            net.detach(dom0, guest, 1)
        apply(dom0, net.backend, {})
    return "two access VLANs and a trunk, by bridge=NAME.TAG:TRUNKS and by rules"


def _vlans_apart(dom0, net, one, two):
    source = {g: net.second_mac(g) for g in net.all}
    everybody = frames.EVERYBODY
    heard = arrivals(dom0, {
        (net.a, "eth1"): [frames.plain(everybody, source[net.a], "a"), frames.plain(everybody, source[net.a], "a-tag", two),
                          frames.plain(source[net.b], source[net.a], "a-to-b")],
        (net.b, "eth1"): [frames.plain(everybody, source[net.b], "b"), frames.plain(everybody, source[net.b], "b-tag", one)],
        (net.d, "eth1"): [frames.plain(everybody, source[net.d], "d-one", one), frames.plain(everybody, source[net.d], "d-two", two),
                          frames.plain(everybody, source[net.d], "d-plain"), frames.plain(everybody, source[net.d], "d-other", 99)],
    }, [(g, "eth1") for g in net.all])
    _compare(heard, {
        (net.a, "eth1"): {"d-one": None},
        (net.b, "eth1"): {"d-two": None},
        # Nobody has been heard of as b in a's VLAN: what is for it there goes to all of that VLAN.
        (net.c, "eth1"): {"a": None, "a-to-b": None, "d-one": None},
        (net.d, "eth1"): {"a": one, "a-to-b": one, "b": two},
    }, f"VLANs {one} and {two}")


# -- locks


def locked(dom0, net):
    """A locked port sends what is its own, and nothing in another's name."""
    a, b, d = net.a, net.b, net.d
    stranger = "00:16:3e:99:99:99"
    apply(dom0, net.backend, {"ports": [rule(a, locking_mode="locked", macs=[a.mac], ipv4=[a.ipv4], ipv6=[a.ipv6, "fe80::/64"])]})
    everybody = frames.EVERYBODY
    right = {
        "arp": frames.arp(a.mac, 1, a.mac, a.ipv4, b.ipv4, "arp"),
        "udp4": frames.udp4(a.mac, a.ipv4, b.ipv4, "udp4"),
        "udp6": frames.udp6(a.mac, a.ipv6, "ff02::1", "udp6"),
        "nd": frames.advertisement(a.mac, a.ipv6, a.ipv6, a.mac, "nd"),
    }
    wrong = {
        "source-mac": [frames.udp4(stranger, a.ipv4, b.ipv4, "mac"), frames.udp4(b.mac, a.ipv4, d.ipv4, "mac-of-b")],
        "source-ipv4": [frames.udp4(a.mac, b.ipv4, d.ipv4, "ipv4"), frames.udp4(a.mac, "10.77.0.99", d.ipv4, "ipv4-free")],
        "source-ipv6": [frames.udp6(a.mac, b.ipv6, "ff02::1", "ipv6")],
        "arp": [frames.arp(a.mac, 2, a.mac, b.ipv4, d.ipv4, "arp-ip"), frames.arp(a.mac, 2, stranger, a.ipv4, d.ipv4, "arp-mac"),
                frames.arp(a.mac, 1, a.mac, b.ipv4, b.ipv4, "arp-gratuitous")],
        "nd": [frames.advertisement(a.mac, a.ipv6, b.ipv6, a.mac, "nd-target"), frames.advertisement(a.mac, a.ipv6, a.ipv6, stranger, "nd-mac")],
        "dhcp-server": [frames.dhcp_offer(a.mac, a.ipv4, "dhcp"), frames.router(a.mac, "fe80::1", "router")],
        "protocol": [frames.plain(everybody, a.mac, "type")],
    }
    before = drops(port_of(dom0, net.backend, a))
    sent = [*right.values(), *[f for some in wrong.values() for f in some]]
    heard = arrivals(dom0, {(a, "eth0"): sent}, [(b, "eth0"), (d, "eth0")])
    after = drops(port_of(dom0, net.backend, a))
    for who in ((b, "eth0"), (d, "eth0")):
        # What is flooded reaches both, what is for one address may reach one only.
        if set(heard[who]) != set(right):
            raise checks.CheckFailed(f"{who[0].name} hears {sorted(heard[who])}, should {sorted(right)}", json.dumps(after))
    counted = {reason: after.get(reason, 0) - before.get(reason, 0) for reason in wrong}
    missing = [f"{reason}: {counted[reason]} of {len(some)}" for reason, some in wrong.items() if counted[reason] < len(some)]
    if missing:
        raise checks.CheckFailed(f"drops are not counted under their reason: {', '.join(missing)}", json.dumps(after, indent=1))
    a.run(dom0, f"ping -c 2 -i 0.2 -W 5 {b.ipv4} && ping -c 2 -i 0.2 -W 5 {b.ipv6}", 30, "a locked port cannot send what is its own")
    apply(dom0, net.backend, {"ports": [rule(a, locking_mode="disabled")]})
    if a.run(dom0, f"ping -c 1 -W 1 {b.ipv4} >/dev/null; echo $?", 30).strip() == "0":
        raise checks.CheckFailed("a disabled port passes frames")
    apply(dom0, net.backend, {})
    a.run(dom0, f"ping -c 2 -i 0.5 -W 5 {b.ipv4}", 30, "no ping without rules again")
    return f"{len(sent) - len(right)} frames in others' names, none arrives; {len(right)} of its own do"


# -- rates


RATE = 2_000_000  # bytes a second
# What a policer takes from TCP it has to send again: with bursts below 100 ms it does not reach its rate.
RATE_TEXT = "16Mb/s@200ms"
FRAME = 1472 + 42
BURST = RATE // 5


def rates(dom0, net):
    """By rules, each way, datagrams and TCP."""
    said = []
    try:
        apply(dom0, net.backend, {"ports": [rule(net.a, rate_in=RATE_TEXT), rule(net.d, rate_out=RATE_TEXT)]})
        said.append("in " + _datagrams(dom0, net.a, net.b, 7000))
        said.append("out " + _datagrams(dom0, net.b, net.d, 60000))
        for sender, receiver, way in ((net.a, net.b, "in"), (net.b, net.d, "out")):
            receiver.run(dom0, "pidof iperf3 >/dev/null || { iperf3 -s -D >/dev/null 2>&1; sleep 0.3; }", 20)
            out = sender.run(dom0, f"iperf3 -c {receiver.ipv4} -t 5 -O 1 -f k --connect-timeout 5000 | tail -n 4", 60, "iperf3")
            # Of 1514 bytes 1448 are TCP's.
            part = guests.iperf(out) / 8 * FRAME / 1448 / RATE
            if part > 1 + RATE_ERROR or part < 1 - RATE_ERROR:
                raise checks.CheckFailed(f"TCP {way}: {part * 100:.1f} % of the rate", out)
            said.append(f"TCP {way} {part * 100:.1f}")
    finally:
        apply(dom0, net.backend, {})
    return f"% of {RATE_TEXT}: " + ", ".join(said)


def _datagrams(dom0, sender, receiver, count):
    receiver.run(dom0, "lab-net sink 9100 >/tmp/sink 2>&1 & sleep 0.2")
    # As much as takes seconds: at the rate if it is held back, else as fast as it is sent.
    sender.run(dom0, f"lab-net send {receiver.ipv4} 9100 {count} 1472", 180, "lab-net")
    # The sender is done when its queue has taken all; at the rate they come for some seconds more.
    out = receiver.run(dom0, "i=0; until [ -s /tmp/sink ] || [ $i -ge 100 ]; do i=$((i + 1)); usleep 200000; done; cat /tmp/sink", 60)
    found = re.search(r"received (\d+) bytes \d+ seconds ([\d.]+)", out)
    if not found or float(found.group(2)) <= 0:
        raise checks.CheckFailed("no datagrams arrive, or no end of them", out)
    count, seconds = int(found.group(1)), float(found.group(2))
    part = (count * FRAME - BURST) / seconds / RATE
    if abs(part - 1) > RATE_ERROR:
        raise checks.CheckFailed(f"{part * 100:.1f} % of the rate", out)
    return f"UDP {part * 100:.1f}"


# -- mirrors, and what the operator sees


def mirror(dom0, net):
    apply(dom0, net.backend, {"ports": [rule(net.a)],
                              "mirrors": {"m": {"client": 0, "sources": [{"guest": net.a.uuid, "vif": 0}]}}})
    dom0.expect(f"atoll switch mirror m -s {net.backend} -w /run/mirror.pcapng >/run/mirror.out 2>&1 & echo $! >/run/mirror.pid; sleep 1.5")
    arrivals(dom0, {(net.a, "eth0"): [frames.plain(net.b.mac, net.a.mac, "seen")],
                    (net.c, "eth0"): [frames.plain(net.d.mac, net.c.mac, "unseen")]}, [])
    out = dom0.expect("""
        sleep 1.5; kill -INT $(cat /run/mirror.pid); sleep 1; cat /run/mirror.out; ls -l /run/mirror.pcapng
        echo seen=$(grep -ac ATOLL-seen /run/mirror.pcapng) unseen=$(grep -ac ATOLL-unseen /run/mirror.pcapng)""", 30)
    if "seen=0" in out.replace("unseen=0", "") or "unseen=0" not in out:
        raise checks.CheckFailed("the mirror shows not what it should", out)
    apply(dom0, net.backend, {})
    return f"{dom0.expect('stat -c %s /run/mirror.pcapng').strip()} bytes of pcapng"


def shown(dom0, net):
    out = ""
    for command in ("show", "ports", "fdb", "stats", "events -n 20", "rules", "mirror"):
        text = dom0.expect(f"atoll switch {command} -s {net.backend}", 30, f"atoll switch {command}")
        if not text.strip():
            raise checks.CheckFailed(f"atoll switch {command} says nothing")
        out += f"# atoll switch {command}\n{text}"
    for guest in net.all:
        port = port_of(dom0, net.backend, guest, what="ports")
        if port.get("state") != "connected" or port.get("guest") != guest.name:
            raise checks.CheckFailed(f"atoll switch ports does not show {guest.name} as it is", json.dumps(port, indent=1))
    table = dom0.expect(f"atoll switch fdb -s {net.backend}")
    missing = [g.name for g in net.all if g.mac not in table]
    if missing:
        raise checks.CheckFailed(f"addresses of {' '.join(missing)} are not learned", table)
    dom0.shown = out
    dom0.expect("echo '{\"ports\": [{\"guest\": \"nobody\"}]}' >/run/bad.json; "
                f"atoll switch apply -s {net.backend} /run/bad.json 2>/run/err && exit 1; [ $(wc -l </run/err) = 1 ]", 30,
                "a bad file of rules is not refused in one line")
    return "show ports fdb stats events rules mirror apply"


def restarted(dom0, net):
    """The switch is killed; its successor gets the rules again, and the toolstack gives the guests their vifs again."""
    apply(dom0, net.backend, {"ports": [rule(net.a, locking_mode="locked", macs=[net.a.mac], ipv4=[net.a.ipv4])]})
    dom0.expect(f"xl destroy {net.backend}; atoll start {net.backend}", 60, "the switch does not start again")
    for guest in net.all[:2]:
        net.replace_first(dom0, guest)
    net.a.run(dom0, f"ping -c 10 -i 0.5 -W 2 {net.b.ipv4} | grep ' bytes from'", 30, "no ping after the switch was killed")
    for _ in range(10):  # until it is told whose port it is
        port = port_of(dom0, net.backend, net.a, what="ports")
        if port.get("matched"):
            break
        dom0.run("sleep 1")
    if not port.get("matched") or port.get("locking-mode") != "locked":
        raise checks.CheckFailed("the rules are not in force again", json.dumps(port, indent=1))
    apply(dom0, net.backend, {})
    return "killed, started, two guests on it again, rules in force"


def second_switch(dom0, net):
    """Two switches do not know each other."""
    dom0.expect("printf '[switch2]\\nkernel = /lab/netback-switch.elf\\n' >>/etc/atoll/atoll.conf; atoll start switch2", 60)
    there = []
    try:
        for guest in (net.a, net.b, net.c):
            net.attach(dom0, guest, 1, backend=net.backend if guest is net.c else "switch2")
            there.append(guest)
        mac = {g: net.second_mac(g) for g in net.all}
        heard = arrivals(dom0, {(net.a, "eth1"): [frames.plain(frames.EVERYBODY, mac[net.a], "second")]},
                         [(net.b, "eth1"), (net.c, "eth1"), (net.d, "eth0")])
        _compare(heard, {(net.b, "eth1"): {"second": None}, (net.c, "eth1"): {}, (net.d, "eth0"): {}}, "two switches")
    finally:
        for guest in there:
            net.detach(dom0, guest, 1)
    dom0.expect("atoll stop switch2", 60)
    return "a frame stays on the switch it came to"
