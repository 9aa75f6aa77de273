"""Files of accounts and routes: values, places of errors, plans."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ksmppd_py.admin.api.models import Account, AccountSettings, Route, RouteSettings, Traffic
from ksmppd_py.tools.ctl.account_transfer import AccountRow
from ksmppd_py.tools.ctl.output import plain
from ksmppd_py.tools.ctl.records import difference
from ksmppd_py.tools.ctl.transfer import read_rows
from tests.tools.ctl.conftest import Ctl, Scripted


def test_values_of_csv_and_json_are_the_same(tmp_path: Path) -> None:
    csv, other, semicolons = tmp_path / "a.csv", tmp_path / "a.json", tmp_path / "b.CSV"
    csv.write_text(
        "\ufeffsystem_id,throughput,enable_prepaid_billing,default_smsc,alt_charset,max_binds,connect_allow_ip\n"
        'acme,5.5,true,,utf-8,,"10.0.0.1;10.0.0.2"\n\n'
    )
    semicolons.write_text(csv.read_text().replace('"10.0.0.1;10.0.0.2"', "'").replace(",", ";"))
    expected = {
        "system_id": "acme",
        "throughput": 5.5,
        "enable_prepaid_billing": True,
        "default_smsc": None,
        "alt_charset": "utf-8",
        "connect_allow_ip": "10.0.0.1;10.0.0.2",
    }
    other.write_text(json.dumps({"items": [{**expected, "max_binds": None}]}))
    [row] = read_rows(str(csv), None, AccountRow)
    assert (row.place, row.values) == (f"{csv}:2", expected)
    [row] = read_rows(str(other), None, AccountRow)
    assert (row.place, row.values) == (f"{other}:item 1", expected)
    [row] = read_rows(str(semicolons), None, AccountRow)
    assert row.values == {**expected, "connect_allow_ip": "'"}


WRONG = {
    "": "f.csv:1: the file is empty",
    "system_id,thruput\n": "f.csv:1: there is no column 'thruput', did you mean throughput?",
    "system_id,throughput,throughput\n": "f.csv:1: the column throughput is there twice",
    "system_id,throughput\nacme\n": "f.csv:2: the row has 1 cells instead of 2",
    "system_id,throughput\nacme,fast\n": "f.csv:2: throughput: Input should be a valid number",
    "system_id,throughput\nacme,1\n,2\n": "f.csv:3: system_id: it is missing",
    "system_id,throughput\nacme,1\nacme,2\n": "f.csv:3: system_id: acme is in the file twice",
    'system_id,throughput\n"acme,1\n': "f.csv:2: unexpected end of data",
    'system_id,default_smsc\nacme,"two\nlines"\nx,1,2\n': "f.csv:4: the row has 3 cells",
    "system_id\nACME\n": "f.csv:2: system_id: ",
    "system_id,password\nacme," + "x" * 65 + "\n": "f.csv:2: password: String should have at most 64",
}


@pytest.mark.parametrize("text", WRONG)
def test_wrong_files(text: str, ctl: Ctl, scripted: Scripted, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text(text)
    ended = ctl("account", "import", str(path), "--yes")
    assert (ended.code, ended.out, scripted.requests) == (2, "", [])
    assert ended.err.startswith(f"ksmppctl: {tmp_path}/{WRONG[text]}")
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"{", "f.json:1: the file is no JSON"),
        (b'[\n{"system_id": "a",}]', "f.json:2: the file is no JSON"),
        (b"7", "f.json:1: the file has no list of objects"),
        (b"[7]", "f.json:1: the file has no list of objects"),
        (b'[{"system_id": "a"}, {"system_id": "b", "x": 1}]', "f.json:item 2: there is no column 'x'"),
        (
            b'[{"system_id": "a", "max_binds": "7"}]',
            "f.json:item 1: max_binds: Input should be a valid integer",
        ),
        (b'[\n{"system_id": "\xff"}]', "f.json:2: the file isn't UTF-8"),
    ],
)
def test_wrong_json(octets: bytes, words: str, ctl: Ctl, tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    path.write_bytes(octets)
    ended = ctl("account", "import", str(path), "--yes")
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert ended.err.count("\n") == 1


def test_every_problem_has_a_line(ctl: Ctl, tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("system_id,throughput,max_binds\na,x,1\nb,1,y\n")
    ended = ctl("account", "import", str(path))
    assert [line.partition("f.csv")[2][:5] for line in ended.err.splitlines()] == [":2: t", ":3: m"]
    assert ended.err.endswith("; nothing was changed\n")


def account(system_id: str, **settings: Any) -> dict[str, Any]:
    """An account as the API shows it."""
    more = {"credit": 1.0, "suspended": False, "password_form": "mysql", "second_password": False}
    values = {
        **AccountSettings().model_dump(),
        **more,
        "system_id": system_id,
        "traffic": Traffic(),
        **settings,
    }
    return Account(**values).model_dump()


def test_plan_of_accounts(ctl: Ctl, scripted: Scripted, tmp_path: Path) -> None:
    present = account("acme", throughput=5, max_binds=2, default_smsc="x")
    scripted.answer(200, {**present, "items": [present, account("same", throughput=7)], "next": None})
    path = tmp_path / "f.csv"
    path.write_text(
        "system_id,throughput,default_smsc,suspended,password\nacme,9,,true,\nsame,7,,,\nnew,1,y,,secret\n"
    )
    ended = ctl("account", "import", str(path), "--dry-run")
    assert ended.out.splitlines() == [
        "account  operation  settings",
        "acme     change     throughput 5 -> 9, default_smsc x -> (none), suspend",
        "new      create     throughput 1, default_smsc y, password",
        "2 of 3 accounts differ",
    ]
    assert "secret" not in ended.out
    assert {method for method, *_ in scripted.requests} == {"GET"}
    as_json = json.loads(ctl("account", "import", str(path), "--dry-run", "--json").out)
    assert [each["operation"] for each in as_json] == ["change", "create"]
    asked = ctl("account", "import", str(path))
    assert (asked.code, asked.err.count("Add --yes")) == (2, 1)


def route(route_id: int, regex: str, **settings: Any) -> dict[str, Any]:
    """A route as the API shows it."""
    values = {**RouteSettings().model_dump(), "direction": 1, "system_id": "acme", "regex": regex, **settings}
    return Route(route_id=route_id, **values).model_dump()


def test_plan_of_routes(ctl: Ctl, scripted: Scripted, tmp_path: Path) -> None:
    present = [
        route(1, "a"),
        route(2, "b", cost=2.0),
        route(3, "kept", system_id="other"),
        route(4, "c", system_id=None),
    ]
    scripted.answer(200, {"items": present, "next": None})
    path = tmp_path / "f.csv"
    path.write_text("direction,system_id,regex,cost\n1,acme,b,2\n1,acme,b,2\n1,,d,\n")
    ended = ctl("route", "import", str(path), "--dry-run")
    assert [line.split() for line in ended.out.splitlines()] == [
        ["account", "direction", "regex", "source_regex", "smsc_id", "cost", "priority"],
        ["acme", "1", "-", "a", "0", "0"],
        ["acme", "1", "+", "b", "2", "0"],
        ["(none)", "1", "+", "d", "0", "0"],
        ["2", "lists", "of", "routes", "differ"],
    ]


def test_nothing_without_a_usable_cost_is_exported_as_free(ctl: Ctl, scripted: Scripted) -> None:
    for group, item in (("route", route(7, "a", cost=None)), ("account", account("a", default_cost=None))):
        scripted.answer(200, {"items": [item], "next": None})
        ended = ctl(group, "export")
        assert (ended.code, ended.out) == (1, "")
        assert "cost is no usable number" in ended.err


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            {"throughput": 5.0, "max_binds": 1, "default_smsc": "x"},
            {"throughput": 7.5, "max_binds": 1, "default_smsc": None},
            "throughput 5 -> 7.5, default_smsc x -> (none)",
        ),
        (None, {"regex": "x", "cost": 0.0, "smsc_id": None}, "regex x"),
        ({"regex": "x", "cost": 2.0}, None, "regex x, cost 2"),
        (None, None, ""),
        (None, "by another\nhand", "by another\\nhand"),
        (None, {"binds": 2}, "binds 2"),
    ],
)
def test_changes_of_the_audit(before: Any, after: Any, words: str) -> None:
    assert difference(before, after) == words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (True, "yes"),
        (5.0, "5"),
        (0.000001, "0.000001"),
        ("a\x1b[2Jb\n", "a\\x1b[2Jb\\n"),
        ("grün", "grün"),
        ({"a": 1}, '{"a": 1}'),
    ],
)
def test_values_in_tables(value: object, text: str) -> None:
    assert plain(value) == text
