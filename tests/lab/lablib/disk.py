# SPDX-License-Identifier: ISC
"""A disk for a dom0 with systemd: a plain Debian with Debian's own Xen tools, made once and copied for each use."""

import os
import shutil
import subprocess

from . import ui

# As an administrator of a Xen host has them; the kernel and its modules come with the lab's initramfs.
PACKAGES = ("systemd-sysv", "kmod", "xen-utils-4.17", "xenstore-utils", "iproute2", "libjansson4", "libinih1",
            "libgnutls30", "libmicrohttpd12", "libncursesw6", "libpcap0.8")
SIZE = "1200M"


def prepare(cache, logs):
    """Make the file system in @cache, if it is not there; returns its path."""
    folder = os.path.join(cache, "disk")
    path = os.path.join(folder, "dom0.ext4")
    stamp = os.path.join(folder, "packages")
    if os.path.exists(stamp):
        with open(stamp) as f:
            if f.read() == " ".join(PACKAGES):
                return path
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    root = os.path.join(folder, "root.tar")
    tree = os.path.join(folder, "root")
    log = os.path.join(logs, "disk.log")
    sudo = ["sudo"] if os.geteuid() != 0 else []
    steps = (
        [*sudo, "mmdebstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}",
         "--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/locale/*",
         "bookworm", root],
        ["fakeroot", "sh", "-c", f"mkdir '{tree}' && tar -C '{tree}' -xf '{root}' --exclude='./dev/*' && "
         f"mke2fs -q -t ext4 -d '{tree}' '{path}' {SIZE} && rm -rf '{tree}' '{root}'"],
    )
    with ui.step("making a Debian with systemd and Xen's tools for dom0's disk (about 90 MB to download)"):
        with open(log, "wb") as out:
            for step in steps:
                if subprocess.run(step, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT).returncode:
                    with open(log, errors="replace") as f:
                        text = f.read()
                    raise ui.Failure("dom0's disk could not be made", f"see {log}", ui.tail(text, 10))
    with open(stamp, "w") as f:
        f.write(" ".join(PACKAGES))
    return path


def copy(base, path):
    """A disk of one's own, that may be written."""
    subprocess.run(["cp", "--sparse=always", "--reflink=auto", base, path], check=True)
    return path
