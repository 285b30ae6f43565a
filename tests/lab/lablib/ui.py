# SPDX-License-Identifier: ISC
"""What the user sees: steps with elapsed seconds, tables, verdicts, a failure that says what to do."""

import contextlib
import sys
import threading
import time

START = time.monotonic()
_lock = threading.Lock()


class Failure(Exception):
    """Something the lab cannot go on from: what went wrong, what to do, and the lines that show it."""

    def __init__(self, what, advice="", excerpt=""):
        super().__init__(what)
        self.what = what
        self.advice = advice
        self.excerpt = excerpt


def say(text, prefix=""):
    with _lock:
        for line in str(text).splitlines() or [""]:
            print(f"[{time.monotonic() - START:6.1f}s] {prefix}{line}", flush=True)


def plain(text=""):
    with _lock:
        print(text, flush=True)


@contextlib.contextmanager
def step(what):
    """Say what is being done, then how long it took."""
    say(f"{what} ...")
    begin = time.monotonic()
    try:
        yield
    except BaseException:
        say(f"{what}: FAILED after {time.monotonic() - begin:.1f} s")
        raise
    say(f"{what}: done in {time.monotonic() - begin:.1f} s")


def tail(text, lines=25):
    return "\n".join(text.splitlines()[-lines:])


def report_failure(failure):
    with _lock:
        sys.stdout.flush()
        out = sys.stderr
        print(f"\nlab: {failure.what}", file=out)
        if failure.excerpt:
            for line in tail(failure.excerpt).splitlines():
                print(f"  | {line}", file=out)
        if failure.advice:
            print(f"  what to do: {failure.advice}", file=out)
        out.flush()


def table(head, rows):
    """A table in columns as wide as what they hold; numbers to the right."""
    cells = [[str(c) for c in row] for row in [head, *rows]]
    width = [max(len(row[i]) for row in cells) for i in range(len(head))]

    def numeric(i):
        return bool(rows) and all(str(row[i])[:1].isdigit() or str(row[i]) in ("", "-") for row in rows)

    right = [numeric(i) for i in range(len(head))]
    lines = []
    for row in cells:
        lines.append("  ".join(c.rjust(w) if r else c.ljust(w)
                               for c, w, r in zip(row, width, right)).rstrip())
    lines.insert(1, "  ".join("-" * w for w in width))
    return "\n".join(lines)


class Verdicts:
    """Collects what passed and what failed, in order."""

    def __init__(self):
        self.rows = []

    def add(self, suite, name, passed, figures=""):
        with _lock:
            self.rows.append((suite, name, bool(passed), figures))
        say(f"{'pass' if passed else 'FAIL'}  {suite}: {name}{'  (' + figures + ')' if figures else ''}")

    @property
    def passed(self):
        return sum(1 for r in self.rows if r[2])

    @property
    def failed(self):
        return sum(1 for r in self.rows if not r[2])
