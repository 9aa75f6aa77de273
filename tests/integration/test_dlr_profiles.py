"""Profiles and error maps with the real bearerbox and its SMPP client: ids, receipts, query_sm, refunds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID, HANDSET, Bed, credit, mt
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import SqliteDatabase
from tests.parts.kannel import Bearerbox

pytestmark = [pytest.mark.integration, pytest.mark.bearerbox]

FIXED_COLUMNS = re.compile(
    rb"id:(\d{10}) sub:001 dlvrd:000 submit date:\d{10} done date:\d{10} stat:([A-Z]{7}) err:(\d{3}) Text:.{0,20}"
)


def daemon(directory: Path, name: str, config: DaemonConfig) -> Daemon:
    (directory / name).mkdir()
    return Daemon(directory / name, config, SqliteDatabase(directory / f"{name}.sqlite3"))


def test_a_failed_message_of_a_prepaid_account(tmp_path: Path) -> None:
    """Another daemon in the place of the SMSC simulates an account whose messages fail with UNDELIV, 001."""
    error_map = (
        "error-map",
        {"smsc-id": "NEXT", "code": "00*", "err": "027", "stat": "REJECTD", "refund": "yes"},
    )
    with FakeBearerbox() as last_box:
        smsc = daemon(tmp_path, "smsc", DaemonConfig([(BOX_ID, last_box.port)]))
        with smsc:
            smsc.database.execute("ALTER TABLE smpp_user ADD COLUMN simulate_dlr_fail INTEGER", [])
        with smsc:
            account = Bed(smsc, last_box).customer(simulate=True)
            smsc.database.execute("UPDATE smpp_user SET simulate_dlr_fail = 1", [])
            link = {
                "smsc": "smpp",
                "smsc-id": "NEXT",
                "host": "127.0.0.1",
                "port": smsc.smpp_port,
                "transceiver-mode": True,
                "smsc-username": account.system_id,
                "smsc-password": account.password,
                "system-type": "VMA",
            }
            with Bearerbox(tmp_path, "bearerbox", [("smsc", link)]) as bearerbox:
                bearerbox.wait_for_smsc("NEXT")
                config = DaemonConfig(
                    [(BOX_ID, bearerbox.box_port)], ksmppd={"dlr-profile": "standard"}, others=[error_map]
                )
                with daemon(tmp_path, "first", config) as first:
                    bearerbox.wait_for_box(BOX_ID)
                    _walk(Bed(first, last_box))


def _walk(here: Bed) -> None:
    customer = here.customer(credit=5.0, enable_prepaid_billing=True)
    here.daemon.database.execute("UPDATE smpp_route SET cost = 0.5", [])
    here.daemon.admin("/rebuild-routes")
    esme = here.esme(customer)
    reply = esme.submit(mt(registered_delivery=1))
    assert (reply.command_status, reply.text) == (0, b"1000000000")
    [receipt] = esme.wait_deliveries(1)
    found = FIXED_COLUMNS.fullmatch(receipt.short_message)
    assert found is not None
    assert found.groups() == (b"1000000000", b"REJECTD", b"027")
    assert receipt.tlvs == {0x1E: b"1000000000\0", 0x427: b"\x08", 0x423: b"\x03\x00\x1b"}
    assert (receipt.source_addr, receipt.destination_addr) == (HANDSET, b"12345")
    query = esme.request(wire.QUERY_SM, b"1000000000\0\0\x0012345\0")
    assert (query.command_status, query.body[-2:]) == (0, b"\x08\x1b")
    assert credit(here, customer.system_id) == 5.0
    here.close()
