"""The history of messages for query_sm."""

from __future__ import annotations

import pytest

from ksmppd_py.kannel.messages import Sms
from ksmppd_py.model.history import MessageHistory, Remembered


def mt(number: int) -> Sms:
    return Sms(id=b"id%d" % number, service=b"a", sender=b"1", dlr_mask=19)


def report(mask: int, ids: bytes = b"id1", **others: object) -> Sms:
    return Sms(sender=b"1", dlr_mask=mask, dlr_url=b"a|1|" + ids, time=5, msgdata=b"text", **others)  # type: ignore[arg-type]  # fields of Sms


def test_accepted_then_reported() -> None:
    history = MessageHistory(10)
    assert history.find("a", b"id1") is None
    history.accepted(mt(1))
    assert history.find("a", b"id1") == Remembered(b"1", None)
    history.reported("a", report(1))
    found = history.find("a", b"id1")
    assert found is not None
    assert found.report is not None
    assert (found.sender, found.report.dlr_mask, found.report.msgdata, found.report.time) == (
        b"1",
        1,
        b"text",
        5,
    )


@pytest.mark.parametrize("mask", [4, 8, 12])
def test_what_is_not_final_changes_nothing(mask: int) -> None:
    history = MessageHistory(10)
    history.accepted(mt(1))
    history.reported("a", report(mask))
    found = history.find("a", b"id1")
    assert found is not None
    assert found.report is None


@pytest.mark.parametrize("mask", [-1, 0, 1, 2, 16, 0x22, 0x42, 5])
def test_final_reports(mask: int) -> None:
    history = MessageHistory(10)
    history.reported("a", report(mask, b"id1;id2"))
    for message_id in (b"id1", b"id2"):
        found = history.find("a", message_id)
        assert found is not None
        assert found.report is not None


def test_memory_is_bounded_and_forgets_the_oldest() -> None:
    history = MessageHistory(10)
    for number in range(100):
        history.accepted(mt(number))
        assert len(history) <= 10
    assert history.find("a", b"id0") is None
    assert all(history.find("a", b"id%d" % number) for number in range(95, 100))


def test_no_memory_at_all() -> None:
    history = MessageHistory(0)
    history.accepted(mt(1))
    history.reported("a", report(1))
    assert (len(history), history.find("a", b"id1")) == (0, None)


def test_a_report_without_dlr_url_is_no_report() -> None:
    history = MessageHistory(10)
    history.reported("a", Sms(dlr_mask=1))
    assert len(history) == 0


def test_each_account_has_its_own() -> None:
    history = MessageHistory(10)
    history.accepted(mt(1))
    assert history.find("b", b"id1") is None


@pytest.mark.parametrize("mask", [-1, 0, 1, 2, 16, 18])
def test_messages_without_a_report_at_either_end_are_not_remembered(mask: int) -> None:
    """They would seem to be under way for ever."""
    history = MessageHistory(10)
    history.accepted(Sms(id=b"id1", service=b"a", sender=b"1", dlr_mask=mask))
    assert history.find("a", b"id1") is None
