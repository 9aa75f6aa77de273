"""Addresses with too many refused binds: wrong credentials and forbidden addresses, nothing else (D-29)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from ksmppd_py.ip_addresses import matches, source_of
from ksmppd_py.logs import EACH
from ksmppd_py.model.esme import BlockedAddress

logger = logging.getLogger(__name__)

MOST_ADDRESSES = 100_000
"""Addresses remembered; above it the one that failed longest ago is forgiven."""
MOST_NAMES = 20
"""Names whose failures are told apart at one address; those of further ones can't be forgiven."""


@dataclass(slots=True)
class _Record:
    last_failure: float
    attempts: int = 0
    is_told: bool = False
    of_name: dict[str, int] = field(default_factory=dict)


class BlockList:
    """Blocks an address at `attempts` failures with no gap above `time` seconds; attempts <= 0 = never.

    Of IPv6 addresses a whole /64 network counts as one: whoever has one of them has them all.
    `now` is monotonic seconds. A `name` is the system_id that a bind request had, in lower case.
    """

    def __init__(self, attempts: int, time: float, exempt: str = "") -> None:
        self._attempts = attempts
        self._time = time
        self._exempt = exempt
        self._records: dict[str, _Record] = {}

    def change(self, attempts: int, time: float, exempt: str) -> None:
        """Judge by these from now on; failures that were counted stay so."""
        self._attempts, self._time, self._exempt = attempts, time, exempt

    def __len__(self) -> int:
        return len(self._records)

    def blocks(self, ip: str, now: float) -> bool:
        """Whether `ip` may neither connect nor bind at `now`; an old record is forgotten."""
        source = source_of(ip)
        record = self._records.get(source)
        if record is None:
            return False
        if now - record.last_failure > self._time:
            del self._records[source]
            return False
        # A neighbour in its network may have failed, or the settings were others.
        return record.attempts >= self._attempts and not self._spares(ip)

    def left(self, ip: str, now: float) -> int | None:
        """How many failures of `ip` will block it, 0 when it is blocked, None when none will."""
        if self._spares(ip):
            return None
        if self.blocks(ip, now):
            return 0
        record = self._records.get(source_of(ip))
        return self._attempts - (record.attempts if record is not None else 0)

    def failed(self, ip: str, name: str, now: float) -> None:
        """Count a refused bind of `ip`. The one that blocks it is told in the log."""
        if self._spares(ip):
            return
        ip = source_of(ip)
        record = self._records.pop(ip, None)
        if record is None or now - record.last_failure > self._time:
            record = _Record(now)
        record.attempts += 1
        record.last_failure = now
        if name in record.of_name or len(record.of_name) < MOST_NAMES:
            record.of_name[name] = record.of_name.get(name, 0) + 1
        self._records[ip] = record
        if len(self._records) > MOST_ADDRESSES:
            del self._records[next(iter(self._records))]
        if record.attempts >= self._attempts and not record.is_told:
            record.is_told = True
            logger.warning(
                "%s is blocked for %g s: %d refused binds", ip, self._time, record.attempts, extra=EACH
            )

    def succeeded(self, ip: str, name: str) -> None:
        """A bind of `name` from `ip` was accepted: that name's failures are forgiven, no other's."""
        ip = source_of(ip)
        record = self._records.get(ip)
        if record is None:
            return
        record.attempts -= record.of_name.pop(name, 0)
        if not record.attempts:
            del self._records[ip]

    def _spares(self, ip: str) -> bool:
        """Whether the settings, as they are now, let `ip` fail as often as it likes."""
        return self._attempts <= 0 or bool(self._exempt and matches(self._exempt, ip))

    def blocked(self, now: float) -> list[BlockedAddress]:
        """The addresses that may not connect at `now`, longest blocked first."""
        return [
            BlockedAddress(ip, record.attempts, max(0, round(record.last_failure + self._time - now)))
            for ip, record in self._records.items()
            if record.attempts >= self._attempts
            and now - record.last_failure <= self._time
            and not self._spares(ip)
        ]

    def clear(self, ip: str | None, now: float) -> int:
        """Forgive one address, or all; return how many of them were blocked at `now`."""
        ip = ip if ip is None else source_of(ip.removesuffix("/64"))
        blocked = [each.ip for each in self.blocked(now) if ip is None or each.ip == ip]
        if ip is None:
            self._records.clear()
        else:
            self._records.pop(ip, None)
        return len(blocked)

    def forget_old(self, now: float) -> None:
        """Drop the records whose time is over; the oldest come first."""
        for ip, record in list(self._records.items()):
            if now - record.last_failure <= self._time:
                return
            del self._records[ip]
