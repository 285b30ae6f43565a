#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Does a page quote what is there? usage: quotes.py PAGE SOURCE...

Each block of C or meson on the page has to be in one of the sources as it stands.
"""
import re
import sys


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    page, *sources = (open(path, encoding='utf-8').read() for path in sys.argv[1:])
    blocks = re.findall(r'^```(?:c|meson)\n(.*?)^```', page, re.S | re.M)
    missing = [block for block in blocks if not any(block in source for source in sources)]
    for block in missing:
        print(f'{sys.argv[1]}: in none of the sources:\n{block}')
    print(f'{len(blocks)} quotes, {len(missing)} of them wrong')
    sys.exit(1 if missing or not blocks else 0)


if __name__ == '__main__':
    main()
