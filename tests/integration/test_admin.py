"""The admin HTTP server, body by body (docs/rules/http.md 3)."""

from __future__ import annotations

import json
import re
import socket
from xml.etree import ElementTree

import pytest

from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.integration.bed import Bed, StartBed, mt
from tests.parts.database import RouteRow, insert_route
from tests.parts.http import request

pytestmark = pytest.mark.integration

LOAD = r"\d+\.\d\d"
LOADS = rf"{LOAD}/{LOAD}/{LOAD}"

BIND_PLAIN = (
    "-- id:{id} ip:127.0.0.1 uptime:0d 0h 0m {second}s, type:{type}, open-acks:{open}, simulate: {simulate}, "
    "inbound (load/queued/processed/routing):{load}/0/{received}/0, "
    "outbound (load/queued/processed):{load}/0/{sent}, mt/mo/dlr/errors:{counts}"
)
BIND_XML = """
	<bind>
		<bind-id>{id}</bind-id>
		<ip>127.0.0.1</ip>
		<uptime>{second}</uptime>
		<bind-type>{type}</bind-type>
		<open-acks>{open}</open-acks>
		<simulate>{simulate}</simulate>
		<inbound-load>{load}</inbound-load>
		<inbound-queued>0</inbound-queued>
		<inbound-processed>{received}</inbound-processed>
		<inbound-routing>0</inbound-routing>
		<outbound-load>{load}</outbound-load>
		<outbound-queued>0</outbound-queued>
		<outbound-processed>{sent}</outbound-processed>
		<mt>{counts[0]}</mt>
		<mo>{counts[1]}</mo>
		<dlr>{counts[2]}</dlr>
		<errors>{counts[3]}</errors>
	</bind>"""


def pattern(template: str, **values: object) -> str:
    """A regular expression from a literal text with named holes."""
    holes = {"load": LOAD, "loads": LOADS, "number": r"\d+", "second": r"\d+", "id": r"\d+", **values}
    # Each hole stands as \x00index\x00 while the literal text is escaped.
    marked = template.format(**{name: f"\0{name}\0" for name in holes} | {"counts": _Counts()})
    escaped = re.escape(marked).replace("\\\0", "\0").replace("\x00", "\0")
    for name, value in holes.items():
        escaped = escaped.replace(f"\0{re.escape(name)}\0", str(value))
    for index in range(4):
        counts = values.get("counts")
        escaped = escaped.replace(f"\0counts{index}\0", str(counts[index]) if counts else "")
    return escaped


class _Counts:
    def __getitem__(self, index: int) -> str:
        return f"\0counts{index}\0"

    def __format__(self, _: str) -> str:
        return "/".join(self[index] for index in range(4))


class TestEveryRequest:
    def test_password_first(self, sqlite_bed: Bed) -> None:
        port = sqlite_bed.daemon.config.admin_port
        for path in ("/uptime", "/uptime.xml", "/nothing"):
            for answer in (request(port, path), request(port, path, password="KSMPPDPASS"),
                           request(port, path, password="")):  # fmt: skip
                assert (answer.status, answer.body) == (403, "Denied")

    def test_unknown_commands_are_told_the_known_ones(self, sqlite_bed: Bed) -> None:
        for path, shown in (("/foo", "/foo"), ("/foo.xml", "/foo"), ("/uptime/", "/uptime/")):
            answer = sqlite_bed.daemon.admin(path)
            assert answer.status == 404
            head, empty, *commands = answer.body.split("\n")
            assert head == f"Command '{shown}' not found, available commands are: "
            assert empty == ""
            assert commands[-1] == ""
            assert {"/uptime", "/log-level", "/esme-status", "/esme-unbind", "/rebuild-routes"} <= set(
                commands
            )

    def test_methods(self, sqlite_bed: Bed) -> None:
        assert sqlite_bed.daemon.admin("/uptime", method="POST").status == 200
        head = sqlite_bed.daemon.admin("/uptime", method="HEAD")
        assert (head.status, head.body) == (200, "")
        other = sqlite_bed.daemon.admin("/uptime", method="DELETE")
        assert (other.status, other.body) == (400, "")

    def test_content_types(self, sqlite_bed: Bed) -> None:
        plain, xml = sqlite_bed.daemon.admin("/uptime"), sqlite_bed.daemon.admin("/uptime.xml")
        assert plain.headers["content-type"].lower().replace(" ", "") == "text/plain;charset=utf-8"
        assert xml.headers["content-type"].lower().replace(" ", "") == "text/xml;charset=utf-8"
        assert plain.headers["server"].startswith("KSMPPD")

    def test_garbage(self, sqlite_bed: Bed) -> None:
        with socket.create_connection(("127.0.0.1", sqlite_bed.daemon.config.admin_port), 5) as garbage:
            garbage.settimeout(10)
            garbage.sendall(b"nonsense\r\n\r\n")
            answer = b""
            while octets := garbage.recv(4096):
                answer += octets
        assert b" 400 " in answer.split(b"\r\n")[0]
        assert sqlite_bed.daemon.admin("/uptime").status == 200


class TestUptimeAndLogLevel:
    def test_uptime(self, sqlite_bed: Bed) -> None:
        assert re.fullmatch(r"Uptime 0d 0h \d+m \d+s\n", sqlite_bed.daemon.admin("/uptime").body)
        assert re.fullmatch(r"<uptime>\d+</uptime>", sqlite_bed.daemon.admin("/uptime.xml").body)
        assert re.fullmatch(r"Uptime 0d 0h \d+m \d+s\n", sqlite_bed.daemon.admin("/uptime.foo").body)

    def test_log_level_changes_what_is_logged(self, start_bed: StartBed) -> None:
        bed = start_bed()
        daemon = bed.daemon
        assert daemon.admin("/log-level", level=3).status == 200
        before = len(daemon.log())
        customer = bed.customer()
        bed.esme(customer).submit(mt())
        assert "INFO:" not in daemon.log()[before:]
        assert "DEBUG:" not in daemon.log()[before:]
        assert daemon.admin("/log-level", level=0).status == 200
        bed.esme(customer).submit(mt())
        daemon.wait_for_log(f"SMPP[{customer.system_id}] Successfully authenticated")


class TestEsmeStatus:
    def test_nobody_yet(self, start_bed: StartBed) -> None:
        daemon = start_bed().daemon
        plain = (
            "Summary: \n\nUnique known ESME's: 0\nTotal inbound processed:0 load: {loads}/sec\n"
            "Total outbound processed:0 load: {loads}/sec\n"
        )
        assert re.fullmatch(pattern(plain), daemon.admin("/esme-status").body)
        xml = (
            "<esmes><summary>\n\t<unique>0</unique>\n\t<inbound-processed>0</inbound-processed>\n"
            "\t<inbound-load>{loads}</inbound-load>\n\t<outbound-processed>0</outbound-processed>\n"
            "\t<outbound-load>{loads}</outbound-load>\n</summary></esmes>"
        )
        assert re.fullmatch(pattern(xml), daemon.admin("/esme-status.xml").body)

    def traffic(self, bed: Bed) -> None:
        """One account with one bind and all kinds of messages, one that left."""
        first = bed.customer(
            max_binds=2, throughput=11, outbound=[RouteRow(1, "^1", "", None)], default_smsc=None
        )
        second = bed.customer()
        left = bed.esme(second, "receiver")
        left.unbind()
        left.wait_closed()
        esme = bed.esme(first)
        for _ in range(2):
            reply = esme.submit(mt(destination_addr=b"1", dest_addr_ton=0, registered_delivery=1))
            assert reply.command_status == wire.ROK
        assert esme.submit(mt(destination_addr=b"2", dest_addr_ton=0)).command_status == wire.RINVDSTADR
        bed.box.wait_for_ack(bed.box.send_dlr(bed.box.wait_for_sms()[0]))
        bed.box.wait_for_ack(bed.box.send_mo("+49170", first.short_code, "mo"))
        self.names = (first.system_id, second.system_id)

    def test_plain(self, start_bed: StartBed) -> None:
        bed = start_bed()
        self.traffic(bed)
        first, second = self.names
        plain = (
            "Summary: \n\nUnique known ESME's: 2\nTotal inbound processed:3 load: {loads}/sec\n"
            "Total outbound processed:2 load: {loads}/sec\n"
            "\n" + first + " - binds:1/2, total inbound load:({loads})/11.00/sec, "
            "outbound load:({loads})/sec, mt/mo/dlr/errors:({counts})\n" + BIND_PLAIN + "\n"
            "\n" + second + " - binds:0/0, total inbound load:({loads})/0.00/sec, "
            "outbound load:({loads})/sec, mt/mo/dlr/errors:(0/0/0/0)\n"
        )
        expected = pattern(plain, type=3, open=0, simulate="no", received=6, sent=6, counts=(2, 1, 1, 1))
        body = bed.daemon.admin("/esme-status").body
        assert re.fullmatch(expected, body), body

    def test_xml(self, start_bed: StartBed) -> None:
        bed = start_bed()
        self.traffic(bed)
        first, second = self.names
        xml = (
            "<esmes><summary>\n\t<unique>2</unique>\n\t<inbound-processed>3</inbound-processed>\n"
            "\t<inbound-load>{loads}</inbound-load>\n\t<outbound-processed>2</outbound-processed>\n"
            "\t<outbound-load>{loads}</outbound-load>\n</summary>\n"
            "<esme>\n\t<system-id>" + first + "</system-id>\n\t<bind-count>1</bind-count>\n"
            "\t<max-binds>2</max-binds>\n\t<inbound-load>{loads}</inbound-load>\n"
            "\t<max-inbound-load>11.00</max-inbound-load>\n\t<outbound-load>{loads}</outbound-load>\n"
            "\t<mt>{counts[0]}</mt>\n\t<mo>{counts[1]}</mo>\n\t<dlr>{counts[2]}</dlr>\n"
            "\t<errors>{counts[3]}</errors>" + BIND_XML + "\n</esme>\n"
            "<esme>\n\t<system-id>" + second + "</system-id>\n\t<bind-count>0</bind-count>\n"
            "\t<max-binds>0</max-binds>\n\t<inbound-load>{loads}</inbound-load>\n"
            "\t<max-inbound-load>0.00</max-inbound-load>\n\t<outbound-load>{loads}</outbound-load>\n"
            "\t<mt>0</mt>\n\t<mo>0</mo>\n\t<dlr>0</dlr>\n\t<errors>0</errors>\n</esme></esmes>"
        )
        expected = pattern(xml, type=3, open=0, simulate="no", received=6, sent=6, counts=(2, 1, 1, 1))
        body = bed.daemon.admin("/esme-status.xml").body
        assert re.fullmatch(expected, body), body


class TestEsmeUnbind:
    def test_refusals(self, sqlite_bed: Bed) -> None:
        daemon = sqlite_bed.daemon
        for answer in (daemon.admin("/esme-unbind"), daemon.admin("/esme-unbind", system_id="")):
            assert (answer.status, answer.body) == (406, "You must specify a 'system-id' parameter\n")
        xml = daemon.admin("/esme-unbind.xml")
        assert (xml.status, xml.body) == (406, "<status>You must specify a 'system-id' parameter</status>")
        plain = daemon.admin("/esme-unbind", system_id="Foo")
        assert (plain.status, plain.body) == (404, "No such system-id 'foo' found\n")
        xml = daemon.admin("/esme-unbind.xml", system_id="Foo")
        assert (xml.status, xml.body) == (404, "<status>No such system-id 'foo' found</status>")

    def test_all_binds(self, sqlite_bed: Bed) -> None:
        customer = sqlite_bed.customer()
        sessions = [sqlite_bed.esme(customer, kind) for kind in ("transceiver", "receiver")]
        answer = sqlite_bed.daemon.admin("/esme-unbind", system_id=customer.system_id.upper())
        assert (answer.status, answer.body) == (200, "2 binds disconnected\n")
        for esme in sessions:
            esme.wait_request(wire.UNBIND)
            esme.wait_closed()
        again = sqlite_bed.daemon.admin("/esme-unbind.xml", system_id=customer.system_id)
        assert (again.status, again.body) == (200, "<status>0 binds disconnected</status>")

    def test_one_bind(self, sqlite_bed: Bed) -> None:
        customer = sqlite_bed.customer()
        one, other = sqlite_bed.esme(customer), sqlite_bed.esme(customer)
        status = sqlite_bed.daemon.admin("/esme-status").body
        section = status[status.index(f"\n{customer.system_id} - ") :]
        bind_id = int(re.findall(r"-- id:(\d+) ", section)[0])
        unbind = sqlite_bed.daemon.admin
        assert unbind("/esme-unbind", system_id=customer.system_id, bind_id=999999).body == (
            "0 binds disconnected\n"
        )
        assert unbind("/esme-unbind", system_id=customer.system_id, bind_id=bind_id).body == (
            "1 binds disconnected\n"
        )
        one.wait_closed()
        assert other.submit(mt()).command_status == wire.ROK

    def test_a_session_that_does_not_answer_is_closed(self, sqlite_bed: Bed) -> None:
        """docs/rules/smpp-session.md 10: waits up to 5 s for unbind_resp."""
        customer = sqlite_bed.customer()
        esme = sqlite_bed.esme(customer)
        esme.answers_unbinds = False
        sqlite_bed.daemon.admin("/esme-unbind", system_id=customer.system_id)
        esme.wait_request(wire.UNBIND)
        esme.wait_closed(8)


def test_rebuild_routes(bed: Bed) -> None:
    """Inbound and outbound, on both databases."""
    customer = bed.customer(outbound=[])
    esme = bed.esme(customer)
    code = "8" + customer.short_code
    mo = bed.box.send_mo("+49170", code, "too early")
    assert bed.box.wait_for_ack(mo).nack == box_wire.ACK_FAILED
    assert esme.submit(mt()).command_status == wire.RINVDSTADR
    insert_route(bed.daemon.database, RouteRow(2, f"^{code}$", customer.system_id))
    insert_route(bed.daemon.database, RouteRow(1, "", customer.system_id))
    answer = bed.daemon.admin("/rebuild-routes")
    assert answer.status == 200
    assert re.match(r"Routes updated\n\d+ rows read, \d+ skipped\n", answer.body)
    mo = bed.box.send_mo("+49170", code, "in time")
    esme.wait_text(b"in time")
    assert bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    assert esme.submit(mt()).command_status == wire.ROK
    assert ElementTree.fromstring(bed.daemon.admin("/rebuild-routes.xml").body).text == "Routes updated"


def test_rebuild_routes_tells_what_is_wrong(bed: Bed) -> None:
    """By route_id and reason, on both databases; upper case is no mistake."""
    customer = bed.customer(outbound=[])
    for route in (
        RouteRow(3, "^1", customer.system_id),
        RouteRow(1, "(", customer.system_id),
        RouteRow(1, "^2", "nobody"),
        RouteRow(2, "^never$", "nobody"),
        RouteRow(1, "^46", customer.system_id.upper()),
    ):
        insert_route(bed.daemon.database, route)
    rows = bed.daemon.database.execute("SELECT route_id FROM smpp_route ORDER BY route_id DESC LIMIT 5")
    *_, upper = numbers = [int(row[0]) for row in reversed(rows)]
    told = json.loads(bed.daemon.admin("/rebuild-routes.json").body)
    assert told["message"] == "Routes updated"
    assert told["rows"] >= 5
    assert told["skipped"] >= 3
    problems = {each["route_id"]: (each["skipped"], each["reason"]) for each in told["problems"]}
    assert [problems.get(number) for number in numbers] == [
        (True, "direction 3 is neither 1 (MT) nor 2 (MO)"),
        (True, "missing ): ("),
        (True, "there is no account 'nobody'"),
        (False, "there is no account 'nobody', so no account gets its messages"),
        None,
    ]
    assert f"Route {numbers[0]} skipped: direction 3" in bed.daemon.log()
    assert bed.esme(customer).submit(mt(destination_addr=b"461", dest_addr_ton=0)).command_status == wire.ROK
    bed.daemon.database.execute(f"DELETE FROM smpp_route WHERE route_id >= {numbers[0]}")
    assert upper not in problems


def test_inbound_routes_of_one_smsc(bed: Bed) -> None:
    """docs/rules/flows.md 7.1: a route with an smsc_id holds for that SMSC only, in any case."""
    customer = bed.customer()
    esme = bed.esme(customer)
    code = "9" + customer.short_code
    bed.daemon.add_routes(RouteRow(2, f"^{code}$", customer.system_id.upper(), smsc_id="Special"))
    mo = bed.box.send_mo("+49170", code, "from elsewhere")
    assert bed.box.wait_for_ack(mo).nack == box_wire.ACK_FAILED
    bed.box.send_mo("+49170", code, "from there", smsc_id=b"sPECIAL")
    esme.wait_text(b"from there")
