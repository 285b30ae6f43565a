#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The commands of ./lab, once everything that they need is installed. See README.md beside this file."""

import sys

from lablib import bench, demo, host, suites, ui


def store_mode(args):
    """The mode that the options name; takes them out of @args."""
    modes = {"--stock": "stock", "--c": "c", "--ocaml": "o"}
    mode = "atoll"
    for option in list(args):
        if option in modes:
            mode = modes[option]
            args.remove(option)
    if args:
        raise ui.Failure(f"what is {args[0]!r}?", "./lab --help names the options")
    return mode


def main(argv):
    command, args = argv[1], argv[2:]
    logs = host.new_logs(command)
    try:
        if command == "test":
            return suites.test(args, logs)
        if command == "bench":
            return bench.bench(args, logs)
        if command == "demo":
            return demo.demo(store_mode(args), logs)
        return demo.shell(store_mode(args), logs)
    except ui.Failure as failure:
        ui.report_failure(failure)
        print(f"  logs: {host.shown(logs)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nlab: interrupted; logs: {host.shown(logs)}", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv))
