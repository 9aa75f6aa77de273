"""Temporary refusals are delayed, longer each time (docs/rules/flows.md 2, docs/rules/box-protocol.md 6.2)."""

from __future__ import annotations

from ksmppd_py.bearerbox.delayed_nacks import DelayedNacks
from ksmppd_py.bearerbox.timings import BoxTimings
from ksmppd_py.model.work import Delivery
from tests.flows.memory import MemoryOrigin


def test_refusals_are_delayed_longer_each_time() -> None:
    held = DelayedNacks(BoxTimings(first_nack_delay=1.0, last_nack_delay=4.0))
    deliveries = [Delivery(MemoryOrigin(), None) for _ in range(8)]
    for delivery in deliveries:
        delivery.system_id = "a"
        held.put(delivery, 100.0)
    for when, delivery in ((101.0, deliveries[0]), (102.0, deliveries[1]), (104.0, deliveries[2])):
        assert held.due(when - 0.01) is None
        assert held.due(when) is delivery
    assert held.first(2) == deliveries[3:5]
    assert len(held) == 3
    held.reset("a")
    held.put(deliveries[0], 100.0)
    assert held.due(101.0) is deliveries[0]
    assert [held.due(104.0) for _ in range(4)] == [*deliveries[5:], None]
