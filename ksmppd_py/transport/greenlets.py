"""Greenlets with a group that owns them, a name and an end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gevent
from gevent import Greenlet
from gevent.baseserver import BaseServer
from gevent.pool import Group

logger = logging.getLogger(__name__)


class GreenletGroup:
    """Owns the greenlets of a package or connection: starts and names them, logs their failures, ends them all."""

    __slots__ = ("_group", "_inherits_log_context", "name")

    def __init__(self, name: str, *, inherits_log_context: bool = False) -> None:
        """`inherits_log_context`: log lines of a greenlet have the context of the greenlet that started it."""
        self.name = name
        self._inherits_log_context = inherits_log_context
        self._group = Group()

    def __len__(self) -> int:
        return len(self._group)

    def spawn(self, name: str, function: Callable[..., Any], *arguments: Any) -> Greenlet:
        """Run `function` in a greenlet called `name`; an exception that leaves it is logged. Doesn't yield."""
        greenlet: Greenlet = Greenlet(_guarded, name, function, arguments)
        greenlet.name = name
        if self._inherits_log_context:
            greenlet.log_context = getattr(gevent.getcurrent(), "log_context", None)
        self._group.start(greenlet)
        return greenlet

    def supervise(self, name: str, function: Callable[[], Any], pause: float = 1.0) -> Greenlet:
        """Run `function` for ever: when it raises, log that and start it again after `pause` seconds. Doesn't yield."""
        return self.spawn(name, _supervised, name, function, pause)

    def end(self, timeout: float | None = None) -> None:
        """Kill the greenlets that still run, and wait for them, at most `timeout` seconds. May yield."""
        self._group.kill(block=True, timeout=timeout)

    def join(self, timeout: float) -> None:
        """Wait until all have ended by themselves, at most `timeout` seconds. May yield."""
        self._group.join(timeout=timeout)


def set_log_context(context: object) -> None:
    """Add `str(context)`, made only for lines that are written, to later log lines of the greenlet. None: nothing."""
    gevent.getcurrent().log_context = context


def _guarded(name: str, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
    try:
        return function(*arguments)
    except Exception:
        logger.exception("Greenlet %s ended by an unexpected error", name)
        return None


def _supervised(name: str, function: Callable[[], Any], pause: float) -> None:
    while True:
        try:
            function()
        except Exception:
            logger.exception("%s failed, starting it again in %s s", name, pause)
        gevent.sleep(pause)


def log_stray_errors() -> None:
    """Log errors that the event loop would print, such as those of accepting without a descriptor."""
    gevent.get_hub().print_exception = _log_stray


def _log_stray(context: object, kind: Any, error: Any, traceback: Any) -> None:
    if isinstance(context, BaseServer):
        logger.error("Can't accept connections on port %s: %s", context.server_port, error)
    elif isinstance(context, tuple):
        logger.debug("%s in a thread failed: %s", context[-1], error)  # its caller gets it too
    else:
        logger.error("%s failed unexpectedly", context, exc_info=(kind, error, traceback))
