"""Signals that would end a process which has no handlers yet. Used before anything else: imports nothing but signal."""

from __future__ import annotations

import signal

HELD = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
"""What operators and logrotate send to the process in the pid file, at whatever moment."""


def hold() -> None:
    """Keep HELD back: whoever has handlers lets them through, late and not lost. Forked processes hold them, too."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)


def let_through() -> None:
    """The opposite of `hold`; what came meanwhile comes now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
