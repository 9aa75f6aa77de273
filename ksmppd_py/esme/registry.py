"""Who is bound, what is known of each account, and which receiving bind has most room."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from sys import maxsize
from typing import Protocol

from ksmppd_py.model.account import Account
from ksmppd_py.model.esme import (
    BindSnapshot,
    BindSnapshots,
    Esme,
    EsmeSnapshot,
    ServerMeters,
    ServerSnapshot,
)
from ksmppd_py.model.meters import Load
from ksmppd_py.model.ports import Receiver

NO_ROOM = maxsize
"""The load of a bind that may be sent nothing now."""
CANDIDATES = 8
"""Binds that are compared for each message: all that most accounts have, and of a thousand those whose turn it is."""


class Bound(Receiver, Protocol):
    """A bound session, as the registry sees it."""

    bind_id: int
    bind_type: int

    @property
    def receives(self) -> bool:
        """Whether it may be sent deliver_sm now."""

    @property
    def load(self) -> int:
        """deliver_sm open and queued; NO_ROOM when it may be sent none now."""

    @property
    def room(self) -> int:
        """How many more deliver_sm it may have open; 0 or less = none."""

    def snapshot(self, now: float) -> BindSnapshot:
        """What esme-status shows of it; `now` is epoch seconds."""

    def refresh(self, account: Account) -> None:
        """Take over changed settings of its account. Doesn't yield."""

    def request_unbind(self) -> None:
        """Unbind it and close; returns at once."""


class EsmeRegistry:
    """All accounts seen since the start, and their binds. Implements model.ports.Receivers."""

    def __init__(
        self, meters: ServerMeters, clock: Callable[[], float], monotonic: Callable[[], float]
    ) -> None:
        self.meters = meters
        self._clock = clock
        self._monotonic = monotonic
        self._esmes: dict[str, Esme] = {}
        self._binds: dict[str, deque[Bound]] = {}

    def binds_of(self, system_id: str) -> int:
        """How many binds of any type the account has."""
        return len(self._binds.get(system_id, ()))

    def find(self, system_id: str) -> Esme | None:
        """The account's entry; None when it was never bound since the start."""
        return self._esmes.get(system_id)

    def esme_of(self, account: Account) -> Esme:
        """The account's entry with the settings of its newest bind.

        Whether it is billed holds for its other binds too, as its throughput does; the rest is each bind's own.
        """
        esme = self._esmes.get(account.system_id)
        if esme is None:
            esme = self._esmes[account.system_id] = Esme(account, self._clock(), self._monotonic())
        else:
            esme.rebind(account, self._monotonic())
        return esme

    def bound_accounts(self) -> list[Account]:
        """The settings of all accounts that have binds. Doesn't yield."""
        return [self._esmes[system_id].account for system_id in self._binds]

    def refresh(self, account: Account) -> None:
        """An account's settings changed: its binds go on with them. Doesn't yield."""
        esme = self._esmes.get(account.system_id)
        if esme is None:
            return
        esme.rebind(account, self._monotonic())
        for bind in self._binds.get(account.system_id, ()):
            bind.refresh(account)

    def count_answers(self, esme: Esme, outbound: Load, count: int) -> None:
        """A bind with that load answered so many deliver_sm."""
        now = int(self._clock())
        for load in (outbound, esme.outbound, self.meters.outbound):
            load.add(count, now)
        self.meters.outbound_processed += count

    def add(self, system_id: str, bind: Bound) -> None:
        """A bind was accepted."""
        self._binds.setdefault(system_id, deque()).append(bind)

    def remove(self, system_id: str, bind: Bound) -> None:
        """A bind ended; its slot is free at once. Does nothing when it isn't there."""
        binds = self._binds.get(system_id)
        if binds is not None and bind in binds:
            binds.remove(bind)
            if not binds:
                del self._binds[system_id]

    def best(self, system_id: str) -> Bound | None:
        """The receiving bind with fewest open and queued deliver_sm of the next CANDIDATES; of equals, each in turn."""
        binds = self._binds.get(system_id)
        if binds is None:
            return None
        best, least, position = None, NO_ROOM, 0
        for index, bind in enumerate(binds):
            if index >= CANDIDATES and best is not None:
                break
            load = bind.load
            if load < least:
                best, least, position = bind, load, index
                if not load:
                    break
        if best is not None:
            binds.rotate(-position - 1)
        return best

    def bound(self, system_id: str) -> bool:
        """Whether the account has a receiving bind, with room or not."""
        return any(bind.receives for bind in self._binds.get(system_id, ()))

    def room(self, system_id: str) -> int:
        """How many more deliver_sm the account's binds may have open."""
        return sum(max(0, bind.room) for bind in self._binds.get(system_id, ()) if bind.receives)

    def receiving(self) -> list[str]:
        """The accounts that have a receiving bind, with room or not."""
        return [system_id for system_id, binds in self._binds.items() if any(bind.receives for bind in binds)]

    def esmes(self) -> list[Esme]:
        """All accounts that ever bound, in the order of their first bind."""
        return list(self._esmes.values())

    def binds_by_type(self) -> dict[tuple[str, int], int]:
        """Live binds by account and bind_type."""
        found: dict[tuple[str, int], int] = {}
        for system_id, binds in self._binds.items():
            for bind in binds:
                key = (system_id, bind.bind_type)
                found[key] = found.get(key, 0) + 1
        return found

    def unbind(self, system_id: str, bind_id: int | None) -> int | None:
        """Unbind all binds of an account or one; how many, or None when the account was never bound."""
        if system_id not in self._esmes:
            return None
        chosen = [b for b in self._binds.get(system_id, ()) if bind_id is None or b.bind_id == bind_id]
        for bind in chosen:
            bind.request_unbind()
        return len(chosen)

    def snapshot(self) -> ServerSnapshot:
        """A picture of everything for operators."""
        now = self._clock()
        second = int(now)
        meters = self.meters
        return ServerSnapshot(
            inbound_processed=meters.inbound_processed,
            inbound_load=meters.inbound.rates(second),
            outbound_processed=meters.outbound_processed,
            outbound_load=meters.outbound.rates(second),
            esmes=tuple(self._esme_snapshot(self._esmes[name], now) for name in sorted(self._esmes)),
        )

    def _esme_snapshot(self, esme: Esme, now: float) -> EsmeSnapshot:
        second = int(now)
        counters = esme.counters
        binds = sorted(self._binds.get(esme.system_id, ()), key=lambda bind: bind.bind_id)
        return EsmeSnapshot(
            system_id=esme.system_id,
            max_binds=esme.account.max_binds,
            inbound_load=esme.inbound.rates(second),
            max_inbound_load=esme.account.throughput,
            outbound_load=esme.outbound.rates(second),
            mt=counters.mt,
            mo=counters.mo,
            dlr=counters.dlr,
            errors=counters.errors,
            binds=BindSnapshots(binds, now),
        )
