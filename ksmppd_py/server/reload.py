"""Applies changes of the configuration while the daemon runs, names the others (docs/rules/operations.md 3)."""

from __future__ import annotations

import logging
from dataclasses import replace

from ksmppd_py import logs
from ksmppd_py.accesslog.log import AccessLog
from ksmppd_py.admin.server import AdminServer
from ksmppd_py.bearerbox.pool import BearerboxPool
from ksmppd_py.config import Config, restart_changes
from ksmppd_py.errors import KsmppdError, StartError
from ksmppd_py.esme.blocklist import BlockList
from ksmppd_py.esme.listener import Listener
from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.esme.settings import tls_context
from ksmppd_py.server import settings
from ksmppd_py.server.backends import Backends
from ksmppd_py.transport import names

logger = logging.getLogger(__name__)


class ConfigReload:
    """Compares a configuration with the one of the start, and applies its changes as far as possible."""

    def __init__(
        self,
        config: Config,
        listener: Listener,
        pool: BearerboxPool,
        blocklist: BlockList,
        access: AccessLog,
        admin: AdminServer,
        backends: Backends,
        registry: EsmeRegistry,
    ) -> None:
        self._started_with = config
        self._log_level = config.ksmppd.log_level
        self._listener = listener
        self._pool = pool
        self._blocklist = blocklist
        self._access = access
        self._admin = admin
        self._backends = backends
        self._registry = registry

    def change(self, config: Config) -> None:
        """Apply all changes or, when one is wrong, none; log those that need a restart.

        May yield (routes, at the end).
        """
        admin = settings.admin(config)
        try:
            context = tls_context(config.ksmppd)
            self._admin.check(admin)
        except StartError as error:
            logger.error("%s; the configuration stays as it was", error, extra=logs.EACH)
            return
        with_old_id = replace(config.ksmppd, id=self._started_with.ksmppd.id)
        self._listener.change(with_old_id, settings.tlvs(config), context)
        self._blocklist.change(config.ksmppd)
        self._access.change(settings.access_log(config))
        names.know(settings.hosts(config))
        self._pool.change(config.bearerboxes)
        self._admin.change(admin)
        self._backends.keep_up(config, self._registry)
        level = config.ksmppd.log_level
        if level != self._log_level:  # otherwise the level of the operator's log-level command stays
            logs.change_file_level(self._started_with.ksmppd.log_file, level)
            self._log_level = level
        fixed = sorted(restart_changes(self._started_with, config))
        if fixed:
            logger.warning("These changes take a restart: %s", ", ".join(fixed), extra=logs.EACH)
        logger.info("The configuration was read again")
        try:
            self._backends.router.rebuild()
        except KsmppdError as error:
            logger.warning("Routes stay as they were: %s", error, extra=logs.EACH)
