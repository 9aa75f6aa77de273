"""Addresses with too many failed binds (spec/smpp-session.md 2)."""

from __future__ import annotations

from dataclasses import dataclass

from ksmppd_py.esme.addresses import matches
from ksmppd_py.model.esme import BlockedAddress

MOST_ADDRESSES = 100_000
"""Addresses remembered; above it the one that failed longest ago is forgiven."""


@dataclass(slots=True)
class _Record:
    attempts: int
    last_failure: float


class BlockList:
    """Blocks an address at `attempts` failures with no gap above `time` seconds; attempts <= 0 = never."""

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
        """Whether `ip` may not connect at `now` (monotonic seconds); an old record is forgotten."""
        record = self._records.get(ip)
        if record is None:
            return False
        if now - record.last_failure > self._time:
            del self._records[ip]
            return False
        return record.attempts >= self._attempts

    def failed(self, ip: str, now: float) -> None:
        """Count a failed bind of `ip`."""
        if self._attempts <= 0 or (self._exempt and matches(self._exempt, ip)):
            return
        record = self._records.pop(ip, None)
        if record is None or now - record.last_failure > self._time:
            record = _Record(0, now)
        record.attempts += 1
        record.last_failure = now
        self._records[ip] = record
        if len(self._records) > MOST_ADDRESSES:
            del self._records[next(iter(self._records))]

    def succeeded(self, ip: str) -> None:
        """A bind from `ip` was accepted: its failures are forgiven."""
        self._records.pop(ip, None)

    def blocked(self, now: float) -> list[BlockedAddress]:
        """The addresses that may not connect at `now`, longest blocked first."""
        return [
            BlockedAddress(ip, record.attempts, max(0, round(record.last_failure + self._time - now)))
            for ip, record in self._records.items()
            if record.attempts >= self._attempts and now - record.last_failure <= self._time
        ]

    def clear(self, ip: str | None, now: float) -> int:
        """Forgive one address, or all; return how many of them were blocked at `now`."""
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
