# SPDX-License-Identifier: ISC
"""Suites that need no Xen: meson's tests in two builds, and the fuzzers."""

import concurrent.futures
import json
import os
import re
import subprocess

from . import host, ui


# To a boot beside it, whose host has clocks of its own.
GIVE_WAY = ("nice", "-n", "10")


def meson_suite(suite, verdicts, logs):
    """The runs of @suite, built by gcc, and by clang with ASan and UBSan; the latter is built when its turn comes,
    beside boots."""
    folder = host.build_gcc(logs)
    return [lambda: _meson_test(suite, "gcc", folder, verdicts, logs),
            lambda: _meson_test(suite, "clang, sanitizers", host.build_clang(logs), verdicts, logs)]


def _meson_test(suite, label, folder, verdicts, logs):
    base = f"lab-{suite}"
    log = os.path.join(logs, f"{suite}-{os.path.basename(folder)}.log")
    ui.say(f"{suite} ({label}): meson test -C {host.shown(folder)} --suite {suite}")
    records = os.path.join(folder, "meson-logs", f"{base}.json")
    if os.path.exists(records):
        os.unlink(records)
    with open(log, "w") as out:
        # UBSan must end the test it complains in.
        env = dict(os.environ, UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1", ASAN_OPTIONS="detect_leaks=1")
        status = subprocess.run([*GIVE_WAY, "meson", "test", "-C", folder, "--suite", suite, "--logbase", base,
                                 "--no-rebuild", "--print-errorlogs", "--timeout-multiplier", "4"],
                                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env).returncode
    tests = []
    if os.path.exists(records):
        with open(records) as f:
            tests = [json.loads(line) for line in f if line.strip()]
    for test in tests:
        passed = test["result"] in ("OK", "EXPECTEDFAIL")
        name = test["name"].split(" / ")[-1]
        verdicts.add(suite, f"{name} ({label})", passed, _figures(test))
        if not passed:
            for line in ui.tail(test.get("stdout", "") + test.get("stderr", ""), 25).splitlines():
                ui.say(line, "    | ")
            ui.say(f"see {host.shown(log)}; alone: meson test -C {host.shown(folder)} --suite {suite} "
                   f"'{name}'", "    ")
    if not tests:
        verdicts.add(suite, f"tests ({label})", False, f"meson ran none; see {host.shown(log)}")
    elif status and all(t["result"] in ("OK", "EXPECTEDFAIL") for t in tests):
        verdicts.add(suite, f"meson test ({label})", False, f"status {status}; see {host.shown(log)}")


def _figures(test):
    checks = re.findall(r"Checks: (\d+)", test.get("stdout", ""))
    took = f"{test.get('duration', 0):.1f} s"
    if test["result"] not in ("OK", "EXPECTEDFAIL"):
        return f"{test['result']}; {took}"
    return f"{sum(map(int, checks))} checks; {took}" if checks else took


# -- fuzzers


def fuzz(verdicts, logs):
    """A run of each libFuzzer target for FUZZ_SECONDS (6), from its seed corpus, as many at once as there are processors."""
    return lambda: _fuzz_all(os.path.join(host.build_fuzz(logs), "tests/fuzz"), verdicts, logs)


def _fuzz_all(folder, verdicts, logs):
    targets = sorted(n for n in (os.listdir(folder) if os.path.isdir(folder) else [])
                     if n.startswith("fuzz") and os.access(os.path.join(folder, n), os.X_OK)
                     and os.path.isfile(os.path.join(folder, n)))
    if not targets:
        verdicts.add("fuzz", "targets", False, f"there is none in {host.shown(folder)}")
        return
    seconds = int(os.environ.get("FUZZ_SECONDS", "6"))
    ui.say(f"fuzz: {', '.join(targets)}, {seconds} s each")
    with concurrent.futures.ThreadPoolExecutor(host.processors()) as pool:
        for result in pool.map(lambda t: _fuzz_one(folder, t, seconds, logs), targets):
            name, passed, figures, excerpt = result
            verdicts.add("fuzz", name, passed, figures)
            for line in excerpt.splitlines():
                ui.say(line, "    | ")


def _fuzz_one(folder, target, seconds, logs):
    log = os.path.join(logs, f"{target}.log")
    found = os.path.join(logs, f"{target}-found")
    corpus = os.path.join(logs, f"{target}-corpus")
    for path in (found, corpus):
        os.makedirs(path, exist_ok=True)
    seeds = [os.path.join(host.ROOT, "tests/fuzz/corpus", name)
             for name in (target, re.sub(r"^fuzz[_-]", "", target))]
    seeds = [s for s in seeds if os.path.isdir(s)]
    if not seeds:
        return target, False, "no seed corpus in tests/fuzz/corpus", ""
    command = [*GIVE_WAY, os.path.join(folder, target), f"-max_total_time={seconds}", "-print_final_stats=1", "-timeout=25", "-entropic=0",
               f"-artifact_prefix={found}/", corpus, *seeds]
    with open(log, "w") as out:
        out.write(" ".join(command) + "\n")
        out.flush()
        env = dict(os.environ, UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1")
        try:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=env,
                                    timeout=seconds * 2 + 300).returncode
        except subprocess.TimeoutExpired:
            status = -1
    with open(log, errors="replace") as f:
        text = f.read()
    runs = re.search(r"stat::number_of_executed_units:\s*(\d+)", text)
    messages = re.search(r"stat::messages: (\d+)", text)
    coverage = re.findall(r"cov: (\d+)", text)
    figures = (f"{int(runs.group(1)):,} runs in {seconds} s" if runs else "no final statistics") + \
              (f", {int(messages.group(1)):,} messages" if messages else "") + \
              (f", {coverage[-1]} edges" if coverage else "")
    if status == 0 and runs and int(runs.group(1)) > 0:
        return target, True, figures, ""
    crash = "; ".join(os.listdir(found)) or "no artifact"
    return target, False, f"status {status}, {crash} in {host.shown(found)}; {figures}", ui.tail(text, 40)
