# SPDX-License-Identifier: ISC
"""`./lab test`: the suites, in the order in which they run."""

import concurrent.futures
import os
import re

from . import checks, host, native, ui
from . import control as control_plane
from . import monitor as packet_monitor
from . import recovery as crash_recovery
from . import recovery_switch
from . import switch as network_switch
from .image import Image
from .machine import EmulatorFault, Machine

# Of creating and destroying a guest; CYCLES=12 is what was once run in full.
CYCLES = int(os.environ.get("CYCLES", "4"))
# A service that loses wake-ups does so once in some thousand requests.
LATENCY_REQUESTS = int(os.environ.get("LATENCY_REQUESTS", "15000"))


class Jobs:
    """What a suite has to run: @native runs one after the other, each on all processors, but gives way to boots;
    @boots share the processors, the one that takes longest named last; @alone would show whatever else runs."""

    def __init__(self, native=(), boots=(), alone=()):
        self.native = list(native)
        self.boots = list(boots)
        self.alone = list(alone)


def unit(verdicts, logs):
    return Jobs(native.meson_suite("unit", verdicts, logs))


def sim(verdicts, logs):
    return Jobs(native.meson_suite("sim", verdicts, logs))


def fuzz(verdicts, logs):
    return Jobs([native.fuzz(verdicts, logs)])


def boot(session, verdicts, image, name, logs, files, **options):
    """Give a booted host to @session(machine, verdicts); once more if QEMU itself goes wrong, which is not what is
    tested."""
    for attempt in ("", "-again"):
        rows = ui.Verdicts()
        try:
            with Machine(image, name + attempt, logs, files, **options) as machine:
                session(machine, rows)
        except EmulatorFault as fault:
            if not attempt:
                ui.say(f"{fault.what}; booting once more")
                rows.rows.clear()
                continue
            raise
        finally:
            verdicts.rows += rows.rows
        return


# -- conformance: on the simulator, then on real Xen


def conformance(verdicts, logs):
    jobs = Jobs(native.meson_suite("conformance", verdicts, logs))
    image = Image(host.CACHE).prepare()
    jobs.boots = [lambda: _conformance_store(image, verdicts, logs), lambda: _conformance_guests(image, verdicts, logs)]
    return jobs


def _verdict_line(out, what):
    """The image's own last word: "WHAT: N passed, M failed"."""
    found = re.findall(rf"{what}: (\d+) passed, (\d+) failed", out)
    if not found:
        raise checks.CheckFailed("no verdict, so it crashed", ui.tail(out, 25))
    passed, failed = map(int, found[-1])
    if failed or not passed:
        raise checks.CheckFailed(f"{passed} passed, {failed} failed",
                                 "\n".join(line for line in out.splitlines() if "FAIL" in line) or out)
    return f"{passed} cases"


# Each is something that tests/platform/platform.c tries and must not survive.
PROTECTIONS = ("text", "rodata", "null", "seal", "tables", "guard", "nx", "smash", "assert", "unmapped")

GUEST = """
cat >/run/{name}.cfg <<END
name = "{name}"
type = "pvh"
memory = 16
vcpus = 1
kernel = "/lab/{image}.elf"
cmdline = "{words}"
on_poweroff = "preserve"
on_crash = "preserve"
END
xl create /run/{name}.cfg
"""


def _conformance_guests(image, verdicts, logs):
    files = host.dom0_files(("lab/conformance.elf", host.IMAGE_CONFORMANCE), ("lab/platform.elf", host.IMAGE_PLATFORM))

    def two_domains(dom0):
        dom0.expect(GUEST.format(name="server", image="conformance", words="serve=2"), 60)
        dom0.expect(GUEST.format(name="client", image="conformance", words="peer=1"), 60)
        dom0.run("lab-await 120 grep -q 'conformance:.*passed' /var/log/xen/guest-client.log", 150)
        return _verdict_line(dom0.run("cat /var/log/xen/guest-client.log").output, "conformance")

    def platform(dom0):
        dom0.expect(GUEST.format(name="platform", image="platform", words=""), 60)
        dom0.run("lab-await 180 grep -q 'platform:.*passed' /var/log/xen/guest-platform.log", 200)
        return _verdict_line(dom0.run("cat /var/log/xen/guest-platform.log").output, "platform")

    def protections(dom0):
        names = " ".join(PROTECTIONS)
        for name in PROTECTIONS:
            dom0.expect(GUEST.format(name=f"p-{name}", image="platform", words=f"test={name}"), 60)
        out = dom0.expect(f"""
            for name in {names}; do
                lab-await 60 "xl list p-$name | grep -q 'c-  *[0-9.]*$'" || exit 1
                log=/var/log/xen/guest-p-$name.log
                grep -aq 'still here' $log && {{ echo "$name: nothing stopped it"; exit 1; }}
                grep -aq '^panic: ' $log || {{ echo "$name: no panic on the console"; cat $log; exit 1; }}
                xl destroy p-$name
            done
            grep -ah '^panic: ' /var/log/xen/guest-p-*.log""", 900, "a protection does not hold")
        return f"{len(out.splitlines())} panics: {names}"

    def session(machine, rows):
        dom0 = checks.Dom0(machine, "c", rows, "conformance")
        if dom0.check("C xenstored for the guests", checks.store_starts):
            dom0.check("two domains on real Xen", two_domains)
            dom0.check("the platform on real Xen", platform)
            dom0.check("what the platform forbids ends in a panic", protections)

    boot(session, verdicts, image, "conformance-guests", logs, files, guests=False, cpus=1)


def _conformance_store(image, verdicts, logs):
    """As the store's domain, which alone has a ring of dom0's and may ask about domains."""
    files = host.dom0_files(("lab/conformance.elf", host.IMAGE_CONFORMANCE))

    def store_domain(dom0):
        out = dom0.run("""
            lab-domain-console 150 >/run/console 2>&1 &
            console=$!
            # It waits for an answer to what it writes into the store itself: not what is tested here.
            timeout 20 init-xenstore-domain --kernel /lab/conformance.elf --memory 8 --param xs
            wait $console
            echo "lab-domain-console: $?"
            cat /run/console""", 200).output
        return _verdict_line(out, "conformance")

    def session(machine, rows):
        checks.Dom0(machine, "stock", rows, "conformance").check("the store's domain on real Xen", store_domain)

    boot(session, verdicts, image, "conformance-store", logs, files, guests=False, cpus=1)


# -- xenstored on real Xen


def xenstored(verdicts, logs):
    """One boot for each way of starting the store, and the one for which nothing else may run."""
    host.build_gcc(logs)
    files = host.service_files()
    image = Image(host.CACHE).prepare()

    def latency():
        boot(_latency, verdicts, image, "xenstored-latency", logs, files, guests=False)

    return Jobs(boots=[lambda m=m: acceptance(image, m, files, verdicts, logs) for m in ("stock", "atoll")],
                alone=[latency])


def _latency(machine, rows):
    dom0 = checks.Dom0(machine, "atoll", rows, "xenstored latency")
    if dom0.check("the store starts", checks.store_starts):
        dom0.check("no wake-up is lost", checks.latency, LATENCY_REQUESTS)


def acceptance(image, mode, files, verdicts, logs):
    """One boot of @mode with all that a host does; a quarter of the cycles where Xen's own starter is tried."""
    cycles = CYCLES if mode == "atoll" else CYCLES // 4
    boot(lambda machine, rows: host_session(checks.Dom0(machine, mode, rows, f"xenstored {mode}"), cycles=cycles),
          verdicts, image, f"xenstored-{mode}", logs, files, cpus=1)


def host_session(dom0, iterations=100, cycles=CYCLES):
    """All checks of one boot, in order; what cannot run after a failure is said to have failed."""
    if not dom0.check("the store starts", checks.store_starts):
        dom0.verdicts.add(dom0.suite, "everything else", False, "not run: there is no store")
        return
    if dom0.ours:
        dom0.check("no xenstored process, no socket in dom0", checks.no_daemon)
    dom0.check(f"test-xenstore -i {iterations}", checks.test_xenstore, iterations)
    dom0.check("xenstore-* tools", checks.tools)
    dom0.check("xenstore-control", checks.control)
    pv = dom0.check("a PV guest", checks.guest_runs, "pv1", "pv", "10.77.0.11")
    pvh = dom0.check("a PVH guest", checks.guest_runs, "pvh1", "pvh", "10.77.0.12")
    dom0.check("xl list names the guests", checks.xl_lists, "pv1", "pvh1")
    if pv:
        dom0.check("xl console of the PV guest", checks.xl_console, "pv1")
        dom0.check("xl destroy cleans up", checks.destroy, "pv1")
    if pvh:
        dom0.check("xl console of the PVH guest", checks.xl_console, "pvh1")
        dom0.check("a shutdown by the guest cleans up", checks.guest_poweroff, "pvh1")
    if pv and pvh:
        dom0.check(f"{cycles} cycles of create and destroy leave nothing", checks.cycles, cycles)
    else:
        dom0.verdicts.add(dom0.suite, "cycles of create and destroy", False, "not run: the guests do not start")


# -- the control plane, and the packages


def control(verdicts, logs):
    return Jobs(boots=control_plane.jobs(verdicts, logs, boot))


def switch(verdicts, logs):
    if os.environ.get("SWITCH_FULL"):
        return Jobs(boots=network_switch.jobs(verdicts, logs, boot))
    return Jobs(boots=packet_monitor.jobs(verdicts, logs, boot, watched=False))


def monitor(verdicts, logs):
    return Jobs(boots=packet_monitor.jobs(verdicts, logs, boot))


def recovery(verdicts, logs):
    return Jobs(boots=crash_recovery.jobs(verdicts, logs, boot))


def switch_recovery(verdicts, logs):
    return Jobs(boots=recovery_switch.jobs(verdicts, logs, boot))


SUITES = {f.__name__: f for f in (unit, sim, conformance, fuzz, control, xenstored, recovery, switch, monitor,
                                  switch_recovery)}


def _guarded(name, verdicts, job):
    try:
        return job()
    except ui.Failure as failure:
        ui.report_failure(failure)
        verdicts.add(name, "the suite came to its end", False, failure.what)
    return None


def _in_turn(jobs):
    for job in jobs:
        job()


def _at_once(jobs, workers):
    """Run @jobs, @workers at a time; the first failure goes up when all are over."""
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        futures = [pool.submit(job) for job in jobs]
    for future in futures:
        future.result()


def _run(names, verdicts, logs):
    """Build for all suites, then run what they have: native tests beside the boots, whose hosts often wait."""
    if "monitor" in names and not os.environ.get("SWITCH_FULL"):
        names = [name for name in names if name != "switch"]  # the monitor's boot has the switch's checks
    every = Jobs()
    for name in names:
        jobs = _guarded(name, verdicts, lambda name=name: SUITES[name](verdicts, logs)) or Jobs()
        for kind in ("native", "boots", "alone"):
            getattr(every, kind).extend(lambda name=name, job=job: _guarded(name, verdicts, job)
                                        for job in getattr(jobs, kind))
    boots = every.boots[::-1]  # what takes longest first
    _at_once([lambda: _in_turn(every.native), lambda: _at_once(boots, max(1, host.processors()))], 2)
    _in_turn(every.alone)


def test(names, logs):
    """Run the named suites (all if none); returns the exit status."""
    for name in names:
        if name not in SUITES:
            raise ui.Failure(f"there is no suite {name!r}", f"the suites are {', '.join(SUITES)}")
    verdicts = ui.Verdicts()
    names = names or list(SUITES)
    ui.plain()
    ui.say(f"== suite{'s' if len(names) > 1 else ''} {', '.join(names)}")
    _run(names, verdicts, logs)
    verdicts.rows.sort(key=lambda row: list(SUITES).index(row[0].split()[0]))
    ui.plain()
    ui.plain(ui.table(("suite", "test", "verdict", "figures"),
                      [(s, n, "pass" if p else "FAIL", f) for s, n, p, f in verdicts.rows]))
    ui.plain(f"\nlogs: {host.shown(logs)}\n\n{verdicts.passed} passed, {verdicts.failed} failed")
    return 1 if verdicts.failed or not verdicts.passed else 0
