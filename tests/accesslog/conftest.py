"""An access log whose scribe is at work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from ksmppd_py.accesslog import log as log_module
from ksmppd_py.accesslog.log import AccessLog, AccessLogSettings


def start(log: AccessLog) -> None:
    """Let it have its scribe."""
    log.start()
    while not log.scribe_pid:
        gevent.sleep(0.01)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


@pytest.fixture
def log(path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[AccessLog]:
    """One with a scribe at work."""
    monkeypatch.setattr(log_module, "FIRST_PAUSE", 0.01)
    made = AccessLog(AccessLogSettings(str(path)))
    with gevent.Timeout(30):
        start(made)
        yield made
        made.stop()
