"""SIGHUP on a real daemon: what follows the changed file, what is named instead, and a broken file."""

from __future__ import annotations

import json
import signal
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.fakes.esme import NEVER, Esme, always
from tests.integration.bed import BOX_ID, Bed, HttpsDaemon, StartBed, mt
from tests.parts.certificates import Authority
from tests.parts.config import Group, render
from tests.parts.daemon import PASSWORD, DaemonConfig
from tests.parts.database import RouteRow, SqliteDatabase, insert_route
from tests.parts.http import request
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration

READ = "The configuration was read again"


def hang_up(bed: Bed, text: str = READ) -> str:
    """Write the configuration as `bed.daemon.config` has it by now, send SIGHUP, return what was logged."""
    daemon = bed.daemon
    daemon.config_path.write_text(render(daemon.config.groups(daemon.database, daemon.log_path)), "utf-8")
    return send_sighup(bed, text)


def send_sighup(bed: Bed, text: str = READ) -> str:
    before = len(bed.daemon.log())
    bed.daemon.process.signal(signal.SIGHUP)
    wait_until(lambda: text in bed.daemon.log()[before:], lambda: f"{text!r}\n{bed.daemon.report()}")
    return bed.daemon.log()[before:]


def change(bed: Bed, **keys: Any) -> str:
    """The same with other keys in group ksmppd."""
    bed.daemon.config.ksmppd = {
        **bed.daemon.config.ksmppd,
        **{key.replace("_", "-"): value for key, value in keys.items()},
    }
    return hang_up(bed)


def no_warnings(logged: str) -> bool:
    expected = (
        "SIGHUP received",
        "replaces the whole group",
    )  # the second: how these tests change http-server
    lines = [line for line in logged.splitlines() if not any(text in line for text in expected)]
    return not any(level in line for line in lines for level in ("WARNING:", "ERROR:"))


def test_an_unchanged_file_changes_nothing(start_bed: StartBed) -> None:
    bed = start_bed()
    esme = bed.esme(bed.customer())
    assert no_warnings(hang_up(bed))
    assert esme.submit(mt()).command_status == wire.ROK
    assert json.loads(bed.daemon.admin("/bearerbox-status.json").body)["bearerboxes"][0]["connects"] == 1


def test_log_level(start_bed: StartBed) -> None:
    bed = start_bed()
    customer = bed.customer()

    def lines_of_a_bind() -> str:
        before = len(bed.daemon.log())
        bed.esme(customer).submit(mt())
        return bed.daemon.log()[before:]

    bed.daemon.config.ksmppd = {**bed.daemon.config.ksmppd, "log-level": 2}
    hang_up(bed, "SIGHUP received")
    wait_until(lambda: lines_of_a_bind() == "", "no lines")
    bed.daemon.config.ksmppd = {**bed.daemon.config.ksmppd, "log-level": 0}
    hang_up(bed, "SIGHUP received")
    wait_until(lambda: "DEBUG: " in lines_of_a_bind(), "DEBUG lines")


def test_limits_of_sessions_that_are_there(start_bed: StartBed) -> None:
    bed = start_bed()
    customer = bed.customer()
    esme = bed.esme(customer)
    esme.policy = always(NEVER)
    assert no_warnings(change(bed, wait_ack_timeout=1))
    bed.box.send_mo("+49170", customer.short_code, "nobody answers")
    esme.wait_closed(10)


def test_block_list(start_bed: StartBed) -> None:
    bed = start_bed(ksmppd={"ip-blocklist-attempts": 0})
    customer = bed.customer()

    def fail() -> None:
        with Esme(bed.daemon.smpp_port) as esme:
            assert esme.bind(customer.system_id, "wrong").command_status == wire.RBINDFAIL
            esme.wait_closed()

    fail()
    change(bed, ip_blocklist_attempts=1, ip_blocklist_exempt_ips="10.0.0.1")
    assert json.loads(bed.daemon.admin("/blocked-ips.json").body) == {"blocked": []}
    fail()
    wait_until(lambda: "127.0.0.1" in bed.daemon.admin("/blocked-ips").body, "the block")
    change(bed, ip_blocklist_attempts=0, ip_blocklist_exempt_ips="127.0.0.1")
    bed.daemon.admin("/blocked-ips", clear="all")
    fail()
    bed.esme(customer)


def test_routes(start_bed: StartBed) -> None:
    bed = start_bed()
    customer = bed.customer(outbound=[])
    esme = bed.esme(customer)
    assert esme.submit(mt()).command_status == wire.RINVDSTADR
    insert_route(bed.daemon.database, RouteRow(1, "", customer.system_id))
    hang_up(bed)
    wait_until(lambda: esme.submit(mt()).command_status == wire.ROK, "the new route")


def test_routes_and_accounts_are_looked_at_from_now_on(start_bed: StartBed) -> None:
    bed = start_bed()
    customer = bed.customer(outbound=[])
    esme = bed.esme(customer)
    bed.daemon.config.routing = {**bed.daemon.config.routing, "routes-refresh-interval": 1}
    assert no_warnings(change(bed, accounts_refresh_interval=1))
    assert esme.submit(mt()).command_status == wire.RINVDSTADR
    insert_route(bed.daemon.database, RouteRow(1, "", customer.system_id))
    wait_until(lambda: esme.submit(mt()).command_status == wire.ROK, "the new route")
    bed.daemon.database.execute(
        "UPDATE smpp_user SET max_binds = 3 WHERE system_id = ?", [customer.system_id]
    )
    wait_until(lambda: "binds:1/3," in bed.daemon.admin("/esme-status").body, "the new limit")


def test_bearerboxes_come_and_go(start_bed: StartBed) -> None:
    bed = start_bed()
    customer = bed.customer()
    esme = bed.esme(customer)

    def names() -> list[int]:
        boxes = json.loads(bed.daemon.admin("/bearerbox-status.json").body)["bearerboxes"]
        return [box["port"] for box in boxes if box["online"]]

    with FakeBearerbox() as second:
        bed.daemon.config.boxes = [(BOX_ID, bed.box.port), (BOX_ID, second.port)]
        assert no_warnings(hang_up(bed))
        second.wait_for_box()
        wait_until(lambda: names() == [bed.box.port, second.port], "both bearerboxes")
        bed.daemon.config.boxes = [(BOX_ID, second.port)]
        hang_up(bed)
        wait_until(lambda: names() == [second.port], "the first to be left")
        assert esme.submit(mt("to the second")).command_status == wire.ROK
        assert second.wait_for_sms()[0].msgdata == b"to the second"
        bed.daemon.config.boxes = [(BOX_ID, bed.box.port)]
        hang_up(bed)
        wait_until(lambda: names() == [bed.box.port], "the first to be back")
        assert esme.submit(mt()).command_status == wire.ROK


def test_access_log(start_bed: StartBed, tmp_path: Path) -> None:
    bed = start_bed()
    esme = bed.esme(bed.customer())
    path = tmp_path / "access.log"
    assert no_warnings(change(bed, access_log=path, access_log_format="json", access_log_text="yes"))
    assert esme.submit(mt("hello")).command_status == wire.ROK
    wait_until(lambda: path.read_text().endswith("\n"), "a line")
    assert json.loads(path.read_text())["text"] == "hello"
    path.rename(tmp_path / "access.log.1")
    bed.daemon.process.signal(signal.SIGUSR2)
    wait_until(path.exists, "the new file")
    assert esme.submit(mt()).command_status == wire.ROK
    wait_until(lambda: path.read_text().count("\n") == 1, "the line in the new file")


def test_the_operator_s_password(start_bed: StartBed) -> None:
    bed = start_bed()
    port = bed.daemon.config.admin_port
    other: Group = ("http-server", {"port": port, "password": "another"})
    bed.daemon.config.others = [other]  # the last such group counts
    assert no_warnings(hang_up(bed))
    assert request(port, "/uptime", password=PASSWORD).status == 403
    assert request(port, "/uptime", password="another").status == 200
    assert "another" not in bed.daemon.log()


def test_the_operator_s_certificate(tmp_path: Path, start_bed: StartBed) -> None:
    authority, other = Authority(), Authority("Other CA")
    path = tmp_path / "admin.pem"
    path.write_bytes(authority.server(tmp_path).read_bytes())
    bed = start_bed()
    # The bed asks its daemon over plain HTTP, so this one is a second.
    config = DaemonConfig([(BOX_ID, bed.box.port)])
    https = {"port": config.admin_port, "password": PASSWORD, "ssl": "yes", "ssl-server-cert-file": path}
    config.others = [("http-server", https)]

    def trusts(authority: Authority) -> bool:
        context = ssl.create_default_context(cafile=str(authority.write(tmp_path)))
        with socket.create_connection(("127.0.0.1", config.admin_port), 10) as connected:
            try:
                context.wrap_socket(connected, server_hostname="127.0.0.1").close()
            except ssl.SSLCertVerificationError:
                return False
            return True

    database = SqliteDatabase(tmp_path / "second.sqlite3")
    with HttpsDaemon(tmp_path, config, database, name="second") as daemon:
        second = Bed(daemon, bed.box)
        assert trusts(authority)
        path.write_bytes(other.server(tmp_path).read_bytes())
        assert no_warnings(hang_up(second))
        assert trusts(other)
        assert not trusts(authority)
        path.write_bytes(b"nonsense")
        hang_up(second, "The configuration stays as it was")
        assert trusts(other)


def test_what_takes_a_restart_is_named_in_one_line(start_bed: StartBed) -> None:
    bed = start_bed()
    esme = bed.esme(bed.customer())
    bed.daemon.config.routing = {
        "routing-method": "http",
        "http-routing-url": "http://user:hush@127.0.0.1:1/",
    }
    logged = change(bed, id="OTHER", database_user_table="users", default_max_open_acks=7)
    [line] = [line for line in logged.splitlines() if "take a restart" in line]
    assert line.endswith(
        "These changes take a restart: ksmppd: database-user-table, ksmppd: id, "
        "smpp-routing: http-routing-url, smpp-routing: routing-method"
    )
    assert "hush" not in bed.daemon.log()
    assert esme.submit(mt()).command_status == wire.ROK
    with Esme(bed.daemon.smpp_port) as another:
        customer = bed.customer()
        assert b"KSMPPD-TEST" in another.bind(customer.system_id, customer.password).body


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("group = ksmppd\nlog-level = many\n", "log-level"),
        ("group = ksmppd\nno equals sign\n", "An equals sign ('=') is missing"),
        ("", "No group 'ksmppd' configured"),
        (None, "ksmppd"),
    ],
)
def test_a_broken_file_leaves_everything_as_it_was(
    start_bed: StartBed, text: str | None, problem: str
) -> None:
    bed = start_bed()
    esme = bed.esme(bed.customer())
    good = bed.daemon.config_path.read_text()
    if text is None:
        bed.daemon.config_path.unlink()
    else:
        bed.daemon.config_path.write_text(text)
    logged = send_sighup(bed, "The configuration stays as it was")
    assert problem in logged
    assert READ not in logged
    assert esme.submit(mt()).command_status == wire.ROK
    bed.daemon.config_path.write_text(good)
    assert no_warnings(send_sighup(bed))


def test_a_certificate_that_cannot_be_used_leaves_everything_as_it_was(
    start_bed: StartBed, tmp_path: Path
) -> None:
    """All or nothing: what else has changed in the file doesn't hold either."""
    pair = Authority().server(tmp_path)
    bed = start_bed(ksmppd={"smpp-tls-port": 0, "smpp-tls-cert-file": pair, "log-level": 1})
    pair.write_bytes(b"nonsense")
    bed.daemon.config.ksmppd = {**bed.daemon.config.ksmppd, "smpp-tls-port": 2346, "log-level": 0}
    hang_up(bed, "stays as it was")
    assert "DEBUG" not in bed.daemon.log()
