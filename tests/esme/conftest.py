"""The ESMEs' room on a loopback port: its own listener and registry over ports in memory."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import gevent
import pytest

from ksmppd_py.accesslog.log import AccessLog, AccessLogSettings
from ksmppd_py.config import KsmppdGroup
from ksmppd_py.errors import KsmppdError
from ksmppd_py.esme.binding import Binder
from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.esme.dlr_profiles import DlrProfiles
from ksmppd_py.esme.listener import Listener
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.esme.session_context import SessionContext, SessionTimings
from ksmppd_py.flows.billing import Billing
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.message_lookup import MessageLookup
from ksmppd_py.flows.routing import Routing
from ksmppd_py.flows.simulation import SimulationFlow
from ksmppd_py.flows.submit import SubmitFlow
from ksmppd_py.flows.submit_statistics import SubmitStatistics
from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.account import Account
from ksmppd_py.model.counted_ids import CountedIdsOfAccounts
from ksmppd_py.model.esme import BindSnapshot, EsmeSnapshot
from ksmppd_py.model.history import MessageHistory
from ksmppd_py.model.outcomes import Outcome
from ksmppd_py.model.routes import Route
from ksmppd_py.model.work import Delivery, Submit
from ksmppd_py.translate.tlvs import TlvTables
from tests.fakes.esme import Esme, Policy, accept_all
from tests.flows import memory
from tests.flows.memory import MemoryGateway, MemoryOrigin, MemoryRouter
from tests.parts.waiting import wait_until

PASSWORD = "secret"
NEVER = -100


class Accounts:
    """An Authenticator with one password for all; `failure` is its back end's."""

    def __init__(self) -> None:
        self.accounts = {"esme": Account("esme")}
        self.failure: KsmppdError | None = None
        self.asked: list[tuple[bytes, bytes, str]] = []
        self.meanwhile: Callable[[], None] = lambda: None
        """Called when the account was read, before the bind knows it."""

    def authenticate(self, system_id: bytes, password: bytes, peer_ip: str) -> Account | None:
        self.asked.append((system_id, password, peer_ip))
        if self.failure is not None:
            raise self.failure
        account = self.accounts.get(system_id.decode("latin-1").lower())
        self.meanwhile()
        return account if account is not None and password == PASSWORD.encode() else None


class AckingGateway(MemoryGateway):
    """Acks at once with `ack`, or keeps what it gets while that is NEVER."""

    def __init__(self) -> None:
        super().__init__()
        self.ack = 0

    def send(self, submit: Submit) -> bool:
        if not super().send(submit):
            return False
        if self.ack != NEVER:
            self.settle(self.ack)
        return True


class NoRows:
    """The replay of stored MTs where nothing is stored."""

    def withdraw(self, row: int) -> bool:
        raise AssertionError(row)

    deleted = put_back = withdraw


def blocking(attempts: int, time: Any, exempt: str = "") -> KsmppdGroup:
    """Return the settings of a block list."""
    return KsmppdGroup(
        ip_blocklist_attempts=attempts,
        ip_blocklist_time=time,
        ip_blocklist_exempt_ips=(exempt,) if exempt else (),
    )


class Bed:
    """Everything around one Listener."""

    def __init__(self, settings: KsmppdGroup) -> None:
        blocklist = BlockList(settings)
        self.accounts = Accounts()
        self.gateway = AckingGateway()
        self.router = MemoryRouter()
        self.router.everything = Route()
        self.settings = settings
        self.blocklist = blocklist
        self.registry = EsmeRegistry(memory.make_meters(), time)
        self.delivery = DeliveryFlow(self.router, self.registry)
        self.origin = MemoryOrigin()
        self.esmes: list[Esme] = []
        ids = memory.make_ids()
        simulation = SimulationFlow(self.delivery, self.registry, None, self.origin, ids, time)
        statistics = SubmitStatistics(self.registry.meters, time)
        routing = Routing(self.router, statistics, ids, time)
        billing = Billing(memory.MemoryCredit())
        flow = SubmitFlow(routing, billing, self.gateway, None, simulation, statistics, time)
        profiles = DlrProfiles((), settings.dlr_profile)
        self.leases = memory.MemoryLeases()
        counted = CountedIdsOfAccounts(self.leases, time)
        binder = Binder(
            self.accounts, self.registry, blocklist, settings, TlvTables(), time, profiles, counted
        )
        lookup = MessageLookup(MessageHistory(100), None, NoRows(), ids, time)
        access = AccessLog(AccessLogSettings())
        timings = SessionTimings(poll=0.01)
        self.context = SessionContext(binder, flow, self.registry, settings, lookup, access, timings)
        self.listener = Listener(self.context, blocklist)
        self.listener.start()

    def set_timings(self, **seconds: float) -> None:
        """Replace SessionTimings, also of sessions that exist."""
        self.context.timings = replace(self.context.timings, **seconds)

    def set_bounds(self, **bounds: int) -> None:
        """Replace SessionBounds, for later connections."""
        self.context.bounds = replace(self.context.bounds, **bounds)

    @property
    def port(self) -> int:
        return self.listener.port

    def account(self, **fields: Any) -> None:
        """Change settings of the account `esme`; they hold for later binds."""
        self.accounts.accounts["esme"] = replace(self.accounts.accounts["esme"], **fields)

    def connect(self, policy: Policy = accept_all, source_ip: str = "127.0.0.1", **options: Any) -> Esme:
        esme = Esme(self.port, policy, source_ip=source_ip, **options)
        self.esmes.append(esme)
        return esme

    def bind(self, kind: str = "transceiver", policy: Policy = accept_all, version: int = 0x34) -> Esme:
        esme = self.connect(policy)
        reply = esme.bind("esme", PASSWORD, kind, version=version)
        assert reply.command_status == 0
        return esme

    def deliver(self, sms: Sms, system_id: str = "esme") -> tuple[Delivery, Outcome | None]:
        """As the bearerbox's room does; the delivery comes back to `origin`."""
        delivery = Delivery(self.origin, sms)
        delivery.system_id = system_id
        return delivery, self.delivery.dispatch(delivery)

    def snapshot(self, system_id: str = "esme") -> EsmeSnapshot:
        [found] = [esme for esme in self.registry.snapshot().esmes if esme.system_id == system_id]
        return found

    @property
    def binds(self) -> tuple[BindSnapshot, ...]:
        return self.snapshot().binds

    def wait_settled(self, count: int = 1) -> list[Delivery]:
        """So many deliveries that ended."""
        wait_until(lambda: len(self.origin.items) >= count)
        settled: list[Delivery] = self.origin.take()
        return settled

    def stop(self) -> None:
        for esme in self.esmes:
            esme.close()
        self.listener.stop_accepting()
        self.listener.stop()


StartBed = Callable[..., Bed]


@pytest.fixture
def start() -> Iterator[StartBed]:
    """Starts a bed with other settings; timers are checked every 10 ms."""
    beds: list[Bed] = []

    def start(**settings: Any) -> Bed:
        usual = {"id": "KSMPPD", "interface": "127.0.0.1", "smpp_port": 0, "ip_blocklist_attempts": 0}
        beds.append(Bed(KsmppdGroup(**{**usual, **settings})))
        return beds[-1]

    with gevent.Timeout(30):
        yield start
        for bed in beds:
            bed.stop()


@pytest.fixture
def bed(start: StartBed) -> Bed:
    """A bed with the settings of an empty configuration; no address is ever blocked."""
    return start()
