"""Limits and lists: blocked addresses, connections without a bind, alphabets, error codes, simulation's options."""

from __future__ import annotations

import json
import time

import pytest

from tests.fakes import smpp_wire as wire
from tests.integration.bed import Bed, Customer, StartBed, mt

pytestmark = pytest.mark.integration

STRANGER = "127.0.0.77"


def add_columns(bed: Bed, *columns: str) -> None:
    for column in columns:
        bed.daemon.database.execute(f"ALTER TABLE smpp_user ADD COLUMN {column}")
    bed.daemon.restart()
    bed.box.wait_for_box()


def set_column(bed: Bed, customer: Customer, column: str, value: object) -> None:
    bed.daemon.database.execute(
        f"UPDATE smpp_user SET {column} = ? WHERE system_id = ?", [value, customer.system_id]
    )


def test_blocked_addresses_are_listed_and_cleared(start_bed: StartBed) -> None:
    bed = start_bed(ksmppd={"ip-blocklist-attempts": 2, "ip-blocklist-time": 60})
    customer = bed.customer()
    for _ in range(2):
        esme = bed.connect(source_ip=STRANGER)
        assert esme.bind("nobody", "nothing").command_status == wire.RBINDFAIL
        esme.wait_closed()
    bed.connect(source_ip=STRANGER).wait_closed(3)
    assert bed.daemon.admin("/blocked-ips").body.startswith(
        f"1 addresses blocked\n{STRANGER} failed binds:2 "
    )
    (blocked,) = json.loads(bed.daemon.admin("/blocked-ips.json").body)["blocked"]
    assert (blocked["ip"], blocked["attempts"]) == (STRANGER, 2)
    assert 50 <= blocked["seconds_left"] <= 60
    assert f"<ip>{STRANGER}</ip>" in bed.daemon.admin("/blocked-ips.xml").body
    assert bed.daemon.admin("/blocked-ips", clear="127.0.0.78").body == "0 addresses unblocked\n"
    assert bed.daemon.admin("/blocked-ips", clear="all").body == "1 addresses unblocked\n"
    assert bed.daemon.admin("/blocked-ips").body == "0 addresses blocked\n"
    assert bed.esme(customer, source_ip=STRANGER).enquire_link().command_status == wire.ROK


def test_max_binds_never_blocks_an_address(start_bed: StartBed) -> None:
    bed = start_bed(ksmppd={"ip-blocklist-attempts": 2})
    customer = bed.customer(max_binds=1)
    first = bed.esme(customer, source_ip=STRANGER)
    for _ in range(4):
        refused = bed.connect(source_ip=STRANGER)
        assert refused.bind(customer.system_id, customer.password).command_status == wire.RBINDFAIL
    first.unbind()
    second = bed.esme(customer, source_ip=STRANGER)  # the slot is free at once
    second.close()
    deadline = time.monotonic() + 2
    while bed.connect(source_ip=STRANGER).bind(customer.system_id, customer.password).command_status:
        assert time.monotonic() < deadline
    assert bed.daemon.admin("/blocked-ips").body == "0 addresses blocked\n"


def test_a_flood_of_silent_connections(start_bed: StartBed) -> None:
    """The oldest connection without a bind is closed; binds stay, new binds are accepted, no address is blocked."""
    bed = start_bed(ksmppd={"max-unbound-connections": 5, "ip-blocklist-attempts": 1})
    customer = bed.customer()
    bound = bed.esme(customer)
    silent = [bed.connect(source_ip=STRANGER) for _ in range(8)]
    for esme in silent[:3]:
        esme.wait_closed(3)
    assert bound.enquire_link().command_status == wire.ROK
    assert silent[-1].enquire_link().command_status == wire.ROK
    late = bed.esme(customer, source_ip=STRANGER)
    assert late.submit(mt()).command_status == wire.ROK
    assert bed.daemon.admin("/blocked-ips").body == "0 addresses blocked\n"


def test_columns_of_ours(start_bed: StartBed) -> None:
    """alt_charset, switch_dlr_addr and dlr_err_length by account, above the global settings."""
    bed = start_bed(
        ksmppd={"default-alt-charset": "ISO-8859-1", "switch-dlr-addr": True, "dlr-err-length": 5}
    )
    add_columns(bed, "alt_charset VARCHAR(20)", "switch_dlr_addr INTEGER", "dlr_err_length INTEGER")
    usual, greek, odd = bed.customer(), bed.customer(), bed.customer()
    set_column(bed, greek, "alt_charset", "ISO-8859-7")
    set_column(bed, greek, "switch_dlr_addr", 0)
    set_column(bed, odd, "alt_charset", "no-such-charset")
    set_column(bed, greek, "dlr_err_length", 0)
    set_column(bed, odd, "dlr_err_length", 3)
    for customer, octets, text, source, err in (
        (usual, b"\xe9", "é", b"491701234567", "12345"),
        (greek, b"\xe1", "α", b"12345", "1234567"),
        (odd, b"\xe9", "é", b"491701234567", "123"),
    ):
        esme = bed.esme(customer)
        assert esme.submit(mt(octets, registered_delivery=1)).command_status == wire.ROK
        sms = bed.box.wait_for_text(text.encode()).sms
        bed.box.submits.clear()
        bed.box.send_dlr(sms, 2, b"stat:UNDELIV err:1234567 text:")
        receipt = esme.wait_receipt(sms.id)
        assert (receipt.source_addr, receipt.receipt["err"]) == (source, err)
        bed.box.send_mo("+491701234567", customer.short_code, text)
        esme.wait_text(octets)


def test_every_octet_through_the_queue_and_back(start_bed: StartBed) -> None:
    bed = start_bed()
    customer = bed.customer()
    transmitter = bed.esme(customer, "transmitter")
    octets = bytes(range(256))
    bed.box_away()
    payload = {wire.MESSAGE_PAYLOAD: octets}
    assert transmitter.submit(mt(b"", data_coding=4, tlvs=payload)).command_status == wire.ROK
    bed.box_back()
    assert bed.box.wait_for_sms()[0].msgdata == octets
    bed.box.send_mo("+491701234567", customer.short_code, octets[:140], coding=1)
    bed.box.send_mo("+491701234567", customer.short_code, octets[116:], coding=1)
    bed.wait_rows(customer, 2)
    receiver = bed.esme(customer, "receiver")
    messages = receiver.wait_deliveries(2, 20)
    assert sorted(message.short_message for message in messages) == sorted([octets[:140], octets[116:]])


def test_simulated_reports_fail_and_wait(start_bed: StartBed) -> None:
    """simulate_dlr_fail counts as the other columns do; simulation-delay is the least time to a report."""
    bed = start_bed(ksmppd={"simulation-delay": 1500})
    add_columns(bed, "simulate_dlr_fail INTEGER")
    customer = bed.customer(simulate=1, simulate_deliver_every=1)
    set_column(bed, customer, "simulate_dlr_fail", 3)
    esme = bed.esme(customer, policy=lambda message: None)
    began = time.monotonic()
    ids = [esme.submit(mt(f"number {number}")).text for number in (2, 3, 4)]
    reports = [esme.wait_receipt(message_id) for message_id in ids]
    assert time.monotonic() - began > 1.4
    assert [report.receipt["stat"] for report in reports] == ["DELIVRD", "UNDELIV", "DELIVRD"]
    assert [report.receipt["err"] for report in reports] == ["000", "001", "000"]
    assert [report.tlvs[wire.MESSAGE_STATE] for report in reports] == [b"\x02", b"\x05", b"\x02"]
    query = ids[1] + b"\0\0\0" + b"12345\0"
    reply = esme.request(wire.QUERY_SM, query)
    assert (reply.command_status, reply.body[-2]) == (wire.ROK, 5)


def test_short_delays(start_bed: StartBed) -> None:
    bed = start_bed(ksmppd={"simulation-delay": 50})
    esme = bed.esme(bed.customer(simulate=1, simulate_deliver_every=1))
    began = time.monotonic()
    esme.wait_receipt(esme.submit(mt()).text)
    assert time.monotonic() - began < 0.9
