"""Outcomes of deliveries, and the only tables between outcomes or errors and numbers on the wire."""

from __future__ import annotations

from enum import Enum, IntEnum

from ksmppd_py import errors
from ksmppd_py.kannel.messages import AckStatus
from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.translate.dlr_profile import KANNEL_STATUSES, Statuses


class Outcome(IntEnum):
    """The result of a message to an ESME; of several parts the greatest counts (docs/rules/flows.md 4).

    The numbers are internal: no number that a peer sends can become GONE or TIMEOUT.
    """

    DONE = 0
    """Every part was accepted (or dropped on purpose, wait-ack-action 1)."""
    PERMANENT = 1
    """The ESME or a router refused it, or it can't be expressed in SMPP: never again."""
    TEMPORARY = 2
    """The ESME or a back end can't take it now."""
    TIMEOUT = 3
    """No answer in time; the bind is being closed."""
    GONE = 4
    """The bind ended before it answered."""
    NO_RECEIVER = 5
    """No receiving bind with room."""


TEMPORARY_STATUSES = frozenset(
    {CommandStatus.RSYSERR, CommandStatus.RMSGQFUL, CommandStatus.RTHROTTLED, CommandStatus.RX_T_APPN}
)


def of_command_status(command_status: int) -> Outcome:
    """Return the outcome of an ESME's deliver_sm_resp; 0x400-0x4FF (vendor) are temporary (docs/rules/flows.md 4)."""
    if command_status == CommandStatus.ROK:
        return Outcome.DONE
    if command_status in TEMPORARY_STATUSES or 0x400 <= command_status <= 0x4FF:
        return Outcome.TEMPORARY
    return Outcome.PERMANENT


ACK_OF_OUTCOME: dict[Outcome, AckStatus] = {
    Outcome.DONE: AckStatus.SUCCESS,
    Outcome.PERMANENT: AckStatus.FAILED,
    Outcome.TEMPORARY: AckStatus.FAILED_TMP,
    Outcome.TIMEOUT: AckStatus.FAILED_TMP,
    Outcome.GONE: AckStatus.FAILED_TMP,
    Outcome.NO_RECEIVER: AckStatus.FAILED_TMP,
}

_STATUS_OF_ERROR: dict[type[errors.KsmppdError], CommandStatus] = {
    errors.TemporaryError: CommandStatus.RSYSERR,
    errors.DatabaseUnavailable: CommandStatus.RSYSERR,
    errors.BackendUnavailable: CommandStatus.RSYSERR,
    errors.NoBearerbox: CommandStatus.RSYSERR,
    errors.PermanentError: CommandStatus.RSUBMITFAIL,
    errors.MessageTooLong: CommandStatus.RINVMSGLEN,
    errors.NoRoute: CommandStatus.RINVDSTADR,
    errors.SenderRefused: CommandStatus.RINVSRCADR,
    errors.RouteRefused: CommandStatus.RSUBMITFAIL,
}
_REASONS_OF_PROFILES: tuple[tuple[type[errors.KsmppdError], str], ...] = (
    (errors.CreditTooLow, "no_credit"),
    (errors.QueueFull, "queue_full"),
    (errors.Throttled, "throttled"),
)


def command_status_of(error: errors.KsmppdError, statuses: Statuses = KANNEL_STATUSES) -> int:
    """The status with which a submit is refused because of `error`; `statuses` are those of its bind's profile."""
    for kind, reason in _REASONS_OF_PROFILES:
        if isinstance(error, kind):
            return int(getattr(statuses, reason))
    if isinstance(error, errors.RouteRefused) and error.code is not None:
        return error.code
    for kind in type(error).__mro__:  # an error that isn't listed is as its nearest ancestor
        if kind in _STATUS_OF_ERROR:
            return _STATUS_OF_ERROR[kind]
    return CommandStatus.RSYSERR


_STANDARD = frozenset(int(status) for status in CommandStatus if 0 < status < 0x100)


def may_reach_esme(command_status: int) -> bool:
    """Whether an ESME may be sent a status that a router chose: one of SMPP 3.4 or the vendor's range (D-17)."""
    return command_status in _STANDARD or 0x400 <= command_status <= 0x4FF


_REASON_OF_ERROR: dict[type[errors.KsmppdError], str] = {
    errors.KsmppdError: "internal error",
    errors.TemporaryError: "back end unavailable",
    errors.DatabaseUnavailable: "database unavailable",
    errors.NoBearerbox: "no bearerbox",
    errors.QueueFull: "queue full",
    errors.PermanentError: "refused",
    errors.MessageTooLong: "message too long",
    errors.NoRoute: "no route",
    errors.SenderRefused: "sender not allowed",
    errors.RouteRefused: "refused by the router",
    errors.CreditTooLow: "credit too low",
    errors.Throttled: "throughput exceeded",
}


def reason_of(error: errors.KsmppdError) -> str:
    """Return the reason of a refused submit, in fixed words; the text of `error` itself isn't fixed."""
    return next(_REASON_OF_ERROR[kind] for kind in type(error).__mro__ if kind in _REASON_OF_ERROR)


class SubmitResult(Enum):
    """The result of an MT at the bearerboxes; NO_BEARERBOX: none took it, or acked it, in time."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    REFUSED_TEMPORARILY = "refused temporarily"
    NO_BEARERBOX = "no bearerbox"


_RESULT_OF_ACK: dict[int, SubmitResult] = {
    int(AckStatus.SUCCESS): SubmitResult.ACCEPTED,
    int(AckStatus.FAILED): SubmitResult.REFUSED,
    int(AckStatus.FAILED_TMP): SubmitResult.REFUSED_TEMPORARILY,
    int(AckStatus.BUFFERED): SubmitResult.ACCEPTED,
}


def result_of_ack(nack: int) -> SubmitResult:
    """Return what the bearerbox's ack of an MT says (docs/rules/flows.md 1.1); others are temporary refusals."""
    return _RESULT_OF_ACK.get(nack, SubmitResult.REFUSED_TEMPORARILY)


COMMAND_STATUS_OF_RESULT: dict[SubmitResult, int] = {
    SubmitResult.ACCEPTED: CommandStatus.ROK,
    SubmitResult.REFUSED: CommandStatus.RSUBMITFAIL,
    SubmitResult.REFUSED_TEMPORARILY: CommandStatus.RSYSERR,
    SubmitResult.NO_BEARERBOX: CommandStatus.RSYSERR,
}
"""The ESME's answer, where no store takes the message (docs/rules/flows.md 1.1)."""
