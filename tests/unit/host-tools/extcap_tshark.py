#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""tshark with atoll-extcap among its external captures. usage: extcap_tshark.py PROGRAM

PROGRAM is extcap-local, which has a monitor inside. Speaks TAP.
"""
import os
import shutil
import subprocess
import sys
import tempfile


def main():
    if not shutil.which("tshark") or not shutil.which("capinfos"):
        print("1..0 # SKIP no tshark here")
        return 0
    folder = tempfile.mkdtemp()
    extcap = os.path.join(folder, "extcap")
    os.mkdir(extcap)
    shutil.copy(sys.argv[1], os.path.join(extcap, "atoll-extcap"))
    config = os.path.join(folder, "atoll.conf")
    open(config, "w", encoding="utf-8").close()
    environment = {**os.environ, "WIRESHARK_EXTCAP_DIR": extcap, "HOME": folder,
                   "ATOLL_CONFIG": config, "LC_ALL": "C.UTF-8"}

    # Of root it takes no folder of external captures from its environment.
    nobody = {"user": 65534, "group": 65534, "extra_groups": []} if os.getuid() == 0 else {}
    if nobody:
        subprocess.run(["chown", "-R", "65534:65534", folder], check=True)

    def tshark(*arguments, program="tshark"):
        return subprocess.run([program, *arguments], env=environment, capture_output=True, text=True,
                              timeout=60, check=False, **nobody)

    failures, count = 0, 0

    def check(good, what, run):
        nonlocal failures, count
        count += 1
        failures += not good
        print("%sok %d - %s" % ("" if good else "not ", count, what))
        if not good:
            print("# %d\n# %s\n# %s" % (run.returncode, run.stdout.replace("\n", "\n# "),
                                      run.stderr.replace("\n", "\n# ")))

    run = tshark("-D")
    names = ["atoll-all (Atoll: all ports)", "atoll-web1.0 (Atoll: web1/0)",
             "atoll-web1.1 (Atoll: web1/1)", "atoll-7.0 (Atoll: domain7/0)",
             "atoll-uplink.0.0 (Atoll: uplink)"]
    check(run.returncode == 0 and all(name in run.stdout for name in names),
          "the ports are interfaces", run)
    run = tshark("-i", "atoll-all", "-L")
    check("EN10MB" in run.stdout + run.stderr, "their frames are those of Ethernet", run)
    file = os.path.join(folder, "frames.pcapng")
    run = tshark("-i", "atoll-all", "-w", file)
    check(run.returncode == 0 and os.path.exists(file), "a capture ends with its service", run)
    run = tshark("-r", file, "-T", "fields", "-e", "frame.interface_name", "-e", "eth.dst",
                 "-e", "frame.len", "-e", "frame.cap_len")
    check(run.stdout.split("\n")[:3] == ["web1/0\t02:00:00:00:00:01\t1514\t60",
                                         "d\\x1bb/0\t02:00:00:00:00:02\t1514\t60",
                                         "web1/0\t02:00:00:00:00:01\t1514\t60"],
          "its frames are of the interfaces that sent them", run)
    run = tshark("-I", file, program="capinfos")
    check(run.returncode == 0 and "Number of interfaces in file: 3" in run.stdout,
          "capinfos counts the interfaces", run)
    run = tshark("-i", "atoll-web1.1", "-f", "arp or ip", "-a", "packets:2", "-w", file)
    check(run.returncode == 0, "a filter is taken", run)
    print("1..%d" % count)
    shutil.rmtree(folder)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
