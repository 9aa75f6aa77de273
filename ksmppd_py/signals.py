"""Blocks signals that would end a process without handlers. Used before anything else: imports nothing but signal."""

from __future__ import annotations

import signal

HELD = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
"""Signals that operators and logrotate send to the process in the pid file, at any moment."""


def hold() -> None:
    """Block HELD, also for forked processes, until handlers are installed; the signals arrive then."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)


def let_through() -> None:
    """Unblock HELD; signals that came meanwhile arrive now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
