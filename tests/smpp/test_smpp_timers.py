"""The timers of SMPP 3.4, 7.2, with a given time."""

from __future__ import annotations

import pytest

from ksmppd_py.smpp.timers import SessionTimers, TimerEvent, TimerSettings


def bound(settings: TimerSettings | None = None) -> SessionTimers:
    timers = SessionTimers(settings or TimerSettings(), 1000.0)
    timers.bind(1010.0)
    return timers


def test_no_bind() -> None:
    timers = SessionTimers(TimerSettings(), 1000.0)
    assert timers.due(1059) is None
    timers.heard(1050)  # an enquire_link is no bind
    assert timers.due(1059.9) is None
    assert timers.due(1060) is TimerEvent.SESSION_INIT
    assert timers.due(2000) is TimerEvent.SESSION_INIT


def test_bind_stops_session_init() -> None:
    timers = bound()
    assert timers.due(1189) is None


def test_silence() -> None:
    timers = bound()
    assert timers.due(1190) is TimerEvent.ENQUIRE_LINK
    assert timers.due(1190) is None
    assert timers.due(1369) is None
    assert timers.due(1371) is TimerEvent.ENQUIRE_LINK
    assert timers.due(1549.9) is None
    assert timers.due(1550) is TimerEvent.INACTIVITY
    assert timers.due(1551) is TimerEvent.INACTIVITY


def test_any_pdu_ends_the_silence() -> None:
    timers = bound()
    assert timers.due(1190) is TimerEvent.ENQUIRE_LINK
    timers.heard(1200)
    assert timers.due(1379) is None
    assert timers.due(1380) is TimerEvent.ENQUIRE_LINK
    assert timers.due(1739) is TimerEvent.ENQUIRE_LINK
    assert timers.due(1740) is TimerEvent.INACTIVITY


def test_no_enquire_link_when_it_is_too_late_for_one() -> None:
    assert bound().due(5000) is TimerEvent.INACTIVITY


@pytest.mark.parametrize("off", [0, -1])
def test_timers_can_be_off(off: float) -> None:
    settings = TimerSettings(off, off, off)
    timers = SessionTimers(settings, 0.0)
    assert timers.due(1e9) is None
    timers.bind(0.0)
    assert timers.due(1e9) is None


def test_settings() -> None:
    timers = bound(TimerSettings(session_init=1, enquire_link=2, inactivity=5))
    assert timers.due(1011.9) is None
    assert timers.due(1012) is TimerEvent.ENQUIRE_LINK
    assert timers.due(1015) is TimerEvent.INACTIVITY
