"""The events of a real server: in the file, and over the API."""

from __future__ import annotations

import base64
import http.client
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import smpp_wire as wire
from tests.integration.bed import Bed, StartBed, mt
from tests.parts.daemon import PASSWORD
from tests.parts.database import RouteRow
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration


def written(path: Path, kind: str, text: str = "") -> list[dict[str, Any]]:
    """Return the events of one kind in the file whose text has `text`, once there are any."""

    def look() -> list[dict[str, Any]]:
        events = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        return [event for event in events if event["kind"] == kind and text in event["text"]]

    found = wait_until(look, lambda: f"{kind} in\n{path.read_text('utf-8')}", 15)
    assert isinstance(found, list)
    return found


def asked(bed: Bed, query: str = "") -> Any:
    credentials = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
    connection = http.client.HTTPConnection("127.0.0.1", bed.daemon.config.admin_port, timeout=10)
    connection.request("GET", f"/api/v1/events{query}", headers={"Authorization": f"Basic {credentials}"})
    answer = connection.getresponse()
    assert answer.status == 200
    told = json.loads(answer.read())
    connection.close()
    return told


def test_a_day_in_events(start_bed: StartBed, tmp_path: Path) -> None:
    path = tmp_path / "events.log"
    blocking = {"ip-blocklist-attempts": 2, "ip-blocklist-exempt-ips": "10.9.9.9"}
    bed = start_bed(ksmppd={"event-log": path, **blocking})
    customer = bed.customer(outbound=[RouteRow(1, r"^\+", "", "smsc-x")])
    written(path, "started")
    esme = bed.esme(customer)
    bound = written(path, "bind")[-1]
    assert bound["fields"]["system_id"] == customer.system_id
    esme.submit(mt("routed nowhere", destination_addr=b"5", dest_addr_ton=0))
    refused = written(path, "submit_refused")[0]["fields"]
    assert (refused["system_id"], refused["to"], refused["count"]) == (customer.system_id, "5", 1)
    bed.daemon.admin("/log-level", level=0)
    assert written(path, "change", "log-level level=0 by the password")
    bed.box_away()
    assert written(path, "bearerbox_down")[0]["fields"]["bearerbox"]
    esme.close()
    assert written(path, "unbind")[-1]["fields"]["bind_id"] == bound["fields"]["bind_id"]
    bed.daemon.process.signal(signal.SIGHUP)
    written(path, "configuration")
    with_wrong_password = [bed.connect() for _ in range(2)]
    for stranger in with_wrong_password:
        assert stranger.bind(customer.system_id, "wrong").command_status == wire.RBINDFAIL
    written(path, "address_blocked")
    assert written(path, "bind_refused")[0]["fields"]["reason"] == "credentials"
    everything = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    told = asked(bed, "?limit=1000")
    assert [event["event_id"] for event in told["items"]][: len(everything)] == [
        event["event_id"] for event in everything
    ]
    assert asked(bed, f"?since={told['last']}") == {"items": [], "last": told["last"]}
    [found] = asked(bed, f"?since={bound['event_id'] - 1}&kind=bind&limit=1")["items"]
    assert found["fields"] == bound["fields"]
