"""Limits how many passwords an address may guess."""

from __future__ import annotations

import hashlib
import logging
import math
from collections import Counter, deque
from collections.abc import Callable
from time import monotonic

from ksmppd_py.ip_addresses import plain, source_of
from ksmppd_py.logs import EACH

logger = logging.getLogger(__name__)

MOST_GUESSES = 5
"""Wrong passwords that an address may send within WINDOW."""
WINDOW = 60.0
"""Seconds in which an address may send MOST_GUESSES wrong passwords."""
MOST_ADDRESSES = 10_000
"""Addresses whose wrong passwords are counted."""


class TooManyGuesses(Exception):
    """An address sent too many wrong passwords and has to wait `seconds`; `headers` are for the answer."""

    def __init__(self, seconds: float) -> None:
        whole = max(1, math.ceil(seconds))
        super().__init__(f"wait {whole} s")
        self.headers = (("Retry-After", str(whole)),)


class _Address:
    """The times of wrong passwords within WINDOW, and the passwords that are being checked, as digests."""

    __slots__ = ("checking", "wrong")

    def __init__(self) -> None:
        self.wrong: deque[float] = deque()
        self.checking: Counter[bytes] = Counter()


class GuessLimit:
    """Checks passwords, each address's at a bounded rate.

    While an address has to wait its passwords aren't checked, not even a right one; otherwise guessing would go on. A
    right one clears nothing: an operator could guess the password of another one between sign-ins of their own.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._addresses: dict[str, _Address] = {}

    def check(self, ip: str, given: bytes, is_right: Callable[[], bool]) -> bool:
        """Return what `is_right` says; a wrong password is counted and logged. Raises TooManyGuesses.

        `given` is the guess: the password, with the username where there are several.
        An empty one isn't checked. Yields if `is_right` does.
        """
        if not given:
            return False
        address = self._enter(source_of(ip))
        digest = hashlib.sha256(given).digest()
        others = len(address.checking) - (digest in address.checking)
        if len(address.wrong) + others >= MOST_GUESSES:
            raise TooManyGuesses(address.wrong[0] + WINDOW - self._now() if address.wrong else 1.0)
        address.checking[digest] += 1
        try:
            right = is_right()
        finally:
            address.checking[digest] -= 1
            address.checking += Counter()  # without those at 0
        if not right:
            address.wrong.append(self._now())
            logger.warning("Wrong password for the administration port from %s", plain(ip), extra=EACH)
        return right

    def _enter(self, source: str) -> _Address:
        """Return the address's entry as the newest one, without guesses of before WINDOW."""
        address = self._addresses.pop(source, None) or _Address()
        self._addresses[source] = address
        while address.wrong and address.wrong[0] <= self._now() - WINDOW:
            address.wrong.popleft()
        if len(self._addresses) > MOST_ADDRESSES:
            del self._addresses[next(iter(self._addresses))]
        return address
