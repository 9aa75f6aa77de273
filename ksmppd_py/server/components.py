"""Builds the objects of all packages, each complete when it is made: none is given a neighbour later."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import gevent

from ksmppd_py.accesslog.log import AccessLog
from ksmppd_py.admin.server import AdminServer
from ksmppd_py.bearerbox.inbound import InboundServices
from ksmppd_py.bearerbox.pool import BearerboxPool
from ksmppd_py.bearerbox.timings import BoxLimits, BoxTimings
from ksmppd_py.config import Config
from ksmppd_py.esme.binding import Binder
from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.esme.listener import Listener
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.esme.session_context import SessionContext
from ksmppd_py.esme.settings import dlr_profiles, tlv_tables
from ksmppd_py.flows.billing import Billing
from ksmppd_py.flows.deliver_replay import DeliverReplay
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.message_ends import MessageEnds
from ksmppd_py.flows.message_lookup import MessageLookup
from ksmppd_py.flows.queue_limits import QueueLimits
from ksmppd_py.flows.route_test import RouteTest
from ksmppd_py.flows.routing import Routing
from ksmppd_py.flows.simulation import SimulationFlow
from ksmppd_py.flows.submit import SubmitFlow
from ksmppd_py.flows.submit_replay import SubmitReplay
from ksmppd_py.flows.submit_statistics import SubmitStatistics
from ksmppd_py.flows.unaddressed_rows import UnaddressedRows
from ksmppd_py.management.service import Management
from ksmppd_py.model.account import Account
from ksmppd_py.model.counted_ids import CountedIdsOfAccounts
from ksmppd_py.model.esme import ServerMeters
from ksmppd_py.model.history import MessageHistory
from ksmppd_py.model.ids import MessageIds
from ksmppd_py.server import settings
from ksmppd_py.server.announcements import LocalAnnouncements
from ksmppd_py.server.backends import Backends
from ksmppd_py.server.error_mapping import ErrorMapping
from ksmppd_py.server.operations import ServerOperations
from ksmppd_py.server.replay_jobs import (
    DeliverReplayJobs,
    QueueLimitsJob,
    ReplayJobs,
    ReplayTimings,
    SubmitReplayJobs,
    UnaddressedRowsJob,
)
from ksmppd_py.server.simulation_jobs import SettledDeliveries, SimulationJobs
from ksmppd_py.server.status import ServerStatus
from ksmppd_py.storage.backlog import BacklogReader
from ksmppd_py.storage.bcrypt_checks import BcryptChecks
from ksmppd_py.storage.claim import Claim, open_claim
from ksmppd_py.storage.credits import CreditReader
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.id_leases import DatabaseIdLeases
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.management import credit_log, management_stores
from ksmppd_py.storage.queue_limits import QueueLimitColumns
from ksmppd_py.storage.refunds import DatabaseRefunds
from ksmppd_py.storage.store import DatabaseStore
from ksmppd_py.storage.users import DatabaseCredit
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.transport.batch_queue import BatchQueue

_SMPP_34 = 0x34


@dataclass(frozen=True, slots=True)
class Components:
    """Everything that is started and stopped, and that a reload changes."""

    registry: EsmeRegistry
    blocklist: BlockList
    backends: Backends
    store: DatabaseStore
    claim: Claim
    replay: ReplayJobs
    pool: BearerboxPool
    simulation: SimulationJobs
    listener: Listener
    status: ServerStatus
    admin: AdminServer
    errors: ErrorMapping
    ends: MessageEnds


def build(config: Config, database: Database, layout: Layout, access: AccessLog) -> Components:
    """Make all objects; nothing is started or opened. Raises StartError, for instance for a plugin or URL."""
    return _Builder(config, database, layout, access).build(access)


class _Builder:
    """The objects that several others need, while these are made."""

    def __init__(self, config: Config, database: Database, layout: Layout, access: AccessLog) -> None:
        ksmppd = config.ksmppd
        self.config = config
        self.database = database
        self.layout = layout
        self.store = DatabaseStore(database, layout)
        self.queue = self.store if ksmppd.database_enable_queue else None
        self.ids = MessageIds(os.urandom)
        self.registry = EsmeRegistry(ServerMeters(time.time()), time)
        self.blocklist = BlockList(ksmppd)
        self.backends = Backends(config, database, layout, self.registry)
        self.history = MessageHistory(ksmppd.query_memory)
        refunds = DatabaseRefunds(credit_log(database, layout))
        self.ends = MessageEnds(self.registry.meters, access, time, ksmppd.dlr_always)
        self.delivery = DeliveryFlow(
            self.backends.router, self.registry, self.history, refunds, time, self.ends
        )
        self.billing = Billing(DatabaseCredit(database, layout))
        self.errors = ErrorMapping(self.delivery, self.billing)
        self.errors.reconfigure(config)
        self.claim = open_claim(database, ksmppd.database_store_table)
        self.timings = ReplayTimings()
        self.backlog = BacklogReader(database, layout)

    def build(self, access: AccessLog) -> Components:
        config, registry, blocklist = self.config, self.registry, self.blocklist
        replay = self._deliver_replay()
        inbound = InboundServices(self.delivery, self.queue, replay.flow)
        pool = BearerboxPool(config.bearerboxes, inbound, BoxTimings(), BoxLimits())
        replays = self._replays(replay, pool)
        simulation = self._simulation()
        credit = DatabaseCredit(self.database, self.layout)
        routing, submit_flow = self._submit_flow(pool, simulation)
        binder = self._binder()
        lookup = MessageLookup(self.history, self.queue, replays.submits, self.ids, time)
        context = SessionContext(binder, submit_flow, registry, config.ksmppd, lookup, access)
        listener = Listener(context, blocklist)
        status = self._status(listener, pool, replays)
        route_test = self._route_test(routing, submit_flow, credit, binder)
        operations = ServerOperations(status, registry, blocklist, self.backends.router, route_test, pool)
        admin = AdminServer(operations, settings.admin(config), BcryptChecks(), management=self._management())
        return Components(
            registry,
            blocklist,
            self.backends,
            self.store,
            self.claim,
            replays,
            pool,
            simulation,
            listener,
            status,
            admin,
            self.errors,
            self.ends,
        )

    def _binder(self) -> Binder:
        return Binder(
            self.backends.authenticator,
            self.registry,
            self.blocklist,
            self.config.ksmppd,
            tlv_tables(self.config.tlvs),
            time,
            dlr_profiles(self.config),
            CountedIdsOfAccounts(DatabaseIdLeases(self.database), time),
        )

    def _submit_flow(self, pool: BearerboxPool, simulation: SimulationJobs) -> tuple[Routing, SubmitFlow]:
        statistics = SubmitStatistics(self.registry.meters, time)
        after_refusal = self.config.routing.default_smsc_after_source_refusal
        routing = Routing(self.backends.router, statistics, self.ids, time, after_refusal)
        flow = SubmitFlow(routing, self.billing, pool, self.queue, simulation.flow, statistics, time)
        return routing, flow

    def _deliver_replay(self) -> DeliverReplayJobs:
        wakeups: BatchQueue[str] = BatchQueue()
        has_queue = self.queue is not None
        flow = DeliverReplay(self.store, self.delivery, self.registry, wakeups, time, has_queue)
        return DeliverReplayJobs(flow, wakeups, self.store, self.registry, self.claim, self.timings)

    def _replays(self, deliveries: DeliverReplayJobs, pool: BearerboxPool) -> ReplayJobs:
        wakeups: BatchQueue[str] = BatchQueue()
        flow = SubmitReplay(
            self.store,
            pool,
            wakeups,
            deliveries.wakeups,
            self.ids,
            time,
            self.history,
            self.registry.meters,
        )
        submits = SubmitReplayJobs(flow, wakeups, pool, self.claim, self.timings)
        rows = UnaddressedRows(self.store, self.delivery)
        unaddressed = UnaddressedRowsJob(rows, deliveries.flow, self.claim, self.timings)
        limits = QueueLimitsJob(self._queue_limits(deliveries.flow), self.claim, self.timings)
        return ReplayJobs(deliveries, submits, unaddressed, limits, has_queue=self.queue is not None)

    def _queue_limits(self, replay: DeliverReplay) -> QueueLimits:
        return QueueLimits(
            self.store,
            QueueLimitColumns(self.database, self.layout),
            lambda: self.backlog.read(self.timings.scan_interval),
            replay.is_in_flight,
            self.registry.meters,
            time,
            settings.queue_limit(self.config.ksmppd),
        )

    def _simulation(self) -> SimulationJobs:
        settled = SettledDeliveries()
        delay = self.config.ksmppd.simulation_delay / 1000
        flow = SimulationFlow(self.delivery, self.registry, self.queue, settled, self.ids, time, delay)
        return SimulationJobs(flow, settled, delay)

    def _status(self, listener: Listener, pool: BearerboxPool, replays: ReplayJobs) -> ServerStatus:
        return ServerStatus(
            self.registry,
            self.blocklist,
            listener,
            pool,
            self.database,
            self.backlog,
            CreditReader(self.database, self.layout),
            replays.unusable,
            has_queue=self.queue is not None,
        )

    def _management(self) -> Management:
        rows = self.backends.account_rows
        announcements = LocalAnnouncements(self.registry, rows, self.backends.router)
        stores = management_stores(self.database, self.layout)
        has_database = self.config.database is not None
        return Management(
            stores, announcements, time.time, rows is not None, has_database, lambda: gevent.sleep(0)
        )

    def _route_test(
        self, routing: Routing, flow: SubmitFlow, credit: DatabaseCredit, binder: Binder
    ) -> RouteTest:
        def options_of(account: Account) -> BindOptions:
            return binder.options(account, _SMPP_34)

        def is_blocked(ip: str) -> bool:
            return self.blocklist.blocks(ip, time.monotonic())

        rows = self.backends.account_rows
        return RouteTest(routing, flow, self.registry, rows, credit, options_of, time, is_blocked)
