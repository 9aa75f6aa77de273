"""`--test --live`: a line for everything that a configuration names, against neighbours of our own making."""

from __future__ import annotations

import http.server
import socket
import sqlite3
import ssl
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy.dialects import sqlite

from ksmppd_py.config import load
from ksmppd_py.launch import cli
from ksmppd_py.launch.arguments import parse
from ksmppd_py.launch.daemon import Process
from ksmppd_py.server import live_check
from ksmppd_py.storage.schema import render
from tests.parts.certificate import write_certificate
from tests.parts.process import free_port


@contextmanager
def bearerbox(turns_away: bool = False, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """Something that takes connections; its port. `turns_away`: closes them at once."""
    kept: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
            except OSError:
                return
            if turns_away:
                connection.close()
            else:
                kept.append(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for connection in kept:
                connection.close()


@contextmanager
def web_server(status: int) -> Iterator[int]:
    """Answers every HEAD with `status`; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join(5)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A file with our tables."""
    path = tmp_path / "db"
    with sqlite3.connect(path) as connection:
        connection.executescript(render(sqlite.dialect()))
    connection.close()
    return path


def configuration(directory: Path, database: Path, ksmppd: str = "", box: str = "", others: str = "") -> Path:
    path = directory / "x.conf"
    path.write_text(
        f"group = ksmppd\ndatabase-type = sqlite3\ndatabase-config = d\ndatabase-enable-queue = 1\n{ksmppd}\n\n"
        f"group = sqlite3-connection\nid = d\ndatabase = {database}\n\n"
        f"group = bearerbox-connection\nhost = 127.0.0.1\n{box}\n\n"
        f"group = http-server\nport = 14010\npassword = p\n\n{others}"
    )
    return path


def lines_of(path: Path, now: datetime | None = None) -> list[str]:
    return [
        str(finding) for finding in live_check.check_live(load(str(path)), (lambda: now) if now else None)
    ]


TABLES = [
    "ok      table smpp_user: SELECT, UPDATE allowed",
    "ok      table smpp_route: SELECT allowed",
    "ok      table smpp_store: SELECT, INSERT, UPDATE, DELETE allowed",
    "ok      table smpp_queued_pdu: SELECT, INSERT, UPDATE, DELETE allowed",
    "ok      table smpp_version: SELECT, INSERT, UPDATE allowed",
]


def test_all_is_well(
    tmp_path: Path, database: Path, stack: ExitStack, capsys: pytest.CaptureFixture[str]
) -> None:
    port = stack.enter_context(bearerbox())
    path = configuration(tmp_path, database, box=f"port = {port}")
    assert cli.run(parse(["ksmppd", "--test", "--live", str(path)]), Process()) == 0
    out, err = capsys.readouterr()
    assert err == ""
    assert out.splitlines() == [
        f"ok      database {database}: SQLite {sqlite3.sqlite_version}",
        *TABLES,
        "ok      routes: 0, all expressions can be used",
        f"ok      bearerbox 127.0.0.1:{port}: takes connections",
    ]


def test_what_fails_is_the_exit_status(
    tmp_path: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    path = configuration(tmp_path, database, box=f"port = {port}")
    assert cli.run(parse(["ksmppd", "--test", "--live", str(path)]), Process()) == 1
    assert f"FAILED  bearerbox 127.0.0.1:{port}: Connection refused\n" in capsys.readouterr().out


def test_without_live_nobody_is_asked(
    tmp_path: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configuration(tmp_path, database, box=f"port = {free_port()}")
    assert cli.run(parse(["ksmppd", "--test", str(path)]), Process()) == 0
    assert capsys.readouterr().out == f"{path}: configuration ok\n"


def test_a_configuration_that_is_wrong_is_not_tried(
    tmp_path: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = configuration(tmp_path, database, box="port = x")
    assert cli.run(parse(["ksmppd", "--test", "--live", str(path)]), Process()) == 1
    assert capsys.readouterr() == ("", f"{path}:13: 'port': 'x' is not a whole number.\n")


def test_bearerboxes(tmp_path: Path, database: Path, stack: ExitStack) -> None:
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    strict, tls = (
        stack.enter_context(bearerbox(turns_away=True)),
        stack.enter_context(bearerbox(context=context)),
    )
    more = f"group = bearerbox-connection\nhost = localhost\nport = {tls}\nssl = true\n"
    found = lines_of(configuration(tmp_path, database, box=f"port = {strict}", others=more))
    assert found[-2:] == [
        f"FAILED  bearerbox 127.0.0.1:{strict}: closes the connection at once: its box-deny-ip and box-allow-ip may "
        "keep us out",
        f"ok      bearerbox localhost:{tls} (TLS): takes connections",
    ]


@pytest.mark.parametrize(
    ("status", "word", "answer"),
    [
        (200, "ok", "answers 200"),
        (403, "ok", "answers 403"),
        (501, "ok", "answers 501"),
        (404, "FAILED", "answers 404"),
        (500, "FAILED", "answers 500"),
        (0, "FAILED", "Connection refused"),
    ],
)
def test_http_servers(
    tmp_path: Path, database: Path, stack: ExitStack, status: int, word: str, answer: str
) -> None:
    port = stack.enter_context(web_server(status)) if status else free_port()
    ksmppd = f"auth-method = http\nauth-url = http://user:s3cret@127.0.0.1:{port}/auth.php?k=s3cret"
    routing = (
        f"group = smpp-routing\nrouting-method = http\nhttp-routing-url = http://127.0.0.1:{port}/route.php\n"
    )
    found = lines_of(configuration(tmp_path, database, ksmppd, "port = 1", routing))
    assert [line for line in found if "-url " in line] == [
        f"{word:8}auth-url http://127.0.0.1:{port}/auth.php: {answer}",
        f"{word:8}http-routing-url http://127.0.0.1:{port}/route.php: {answer}",
    ]
    assert "s3cret" not in "".join(found)
    assert not any("routes" in line for line in found)  # the table isn't asked


def test_an_https_server_that_is_not_trusted(tmp_path: Path, database: Path, stack: ExitStack) -> None:
    certificate, key = write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    port = stack.enter_context(bearerbox(context=context))
    ksmppd = f"auth-method = http\nauth-url = https://localhost:{port}/a"
    found = lines_of(configuration(tmp_path, database, ksmppd, "port = 1"))
    [line] = [line for line in found if "auth-url " in line]
    assert line.startswith(f"FAILED  auth-url https://localhost:{port}/a: ")
    assert "certificate" in line


@pytest.mark.parametrize(
    ("regex", "source"), [("(", None), ("^1", "[")], ids=["of the receiver", "of the sender"]
)
def test_expressions_of_routes(tmp_path: Path, database: Path, regex: str, source: str | None) -> None:
    with sqlite3.connect(database) as connection:
        insert = "INSERT INTO smpp_route (route_id, direction, regex, source_regex, system_id) VALUES (?, ?, ?, ?, ?)"
        connection.execute(insert, (6, 1, "^46", None, "a"))
        connection.execute(insert, (7, 1, regex, source, "b"))
    connection.close()
    found = lines_of(configuration(tmp_path, database, box="port = 1"))
    [line] = [line for line in found if " route" in line and "table" not in line]
    assert line.startswith("FAILED  route 7: the expression can't be used: missing ")


def test_a_table_that_nothing_needs_is_a_warning_only(tmp_path: Path, database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("ALTER TABLE smpp_user DROP COLUMN credit")
    connection.close()
    by_table = lines_of(configuration(tmp_path, database, box="port = 1"))
    by_http = lines_of(
        configuration(tmp_path, database, "auth-method = 2\nauth-url = http://127.0.0.1:1/", "port = 1")
    )
    assert by_table[1] == "FAILED  table smpp_user: there is no column credit"
    assert by_http[1] == "WARNING table smpp_user: there is no column credit"


def test_databases_that_are_not_there(tmp_path: Path, database: Path) -> None:
    new = lines_of(configuration(tmp_path, tmp_path / "new", box="port = 1"))
    assert new[0] == f"ok      database {tmp_path}/new: isn't there yet, the first start makes it"
    assert not (tmp_path / "new").exists()
    (tmp_path / "new").write_text("this is no database, however long one looks at it")
    broken = lines_of(configuration(tmp_path, tmp_path / "new", box="port = 1"))
    assert broken[0].startswith(f"FAILED  database {tmp_path}/new: ")
    path = configuration(tmp_path, database, box="port = 1")
    text = (
        path.read_text()
        .replace("sqlite3", "mysql")
        .replace(
            f"database = {database}",
            f"host = 127.0.0.1\nport = {free_port()}\nusername = u\npassword = s3cret\ndatabase = d",
        )
    )
    path.write_text(text)
    away = lines_of(path)
    assert away[0].startswith("FAILED  database d at 127.0.0.1:")
    assert away[0].endswith(": Can't connect to MySQL server on '127.0.0.1' ([Errno 111] Connection refused)")
    assert "s3cret" not in "".join(away)
    assert len(away) == 2


DAY = timedelta(days=1)
NOW = datetime.now(timezone.utc)


@pytest.mark.parametrize(
    ("now", "word", "text"),
    [
        (NOW, "WARNING", f"valid until {NOW + DAY:%Y-%m-%d}"),
        (NOW + 2 * DAY, "FAILED", f"expired on {NOW + DAY:%Y-%m-%d}"),
        (NOW - 2 * DAY, "FAILED", f"isn't valid before {NOW - DAY:%Y-%m-%d}"),
    ],
    ids=["soon", "expired", "too early"],
)
def test_dates_of_certificates(tmp_path: Path, database: Path, now: datetime, word: str, text: str) -> None:
    certificate, key = write_certificate(tmp_path)
    ksmppd = (
        f"smpp-tls-port = 2\nsmpp-tls-cert-file = {certificate}\nsmpp-tls-key-file = {key}\n"
        f"smpp-tls-ca-file = {certificate}"
    )
    path = configuration(tmp_path, database, ksmppd, "port = 1")
    path.write_text(
        path.read_text().replace(
            "port = 14010\n",
            f"port = 14010\nssl = 1\nssl-server-cert-file = {certificate}\nssl-server-key-file = {key}\n",
        )
    )
    assert lines_of(path, now)[-3:] == [
        f"{word:8}{name} {certificate}: {text}"
        for name in ("smpp-tls-cert-file", "smpp-tls-ca-file", "ssl-server-cert-file")
    ]


def test_a_bundle_of_authorities_has_old_ones(tmp_path: Path) -> None:
    old, lasting = tmp_path / "old", tmp_path / "lasting"
    texts = []
    for directory, days in ((old, 1), (lasting, 100)):
        directory.mkdir()
        texts.append(write_certificate(directory, days)[0].read_text())
    (tmp_path / "bundle.pem").write_text("".join(texts))
    found = [
        live_check._dates(f"{key} x", str(tmp_path / "bundle.pem"), NOW + 2 * DAY)
        for key in ("smpp-tls-ca-file", "smpp-tls-cert-file")
    ]
    assert [str(each) for each in found] == [
        f"ok      smpp-tls-ca-file x: valid until {NOW + 100 * DAY:%Y-%m-%d}",
        f"FAILED  smpp-tls-cert-file x: expired on {NOW + DAY:%Y-%m-%d}",
    ]


def test_a_certificate_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "x.pem").write_text("no certificate")
    finding = live_check._dates("x", str(tmp_path / "x.pem"), NOW)
    assert (finding.failed, finding.text.startswith("can't be read: ")) == (True, True)
