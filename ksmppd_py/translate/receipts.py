"""Delivery reports -> deliver_sm with the text of appendix B (docs/rules/messages.md 6)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from ksmppd_py.kannel.messages import UNDEFINED, DlrMask, Sms
from ksmppd_py.kannel.meta_data import get_group
from ksmppd_py.smpp.constants import MAX_SHORT_MESSAGE, CommandStatus, MessageState
from ksmppd_py.smpp.pdus import DeliverSm
from ksmppd_py.smpp.tlvs import NO_TLVS, TlvTag
from ksmppd_py.translate import addresses, report_text
from ksmppd_py.translate.bind_options import BindOptions
from ksmppd_py.translate.dlr_url import DlrUrl, parse_dlr_url
from ksmppd_py.translate.errors import Untranslatable
from ksmppd_py.translate.mo import deliver_sm

MAX_MESSAGE_ID = 64
RECEIPT, INTERMEDIATE = 0x04, 0x20  # esm_class, 5.2.12


class State(NamedTuple):
    """The content of a DLR: `stat:` of the text, message_state of the TLV. `final`: no other report follows."""

    stat: bytes
    message_state: MessageState
    final: bool = True
    delivered: bool = False


_DELIVRD = State(b"DELIVRD", MessageState.DELIVERED, delivered=True)
_EXPIRED = State(b"EXPIRED", MessageState.EXPIRED)
_UNDELIV = State(b"UNDELIV", MessageState.UNDELIVERABLE)
_UNKNOWN = State(b"UNKNOWN", MessageState.UNKNOWN)
_REJECTD = State(b"REJECTD", MessageState.REJECTED)
_DELETED = State(b"DELETED", MessageState.DELETED)
_ACCEPTD = State(b"ACCEPTD", MessageState.ACCEPTED, final=False)
_BUFFRED = State(b"BUFFRED", MessageState.ENROUTE, final=False)
_ENROUTE = State(b"ENROUTE", MessageState.ENROUTE, final=False)

_FAILURES = {state.stat: state for state in (_UNDELIV, _EXPIRED, _DELETED, _UNKNOWN, _REJECTD)}
_NOT_YET = {state.stat: state for state in (_ACCEPTD, _ENROUTE)}

_Refinement: TypeAlias = Mapping[bytes, State]

# Event of a DLR, tested in this order -> its state, and words of the SMSC's text that are more exact.
_STATES: tuple[tuple[int, State, _Refinement], ...] = (
    (DlrMask.SUCCESS, _DELIVRD, {}),
    (0x20, _EXPIRED, {}),
    (0x40, _UNKNOWN, {}),
    (DlrMask.FAIL | DlrMask.SMSC_FAIL, _UNDELIV, _FAILURES),
    (DlrMask.BUFFERED, _ACCEPTD, _NOT_YET),
    (DlrMask.SMSC_SUCCESS, _BUFFRED, _NOT_YET),
)


def _event(mask: int) -> tuple[State, _Refinement]:
    for bits, state, words in _STATES:
        if mask & bits:
            return state, words
    return (_UNKNOWN, {}) if mask else (_REJECTD, _FAILURES)


_EVENTS = tuple(map(_event, range(256)))
NO_VALUES: Mapping[bytes, bytes] = {}
_STATE_OCTETS = [bytes((state,)) for state in range(9)]
MAX_NETWORK_ERROR = 0xFFFF
_GSM_NETWORK = b"\x03"
_NO_ERROR = b"000"
# As plain integers: members of an IntEnum are slow keys.
_NETWORK_ERROR_CODE = int(TlvTag.NETWORK_ERROR_CODE)
_MESSAGE_STATE = int(TlvTag.MESSAGE_STATE)
_RECEIPTED_MESSAGE_ID = int(TlvTag.RECEIPTED_MESSAGE_ID)
_USER_MESSAGE_REFERENCE = int(TlvTag.USER_MESSAGE_REFERENCE)


def state_of(dlr_mask: int, stat: bytes, values: Mapping[bytes, bytes]) -> State:
    """Return the state that a DLR reports; `stat` is its text's or empty, `values` are meta_data's group `smpp`."""
    state, refined = _EVENTS[0 if dlr_mask == UNDEFINED else dlr_mask & 0xFF]
    if refined and stat:
        state = refined.get(stat, state)
    if values and values.get(b"dlr_stat") == _EXPIRED.stat:
        return _EXPIRED._replace(delivered=state.delivered)
    return state


def state_of_report(sms: Sms) -> State:
    """Return the state that a DLR reports."""
    values = smpp_values(sms.meta_data) if sms.meta_data else NO_VALUES
    stat = report_text.read(sms.msgdata, sms.coding, None)[0] if sms.msgdata else b""
    return state_of(sms.dlr_mask, stat, values)


def to_deliver_sm(sms: Sms, options: BindOptions) -> list[DeliverSm]:
    """Return the receipts for a DLR, one for each id in its dlr_url, in the form of the bind's profile.

    A report that isn't final goes as an intermediate notification. Raises Untranslatable when no PDU can hold it, or
    when this server didn't make the dlr_url.
    """
    url, profile = parse_dlr_url(sms.dlr_url), options.profile
    source, destination = addresses.source(sms.sender), addresses.destination(sms.receiver)
    if profile.exchanged:
        source, destination = destination, source
    values = smpp_values(sms.meta_data) if sms.meta_data else NO_VALUES
    stat, err, text = (
        report_text.read(sms.msgdata, sms.coding, options.alt_charset, profile.text_octets)
        if sms.msgdata
        else report_text.NOTHING
    )
    state = state_of(sms.dlr_mask, stat, values)
    network_error_code = b""
    if values or (err and err != _NO_ERROR):
        number, network_error_code = error_of(err, values)
        err = report_text.err_word(err, number, profile.err_length, options.alt_charset)
    submitted, done = profile.write_date(url.submit_time), profile.write_date(sms.time)
    esm_class = (RECEIPT if state.final else INTERMEDIATE) | (0x80 if sms.rpi == 1 else 0)
    err, text = err or profile.err_missing, profile.text_key + text
    takes_tlvs = options.takes_tlvs and profile.tlvs
    pdus = []
    for id in url.ids:
        short_message = report_text.write(id, state.delivered, submitted, done, state.stat, err, text)
        if len(short_message) > MAX_SHORT_MESSAGE or 0 in id:
            raise Untranslatable(CommandStatus.RINVMSGID, f"message id {id!r} doesn't fit")
        tlvs = _tlvs(id, state, url, network_error_code, values, options) if takes_tlvs else NO_TLVS
        pdus.append(deliver_sm(sms, source, destination, esm_class, 0, short_message, tlvs))
    return pdus


@lru_cache(maxsize=256)
def smpp_values(meta_data: bytes | None) -> Mapping[bytes, bytes]:
    """Return meta_data's group `smpp`. Cached, because reports repeat the same few strings; most have no such group."""
    if meta_data is None or b"?smpp?" not in meta_data.lower():
        return NO_VALUES
    return get_group(meta_data, "smpp")


def error_of(err: bytes, values: Mapping[bytes, bytes]) -> tuple[int, bytes]:
    """Return a report's error as a number, 0 for none, and as network_error_code (5.3.2.31), empty for none.

    `err` is the text's, which comes first; `values` are meta_data's group `smpp`, whose TLV is passed as it came.
    """
    number = report_text.number_of(err) if err else 0
    code = (values.get(b"network_error_code") or values.get(b"dlr_err") or b"") if values else b""
    if code:
        if not err:
            number = int.from_bytes(values.get(b"dlr_err", b"")[-2:], "big")
        return number, code if len(code) == 3 else b""
    if 0 < number <= MAX_NETWORK_ERROR:
        return number, _GSM_NETWORK + number.to_bytes(2, "big")
    return number, b""


def _tlvs(
    id: bytes,
    state: State,
    url: DlrUrl,
    network_error_code: bytes,
    values: Mapping[bytes, bytes],
    options: BindOptions,
) -> dict[int, bytes]:
    tlvs: dict[int, bytes] = {}
    if network_error_code:
        tlvs[_NETWORK_ERROR_CODE] = network_error_code
    tlvs[_MESSAGE_STATE] = _STATE_OCTETS[state.message_state]
    if len(id) <= MAX_MESSAGE_ID:
        tlvs[_RECEIPTED_MESSAGE_ID] = id + b"\0"
    if url.user_message_reference is not None:
        tlvs[_USER_MESSAGE_REFERENCE] = url.user_message_reference.to_bytes(2, "big")
    if values and options.tlvs.by_name:
        tlvs |= options.tlvs.to_tlvs(values)
    return tlvs
