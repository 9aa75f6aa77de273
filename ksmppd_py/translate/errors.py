"""The error of a translation."""

from __future__ import annotations

from ksmppd_py.errors import PermanentError


class Untranslatable(PermanentError):
    """A message that has no counterpart on the other side.

    `command_status` is the answer to an ESME's PDU (docs/rules/flows.md 1.1). A message from the bearerbox is given up.
    `reason` is for the log.
    """

    def __init__(self, command_status: int, reason: str) -> None:
        super().__init__(f"{reason} (command_status 0x{command_status:02X})")
        self.command_status = command_status
        self.reason = reason
