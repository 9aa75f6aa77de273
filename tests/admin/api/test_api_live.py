"""The running server by the API: what is shown, and what changes, with its audit."""

from __future__ import annotations

import pytest
from api_bench import ApiBench


@pytest.fixture(autouse=True)
def fresh(bench: ApiBench) -> None:
    bench.operations.__init__()  # type: ignore[misc]  # as it was at the start


def last_note(bench: ApiBench) -> tuple[str, str]:
    entry = bench.api("GET", "/audit?limit=1").body["items"][0]
    return entry["operation"], entry["subject"]


def test_binds(bench: ApiBench) -> None:
    [bind] = bench.api("GET", "/binds").body["items"]
    assert (bind["bind_id"], bind["system_id"], bind["bind_type"]) == (4, "smppusera", "transceiver")
    assert bench.api("GET", "/binds?system_id=smppuserb").body == {"items": [], "next": None}
    assert bench.api("DELETE", "/binds/4").status == 204
    assert bench.operations.unbinds == [("smppusera", 4)]
    assert last_note(bench) == ("unbind", "bind 4")
    assert bench.api("DELETE", "/binds/5").status == 404
    assert bench.api("DELETE", "/binds?system_id=smppusera").body == {"unbound": 2}
    assert last_note(bench) == ("unbind", "account smppusera")
    assert bench.api("DELETE", "/binds").status == 422


def test_bearerboxes(bench: ApiBench) -> None:
    answer = bench.api("GET", "/bearerboxes").body
    name = answer["items"][0]["name"]
    assert (answer["online"], answer["items"][0]["paused"]) == (1, False)
    assert bench.api("POST", f"/bearerboxes/{name}/pause").status == 204
    assert last_note(bench) == ("pause", f"bearerbox {name}")
    assert bench.api("GET", "/bearerboxes").body["items"][0]["paused"] is True
    assert bench.api("POST", f"/bearerboxes/{name}/resume").status == 204
    assert bench.api("GET", "/bearerboxes").body["items"][0]["paused"] is False
    assert bench.api("POST", "/bearerboxes/gone/pause").status == 404


def test_blocked_addresses(bench: ApiBench) -> None:
    items = bench.api("GET", "/blocked").body["items"]
    assert [(each["ip"], each["failed_binds"]) for each in items] == [("10.0.0.9", 5), ("10.0.0.8", 7)]
    assert bench.api("DELETE", "/blocked/10.0.0.9").status == 204
    assert last_note(bench) == ("clear", "blocked address 10.0.0.9")
    assert bench.api("DELETE", "/blocked/10.0.0.9").status == 404
    assert bench.api("DELETE", "/blocked").body == {"cleared": 1}


def test_refusals(bench: ApiBench) -> None:
    items = bench.api("GET", "/refusals").body["items"]
    assert {each["kind"] for each in items} == {"bind", "submit"}
    assert all(each["command_status_name"].startswith("ESME_") for each in items)
    [only] = bench.api("GET", "/refusals?system_id=smppusera").body["items"]
    assert (only["reason"], only["count"]) == ("refused by the bearerbox", 3)


def test_queues(bench: ApiBench) -> None:
    answer = bench.api("GET", "/queues").body
    assert answer["waiting"] == 9
    assert answer["items"][0].keys() == {"queue", "system_id", "rows", "oldest"}
    bench.operations.server_status.backlog = None
    assert bench.api("GET", "/queues").body["taken"] is None
