# SPDX-License-Identifier: ISC
"""Frames as hexadecimal text, for lab-frames. Each carries MARK at its end, by which a listener knows it."""

import ipaddress
import struct

MARK = "ATOLL-"
EVERYBODY = "ff:ff:ff:ff:ff:ff"


def _mac(text):
    return bytes.fromhex(text.replace(":", ""))


def _sum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def ethernet(to, source, kind, payload, mark, vid=None):
    tag = b"" if vid is None else struct.pack(">HH", 0x8100, vid)
    frame = _mac(to) + _mac(source) + tag + struct.pack(">H", kind) + payload
    return (frame.ljust(48, b"\0") + (MARK + mark + ".").encode()).hex()


def plain(to, source, mark, vid=None):
    """Of a local experiment's type (IEEE 802)."""
    return ethernet(to, source, 0x88B5, b"", mark, vid)


def arp(source, operation, sender_mac, sender, target, mark, to=EVERYBODY):
    body = struct.pack(">HHBBH", 1, 0x0800, 6, 4, operation) + _mac(sender_mac) + ipaddress.ip_address(sender).packed + \
        _mac("00:00:00:00:00:00") + ipaddress.ip_address(target).packed
    return ethernet(to, source, 0x0806, body, mark)


def _ipv4(sender, target, protocol, body):
    head = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(body), 1, 0, 64, protocol, 0) + \
        ipaddress.ip_address(sender).packed + ipaddress.ip_address(target).packed
    return head[:10] + struct.pack(">H", _sum(head)) + head[12:] + body


def _udp(sport, dport, payload):
    return struct.pack(">HHHH", sport, dport, 8 + len(payload), 0) + payload


def udp4(source, sender, target, mark, to=EVERYBODY, sport=5000, dport=5001, payload=b"", vid=None):
    return ethernet(to, source, 0x0800, _ipv4(sender, target, 17, _udp(sport, dport, payload)), mark, vid)


def _ipv6(sender, target, following, body, hops=255):
    return struct.pack(">IHBB", 6 << 28, len(body), following, hops) + ipaddress.ip_address(sender).packed + \
        ipaddress.ip_address(target).packed + body


def _icmp6(sender, target, body):
    pseudo = ipaddress.ip_address(sender).packed + ipaddress.ip_address(target).packed + struct.pack(">IxxxB", len(body), 58)
    return _ipv6(sender, target, 58, body[:2] + struct.pack(">H", _sum(pseudo + body)) + body[4:])


def udp6(source, sender, target, mark, to="33:33:00:00:00:01", sport=5000, dport=5001):
    return ethernet(to, source, 0x86DD, _ipv6(sender, target, 17, _udp(sport, dport, b"")), mark)


def advertisement(source, sender, claims, mac, mark, to="33:33:00:00:00:01"):
    """An unasked neighbour advertisement that @claims is at @mac."""
    body = struct.pack(">BBHI", 136, 0, 0, 0x20000000) + ipaddress.ip_address(claims).packed + b"\x02\x01" + _mac(mac)
    return ethernet(to, source, 0x86DD, _icmp6(sender, "ff02::1", body), mark)


def router(source, sender, mark):
    body = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    return ethernet("33:33:00:00:00:01", source, 0x86DD, _icmp6(sender, "ff02::1", body), mark)


def dhcp_offer(source, sender, mark):
    body = struct.pack(">BBBBI", 2, 1, 6, 0, 7) + b"\0" * 228 + bytes((99, 130, 83, 99, 53, 1, 2, 255))
    return udp4(source, sender, "255.255.255.255", mark, sport=67, dport=68, payload=body)


def syn(source, to, sender, target, sport=40000):
    """A SYN in two pieces of text, between which the port belongs; its checksum is none."""
    body = struct.pack(">HHIIBBHHH", sport, 0, 1, 0, 5 << 4, 2, 1024, 0, 0)
    frame = (_mac(to) + _mac(source) + b"\x08\x00" + _ipv4(sender, target, 6, body)).hex()
    at = 2 * (14 + 20 + 2)
    return frame[:at], frame[at + 4:]
