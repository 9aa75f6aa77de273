"""What became of messages lately, in bounded memory: what query_sm is answered from."""

from __future__ import annotations

from typing import NamedTuple

from ksmppd_py.kannel.messages import DlrMask, Sms

_NOT_FINAL = int(DlrMask.BUFFERED | DlrMask.SMSC_SUCCESS)
_LONGEST_TEXT = 200
"""Octets of a report's text that are kept: state and error code stand before."""

_Entry = tuple["bytes | None", "bytes | None", int, "Report | None"]


class Report(NamedTuple):
    """A final delivery report, as the bearerbox told it; `time` is epoch seconds."""

    dlr_mask: int
    msgdata: bytes
    meta_data: bytes | None
    time: int


class Remembered(NamedTuple):
    """A message of `system_id` that the next holder has; `report` is its end, None when there was none yet.

    `dlr_mask` is what the ESME asked reports for.
    """

    system_id: bytes | None
    sender: bytes | None
    dlr_mask: int
    report: Report | None


class MessageHistory:
    """The last messages of all accounts, by the id that their ESME knows; at most `most`, at least half of that.

    Two generations: when the young one is full it becomes the old one, and the old one is forgotten. So remembering
    costs one entry in a dictionary, and forgetting nothing.
    """

    __slots__ = ("_half", "_old", "_young")

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._young: dict[bytes, _Entry] = {}
        self._old: dict[bytes, _Entry] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def accepted(self, sms: Sms | None) -> None:
        """The bearerbox or the store has an MT, which is there. Doesn't yield."""
        assert sms is not None
        young = self._young
        young[sms.id] = (sms.service, sms.sender, sms.dlr_mask, None)
        if len(young) >= self._half:
            self._turn()

    def reported(self, system_id: str, sms: Sms) -> None:
        """A delivery report came; one that isn't final changes nothing. The ids are those in its dlr_url."""
        mask = sms.dlr_mask
        dlr_url = sms.dlr_url
        if dlr_url is None or (mask > 0 and mask & _NOT_FINAL and not mask & ~_NOT_FINAL):
            return
        report = Report(mask, (sms.msgdata or b"")[:_LONGEST_TEXT], sms.meta_data, sms.time)
        service = system_id.encode()
        for message_id in dlr_url[dlr_url.rfind(b"|") + 1 :].split(b";"):
            self._young[message_id] = (service, sms.sender, 0, report)
        if len(self._young) >= self._half:
            self._turn()

    def _turn(self) -> None:
        self._old = self._young if self._half else {}
        self._young = {}

    def find(self, message_id: bytes) -> Remembered | None:
        """What is known of a message; None when it is unknown or forgotten."""
        entry = self._young.get(message_id) or self._old.get(message_id)
        return None if entry is None else Remembered(*entry)
