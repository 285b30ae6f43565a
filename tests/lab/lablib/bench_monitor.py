# SPDX-License-Identifier: ISC
"""`./lab bench monitor`: the monitor's engine on capture files beside other flow monitors. Without Xen.

BENCH_ROUNDS=N runs of each, 3 if not set; BENCH_CAPTURES=FOLDER where mixed.pcap and random.pcap are, instead of
making them below .lab; BENCH_COMPARE=0 leaves out the comparison with tshark, which takes minutes.
"""

import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading

from . import host, ui

PEERS = {"softflowd": "softflowd", "nfpcapd": "nfdump", "tshark": "tshark", "taskset": "util-linux"}
SLOWER = 3.0  # times that softflowd and nfpcapd must take, at least
MEMORY_MIB = 64


def _captures(logs):
    """{name: path} of the two files, made if they are missing."""
    folder = os.environ.get("BENCH_CAPTURES") or os.path.join(host.CACHE, "bench-monitor")
    os.makedirs(folder, exist_ok=True)
    paths = {name: os.path.join(folder, name + ".pcap") for name in ("mixed", "random")}
    program = os.path.join(host.BUILD, "tests/bench/make-captures")
    real = os.path.join(host.CACHE, "captures")
    commands = []
    if not os.path.exists(paths["mixed"]):
        commands += [[sys.executable, os.path.join(host.ROOT, "tests/bench/monitor/fetch_captures.py"), real],
                     [program, "mixed", paths["mixed"] + ".part", real]]
    if not os.path.exists(paths["random"]):
        commands += [[program, "random", paths["random"] + ".part"]]
    log = os.path.join(logs, "captures.log")
    for command in commands:
        with ui.step(" ".join([os.path.basename(command[0]), *command[1:3]])), open(log, "ab") as out:
            if subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, check=False).returncode:
                raise ui.Failure(f"{command[0]} failed", f"see {host.shown(log)}")
        if command[0] == program:
            os.rename(command[2], command[2].removesuffix(".part"))
    return paths


class Sink:
    """Who the flows are exported to: takes all datagrams and counts them."""

    def __enter__(self):
        self.count = 0
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.2)
        self.port = self.socket.getsockname()[1]
        self.ended = False
        self.thread = threading.Thread(target=self._take)
        self.thread.start()
        return self

    def _take(self):
        while not self.ended:
            try:
                self.socket.recv(65536)
                self.count += 1
            except TimeoutError:
                pass

    def __exit__(self, *_):
        self.ended = True
        self.thread.join()
        self.socket.close()


def _measure(command, log):
    """(seconds of processor, MiB of memory at most) of one run, on one processor."""
    with open(log, "ab") as out:
        child = subprocess.Popen(["taskset", "-c", str(max(os.sched_getaffinity(0))), *command],
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise ui.Failure(f"{command[0]} ended with status {child.returncode}", f"see {host.shown(log)}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def _runs(path, logs):
    """{name: [(seconds, MiB)]}, in turns, so that what disturbs this computer disturbs all."""
    results = {"atoll": [], "softflowd": [], "nfpcapd": []}
    log = os.path.join(logs, "runs.log")
    for _ in range(int(os.environ.get("BENCH_ROUNDS", "3"))):
        results["atoll"].append(_measure([os.path.join(host.BUILD, "tests/bench/flow-bench"), path], log))
        with Sink() as sink:
            results["softflowd"].append(_measure(
                ["softflowd", "-6", "-d", "-m", "1000000", "-v", "9", "-n", f"127.0.0.1:{sink.port}", "-r", path], log))
            if not sink.count:
                raise ui.Failure("softflowd has exported nothing", f"see {host.shown(log)}")
        with tempfile.TemporaryDirectory(dir=host.CACHE) as folder:
            results["nfpcapd"].append(_measure(["nfpcapd", "-r", path, "-w", folder], log))
    return results


def _packets(path):
    done = subprocess.run([os.path.join(host.BUILD, "tests/bench/flow-bench"), path], stdout=subprocess.PIPE, text=True,
                          check=True)
    return int(done.stdout.split()[1])


def _report(name, path, results):
    packets = _packets(path)
    best = {tool: min(seconds for seconds, _ in runs) for tool, runs in results.items()}
    rows = []
    for tool, runs in results.items():
        rows.append([tool, f"{best[tool]:.2f}", f"{statistics.median(s for s, _ in runs):.2f}",
                     f"{packets / best[tool] / 1e6:.2f}", f"{best[tool] / best['atoll']:.1f}",
                     f"{max(m for _, m in runs):.0f}"])
    ui.plain(f"\n{name}.pcap: {packets} packets, {os.path.getsize(path)} bytes; one processor, reading included")
    ui.plain(ui.table(["", "best, s", "median, s", "Mpps", "of atoll's", "MiB at most"], rows))
    missed = [f"{tool} takes {best[tool] / best['atoll']:.2f} times as long on {name}.pcap, not {SLOWER}"
              for tool in results if tool != "atoll" and best[tool] < SLOWER * best["atoll"]]
    memory = max(m for _, m in results["atoll"])
    if memory > MEMORY_MIB:
        missed.append(f"{memory:.0f} MiB on {name}.pcap, not {MEMORY_MIB}")
    return missed


def _compare(path, logs):
    """Conversations, packets and bytes beside tshark's."""
    script = os.path.join(host.ROOT, "tests/bench/monitor/compare_tshark.py")
    with ui.step("tshark adds up the same conversations"):
        done = subprocess.run([sys.executable, script, os.path.join(host.BUILD, "tests/bench/flow-bench"), path],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              check=False)
    with open(os.path.join(logs, "tshark.log"), "w", encoding="utf-8") as f:
        f.write(done.stdout)
    ui.plain(done.stdout.rstrip())
    return ["conversations differ from tshark's"] if done.returncode else []


def monitor(logs):
    """The monitor's engine on files beside softflowd and nfpcapd, and its sums beside tshark's."""
    lacking = [package for program, package in PEERS.items() if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin")]
    if lacking:
        raise ui.Failure("what to compare with is missing", "apt-get install " + " ".join(lacking))
    host.build_gcc(logs)
    missed = []
    paths = _captures(logs)
    for name, path in paths.items():
        missed += _report(name, path, _runs(path, logs))
    if os.environ.get("BENCH_COMPARE") != "0":
        missed += _compare(paths["mixed"], logs)
    if missed:
        raise ui.Failure("not as promised: " + "; ".join(missed), f"see {host.shown(logs)}")
