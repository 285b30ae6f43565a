#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Names that conversations show in clear, as `atoll flows -r` and as tshark read them from the same captures.
usage: compare_names.py ATOLL FILE-OR-FOLDER...

Of folders, captures of at most 2 MB are read, but those that a fuzzer wrote: there is no right answer to what they ask.

tshark's dns.qry.name, tls.handshake.extensions_server_name and http.host of each frame, by kind and pair of ends. Of a
flow the first name is kept, so each name of ours has to be among tshark's of that conversation, and a conversation that
has names for tshark has to have one for us. Differences are counted by kind; those that EXPLAINED names are meant, any
other is shown.

Exit status 0: no other difference; 1: some; 77: tshark or captures are missing.
"""
import collections
import json
import os
import re
import shutil
import subprocess
import sys

SKIPPED = 77
SKIPPED_NAMES = re.compile("fuzz|asan|oobr|heap|segv|crash|invalid")
SIZE_MAX = 2 << 20
KINDS = {"dns": "dns.qry.name", "tls": "tls.handshake.extensions_server_name", "http": "http.host"}
FIELDS = ["frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "udp.srcport",
          "udp.dstport", "dns.count.queries", "dns.resp.name", "frame.number", "_ws.malformed"] + list(KINDS.values())
# Nothing is put together on the way to what a single payload says, but for TLS' records, which are ours to join, too.
OPTIONS = ("ip.defragment:FALSE", "ipv6.defragment:FALSE")
NAME_MAX = 126  # application.h: APPLICATION_NAME without NUL and the mark of a cut

EXPLAINED = {
    "not TCP": "HTTP is looked for on TCP alone, not SSDP's on UDP",
    "inside": "of a tunnel the outer conversation counts",
    "not its port": "DNS is looked for at the ports of DNS, mDNS and LLMNR alone",
    "encrypted": "QUIC: tshark decrypts its first packets",
    "begun before": "the conversation had another use or name first, which is kept",
    "broken": "tshark calls a frame of it malformed, and shows what there is of a name",
    "several questions": "a message with more than one question is none that a resolver sends",
}


def plain(name):
    """A name without what the two write in different ways: odd bytes, and a long one's end."""
    name = "." if name == "<Root>" else name
    name = re.sub(r"\\\d\d\d|[^!-~]", "?", name.rstrip(".").lower()).replace("\\", "")
    return name[:NAME_MAX] or "."


def ours(program, path):
    done = subprocess.run([program, "flows", "-r", path, "--json", "--idle", "86400", "--active", "86400"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    found = collections.defaultdict(list)
    if done.returncode or not done.stdout:
        return None
    for flow in sorted(json.loads(done.stdout), key=lambda flow: flow["first"]):
        if "application" not in flow:
            continue
        ends = tuple(sorted((side["address"], side.get("port", 0)) for side in flow["sides"]))
        application = flow["application"]
        name = application["name"]
        found[(flow["protocol"], *ends)].append((application["kind"], plain(name) if name else ""))
    return found


def theirs(path):
    """Of segments as they come, and of what tshark joins them to: it waits for those that are out of order."""
    found, remarks = read(path, "tcp.desegment_tcp_streams:FALSE")
    joined, more = read(path, "tcp.desegment_tcp_streams:TRUE")
    for key, entries in joined.items():
        known = [entry[:2] for entry in found[key]]
        found[key] += [entry for entry in entries if entry[:2] not in known]
        found[key].sort(key=lambda entry: entry[2])
    return found, remarks | more


def read(path, joins):
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=\x02"]
    for option in (*OPTIONS, joins):
        command += ["-o", option]
    for field in FIELDS:
        command += ["-e", field]
    command += ["-Y", " or ".join([*KINDS.values(), "dns.resp.name"])]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    found, remarks = collections.defaultdict(list), {}
    for line in done.stdout.decode(errors="replace").splitlines():
        row = dict(zip(FIELDS, (field.split("\x02") for field in line.split("\t"))))
        layers = row["frame.protocols"][0].split(":")
        transport = next((layer for layer in layers if layer in ("tcp", "udp")), None)
        network = next((layer for layer in layers if layer in ("ip", "ipv6")), None)
        if not transport or not network:
            continue
        ends = tuple(sorted((row[network + way][0], int(row[transport + port][0]))
                            for way, port in ((".src", ".srcport"), (".dst", ".dstport"))))
        key = ({"tcp": 6, "udp": 17}[transport], *ends)
        inner = layers[layers.index(network) + 1:]
        if "ip" in inner or "ipv6" in inner:
            remarks[key] = "inside"
        if "quic" in layers or "gquic" in layers:
            remarks[key] = "encrypted"
        if row["_ws.malformed"][0]:
            remarks[key] = "broken"
        for kind, field in KINDS.items():
            names = [name for name in row[field] if name]
            if kind == "dns" and not names:
                names = row["dns.resp.name"][:1]  # mDNS announces without a question
                names = names if names[0] else []
            if kind == "dns" and not {53, 5353, 5355} & {ends[0][1], ends[1][1]} and names:
                remarks[key] = "not its port"
            if kind == "http" and transport == "udp" and names:
                remarks[key] = "not TCP"
            if kind == "dns" and row["dns.count.queries"][0] not in ("", "0", "1"):
                remarks[key] = "several questions"
            found[key] += [(kind, plain(name), int(row["frame.number"][0])) for name in names]
    return found, remarks


def compare(mine, reference, remarks):
    """(what, shown) of each difference, and how many conversations agree."""
    differ, equal = [], 0
    for key in mine.keys() | reference.keys():
        have = [entry for entry in mine.get(key, []) if entry[1]]
        names = [(kind, name) for kind, name, _ in reference.get(key, [])]
        wrong = [entry for entry in have if entry not in names]
        shown = f"{key}: {mine.get(key)}, tshark {reference.get(key)[:4] if key in reference else None}"
        if wrong:
            differ.append((remarks.get(key, "a name that tshark has not"), shown))
        elif names and not have:
            differ.append((remarks.get(key, "begun before" if mine.get(key) else "no name"), shown))
        elif names and have[0] != names[0]:
            differ.append((remarks.get(key, "not the first name"), shown))
        elif names:
            equal += 1
    return differ, equal


def captures(paths):
    for path in paths:
        if os.path.isfile(path):
            yield path
        for folder, _, names in sorted(os.walk(path)):
            for name in sorted(names):
                file = os.path.join(folder, name)
                if name.endswith((".pcap", ".pcapng", ".cap")) and not name.startswith(".") and \
                        not SKIPPED_NAMES.search(name) and os.path.getsize(file) <= SIZE_MAX:
                    yield file


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    paths = list(captures(sys.argv[2:]))
    if not shutil.which("tshark") or not paths:
        return SKIPPED
    kinds, equal, wrong, files = collections.Counter(), 0, 0, 0
    for path in paths:
        mine = ours(sys.argv[1], path)
        if mine is None:
            continue
        files += 1
        differ, same = compare(mine, *theirs(path))
        equal += same
        for what, shown in differ:
            kinds[what] += 1
            if what not in EXPLAINED:
                wrong += 1
                print(f"{path}: {what}: {shown}")
    print(f"{files} captures: {equal} conversations with the same name")
    for what, count in kinds.most_common():
        print(f"{count:6} {what}" + (f": {EXPLAINED[what]}" if what in EXPLAINED else ""))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
