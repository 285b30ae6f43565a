#!/bin/bash
# SPDX-License-Identifier: ISC
# Run `atoll` as a user would, on a machine without Xen: one line of error, the documented exit code.
set -euo pipefail

atoll=$1
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failures=0

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
expect 6 'No such file' start xenstored --kernel "$dir/absent.elf"
expect 6 'not a file' start xenstored --kernel "$dir"
expect 6 'damaged' start xenstored --kernel "$dir/cut.elf"
expect 6 'gunzip' start xenstored --kernel "$dir/good.elf.gz"
expect 6 'raise --memory' start xenstored --kernel "$dir/good.elf" --memory 1
if [[ ! -e /dev/xen/privcmd && ! -e /proc/xen/privcmd ]]; then
    expect 4 'no Xen here' start xenstored --kernel "$dir/good.elf"
fi

[[ $failures == 0 ]] || exit 1
