"""Routes by regular expression, for both directions (spec/flows.md 7.1)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """One route, or a router's answer: where a message goes and what a part costs.

    `system_id` (lower case) is the target of an MO; `smsc_id` the SMSC that an MT shall take, or, of an inbound row,
    the SMSC for which the row holds; both are None when not set. `cost` is credits a part.
    """

    cost: float = 0.0
    system_id: str | None = None
    smsc_id: str | None = None
    regex: str = ""
    source_regex: str | None = None
    route_id: int = 0
