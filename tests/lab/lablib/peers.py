# SPDX-License-Identifier: ISC
"""What dom0 has only where the switch is compared with its peers: Open vSwitch and its kernel modules."""

import os
import shutil
import subprocess

from . import image as images
from . import ui

PACKAGES = """openvswitch-switch openvswitch-common libcap-ng0 libnuma1 libxdp1 libbpf1 libelf1 libunbound8
    libevent-2.1-7 libhogweed6 libnettle8 libgmp10 libnghttp2-14""".split()

# In the order of loading, after what dom0 loads anyway.
MODULES = """libcrc32c crc32c_generic nf_defrag_ipv4 nf_defrag_ipv6 nf_conntrack nf_nat nf_conncount nsh
    openvswitch""".split()

START = """
for module in {modules}; do
    insmod /lab/modules/$module.ko 2>/run/insmod || grep -q 'File exists' /run/insmod || cat /run/insmod
done
mkdir -p /etc/openvswitch /run/openvswitch /var/log/openvswitch
ovsdb-tool create /etc/openvswitch/conf.db /usr/share/openvswitch/vswitch.ovsschema || exit 1
ovsdb-server /etc/openvswitch/conf.db --remote=punix:/run/openvswitch/db.sock --detach --pidfile --log-file || exit 1
ovs-vsctl --no-wait init || exit 1
# Open vSwitch 3.1 counts the processors wrongly within ten seconds of a boot, and then loses every frame.
while [ "$(cut -d. -f1 /proc/uptime)" -lt 13 ]; do sleep 1; done
/usr/lib/openvswitch-switch/ovs-vswitchd --detach --pidfile --log-file || exit 1
ovs-vsctl --may-exist add-br ovsbr0 || exit 1
ip link set ovsbr0 up
""".format(modules=" ".join(MODULES))


def prepare(image):
    """{name inside: path} of an archive's worth of files, unpacked once below the lab's cache."""
    folder = os.path.join(image.cache, "peers-root")
    stamp = os.path.join(folder, "complete")
    if not os.path.exists(stamp):
        with ui.step(f"downloading Open vSwitch for dom0 ({len(PACKAGES)} Debian packages)"):
            shutil.rmtree(folder, ignore_errors=True)
            os.makedirs(os.path.join(folder, "debs"))
            done = images.apt(["download", *PACKAGES], os.path.join(folder, "debs"))
            if done.returncode != 0:
                raise ui.Failure("apt-get could not download Open vSwitch", "run `apt-get update` and try again",
                                 done.stdout)
            for name in sorted(os.listdir(os.path.join(folder, "debs"))):
                subprocess.run(["dpkg", "-x", os.path.join(folder, "debs", name), os.path.join(folder, "root")],
                               check=True)
            _modules(image, os.path.join(folder, "root/lab/modules"))
            open(stamp, "w").close()
    files = {}
    root = os.path.join(folder, "root")
    for where, _, names in os.walk(root):
        inside = os.path.relpath(where, root)
        if inside.startswith(images.UNWANTED) and "share/openvswitch" not in inside:
            continue
        for name in names:
            path = os.path.join(where, name)
            if os.path.exists(path) and not name.endswith((".pl", ".py")):
                files[os.path.normpath(os.path.join(inside, name))] = os.path.realpath(path)
    return files


def _modules(image, folder):
    """The modules of the kernel that dom0 has."""
    os.makedirs(folder)
    debs = os.path.join(image.cache, "debs")
    name = next(n for n in sorted(os.listdir(debs)) if n.startswith("linux-image-"))
    scratch = folder + ".all"
    subprocess.run(["dpkg", "-x", os.path.join(debs, name), scratch], check=True)
    for module in MODULES:
        shutil.copy(images.find(scratch, f"{module}.ko"), folder)
    shutil.rmtree(scratch)
