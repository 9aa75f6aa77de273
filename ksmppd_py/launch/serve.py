"""Runs the server: reads its configuration, starts it, acts on signals until it has stopped."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import resource
import signal
from collections.abc import Callable
from typing import Protocol, TypeAlias

import gevent

from ksmppd_py import __version__, logs
from ksmppd_py.config import Config, ConfigProblems, load
from ksmppd_py.errors import StartError
from ksmppd_py.launch import signals
from ksmppd_py.launch.arguments import Arguments
from ksmppd_py.launch.daemon import Process
from ksmppd_py.launch.notify import READY, STOPPING, notify
from ksmppd_py.server.process import remember_greenlets
from ksmppd_py.transport.greenlets import GreenletGroup, log_stray_errors

_FEW_DESCRIPTORS = 4096
_YOUNG_OBJECTS = 10_000
"""New objects after which the garbage collector looks at the young ones; by then most messages have ended."""

logger = logging.getLogger(__name__)


class Server(Protocol):
    """The running server, as signals use it."""

    def wait(self) -> None:
        """Return when the server has stopped. May yield."""

    def stop(self) -> None:
        """Stop gracefully. May yield."""

    def reopen_logs(self) -> None:
        """Open the server's own log files again by their names. Doesn't yield."""

    def reconfigure(self, config: Config) -> None:
        """Take over another configuration, except for keys that need a restart. May yield."""

    def ports(self) -> list[str]:
        """Return the open ports in words. Doesn't yield."""

    def statistics(self) -> list[str]:
        """Return the server's state as lines for the log. Doesn't yield."""


Start: TypeAlias = Callable[[Config], Server]
"""Starts a server. Raises StartError; a signal interrupts it at any yield. Then it stops what it has started."""


class Interrupted(BaseException):
    """A signal asked to stop during the start."""


def serve(arguments: Arguments, process: Process, start: Start) -> int:
    """Run a server until it has stopped; return the exit status. May yield."""
    logs.set_up(arguments.verbosity, arguments.debug_places)
    log_stray_errors()
    if arguments.log_file:
        logs.add_file(arguments.log_file, arguments.file_verbosity)
    try:
        config = _load(arguments.config)
        raise_descriptor_limit()
        handlers = SignalHandlers(process, ConfigReader(arguments.config))
        return _run(lambda: start(config), handlers, process, arguments.daemonize)
    except ConfigProblems as problems:
        for problem in problems.problems:
            logger.critical("%s", problem)
        logger.critical("Unable to read configuration file %s", arguments.config)
    except StartError as error:
        logger.critical("%s", error)
    except Exception:
        logger.critical("Unexpected error, the program ends", exc_info=True)
    return 1


def _load(path: str) -> Config:
    try:
        config = load(path)
    except ConfigProblems as problems:
        _log_warnings(problems.warnings)
        raise
    if config.ksmppd.log_file:
        logs.add_file(config.ksmppd.log_file, config.ksmppd.log_level)
    _log_warnings(config.warnings)
    return config


def _log_warnings(warnings: list[str] | tuple[str, ...]) -> None:
    for warning in warnings:
        logger.warning("%s", warning, extra=logs.EACH)


def raise_descriptor_limit() -> None:
    """Raise the limit of open files as far as the system allows, since each bind takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    if soft != resource.RLIM_INFINITY and soft < _FEW_DESCRIPTORS:
        logger.warning("Only %d files and connections can be open at the same time", soft)


class ConfigReader:
    """Reads the configuration file again, from the directory in which the daemon was started."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._directory = os.getcwd()

    def read(self) -> Config | None:
        """Return the configuration; None when it has an error, which is logged. Doesn't yield."""
        left = os.getcwd()
        try:
            os.chdir(self._directory)
            config = load(self._path)
        except ConfigProblems as problems:
            _log_warnings(problems.warnings)
            for problem in problems.problems:
                logger.error("%s", problem, extra=logs.EACH)
            logger.error("The configuration stays as it was", extra=logs.EACH)
            return None
        except OSError as error:
            logger.error("The configuration stays as it was: %s", error, extra=logs.EACH)
            return None
        finally:
            os.chdir(left)
        _log_warnings(config.warnings)
        return config


def _run(start: Callable[[], Server], handlers: SignalHandlers, process: Process, in_background: bool) -> int:
    handlers.install()
    housekeeping = GreenletGroup("logs")
    housekeeping.supervise("log housekeeping", _log_repeats)
    try:
        server = start()
        handlers.started(server)
        _calm_collector()
        logger.info("ksmppd-py %s is up: %s", __version__, ", ".join(server.ports()))
        process.report_up()
        notify(READY)
        if in_background:
            logs.leave_stderr()
        server.wait()
    except Interrupted:
        pass
    finally:
        handlers.uninstall()
        housekeeping.end(1.0)
        logs.log_repeats(at_once=True)
    return 0


def _calm_collector() -> None:
    """Exempt the objects of the start from garbage collection: a look at them stops everything for 20 ms or more."""
    gc.collect()
    remember_greenlets()
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, 20, 20)


def _log_repeats() -> None:
    while True:
        gevent.sleep(1.0)
        logs.log_repeats()


class SignalHandlers:
    """The actions of the process on signals, each in a greenlet of its own."""

    def __init__(self, process: Process, reader: ConfigReader) -> None:
        self._reader = reader
        self._server: Server | None = None
        self._process = process
        self._main = gevent.getcurrent()
        self._stopping = False
        self._reopened = False
        self._handlers: list[gevent.signal.signal] = []

    def started(self, server: Server) -> None:
        """Pass signals to the server from now on; re-open its logs if that was asked for meanwhile. Doesn't yield."""
        self._server = server
        if self._reopened:
            server.reopen_logs()

    def install(self) -> None:
        """Install the handlers."""
        for number in (signal.SIGUSR1, signal.SIGPIPE):
            signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGINT):
            self._handlers.append(gevent.signal_handler(number, self._stop, number))
        self._handlers.append(gevent.signal_handler(signal.SIGUSR2, self._reopen_logs, signal.SIGUSR2))
        self._handlers.append(gevent.signal_handler(signal.SIGHUP, self._read_again, signal.SIGHUP))
        self._handlers.append(gevent.signal_handler(signal.SIGQUIT, self._log_statistics))
        signals.let_through()

    def uninstall(self) -> None:
        """Remove the handlers. Signals that don't end the process are blocked from now on, so they are harmless."""
        signals.hold()
        for handler in self._handlers:
            handler.cancel()

    def _stop(self, number: signal.Signals) -> None:
        if self._stopping:
            logger.error("%s received again, leaving at once", number.name)
            self._process.clean_up()
            os._exit(1)
        self._stopping = True
        logger.warning("%s received, aborting program...", number.name)
        notify(STOPPING)
        if self._server is not None:
            self._server.stop()
        else:
            gevent.kill(self._main, Interrupted)

    def _reopen_logs(self, number: signal.Signals) -> None:
        logger.warning("%s received, catching and re-opening logs", number.name)
        logs.reopen()
        self._reopened = True
        if self._server is not None:
            self._server.reopen_logs()

    def _read_again(self, number: signal.Signals) -> None:
        self._reopen_logs(number)
        if self._server is None or self._stopping:
            return
        config = self._reader.read()
        if config is not None:
            self._server.reconfigure(config)

    def _log_statistics(self) -> None:
        logger.warning("SIGQUIT received, reporting the server's state")
        lines = self._server.statistics() if self._server is not None else ["The server is starting"]
        for line in lines:
            logger.warning("%s", line, extra=logs.EACH)  # all of it is what was asked for
