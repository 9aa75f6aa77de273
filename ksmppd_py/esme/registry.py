"""The accounts that have bound since the start, their live binds, and the choice of a bind for each deliver_sm.

Loads and throughput are by docs/rules/smpp-session.md 6.
"""

from __future__ import annotations

from collections import deque
from sys import maxsize
from typing import Protocol

from ksmppd_py.model.account import Account
from ksmppd_py.model.clock import Clock
from ksmppd_py.model.esme import (
    BindSnapshot,
    BindSnapshots,
    Esme,
    EsmeSnapshot,
    ServerMeters,
    ServerSnapshot,
)
from ksmppd_py.model.events import EventKind
from ksmppd_py.model.meters import Load
from ksmppd_py.model.ports import Receiver

NO_ROOM = maxsize
"""The load of a bind that may be sent no deliver_sm now."""
CANDIDATES = 8
"""Binds that are compared for each message; of an account with more of them, the next ones in turn."""


class Bound(Receiver, Protocol):
    """A bound session, as the registry sees it."""

    bind_id: int

    @property
    def bind_type(self) -> int:
        """The smpp.session_state.BindType."""

    @property
    def receives(self) -> bool:
        """Whether its state lets it be sent deliver_sm."""

    @property
    def load(self) -> int:
        """Number of deliver_sm unanswered plus frames unsent; NO_ROOM when it may be sent none now."""

    @property
    def room(self) -> int:
        """Number of further deliver_sm that may be unanswered; 0 or less = none."""

    def snapshot(self, now: float) -> BindSnapshot:
        """Return the bind's state for operators; `now` is epoch seconds."""

    def refresh(self, account: Account) -> None:
        """Take over changed settings of its account. Doesn't yield."""

    def request_unbind(self) -> None:
        """Start unbinding it, in a greenlet of its own. Doesn't yield."""


MOST_CHANGED = 1000
"""Changes of accounts that are remembered; a bind that took more of them to authenticate does so again."""


class EsmeRegistry:
    """All accounts seen since the start, and their live binds. Implements model.ports.Receivers. No method yields."""

    def __init__(self, meters: ServerMeters, clock: Clock) -> None:
        self.meters = meters
        self._clock = clock
        self._esmes: dict[str, Esme] = {}
        self._binds: dict[str, deque[Bound]] = {}
        self._changed: deque[str] = deque(maxlen=MOST_CHANGED)
        self.changes = 0
        """The number of changes that were noted."""

    def binds_of(self, system_id: str) -> int:
        """Return the number of binds of any type that the account has."""
        return len(self._binds.get(system_id, ()))

    def find(self, system_id: str) -> Esme | None:
        """Return the account's entry; None when it hasn't bound since the start."""
        return self._esmes.get(system_id)

    def esme_of(self, account: Account) -> Esme:
        """Return the account's entry, created or updated with the settings of its newest bind.

        Billing and throughput are the account's, so they change for its other binds too; other settings are each bind's
        own.
        """
        esme = self._esmes.get(account.system_id)
        if esme is None:
            esme = self._esmes[account.system_id] = Esme(account, self._clock.time(), self._clock.monotonic())
        else:
            esme.rebind(account, self._clock.monotonic())
        return esme

    def bound_accounts(self) -> list[Account]:
        """The settings of all accounts that have binds. Doesn't yield."""
        return [self._esmes[system_id].account for system_id in self._binds]

    def note_change(self, system_id: str) -> None:
        """Note that an operator changed an account's row; binds under way may know the former one."""
        self.changes += 1
        self._changed.append(system_id)

    def has_changed(self, system_id: str, since: int) -> bool:
        """Whether the row may have changed since `changes` was `since`."""
        count = self.changes - since
        if count > MOST_CHANGED:
            return True
        return count > 0 and system_id in list(self._changed)[-count:]

    def refresh(self, account: Account) -> None:
        """Take over changed settings of an account, for its binds too."""
        esme = self._esmes.get(account.system_id)
        if esme is None:
            return
        esme.rebind(account, self._clock.monotonic())
        for bind in self._binds.get(account.system_id, ()):
            bind.refresh(account)

    def count_answers(self, esme: Esme, outbound: Load, count: int) -> None:
        """Count `count` deliver_sm_resp of a bind whose load is `outbound`."""
        now = int(self._clock.time())
        for load in (outbound, esme.outbound, self.meters.outbound):
            load.add(count, now)
        self.meters.outbound_processed += count

    def add(self, system_id: str, bind: Bound) -> None:
        """Register an accepted bind."""
        self._binds.setdefault(system_id, deque()).append(bind)
        self._add_event(EventKind.BIND, system_id, bind)

    def remove(self, system_id: str, bind: Bound) -> None:
        """Remove a bind that ended, which frees its place under max_binds. Does nothing when it isn't registered."""
        binds = self._binds.get(system_id)
        if binds is not None and bind in binds:
            binds.remove(bind)
            if not binds:
                del self._binds[system_id]
            self._add_event(EventKind.UNBIND, system_id, bind)

    def _add_event(self, kind: EventKind, system_id: str, bind: Bound) -> None:
        now = self._clock.time()
        state = bind.snapshot(now)
        fields: dict[str, object] = {"system_id": system_id, "bind_id": bind.bind_id, "ip": state.ip}
        if kind is EventKind.BIND:
            text = f"{system_id} bound from {state.ip}"
            fields["bind_type"] = bind.bind_type
        else:
            text = f"{system_id} from {state.ip} has unbound"
            fields.update(seconds=state.uptime, mt=state.mt, mo=state.mo, dlr=state.dlr, errors=state.errors)
        self.meters.events.add(kind, text, now, fields)

    def best(self, system_id: str) -> Bound | None:
        """Return the receiving bind of lowest load among the next CANDIDATES, equals in turn; None without room."""
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
        """Return how many more deliver_sm may be unanswered on all binds of the account."""
        return sum(max(0, bind.room) for bind in self._binds.get(system_id, ()) if bind.receives)

    def receiving(self) -> list[str]:
        """The accounts that have a receiving bind, with room or not."""
        return [system_id for system_id, binds in self._binds.items() if any(bind.receives for bind in binds)]

    def esmes(self) -> list[Esme]:
        """Return all accounts that bound since the start, in the order of their first bind."""
        return list(self._esmes.values())

    def binds_by_type(self) -> dict[tuple[str, int], int]:
        """Return the number of live binds by account and bind_type."""
        found: dict[tuple[str, int], int] = {}
        for system_id, binds in self._binds.items():
            for bind in binds:
                key = (system_id, bind.bind_type)
                found[key] = found.get(key, 0) + 1
        return found

    def unbind(self, system_id: str, bind_id: int | None) -> int | None:
        """Start unbinding all binds of an account, or one; return how many, or None when the account never bound."""
        if system_id not in self._esmes:
            return None
        chosen = [b for b in self._binds.get(system_id, ()) if bind_id is None or b.bind_id == bind_id]
        for bind in chosen:
            bind.request_unbind()
        return len(chosen)

    def snapshot(self) -> ServerSnapshot:
        """Return the state of all accounts and binds for operators."""
        now = self._clock.time()
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
