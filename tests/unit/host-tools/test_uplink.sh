#!/bin/bash
# SPDX-License-Identifier: ISC
# The script of a switch's uplink, with a folder in the place of the kernel's interfaces, and with
# `ip` and `xl` that work on that folder.
# shellcheck disable=SC2317 # check() runs these
set -euo pipefail

uplink=$1
atoll=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export ATOLL=$atoll ATOLL_CONFIG=$dir/atoll.conf ATOLL_RUN_DIR=$dir/run ATOLL_NET_DIR=$dir/net
export PATH=$dir/bin:$PATH
failures=0
mkdir -p "$dir/bin" "$dir/net"

cat >"$dir/bin/ip" <<'END'
#!/bin/bash
set -euo pipefail
cd "$ATOLL_NET_DIR"
echo "ip $*" >>"$ATOLL_RUN_DIR.log"
case "$*" in
    '-o addr show dev '*) [ ! -e "$5/addresses" ] || cat "$5/addresses" ;;
    'link add name '*' type bridge') mkdir -p "$4/bridge" ;;
    'link set dev '*' master '*) ln -sfn "../$6" "$4/master" ;;
    'link set dev '*' nomaster') rm "$4/master" ;;
    'link set dev '*' name '*) mv "$4" "$6" ;;
    'link set dev '*) [ -d "$4" ] ;;
    'link del dev '*) rm -r "$4" ;;
    *) exit 9 ;;
esac
END
cat >"$dir/bin/xl" <<'END'
#!/bin/bash
set -euo pipefail
cd "$ATOLL_NET_DIR"
echo "xl $*" >>"$ATOLL_RUN_DIR.log"
[ ! -e "$ATOLL_RUN_DIR.broken" ] || exit 1
case "$1 $2" in
    'network-attach 0')
        mac=${3#mac=}
        mkdir -p eth7/device
        echo device/vif/4 >eth7/device/nodename
        echo "${mac%%,*}" >eth7/address
        ;;
    'network-detach 0')
        [ "$3" = 4 ]
        rm -r up-switch
        ;;
esac
END
printf '#!/bin/sh\n' >"$dir/bin/modprobe"
chmod +x "$dir"/bin/*

nic() { # a NIC, and whatever had been there
    rm -rf "$dir/net" "$dir/run" "$dir/run.log" "$dir/run.broken"
    mkdir -p "$dir/net/eno1"
    echo 00:11:22:33:44:55 >"$dir/net/eno1/address"
}

check() { # check WHAT COMMAND...
    local what=$1
    shift
    if "$@"; then
        echo "ok: $what"
    else
        echo "FAIL: $what"
        cat "$dir/out" "$dir/run.log" 2>/dev/null || true
        failures=$((failures + 1))
    fi
}

runs() { sh "$uplink" "$@" >"$dir/out" 2>&1; }
refuses() { # refuses WORDS ARGUMENT...
    local words=$1
    shift
    ! runs "$@" && grep -qF -- "$words" "$dir/out"
}
on_bridge() { [ "$(readlink "$dir/net/$1/master")" = "../$2" ]; }
logged() { grep -qF -- "$1" "$dir/run.log"; }
gone() { [ ! -e "$dir/net/$1" ] && [ ! -L "$dir/net/$1" ]; }

printf '[switch]\nuplink = eno1\nuplink-vif = bridge=lan\n' >"$ATOLL_CONFIG"
nic
check 'up' runs up switch
check 'the vif is attached' logged 'xl network-attach 0 mac=00:16:3e:'
check 'with its words' logged ',backend=switch,bridge=lan'
check 'it has its name' test -e "$dir/net/up-switch"
check 'it is on the bridge' on_bridge up-switch br-switch
check 'so is the NIC' on_bridge eno1 br-switch
check 'up again' runs up switch
check 'attached once' test "$(grep -c network-attach "$dir/run.log")" = 1
check 'down' runs down switch
check 'the vif is gone' gone up-switch
check 'the bridge is gone' gone br-switch
check 'the NIC is as it was' gone eno1/master
check 'and still there' test -e "$dir/net/eno1"
check 'down again' runs down switch

# A bridge that was there stays, with its NIC.
nic
mkdir -p "$dir/net/lan0/bridge"
ln -s ../lan0 "$dir/net/eno1/master"
printf '[switch]\nuplink = eno1\nuplink-bridge = lan0\n' >"$ATOLL_CONFIG"
check 'up on a bridge of its own' runs up switch
check 'the vif is on it' on_bridge up-switch lan0
check 'down from it' runs down switch
check 'the bridge stays' test -e "$dir/net/lan0/bridge"
check 'the NIC stays on it' on_bridge eno1 lan0

# What cannot be.
printf '[switch]\nuplink = eno1\n' >"$ATOLL_CONFIG"
check 'a NIC on another bridge' refuses 'eno1 is on lan0 already' up switch
nic
echo '2: eno1 inet 192.0.2.1/24' >"$dir/net/eno1/addresses"
check 'a NIC with addresses' refuses 'has addresses of its own' up switch
check 'nothing was attached' test ! -e "$dir/net/eth7"
nic
rm -r "$dir/net/eno1"
check 'no such NIC' refuses 'there is no interface eno1' up switch
nic
mkdir "$dir/net/br-switch"
check 'no bridge' refuses 'is no bridge' up switch
check 'undone all the same' runs down switch
check 'the vif is gone again' gone up-switch
nic
touch "$dir/run.broken"
check 'xl fails' refuses "xl cannot attach dom0's vif" up switch
check 'no switch of that name' refuses 'there is no service nonsense' up nonsense
check 'no name' refuses 'usage:' up '../x'

# Nothing but dom0.
: >"$ATOLL_CONFIG"
nic
check 'without a NIC' runs up switch
check 'the bridge has the vif alone' on_bridge up-switch br-switch
check 'and the NIC is left alone' gone eno1/master

exit $((failures > 0))
