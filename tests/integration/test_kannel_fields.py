"""Kannel's SMPP client and the fields that a submit passes on in meta_data."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID, Bed, mt
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import SqliteDatabase
from tests.parts.kannel import Bearerbox

pytestmark = [pytest.mark.integration, pytest.mark.bearerbox]

FIELDS = {"submit-fields-in-meta-data": True}


def daemon(directory: Path, name: str, box_port: int) -> Daemon:
    (directory / name).mkdir()
    config = DaemonConfig([(BOX_ID, box_port)], ksmppd=FIELDS)
    return Daemon(directory / name, config, SqliteDatabase(directory / f"{name}.sqlite3"))


def test_ton_npi_and_data_coding_reach_the_next_smsc(tmp_path: Path) -> None:
    """An ESME - a daemon - the bearerbox's SMPP client - another daemon, whose PDU log is read."""
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
        }
        with (
            Bearerbox(tmp_path, "bearerbox", [("smsc", link)]) as bearerbox,
            daemon(tmp_path, "first", bearerbox.box_port) as first,
        ):
            bearerbox.wait_for_smsc("NEXT")
            bearerbox.wait_for_box(BOX_ID)
            here = Bed(first, last_box)
            esme = here.esme(here.customer())
            fields = {"source_addr_ton": 3, "source_addr_npi": 9, "dest_addr_npi": 6, "data_coding": 3}
            assert esme.submit(mt(b"\xe9", **fields)).command_status == 0
            sms = last_box.wait_for_text("é".encode()).sms
            here.close()
    assert sms.meta_data == (
        b"?smpp?source_addr_ton=3&source_addr_npi=9&dest_addr_ton=1&dest_addr_npi=6&data_coding=3&"
    )
