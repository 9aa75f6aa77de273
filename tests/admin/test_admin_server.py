"""The admin server over real sockets: status codes, headers, connections, and who may see what."""

from __future__ import annotations

import json
import logging
import time
from pathlib import Path

import gevent
import pytest
from admin_bodies import NOT_FOUND, STATUS_PLAIN, STATUS_XML
from admin_fakes import FakeOperations, routes_down
from admin_http import PASSWORD, PASSWORD_QUERY, Client, StartServer
from gevent import socket, ssl
from gevent.event import Event

from ksmppd_py.admin.render import JSON, PLAIN, XML
from ksmppd_py.admin.server import AdminServer
from ksmppd_py.errors import StartError
from tests.parts.certificate import write_certificate

UPTIME = b"Uptime 0d 0h 0m 11s\n"


READY_JSON = b'{"message": "ok", "state": "ready", "troubles": [], "words": ""}\n'


@pytest.mark.parametrize(
    ("target", "status", "content_type", "body"),
    [
        ("/uptime", 200, PLAIN, UPTIME),
        ("/uptime.xml", 200, XML, b"<uptime>11</uptime>"),
        ("/uptime.foo", 200, PLAIN, UPTIME),
        ("/uptime.txt", 200, PLAIN, UPTIME),
        ("/uptime.XML", 200, PLAIN, UPTIME),
        ("/uptime.", 200, PLAIN, UPTIME),
        ("/log-level?level=1", 200, PLAIN, b"Log level set to 1\n"),
        ("/log-level.xml?level=1", 200, XML, b"<message>Log level set to 1</message>\n"),
        ("/log-level", 200, PLAIN, b"Invalid level specified\nThere is no log file\n"),
        ("/log-level.xml?level=-1", 200, XML, b"<message>Invalid level specified</message>\n"),
        ("/rebuild-routes", 200, PLAIN, b"Routes updated"),
        ("/rebuild-routes.xml", 200, XML, b"<status>Routes updated</status>"),
        ("/esme-unbind", 406, PLAIN, b"You must specify a 'system-id' parameter\n"),
        ("/esme-unbind.xml", 406, XML, b"<status>You must specify a 'system-id' parameter</status>"),
        ("/esme-unbind?system-id=FOO", 404, PLAIN, b"No such system-id 'foo' found\n"),
        ("/esme-unbind.xml?system-id=foo", 404, XML, b"<status>No such system-id 'foo' found</status>"),
        ("/esme-unbind?system-id=smppusera", 200, PLAIN, b"2 binds disconnected\n"),
        ("/esme-unbind.xml?system-id=smppusera", 200, XML, b"<status>2 binds disconnected</status>"),
        ("/esme-unbind?system-id=smppusera&bind-id=4", 200, PLAIN, b"1 binds disconnected\n"),
        ("/esme-status", 200, PLAIN, STATUS_PLAIN),
        ("/esme-status.xml", 200, XML, STATUS_XML),
        ("/blocked-ips?clear=10.0.0.9", 200, PLAIN, b"1 addresses unblocked\n"),
        ("/blocked-ips.json?clear=all", 200, JSON, b'{"unblocked": 2}\n'),
        ("/foo", 404, PLAIN, NOT_FOUND),
        ("/foo.xml", 404, PLAIN, NOT_FOUND),
        ("/foo.bar?x=1", 404, PLAIN, NOT_FOUND),
        ("/f%6fo", 404, PLAIN, NOT_FOUND.replace(b"/foo", b"/f%6fo")),
        ("/uptime.json", 200, JSON, b'{"uptime": 11}\n'),
        ("/esme-unbind.json", 406, JSON, b"""{"message": "You must specify a 'system-id' parameter"}\n"""),
        ("/foo.json", 404, PLAIN, NOT_FOUND),
        ("/healthz", 200, PLAIN, b"ok\n"),
        ("/readyz.json", 200, JSON, READY_JSON),
        ("/uptime/", 404, PLAIN, NOT_FOUND.replace(b"/foo", b"/uptime/")),
        ("//uptime", 404, PLAIN, NOT_FOUND.replace(b"/foo", b"//uptime")),
    ],
)
def test_answers(client: Client, target: str, status: int, content_type: str, body: bytes) -> None:
    answer = client.get(target)
    assert (answer.status, answer.body) == (status, body)
    assert answer.headers["content-type"] == content_type
    assert answer.headers["server"] == "KSMPPD"
    assert answer.headers["date"].endswith(" GMT")
    assert answer.headers["content-length"] == str(len(body))
    guards = {"content-security-policy", "x-content-type-options", "referrer-policy", "cache-control"}
    assert set(answer.headers) == {"server", "date", "content-type", "content-length", *guards}


@pytest.mark.parametrize(
    "path",
    ["/uptime", "/uptime.xml", "/foo", "//", "/esme-unbind?system-id=smppusera", "/metrics", "/healthz/"],
)
@pytest.mark.parametrize(
    "password",
    [
        "",
        "password",
        "password=",
        "password=S3CR%3DT%26X",
        "password=s3cr",
        "password=%E9",
        f"password=&{PASSWORD_QUERY}",
        f"{PASSWORD_QUERY}x",
        f"Password={PASSWORD}",
    ],
)
def test_wrong_password(client: Client, operations: FakeOperations, path: str, password: str) -> None:
    answer = client.get(path, password=password)
    assert (answer.status_line, answer.body) == ("HTTP/1.1 403 Forbidden", b"Denied")
    assert answer.headers["content-type"] == PLAIN
    assert operations.unbinds == []


def test_first_password_counts(client: Client) -> None:
    assert client.get(f"/uptime?{PASSWORD_QUERY}&password=wrong", password="").status == 200


def test_an_empty_configured_password_matches_nothing(start: StartServer) -> None:
    with Client(start(password="").port) as client:
        assert client.get("/uptime", password="password=").status == 403
        assert client.get("/uptime", password="").status == 403


def test_password_that_is_not_ascii(start: StartServer) -> None:
    with Client(start(password="pässword").port) as client:
        assert client.get("/uptime", password="password=p%C3%A4ssword").status == 200
        assert client.get("/uptime", password="password=p%E4ssword").status == 403


def test_percent_encoded_parameters(client: Client, operations: FakeOperations) -> None:
    answer = client.get("/esme-unbind.xml?%73ystem-id=a%26+B%3C%27%C3%A9&bind%2Did=%37")
    assert answer.body == "<status>No such system-id 'a&amp; b&lt;&apos;é' found</status>".encode()
    assert operations.unbinds == [("a& b<'é", 7)]


def test_octets_that_are_not_ascii(client: Client) -> None:
    client.send(b"GET /caf\xc3\xa9\xff?" + PASSWORD_QUERY.encode() + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert client.read().body.startswith(b"Command '/caf\xc3\xa9\xff' not found")


def test_routes_that_can_not_be_updated(client: Client, operations: FakeOperations) -> None:
    operations.routes_error = routes_down()
    answer = client.get("/rebuild-routes")
    assert (answer.status, answer.body) == (500, b"Routes could not be updated")
    answer = client.get("/rebuild-routes.xml")
    assert (answer.status, answer.body) == (500, b"<status>Routes could not be updated</status>")


def test_head(client: Client) -> None:
    answer = client.get("/uptime", method="HEAD")
    assert (answer.status, answer.headers["content-length"]) == (200, str(len(UPTIME)))
    assert answer.headers["content-type"] == PLAIN
    assert client.get("/uptime", method="HEAD", password="").headers["content-length"] == "6"
    assert client.get("/uptime").body == UPTIME  # no stray body in between


def test_post_takes_parameters_from_the_query_only(client: Client, operations: FakeOperations) -> None:
    form = b"level=4&system-id=x"
    head = f"POST /log-level?level=2&{PASSWORD_QUERY} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(form)}\r\n"
    client.send(head.encode() + b"Content-Type: application/x-www-form-urlencoded\r\n\r\n" + form)
    assert client.read().body == b"Log level set to 2\n"
    assert operations.levels == [2]
    body = PASSWORD_QUERY.encode()
    client.send(b"POST /uptime HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    assert client.read().status == 403
    chunked = (
        b"POST /uptime?%s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
    )
    client.send(chunked % PASSWORD_QUERY.encode())
    assert client.read().body == UPTIME
    assert client.get("/uptime").body == UPTIME


@pytest.mark.parametrize(
    "octets",
    [
        b"PUT /uptime?%s HTTP/1.1\r\nHost: x\r\n\r\n",
        b"DELETE /uptime?%s HTTP/1.1\r\nHost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"get /uptime?%s HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /uptime?%s\r\n\r\n",
        b"GET /uptime?%s HTTP/2.0\r\n\r\n",
        b"GET /uptime?%s HTTP/0.9\r\n\r\n",
        b"GET /uptime?%s HTTP/1\r\n\r\n",
        b"GET /uptime?%s HTTP/1.x\r\n\r\n",
        b"GET /uptime?%s FTP/1.1\r\n\r\n",
        b"GET /upt ime?%s HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET\r\n\r\n",
        b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\n\r\n",
        b"\x00\x00\x00\x10\x00\x00\x00\x15\x00\x00\x00\x00\x00\x00\x00\x01\n",
        b"POST /uptime?%s HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n",
        b"POST /uptime?%s HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /uptime?%s HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * 200 + b"\r\n",
        b"GET /uptime?%s HTTP/1.1\r\nHost: x\r\na: " + b"b" * 70000 + b"\r\n\r\n",
    ],
)
def test_bad_requests(client: Client, caplog: pytest.LogCaptureFixture, octets: bytes) -> None:
    with caplog.at_level(logging.DEBUG):
        client.send(octets.replace(b"%s", PASSWORD_QUERY.encode()))
        answer = client.read()
        assert (answer.status_line, answer.body) == ("HTTP/1.1 400 Bad Request", b"")
        assert answer.headers == {"server": "KSMPPD", "content-length": "0", "connection": "close"}
        assert client.is_closed()
    assert len(caplog.messages) == 1
    assert "s3cr" not in caplog.text


def test_request_line_without_end(client: Client) -> None:
    client.send(b"GET /" + b"a" * 9000)
    assert client.read().status == 414
    assert client.is_closed()


def test_nothing_logs_the_password(
    client: Client,
    operations: FakeOperations,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    with caplog.at_level(logging.DEBUG):
        client.get("/uptime")
        client.get("/uptime", password=PASSWORD_QUERY + "x")
        operations.routes_error = RuntimeError("a bug")
        client.get("/rebuild-routes")
    assert "a bug" in caplog.text
    output = capfd.readouterr()
    assert output == ("", "")
    assert "s3cr" not in caplog.text


def test_keep_alive(client: Client) -> None:
    for _ in range(3):
        answer = client.get("/uptime")
        assert answer.body == UPTIME
        assert "connection" not in answer.headers
    assert client.get("/foo").status == 404
    assert client.get("/uptime", password="").status == 403
    request = f"GET /uptime?{PASSWORD_QUERY} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    client.send(request * 3)
    assert [client.read().body for _ in range(3)] == [UPTIME] * 3
    client.send(request[:-2] + b"Connection: close\r\n\r\n")
    answer = client.read()
    assert (answer.body, answer.headers["connection"]) == (UPTIME, "close")
    assert client.is_closed()


def test_answers_dont_wait_for_the_ack_of_their_head(client: Client) -> None:
    """A client that is slow to ack (40 ms on Linux, unless it has something to send) gets both parts at once."""
    client.get("/uptime")
    times = []
    for _ in range(10):
        began = time.monotonic()
        client.get("/uptime")
        times.append(time.monotonic() - began)
    assert min(times) < 0.03, times


@pytest.mark.parametrize(("header", "stays"), [(b"", False), (b"Connection: keep-alive\r\n", True)])
def test_http_1_0(client: Client, header: bytes, stays: bool) -> None:
    request = b"GET /uptime?%s HTTP/1.0\r\n%s\r\n" % (PASSWORD_QUERY.encode(), header)
    client.send(request)
    answer = client.read()
    assert (answer.body, answer.headers["connection"]) == (UPTIME, "keep-alive" if stays else "close")
    if stays:
        client.send(request)
        assert client.read().body == UPTIME
    else:
        assert client.is_closed()


def test_bug_in_a_command(
    client: Client, operations: FakeOperations, caplog: pytest.LogCaptureFixture
) -> None:
    operations.routes_error = RuntimeError("a bug")
    answer = client.get("/rebuild-routes")
    assert (answer.status, answer.headers["connection"]) == (500, "close")
    assert answer.headers["server"] == "KSMPPD"
    assert client.is_closed()
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None


def test_slow_clients_dont_block_others(server: AdminServer, operations: FakeOperations) -> None:
    asked, go_on = Event(), Event()

    def slow_rebuild() -> None:
        asked.set()
        assert go_on.wait(5)

    operations.rebuild_routes = slow_rebuild  # type: ignore[method-assign]  # one test's own behaviour
    with Client(server.port) as typing, Client(server.port) as waiting, Client(server.port) as quick:
        typing.send(f"GET /uptime?{PASSWORD_QUERY} HT".encode())
        waiting.send(f"GET /rebuild-routes?{PASSWORD_QUERY} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert asked.wait(5)
        assert quick.get("/uptime").body == UPTIME
        go_on.set()
        assert waiting.read().body == b"Routes updated"
        typing.send(b"TP/1.1\r\nHost: x\r\n\r\n")
        assert typing.read().body == UPTIME


@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"GET /uptime HT",
        b"GET /uptime HTTP/1.1\r\nHost: x\r\n",
        b"GET /uptime HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /uptime HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234",
    ],
)
def test_idle_connections_are_closed(
    start: StartServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str], beginning: bytes
) -> None:
    with Client(start(idle_timeout=0.05).port) as client:
        client.send(beginning)
        if beginning.endswith(b"\r\n\r\n"):
            assert client.read().status == 403
        assert client.is_closed()
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []


def test_clients_that_vanish(
    server: AdminServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    for octets in (
        b"",
        b"GET /up",
        b"GET /uptime HTTP/1.1\r\nHo",
        b"GET /uptime HTTP/1.1\r\nHost: x\r\n\r\n" * 50,
    ):
        with Client(server.port) as client:
            client.send(octets)
            linger = b"\x01\x00\x00\x00\x00\x00\x00\x00"  # on, 0 s: close() resets the connection
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    with Client(server.port) as client:
        assert client.get("/uptime").body == UPTIME
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.levelno > logging.INFO] == []


def test_the_longest_silent_connection_makes_room(start: StartServer) -> None:
    port = start(max_connections=2).port
    with Client(port) as first, Client(port) as second:
        assert second.get("/uptime").status == 200
        assert first.get("/uptime").status == 200
        with Client(port) as third:
            assert third.get("/uptime").body == UPTIME
            assert second.is_closed()
            assert first.get("/uptime").status == 200


def test_port_in_use(start: StartServer) -> None:
    port = start().port
    with pytest.raises(StartError, match=rf"^Can't open admin HTTP port {port} on 127\.0\.0\.1: .*in use"):
        start(port=port)


@pytest.mark.parametrize(("interface", "port"), [("192.0.2.1", 0), ("127.0.0.1", 70000), ("a..b", 1)])
def test_addresses_that_can_not_be_bound(start: StartServer, interface: str, port: int) -> None:
    with pytest.raises(StartError, match=f"^Can't open admin HTTP port {port} on {interface}: "):
        start(interface=interface, port=port)


def test_no_interface_means_all(start: StartServer) -> None:
    with Client(start(interface="").port) as client:
        assert client.get("/uptime").body == UPTIME


def test_stop(start: StartServer) -> None:
    server = start()
    with Client(server.port) as idle:
        assert idle.get("/uptime").status == 200
        server.stop(timeout=0)
        assert idle.is_closed()
    with pytest.raises(ConnectionRefusedError):
        Client(server.port)
    server.stop()  # once is enough, twice is allowed
    server.start()  # on the same port again
    with Client(server.port) as client:
        assert client.get("/uptime").body == UPTIME


def test_stop_waits_for_answers_under_way(start: StartServer, operations: FakeOperations) -> None:
    asked, go_on = Event(), Event()

    def slow_rebuild() -> None:
        asked.set()
        assert go_on.wait(5)

    operations.rebuild_routes = slow_rebuild  # type: ignore[method-assign]  # one test's own behaviour
    server = start()
    with Client(server.port) as client:
        client.send(
            f"GET /rebuild-routes?{PASSWORD_QUERY} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
        )
        assert asked.wait(5)
        stopping = gevent.spawn(server.stop, 5)
        gevent.sleep(0)
        go_on.set()
        assert client.read().body == b"Routes updated"
        stopping.get(timeout=5)


def test_stop_does_not_wait_for_ever(
    start: StartServer, operations: FakeOperations, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = Event()

    def endless_rebuild() -> None:
        asked.set()
        Event().wait()

    operations.rebuild_routes = endless_rebuild  # type: ignore[method-assign]  # one test's own behaviour
    server = start()
    with Client(server.port) as client:
        client.send(f"GET /rebuild-routes?{PASSWORD_QUERY} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert asked.wait(5)
        server.stop(timeout=0)
        assert client.is_closed()
    assert capfd.readouterr() == ("", "")


@pytest.fixture(scope="module")
def pem_files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate for localhost signed by itself, and its key."""
    return write_certificate(tmp_path_factory.mktemp("pem"))


def test_tls(
    start: StartServer,
    pem_files: tuple[Path, Path],
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    certificate, key = map(str, pem_files)
    port = start(certfile=certificate, keyfile=key).port
    context = ssl.create_default_context(cafile=certificate)
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
        context.wrap_socket(connection, server_hostname="localhost") as tls,
    ):
        tls.sendall(f"GET /uptime?{PASSWORD_QUERY} HTTP/1.0\r\n\r\n".encode())
        answer = b""
        while octets := tls.recv(4096):
            answer += octets
        assert answer.endswith(b"\r\n\r\n" + UPTIME)
    with Client(port) as plain:  # no TLS handshake: closed, without effect on others
        plain.send(b"GET /uptime HTTP/1.1\r\nHost: x\r\n\r\n")
        assert plain.drain()
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert warnings == ["Plain HTTP from 127.0.0.1 to the administration port, which speaks HTTPS"]
    assert capfd.readouterr().out == ""


def test_the_session_cookie_is_for_tls_only(start: StartServer, pem_files: tuple[Path, Path]) -> None:
    certificate, key = map(str, pem_files)
    port = start(certfile=certificate, keyfile=key).port
    body = json.dumps({"password": PASSWORD}).encode()
    with (
        socket.create_connection(("127.0.0.1", port), timeout=5) as connection,
        ssl.create_default_context(cafile=certificate).wrap_socket(
            connection, server_hostname="localhost"
        ) as tls,
    ):
        head = f"POST /dashboard/session HTTP/1.0\r\nContent-Length: {len(body)}\r\n"
        tls.sendall(head.encode() + b"Content-Type: application/json\r\n\r\n" + body)
        answer = b""
        while octets := tls.recv(4096):
            answer += octets
    assert b"; HttpOnly; SameSite=Strict; Secure\r\n" in answer


def test_tls_handshake_that_never_comes(start: StartServer, pem_files: tuple[Path, Path]) -> None:
    certificate, key = map(str, pem_files)
    with Client(start(certfile=certificate, keyfile=key, idle_timeout=0.05).port) as silent:
        assert silent.is_closed()


def test_certificates_that_can_not_be_used(start: StartServer, pem_files: tuple[Path, Path]) -> None:
    certificate, key = map(str, pem_files)
    with pytest.raises(StartError, match="certificate '/does/not/exist'"):
        start(certfile="/does/not/exist", keyfile=key)
    with pytest.raises(StartError, match=f"certificate '{certificate}' can't be used"):
        start(certfile=certificate)
    with pytest.raises(StartError, match="without a certificate"):
        start(keyfile=key)


@pytest.mark.parametrize("interface", ["", "::"])
@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_both_families_reach_one_port_and_are_logged_as_they_are(
    start: StartServer, caplog: pytest.LogCaptureFixture, interface: str, host: str
) -> None:
    with Client(start(interface=interface).port, host) as client:
        assert client.get("/uptime").status == 200
        assert client.get("/uptime", password="password=wrong").status == 403
    assert f"Wrong password for the administration port from {host}" in caplog.text
