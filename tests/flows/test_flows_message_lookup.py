"""query_sm and cancel_sm over ports in memory: what is known, what waits, what may be asked how often."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from ksmppd_py.errors import DatabaseUnavailable
from ksmppd_py.flows.message_lookup import LOOKUPS_PER_SECOND, MessageLookup
from ksmppd_py.kannel.messages import Sms, SmsType
from ksmppd_py.model.history import MessageHistory
from ksmppd_py.model.store import StoredMessage
from ksmppd_py.smpp.constants import CommandStatus, MessageState
from ksmppd_py.smpp.pdus import CancelSm, QuerySm, QuerySmResp
from tests.flows import memory
from tests.flows.memory import NOW, Clock, MemoryStore

ID, OTHER = b"0b45a7a1-3a5f-4f1e-9b7c-2f6f1f0a9d3e", b"11111111-2222-4333-8444-555555555555"
FAILED, THROTTLED, AWAY = CommandStatus.RCANCELFAIL, CommandStatus.RTHROTTLED, CommandStatus.RSYSERR


class Store(MemoryStore):
    """Finds MTs as the tables do."""

    def _mts(self, system_id: str) -> list[StoredMessage]:
        self._check()
        mts = [row for row in self.messages.values() if row.sms and row.sms.sms_type == SmsType.MT_PUSH]
        return [row for row in mts if row.sms and row.sms.service == system_id.encode()]

    def find_mts(self, system_id: str, message_id: bytes, limit: int) -> list[StoredMessage]:
        rows = self._mts(system_id)
        return [row for row in rows if row.sms and (row.sms.dlr_url or b"").endswith(message_id)][:limit]

    def find_mts_between(
        self, system_id: str, sender: bytes, receiver: bytes, limit: int
    ) -> list[StoredMessage]:
        rows = self._mts(system_id)
        return [row for row in rows if row.sms and (row.sms.sender, row.sms.receiver) == (sender, receiver)]

    def delete(self, global_ids: Sequence[int]) -> int:
        self._check()
        self.remove(global_ids)
        return len(global_ids)


class Withdrawals:
    """Rows on their way can't be withdrawn."""

    def __init__(self) -> None:
        self.on_their_way: set[int] = set()
        self.withdrawn: set[int] = set()

    def withdraw(self, row: int) -> bool:
        if row in self.on_their_way:
            return False
        self.withdrawn.add(row)
        return True

    def deleted(self, row: int) -> None:
        assert row in self.withdrawn

    def put_back(self, row: int) -> None:
        self.withdrawn.remove(row)


class LookupBed:
    """MessageLookup and everything around it."""

    def __init__(self, queue: bool = True) -> None:
        self.store, self.rows, self.clock = Store(), Withdrawals(), Clock()
        self.history = MessageHistory(100)
        store = self.store if queue else None
        ids = memory.make_ids()
        self.lookup = MessageLookup(self.history, store, self.rows, ids, self.clock)

    def keep(self, message_id: bytes = ID, dlr_mask: int = 19, **fields: Any) -> int:
        values = {"sender": b"12345", "receiver": b"+491700", "service": b"esme", **fields}
        url = b"esme|%d|%b" % (NOW, message_id)
        [row] = self.store.save([Sms(id=message_id, sms_type=2, dlr_mask=dlr_mask, dlr_url=url, **values)])
        return row

    def query(self, message_id: bytes = ID, source: bytes = b"12345", **fields: Any) -> Any:
        pdu = QuerySm(message_id, source_addr=source, **fields)
        answer = self.lookup.query("esme", pdu)
        return answer.message_state if isinstance(answer, QuerySmResp) else answer

    def cancel(self, message_id: bytes = ID, source: bytes = b"12345", **fields: Any) -> int:
        return self.lookup.cancel("esme", CancelSm(b"", message_id, source_addr=source, **fields))

    @property
    def mts(self) -> int:
        return sum(sms.sms_type == SmsType.MT_PUSH for sms in self.store.saved)


@pytest.fixture
def bed() -> LookupBed:
    return LookupBed()


@pytest.mark.parametrize("asked", [ID, ID.upper()])
def test_the_case_of_an_id_says_nothing(bed: LookupBed, asked: bytes) -> None:
    """As a bearerbox takes it: in memory and in the store alike."""
    row = bed.keep()
    assert bed.query(asked) == MessageState.ENROUTE
    assert bed.cancel(asked) == 0
    assert (bed.mts, row in bed.rows.withdrawn) == (0, True)
    assert bed.query(asked) == MessageState.DELETED
    answer = bed.lookup.query("esme", QuerySm(asked, source_addr=b"12345"))
    assert isinstance(answer, QuerySmResp)
    assert (answer.message_id, answer.final_date) == (asked, b"231114221320000+")


def test_the_source_has_to_match_as_it_was_sent(bed: LookupBed) -> None:
    bed.keep(sender=b"+491701")
    international = {"source_addr_ton": 1, "source": b"491701"}
    assert bed.query(**international) == MessageState.ENROUTE
    assert bed.query(source=b"491701") == CommandStatus.RQUERYFAIL
    assert bed.query(source_addr_ton=1, source=b"letters") == CommandStatus.RQUERYFAIL
    assert bed.cancel(source=b"491701") == FAILED
    assert bed.cancel(source_addr_ton=1, source=b"letters") == FAILED
    assert bed.cancel(**international) == 0


def test_a_cancelled_message_is_reported_to_who_asked_for_failures(bed: LookupBed) -> None:
    for mask, reported in ((19, 1), (18, 1), (1, 0), (0, 0)):
        bed.keep(dlr_mask=mask)
        assert bed.cancel() == 0
        reports = [sms for sms in bed.store.saved if sms.sms_type == SmsType.REPORT_MO]
        assert [report.msgdata for report in reports] == [b"stat:DELETED err:000 text:"] * reported
        bed.store.messages.clear()


def test_cancelling_by_addresses(bed: LookupBed) -> None:
    to = {"message_id": b"", "dest_addr_ton": 1, "destination_addr": b"491700"}
    for binfo in (None, b"VMA", b"VMA"):
        bed.keep(binfo=binfo)
    bed.keep(receiver=b"+491799")
    bed.keep(service=b"other")
    cancel = bed.lookup.cancel
    assert cancel("esme", CancelSm(b"CMT", b"", 0, 0, b"12345", 1, 1, b"491700")) == FAILED
    assert cancel("esme", CancelSm(b"VMA", b"", 0, 0, b"12345", 1, 1, b"491700")) == 0
    assert bed.mts == 3
    assert (bed.cancel(**to), bed.mts) == (0, 2)
    assert (bed.cancel(**to), bed.mts) == (FAILED, 2)
    assert bed.cancel(b"", dest_addr_ton=1, destination_addr=b"letters") == FAILED


def test_what_is_on_its_way_cant_be_cancelled(bed: LookupBed) -> None:
    bed.rows.on_their_way.add(bed.keep())
    assert (bed.cancel(), bed.mts) == (FAILED, 1)
    assert bed.query() == MessageState.ENROUTE


def test_a_failing_store_keeps_the_message(bed: LookupBed) -> None:
    bed.keep()
    bed.store.failure = DatabaseUnavailable("down")
    assert (bed.cancel(), bed.query()) == (AWAY, AWAY)
    bed.store.failure = None
    bed.store.refuses = lambda sms: DatabaseUnavailable("down")  # the report can't be stored
    assert (bed.cancel(), bed.mts, bed.rows.withdrawn) == (AWAY, 1, set())
    assert bed.query() == MessageState.ENROUTE


def test_questions_to_the_store_are_limited_and_those_to_memory_are_not(bed: LookupBed) -> None:
    bed.keep()
    bed.history.accepted(Sms(id=OTHER, service=b"esme", sender=b"12345", dlr_mask=19))
    answers = [bed.query() for _ in range(int(LOOKUPS_PER_SECOND) + 2)]
    assert answers[-2:] == [THROTTLED, THROTTLED]
    assert bed.cancel() == THROTTLED
    assert {bed.query(OTHER) for _ in range(100)} == {MessageState.ENROUTE}
    bed.clock.now += 1
    assert bed.query() == MessageState.ENROUTE


def test_without_a_queue_nothing_can_be_cancelled() -> None:
    bed = LookupBed(queue=False)
    assert (bed.query(), bed.cancel()) == (CommandStatus.RQUERYFAIL, FAILED)
    assert bed.cancel(b"", destination_addr=b"1") == FAILED
