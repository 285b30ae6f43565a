# SPDX-License-Identifier: ISC
"""One QEMU with Xen and a dom0 in it, and the conversation with dom0's agent."""

import base64
import os
import re
import shutil
import socket
import subprocess
import tempfile
import termios
import time

from . import ui


def processor_virtualises():
    """Whether KVM will work: the flag decides, since a /dev/kvm alone is no sign of it."""
    try:
        with open("/proc/cpuinfo") as f:
            flags = set(f.read().split())
    except OSError:
        return False
    return bool(flags & {"vmx", "svm"}) and os.access("/dev/kvm", os.R_OK | os.W_OK)


class EmulatorFault(ui.Failure):
    """QEMU or Xen itself has gone wrong, not what runs on them."""


# Xen dumps a guest of which the processor says that it runs Xen's own code on Xen's own page tables: the emulated SVM
# has saved the host's state in place of the guest's. No guest can bring itself into that state.
MIXED_UP = re.compile(r"RIP:\s+e008:\[<ffff82d0[0-9a-f]+>\]\s+\(XEN\) RFLAGS: \S+\s+CONTEXT: hvm guest")


# What an emulated processor would spend its time on, or wait for, is left out; no unit of Xen's or ours needs it.
DISK_WORDS = " lab.disk systemd.show_status=1" + "".join(f" systemd.mask={unit}" for unit in (
    "systemd-udevd.service", "systemd-udev-trigger.service", "systemd-udevd-control.socket",
    "systemd-udevd-kernel.socket", "serial-getty@hvc0.service", "getty@tty1.service", "systemd-sysusers.service",
    "systemd-hwdb-update.service", "modprobe@drm.service", "modprobe@fuse.service", "modprobe@loop.service",
    "modprobe@dm_mod.service", "modprobe@efi_pstore.service", "modprobe@configfs.service", "e2scrub_reap.service",
    "getty-static.service", "systemd-update-utmp-runlevel.service", "systemd-pcrphase.service", "systemd-update-utmp.service", "apt-daily.timer", "dpkg-db-backup.timer"))


# What no test looks at and an emulated processor is slow in: Linux's tests of itself, and looking for what a guest of
# Xen has none of (for a PVH guest each access to a port is an exit). Half of a guest's start. Not where instructions
# are counted: there all is as it comes.
KERNEL_WORDS = ("cryptomgr.notests mitigations=off audit=0 zswap.enabled=0 initcall_blacklist=init_kprobe_trace,"
                "load_system_certificate_list,crypto_kdf108_init,trace_eval_init,init_dynamic_event")
GUEST_WORDS = f"pci=off 8250.nr_uarts=0 lsm=lockdown {KERNEL_WORDS},tracer_init_tracefs,mousedev_init,atkbd_init,i8042_init"


class Result:
    def __init__(self, status, output):
        self.status = status
        self.output = output

    @property
    def ok(self):
        return self.status == 0


class Machine:
    """A booted host. Use as a context manager; run() gives shell scripts to dom0."""

    def __init__(self, image, name, logs, extra=None, guests=True, icount=False, cpus=2, shell=False, dom0_mem=1024,
                 memory=3072, xen_args="", kvm=None, disk=None, quick=None):
        self.image = image
        self.name = name
        self.icount = icount
        self.guests = guests
        self.cpus = 1 if icount else cpus
        self.shell = shell
        self.dom0_mem = dom0_mem
        self.memory = memory
        self.xen_args = xen_args
        self.quick = not icount if quick is None else quick  # guests leave out what KERNEL_WORDS name
        self.disk = disk  # dom0's root file system, with systemd; None: all of dom0 is the initramfs
        self.extra = extra or {}
        self.kvm = processor_virtualises() if kvm is None else kvm
        if icount:
            self.kvm = False
        self.console = os.path.join(logs, f"{name}-console.log")
        self.transcript = os.path.join(logs, f"{name}-dom0.log")
        self.qemu_log = os.path.join(logs, f"{name}-qemu.log")
        self.scratch = None
        self.qemu = None
        self.agent = None
        self.buffer = b""
        self.next_id = 0
        self.boot_seconds = 0.0
        self.quiet_since = 0.0
        self.ticks = 0
        self.kicked = 0.0

    # -- starting and stopping

    def _command(self, initrd, agent):
        if self.icount:
            accel = ["-icount", "shift=0,sleep=off", "-accel", "tcg,thread=single",
                     "-cpu", "max,-smap,-rdtscp,-avx,-avx2"]
        elif self.kvm:
            accel = ["-accel", "kvm", "-cpu", "host"]
        else:
            # -smap: QEMU 7.2's SMAP kills a PV dom0 in its first iret. -rdtscp: TCG's SVM gives no
            # instruction length, so RDTSCP kills a PVH guest.
            accel = ["-accel", "tcg,thread=multi", "-cpu", "max,-smap,-rdtscp"]
        if self.shell:
            console = ["-chardev", f"stdio,id=console,signal=off,logfile={self.console}"]
        else:
            console = ["-chardev", f"file,id=console,path={self.console}"]
        # eager-fpu: with Xen 4.17's lazy switching, vector registers leak between domains under TCG.
        xen = (f"com1=115200,8n1 console=com1 dom0_mem={self.dom0_mem}M dom0_max_vcpus=1 "
               f"spec-ctrl={'' if self.icount else 'no,'}eager-fpu guest_loglvl=all {self.xen_args}")
        linux = ("console=hvc0 quiet panic=5" + (" lab.shell" if self.shell else "") + (DISK_WORDS if self.disk else "") +
                 ("" if self.icount else f" {KERNEL_WORDS}"))
        drive = ["-drive", f"file={self.disk},format=raw,if=virtio,cache=unsafe"] if self.disk else []
        return ["qemu-system-x86_64", *accel, "-smp", str(self.cpus), "-m", str(self.memory), "-display", "none",
                "-monitor", "none", "-no-reboot", "-net", "none", *drive, *console, "-serial", "chardev:console",
                "-chardev", f"socket,id=agent,path={agent},server=on,wait=off", "-serial", "chardev:agent",
                "-kernel", self.image.xen, "-append", xen,
                "-initrd", f"{self.image.kernel} {linux.replace(',', ',,')},{initrd}"]

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def _start(self):
        begin = time.monotonic()
        self.scratch = tempfile.mkdtemp(prefix="lab.")
        initrd = os.path.join(self.scratch, "initrd")
        words = GUEST_WORDS if self.quick else ""
        self.image.initramfs(initrd, {**self.extra, "lab/guest-words": words.encode()}, self.guests)
        agent = os.path.join(self.scratch, "agent")
        how = "icount" if self.icount else "KVM" if self.kvm else "TCG"
        ui.say(f"booting Xen and dom0 in QEMU ({how}, {self.cpus} CPU{'s' if self.cpus > 1 else ''}) "
               f"for {self.name}; console in {os.path.basename(self.console)}")
        with open(self.qemu_log, "wb") as log:
            log.write((" ".join(self._command(initrd, agent)) + "\n").encode())
            log.flush()
            self.qemu = subprocess.Popen(self._command(initrd, agent), stderr=log,
                                         stdin=None if self.shell else subprocess.DEVNULL,
                                         stdout=None if self.shell else log)
        self._connect(agent, 30)
        self._await_line(b"@@ready", 300 if self.icount or self.disk else 120)
        self.boot_seconds = time.monotonic() - begin
        if not self.shell:
            ui.say(f"dom0 of {self.name} is up after {self.boot_seconds:.0f} s")

    def close(self):
        if self.agent:
            self.agent.close()
            self.agent = None
        if self.qemu and self.qemu.poll() is None:
            self.qemu.terminate()
            try:
                self.qemu.wait(10)
            except subprocess.TimeoutExpired:
                self.qemu.kill()
                self.qemu.wait()
        if self.scratch:
            shutil.rmtree(self.scratch, ignore_errors=True)
            self.scratch = None

    def reboot(self):
        """Have systemd reboot dom0, which ends this QEMU; returns the seconds that took."""
        begin = time.monotonic()
        self.run("systemctl --no-block reboot")
        while self.qemu.poll() is None:
            if time.monotonic() - begin > 240:
                raise ui.Failure(f"dom0 of {self.name} does not go down", f"see {self.console}",
                                 ui.tail(self.console_text(), 20))
            time.sleep(0.2)
        return time.monotonic() - begin

    def interact(self):
        """Leave the terminal to dom0's shell until the host is powered off from inside."""
        keep = termios.tcgetattr(0)
        try:
            self.qemu.wait()
        finally:
            termios.tcsetattr(0, termios.TCSADRAIN, keep)

    # -- the agent

    def _connect(self, path, seconds):
        deadline = time.monotonic() + seconds
        while True:
            try:
                self.agent = socket.socket(socket.AF_UNIX)
                self.agent.connect(path)
                return
            except OSError:
                self.agent.close()
                self.agent = None
                self._alive()
                if time.monotonic() > deadline:
                    raise ui.Failure("QEMU does not open its agent socket", f"see {self.qemu_log}") from None
                time.sleep(0.05)

    def _alive(self):
        if self.qemu.poll() is None:
            return
        with open(self.qemu_log, errors="replace") as f:
            log = f.read()
        kind = EmulatorFault if "Panic on CPU" in self.console_text() else ui.Failure
        raise kind(f"QEMU of {self.name} ended with status {self.qemu.returncode}",
                   f"see {self.qemu_log} and {self.console}",
                   ui.tail(self.console_text(), 20) + "\n" + ui.tail(log, 5))

    def _more(self, deadline, doing):
        self._alive()
        if time.monotonic() > deadline:
            raise ui.Failure(f"no answer from dom0 of {self.name} in time, while {doing}",
                             f"see {self.console}", ui.tail(self.console_text(), 20))
        self.agent.settimeout(0.5)
        try:
            got = self.agent.recv(65536)
        except socket.timeout:
            self._keep_awake(doing)
            return
        except OSError:
            got = b""
        if not got:
            time.sleep(0.2)
            self._alive()
            raise ui.Failure(f"QEMU of {self.name} closed the agent's line", f"see {self.qemu_log}")
        self.buffer += got

    def _keep_awake(self, doing):
        """QEMU 7.2's emulated SVM now and then loses the interrupt of Xen's own timer; then nothing in the host moves
        any more. An empty line to the agent is an interrupt for Xen and dom0, though not for any service. What does
        not wake from that, and has used no processor time for a minute, is given up, as is a host in which the
        emulated processor has taken Xen's state for a guest's."""
        now = time.monotonic()
        if now - self.kicked > 10:
            self.kicked = now
            self.agent.sendall(b"\n")
            if MIXED_UP.search(self.console_text()):
                raise EmulatorFault(f"QEMU of {self.name} took Xen's state for that of a guest, while {doing}",
                                    f"a fault of the emulator: run it again; see the end of {self.console}")
        with open(f"/proc/{self.qemu.pid}/stat") as f:
            fields = f.read().rpartition(")")[2].split()
        ticks = int(fields[11]) + int(fields[12])
        if ticks > self.ticks + 5 or not self.quiet_since:
            self.ticks = ticks
            self.quiet_since = now
        elif now - self.quiet_since > 60:
            raise EmulatorFault(f"QEMU of {self.name} froze while {doing}: it used no processor time for a minute",
                                "a fault of the emulator: run it again")

    def _await_line(self, prefix, seconds, doing="booting"):
        deadline = time.monotonic() + seconds
        while True:
            while b"\n" in self.buffer:
                line, self.buffer = self.buffer.split(b"\n", 1)
                if line.startswith(prefix):
                    return line
            self._more(deadline, doing)

    def time_taken_away(self):
        """Seconds for which QEMU's threads wanted a processor and had none, and that the computer's own host took."""
        waited = 0.0
        tasks = f"/proc/{self.qemu.pid}/task"
        for task in os.listdir(tasks):
            try:
                with open(os.path.join(tasks, task, "schedstat")) as f:
                    waited += int(f.read().split()[1]) / 1e9
            except (OSError, IndexError):
                continue
        with open("/proc/stat") as f:
            fields = f.readline().split()
        return waited + int(fields[8]) / os.sysconf("SC_CLK_TCK")

    def console_text(self):
        try:
            with open(self.console, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def run(self, script, seconds=60, check=False):
        """Run @script (sh) in dom0. Time is dom0's own; the wall clock is allowed ten times that."""
        self.next_id += 1
        ident = self.next_id
        request = f"{ident} {seconds} {base64.b64encode(script.encode()).decode()}\n".encode()
        self.agent.settimeout(30)
        self.agent.sendall(request)
        begin = time.monotonic()
        wall = seconds * (10 if self.icount else 3) + 60
        doing = script.strip().splitlines()[0][:80] if script.strip() else "(nothing)"
        line = self._await_line(b"@@%d " % ident, wall, doing)
        _, status, length = line.decode().split()
        deadline = time.monotonic() + 60 + int(length) / 1000
        while len(self.buffer) < int(length) + 1:
            self._more(deadline, doing)
        output = self.buffer[:int(length)].decode(errors="replace")
        self.buffer = self.buffer[int(length) + 1:]
        result = Result(int(status), output)
        with open(self.transcript, "a") as f:
            f.write(f"[{time.monotonic() - ui.START:.1f}s] $ {script.strip()}\n{output}"
                    f"[status {status}, {time.monotonic() - begin:.2f} s]\n")
        if check and not result.ok:
            raise ui.Failure(f"in dom0 of {self.name}: `{doing}` ended with status {status}",
                             f"see {self.transcript} and {self.console}",
                             output + "\n" + ui.tail(self.console_text(), 8))
        return result
