"""Deciders that misbehave, plugins, refreshed routes and route-test, in the daemon itself."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.fakes.esme import Esme
from tests.integration.bed import BOX_ID, StartBed, mt
from tests.parts.daemon import Daemon, run_once
from tests.parts.database import Account, RouteRow, insert_route

pytestmark = pytest.mark.integration

GOOD = b"HTTP/1.1 200 OK\r\nX-KSMPPD-Route-Status: 1\r\nX-KSMPPD-Route-Cost: 1\r\nContent-Length: 0\r\n\r\n"
PLUGIN = """
import time
from ksmppd_py.plugins import Account, Direction, Refusal, Route

def authenticate(system_id, password, peer_ip):
    if system_id == "broken":
        raise KeyError("no such customer")
    return Account(system_id, default_smsc="DEFAULT") if password == "right" else None

def route_message(direction, smsc_id, system_id, message):
    if direction is Direction.INBOUND:
        return Route(system_id="Customer")
    text = message.msgdata
    if text == b"refuse":
        return Refusal(0x400)
    if text == b"fail":
        return 1 / 0
    if text == b"slow":
        time.sleep(0.2)
    if text == b"no opinion":
        return None
    message.msgdata = text.upper()
    return Route(smsc_id="PLUGIN")

def start(context):
    assert context.args == "some args"
    context.authenticate = authenticate
    context.route_message = route_message
"""


class RawServer:
    """Answers each request with `octets`, or not at all when there are none; threads, since tests block."""

    def __init__(self) -> None:
        self.octets = b""
        self.requests = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._connections: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        head = b""
        try:
            while more := connection.recv(65536):
                head += more
                while b"\r\n\r\n" in head:
                    head = head.partition(b"\r\n\r\n")[2]
                    self.requests += 1
                    if self.octets:
                        connection.sendall(self.octets)
        except OSError:
            return

    def close(self) -> None:
        for one in (self._listener, *self._connections):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture
def raw() -> Iterator[RawServer]:
    server = RawServer()
    yield server
    server.close()


def routing(raw: RawServer, **others: object) -> dict[str, object]:
    return {"routing-method": 2, "http-routing-url": f"http://127.0.0.1:{raw.port}/route.php", **others}


def test_a_router_that_hangs(start_bed: StartBed, raw: RawServer) -> None:
    """No submit stays unanswered, an MO gets a temporary nack, and the daemon stops in time."""
    bed = start_bed(routing=routing(raw))
    customer = bed.customer()
    esme = bed.esme(customer)
    began = time.monotonic()
    numbers = [esme.send_submit(mt(f"hangs {number}")) for number in range(30)]
    mo = bed.box.send_mo("+49170", customer.short_code, b"hangs")
    other = bed.esme(customer)
    other.enquire_link()
    assert time.monotonic() - began < 5
    for number in numbers:
        assert esme.wait_response(number, 20).command_status == wire.RSYSERR
    assert 14 < time.monotonic() - began < 17
    assert bed.box.wait_for_ack(mo, timeout=10).nack == box_wire.ACK_FAILED_TMP
    raw.octets = GOOD
    assert esme.submit(mt("works")).command_status == wire.ROK
    raw.octets = b""
    last = esme.send_submit(mt("stop"))
    began = time.monotonic()
    bed.daemon.stop()
    assert time.monotonic() - began < 15
    assert esme.wait_response(last).command_status == wire.RSYSERR


def test_a_slow_router_slows_nobody_else(start_bed: StartBed, raw: RawServer) -> None:
    """Simulated accounts need no router; nor do binds and keep-alives."""
    bed = start_bed(routing=routing(raw))
    waiting = bed.esme(bed.customer())
    for number in range(200):
        waiting.send_submit(mt(f"hangs {number}"))
    simulated = bed.esme(bed.customer(simulate=1, simulate_deliver_every=1))
    began = time.monotonic()
    for _ in range(50):
        assert simulated.submit(mt("simulated")).command_status == wire.ROK
        waiting.enquire_link()
    assert time.monotonic() - began < 5
    raw.octets = GOOD
    assert bed.esme(bed.customer()).submit(mt("others")).command_status == wire.ROK


@pytest.fixture
def plugin(tmp_path: Path, box: FakeBearerbox, start_daemon: Callable[..., Daemon]) -> Daemon:
    """A daemon whose binds and routes a plugin decides."""
    path = tmp_path / "decisions.py"
    path.write_text(PLUGIN)
    group = {"id": "mine", "path": path, "init-function": "start", "args": "some args"}
    daemon = start_daemon(
        [(BOX_ID, box.port)],
        ksmppd={"auth-method": "plugin", "auth-plugin-id": "mine", "log-level": 1},  # no tracebacks
        routing={"routing-method": 4, "plugin-id": "mine"},
        others=[("ksmppd-plugin", group)],
    )
    box.wait_for_box()
    return daemon


def test_a_plugin(plugin: Daemon, box: FakeBearerbox) -> None:
    with Esme.bound(plugin.smpp_port, "Customer", "right") as esme:
        assert esme.submit(mt("hello")).command_status == wire.ROK
        [sms] = box.wait_for_sms()
        assert (sms.msgdata, sms.smsc_id, sms.service) == (b"HELLO", b"PLUGIN", b"customer")
        assert esme.submit(mt("no opinion")).command_status == wire.ROK
        assert box.wait_for_text(b"no opinion").sms.smsc_id == b"DEFAULT"
        assert esme.submit(mt("refuse")).command_status == 0x400
        # an error is temporary, so the account's default_smsc takes the message, as with HTTP
        assert esme.submit(mt("fail")).command_status == wire.ROK
        assert box.wait_for_text(b"fail").sms.smsc_id == b"DEFAULT"
        plugin.wait_for_log("Plugin 'mine' failed: ZeroDivisionError: division by zero (")
        box.send_mo("+49170", "123", b"inbound")
        esme.wait_text(b"inbound")


def test_a_plugin_that_waits(plugin: Daemon, box: FakeBearerbox) -> None:
    """time.sleep in it lets the others go on."""
    with Esme.bound(plugin.smpp_port, "customer", "right") as esme:
        began = time.monotonic()
        replies = esme.submit_all([mt("slow")] * 50, window=50)
        assert {reply.command_status for reply in replies} == {wire.ROK}
        assert time.monotonic() - began < 5


def test_binds_by_plugin(plugin: Daemon) -> None:
    for system_id, password, status in (("x", "wrong", wire.RBINDFAIL), ("broken", "right", wire.RSYSERR)):
        esme = Esme(plugin.smpp_port)
        assert esme.bind(system_id, password).command_status == status
        esme.close()
    plugin.wait_for_log("Plugin 'mine' failed: KeyError: 'no such customer' (")
    assert "wrong" not in plugin.log().replace("wrong credentials", "")


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("/usr/lib/x.so", r"shared object for the C daemon.*docs/plugins\.md"),
        ("nowhere.py", r"can.t read .*nowhere\.py"),
    ],
)
def test_plugins_that_cant_start(tmp_path: Path, path: str, complaint: str) -> None:
    conf = tmp_path / "x.conf"
    conf.write_text(
        f"group = ksmppd\nsmpp-port = 0\nauth-method = plugin\nauth-plugin-id = p\n\n"
        f"group = ksmppd-plugin\nid = p\npath = {path}\n\ngroup = smpp-routing\nrouting-method = http\n"
        "http-routing-url = http://127.0.0.1:1/\n\ngroup = http-server\nport = 0\npassword = x\n\n"
        "group = bearerbox-connection\nhost = 127.0.0.1\nport = 1\n"
    )
    code, output = run_once(["-v", "0", str(conf)], tmp_path)
    assert code == 1
    assert re.search(complaint, output), output


def test_without_any_database(box: FakeBearerbox, plugin: Daemon) -> None:
    """Nothing needs one when binds and routes are decided elsewhere and there is no queue."""
    conf = plugin.config_path.read_text()
    conf = re.sub(r"(?m)^database-.*\n", "", conf)
    plugin.stop()
    plugin.config_path.write_text(conf)
    plugin.start()
    box.wait_for_box()
    with Esme.bound(plugin.smpp_port, "customer", "right") as esme:
        assert esme.submit(mt("hello")).command_status == wire.ROK
    assert plugin.admin("/rebuild-routes").body == "Routes updated"


def test_routes_are_refreshed_by_themselves(start_bed: StartBed) -> None:
    bed = start_bed(routing={"routing-method": 1, "routes-refresh-interval": 1})
    customer = bed.customer(outbound=[RouteRow(1, "^nowhere", "")])
    esme = bed.esme(customer)
    assert esme.submit(mt()).command_status == wire.RINVDSTADR
    insert_route(bed.daemon.database, RouteRow(1, "^[+]49", customer.system_id, "new"))
    deadline = time.monotonic() + 10
    while esme.submit(mt()).command_status != wire.ROK:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert bed.box.wait_for_sms()[0].smsc_id == b"new"


class TestRouteTest:
    def test_by_database(self, start_bed: StartBed) -> None:
        bed = start_bed()
        routes = [RouteRow(1, r"^\+49", "", "one", 1.5), RouteRow(1, "^sender$", "", source_regex="^x")]
        customer = bed.customer(
            outbound=routes, enable_prepaid_billing=1, credit=10.0, default_smsc="DEFAULT", default_cost=2.0
        )
        bed.esme(customer)

        def ask(**parameters: str) -> dict[str, object]:
            answer = bed.daemon.admin("/route-test.json", system_id=customer.system_id, **parameters)
            told: dict[str, object] = json.loads(answer.body)
            return told

        told = ask(to="+491701234567", text="x" * 161, **{"from": "12345"})
        route_id = told.pop("route_id")
        assert told == {
            "status": "routed",
            "command_status": "0x00000000",
            "sender": "12345",
            "receiver": "+491701234567",
            "parts": 2,
            "decided_by": "route",
            "smsc_id": "one",
            "cost_per_part": 1.5,
            "cost": 3.0,
            "prepaid": True,
            "account_known": True,
            "credit": 10.0,
        }
        [row] = bed.daemon.database.execute("SELECT route_id FROM smpp_route WHERE smsc_id = 'one'")
        assert row[0] == route_id
        default = ask(to="1234")
        assert (default["decided_by"], default["smsc_id"], default["cost"]) == (
            "default-smsc",
            "DEFAULT",
            2.0,
        )
        refused = ask(to="sender", **{"from": "y"})
        assert (refused["status"], refused["command_status"]) == ("refused", "0x0000000a")
        assert not bed.box.submits
        [row] = bed.daemon.database.execute(
            "SELECT credit FROM smpp_user WHERE system_id = ?", [customer.system_id]
        )
        assert float(str(row[0])) == 10.0

    def test_accounts_are_told_apart(self, start_bed: StartBed) -> None:
        """As their rows stand, whether they ever bound or not; nothing is a missing route but a missing route."""
        bed = start_bed()
        database = bed.daemon.database
        for name, values in {
            "fine": {},
            "empty": {"enable_prepaid_billing": 1, "credit": 0.5, "default_cost": 2.0},
            "gone": {},
            "routeless": {"default_smsc": None},
        }.items():
            bed.daemon.add_accounts(Account(name, "pw", **{"default_smsc": "DEFAULT", **values}))
        database.execute("UPDATE smpp_user SET password = '!' || password WHERE system_id = 'gone'")

        def refusal(system_id: str) -> object:
            answer = bed.daemon.admin("/route-test.json", system_id=system_id, to="1234", **{"from": "1"})
            told: dict[str, object] = json.loads(answer.body)
            return told.get("refusal")

        assert [
            refusal(name) for name in ("fine", "Fine", "empty", "gone", "routeless", "fien", "\u20ac")
        ] == [
            None,
            None,
            "no credit",
            "suspended",
            "no route",
            "unknown account",
            "unknown account",
        ]

    def test_by_http(self, start_bed: StartBed, raw: RawServer) -> None:
        bed = start_bed(routing=routing(raw))
        raw.octets = GOOD.replace(b"Content-", b"X-KSMPPD-SMSC-ID: theirs\r\nContent-")
        bed.daemon.add_accounts(Account("other", "pw"))
        told = bed.daemon.admin("/route-test", system_id="Other", to="+49170", **{"from": "1"}).body
        assert "status: routed\n" in told
        assert "smsc-id: theirs\n" in told
        assert "account-known: yes\n" in told
        raw.octets = b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"
        told = bed.daemon.admin("/route-test.xml", system_id="other", to="+49170").body
        assert "<command-status>0x00000008</command-status>" in told
        assert "503" in told
        assert raw.requests == 2
