"""The floor plan: built from a configuration on SQLite, started, used and stopped in this process."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gevent
import pytest

from ksmppd_py.admin.server import AdminServer
from ksmppd_py.config import WaitAckAction, load
from ksmppd_py.errors import StartError
from ksmppd_py.launch import daemon
from ksmppd_py.server import components
from ksmppd_py.server.app import DATABASE_TIMEOUT, App
from ksmppd_py.server.replay_jobs import ReplayTimings
from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.fakes.esme import Esme
from tests.fakes.smpp_wire import Message
from tests.parts.config import Value, render
from tests.parts.database import Account, RouteRow, SqliteDatabase, insert_account, insert_route
from tests.parts.http import request

MT = Message(source_addr=b"12345", destination_addr=b"491700", short_message=b"hello")
PASSWORD = "adminpass"

Start = Callable[..., App]


def configuration(directory: Path, box: FakeBearerbox, **ksmppd: Value) -> Path:
    path = directory / "ksmppd.conf"
    keys: Mapping[str, Value] = {
        "id": "KSMPPD",
        "smpp-port": 0,
        "interface": "127.0.0.1",
        "database-type": "sqlite3",
        "database-config": "db",
        "database-enable-queue": True,
        **{key.replace("_", "-"): value for key, value in ksmppd.items()},
    }
    groups = [
        ("ksmppd", keys),
        *database(directory).groups("db"),
        ("bearerbox-connection", {"id": "KSMPPD", "host": "127.0.0.1", "port": box.port}),
        ("http-server", {"port": 0, "password": PASSWORD}),
        ("smpp-routing", {"routing-method": 1}),
    ]
    path.write_text(render(groups), "utf-8")
    return path


def database(directory: Path) -> SqliteDatabase:
    return SqliteDatabase(directory / "ksmppd.sqlite")


@pytest.fixture
def box() -> Iterator[FakeBearerbox]:
    with FakeBearerbox() as box:
        yield box


@pytest.fixture
def start(tmp_path: Path, box: FakeBearerbox) -> Iterator[Start]:
    """Starts an App on a fresh database; it is stopped at the end."""
    apps: list[App] = []

    def start(**ksmppd: Value) -> App:
        app = App(load(str(configuration(tmp_path, box, **ksmppd))))
        apps.append(app)
        return app

    with gevent.Timeout(30):
        yield start
        for app in apps:
            app.stop()


@pytest.fixture
def app(start: Start, tmp_path: Path, box: FakeBearerbox) -> App:
    """Running, with the account `esme` and its routes, a bearerbox online."""
    app = start()
    insert_account(database(tmp_path), Account("esme", "secret"))
    insert_route(database(tmp_path), RouteRow(1, "", "esme"))
    insert_route(database(tmp_path), RouteRow(2, "^7777$", "esme"))
    app.components.backends.router.rebuild()
    box.wait_for_box()
    return app


def port(app: App) -> int:
    return app.components.listener.port


def test_messages_pass_in_both_directions(app: App, box: FakeBearerbox) -> None:
    with Esme.bound(port(app), "esme", "secret") as esme:
        reply = esme.submit(MT)
        assert reply.command_status == wire.ROK
        [sms] = box.wait_for_sms()
        assert (sms.id, sms.service, sms.boxc_id) == (reply.text, b"esme", b"KSMPPD")
        report_id = box.send_dlr(sms)
        message_id = box.send_mo("491700", "7777", b"ping")
        esme.wait_receipt(reply.text)
        esme.wait_text(b"ping")
        assert [box.wait_for_ack(each).nack for each in (report_id, message_id)] == [0, 0]


def test_statistics(app: App) -> None:
    assert app.statistics()[0].startswith("0 bind(s) of 0 account(s)")
    with Esme.bound(port(app), "esme", "secret") as esme:
        assert esme.submit(MT).command_status == wire.ROK
        text = "\n".join(app.statistics())
        assert "1 bind(s) of 1 account(s)" in text
        assert "1 of 1 bearerbox(es) online" in text
        assert "1 submits, 0 deliver_sm_resp" in text
        assert "is online, 0 MT(s) unacked, 0 MO(s) and DLR(s) to ack" in text
        assert "SMPP[esme] has 1 bind(s): 0 (type 3," in text
        assert re.search(
            r"^[1-9]\d* greenlets, [1-9]\d*\.\d MiB of memory, [1-9]\d* open files", text, re.MULTILINE
        )
        [snapshot] = app.components.status.snapshot().esmes
        assert (snapshot.system_id, snapshot.mt, len(snapshot.binds)) == ("esme", 1, 1)


def test_the_operator_unbinds(app: App) -> None:
    admin = app.components.admin
    with Esme.bound(port(app), "esme", "secret") as esme:
        assert request(admin.port, "/esme-unbind", password=PASSWORD, system_id="esme").status == 200
        esme.wait_closed()


def test_the_admin_port_asks_this_app(app: App) -> None:
    admin = app.components.admin
    assert request(admin.port, "/esme-status", password=PASSWORD).status == 200


def test_new_routes_hold_after_a_rebuild(app: App, tmp_path: Path) -> None:
    with Esme.bound(port(app), "esme", "secret") as esme:
        assert esme.submit(MT).command_status == wire.ROK
        database(tmp_path).execute("UPDATE smpp_route SET regex = '^1' WHERE direction = 1")
        assert esme.submit(MT).command_status == wire.ROK
        app.components.backends.router.rebuild()
        assert esme.submit(MT).command_status == wire.RINVDSTADR


def test_changed_accounts_reach_their_binds(start: Start, tmp_path: Path) -> None:
    """Without a bind and without a command, after accounts-refresh-interval."""
    app = start(accounts_refresh_interval=1)
    insert_account(database(tmp_path), Account("esme", "secret"))
    with Esme.bound(port(app), "esme", "secret") as esme:
        database(tmp_path).execute("UPDATE smpp_user SET throughput = 7, max_binds = 3")
        with gevent.Timeout(10):
            while [(s.max_inbound_load, s.max_binds) for s in app.components.status.snapshot().esmes] != [
                (7.0, 3)
            ]:
                gevent.sleep(0.05)
        assert not esme.closed
        database(tmp_path).execute("DELETE FROM smpp_user")
        esme.wait_closed(10)


def test_stopping_closes_everything(app: App, box: FakeBearerbox) -> None:
    """docs/rules/smpp-session.md 12: unbind to the ESME, then the bearerbox connections close."""
    esme = Esme.bound(port(app), "esme", "secret")
    smpp_port = port(app)
    waiting = gevent.spawn(app.wait)
    gevent.sleep(0)
    assert not waiting.ready()
    app.stop()
    waiting.get(timeout=5)
    assert [pdu.command_id for pdu in esme.requests] == [wire.UNBIND]
    esme.wait_closed()
    esme.close()
    box.wait_for(lambda: not box.links)
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", smpp_port), 1):
        pass
    app.stop()


def test_what_was_stored_while_it_was_down_goes_out(
    start: Start, tmp_path: Path, box: FakeBearerbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accepted without a bearerbox, sent by the next process when there is one."""
    monkeypatch.setattr(components, "ReplayTimings", lambda: ReplayTimings(round_interval=0.02))
    box.stop()
    first = start()
    insert_account(database(tmp_path), Account("esme", "secret"))
    insert_route(database(tmp_path), RouteRow(1, "", "esme"))
    with Esme.bound(port(first), "esme", "secret") as esme:
        reply = esme.submit(MT)
        assert reply.command_status == wire.ROK
    first.stop()
    box.start()
    start()
    [sms] = box.wait_for_sms()
    assert (sms.id, sms.msgdata) == (reply.text, b"hello")


@pytest.mark.filterwarnings(
    "ignore::pytest.PytestUnraisableExceptionWarning"
)  # gevent leaves its socket open
def test_a_port_that_is_taken(start: Start, box: FakeBearerbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rest of the start is undone: the administration's port is closed, no bearerbox was connected."""
    admins: list[AdminServer] = []
    started = AdminServer.start
    monkeypatch.setattr(AdminServer, "start", lambda self: (started(self), admins.append(self)))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(StartError, match="SMPP port"):
            start(smpp_port=taken.getsockname()[1])
    [admin] = admins
    with pytest.raises(OSError), socket.create_connection(("127.0.0.1", admin.port), 1):
        pass
    assert not box.links


def test_a_database_that_cannot_be_opened(
    tmp_path: Path, box: FakeBearerbox, caplog: pytest.LogCaptureFixture
) -> None:
    database(tmp_path).path.write_bytes(b"something else" * 100)
    with pytest.raises(StartError, match="file is not a database"):
        App(load(str(configuration(tmp_path, box))), database_timeout=0.05)
    told = [
        message for message in caplog.messages if "Unknown database" not in message
    ]  # another test's is gone
    assert told == ["sqlite3-connection `db': file is not a database; trying again for 0.05 s"]


def test_who_starts_it_in_the_background_hears_of_a_database_that_never_came() -> None:
    assert daemon.START_TIMEOUT >= DATABASE_TIMEOUT + 15


def test_settings_reach_the_sessions(start: Start) -> None:
    settings: dict[str, Any] = {"default-max-open-acks": 7, "wait-ack-action": 1, "enquire-link-interval": 9}
    app = start(**{key.replace("-", "_"): value for key, value in settings.items()})
    made = app.components.listener._context.settings
    assert (made.default_max_open_acks, made.wait_ack_action) == (7, WaitAckAction.DROP)
    assert made.enquire_link_interval == 9
