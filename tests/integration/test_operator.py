"""Pages of a real daemon that the C daemon didn't have: JSON, health, numbers, HTTPS."""

from __future__ import annotations

import http.client
import json
import re
import ssl
from pathlib import Path

import pytest

from ksmppd_py import __version__
from tests.fakes import box_wire
from tests.fakes import smpp_wire as wire
from tests.fakes.bearerbox import FakeBearerbox, always
from tests.integration.bed import BOX_ID, HttpsDaemon, StartBed, mt
from tests.parts.certificate import write_certificate
from tests.parts.config import Value
from tests.parts.daemon import PASSWORD, DaemonConfig
from tests.parts.database import RouteRow, SqliteDatabase
from tests.parts.http import request
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration


def test_https(tmp_path: Path, sqlite: SqliteDatabase, box: FakeBearerbox) -> None:
    certificate, key = write_certificate(tmp_path)
    config = DaemonConfig([(BOX_ID, box.port)])
    https: dict[str, Value] = {"port": config.admin_port, "password": PASSWORD, "ssl": "yes"}
    https |= {"ssl-server-cert-file": certificate, "ssl-server-key-file": key}
    config.others = [("http-server", https)]  # the last such group counts
    with HttpsDaemon(tmp_path, config, sqlite):
        context = ssl.create_default_context(cafile=str(certificate))
        connection = http.client.HTTPSConnection("localhost", config.admin_port, context=context, timeout=10)
        connection.request("GET", "/version.json", headers={"Authorization": f"Bearer {PASSWORD}"})
        answer = connection.getresponse()
        assert answer.status == 200
        assert json.loads(answer.read())["version"] == __version__
        connection.close()


def test_new_commands(start_bed: StartBed) -> None:
    bed = start_bed()
    customer = bed.customer()
    esme = bed.esme(customer)
    assert esme.submit(mt()).command_status == wire.ROK
    port = bed.daemon.config.admin_port
    assert (request(port, "/healthz").body, request(port, "/readyz").body) == ("ok\n", "ok\n")
    boxes = json.loads(bed.daemon.admin("/bearerbox-status.json").body)
    assert (boxes["online"], boxes["waiting"]) == (1, 0)
    assert [(each["boxc_id"], each["accepted"]) for each in boxes["bearerboxes"]] == [(BOX_ID, 1)]
    status = json.loads(bed.daemon.admin("/esme-status.json").body)
    assert [(each["system_id"], each["mt"]) for each in status["esmes"]] == [(customer.system_id, 1)]
    metrics = bed.daemon.admin("/metrics").body
    labels = f'bind_type="transceiver",command_status="ESME_ROK",system_id="{customer.system_id}"'
    assert re.search(rf"^ksmppd_submits_total{{{labels}}} 1.0$", metrics, re.MULTILINE)
    assert f'ksmppd_binds{{bind_type="transceiver",system_id="{customer.system_id}"}} 1.0' in metrics
    bed.box_away()
    assert json.loads(bed.daemon.admin("/bearerbox-status.json").body)["online"] == 0
    assert 'ksmppd_bearerbox_up{bearerbox="' in bed.daemon.admin("/metrics").body


def test_a_bearerbox_that_refuses_everything(start_bed: StartBed) -> None:
    """The log, /readyz, /refusals and the metrics show it; /readyz stays 200."""
    bed = start_bed(ksmppd={"log-level": 1})
    customer = bed.customer()
    bed.box.policy = always(box_wire.ACK_FAILED)
    esme = bed.esme(customer)
    for number in range(30):
        answer = esme.submit(mt(source_addr=b"12345", destination_addr=b"49170%02d" % number))
        assert answer.command_status == wire.RSUBMITFAIL
    port = bed.daemon.config.admin_port
    answer = wait_until(
        lambda: (found := request(port, "/readyz")).body != "ok\n" and found, "the condition to be told"
    )
    assert (answer.status, answer.body) == (200, "ok, degraded: a bearerbox refuses messages\n")
    told = bed.daemon.admin("/refusals.json", system_id=customer.system_id)
    [refusal] = json.loads(told.body)["refusals"]
    assert (refusal["count"], refusal["reason"]) == (30, "refused by the bearerbox")
    assert refusal["command_status"] == "ESME_RSUBMITFAIL (0x45)"
    assert (refusal["sender"], refusal["receiver"]) == ("12345", "+4917029")
    assert refusal["message_id"] == bed.box.wait_for_sms(30)[-1].id.decode()
    counted = 'command_status="ESME_RSUBMITFAIL",kind="submit",reason="refused by the bearerbox"'
    metrics = bed.daemon.admin("/metrics").body
    assert f"ksmppd_refusals_total{{{counted}}} 30.0\n" in metrics
    assert 'ksmppd_trouble{kind="bearerbox_refuses"} 1.0\n' in metrics
    assert "ksmppd_ready 1.0\n" in metrics
    line = re.compile(
        rf"WARNING: SMPP\[{customer.system_id}\] \d+ message\(s\) refused within \d+ s: refused by the bearerbox, "
        r"0x45 ESME_RSUBMITFAIL; the last from 12345 to \+49170\d\d, id [0-9a-f-]{36}$",
        re.MULTILINE,
    )
    wait_until(lambda: line.search(bed.daemon.log()), "a line for the log")


def test_counters_survive_unbinds(start_bed: StartBed) -> None:
    bed = start_bed()
    customer = bed.customer(outbound=[RouteRow(1, "^1", "", None)])
    for kind in ("transmitter", "transceiver"):
        esme = bed.esme(customer, kind)
        assert esme.submit(mt(destination_addr=b"1", dest_addr_ton=0)).command_status == wire.ROK
        assert esme.submit(mt(destination_addr=b"2", dest_addr_ton=0)).command_status == wire.RINVDSTADR
        esme.unbind()
        esme.wait_closed()
    [esme_status] = json.loads(bed.daemon.admin("/esme-status.json").body)["esmes"]
    assert (esme_status["mt"], esme_status["errors"], esme_status["binds"]) == (2, 2, [])
    metrics = bed.daemon.admin("/metrics").body
    for kind in ("transmitter", "transceiver"):
        for status in ("ESME_ROK", "ESME_RINVDSTADR"):
            labels = f'bind_type="{kind}",command_status="{status}",system_id="{customer.system_id}"'
            assert f"ksmppd_submits_total{{{labels}}} 1.0\n" in metrics
