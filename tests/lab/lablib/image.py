# SPDX-License-Identifier: ISC
"""The dom0 image: Debian packages, fetched through apt, packed as an initramfs.

Up to three archives are concatenated: the base (packages, kernel modules) and the guest (its kernel and
initramfs), packed once and kept, and an overlay (what the build made, the lab's own scripts), packed at every
boot because it is small. Nothing is compressed, and the kernel is a plain ELF: unpacking would cost the emulated
processor far more (xz in Xen: 7 s) than loading costs QEMU.
"""

import gzip
import hashlib
import io
import lzma
import os
import shutil
import struct
import subprocess
import zlib

from . import ui

HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

XEN = "xen-hypervisor-4.17-amd64"

# What dom0 holds; the kernel is added by name of the package that linux-image-amd64 stands for.
PACKAGES = """
    busybox-static libc6 libgcc-s1
    xen-utils-4.17 xen-utils-common xenstore-utils
    libxencall1 libxendevicemodel1 libxenevtchn1 libxenforeignmemory1 libxengnttab1 libxenhypfs1
    libxenmisc4.17 libxenstore4 libxentoolcore1 libxentoollog1
    libjansson4 libinih1 libyajl2 libncurses6 libtinfo6 libuuid1 libnl-3-200 libnl-route-3-200 libext2fs2 libcom-err2
    zlib1g libbz2-1.0 liblzma5 liblzo2-2 libzstd1 libfdt1
    iperf3 libiperf0 libsctp1 libssl3 ethtool libmnl0
""".split()

# What guests that exchange traffic have beside busybox, for each architecture's usual loader.
TRAFFIC_PROGRAMS = {"iperf3": "usr/bin", "ethtool": "sbin"}
TRAFFIC_LIBRARIES = ("ld-linux-x86-64.so.2", "libc.so.6", "libm.so.6", "libiperf.so.0", "libssl.so.3", "libcrypto.so.3",
                     "libsctp.so.1", "libmnl.so.0")
TRAFFIC_MODULES = ("llc", "stp", "bridge", "xen-netback") # of a Linux driver domain

# In the order of loading.
DOM0_MODULES = """xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs llc stp bridge tun xen-netback
    xen-netfront""".split()

# What it takes to mount the disk of a dom0 that has one.
DISK_MODULES = """virtio virtio_ring virtio_pci_modern_dev virtio_pci_legacy_dev virtio_pci virtio_blk crc16
    crc32c_generic libcrc32c mbcache jbd2 ext4""".split()

# Parts of the packages that dom0 has no use for.
UNWANTED = ("usr/share/", "usr/include/", "usr/lib/python3", "usr/lib/debug", "etc/init.d", "boot/",
            "usr/lib/xen-4.17/boot/", "usr/lib/x86_64-linux-gnu/gconv", "usr/lib/x86_64-linux-gnu/audit")


class CpioWriter:
    """A "newc" archive in memory."""

    def __init__(self):
        self.out = io.BytesIO()
        self.inode = 0
        self.seen = set()

    def _entry(self, name, mode, data=b"", rdev=(0, 0)):
        self.inode += 1
        name_bytes = name.encode() + b"\0"
        fields = (self.inode, mode, 0, 0, 1, 0, len(data), 0, 0, rdev[0], rdev[1], len(name_bytes), 0)
        self.out.write(b"070701" + b"".join(b"%08X" % f for f in fields) + name_bytes)
        self._pad()
        self.out.write(data)
        self._pad()

    def _pad(self):
        self.out.write(b"\0" * (-self.out.tell() % 4))

    def directory(self, name):
        name = name.strip("/")
        if not name or name in self.seen:
            return
        self.directory(os.path.dirname(name))
        self.seen.add(name)
        self._entry(name, 0o040755)

    def data(self, name, data, mode=0o644):
        name = name.strip("/")
        self.directory(os.path.dirname(name))
        self._entry(name, 0o100000 | mode, data)

    def symlink(self, name, target):
        name = name.strip("/")
        self.directory(os.path.dirname(name))
        self._entry(name, 0o120777, target.encode())

    def device(self, name, mode, major, minor):
        self.directory(os.path.dirname(name))
        self._entry(name.strip("/"), 0o020000 | mode, rdev=(major, minor))

    def file(self, name, path, mode=None):
        with open(path, "rb") as f:
            self.data(name, f.read(), mode if mode is not None else os.stat(path).st_mode & 0o777)

    def finish(self):
        self._entry("TRAILER!!!", 0)
        self.out.write(b"\0" * (-self.out.tell() % 512))
        return self.out.getvalue()


def apt(args, cwd=None, as_root=False):
    sudo = ["sudo"] if as_root and os.geteuid() != 0 else []
    return subprocess.run([*sudo, "apt-get", "-q", *args], cwd=cwd, stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def _kernel_package():
    """The package that linux-image-amd64 stands for; that name itself where apt has no lists yet."""
    out = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], text=True, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL).stdout
    for line in out.splitlines():
        if "Depends:" in line:
            return line.split(":", 1)[1].strip()
    return "linux-image-amd64"


def _fetch(cache):
    """Download the packages into @cache; returns {package: path of its .deb}."""
    debs = os.path.join(cache, "debs")
    os.makedirs(debs, exist_ok=True)
    stamp = os.path.join(debs, "complete")
    wanted = [*PACKAGES, XEN]

    def have():
        found = {}
        for name in sorted(os.listdir(debs)):
            if name.endswith(".deb"):
                found[name.split("_", 1)[0]] = os.path.join(debs, name)
        return found

    if os.path.exists(stamp):
        with open(stamp) as f:
            names = f.read().split()
        found = have()
        if set(wanted) <= set(names) and all(n in found for n in names):
            return {n: found[n] for n in names}
    for name in os.listdir(debs):
        os.unlink(os.path.join(debs, name))
    with ui.step(f"downloading {len(wanted) + 1} Debian packages for dom0 (about 85 MB)"):
        names = [*wanted, _kernel_package()]
        done = apt(["download", *names], debs)
        if done.returncode != 0:
            # Lists of packages that are no longer there, or none at all.
            ui.say("apt's lists are out of date: apt-get update")
            apt(["update"], as_root=True)
            names = [*wanted, _kernel_package()]
            done = apt(["download", *names], debs)
        if done.returncode != 0:
            raise ui.Failure("apt-get could not download the packages for dom0",
                             "run `apt-get update`, check the network and /etc/apt/sources.list", done.stdout)
    found = have()
    with open(stamp, "w") as f:
        f.write("\n".join(names))
    return {n: found[n] for n in names}


def _loadable(elf):
    """@elf with its segments only, one behind the other, without the zeros at their ends: Debian's has .bss in the
    file, and what is not there is neither unpacked into dom0's memory nor copied at each xl create."""
    header_size, segment = 64, struct.Struct("<IIQQQQQQ")
    first, count = struct.unpack_from("<Q", elf, 32)[0], struct.unpack_from("<H", elf, 56)[0]
    segments = [list(segment.unpack_from(elf, first + i * segment.size)) for i in range(count)]
    moved = []
    body = b""
    start = 4096
    for s in (s for s in segments if s[0] == 1):
        data = elf[s[2]:s[2] + s[5]].rstrip(b"\0")
        data += b"\0" * (-len(data) % 4096)
        moved.append((s[2], s[2] + s[5], start + len(body)))
        s[2], s[5], s[7] = start + len(body), min(len(data), s[6]), 4096
        body += data
    for s in (s for s in segments if s[0] != 1):
        s[2] = next(to + s[2] - begin for begin, end, to in moved if begin <= s[2] < end)
    head = bytearray(elf[:header_size])
    struct.pack_into("<Q", head, 32, header_size)
    struct.pack_into("<Q", head, 40, 0)
    struct.pack_into("<HHH", head, 58, 0, 0, 0)
    head += b"".join(segment.pack(*s) for s in segments)
    return bytes(head) + b"\0" * (start - len(head)) + body


def _vmlinux(bzimage):
    """The ELF kernel inside a bzImage."""
    setup_sects = bzimage[0x1F1] or 4
    offset, length = struct.unpack_from("<II", bzimage, 0x248)
    payload = bzimage[(setup_sects + 1) * 512 + offset:][:length - 4]
    if payload[:6] == b"\xfd7zXZ\0":
        return _loadable(lzma.LZMADecompressor().decompress(payload))
    if payload[:2] == b"\x1f\x8b":
        return _loadable(zlib.decompressobj(31).decompress(payload))
    raise ui.Failure("the kernel is compressed in a way the lab does not know",
                     "it should be xz or gzip: see tests/lab/lablib/image.py")


def find(root, leaf):
    for folder, _, files in os.walk(root):
        if leaf in files:
            return os.path.join(folder, leaf)
    raise ui.Failure(f"{leaf} is in none of the packages", f"remove {os.path.dirname(root)} and try again")


def _add_guest(cpio, root):
    cpio.file("bin/busybox", os.path.join(root, "bin/busybox"), 0o755)
    cpio.file("init", os.path.join(HERE, "guest/init"), 0o755)
    cpio.file("xen-netfront.ko", find(root, "xen-netfront.ko"))
    cpio.device("dev/console", 0o600, 5, 1)


def _guest(root):
    cpio = CpioWriter()
    _add_guest(cpio, root)
    return gzip.compress(cpio.finish(), 1)


def _traffic(root):
    """A guest that exchanges traffic. Not compressed: something is added to it in dom0."""
    cpio = CpioWriter()
    _add_guest(cpio, root)
    for name, where in TRAFFIC_PROGRAMS.items():
        cpio.file(f"bin/{name}", os.path.join(root, where, name), 0o755)
    for name in TRAFFIC_MODULES:
        cpio.file(f"modules/{name}.ko", find(root, f"{name}.ko"))
    for name in TRAFFIC_LIBRARIES:
        where = "lib64" if name.startswith("ld-") else "lib/x86_64-linux-gnu"
        cpio.file(f"{where}/{name}", os.path.realpath(find(root, name)), 0o755)
    return cpio.finish()


def _pack_guest(root, kernel):
    cpio = CpioWriter()
    cpio.data("lab/guest.cpio.gz", _guest(root))
    cpio.data("lab/traffic.cpio", _traffic(root))
    cpio.data("lab/vmlinux", kernel)
    return cpio.finish()


def _pack_base(root):
    cpio = CpioWriter()
    for folder, dirs, files in os.walk(root):
        dirs.sort()
        rel = os.path.relpath(folder, root)
        for name in sorted([*files, *[d for d in dirs if os.path.islink(os.path.join(folder, d))]]):
            path = os.path.join(folder, name)
            inside = os.path.normpath(os.path.join(rel, name))
            if inside.startswith(UNWANTED) or inside.startswith("lib/modules"):
                continue
            if os.path.islink(path):
                cpio.symlink(inside, os.readlink(path))
            else:
                cpio.file(inside, path)
    for module in [*DOM0_MODULES, *DISK_MODULES]:
        cpio.file(f"lab/modules/{module}.ko", find(root, f"{module}.ko"))
    cpio.data("lab/modules/order", ("\n".join(DOM0_MODULES) + "\n").encode())
    cpio.device("dev/console", 0o600, 5, 1)
    return cpio.finish()


class Image:
    """Paths of what QEMU loads; overlay() adds this boot's own files."""

    def __init__(self, cache):
        self.cache = cache
        self.folder = os.path.join(cache, "image")
        self.xen = os.path.join(self.folder, "xen")
        self.kernel = os.path.join(self.folder, "vmlinux")
        self.base = os.path.join(self.folder, "base.cpio")
        self.guest = os.path.join(self.folder, "guest.cpio")

    def prepare(self):
        debs = _fetch(self.cache)
        digest = hashlib.sha256()
        for name in sorted(debs):
            digest.update(os.path.basename(debs[name]).encode())
        for name in (__file__, os.path.join(HERE, "guest/init")):
            with open(name, "rb") as f:
                digest.update(f.read())
        stamp = os.path.join(self.folder, "stamp")
        if os.path.exists(stamp):
            with open(stamp) as f:
                if f.read() == digest.hexdigest():
                    return self
        with ui.step("packing the dom0 image"):
            shutil.rmtree(self.folder, ignore_errors=True)
            root = os.path.join(self.folder, "root")
            os.makedirs(root)
            for name in sorted(debs):
                subprocess.run(["dpkg", "-x", debs[name], root], check=True)
            boot = os.path.join(root, "boot")
            with gzip.open(os.path.join(boot, "xen-4.17-amd64.gz")) as f:
                xen = f.read()
            name = next(n for n in sorted(os.listdir(boot)) if n.startswith("vmlinuz-"))
            with open(os.path.join(boot, name), "rb") as f:
                kernel = _vmlinux(f.read())
            for path, data in ((self.xen, xen), (self.kernel, kernel), (self.base, _pack_base(root)),
                               (self.guest, _pack_guest(root, kernel))):
                with open(path, "wb") as f:
                    f.write(data)
            shutil.rmtree(root)
            with open(stamp, "w") as f:
                f.write(digest.hexdigest())
        return self

    def initramfs(self, path, extra, guests):
        """Write base + guest + overlay to @path; @extra is {name inside: path outside, or bytes}. What is in "guest/"
        inside goes to the guests that exchange traffic (lab/programs.cpio, unpacked over the others)."""
        cpio = CpioWriter()
        programs = CpioWriter()
        for inside in [name for name in extra if name.startswith("guest/")]:
            programs.file(inside[len("guest/"):], extra[inside], 0o755)
        extra = {inside: source for inside, source in extra.items() if not inside.startswith("guest/")}
        cpio.data("lab/programs.cpio", programs.finish())
        for name in ("init", "agent", "vif-bridge", "vif-ovs", "disk-init"):
            inside = name if name == "init" else f"lab/{name}"
            cpio.file(inside, os.path.join(HERE, "dom0", name), 0o755)
        cpio.file("etc/atoll/atoll.conf", os.path.join(HERE, "dom0/atoll.conf"), 0o644)
        for name in sorted(os.listdir(os.path.join(HERE, "dom0/bin"))):
            cpio.file(f"lab/bin/{name}", os.path.join(HERE, "dom0/bin", name), 0o755)
        for inside, source in extra.items():
            if isinstance(source, bytes):
                cpio.data(inside, source, 0o755)
            else:
                cpio.file(inside, source, 0o755)
        with open(path, "wb") as out:
            for part in (self.base, self.guest) if guests else (self.base,):
                with open(part, "rb") as f:
                    shutil.copyfileobj(f, out)
            out.write(cpio.finish())
