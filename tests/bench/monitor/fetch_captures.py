#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Real captures, out of the tests of programs that Debian has the source of. usage: fetch_captures.py FOLDER

Downloads the source archives by apt-get (about 175 MB, once; a repository of sources need not be configured, and
nothing is installed), and unpacks nothing but captures: FOLDER/PACKAGE/NAME.pcap. They are read by tests and
benchmarks on this machine, and belong to no package of ours: each is under its package's licence. A package that
the mirror does not have is left out, with a line that says so; the exit status is 1 if all were.
"""
import os
import subprocess
import sys
import tarfile

# What it is the tests of, and under which licence; the sizes are those of Debian 12.
PACKAGES = {
    "ndpi": "LGPL-3+, 258 captures, 146 MB",
    "tcpdump": "BSD-3-clause, 667 captures, 3.3 MB, many of them malformed on purpose",
    "wireshark": "GPL-2+, 78 captures",
    "tcpflow": "GPL-3+, 28 captures, 0.7 MB",
    "tcpreplay": "GPL-3+",
    "scapy": "GPL-2",
}
NAMES = (".pcap", ".pcapng", ".cap", ".dmp", ".dump")


def run(args, **more):
    return subprocess.run(args, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **more)


def repositories():
    """The Debian mirrors of this machine, as lines for sources."""
    done = run(["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE)", "Created-By: Packages",
                "Origin: Debian"])
    lines = sorted(set(done.stdout.split("\n"))) if done.returncode == 0 else []
    found = [line.split() for line in lines if len(line.split()) == 2 and "-" not in line.split()[1]]
    if not found:
        raise SystemExit("fetch_captures.py: apt-get knows no Debian mirror: add one to /etc/apt/sources.list "
                         "and run apt-get update")
    return found


def apt(folder):
    """The apt-get that knows sources, with lists of its own below @folder: root is not needed."""
    state = os.path.join(folder, ".apt")
    for part in ("lists/partial", "archives/partial", "archives-of-sources"):
        os.makedirs(os.path.join(state, part), exist_ok=True)
    with open(os.path.join(state, "sources.list"), "w", encoding="utf-8") as f:
        f.writelines(f"deb-src {uri} {release} main\n" for uri, release in repositories())
    options = {"Dir::Etc::sourcelist": f"{state}/sources.list", "Dir::Etc::sourceparts": "/dev/null",
               "Dir::State::Lists": f"{state}/lists", "Dir::Cache::archives": f"{state}/archives",
               "Dir::Cache::pkgcache": "", "Dir::Cache::srcpkgcache": "", "APT::Sandbox::User": "root"}
    return ["apt-get", "-q"] + [word for key, value in options.items() for word in ("-o", f"{key}={value}")]


def unpack(archive, folder):
    """The captures in a source archive, under their names without folders. How many."""
    count = 0
    with tarfile.open(archive) as tar:
        for member in tar:
            if not member.isfile() or not member.name.endswith(NAMES):
                continue
            parts = member.name.split("/")[-2:]
            with tar.extractfile(member) as source, \
                    open(os.path.join(folder, "-".join(parts)), "wb") as target:
                target.write(source.read())
            count += 1
    return count


def fetch(folder):
    """All captures, below @folder; what is there already is not fetched again. {package: count}"""
    folder = os.path.abspath(folder)
    found, updated = {}, False
    for package in PACKAGES:
        there = os.path.join(folder, package)
        if os.path.isdir(there):
            found[package] = len(os.listdir(there))
            continue
        command = apt(folder)
        if not updated:
            done = run([*command, "update"])
            if done.returncode != 0:
                print(f"apt-get update failed:\n{done.stdout}", file=sys.stderr)
            updated = True
        archives = os.path.join(folder, ".apt", "archives-of-sources")
        done = run([*command, "source", "--download-only", "--tar-only", package], cwd=archives)
        names = [n for n in os.listdir(archives) if n.startswith(package + "_") and ".orig.tar." in n and
                 not n.endswith(".asc")]
        if done.returncode != 0 or not names:
            reason = [line for line in done.stdout.split("\n") if line.startswith(("E:", "Err:"))][:1]
            print(f"left out: {package} cannot be downloaded: {' '.join(reason)}", file=sys.stderr)
            continue
        os.makedirs(there + ".new", exist_ok=True)
        found[package] = unpack(os.path.join(archives, names[0]), there + ".new")
        os.rename(there + ".new", there)
        os.remove(os.path.join(archives, names[0]))
    return found


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = fetch(sys.argv[1])
    for package, count in found.items():
        print(f"{package}: {count} captures ({PACKAGES[package]})")
    sys.exit(0 if found else 1)


if __name__ == "__main__":
    main()
