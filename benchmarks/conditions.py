"""Measurements that a table of costs doesn't show: latency under mixed load, and cost as a function of one size."""

from __future__ import annotations

import http.client
import json
import re
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.load import Load, Result, run
from benchmarks.servers import DatabaseServers, Server, Setup, daemon
from benchmarks.toggled import measure
from tests.parts.daemon import PASSWORD

BUSY_BINDS = 100
BUSY_WINDOW = 5
IDLE_BINDS = 1000
SHARE = 0.8
"""Of the peak rate."""
LATENCY_SECONDS = 10
DASHBOARD_EVERY = 2.0
"""Seconds between two looks of the dashboard's page."""
STORED_ROWS = 2_000_000
ROUNDS = 8
"""Runs of each kind, where kinds are compared by the best of them; FEW where a difference is allowed to be larger."""
FEW = 3
DAEMONS = 8
"""The daemon whose access log is switched."""
_LAG = re.compile(r'^ksmppd_event_loop_lag_seconds_bucket\{le="([^"]+)"\} (\S+)$', re.MULTILINE)


@dataclass(frozen=True)
class Finding:
    """One figure against its goal, which it must be below."""

    name: str
    what: str
    value: float
    unit: str
    goal: float

    @property
    def is_met(self) -> bool:
        """Whether the goal is reached."""
        return self.value < self.goal


def latency(servers: DatabaseServers) -> Iterator[Finding]:
    """Answers at 80 % of the peak, with an access log, an open dashboard and idle binds.

    The peak is that of as many binds with BUSY_WINDOW submits under way each. At the rate, what is due each time that
    the load generator looks, at least once a millisecond, is sent by one bind.
    """
    setup = Setup(ksmppd={"access-log": "access.log"})
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        daemon(setup, Path(directory), servers) as server,
    ):
        load = Load(
            server.smpp_port, server.box_port, server.pids, binds=BUSY_BINDS, window=BUSY_WINDOW, total=60_000
        )
        peak = max(run(load).per_second for _ in range(FEW))
        rate = peak * SHARE
        loaded = replace(load, rate=rate, idle=IDLE_BINDS, total=int(rate * LATENCY_SECONDS), window=1000)
        tries = [_latency(server, loaded) for _ in range(FEW)]
        p99, lag = min(tries)
    what = f"of submit_sm_resp at {rate:.0f}/s (80 % of {peak:.0f}/s), {BUSY_BINDS} binds beside {IDLE_BINDS} idle ones"
    yield Finding("latency", "p99 " + what, p99, "ms", 20)
    yield Finding(
        "loop lag",
        "p99 of the event loop's delay meanwhile, upper bound of its bucket",
        lag * 1000,
        "ms",
        10.001,
    )


def _latency(server: Server, load: Load) -> tuple[float, float]:
    """p99 of the answers in milliseconds, and of the event loop's delay in seconds, while the dashboard is open."""
    before: dict[float, float] = {}
    with _dashboard(server):
        result = run(load, lambda: before.update(_lags(server)))
    return result.p99_ms, _quantile(before, _lags(server), 0.99)


def _lags(server: Server) -> dict[float, float]:
    """The daemon's own histogram of its event loop's delay: upper bound in seconds -> count up to it."""
    connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=10)
    connection.request("GET", f"/metrics?password={PASSWORD}")
    text = connection.getresponse().read().decode()
    connection.close()
    return {float(bound): float(count) for bound, count in _LAG.findall(text)}


def _quantile(before: dict[float, float], after: dict[float, float], share: float) -> float:
    counts = {bound: count - before.get(bound, 0.0) for bound, count in after.items()}
    wanted = max(counts.values()) * share
    return next(bound for bound, count in sorted(counts.items()) if count >= wanted)


@contextmanager
def _dashboard(server: Server) -> Iterator[None]:
    """Ask for the dashboard's figures as an open page does."""
    over = threading.Event()

    def look() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=10)
        head = {"Content-Type": "application/json"}
        connection.request("POST", "/dashboard/session", json.dumps({"password": PASSWORD}), head)
        answer = connection.getresponse()
        cookie = (answer.getheader("Set-Cookie") or "").split(";")[0]
        answer.read()
        while not over.wait(DASHBOARD_EVERY):
            connection.request("GET", "/dashboard/state?since=0", headers={"Cookie": cookie})
            if connection.getresponse().read().find(b'"esmes"') < 0:
                raise ConnectionError("the dashboard shows nothing")

    page = threading.Thread(target=look, daemon=True)
    page.start()
    try:
        yield
    finally:
        over.set()
        page.join()


def extras(servers: DatabaseServers) -> Iterator[Finding]:
    """Measure the cost of the access log and of TLS per submit."""
    for name, as_json in (("access log", False), ("access log in JSON", True)):
        loss = measure(DAEMONS, as_json)
        what = f"fewer submits a second, mean of {DAEMONS} daemons, standard error {loss.error:.1f}"
        yield Finding(name, what, loss.throughput, "%", 3)
    plain = encrypted = 0.0
    for _ in range(ROUNDS):
        plain = max(plain, _cost(Setup(), servers, total=60_000).per_second)
        encrypted = max(encrypted, _cost(Setup(tls=True), servers, total=60_000, tls=True).per_second)
    what = f"fewer submits a second, {encrypted:,.0f} instead of {plain:,.0f}, the best of {ROUNDS} runs each"
    yield Finding("TLS", what, (1 - encrypted / plain) * 100, "%", 25)


def growth_of_binds(servers: DatabaseServers) -> Iterator[Finding]:
    """A message of one busy bind against one of a thousand."""
    costs = [
        min(_cost(Setup(), servers, binds=binds, total=60_000).cpu_us for _ in range(FEW))
        for binds in (1, 1000)
    ]
    yield Finding(
        "1,000 binds", "more processor time a submit than 1 bind, window 50", _growth(*costs), "%", 30
    )


def growth_of_rows(servers: DatabaseServers) -> Iterator[Finding]:
    """A message beside an empty queue against one beside two million stored ones; and the start with them."""
    empty = Setup(mariadb=True, queue=True)
    full = replace(empty, stored=STORED_ROWS, stored_for="away")
    costs = [min(_cost(empty, servers, total=60_000).cpu_us for _ in range(FEW))]
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        daemon(full, Path(directory), servers) as server,
    ):
        yield Finding(
            "start", f"with {STORED_ROWS:,} stored rows, until it serves", server.started_in, "s", 2
        )
        load = Load(server.smpp_port, server.box_port, server.pids, total=60_000)
        result = min((run(load) for _ in range(FEW)), key=lambda each: each.cpu_us)
        costs.append(result.cpu_us)
    yield Finding(
        "rows", f"more processor time a submit beside {STORED_ROWS:,} stored rows", _growth(*costs), "%", 20
    )
    yield Finding(
        "rows memory", f"of the process beside {STORED_ROWS:,} stored rows", result.rss_mb, "MB", 150
    )


def loading(servers: DatabaseServers) -> Iterator[Finding]:
    """The first message of an account waits for its routes."""
    result = _cost(Setup(routes=50_000), servers, total=1)
    what = "until the answer to the first submit of an account with 50,000 routes, which are read and compiled for it"
    yield Finding("first answer", what, result.p99_ms / 1000, "s", 5)


def _cost(setup: Setup, servers: DatabaseServers, **load: Any) -> Result:
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as directory,
        daemon(setup, Path(directory), servers) as server,
    ):
        return run(Load(server.smpp_port, server.box_port, server.pids, **load))


def _growth(before: float, after: float) -> float:
    return (after / before - 1) * 100


CONDITIONS: dict[str, Callable[[DatabaseServers], Iterator[Finding]]] = {
    "latency": latency,
    "loading": loading,
    "extras": extras,
    "growth-binds": growth_of_binds,
    "growth-rows": growth_of_rows,
}
