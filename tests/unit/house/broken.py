#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Each rule of house.py sees its breach. usage: broken.py HOUSE_PY COMPILER...

Small trees are made, each with one file that breaks one rule; TAP on standard output.
"""
import os
import shutil
import subprocess
import sys
import tempfile

# rule, the file, its text, what the output must have; '' for a tree that keeps the rule
CASES = [
    ('arrows', 'services/a/b.c', '#include "common/log.h"\n#include <hv/hv.h>\n#include "b.h"\n', ''),
    ('arrows', 'services/a/b.c', '#include "hv/sim/sim.h"\n', 'services/a/b.c:1: a service must not'),
    ('arrows', 'services/a/main_sim.c', '#include "hv/sim/sim.h"\n', ''),
    ('arrows', 'services/a/main.c', '#include "services/b/c.h"\n', 'services/a/main.c:1: a service'),
    ('arrows', 'services/a/b.c', '\n#include <unistd.h>\n', 'services/a/b.c:2: a service must not'),
    ('arrows', 'services/a/b.c', '#ifdef __clang__\n', 'variation is by file'),
    ('arrows', 'common/b.c', '#include "services/a/b.h"\n', 'common/b.c:1: common must not'),
    ('arrows', 'common/b.c', '#include <xen/xen.h>\n', 'common/b.c:1: common must not'),
    ('arrows', 'hv/include/hv/b.h', '#include "common/log.h"\n', 'hv/include/hv/b.h:1: the contract'),
    ('arrows', 'hv/xen/b.c', '#include "common/log.h"\n', 'hv/xen/b.c:1: the Xen platform'),
    ('arrows', 'hv/sim/b.c', '#include "common/log.h"\n', 'hv/sim/b.c:1: the simulator'),
    ('arrows', 'hv/linux/b.c', '#include "hv/linux/linux.h"\n#include <hv/hv.h>\n#include <xengnttab.h>\n', ''),
    ('arrows', 'hv/linux/b.c', '#include "common/log.h"\n', 'hv/linux/b.c:1: the Linux platform'),
    ('arrows', 'common/b.c', '#include "hv/linux/linux.h"\n', 'common/b.c:1: common must not'),
    ('arrows', 'host-tools/b.c', '#include "hv/linux/linux.h"\n', ''),
    ('arrows', 'host-tools/b.c', '#include <hv/hv.h>\n', 'host-tools/b.c:1: the host tools'),
    ('arrows', 'tests/b.c', '#include "hv/sim/host.h"\n', 'tests/b.c:1: a test must not'),
    ('arrows', 'tests/conformance/b.c', '#include "hv/sim/sim.h"\n', 'b.c:1: a case of the contract'),
    ('headers', 'common/b.h', '#ifndef B_H\n#define B_H\n#include <stddef.h>\nsize_t f(void);\n#endif\n', ''),
    ('headers', 'common/b.h', 'size_t f(void);\n', 'common/b.h:1: does not compile alone'),
    ('headers', 'common/b.h', 'enum e { A };\n', 'common/b.h:1: does not compile alone'),
    ('layout', 'common/b.c', 'int  f(void);\n', 'common/b.c:1: not as clang-format'),
    ('shell', 'run', '#!/bin/bash\nset -euo pipefail\ncd $1\n', 'run:3'),
    ('shell', 'run', '#!/bin/bash\necho\n', 'run:2: a bash script'),
    ('shell', 'run', '#!/bin/busybox sh\necho $1\n', 'run:2'),
    ('length', 'common/b.c', '\n' * 600, ''),
    ('length', 'common/b.c', '\n' * 601, 'common/b.c:601: 601 lines'),
    ('length', 'tests/b.c', '\n' * 901, 'tests/b.c:901: 901 lines'),
    ('x86', 'common/b.c', '/* cpuid */ __asm__ volatile("" ::: "memory");\n', ''),
    ('x86', 'hv/xen/x86_64/b.c', '__asm__ volatile("rdtsc");\n', ''),
    ('x86', 'common/b.c', '__asm__ volatile("nop");\n', 'common/b.c:1: assembly'),
    ('x86', 'hv/xen/b.c', '\n__asm__("outb %al, $1");\n', 'hv/xen/b.c:2: outb is x86'),
    ('x86', 'common/b.c', '#include <immintrin.h>\n', 'common/b.c:1: <immintrin.h> is x86'),
    ('x86', 'common/b.h', '#ifdef __x86_64__\n', 'common/b.h:1: __x86_64__ is x86'),
    ('x86', 'services/a/b.S', 'ret\n', 'services/a/b.S:1: assembly'),
    ('words', 'b.md', 'for later: TO' + 'DO\n', 'b.md:1: TO' + 'DO'),
    ('words', 'b.py', '\nopen("/ho' + 'me/b")\n', 'b.py:2: /ho' + 'me/b...'),
    ('words', 'b.py', 'https://b.example/wo' + 'rk/b\n', ''),
    ('licence', 'common/b.c', 'int f(void);\n', 'common/b.c:1: no line SPDX'),
    ('licence', 'run', '#!/bin/sh\n', 'run:1: no line SPDX'),
    ('pages', 'b.md', '# A b?\n[c](b.md#a-b), [d](#a-b), [e](https://e.example)\n', ''),
    ('pages', 'b.md', '\n[c](d.md)\n', 'b.md:2: there is no d.md'),
    ('pages', 'b.md', '# A\n[c](#b)\n', 'b.md:2: there is no heading #b'),
    ('pages', 'b.md', 'see `common/none.c`\n', 'b.md:1: there is no common/none.c'),
    ('pages', 'b.md', 'see `test_none`\n', 'b.md:1: there is no test test_none'),
    ('pages', 'b.md', 'see `xsa_1_none`\n', 'b.md:1: there is no test xsa_1_none'),
    ('pages', 'b.md', 'see `none_xsa_1`\n', 'b.md:1: there is no test none_xsa_1'),
    ('pages', 'b.md', 'see `linux_0123456789ab`\n', 'b.md:1: there is no test linux_0123456789ab'),
    ('pages', 'b.md', 'see `linux_open`, `xsa`\n', ''),
    ('pages', 'tests/b.c', 'START_TEST(test_xsa_1_b)\n', 'docs/security.md:1: the advisories'),
    ('pages', 'tests/b.c', 'START_TEST(b_xsa_1)\n', 'docs/security.md:1: the advisories'),
    ('pages', 'tests/b.c', 'START_TEST(linux_0123456789ab)\n', 'docs/security.md:1: the advisories'),
]

TOOLS = {'layout': 'clang-format', 'shell': 'shellcheck'}


def outcome(house, compiler, case):
    rule, path, text, wanted = case
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(os.path.join(root, os.path.dirname(path)), exist_ok=True)
        with open(os.path.join(root, path), 'w') as file:
            file.write(text)
        shutil.copy(os.path.join(os.path.dirname(house), '../../../.clang-format'), root)
        run = subprocess.run([sys.executable, house, rule, root, *compiler], capture_output=True,
                             text=True)
    seen = run.stdout + run.stderr
    return run.returncode == (1 if wanted else 0) and wanted in seen, seen


def main():
    house, *compiler = sys.argv[1:]
    print(f'1..{len(CASES)}')
    for number, case in enumerate(CASES, 1):
        what = f'{number} - {case[0]}: {case[1]}: {case[3] or "nothing"}'
        if case[0] in TOOLS and not shutil.which(TOOLS[case[0]]):
            print(f'ok {what} # SKIP {TOOLS[case[0]]} is not installed')
            continue
        right, seen = outcome(house, compiler, case)
        print(f'{"ok" if right else "not ok"} {what}')
        if not right:
            print('\n'.join(f'# {line}' for line in seen.splitlines()))


if __name__ == '__main__':
    main()
