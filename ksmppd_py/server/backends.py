"""Builds the authenticator and the router that are configured: database, HTTP server or plugin."""

from __future__ import annotations

import logging

import gevent

from ksmppd_py.callbacks.auth import HttpAuthenticator
from ksmppd_py.callbacks.http_pool import PoolLimits
from ksmppd_py.callbacks.routing import HttpRouter
from ksmppd_py.config import Config, KsmppdPlugin, Method
from ksmppd_py.errors import KsmppdError, TemporaryError
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.logs import EACH
from ksmppd_py.model.ports import Authenticator, Router, UserRows
from ksmppd_py.plugins import PluginContext
from ksmppd_py.plugins.load import load_plugin
from ksmppd_py.plugins.roles import PluginAuthenticator, PluginRouter
from ksmppd_py.storage.database import Database
from ksmppd_py.storage.layout import Layout
from ksmppd_py.storage.router import DatabaseRouter
from ksmppd_py.storage.routes import DatabaseRoutes
from ksmppd_py.storage.users import DatabaseAuthenticator
from ksmppd_py.transport.greenlets import GreenletGroup

logger = logging.getLogger(__name__)

ANSWERS_TIMEOUT = 5.0
"""Seconds that a stop waits for an HTTP server's answers about messages in flight."""


class Backends:
    """The authenticator and the router. Raises StartError for a URL, a file or a plugin that can't be used."""

    def __init__(self, config: Config, database: Database, layout: Layout, registry: EsmeRegistry) -> None:
        """Changes of account rows are applied to the binds in `registry`."""
        self._config = config
        self._registry = registry
        self._database = database
        self._layout = layout
        self._refreshers = GreenletGroup("refreshers")
        self._intervals = (0, 0)
        self._contexts: dict[str, PluginContext] = {}
        self.authenticator = self._authenticator()
        self.router = self._router()

    @property
    def account_rows(self) -> UserRows | None:
        """The account rows, readable without a password; None where an HTTP server or plugin has the accounts."""
        return self.authenticator if isinstance(self.authenticator, DatabaseAuthenticator) else None

    def start(self) -> None:
        """Load the routes, and look for changed rows from now on. Raises TemporaryError. May yield."""
        self.router.rebuild()
        self._refresh(self._config)

    def apply(self, config: Config) -> None:
        """Look for changed rows as often as `config` says, or never; load the routes again. May yield.

        Routes that can't be loaded stay as they were, which is logged.
        """
        self._refresh(config)
        try:
            self.router.rebuild()
        except KsmppdError as error:
            logger.warning("Routes stay as they were: %s", error, extra=EACH)

    def _refresh(self, config: Config) -> None:
        every, interval = config.routing.routes_refresh_interval, config.ksmppd.accounts_refresh_interval
        if (every, interval) == self._intervals:
            return
        self._intervals = (every, interval)
        self._refreshers.end(1.0)
        router, authenticator, registry = self.router, self.authenticator, self._registry
        if every and isinstance(router, DatabaseRouter):
            self._refreshers.supervise("routes refresh", lambda: _refresh_routes(router, every))
        if interval and isinstance(authenticator, DatabaseAuthenticator):
            self._refreshers.supervise(
                "accounts refresh", lambda: _refresh_accounts(authenticator, registry, interval)
            )

    def stop(self, timeout: float = ANSWERS_TIMEOUT) -> None:
        """Stop deciding: callers that wait are refused temporarily. May yield, at most `timeout` seconds."""
        self._refreshers.end(1.0)
        if isinstance(self.router, HttpRouter):
            self.router.close(timeout)
        if isinstance(self.authenticator, HttpAuthenticator | DatabaseAuthenticator):
            self.authenticator.close()

    def _authenticator(self) -> Authenticator:
        ksmppd = self._config.ksmppd
        if ksmppd.auth_method is Method.HTTP:
            can_bill = self._config.database is not None
            return HttpAuthenticator(
                ksmppd,
                can_bill=can_bill,
                in_flight=self._config.routing.http_max_outstanding_requests,
            )
        if ksmppd.auth_method is Method.PLUGIN:
            return PluginAuthenticator(self._plugin(self._config.auth_plugin))
        return DatabaseAuthenticator(self._database, self._layout)

    def _router(self) -> Router:
        routing = self._config.routing
        if routing.routing_method is Method.HTTP:
            limits = PoolLimits(
                workers=routing.http_num_callers, in_flight=routing.http_max_outstanding_requests
            )
            return HttpRouter(routing, limits)
        if routing.routing_method is Method.PLUGIN:
            return PluginRouter(self._plugin(self._config.routing_plugin))
        routes = DatabaseRoutes(self._database, self._layout)
        has_accounts = self._config.ksmppd.auth_method is Method.DATABASE
        return DatabaseRouter(routes, routes.existing if has_accounts else None)

    def _plugin(self, group: KsmppdPlugin | None) -> PluginContext:
        """Return the context of a plugin, which is loaded once even if it both authenticates and routes."""
        assert group is not None
        context = self._contexts.get(group.id)
        if context is None:
            context = load_plugin(group)
            self._contexts[group.id] = context
        return context


def _refresh_routes(router: DatabaseRouter, interval: float) -> None:
    while True:
        gevent.sleep(interval)
        try:
            router.refresh()
        except TemporaryError as error:
            logger.warning("Routes stay as they were: %s", error)


def _refresh_accounts(authenticator: DatabaseAuthenticator, registry: EsmeRegistry, interval: float) -> None:
    while True:
        gevent.sleep(interval)
        for account in registry.bound_accounts():
            try:
                current = authenticator.current(account.system_id)
            except TemporaryError as error:
                logger.warning("Accounts stay as they were: %s", error)
                break
            if current is None:
                logger.warning("SMPP[%s] has no account any more, unbinding", account.system_id)
                registry.unbind(account.system_id, None)
            elif current != account:
                logger.info("SMPP[%s] has changed settings", account.system_id)
                registry.refresh(current)
