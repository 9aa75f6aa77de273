"""Profiles: built in, overridden by groups, and resolved for an account."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from ksmppd_py.config import DlrProfileGroup, KsmppdGroup, MessageIdKind
from ksmppd_py.config.dlr_groups import DataCoding1, ReceiptAddresses, TextKey
from ksmppd_py.esme.dlr_profiles import DlrProfiles, resolve
from ksmppd_py.model.account import Account
from ksmppd_py.translate.dlr_profile import KANNEL, STANDARD, DlrProfile, IdForm


def profile_of(account: Account, *groups: DlrProfileGroup, **ksmppd: Any) -> DlrProfile:
    default = ksmppd.pop("default", "kannel")
    return resolve(DlrProfiles(groups, default).of(account), account, KsmppdGroup(**ksmppd))


def test_the_built_in_profiles_are_those_of_the_table() -> None:
    assert (KANNEL.id_form, KANNEL.exchanged, KANNEL.write_date(0)[10:]) == (None, False, b"00")
    assert (KANNEL.err_length, KANNEL.err_missing, KANNEL.text_octets, KANNEL.text_key) == (
        3,
        b"000",
        12,
        b"text:",
    )
    assert (KANNEL.tlvs, KANNEL.data_coding_1_as_gsm) == (True, False)
    assert KANNEL.statuses == (0x0D, 0x0D, 0x45, 0x08, 0x58)
    assert (STANDARD.id_form, STANDARD.exchanged, len(STANDARD.write_date(0))) == (IdForm(10, 10), True, 10)
    assert (STANDARD.err_length, STANDARD.err_missing, STANDARD.text_octets, STANDARD.text_key) == (
        3,
        b"000",
        20,
        b"Text:",
    )
    assert (STANDARD.tlvs, STANDARD.data_coding_1_as_gsm) == (True, False)
    assert STANDARD.statuses == (0x05, 0x0E, 0x45, 0x14, 0x58)


@pytest.mark.parametrize(
    ("key", "value", "field", "result"),
    [
        ("message_id", MessageIdKind.UUID, "id_form", None),
        ("message_id", MessageIdKind.DECIMAL, "id_form", IdForm(10, 10)),
        ("message_id", MessageIdKind.HEX, "id_form", IdForm(16, 16)),
        ("addresses", ReceiptAddresses.SUBMITTED, "exchanged", False),
        ("addresses", ReceiptAddresses.EXCHANGED, "exchanged", True),
        ("err", 16, "err_length", 16),
        ("err_missing", "0", "err_missing", b"0"),
        ("text", 0, "text_octets", 0),
        ("text_key", TextKey.UPPER, "text_key", b"Text:"),
        ("text_key", TextKey.LOWER, "text_key", b"text:"),
        ("tlvs", False, "tlvs", False),
        ("data_coding_1", DataCoding1.GSM, "data_coding_1_as_gsm", True),
        ("data_coding_1", DataCoding1.ASCII, "data_coding_1_as_gsm", False),
    ],
)
@pytest.mark.parametrize("name", ["kannel", "standard", "other"])
def test_a_group_changes_one_thing(name: str, key: str, value: Any, field: str, result: Any) -> None:
    group = DlrProfileGroup(id=name, **{key: value})
    profile = profile_of(Account("a", dlr_profile=name), group)
    base = STANDARD if name == "standard" else KANNEL
    assert getattr(profile, field) == result
    for other in DlrProfile.__dataclass_fields__:
        if other not in (field, "id"):
            assert getattr(profile, other) == getattr(base, other)


@pytest.mark.parametrize(
    ("settings", "date"),
    [
        ({"time_zone": "utc"}, b"231114221320"),
        ({"time_zone": "+05:30"}, b"231115034320"),
        ({"dates": 10, "time_zone": "utc"}, b"2311142213"),
        ({"id": "standard", "time_zone": "utc"}, b"2311142213"),
        ({"id": "standard", "time_zone": "utc", "dates": 12}, b"231114221320"),
    ],
)
def test_dates(settings: dict[str, Any], date: bytes) -> None:
    group = DlrProfileGroup(**{"id": "x", **settings})
    assert profile_of(Account("a", dlr_profile=group.id), group).write_date(1700000000) == date


@pytest.mark.parametrize(
    ("settings", "form"),
    [
        ({"message_id": MessageIdKind.HEX, "message_id_length": 8}, IdForm(16, 8)),
        ({"id": "standard", "message_id_length": 12}, IdForm(10, 12)),
        ({"message_id_length": 12}, None),  # of UUIDs there is no other length
    ],
)
def test_lengths_of_ids(settings: dict[str, Any], form: IdForm | None) -> None:
    group = DlrProfileGroup(**{"id": "x", **settings})
    assert profile_of(Account("a", dlr_profile=group.id), group).id_form == form


@pytest.mark.parametrize(
    ("group", "ksmppd", "account", "exchanged", "length"),
    [
        ({}, {}, {}, False, 3),
        ({}, {"switch_dlr_addr": True, "dlr_err_length": 5}, {}, True, 5),
        ({}, {"switch_dlr_addr": True}, {"switch_dlr_addr": False, "dlr_err_length": 0}, False, 16),
        ({"addresses": ReceiptAddresses.SUBMITTED, "err": 4}, {"switch_dlr_addr": True}, {}, False, 4),
        ({"addresses": ReceiptAddresses.SUBMITTED}, {}, {"switch_dlr_addr": True}, True, 3),
        ({"id": "standard"}, {"dlr_err_length": 5}, {}, True, 3),
        ({"id": "standard"}, {}, {"switch_dlr_addr": False}, False, 3),
    ],
)
def test_columns_come_first_then_the_profile_then_the_keys(
    group: dict[str, Any], ksmppd: dict[str, Any], account: dict[str, Any], exchanged: bool, length: int
) -> None:
    name = group.get("id", "x")
    found = profile_of(
        Account("a", dlr_profile=name, **account), DlrProfileGroup(**{"id": name, **group}), **ksmppd
    )
    assert (found.exchanged, found.err_length) == (exchanged, length)


def test_the_default_is_configured(caplog: pytest.LogCaptureFixture) -> None:
    assert profile_of(Account("a"), default="standard") is STANDARD
    assert not caplog.records


def test_an_unknown_profile_is_the_default_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert profile_of(Account("acme", dlr_profile="nowhere"), default="standard") is STANDARD
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "acme" in record.getMessage()
    assert "'nowhere'" in record.getMessage()


def test_without_a_database_ids_are_uuids(caplog: pytest.LogCaptureFixture) -> None:
    account = Account("acme", dlr_profile="standard")
    profile = resolve(DlrProfiles(counts_ids=False).of(account), account, KsmppdGroup())
    assert (profile.id_form, profile.exchanged) == (None, True)
    assert "need a database" in caplog.text
