"""Receipts octet by octet for each profile, and the expressions by which other clients read them.

Each golden text is a literal: mask x state x err, with and without TLVs, for both versions of the interface.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime

import pytest

from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.translate import receipt_dates
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.dlr_profile import KANNEL, STANDARD, DlrProfile
from ksmppd_py.translate.receipts import to_deliver_sm

UUID = b"dcd3c2b4-1111-4222-8333-0123456789ab"
K = (
    b"id:"
    + UUID
    + b" sub:001 dlvrd:%b submit date:231114221320 done date:231114221325 stat:%b err:%b text:%b"
)
S = b"id:1000000042 sub:001 dlvrd:%b submit date:2311142213 done date:2311142213 stat:%b err:%b Text:%b"
URLS = {
    "kannel": b"e|1700000000|" + UUID,
    "standard": b"e|1700000000/" + UUID + b"|1000000042",
}
PROFILES = {"kannel": KANNEL, "standard": STANDARD}
SMSC = b"id:7 sub:001 dlvrd:001 submit date:2311142213 done date:2311142213 stat:%b err:%b text:A text of thirty octets"
CUT = {"kannel": b"A text of th", "standard": b"A text of thirty oct"}
IDS = {"kannel": UUID, "standard": b"1000000042"}

# dlr_mask, the SMSC's text (stat, err) or None, meta_data -> dlvrd, stat, err, esm_class, message_state, error code
CASES: list[tuple[int, tuple[bytes, bytes] | None, bytes | None, bytes, bytes, bytes, int, int, bytes]] = [
    (1, None, None, b"001", b"DELIVRD", b"000", 4, 2, b""),
    (1, (b"DELIVRD", b"000"), None, b"001", b"DELIVRD", b"000", 4, 2, b""),
    (1, (b"DELIVRD", b"0"), None, b"001", b"DELIVRD", b"000", 4, 2, b""),
    (2, None, None, b"000", b"UNDELIV", b"000", 4, 5, b""),
    (2, (b"UNDELIV", b"034"), None, b"000", b"UNDELIV", b"034", 4, 5, b"\x03\x00\x22"),
    (2, (b"UNDELIV", b"27"), None, b"000", b"UNDELIV", b"027", 4, 5, b"\x03\x00\x1b"),
    (2, (b"UNDELIV", b"1205"), None, b"000", b"UNDELIV", b"120", 4, 5, b"\x03\x04\xb5"),
    (2, (b"EXPIRED", b"001"), None, b"000", b"EXPIRED", b"001", 4, 3, b"\x03\x00\x01"),
    (2, (b"DELETED", b"002"), None, b"000", b"DELETED", b"002", 4, 4, b"\x03\x00\x02"),
    (2, (b"REJECTD", b"003"), None, b"000", b"REJECTD", b"003", 4, 8, b"\x03\x00\x03"),
    (2, (b"UNKNOWN", b"004"), None, b"000", b"UNKNOWN", b"004", 4, 7, b"\x03\x00\x04"),
    (2, None, b"?smpp?dlr_err=%03%00%22&", b"000", b"UNDELIV", b"034", 4, 5, b"\x03\x00\x22"),
    (4, None, None, b"000", b"ACCEPTD", b"000", 0x20, 6, b""),
    (4, (b"ENROUTE", b"000"), None, b"000", b"ENROUTE", b"000", 0x20, 1, b""),
    (8, None, None, b"000", b"BUFFRED", b"000", 0x20, 1, b""),
    (16, None, None, b"000", b"UNDELIV", b"000", 4, 5, b""),
    (16, (b"REJECTD", b"0x22"), None, b"000", b"REJECTD", b"034", 4, 8, b"\x03\x00\x22"),
    (0x22, None, None, b"000", b"EXPIRED", b"000", 4, 3, b""),
    (0x42, None, None, b"000", b"UNKNOWN", b"000", 4, 7, b""),
    (0, None, None, b"000", b"REJECTD", b"000", 4, 8, b""),
]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    receipt_dates.local_time.cache_clear()
    receipt_dates._local_minute.cache_clear()
    yield
    monkeypatch.undo()
    time.tzset()
    receipt_dates.local_time.cache_clear()
    receipt_dates._local_minute.cache_clear()


def report(name: str, mask: int, text: tuple[bytes, bytes] | None, meta_data: bytes | None) -> Sms:
    return Sms(
        sender=b"12345",
        receiver=b"+491709999999",
        sms_type=int(SmsType.REPORT_MO),
        time=1700000005,
        dlr_mask=mask,
        dlr_url=URLS[name],
        msgdata=None if text is None else SMSC % text,
        meta_data=meta_data,
    )


def golden(name: str, case: int) -> bytes:
    """The literal text of a case."""
    _, text, _, delivered, stat, err, *_ = CASES[case]
    return (K if name == "kannel" else S) % (delivered, stat, err, b"" if text is None else CUT[name])


@pytest.mark.parametrize("case", range(len(CASES)))
@pytest.mark.parametrize("name", PROFILES)
def test_golden_receipts(name: str, case: int) -> None:
    mask, text, meta_data, *_, esm_class, state, code = CASES[case]
    for version in (0x33, 0x34, 0x50):
        for tlvs in (True, False):
            base: DlrProfile = PROFILES[name]
            profile = base if tlvs else replace(base, tlvs=False)
            [pdu] = to_deliver_sm(report(name, mask, text, meta_data), BindOptions(version, profile=profile))
            assert pdu.short_message == golden(name, case)
            assert (pdu.esm_class, pdu.data_coding) == (esm_class, 0)
            ends = (pdu.source_addr, pdu.destination_addr)
            assert ends == ((b"12345", b"491709999999") if name == "kannel" else (b"491709999999", b"12345"))
            wanted = {0x1E: IDS[name] + b"\0", 0x427: bytes((state,))} | ({0x423: code} if code else {})
            assert dict(pdu.tlvs) == (wanted if tlvs and version >= 0x34 else {})


# -- readers ---------------------------------------------------------------------------------------------------------

_CLOUDHOPPER_FIELDS = ("id:", "sub:", "dlvrd:", "submit date:", "done date:", "stat:", "err:", "text:")


def jsmpp(text: str) -> str:
    """jsmpp, DeliveryReceipt.java: attributes cut out by `name:` up to the next blank, dates of 10 or 12 digits."""

    def attribute(name: str) -> str:
        start = text.index(name + ":") + len(name) + 1
        end = text.find(" ", start)
        return text[start : end if end >= 0 else len(text)]

    int(attribute("sub")), int(attribute("dlvrd"))
    for name in ("submit date", "done date"):
        assert len(attribute(name)) in (10, 12)
        datetime.strptime(attribute(name)[:10], "%y%m%d%H%M")
    assert attribute("stat") in STATES
    assert "text:" in text.lower()
    return attribute("id")


def cloudhopper(text: str) -> str:
    """cloudhopper-commons-gsm, DeliveryReceipt.java: fields in lower case, err of at most three, dates of 10 or 12."""
    lower = text.lower()
    places = [lower.index(field) for field in _CLOUDHOPPER_FIELDS]
    assert places == sorted(places)
    values = dict(
        zip(_CLOUDHOPPER_FIELDS, (_up_to_blank(text, lower, f) for f in _CLOUDHOPPER_FIELDS), strict=True)
    )
    assert len(values["err:"]) <= 3
    assert {len(values[date]) for date in ("submit date:", "done date:")} <= {10, 12}
    assert values["stat:"] in STATES
    return values["id:"]


def _up_to_blank(text: str, lower: str, field: str) -> str:
    start = lower.index(field) + len(field)
    return text[start:].partition(" ")[0]


def php_smpp(text: str) -> str:
    """onlinecity/php-smpp, smppdeliveryreceipt.class.php: parseDeliveryReceipt."""
    expression = (
        r"^id:([^ ]+) sub:(\d{1,3}) dlvrd:(\d{3}) submit date:(\d{10,12}) done date:(\d{10,12}) "
        r"stat:([A-Z ]{7}) err:(\d{2,3}) text:(.*)$"
    )
    found = re.match(expression, text, re.IGNORECASE | re.DOTALL)
    assert found is not None
    return found[1]


def jasmin(text: str) -> str:
    """Jasmin, jasmin/protocols/smpp/operations.py: isDeliveryReceipt searches one expression for each word."""
    patterns = [
        r"id:(?P<id>[\dA-Za-z-_]+)",
        r"sub:(?P<sub>\d{1,3})",
        r"dlvrd:(?P<dlvrd>\d{1,3})",
        r"submit date:(?P<sdate>\d+)",
        r"done date:(?P<ddate>\d+)",
        r"stat:(?P<stat>\w{7})",
        r"err:(?P<err>\w{1,3})",
        r"[tT]ext:(?P<text>.*)",
    ]
    found: dict[str, str] = {}
    for pattern in patterns:
        match = re.search(pattern, text)
        assert match is not None, pattern
        found |= match.groupdict()
    assert found["stat"] in STATES
    return found["id"]


def aiosmpplib(text: str) -> str:
    """aiosmpplib 0.7, protocol.py, DeliverSm.parse_receipt: words between `:` and a blank, dates as %y%m%d%H%M."""
    words: dict[str, str] = {}
    rest = text
    while ":" in rest:
        key, _, rest = rest.partition(":")
        if key.lower() == "text":
            words["text"], rest = rest, ""
        else:
            words[key.lower()], _, rest = rest.partition(" ")
    assert [int(words[key]) for key in ("sub", "dlvrd")] in ([1, 1], [1, 0])
    int(words["err"])
    for key in ("submit date", "done date"):
        datetime.strptime(words[key], "%y%m%d%H%M")
    assert words["stat"] in STATES
    return words["id"]


_COLUMNS = (
    *((0, "id:"), (13, " sub:"), (21, " dlvrd:"), (31, " submit date:"), (54, " done date:"), (75, " stat:")),
    *((88, " err:"), (96, " Text:")),
)


def fixed_columns(text: str) -> str:
    """Appendix B of SMPP 3.4: every field at its place, an id of 10, dates of 10, err of 3."""
    for column, word in _COLUMNS:
        assert text[column : column + len(word)] == word
    for start, end in ((3, 13), (18, 21), (28, 31), (44, 54), (65, 75), (93, 96)):
        assert text[start:end].isdecimal()
    assert text[81:88] in STATES
    assert len(text[102:]) <= 20
    return text[3:13]


STATES = {"DELIVRD", "EXPIRED", "DELETED", "UNDELIV", "ACCEPTD", "UNKNOWN", "REJECTD", "ENROUTE", "BUFFRED"}


@pytest.mark.parametrize(
    ("reader", "name"),
    [(reader, name) for reader in (jsmpp, cloudhopper, php_smpp, jasmin) for name in PROFILES]
    + [(aiosmpplib, "standard"), (fixed_columns, "standard")],
)
@pytest.mark.parametrize("case", range(len(CASES)))
def test_readers(reader: Callable[[str], str], name: str, case: int) -> None:
    assert reader(golden(name, case).decode()) == IDS[name].decode()
