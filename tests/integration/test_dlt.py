"""examples/configurations/dlt.conf: India's DLT tags through the real bearerbox, in both directions."""

from __future__ import annotations

from pathlib import Path

import pytest

from ksmppd_py.kannel.meta_data import get_group
from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID, Bed, mt
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import RouteRow, SqliteDatabase
from tests.parts.kannel import Bearerbox

pytestmark = [pytest.mark.integration, pytest.mark.bearerbox]

DLT = Path(__file__).parents[2] / "examples" / "configurations" / "dlt.conf"
TLVS = {0x1400: b"1101234567890123456", 0x1401: b"1107161234567890123", 0x1402: b"9" * 64}
META_DATA = b"?smpp?PE_ID=1101234567890123456&Template_ID=1107161234567890123&TM_ID=" + b"9" * 64 + b"&"


def daemon(directory: Path, name: str, box_port: int) -> Daemon:
    (directory / name).mkdir()
    routing = {"routing-method": 1, "include": DLT}
    config = DaemonConfig([(BOX_ID, box_port)], routing=routing)
    return Daemon(directory / name, config, SqliteDatabase(directory / f"{name}.sqlite3"))


def test_both_ways(tmp_path: Path) -> None:
    """An ESME - a daemon - the bearerbox and its SMPP client - another daemon in the place of the SMSC."""
    with FakeBearerbox() as last_box, daemon(tmp_path, "smsc", last_box.port) as smsc:
        bed = Bed(smsc, last_box)
        account = bed.customer()
        link = {
            "smsc": "smpp",
            "smsc-id": "NEXT",
            "host": "127.0.0.1",
            "port": smsc.smpp_port,
            "transceiver-mode": True,
            "smsc-username": account.system_id,
            "smsc-password": account.password,
            "system-type": "VMA",
            "include": DLT,
        }
        route = ("smsbox-route", {"smsbox-id": BOX_ID, "smsc-id": "NEXT"})
        with (
            Bearerbox(tmp_path, "bearerbox", [("smsc", link)], others=[route]) as bearerbox,
            daemon(tmp_path, "first", bearerbox.box_port) as first,
        ):
            bearerbox.wait_for_smsc("NEXT")
            bearerbox.wait_for_box(BOX_ID)
            here = Bed(first, last_box)
            customer = here.customer()
            first.add_routes(RouteRow(2, f"{account.short_code}$", customer.system_id))
            esme = here.esme(customer)
            assert esme.submit(mt(b"outwards", tlvs=TLVS)).command_status == 0
            outwards = last_box.wait_for_text(b"outwards").sms
            assert get_group(outwards.meta_data, "smpp") == get_group(META_DATA, "smpp")
            last_box.send_mo("+491701234567", account.short_code, b"inwards", meta_data=META_DATA)
            [inwards] = esme.wait_deliveries(1)
            assert inwards.short_message == b"inwards"
            assert {tag: inwards.tlvs.get(tag) for tag in TLVS} == TLVS
            here.close()
