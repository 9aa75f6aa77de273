"""Chooses the accounts and binds that the dashboard lists: few enough to be sent and drawn every two seconds.

The numbers above the tables count everything; accounts that aren't listed can be found by name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ksmppd_py.admin.generic_format import values
from ksmppd_py.model.esme import BindSnapshot, EsmeSnapshot

MOST_ACCOUNTS = 200
"""Accounts on one page of the dashboard."""
MOST_BINDS = 200
"""Binds on one page of the dashboard; with more, accounts are folded."""


_ORDERS: Mapping[str, Callable[[EsmeSnapshot], float]] = {
    "binds": lambda esme: len(esme.binds),
    "in": lambda esme: esme.inbound_load[2],
    "out": lambda esme: esme.outbound_load[2],
    "mt": lambda esme: esme.mt,
    "mo": lambda esme: esme.mo,
    "reports": lambda esme: esme.dlr,
    "refused": lambda esme: esme.errors,
}
"""Columns by which accounts can be sorted, besides their names."""
_ORDERS_BY_BINDS: Mapping[str, Callable[[BindSnapshot], Any]] = {
    "from": lambda bind: bind.ip,
    "up": lambda bind: bind.uptime,
    "open": lambda bind: bind.open_acks,
}
"""The same for columns of binds, by an account's greatest value. Made of live binds, as snapshots of many cost much."""


@dataclass(frozen=True, slots=True)
class Filter:
    """The browser's choice: accounts that match `find` ("" = all), and the binds of those that are `opened`.

    `sort` is a column; an unknown one, or "", is the account's name. `descending`: the greatest comes first.
    """

    find: str = ""
    opened: Collection[str] = ()
    sort: str = ""
    descending: bool = False

    def matches(self, esme: EsmeSnapshot) -> bool:
        """Whether `find` is part of the system_id, or the start of an address of one of its binds."""
        return self.find in esme.system_id or any(bind.ip.startswith(self.find) for bind in esme.binds)

    def sorted(self, esmes: Sequence[EsmeSnapshot]) -> list[EsmeSnapshot]:
        """Return the accounts in the column's order; equals, and after the others those without a value, by name."""
        by_name = sorted(esmes, key=lambda esme: esme.system_id, reverse=self.descending and self._by_name)
        if self.sort in _ORDERS:
            return sorted(by_name, key=_ORDERS[self.sort], reverse=self.descending)
        of_bind = _ORDERS_BY_BINDS.get(self.sort)
        if of_bind is None or sum(len(esme.binds) for esme in esmes) > MOST_BINDS:
            return by_name
        greatest = {esme.system_id: max(map(of_bind, esme.binds)) for esme in by_name if esme.binds}
        bound = [esme for esme in by_name if esme.binds]
        bound.sort(key=lambda esme: greatest[esme.system_id], reverse=self.descending)
        return bound + [esme for esme in by_name if not esme.binds]

    @property
    def _by_name(self) -> bool:
        return self.sort not in _ORDERS and self.sort not in _ORDERS_BY_BINDS


def listing(esmes: Sequence[EsmeSnapshot], chosen: Filter) -> dict[str, Any]:
    """Return `esmes`, each with `bind_count`, how many `fit`, and `folded`: only opened accounts list binds then.

    Of too many accounts the first in the chosen order are listed; by name, those without binds are left out first.
    """
    fitting = [esme for esme in esmes if chosen.matches(esme)] if chosen.find else list(esmes)
    shown = fitting
    if len(fitting) > MOST_ACCOUNTS and chosen.sort in ("", "account"):
        shown = sorted(fitting, key=lambda esme: not esme.binds)[:MOST_ACCOUNTS]
    shown = chosen.sorted(shown)[:MOST_ACCOUNTS]
    folded = sum(len(esme.binds) for esme in shown) > MOST_BINDS
    room = MOST_BINDS
    listed = []
    for esme in shown:
        binds = esme.binds[:room] if not folded or esme.system_id in chosen.opened else ()
        room -= len(binds)
        listed.append({**values(replace(esme, binds=binds)), "bind_count": len(esme.binds)})
    return {"esmes": listed, "fit": len(fitting), "folded": folded}
