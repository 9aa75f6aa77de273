"""Checks passwords against bcrypt hashes, 60 ms (cost 10) to 2 s each, without stopping the event loop."""

from __future__ import annotations

import contextlib
import hmac
import os
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable

import bcrypt
import gevent
from gevent.lock import BoundedSemaphore
from gevent.threadpool import ThreadPool

from ksmppd_py.errors import QueueFull
from ksmppd_py.transport.greenlets import GreenletGroup

CHECK_TIMEOUT = 10.0
"""Seconds that a bind waits for its check."""
MOST_WAITING = 1000
"""Checks that may wait at a time."""
MOST_REMEMBERED = 10_000
"""Results of checks that are remembered."""
_SIGNIFICANT = 72
"""Octets of a password that bcrypt uses."""
_NICENESS = 5


class _Running:
    """A check in progress: how many callers wait for it, and whether a thread has begun it."""

    __slots__ = ("begun", "greenlet", "waiting")
    greenlet: gevent.Greenlet

    def __init__(self) -> None:
        self.waiting = 0
        self.begun = False


class BcryptChecks:
    """Runs checks in threads of low priority, each pair of hash and password once at a time.

    A pair that matched is remembered, so that an ESME that binds a thousand times costs one check. No password is kept:
    the memory holds a digest of the pair (HMAC-SHA-256), with a key that is made at the start and exists only in this
    process. A hash that is changed in the table makes another pair, so the former password is checked, and refused, at
    once. Pairs that don't match aren't remembered.
    """

    def __init__(
        self,
        check: Callable[[bytes, bytes], bool] = bcrypt.checkpw,
        threads: int = 0,
        remembered: int = MOST_REMEMBERED,
        waiting: int = MOST_WAITING,
        patience: float = CHECK_TIMEOUT,
    ) -> None:
        """`threads` 0 = one for each processor, at most 4."""
        self._check = check
        self._threads = threads or min(4, len(os.sched_getaffinity(0)))
        self._remembered = remembered
        self._waiting = waiting
        self._patience = patience
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()
        self._running: dict[bytes, _Running] = {}
        self._greenlets = GreenletGroup("bcrypt")
        self._pool: ThreadPool | None = None
        self._turns = BoundedSemaphore(
            self._threads
        )  # the pool itself would take one more than it has threads

    def takes(self, hashed: bytes, password: bytes) -> bool:
        """Whether `hashed` is the hash of this password. May yield, at most `patience` seconds. Raises QueueFull."""
        pair = hmac.digest(self._key, b"%d:%b%b" % (len(hashed), hashed, password), "sha256")
        if pair in self._right:
            self._right.move_to_end(pair)
            return True
        running = self._running.get(pair)
        if running is None:
            if len(self._running) >= self._waiting:
                raise QueueFull(f"{len(self._running)} passwords wait for their check already")
            running = self._running[pair] = _Running()
            running.greenlet = self._greenlets.spawn(
                "bcrypt check", self._run, pair, running, hashed, password
            )
        return self._wait(pair, running)

    def close(self) -> None:
        """End all checks. May yield, at most as long as one takes."""
        self._greenlets.end(1.0)
        if self._pool is not None:
            self._pool.kill()

    def _wait(self, pair: bytes, running: _Running) -> bool:
        limit = gevent.Timeout.start_new(self._patience)
        running.waiting += 1
        try:
            return bool(running.greenlet.get())
        except gevent.Timeout as timeout:
            if timeout is not limit:
                raise
            raise QueueFull(f"no password check within {self._patience:g} s") from None
        finally:
            limit.cancel()
            running.waiting -= 1
            if not running.waiting and not running.begun:
                running.greenlet.kill(block=False)  # no caller waits for the result any more
                self._running.pop(pair, None)

    def _run(self, pair: bytes, running: _Running, hashed: bytes, password: bytes) -> bool:
        if self._pool is None:
            self._pool = ThreadPool(self._threads)
        try:
            with self._turns:
                running.begun = True
                check = self._pool.spawn(_check_politely, self._check, hashed, password[:_SIGNIFICANT])
                right = bool(check.get())
        finally:
            if self._running.get(pair) is running:
                del self._running[pair]
        if right:
            self._right[pair] = None
            if len(self._right) > self._remembered:
                self._right.popitem(last=False)
        return right


def _check_politely(check: Callable[[bytes, bytes], bool], hashed: bytes, password: bytes) -> bool:
    """Run the check, in its thread, at low priority, so that the event loop gets the processor first."""
    with contextlib.suppress(OSError):
        niceness = os.getpriority(os.PRIO_PROCESS, os.getpid()) + _NICENESS
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)  # on Linux: of this thread
    try:
        return check(password, hashed)
    except ValueError:
        return False
