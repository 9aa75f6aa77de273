"""Limits how many bind requests of one address are at the authenticator at a time (docs/rules/smpp-session.md 2)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import gevent
from gevent.event import AsyncResult

from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.ip_addresses import source_of

PATIENCE = 10.0
"""Seconds that a bind request waits until its address may ask the authenticator again."""
LEAST_SHARE = 8
SHARE = 8
"""One address may have `max-unbound-connections` / SHARE requests at the authenticator, at least LEAST_SHARE."""

BLOCKED, BUSY, LEFT = "blocked", "busy", "left"
CALLED = "called"


class NotAdmitted(Exception):
    """The authenticator isn't asked: the address is BLOCKED or too BUSY, or the connection has LEFT."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Turn:
    """One bind request of the address `ip`, waiting or not. `guess` is its system_id and password."""

    __slots__ = ("_verdict", "guess", "ip", "is_counted", "source")

    def __init__(self, ip: str, guess: tuple[bytes, bytes]) -> None:
        self.ip = ip
        self.source = source_of(ip)
        self.guess = guess
        self.is_counted = False
        self._verdict: AsyncResult | None = None

    @property
    def waits(self) -> bool:
        """Whether the request waits for other requests of its address."""
        return self._verdict is not None and not self._verdict.ready()

    def settle(self, verdict: str) -> None:
        """End the wait, if there is one, with CALLED or a reason of NotAdmitted. Doesn't yield."""
        if self._verdict is not None and not self._verdict.ready():
            self._verdict.set(verdict)

    def wait(self, patience: float) -> None:
        """Wait until `settle` is called, at most `patience` seconds. May yield. Raises NotAdmitted."""
        self._verdict = AsyncResult()
        limit = gevent.Timeout.start_new(patience)
        try:
            verdict = self._verdict.get()
        except gevent.Timeout as timeout:
            if timeout is not limit:
                raise
            verdict = BUSY
        finally:
            limit.cancel()
            self._verdict = None
        if verdict != CALLED:
            raise NotAdmitted(verdict)


class _Address:
    """The bind requests of one address or IPv6 /64 network, at the authenticator and waiting."""

    __slots__ = ("asking", "guesses", "waiting")

    def __init__(self) -> None:
        self.guesses: dict[tuple[bytes, bytes], int] = {}
        self.asking = 0
        self.waiting: deque[Turn] = deque()


class Admission:
    """Lets bind requests through to the authenticator, address by address.

    An address that is blocked after n more failures has at most n different guesses at the authenticator. Requests with
    the same system_id and password are one guess, so an ESME with many binds isn't held up.
    """

    def __init__(
        self,
        blocklist: BlockList,
        most_unbound: int,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._blocklist = blocklist
        self._clock = clock
        self._patience = patience
        self._addresses: dict[str, _Address] = {}
        self.change(most_unbound)

    def change(self, most_unbound: int) -> None:
        """Take over another `max-unbound-connections`. Doesn't yield."""
        self._share = max(LEAST_SHARE, most_unbound // SHARE)

    @contextmanager
    def take(self, turn: Turn) -> Iterator[None]:
        """Wait for admission, and count as being at the authenticator while the `with` block runs.

        May yield on entering, not on leaving. Raises NotAdmitted.
        """
        address = self._enter(turn)
        try:
            yield
        finally:
            self._leave(turn, address)

    def is_blocked(self, ip: str) -> bool:
        """Whether the address is on the block list now."""
        return self._blocklist.blocks(ip, self._clock())

    def _enter(self, turn: Turn) -> _Address:
        if self.is_blocked(turn.ip):
            raise NotAdmitted(BLOCKED)
        address = self._addresses.get(turn.source)
        if address is None:
            address = self._addresses[turn.source] = _Address()
        if self._has_room(address, turn, self._left(turn.ip)):
            self._count(address, turn)
            return address
        address.waiting.append(turn)
        try:
            turn.wait(self._patience)
        except BaseException:
            if turn.is_counted:  # it was called, and then its greenlet ended
                self._leave(turn, address)
            elif turn in address.waiting:
                address.waiting.remove(turn)
            raise
        return address

    def _left(self, ip: str) -> int | None:
        return self._blocklist.left(ip, self._clock())

    def _has_room(self, address: _Address, turn: Turn, left: int | None) -> bool:
        if address.asking >= self._share:
            return False
        return left is None or turn.guess in address.guesses or len(address.guesses) < left

    @staticmethod
    def _count(address: _Address, turn: Turn) -> None:
        turn.is_counted = True
        address.asking += 1
        address.guesses[turn.guess] = address.guesses.get(turn.guess, 0) + 1

    def _leave(self, turn: Turn, address: _Address) -> None:
        turn.is_counted = False
        address.asking -= 1
        address.guesses[turn.guess] -= 1
        if not address.guesses[turn.guess]:
            del address.guesses[turn.guess]
        if address.waiting:
            self._call(turn.ip, address)
        if not address.asking and not address.waiting:
            del self._addresses[turn.source]

    def _call(self, ip: str, address: _Address) -> None:
        """Admit the waiting requests that have room now, in order; when the address is blocked end them all.

        Doesn't yield.
        """
        blocked, left = self.is_blocked(ip), self._left(ip)
        waiting, later = address.waiting, deque[Turn]()
        while waiting and (blocked or address.asking < self._share):
            turn = waiting.popleft()
            if blocked:
                turn.settle(BLOCKED)
            elif not self._has_room(address, turn, left):
                later.append(turn)
            elif turn.waits:
                self._count(address, turn)
                turn.settle(CALLED)
        later.extend(waiting)
        address.waiting = later
