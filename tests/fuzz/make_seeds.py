#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Writes the seed corpora of the fuzz targets, in the formats that the head of each target describes."""
import json
import os
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))

# The words of fuzz_wire.c, in their order; byte 0x80 + index stands for each.
WORDS = ["/", "a", "b", "/local/domain/", "@releaseDomain", "@introduceDomain", "n0", "n1", "n2", "b3", "r0", "w2", "T",
         "F", "nodes", "watches", "quota", "memreport", "0", "2", "3", "4", "32757", "/local/domain/2/", "check", "set",
         "memory", "transactions", "tool", "1"]
(CONTROL, DIRECTORY, READ, GET_PERMS, WATCH, UNWATCH, TX_START, TX_END, INTRODUCE, RELEASE, DOMAIN_PATH, WRITE, MKDIR,
 RM, SET_PERMS) = range(15)
IS_INTRODUCED, RESUME, SET_TARGET, RESET_WATCHES, DIR_PART, GET_FEATURE, SET_FEATURE, GET_QUOTA, SET_QUOTA = \
    17, 18, 19, 21, 22, 23, 24, 25, 26
DIE, SHUT, INTRO, FREE, RECONNECT, RAW, DEAF, HEAR, RUN, WAIT, FAIL = range(40, 51)


def step(party, action, *rest):
    return bytes([party | action << 2, *rest])


def boot(party):
    return step(party, RUN)  # any step of a dead domain boots it, which takes four more bytes


def request(party, kind, text, tx=0, wait=True):
    payload = b"".join(bytes([0x80 + WORDS.index(part)]) if part in WORDS else part.encode("latin-1")
                       for part in text.replace("|", " \0 ").split(" ") if part)
    return step(party, 0, kind, tx | (0x40 if wait else 0), len(payload)) + payload


GUESTS = b"".join(boot(p) + b"\0\0\0\0" for p in (1, 2, 3))


def wire_seeds():
    yield "tree", GUESTS + request(0, WRITE, "/ a|x") + request(0, SET_PERMS, "/ a|b3|r0|") + request(0, READ, "/ a|") + \
        request(0, DIRECTORY, "/|") + request(0, GET_PERMS, "/ a|") + request(0, RM, "/ a|") + \
        request(0, DIR_PART, "/|0|") + request(0, MKDIR, "/ b|")
    home = request(0, MKDIR, "/local/domain/2|") + request(0, SET_PERMS, "/local/domain/2|n2|")
    yield "watch", GUESTS + home + request(1, WATCH, "a|b|") + request(1, WRITE, "a|1") + request(1, WATCH, "/|a|1|") + \
        request(1, UNWATCH, "a|b|") + request(1, RESET_WATCHES, "|") + request(1, WATCH, "@releaseDomain|a|") + \
        step(2, DIE)
    yield "transaction", GUESTS + home + request(1, TX_START, "|") + request(1, WRITE, "a|1", 1) + \
        request(1, READ, "b|", 1) + request(0, WRITE, "/local/domain/2/ b|2") + request(1, TX_END, "T|", 1) + \
        request(1, TX_START, "|") + request(1, RM, "a|", 1) + request(1, TX_END, "T|", 1)
    yield "domains", GUESTS + request(0, SET_TARGET, "3|2|") + request(0, IS_INTRODUCED, "3|") + \
        request(0, RESUME, "3|") + step(2, SHUT, 0) + step(2, FREE) + step(2, INTRO) + step(1, DIE) + boot(1) + \
        b"\0\0\3\0" + request(1, DOMAIN_PATH, "3|") + request(0, RELEASE, "3|")
    yield "quota", GUESTS + home + request(0, SET_QUOTA, "2|nodes|3|") + request(1, WRITE, "a|1") + \
        request(1, WRITE, "b / a / b|1") + request(0, GET_QUOTA, "2|nodes|") + request(0, CONTROL, "quota|2|") + \
        request(0, GET_FEATURE, "2|") + request(0, SET_FEATURE, "3|1|") + request(0, CONTROL, "check|")
    yield "rings", GUESTS + home + step(1, DEAF) + b"".join(
        request(1, WRITE, "a|1", wait=False) + request(1, READ, "a|", wait=False) for _ in range(30)) + \
        step(1, RAW, 20) + struct.pack("<4I", READ, 1, 0, 5000) + b"abcd" + step(1, HEAR) + step(1, RECONNECT) + \
        request(1, READ, "a|") + step(1, WAIT, 100) + step(0, FAIL, 3) + step(3, DIE)


def ring_step(kind, *rest, run=True):
    # kind is taken modulo 6; 0x40 (64, which is 4 modulo 6) asks for a run
    value = next(v for v in range(64, 128) if v % 6 == kind) if run else kind
    return bytes([value, *rest])


def message(kind, payload):
    data = struct.pack("<4I", kind, 1, 0, len(payload)) + payload
    return bytes([len(data)]) + data


def ring_seeds():
    send = ring_step(1) + message(WRITE, b"a\0x") + ring_step(1) + message(READ, b"a\0")
    yield "requests", b"\0" + send * 3
    yield "indices", b"\0" + send + ring_step(2, 1, 0, 0, 8, 0) + ring_step(2, 3, 255, 255, 255, 0) + send
    yield "adversary", bytes([3, 4, 4, 9, 6, 0x80 + 12, 200, 2, 8, 1]) + send * 2
    yield "reconnect", b"\0" + send + ring_step(0, 20, 1, 1) + send + ring_step(5) + send
    yield "header", b"\0" + ring_step(1) + bytes([18]) + struct.pack("<4I", WRITE, 1, 0, 4097) + b"a\0" + send
    yield "deaf", b"\0" + ring_step(4, run=False) + send * 8 + ring_step(3, 200) + ring_step(4)


def vchan_seeds():
    # steps: 4 and 6 read, 5 writes, 7 asks, each with a length; 2 moves an index, 1 sets one, 0 a byte, 3 opens anew
    move = [bytes([2, index, 3]) for index in range(4)]
    for end in range(2):
        use = bytes([5, 9, 4, 1, 4, 7, 7, 0, 7, 1, 6, 200, 5, 255])
        for orders in range(4):
            how = end | orders << 1
            yield f"honest-{end}-{orders}", bytes([how, 0]) + use + b"".join(move) + use + bytes([3, 0]) + use
        yield f"indices-{end}", bytes([end, 0]) + use + bytes([1, 1, 0, 0, 16, 1]) + use + bytes([3, 0, 1, 2, 9, 9, 9, 9]) + use
        yield f"live-{end}", bytes([end, 0]) + use + bytes([0, 20, 0, 0, 21, 0]) + use + bytes([3, 0, 0, 20, 2, 0, 21, 2]) + use
        yield f"adversary-{end}", bytes([end | 8, 4, 5, 4, 30, 3, 12, 9, 2, 21, 0, 9, 20, 7]) + use * 3
        yield f"connecting-{end}", bytes([end | 8 | 2, 2, 0, 16, 3, 0, 24, 1]) + use + bytes([3, 1]) + use


# The actions, types, kinds and tags of fuzz_control.c, by their places there.
CONNECT, HELLO, TAKE, CLOSE, KILL, BYTES, SPOIL, PASS, LOG, GATE, FAIL_NTH, GO = range(31, 43)
T_HELLO, T_STATUS, T_STATS, T_LOGS, T_STOP, T_ECHO, T_FAIL, T_HUGE, T_COUNT, T_ENDLESS, T_UPLOAD, T_UNKNOWN = range(12)
K_REQUEST, K_DATA, K_END, K_CANCEL = 0, 3, 4, 5
F_VERSION, F_CLIENT, F_LIMIT, F_FOLLOW, F_DATA, F_COUNT, F_ERRNO, F_VALUE, F_FORCE = range(9)


def number(tag, value):
    return bytes([tag, value])


def text(tag, data, times=1):
    # the byte says the tag by its remainder of 9, and how often it is put by its low four bits
    return bytes([next(b for b in range(0xf0) if b % 9 == tag and b & 15 == times), len(data)]) + data


def group(field):
    return bytes([0xf1]) + field


def frame(party, kind, ident, what, *fields, pieces=0):
    return step(party, 0, kind | (0x80 | pieces << 3 if pieces else 0), ident, what, len(fields), *b"".join(fields))


def control_seeds():
    hello = b"".join(step(p, HELLO) for p in range(3))
    read = b"".join(step(p, TAKE, 200) for p in range(3))
    yield "requests", b"\0" + hello + read + b"".join(frame(p, K_REQUEST, t % 8, t, pieces=p) + step(p, TAKE, 50)
                                                    for p in range(3) for t in range(T_COUNT)) + read
    yield "echo", b"\0" + hello + frame(0, K_REQUEST, 1, T_ECHO, text(F_DATA, b"abc"), group(number(F_LIMIT, 0xf3)),
                                        text(F_DATA, b"d" * 250, 13)) + read
    yield "logs", b"\0" + hello + frame(0, K_REQUEST, 1, T_LOGS, number(F_FOLLOW, 1), number(F_LIMIT, 3)) + \
        step(0, LOG, 20) + read + step(0, LOG, 250) + read + frame(0, K_CANCEL, 1, T_LOGS) + read
    yield "streams", b"\0" + step(0, GATE, 3) + hello + b"".join(
        frame(p, K_REQUEST, i, T_COUNT, number(F_COUNT, 5)) for p in range(2) for i in range(5)) + read + \
        step(0, GATE, 9) + frame(0, K_CANCEL, 2, T_COUNT) + read + frame(2, K_REQUEST, 3, T_ENDLESS) + \
        step(2, TAKE, 30) + step(2, KILL) + step(0, PASS, 30)
    yield "uploads", b"\0" + hello + frame(0, K_REQUEST, 1, T_UPLOAD) + frame(0, K_DATA, 1, T_UPLOAD, text(F_DATA, b"xyz")) + \
        frame(0, K_END, 1, T_UPLOAD) + read + frame(0, K_REQUEST, 2, T_UPLOAD) + \
        frame(0, K_DATA, 2, T_UPLOAD, text(F_DATA, b"\xff")) + read + frame(0, K_REQUEST, 3, T_UPLOAD) + \
        frame(0, K_CANCEL, 3, T_UPLOAD) + read
    yield "stop", b"\0" + hello + frame(0, K_REQUEST, 1, T_STOP, number(F_FORCE, 1)) + step(0, CLOSE) + step(1, PASS, 30)
    garbage = struct.pack("<IHBBI", 20, 6, 1, 0, 1) + b"\1\0\3\0abcd"
    yield "garbage", b"\0" + hello + step(0, BYTES, len(garbage)) + garbage + step(1, BYTES, 12) + bytes(12) + \
        step(2, BYTES, 5) + b"\x0c\0\0\0\1" + step(0, PASS, 110) + read + step(0, CLOSE) + step(1, CLOSE)
    yield "adversary", bytes([2, 20, 4, 200, 3, 12, 9]) + hello + \
        frame(1, K_REQUEST, 1, T_ENDLESS) * 3 + read + step(0, SPOIL, 0, 255) + step(0, FAIL_NTH, 1) + step(0, CLOSE) + read


def field(top, ident, data):
    return struct.pack("<HH", top << 14 | ident, len(data)) + data + bytes(-len(data) % 4)


def decode_seeds():
    flat = field(0, 1, b"\1") + field(0, 2, b"\1\2") + field(0, 3, b"\1\2\3\4") + field(0, 4, bytes(8)) + \
        field(1, 8, b"some text") + field(2, 9, b"a\0b") + field(3, 28, b"")
    deep = field(1, 23, b"deepest")
    for _ in range(4):
        deep = field(3, 27, field(0, 24, b"\7") + deep)
    yield "flat", b"\x0f\xff" + flat
    yield "deep", b"\x0f\xff" + deep + flat
    yield "too_deep", b"\x0f\xff" + field(3, 1, deep)
    yield "no_room", b"\0\x24" + flat + deep
    yield "no_room_in_group", b"\0\x24" + deep + flat
    yield "long", b"\x0f\xf4" + field(2, 9, bytes(4080))
    yield "cut", b"\x0f\xff" + flat[:-2]


# fuzz_store.c: 0x80 is a step of a user, 0x40 lets the client run; XenStore's steps count modulo 8
ANSWER_ODD, ANSWER, STORE_BYTES, EVENT_ODD, EVENT, INDEX, STORE_PASS = 0x40, 0x41, 0x43, 0x44, 0x45, 0x46, 0x47


def user(what, which):
    return bytes([0xc0, what, which])


def store_seeds():
    start = b"\xff\xff\xff\xf0"
    fair = user(0, 0) + bytes([ANSWER]) + user(1, 200) + bytes([ANSWER])
    batch = user(2, 3) + bytes([ANSWER] * 6)
    yield "fair", start + fair + batch
    yield "again", start + user(2, 2) + bytes([ANSWER] * 3 + [ANSWER_ODD, 2] + [ANSWER] * 5)
    yield "refused", start + user(2, 2) + bytes([ANSWER, ANSWER, ANSWER_ODD, 0xc2, ANSWER])
    yield "watch", start + user(5, 0) + bytes([ANSWER, EVENT, 0, EVENT, 7]) + user(6, 0) + bytes([EVENT, 0, ANSWER])
    yield "index", start + user(0, 0) + bytes([INDEX, 0, 0, 8, 1, 3]) + fair
    yield "bytes", start + user(0, 0) + bytes([STORE_BYTES, 9]) + b"\2\0\0\0\1\0\0\0\0" + bytes([STORE_PASS, 200]) + fair
    yield "wrong-id", start + user(0, 0) + bytes([ANSWER_ODD, 4, 1]) + fair
    yield "forgotten", start + user(0, 0) + user(2, 1) + user(7, 0) + user(7, 0) + bytes([ANSWER] * 6)
    yield "event", start + user(5, 0) + bytes([ANSWER, EVENT_ODD, 5]) + b"w\0001\0" + bytes([0, EVENT_ODD, 1, 65, 0])


def record(kind, body):
    body += bytes(-len(body) % 8)
    return struct.pack("<II", kind, len(body)) + body


def node(path, value=b"", perms=(("n", 0, 0),)):
    path = path.encode() + b"\0"
    return record(5, struct.pack("<IIHHHH", 0, 0, len(path), len(value), 0, len(perms)) +
                  b"".join(struct.pack("<BBH", ord(letter), flags, domid) for letter, flags, domid in perms) +
                  path + value)


def watch(connection, path, token, depth=None):
    head = struct.pack("<IHH", connection, len(path) + 1, len(token) + 1)
    head += b"" if depth is None else struct.pack("<HH", depth, 0)
    return record(3 if depth is None else 8, head + path.encode() + b"\0" + token.encode() + b"\0")


def connection(number, domid, port, target=0x7ff4, pending=b"", kind=0):
    return record(2, struct.pack("<IHHHHIHHI", number, kind, 0, domid, target, port, 0, 0, len(pending)) + pending)


def migration_seeds():
    preamble = b"xenstore" + struct.pack(">II", 2, 0)
    end = record(0, b"")
    small = node("/") + node("/a", b"value") + node("/a/b", b"", (("n", 2, 0), ("r", 0, 0), ("b", 9, 1)))
    yield "nodes", b"\x40" + preamble + small + node("@releaseDomain", b"", (("n", 0, 0), ("r", 3, 0))) + end
    yield "connections", b"\x07" + preamble + record(1, struct.pack("<ii", -1, -1)) + connection(1, 0, 1) + \
        watch(1, "/a", "t") + connection(2, 3, 1, target=2) + watch(2, "rel", "t", 3) + \
        connection(3, 0, 5, pending=b"12345", kind=1) + watch(3, "@releaseDomain", "x") + small + end
    yield "quotas", b"\xff" + preamble + record(6, struct.pack("<HHII", 2, 0, 100, 200) + b"nodes\0soft-memory\0") + \
        record(7, struct.pack("<HHII", 3, 1, 7, 5) + b"watches\0") + record(4, struct.pack("<II", 1, 1)) + \
        record(9, b"later") + small + end
    yield "many", b"\xff" + preamble + node("/") + b"".join(node("/n%d" % i, b"x" * i) for i in range(60)) + end


# fuzz_takeover.c: 1 for the pages, 0 for the entries; each change: place, what is done, value
def takeover_seeds():
    yield "as-it-is", b"\0"
    yield "pages", b"\1" + bytes([0, 16, 0, 1, 3]) + bytes([0, 16, 60, 2, 1])
    for place in (0, 2, 4, 8, 120, 130, 300, 310, 800, 1200, 1600, 2000, 2400):
        yield "entry-at-%d" % place, b"\0" + struct.pack(">I", place)[1:] + b"\2\1"
    yield "many", b"\0" + b"".join(struct.pack(">I", place)[1:] + b"\1" + bytes([place % 251])
                                   for place in range(500, 2500, 97))


# fuzz_packet.c: port | 8 if cut to a snapshot | time << 4, how long, how much longer / 8, the frame
def checksum(data):
    total = sum(struct.unpack(">%dH" % ((len(data) + 1) // 2), data + bytes(len(data) % 2)))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return struct.pack(">H", total ^ 0xffff)


def on_port(port, ethernet, time=0, more=0):
    return bytes([port | 8 | time << 4, len(ethernet), more]) + ethernet


def ethernet(dest, kind, body, tags=()):
    tags = b"".join(struct.pack(">HH", *tag) for tag in tags)
    return dest + b"\2\0\0\0\0\2" + tags + struct.pack(">H", kind) + body


STATION = b"\2\0\0\0\0\1"


def ipv4(protocol, body, dest=b"\x0a\0\0\1", fragment=0, options=b"", ttl=64):
    return struct.pack(">BBHHHBBH", 0x45 + len(options) // 4, 0, 20 + len(options) + len(body), 7, fragment, ttl,
                       protocol, 0) + b"\x0a\0\0\2" + dest + options + body


def ipv6(protocol, body, dest=b"\xfe\x80" + bytes(13) + b"\1", hops=64):
    return struct.pack(">IHBB", 6 << 28, len(body), protocol, hops) + b"\xfe\x80" + bytes(13) + b"\2" + dest + body


def igmp(dest, message):
    message = message[:2] + checksum(message) + message[4:]
    return ethernet(b"\1\0\x5e" + bytes([dest[1] & 127]) + dest[2:], 0x800,
                    ipv4(2, message, dest, 0, b"\x94\4\0\0", 1))


def mld(dest, message):
    whole = b"\xfe\x80" + bytes(13) + b"\2" + dest + struct.pack(">II", len(message), 58) + message
    message = message[:2] + checksum(whole) + message[4:]
    return ethernet(b"\x33\x33" + dest[12:], 0x86dd, ipv6(0, b"\x3a\0\5\2\0\0\1\0" + message, dest, 1))


def packet_seeds():
    udp, tcp = struct.pack(">HHHH", 67, 68, 12, 0) + b"abcd", struct.pack(">HHIIBBHHH", 1, 2, 3, 4, 0x60, 16, 9, 0, 0) + bytes(9)
    arp = bytes([0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1])
    plain = [ethernet(STATION, 38, b"\x42\x42\3" + bytes(35)), ethernet(b"\xff" * 6, 0x806, arp),
             ethernet(STATION, 0x800, ipv4(17, udp)), ethernet(STATION, 0x800, ipv4(6, tcp, options=bytes(40))),
             ethernet(STATION, 0x800, ipv4(1, b"\x08" + bytes(11))), ethernet(STATION, 0x86dd, ipv6(17, udp)),
             ethernet(STATION, 0x86dd, ipv6(6, tcp)), ethernet(STATION, 0x86dd, ipv6(58, b"\x87" + bytes(23)))]
    yield "plain", b"".join(on_port(i % 8, frame) for i, frame in enumerate(plain))
    for name, tags in (("q", [(0x8100, 5)]), ("qinq", [(0x8100, 5), (0x8100, 6)]), ("ad", [(0x88a8, 5), (0x8100, 6)]),
                       ("three", [(0x8100, 5)] * 3)):
        frames = [ethernet(STATION, 0x800, ipv4(6, tcp), tags), ethernet(STATION, 0x86dd, ipv6(17, udp), tags)]
        yield "tag-" + name, b"".join(on_port(1, frame) for frame in frames) + \
            b"".join(on_port(2, frames[0][:cut]) for cut in (14, 16, 18, 20, 22))
    yield "fragments", b"".join(on_port(1, ethernet(STATION, 0x800, ipv4(17, udp, fragment=f))) + on_port(
        2, ethernet(STATION, 0x86dd, ipv6(44, b"\x11\0" + struct.pack(">HI", (f & 0x1fff) << 3 | f >> 13, 9) + udp)))
        for f in (0x2000, 0x2001, 1, 0x4000))
    yield "extensions", b"".join(on_port(1, ethernet(STATION, 0x86dd, ipv6(kind, (bytes([kind]) + bytes(7)) * count +
                                                                           b"\x11" + bytes(7) + udp)))
                                 for kind in (0, 43, 51, 60, 135) for count in (0, 3, 7, 8, 20))
    yield "cut", b"".join(on_port(i, frame[:n]) + on_port(i, frame[:n], 0, 4) for i, frame in enumerate(plain)
                          for n in range(13, len(frame), 9))
    own, link = bytes([2, 0, 0, 0, 0, 2]), b"\xfe\x80" + bytes(13) + b"\2"
    dhcp = struct.pack(">HHHH", 68, 67, 52, 0) + b"\1\1\6" + bytes(25) + own + bytes(10)
    locked = [ethernet(b"\xff" * 6, 0x806, bytes([0, 1, 8, 0, 6, 4, 0, 1]) + own + sender + bytes(6) + target)
              for sender, target in ((b"\x0a\0\0\2", b"\x0a\0\0\1"), (bytes(4), b"\x0a\0\0\2"))]
    locked += [ethernet(STATION, 0x86dd, ipv6(58, bytes([kind]) + bytes(7) + target + option + b"\1" + own))
               for kind, target, option in ((133, b"", b"\1"), (134, bytes(8), b"\1"), (135, link, b"\1"), (136, link, b"\2"))]
    yield "locked", b"".join(on_port(1, frame) for frame in locked + [ethernet(b"\xff" * 6, 0x800, ipv4(17, dhcp))])
    hosts, group = b"\xe0\0\0\1", b"\xef\1\1\1"
    data = on_port(6, ethernet(b"\1\0\x5e\1\1\1", 0x800, ipv4(17, udp, group)))
    query = on_port(0, igmp(hosts, b"\x11\x64" + bytes(6)))
    yield "igmp", query + on_port(1, igmp(group, b"\x16\0\0\0" + group)) + \
        on_port(2, igmp(group, b"\x12\0\0\0" + group)) + data + on_port(3, data[3:], 1) + \
        on_port(1, igmp(b"\xe0\0\0\2", b"\x17\0\0\0" + group)) + on_port(0, igmp(group, b"\x11\x0a\0\0" + group)) + \
        on_port(3, data[3:], 1) + query + on_port(3, data[3:], 15)
    records = b"".join(bytes([kind, 0, 0, sources, 239, 1, 1, kind]) + bytes(4 * sources)
                       for kind in range(1, 7) for sources in (0, 1))
    yield "igmpv3", on_port(0, igmp(hosts, b"\x11\x64" + bytes(6) + b"\2\x7d\0\0")) + data + \
        on_port(1, igmp(b"\xe0\0\0\x16", b"\x22" + bytes(6) + b"\x0c" + records)) + on_port(3, data[3:], 1) + \
        on_port(2, igmp(b"\xe0\0\0\x16", b"\x22" + bytes(6) + b"\4" + records[:40])) + data
    all6, group6 = b"\xff\2" + bytes(13) + b"\1", b"\xff\5" + bytes(12) + b"\1\1"
    data6 = on_port(6, ethernet(b"\x33\x33\0\0\1\1", 0x86dd, ipv6(17, udp, group6)))
    yield "mld", on_port(0, mld(all6, b"\x82\0\0\0\x27\x10\0\0" + bytes(16))) + \
        on_port(1, mld(group6, b"\x83" + bytes(7) + group6)) + data6 + on_port(3, data6[3:], 1) + \
        on_port(1, mld(b"\xff\2" + bytes(13) + b"\2", b"\x84" + bytes(7) + group6)) + \
        on_port(0, mld(group6, b"\x82\0\0\0\0\x0a\0\0" + group6)) + on_port(3, data6[3:], 1)
    yield "mldv2", on_port(0, mld(all6, b"\x82\0\0\0\x27\x10\0\0" + bytes(16) + b"\2\x7d\0\0")) + \
        b"".join(on_port(n, mld(b"\xff\2" + bytes(13) + b"\x16", b"\x8f" + bytes(6) + bytes([n]) +
                                b"".join(b"\4\0\0\0" + group6[:15] + bytes([i]) for i in range(n))))
                 for n in range(1, 5)) + on_port(3, data6[3:], 1)
    hello = b"\x20\0\0\0\0\1\0\2\0\x1e"
    yield "routers", on_port(1, igmp(b"\xe0\0\0\x6a", b"\x30\x14" + bytes(6))) + \
        on_port(2, ethernet(b"\1\0\x5e\0\0\x0d", 0x800, ipv4(103, hello[:2] + checksum(hello) + hello[4:],
                                                               b"\xe0\0\0\x0d", ttl=1))) + data + query + data
    yield "full", query + b"".join(on_port(port, igmp(group[:3] + bytes([i]), b"\x16\0\0\0" + group[:3] + bytes([i])))
                                   for port in range(8) for i in range(8)) + on_port(3, data[3:], 1)


# fuzz_engine.c: port | 8 on its way out | time << 4, how long, how much longer, the frame; 0x80: something happens
def given(port, frame, time=0, egress=0, more=0):
    return bytes([port | egress << 3 | time << 4, len(frame), more]) + frame


def turned(frame, at=26, size=4):
    """The same frame from the other side, of IPv4 without options."""
    return frame[6:12] + frame[:6] + frame[12:at] + frame[at + size:at + 2 * size] + frame[at:at + size] + \
        frame[at + 2 * size + 2:at + 2 * size + 4] + frame[at + 2 * size:at + 2 * size + 2] + frame[at + 2 * size + 4:]


def segment(flags, sequence, acknowledgment, payload=b"", port=4000):
    return ethernet(STATION, 0x800, ipv4(6, struct.pack(">HHIIBBHHH", port, 80, sequence, acknowledgment, 0x50, flags,
                                                        9, 0, 0) + payload))


def engine_seeds():
    ports = bytes([0x81, 0x09, 0x82, 0x0a, 0x87, 0x07])
    syn, synack, ack = segment(2, 10, 0), turned(segment(18, 90, 11)), segment(16, 11, 91)
    request = segment(24, 11, 91, b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n")
    fins = given(1, segment(17, 100, 91)) + given(2, turned(segment(17, 91, 101))) + given(1, segment(16, 101, 92))
    shake = given(1, syn) + given(2, synack) + given(1, ack) + given(1, request)
    udp = [ethernet(STATION, 0x800, ipv4(17, struct.pack(">HHHH", port, 53, 12, 0) + b"abcd")) for port in range(40)]
    arp = [ethernet(b"\xff" * 6, 0x806, bytes([0, 1, 8, 0, 6, 4, 0, operation, 2, 0, 0, 0, 0, operation]) +
                    b"\x0a\0\0\1" + bytes(6) + b"\x0a\0\0\2") for operation in (1, 2)]
    yield "tcp", ports + shake + fins + given(1, segment(2, 5000, 0), 1) + given(1, segment(4, 5001, 0)) + b"\xc0\x80"
    yield "times", ports + b"".join(given(1, udp[0], time) for time in range(8)) + bytes([0xd1, 0x80, 0x80, 0xc9, 0x80, 0x80])
    yield "full", ports + b"".join(given(i % 3, frame) + given(2, turned(frame)) for i, frame in enumerate(udp))
    yield "ports", b"".join(bytes([0x81, who]) + given(1, udp[who]) for who in range(40)) + b"\x81\x40" + given(1, udp[0]) + \
        b"\xe0\x80" + given(1, udp[0])
    yield "moved", ports + given(1, arp[0]) + given(2, arp[1]) + given(2, arp[0]) + given(1, udp[1]) + given(2, udp[1])
    yield "out", ports + given(1, udp[1]) + given(2, udp[1], 0, 1)
    yield "fragments", ports + b"".join(given(1, ethernet(STATION, 0x800, ipv4(17, udp[1][34:], fragment=f)))
                                        for f in (1, 0x2000, 2))
    yield "cut", ports + b"".join(given(1, request[:n], more=200) for n in range(0, len(request), 7)) + b"\x80\x01"


# fuzz_rules.c: how long pieces are, then records
def rules_record(group, *fields):
    body = struct.pack("<HH", 0xc000 | group, len(b"".join(fields))) + b"".join(fields)
    return struct.pack("<IHBBI", 12 + len(body), 0x203, 4, 0, 0) + body


def rules_field(kind, number, value):
    return struct.pack("<HH", kind << 14 | number, len(value)) + value + bytes(-len(value) % 4)


def rules_number(tag, value):
    width = next(w for w in (1, 2, 4, 8) if value < 1 << 8 * w)
    return rules_field(0, tag, value.to_bytes(width, "little"))


def rules_seeds():
    head = rules_record(181, rules_number(1, 1), rules_number(136, 7), rules_field(1, 137, b"0123456789abcdef" * 4), rules_number(183, 1),
                  rules_field(1, 184, b"br0"))
    bridge = rules_record(128, rules_field(1, 23, b"br0"), rules_number(156, 60), rules_number(157, 9000), rules_number(158, 1), rules_number(159, 1),
                    rules_number(144, 2), rules_number(149, 1000), rules_number(185, 100))
    port = rules_record(129, rules_field(2, 132, bytes(16)), rules_number(133, 1), rules_field(1, 23, b"web/1"), rules_field(1, 131, b"br0"),
                  rules_number(141, 2), rules_number(179, 10), rules_number(143, 1), rules_field(2, 142, struct.pack("<4H", 20, 30, 40, 40)),
                  rules_number(144, 2), rules_field(2, 134, b"\2\0\0\0\0\2"), rules_field(2, 139, b"\x0a\0\0\2\x20"),
                  rules_field(2, 140, b"\xfe\x80" + bytes(14) + b"\x40"), rules_number(145, 1000000), rules_number(147, 5000),
                  rules_number(146, 2000000), rules_number(150, 5), rules_number(151, 6), rules_number(152, 1), rules_number(153, 0), rules_number(155, 9))
    uplink = rules_record(129, rules_field(2, 132, bytes(16)), rules_number(133, 0), rules_number(154, 1),
                    rules_number(141, 2), rules_field(2, 142, b"\xaa" * 512))
    mirror = rules_record(130, rules_field(1, 23, b"all"), rules_number(160, 128), rules_number(5, 3), rules_number(135, 10), rules_number(161, 3),
                    rules_field(3, 162, rules_field(2, 132, bytes(16)) + rules_number(133, 1) + rules_number(161, 1)))
    tail = rules_record(182, rules_number(188, 1), rules_number(189, 2), rules_number(190, 1))
    yield "whole", b"\xff" + head + bridge + port + uplink + mirror + tail
    yield "pieces", b"\x05" + head + bridge + port + uplink + mirror + tail
    yield "empty", b"\0" + rules_record(181, rules_number(1, 1), rules_number(136, 1)) + \
        rules_record(182, rules_number(188, 0), rules_number(189, 0), rules_number(190, 0))
    yield "twice", b"\xff" + head + bridge + bridge + port + port + tail
    yield "text", b"xenbr0.10:20:30"
    yield "text-vlan", b"x10p/100+10x4/20-30"
    yield "text-addresses", b"x10.0.0.1/24, fe80::1 64:ff9b::1.2.3.4/96"
    yield "text-rate", b"x62500,50000"
    yield "text-uuid", b"x30313233-3435-3637-3839-616263646566"


# fuzz_offload.c: what is asked for, MSS, how long the payload is made, the frame
def offload_seeds():
    tcp = struct.pack(">HHIIBBHHH", 1, 2, 3, 4, 0x80, 0xff, 9, 0, 0) + bytes(12)
    udp = struct.pack(">HHHH", 67, 68, 13, 0) + b"abcde"
    for name, tags in (("plain", []), ("tagged", [(0x8100, 5)]), ("stacked", [(0x88a8, 5), (0x8100, 6)])):
        yield name + "-tcp4", b"\1\1\0\x20" + ethernet(STATION, 0x800, ipv4(6, tcp + b"payload"), tags)
        yield name + "-tcp6", b"\2\0\x09\x20" + ethernet(STATION, 0x86dd, ipv6(6, tcp + b"payload"), tags)
        yield name + "-udp4", b"\4\0\0\0" + ethernet(STATION, 0x800, ipv4(17, udp), tags)
    yield "options", b"\5\0\x20\x40" + ethernet(STATION, 0x800, ipv4(6, tcp + b"payload", options=b"\1" * 40))
    routing = b"\x06\4\0\2" + bytes(4) + b"\x20" * 32
    yield "routing", b"\6\0\x20\x40" + ethernet(STATION, 0x86dd, ipv6(43, routing + tcp + b"payload"))


# -- fuzz_rules_file: "j" and a file, or "m" and the records of common/mirror_wire.h

def mirror_record(kind, body, port=0):
    body += bytes(-len(body) % 8)
    return struct.pack("<IBBH", 8 + len(body), kind, 0, port) + body


def rules_file_seeds():
    uuid = "4c7f3a10-5a2c-4ec1-9a43-0123456789ab"
    bridges = {"lan": {"ageing": 60, "mtu": 1500, "snooping": True, "loop-guard": True, "locking-mode": "locked",
                       "storm": {"broadcast": 100, "multicast": 1, "unknown": "none"}}, "dmz": {}}
    locked = {"guest": "web1", "vif": 1, "bridge": "lan", "vlan": 10, "locking-mode": "locked",
              "macs": ["00:16:3e:01:02:03"], "ipv4": ["192.0.2.1", "198.51.100.0/24"], "ipv6": ["2001:db8::/64"],
              "rate-in": "10Mb/s", "rate-out": "250KB/s@20ms", "isolated": True, "dhcp-server": False}
    trunk = {"guest": uuid, "vlans": [5, "20-30"], "pvid": 9, "pvid-tagged": True, "fdb-limit": 5}
    mirrors = {"ids": {"client": "monitor", "snap": 96, "bridge": "lan", "vlan": 4, "direction": "egress",
                       "sources": [{"guest": "web1", "vif": 1, "direction": "both"}]}, "all": {"client": 7}}
    for name, file in (
            ("whole", {"unknown": "hold", "default-bridge": "lan", "bridges": bridges,
                       "ports": [{"guest": "dom0", "uplink": True}, locked, trunk], "mirrors": mirrors}),
            ("transparent", {"bridges": {"a": {}}, "ports": [{"guest": uuid, "vlan": "transparent"}]}),
            ("twice", {"ports": [{"guest": "a"}, {"guest": "a"}]}),
            ("wrong", {"ports": [{"guest": "a", "vlans": "1,2-1"}]})):
        yield name, b"j" + json.dumps(file, indent=1).encode()
    hello = mirror_record(1, struct.pack("<IIQ", 1, 96, 0))
    port = mirror_record(2, struct.pack("<HHBB6s16sBB10x", 5, 1, 1, 0, b"\0\x16\x3e\1\2\3", bytes(16), 3, 4) +
                         b"lanweb1", 3)
    packet = mirror_record(3, struct.pack("<QIIHHB3x", 1 << 60, 60, 15, 0, 0, 1) + bytes(15), 3)
    lost = mirror_record(4, struct.pack("<Q", 7))
    gone = mirror_record(5, bytes(40), 3)
    yield "mirror", b"m" + hello + port + packet + lost + packet + gone + packet
    yield "mirror-cut", b"m" + hello + port[:20]


# fuzz_feed.c: count of instructions, these, length of pieces - 1, the stream
def feed_seeds():
    def program(*code):
        return bytes([len(code)]) + b"".join(struct.pack(">HBBI", *instruction) for instruction in code)
    hello = mirror_record(1, struct.pack("<IIQ", 1, 96, 0))
    port = mirror_record(2, struct.pack("<HHBB6s16sBB10x", 5, 1, 1, 0, b"\0\x16\x3e\1\2\3", bytes(16), 3, 4) +
                         b"lanweb1", 3)
    frame = b"\2\0\0\0\0\1" + b"\2\0\0\0\0\2" + b"\x08\0" + ipv4(17, struct.pack(">HHHH", 1, 53, 12, 0) + b"abcd")
    packet = mirror_record(3, struct.pack("<QIIHHB3x", 1 << 60, len(frame), len(frame), 0, 0, 1) + frame, 3)
    stream = hello + port + packet + mirror_record(4, struct.pack("<Q", 7)) + mirror_record(200, b"new") + packet + \
        mirror_record(5, bytes(40), 3)
    udp = program((0x28, 0, 0, 12), (0x15, 0, 2, 0x800), (0x30, 0, 0, 23), (0x15, 0, 1, 17), (6, 0, 0, 96), (6, 0, 0, 0))
    alu = program((0xb1, 0, 0, 14), (0x48, 0, 0, 16), (0x02, 0, 0, 3), (0x61, 0, 0, 3), (0x3c, 0, 0, 0), (0x9c, 0, 0, 0),
                  (0x64, 0, 0, 33), (0x84, 0, 0, 0), (7, 0, 0, 0), (0x87, 0, 0, 0), (5, 0, 0, 0), (0x45, 0, 0, 1),
                  (0x16, 0, 0, 0))
    yield "udp", udp + b"\xff" + stream
    yield "alu", alu + b"\x06" + stream
    yield "bad-program", program((5, 0, 0, 0xffffffff), (6, 0, 0, 1)) + b"\0" + stream
    yield "cut", b"\0\x0f" + stream[:-9]
    yield "no-hello", b"\0\x0f" + port
    yield "lies", b"\0\xff" + hello + mirror_record(3, struct.pack("<QIIHHB3x", 0, 9, 8000, 0, 0, 0) + bytes(16))


# fuzz_netif.c: the step is the byte modulo 12, the queue its high half
TX_REQUEST, TX_EXTRA, TX_RUN, RX_POST, RING_INDEX, RING_BYTES, RENEW_RINGS, SUCCEED = 0, 3, 4, 6, 7, 8, 10, 11


def tx_request(ref=0, flags=0, size=0, offset=0):
    """size, offset: indices of the target's lists"""
    return bytes([TX_REQUEST, ref, flags, size, offset])


def tx_extra(kind, more=0, data=bytes(6)):
    return bytes([TX_EXTRA, kind, more]) + data


def netif_seeds():
    run, post = bytes([TX_RUN]), bytes([RX_POST, 31])
    gso = tx_extra(1, 0, struct.pack("<HBBH", 1448, 1, 0, 0))
    long_frame = tx_request(0, 4, 7) + tx_request(1, 4, 5) + tx_request(2, 0, 5)
    yield "plain", b"\0\0" + post + tx_request() * 5 + run + tx_request(1, 1) * 3 + run
    yield "slots", b"\2\0" + post + long_frame + run + tx_request(0, 4, 4) + tx_request(1, 0, 2) + run
    yield "empty_slots", b"\4\0" + post + tx_request(0, 4, 4) + tx_request(1, 4, 1) * 5 + tx_request(2, 0, 1) + run
    yield "eighteen", b"\0\0" + post + tx_request(0, 4, 4) + tx_request(1, 4, 8) * 16 + tx_request(1, 0, 8) + run
    yield "nineteen", b"\0\0" + post + tx_request(0, 4, 4) + tx_request(1, 4, 8) * 17 + tx_request(1, 0, 8) + run
    yield "extras", b"\0\0" + post + tx_request(0, 8 | 4, 7) + gso + tx_request(1, 4, 5) + tx_request(1, 0, 5) + run + \
        tx_request(0, 8, 0) + tx_extra(2, 1, b"\1\0\x5e\0\0\1") + tx_extra(3, 0, b"\1\0\x5e\0\0\1") + run + \
        tx_request(0, 8) + tx_extra(4, 1, b"\1\1abcd") + tx_extra(5) + run
    yield "unknown_extra", b"\0\0" + tx_request(0, 8) + tx_extra(7) + run + bytes([RENEW_RINGS])
    yield "lacks_end", b"\0\0" + tx_request(0, 4) + run + bytes([RENEW_RINGS])
    yield "indices", b"\1\0" + post + tx_request() + run + bytes([RING_INDEX, 0x90, TX_RUN, RING_INDEX, 0x0a, 0, 0, 9, 0,
                                                                   TX_RUN, RENEW_RINGS, RING_INDEX, 0x94, TX_RUN])
    yield "bad_grants", b"\0\0" + post + tx_request(8) + tx_request(9) + tx_request(1) * 9 + run
    yield "successor", b"\4\0" + post + (tx_request() * 3 + run + bytes([SUCCEED])) * 4
    yield "adversary", bytes([0, 6, 3, 0, 66, 7, 2, 0, 74, 200, 1, 0x80, 68, 3, 0, 0, 70, 12, 2, 0, 0, 5, 4, 0x80, 8, 1]) + \
        post + (long_frame + tx_request() + run) * 4
    yield "ring_bytes", b"\0\0" + post + tx_request() * 4 + bytes([RING_BYTES, 0, 64, 20]) + bytes(range(20)) + run


def netif_control_seeds():
    def ask(kind, *picks):
        return bytes([0, kind]) + bytes(picks)

    run, toeplitz = b"\3", ask(7, 1, 0, 0) + ask(2, 4, 0, 0)
    table = bytes([4, 0x80, 0, 63]) + bytes(range(63))
    select = bytes([6, 128, 2, 1, 14, 34]) + bytes(59)
    yield "plain", b"\3\0" + b"".join(ask(kind, 0, 0, 0) for kind in (1, 2, 4, 5, 7, 8, 9, 10, 0)) + run
    yield "hash", b"\3\0" + toeplitz + table + ask(3, 5, 0) + ask(5, 8, 0, 0) + run + select + ask(6, 8, 0) + run + select
    yield "bounds", b"\7\0" + toeplitz + ask(5, 13, 0, 0) + b"".join(
        ask(6, length, offset) for length in (13, 9, 10, 11) for offset in (1, 10, 11, 13)) + ask(3, 6, 0) + ask(0x83, 0, 5, 0) + run + select
    yield "indices", b"\0\0" + toeplitz + run + bytes([5, 0x90, 3, 7, 5, 0x88, 0xff, 0xff, 0, 0, 3, 7]) + toeplitz + run
    yield "adversary", bytes([0x81, 4, 2, 0, 66, 6, 1, 0, 72, 255, 3, 0x80, 0, 9, 0, 0, 0, 1]) + (toeplitz + table + ask(6, 3, 0) + run + select) * 3


# The words and names of fuzz_xenbus.c, in their order.
(VIF_STATE, VIF_TX, VIF_RX, VIF_PORT, VIF_PORT_TX, VIF_PORT_RX, VIF_QUEUES, VIF_COPY, VIF_CTRL, VIF_CTRL_PORT, VIF_ROOM,
 VIF_SG, VIF_Q0_TX, VIF_Q0_RX, VIF_Q0_PORT, VIF_Q1_TX, VIF_Q1_RX, VIF_Q1_PORT_TX, VIF_Q1_PORT_RX) = range(19)
VIF_ATTACH, VIF_DETACH, VIF_NO_FRONTEND, VIF_NO_BACKEND, VIF_WAIT, VIF_WAIT_LONG, VIF_ANEW, VIF_FAIL, VIF_ERRORS, \
    VIF_ROOMS, VIF_HONEST = range(5, 16)


def guest_sets(name, word, vif=0):
    return bytes([0, name * 3 + vif, word])


def dom0_sets(name, word, vif=0):
    return bytes([4, name * 3 + vif, word])


def on_vif(what, vif=0):
    return bytes([what | vif << 4])


def xenbus_seeds():
    wait, long = bytes([VIF_WAIT, 120]), bytes([VIF_WAIT_LONG, 100])
    up = on_vif(VIF_ATTACH) + wait + on_vif(VIF_HONEST) + wait
    states = [guest_sets(VIF_STATE, state) + wait for state in range(9)]
    yield "life", up + on_vif(VIF_DETACH) + wait + states[6] + long
    yield "windows", up + (states[5] + states[6] + states[1] + on_vif(VIF_HONEST) + wait) * 3
    yield "kexec", up + states[1] + on_vif(VIF_HONEST) + long + states[7] + states[4] + states[6] + states[1]
    yield "destroy", up + on_vif(VIF_NO_FRONTEND) + on_vif(VIF_DETACH) + long
    yield "swept", up + on_vif(VIF_NO_BACKEND) + on_vif(VIF_ATTACH) + wait + on_vif(VIF_HONEST) + long
    yield "takeover", up + on_vif(VIF_ANEW) + wait + guest_sets(VIF_STATE, 1) + on_vif(VIF_ANEW) + long
    yield "fails", up + on_vif(VIF_FAIL) + wait + states[6] + states[1] + on_vif(VIF_ERRORS, 1) + \
        on_vif(VIF_HONEST) + long + on_vif(VIF_ERRORS, 2) + states[1] + on_vif(VIF_HONEST) + long
    yield "rooms", on_vif(VIF_ROOMS) + on_vif(VIF_ATTACH) + on_vif(VIF_ATTACH, 1) + long + on_vif(VIF_ROOMS, 1) + long
    queues = ((VIF_QUEUES, 2), (VIF_COPY, 1), (VIF_Q0_TX, 3), (VIF_Q0_RX, 4), (VIF_Q0_PORT, 5), (VIF_Q1_TX, 6),
              (VIF_Q1_RX, 7), (VIF_Q1_PORT_TX, 8), (VIF_Q1_PORT_RX, 9), (VIF_CTRL, 10), (VIF_CTRL_PORT, 2),
              (VIF_ROOM, 17), (VIF_SG, 1), (VIF_STATE, 4))
    yield "queues", on_vif(VIF_ATTACH) + wait + b"".join(guest_sets(*node) for node in queues) + long
    yield "hostile", on_vif(VIF_ATTACH) + wait + b"".join(
        guest_sets(*node) for node in queues[:-1]) + b"".join(
            guest_sets(VIF_STATE, 1) + guest_sets(name, word) + guest_sets(VIF_STATE, 4) + wait
            for name, word in ((VIF_QUEUES, 0), (VIF_QUEUES, 13), (VIF_Q1_RX, 3), (VIF_Q0_PORT, 0), (VIF_CTRL, 0xf0)))
    yield "toolstack", up + b"".join(dom0_sets(name, word) + wait for name, word in (
        (4, 20), (5, 23), (6, 10), (7, 14), (9, 13), (2, 22), (0, 6), (0, 1), (1, 0)))
    yield "flood", up + b"".join(guest_sets(VIF_STATE, state) for state in (5, 6, 1) * 20) + long
    yield "many", b"".join(on_vif(VIF_ATTACH, i) + wait + on_vif(VIF_HONEST, i) for i in range(3)) + long + \
        b"".join(on_vif(VIF_DETACH, i) for i in range(3)) + long


# fuzz_decode.c: seconds | lan << 4 | 0x20 if longer than captured, how much longer, how long, the frame
def seen(frame, lan=0, more=0, seconds=0):
    return bytes([seconds | lan << 4 | (0x20 if more else 0)]) + (struct.pack(">H", more) if more else b"") + \
        bytes([len(frame)]) + frame


def v6_header(following, words=1):
    return bytes([following, words - 1]) + bytes(words * 8 - 2)


def v6_fragment(following, at, more, name=7):
    return struct.pack(">BBHI", following, 0, at | more, name)


def decode_frame_seeds():
    udp, tcp = struct.pack(">HHHH", 1000, 53, 24, 0) + bytes(16), \
        struct.pack(">HHIIBBHHH", 1, 2, 3, 4, 0x60, 16, 9, 0, 0) + bytes(9)
    sctp, echo = struct.pack(">HHII", 1, 2, 3, 4) + bytes(16), struct.pack(">BBHHH", 8, 0, 0, 77, 1) + bytes(8)
    arp = bytes([0, 1, 8, 0, 6, 4, 0, 2, 2, 0, 0, 0, 0, 2, 10, 0, 0, 2, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1])
    packets = [ipv4(6, tcp), ipv4(17, udp), ipv4(17, udp, options=bytes(8)), ipv4(132, sctp), ipv4(136, udp),
               ipv4(33, sctp), ipv4(1, echo), ipv4(1, b"\0" + echo[1:]), ipv4(51, v6_header(17, 3)[:1] + b"\4" + bytes(22) + udp),
               ipv4(47, b"\0\0\x08\0" + ipv4(17, udp))]
    packets6 = [ipv6(6, tcp), ipv6(17, udp), ipv6(58, b"\x80" + echo[1:]), ipv6(58, b"\x87" + bytes(23)), ipv6(59, b""),
                ipv6(0, v6_header(60) + v6_header(43, 2) + v6_header(6) + tcp), ipv6(135, v6_header(59, 2)),
                ipv6(60, v6_header(60) * 9 + udp), ipv6(0, b"\x06\0\xc2\4" + bytes(4) + tcp)]
    for name, head in (("plain", lambda kind, body: ethernet(STATION, kind, body)),
                       ("tagged", lambda kind, body: ethernet(STATION, kind, body, [(0x8100, 5)])),
                       ("stacked", lambda kind, body: ethernet(STATION, kind, body, [(0x88a8, 5), (0x8100, 6)])),
                       ("snap", lambda kind, body: ethernet(
                           STATION, len(body) + 8, b"\xaa\xaa\3\0\0\0" + struct.pack(">H", kind) + body)),
                       ("pppoe", lambda kind, body: ethernet(STATION, 0x8864, struct.pack(
                           ">HHHH", 0x1100, 1, len(body) + 2, 0x21 if kind == 0x800 else 0x57) + body)),
                       ("mpls", lambda kind, body: ethernet(STATION, 0x8847, b"\0\1\0\x40\0\2\1\x40" + body))):
        frames = [head(0x800, packet) for packet in packets] + [head(0x86dd, packet) for packet in packets6] + \
            [head(0x806, arp)]
        yield name, b"".join(seen(frame) for frame in frames)
        yield name + "-cut", b"".join(seen(frame[:len(frame) // 2 + i % 20], more=9) for i, frame in enumerate(frames))
    v4 = [ethernet(STATION, 0x800, ipv4(17, body, fragment=at)) for at, body in (
        (0x2000, udp), (0x2000 | 3, bytes(24)), (0x2000 | 9, bytes(8)), (6, bytes(24)), (0x2000, udp[:8]))]
    v6 = [ethernet(STATION, 0x86dd, ipv6(44, body)) for body in (
        v6_fragment(60, 0, 1) + v6_header(17) + udp, v6_fragment(60, 32, 1) + bytes(16), v6_fragment(60, 48, 0) + bytes(5),
        v6_fragment(17, 0, 0) + udp)]
    for name, order in (("order", range(4)), ("late", (1, 0, 3, 2)), ("again", (0, 1, 0, 1, 1, 2, 3))):
        yield "fragments-" + name, b"".join(seen(frames[i % 4], lan) for frames in (v4, v6) for lan in (0, 1)
                                            for i in order)
    yield "fragments-many", b"".join(seen(ethernet(STATION, 0x800, ipv4(17, body, bytes([10, 0, 1, i]), fragment=at)),
                                          seconds=i % 2)
                                     for at, body in ((0x2000, udp), (3, bytes(9))) for i in range(60))


def application_seeds():
    def segment(payload, head=0):
        payload += b"\0" * (-len(payload) % 8)
        return bytes([head, len(payload) // 8]) + payload

    question = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + b"\3www\7example\0\0\1\0\1"
    answer = struct.pack(">6H", 7, 0x8180, 1, 3, 0, 0) + b"\3www\7example\0\0\1\0\1" + \
        b"\xc0\x0c\0\5\0\1\0\0\0\1\0\4\1a\xc0\x10" + b"\xc0\x29\0\1\0\1\0\0\0\1\0\4\1\2\3\4" + \
        b"\xc0\x29\0\x1c\0\1\0\0\0\1\0\x10" + bytes(range(16))
    yield "dns", b"\1" + segment(question) + segment(answer, 0x80)
    yield "dns_tcp", b"\0" + segment(struct.pack(">H", len(question)) + question)
    name = b"secret.example.net"
    extensions = struct.pack(">HH", 51, 200) + bytes(200) + \
        struct.pack(">HHHBH", 0, len(name) + 5, len(name) + 3, 0, len(name)) + name + \
        struct.pack(">HHH", 16, 14, 12) + b"\2h2\x08http/1.1" + struct.pack(">HHB3H", 43, 7, 6, 0x8a8a, 0x304, 0x303)
    body = b"\3\3" + bytes(32) + b"\x20" + bytes(32) + b"\0\4\x13\1\x13\2\1\0" + \
        struct.pack(">H", len(extensions)) + extensions
    hello = b"\1\0" + struct.pack(">H", len(body)) + body
    yield "tls", b"\2" + segment(b"\x16\3\1" + struct.pack(">H", len(hello)) + hello, 40)
    yield "tls_records", b"\2" + segment(b"".join(
        b"\x16\3\1" + struct.pack(">H", len(hello[i:i + 50])) + hello[i:i + 50] for i in range(0, len(hello), 50)), 90)
    yield "http", b"\6" + segment(b"GET / HTTP/1.1\r\nHost: www.example\r\n\r\n") + \
        segment(b"HTTP/1.1 200 OK\r\n\r\n", 0x80)


def alert_seeds():
    def frame(head, data):
        return bytes([head, len(data)]) + data

    def arp(mac, address):
        return b"\xff" * 6 + bytes([2, 0, 0, 0, 0, mac]) + b"\x08\x06\0\1\x08\0\6\4\0\2" + \
            bytes([2, 0, 0, 0, 0, mac, 10, 0, 0, address]) + bytes(10)

    def tcp(source, destination, port, flags):
        return bytes([2, 0, 0, 0, 0, destination, 2, 0, 0, 0, 0, source]) + b"\x08\0\x45\0\0\x28\0\0\0\0\x40\6\0\0" + \
            bytes([10, 0, 0, source, 10, 0, 0, destination]) + struct.pack(">HHIIBBHHH", 9999, port, 1, 1, 0x50, flags, 9, 0, 0)

    yield "arp", frame(7, arp(9, 254)) + frame(1, arp(1, 254)) + b"".join(frame(2, arp(2, i)) for i in range(30)) + \
        frame(2, b"") + frame(0x83, arp(3, 254)) + frame(3, b"\2\0\0\0\0\1") + frame(3, b"\xff\1")
    yield "scan", b"".join(frame(0x09, tcp(1, 2, i, 2)) + frame(0x10, tcp(2, 1, i, 0x12)) for i in range(10)) + \
        b"".join(frame(0x09, tcp(1, 2 + i, 80, 2)) for i in range(10))
    dhcp = b"\xff" * 6 + b"\2\0\0\0\0\1\x08\0\x45\0\0\x30\0\0\0\0\x40\x11\0\0\x0a\0\0\1\xff\xff\xff\xff" + \
        b"\0\x43\0\x44\0\x1c\0\0\2\1\6\0" + bytes(16)
    advertisement = b"\x33\x33\0\0\0\1\2\0\0\0\0\1\x86\xdd\x60\0\0\0\0\x20\x3a\xff\xfe\x80" + bytes(13) + b"\1" + \
        b"\xff\2" + bytes(13) + b"\1" + b"\x88\0\0\0\0\0\0\0\xfe\x80" + bytes(13) + b"\1\2\1\2\0\0\0\0\1"
    yield "servers", frame(1, dhcp) + frame(2, advertisement) + frame(3, advertisement.replace(b"\2\0\0\0\0\1", b"\2\0\0\0\0\3"))


# -- fuzz_flows: a byte, and records of common/flow_wire.h

def flow_side(domid, address, port, name_flags=0):
    return struct.pack("<QQQ16s16sHHH6sBBBB", 12, 3456, 3000, address, bytes(16), port, domid, 0,
                       b"\0\x16\x3e\1\2\3", 0x1b, 0, name_flags, 0)


def flow_record(family, protocol, strings, sides, vids=(0, 0), application=0):
    texts = b"".join(strings)
    length = (264 + len(texts) + 7) // 8 * 8
    head = struct.pack("<HBBBBBBQQIHHHHH4s5B5x", length, 1, family, protocol, 1, application, 2 if application else 0,
                       1795342272 * 10 ** 9, 1795342273 * 10 ** 9, 1234, vids[0], vids[1], 0x800, 1, 0,
                       bytes([4, 6, 0, 0]), *(len(text) for text in strings))
    return (head + bytes(64) + b"".join(sides) + texts).ljust(length, b"\0")


def flows_seeds():
    sides = [flow_side(5, bytes([10, 0, 0, 5]), 40000, 1), flow_side(0, bytes([10, 0, 0, 1]), 443, 2)]
    nobody = [flow_side(0xffff, b"\x20\1\x0d\xb8" + bytes(11) + bytes([n]), 53) for n in (1, 2)]
    none = [b""] * 5
    tls = flow_record(4, 6, [b"web1", b"", b"xenbr0", b"www.example.org", b"h2"], sides, application=2)
    dns = flow_record(6, 17, [b"", b"d\x1b[2Jb", b"", b"a.example.org", b""], nobody, (20, 7), 1)
    arp = flow_record(1, 0, none, sides)
    other = flow_record(0, 0, [b"g" * 255, b"\\" * 30, b"", b"\xff" * 60, b"~" * 20], nobody)
    yield "few", bytes([0]) + tls + dns + arp + other
    for how in range(1, 8):
        yield f"how{how}", bytes([how]) + dns + tls + tls + other
    yield "short", bytes([20]) + tls[:200]
    yield "lies", bytes([3]) + tls + dns[:180] + b"\xff" * 40 + dns[220:]


def crash_image():
    """As tests/unit/host-tools/test_crash_image.h has it."""
    names = ["pvh_entry", "hv_main", "work", "hv_exit", "trap_common"]
    text, table = bytes([0x90]) * 0x500, struct.pack("<6I", len(names), *(0x100000 + 0x100 * i for i in range(5)))
    table += b"".join(name.encode() + b"\0" for name in names)
    head = b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0)
    segments = struct.pack("<IIQQQQQQ", 1, 5, 176, 0x100000, 0, len(text), len(text), 1) + \
        struct.pack("<IIQQQQQQ", 1, 4, 176 + len(text), 0x110000, 0, len(table), len(table), 1)
    return head + segments + text + table


def crash_seeds():
    stack, text = 0x140000, 0x100000
    yield "image", b"i" + crash_image()
    registers = dict.fromkeys(range(18), 0)
    registers.update({6: stack, 7: stack, 16: text + 0x210})

    def state(words):
        return b"b" + struct.pack("<18Q", *registers.values()) + struct.pack(f"<{len(words)}Q", *words)
    yield "frames", state([stack + 32, text + 0x150, 0, 0, stack + 48, text + 0x20, 0, text + 1])
    trap = [0] * 22
    trap[10], trap[15], trap[17], trap[20] = stack + 256, 14, text + 0x222, stack + 200
    yield "exception", state([0, text + 0x410, *trap] + [text + 0x150] * 20)
    yield "circle", state([stack, text + 0x150])
    registers[6] = 1
    yield "scan", state([7, text + 0x150] * 40)
    ring = bytearray(1024 + 2048 + 16)
    said = b"one\r\ntwo\x1b[2Jthree\n"
    ring[1024:1024 + len(said)] = said
    struct.pack_into("<I", ring, 1024 + 2048 + 12, len(said))
    yield "console", b"c" + bytes(ring)
    struct.pack_into("<I", ring, 1024 + 2048 + 12, 0xffffffff)
    yield "console-wild", b"c" + bytes(ring)
    yield "state", b"s" + json.dumps({
        "service": "switch", "deaths": 5, "recovered": 4, "row": 2, "last-death": 1795000000000000000,
        "retry": 1795000002000000000, "gave-up": False, "reason": "crashed",
        "report": "switch-20261118T110640.000Z"}).encode()


def main():
    import tool_seeds  # which needs this module

    total = 0
    for name, seeds in (
            ("fuzz_wire", wire_seeds()),
            ("fuzz_ring", ring_seeds()),
            ("fuzz_vchan", vchan_seeds()),
            ("fuzz_control", control_seeds()),
            ("fuzz_control_decode", decode_seeds()),
            ("fuzz_store", store_seeds()),
            ("fuzz_migration", migration_seeds()),
            ("fuzz_takeover", takeover_seeds()),
            ("fuzz_packet", packet_seeds()),
            ("fuzz_application", application_seeds()),
            ("fuzz_alert", alert_seeds()),
            ("fuzz_decode", decode_frame_seeds()),
            ("fuzz_engine", engine_seeds()),
            ("fuzz_rules", rules_seeds()),
            ("fuzz_offload", offload_seeds()),
            ("fuzz_feed", feed_seeds()),
            ("fuzz_netif", netif_seeds()),
            ("fuzz_netif_control", netif_control_seeds()),
            ("fuzz_xenbus", xenbus_seeds()),
            ("fuzz_rules_file", rules_file_seeds()),
            ("fuzz_flows", flows_seeds()),
            ("fuzz_crash", crash_seeds()),
            ("fuzz_flow_file", tool_seeds.flow_file_seeds()),
            ("fuzz_metrics", tool_seeds.metrics_seeds()),
            ("fuzz_metrics_http", tool_seeds.metrics_http_seeds()),
            ("fuzz_traffic", tool_seeds.traffic_seeds()),
    ):
        folder = os.path.join(HERE, "corpus", name)
        os.makedirs(folder, exist_ok=True)
        for seed, data in seeds:
            with open(os.path.join(folder, seed), "wb") as f:
                f.write(data)
            total += len(data)
    print(f"{total} bytes of seeds")
    return 0


if __name__ == "__main__":
    sys.exit(main())
