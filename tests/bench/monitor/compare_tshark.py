#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Conversations, packets and bytes of a capture file as the monitor's engine and as tshark have them.
usage: compare_tshark.py FLOW-BENCH FILE

By pairs of addresses (tshark -z conv,ip and conv,ipv6) and, of TCP and UDP, by pairs of addresses and ports
(conv,tcp and conv,udp). tshark's own tables round their bytes to kB, so they are added up here from the fields of each
packet. What is meant to differ is taken account of: of tunnels only the outer addresses count; a later fragment
belongs to the ports of its datagram's first one; one key that was used for several connections is one row here.

Exit status 0: all equal; 1: some are not, of which the first are shown.
"""
import collections
import os
import subprocess
import sys
import tempfile

FIELDS = """frame.len ip.src ip.dst ip.proto ip.id ip.frag_offset ip.flags.mf ipv6.src ipv6.dst ipv6.fraghdr.ident
    ipv6.fraghdr.offset ipv6.fraghdr.more ipv6.fraghdr.nxt    tcp.srcport tcp.dstport udp.srcport udp.dstport frame.protocols""".split()
# The dissectors that stay on, for the time it takes.
PROTOCOLS = """frame eth ethertype vlan ieee8021ad llc ip ipv6 ipv6.hopopts ipv6.routing ipv6.fraghdr ipv6.dstopts ah
    mipv6 tcp udp pppoes ppp mpls""".split()
OPTIONS = ("ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE",
           "tcp.analyze_sequence_numbers:FALSE", "tcp.check_checksum:FALSE", "udp.check_checksum:FALSE")
NAMES = {(4, None): "IPv4", (6, None): "IPv6", (4, 6): "TCP on IPv4", (6, 6): "TCP on IPv6", (4, 17): "UDP on IPv4",
         (6, 17): "UDP on IPv6"}


def add(tables, kind, ends, frames, size):
    row = tables[kind].setdefault(tuple(sorted(ends)), [0, 0])
    row[0] += frames
    row[1] += size


def ours(program, path):
    tables = collections.defaultdict(dict)
    child = subprocess.Popen([program, "--list", path], stdout=subprocess.PIPE, text=True)
    for line in child.stdout:
        words = line.split()
        if words[0] == "frames":
            totals = line.strip()
            continue
        family, protocol, frames, size = int(words[0]), int(words[1]), int(words[6]), int(words[7])
        add(tables, (family, None), ((words[2],), (words[4],)), frames, size)
        if protocol in (6, 17) and (words[3], words[5]) != ("0", "0"):
            add(tables, (family, protocol), ((words[2], int(words[3])), (words[4], int(words[5]))), frames, size)
    if child.wait():
        sys.exit(1)
    return tables, totals


def fragment_of(row, family):
    """(identification, is it a later one, its protocol); None: no fragment."""
    if family == 4:
        later, more = row["ip.frag_offset"] not in ("", "0"), row["ip.flags.mf"] in ("1", "True")
        return (row["ip.id"], later, row["ip.proto"]) if later or more else None
    if not row["ipv6.fraghdr.ident"]:
        return None
    return row["ipv6.fraghdr.ident"], row["ipv6.fraghdr.offset"] not in ("", "0"), row["ipv6.fraghdr.nxt"]


def transport_of(row, family, ends, layers, first):
    """(protocol, ports) of a packet's TCP or UDP header; of a later fragment, of its first one."""
    inner = next((layer for layer in layers if layer in ("ip", "ipv6", "tcp", "udp")), None)
    fragment = fragment_of(row, family)
    if inner in ("tcp", "udp") and row[inner + ".srcport"] and not (fragment and fragment[1]):
        found = {"tcp": 6, "udp": 17}[inner], (row[inner + ".srcport"], row[inner + ".dstport"])
        if fragment:
            first[(*ends, fragment[0], fragment[2])] = found
        return found
    return first.get((*ends, fragment[0], fragment[2])) if fragment else None


def theirs(path):
    tables, first = collections.defaultdict(dict), {}
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=f"]
    for option in OPTIONS:
        command += ["-o", option]
    for field in FIELDS:
        command += ["-e", field]
    folder = tempfile.TemporaryDirectory()
    environment = dict(os.environ, WIRESHARK_CONFIG_DIR=folder.name)
    listed = subprocess.run(["tshark", "-G", "protocols"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                            check=True).stdout
    with open(os.path.join(folder.name, "disabled_protos"), "w", encoding="utf-8") as f:
        f.writelines(line.split("\t")[2] + "\n" for line in listed.splitlines()
                     if line.split("\t")[2] not in PROTOCOLS)
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment)
    for line in child.stdout:
        row = dict(zip(FIELDS, line.rstrip("\n").split("\t")))
        layers = row["frame.protocols"].split(":")
        network = next((layer for layer in layers if layer in ("ip", "ipv6")), None)
        if network is None or not row[network + ".src"]:
            continue
        family, size = (4 if network == "ip" else 6), int(row["frame.len"])
        ends = row[network + ".src"], row[network + ".dst"]
        add(tables, (family, None), ((ends[0],), (ends[1],)), 1, size)
        found = transport_of(row, family, ends, layers[layers.index(network) + 1:], first)
        if found:
            protocol, ports = found
            add(tables, (family, protocol), ((ends[0], int(ports[0])), (ends[1], int(ports[1]))), 1, size)
    # tshark ends with 2 where a file is cut; all before that counts.
    if child.wait() not in (0, 2) or not tables:
        sys.exit(f"tshark ended with status {child.returncode}")
    return tables


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    mine, totals = ours(*sys.argv[1:])
    reference = theirs(sys.argv[2])
    wrong = 0
    print(totals)
    print(f"{'':12} {'conversations':>14} {'of tshark':>14} {'packets':>12} {'of tshark':>12} {'bytes':>14} "
          f"{'of tshark':>14} {'differ':>7}")
    shown = []
    for kind, name in NAMES.items():
        a, b = mine[kind], reference[kind]
        differ = [key for key in a.keys() | b.keys() if a.get(key) != b.get(key)]
        wrong += len(differ)
        sums = [sum(row[i] for row in table.values()) for i in (0, 1) for table in (a, b)]
        print(f"{name:12} {len(a):14} {len(b):14} {sums[0]:12} {sums[1]:12} {sums[2]:14} {sums[3]:14} {len(differ):7}")
        shown += [f"{name}: {key}: {a.get(key)}, tshark {b.get(key)}" for key in sorted(differ, key=str)[:8]]
    print("\n".join(shown))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
