"""Refusals for now are held back, longer each time (docs/rules/flows.md 2, docs/rules/box-protocol.md 6.2)."""

from __future__ import annotations

import pytest

from ksmppd_py.bearerbox import held as held_module
from ksmppd_py.bearerbox.held import HeldBack
from ksmppd_py.model.work import Delivery
from tests.flows.memory import Tray


def test_refusals_are_held_longer_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_module, "FIRST_DELAY", 1.0)
    monkeypatch.setattr(held_module, "LAST_DELAY", 4.0)
    held = HeldBack()
    deliveries = [Delivery(Tray(), None) for _ in range(8)]
    for delivery in deliveries:
        delivery.system_id = "a"
        held.put(delivery, 100.0)
    for when, delivery in ((101.0, deliveries[0]), (102.0, deliveries[1]), (104.0, deliveries[2])):
        assert held.due(when - 0.01) is None
        assert held.due(when) is delivery
    assert held.first(2) == deliveries[3:5]
    assert len(held) == 3
    held.forgive("a")
    held.put(deliveries[0], 100.0)
    assert held.due(101.0) is deliveries[0]
    assert [held.due(104.0) for _ in range(4)] == [*deliveries[5:], None]
