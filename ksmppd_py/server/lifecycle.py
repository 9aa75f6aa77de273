"""Starts the steps of the server in order, and stops them in reverse, also after half a start."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import monotonic

import gevent
from gevent import Greenlet

logger = logging.getLogger(__name__)


def _nothing(*_arguments: float) -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the start, of the stop, or of both. Both functions may yield.

    `stop` is called with the seconds that are left for the whole stop, which may be 0. It is also called when `start`
    raised, so it has to do for what was half started.
    """

    name: str
    start: Callable[[], object] = _nothing
    stop: Callable[[float], object] = _nothing


class Lifecycle:
    """The steps that were begun, in their order."""

    def __init__(self, stop_timeout: float) -> None:
        """`stop_timeout` is the number of seconds that a stop may take."""
        self._stop_timeout = stop_timeout
        self._begun: list[Step] = []

    def begin(self, step: Step) -> None:
        """Start a step, which is stopped before those that were begun earlier. Raises what its start raises."""
        self._begun.append(step)
        step.start()

    @contextmanager
    def unwinding(self) -> Iterator[None]:
        """Stop what was begun when the body raises anything, and pass that on. May yield."""
        try:
            yield
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop all steps in reverse; an unexpected error of one is logged and keeps no other from it. May yield."""
        deadline = monotonic() + self._stop_timeout
        while self._begun:
            step = self._begun.pop()
            try:
                step.stop(max(0.0, deadline - monotonic()))
            except Exception:
                logger.exception("The stop of %s failed unexpectedly", step.name)


class StopInBackground:
    """A stop that takes its time while later steps go on."""

    def __init__(self, stop: Callable[[], object]) -> None:
        self._stop = stop
        self._greenlet: Greenlet | None = None

    def begin(self, _left: float = 0.0) -> None:
        """Begin the stop in a greenlet, unless it has begun. Doesn't yield.

        The seconds left, which a step's stop is called with, are ignored.
        """
        if self._greenlet is None:
            self._greenlet = gevent.spawn(self._stop)

    def end(self, _left: float = 0.0) -> None:
        """Wait until the stop has ended; begin it if it hasn't begun. Raises the stop's error. May yield."""
        self.begin()
        assert self._greenlet is not None
        self._greenlet.get()
