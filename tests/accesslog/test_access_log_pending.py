"""What was sent and isn't acked yet: acks in turn, out of turn, twice, and for others."""

from __future__ import annotations

import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.accesslog.frames import Run
from ksmppd_py.accesslog.pending import Accepted, Pending, Sent
from ksmppd_py.kannel.codec import acks_of, pack, pack_ack, pack_acks, read_acks
from ksmppd_py.kannel.messages import Ack, Heartbeat

RUN = Run(1, b"acme", 7, 1.0, 0, 0, 0.0)


def id_of(number: int) -> bytes:
    return b"0a1b2c3d-0000-4000-8000-%012x" % number


def sent(*numbers: int) -> Sent:
    return Sent(RUN, tuple(map(id_of, numbers)), None, None)


def acks(*numbers: int, nack: int = 0) -> bytes:
    return pack_acks(nack, map(id_of, numbers))


def taken(pending: Pending, octets: bytes) -> tuple[list[bytes], int]:
    accepted, strays = pending.take(octets)
    return [id for one in accepted for id in one.sent.ids[one.first : one.end]], strays


def numbered(pending: Pending, octets: bytes) -> tuple[list[int], int]:
    ids, strays = taken(pending, octets)
    return [int(id[-12:], 16) for id in ids], strays


@pytest.fixture
def pending() -> Pending:
    made = Pending()
    for numbers in ((1, 2, 3), (4, 5), (6,)):
        made.add(sent(*numbers))
    return made


def test_acks_in_turn_come_as_slices_whatever_their_number(pending: Pending) -> None:
    first, strays = pending.take(acks(1, 2))
    assert [one[1:] for one in first] == [(0, 2)]
    second, _ = pending.take(acks(3, 4, 5, 6))
    assert [one[1:] for one in second] == [(2, 3), (0, 2), (0, 1)]
    assert (strays, len(pending)) == (0, 0)


def test_slices_belong_to_what_was_sent() -> None:
    pending, one = Pending(), sent(1, 2)
    pending.add(one)
    assert pending.take(acks(1, 2)) == ([Accepted(one, 0, 2)], 0)


@pytest.mark.parametrize(
    "stamps", [(0, 0, 0, 0, 0, 0), (1, 1, 1, 2, 2, 2), (1, 1, 2, 2, 3, 4), (-1, 5, 5, 5, 5, 5)]
)
@pytest.mark.parametrize("nack", [0, 3])
def test_acks_in_turn_whatever_their_times(pending: Pending, stamps: tuple[int, ...], nack: int) -> None:
    octets = b"".join(pack_ack(nack, stamp, id_of(1 + place)) for place, stamp in enumerate(stamps))
    assert numbered(pending, octets) == ([1, 2, 3, 4, 5, 6], 0)
    assert len(pending) == 0


@pytest.mark.parametrize(
    ("octets", "found", "strays", "left"),
    [
        (acks(2, 1, 3), [2, 1, 3], 0, 3),
        (acks(1, 3, 4, 6), [1, 3, 4, 6], 0, 2),
        (acks(1) + acks(2, nack=1) + acks(3, nack=3), [1, 3], 0, 3),
        (acks(1, nack=2), [], 0, 5),
        (acks(1, nack=-7), [], 0, 5),
        (acks(9), [], 1, 6),
        (acks(1, 9, 2), [1, 2], 1, 4),
        (acks(1, 1), [1], 1, 5),
        (acks(*range(1, 10)), [1, 2, 3, 4, 5, 6], 3, 0),
        (acks(0xABC), [], 1, 6),
    ],
)
def test_acks_out_of_turn(pending: Pending, octets: bytes, found: list[int], strays: int, left: int) -> None:
    assert numbered(pending, octets) == (found, strays)
    assert len(pending) == left


def test_what_was_left_behind_is_found_later_and_what_follows_too(pending: Pending) -> None:
    assert numbered(pending, acks(2)) == ([2], 0)
    pending.add(sent(7, 8))
    assert numbered(pending, acks(7, 1)) == ([7, 1], 0)
    assert numbered(pending, acks(3, 4, 5, 6, 8)) == ([3, 4, 5, 6, 8], 0)
    pending.add(sent(9))
    assert numbered(pending, acks(9)) == ([9], 0)
    assert len(pending) == 0


def test_an_id_in_capitals_is_the_same() -> None:
    pending = Pending()
    pending.add(sent(0xABC))
    assert numbered(pending, pack_acks(0, [id_of(0xABC).upper()])) == ([0xABC], 0)


def test_what_are_no_acks_is_refused(pending: Pending) -> None:
    for octets in (b"", b"x" * 55):
        with pytest.raises((ValueError, struct.error)):
            pending.take(octets)


@given(st.data())
def test_each_is_found_once(data: Any) -> None:
    pending, open_, following = Pending(), dict[int, None](), 1
    for step in data.draw(st.lists(st.sampled_from("sia"), max_size=20)):
        if step == "s":
            count = data.draw(st.integers(1, 4))
            pending.add(sent(*range(following, following + count)))
            open_.update(dict.fromkeys(range(following, following + count)))
            following += count
        elif step == "i" and open_:
            numbers = list(open_)[: data.draw(st.integers(1, 6))]
            assert numbered(pending, acks(*numbers)) == (numbers, 0)
            for number in numbers:
                del open_[number]
        elif step == "a":
            told = data.draw(
                st.lists(st.tuples(st.integers(0, following), st.sampled_from([0, 0, 1, 2, 3])), min_size=1)
            )
            expected, strays = [], 0
            for number, nack in told:
                if number not in open_:
                    strays += 1
                    continue
                del open_[number]
                if nack in (0, 3):
                    expected.append(number)
            octets = b"".join(acks(number, nack=nack) for number, nack in told)
            assert numbered(pending, octets) == (expected, strays)
        assert len(pending) == len(open_)


def test_frames_of_acks_among_others() -> None:
    messages = [Ack(0, 17, id_of(1)), Heartbeat(0), Ack(2, 18, id_of(2))]
    assert read_acks(acks_of(messages)) == ((0, 2), (id_of(1), id_of(2)))
    assert read_acks(b"".join(map(pack, messages[::2]))) == ((0, 2), (id_of(1), id_of(2)))
