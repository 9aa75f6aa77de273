"""The lines of the log about load and refusals."""

from __future__ import annotations

import time

import gevent
import pytest

from ksmppd_py.esme.registry import EsmeRegistry
from ksmppd_py.model.esme import ServerMeters
from ksmppd_py.server.statistics import StatusLog
from tests.parts.waiting import wait_until


def test_the_load_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    log = StatusLog(EsmeRegistry(ServerMeters(time.time()), time), lambda _: None, load_interval=0.001)
    log.start()
    wait_until(lambda: "Current SMPP load is 0.000000/sec inbound 0.000000/sec outbound" in caplog.text, "it")
    log.stop()
    caplog.clear()
    gevent.sleep(0.01)
    assert not caplog.messages
