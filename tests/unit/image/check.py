#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""finish.py refuses each kind of bad image. usage: check.py FINISH_PY IMAGE

A good linked image is damaged in one place at a time; TAP on standard output.
"""
import os
import struct
import subprocess
import sys
import tempfile

PT_LOAD, PT_NOTE = 1, 4


def segments(image):
    """(offset of the header, its fields) of each program header."""
    phoff, phnum = struct.unpack_from('<Q', image, 32)[0], struct.unpack_from('<H', image, 56)[0]
    return [(phoff + 56 * i, struct.unpack_from('<IIQQQQQQ', image, phoff + 56 * i))
            for i in range(phnum)]


def symbol(image, wanted):
    """(offset of the entry, value) of the symbol named @wanted."""
    shoff, shnum = struct.unpack_from('<Q', image, 40)[0], struct.unpack_from('<H', image, 60)[0]
    sections = [struct.unpack_from('<IIQQQQIIQQ', image, shoff + 64 * i) for i in range(shnum)]
    for section in sections:
        if section[1] != 2:
            continue
        strings = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 24):
            name = strings + struct.unpack_from('<I', image, at)[0]
            if image[name:image.index(b'\0', name)] == wanted.encode():
                return at, struct.unpack_from('<Q', image, at + 8)[0]
    raise KeyError(wanted)


def writable_text(image):
    at, _ = next(s for s in segments(image) if s[1][0] == PT_LOAD)
    struct.pack_into('<I', image, at + 4, 7)


def no_note(image):
    _, note = next(s for s in segments(image) if s[1][0] == PT_NOTE)
    struct.pack_into('<I', image, note[2] + 8, 17)


def system_call(image):
    _, text = next(s for s in segments(image) if s[1][0] == PT_LOAD)
    _, value = symbol(image, 'hv_exit')
    offset = text[2] + value - text[3]
    image[offset:offset + 2] = b'\x0f\x05'


def undefined(image):
    at, _ = symbol(image, 'hv_exit')
    struct.pack_into('<H', image, at + 6, 0)


def nothing(image):
    pass


def main():
    finish, path = sys.argv[1:3]
    cases = [
        ('a good image passes', nothing, [], None),
        ('a segment is writable and executable', writable_text, [], 'both writable and executable'),
        ('the PVH note is missing', no_note, [], 'no note Xen PHYS32_ENTRY'),
        ('an instruction makes a system call', system_call, [], 'hv_exit: system call'),
        ('a symbol is undefined', undefined, [], 'undefined symbol hv_exit'),
        ('the budget is exceeded', nothing, ['--budget', '1000'], 'the budget is 1000'),
    ]
    failed = 0
    print(f'1..{len(cases)}')
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, damage, options, message) in enumerate(cases, 1):
            with open(path, 'rb') as file:
                image = bytearray(file.read())
            damage(image)
            bad, out = os.path.join(folder, 'in'), os.path.join(folder, f'out{number}')
            with open(bad, 'wb') as file:
                file.write(image)
            run = subprocess.run([sys.executable, finish, bad, out, *options],
                                 capture_output=True, text=True, check=False)
            if message is None:
                good = run.returncode == 0 and os.path.getsize(out) < len(image)
            else:
                good = run.returncode == 1 and message in run.stderr and not os.path.exists(out)
            failed += not good
            print(f'{"ok" if good else "not ok"} {number} - {name}')
            if not good:
                print(f'# status {run.returncode}: {run.stderr.strip()[:300]}')
    sys.exit(failed != 0)


if __name__ == '__main__':
    main()
