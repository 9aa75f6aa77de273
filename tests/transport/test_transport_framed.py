"""FramedSocket on real socket pairs: one send a turn, a slow peer, a peer that goes, drain and hang-up."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import gevent
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ksmppd_py.transport import framed as framed_module
from ksmppd_py.transport.framed import FramedSocket
from tests.parts.waiting import wait_until


@dataclass
class Pair:
    """Our end and the peer's."""

    ours: FramedSocket
    peer: socket.socket

    def close(self) -> None:
        self.ours.close()
        self.peer.close()

    def peer_reads(self, count: int) -> bytes:
        """Exactly so many octets."""
        octets = b""
        while len(octets) < count:
            more = self.peer.recv(min(65536, count - len(octets)))
            assert more, "the stream ended early"
            octets += more
        return octets

    def peer_reads_all(self) -> bytes:
        """All until the end of the stream."""
        octets = b""
        while more := self.peer.recv(65536):
            octets += more
        return octets


def make_pair(buffer: int = 0) -> Pair:
    ours, peer = socket.socketpair()
    if buffer:
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    peer.settimeout(5)
    return Pair(FramedSocket(ours, "peer"), peer)


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = make_pair()
    with gevent.Timeout(10):
        yield pair
    pair.close()


@pytest.fixture
def narrow() -> Iterator[Pair]:
    """The kernel takes a few kilobytes, no more."""
    pair = make_pair(4096)
    with gevent.Timeout(10):
        yield pair
    pair.close()


@pytest.fixture
def sends(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """Every send that was tried."""
    tried: list[bytes] = []
    write = os.write

    def record(fd: int, octets: bytes) -> int:
        tried.append(octets)
        return write(fd, octets)

    monkeypatch.setattr(framed_module.os, "write", record)
    return tried


def test_all_frames_of_one_turn_leave_in_one_send(pair: Pair, sends: list[bytes]) -> None:
    for frame in (b"one", b"two", b"three"):
        pair.ours.write(frame)
    assert sends == []
    assert pair.ours.queued == 3
    gevent.sleep(0)
    assert sends == [b"onetwothree"]
    assert pair.ours.queued == 0
    assert pair.peer.recv(100) == b"onetwothree"


def test_each_turn_has_its_own_send(pair: Pair, sends: list[bytes]) -> None:
    for turn in range(3):
        pair.ours.write(b"%d" % turn)
        gevent.sleep(0)
    assert sends == [b"0", b"1", b"2"]


def test_receive_gives_what_came_and_nothing_at_the_end(pair: Pair) -> None:
    pair.peer.sendall(b"0123456789")
    assert pair.ours.receive(4) == b"0123"
    assert pair.ours.receive(100) == b"456789"
    pair.peer.close()
    assert pair.ours.receive(100) == b""
    pair.ours.close()
    assert pair.ours.receive(100) == b""


def test_a_slow_peer_blocks_no_writer_and_what_waits_is_counted(narrow: Pair) -> None:
    frames = [bytes([65 + n % 26]) * 1000 for n in range(200)]
    assert narrow.ours.blocked_since == 0.0
    for frame in frames:
        narrow.ours.write(frame)
    gevent.sleep(0)
    assert 0 < narrow.ours.queued <= 200
    assert narrow.ours.blocked_since > 0
    before = narrow.ours.queued
    narrow.ours.write(b"last")
    assert narrow.ours.queued == before + 1
    assert narrow.peer_reads(200_004) == b"".join(frames) + b"last"
    assert narrow.ours.drain(5)
    wait_until(lambda: narrow.ours.blocked_since == 0.0)
    assert narrow.ours.queued == 0


def test_blocked_since_moves_on_while_the_peer_takes_something(narrow: Pair) -> None:
    narrow.ours.write(b"x" * 300_000)
    gevent.sleep(0)
    first = narrow.ours.blocked_since
    gevent.sleep(0.002)
    narrow.peer_reads(100_000)
    wait_until(lambda: narrow.ours.blocked_since > first)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.lists(st.integers(1, 9000), min_size=1, max_size=5), min_size=1, max_size=12),
    st.lists(st.integers(1, 20_000), min_size=1, max_size=5),
)
def test_a_slow_peer_gets_every_octet_once_and_in_order(turns: list[list[int]], bites: list[int]) -> None:
    pair = make_pair(4096)
    written = b""
    read: list[bytes] = []

    def nibble() -> None:
        turn = 0
        while more := pair.peer.recv(bites[turn % len(bites)]):
            read.append(more)
            turn += 1
            gevent.sleep(0)

    with gevent.Timeout(10):
        reader = gevent.spawn(nibble)
        number = 0
        for turn in turns:
            for size in turn:
                number += 1
                frame = bytes([number % 256]) * size
                written += frame
                pair.ours.write(frame)
            gevent.sleep(0)
        assert pair.ours.drain(8)
        pair.ours.close()
        reader.join()
    pair.peer.close()
    assert b"".join(read) == written


def test_drain_gives_up_in_time(narrow: Pair) -> None:
    narrow.ours.write(b"x" * 300_000)
    began = time.monotonic()
    assert not narrow.ours.drain(0.02)
    assert time.monotonic() - began < 1


def test_drain_of_nothing_is_done(pair: Pair) -> None:
    assert pair.ours.drain(0)


def test_drain_sends_what_was_written_in_the_same_turn(pair: Pair) -> None:
    pair.ours.write(b"farewell")
    assert pair.ours.drain(1)
    pair.ours.close()
    assert pair.peer_reads_all() == b"farewell"


def test_a_peer_that_went_is_noticed_by_writing(pair: Pair) -> None:
    """Later writes are dropped, and the reader sees the end."""
    reader = gevent.spawn(pair.ours.receive, 100)
    pair.peer.shutdown(socket.SHUT_RD)
    pair.ours.write(b"lost")
    gevent.sleep(0)
    assert pair.ours.failed
    assert reader.get(timeout=5) == b""
    pair.ours.write(b"dropped")
    assert pair.ours.queued == 0
    assert not pair.ours.drain(1)  # it was not sent, and waiting doesn't help


def test_a_peer_that_goes_while_much_waits(narrow: Pair) -> None:
    narrow.ours.write(b"x" * 300_000)
    gevent.sleep(0)
    narrow.peer.close()
    wait_until(lambda: narrow.ours.failed)
    wait_until(lambda: narrow.ours.queued == 0)
    assert narrow.ours.receive(10) == b""


def test_hang_up_ends_the_reader_and_drops_the_rest(narrow: Pair) -> None:
    reader = gevent.spawn(narrow.ours.receive, 100)
    narrow.ours.write(b"x" * 300_000)
    gevent.sleep(0)
    narrow.ours.hang_up()
    assert reader.get(timeout=5) == b""
    assert narrow.ours.queued == 0
    narrow.ours.write(b"too late")
    assert narrow.ours.queued == 0
    narrow.ours.hang_up()
    narrow.ours.close()
    narrow.ours.hang_up()


def test_closing_while_much_waits_ends_the_sender(narrow: Pair) -> None:
    narrow.ours.write(b"x" * 300_000)
    gevent.sleep(0)
    narrow.ours.close()
    assert narrow.ours.closed
    assert narrow.ours.queued == narrow.ours.queued_octets == 0
    assert len(narrow.peer_reads_all()) < 300_000
    narrow.ours.close()


def test_closing_in_the_turn_of_a_write(pair: Pair, sends: list[bytes]) -> None:
    """The number of the socket may be another connection's by then."""
    pair.ours.write(b"never")
    pair.ours.close()
    gevent.sleep(0)
    assert sends == []


def test_writing_goes_on_after_a_pause(narrow: Pair) -> None:
    """The sender greenlet ends with the last octet; the next frame is sent without it, or by a new one."""
    for round_ in range(3):
        narrow.ours.write(bytes([round_]) * 100_000)
        assert narrow.peer_reads(100_000) == bytes([round_]) * 100_000
        assert narrow.ours.drain(5)
        narrow.ours.write(b"short")
        assert narrow.peer_reads(5) == b"short"


def test_queued_octets_are_what_the_kernel_has_not_taken(narrow: Pair) -> None:
    narrow.ours.write(b"x" * 300_000)
    narrow.ours.write(b"y" * 50)
    assert narrow.ours.queued_octets == 300_050
    narrow.ours.flush()
    left = narrow.ours.queued_octets
    assert 0 < left < 300_050
    narrow.ours.write(b"z" * 7)
    assert narrow.ours.queued_octets == left + 7
    narrow.peer_reads(300_057)
    assert narrow.ours.drain(5)
    assert narrow.ours.queued_octets == 0


def test_more_octets_count_only_when_the_peer_takes_none(narrow: Pair) -> None:
    narrow.ours.write(b"x" * 300_000)
    narrow.ours.write(b"y")
    assert narrow.ours.holds_more(1, 1_000_000)
    assert not narrow.ours.holds_more(2, 1000)
    narrow.ours.flush()
    assert narrow.ours.holds_more(2, 1000)
    assert not narrow.ours.holds_more(2, 300_001)
    narrow.peer_reads(300_001)
    assert narrow.ours.drain(5)
    assert not narrow.ours.holds_more(0, 0)


def test_stop_reading_ends_the_reader_and_not_the_writer(pair: Pair) -> None:
    reader = gevent.spawn(pair.ours.receive, 100)
    gevent.sleep(0)
    pair.ours.stop_reading()
    assert reader.get(timeout=5) == b""
    assert pair.ours.receive(100) == b""
    assert not pair.ours.ended
    pair.ours.write(b"farewell")
    pair.peer.close()


def test_finish_reads_on_and_ends_cleanly() -> None:
    """Over TCP, where closing with unread input would be a reset."""
    with gevent.Timeout(10), socket.create_server(("127.0.0.1", 0)) as server:
        peer = socket.create_connection(server.getsockname())
        ours = FramedSocket(server.accept()[0], "peer")
        peer.sendall(b"x" * 100_000)
        assert len(ours.receive(10)) == 10
        ours.write(b"the last")
        finishing = gevent.spawn(ours.finish, 1.0)
        gevent.sleep(0.01)
        peer.sendall(b"y" * 100_000)
        assert Pair(ours, peer).peer_reads_all() == b"the last"
        peer.close()
        finishing.join()
        assert ours.closed


@pytest.mark.parametrize("reason", ["the peer closed first", "the peer went", "too much waits"])
def test_finish_waits_for_nothing_that_does_not_come(reason: str, narrow: Pair) -> None:
    if reason == "the peer closed first":
        narrow.peer.shutdown(socket.SHUT_WR)
        assert narrow.ours.receive(100) == b""
        assert narrow.ours.ended
    elif reason == "the peer went":
        narrow.ours.hang_up()
    else:
        narrow.ours.write(b"x" * 300_000)
    began = time.monotonic()
    narrow.ours.finish(0.02)
    assert time.monotonic() - began < framed_module.LINGER / 2
    assert narrow.ours.closed


def no_memory(*_: object) -> NoReturn:
    raise MemoryError


class Failing:
    """Does as `real` does, but the call of this number ends without memory: before its work, or after it."""

    def __init__(self, real: Callable[..., Any], call: int, does_its_work: bool) -> None:
        self._real, self._left, self._does_its_work = real, call, does_its_work

    def __call__(self, *arguments: Any) -> Any:
        self._left -= 1
        result = self._real(*arguments) if self._left or self._does_its_work else None
        if not self._left:
            raise MemoryError
        return result


@pytest.mark.parametrize("does_its_work", [False, True])
@pytest.mark.parametrize("call", [1, 2, 3])
@pytest.mark.parametrize("place", ["write", "_collect", "_write", "_send_some"])
def test_no_octet_leaves_twice_when_memory_ends(
    place: str, call: int, does_its_work: bool, narrow: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection fails wherever it happens: the peer has the beginning of what was written, and then the end."""
    if place == "write":
        monkeypatch.setattr(framed_module.os, "write", Failing(os.write, call, does_its_work))
    else:
        failing = Failing(getattr(FramedSocket, place), call, does_its_work)

        def method(*arguments: Any) -> Any:
            return failing(*arguments)

        monkeypatch.setattr(FramedSocket, place, method)
    written = b""
    for number in range(40):
        frame = b"%04d" % number * 500
        narrow.ours.write(frame)
        written += frame
        if number % 4 == 3:
            gevent.sleep(0)
    reading = gevent.spawn(narrow.peer_reads_all)
    narrow.ours.drain(0.2)
    narrow.ours.close()
    assert written.startswith(reading.get(timeout=5))


def test_a_frame_that_can_not_be_shown_is_written_once(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    pair.ours.tap = no_memory
    pair.ours.write(b"frame")
    assert pair.ours.drain(1)
    assert pair.peer.recv(100) == b"frame"
    assert "can't be shown" in caplog.text
