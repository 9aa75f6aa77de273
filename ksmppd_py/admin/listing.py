"""Which accounts and binds the dashboard lists: few enough to be read, sent and drawn every two seconds.

The numbers above the tables count everything; what isn't listed is found by its name.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ksmppd_py.admin.render_generic import values
from ksmppd_py.model.esme import EsmeSnapshot

MOST_ACCOUNTS = 200
MOST_BINDS = 200


@dataclass(frozen=True, slots=True)
class Wish:
    """What a browser wants to see: accounts that fit `find` ("" = all), and the binds of those that are `opened`."""

    find: str = ""
    opened: Collection[str] = ()

    def fits(self, esme: EsmeSnapshot) -> bool:
        """Part of a system_id, or the start of an address of one of its binds."""
        return self.find in esme.system_id or any(bind.ip.startswith(self.find) for bind in esme.binds)


def listing(esmes: Sequence[EsmeSnapshot], wish: Wish) -> dict[str, Any]:
    """`esmes` with their `bind_count`, how many `fit`, and whether binds are `folded`: then only opened ones are there.

    Of too many accounts those without binds are left out first.
    """
    fitting = [esme for esme in esmes if wish.fits(esme)] if wish.find else list(esmes)
    shown = fitting
    if len(fitting) > MOST_ACCOUNTS:
        bound_first = sorted(fitting, key=lambda esme: not esme.binds)
        shown = sorted(bound_first[:MOST_ACCOUNTS], key=lambda esme: esme.system_id)
    folded = sum(len(esme.binds) for esme in shown) > MOST_BINDS
    room = MOST_BINDS
    listed = []
    for esme in shown:
        binds = esme.binds[:room] if not folded or esme.system_id in wish.opened else ()
        room -= len(binds)
        listed.append({**values(replace(esme, binds=binds)), "bind_count": len(esme.binds)})
    return {"esmes": listed, "fit": len(fitting), "folded": folded}
