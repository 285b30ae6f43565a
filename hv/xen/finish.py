#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Finish a linked unikernel image: check it, embed the symbol table, write the stripped result.

usage: finish.py INPUT OUTPUT [--budget BYTES]

Checked, and an error each: no instruction makes a system call, no segment is both writable and
executable, the PVH note is there, no symbol is undefined, the result is within the budget.
"""
import argparse
import struct
import subprocess
import sys

PAGE = 4096
PT_LOAD, PT_NOTE, PT_GNU_STACK = 1, 4, 0x6474E551
PF_X, PF_W, PF_R = 1, 2, 4
SHT_SYMTAB, SHT_NOBITS = 2, 8
SHF_ALLOC = 2
STT_FUNC = 2
PHYS32_ENTRY = 18


class Elf:
    """The parts of a little-endian ELF64 file that are used here."""

    def __init__(self, path):
        with open(path, 'rb') as file:
            self.data = file.read()
        if self.data[:6] != b'\x7fELF\x02\x01':
            sys.exit(f'{path}: not a little-endian ELF64 file')
        (self.machine, self.entry, phoff, shoff, phnum, shnum, shstrndx) = [
            struct.unpack_from('<' + form, self.data, at)[0]
            for form, at in (('H', 18), ('Q', 24), ('Q', 32), ('Q', 40), ('H', 56), ('H', 60),
                             ('H', 62))]
        self.segments = [struct.unpack_from('<IIQQQQQQ', self.data, phoff + 56 * i)
                         for i in range(phnum)]
        headers = [struct.unpack_from('<IIQQQQIIQQ', self.data, shoff + 64 * i)
                   for i in range(shnum)]
        names = headers[shstrndx]
        self.sections = [(self.string(names, h[0]), *h[1:]) for h in headers]

    def string(self, table, offset):
        start = table[4] + offset
        return self.data[start:self.data.index(b'\0', start)].decode()

    def symbols(self):
        """(name, info, section, value, size) of each symbol."""
        for section in self.sections:
            if section[1] != SHT_SYMTAB:
                continue
            strings = self.sections[section[6]]
            for at in range(section[4] + 24, section[4] + section[5], 24):
                name, info, _, index, value, size = struct.unpack_from('<IBBHQQ', self.data, at)
                yield self.string(strings, name), info, index, value, size

    def at(self, address):
        """Offset in the file of what is loaded at @address."""
        for kind, _, offset, vaddr, _, filesz, _, _ in self.segments:
            if kind == PT_LOAD and vaddr <= address < vaddr + filesz:
                return offset + address - vaddr
        sys.exit(f'address {address:#x} is not in the file')


def check_segments(elf):
    for kind, flags, _, vaddr, *_ in elf.segments:
        if kind in (PT_LOAD, PT_GNU_STACK) and flags & PF_W and flags & PF_X:
            yield f'the segment at {vaddr:#x} is both writable and executable'


def check_note(elf):
    for kind, _, offset, _, _, filesz, _, _ in elf.segments:
        if kind != PT_NOTE:
            continue
        end = offset + filesz
        while offset < end:
            namesz, descsz, note = struct.unpack_from('<III', elf.data, offset)
            name = elf.data[offset + 12:offset + 12 + namesz]
            offset += 12 + (namesz + 3 & ~3) + (descsz + 3 & ~3)
            if name == b'Xen\0' and note == PHYS32_ENTRY:
                return
    yield 'no note Xen PHYS32_ENTRY (18): Xen would not start it as PVH'


def check_symbols(elf):
    for name, _, index, _, _ in elf.symbols():
        if index == 0 and name:
            yield f'undefined symbol {name}'


SYSTEM_CALLS = {'syscall', 'sysenter', 'sysexit', 'sysret', 'sysretq', 'int'}


def check_code(path):
    """Every instruction of the image, as objdump shows it."""
    listing = subprocess.run(['objdump', '-d', '--no-show-raw-insn', '-M', 'att', path], check=True,
                             capture_output=True, text=True).stdout
    function = '?'
    for line in listing.splitlines():
        if line.endswith('>:'):
            function = line[line.index('<') + 1:-2]
            continue
        parts = line.split('\t')
        if len(parts) < 2:
            continue
        words = parts[1].split(None, 1)
        if words and words[0] in SYSTEM_CALLS:
            yield f'{function}: system call instruction {parts[1].strip()}'


def symbol_blob(elf):
    """uint32_t count; uint32_t address[count], ascending; then the names, zero-terminated."""
    functions = {}
    for name, info, index, value, _ in elf.symbols():
        if info & 15 == STT_FUNC and index != 0 and name:
            functions.setdefault(value, name)
    addresses = sorted(functions)
    blob = struct.pack(f'<{len(addresses) + 1}I', len(addresses), *addresses)
    return blob + b''.join(functions[a].encode() + b'\0' for a in addresses)


def finish(elf, blob):
    """The image's segments with one more for @blob; sections are dropped."""
    loads = [list(s) for s in elf.segments if s[0] == PT_LOAD and s[6] > 0]
    others = [list(s) for s in elf.segments if s[0] in (PT_NOTE, PT_GNU_STACK)]
    top = max(s[3] + s[6] for s in loads)
    top = (top + PAGE - 1) & ~(PAGE - 1)
    image = bytearray(elf.data)
    table = [value for name, _, _, value, _ in elf.symbols() if name == 'hv_symbol_table']
    if len(table) != 1:
        sys.exit('the image has no hv_symbol_table')
    struct.pack_into('<QQ', image, elf.at(table[0]), top, len(blob))

    out = bytearray(64 + 56 * (len(loads) + len(others) + 1))
    contents = [image[s[2]:s[2] + s[5]] for s in loads] + [blob]
    moved = {}
    loads.append([PT_LOAD, PF_R, 0, top, top, len(blob), len(blob), PAGE])
    for load, content in zip(loads, contents):
        if content:
            out += bytes(-len(out) % 16)
            moved[load[3]] = len(out)
            load[2] = len(out)
            load[7] = 1  # loaded by copying: offset and address need not agree
            out += content
    for other in others:
        for load in loads:
            if other[0] == PT_NOTE and load[3] <= other[3] < load[3] + load[5]:
                other[2] = load[2] + other[3] - load[3]
    struct.pack_into('<16sHHIQQQIHHHHHH', out, 0, bytes(elf.data[:16]), 2, elf.machine, 1,
                     elf.entry, 64, 0, 0, 64, 56, len(loads) + len(others), 0, 0, 0)
    for i, segment in enumerate(loads + others):
        struct.pack_into('<IIQQQQQQ', out, 64 + 56 * i, *segment)
    return out


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('input')
    parser.add_argument('output')
    parser.add_argument('--budget', type=int, default=256 * 1024, help='bytes of the result')
    args = parser.parse_args()

    elf = Elf(args.input)
    result = finish(elf, symbol_blob(elf))
    problems = [*check_segments(elf), *check_note(elf), *check_symbols(elf),
                *check_code(args.input)]
    if len(result) > args.budget:
        problems.append(f'{len(result)} bytes, the budget is {args.budget}')
    for problem in problems:
        print(f'{args.input}: {problem}', file=sys.stderr)
    if problems:
        sys.exit(1)
    with open(args.output, 'wb') as file:
        file.write(result)


if __name__ == '__main__':
    main()
