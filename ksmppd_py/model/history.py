"""The states of recent messages, in bounded memory, for query_sm."""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

from ksmppd_py.kannel.messages import DlrMask, Sms
from ksmppd_py.model.names import to_octets
from ksmppd_py.translate.dlr_url import esme_id, ids_of

_BOTH_ENDS = int(DlrMask.SUCCESS | DlrMask.FAIL)
_NOT_FINAL = int(DlrMask.BUFFERED | DlrMask.SMSC_SUCCESS)
_LONGEST_TEXT = 200
"""Octets of a report's text that are kept; state and error code are at its beginning."""

# The sender of a message in flight; or sender, dlr_mask, msgdata, meta_data and time of the report on an ended one.
_Entry: TypeAlias = "bytes | tuple[bytes | None, int, bytes, bytes | None, int] | None"
_Generation: TypeAlias = "dict[bytes, dict[bytes, _Entry]]"


class Report(NamedTuple):
    """A final delivery report from the bearerbox; `time` is epoch seconds."""

    dlr_mask: int
    msgdata: bytes
    meta_data: bytes | None
    time: int


class Remembered(NamedTuple):
    """A message that its next hop has; `report` is its final report, None when none came yet."""

    sender: bytes | None
    report: Report | None


class MessageHistory:
    """The last messages of all accounts, by the id that their ESME knows; at least `most` / 2, at most `most`.

    Only messages whose end will be reported in either case are kept; others would seem to be in flight for ever.

    There are two generations: when the young one is full it becomes the old one, and the old one is dropped. So
    forgetting costs nothing, and an entry costs one in a dictionary and no object for the garbage collector (a tuple
    for each message makes submits a quarter slower).
    """

    __slots__ = ("_count", "_half", "_old", "_old_count", "_young")

    def __init__(self, most: int) -> None:
        self._half = most // 2
        self._young: _Generation = {}
        self._old: _Generation = {}
        self._count = 0
        self._old_count = 0

    def __len__(self) -> int:
        """Entries that are held."""
        return self._count + self._old_count

    def accepted(self, sms: Sms | None) -> None:
        """Remember an MT that the bearerbox or the store accepted. Doesn't yield."""
        assert sms is not None
        if sms.dlr_mask & _BOTH_ENDS == _BOTH_ENDS and sms.dlr_mask > 0:
            self._enter(sms.service or b"", sms.id, sms.sender)

    def accepted_counted(self, sms: Sms | None) -> None:
        """Do as `accepted`, for an MT whose id towards the ESME is only in its dlr_url. Doesn't yield."""
        assert sms is not None
        if sms.dlr_mask & _BOTH_ENDS == _BOTH_ENDS and sms.dlr_mask > 0:
            self._enter(sms.service or b"", esme_id(sms.dlr_url or b""), sms.sender)

    def reported(self, system_id: str, sms: Sms) -> None:
        """Note a delivery report, for the ids in its dlr_url; one that isn't final changes nothing. Doesn't yield."""
        mask = sms.dlr_mask
        dlr_url = sms.dlr_url
        if dlr_url is None or (mask > 0 and mask & _NOT_FINAL and not mask & ~_NOT_FINAL):
            return
        entry = (sms.sender, mask, (sms.msgdata or b"")[:_LONGEST_TEXT], sms.meta_data, sms.time)
        service = to_octets(system_id)
        for message_id in ids_of(dlr_url):
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
        """Return a message of this account; None when it is unknown or forgotten."""
        service = to_octets(system_id)
        for generation in (self._young, self._old):
            account = generation.get(service, {})
            if message_id in account:
                entry = account[message_id]
                if isinstance(entry, tuple):
                    return Remembered(entry[0], Report(*entry[1:]))
                return Remembered(entry, None)
        return None
