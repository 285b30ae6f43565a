#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""check.py MODEL [WORD...]: search all states of a model by spin. Each WORD breaks the model when it is defined, and
then an error must be found: a model that cannot fail says nothing."""

import os
import re
import subprocess
import sys
import tempfile


def errors(model, words):
    """How many errors the search finds."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["spin", *(f"-D{word}" for word in words), "-a", model], cwd=folder, check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run(["cc", "-O2", "-w", "-DSAFETY", "-o", "pan", "pan.c"], cwd=folder, check=True)
        out = subprocess.run(["./pan", "-m100000"], cwd=folder, check=True, capture_output=True, text=True).stdout
    found = re.search(r"errors: (\d+)", out)
    if not found or "max search depth too small" in out:
        sys.exit(f"the search did not end:\n{out}")
    return int(found.group(1)), out


def main(model, words):
    count, out = errors(os.path.abspath(model), [])
    if count:
        sys.exit(f"{model} has an error:\n{out}")
    states = re.search(r"(\d+) states, stored", out)
    print(f"{os.path.basename(model)}: no error in {states.group(1)} states")
    for word in words:
        if not errors(os.path.abspath(model), [word])[0]:
            sys.exit(f"{model} with {word} should have an error")
        print(f"{os.path.basename(model)}: with {word} an error is found")


main(sys.argv[1], sys.argv[2:])
