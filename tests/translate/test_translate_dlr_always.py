"""Reports that only this server asks for: the masks, and the reference that remembers what the ESME asked for."""

from __future__ import annotations

import pytest

from ksmppd_py.kannel.messages import DlrMask, Sms
from ksmppd_py.smpp.pdus import DataSm, SubmitSm
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.dlr_url import asked_of, message_id_of, parse_dlr_url, with_id, with_price
from ksmppd_py.translate.mt import from_data_sm, from_submit_sm
from ksmppd_py.translate.reports import is_unasked, report_on, wants_failure

ID = b"11111111-2222-4333-8444-555555555555"
ALWAYS = BindOptions(dlr_always=True)
REFERENCE = {0x0204: b"\x01\x02"}


def submit(
    registered_delivery: int, options: BindOptions = ALWAYS, service: bytes = b"es.me", **fields: object
) -> Sms:
    pdu = SubmitSm(destination_addr=b"1", registered_delivery=registered_delivery, **fields)  # type: ignore[arg-type]
    return from_submit_sm(pdu, options, service, ID, 1_700_000_000)


@pytest.mark.parametrize("tlvs", [{}, REFERENCE])
@pytest.mark.parametrize(
    ("registered_delivery", "mask", "asked"),
    [(0, 19, 0), (1, 19, None), (2, 19, 18), (3, 19, 1), (0x10, 23, 4), (0x11, 23, None), (0x12, 23, 22)],
)
def test_masks(registered_delivery: int, mask: int, asked: int | None, tlvs: dict[int, bytes]) -> None:
    sms = submit(registered_delivery, tlvs=tlvs)
    assert (sms.dlr_mask, asked_of(sms.dlr_url)) == (mask, asked)
    before = submit(registered_delivery, BindOptions(), tlvs=tlvs)
    assert asked_of(before.dlr_url) is None
    assert sms.dlr_mask & before.dlr_mask == before.dlr_mask
    assert wants_failure(sms) == wants_failure(before)
    for url in (
        sms.dlr_url or b"",
        with_id(sms.dlr_url or b"", ID, b"1234567890"),
        with_price(sms.dlr_url or b"", 1.25),
        with_price(with_id(sms.dlr_url or b"", ID, b"1234567890"), 1.25),
    ):
        assert asked_of(url) == asked
        assert message_id_of(url) == ID
        parsed = parse_dlr_url(url)
        reference = 0x0102 if tlvs else None
        assert parsed[:3] == (b"es.me", 1_700_000_000, reference)


@pytest.mark.parametrize(
    ("registered_delivery", "wanted"),
    [  # of success, failure, expired, unknown, rejected, buffered
        (0, "------"),
        (1, "sfeurb"),  # no reference says so: the bearerbox reports only what it was asked for
        (2, "-feur-"),
        (3, "s-----"),
        (0x10, "-----b"),
        (0x12, "-feurb"),
    ],
)
def test_the_esme_gets_what_it_asked_for(registered_delivery: int, wanted: str) -> None:
    sms = submit(registered_delivery)
    masks = {"s": DlrMask.SUCCESS, "f": DlrMask.FAIL, "e": 0x22, "u": 0x42, "r": 0, "b": DlrMask.BUFFERED}
    passed = "".join("-" if is_unasked(report_on(sms, ID, 0, mask)) else key for key, mask in masks.items())
    assert passed == wanted


@pytest.mark.parametrize(
    "dlr_url",
    [None, b"", b"a.b|1|x", b"a|1.2|x", b"a|1.2.|x", b"a|1.2.999|x", b"a|x..1|x", b"a.1..1|2|x"],
)
def test_other_references_ask_for_all(dlr_url: bytes | None) -> None:
    assert asked_of(dlr_url) is None
    assert not is_unasked(Sms(dlr_url=dlr_url, dlr_mask=1))


def test_a_data_sm_without_a_receipt_may_have_long_addresses() -> None:
    sms = from_data_sm(DataSm(destination_addr=b"1" * 30), ALWAYS, b"esme", ID, 0)
    assert sms.dlr_mask == 19
