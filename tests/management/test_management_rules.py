"""The rules of columns: each value that is taken or refused, and the field that is named."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.admin.api import models
from ksmppd_py.management.errors import InvalidValue
from ksmppd_py.management.rules import (
    ACCOUNT_COLUMNS,
    ROUTE_COLUMNS,
    Column,
    check_amount,
    check_columns,
    check_password,
    check_route,
    check_row,
    check_system_id,
    generate_password,
)
from ksmppd_py.storage.schema import OPTIONAL_USER_COLUMNS, SECOND_PASSWORD, SECOND_PASSWORD_UNTIL

TAKEN: list[tuple[str, Any, Any]] = [
    ("throughput", 0, 0.0),
    ("throughput", 99_999, 99_999.0),
    ("default_smsc", None, None),
    ("default_smsc", "", None),
    ("default_smsc", "one", "one"),
    ("default_cost", -0.5, -0.5),
    ("enable_prepaid_billing", True, True),
    ("max_binds", 2**31 - 1, 2**31 - 1),
    ("connect_allow_ip", "10.0.*.*; 192.168.0.0/16,2001:db8::1", "10.0.*.*; 192.168.0.0/16,2001:db8::1"),
    ("connect_allow_ip", "", None),
    ("alt_charset", "ISO-8859-1", "ISO-8859-1"),
    ("switch_dlr_addr", None, None),
    ("switch_dlr_addr", False, False),
    ("max_open_acks", 0, 0),
    ("throughput", 0.00001, 0.00001),
    ("default_cost", 0.1 + 0.2, 0.3),
    ("default_cost", -0.000001, -0.000001),
    ("dlr_err_length", None, None),
    ("dlr_err_length", 0, 0),
    ("dlr_err_length", 16, 16),
]
REFUSED: list[tuple[str, Any]] = [
    ("throughput", -1),
    ("throughput", 100_000),
    ("throughput", math.nan),
    ("throughput", 0.000001),
    ("throughput", True),
    ("throughput", "1"),
    ("throughput", None),
    ("default_smsc", "x" * 65),
    ("default_smsc", "é"),
    ("default_smsc", "a\nb"),
    ("default_smsc", "a "),
    ("default_cost", math.inf),
    ("default_cost", 1e16),
    ("default_cost", 0.0000001),
    ("default_cost", None),
    ("default_cost", False),
    ("enable_prepaid_billing", 1),
    ("max_binds", -1),
    ("max_binds", 2**31),
    ("max_binds", 1.5),
    ("max_binds", True),
    ("connect_allow_ip", "10.0.0.1;x"),
    ("connect_allow_ip", "10.0.0.0/33"),
    ("alt_charset", "klingon"),
    ("alt_charset", "hex"),
    ("switch_dlr_addr", 1),
    ("dlr_err_length", 2),
    ("dlr_err_length", 17),
    ("system_id", "x"),
    ("credit", 1),
    ("password", "x"),
]


@pytest.mark.parametrize(("column", "value", "stored"), TAKEN)
def test_values_of_accounts(column: str, value: Any, stored: Any) -> None:
    assert check_columns(ACCOUNT_COLUMNS, {column: value}) == {column: stored}


@pytest.mark.parametrize(("column", "value"), REFUSED)
def test_wrong_values_of_accounts(column: str, value: Any) -> None:
    with pytest.raises(InvalidValue) as refused:
        check_columns(ACCOUNT_COLUMNS, {column: value})
    assert refused.value.field == column


@pytest.mark.parametrize(
    ("column", "value", "is_right"),
    [
        ("direction", 1, True),
        ("direction", 2, True),
        ("direction", 0, False),
        ("direction", None, False),
        ("system_id", None, True),
        ("system_id", "acme", True),
        ("system_id", "Acme", False),
        ("regex", None, True),
        ("regex", r"^\+46", True),
        ("regex", "^[[:digit:]]{4,6}$", True),
        ("regex", "(", False),
        ("regex", "[a", False),
        ("regex", "*", False),
        ("regex", r"(a)\1", False),
        ("regex", "a{1001}", False),
        ("regex", "x" * 10_001, False),
        ("source_regex", "^ACME$", True),
        ("source_regex", "a{2,1}", False),
        ("cost", 0.5, True),
        ("cost", math.nan, False),
        ("cost", 0.0000001, False),
        ("priority", None, True),
        ("priority", -(2**31) + 1, True),
        ("priority", 2**31, False),
        ("smsc_id", "x" * 65, False),
    ],
)
def test_values_of_routes(column: str, value: Any, is_right: bool) -> None:
    if is_right:
        assert check_columns(ROUTE_COLUMNS, {column: value}) == {column: value}
        return
    with pytest.raises(InvalidValue) as refused:
        check_columns(ROUTE_COLUMNS, {column: value})
    assert refused.value.field == column


def test_a_route_from_nobody() -> None:
    check_route({"direction": 2, "system_id": None})
    with pytest.raises(InvalidValue):
        check_route({"direction": 1, "system_id": None})


@pytest.mark.parametrize("system_id", ["a", "acme", "a.b-c_d", "x" * 15, "1"])
def test_system_ids(system_id: str) -> None:
    assert check_system_id(system_id) == system_id


@pytest.mark.parametrize("system_id", ["", "Acme", "x" * 16, "a b", "a/b", "é", "a\t", "a\0"])
def test_wrong_system_ids(system_id: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        check_system_id(system_id)
    assert refused.value.field == "system_id"


@pytest.mark.parametrize(
    ("password", "warnings"),
    [("x", 0), ("x" * 8, 0), ("x" * 9, 1), ("é" * 4, 0), ("é" * 5, 1), ("x" * 64, 1)],
)
def test_passwords(password: str, warnings: int) -> None:
    assert len(check_password(password)) == warnings


@pytest.mark.parametrize("password", ["", "x" * 65, "é" * 33, "a\nb", "\x7f"])
def test_wrong_passwords(password: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        check_password(password)
    assert refused.value.field == "password"
    assert password[:2] not in str(refused.value) or not password.strip()


def test_generated_passwords() -> None:
    some = {generate_password() for _ in range(100)}
    assert len(some) == 100
    assert all(len(each) == 8 and each.isalnum() and check_password(each) == [] for each in some)


@pytest.mark.parametrize(
    ("amount", "reason", "key", "field"),
    [
        (0, "x", "", "amount"),
        (math.nan, "x", "", "amount"),
        (-math.inf, "x", "", "amount"),
        (1e16, "x", "", "amount"),
        (0.0000001, "x", "", "amount"),
        (1, "", "", "reason"),
        (1, "  ", "", "reason"),
        (1, "a\nb", "", "reason"),
        (1, "x" * 501, "", "reason"),
        (1, "x", "x" * 129, "Idempotency-Key"),
        (1, "x", "é", "Idempotency-Key"),
    ],
)
def test_wrong_amounts(amount: float, reason: str, key: str, field: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        check_amount(amount, reason, key)
    assert refused.value.field == field


def test_amounts() -> None:
    for amount, taken in ((0.000001, 0.000001), (-5, -5), (1e15, 1e15), (12.3456789, 12.345679)):
        assert check_amount(amount, "Rechnung März", "k" * 128) == taken


def test_a_new_row_has_every_column_that_the_table_has() -> None:
    there = {column for column, rule in ACCOUNT_COLUMNS.items() if not rule.is_optional}
    row = check_row(ACCOUNT_COLUMNS, there, {"max_binds": 3}, whole=True)
    assert row.keys() == there
    assert row["max_binds"] == 3
    assert check_row(ACCOUNT_COLUMNS, there, {"alt_charset": None}) == {}
    with pytest.raises(InvalidValue):
        check_row(ACCOUNT_COLUMNS, there, {"alt_charset": "latin-1"})


def checked(columns: Mapping[str, Column], column: str, value: Any) -> tuple[Any, str]:
    """Return the value as it is stored, and the field that was refused."""
    try:
        return check_columns(columns, {column: value})[column], ""
    except InvalidValue as error:
        return None, error.field


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=80)


@given(st.sampled_from(sorted(ACCOUNT_COLUMNS)), SCALARS)
def test_any_value_of_an_account_is_taken_or_refused(column: str, value: Any) -> None:
    stored, field = checked(ACCOUNT_COLUMNS, column, value)
    assert field in ("", column)
    if not field:
        assert checked(ACCOUNT_COLUMNS, column, stored) == (stored, "")


@given(st.sampled_from(sorted(ROUTE_COLUMNS)), SCALARS | st.text("^$()[]{}+*?|\\.a0-", max_size=12))
def test_any_value_of_a_route_is_taken_or_refused(column: str, value: Any) -> None:
    stored, field = checked(ROUTE_COLUMNS, column, value)
    assert field in ("", column)
    if not field:
        assert checked(ROUTE_COLUMNS, column, stored) == (stored, "")


def test_the_api_has_the_same_columns() -> None:
    assert set(models.AccountSettings.model_fields) == set(ACCOUNT_COLUMNS)
    assert set(models.RouteChange.model_fields) == set(ROUTE_COLUMNS)
    assert {**models.Route.model_fields}.keys() == {"route_id", *ROUTE_COLUMNS}
    passwords = {SECOND_PASSWORD, SECOND_PASSWORD_UNTIL}
    optional = {name for name, rule in ACCOUNT_COLUMNS.items() if rule.is_optional} - {"connect_allow_ip"}
    assert optional == OPTIONAL_USER_COLUMNS.keys() - passwords


def test_the_api_has_the_same_defaults() -> None:
    for name, rule in ACCOUNT_COLUMNS.items():
        assert models.AccountSettings.model_fields[name].default == rule.default
