"""The bed for MTs over ports in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from ksmppd_py.flows.billing import Billing
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.routing import Routing
from ksmppd_py.flows.simulation import SimulationFlow
from ksmppd_py.flows.submit import SubmitFlow
from ksmppd_py.flows.submit_statistics import SubmitStatistics
from ksmppd_py.model.account import Account
from ksmppd_py.model.esme import ServerMeters
from ksmppd_py.model.routes import Route
from ksmppd_py.model.work import BindContext, Submit
from tests.flows import memory
from tests.flows.memory import Clock, MemoryCredit, MemoryGateway, MemoryReceivers, MemoryRouter, MemoryStore


@dataclass
class SubmitBed:
    """A SubmitFlow and everything around it."""

    account: Account = field(default_factory=lambda: Account("esme"))
    queue: bool = True
    after_source_refusal: bool = False
    clock: Clock = field(default_factory=Clock)
    router: MemoryRouter = field(default_factory=MemoryRouter)
    gateway: MemoryGateway = field(default_factory=MemoryGateway)
    credit: MemoryCredit = field(default_factory=MemoryCredit)
    store: MemoryStore = field(default_factory=MemoryStore)
    receivers: MemoryReceivers = field(default_factory=MemoryReceivers)
    meters: ServerMeters = field(default_factory=memory.make_meters)
    origin: memory.MemoryOrigin = field(default_factory=memory.MemoryOrigin)
    simulated: memory.MemoryOrigin = field(default_factory=memory.MemoryOrigin)

    def __post_init__(self) -> None:
        ids = memory.make_ids()
        store = self.store if self.queue else None
        delivery = DeliveryFlow(self.router, self.receivers)
        self.simulation = SimulationFlow(delivery, self.receivers, store, self.simulated, ids, self.clock)
        self.router.everything = self.router.everything or Route()
        statistics = SubmitStatistics(self.meters, self.clock)
        self.routing = Routing(self.router, statistics, ids, self.clock, self.after_source_refusal)
        billing = Billing(self.credit)
        self.flow = SubmitFlow(
            self.routing, billing, self.gateway, store, self.simulation, statistics, self.clock
        )
        self.bind: BindContext = memory.make_bind(self.account)

    def submits(self, pdus: Sequence[Any], first_ordinal: int = 2) -> list[Submit]:
        """As a bind makes them; its first submit is PDU number 2."""
        return [Submit(self.origin, n, pdu, n + first_ordinal) for n, pdu in enumerate(pdus)]

    def submit(self, *pdus: Any) -> list[Submit]:
        """All PDUs as one batch, down and, where the gateway settled them by now, up again."""
        batch = self.submits(pdus or (memory.submit_sm(),))
        self.flow.submit(batch, self.bind)
        return batch

    def conclude(self) -> list[Submit]:
        """Take what came back to the origin up to its answer."""
        returned: list[Submit] = self.origin.take()
        self.flow.conclude(returned, self.bind)
        return returned

    @property
    def counted(self) -> tuple[int, int]:
        """mt and errors; bind and account agree."""
        mine, account = self.bind.counters, self.bind.esme.counters
        assert (mine.mt, mine.errors) == (account.mt, account.errors)
        return mine.mt, mine.errors


@pytest.fixture
def bed() -> SubmitBed:
    return SubmitBed()
