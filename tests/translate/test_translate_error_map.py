"""Error maps: the first rule that fits, and one meaning in text, TLVs and query_sm."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ksmppd_py.config.dlr_groups import STATES
from ksmppd_py.kannel.messages import UNDEFINED, Sms, SmsType
from ksmppd_py.kannel.meta_data import set_group
from ksmppd_py.model.history import MessageHistory
from ksmppd_py.smpp.constants import MessageState
from ksmppd_py.smpp.tlvs import TlvTag
from ksmppd_py.translate import receipts, report_text
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.dlr_profile import KANNEL, STANDARD
from ksmppd_py.translate.error_map import ErrorMap, ErrorRule

DLR_URL = b"e|1700000000|dcd3c2b4-1111-4222-8333-0123456789ab"
TEXT = b"id:7 sub:001 dlvrd:000 submit date:2311142213 done date:2311142213 stat:%b err:%b text:Hello"
MEANINGS = {
    "DELIVRD": MessageState.DELIVERED,
    "EXPIRED": MessageState.EXPIRED,
    "DELETED": MessageState.DELETED,
    "UNDELIV": MessageState.UNDELIVERABLE,
    "ACCEPTD": MessageState.ACCEPTED,
    "UNKNOWN": MessageState.UNKNOWN,
    "REJECTD": MessageState.REJECTED,
    "ENROUTE": MessageState.ENROUTE,
}


def report(stat: bytes = b"UNDELIV", err: bytes = b"034", mask: int = 2, **fields: Any) -> Sms:
    known: dict[str, Any] = {
        "sender": b"1",
        "receiver": b"2",
        "sms_type": int(SmsType.REPORT_MO),
        "smsc_id": b"A",
        "dlr_mask": mask,
        "dlr_url": DLR_URL,
        "msgdata": TEXT % (stat, err),
    }
    return Sms(**{**known, **fields})


def words(sms: Sms) -> tuple[bytes, bytes]:
    [pdu] = receipts.to_deliver_sm(sms, BindOptions())
    return pdu.short_message.split(b"stat:")[1][:7], pdu.short_message.split(b"err:")[1].split(b" ")[0]


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (ErrorRule(code=b"034"), True),
        (ErrorRule(code=b"34"), False),
        (ErrorRule(code=b"03*"), True),
        (ErrorRule(code=b"*"), True),
        (ErrorRule(code=b"034*"), True),
        (ErrorRule(code=b"035*"), False),
        (ErrorRule(smsc_id=b"A", code=b"*"), True),
        (ErrorRule(smsc_id=b"B", code=b"*"), False),
        (ErrorRule(if_stat=b"UNDELIV"), True),
        (ErrorRule(if_stat=b"EXPIRED"), False),
        (ErrorRule(if_stat=b"UNDELIV", code=b"035"), False),
    ],
)
def test_rules(rule: ErrorRule, fits: bool) -> None:
    assert (ErrorMap([rule]).apply(report()) is rule) is fits


def test_the_first_rule_that_fits() -> None:
    first, second = ErrorRule(code=b"03*", err=b"1"), ErrorRule(code=b"034", err=b"2")
    sms = report()
    assert ErrorMap([ErrorRule(code=b"9"), first, second]).apply(sms) is first
    assert words(sms) == (b"UNDELIV", b"001")


@pytest.mark.parametrize(
    ("sms", "rule", "result"),
    [
        (report(), ErrorRule(code=b"034", err=b"027"), (b"UNDELIV", b"027")),
        (report(), ErrorRule(code=b"034", stat=b"EXPIRED"), (b"EXPIRED", b"034")),
        (report(mask=1), ErrorRule(code=b"034", stat=b"UNDELIV"), (b"UNDELIV", b"034")),
        (report(), ErrorRule(code=b"034", stat=b"DELIVRD", err=b"000"), (b"DELIVRD", b"000")),
        (report(), ErrorRule(code=b"034", refund=True), (b"UNDELIV", b"034")),
        (report(msgdata=b""), ErrorRule(if_stat=b"UNDELIV", err=b"9"), (b"UNDELIV", b"009")),
        (report(mask=8, msgdata=None), ErrorRule(if_stat=b"ENROUTE", err=b"9"), (b"BUFFRED", b"000")),
        (
            report(msgdata=b"", meta_data=b"?smpp?dlr_err=%03%00%22&"),
            ErrorRule(code=b"34", err=b"5"),
            (b"UNDELIV", b"005"),
        ),
    ],
)
def test_receipts(sms: Sms, rule: ErrorRule, result: tuple[bytes, bytes]) -> None:
    ErrorMap([rule]).apply(sms)
    assert words(sms) == result


def test_the_text_of_the_report_stays() -> None:
    sms = report()
    ErrorMap([ErrorRule(code=b"*", err=b"1")]).apply(sms)
    [pdu] = receipts.to_deliver_sm(sms, BindOptions())
    assert pdu.short_message.endswith(b" text:Hello")


def test_other_groups_and_values_of_meta_data_stay() -> None:
    sms = report(meta_data=b"?orig?a=b&?smpp?dlr_err=%03%00%22&x=1&dlr_stat=EXPIRED&")
    ErrorMap([ErrorRule(code=b"*", err=b"1", stat=b"UNDELIV")]).apply(sms)
    assert sms.meta_data == b"?orig?a=b&?smpp?x=1&"


CODES = st.from_regex(r"[0-9A-Za-z]{1,16}", fullmatch=True).map(str.encode)
WORDS = st.sampled_from([state.encode() for state in STATES])
RULES = st.builds(
    ErrorRule,
    smsc_id=st.sampled_from([b"", b"A", b"B"]),
    code=st.one_of(st.just(b"*"), CODES, st.sampled_from([b"03*", b"34"])),
    if_stat=st.one_of(st.just(b""), WORDS),
    err=st.one_of(st.just(b""), CODES),
    stat=st.one_of(st.just(b""), WORDS),
    refund=st.booleans(),
)
VALUES = st.dictionaries(
    st.sampled_from([b"dlr_err", b"network_error_code", b"dlr_stat", b"x"]),
    st.sampled_from([b"\x03\x00\x22", b"\x03\xff\xff", b"EXPIRED", b"UNDELIV", b"", b"1"]),
)
REPORTS = st.builds(
    lambda stat, err, mask, text, values: report(
        mask=mask,
        msgdata=b"" if not text else TEXT % (stat, err),
        meta_data=set_group(None, "smpp", values) if values else None,
    ),
    WORDS,
    st.one_of(CODES, st.sampled_from([b"000", b"034", b"0x22"])),
    st.sampled_from([UNDEFINED, 0, 1, 2, 4, 8, 16, 0x22, 0x42]),
    st.booleans(),
    VALUES,
)


@given(st.lists(RULES, max_size=4), REPORTS)
def test_all_agree_on_state_and_code(rules: list[ErrorRule], sms: Sms) -> None:
    """Text, message_state, network_error_code, what query_sm answers, and a second reading of the same report."""
    rule = ErrorMap(rules).apply(sms)
    history = MessageHistory(10)
    history.reported("e", sms)
    known = history.find("e", DLR_URL.rpartition(b"|")[2])
    for profile in (KANNEL, STANDARD):
        [pdu] = receipts.to_deliver_sm(sms, BindOptions(profile=profile))
        stat = pdu.short_message.split(b" stat:")[1].split(b" ")[0].decode()
        err = pdu.short_message.split(b" err:")[1].split(b" ")[0]
        state = pdu.tlvs[TlvTag.MESSAGE_STATE][0]
        if stat in MEANINGS:  # BUFFRED is the C daemon's word for ENROUTE
            assert state == MEANINGS[stat]
        if rule is not None and rule.stat:
            assert stat == rule.stat.decode()
        if rule is not None and rule.err:
            assert err == report_text.err_word(rule.err, report_text.number_of(rule.err), 3, None)
            number = report_text.number_of(rule.err)
            code = pdu.tlvs.get(TlvTag.NETWORK_ERROR_CODE)
            assert code == (b"\x03" + number.to_bytes(2, "big") if 0 < number <= 0xFFFF else None)
        if known is not None and known.report is not None:
            values = receipts.smpp_values(known.report.meta_data)
            found, code_read, _ = report_text.read(known.report.msgdata, UNDEFINED, None)
            assert receipts.state_of(known.report.dlr_mask, found, values).message_state == state
            if rule is not None and rule.err:
                assert receipts.error_of(code_read, values)[0] == report_text.number_of(rule.err)
