"""Waiting for what is to happen, the one way for all tests. Imports nothing that is slow to import."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class PartError(AssertionError):
    """A part did not start, did not stop, or did not do what a test waited for."""


def wait_until(
    probe: Callable[[], T], what: str | Callable[[], str] = "the condition", timeout: float = 10.0
) -> T:
    """Call `probe` until it returns something true, and return that; PartError after `timeout` seconds.

    Pauses grow with the time that has passed, from 1 ms to 0.1 s; other greenlets run in them.
    """
    deadline = time.monotonic() + timeout
    pause = 0.001
    while True:
        found = probe()
        if found:
            return found
        if time.monotonic() > deadline:
            text = what if isinstance(what, str) else what()
            raise PartError(f"waited {timeout:g} s, without success, for {text}")
        time.sleep(pause)
        pause = min(pause * 1.25, 0.1)
