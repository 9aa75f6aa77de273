"""Cutting frames says what reading them says, whatever they look like and in whatever order they come."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.kannel import cutter as cutter_module
from ksmppd_py.kannel.codec import LIKELY, BoxLink, pack_sms
from ksmppd_py.kannel.cutter import SHORT, VARYING, Cutter, Group
from ksmppd_py.kannel.messages import SMS_FIELDS, Kind, Sms

ID = b"0a1b2c3d-0000-4000-8000-000000000001"
IDS = st.integers(1, 10**12 - 1).map(lambda number: b"0a1b2c3d-0000-4000-8000-%012d" % number)
STRINGS = st.none() | st.binary(max_size=3) | st.sampled_from([b"+491700", b"\0\0\0\1a", b"x" * 300])
OF_KIND = {Kind.INTEGER: st.integers(-1, 2) | st.just(2**31 - 1), Kind.STRING: STRINGS, Kind.UUID: IDS}
ANY = st.fixed_dictionaries({}, optional={name: OF_KIND[kind] for name, kind in SMS_FIELDS})
MOSTLY_ALIKE = st.fixed_dictionaries(
    {"id": IDS, "receiver": st.sampled_from([b"+4917012", b"+49170123"])},
    optional={"smsc_id": st.sampled_from([b"a", b"b", b"cc"]), "msgdata": st.binary(max_size=SHORT + 2)},
)


def sms(**fields: Any) -> Sms:
    told: dict[str, Any] = {
        "sender": b"12345",
        "receiver": b"+491700",
        "msgdata": b"hello",
        "smsc_id": b"smsc1",
        "service": b"acme",
        "id": ID,
        "time": 1_700_000_000,
        "sms_type": 2,
        "coding": 0,
        "dlr_mask": 19,
        "dlr_url": b"acme|1700000000|" + ID,
    }
    return Sms(**{**told, **fields})


def cut(cutter: Cutter, messages: list[Sms]) -> list[Group]:
    octets = b"before" + b"".join(map(pack_sms, messages))
    groups, end = cutter.cut(octets, len(b"before"), len(messages), b"acme")
    assert end == len(octets)
    return groups


def as_read(message: Sms) -> Sms:
    [found] = BoxLink().receive(pack_sms(message))
    assert isinstance(found, Sms)
    return found


def check(groups: list[Group], messages: list[Sms]) -> None:
    """Everything that the groups say of the messages is so, and in order."""
    expected = list(map(as_read, messages))
    for likeness, rows in groups:
        for row in rows:
            message = expected.pop(0)
            if likeness is None:
                assert row == message
                continue
            length = b"%d" % len(message.msgdata or b"")
            assert row == (message.sender, message.receiver, length, message.id)
            assert not message.udhdata
            for name, _ in SMS_FIELDS:
                assert name in VARYING or getattr(likeness.sms, name) == getattr(message, name)
    assert not expected


def rows_alike(cutter: Cutter, messages: list[Sms], are_alike: bool = False) -> list[Group] | None:
    """What cut_alike says, as a group."""
    octets = b"before" + b"".join(map(pack_sms, messages))
    found = cutter.cut_alike(octets, len(b"before"), len(messages), b"acme", are_alike)
    if found is None:
        return None
    likeness, columns, end = found
    assert end == len(octets)
    values = [tuple(column) * (len(messages) if len(column) == 1 else 1) for column in columns]
    return [(likeness, list(zip(*values, strict=True)))]


@given(st.lists(ANY | MOSTLY_ALIKE, min_size=1, max_size=6), st.integers(0, 5), MOSTLY_ALIKE)
def test_columns_say_what_reading_says(
    learnt: list[dict[str, Any]], which: int, changes: dict[str, Any]
) -> None:
    """Whatever is known, and whichever of the messages isn't as the others."""
    cutter = Cutter()
    cut(cutter, [sms(**fields) for fields in learnt])
    usual = {**learnt[which % len(learnt)], "id": ID}
    for odd in (usual, {**usual, **changes}):
        messages = [sms(**usual), sms(**odd), sms(**usual)]
        groups = rows_alike(cutter, messages)
        if groups is not None:
            check(groups, messages)


def test_many_of_one_kind_are_cut_by_columns() -> None:
    cutter = Cutter()
    cut(cutter, [sms(smsc_id=b"smsc0"), sms()])
    messages = [sms(receiver=b"+49%04d" % number, msgdata=b"x%04d" % number) for number in range(100)]
    groups = rows_alike(cutter, messages)
    assert groups is not None
    check(groups, messages)


LIKELY_FIELDS = st.fixed_dictionaries(
    {
        "id": IDS,
        "receiver": st.sampled_from([b"+4917012", b"+49170123", b"\0\0\0\x08+491"]),
        "msgdata": st.sampled_from([b"1234567", b"12345678", b"x\0\0\0\x08y12", b"y" * (SHORT + 1)]),
        "dlr_url": st.sampled_from([b"a|1", b"a|12", b"\0\0\x01\x18"]),
    }
)


@given(
    usual=ANY, first=LIKELY_FIELDS, told=st.lists(LIKELY_FIELDS, min_size=1, max_size=6), same=st.booleans()
)
def test_of_what_is_known_to_be_alike_columns_say_what_reading_says(
    usual: dict[str, Any], first: dict[str, Any], told: list[dict[str, Any]], same: bool
) -> None:
    cutter = Cutter()
    cut(cutter, [sms(**{**usual, **first}), sms(**{**usual, **told[0]})])
    messages = [sms(**{**usual, **(told[0] if same else fields), "id": fields["id"]}) for fields in told]
    groups = rows_alike(cutter, messages, are_alike=True)
    if groups is not None:
        check(groups, messages)


def test_what_is_likely_to_differ_is_no_part_of_a_likeness() -> None:
    assert set(VARYING) >= LIKELY


def test_of_what_is_known_to_be_alike_nothing_is_compared() -> None:
    """Whoever says so is believed."""
    cutter = Cutter()
    cut(cutter, [sms(receiver=b"+491799")])
    messages = [sms(receiver=b"+4917%02d" % number, sender=b"1234%d" % (number % 2)) for number in range(9)]
    groups = rows_alike(cutter, messages, are_alike=True)
    assert groups is not None
    [(_, rows)] = groups
    assert {row[0] for row in rows} == {b"12340"}


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize(
    "odd",
    [
        {"smsc_id": b"smsc2"},
        {"smsc_id": b"smsc22"},
        {"msgdata": b"hello!"},
        {"sender": b"123456", "receiver": b"+49170"},
        {"sender": b"1234", "msgdata": b"hello!"},
        {"coding": 1},
        {"priority": 3},
        {"udhdata": b"\1\2", "msgdata": b"hel"},
    ],
)
def test_one_that_differs_is_noticed(place: int, odd: dict[str, Any]) -> None:
    cutter = Cutter()
    cut(cutter, [sms(), sms(**odd)])
    messages = [sms(), sms(), sms()]
    messages[place] = sms(**odd)
    assert rows_alike(cutter, messages) is None


def test_what_ends_early_is_noticed() -> None:
    cutter = _one_that_knows()
    octets = pack_sms(sms()) * 2
    for count, length in [(2, len(octets) - 1), (3, len(octets)), (3, len(octets) + 12)]:
        assert cutter.cut_alike((octets + octets)[:length], 0, count, b"acme") is None


@given(st.lists(ANY | MOSTLY_ALIKE, max_size=8), st.lists(ANY | MOSTLY_ALIKE, max_size=8))
def test_it_says_what_reading_says(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    cutter = Cutter()
    for told in (first, second, first):
        messages = [sms(**fields) for fields in told]
        check(cut(cutter, messages), messages)


def test_messages_that_are_alike_are_one_group() -> None:
    messages = [sms(receiver=b"+4917%d" % number, msgdata=b"x" * (number % 60)) for number in range(200)]
    [(likeness, rows)] = cut(Cutter(), messages)
    assert likeness is not None
    assert len(rows) == 200
    assert rows[7] == (b"12345", b"+49177", b"7", ID)


def test_what_was_learnt_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    cutter = Cutter()
    messages = [sms(smsc_id=smsc_id) for smsc_id in (b"a", b"b", b"cc")]
    cut(cutter, messages)
    monkeypatch.setattr(cutter_module, "BoxLink", None)
    again = [replace(message, id=ID[:-1] + b"2", time=7) for message in messages]
    check(cut(cutter, again), again)


@pytest.mark.parametrize("fields", [{"udhdata": b"\5\0\3\1\2\1"}, {"msgdata": b"x" * (SHORT + 1)}])
def test_long_and_headed_ones_are_read(fields: dict[str, Any]) -> None:
    messages = [sms(), sms(**fields), sms(**fields), sms()]
    groups = cut(Cutter(), messages)
    assert [likeness is None for likeness, _ in groups] == [False, True, False]
    check(groups, messages)


def test_it_remembers_only_so_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cutter_module, "MOST_LAYOUTS", 5)
    cutter = Cutter()
    for number in range(20):
        messages = [sms(smsc_id=b"%d" % number)]
        check(cut(cutter, messages), messages)
    assert sum(map(len, cutter._layouts.values())) <= 5
    assert len(cutter._likenesses) <= 6


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"\0\0\0\x08\0\0\0\x02\0\0\0\0",
        pack_sms(sms())[:-1],
        pack_sms(sms())[:100],
        b"\0\0\0\x04\0\0\0\x00" * 9,
    ],
)
def test_nonsense_is_refused(octets: bytes) -> None:
    for cutter in (Cutter(), _one_that_knows()):
        with pytest.raises((ValueError, IndexError, cutter_module.struct.error)):
            cutter.cut(octets, 0, 1, b"acme")


def _one_that_knows() -> Cutter:
    cutter = Cutter()
    cut(cutter, [sms()])
    return cutter
