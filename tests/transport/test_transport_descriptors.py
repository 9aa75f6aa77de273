"""The last file descriptors: who may have them."""

from __future__ import annotations

import resource
import socket
from contextlib import ExitStack

import gevent
import pytest
from gevent.pool import Pool

from ksmppd_py.transport import descriptors
from ksmppd_py.transport.descriptors import HALF, SparingServer, is_kept_back


@pytest.mark.parametrize(
    ("limit", "first", "first_of_half"),
    [
        (1024, 960, 992),
        (65536, 65472, 65504),
        (640, 576, 608),
        (256, 231, 244),
        (64, 58, 61),
        (30, 27, 29),
        (9, None, None),
        (resource.RLIM_INFINITY, None, None),
    ],
)
def test_which_are_kept_back(
    monkeypatch: pytest.MonkeyPatch, limit: int, first: int | None, first_of_half: int | None
) -> None:
    monkeypatch.setattr("resource.getrlimit", lambda _: (limit, limit))
    for part, expected in ((1.0, first), (HALF, first_of_half)):
        kept = [number for number in range(66_000 if limit > 0 else 100) if is_kept_back(number, part)]
        assert (kept[0] if kept and kept[0] < limit else None) == expected


def test_connections_are_refused_before_all_are_gone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    served: list[int] = []

    def serve(connected: socket.socket, _: object) -> None:
        served.append(connected.fileno())
        gevent.sleep(5)

    def refusals() -> int:
        return sum("are kept for bearerboxes" in line for line in caplog.messages)

    server = SparingServer(("127.0.0.1", 0), serve, spawn=Pool())
    server.start()
    with ExitStack() as stack:
        stack.callback(server.stop, 0)
        limit = stack.enter_context(socket.socket()).fileno() + 46
        monkeypatch.setattr("resource.getrlimit", lambda _: (limit, limit))
        for _ in range(40):  # each takes two descriptors of this process
            stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port), timeout=5))
        with gevent.Timeout(5):
            while len(served) + refusals() < 40:
                gevent.sleep(0.001)
        assert refusals() > 0
        assert served
        assert max(served) < limit - limit // 10


@pytest.mark.parametrize(
    ("nearly_gone", "can_end_another", "accepts"),
    [(False, False, False), (False, True, True), (True, False, False), (True, True, False)],
)
def test_another_connection_is_ended_in_place_of_a_new_one(
    monkeypatch: pytest.MonkeyPatch, nearly_gone: bool, can_end_another: bool, accepts: bool
) -> None:
    class Changing(SparingServer):
        part = HALF

        def make_room(self) -> bool:
            return can_end_another

    monkeypatch.setattr(descriptors, "is_kept_back", lambda _, part: part == HALF or nearly_gone)
    server = Changing(("127.0.0.1", 0), lambda connected, _: connected.sendall(b"served"), spawn=Pool())
    server.start()
    with ExitStack() as stack:
        stack.callback(server.stop, 0)
        client = stack.enter_context(socket.create_connection(("127.0.0.1", server.server_port), timeout=5))
        assert client.recv(6) == (b"served" if accepts else b"")
