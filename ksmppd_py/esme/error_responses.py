"""Operations that this server doesn't perform, and their answers (docs/rules/smpp-session.md 4)."""

from __future__ import annotations

from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import RESPONSE, CommandId, CommandStatus, MessageState
from ksmppd_py.smpp.errors import MalformedPdu, UnknownCommand
from ksmppd_py.smpp.pdus import DataSmResp, Pdu, QuerySmResp, SubmitMultiResp

_UNSUPPORTED: dict[int, int] = {
    CommandId.QUERY_SM: CommandStatus.RQUERYFAIL,
    CommandId.CANCEL_SM: CommandStatus.RCANCELFAIL,
    CommandId.REPLACE_SM: CommandStatus.RREPLACEFAIL,
    CommandId.SUBMIT_MULTI: CommandStatus.RINVCMDID,
}
_SILENT = frozenset({int(CommandId.ALERT_NOTIFICATION)})
_GENERIC_NACK = int(CommandId.GENERIC_NACK)


def refusal_of(
    command_id: int, sequence_number: int, pdu: Pdu | MalformedPdu, may_submit: bool
) -> bytes | None:
    """The answer to a request that isn't carried out, None when it has none (a response, alert_notification)."""
    if isinstance(pdu, UnknownCommand):
        return codec.pack_header_only(_GENERIC_NACK, int(CommandStatus.RINVCMDID), sequence_number)
    if command_id & RESPONSE or command_id in _SILENT:
        return None
    if isinstance(pdu, MalformedPdu):
        return error_response(command_id, sequence_number, int(pdu.command_status))
    if command_id in _UNSUPPORTED:
        status = _UNSUPPORTED[command_id] if may_submit else CommandStatus.RINVBNDSTS
        return error_response(command_id, sequence_number, int(status), getattr(pdu, "message_id", b""))
    return codec.pack_header_only(_GENERIC_NACK, int(CommandStatus.RINVCMDID), sequence_number)


def implied_status(command_id: int) -> int:
    """Return the status to take for a response whose command_status is 0: ESME_RSYSERR for a generic_nack, else 0."""
    return 0 if command_id & ~RESPONSE else int(CommandStatus.RSYSERR)


def error_response(
    command_id: int, sequence_number: int, command_status: int, message_id: bytes = b""
) -> bytes:
    """Return the frame of a response with an error status, with or without a body (D-03)."""
    if command_id == CommandId.QUERY_SM:
        state = int(MessageState.UNKNOWN)
        return codec.pack(QuerySmResp(message_id, message_state=state), sequence_number, command_status)
    if command_id == CommandId.SUBMIT_MULTI:
        return codec.pack(SubmitMultiResp(), sequence_number, command_status)
    if command_id == CommandId.DATA_SM:
        return codec.pack(DataSmResp(), sequence_number, command_status)
    if codec.response_to(command_id) is None:
        return codec.pack_header_only(_GENERIC_NACK, command_status, sequence_number)
    return codec.pack_header_only(command_id | RESPONSE, command_status, sequence_number)
