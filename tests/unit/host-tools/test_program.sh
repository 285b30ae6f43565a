#!/bin/bash
# SPDX-License-Identifier: ISC
# Run `atoll` as a user would, on a machine without Xen: one line of error, the documented exit code.
set -euo pipefail

atoll=$1
completion=$2
dir=$(mktemp -d)
# What this machine has configured is not what is tested.
export ATOLL_CONFIG=$dir/atoll.conf
trap 'rm -rf "$dir"' EXIT
failures=0
: >"$ATOLL_CONFIG"

# expect CODE WORD ARGUMENT...: the exit code, and one line on stderr that has WORD in it.
expect() {
    local code=$1 word=$2 got=0
    shift 2
    "$atoll" "$@" >"$dir/out" 2>"$dir/err" || got=$?
    if [[ $got != "$code" ]]; then
        echo "FAIL: atoll $*: exit $got, expected $code"
        failures=$((failures + 1))
    elif [[ $(wc -l <"$dir/err") != 1 ]] || ! grep -qF -- "$word" "$dir/err"; then
        echo "FAIL: atoll $*: not one line with \"$word\":"
        cat "$dir/err"
        failures=$((failures + 1))
    else
        echo "ok: atoll $*"
    fi
}

# shows WORD ARGUMENT...: success, WORD on stdout, nothing on stderr.
shows() {
    local word=$1
    shift
    if ! "$atoll" "$@" >"$dir/out" 2>"$dir/err" || [[ -s $dir/err ]] ||
        ! grep -qF -- "$word" "$dir/out"; then
        echo "FAIL: atoll $*: no \"$word\""
        failures=$((failures + 1))
    else
        echo "ok: atoll $*"
    fi
}

# A small image that passes the check: header, a PT_LOAD of code, a PT_NOTE with the PVH entry.
le() { # le BYTES VALUE: a little-endian number
    local i out=
    for ((i = 0; i < $1; i++)); do
        out+=$(printf '\\x%02x' $((($2 >> (8 * i)) & 255)))
    done
    # shellcheck disable=SC2059
    printf "$out"
}
{
    printf '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0'
    le 2 2; le 2 62; le 4 1; le 8 0; le 8 64; le 8 0; le 4 0; le 2 64; le 2 56; le 2 2; le 6 0
    le 4 1; le 4 5; le 8 200; le 8 1048576; le 8 1048576; le 8 16; le 8 16; le 8 4096
    le 4 4; le 4 4; le 8 176; le 8 0; le 8 0; le 8 20; le 8 20; le 8 4
    le 4 4; le 4 4; le 4 18; printf 'Xen\0'; le 4 1048576; le 4 0
    printf '\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4\xf4'
} >"$dir/good.elf"
head -c 150 "$dir/good.elf" >"$dir/cut.elf"
gzip -c "$dir/good.elf" >"$dir/good.elf.gz"

shows 'Commands:' --help
shows 'atoll ' --version
shows '--kernel' start --help
expect 2 'a command is missing'
expect 2 'no command nonsense' nonsense
expect 2 'which service' start
expect 2 'no service nonsense' start nonsense
expect 2 '--memory takes' start xenstored --memory lots
for command in stop restart upgrade status list console; do
    shows "Usage: atoll $command" "$command" --help
    expect 2 'no option --nonsense' "$command" --nonsense
done
for command in stop restart upgrade status console; do
    expect 2 'which service' "$command"
    expect 2 'no service nonsense' "$command" nonsense
done
expect 2 'takes no service' list monitor
expect 2 'a file is missing' --config
expect 10 "$dir/absent: it cannot be read" --config "$dir/absent" list
printf '[monitor]\nmemory = 8M\n' >"$dir/wrong.conf"
for command in 'start monitor' 'stop monitor' 'restart monitor' 'status monitor' list 'console monitor' 'upgrade monitor'; do
    # shellcheck disable=SC2086
    expect 10 "$dir/wrong.conf:2: memory:" --config "$dir/wrong.conf" $command
done
printf '[switch]\nuplink = eth 0\n' >"$dir/wrong.conf"
expect 10 "$dir/wrong.conf:2: uplink: \"eth 0\" will not do" --config "$dir/wrong.conf" list
printf '[switch]\nuplink-vif = backend=x\n' >"$dir/wrong.conf"
expect 10 "$dir/wrong.conf:2: uplink-vif:" --config "$dir/wrong.conf" list
printf '[switch]\nuplink = eth0\nuplink-vif = mac=00:16:3e:00:00:07,vlan=5\n' >"$dir/uplink.conf"
shows 'mac=00:16:3e:00:00:07' --config "$dir/uplink.conf" switch uplink
shows 'bridge=br-switch' --config "$dir/uplink.conf" switch uplink
shows 'vif=mac=00:16:3e:00:00:07,vlan=5' --config "$dir/uplink.conf" switch uplink
printf '{"ports": [\n{"guest": "a", "vlan": 5}]}' >"$dir/rules.json"
shows 'sound: 0 bridges, 1 ports' switch apply --check "$dir/rules.json"
printf '{"ports": [\n{"guest": "a", "vlan": 0}]}' >"$dir/rules.json"
expect 10 'rules.json:2: $.ports[0].vlan: 0 will not do' switch apply --check "$dir/rules.json"
for command in show ports fdb flush apply rules mirror stats events identify uplink; do
    shows "Usage: atoll switch $command" switch "$command" --help
    expect 2 'no option --nonsense' switch "$command" --nonsense
done
expect 2 'a subcommand is missing' switch
for command in flows top capture alerts 'alerts limits' 'alerts set'; do
    # shellcheck disable=SC2086
    shows 'Usage: atoll' $command --help
    # shellcheck disable=SC2086
    expect 2 'no option --nonsense' $command --nonsense
done
expect 2 'there is no subcommand nonsense' alerts nonsense
expect 2 'the filter is none' capture -w "$dir/frames" nonsense and and
expect 2 'no service nonsense' flows --service nonsense
# A frame that a capture has twice, and what is no capture.
{
    le 4 2712847316; le 2 2; le 2 4; le 8 0; le 4 65535; le 4 1
    for _ in 1 2; do
        le 4 1795342272; le 4 0; le 4 42; le 4 42
        printf '\xff\xff\xff\xff\xff\xff\x02\0\0\0\0\x01\x08\x06'
        printf '\0\x01\x08\0\x06\x04\0\x01\x02\0\0\0\0\x01\x0a\0\0\x05\0\0\0\0\0\0\x0a\0\0\x01'
    done
} >"$dir/frames.pcap"
shows '84 B' flows -r "$dir/frames.pcap"
shows '"address":"10.0.0.5"' flows -r "$dir/frames.pcap" --json --protocol arp
shows 'No flows.' flows -r "$dir/frames.pcap" --port 80
shows '02:00:00:00:00:01' top -r "$dir/frames.pcap" --once
shows '10.0.0.5' top -r "$dir/frames.pcap" --once --view talkers
expect 1 'absent.pcap' flows -r "$dir/absent.pcap"
expect 1 'good.elf' flows -r "$dir/good.elf"
expect 1 'good.elf' top -r "$dir/good.elf" --once
expect 2 'no service nonsense' switch show --service nonsense
printf '[hello]\nkernel = %s\n' "$dir/good.elf" >"$dir/own.conf"
shows hello "--config=$dir/own.conf" list --names
shows hello --config "$dir/own.conf" start --help
expect 6 'No such file' start xenstored --kernel "$dir/absent.elf"
expect 6 'not a file' start xenstored --kernel "$dir"
expect 6 'damaged' start xenstored --kernel "$dir/cut.elf"
expect 6 'gunzip' start xenstored --kernel "$dir/good.elf.gz"
expect 6 'raise --memory' start xenstored --kernel "$dir/good.elf" --memory 1
if [[ ! -e /dev/xen/privcmd && ! -e /proc/xen/privcmd ]]; then
    expect 4 'no Xen here' start xenstored --kernel "$dir/good.elf"
    for command in 'start hello' 'stop hello' 'restart hello' 'status hello' list 'console hello' 'upgrade hello' \
        'flows -s hello' 'top --once -s hello' 'alerts -s hello' 'capture --service hello'; do
        # shellcheck disable=SC2086
        expect 4 'no Xen here' --config "$dir/own.conf" $command
    done
fi

expect 2 "--to is missing" export
expect 2 "brackets" export --to udp://::1:4739
expect 2 "over udp:// alone" export --to tcp://localhost:1 --format netflow9
expect 2 "has no --biflow" export --to udp://localhost:1 --format netflow9 --biflow
expect 2 "tls:// alone" export --to tcp://localhost:1 --ca x
expect 2 "go together" export --to tls://localhost:1 --cert x
expect 2 "576 to 65535" export --to udp://localhost:1 --mtu 575
expect 1 "none.pcap" export --to udp://localhost:1 -r "$dir/none.pcap"
expect 2 "one of --once" metrics
expect 2 "--listen takes" metrics --listen localhost:1
expect 2 "goes with --textfile" metrics --once --interval 3
expect 2 "--output is missing" report
expect 2 "--since takes" report -o x --since yesterday
expect 2 "is before --since" report -o x --since 1h --until 2h
expect 1 "none.pcap" report -o x -r "$dir/none.pcap"

# completes "WORDS" LINE...: bash completes the line to these words (in alphabetical order).
# shellcheck source=/dev/null
source "$completion"
completes() {
    local wanted=$1 got
    shift
    COMP_WORDS=("$atoll" "$@")
    COMP_CWORD=$#
    _atoll
    got=$(printf '%s\n' ${COMPREPLY[@]+"${COMPREPLY[@]}"} | sort | paste -sd ' ')
    if [[ $got != "$wanted" ]]; then
        echo "FAIL: completion of: $*: \"$got\", expected \"$wanted\""
        failures=$((failures + 1))
    else
        echo "ok: completion of: $*"
    fi
}
completes 'stop' stop
completes 'report restart' re
completes '' export ''
completes '--biflow' export --b
completes '--config --help --version' --
completes 'monitor switch xenstored' status ''
completes 'monitor switch xenstored' status xenstored -v ''
completes 'monitor' restart mon
completes '' list ''
completes '--force' stop monitor --f
completes 'diff dump' store d
completes '--names' list --n
completes 'fdb flush' switch f
completes '--check' switch apply --c
completes "$dir/wrong.conf" switch apply "$dir/wr"
completes 'monitor switch xenstored' switch show --service ''
completes 'hello monitor switch xenstored' --config "$dir/own.conf" stop ''
completes 'hello' --config = "$dir/own.conf" stop h
completes '' start --memory ''
completes 'duration' flows --sort d
completes 'name' flows --by n
completes '--limit' flows --l
completes 'alerts' top --view a
completes 'limits' alerts l
completes '--syslog' alerts --sy
completes '--sent --service' capture --se
completes "$dir/frames.pcap" flows --read "$dir/frames"
completes '' capture ''

[[ $failures == 0 ]] || exit 1
