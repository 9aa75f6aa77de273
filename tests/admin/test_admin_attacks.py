"""Attacks of strangers on the administration port, over raw sockets."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack

import gevent
import gevent.event
import pytest
from admin_fakes import FakeOperations
from admin_http import PASSWORD, PASSWORD_QUERY, Client, StartServer
from gevent import socket, ssl

from ksmppd_py.admin.guesses import MOST_ADDRESSES, GuessLimit, TooManyGuesses
from ksmppd_py.admin.server import AdminServer, AdminSettings
from ksmppd_py.logs.repeats import Repeats
from tests.parts.certificate import write_certificate

UPTIME = b"Uptime 0d 0h 0m 11s\n"
BEHIND = f"GET /log-level?level=4&{PASSWORD_QUERY} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
"""A request that an attacker wants to smuggle in."""


def post(*fields: bytes, version: bytes = b"1.1", end: bytes = b"\r\n") -> bytes:
    lines = [b"POST /uptime?%s HTTP/%s" % (PASSWORD_QUERY.encode(), version), b"Host: x", *fields]
    return b"".join(line + end for line in lines) + end


CHUNKED = b"Transfer-Encoding: chunked"
NO_CHUNKS = b"0\r\n\r\n"

REFUSED = {
    "two lengths": post(b"Content-Length: 0", b"Content-Length: 5") + b"12345",
    "two equal lengths": post(b"Content-Length: 5", b"Content-Length: 5") + b"12345",
    "a list of lengths": post(b"Content-Length: 5, 5") + b"12345",
    "a signed length": post(b"Content-Length: +5") + b"12345",
    "a length with an underscore": post(b"Content-Length: 0_5") + b"12345",
    "a hexadecimal length": post(b"Content-Length: 0x5") + b"12345",
    "an endless length": post(b"Content-Length: " + b"9" * 5000),
    "an empty length": post(b"Content-Length:"),
    "both framings": post(b"Content-Length: 5", CHUNKED) + NO_CHUNKS,
    "both framings, the other way": post(CHUNKED, b"Content-Length: 5") + NO_CHUNKS,
    "a blank before the colon": post(b"Transfer-Encoding : chunked") + NO_CHUNKS,
    "a tab before the colon": post(b"Transfer-Encoding\t: chunked") + NO_CHUNKS,
    "a blank before the name": post(b" Transfer-Encoding: chunked") + NO_CHUNKS,
    "an unknown coding": post(b"Transfer-Encoding: x"),
    "identity": post(b"Transfer-Encoding: identity"),
    "gzip first": post(b"Transfer-Encoding: gzip, chunked") + NO_CHUNKS,
    "chunked twice": post(b"Transfer-Encoding: chunked, chunked") + NO_CHUNKS,
    "chunked in two lines": post(CHUNKED, CHUNKED) + NO_CHUNKS,
    "a parameter": post(b"Transfer-Encoding: chunked;q=1") + NO_CHUNKS,
    "a vertical tab": post(b"Transfer-Encoding: \x0bchunked") + NO_CHUNKS,
    "quotes": post(b'Transfer-Encoding: "chunked"') + NO_CHUNKS,
    "chunked in HTTP/1.0": post(CHUNKED, version=b"1.0") + NO_CHUNKS,
    "a folded line": post(b"X: a", b" b"),
    "a folded coding": post(b"Transfer-Encoding:", b" chunked") + NO_CHUNKS,
    "no colon": post(b"Content-Length"),
    "no name": post(b": 5"),
    "a name with a blank": post(b"Content Length: 5"),
    "a name with a NUL": post(b"Content-Length\0: 5"),
    "a value with a NUL": post(b"X: a\0b"),
    "a bare CR": post(b"X: a\rContent-Length: 5"),
    "a bare CR at the end": post(b"X: a\r"),
    "a bare LF": post(b"X: a\nContent-Length: 5"),
    "a bare LF and the end": post(b"X: a\n"),
    "CR LF among LF": post(b"X: a\r", b"Content-Length: 0", end=b"\n"),
    "two hosts": post(b"Host: y"),
    "no host": b"GET /uptime?%s HTTP/1.1\r\n\r\n" % PASSWORD_QUERY.encode(),
    "a target with a NUL": b"GET /uptime\0?%s HTTP/1.1\r\nHost: x\r\n\r\n" % PASSWORD_QUERY.encode(),
    "a chunk that is no number": post(CHUNKED) + b"x\r\n\r\n",
    "a signed chunk": post(CHUNKED) + b"+5\r\nhello\r\n0\r\n\r\n",
    "a chunk without a number": post(CHUNKED) + b"\r\nhello\r\n0\r\n\r\n",
    "a chunk with a bare LF": post(CHUNKED) + b"5\nhello\r\n0\r\n\r\n",
    "a chunk longer than said": post(CHUNKED) + b"4\r\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("octets", REFUSED.values(), ids=REFUSED)
def test_two_readings_of_a_request(client: Client, operations: FakeOperations, octets: bytes) -> None:
    client.send(octets + BEHIND)
    assert client.read().status_line == "HTTP/1.1 400 Bad Request"
    assert client.is_closed()
    assert operations.levels == []


@pytest.mark.parametrize(
    "octets",
    [
        post(b"Content-Length: 5") + b"12345",
        post(b"Content-Length:  05 ") + b"12345",
        post(b"content-length:5", b"x-y: \xe4") + b"12345",
        post(b"TRANSFER-ENCODING:Chunked") + b"5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
        post(b"Content-Length: 0", version=b"1.0"),
        post(b"Content-Length: 5", end=b"\n") + b"12345",
        b"GET /uptime?%s HTTP/1.0\n\n" % PASSWORD_QUERY.encode(),
        post(b"Expect: 100-continue"),
        post(b"X:", b"Cookie: a=1", b"Cookie: b=2"),
    ],
)
def test_one_reading(client: Client, octets: bytes) -> None:
    client.send(octets)
    assert client.read().body == UPTIME


def test_a_body_that_is_too_long(client: Client) -> None:
    client.send(post(b"Content-Length: 16385"))
    assert client.read().status == 413
    assert client.is_closed()


def test_a_body_that_grows(client: Client) -> None:
    client.send(post(CHUNKED) + b"4000\r\n" + b"x" * 0x4000 + b"\r\n1\r\nx\r\n")
    assert client.read().status == 413
    assert client.is_closed()


@pytest.mark.parametrize(
    "beginning",
    [
        b"G",
        b"GET /uptime HTTP/1.1\r\n",
        b"GET /uptime HTTP/1.1\r\nHost: x\r\nX-a: ",
        b"POST /uptime HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n",
        b"POST /dashboard/session HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3000\r\n",
        b"POST /uptime HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;",
    ],
)
def test_an_octet_now_and_then(start: StartServer, beginning: bytes) -> None:
    """Each octet comes well within the idle timeout, all of them together never."""
    with Client(start(request_time=0.1).port) as slow:
        dripping = gevent.spawn(drip, slow, beginning)
        began = time.monotonic()
        assert slow.is_closed()
        assert time.monotonic() - began < 2
        dripping.kill()


def drip(client: Client, beginning: bytes) -> None:
    client.send(beginning)
    while True:
        gevent.sleep(0.01)
        try:
            client.send(b"a")
        except OSError:
            return


@pytest.fixture(scope="module")
def pem_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A certificate signed by itself, and its key."""
    certificate, key = write_certificate(tmp_path_factory.mktemp("pem"))
    return {"certfile": str(certificate), "keyfile": str(key)}


CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)


def test_a_handshake_an_octet_now_and_then(start: StartServer, pem_files: dict[str, str]) -> None:
    with Client(start(request_time=0.1, **pem_files).port) as slow:
        dripping = gevent.spawn(drip, slow, CLIENT_HELLO)
        began = time.monotonic()
        assert slow.is_closed()
        assert time.monotonic() - began < 2
        dripping.kill()


def test_many_handshakes_that_begin_and_dont_end(start: StartServer, pem_files: dict[str, str]) -> None:
    port = start(max_connections=5, **pem_files).port
    with ExitStack() as stack:
        for _ in range(20):
            stack.enter_context(Client(port)).send(CLIENT_HELLO)
        context = ssl.create_default_context(cafile=pem_files["certfile"])
        connected = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=5))
        with context.wrap_socket(connected, server_hostname="localhost") as tls:
            tls.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            answer = b""
            while octets := tls.recv(4096):
                answer += octets
        assert answer.endswith(b"\r\n\r\nok\n")


def test_a_client_that_waits_between_requests_isnt_slow(start: StartServer) -> None:
    with Client(start(request_time=0.05).port) as client:
        for _ in range(2):
            assert client.get("/uptime").body == UPTIME
            gevent.sleep(0.1)
        assert client.get("/uptime").body == UPTIME


def test_many_that_begin_and_dont_end(start: StartServer) -> None:
    port = start(max_connections=20).port
    with ExitStack() as stack:
        for number in range(60):
            slow = stack.enter_context(Client(port))
            slow.send((b"GET /up", post(b"Content-Length: 99"), b"")[number % 3])
        began = time.monotonic()
        with Client(port) as client:
            assert client.get("/healthz", password="").body == b"ok\n"
            for _ in range(5):
                assert client.get("/uptime").body == UPTIME
        assert time.monotonic() - began < 2


def test_many_that_dont_read_their_answers(start: StartServer, caplog: pytest.LogCaptureFixture) -> None:
    server = start(max_connections=3)
    with ExitStack() as stack:
        for _ in range(3):
            deaf = stack.enter_context(Client(server.port))
            deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.send(b"GET /dashboard/app.js HTTP/1.1\r\nHost: x\r\n\r\n" * 1000)
        gevent.sleep(0.2)  # until the kernel takes nothing more
        with Client(server.port) as client:
            assert client.get("/uptime").body == UPTIME
    assert [line for line in caplog.messages if "one more is refused" in line] == []


def test_all_at_work(
    start: StartServer, operations: FakeOperations, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = gevent.event.Event()
    operations.rebuild_routes = lambda: [go_on.wait(5), None][1]  # type: ignore[method-assign]  # one test's own
    port = start(max_connections=1).port
    with Client(port) as busy:
        busy.send(f"GET /rebuild-routes?{PASSWORD_QUERY} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        with Client(port) as other:
            assert other.is_closed()
        go_on.set()
        assert busy.read().body == b"Routes updated"
    assert "All connections of the administration port are at work, one more is refused" in caplog.messages


def in_the_query(client: Client, password: str) -> int:
    return client.get("/uptime", password=f"password={password}").status


def in_a_header(client: Client, password: str) -> int:
    client.send(f"GET /uptime HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {password}\r\n\r\n".encode())
    return client.read().status


def on_the_page(client: Client, password: str) -> int:
    body = json.dumps({"password": password}).encode()
    request = post(b"Content-Type: application/json", b"Content-Length: %d" % len(body)) + body
    client.send(request.replace(b"/uptime", b"/dashboard/session"))
    return client.read().status


WAYS = (in_the_query, in_a_header, on_the_page)


@pytest.mark.parametrize("way", WAYS)
def test_after_five_wrong_passwords_an_address_has_to_wait(
    client: Client, caplog: pytest.LogCaptureFixture, way: Callable[[Client, str], int]
) -> None:
    assert [way(client, "wrong") for _ in range(5)] == [403] * 5
    assert [other(client, password) for other in WAYS for password in ("wrong", PASSWORD)] == [429] * 6
    assert client.get("/uptime", password=PASSWORD_QUERY).headers["retry-after"] == "60"
    assert client.get("/uptime", password="").status == 403
    assert client.get("/healthz", password="").status == 200
    assert caplog.messages == ["Wrong password for the administration port from 127.0.0.1"] * 5
    assert all(Repeats().admits(record) for record in caplog.records * 3)


def test_many_connections_guess_together(server: AdminServer) -> None:
    """None gets its guess in before the others are counted."""
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(server.port)) for _ in range(40)]
        for client in clients:
            client.send(b"GET /uptime?password=wrong HTTP/1.1\r\nHost: x\r\n\r\n")
        assert sorted(client.read().status for client in clients) == [403] * 5 + [429] * 35


class TestGuessLimit:
    @pytest.fixture
    def clock(self) -> list[float]:
        return [1000.0]

    @pytest.fixture
    def limit(self, clock: list[float]) -> GuessLimit:
        return GuessLimit(lambda: clock[0])

    def pauses(self, limit: GuessLimit, clock: list[float], ip: str, guesses: int) -> list[float]:
        """Seconds before each guess, as soon as each is let."""
        found = []
        for _ in range(guesses):
            began = clock[0]
            while True:
                try:
                    assert not limit.check(ip, b"wrong", lambda: False)
                    break
                except TooManyGuesses:
                    clock[0] += 0.5
            found.append(clock[0] - began)
        return found

    def test_five_in_each_minute(self, limit: GuessLimit, clock: list[float]) -> None:
        assert self.pauses(limit, clock, "10.0.0.1", 11) == [0, 0, 0, 0, 0, 60, 0, 0, 0, 0, 60]

    def test_the_wait_is_told(self, limit: GuessLimit, clock: list[float]) -> None:
        self.pauses(limit, clock, "10.0.0.1", 5)
        clock[0] += 17.5
        with pytest.raises(TooManyGuesses) as refused:
            limit.check("10.0.0.1", b"right", lambda: True)
        assert refused.value.headers == (("Retry-After", "43"),)

    def test_others_dont_wait(self, limit: GuessLimit, clock: list[float]) -> None:
        self.pauses(limit, clock, "10.0.0.1", 5)
        assert limit.check("10.0.0.2", b"right", lambda: True)

    def test_a_right_one_clears_nothing(self, limit: GuessLimit, clock: list[float]) -> None:
        self.pauses(limit, clock, "10.0.0.1", 4)
        assert limit.check("10.0.0.1", b"right", lambda: True)
        assert self.pauses(limit, clock, "10.0.0.1", 2) == [0, 60]

    def test_an_empty_one_is_no_guess(self, limit: GuessLimit) -> None:
        assert not any(limit.check("10.0.0.1", b"", lambda: True) for _ in range(20))
        assert limit.check("10.0.0.1", b"right", lambda: True)

    def test_guesses_that_are_being_checked_count(self, limit: GuessLimit) -> None:
        """Checks of hashes take a while; repetitions of one password are one guess."""
        done = gevent.event.Event()

        def slowly() -> bool:
            return bool(done.wait(5)) and False

        waiting = [
            gevent.spawn(limit.check, "10.0.0.1", guess, slowly)
            for guess in (b"1", b"2", b"3", b"4", b"5", b"5")
        ]
        gevent.sleep(0)
        with pytest.raises(TooManyGuesses):
            limit.check("10.0.0.1", b"6", lambda: True)
        done.set()
        assert [each.get() for each in waiting] == [False] * 6

    @pytest.mark.parametrize(
        ("first", "second", "is_same"),
        [
            ("10.0.0.1", "::ffff:10.0.0.1", True),
            ("2001:db8::1", "2001:db8::ffff:1:2:3", True),
            ("2001:db8::1", "2001:db8:0:1::1", False),
            ("fe80::1%eth0", "fe80::2%eth0", True),
            ("10.0.0.1", "10.0.0.11", False),
            ("?", "10.0.0.1", False),
        ],
    )
    def test_addresses_of_one_client(
        self, limit: GuessLimit, clock: list[float], first: str, second: str, is_same: bool
    ) -> None:
        self.pauses(limit, clock, first, 5)
        assert (self.pauses(limit, clock, second, 1) == [60]) is is_same

    def test_addresses_are_forgotten_when_there_are_too_many(
        self, limit: GuessLimit, clock: list[float]
    ) -> None:
        self.pauses(limit, clock, "10.0.0.1", 5)
        for number in range(MOST_ADDRESSES):
            limit.check(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}x", b"x", lambda: True)
        assert len(limit._addresses) == MOST_ADDRESSES
        assert self.pauses(limit, clock, "10.0.0.1", 1) == [0]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost", 200),
        ("LOCALHOST:14010", 200),
        ("localhost.", 200),
        ("smpp.localhost", 200),
        ("127.0.0.1:14010", 200),
        ("192.0.2.1", 200),
        ("[::1]:14010", 200),
        ("[2001:db8::1]", 200),
        ("ksmppd:14010", 200),
        ("", 200),
        ("smpp.example.com", 200),
        ("SMPP.example.com.:443", 200),
        ("stranger.example", 421),
        ("smpp.example.com.stranger.example", 421),
        ("127.0.0.1.stranger.example:14010", 421),
        ("xsmpp.example.com", 421),
        ("1.2.3", 421),
        ("a:b:c", 421),
        ("[::1", 421),
        ("localhost@stranger.example", 421),
    ],
)
def test_names_that_a_browser_knows_us_by(start: StartServer, host: str, status: int) -> None:
    with Client(start(host_names=["smpp.example.com"]).port) as client:
        for path in ("/", "/dashboard/app.js", "/dashboard/session"):
            client.send(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            assert client.read().status == status
        client.send(f"GET /uptime?{PASSWORD_QUERY} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert client.read().body == UPTIME  # a client that has the password is no page of another site


def test_names_can_change(server: AdminServer, client: Client) -> None:
    request = b"GET / HTTP/1.1\r\nHost: smpp.example.com\r\n\r\n"
    for names, status in (((), 421), (("smpp.example.com",), 200), ((), 421)):
        server.reconfigure(AdminSettings(server.port, PASSWORD, host_names=names))
        client.send(request)
        assert client.read().status == status


def test_this_machines_name_is_ours(start: StartServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "box7.example.com")
    with Client(start().port) as client:
        client.send(b"GET / HTTP/1.1\r\nHost: box7.example.com\r\n\r\n")
        assert client.read().status == 200


def test_a_long_name_is_no_long_line(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    client.send(b"GET / HTTP/1.1\r\nHost: " + b"a." * 5000 + b"\r\n\r\n")
    assert client.read().status == 421
    (message,) = caplog.messages
    assert len(message) < 300
