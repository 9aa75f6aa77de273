"""Measures the cost of the access log: one daemon under load, whose access log is switched on and off in turn.

    python -m benchmarks.toggled [ROUNDS [json]]

From one second to the next the speed of a machine may change by more than the cost to be measured. So each slice of
0.2 s with the access log is compared with the two beside it, and several daemons are taken, as they differ as well.

    python -m benchmarks.toggled FILE.slices ARGUMENTS...

is such a daemon: ksmppd with these arguments, which writes the result of each slice into the file.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from ksmppd_py.accesslog.log import AccessLog
    from ksmppd_py.model.esme import ServerMeters

SLICE = 0.2
"""Seconds between two switches."""
GUARD = 0.05
"""Seconds after a switch that don't count: earlier lines are still being written."""
SUBMITS = 600_000
TRIMMED = 0.1
"""Share of the pairs at each end that don't count: a slice in which something else ran."""


class Slice(NamedTuple):
    """Submits, seconds and processor seconds of a daemon between two switches."""

    on: bool
    began: float
    submits: int
    seconds: float
    used: float


@dataclass(frozen=True)
class Loss:
    """Per cent of the throughput and of the processor time a submit; `error` is the standard error of the first."""

    throughput: float
    error: float
    processor: float


def loss_of(slices: list[Slice]) -> tuple[float, float]:
    """Compare each slice with the access log to its neighbours: shares of submits a second and of processor time."""
    rates, costs = [], []
    for before, here, after in zip(slices, slices[1:], slices[2:], strict=False):
        if here.on and not before.on and not after.on and after.began - before.began < 3 * SLICE:
            rate = statistics.mean(each.submits / each.seconds for each in (before, after))
            cost = statistics.mean(each.used / each.submits for each in (before, after))
            rates.append(here.submits / here.seconds / rate)
            costs.append(here.used / here.submits / cost)
    return 1 - _trimmed(rates), _trimmed(costs) - 1


def _trimmed(values: list[float]) -> float:
    cut = int(len(values) * TRIMMED)
    return statistics.mean(sorted(values)[cut : len(values) - cut])


def _slice_of(line: str) -> Slice:
    """Parse a line that `_toggle` wrote."""
    on, began, submits, seconds, used = line.split()
    return Slice(on == "1", float(began), int(submits), float(seconds), float(used))


def measure(rounds: int, json: bool = False) -> Loss:
    """Load so many daemons, one after the other."""
    from benchmarks.load import Load, run  # noqa: PLC0415 - the daemon patches before anything else is imported
    from benchmarks.servers import DatabaseServers, Setup, daemon  # noqa: PLC0415

    losses = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            output = Path(directory) / "toggled.slices"
            setup = Setup(
                ksmppd={"access-log": "access.log", "access-log-format": "json" if json else "kannel"},
                program=(sys.executable, "-m", "benchmarks.toggled", str(output)),
            )
            with daemon(setup, Path(directory), DatabaseServers()) as server:
                run(Load(server.smpp_port, server.box_port, server.pids, total=SUBMITS))
            slices = [_slice_of(line) for line in output.read_text().splitlines()]
        losses.append(loss_of(slices[2:]))
    rates = [rate * 100 for rate, _ in losses]
    error = statistics.stdev(rates) / len(rates) ** 0.5 if len(rates) > 1 else float("nan")
    return Loss(statistics.mean(rates), error, statistics.mean(cost * 100 for _, cost in losses))


def _become_daemon(path: str) -> None:
    from gevent import monkey  # noqa: PLC0415 - first of all

    monkey.patch_all()
    import gevent  # noqa: PLC0415

    from ksmppd_py.__main__ import main  # noqa: PLC0415
    from ksmppd_py.accesslog.log import AccessLog  # noqa: PLC0415
    from ksmppd_py.model.esme import ServerMeters  # noqa: PLC0415

    meters: list[ServerMeters] = []
    start, made = AccessLog.start, ServerMeters.__init__

    def start_toggling(log: AccessLog) -> None:
        start(log)
        gevent.spawn(_toggle, log, meters, path)

    def note(self: ServerMeters, *given: Any, **named: Any) -> None:
        made(self, *given, **named)
        meters.append(self)

    AccessLog.start = start_toggling  # type: ignore[method-assign, assignment]  # there is no other way to it
    ServerMeters.__init__ = note  # type: ignore[method-assign]  # the same
    main()


def _toggle(log: AccessLog, meters: list[ServerMeters], path: str) -> None:
    import gevent  # noqa: PLC0415

    def look() -> tuple[float, int, float]:
        return time.perf_counter(), sum(each.inbound_processed for each in meters), time.process_time()

    with open(path, "w", encoding="ascii") as output:
        while True:
            gevent.sleep(GUARD)
            began, before, used_before = look()
            gevent.sleep(SLICE - GUARD)
            ended, after, used = look()
            if after - before > 100:
                figures = f"{began:.6f} {after - before} {ended - began:.6f} {used - used_before:.6f}"
                output.write(f"{int(log.on)} {figures}\n")
                output.flush()
            if log.on:
                log._end_turn()
            log.on = not log.on


def main() -> None:
    """Be the daemon, or measure and print the result."""
    if len(sys.argv) > 2 and sys.argv[1].endswith(".slices"):
        _become_daemon(sys.argv.pop(1))
        return
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    loss = measure(rounds, sys.argv[2:] == ["json"])
    print(
        f"{loss.throughput:.1f} % fewer submits a second (standard error {loss.error:.1f} of {rounds} daemons)"
    )
    print(f"{loss.processor:.1f} % more of the daemon's processor time a submit")


if __name__ == "__main__":
    main()
