"""Reports that the server makes itself."""

from __future__ import annotations

import pytest

from ksmppd_py.kannel.messages import UNDEFINED, Sms
from ksmppd_py.translate.reports import report_on, wants_failure

MT = Sms(
    sender=b"1",
    receiver=b"2",
    udhdata=b"\x00",
    msgdata=b"Hello",
    service=b"esme",
    id=b"id-of-the-mt",
    sms_type=2,
    dlr_mask=19,
    dlr_url=b"esme|1|id-of-the-mt",
)


@pytest.mark.parametrize("text", [None, b"stat:DELETED err:000 text:"])
def test_a_report_has_the_addresses_and_the_dlr_url_of_its_mt(text: bytes | None) -> None:
    assert report_on(MT, b"own", 5, 2, text) == Sms(
        sender=b"1",
        receiver=b"2",
        msgdata=text,
        time=5,
        service=b"esme",
        id=b"own",
        sms_type=3,
        dlr_mask=2,
        dlr_url=b"esme|1|id-of-the-mt",
    )


@pytest.mark.parametrize(
    ("dlr_mask", "wanted"),
    [(UNDEFINED, False), (0, False), (1, False), (2, True), (4, False), (16, True), (19, True), (-2, False)],
)
def test_a_failure_is_reported_if_it_was_asked_for(dlr_mask: int, wanted: bool) -> None:
    assert wants_failure(Sms(dlr_mask=dlr_mask)) is wanted
