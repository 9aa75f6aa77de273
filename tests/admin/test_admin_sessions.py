"""Browsers' sessions: how long cookies are valid, for whom, and over restarts."""

from __future__ import annotations

import pytest

from ksmppd_py.admin.sessions import IDLE, LONGEST, MOST_CLOSED, RENEWAL, Sessions, cookie_header

NOW = 1_800_000_000.0


@pytest.fixture
def clock() -> list[float]:
    return [NOW]


@pytest.fixture
def sessions(clock: list[float]) -> Sessions:
    return Sessions(b"secret", lambda: clock[0])


def test_a_session_survives_a_restart(sessions: Sessions, clock: list[float]) -> None:
    session = sessions.open("ann")
    found = Sessions(b"secret", lambda: clock[0]).find(session.token)
    assert found is not None
    assert (found.username, found.csrf, found.token) == ("ann", session.csrf, "")


def test_another_secret_ends_it(sessions: Sessions, clock: list[float]) -> None:
    token = sessions.open("ann").token
    assert Sessions(b"other", lambda: clock[0]).find(token) is None
    sessions.reconfigure(b"secret")
    assert sessions.find(token) is not None
    sessions.reconfigure(b"other")
    assert sessions.find(token) is None


def test_silence_ends_it(sessions: Sessions, clock: list[float]) -> None:
    token = sessions.open("ann").token
    clock[0] += IDLE
    assert sessions.find(token) is not None
    clock[0] += 1
    assert sessions.find(token) is None


def test_requests_renew_it_until_it_ends_anyway(sessions: Sessions, clock: list[float]) -> None:
    token = sessions.open("ann").token
    clock[0] += RENEWAL - 1
    found = sessions.find(token)
    assert found is not None
    assert found.token == ""
    while clock[0] + 1000 <= NOW + LONGEST:
        clock[0] += 1000
        found = sessions.find(token)
        assert found is not None
        token = found.token
    clock[0] += 1000
    assert sessions.find(token) is None


def test_a_signed_out_one_is_over_with_all_its_cookies(sessions: Sessions, clock: list[float]) -> None:
    session = sessions.open("ann")
    clock[0] += RENEWAL
    renewed = sessions.find(session.token)
    assert renewed is not None
    sessions.close(renewed)
    assert sessions.find(session.token) is None
    assert sessions.find(renewed.token) is None
    for _ in range(MOST_CLOSED):
        sessions.close(sessions.open("ann"))
    assert len(sessions._closed) == MOST_CLOSED


@pytest.mark.parametrize("damage", ["", "x", "x" * 2000, "é", "a.b.c", "{}.{}.{}"])
def test_damaged_tokens(sessions: Sessions, damage: str) -> None:
    assert sessions.find(damage) is None


def test_changed_tokens(sessions: Sessions) -> None:
    token = sessions.open("ann").token
    for position in range(0, len(token), 7):
        other = "A" if token[position] != "A" else "B"
        assert sessions.find(token[:position] + other + token[position + 1 :]) is None


def test_two_sessions_have_nothing_in_common(sessions: Sessions) -> None:
    one, other = sessions.open("ann"), sessions.open("ann")
    assert len({one.token, other.token, one.csrf, other.csrf}) == 4
    assert sessions.find(one.csrf) is None


def test_cookie_headers() -> None:
    assert cookie_header("t", False) == ("Set-Cookie", "ksmppd_session=t; Path=/; HttpOnly; SameSite=Strict")
    assert cookie_header("t", True)[1].endswith("; Secure")
    assert cookie_header("", True)[1].endswith("; Max-Age=0")
