"""Every key says whether a reload applies it; changes of all others are reported."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kannel_conf import Change, KeySpec, keys_of
from ksmppd_py.config import Config, Sqlite3Connection, load, restart_changes
from ksmppd_py.config.groups import SINGLE, TYPES

FILE = """
group = ksmppd
auth-method = http
auth-url = http://localhost/

group = smpp-routing
routing-method = http
http-routing-url = http://localhost/

group = http-server
port = 0
password = x

group = bearerbox-connection
host = localhost
port = 13001
"""
MEMBERS = {"ksmppd": "ksmppd", "smpp-routing": "routing", "http-server": "http_server"}
KEYS = [(name, spec) for name, group in SINGLE.items() for spec in keys_of(group)]


@pytest.fixture
def config(tmp_path: Path) -> Config:
    path = tmp_path / "ksmppd.conf"
    path.write_text(FILE)
    return load(str(path))


def changed(config: Config, group: str, attribute: str, value: Any) -> Config:
    member = MEMBERS[group]
    new = replace(getattr(config, member), **{attribute: value})
    return replace(config, **{member: new})


@pytest.mark.parametrize(("group", "spec"), KEYS, ids=[f"{group}: {spec.key}" for group, spec in KEYS])
def test_what_a_reload_does_not_apply_is_told(config: Config, group: str, spec: KeySpec) -> None:
    told = list(restart_changes(config, changed(config, group, spec.attribute, "another value")))
    assert told == ([f"{group}: {spec.key}"] if spec.change is Change.RESTART else [])


def test_no_change_is_told_of_equal_configurations(config: Config) -> None:
    assert list(restart_changes(config, replace(config))) == []


def test_groups_of_a_kind_are_told_as_a_whole(config: Config) -> None:
    other = replace(config, database=Sqlite3Connection(database="x"))
    assert list(restart_changes(config, other)) == ["the database's connection group"]


@pytest.mark.parametrize(
    ("group", "change"),
    [
        ("bearerbox-connection", Change.RELOAD),
        ("smpp-tlv", Change.RELOAD),
        ("ksmppd-plugin", Change.RESTART),
        ("mysql-connection", Change.RESTART),
        ("sqlite3-connection", Change.RESTART),
    ],
)
def test_keys_of_groups_that_are_told_as_a_whole_change_alike(group: str, change: Change) -> None:
    assert {spec.change for spec in keys_of(TYPES[group])} - {Change.NEVER} == {change}
