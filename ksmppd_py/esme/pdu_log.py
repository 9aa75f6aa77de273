"""DEBUG lines that describe each PDU received and sent. Nothing is formatted unless DEBUG lines are on."""

from __future__ import annotations

import logging
import struct
from collections.abc import Callable, Sequence

from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import HEADER_LENGTH
from ksmppd_py.smpp.describe import describe, describe_status
from ksmppd_py.smpp.errors import MalformedPdu
from ksmppd_py.smpp.link import Received
from ksmppd_py.smpp.pdus import Pdu

logger = logging.getLogger(__name__)

_HEADER = struct.Struct(">4I")


def is_enabled() -> bool:
    """Whether DEBUG lines of this module are logged."""
    return logger.isEnabledFor(logging.DEBUG)


def log_received(context: object, received: Sequence[Received]) -> None:
    """Log a line for each PDU that was read; `context` is the session."""
    for command_id, command_status, sequence_number, pdu in received:
        _log("Got", context, command_id, command_status, sequence_number, pdu)


def sent_logger(context: object) -> Callable[[bytes], None]:
    """Return a function that logs a line for each frame sent; `context` is the session."""

    def log_sent(frame: bytes) -> None:
        if len(frame) < HEADER_LENGTH:
            return
        _, command_id, command_status, sequence_number = _HEADER.unpack_from(frame)
        try:
            pdu: Pdu | MalformedPdu = codec.unpack_body(command_id, frame, HEADER_LENGTH, len(frame))
        except MalformedPdu as problem:
            pdu = problem
        _log("Sending", context, command_id, command_status, sequence_number, pdu)

    return log_sent


def _log(
    verb: str,
    context: object,
    command_id: int,
    command_status: int,
    sequence_number: int,
    pdu: Pdu | MalformedPdu,
) -> None:
    logger.debug(
        "%s #%d %s: %s",
        verb,
        sequence_number,
        describe_status(command_status),
        f"0x{command_id:08X}, unreadable: {pdu.reason}" if isinstance(pdu, MalformedPdu) else describe(pdu),
        extra={"context": context},
    )
