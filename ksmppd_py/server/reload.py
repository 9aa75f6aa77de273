"""Applies changes of the configuration while the server runs, names the others (docs/rules/operations.md 3)."""

from __future__ import annotations

import logging
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from ksmppd_py import logs
from ksmppd_py.accesslog.log import AccessLog, AccessLogSettings
from ksmppd_py.config import Config, KsmppdGroup, restart_changes
from ksmppd_py.errors import StartError
from ksmppd_py.esme.listener import Listener
from ksmppd_py.esme.settings import dlr_profiles, tls_context, tlv_tables
from ksmppd_py.model.events import EventKind, EventStream
from ksmppd_py.server import settings
from ksmppd_py.server.components import Components
from ksmppd_py.server.event_log import EventLog
from ksmppd_py.transport import names

logger = logging.getLogger(__name__)


def _accept(_config: Config) -> None:
    """Find nothing wrong."""


@dataclass(frozen=True, slots=True)
class Reloadable:
    """A part of the server that takes another configuration while it runs.

    `check` raises StartError when the part could not use it. `apply` uses it from now on; it is called once `check` of
    all parts has returned.
    """

    apply: Callable[[Config], None]
    check: Callable[[Config], None] = _accept


class ConfigReload:
    """Has a configuration that was read again applied, by all parts or by none."""

    def __init__(self, config: Config, reloadables: Sequence[Reloadable], events: EventStream) -> None:
        """`config` is the configuration of the start, with which later ones are compared."""
        self._started_with = config
        self._reloadables = reloadables
        self._events = events

    def apply(self, config: Config) -> None:
        """Apply all changes or, when one can't be used, none; log those that need a restart. May yield."""
        try:
            for each in self._reloadables:
                each.check(config)
        except StartError as error:
            logger.error("%s; the configuration stays as it was", error, extra=logs.EACH)
            self._add_event(f"the configuration stays as it was: {error}")
            return
        for each in self._reloadables:
            each.apply(config)
        fixed = sorted(restart_changes(self._started_with, config))
        if fixed:
            logger.warning("These changes take a restart: %s", ", ".join(fixed), extra=logs.EACH)
        logger.info("The configuration was read again")
        self._add_event(
            f"the configuration was read; a restart is needed for {', '.join(fixed) or 'nothing'}"
        )

    def _add_event(self, text: str) -> None:
        self._events.add(EventKind.CONFIGURATION, text, time.time())


def reloadables(
    config: Config, components: Components, access: AccessLog, event_log: EventLog
) -> list[Reloadable]:
    """Return the parts that can use another configuration, in the order in which they take it over.

    `config` is the configuration of the start.
    """
    ports, log_level = _SmppPorts(config, components.listener), _LogLevel(config.ksmppd)
    admin = components.admin
    return [
        Reloadable(ports.apply, ports.check),
        Reloadable(lambda new: components.blocklist.reconfigure(new.ksmppd)),
        Reloadable(components.errors.reconfigure),
        Reloadable(lambda new: access.reconfigure(AccessLogSettings.of(new.ksmppd))),
        Reloadable(lambda new: event_log.reconfigure(new.ksmppd.event_log)),
        Reloadable(lambda new: names.know(new.hosts)),
        Reloadable(lambda new: components.pool.reconfigure(new.bearerboxes)),
        Reloadable(
            lambda new: admin.reconfigure(settings.admin(new)), lambda new: admin.check(settings.admin(new))
        ),
        Reloadable(log_level.apply),
        Reloadable(lambda new: components.replay.limits.limits.reconfigure(settings.queue_limit(new.ksmppd))),
        Reloadable(lambda new: setattr(components.ends, "on", new.ksmppd.dlr_always)),
        Reloadable(components.backends.apply),
    ]


class _SmppPorts:
    """The SMPP ports and sessions; the certificates are read once, by the check."""

    def __init__(self, config: Config, listener: Listener) -> None:
        self._id = config.ksmppd.id
        self._listener = listener
        self._context: ssl.SSLContext | None = None

    def check(self, config: Config) -> None:
        self._context = tls_context(config.ksmppd)

    def apply(self, config: Config) -> None:
        with_old_id = replace(config.ksmppd, id=self._id)
        self._listener.reconfigure(with_old_id, tlv_tables(config.tlvs), self._context, dlr_profiles(config))


class _LogLevel:
    """The log file's level. It stays what the operator's log-level command made it while the configuration's stays."""

    def __init__(self, ksmppd: KsmppdGroup) -> None:
        self._file = ksmppd.log_file
        self._level = ksmppd.log_level

    def apply(self, config: Config) -> None:
        if config.ksmppd.log_level != self._level:
            self._level = config.ksmppd.log_level
            logs.change_file_level(self._file, self._level)
