#!/bin/bash
# SPDX-License-Identifier: ISC
#
# Unpack the upstream daemons and clients of Debian 12's Xen 4.17 below DIR, without installing
# them: tests and benchmarks run them from there. Does nothing where that was done before.
#
# usage: fetch_peers.sh DIR
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: $0 DIR" >&2
    exit 2
fi
mkdir -p "$1"
dir=$(cd "$1" && pwd)
packages=(xen-utils-4.17 xen-utils-common xenstore-utils libxenstore4 libxencall1 libxentoollog1
    libxenevtchn1 libxengnttab1 libxenmisc4.17 libxenforeignmemory1 libxendevicemodel1
    libxentoolcore1 libxenhypfs1 python3-pyxs)

# Two tests may come here at once: the second waits for the first.
exec 9> "$dir/lock"
flock 9
if [ -e "$dir/complete" ]; then
    exit 0
fi
if ! command -v apt-get > /dev/null; then
    echo "$0: apt-get is needed to get: ${packages[*]}" >&2
    exit 1
fi

# apt-get drops its privileges for a download: let it write here.
debs=$(mktemp -d "$dir/debs.XXXXXX")
chmod 777 "$debs"
trap 'rm -rf "$debs"' EXIT
(cd "$debs" && apt-get -qq download "${packages[@]}" 2> apt.log) || {
    cat "$debs/apt.log" >&2
    exit 1
}
for deb in "$debs"/*.deb; do
    dpkg -x "$deb" "$dir"
done
touch "$dir/complete"
