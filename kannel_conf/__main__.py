"""`python -m kannel_conf FILE`: one JSON object per group and line, or `file:line: reason` and status 1."""

from __future__ import annotations

import json
import os
import sys

from kannel_conf.errors import Findings
from kannel_conf.groups import read_groups


def main() -> int:
    """Print the groups of the file named on the command line, without a schema, in file order."""
    if len(sys.argv) != 2:
        print("usage: python -m kannel_conf FILE", file=sys.stderr)
        return 2
    findings = Findings()
    groups = read_groups(sys.argv[1], findings)
    for warning in findings.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    if findings.errors:
        for error in findings.errors:
            print(error, file=sys.stderr)
        return 1
    try:
        for group in groups:
            print(json.dumps({"group": group.name, "line": group.place.line, "values": group.texts()}))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has ended (`| head`)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


if __name__ == "__main__":
    sys.exit(main())
