"""`python -m benchmarks.profile [SCENARIO]`: where a message's time goes, by py-spy; a row for each step and function.

The samples of py-spy are stacks; a step has those in which its functions are, the innermost step counting.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from benchmarks.load import Load, run
from benchmarks.scenarios import SCENARIOS
from benchmarks.servers import DatabaseServers, daemon

RATE = 500
"""Samples a second."""
STEPS = (
    ("acks of the bearerbox, answers to ESMEs", ("BoxConnection._read",)),
    ("hand over to the bearerbox: pack, window", ("BearerboxPool.send_all", "BearerboxPool.has_room")),
    ("route: RE2 and its callers", ("Routing._ask_router",)),
    ("translate submit_sm to Kannel's message, make ids", ("Routing._translated",)),
    (
        "limits and counters",
        ("SubmitFlow._throttle", "SubmitStatistics.received", "SubmitStatistics.count_settled"),
    ),
    ("parse PDUs", ("SmppLink.receive",)),
    ("write to sockets", ("FramedSocket._flush",)),
    ("read from sockets, wait", ("FramedSocket._read",)),
    ("dispatch PDUs", ("SmppSession._read", "SmppSession._take")),
)
MOST_FUNCTIONS = 15


def stacks(text: str) -> Iterable[tuple[list[str], int]]:
    """Function names of each stack, outermost first, and how many samples it has; idle threads are left out."""
    for line in text.splitlines():
        stack, _, count = line.rpartition(" ")
        names = [frame.split(" (")[0] for frame in stack.split(";")]
        if not any("acquire_with_timeout" in name for name in names):
            yield names, int(count)


def by_step(text: str) -> tuple[Counter[str], Counter[str]]:
    """Samples of each step, and of each function by itself."""
    steps: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    of_function = {name: step for step, names in STEPS for name in names}
    for names, count in stacks(text):
        found = (of_function[name] for name in reversed(names) if name in of_function)
        steps[next(found, "the event loop and everything else")] += count
        functions[names[-1]] += count
    return steps, functions


def record(name: str) -> str:
    """Run a scenario five times as long under py-spy; return its collapsed stacks."""
    [scenario] = [each for each in SCENARIOS if each.name == name]
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        daemon(scenario.setup, Path(directory), DatabaseServers()) as server,
    ):
        load = Load(server.smpp_port, server.box_port, server.pids, **scenario.load)
        run(replace(load, total=10_000))
        raw = Path(directory, "stacks")
        spy = ["py-spy", "record", "-r", str(RATE), "-f", "raw", "-o", str(raw), "-d", "60"]
        with subprocess.Popen(
            [*spy, "-p", str(server.pids[0])], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as watching:
            run(replace(load, total=load.total * 5))
            watching.send_signal(2)
        return raw.read_text()


def main() -> int:
    """Print both tables in Markdown; 2 without py-spy."""
    if shutil.which("py-spy") is None:
        print("py-spy isn't there: pip install py-spy", file=sys.stderr)
        return 2
    steps, functions = by_step(record(sys.argv[1] if len(sys.argv) > 1 else "submit"))
    total = sum(functions.values())
    print("| step | share |\n|---|---|")
    for step, count in steps.most_common():
        print(f"| {step} | {count / total * 100:.0f} % |")
    print("\n| function, without its callees | share |\n|---|---|")
    for function, count in functions.most_common(MOST_FUNCTIONS):
        print(f"| `{function}` | {count / total * 100:.1f} % |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
