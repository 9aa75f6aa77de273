"""Addresses with too many bad binds: wrong credentials, forbidden addresses (docs/rules/smpp-session.md 2; D-29)."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from ksmppd_py.config import KsmppdGroup
from ksmppd_py.ip_addresses import matches, source_of
from ksmppd_py.logs import EACH
from ksmppd_py.model.esme import BlockedAddress

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _Record:
    last_failure: float
    attempts: int = 0
    is_logged: bool = False
    of_name: dict[str, int] = field(default_factory=dict)


class BlockList:
    """Blocks an address after ip-blocklist-attempts failures with no gap above ip-blocklist-time seconds; 0: never.

    A whole IPv6 /64 network counts as one address, because one customer usually has all of it. `now` is monotonic
    seconds. A `name` is the system_id of a bind request, in lower case. No method yields.

    Above so many `addresses` the one that failed longest ago is forgotten. The failures of so many `names` are counted
    apart at one address; those of further names aren't forgiven by a good bind.
    """

    def __init__(self, settings: KsmppdGroup, addresses: int = 100_000, names: int = 20) -> None:
        self._most_addresses = addresses
        self._most_names = names
        self._records: dict[str, _Record] = {}
        self.reconfigure(settings)

    def reconfigure(self, settings: KsmppdGroup) -> None:
        """Judge by these settings from now on; failures that were counted stay counted."""
        self._attempts = settings.ip_blocklist_attempts
        self._time = settings.ip_blocklist_time
        self._exempt = " ".join(settings.ip_blocklist_exempt_ips)

    def __len__(self) -> int:
        return len(self._records)

    def blocks(self, ip: str, now: float) -> bool:
        """Whether `ip` may neither connect nor bind at `now`. Drops a record whose time is over."""
        source = source_of(ip)
        record = self._records.get(source)
        if record is None:
            return False
        if now - record.last_failure > self._time:
            del self._records[source]
            return False
        # The failures may be of another address of its network, or from a time with other settings.
        return record.attempts >= self._attempts and not self._exempts(ip)

    def failures_left(self, ip: str, now: float) -> int | None:
        """Return after how many more failures `ip` is blocked; 0 = it is blocked, None = it never will be."""
        if self._exempts(ip):
            return None
        if self.blocks(ip, now):
            return 0
        record = self._records.get(source_of(ip))
        return self._attempts - (record.attempts if record is not None else 0)

    def failed(self, ip: str, name: str, now: float) -> bool:
        """Count a refused bind of `ip`; return whether it blocks the address, which is logged."""
        if self._exempts(ip):
            return False
        ip = source_of(ip)
        record = self._records.pop(ip, None)
        if record is None or now - record.last_failure > self._time:
            record = _Record(now)
        record.attempts += 1
        record.last_failure = now
        if name in record.of_name or len(record.of_name) < self._most_names:
            record.of_name[name] = record.of_name.get(name, 0) + 1
        self._records[ip] = record
        if len(self._records) > self._most_addresses:
            del self._records[next(iter(self._records))]
        if record.attempts >= self._attempts and not record.is_logged:
            record.is_logged = True
            logger.warning(
                "%s is blocked for %g s: %d refused binds", ip, self._time, record.attempts, extra=EACH
            )
            return True
        return False

    def succeeded(self, ip: str, name: str) -> None:
        """Forgive the failures of `name` at `ip`, whose bind was accepted; those of other names stay."""
        ip = source_of(ip)
        record = self._records.get(ip)
        if record is None:
            return
        record.attempts -= record.of_name.pop(name, 0)
        if not record.attempts:
            del self._records[ip]

    def _exempts(self, ip: str) -> bool:
        """Whether the settings, as they are now, exempt `ip`."""
        return self._attempts <= 0 or bool(self._exempt and matches(self._exempt, ip))

    def blocked(self, now: float) -> list[BlockedAddress]:
        """Return the addresses that may not connect at `now`, longest blocked first."""
        return [
            BlockedAddress(ip, record.attempts, max(0, round(record.last_failure + self._time - now)))
            for ip, record in self._records.items()
            if record.attempts >= self._attempts
            and now - record.last_failure <= self._time
            and not self._exempts(ip)
        ]

    def clear(self, ip: str | None, now: float) -> int:
        """Forget one address (also "network/64"), or all with None; return how many were blocked at `now`."""
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
