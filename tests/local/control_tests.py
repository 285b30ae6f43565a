#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Run a second client (control_client.py) against the control server behind control-local.

Prints TAP. The requests from 0x8000 on are those of the service in tests/unit/control/control_host.h.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import traceback

import control_client as cc

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FAIL, HUGE, COUNT, ENDLESS, UPLOAD = range(0x8000, 0x8005)
EPERM, EBUSY, EILSEQ, ENOSYS, EPROTO, EMSGSIZE, EPROTONOSUPPORT = 1, 16, 84, 38, 71, 90, 93
TESTS = []
TIMEOUT = 60


def test(function):
    TESTS.append(function)
    return function


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def equal(got, want):
    check(got == want, "got %r, not %r" % (got, want))


def refused(errno, function, *args, **how):
    """The words of the error that @function must end in."""
    try:
        got = function(*args, **how)
    except cc.Refused as error:
        equal(error.errno, errno)
        return error.text
    raise AssertionError("%r instead of an error" % (got,))


class Lab:
    def __init__(self, program, folder):
        self.socket = os.path.join(folder, "socket")
        self.process = subprocess.Popen([program, self.socket], stdout=subprocess.PIPE, text=True)
        equal(self.process.stdout.readline(), "control-local: ready\n")

    def connect(self):
        return cc.Connection(self.socket)

    def client(self, name="second client"):
        connection = self.connect()
        connection.hello(name)
        return connection


@test
def example_of_the_page(lab):
    """The request in docs/control-protocol.md, byte by byte, and what our own codec makes of both."""
    with open(os.path.join(ROOT, "docs", "control-protocol.md"), encoding="utf-8") as file:
        blocks = re.findall(r"^```\n(.*?)^```", file.read(), re.S | re.M)[:2]
    request, reply = (bytes.fromhex("".join(line.split("|")[0] for line in block.splitlines()))
                      for block in blocks)
    equal(request, cc.encode(cc.REQUEST, 1, cc.HELLO, [(cc.VERSION, 1), (cc.CLIENT, "demo")]))
    fields = cc.decode_fields(reply[cc.HEADER.size:])
    equal(fields[:4], [(cc.VERSION, 1), (cc.SERVICE, "switch"), (cc.PROGRAM_VERSION, "0.1.0"),
                       (cc.DOMID, 7)])
    equal(cc.encode(cc.REPLY, 1, cc.HELLO, fields), reply)
    with lab.connect() as client:
        client.socket.sendall(request)
        equal(client.expect(1, cc.REPLY)[1][0], (cc.VERSION, 1))


@test
def hello(lab):
    with lab.connect() as client:
        fields = client.hello()
        equal([cc.first(fields, n) for n in (cc.VERSION, cc.SERVICE, cc.PROGRAM_VERSION, cc.DOMID)],
              [1, "test", "1.2.3", 7])
        equal(cc.every(fields, cc.TYPE), [1, 2, 3, 4, 5, 6, *range(0x8000, 0x8005)])
        equal(cc.first(client.call(cc.HELLO), cc.VERSION), 1)
        equal(cc.first(client.call(cc.HELLO, [(cc.VERSION, 1 << 40)]), cc.VERSION), 1)
        check("1 to 1" in refused(EPROTONOSUPPORT, client.call, cc.HELLO, [(cc.VERSION, 0)]), "words")


@test
def hello_comes_first(lab):
    with lab.connect() as client:
        refused(EPROTO, client.call, cc.STATUS)
        client.hello()
        client.call(cc.STATUS)


@test
def status(lab):
    with lab.client() as client, lab.client():
        fields = client.call(cc.STATUS)
        equal([cc.first(fields, n) for n in (cc.SERVICE, cc.DOMID, cc.SEALED, cc.HEALTH, cc.CLIENTS)],
              ["test", 7, 0, 0, 2])
        equal(cc.first(fields, cc.TEXT), None)
        check(0 < cc.first(fields, cc.UPTIME) < 10 ** 12, "uptime")
        check(cc.first(fields, cc.MEMORY_USED) < cc.first(fields, cc.MEMORY_TOTAL), "memory")


@test
def stats(lab):
    with lab.client() as client:
        groups = [cc.first(item, cc.STATISTIC) for item in client.stream(cc.STATS)]
        names = [cc.first(group, cc.NAME) for group in groups]
        with open(os.path.join(ROOT, "docs", "control-protocol.md"), encoding="utf-8") as file:
            table = re.search(r"### STATS.*?### LOGS", file.read(), re.S)[0]
        equal(set(names) - {"frames"}, set(re.findall(r"`([a-z_]+)`", table)) - {"statistic"})
        for group in groups:
            check(cc.first(group, cc.COUNTER) in (0, 1) and cc.first(group, cc.TEXT), "%r" % group)
        ports = [cc.first(cc.first(group, cc.LABEL), cc.TEXT) for group in groups
                 if cc.first(group, cc.NAME) == "frames"]
        equal(ports, ["vif0.0", "vif1.0", "vif2.0"])


def make_line(lab, name):
    """Have the service write a line: it disconnects a client."""
    with lab.client(name) as bad:
        bad.socket.sendall(bytes(12))
        check(bad.is_closed(), "garbage was taken")


@test
def logs(lab):
    make_line(lab, "somebody")
    with lab.client() as client:
        lines = client.stream(cc.LOGS)
        equal([cc.first(line, cc.SEQUENCE) for line in lines], list(range(1, len(lines) + 1)))
        equal(cc.first(lines[-1], cc.LEVEL), 5)
        times = [cc.first(line, cc.TIME) for line in lines]
        equal(times, sorted(times))
        equal(cc.first(lines[-1], cc.TEXT),
              "control: somebody was disconnected: frame of an impossible length")
        equal(client.stream(cc.LOGS, [(cc.LIMIT, 1)]), lines[-1:])
        equal(client.stream(cc.LOGS, [(cc.LIMIT, 0)]), [])


@test
def logs_with_follow(lab):
    with lab.client() as client:
        ident = client.ask(cc.LOGS, [(cc.FOLLOW, 1), (cc.LIMIT, 0)])
        for number in range(5):
            make_line(lab, "number %d" % number)
            line = client.expect(ident, cc.ITEM)[1]
            check("number %d was" % number in cc.first(line, cc.TEXT), "%r" % line)
        equal(client.cancel(ident, cc.LOGS), 0)
        make_line(lab, "nobody sees")
        client.call(cc.ECHO)


@test
def echo(lab):
    with lab.client() as client:
        for length in (0, 1, 2, 3, 4, 5, 1000, 4000, 4079, 4080):
            data = bytes(i % 251 for i in range(length))
            equal(client.call(cc.ECHO, [(cc.DATA_FIELD, data)]), [(cc.DATA_FIELD, data)])
        equal(client.call(cc.ECHO, [(cc.DATA_FIELD, b"a"), (cc.COUNT, 5), (cc.DATA_FIELD, b"b")]),
              [(cc.DATA_FIELD, b"a"), (cc.DATA_FIELD, b"b")])


@test
def bytes_in_any_pieces(lab):
    with lab.client() as client:
        frame = cc.encode(cc.REQUEST, 77, cc.ECHO, [(cc.DATA_FIELD, b"pieces")])
        for byte in frame:
            client.socket.sendall(bytes([byte]))
        equal(client.expect(77, cc.REPLY)[1], [(cc.DATA_FIELD, b"pieces")])
        client.socket.sendall(frame * 300)
        for _ in range(300):
            equal(client.expect(77, cc.REPLY)[1], [(cc.DATA_FIELD, b"pieces")])


@test
def what_is_unknown(lab):
    with lab.client() as client:
        check("0x7777" in refused(ENOSYS, client.call, 0x7777, [(cc.TEXT, "what?")]), "words")
        newer = [(0x1fff, 1), (0x1ffe, "x"), (0x1ffd, [(0x1ffc, [(1, 2)])]), (0x3fff, b"zzz")]
        for width in (1, 2, 4, 8):
            equal(client.call(cc.ECHO, newer + [(cc.DATA_FIELD, b"y")], width=width, flags=255),
                  [(cc.DATA_FIELD, b"y")])
        for kind in (0, cc.REPLY, cc.ITEM, 8, 255):
            client.send(kind, 1, cc.ECHO, [(cc.DATA_FIELD, b"not answered")])
        client.send(cc.CANCEL, 5, cc.LOGS)
        client.call(cc.STATUS)


@test
def errors(lab):
    with lab.client() as client:
        equal(refused(EPERM, client.call, FAIL, [(cc.ERRNO, EPERM), (cc.VALUE, 1)]), "error 1")
        equal(refused(EMSGSIZE, client.call, HUGE), None)
        client.call(cc.STATUS)


@test
def streams(lab):
    with lab.client() as client:
        items = client.stream(COUNT, [(cc.COUNT, 500)])
        equal([cc.first(item, cc.VALUE) for item in items], list(range(500)))
        ids = [client.ask(ENDLESS) for _ in range(4)]
        refused_id = client.ask(ENDLESS)
        seen = {ident: 0 for ident in ids}
        errno = None
        while errno is None or min(seen.values()) < 20:
            _, kind, ident, fields = client.receive()
            if ident == refused_id:
                equal(kind, cc.ERROR)
                errno = cc.first(fields, cc.ERRNO)
                continue
            equal((kind, cc.first(fields, cc.VALUE)), (cc.ITEM, seen[ident]))
            seen[ident] += 1
        equal(errno, EBUSY)
        for ident in ids:
            client.send(cc.CANCEL, ident, ENDLESS)
        open_ids = set(ids)
        while open_ids:
            _, kind, ident, _ = client.receive()
            if kind == cc.END:
                open_ids.remove(ident)
            check(kind == cc.END or ident in open_ids, "an item behind its end")
        client.call(cc.STATUS)


@test
def uploads(lab):
    with lab.client() as client:
        ident = client.ask(UPLOAD)
        for _ in range(200):
            client.send(cc.DATA, ident, UPLOAD, [(cc.DATA_FIELD, bytes(1000))])
        client.call(cc.STATUS)
        client.send(cc.END, ident, UPLOAD)
        equal(client.expect(ident, cc.REPLY)[1], [(cc.COUNT, 200000)])
        ident = client.ask(UPLOAD)
        client.send(cc.DATA, ident, UPLOAD, [(cc.DATA_FIELD, b"\xff")])
        client.send(cc.DATA, ident, UPLOAD, [(cc.DATA_FIELD, b"late")])
        client.send(cc.END, ident, UPLOAD)
        equal(refused(EILSEQ, client.expect, ident, cc.REPLY), "byte 0xff")
        ident = client.ask(UPLOAD)
        equal(client.cancel(ident, UPLOAD), 0)
        client.call(cc.STATUS)


@test
def a_client_that_does_not_read(lab):
    with lab.client() as slow, lab.client() as other:
        slow.ask(ENDLESS)
        for _ in range(50):
            other.call(cc.STATUS)
        other.stream(cc.STATS)


@test
def garbage(lab):
    deep = b""
    for _ in range(5):
        deep = cc.struct.pack("<HH", 0xc001, len(deep)) + deep
    good = cc.HEADER.pack(16, cc.ECHO, cc.REQUEST, 0, 1)
    broken = [
        bytes(12), b"\xff" * 12, cc.HEADER.pack(11, cc.ECHO, 1, 0, 1),
        cc.HEADER.pack(4100, cc.ECHO, 1, 0, 1), cc.HEADER.pack(13, cc.ECHO, 1, 0, 1) + b"x",
        good + b"\x09\x80\x01\x00", good + b"\x01\x00\x00\x00", good + b"\x01\xc0\x04\x00",
        cc.HEADER.pack(20, cc.ECHO, 1, 0, 1) + b"\x01\x00\x03\x00abcd",
        cc.HEADER.pack(12 + len(deep), cc.ECHO, 1, 0, 1) + deep]
    with lab.client() as good_client:
        for data in broken:
            with lab.client() as bad:
                bad.socket.sendall(data)
                check(bad.is_closed(), "%r was taken" % data)
            good_client.call(cc.STATUS)
        with lab.client() as bad:
            ident = bad.ask(ENDLESS)
            bad.send(cc.REQUEST, ident, cc.ECHO)
            try:
                while True:
                    bad.receive()
            except ConnectionError:
                pass


@test
def deadlines(lab):
    """No HELLO within 5 s, half a frame for 10 s."""
    start = time.monotonic()
    with lab.connect() as silent, lab.client() as half, lab.client() as good:
        half.socket.sendall(cc.encode(cc.REQUEST, 1, cc.ECHO)[:-1])
        check(silent.is_closed(), "it is still open")
        check(4.5 < time.monotonic() - start < 7, "after %f s" % (time.monotonic() - start))
        good.call(cc.STATUS)
        check(half.is_closed(), "it is still open")
        check(9.5 < time.monotonic() - start < 12, "after %f s" % (time.monotonic() - start))
        good.call(cc.STATUS)


@test
def more_clients_than_rings(lab):
    for _ in range(3):
        clients = [lab.client() for _ in range(4)]
        with lab.connect() as waiting:
            waiting.send(cc.REQUEST, 1, cc.HELLO, [(cc.CLIENT, "waiting")])
            clients.pop().socket.close()
            waiting.expect(1, cc.REPLY)
            for client in clients:
                client.call(cc.STATUS)
                client.socket.close()


@test
def stop(lab):
    """The last test: an answer, and then the service ends in good order."""
    with lab.client("the last") as client:
        equal(client.call(cc.STOP), [])
        equal(lab.process.stdout.readline(), "control-local: stopped\n")
        equal(lab.process.wait(10), 0)


def out_of_time(number, frame):
    raise TimeoutError("not done after %d s" % TIMEOUT)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", help="control-local")
    args = parser.parse_args()
    signal.signal(signal.SIGALRM, out_of_time)
    failed = 0
    print("1..%d" % len(TESTS))
    with tempfile.TemporaryDirectory() as folder:
        lab = Lab(args.program, folder)
        try:
            for number, function in enumerate(TESTS, 1):
                signal.alarm(TIMEOUT)
                try:
                    function(lab)
                    print("ok %d - %s" % (number, function.__name__))
                except Exception:  # whatever a client ran into is the test's failure
                    failed += 1
                    print("not ok %d - %s" % (number, function.__name__))
                    print("".join("# " + line for line in traceback.format_exc().splitlines(True)))
                finally:
                    signal.alarm(0)
                sys.stdout.flush()
        finally:
            if lab.process.poll() is None:
                lab.process.kill()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
