"""The management API of a real daemon: changes hold at once, and are audited."""

from __future__ import annotations

import itertools
import signal

import bcrypt
import pytest

from tests.fakes import smpp_wire as wire
from tests.fakes.esme import Esme
from tests.integration.bed import Bed, StartBed, mt
from tests.parts.api import ApiClient
from tests.parts.config import Group, render
from tests.parts.daemon import PASSWORD
from tests.parts.waiting import wait_until

pytestmark = pytest.mark.integration

_numbers = itertools.count(1)


@pytest.fixture
def api(bed: Bed) -> ApiClient:
    return ApiClient(bed.daemon.config.admin_port, PASSWORD)


@pytest.fixture
def system_id() -> str:
    """The name of a new account."""
    return f"managed{next(_numbers)}"


def bind(bed: Bed, system_id: str, password: str = "secret") -> Esme:
    """Connect and bind; the session ends with the test."""
    esme = bed.connect()
    assert esme.bind(system_id, password).command_status == wire.ROK
    return esme


def test_a_new_account_binds_and_submits_at_once(bed: Bed, api: ApiClient, system_id: str) -> None:
    created = api("POST", "/accounts", {"system_id": system_id, "password": "secret", "throughput": 50})
    assert (created.status, created.headers["location"]) == (201, f"/api/v1/accounts/{system_id}")
    esme = bind(bed, system_id)
    assert esme.submit(mt()).command_status == wire.RINVDSTADR
    route = api("POST", "/routes", {"direction": 1, "system_id": system_id, "regex": r"^\+49"})
    assert route.status == 201
    assert esme.submit(mt()).command_status == wire.ROK
    assert api("DELETE", f"/routes/{route.body['route_id']}").status == 204
    assert esme.submit(mt()).command_status == wire.RINVDSTADR
    audit = api("GET", "/audit?limit=3").body["items"]
    assert [each["operation"] for each in audit] == ["delete", "create", "create"]


def test_settings_of_a_bound_account_change_at_once(bed: Bed, api: ApiClient, system_id: str) -> None:
    account = {"system_id": system_id, "password": "secret", "default_smsc": "here", "default_cost": 2}
    created = api("POST", "/accounts", account)
    esme = bind(bed, system_id)
    assert esme.submit(mt()).command_status == wire.ROK
    path = f"/accounts/{system_id}"
    changed = api("PATCH", path, {"enable_prepaid_billing": True}, {"If-Match": created.version})
    assert (changed.status, changed.body["enable_prepaid_billing"]) == (200, True)
    assert esme.submit(mt()).command_status == wire.RSUBMITFAIL
    key = {"Idempotency-Key": "invoice 17"}
    for _ in range(2):
        credit = api("POST", f"{path}/credit", {"amount": 3, "reason": "invoice 17"}, key)
        assert (credit.status, credit.body["credit"]) == (200, 3.0)
    assert esme.submit(mt()).command_status == wire.ROK
    assert api("GET", path).body["credit"] == 1.0
    lost = api("PATCH", path, {"max_binds": 2}, {"If-Match": created.version})
    assert (lost.status, lost.headers["content-type"]) == (412, "application/problem+json")


@pytest.mark.parametrize("end", ["suspend", "delete"])
def test_a_suspended_or_deleted_account_is_unbound(
    bed: Bed, api: ApiClient, system_id: str, end: str
) -> None:
    api("POST", "/accounts", {"system_id": system_id, "password": "secret"})
    esme = bind(bed, system_id)
    path = f"/accounts/{system_id}"
    answer = api("DELETE", path) if end == "delete" else api("POST", f"{path}/suspend")
    assert answer.status == (204 if end == "delete" else 200)
    wait_until(lambda: esme.closed, "the account's bind to end")
    again = bed.connect()
    assert again.bind(system_id, "secret").command_status == wire.RBINDFAIL
    if end == "suspend":
        assert api("POST", f"{path}/resume").status == 200
        bind(bed, system_id)


def test_routes_to_an_account_hold_at_once(bed: Bed, api: ApiClient, system_id: str) -> None:
    api("POST", "/accounts", {"system_id": system_id, "password": "secret"})
    esme = bind(bed, system_id)
    code = f"88{next(_numbers)}"
    query = f"/routes?direction=2&system_id={system_id}"
    assert api("PUT", query, {"items": [{"regex": f"^{code}$"}]}).status == 204
    bed.box.send_mo("+491701234567", code, "hello")
    wait_until(lambda: len(esme.deliveries) == 1, "the message of the new route")


def test_users_of_the_configuration(start_bed: StartBed) -> None:
    """A hash is checked in a thread, and a reload takes a user away."""
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(6)).decode()
    users: list[Group] = [
        ("http-user", {"username": "ann", "password": hashed, "role": "operator"}),
        ("http-user", {"username": "ben", "password": "plain", "role": "viewer"}),
    ]
    bed = start_bed(others=users)
    port = bed.daemon.config.admin_port
    ann, ben = ApiClient(port, "secret", "ann"), ApiClient(port, "plain", "ben")
    assert ann("GET", "/me").body == {"username": "ann", "role": "operator"}
    assert ApiClient(port, hashed, "ann")("GET", "/me").status == 401
    assert ben("GET", "/accounts").status == 200
    assert ben("POST", "/accounts/gone/suspend").status == 403
    assert ann("POST", "/accounts/gone/suspend").status == 404
    del bed.daemon.config.others[0]
    groups = bed.daemon.config.groups(bed.daemon.database, bed.daemon.log_path)
    bed.daemon.config_path.write_text(render(groups), "utf-8")
    bed.daemon.process.signal(signal.SIGHUP)
    bed.daemon.wait_for_log("The configuration was read again")
    assert ann("GET", "/me").status == 401
    assert ben("GET", "/me").status == 200
    assert hashed not in bed.daemon.log()


def test_a_former_password_for_a_while(start_bed: StartBed) -> None:
    bed = start_bed()
    api = ApiClient(bed.daemon.config.admin_port, PASSWORD)
    assert api("POST", "/accounts", {"system_id": "acme", "password": "first"}).status == 201
    assert api("POST", "/schema/upgrade").body["restart_needed"] is True
    bed.daemon.restart()
    bed.box.wait_for_box()
    assert api("POST", "/schema/upgrade").body == {"added": [], "restart_needed": False}
    changed = api("POST", "/accounts/acme/password", {"password": "second", "keep_former_for": 3600})
    assert (changed.status, changed.body["second_password"]) == (200, True)
    bind(bed, "acme", "first")
    bind(bed, "acme", "second")
    assert api("POST", "/accounts/acme/password", {"password": "third"}).status == 200
    assert bed.connect().bind("acme", "first").command_status == wire.RBINDFAIL
    bind(bed, "acme", "third")
