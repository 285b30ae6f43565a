#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Compare XenStore servers on this machine, without Xen: C xenstored, oxenstored, xenstored-local.

All in the same run, in turns, a fresh server for each figure; tables show medians over the rounds
and, in parentheses, the ratio to C xenstored. docs/benchmarks.md says how each is measured. Ends
with the figures that the project promises; exit status 1 if one is missed (unless --no-verdict).
"""

import argparse
import collections
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

import servers

KINDS = ("c", "ox", "local")
JOURNALLED = KINDS + ("journal",)
RING = "ring"  # ring_bench: the service in one process with its clients


class Run:
    """Measures, and keeps every figure: self.figures[row][column] is a list, one value a round."""

    def __init__(self, args, peers):
        self.args = args
        self.peers = peers
        self.figures = collections.defaultdict(lambda: collections.defaultdict(list))
        self.failures = []

    def program(self, name):
        return os.path.join(self.args.build, "tests", "bench", name)

    def note(self, text):
        print("  %s  %s" % (time.strftime("%H:%M:%S"), text), file=sys.stderr, flush=True)

    def parse(self, text):
        return {name: float(value) for name, value in
                (line.split() for line in text.splitlines() if len(line.split()) == 2)}

    def measure(self, row, kind, arguments, over_ring=False):
        """One scenario of xs_bench against a fresh server of @kind."""
        column = kind + " ring" if over_ring else kind
        self.note("%s: %s" % (row, column))
        try:
            with servers.Server(kind, self.args.build, self.peers, self.args.memory) as server:
                command = [self.program("xs_bench"), "--socket", server.socket,
                           "--pid", str(server.pid)]
                if over_ring:
                    command += ["--ring", server.dir]
                done = subprocess.run(command + arguments, capture_output=True, text=True,
                                      timeout=self.args.timeout)
                if done.returncode:
                    raise OSError(done.stderr.strip() + " " + server.output()[-500:].strip())
        except (OSError, subprocess.TimeoutExpired) as error:
            self.failures.append("%s, %s: %s" % (row, column, error))
            return
        for name, value in self.parse(done.stdout).items():
            self.figures[row + "/" + name][column].append(value)

    def ring(self, rows):
        """ring_bench for each (row, arguments), in turns; the least of five: disturbance adds."""
        least = {}
        for repetition in range(5):
            for row, arguments in rows:
                if not repetition:
                    self.note("%s: %s" % (row, RING))
                done = subprocess.run([self.program("ring_bench"), *arguments],
                                      capture_output=True, text=True, timeout=self.args.timeout)
                if done.returncode:
                    self.failures.append("%s, ring: %s" % (row, done.stderr.strip()))
                    return
                for name, value in self.parse(done.stdout).items():
                    name = row + "/" + name
                    least[name] = min(value, least.get(name, value))
        for name, value in least.items():
            self.figures[name][RING].append(value)

    def median(self, row, column):
        values = self.figures.get(row, {}).get(column)
        return statistics.median(values) if values else None


def per_request(run, quick):
    """Server CPU a request: the socket, dom0's ring, and the service alone."""
    count = "4000" if quick else "20000"
    for name in ("read", "write"):
        for kind in JOURNALLED:
            run.measure(name, kind, ["--count", count, name])
        for kind in ("c", "ox"):
            run.measure(name, kind, ["--count", count, name], over_ring=True)
        for kind in KINDS:
            run.measure(name + " alone", kind, ["--count", "2000", "--inflight", "1", name])
    for kind in JOURNALLED:
        run.measure("transaction", kind, ["--count", "1600", "--nodes", "1600", "transaction"])
    for kind in ("c", "ox"):
        run.measure("transaction", kind, ["--count", "1600", "--nodes", "1600", "transaction"],
                    over_ring=True)
    run.ring([("plain", ["--count", "20000"])])


def beside_watches(run, quick):
    for watches in (0, 10000, 100000):
        for kind in KINDS:
            if quick and kind == "c" and watches > 10000:
                continue
            count = {"c": 160 if watches > 10000 else 640}.get(kind, 20000)
            run.measure("watches %d" % watches, kind,
                        ["--count", str(count), "--watches", str(watches), "write"])
    run.ring([("watches %d" % watches, ["--count", "20000", "--watches", str(watches)])
              for watches in (0, 10000, 100000)])


def beside_idle(run, quick):
    for idle in (0, 1000):
        for kind in KINDS:
            count = {"c": 1600, "ox": 320}.get(kind, 20000)
            run.measure("idle %d" % idle, kind,
                        ["--count", str(count), "--idle", str(idle), "write"])
    run.ring([("idle %d" % idle, ["--count", "20000", "--idle", str(idle)])
              for idle in (0, 1000)])


def storm(run, quick):
    for row, options in (("storm", []), ("storm list", ["--list"])):
        for kind in KINDS:
            run.measure(row, kind, ["--count", "5", *options, "storm"])


def memory(run, quick):
    count = "20000" if quick else "100000"
    for kind in KINDS:
        run.measure("node memory", kind, ["--count", count, "node-memory"])
        run.measure("watch memory", kind, ["--count", "20000", "watch-memory"])
    arena = ["--memreport", run.args.memreport]
    run.measure("node arena", "local", ["--count", count, *arena, "node-memory"])
    run.measure("watch arena", "local", ["--count", "20000", *arena, "watch-memory"])


def callgrind(command, function):
    """Instructions that @command executes within @function, as callgrind counts them."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(["valgrind", "--tool=callgrind", "--collect-atstart=no",
                               "--callgrind-out-file=" + os.path.join(folder, "out"),
                               "--toggle-collect=" + function, *command],
                              capture_output=True, text=True, timeout=600)
    found = re.search(r"Collected *: *(\d+)", done.stderr)
    if done.returncode or not found:
        raise OSError(done.stderr[-500:])
    return int(found.group(1))


def instructions(run, quick):
    """Instructions a request of the service alone: the same in every run, whatever the machine."""
    few, many = 1600, 8000
    watches = "10000" if quick else "100000"
    for row, name, options in [("read", "read", []), ("write", "write", []),
                               ("transaction", "transaction", []),
                               ("write, watches", "write", ["--watches", watches]),
                               ("write, idle", "write", ["--idle", "1000"])]:
        run.note("instructions: " + row)
        try:
            counts = [callgrind([run.program("ring_bench"), "--plain", name, "--memory", "64",
                                 *options, "--count", str(count)], "xenstored_step")
                      for count in (few, many)]
        except (OSError, subprocess.TimeoutExpired) as error:
            run.failures.append("instructions of %s: %s" % (row, error))
            return
        run.figures["instructions/" + row][RING].append((counts[1] - counts[0]) / (many - few))


REQUESTS = ("read", "write", "transaction")
JOURNAL = ["--journal", "513"]  # pages: 2 MiB, as services get them, and the one before them


def journal(run, quick):
    """With the journal and without, by turns: as a client over the socket sees it, and alone; of
    five each the least, since disturbance adds."""
    count = "4000" if quick else "20000"
    for name in REQUESTS:
        tries = "journal %s, tries" % name
        for _ in range(5):
            for kind in ("local", "journal"):
                run.measure(tries, kind, ["--count", count, "--nodes", "1600", name])
        for kind, values in run.figures.pop(tries + "/cpu_ns", {}).items():
            run.figures["journal %s/cpu_ns" % name][kind].append(min(values))
    run.ring([("journal off", ["--count", "20000"]), ("journal on", ["--count", "20000"] + JOURNAL)])


def journal_instructions(run, quick):
    """The same of the service alone in instructions, over some checkpoints."""
    few, many = 2000, 26000
    for name in REQUESTS:
        for row, options in (("off", []), ("on", JOURNAL)):
            run.note("instructions: %s, journal %s" % (name, row))
            try:
                counts = [callgrind([run.program("ring_bench"), "--plain", name, "--memory", "64",
                                     *options, "--count", str(count)], "xenstored_step")
                          for count in (few, many)]
            except (OSError, subprocess.TimeoutExpired) as error:
                run.failures.append("instructions of %s: %s" % (name, error))
                return
            run.figures["journal %s instructions/%s" % (row, name)][RING].append(
                (counts[1] - counts[0]) / (many - few))


GROUPS = collections.OrderedDict([
    ("requests", per_request), ("watches", beside_watches), ("idle", beside_idle),
    ("storm", storm), ("memory", memory), ("instructions", instructions),
    ("journal", journal), ("journal-instructions", journal_instructions)])
ONCE = ("memory", "instructions", "journal-instructions")  # these do not vary enough to be repeated


def table(run, title, columns, rows):
    """Print @rows, each (label, unit's divisor, [(row of figures, column), ...]); the first column
    of a table is what the others are compared with."""
    cells = []
    for label, scale, names in rows:
        values = [run.median(*name) if name else None for name in names]
        base = values[0]
        line = [label]
        for place, value in enumerate(values):
            if value is None:
                line.append("-")
                continue
            text = number(value / scale)
            if place and base:
                text += " (%s)" % ratio(value / base)
            line.append(text)
        cells.append(line)
    cells = [line for line in cells if any(cell != "-" for cell in line[1:])]
    if not cells:
        return
    heads = [""] + columns
    widths = [max(len(line[i]) for line in cells + [heads]) for i in range(len(heads))]
    print("\n" + title)
    for line in [heads] + cells:
        print("  " + "  ".join([line[0].ljust(widths[0])] +
                               [cell.rjust(width) for cell, width in zip(line[1:], widths[1:])]))


def number(value):
    return "%.2f" % value if value < 10 else "%.1f" % value if value < 1000 else "%.0f" % value


def ratio(value):
    return "%.2f" % value if value < 100 else "%.0f" % value


def report(run):
    names = [servers.NAMES[kind] for kind in KINDS]
    rows = [(name, 1000, [(name + "/cpu_ns", kind) for kind in JOURNALLED])
            for name in ("read", "write", "transaction")]
    table(run, "Server CPU a request over the socket, 16 in flight; microseconds "
               "(a transaction: start, write, commit)", names + [servers.NAMES["journal"]], rows)
    rows = [(name, 1000, [(name + "/cpu_ns", "c"), (name + "/cpu_ns", "c ring"),
                          (name + "/cpu_ns", "ox ring"), ("plain/%s_ns" % name, RING)])
            for name in ("read", "write", "transaction")]
    table(run, "The same, taken from dom0's ring: ours with no system call; microseconds",
          ["C, socket", "C, ring", "oxenstored, ring", "ours, ring"], rows)
    rows = [("%s, %s" % (name, what), 1000,
             [("%s alone/%s" % (name, figure), kind) for kind in KINDS])
            for name in ("read", "write") for what, figure in (("median", "p50_ns"),
                                                              ("maximum", "max_ns"))]
    table(run, "Latency over the socket, one in flight; microseconds", names, rows)
    rows = [("%d unrelated watches" % count, 1000,
             [("watches %d/cpu_ns" % count, kind) for kind in KINDS] +
             [("watches %d/write_ns" % count, RING)]) for count in (0, 10000, 100000)]
    rows += [("%d idle connections" % count, 1000,
              [("idle %d/cpu_ns" % count, kind) for kind in KINDS] +
              [("idle %d/write_ns" % count, RING)]) for count in (0, 1000)]
    table(run, "Server CPU of a write beside; microseconds", names + ["ours, ring"], rows)
    rows = []
    for label, row in (("", "storm"), (", listing it first", "storm list")):
        rows += [("tries per commit" + label, 1, [(row + "/tries", kind) for kind in KINDS]),
                 ("commits/s" + label, 1, [(row + "/commits_s", kind) for kind in KINDS]),
                 ("server CPU a commit, us" + label, 1000,
                  [(row + "/cpu_ns", kind) for kind in KINDS])]
    table(run, "64 clients, all at once: transactions of 14 writes that create different children "
               "of one directory", names, rows)
    rows = [("a node, of the process", 1, [("node memory/bytes", kind) for kind in KINDS]),
            ("a watch, of the process", 1, [("watch memory/bytes", kind) for kind in KINDS])]
    table(run, "Memory; bytes", names, rows)
    rows = [("a node", 1, [("node arena/bytes", "local")]),
            ("a watch", 1, [("watch arena/bytes", "local")])]
    table(run, "Memory that the service's own arena counts (CONTROL memreport); bytes",
          ["xenstored-local"], rows)
    rows = [(label, 1, [("instructions/" + row, RING)]) for label, row in (
        ("read", "read"), ("write", "write"), ("transaction", "transaction"),
        ("write beside %s watches" % ("10,000" if run.args.quick else "100,000"),
         "write, watches"),
        ("write beside 1,000 idle connections", "write, idle"))]
    table(run, "Instructions a request of the service alone (callgrind)", ["ours, ring"], rows)
    rows = [("%s, %s" % (name, what), scale,
             [(row % ("off", name), column), (row % ("on", name), column)])
            for name in REQUESTS
            for what, scale, row, column in (
                ("alone, instructions", 1, "journal %s instructions/%s", RING),
                ("alone, ns", 1, "journal %s/%s_ns", RING))]
    rows += [(name + ", over the socket, us", 1000,
              [("journal %s/cpu_ns" % name, "local"), ("journal %s/cpu_ns" % name, "journal")])
             for name in REQUESTS]
    table(run, "A request without the journal, and with it", ["without", "with"], rows)


def verdicts(run):
    """(what, its value, the limit, whether it holds) of each promise that was measured."""
    def growth(row, figure, column, many):
        few, more = (run.median("%s %d/%s" % (row, count, figure), column) for count in (0, many))
        return more / few if few and more else None

    def added(row):
        few, more = (run.median("instructions/write" + what, RING) for what in ("", row))
        return more / few if few and more else None

    def share(name):
        ours, theirs = run.median("plain/%s_ns" % name, RING), run.median(name + "/cpu_ns", "c")
        return ours / theirs if ours and theirs else None

    def journalled(name):
        off, on = (run.median("journal %s instructions/%s" % (row, name), RING)
                   for row in ("off", "on"))
        return on / off if off and on else None

    def journalled_socket(name):
        off, on = (run.median("journal %s/cpu_ns" % name, kind) for kind in ("local", "journal"))
        return on / off if off and on else None

    promises = [
        ("tries per commit of the storm", run.median("storm/tries", "local"), 1.0),
        ("write beside 100,000 watches, ring", growth("watches", "write_ns", RING, 100000), 1.2),
        ("write beside 100,000 watches, socket", growth("watches", "cpu_ns", "local", 100000),
         1.2),
        ("write beside watches, instructions", added(", watches"), 1.2),
        ("write beside 1,000 idle connections, ring", growth("idle", "write_ns", RING, 1000), 1.2),
        ("write beside 1,000 idle connections, socket", growth("idle", "cpu_ns", "local", 1000),
         1.2),
        ("write beside 1,000 idle connections, instructions", added(", idle"), 1.2),
        ("CPU of a read, ring, by C xenstored's", share("read"), 0.2),
        ("CPU of a write, ring, by C xenstored's", share("write"), 0.2),
        ("CPU of a transaction, ring, by C xenstored's", share("transaction"), 0.2),
        ("bytes a node, of the arena", run.median("node arena/bytes", "local"), 120),
        ("bytes a node, of the process", run.median("node memory/bytes", "local"), 120),
    ]
    promises += [("%s with the journal, instructions" % name, journalled(name), 1 / 0.9)
                 for name in REQUESTS]
    promises += [("%s with the journal, socket" % name, journalled_socket(name), 1 / 0.9)
                 for name in REQUESTS]
    return [(what, value, limit, value <= limit) for what, value, limit in promises
            if value is not None]


def machine():
    model = "unknown processor"
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                model = line.split(":", 1)[1].strip()
                break
    return "%s, %d processors, load %.1f" % (model, os.cpu_count(), os.getloadavg()[0])


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(here, "..", "..", "build"),
                        help="meson's build folder (build)")
    parser.add_argument("--peers", help="where upstream's programs are unpacked (.lab/peers)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds to take the median of (3)")
    parser.add_argument("--quick", action="store_true", help="one round, fewer requests")
    parser.add_argument("--json", help="also write all figures to this file")
    parser.add_argument("--memory", type=int, default=256, help="MiB of xenstored-local (256)")
    parser.add_argument("--memreport", default="bytes-used",
                        help="the figure of CONTROL memreport that counts memory in use (bytes-used)")
    parser.add_argument("--timeout", type=int, default=300, help="seconds for one figure (300)")
    parser.add_argument("--no-verdict", action="store_true", help="only measure")
    parser.add_argument("group", nargs="*", help="only these: " + " ".join(GROUPS))
    args = parser.parse_args()
    args.build = os.path.abspath(args.build)
    if args.quick:
        args.rounds = 1
    for group in args.group:
        if group not in GROUPS:
            parser.error("no group %s" % group)

    servers.raise_file_limit()
    peers = servers.Peers(args.peers)
    peers.fetch()
    run = Run(args, peers)
    print("XenStore servers on one machine, without Xen: %s" % machine())
    print("C xenstored and oxenstored: Debian %s" % peers.version())
    for number_of_round in range(args.rounds):
        for group in args.group or GROUPS:
            if number_of_round == 0 or group not in ONCE:
                run.note("round %d of %d: %s" % (number_of_round + 1, args.rounds, group))
                GROUPS[group](run, args.quick)
    report(run)
    results = verdicts(run)
    if results:
        print("\nPromises")
        for what, value, limit, held in results:
            print("  %-51s %8s  at most %-6s %s" % (
                what, number(value), number(limit), "held" if held else "MISSED"))
    for failure in run.failures:
        print("failed: %s" % failure)
    if args.json:
        with open(args.json, "w") as out:
            json.dump({"machine": machine(), "debian": peers.version(), "figures": run.figures,
                       "failures": run.failures}, out, indent=1)
    bad = run.failures or not all(held for _, _, _, held in results)
    return 1 if bad and not args.no_verdict else 0


if __name__ == "__main__":
    sys.exit(main())
