#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The monitor's decoder against tshark's, on real captures.
usage: tshark_check.py DECODE-DUMP MAKE-CAPTURES FOLDER [--all]

All Ethernet captures below FOLDER are put into one (tshark takes long to start), which is kept as .all.pcap there.
Each frame of it is decoded by both; what they say of addresses, VLANs, ports, flags, lengths and fragments is compared. Differences are counted by kind: those that EXPLAINED names are meant
(why is written there), any other is a failure, and shown. --all shows the explained ones, too.

Exit status 0: no other difference; 1: some; 77: tshark or captures are missing (tests/bench/monitor/
fetch_captures.py downloads some).
"""
import collections
import os
import subprocess
import sys

SKIPPED = 77
SHOWN = 8 # of each kind

OURS = """number result ethertype tags vid0 vid1 family source destination protocol ports source_port destination_port
    tcp_flags ip_length payload payload_length payload_captured fragment fragment_at more fragment_id icmp_type
    icmp_code arp_operation sequence acknowledgment tos ttl""".split()

# tshark's names of what is compared; of several of a kind (tunnels, what ICMP quotes) the first counts.
THEIRS = """frame.number frame.protocols frame.len frame.cap_len eth.type llc.dsap vlan.id ieee8021ad.id
    ip.src ip.dst ip.proto ip.len ip.id ip.frag_offset ip.flags.mf ip.ttl ip.dsfield
    ipv6.src ipv6.dst ipv6.plen ipv6.hlim ipv6.tclass ipv6.fraghdr.offset ipv6.fraghdr.more ipv6.fraghdr.ident
    tcp.srcport tcp.dstport tcp.flags tcp.len tcp.seq_raw tcp.ack_raw tcp.hdr_len udp.srcport udp.dstport udp.length
    sctp.srcport sctp.dstport dccp.srcport dccp.dstport icmp.type icmp.code icmp.ident icmpv6.type icmpv6.code
    icmpv6.echo.identifier arp.hw.type arp.opcode arp.src.proto_ipv4 arp.dst.proto_ipv4 _ws.malformed""".split()

# Nothing is put together, and no checksum is verified.
OPTIONS = ["ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE",
           "tcp.check_checksum:FALSE", "udp.check_checksum:FALSE", "ip.check_checksum:FALSE",
           "tcp.analyze_sequence_numbers:FALSE", "tcp.relative_sequence_numbers:FALSE"]

TRANSPORTS = {6: "tcp", 17: "udp", 132: "sctp", 33: "dccp", 136: "udplite"}

EXTENSIONS = ("ipv6.hopopts", "ipv6.routing", "ipv6.fraghdr", "ipv6.dstopts", "ah", "mipv6")

# What tshark makes of it is of use to who looks at frames; a table of flows is better off with what a host would.
EXPLAINED = {
    "inside": "IP in what we do not look into (MACsec, NSH, Ethernet in something), or RARP",
    "longer than the frame": "IP that claims more than its frame has is decoded by both, and malformed to us",
    "no IP header": "another version than Ethernet says, or a length below the header's: tshark shows what it can",
    "fragment too far": "beyond 65,535 bytes, which no datagram has",
    "802.3 longer than the frame": "tshark shows what there is of it",
    "sizes of ARP": "Ethernet's and IPv4's addresses are of 6 and 4 bytes; Linux drops it as we do",
    "hardware of ARP": "neither Ethernet nor 802: Linux takes no address from it",
    "no byte of the transport": "the capture ends where it would begin; tshark names what would be there",
    "UDP's length": "below its header, or beyond its datagram: tshark remarks on it, and takes it for a datagram",
    "TCP's header": "shorter than 20 bytes or longer than the segment: tshark remarks on it",
}


class Frame:
    """One frame as both of them see it."""

    def __init__(self, ours, theirs):
        self.ours = dict(zip(OURS, ours.rstrip("\n").split("\t")))
        self.theirs = dict(zip(THEIRS, theirs.rstrip("\n").split("\t")))

    def __getattr__(self, name):
        value = self.ours[name]
        return int(value) if value.isdigit() else value

    def their(self, name, default=None):
        value = self.theirs.get(name, "").split(",")[0]
        if value == "":
            return default
        try:
            return int(value, 0)
        except ValueError:
            return {"True": 1, "False": 0}.get(value, value)

    def layers(self):
        return self.theirs["frame.protocols"].split(":")


def compare(frame):
    """The differences, as (kind, ours, theirs)."""
    found = []

    def same(kind, ours, theirs):
        if theirs is not None and ours != theirs:
            found.append((kind, ours, theirs))

    layers = frame.layers()
    network = next((l for l in layers if l in ("ip", "ipv6", "arp")), None)
    if frame.result == "malformed":
        return [] if frame.their("_ws.malformed") else [(malformed_kind(frame), "malformed", "fine")]
    if frame.family == 0 and network and (frame.ethertype == 0x8035 or is_inside(layers[:layers.index(network)])):
        return [("inside", 0, network)]
    same("family", frame.family, {"ip": 4, "ipv6": 6, "arp": 1, None: 0}[network])
    if found:
        return found
    vids = [v for name in ("ieee8021ad.id", "vlan.id") for v in frame.theirs.get(name, "").split(",") if v]
    same("tags", [frame.vid0, frame.vid1][:frame.tags], [int(v, 0) for v in vids])
    if network == "arp":
        same("arp operation", frame.arp_operation, frame.their("arp.opcode"))
        if frame.source != frame.their("arp.src.proto_ipv4", frame.source) and \
                frame.their("arp.hw.type") not in (1, 6):
            return [("hardware of ARP", frame.source, frame.their("arp.hw.type"))]
        same("arp source", frame.source, frame.their("arp.src.proto_ipv4"))
        same("arp destination", frame.destination, frame.their("arp.dst.proto_ipv4"))
    if network in ("ip", "ipv6"):
        compare_ip(frame, network, layers, same)
    return found


def is_inside(layers):
    """Has it headers before it that we know nothing of?"""
    return any(name not in ("eth", "ethertype", "vlan", "ieee8021ad", "llc", "pppoes", "ppp", "mpls") for name in layers)


def malformed_kind(frame):
    """Of a frame that is malformed to us, and not to tshark."""
    if frame.family == 0 and frame.ethertype < 0x600:
        return "802.3 longer than the frame"
    if frame.family == 1:
        return "sizes of ARP"
    if frame.ip_length == 0:
        return "no IP header"
    if frame.fragment and frame.fragment_at + frame.ip_length > 65535:
        return "fragment too far"
    if frame.family == 4 and frame.their("ip.len", 0) > frame.ip_length or \
            frame.family == 6 and frame.their("ipv6.plen", 0) + 40 > frame.ip_length:
        return "longer than the frame"
    if frame.ports and frame.protocol == 17:
        return "UDP's length"
    if frame.ports and frame.protocol == 6:
        return "TCP's header"
    return "malformed"


def compare_ip(frame, network, layers, same):
    same("source", frame.source, frame.their(network + ".src"))
    same("destination", frame.destination, frame.their(network + ".dst"))
    if network == "ip":
        same("protocol", frame.protocol, frame.their("ip.proto"))
        same("ttl", frame.ttl, frame.their("ip.ttl"))
        same("tos", frame.tos, frame.their("ip.dsfield"))
        same("ip length", frame.ip_length, frame.their("ip.len"))
        if frame.result == "ok": # else options may be cut off, and we look no further
            same("fragment", (frame.fragment_at, frame.more),
                 (frame.their("ip.frag_offset", 0) * 8, frame.their("ip.flags.mf", 0)))
    else:
        same("ttl", frame.ttl, frame.their("ipv6.hlim"))
        same("tos", frame.tos, frame.their("ipv6.tclass"))
        length = frame.their("ipv6.plen")
        same("ip length", frame.ip_length, None if length is None else length + 40)
        if "ipv6.fraghdr" in extensions(layers):
            same("fragment", (frame.fragment_at, frame.more),
                 (frame.their("ipv6.fraghdr.offset", 0) * 8, frame.their("ipv6.fraghdr.more", 0)))
    compare_transport(frame, layers, same)


def extensions(layers):
    """IP's extension headers, without what is in tunnels and ICMP."""
    first = min(layers.index(name) for name in ("ip", "ipv6") if name in layers) + 1
    end = first
    while end < len(layers) and layers[end] in EXTENSIONS:
        end += 1
    return layers[first:end]


def transport_layer(layers):
    """What follows IP and its extension headers, if we know it."""
    at = min(layers.index(name) for name in ("ip", "ipv6") if name in layers) + 1 + len(extensions(layers))
    known = (*TRANSPORTS.values(), "icmp", "icmpv6")
    return layers[at] if at < len(layers) and layers[at] in known else None


def compare_transport(frame, layers, same):
    transport = transport_layer(layers)
    ours = TRANSPORTS.get(frame.protocol, {1: "icmp", 58: "icmpv6"}.get(frame.protocol))
    if transport is None and not frame.ports:
        return
    if frame.result == "short" and frame.payload == 0 and not frame.ports and frame.their(f"{transport}.type") is None:
        same("no byte of the transport", None, transport)
        return
    same("transport", ours if frame.ports else None, transport)
    if ours != transport:
        return
    if transport in ("tcp", "udp", "sctp", "dccp"):
        same("source port", frame.source_port, frame.their(transport + ".srcport"))
        same("destination port", frame.destination_port, frame.their(transport + ".dstport"))
    if transport == "tcp":
        flags = frame.their("tcp.flags")
        same("tcp flags", frame.tcp_flags, None if flags is None else flags & 0xff)
        same("sequence", frame.sequence, frame.their("tcp.seq_raw"))
        same("acknowledgment", frame.acknowledgment, frame.their("tcp.ack_raw"))
        same("tcp payload", frame.payload_length, frame.their("tcp.len"))
    if transport == "udp" and not frame.more:
        length = frame.their("udp.length")
        same("udp payload", frame.payload_length, None if length is None else length - 8)
    if transport in ("icmp", "icmpv6"):
        same("icmp type", (frame.icmp_type, frame.icmp_code),
             (frame.their(transport + ".type"), frame.their(transport + ".code")))


def tshark(path):
    command = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "occurrence=a"]
    for option in OPTIONS:
        command += ["-o", option]
    for field in THEIRS:
        command += ["-e", field]
    return subprocess.run(command, text=True, errors="replace", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          check=False).stdout.split("\n")[:-1]


def check(dump, path, kinds):
    """Compare a capture; how many frames."""
    ours = subprocess.run([dump, path], text=True, stdout=subprocess.PIPE, check=True).stdout.split("\n")[:-1]
    theirs = tshark(path)
    if len(ours) != len(theirs):
        kinds["number of frames"].append((0, len(ours), len(theirs)))
    for one, other in zip(ours, theirs):
        frame = Frame(one, other)
        for kind, mine, their in compare(frame):
            kinds[kind].append((frame.number, mine, their))
    return len(ours)


def gather(make_captures, folder):
    """One capture of all that are below @folder; None where it cannot be checked."""
    try:
        subprocess.run(["tshark", "--version"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    except OSError:
        return None
    if not os.path.isdir(folder) or not any(not name.startswith(".") for name in os.listdir(folder)):
        return None
    path = os.path.join(folder, ".all.pcap")
    subprocess.run([make_captures, "mixed", path, "--bytes", "0", "--packets", "0", "--flows", "0"] +
                   [os.path.join(folder, name) for name in sorted(os.listdir(folder)) if not name.startswith(".")],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return path


def main():
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    dump, make_captures, folder = sys.argv[1:4]
    path = gather(make_captures, folder)
    if path is None:
        print(f"skipped: tshark, or captures in {folder}, are missing")
        sys.exit(SKIPPED)
    kinds = collections.defaultdict(list)
    print(f"{check(dump, path, kinds)} frames")
    failed = 0
    for kind, cases in sorted(kinds.items()):
        explained = kind in EXPLAINED
        failed += not explained
        print(f"{'explained' if explained else 'DIFFERENT'}: {kind}: {len(cases)} frames" +
              (f": {EXPLAINED[kind]}" if explained else ""))
        for number, ours, theirs in cases[:SHOWN] if not explained or "--all" in sys.argv else []:
            print(f"    frame {number}: we say {ours}, tshark {theirs}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
