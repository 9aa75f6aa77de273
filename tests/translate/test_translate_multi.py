"""submit_multi as one message for each destination: one text for all of them."""

from __future__ import annotations

import pytest

from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.smpp.destinations import DistributionList, SmeAddress
from ksmppd_py.smpp.pdus import SubmitMulti
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.mt import from_submit_sm
from ksmppd_py.translate.multi import OneOfMany, expand, from_one_of_many

TEXT = b"\x05" * 500
"""Two octets each in UTF-8."""


def messages(
    data_coding: int = 0, receivers: tuple[bytes, ...] = (b"491", b"492", b"493")
) -> list[OneOfMany]:
    return expand(
        SubmitMulti(
            source_addr=b"12345",
            dest_addresses=[SmeAddress(1, 1, receiver) for receiver in receivers],
            registered_delivery=1,
            data_coding=data_coding,
            tlvs={0x0424: TEXT},
        ),
        b"shared",
    )


@pytest.mark.parametrize("fields_in_meta_data", [False, True])
@pytest.mark.parametrize("data_coding", [0, 4, 8])
def test_every_destination_is_as_if_it_were_alone_and_shares_the_text(
    data_coding: int, fields_in_meta_data: bool
) -> None:
    options = BindOptions(fields_in_meta_data=fields_in_meta_data)
    made = []
    for number, pdu in enumerate(messages(data_coding)):
        own = b"own%d" % number
        sms = from_one_of_many(pdu, options, b"esme", own, 1000)
        alone = from_submit_sm(pdu, options, b"esme", b"shared", 1000)
        alone.id = b"shared" if pdu.last else own
        assert sms == alone
        sms.smsc_id = own  # what routing adds to one is no other's
        sms.boxc_id = own
        made.append(sms)
    assert [sms.receiver for sms in made] == [b"+491", b"+492", b"+493"]
    assert all(sms.msgdata is made[0].msgdata for sms in made)


def test_options_that_change_between_destinations() -> None:
    first, second, _ = messages()
    gsm, latin = (BindOptions(fields_in_meta_data=True, alt_charset=charset) for charset in (None, "latin-1"))
    assert from_one_of_many(first, gsm, b"esme", b"own", 1000).msgdata == "é".encode() * 500
    assert from_one_of_many(second, latin, b"esme", b"own", 1000).msgdata == TEXT


@pytest.mark.parametrize(
    ("destinations", "status"),
    [
        ([], CommandStatus.RINVNUMDESTS),
        ([SmeAddress(1, 1, b"491")] * 255, CommandStatus.RINVNUMDESTS),
        ([SmeAddress(1, 1, b"491"), DistributionList(b"all")], CommandStatus.RINVDLNAME),
    ],
)
def test_refused_whole(destinations: list[SmeAddress | DistributionList], status: CommandStatus) -> None:
    with pytest.raises(Untranslatable) as refused:
        expand(SubmitMulti(source_addr=b"12345", dest_addresses=destinations), b"shared")
    assert refused.value.command_status == status


def test_a_bad_destination_is_refused_by_itself() -> None:
    first, bad, last = messages(receivers=(b"491", b"", b"493"))
    options = BindOptions()
    from_one_of_many(first, options, b"esme", b"own", 1000)
    with pytest.raises(Untranslatable):
        from_one_of_many(bad, options, b"esme", b"own", 1000)
    assert from_one_of_many(last, options, b"esme", b"own", 1000).receiver == b"+493"
