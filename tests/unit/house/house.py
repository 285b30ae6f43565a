#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The rules of the source that a machine can check. usage: house.py RULE ROOT [COMPILER...]

Each breach is a line "FILE:LINE: what is wrong". Exit status: 0 kept, 1 broken, 77 not to be checked
here (a tool is missing; the last line says which). RULE is one of the functions in RULES below.
"""
import concurrent.futures
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
LINES_MAX, TEST_LINES_MAX = 600, 900
# Outputs of a build are told by what meson leaves in them; the lab keeps its own below .lab.
NOT_OURS = {'.git', '.lab', '__pycache__'}
C_FILES = ('.c', '.h', '.S')


def our_files(root):
    """Every file of the source, as paths relative to @root, in order."""
    found = []
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(f for f in folders if f not in NOT_OURS and
                            not os.path.exists(os.path.join(folder, f, 'meson-private')))
        found += [os.path.relpath(os.path.join(folder, name), root) for name in sorted(names)
                  if name != '.git']
    return found


def read(root, path):
    """The text of a file; '' for one that is not text."""
    with open(os.path.join(root, path), 'rb') as file:
        data = file.read()
    try:
        return '' if b'\0' in data else data.decode()
    except UnicodeDecodeError:
        return ''


def code_lines(text):
    """(number, line) of C source with comments blanked out; strings stay."""
    def blank(match):
        return match[0] if match[0][0] in '"\'' else re.sub(r'[^\n]', ' ', match[0])

    pattern = r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|/\*.*?\*/|//[^\n]*'
    return enumerate(re.sub(pattern, blank, text, flags=re.S).split('\n'), 1)


def c_sources(root, suffixes=C_FILES):
    return [path for path in our_files(root) if path.endswith(suffixes)]


# -- the arrows: services -> common -> hv/include; main files alone name a platform

# What a service, common/ and hv/xen may take from C's library: what needs no operating system.
LIBC = re.compile(r'<(errno|inttypes|limits|stdarg|stdbool|stddef|stdint|stdio|string)\.h>')
CONTRACT = re.compile(r'<hv/[a-z]+\.h>')
BESIDE = re.compile(r'"[\w.-]+\.h"')
LINUX = re.compile(r'"hv/linux/linux\.h"')
SIMULATOR = re.compile(r'"hv/sim/sim\.h"')
COMMON = re.compile(r'"common/[a-z_]+\.h"')


def include_rule(path):
    """The rule of a file: its name, and the patterns one of which each of its includes must match."""
    anything = re.compile(r'<(?!hv/)[^>]+>')
    if path.startswith('hv/include/'):
        return 'the contract', [CONTRACT, re.compile(r'<(stdbool|stddef|stdint)\.h>')]
    if path.startswith('hv/xen/'):
        return 'the Xen platform', [CONTRACT, LIBC, BESIDE, re.compile(r'<xen/[^>]+>'),
                                    re.compile(r'"\.\./[a-z_]+\.h"')]
    if path.startswith('hv/sim/'):
        return 'the simulator', [CONTRACT, anything, re.compile(r'"hv/sim/[a-z_]+\.h"')]
    if path.startswith('hv/linux/'):
        return 'the Linux platform', [CONTRACT, anything, re.compile(r'"hv/linux/[a-z_]+\.h"')]
    if path == 'common/arena_checked.c':
        return 'what sanitizers see of the arena', [CONTRACT, LIBC, COMMON, re.compile(r'<stdlib\.h>')]
    if path.startswith('common/'):
        return 'common', [CONTRACT, LIBC, COMMON]
    if path.startswith('services/'):
        rules = [CONTRACT, LIBC, COMMON, BESIDE]
        if os.path.basename(path).startswith('main'):
            rules += [SIMULATOR]
        return 'a service', rules
    if path.startswith('host-tools/'):
        # The monitor's engine runs on files as well, in the host tool.
        return 'the host tools', [anything, COMMON, BESIDE, LINUX, re.compile(r'"services/monitor/engine\.h"'),
                                  re.compile(r'"services/monitor/record\.h"')]
    if path.startswith('tests/conformance/') and not path.endswith('_main.c'):
        return 'a case of the contract', [CONTRACT, LIBC, re.compile(r'<stdlib\.h>'),
                                          re.compile(r'"tests/conformance/[a-z_]+\.h"')]
    if path == 'tests/platform/rights.c':
        return 'who asks for what no service may', [CONTRACT, anything, re.compile(r'"hv/xen/hypercall\.h"')]
    if path.startswith('tests/'):
        return 'a test', [CONTRACT, anything, COMMON, BESIDE, LINUX, SIMULATOR,
                          re.compile(r'"(services|tests)/[^"]+\.h"')]
    return 'a file in no folder that has a rule', []


def arrows(root, compiler):
    for path in c_sources(root):
        name, allowed = include_rule(path)
        plain_c = path.startswith(('hv/include/', 'common/', 'services/'))
        guard = re.escape(os.path.basename(path).upper().replace('.', '_')) + '$'
        for number, line in code_lines(read(root, path)):
            include = re.match(r'\s*#\s*include\s*(\S+)', line)
            if include and not any(rule.fullmatch(include[1]) for rule in allowed):
                yield f'{path}:{number}: {name} must not include {include[1]}'
            if plain_c and re.match(r'\s*#\s*(if|ifdef|ifndef|elif|else)\b', line) and \
                    not re.search(guard, line.rstrip()):
                yield f'{path}:{number}: variation is by file, not by {line.split()[0]}'


# -- each header compiles alone, and twice

def headers(root, compiler):
    folders = ['hv/include/', 'hv/linux/', 'hv/sim/', 'common/', 'services/']
    if os.path.exists('/usr/include/xen/xen.h') and compiles(compiler, root, '<xen/xen.h>') is None:
        folders += ['hv/xen/']
    if compiles(compiler, root, '<xenctrl.h>') is None:
        folders += ['host-tools/']
    if compiles(compiler, root, '<check.h>') is None:
        folders += ['tests/']
    paths = [p for p in c_sources(root, '.h') if p.startswith(tuple(folders))]
    if not paths:
        yield f'{root}:0: no header was found'
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for path, output in zip(paths, pool.map(
                lambda p: compiles(compiler, root, f'"{p}"\n#include "{p}"'), paths)):
            if output is not None:
                first = next((line for line in output.splitlines() if 'error' in line), output)
                yield f'{path}:1: does not compile alone: {first.strip()}'


def compiles(compiler, root, header):
    """None, or what the compiler says."""
    with tempfile.NamedTemporaryFile('w', suffix='.c') as file:
        file.write(f'#include {header}\n')
        file.flush()
        run = subprocess.run([*compiler, '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror',
                              '-Wno-unused-parameter', '-Wundef', '-fsyntax-only',
                              '-D__XEN_INTERFACE_VERSION__=__XEN_LATEST_INTERFACE_VERSION__',
                              '-iquote', root, '-I', os.path.join(root, 'hv/include'), file.name],
                             capture_output=True, text=True)
    return None if run.returncode == 0 else run.stderr or f'status {run.returncode}'


# -- form

def layout(root, compiler):
    tool = shutil.which('clang-format-14') or shutil.which('clang-format')
    if not tool:
        print('skipped: clang-format is not installed')
        sys.exit(SKIPPED)
    run = subprocess.run([tool, '--dry-run', '--style=file', *c_sources(root, ('.c', '.h'))], cwd=root,
                         capture_output=True, text=True)
    for line in run.stderr.splitlines():
        if re.match(r'\S+:\d+:', line):
            yield re.sub(r':\d+: warning: code should be clang-formatted.*',
                         ': not as clang-format has it (clang-format -i mends it)', line)
    if run.returncode:
        yield f'.clang-format:1: clang-format failed: {run.stderr.strip()}'


def shell(root, compiler):
    tool = shutil.which('shellcheck')
    if not tool:
        print('skipped: shellcheck is not installed')
        sys.exit(SKIPPED)
    found = 0
    for path in our_files(root):
        shebang = re.match(r'#!(\S*/)?(env )?(bash|sh|busybox sh)\b.*\n', read(root, path))
        if not shebang:
            continue
        found += 1
        dialect = ['--shell=dash'] if shebang[3] == 'busybox sh' else []
        run = subprocess.run([tool, '--format=gcc', *dialect, path], cwd=root, capture_output=True, text=True)
        yield from (run.stdout + run.stderr).splitlines()
        if shebang[3] == 'bash' and 'set -euo pipefail' not in read(root, path):
            yield f'{path}:2: a bash script starts with set -euo pipefail'
    if not found:
        yield f'{root}:0: no script was found'


def length(root, compiler):
    for path in c_sources(root):
        limit = TEST_LINES_MAX if path.startswith('tests/') else LINES_MAX
        lines = read(root, path).count('\n')
        if lines > limit:
            yield f'{path}:{limit + 1}: {lines} lines, and {limit} are enough for one concern'


# -- one architecture in one folder

# The tests of the platform look at the page tables that they run under.
X86_ALSO = ('hv/xen/x86_64/', 'tests/platform/')
X86 = re.compile(
    r'\b(cpuid|rdtscp?|rdmsr|wrmsr|rdrand|rdseed|invlpg|vmcall|vmmcall|[lm]fence|in[bwl]|out[bwl]|hlt)\b'
    r'|\b_mm\d*_\w+|\b__builtin_ia32_\w+|\b__(x86_64|i386|amd64|SSE\w*|AVX\w*)__\b'
    r'|<(cpuid|\w*intrin|sys/io)\.h>'
    r'|%%?\b[re]?([abcd]x|[sd]i|[sb]p|ip|flags)\b|%%?(cr|dr|r)\d+\b')
ASSEMBLY = re.compile(r'\b(__)?asm(__)?\b')
BARRIER = re.compile(r'\b(__)?asm(__)?\s+(__)?volatile(__)?\s*\(\s*""\s*:\s*:\s*:\s*"memory"\s*\)')


def x86(root, compiler):
    for path in c_sources(root):
        if path.startswith(X86_ALSO):
            continue
        if path.endswith('.S'):
            yield f'{path}:1: assembly belongs into hv/xen/ARCHITECTURE'
        for number, line in code_lines(read(root, path)):
            found = X86.search(line)
            if found:
                yield f'{path}:{number}: {found[0]} is x86, which belongs into hv/xen/x86_64'
            elif ASSEMBLY.search(line) and not BARRIER.search(line):
                yield f'{path}:{number}: assembly belongs into hv/xen/ARCHITECTURE'


# -- words

# Put together here, so that this file keeps its own rule.
LATER = re.compile(r'\b(' + '|'.join(('TO' 'DO', 'FIX' 'ME', 'X' 'XX')) + r')\b')
PLACES = re.compile(r'(?<![\w.>}])/(' + '|'.join(('home', 'root', 'work', 'Users')) + r')/[\w.-]')


def words(root, compiler):
    for path in our_files(root):
        for number, line in enumerate(read(root, path).split('\n'), 1):
            later, place = LATER.search(line), PLACES.search(line)
            if later:
                yield f'{path}:{number}: {later[0]}: do it, or write an issue'
            if place:
                yield f'{path}:{number}: {place[0]}...: a path of one machine'


def licence(root, compiler):
    for path in our_files(root):
        text = read(root, path)
        source = path.endswith((*C_FILES, '.py', '.sh')) or text.startswith('#!')
        if source and text and 'SPDX-License-Identifier: ISC' not in '\n'.join(text.split('\n')[:3]):
            yield f'{path}:1: no line SPDX-License-Identifier: ISC'


# -- pages: what they name is there

OUR_PATH = re.compile(r'`((?:hv|common|services|host-tools|tests|docs(?!/misc/))/[\w./*-]+)`')
LINK = re.compile(r'\]\(([^)\s]*)\)')
# Of an advisory, or of the Linux commit that stands for one: xsa_90_..., ..._xsa_424, linux_6d1dc8014334.
ADVISORY = re.compile(r'(?:\w+_)?xsa_\d\w*|linux_[0-9a-f]{12}\w*')
TEST_NAME = re.compile(rf'`(test_\w+|{ADVISORY.pattern})`')


def anchors(text):
    """What the headings of a page can be reached by."""
    titles = re.findall(r'^#+ (.*)$', text, re.M)
    return {re.sub(r'[^\w -]', '', title.lower()).replace(' ', '-') for title in titles}


def link_problem(root, path, target):
    """None, or what is wrong with a link of the page at @path."""
    if re.match(r'[a-z]+:', target):
        return None
    name, _, anchor = target.partition('#')
    there = os.path.normpath(os.path.join(os.path.dirname(path), name)) if name else path
    if not os.path.exists(os.path.join(root, there)):
        return f'there is no {there}'
    if anchor and anchor not in anchors(read(root, there)):
        return f'there is no heading #{anchor} in {there}'
    return None


def pages(root, compiler):
    tests = set()
    for path in c_sources(root, '.c'):
        if path.startswith('tests/'):
            tests |= set(re.findall(r'START_TEST\((\w+)\)', read(root, path)))
    for path in (p for p in our_files(root) if p.endswith('.md')):
        for number, line in enumerate(read(root, path).split('\n'), 1):
            for target in LINK.findall(line):
                problem = link_problem(root, path, target)
                if problem:
                    yield f'{path}:{number}: {problem}'
            for named in OUR_PATH.findall(line):
                if not glob.glob(os.path.join(root, named)):
                    yield f'{path}:{number}: there is no {named}'
            for named in TEST_NAME.findall(line):
                if named not in tests:
                    yield f'{path}:{number}: there is no test {named}'
    security = read(root, 'docs/security.md') if os.path.exists(os.path.join(root, 'docs/security.md')) else ''
    for test in sorted(filter(ADVISORY.fullmatch, tests)):
        if f'`{test}`' not in security:
            yield f'docs/security.md:1: the advisories are listed there, but not {test}'


RULES = {f.__name__: f for f in (arrows, headers, layout, shell, length, x86, words, licence, pages)}


def main():
    if len(sys.argv) < 3 or sys.argv[1] not in RULES:
        sys.exit(f'{__doc__}RULES: {" ".join(RULES)}')
    rule, root, *compiler = sys.argv[1:]
    broken = list(RULES[rule](root, compiler))
    for breach in broken:
        print(breach)
    print(f'{rule}: {len(broken)} broken' if broken else f'{rule}: kept')
    sys.exit(1 if broken else 0)


if __name__ == '__main__':
    main()
