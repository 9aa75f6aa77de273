"""The running server: its start, its stop, and what signals ask of it."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import TypeVar

import gevent
from gevent.event import Event

from ksmppd_py.accesslog.log import AccessLog, AccessLogSettings
from ksmppd_py.config import Config
from ksmppd_py.errors import StartError, TemporaryError
from ksmppd_py.server.components import Components, build
from ksmppd_py.server.event_log import EventLog
from ksmppd_py.server.event_watch import EventWatch
from ksmppd_py.server.lifecycle import Lifecycle, Step, StopInBackground
from ksmppd_py.server.reload import ConfigReload, reloadables
from ksmppd_py.server.statistics import StatusLog, statistics
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.opening import database_of
from ksmppd_py.storage.upgrade import prepare
from ksmppd_py.transport import names

logger = logging.getLogger(__name__)

T = TypeVar("T")

DATABASE_TIMEOUT = 30.0
"""Seconds that the start waits for the database."""
RETRY_INTERVAL = 0.25
"""Seconds between two attempts of a step of the start."""
ACKS_TIMEOUT = 10.0
"""Seconds that a stop waits for the bearerboxes' acks of unanswered submits (docs/rules/smpp-session.md 12)."""
REFUSALS_TIMEOUT = 0.5
"""Seconds in which submits without an ack are refused or stored, and answered."""
UNBIND_TIMEOUT = 2.0
"""Seconds that a stop waits for unbind_resp."""
STOP_TIMEOUT = 14.5
"""Seconds after which a stop no longer waits for the database."""


class App:
    """The server, running from the moment that it is made. Implements launch.serve.Server."""

    def __init__(self, config: Config, database_timeout: float = DATABASE_TIMEOUT) -> None:
        """Start everything, waiting at most `database_timeout` seconds for the database. May yield.

        Raises StartError; then, as after any other exception, all that was started is stopped.
        """
        self._stopped = Event()
        self._lifecycle = Lifecycle(STOP_TIMEOUT)
        self._access = AccessLog(AccessLogSettings.of(config.ksmppd))
        with self._lifecycle.unwinding():
            self.components = self._start(config, database_timeout)
        parts = reloadables(config, self.components, self._access, self._event_log)
        self._reload = ConfigReload(config, parts, self.components.status.events)

    def _start(self, config: Config, database_timeout: float) -> Components:
        begin, access = self._lifecycle.begin, self._access
        names.install(config.hosts)
        begin(Step("the access log", access.start, lambda left: access.stop(max(0.5, min(2.0, left)))))
        database = database_of(config.database)
        begin(
            Step(
                "the database",
                lambda: _reach(database, database_timeout),
                lambda left: _close(database, left),
            )
        )
        layout = _until_there(
            "The tables can't be looked at", lambda: prepare(database, config.ksmppd), database_timeout
        )
        components = build(config, database, layout, access)
        event_log = self._event_log = EventLog(components.status.events, config.ksmppd.event_log)
        begin(Step("the event log", stop=lambda left: event_log.stop(max(0.2, min(1.0, left)))))
        for step in (*_steps(components, database_timeout), *_last_steps(components)):
            begin(step)
        return components

    def wait(self) -> None:
        """Return when the server has stopped. May yield."""
        self._stopped.wait()

    def stop(self) -> None:
        """Stop within 15 s, also when all peers are silent. May yield."""
        self._lifecycle.stop()
        self._stopped.set()

    def reopen_logs(self) -> None:
        """Open access log and event log again by their names. May yield."""
        self._access.reopen()
        self._event_log.reopen()

    def reconfigure(self, config: Config) -> None:
        """Take over a configuration that was read again, except for keys that need a restart. May yield."""
        self._reload.apply(config)

    def ports(self) -> list[str]:
        """Return the open ports in words. Doesn't yield."""
        return [*self.components.listener.ports(), self.components.admin.opened]

    def statistics(self) -> list[str]:
        """Lines for the log, on SIGQUIT. Doesn't yield."""
        return list(statistics(self.components.status))


def _steps(components: Components, database_timeout: float) -> list[Step]:
    """Return the steps after the database is reached, in the order of the start.

    The stop goes through them in reverse (docs/rules/smpp-session.md 12), so a step of the stop alone stands below all
    that has to go on until it is done.
    """
    listener, pool, backends = components.listener, components.pool, components.backends
    backends_stop, admin_stop = StopInBackground(backends.stop), StopInBackground(components.admin.stop)

    load_routes = partial(_until_there, "The routes can't be loaded", backends.start, database_timeout)

    def wait_for_answers(_left: float) -> None:
        backends_stop.end()
        admin_stop.end()

    def refuse_the_rest(_left: float) -> None:
        pool.give_up()
        listener.finish(REFUSALS_TIMEOUT)

    return [
        Step("deleted rows", stop=lambda left: components.store.flush(max(0.1, left))),
        Step("the claim", components.claim.start, lambda _: components.claim.stop()),
        Step("the administration", components.admin.start, admin_stop.end),
        Step("routes and accounts", load_routes, backends_stop.end),
        Step("the SMPP ports", listener.start, lambda _: listener.stop()),
        Step("the bearerboxes", pool.start, lambda left: pool.stop(max(0.2, min(1.0, left)))),
        Step("the simulation", components.simulation.start, lambda _: components.simulation.stop()),
        Step("answers of back ends and pages", stop=wait_for_answers),
        Step("the binds", stop=lambda _: listener.unbind_all(UNBIND_TIMEOUT)),
        Step("new pages", stop=admin_stop.begin),
        Step("submits without an ack", stop=refuse_the_rest),
        Step("unanswered submits", stop=lambda _: listener.finish(ACKS_TIMEOUT)),
        Step("new decisions", stop=backends_stop.begin),
        Step("the replays", components.replay.start, lambda _: components.replay.stop()),
        Step("new connections", stop=lambda _: listener.stop_accepting()),
    ]


def _last_steps(components: Components) -> list[Step]:
    """Return the steps that begin when all others have begun."""
    event_watch = EventWatch(components.status, time.time)
    status_log = StatusLog(components.registry, event_watch.add_refusals)
    return [
        Step("the status log", status_log.start, lambda _: status_log.stop()),
        Step("the event watch", event_watch.start, lambda _: event_watch.stop()),
    ]


def _reach(database: Database, timeout: float) -> None:
    """Wait until the database answers, at most `timeout` seconds; a wait is logged. Raises StartError. May yield."""
    try:
        database.start(within=0)
    except StartError as error:
        logger.warning("%s; trying again for %g s", error, timeout)
        database.start(within=timeout)


def _close(database: Database, timeout: float) -> None:
    """Close the database; one that is frozen isn't waited for any longer. May yield."""
    with gevent.Timeout(max(0.1, timeout), False):
        database.close()


def _until_there(problem: str, step: Callable[[], T], timeout: float) -> T:
    """Run a step of the start again until the database answers, at most `timeout` seconds. May yield.

    Returns the step's result. Raises StartError.
    """
    deadline = monotonic() + timeout
    is_logged = False
    while True:
        try:
            return step()
        except TemporaryError as error:
            if monotonic() >= deadline:
                raise StartError(f"{problem}: {error}") from error
            if not is_logged:
                logger.warning("%s: %s; trying again for %g s", problem, error, timeout)
                is_logged = True
        gevent.sleep(RETRY_INTERVAL)
