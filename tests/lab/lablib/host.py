# SPDX-License-Identifier: ISC
"""The developer's own machine: builds with meson, and where things are."""

import os
import re
import subprocess
import time

from . import ui

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
CACHE = os.path.join(ROOT, ".lab")
BUILD = os.path.join(ROOT, "build")
BUILD_CLANG = os.path.join(CACHE, "build-clang-sanitizers")
BUILD_FUZZ = os.path.join(CACHE, "build-fuzz")

IMAGE_XENSTORED = os.path.join(BUILD, "services/xenstored/xenstored.elf")
IMAGE_SWITCH = os.path.join(BUILD, "services/netback-switch/netback-switch.elf")
IMAGE_MONITOR = os.path.join(BUILD, "services/monitor/monitor.elf")
IMAGE_CONFORMANCE = os.path.join(BUILD, "tests/conformance/conformance.elf")
IMAGE_VCHAN = os.path.join(BUILD, "tests/vchan/vchan.elf")
IMAGE_RIGHTS = os.path.join(BUILD, "tests/platform/rights.elf")
IMAGE_PLATFORM = os.path.join(BUILD, "tests/platform/platform.elf")
ATOLL = os.path.join(BUILD, "host-tools/atoll")
LAB_PROGRAMS = ("lab-pty", "lab-latency", "lab-first", "lab-domain-console", "lab-crash")


def processors():
    return len(os.sched_getaffinity(0))


def new_logs(command):
    """A folder for this run's logs, and .lab/logs/latest that points to it."""
    top = os.path.join(CACHE, "logs")
    os.makedirs(top, exist_ok=True)
    folder = os.path.join(top, f"{time.strftime('%Y%m%d-%H%M%S')}-{command}")
    os.makedirs(folder, exist_ok=True)
    latest = os.path.join(top, "latest")
    if os.path.islink(latest):
        os.unlink(latest)
    os.symlink(os.path.basename(folder), latest)
    return folder


def shown(path):
    return os.path.relpath(path, os.getcwd())


def _logged(command, log, env=None):
    with open(log, "ab") as out:
        out.write(("$ " + " ".join(command) + "\n").encode())
        out.flush()
        done = subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                              env=dict(os.environ, **(env or {})))
    return done.returncode


def _excerpt(log, lines=30):
    with open(log, errors="replace") as f:
        text = f.read()
    errors = [line for line in text.splitlines() if "error:" in line or "ERROR" in line or "FAILED" in line]
    return "\n".join(errors[:10]) + "\n...\n" + ui.tail(text, lines - 10) if errors else ui.tail(text, lines)


def build(folder, logs, options=(), compiler="gcc", targets=()):
    """meson setup (once) and compile @folder, or of it @targets."""
    name = os.path.basename(folder)
    log = os.path.join(logs, f"{name}.log")
    env = {"CC": compiler}
    with ui.step(f"building {shown(folder)} with {compiler}"):
        if not os.path.exists(os.path.join(folder, "build.ninja")):
            if _logged(["meson", "setup", folder, *options], log, env):
                raise ui.Failure(f"meson setup {shown(folder)} failed", f"see {shown(log)}", _excerpt(log))
        # ninja, since `meson compile` knows no target that an older folder has not.
        # It gives way to a boot beside it, whose host has clocks of its own.
        if _logged(["nice", "-n", "10", "ninja", "-C", folder, *targets], log):
            raise ui.Failure(f"ninja -C {shown(folder)} failed", f"see {shown(log)}", _excerpt(log))
    return folder


def build_gcc(logs):
    return build(BUILD, logs)


def build_clang(logs):
    return build(BUILD_CLANG, logs, ["-Db_sanitize=address,undefined", "-Dunikernels=disabled"], "clang")


def build_fuzz(logs):
    return build(BUILD_FUZZ, logs, ["-Dfuzzers=true", "-Dunikernels=disabled"], "clang", ["fuzzers"])


def need(path):
    if not os.path.exists(path):
        raise ui.Failure(f"the build left no {shown(path)}",
                         "is everything there that it needs (musl-dev, libxen-dev)? `rm -rf build` and try again")
    return path


def dom0_files(*images):
    """What the build gives to dom0: {name inside: path}. @images are (name inside, path) pairs."""
    files = {f"lab/bin/{p}": need(os.path.join(BUILD, "tests/lab", p)) for p in LAB_PROGRAMS}
    files.update({inside: need(path) for inside, path in images})
    return files


def libraries(program):
    """The libraries that @program was linked with, for a dom0 that may not have them: {name inside: path}."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return {f"usr{path}" if path.startswith("/lib/") else path[1:]: os.path.realpath(path)
            for path in re.findall(r"=> (/\S+)", said) if not re.search(r"/(libc|libm|ld-linux[^/]*|libgcc_s)\.so", path)}


def service_files():
    return dom0_files(("lab/xenstored.elf", IMAGE_XENSTORED), ("lab/netback-switch.elf", IMAGE_SWITCH),
                      ("lab/monitor.elf", IMAGE_MONITOR), ("lab/bin/atoll", ATOLL)) | libraries(need(ATOLL))


def traffic_files():
    """What guests that exchange traffic, and dom0 beside them, have of ours."""
    files = service_files()
    files.update({"guest/bin/lab-agent": need(os.path.join(BUILD, "tests/lab/lab-agent")),
                  "lab/bin/lab-in": need(os.path.join(BUILD, "tests/lab/lab-in")),
                  "lab/bin/lab-domcpu": need(os.path.join(BUILD, "tests/bench/lab-domcpu"))})
    for program in ("bench/lab-net", "lab/lab-frames", "lab/lab-tcp"):
        for inside in ("guest/bin", "lab/bin"):
            files[f"{inside}/{os.path.basename(program)}"] = need(os.path.join(BUILD, "tests", program))
    return files


def control_files():
    """What the suite `control` has beside the services."""
    files = service_files()
    files.update({"lab/vchan.elf": need(IMAGE_VCHAN),
                  "lab/bin/lab-vchan": need(os.path.join(BUILD, "tests/vchan/lab-vchan")),
                  "lab/bin/lab-hello": need(os.path.join(BUILD, "tests/lab/lab-hello"))})
    return files
