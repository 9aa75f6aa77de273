"""`dlr-always` through the real bearerbox and fakesmsc: the end is known, the ESME gets what it asked for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox
from tests.integration.bed import BOX_ID, Bed, mt
from tests.parts.daemon import Daemon, DaemonConfig
from tests.parts.database import SqliteDatabase
from tests.parts.kannel import Bearerbox, FakeSmsc
from tests.parts.process import free_port
from tests.parts.waiting import wait_until

pytestmark = [pytest.mark.integration, pytest.mark.bearerbox]


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    port = free_port()
    smsc = ("smsc", {"smsc": "fake", "smsc-id": "FAKE", "port": port, "connect-allow-ip": "127.0.0.1"})
    keys = {"dlr-always": True, "access-log": tmp_path / "access.log", "event-log": tmp_path / "events.log"}
    with (
        Bearerbox(tmp_path, "bearerbox", [smsc]) as bearerbox,
        FakeSmsc(tmp_path, "fakesmsc", port),
        FakeBearerbox() as nobody,
    ):
        bearerbox.wait_for_smsc("FAKE")
        config = DaemonConfig([(BOX_ID, bearerbox.box_port)], ksmppd=keys)
        with Daemon(tmp_path, config, SqliteDatabase(tmp_path / "ksmppd.sqlite3")) as daemon:
            bearerbox.wait_for_box(BOX_ID)
            bed = Bed(daemon, nobody)
            yield bed
            bed.close()


def test_the_end_of_each_message_is_known(bed: Bed, tmp_path: Path) -> None:
    customer = bed.customer()
    esme = bed.esme(customer)
    silent = [esme.submit(mt(f"no receipt {mode}", registered_delivery=mode)) for mode in (0, 2)]
    asked = esme.submit(mt("a receipt", registered_delivery=1))
    assert esme.wait_receipt(asked.text).receipt["stat"] == "DELIVRD"

    account = customer.system_id
    counted = f'ksmppd_message_ends_total{{stat="DELIVRD",system_id="{account}"}} 3.0'
    wait_until(lambda: counted in bed.daemon.admin("/metrics").body, lambda: counted, 10)
    for reply in silent:
        answer = esme.request(wire.QUERY_SM, reply.text + b"\0" + b"\0\0" + b"12345\0")
        assert answer.command_status == wire.ROK
        assert answer.body[-2:-1] == b"\x02"  # message_state DELIVERED
    esme.enquire_link()
    assert len(esme.deliveries) == 1

    log = tmp_path / "access.log"
    for reply in silent:
        line = f"[bind:0] [id:{reply.text.decode()}]"
        wait_until(lambda line=line: line in log.read_text("utf-8"), lambda line=line: line, 10)
    events = tmp_path / "events.log"
    wait_until(lambda: "messages_ended" in events.read_text("utf-8"), lambda: "the event", 10)
