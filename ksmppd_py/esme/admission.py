"""Limits how many bind requests of one address are at the authenticator at a time (docs/rules/smpp-session.md 2)."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

import gevent
from gevent.event import AsyncResult

from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.ip_addresses import source_of
from ksmppd_py.model.clock import Clock

ADMISSION_TIMEOUT = 10.0
"""Seconds that a bind request waits until its address may ask the authenticator again."""
LEAST_SHARE = 8
"""Requests that one address may have at the authenticator, however small the limit is."""
SHARE = 8
"""One address may have `max-unbound-connections` / SHARE requests at the authenticator, and LEAST_SHARE at least."""

BLOCKED, BUSY, DISCONNECTED = "blocked", "busy", "disconnected"
ADMITTED = "admitted"


class NotAdmitted(Exception):
    """The authenticator isn't asked: the address is BLOCKED or too BUSY, or the connection has DISCONNECTED."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class BindAttempt:
    """One bind request of the address `ip`, waiting or not. `credentials` are its system_id and password."""

    __slots__ = ("_verdict", "credentials", "ip", "is_counted", "source")

    def __init__(self, ip: str, credentials: tuple[bytes, bytes]) -> None:
        self.ip = ip
        self.source = source_of(ip)
        self.credentials = credentials
        self.is_counted = False
        self._verdict: AsyncResult | None = None

    @property
    def waits(self) -> bool:
        """Whether the request waits for other requests of its address."""
        return self._verdict is not None and not self._verdict.ready()

    def settle(self, verdict: str) -> None:
        """End the wait, if there is one, with ADMITTED or the reason of a NotAdmitted. Doesn't yield."""
        if self._verdict is not None and not self._verdict.ready():
            self._verdict.set(verdict)

    def wait(self, timeout: float) -> None:
        """Wait until `settle` is called, for at most `timeout` seconds. May yield. Raises NotAdmitted."""
        self._verdict = AsyncResult()
        limit = gevent.Timeout.start_new(timeout)
        try:
            verdict = self._verdict.get()
        except gevent.Timeout as expired:
            if expired is not limit:
                raise
            verdict = BUSY
        finally:
            limit.cancel()
            self._verdict = None
        if verdict != ADMITTED:
            raise NotAdmitted(verdict)


class _Address:
    """The bind requests of one address or IPv6 /64 network, at the authenticator and waiting."""

    __slots__ = ("asking", "open_credentials", "waiting")

    def __init__(self) -> None:
        self.open_credentials: dict[tuple[bytes, bytes], int] = {}
        self.asking = 0
        self.waiting: deque[BindAttempt] = deque()


class Admission:
    """Lets bind requests through to the authenticator, address by address.

    An address that is blocked after n more failures has at most n different passwords at the authenticator. Requests
    with the same system_id and password count once, so an ESME with many binds doesn't wait.
    """

    def __init__(
        self,
        blocklist: BlockList,
        most_unbound: int,
        clock: Clock = time,
        timeout: float = ADMISSION_TIMEOUT,
    ) -> None:
        self._blocklist = blocklist
        self._clock = clock
        self._timeout = timeout
        self._addresses: dict[str, _Address] = {}
        self.reconfigure(most_unbound)

    def reconfigure(self, most_unbound: int) -> None:
        """Take over another `max-unbound-connections`. Doesn't yield."""
        self._share = max(LEAST_SHARE, most_unbound // SHARE)

    @contextmanager
    def take(self, attempt: BindAttempt) -> Iterator[None]:
        """Wait for admission, and count as being at the authenticator while the `with` block runs.

        May yield on entering, not on leaving. Raises NotAdmitted.
        """
        address = self._enter(attempt)
        try:
            yield
        finally:
            self._leave(attempt, address)

    def is_blocked(self, ip: str) -> bool:
        """Whether the address is on the block list now."""
        return self._blocklist.blocks(ip, self._clock.monotonic())

    def _enter(self, attempt: BindAttempt) -> _Address:
        if self.is_blocked(attempt.ip):
            raise NotAdmitted(BLOCKED)
        address = self._addresses.get(attempt.source)
        if address is None:
            address = self._addresses[attempt.source] = _Address()
        if self._has_room(address, attempt, self._failures_left(attempt.ip)):
            self._count(address, attempt)
            return address
        address.waiting.append(attempt)
        try:
            attempt.wait(self._timeout)
        except BaseException:
            if attempt.is_counted:  # it was admitted, and then its greenlet ended
                self._leave(attempt, address)
            elif attempt in address.waiting:
                address.waiting.remove(attempt)
            raise
        return address

    def _failures_left(self, ip: str) -> int | None:
        return self._blocklist.failures_left(ip, self._clock.monotonic())

    def _has_room(self, address: _Address, attempt: BindAttempt, left: int | None) -> bool:
        if address.asking >= self._share:
            return False
        return (
            left is None
            or attempt.credentials in address.open_credentials
            or len(address.open_credentials) < left
        )

    @staticmethod
    def _count(address: _Address, attempt: BindAttempt) -> None:
        attempt.is_counted = True
        address.asking += 1
        address.open_credentials[attempt.credentials] = (
            address.open_credentials.get(attempt.credentials, 0) + 1
        )

    def _leave(self, attempt: BindAttempt, address: _Address) -> None:
        attempt.is_counted = False
        address.asking -= 1
        address.open_credentials[attempt.credentials] -= 1
        if not address.open_credentials[attempt.credentials]:
            del address.open_credentials[attempt.credentials]
        if address.waiting:
            self._admit_waiting(attempt.ip, address)
        if not address.asking and not address.waiting:
            del self._addresses[attempt.source]

    def _admit_waiting(self, ip: str, address: _Address) -> None:
        """Admit the waiting requests that have room now, in order; when the address is blocked end them all.

        Doesn't yield.
        """
        blocked, left = self.is_blocked(ip), self._failures_left(ip)
        waiting, later = address.waiting, deque[BindAttempt]()
        while waiting and (blocked or address.asking < self._share):
            attempt = waiting.popleft()
            if blocked:
                attempt.settle(BLOCKED)
            elif not self._has_room(address, attempt, left):
                later.append(attempt)
            elif attempt.waits:
                self._count(address, attempt)
                attempt.settle(ADMITTED)
        later.extend(waiting)
        address.waiting = later
