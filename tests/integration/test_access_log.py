"""The access log of a real daemon: a line for each submit, refusal, message and report."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.esme import always
from tests.integration.bed import Bed, StartBed, mt
from tests.parts.database import RouteRow
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration

REFUSED = 0x65  # ESME_RX_P_APPN


def lines(path: Path, count: int) -> list[str]:
    """The lines, once there are so many; more would be wrong."""
    wait_until(
        lambda: path.read_text().count("\n") >= count, lambda: f"{count} lines, there are\n{path.read_text()}"
    )
    found = path.read_text().splitlines()
    assert len(found) == count, "\n".join(found)
    return found


def traffic(bed: Bed) -> list[dict[str, Any]]:
    """One of each kind; what the lines have to say, in their order."""
    customer = bed.customer(
        outbound=[RouteRow(1, r"^\+", "", "smsc-x", cost=0.5)],
        enable_prepaid_billing=1,
        credit=100,
        throughput=100,
    )
    esme = bed.esme(customer)
    common = {"account": customer.system_id}
    sent = esme.submit(mt("x" * 200, registered_delivery=1))
    assert sent.command_status == wire.ROK
    expected = [
        {
            **common,
            "event": "Sent SMS",
            "id": sent.text.decode(),
            "smsc": "smsc-x",
            "to": "+491701234567",
            "status": 0,
        }
        | {"parts": 2, "cost": 1.0, "length": 200}
    ]
    refused = esme.submit(mt(destination_addr=b"5", dest_addr_ton=0)).command_status
    expected.append({**common, "event": "FAILED Send SMS", "to": "5", "cost": 0, "status": refused})
    unread = esme.submit(mt(source_addr=b"unread", destination_addr=b"")).command_status
    assert unread
    expected.append({**common, "event": "FAILED Send SMS", "from": "unread", "id": "", "status": unread})
    report = bed.box.send_dlr(bed.box.wait_for_sms()[0])
    assert bed.box.wait_for_ack(report).nack == box_wire.ACK_SUCCESS
    expected.append({**common, "event": "DLR SMS", "id": sent.text.decode(), "status": 0})
    mo = bed.box.send_mo("+49170", customer.short_code, "secret words")
    assert bed.box.wait_for_ack(mo).nack == box_wire.ACK_SUCCESS
    expected.append(
        {**common, "event": "Receive SMS", "from": "+49170", "to": customer.short_code, "status": 0}
    )
    esme.policy = always(REFUSED)
    bed.box.wait_for_ack(bed.box.send_mo("+49170", customer.short_code, "nobody wants it"))
    expected.append({**common, "event": "FAILED Receive SMS", "status": REFUSED})
    bed.box_away()
    assert esme.submit(mt("waits")).command_status == wire.ROK
    expected.append({**common, "event": "Queued SMS", "smsc": "smsc-x", "status": 0, "cost": 0.5})
    return expected


def test_json(start_bed: StartBed, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    bed = start_bed(ksmppd={"access-log": path, "access-log-format": "json"})
    expected = traffic(bed)
    for line, wanted in zip(lines(path, len(expected)), expected, strict=True):
        told = json.loads(line)
        assert {name: told[name] for name in wanted} == wanted
        assert isinstance(told["bind"], int)
        assert 0 <= told["latency"] < 60
        assert "secret" not in line


def test_kannel_style(start_bed: StartBed, tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    bed = start_bed(ksmppd={"access-log": path})
    expected = traffic(bed)
    for line, wanted in zip(lines(path, len(expected)), expected, strict=True):
        assert f" {wanted['event']} [SMSC:" in line
        assert f" [SVC:{wanted['account']}] " in line
        assert f" [status:0x{wanted['status']:X}] " in line
        assert "secret" not in line


def test_rotation_under_load(start_bed: StartBed, tmp_path: Path) -> None:
    """Each submit has one line, in whichever file; and those that were answered before a rotation are in an old one."""
    path = tmp_path / "access.log"
    bed = start_bed(ksmppd={"access-log": path})
    esmes = [bed.esme(bed.customer()) for _ in range(2)]
    rotations, each = 6, 200
    answered: list[set[str]] = []
    for number in range(rotations):
        responses = [response for esme in esmes for response in esme.submit_all([mt()] * each)]
        assert {response.command_status for response in responses} == {wire.ROK}
        answered.append({response.text.decode() for response in responses})
        under_way = [(esme, esme.send_submit(mt())) for esme in esmes for _ in range(20)]
        path.rename(tmp_path / f"access.log.{number}")
        bed.daemon.process.signal(signal.SIGUSR2 if number % 2 else signal.SIGHUP)
        answered.append({esme.wait_response(sequence).text.decode() for esme, sequence in under_way})
        wait_until(path.exists, "the new file")
    bed.daemon.stop()
    files = [tmp_path / f"access.log.{number}" for number in range(rotations)] + [path]
    found = [[line.partition(" [id:")[2][:36] for line in file.read_text().splitlines()] for file in files]
    for number in range(rotations):
        assert answered[2 * number] <= set(found[number])
    everything = [one for ids in found for one in ids]
    assert len(everything) == rotations * (2 * each + 40) == len(set(everything))
    assert set(everything) == set().union(*answered)
