"""The three layouts with their own files: real PHP, real MariaDB, real bearerbox; bind, send, get the report.

The layouts' own smpp links of Kannel are left out here: below is a fake SMSC by the name to which the example routes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.fakes import smpp_wire as wire
from tests.fakes.esme import Esme
from tests.integration.bed import mt
from tests.parts.daemon import KSMPPD as PROGRAM
from tests.parts.daemon import environment
from tests.parts.database import Account, MariaDatabase, RouteRow, insert_account, insert_route
from tests.parts.examples import EXAMPLES, Rewriter
from tests.parts.http import request
from tests.parts.kannel import Bearerbox, FakeSmsc
from tests.parts.mariadb import MariaDB
from tests.parts.php import PhpServer
from tests.parts.process import Process, accepts, free_port
from tests.parts.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.bearerbox, pytest.mark.database]

LAYOUTS = ["database-only", "http-auth-database-routing", "http-only"]
HTTP = {"http-auth-database-routing": ["smpp-auth.php"], "http-only": ["smpp-auth.php", "smpp-route.php"]}


@dataclass
class Layout:
    """One layout at work."""

    name: str
    smpp_port: int
    admin_port: int
    bearerbox: Bearerbox
    fakesmsc: FakeSmsc
    ksmppd: Process
    php: PhpServer | None

    def bind(self, system_id: str, password: str) -> Esme:
        return Esme.bound(self.smpp_port, system_id, password)

    def admin(self, path: str, **parameters: str) -> str:
        return request(self.admin_port, path, password="ksmppdpass", **parameters).body


@pytest.fixture(scope="module")
def kannel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Bearerbox, FakeSmsc]]:
    directory = tmp_path_factory.mktemp("kannel")
    port = free_port()
    smsc = ("smsc", {"smsc": "fake", "smsc-id": "ksmppd3", "port": port, "connect-allow-ip": "127.0.0.1"})
    route = ("smsbox-route", {"smsbox-id": "KSMPPD", "smsc-id": "ksmppd3"})
    with (
        Bearerbox(directory, "bearerbox", [smsc], others=[route]) as bearerbox,
        FakeSmsc(directory, "fakesmsc", port) as fakesmsc,
    ):
        bearerbox.wait_for_smsc("ksmppd3")
        yield bearerbox, fakesmsc


@pytest.fixture
def start_layout(
    kannel: tuple[Bearerbox, FakeSmsc], mariadb: MariaDB, tmp_path: Path
) -> Iterator[Callable[[str], Layout]]:
    started: list[Callable[[], object]] = []

    def start(name: str) -> Layout:
        database_name = mariadb.create_database("latin1")
        mariadb.create_user("demouser", "demopass", database_name)
        database = MariaDatabase(mariadb.host, mariadb.port, "demouser", "demopass", database_name)
        php = None
        if name in HTTP:
            php = PhpServer(EXAMPLES / name / "php-example", tmp_path).start()
            started.append(php.stop)
        rewriter = Rewriter(tmp_path, database)
        rewriter.ports["14001"] = kannel[0].box_port
        conf = rewriter.rewrite(EXAMPLES / name / "ksmppd.conf")
        if php is not None:
            conf.write_text(conf.read_text().replace("http://127.0.0.1/", f"http://127.0.0.1:{php.port}/"))
        ksmppd = Process([str(PROGRAM), str(conf)], tmp_path, "ksmppd", environment=environment())
        started.append(ksmppd.stop)
        smpp, admin = rewriter.port("2345"), rewriter.port("14010")
        wait_until(lambda: accepts(admin) and accepts(smpp), ksmppd.tail, 20)
        kannel[0].wait_for_box("KSMPPD")
        if name != "http-only":
            insert_route(database, RouteRow(1, "^49170", "smppusera", "ksmppd3", 1))
            insert_route(database, RouteRow(1, "^\\+49170", "smppusera", "ksmppd3", 1))
            insert_route(database, RouteRow(2, "", "smppusera", "ksmppd3"))
        if name == "database-only":
            insert_account(database, Account("smppuserA", "userA", 10, max_binds=2))
            insert_account(database, Account("smppuserC", "userC", simulate=1, simulate_deliver_every=1))
        layout = Layout(name, smpp, admin, *kannel, ksmppd, php)
        assert layout.admin("/rebuild-routes").startswith("Routes updated")
        return layout

    yield start
    for stop in reversed(started):
        stop()


@pytest.mark.parametrize("name", LAYOUTS)
def test_bind_send_and_get_the_report(start_layout: Callable[[str], Layout], name: str) -> None:
    layout = start_layout(name)
    esme = layout.bind("smppuserA", "userA")
    text = f"to the handset by {name}"
    reply = esme.submit(mt(text, registered_delivery=1))
    assert reply.command_status == wire.ROK
    line = layout.fakesmsc.wait_for(lambda line: text in line)
    assert line == f"12345 +491701234567 text {text}"
    receipt = esme.wait_receipt(reply.text)
    assert receipt.receipt["stat"] == "DELIVRD"
    layout.fakesmsc.send("+491711", "6800", f"from the handset by {name}")
    message = esme.wait_text(f"from the handset by {name}".encode())
    assert message.source_addr == b"491711"
    if layout.php is not None:
        scripts = HTTP[name]
        assert layout.php.requests_for("smpp-auth.php") == 1
        assert layout.php.requests_for("smpp-route.php") == (2 if "smpp-route.php" in scripts else 0)
        assert "Warning" not in layout.php.process.output()
    esme.close()
    assert "Traceback" not in layout.ksmppd.output()


@pytest.mark.parametrize("name", LAYOUTS)
def test_accounts_of_the_example(start_layout: Callable[[str], Layout], name: str) -> None:
    """Refusals, the limit of binds, and the simulated account."""
    layout = start_layout(name)
    stranger = Esme(layout.smpp_port)
    assert stranger.bind("smppuserA", "userB").command_status == wire.RBINDFAIL
    stranger.close()
    assert "which refuses the bind" not in layout.ksmppd.output()  # one line for a refusal
    pair = [layout.bind("smppuserA", "userA") for _ in range(2)]
    third = Esme(layout.smpp_port)
    assert third.bind("smppuserA", "userA").command_status == wire.RBINDFAIL
    third.close()
    simulated = layout.bind("smppuserC", "userC")
    reply = simulated.submit(mt("nowhere"))
    assert reply.command_status == wire.ROK
    assert simulated.wait_receipt(reply.text).receipt["stat"] == "DELIVRD"
    assert not [line for line in layout.fakesmsc.received() if "nowhere" in line]
    assert "smppusera - binds:2/2" in layout.admin("/esme-status")
    for esme in (*pair, simulated):
        esme.close()


def test_php_away(start_layout: Callable[[str], Layout]) -> None:
    """Back-end trouble: ESME_RSYSERR, no address is blocked, nothing is lost, and it goes on when PHP is back."""
    layout = start_layout("http-only")
    assert layout.php is not None
    esme = layout.bind("smppuserA", "userA")
    layout.php.stop()
    assert esme.submit(mt("away")).command_status == wire.RSYSERR
    for _ in range(6):
        stranger = Esme(layout.smpp_port)
        assert stranger.bind("smppuserA", "userA").command_status == wire.RSYSERR
        stranger.close()
    layout.fakesmsc.send("+491711", "6800", "kept")
    layout.php.start()
    assert esme.submit(mt("back")).command_status == wire.ROK
    esme.wait_text(b"kept", timeout=20)
    layout.bind("smppuserA", "userA").close()
    esme.close()


def test_route_test_over_php(start_layout: Callable[[str], Layout]) -> None:
    layout = start_layout("http-only")
    told = layout.admin("/route-test", system_id="smppusera", to="+491701234567", **{"from": "1"})
    assert "status: routed\n" in told
    assert "smsc-id: ksmppd3\n" in told
    assert not [line for line in layout.fakesmsc.received() if "1 +491701234567 text \n" in line]
