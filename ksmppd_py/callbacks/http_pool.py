"""The greenlets that ask an HTTP server, each over a persistent connection of its own (docs/rules/http.md 2.3).

Requests and answers here are octets and headers; callbacks/routing.py gives them their meaning.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from time import monotonic

import gevent
from gevent.hub import Waiter, get_hub
from geventhttpclient.response import HTTPParseError

from ksmppd_py.callbacks.connection import (
    Answers,
    Broken,
    Connection,
    HttpAnswer,
    NoConnection,
    Request,
    connections,
)
from ksmppd_py.callbacks.endpoint import Endpoint
from ksmppd_py.errors import BackendUnavailable, KsmppdError, QueueFull
from ksmppd_py.transport.batch_results import BatchResults, Missing
from ksmppd_py.transport.greenlets import GreenletGroup

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """Limits of the workers, which are greenlets with a connection each.

    There are `workers` from the first request on, and more while requests wait, up to `in_flight`. `total` is seconds
    from the call to its answer, `connect` is part of it. `waiting` counts requests that no worker has taken yet. A
    worker above the number of `workers` ends after `idle` seconds without work. While requests wait for more than
    `growth` seconds, the workers double every `growth` seconds.
    """

    workers: int = 1
    in_flight: int = 512
    waiting: int = 10_000
    connect: float = 5.0
    total: float = 15.0
    idle: float = 10.0
    growth: float = 0.02


class HttpPool:
    """Asks one endpoint, many requests at a time; each is answered within the limits or gets an error."""

    def __init__(self, endpoint: Endpoint, limits: PoolLimits, ca_file: str = "") -> None:
        self._endpoint = endpoint
        self._limits = limits
        self._most = limits.in_flight
        self._always = min(limits.workers, self._most)
        self._connections = connections(endpoint, ca_file, limits.in_flight, limits.connect, limits.total)
        self._greenlets = GreenletGroup("http routing")
        self._waiting: deque[Request] = deque()
        self._idle: list[tuple[Waiter, float]] = []
        self._count = 0
        self._growing = False
        self._pruning = False
        self._closed = False

    @property
    def workers(self) -> int:
        """Number of workers now, busy or idle."""
        return self._count

    def ask_all(self, octets: Sequence[bytes]) -> list[HttpAnswer | KsmppdError]:
        """Return the answers in order, BackendUnavailable or QueueFull for failed ones. Yields, at most `total`."""
        batch: Answers = BatchResults(len(octets))
        deadline = monotonic() + self._limits.total
        requests = [Request(each, deadline, batch, position) for position, each in enumerate(octets)]
        for request in requests:
            self._take_in(request)
        try:
            batch.wait(self._limits.total)
        finally:
            for request in requests:
                self._late(request)
        return [answer for answer in batch.results if not isinstance(answer, Missing)]

    def _take_in(self, request: Request) -> None:
        name = self._endpoint.name
        if self._closed:
            request.settle(self._unavailable("stopping"))
        elif self._idle:
            waiter, _ = self._idle.pop()
            get_hub().loop.run_callback(waiter.switch, request)
        elif self._count < self._always:
            self._start_worker(request)
        elif len(self._waiting) >= self._limits.waiting:
            logger.warning("%s: %d requests wait already, no more are taken", name, len(self._waiting))
            request.settle(QueueFull(f"{len(self._waiting)} requests to {name} wait already"))
        else:
            self._waiting.append(request)
            if not self._growing and self._count < self._most:
                self._growing = True
                self._greenlets.spawn("http routing growth", self._grow)

    def close(self, patience: float) -> None:
        """Fail waiting requests with BackendUnavailable, and after `patience` seconds those in flight. May yield."""
        self._closed = True
        waiting, self._waiting = self._waiting, deque()
        for request in waiting:
            request.settle(self._unavailable("stopping"))
        for waiter, _ in self._idle:
            get_hub().loop.run_callback(waiter.switch, None)
        self._idle.clear()
        self._greenlets.join(patience)
        self._greenlets.end(1.0)
        self._connections.close()

    def _unavailable(self, reason: str) -> BackendUnavailable:
        return BackendUnavailable(f"{self._endpoint.name}: {reason}")

    # -- how many workers there are -----------------------------------------------------------------------------

    def _start_worker(self, request: Request | None) -> None:
        self._count += 1
        self._greenlets.spawn("http worker", self._work, request)

    def _grow(self) -> None:
        """Add workers: a fast server needs few connections, a slow one soon gets as many as it takes."""
        try:
            while True:
                gevent.sleep(self._limits.growth)
                more = min(self._count or 1, len(self._waiting), self._most - self._count)
                if more <= 0:
                    return
                asked_at = self._waiting[0].deadline - self._limits.total
                if monotonic() - asked_at < self._limits.growth:
                    continue
                for _ in range(more):
                    self._start_worker(self._waiting.popleft())
        finally:
            self._growing = False

    def _prune(self) -> None:
        """End workers that aren't needed; return when only those are left that stay. May yield."""
        try:
            while self._count > self._always and not self._closed:
                gevent.sleep(self._limits.idle / 2)
                before = monotonic() - self._limits.idle
                while self._idle and self._idle[0][1] < before and self._count > self._always:
                    waiter, _ = self._idle.pop(0)
                    self._count -= 1
                    get_hub().loop.run_callback(waiter.switch, None)
        finally:
            self._pruning = False

    # -- one worker ---------------------------------------------------------------------------------------------

    def _work(self, request: Request | None) -> None:
        """Send requests until none is left; then wait for one, or end. May yield."""
        connection = Connection(self._connections, self._limits.connect)
        try:
            while True:
                if request is None:
                    request = self._next()
                if request is None:
                    return
                if not request.is_settled:
                    self._ask(connection, request)
                request = None
        except BaseException:
            self._count -= 1
            raise
        finally:
            connection.close()
            if request is not None:
                request.settle(self._unavailable("stopping"))

    def _next(self) -> Request | None:
        """Return the next request; None = end (the worker isn't counted any more then). May yield."""
        if self._waiting:
            return self._waiting.popleft()
        if self._closed:
            self._count -= 1
            return None
        waiter: Waiter = Waiter()
        entry = (waiter, monotonic())
        self._idle.append(entry)
        if not self._pruning and self._count > self._always:
            self._pruning = True
            self._greenlets.spawn("http routing prune", self._prune)
        found: Request | None = waiter.get()
        return found

    def _ask(self, connection: Connection, request: Request) -> None:
        try:
            try:
                connection.ask(request)
            except Broken as broken:
                if not (broken.silent and connection.was_reused):
                    raise
                connection.ask(request)  # the server closed the idle connection as our request was sent
        except TimeoutError:
            connection.close()
            self._late(request)
        except NoConnection as failure:
            connection.close()
            self._fail(request, "%s can't be reached: %s", failure)
        except Broken as broken:
            connection.close()
            self._fail(request, "%s: %s", broken)
        except OSError as error:
            connection.close()
            self._fail(request, "%s: no connection: %s", error)
        except HTTPParseError as error:
            connection.close()
            self._fail(request, "%s: the answer is no HTTP: %s", error)
        except Exception as error:
            connection.close()
            logger.exception("Asking %s failed unexpectedly", self._endpoint.name)
            request.settle(self._unavailable(repr(error)))

    def _late(self, request: Request) -> None:
        self._fail(request, "%s: no answer within %s s", f"{self._limits.total:g}")

    def _fail(self, request: Request, trouble: str, details: object) -> None:
        """Settle a request with an error, unless it is settled, and log that; each `trouble` is a kind of line."""
        if not request.is_settled:
            logger.warning(trouble, self._endpoint.name, details)
            request.settle(BackendUnavailable(trouble % (self._endpoint.name, details)))
