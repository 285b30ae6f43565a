#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Print the vectors of hash.c: SipHash-1-3 as CPython from 3.11 on computes it for bytes.

CPython hashes bytes with a key that it derives from PYTHONHASHSEED with a linear congruential
generator (Python/bootstrap_hash.c), so its own implementation, which has nothing in common with
ours, says what is right. It hashes the empty string to 0 by itself, and never to -1.
"""
import os
import sys

SEED = 2026


def key(seed):
    state, secret = seed, bytearray()
    for _ in range(16):
        state = (state * 214013 + 2531011) & 0xffffffff
        secret.append((state >> 16) & 0xff)
    return int.from_bytes(secret[:8], "little"), int.from_bytes(secret[8:], "little")


def main():
    if sys.hash_info.algorithm != "siphash13":
        sys.exit("this Python hashes with " + sys.hash_info.algorithm)
    if os.environ.get("PYTHONHASHSEED") != str(SEED):
        os.environ["PYTHONHASHSEED"] = str(SEED)
        os.execv(sys.executable, [sys.executable] + sys.argv)
    k0, k1 = key(SEED)
    print(f"static const struct hash_key key = {{UINT64_C({k0:#018x}), UINT64_C({k1:#018x})}};\n")
    print("/* The hash of the bytes 0, 37, 74, ... (mod 256), as many as the index says. */")
    print("static const uint64_t vectors[] = {\n    0, /* no vector for no bytes */")
    for length in range(1, 41):
        data = bytes(i * 37 & 0xff for i in range(length))
        print(f"    UINT64_C({hash(data) & 0xffffffffffffffff:#018x}),")
    print("};")


main()
