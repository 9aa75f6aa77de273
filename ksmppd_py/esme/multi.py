"""A submit_multi and the results of its destinations (SMPP 3.4, 4.5)."""

from __future__ import annotations

from collections.abc import Iterable

from ksmppd_py.model.work import Origin, Submit
from ksmppd_py.smpp import codec
from ksmppd_py.smpp.constants import CommandStatus
from ksmppd_py.smpp.destinations import UnsuccessSme
from ksmppd_py.smpp.pdus import SubmitMultiResp
from ksmppd_py.translate.multi import OneOfMany


class ToOneOfMany(Submit):
    """The message to one destination; `whole` is the submit_multi that it belongs to."""

    __slots__ = ("whole",)

    def __init__(self, origin: Origin, pdu: OneOfMany, ordinal: int, whole: WholeMulti) -> None:
        super().__init__(origin, whole.sequence_number, pdu, ordinal)
        self.whole = whole


class WholeMulti:
    """Collects the results of all destinations and makes the response of the last one. All share `message_id`."""

    __slots__ = ("_accepted", "_left", "_refused", "message_id", "octets", "sequence_number")

    def __init__(self, sequence_number: int, message_id: bytes, octets: int) -> None:
        """`octets` is the memory that its TLVs take, once for all destinations."""
        self.sequence_number = sequence_number
        self.message_id = message_id
        self.octets = octets
        self._refused: list[UnsuccessSme] = []
        self._accepted = 0
        self._left = 0

    def submits(self, origin: Origin, pdus: Iterable[OneOfMany], ordinal: int) -> list[Submit]:
        """Return one message for each destination, in their order. Call once."""
        messages: list[Submit] = [ToOneOfMany(origin, pdu, ordinal, self) for pdu in pdus]
        self._left = len(messages)
        return messages

    def destination_settled(self, submit: Submit) -> bytes | None:
        """Note the result of one destination; return the response's frame with the last one, before that None.

        One accepted destination makes it a success with a list of the others. If none was accepted, its status is
        theirs, or ESME_RSUBMITFAIL when they differ.
        """
        pdu, status = submit.pdu, submit.command_status or 0
        if status:
            self._refused.append(
                UnsuccessSme(pdu.dest_addr_ton, pdu.dest_addr_npi, pdu.destination_addr, status)
            )
        else:
            self._accepted += 1
        self._left -= 1
        if self._left:
            return None
        if self._accepted:
            return codec.pack(SubmitMultiResp(self.message_id, self._refused), self.sequence_number)
        statuses = {refused.error_status_code for refused in self._refused}
        common = statuses.pop() if len(statuses) == 1 else int(CommandStatus.RSUBMITFAIL)
        return codec.pack(SubmitMultiResp(b"", self._refused), self.sequence_number, common)
