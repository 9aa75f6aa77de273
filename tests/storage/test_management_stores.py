"""Accounts, routes, credit, queues and audit as operators change them, on every database."""

from __future__ import annotations

from collections.abc import Callable, Collection
from time import time
from typing import Any

import gevent
import pytest

from ksmppd_py.admin.api.accounts import AccountsQuery
from ksmppd_py.admin.api.paging import cut, page_of
from ksmppd_py.admin.api.routes import RoutesQuery
from ksmppd_py.config import KsmppdGroup
from ksmppd_py.kannel.messages import SmsType
from ksmppd_py.management.errors import (
    AlreadyExists,
    ChangeRefused,
    InvalidValue,
    NotFound,
    NotPossible,
    Outdated,
)
from ksmppd_py.management.records import (
    AccountQuery,
    Actor,
    AuditQuery,
    CreditChange,
    Page,
)
from ksmppd_py.management.service import Management
from ksmppd_py.storage import own_tables
from ksmppd_py.storage.management import management_stores
from ksmppd_py.storage.mysql import MySQLDatabase
from ksmppd_py.storage.router import DatabaseRouter
from ksmppd_py.storage.routes import DatabaseRoutes
from ksmppd_py.storage.schema import DIALECTS
from ksmppd_py.storage.upgrade import describe, prepare
from ksmppd_py.storage.users import DatabaseAuthenticator
from tests.parts.mariadb import MariaDB
from tests.storage.conftest import Place, mysql_settings

KINDS = {"system_id": (str,), "throughput": (float, str)}
ANN = Actor("ann", "10.0.0.1")
EVERYTHING = Page(100)


class Recorded:
    """Remembers announcements."""

    def __init__(self) -> None:
        self.accounts: list[str] = []
        self.routes: list[tuple[list[str], bool]] = []

    def account_changed(self, system_id: str) -> None:
        self.accounts.append(system_id)

    def routes_changed(self, system_ids: Collection[str], inbound: bool) -> None:
        self.routes.append((sorted(system_ids), inbound))


@pytest.fixture
def announced() -> Recorded:
    return Recorded()


@pytest.fixture
def management(place: Place, announced: Recorded) -> Management:
    return Management(management_stores(place.database, place.layout), announced, time)


def authenticator(place: Place, clock: Callable[[], float] = time) -> DatabaseAuthenticator:
    return DatabaseAuthenticator(place.database, place.layout, clock=clock)


def audit(management: Management) -> list[tuple[str, str, str, str]]:
    entries = management.stores.audit.page(AuditQuery(EVERYTHING))
    return [(each.operation, each.subject, each.before, each.after) for each in entries]


def test_an_account(place: Place, management: Management, announced: Recorded) -> None:
    settings = {"throughput": 50, "default_smsc": "one", "enable_prepaid_billing": True, "max_binds": 3}
    saved = management.accounts.create(ANN, "acme", settings, "secret", 2.5)
    assert (saved.account.credit, saved.password, saved.warnings) == (2.5, "", [])
    account = authenticator(place).authenticate(b"ACME", b"secret", "::1")
    assert account is not None
    found = (account.throughput, account.default_smsc, account.enable_prepaid_billing, account.max_binds)
    assert found == (50.0, "one", True, 3)
    assert management.accounts.get("acme") == saved.account
    changed = management.accounts.change(ANN, "acme", {"throughput": 7.5}, saved.account.version)
    assert (changed.settings["throughput"], changed.settings["default_smsc"]) == (7.5, "one")
    management.accounts.delete(ANN, "acme")
    with pytest.raises(NotFound):
        management.accounts.get("acme")
    assert announced.accounts == ["acme"] * 3
    assert announced.routes == [(["acme"], True)]
    operations = [entry[:2] for entry in audit(management)]
    assert operations == [(each, "account acme") for each in ("delete", "change", "create")]
    assert audit(management)[1][2:] == ('{"throughput": 50.0}', '{"throughput": 7.5}')
    assert not any("secret" in text or "*" in text for entry in audit(management) for text in entry)


def test_rows_of_other_hands(place: Place, management: Management) -> None:
    place.add_user("ByHand", default_smsc="x", credit=3)
    account = management.accounts.get("byhand")
    assert (account.system_id, account.credit, account.password_form) == ("byhand", 3.0, "mysql")
    management.accounts.change(ANN, "byhand", {"default_smsc": None})
    assert management.accounts.get("byhand").settings["default_smsc"] is None
    assert place.run("SELECT credit FROM smpp_user") == [(3.0,)]


def test_an_account_is_there_once(place: Place, management: Management) -> None:
    place.add_user("Acme")
    with pytest.raises(AlreadyExists):
        management.accounts.create(ANN, "acme", {}, "secret")


def test_two_at_once(management: Management) -> None:
    def create() -> str:
        try:
            management.accounts.create(ANN, "acme", {}, "secret")
        except AlreadyExists as error:
            return error.field
        return "created"

    greenlets = [gevent.spawn(create) for _ in range(8)]
    assert sorted(each.get() for each in greenlets) == ["created"] + ["system_id"] * 7


def test_a_lost_update(management: Management) -> None:
    version = management.accounts.create(ANN, "acme", {}, "secret").account.version
    management.accounts.change(ANN, "acme", {"max_binds": 1}, version)
    with pytest.raises(Outdated):
        management.accounts.change(ANN, "acme", {"max_binds": 2}, version)
    with pytest.raises(Outdated):
        management.accounts.delete(ANN, "acme", version)
    assert management.accounts.get("acme").settings["max_binds"] == 1
    version = management.accounts.get("acme").version
    management.accounts.change_credit(ANN, CreditChange("acme", 1.0, "top up"))
    assert management.accounts.get("acme").version == version


def test_suspending(place: Place, management: Management) -> None:
    management.accounts.create(ANN, "acme", {}, "secret")
    for _ in range(2):
        assert management.accounts.set_suspended(ANN, "acme", True).is_suspended
    assert authenticator(place).authenticate(b"acme", b"secret", "::1") is None
    stored = place.run("SELECT password FROM smpp_user")[0][0]
    assert (stored.decode() if isinstance(stored, bytes) else stored).startswith("!*")
    assert not management.accounts.set_suspended(ANN, "acme", False).is_suspended
    assert authenticator(place).authenticate(b"acme", b"secret", "::1") is not None
    assert len(audit(management)) == 3


def test_no_room_for_a_mark(place: Place, management: Management) -> None:
    place.add_user("acme")
    room = 255 if place.database.dialect.name == "postgresql" else 64
    place.run(f"UPDATE smpp_user SET password = '{'a' * room}'")
    if place.database.dialect.name == "sqlite":
        assert management.accounts.set_suspended(ANN, "acme", True).is_suspended
        return
    with pytest.raises(NotPossible, match="has no room"):
        management.accounts.set_suspended(ANN, "acme", True)


def test_passwords(place: Place, management: Management) -> None:
    management.accounts.create(ANN, "acme", {}, "secret")
    saved = management.accounts.set_password(ANN, "acme", "longer-than-8")
    assert "8 octets" in saved.warnings[0]
    assert authenticator(place).authenticate(b"acme", b"secret", "::1") is None
    assert authenticator(place).authenticate(b"acme", b"longer-than-8", "::1") is not None
    generated = management.accounts.set_password(ANN, "acme", None).password
    assert len(generated) == 8
    assert authenticator(place).authenticate(b"acme", generated.encode(), "::1") is not None
    with pytest.raises(NotPossible):
        management.accounts.set_password(ANN, "acme", None, 60)


def test_a_suspended_account_stays_so_with_another_password(management: Management) -> None:
    management.accounts.create(ANN, "acme", {}, "secret")
    management.accounts.set_suspended(ANN, "acme", True)
    assert management.accounts.set_password(ANN, "acme", "other").account.is_suspended


def test_two_passwords_for_a_while(open_place: Callable[[], Place]) -> None:
    place = open_place()
    before = Management(management_stores(place.database, place.layout), Recorded(), time)
    added = before.upgrade_schema(ANN)
    assert "second_password" in added
    assert (before.upgrade_schema(ANN), before.stores.schema.missing()) == ([], [])
    place = open_place()
    now = [1_800_000_000.0]
    management = Management(management_stores(place.database, place.layout), Recorded(), lambda: now[0])
    assert list(management.stores.schema.missing()) == []
    management.accounts.create(ANN, "acme", {"alt_charset": "latin-1", "dlr_err_length": 3}, "first")
    assert management.accounts.set_password(ANN, "acme", "second", 60).account.has_second_password
    checks = authenticator(place, lambda: now[0])

    def accepted() -> list[bytes]:
        given = (b"first", b"second", b"third")
        return [each for each in given if checks.authenticate(b"acme", each, "::1") is not None]

    assert accepted() == [b"first", b"second"]
    management.accounts.set_suspended(ANN, "acme", True)
    assert accepted() == []
    management.accounts.set_suspended(ANN, "acme", False)
    now[0] += 60
    assert accepted() == [b"second"]
    management.accounts.set_password(ANN, "acme", "third", 60)
    assert accepted() == [b"second", b"third"]
    management.accounts.set_password(ANN, "acme", "third")
    assert accepted() == [b"third"]
    account = checks.authenticate(b"acme", b"third", "::1")
    assert account is not None
    assert (account.alt_charset, account.dlr_err_length) == ("latin-1", 3)


def test_optional_columns_that_are_missing(management: Management) -> None:
    management.accounts.create(ANN, "acme", {"alt_charset": None}, "secret")
    with pytest.raises(InvalidValue) as refused:
        management.accounts.change(ANN, "acme", {"alt_charset": "latin-1"})
    assert refused.value.field == "alt_charset"


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", ["system_id", "throughput", "credit", "enable_prepaid_billing"])
def test_lists_in_pages(management: Management, sort: str, descending: bool) -> None:
    for number in range(7):
        settings = {"throughput": float(number % 3), "enable_prepaid_billing": number % 2 == 0}
        management.accounts.create(ANN, f"a{number}", settings, "secret", credit=float(number % 4))
    everything = [
        each.system_id
        for each in management.accounts.page(AccountQuery(EVERYTHING, sort=sort, descending=descending))
    ]
    assert sorted(everything) == [f"a{number}" for number in range(7)]
    found: list[str] = []
    after: list[Any] | None = None
    while True:
        query = AccountQuery(Page(2, after), sort=sort, descending=descending)
        rows = management.accounts.page(query)
        if not rows:
            break
        found += [each.system_id for each in rows]
        last = rows[-1]
        value = last.credit if sort == "credit" else last.settings.get(sort)
        after = (
            [last.system_id]
            if sort == "system_id"
            else [int(value) if isinstance(value, bool) else value, last.system_id]
        )
    assert found == everything


@pytest.mark.parametrize(
    ("search", "found"),
    [("", ["a%c", "abc", "xyz"]), ("B", ["abc"]), ("%", ["a%c"]), ("_", []), ("!", []), ("y", ["xyz"])],
)
def test_search(management: Management, search: str, found: list[str]) -> None:
    for system_id in ("abc", "a%c", "xyz"):
        management.accounts.create(ANN, system_id, {}, "secret")
    rows = management.accounts.page(AccountQuery(EVERYTHING, search))
    assert sorted(each.system_id for each in rows) == found


def test_credit(management: Management) -> None:
    management.accounts.create(ANN, "acme", {}, "secret")
    first = management.accounts.change_credit(ANN, CreditChange("acme", 10.1, "invoice 17 – März", "k1"))
    again = management.accounts.change_credit(ANN, CreditChange("acme", 10.1, "invoice 17 – März", "k1"))
    assert (first.entry, first.is_repeated, again.is_repeated) == (again.entry, False, True)
    with pytest.raises(AlreadyExists):
        management.accounts.change_credit(ANN, CreditChange("acme", 10.2, "invoice 17 – März", "k1"))
    management.accounts.change_credit(ANN, CreditChange("acme", -0.2, "correction"))
    assert management.accounts.get("acme").credit == 9.9
    log = management.stores.credit.page("acme", EVERYTHING)
    assert [(each.amount, each.credit, each.reason) for each in log] == [
        (-0.2, 9.9, "correction"),
        (10.1, 10.1, "invoice 17 – März"),
    ]
    assert management.stores.credit.page("acme", Page(1, [log[0].entry_id])) == [log[1]]
    assert (log[0].username, log[0].address, log[0].system_id) == ("ann", "10.0.0.1", "acme")
    with pytest.raises(NotFound):
        management.accounts.change_credit(ANN, CreditChange("gone", 1, "x", "k1"))


def test_keys_and_amounts_of_credit_are_exact(management: Management) -> None:
    """MySQL takes `K` for `k`; a double has no room for the cents of 1e16."""
    management.accounts.create(ANN, "acme", {}, "secret")
    for key, amount in (("k", 1), ("K", 1), ("d", 0.1234567), ("d", 0.1234567)):
        management.accounts.change_credit(ANN, CreditChange("acme", amount, "x", key))
    log = management.stores.credit.page("acme", EVERYTHING)
    assert [each.amount for each in log] == [0.123457, 1, 1]
    assert management.accounts.get("acme").credit == 2.123457
    with pytest.raises(InvalidValue) as refused:
        management.accounts.change_credit(ANN, CreditChange("acme", 1e15, "x"))
    assert refused.value.field == "amount"
    assert len(management.stores.credit.page("acme", EVERYTHING)) == 3


NAMES = ["Zed", "ACME", "bob", "a_b", "e\xe9", "\xffoo"]


@pytest.mark.parametrize("sort", ["system_id", "throughput"])
def test_rows_of_other_hands_in_pages(place: Place, management: Management, sort: str) -> None:
    """Names may have capitals and any octet; each is on one page, whatever the order of the collation."""
    for system_id in NAMES:
        place.add_user(system_id)
        place.add_route(1, "^1", system_id)
    expected = sorted(system_id.lower() for system_id in NAMES)
    accounts = AccountsQuery(limit=1, sort=sort)
    routes = RoutesQuery(limit=1)
    found, owners = [], []
    for _ in NAMES:
        rows, accounts.after = cut(
            management.accounts.page(AccountQuery(page_of(accounts, *KINDS[sort]), sort=sort)),
            accounts,
            lambda row: [row.system_id] if sort == "system_id" else [row.settings[sort], row.system_id],
        )
        found.append(rows[0].system_id)
        store = management.stores.routes
        targets, routes.after = cut(
            store.page(None, None, page_of(routes, int, str, int, int)), routes, store.key
        )
        owners.append(targets[0].settings["system_id"])
    assert (sorted(found), sorted(owners)) == (expected, expected)
    assert (accounts.after, routes.after) == (None, None)


def test_one_key_many_times_at_once(management: Management) -> None:
    management.accounts.create(ANN, "acme", {}, "secret")
    change = CreditChange("acme", 1.0, "top up", "key")
    greenlets = [gevent.spawn(management.accounts.change_credit, ANN, change) for _ in range(10)]
    assert sum(not each.get().is_repeated for each in greenlets) == 1
    assert management.accounts.get("acme").credit == 1.0


ROUTES = [
    {"regex": "^1", "priority": 5},
    {"regex": "^2", "priority": None},
    {"regex": "^3"},
    {"regex": "^4", "priority": -5},
    {"regex": "^5", "priority": 5, "cost": 0.5, "smsc_id": "one", "source_regex": "^ACME$"},
]


def test_routes_are_listed_in_the_order_in_which_they_are_tried(
    place: Place, management: Management, announced: Recorded
) -> None:
    management.accounts.create(ANN, "acme", {}, "secret")
    made = [management.routes.create(ANN, {"direction": 1, "system_id": "acme", **each}) for each in ROUTES]
    rows = management.stores.routes.page(1, "acme", EVERYTHING)
    assert [each.settings["regex"] for each in rows] == ["^1", "^5", "^3", "^4", "^2"]
    tried = DatabaseRoutes(place.database, place.layout).outbound("acme")
    assert [each.route_id for each in tried] == [each.route_id for each in rows]
    found = []
    after = None
    while page := management.stores.routes.page(None, None, Page(2, after)):
        found += page
        after = management.stores.routes.key(page[-1])
    assert found == list(rows)
    assert management.stores.routes.get(made[4].route_id) == made[4]
    assert announced.routes == [(["acme"], False)] * 5


def test_changes_of_routes(management: Management, announced: Recorded) -> None:
    for system_id in ("acme", "other"):
        management.accounts.create(ANN, system_id, {}, "secret")
    route = management.routes.create(ANN, {"direction": 1, "system_id": "acme", "regex": "^46"})
    changed = management.routes.change(ANN, route.route_id, {"system_id": "other"}, route.version)
    assert (changed.settings["system_id"], changed.settings["regex"]) == ("other", "^46")
    assert announced.routes[-1] == (["acme", "other"], False)
    with pytest.raises(Outdated):
        management.routes.change(ANN, route.route_id, {"regex": ""}, route.version)
    turned = management.routes.change(ANN, route.route_id, {"direction": 2})
    assert announced.routes[-1] == (["other"], True)
    assert management.routes.change(ANN, route.route_id, {}).version == turned.version
    management.routes.delete(ANN, route.route_id)
    for missing in (
        lambda: management.routes.delete(ANN, route.route_id),
        lambda: management.routes.change(ANN, route.route_id, {"regex": "x"}),
        lambda: management.stores.routes.get(route.route_id),
    ):
        with pytest.raises(NotFound):
            missing()


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"direction": 3, "system_id": "acme"}, "direction"),
        ({"direction": 1}, "system_id"),
        ({"direction": 1, "system_id": "gone"}, "system_id"),
        ({"direction": 2, "system_id": "gone"}, "system_id"),
        ({"direction": 1, "system_id": "acme", "regex": "("}, "regex"),
        ({"direction": 1, "system_id": "acme", "source_regex": "[a"}, "source_regex"),
    ],
)
def test_wrong_routes(management: Management, settings: dict[str, Any], field: str) -> None:
    management.accounts.create(ANN, "acme", {}, "secret")
    with pytest.raises(InvalidValue) as refused:
        management.routes.create(ANN, settings)
    assert refused.value.field == field
    assert list(management.stores.routes.page(None, None, EVERYTHING)) == []


def test_replacing_an_accounts_routes(management: Management, announced: Recorded) -> None:
    management.accounts.create(ANN, "acme", {}, "secret")
    management.accounts.create(ANN, "other", {}, "secret")
    kept = management.routes.create(ANN, {"direction": 1, "system_id": "other", "regex": "^1"})
    inbound = management.routes.create(ANN, {"direction": 2, "system_id": "acme", "regex": "^1"})
    management.routes.replace(ANN, 1, "acme", ROUTES)
    management.routes.replace(ANN, 1, "acme", [{"regex": "^9", "cost": 2.0}, {"source_regex": "x"}])
    rows = management.stores.routes.page(1, "acme", EVERYTHING)
    assert [(each.settings["regex"], each.settings["cost"]) for each in rows] == [("^9", 2.0), (None, 0.0)]
    assert announced.routes[-1] == (["acme"], False)
    with pytest.raises(InvalidValue) as refused:
        management.routes.replace(ANN, 1, "acme", [{"regex": "^1"}, {"regex": "("}])
    assert refused.value.field == "items.1.regex"
    assert len(management.stores.routes.page(1, "acme", EVERYTHING)) == 2
    management.routes.replace(ANN, 1, "acme", [])
    left = management.stores.routes.page(None, None, EVERYTHING)
    assert [each.route_id for each in left] == [kept.route_id, inbound.route_id]


def test_a_router_reads_one_accounts_routes_again(place: Place, management: Management) -> None:
    for system_id in ("acme", "other"):
        management.accounts.create(ANN, system_id, {}, "secret")
    router = DatabaseRouter(DatabaseRoutes(place.database, place.layout))
    assert not router.is_ready("acme")
    router.reload(["acme"])
    assert not router.is_ready("acme")
    router.route_mt("acme", [])
    router._load("acme")
    management.routes.create(ANN, {"direction": 1, "system_id": "acme", "regex": "^46", "smsc_id": "one"})
    assert router._outbound["acme"].routes == []
    router.reload(["acme", "other"])
    assert [each.smsc_id for each in router._outbound["acme"].routes] == ["one"]


def store(place: Place, service: str, sms_type: int, number: int) -> None:
    row: dict[str, Any] = dict.fromkeys(("sms_type", "mclass", "mwi", "coding", "compress"), -1)
    names = {column.name for column in place.layout.tables.store.c if not column.nullable}
    row = dict.fromkeys(names - {"global_id"}, -1)
    row |= {"sms_type": sms_type, "time": 1000 + number, "service": service, "sender": "1", "receiver": "2"}
    place.insert("smpp_store", **row)


def test_what_waits(place: Place, management: Management) -> None:
    for number in range(5):
        store(place, "acme", int(SmsType.MT_PUSH if number % 2 else SmsType.MO), number)
    store(place, "other", int(SmsType.MO), 0)
    assert management.stores.queue.count("acme") == (5, 1000)
    assert management.stores.queue.count("gone") == (0, 0)
    first = management.stores.queue.page("acme", Page(2))
    assert [(each.queue, each.time) for each in first] == [("mo", 1000), ("mt", 1001)]
    rest = management.stores.queue.page("acme", Page(9, [first[-1].row_id]))
    assert [each.time for each in rest] == [1002, 1003, 1004]
    assert management.purge_queue(ANN, "acme") == 5
    assert management.stores.queue.count("acme") == (0, 0)
    assert management.stores.queue.count("other") == (1, 1000)
    assert audit(management)[0] == ("purge", "queue of acme", '{"messages": 5}', '{"messages": 0}')


def test_audit_by_subject_and_user(management: Management) -> None:
    for actor in (ANN, Actor("bén", "::1")):
        for system_id in ("a", "b"):
            management.note(actor, "unbind", f"account {system_id}", {"binds": 2})
    store = management.stores.audit
    assert len(store.page(AuditQuery(EVERYTHING))) == 4
    assert [each.username for each in store.page(AuditQuery(EVERYTHING, subject="account a"))] == [
        "bén",
        "ann",
    ]
    assert [each.subject for each in store.page(AuditQuery(EVERYTHING, username="bén"))] == [
        "account b",
        "account a",
    ]
    newest = store.page(AuditQuery(Page(1)))[0]
    assert [each.subject for each in store.page(AuditQuery(Page(1, [newest.entry_id])))] == ["account a"]


def test_long_values_dont_break_the_audit(management: Management) -> None:
    management.note(ANN, "change", "x" * 500, {"regex": "y" * 70_000})
    [entry] = management.stores.audit.page(AuditQuery(EVERYTHING))
    assert (len(entry.subject), entry.after) == (255, '{"omitted_characters": 70013}')


def test_the_first_changes_at_once(management: Management) -> None:
    """All of them find that the audit has no table yet."""
    greenlets = [gevent.spawn(management.accounts.create, ANN, f"a{number}", {}, "x") for number in range(5)]
    assert sorted(each.get().account.system_id for each in greenlets) == [f"a{number}" for number in range(5)]
    assert len(audit(management)) == 5


def test_a_refusal_costs_no_connection(place: Place, management: Management) -> None:
    management.accounts.create(ANN, "acme", {}, "secret")
    refusals = 0
    for _ in range(3):
        try:
            management.accounts.change(ANN, "acme", {"max_binds": 2}, "old")
        except ChangeRefused:
            refusals += 1
    assert refusals == 3
    assert place.database.meter.available
    assert getattr(place.database, "_generation", 0) == 0


@pytest.mark.integration
@pytest.mark.database
def test_a_database_user_who_may_not_create_tables(mariadb: MariaDB) -> None:
    """Operators read why, and the tables may be made by hand."""
    name = mariadb.create_database()
    owner = MySQLDatabase(mysql_settings(mariadb, name))
    prepare(owner, KsmppdGroup())
    mariadb.create_user("limited", "secret", name, "SELECT, INSERT, UPDATE, DELETE")
    limited = MySQLDatabase(mysql_settings(mariadb, name, username="limited", password="secret"))
    stores = management_stores(limited, describe(limited, KsmppdGroup()))
    management = Management(stores, Recorded(), time)
    with pytest.raises(NotPossible, match=r"the table smpp_audit can't be created: .*denied"):
        management.accounts.create(ANN, "acme", {}, "secret")
    management.note(ANN, "unbind", "bind 4")
    mariadb.script(own_tables.render(DIALECTS["mysql"]), name)
    assert management.accounts.create(ANN, "acme", {}, "secret", 1.0).account.credit == 1.0
    limited.close()
    owner.close()
    mariadb.drop_database(name)
