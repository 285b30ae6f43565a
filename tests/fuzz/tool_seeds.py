# SPDX-License-Identifier: ISC
"""Seeds of the targets that read captures, statistics and what a report is made of, for make_seeds.py."""
import os
import re
import struct

from make_seeds import HERE, STATION, ethernet, field, flow_record, flow_side, ipv4, ipv6, segment

# -- fuzz_metrics, fuzz_traffic: items of the control protocol, with fields by name

with open(os.path.join(HERE, "../../common/control_fields.h")) as header:
    FIELDS = {name: (kind, int(number)) for name, kind, number in
              re.findall(r'"([a-z0-9-]+)", (NUMBER|STRING|BYTES|GROUP),[\s\\]*(\d+)', header.read())}


def named(name, value):
    kind, number = FIELDS[name]
    data = {"NUMBER": lambda: struct.pack("<Q", value), "STRING": lambda: value, "BYTES": lambda: value,
            "GROUP": lambda: b"".join(value)}[kind]()
    return field(("NUMBER", "STRING", "BYTES", "GROUP").index(kind), number, data)


def item(head, *fields):
    return struct.pack("<BH", head, len(b"".join(fields))) + b"".join(fields)


def statistic(name, value, unit=b"", counter=0, text=b"what it is", labels=()):
    return named("statistic", [
        named("name", name), named("value", value), named("unit", unit), named("counter", counter), named("text", text),
        *(named("label", [named("name", key), named("text", said)]) for key, said in labels)])


def metrics_seeds():
    up = bytes([0xc0, 0xc1, 0x82, 0xc3])
    yield "units", up + item(
        0, statistic(b"uptime", 10 ** 18, b"nanoseconds"), statistic(b"memory_total", 1 << 40, b"bytes"),
        statistic(b"port_bytes_in", 7, b"bytes", 1), statistic(b"requests", 2 ** 64 - 1, b"", 1),
        statistic(b"age", 5, b"seconds")) + item(1, statistic(b"requests", 3, b"", 1))
    yield "labels", item(1, *(statistic(b"port_frames", n, b"", 1, b"a\\b\n\"c\"", [
        (b"port", b'we"b\n/\\0'), (b"service", b"mine"), (b"9", bytes([n])), (b"a.b", b""), (b"a-b", b""), (b"__name__", b"x")])
        for n in range(3)))
    yield "same", up + item(0, statistic(b"up", 1), statistic(b"x", 1), statistic(b"x", 2), statistic(b"x_total", 3),
                            statistic(b"x", 4, b"", 1)) + item(1, statistic(b"x", 1, b"", 1), statistic(b"", 1))
    yield "own_names", item(0, *(statistic(name, 1) for name in (
        b"samples_left_out", b"samples_left_out_total", b"up_total_total", b"scrape_duration_seconds", b"service_info")))
    yield "gauge_like_counter", item(1, statistic(b"requests_total_total", 1)) + item(2, statistic(b"requests", 1, b"", 1))
    yield "long", item(2, statistic(b"n" * 127, 1, b"nanoseconds", 1, b"t" * 255, [(b"l" * 63, b"v" * 127)] * 9))


def metrics_http_seeds():
    yield "get", b"\0GET /metrics HTTP/1.1\r\nHost: a\r\n\r\n"
    yield "pieces", b"\x07HEAD / HTTP/1.0\r\n\r\nGET /metrics?a=b HTTP/1.1\r\nHost: [::1]\r\n\r\n"
    yield "pipeline", b"\0" + b"GET /metrics HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n" * 5
    yield "post", b"\1POST /metrics HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nabcde"
    yield "chunked", b"\2PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\nffffffffffffffff\r\nz"
    yield "long", b"\3GET /" + b"%41" * 3000 + b" HTTP/1.1\r\n" + b"X: " + b"y" * 9000 + b"\r\n\r\n"
    yield "headers", b"\x0cGET /metrics HTTP/1.1\r\n" + b"".join(b"H%d: v\r\n" % n for n in range(900)) + b"\r\n"
    yield "rubbish", b"\0\x16\3\1\2\0\1\0\1\xfc\3\3\r\n\r\n"


def traffic_seeds():
    sides = [flow_side(5, bytes([10, 0, 0, 5]), 40000, 1), flow_side(0, bytes([10, 0, 0, 1]), 443, 2)]
    web = flow_record(4, 6, [b"<b>web1", b'a&" onload="x', b"xenbr0", b"<script>x</script>", b"h2"], sides, application=2)
    dns = flow_record(6, 17, [b"", b"d\x1b[2Jb", b"", b"\xe2\x80\xae'\"", b""], sides[::-1], application=1)
    huge = bytearray(web)
    struct.pack_into("<QQ", huge, 8, 1, 2 ** 64 - 1)
    struct.pack_into("<QQ", huge, 128, 2 ** 64 - 1, 2 ** 64 - 1)
    flows = web + dns + flow_record(1, 0, [b""] * 5, sides) + flow_record(0, 0, [b"g" * 200, b"\xff", b"", b"", b""], sides)
    yield "flows", b"\0" + flows
    yield "span", b"\2" + flows
    yield "huge", b"\0" + bytes(huge) + web
    huge[200:208] = bytes(8)
    yield "huge_one_way", b"\0" + bytes(huge)
    minutes = struct.pack("<120Q", *range(120))
    ports = b"".join(item(2, named("port", n), named("vif", n), named("guest", guest), named("bytes-out", 1 << n),
                          named("bytes-in", 2 ** 64 - 1), named("flows", n), named("minutes-out", minutes),
                          named("minutes-in", minutes[:300])) for n, guest in enumerate((b"<i>", b"\xff\xfe", b"w" * 70, b"&amp;")))
    yield "live", b"\1" + item(0, named("feed-entry", [named("lost", 3)]), named("refused", 9)) + \
        item(1, named("flow", web), named("flow", dns)) + ports + \
        item(3, named("time", 1795342272 * 10 ** 9), named("level", 4), named("kind", b"<port-scan>"),
             named("text", b"tries \"many\" & <more>"), named("guest", b"</td>"), named("suppressed", 7), named("lost", 1))
    yield "live_flood", b"\3" + item(0) + item(1, named("flow", bytes(huge))) + \
        item(3, named("time", 1795342272 * 10 ** 9), named("text", b"x")) * 300


# -- fuzz_flow_file: a byte, and a capture

def pcap_file(linktype, frames, order="<", magic=0xa1b2c3d4, cut=0):
    data = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 65535, linktype)
    for number, frame in enumerate(frames):
        data += struct.pack(order + "IIII", 1700000000 + number, number, len(frame), len(frame) + cut) + frame
    return data


def pcapng_file(linktype, frames):
    def block(kind, body):
        body += bytes(-len(body) % 4)
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    data = block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)) + block(1, struct.pack("<HHI", linktype, 0, 0))
    for number, frame in enumerate(frames):
        time = 1700000000000000 + number * 1000000
        data += block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xffffffff, len(frame), len(frame)) + frame)
    return data


def flow_file_seeds():
    question = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + b"\3www\7example\0\0\1\0\1"
    udp = struct.pack(">4H", 40000, 53, 8 + len(question), 0) + question
    ip4 = [ipv4(17, udp), ipv4(6, segment(2, 1, 0, b"")), ipv4(6, segment(0x18, 2, 1, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")),
           ipv4(1, b"\x08" + bytes(7))]
    ip6 = [ipv6(17, udp), ipv6(58, b"\x80" + bytes(7))]
    frames = [ethernet(STATION, 0x800, packet) for packet in ip4] + [ethernet(STATION, 0x86dd, packet) for packet in ip6] + \
        [ethernet(STATION, 0x806, bytes(28)), ethernet(STATION, 0x88cc, b"lldp"), b"short"]
    yield "pcap", b"\0" + pcap_file(1, frames)
    yield "pcap_cut", b"\1" + pcap_file(1, frames, cut=1000)[:-9]
    yield "pcap_big_endian_nano", b"\2" + pcap_file(1, frames, ">", 0xa1b23c4d)
    yield "pcapng", b"\3" + pcapng_file(1, frames)
    yield "pcapng_cut", b"\4" + pcapng_file(1, frames)[:-20]
    yield "pcapng_raw", b"\0" + pcapng_file(101, ip4 + ip6)
    for linktype, head in ((101, b""), (12, b""), (228, b""), (0, struct.pack("<I", 2)), (108, struct.pack(">I", 2)),
                           (113, struct.pack(">HHH8sH", 0, 1, 6, STATION + bytes(2), 0x800)),
                           (276, struct.pack(">HHIHBB8s", 0x800, 0, 1, 1, 0, 6, STATION + bytes(2)))):
        yield f"link{linktype}", bytes([linktype & 7]) + pcap_file(linktype, [head + packet for packet in ip4] + [head, b""])
    yield "link_unknown", b"\0" + pcap_file(147, frames)
    yield "long_frame", b"\0" + pcap_file(1, [frames[0] + bytes(20000)]) + struct.pack("<IIII", 1, 1, 262145, 1)
    yield "evicted", b"\5" + pcap_file(1, [ethernet(STATION, 0x800, ipv4(6, segment(2, 1, 0, b""), bytes([10, 1, n >> 4, n & 15])))
                                         for n in range(200)])
    yield "no_capture", b"\0GIF89a" + bytes(30)
    yield "empty", b"\0"
