#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Run upstream's clients, and some bad ones, against a XenStore server on a Unix socket.

The server is xenstored-local; `--server c` and `--server ox` run upstream's own in its place, which
shows that the test asks for nothing that they do not do. Prints TAP; skips all where Debian's
packages are not to be had.
"""

import argparse
import os
import re
import signal
import subprocess
import sys
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "bench"))
import servers  # noqa: E402
import wire  # noqa: E402

# Tests in the order in which they run, each a function of a Lab. One that waits for what never
# comes ends after TIMEOUT seconds.
TESTS = []
TIMEOUT = 60


def test(function):
    TESTS.append(function)
    return function


class Lab:
    """The server and the tools that talk to it."""

    def __init__(self, server, peers):
        self.server = server
        self.peers = peers
        self.kind = server.kind

    def start(self, tool, *args, **options):
        return subprocess.Popen([self.peers.program(tool), *args], text=True,
                                env=self.server.client_environment(self.peers), **options)

    def run(self, tool, *args, status=0):
        """What the tool writes to standard output; its exit status must be as expected."""
        done = subprocess.run([self.peers.program(tool), *args], text=True, capture_output=True,
                              env=self.server.client_environment(self.peers), timeout=120)
        check(done.returncode == status, "%s %s: exit status %d: %s" % (
            tool, " ".join(args), done.returncode, done.stdout + done.stderr))
        return done.stdout

    def connect(self):
        return wire.Connection(self.server.socket)


def out_of_time(number, frame):
    raise TimeoutError("not done after %d s" % TIMEOUT)


def check(condition, message):
    if not condition:
        raise AssertionError(message)


def equal(got, want):
    check(got == want, "got %r, not %r" % (got, want))


@test
def test_xenstore_all_cases(lab):
    out = lab.run("test-xenstore", "-i", "20")
    print("\n".join("# " + line for line in out.splitlines()))
    names = [line.split(":")[0].strip() for line in out.splitlines() if "avg:" in line]
    equal(names, ["read 1", "read 2000", "write 1", "write 2000", "dir", "rm node", "rm dir",
                  "ta empty", "ta empty x", "ta rmw", "ta rmw x", "ta err"])


@test
def write_read_list_ls(lab):
    equal(lab.run("xenstore-write", "/t/b", "1", "/t/c", "two words"), "")
    equal(lab.run("xenstore-read", "/t/b"), "1\n")
    equal(lab.run("xenstore-read", "-p", "/t/b", "/t/c"), "/t/b: 1\n/t/c: two words\n")
    equal(sorted(lab.run("xenstore-list", "/t").split()), ["b", "c"])
    equal(sorted(lab.run("xenstore-ls", "-f", "/t").splitlines()),
          ['/t/b = "1"', '/t/c = "two words"'])
    equal(sorted(lab.run("xenstore-ls", "/t").splitlines()), ['b = "1"', 'c = "two words"'])
    lab.run("xenstore-rm", "/t")


@test
def directory_keeps_the_order_of_creation(lab):
    if lab.kind == "ox":
        return "oxenstored does not keep it"
    names = ["m%d" % (i * 7 % 50) for i in range(50)]
    for name in names:
        lab.run("xenstore-write", "/order/" + name, "")
    equal(lab.run("xenstore-list", "/order").split(), names)
    lab.run("xenstore-rm", "/order/m7")
    lab.run("xenstore-write", "/order/m7", "again")
    names.remove("m7")
    equal(lab.run("xenstore-list", "/order").split(), names + ["m7"])
    lab.run("xenstore-rm", "/order")
    return None


@test
def exists_and_rm(lab):
    lab.run("xenstore-write", "/t/a/b/c", "1")
    lab.run("xenstore-exists", "/t/a/b")
    lab.run("xenstore-exists", "/t/a/x", status=1)
    lab.run("xenstore-read", "/t/a/x", status=1)
    lab.run("xenstore-rm", "-t", "/t/a/b/c")
    lab.run("xenstore-exists", "/t", status=1)
    lab.run("xenstore-rm", "/no/such/thing", status=1)


@test
def chmod(lab):
    lab.run("xenstore-write", "/t/a", "1", "/t/b", "2")
    lab.run("xenstore-chmod", "-r", "/t", "n0", "r0")
    equal(sorted(lab.run("xenstore-ls", "-f", "-p", "/t").splitlines()),
          [line.rstrip() for line in
           ['/t/a = "1"   (n0,r0)', '/t/b = "2"   (n0,r0)']])
    lab.run("xenstore-chmod", "/t/a", "b0")
    check("(b0)" in lab.run("xenstore-ls", "-f", "-p", "/t"), "no (b0) after chmod")
    lab.run("xenstore-rm", "/t")


@test
def watch(lab):
    watcher = lab.start("xenstore-watch", "-n", "3", "/w", stdout=subprocess.PIPE)
    try:
        equal(watcher.stdout.readline(), "/w\n")
        lab.run("xenstore-write", "/unwatched", "0", "/w/x/y", "1")
        equal(watcher.stdout.readline(), "/w/x/y\n")
        lab.run("xenstore-rm", "/w")
        equal(watcher.stdout.readline(), "/w\n")
        equal(watcher.wait(10), 0)
    finally:
        watcher.kill()
        watcher.wait()
        watcher.stdout.close()
    lab.run("xenstore-rm", "/unwatched")


@test
def control(lab):
    if lab.kind == "ox":
        return "oxenstored has other subcommands"
    equal(lab.run("xenstore-control", "check"), "OK\n")
    check("check" in lab.run("xenstore-control", "help"), "help does not name check")
    quota = lab.run("xenstore-control", "quota")
    for name in ("nodes", "watches", "transactions", "outstanding", "memory", "node-size",
                 "path-max"):
        check(re.search(r"^%s\s*:\s+\d+" % name, quota, re.M), "no %s in: %s" % (name, quota))
    lab.run("xenstore-control", "quota", "set", "nodes", "1234")
    check(re.search(r"^nodes\s*:\s+1234\b", lab.run("xenstore-control", "quota"), re.M),
          "the quota that was set is not shown")
    lab.run("xenstore-control", "quota", "set", "nodes", "1000")
    lab.run("xenstore-control", "quota", "set", "nonsense", "1", status=3)
    lab.run("xenstore-control", "quota", "0")
    lab.run("xenstore-control", "log", "on")
    lab.run("xenstore-control", "log", "off")
    lab.run("xenstore-control", "print", "hello")
    lab.run("xenstore-control", "nonsense", status=3)
    if lab.kind == "local":
        check(re.search(r"\d", lab.run("xenstore-control", "memreport")), "memreport has no figure")
    return None


@test
def pyxs(lab):
    sys.path.append(lab.peers.path("usr/lib/python3/dist-packages"))
    import pyxs as client_library
    with client_library.Client(unix_socket_path=lab.server.socket) as client:
        client.write(b"/py/a", b"1")
        client.write(b"/py/b", b"two words")
        client.mkdir(b"/py/dir")
        equal(client.read(b"/py/b"), b"two words")
        equal(client.read(b"/py/no", b"default"), b"default")
        equal(sorted(client.list(b"/py")), [b"a", b"b", b"dir"])
        equal(client.exists(b"/py/dir"), True)
        equal(client.exists(b"/py/no"), False)
        equal(client.get_perms(b"/py/a"), [b"n0"])
        client.set_perms(b"/py/a", [b"b0", b"r0"])
        equal(client.get_perms(b"/py/a"), [b"b0", b"r0"])
        equal(client.get_domain_path(5), b"/local/domain/5")
        equal(client.is_domain_introduced(4000), False)
        equal(sorted(path for path, _, _ in client.walk(b"/py")),
              [b"/py", b"/py/a", b"/py/b", b"/py/dir"])
        pyxs_transaction(lab, client_library, client)
        pyxs_monitor(client)
        client.delete(b"/py")
        equal(client.exists(b"/py"), False)


def pyxs_transaction(lab, client_library, client):
    """Isolation, commit, roll-back, and EAGAIN where two write the same."""
    with client_library.Client(unix_socket_path=lab.server.socket) as other:
        client.transaction()
        client.write(b"/py/t", b"in")
        equal(other.exists(b"/py/t"), False)
        equal(client.commit(), True)
        equal(other.read(b"/py/t"), b"in")
        client.transaction()
        client.write(b"/py/t", b"lost")
        client.rollback()
        equal(other.read(b"/py/t"), b"in")
        client.transaction()
        equal(client.read(b"/py/t"), b"in")
        client.write(b"/py/t", b"mine")
        other.write(b"/py/t", b"theirs")
        equal(client.commit(), False)
        equal(other.read(b"/py/t"), b"theirs")


def pyxs_monitor(client):
    with client.monitor() as monitor:
        monitor.watch(b"/py/watched", b"token")
        events = monitor.wait(unwatched=True)
        equal(tuple(next(events)), (b"/py/watched", b"token"))
        client.write(b"/py/watched/x", b"")
        equal(tuple(next(events)), (b"/py/watched/x", b"token"))
        monitor.unwatch(b"/py/watched", b"token")


@test
def two_transactions_create_different_children(lab):
    if lab.kind == "c":
        return "C xenstored knows no such merge"
    with lab.connect() as one, lab.connect() as two:
        one.call(wire.WRITE, b"/merge\0")
        ids = [int(c.call(wire.TRANSACTION_START, b"\0")[1].rstrip(b"\0")) for c in (one, two)]
        equal(one.call(wire.WRITE, b"/merge/a\0001", ids[0])[0], wire.WRITE)
        equal(two.call(wire.WRITE, b"/merge/b\0002", ids[1])[0], wire.WRITE)
        equal(one.call(wire.TRANSACTION_END, b"T\0", ids[0]), (wire.TRANSACTION_END, b"OK\0"))
        equal(two.call(wire.TRANSACTION_END, b"T\0", ids[1]), (wire.TRANSACTION_END, b"OK\0"))
        equal(sorted(one.call(wire.DIRECTORY, b"/merge\0")[1].split(b"\0")), [b"", b"a", b"b"])
        one.call(wire.RM, b"/merge\0")
    return None


@test
def errors_by_name(lab):
    with lab.connect() as conn:
        for kind, payload, want in [
                (999, b"\0", b"ENOSYS\0"), (wire.READ, b"/no/such\0", b"ENOENT\0"),
                (wire.READ, b"bad//path\0", b"EINVAL\0"), (wire.READ, b"/a b\0", b"EINVAL\0"),
                (wire.READ, b"/trailing/\0", b"EINVAL\0"), (wire.RM, b"/\0", b"EINVAL\0"),
                (wire.TRANSACTION_END, b"T\0", b"ENOENT\0")]:
            if lab.kind == "ox" and (kind == 999 or payload in (b"/trailing/\0", b"/\0")):
                continue  # it answers EINVAL to the one, and takes the others
            got = conn.call(kind, payload)
            check(got == (wire.ERROR, want), "operation %d, %r: %r, not %r" % (
                kind, payload, got, want))


@test
def messages_in_pieces(lab):
    """Byte by byte, and values as long as a message may be, over a ring of 1 KiB."""
    value = bytes(i % 256 for i in range(1900))  # any byte may be in a value
    with lab.connect() as conn:
        for byte in wire.message(wire.WRITE, b"/piece\0value", 7):
            conn.send(bytes([byte]))
        equal(conn.reply()[:2], (wire.WRITE, 7))
        equal(conn.call(wire.READ, b"/piece\0"), (wire.READ, b"value"))
        equal(conn.call(wire.WRITE, b"/piece\0" + value)[0], wire.WRITE)
        equal(conn.call(wire.READ, b"/piece\0"), (wire.READ, value))
        if lab.kind != "ox":  # dom0 has no quota of the size of a node, but in oxenstored
            value = b"x" * (wire.PAYLOAD_MAX - 7)
            equal(conn.call(wire.WRITE, b"/piece\0" + value)[0], wire.WRITE)
            equal(conn.call(wire.READ, b"/piece\0"), (wire.READ, value))
        conn.call(wire.RM, b"/piece\0")


@test
def answers_that_nobody_reads(lab):
    """A client that sends and does not read stops itself alone, and loses no answer."""
    count, value = 3000, b"v" * 1500
    with lab.connect() as conn, lab.connect() as other:
        conn.call(wire.WRITE, b"/pressure\0" + value)
        conn.socket.setblocking(False)
        requests = b"".join(wire.message(wire.READ, b"/pressure\0", i) for i in range(count))
        sent = 0
        deadline = time.monotonic() + 2
        while sent < len(requests) and time.monotonic() < deadline:
            try:
                sent += conn.socket.send(requests[sent:])
            except BlockingIOError:
                time.sleep(0.05)
        equal(other.call(wire.READ, b"/pressure\0"), (wire.READ, value))
        conn.socket.settimeout(10)
        whole = sent // (len(requests) // count)
        check(whole >= 10, "only %d requests went out" % whole)
        for i in range(whole):
            equal(conn.receive(), (wire.READ, i, 0, value))
        conn.send(requests[sent:])
        for i in range(whole, count):
            equal(conn.receive(), (wire.READ, i, 0, value))
        other.call(wire.RM, b"/pressure\0")


@test
def a_message_too_long_ends_its_connection_alone(lab):
    if lab.kind == "ox":
        return "oxenstored keeps the connection"
    with lab.connect() as bad, lab.connect() as good:
        good.call(wire.WRITE, b"/kept\0yes")
        bad.call(wire.READ, b"/kept\0")
        bad.send(wire.HEADER.pack(wire.WRITE, 1, 0, wire.PAYLOAD_MAX + 1) + b"/x\0" + b"y" * 4094)
        check(bad.is_closed(), "the connection is still open")
        equal(good.call(wire.READ, b"/kept\0"), (wire.READ, b"yes"))
        good.call(wire.RM, b"/kept\0")
    return None


@test
def closing_in_the_middle(lab):
    """What a connection leaves behind goes with it: half a message, a watch, a transaction."""
    for _ in range(50):
        with lab.connect() as conn:
            conn.call(wire.WATCH, b"/gone\0token\0")
            tx_id = int(conn.call(wire.TRANSACTION_START, b"\0")[1].rstrip(b"\0"))
            conn.call(wire.WRITE, b"/gone/in/transaction\0x", tx_id)
            conn.send(wire.message(wire.WRITE, b"/gone/half\0value")[:-3])
    with lab.connect() as conn:
        equal(conn.call(wire.READ, b"/gone\0"), (wire.ERROR, b"ENOENT\0"))


@test
def five_hundred_connections(lab):
    conns = [lab.connect() for _ in range(500)]
    try:
        for number, conn in enumerate(conns):
            equal(conn.call(wire.WRITE, b"/many/%d\0%d" % (number, number))[0], wire.WRITE)
        for number, conn in enumerate(reversed(conns)):
            equal(conn.call(wire.READ, b"/many/%d\0" % number), (wire.READ, b"%d" % number))
        conns[0].call(wire.RM, b"/many\0")
    finally:
        for conn in conns:
            conn.socket.close()


def run_tests(lab, names):
    failed = 0
    print("1..%d" % (len(TESTS) + 1))
    for number, function in enumerate(TESTS, 1):
        name = function.__name__
        if names and name not in names:
            print("ok %d - %s # SKIP not asked for" % (number, name))
            continue
        signal.alarm(TIMEOUT)
        try:
            skipped = function(lab)
            check(lab.server.alive(), "the server has ended")
            print("ok %d - %s%s" % (number, name, " # SKIP " + skipped if skipped else ""))
        except Exception:  # whatever a client ran into is the test's failure
            failed += 1
            print("not ok %d - %s" % (number, name))
            print("".join("# " + line for line in traceback.format_exc().splitlines(True)))
        finally:
            signal.alarm(0)
        sys.stdout.flush()
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", required=True, help="meson's build folder")
    parser.add_argument("--server", choices=servers.NAMES, default="local")
    parser.add_argument("--peers", help="where upstream's programs are unpacked (.lab/peers)")
    parser.add_argument("test", nargs="*", help="only these")
    args = parser.parse_args()

    signal.signal(signal.SIGALRM, out_of_time)
    servers.raise_file_limit()
    peers = servers.Peers(args.peers)
    try:
        peers.fetch()
    except OSError as error:
        print("1..0 # SKIP %s" % error)
        return 0
    server = servers.Server(args.server, os.path.abspath(args.build), peers, memory=32)
    try:
        failed = run_tests(Lab(server, peers), args.test)
    finally:
        output = server.output()
        status = server.stop()
    # Ours ends in good order, with the simulator's books checked; the others by the signal.
    good = status == 0 or (args.server == "c" and status == -15)
    print("%sok %d - the server ends in good order" % ("" if good else "not ", len(TESTS) + 1))
    if failed or not good:
        print("".join("# server: " + line + "\n" for line in output.splitlines()[-40:]), end="")
        print("# exit status of the server: %d" % status)
    return 1 if failed or not good else 0


if __name__ == "__main__":
    result = main()
    sys.stdout.flush()
    os._exit(result)  # a thread of pyxs may still wait for an answer
