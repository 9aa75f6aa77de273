"""Builds all parts of the server from the configuration, starts them, and stops them in reverse."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from time import monotonic
from typing import TypeVar

import gevent
from gevent.event import Event

from ksmppd_py import logs
from ksmppd_py.accesslog.log import AccessLog
from ksmppd_py.admin.server import AdminServer
from ksmppd_py.bearerbox.inbound import InboundServices
from ksmppd_py.bearerbox.pool import BearerboxPool
from ksmppd_py.bearerbox.timings import BoxLimits, BoxTimings
from ksmppd_py.config import Config
from ksmppd_py.errors import StartError, TemporaryError
from ksmppd_py.esme.binding import Binder
from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.esme.listener import Listener
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.esme.session_context import SessionContext
from ksmppd_py.flows.billing import Billing
from ksmppd_py.flows.delivery import DeliveryFlow
from ksmppd_py.flows.message_lookup import MessageLookup
from ksmppd_py.flows.route_test import RouteTest
from ksmppd_py.flows.routing import Routing
from ksmppd_py.flows.simulation import SimulationFlow
from ksmppd_py.flows.submit import SubmitFlow
from ksmppd_py.flows.submit_statistics import SubmitStatistics
from ksmppd_py.management.service import Management
from ksmppd_py.model.account import Account
from ksmppd_py.model.esme import BlockedAddress, ServerMeters, ServerSnapshot
from ksmppd_py.model.history import MessageHistory
from ksmppd_py.model.ids import MessageIds
from ksmppd_py.model.route_report import RouteReport
from ksmppd_py.model.route_test import RouteTestQuery, RouteTestResult
from ksmppd_py.server import settings
from ksmppd_py.server.announcements import LocalAnnouncements
from ksmppd_py.server.backends import Backends
from ksmppd_py.server.reload import ConfigReload
from ksmppd_py.server.replay_jobs import ReplayJobs
from ksmppd_py.server.simulation_jobs import SimulationJobs
from ksmppd_py.server.statistics import load_lines, refusal_lines, statistics
from ksmppd_py.server.status import ServerStatus
from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.storage.backlog import BacklogReader
from ksmppd_py.storage.bcrypt_checks import BcryptChecks
from ksmppd_py.storage.claim import Claim, open_claim
from ksmppd_py.storage.credits import CreditReader
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.management import management_stores
from ksmppd_py.storage.store import DatabaseStore
from ksmppd_py.storage.upgrade import prepare
from ksmppd_py.storage.users import DatabaseCredit
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.transport import names
from ksmppd_py.transport.greenlets import GreenletGroup

logger = logging.getLogger(__name__)

T = TypeVar("T")

DATABASE_PATIENCE = 30.0
"""Seconds that the start waits for the database."""
STEP_PAUSE = 0.25
"""Seconds between two attempts of a step of the start."""
LAST_ACKS = 10.0
"""Seconds that a stop waits for the bearerboxes' acks of unanswered submits (docs/rules/smpp-session.md 12)."""
LAST_REFUSALS = 0.5
"""Seconds in which submits without an ack are refused or stored, and answered."""
LONGEST_STOP = 14.5
"""Seconds after which a stop no longer waits for the database."""
UNBIND_PATIENCE = 2.0
LOAD_LINE_INTERVAL = 30.0
REFUSALS_INTERVAL = 1.0


class App:
    """The whole server. Implements cli.Server and admin.ports.Operations."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._started_at = monotonic()
        self._stopped = Event()
        self._greenlets = GreenletGroup("app")
        self._registry = EsmeRegistry(ServerMeters(time.time()), time.time, monotonic)
        self.server_status = ServerStatus(self._registry, config.ksmppd.database_enable_queue)
        self._simulation_jobs = SimulationJobs()
        self._blocklist = self.server_status.blocklist = BlockList(config.ksmppd)
        self._database: Database | None = None
        self._password_checks = BcryptChecks()
        self._admin: AdminServer | None = None
        self._backends: Backends | None = None
        self._messages: DatabaseStore | None = None
        self._pool: BearerboxPool | None = None
        self._replay_jobs: ReplayJobs | None = None
        self._claim: Claim | None = None
        self._listener: Listener | None = None
        self._access = AccessLog(settings.access_log(config))
        self._reload: ConfigReload | None = None
        self._route_test: RouteTest | None = None

    # -- life ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start everything. Raises StartError. May yield."""
        config = self._config
        names.install(settings.hosts(config))
        self._database = settings.open_database(config)
        _reach(self._database)
        database = self._database
        layout = _patiently("The tables can't be looked at", lambda: prepare(database, config.ksmppd))
        self.server_status.database = self._database
        self.server_status.backlog = BacklogReader(self._database, layout)
        self.server_status.credits = CreditReader(self._database, layout)
        backends = self._backends = Backends(config, self._database, layout)
        management = _management(self._database, layout, self._registry, backends)
        check_hash = self._password_checks.takes
        self._admin = AdminServer(self, settings.admin(config), management=management, check_hash=check_hash)
        self._admin.start()
        _patiently("The routes can't be loaded", self._backends.start)
        self._backends.keep_up(config, self._registry)
        self._messages = DatabaseStore(self._database, layout)
        self._open_rooms(self._backends, layout, self._messages)
        self.server_status.listener, self.server_status.pool = self._listener, self._pool
        assert self._listener is not None
        assert self._pool is not None
        self._reload = ConfigReload(
            config,
            self._listener,
            self._pool,
            self._blocklist,
            self._access,
            self._admin,
            self._backends,
            self._registry,
        )
        self._greenlets.supervise("load line", self._tell_load)
        self._greenlets.supervise("refusal lines", self._tell_refusals)

    def _open_rooms(self, backends: Backends, layout: Layout, messages: DatabaseStore) -> None:
        config, router = self._config, backends.router
        assert self._database is not None
        queue = messages if config.ksmppd.database_enable_queue else None
        registry, ids, access = self._registry, MessageIds(os.urandom), self._access
        delay = config.ksmppd.simulation_delay / 1000
        history = MessageHistory(config.ksmppd.query_memory)
        delivery = DeliveryFlow(router, registry, history)
        simulation = SimulationFlow(delivery, registry, queue, self._simulation_jobs, ids, time, delay)
        claim = self._claim = open_claim(self._database, config.ksmppd.database_store_table)
        replay_jobs = self._replay_jobs = ReplayJobs(messages, claim, delivery, registry, queue is not None)
        self.server_status.unusable_rows = lambda: replay_jobs.unusable
        inbound = InboundServices(delivery, queue, replay_jobs.deliveries)
        pool = self._pool = BearerboxPool(config.bearerboxes, inbound, BoxTimings(), BoxLimits())
        credit = DatabaseCredit(self._database, layout)
        statistics = SubmitStatistics(registry.meters, time)
        routing = Routing(router, statistics, ids, time, config.routing.default_smsc_after_source_refusal)
        submit_flow = SubmitFlow(routing, Billing(credit), pool, queue, simulation, statistics, time)
        binder = Binder(
            backends.authenticator, registry, self._blocklist, config.ksmppd, settings.tlvs(config)
        )
        self._route_test = _route_test(routing, submit_flow, registry, backends, credit, binder)
        lookup = MessageLookup(history, queue, replay_jobs, ids, time)
        self._listener = Listener(
            SessionContext(binder, submit_flow, registry, config.ksmppd, lookup, access), self._blocklist
        )
        access.start()
        self._listener.start()
        pool.start()
        self._simulation_jobs.start(simulation, delay)
        claim.start()
        replay_jobs.start(pool, ids)

    def wait(self) -> None:
        """Return when the server has stopped. May yield."""
        self._stopped.wait()

    def stop(self) -> None:
        """Stop, also after half a start, within 15 s, in the order of docs/rules/smpp-session.md 12. May yield."""
        if self._stopped.is_set():
            return
        deadline = monotonic() + LONGEST_STOP
        self._greenlets.end(1.0)
        if self._listener is not None:
            self._listener.stop_accepting()
        if self._replay_jobs is not None:
            self._replay_jobs.stop()
        deciders = gevent.spawn(self._backends.stop) if self._backends is not None else None
        if self._listener is not None:
            self._listener.finish(LAST_ACKS)
            if self._pool is not None:
                self._pool.give_up()
                self._listener.finish(LAST_REFUSALS)
        operators = gevent.spawn(self._admin.stop) if self._admin is not None else None
        if self._listener is not None:
            self._listener.unbind_all(UNBIND_PATIENCE)
        gevent.joinall([each for each in (deciders, operators) if each is not None])
        self._password_checks.close()
        self._simulation_jobs.stop()
        if self._pool is not None:
            self._pool.stop(max(0.2, min(1.0, deadline - monotonic())))
        if self._listener is not None:
            self._listener.stop()
        if self._claim is not None:
            self._claim.stop()
        if self._messages is not None:
            self._messages.flush(max(0.1, deadline - monotonic()))
        if self._database is not None:
            with gevent.Timeout(max(0.1, deadline - monotonic()), False):  # the database may be frozen
                self._database.close()
        self._access.stop(max(0.5, min(2.0, deadline - monotonic())))
        self._stopped.set()

    def _tell_load(self) -> None:
        while True:
            gevent.sleep(LOAD_LINE_INTERVAL)
            now = int(time.time())
            meters = self._registry.meters
            logger.info(
                "Current SMPP load is %f/sec inbound %f/sec outbound",
                meters.inbound.rate(2, now),
                meters.outbound.rate(2, now),
            )
            if logger.isEnabledFor(logging.DEBUG):
                for line in load_lines(self._registry.snapshot()):
                    logger.debug("%s", line)

    def _tell_refusals(self) -> None:
        while True:
            gevent.sleep(REFUSALS_INTERVAL)
            self._tell_untold()

    def _tell_untold(self) -> None:
        for words, values in refusal_lines(self._registry.meters.refusals, time.time()):
            logger.warning(words, *values)

    def reopen_logs(self) -> None:
        """Open the access log again by its name. Doesn't yield."""
        self._access.reopen()

    def change(self, config: Config) -> None:
        """Take over a configuration that was read again, except for keys that need a restart. May yield."""
        if self._reload is not None:
            self._reload.change(config)

    # -- admin.ports.Operations --------------------------------------------------------------------------------

    def uptime(self) -> int:
        """Seconds since the start."""
        return int(monotonic() - self._started_at)

    def snapshot(self) -> ServerSnapshot:
        """Return the state of all accounts and binds."""
        return self._registry.snapshot()

    def log_level(self) -> int | None:
        """The level of the log files; None when there is none."""
        return logs.file_level()

    def set_log_level(self, level: int) -> None:
        """Set the level of all log files, 0 to 4."""
        logs.set_file_level(level)

    def unbind(self, system_id: str, bind_id: int | None) -> int | None:
        """Start unbinding an account's binds or one of them; return how many, None when the account never bound."""
        return self._registry.unbind(system_id, bind_id)

    def blocked_ips(self) -> list[BlockedAddress]:
        """Return the addresses that are blocked for refused binds."""
        return self._blocklist.blocked(monotonic())

    def clear_blocked_ips(self, ip: str | None) -> int:
        """Forget the failures of one address or all; return how many were blocked."""
        return self._blocklist.clear(ip, monotonic())

    def test_route(self, query: RouteTestQuery) -> RouteTestResult:
        """Return how a message would be routed; nothing is sent. May yield."""
        if self._route_test is None:
            return RouteTestResult(
                query.sender,
                query.receiver,
                CommandStatus.RSYSERR,
                reason="starting",
                refusal="starting",
            )
        return self._route_test.run(query)

    def rebuild_routes(self) -> RouteReport | None:
        """Load the routes again. Raises TemporaryError. May yield."""
        return None if self._backends is None else self._backends.router.rebuild()

    def ports(self) -> list[str]:
        """Return the open ports in words. Doesn't yield."""
        opened = self._listener.ports() if self._listener is not None else []
        return [*opened, *([self._admin.opened] if self._admin is not None else [])]

    def statistics(self) -> list[str]:
        """Lines for the log, on SIGQUIT. Doesn't yield."""
        return list(statistics(self._registry.snapshot(), self.server_status))


def _route_test(
    routing: Routing,
    flow: SubmitFlow,
    registry: EsmeRegistry,
    backends: Backends,
    credit: DatabaseCredit,
    binder: Binder,
) -> RouteTest:
    def options_of(account: Account) -> BindOptions:
        return binder.options(account, 0x34)

    return RouteTest(routing, flow, registry, backends.account_rows, credit, options_of, time)


def _management(database: Database, layout: Layout, registry: EsmeRegistry, backends: Backends) -> Management:
    rows = backends.account_rows
    announcements = LocalAnnouncements(registry, rows, backends.router)
    return Management(management_stores(database, layout), announcements, time.time, rows is not None)


def _reach(database: Database) -> None:
    """Wait until the database answers; a wait is logged. Raises StartError. May yield."""
    try:
        database.start(within=0)
    except StartError as error:
        logger.warning("%s; trying again for %g s", error, DATABASE_PATIENCE)
        database.start(within=DATABASE_PATIENCE)


def _patiently(problem: str, step: Callable[[], T]) -> T:
    """Run a step of the start again until the database answers, DATABASE_PATIENCE seconds at most. May yield.

    Returns the step's result. Raises StartError.
    """
    deadline = monotonic() + DATABASE_PATIENCE
    told = False
    while True:
        try:
            return step()
        except TemporaryError as error:
            if monotonic() >= deadline:
                raise StartError(f"{problem}: {error}") from error
            if not told:
                logger.warning("%s: %s; trying again for %g s", problem, error, DATABASE_PATIENCE)
                told = True
        gevent.sleep(STEP_PAUSE)
