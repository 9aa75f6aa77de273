"""What became of messages lately, in bounded memory: what query_sm is answered from."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from ksmppd_py.kannel.messages import DlrMask, Sms
from ksmppd_py.model.names import to_octets

_BOTH_ENDS = int(DlrMask.SUCCESS | DlrMask.FAIL)
_NOT_FINAL = int(DlrMask.BUFFERED | DlrMask.SMSC_SUCCESS)
_SEMICOLON = ord(";")
_LONGEST_TEXT = 200
"""Octets of a report's text that are kept: state and error code stand before."""

# The sender of a message under way; sender, dlr_mask, msgdata, meta_data and time of the report on one that ended.
_Entry: TypeAlias = "bytes | tuple[bytes | None, int, bytes, bytes | None, int] | None"
_Generation: TypeAlias = "dict[bytes, dict[bytes, _Entry]]"


class Report(NamedTuple):
    """A final delivery report, as the bearerbox told it; `time` is epoch seconds."""

    dlr_mask: int
    msgdata: bytes
    meta_data: bytes | None
    time: int


class Remembered(NamedTuple):
    """A message that its next holder has; `report` is its end, None when there was none yet."""

    sender: bytes | None
    report: Report | None


class MessageHistory:
    """The last messages of all accounts, by the id that their ESME knows; at most `most`, at least half of that.

    Those whose end will be reported either way: what nobody reports on would seem to be under way for ever.

    Two generations: when the young one is full it becomes the old one, and the old one is forgotten. So forgetting
    costs nothing, and remembering an entry in a dictionary and no object that the garbage collector looks at (a
    tuple for each message makes submits a quarter slower).
    """

    __slots__ = ("_count", "_half", "_old", "_old_count", "_young")

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._young: _Generation = {}
        self._old: _Generation = {}
        self._count = 0
        self._old_count = 0

    def __len__(self) -> int:
        """Entries made and not yet forgotten."""
        return self._count + self._old_count

    def accepted(self, sms: Sms | None) -> None:
        """The bearerbox or the store has an MT, which is there. Doesn't yield."""
        assert sms is not None
        if sms.dlr_mask & _BOTH_ENDS == _BOTH_ENDS and sms.dlr_mask > 0:
            self._enter(sms.service or b"", sms.id, sms.sender)

    def reported(self, system_id: str, sms: Sms) -> None:
        """A delivery report came; one that isn't final changes nothing. The ids are those in its dlr_url."""
        mask = sms.dlr_mask
        dlr_url = sms.dlr_url
        if dlr_url is None or (mask > 0 and mask & _NOT_FINAL and not mask & ~_NOT_FINAL):
            return
        entry = (sms.sender, mask, (sms.msgdata or b"")[:_LONGEST_TEXT], sms.meta_data, sms.time)
        service, ids = to_octets(system_id), dlr_url[dlr_url.rfind(b"|") + 1 :]
        for message_id in ids.split(b";") if _SEMICOLON in ids else (ids,):
            self._enter(service, message_id, entry)

    def _enter(self, system_id: bytes, message_id: bytes, entry: _Entry) -> None:
        account = self._young.get(system_id)
        if account is None:
            account = self._young[system_id] = {}
        account[message_id] = entry
        self._count += 1
        if self._count >= self._half:
            self._old = self._young if self._half else {}
            self._old_count = self._count if self._half else 0
            self._young = {}
            self._count = 0

    def find(self, system_id: str, message_id: bytes) -> Remembered | None:
        """What is known of a message of this account; None when it is unknown or forgotten."""
        service = to_octets(system_id)
        for generation in (self._young, self._old):
            account = generation.get(service, {})
            if message_id in account:
                entry = account[message_id]
                if isinstance(entry, tuple):
                    return Remembered(entry[0], Report(*entry[1:]))
                return Remembered(entry, None)
        return None
