"""Errors in octets from a peer: answer and go on (MalformedPdu), or close the connection (BrokenFraming)."""

from __future__ import annotations

from ksmppd_py.smpp.constants import CommandStatus


class SmppError(Exception):
    """Base of the errors in octets from a peer."""


class MalformedPdu(SmppError):
    """The body of a whole PDU can't be read; the stream is intact.

    `command_status` is for the response to a request.
    """

    def __init__(self, command_status: CommandStatus, reason: str) -> None:
        super().__init__(reason)
        self.command_status = command_status
        self.reason = reason


class UnknownCommand(MalformedPdu):
    """A command_id that SMPP 3.4 doesn't have: the answer is generic_nack (4.3)."""

    def __init__(self, command_id: int) -> None:
        super().__init__(CommandStatus.RINVCMDID, f"unknown command_id 0x{command_id:08X}")
        self.command_id = command_id


class BrokenFraming(SmppError):
    """An impossible command_length: send generic_nack with number 0 and close (4.3)."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.command_status = CommandStatus.RINVCMDLEN
        self.reason = reason


class BadTime(SmppError):
    """Not a time by 7.1.1; the caller chooses the status for its field, 0x61 or 0x62."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
