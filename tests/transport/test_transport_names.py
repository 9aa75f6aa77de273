"""Looking up names: which need no question, which questions share a thread, and who waits for whom."""

from __future__ import annotations

import _socket
import os
import socket
from collections.abc import Iterator
from typing import Any

import gevent
import pytest
from gevent.hub import get_hub

from ksmppd_py.transport import names
from ksmppd_py.transport.names import Resolver
from tests.parts.waiting import wait_until

ANSWER = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.9", 80))]


class SilentService:
    """A name service that keeps every question until `answer` is called; addresses it isn't asked about."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self._real = _socket.getaddrinfo
        self._waiting, self._release = os.pipe()

    def getaddrinfo(self, host: str, port: int, *rest: int) -> list[Any]:
        """Stands for the C library's, in any thread."""
        if rest and rest[-1] & _socket.AI_NUMERICHOST:
            return self._real(host, port, *rest)
        self.asked.append(host)
        os.read(self._waiting, 1)
        return ANSWER

    def answer(self, questions: int = 1000) -> None:
        """Let so many questions be answered, or all."""
        os.write(self._release, b"x" * questions)

    def close(self) -> None:
        os.close(self._release)
        os.close(self._waiting)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[SilentService]:
    """In place of the C library's."""
    service = SilentService()
    monkeypatch.setattr(_socket, "getaddrinfo", service.getaddrinfo)
    yield service
    service.answer()
    gevent.sleep(0.02)
    service.close()


@pytest.fixture
def resolver() -> Iterator[Resolver]:
    """Has all look-ups of this thread."""
    before = get_hub().resolver
    yield names.install(["bearerbox.example", "database.example"])
    get_hub().resolver = before


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("127.0.0.1", ["127.0.0.1"]),
        ("127.1", ["127.0.0.1"]),
        ("192.0.2.1", ["192.0.2.1"]),
        (b"192.0.2.1", ["192.0.2.1"]),
        ("::1", ["::1"]),
        ("2001:db8::1", ["2001:db8::1"]),
        ("localhost", ["127.0.0.1", "::1"]),
        ("LOCALHOST.", ["127.0.0.1", "::1"]),
        (b"localhost", ["127.0.0.1", "::1"]),
        (None, ["::1", "127.0.0.1"]),
    ],
)
def test_what_needs_no_question(
    service: SilentService, resolver: Resolver, host: str | bytes | None, found: list[str]
) -> None:
    answers = socket.getaddrinfo(host, 13001, type=socket.SOCK_STREAM)
    assert sorted(each[4][0] for each in answers) == sorted(found)
    assert {each[4][1] for each in answers} == {13001}
    assert service.asked == []


@pytest.mark.parametrize(("family", "found"), [(socket.AF_INET, ["127.0.0.1"]), (socket.AF_INET6, ["::1"])])
def test_this_machine_by_family(
    service: SilentService, resolver: Resolver, family: socket.AddressFamily, found: list[str]
) -> None:
    assert [each[4][0] for each in socket.getaddrinfo("localhost", 1, family, socket.SOCK_STREAM)] == found
    assert socket.gethostbyname("localhost") == "127.0.0.1"
    assert service.asked == []


def test_names_are_asked_about(service: SilentService, resolver: Resolver) -> None:
    service.answer(1)
    assert socket.getaddrinfo("smpp.example", 80) == ANSWER
    assert service.asked == ["smpp.example"]


@pytest.mark.parametrize(("host", "error"), [("a..b", UnicodeError), ("x" * 300, UnicodeError)])
def test_names_that_are_none(resolver: Resolver, host: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        socket.getaddrinfo(host, 80)


def test_errors_reach_all_who_ask(resolver: Resolver, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise _socket.gaierror(_socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(_socket, "getaddrinfo", refuse)

    def ask() -> Exception | None:
        try:
            socket.getaddrinfo("smpp.example", 80)
        except socket.gaierror as error:
            return error
        return None

    errors = [each.get(timeout=5) for each in [gevent.spawn(ask) for _ in range(3)]]
    assert [error.args for error in errors] == [(_socket.EAI_NONAME, "unknown")] * 3
    assert len(set(map(id, errors))) == 3


def test_forty_equal_questions_are_one(service: SilentService, resolver: Resolver) -> None:
    asking = [gevent.spawn(socket.getaddrinfo, "auth.example", 80) for _ in range(40)]
    wait_until(lambda: service.asked)
    asking[0].kill()  # the first caller takes no answer from the others
    service.answer(1)
    answers = [each.get(timeout=5) for each in asking[1:]]
    assert answers == [ANSWER] * 39
    assert len(set(map(id, answers))) == 39
    assert service.asked == ["auth.example"]
    service.answer(1)
    assert socket.getaddrinfo("auth.example", 80) == ANSWER  # a later one is asked about again
    assert len(service.asked) == 2


def test_names_of_the_configuration_dont_wait_for_others(service: SilentService, resolver: Resolver) -> None:
    others = [gevent.spawn(socket.getaddrinfo, f"{number}.stranger.example", 80) for number in range(40)]
    wait_until(lambda: len(service.asked) == names.THREADS)
    ours = [gevent.spawn(socket.getaddrinfo, host, 1) for host in ("bearerbox.example", "DATABASE.example")]
    wait_until(lambda: len(service.asked) == names.THREADS + 2)
    assert set(service.asked[names.THREADS :]) == {"bearerbox.example", "DATABASE.example"}
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        with gevent.Timeout(1), socket.create_connection(("localhost", listener.getsockname()[1])):
            pass
    service.answer(42)
    gevent.joinall([*others, *ours], timeout=5, raise_error=True)


def test_other_names_after_a_reload(service: SilentService, resolver: Resolver) -> None:
    others = [gevent.spawn(socket.getaddrinfo, f"{number}.stranger.example", 80) for number in range(40)]
    wait_until(lambda: len(service.asked) == names.THREADS)
    names.know(["new.example"])
    ours = gevent.spawn(socket.getaddrinfo, "new.example", 1)
    wait_until(lambda: "new.example" in service.asked)
    service.answer(41)
    gevent.joinall([*others, ours], timeout=5, raise_error=True)


def test_there_is_an_end(service: SilentService) -> None:
    resolver = Resolver(most_under_way=12)
    asking = [gevent.spawn(resolver.getaddrinfo, f"{number}.example", 80) for number in range(12)]
    wait_until(lambda: len(service.asked) == names.THREADS)
    with pytest.raises(socket.gaierror, match="too many names"):
        resolver.getaddrinfo("one.more.example", 80)
    service.answer(12)
    gevent.joinall(asking, timeout=5, raise_error=True)
