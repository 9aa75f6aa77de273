"""X-KSMPPD-* headers of HTTP routing."""

from __future__ import annotations

import dataclasses
from urllib.parse import unquote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.kannel.messages import SMS_FIELDS, Kind, Sms, SmsType
from ksmppd_py.translate.headers import override, to_headers

ID = b"11111111-2222-4333-8444-555555555555"
MT = Sms(
    sender=b"+491701",
    receiver=b"+4917099",
    msgdata="Hi é".encode(),
    time=1700000000,
    service=b"smppusera",
    id=ID,
    sms_type=SmsType.MT_PUSH,
    coding=0,
    dlr_mask=19,
    dlr_url=b"smppusera|1468405837|" + ID,
    pid=0,
    boxc_id=b"",
    meta_data=b"?smpp?",
)


def test_to_headers() -> None:
    assert to_headers(MT) == [
        ("X-KSMPPD-sender", "%2B491701"),
        ("X-KSMPPD-receiver", "%2B4917099"),
        ("X-KSMPPD-msgdata", "Hi+%C3%A9"),
        ("X-KSMPPD-time", "1700000000"),
        ("X-KSMPPD-service", "smppusera"),
        ("X-KSMPPD-id", ID.decode()),
        ("X-KSMPPD-sms-type", "2"),
        ("X-KSMPPD-coding", "0"),
        ("X-KSMPPD-dlr-mask", "19"),
        ("X-KSMPPD-dlr-url", "smppusera%7C1468405837%7C" + ID.decode()),
        ("X-KSMPPD-pid", "0"),
        ("X-KSMPPD-meta-data", "%3Fsmpp%3F"),
    ]


@pytest.mark.parametrize(
    "name", ["smsc_number", "foreign_id", "service", "account", "charset", "boxc_id", "binfo"]
)
def test_names_are_not_encoded(name: str) -> None:
    """docs/rules/http.md 2.1: text, not URL-encoded text; but for what would be another header, or none."""

    def sent(value: bytes) -> str:
        return dict(to_headers(Sms(**{name: value, "id": ID})))["X-KSMPPD-" + name.replace("_", "-")]

    assert sent(b"user@example.com|a b+c%20") == "user@example.com|a b+c%20"
    assert sent(b"a\r\nX-KSMPPD-Route-Status: 1") == "a%0D%0AX-KSMPPD-Route-Status%3A+1"
    assert (sent(b" a"), sent(b"a "), sent(b"\xe9")) == ("+a", "a+", "%E9")


def _overridden(sms: Sms, *headers: tuple[str, str]) -> Sms:
    copy = dataclasses.replace(sms)
    override(copy, headers)
    return copy


def test_override() -> None:
    changed = _overridden(
        MT,
        ("X-KSMPPD-Route-Status", "1"),
        ("x-ksmppd-SMSC-ID", " other "),
        ("X-KSMPPD-smsc-id", "second"),
        ("X-KSMPPD-Priority", "3rd"),
        ("X-KSMPPD-mclass", "high"),
        ("X-KSMPPD-binfo", ""),
        ("X-KSMPPD-msgdata", "a%20\xe9"),
        ("X-KSMPPD-sender", "Ж"),
    )
    assert changed == dataclasses.replace(
        MT, smsc_id=b"other", priority=3, msgdata=b"a%20\xe9", sender="Ж".encode()
    )


def test_headers_as_a_mapping() -> None:
    changed = dataclasses.replace(MT)
    override(changed, {"X-KSMPPD-SMSC-ID": "a"})
    assert changed.smsc_id == b"a"


def test_octets_by_request() -> None:
    encoded = ("X-KSMPPD-msgdata-encoded", "1")
    assert _overridden(MT, ("X-KSMPPD-msgdata", "a+%00%FF"), encoded).msgdata == b"a \x00\xff"
    assert _overridden(MT, ("X-KSMPPD-udhdata", "%00"), encoded).udhdata == b"%00"


@pytest.mark.parametrize(
    "name", ["sms-type", "id", "dlr-url", "boxc-id", "resend-try", "resend-time", "msg-left"]
)
def test_what_acks_and_reports_need_is_kept(name: str) -> None:
    header = ("X-KSMPPD-" + name, "7")
    assert _overridden(MT, header) == MT
    mo = dataclasses.replace(MT, sms_type=SmsType.MO)
    assert _overridden(mo, header) == mo


def test_each_direction_keeps_its_key() -> None:
    headers = (("X-KSMPPD-Service", "b"), ("X-KSMPPD-SMSC-ID", "c"))
    assert _overridden(MT, *headers) == dataclasses.replace(MT, smsc_id=b"c")
    mo = dataclasses.replace(MT, sms_type=SmsType.MO)
    assert _overridden(mo, *headers) == dataclasses.replace(mo, service=b"b")


_VALUES = {
    Kind.STRING: st.none() | st.binary(max_size=30),
    Kind.INTEGER: st.integers(-(2**31), 2**31 - 1),
    Kind.UUID: st.uuids().map(lambda uuid: str(uuid).encode()),
}


@given(st.builds(Sms, **{name: _VALUES[kind] for name, kind in SMS_FIELDS}))
def test_every_field_can_be_read_from_the_headers(sms: Sms) -> None:
    headers = dict(to_headers(sms))
    for name, kind in SMS_FIELDS:
        value = headers.pop("X-KSMPPD-" + name.replace("_", "-"), None)
        if kind is Kind.INTEGER:
            assert int(value or -1) == getattr(sms, name)
        else:
            plain, decoded = (value or "").encode(), unquote_plus(value or "", "latin-1").encode("latin-1")
            assert (getattr(sms, name) or b"") in (plain, decoded)
        assert value is None or (value.isascii() and value.isprintable())
    assert not headers


@given(
    st.lists(st.tuples(st.sampled_from(["X-KSMPPD-" + name for name, _ in SMS_FIELDS]), st.text(max_size=9)))
)
def test_override_takes_anything(headers: list[tuple[str, str]]) -> None:
    changed = _overridden(MT, *headers)
    assert (changed.id, changed.dlr_url, changed.service) == (MT.id, MT.dlr_url, MT.service)
