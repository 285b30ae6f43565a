# SPDX-License-Identifier: ISC
"""Start and stop the XenStore servers that tests and benchmarks compare, each with a socket of its own.

c      Debian's xenstored 4.17 under xenshim.so
ox     Debian's oxenstored 4.17 under xenshim.so
local  xenstored-local: our service on the simulator
journal the same with a journal of 2 MiB
"""

import os
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
NAMES = {"c": "C xenstored", "ox": "oxenstored", "local": "xenstored-local",
         "journal": "xenstored-local, journal"}


class Peers:
    """Upstream's programs, unpacked below one folder by fetch_peers.sh."""

    def __init__(self, folder=None):
        self.folder = os.path.abspath(folder or os.environ.get("ATOLL_PEERS") or
                                      os.path.join(ROOT, ".lab", "peers"))

    def fetch(self):
        """Unpack them where that was not done before; OSError if it cannot be done."""
        done = subprocess.run([os.path.join(HERE, "fetch_peers.sh"), self.folder])
        if done.returncode:
            raise OSError("upstream's programs are not to be had")

    def path(self, *names):
        return os.path.join(self.folder, *names)

    def program(self, name):
        private = self.path("usr/lib/xen-4.17/bin", name)
        return private if os.path.exists(private) else self.path("usr/bin", name)

    def environment(self):
        return dict(os.environ, LD_LIBRARY_PATH=self.path("usr/lib/x86_64-linux-gnu"))

    def version(self):
        """Debian's version of the package that the daemons come from."""
        log = self.path("usr/share/doc/xen-utils-4.17/changelog.Debian.gz")
        done = subprocess.run(["zcat", log], capture_output=True, text=True)
        return done.stdout.split("(", 1)[-1].split(")", 1)[0] or "4.17"


def raise_file_limit():
    """A thousand connections need a thousand descriptors, at both ends."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Server:
    """One running server. With @prefix, a command line such as valgrind's comes before its own."""

    def __init__(self, kind, build, peers, memory=64, prefix=()):
        self.kind = kind
        self.dir = tempfile.mkdtemp(prefix="atoll-%s-" % kind)
        self.socket = os.path.join(self.dir, "socket")
        env = dict(os.environ)
        if kind in ("local", "journal"):
            command = [os.path.join(build, "tests/local/xenstored-local"), "--socket", self.socket,
                       "--memory", str(memory)]
            if kind == "journal":
                command += ["--journal", "2"]
        else:
            env = peers.environment()
            env.update(LD_PRELOAD=os.path.join(build, "tests/bench/xenshim.so"),
                       XENSHIM_DIR=self.dir, XENSTORED_RUNDIR=self.dir,
                       XENSTORED_ROOTDIR=self.dir, XENSTORED_PATH=self.socket)
            command = [peers.program("xenstored"), "-N"]
            if kind == "ox":
                config = os.path.join(self.dir, "oxenstored.conf")
                with open(config, "w") as out:
                    out.write(self.oxenstored_config(peers))
                command = [peers.program("oxenstored"), "--no-fork", "--no-access-log",
                           "--config-file", config]
        self.log = open(os.path.join(self.dir, "log"), "w+")
        self.process = subprocess.Popen(list(prefix) + command, env=env, stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=subprocess.STDOUT)
        self.pid = self.process.pid
        self.wait_ready()

    def oxenstored_config(self, peers):
        """Debian's configuration, with the paths moved into our folder: the last setting holds."""
        with open(peers.path("etc/xen/oxenstored.conf")) as stock:
            return stock.read() + "\n".join([
                "", "pid-file = %s/pid" % self.dir, "xenstored-kva = %s/xsd_kva" % self.dir,
                "xenstored-port = %s/xsd_port" % self.dir,
                "xenstored-log-file = %s/ox.log" % self.dir,
                "access-log-file = %s/ox.access" % self.dir, ""])

    def wait_ready(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                break
            try:
                with socket.socket(socket.AF_UNIX) as probe:
                    probe.connect(self.socket)
                return
            except OSError:
                time.sleep(0.01)
        text = self.output()
        self.stop()
        raise OSError("%s does not answer:\n%s" % (NAMES[self.kind], text))

    def output(self):
        """What it has said so far."""
        self.log.flush()
        with open(self.log.name, errors="replace") as log:
            return log.read()

    def client_environment(self, peers):
        """For upstream's clients to find this server."""
        env = peers.environment()
        env["XENSTORED_PATH"] = self.socket
        return env

    def alive(self):
        return self.process.poll() is None

    def stop(self):
        """End it; its exit status, or minus the signal that ended it."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.stop()
