# SPDX-License-Identifier: ISC
"""`./lab demo` and `./lab shell`."""

import sys

from . import checks, control, host, monitor, suites, ui
from .image import Image
from .machine import Machine


def demo(mode, logs):
    """Show a host whose XenStore is our unikernel; returns the exit status."""
    host.build_gcc(logs)
    files = host.service_files()
    image = Image(host.CACHE).prepare()
    ui.say(f"the demonstration: a Xen host whose XenStore is {checks.MODES[mode]}")
    verdicts = ui.Verdicts()
    with Machine(image, "demo", logs, files) as machine:
        dom0 = checks.Dom0(machine, mode, verdicts, "demo")
        dom0.narrate = True
        suites.host_session(dom0, cycles=5)
        if mode == "atoll":
            control.demonstrate(dom0)
    if mode == "atoll":
        ui.say("another boot, for the network: three guests on the switch, and the monitor beside it")
        with Machine(image, "demo-network", logs, monitor.programs(), icount=True) as machine:
            dom0 = checks.Dom0(machine, mode, verdicts, "demo")
            dom0.narrate = True
            monitor.session(dom0, logs)
    ui.plain()
    ui.plain(ui.table(("shown", "verdict", "figures"),
                      [(n, "yes" if p else "NO", f) for _, n, p, f in verdicts.rows]))
    ui.plain(f"\nlogs: {host.shown(logs)}\n\n{verdicts.passed} passed, {verdicts.failed} failed")
    return 1 if verdicts.failed else 0


HINTS = """
    This is dom0 of a Xen host inside QEMU. Its XenStore is {what}.

      xl list                             the domains
      xenstore-ls                         the store
      atoll start monitor                 another service; atoll list, atoll status, atoll stats show them
      atoll logs -f xenstored             what the service says
      atoll store trace                   what is done to XenStore; atoll store --help has more
      lab-guest NAME pv|pvh 10.77.0.N     start a Linux guest on the bridge xenbr0 (dom0 is 10.77.0.1)
      xl console NAME                     its console (leave it with Ctrl-])
      xl destroy NAME
      lab-latency read 1000               answer times of the store

    Leave with `exit` or `poweroff -f`. Ctrl-C goes to dom0.
"""


def shell(mode, logs):
    """A prompt in dom0; where standard input is no terminal, it is a script to run there."""
    host.build_gcc(logs)
    files = host.service_files() if mode in ("atoll", "stock") else host.dom0_files()
    image = Image(host.CACHE).prepare()
    verdicts = ui.Verdicts()
    script = None if sys.stdin.isatty() else sys.stdin.read()
    if script is None:
        ui.say("dom0 boots, then its prompt follows; Xen's and the kernel's messages appear as they come")
    with Machine(image, "shell", logs, files, shell=script is None, memory=4096, dom0_mem=1600) as machine:
        dom0 = checks.Dom0(machine, mode, verdicts, "shell")
        if not dom0.check("the store starts", checks.store_starts):
            return 1
        if script is not None:
            result = dom0.run(script, 3600)
            ui.plain(result.output)
            return result.status
        hints = HINTS.format(what=checks.MODES[mode]).replace("'", "'\\''")
        dom0.expect(f"printf '%s\\n' '{hints}' >/run/hints && mv /run/hints /run/lab-shell-ready")
        machine.interact()
    ui.plain(f"\nlogs: {host.shown(logs)}")
    return 0
