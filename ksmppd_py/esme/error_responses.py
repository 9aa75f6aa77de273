"""Answers that refuse a PDU (docs/rules/smpp-session.md 3 and 4)."""

from __future__ import annotations

from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import RESPONSE, CommandId, CommandStatus, MessageState
from ksmppd_py.smpp.errors import MalformedPdu, UnknownCommand
from ksmppd_py.smpp.pdus import DataSmResp, QuerySmResp, SubmitMultiResp
from ksmppd_py.smpp.session_state import RULES, Unexpected

_STATUSES = {
    Unexpected.INVALID_STATE: int(CommandStatus.RINVBNDSTS),
    Unexpected.ALREADY_BOUND: int(CommandStatus.RALYNBD),
}
_GENERIC_NACK = int(CommandId.GENERIC_NACK)


def malformed_response(command_id: int, sequence_number: int, problem: MalformedPdu) -> bytes | None:
    """Return the frame of the answer to a PDU that can't be read; None when it has none, as responses have none."""
    if isinstance(problem, UnknownCommand):
        return codec.pack_header_only(_GENERIC_NACK, int(CommandStatus.RINVCMDID), sequence_number)
    if RULES[command_id].otherwise is Unexpected.IGNORED:
        return None
    return error_response(command_id, sequence_number, int(problem.command_status))


def unexpected_response(command_id: int, sequence_number: int, message_id: bytes = b"") -> bytes | None:
    """Return the frame of the answer to a PDU that doesn't belong to the session's state; None when it has none.

    `message_id` is that of a query_sm.
    """
    answer = RULES[command_id].otherwise
    if answer is Unexpected.IGNORED:
        return None
    if answer is Unexpected.NACK:
        return codec.pack_header_only(_GENERIC_NACK, int(CommandStatus.RINVCMDID), sequence_number)
    return error_response(command_id, sequence_number, _STATUSES[answer], message_id)


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
