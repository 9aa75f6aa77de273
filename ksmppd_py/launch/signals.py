"""Blocks or handles signals until the server has handlers. Used before anything else: imports next to nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from types import FrameType

HELD = (signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
"""Signals that operators and logrotate send to the process in the pid file, at any moment."""
ENDING = (signal.SIGTERM, signal.SIGINT)
"""Signals that ask the process to end."""


def hold() -> None:
    """Block HELD, also for forked processes, until handlers are installed; the signals arrive then."""
    signal.pthread_sigmask(signal.SIG_BLOCK, HELD)


def let_through() -> None:
    """Unblock HELD; signals that came meanwhile arrive now."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)


def end_at_once(clean_up: Callable[[], None]) -> None:
    """Make SIGTERM and SIGINT call `clean_up` and end the process with status 0: nothing runs yet that must be stopped.

    The handler raises nothing: an import that is interrupted so may turn the exception into another one.
    """

    def end(_number: int, _frame: FrameType | None) -> None:
        clean_up()
        os._exit(0)

    for number in ENDING:
        signal.signal(number, end)


def end_by_default() -> None:
    """Have ENDING end the process as the system does, without a traceback."""
    for number in ENDING:
        signal.signal(number, signal.SIG_DFL)
